"""Calls: of functions of the file by their summary, of all others by what is known of libraries."""

from __future__ import annotations

import re
from typing import Any

from ..arguments import Given
from ..knowledge import ALL, Asserts, Calls, Cleaner, Ends, Input, Passes, Retypes, Sink, Validates
from ..program import Attribute, Call, Name, Subscript, dotted_path
from ..states import State
from ..values import (
    UNKNOWN,
    Value,
    cleared_for,
    doubtful,
    element,
    join,
    join_all,
    merged,
    taints_of,
)
from .analysis import NEVER, Analysis, Made
from .answers import answer_of_passing, answer_of_unknown
from .callbacks import HANDS_OVER, ON_ELEMENTS, on_elements, run_callbacks, run_later, run_with
from .functions import call_closure, make_object, method_of, overriding
from .schemas import described_schema, note_checks, validated_data
from .sinks import applies, check_sink, fits, has_arguments, note_call
from .variables import from_outside, operand_value, read_element

_REFUTABLE = frozenset(
    ["security/sql-injection", "security/command-injection", "security/code-injection",
     "security/unsafe-deserialization"]
)  # fmt: skip
"""What linters claim without knowing where a value comes from."""
_TYPED = re.compile(r"(?:[\w$@-]+\.)*[A-Z][\w$]*\(\)\.[\w$]+")


def evaluate_call(analysis: Analysis, call: Call, state: State) -> Value:
    function = call.function
    receiver: Value | None = None
    if isinstance(function, Attribute):
        receiver = analysis.evaluate(function.object, state)
        name = function.name
        callee = method_of(receiver, name)
    elif isinstance(function, Name):
        name = function.name
        callee = state.get(name) or Value(path=analysis.knowledge.aliases.get(name, name))
    else:
        callee = analysis.evaluate(function, state)
        name = callee.path.removesuffix("()").rpartition(".")[2]
        if isinstance(function, Subscript) and function.key is not None:
            key = analysis.evaluate(function.key, state)
            for _, sink in analysis.knowledge.writes.get("[*]()", ()):
                check_sink(analysis, sink, key, call, state)
    positional: list[Value] = []
    named: dict[str, Value] = {}
    for argument in call.arguments:
        value = operand_value(analysis, argument.value, state)
        if argument.name:
            named[argument.name] = value
        elif argument.is_spread:
            if value.fields is not None and not value.taints:
                if all(key.isdigit() for key in value.fields):
                    positional += list(value.fields.values())
                else:
                    named.update(value.fields)
            else:
                positional.append(element(value))
        else:
            positional.append(value)
    given = Given(receiver, positional, named)
    if callee.function is not None:
        result = call_closure(analysis, callee.function, given, call, state)
        if receiver is not None and receiver.path == "self":
            for closure in overriding(callee.function):
                other = call_closure(analysis, closure, given, call, state)
                if result is not None and other is not None:
                    result = join(result, other)
        if result is not None:
            return result
        return doubtful(join_all(given.all())) if given.all() else UNKNOWN
    if isinstance(callee.object_of, Made):
        return make_object(analysis, callee.object_of.of, given, call, state)
    literal = dotted_path(function)
    paths: tuple[str, ...] = (literal,)
    if callee.path and callee.path != literal:
        # A type that was declared says more than the name that somebody chose.
        paths = (callee.path,) if _TYPED.match(callee.path) else (callee.path, literal)
    note_checks(analysis, given)
    return _call_unknown(analysis, call, name, paths, given, state)


def _call_unknown(
    analysis: Analysis, call: Call, name: str, paths: tuple[str, ...], given: Given, state: State
) -> Value:
    knowledge = analysis.knowledge
    result: Value | None = None
    is_source = False
    sinks: set[str] = set()
    last = paths[0].rpartition(".")[2]
    effects = list(knowledge.effects(name, paths))
    if last != name and last:
        effects += knowledge.effects(last, paths)
    path = f"{paths[0]}()" if len(paths[0]) < 200 else ""
    holds: dict[int, str] = {}
    for effect in effects:
        if isinstance(effect, Ends):
            return NEVER
        if isinstance(effect, Sink):
            values = [value for place in effect.arguments for value in given.at(place)]
            if not values or any(fits(effect, value) for value in values):
                sinks.add(effect.kind)
            if applies(analysis, effect, given, name):
                for value in values:
                    check_sink(analysis, effect, value, call, state)
                if effect.rule in _REFUTABLE:
                    note_call(analysis, effect, call, values, state)
        elif isinstance(effect, Input):
            if effect.is_call and (result is None or effect.strength == "input"):
                key = given.positional[0].constant if given.positional else None
                root: Any = (paths[0], id(call)) if key is None else (paths[0], key)
                result = from_outside(analysis, effect, root, call, path)
                is_source = True
        elif isinstance(effect, Cleaner):
            values = given.all()
            if result is None:
                if effect.is_mark:
                    taints = merged([taints_of(one) for one in values])
                    marks = tuple(one._replace(cleared=one.cleared | ALL) for one in taints)
                    result = Value(marks, path=path)
                elif "*" in effect.clears:
                    result = Value(is_known=True, path=path)
                else:
                    joined = Value(merged([taints_of(one) for one in values]))
                    result = cleared_for(joined, effect.clears)._replace(
                        is_known=all(one.is_known for one in values), path=path
                    )
            else:
                result = cleared_for(result, effect.clears)
            if effect.validates:
                for value in values:
                    analysis.clear(value, effect.clears, state)
        elif isinstance(effect, Retypes):
            if given.receiver is not None and has_arguments(effect.when, given):
                result = Value(path=effect.path)
                target = call.function.object if isinstance(call.function, Attribute) else None
                if isinstance(target, Name):
                    state.assign(target.name, result, False)
        elif isinstance(effect, Passes) and result is None:
            result = answer_of_passing(analysis, effect, call, given, path, state)
        elif isinstance(effect, Asserts) and call.arguments:
            # Where it cannot hold, nothing follows; that much precision is not needed.
            analysis.assume(call.arguments[0].value, True, state)
        elif isinstance(effect, Validates):
            result = validated_data(analysis, effect, name, given, path, state)
        elif isinstance(effect, Calls) and has_arguments(effect.when, given):
            holds[effect.position] = effect.holds
    if result is None and analysis.knowledge.schemas.makers.match(path):
        result = described_schema(analysis, name, given, path)
    elif result is None and name in analysis.knowledge.schemas.inputs and given.positional:
        result = Value(path=path, fields={name: given.positional[0]})
    if holds:
        run_with(analysis, holds, given, call, path, state)
    else:
        run_callbacks(analysis, call, name, given, is_source, result, state)
    if analysis.is_python and name in HANDS_OVER:
        answer = run_later(analysis, call, name, given, state)
        if answer is not None:
            return answer._replace(path=path) if name[:1].isupper() else answer
    if sinks:
        # It was reported here; its result is something else, unless it is known to be the same.
        if result is None:
            is_own = given.receiver is not None and bool(taints_of(given.receiver))
            result = answer_of_unknown(analysis, call, name, path, given, state) if is_own else None
        return cleared_for(result, frozenset(sinks)) if result is not None else Value(path=path)
    if result is not None:
        return result
    if name in ON_ELEMENTS and given.receiver is not None:
        answer = on_elements(analysis, call, name, given, state)
        if answer is None:
            answer = _on_elements_by_name(analysis, call, name, given, state)
        if answer is not None:
            return answer
    return answer_of_unknown(analysis, call, name, path, given, state)


def _on_elements_by_name(
    analysis: Analysis, call: Call, name: str, given: Given, state: State
) -> Value | None:
    """`list.map(Number)`, `promise.then(JSON.parse)`."""
    assert given.receiver is not None
    if name not in ("map", "flatMap", "then", "forEach") or len(call.arguments) != 1:
        return None
    function, path = call.arguments[0].value, given.positional[0].path
    if not isinstance(function, (Name, Attribute)) or not path or given.positional[0].taints:
        return None
    receiver = given.receiver
    inner = receiver if name == "then" else read_element(analysis, receiver, call)
    each = Given(None, [inner], {})
    answer = _call_unknown(
        analysis, Call(call.place, function, ()), path.rpartition(".")[2], (path,), each, state
    )
    if name == "then":
        return answer
    return Value(is_known=answer.is_known, fields={"0": answer})
