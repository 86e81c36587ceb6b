"""The gate between the agent engine and the network: consent, limits, and a journal of it all.

What is agreed to and spent is kept in `state.py`'s file, so it holds for all editors at once;
when that file cannot be used, nothing is sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from . import consents, ledger
from .core.model import Usage
from .core.text import size_in_bytes
from .engines.base import EngineError
from .failures import where_raised
from .gate import Outcome, OutgoingCall, Overrun, Permit, Person, Sending, host_of
from .prices import cost_of, money, money_at_most, price_of, shortened
from .state import State, StateError

logger = logging.getLogger(__name__)

WAIT_SECONDS = 0.25
"""Between looks at whether calls under way have left room."""

T = TypeVar("T")


class Gatekeeper:
    """A `gate.Gate`. Belongs to the event loop that it is first used in.

    `agreed` are pairs of workspace and base URL that somebody has agreed to for this once.
    """

    def __init__(
        self, state: State, person: Person, agreed: Collection[tuple[str, str]] = ()
    ) -> None:
        self._state = state
        self._person = person
        self._agreed = set(agreed)
        self._declined: dict[tuple[str, str, str], str] = {}
        """(Workspace, base URL, review) -> the sentence that its other calls end with too."""
        self._granted: dict[tuple[str, str], float] = {}
        """(Limit, review) -> what a person allowed beyond the limit."""
        self._stopped: dict[str, str] = {}
        """Review -> the sentence of the limit that it was stopped at."""
        self._asking = asyncio.Lock()
        """One question at a time; who waits for it may find its own one answered."""
        self._calls: dict[int, OutgoingCall] = {}

    async def enter(self, call: OutgoingCall) -> Permit:
        await self._agree(call)
        waited = 0.0
        while True:
            granted = {
                setting: more
                for (setting, review), more in self._granted.items()
                if review == call.review
            }
            found = await self._reserve(call, granted)
            if isinstance(found, int):
                self._calls[found] = call
                return Permit(found)
            if call.review and (sentence := self._stopped.get(call.review)):
                raise EngineError(sentence)
            if found.may_still_fit and waited < call.settings.timeout_seconds:
                waited += WAIT_SECONDS
                await asyncio.sleep(WAIT_SECONDS)
                continue
            await self._agree_to_exceed(call, found)

    async def leave(
        self, permit: Permit, usage: Usage | None, outcome: Outcome = "finished"
    ) -> None:
        call = self._calls.pop(permit.number)
        settling = asyncio.create_task(
            asyncio.to_thread(_settle, self._state, permit.number, call, usage, outcome)
        )
        try:
            # Who is cancelled a second time must not leave the reservation.
            await asyncio.shield(settling)
        except StateError as error:
            # The answer is there: it is worth more than its entry, which counts as spent.
            logger.warning("What a call used could not be noted: %s", error)

    # --- Consent

    async def _agree(self, call: OutgoingCall) -> None:
        key = (call.root, call.base_url)
        if await self._has_agreed(*key):
            return
        async with self._asking:
            if await self._has_agreed(*key):
                return
            if sentence := self._declined.get((*key, call.review)):
                raise EngineError(sentence)
            match await self._person.may_send(_sending(call)):
                case "always":
                    await self._use(partial(consents.give, self._state, *key))
                case "once":
                    self._agreed.add(key)
                case answer:
                    sentence = _not_agreed(call, answered=answer == "no")
                    self._declined[(*key, call.review)] = sentence
                    raise EngineError(sentence)

    async def _has_agreed(self, root: str, base_url: str) -> bool:
        if (root, base_url) in self._agreed:
            return True
        return await self._use(partial(consents.has_consent, self._state, root, base_url))

    # --- Limits

    async def _reserve(self, call: OutgoingCall, granted: dict[str, float]) -> int | Overrun:
        reserving = asyncio.ensure_future(
            self._use(partial(ledger.reserve, self._state, call, granted))
        )
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            # Its thread goes on: what it reserves is given back.
            found = await reserving
            if isinstance(found, int):
                self._calls[found] = call
                await self.leave(Permit(found), None, "refused")
            raise

    async def _agree_to_exceed(self, call: OutgoingCall, overrun: Overrun) -> None:
        """Returns when a person has allowed more; raises EngineError when not."""
        key = (overrun.setting, call.review)
        before = self._granted.get(key, 0.0)
        async with self._asking:
            if self._granted.get(key, 0.0) > before:
                return
            if call.review and (sentence := self._stopped.get(call.review)):
                raise EngineError(sentence)
            if call.settings.at_limit == "ask" and await self._person.may_exceed(overrun):
                missing = overrun.used + overrun.expected - overrun.limit - before
                self._granted[key] = before + max(overrun.limit, missing)
                return
            sentence = _over_the_limit(call, overrun)
            if call.review:
                self._stopped[call.review] = sentence
            raise EngineError(sentence)

    # --- The file

    async def _use(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except StateError as error:
            logger.debug("%s", where_raised(error))
            raise EngineError(unknown_state(error)) from error


def unknown_state(error: StateError) -> str:
    """The sentence when the file cannot be used."""
    return f"Nothing was sent, because what you agreed to and spent cannot be looked up: {error}"


def _sending(call: OutgoingCall) -> Sending:
    price = price_of(call.model, call.settings)
    return Sending(
        root=call.root,
        base_url=call.base_url,
        models=(call.model,),
        paths=call.paths,
        size=size_in_bytes(call.body),
        expected=call.expected,
        cost=cost_of(call.expected, price) if price else None,
    )


def _not_agreed(call: OutgoingCall, *, answered: bool) -> str:
    host = host_of(call.base_url)
    again = "ask again" if call.purpose in ("change", "explain") else "review again"
    if answered:
        return (
            f"Nothing was sent to {host}, because you did not agree to it: {again} to agree "
            "after all, or set `engine` to `local`."
        )
    return (
        f"Nothing was sent to {host}, because nobody answered whether it may be: {again}, or "
        f"run `backend-developer consent --give {call.root or '.'}`."
    )


# --- In words, for whoever asks a person


def what_is_sent(sending: Sending, most_paths: int = 10) -> str:
    """What a person is asked to agree to: `2 files (a.py, b.py; 3,000 bytes) to …, model …`."""
    paths = ", ".join(sending.paths[:most_paths])
    more = len(sending.paths) - most_paths
    if more > 0:
        paths += f" and {more:,} more"
    count = len(sending.paths)
    price = (
        "at an unknown price, so that limits in dollars do not count"
        if sending.cost is None
        else f"at most {money_at_most(sending.cost)}"
    )
    return (
        f"{count:,} file{'' if count == 1 else 's'} ({paths}; {sending.size:,} bytes, about "
        f"{shortened(sending.expected.input_tokens)} tokens) to {host_of(sending.base_url)}, "
        f"model {', '.join(sending.models)}, {price}"
    )


def what_is_exceeded(overrun: Overrun) -> str:
    """`the limit of $1.00 a review: $0.95 is used, and this call takes up to $0.17`."""
    if overrun.unit == "tokens":
        limit, used, expected = (
            f"{amount:,.0f} tokens" for amount in (overrun.limit, overrun.used, overrun.expected)
        )
    else:
        limit, used = money_at_most(overrun.limit), money(overrun.used)
        expected = money_at_most(overrun.expected)
    are = "are" if overrun.unit == "tokens" else "is"
    per = {"review": "a review", "day": "a day", "workspace": "a day for this workspace"}
    return (
        f"the limit of {limit} {per[overrun.per]}: {used} {are} used or under way, and this call "
        f"takes up to {expected}"
    )


def _settle(
    state: State, number: int, call: OutgoingCall, usage: Usage | None, outcome: Outcome
) -> None:
    """As `ledger.settle`; a second time, when somebody else had the file for too long."""
    try:
        ledger.settle(state, number, call, usage, outcome)
    except StateError:
        ledger.settle(state, number, call, usage, outcome)


def _over_the_limit(call: OutgoingCall, overrun: Overrun) -> str:
    is_task = call.purpose in ("change", "explain")
    what, less = ("task", "select") if is_task else ("review", "review")
    return (
        f"The {what} stopped at {what_is_exceeded(overrun)}: {less} less code, choose a cheaper "
        f"model or raise {overrun.setting}."
    )
