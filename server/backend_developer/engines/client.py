"""The model's SDK: clients, and calls that are tried again. Only this and `faults.py` import it.

It takes about two seconds of CPU to import, so that is done in a thread when a review first
needs it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from .base import EngineError
from .endpoint import Endpoint

if TYPE_CHECKING:
    import anthropic
    from anthropic import AsyncAnthropic, AsyncStream
    from anthropic.types import RawMessageStreamEvent

RETRIES = 2
"""How often a call is tried again before its stream has begun; the time limit covers them all."""
LONGEST_WAIT = 30.0
"""Seconds that a retry-after may ask for before we give up and say so."""
FIRST_WAIT = 0.5
"""Seconds before a call is tried again where the endpoint does not say; doubled each time."""
CONNECT_SECONDS = 10.0

Body: TypeAlias = Mapping[str, object]
"""A streamed request of the Messages API."""


class ModelClient:
    """The connections to one endpoint. Belongs to the event loop that it is first used in.

    Whoever is told to slow down slows all others down that ask the same endpoint.
    """

    def __init__(self, sdk: AsyncAnthropic) -> None:
        self.sdk = sdk
        self._not_before = 0.0

    async def open_stream(self, body: Body, limit: float) -> AsyncStream[RawMessageStreamEvent]:
        """Sends a request, again when the endpoint is busy; raises what the SDK raises.

        Nothing is sent again that may have been paid for: only what was refused, or what no
        connection was made for. Nothing is sent either that the endpoint wants later than at
        `limit`, by the event loop's clock: that raises its error, or EngineError.
        """
        import anthropic

        attempt = 0
        while True:
            await self._wait_for_others(limit)
            try:
                create = cast("Any", self.sdk.messages.create)
                stream: AsyncStream[RawMessageStreamEvent] = await create(**body)
                return stream
            except anthropic.APIError as error:
                seconds = _seconds_to_wait(error, attempt)
                if seconds is None:
                    raise
                attempt += 1
                now = asyncio.get_running_loop().time()
                self._not_before = max(self._not_before, now + seconds)
                if self._not_before > limit:
                    raise

    async def close(self) -> None:
        await self.sdk.close()

    async def _wait_for_others(self, limit: float) -> None:
        seconds = self._not_before - asyncio.get_running_loop().time()
        if self._not_before > limit:
            raise EngineError(
                f"{self.sdk.base_url.netloc.decode()} allows no more requests now: try again in "
                f"{seconds:.0f} seconds."
            )
        if seconds > 0:
            # Not all at the same moment.
            await asyncio.sleep(seconds * random.uniform(1.0, 1.2))


def connect(endpoint: Endpoint) -> ModelClient:
    """A client for `endpoint`. To be called in a thread: the import is slow, a profile a file."""
    import anthropic

    argument, value = endpoint.credential
    try:
        return ModelClient(
            anthropic.AsyncAnthropic(
                **cast("Any", {argument: value}),
                # Explicit also for a profile, which may name another: code goes where we said.
                base_url=endpoint.base_url,
                # The SDK obeys any retry-after, of an hour too, and knows nothing of the others.
                max_retries=0,
                timeout=anthropic.Timeout(None, connect=CONNECT_SECONDS),
                # Nor does it go on to where an endpoint points.
                http_client=anthropic.DefaultAsyncHttpxClient(follow_redirects=False),
            )
        )
    except Exception as error:
        what = "ANTHROPIC_PROFILE" if argument == "profile" else "the setting baseUrl"
        raise EngineError(f"The model's client cannot be set up: check {what}.") from error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a response asks us to wait, as a number or a date; None: it does not."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return float(milliseconds) / 1000
        return float(headers.get("retry-after", ""))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return date.timestamp() - time.time()


def _seconds_to_wait(error: anthropic.APIError, attempt: int) -> float | None:
    """How long to wait before another try; None: there must be none."""
    import anthropic
    import httpx2

    if attempt >= RETRIES:
        return None
    asked: float | None = None
    if isinstance(error, anthropic.APIStatusError):
        status, headers = error.status_code, error.response.headers
        if headers.get("x-should-retry") == "false":
            return None
        if status not in (408, 409, 429) and status < 500:
            return None
        asked = retry_after(headers)
    elif not isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout):
        return None
    if asked is None:
        return float(FIRST_WAIT * 2**attempt * random.uniform(0.75, 1.0))
    return None if asked > LONGEST_WAIT else max(asked, 0.0)
