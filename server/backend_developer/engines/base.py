"""What a review is asked with, and what an engine answers.

ReviewRequest -> Engine.review() -> stream of Proposal | Verdict | Usage | FileFacts
                                 -> EngineError, one sentence for the person
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

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
from ..project.facts import FileFacts
from ..settings import Settings

Answer: TypeAlias = Proposal | Verdict | Usage | FileFacts
"""FileFacts: what the document says of its project, from an engine that has read it anyway."""


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
