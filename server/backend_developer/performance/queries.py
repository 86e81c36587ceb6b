"""What goes to the database, or over the network, once for each element: the N+1 problem.

loops, and functions that a framework calls once per element (resolvers, serializer fields)
    x  calls that are a round trip, relations that are loaded when they are first read, and
       functions of the same file that do either
    -> a proposal, unless the loop is over batches, pages, attempts or a few constants, the call
       does not depend on the element, or the relation was loaded along

A relation is known from the models of the file; where those are elsewhere, from how it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..core.clues import Clues
from ..core.model import Confidence, Proposal, Span
from ..core.model import Step as FlowStep
from ..core.text import quoted
from ..syntax import span_of
from .code import Chain, Code, Scope, chain_of, mentions, nearest
from .databases import Api
from .loops import Repeat
from .relations import QUERY, Relations, name_of
from .serializers import find_unloaded, find_unloaded_responses
from .summaries import NOTHING, Asks, Elsewhere

if TYPE_CHECKING:
    from ast_grep_py import SgNode

REQUEST = "performance/request-in-loop"
RULES = frozenset({QUERY, REQUEST})


def is_worth_reading(text: str, language: str) -> bool:
    """A cheap look at whether `find` could find anything."""
    words = _PYTHON_WORDS if language == "python" else _JAVASCRIPT_WORDS
    return words.are_in(text)


_PYTHON_WORDS = Clues(
    "execute( fetch _set. .all( select( _or_404 get_item requests. httpx aiohttp cache crud "
    "resolve_ strawberry _one( cursor _by_ .document( read_sql find_",
    (
        r"\.objects\b",
        r"[sS]ession",
        r"\.query\b",
        r"[sS]erializer",
        r"[rR]edis",
        r"[rR]epo",
        r"\bdb\b",
        r"\bconn\b",
        r"models\b",
    ),
)
_JAVASCRIPT_WORDS = Clues(
    "await find query knex .then( Promise sequelize mongoose resolve",
    (r"[pP]risma", r"models?['\"/]"),
)


def find(code: Code, path: str, elsewhere: Elsewhere = NOTHING) -> Iterator[Proposal]:
    """Proposals of the two rules, in no order. `path` is the file's, which may say that it is a
    script that runs once; `elsewhere` is what it uses of its project."""
    reading = Queries(code, elsewhere)
    runs_once = _RUNS_ONCE.search(nearest(path)) is not None
    for found in (
        *reading.handed_to_loops(),
        *reading.calls_in_loops(),
        *reading.relations_in_loops(),
        *reading.shown_in_lists(),
        *find_unloaded(reading),
        *find_unloaded_responses(reading),
    ):
        yield replace(found, confidence="low") if runs_once else found


_RUNS_ONCE = re.compile(
    r"(^|/)(migrations?|alembic|seeds?|seeders?|fixtures|scripts?|bin|benchmarks?|"
    r"management/commands)/|"
    r"(^|/)(seed|populate|import_|migrate|backfill)\w*\.[a-z]+$"
)


class Queries(Relations):
    """Calls that are a round trip, and functions of the file that make one."""

    def __init__(self, code: Code, elsewhere: Elsewhere = NOTHING) -> None:
        super().__init__(code, elsewhere)
        self._summaries: dict[Scope, Chain | None] = {}

    def calls_in_loops(self) -> Iterator[Proposal]:
        for chain, scope, repeats in self.repeated:
            if "(" in chain.path or "`" in chain.path:
                found = self._call(chain, scope, repeats)
            else:
                found = self._awaited_relation(chain, repeats)
            if found is not None:
                yield found

    def handed_to_loops(self) -> Iterator[Proposal]:
        """`ids.map(loadUser)`, `map(load_user, ids)`: a function that asks, handed over by name."""
        for chain, _ in self.code.calls:
            match = _HANDS_OVER.search(chain.path)
            arguments = chain.steps[-1].arguments if match is not None else None
            given = [c for c in arguments.children() if c.is_named()] if arguments else []
            if not given or given[0].kind() not in ("identifier", "member_expression", "attribute"):
                continue
            named = self.code.functions.get(given[0].text().rpartition(".")[2], ())
            query = self.query_in(named[0], 2) if len(named) == 1 else None
            asks = self.elsewhere.asks(given[0].text()) if not named else None
            if query is not None and not named[0].span.contains(chain.span):
                by = name_of(query)
            elif asks is not None:
                by = asks.by
            else:
                continue
            function = quoted(given[0].text())
            yield Proposal(
                where=chain.span,
                rule=QUERY,
                message=(
                    f"`{function}` is called for each element and asks the database each time "
                    f"(`{quoted(by)}`). Ask once for all of them."
                ),
                source="detector:performance",
                author="local",
                confidence="medium",
                flow=(FlowStep(query.span, "The query."),) if query is not None else (),
            )

    def _awaited_relation(self, chain: Chain, repeats: tuple[Repeat, ...]) -> Proposal | None:
        """TypeORM: `await order.lines` loads a lazy relation."""
        is_lazy = self.language == "javascript" and chain.awaited and len(chain.steps) == 1
        if (
            not is_lazy
            or chain.steps[0].name in ("[]", "promise")
            or not _TYPEORM.search(self.text)
        ):
            return None
        for repeat in repeats:
            name = chain.steps[0].name
            if chain.root in repeat.loop.targets and not re.search(
                rf"relations\s*:\s*[\[{{][^\]}}]*\b{re.escape(name)}\b", self.text
            ):
                return self._proposal(chain, repeat, _READ, None, "medium")
        return None

    def _call(
        self, chain: Chain, scope: Scope | None, repeats: tuple[Repeat, ...]
    ) -> Proposal | None:
        text = self.code.of(chain.span)
        api = self.trip(chain)
        helper: tuple[Asks, Span | None] | None = None
        confidence: Confidence = api.confidence if api else "medium"
        if api is None:
            helper = self._asks_through(chain, scope, repeats)
            if helper is None:
                api = self._by_its_name(chain, scope, repeats, text)
                if api is None:
                    return None
                confidence = api.confidence
        repeat = self._repeat_that_matters(chain, text, repeats, api)
        if repeat is None or self._happens_once(chain, repeat, text):
            return None
        if api is not None and self._is_no_trip(chain, text, repeat, api):
            return None
        if self.language == "javascript" and _is_batched_by_prisma(
            helper[0].by if helper else chain.path, repeat, self.text
        ):
            confidence = "low"
        made = self._proposal(chain, repeat, api, helper, confidence)
        # What comes one at a time cannot be asked about all at once.
        is_stream = _STREAM.match(self.text, repeat.loop.span.start) is not None
        return None if is_stream and made.rule == REQUEST else made

    def _repeat_that_matters(
        self, chain: Chain, text: str, repeats: tuple[Repeat, ...], api: Api | None
    ) -> Repeat | None:
        for repeat in repeats:
            if api is not None and api.trip == "commit":
                return repeat if not repeat.called_by else None
            names = self.element_names(repeat.loop)
            is_own = api in (None, _READ, _WRITE) or _is_an_elements_own(chain)
            if chain.root in repeat.loop.targets and not is_own:
                continue  # A client or a model per turn: each asks something else.
            asked = text if is_own else text.removeprefix(chain.root)
            if mentions(asked, names):
                return repeat
        return None

    def _happens_once(self, chain: Chain, repeat: Repeat, text: str) -> bool:
        """The turn ends the loop, is an attempt that failed, or is one of many in a batch."""
        node = repeat.loop.node
        where = self._statement_path(chain.span, node)
        for kind, statement in where:
            if kind in ("except_clause", "catch_clause", "finally_clause"):
                return True
            if kind == "if_statement" and re.search(
                r"%|\blen\(.*>=?|\.length\s*>=?|BATCH|batch|not in \w+:|chunk|!\s*[\w.]+\.has\(",
                statement.split("\n")[0],
            ):
                return True
        if repeat.loop.kind in ("for", "while") and not repeat.called_by:
            last = where[0][1] if where else ""
            if re.match(r"(return|raise|throw)\b", last.strip()) and len(where) == 1:
                return True
            if _ends_unconditionally(node):
                return True
        return False

    def _statement_path(self, span: Span, top: SgNode) -> list[tuple[str, str]]:
        """The statements from the loop's body down to the one at `span`, outermost first."""
        path: list[tuple[str, str]] = []
        node = top.field("body")
        while node is not None:
            child = next(
                (c for c in node.children() if c.is_named() and span_of(c).contains(span)), None
            )
            if child is None:
                break
            kind = child.kind()
            if kind.endswith(("statement", "clause", "declaration")) and kind != "statement_block":
                path.append((kind, child.text()[:300]))
            node = child
        return path

    def _is_no_trip(self, chain: Chain, text: str, repeat: Repeat, api: Api) -> bool:
        before = self.text[max(0, repeat.loop.span.start - 80) : repeat.loop.span.start]
        if re.search(r"\$transaction\(\s*(\[\s*\.\.\.)?[\w.]+\.map\(\s*$", before):
            return True  # Prisma sends a list of statements at once.
        if _DATA_DEFINITION.search(text) and api.trip == "query":
            return True
        if re.search(
            r"__in\s*=|\.in_\(|\$in\b|\bany_?\(|ANY\(|inArray\(|In\(|whereIn\(|\bin:\s", text
        ):
            # Asked for a part of the elements at a time, unless it is a list of the element's own.
            return repeat.loop.kind == "while" or not mentions(text, frozenset(repeat.loop.targets))
        if self.language == "python":
            before = self.text[max(0, chain.span.start - 200) : chain.span.start]
            return bool(
                re.search(
                    r"(\b\w+__in\s*=\s*|Subquery\(\s*|Exists\(\s*|"
                    r"Prefetch\([^()]*,\s*(queryset\s*=\s*)?|union\([^()]*)$",
                    before,
                )
            )
        return False

    def _asks_through(
        self, chain: Chain, scope: Scope | None, repeats: tuple[Repeat, ...]
    ) -> tuple[Asks, Span | None] | None:
        """What a function that the chain calls asks, and where, if that is in this file."""
        callee = self.callee(chain, scope)
        if callee is not None:
            query = self.query_in(callee, 2)
            trip = self.trip(query) if query is not None else None
            if query is not None and trip is not None:
                return Asks(trip.trip, name_of(query)), query.span
            if callee.span.contains(chain.span):
                return None
        name = self.called(chain, scope)
        if (model := self._row_model(chain.root, repeats)) and len(chain.steps) == 1:
            name = f"{model}.{chain.steps[0].name}"
        asks = self.elsewhere.asks(name) if name else None
        return (asks, None) if asks is not None else None

    def _row_model(self, name: str, repeats: tuple[Repeat, ...]) -> str:
        """The model that the elements of a JavaScript loop are rows of; "" when it is not seen."""
        if self.language != "javascript":
            return ""
        loop = next((r.loop for r in repeats if name in r.loop.targets), None)
        if loop is None or loop.iterable is None:
            return ""
        over = loop.iterable.text()
        values = [a.value for a in self.code.assignments if a.names == (over,) and not a.is_update]
        found = chain_of(values[-1] if values else loop.iterable, self.text)
        made = _FINDS_ROWS.match(found.path) if found is not None else None
        return made[1] if made is not None else ""

    def query_in(self, function: Scope, depth: int) -> Chain | None:
        """The first query that a call of the function makes."""
        if function in self._summaries:
            return self._summaries[function]
        self._summaries[function] = None  # A function that calls itself adds nothing.
        if self.keeps_answers(function):
            return None
        for chain, scope in self.code.within(function.span):
            if not self.runs_when_called(scope, function):
                continue
            api = self.trip(chain)
            if api is not None:
                if api.trip in ("query", "request") and not _DATA_DEFINITION.search(
                    self.code.of(chain.span)
                ):
                    self._summaries[function] = chain
                    return chain
            elif depth > 1:
                callee = self.callee(chain, scope)
                inner = self.query_in(callee, depth - 1) if callee else None
                if inner is not None:
                    self._summaries[function] = inner
                    return inner
        return None

    def keeps_answers(self, function: Scope) -> bool:
        """Whether a function may answer a second time without asking."""
        if _CACHED.search(function.decorators):
            return True
        return self._may_keep_answers and _KEEPS.search(self.code.of(function.span)) is not None

    @cached_property
    def _may_keep_answers(self) -> bool:
        return _MAY_KEEP.are_in(self.text)

    def _by_its_name(
        self, chain: Chain, scope: Scope | None, repeats: tuple[Repeat, ...], text: str
    ) -> Api | None:
        """A helper of another file that is handed the database, or is named like a query; a row
        that is saved; Sequelize's getters."""
        last = chain.steps[-1]
        if last.arguments is None:
            return None
        name = last.name or chain.root
        arguments = last.arguments.text()
        targets = {name for repeat in repeats for name in self.element_names(repeat.loop)}
        if chain.root in targets and len(chain.steps) == 1:
            if self.language == "python" and name in (
                "save",
                "delete",
                "asave",
                "adelete",
                "delete_instance",
            ):
                return _WRITE if self._is_row(chain.root, repeats) else None
            if self.language == "javascript" and chain.awaited:
                if _SEQUELIZE_GETTER.fullmatch(name) and _SEQUELIZE.search(self.text):
                    return _READ
                if name in ("populate", "execPopulate", "reload", "loadItems"):
                    return _READ
                if name in (
                    "save",
                    "destroy",
                    "update",
                    "remove",
                    "deleteOne",
                    "updateOne",
                ) and _JS_ROWS.search(self.text):
                    return _WRITE
            return None
        if self._is_of_this_file(chain, scope):
            return None
        if self.language == "javascript" and self._is_handle(chain) and _HANDLE_METHODS.match(name):
            return _READ
        if chain.root[:1].isupper() and chain.root.startswith("new "):
            return None
        waits = chain.awaited or self.language == "python"
        stored = _STORES_ROWS.fullmatch(self.called(chain, scope)) if waits else None
        if stored is not None and _NAMED_LIKE_A_TRIP.match(re.sub("^by", "get", stored[1])):
            return _READ if self.elsewhere.function(stored[0]) is None else None
        handed = _HANDED if self.language == "python" else _HANDED_JAVASCRIPT
        if waits and handed.search(arguments) and _NAMED_LIKE_A_TRIP.match(name):
            # `get(…)` alone could be anything's.
            is_telling = re.search(r"_|[a-z][A-Z]", name.strip("_")) or "crud" in chain.path
            return _READ if is_telling else None
        if (
            chain.awaited
            and _NAMED_LIKE_A_QUERY.match(name)
            and not _NOT_A_DATABASE.search(chain.path)
        ):
            return _READ
        return None

    def _is_handle(self, chain: Chain) -> bool:
        """`this.orders.find(…)` where the file says that `orders` is a repository or a model."""
        steps = chain.steps[1:] if chain.root == "this" else chain.steps
        name = chain.steps[0].name if chain.root == "this" else chain.root
        return name in self._handles and len(steps) == 1

    @cached_property
    def _handles(self) -> frozenset[str]:
        names = {*_HANDLE_TYPES.findall(self.text), *_HANDLE_FIELDS.findall(self.text)}
        for assignment in self.code.assignments:
            chain = chain_of(assignment.value, self.text)
            if chain is not None and _HANDLE_MAKERS.search(chain.path):
                names.update(name.removeprefix("this.") for name in assignment.names)
        return frozenset(names)

    def _is_of_this_file(self, chain: Chain, scope: Scope | None) -> bool:
        name = chain.steps[0].name or chain.root
        return (
            chain.steps[0].name == "" or chain.root in ("self", "this")
        ) and name in self.code.functions

    def _is_row(self, name: str, repeats: tuple[Repeat, ...]) -> bool:
        for repeat in repeats:
            if name in repeat.loop.targets:
                return self.origin(repeat) is not None
        for assignment in self.code.assignments:
            if assignment.names == (name,) and any(
                r.loop.repeats(assignment.span) for r in repeats
            ):
                chain = chain_of(assignment.value, self.text)
                if chain is None:
                    return False
                made = re.match(r"^(?:\w+\.)*([A-Z]\w*)\(\)$", chain.path)
                if ".objects." in chain.path:
                    return True
                return bool(made) and (
                    made is not None
                    and (
                        made[1] in self.models
                        or (
                            bool(re.search(r"import.*\b" + made[1] + r"\b", self.text))
                            and "models" in self.text
                        )
                    )
                )
        return False

    def _proposal(
        self,
        chain: Chain,
        repeat: Repeat,
        api: Api | None,
        helper: tuple[Asks, Span | None] | None,
        confidence: Confidence,
    ) -> Proposal:
        call = quoted(name_of(chain))
        each = f"{repeat.called_by} calls this once per element, and " if repeat.called_by else ""
        trip = api.trip if api else helper[0].trip if helper else "query"
        rule = REQUEST if trip in ("request", "cache") else QUERY
        flow = [FlowStep(repeat.header, "Runs once for each element.")]
        if helper is not None:
            asks = "asks the database" if rule == QUERY else "waits for the network"
            message = (
                f"{each}`{call}` {asks} each time (`{quoted(helper[0].by)}`), so the time grows "
                "with the list. Ask once for all of them before the loop."
            )
            if helper[1] is not None:
                flow.append(FlowStep(helper[1], "What it waits for."))
        elif trip == "commit":
            message = (
                f"`{call}` in each turn waits for the disk each time. Do it once "
                f"after the loop, or once per batch."
            )
        elif trip == "write":
            message = (
                f"`{call}` writes once per element. Collect the changes and write "
                f"them with one bulk statement."
            )
        elif trip == "request":
            message = (
                f"{each}`{call}` waits for the network once per element. Ask for all "
                f"at once where the other side can, "
                "or start them together with a limit."
            )
        elif trip == "cache":
            message = (
                f"{each}`{call}` is a round trip for each element. Use one `mget`, "
                f"`get_many` or a pipeline."
            )
        else:
            message = (
                f"{each}`{call}` asks the database once for each element, so the time "
                f"grows with the list. {self._advice(repeat)}"
            )
        message = message[0].upper() + message[1:]
        return Proposal(
            where=chain.span,
            rule=rule,
            message=message,
            source="detector:performance",
            author="local",
            confidence=confidence,
            flow=tuple(flow),
        )

    def _advice(self, repeat: Repeat) -> str:
        if repeat.called_by.endswith("GraphQL"):
            return "Load them in batches with a DataLoader."
        if self.language == "python":
            together = "`IN (…)`, a join, `select_related`, `selectinload`"
        else:
            together = "`in`, `$in`, `include`, a join"
        return f"Ask once for all of them ({together}), or write with one bulk statement."


_READ = Api(re.compile(""), "query", "medium")
_WRITE = Api(re.compile(""), "write", "medium")
_HANDS_OVER = re.compile(r"^map\(\)$|\.(map|forEach|flatMap|submit_all|imap|imap_unordered)\(\)$")
_DATA_DEFINITION = re.compile(
    r"(?i)[\"'`]\s*(create|alter|drop|truncate|pragma|vacuum|grant|revoke|set|analyze|"
    r"reindex|refresh|begin|commit|rollback|savepoint|lock|use|attach|comment on)\b"
)
_CACHED = re.compile(r"cache|memo|lru")
_KEEPS = re.compile(r"(?i)loader\.load|_cache\b|memo")
_MAY_KEEP = Clues("loader.load memo", [r"_cache\b"], ignore_case=True)
_STORES_ROWS = re.compile(r"\w+(?:Repository|Repo|DAO|Dao)\.(\w+)")
_HANDED = re.compile(
    r"[(,]\s*(?:self\.|ctx\.|info\.context\.|\w+\s*=\s*)?_?(db|db_session|dbsession|session|"
    r"async_session|conn|connection|cursor|cur|tx|uow)\s*[,)]"
)
_HANDED_JAVASCRIPT = re.compile(
    r"[(,]\s*(?:ctx\.|this\.|context\.)?(db|session|conn|connection|prisma|knex|pool|client|trx|tx|"
    r"em|manager|entityManager)\s*[,)]"
)
_NAMED_LIKE_A_TRIP = re.compile(
    r"_?(a?get|find|fetch|load|query|lookup|select|read|count|list|create|insert|"
    r"update|save|delete|upsert|add|exists|check|remove|retrieve)(?![a-z])"
)
_NAMED_LIKE_A_QUERY = re.compile(
    r"(get|find|fetch|load|query|lookup|select|count)(_\w+_by_\w+|_by_\w+|"
    r"_\w+_for_\w+|\w*By[A-Z]\w*|[A-Z]\w*For[A-Z]\w*)$"
)
_NOT_A_DATABASE = re.compile(r"(?i)loader|cache|page\.|screen|element|driver|browser|locator")
_HANDLE_TYPES = re.compile(
    r"\b(\w++)\s*+[?!]?+:\s*+(?:\w+\.)?(?:Mongo|Tree|Entity)?(?:Repository|Model|"
    r"EntityManager|DataSource|Collection|ModelStatic|"
    r"EntityRepository|ReturnModelType|ModelType|PoolClient|Pool|Connection)\b"
)
_HANDLE_FIELDS = re.compile(r"\b(\w++)\s*+=\s*\w[\w.]*\.get(?:Mongo|Tree|Custom)?Repository\(")
_HANDLE_MAKERS = re.compile(
    r"(getRepository|getCustomRepository|getMongoRepository|collection|"
    r"mongoose\.model|sequelize\.define|sequelize\.model|getModel)\(\)$|^model\(\)$"
)
_HANDLE_METHODS = re.compile(
    r"(find|get|count|save|insert|update|upsert|delete|remove|exist|load|aggregate|"
    r"query|execute|create$|softDelete|increment|decrement|distinct)"
)
_FINDS_ROWS = re.compile(r"(?:\w+\.)*([A-Z]\w*)\.(?:find|findAll|findAndCountAll|where)\(\)")
_SEQUELIZE_GETTER = re.compile(r"(?:get|count|add|set|create|has|remove)[A-Z]\w*")
_SEQUELIZE = re.compile(r"[sS]equelize|\.(?:findAll|findByPk|findAndCountAll)\(")
_STREAM = re.compile(r"for\s+await\b|async\s+for\b")
_TYPEORM = re.compile(r"[tT]ype[oO][rR][mM]|Repository<|InjectRepository")
_JS_ROWS = re.compile(r"[mM]ongoose|[sS]equelize|[tT]ypeorm|[oO]bjection")


def _ends_unconditionally(loop: SgNode) -> bool:
    """Whether the body's own last statement leaves the loop."""
    body = loop.field("body")
    if body is None:
        return False
    statements = [
        child for child in body.children() if child.is_named() and child.kind() != "comment"
    ]
    return bool(statements) and any(
        child.kind()
        in ("break_statement", "return_statement", "raise_statement", "throw_statement")
        for child in statements
    )


def _is_an_elements_own(chain: Chain) -> bool:
    """`item.$relatedQuery()`, `item.lines.filter()`: the element itself is asked about."""
    return bool(
        re.search(
            r"\.\$|fetch_related|refresh|populate|reload|^\w+\.\w+\.(find|filter|all|"
            r"get|init|load)",
            chain.path,
        )
    )


def _is_batched_by_prisma(call: str, repeat: Repeat, text: str) -> bool:
    """Prisma puts the findUnique calls of one tick into one query."""
    if not re.search(r"\.(findUnique|findUniqueOrThrow)\(", call):
        return False
    if repeat.called_by:
        return True
    before = text[max(0, repeat.loop.span.start - 120) : repeat.loop.span.start]
    return (
        repeat.loop.kind == "callback"
        and re.search(r"(all|allSettled)\(\s*[^;]*$", before) is not None
    )
