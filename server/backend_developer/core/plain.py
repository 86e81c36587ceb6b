"""Frozen values as JSON can say them, and back: what is kept for a later run.

    to_plain(Span(1, 2), Span)  -> [1, 2]
    from_plain([1, 2], Span)    -> Span(1, 2)

A dataclass becomes the list of its fields' values, in order. Where a field may be one of several
dataclasses, the name of its class comes first. What is read is taken for nothing but data: it makes
values of the expected types, or raises PlainError.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
_Convert = Callable[[Any], Any]


class PlainError(Exception):
    """What was read is no value of the expected type."""


def to_plain(value: T, kind: type[T]) -> Any:
    """Lists, texts, numbers, booleans and None for a value of type `kind`."""
    return _writer(cast("Hashable", kind))(value)


def from_plain(plain: Any, kind: type[T]) -> T:
    """The value that `to_plain` made `plain` of. Raises PlainError."""
    return cast("T", _reader(cast("Hashable", kind))(plain))


@cache
def _writer(kind: Any) -> _Convert:
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        parts: list[tuple[str, _Convert]] = []
        hints = get_type_hints(kind)
        parts += [(one.name, _writer(hints[one.name])) for one in fields(kind)]
        return lambda value: [write(getattr(value, name)) for name, write in parts]
    if origin is tuple:
        if inner[1:] == (Ellipsis,):
            write_item = _writer(inner[0])
            return lambda value: [write_item(item) for item in value]
        writers = [_writer(item) for item in inner]
        return lambda value: [write(item) for write, item in zip(writers, value, strict=True)]
    classes = _classes(kind)
    if len(classes) == 1:
        write_one = _writer(next(iter(classes.values())))
        return lambda value: write_one(value) if is_dataclass(value) else value
    if classes:
        named = {one: (name, _writer(one)) for name, one in classes.items()}
        return lambda value: (
            [named[type(value)][0], named[type(value)][1](value)] if is_dataclass(value) else value
        )
    return lambda value: value


@cache
def _reader(kind: Any) -> _Convert:
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        make = cast("Callable[..., Any]", kind)
        hints = get_type_hints(kind)
        readers = [_reader(hints[one.name]) for one in fields(kind)]

        def read_fields(plain: Any) -> Any:
            items = _list(plain, len(readers))
            return make(*[read(item) for read, item in zip(readers, items, strict=True)])

        return read_fields
    if origin is tuple:
        if inner[1:] == (Ellipsis,):
            read_item = _reader(inner[0])
            return lambda plain: tuple(map(read_item, _list(plain)))
        items = [_reader(item) for item in inner]
        return lambda plain: tuple(
            read(item) for read, item in zip(items, _list(plain, len(items)), strict=True)
        )
    classes = _classes(kind)
    values, kinds = _scalars(kind)

    def read_choice(plain: Any) -> Any:
        if type(plain) in kinds or plain in values:
            return plain
        if len(classes) == 1:
            return _reader(next(iter(classes.values())))(plain)
        if classes:
            name, content = _list(plain, 2)
            if isinstance(name, str) and name in classes:
                return _reader(classes[name])(content)
        raise PlainError(f"expected {kind}")

    return read_choice


def _list(plain: Any, length: int | None = None) -> list[Any]:
    if not isinstance(plain, list) or length not in (None, len(plain)):
        raise PlainError("expected a list")
    return plain


def _choices(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _classes(kind: Any) -> dict[str, Any]:
    """The dataclasses that a type leaves the choice of, by name."""
    return {cast("type", one).__name__: one for one in _choices(kind) if is_dataclass(one)}


def _scalars(kind: Any) -> tuple[tuple[Any, ...], frozenset[type]]:
    """The texts, numbers and the like that a type allows: by value, and by their own type."""
    values: list[Any] = []
    kinds: list[type] = []
    for one in _choices(kind):
        if get_origin(one) is Literal:
            values += get_args(one)
        elif one in (str, int, bool, float, type(None)):
            kinds.append(one)
        elif not is_dataclass(one):
            raise TypeError(f"{kind} cannot be said in JSON")
    return tuple(values), frozenset(kinds)
