"""Calls of one moment are answered together, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from backend_developer.batching import Batched


async def test_what_is_asked_in_one_moment_is_answered_at_once() -> None:
    batches: list[list[int]] = []

    def double(numbers: Sequence[int]) -> list[int]:
        batches.append(list(numbers))
        return [2 * number for number in numbers]

    batched = Batched(double)

    async def ask(number: int) -> int:
        for _ in range(number):  # Some get there a little later than others.
            await asyncio.sleep(0)
        return await batched.ask(number)

    assert await asyncio.gather(*map(ask, range(5))) == [0, 2, 4, 6, 8]
    assert await batched.ask(7) == 14
    assert batches == [[0, 1, 2, 3, 4], [7]]


async def test_an_error_is_everybodys_and_the_next_batch_is_a_new_one() -> None:
    def invert(numbers: Sequence[int]) -> list[float]:
        return [1 / number for number in numbers]

    batched = Batched(invert)
    answers = await asyncio.gather(batched.ask(0), batched.ask(1), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError, ZeroDivisionError]
    assert await batched.ask(2) == 0.5


async def test_who_is_cancelled_takes_nobody_along() -> None:
    batched = Batched[int, int](list)
    first, second = (asyncio.create_task(batched.ask(number)) for number in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first
