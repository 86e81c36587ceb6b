"""What a project says that it depends on, in each of the files that can say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_developer.distributions import distribution_names, package_of
from backend_developer.manifests import (
    Ecosystem,
    PackageManager,
    ecosystem_of,
    load_manifests,
    read_manifest,
)
from backend_developer.reader import WorkspaceReader
from backend_developer.sendable import load_denials


@pytest.mark.parametrize(
    ("path", "text", "declared"),
    [
        pytest.param(
            "pyproject.toml",
            """\
[project]
name = "Shop_Core"
dependencies = [
    "FastAPI[standard]>=0.110,<1; python_version > '3.8'",
    "zope.interface (>=7)",
    "mine @ git+https://example.com/mine.git@v1",
]

[project.optional-dependencies]
redis = ["redis>=5"]

[dependency-groups]
dev = ["pytest", {include-group = "lint"}]
lint = ["ruff~=0.5"]

[build-system]
requires = ["hatchling"]
""",
            [
                ("fastapi", ">=0.110,<1", 4),
                ("zope-interface", ">=7", 5),
                ("mine", "@ git+https://example.com/mine.git@v1", 6),
                ("redis", ">=5", 10),
                ("pytest", "", 13),
                ("ruff", "~=0.5", 14),
                ("hatchling", "", 17),
            ],
            id="pyproject.toml",
        ),
        pytest.param(
            "api/pyproject.toml",
            """\
[tool.poetry]
name = "api"

[tool.poetry.dependencies]
python = "^3.11"
flask = "^3.0"
PyJWT = { version = ">=2", extras = ["crypto"] }
local = { path = "../local" }

[tool.poetry.group.dev.dependencies]
pytest = "*"
""",
            [("flask", "^3.0", 6), ("pyjwt", ">=2", 7), ("local", "", 8), ("pytest", "*", 11)],
            id="Poetry",
        ),
        pytest.param(
            "requirements-dev.txt",
            """\
# what tests need
-r requirements.txt
--index-url https://example.com/simple
pytest==8.0.0 \\
    --hash=sha256:abc
Flask_SQLAlchemy >= 3  # the ORM
-e git+https://example.com/mine.git@main#egg=mine
https://example.com/other.git
./local
uvicorn[standard]
""",
            [
                ("pytest", "==8.0.0", 4),
                ("flask-sqlalchemy", ">= 3", 6),
                ("mine", "", 7),
                ("other", "", 8),
                ("uvicorn", "", 10),
            ],
            id="requirements",
        ),
        pytest.param(
            "requirements/base.in",
            "django>=5,<6\r\ncelery[redis]\r\n",
            [("django", ">=5,<6", 1), ("celery", "", 2)],
            id="requirements in a folder",
        ),
        pytest.param(
            "setup.cfg",
            """\
[metadata]
name = shop
[options]
install_requires =
    requests>=2
    %(odd)s
[options.extras_require]
dev = pytest
""",
            [("requests", ">=2", 5), ("pytest", "", 8)],
            id="setup.cfg",
        ),
        pytest.param(
            "setup.py",
            """\
from setuptools import setup

setup(
    name="shop",
    install_requires=["requests>=2"],
    extras_require={"dev": ["pytest"]},
)
""",
            [("requests", ">=2", 5), ("pytest", "", 6)],
            id="setup.py",
        ),
        pytest.param(
            "Pipfile",
            """\
[[source]]
url = "https://pypi.org/simple"

[packages]
requests = "*"
sentry-sdk = {extras = ["flask"], version = ">=1"}

[dev-packages]
pytest = "==8.0"
""",
            [("requests", "*", 5), ("sentry-sdk", ">=1", 6), ("pytest", "==8.0", 9)],
            id="Pipfile",
        ),
        pytest.param(
            "environment.yml",
            """\
name: shop
dependencies:
  - python=3.11
  - conda-forge::numpy=1.26
  - pip:
      - fastapi>=0.1
""",
            [("python", "=3.11", 3), ("numpy", "=1.26", 4), ("fastapi", ">=0.1", 6)],
            id="conda",
        ),
        pytest.param(
            "package.json",
            """\
{
  "name": "express",
  "dependencies": { "express": "^4.18.0" },
  "devDependencies": {
    "@types/express": "~4",
    "jest": "*"
  },
  "peerDependencies": { "react": ">=18" }
}
""",
            [
                ("express", "^4.18.0", 3),
                ("@types/express", "~4", 5),
                ("jest", "*", 6),
                ("react", ">=18", 8),
            ],
            id="package.json",
        ),
    ],
)
def test_what_a_manifest_declares(
    path: str, text: str, declared: list[tuple[str, str, int]]
) -> None:
    found = read_manifest(path, text)
    assert found.problem == ""
    assert [(one.name, one.constraint, one.line) for one in found.declared] == declared


@pytest.mark.parametrize(
    ("path", "text", "runtime"),
    [
        ("pyproject.toml", "[project]\nrequires-python = '>=3.11'\n", ">=3.11"),
        ("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.11'\n", "^3.11"),
        ("Pipfile", "[requires]\npython_version = '3.12'\n", "3.12"),
        ("package.json", '{"engines": {"node": ">=20"}}', ">=20"),
        ("package.json", '{"engines": null}', ""),
        ("requirements.txt", "django\n", ""),
    ],
)
def test_the_versions_of_a_language_that_a_project_takes(
    path: str, text: str, runtime: str
) -> None:
    assert read_manifest(path, text).runtime == runtime


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("pyproject.toml", "[project\n", id="TOML"),
        pytest.param("pyproject.toml", "project = 3\ntool = []\n", id="TOML of another shape"),
        pytest.param("pyproject.toml", "[project]\ndependencies = 3\n", id="a number"),
        pytest.param("package.json", "{", id="JSON"),
        pytest.param("package.json", "[]", id="JSON of another shape"),
        pytest.param("package.json", '{"dependencies": ["a"]}', id="a list"),
        pytest.param("package.json", "[" * 100_000, id="JSON that is nested without end"),
        pytest.param("setup.cfg", "no section\n", id="configuration"),
        pytest.param("setup.py", "def f(:\n", id="Python"),
        pytest.param("environment.yml", "a: [", id="YAML"),
        pytest.param("Pipfile", "packages = 1\n", id="Pipfile"),
        pytest.param("setup.py", "setup(install_requires=read())\n", id="worked out"),
    ],
)
def test_a_bad_manifest_declares_nothing_and_says_so(path: str, text: str) -> None:
    found = read_manifest(path, text)
    assert found.declared == ()
    assert found.problem.endswith(".")


@pytest.mark.parametrize(
    ("path", "ecosystem"),
    [
        ("requirements.txt", "python"),
        ("dev-requirements.txt", "python"),
        ("requirements/prod.txt", "python"),
        ("api/package.json", "node"),
        ("environment.yaml", "python"),
        ("environment", None),
        ("notes/prod.txt", None),
        ("package-lock.json", None),
        ("requirements.md", None),
    ],
)
def test_which_files_are_manifests(path: str, ecosystem: Ecosystem | None) -> None:
    assert ecosystem_of(path) == ecosystem


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("yaml", "pyyaml"),
        ("jwt", "pyjwt"),
        ("PIL.Image", "pillow"),
        ("dotenv", "python-dotenv"),
        ("psycopg2.extras", "psycopg2-binary"),
        ("rest_framework.views", "djangorestframework"),
        ("corsheaders", "django-cors-headers"),
        ("flask_sqlalchemy", "flask-sqlalchemy"),
        ("google.cloud.storage", "google-cloud-storage"),
        ("google.protobuf.message", "protobuf"),
        ("opentelemetry.trace", "opentelemetry-api"),
        ("opentelemetry.sdk.trace", "opentelemetry-sdk"),
        ("opentelemetry.instrumentation.fastapi", "opentelemetry-instrumentation-fastapi"),
        ("azure.storage.blob", "azure-storage-blob"),
        ("slowapi", "slowapi"),
        ("zope.interface", "zope-interface"),
    ],
)
def test_what_a_module_is_called_on_pypi(module: str, distribution: str) -> None:
    assert distribution in distribution_names(module)


@pytest.mark.parametrize(
    ("specifier", "package"),
    [
        ("express", "express"),
        ("lodash/get", "lodash"),
        ("@nestjs/common/enums", "@nestjs/common"),
        ("@nestjs", ""),
        ("./express", ""),
        ("https://esm.sh/x", ""),
        ("npm:chalk@5", ""),
        ("#internal", ""),
    ],
)
def test_which_package_of_npm_is_imported(specifier: str, package: str) -> None:
    assert package_of(specifier) == package


def test_the_nearest_manifests_and_their_package_manager(tmp_path: Path) -> None:
    files = {
        "package.json": '{"name": "root", "devDependencies": {"typescript": "5"}}',
        "pnpm-lock.yaml": "",
        "services/api/package.json": '{"name": "@shop/api", "dependencies": {"express": "4"}}',
        "services/api/src/main.ts": "",
        "services/jobs/package.json": '{"dependencies": {"koa": "2"}}',
        "services/jobs/package-lock.json": "{}",
        "services/jobs/main.js": "",
        "python/pyproject.toml": '[project]\nname = "worker"\ndependencies = ["celery"]\n',
        "python/uv.lock": "",
        "python/app/main.py": "",
        "node_modules/left/package.json": '{"dependencies": {"hidden": "1"}}',
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    manifests = load_manifests(
        WorkspaceReader(tmp_path, load_denials(tmp_path, {"HOME": str(tmp_path / "home")}))
    )
    api = "services/api/src/main.ts"
    assert [one.path for one in manifests.of(api, "node")] == [
        "services/api/package.json",
        "package.json",
    ]
    assert manifests.declares_package(api, "express")
    assert manifests.declares_package(api, "typescript")
    assert manifests.declares_package(api, "@shop/api")
    assert not manifests.declares_package(api, "koa")
    assert not manifests.declares_package(api, "hidden")
    assert manifests.declares_module("python/app/main.py", "kombu.transport")
    assert manifests.is_own("worker")
    managers: list[tuple[str, Ecosystem, PackageManager | None]] = [
        (api, "node", "pnpm"),
        ("services/jobs/main.js", "node", "npm"),
        ("python/app/main.py", "python", "uv"),
        ("services/jobs/main.js", "python", None),
    ]
    for path, ecosystem, manager in managers:
        assert manifests.manager_of(path, ecosystem) == manager
