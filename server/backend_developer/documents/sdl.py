"""GraphQL's type system language (SDL) as plain values with their places.

After https://spec.graphql.org/October2021/#sec-Type-System. Executable definitions are passed over,
and so is what cannot be read: the definitions before and after it are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..core.model import Span


@dataclass(frozen=True, slots=True)
class TypeReference:
    """`[Post!]!`: name Post, is_list, not is_nullable, and its items neither."""

    name: str
    span: Span
    is_list: bool
    nullable_items: bool
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field, an argument, an input field or an enum value (which has no type)."""

    name: str
    span: Span
    type: TypeReference | None
    is_described: bool
    directives: dict[str, dict[str, str]]
    """Directive -> its arguments as written."""
    arguments: tuple[Field, ...] = ()

    @property
    def is_enum_value(self) -> bool:
        return self.type is None


@dataclass(frozen=True, slots=True)
class Type:
    """A definition, or an extension of one."""

    kind: str
    """type, interface, input, enum, union, scalar, schema, directive."""
    name: str
    span: Span
    """Of the name."""
    is_described: bool
    is_extension: bool
    directives: dict[str, dict[str, str]]
    fields: tuple[Field, ...] = ()


def parse_sdl(text: str) -> list[Type]:
    """The definitions of a text, in its order; never raises."""
    reader = _Reader(text)
    types: list[Type] = []
    while not reader.is_done:
        start = reader.index
        try:
            found = _definition(reader)
        except _UnexpectedError:
            # On to the next word at the beginning of a line that may begin a definition.
            reader.index = max(reader.index, start + 1)
            reader.skip_to_definition()
            continue
        if found is not None:
            types.append(found)
    return types


class _UnexpectedError(Exception):
    pass


@dataclass(slots=True)
class _Reader:
    text: str
    tokens: list[tuple[str, int, int]] = field(init=False)
    index: int = 0

    def __post_init__(self) -> None:
        self.tokens = [
            (match.lastgroup or "", *match.span())
            for match in _TOKEN.finditer(self.text)
            if match.lastgroup != "ignored"
        ]

    @property
    def is_done(self) -> bool:
        return self.index >= len(self.tokens)

    @property
    def value(self) -> str:
        """The token's text, "" at the end."""
        if self.is_done:
            return ""
        _, start, end = self.tokens[self.index]
        return self.text[start:end]

    @property
    def kind(self) -> str:
        return "" if self.is_done else self.tokens[self.index][0]

    def take(self, value: str) -> bool:
        if self.value == value:
            self.index += 1
            return True
        return False

    def expect(self, value: str) -> None:
        if not self.take(value):
            raise _UnexpectedError

    def name(self) -> tuple[str, Span]:
        if self.kind != "name":
            raise _UnexpectedError
        _, start, end = self.tokens[self.index]
        self.index += 1
        return self.text[start:end], Span(start, end)

    def description(self) -> bool:
        """Passes over a text and says whether there is one that says something."""
        if self.kind == "text":
            described = bool(self.value.strip('" \n\r\t'))
            self.index += 1
            return described
        return False

    def skip_to_definition(self) -> None:
        while not self.is_done:
            start = self.tokens[self.index][1]
            at_line_start = start == 0 or self.text[start - 1] in "\r\n"
            if at_line_start and (self.value in _DEFINITIONS or self.kind == "text"):
                return
            self.index += 1

    def skip_group(self) -> None:
        """Passes over a group in any brackets, whose first is the token."""
        depth = 0
        while not self.is_done:
            depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(self.value, 0)
            self.index += 1
            if depth <= 0:
                return


def _definition(reader: _Reader) -> Type | None:
    is_described = reader.description()
    is_extension = reader.take("extend")
    kind = reader.value
    if kind not in _DEFINITIONS:
        raise _UnexpectedError
    reader.index += 1
    if kind in ("query", "mutation", "subscription", "fragment"):
        while reader.value not in ("{", ""):
            reader.skip_group() if reader.value == "(" else reader.take(reader.value)
        reader.skip_group()
        return None
    if kind == "directive":
        reader.expect("@")
    name, span = ("", Span(0, 0)) if kind == "schema" else reader.name()
    if kind == "directive":
        while not reader.is_done and reader.value not in _DEFINITIONS and reader.kind != "text":
            reader.skip_group() if reader.value == "(" else reader.take(reader.value)
        return None
    if reader.take("implements"):
        while reader.value == "&" or reader.kind == "name":
            reader.index += 1
    directives = _directives(reader)
    fields: tuple[Field, ...] = ()
    if kind == "union" and reader.take("="):
        while reader.value == "|" or (reader.kind == "name" and reader.value not in _DEFINITIONS):
            reader.index += 1
    elif reader.take("{"):
        fields = _fields(reader, "}", is_enum=kind == "enum")
    return Type(kind, name, span, is_described, is_extension, directives, fields)


def _fields(reader: _Reader, closing: str, *, is_enum: bool = False) -> tuple[Field, ...]:
    found = []
    while not reader.take(closing):
        is_described = reader.description()
        name, span = reader.name()
        arguments = _fields(reader, ")") if reader.take("(") else ()
        type_ = None
        if not is_enum:
            reader.expect(":")
            type_ = _type(reader)
        if reader.take("="):
            _value(reader)
        directives = _directives(reader)
        found.append(Field(name, span, type_, is_described, directives, arguments))
    return tuple(found)


def _type(reader: _Reader) -> TypeReference:
    if reader.is_done:
        raise _UnexpectedError
    start = reader.tokens[reader.index][1]
    depth = 0
    while reader.take("["):
        depth += 1
    name, span = reader.name()
    item_required = is_required = reader.take("!")
    for _ in range(depth):
        reader.expect("]")
        is_required = reader.take("!")
    end = reader.tokens[reader.index - 1][2] if depth else span.end
    nullable_items = depth > 0 and not item_required
    return TypeReference(name, Span(start, end), depth > 0, nullable_items, not is_required)


def _value(reader: _Reader) -> str:
    start = reader.tokens[reader.index][1] if not reader.is_done else 0
    if reader.value in ("[", "{"):
        reader.skip_group()
    else:
        reader.take("$")
        reader.index += 1
    end = reader.tokens[min(reader.index, len(reader.tokens)) - 1][2]
    return reader.text[start:end]


def _directives(reader: _Reader) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    while reader.take("@"):
        name, _ = reader.name()
        arguments: dict[str, str] = {}
        if reader.take("("):
            while not reader.take(")"):
                argument, _ = reader.name()
                reader.expect(":")
                arguments[argument] = _value(reader)
        found[name] = arguments
    return found


_DEFINITIONS = frozenset(
    {"type", "interface", "input", "enum", "union", "scalar", "schema", "directive", "extend"}
    | {"query", "mutation", "subscription", "fragment"}
)
# A text without an end goes as far as it can, so that none is looked through twice.
_TOKEN = re.compile(
    r"(?P<ignored>#[^\r\n]*|[\s,\ufeff]+)"
    r'|(?P<text>"""(?:\\"""|[^"]|"(?!""))*+(?:"""|\Z)|"(?:\\.|[^"\\\r\n])*+"?)'
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<sign>\.\.\.|\S)"
)
