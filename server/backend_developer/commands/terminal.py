"""How the terminal speaks to its person, and asks: on stderr, a line each."""

from __future__ import annotations

import asyncio
import sys
import threading

from ..gate import Answer, Overrun, Sending
from ..gatekeeper import what_is_exceeded
from ..reports.text import visible


class TerminalPerson:
    """A `gate.Person`. What may be sent is asked before a review begins, so not here again."""

    async def may_send(self, sending: Sending) -> Answer:
        return "no"

    async def may_exceed(self, overrun: Overrun) -> bool:
        question = f"Go on beyond {what_is_exceeded(overrun)}?"
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def tell(agreed: bool) -> None:
            if not answer.done():
                answer.set_result(agreed)

        def ask() -> None:
            loop.call_soon_threadsafe(tell, confirm(question))

        # Nobody can end a thread that reads a terminal, so that one must not keep the program.
        threading.Thread(target=ask, daemon=True).start()
        return await answer


def say(sentence: str) -> None:
    """A line on stderr, at once."""
    print(visible(sentence), file=sys.stderr, flush=True)


def can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Whether the person says yes; no where there is none."""
    return can_ask() and ask(f"{question} [y/N]").lower() in ("y", "yes")


def ask(question: str) -> str:
    """What the person answers in a line, "" for nothing; only where `can_ask`."""
    sys.stderr.write(f"\r\x1b[K{visible(question)} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()
