"""Where the elements of a loop come from: the query whose rows they are, if it is in this file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ..core.model import Span
from ..syntax import span_of
from .code import Chain, Code, Loop, Scope, chain_of
from .loops import LATER, Repeat
from .models import Model, read_models
from .receivers import Receivers, class_around
from .summaries import NOTHING, Elsewhere

if TYPE_CHECKING:
    from ast_grep_py import SgNode


@dataclass(frozen=True, slots=True)
class Origin:
    """A query whose rows are objects, with all that was said about it."""

    library: Literal["django", "sqlalchemy", "other"]
    model: str
    text: str
    """The query as it was built up, in which eager loading is looked for."""
    prefix: tuple[str, ...] = ()
    """The relations on the way from the query's rows to these objects."""
    is_seen: bool = True
    """Whether the query is in this file; else it is not known what it loads along."""
    query: Span | None = None
    """The query itself, where it stands in the loop's header, for a fix."""


class Origins(Receivers):
    """Follows names to their values, parameters to what callers pass, and calls to functions."""

    def __init__(self, code: Code, elsewhere: Elsewhere = NOTHING) -> None:
        super().__init__(code, elsewhere)
        self._origins: dict[Loop, Origin | None] = {}
        self._models: dict[str, Model | None] = {}

    @cached_property
    def models(self) -> Mapping[str, Model]:
        """Those of this file."""
        return read_models(self.code)

    def model_of(self, name: str) -> Model | None:
        """A model of this file, or of another one of the project."""
        if name not in self._models:
            own, other = self.models.get(name), self.elsewhere.model(name) if name else None
            if other is None:
                self._models[name] = own
            else:
                relations = dict(other.relations)
                columns = frozenset(other.columns)
                known = Model(None, relations, columns, loads=other.loads)
                self._models[name] = (
                    known
                    if own is None
                    else replace(own, relations=relations | dict(own.relations), loads=other.loads)
                )
        return self._models[name]

    def origin(self, repeat: Repeat) -> Origin | None:
        loop = repeat.loop
        if loop not in self._origins:
            self._origins[loop] = None
            if repeat.called_by:
                self._origins[loop] = self._origin_of_class(repeat)
            elif loop.iterable is not None:
                made = self.origin_of_node(loop.iterable, loop.scope, loop.span.start, 3)
                if made is not None and (made.query is None or not loop.once.contains(made.query)):
                    made = replace(made, query=None)
                self._origins[loop] = made
        return self._origins[loop]

    def _origin_of_class(self, repeat: Repeat) -> Origin | None:
        """What the rows are that Django's admin shows, or that a serializer is given."""
        owner = repeat.loop.scope
        if repeat.called_by == "GraphQL":
            # An optimizer loads what the client asks for.
            is_django = DJANGO.search(self.text) or "Django" in self.text
            return Origin("django", "", "") if is_django and "ptimizer" not in self.text else None
        if owner is None or owner.kind != "class":
            return None
        text = self.code.of(owner.span)
        model = re.search(
            r"\bmodel\s*=\s*(?:\w+\.)*(\w+)|@admin\.register\((?:\w+\.)*(\w+)",
            f"{owner.decorators} {text}",
        )
        name = (model[1] or model[2] or "") if model else ""
        if repeat.called_by != "the serializer":
            return Origin("django", name, _list_select(text))
        for assignment in self.code.assignments:
            view = assignment.scope
            if (
                view is not None
                and assignment.names == ("serializer_class",)
                and assignment.value.text().rpartition(".")[2] == owner.name
            ):
                return self.of_class(view, "queryset", 3)
        for chain, scope in self._calls_of.get(owner.name, ()):
            arguments = chain.steps[0].arguments
            given = [c for c in arguments.children() if c.is_named()] if arguments else []
            if given and arguments and "many=True" in arguments.text().replace(" ", ""):
                return self.origin_of_node(given[0], scope, chain.span.start, 3)
        return Origin("django", name, "", is_seen=False)

    def _origin_of(
        self,
        chain: Chain | None,
        scope: Scope | None,
        before: int,
        depth: int,
        continued: str = "",
    ) -> Origin | None:
        """`continued` is the path of what is done with the chain's value."""
        if chain is None or depth == 0 or self.language != "python":
            return None
        text = self.code.of(chain.span)
        if chain.path in _TRANSPARENT_CALLS and chain.steps[0].arguments is not None:
            inner = [c for c in chain.steps[0].arguments.children() if c.is_named()]
            return self.origin_of_node(inner[0], scope, before, depth) if inner else None
        if re.search(
            r"\.(values|values_list|dates|datetimes|aggregate|in_bulk|raw|mappings|"
            r"keys|items|tuples|dicts|namedtuples)\(\)",
            chain.path,
        ):
            return None
        django = re.match(
            r"^(?:\w+\.)*?([A-Z]\w*)\.(?:\w+_)?(?:objects|_default_manager|all_objects)\b",
            chain.path,
        )
        if django:
            known = all(
                _QUERYSET.fullmatch(step.name) for step in chain.steps if step.arguments is not None
            )
            returns_one = re.search(
                r"\.(get|first|last|latest|earliest|create|count|exists)\(\)$", chain.path
            )
            if returns_one:
                return None
            end = chain.span.end
            fixable = (
                known
                and "[]" not in chain.path
                and not chain.awaited
                and not chain.path.endswith((".iterator()", ".objects"))
            )
            return Origin(
                "django",
                django[1],
                text + self._managers(django[1], chain),
                query=Span(chain.span.start, end) if fixable else None,
            )
        flask = re.match(r"^(?:\w+\.)*?([A-Z]\w*)\.query\b", chain.path)
        if flask:
            return None if _returns_one(chain) else Origin("sqlalchemy", flask[1], text)
        if re.search(
            r"(?:^|\.)\w*(?:[sS]ession|db|database|conn|"
            r"engine)(?:\.session)?(?:\(\))?\.(?:query|scalars|execute|exec|stream|"
            r"stream_scalars)\(\)",
            chain.path,
        ):
            return self._sqlalchemy(chain, scope, before, text, depth, continued)
        if re.match(r"^(?:sa\.)?select\(\)", chain.path):
            arguments = chain.steps[0].arguments
            entity = (
                re.match(r"\(\s*(?:\w+\.)*([A-Z]\w*)\s*,?\s*\)", arguments.text())
                if arguments
                else None
            )
            return Origin("sqlalchemy", entity[1], text) if entity else None
        peewee = re.match(r"^([A-Z]\w*)\.(select|filter|all|exclude|find)\(\)", chain.path)
        if peewee and re.search(r"\b(peewee|tortoise|playhouse)\b", self.text):
            return Origin("other", peewee[1], text)
        if (
            chain.root == "self"
            and chain.steps
            and chain.steps[0].name in ("get_queryset", "queryset", "object_list")
        ):
            inside = self.of_class(scope, chain.steps[0].name, depth)
            return inside and replace(inside, text=inside.text + text)
        rows = self.elsewhere.rows(self.called(chain, scope))
        if rows is not None:
            one = _returns_one(chain)
            return None if one else Origin(rows.library, rows.model, f"{rows.loads} {text}")
        if chain.root and (not chain.steps or chain.steps[0].name != ""):
            return self._origin_of_name(chain, scope, before, text, depth)
        if chain.steps and chain.steps[0].name == "" and chain.root in self.code.functions:
            return self.returned(self.code.functions[chain.root][0], depth)
        return None

    def origin_of_node(
        self, node: SgNode, scope: Scope | None, before: int, depth: int
    ) -> Origin | None:
        chain = chain_of(node, self.text)
        if chain is None and node.kind() == "identifier":
            chain = Chain(node.text(), (), node.text(), span_of(node), False)
        return self._origin_of(chain, scope, before, depth)

    def _sqlalchemy(
        self,
        chain: Chain,
        scope: Scope | None,
        before: int,
        text: str,
        depth: int,
        continued: str,
    ) -> Origin | None:
        if _returns_one(chain):
            return None
        step = next(
            s
            for s in chain.steps
            if s.name in ("query", "scalars", "execute", "exec", "stream", "stream_scalars")
            and s.arguments is not None
        )
        assert step.arguments is not None
        inner = [c for c in step.arguments.children() if c.is_named()]
        if not inner:
            return None
        if step.name == "query":
            entity = re.fullmatch(r"(?:\w+\.)*([A-Z]\w*)", inner[0].text())
            return Origin("sqlalchemy", entity[1], text) if entity and len(inner) == 1 else None
        if step.name == "execute" and not re.search(
            r"\.(scalars|unique)\(\)", chain.path + continued
        ):
            return None  # Rows, not objects.
        made = self.origin_of_node(inner[0], scope, before, depth - 1)
        return replace(made, text=made.text + text, query=None) if made else None

    def _origin_of_name(
        self, chain: Chain, scope: Scope | None, before: int, text: str, depth: int
    ) -> Origin | None:
        """A variable; a relation of an outer loop's element; a parameter."""
        for repeat in reversed(self.repeats):
            if (
                chain.root in repeat.loop.targets
                and repeat.loop.span.start < before <= repeat.loop.span.end
                and chain.steps
            ):
                outer = self.origin(repeat)
                name = chain.steps[0].name
                if outer is None:
                    break
                model = self.model_of(outer.model)
                relation = model.relations.get(name) if model else None
                return replace(
                    outer,
                    model=relation.target if relation else "",
                    text=outer.text + text,
                    prefix=(*outer.prefix, name),
                    query=None,
                )
        values = [
            a
            for a in self.code.assignments
            if chain.root in a.names
            and len(a.names) == 1
            and a.span.start < before
            and (
                a.scope is scope
                or a.scope is None
                or scope is None
                or a.scope.span.contains(scope.span)
            )
        ]
        texts = " ".join(self.code.of(a.span) for a in values)
        for assignment in reversed(values):
            found = chain_of(assignment.value, self.text)
            if (
                found is not None
                and found.root == chain.root
                and found.steps
                and found.steps[0].name
            ):
                continue  # orders = orders.filter(…)
            made = (
                self._origin_of(
                    found, assignment.scope, assignment.span.start, depth - 1, chain.path
                )
                if found is not None
                else self.origin_of_node(
                    assignment.value, assignment.scope, assignment.span.start, depth - 1
                )
            )
            if made is None:
                break
            if _returns_one(chain) or re.search(r"\.(values|values_list|mappings)\(\)", texts):
                return None
            return replace(
                made,
                text=f"{made.text} {texts} {text}",
                query=made.query if len(values) == 1 else None,
            )
        if values:
            return self._related(chain, text)
        if scope is not None and chain.root in scope.parameters:
            if re.search(r"(?i)^(queryset|qs|query_set)$", chain.root):
                return Origin("django", "", text)
            annotation = re.search(
                rf"\b{re.escape(chain.root)}\s*:\s*(?:\w+\.)?QuerySet\[[\"']?(\w+)",
                self.code.of(scope.span),
            )
            if annotation:
                return Origin("django", annotation[1], text)
            passed = self._passed(scope, chain.root, depth)
            if passed is not None:
                return replace(passed, text=passed.text + text, query=None)
        return self._related(chain, text)

    def _related(self, chain: Chain, text: str) -> Origin | None:
        """`customer.orders.filter(…)` in Django: rows of a model that is not known here."""
        related = re.fullmatch(
            r"(?:\w+\.)+(\w+)(\.(?:all|filter|exclude|order_by|select_related|"
            r"prefetch_related|annotate|distinct)\(\))+(\[\])?",
            chain.path,
        )
        if related and DJANGO.search(self.text) and related[1] != "objects":
            return Origin("django", self._target_of(related[1]), text)
        return None

    def _target_of(self, attribute: str) -> str:
        targets = {
            m.relations[attribute].target for m in self.models.values() if attribute in m.relations
        }
        return next(iter(targets)) if len(targets) == 1 else ""

    @cached_property
    def _calls_of(self) -> Mapping[str, Sequence[tuple[Chain, Scope | None]]]:
        """The calls of each name that are a chain's first step: `f(…)`, `self.f(…)`."""
        calls: dict[str, list[tuple[Chain, Scope | None]]] = {}
        for chain, scope in self.code.calls:
            if chain.steps[0].arguments is not None:
                calls.setdefault(chain.steps[0].name or chain.root, []).append((chain, scope))
        return calls

    def _passed(self, function: Scope, parameter: str, depth: int) -> Origin | None:
        """What callers in this file pass as a parameter."""
        index = function.parameters.index(parameter)
        if function.owner() is not None and function.parameters[:1] in (("self",), ("cls",)):
            index -= 1
        for chain, scope in self._calls_of.get(function.name, ()):
            step = chain.steps[0]
            if step.arguments is None or function.span.contains(chain.span):
                continue
            arguments = [c for c in step.arguments.children() if c.is_named()]
            for position, argument in enumerate(arguments):
                key = argument.field("name") if argument.kind() == "keyword_argument" else None
                value = argument.field("value") if key is not None else argument
                is_it = key.text() == parameter if key is not None else position == index
                if not is_it or value is None:
                    continue
                made = self.origin_of_node(value, scope, chain.span.start, depth - 1)
                if made is not None:
                    return made
        return None

    def returned(self, function: Scope, depth: int) -> Origin | None:
        made: Origin | None = None
        for node in function.node.find_all(kind="return_statement"):
            value = next((c for c in node.children() if c.is_named()), None)
            if value is not None:
                made = self.origin_of_node(value, function, span_of(node).end, depth - 1) or made
        return (
            replace(made, text=made.text + self.code.of(function.span), query=None)
            if made
            else None
        )

    def of_class(self, scope: Scope | None, name: str, depth: int) -> Origin | None:
        owner = class_around(scope)
        if owner is None:
            return None
        for function in self.code.functions.get("get_queryset", ()):
            if function.owner() is owner:
                returned = self.returned(function, depth)
                if returned is not None:
                    return returned
        for assignment in self.code.assignments:
            if assignment.scope is owner and assignment.names == ("queryset",):
                return self.origin_of_node(assignment.value, None, assignment.span.end, depth - 1)
        return None

    def _managers(self, name: str, chain: Chain) -> str:
        """What a model's own managers load along, where one of them may be asked."""
        model = self.model_of(name)
        steps = [step.name for step in chain.steps if step.arguments is not None]
        is_usual = all(_QUERYSET.fullmatch(step) for step in steps)
        other = model.loads if model is not None and not is_usual else ""
        return self.manager_loads + other

    @cached_property
    def manager_loads(self) -> str:
        """What the managers of this file load along."""
        return loads_of(
            " ".join(
                self.code.of(scope.span)
                for scope in self.code.scopes
                if scope.kind == "class" and re.search(r"Manager|QuerySet", scope.bases)
            )
        )

    def callee(self, chain: Chain, scope: Scope | None) -> Scope | None:
        called = [s for s in chain.steps if s.arguments is not None]
        if not called or (chain.path.count("()") != 1 and chain.steps[0].arguments is None):
            return None
        step = chain.steps[0]
        if step.name == "":
            name = chain.root
            owner = None
        elif chain.root in ("self", "this", "cls"):
            name = step.name
            owner = class_around(scope)
        else:
            name = step.name
            owner = self._class_of_name(chain.root) or self._class_of_method(name)
            if owner is None:
                return None
        if step.arguments is None:
            return None
        candidates = self.code.functions.get(name, ())
        if chain.root in ("self", "this", "cls") or owner is not None:
            return next((c for c in candidates if c.owner() is owner and owner is not None), None)
        plain = [c for c in candidates if c.owner() is None]
        return plain[0] if len(plain) == 1 else None

    def _class_of_method(self, name: str) -> Scope | None:
        """The only class that has such a method, when the name says enough."""
        owners = {function.owner() for function in self.code.functions.get(name, ())}
        is_telling = "_" in name.strip("_") or name.lower() != name
        return next(iter(owners)) if len(owners) == 1 and is_telling else None

    def _class_of_name(self, name: str) -> Scope | None:
        if not self.models:
            return None
        for repeat in self.repeats:
            if name in repeat.loop.targets:
                origin = self.origin(repeat)
                if origin is not None and origin.model in self.models:
                    return self.models[origin.model].scope
        return None

    def runs_when_called(self, scope: Scope | None, function: Scope) -> bool:
        while scope is not None and scope is not function:
            if scope.callback_of is None or LATER.search(scope.callback_of.path):
                return False
            scope = scope.parent
        return scope is function


DJANGO = re.compile(r"\bdjango\b|\brest_framework\b|\.objects\.")
_LIST_SELECT = re.compile(r"list_select_related\s*=\s*(?:True\b|[(\[]([^)\]]{0,2000})[)\]])")
_QUERYSET = re.compile(
    r"all|filter|exclude|order_by|annotate|distinct|select_related|prefetch_related|only|"
    r"defer|using|reverse|alias|select_for_update|iterator|union"
)
_TRANSPARENT_CALLS = frozenset(
    [
        "list()",
        "tuple()",
        "set()",
        "sorted()",
        "enumerate()",
        "reversed()",
        "iter()",
        "tqdm()",
        "Paginator()",
        "track()",
    ]
)


_LOADS = re.compile(
    r"\b(?:select_related|prefetch_related|prefetch_related_objects|prefetch|options|"
    r"fetch_related|contains_eager|(?:joined|selectin|subquery|immediate|raise|no)load)"
    r"\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)"
)


def _list_select(text: str) -> str:
    """The class of an admin, with its `list_select_related` as the call that it stands for."""
    return _LIST_SELECT.sub(lambda match: f"select_related({match[1] or ''})", text)


def loads_of(text: str) -> str:
    """The calls in a text that load relations along."""
    return " ".join(_LOADS.findall(text))


def _returns_one(chain: Chain) -> bool:
    return bool(
        re.search(
            r"\.(get|get_or_404|first|first_or_404|one|one_or_none|scalar|scalar_one|"
            r"scalar_one_or_none|last|latest|count|exists|create|update|delete)\(\)$",
            chain.path,
        )
    )
