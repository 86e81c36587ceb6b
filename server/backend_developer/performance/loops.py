"""What is done once for each element: loops over data, and functions that a framework calls so.

A loop over batches, pages, attempts or a few constants is none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..core.model import Span
from ..syntax import span_of
from .code import Assignment, Chain, Code, Loop, Scope, mentions, names_in
from .databases import Api, spellings_of, trip_of


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """A loop, or a function that is called once per element."""

    loop: Loop
    called_by: str = ""
    """What calls the function: "GraphQL", "the serializer"."""

    @property
    def header(self) -> Span:
        """The line that says what is looped over, or the function's first."""
        body = self.loop.node.field("body") if self.called_by else None
        end = span_of(body).start if body is not None else self.loop.once.end
        return Span(self.loop.span.start, end)


class Loops:
    """The repetitions of one source."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.text = code.text
        self.language = code.language
        self._names: dict[Loop, frozenset[str]] = {}
        self._spellings: dict[str, tuple[tuple[Api, int], ...]] = {}

    @cached_property
    def repeats(self) -> tuple[Repeat, ...]:
        """In text order, so that an inner one comes after those around it."""
        loops = [Repeat(loop) for loop in self.code.loops if self._is_over_data(loop)]
        return tuple(
            sorted([*loops, *_called_per_element(self.code)], key=lambda r: r.loop.span.start)
        )

    def around(self, span: Span, scope: Scope | None) -> Iterator[Repeat]:
        """What repeats the code at `span`, innermost first; a function that is only defined
        inside a loop is not repeated by it."""
        for repeat in reversed(self.repeats):
            if repeat.loop.repeats(span) and self._is_run_in(repeat.loop, scope):
                yield repeat

    @cached_property
    def repeated(self) -> tuple[tuple[Chain, Scope | None, tuple[Repeat, ...]], ...]:
        """Each chain that is repeated, with its scope and what repeats it, innermost first."""
        found = []
        waiting = list(reversed(self.repeats))
        around: list[Repeat] = []
        for chain, scope in self.code.calls:
            start = chain.span.start
            while waiting and waiting[-1].loop.span.start <= start:
                around.append(waiting.pop())
            around = [repeat for repeat in around if repeat.loop.span.end > start]
            repeats = tuple(
                repeat
                for repeat in reversed(around)
                if repeat.loop.repeats(chain.span) and self._is_run_in(repeat.loop, scope)
            )
            if repeats:
                found.append((chain, scope, repeats))
        return tuple(found)

    def trip(self, chain: Chain) -> Api | None:
        """What makes the chain a round trip, if it is one."""
        spellings = self._spellings.get(chain.path)
        if spellings is None:
            spellings = self._spellings[chain.path] = spellings_of(chain.path, self.language)
        return trip_of(chain, spellings, self.text) if spellings else None

    def _is_run_in(self, loop: Loop, scope: Scope | None) -> bool:
        while scope is not None and scope is not loop.scope:
            if scope.span == loop.span:
                return True
            if scope.callback_of is None or LATER.search(scope.callback_of.path):
                return False
            scope = scope.parent
        return True

    def _is_over_data(self, loop: Loop) -> bool:
        if loop.kind == "while":
            return bool(self.element_names(loop))
        if any(_BATCH.search(name) for name in loop.targets) or not set(loop.targets) - {"_", "__"}:
            return False
        if loop.iterable is None:
            return False
        over = " ".join(loop.iterable.text().split())
        if loop.kind == "for" and loop.once.end < span_of(loop.iterable).start:
            # for (let i = 0; i < list.length; i++)
            increment = loop.node.field("increment")
            return bool(re.search(r"\.length|\.size|count|len", over)) and not (
                increment and re.search(r"[+*]=\s*(?!1\b)", increment.text())
            )
        if _FEW.match(over) or _BATCHES.search(over):
            return False
        return not self._is_constant(over, loop)

    def _is_constant(self, over: str, loop: Loop) -> bool:
        """A few values written in the code."""
        if loop.iterable is None or not re.fullmatch(r"[A-Za-z_$][\w$]*", over):
            return False
        values = [a.value for a in self.code.assignments if a.names == (over,) and not a.is_update]
        return bool(values) and all(
            value.kind() in ("list", "tuple", "set", "array")
            and len([child for child in value.children() if child.is_named()]) > 0
            and not re.search(r"[\"']?\w*(_id|Id)s?\b", over)
            for value in values
        )

    def element_names(self, loop: Loop) -> frozenset[str]:
        """The names that stand for the element of a turn, or were worked out from it."""
        if loop in self._names:
            return self._names[loop]
        names = set(loop.targets) - {"_", "__", "this"}
        inside = [a for a in self.code.assignments if loop.span.contains(a.span)]
        if loop.kind == "while":
            names |= _taken_in_while(loop, inside)
        bindings: list[tuple[tuple[str, ...], str]] = [
            (a.names, a.value.text()) for a in inside if loop.repeats(a.span)
        ]
        bindings += [
            (other.targets, other.iterable.text())
            for other in self.code.loops
            if other is not loop and loop.repeats(other.span) and other.iterable is not None
        ]
        for _ in range(2):  # A name may be used above the line that binds it anew.
            for bound, value in bindings:
                if names and mentions(value, names):
                    names.update(name for name in bound if "." not in name)
        self._names[loop] = frozenset(names)
        return self._names[loop]


LATER = re.compile(
    r"(^|\.)(on|once|off|get|post|put|patch|delete|use|all|addListener|"
    r"addEventListener|subscribe|process|schedule|"
    r"it|test|describe|before|beforeEach|after|afterEach|setTimeout|setInterval|"
    r"setImmediate|nextTick|cron|every|"
    r"createServer|route|command|action|defer|add_job|submit_later)\(\)$"
)
_BATCH = re.compile(
    r"(?i)batch|chunk|^pages?$|page_|attempt|retr|^slice|shard|tenant|^(ddl|stmt|"
    r"statement|sql|migration)s?$|table|^offset$|schema|database|^db$|engine"
)
_BATCHES = re.compile(
    r"(?i)batch|chunk|\bpages\b|get_paginator|islice|grouper|partition\(|statements|"
    r"migrations|retries|attempts|itertools\.count|"
    r"range\(.*,.*,"
)
_FEW = re.compile(
    r"[\[({](?!.*\b(for|\.\.\.)\b)|range\(\s*(\d|1\d|[A-Z_]+)\s*\)$|"
    r"[A-Z][A-Z0-9_]+(\.(items|keys|values)\(\))?$|[A-Z]\w*(\.(choices|values|members|"
    r"__members__))?$|"
    r"Object\.(keys|values|entries)\(\s*[A-Z]\w*\s*\)|range\(\s*(max_)?(retries|"
    r"attempts|\w*_retries|\w*tries)\b|[\"']"
)


def _taken_in_while(loop: Loop, inside: list[Assignment]) -> set[str]:
    """`item = queue.pop()`, or the name that the condition asks for and a turn binds anew."""
    condition = loop.iterable.text() if loop.iterable else ""
    names: set[str] = set()
    for assignment in inside:
        value = assignment.value.text()
        if re.search(r"\.(pop|popleft|shift|get_nowait)\(", value):
            names.update(assignment.names)
        elif any(
            re.search(rf"\b{re.escape(name)}\b", condition) for name in assignment.names
        ) and re.search(
            r"\.get\(|findUnique|findById|findByPk|findOne|get_or_none|fetchone|\.first\(", value
        ):
            names.update(
                name for name in assignment.names if re.search(rf"\b{re.escape(name)}\b", value)
            )
    counter = re.search(r"(\w+)\s*<=?\s*(?:[\w.]+\.(?:length|size)\b|len\()", condition)
    if counter and re.search(rf"\b{counter[1]}\s*(?:\+\+|\+=\s*1\b)", loop.node.text()):
        names.add(counter[1])
    return names


# --- Functions that a framework calls once per element


def _called_per_element(code: Code) -> Iterator[Repeat]:
    for scope in code.scopes:
        if scope.kind != "function" or not scope.parameters:
            continue
        found = (
            _python_field(code, scope)
            if code.language == "python"
            else _javascript_field(code, scope)
        )
        if found is None:
            continue
        names, caller = found
        once = Span(scope.span.start, scope.span.start)
        yield Repeat(
            Loop("callback", scope.span, once, names, None, scope.parent, scope.node), caller
        )


def _python_field(code: Code, scope: Scope) -> tuple[tuple[str, ...], str] | None:
    owner = scope.owner()
    parameters = scope.parameters
    if re.search(r"^@\w+\.field\(", scope.decorators) and re.search(r"\bariadne\b", code.text):
        return (
            None
            if re.match(r"@(query|mutation|subscription)\b", scope.decorators)
            else (parameters[:1], "GraphQL")
        )
    if owner is None:
        return None
    if scope.name.startswith("resolve_") and re.search(
        r"ObjectType|graphene|Interface", owner.bases
    ):
        return (
            None
            if re.search(r"Query|Mutation|Subscription", owner.name)
            else (parameters[:1], "GraphQL")
        )
    if (
        re.search(r"@(strawberry(_django)?|gql|sd)?\.?field\b", scope.decorators)
        and "strawberry" in code.text
    ):
        return (
            None
            if re.search(r"Query|Mutation|Subscription", owner.name)
            else (parameters[:1], "GraphQL")
        )
    if len(parameters) < 2:
        return None
    if (
        re.search(r"Serializer|Schema", owner.bases)
        and re.match(r"get_|to_representation|serialize_", scope.name)
        and scope.name not in ("get_queryset", "get_fields", "get_validators", "get_attribute")
    ):
        if scope.name.startswith("get_") and not re.search(
            rf"\b{scope.name[4:]}\s*=|[\"']{scope.name}[\"']", code.of(owner.span)
        ):
            return None
        return parameters[1:2], "the serializer"
    if re.search(r"ModelAdmin|TabularInline|StackedInline", owner.bases) and (
        re.search(r"@admin\.display|@display", scope.decorators)
        or re.search(rf"list_display[^\])]*[\"']{scope.name}[\"']", code.of(owner.span))
    ):
        return parameters[1:2], "the admin's list"
    return None


_HANDLER_NAMES = re.compile(
    r"_?(req|request|ctx|context|c|event|state|action|payload|dispatch|res|response|"
    r"next|err|error|commit|config|args|options|query|info|input|_|__|root_)$"
)


def _javascript_field(code: Code, scope: Scope) -> tuple[tuple[str, ...], str] | None:
    # Pothos passes what the selection needs of Prisma first.
    is_pothos = scope.parameters[0] == "query" and len(scope.parameters) > 1
    first = names_in(scope.parameters[1 if is_pothos else 0])
    if not first:
        return None
    if re.search(r"@(ResolveField|FieldResolver|ResolveProperty)\b", scope.decorators):
        whole = code.of(scope.span)
        parents = re.findall(r"@(?:Parent|Root)\([^()]*\)\s*(?:\w+\s+)?(\w+|\{[^}]*\})", whole)
        names = tuple(name for parent in parents for name in names_in(parent))
        return (names or first, "GraphQL")
    if any(_HANDLER_NAMES.fullmatch(name) for name in first) or (
        scope.callback_of is not None and not scope.keys
    ):
        return None
    if (
        scope.name == "resolve"
        and len(scope.keys) >= 1
        and re.search(r"(?i)graphql|builder|t\.field|pothos|nexus", code.text)
    ):
        return first, "GraphQL"
    if len(scope.keys) < 2 or len(scope.parameters) < 1:
        return None
    owner = scope.keys[1]
    variable = scope.keys[-1]
    if not re.match(r"[A-Z]\w*$", owner) or re.search(r"^(Query|Mutation|Subscription)$", owner):
        return None
    named = (
        re.search(r"(?i)^(_?(parent|root|source|obj|_parent|_root))$", scope.parameters[0])
        is not None
    )
    in_resolvers = (
        re.search(r"(?i)resolver", variable) is not None
        or re.search(r"(?i)graphql|apollo|typeDefs|resolvers", code.text) is not None
    )
    if named or (in_resolvers and len(scope.keys) >= 2):
        return first, "GraphQL"
    return None
