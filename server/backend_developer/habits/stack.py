"""What a project is made of and how it is written: packages, tools, style, where it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ..files import walk
from ..manifests import LOCKS, PackageManager
from .look import PYTHON, SCRIPTS, Fact, Look, written
from .words import (
    MOST_NAMES,
    as_list,
    as_name,
    as_names,
    as_settings,
    joined,
    json_in,
    plain_value,
    table_in,
    toml_in,
    upwards,
    without_comments,
    yaml_in,
)

# --- Languages and packages


def languages(look: Look) -> Iterator[Fact]:
    for one in look.manifests:
        if runtime := plain_value(one.runtime):
            language = "Python" if one.ecosystem == "python" else "Node"
            yield "language", f"{language} {runtime} ({as_name(one.path)})"
    for path, text in look.nearest(".python-version", ".nvmrc", ".node-version"):
        if value := plain_value(text):
            language = "Python" if path.endswith(".python-version") else "Node"
            yield "language", f"{language} {value} ({as_name(path)})"
    for path, text in look.nearest("tsconfig.json"):
        options = table_in(json_in(without_comments(text)), "compilerOptions")
        keys = ("strict", "target", "module", "moduleResolution")
        if said := as_settings(options, keys):
            yield "TypeScript", f"{said} ({as_name(path)})"
        for alias in islice(sorted(table_in(options, "paths")), 4):
            yield "TypeScript", f"import alias `{as_name(alias)}` ({as_name(path)})"
    for path, text in look.nearest("package.json"):
        if kind := plain_value(json_in(text).get("type")):
            yield "modules", f"`{kind}` ({as_name(path)})"


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
        *("class-validator", "express-validator", "ajv", "@sinclair/typebox", "valibot"),
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


def packages(look: Look) -> Iterator[Fact]:
    for label, names in _PACKAGES.items():
        by_manifest: dict[str, list[str]] = {}
        for name in names:
            if known := look.version(name):
                version, path = known
                by_manifest.setdefault(path, []).append(f"{name} {version}".strip())
        for path, found in by_manifest.items():
            yield label, f"{', '.join(found)} ({as_name(path)})"


_SHOWN: Mapping[PackageManager, str] = {
    "poetry": "Poetry",
    "pdm": "PDM",
    "pipenv": "Pipenv",
    "yarn": "Yarn",
    "bun": "Bun",
}
"""How those write themselves that do not do so in small letters."""


def package_managers(look: Look) -> Iterator[Fact]:
    for folder in upwards(look.base):
        for name, known in LOCKS.items():
            if look.exists(path := joined(folder, name)):
                shown = _SHOWN.get(known, known)
                yield "package manager", f"{shown} (lock file {as_name(path)})"
    for path, text in look.nearest("package.json"):
        data = json_in(text)
        if manager := plain_value(data.get("packageManager")):
            yield "package manager", f"{manager} ({as_name(path)})"
        names = [as_name(name) for name in table_in(data, "scripts")][:MOST_NAMES]
        if names:
            yield "scripts", f"{as_names(names)} ({as_name(path)})"


# --- Style


def style(look: Look) -> Iterator[Fact]:
    for path, text in look.nearest("pyproject.toml", "ruff.toml", ".ruff.toml"):
        data = toml_in(text)
        ruff = data if "ruff" in path else table_in(data, "tool", "ruff")
        tables: list[tuple[str, dict[str, Any]]] = [
            ("ruff", ruff | table_in(ruff, "format") | {"line-length": ruff.get("line-length")}),
            ("black", table_in(data, "tool", "black")),
            ("isort", table_in(data, "tool", "isort")),
            ("mypy", table_in(data, "tool", "mypy")),
        ]
        keys = ("line-length", "line_length", "quote-style", "indent-style", "indent-width")
        more = ("skip-string-normalization", "profile", "strict", "target-version")
        for tool, table in tables:
            if said := as_settings(table, (*keys, *more)):
                yield "style", f"{tool} {said} ({as_name(path)})"
    for path, text in look.nearest("setup.cfg", ".flake8", "tox.ini"):
        if match := re.search(r"^max-line-length\s*=\s*(\d+)", text, re.MULTILINE):
            yield "style", f"flake8 `max-line-length` {match[1]} ({as_name(path)})"
    prettier = [
        (path, json_in(text) or yaml_in(text)) for path, text in look.nearest(*_PRETTIER_FILES)
    ]
    manifests = look.nearest("package.json")
    for path, table in (
        *prettier,
        *((path, table_in(json_in(text), "prettier")) for path, text in manifests),
    ):
        if said := as_settings(table, _PRETTIER):
            yield "style", f"prettier {said} ({as_name(path)})"
    for path, text in look.nearest("biome.json", "biome.jsonc"):
        table = table_in(json_in(without_comments(text)), "formatter")
        if said := as_settings(table, ("indentStyle", "indentWidth", "lineWidth")):
            yield "style", f"biome {said} ({as_name(path)})"
    for path, text in look.nearest(".editorconfig"):
        pairs = dict(
            re.findall(r"^\s*(indent_style|indent_size|max_line_length)\s*=\s*(\w+)", text, re.M)
        )
        if said := as_settings(pairs, ("indent_style", "indent_size", "max_line_length")):
            yield "style", f"editorconfig {said} ({as_name(path)})"
    for folder in upwards(look.base):
        for name in _ESLINT_FILES:
            if look.exists(path := joined(folder, name)):
                yield "style", f"ESLint ({as_name(path)})"
    for language, ends in (("Python", PYTHON), ("JavaScript and TypeScript", SCRIPTS)):
        if said := written(look, ends):
            yield "code as it is", f"{language} with {said}"


_PRETTIER = ("printWidth", "singleQuote", "semi", "tabWidth", "useTabs", "trailingComma")
_PRETTIER_FILES = (".prettierrc", ".prettierrc.json", ".prettierrc.yaml", ".prettierrc.yml")
_ESLINT_FILES = (
    *("eslint.config.js", "eslint.config.mjs", "eslint.config.ts", ".eslintrc.json"),
    *(".eslintrc.js", ".eslintrc.cjs", ".eslintrc.yml", ".eslintrc"),
)


# --- Where it runs


_COMPOSE_FILES = ("compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml")
_FROM = re.compile(r"^FROM\s+(?:--\S+\s+)?(\S+)", re.MULTILINE | re.IGNORECASE)


def containers(look: Look) -> Iterator[Fact]:
    for path in look.paths:
        if not re.search(r"(?:^|/)(?:Dockerfile|Containerfile)(?:\.[^/]+)?$", path):
            continue
        if images := [
            image for one in _FROM.findall(look.text(path)) if (image := plain_value(one))
        ]:
            yield "base images", f"{as_names(images)} ({as_name(path)})"
    for path, text in look.nearest(*_COMPOSE_FILES):
        services = []
        for name, service in table_in(yaml_in(text), "services").items():
            image = plain_value(service.get("image")) if isinstance(service, dict) else ""
            services.append(f"`{as_name(str(name))}`" + (f" ({image})" if image else ""))
        if services:
            yield "Compose services", f"{', '.join(services[:MOST_NAMES])} ({as_name(path)})"


_PIPELINES: Mapping[str, str] = {
    ".gitlab-ci.yml": "GitLab CI",
    ".circleci/config.yml": "CircleCI",
    "Jenkinsfile": "Jenkins",
    "azure-pipelines.yml": "Azure Pipelines",
    "bitbucket-pipelines.yml": "Bitbucket Pipelines",
    ".travis.yml": "Travis CI",
    ".pre-commit-config.yaml": "pre-commit",
}


def pipelines(look: Look) -> Iterator[Fact]:
    workflows = sorted(
        f".github/workflows/{file.absolute.name}"
        for file in walk(look.reader.root / ".github" / "workflows")
        if file.language == "yaml"
    )
    if workflows:
        yield "CI", f"GitHub Actions ({as_list(workflows[:6])})"
    for path, name in _PIPELINES.items():
        if look.exists(path):
            yield "CI", f"{name} ({path})"
