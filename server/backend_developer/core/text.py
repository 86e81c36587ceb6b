"""Lines, positions and changes of a text.

A line ends at "\\n", "\\r\\n" or "\\r" and at nothing else (LSP 3.17, "Text
Documents"). `str.splitlines` also splits at form feed, U+2028 and others, so it
is used nowhere here.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal, TypeAlias

from .model import Span

Encoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]
"""What a position's character counts: bytes, 16-bit units, or code points."""

LINE_END = re.compile(r"\r\n?|\n")


class Lines:
    """The lines of one text, counted from 0. Built once for each version of a document.

    A text has one line more than it has line ends, so an empty text has one.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def after(self, change: Change) -> Lines:
        """The lines of the text after `change`, for which only the changed ones are looked at.

        Raises ValueError when the change lies outside the text.
        """
        changed = Lines(apply_changes(self.text, [change]))
        # The line before may have ended in a "\r" that is half of a line end now, and only the end
        # of the last line is as it was.
        first = max(self.line_of(change.span.start) - 1, 0)
        behind = self.line_of(change.span.end) + 1
        start = self.start(first)
        end = self.start(behind) if behind < self.count else len(self.text)
        within = _line_starts(changed.text[start : end + change.growth])
        if behind < self.count:
            within.pop()  # The start of the line behind, which comes with the others.
        changed._starts = [
            *self._starts[:first],
            *map(start.__add__, within),
            *map(change.growth.__add__, self._starts[behind:]),
        ]
        return changed

    @cached_property
    def _starts(self) -> list[int]:
        return _line_starts(self.text)

    @property
    def count(self) -> int:
        """How many lines there are, at least 1."""
        return len(self._starts)

    def line_of(self, offset: int) -> int:
        """The line that `offset` lies on; an offset outside the text is moved to its nearer end."""
        return max(bisect_right(self._starts, offset) - 1, 0)

    def start(self, line: int) -> int:
        """The offset of the first character of `line`, `0 <= line < count`."""
        return self._starts[line]

    def end(self, line: int) -> int:
        """The offset just after `line`, `0 <= line < count`, without its line end."""
        if line + 1 == len(self._starts):
            return len(self.text)
        following = self._starts[line + 1]
        return following - 2 if self.text.endswith("\r\n", 0, following) else following - 1

    def line(self, line: int) -> str:
        """The text of `line`, `0 <= line < count`, without its line end."""
        return self.text[self._starts[line] : self.end(line)]

    def first_and_last(self, span: Span) -> tuple[int, int]:
        """The first and the last line that a character of `span` lies on."""
        return self.line_of(span.start), self.line_of(max(span.start, span.end - 1))

    def full(self, span: Span) -> Span:
        """`span` widened to whole lines, without the last one's line end."""
        first, last = self.first_and_last(span)
        return Span(self.start(first), self.end(last))

    def position(self, offset: int, encoding: Encoding) -> tuple[int, int]:
        """The line and the character, counted in `encoding`, of `offset`.

        An offset outside the text is moved to its nearer end, one between "\\r" and
        "\\n" to the end of its line: LSP has no position there.
        """
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset) - 1
        start, end = self._starts[line], min(offset, self.end(line))
        if encoding == "utf-32" or self._ascii:
            return line, end - start
        return line, self._width(start, end, encoding)

    def offset(self, line: int, character: int, encoding: Encoding) -> int:
        """The offset of a position, as LSP 3.17 defines Position.

        Past the end of a line is that line's end; past the last line is the end of the
        text; inside a surrogate pair or a UTF-8 sequence is its start; negative is 0.
        """
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[line], self.end(line)
        if character <= 0:
            return start
        if encoding == "utf-32" or self._ascii or self.text[start:end].isascii():
            return min(start + character, end)
        # Halved, as each part of a line of megabytes is then measured once.
        offset, left = start, character
        while offset < (end := min(end, offset + left)):  # A code point is a unit wide or more.
            middle = (offset + end + 1) // 2
            width = self._width(offset, middle, encoding)
            if width <= left:
                offset, left = middle, left - width
            else:
                end = middle - 1
        return offset

    def span(self, start: tuple[int, int], end: tuple[int, int], encoding: Encoding) -> Span:
        """The span between two positions (line, character), which may come in either order."""
        offsets = sorted((self.offset(*start, encoding), self.offset(*end, encoding)))
        return Span(*offsets)

    @cached_property
    def line_ending(self) -> str:
        """The line end that the text uses most: LF, CRLF or CR; LF where it has none."""
        both = self.text.count("\r\n")
        counts = {
            "\n": self.text.count("\n") - both,
            "\r\n": both,
            "\r": self.text.count("\r") - both,
        }
        return max(counts, key=lambda line_end: counts[line_end])

    @cached_property
    def normalised(self) -> tuple[str, ...]:
        """Each line with its whitespace trimmed and every run of it made one space."""
        return tuple(" ".join(line.split()) for line in LINE_END.split(self.text))

    @cached_property
    def _ascii(self) -> bool:
        return self.text.isascii()

    def _width(self, start: int, end: int, encoding: Encoding) -> int:
        if encoding == "utf-32" or self._ascii:
            return end - start
        part = self.text[start:end]
        if part.isascii():
            return end - start
        # A JSON string may hold half a surrogate pair; it counts as the client counts it.
        if encoding == "utf-16":
            return len(part.encode("utf-16-le", "surrogatepass")) // 2
        return len(part.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Change:
    """What lay at `span` became `new_text`; one step in a sequence of them.

    Unlike a TextEdit's, its span is true of the text that the change before it left.
    """

    span: Span
    new_text: str

    @property
    def growth(self) -> int:
        """How much longer the text became, in code points; negative: shorter."""
        return len(self.new_text) - (self.span.end - self.span.start)


def apply_changes(text: str, changes: Sequence[Change]) -> str:
    """The text after all `changes`, each relative to the text after the one before it.

    Raises ValueError when a change lies outside the text it is relative to.
    """
    for change in changes:
        start, end = change.span.start, change.span.end
        if not 0 <= start <= end <= len(text):
            raise ValueError(f"A change of {start}..{end} lies outside a text of {len(text)}.")
        text = text[:start] + change.new_text + text[end:]
    return text


def change_from_range(
    lines: Lines, start: tuple[int, int], end: tuple[int, int], new_text: str, encoding: Encoding
) -> Change:
    """The change that an LSP range and its new text mean in the text of `lines`.

    `start` and `end` are (line, character) from 0, in either order, and may lie
    outside the text, as in `Lines.offset`.
    """
    return Change(lines.span(start, end, encoding), new_text)


def trim(text: str, change: Change) -> Change:
    """The smallest change of `text` with the same result as `change`.

    The common beginning and end are left out. A "\\r\\n" is replaced as a whole or not
    at all. A change that changes nothing becomes an empty one at its start.
    """
    start, end, new = change.span.start, change.span.end, change.new_text
    old = text[start:end]
    if old == new:
        return Change(Span(start, start), "")
    before = _common_prefix(old, new)
    if _splits_line_end(old, before) or _splits_line_end(new, before):
        before -= 1
    after = _common_suffix(old[before:], new[before:])
    if _splits_line_end(old, len(old) - after) or _splits_line_end(new, len(new) - after):
        after -= 1
    return Change(Span(start + before, end - after), new[before : len(new) - after])


def visible(message: str) -> str:
    """`message` with every character escaped that a person would not see as one.

    Control, zero-width and bidirectional characters become \\u202e and the like, so that
    text from a model cannot be shown as something else than it is. Line ends become
    "\\n", other spaces a plain one.
    """
    message = LINE_END.sub("\n", message)
    if message.isprintable():
        return message
    return "".join(map(_visible_character, message))


def size_in_bytes(text: str) -> int:
    """Of the text in UTF-8; a surrogate without its other half counts as one byte."""
    # To know whether a text is ASCII takes no look at it.
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def shortened(text: str, limit: int) -> str:
    """`text`, cut to `limit` characters with "…" as the last one where it is longer."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def quoted(code: str) -> str:
    """Code as it may stand between backticks in a message: one line of at most 60 characters."""
    return shortened(" ".join(code.split()).replace("`", "'"), 60)


def _line_starts(text: str) -> list[int]:
    both = text.count("\r\n")
    if text.count("\r") == both and both in (0, text.count("\n")):
        # Nearly every text has one kind of line end, for which this is several times faster.
        line_end = "\r\n" if both else "\n"
        lengths = map(len, text.split(line_end)[:-1])
        # The methods of integers keep the loop in C.
        return list(accumulate(map(len(line_end).__add__, lengths), initial=0))
    return [0, *(match.end() for match in LINE_END.finditer(text))]


def _visible_character(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode("ascii")


def _splits_line_end(text: str, offset: int) -> bool:
    return 0 < offset < len(text) and text[offset - 1] == "\r" and text[offset] == "\n"


def _common_prefix(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_suffix(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.endswith(other[len(other) - middle : len(other) - low], 0, len(one) - low):
            low = middle
        else:
            high = middle - 1
    return low
