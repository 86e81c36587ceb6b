"""Code actions with 200 stored findings in a 5,000-line file while reviews run, against bare pygls.

    python tests/bench/code_actions.py [REQUESTS]

A second document is typed into all the while, so that the local engine is always at work.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time

from client import BARE, OURS, Client, percentile, python_file, started

BIG, TYPED = "file:///bench/big.py", "file:///bench/typed.py"


async def latencies(client: Client, requests: int, typing: bool) -> tuple[list[float], int]:
    """Seconds of each request, and how many actions the last one was answered with."""
    found = asyncio.Event()

    def on_notification(method: str, params: dict) -> None:
        if params.get("uri") == BIG and len(params.get("diagnostics", ())) >= 200:
            found.set()

    client.on_notification = on_notification
    await client.initialize()
    text = python_file(5000, 200)
    client.open(BIG, text)
    client.open(TYPED, python_file(1000, 20))
    if typing:
        await asyncio.wait_for(found.wait(), 60)
        await asyncio.sleep(3)  # until the fixes are checked
    line_count = text.count("\n")

    async def type_on() -> None:
        for version in itertools.count(1):
            client.insert(TYPED, version, 4, 0, "# typed\n")
            await asyncio.sleep(0.05)

    typist = asyncio.create_task(type_on())
    times: list[float] = []
    actions: list[object] = []
    for number in range(requests):
        line = number * 37 % (line_count - 20)
        place = {
            "start": {"line": line, "character": 0},
            "end": {"line": line + 12, "character": 0},
        }
        begin = time.perf_counter()
        actions = await client.request(
            "textDocument/codeAction",
            {"textDocument": {"uri": BIG}, "range": place, "context": {"diagnostics": []}},
        )
        times.append(time.perf_counter() - begin)
        await asyncio.sleep(0.005)
    typist.cancel()
    return times, len(actions)


async def main(requests: int) -> None:
    async with started(BARE) as client:
        bare, _ = await latencies(client, requests, typing=False)
    async with started(OURS) as client:
        ours, actions = await latencies(client, requests, typing=True)
    print(f"{'':8}{'bare pygls':>12}{'ours':>12}{'ratio':>8}   ({requests} requests)")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        reference, value = percentile(bare, share) * 1e3, percentile(ours, share) * 1e3
        print(f"{name:8}{reference:>9.2f} ms{value:>9.2f} ms{value / reference:>8.2f}")
    print(f"the last request was answered with {actions} actions")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
