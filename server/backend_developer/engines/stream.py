"""Reads an answer while it is being written: each item as soon as its last character is there.

An answer is one JSON object whose arrays hold the items: a review's "findings" and "evidence",
a change's "edits", "files" and so on. Prose or a code fence around it is passed over. Nothing here
does I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Literal, NamedTuple, TypeAlias, get_args

ArrayName: TypeAlias = Literal[
    "findings", "evidence", "explanation", "edits", "files", "dependencies", "steps"
]

_ARRAYS: dict[str, ArrayName] = {name: name for name in get_args(ArrayName)}
_FINDINGS: tuple[ArrayName, ...] = ("findings",)
_CLOSERS = {"{": "}", "[": "]"}
_MAXIMUM_DEPTH = 32
"""The schema needs 6. A limit, since json.loads fails on very deep input with RecursionError."""
_STRUCTURE = re.compile(r'["{}\[\],:]')
_IN_STRING = re.compile(r'["\\]')


class Item(NamedTuple):
    """One element of an array; `value` is its raw text where that is no JSON."""

    array: ArrayName
    value: object


class AnswerReader:
    """Feed it the answer's text in pieces cut anywhere; it is linear in the length of the text.

    It counts brackets and skips strings, and leaves the reading of each
    element to `json`: escapes and surrogate pairs that are cut in two are
    joined again before anything looks at them.
    """

    def __init__(self, required: Collection[ArrayName] = _FINDINGS) -> None:
        """An object without one of the `required` arrays is not the answer."""
        self.complete = False
        """The object that holds such an array has been closed."""
        self.broken = False
        """The brackets do not match, so nothing more can be read."""
        self._closers: list[str] = []
        self._may_open = False
        self._in_string = False
        self._escaped = False
        self._pieces: list[str] = []
        self._key = ""
        self._array: ArrayName | None = None
        self._required = required
        self._has_required = False

    def feed(self, chunk: str) -> list[Item]:
        """The items that this piece completes, in order."""
        items: list[Item] = []
        position = 0
        while position < len(chunk) and not (self.complete or self.broken):
            if not self._closers:
                position = self._seek(chunk, position)
            elif self._in_string:
                position = self._string(chunk, position)
            else:
                position = self._structure(chunk, position, items)
        return items

    def _seek(self, chunk: str, position: int) -> int:
        """Passes over prose to the first brace that a quote follows, as in `{"findings": …`."""
        if not self._may_open:
            brace = chunk.find("{", position)
            self._may_open = brace >= 0
            return brace + 1 if brace >= 0 else len(chunk)
        character = chunk[position]
        if character == '"':
            self._may_open = False
            self._closers.append("}")
            return position
        self._may_open = character.isspace() or character == "{"
        return position + 1

    def _string(self, chunk: str, position: int) -> int:
        if self._escaped:
            self._escaped = False
            end = position + 1
        elif match := _IN_STRING.search(chunk, position):
            self._escaped = match[0] == "\\"
            self._in_string = self._escaped
            end = match.end()
        else:
            end = len(chunk)
        self._pieces.append(chunk[position:end])
        return end

    def _structure(self, chunk: str, position: int, items: list[Item]) -> int:
        match = _STRUCTURE.search(chunk, position)
        if match is None:
            self._pieces.append(chunk[position:])
            return len(chunk)
        self._pieces.append(chunk[position : match.start()])
        character = match[0]
        depth = len(self._closers)
        in_array = self._array is not None and depth == 2
        if character in "{[":
            self._open(character)
        elif character in "}]":
            self._close(character, items)
        elif character == "," and in_array:
            self._finish_element(items)
        elif character in ",:" and depth == 1:
            member = self._take()
            self._key = member if character == ":" else ""
        else:
            self._pieces.append(character)
            self._in_string = character == '"'
        return match.end()

    def _open(self, bracket: str) -> None:
        self._closers.append(_CLOSERS[bracket])
        self.broken = len(self._closers) > _MAXIMUM_DEPTH
        if len(self._closers) == 2 and bracket == "[":
            self._array = _ARRAYS.get(self._key.strip('" \t\r\n'))
            self._has_required |= self._array in self._required
            if self._array is not None:
                self._take()
                return
        self._pieces.append(bracket)

    def _close(self, bracket: str, items: list[Item]) -> None:
        if self._closers.pop() != bracket:
            self.broken = True
            return
        depth = len(self._closers)
        if depth == 0:
            # An object without such an array was part of the prose: the answer is still to come.
            self.complete = self._has_required
            self._take()
        elif depth == 1 and self._array is not None:
            self._finish_element(items)
            self._array = None
        else:
            self._pieces.append(bracket)
            if depth == 2 and self._array is not None:
                self._finish_element(items)

    def _finish_element(self, items: list[Item]) -> None:
        element = self._take()
        if self._array is None or not element:
            return
        try:
            # Not strict: some models put line breaks into strings unescaped.
            value: object = json.loads(element, strict=False)
        except ValueError:
            value = element
        items.append(Item(self._array, value))

    def _take(self) -> str:
        text = "".join(self._pieces).strip()
        self._pieces.clear()
        return text
