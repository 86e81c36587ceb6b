"""What the project's readers have in common: places, and paths as frameworks write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.model import Span
from .facts import Place

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def place_of(first: SgNode, last: SgNode | None = None) -> Place:
    """Where a node stands, or all from `first` to the end of `last`."""
    start, end = first.range(), (last or first).range()
    return Place(Span(start.start.index, end.end.index), start.start.line)


_PARAMETER = re.compile(
    r"\{(?P<braces>[^{}]*)\}|<(?:[^<>:]*:)?(?P<angles>[^<>]+)>|(?<![\w}]):(?P<colon>\w+)(?:\([^()]*\))?[?*+]?"
    r"|\(\?P<(?P<regex>\w+)>(?:[^()]|\([^()]*\))*\)|\((?:[^()]|\([^()]*\))*\)|\*(?P<star>\w*)"
)


def path_of(path: str, *, is_regex: bool = False) -> tuple[str, tuple[str, ...]]:
    """A path with its parameters as `{name}`, and their names, whatever the framework writes."""
    names: list[str] = []

    def name_it(match: re.Match[str]) -> str:
        groups = match.groupdict()
        name = next((value for value in groups.values() if value), "")
        name = re.split(r"[:*?=]", name.lstrip("*."))[0].strip() or "any"
        names.append(name)
        return f"{{{name}}}"

    if is_regex:
        path = re.sub(r"^\^|\\?[$]$|\\[AZz]", "", path).replace("\\/", "/").replace("\\.", ".")
    return _PARAMETER.sub(name_it, path), tuple(names)


_NARROW = re.compile(
    r"\{[^{}]*:(?!path|str)[^{}]*\}|<(?!str|slug|path|string|any)[^<>:]*:[^<>]*>|:\w+\(|\(\?P|\(\\d"
)


def is_narrow(path: str) -> bool:
    """Whether a parameter of a path as written matches less than any text."""
    return bool(_NARROW.search(path))


def joined(*parts: str) -> str:
    """Parts of a path as one, with single slashes between them; it begins with one."""
    path = "/".join(part.strip("/") for part in parts if part.strip("/"))
    slash = "/" if path and parts[-1].endswith("/") else ""
    return f"/{path}{slash}"


def unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
