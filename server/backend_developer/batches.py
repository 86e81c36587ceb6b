"""Batches of reviews between the day that they are sent and the one that they are answered.

    remember(batch)     what was sent, and what each of its answers will be kept under
    collect()           asks after the batches of a workspace; keeps the answers that have come
                        -> Collected(files that are answered, batches that are not done, problems)

An answer is kept as any other is, so a review of the same code then says it again for nothing,
in the terminal and in every editor.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from . import ledger
from .answers import write_answers
from .core.model import Usage
from .engines import batch
from .engines.agent import AgentEngine
from .engines.base import EngineError
from .engines.batch import BatchGoneError, Result, SentBatch
from .engines.endpoint import find_endpoint
from .engines.faults import Call
from .engines.kept import keep_promised
from .engines.redact import find_secrets
from .gate import OutgoingCall
from .settings import Settings
from .state import State, as_kept

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch whose answers have not been fetched."""

    id: str
    sent_at: float
    """Seconds since 1970."""
    root: str
    base_url: str
    model: str
    task: str
    """Name of the task of its reviews."""
    requests: tuple[tuple[str, int, str], ...]
    """(Name, number in the ledger, path as the prompt named it) of each."""


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


def remember(state: State, root: str, task: str, sent: SentBatch) -> None:
    """To be called as soon as a batch is sent, in a thread. Raises StateError."""
    requests = [[one.name, one.permit.number, one.path] for one in sent.requests]
    with state.writing() as db:
        db.execute(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
            (
                sent.id,
                time.time(),
                as_kept(root),
                sent.endpoint.base_url,
                sent.model,
                task,
                json.dumps(requests),
            ),
        )


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
            status, done, total = await batch.status(agent, call, one.id, one.sent_at)
            found.append(Progress(one, done, total, status == "ended"))
        except BatchGoneError as error:
            await asyncio.to_thread(_end, state, one, {})
            problems.append(f"The batch {one.id} is lost: {error}")
        except EngineError as error:
            problems.append(f"The batch {one.id} cannot be asked after: {error}")
    return found, problems


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
            problems.append(f"The results of batch {one.batch.id} cannot be fetched: {error}")
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
    """Keeps the answers, and notes what they used; the files, and what went wrong.

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
        record = _promise(state, result.name)
        if not record and _is_fetched(state, one.id):
            break  # Another editor or terminal was faster, and has told of it.
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
    _end(state, one, texts)
    return files, problems


def _end(state: State, one: OpenBatch, texts: Mapping[str, str]) -> None:
    """Keeps a batch's answers, by digest, and asks after it no more: both or neither."""
    now = time.time()
    with state.writing() as db:
        write_answers(db, texts, now)
        names = [(name,) for name, _, _ in one.requests]
        db.executemany("DELETE FROM promises WHERE name = ?", names)
        db.execute("UPDATE batches SET ended_at = ? WHERE id = ?", (now, one.id))


def _is_fetched(state: State, batch_id: str) -> bool:
    with state.reading() as db:
        row = db.execute(
            "SELECT 1 FROM batches WHERE id = ? AND ended_at IS NOT NULL", (batch_id,)
        ).fetchone()
    return row is not None


def _promise(state: State, name: str) -> str:
    with state.reading() as db:
        row = db.execute("SELECT record FROM promises WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


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
