"""What is safe where a test is known to be true, or false."""

from __future__ import annotations

import re

from ..arguments import Given
from ..harmless import is_restrictive
from ..knowledge import (
    ALL,
    LENGTH_KINDS,
    OBJECT_KINDS,
    PATH_KINDS,
    URL_KINDS,
    Cleaner,
    Guard,
    Input,
    Sink,
)
from ..program import (
    Attribute,
    Bind,
    Call,
    Compare,
    Comprehension,
    Constant,
    Expression,
    Function,
    Logical,
    Name,
    Not,
    Other,
    dotted_path,
    is_call_of,
    operands_of,
)
from ..states import State, joined
from ..values import NOTHING, Value, element, taints_of
from .analysis import Analysis, Closure
from .functions import arguments_of, clear_label, method_of
from .summaries import run_inline
from .variables import bind_value

MOST_QUESTIONS = 2
"""How many variables that hold the answer to a question are looked into, one inside another."""
_CHECK = re.compile(
    r"(?i)_*(is|has|check|validate?|verify|ensure|assert|require|allow|permit|safe|match).*"
)
_CONTAINS = frozenset(["includes", "has", "contains", "hasOwnProperty", "__contains__"])
_PROTOTYPE_KINDS = frozenset(["prototype-pollution", "prototype-key"])


def assume(analysis: Analysis, test: Expression, truth: bool, state: State) -> State | None:
    """The state where the test is known to be true (or false); None where it cannot be."""
    if isinstance(test, Not):
        return analysis.assume(test.operand, not truth, state)
    if isinstance(test, Logical) and test.operator != "??":
        return _assume_logical(analysis, test, truth, state)
    if isinstance(test, Compare):
        return _assume_compare(analysis, test, truth, state)
    if isinstance(test, Call):
        _assume_call(analysis, test, truth, state)
        return state
    if isinstance(test, Constant):
        return state if bool(test.value) == truth else None
    if isinstance(test, Bind):
        return analysis.assume(test.value, truth, state)
    if isinstance(test, Name):
        value = state.get(test.name)
        if value is not None:
            if value.test is not None and analysis.asking < MOST_QUESTIONS:
                analysis.asking += 1
                answer = analysis.assume(value.test, truth, state)
                analysis.asking -= 1
                return answer
            if isinstance(value.constant, bool) and analysis.frame.function is not None:
                return state if value.constant == truth else None
            if not truth:
                # Empty, or not there at all.
                analysis.clear(value, ALL, state)
        return state
    if isinstance(test, Other) and len(test.operands) == 1 and not test.is_number:
        return analysis.assume(test.operands[0], truth, state)
    if isinstance(test, Attribute) and not truth:
        # `if url.hostname: refuse`: an address without a host is one of this site.
        analysis.clear(analysis.evaluate(test, state), ALL, state)
    return state


def _assume_logical(analysis: Analysis, test: Logical, truth: bool, state: State) -> State | None:
    operands = operands_of(test)
    current: State | None = state
    if truth == (test.operator == "and"):
        for operand in operands:
            current = analysis.assume(operand, truth, current) if current is not None else None
        return current
    # One of them decides, and all before it were the other way.
    ends: list[State | None] = []
    for operand in operands:
        if current is None:
            break
        ends.append(analysis.assume(operand, truth, current.copy()))
        current = analysis.assume(operand, not truth, current)
    return joined(ends)


def _assume_compare(analysis: Analysis, test: Compare, truth: bool, state: State) -> State | None:
    operator = test.operator
    if operator in ("!=", "!==", "is not", "not in"):
        positive = {"!=": "==", "!==": "==", "is not": "==", "not in": "in"}[operator]
        return _assume_compare(analysis, test._replace(operator=positive), not truth, state)
    if operator in ("==", "===", "is"):
        return _assume_equal(analysis, test, truth, state)
    left, right = analysis.evaluate(test.left, state), analysis.evaluate(test.right, state)
    if operator == "in":
        options = [one.constant for one in (right.fields or {}).values()]
        if left.constant is not None and options and None not in options and not right.taints:
            return state if (left.constant in options) == truth else None
        if truth and _is_allow_list(right, left):
            analysis.clear(left, ALL, state)
        elif not truth and left.constant in ("..", "../"):
            analysis.clear(right, PATH_KINDS, state)
        elif not truth and left.constant in ("'", '"'):
            analysis.clear(right, frozenset(["xpath-injection"]), state)
        elif truth and isinstance(test.right, Attribute) and test.right.name == "parents":
            analysis.clear(analysis.evaluate(test.right.object, state), PATH_KINDS, state)
    elif operator == "typeof" or operator == "instanceof":
        name = str(right.constant or right.path)
        if truth and name in ("number", "boolean", "bigint", "Date", "function"):
            analysis.clear(left, ALL, state)
        elif truth and name == "string":
            analysis.clear(left, OBJECT_KINDS, state)
    elif operator in (">", ">=", "<", "<="):
        # `LIST.indexOf(value) >= 0` and the like.
        is_above = operator[0] == ">"
        if is_call_of(test.left, "indexOf", "search", "count") and right.constant in (-1, 0):
            if right.constant == 0 and operator in (">", "<=") and is_above:
                return state
            _assume_call(analysis, test.left, truth == is_above, state)
        for side, is_less in ((test.left, not is_above), (test.right, is_above)):
            if is_call_of(side, "len") and isinstance(side, Call) and is_less == truth:
                for argument in side.arguments:
                    analysis.clear(analysis.evaluate(argument.value, state), LENGTH_KINDS, state)
        numbers = (left.constant, right.constant)
        if left.is_known and right.is_known and all(type(n) in (int, float) for n in numbers):
            answer = {
                ">": numbers[0] > numbers[1],  # type: ignore[operator]
                ">=": numbers[0] >= numbers[1],  # type: ignore[operator]
                "<": numbers[0] < numbers[1],  # type: ignore[operator]
                "<=": numbers[0] <= numbers[1],  # type: ignore[operator]
            }[operator]
            return state if answer == truth else None
    return state


def _assume_equal(analysis: Analysis, test: Compare, truth: bool, state: State) -> State | None:
    for this, that in ((test.left, test.right), (test.right, test.left)):
        if _is_start(this, that):
            _assume_is_start(analysis, this, truth, state)
            return state
        if isinstance(that, Constant) and that.value in (None, False, True) and that.value != 1:
            return analysis.assume(this, not truth, state)
        if isinstance(that, Constant) and that.value is True:
            return analysis.assume(this, truth, state)
        if isinstance(that, Name) and that.name in ("undefined", "NaN"):
            return analysis.assume(this, not truth, state)
        if is_call_of(this, "indexOf", "search", "find") and _is_minus_one(analysis, that, state):
            _assume_call(analysis, this, not truth, state)
            return state
    left, right = analysis.evaluate(test.left, state), analysis.evaluate(test.right, state)
    if left.constant is not None and type(left.constant) is type(right.constant):
        return state if (left.constant == right.constant) == truth else None
    if not truth and "__proto__" in (left.constant, right.constant):
        analysis.clear(left if right.constant == "__proto__" else right, _PROTOTYPE_KINDS, state)
    if truth:
        for one, other in ((left, right), (right, left)):
            if not taints_of(other) and other.constant != "__proto__":
                analysis.clear(one, ALL, state)
        for this, other in ((test.left, right), (test.right, left)):
            if isinstance(this, Call) and is_call_of(this, "commonpath", "commonprefix"):
                for argument in this.arguments:
                    analysis.clear(analysis.evaluate(argument.value, state), PATH_KINDS, state)
            if is_call_of(this, "basename", "secure_filename", "normalize", "abspath") and (
                taints_of(other)
            ):
                analysis.clear(other, PATH_KINDS, state)
    return state


def _is_start(this: Expression, that: Expression) -> bool:
    """`path.indexOf(folder) === 0`."""
    return is_call_of(this, "indexOf") and isinstance(that, Constant) and that.value == 0


def _assume_is_start(analysis: Analysis, test: Expression, truth: bool, state: State) -> None:
    assert isinstance(test, Call)
    if isinstance(test.function, Attribute) and test.arguments:
        start = analysis.evaluate(test.arguments[0].value, state)
        _assume_start(analysis, analysis.evaluate(test.function.object, state), start, truth, state)


def _is_minus_one(analysis: Analysis, expression: Expression, state: State) -> bool:
    return isinstance(expression, Other) or analysis.evaluate(expression, state).constant == -1


def _assume_call(analysis: Analysis, test: Expression, truth: bool, state: State) -> None:
    """What the answer of a call tells of its arguments."""
    if type(test) is not Call:
        return
    function = test.function
    receiver: Value | None = None
    if isinstance(function, Attribute):
        receiver = analysis.evaluate(function.object, state)
        name, callee = function.name, method_of(receiver, function.name)
    elif isinstance(function, Name):
        name = function.name
        callee = state.get(name) or Value(path=analysis.knowledge.aliases.get(name, name))
    else:
        return
    positional = [analysis.evaluate(one.value, state) for one in test.arguments if not one.name]
    named = {one.name: analysis.evaluate(one.value, state) for one in test.arguments if one.name}
    given = Given(receiver, positional, named)
    if name in ("bool", "Boolean") and test.arguments:
        analysis.assume(test.arguments[0].value, truth, state)
        return
    if name == "isinstance" and len(positional) == 2:
        if truth and positional[1].path not in ("str", "bytes", "dict", "list", "object"):
            analysis.clear(positional[0], ALL, state)
        elif truth and positional[1].path == "str":
            analysis.clear(positional[0], OBJECT_KINDS, state)
        return
    if callee.function is not None:
        summary = analysis.summary(callee.function)
        if summary is not None:
            mapping = arguments_of(callee.function, given)
            found = summary.checked_if_true if truth else summary.checked_if_false
            for label, kinds in found.items():
                clear_label(analysis, label, kinds, mapping, state)
        return
    literal = dotted_path(function)
    paths = (callee.path, literal) if callee.path else (literal,)
    is_known = False
    for effect in analysis.knowledge.effects(name, paths):
        if isinstance(effect, Guard):
            is_known = True
            if effect.safe_when == truth:
                for place in effect.arguments:
                    for value in given.at(place):
                        analysis.clear(value, effect.clears, state)
        elif isinstance(effect, (Sink, Input, Cleaner)):
            is_known = True
    first = positional[0] if positional else None
    if name in _CONTAINS or name == "indexOf":
        if receiver is not None and first is not None:
            if truth and not taints_of(receiver):
                analysis.clear(first, ALL, state)
            elif not truth and first.constant == "..":
                analysis.clear(receiver, PATH_KINDS, state)
    elif name in ("startswith", "startsWith") and receiver is not None and first is not None:
        _assume_start(analysis, receiver, first, truth, state)
    elif name in ("endswith", "endsWith") and truth and receiver is not None:
        _assume_end(analysis, receiver, first, state)
    elif name in ("test", "match", "fullmatch", "search", "exec"):
        _assume_match(analysis, name, given, callee.path, truth, state)
    elif name in ("all", "every") and truth:
        _assume_every(analysis, test, given, state)
    elif name in ("some", "find") and truth and receiver is not None:
        _assume_some(analysis, receiver, given, state)
    elif not is_known and _CHECK.fullmatch(name) and truth:
        for value in positional:
            analysis.clear(value, ALL, state)


def _assume_start(
    analysis: Analysis, receiver: Value, start: Value, truth: bool, state: State
) -> None:
    text = start.constant if isinstance(start.constant, str) else None
    if not truth:
        if text in ("//", "/\\"):
            analysis.clear(receiver, frozenset(["open-redirect"]), state)
        elif text == "..":
            analysis.clear(receiver, PATH_KINDS, state)
        return
    if taints_of(start):
        return
    if text is None or re.match(r"[a-z]+://[^/]+/", text):
        analysis.clear(receiver, URL_KINDS, state)
    if text is None or len(text) > 1:
        for taint in taints_of(receiver):
            if "normalised-path" in taint.cleared:
                state.clear(taint.label, PATH_KINDS)


def _assume_end(analysis: Analysis, receiver: Value, end: Value | None, state: State) -> None:
    """`url.hostname.endsWith(".example.com")`: only with the dot it is a domain of ours."""
    if end is None or taints_of(end) or not str(end.constant or ".").startswith("."):
        return
    for taint in taints_of(receiver):
        if taint.label.path[-1:] and taint.label.path[-1] in analysis.knowledge.hosts:
            analysis.clear(Value((taint,)), URL_KINDS, state)


def _assume_match(
    analysis: Analysis, name: str, given: Given, path: str, truth: bool, state: State
) -> None:
    """A regular expression was asked."""
    receiver, positional = given.receiver, given.positional
    pattern: Value | None = None
    subject: Value | None = None
    if path.startswith("re.") and path.count(".") == 1 and len(positional) > 1:
        pattern, subject = positional[0], positional[1]
    elif receiver is not None and positional:
        if taints_of(receiver) and not taints_of(positional[0]):
            pattern, subject = positional[0], receiver
        else:
            pattern, subject = receiver, positional[0]
    if pattern is None or subject is None or taints_of(pattern):
        return
    text = pattern.constant
    if not isinstance(text, str):
        if truth and not pattern.constant:
            analysis.clear(subject, ALL, state)
        return
    start = name == "fullmatch" or (name == "match" and analysis.is_python)
    is_allowed = truth and is_restrictive(text, start, name == "fullmatch")
    # Nothing but the listed characters was found.
    is_allowed |= not truth and bool(re.fullmatch(r"\[\^(?:[^\]\\]|\\.)+\]", text))
    if is_allowed:
        analysis.clear(subject, ALL, state)


def _assume_some(analysis: Analysis, receiver: Value, given: Given, state: State) -> None:
    """`LIST.some((one) => one === value)`: what holds for one of them is true of the value."""
    for value in given.positional:
        if value.function is not None and not taints_of(receiver):
            _, found = run_inline(analysis, value.function, [element(receiver)], state)
            for label, kinds in found.items():
                state.clear(label, kinds)


def _assume_every(analysis: Analysis, test: Call, given: Given, state: State) -> None:
    """`all(c.isalnum() for c in text)`, `[...text].every(c => …)`."""
    if not test.arguments:
        return
    one = test.arguments[0].value
    inner = State(parent=state)
    if isinstance(one, Comprehension) and one.clauses:
        target, iterable, _ = one.clauses[0]
        whole = analysis.evaluate(iterable, state)
        bind_value(analysis, target, element(whole), inner, target)
        passed = analysis.assume(one.elements[0], True, inner)
        checked = dict(passed.cleared) if passed is not None else {}
    elif isinstance(one, Function) and given.receiver is not None:
        whole = given.receiver
        _, found = run_inline(analysis, Closure(one, state), [element(whole)], state)
        checked = {(label.root, label.path): kinds for label, kinds in found.items()}
    else:
        return
    for taint in taints_of(whole):
        label = taint.label
        kinds = checked.get((label.root, (*label.path, "*")), NOTHING)
        kinds |= checked.get((label.root, label.path), NOTHING)
        if kinds:
            state.clear(label, kinds)


def _is_allow_list(options: Value, value: Value) -> bool:
    """Whether the value's sender has no say in the options."""
    senders = {taint.label.root for taint in taints_of(value)}
    return all(
        taint.label.kind == "parameter" and taint.label.root not in senders
        for taint in taints_of(options)
    )
