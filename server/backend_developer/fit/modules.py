"""What a module of any language says to others: the names it defines, and what it imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Imported:
    """A name that a file takes from a module."""

    module: str
    """As written: `app.users`, `.users`, `./routes/users`, `express`."""
    name: str
    """In the module; "" for the module itself, or for all that it has."""
    line: int = field(compare=False)
    """From 1."""
    is_use: bool = False
    """Not in an import, but through a module that was imported: `users.create`."""
    is_optional: bool = False
    """The file does without it where it is not there."""


@dataclass(frozen=True, slots=True)
class Module:
    """One file, as other files see it."""

    names: frozenset[str] = frozenset()
    """That it defines at top level, or exports."""
    is_open: bool = False
    """It may have more names than can be read in it."""
    imports: tuple[Imported, ...] = ()
    bindings: Mapping[str, Imported] = field(default_factory=dict)
    """Name in the file, maybe of several words with dots between -> what was imported under it;
    without those that may stand for something else somewhere in the file."""
    signatures: Mapping[str, object] = field(default_factory=dict)
    """Exported function, or `Class.method` -> equal for those that are called in the same way."""


CLOSED = Module()
"""An empty file."""
OPEN = Module(is_open=True)
"""One that cannot be read, and may define anything."""
