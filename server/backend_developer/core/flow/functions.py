"""Functions and classes of the file as they are called: their summary with the arguments put in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..arguments import Given
from ..knowledge import ALL
from ..program import Call, Expression, Function, dotted_path
from ..states import State
from ..values import (
    KNOWN,
    UNKNOWN,
    Cleared,
    Label,
    Taint,
    Value,
    at,
    join,
    join_all,
    map_taints,
    put_in,
)
from .analysis import NEVER, Analysis, Class, Closure, Made, Summary
from .types import ENUMS

MOST_VARIANTS = 4
"""How many combinations of types of arguments a function is looked at for."""


def call_closure(
    analysis: Analysis, closure: Closure, given: Given, call: Expression, state: State
) -> Value | None:
    analysis.called.add(id(closure.function))
    if closure.given:
        given = given._replace(positional=[*closure.given, *given.positional])
    closure = _specialised(analysis, closure, given)
    summary = analysis.summary(closure)
    if summary is None:
        return None
    if summary.never_returns:
        _apply(analysis, closure, summary, given, call, state)
        return NEVER
    return _apply(analysis, closure, summary, given, call, state)


def make_object(analysis: Analysis, of: Class, given: Given, call: Call, state: State) -> Value:
    """An object of a class of the file."""
    if any(base.rpartition(".")[2] in ENUMS for base in of.bases):
        # `Direction(text)` fails on what is none of its values.
        for value in given.all():
            analysis.clear(value, ALL, state)
        return KNOWN
    of.is_made_here = True
    constructor = of.methods.get("__init__") or of.methods.get("constructor")
    fields: dict[str, Value] = {}
    if constructor is not None:
        analysis.called.add(id(constructor.function))
        summary = analysis.summary(constructor)
        if summary is not None:
            _apply(analysis, constructor, summary, given, call, state)
            mapping = arguments_of(constructor, given)
            for name, value in summary.stores.items():
                fields[name] = map_taints(
                    value, lambda taint: put_in(taint, mapping, call, f"into `{of.name}`")
                )
    else:
        # A dataclass or a model: its fields are its arguments.
        fields = dict(given.named)
        names = list(of.attributes)
        for name, value in zip(names, given.positional, strict=False):
            fields[name] = value
        for name, value in fields.items():
            if name in of.clean:
                fields[name] = KNOWN
            of.stores[name] = join(of.stores[name], value) if name in of.stores else value
    return Value(fields=fields, object_of=of, path=f"{of.name}()")


def method_of(receiver: Value, name: str) -> Value:
    """What is called by `receiver.name()`."""
    if receiver.fields is not None:
        found = receiver.fields.get(name)
        if found is not None and (found.function is not None or found.path):
            return found
    made = receiver.object_of
    if made is not None:
        of = made.of if isinstance(made, Made) else made
        method = of.methods.get(name)
        if method is not None:
            return Value(function=method._replace(bound=receiver))
    return Value(path=f"{receiver.path}.{name}") if receiver.path else UNKNOWN


def clear_label(
    analysis: Analysis, label: Label, kinds: Cleared, mapping: Mapping[Any, Value], state: State
) -> None:
    if label.root in mapping:
        analysis.clear(at(mapping[label.root], label.path), kinds, state)
    else:
        state.clear(label, kinds)


def arguments_of(closure: Closure, given: Given) -> dict[Any, Value]:
    """By the root of the parameter's label."""
    function = closure.function
    mapping: dict[Any, Value] = {}
    positional = given.positional
    if function.decorators:
        # A decorator may put in the first ones, such as a connection.
        needed = [one for one in function.parameters if one.default is None and not one.is_rest]
        injected = len(needed) - len(positional) - len(given.named)
        positional = [UNKNOWN] * injected + positional
    for index, parameter in enumerate(function.parameters):
        root = (id(function), index)
        if parameter.is_rest:
            mapping[root] = join_all([*positional[index:], *given.named.values()])
        elif parameter.name and parameter.name in given.named:
            mapping[root] = given.named[parameter.name]
        elif index < len(positional):
            mapping[root] = positional[index]
        else:
            mapping[root] = KNOWN
    if closure.of is not None and closure.bound is not None:
        mapping[closure.of.root] = closure.bound
    return mapping


def _specialised(analysis: Analysis, closure: Closure, given: Given) -> Closure:
    """The function as it is for arguments that are objects of known libraries."""
    function = closure.function
    types = []
    for index, parameter in enumerate(function.parameters):
        value = given.named.get(parameter.name)
        if value is None and index < len(given.positional):
            value = given.positional[index]
        is_typed = value is None or parameter.annotation or parameter.is_rest
        is_object = value is not None and value.path.endswith("()") and not value.taints
        types.append(value.path if value is not None and is_object and not is_typed else "")
    known = analysis.variants.setdefault(id(function), set())
    key = tuple(types)
    if not any(types) or (key not in known and len(known) >= MOST_VARIANTS):
        return closure
    known.add(key)
    return closure._replace(types=key)


def _apply(
    analysis: Analysis,
    closure: Closure,
    summary: Summary,
    given: Given,
    call: Expression,
    state: State,
) -> Value:
    """A call of a function of the file: its summary with the arguments put in."""
    mapping = arguments_of(closure, given)
    name = closure.function.name or "the function"

    def given_for(taint: Taint) -> Iterable[Taint]:
        return put_in(taint, mapping, call, f"through `{name}`")

    for hit in summary.hits:
        if hit.taint.label.root not in mapping:
            if hit.taint.label.kind == "parameter":
                analysis.frame.hits.setdefault(hit.key, hit)
            continue
        for taint in given_for(hit.taint):
            kinds = taint.cleared | state.kinds(taint.label)
            if hit.sink.kind not in kinds and "*" not in kinds:
                new = hit._replace(taint=taint)
                analysis.frame.hits.setdefault(new.key, new)
    for label, kinds in summary.checked.items():
        clear_label(analysis, label, kinds, mapping, state)
    answer = map_taints(summary.answer, given_for) if mapping else summary.answer
    if answer.path in ("", "self", "this"):
        answer = answer._replace(path="")
    return answer._replace(test=None)


def _is_property(function: Function) -> bool:
    names = [dotted_path(one).rpartition(".")[2] for one in function.decorators]
    return "property" in names or "cached_property" in names


def overriding(closure: Closure) -> Iterable[Closure]:
    """The methods that stand in for this one in the file's subclasses."""
    waiting = list(closure.of.subclasses) if closure.of is not None else []
    seen = {id(closure.function)}
    while waiting:
        of = waiting.pop()
        waiting += of.subclasses
        method = of.methods.get(closure.function.name)
        if method is not None and id(method.function) not in seen:
            seen.add(id(method.function))
            yield method._replace(bound=closure.bound)
