"""What annotations, base classes and decorators say."""

from __future__ import annotations

import re

from ..harmless import is_restrictive
from ..program import Call, Constant, Expression, dotted_path
from ..states import State
from .analysis import Analysis, Made

ENUMS = frozenset(["Enum", "IntEnum", "StrEnum", "TextChoices", "IntegerChoices", "IntFlag"])
_TYPE_NAME = re.compile(
    r"(?:(?:typing\.)?(?:Optional|Annotated|Promise|Readonly|Partial)[\[<])*(?P<name>[\w$.]+)"
)
_PATTERN_IN_TYPE = re.compile(
    r"\b(?:pattern|regex)\s*=\s*r?(?P<quote>[\"'])(?P<pattern>.*?)(?P=quote)"
)
"""`Annotated[str, Query(pattern="^[a-z]+$")]`, `constr(regex=…)`."""


def is_clean_type(analysis: Analysis, annotation: str, state: State) -> bool:
    if analysis.knowledge.clean_types.fullmatch(annotation):
        return True
    held = _PATTERN_IN_TYPE.search(annotation)
    if held is not None and is_restrictive(held["pattern"], False, False):
        return True
    made = state.get(annotation.strip("'\"")) if annotation.isidentifier() else None
    return (
        made is not None
        and isinstance(made.object_of, Made)
        and any(base.rpartition(".")[2] in ENUMS for base in made.object_of.of.bases)
    )


def type_path(annotation: str, state: State) -> str:
    """`Session` -> "sqlalchemy.orm.Session()"."""
    match = _TYPE_NAME.match(annotation.strip("'\""))
    if match is None:
        return ""
    head, _, rest = match["name"].partition(".")
    known = state.get(head)
    base = known.path if known is not None and known.path else head
    return f"{base}.{rest}()" if rest else f"{base}()"


def path_of(expression: Expression, state: State) -> str:
    """The dotted path of a decorator, a base class or the like."""
    literal = dotted_path(expression)
    head, dot, rest = literal.partition(".")
    head, bracket, tail = head.partition("(")
    known = state.get(head)
    base = known.path if known is not None and known.path else head
    return f"{base}{bracket}{tail}{dot}{rest}"


def is_held_to_pattern(expression: Expression) -> bool:
    """`Query(pattern="^[a-z]+$")`, `Field(regex=…)`."""
    return isinstance(expression, Call) and any(
        argument.name in ("pattern", "regex")
        and isinstance(argument.value, Constant)
        and is_restrictive(str(argument.value.value), False, False)
        for argument in expression.arguments
    )
