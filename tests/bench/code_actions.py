"""Code actions with 200 stored findings in a 5,000-line file while reviews run, against bare pygls.

    python tests/bench/code_actions.py [REQUESTS]

Both servers are sent the same: a second document is typed into all the while, which keeps our
local engine always at work.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from typing import Any

from client import BARE, OURS, Client, percentile, python_file, started

BIG, TYPED = "file:///bench/big.py", "file:///bench/typed.py"


async def latencies(client: Client, requests: int, findings: int) -> tuple[list[float], int, int]:
    """Seconds of each request, after `findings` have come; how many actions were answered, and how
    many of them are edits.
    """
    found = asyncio.Event()

    def on_notification(method: str, params: dict) -> None:
        if params.get("uri") == BIG and len(params.get("diagnostics", ())) >= findings:
            found.set()

    client.on_notification = on_notification
    await client.initialize()
    text = python_file(5000, 200)
    client.open(BIG, text)
    client.open(TYPED, python_file(1000, 20))
    if findings:
        await asyncio.wait_for(found.wait(), 60)
        await _until_fixes_are_checked(client, text)
    line_count = text.count("\n")

    async def type_on() -> None:
        for version in itertools.count(1):
            client.insert(TYPED, version, 4, 0, "# typed\n")
            await asyncio.sleep(0.05)

    typist = asyncio.create_task(type_on())
    times: list[float] = []
    answered = edits = 0
    for number in range(requests):
        line = number * 37 % (line_count - 20)
        place = {
            "start": {"line": line, "character": 0},
            "end": {"line": line + 12, "character": 0},
        }
        begin = time.perf_counter()
        actions = await _code_actions(client, place)
        times.append(time.perf_counter() - begin)
        answered += len(actions)
        edits += sum("edit" in action for action in actions)
        await asyncio.sleep(0.005)
    typist.cancel()
    return times, answered, edits


async def _until_fixes_are_checked(client: Client, text: str) -> None:
    """The last finding's is checked last."""
    line = text[: text.rindex("requests.get(address)")].count("\n")
    place = {"start": {"line": line, "character": 13}, "end": {"line": line, "character": 13}}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any("timeout" in action["title"] for action in await _code_actions(client, place)):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("The fixes are not checked.")


async def _code_actions(client: Client, place: dict[str, Any]) -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = await client.request(
        "textDocument/codeAction",
        {"textDocument": {"uri": BIG}, "range": place, "context": {"diagnostics": []}},
    )
    return actions


async def main(requests: int) -> None:
    async with started(BARE) as client:
        bare, _, _ = await latencies(client, requests, findings=0)
    async with started(OURS) as client:
        ours, actions, edits = await latencies(client, requests, findings=200)
    print(f"{'':8}{'bare pygls':>12}{'ours':>12}{'ratio':>8}   ({requests} requests)")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        reference, value = percentile(bare, share) * 1e3, percentile(ours, share) * 1e3
        print(f"{name:8}{reference:>9.2f} ms{value:>9.2f} ms{value / reference:>8.2f}")
    print(
        f"answered on average: {actions / requests:.1f} actions, "
        f"{edits / requests:.1f} with an edit"
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
