"""The one way by which code leaves this machine: each call to a model passes a gate.

call -> Gate.enter() -> Permit          agreed to, within the limits, written into the journal
                     -> EngineError     one sentence: why nothing was sent
     -> Gate.leave(permit, usage)       what it really used, or that it failed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from .core.model import Usage
from .settings import Settings

Purpose: TypeAlias = Literal["review", "second look", "batch", "count"]
"""Why a call is made; "second look": another pass tries to refute what the first one found."""


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

    async def leave(self, permit: Permit, usage: Usage | None) -> None:
        """The call has ended. `usage` is None when the endpoint did not say what it took.

        To be called exactly once for each permit, also when the call failed or was cancelled.
        """
        ...
