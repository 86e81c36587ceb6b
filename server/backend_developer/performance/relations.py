"""Relations that are loaded when they are first read: `order.customer.name` in a loop over orders.

A relation is known from the models of the file; where those are elsewhere, from how it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal

from ..core.clues import Clues
from ..core.model import Confidence, Proposal, ProposedFix, Replacement, Span
from ..core.model import Step as FlowStep
from ..core.text import quoted
from ..syntax import span_of
from .code import Chain, Loop, Scope, chain_of
from .loops import Repeat
from .models import Model, looks_like_a_row
from .origins import DJANGO, Origin, Origins
from .summaries import Read, Relation

QUERY = "performance/query-in-loop"


class Relations(Origins):
    def relations_in_loops(self) -> Iterator[Proposal]:
        if self.language != "python" or not _ROWS.are_in(self.text):
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
            if chain.steps[0].arguments is None and len(chain.steps) < 2:
                continue
            callee = self.callee(chain, scope) if chain.steps[0].arguments is not None else None
            called = [step.arguments for step in chain.steps if step.arguments is not None]
            given = [c.text() for c in called[0].children() if c.is_named()] if called else []
            if callee is None:
                yield from self._relations_of_given(chain, scope, given, repeats)
                continue
            if callee.span.contains(chain.span):
                continue
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

    def _relations_of_given(
        self,
        chain: Chain,
        scope: Scope | None,
        given: Sequence[str],
        repeats: tuple[Repeat, ...],
    ) -> Iterator[Proposal]:
        """`to_dict(order)` of another file, which reads a relation of it; `str(order)`."""
        name = self.called(chain, scope)
        if not given or not name:
            return
        summary = self.elsewhere.function(name)
        for position, argument in enumerate(given):
            repeat = next((r for r in repeats if argument in r.loop.targets), None)
            origin = self.origin(repeat) if repeat is not None else None
            model = self.model_of(origin.model) if origin is not None else None
            if repeat is None or origin is None or model is None:
                continue
            if name == "str":
                query = self.query_of_method(origin, "__str__")
            elif summary is not None:
                is_method = "." in summary.name  # Whose own object comes first.
                read = self._unloaded(summary.reads, position + is_method, model, origin)
                query = (f"{argument}.{read.relation}", None) if read is not None else None
            else:
                query = None
            if query is not None:
                yield self.method_proposal(chain.span, name_of(chain), repeat, query)
                return

    def shown_in_lists(self) -> Iterator[Proposal]:
        """Django's admin: a property or method of the model that asks for each row of its list."""
        for assignment in self.code.assignments:
            admin = assignment.scope
            if admin is None or assignment.names != ("list_display",):
                continue
            once = Span(assignment.span.start, assignment.span.start)
            rows = Loop("callback", assignment.span, once, (), None, admin, assignment.value)
            repeat = Repeat(rows, "the admin's list")
            origin = self.origin(repeat)
            if origin is None:
                continue
            for name in re.findall(r"[\"'](\w+)[\"']", assignment.value.text()):
                query = self.query_of_method(origin, name)
                if query is not None and not self._has_method(admin, name):
                    yield self.method_proposal(assignment.span, name, repeat, query)
                    break

    def _has_method(self, owner: Scope, name: str) -> bool:
        return any(function.owner() is owner for function in self.code.functions.get(name, ()))

    def _relation(self, chain: Chain, repeat: Repeat, is_iterated: bool = False) -> Proposal | None:
        origin = self.origin(repeat)
        first = chain.steps[0]
        model = self.model_of(origin.model) if origin else None
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
        query = self.query_of_method(origin, chain.steps[0].name)
        return self.method_proposal(chain.span, name_of(chain), repeat, query) if query else None

    def query_of_method(self, origin: Origin, name: str) -> tuple[str, Span | None] | None:
        """The query that a row's method or property makes, and where it is in this file."""
        model = self.model_of(origin.model)
        if model is None:
            return None
        if model.scope is None:
            summary = self.elsewhere.function(f"{origin.model}.{name}")
            if summary is None:
                return None
            if summary.asks is not None:
                return summary.asks.by, None
            read = self._unloaded(summary.reads, 0, model, origin)
            return (f"self.{read.relation}", None) if read is not None else None
        functions = self.code.functions.get(name, ())
        function = next((f for f in functions if f.owner() is model.scope), None)
        if function is None:
            return None
        read_at = self.reads_of(function)
        for chain, scope in self.code.within(function.span):
            if not self.runs_when_called(scope, function):
                continue
            read = next((one for one, where in read_at if where is chain), None)
            if read is not None and self._unloaded((read,), 0, model, origin) is not None:
                return name_of(chain), chain.span
            if (api := self.trip(chain)) is not None and api.trip == "query":
                return name_of(chain), chain.span
        return None

    def method_proposal(
        self, place: Span, call: str, repeat: Repeat, query: tuple[str, Span | None]
    ) -> Proposal:
        """What is said of a method or property that makes a query for each row."""
        by, where = query
        flow = (FlowStep(repeat.header, "Runs once for each element."),)
        return Proposal(
            where=place,
            rule=QUERY,
            message=(
                f"`{quoted(call)}` asks the database for each element (`{quoted(by)}`). Load what "
                "it needs with the query that is looped over, or annotate it there."
            ),
            source="detector:performance",
            author="local",
            confidence="medium",
            flow=(*flow, FlowStep(where, "The query.")) if where is not None else flow,
        )

    def reads_of(self, function: Scope) -> list[tuple[Read, Chain]]:
        """The relations of its parameters that a call of a function reads, as far as names tell."""
        owner = function.owner()
        own = self.model_of(owner.name) if owner is not None else None
        found = []
        for chain, scope in self.code.within(function.span):
            if chain.root not in function.parameters or not chain.steps:
                continue
            if not self.runs_when_called(scope, function):
                continue
            position = function.parameters.index(chain.root)
            model = own if owner is not None and position == 0 else None
            kind = self._read_kind(chain, model, chain.span in self._iterated)
            if kind is not None:
                found.append((Read(position, chain.steps[0].name, kind), chain))
        return found

    @cached_property
    def _iterated(self) -> frozenset[Span]:
        """What loops are over."""
        loops = (loop.iterable for loop in self.code.loops)
        return frozenset(span_of(iterable) for iterable in loops if iterable is not None)

    def _read_kind(
        self, chain: Chain, model: Model | None, is_iterated: bool
    ) -> Literal["rows", "all", "narrow"] | None:
        first, steps = chain.steps[0], chain.steps
        if first.arguments is not None or first.name == "[]":
            return None
        known = model.relations.get(first.name) if model is not None else None
        if known is not None and known.is_eager:
            return None
        if len(steps) > 1 and steps[1].arguments is not None:
            method = steps[1].name[1:] if steps[1].name in _ASYNCHRONOUS else steps[1].name
            if _MANAGER_METHODS.fullmatch(method):
                if known is None and not self._is_manager_call(chain, method, None):
                    return None
                if known is None and method in ("get", "values", "first", "last"):
                    return None
                return "all" if method in ("all", "count", "exists") else "narrow"
        if known is not None:
            return "rows"
        if model is not None:
            return None
        if is_iterated or self._is_walked(chain):
            return None if _PLURAL_DATA.search(first.name) else "rows"
        if len(steps) > 1 and steps[1].name not in ("[]", ""):
            is_row = looks_like_a_row(first.name, steps[1].name, steps[1].arguments is not None)
            return "rows" if is_row else None
        return None

    def _unloaded(
        self, reads: Sequence[Read], parameter: int, model: Model, origin: Origin
    ) -> Read | None:
        """The first of the reads of a parameter that asks the database for each of these rows."""
        for read in reads:
            relation = model.relations.get(read.relation) if read.parameter == parameter else None
            if relation is None or relation.is_eager:
                continue
            if read.kind == "narrow" and relation.kind == "many":
                return read
            if read.kind == "rows" and relation.kind == "many" and origin.library == "django":
                continue  # The manager, which asks nothing.
            if origin.is_seen and not self._is_loaded(origin, read.relation, relation.kind):
                return read
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


_ROWS = Clues(
    "_set. peewee tortoise sqlalchemy django queryset",
    (
        r"\.objects\b",
        r"[sS]ession",
        r"\.query\b",
        r"\bselect\(",
        r"models\b",
    ),
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
