"""What each statement makes of the state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..program import (
    Assert,
    Bind,
    Define,
    DefineClass,
    Evaluate,
    If,
    Import,
    Jump,
    Loop,
    Name,
    Other,
    Raise,
    Return,
    Try,
)
from ..states import State, baked, joined
from ..values import KNOWN, UNKNOWN, Value, part, taints_of
from .analysis import NEVER, Analysis, Class, Made
from .schemas import schema_kinds
from .sinks import check_sink
from .types import is_clean_type, is_held_to_pattern, path_of, type_path
from .variables import bind_value, read_element

_TEXT_TYPES = re.compile(
    r"(?:(?:typing\.)?Optional\[)?(?:str|EmailStr|constr\(.*\)|Annotated\[str\b.*\])\]?(?:\s*\|\s*None)?"
)
_CLEAN_FIELDS = re.compile(
    r"(?:.*\.)?(?:Integer|PositiveInteger|Float|Decimal|Boolean|NullBoolean|Date|Time|DateTime|"
    r"Duration|UUID|Choice|TypedChoice|MultipleChoice|ModelChoice|ModelMultipleChoice|IPAddress|"
    r"PrimaryKeyRelated)Field\(\)"
)
"""Of forms and serializers, what lets nothing harmful in."""


def _evaluate(analysis: Analysis, statement: Evaluate, state: State) -> State | None:
    value = analysis.evaluate(statement.value, state)
    return None if value is NEVER else state


def _if(analysis: Analysis, statement: If, state: State) -> State | None:
    current: State | None = state
    ends: list[State | None] = []
    for test, body in statement.branches:
        if current is None:
            break
        analysis.evaluate(test, current)
        then = analysis.assume(test, True, current.copy())
        if then is not None:
            ends.append(analysis.execute(body, then))
        current = analysis.assume(test, False, current)
    if current is not None:
        ends.append(analysis.execute(statement.otherwise, current))
    return joined(ends)


def _loop(analysis: Analysis, statement: Loop, state: State) -> State | None:
    breaks: list[State] = []
    after: State | None = None
    entry: State | None = state
    iterable = UNKNOWN
    # Twice, so that what one round stores is read by the next; once deep inside other loops.
    for _ in range(2 if len(analysis.frame.loops) < 3 else 1):
        if entry is None:
            break
        start = entry.copy()
        if statement.iterable is not None:
            iterable = analysis.evaluate(statement.iterable, start)
            if statement.target is not None:
                one = read_element(analysis, iterable, statement.iterable)
                bind_value(analysis, statement.target, one, start, statement.target)
        inside: State | None = start
        if statement.test is not None:
            analysis.evaluate(statement.test, start)
            inside = analysis.assume(statement.test, True, start)
        continues: list[State] = []
        analysis.frame.loops.append((breaks, continues))
        end = analysis.execute(statement.body, inside) if inside is not None else None
        analysis.frame.loops.pop()
        after = joined([end, *continues])
        entry = joined([entry, after])
    if entry is None:
        return joined([*breaks])
    if statement.test is not None:
        entry = analysis.assume(statement.test, False, entry)
    if entry is not None:
        if after is not None and not breaks:
            # `for c in text: if c not in ALLOWED: refuse` has checked the whole text.
            for taint in taints_of(iterable):
                label = taint.label
                inner = label._replace(path=(*label.path, "*"))
                kinds = after.kinds(inner)
                if kinds:
                    entry.clear(label, kinds)
        entry = analysis.execute(statement.otherwise, entry)
    return joined([entry, *breaks])


def _try(analysis: Analysis, statement: Try, state: State) -> State | None:
    before = state.copy()
    end = analysis.execute(statement.body, state)
    # The body may have stopped anywhere: what it checked is not certain in a handler.
    failed = joined([before, end.copy() if end is not None else None])
    assert failed is not None
    failed.cleared = before.cleared
    ends = [analysis.execute(statement.otherwise, end) if end is not None else None]
    ends += [analysis.execute(handler, failed.copy()) for handler in statement.handlers]
    after = joined(ends)
    if after is None:
        analysis.execute(statement.final, failed)
        return None
    return analysis.execute(statement.final, after)


def _return(analysis: Analysis, statement: Return, state: State) -> State | None:
    value = KNOWN if statement.value is None else analysis.evaluate(statement.value, state)
    value = baked(value, state)
    for sink in analysis.frame.sinks:
        below = value
        for key in sink.arguments:
            below = part(below, str(key))
        check_sink(analysis, sink, below, statement.place, state)
    analysis.frame.returns.append((value, state, statement.value))
    return None


def _raise(analysis: Analysis, statement: Raise, state: State) -> State | None:
    if statement.value is not None:
        analysis.evaluate(statement.value, state)
    return None


def _jump(analysis: Analysis, statement: Jump, state: State) -> State | None:
    if analysis.frame.loops:
        analysis.frame.loops[-1][statement.kind == "continue"].append(state)
    return None


def _assert(analysis: Analysis, statement: Assert, state: State) -> State | None:
    analysis.evaluate(statement.test, state)
    return analysis.assume(statement.test, True, state)


def _define(analysis: Analysis, statement: Define, state: State) -> State | None:
    function = statement.function
    analysis.define(function, state)
    for decorator in function.decorators:
        analysis.evaluate(decorator, state)
    return state


def _import(analysis: Analysis, statement: Import, state: State) -> State | None:
    for name, path in statement.names:
        analysis.has_star_import |= name == "*"
        state.variables[name] = Value(path=path, is_known=False)
    return state


def _define_class(analysis: Analysis, statement: DefineClass, state: State) -> State | None:
    bases = tuple(path_of(base, state) for base in statement.bases)
    inner = State(parent=state)
    new = Class(statement.name, bases, {}, {})
    for base in statement.bases:
        if isinstance(base, Name):
            inherited = state.get(base.name)
            if inherited is not None and isinstance(inherited.object_of, Made):
                inherited.object_of.of.subclasses.append(new)
                new.methods.update(inherited.object_of.of.methods)
                new.attributes.update(inherited.object_of.of.attributes)
                new.clean |= inherited.object_of.of.clean
                new.texts |= inherited.object_of.of.texts
    analysis.classes.append(new)
    state.variables[statement.name] = Value(object_of=Made(new), path=statement.name)
    for one in statement.body:
        if isinstance(one, Define):
            new.methods[one.function.name] = analysis.define(one.function, state, new)
            for decorator in one.function.decorators:
                analysis.evaluate(decorator, state)
        elif isinstance(one, Evaluate) and isinstance(one.value, Bind):
            bind = one.value
            if isinstance(bind.target, Name):
                value = analysis.evaluate(bind.value, inner)
                checks = [analysis.evaluate(one, state) for one in bind.decorators]
                is_checked = any("*" in schema_kinds(analysis, one.path) for one in checks)
                is_clean = is_checked or (
                    bool(bind.annotation) and is_clean_type(analysis, bind.annotation, state)
                )
                if is_clean or is_held_to_pattern(bind.value):
                    value = KNOWN
                    new.clean.add(bind.target.name)
                elif _TEXT_TYPES.fullmatch(bind.annotation):
                    new.texts.add(bind.target.name)
                elif _CLEAN_FIELDS.fullmatch(value.path):
                    new.clean.add(bind.target.name)
                if not is_clean and bind.annotation and isinstance(bind.value, Other):
                    value = Value(path=type_path(bind.annotation, state))
                if value.function is not None and value.function.of is None:
                    closure = value.function._replace(of=new)
                    new.methods[bind.target.name] = closure
                    analysis.registered[id(closure.function)] = closure
                inner.variables[bind.target.name] = value
                new.attributes[bind.target.name] = value
        else:
            analysis.execute((one,), inner)
    return state


STATEMENTS: Mapping[type, Callable[[Analysis, Any, State], State | None]] = {
    Evaluate: _evaluate,
    If: _if,
    Loop: _loop,
    Try: _try,
    Return: _return,
    Raise: _raise,
    Jump: _jump,
    Assert: _assert,
    Define: _define,
    DefineClass: _define_class,
    Import: _import,
}
