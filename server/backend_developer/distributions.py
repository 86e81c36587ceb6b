"""What a module that code imports may be called where dependencies are declared.

`import yaml` is `pyyaml` on PyPI, `import jwt` is `pyjwt`. The tables hold what backend libraries
are known to differ in, from their own documentation; every other module is taken to be called as
its distribution is, give or take what people put before or behind a name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping


def distribution_names(module: str) -> tuple[str, ...]:
    """The names on PyPI, likeliest first, that may bring a module such as `google.cloud.storage`.

    Normalised as PEP 503 says.
    """
    parts = module.split(".")
    prefixes = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    known = next((_MODULES[one] for one in prefixes if one in _MODULES), "")
    names = known.split()
    if parts[0] in SHARED:
        names += (normalised(prefix) for prefix in prefixes if "." in prefix)
    plain = normalised(parts[0])
    names += (plain, *(shape.format(plain) for shape in _SHAPES))
    return tuple(dict.fromkeys(names))


def shown_module(module: str) -> str:
    """What of a module's name tells which distribution it is of."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[0] in SHARED else 1])


def package_of(specifier: str) -> str:
    """The npm package that `express/lib/x` or `@nestjs/common/x` is of; "" when it is none."""
    found = _PACKAGE.match(specifier)
    return found[0] if found else ""


def is_node_builtin(specifier: str) -> bool:
    return specifier.startswith(("node:", "bun:")) or specifier.partition("/")[0] in _NODE_MODULES


def normalised(name: str) -> str:
    """A distribution's name in its one spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def brought_by(name: str, declared: Collection[str]) -> bool:
    """Whether something declared brings the distribution, as part of what it lets one use."""
    return any(name in _BRINGS.get(one, "").split() for one in declared)


SHARED = frozenset(
    {"google", "azure", "opentelemetry", "zope", "jaraco", "ruamel", "sphinxcontrib"}
)
"""Top-level modules that many distributions put something into."""

_SHAPES = (
    "python-{}",
    "py{}",
    "{}-python",
    "{}-py",
    "{}-client",
    "{}-sdk",
    "{}-binary",
    "django-{}",
)

_MODULES: Mapping[str, str] = {
    "Crypto": "pycryptodome pycrypto",
    "Cryptodome": "pycryptodomex",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "_pytest": "pytest",
    "aiokafka": "aiokafka",
    "allauth": "django-allauth",
    "apscheduler": "apscheduler",
    "argon2": "argon2-cffi argon2-cffi-bindings",
    "ariadne": "ariadne",
    "ast_grep_py": "ast-grep-py",
    "attr": "attrs",
    "auditlog": "django-auditlog",
    "axes": "django-axes",
    "azure.functions": "azure-functions",
    "bs4": "beautifulsoup4",
    "bson": "pymongo",
    "confluent_kafka": "confluent-kafka",
    "connexion": "connexion",
    "constance": "django-constance",
    "corsheaders": "django-cors-headers",
    "crispy_forms": "django-crispy-forms",
    "cv2": "opencv-python opencv-python-headless opencv-contrib-python",
    "dateutil": "python-dateutil",
    "dbus": "dbus-python",
    "debug_toolbar": "django-debug-toolbar",
    "discord": "discord-py",
    "django_filters": "django-filter",
    "dns": "dnspython",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "drf_yasg": "drf-yasg",
    "elasticsearch_dsl": "elasticsearch-dsl elasticsearch",
    "email_validator": "email-validator",
    "environ": "django-environ environ-config",
    "fitz": "pymupdf",
    "flask_jwt_extended": "flask-jwt-extended",
    "flask_restful": "flask-restful",
    "flask_sqlalchemy": "flask-sqlalchemy",
    "git": "gitpython",
    "github": "pygithub",
    "google.api_core": "google-api-core google-cloud-core",
    "google.auth": "google-auth",
    "google.genai": "google-genai",
    "google.generativeai": "google-generativeai",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf grpcio-tools",
    "google.rpc": "googleapis-common-protos",
    "googleapiclient": "google-api-python-client",
    "graphene_django": "graphene-django",
    "gridfs": "pymongo",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "grpc_reflection": "grpcio-reflection",
    "grpc_status": "grpcio-status",
    "grpc_tools": "grpcio-tools",
    "guardian": "django-guardian",
    "health_check": "django-health-check",
    "httpx_sse": "httpx-sse",
    "import_export": "django-import-export",
    "jinja2": "jinja2",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kafka": "kafka-python kafka-python-ng",
    "ldap": "python-ldap",
    "ldap3": "ldap3",
    "ldclient": "launchdarkly-server-sdk",
    "magic": "python-magic",
    "memcache": "python-memcached",
    "model_utils": "django-model-utils",
    "mptt": "django-mptt",
    "multipart": "python-multipart multipart",
    "mysql": "mysql-connector-python",
    "ninja": "django-ninja",
    "ninja_extra": "django-ninja-extra",
    "nacl": "pynacl",
    "oauth2_provider": "django-oauth-toolkit",
    "opentelemetry": "opentelemetry-api opentelemetry-sdk opentelemetry-distro",
    "opentelemetry.exporter": "opentelemetry-exporter-otlp opentelemetry-exporter-otlp-proto-grpc "
    "opentelemetry-exporter-otlp-proto-http opentelemetry-exporter-prometheus "
    "opentelemetry-exporter-jaeger opentelemetry-exporter-zipkin",
    "opentelemetry.instrumentation": "opentelemetry-instrumentation",
    "opentelemetry.sdk": "opentelemetry-sdk opentelemetry-distro",
    "opentelemetry.semconv": "opentelemetry-semantic-conventions opentelemetry-sdk",
    "parameterized": "parameterized",
    "pgvector": "pgvector",
    "pika": "pika",
    "pkg_resources": "setuptools",
    "playhouse": "peewee",
    "postmarker": "postmarker",
    "psycopg": "psycopg psycopg-binary",
    "psycopg2": "psycopg2-binary psycopg2 psycopg2cffi",
    "psycopg_pool": "psycopg-pool psycopg",
    "pydantic_core": "pydantic-core pydantic",
    "pydantic_settings": "pydantic-settings",
    "pymysql": "pymysql",
    "pypdf": "pypdf",
    "pythonjsonlogger": "python-json-logger",
    "pytz": "pytz",
    "redis": "redis redis-py-cluster",
    "rest_framework": "djangorestframework",
    "rest_framework_nested": "drf-nested-routers",
    "rest_framework_simplejwt": "djangorestframework-simplejwt",
    "reversion": "django-reversion",
    "rosetta": "django-rosetta",
    "ruamel.yaml": "ruamel-yaml",
    "sendgrid": "sendgrid",
    "sentry_sdk": "sentry-sdk",
    "serial": "pyserial",
    "setuptools": "setuptools",
    "silk": "django-silk",
    "simple_history": "django-simple-history",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "snowflake": "snowflake-connector-python snowflake-sqlalchemy",
    "social_core": "social-auth-core social-auth-app-django",
    "social_django": "social-auth-app-django",
    "socketio": "python-socketio",
    "engineio": "python-engineio python-socketio",
    "sse_starlette": "sse-starlette",
    "starlette_prometheus": "starlette-prometheus",
    "storages": "django-storages",
    "strawberry": "strawberry-graphql",
    "strawberry_django": "strawberry-graphql-django",
    "taggit": "django-taggit",
    "telegram": "python-telegram-bot",
    "tortoise": "tortoise-orm",
    "ulid": "python-ulid ulid-py ulid",
    "usb": "pyusb",
    "waffle": "django-waffle",
    "websocket": "websocket-client",
    "wtforms": "wtforms flask-wtf",
    "xdist": "pytest-xdist",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}

_BRINGS: Mapping[str, str] = {
    "aiohttp": "yarl multidict",
    "alembic": "sqlalchemy mako",
    "boto3": "botocore s3transfer",
    "aioboto3": "aiobotocore boto3 botocore",
    "celery": "kombu billiard",
    "django": "asgiref sqlparse",
    "djangorestframework": "django asgiref",
    "fastapi": "starlette pydantic anyio typing-extensions",
    "fastapi[all]": "httpx jinja2 python-multipart uvicorn email-validator pydantic-settings",
    "fastapi[standard]": "httpx jinja2 python-multipart uvicorn email-validator fastapi-cli",
    "flask": "werkzeug jinja2 click itsdangerous markupsafe blinker",
    "flask-admin": "flask wtforms",
    "flask-jwt-extended": "flask pyjwt",
    "flask-marshmallow": "marshmallow flask",
    "flask-migrate": "alembic flask-sqlalchemy flask",
    "flask-smorest": "marshmallow webargs apispec flask",
    "flask-sqlalchemy": "sqlalchemy flask",
    "flask-wtf": "wtforms flask",
    "gql": "graphql-core",
    "httpx": "httpcore anyio",
    "litestar": "msgspec",
    "motor": "pymongo",
    "beanie": "motor pymongo pydantic",
    "pydantic": "pydantic-core typing-extensions annotated-types",
    "pydantic-settings": "pydantic python-dotenv",
    "pytest-django": "pytest",
    "pytest-asyncio": "pytest",
    "pytest-cov": "pytest coverage",
    "requests": "urllib3 certifi charset-normalizer idna",
    "sqlmodel": "sqlalchemy pydantic",
    "strawberry-graphql": "graphql-core",
    "graphene": "graphql-core",
    "ariadne": "graphql-core",
    "starlette": "anyio",
    "typer": "click rich",
    "uvicorn[standard]": "websockets uvloop httptools watchfiles python-dotenv pyyaml",
    "@nestjs/core": "rxjs reflect-metadata @nestjs/common",
    "@nestjs/platform-express": "express multer body-parser cors",
    "@nestjs/platform-fastify": "fastify",
    "@nestjs/swagger": "swagger-ui-dist js-yaml",
    "express": "body-parser",
    "next": "react react-dom",
    "mongoose": "mongodb bson",
    "jest": "@jest/globals",
}
"""What a framework's own documentation has people import although they declare the framework."""

_PACKAGE = re.compile(r"@[a-z0-9~][\w.~-]*/[a-z0-9~][\w.~-]*|[a-zA-Z0-9][\w.~-]*(?=/|$)")

_NODE_MODULES = frozenset(
    word
    for line in (
        "_http_agent _http_client _http_common _http_incoming _http_outgoing _http_server",
        "_stream_duplex _stream_passthrough _stream_readable _stream_transform _stream_wrap",
        "_stream_writable _tls_common _tls_wrap assert async_hooks buffer child_process cluster",
        "console constants crypto dgram diagnostics_channel dns domain events fs http http2 https",
        "inspector module net os path perf_hooks process punycode querystring readline repl",
        "stream string_decoder sys timers tls trace_events tty url util v8 vm wasi",
        "worker_threads zlib",
    )
    for word in line.split()
)
"""Node's `module.builtinModules` that may be named without `node:`."""
