"""What is remembered between runs and shared by all editors of a person: one small SQLite file.

    state.reading() -> a connection that sees one moment
    state.writing() -> a connection in a transaction that no other process can come between

Both are to be used in a thread. A connection lives as long as its `with`: opening one takes less
than a millisecond, and none is ever shared by threads or inherited by a child.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from threading import Lock

FILE_NAME = "state.db"
BUSY_SECONDS = 5.0
"""How long to wait for a transaction of another process; ours take milliseconds."""

MIGRATIONS: Sequence[Sequence[str]] = (
    (
        # Who agreed to what: see `consents.py`.
        """CREATE TABLE consents (
            root TEXT NOT NULL,
            base_url TEXT NOT NULL,
            given_at REAL NOT NULL,
            PRIMARY KEY (root, base_url)
        ) STRICT""",
        # Each call to a model: see `ledger.py`. AUTOINCREMENT: a number never names another call.
        """CREATE TABLE calls (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            day TEXT NOT NULL,
            root TEXT NOT NULL,
            base_url TEXT NOT NULL,
            model TEXT NOT NULL,
            purpose TEXT NOT NULL,
            review TEXT NOT NULL,
            paths TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            input INTEGER NOT NULL,
            cache_write INTEGER NOT NULL,
            cache_read INTEGER NOT NULL,
            output INTEGER NOT NULL,
            cost REAL,
            input_cost REAL,
            outcome TEXT NOT NULL,
            ended_at REAL,
            process TEXT NOT NULL,
            deadline REAL NOT NULL,
            kept INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX calls_by_day ON calls (day)",
        "CREATE INDEX calls_by_review ON calls (review)",
        "CREATE INDEX calls_under_way ON calls (outcome) WHERE outcome = 'under way'",
        "CREATE INDEX calls_kept ON calls (number, at, kept) WHERE kept > 0",
        # What was sent, compressed; `kept` is its size, so that nobody reads it to count bytes.
        """CREATE TABLE journal (
            number INTEGER PRIMARY KEY,
            body BLOB NOT NULL
        ) STRICT""",
        # What was answered about code that has not changed since: see `answers.py`.
        """CREATE TABLE answers (
            digest TEXT PRIMARY KEY,
            text TEXT NOT NULL,
            kept_at REAL NOT NULL
        ) STRICT""",
        "CREATE INDEX answers_by_age ON answers (kept_at)",
        # Batches that were sent, and under what their answers will be kept: see `batches.py`.
        """CREATE TABLE batches (
            id TEXT PRIMARY KEY,
            sent_at REAL NOT NULL,
            root TEXT NOT NULL,
            base_url TEXT NOT NULL,
            model TEXT NOT NULL,
            task TEXT NOT NULL,
            requests TEXT NOT NULL,
            ended_at REAL
        ) STRICT""",
        """CREATE TABLE promises (
            name TEXT PRIMARY KEY,
            record TEXT NOT NULL,
            made_at REAL NOT NULL
        ) STRICT""",
    ),
    (
        # A random number of this person's, which never leaves the file.
        "CREATE TABLE keys (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
        "INSERT INTO keys VALUES ('placeholders', randomblob(32))",
    ),
)
"""What brings the file from each version to the next one; add to the end, never change one."""


class StateError(Exception):
    """The file cannot be used. `str()` is one sentence: what is wrong and what to do."""


def placeholder_key(state: State) -> bytes:
    """What the placeholders of secrets are made with. In a thread. Raises StateError."""
    with state.writing() as db:
        row = db.execute("SELECT value FROM keys WHERE name = 'placeholders'").fetchone()
    return bytes(row[0])


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where the file lies, on every system: below XDG_STATE_HOME, else in the system's place."""
    if Path(chosen := environment.get("XDG_STATE_HOME", "")).is_absolute():
        return Path(chosen) / "backend-developer"
    # Here: not needed before the first call to a model.
    from platformdirs import user_state_path

    return user_state_path("backend-developer", appauthor=False)


def as_kept(path: str) -> str:
    """A path as the file keeps it: a name on disk may hold bytes that are no text for SQLite."""
    return path.encode("utf-8", "backslashreplace").decode()


class State:
    """The file in `folder`, which is made when something is first written."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._is_made = False
        self._writes = Lock()
        """SQLite lets those who wait for a file go ahead in any order, and some of them never."""

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with; where there is no file, to an empty one. Raises StateError."""
        with self._told(), closing(self._open(make=False)) as connection:
            # One transaction, so that all that is read is true of one moment.
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection to read and write with: all of it or nothing happens. Raises StateError."""
        with self._told(), closing(self._opened()) as connection, self._turn():
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Waits for other writers of this process, as long as SQLite does for those of others."""
        if not self._writes.acquire(timeout=BUSY_SECONDS):
            raise StateError(self._sentence(sqlite3.SQLITE_BUSY))
        try:
            yield
        finally:
            self._writes.release()

    def _opened(self) -> sqlite3.Connection:
        """As `_open`; the file is made by one alone, as SQLite lets nobody wait for that."""
        with nullcontext() if self._is_made else self._turn():
            connection = self._open(make=True)
            self._is_made = True
            return connection

    def _open(self, *, make: bool) -> sqlite3.Connection:
        if make:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not self.path.exists():
            connection = sqlite3.connect(":memory:", isolation_level=None)
            self._migrate(connection)
            return connection
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            if make:
                self._keep_private()
            _use_log(connection)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _keep_private(self) -> None:
        """The folder is this person's alone, and the file too: SQLite's own helpers follow it.

        It is never opened for that, or for anything else: with the end of a descriptor of ours all
        locks of this process on it would end, those of SQLite's connections too, and two processes
        write at once (https://www.sqlite.org/howtocorrupt.html, section 2.2).
        """
        for path, mode in ((self.path.parent, 0o700), (self.path, 0o600)):
            if path.stat().st_mode & 0o077:
                path.chmod(mode)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        def version() -> int:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

        if version() == len(MIGRATIONS):
            return
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have done it while this one waited.
        known = version()
        if known > len(MIGRATIONS):
            raise StateError(
                f"{self.path} was written by a newer version of backend-developer: "
                "install that version here too."
            )
        for statements in MIGRATIONS[known:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the file as sentences."""
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(self._sentence(getattr(error, "sqlite_errorcode", 0))) from error
        except OSError as error:
            raise StateError(
                f"{self.path} cannot be used ({(error.strerror or str(error)).lower()}): "
                "check its folder's permissions and space, or set XDG_STATE_HOME."
            ) from error

    def _sentence(self, code: int) -> str:
        # Extended codes have the general one in their lowest byte.
        match code & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return f"{self.path} is in use by another program: try again in a moment."
            case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR:
                return f"{self.path} is damaged: move it away, and what it knew begins anew."
        return (
            f"{self.path} cannot be written: check its folder's permissions and space, "
            "or set XDG_STATE_HOME."
        )


def _use_log(connection: sqlite3.Connection) -> None:
    """Has the file written ahead to a log; waits, as SQLite itself does not for this."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Another process is making the file at this moment.
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > end:
                raise
            time.sleep(0.01)
