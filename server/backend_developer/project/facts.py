"""What one file says about the project; plain values that can be sent to another process.

A place takes no part in a comparison: two files' facts are equal when they mean the same,
wherever it stands, so that most keys typed change nothing for the other files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..core.model import Span
from ..dataflow.summaries import DataSummary
from ..performance.summaries import FileSummary

Framework: TypeAlias = Literal[
    "fastapi", "flask", "django", "express", "koa", "fastify", "nestjs", "hono", "other"
]
Method: TypeAlias = str
"""GET, POST, …; ANY where the route answers all of them."""

PROJECT_ROUTER = "*"
"""The router that every route of the project is under: Nest's global prefix and guards."""
URL_PATTERNS = "urlpatterns"
"""Django's name for the routes of a module, which has no router of its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """Offsets into the file's text, and the line from 0, for who has not got the text."""

    span: Span
    line: int


@dataclass(frozen=True, slots=True)
class Import:
    """`name` stands for `member` of `module`; a member of "" is the module itself."""

    name: str
    module: str
    """As written: `app.users`, `.users`, `./routes/users`."""
    member: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """What keeps somebody out, by the name that the code gives it."""

    name: str
    where: Literal["route", "router", "mount", "handler", "project"] = "route"


@dataclass(frozen=True, slots=True)
class Router:
    """An application, router or blueprint that routes hang on."""

    name: str
    """The local name; Nest's controllers have that of their class."""
    framework: Framework
    prefix: str = ""
    guards: tuple[Guard, ...] = ()
    is_limited: bool = False
    is_application: bool = False
    is_parameter: bool = False
    """A function is given it, by whoever mounts the module."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A router that is put under another one, maybe of another file."""

    parent: str
    child: str
    """As written, such as `users.router`, or `module:app.urls` for a module named in a text."""
    prefix: str = ""
    guards: tuple[Guard, ...] = ()
    is_limited: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, as its own file says it; what it is under, the project knows."""

    method: Method
    path: str
    """Below its router, with parameters as `{name}`."""
    handler: str
    """The function's name, `Class.method`, or as a reference such as `views.show`; "" for none."""
    router: str
    framework: Framework
    place: Place = field(compare=False)
    """The decorator or the call that makes it a route."""
    body: Place = field(compare=False)
    """With its handler, where that is in the same file."""
    guards: tuple[Guard, ...] = ()
    is_public: bool = False
    """It says that nobody is kept out."""
    is_limited: bool = False
    """How often it may be called is limited."""
    parameters: tuple[str, ...] = ()
    response_model: str = ""
    status: int | None = None
    """Of success, where it is said."""
    operation_id: str = ""
    is_narrow: bool = False
    """Its parameters do not match any text: `<int:id>`, `:id(\\d+)`."""
    depends_on: tuple[str, ...] = ()
    """Names of what the handler has injected, which may be a guard in turn."""
    is_described: bool = True
    """It is part of the API's description, as far as the code says."""
    version: str = ""
    """Which versions of the API it is of, where its framework tells them apart; "" for any."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A function or class that a route of another file may name."""

    name: str
    methods: tuple[Method, ...]
    """That it answers; empty where it does not say."""
    place: Place = field(compare=False)
    guards: tuple[Guard, ...] = ()
    is_public: bool = False
    depends_on: tuple[str, ...] = ()
    """Names of what it has injected, which may guard it in turn."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a model."""

    name: str
    """In the code."""
    column: str
    """In the database."""
    place: Place = field(compare=False)
    type: str = ""
    """As written, the head of it: `String`, `ForeignKey`, …"""
    is_indexed: bool = False
    """By itself: an index, unique, or the primary key."""
    refers_to: str = ""
    """The model, or table and column (`users.id`), whose key it holds."""
    relation: str = ""
    """The model, when it stands for rows of that and not for a column."""
    is_loaded_early: bool = False
    """A relation whose rows come with the model's own."""


@dataclass(frozen=True, slots=True)
class Model:
    """A class or schema that stands for a table or collection."""

    name: str
    table: str
    framework: str
    place: Place = field(compare=False)
    fields: tuple[Field, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    """Columns of each index over several of them, first the one that it is sorted by."""


@dataclass(frozen=True, slots=True)
class Query:
    """Columns that rows are looked up by, all of them in one query."""

    model: str
    """A model's name or a table's."""
    columns: tuple[str, ...]
    """That are compared with a value, so that an index could find the rows."""
    place: Place = field(compare=False)
    joined: tuple[str, ...] = ()
    """Columns that another table is joined on."""


StepKind: TypeAlias = Literal[
    "create table", "drop table", "add column", "drop column", "create index", "drop index", "other"
]


@dataclass(frozen=True, slots=True)
class MigrationStep:
    """One change of the schema."""

    kind: StepKind
    table: str
    columns: tuple[str, ...]
    place: Place = field(compare=False)
    indexed: tuple[tuple[str, ...], ...] = ()
    """The columns of each index that the step makes, a unique or primary key included."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that comes from the environment."""

    name: str
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of an API description."""

    method: Method
    path: str
    """As written, below the servers' paths, with parameters as `{name}`."""
    operation_id: str
    place: Place = field(compare=False)
    is_secured: bool = False
    statuses: tuple[str, ...] = ()
    """That it declares, as written: "200", "4XX", "default"."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error that a handler answers."""

    name: str
    """Of the field that tells what went wrong: error, message, detail, …"""
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """All that one file says."""

    path: str
    language: str = ""
    imports: tuple[Import, ...] = ()
    exports: tuple[tuple[str, str], ...] = ()
    """(exported name, local name), for JavaScript; a default export's name is `default`."""
    routers: tuple[Router, ...] = ()
    mounts: tuple[Mount, ...] = ()
    routes: tuple[Route, ...] = ()
    handlers: tuple[Handler, ...] = ()
    models: tuple[Model, ...] = ()
    queries: tuple[Query, ...] = ()
    migrations: tuple[MigrationStep, ...] = ()
    settings: tuple[Setting, ...] = ()
    operations: tuple[Operation, ...] = ()
    errors: tuple[ErrorAnswer, ...] = ()
    servers: tuple[str, ...] = ()
    """Paths below which the operations are, from the description's servers."""
    has_limiter: bool = False
    """It limits how often something may be called."""
    limits_everything: bool = False
    """The limit is one for all routes."""
    project_guards: tuple[Guard, ...] = ()
    """That every route of the project is behind."""
    has_pipe: bool = False
    """It names a pipe that holds what Nest's routes get to a schema."""
    makes_nest_application: bool = False
    costs: FileSummary | None = None
    """What its functions ask of databases, and its models and answers hold."""
    data: tuple[DataSummary, ...] = ()
    """What its functions do with what they are given."""

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all, so that nobody needs to keep it."""
        return self == FileFacts(self.path, self.language)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one step of reading a folder came to."""

    facts: tuple[FileFacts, ...]
    """Of the files that say something."""
    is_done: bool
    is_cut_short: bool = False
    """There were more files than may be read."""
