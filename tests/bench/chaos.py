"""Many reviews against an endpoint that fails all the time, and what became of each.

    .venv/bin/python tests/bench/chaos.py [--reviews 400] [--faults 0.2] [--at-once 8]

The endpoint is llmock, a server that nobody here wrote: it answers with errors, ends streams early,
drops connections, sends broken events and stalls. Each review takes the whole path, with what is
kept, the gate and a ledger in a folder of its own. A table says how they ended and whether
anything was paid for twice.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import anthropic  # noqa: F401 - before a time limit counts its two seconds
from llmock.chaos import ChaosSettings, StreamChaos
from llmock.scenarios import Match, Reply
from llmock.testing import LLMockServer

# Run as a program, this folder is the first on the path.
sys.path.insert(0, str(Path(__file__).parents[1]))

from backend_developer import ledger
from backend_developer.review import FileReview
from loopback_model import answer, finding
from workplace import Workplace

ANSWER = answer(finding(quote="connection.execute(", line=5))
STATUSES = (429, 500, 503, 529)
STREAM_FAULTS = ("disconnect", "truncate", "stall", "malformed")


@dataclass(frozen=True)
class Outcome:
    """What became of all reviews, and what the endpoint saw of them."""

    reviews: Mapping[int, FileReview]
    hung: tuple[int, ...]
    seconds: float
    longest: float
    requests: int
    faults: Counter[str]
    models: Counter[str]
    """Requests, by the model that they ask."""
    begun: int
    """Answers that began: what has to be paid for."""
    begun_again: int
    """Of those, how many had had a request with the same body before them that began too."""
    entries: Counter[str] = field(default_factory=Counter)
    """Ledger entries, by how they ended."""
    counted: int = 0
    """Ledger entries with something to be paid for that the endpoint told."""

    @property
    def failed(self) -> dict[int, FileReview]:
        return {number: one for number, one in self.reviews.items() if one.errors}


class Bench(Workplace):
    """What reviews against a server that fails; one state for all runs."""

    def __init__(self, folder: Path, server: LLMockServer, timeout: float) -> None:
        super().__init__(folder, server.base_url("anthropic"), timeout)
        self.server = server

    async def run(self, numbers: range, faults: float, at_once: int, limit: float) -> Outcome:
        """Reviews each number's file while `faults` of all answers go wrong.

        `limit` is how many seconds one review may take before it counts as hung.
        """
        state = self.server.state
        stalled = self.settings.timeout_seconds + 2
        state.reset()
        state.scenarios.add(Reply(text=ANSWER, times=None, match=Match(model="claude-sonnet*")))
        before = state.chaos, state.stream_chaos
        rates = {status: faults * 0.4 / len(STATUSES) for status in STATUSES}
        state.chaos = ChaosSettings(error_rates=rates)
        state.stream_chaos = StreamChaos(
            tuple((kind, faults * 0.6 / len(STREAM_FAULTS)) for kind in STREAM_FAULTS),
            stall_seconds=stalled,
        )
        known = {one.number for one in await asyncio.to_thread(ledger.entries, self.state)}
        reviews: dict[int, FileReview] = {}
        took: dict[int, float] = {}
        hung: list[int] = []
        waiting = iter(numbers)

        async def work() -> None:
            for number in waiting:
                started = time.monotonic()
                try:
                    async with asyncio.timeout(limit):
                        reviews[number] = await self.review(number)
                except TimeoutError:
                    hung.append(number)
                took[number] = time.monotonic() - started

        started = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work())
        finally:
            state.chaos, state.stream_chaos = before
        records = [
            one for one in state.journal.records(wait=stalled + 5) if one.path.endswith("/messages")
        ]
        begun = [one for one in records if one.status == 200]
        entries = [
            one
            for one in await asyncio.to_thread(ledger.entries, self.state)
            if one.number not in known
        ]
        return Outcome(
            reviews=MappingProxyType(reviews),
            hung=tuple(hung),
            seconds=time.monotonic() - started,
            longest=max(took.values(), default=0.0),
            requests=len(records),
            faults=Counter((one.fault or "none").partition("@")[0] for one in records),
            models=Counter(one.model or "" for one in records),
            begun=len(begun),
            begun_again=len(begun) - len({one.fingerprint for one in begun}),
            entries=Counter(one.outcome for one in entries),
            counted=sum(one.outcome != "refused" for one in entries),
        )


def table(outcome: Outcome) -> str:
    sentences = Counter(
        error.split(": ")[0] for one in outcome.failed.values() for error in one.errors
    )
    injected = sum(outcome.faults.values()) - outcome.faults["none"]
    rows = [
        f"{len(outcome.reviews)} reviews in {outcome.seconds:.1f} s, the longest "
        f"{outcome.longest:.1f} s",
        f"{outcome.requests} requests, {injected} faults: "
        + ", ".join(f"{kind} {n}" for kind, n in outcome.faults.most_common() if kind != "none"),
        "asked: " + ", ".join(f"{model} {n}" for model, n in outcome.models.most_common()),
        f"{len(outcome.reviews) - len(outcome.failed)} ended whole, {len(outcome.failed)} with a "
        f"sentence, {len(outcome.hung)} hung",
        f"{outcome.begun} answers began, {outcome.begun_again} of them for a second time; "
        f"{outcome.counted} ledger entries count ({dict(outcome.entries)})",
        *(f"  {count:>4} {sentence}" for sentence, count in sentences.most_common()),
    ]
    return "\n".join(rows)


async def _main(arguments: argparse.Namespace) -> None:
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as folder, LLMockServer() as server:
        bench = Bench(Path(folder), server, arguments.timeout)
        try:
            limit = 20 * arguments.timeout
            numbers = range(arguments.reviews)
            outcome = await bench.run(numbers, arguments.faults, arguments.at_once, limit)
            print(table(outcome))
            again = await bench.run(numbers, 0.0, arguments.at_once, limit)
            print("\nThe same again, without faults: what was answered is not asked again")
            print(table(again))
        finally:
            await bench.agent.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reviews", type=int, default=400)
    parser.add_argument("--faults", type=float, default=0.2)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds of one call")
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(_main(parser.parse_args()))
