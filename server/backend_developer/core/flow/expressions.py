"""What each expression holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..knowledge import OBJECT_KINDS
from ..program import (
    Attribute,
    Bind,
    Call,
    Collection,
    Compare,
    Comprehension,
    Conditional,
    Constant,
    Format,
    Function,
    Logical,
    Name,
    Not,
    Other,
    Subscript,
    Yield,
    operands_of,
)
from ..states import State, baked
from ..values import (
    KNOWN,
    UNKNOWN,
    Taint,
    Value,
    cleared_for,
    element,
    join,
    join_all,
    merged,
    part,
    taints_of,
)
from .analysis import Analysis
from .calls import evaluate_call
from .sinks import check_sink, reaching
from .texts import put_together
from .types import is_clean_type, type_path
from .variables import CHOSEN, bind_value, operand_value, read_part, read_path

_NUMBERS = frozenset(["length", "size", "count", "byteLength"])
_ARITHMETIC: Mapping[str, Callable[[Any, Any], int]] = {
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other if abs(one) < 1 << 64 and abs(other) < 1 << 64 else 0,
}


def _constant(analysis: Analysis, expression: Constant, state: State) -> Value:
    return Value(is_known=True, constant=expression.value)


def _name(analysis: Analysis, expression: Name, state: State) -> Value:
    if expression.name.startswith("require "):
        return Value(path=expression.name[8:])
    value = state.get(expression.name)
    if value is not None:
        return value
    name = analysis.knowledge.aliases.get(expression.name, expression.name)
    return read_path(analysis, Value(path=name), name, expression, state)


def _attribute(analysis: Analysis, expression: Attribute, state: State) -> Value:
    value = analysis.evaluate(expression.object, state)
    name = expression.name
    if name in _NUMBERS and (value.fields is None or name not in value.fields):
        return KNOWN
    return read_part(analysis, value, name, expression, state)


def _subscript(analysis: Analysis, expression: Subscript, state: State) -> Value:
    value = analysis.evaluate(expression.object, state)
    if expression.key is None:
        return value._replace(constant=None, fields=None, taints=taints_of(value))
    key = analysis.evaluate(expression.key, state)
    text = value.constant
    if isinstance(text, str) and type(key.constant) is int and abs(key.constant) < len(text):
        return Value(is_known=True, constant=text[key.constant])
    if key.is_known and key.constant is not None:
        name = str(key.constant)
        if value.fields is not None and name not in value.fields and not value.taints:
            return element(value)
        return read_part(analysis, value, name, expression, state)
    # A field that the code itself names, in a loop over some names say.
    is_own = key.is_known and not key.taints and value.fields is None
    result = part(value, "[]") if is_own else element(value)
    if not result.path and reaching(taints_of(key), "prototype-key", state):
        result = result._replace(path=f"{value.path[:190] or '?'}{CHOSEN}")
    elif value.path and not result.path:
        result = result._replace(path=f"{value.path}.[]"[:200])
    return result


def _format(analysis: Analysis, expression: Format, state: State) -> Value:
    values = [operand_value(analysis, one, state) for one in expression.parts]
    return put_together(analysis, expression, values, expression.operator, state)


def _logical(analysis: Analysis, expression: Logical, state: State) -> Value:
    operands = operands_of(expression)
    inner = state.copy()
    values: list[Value] = []
    for index, operand in enumerate(operands):
        values.append(baked(analysis.evaluate(operand, inner), inner))
        if index + 1 < len(operands) and expression.operator != "??":
            passed = analysis.assume(operand, expression.operator == "and", inner)
            if passed is None:
                break
            inner = passed
    for name, value in inner.variables.items():
        if name not in state.variables:
            state.variables[name] = value
    return join_all(reversed(values))._replace(test=expression)


def _conditional(analysis: Analysis, expression: Conditional, state: State) -> Value:
    analysis.evaluate(expression.test, state)
    values = []
    for truth, option in ((True, expression.then), (False, expression.otherwise)):
        inner = analysis.assume(expression.test, truth, state.copy())
        if inner is not None:
            values.append(baked(analysis.evaluate(option, inner), inner))
    return join_all(values)


def _not(analysis: Analysis, expression: Not, state: State) -> Value:
    analysis.evaluate(expression.operand, state)
    return Value(is_known=True, test=expression)


def _compare(analysis: Analysis, expression: Compare, state: State) -> Value:
    analysis.evaluate(expression.left, state)
    analysis.evaluate(expression.right, state)
    return Value(is_known=True, test=expression)


def _collection(analysis: Analysis, expression: Collection, state: State) -> Value:
    fields: dict[str, Value] = {}
    taints: list[tuple[Taint, ...]] = []
    is_known = True
    has_places = True
    index = 0
    for item in expression.items[:200]:
        value = operand_value(analysis, item.value, state)
        is_known = is_known and value.is_known
        if item.is_spread:
            taints.append(value.taints)
            if expression.has_keys:
                fields.update(value.fields or {})
            elif value.fields is not None:
                for one in value.fields.values():
                    fields[str(index)] = one
                    index += 1
            else:
                has_places = False
            continue
        if not expression.has_keys and not has_places:
            taints.append(taints_of(value))
            continue
        if not expression.has_keys:
            fields[str(index)] = value
            index += 1
            continue
        key = analysis.evaluate(item.key, state) if item.key is not None else UNKNOWN
        name = str(key.constant) if key.is_known and key.constant is not None else ""
        if not name:
            taints += [taints_of(value), taints_of(key)]
            continue
        if name == "$eq":
            value = cleared_for(value, OBJECT_KINDS)
        for pattern, sink in analysis.knowledge.writes.get(name, ()):
            if pattern.matches(f"{{}}.{name}"):
                check_sink(analysis, sink, value, item.value, state)
        fields[name] = value
    return Value(merged(taints), is_known, fields=fields)


def _comprehension(analysis: Analysis, expression: Comprehension, state: State) -> Value:
    inner = State(parent=state)
    for target, iterable, tests in expression.clauses:
        bind_value(analysis, target, element(analysis.evaluate(iterable, inner)), inner, target)
        for test in tests:
            analysis.evaluate(test, inner)
            passed = analysis.assume(test, True, inner)
            if passed is None:
                return KNOWN
            inner = passed
    values = [baked(analysis.evaluate(one, inner), inner) for one in expression.elements]
    joined = join_all(values)
    return Value(
        merged([taints_of(one) for one in values]),
        joined.is_known,
        fields={"0": values[0]} if not expression.has_keys and joined.is_known else None,
    )


def _function(analysis: Analysis, expression: Function, state: State) -> Value:
    return Value(function=analysis.define(expression, state))


def _yield(analysis: Analysis, expression: Yield, state: State) -> Value:
    if expression.value is not None:
        value = analysis.evaluate(expression.value, state)
        analysis.frame.yields.append(baked(value, state))
    return UNKNOWN


def _other(analysis: Analysis, expression: Other, state: State) -> Value:
    values = [analysis.evaluate(one, state) for one in expression.operands]
    if expression.operator in _ARITHMETIC:
        numbers = [one.constant for one in values]
        if len(numbers) == 2 and all(type(one) is int for one in numbers):
            return Value(is_known=True, constant=_ARITHMETIC[expression.operator](*numbers))
    if expression.is_number:
        return KNOWN
    if len(values) == 1:
        return values[0]
    if not values:
        return UNKNOWN
    return Value(merged([taints_of(one) for one in values]), all(v.is_known for v in values))


def _bind(analysis: Analysis, expression: Bind, state: State) -> Value:
    value = analysis.evaluate(expression.value, state)
    if expression.operator:
        old = analysis.evaluate(expression.target, state)
        if expression.operator in ("??", "||", "or"):
            value = join(old, value)
        elif expression.operator == "|":
            fields = {**(old.fields or {}), **(value.fields or {})}
            taints = merged([old.taints, value.taints])
            value = Value(taints, old.is_known and value.is_known, fields=fields or None)
        elif expression.operator in ("+", "%", "/"):
            value = put_together(analysis, expression, [old, value], expression.operator, state)
        else:
            value = KNOWN
    elif expression.annotation:
        if is_clean_type(analysis, expression.annotation, state) and not value.is_known:
            value = value._replace(constant=None)
        elif not value.path and not value.taints:
            value = value._replace(path=type_path(expression.annotation, state))
    value = baked(value, state)
    if value.test is None and isinstance(expression.value, Call) and not value.taints:
        value = value._replace(test=expression.value)
    bind_value(analysis, expression.target, value, state, expression, expression.declares)
    return value


EXPRESSIONS: Mapping[type, Callable[[Analysis, Any, State], Value]] = {
    Constant: _constant,
    Name: _name,
    Attribute: _attribute,
    Subscript: _subscript,
    Call: evaluate_call,
    Format: _format,
    Logical: _logical,
    Conditional: _conditional,
    Not: _not,
    Compare: _compare,
    Collection: _collection,
    Comprehension: _comprehension,
    Function: _function,
    Bind: _bind,
    Yield: _yield,
    Other: _other,
}
