"""What went wrong with a call to a model, in one sentence each: what happened, and what to do.

error of the SDK, of its HTTP library, of a time limit  -> explain()
an answer that ended without an error and is none       -> unfinished()
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..settings import Settings
from .client import retry_after
from .endpoint import CREDENTIALS, NO_KEY, Endpoint

if TYPE_CHECKING:
    import anthropic


@dataclass(frozen=True, slots=True)
class Call:
    """What the sentences about a failed call speak of."""

    endpoint: Endpoint
    model: str
    settings: Settings


_KEPT = "what had arrived is kept"


def unfinished(
    call: Call,
    stop_reason: str | None,
    *,
    refusal: str = "",
    has_begun: bool = True,
    content_type: str = "",
) -> str | None:
    """Why an answer that ended without an error is none; None when it was written to its end.

    `refusal` is the category of one; `has_begun` whether anything of the Messages API came.
    """
    model, host = call.model, call.endpoint.host
    match stop_reason:
        case "refusal":
            why = f" (category: {refusal})" if refusal else ""
            return (
                f"{model} declined to review this code{why}, which can happen to harmless security "
                "work: select less code or choose another model."
            )
        case "max_tokens":
            limit = call.settings.max_output_tokens
            return (
                f"The answer of {model} reached the limit of {limit} tokens and {_KEPT}: select "
                "less code or raise maxOutputTokens."
            )
        case "model_context_window_exceeded":
            return _too_long(call)
        case None if not has_begun:
            return not_the_api(call, content_type)
        # We send no stop sequence and use no tool of the endpoint's own that could pause a turn.
        case None | "pause_turn" | "stop_sequence":
            return f"{host} ended the answer before it was finished and {_KEPT}: review again."
    return None


def wrong_form(call: Call) -> str:
    """The sentence for an answer that is complete and cannot be read."""
    return (
        f"{call.model} did not answer in the form it was asked for: review again, or choose a "
        "model that has structured output."
    )


def was_refused(error: Exception) -> bool:
    """Whether a call ended before the endpoint took it up, so that nothing is to be paid."""
    import anthropic  # Loaded by whoever made the call.

    return isinstance(error, anthropic.APIStatusError) or bool(_offline(error))


def explain(error: Exception, call: Call, *, has_begun: bool = False) -> str:
    """The sentence for an error of a call; `has_begun` as for `unfinished`.

    The SDK lets these through as they are: httpx2 errors once a stream has begun, JSON errors
    of an event, AssertionError and TypeError; an `error` event is an APIStatusError with status
    200 and a type.
    """
    import anthropic  # Loaded by whoever made the call.
    import httpx2

    host = call.endpoint.host
    reason = _offline(error)
    if reason:
        return f"{host} cannot be reached ({reason}): check the network connection and baseUrl."
    if isinstance(error, TimeoutError | anthropic.APITimeoutError | httpx2.TimeoutException):
        return (
            f"{host} took longer than {call.settings.timeout_seconds:g} seconds: select less code "
            "or raise timeoutSeconds."
        )
    if isinstance(error, anthropic.APIStatusError):
        return _status(error, call)
    if isinstance(error, anthropic.APIConnectionError):
        return f"{host} cannot be reached: check the network connection and baseUrl."
    if isinstance(error, httpx2.HTTPError):
        return f"The connection to {host} was cut in mid-answer and {_KEPT}: review again."
    if has_begun and isinstance(error, ValueError):
        return f"{host} sent a broken answer and {_KEPT}: review again."
    if isinstance(error, anthropic.APIError | ValueError | AssertionError):
        return f"{host} sent something that is not the Messages API: check baseUrl."
    if isinstance(error, anthropic.AnthropicError):
        return f"The key for {host} cannot be had: check ANTHROPIC_PROFILE."
    return f"The review by {call.model} failed unexpectedly: the log says where."


def _status(error: anthropic.APIStatusError, call: Call) -> str:
    host, model = call.endpoint.host, call.model
    status = _STATUS_OF_TYPE.get(error.type or "", error.status_code)
    said = _said(error, call)
    if status in (401, 403):
        return f"{host} refused the key (HTTP {status}{said}): check {_variable(call.endpoint)}."
    if status == 404 and error.type == "not_found_error":
        return f"{host} does not know the model {model}: choose another with the setting model."
    if status == 429:
        return f"{host} allows no more requests now: try again {_when(error.response.headers)}."
    if status == 529:
        return f"{host} is overloaded: try again in a few minutes."
    if status >= 500 and status != 501:
        return f"{host} failed (HTTP {status}): try again in a few minutes."
    if status == 413 or (status == 400 and _TOO_LONG.search(error.api_message or "")):
        return _too_long(call)
    if 300 <= status < 400:
        return f"{host} points to another address (HTTP {status}): set baseUrl to that one."
    if error.type is None:
        return not_the_api(call, error.response.headers.get("content-type", ""), status)
    return (
        f"{host} refused the request (HTTP {status}{said}): check the settings model and baseUrl."
    )


_STATUS_OF_TYPE = {
    "authentication_error": 401,
    "permission_error": 403,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""An `error` event in mid-stream has HTTP status 200, so its type counts."""

_TOO_LONG = re.compile(r"too long|too large|context.?(?:window|length|limit|size)", re.IGNORECASE)


def _too_long(call: Call) -> str:
    return f"This is more than {call.model} can read at once: select less code."


def not_the_api(call: Call, content_type: str, status: int = 200) -> str:
    """The sentence for an address where something else answers."""
    kind = content_type.partition(";")[0].strip() or "no known type"
    return (
        f"{call.endpoint.host} did not answer as the Messages API does (HTTP {status}, {kind}): "
        "check baseUrl."
    )


def _variable(endpoint: Endpoint) -> str:
    argument, value = endpoint.credential
    if value == NO_KEY:
        return "whether it needs ANTHROPIC_API_KEY"
    return next(name for name, its_argument in CREDENTIALS.items() if its_argument == argument)


_SAID = 160
"""Characters of an endpoint's own message that are repeated."""


def _said(error: anthropic.APIStatusError, call: Call) -> str:
    """The endpoint's own words, on one line and without the key, as `, "…"`."""
    words = " ".join((error.api_message or "").split())
    words = words.replace(call.endpoint.credential[1], "***")[:_SAID]
    return f", {json.dumps(words, ensure_ascii=False)}" if words else ""


def _when(headers: Mapping[str, str]) -> str:
    seconds = min(retry_after(headers) or 0, 86_400)
    if seconds < 1:
        return "in a minute"
    if seconds < 120:
        return f"in {seconds:.0f} seconds"
    if seconds < 7200:
        return f"in {seconds / 60:.0f} minutes"
    return f"in {seconds / 3600:.0f} hours"


def _offline(error: BaseException | None) -> str:
    """Why there was no connection, in a few words, from the error at the root; "" if there was."""
    import socket

    while error is not None:
        match error:
            case ssl.SSLError():
                return "its certificate is not accepted"
            case socket.gaierror():
                return "its name is not known"
            case ConnectionRefusedError():
                return "it refuses connections"
        error = error.__cause__ or error.__context__
    return ""
