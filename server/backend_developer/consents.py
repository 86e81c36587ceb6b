"""To which endpoints a workspace's code may be sent, because a person agreed to it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .state import State, as_kept


@dataclass(frozen=True, slots=True)
class Consent:
    root: str
    """The workspace's folder; "": files that lie in none."""
    base_url: str
    given_at: float
    """Seconds since 1970."""


def has_consent(state: State, root: str, base_url: str) -> bool:
    """Raises StateError, as all here do."""
    with state.reading() as db:
        found = db.execute(
            "SELECT 1 FROM consents WHERE root = ? AND base_url = ?", (as_kept(root), base_url)
        )
        return found.fetchone() is not None


def give(state: State, root: str, base_url: str) -> None:
    with state.writing() as db:
        db.execute(
            "INSERT OR REPLACE INTO consents VALUES (?, ?, ?)",
            (as_kept(root), base_url, time.time()),
        )


def revoke(state: State, root: str) -> int:
    """Takes back what was agreed to for a workspace; returns for how many endpoints that was."""
    with state.writing() as db:
        return db.execute("DELETE FROM consents WHERE root = ?", (as_kept(root),)).rowcount


def consents(state: State) -> list[Consent]:
    """All of them, by workspace."""
    with state.reading() as db:
        rows = db.execute("SELECT root, base_url, given_at FROM consents ORDER BY root, base_url")
        return [Consent(*row) for row in rows]
