"""What the local engine finds in one document, apart from all that it takes to find it.

A server asks another process for it, and needs none of the detectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..core.model import Proposal, Rule, Span
from ..settings import Settings
from .base import EngineError, ReviewRequest


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in one document, in text order, and which linter could not take part."""

    proposals: tuple[Proposal, ...]
    problems: tuple[str, ...] = ()
    """Sentences; empty when every detector could be used."""


STEP_OF_TOOLS = 2
"""Of a scan in steps: the first finds all that takes no look through the whole file, the second the
rest, and the third, where there are any, asks a person's own tools."""


def count_of_steps(settings: Settings) -> int:
    """Of a scan in steps."""
    return STEP_OF_TOOLS + bool(settings.tools and settings.trusted)


def asked_for(
    scan: Scan, request: ReviewRequest, rules: Mapping[str, Rule], told: set[str]
) -> Iterator[Proposal]:
    """What of a scan lies in the request's span and focuses.

    Raises EngineError after it, when the scan has problems that are not in `told`, which they
    are added to. `rules` is the catalogue by id.
    """
    for proposal in scan.proposals:
        place = place_of(proposal)
        inside = request.span.contains(place) or request.span.overlaps(place)
        if inside and rules[proposal.rule].focus in request.task.focuses:
            yield proposal
    news = [problem for problem in scan.problems if problem not in told]
    if news:
        told.update(news)
        raise EngineError(" ".join(news))


def place_of(proposal: Proposal) -> Span:
    assert isinstance(proposal.where, Span)  # The local engine points with spans.
    return proposal.where
