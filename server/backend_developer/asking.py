"""How the server asks its person: a message with buttons, in whatever way the editor shows it."""

from __future__ import annotations

from .gate import Answer, Overrun, Sending
from .gatekeeper import what_is_exceeded, what_is_sent
from .lsp import to_lsp
from .session import Connection

ANSWER_SECONDS = 300.0
"""How long a person may take; some clients never answer."""
SEND, DO_NOT_SEND = "Send", "Not now"
GO_ON, STOP = "Go on", "Stop"


class EditorPerson:
    """A `gate.Person` behind a client. A cancelled question is not waited for any more."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def may_send(self, sending: Sending) -> Answer:
        where = "from this workspace" if sending.root else "from files outside of a workspace"
        answer = await self._ask(
            f"May backend-developer send code {where} to a model? Now: {what_is_sent(sending)}. "
            "This is asked once for each workspace and endpoint.",
            SEND,
            DO_NOT_SEND,
        )
        if not answer:
            return "no answer"
        return "always" if answer == SEND else "no"

    async def may_exceed(self, overrun: Overrun) -> bool:
        question = f"Go on beyond {what_is_exceeded(overrun)}?"
        return await self._ask(question, GO_ON, STOP) == GO_ON

    async def _ask(self, question: str, *choices: str) -> str:
        """The choice that was picked; "" when the client did not answer."""
        answer = await self._connection.ask(
            "window/showMessageRequest", to_lsp.question(question, choices), ANSWER_SECONDS
        )
        if answer is None:
            return ""
        # A message that is closed without a choice is a no.
        return answer.result.title if answer.result else choices[-1]
