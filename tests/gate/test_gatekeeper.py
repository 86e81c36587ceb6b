"""Who is asked, how often, and that nothing is sent before."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

import backend_developer.state as state_module
from backend_developer import consents
from backend_developer.catalogue import Catalogue
from backend_developer.core.model import Document, Span, Usage
from backend_developer.engines.agent import AgentEngine
from backend_developer.engines.base import EngineError, ReviewRequest
from backend_developer.gate import Answer, Overrun, Sending
from backend_developer.gatekeeper import Gatekeeper
from backend_developer.ledger import entries
from backend_developer.settings import Settings, Source, read
from backend_developer.state import State
from engine.support import AGENT, CODE, PATH, RULES, TASK, outgoing
from loopback_model import KEY, LoopbackModel, Reply


class Scripted:
    """A person who answers as told, and remembers what was asked."""

    def __init__(self, may_send: Answer = "no answer", may_exceed: bool = False) -> None:
        self.answer, self.exceeds = may_send, may_exceed
        self.asked: list[Sending | Overrun] = []
        self.is_asked, self.thinking = asyncio.Event(), asyncio.Event()
        self.thinking.set()

    async def may_send(self, sending: Sending) -> Answer:
        self.asked.append(sending)
        self.is_asked.set()
        await self.thinking.wait()
        return self.answer

    async def may_exceed(self, overrun: Overrun) -> bool:
        self.asked.append(overrun)
        return self.exceeds


@pytest.fixture
def agreed(state: State) -> State:
    """A state in which somebody agreed to what `outgoing` sends."""
    call = outgoing()
    consents.give(state, call.root, call.base_url)
    return state


# --- Consent


async def test_one_question_for_each_workspace_and_endpoint(state: State) -> None:
    person = Scripted("always")
    gate = Gatekeeper(state, person)
    for _ in range(2):
        await gate.leave(await gate.enter(outgoing()), None)
    [sending] = person.asked
    assert isinstance(sending, Sending)
    assert (sending.paths, sending.models) == (("app/users.py",), ("claude-sonnet-5-5",))
    assert sending.size == len(outgoing().body)
    assert sending.cost == pytest.approx(0.3)
    # Another editor knows it too; another endpoint or workspace is another question.
    other = Gatekeeper(state, person)
    await other.enter(outgoing(review="r2"))
    assert len(person.asked) == 1
    await other.enter(outgoing(review="r3", base_url="http://127.0.0.1:1"))
    await other.enter(outgoing(review="r4", root="/b"))
    assert len(person.asked) == 3


async def test_calls_that_come_at_once_ask_once(state: State) -> None:
    person = Scripted("always")
    person.thinking.clear()
    gate = Gatekeeper(state, person)
    calls = [asyncio.create_task(gate.enter(outgoing())) for _ in range(3)]
    await person.is_asked.wait()
    person.thinking.set()
    await asyncio.gather(*calls)
    assert len(person.asked) == 1


async def test_what_was_used_is_noted_though_the_file_was_in_use_for_long(
    agreed: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gatekeeper(agreed, Scripted())
    permit = await gate.enter(outgoing())
    monkeypatch.setattr(state_module, "BUSY_SECONDS", 0.1)
    other = sqlite3.connect(agreed.path, isolation_level=None, check_same_thread=False)
    with contextlib.closing(other):
        other.execute("BEGIN EXCLUSIVE")
        leaving = asyncio.create_task(gate.leave(permit, Usage("claude-sonnet-5-5", 7)))
        await asyncio.sleep(0.15)
        other.execute("ROLLBACK")
        await leaving
    [entry] = entries(agreed)
    assert (entry.outcome, entry.usage.input_tokens) == ("finished", 7)


@pytest.mark.parametrize("answer", ["no", "no answer"])
async def test_who_asked_for_a_change_is_told_to_ask_again(state: State, answer: Answer) -> None:
    gate = Gatekeeper(state, Scripted(answer))
    with pytest.raises(EngineError, match=r": ask again"):
        await gate.enter(outgoing(purpose="change"))


async def test_a_no_holds_for_its_review(state: State) -> None:
    person = Scripted("no")
    gate = Gatekeeper(state, person)
    for _ in range(2):
        with pytest.raises(EngineError, match=r"because you did not agree .* review again"):
            await gate.enter(outgoing())
    assert len(person.asked) == 1
    person.answer = "always"
    await gate.enter(outgoing(review="r2"))
    assert len(person.asked) == 2


async def test_no_answer_is_a_no(state: State) -> None:
    with pytest.raises(EngineError, match=r"nobody answered .* consent --give /home/anna/shop"):
        await Gatekeeper(state, Scripted()).enter(outgoing())


async def test_consent_is_revoked(agreed: State) -> None:
    person = Scripted("no")
    gate = Gatekeeper(agreed, person)
    await gate.enter(outgoing())
    assert consents.revoke(agreed, outgoing().root) == 1
    with pytest.raises(EngineError):
        await gate.enter(outgoing())
    assert consents.consents(agreed) == []


async def test_what_is_agreed_to_once_is_not_remembered(state: State) -> None:
    call = outgoing()
    gate = Gatekeeper(state, Scripted(), agreed=[(call.root, call.base_url)])
    await gate.enter(call)
    with pytest.raises(EngineError):
        await gate.enter(outgoing(root="/b"))
    assert consents.consents(state) == []


async def test_a_question_that_is_cancelled_sends_nothing(state: State) -> None:
    person = Scripted("always")
    person.thinking.clear()
    gate = Gatekeeper(state, person)
    entering = asyncio.create_task(gate.enter(outgoing()))
    await person.is_asked.wait()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert entries(state) == []
    person.thinking.set()
    await gate.enter(outgoing())


# --- Limits


def limited(**settings: Any) -> Settings:
    return replace(Settings(maximum_cost_per_review=0.5), **settings)


async def test_calls_of_one_review_are_stopped_together(agreed: State) -> None:
    person = Scripted()
    gate = Gatekeeper(agreed, person)
    call = outgoing(settings=limited())
    await gate.leave(await gate.enter(call), Usage("", 100_000, output_tokens=10_000))
    for _ in range(2):
        with pytest.raises(EngineError) as stopped:
            await gate.enter(call)
        assert str(stopped.value) == (
            "The review stopped at the limit of $0.50 a review: $0.30 is used or under way, and "
            "this call takes up to $0.30: review less code, choose a cheaper model or raise "
            "maximumCostPerReview."
        )
    assert len(person.asked) == 1
    await gate.enter(replace(call, review="r2"))


async def test_whoever_says_go_on_allows_as_much_again(agreed: State) -> None:
    person = Scripted(may_exceed=True)
    gate = Gatekeeper(agreed, person)
    call = outgoing(settings=limited())
    for count in range(4):
        await gate.leave(await gate.enter(call), Usage("", 100_000, output_tokens=10_000))
        # 0.30, 0.60, 0.90 and 1.20 dollars: beyond 0.50 and beyond 1.00.
        assert len(person.asked) == [0, 1, 1, 2][count]


async def test_it_stops_without_asking_where_that_is_set(agreed: State) -> None:
    person = Scripted(may_exceed=True)
    call = outgoing(settings=limited(maximum_cost_per_review=0.2, at_limit="stop"))
    with pytest.raises(EngineError, match="stopped at the limit"):
        await Gatekeeper(agreed, person).enter(call)
    assert person.asked == []


async def test_a_call_waits_for_the_room_that_others_may_leave(agreed: State) -> None:
    person = Scripted()
    gate = Gatekeeper(agreed, person)
    call = outgoing(settings=limited())
    first = await gate.enter(call)
    second = asyncio.create_task(gate.enter(call))
    await asyncio.sleep(0.4)
    assert not second.done()
    await gate.leave(first, Usage("", 1000))
    await asyncio.wait_for(second, 10)
    assert person.asked == []


async def test_a_call_that_is_cancelled_while_it_is_noted_takes_nothing(
    agreed: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gatekeeper(agreed, Scripted())
    with agreed.writing():
        # The reservation waits for this transaction.
        entering = asyncio.create_task(gate.enter(outgoing()))
        await asyncio.sleep(0.2)
        entering.cancel()
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert [(one.outcome, one.cost) for one in entries(agreed)] == [("refused", 0)]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("maximumCostPerReview", 1000),
        ("maximumCostPerDay", 0),
        ("maximumCostPerWorkspace", 1000),
        ("maximumTokensPerDay", 10**9),
        ("atLimit", "ask"),
        ("modelPrices", {"sonnet": "0/0"}),
        ("journal", False),
    ],
)
def test_a_project_cannot_loosen_it(setting: str, value: object) -> None:
    settings, [problem] = read([Source("project", {setting: value})])
    assert settings == Settings()
    assert str(problem).startswith(f"A project may not set `{setting}`")


# --- The file


@pytest.mark.parametrize("harm", ["damaged", "locked"])
async def test_nothing_is_sent_when_the_file_cannot_be_used(
    agreed: State, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "BUSY_SECONDS", 0.05)
    gate = Gatekeeper(agreed, Scripted("always"))
    if harm == "damaged":
        agreed.path.write_bytes(b"nothing like it" * 1000)
        expected = "is damaged: move it away"
        with pytest.raises(EngineError, match=f"^Nothing was sent, .* {expected}"):
            await gate.enter(outgoing())
        return
    with agreed.writing(), pytest.raises(EngineError, match=r"^Nothing was sent, .* try again"):
        await gate.enter(outgoing())


async def test_an_answer_counts_more_than_its_entry(agreed: State) -> None:
    gate = Gatekeeper(agreed, Scripted())
    permit = await gate.enter(outgoing())
    agreed.path.write_bytes(b"nothing like it" * 1000)
    await gate.leave(permit, Usage("", 10))


# --- With the engine, to a real socket


@pytest.fixture
def reviewed(state: State, model: LoopbackModel) -> Callable[..., Any]:
    async def run(person: Scripted, **settings: Any) -> str:
        environment = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url}
        catalogue = Catalogue(MappingProxyType({rule.id: rule for rule in RULES}))
        engine = AgentEngine(environment, catalogue, Gatekeeper(state, person))
        request = ReviewRequest(
            Document(f"file://{PATH}", PATH, "python", CODE, 1),
            Span(0, len(CODE)),
            TASK,
            AGENT,
            Settings(**settings),
            root="/home/anna/shop",
        )
        try:
            async for _ in engine.review(request):
                pass
        except EngineError as error:
            return str(error)
        finally:
            await engine.close()
        return ""

    return run


async def test_without_consent_there_is_no_connection(
    reviewed: Callable[..., Any], model: LoopbackModel
) -> None:
    assert "because you did not agree" in await reviewed(Scripted("no"))
    assert model.connections == 0


async def test_the_journal_has_the_bytes_that_arrived(
    reviewed: Callable[..., Any], model: LoopbackModel, state: State
) -> None:
    assert await reviewed(Scripted("always")) == ""
    [entry] = entries(state, number=1)
    assert entry.body
    assert entry.body.encode() == model.requests[0].raw
    assert KEY not in entry.body
    assert entry.usage == Usage("claude-sonnet-5-5", 1200, 300, 2500, 77)
    assert entry.cost == pytest.approx((1200 * 2 + 300 * 2.5 + 2500 * 0.1 + 77 * 10) / 1e6)
    assert (entry.outcome, entry.base_url) == ("finished", model.url)


async def test_a_refused_call_costs_nothing(
    reviewed: Callable[..., Any], model: LoopbackModel, state: State
) -> None:
    model.script(Reply(status=403, error_type="permission_error"))
    assert "refused the key" in await reviewed(Scripted("always"))
    assert [(one.outcome, one.cost) for one in entries(state)] == [("refused", 0)]
