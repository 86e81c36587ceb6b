"""What the functions of one file do with data, for who calls them from another file.

Plain values that can be compared and sent to another process; nothing says where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..core.model import Confidence


@dataclass(frozen=True, slots=True)
class Reach:
    """A parameter that gets to a sink."""

    parameter: int
    """Its position, a method's own object left out."""
    name: str
    rule: str
    confidence: Confidence
    sink: str
    """What is called there, as it is written."""
    file: str = ""
    """Where the sink is, when it is behind a call of another file."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A parameter that is handed to a function of another file."""

    parameter: int
    name: str
    to: str
    """The function, by the name that it has in this file, such as `self.users.find`."""
    position: int
    cleared: tuple[str, ...] = ()
    """The kinds of sinks that it is safe for by then."""


@dataclass(frozen=True, slots=True)
class DataSummary:
    """Of a function or method that others may call."""

    name: str
    """`find_by_name`, `Users.find`."""
    reaches: tuple[Reach, ...] = ()
    hands: tuple[Hand, ...] = ()
    passes: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """(Parameter, kinds of sinks that it is safe for) of what the answer holds."""
    gives: Literal["", "input", "local"] = ""
    """The answer is data from outside."""
    gives_cleared: tuple[str, ...] = ()
    is_safe: bool = False
    """The answer is harmless, whatever the arguments are."""
    checks: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """(Parameter, kinds of sinks) that it is safe for after a call."""
    asks: tuple[tuple[int, tuple[str, ...], bool], ...] = ()
    """The same, when the answer is of this truth."""


@dataclass(frozen=True, slots=True)
class Known:
    """A function of another file, as a file that calls it names it."""

    path: str
    """A regular expression of the dotted paths that stand for it."""
    name: str
    """The last word of these."""
    summary: DataSummary
    """With the sinks behind the functions that it calls in turn."""
    file: str
    """What the person is told that it is in."""
