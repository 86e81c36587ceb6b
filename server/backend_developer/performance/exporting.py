"""From the code of one file to what it says to the others of its project."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.clues import Clues
from ..detector import Source
from .code import Code, Scope, chain_of, read_code
from .origins import loads_of
from .queries import Queries
from .relations import name_of
from .serializers import response_models_of, serializers_of
from .summaries import Asks, FileSummary, FunctionSummary, ModelSummary, Read, Rows

MOST_CALLS = 12
MOST_READS = 8
"""Of one function; what a longer one does, its first calls tell."""


def summary_of(source: Source, imported: frozenset[str]) -> FileSummary | None:
    """What the file's functions, models and answers cost; None when they say nothing of that.

    `imported` are the names that the file has from others of its project.
    """
    code = source.derived(read_code)
    reading = Queries(code)
    made = FileSummary(
        tuple(_functions(reading, imported)),
        tuple(
            ModelSummary(
                name,
                tuple(sorted(model.relations.items())),
                model.backs,
                tuple(sorted(model.columns)),
                reading.manager_loads,
            )
            for name, model in reading.models.items()
        ),
        (*serializers_of(code).values(), *response_models_of(code).values()),
        tuple(dict.fromkeys(_classes(reading, imported))),
    )
    return made if made != FileSummary() else None


def may_say_something(text: str, language: str) -> bool:
    """A cheap look at whether a file could say something of costs."""
    return (_PYTHON if language == "python" else _JAVASCRIPT).are_in(text)


_PRESENTERS = (
    r"def \w*(?:dict|json|seriali[sz]|present|payload|row|format|describe|summar|label|export)\w*\("
)
"""Functions that make an answer of an object, whose relations they may read."""
_OBJECTS = re.compile(
    rf"{_PRESENTERS}|"
    r"\.objects\b|[sS]ession|\.query\b|select\(|models?\b|_set\.|peewee|tortoise|relationship|"
    r"ForeignKey|queryset|repositor|selectors"
)
"""Words without which a file's functions have nothing to do with rows as objects."""
_LAYERS = (
    r"[rR]epositor(?:y|ies)",
    r"\brepos?\b",
    r"[sS]ervices?\b",
    r"[sS]electors?\b",
    r"\bcrud\b",
    r"\bdao\b",
)
"""What a part of a project is called that others ask for rows."""
_PYTHON = Clues(
    "find_one _or_404 requests. httpx aiohttp boto3 find_many find_first find_unique BaseModel "
    "serializer Serializer relationship( Relationship( ForeignKey OneToOne ManyToMany peewee "
    "tortoise",
    (
        r"\.objects\b",
        r"[sS]ession\b",
        r"\.execute\w*\(",
        r"\.query\b",
        r"\bfetch(?:_?(?:one|all|row|val))?\(",
        r"\bselect\(",
        r"\bredis\b",
        r"\bcursor\b",
        r"\bdb\b",
        r"\bmodels\b",
        r"Manager\b",
        *_LAYERS,
        _PRESENTERS,
    ),
)
_JAVASCRIPT = Clues(
    ".find knex sequelize mongoose prisma Prisma typeorm Typeorm drizzle axios",
    (
        r"\.query\b",
        r"\bfetch\(",
        r"models?['\"/]",
        r"\bpool\b",
        r"\bdb\b",
        r"\bconn(?:ection)?\b",
        r"\bclient\b",
        r"\bsql\b",
        *_LAYERS,
    ),
)


def _functions(reading: Queries, imported: frozenset[str]) -> Iterator[FunctionSummary]:
    is_of_rows = reading.language == "python" and _OBJECTS.search(reading.text) is not None
    for scope in reading.code.scopes:
        name = exported_name(scope)
        if not name or _ROUTE.search(scope.decorators) or reading.keeps_answers(scope):
            continue
        query = reading.query_in(scope, 2)
        trip = reading.trip(query) if query is not None else None
        asks = Asks(trip.trip, name_of(query)) if query is not None and trip is not None else None
        calls = () if asks is not None else tuple(_calls(reading, scope, imported))
        reads: tuple[Read, ...] = ()
        rows: Rows | None = None
        rows_of = ""
        if is_of_rows:
            reads = tuple(dict.fromkeys(read for read, _ in reading.reads_of(scope)))[:MOST_READS]
            origin = reading.returned(scope, 3)
            if origin is not None and origin.model and not origin.prefix and origin.is_seen:
                rows = Rows(origin.library, origin.model, loads_of(origin.text))
            else:
                rows_of = _answer(reading, scope, imported)
        made = FunctionSummary(name, asks, calls[:MOST_CALLS], reads, rows, rows_of)
        if made != FunctionSummary(name):
            yield made


_ROUTE = re.compile(
    r"@[\w.]*(?:\.(?:get|post|put|patch|delete|head|options|route|websocket)|\b(?:Get|Post|Put|Patch|"
    r"Delete|Query|Mutation|ResolveField|api_view|action))\("
)
"""Only a framework calls it."""


def exported_name(scope: Scope) -> str:
    """What other files may call a function by: `find`, `Users.find`; "" for an inner one."""
    if scope.kind != "function" or not scope.name:
        return ""
    owner = scope.owner()
    if owner is not None:
        return f"{owner.name}.{scope.name}" if owner.parent is None else ""
    if scope.parent is not None or (scope.callback_of is not None and not scope.keys):
        return ""
    return _WRAPPING.sub("", ".".join(reversed(scope.keys)) or scope.name)


_WRAPPING = re.compile(r"^(?:module\.)?exports\.(?=\w)|\.(?:prototype|methods|statics)(?=\.)")


def _calls(reading: Queries, function: Scope, imported: frozenset[str]) -> Iterator[str]:
    """The functions that a call of this one calls, of this file and of others."""
    told: set[str] = set()
    for chain, scope in reading.code.within(function.span):
        name = reading.called(chain, scope)
        first = name.partition(".")[0]
        is_known = first in imported or name.rpartition(".")[2] in reading.code.functions
        if is_known and name not in told and reading.runs_when_called(scope, function):
            told.add(name)
            yield name


def _answer(reading: Queries, function: Scope, imported: frozenset[str]) -> str:
    """The function of another file whose answer this one passes on."""
    for node in function.node.find_all(kind="return_statement"):
        value = next((child for child in node.children() if child.is_named()), None)
        chain = chain_of(value, reading.text)
        name = reading.called(chain, function) if chain is not None else ""
        if name.partition(".")[0] in imported:
            return name
    return ""


def _classes(reading: Queries, imported: frozenset[str]) -> Iterator[tuple[str, str]]:
    code: Code = reading.code
    for scope in code.scopes:
        base = re.search(r"[A-Z]\w*", scope.bases)
        if scope.kind == "class" and scope.parent is None and base is not None:
            yield scope.name, base[0]
    own = {scope.name for scope in code.scopes if scope.kind == "class"}
    for name, made in reading.classes.items():
        if made in imported or made in own:
            yield name, made
    for name in re.findall(r"export default new (\w+)\(", code.text):
        yield "default", name
    for name, schema in re.findall(r"\bmodel(?:<[^>]*>)?\(\s*['\"](\w+)['\"],\s*(\w+)", code.text):
        yield name, schema
