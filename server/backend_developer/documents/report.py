"""What a check of a document says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from ..core.model import Confidence, ProposedFix, Replacement, Span

T = TypeVar("T")


_MANY = 20


@dataclass(frozen=True, slots=True)
class Report:
    """A place and one or two sentences about it: what is wrong, and what to do."""

    where: Span
    message: str
    confidence: Confidence = "high"
    fix: ProposedFix | None = None


Check: TypeAlias = Callable[[T], Iterable[Report]]
Checks: TypeAlias = Mapping[str, Callable[[Any], Iterable[Report]]]
"""Catalogue id -> the function that finds it, for one kind of document."""


def each_or_once(
    lacking: Sequence[tuple[Span, str]], total: int, none_has_it: str, few: int = 3
) -> Iterator[Report]:
    """A report for each place that lacks something, or one where (nearly) all `total` places do.

    What a description never does is a decision to point out once, with `none_has_it`, in which
    `{total}` stands for the number; what it does in most places is an oversight in the others.
    `few` places are reported one by one all the same.
    """
    if len(lacking) == total > few:
        yield Report(lacking[0][0], none_has_it.format(total=total))
        return
    if len(lacking) > max(_MANY, total * 2 / 3):
        where, message = lacking[0]
        yield Report(where, f"{message} The same is true of {len(lacking) - 1} others.")
        return
    for where, message in lacking:
        yield Report(where, message)


def replacing(title: str, where: Span, new: str) -> ProposedFix:
    return ProposedFix(title, (Replacement(where, new),))
