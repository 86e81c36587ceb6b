"""The project's own rules: lint, format, types, import layers, and documents that are true."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from backend_developer.files import is_ignored

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "."], id="lint"),
        pytest.param(["ruff", "format", "--check", "."], id="format"),
        pytest.param(["mypy"], id="types"),
        pytest.param(["lint-imports"], id="import layers"),
    ],
)
def test_the_code_passes(command: list[str]) -> None:
    result = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps"]
    subprocess.run([*command, "-w", folder, ROOT], check=True, timeout=300)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_what_the_package_reads(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    package = ROOT / "server" / "backend_developer"
    expected = {
        f"backend_developer/{path.relative_to(package)}"
        for pattern in ("**/*.py", "**/*.yml", "**/*.json")
        for path in package.glob(pattern)
    } | {
        f"backend_developer/built_in_agents/{path.relative_to(ROOT / 'agents')}"
        for path in (ROOT / "agents").rglob("*.md")
    }
    assert expected <= names
    assert not expected.symmetric_difference(
        name for name in names if not name.startswith("backend_developer-")
    )


def test_the_version_is_one() -> None:
    from backend_developer import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert __version__ == project["version"]
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_readme_lists_every_setting() -> None:
    from backend_developer.settings import markdown_table

    assert markdown_table() in (ROOT / "README.md").read_text()


def test_readme_has_the_test_command_that_ci_runs() -> None:
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert command.split(" --strict")[0] in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", sorted(path.name for path in ROOT.glob("*.md")))
def test_a_document_names_only_files_that_are_there(document: str) -> None:
    text = (ROOT / document).read_text()
    in_quotes = re.findall(r"`((?:agents|editors|server|tests)/[\w./-]*)`", text)
    in_links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    missing = [name for name in {*in_quotes, *in_links} if not (ROOT / name).exists()]
    # What tests put into the folder is there once they have run.
    assert [name for name in missing if not is_ignored(ROOT / name)] == []
