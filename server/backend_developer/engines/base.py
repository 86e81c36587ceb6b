"""What a review is asked with, and what an engine answers.

ReviewRequest -> Engine.review() -> stream of Proposal | Verdict | Usage | Note | Pending
                                           | ChangePiece | ThreadAnswer
                                 -> EngineError, one sentence for the person
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ..core.changes import ChangePiece
from ..core.model import (
    AgentDefinition,
    Document,
    Finding,
    Proposal,
    Rejection,
    Span,
    TaskDefinition,
    Usage,
    Verdict,
)
from ..dismissals import Dismissal
from ..sendable import NAMES_ALONE, Denials
from ..settings import Settings

if TYPE_CHECKING:
    from .redact import Redactions


@dataclass(frozen=True, slots=True)
class Note:
    """What a person should know of a review beside its findings, in one sentence."""

    sentence: str
    is_end: bool = False
    """The review ended here, before all of its code was judged."""


@dataclass(frozen=True, slots=True)
class Pending:
    """That the answer comes later, as a batch's does, under this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation that can go on; of use to the engine that made it.

    It stays in memory, since it holds what was sent.
    """

    place: tuple[str, str]
    """Base URL and model of the last call."""
    messages: tuple[Mapping[str, object], ...]
    """As the Messages API takes them, up to the last answer."""
    redactions: Redactions
    paths: tuple[str, ...]
    """The files that something was sent of."""


@dataclass(frozen=True, slots=True)
class ThreadAnswer:
    """The conversation, after a whole answer."""

    thread: Thread


Answer: TypeAlias = Proposal | Verdict | Usage | Note | Pending | ChangePiece | ThreadAnswer
"""ChangePiece and ThreadAnswer come of tasks that change or explain."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file that help to judge the selection."""

    path: str
    """Relative to the workspace, with forward slashes."""
    first_line: int
    """From 1."""
    text: str
    why: str
    """A few words, such as "model that the selection uses"."""
    name: str = ""
    """What it defines; "" when it is of use for the whole selection."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a reviewer would look at beyond the file: the most relevant first."""

    excerpts: tuple[Excerpt, ...] = ()
    left_out: tuple[str, ...] = ()
    """What did not fit, each as "name (path)"; the prompt and the review's result say so."""


NOTHING_AROUND = Surroundings()


class Reader(Protocol):
    """Reads the workspace for an agent's tools; unsaved buffers win over the disk.

    Paths are relative to the workspace, with forward slashes. Nothing outside of it, nothing
    denied and nothing too large is ever read: each method raises ReadError then, whose text is
    a sentence for the model. To be called in a thread.
    """

    def read_file(self, path: str, first_line: int, last_line: int) -> str: ...

    def search(self, text: str, path_pattern: str) -> str: ...

    def outline(self, path: str) -> str: ...

    def find_definition(self, name: str) -> str: ...


class ReadError(Exception):
    """A file or name that a tool cannot show; `str()` is one sentence for the model."""


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """All that a review may know. Frozen: a running review sees no change of text or settings."""

    document: Document
    span: Span
    """The selection; the whole text when nothing was selected."""
    task: TaskDefinition
    agent: AgentDefinition
    settings: Settings
    evidence: tuple[Finding, ...] = ()
    """Local findings inside `span`, for the agent to confirm, refute or fix."""
    conventions: tuple[tuple[str, str], ...] = ()
    """(relative path, text) of the project's CLAUDE.md and REVIEW.md."""
    rejections: tuple[Rejection, ...] = ()
    """What was wrong with an earlier answer to this same request; empty the first time."""
    parts: tuple[Span, ...] = ()
    """The parts of `span` to judge, in text order; empty: all of it."""
    only_kept: bool = False
    """Only say again what was answered before; ask nothing."""
    second_look: bool = False
    """Only try to refute `evidence`, which another reviewer found; find nothing new."""
    root: str = ""
    """The workspace's folder; "" when the document lies in none."""
    denials: Denials = NAMES_ALONE
    """What of the workspace is never sent."""
    surroundings: Surroundings = NOTHING_AROUND
    dismissed: tuple[Dismissal, ...] = ()
    """What people dismissed in this file; the model is told, so that it stays dismissed."""
    review_id: str = ""
    """Names the review that its calls belong to; "" when there is but this one request."""
    reader: Reader | None = None
    """What the agent's tools read with; None: it has no tools."""
    instruction: str = ""
    """What the person wrote beside picking the task; "" for most."""
    habits: str = ""
    """How this project does things, in Markdown; of use to who writes code for it."""
    thread: Thread | None = None
    """A conversation about this same request that goes on; None: it begins here."""
    follow_up: str = ""
    """What the person says to the last answer."""
    problems: tuple[str, ...] = ()
    """Or what was wrong with it, in sentences."""
    changed_files: tuple[tuple[str, str], ...] = ()
    """(path, text) of the files that are not any more what the conversation was shown."""

    @property
    def relative_path(self) -> str:
        """The document's path, relative to the workspace where it lies in one."""
        path = self.document.path or self.document.uri
        if self.root and PurePath(path).is_relative_to(self.root):
            return PurePath(path).relative_to(self.root).as_posix()
        return path


class Engine(Protocol):
    """Reviews a request. Cancelling the iteration stops the work and any request it sent."""

    name: str

    def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        """Yields each answer as soon as it is known; raises EngineError."""
        ...


class EngineError(Exception):
    """A review that could not go on. `str()` is one sentence: what happened and what to do next.

    What was yielded before it stays true.
    """
