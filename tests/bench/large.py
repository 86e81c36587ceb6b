"""Typing in a file of 1 MB: how long a message waits while the server takes in each key.

    python tests/bench/large.py [KEYS]

A hover is asked for every 10 ms; the longest that one takes is the longest that the server's event
loop stood still. A bare pygls server, which keeps the text and looks at nothing, is the reference.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from client import BARE, OURS, percentile, python_file, started

BYTES = 1_000_000
KEY_SECONDS = 0.1


async def waits(command: list[str], folder: Path, text: str, keys: int) -> list[float]:
    """Seconds that each hover took."""
    uri = (folder / "large.py").as_uri()
    times: list[float] = []
    async with started(command) as client:
        await client.initialize({"maximumFileBytes": 10 * BYTES}, folder)
        client.open(uri, text)
        published = asyncio.Event()
        client.on_notification = lambda method, params: (
            published.set() if method == "textDocument/publishDiagnostics" else None
        )
        if command is OURS:
            await asyncio.wait_for(published.wait(), 60)
        line = text.count("\n") // 2

        async def ask(since: float) -> None:
            place = {"line": line, "character": 0}
            params = {"textDocument": {"uri": uri}, "position": place}
            with suppress(RuntimeError):  # The bare one has no hover, and says so.
                await client.request("textDocument/hover", params)
            times.append(time.perf_counter() - since)

        asked = []
        per_key = round(KEY_SECONDS / 0.01)
        for number in range(keys * per_key):
            if number % per_key == 0:
                client.insert(uri, number // per_key + 1, line, 0, "x")
            asked.append(asyncio.create_task(ask(time.perf_counter())))
            await asyncio.sleep(0.01)
        await asyncio.gather(*asked)
    return times


async def main(keys: int) -> None:
    lines = BYTES // 36
    text = python_file(lines, 20)
    print(f"{len(text):,} bytes, {keys} keys, a hover each 10 ms: ms")
    print(f"{'':14}{'p50':>8}{'p99':>8}{'longest':>9}")
    with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
        for what, command in (("bare pygls", BARE), ("ours", OURS)):
            times = [one * 1e3 for one in await waits(command, Path(name), text, keys)]
            half, most = percentile(times, 0.5), percentile(times, 0.99)
            print(f"{what:14}{half:>8.1f}{most:>8.1f}{max(times):>9.1f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
