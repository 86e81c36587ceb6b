"""`PATH[:LINES]`, as a person types it: the file, and the lines that a task is about."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..core.model import Span
from ..core.text import Lines
from ..files import Content, SourceFile, UnreadableError, find_one, read
from ..reports import plural
from ..reports.text import visible
from . import UsageError


@dataclass(frozen=True, slots=True)
class Selected:
    file: SourceFile
    content: Content
    span: Span
    has_lines: bool
    """Some were named; else the whole file is selected."""

    @property
    def line_count(self) -> int:
        return line_count(self.content.document.text)


def read_selected(argument: str, maximum_bytes: int) -> Selected:
    """The file and the lines that an argument names, from 1, both ends included.

    Raises UsageError when there is no such file, when it cannot be read, and when it has no such
    lines.
    """
    path, lines = split_lines(argument)
    try:
        file = find_one(path)
        content = read(file, maximum_bytes)
    except UnreadableError as error:
        raise UsageError(f"{visible(path) or 'an empty path'}: {error}") from None
    return Selected(
        file, content, _span(content.document.text, file.path, lines), lines is not None
    )


def split_lines(argument: str, *, has_drives: bool = os.name == "nt") -> tuple[str, str | None]:
    """`app.py:12-40` as a path and lines, None for none.

    A file that is called so is that file, and the colon behind a drive's letter is part of a path.
    """
    if os.path.lexists(argument):
        return argument, None
    for colon in re.finditer(":", argument):
        path, lines = argument[: colon.start()], argument[colon.end() :]
        if Path(path).is_file() and not (has_drives and _is_drive(path)):
            return path, lines
    typed = _LINES_AT_END.search(argument)
    if typed and not (has_drives and _is_drive(argument[: typed.start()])):
        return argument[: typed.start()], typed[1]
    return argument, None


def line_count(text: str) -> int:
    """As people count: an empty file has none, and what ends the last line begins no other."""
    return Lines(text).count - (not text or text.endswith(("\n", "\r")))


_LINES = re.compile(r"([0-9]{1,9})(?:[-:]([0-9]{1,9}))?")
_LINES_AT_END = re.compile(r":([0-9]+(?:[-:][0-9]+)?)$")


def _is_drive(path: str) -> bool:
    return len(path) == 1 and path.isalpha()


def _span(text: str, path: str, typed: str | None) -> Span:
    if typed is None:
        return Span(0, len(text))
    count = line_count(text)
    numbers = _LINES.fullmatch(typed)
    first = int(numbers[1]) if numbers else 0
    last = int(numbers[2] or numbers[1]) if numbers else 0
    if 1 <= last < first <= count:
        raise UsageError(
            f"{visible(path)}:{visible(typed)}: the lines end before they begin: "
            f"name {visible(path)}:{last}-{first}"
        )
    if not 1 <= first <= last <= count:
        such = f"name some of them, such as {visible(path)}:1-{count}" if count else "name none"
        raise UsageError(
            f"{visible(path)}:{visible(typed)}: the file has {plural(count, 'line')}: {such}"
        )
    lines = Lines(text)
    return Span(lines.start(first - 1), lines.start(last) if last < lines.count else len(text))
