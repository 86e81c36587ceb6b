"""Answers that show relations which nobody loaded: serializers of Django REST framework, and
FastAPI's response models over SQLAlchemy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from ..core.model import Proposal, Span
from ..core.model import Step as FlowStep
from ..syntax import span_of
from .code import Code, Scope
from .origins import Origin, Origins
from .relations import QUERY, Relations, django_loads


def find_unloaded(reading: Origins) -> Iterator[Proposal]:
    """Django REST framework: a list of rows is serialized with relations that nobody loaded."""
    code = reading.code
    if "erializer" not in code.text or code.language != "python":
        return
    classes = {
        scope.name: scope
        for scope in code.scopes
        if scope.kind == "class" and re.search(r"Serializer", scope.bases)
    }
    for assignment in code.assignments:
        view = assignment.scope
        if view is None or view.kind != "class" or assignment.names != ("serializer_class",):
            continue
        serializer = classes.get(assignment.value.text().rpartition(".")[2])
        if serializer is None or not _LISTS.search(view.bases) or _ONE_ROW.search(view.bases):
            continue
        origin = reading.of_class(view, "queryset", 3)
        place = _queryset_of(code, view)
        if origin is not None and place is not None:
            yield from _unloaded(code, classes, serializer, origin, place)
    for chain, scope in code.calls:
        step = chain.steps[0]
        if chain.root not in classes or step.name or step.arguments is None:
            continue
        arguments = [child for child in step.arguments.children() if child.is_named()]
        if arguments and re.search(r"\bmany\s*=\s*True", step.arguments.text()):
            origin = reading.origin_of_node(arguments[0], scope, chain.span.start, 3)
            if origin is not None:
                yield from _unloaded(code, classes, classes[chain.root], origin, chain.span)


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
    code: Code, classes: Mapping[str, Scope], serializer: Scope, origin: Origin, place: Span
) -> Iterator[Proposal]:
    missing = [
        (path, kind)
        for path, kind in _shown(code, classes, serializer, (), 2)
        if not django_loads(origin, "__".join(path), kind)
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
            f"`{serializer.name}` shows {names} of each row, which is one more query per row. "
            f'Add `.{call}("{"__".join(path)}")` to the queryset.'
        ),
        source="detector:performance",
        author="local",
        confidence="medium",
        flow=(FlowStep(serializer.span, "The serializer."),),
    )


def _shown(
    code: Code, classes: Mapping[str, Scope], serializer: Scope, prefix: tuple[str, ...], depth: int
) -> Iterator[tuple[tuple[str, ...], Literal["one", "many"]]]:
    """The relations whose rows a serializer reads."""
    for assignment in code.assignments:
        if assignment.scope is not serializer or len(assignment.names) != 1:
            continue
        text = assignment.value.text()
        made = re.match(r"(?:\w+\.)*(\w+)\(", text)
        if made is None or re.search(r"write_only\s*=\s*True", text):
            continue
        source = re.search(r"source\s*=\s*[\"']([\w.*]+)[\"']", text)
        names = tuple((source[1] if source else assignment.names[0]).split("."))
        if names == ("*",) or names[-1] in ("count", "all"):
            continue
        kind: Literal["one", "many"] = "many" if re.search(r"many\s*=\s*True", text) else "one"
        if made[1] in classes or re.search(
            r"(StringRelated|SlugRelated|HyperlinkedRelated)Field$", made[1]
        ):
            path = (*prefix, *names)
            yield path, kind
            if made[1] in classes and depth > 1:
                yield from _shown(code, classes, classes[made[1]], path, depth - 1)
        elif made[1] == "PrimaryKeyRelatedField" and kind == "many":
            yield (*prefix, *names), kind
        elif source and len(names) > 1 and made[1].endswith("Field"):
            yield (*prefix, *names[:-1]), "one"


def find_unloaded_responses(reading: Relations) -> Iterator[Proposal]:
    """FastAPI: a route answers with rows, and its response model reads their relations."""
    code = reading.code
    if "fastapi" not in code.text or "relationship(" not in code.text.lower():
        return
    schemas = {
        scope.name: scope
        for scope in code.scopes
        if scope.kind == "class" and re.search(r"BaseModel|Base\b|Schema|Read|Out", scope.bases)
    }
    for route in code.scopes:
        answer = _LIST_ANSWER.search(f"{route.decorators} {code.of(route.span)[:400]}")
        schema = schemas.get(answer[1] or answer[2]) if answer and route.decorators else None
        if schema is None:
            continue
        origin = reading.returned(route, 3)
        model = reading.models.get(origin.model) if origin is not None else None
        if origin is None or model is None:
            continue
        for name in re.findall(r"^[ \t]+(\w+)[ \t]*:", code.of(schema.span), re.MULTILINE):
            relation = model.relations.get(name)
            if relation is None or reading.is_loaded(origin, name, relation):
                continue
            loader = "joinedload" if relation.kind == "one" else "selectinload"
            yield Proposal(
                where=_answered(route),
                rule=QUERY,
                message=(
                    f"`{schema.name}` shows `{name}` of each row, which is one more query per row. "
                    f"Add `.options({loader}({origin.model}.{name}))` to the query."
                ),
                source="detector:performance",
                author="local",
                confidence="medium",
                flow=(FlowStep(schema.span, "The response model."),),
            )
            break


_LIST_ANSWER = re.compile(
    r"response_model\s*=\s*(?:\w+\.)?[Ll]ist\[\s*(\w+)|->\s*(?:\w+\.)?[Ll]ist\[\s*[\"']?(\w+)"
)


def _answered(route: Scope) -> Span:
    returns = route.node.find_all(kind="return_statement")
    return span_of(returns[-1]) if returns else route.span
