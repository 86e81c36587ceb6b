"""One module for each command, imported when that command is asked for.

What they have in common is here: the exit codes, the error of a command that was not given as it
can be carried out, and whether to write in colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OK: Final = 0
"""Nothing at or above the level of --fail-on."""
FINDINGS: Final = 1
"""Findings at or above it; for doctor: something is wrong."""
WRONG_USE: Final = 2
"""Wrong use, or a setting that cannot be used; nothing was reviewed."""
NOT_REVIEWED: Final = 3
"""Something could not be reviewed; the rest was, and its findings are told."""
REFUSED: Final = 1
"""Of `do`: the checks, or the person, refused what came of it."""
NOT_DONE: Final = 3
"""Of `do`: there is no model, it gave no answer, or the files could not be written."""
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""What a shell reports of a program that SIGPIPE ended."""


class UsageError(Exception):
    """The command cannot be carried out as it was given. `str()` is one sentence."""


def wants_colour(terminal: bool, environment: Mapping[str, str]) -> bool:
    """NO_COLOR (no-color.org) goes before FORCE_COLOR, which goes before what the stream is."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return environment["FORCE_COLOR"] != "0"
    return terminal and environment.get("TERM") != "dumb"
