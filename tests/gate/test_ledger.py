"""Limits that hold whoever else spends at the same time, crashes, or has a wrong clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

import backend_developer.ledger as ledger
from backend_developer.core.model import Usage
from backend_developer.gate import Overrun
from backend_developer.ledger import bytes_per_token, entries, reserve, settle, spent
from backend_developer.settings import Settings
from backend_developer.state import State
from engine.support import outgoing

PER_CALL = 0.3
"""Dollars that `outgoing()` takes at most: 0.20 of input and 0.10 of output."""
ONE_DOLLAR = Settings(maximum_cost_per_review=0, maximum_cost_per_day=1)


def call(settings: Settings = ONE_DOLLAR, **changes: Any) -> Any:
    return outgoing(settings=settings, **changes)


def taken(state: State, **changes: Any) -> int:
    number = reserve(state, call(**changes), {})
    assert isinstance(number, int)
    return number


def dollars(state: State) -> float:
    return sum(one.cost or 0 for one in spent(state, date.today()))


def test_a_call_counts_at_its_most_until_it_has_ended(state: State) -> None:
    numbers = [taken(state) for _ in range(3)]
    assert dollars(state) == pytest.approx(0.9)
    overrun = reserve(state, call(), {})
    assert overrun == Overrun(
        1, pytest.approx(0.9), pytest.approx(0.3), "day", "dollars", "maximumCostPerDay", True
    )
    settle(state, numbers[0], call(), Usage("claude-sonnet-5-5", 1000), "finished")
    assert dollars(state) == pytest.approx(0.602)
    taken(state)


@pytest.mark.parametrize(
    ("settings", "other", "setting"),
    [
        ({"maximum_cost_per_review": 0.5}, {"review": "r2"}, "maximumCostPerReview"),
        ({"maximum_cost_per_workspace": 0.5}, {"root": "/b"}, "maximumCostPerWorkspace"),
    ],
)
def test_each_limit_counts_its_own(
    state: State, settings: dict[str, float], other: dict[str, str], setting: str
) -> None:
    limits = replace(ONE_DOLLAR, **settings)
    taken(state, settings=limits)
    overrun = reserve(state, call(limits), {})
    assert isinstance(overrun, Overrun)
    assert overrun.setting == setting
    taken(state, settings=limits, **other)


def test_a_call_without_a_review_is_one_by_itself(state: State) -> None:
    limits = replace(ONE_DOLLAR, maximum_cost_per_review=0.5)
    for _ in range(3):
        taken(state, settings=limits, review="")
    overrun = reserve(state, call(replace(limits, maximum_cost_per_review=0.2), review=""), {})
    assert isinstance(overrun, Overrun)
    assert overrun.setting == "maximumCostPerReview"


def test_without_a_price_tokens_alone_are_limited(state: State) -> None:
    unknown = {"model": "qwen3", "expected": Usage("qwen3", 100_000, output_tokens=10_000)}
    assert taken(state, settings=replace(ONE_DOLLAR, maximum_cost_per_day=0.01), **unknown)
    limits = replace(ONE_DOLLAR, maximum_tokens_per_day=200_000)
    overrun = reserve(state, call(limits, **unknown), {})
    assert isinstance(overrun, Overrun)
    assert (overrun.setting, overrun.used) == ("maximumTokensPerDay", 110_000)
    assert [one.cost for one in spent(state, date.today())] == [None]


def test_what_a_person_allowed_is_added_to_the_limit(state: State) -> None:
    for _ in range(3):
        taken(state)
    assert isinstance(reserve(state, call(), {"maximumCostPerReview": 5}), Overrun)
    assert isinstance(reserve(state, call(), {"maximumCostPerDay": 0.5}), int)


TAKES_TEN = """
import sys
from pathlib import Path
from backend_developer.ledger import reserve
from backend_developer.state import State
from gate.test_ledger import call
state = State(Path(sys.argv[1]))
sys.stdin.readline()
print(sum(isinstance(reserve(state, call(), {}), int) for _ in range(10)), flush=True)
sys.stdin.readline()
"""


def test_two_processes_cannot_both_take_the_last_dollar(state: State) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TAKES_TEN, str(state.path.parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        for _ in range(2)
    ]
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    # Both live until both have tried: what a process reserved ends with it.
    won = [int(process.stdout.readline()) for process in running if process.stdout]
    assert sum(won) == 3
    assert dollars(state) == pytest.approx(3 * PER_CALL)
    for process in running:
        process.communicate("end\n", timeout=60)
    assert len(entries(state)) == 3


def test_a_crash_before_the_answer_counts_the_input(state: State) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from backend_developer.ledger import reserve\n"
        "from backend_developer.state import State\n"
        "from gate.test_ledger import call\n"
        "reserve(State(Path(sys.argv[1])), call(), {})\n"
        "os._exit(1)"
    )
    command = [sys.executable, "-c", code, str(state.path.parent)]
    subprocess.run(command, env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    [lost] = entries(state)
    assert (lost.outcome, lost.usage.output_tokens) == ("lost", 0)
    assert lost.cost == pytest.approx(0.2)
    [row] = spent(state, date.today())
    assert (row.calls, row.lost) == (1, 1)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks the system by files")
def test_a_process_that_ended_and_is_listed_still_holds_nothing(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody asks how it ended, as in a container whose first process never does.
    ended = subprocess.Popen(["sleep", "60"])
    process = ledger._process(ended.pid)
    monkeypatch.setattr(ledger, "_process", lambda pid: process)
    taken(state)
    assert [one.outcome for one in entries(state)] == ["under way"]
    ended.kill()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert [one.outcome for one in entries(state)] == ["lost"]
    ended.wait()


def test_a_call_that_takes_too_long_is_lost_until_it_ends_after_all(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = taken(state)
    now = time.time() + ONE_DOLLAR.timeout_seconds + ledger.GRACE_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: now)
    taken(state)
    assert [one.outcome for one in entries(state)] == ["under way", "lost"]
    settle(state, number, call(), Usage("", 10, output_tokens=1), "finished")
    assert [one.outcome for one in entries(state)] == ["under way", "finished"]


def test_a_process_of_another_machine_may_live(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_process", lambda pid: f"other:{2**22 + 1}:1")
    taken(state)
    taken(state)
    assert [one.outcome for one in entries(state)] == ["under way", "under way"]
    monkeypatch.setattr(ledger, "_host", lambda: "other")
    assert [one.outcome for one in entries(state)] == ["lost", "lost"]


@pytest.mark.parametrize(
    ("outcome", "cost"),
    [("refused", 0), ("failed", 0.2), ("cancelled", 0.2)],
)
def test_how_a_call_without_a_count_is_counted(state: State, outcome: Any, cost: float) -> None:
    number = taken(state)
    settle(state, number, call(), None, outcome)
    [entry] = entries(state)
    assert (entry.outcome, entry.cost) == (outcome, pytest.approx(cost))


# --- The clock


class Days:
    """Stands for `datetime.date`, some days from now."""

    def __init__(self, days: int) -> None:
        self._days = days

    def today(self) -> date:
        return date.today() + timedelta(days=self._days)


def at(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    monkeypatch.setattr(ledger, "date", Days(days))
    now = time.monotonic() + 1_800_000_000 + days * 86_400
    monkeypatch.setattr(time, "time", lambda: now)


@pytest.mark.parametrize("back", [1, 3650])
def test_a_clock_that_goes_back_frees_no_limit(
    state: State, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:
    at(monkeypatch, 0)
    for _ in range(3):
        taken(state)
    at(monkeypatch, -back)
    assert isinstance(reserve(state, call(), {}), Overrun)
    at(monkeypatch, 0)
    # They were counted on the day that the clock said then; the true day is a new one.
    assert len(entries(state)) == 3


def test_a_clock_that_went_ahead_is_forgiven_a_day_later(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 3650)
    for _ in range(3):
        taken(state)
    at(monkeypatch, 0)
    assert isinstance(reserve(state, call(), {}), Overrun)
    at(monkeypatch, 1)
    taken(state)
    assert [one.number for one in entries(state)] == [4, 3, 2, 1]


# --- The journal


def test_what_was_sent_is_kept_to_the_byte(state: State) -> None:
    body = '{"messages":[{"content":"€ 😀 \\u2028"}]}'
    number = taken(state, body=body)
    [entry] = entries(state, number=number)
    assert (entry.body, entry.size) == (body, len(body.encode()))
    assert (entry.paths, entry.root, entry.purpose) == (
        ("app/users.py",), "/home/anna/shop", "review",
    )  # fmt: skip


def test_the_journal_can_be_off(state: State) -> None:
    number = taken(state, settings=replace(ONE_DOLLAR, journal=False))
    [entry] = entries(state, number=number)
    assert entry.body is None
    with state.reading() as db:
        assert db.execute("SELECT COUNT(*) FROM journal").fetchone() == (0,)


def test_the_journal_keeps_to_days_and_bytes(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> list[int]:
        return [one.number for one in entries(state) if entries(state, number=one.number)[0].body]

    unlimited = Settings(maximum_cost_per_review=0, maximum_cost_per_day=0)
    at(monkeypatch, 0)
    taken(state, settings=unlimited)
    at(monkeypatch, ledger.JOURNAL_DAYS + 1)
    taken(state, settings=unlimited)
    assert kept() == [2]
    with state.reading() as db:
        [(size,)] = db.execute("SELECT LENGTH(body) FROM journal").fetchall()
    monkeypatch.setattr(ledger, "JOURNAL_BYTES", 2 * size)
    taken(state, settings=unlimited)
    taken(state, settings=unlimited)
    assert kept() == [4, 3]
    assert [one.number for one in entries(state)] == [4, 3, 2, 1]


def test_the_ledger_keeps_the_newest(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LEDGER_CALLS", 2)
    unlimited = Settings(maximum_cost_per_review=0, maximum_cost_per_day=0)
    for _ in range(5):
        taken(state, settings=unlimited)
    assert [one.number for one in entries(state)] == [5, 4, 3]


# --- Looking back


def test_entries_of_one_workspace(state: State) -> None:
    taken(state)
    taken(state, root="/b")
    assert [one.number for one in entries(state, root="/b")] == [2]
    assert [one.number for one in entries(state, limit=1)] == [2]
    assert entries(state, number=9) == []


def test_a_token_s_size_is_learnt_from_past_calls(state: State) -> None:
    model = "claude-sonnet-5-5"
    assert bytes_per_token(state) == {}
    body = "x" * 4000
    for usage, outcome in ((Usage(model, 500, 300, 200, 5), "finished"), (None, "failed")):
        number = taken(state, body=body)
        settle(state, number, call(body=body), usage, outcome)  # type: ignore[arg-type]
    assert bytes_per_token(state) == {model: 4}
    number = taken(state, body=body)
    settle(state, number, call(body=body), Usage(model, 1), "finished")
    assert bytes_per_token(state) == {model: pytest.approx(8000 / 1001, abs=0.01)}
