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
    "_pytest": "pytest",
    "allauth": "django-allauth",
    "argon2": "argon2-cffi argon2-cffi-bindings",
    "atlassian": "atlassian-python-api",
    "attr": "attrs",
    "auditlog": "django-auditlog",
    "axes": "django-axes",
    "bs4": "beautifulsoup4",
    "bson": "pymongo",
    "cassandra": "cassandra-driver scylla-driver",
    "constance": "django-constance",
    "corsheaders": "django-cors-headers",
    "crispy_forms": "django-crispy-forms",
    "crontab": "python-crontab",
    "Crypto": "pycryptodome pycrypto",
    "Cryptodome": "pycryptodomex",
    "cv2": "opencv-python opencv-python-headless opencv-contrib-python",
    "dateutil": "python-dateutil",
    "dbus": "dbus-python",
    "debug_toolbar": "django-debug-toolbar",
    "discord": "discord-py",
    "django_filters": "django-filter",
    "djmoney": "django-money",
    "dns": "dnspython",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "elasticsearch_dsl": "elasticsearch-dsl elasticsearch",
    "engineio": "python-engineio python-socketio",
    "environ": "django-environ environ-config",
    "factory": "factory-boy",
    "fitz": "pymupdf",
    "git": "gitpython",
    "github": "pygithub",
    "google.api_core": "google-api-core google-cloud-core",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf grpcio-tools",
    "google.rpc": "googleapis-common-protos",
    "googleapiclient": "google-api-python-client",
    "gridfs": "pymongo",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "grpc_reflection": "grpcio-reflection",
    "grpc_status": "grpcio-status",
    "grpc_tools": "grpcio-tools",
    "guardian": "django-guardian",
    "health_check": "django-health-check",
    "import_export": "django-import-export",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kafka": "kafka-python kafka-python-ng",
    "knox": "django-rest-knox",
    "ldap": "python-ldap",
    "ldclient": "launchdarkly-server-sdk",
    "Levenshtein": "levenshtein python-levenshtein",
    "magic": "python-magic",
    "memcache": "python-memcached",
    "model_utils": "django-model-utils",
    "moneyed": "py-moneyed",
    "mptt": "django-mptt",
    "multipart": "python-multipart multipart",
    "mysql": "mysql-connector-python",
    "MySQLdb": "mysqlclient",
    "nacl": "pynacl",
    "ninja": "django-ninja",
    "ninja_extra": "django-ninja-extra",
    "oauth2_provider": "django-oauth-toolkit",
    "onelogin": "python3-saml",
    "opensearchpy": "opensearch-py",
    "OpenSSL": "pyopenssl",
    "opentelemetry": "opentelemetry-api opentelemetry-sdk opentelemetry-distro",
    "opentelemetry.exporter": "opentelemetry-exporter-otlp opentelemetry-exporter-otlp-proto-grpc "
    "opentelemetry-exporter-otlp-proto-http "
    "opentelemetry-exporter-prometheus opentelemetry-exporter-jaeger "
    "opentelemetry-exporter-zipkin",
    "opentelemetry.sdk": "opentelemetry-sdk opentelemetry-distro",
    "opentelemetry.semconv": "opentelemetry-semantic-conventions opentelemetry-sdk",
    "PIL": "pillow",
    "pinecone": "pinecone pinecone-client",
    "pkg_resources": "setuptools",
    "playhouse": "peewee",
    "pptx": "python-pptx",
    "psycopg": "psycopg psycopg-binary",
    "psycopg2": "psycopg2-binary psycopg2 psycopg2cffi",
    "psycopg_pool": "psycopg-pool psycopg",
    "pydantic_core": "pydantic-core pydantic",
    "pythonjsonlogger": "python-json-logger",
    "redis": "redis redis-py-cluster",
    "rest_framework": "djangorestframework",
    "rest_framework_api_key": "djangorestframework-api-key",
    "rest_framework_gis": "djangorestframework-gis",
    "rest_framework_nested": "drf-nested-routers",
    "rest_framework_simplejwt": "djangorestframework-simplejwt",
    "reversion": "django-reversion",
    "rosetta": "django-rosetta",
    "saml2": "pysaml2",
    "serial": "pyserial",
    "silk": "django-silk",
    "simple_history": "django-simple-history",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slack": "slackclient",
    "slugify": "python-slugify",
    "snowflake": "snowflake-connector-python snowflake-sqlalchemy",
    "social_core": "social-auth-core social-auth-app-django",
    "social_django": "social-auth-app-django",
    "socketio": "python-socketio",
    "storages": "django-storages",
    "strawberry": "strawberry-graphql",
    "strawberry_django": "strawberry-graphql-django",
    "taggit": "django-taggit",
    "telebot": "pytelegrambotapi",
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
    "aioboto3": "aiobotocore boto3 botocore",
    "aiohttp": "yarl multidict",
    "alembic": "sqlalchemy mako",
    "ariadne": "graphql-core",
    "beanie": "motor pymongo pydantic",
    "boto3": "botocore s3transfer",
    "celery": "kombu billiard",
    "django": "asgiref sqlparse",
    "djangorestframework": "django asgiref",
    "express": "body-parser",
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
    "google-api-python-client": "google-auth google-api-core httplib2",
    "gql": "graphql-core",
    "graphene": "graphql-core",
    "httpx": "httpcore anyio",
    "jest": "@jest/globals",
    "jinja2": "markupsafe",
    "litestar": "msgspec",
    "mongoose": "mongodb bson",
    "motor": "pymongo",
    "next": "react react-dom",
    "pydantic": "pydantic-core typing-extensions annotated-types",
    "pydantic-settings": "pydantic python-dotenv",
    "pytest-asyncio": "pytest",
    "pytest-cov": "pytest coverage",
    "pytest-django": "pytest",
    "requests": "urllib3 certifi charset-normalizer idna",
    "sphinx": "docutils",
    "sqlmodel": "sqlalchemy pydantic",
    "starlette": "anyio",
    "strawberry-graphql": "graphql-core",
    "typer": "click rich",
    "uvicorn[standard]": "websockets uvloop httptools watchfiles python-dotenv pyyaml",
    "@nestjs/core": "rxjs reflect-metadata @nestjs/common",
    "@nestjs/platform-express": "express multer body-parser cors",
    "@nestjs/platform-fastify": "fastify",
    "@nestjs/swagger": "swagger-ui-dist js-yaml",
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
