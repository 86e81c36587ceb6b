"""The extension as a package: its settings are the server's, it is linted, and it is complete."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from backend_developer import __version__
from backend_developer.secrets.formats import find_tokens
from editors.vscode.tools import EXTENSION

PACKAGE: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
LIMIT = 500_000
"""Bytes of the .vsix, which people download."""


def test_the_settings_are_the_servers() -> None:
    spec = importlib.util.spec_from_file_location("settings", EXTENSION / "scripts/settings.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.with_settings(PACKAGE) == PACKAGE, "run editors/vscode/scripts/settings.py"


def test_every_setting_is_complete() -> None:
    settings = PACKAGE["contributes"]["configuration"]["properties"]
    for name, setting in settings.items():
        assert {"type", "default", "markdownDescription", "scope"} <= setting.keys(), name
    assert settings["backendDeveloper.baseUrl"]["scope"] == "machine"
    assert settings["backendDeveloper.server.path"]["scope"] == "machine"


def test_the_version_is_the_programs() -> None:
    assert PACKAGE["version"] == __version__


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((EXTENSION / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_types_and_lint(vsix: Path) -> None:
    npm = shutil.which("npm")
    assert npm
    result = subprocess.run(
        [npm, "run", "lint"],
        cwd=EXTENSION,
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_package_is_small_and_has_what_it_needs(vsix: Path) -> None:
    assert vsix.stat().st_size < LIMIT
    names = set(zipfile.ZipFile(vsix).namelist())
    steps = PACKAGE["contributes"]["walkthroughs"][0]["steps"]
    needed = [PACKAGE["main"], PACKAGE["icon"], "dist/licenses.txt", "walkthrough/sample.py"]
    pages = [step["media"]["markdown"] for step in steps]
    needed += pages
    for page in pages:
        text = (EXTENSION / page).read_text(encoding="utf-8")
        needed += re.findall(r"\(\.\./(images/[^)]+)\)", text)
    assert {f"extension/{name.removeprefix('./')}" for name in needed} <= names
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".map"))]


def test_nothing_stray_and_no_secret_is_in_the_package(vsix: Path) -> None:
    package = zipfile.ZipFile(vsix)
    files = {name for name in package.namelist() if name.startswith("extension/")}
    allowed = re.compile(
        r"extension/(?:package\.json|readme\.md|LICENSE\.txt|dist/(?:extension\.js|licenses\.txt)"
        r"|images/[\w-]+\.(?:png|svg)|walkthrough/[\w-]+\.(?:md|py))",
        re.IGNORECASE,
    )
    assert not [name for name in files if not allowed.fullmatch(name)]
    for name in files:
        if not name.endswith(".png"):
            assert not [*find_tokens(package.read(name).decode())], name


def test_every_command_has_a_handler() -> None:
    commands = {one["command"] for one in PACKAGE["contributes"]["commands"]}
    sources = "".join(path.read_text(encoding="utf-8") for path in (EXTENSION / "src").glob("*.ts"))
    for command in commands:
        name = command.removeprefix("backendDeveloper.")
        assert f"{name}: " in sources or f"{name}," in sources or f'"{command}"' in sources, command
