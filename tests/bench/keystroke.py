"""Keystroke to fresh local diagnostics in a Python file.

    python tests/bench/keystroke.py [LINES] [KEYSTROKES]

A diagnostic is fresh when the version that is published with it is the keystroke's, and its
place is what a review of that text gives: every keystroke here adds a new finding.
"""

from __future__ import annotations

import asyncio
import sys
import time

from client import OURS, percentile, python_file, started

URI = "file:///bench/typed.py"
FINDING = "secret_{} = hashlib.md5(b'x').hexdigest()\n"


async def main(lines: int, keystrokes: int) -> None:
    counts: asyncio.Queue[tuple[int, int]] = asyncio.Queue()

    def on_notification(method: str, params: dict) -> None:
        if method == "textDocument/publishDiagnostics":
            counts.put_nowait((params.get("version", -1), len(params["diagnostics"])))

    async with started(OURS) as client:
        client.on_notification = on_notification
        await client.initialize()
        client.open(URI, python_file(lines, 10))
        await asyncio.sleep(3)
        count = 0
        while not counts.empty():
            count = counts.get_nowait()[1]
        times = []
        for version in range(1, keystrokes + 1):
            begin = time.perf_counter()
            client.insert(URI, version, 4, 0, FINDING.format(version))
            while True:
                seen_version, seen_count = await asyncio.wait_for(counts.get(), 10)
                if seen_version == version and seen_count > count:
                    break
            times.append(time.perf_counter() - begin)
            count = seen_count
            await asyncio.sleep(0.2)
    print(
        f"{lines} lines, {keystrokes} keystrokes: "
        f"median {percentile(times, 0.5) * 1e3:.0f} ms, p99 {percentile(times, 0.99) * 1e3:.0f} ms"
    )


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(main(*(numbers + [1000, 50][len(numbers) :])))
