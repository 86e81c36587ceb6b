"""Secrets in code and configuration: what is one, what only looks like one."""

from __future__ import annotations

import pytest

from backend_developer.core.model import Document, Span
from backend_developer.detector import Source
from backend_developer.secrets import SecretDetector, find_secrets

RANDOM = "4f9d2c1ab77e43d0a1b2c3d4e5f60718"
GITHUB = "ghp_" + "a8Bq2Zk9" * 5


def check(language: str, text: str, expected: list[tuple[str, str]]) -> None:
    places = []
    for found in find_secrets(text, language):
        assert isinstance(found.where, Span)
        places.append((text[found.where.start : found.where.end], found.confidence))
    assert sorted(places) == sorted(expected)


@pytest.mark.parametrize(
    ("language", "text", "secret", "confidence"),
    [
        ("python", 'password = "Xk29vLq"', '"Xk29vLq"', "high"),
        ("python", 'PASSWORD: str = "Xk29vLq"', '"Xk29vLq"', "high"),
        ("python", 'connect(host="h", password="Xk29vLq")', '"Xk29vLq"', "high"),
        ("python", 'config["db_password"] = "Xk29vLq"', '"Xk29vLq"', "high"),
        ("python", 'if password == "Xk29vLq":\n    pass', '"Xk29vLq"', "high"),
        ("python", 'get(url, auth=("admin", "Xk29vLq"))', '"Xk29vLq"', "high"),
        ("python", f'API_KEY = "{RANDOM}"', f'"{RANDOM}"', "high"),
        ("python", f'headers = {{"x": "Bearer {GITHUB}"}}', GITHUB, "high"),
        ("python", 'url = "postgres://app:Xk29vLq@db1.shop.net/app"', "Xk29vLq", "high"),
        ("python", 'connect("dbname=shop user=app password=Xk29vLq")', "Xk29vLq", "high"),
        ("javascript", "const dbPassword = 'Xk29vLq';", "'Xk29vLq'", "high"),
        ("javascript", "connect({ user: 'a', password: 'Xk29vLq' });", "'Xk29vLq'", "medium"),
        ("typescript", f"const apiKey: string = `{RANDOM}`;", f"`{RANDOM}`", "high"),
        ("javascript", "const secret = 'keyboard cat';", "'keyboard cat'", "medium"),
        ("yaml", "db:\n  password: Xk29vLq7\n", "Xk29vLq7", "high"),
        ("yaml", f'api_key: "{RANDOM}"', f'"{RANDOM}"', "high"),
        ("json", '{"dbPassword": "Xk29vLq7"}', '"Xk29vLq7"', "high"),
        ("dockerfile", "ENV DB_PASSWORD=Xk29vLq7\n", "Xk29vLq7", "high"),
        ("sql", "CREATE USER app WITH PASSWORD 'Xk29vLq7';", "'Xk29vLq7'", "high"),
    ],
)
def test_a_secret_is_found(language: str, text: str, secret: str, confidence: str) -> None:
    check(language, text, [(secret, confidence)])


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", 'password = os.environ["DB_PASSWORD"]'),
        ("python", 'password = os.environ.get("DB_PASSWORD")'),
        ("python", 'password = ""'),
        ("python", 'password = "<password>"'),
        ("python", 'password = "your-password"'),
        ("python", 'PASSWORD_FIELD = "user_password"'),
        ("python", 'token_type = "bearer"'),
        ("python", 'OAuth2PasswordBearer(tokenUrl="/login/token")'),
        ("python", 'errors = {"password": "Password is required"}'),
        ("python", 'SECRET_NAME = "projects/1/secrets/db"'),
        ("python", 'password = f"{prefix}-{name}"'),
        ("python", 'API_KEY = "API_KEY"'),
        ("python", 'message = "The password is wrong"'),
        ("python", '# password = "Xk29vLq"'),
        ("python", 'connect(f"dbname=shop user=app password={password}")'),
        ("python", 'url = "postgres://user:password@localhost/app"'),
        ("python", 'key = "AKIAXXXXXXXXXXXXXXXX"'),
        ("javascript", "const password = req.body.password;"),
        ("javascript", "const schema = { password: 'required|min:8' };"),
        ("javascript", "<input type='password' name='password' />"),
        ("javascript", "const token = `${head}.${body}`;"),
        ("typescript", "interface Login { password: string; kind: 'password' }"),
        ("typescript", "enum Grant { Password = 'password' }"),
        ("python", 'errors["password"] = "Passwords differ"'),
        ("json", '{"password": "Passwort", "newPassword": "Neues Passwort"}'),
        ("yaml", "POSTGRES_PASSWORD: postgres\n"),
        ("yaml", "password: ${DB_PASSWORD}\n"),
        ("yaml", "password: {{ db_password }}\n"),
        ("yaml", "    password:\n      type: string\n"),
        ("yaml", "secretName: db-credentials\n"),
        ("yaml", "token: ${{ secrets.GITHUB_TOKEN }}\n"),
        ("dockerfile", "ARG DB_PASSWORD\nENV DB_PASSWORD=$DB_PASSWORD\n"),
        ("sql", "ALTER TABLE users ADD password text NOT NULL;"),
        ("python", '    >>> get(url, auth=("admin", "Xk29vLq"))'),
        ("python", 'REDIS_URL = "redis://h"  # or with a password: "redis://:Xk29vLq@localhost"'),
        ("typescript", 'const key = typeof secretKey === "function" ? secretKey() : secretKey;'),
        ("typescript", "const user = { password: '$2a$10$TLtC603wy85MM5otapvEec0w2au6sjPaOm' };"),
        ("yaml", "password:\n  from_secret: docker_password1\n"),
        ("yaml", "SECRET_KEY: ci-test\n"),
        ("yaml", "kind: Secret\ndata:\n  password: c2VjcmV0MTIz\n"),
        ("dockerfile", "RUN SECRET_KEY=build-key ./manage.py collectstatic\n"),
    ],
)
def test_what_stands_for_a_secret_is_none(language: str, text: str) -> None:
    check(language, text, [])


@pytest.mark.parametrize(
    ("language", "path", "text", "confidence"),
    [
        ("yaml", "/srv/api/app.yml", "password: Xk29vLq7\n", "high"),
        ("yaml", "/srv/examples/curl/app.yml", "password: Xk29vLq7\n", "low"),
        ("yaml", "/srv/.github/workflows/test.yml", "env:\n  PASSWORD: Xk29vLq7\n", "low"),
        ("yaml", "/srv/api.yml", "example:\n  user:\n    password: Xk29vLq7\n", "low"),
        ("yaml", "/srv/api.yml", "example: 1\npassword: Xk29vLq7\n", "high"),
        (
            "javascript",
            "/srv/routes.js",
            f"/**\n * example:\n *   token: {GITHUB}\n */\n",
            "low",
        ),
        ("javascript", "/srv/routes.js", f"/**\n * example: 1\n * token: {GITHUB}\n */\n", "high"),
    ],
)
def test_a_secret_counts_less_among_examples(
    language: str, path: str, text: str, confidence: str
) -> None:
    sources = [Source(Document("", path, language, text))]
    [[found]] = SecretDetector().find(sources, SecretDetector.rules)
    assert found.confidence == confidence
