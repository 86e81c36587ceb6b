"""Functions that are given to others as arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..arguments import Given
from ..knowledge import Input
from ..program import Call
from ..states import State
from ..values import (
    KNOWN,
    NOTHING,
    UNKNOWN,
    Label,
    Taint,
    Value,
    element,
    join_all,
    map_taints,
    taints_of,
)
from .analysis import Analysis
from .functions import call_closure
from .summaries import run_inline
from .variables import from_outside, read_element

ON_ELEMENTS = frozenset(
    ["map", "forEach", "filter", "find", "some", "every", "flatMap", "findIndex", "sort", "reduce",
     "then", "mapValues", "each", "tap", "pipe", "subscribe"]
)  # fmt: skip
HANDS_OVER = frozenset(
    ["Thread", "Process", "Timer", "submit", "map", "starmap", "imap", "imap_unordered",
     "map_async", "apply", "apply_async", "add_task", "to_thread", "run_in_executor",
     "run_in_threadpool", "run_sync", "partial", "call_soon", "call_soon_threadsafe", "call_later",
     "call_at", "spawn",
     "enqueue", "start_soon", "start_new_thread", "defer"]
)  # fmt: skip
"""Calls that are given a function and its arguments, to run it now or later."""
_ON_EACH = frozenset(["map", "imap", "imap_unordered", "map_async"])


def run_with(
    analysis: Analysis, holds: Mapping[int, str], given: Given, call: Call, path: str, state: State
) -> None:
    """Functions that are given away, and what they will be given."""
    arguments = [
        from_outside(analysis, Input("input", True), (path, id(call)), call, path)
        if holds.get(index) == "input"
        else Value(path=holds[index])
        if index in holds
        else None
        for index in range(max(holds) + 1)
    ]
    inner = [*given.positional, *given.named.values()]
    inner += [one for value in given.positional for one in (value.fields or {}).values()]
    for value in inner:
        if value.function is not None and value.function.function.is_inline:
            run_inline(analysis, value.function, arguments, state)


def run_later(
    analysis: Analysis, call: Call, name: str, given: Given, state: State
) -> Value | None:
    """A function that is handed over with its arguments, such as to a thread, is called."""
    functions = [(one, given.positional[index + 1 :]) for index, one in enumerate(given.positional)]
    functions += [(given.named[key], []) for key in ("target", "func") if key in given.named]
    for value, rest in functions:
        closure = value.function
        if closure is None:
            continue
        positional = rest
        if name in _ON_EACH:
            positional = [element(one) for one in rest]
        elif (several := given.named.get("args")) is not None:
            positional = list((several.fields or {"": element(several)}).values())
        named = given.named
        if "kwargs" in named or not rest:
            named = {**named, **(named.get("kwargs", UNKNOWN).fields or {})}
        names = {parameter.name for parameter in closure.function.parameters}
        named = {key: one for key, one in named.items() if key in names and one is not value}
        if name == "partial" and not named:
            return Value(function=closure._replace(given=(*closure.given, *positional)))
        if closure.function.is_inline:
            return run_inline(analysis, closure, positional, state)[0]
        return call_closure(analysis, closure, Given(None, positional, named), call, state)
    return None


def run_callbacks(
    analysis: Analysis,
    call: Call,
    name: str,
    given: Given,
    is_source: bool,
    result: Value | None,
    state: State,
) -> None:
    """Functions written as arguments are run where they stand, in a function of the file."""
    if analysis.frame.function is None and not is_source:
        return
    if name in ON_ELEMENTS:
        return
    for value in (*given.positional, *given.named.values()):
        closure = value.function
        if closure is not None and closure.function.is_inline:
            if is_source and result is not None:
                arguments = [result] * len(closure.function.parameters)
                run_inline(analysis, closure, arguments, state)
            else:
                run_inline(analysis, closure, [], state)


def on_elements(
    analysis: Analysis, call: Call, name: str, given: Given, state: State
) -> Value | None:
    """`list.map((one) => …)`, `promise.then((answer) => …)`; None where no function is given."""
    assert given.receiver is not None
    receiver = given.receiver
    callbacks = [one for one in given.positional if one.function is not None]
    if not callbacks:
        return None
    inner = receiver if name in ("then", "tap", "pipe") else read_element(analysis, receiver, call)
    arguments = [inner, KNOWN, receiver]
    if name == "reduce":
        arguments = [join_all(given.positional[1:]), inner, KNOWN]
    answers = [run_inline(analysis, one.function, arguments, state) for one in callbacks]
    answer = join_all([value for value, _ in answers])
    if name == "map" or name == "flatMap":
        fields = {"0": answer} if answer.is_known else None
        return Value(taints_of(answer), answer.is_known, fields=fields)
    if name in ("reduce", "then", "pipe"):
        return answer
    if name in ("filter", "find"):
        source = receiver if name == "filter" else inner
        checked = answers[0][1]

        def safe(taint: Taint) -> Iterable[Taint]:
            label = taint.label
            kinds = checked.get(Label("parameter", label.root, label.path), NOTHING)
            kinds |= checked.get(Label("parameter", label.root, (*label.path, "*")), NOTHING)
            return (taint._replace(cleared=taint.cleared | kinds),)

        return map_taints(source, safe)
    return UNKNOWN if name == "sort" else KNOWN
