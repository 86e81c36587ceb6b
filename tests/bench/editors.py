"""Seconds from opening a file to its first squiggle, in the real editors.

    python tests/bench/editors.py [RUNS]

Cold: the first file of an editor that has just been started; the server starts with it. Warm: the
next file in the same editor. VS Code runs in a browser, and is left out where it cannot be had.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

# In place of this folder, where `editors` is this file.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from editors.neovim.driver import neovim
from editors.support import until
from editors.vscode.samples import APP
from editors.vscode.tools import MissingError, build_extension, install_tools
from editors.vscode.workbench import (
    SQUIGGLE,
    Browser,
    CodeServer,
    Workbench,
    install_extension,
)

SERVER = [sys.executable, "-m", "backend_developer"]
Times = tuple[float, float]
"""Cold and warm, in seconds."""


def in_neovim(folder: Path) -> Times:
    with neovim(folder, {}) as nvim:

        def first_finding(name: str) -> float:
            begin = time.perf_counter()
            nvim.open(APP, name)
            until(nvim.findings)
            return time.perf_counter() - begin

        return first_finding("cold.py"), first_finding("warm.py")


def in_vscode(folder: Path, browser: Browser, server: CodeServer) -> Times:
    window = Workbench(browser, server, folder)
    window.open()

    def first_finding(name: str) -> float:
        file = window.write(name, APP)
        window.name_file(file)
        begin = time.perf_counter()
        window.press("Enter")
        window.see(".tab.active", name)
        window.see(SQUIGGLE)
        return time.perf_counter() - begin

    return first_finding("cold.py"), first_finding("warm.py")


def every_vscode(folder: Path, runs: int) -> list[Times]:
    """Of as many windows, each with a server of ours; raises MissingError."""
    tools = install_tools()
    vsix = build_extension(folder)
    extensions, home = folder / "extensions", folder / "home"
    home.mkdir()
    install_extension(tools, extensions, vsix, home)
    browser = Browser(tools)
    times = []
    try:
        for number in range(runs):
            data, workspace = folder / f"data{number}", folder / f"workspace{number}"
            data.mkdir()
            workspace.mkdir()
            settings = {"backendDeveloper.server.path": SERVER}
            server = CodeServer(tools, data, settings, extensions=extensions)
            try:
                times.append(in_vscode(workspace, browser, server))
            finally:
                server.stop()
    finally:
        browser.stop()
    return times


def show(name: str, times: list[Times]) -> None:
    cold, warm = (median(column) for column in zip(*times, strict=True))
    print(f"{name:<10} {cold:>6.1f} {warm:>6.1f}")


def main(runs: int) -> None:
    print(f"{'seconds':<10} {'cold':>6} {'warm':>6}   median of {runs}")
    with tempfile.TemporaryDirectory() as folder:
        show("Neovim", [in_neovim(Path(folder) / f"neovim{number}") for number in range(runs)])
    with tempfile.TemporaryDirectory() as folder:
        try:
            show("VS Code", every_vscode(Path(folder), runs))
        except MissingError as error:
            print(f"VS Code cannot be had: {error}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
