"""A person's own tool that never ends, and what can be seen of it: whether it runs."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

_PROGRAM = """\
import sys, time
alive = open(sys.argv[1], "w")
alive.write("x")
alive.flush()
time.sleep(600)
"""


class HangingTool:
    """`command` is for the setting `tools`. As often as it is started, it is one tool here."""

    def __init__(self, folder: Path) -> None:
        program, pipe = folder / "hang.py", folder / "alive"
        program.write_text(_PROGRAM)
        os.mkfifo(pipe)
        self._pipe = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.command = shlex.join([sys.executable, str(program), str(pipe), "{files}"])

    def has_begun(self, seconds: float = 60.0) -> bool:
        """Whether it runs, or soon does; asked until it does."""
        return _soon(lambda: self._read() == b"x", seconds)

    def has_ended(self, seconds: float = 20.0) -> bool:
        """Whether no copy of it runs, or soon none does."""
        return _soon(lambda: self._read() == b"", seconds)

    def close(self) -> None:
        os.close(self._pipe)

    def _read(self) -> bytes | None:
        """None: nothing, and one of them has the other end of the pipe."""
        try:
            return os.read(self._pipe, 1)
        except BlockingIOError:
            return None


def _soon(look: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < end:
        time.sleep(0.02)
    return seen
