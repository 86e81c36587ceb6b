"""What the functions, models and answers of one file cost whoever uses them from another file.

Code -> FileSummary, plain values that can be compared and sent to another process
     -> Elsewhere: what the other files of the project say, by the names that this file gives them

Nothing here says where something stands: typing inside a function changes nothing for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Trip: TypeAlias = Literal["query", "write", "commit", "request", "cache"]
"""What one call costs a round trip for; a "query" may write too when its SQL does."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What reading the attribute may cost: one row, or many."""

    kind: Literal["one", "many"]
    target: str
    """The name of the other model, "" when it could not be told."""
    is_eager: bool = False
    """The model itself says that it is loaded along (`lazy="selectin"`)."""


@dataclass(frozen=True, slots=True)
class Asks:
    """A round trip that a call of a function makes."""

    trip: Trip
    by: str
    """The call that makes it, as it is spelled."""


@dataclass(frozen=True, slots=True)
class Read:
    """A relation of something that a function is given, `order.customer.name`."""

    parameter: int
    """Its position; a method's own object is the first."""
    relation: str
    kind: Literal["rows", "all", "narrow"]
    """Its rows, or its manager's; "narrow": more is asked, so that loading along does not help."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Objects of a model that a function answers with."""

    library: Literal["django", "sqlalchemy", "other"]
    model: str
    loads: str
    """The calls of its query that load relations along."""


@dataclass(frozen=True, slots=True)
class FunctionSummary:
    """Of a function or method that others may call."""

    name: str
    """`find_user`, `UserRepository.find`."""
    asks: Asks | None = None
    calls: tuple[str, ...] = ()
    """Functions of other files that it calls, by the names they have in its file."""
    reads: tuple[Read, ...] = ()
    rows: Rows | None = None
    rows_of: str = ""
    """The function of another file whose rows it answers with."""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A class whose objects are rows."""

    name: str
    relations: tuple[tuple[str, Relation], ...] = ()
    backs: tuple[tuple[str, str, Relation], ...] = ()
    """(Model, attribute, relation) that the relations add to models of other files."""
    columns: tuple[str, ...] = ()
    loads: str = ""
    """What the managers of its file load along."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of an answer that is read from a row."""

    path: tuple[str, ...]
    """The relation, or those on the way to it."""
    kind: Literal["one", "many"]
    shape: str = ""
    """The class that shows it in turn."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A serializer or a response model."""

    name: str
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class FileSummary:
    """All of one file's."""

    functions: tuple[FunctionSummary, ...] = ()
    models: tuple[ModelSummary, ...] = ()
    shapes: tuple[Shape, ...] = ()
    classes: tuple[tuple[str, str], ...] = ()
    """(Name, class): what a variable or field is an object of, and what a class inherits."""


class Elsewhere(Protocol):
    """What the other files of a project say; names are those of the file that asks."""

    @property
    def is_empty(self) -> bool:
        """Whether the file uses nothing of the others that is known."""
        ...

    def asks(self, name: str) -> Asks | None:
        """The round trip that a call of a function makes, through as many files as that takes."""
        ...

    def function(self, name: str) -> FunctionSummary | None: ...

    def rows(self, name: str) -> Rows | None:
        """What a function answers with."""
        ...

    def model(self, name: str) -> ModelSummary | None:
        """A model that the file imports, else the project's only one of that name."""
        ...

    def shape(self, name: str) -> Shape | None:
        """A shape that the file imports, else the project's only one of that name."""
        ...


class _Nothing:
    """Implements Elsewhere for a file that is looked at alone."""

    is_empty = True

    def asks(self, name: str) -> Asks | None:
        return None

    def function(self, name: str) -> FunctionSummary | None:
        return None

    def rows(self, name: str) -> Rows | None:
        return None

    def model(self, name: str) -> ModelSummary | None:
        return None

    def shape(self, name: str) -> Shape | None:
        return None


NOTHING: Elsewhere = _Nothing()
