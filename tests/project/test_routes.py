"""Routes and their guards, whole paths included, as they follow from all files of a project."""

from __future__ import annotations

import pytest

from project.support import facts, routes

CASES = {
    "FastAPI: routers of other modules, a re-export, guards of parameters and mounts": (
        """
#- /app/main.py
from fastapi import FastAPI
from app.routers import users, items as things
from .api import api_router
app = FastAPI()
app.include_router(users.router, prefix="/api")
app.include_router(things.router, dependencies=[Depends(get_token_header)])
app.include_router(api_router, prefix="/v2")
#- /app/routers/users.py
from fastapi import APIRouter
from ..deps import get_owned
router = APIRouter(prefix="/users")
@router.get("/{id}")
def show(id: int, item=Depends(get_owned)): ...
@router.post("/")
def create(user: Annotated[User, Security(get_current_user, scopes=["write"])]): ...
@router.get("", dependencies=[Depends(get_db)])
def all(): ...
#- /app/routers/items.py
from fastapi import APIRouter
router = APIRouter(prefix="/items")
@router.api_route("/{id:path}", methods=["GET", "HEAD"])
def show(id: str): ...
#- /app/deps.py
from fastapi import Depends
def get_owned(user=Depends(get_current_user)): ...
#- /app/api/__init__.py
from .v1 import router as api_router
#- /app/api/v1.py
from fastapi import APIRouter
router = APIRouter()
@router.delete("/x/{id}")
def remove(id: int): ...
""",
        [
            "DELETE /v2/x/{id}",
            "GET /items/{id} get_token_header",
            "HEAD /items/{id} get_token_header",
            "GET /api/users/{id} get_owned",
            "POST /api/users/ get_current_user",
            "GET /api/users",
        ],
    ),
    "Flask: blueprints, their own prefix and that of their registration, hooks": (
        """
#- /shop/__init__.py
from flask import Flask
def create_app():
    app = Flask(__name__)
    from .auth import bp as auth_bp
    from . import blog
    app.register_blueprint(auth_bp)
    app.register_blueprint(blog.bp, url_prefix="/blog")
#- /shop/auth.py
from flask import Blueprint
bp = Blueprint("auth", __name__, url_prefix="/auth")
@bp.route("/login", methods=["GET", "POST"])
def login(): ...
@bp.route("/me")
@login_required
def me(): ...
#- /shop/blog.py
from flask import Blueprint
bp = Blueprint("blog", __name__, url_prefix="/replaced")
@bp.before_request
@admin_required
def before(): ...
@bp.get("/<int:id>")
def show(id): ...
""",
        [
            "GET /auth/login",
            "POST /auth/login",
            "GET /auth/me login_required",
            "GET /blog/{id} admin_required",
        ],
    ),
    "Django: included modules, views of other files, REST framework's view sets and defaults": (
        """
#- /site/settings.py
import django
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
#- /site/urls.py
from django.urls import include, path
urlpatterns = [path("admin/", admin.site.urls), path("api/", include("shop.urls"))]
#- /shop/urls.py
from django.urls import include, path, re_path
from . import views
from .views import OrderList, Open
router = DefaultRouter()
router.register("users", views.UserViewSet)
urlpatterns = [
    path("", include(router.urls)),
    path("orders/<int:pk>/", OrderList.as_view()),
    path("open", Open.as_view()),
    re_path(r"^files/(?P<slug>[-a-z]+)/$", views.file),
]
#- /shop/views.py
from rest_framework import viewsets
class UserViewSet(viewsets.ModelViewSet):
    permission_classes = [IsOwner]
class OrderList(ListCreateAPIView):
    pass
class Open(APIView):
    permission_classes = [AllowAny]
    def get(self, request): ...
@login_required
def file(request, slug): ...
""",
        [
            "GET, POST /api/users/ IsOwner, IsAuthenticated",
            "GET, PUT, PATCH, DELETE /api/users/{pk}/ IsOwner, IsAuthenticated",
            "GET, POST /api/orders/{pk}/ IsAuthenticated",
            "GET /api/open public",
            "ANY /api/files/{slug}/ login_required",
        ],
    ),
    "Express: modules, middleware in its order, chains, handlers of other files": (
        """
//- /s/app.js
const express = require('express');
const users = require('./routes/users');
const { orders } = require('./routes');
const app = express();
app.use('/users', users);
app.use('/orders', requireAuth, orders);
require('./routes/legacy')(app);
//- /s/routes/index.js
exports.orders = require('./orders');
//- /s/routes/users.js
const router = require('express').Router();
const c = require('../controllers/users');
router.get('/', c.list);
router.get('/:id(\\\\d+)', c.show);
router.use(passport.authenticate('jwt'));
router.route('/:id/posts').get(c.posts).post(hasRole('admin'), asyncHandler(c.post));
module.exports = router;
//- /s/routes/orders.js
const { Router } = require('express');
const orders = Router();
orders.post('/', async (req, res) => { res.json({}) });
module.exports = orders;
//- /s/routes/legacy.js
module.exports = function (app) {
  app.get('/old', (req, res) => res.send('x'));
};
//- /s/controllers/users.js
exports.show = async (req, res) => { if (!req.user) return res.status(401).end(); };
""",
        [
            "GET /old",
            "POST /orders requireAuth",
            "GET /users",
            "GET /users/{id} its own check",
            "GET /users/{id}/posts passport.authenticate",
            "POST /users/{id}/posts hasRole, passport.authenticate",
        ],
    ),
    "NestJS: controllers, guards of class and method, the global prefix": (
        """
//- /n/src/main.ts
const app = await NestFactory.create(AppModule);
app.setGlobalPrefix('api');
//- /n/src/users.controller.ts
@Controller('users')
@UseGuards(JwtAuthGuard)
export class UsersController {
  @Get(':id') find(@Param('id') id: string) { return 1; }
  @Public() @Post() create() {}
  @Delete(':id') @UseGuards(RolesGuard) remove() {}
}
""",
        [
            "GET /api/users/{id} JwtAuthGuard",
            "POST /api/users JwtAuthGuard",
            "DELETE /api/users/{id} RolesGuard, JwtAuthGuard",
        ],
    ),
    "Fastify and Koa: plugins with a prefix, hooks, a router's own prefix": (
        """
//- /f/app.ts
import Fastify from 'fastify';
import users from './users';
const app = Fastify();
app.register(users, { prefix: '/users' });
//- /f/users.ts
export default async function (fastify: FastifyInstance) {
  fastify.get('/open', async () => 1);
  fastify.addHook('preHandler', authenticate);
  fastify.get('/:id', { schema: {} }, async (request, reply) => 1);
  fastify.route({ method: ['GET', 'HEAD'], url: '/all', handler: show });
}
//- /k/app.js
const Router = require('koa-router');
const router = new Router({ prefix: '/k' });
router.get('/x', jwt, async (ctx) => {});
""",
        [
            "GET /users/open",
            "GET /users/{id} authenticate",
            "GET /users/all authenticate",
            "HEAD /users/all authenticate",
            "GET /k/x jwt",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_routes(name: str) -> None:
    text, expected = CASES[name]
    assert routes(text) == expected


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/a.js", "axios.get('/users', options); cache.get('/x', load); app.get('trust proxy');"),
        ("/a.py", "import requests\nrequests.get('/users')\n@cache.get('x')\ndef f(): ...\n"),
        ("/a.py", "from fastapi import FastAPI\n@pytest.mark.get\ndef f(): ...\n"),
        ("/a.ts", "class X { get(path: string) {} }\nnew X().get('/a', () => 1);"),
    ],
)
def test_what_only_looks_like_a_route(path: str, code: str) -> None:
    assert facts(code, path).routes == ()


@pytest.mark.parametrize(
    "code",
    [
        "@app.get(\ndef f(",
        "app = FastAPI(\n@app.get('/x'",
        "class A(Base):\n  x = Column(",
        "\r\r\n",
    ],
)
@pytest.mark.parametrize("path", ["/a.py", "/a.ts", "/a.js", "/a.sql", "/a.prisma", "/a.yaml"])
def test_a_file_that_is_being_typed_can_be_read(path: str, code: str) -> None:
    facts(f"from fastapi import FastAPI\n{code}", path)
    facts(f'openapi: 3.1.0\n"{code}', path)
