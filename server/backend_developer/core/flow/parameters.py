"""What the parameters of a function hold when nothing is known of the caller."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..knowledge import LENGTH_KINDS, OBJECT_KINDS
from ..program import Call, Constant, Expression, Parameter, dotted_path, is_call_of
from ..states import State
from ..values import KNOWN, NOTHING, Label, Taint, Trace, Value, cleared_for, part, taints_of
from .analysis import Analysis, Class, Closure, Made
from .types import is_clean_type, is_held_to_pattern, path_of, type_path
from .variables import bind_value

_INJECTED_TYPES = re.compile(
    r"\b(?:Request|Response|Session|AsyncSession|Connection|BackgroundTasks|Engine|WebSocket|Depends|"
    r"Pool|Redis|Settings|Database|HTTPConnection)\b"
)
_FRAMEWORK_TYPE = re.compile(
    r"(?i)\b(?:any|[\w.]*(?:request|response|reply|context|toolkit|event))\(\)"
)


def give_parameters(analysis: Analysis, closure: Closure, state: State) -> None:
    """Gives the parameters what they hold when nothing is known of the caller."""
    function = closure.function
    if closure.of is not None and function.receiver:
        state.variables[function.receiver] = _own_object(analysis, closure.of)
    decorators = [path_of(one, closure.state) for one in function.decorators]
    converters = [
        argument.value.value
        for decorator in function.decorators
        if isinstance(decorator, Call)
        for argument in decorator.arguments
        if isinstance(argument.value, Constant) and isinstance(argument.value.value, str)
    ]
    first = function.parameters[0].name if function.parameters else ""
    for index, parameter in enumerate(function.parameters):
        value = _parameter_value(analysis, closure, index, parameter, decorators, first)
        name = parameter.name
        if name and any(
            re.search(rf"<(?:int|float|uuid)(?:\(.*?\))?:{re.escape(name)}>", one)
            for one in converters
        ):
            value = KNOWN
        if name:
            state.variables[name] = value
        if parameter.pattern is not None:
            bind_value(analysis, parameter.pattern, value, state, parameter, True)
        if parameter.is_property and name and closure.of is not None:
            stored = analysis.frame.stores
            stored[name] = value
            closure.of.stores[name] = value


def _own_object(analysis: Analysis, of: Class) -> Value:
    """What a method sees as its object: labels of its own, and what the constructor stores."""
    if of.own is not None:
        return of.own
    constructor = of.methods.get("__init__") or of.methods.get("constructor")
    summary = analysis.summaries.get(constructor.key) if constructor else None
    taint = Taint(Label("parameter", of.root), Trace(of, "the object", None))
    fields: dict[str, Value] = {}
    for name, value in (summary.stores if summary else {}).items():
        is_tainted = bool(taints_of(value))
        own = taint._replace(label=taint.label._replace(path=(name,)))
        fields[name] = value._replace(
            taints=(own,) if is_tainted else (), fields=None if is_tainted else value.fields
        )
    is_handler = any(base.endswith("HTTPRequestHandler") for base in of.bases)
    path = "http.server.Handler()" if is_handler else "self"
    result = Value((taint,), fields=fields, object_of=of, path=path)
    if summary is not None or constructor is None:
        of.own = result
    return result


def _parameter_value(
    analysis: Analysis,
    closure: Closure,
    index: int,
    parameter: Parameter,
    decorators: Sequence[str],
    first: str,
) -> Value:
    function = closure.function
    annotation = parameter.annotation
    state = closure.state
    if annotation and is_clean_type(analysis, annotation, state):
        return KNOWN
    if parameter.default is not None and is_held_to_pattern(parameter.default):
        return KNOWN
    own = [path_of(one, state) for one in parameter.decorators]
    after = function.parameters[index + 1 : index + 2]
    following = after[0].name if after else ""
    bases = closure.of.bases if closure.of is not None else ()
    path = type_path(annotation, state) if annotation else ""
    holds, clears = "", NOTHING
    for rule in analysis.knowledge.parameters:
        if rule.names is not None and not rule.names.fullmatch(parameter.name or "{}"):
            continue
        if rule.position is not None and rule.position != index:
            continue
        if rule.first is not None and not rule.first.fullmatch(first):
            continue
        if rule.then is not None and not rule.then.fullmatch(following):
            continue
        if rule.function is not None and not rule.function.fullmatch(function.name):
            continue
        if rule.base is not None and not any(map(rule.base.fullmatch, bases)):
            continue
        if rule.decorator is not None and not any(map(rule.decorator.fullmatch, own)):
            continue
        if rule.function_decorator is not None and not any(
            map(rule.function_decorator.fullmatch, decorators)
        ):
            continue
        holds, clears = rule.holds, rule.clears
        break
    if "Depends(" in annotation or "Security(" in annotation:
        return Value(path=path)
    if holds in ("input", "local"):
        if parameter.default is not None and _is_injected(parameter.default, state):
            return Value(path=path)
        if path and path != "str()" and _is_object_type(annotation, state):
            return Value(path=path)
        if any(_has_clean_pipe(one) for one in parameter.decorators):
            return KNOWN
        label = Label("input" if holds == "input" else "local", ("parameter", id(function), index))
        taint = Taint(label, Trace(parameter, "source", None), clears)
        value = Value((taint,), True, path=path)
        if _has_length(parameter.default) or "max_length" in annotation:
            value = cleared_for(value, LENGTH_KINDS)
        return _typed(analysis, value, annotation, state)
    if holds:
        if path.removesuffix("()").endswith(("Request", "HTTPConnection", "WebSocket")):
            return Value(path=path if holds.startswith("web.") else holds)
        if not path or _FRAMEWORK_TYPE.search(path):
            return Value(path=holds)
    label = Label("parameter", (id(function), index))
    path = path or (closure.types[index] if closure.types else "")
    value = Value((Taint(label, Trace(parameter, "parameter", None)),), True, path=path)
    return _typed(analysis, value, annotation, state)


def _typed(analysis: Analysis, value: Value, annotation: str, state: State) -> Value:
    """A value of a class of the file, whose fields have types of their own."""
    made = state.get(annotation.strip("'\"")) if annotation else None
    if made is None or not isinstance(made.object_of, Made):
        return value
    of = made.object_of.of
    fields = {
        name: cleared_for(part(value, name), OBJECT_KINDS)
        for name in sorted(of.texts)
        if value.taints
    }
    fields.update(
        dict.fromkeys((*sorted(of.clean), *sorted(_validated_fields(analysis, of))), KNOWN)
    )
    return value._replace(fields=fields)


def _validated_fields(analysis: Analysis, of: Class) -> set[str]:
    """The fields that methods such as pydantic's `@field_validator("name")` let pass or not."""
    names: set[str] = set()
    for method in of.methods.values():
        for decorator in method.function.decorators:
            if not is_call_of(decorator, "field_validator", "validator"):
                continue
            assert isinstance(decorator, Call)
            summary = analysis.summary(method)
            checked = summary.checked if summary is not None else {}
            if "*" in checked.get(Label("parameter", (id(method.function), 0)), NOTHING):
                names |= {
                    str(one.value.value)
                    for one in decorator.arguments
                    if isinstance(one.value, Constant)
                }
    return names


def _is_injected(default: Expression, state: State) -> bool:
    """`= Depends(get_database)`: made by the framework from other things."""
    return isinstance(default, Call) and dotted_path(default.function).rpartition(".")[2] in (
        "Depends",
        "Security",
        "inject",
        "Provide",
    )


def _is_object_type(annotation: str, state: State) -> bool:
    """Whether it is a class of a library that the framework itself fills in."""
    return bool(_INJECTED_TYPES.search(annotation))


def _has_clean_pipe(decorator: Expression) -> bool:
    """Nest's `@Param("id", ParseIntPipe)`."""
    return isinstance(decorator, Call) and any(
        re.fullmatch(
            r"(?:new )?Parse(?:Int|Float|Bool|UUID|Enum|Date)Pipe(?:\(\))?",
            dotted_path(one.value),
        )
        for one in decorator.arguments
    )


def _has_length(default: Expression | None) -> bool:
    """`Query(max_length=100)`."""
    return isinstance(default, Call) and any(one.name == "max_length" for one in default.arguments)
