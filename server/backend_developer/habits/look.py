"""What is looked at: the names of many files, and the texts of those that promise most."""

from __future__ import annotations

import os.path
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from ..core.model import Document
from ..files import walk
from ..manifests import Manifest, manifests_in
from ..project.index import Project
from ..reader import WorkspaceReader
from .words import joined, plain_value, relative_to, text_in, upwards

MOST_PATHS = 5_000
"""Files of the workspace whose names are looked at."""
MOST_READ = 220
"""Files of code that are read, those first whose names promise most."""
MOST_TEXT = 1_500_000
"""Characters of all of those."""
_LONGEST_READ = 60_000
"""Characters of a file of code; what is sought stands in short files, or near the start."""
Fact: TypeAlias = tuple[str, str]
"""(What it is about, Markdown that says it and where it was seen.)"""
Style: TypeAlias = tuple[str, str, str]
"""How a text is indented, quoted and ended, each in words, or "" where it does not show."""


@dataclass(frozen=True, slots=True)
class Look:
    """What every fact is made of."""

    base: str
    """The innermost folder above the document that has a manifest, or "", the workspace."""
    paths: tuple[str, ...]
    """Of the files in there in languages that we know, folder by folder in the order of names."""
    texts: Mapping[str, str]
    """Of those that were read, by path."""
    styles: Mapping[str, Style]
    """How those are written, by path."""
    manifests: tuple[Manifest, ...]
    """The nearest first."""
    reader: WorkspaceReader
    project: Project

    def text(self, path: str) -> str:
        """The text of any file of the workspace, or ""."""
        return self.texts.get(path) or text_in(self.reader, path)

    def nearest(self, *names: str) -> Iterator[tuple[str, str]]:
        """(Path, text) of each file of these names, from the base folder upwards."""
        for folder in upwards(self.base):
            for name in names:
                if text := self.text(joined(folder, name)):
                    yield joined(folder, name), text

    def exists(self, path: str) -> bool:
        """Whether there is such a file, and it may be sent."""
        absolute = os.path.join(self.reader.root, path)
        return os.path.isfile(absolute) and not self.reader.denials.why(absolute)

    def version(self, name: str) -> tuple[str, str] | None:
        """(Version, manifest's path) of a package that the project depends on."""
        for manifest in self.manifests:
            for one in manifest.declared:
                if one.name == name:
                    return plain_value(one.constraint), one.path
        return None

    def found(
        self, pattern: re.Pattern[str], ends: tuple[str, ...], *mentions: str
    ) -> Iterator[tuple[str, re.Match[str]]]:
        """(Path, match) in the files that were read whose names end so.

        `mentions`, one of which each match has in it, make it fast.
        """
        for path, text in self.texts.items():
            if path.endswith(ends) and any(word in text for word in mentions):
                for match in pattern.finditer(text):
                    yield path, match


PYTHON = (".py",)
SCRIPTS = (".js", ".ts", ".mjs", ".cjs", ".mts", ".cts")
CODE = (*PYTHON, *SCRIPTS)
_MANIFESTS = ("pyproject.toml", "package.json", "requirements.txt", "Pipfile", "setup.cfg")
_PROMISING = re.compile(
    r"(?:^|/)(?:conftest|settings|config\w*|env|errors?|exceptions?|deps|dependenc\w+|database|db|"
    r"session|prisma\w*|logg\w+|main|app|server|index|security|auth\w*|middlewares?|setup|helpers?|"
    r"data-source|base|__init__|test_utils)\.\w+$"
    r"|(?:middlewares?|exceptions?|errors?|guards?|filters?|settings|config)/[^/]+$"
    r"|\.(?:guard|filter|exception|module|interceptor)\.[jt]s$",
    re.IGNORECASE,
)
"""Files whose names say that what is sought here stands in them."""


def look_at(document: Document, reader: WorkspaceReader, project: Project) -> Look:
    """Reads what the facts are made of, as far as the document's package or workspace goes."""
    base = _base(document, reader)
    files = islice(walk(reader.root / base), MOST_PATHS)
    paths = tuple(file.absolute.relative_to(reader.root).as_posix() for file in files)
    # Tests have errors and settings of their own.
    code = [
        path
        for path in paths
        if path.endswith(CODE) and not (NUMBERED.search(path) or is_test(path))
    ]
    # What promises most, then what is nearest to the top.
    code.sort(key=lambda path: (_PROMISING.search(path) is None, path.count("/"), path))
    texts: dict[str, str] = {}
    room = MOST_TEXT
    for path in code[:MOST_READ]:
        if room > 0 and (text := text_in(reader, path)[:_LONGEST_READ]):
            texts[path] = text
            room -= len(text)
    manifests = [
        manifest
        for folder in upwards(base)
        for place in (folder, joined(folder, "requirements"))
        for manifest in manifests_in(reader, place)
    ]
    styles = {path: style_of(text) for path, text in texts.items()}
    ordered = dict(sorted(texts.items()))
    return Look(base, paths, ordered, styles, tuple(manifests), reader, project)


def _base(document: Document, reader: WorkspaceReader) -> str:
    for folder in upwards(relative_to(document.path, reader.root).rpartition("/")[0]):
        for name in _MANIFESTS:
            if folder and os.path.isfile(os.path.join(reader.root, folder, name)):
                return folder
    return ""


NUMBERED = re.compile(
    r"(?:^|/)(?P<folder>migrations?|migrate|versions|changesets|drizzle)/(?:[^/]+/)?"
    r"[Vv]?(?P<number>\d+(?:[._-]\d+)*)(?:__|[_.-])[^/]*(?:/migration)?\.(?:py|js|ts|sql)$"
)
"""A migration that has a number, or the time that it was made at, in front of its name."""
TEST_FILE = re.compile(
    r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests)\.py$|[.-](?:test|spec|e2e-spec)\.[cm]?[jt]sx?$"
)
_BESIDE_TESTS = re.compile(r"(?:^|/)(?:tests?|__tests__|spec|e2e)/|(?:^|/)conftest\.py$")


def is_test(path: str) -> bool:
    """Whether a file is of the tests, also as what they share."""
    return bool(TEST_FILE.search(path) or _BESIDE_TESTS.search(path))


def written(look: Look, ends: tuple[str, ...]) -> str:
    """How most files of a language are written."""
    styles = [style for path, style in look.styles.items() if path.endswith(ends)]
    chosen = []
    for kind in range(3):
        known = Counter(style[kind] for style in styles if style[kind])
        chosen += [max(known, key=lambda one: (known[one], one))] if known else []
    return ", ".join(chosen)


def style_of(text: str) -> Style:
    text = text[:20_000]
    widths = Counter(
        "tabs" if one.startswith("\t") else str(min(len(one), 8))
        for one in re.findall(r"^(\t+|  +)(?=[^\s*#/])", text, re.MULTILINE)
    )
    numbers = [int(one) for one in widths if one != "tabs"]
    indent = ""
    if widths["tabs"] * 2 > sum(widths.values()):
        indent = "tabs"
    elif numbers:
        # The step is what nearly all widths are made of.
        step = 4 if sum(widths[str(one)] for one in numbers if one % 4) * 5 < widths.total() else 2
        indent = f"{step} spaces"
    double, single = len(re.findall(r'"[^"\'\n]*"', text)), len(re.findall(r"'[^\"'\n]*'", text))
    quotes = "" if double + single < 3 else "double quotes" if double > single else "single quotes"
    line_ends = "CRLF line ends" if text.count("\r\n") * 2 > text.count("\n") else ""
    return indent, quotes, line_ends
