"""Findings of several sources as one list, and what a verdict does to one of them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from .model import (
    CONFIDENCES,
    SEVERITIES,
    Checking,
    Finding,
    Fix,
    Verdict,
    Withheld,
)
from .text import shortened, visible


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of one text, in text order, each problem once.

    Two findings are the same problem when they have the same id, or the same rule and
    places that overlap; different rules at one place stay apart. The deterministic one
    gives the id, the place and a checked fix, the agent the message; the worst severity,
    the surest confidence and all sources are kept.
    """
    # Deterministic ones lead, so that one wide place from an agent cannot join two of theirs.
    # Places are compared as numbers: hundreds of findings are merged again with each that comes.
    ordered = sorted(
        findings, key=lambda one: (one.author == "agent", one.span.start, one.span.end, one.sources)
    )
    groups: list[list[Finding]] = []
    by_id: dict[str, int] = {}
    places: dict[str, list[_Numbered]] = {}
    """Problem -> where each group's first finding is; these are in order and do not overlap."""
    for finding in ordered:
        start, end = finding.span.start, finding.span.end
        known = places.setdefault(_problem(finding), [])
        # The place goes before the id: the second on a line may be the first of another source.
        number = None
        if known and start <= known[-1][1]:
            number = _group_at(known, start, end)
        if number is None:
            number = by_id.get(finding.id)
        if number is not None:
            groups[number].append(finding)
        else:
            by_id[finding.id] = len(groups)
            insort(known, (start, end, len(groups)))
            groups.append([finding])
    return tuple(
        sorted(
            (group[0] if len(group) == 1 else _joined(group) for group in groups),
            key=lambda one: (one.span.start, one.span.end, one.rule, one.id),
        )
    )


def apply_verdict(finding: Finding, verdict: Verdict) -> Finding:
    """`finding` after the agent's verdict on it: a refuted one is a hint that says why."""
    if not verdict.refuted:
        return finding
    reason = shortened(visible(verdict.reason.strip()), 1_000) or "The agent found it to be none."
    return replace(finding, severity="hint", refuted=reason)


def _problem(finding: Finding) -> str:
    return f"other: {finding.title}" if finding.rule == "other" else finding.rule


_Numbered: TypeAlias = tuple[int, int, int]
"""Where a finding starts and ends, and the number of its group."""


def _group_at(places: Sequence[_Numbered], start: int, end: int) -> int | None:
    """The lowest number of a place that overlaps `start` to `end` or is the same."""

    def is_same(index: int) -> bool:
        place_start, place_end, _ = places[index]
        return (place_start < end and start < place_end) or (
            place_start == start and place_end == end
        )

    # What overlaps one place lies side by side, since the places do not overlap each other.
    first = behind = bisect_left(places, (start, end, 0))
    while first > 0 and is_same(first - 1):
        first -= 1
    while behind < len(places) and is_same(behind):
        behind += 1
    return min((number for _, _, number in places[first:behind]), default=None)


def _joined(group: Sequence[Finding]) -> Finding:
    first = group[0]
    # A refuted finding counts for nothing where another source still reports it.
    standing = [finding for finding in group if not finding.refuted] or [first]
    told = next((finding for finding in standing if finding.author == "agent"), standing[0])
    return replace(
        first,
        severity=min((finding.severity for finding in standing), key=SEVERITIES.index),
        confidence=min((finding.confidence for finding in standing), key=CONFIDENCES.index),
        message=told.message,
        refuted=told.refuted,
        sources=tuple(dict.fromkeys(source for finding in group for source in finding.sources)),
        cwes=tuple(dict.fromkeys(cwe for finding in group for cwe in finding.cwes)),
        fix=min((finding.fix for finding in group), key=_preference),
        flow=max((finding.flow for finding in (told, *group)), key=len),
    )


def _preference(fix: Fix | Checking | Withheld | None) -> int:
    match fix:
        case Fix(author="local"):
            return 0
        case Fix():
            return 1
        case Checking():
            return 2
        case Withheld():
            return 3
        case None:
            return 4
