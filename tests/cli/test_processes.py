"""Files dealt out to processes: nothing is lost with one that ends, and Ctrl-C ends them all."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from backend_developer.commands.processes import ITEMS_AT_ONCE, dealt_out
from hanging_tool import HangingTool

Write = Callable[[Mapping[str, str | bytes]], None]

DEADLY = {17, 71, 120}


def doubled(items: Mapping[int, int]) -> list[int]:
    if DEADLY & items.keys():
        os._exit(1)
    return [2 * number for number in items.values()]


def odd_or_even(number: int) -> str:
    return "even" if number % 2 == 0 else "odd"


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 20, 230])
def test_each_item_has_its_result(jobs: int, count: int) -> None:
    items = {number: number for number in range(1000, 1000 + count)}
    found: dict[int, int] = {}
    for part, results in dealt_out(doubled, items, jobs, kind=odd_or_even):
        assert len(part) <= ITEMS_AT_ONCE
        assert len({odd_or_even(number) for number in part}) == 1
        found |= dict(zip(part, results, strict=True))
    assert found == {number: 2 * number for number in items}


def test_a_process_that_ends_costs_the_item_that_it_was_at() -> None:
    found: dict[int, int] = {}
    lost: list[int] = []
    for part, results in dealt_out(doubled, {number: number for number in range(200)}, 2):
        found |= dict(zip(part, results, strict=False))
        lost += part[len(results) :]
    assert set(lost) == DEADLY
    assert found == {number: 2 * number for number in range(200) if number not in DEADLY}


@pytest.mark.parametrize("after", [0, 1], ids=["none", "one"])
def test_where_no_more_processes_can_be_started(
    monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    fork, started = os.fork, []

    def refuse() -> int:
        if len(started) == after:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        started.append(1)
        return fork()

    monkeypatch.setattr(os, "fork", refuse)
    items = {number: number for number in range(1000, 1200)}
    found: dict[int, int] = {}
    for part, results in dealt_out(doubled, items, 4):
        found |= dict(zip(part, results, strict=True))
    assert found == {number: 2 * number for number in items}
    for child in multiprocessing.active_children():
        child.join(10)
        assert not child.is_alive()


def test_where_no_process_can_be_started_after_one_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fork, started = os.fork, []

    def refuse() -> int:
        if len(started) == 2:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        started.append(1)
        return fork()

    monkeypatch.setattr(os, "fork", refuse)
    lost: list[int] = []
    seen: list[int] = []
    for part, results in dealt_out(doubled, {number: number for number in range(200)}, 2):
        seen += part
        lost += part[len(results) :]
    assert sorted(seen) == [*range(200)]
    assert set(lost) >= DEADLY


class Held:
    """What only a search for garbage takes away."""

    def __init__(self) -> None:
        self.itself = self


EARLIER: list[weakref.ref[Held]] = []


def left_over(items: Mapping[int, int]) -> list[int]:
    """For each item, how much of earlier parts is still there."""
    left = sum(one() is not None for one in EARLIER)
    EARLIER.extend(weakref.ref(Held()) for _ in items)
    return [left for _ in items]


def test_a_process_keeps_nothing_of_a_part_that_is_done() -> None:
    items = {number: number for number in range(8 * ITEMS_AT_ONCE)}
    for _, left in dealt_out(left_over, items, 2):
        assert not any(left)


def mistaken(items: Mapping[int, int]) -> list[int]:
    raise ZeroDivisionError


def test_a_mistake_is_told() -> None:
    with pytest.raises(ZeroDivisionError):
        list(dealt_out(mistaken, {number: number for number in range(200)}, 2))


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_ctrl_c_ends_them_all(folder: Path, write: Write) -> None:
    write({f"a{number}.py": f"x = {number}\n" * 2000 for number in range(400)})
    command = [sys.executable, "-m", "backend_developer", "review", ".", "--jobs", "3"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 60
    while len(members(process.pid)) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err == ("\ninterrupted: what was not yet said is lost; no file is half written\n")
    while members(process.pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not members(process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is forked")
def test_ctrl_c_while_they_are_started_is_not_for_them() -> None:
    code = """
import os, signal
from backend_developer.commands.processes import dealt_out

def work(part):
    return list(part.values())

os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGINT))
print(sum(len(results) for _, results in dealt_out(work, {n: n for n in range(100)}, 2)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.stdout, result.stderr) == ("100\n", "")


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[HangingTool]:
    """One that every review here runs."""
    tool = HangingTool(tmp_path)
    settings = tmp_path / "home" / ".config" / "backend-developer" / "settings.yml"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"tools": {"slow": tool.command}}))
    yield tool
    tool.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize(
    ("number", "jobs"),
    [
        (signal.SIGINT, 1),
        (signal.SIGINT, 2),
        (signal.SIGTERM, 1),
        (signal.SIGTERM, 2),
        (signal.SIGHUP, 1),
        (signal.SIGHUP, 2),
        (signal.SIGQUIT, 2),
        # The one process that is killed ends nothing any more.
        (signal.SIGKILL, 2),
    ],
)
def test_a_linter_that_hangs_ends_with_them(
    folder: Path, write: Write, tool: HangingTool, number: signal.Signals, jobs: int
) -> None:
    write({f"a{index}.py": "x = 1\n" for index in range(60)})
    process = subprocess.Popen(
        [sys.executable, "-m", "backend_developer", "review", ".", "--jobs", str(jobs)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert tool.has_begun()
    if number in (signal.SIGHUP, signal.SIGQUIT):
        os.killpg(process.pid, number)  # As a terminal does that is closed, or at Ctrl-\\.
    else:
        process.send_signal(number)
    assert process.wait(20) == (130 if number == signal.SIGINT else -number)
    assert tool.has_ended()
    until = time.monotonic() + 60
    while members(process.pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not members(process.pid)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_nohup_holds(folder: Path, write: Write, tool: HangingTool) -> None:
    write({"a.py": "x = 1\n"})
    process = subprocess.Popen(
        ["nohup", sys.executable, "-m", "backend_developer", "review", "."],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert tool.has_begun()
    process.send_signal(signal.SIGHUP)
    assert not tool.has_ended(0.5)
    process.terminate()
    assert process.wait(20) == -signal.SIGTERM
    assert tool.has_ended()


def members(group: int) -> list[str]:
    """The processes of a group."""
    listed: Any = subprocess.run(
        ["ps", "-A", "-o", "pgid=,pid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [pid for pgid, pid, state in rows if pgid == str(group) and not state.startswith("Z")]
