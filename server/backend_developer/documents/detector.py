"""Finds what is wrong in API descriptions, schemas and manifests: one detector for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import PurePath
from typing import Any

from ..core.model import Proposal, Span
from ..detector import Source
from .kinds import CHECKS_OF, LANGUAGES, Subject, subjects
from .report import Report
from .tree import MalformedError

_DEVELOPMENT_FILE = re.compile(
    r"(?i)(?:^|[._-])(?:override|dev|development|local|test|tests|ci)[._-]"
)

UNREADABLE = "api-design/openapi-unreadable"


class DocumentDetector:
    """Implements Detector. A text with no kind of document that we know costs next to nothing."""

    name = "documents"
    languages = LANGUAGES
    runs_program = False

    @cached_property
    def rules(self) -> frozenset[str]:
        return frozenset({UNREADABLE, *(id for checks in CHECKS_OF.values() for id in checks())})

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """What the enabled checks say; never raises, as a document that cannot be read is said."""
        return [list(_find(source, enabled)) for source in sources]


def _find(source: Source, enabled: frozenset[str]) -> Iterator[Proposal]:
    try:
        found = subjects(source.text, source.document.language)
    except MalformedError as error:
        if UNREADABLE in enabled:
            yield _proposal(UNREADABLE, _unreadable(source.text, error), source.text)
        return
    is_local = bool(_DEVELOPMENT_FILE.search(PurePath(source.document.path).name))
    for subject in found:
        for rule, report in _reports(subject, enabled):
            proposal = _proposal(rule, report, source.text)
            # Ports and mounts of a developer's own machine are open on purpose.
            on_purpose = is_local and subject.kind == "compose"
            yield replace(proposal, confidence="low") if on_purpose else proposal


def _reports(subject: Subject, enabled: Iterable[str]) -> Iterator[tuple[str, Report]]:
    value: Any = subject.value
    for rule, check in CHECKS_OF[subject.kind]().items():
        if rule in enabled:
            for report in check(value):
                yield rule, report


def _proposal(rule: str, report: Report, text: str) -> Proposal:
    # A place that is empty or reaches over the end would be no place to show anything at.
    start = max(0, min(report.where.start, len(text)))
    end = max(start, min(report.where.end, len(text)))
    return Proposal(
        where=Span(start, end),
        rule=rule,
        message=report.message,
        source=f"rule:{rule}",
        author="local",
        confidence=report.confidence,
        fix=report.fix,
    )


def _unreadable(text: str, error: MalformedError) -> Report:
    at = max(0, min(error.offset, len(text)))
    word = re.compile(r"\S+").search(text, at)
    where = word.span() if word is not None and "\n" not in text[at : word.start()] else (at, at)
    return Report(
        Span(*where),
        f"The description cannot be read from here on: {error}. Correct its YAML or JSON.",
    )
