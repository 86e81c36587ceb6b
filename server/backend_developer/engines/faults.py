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

from ..core.model import TaskKind
from ..settings import Settings
from .client import retry_after
from .endpoint import NO_KEY, Endpoint

if TYPE_CHECKING:
    import anthropic


@dataclass(frozen=True, slots=True)
class Call:
    """What the sentences about a failed call speak of."""

    endpoint: Endpoint
    model: str
    settings: Settings
    kind: TaskKind = "review"

    @property
    def is_review(self) -> bool:
        return self.kind == "review"

    @property
    def max_tokens(self) -> int:
        """Limit of the answer."""
        return self.settings.answer_tokens(self.kind)

    @property
    def rest(self) -> str:
        """What becomes of an answer that did not come to its end."""
        return "what had arrived is kept" if self.is_review else "half of it is not offered"

    @property
    def again(self) -> str:
        return "review again" if self.is_review else "ask again"

    @property
    def less(self) -> str:
        return "ask for a smaller change" if self.kind == "change" else "select less code"

    @property
    def to_do_it(self) -> str:
        return {
            "review": "to review this code",
            "change": "to make this change",
            "explain": "to explain this code",
        }[self.kind]


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
                f"{model} declined {call.to_do_it}{why}, which can happen to harmless security "
                f"work: {call.less} or choose another model."
            )
        case "max_tokens":
            name = "maxChangeTokens" if call.kind == "change" else "maxOutputTokens"
            return (
                f"The answer of {model} reached the limit of {call.max_tokens} tokens and "
                f"{call.rest}: {call.less} or raise {name}."
            )
        case "model_context_window_exceeded":
            return _too_long(call)
        case None if not has_begun:
            return not_the_api(call, content_type)
        # We send no stop sequence and use no tool of the endpoint's own that could pause a turn.
        case None | "pause_turn" | "stop_sequence":
            return f"{host} ended the answer before it was finished and {call.rest}: {call.again}."
    return None


def wrong_form(call: Call) -> str:
    """The sentence for an answer that is complete and cannot be read."""
    return (
        f"{call.model} did not answer in the form it was asked for: {call.again}, or choose a "
        "model that has structured output."
    )


def was_refused(error: Exception) -> bool:
    """Whether a call ended before the endpoint took it up, so that nothing is to be paid."""
    import anthropic  # Loaded by whoever made the call.

    return (
        isinstance(error, anthropic.APIStatusError)
        or is_about_credentials(error)
        or bool(_offline(error))
    )


def is_about_credentials(error: BaseException) -> bool:
    """Whether a provider's own library could not find or renew what a request is signed with."""
    module = type(error).__module__
    return (
        module.startswith(("botocore.exceptions", "google.auth"))
        # What the SDK says when those libraries have found nothing.
        or (type(error) is RuntimeError and str(error).startswith("Could not resolve"))
    )


def does_not_know(error: Exception, call: Call, name: str) -> bool:
    """Whether an endpoint says, for sure, that what is called `name` is not there for this key."""
    import anthropic  # Loaded by whoever made the call.

    return isinstance(error, anthropic.NotFoundError) and _is_not_found(
        error, call, is_named=name in said_by(error)
    )


def explain(error: Exception, call: Call, *, has_begun: bool = False) -> str:
    """The sentence for an error of a call; `has_begun` as for `unfinished`.

    The SDK lets these through as they are: httpx2 errors once a stream has begun, JSON errors
    of an event, AssertionError and TypeError; an `error` event is an APIStatusError with status
    200 and a type.
    """
    import anthropic  # Loaded by whoever made the call.
    import httpx2

    host = call.endpoint.host
    if is_about_credentials(error):
        return f"The key for {host} cannot be had: check {call.endpoint.source}."
    reason = _offline(error)
    if reason:
        return f"{host} cannot be reached ({reason}): check the network connection and baseUrl."
    if isinstance(error, TimeoutError | anthropic.APITimeoutError | httpx2.TimeoutException):
        return (
            f"{host} took longer than {call.settings.timeout_seconds:g} seconds: {call.less} "
            "or raise timeoutSeconds."
        )
    if isinstance(error, anthropic.APIStatusError):
        return _status(error, call)
    if isinstance(error, anthropic.APIConnectionError):
        return f"{host} cannot be reached: check the network connection and baseUrl."
    if isinstance(error, httpx2.HTTPError):
        return f"The connection to {host} was cut in mid-answer and {call.rest}: {call.again}."
    is_no_event = type(error).__module__.startswith("botocore.")
    if has_begun and (is_no_event or isinstance(error, ValueError)):
        return f"{host} sent a broken answer and {call.rest}: {call.again}."
    if is_no_event or isinstance(error, anthropic.APIError | ValueError | AssertionError):
        return f"{host} sent something that is not the Messages API: check baseUrl."
    if isinstance(error, anthropic.AnthropicError):
        return f"The key for {host} cannot be had: check {call.endpoint.source}."
    noun = {"review": "review", "change": "change", "explain": "explanation"}[call.kind]
    return f"The {noun} by {call.model} failed unexpectedly: the log says where."


def _status(error: anthropic.APIStatusError, call: Call) -> str:
    endpoint, model = call.endpoint, call.model
    host = endpoint.host
    status = _STATUS_OF_TYPE.get(error.type or "", error.status_code)
    status = 500 if status == 200 else status  # An event of no known type.
    words = said_by(error)
    said = _quoted(words, call)
    if status in (401, 403):
        return f"{host} refused the key (HTTP {status}{said}): check {endpoint.source}."
    if _is_about_the_model(error, words, call):
        among = ", or its alias's id with modelAliases" if endpoint.provider != "anthropic" else ""
        return (
            f"{host} does not know the model {model}: choose another with the setting model{among}."
        )
    if status == 429:
        return f"{host} allows no more requests now: try again {_when(error.response.headers)}."
    if status == 529:
        return f"{host} is overloaded: try again in a few minutes."
    if status >= 500 and status != 501:
        return f"{host} failed (HTTP {status}): try again in a few minutes."
    if status == 413 or (status == 400 and _TOO_LONG.search(words)):
        return _too_long(call)
    if 300 <= status < 400:
        return f"{host} points to another address (HTTP {status}): set baseUrl to that one."
    if not words or (status in (404, 405) and endpoint.is_own):
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
    # Of Bedrock's event stream.
    "throttlingException": 429,
    "internalServerException": 500,
    "modelStreamErrorException": 500,
    "serviceUnavailableException": 503,
    "modelTimeoutException": 504,
    "validationException": 400,
}
"""An `error` event in mid-stream has HTTP status 200, so its type counts."""


def said_by(error: anthropic.APIStatusError) -> str:
    """An endpoint's own words, wherever it puts them: `{"error": {"message": …}}` as the Messages
    API does, or right into the object, or as FastAPI's `detail`; "" when there are none.
    """
    if error.api_message:
        return error.api_message
    body = error.body
    if not isinstance(body, dict):
        return ""
    for name in ("message", "Message", "detail", "error"):
        if value := body.get(name):
            return value if isinstance(value, str) else json.dumps(value)
    return ""


def _is_about_the_model(error: anthropic.APIStatusError, words: str, call: Call) -> bool:
    if error.status_code == 404:
        if error.type == "not_found_error":
            return _is_not_found(error, call, is_named="model" in words.lower())
        return call.endpoint.provider != "anthropic" and bool(words)
    return error.status_code == 400 and bool(_UNKNOWN_MODEL.search(words))


def _is_not_found(error: anthropic.APIStatusError, call: Call, *, is_named: bool) -> bool:
    """Whether what was asked for is not there; `is_named`: the endpoint's words name it."""
    # Some endpoints of one's own call a wrong path by the same type.
    return error.type == "not_found_error" and (is_named or not call.endpoint.is_own)


_UNKNOWN_MODEL = re.compile(
    # Bedrock's, for an id that it does not know, and for one that is only had by a profile.
    r"model identifier is invalid|on-demand throughput|inference profile"
    # LiteLLM's
    r"|invalid model name",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(r"too long|too large|context.?(?:window|length|limit|size)", re.IGNORECASE)


def _too_long(call: Call) -> str:
    return f"This is more than {call.model} can read at once: {call.less}."


def not_the_api(call: Call, content_type: str, status: int = 200) -> str:
    """The sentence for an address where something else answers."""
    kind = content_type.partition(";")[0].strip() or "no known type"
    advice = "check baseUrl"
    if call.endpoint.provider == "anthropic" and call.endpoint.base_url.rstrip("/").endswith("/v1"):
        advice = "leave out /v1 at the end of baseUrl"
    return (
        f"{call.endpoint.host} did not answer as the Messages API does (HTTP {status}, {kind}): "
        f"{advice}."
    )


_SAID = 160
"""Characters of an endpoint's own message that are repeated."""


def _quoted(words: str, call: Call) -> str:
    """An endpoint's words on one line and without the key, as `, "…"`."""
    words = " ".join(words.split())
    for secret in call.endpoint.secrets:
        if secret != NO_KEY:
            words = words.replace(secret, "***")
    return f", {json.dumps(words[:_SAID], ensure_ascii=False)}" if words else ""


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
