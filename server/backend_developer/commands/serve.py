"""`backend-developer serve`: the language server on standard input and output."""

from __future__ import annotations

import gc
import sys

from .. import __version__
from ..garbage import staying

_FOR_PEOPLE = f"""\
backend-developer {__version__}: a language server, which an editor starts and talks to here.
  Neovim, VS Code and others run `backend-developer serve`; README.md says how to set them up.
  To review code in the terminal: backend-developer review PATH
  To stop: Ctrl+C.
"""


def run() -> int:
    """Serves until the client says exit, or goes away; returns the exit code."""
    if sys.stdin.isatty():
        # A person is told on stderr, since standard output is the wire, and served all the same.
        sys.stderr.write(_FOR_PEOPLE)
    gc.set_threshold(10_000, 10, 10)
    with staying():  # To search for garbage meanwhile would cost a tenth of the start.
        from ..app import start

    # So soon a thread that unpickles or imports gives way to the event loop; in seconds.
    sys.setswitchinterval(0.001)
    return start()
