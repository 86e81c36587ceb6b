"""What reaches a place where it may do harm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..arguments import Given
from ..harmless import SQL_START
from ..knowledge import URL_KINDS, Sink
from ..patterns import takes_polynomial_time
from ..program import Call
from ..states import State
from ..values import Label, Taint, Value, taints_of
from .analysis import Analysis, Claim, Hit

TEXT = Sink("", "sql-injection", "", (), shape="sql")
"""Stands for a text that is put together: input in it is no finding, but the text is not safe."""
_RUNS_TEXT = frozenset(["code-injection", "unsafe-deserialization", "template-injection"])
_OWN_ADDRESSES = frozenset(
    ["originalUrl", "url", "path", "full_path", "base_url", "path_info", "nextUrl"]
)


def check_sink(analysis: Analysis, sink: Sink, value: Value, place: Any, state: State) -> None:
    if not fits(sink, value):
        return
    taints = value.taints if sink.shape in ("text", "whole") else taints_of(value)
    if sink.kind in URL_KINDS:
        taints = tuple(one for one in taints if not is_own_address(one.label))
        if sink.kind == "open-redirect":
            taints = tuple(one for one in taints if not _is_own_host(one.label))
    elif sink.kind == "cross-site-scripting" and sink.shape == "text":
        # A body as a whole is an object, which is sent as JSON.
        taints = tuple(
            one for one in taints if one.label.path or not str(one.label.root).endswith(".body")
        )
    if sink.shape == "whole":
        taints = tuple(one for one in taints if one.label.path in ((), ("*",)))
    for taint in taints:
        cleared = taint.cleared
        if sink.kind in cleared or "*" in cleared:
            continue
        cleared = state.kinds(taint.label)
        if sink.kind in cleared or "*" in cleared:
            continue
        hit = Hit(sink, place, taint, value.is_built)
        analysis.frame.hits.setdefault(hit.key, hit)


def claim_of(
    analysis: Analysis, place: Any, value: Value, kind: str, state: State, earlier: Claim | None
) -> Claim:
    """What is known of a place after the value came there once more."""
    if earlier is not None and not earlier.is_safe:
        return earlier
    found = reaching(taints_of(value), kind, state)
    owners = {_owner(taint.label) for taint in found}
    if not value.is_known or None in owners:
        return Claim(place, False)
    known = frozenset(one for one in owners if one is not None)
    return Claim(place, True, known | (earlier.owners if earlier is not None else frozenset()))


def reaching(taints: Iterable[Taint], kind: str, state: State) -> list[Taint]:
    """Those that are not safe for this kind of sink."""
    return [
        taint
        for taint in taints
        if kind not in (cleared := taint.cleared | state.kinds(taint.label)) and "*" not in cleared
    ]


def applies(analysis: Analysis, sink: Sink, given: Given, name: str) -> bool:
    if not has_arguments(sink.when, given):
        return False
    for name, pattern in sink.unless.items():
        for value in given.at(int(name) if name.isdigit() else name):
            if pattern.fullmatch(str(value.constant) if value.is_known else value.path or "?"):
                return False
    return sink.slow_pattern is None or any(
        isinstance(value.constant, str) and _is_slow(analysis, value.constant, name)
        for value in given.at(sink.slow_pattern)
    )


def note_call(
    analysis: Analysis, sink: Sink, call: Call, values: list[Value], state: State
) -> None:
    key = (sink.rule, id(call))
    claim = analysis.calls.get(key)
    for value in values:
        claim = claim_of(analysis, call, value, sink.kind, state, claim)
        if sink.kind in _RUNS_TEXT and value.constant is None and not taints_of(value):
            # Not even a number or a hash is meant to be run.
            claim = Claim(call, False)
    analysis.calls[key] = claim if claim is not None and values else Claim(call, False)


def has_arguments(when: Mapping[str, re.Pattern[str]], given: Given) -> bool:
    """Whether all these arguments are there, and are such constants or not known."""
    for name, pattern in when.items():
        values = given.at(int(name) if name.isdigit() else name)
        if not values:
            return False
        if values[0].is_known and not pattern.fullmatch(str(values[0].constant)):
            return False
    return True


def fits(sink: Sink, value: Value) -> bool:
    """Whether the value has the shape that does harm there."""
    if sink.shape == "text":
        return value.fields is None or bool(value.taints)
    if sink.shape in ("built", "markup", "sql") and not value.is_built:
        return False
    if sink.shape == "markup":
        return value.has_markup
    return sink.shape != "sql" or bool(SQL_START.match(value.prefix))


def _is_slow(analysis: Analysis, pattern: str, name: str) -> bool:
    """Whether the function of `re` can take more than linear time for the pattern."""
    key = (pattern, name in ("match", "fullmatch"))
    known = analysis.patterns.get(key)
    if known is None:
        known = analysis.patterns[key] = takes_polynomial_time(
            pattern, anywhere=not key[1], whole=name == "fullmatch"
        )
    return known


def _owner(label: Label) -> int | None:
    """The function whose parameter it is; None for anything else."""
    owner = label.root[0] if label.kind == "parameter" else None
    return owner if isinstance(owner, int) else None


def is_own_address(label: Label) -> bool:
    """Whether it is the address that was asked for, which lies on this site."""
    return (
        not label.path
        and isinstance(label.root, str)
        and label.root.rpartition(".")[2] in _OWN_ADDRESSES
    )


def _is_own_host(label: Label) -> bool:
    """Whether it is the host that was asked for: no page can make a visitor send another."""
    if label.path:
        return label.path[-1] == "host" and str(label.root).endswith("headers")
    return isinstance(label.root, str) and label.root.rpartition(".")[2] in (
        "host",
        "hostname",
        "protocol",
    )
