"""YAML and JSON as a tree in which every value knows where it stands in the text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from ..core.model import Span

Scalar: TypeAlias = str | int | float | bool | None


class Node:
    """One value. Compared by identity: two equal values stand in two places.

    `value` is a mapping of keys (always texts) to nodes, a list of nodes, or a scalar. `span` is
    the value's place, without the blank lines and comments that follow it; `key` the place of the
    key it stands under, None in a list and at the root. A YAML alias has its own key and the
    value and span of its anchor.
    """

    __slots__ = (
        "duplicates",
        "elements",
        "key",
        "members",
        "quoted",
        "raw",
        "size",
        "span",
        "value",
    )

    def __init__(
        self,
        value: dict[str, Node] | list[Node] | Scalar,
        span: Span,
        key: Span | None = None,
        *,
        quoted: bool = False,
        raw: str = "",
    ) -> None:
        self.span = span
        self.key = key
        self.quoted = quoted
        self.raw = raw
        """A scalar as written, without its quotes."""
        self.size = 1
        """How many values it holds, itself among them, aliases counted where they stand."""
        self.duplicates: tuple[Span, ...] = ()
        """Places of keys of this mapping that occurred before."""
        self.fill(value)

    def fill(self, value: dict[str, Node] | list[Node] | Scalar) -> None:
        self.value = value
        self.members: dict[str, Node] = value if isinstance(value, dict) else _NO_MEMBERS
        """The members of a mapping; of anything else none. Never changed."""
        self.elements: list[Node] = value if isinstance(value, list) else _NO_ELEMENTS
        """The items of a list; of anything else none. Never changed."""

    @property
    def text(self) -> str:
        """The value when it is a text, else ""."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def number(self) -> int | float | None:
        """The value when it is a number, else None; a boolean is none."""
        value = self.value
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def place(self) -> Span:
        """Where to point at the whole of it: its key, a scalar itself, or its first member."""
        if self.key is not None:
            return self.key
        if isinstance(self.value, dict) and self.value:
            first = next(iter(self.value.values()))
            is_scalar = not isinstance(first.value, dict | list)
            end = max(first.span.end if is_scalar else 0, first.key.end if first.key else 0)
            # The member of a merged mapping or of an alias may stand before this one.
            return Span(self.span.start, max(end, self.span.start + 1))
        if isinstance(self.value, list):
            return Span(self.span.start, min(self.span.start + 1, self.span.end))
        return self.span

    def get(self, *keys: str) -> Node | None:
        """The node reached through mappings by `keys`, or None."""
        node: Node | None = self
        for key in keys:
            if node is None:
                return None
            node = node.members.get(key)
        return node

    def text_at(self, *keys: str) -> str:
        node = self.get(*keys)
        value = node.value if node is not None else ""
        return value if isinstance(value, str) else ""

    def children(self, key: str) -> dict[str, Node]:
        """The members of the mapping under `key`, but for `x-…` extensions."""
        node = self.get(key)
        members = node.members if node is not None else {}
        return {name: child for name, child in members.items() if not name.startswith("x-")}

    def items(self, key: str) -> list[Node]:
        """The items of the list under `key`."""
        node = self.get(key)
        return node.elements if node is not None else []

    def data(self) -> Any:
        """Plain data: dictionaries, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.data() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.data() for child in self.value]
        return self.value


_NO_MEMBERS: dict[str, Node] = {}
_NO_ELEMENTS: list[Node] = []


class MalformedError(Exception):
    """Text that is no YAML; `str()` says what is wrong, `offset` where."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.offset = offset


def parse_documents(text: str) -> list[Node]:
    """The root of each document of a YAML or JSON text; an empty document has none.

    Scalars are read as YAML 1.2 and JSON mean them: `no` and `2024-01-01` are texts. Raises
    MalformedError.
    """
    import yaml  # Not at the top: a server that has started has not read any YAML yet.

    if _is_too_deep(text):
        raise MalformedError("it is nested too deeply", 0)
    # libyaml refuses the two halves of a character beyond U+FFFF, which JSON may write.
    readable = _SURROGATE.sub(r"\\ufffd", text) if "\\u" in text else text
    try:
        roots = [_convert(node, text, {}) for node in yaml.compose_all(readable, Loader=_loader())]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        offset = min(mark.index, len(text)) if mark is not None else 0
        raise MalformedError(error.problem or "it cannot be read", offset) from None
    except (yaml.YAMLError, UnicodeError):
        raise MalformedError("it holds characters that YAML does not allow", 0) from None
    if any(root.size > len(text) + _MAXIMUM_REPETITION for root in roots):
        raise MalformedError("its aliases stand for far more than is written", 0)
    return roots


def walk(root: Node) -> Iterator[Node]:
    """Every node below and with `root`, each once, in the order of the text."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node.value) in seen and isinstance(node.value, dict | list):
            continue
        seen.add(id(node.value))
        yield node
        children = node.members.values() if node.members else node.elements
        stack.extend(reversed(list(children)))


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_BRACKETS = re.compile(r"[\[\]{}]")
_DEEP_LINE = re.compile(r"(?:[-?:][ \t]+){200}|^[ ]{600}", re.MULTILINE)
_MAXIMUM_DEPTH = 200
_MAXIMUM_REPETITION = 100_000
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


def _is_too_deep(text: str) -> bool:
    # libyaml composes by recursion in C, and would end the process.
    if _DEEP_LINE.search(text):
        return True
    if text.count("[") + text.count("{") <= _MAXIMUM_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAXIMUM_DEPTH:
            return True
    return False


@functools.cache
def _loader() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def resolve(self: object, kind: object, value: object, implicit: Any) -> str:
        # "?" stands for a plain scalar, whose type `_scalar` decides; any other keeps its text.
        return "?" if isinstance(implicit, tuple) and implicit[0] else "!"

    return type("Loader", (base,), {"resolve": resolve})


def _convert(node: Any, text: str, done: dict[int, Node], key: Span | None = None) -> Node:
    known = done.get(id(node))
    if known is not None:
        alias = Node(known.value, known.span, key, quoted=known.quoted, raw=known.raw)
        alias.duplicates = known.duplicates
        alias.size = known.size
        return alias
    start, end = node.start_mark.index, node.end_mark.index
    content = node.value
    if isinstance(content, str):
        quoted = node.tag != "?"
        value: Scalar = content if quoted else _scalar(content)
        if text[start : start + 1] in ("|", ">"):
            end = start + len(text[start:end].rstrip())
        converted = Node(value, Span(start, end), key, quoted=quoted, raw=content)
        done[id(node)] = converted
        return converted
    # Registered before its children: an alias of itself inside it finds it empty.
    converted = Node(None, Span(start, end), key)
    done[id(node)] = converted
    if node.id == "sequence":
        items = [_convert(item, text, done) for item in content]
        converted.fill(items)
        last = items[-1] if items else None
    else:
        members, duplicates = _members(content, text, done)
        converted.fill(members)
        converted.duplicates = tuple(duplicates)
        last = next(reversed(members.values()), None)
    converted.size += sum(child.size for child in converted.elements)
    converted.size += sum(child.size for child in converted.members.values())
    if last is not None and text[start : start + 1] not in ("{", "["):
        bottom = max(last.span.end, last.key.end if last.key else 0)
        converted.span = Span(start, bottom if start < bottom <= end else end)
    return converted


def _members(pairs: Any, text: str, done: dict[int, Node]) -> tuple[dict[str, Node], list[Span]]:
    members: dict[str, Node] = {}
    duplicates: list[Span] = []
    merged: list[dict[str, Node]] = []
    for key, value in pairs:
        if not isinstance(key.value, str):
            continue  # `? [a, b] : c`: no format that we know has such keys.
        place = Span(key.start_mark.index, key.end_mark.index)
        child = _convert(value, text, done, place)
        name: str = key.value
        if name == "<<" and key.tag == "?":
            merged += [child.members, *(item.members for item in child.elements)]
            continue
        if name in members:
            duplicates.append(place)
        members[name] = child
    for mapping in merged:
        members = {**mapping, **members}
    return members, duplicates


def _scalar(raw: str) -> Scalar:
    if raw in _WORDS:
        return _WORDS[raw]
    # Python refuses to read integers of thousands of digits.
    if len(raw) > 300 or not _NUMBER.fullmatch(raw):
        return raw
    return int(raw) if _INTEGER.fullmatch(raw) else float(raw)
