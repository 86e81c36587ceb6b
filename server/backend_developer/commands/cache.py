"""What a review leaves for the next one: one SQLite file in the person's cache folder.

    Cache(folder)         entries by key, each with the state of the world that it is true in
    Memory(cache, …)      what earlier reviews said of the files of this one, where that still holds

An entry's key is the question that it answers (a file's path, the settings, the focuses), its state
what the answer was made of: the file's bytes, what the file is for, and this program with its
rules, its libraries and its linters. A review depends on what other files say, too. When the facts
of any file have changed, an entry holds if the rules that look at several files come to the same
for this one; where fixes were checked, which takes those rules too, it does not.

Nothing of a file's text is kept but what findings say and facts name. A cache that cannot be read
or written is none: no review may depend on it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from .. import __version__
from ..catalogue import Catalogue, load_catalogue
from ..core.model import Finding, Rule
from ..core.plain import PlainError, from_plain, to_plain
from ..files import Content, SourceFile
from ..linters.process import find_program
from ..review import Said
from ..roles import role_of
from ..settings import Settings

T = TypeVar("T")

FILE = "reviews.sqlite"
MAXIMUM_BYTES = 200_000_000
MAXIMUM_AGE = 30 * 24 * 3600
"""Seconds since an entry was last of use."""
_DAY = 24 * 3600


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where the cache is by default: below XDG_CACHE_HOME, else the system's place for caches."""
    if Path(chosen := environment.get("XDG_CACHE_HOME", "")).is_absolute():
        return Path(chosen) / "backend-developer"
    from platformdirs import user_cache_path

    return user_cache_path("backend-developer", appauthor=False)


# --- The file


@dataclass(frozen=True, slots=True)
class Entry:
    key: bytes
    state: bytes
    body: str


class Cache:
    """A file of entries, which several processes may read and write at once. Never raises."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.problem = ""
        """Why it cannot be used, a sentence; from then on it is empty and keeps nothing."""

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        """The entries of these keys, as far as there are any."""

        def select(connection: sqlite3.Connection) -> dict[bytes, Entry]:
            found: dict[bytes, Entry] = {}
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = connection.execute(
                    f"SELECT key, state, body FROM entries WHERE key IN ({marks})", some
                )
                found |= {key: Entry(key, state, body) for key, state, body in rows}
            return found

        return self._with_connection(select, {})

    def write(self, entries: Sequence[Entry], used: Iterable[bytes] = ()) -> None:
        """Keeps entries, each in place of the one of its key, and notes which were of use."""
        now = int(time.time())

        def insert(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany(
                    "UPDATE entries SET used = ? WHERE key = ? AND used < ?",
                    [(now, key, now - _DAY) for key in used],
                )
                connection.executemany(
                    "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)",
                    [(entry.key, entry.state, entry.body, now) for entry in entries],
                )
                connection.execute("DELETE FROM entries WHERE used < ?", (now - MAXIMUM_AGE,))
            if self._path.stat().st_size > MAXIMUM_BYTES:
                _halve(connection)

        self._with_connection(insert, None)

    def _with_connection(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if self.problem:
            return otherwise
        try:
            # Findings tell of weaknesses: they are for nobody else's eyes.
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=5)) as connection:
                # SQLite waits for nobody here; whoever is in the way is doing the same.
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS entries"
                    " (key BLOB PRIMARY KEY, state BLOB, body TEXT, used INTEGER)"
                )
                return work(connection)
        except (OSError, sqlite3.Error) as error:
            self.problem = (
                f"the cache {self._path} was not used ({str(error).lower()}): delete it, "
                "or say --no-cache"
            )
            return otherwise


_AT_ONCE = 500
"""SQLite limits how many values a statement may have."""


def _halve(connection: sqlite3.Connection) -> None:
    """Leaves the half of the entries that was of use last."""
    with connection:
        connection.execute(
            "DELETE FROM entries WHERE key IN (SELECT key FROM entries ORDER BY used"
            " LIMIT (SELECT COUNT(*) / 2 FROM entries))"
        )
    connection.execute("VACUUM")


# --- What is in it


def kept_catalogue(cache: Cache, program: bytes) -> Catalogue:
    """As `load_catalogue`, without the time that YAML takes. Raises CatalogueError."""
    key = _digest("catalogue")
    entry = cache.read([key]).get(key)
    if entry and entry.state == program:
        with contextlib.suppress(*_UNREADABLE):
            rules = from_plain(json.loads(entry.body), tuple[Rule, ...])
            return Catalogue(MappingProxyType({rule.id: rule for rule in rules}))
    catalogue = load_catalogue()
    plain = to_plain(tuple(catalogue.rules.values()), tuple[Rule, ...])
    cache.write([Entry(key, program, json.dumps(plain))])
    return catalogue


_UNREADABLE = (PlainError, ValueError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What came of a file's review by the local engine."""

    said: Said
    syntax_error_line: int
    """From 1; 0: there is none."""
    across_files: str
    """Stands for what the rules that look at several files found in it."""
    facts: str = ""
    """Stands for all that the files said."""

    @property
    def needs_same_facts(self) -> bool:
        return any(finding.fix for finding in self.said.findings)


class Memory:
    """What earlier reviews left of these files; what this one finds is for the next."""

    def __init__(
        self,
        cache: Cache,
        program: bytes,
        contents: Mapping[SourceFile, Content],
        settings: Settings,
        focuses: Sequence[str],
        root: Path,
    ) -> None:
        self._cache = cache
        self._contents = contents
        states = {
            file: _digest(program, file.language, role_of(content.document) or "", content.data)
            for file, content in contents.items()
        }
        # What only says how much is shown, or who else is asked, does not change what is found.
        plain = Settings()
        asked = replace(
            settings,
            engine=plain.engine,
            fail_on=plain.fail_on,
            minimum_confidence=plain.minimum_confidence,
        )
        question = _digest(repr(asked), repr(tuple(focuses)), str(root)).hex()
        self._keys = {
            kind: {file: _digest(kind, str(file.absolute), about) for file in contents}
            for kind, about in (("facts", ""), ("review", question))
        }
        self._states = states
        keys = [key for of_kind in self._keys.values() for key in of_kind.values()]
        self._entries = cache.read(keys)
        self._new: list[Entry] = []
        self._used: list[bytes] = []

    def facts(self) -> dict[SourceFile, str]:
        """What is known of what files say: JSON, "" of a file that says nothing."""
        return dict(self._known("facts"))

    def keep_facts(self, facts: Mapping[SourceFile, str]) -> None:
        for file, body in facts.items():
            self._keep("facts", file, body)

    def reviews(
        self, facts: str, across_files: Callable[[SourceFile], str]
    ) -> dict[SourceFile, Remembered]:
        """The reviews that still hold, where `facts` stands for all that the files say now.

        `across_files` stands for what the rules that look at several files find in a file now.
        """
        found: dict[SourceFile, Remembered] = {}
        for file, body in self._known("review"):
            try:
                one = from_plain(json.loads(body), Remembered)
            except _UNREADABLE:
                continue
            text = self._contents[file].document.text
            if one.facts != facts:
                if one.needs_same_facts or one.across_files != across_files(file):
                    continue
                self.keep_review(file, replace(one, facts=facts))
            found[file] = replace(one, said=_with_code(one.said, text))
        return found

    def keep_review(self, file: SourceFile, one: Remembered) -> None:
        without = replace(one, said=_without_code(one.said))
        self._keep("review", file, json.dumps(to_plain(without, Remembered)))

    def save(self) -> None:
        """Writes what is new."""
        if self._new or self._used:
            self._cache.write(self._new, self._used)

    def _known(self, kind: str) -> Iterator[tuple[SourceFile, str]]:
        for file, key in self._keys[kind].items():
            entry = self._entries.get(key)
            if entry and entry.state == self._states[file] and isinstance(entry.body, str):
                self._used.append(key)
                yield file, entry.body

    def _keep(self, kind: str, file: SourceFile, body: str) -> None:
        self._new.append(Entry(self._keys[kind][file], self._states[file], body))


def _without_code(said: Said) -> Said:
    return replace(said, findings=tuple(replace(one, code="") for one in said.findings))


def _with_code(said: Said, text: str) -> Said:
    return replace(said, findings=tuple(_quoting(one, text) for one in said.findings))


def _quoting(finding: Finding, text: str) -> Finding:
    return replace(finding, code=text[finding.span.start : finding.span.end])


# --- What it is true of


def program_fingerprint() -> bytes:
    """Stands for all of ours that decides what is found: code, rules, libraries and linters."""
    package = Path(__file__).parents[1]
    ours = sorted(file for file in package.rglob("*") if file.suffix in (".py", ".yml"))
    parts: list[str | bytes] = [__version__, sys.version, platform.platform()]
    parts += [part for file in ours for part in (str(file), file.read_bytes())]
    # To ask each for its version would take longer than many a review.
    parts += [part for file in _others() for part in (str(file), _size_and_time(file))]
    return _digest(*parts)


def _others() -> Iterator[Path]:
    for name in ("ruff", "oxlint", "hadolint", "squawk", "zizmor"):
        if program := find_program(name, anywhere=True):
            yield Path(program)
    for name in ("ast_grep_py", "yaml"):
        library = find_spec(name)
        if library and library.origin:
            yield from sorted(Path(library.origin).parent.iterdir())


def _size_and_time(file: Path) -> str:
    stat = file.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def stands_for(*parts: str) -> str:
    """A short text that is another one for other parts."""
    return _digest(*parts).hex()


def _digest(*parts: str | bytes) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        made.update(len(data).to_bytes(8, "little"))
        made.update(data)
    return made.digest()
