"""Calls that come in the same moment are answered together: a program then runs once for all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from .giving_up import unless_given_up

Question = TypeVar("Question")
Answer = TypeVar("Answer")

TURNS = 20
"""Turns of the event loop in which nobody asks: then all who were about to have asked."""


class Batched(Generic[Question, Answer]):
    """Answers questions in a thread, as many at once as have come; in one event loop at a time."""

    def __init__(self, answer: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        """`answer` gives one answer per question, in order, or raises for all of them."""
        self._answer = answer
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._at_work: set[asyncio.Task[None]] = set()

    async def ask(self, question: Question) -> Answer:
        """The answer; raises what `answer` raised."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if len(self._waiting) == 1:
            # A task of its own: who asked first may be cancelled, and the others still wait.
            task = asyncio.create_task(self._work())
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)
        return await future

    async def _work(self) -> None:
        count, quiet = 0, 0
        while quiet < TURNS:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == count else 0
            count = len(self._waiting)
        asked, self._waiting = self._waiting, []
        work = partial(self._answer, [question for question, _ in asked])
        given_up = threading.Event()
        try:
            answers = await asyncio.to_thread(unless_given_up(given_up, work))
        except Exception as error:
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            return
        finally:
            given_up.set()  # When the event loop is about to end, it waits for its threads.
        for (_, future), answer in zip(asked, answers, strict=True):
            if not future.done():
                future.set_result(answer)
