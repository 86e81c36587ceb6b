"""What calls to models cost, reserved before and settled after each; and what they sent.

    reserve() -> the number of a call that may be made, its most counted as spent
              -> Overrun, the limit that it would go beyond
    settle()     what it really used replaces that

A reservation and the look at the limits are one transaction, so that two editors cannot both
take the last dollar. A process that ended in between leaves its reservation: it becomes a "lost"
call, whose input counts as paid, since it may have been.

The clock may be wrong. A call from a day that has not come yet counts today too, so that a clock
that goes back frees no limit, nor when it is put right; and what is listed by age is listed by
number.
"""

from __future__ import annotations

import json
import os
import platform
import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Literal, TypeAlias

from .core.model import Usage
from .gate import Outcome, OutgoingCall, Overrun
from .prices import cost_of, price_of
from .settings import Settings
from .state import State, StateError, as_kept

GRACE_SECONDS = 60.0
"""How much longer than its time limit a call may be under way before it counts as lost."""
JOURNAL_DAYS = 30
JOURNAL_BYTES = 50_000_000
"""Of compressed bodies; the oldest go first."""
FUTURE_DAYS = 7
"""A call from further ahead was made by a clock that was wrong; one from nearer may be right."""
LEDGER_CALLS = 200_000
"""So many are kept. Not for so many days: a clock that is wrong for once must not lose them."""
CALIBRATION_CALLS = 500
"""The ratio of bytes to tokens is that of so many past calls, of all models."""

Ended: TypeAlias = Literal[Outcome, "lost"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One call, as it is listed."""

    number: int
    at: float
    root: str
    base_url: str
    model: str
    purpose: str
    paths: tuple[str, ...]
    size: int
    """Bytes that were sent."""
    usage: Usage
    """While it is under way: what it uses at most."""
    cost: float | None
    """Dollars; None: the price is not known."""
    outcome: str
    body: str | None = None
    """Exactly what was sent; None: not asked for, or not kept."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of a model from a workspace came to."""

    root: str
    usage: Usage
    cost: float | None
    """Dollars of those calls whose price is known; None: of none."""
    calls: int
    lost: int
    """How many of them were lost, their input counted as paid."""


# --- A call


def reserve(state: State, call: OutgoingCall, granted: Mapping[str, float]) -> int | Overrun:
    """Counts a call at its most, unless a limit stands in its way.

    `granted` is what a person allowed beyond a limit, by the setting's name. Raises StateError.
    """
    cost = _cost(call, call.expected)
    input_cost = _cost(call, replace(call.expected, output_tokens=0))
    raw = call.body.encode("utf-8", "replace")
    kept = zlib.compress(raw) if call.settings.journal else b""
    with state.writing() as db:
        now = time.time()
        today = _tidy(db, now)
        if overrun := _overrun(db, call, cost, today, granted):
            return overrun
        expected = call.expected
        number = db.execute(
            "INSERT INTO calls (at, day, root, base_url, model, purpose, review, paths, bytes, "
            "input, cache_write, cache_read, output, cost, input_cost, outcome, process, deadline, "
            "kept) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'under way', ?, ?, ?)",
            (
                now,
                today,
                as_kept(call.root),
                call.base_url,
                call.model,
                call.purpose,
                call.review,
                json.dumps(call.paths),
                len(raw),
                expected.input_tokens,
                expected.cache_write_tokens,
                expected.cache_read_tokens,
                expected.output_tokens,
                cost,
                input_cost,
                _process(os.getpid()),
                _deadline(now, call.settings),
                len(kept),
            ),
        ).lastrowid
        assert number is not None
        if kept:
            db.execute("INSERT INTO journal VALUES (?, ?)", (number, kept))
            _prune_journal(db, now)
        return number


def renew(db: Connection, number: int, settings: Settings) -> None:
    """A call that is about to be sent is under way, from now on; in a transaction."""
    db.execute(
        "UPDATE calls SET outcome = 'under way', ended_at = NULL, deadline = ? WHERE number = ?",
        (_deadline(time.time(), settings), number),
    )


def _deadline(now: float, settings: Settings) -> float:
    return now + settings.timeout_seconds + GRACE_SECONDS


def settle(
    state: State, number: int, call: OutgoingCall, usage: Usage | None, outcome: Outcome
) -> None:
    """Puts what a call really used in the place of what was reserved. Raises StateError."""
    with state.writing() as db:
        if usage is None and outcome != "refused":
            _count_input_alone(db, number, outcome)
            return
        used = usage or Usage(call.model)
        db.execute(
            "UPDATE calls SET input = ?, cache_write = ?, cache_read = ?, output = ?, cost = ?, "
            "outcome = ?, ended_at = ? WHERE number = ?",
            (
                used.input_tokens,
                used.cache_write_tokens,
                used.cache_read_tokens,
                used.output_tokens,
                _cost(call, used),
                outcome,
                time.time(),
                number,
            ),
        )


def _cost(call: OutgoingCall, usage: Usage) -> float | None:
    price = price_of(call.model, call.settings)
    if price is None:
        return None
    return cost_of(
        usage,
        price,
        # Quotes inside the code that is sent are escaped, so that this is the request's own.
        hour_cache='"ttl":"1h"' in call.body,
        is_batch=call.purpose == "batch",
    )


def _count_input_alone(db: Connection, number: int, outcome: Ended) -> None:
    db.execute(
        "UPDATE calls SET output = 0, cost = input_cost, outcome = ?, ended_at = ? "
        "WHERE number = ?",
        (outcome, time.time(), number),
    )


def _overrun(
    db: Connection,
    call: OutgoingCall,
    cost: float | None,
    today: str,
    granted: Mapping[str, float],
) -> Overrun | None:
    settings = call.settings
    limits: list[tuple[Any, ...]] = [
        (
            "maximumTokensPerDay",
            settings.maximum_tokens_per_day,
            call.expected.tokens,
            "day",
            "tokens",
        )
    ]
    # Without a price there is nothing to hold against a limit in dollars.
    if cost is not None:
        limits += [
            ("maximumCostPerReview", settings.maximum_cost_per_review, cost, "review", "dollars"),
            ("maximumCostPerDay", settings.maximum_cost_per_day, cost, "day", "dollars"),
            (
                "maximumCostPerWorkspace",
                settings.maximum_cost_per_workspace,
                cost,
                "workspace",
                "dollars",
            ),
        ]
    ending = "outcome = 'under way'"
    if call.purpose == "batch":
        # A batch's calls end when all of it are prepared, so none of them waits for another.
        ending += " AND purpose != 'batch'"
    for setting, limit, expected, per, unit in limits:
        if not limit:
            continue
        total = "TOTAL(cost)" if unit == "dollars" else _TOKENS
        where, value = {
            # A call that names no review is one by itself.
            "review": ("review = ? AND review != ''", call.review),
            "day": ("day >= ?", today),
            "workspace": ("root = ? AND day >= ?", as_kept(call.root)),
        }[per]
        values = (value, today) if per == "workspace" else (value,)
        used, under_way = db.execute(
            f"SELECT {total}, (SELECT {total} FROM calls WHERE {where} AND {ending}) "
            f"FROM calls WHERE {where}",
            (*values, *values),
        ).fetchone()
        room = limit + granted.get(setting, 0.0)
        if used + expected > room + 1e-9:
            may_still_fit = under_way > 0 and used - under_way + expected <= room
            return Overrun(limit, used, expected, per, unit, setting, may_still_fit)
    return None


_TOKENS = "TOTAL(input + cache_write + cache_read + output)"


# --- What time does to it


def _tidy(db: Connection, now: float) -> str:
    """Ends what cannot go on, lets the old go; returns today."""
    today = date.today()
    db.execute(
        "UPDATE calls SET day = ? WHERE day > ?",
        (today.isoformat(), (today + timedelta(days=FUTURE_DAYS)).isoformat()),
    )
    for number in _cut_off(db, now):
        _count_input_alone(db, number, "lost")
    for table in ("journal", "calls"):
        db.execute(
            f"DELETE FROM {table} WHERE number <= (SELECT MAX(number) FROM calls) - ?",
            (LEDGER_CALLS,),
        )
    return today.isoformat()


def _cut_off(db: Connection, now: float) -> list[int]:
    """The numbers of the calls that are noted as under way, and are not any more."""
    rows = db.execute("SELECT number, process, deadline FROM calls WHERE outcome = 'under way'")
    return [
        number
        for number, process, deadline in rows.fetchall()
        if deadline < now or not _may_live(process)
    ]


def _tidied(state: State) -> State:
    """The same, to be looked back at: without calls that count as under way and are not.

    Raises StateError where it cannot be read; one that cannot be written stays as it is.
    """
    now = time.time()
    with state.reading() as db:
        cut_off = _cut_off(db, now)
    if cut_off:
        with suppress(StateError), state.writing() as db:
            _tidy(db, now)
    return state


def _prune_journal(db: Connection, now: float) -> None:
    too_old = "SELECT number FROM calls WHERE kept > 0 AND at < ?"
    too_many = (
        "SELECT number FROM (SELECT number, SUM(kept) OVER (ORDER BY number DESC) AS total "
        "FROM calls WHERE kept > 0) WHERE total > ?"
    )
    gone = db.execute(
        f"{too_old} UNION {too_many}", (now - JOURNAL_DAYS * 86_400, JOURNAL_BYTES)
    ).fetchall()
    db.executemany("DELETE FROM journal WHERE number = ?", gone)
    db.executemany("UPDATE calls SET kept = 0 WHERE number = ?", gone)


@cache
def _host() -> str:
    return platform.node()


def _process(pid: int) -> str:
    """What tells a process from all others: also from a later one of the same number."""
    return f"{_host()}:{pid}:{_started(pid)}"


def _started(pid: int) -> str:
    """When the system started it, in whatever unit; "" where that is not to be had, or it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name, which may hold anything, stands in parentheses; start time is the 22nd field.
    state, *others = stat.rpartition(")")[2].split()
    # One that has ended is listed until whoever started it asks how: in many containers, for ever.
    return "" if state in "ZX" else others[18]


def _may_live(process: str) -> bool:
    """False only when it is sure that the process has ended."""
    host, pid, started = process.rsplit(":", 2)
    if host != _host():
        return True
    if started:
        return _started(int(pid)) == started
    if os.name != "posix":
        return True  # There, signal 0 is no question.
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


# --- Looking back


def latest_end(state: State, numbers: Collection[int]) -> float | None:
    """When the last of these calls ended, in seconds since 1970; None: one is under way. Raises
    StateError.
    """
    with _tidied(state).reading() as db:
        rows = db.execute("SELECT number, outcome, ended_at FROM calls").fetchall()
    ours = [(outcome, end) for number, outcome, end in rows if number in numbers]
    if any(outcome == "under way" for outcome, _ in ours):
        return None
    return max((end for _, end in ours if end), default=0.0)


def bytes_per_token(state: State) -> dict[str, float]:
    """How much UTF-8 makes a token, by model, going by past calls. Raises StateError."""
    with state.reading() as db:
        rows = db.execute(
            "SELECT model, TOTAL(bytes) / TOTAL(prompt) FROM (SELECT model, bytes, "
            "input + cache_write + cache_read AS prompt FROM calls WHERE outcome = 'finished' "
            "ORDER BY number DESC LIMIT ?) WHERE prompt > 0 GROUP BY model",
            (CALIBRATION_CALLS,),
        )
        # Nothing that counts tokens is further away than this from what is usual.
        return {model: min(max(ratio, 1.5), 8.0) for model, ratio in rows}


def spent(state: State, since: date) -> list[Spent]:
    """What has been spent since a day, by workspace and model, most first. Raises StateError."""
    with _tidied(state).reading() as db:
        rows = db.execute(
            "SELECT root, model, TOTAL(input), TOTAL(cache_write), TOTAL(cache_read), "
            "TOTAL(output), SUM(cost), COUNT(*), SUM(outcome = 'lost') FROM calls WHERE day >= ? "
            "GROUP BY root, model ORDER BY SUM(cost) DESC, root, model",
            (since.isoformat(),),
        )
        return [
            Spent(root, Usage(model, *map(int, tokens)), cost, calls, lost)
            for root, model, *tokens, cost, calls, lost in rows
        ]


def entries(
    state: State, limit: int | None = None, root: str | None = None, number: int | None = None
) -> list[Entry]:
    """Calls, newest first; with its body where it is `number` that was asked for. StateError."""
    conditions: list[str] = []
    values: list[object] = []
    kept_root = None if root is None else as_kept(root)
    for condition, value in (("root = ?", kept_root), ("number = ?", number)):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    with _tidied(state).reading() as db:
        rows: Sequence[Sequence[Any]] = db.execute(
            "SELECT number, at, root, base_url, model, purpose, paths, bytes, input, cache_write, "
            f"cache_read, output, cost, outcome FROM calls {where} ORDER BY number DESC LIMIT ?",
            (*values, -1 if limit is None else limit),
        ).fetchall()
        kept = db.execute("SELECT body FROM journal WHERE number = ?", (number,)).fetchone()
    return [
        Entry(
            one,
            at,
            where_,
            base_url,
            model,
            purpose,
            tuple(json.loads(paths)),
            size,
            Usage(model, *tokens),
            cost,
            outcome,
            zlib.decompress(kept[0]).decode() if kept else None,
        )
        for one, at, where_, base_url, model, purpose, paths, size, *tokens, cost, outcome in rows
    ]
