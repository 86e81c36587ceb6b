"""What names, fields and elements hold: how they are read and written."""

from __future__ import annotations

import builtins
from typing import Any

from ..arguments import Given
from ..knowledge import Input
from ..program import Attribute, Collection, Expression, Name, Other, Subscript, dotted_path
from ..states import State
from ..values import (
    KNOWN,
    UNKNOWN,
    Label,
    Taint,
    Trace,
    Value,
    element,
    join,
    merged,
    part,
    taints_of,
    with_part,
    with_step,
)
from .analysis import Analysis, Made
from .functions import _is_property, call_closure
from .sinks import check_sink

_BUILTINS = frozenset(dir(builtins))
_GLOBALS = frozenset(
    ["undefined", "module", "exports", "process", "console", "window", "document", "global", "this",
     "arguments", "super", "require", "fetch", "performance", "crypto", "navigator", "location",
     "self", "cls", "done", "next", "res", "req", "resolve", "reject", "callback", "cb", "unicode",
     "queueMicrotask", "structuredClone", "alert"]
)  # fmt: skip
_VALID_DATA = frozenset(["cleaned_data", "validated_data"])
_OWN = ("self.", "http.server.Handler().")
CHOSEN = ".[*]"
"""Ends the path of what was looked up by a key from outside."""


def read_path(
    analysis: Analysis, value: Value, name: str, expression: Expression, state: State
) -> Value:
    """The value, tainted when reading it gives data from outside."""
    for pattern, source in analysis.knowledge.reads.get(name, ()):
        if not source.is_call and pattern.matches(value.path):
            return from_outside(analysis, source, value.path, expression, value.path)
    if not value.taints and value.fields is None and value.path in analysis.shared:
        return analysis.shared[value.path]._replace(path=value.path)
    return value


def read_element(analysis: Analysis, value: Value, expression: Expression) -> Value:
    """What a loop over the value gives."""
    one = element(value)
    if one is UNKNOWN and value.path:
        return read_path(analysis, Value(path=f"{value.path}.[]"[:200]), "[]", expression, State())
    return one


def from_outside(
    analysis: Analysis, source: Input, root: Any, expression: Expression, path: str
) -> Value:
    trace = Trace(expression, "source", None)
    taint = Taint(Label(source.strength, root), trace, source.clears)
    return Value((taint,), True, path=path)


def read_part(
    analysis: Analysis, value: Value, name: str, expression: Expression, state: State
) -> Value:
    made = value.object_of
    if made is not None and (value.fields is None or name not in value.fields):
        of = made.of if isinstance(made, Made) else made
        method = of.methods.get(name)
        if method is not None and _is_property(method.function):
            answer = call_closure(
                analysis, method._replace(bound=value), Given(value, [], {}), expression, state
            )
            return answer if answer is not None else UNKNOWN
        if method is not None:
            return Value(function=method._replace(bound=value))
        if name in of.attributes:
            found = of.attributes[name]
            if value.taints and not found.is_known:
                found = found._replace(taints=part(value._replace(fields=None), name).taints)
            return found
    if name == "default" and value.path and not value.taints and value.fields is None:
        # `require("axios").default`
        return value
    result = part(value, name)
    if made is not None and name in _VALID_DATA and not isinstance(made, Made):
        data = read_path(analysis, result, name, expression, state)
        return data._replace(fields=dict.fromkeys(sorted(made.clean), KNOWN))
    if result.taints and any(
        pattern.matches(result.path) for pattern in analysis.knowledge.harmless.get(name, ())
    ):
        return Value(is_known=True, path=result.path)
    if result.path and (not result.taints or result.path.startswith(_OWN)):
        return read_path(analysis, result, name, expression, state)
    return result


def operand_value(analysis: Analysis, expression: Expression, state: State) -> Value:
    """As evaluate; a name that the file does not define is taken for a parameter."""
    value = analysis.evaluate(expression, state)
    if (
        isinstance(expression, Name)
        and not value.taints
        and value.path == expression.name
        and value.path.islower()
        and not analysis.has_star_import
        and value.path not in _GLOBALS
        and not value.path.startswith("__")
        and not (analysis.is_python and value.path in _BUILTINS)
        and state.get(expression.name) is None
    ):
        trace = Trace(expression, "parameter", None)
        label = Label("parameter", ("unbound", expression.name))
        return value._replace(taints=(Taint(label, trace),))
    return value


def bind_value(
    analysis: Analysis,
    target: Expression,
    value: Value,
    state: State,
    place: Any,
    declares: bool = False,
) -> None:
    """`target = value`."""
    if isinstance(target, Name):
        state.assign(target.name, with_step(value, place, f"into `{target.name}`"), declares)
    elif isinstance(target, Collection):
        take_apart(analysis, target, value, state, place, declares)
    elif isinstance(target, (Attribute, Subscript)):
        _store(analysis, target, value, state, place)
    elif isinstance(target, Other) and len(target.operands) == 1:
        bind_value(analysis, target.operands[0], value, state, place, declares)


def take_apart(
    analysis: Analysis, target: Collection, value: Value, state: State, place: Any, declares: bool
) -> None:
    for index, item in enumerate(target.items):
        if item.is_spread:
            piece = value
        elif target.has_keys:
            key = analysis.evaluate(item.key, state) if item.key is not None else UNKNOWN
            name = key.constant if key.is_known else None
            piece = (
                read_part(analysis, value, str(name), item.value, state)
                if name is not None
                else element(value)
            )
        else:
            piece = part(value, str(index))
        if item.default is not None:
            piece = join(piece, analysis.evaluate(item.default, state))
        bind_value(analysis, item.value, piece, state, place, declares)


def _store(
    analysis: Analysis, target: Attribute | Subscript, value: Value, state: State, place: Any
) -> None:
    """`a.b.c = value`, `a["b"] = value`, `a[i] = value`."""
    keys: list[str] = []
    current: Expression = target
    certain = True
    while isinstance(current, (Attribute, Subscript)):
        if isinstance(current, Attribute):
            keys.append(current.name)
        else:
            key = analysis.evaluate(current.key, state) if current.key is not None else UNKNOWN
            if key.is_known and key.constant is not None:
                keys.append(str(key.constant))
            else:
                certain = False
                keys.clear()
                for taint in taints_of(key):
                    _check_key(analysis, taint, current, target, value, state)
        current = current.object
    name = target.name if isinstance(target, Attribute) else (keys[0] if certain and keys else "")
    owner = analysis.evaluate(target.object, state)
    if name and analysis.knowledge.writes.get(name):
        paths = (f"{owner.path}.{name}", f"{dotted_path(target.object)}.{name}")
        for pattern, sink in analysis.knowledge.writes[name]:
            if any(pattern.matches(path) for path in paths):
                check_sink(analysis, sink, value, place, state)
    if isinstance(target, Subscript):
        paths = (f"{owner.path}.[]", f"{dotted_path(target.object)}.[]")
        for pattern, sink in analysis.knowledge.writes.get("[]", ()):
            if any(pattern.matches(path) for path in paths):
                check_sink(analysis, sink, value, place, state)
    if name:
        _share(analysis, f"{owner.path}.{name}", value)
    if type(current) is not Name:
        return
    old = state.get(current.name)
    if old is None:
        old = UNKNOWN
    value = with_step(value, place, f"into `{current.name}`")
    keys.reverse()
    if old.object_of is not None and not isinstance(old.object_of, Made) and keys:
        stores = analysis.frame.stores
        if current.name == (analysis.frame.function.receiver if analysis.frame.function else ""):
            stores[keys[0]] = join(stores[keys[0]], value) if keys[0] in stores else value
            shared = old.object_of.stores
            shared[keys[0]] = join(shared[keys[0]], value) if keys[0] in shared else value
    if certain and keys:
        new = with_part(old, tuple(keys[:3]), value)
    else:
        new = old._replace(
            taints=merged((old.taints, taints_of(value))),
            is_known=old.is_known and value.is_known,
        )
    state.assign(current.name, new, False)


def _share(analysis: Analysis, path: str, value: Value) -> None:
    """`request.tenant = value` in a middleware is what the handlers after it read."""
    owner = path.rpartition(".")[0]
    if owner not in analysis.objects and owner.rpartition(".")[0] not in analysis.objects:
        return
    taints = tuple(one for one in taints_of(value) if one.label.kind != "parameter")
    if taints:
        old = analysis.shared.get(path)
        new = Value(taints, value.is_known)
        analysis.shared[path] = new if old is None else join(old, new)


def _check_key(
    analysis: Analysis,
    taint: Taint,
    current: Subscript,
    target: Expression,
    value: Value,
    state: State,
) -> None:
    """`object[key] = value` with a key from outside, below another key."""
    is_nested = current is not target or isinstance(current.object, Subscript)
    # The object itself was looked up by such a key: it may be the prototype.
    is_nested |= analysis.evaluate(current.object, state).path.endswith(CHOSEN)
    for _, sink in analysis.knowledge.writes.get("[*]", ()):
        if is_nested:
            check_sink(analysis, sink, Value((taint,)), target, state)
