"""Process start to `initialize` answered, and memory after it, against a bare pygls server.

    python tests/bench/startup.py [RUNS]

The two take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import asyncio
import sys
import time
from statistics import median

from client import BARE, OURS, started


async def measure(command: list[str]) -> tuple[float, int, int, int]:
    """Seconds to the answer; bytes resident right after it, and 2 s later, once warmed up; bytes
    of the processes that the server has started by then.
    """
    begin = time.perf_counter()
    async with started(command) as client:
        await client.initialize()
        seconds = time.perf_counter() - begin
        after_start, _ = client.resident_bytes()
        await asyncio.sleep(2)
        return seconds, after_start, *client.resident_bytes()


async def main(runs: int) -> None:
    bare, ours = [], []
    for _ in range(runs):
        bare.append(await measure(BARE))
        ours.append(await measure(OURS))
    print(f"{'':28}{'bare pygls':>12}{'ours':>12}{'ratio':>8}   ({runs} runs, medians)")
    for name, column, unit, scale in (
        ("start to initialize", 0, "ms", 1e3),
        ("resident after start", 1, "MiB", 1 / 2**20),
        ("resident when warmed up", 2, "MiB", 1 / 2**20),
    ):
        reference = median(run[column] for run in bare) * scale
        value = median(run[column] for run in ours) * scale
        columns = f"{reference:>8.0f} {unit:<3}{value:>8.0f} {unit:<3}{value / reference:>8.2f}"
        print(f"{name:28}{columns}")
    worker = median(run[3] for run in ours) / 2**20
    print(f"{'its worker then':28}{'':12}{worker:>8.0f} MiB")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
