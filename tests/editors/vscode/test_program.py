"""Where the server is found: the setting, the selected Python environment, the search path."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from editors.vscode.samples import APP
from editors.vscode.tools import Tools
from editors.vscode.workbench import CodeServer, Workbench, install_extension, wait_until

PYTHON_EXTENSION = {
    "name": "python",
    "publisher": "ms-python",
    "version": "2026.0.0",
    "engines": {"vscode": "^1.91.0"},
    "main": "./extension.js",
    "contributes": {
        "commands": [{"command": "python.setInterpreter", "title": "Python: Select Interpreter"}]
    },
    "capabilities": {"untrustedWorkspaces": {"supported": True}},
}
"""Stands in for Microsoft's extension, which is in a store that these tests do not reach."""

PYTHON_API = """
// The part that we use of the API that @vscode/python-extension declares.
const vscode = require("vscode");
const paths = PATHS;

exports.activate = (context) => {
  const changed = new vscode.EventEmitter();
  let active = { id: paths[0], path: paths[0] };
  const select = async () => {
    const path = await vscode.window.showQuickPick(paths);
    active = { id: path, path };
    changed.fire({ ...active, resource: undefined });
  };
  context.subscriptions.push(vscode.commands.registerCommand("python.setInterpreter", select));
  return {
    ready: Promise.resolve(),
    environments: {
      getActiveEnvironmentPath: () => active,
      onDidChangeActiveEnvironmentPath: changed.event,
      resolveEnvironment: async ({ id, path }) => ({
        id,
        path,
        executable: { uri: vscode.Uri.file(path), bitness: "64-bit", sysPrefix: path },
        environment: undefined,
        version: undefined,
        tools: [],
      }),
    },
  };
};
"""


def program(path: Path, start: str) -> Path:
    """A program that notes in a file beside it when it is to serve."""
    path.parent.mkdir()
    script = f'#!/bin/sh\ncase "$*" in *serve) echo served >> "$0.starts";; esac\n{start}\n'
    path.write_text(script)
    path.chmod(0o755)
    return path


def starts(program: Path) -> int:
    """How often it was started to serve."""
    notes = program.with_name(f"{program.name}.starts")
    return len(notes.read_text().splitlines()) if notes.exists() else 0


def python_extension(folder: Path, interpreters: list[Path]) -> Path:
    """A package of a Python extension that knows these."""
    code = PYTHON_API.replace("PATHS", json.dumps([str(path) for path in interpreters]))
    package = folder / "python.vsix"
    with zipfile.ZipFile(package, "w") as files:
        files.writestr("extension/package.json", json.dumps(PYTHON_EXTENSION))
        files.writestr("extension/extension.js", code)
    return package


def test_from_the_selected_environment_and_else_from_the_search_path(
    tools: Tools,
    extensions: Path,
    start_server: Callable[..., CodeServer],
    new_window: Callable[[CodeServer], Workbench],
    tmp_path: Path,
) -> None:
    one = program(tmp_path / "one" / "python", f'exec {sys.executable} "$@"')
    two = program(tmp_path / "two" / "python", f'exec {sys.executable} "$@"')
    without_ours = program(tmp_path / "three" / "python", "exit 1")
    installed = program(
        tmp_path / "bin" / "backend-developer",
        f'exec {sys.executable} -m backend_developer "$@"',
    )
    everything = [one, two, without_ours, installed]
    both = tmp_path / "extensions"
    shutil.copytree(extensions, both)
    home = tmp_path / "home"
    home.mkdir()
    install_extension(tools, both, python_extension(tmp_path, [one, two, without_ours]), home)
    server = start_server(
        {"backendDeveloper.server.path": ""},
        extensions=both,
        path=f"{installed.parent}:/usr/bin:/bin",
        trusts_every_folder=False,
    )
    window = new_window(server)

    def is_started(*expected: int) -> None:
        """Waits until there is one server, and each program was started so often."""
        wait_until(
            f"{expected} starts",
            lambda: (
                [starts(one) for one in everything] == [*expected]
                and len(server.language_servers()) == 1
            ),
        )
        window.status("2 findings · local")

    # An environment can come with the workspace: none is run before it is trusted.
    window.open()
    window.show(APP)
    is_started(0, 0, 0, 1)
    window.trust()
    is_started(1, 0, 0, 1)
    for interpreter, expected in [(two, (1, 1, 0, 1)), (without_ours, (1, 1, 0, 2))]:
        window.command("Python: Select Interpreter")
        window.choose(str(interpreter))
        is_started(*expected)
