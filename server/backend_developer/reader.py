"""Reads a workspace for an agent: what may be read, as it is in the editor, numbered.

Every path comes from a model or from code, so none is trusted: it must lie in the workspace with
its links followed, be a regular file of a sensible size, and not be denied.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from .core.text import Lines
from .definitions import Definition, definitions_in
from .engines.base import ReadError
from .files import language_of, walk
from .sendable import Denials

MOST_BYTES = 1_000_000
"""Of a file."""
MOST_HITS = 80
"""Lines that a search shows."""
SEARCH_SECONDS = 5.0
LONGEST_LINE = 400
"""Characters of a line that are shown."""
MOST_DEFINITION_LINES = 80


@dataclass(frozen=True)
class WorkspaceReader:
    """Implements Reader. Frozen: `buffers` are the unsaved texts of the moment it was made at."""

    root: Path
    denials: Denials
    buffers: Mapping[str, str] = field(default_factory=dict)
    """Absolute path -> text, of what is open in the editor."""

    # --- For the model

    def read_file(self, path: str, first_line: int, last_line: int) -> str:
        lines = Lines(self.text_of(path))
        if last_line < first_line:
            raise ReadError(f"Line {last_line} comes before line {first_line}.")
        if first_line > lines.count:
            raise ReadError(f"{path} has {lines.count} lines only.")
        last = min(last_line, lines.count)
        shown = numbered([lines.line(number) for number in range(first_line - 1, last)], first_line)
        rest = lines.count - last
        return f"{shown}\n… ({rest} more lines)" if rest else shown

    def search(self, text: str, path_pattern: str) -> str:
        if not text.strip():
            raise ReadError("Say which text to search for.")
        hits: list[str] = []
        for path, content in self._texts(path_pattern):
            if text not in content:
                continue
            for number, line in enumerate(content.splitlines(), 1):
                if text in line:
                    hits.append(f"{path}:{number}: {line.strip()[:LONGEST_LINE]}")
                    if len(hits) == MOST_HITS:
                        return "\n".join([*hits, "… (there are more: search for something longer)"])
        return "\n".join(hits) or "Nothing in the workspace contains that text."

    def outline(self, path: str) -> str:
        text = self.text_of(path)
        lines = Lines(text)
        found = definitions_in(text, language_of(Path(path)) or "")
        rows = [
            f"{lines.line_of(one.span.start) + 1:>4} | {'  ' * one.depth}{one.head[:LONGEST_LINE]}"
            for one in found
            if one.depth < 2
        ]
        if not rows:
            raise ReadError(f"No outline can be made of {path}: read it instead.")
        return "\n".join(rows)

    def find_definition(self, name: str) -> str:
        last = re.split(r"[.:#]", name.strip())[-1]
        if not last:
            raise ReadError("Say which name to look for.")
        found = []
        for path, content in self._texts(""):
            if last not in content:
                continue
            found += [
                f"{path}:\n{shown_definition(content, one)}"
                for one in definitions_in(content, language_of(Path(path)) or "")
                if one.name == last and one.depth < 2
            ]
        return "\n\n".join(found[:5]) or f"{last} is not defined in this workspace."

    # --- For us

    def text_of(self, path: str) -> str:
        """The text of a file, its path relative to the workspace. Raises ReadError."""
        relative = path.replace("\\", "/").removeprefix("./")
        absolute = os.path.normpath(os.path.join(self.root, relative))
        if not relative or not _is_name(relative) or not _lies_in(absolute, self.root):
            raise ReadError(f"{path!r} is not in the workspace.")
        if why := self.denials.why(absolute):
            raise ReadError(f"{path} is not shown: {why}.")
        if absolute in self.buffers:
            return self.buffers[absolute]
        if not _lies_in(os.path.realpath(absolute), Path(os.path.realpath(self.root))):
            raise ReadError(f"{path} is a link that leads out of the workspace.")
        try:
            return _read(absolute)
        except (OSError, ValueError):
            raise ReadError(f"{path} cannot be read: there is no such text file.") from None

    def find_files(self, stems: Sequence[str]) -> list[str]:
        """The relative paths of the source files whose path without its ending ends so.

        `app/models` finds `src/app/models.py` and `app/models/__init__.py`.
        """
        return [path for path in self.paths() if is_module(path, stems)]

    def files_with(
        self, paths: Iterable[str], words: Sequence[str], end: float
    ) -> Iterator[tuple[str, str]]:
        """(Path, text) of those of `paths`, as the method of this name has them, that hold one of
        the words, until `end`.

        `end` is a time of `time.monotonic`. A file that may not be read is left out.
        """
        wanted = [word.encode("utf-8", "surrogatepass") for word in words]
        for path in paths:
            if time.monotonic() > end:
                return
            absolute = os.path.join(self.root, path)
            text = self.buffers.get(absolute)
            if text is None:
                try:
                    data = _read_bytes(absolute)
                except (OSError, ValueError):
                    continue
                if not any(word in data for word in wanted):
                    continue
                text = _decoded(data)
            if any(word in text for word in words) and not self.denials.why(
                absolute, is_walked=True
            ):
                yield path, text

    def paths(self) -> Iterator[str]:
        """The relative paths of the source files that are not ignored, in the order of names."""
        for file in walk(self.root):
            yield file.absolute.relative_to(self.root).as_posix()

    def _texts(self, path_pattern: str) -> Iterator[tuple[str, str]]:
        """(relative path, text) of the files that may be read, for as long as a search may take."""
        end = time.monotonic() + SEARCH_SECONDS
        for path in self.paths():
            if time.monotonic() > end:
                return
            if path_pattern and not _matches(path, path_pattern):
                continue
            try:
                yield path, self.text_of(path)
            except ReadError:
                continue


def numbered(lines: Sequence[str], first: int) -> str:
    """Lines as they are shown to a model."""
    return "\n".join(
        f"{number:>4} | {line[:LONGEST_LINE]}" for number, line in enumerate(lines, first)
    )


def shown_definition(text: str, definition: Definition) -> str:
    """A definition's lines, numbered; a long one is cut."""
    lines = Lines(text)
    first, last = lines.first_and_last(definition.span)
    end = min(last, first + MOST_DEFINITION_LINES - 1)
    shown = numbered([lines.line(number) for number in range(first, end + 1)], first + 1)
    return shown if end == last else f"{shown}\n… ({last - end} more lines)"


def is_module(path: str, stems: Sequence[str]) -> bool:
    """Whether a file's path, without its ending, ends in one of these: see `find_files`."""
    stem = f"/{path.rpartition('.')[0]}".removesuffix("/__init__").removesuffix("/index")
    return any(stem.endswith(f"/{one}") for one in stems)


def _matches(path: str, pattern: str) -> bool:
    """As a shell's pattern, where `**/` may also be nothing."""
    pattern = pattern.removeprefix("./")
    return fnmatchcase(path, pattern) or fnmatchcase(path, pattern.replace("**/", ""))


def _is_name(path: str) -> bool:
    """Whether a file may be called so: JSON can carry what no file system takes."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _lies_in(path: str, root: Path) -> bool:
    return Path(path).is_relative_to(root)


def _read(path: str) -> str:
    """Raises OSError or ValueError for what is no text of a sensible size."""
    return _decoded(_read_bytes(path))


def _read_bytes(path: str) -> bytes:
    """Raises as `_read`."""
    # Not opened before it is known to be a file: a pipe would wait for ever.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError
    with open(path, "rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES or b"\0" in data:
        raise ValueError
    return data


def _decoded(data: bytes) -> str:
    return data.decode("utf-8-sig", errors="replace")
