"""The SDK's bare call for an answer, with nothing of ours: what agent.py compares a review with.

    python bare_call.py URL FILE

Asks about the text of FILE twice, with the key of the environment, and prints the seconds of
each. The SDK's import counts to the first call, as a process pays for it when it first asks.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path


async def main(url: str, text: str) -> None:
    begin = time.perf_counter()
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(base_url=url) as client:
        for _ in range(2):
            async with client.messages.stream(
                model="claude-sonnet-5-5",
                max_tokens=10_000,
                messages=[{"role": "user", "content": text}],
            ) as stream:
                await stream.get_final_message()
            print(time.perf_counter() - begin)
            begin = time.perf_counter()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8")))
