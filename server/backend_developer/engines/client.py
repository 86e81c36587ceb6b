"""The model's SDK: clients, and calls that are tried again. Only this and `faults.py` import it.

It takes about two seconds of CPU to import, so that is done in a thread when a review first
needs it.
"""

from __future__ import annotations

import asyncio
import random
import time
import warnings
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from traceback import clear_frames
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

from ..garbage import staying
from ..settings import Provider
from .base import EngineError
from .endpoint import CREDENTIALS_FILE, Endpoint

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


class EventStream:
    """The events of one answer, as they arrive; to be entered and left like a file.

    Each wait ends at `limit`, by the event loop's clock, with TimeoutError.
    """

    def __init__(self, stream: AsyncStream[RawMessageStreamEvent], limit: float) -> None:
        self.content_type = stream.response.headers.get("content-type", "")
        self._stream = stream
        self._limit = limit

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RawMessageStreamEvent:
        async with asyncio.timeout_at(self._limit):
            # No default: the wrapper that it brings can outlive this task.
            return await anext(self._stream)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the connection, and lets go of all that the SDK leaves suspended.

        Its generators then close one after the other in this event loop. The search for garbage,
        in some other thread, would close them all at once, one of them in the midst of its work.
        """
        try:
            await self._stream.close()
        finally:
            del self._stream
            clear_frames(trace)


class ModelClient:
    """The connections to one endpoint. Belongs to the event loop that it is first used in.

    Whoever is told to slow down slows all others down that ask the same endpoint.
    """

    def __init__(self, sdk: AsyncAnthropic, extra_body: Body | None = None) -> None:
        """`extra_body` is sent with each request; the clients of other providers are like the SDK's
        own as far as they are used here.
        """
        self.sdk = sdk
        self._extra_body = extra_body
        self._not_before = 0.0

    async def open_stream(self, body: Body, limit: float) -> EventStream:
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
                stream: AsyncStream[RawMessageStreamEvent] = await create(
                    **body, extra_body=self._extra_body
                )
                return EventStream(stream, limit)
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


def load_sdk() -> None:
    """Imports the SDK, which takes about a second, so that the first call does not wait for it."""
    with staying():
        import anthropic  # noqa: F401


def connect(endpoint: Endpoint) -> ModelClient:
    """A client for `endpoint`; raises EngineError where it cannot be had.

    To be called in a thread: the imports are slow, a profile and credentials are files.
    """
    import anthropic

    if missing := _missing_extra(endpoint):
        raise EngineError(
            f"{endpoint.name} needs another package: run pip install "
            f"'backend-developer[{missing}]'."
        )
    arguments: dict[str, Any] = dict(endpoint.arguments)
    try:
        if file := arguments.pop(CREDENTIALS_FILE, None):
            arguments["credentials"] = _google_credentials(file)
        # The module makes them all when it is asked for one of them.
        kinds: Mapping[Provider, Any] = {
            "anthropic": anthropic.AsyncAnthropic,
            # Its newer endpoint, which has all of the Messages API; that with InvokeModel is the
            # one for older models, inference profiles and guardrails.
            "bedrock": anthropic.AsyncAnthropicBedrockMantle,
            "bedrock-runtime": anthropic.AsyncAnthropicBedrock,
            # Not AsyncAnthropicGoogleCloud, which is Anthropic's own API paid by Google's bill.
            "vertex": anthropic.AsyncAnthropicVertex,
            "foundry": anthropic.AsyncAnthropicFoundry,
        }
        sdk = kinds[endpoint.provider](
            **arguments,
            # Explicit also for a profile, which may name another: code goes where we said.
            base_url=endpoint.base_url,
            # The SDK obeys any retry-after, of an hour too, and knows nothing of the others.
            max_retries=0,
            timeout=anthropic.Timeout(None, connect=CONNECT_SECONDS),
            # Nor does it go on to where an endpoint points.
            http_client=anthropic.DefaultAsyncHttpxClient(follow_redirects=False),
        )
    except Exception as error:
        names = ("profile", "aws_profile", CREDENTIALS_FILE)
        is_file = any(argument in names for argument, _ in endpoint.arguments)
        what = endpoint.source if is_file else "the setting baseUrl"
        raise EngineError(f"The model's client cannot be set up: check {what}.") from error
    return ModelClient(sdk, _EXTRA_BODY.get(endpoint.provider))


_EXTRA_BODY: Mapping[Provider, Body] = {
    # What InvokeModel is documented with. The SDK's default is newer than its older models.
    "bedrock-runtime": {"anthropic_version": "bedrock-2023-05-31"},
}


def _missing_extra(endpoint: Endpoint) -> str:
    """The extra of ours that brings what the SDK needs for this; "" when it is there."""
    match endpoint.provider:
        # The one signs with it, the other takes its streams apart with it, too.
        case "bedrock" if dict(endpoint.arguments).get("api_key"):
            return ""
        case "bedrock" | "bedrock-runtime":
            return "" if find_spec("boto3") else "bedrock"
        case "vertex":
            return "" if find_spec("google") and find_spec("google.auth") else "vertex"
    return ""


def _google_credentials(file: str) -> object:
    """Those of a service account, a person or a workload, as the file has them."""
    import google.auth

    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    load: Any = google.auth.load_credentials_from_file
    with warnings.catch_warnings():
        # It warns of files that somebody else has made; the library ignores that for this, too.
        warnings.simplefilter("ignore", DeprecationWarning)
        credentials, _ = load(file, scopes=scopes)
    return cast("object", credentials)


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
