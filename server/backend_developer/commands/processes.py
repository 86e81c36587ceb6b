"""Work on many files, dealt out to processes: what the terminal does with a machine's processors.

    dealt_out(work, items, jobs) -> (items of a part, their results), part by part

A process that ends, as one does that runs out of memory or into a mistake of a parser, costs the
one item that it was at: the others of its part are given to processes of their own, in halves.
Where the system starts no more processes, this one does the work.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from threading import Thread
from typing import TypeVar

from ..linters.process import end_linters, end_linters_when_terminated

Item = TypeVar("Item")
Content = TypeVar("Content")
Result = TypeVar("Result")

ITEMS_PER_PROCESS = 20
"""For fewer than these another process is not worth its start."""
ITEMS_AT_ONCE = 50
"""In one part: a linter runs once for all of them, and all their syntax trees are kept."""


def _nothing() -> None:
    pass


def _any_kind(item: object) -> str:
    return ""


def dealt_out(
    work: Callable[[Mapping[Item, Content]], Sequence[Result]],
    items: Mapping[Item, Content],
    jobs: int,
    prepare: Callable[[], None] = _nothing,
    kind: Callable[[Item], str] = _any_kind,
) -> Iterator[tuple[tuple[Item, ...], Sequence[Result]]]:
    """The items of each part and a result for each, none when the process ended at the one item.

    A part is of one kind. `work` has been through `prepare` in its process. Both can be pickled,
    as the items can and what comes of them. With one job, or a few items, there is no other
    process.
    """
    if not items:
        return
    processes = min(jobs, -(-len(items) // ITEMS_PER_PROCESS))
    by_kind: dict[str, list[tuple[Item, Content]]] = {}
    for item, content in items.items():
        by_kind.setdefault(kind(item), []).append((item, content))
    waiting: list[Mapping[Item, Content]] = []
    for listed in by_kind.values():
        # Neighbours are alike, in size and in what is found in them: they are dealt out in turn.
        share = round(processes * len(listed) / len(items)) or 1
        parts = share * -(-len(listed) // (share * ITEMS_AT_ONCE))
        waiting += [dict(listed[start::parts]) for start in range(parts)]
    if processes == 1:
        prepare()
        for part in waiting:
            yield tuple(part), work(part)
        return
    if _CAN_FORK:
        prepare()  # What this process has read, the others begin with.
    broken: list[Mapping[Item, Content]] = []
    try:
        with _pool(processes, prepare) as pool:
            at_work = [(part, _submitted(pool, work, part)) for part in waiting]
            for part, result in at_work:
                try:
                    yield tuple(part), result.result()
                except BrokenProcessPool:
                    broken.append(part)
    except _NotStartedError:
        prepare()
        for part in waiting:
            yield tuple(part), work(part)
        return
    # Which of them it was is not told.
    while broken:
        part = broken.pop()
        try:
            with _pool(1, prepare) as pool:
                yield tuple(part), _submitted(pool, work, part).result()
        except (BrokenProcessPool, _NotStartedError):
            # Not in this process, which the item may end too.
            if len(part) == 1:
                yield tuple(part), ()
            else:
                halves = list(part.items())
                broken += [dict(halves[::2]), dict(halves[1::2])]


_CAN_FORK = sys.platform == "linux"
"""Elsewhere a process that was forked cannot use all of its libraries."""


@contextmanager
def _pool(processes: int, prepare: Callable[[], None]) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with the block, at once when it ends with an exception, and with this
    process, however that ends."""
    context = multiprocessing.get_context("fork" if _CAN_FORK else "spawn")
    with ExitStack() as opened:
        try:
            # Nothing is written into the pipe: its end is when nobody has the writing end any more.
            end, ours = map(opened.enter_context, context.Pipe(duplex=False))
            begin = (_nothing, end, ours) if _CAN_FORK else (prepare, end, None)
            pool = ProcessPoolExecutor(processes, context, _begin, begin)
        except OSError as error:
            raise _NotStartedError from error
        try:
            yield pool
        except BaseException:
            ours.close()
            latest = time.monotonic() + SECONDS_TO_END
            for process in multiprocessing.active_children():
                process.join(max(latest - time.monotonic(), 0))
                process.kill()
            with suppress(RuntimeError):  # Its own thread may never have begun.
                pool.shutdown(cancel_futures=True)
            raise
        pool.shutdown()


SECONDS_TO_END = 2.0
"""For the processes, and the linters that they run."""


class _NotStartedError(Exception):
    """No process could be started."""


def _submitted(
    pool: ProcessPoolExecutor, work: Callable[[Content], Result], content: Content
) -> Future[Result]:
    try:
        with _interrupts_wait():
            return pool.submit(partial(_tidily, work), content)
    except BrokenProcessPool as error:  # One has ended before all had been dealt out.
        lost: Future[Result] = Future()
        lost.set_exception(error)
        return lost
    except (OSError, RuntimeError) as error:  # There is no process more, or no thread.
        raise _NotStartedError from error


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Ctrl-C comes when the block has ended: in it processes are started, which hear of it too, and
    would show where they were before they know that it is not for them."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _tidily(work: Callable[[Content], Result], content: Content) -> Result:
    """The work, and nothing of it left: the trees of earlier parts would wait for a million others
    before they are found to be garbage."""
    result = work(content)
    gc.collect()
    return result


def _begin(prepare: Callable[[], None], end: Connection, inherited: Connection | None) -> None:
    # Ctrl-C is for the first process, which ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    end_linters_when_terminated()
    if inherited:
        inherited.close()
    Thread(target=_end_with, args=(end,), daemon=True).start()
    prepare()
    # What has been read stays: to search it for garbage again and again costs some percent.
    gc.set_threshold(10_000, 10, 10)
    gc.freeze()


def _end_with(end: Connection) -> None:
    """Ends this process, and the linters that it runs, at the end of what is read."""
    with suppress(OSError):
        end.poll(None)
    end_linters()
    os._exit(1)
