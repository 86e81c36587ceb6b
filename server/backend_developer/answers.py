"""What agents have answered, kept on this machine under digests of what was asked.

The oldest go first when there are too many, and all that are older than KEPT_DAYS. What cannot be
read or written is not kept, and no review fails for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from sqlite3 import Connection

from .state import State, StateError

logger = logging.getLogger(__name__)

KEPT_DAYS = 60
MOST_ANSWERS = 50_000
"""About 50 MB."""


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """Implements engines.kept.Answers."""

    state: State

    def load(self, digests: Collection[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        try:
            with self.state.reading() as connection:
                for digest in digests:
                    row = connection.execute(
                        "SELECT text FROM answers WHERE digest = ?", (digest,)
                    ).fetchone()
                    if row:
                        found[digest] = row[0]
        except StateError as error:
            logger.warning("What the agent has answered cannot be read: %s", error)
            return {}
        return found

    def promise(self, name: str, record: str) -> None:
        now = time.time()
        try:
            with self.state.writing() as connection:
                connection.execute("INSERT INTO promises VALUES (?, ?, ?)", (name, record, now))
                connection.execute(
                    "DELETE FROM promises WHERE made_at < ?", (now - KEPT_DAYS * 86_400,)
                )
        except StateError as error:
            logger.warning("What a batch will answer cannot be remembered: %s", error)

    def save(self, texts: Mapping[str, str]) -> None:
        try:
            with self.state.writing() as connection:
                write_answers(connection, texts, time.time())
        except StateError as error:
            logger.warning("What the agent has answered cannot be kept: %s", error)


def write_answers(connection: Connection, texts: Mapping[str, str], now: float) -> None:
    """Keeps texts by digest, as part of a transaction; lets the oldest go."""
    connection.executemany(
        "INSERT OR REPLACE INTO answers (digest, text, kept_at) VALUES (?, ?, ?)",
        [(digest, text, now) for digest, text in texts.items()],
    )
    connection.execute("DELETE FROM answers WHERE kept_at < ?", (now - KEPT_DAYS * 86_400,))
    connection.execute(
        "DELETE FROM answers WHERE digest IN (SELECT digest FROM answers "
        "ORDER BY kept_at DESC LIMIT -1 OFFSET ?)",
        (MOST_ANSWERS,),
    )
