"""What the file as a whole comes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..program import Function
from ..values import Label, continued, taints_of
from .analysis import Analysis, Claim, Hit, Summary
from .sinks import TEXT


class Flow(NamedTuple):
    hits: tuple[Hit, ...]
    """Of labels from outside, and of parameters of functions that nothing in the file calls."""
    safe_texts: tuple[Any, ...] = ()
    """Texts put together from parts of which none can do harm in SQL."""
    safe_calls: tuple[tuple[str, Any], ...] = ()
    """Sinks, each with its rule, that nothing harmful reaches, whatever calls the functions."""
    summaries: tuple[tuple[Function, Summary], ...] = ()
    """What is known of each function, in terms of its parameters."""


def result_of(analysis: Analysis) -> Flow:
    hits: dict[tuple[str, int, Label], Hit] = dict(analysis.frame.hits)
    for (identity, _), summary in analysis.summaries.items():
        is_called = identity in analysis.called
        for hit in summary.hits:
            for resolved in _resolve(analysis, hit):
                label = resolved.taint.label
                is_open = label.root[0] in ("constructor", "unbound")
                is_open |= label.root[0] == identity and not is_called
                if label.kind != "parameter" or is_open:
                    hits.setdefault(resolved.key, resolved)
    reached = {(hit.sink.rule, id(hit.place)) for hit in hits.values()}
    safe = [
        one.place for one in analysis.texts.values() if _holds(analysis, one, TEXT.rule, reached)
    ]
    calls = [
        (rule, one.place)
        for (rule, _), one in analysis.calls.items()
        if _holds(analysis, one, rule, reached)
    ]
    found = [hit for hit in hits.values() if hit.sink is not TEXT]
    return Flow(tuple(found), tuple(safe), tuple(calls), tuple(_summed(analysis)))


def _summed(analysis: Analysis) -> Iterator[tuple[Function, Summary]]:
    """Each function's summary, for those that call it from other files."""
    for closure in analysis.registered.values():
        summary = analysis.summaries.get(closure.key)
        if summary is not None:
            hits = tuple(hit for hit in summary.hits if hit.sink is not TEXT)
            yield closure.function, summary._replace(hits=hits)


def _holds(analysis: Analysis, claim: Claim, rule: str, reached: set[tuple[str, int]]) -> bool:
    """Whether nothing harmful is there: by itself, or by all that callers in the file give."""
    if not claim.is_safe or (rule, id(claim.place)) in reached:
        return False
    return not claim.owners or (not analysis.is_exhausted and claim.owners <= analysis.called)


def _resolve(analysis: Analysis, hit: Hit) -> Iterable[Hit]:
    """A hit of an object's field: one for everything that was stored in the field."""
    label = hit.taint.label
    if label.root[0] != "self" or label.kind != "parameter":
        yield hit
        return
    owner = next((each for each in analysis.classes if each.root == label.root), None)
    if owner is None or not label.path:
        return
    stored = owner.stores.get(label.path[0])
    if stored is None:
        return
    for taint in taints_of(stored):
        if hit.sink.kind in taint.cleared or "*" in taint.cleared:
            continue
        trace = continued(taint.trace, hit.taint.trace)
        new = taint.label
        if new.kind == "parameter":
            if new.root[0] == "self" or owner.is_made_here:
                continue
            new = new._replace(root=("constructor", new.root))
        yield hit._replace(taint=hit.taint._replace(label=new, trace=trace))
