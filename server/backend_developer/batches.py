"""Batches of reviews between the day that they are sent and the one that they are answered.

    send()              sends what was prepared; each batch is known here before it goes out, so
                        that no other process sends the same
    awaited()           what batches that are under way will answer: it is not sent again
    collect()           asks after the batches of a workspace; keeps the answers that have come
                        -> Collected(files that are answered, batches that are not done, problems)

An answer is kept as any other is, so a review of the same code then says it again for nothing,
in the terminal and in every editor.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import PurePath

from . import ledger
from .answers import write_answers
from .core.model import Usage
from .engines import batch
from .engines.agent import AgentEngine
from .engines.base import EngineError
from .engines.batch import (
    BatchEngine,
    BatchGoneError,
    BatchRefusedError,
    OutgoingBatch,
    Result,
)
from .engines.endpoint import find_endpoint
from .engines.faults import Call
from .engines.kept import keep_promised, promised_digests
from .engines.redact import find_secrets
from .gate import OutgoingCall
from .settings import Settings
from .state import State, StateError, as_kept

logger = logging.getLogger(__name__)

UNCONFIRMED = "unconfirmed "
"""What the id begins with of a batch that is being sent, or whose sending was cut off. No column:
versions of this program that know nothing of it ask the endpoint, which does not know the id."""
SECONDS_TO_ARRIVE = 60.0
"""What the endpoint does not have so long after the end of its sending has not arrived."""
SECONDS_TO_CONFIRM = 2 * 86_400.0
"""What is not found out by then is waited for no more: each batch is done after a day."""


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch whose answers have not been fetched."""

    id: str
    """The endpoint's, or UNCONFIRMED and what nothing else has."""
    sent_at: float
    """Seconds since 1970."""
    root: str
    base_url: str
    model: str
    task: str
    """Name of the task of its reviews."""
    requests: tuple[tuple[str, int, str], ...]
    """(Name, number in the ledger, path as the prompt named it) of each."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the endpoint has said that it has it."""
        return not self.id.startswith(UNCONFIRMED)

    @property
    def when(self) -> str:
        """The minute in which it was sent, for a person."""
        return datetime.fromtimestamp(self.sent_at).strftime("%Y-%m-%d %H:%M")

    @property
    def name(self) -> str:
        """What a person may call it."""
        return f"batch {self.id}" if self.is_confirmed else f"batch of {self.when}"


@dataclass(frozen=True, slots=True)
class Progress:
    batch: OpenBatch
    done: int
    total: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class Collected:
    files: tuple[str, ...] = ()
    """Absolute paths of the files that have an answer now."""
    tasks: tuple[str, ...] = ()
    """Names of the tasks that they were answered for."""
    waiting: tuple[Progress, ...] = ()
    problems: tuple[str, ...] = ()
    """A sentence each."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of some of what was prepared."""

    id: str
    """The endpoint's id of the batch; "" when nothing was left to be sent."""
    count: int
    """How many requests it has."""
    left_out: int
    """How many more were prepared, and ask what another run has asked since."""


async def send(
    state: State, engine: BatchEngine, root: str, task: str
) -> AsyncGenerator[Sent, None]:
    """Sends what was prepared, but for what another run has asked, or is about to ask, since.

    Raises StateError, and EngineError: BatchRefusedError when the batch has not arrived, else it
    may have, and whoever asks after the batches later finds out.
    """
    while outgoing := engine.next():
        # It may arrive, and be paid, and whoever sends it be killed before that is said.
        expected, left_out = await asyncio.to_thread(_expect, state, root, task, outgoing)
        await engine.give_up(left_out)
        if expected is None:
            yield Sent("", 0, len(left_out))
            continue
        try:
            batch_id = await engine.send(outgoing.without(left_out))
        except BatchRefusedError:
            with suppress(StateError):  # Whoever asks after it later finds that out, too.
                await asyncio.to_thread(_forget, state, expected)
            raise
        try:
            await asyncio.shield(asyncio.to_thread(_confirm, state, expected, batch_id))
        except StateError as error:
            raise EngineError(f"Its id cannot be remembered: {error}") from error
        yield Sent(batch_id, len(expected.requests), len(left_out))


def _expect(
    state: State, root: str, task: str, outgoing: OutgoingBatch
) -> tuple[OpenBatch | None, frozenset[str]]:
    """Writes down what is about to be sent, if anything; the names of the requests that are not,
    as another run has asked a part of the same since they were prepared.

    Raises StateError.
    """
    own = [one.name for one in outgoing.requests]
    with state.reading() as db:
        # Before the transaction, which has no time for so much to read. A record does not change.
        digests = _digests(db, [*own, *_open_names(db)])
    if not all(digests[name] for name in own):
        raise StateError("What it will answer cannot be remembered: try again.")
    with state.writing() as db:
        # In one transaction: of two that send the same at once, one is the first.
        others = _open_names(db)
        digests |= _digests(db, [name for name in others if name not in digests])
        awaited = {digest for name in others for digest in digests[name]}
        left_out = frozenset(
            name
            for name in own
            if not awaited.isdisjoint(digests[name]) or _is_answered(db, name, digests[name])
        )
        db.executemany("DELETE FROM promises WHERE name = ?", [(name,) for name in left_out])
        left = outgoing.without(left_out)
        if not left.requests:
            return None, left_out
        expected = OpenBatch(
            UNCONFIRMED + uuid.uuid4().hex,
            time.time(),
            root,
            left.endpoint.base_url,
            left.model,
            task,
            tuple((one.name, one.permit.number, one.path) for one in left.requests),
        )
        _write(db, expected)
        for one in left.requests:
            # To prepare them all may have taken long.
            ledger.renew(db, one.permit.number, one.call.settings)
    return expected, left_out


def _write(db: sqlite3.Connection, one: OpenBatch) -> None:
    """A batch of that id may be there already."""
    requests = json.dumps(one.requests)
    db.execute(
        "INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        (one.id, one.sent_at, as_kept(one.root), one.base_url, one.model, one.task, requests),
    )


def _forget(state: State, one: OpenBatch) -> None:
    """It is waited for no more; its promises stay, should it come all the same."""
    with state.writing() as db:
        db.execute("DELETE FROM batches WHERE id = ?", (one.id,))


def _confirm(state: State, one: OpenBatch, batch_id: str) -> None:
    """The batch has its id; somebody else may have found that out before, or forgotten it."""
    with state.writing() as db:
        db.execute("DELETE FROM batches WHERE id = ?", (one.id,))
        _write(db, replace(one, id=batch_id))


def awaited(state: State) -> frozenset[str]:
    """Digests of the parts of code that open batches will answer. Raises StateError."""
    with state.reading() as db:
        return frozenset(chain.from_iterable(_digests(db, _open_names(db)).values()))


def _open_names(db: sqlite3.Connection) -> list[str]:
    """The names of the requests of all open batches."""
    rows = db.execute("SELECT requests FROM batches WHERE ended_at IS NULL").fetchall()
    return [name for (requests,) in rows for name, _, _ in json.loads(requests)]


def _digests(db: sqlite3.Connection, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Of the parts that each request asks about; none where that is not known."""
    # One by one, as each record has the text of its file.
    return {name: promised_digests(_record(db, name)) for name in names}


def _record(db: sqlite3.Connection, name: str) -> str:
    """What was promised of a request's answer; "" when that is not known."""
    row = db.execute("SELECT record FROM promises WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def _is_answered(db: sqlite3.Connection, name: str, digests: Iterable[str]) -> bool:
    """Whether a part that a request asks about has an answer that is younger than the request."""
    found = "SELECT 1 FROM answers, promises WHERE digest = ? AND name = ? AND kept_at >= made_at"
    return any(db.execute(found, (digest, name)).fetchone() for digest in digests)


def open_batches(state: State, root: str | None = None) -> list[OpenBatch]:
    """Those of a workspace, or all, oldest first. In a thread. Raises StateError."""
    where, values = ("", ()) if root is None else ("AND root = ?", (as_kept(root),))
    with state.reading() as db:
        rows = db.execute(
            "SELECT id, sent_at, root, base_url, model, task, requests FROM batches "
            f"WHERE ended_at IS NULL {where} ORDER BY sent_at",
            values,
        ).fetchall()
    return [
        OpenBatch(
            batch_id,
            sent_at,
            where_,
            base_url,
            model,
            task,
            tuple((name, number, path) for name, number, path in json.loads(requests)),
        )
        for batch_id, sent_at, where_, base_url, model, task, requests in rows
    ]


def _known(state: State) -> frozenset[str]:
    """The ids of all batches, those too that are fetched."""
    with state.reading() as db:
        return frozenset(row[0] for row in db.execute("SELECT id FROM batches"))


async def look(
    state: State,
    agent: AgentEngine,
    settings: Settings,
    environment: Mapping[str, str],
    root: str | None,
) -> tuple[list[Progress], list[str]]:
    """How far the batches of a workspace are, and what went wrong in asking. Raises StateError.

    One that its endpoint does not have any more is not asked after again.
    """
    found: list[Progress] = []
    problems: list[str] = []
    for one in await asyncio.to_thread(open_batches, state, root):
        try:
            call = _call(one, settings, environment)
            if not one.is_confirmed:
                one = await _confirmed(state, agent, call, one)  # noqa: PLW2901
            if not one.is_confirmed:
                found.append(Progress(one, 0, len(one.requests), is_done=False))
                continue
            status, done, total = await batch.status(agent, call, one.id, one.sent_at)
            found.append(Progress(one, done, total, status == "ended"))
        except BatchGoneError as error:
            if one.is_confirmed:
                await asyncio.to_thread(_end, state, one, {})
            else:
                await asyncio.to_thread(_forget, state, one)
            problems.append(f"The {one.name} is lost: {error}")
        except EngineError as error:
            problems.append(f"The {one.name} cannot be asked after: {error}")
    return found, problems


async def _confirmed(state: State, agent: AgentEngine, call: Call, one: OpenBatch) -> OpenBatch:
    """The batch, with its id if that is known by now.

    Raises EngineError, and BatchGoneError for one that is not there.
    """
    numbers = {number for _, number, _ in one.requests}
    ended_at = await asyncio.to_thread(ledger.latest_end, state, numbers)
    if ended_at is None:
        return one  # Somebody is about to send it.
    is_old = time.time() - one.sent_at > SECONDS_TO_CONFIRM
    names = {name for name, _, _ in one.requests}
    known = await asyncio.to_thread(_known, state)
    try:
        batch_id, may_be = await batch.find(agent, call, names, one.sent_at, known)
    except EngineError as error:
        if is_old:
            raise BatchGoneError(f"whether it arrived could not be found out: {error}") from error
        raise
    if batch_id:
        await asyncio.to_thread(_confirm, state, one, batch_id)
        return replace(one, id=batch_id)
    if is_old or (not may_be and time.time() - ended_at > SECONDS_TO_ARRIVE):
        raise BatchGoneError(f"{call.endpoint.host} has none like it for this key: send it again.")
    return one


async def collect(
    state: State,
    agent: AgentEngine,
    settings: Settings,
    environment: Mapping[str, str],
    root: str,
) -> Collected:
    """Fetches the answers of the batches that are done, and keeps them. Raises StateError."""
    progress, problems = await look(state, agent, settings, environment, root)
    files: dict[str, None] = {}
    tasks: dict[str, None] = {}
    for one in progress:
        if not one.is_done:
            continue
        try:
            call = _call(one.batch, settings, environment)
            results = await batch.results(agent, call, one.batch.id)
        except EngineError as error:
            problems.append(f"The results of {one.batch.name} cannot be fetched: {error}")
            continue
        key = await asyncio.to_thread(agent.placeholder_key)
        kept, failed = await asyncio.to_thread(_keep, state, one.batch, results, settings, key)
        files |= dict.fromkeys(kept)
        tasks[one.batch.task] = None
        problems += failed
    waiting = tuple(one for one in progress if not one.is_done)
    return Collected(tuple(files), tuple(tasks), waiting, tuple(problems))


def _call(one: OpenBatch, settings: Settings, environment: Mapping[str, str]) -> Call:
    """Raises EngineError when the batch was sent to another endpoint than is set now."""
    endpoint = find_endpoint(settings, environment)
    if endpoint.base_url != one.base_url:
        raise EngineError(
            f"it was sent to {one.base_url}, and {endpoint.base_url} is set now: set provider and "
            "baseUrl to that one."
        )
    return Call(endpoint, one.model, settings)


def _keep(
    state: State, one: OpenBatch, results: Sequence[Result], settings: Settings, key: bytes
) -> tuple[list[str], list[str]]:
    """Keeps the answers, and notes what they used; the files, and what went wrong, both empty where
    another editor or terminal was faster, and has told of it.

    `key` is what the placeholders of the secrets that were sent were made with.
    """
    by_name = {name: (number, path) for name, number, path in one.requests}
    files: list[str] = []
    problems: list[str] = []
    texts: dict[str, str] = {}
    for result in results:
        if result.name not in by_name:
            continue
        number, path = by_name[result.name]
        ledger.settle(state, number, _outgoing(one, path, settings), result.usage, "finished")
        if result.problem:
            problems.append(f"{path}: no answer ({result.problem}); review it again.")
            continue
        with state.reading() as db:
            record = _record(db, result.name)
        if not record and _is_fetched(state, one.id):
            return [], []
        kept = record and keep_promised(
            record,
            lambda text, result=result, path=path: batch.answers_of(  # type: ignore[misc]
                result, one.model, path, find_secrets([text], key).restore
            ),
        )
        if not kept:
            problems.append(f"{path}: what it was asked about is not known any more.")
            continue
        texts |= kept[0]
        files.append(kept[1])
    return (files, problems) if _end(state, one, texts) else ([], [])


def _end(state: State, one: OpenBatch, texts: Mapping[str, str]) -> bool:
    """Keeps a batch's answers, by digest, and asks after it no more: both or neither. False where
    somebody else has done so before.
    """
    now = time.time()
    with state.writing() as db:
        write_answers(db, texts, now)
        names = [(name,) for name, _, _ in one.requests]
        db.executemany("DELETE FROM promises WHERE name = ?", names)
        ended = db.execute(
            "UPDATE batches SET ended_at = ? WHERE id = ? AND ended_at IS NULL", (now, one.id)
        )
        return ended.rowcount == 1


def _is_fetched(state: State, batch_id: str) -> bool:
    with state.reading() as db:
        row = db.execute(
            "SELECT 1 FROM batches WHERE id = ? AND ended_at IS NOT NULL", (batch_id,)
        ).fetchone()
    return row is not None


def _outgoing(one: OpenBatch, path: str, settings: Settings) -> OutgoingCall:
    """The call, as far as its price depends on it."""
    return OutgoingCall(
        base_url=one.base_url,
        model=one.model,
        purpose="batch",
        root=one.root,
        paths=(PurePath(path).as_posix(),),
        body="",
        expected=Usage(one.model),
        settings=settings,
    )
