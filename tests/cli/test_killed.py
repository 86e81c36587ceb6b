"""A process that is killed while an answer comes, and a clock that is wrong: nothing is broken."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest

from backend_developer import ledger
from backend_developer.core.model import Usage
from backend_developer.settings import Settings
from backend_developer.state import State, state_folder
from engine.support import outgoing
from loopback_model import LoopbackModel, Reply, answer, finding

from .conftest import Run, Write
from .test_review_agent import CODE, model

__all__ = ["model"]

FOUND = answer(finding(quote='session.load(customer, "orders")', severity="warning"))


def state() -> State:
    return State(state_folder(os.environ))


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(FOUND, fault="silent"), id="before the answer"),
        pytest.param(Reply(FOUND, fault="stall", after=20), id="in its middle"),
    ],
)
def test_the_next_run_counts_what_was_cut_off(
    run: Run, write: Write, model: LoopbackModel, reply: Reply
) -> None:
    write({"a.py": CODE})
    model.script(reply)
    process = subprocess.Popen(
        [sys.executable, "-m", "backend_developer", "review", "a.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        while not model.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(model.requests) == 1
    finally:
        process.kill()
    process.communicate(timeout=30)
    assert "cut off, its input counted as paid" in run("log").out
    assert run("review", "a.py", "--fail-on", "never").code == 0
    *_, lost = ledger.entries(state())
    assert lost.outcome == "lost"
    assert (lost.usage.input_tokens > 0, lost.usage.output_tokens) == (True, 0)
    said = run("usage").out
    assert "1 of them cut off, the input counted as paid" in said
    # The answer of the second run is kept, so that a third one pays nothing.
    count = len(model.requests)
    assert run("review", "a.py", "--fail-on", "never").code == 0
    assert len(model.requests) == count


# --- The clock


class Clock:
    """What the ledger takes for now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.set(datetime(2026, 3, 10, 12))

    def set(self, now: datetime) -> None:
        class Day(date):
            @classmethod
            def today(cls) -> date:  # type: ignore[override]
                return now.date()

        self._monkeypatch.setattr(ledger, "date", Day)
        self._monkeypatch.setattr(ledger.time, "time", now.timestamp)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


SETTINGS = Settings(maximum_cost_per_day=0.5, maximum_cost_per_review=0)
CALL = outgoing(settings=SETTINGS)
"""Takes $0.30 at most."""
USED = Usage(CALL.model, 100_000, output_tokens=10_000)


def spend_once() -> int | ledger.Overrun:
    number = ledger.reserve(state(), CALL, {})
    if isinstance(number, int):
        ledger.settle(state(), number, CALL, USED, "finished")
    return number


@pytest.mark.parametrize(
    "hours",
    [pytest.param(-26, id="back by a day"), pytest.param(-24 * 365, id="back by a year")],
)
def test_a_clock_that_goes_back_frees_no_limit(clock: Clock, hours: int) -> None:
    assert isinstance(spend_once(), int)
    assert not isinstance(spend_once(), int)
    clock.set(datetime(2026, 3, 10, 12) + timedelta(hours=hours))
    assert not isinstance(spend_once(), int)


def test_a_clock_that_was_back_for_an_hour_frees_no_limit_either(clock: Clock) -> None:
    assert isinstance(spend_once(), int)
    clock.set(datetime(2026, 3, 9, 23))
    assert not isinstance(spend_once(), int)
    clock.set(datetime(2026, 3, 10, 13))
    assert not isinstance(spend_once(), int)
    clock.set(datetime(2026, 3, 11, 1))
    assert isinstance(spend_once(), int)


def test_a_clock_that_was_ahead_loses_no_entry(clock: Clock) -> None:
    clock.set(datetime(2036, 1, 1))
    first = spend_once()
    clock.set(datetime(2026, 3, 10, 12))
    assert not isinstance(spend_once(), int)
    assert [entry.number for entry in ledger.entries(state())] == [first]


def test_a_clock_that_jumps_loses_only_what_is_under_way(clock: Clock) -> None:
    number = ledger.reserve(state(), CALL, {})
    assert isinstance(number, int)
    clock.set(datetime(2026, 3, 12))
    assert isinstance(spend_once(), int)
    # It ends after all: what it really used takes the place of what was assumed.
    ledger.settle(state(), number, CALL, USED, "finished")
    entries = {entry.number: entry for entry in ledger.entries(state())}
    assert entries[number].outcome == "finished"
    assert entries[number].usage == USED


# --- Many at once


def test_nobody_of_a_process_waits_for_the_file() -> None:
    """Eight threads write without a pause; SQLite alone let some of them wait for seconds."""
    place = state()
    call = outgoing(settings=Settings(maximum_cost_per_day=0, maximum_cost_per_review=0))
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda _: ledger.reserve(place, call, {}), range(400)))
    assert len(set(numbers)) == 400
