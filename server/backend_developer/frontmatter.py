"""YAML that people write by hand: frontmatter of agents and tasks, settings, dismissals.

Nothing here raises. About one in twenty public agent files has frontmatter that YAML refuses,
mostly for an unquoted `: ` in the description, and the program that the format comes from
accepts them; so such frontmatter is read key by key, with a warning. A settings file that
YAML refuses is not used: there a guess could change what is reported.

YAML aliases are refused where values are built: nobody needs them here, and a few of them can
stand for gigabytes.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from .core.model import Severity
from .core.text import LINE_END
from .problems import Problem, did_you_mean, nearest

if TYPE_CHECKING:
    import yaml

MAXIMUM_FILE_BYTES = 1_048_576
MAXIMUM_YAML_CHARACTERS = 65_536


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """A YAML mapping and where its keys stand."""

    values: Mapping[str, object]
    lines: Mapping[str, int]
    """Line, from 1, of "rules", and of the entries one level down: "rules.security/weak-hash"."""


@dataclass(frozen=True, slots=True)
class MarkdownFile:
    """A Markdown file with frontmatter, taken apart."""

    values: Mapping[str, object]
    lines: Mapping[str, int]
    """Line of each key, from 1."""
    body: str
    """What follows the frontmatter, without blank lines around it; line ends are `\\n`."""


def read_mapping(path: Path) -> tuple[YamlMapping | None, tuple[Problem, ...]]:
    """The YAML file at `path`; None when it cannot be used, and then a problem says why.

    An empty file is an empty mapping.
    """
    text, problem = read_text(path)
    if problem is not None:
        return None, (problem,)
    result = _strict(text, str(path), first_line=1)
    if isinstance(result, Unreadable):
        message = f"This is not valid YAML: {result.reason}. Nothing in this file is used."
        return None, (Problem(str(path), result.line, "", message),)
    return result


def parse(
    text: str, path: str, known_keys: Collection[str]
) -> tuple[MarkdownFile | None, tuple[Problem, ...]]:
    """A Markdown file's text; None when it cannot be used, and then a problem says why.

    `path` is only what the problems name. `known_keys` are the ones to look for when YAML refuses
    the frontmatter: there, in the middle of a description, any line may look like a key.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def refuse(line: int, message: str) -> tuple[None, tuple[Problem, ...]]:
        return None, (Problem(path, line, "", message),)

    if not _FENCE.fullmatch(lines[0]):
        return refuse(1, "There is no frontmatter: the first line must be `---`.")
    end = next((i for i, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), None)
    if end is None:
        return refuse(1, "The frontmatter has no end: put a line `---` after its last key.")
    head, body = "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]).strip()
    if len(head) > MAXIMUM_YAML_CHARACTERS:
        return refuse(1, f"The frontmatter is longer than {MAXIMUM_YAML_CHARACTERS:,} characters.")
    result = _strict(head, path, first_line=2)
    if not isinstance(result, Unreadable):
        mapping, problems = result
        return MarkdownFile(mapping.values, mapping.lines, body), problems
    values, places = _by_key(lines[1:end], known_keys)
    if not values:
        return refuse(result.line or 1, f"The frontmatter is not valid YAML: {result.reason}.")
    key = next((k for k in reversed(places) if places[k] <= (result.line or 1)), "")
    message = f"The frontmatter is not valid YAML ({result.reason}), so it was read key by key. "
    message += f"Put the text of `{key}` in quotes." if key else "Check this line."
    return MarkdownFile(values, places, body), (
        Problem(path, result.line, key, message, "warning"),
    )


_FENCE = re.compile(r"---[ \t]*")
_BLOCK_SCALAR = re.compile(r"[|>][+-]?\d?[+-]?")
_KEY = re.compile(r"(?<![\w-])([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+|$)")


# --- Files


def read_text(path: Path) -> tuple[str, Problem | None]:
    """The text of a small file that a person wrote; "" and what is wrong when it cannot be used."""

    def refuse(message: str) -> tuple[str, Problem]:
        return "", Problem(str(path), None, "", message)

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # Reading a named pipe would wait for ever.
            return refuse("This is not a regular file.")
        if status.st_size > MAXIMUM_FILE_BYTES:
            return refuse(f"This file is larger than {MAXIMUM_FILE_BYTES:,} bytes.")
        data = path.read_bytes()
    except OSError as error:
        return refuse(f"This file cannot be read: {error.strerror or error}.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = "This file is not UTF-8: save it in that encoding."
        return "", Problem(str(path), line, "", message)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return "", Problem(str(path), line, "", "This is no text: it contains a NUL character.")
    return text, None


# --- YAML


@dataclass(frozen=True, slots=True)
class Unreadable:
    reason: str
    """Why YAML refuses it: a clause, without a full stop."""
    line: int | None = None
    """From 1, in the file."""


def yaml_node(text: str, first_line: int = 1) -> yaml.Node | Unreadable | None:
    """The root of `text`, which begins at that line of its file; None when it is empty."""
    # Here: settings and agents are read after the server has answered `initialize`.
    import yaml

    try:
        # The pure Python loader: the C one overflows its stack on deep nesting.
        root: yaml.Node | None = yaml.SafeLoader(text).get_single_node()
        return root
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = (error.problem or error.context or "it cannot be parsed").rstrip(".")
        return Unreadable(reason, _line_at(text, mark, first_line) if mark else None)
    except yaml.reader.ReaderError as error:
        line = first_line + text.count("\n", 0, error.position)
        return Unreadable("it contains a control character", line)
    except RecursionError:
        return Unreadable("it is nested too deeply")


def _strict(
    text: str, path: str, first_line: int
) -> tuple[YamlMapping, tuple[Problem, ...]] | Unreadable:
    """`text`, which begins at line `first_line` of the file, as YAML 1.1 says."""
    import yaml  # Here, for the same reason.

    if len(text) > MAXIMUM_YAML_CHARACTERS:
        return Unreadable(f"it is longer than {MAXIMUM_YAML_CHARACTERS:,} characters")
    root = yaml_node(text, first_line)
    if isinstance(root, Unreadable):
        return root
    if root is None:
        return YamlMapping({}, {}), ()
    if not isinstance(root, yaml.MappingNode):
        return Unreadable(
            "it must be `key: value` lines", _line_at(text, root.start_mark, first_line)
        )
    if (shared := _shared_node(root)) is not None:
        return Unreadable(
            "`*` aliases are not allowed", _line_at(text, shared.start_mark, first_line)
        )
    loader = yaml.SafeLoader("")
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    problems = []
    for key_node, value_node in root.value:
        line = _line_at(text, key_node.start_mark, first_line)
        if not isinstance(key_node, yaml.ScalarNode):
            return Unreadable("a key must be a word", line)
        key = key_node.value
        if key in values:
            message = f"`{key}` is set twice; the last one is used."
            problems.append(Problem(path, line, key, message, "warning"))
        try:
            values[key] = loader.construct_object(value_node, deep=True)
        except Exception:
            # PyYAML's constructors let everything out: 2024-13-45 is a ValueError, `!!bool x` a
            # KeyError, `!!timestamp x` an AttributeError.
            return Unreadable(f"the value of `{key}` cannot be read", line)
        lines[key] = line
        if isinstance(value_node, yaml.MappingNode):
            for entry, _ in value_node.value:
                if isinstance(entry, yaml.ScalarNode):
                    lines[f"{key}.{entry.value}"] = _line_at(text, entry.start_mark, first_line)
    return YamlMapping(values, lines), tuple(problems)


def _line_at(text: str, mark: yaml.Mark, first_line: int) -> int:
    """The line of a place in `text`, whose own first line has that number.

    YAML counts lines that editors do not: after U+2028, U+2029 and U+0085.
    """
    return first_line + len(LINE_END.findall(text, 0, mark.index))


def _shared_node(root: yaml.Node) -> yaml.Node | None:
    """A node that stands in two places, which only an alias can do."""
    seen: set[int] = set()
    waiting: list[yaml.Node] = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            return node
        seen.add(id(node))
        if isinstance(node.value, list):
            for child in node.value:
                waiting.extend(child if isinstance(child, tuple) else (child,))
    return None


def _by_key(
    lines: list[str], known_keys: Collection[str]
) -> tuple[dict[str, object], dict[str, int]]:
    """What can be read of frontmatter that is no YAML: (values, lines), the first line being 2.

    It is cut at its known keys; each piece is read as YAML if it is any, else as text.
    """
    places: dict[str, int] = {}
    for index, line in enumerate(lines):
        # A second `name:` is a line of somebody's description.
        if (match := _KEY.match(line)) and match[1] in known_keys:
            places.setdefault(match[1], index + 2)
    values: dict[str, object] = {}
    starts = [*places.values(), len(lines) + 2]
    for key, (start, end) in zip(places, pairwise(starts), strict=True):
        piece = lines[start - 2 : end - 2]
        result = _strict("\n".join(piece), "", 1)
        if not isinstance(result, Unreadable) and list(result[0].values) == [key]:
            values[key] = result[0].values[key]
        else:
            values[key] = _as_text(piece)
    return values, places


def _as_text(piece: list[str]) -> str:
    """The text after the key in `piece`, without what YAML would have needed around it."""
    first = _KEY.sub("", piece[0], count=1).strip()
    rest = "\n".join(line.removeprefix("  ") for line in piece[1:])
    text = rest if _BLOCK_SCALAR.fullmatch(first) else f"{first}\n{rest}"
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return text


# --- Keys


class Fields:
    """Reads the keys of one file, one by one, and keeps what is wrong with them in `problems`.

    A value of the wrong type is reported and counts as not given.
    """

    def __init__(self, file: MarkdownFile, path: Path) -> None:
        self._file = file
        self._path = str(path)
        self.problems: list[Problem] = []

    def report(self, key: str, message: str, severity: Severity = "warning") -> None:
        line = self._file.lines.get(key)
        self.problems.append(Problem(self._path, line, key, message, severity))

    def report_unknown(self, known_keys: Collection[str]) -> None:
        """Reports each key that is not known: as a slip where it looks like one."""
        for key in self._file.values:
            if key in known_keys:
                continue
            near = nearest(key, known_keys)
            if near:
                self.report(key, f'There is no key `{key}`; did you mean "{near}"?')
            else:
                self.report(key, f"The key `{key}` is not known and does nothing.", "information")

    def text(self, key: str) -> str:
        """Stripped text; "" when not given."""
        value = self._file.values.get(key)
        if value is None or isinstance(value, str):
            return (value or "").strip()
        self.report(key, f"`{key}` must be text; put it in quotes.")
        return ""

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        value = self.text(key)
        if not value or value in choices:
            return value or default
        end = did_you_mean(value, choices)
        self.report(key, f"`{key}` must be one of {', '.join(choices)}, not `{value}`{end}")
        return default

    def count(self, key: str) -> int | None:
        """A whole number of at least 1; None when not given."""
        value = self._file.values.get(key)
        if value is None or (type(value) is int and value >= 1):
            return value
        self.report(key, f"`{key}` must be a whole number of at least 1.")
        return None

    def words(self, key: str) -> tuple[str, ...] | None:
        """The words of a list or of text with commas in between; None when not given.

        A comma in parentheses separates nothing: `Bash(git log, git diff)` is one word.
        """
        value = self._file.values.get(key)
        if isinstance(value, str):
            value = _COMMA.split(value)
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return tuple(word.strip() for word in value if word.strip())
        if value is not None:
            self.report(key, f"`{key}` must be words with commas in between, or a list of them.")
        return None


_COMMA = re.compile(r",(?![^()]{0,1000}\))")
