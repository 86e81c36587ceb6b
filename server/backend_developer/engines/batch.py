"""Reviews as one Message Batch: half the price, and an answer within a day.

    request -> BatchEngine.review() -> Pending(name)       prepared, through the gate, not sent yet
               BatchEngine.next()   -> OutgoingBatch       some of them, until there are none
               BatchEngine.send()   -> its id
    later      results()            -> Result(name, …)     each answer, or why there is none

A request of a batch has no tools: nobody is there to run them.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

from ..core.model import Proposal, Usage, Verdict
from ..gate import Gate, Outcome, OutgoingCall, Permit
from . import faults
from .agent import AgentEngine, Conversation
from .answer import read_finding, read_verdict
from .base import Answer, EngineError, Pending, ReviewRequest
from .endpoint import Endpoint
from .faults import Call
from .stream import AnswerReader

MOST_REQUESTS = 1_000
"""Of one batch; an endpoint takes more, but a batch is done when its last request is."""

Status: TypeAlias = Literal["in_progress", "canceling", "ended"]


@dataclass(frozen=True, slots=True)
class SentRequest:
    name: str
    path: str
    """As the prompt named the file."""
    permit: Permit
    call: OutgoingCall


_Waiting: TypeAlias = tuple[SentRequest, Conversation, dict[str, object]]
"""A request that is prepared, and its body."""


@dataclass(frozen=True, slots=True)
class OutgoingBatch:
    endpoint: Endpoint
    model: str
    requests: tuple[SentRequest, ...]

    def without(self, names: Collection[str]) -> OutgoingBatch:
        return replace(self, requests=tuple(one for one in self.requests if one.name not in names))


class BatchRefusedError(EngineError):
    """The endpoint has not taken a batch. After any other error it may have."""


OVERLOADED = 529
"""The status of an endpoint that takes nothing. Others from 500 on may be of a gateway that has
passed the batch on."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one request of a batch."""

    name: str
    text: str = ""
    """The whole answer."""
    usage: Usage | None = None
    problem: str = ""
    """Why there is no complete answer; a few words."""


class BatchEngine:
    """Implements Engine: prepares each review, and answers none."""

    name = "agent"

    def __init__(self, agent: AgentEngine, gate: Gate) -> None:
        self._agent = agent
        self._gate = gate
        self._waiting: list[_Waiting] = []

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        """Yields Pending alone. Raises EngineError when the request may not be sent."""
        if request.second_look:
            return
        conversation = await asyncio.to_thread(self._agent.prepare, replace(request, reader=None))
        refused = self._agent.refused(conversation.place)
        body = conversation.body(refused, is_last=True)
        del body["stream"]
        call = replace(conversation.outgoing(body), purpose="batch")
        permit = await self._gate.enter(call)
        sent = SentRequest(uuid.uuid4().hex, conversation.prompt.path, permit, call)
        self._waiting.append((sent, conversation, body))
        yield Pending(sent.name)

    def next(self) -> OutgoingBatch | None:
        """What is to be sent next of what was prepared: of one model, and no more than
        MOST_REQUESTS."""
        if not self._waiting:
            return None
        _, first, _ = self._waiting[0]
        same = [one for one in self._waiting if one[1].place == first.place][:MOST_REQUESTS]
        requests = tuple(sent for sent, _, _ in same)
        return OutgoingBatch(first.call.endpoint, first.call.model, requests)

    async def give_up(self, names: Collection[str] | None = None) -> None:
        """Gives back what was reserved for what is not sent: the named requests, or all."""
        await self._leave(self._taken_out(names), "refused")

    def _taken_out(self, names: Collection[str] | None) -> list[_Waiting]:
        """Those of the names, or all, which wait no more."""
        taken: list[_Waiting] = []
        kept: list[_Waiting] = []
        for one in self._waiting:
            (taken if names is None or one[0].name in names else kept).append(one)
        self._waiting = kept
        return taken

    async def _leave(self, waiting: Sequence[_Waiting], outcome: Outcome) -> None:
        for sent, _, _ in waiting:
            await self._gate.leave(sent.permit, None, outcome)

    async def send(self, batch: OutgoingBatch) -> str:
        """The id that the endpoint gives it.

        What each request takes is counted as its input, until its result says what it was. Raises
        EngineError; what has not been sent by then waits for `give_up`.
        """
        waiting = self._taken_out({sent.name for sent in batch.requests})
        call = waiting[0][1].call
        requests = [{"custom_id": sent.name, "params": body} for sent, _, body in waiting]
        # A connection that is cut may have brought the batch there, which is paid then.
        outcome: Outcome = "cancelled"
        try:
            client = await self._agent.client(call.endpoint)
            async with asyncio.timeout(call.settings.timeout_seconds):
                made = await client.sdk.messages.batches.create(requests=cast("Any", requests))
            outcome = "finished"
        except EngineError as error:
            outcome = "refused"
            raise BatchRefusedError(str(error)) from error
        except Exception as error:
            status = getattr(error, "status_code", 0)
            if faults.was_refused(error) and (status < 500 or status == OVERLOADED):
                outcome = "refused"
                raise BatchRefusedError(faults.explain(error, call)) from error
            outcome = "failed"
            raise EngineError(faults.explain(error, call)) from error
        finally:
            await asyncio.shield(self._leave(waiting, outcome))
        return made.id


ANSWERS_KEPT_SECONDS = 29 * 86_400.0
"""How long after a batch was made its answers can be fetched, says the API's documentation."""


class BatchGoneError(EngineError):
    """The endpoint does not have the answers of a batch any more."""


async def status(
    agent: AgentEngine, call: Call, batch_id: str, sent_at: float
) -> tuple[Status, int, int]:
    """How far a batch is: its status, how many of its requests are done, and how many there are.

    `sent_at` is in seconds since 1970. Raises EngineError.
    """
    client = await agent.client(call.endpoint)
    host = call.endpoint.host
    gone = f"{host} does not have its answers any more: review its files again."
    try:
        async with asyncio.timeout(call.settings.timeout_seconds):
            batch = await client.sdk.messages.batches.retrieve(batch_id)
    except Exception as error:
        if faults.does_not_know(error, call, batch_id):
            if time.time() - sent_at > ANSWERS_KEPT_SECONDS:
                raise BatchGoneError(gone) from error
            # To the key of another workspace an endpoint says the same.
            raise EngineError(
                f"{host} does not know it: use the key that it was sent with."
            ) from error
        raise EngineError(faults.explain(error, call)) from error
    if batch.archived_at:
        raise BatchGoneError(gone)
    done, open_ = _counts(batch)
    return batch.processing_status, done, done + open_


CLOCKS_DIFFER_SECONDS = 86_400.0
"""At most: the endpoint's from ours, and the beginning of the sending from its end."""


async def find(
    agent: AgentEngine,
    call: Call,
    names: Collection[str],
    sent_at: float,
    others: Collection[str],
) -> tuple[str, bool]:
    """The id of the batch that has the requests of these names, "" when none is known to have them;
    whether one that is not done, whose requests the endpoint does not name yet, may be it.

    `sent_at` is in seconds since 1970; `others` are ids of batches that it is not. Raises
    EngineError.
    """
    client = await agent.client(call.endpoint)
    may_be = False
    try:
        async with asyncio.timeout(call.settings.timeout_seconds):
            # The latest come first.
            async for one in client.sdk.messages.batches.list(limit=100):
                seconds = one.created_at.timestamp() - sent_at
                if seconds < -CLOCKS_DIFFER_SECONDS:
                    break
                is_like_it = sum(_counts(one)) == len(names) and seconds < CLOCKS_DIFFER_SECONDS
                if one.id in others or not is_like_it or one.archived_at:
                    continue
                if one.processing_status != "ended":
                    may_be = True
                    continue
                stream = await client.sdk.messages.batches.results(one.id)
                try:
                    # All are of one batch, or none is.
                    if (await anext(stream)).custom_id in names:
                        return one.id, False
                except StopAsyncIteration:
                    continue
                finally:
                    await stream.close()
    except Exception as error:
        raise EngineError(faults.explain(error, call)) from error
    return "", may_be


def _counts(batch: Any) -> tuple[int, int]:
    """Of what the SDK calls a message batch: how many requests are done, and how many are not."""
    counts = batch.request_counts
    return counts.succeeded + counts.errored + counts.canceled + counts.expired, counts.processing


async def results(agent: AgentEngine, call: Call, batch_id: str) -> list[Result]:
    """The results of a batch that has ended. Raises EngineError."""
    client = await agent.client(call.endpoint)
    try:
        async with asyncio.timeout(call.settings.timeout_seconds):
            stream = await client.sdk.messages.batches.results(batch_id)
            return [_result(entry, call.model) async for entry in stream]
    except Exception as error:
        raise EngineError(faults.explain(error, call)) from error


def answers_of(
    result: Result, model: str, path: str, restore: Callable[[str], str]
) -> list[Proposal | Verdict]:
    """What a result says. `path` is what the prompt called the file."""
    answers: list[Proposal | Verdict] = []
    for item in AnswerReader().feed(result.text):
        if item.array == "findings":
            answers.append(read_finding(item.value, f"agent:{model}", path, restore))
        elif verdict := read_verdict(item.value):
            answers.append(verdict)
    return answers


def _result(entry: Any, model: str) -> Result:
    """What the SDK calls an individual response."""
    name, result = entry.custom_id, entry.result
    if result.type != "succeeded":
        error = getattr(getattr(result, "error", None), "error", None)
        said = getattr(error, "type", "") or result.type
        return Result(name, problem=said.replace("_", " "), usage=Usage(model))
    message = result.message
    counted = message.usage
    usage = Usage(
        model,
        counted.input_tokens or 0,
        counted.cache_creation_input_tokens or 0,
        counted.cache_read_input_tokens or 0,
        counted.output_tokens or 0,
    )
    text = "".join(_written(block) for block in message.content)
    reader = AnswerReader()
    reader.feed(text)
    if message.stop_reason not in ("end_turn", "tool_use") or not reader.complete:
        return Result(name, text, usage, f"ended with {message.stop_reason}")
    return Result(name, text, usage)


def _written(block: Any) -> str:
    """The text of a block, or the arguments of the tool that the answer is given with."""
    if block.type == "text":
        return str(block.text)
    return json.dumps(block.input) if block.type == "tool_use" else ""
