"""What a function does, whoever calls it: it is executed once; a callback, where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..knowledge import Sink
from ..program import Call, Compare, Constant, Expression, Function, Logical, Not
from ..states import State, in_all
from ..values import KNOWN, UNKNOWN, Cleared, Label, Value, join_all, merged, taints_of
from .analysis import Analysis, Closure, Frame, Summary
from .parameters import give_parameters
from .types import path_of
from .variables import bind_value

DEEPEST_CALLS = 6


def summarise(analysis: Analysis, closure: Closure) -> Summary | None:
    """Executes the function with all that is not known of its callers; keeps what it does."""
    function = closure.function
    if id(function) in analysis.active or analysis.depth >= DEEPEST_CALLS:
        return None
    if closure.of is not None and function.name not in ("__init__", "constructor"):
        constructor = closure.of.methods.get("__init__") or closure.of.methods.get("constructor")
        if constructor is not None:
            analysis.summary(constructor)
    returns = _return_sinks(analysis, function, closure)
    frame, outer = Frame(function, closure.of, returns), analysis.frame
    state = State(parent=closure.state)
    analysis.frame = frame
    analysis.active.add(id(function))
    analysis.depth += 1
    try:
        give_parameters(analysis, closure, state)
        for label, kinds in analysis.prechecked.get(id(function), ()):
            state.clear(label, kinds)
        analysis.hoist(function.body, state)
        end = analysis.execute(function.body, state)
        for nested in frame.nested:
            inner = analysis.summary(nested)
            if inner is not None:
                for hit in inner.hits:
                    frame.hits.setdefault(hit.key, hit)
        if end is not None:
            frame.returns.append((KNOWN, end, None))
        # Still active: what it returns may be asked of the function itself.
        summary = _summed_up(analysis, frame)
    finally:
        analysis.depth -= 1
        analysis.active.discard(id(function))
        analysis.frame = outer
    analysis.summaries[closure.key] = summary
    return summary


def run_inline(
    analysis: Analysis, closure: Closure, arguments: Sequence[Value | None], state: State
) -> tuple[Value, Mapping[Label, Cleared]]:
    """A callback's answer, and what is safe when it answers yes."""
    function = closure.function
    if id(function) in analysis.active or analysis.depth >= DEEPEST_CALLS:
        return UNKNOWN, {}
    outer = analysis.frame
    frame = Frame(function, closure.of or outer.of, ())
    frame.hits = outer.hits
    frame.stores = outer.stores
    inner = State(parent=state)
    analysis.frame = frame
    analysis.active.add(id(function))
    analysis.called.add(id(function))
    analysis.depth += 1
    try:
        give_parameters(analysis, closure._replace(state=state), inner)
        for index, parameter in enumerate(function.parameters):
            given = arguments[index] if index < len(arguments) else None
            if given is None:
                if arguments or inner.get(parameter.name) is None:
                    continue
                value = inner.get(parameter.name)
                if value is not None and any(
                    taint.label.kind == "parameter" for taint in value.taints
                ):
                    inner.variables[parameter.name] = UNKNOWN
                continue
            if parameter.pattern is not None:
                bind_value(analysis, parameter.pattern, given, inner, parameter, True)
            elif parameter.name:
                inner.variables[parameter.name] = given
        for label, kinds in analysis.prechecked.get(id(function), ()):
            inner.clear(label, kinds)
        analysis.hoist(function.body, inner)
        end = analysis.execute(function.body, inner)
        if end is not None:
            frame.returns.append((KNOWN, end, None))
        summary = _summed_up(analysis, frame)
    finally:
        analysis.depth -= 1
        analysis.active.discard(id(function))
        analysis.frame = outer
    outer.nested += frame.nested
    analysis.summaries.setdefault(closure.key, summary._replace(hits=()))
    return summary.answer, summary.checked_if_true


def _summed_up(analysis: Analysis, frame: Frame) -> Summary:
    returns = frame.returns
    answer = join_all([value for value, _, _ in returns])
    if frame.yields:
        every = merged([taints_of(one) for one in frame.yields])
        answer = Value(every, fields={"0": join_all(frame.yields)})
    checked = in_all([state for _, state, _ in returns])
    true: list[State] = []
    false: list[State] = []
    if any(_is_answer(expression) for _, _, expression in returns):
        for _, state, expression in returns:
            if expression is None:
                false.append(state)
                continue
            yes = analysis.assume(expression, True, state.copy())
            no = analysis.assume(expression, False, state.copy())
            true += [yes] if yes is not None else []
            false += [no] if no is not None else []
    return Summary(
        answer,
        tuple(frame.hits.values()),
        checked,
        in_all(true),
        in_all(false),
        frame.stores,
        not returns,
    )


def _return_sinks(analysis: Analysis, function: Function, closure: Closure) -> list[Sink]:
    sinks: list[Sink] = []
    for decorator in function.decorators:
        path = path_of(decorator, closure.state)
        for pattern, sink in analysis.knowledge.returns:
            if pattern.matches(path) and _is_decorated_so(sink, decorator, closure.state):
                sinks.append(sink)
    if not function.decorators:
        sinks += analysis.knowledge.helper_returns
    return sinks


def _is_decorated_so(sink: Sink, decorator: Expression, state: State) -> bool:
    """Whether the decorator has the arguments that the sink asks for."""
    given = {
        one.name: path_of(one.value, state)
        for one in (decorator.arguments if isinstance(decorator, Call) else ())
    }
    return all(
        name in given and pattern.fullmatch(given[name]) for name, pattern in sink.when.items()
    )


def _is_answer(expression: Expression | None) -> bool:
    return isinstance(expression, (Compare, Not, Logical, Call)) or (
        isinstance(expression, Constant) and isinstance(expression.value, bool)
    )
