"""Rules that look at several files: what must be found, and what must not."""

from __future__ import annotations

import pytest

from backend_developer.catalogue import load_catalogue
from backend_developer.core.model import Document, Replacement
from backend_developer.detector import Source
from backend_developer.project.detector import RULES, ProjectDetector
from backend_developer.project.index import Project
from project.support import check, document

UNGUARDED = "security/unguarded-route"
LIMIT = "security/missing-rate-limit"
PIPE = "api-design/unvalidated-body"
OWNER = "security/missing-authorization"
DUPLICATE = "api-design/duplicate-route"
SHADOWED = "api-design/shadowed-route"
SAME_ID = "api-design/duplicate-operation-id"
STYLE = "api-design/inconsistent-path-naming"
UNDESCRIBED = "api-design/undescribed-route"
STATUS = "api-design/status-not-described"
NO_ROUTE = "api-design/operation-without-route"
VERSION = "api-design/unversioned-route"
SINGULAR = "api-design/singular-collection"
VERB = "api-design/verb-in-path"
ERRORS = "api-design/inconsistent-error-format"
INDEX = "performance/missing-index"

GUARDED = """
#- /orders.py
from fastapi import APIRouter, Depends
router = APIRouter(prefix="/orders")
@router.get("/{id}")
def show(id: int, user=Depends(current_user)): ...
@router.post("")
def create(user=Depends(current_user)): ...
@router.put("/{id}")
def change(id: int, user=Depends(current_user)): ...
"""
ROUTER_OF_EXPRESS = """
//- /app.js
const express = require('express');
const app = express();
app.use('/users', require('./users'));
//- /users.js
const router = require('express').Router();
"""
VERSIONED = """
//- /app.js
const express = require('express');
const app = express();
app.get('/v1/users', list);
app.get('/v1/users/:id', show);
app.get('/v1/orders', orders);
app.post('/v1/orders', order);
"""
PLURAL = """
#- /app.py
from flask import Flask
app = Flask(__name__)
@app.get("/users/<int:user_id>")
def user(user_id): ...
@app.get("/orders/<int:order_id>")
def order(order_id): ...
@app.get("/carts/<int:cart_id>")
def cart(cart_id): ...
"""
ERRORS_OF_EXPRESS = """
//- /app.js
const app = require('express')();
app.get('/a', (req, res) => res.status(404).json({ error: 'a' }));
app.get('/b', (req, res) => res.status(404).json({ error: 'b' }));
app.get('/c', (req, res) => res.status(400).json({ error: 'c', code: 7 }));
app.get('/d', (req, res) => res.status(StatusCodes.CONFLICT).send({ error: 'd' }));
"""
DESCRIBED = """
#- /openapi.yaml
openapi: 3.1.0
paths:
  /users:
    get: {responses: {"200": {}}}
    post: {responses: {"200": {}, "409": {}}}
  /users/{id}: {get: {responses: {2XX: {}}}}
#- /app.py
from fastapi import FastAPI
app = FastAPI()
@app.get("/users")
def users(): ...
@app.get("/users/{id}", status_code=203)
def show(id): ...
"""
FOUND = {
    "a route without the version of the others": (
        VERSION,
        VERSIONED
        + """app.get('/invoices', list);
^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/unversioned-route
""",
    ),
    "a collection in the singular among plurals": (
        SINGULAR,
        PLURAL
        + """@app.get("/invoice/<int:invoice_id>")
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/singular-collection
def invoice(invoice_id): ...
""",
    ),
    "a verb in an API of Django": (
        VERB,
        """
#- /urls.py
from django.urls import path
urlpatterns = [
    path("api/users/", users),
    path("api/users/delete/<int:pk>/", remove),
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/verb-in-path
]
""",
    ),
    "an error under another name, in Express": (
        ERRORS,
        ERRORS_OF_EXPRESS
        + """app.post('/e', (req, res) =>
  res.status(409).json({ message: 'e' }));
  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/inconsistent-error-format
""",
    ),
    "an error under another name, in Flask": (
        ERRORS,
        """
#- /app.py
from flask import Flask
import a, b
app = Flask(__name__)
app.register_blueprint(a.bp)
app.register_blueprint(b.bp)
#- /a.py
from flask import Blueprint, jsonify
bp = Blueprint("a", __name__)
@bp.get("/a")
def a(): return jsonify({"error": "no"}), 404
@bp.get("/b")
def b(): return jsonify(error="no", code=3), 400
@bp.get("/c")
def c(): return {"error": "no"}, HTTPStatus.CONFLICT
@bp.get("/d")
def d(): return jsonify({"error": "no"}), 422
#- /b.py
from flask import Blueprint, jsonify
bp = Blueprint("b", __name__)
@bp.get("/e")
def e(): return jsonify({"message": "no"}), 404
                ^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/inconsistent-error-format
@bp.get("/f")
def f(): return jsonify({"message": "yes"}), 200
""",
    ),
    "a body of one's own where others raise, in FastAPI": (
        ERRORS,
        """
#- /a.py
from fastapi import FastAPI, HTTPException
app = FastAPI()
@app.get("/a")
def a(): raise HTTPException(404, "no")
@app.get("/b")
def b(): raise HTTPException(status_code=404, detail="no")
@app.get("/c")
def c(): raise HTTPException(status.HTTP_409_CONFLICT, "no")
@app.get("/d")
def d(): raise HTTPException(409, "no")
@app.get("/e")
def e():
    return JSONResponse({"error": "no"}, status_code=409)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/inconsistent-error-format
""",
    ),
    "a write beside guarded writes": (
        UNGUARDED,
        GUARDED
        + """@router.delete("/{id}")
^^^^^^^^^^^^^^^^^^^^^^^ security/unguarded-route
def remove(id: int): ...
""",
    ),
    "a write on a path whose reading is guarded": (
        UNGUARDED,
        """
//- /users.js
const router = require('express').Router();
router.get('/:id', auth, show);
router.delete('/:id', async (req, res) => {
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ security/unguarded-route
  res.json(await User.remove(req.params.id));
});
""",
    ),
    "a controller without the guard that all others of the application have": (
        UNGUARDED,
        "\n".join(
            f"//- /src/{name}.ts\n@Controller('{name}')\n@UseGuards(JwtGuard)\n"
            f"export class C{name} {{\n  @Post() one() {{}}\n  @Put() two() {{}}\n}}"
            for name in ("a", "b", "c")
        )
        + """
//- /src/d.ts
@Controller('d')
export class D {
  @Post()
  ^^^^^^^ security/unguarded-route
  one() {}
}
""",
    ),
    "a record that is loaded for anybody, beside routes that look at the caller": (
        OWNER,
        """
#- /orders.py
from fastapi import APIRouter, Depends
router = APIRouter(prefix="/orders", dependencies=[Depends(get_current_user)])
@router.get("/{order_id}")
def show(order_id: int, user: User = Depends(get_current_user), db=Depends(get_db)):
    order = db.get(Order, order_id)
    if order.owner_id != user.id:
        raise HTTPException(404)
    return order
@router.put("/{order_id}")
def change(order_id: int, data: Data, user: User = Depends(get_current_user), db=Depends(get_db)):
    return db.query(Order).filter_by(id=order_id, user_id=user.id).update(data.dict())
@router.delete("/{order_id}")
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ security/missing-authorization
def remove(order_id: int, user: User = Depends(get_current_user), db=Depends(get_db)):
    db.delete(db.get(Order, order_id))
""",
    ),
    "a controller that passes the caller on, but not everywhere": (
        OWNER,
        """
//- /notes.controller.ts
@Controller('notes')
@UseGuards(JwtAuthGuard)
export class NotesController {
  @Get(':id')
  show(@Param('id') id: string, @Req() req) {
    return this.notes.findOne(id, req.user.id);
  }
  @Delete(':id')
  ^^^^^^^^^^^^^^ security/missing-authorization
  remove(@Param('id') id: string) {
    return this.notes.remove(id);
  }
}
""",
    ),
    "a handler of another file than its route": (
        OWNER,
        """
//- /routes.js
const router = require('express').Router();
const notes = require('./notes');
router.get('/notes/:id', requireAuth, notes.show);
router.put('/notes/:id', requireAuth, notes.change);
module.exports = router;
//- /notes.js
exports.show = async (req, res) => {
  const note = await Note.findById(req.params.id);
  if (note.author.toString() !== req.user.id) return res.sendStatus(403);
  res.json(note);
};
exports.change = async (req, res) => {
                 ^^^^^^^^^^^^^^^^^^^^^ security/missing-authorization
  res.json(await Note.findByIdAndUpdate(req.params.id, { text: req.body.text }));
};
""",
    ),
    "a login without the limit that other routes have": (
        LIMIT,
        """
//- /app.js
const limiter = require('express-rate-limit')({ max: 5 });
const app = require('express')();
app.post('/orders', limiter, create);
app.post('/login', login);
^^^^^^^^^^^^^^^^^^^^^^^^^ security/missing-rate-limit
""",
    ),
    "a body in a Nest application without a pipe": (
        PIPE,
        """
//- /main.ts
const app = await NestFactory.create(AppModule);
//- /users.controller.ts
@Controller('users')
export class UsersController {
  @Post()
  ^^^^^^^ api-design/unvalidated-body
  create(@Body() body: CreateDto) { return this.users.create(body); }
}
""",
    ),
    "the same path in two routers of one application": (
        DUPLICATE,
        """
#- /main.py
from fastapi import FastAPI
from a import router as a
from b import router as b
app = FastAPI()
app.include_router(a)
app.include_router(b, prefix="/users")
#- /a.py
from fastapi import APIRouter
router = APIRouter()
@router.get("/users/{id}")
def show(id): ...
#- /b.py
from fastapi import APIRouter
router = APIRouter()
@router.get("/{user_id}")
^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/duplicate-route
def get(user_id): ...
""",
    ),
    "the same path twice in one version, in NestJS": (
        DUPLICATE,
        """
//- /orders.controller.ts
@Controller('orders')
export class OrdersController {
  @Version('2')
  @Get(':id')
  first(@Param('id') id: string) {}

  @Version('2')
  @Get(':key')
  ^^^^^^^^^^^^ api-design/duplicate-route
  second(@Param('key') key: string) {}
}
""",
    ),
    "a fixed path after a parameter, in one router": (
        SHADOWED,
        ROUTER_OF_EXPRESS
        + """router.get('/:id', show);
router.get('/me', me);
^^^^^^^^^^^^^^^^^^^^^ api-design/shadowed-route high
""",
    ),
    "a fixed path of a router that is mounted later": (
        SHADOWED,
        """
#- /main.py
from fastapi import FastAPI
import me, users
app = FastAPI()
app.include_router(users.router)
app.include_router(me.router)
#- /me.py
from fastapi import APIRouter
router = APIRouter(prefix="/users/me")
@router.get("")
^^^^^^^^^^^^^^^ api-design/shadowed-route
def me(): ...
#- /users.py
from fastapi import APIRouter
router = APIRouter(prefix="/users")
@router.get("/{id}")
def show(id: str): ...
""",
    ),
    "an operation id of two routes": (
        SAME_ID,
        """
#- /a.py
from fastapi import FastAPI
app = FastAPI()
@app.get("/a", operation_id="list")
def a(): ...
@app.get("/b", operation_id="list")
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/duplicate-operation-id high
def b(): ...
""",
    ),
    "a word in another style": (
        STYLE,
        "//- /a.js\nconst app = require('express')();\n"
        + "".join(f"app.get('/order-{name}', h);\n" for name in "abcdefgh")
        + "app.get('/userProfiles', h);\n"
        + "^^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/inconsistent-path-naming\n",
    ),
    "a route that the description does not name": (
        UNDESCRIBED,
        """
#- /openapi.yaml
openapi: 3.1.0
servers: [{url: "https://example.com/v1"}]
paths:
  /users: {get: {}, post: {}}
  /users/{id}: {get: {}}
#- /app.py
from flask import Flask
app = Flask(__name__)
@app.route("/v1/users", methods=["GET", "POST"])
def users(): ...
@app.get("/v1/users/<int:user_id>")
def show(user_id): ...
@app.delete("/v1/users/<int:user_id>")
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/undescribed-route
def remove(user_id): ...
@app.get("/health")
def health(): ...
""",
    ),
    "a status that the description does not name": (
        STATUS,
        DESCRIBED
        + """@app.post("/users", status_code=201)
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ api-design/status-not-described
def create(): ...
""",
    ),
    "an operation that nothing answers": (
        NO_ROUTE,
        """
#- /openapi.yaml
openapi: 3.1.0
paths:
  /users: {get: {}, post: {}}
  /users/{id}:
    get: {}
    patch: {}
    ^^^^^ api-design/operation-without-route
#- /app.py
from flask import Flask
app = Flask(__name__)
@app.route("/users", methods=["GET", "POST"])
def users(): ...
@app.get("/users/<int:user_id>")
def show(user_id): ...
""",
    ),
    "a column that another file looks rows up by": (
        INDEX,
        """
#- /models.py
class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String)
    ^^^^^^^^^^^^^^^^^^^^^^ performance/missing-index
    is_active = Column(Boolean)
#- /queries.py
from sqlalchemy import select
def find(session, email):
    return session.scalar(select(User).where(User.email == email, User.is_active == True))
""",
    ),
    "a table of migrations that SQL asks": (
        INDEX,
        """
--- /migrations/1.sql
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL);
#- /users.py
def find(db, email):
    return db.fetch("SELECT id FROM users WHERE email = $1", email)
                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ performance/missing-index
""",
    ),
}
QUIET = {
    "a status that the description names": (
        STATUS,
        DESCRIBED
        + """@app.post("/users", status_code=status.HTTP_200_OK)
def create(): ...
""",
    ),
    "what is about the service and no version of its API": (
        VERSION,
        VERSIONED + "app.get('/healthz', ok);\napp.post('/login', logIn);\n",
    ),
    "an application without versions": (VERSION, VERSIONED.replace("/v1", "")),
    "a project that names everything in the singular": (
        SINGULAR,
        PLURAL.replace("s/<", "/<"),
    ),
    "one thing in the singular, and a word before an id that is no collection": (
        SINGULAR,
        PLURAL
        + """@app.get("/profile")
def profile(): ...
@app.get("/users/by/<name>")
def named(name): ...
""",
    ),
    "a page of Django that edits": (
        VERB,
        """
#- /urls.py
from django.urls import path
urlpatterns = [path("users/edit/<int:pk>/", edit), path("api/listings/", listings)]
""",
    ),
    "errors of which none is usual": (
        ERRORS,
        ERRORS_OF_EXPRESS.replace("error: 'a'", "message: 'a'").replace(
            "error: 'b'", "detail: 'b'"
        ),
    ),
    "an application among others that do it otherwise": (
        ERRORS,
        ERRORS_OF_EXPRESS
        + """//- /other.js
const app = require('express')();
app.get('/a', (req, res) => res.status(404).json({ message: 'a' }));
""",
    ),
    "errors that all have one form, and what is none": (
        ERRORS,
        ERRORS_OF_EXPRESS
        + "app.get('/f', (req, res) => res.status(200).json({ message: 'done' }));\n",
    ),
    "what only its author may change, and everybody may read": (
        OWNER,
        """
#- /articles.py
from fastapi import APIRouter, Depends
router = APIRouter(prefix="/articles", dependencies=[Depends(get_current_user)])
@router.get("/{article_id}")
def show(article_id: int, db=Depends(get_db)):
    return db.get(Article, article_id)
@router.put("/{article_id}")
def change(article_id: int, user: User = Depends(get_current_user), db=Depends(get_db)):
    return db.query(Article).filter_by(id=article_id, author_id=user.id).one()
""",
    ),
    "records that belong to nobody": (
        OWNER,
        """
#- /products.py
from fastapi import APIRouter, Depends
router = APIRouter(prefix="/products", dependencies=[Depends(get_current_user)])
@router.get("/{product_id}")
def show(product_id: int, db=Depends(get_db)):
    return db.get(Product, product_id)
@router.get("/{product_id}/reviews")
def reviews(product_id: int, db=Depends(get_db)):
    return db.query(Review).filter_by(product_id=product_id).all()
""",
    ),
    "a dependency that loads the caller's own, and routes for administrators": (
        OWNER,
        """
#- /orders.py
from fastapi import APIRouter, Depends
router = APIRouter(prefix="/orders", dependencies=[Depends(get_current_user)])
@router.get("/{order_id}")
def show(order_id: int, user: User = Depends(get_current_user), db=Depends(get_db)):
    return db.query(Order).filter_by(id=order_id, owner_id=user.id).one()
@router.put("/{order_id}")
def change(data: Data, order: Order = Depends(own_order)):
    return order.change(data)
@router.delete("/{order_id}", dependencies=[Depends(require_admin)])
def remove(order_id: int, db=Depends(get_db)):
    db.delete(db.get(Order, order_id))
@router.post("/{order_id}/pay")
def pay(order_id: int, user: User = Depends(get_current_user), db=Depends(get_db)):
    return payments.pay(db, load_order(db, order_id, user))
""",
    ),
    "users, of whom each record is one": (
        OWNER,
        """
//- /users.js
const router = require('express').Router();
router.get('/users/:id', requireAuth, async (req, res) => {
  const user = await User.findById(req.params.id);
  res.json(user.id === req.user.id ? user : user.shown());
});
router.get('/users/:id/posts', requireAuth, async (req, res) => {
  res.json(await Post.find({ author: req.params.id }));
});
module.exports = router;
""",
    ),
    "a route that is meant to be open": (
        UNGUARDED,
        GUARDED
        + """@router.post("/webhooks/stripe")
def paid(): ...
@router.delete("/{id}")
def remove(id: int, request: Request):
    if not request.headers.get("x-api-key"): raise HTTPException(401)
""",
    ),
    "reading that is open where only writing is guarded": (
        UNGUARDED,
        GUARDED.replace("def show(id: int, user=Depends(current_user))", "def show(id: int)"),
    ),
    "guards of the router, of its mount and of what is injected": (
        UNGUARDED,
        """
#- /main.py
from fastapi import FastAPI, Depends
import a, b
app = FastAPI()
app.include_router(a.router, dependencies=[Depends(verify_token)])
app.include_router(b.router)
#- /a.py
from fastapi import APIRouter
router = APIRouter(prefix="/a")
@router.post("")
def one(): ...
@router.put("", dependencies=[Depends(require_admin)])
def two(): ...
#- /b.py
from fastapi import APIRouter, Depends
router = APIRouter(prefix="/b")
def owned(user=Depends(current_user)): ...
@router.post("")
def one(it=Depends(owned)): ...
@router.put("", dependencies=[Depends(require_admin)])
def two(): ...
@router.patch("", dependencies=[Depends(require_admin)])
def three(): ...
""",
    ),
    "a project without guards": (
        UNGUARDED,
        "#- /a.py\nfrom flask import Flask\napp = Flask(__name__)\n"
        + "".join(f"@app.post('/{name}')\ndef {name}(): ...\n" for name in "abcdefg"),
    ),
    "a project without a limiter, and one that limits everything": (
        LIMIT,
        """
//- /app.js
const app = require('express')();
app.post('/login', login);
""",
    ),
    "a limit on the whole router": (
        LIMIT,
        """
//- /app.js
const app = require('express')();
app.use(require('express-rate-limit')({ max: 5 }));
const limiter = rateLimit();
app.use(limiter);
app.post('/login', login);
""",
    ),
    "a body in a Nest application with a pipe": (
        PIPE,
        """
//- /main.ts
const app = await NestFactory.create(AppModule);
app.useGlobalPipes(new ValidationPipe());
//- /users.controller.ts
@Controller('users')
export class UsersController {
  @Post()
  create(@Body() body: CreateDto) { return this.users.create(body); }
}
""",
    ),
    "two versions of one path, in NestJS": (
        DUPLICATE,
        """
//- /orders.controller.ts
@Controller('orders')
export class OrdersController {
  @Version('1')
  @Get(':id')
  first(@Param('id') id: string) {}

  @Version('2')
  @Get(':id')
  second(@Param('id') id: string) {}
}
""",
    ),
    "the same path in two applications": (
        DUPLICATE,
        "\n".join(
            f"#- /{name}.py\nfrom flask import Flask\napp = Flask(__name__)\n"
            "@app.get('/health')\ndef health(): ..."
            for name in "ab"
        ),
    ),
    "the fixed path first, a narrow parameter, and Flask, which sorts its routes": (
        SHADOWED,
        """
//- /app.js
const app = require('express')();
app.get('/users/me', me);
app.get('/users/:id', show);
app.get('/orders/:id(\\\\d+)', order);
app.get('/orders/open', open);
app.get('/a/:id/', a);
app.get('/b/c', c);
#- /app.py
from flask import Flask
app = Flask(__name__)
@app.get("/users/<id>")
def show(id): ...
@app.get("/users/me")
def me(): ...
""",
    ),
    "no usual style": (
        STYLE,
        "//- /a.js\nconst app = require('express')();\n"
        + "".join(
            f"app.get('/order-{name}', h);\napp.get('/order_{name}', h);\n" for name in "abcdef"
        ),
    ),
    "a description of something else": (
        UNDESCRIBED,
        """
#- /openapi.yaml
openapi: 3.1.0
paths:
  /pets: {get: {}, post: {}}
  /pets/{id}: {get: {}}
  /users: {get: {}}
#- /app.py
from flask import Flask
app = Flask(__name__)
@app.get("/users")
def users(): ...
@app.get("/orders")
def orders(): ...
""",
    ),
    "a column that an index of a migration begins with, one of few values, a narrowed query": (
        INDEX,
        """
#- /models.py
class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String)
    status = Column(String)
    team_id = Column(ForeignKey("teams.id"), index=True)
    name = Column(String)
#- /versions/1.py
from alembic import op
def upgrade():
    op.create_index("ix", "users", ["email", "name"])
#- /queries.py
from sqlalchemy import select
select(User).where(User.email == email)
select(User).where(User.status == "open")
select(User).where(User.team_id == 1, User.name == name)
select(User).where(User.id == 1)
""",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_is_found(name: str) -> None:
    rule, text = FOUND[name]
    assert f" {rule}" in text
    check(text, rule)


@pytest.mark.parametrize("name", QUIET)
def test_is_quiet(name: str) -> None:
    rule, text = QUIET[name]
    check(text, rule)


def test_every_rule_has_cases_and_a_page() -> None:
    catalogue = load_catalogue().rules
    assert set(RULES) <= set(catalogue)
    assert {rule for rule, _ in FOUND.values()} == set(RULES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Column(String)", "Column(String, index=True)"),
        ("mapped_column()", "mapped_column(index=True)"),
        ("Column(\n        String,\n    )", "Column(\n        String, index=True\n    )"),
    ],
)
def test_an_index_is_offered(before: str, after: str) -> None:
    code = f"class User(Base):\n    __tablename__ = 'users'\n    email = {before}\n"
    code += "def f(): return session.query(User).filter(User.email == 1)\n"
    source = Source(document("/app.py", code))
    [[proposal]] = ProjectDetector(lambda path: Project()).find([source], frozenset({INDEX}))
    assert proposal.fix
    assert proposal.fix.needs == "migration"
    [edit] = proposal.fix.edits
    assert isinstance(edit, Replacement)
    assert after in code[: edit.span.start] + edit.new + code[edit.span.end :]


def test_a_test_has_no_place_in_the_project() -> None:
    text = "from flask import Flask\napp = Flask(__name__)\n@app.get('/a')\ndef a(): ...\n"
    detector = ProjectDetector(lambda path: Project())
    one = Document("file:///tests/test_a.py", "/tests/test_a.py", "python", text + text)
    assert detector.learn(one) is None
    assert detector.find([Source(one)], frozenset(RULES)) == [[]]
