"""What finds things without a model: the contract between the local engine and its parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .core.model import Document, Proposal
from .core.text import Lines
from .syntax import LANGUAGES, Language, parse

if TYPE_CHECKING:
    from ast_grep_py import SgNode

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """A document, and what several detectors want to know of it, worked out once."""

    document: Document
    go_on: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """Called between the pieces of a detector's work, each some milliseconds. What it raises, which
    is no Exception, ends the look at the source, since nobody waits for it any more."""
    _derived: dict[Callable[[Source], Any], Any] = field(
        default_factory=dict, repr=False, compare=False
    )

    def derived(self, make: Callable[[Source], T]) -> T:
        """What `make` makes of the source, the first time only: what it costs and what is wrong
        with it are read from the same code."""
        if make not in self._derived:
            self._derived[make] = make(self)
        made: T = self._derived[make]
        return made

    @property
    def text(self) -> str:
        return self.document.text

    @property
    def language(self) -> Language | None:
        """ast-grep's name of the language, None when it has no grammar of it."""
        return LANGUAGES.get(self.document.language)

    @cached_property
    def tree(self) -> SgNode:
        """The root of the syntax tree; `language` must not be None. Stays in its thread."""
        assert self.language is not None, self.document.language
        return parse(self.text, self.language)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of the text, names among them: what is not here is nowhere in the code."""
        return frozenset(_WORD.findall(self.text))

    @cached_property
    def lines(self) -> Lines:
        return Lines(self.text)


_WORD = re.compile(r"[\w$]+")


class DetectorError(Exception):
    """A detector that could not be used; `str()` is one sentence for the person."""


class DetectorCrashError(DetectorError):
    """One that a single source may have brought about: the others are worth another attempt."""


class Detector(Protocol):
    """Finds things in documents of some languages; the same texts give the same answer."""

    @property
    def name(self) -> str:
        """A word, such as "ruff"."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """The LSP language ids that it looks at."""
        ...

    @property
    def rules(self) -> frozenset[str]:
        """The catalogue ids that it can report."""
        ...

    @property
    def runs_program(self) -> bool:
        """Whether it starts another program: it is then called in a thread, beside the others."""
        ...

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """What it found in each source, of the rules in `enabled` alone.

        The sources are in its languages. Raises DetectorError when it could not be used.
        """
        ...
