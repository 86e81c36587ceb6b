"""How a project does things, for an agent that writes code in it.

manifests, folders, a bounded look at files -> facts -> Markdown, one line for each kind of fact

Each line names where it was seen. Names and single values of settings are all that is taken from
a file. The same project says the same for each selection, so that an endpoint's prompt cache
holds; only the last line is about the selection's own file, and only where that differs.
"""

from __future__ import annotations

import json
import os.path
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from .core.model import Document, Span
from .core.text import LINE_END, shortened, visible
from .engines.base import ReadError
from .files import walk
from .project.index import Project
from .reader import WorkspaceReader

MOST_CHARACTERS = 6_000
"""Of all facts together: about 1,500 tokens."""
MOST_PATHS = 5_000
"""Files of the workspace whose names are looked at."""
MOST_READ = 220
"""Files of code that are read, those first whose names promise most."""
MOST_TEXT = 1_500_000
"""Characters of all of those."""
MOST_REVISIONS = 300
"""Alembic's revisions are known to the newest only when all of them are read."""
_LONGEST_READ = 60_000
"""Characters of a file of code; what is sought stands in short files, or near the start."""
_LONGEST_LINE = 420
_LONGEST_NAME = 80
_MOST_NAMES = 10
"""Of one kind in one file, or of places in one line."""

Fact: TypeAlias = tuple[str, str]
"""(What it is about, Markdown that says it and where it was seen.)"""


def habits_of(document: Document, span: Span, reader: WorkspaceReader, project: Project) -> str:
    """Markdown of at most MOST_CHARACTERS on how code is written here; "" when nothing is known.

    Reads files, up to some hundred milliseconds, so not on the event loop. Never raises for what
    is in them: what cannot be read, or may not be sent, says nothing.
    """
    look = _look_at(document, reader, project)
    lines: list[str] = []
    room = MOST_CHARACTERS
    own = _own_style(document, span, look)
    room -= len(own) + 1
    for find in _FINDERS:
        by_label: dict[str, dict[str, None]] = {}
        for label, text in find(look):
            by_label.setdefault(label, {})[text] = None
        for label, texts in by_label.items():
            line = _line(label, [*texts])
            if len(line) < room:
                lines.append(line)
                room -= len(line) + 1
    return "\n".join([*lines, *([own] if own else [])])


def _line(label: str, texts: Sequence[str]) -> str:
    """As many of the texts as fit into a line, and how many do not."""
    line = f"- {label}: {shortened(texts[0], _LONGEST_LINE)}"
    for index, text in enumerate(texts[1:], 1):
        if len(line) + len(text) > _LONGEST_LINE:
            return f"{line}; … ({len(texts) - index} more)"
        line += f"; {text}"
    return line


# --- What is looked at


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What a file says of the packages that a project depends on."""

    path: str
    language: str
    """Python or Node."""
    packages: Mapping[str, str]
    """Name, as it is compared, -> version, as written, or ""."""
    runtime: str = ""
    """The versions of the language that it takes."""


_Style: TypeAlias = tuple[str, str, str]
"""How a text is indented, quoted and ended, each in words, or "" where it does not show."""


@dataclass(frozen=True, slots=True)
class _Look:
    base: str
    """The innermost folder above the document that has a manifest, or "", the workspace."""
    paths: tuple[str, ...]
    """Of the files in there in languages that we know, folder by folder in the order of names."""
    texts: Mapping[str, str]
    """Of those that were read, by path."""
    styles: Mapping[str, _Style]
    """How those are written, by path."""
    manifests: tuple[_Manifest, ...]
    """The nearest first."""
    reader: WorkspaceReader
    project: Project

    def text(self, path: str) -> str:
        """The text of any file of the workspace, or ""."""
        return self.texts.get(path) or _text(self.reader, path)

    def nearest(self, *names: str) -> Iterator[tuple[str, str]]:
        """(Path, text) of each file of these names, from the base folder upwards."""
        for folder in _upwards(self.base):
            for name in names:
                if text := self.text(_joined(folder, name)):
                    yield _joined(folder, name), text

    def exists(self, path: str) -> bool:
        """Whether there is such a file, and it may be sent."""
        absolute = os.path.join(self.reader.root, path)
        return os.path.isfile(absolute) and not self.reader.denials.why(absolute)

    def version(self, name: str) -> tuple[str, str] | None:
        """(Version, manifest's path) of a package that the project depends on."""
        for one in self.manifests:
            if name in one.packages:
                return one.packages[name], one.path
        return None

    def found(
        self, pattern: re.Pattern[str], ends: tuple[str, ...], *mentions: str
    ) -> Iterator[tuple[str, re.Match[str]]]:
        """(Path, match) in the files that were read whose names end so.

        `mentions`, one of which each match has in it, make it fast.
        """
        for path, text in self.texts.items():
            if path.endswith(ends) and any(word in text for word in mentions):
                for match in pattern.finditer(text):
                    yield path, match


_PYTHON = (".py",)
_SCRIPTS = (".js", ".ts", ".mjs", ".cjs", ".mts", ".cts")
_CODE = (*_PYTHON, *_SCRIPTS)
_MANIFESTS = ("pyproject.toml", "package.json", "requirements.txt", "Pipfile", "setup.cfg")
_REQUIREMENTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements/base.txt",
    "requirements/dev.txt",
    "dev-requirements.txt",
)
_PROMISING = re.compile(
    r"(?:^|/)(?:conftest|settings|config\w*|env|errors?|exceptions?|deps|dependenc\w+|database|db|"
    r"session|prisma\w*|logg\w+|main|app|server|index|security|auth\w*|middlewares?|setup|helpers?|"
    r"data-source|base|__init__|test_utils)\.\w+$"
    r"|(?:middlewares?|exceptions?|errors?|guards?|filters?|settings|config)/[^/]+$"
    r"|\.(?:guard|filter|exception|module|interceptor)\.[jt]s$",
    re.IGNORECASE,
)


def _look_at(document: Document, reader: WorkspaceReader, project: Project) -> _Look:
    base = _base(document, reader)
    files = islice(walk(reader.root / base), MOST_PATHS)
    paths = tuple(file.absolute.relative_to(reader.root).as_posix() for file in files)
    # Tests have errors and settings of their own.
    code = [
        path
        for path in paths
        if path.endswith(_CODE) and not (_NUMBERED.search(path) or _is_test(path))
    ]
    # What promises most, then what is nearest to the top.
    code.sort(key=lambda path: (_PROMISING.search(path) is None, path.count("/"), path))
    texts: dict[str, str] = {}
    room = MOST_TEXT
    for path in code[:MOST_READ]:
        if room > 0 and (text := _text(reader, path)[:_LONGEST_READ]):
            texts[path] = text
            room -= len(text)
    manifests = [manifest for folder in _upwards(base) for manifest in _manifests(folder, reader)]
    styles = {path: _style_of(text) for path, text in texts.items()}
    ordered = dict(sorted(texts.items()))
    return _Look(base, paths, ordered, styles, tuple(manifests), reader, project)


def _base(document: Document, reader: WorkspaceReader) -> str:
    for folder in _upwards(_relative(document.path, reader.root).rpartition("/")[0]):
        for name in _MANIFESTS:
            if folder and os.path.isfile(os.path.join(reader.root, folder, name)):
                return folder
    return ""


def _relative(path: str, root: Path) -> str:
    """A path below the workspace, with forward slashes; "" for any other."""
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else ""


def _upwards(folder: str) -> Iterator[str]:
    """The folder and those above it, up to the workspace's, which is ""."""
    while folder not in ("", "."):
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _text(reader: WorkspaceReader, path: str) -> str:
    try:
        return reader.text_of(path)
    except ReadError:
        return ""


# --- Manifests


def _manifests(folder: str, reader: WorkspaceReader) -> Iterator[_Manifest]:
    """What a folder's manifests say; one that is broken says nothing."""
    path = _joined(folder, "pyproject.toml")
    if data := _toml(_text(reader, path)):
        project, poetry = _table(data, "project"), _table(data, "tool", "poetry")
        groups = [
            *_table(project, "optional-dependencies").values(),
            *_table(data, "dependency-groups").values(),
        ]
        packages = _requirements([project.get("dependencies"), *groups])
        tables = [_table(poetry, "dependencies"), _table(poetry, "dev-dependencies")]
        tables += [
            _table(poetry, "group", name, "dependencies") for name in _table(poetry, "group")
        ]
        for table in tables:
            packages |= {_normal(name): _version(value) for name, value in table.items()}
        runtime = _value(project.get("requires-python")) or packages.pop("python", "")
        yield _Manifest(path, "Python", packages, runtime)
    for name in _REQUIREMENTS:
        path = _joined(folder, name)
        if text := _text(reader, path):
            yield _Manifest(path, "Python", _requirements([LINE_END.split(text)]))
    path = _joined(folder, "Pipfile")
    if data := _toml(_text(reader, path)):
        listed = _table(data, "packages") | _table(data, "dev-packages")
        packages = {_normal(name): _version(value) for name, value in listed.items()}
        runtime = _value(_table(data, "requires").get("python_version"))
        yield _Manifest(path, "Python", packages, runtime)
    path = _joined(folder, "package.json")
    if data := _json(_text(reader, path)):
        listed = _table(data, "devDependencies") | _table(data, "dependencies")
        packages = {name: _version(value) for name, value in listed.items()}
        runtime = _value(_table(data, "engines").get("node"))
        yield _Manifest(path, "Node", packages, runtime)


_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*\(?([^;#)]*)")


def _requirements(lists: Iterable[object]) -> dict[str, str]:
    """Lines such as `fastapi[all]>=0.110,<1 ; python_version > "3.8"`."""
    found = {}
    for lines in lists:
        for line in lines if isinstance(lines, list) else ():
            if isinstance(line, str) and (match := _REQUIREMENT.match(line)):
                found[_normal(match[1])] = _value(match[2])
    return found


def _version(value: object) -> str:
    return _value(value.get("version") if isinstance(value, dict) else value)


def _value(value: object) -> str:
    """A setting's value as it may be shown; "" for what is no short plain value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    return text if re.fullmatch(r"[\w.,<>=!~^*|/@:+ -]{0,60}", text) else ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _yaml(text: str) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _table(data: object, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


# --- What the project is made of


def _languages(look: _Look) -> Iterator[Fact]:
    for one in look.manifests:
        if one.runtime:
            yield "language", f"{one.language} {one.runtime} ({_shown(one.path)})"
    for path, text in look.nearest(".python-version", ".nvmrc", ".node-version"):
        if value := _value(text):
            language = "Python" if path.endswith(".python-version") else "Node"
            yield "language", f"{language} {value} ({_shown(path)})"
    for path, text in look.nearest("tsconfig.json"):
        options = _table(_json(_without_comments(text)), "compilerOptions")
        keys = ("strict", "target", "module", "moduleResolution")
        if said := _said(options, keys):
            yield "TypeScript", f"{said} ({_shown(path)})"
        for alias in islice(sorted(_table(options, "paths")), 4):
            yield "TypeScript", f"import alias `{_name(alias)}` ({_shown(path)})"
    for path, text in look.nearest("package.json"):
        if kind := _value(_json(text).get("type")):
            yield "modules", f"`{kind}` ({_shown(path)})"


_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "web framework": (
        *("fastapi", "starlette", "litestar", "django", "djangorestframework", "django-ninja"),
        *("flask", "flask-restx", "flask-smorest", "quart", "sanic", "aiohttp", "falcon"),
        *("@nestjs/core", "express", "fastify", "koa", "hono", "@hapi/hapi", "next"),
    ),
    "database": (
        *("sqlalchemy", "sqlmodel", "flask-sqlalchemy", "peewee", "tortoise-orm", "beanie"),
        *("mongoengine", "motor", "pymongo", "asyncpg", "psycopg", "psycopg2", "psycopg2-binary"),
        *("aiosqlite", "aiomysql", "mysqlclient", "pymysql", "redis"),
        *("@prisma/client", "typeorm", "sequelize", "drizzle-orm", "@mikro-orm/core", "objection"),
        *("knex", "mongoose", "mongodb", "pg", "mysql2", "better-sqlite3", "ioredis"),
    ),
    "validation": (
        *("pydantic", "marshmallow", "msgspec", "attrs", "cerberus", "zod", "joi", "yup"),
        *(
            "class-validator",
            "express-validator",
            "ajv",
            "@sinclair/typebox",
            "valibot",
            "celebrate",
        ),
    ),
    "migration tool": (
        *("alembic", "flask-migrate", "yoyo-migrations", "prisma", "drizzle-kit", "sequelize-cli"),
        *("umzug", "node-pg-migrate", "db-migrate", "migrate-mongo"),
    ),
    "tests": (
        *("pytest", "pytest-asyncio", "pytest-django", "pytest-flask", "anyio", "httpx"),
        *("factory-boy", "hypothesis", "testcontainers", "freezegun", "respx", "responses"),
        *("jest", "vitest", "mocha", "chai", "ava", "supertest", "sinon", "nock"),
        *("@nestjs/testing", "mongodb-memory-server"),
    ),
    "settings": (
        *("pydantic-settings", "django-environ", "python-decouple", "environs", "dynaconf"),
        *("python-dotenv", "@nestjs/config", "dotenv", "envalid", "env-var", "convict", "config"),
    ),
    "logging": (
        *("structlog", "loguru", "python-json-logger", "pino", "pino-http", "nestjs-pino"),
        *("winston", "nest-winston", "bunyan", "morgan"),
    ),
    "authentication": (
        *("python-jose", "pyjwt", "passlib", "argon2-cffi", "bcrypt", "authlib", "fastapi-users"),
        *("djangorestframework-simplejwt", "django-allauth", "flask-login", "flask-jwt-extended"),
        *("passport", "@nestjs/passport", "@nestjs/jwt", "jsonwebtoken", "jose", "argon2"),
        *("bcryptjs", "express-session", "next-auth"),
    ),
    "rate limits": (
        *("slowapi", "fastapi-limiter", "django-ratelimit", "flask-limiter"),
        *("express-rate-limit", "@nestjs/throttler", "@fastify/rate-limit"),
    ),
    "background jobs": (
        *("celery", "rq", "dramatiq", "arq", "huey", "apscheduler"),
        *("bullmq", "bull", "@nestjs/bullmq", "agenda", "pg-boss"),
    ),
    "HTTP client": ("requests", "aiohttp", "axios", "got", "undici", "node-fetch"),
}
"""What a package is for -> packages, as a manifest names them."""


def _packages(look: _Look) -> Iterator[Fact]:
    for label, names in _PACKAGES.items():
        by_manifest: dict[str, list[str]] = {}
        for name in names:
            if known := look.version(name):
                version, path = known
                by_manifest.setdefault(path, []).append(f"{name} {version}".strip())
        for path, found in by_manifest.items():
            yield label, f"{', '.join(found)} ({_shown(path)})"


_LOCKS: Mapping[str, str] = {
    "uv.lock": "uv",
    "poetry.lock": "Poetry",
    "pdm.lock": "PDM",
    "Pipfile.lock": "Pipenv",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "Yarn",
    "bun.lock": "Bun",
    "bun.lockb": "Bun",
    "package-lock.json": "npm",
}


def _package_managers(look: _Look) -> Iterator[Fact]:
    for folder in _upwards(look.base):
        for name, manager in _LOCKS.items():
            if look.exists(path := _joined(folder, name)):
                yield "package manager", f"{manager} (lock file {_shown(path)})"
    for path, text in look.nearest("package.json"):
        data = _json(text)
        if manager := _value(data.get("packageManager")):
            yield "package manager", f"{manager} ({_shown(path)})"
        names = [_name(name) for name in _table(data, "scripts")][:_MOST_NAMES]
        if names:
            yield "scripts", f"{_ticked(names)} ({_shown(path)})"


# --- Layout


_LAYER = re.compile(
    r"api|routes?|routers?|controllers?|views?|endpoints|handlers?|resolvers?|services?|"
    r"use-?cases?|domain|repositor(?:y|ies)|crud|dao|models?|entit(?:y|ies)|schemas?|dtos?|"
    r"serializers?|validators?|middlewares?|guards?|interceptors?|filters?|pipes?|jobs?|tasks?|"
    r"workers?|events?|core|common|shared|lib|utils?|helpers?|config|settings|exceptions?|errors?",
    re.IGNORECASE,
)
"""Names of folders that say what belongs in them."""
_KIND = re.compile(
    r"\.(controller|service|module|dto|entity|guard|repository|route|model|schema)\."
)


def _layout(look: _Look) -> Iterator[Fact]:
    code = [path for path in look.paths if path.endswith(_CODE) and not _is_test(path)]
    folders = Counter(path.rpartition("/")[0] for path in code)
    layers = [
        folder
        for folder in sorted(folders, key=lambda one: (one.count("/"), one))
        if _LAYER.fullmatch(PurePosixPath(folder).name)
    ]
    if layers:
        shown = [f"{_shown(one)}/ ({folders[one]})" for one in layers[:14]]
        yield "layout", f"{', '.join(shown)}, with how many files lie in each"
    kinds = Counter(match[1] for path in code if (match := _KIND.search(path)))
    if often := sorted(kind for kind, count in kinds.items() if count > 1):
        yield "file names", _ticked(f"<name>.{kind}{_ending(code)}" for kind in often)
    apps = sorted({path.removesuffix("/apps.py") for path in code if path.endswith("/apps.py")})
    if apps and look.version("django"):
        yield "Django apps", _listed(apps)


def _ending(paths: Iterable[str]) -> str:
    return Counter(PurePosixPath(path).suffix for path in paths).most_common(1)[0][0]


def _models(look: _Look) -> Iterator[Fact]:
    """What the index knows of tables and routes."""
    places: dict[tuple[str, str], list[str]] = {}
    guards: Counter[str] = Counter()
    for path in sorted(look.project.files):
        relative = _inside(path, look)
        for model in look.project.files[path].models if relative else ():
            places.setdefault((model.framework, relative), []).append(model.name)
    for (framework, path), names in islice(sorted(places.items()), _MOST_NAMES):
        yield f"models ({_name(framework)})", f"{_ticked(names)} in {_shown(path)}"
    for known in look.project.routes:
        if _inside(known.file, look):
            guards.update({guard.name for guard in known.guards})
    if guards:
        ordered = sorted(guards, key=lambda name: (-guards[name], name))
        yield "guards of routes", _ticked(ordered)


def _inside(path: str, look: _Look) -> str:
    """The relative path of a file in the base folder; "" for any other."""
    relative = _relative(path, look.reader.root)
    return relative if not look.base or relative.startswith(f"{look.base}/") else ""


# --- Migrations

_NUMBERED = re.compile(
    r"(?:^|/)(?P<folder>migrations?|migrate|versions|changesets|drizzle)/(?:[^/]+/)?"
    r"[Vv]?(?P<number>\d+(?:[._-]\d+)*)(?P<separator>__|[_.-])[^/]*(?:/migration)?\.(?:py|js|ts|sql)$"
)
_IS_REVISION = re.compile(r"(?:^|/)versions/(?:[^/]+/)*[^/]+\.py$")
_REVISION = re.compile(r"^revision\s*(?::[^=\n]*)?=\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
_DOWN_REVISION = re.compile(
    r"^down_revision\s*(?::[^=\n]*)?=\s*([^\n]*(?:\n\s[^\n]*)*)", re.MULTILINE
)


def _migrations(look: _Look) -> Iterator[Fact]:
    yield from _alembic(look)
    uses_django = look.version("django") is not None or look.exists(_joined(look.base, "manage.py"))
    newest: dict[str, tuple[tuple[int, ...], list[str]]] = {}
    for path in look.paths:
        match = _NUMBERED.search(path)
        if match is None or _IS_REVISION.search(path):
            continue
        folder = path[: match.start("folder") + len(match["folder"])]
        number = tuple(int(part) for part in re.split(r"[._-]", match["number"]))
        known = newest.setdefault(folder, (number, []))
        if number > known[0]:
            newest[folder] = number, [path]
        elif number == known[0]:
            known[1].append(path)
    for folder, (_, found) in islice(sorted(newest.items()), 30):
        # What undoes a migration has its number too.
        paths = [path for path in found if look.exists(path)]
        ups = [path for path in paths if not re.search(r"[._-](?:down|undo)\.", path)] or paths
        if not ups:
            continue
        shown = [_shown(path.removeprefix(f"{folder}/")) for path in ups]
        if uses_django and ups[0].endswith(".py"):
            names = [name.removesuffix(".py") for name in shown]
            yield "newest Django migrations", f"{_shown(folder)}: {_ticked(names)}"
        else:
            yield "migrations", f"newest of {_shown(folder)}/ is {_ticked(shown)}"


def _alembic(look: _Look) -> Iterator[Fact]:
    """The heads of each folder of revisions: the ones that no other revision comes after."""
    folders: dict[str, list[str]] = {}
    for path in look.paths:
        if _IS_REVISION.search(path):
            folders.setdefault(re.split(r"(?<=versions)/", path)[0], []).append(path)
    for folder, paths in folders.items():
        if len(paths) > MOST_REVISIONS:
            continue
        revisions: dict[str, str] = {}
        followed: set[str] = set()
        for path in paths:
            text = look.text(path)
            if match := _REVISION.search(text):
                revisions[match[1]] = path
                down = _DOWN_REVISION.search(text)
                followed.update(re.findall(r"[\"']([^\"'\n]+)[\"']", down[1]) if down else ())
        heads = sorted(revisions.keys() - followed)
        shown = [f"`{_name(head)}` ({_shown(revisions[head])})" for head in heads[:_MOST_NAMES]]
        if len(heads) == 1:
            said = f"the head of {_shown(folder)}/ is {shown[0]}, the next `down_revision`"
            yield "Alembic", said
        elif heads:
            yield "Alembic", f"{_shown(folder)}/ has {len(heads)} heads: {', '.join(shown)}"


# --- Tests


_FIXTURE = re.compile(
    r"^@pytest(?:_asyncio)?\.fixture[^\n]*\n(?:@[^\n]*\n)*(?:async\s+)?def\s+(\w+)", re.MULTILINE
)
_EXPORTED = re.compile(
    r"^(?:export\s+(?:default\s+)?(?:async\s+)?(?:function|const|class)\s+(\w+)"
    r"|(?:module\.)?exports\.(\w+)\s*=|module\.exports\s*=\s*(\w+)\s*;?$)",
    re.MULTILINE,
)


def _is_test(path: str) -> bool:
    return bool(
        re.search(r"(?:^|/)(?:tests?|__tests__|spec|e2e)/", path)
        or re.search(r"(?:^|/)(?:test_[^/]*|[^/]*_test|conftest|tests)\.py$", path)
        or re.search(r"[.-](?:test|spec|e2e-spec)\.[cm]?[jt]sx?$", path)
    )


def _tests(look: _Look) -> Iterator[Fact]:
    tests = [
        path
        for path in look.paths
        if re.search(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests)\.py$", path)
        or re.search(r"[.-](?:test|spec|e2e-spec)\.[cm]?[jt]sx?$", path)
        or (re.search(r"(?:^|/)(?:tests?|__tests__)/", path) and path.endswith(_SCRIPTS))
    ]
    folders = Counter(path.rpartition("/")[0] or "." for path in tests)
    often = sorted(folders, key=lambda one: (-folders[one], one))
    tests = [path for path in tests[:_MOST_NAMES] if look.exists(path)]
    if tests:
        shown = [f"{_shown(one)}/ ({folders[one]})" for one in often[:6]]
        yield "test files", f"{', '.join(shown)}, such as {_shown(tests[0])}"
    for path in look.paths:
        if path.endswith("conftest.py") and (names := _FIXTURE.findall(look.text(path))):
            yield "fixtures", f"{_ticked(names)} in {_shown(path)}"
        elif re.search(
            r"(?:^|/)(?:tests?|__tests__)/(?:.*/)?(?:setup|helpers?|utils?|app)\.\w+$", path
        ):
            names = [next(filter(None, one)) for one in _EXPORTED.findall(look.text(path))]
            if names:
                yield "test helpers", f"{_ticked(names)} in {_shown(path)}"
    for path, text in look.nearest("pyproject.toml"):
        options = _table(_toml(text), "tool", "pytest", "ini_options")
        if said := _said(options, ("asyncio_mode", "DJANGO_SETTINGS_MODULE")):
            yield "pytest", f"{said} ({_shown(path)})"
    for path, text in look.nearest("pytest.ini", "setup.cfg", "tox.ini"):
        for match in re.finditer(r"^(asyncio_mode|DJANGO_SETTINGS_MODULE)\s*=\s*(\S+)", text, re.M):
            yield "pytest", f"`{match[1]}` {_value(match[2])} ({_shown(path)})"
    if tests and (runner := _BUILT_IN_RUNNER.search(look.text(tests[0]))):
        yield "tests", f"`{runner[1]}`, as in {_shown(tests[0])}"


_BUILT_IN_RUNNER = re.compile(r"(?:\bfrom\s+|\brequire\()['\"]((?:node|bun):test)['\"]")


# --- Errors

_CLASS = re.compile(
    r"^class\s+(\w+)\s*\(\s*(?:\w+\.)*(\w+)[^)]*\)\s*:"
    r"|^(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\s+(\w+)\s+extends\s+(\w+)",
    re.MULTILINE,
)
"""A class and its first base class, in Python, then in JavaScript."""
_ERROR = re.compile(r"\w*(?:Error|Exception)")
_PYTHON_HANDLER = re.compile(
    r"@\w+\.(?:exception_handler|errorhandler|app_errorhandler)\(\s*(?P<of>[\w.]*)[^)]*\)\s*"
    r"(?:async\s+)?def\s+(?P<name>\w+)"
    r"|add_exception_handler\(\s*(?P<added>[\w.]+)\s*,\s*(?P<function>\w+)"
    r"|[\"']EXCEPTION_HANDLER[\"']\s*:\s*[\"'](?P<django>[\w.]+)[\"']"
)
_SCRIPT_HANDLER = re.compile(
    r"(?:\b(?P<name>\w+)(?:\s*:\s*\w+)?\s*(?:=\s*(?:async\s*)?)?)?\(\s*(?:err|error|e)\b[^,()]*"
    r"(?:,\s*\w+[^,()]*){3}\)"
    r"|@Catch\((?P<of>[\w, ]*)\)\s*(?:export\s+)?class\s+(?P<filter>\w+)"
    r"|\bsetErrorHandler\("
)
_ANSWER = re.compile(
    r"(?:content\s*=\s*|jsonify\(\s*|\bjson\(\s*|\bsend\(\s*|Response\(\s*|return\s*)"
    r"\{(?P<body>[^{}]*)|jsonify\((?P<named>[^(){}]*)\)"
)
_KEY = re.compile(r"(?:^|,)\s*[\"']?([A-Za-z_]\w*)[\"']?\s*(?=[:,=]|$)")
_MOST_HANDLERS = 6
_HANDLER_LENGTH = 900
"""Characters behind the head of an error handler in which its answer is looked for."""


def _errors(look: _Look) -> Iterator[Fact]:
    classes = [
        (path, match[1] or match[3], match[2] or match[4])
        for path, match in look.found(_CLASS, _CODE, "class ")
    ]
    errors: set[str] = set()
    while (
        more := {name for _, name, base in classes if base in errors or _ERROR.fullmatch(base)}
        - errors
    ):
        errors |= more
    by_path: dict[str, list[str]] = {}
    for path, name, _ in classes:
        if name in errors and not name.startswith("_"):
            by_path.setdefault(path, []).append(name)
    # Where most of them are is where the next one belongs.
    for path in sorted(by_path, key=lambda one: (-len(by_path[one]), one))[:6]:
        yield "error classes", f"{_ticked(by_path[path])} in {_shown(path)}"
    handlers: dict[str, None] = {}
    for said in _handlers(look):
        handlers[said] = None
        if len(handlers) == _MOST_HANDLERS:
            break
    for said in handlers:
        yield "error handlers", said


def _handlers(look: _Look) -> Iterator[str]:
    for pattern, ends, mentions in (
        (_PYTHON_HANDLER, _PYTHON, ("exception_handler", "errorhandler", "EXCEPTION_HANDLER")),
        (_SCRIPT_HANDLER, _SCRIPTS, ("err", "(e", "@Catch", "setErrorHandler")),
    ):
        for path, match in look.found(pattern, ends, *mentions):
            text = look.texts[path][match.end() : match.end() + _HANDLER_LENGTH]
            yield f"{_handler(match.groupdict(), text)} in {_shown(path)}"


def _handler(groups: Mapping[str, str | None], text: str) -> str:
    """What is known of an error handler: `text` comes behind its head."""
    name = next((groups[key] for key in _HANDLER_NAMES if groups.get(key)), None)
    said = f"`{_name(name)}`" if name else "one"
    if of := groups.get("of") or groups.get("added"):
        said += f" for `{_name(of)}`"
    answer = None if groups.get("added") or groups.get("django") else _ANSWER.search(text)
    keys = _KEY.findall(answer["body"] or answer["named"] or "") if answer else ()
    return f"{said} answers {{{', '.join(map(_name, keys[:6]))}}}" if keys else said


_HANDLER_NAMES = ("name", "function", "filter", "django")


# --- Settings, logs, dependencies


_SETTINGS_CLASS = re.compile(r"^class\s+(\w+)\(\s*(?:\w+\.)?BaseSettings\b", re.MULTILINE)
_SETTINGS_OBJECT = re.compile(
    r"^(?:(\w+)(?:\s*:\s*\w+)?\s*=\s*(?:\w*Settings|get_settings)\(|def\s+(get_(?:settings|config))\b)",
    re.MULTILINE,
)
_DJANGO_MODULE = re.compile(r"DJANGO_SETTINGS_MODULE[\"'],\s*[\"']([\w.]+)[\"']")
_ENVIRONMENT = re.compile(r"\bprocess\.env\b|\bos\.environ\b|\bos\.getenv\(")
_NEST_CONFIG = re.compile(r"\bConfigModule\.forRoot")
_FLASK_CONFIG = re.compile(r"\.config\.(from_\w+)\(\s*[\"']?([\w.]*)")


def _settings(look: _Look) -> Iterator[Fact]:
    for path, match in look.found(_SETTINGS_CLASS, _PYTHON, "BaseSettings"):
        objects = [next(filter(None, one)) for one in _SETTINGS_OBJECT.findall(look.texts[path])]
        through = f", read through {_ticked(objects)}" if objects else ""
        yield "settings", f"class `{match[1]}` in {_shown(path)}{through}"
    for path, match in look.found(_DJANGO_MODULE, _PYTHON, "DJANGO_SETTINGS_MODULE"):
        if path.endswith("manage.py"):
            yield "settings", f"Django module `{_name(match[1])}` ({_shown(path)})"
    for path, match in look.found(_FLASK_CONFIG, _PYTHON, ".config.from_"):
        yield "settings", f"`app.config.{match[1]}({_name(match[2])})` in {_shown(path)}"
    for path, _ in islice(look.found(_NEST_CONFIG, _SCRIPTS, "ConfigModule"), 1):
        yield "settings", f"Nest's `ConfigModule` ({_shown(path)}), injected as `ConfigService`"
    reads = Counter(
        path for path, _ in look.found(_ENVIRONMENT, _CODE, "process.env", "environ", "getenv")
    )
    most = sorted(reads, key=lambda path: (-reads[path], path))[:3]
    if most:
        yield "the environment is read in", f"{_listed(most)}"


_LOGGERS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "structlog": (
        "structlog",
        re.compile(r"^(\w+)\s*(?::[^=\n]*)?=\s*structlog\.(?:stdlib\.)?get_logger\(", re.MULTILINE),
    ),
    "logging.getLogger": (
        "getLogger",
        re.compile(r"^(\w+)\s*=\s*(?:logging\.)?getLogger\(\s*(?:__name__|[\"'])", re.MULTILINE),
    ),
    "loguru": ("loguru", re.compile(r"^from loguru import (logger)\b", re.MULTILINE)),
    "pino": ("pino", re.compile(r"\b(\w+)\s*=\s*pino\(")),
    "winston": ("createLogger", re.compile(r"\b(\w+)\s*=\s*(?:winston\.)?createLogger\(")),
    "Nest's Logger": ("new Logger", re.compile(r"\b(\w+)\s*=\s*new Logger\(")),
    "console": ("console.", re.compile(r"\b(console)\.(?:log|error|warn|info)\(")),
    "Flask's logger": ("app.logger", re.compile(r"\b((?:current_)?app\.logger)\.")),
}
"""Name -> a text that each use has in it, and a use."""


def _logging(look: _Look) -> Iterator[Fact]:
    for how, (mention, pattern) in _LOGGERS.items():
        matches = [*look.found(pattern, _CODE, mention)]
        if not matches:
            continue
        name = Counter(match[1] for _, match in matches).most_common(1)[0][0]
        paths = sorted({path for path, _ in matches}, key=lambda one: (one.count("/"), one))
        is_shared = len(paths) == 1 and how in ("pino", "winston", "structlog")
        where = f"made in {_shown(paths[0])}" if is_shared else f"{len(paths)} files"
        said = f"{how} as `{_name(name)}` ({where}"
        yield "logging", said + (")" if is_shared else f", such as {_shown(paths[0])})")


_DEPENDS = re.compile(r"\b(?:Depends|Security)\(\s*(?:\w+\.)*(\w+)")
_ALIAS = re.compile(r"^(\w+)\s*(?::\s*\w+\s*)?=\s*Annotated\[[^\n]*\b(?:Depends|Security)\(", re.M)
_FUNCTION = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE)
_NEST_GUARD = re.compile(r"class\s+(\w+)\s+(?:extends\s+[^\n{]+?)?implements\s+[^\n{]*CanActivate")
_NEST_GUARD_OF = re.compile(r"class\s+(\w+)\s+extends\s+AuthGuard\(")
_MIDDLEWARE = re.compile(r"(?:^|/)middlewares?(?:/[^/]+)?\.[cm]?[jt]s$")
_PERMISSIONS = re.compile(r"\b(permission_classes|authentication_classes)\s*=\s*[\[(]([\w., ]*)")
_DECORATED = re.compile(
    r"^\s*@(login_required|permission_required|jwt_required|\w*_required)\b", re.M
)


def _injection(look: _Look) -> Iterator[Fact]:
    used = Counter(match[1] for _, match in look.found(_DEPENDS, _PYTHON, "Depends(", "Security("))
    if used:
        places: dict[str, list[str]] = {}
        for path, match in look.found(_FUNCTION, _PYTHON, *used):
            if match[1] in used:
                places.setdefault(path, []).append(match[1])
        for path in sorted(places, key=lambda one: (-sum(used[name] for name in places[one]), one))[
            :5
        ]:
            yield (
                "dependencies (Depends)",
                f"{_ticked(dict.fromkeys(places[path]))} in {_shown(path)}",
            )
    aliases: dict[str, list[str]] = {}
    for path, match in look.found(_ALIAS, _PYTHON, "Annotated["):
        aliases.setdefault(path, []).append(match[1])
    for path, names in islice(aliases.items(), 3):
        yield "annotated dependencies", f"{_ticked(names)} in {_shown(path)}"
    for pattern in (_NEST_GUARD, _NEST_GUARD_OF):
        for path, match in look.found(pattern, _SCRIPTS, "CanActivate", "AuthGuard"):
            yield "Nest guards", f"`{match[1]}` in {_shown(path)}"
    for path in look.paths:
        if _MIDDLEWARE.search(path) and not _is_test(path):
            names = [next(filter(None, one)) for one in _EXPORTED.findall(look.text(path))]
            said = f"{_ticked(names)} in {_shown(path)}" if names else _shown(path)
            yield "middleware", said
    permissions = {
        _name(match[2].strip()): path
        for path, match in look.found(_PERMISSIONS, _PYTHON, "permission_classes")
        if match[1] == "permission_classes" and match[2].strip()
    }
    for classes, path in islice(sorted(permissions.items()), 4):
        yield "permissions", f"`{classes}` as in {_shown(path)}"
    decorators = {match[1]: path for path, match in look.found(_DECORATED, _PYTHON, "_required")}
    for name, path in islice(sorted(decorators.items()), 4):
        yield "access decorators", f"`@{name}` as in {_shown(path)}"


# --- Style


def _style(look: _Look) -> Iterator[Fact]:
    for path, text in look.nearest("pyproject.toml", "ruff.toml", ".ruff.toml"):
        data = _toml(text)
        ruff = data if "ruff" in path else _table(data, "tool", "ruff")
        tables: list[tuple[str, dict[str, Any]]] = [
            ("ruff", ruff | _table(ruff, "format") | {"line-length": ruff.get("line-length")}),
            ("black", _table(data, "tool", "black")),
            ("isort", _table(data, "tool", "isort")),
            ("mypy", _table(data, "tool", "mypy")),
        ]
        keys = ("line-length", "line_length", "quote-style", "indent-style", "indent-width")
        more = ("skip-string-normalization", "profile", "strict", "target-version")
        for tool, table in tables:
            if said := _said(table, (*keys, *more)):
                yield "style", f"{tool} {said} ({_shown(path)})"
    for path, text in look.nearest("setup.cfg", ".flake8", "tox.ini"):
        if match := re.search(r"^max-line-length\s*=\s*(\d+)", text, re.MULTILINE):
            yield "style", f"flake8 `max-line-length` {match[1]} ({_shown(path)})"
    prettier = [(path, _json(text) or _yaml(text)) for path, text in look.nearest(*_PRETTIER_FILES)]
    manifests = look.nearest("package.json")
    for path, table in (
        *prettier,
        *((path, _table(_json(text), "prettier")) for path, text in manifests),
    ):
        if said := _said(table, _PRETTIER):
            yield "style", f"prettier {said} ({_shown(path)})"
    for path, text in look.nearest("biome.json", "biome.jsonc"):
        table = _table(_json(_without_comments(text)), "formatter")
        if said := _said(table, ("indentStyle", "indentWidth", "lineWidth")):
            yield "style", f"biome {said} ({_shown(path)})"
    for path, text in look.nearest(".editorconfig"):
        pairs = dict(
            re.findall(r"^\s*(indent_style|indent_size|max_line_length)\s*=\s*(\w+)", text, re.M)
        )
        if said := _said(pairs, ("indent_style", "indent_size", "max_line_length")):
            yield "style", f"editorconfig {said} ({_shown(path)})"
    for folder in _upwards(look.base):
        for name in _ESLINT_FILES:
            if look.exists(path := _joined(folder, name)):
                yield "style", f"ESLint ({_shown(path)})"
    for language, ends in (("Python", _PYTHON), ("JavaScript and TypeScript", _SCRIPTS)):
        if said := _written(look, ends):
            yield "code as it is", f"{language} with {said}"


_PRETTIER = ("printWidth", "singleQuote", "semi", "tabWidth", "useTabs", "trailingComma")
_PRETTIER_FILES = (".prettierrc", ".prettierrc.json", ".prettierrc.yaml", ".prettierrc.yml")
_ESLINT_FILES = (
    *("eslint.config.js", "eslint.config.mjs", "eslint.config.ts", ".eslintrc.json"),
    *(".eslintrc.js", ".eslintrc.cjs", ".eslintrc.yml", ".eslintrc"),
)


def _written(look: _Look, ends: tuple[str, ...]) -> str:
    """How most files of a language are written."""
    styles = [style for path, style in look.styles.items() if path.endswith(ends)]
    chosen = []
    for kind in range(3):
        known = Counter(style[kind] for style in styles if style[kind])
        chosen += [max(known, key=lambda one: (known[one], one))] if known else []
    return ", ".join(chosen)


def _style_of(text: str) -> _Style:
    text = text[:20_000]
    widths = Counter(
        "tabs" if one.startswith("\t") else str(min(len(one), 8))
        for one in re.findall(r"^(\t+|  +)(?=[^\s*#/])", text, re.MULTILINE)
    )
    numbers = [int(one) for one in widths if one != "tabs"]
    indent = ""
    if widths["tabs"] * 2 > sum(widths.values()):
        indent = "tabs"
    elif numbers:
        # The step is what nearly all widths are made of.
        step = 4 if sum(widths[str(one)] for one in numbers if one % 4) * 5 < widths.total() else 2
        indent = f"{step} spaces"
    double, single = len(re.findall(r'"[^"\'\n]*"', text)), len(re.findall(r"'[^\"'\n]*'", text))
    quotes = "" if double + single < 3 else "double quotes" if double > single else "single quotes"
    line_ends = "CRLF line ends" if text.count("\r\n") * 2 > text.count("\n") else ""
    return indent, quotes, line_ends


def _own_style(document: Document, span: Span, look: _Look) -> str:
    """How the selection is written, or else its file, where most of the project is not."""
    is_script = document.language.startswith(("javascript", "typescript"))
    ends = _PYTHON if document.language == "python" else _SCRIPTS if is_script else ()
    usual = _written(look, ends)
    selected = document.text[span.start : span.end]
    own = _style_of(selected)
    own = own if any(own) else _style_of(document.text)
    different = [style for style in own if style and style not in usual]
    return f"- the selection is written with: {', '.join(different)}" if different and usual else ""


# --- Where it runs


_COMPOSE_FILES = ("compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml")
_FROM = re.compile(r"^FROM\s+(?:--\S+\s+)?(\S+)", re.MULTILINE | re.IGNORECASE)


def _containers(look: _Look) -> Iterator[Fact]:
    for path in look.paths:
        if not re.search(r"(?:^|/)(?:Dockerfile|Containerfile)(?:\.[^/]+)?$", path):
            continue
        if images := [image for one in _FROM.findall(look.text(path)) if (image := _value(one))]:
            yield "base images", f"{_ticked(images)} ({_shown(path)})"
    for path, text in look.nearest(*_COMPOSE_FILES):
        services = []
        for name, service in _table(_yaml(text), "services").items():
            image = _value(service.get("image")) if isinstance(service, dict) else ""
            services.append(f"`{_name(str(name))}`" + (f" ({image})" if image else ""))
        if services:
            yield "Compose services", f"{', '.join(services[:_MOST_NAMES])} ({_shown(path)})"


_PIPELINES: Mapping[str, str] = {
    ".gitlab-ci.yml": "GitLab CI",
    ".circleci/config.yml": "CircleCI",
    "Jenkinsfile": "Jenkins",
    "azure-pipelines.yml": "Azure Pipelines",
    "bitbucket-pipelines.yml": "Bitbucket Pipelines",
    ".travis.yml": "Travis CI",
    ".pre-commit-config.yaml": "pre-commit",
}


def _pipelines(look: _Look) -> Iterator[Fact]:
    workflows = sorted(
        f".github/workflows/{file.absolute.name}"
        for file in walk(look.reader.root / ".github" / "workflows")
        if file.language == "yaml"
    )
    if workflows:
        yield "CI", f"GitHub Actions ({_listed(workflows[:6])})"
    for path, name in _PIPELINES.items():
        if look.exists(path):
            yield "CI", f"{name} ({path})"


# --- Words


_FINDERS: Sequence[Callable[[_Look], Iterator[Fact]]] = (
    _languages,
    _packages,
    _package_managers,
    _migrations,
    _layout,
    _errors,
    _injection,
    _models,
    _settings,
    _logging,
    _tests,
    _style,
    _containers,
    _pipelines,
)
"""What matters most comes first: what does not fit is left out."""


def _said(table: Mapping[str, object], keys: Sequence[str]) -> str:
    """Those settings of a table that have plain values."""
    values = {key: _value(table.get(key)) for key in keys}
    return ", ".join(f"`{key}` {value}" for key, value in values.items() if value)


def _ticked(names: Iterable[str]) -> str:
    shown = [f"`{_name(name)}`" for name in dict.fromkeys(names)]
    more = len(shown) - _MOST_NAMES
    return ", ".join(shown[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(_shown(path) for path in paths[:_MOST_NAMES])


def _name(text: str) -> str:
    """A name out of the code, as it may stand between backticks."""
    return shortened(visible(text).replace("`", "'").replace("\n", " "), _LONGEST_NAME)


def _shown(path: str) -> str:
    return _name(path)


def _without_comments(text: str) -> str:
    """JSON as TypeScript's and Biome's files have it: without comments and last commas."""
    text = re.sub(r"^\s*//[^\n]*|/\*.*?\*/|(?<=[\s,{\[])//[^\n\"]*$", "", text, flags=re.M | re.S)
    return re.sub(r",(\s*[}\]])", r"\1", text)
