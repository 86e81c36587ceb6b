"""Relations that are loaded when they are first read: `order.customer.name` in a loop over orders.

A relation is known from the models of the file; where those are elsewhere, from how it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from ..core.model import Confidence, Proposal, ProposedFix, Replacement, Span
from ..core.model import Step as FlowStep
from ..core.text import quoted
from ..syntax import span_of
from .code import Chain, Loop, Scope, chain_of
from .loops import Repeat
from .models import Model, Relation, looks_like_a_row
from .origins import DJANGO, Origin, Origins

QUERY = "performance/query-in-loop"


class Relations(Origins):
    def relations_in_loops(self) -> Iterator[Proposal]:
        if self.language != "python" or not _ROWS.search(self.text):
            return
        told: set[tuple[Loop, str, str]] = set()
        for chain, _, repeats in self.repeated:
            for repeat in repeats:
                if chain.root not in repeat.loop.targets:
                    continue
                found = self._relation(chain, repeat)
                key = (repeat.loop, chain.root, chain.steps[0].name)
                if found is not None and key not in told:
                    told.add(key)
                    yield found
                break
        yield from self._relations_in_helpers()
        for loop in self.code.loops:  # for line in order.lines:
            over = chain_of(loop.iterable, self.text)
            if loop.iterable is None or over is None or len(over.steps) != 1 or "(" in over.path:
                continue
            for repeat in self.around(span_of(loop.iterable), loop.scope):
                if over.root in repeat.loop.targets and repeat.loop is not loop:
                    key = (repeat.loop, over.root, over.steps[0].name)
                    found = self._relation(over, repeat, is_iterated=True)
                    if found is not None and key not in told:
                        told.add(key)
                        yield found
                    break

    def _relations_in_helpers(self) -> Iterator[Proposal]:
        """`label(order)` in a loop, where `label` reads a relation of its parameter."""
        for chain, scope, repeats in self.repeated:
            callee = self.callee(chain, scope) if chain.steps[0].arguments is not None else None
            if callee is None or callee.span.contains(chain.span):
                continue
            arguments = chain.steps[0].arguments
            given = [c.text() for c in arguments.children() if c.is_named()] if arguments else []
            parameters = callee.parameters[1:] if callee.owner() else callee.parameters
            for parameter, argument in zip(parameters, given, strict=False):
                repeat = next((r for r in repeats if argument in r.loop.targets), None)
                if repeat is None or self.origin(repeat) is None:
                    continue
                inside = (
                    self._relation(used, repeat)
                    for used, where in self.code.within(callee.span)
                    if used.root == parameter and where is callee
                )
                found = next((proposal for proposal in inside if proposal is not None), None)
                if found is not None:
                    yield replace(
                        found,
                        where=chain.span,
                        flow=(*found.flow, FlowStep(found.where, "The query.")),
                    )
                    break

    def _relation(self, chain: Chain, repeat: Repeat, is_iterated: bool = False) -> Proposal | None:
        origin = self.origin(repeat)
        first = chain.steps[0]
        model = self.models.get(origin.model) if origin else None
        relation = model.relations.get(first.name) if model else None
        confidence: Confidence = "high" if relation else "medium"
        if origin is not None and _is_written(self.text, chain):
            return None
        manager_call = (
            first.arguments is None
            and len(chain.steps) > 1
            and chain.steps[1].arguments is not None
        )
        method = chain.steps[1].name if manager_call else ""
        method = method[1:] if method in _ASYNCHRONOUS else method
        if relation is None and model is not None and first.name in model.columns:
            return None
        if (
            manager_call
            and _MANAGER_METHODS.fullmatch(method)
            and (relation is None or relation.kind == "many")
        ):
            if relation is None and not self._is_manager_call(chain, method, origin):
                return None
            needs_query = method not in ("all", "count", "exists") or (
                len(chain.steps) > 2
                and method == "all"
                and any(_NARROWING.fullmatch(step.name) for step in chain.steps[2:])
            )
            if method in _WRITES:
                return self._lazy(chain, repeat, origin, first.name, "write", confidence)
            if (
                not needs_query
                and origin is not None
                and self._is_loaded(origin, first.name, "many")
            ):
                return None
            if not needs_query and (origin is None or not origin.is_seen) and method == "all":
                return None
            if not needs_query and origin is None:
                return None
            if origin is None and not first.name.endswith("_set") and not DJANGO.search(self.text):
                return None
            return self._lazy(
                chain, repeat, origin, first.name, "narrow" if needs_query else "many", confidence
            )
        if origin is None or first.arguments is not None:
            return self._method(chain, repeat, origin) if origin else None
        kind: Literal["one", "many"]
        if relation is not None:
            kind = relation.kind
            if relation.is_eager:
                return None
            if kind == "many" and origin.library == "django":
                return None  # `order.lines` alone is the manager, which asks nothing.
        elif is_iterated or self._is_walked(chain):
            if origin.library == "django" or model is not None or _PLURAL_DATA.search(first.name):
                return None
            kind = "many"
        elif (
            len(chain.steps) > 1
            and chain.steps[1].name not in ("[]", "")
            and looks_like_a_row(
                first.name, chain.steps[1].name, chain.steps[1].arguments is not None
            )
        ):
            if model is not None:
                return self._method(chain, repeat, origin)
            if chain.steps[1].name in ("id", "pk") and origin.library == "django":
                confidence = "medium"
            kind = "one"
        else:
            return self._method(chain, repeat, origin)
        if self._is_loaded(origin, first.name, kind) or not origin.is_seen:
            return None
        return self._lazy(chain, repeat, origin, first.name, kind, confidence)

    def _is_walked(self, chain: Chain) -> bool:
        """`len(order.lines)`, `sorted(order.lines)`: all of them are read."""
        before = self.text[max(0, chain.span.start - 12) : chain.span.start]
        return len(chain.steps) == 1 and _WALKS.search(before) is not None

    def _is_manager_call(self, chain: Chain, method: str, origin: Origin | None) -> bool:
        name = chain.steps[0].name
        if name == "objects":
            return False
        if name.endswith("_set"):
            return True
        arguments = chain.steps[1].arguments
        empty = arguments is not None and re.fullmatch(r"\(\s*\)", arguments.text()) is not None
        if method in ("all", "exists", "first", "last"):
            return empty
        if method == "count":
            return empty and (origin is not None or bool(DJANGO.search(self.text)))
        if method in ("get", "create", "update"):  # A dictionary has some of these too.
            return arguments is not None and "=" in arguments.text()
        if method == "values":
            return not empty or origin is not None
        return method not in _WRITES

    def _method(self, chain: Chain, repeat: Repeat, origin: Origin) -> Proposal | None:
        """`order.total()` or `order.total`, which the model works out with a query."""
        model = self.models.get(origin.model)
        if model is None:
            return None
        function = next(
            (
                f
                for f in self.code.functions.get(chain.steps[0].name, ())
                if f.owner() is model.scope
            ),
            None,
        )
        if function is None:
            return None
        lazy = self._lazy_in_method(function, model, origin)
        if lazy is None:
            return None
        call = quoted(name_of(chain))
        return Proposal(
            where=chain.span,
            rule=QUERY,
            message=(
                f"`{call}` asks the database for each element "
                f"(`{quoted(name_of(lazy))}`). Load what it needs "
                "with the query that is looped over, or annotate it there."
            ),
            source="detector:performance",
            author="local",
            confidence="medium",
            flow=(
                FlowStep(repeat.header, "Runs once for each element."),
                FlowStep(lazy.span, "The query."),
            ),
        )

    def _lazy_in_method(self, function: Scope, model: Model, origin: Origin) -> Chain | None:
        for chain, scope in self.code.within(function.span):
            if scope is not function and not self.runs_when_called(scope, function):
                continue
            if chain.root == "self" and chain.steps:
                relation = model.relations.get(chain.steps[0].name)
                if relation is None or relation.is_eager:
                    continue
                name, steps = chain.steps[0].name, chain.steps
                if (
                    relation.kind == "many"
                    and len(steps) > 1
                    and _MANAGER_METHODS.fullmatch(steps[1].name)
                ):
                    narrow = steps[1].name not in ("all", "count", "exists")
                    if narrow or not self._is_loaded(origin, name, "many"):
                        return chain
                elif (relation.kind == "one" or origin.library != "django") and not self._is_loaded(
                    origin, name, relation.kind
                ):
                    return chain
            elif (api := self.trip(chain)) is not None and api.trip == "query":
                return chain
        return None

    def _is_loaded(self, origin: Origin, name: str, kind: Literal["one", "many"]) -> bool:
        if origin.library == "django":
            return django_loads(origin, name, kind)
        is_sqlalchemy = origin.library == "sqlalchemy"
        return (sqlalchemy_loads if is_sqlalchemy else _others_load)(origin.text, name)

    def is_loaded(self, origin: Origin, name: str, relation: Relation) -> bool:
        """Whether the query, or the model itself, loads the relation along."""
        return relation.is_eager or self._is_loaded(origin, name, relation.kind)

    def _lazy(
        self,
        chain: Chain,
        repeat: Repeat,
        origin: Origin | None,
        name: str,
        kind: Literal["one", "many", "narrow", "write"],
        confidence: Confidence,
    ) -> Proposal:
        element = f"{chain.root}.{name}"
        path = "__".join((*origin.prefix, name)) if origin else name
        fix = None
        django = origin is None or origin.library == "django"
        if kind == "narrow":
            advice = (
                "Prefetch what is needed with `Prefetch(…, queryset=…)`, or annotate "
                "the query that is looped over."
            )
        elif kind == "write":
            advice = "Write all of them with one bulk statement."
        elif django:
            # What lies behind a relation to many rows cannot be joined.
            is_joined = kind == "one" and not (origin and origin.prefix)
            call = "select_related" if is_joined else "prefetch_related"
            advice = f'Add `.{call}("{path}")` to the query that is looped over.'
            relation_is_known = confidence == "high"
            if relation_is_known and origin is not None and origin.query is not None:
                insertion = Replacement(
                    Span(origin.query.end, origin.query.end), f'.{call}("{path}")'
                )
                fix = ProposedFix(f"Load {path} along with {call}", (insertion,))
        else:
            loader = "joinedload" if kind == "one" else "selectinload"
            advice = "Load it along with the query that is looped over."
            if origin is not None and origin.library == "sqlalchemy":
                advice = f"Add `.options({loader}({origin.model or '…'}.{name}))` to that query."
        return Proposal(
            where=chain.span,
            rule=QUERY,
            message=(
                f"`{quoted(element)}` asks the database for each element, one query "
                f"per turn of the loop. {advice}"
            ),
            source="detector:performance",
            author="local",
            confidence=confidence,
            fix=fix,
            flow=(FlowStep(repeat.header, "Runs once for each element."),),
        )


_ROWS = re.compile(
    r"\.objects\b|[sS]ession|\.query\b|\bselect\(|models\b|_set\.|peewee|tortoise|"
    r"sqlalchemy|django|queryset"
)
_WALKS = re.compile(r"\b(len|list|sorted|sum|set|tuple|enumerate|reversed|min|max|any|all)\(\s*$")
_MANAGER_METHODS = re.compile(
    r"all|filter|exclude|count|exists|first|last|order_by|values|values_list|aggregate|"
    r"annotate|select_related|prefetch_related|latest|earliest|get|create|update|add|remove|"
    r"set|clear|distinct|only|defer"
)
_ASYNCHRONOUS = frozenset(
    ["acount", "aexists", "afirst", "alast", "aget", "acreate", "aaggregate", "aupdate", "aadd"]
)
_WRITES = frozenset(["create", "update", "add", "remove", "set", "clear"])
_NARROWING = re.compile(
    r"filter|exclude|order_by|values|values_list|aggregate|annotate|first|last|get|latest|"
    r"earliest|distinct|only"
)
_PLURAL_DATA = re.compile(
    r"(data|json|list|dict|map|config|settings|params|args|ids|keys|values|names|"
    r"tags_list|lines_text|fields|columns|_fields)$"
)


def _is_written(text: str, chain: Chain) -> bool:
    after = text[chain.span.end : chain.span.end + 4]
    return re.match(r"\s*=(?!=)", after) is not None


_LITERAL = re.compile(r"[\"']([\w]+)[\"']")


def django_loads(origin: Origin, name: str, kind: Literal["one", "many"]) -> bool:
    wanted = "__".join((*origin.prefix, name))
    for match in re.finditer(
        r"\b(select_related|prefetch_related)\(((?:[^()]|"
        r"\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\))*)\)",
        origin.text,
    ):
        arguments = match[2].strip()
        literals = _LITERAL.findall(arguments)
        if match[1] == "select_related" and not arguments:
            return kind == "one"
        if arguments and not literals:
            return True  # Named elsewhere.
        if any(
            literal in (wanted, name) or literal.startswith(f"{wanted}__") for literal in literals
        ):
            return True
        if (
            origin.prefix
            and any(literal.startswith(origin.prefix[0]) for literal in literals)
            and re.search(rf"[\"']{name}[\"']", arguments)
        ):
            return True
    return bool(re.search(r"prefetch_related_objects\(", origin.text))


def sqlalchemy_loads(text: str, name: str) -> bool:
    if re.search(r"\.options\(\s*(\*|[a-z_]\w*\s*[,)])|load(?:ed)?\(\s*[\"']\*[\"']", text):
        return True
    loaders = "joined|selectin|subquery|immediate|raise|no"
    return (
        re.search(
            rf"(?:(?:{loaders})load(?:_all)?|contains_eager)\([^;]*?\b{re.escape(name)}\b", text
        )
        is not None
    )


def _others_load(text: str, name: str) -> bool:
    """Peewee's `select(Tweet, User).join(User)`, Tortoise's `prefetch_related("user")`."""
    calls = r"(?:select|prefetch|prefetch_related|select_related|fetch_related)"
    found = re.search(rf"\b{calls}\([^;]*?\b{re.escape(name)}\b", text, re.IGNORECASE)
    return found is not None


def name_of(chain: Chain) -> str:
    """The chain's spelling up to its last call, without arguments."""
    return re.sub(r"\(\)$", "", chain.path).replace("()", "(…)") + (
        "" if not chain.path.endswith("()") else "(…)"
    )
