"""A review that is cancelled: at every stage it ends at once, and so does what it had open."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import backend_developer.engines.agent as agent_module
from backend_developer import ledger
from backend_developer.engines.client import ModelClient
from backend_developer.engines.endpoint import Endpoint
from backend_developer.gate import Answer, Sending
from loopback_model import LoopbackModel, Reply, answer, finding
from workplace import Everybody, OneFile, Workplace

AT_MOST = 3.0
"""Seconds from the cancelling to the closed connection: some milliseconds, unless others keep the
machine busy."""
FOUND = answer(finding(quote="connection.execute(", line=5))


class Undecided(Everybody):
    """Is asked, and never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def may_send(self, sending: Sending) -> Answer:
        self.asked.set()
        await asyncio.Event().wait()
        return "no"


class SlowFile(OneFile):
    """Reads until it is let go."""

    def __init__(self) -> None:
        self.reading = threading.Event()
        self.let_go = threading.Event()

    def read_file(self, path: str, first_line: int, last_line: int) -> str:
        self.reading.set()
        assert self.let_go.wait(30)
        return "x"


@pytest.fixture
async def model() -> AsyncIterator[LoopbackModel]:
    async with LoopbackModel() as endpoint:
        yield endpoint


@pytest.fixture
async def workplace(tmp_path: Path, model: LoopbackModel) -> AsyncIterator[Workplace]:
    work = Workplace(tmp_path, model.url, timeout=30)
    yield work
    await work.agent.close()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - a thread, or the model, tells nobody
            await asyncio.sleep(0.01)


async def cancelled(work: Workplace, happened: Callable[[], bool]) -> float:
    """Cancels a review when something has happened; the moment at which it was cancelled."""
    task = asyncio.create_task(work.review(1))
    await until(happened)
    at = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - at < AT_MOST
    return at


async def check_closed(model: LoopbackModel, number: int, at: float) -> None:
    """That the connection of a request was closed soon after `at`."""
    request = model.requests[number]
    await asyncio.wait_for(request.disconnected.wait(), AT_MOST)
    assert request.disconnected_at is not None
    assert request.disconnected_at - at < AT_MOST
    print(f"closed {1000 * (request.disconnected_at - at):.0f} ms after it was cancelled")


async def outcomes(work: Workplace) -> Counter[str]:
    entries = await asyncio.to_thread(ledger.entries, work.state)
    return Counter(entry.outcome for entry in entries)


async def test_while_a_person_is_asked(tmp_path: Path, model: LoopbackModel) -> None:
    person = Undecided()
    work = Workplace(tmp_path, model.url, timeout=30, person=person)
    await cancelled(work, person.asked.is_set)
    assert model.requests == []
    assert await outcomes(work) == {}
    await work.agent.close()


async def test_while_it_connects(
    workplace: Workplace, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, let_go = threading.Event(), threading.Event()
    connect = agent_module.connect

    def slow(endpoint: Endpoint) -> ModelClient:
        connecting.set()
        assert let_go.wait(30)
        return connect(endpoint)

    monkeypatch.setattr(agent_module, "connect", slow)
    await cancelled(workplace, connecting.is_set)
    let_go.set()
    assert model.requests == []
    # Nothing was sent, so nothing is to be paid.
    [entry] = await asyncio.to_thread(ledger.entries, workplace.state)
    assert (entry.outcome, entry.usage.input_tokens) == ("refused", 0)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(FOUND, fault="silent"), id="before the first byte"),
        pytest.param(Reply(FOUND, fault="stall", after=0), id="before the first word"),
        pytest.param(Reply(FOUND, fault="stall", after=len(FOUND) - 3), id="in the middle"),
        pytest.param(Reply(FOUND, chunk=1, delay=0.05), id="while it drips"),
    ],
)
async def test_while_it_is_answered(
    workplace: Workplace, model: LoopbackModel, reply: Reply
) -> None:
    model.script(reply)
    at = await cancelled(workplace, lambda: bool(model.requests))
    await check_closed(model, 0, at)
    [entry] = await asyncio.to_thread(ledger.entries, workplace.state)
    # It may have been taken up, so what was sent is counted.
    assert entry.outcome == "cancelled"
    assert entry.usage.input_tokens > 0


async def test_in_a_tool(workplace: Workplace, model: LoopbackModel) -> None:
    workplace.reader = reader = SlowFile()
    model.script(Reply("", tools=(("read_file", {"path": "app/db.py"}),)))
    await cancelled(workplace, reader.reading.is_set)
    reader.let_go.set()
    assert len(model.requests) == 1
    assert await outcomes(workplace) == {"finished": 1}


async def test_in_the_second_look(workplace: Workplace, model: LoopbackModel) -> None:
    model.script(Reply(FOUND), Reply("{", fault="stall", after=1))
    at = await cancelled(workplace, lambda: len(model.requests) == 2)
    await check_closed(model, 1, at)
    assert await outcomes(workplace) == {"finished": 1, "cancelled": 1}
    # What the first look had found is kept, and it goes on with the second.
    review = await workplace.review(1)
    assert review.errors == ()
    assert any(one.author == "agent" or len(one.sources) > 1 for one in review.findings)
    assert [one.body["model"] for one in model.requests[2:]] == ["claude-haiku-5-5"]


async def test_all_at_once(workplace: Workplace, model: LoopbackModel) -> None:
    """Ten reviews that are cancelled together leave nothing open and nothing reserved."""
    model.usual = lambda body: Reply(FOUND, fault="stall", after=20)
    tasks = [asyncio.create_task(workplace.review(number)) for number in range(1, 11)]
    await until(lambda: len(model.requests) == 10)
    at = time.monotonic()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for number in range(10):
        await check_closed(model, number, at)
    assert await outcomes(workplace) == {"cancelled": 10}
