"""Answers that show relations which nobody loaded: serializers of Django REST framework, and
FastAPI's response models over SQLAlchemy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from ..core.model import Proposal, Span
from ..core.model import Step as FlowStep
from ..syntax import span_of
from .code import Code, Scope
from .origins import Origin
from .relations import QUERY, Relations, django_loads
from .summaries import Shape, Shown


def find_unloaded(reading: Relations) -> Iterator[Proposal]:
    """Django REST framework: a list of rows is serialized with relations that nobody loaded."""
    code = reading.code
    if "erializer" not in code.text or code.language != "python":
        return
    shapes = serializers_of(code)

    def shape_of(name: str) -> Shape | None:
        return shapes.get(name.rpartition(".")[2]) or reading.elsewhere.shape(name)

    for assignment in code.assignments:
        view = assignment.scope
        if view is None or view.kind != "class" or assignment.names != ("serializer_class",):
            continue
        shape = shape_of(assignment.value.text())
        if shape is None or not _LISTS.search(view.bases) or _ONE_ROW.search(view.bases):
            continue
        origin = reading.of_class(view, "queryset", 3)
        place = _queryset_of(code, view)
        if origin is not None and place is not None:
            yield from _unloaded(reading, shape_of, shape, origin, place)
    for chain, scope in code.calls:
        called = next((step for step in chain.steps if step.arguments is not None), None)
        if called is None or called.arguments is None or "erializer()" not in chain.path:
            continue
        shape = shape_of(chain.path.partition("()")[0])
        given = [child for child in called.arguments.children() if child.is_named()]
        if shape and given and re.search(r"\bmany\s*=\s*True", called.arguments.text()):
            origin = reading.origin_of_node(given[0], scope, chain.span.start, 3)
            if origin is not None:
                yield from _unloaded(reading, shape_of, shape, origin, chain.span)


_LISTS = re.compile(r"List|ViewSet|GenericAPIView|APIView")
_ONE_ROW = re.compile(
    r"^\(\s*(generics\.)?(Create|Retrieve|Update|Destroy|RetrieveUpdate\w*)APIView\s*\)$"
)


def _queryset_of(code: Code, view: Scope) -> Span | None:
    for assignment in code.assignments:
        if assignment.scope is view and assignment.names == ("queryset",):
            return span_of(assignment.value)
    for function in code.functions.get("get_queryset", ()):
        if function.owner() is view:
            for node in function.node.find_all(kind="return_statement"):
                return span_of(node)
    return None


def _unloaded(
    reading: Relations,
    shape_of: Callable[[str], Shape | None],
    shape: Shape,
    origin: Origin,
    place: Span,
) -> Iterator[Proposal]:
    model = reading.model_of(origin.model)
    missing = [
        (path, kind)
        for path, kind in _shown(shape, shape_of, (), 2)
        if (model is None or path[0] in model.relations)
        and not django_loads(origin, "__".join(path), kind)
    ]
    if not missing:
        return
    path, kind = missing[0]
    call = "select_related" if kind == "one" and len(path) == 1 else "prefetch_related"
    names = ", ".join(f"`{'.'.join(path)}`" for path, _ in missing[:3])
    yield Proposal(
        where=place,
        rule=QUERY,
        message=(
            f"`{shape.name}` shows {names} of each row, which is one more query per row. "
            f'Add `.{call}("{"__".join(path)}")` to the queryset.'
        ),
        source="detector:performance",
        author="local",
        confidence="medium",
        flow=_where(reading.code, shape, "The serializer."),
    )


def _where(code: Code, shape: Shape, what: str) -> tuple[FlowStep, ...]:
    """A shape's place, where it is in this file."""
    found = (one for one in code.scopes if one.kind == "class" and one.name == shape.name)
    return tuple(FlowStep(scope.span, what) for scope in found)


def _shown(
    shape: Shape, shape_of: Callable[[str], Shape | None], prefix: tuple[str, ...], depth: int
) -> Iterator[tuple[tuple[str, ...], Literal["one", "many"]]]:
    """The relations whose rows a serializer reads."""
    for shown in shape.shown:
        inner = shape_of(shown.shape) if shown.shape else None
        if shown.shape and inner is None:
            continue
        path = (*prefix, *shown.path)
        yield path, shown.kind
        if inner is not None and depth > 1:
            yield from _shown(inner, shape_of, path, depth - 1)


def serializers_of(code: Code) -> Mapping[str, Shape]:
    """By name, those of Django REST framework."""
    classes = {
        scope: scope.name
        for scope in code.scopes
        if scope.kind == "class" and re.search(r"Serializer", scope.bases)
    }
    shown: dict[str, list[Shown]] = {name: [] for name in classes.values()}
    for assignment in code.assignments:
        if assignment.scope in classes and len(assignment.names) == 1:
            part = _part_of(assignment.names[0], assignment.value.text())
            if part is not None:
                shown[classes[assignment.scope]].append(part)
    return {name: Shape(name, tuple(parts)) for name, parts in shown.items()}


def _part_of(name: str, text: str) -> Shown | None:
    """The relation that a field of a serializer reads."""
    made = re.match(r"((?:\w+\.)*)(\w+)\(", text)
    if made is None or re.search(r"write_only\s*=\s*True", text):
        return None
    source = re.search(r"source\s*=\s*[\"']([\w.*]+)[\"']", text)
    names = tuple((source[1] if source else name).split("."))
    if names == ("*",) or names[-1] in ("count", "all"):
        return None
    kind: Literal["one", "many"] = "many" if re.search(r"many\s*=\s*True", text) else "one"
    if made[2].endswith("Serializer"):
        return Shown(names, kind, f"{made[1]}{made[2]}")
    if re.search(r"(StringRelated|SlugRelated|HyperlinkedRelated)Field$", made[2]):
        return Shown(names, kind)
    if made[2] == "PrimaryKeyRelatedField" and kind == "many":
        return Shown(names, kind)
    if source and len(names) > 1 and made[2].endswith("Field"):
        return Shown(names[:-1], "one")
    return None


def find_unloaded_responses(reading: Relations) -> Iterator[Proposal]:
    """FastAPI: a route answers with rows, and its response model reads their relations."""
    code = reading.code
    if "fastapi" not in code.text:
        return
    schemas = response_models_of(code)
    for route in code.scopes:
        answer = _LIST_ANSWER.search(f"{route.decorators} {code.of(route.span)[:400]}")
        if answer is None or not route.decorators:
            continue
        name = answer[1] or answer[2]
        schema = schemas.get(name.rpartition(".")[2]) or reading.elsewhere.shape(name)
        origin = reading.returned(route, 3) if schema is not None else None
        model = reading.model_of(origin.model) if origin is not None else None
        if schema is None or origin is None or model is None:
            continue
        for shown in schema.shown:
            [field] = shown.path
            relation = model.relations.get(field)
            if relation is None or reading.is_loaded(origin, field, relation):
                continue
            loader = "joinedload" if relation.kind == "one" else "selectinload"
            yield Proposal(
                where=_answered(route),
                rule=QUERY,
                message=(
                    f"`{schema.name}` shows `{field}` of each row, which is one more query per "
                    f"row. Add `.options({loader}({origin.model}.{field}))` to the query."
                ),
                source="detector:performance",
                author="local",
                confidence="medium",
                flow=_where(code, schema, "The response model."),
            )
            break


_LIST_ANSWER = re.compile(
    r"response_model\s*=\s*(?:\w+\.)?(?:[Ll]ist|Sequence)\[\s*([\w.]+)|"
    r"->\s*(?:\w+\.)?(?:[Ll]ist|Sequence)\[\s*[\"']?([\w.]+)"
)
_FIELD = re.compile(r"^[ \t]+(\w+)[ \t]*:([^\n=#]*)", re.MULTILINE)


def response_models_of(code: Code) -> Mapping[str, Shape]:
    """By name, classes that an answer is made of; of their fields those that may hold others."""
    if code.language != "python" or not re.search(r"pydantic|sqlmodel|BaseModel", code.text):
        return {}
    return {
        scope.name: Shape(
            scope.name,
            tuple(
                Shown((name,), "many" if "ist[" in type_ else "one")
                for name, type_ in _FIELD.findall(code.of(scope.span))
                if re.search(r"[A-Z]", type_)
            ),
        )
        for scope in code.scopes
        if scope.kind == "class" and re.search(r"BaseModel|Base\b|Schema|Read|Out", scope.bases)
    }


def _answered(route: Scope) -> Span:
    returns = route.node.find_all(kind="return_statement")
    return span_of(returns[-1]) if returns else route.span
