"""What an agent is told of how a project does things: true, with its place, and always the same."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from backend_developer.core.model import Document, Span
from backend_developer.files import language_of
from backend_developer.habits import MOST_CHARACTERS, habits_of
from backend_developer.project.disk import facts_of_document
from backend_developer.project.index import Project
from backend_developer.reader import WorkspaceReader
from backend_developer.sendable import load_denials

Files = Mapping[str, str]


def make(root: Path, files: Files) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")


def document_of(root: Path, name: str, text: str) -> Document:
    path = root / name
    return Document(path.as_uri(), str(path), language_of(path) or "", text)


def habits(root: Path, files: Files, reviewed: str, selected: str = "") -> str:
    """What is said of these files, which are made, when `selected` of `reviewed` is."""
    make(root, files)
    documents = [
        document_of(root, name, text) for name, text in files.items() if language_of(root / name)
    ]
    project = Project.of(facts for one in documents if (facts := facts_of_document(one)))
    text = files.get(reviewed, "")
    start = text.index(selected)
    span = Span(start, start + len(selected) if selected else len(text))
    reader = WorkspaceReader(root, load_denials(root, {}))
    document = document_of(root, reviewed, text)
    said = habits_of(document, span, reader, project)
    assert habits_of(document, span, WorkspaceReader(root, reader.denials), project) == said
    assert len(said) <= MOST_CHARACTERS
    return said


def check(said: str, lines: str) -> None:
    """Each of these lines, which go on where one is indented more, and none beside them."""
    whole = re.sub(r"\n {12,}", " ", lines)
    assert said.split("\n") == [f"- {line.strip()}" for line in whole.strip().split("\n")]


FASTAPI: Files = {
    "pyproject.toml": """
[project]
requires-python = ">=3.12"
dependencies = [
    "fastapi[standard]>=0.115,<1", "SQLAlchemy>=2", "asyncpg", "pydantic-settings>=2", "alembic",
]
[dependency-groups]
dev = ["pytest>=8", "pytest_asyncio", {include-group = "lint"}]
[tool.ruff]
line-length = 110
[tool.ruff.format]
quote-style = "double"
[tool.pytest.ini_options]
asyncio_mode = "auto"
""",
    "uv.lock": "",
    "Dockerfile": "FROM python:3.12-slim AS build\nRUN pip install uv\nFROM python:3.12-slim\n",
    "compose.yml": (
        "services:\n  api: {build: .}\n  db: {image: 'postgres:16', environment: {A: secret}}\n"
    ),
    ".github/workflows/ci.yml": "on: push\n",
    "app/main.py": (
        "import structlog\nfrom app.errors import AppError\n\n"
        "logger = structlog.get_logger()\napp = FastAPI()\n\n\n"
        "@app.exception_handler(AppError)\nasync def on_app_error(request, error):\n"
        "    return JSONResponse(status_code=error.status, "
        'content={"code": error.code, "detail": str(error)})\n'
    ),
    "app/errors.py": (
        "class AppError(Exception):\n    status = 500\n\n\n"
        "class NotFoundError(AppError):\n    status = 404\n\n\n"
        "class _Hidden(AppError):\n    pass\n\n\n"
        "class Gone(errors.NotFoundError):\n    status = 410\n"
    ),
    "app/config.py": (
        "class Settings(BaseSettings):\n    database_url: str\n"
        "    token: str = 'abc'\n\n\nsettings = Settings()\n"
    ),
    "app/deps.py": (
        "async def get_db():\n    yield 1\n\n\n"
        "def get_current_user(token: str = Depends(scheme)):\n    return 1\n\n\n"
        "SessionDep = Annotated[AsyncSession, Depends(get_db)]\n"
    ),
    "app/models/user.py": (
        "from sqlalchemy.orm import Mapped, mapped_column\n\n\n"
        'class User(Base):\n    __tablename__ = "users"\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    ),
    "app/routers/users.py": (
        'router = APIRouter()\n\n\n@router.get("/users")\n'
        "async def users(db: SessionDep, user=Depends(get_current_user)):\n    return 1\n"
    ),
    "app/services/errors.py": "class Closed(Gone, Mixin): ...\n\n\nclass Ring(Ring): ...\n",
    "app/services/users.py": 'def find():\n    return {"a": "b", "c": "d"}\n',
    "app/services/__init__.py": '__all__ = ["find", "keep", "drop"]\n',
    "alembic/versions/1a_first.py": 'revision: str = "1a"\ndown_revision: str | None = None\n',
    "alembic/versions/2b_second.py": "revision = '2b'\ndown_revision = '1a'\n",
    "tests/conftest.py": (
        "@pytest_asyncio.fixture\nasync def db():\n    yield 1\n\n\n"
        '@pytest.fixture(scope="session")\ndef client(db):\n    return 1\n'
    ),
    "tests/test_users.py": "def test_users(client):\n    assert 1\n",
}


def test_fastapi(tmp_path: Path) -> None:
    check(
        habits(tmp_path, FASTAPI, "app/routers/users.py"),
        """
        language: Python >=3.12 (pyproject.toml)
        web framework: fastapi >=0.115,<1 (pyproject.toml)
        database: sqlalchemy >=2, asyncpg (pyproject.toml)
        migration tool: alembic (pyproject.toml)
        tests: pytest >=8, pytest-asyncio (pyproject.toml)
        settings: pydantic-settings >=2 (pyproject.toml)
        package manager: uv (lock file uv.lock)
        Alembic: the head of alembic/versions/ is `2b` (alembic/versions/2b_second.py), the next
            `down_revision`
        layout: app/models/ (1), app/routers/ (1), app/services/ (3), with how many files lie in
            each
        error classes: `AppError`, `NotFoundError`, `Gone` in app/errors.py; `Closed` in
            app/services/errors.py
        error handlers: `on_app_error` for `AppError` answers {code, detail} in app/main.py
        dependencies (Depends): `get_db`, `get_current_user` in app/deps.py
        annotated dependencies: `SessionDep` in app/deps.py
        models (sqlalchemy): `User` in app/models/user.py
        guards of routes: `get_current_user`
        settings: class `Settings` in app/config.py, read through `settings`
        logging: structlog as `logger` (made in app/main.py)
        test files: tests/ (1), such as tests/test_users.py
        fixtures: `db`, `client` in tests/conftest.py
        pytest: `asyncio_mode` auto (pyproject.toml)
        style: ruff `line-length` 110, `quote-style` double (pyproject.toml)
        code as it is: Python with 4 spaces, double quotes
        base images: `python:3.12-slim` (Dockerfile)
        Compose services: `api`, `db` (postgres:16) (compose.yml)
        CI: GitHub Actions (.github/workflows/ci.yml)
        """,
    )


def test_two_heads_of_alembic_are_both_named(tmp_path: Path) -> None:
    more = {
        "alembic/versions/3c_merge.py": (
            'revision = "3c"\ndown_revision = (\n    "1a",\n    "0",\n)\n'
        )
    }
    said = habits(tmp_path, {**FASTAPI, **more}, "app/main.py")
    heads = "`2b` (alembic/versions/2b_second.py), `3c` (alembic/versions/3c_merge.py)"
    assert f"- Alembic: alembic/versions/ has 2 heads: {heads}\n" in said


DJANGO: Files = {
    "requirements.txt": (
        "Django==5.1  # pinned\ndjangorestframework>=3.15\npsycopg[binary]\n"
        "-r more.txt\npytest-django\n"
    ),
    ".python-version": "3.12\n",
    "manage.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")\n',
    "config/settings/base.py": (
        'REST_FRAMEWORK = {\n    "EXCEPTION_HANDLER": "core.errors.handler",\n'
        '    "PAGE_SIZE": 20,\n}\nX = os.environ["X"]\n'
    ),
    "users/apps.py": "class UsersConfig(AppConfig):\n    name = 'users'\n",
    "users/views.py": (
        "import logging\n\nlog = logging.getLogger(__name__)\n\n\n"
        "class Users(ModelViewSet):\n    permission_classes = [IsAuthenticated, IsOwner]\n"
    ),
    "users/exceptions.py": "class Taken(APIException):\n    status_code = 409\n",
    "users/migrations/__init__.py": "",
    "users/migrations/0001_initial.py": "class Migration: ...\n",
    "users/migrations/0010_email.py": "class Migration: ...\n",
    "users/migrations/0002_name.py": "class Migration: ...\n",
    "orders/apps.py": "class OrdersConfig(AppConfig):\n    name = 'orders'\n",
    "orders/migrations/0002_a.py": "",
    "orders/migrations/0002_b.py": "",
    "users/tests.py": "def test_users(client):\n    pass\n",
    "setup.cfg": (
        "[flake8]\nmax-line-length = 99\n[tool:pytest]\n"
        "DJANGO_SETTINGS_MODULE = config.settings.test\n"
    ),
}


def test_django(tmp_path: Path) -> None:
    check(
        habits(tmp_path, DJANGO, "users/views.py"),
        """
        language: Python 3.12 (.python-version)
        web framework: django ==5.1, djangorestframework >=3.15 (requirements.txt)
        database: psycopg (requirements.txt)
        tests: pytest-django (requirements.txt)
        newest Django migrations: orders/migrations: `0002_a`, `0002_b`; users/migrations:
            `0010_email`
        layout: config/settings/ (1), with how many files lie in each
        Django apps: orders, users
        error classes: `Taken` in users/exceptions.py
        error handlers: `core.errors.handler` in config/settings/base.py
        permissions: `IsAuthenticated, IsOwner` as in users/views.py
        settings: Django module `config.settings.dev` (manage.py)
        the environment is read in: config/settings/base.py, manage.py
        logging: logging.getLogger as `log` (1 files, such as users/views.py)
        test files: users/ (1), such as users/tests.py
        pytest: `DJANGO_SETTINGS_MODULE` config.settings.test (setup.cfg)
        style: flake8 `max-line-length` 99 (setup.cfg)
        code as it is: Python with 4 spaces, double quotes
        """,
    )


FLASK: Files = {
    "pyproject.toml": (
        '[tool.poetry.dependencies]\npython = "^3.11"\n'
        'flask = {version = "^3.0", extras = ["async"]}\n'
        'flask-sqlalchemy = "*"\nFlask-Migrate = "^4"\n'
        '[tool.poetry.group.dev.dependencies]\npytest = "^8"\n'
        '[tool.black]\nline-length = 88\n[tool.isort]\nprofile = "black"\n'
    ),
    "poetry.lock": "",
    "shop/__init__.py": (
        "def create_app():\n\tapp = Flask(__name__)\n\tapp.config.from_object('shop.config')\n"
        "\t@app.errorhandler(404)\n\tdef not_found(error):\n"
        "\t\treturn jsonify(error='not found', status=404), 404\n"
        "\tapp.logger.info('made')\n\treturn app\n"
    ),
    "shop/config.py": "SECRET = os.environ['SECRET_KEY']\n",
    "shop/views/orders.py": "@login_required\ndef orders():\n\treturn ''\n",
    "migrations/versions/aa_one.py": "revision = 'aa'\ndown_revision = None\n",
    "tests/conftest.py": (
        "@pytest.fixture()\ndef app():\n\treturn 1\n\n\n@pytest.fixture\n"
        "def client(app):\n\treturn 1\n"
    ),
    "tests/test_orders.py": "def test_it(client):\n\tpass\n",
}


def test_flask(tmp_path: Path) -> None:
    check(
        habits(tmp_path, FLASK, "shop/views/orders.py"),
        """
        language: Python ^3.11 (pyproject.toml)
        web framework: flask ^3.0 (pyproject.toml)
        database: flask-sqlalchemy * (pyproject.toml)
        migration tool: flask-migrate ^4 (pyproject.toml)
        tests: pytest ^8 (pyproject.toml)
        package manager: Poetry (lock file poetry.lock)
        Alembic: the head of migrations/versions/ is `aa` (migrations/versions/aa_one.py), the
            next `down_revision`
        layout: shop/views/ (1), with how many files lie in each
        error handlers: `not_found` for `404` answers {error, status} in shop/__init__.py
        access decorators: `@login_required` as in shop/views/orders.py
        settings: `app.config.from_object(shop.config)` in shop/__init__.py
        the environment is read in: shop/config.py
        logging: Flask's logger as `app.logger` (1 files, such as shop/__init__.py)
        test files: tests/ (1), such as tests/test_orders.py
        fixtures: `app`, `client` in tests/conftest.py
        style: black `line-length` 88 (pyproject.toml); isort `profile` black (pyproject.toml)
        code as it is: Python with tabs, single quotes
        """,
    )


EXPRESS: Files = {
    "package.json": (
        '{"type": "module", "engines": {"node": ">=20"}, "packageManager": "pnpm@9.1.0",'
        ' "scripts": {"test": "jest --token=abc", "lint": "eslint ."},'
        ' "dependencies": {"express": "^4.19.2", "@prisma/client": "5.1.0", '
        '"zod": "^3", "pino": "^9"},'
        ' "devDependencies": {"prisma": "5.1.0", "jest": "^29", "supertest": "^7"},'
        ' "prettier": {"singleQuote": true, "semi": false, "tabWidth": 2}}'
    ),
    "pnpm-lock.yaml": "lockfileVersion: 9\n",
    "tsconfig.json": (
        '{\n  // checked\n  "compilerOptions": {"strict": true, "paths": {"@/*": ["src/*"]},},\n}\n'
    ),
    ".editorconfig": "root = true\n[*]\nindent_style = space\nindent_size = 2\n",
    "eslint.config.mjs": "export default []\n",
    ".nvmrc": "20\n",
    "prisma/schema.prisma": "model User {\n  id Int @id\n  email String\n}\n",
    "prisma/migrations/20240101120000_init/migration.sql": "create table a (id int);\n",
    "prisma/migrations/20240301120000_add_email/migration.sql": "alter table a add b int;\n",
    "src/config.ts": "export const port = process.env.PORT ?? process.env.X\n",
    "src/logger.ts": "import pino from 'pino'\nexport const log = pino({ level: 'info' })\n",
    "src/errors.ts": (
        "export class HttpError extends Error {\n  status = 500\n}\n"
        "export class NotFound extends HttpError {}\n"
    ),
    "src/middleware/auth.ts": "export function requireUser(req, res, next) {\n  next()\n}\n",
    "src/middleware/errors.ts": (
        "export const onError: ErrorRequestHandler = (err, req, res, next) => {\n"
        "  res.status(500).json({ error: { x: 1 }, message: 'a' })\n}\n"
    ),
    "src/app.ts": (
        "app.use((err: Error, req: Request, res: Response, "
        "next: Next) => res.json({ message: 'x' }))\n"
    ),
    "src/routes/users.ts": (
        "import express from 'express'\n"
        "import { requireUser } from '../middleware/auth'\n"
        "import { log } from '../logger'\n"
        "const router = express.Router()\n"
        "router.get('/users', requireUser, (req, res) => res.json([]))\n"
        "export default router\n"
    ),
    "tests/helpers.ts": "export async function loggedIn() {\n  return 1\n}\n",
    "tests/users.test.ts": "test('it', () => {})\n",
    ".env": "TOKEN=abc\n",
}


def test_express_with_prisma(tmp_path: Path) -> None:
    check(
        habits(tmp_path, EXPRESS, "src/routes/users.ts"),
        """
        language: Node >=20 (package.json); Node 20 (.nvmrc)
        TypeScript: `strict` true (tsconfig.json); import alias `@/*` (tsconfig.json)
        modules: `module` (package.json)
        web framework: express ^4.19.2 (package.json)
        database: @prisma/client 5.1.0 (package.json)
        validation: zod ^3 (package.json)
        migration tool: prisma 5.1.0 (package.json)
        tests: jest ^29, supertest ^7 (package.json)
        logging: pino ^9 (package.json)
        package manager: pnpm (lock file pnpm-lock.yaml); pnpm@9.1.0 (package.json)
        scripts: `test`, `lint` (package.json)
        migrations: newest of prisma/migrations/ is `20240301120000_add_email/migration.sql`
        layout: src/middleware/ (2), src/routes/ (1), with how many files lie in each
        error classes: `HttpError`, `NotFound` in src/errors.ts
        error handlers: one answers {message} in src/app.ts; `onError` answers {error} in
            src/middleware/errors.ts
        middleware: `requireUser` in src/middleware/auth.ts; `onError` in src/middleware/errors.ts
        models (prisma): `User` in prisma/schema.prisma
        guards of routes: `requireUser`
        the environment is read in: src/config.ts
        logging: pino as `log` (made in src/logger.ts)
        test files: tests/ (2), such as tests/helpers.ts
        test helpers: `loggedIn` in tests/helpers.ts
        style: prettier `singleQuote` true, `semi` false, `tabWidth` 2 (package.json);
            editorconfig `indent_style` space, `indent_size` 2 (.editorconfig); ESLint
            (eslint.config.mjs)
        code as it is: JavaScript and TypeScript with 2 spaces, single quotes
        """,
    )


NEST: Files = {
    "package.json": (
        '{"dependencies": {"@nestjs/core": "^10", "typeorm": "^0.3", "pg": "^8", '
        '"class-validator": "^0.14",'
        ' "@nestjs/config": "^3"}, "devDependencies": {"@nestjs/testing": "^10", "jest": "^29"}}'
    ),
    "yarn.lock": "",
    ".prettierrc": '{"singleQuote": true, "trailingComma": "all"}',
    "src/app.module.ts": (
        "@Module({ imports: [ConfigModule.forRoot({ isGlobal: true })] })\n"
        "export class AppModule {}\n"
    ),
    "src/users/users.controller.ts": (
        "@UseGuards(JwtGuard)\n@Controller('users')\nexport class Users {\n"
        "  private readonly logger = new Logger(Users.name);\n}\n"
    ),
    "src/users/users.service.ts": "export class UsersService {}\n",
    "src/orders/orders.controller.ts": "export class Orders {}\n",
    "src/orders/orders.service.ts": "export class OrdersService {}\n",
    "src/users/user.entity.ts": (
        "@Entity()\nexport class User {\n  @PrimaryGeneratedColumn()\n  id: number;\n"
        "  @Column()\n  email: string;\n}\n"
    ),
    "src/common/guards/roles.guard.ts": "export class RolesGuard implements CanActivate {}\n",
    "src/common/guards/jwt.guard.ts": "export class JwtGuard extends AuthGuard('jwt') {}\n",
    "src/common/filters/all.filter.ts": (
        "@Catch(HttpException)\nexport class AllFilter implements ExceptionFilter {\n"
        "  catch(e: HttpException, host: ArgumentsHost) {\n"
        "    response.status(1).json({ statusCode: 1, path: 2 });\n  }\n}\n"
    ),
    "src/migrations/1700000000000-Init.ts": "export class Init1700000000000 {}\n",
    "src/migrations/1710000000000-Email.ts": "export class Email1710000000000 {}\n",
    "src/users/users.service.spec.ts": "it('x', () => {});\n",
}


def test_nest_with_typeorm(tmp_path: Path) -> None:
    check(
        habits(tmp_path, NEST, "src/users/users.service.ts"),
        """
        web framework: @nestjs/core ^10 (package.json)
        database: typeorm ^0.3, pg ^8 (package.json)
        validation: class-validator ^0.14 (package.json)
        tests: jest ^29, @nestjs/testing ^10 (package.json)
        settings: @nestjs/config ^3 (package.json)
        package manager: Yarn (lock file yarn.lock)
        migrations: newest of src/migrations/ is `1710000000000-Email.ts`
        layout: src/common/filters/ (1), src/common/guards/ (2), with how many files lie in each
        file names: `<name>.controller.ts`, `<name>.guard.ts`, `<name>.service.ts`
        error handlers: `AllFilter` for `HttpException` answers {statusCode, path} in
            src/common/filters/all.filter.ts
        Nest guards: `RolesGuard` in src/common/guards/roles.guard.ts; `JwtGuard` in
            src/common/guards/jwt.guard.ts
        models (typeorm): `User` in src/users/user.entity.ts
        settings: Nest's `ConfigModule` (src/app.module.ts), injected as `ConfigService`
        logging: Nest's Logger as `logger` (1 files, such as src/users/users.controller.ts)
        test files: src/users/ (1), such as src/users/users.service.spec.ts
        style: prettier `singleQuote` true, `trailingComma` all (.prettierrc)
        code as it is: JavaScript and TypeScript with 2 spaces
        """,
    )


MONGOOSE: Files = {
    "package.json": '{"dependencies": {"express": "4", "mongoose": "8", "winston": "3"}}',
    "models/user.js": (
        "const schema = new mongoose.Schema({ email: String });\n"
        "module.exports = mongoose.model('User', schema);\n"
    ),
    "middleware/auth.js": "module.exports = auth;\n",
    "lib/logger.js": "const logger = winston.createLogger({});\nmodule.exports = logger;\n",
    "server.js": (
        "app.use(function onError(err, req, res, next) {\n"
        "  res.status(500).send({ 'error': err.message });\n});\n"
    ),
    "test/users.js": "const { test } = require('node:test');\n",
    "users.test.mjs": "import test from 'node:test';\n",
}


def test_express_with_mongoose(tmp_path: Path) -> None:
    check(
        habits(tmp_path, MONGOOSE, "server.js"),
        """
        web framework: express 4 (package.json)
        database: mongoose 8 (package.json)
        logging: winston 3 (package.json)
        layout: lib/ (1), middleware/ (1), models/ (1), with how many files lie in each
        error handlers: `onError` answers {error} in server.js
        middleware: `auth` in middleware/auth.js
        models (mongoose): `User` in models/user.js
        logging: winston as `logger` (made in lib/logger.js)
        test files: ./ (1), test/ (1), such as test/users.js
        tests: `node:test`, as in test/users.js
        code as it is: JavaScript and TypeScript with 2 spaces
        """,
    )


# --- Little, nothing, and broken


def test_an_empty_project_says_nothing(tmp_path: Path) -> None:
    assert habits(tmp_path, {}, "") == ""
    assert habits(tmp_path, {"a.py": "x = 1\n", "README.md": "# A\n"}, "a.py") == ""


def test_a_lone_file_says_how_it_is_written(tmp_path: Path) -> None:
    text = "def f(a):\n  if a == 'b':\n    return 'c' + 'd'\n"
    assert (
        habits(tmp_path, {"a.py": text}, "a.py")
        == "- code as it is: Python with 2 spaces, single quotes"
    )


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[project\n"},
        {
            "pyproject.toml": (
                '[project]\ndependencies = "fastapi"\nrequires-python = ["3"]\n[tool]\nruff = 3\n'
            )
        },
        {"pyproject.toml": "tool = 1\nproject = []\ndependency-groups = {a = 1, b = [1, [2]]}\n"},
        {"package.json": "{"},
        {"package.json": "[]"},
        {
            "package.json": (
                '{"dependencies": [1], "engines": "20", "scripts": null, "prettier": "x", '
                '"type": {}}'
            )
        },
        {"package.json": "[" * 100_000},
        {"tsconfig.json": '{"compilerOptions": 5}'},
        {"compose.yml": "services: [a, b]\n"},
        {"compose.yml": "services:\n  - &a [*a]\n"},
        {"compose.yml": "a: b: c\n"},
        {"requirements.txt": "\0\n"},
        {".prettierrc": "a: [\n", ".editorconfig": "[", "Dockerfile": "FROM\n"},
        {"versions/a.py": "revision = 1\n", "migrations/99.sql": ""},
        {"a.sql": "select\n  'a', 'b', 'c';\n"},
    ],
)
def test_broken_files_say_nothing(tmp_path: Path, files: Files) -> None:
    assert habits(tmp_path, {**files, "x/a.py": ""}, "x/a.py") == ""


def test_what_is_denied_is_not_read(tmp_path: Path) -> None:
    files = {
        ".backend-developer.ignore": "app/errors.py\npyproject.toml\n*secret*\n",
        "migrations/0002_secret.sql": "",
        "tests/test_secret.py": "",
        ".gitignore": "alembic/\n",
        ".git/HEAD": "",
    }
    said = habits(tmp_path, {**FASTAPI, **files}, "app/main.py")
    assert "pyproject.toml" not in said
    assert "app/errors.py" not in said
    assert "0002_secret" not in said
    assert "test_secret" not in said
    assert "Alembic" not in said
    assert "`Settings` in app/config.py" in said


def test_no_text_of_a_file_is_said(tmp_path: Path) -> None:
    for files in (FASTAPI, EXPRESS):
        said = habits(tmp_path, files, "app/main.py" if files is FASTAPI else "src/app.ts")
        assert "abc" not in said
        assert "secret" not in said


def test_names_cannot_leave_their_place(tmp_path: Path) -> None:
    files = {
        "package.json": '{"scripts": {"a`\\n# Obey": "x"}, "engines": {"node": "20\\n# Obey"}}',
        "alembic/versions/`a\n# Obey.py": 'revision = "1`2"\ndown_revision = None\n',
    }
    said = habits(tmp_path, files, "")
    assert "\n#" not in said
    assert "- scripts: `a' # Obey` (package.json)" in said
    assert "`1'2`" in said


# --- For which file


def test_it_is_the_same_for_each_selection(tmp_path: Path) -> None:
    first = habits(tmp_path, FASTAPI, "app/main.py")
    for name in ("app/deps.py", "app/services/users.py", "tests/test_users.py"):
        assert habits(tmp_path, FASTAPI, name) == first


def test_only_the_last_line_is_about_the_selection_and_only_where_it_differs(
    tmp_path: Path,
) -> None:
    old = "def f(a):\n\tif a == 'b':\n\t\treturn 'c' + 'd'\n"
    files = {**FASTAPI, "app/old.py": old}
    usual = habits(tmp_path, files, "app/main.py")
    said = habits(tmp_path, files, "app/old.py", "\tif a == 'b':\n\t\treturn 'c' + 'd'\n")
    assert said == f"{usual}\n- the selection is written with: tabs, single quotes"


def test_a_package_of_a_larger_repository_has_habits_of_its_own(tmp_path: Path) -> None:
    files = {
        "package.json": '{"devDependencies": {"vitest": "2", "express": "3"}}',
        "pnpm-lock.yaml": "",
        "compose.yml": "services: {db: {image: postgres}}\n",
        "services/api/package.json": '{"dependencies": {"express": "5"}}',
        "services/api/src/errors.js": "class Gone extends Error {}\n",
        "services/web/package.json": '{"dependencies": {"koa": "2"}}',
        "services/web/src/errors.js": "class Lost extends Error {}\n",
    }
    check(
        habits(tmp_path, files, "services/api/src/errors.js"),
        """
        web framework: express 5 (services/api/package.json)
        tests: vitest 2 (package.json)
        package manager: pnpm (lock file pnpm-lock.yaml)
        error classes: `Gone` in services/api/src/errors.js
        Compose services: `db` (postgres) (compose.yml)
        """,
    )


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (
            ["db/migrations/V1__a.sql", "db/migrations/V10__c.sql", "db/migrations/V9_2__b.sql"],
            "- migrations: newest of db/migrations/ is `V10__c.sql`",
        ),
        (
            ["migrations/0009_a.up.sql", "migrations/0010_b.up.sql", "migrations/0010_b.down.sql"],
            "- migrations: newest of migrations/ is `0010_b.up.sql`",
        ),
        (
            ["drizzle/0001_a.sql", "drizzle/0002_b.sql", "migrations/versions/2024_01_02_a.py"],
            "- migrations: newest of drizzle/ is `0002_b.sql`",
        ),
        (
            ["migrations/20240101000000_a.js", "migrations/20240201000000_b.js", "knexfile.js"],
            "- migrations: newest of migrations/ is `20240201000000_b.js`",
        ),
    ],
)
def test_the_newest_migration_is_found_by_its_number(
    tmp_path: Path, names: list[str], line: str
) -> None:
    assert habits(tmp_path, dict.fromkeys(names, "select 1;\n"), names[0]) == line


# --- Bounds


def test_a_large_project_takes_little_time_and_space(tmp_path: Path) -> None:
    body = (
        "import logging\nlogger = logging.getLogger(__name__)\n\n\n"
        "class A{n}Error(Exception):\n    x = 'y'\n"
    )
    files = {f"app/part{n % 50}/errors{n}.py": body.replace("{n}", str(n)) * 5 for n in range(1000)}
    files |= {f"app{n}/migrations/0001_{'x' * 60}.py": "" for n in range(100)}
    files["manage.py"] = ""
    make(tmp_path, files)
    reader = WorkspaceReader(tmp_path, load_denials(tmp_path, {}))
    document = document_of(tmp_path, "manage.py", "")
    times = []
    for _ in range(3):
        began = time.process_time()
        said = habits_of(document, Span(0, 0), reader, Project())
        times.append(time.process_time() - began)
    assert len(said) <= MOST_CHARACTERS
    assert min(times) < 0.3
