"""A problem in something a person wrote for us: settings, agents, tasks, dismissals.

Nothing is raised for such a file: reading it gives what could be read, and the
problems. The program goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .core.model import Severity


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right, and where it stands.

    `error` means that the file, or the value, is not used; anything milder means that it is.
    """

    path: str
    """The file it stands in; "" when it is no file: the environment, the editor, …"""
    line: int | None
    """From 1; None when it is about the file as a whole."""
    key: str
    """The key it is about, as written: "failOn", "rules.security/weak-hash"; "" for none."""
    message: str
    """One plain sentence: what is wrong and what to do. Names no path and no line of this file."""
    severity: Severity = "error"

    def __str__(self) -> str:
        """`path:line: message`, without what is not known."""
        place = f"{self.path}:{self.line}" if self.path and self.line else self.path
        return f"{place}: {self.message}" if place else self.message


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely stands for, or None when none is near.

    Case, dashes and underscores do not count: "max_turns" is nearest to "maxTurns".
    """
    # Here: only a file with a mistake in it needs difflib.
    from difflib import get_close_matches

    plain = {_plain(name): name for name in known}
    matches = get_close_matches(_plain(word), plain, n=1, cutoff=0.7)
    return plain[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "tools"?`, to end a sentence with, or "." when nothing is near."""
    suggestion = nearest(word, known)
    return f'; did you mean "{suggestion}"?' if suggestion else "."


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
