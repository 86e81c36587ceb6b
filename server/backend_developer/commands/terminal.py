"""How the terminal asks its person: a line on stderr, answered by y or anything else."""

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


def can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Whether the person says yes; no where there is none."""
    if not can_ask():
        return False
    sys.stderr.write(f"\r\x1b[K{visible(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
