"""The one way by which code leaves this machine: each call to a model passes a gate.

    call -> Gate.enter() -> Permit          agreed to, within the limits, written into the journal
                         -> EngineError     one sentence: why nothing was sent
         -> Gate.leave(permit, usage, outcome)

`gatekeeper.py` is the gate; a Person is who it asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from .core.model import Usage
from .core.text import size_in_bytes
from .settings import Settings

Purpose: TypeAlias = Literal["review", "second look", "change", "explain", "batch", "count"]
"""Why a call is made; "second look": another pass tries to refute what the first one found."""
Outcome: TypeAlias = Literal["finished", "failed", "cancelled", "refused"]
"""How a call ended; "refused": the endpoint was not reached or answered with an error at once, so
that nothing is to be paid."""

BYTES_PER_TOKEN = 3.5
"""Of UTF-8, until past calls to a model say otherwise."""


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """What is about to be sent, and where to."""

    base_url: str
    model: str
    purpose: Purpose
    root: str
    """The workspace's folder, "" for none: consent and limits are kept for each."""
    paths: tuple[str, ...]
    """The files that something is sent of, relative to `root`, the reviewed one first."""
    body: str
    """The request as JSON, exactly what is sent, without headers."""
    expected: Usage
    """The tokens that it will use at most, estimated."""
    settings: Settings
    review: str = ""
    """The review that the call belongs to: a limit for a review counts all of its calls."""


def expected_usage(
    model: str, body: str, maximum_output: int, bytes_per_token: float = BYTES_PER_TOKEN
) -> Usage:
    """What a call uses at most, estimated: none of it cached, and as much answered as may be."""
    input_tokens = int(size_in_bytes(body) / bytes_per_token)
    return Usage(model, input_tokens=input_tokens, output_tokens=maximum_output)


@dataclass(frozen=True, slots=True)
class Permit:
    """That a call may be made; names its entry in the ledger."""

    number: int


class Gate(Protocol):
    """Stands between the agent engine and the network."""

    async def enter(self, call: OutgoingCall) -> Permit:
        """Returns when the call may be made. Raises EngineError when it may not, or nobody agreed.

        May ask the person, so it can take long; cancelling it sends nothing.
        """
        ...

    async def leave(
        self, permit: Permit, usage: Usage | None, outcome: Outcome = "finished"
    ) -> None:
        """The call has ended. `usage` is None when the endpoint did not say what it took: its
        input counts as paid then, unless the call was refused.

        To be called exactly once for each permit, also when the call failed or was cancelled.
        """
        ...


def host_of(base_url: str) -> str:
    """As people are told of an endpoint: without a password in its address."""
    return urlsplit(base_url).netloc.rpartition("@")[2]


# --- The person


@dataclass(frozen=True, slots=True)
class Sending:
    """What somebody is asked to agree to."""

    root: str
    base_url: str
    models: tuple[str, ...]
    paths: tuple[str, ...]
    size: int
    """Bytes."""
    expected: Usage
    cost: float | None
    """Dollars at most; None: the price is not known."""


@dataclass(frozen=True, slots=True)
class Overrun:
    """A limit that a call would go beyond."""

    limit: float
    """In dollars, or tokens."""
    used: float
    """What counts towards the limit already, calls under way at what they use at most."""
    expected: float
    """What the call uses at most."""
    per: Literal["review", "day", "workspace"]
    unit: Literal["dollars", "tokens"]
    setting: str
    """The limit's name in the settings."""
    may_still_fit: bool
    """Calls that are under way are counted at most; when they have ended, there may be room."""


Answer: TypeAlias = Literal["always", "once", "no", "no answer"]
"""To whether something may be sent; "always": to that endpoint, from that workspace."""


class Person(Protocol):
    """Who is asked. Both may take long, and can be cancelled."""

    async def may_send(self, sending: Sending) -> Answer: ...

    async def may_exceed(self, overrun: Overrun) -> bool: ...
