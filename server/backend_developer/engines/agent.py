"""The agent engine: one review is one streamed call to something that speaks the Messages API.

    request -> prompt -> messages.create(stream=True) -> AnswerReader -> Proposal | Verdict
                                                      -> Usage, then EngineError if it failed

The raw events are read, not the SDK's accumulating helper: that one fails on
the slightly odd streams of other endpoints, and we keep no snapshot.

The SDK takes about two seconds of CPU to import, so that is done in a thread
when a review first needs it, and nothing else in the program imports it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ..catalogue import Catalogue
from ..core.model import AgentDefinition, Usage
from ..gate import Gate, Outcome, OutgoingCall, Permit, expected_usage
from ..models import DEFAULT_MODEL, resolve_model
from ..settings import Settings, rule_level
from .answer import read_finding, read_verdict, without_descriptions
from .base import Answer, EngineError, ReviewRequest
from .denied import is_denied
from .endpoint import CREDENTIALS, NO_KEY, Endpoint, find_endpoint
from .prompt import Prompt, build_prompt
from .stream import AnswerReader

if TYPE_CHECKING:
    import anthropic
    from anthropic import AsyncAnthropic, AsyncStream
    from anthropic.types import RawMessageStreamEvent

logger = logging.getLogger(__name__)

LONGEST_WAIT = 30.0
"""Seconds that a retry-after may ask for before we give up and say so."""
RETRIES = 2
"""How often a call is tried again before its stream has begun; the time limit covers them all."""
CONNECT_SECONDS = 10.0
CHECK_SECONDS = 5.0
"""Limit of `check_endpoint`."""

OutputConfig: TypeAlias = dict[str, object]


class AgentEngine:
    """Reviews with a model. Belongs to the event loop that it is first used in.

    `environment` is where keys and ANTHROPIC_BASE_URL are read from, at each review. Every call
    passes `gate`.
    """

    name = "agent"

    def __init__(self, environment: Mapping[str, str], catalogue: Catalogue, gate: Gate) -> None:
        self._environment = environment
        self._catalogue = catalogue
        self._gate = gate
        self._clients: dict[Endpoint, AsyncAnthropic] = {}
        # What an endpoint refused once is not sent to it again: that would send the code twice.
        self._refused: dict[tuple[str, str], frozenset[str]] = {}

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        """Yields each proposal and verdict when the model has finished writing it, then Usage.

        Raises EngineError after what had arrived. Closing it, or cancelling the task that
        waits for it, closes the connection.
        """
        document, settings = request.document, request.settings
        if is_denied(document.path or document.uri):
            raise EngineError(
                "This file is never sent to a model because its name says that it holds secrets: "
                "use the local engine for it."
            )
        endpoint = find_endpoint(settings, self._environment)
        model = resolve_model(request.agent, settings)
        rules = [
            rule
            for rule in self._catalogue.rules.values()
            if rule.focus in request.task.focuses
            and rule_level(settings, rule.id) != "off"
            and (not rule.languages or document.language in rule.languages)
        ]
        prompt = build_prompt(request, rules)
        call = _Call(endpoint, model, settings)
        answer = _AnswerState(f"agent:{model}", prompt, {one.id for one in request.evidence})
        failure: str | None
        cause: Exception | None = None
        try:
            async with asyncio.timeout(settings.timeout_seconds):
                client = await self._client(endpoint)
            permit, limit, stream = await self._open(client, call, prompt, request)
            outcome: Outcome = "cancelled"
            try:
                async with stream:
                    while True:
                        # The time limit is set around each wait, never around a yield: it would
                        # go off in the code of whoever reads the answers.
                        async with asyncio.timeout_at(limit):
                            event = await anext(stream, None)
                        if event is None:
                            break
                        for item in answer.read(event):
                            yield item
                outcome = "finished"
            except Exception:
                outcome = "failed"
                raise
            finally:
                await self._gate.leave(permit, answer.usage, outcome)
            failure = _unfinished(answer, call, stream.response.headers.get("content-type", ""))
        except EngineError:
            raise
        # Nothing narrower will do: see what the SDK lets through, in _explain. A task's
        # cancellation and a generator's closing are no Exceptions, so they pass.
        except Exception as error:
            failure, cause = _explain(error, call), error
        if answer.unusable:
            logger.info("%d judgements of the model's could not be used.", answer.unusable)
        if answer.usage is not None:
            yield answer.usage
        if failure is not None:
            raise EngineError(failure) from cause

    async def close(self) -> None:
        """Closes the connections that are kept open between reviews."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.close()

    async def _client(self, endpoint: Endpoint) -> AsyncAnthropic:
        if endpoint not in self._clients:
            client = await asyncio.to_thread(_connect, endpoint, RETRIES)
            # Of two reviews that came here at once, the later one's was never used.
            self._clients.setdefault(endpoint, client)
        return self._clients[endpoint]

    async def _open(
        self, client: AsyncAnthropic, call: _Call, prompt: Prompt, request: ReviewRequest
    ) -> tuple[Permit, float, AsyncStream[RawMessageStreamEvent]]:
        """Sends the request; sends it again without those output options that are refused.

        Returns its permit, and when, by the loop's clock, the call must have ended. The prompt
        describes the answer in words as well, so an answer without those options can be read too.
        """
        import anthropic  # Loaded by _connect.

        schema = without_descriptions(prompt.schema)
        config: OutputConfig = {"format": {"type": "json_schema", "schema": schema}}
        if request.agent.effort:
            config["effort"] = request.agent.effort
        place = (call.endpoint.base_url, call.model)
        while True:
            refused = self._refused.get(place, frozenset())
            config = {key: value for key, value in config.items() if key not in refused}
            # In the order of the API's members, so that the SDK sends what the journal says.
            body: dict[str, Any] = {
                "max_tokens": call.settings.max_output_tokens,
                "messages": [{"role": "user", "content": prompt.user}],
                "model": call.model,
                **({"output_config": config} if config else {}),
                "stream": True,
                "system": prompt.system,
            }
            permit = await self._gate.enter(_outgoing(call, body, request))
            limit = asyncio.get_running_loop().time() + call.settings.timeout_seconds
            outcome: Outcome = "cancelled"
            try:
                async with asyncio.timeout_at(limit):
                    stream = await client.messages.create(**body)
                outcome = "finished"
                return permit, limit, stream
            except (anthropic.BadRequestError, anthropic.UnprocessableEntityError) as error:
                outcome = "refused"
                options = _refused_options(str(error), config)
                if not options:
                    raise
                logger.info("%s refused %s.", call.endpoint.host, " and ".join(sorted(options)))
                self._refused[place] = refused | options
            except Exception as error:
                is_refused = isinstance(error, anthropic.APIStatusError) or _offline(error)
                outcome = "refused" if is_refused else "failed"
                raise
            finally:
                if outcome != "finished":
                    await self._gate.leave(permit, None, outcome)


async def check_endpoint(
    settings: Settings, environment: Mapping[str, str], agent: AgentDefinition | None = None
) -> list[tuple[bool, str]]:
    """Whether the agent engine would work, as (good, sentence) pairs; no secret is in them.

    Asks the endpoint about the model, within five seconds, and sends no code. `agent` is who
    would review; without one the `model` setting alone decides.
    """
    model = resolve_model(agent or _NO_AGENT, settings)
    try:
        endpoint = find_endpoint(settings, environment)
    except EngineError as error:
        return [(False, str(error))]
    using = (True, f"The agent engine would use the model {model} at {endpoint.base_url}.")
    call = _Call(endpoint, model, settings)
    try:
        client = await asyncio.to_thread(_connect, endpoint, 0)
    except EngineError as error:
        return [using, (False, str(error))]
    try:
        async with client, asyncio.timeout(CHECK_SECONDS):
            response = await client.models.with_raw_response.retrieve(model)
            info = await response.parse()
    except TimeoutError:
        return [using, (False, f"{endpoint.host} did not answer within {CHECK_SECONDS:g} seconds.")]
    except Exception as error:
        said = getattr(error, "response", None)
        if (
            endpoint.is_own
            and said is not None
            and said.status_code in (404, 405, 501)
            and "html" not in said.headers.get("content-type", "")
        ):
            # Such endpoints often have no list of models, and serve whatever name is asked for.
            return [
                using,
                (True, f"{endpoint.host} answers, but does not say which models it has."),
            ]
        return [using, (False, _explain(error, call))]
    if not getattr(info, "id", None):
        return [using, (False, _not_the_api(call, response.headers.get("content-type", "")))]
    limits = getattr(info, "max_input_tokens", None)
    window = f", {limits} tokens of input at most" if limits else ""
    found = (True, f"{endpoint.host} answers and knows {info.id}{window}.")
    if getattr(info, "lifecycle", "active") in ("deprecated", "retired"):
        return [using, found, (False, f"{info.id} is {info.lifecycle}: choose a newer model.")]
    return [using, found]


# --- The client

_NO_AGENT = AgentDefinition(
    name="", description="", prompt="", path="", origin="built-in", model=DEFAULT_MODEL
)


def _connect(endpoint: Endpoint, retries: int) -> AsyncAnthropic:
    """A client for `endpoint`. To be called in a thread: the import is slow, a profile a file."""
    import anthropic

    argument, value = endpoint.credential
    try:
        return anthropic.AsyncAnthropic(
            **cast("Any", {argument: value}),
            # Explicit also for a profile, which may name another: code goes where we said it does.
            base_url=endpoint.base_url,
            max_retries=retries,
            timeout=anthropic.Timeout(None, connect=CONNECT_SECONDS),
            middleware=[_give_up_on_long_waits],
            # Nor does it go on to where an endpoint points.
            http_client=anthropic.DefaultAsyncHttpxClient(follow_redirects=False),
        )
    except Exception as error:
        what = "ANTHROPIC_PROFILE" if argument == "profile" else "the setting baseUrl"
        raise EngineError(f"The model's client cannot be set up: check {what}.") from error


async def _give_up_on_long_waits(request: Any, call_next: Any) -> Any:
    """SDK middleware: it obeys any retry-after, of an hour too, unless told not to try again."""
    response = await call_next(request)
    seconds = _retry_after(response.headers)
    if seconds is not None and seconds > LONGEST_WAIT:
        response.headers["x-should-retry"] = "false"
    return response


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a response asks us to wait, in any of the forms that the SDK obeys."""
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


def _refused_options(message: str, config: OutputConfig) -> frozenset[str]:
    """Which of the output options an error 400 or 422 is about; all of them if it is unclear."""
    if not config or not _ABOUT_OUTPUT.search(message):
        return frozenset()
    if "effort" in config and "effort" in message:
        return frozenset({"effort"})
    return frozenset(config)


_ABOUT_OUTPUT = re.compile(
    r"output_config|json_schema|schema|grammar|structured.output|effort", re.IGNORECASE
)


# --- The answer


@dataclass(frozen=True, slots=True)
class _Call:
    """What the sentences about a failed call speak of."""

    endpoint: Endpoint
    model: str
    settings: Settings


def _outgoing(call: _Call, body: Mapping[str, Any], request: ReviewRequest) -> OutgoingCall:
    """The call as the gate sees it."""
    # As the SDK's HTTP library writes it.
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    path = request.document.path or request.document.uri
    if request.root and PurePath(path).is_relative_to(request.root):
        path = PurePath(path).relative_to(request.root).as_posix()
    return OutgoingCall(
        base_url=call.endpoint.base_url,
        model=call.model,
        purpose="review",
        root=request.root,
        paths=(path, *(name for name, _ in request.conventions)),
        body=text,
        expected=expected_usage(call.model, text, call.settings.max_output_tokens),
        settings=call.settings,
        review=request.review_id,
    )


class _AnswerState:
    """What is known of the answer so far."""

    def __init__(self, source: str, prompt: Prompt, evidence: set[str]) -> None:
        self.reader = AnswerReader()
        self.usage: Usage | None = None
        self.stop_reason: str | None = None
        self.refusal = ""
        """The category of a refusal."""
        self.unusable = 0
        """Judgements without a verdict, or of findings that were not asked about."""
        self._source = source
        self._prompt = prompt
        self._evidence = evidence

    def read(self, event: object) -> Iterator[Answer]:
        """Takes one event of the stream and yields what it completes; passes over unknown ones."""
        match getattr(event, "type", None):
            case "message_start":
                message = getattr(event, "message", None)
                self._count(getattr(message, "usage", None), getattr(message, "model", None))
            case "content_block_delta":
                text = getattr(getattr(event, "delta", None), "text", None)
                if isinstance(text, str):
                    yield from self._items(text)
            case "message_delta":
                delta = getattr(event, "delta", None)
                self.stop_reason = getattr(delta, "stop_reason", None)
                details = getattr(delta, "stop_details", None)
                self.refusal = getattr(details, "category", None) or ""
                self._count(getattr(event, "usage", None), None)

    def _items(self, text: str) -> Iterator[Answer]:
        for item in self.reader.feed(text):
            if item.array == "findings":
                restore = self._prompt.redactions.restore
                yield read_finding(item.value, self._source, self._prompt.path, restore)
                continue
            verdict = read_verdict(item.value)
            if verdict is None or verdict.finding_id not in self._evidence:
                self.unusable += 1
            else:
                yield verdict

    def _count(self, counted: object, model: str | None) -> None:
        """Merges in the tokens of an event: they are totals, and those that are absent stay."""
        known = self.usage or Usage(model or self._source.partition(":")[2])

        def total(name: str, before: int) -> int:
            value = getattr(counted, name, None)
            return value if isinstance(value, int) else before

        self.usage = Usage(
            model=known.model,
            input_tokens=total("input_tokens", known.input_tokens),
            cache_write_tokens=total("cache_creation_input_tokens", known.cache_write_tokens),
            cache_read_tokens=total("cache_read_input_tokens", known.cache_read_tokens),
            output_tokens=total("output_tokens", known.output_tokens),
        )


# --- What went wrong, in a sentence each

_KEPT = "what had arrived is kept"


def _unfinished(answer: _AnswerState, call: _Call, content_type: str) -> str | None:
    """Why an answer that ended without an error is none; None when it is complete."""
    model, host = call.model, call.endpoint.host
    match answer.stop_reason:
        case "refusal":
            why = f" (category: {answer.refusal})" if answer.refusal else ""
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
        case None if answer.usage is None:
            return _not_the_api(call, content_type)
        case None:
            return f"{host} ended the answer before it was finished and {_KEPT}: review again."
    if answer.reader.complete:
        return None
    return (
        f"{model} did not answer in the form it was asked for: review again, or choose a model "
        "that has structured output."
    )


def _explain(error: Exception, call: _Call) -> str:
    """The sentence for an error of a call.

    The SDK lets these through as they are: httpx2 errors once a stream has begun, JSON errors
    of an event, AssertionError and TypeError; an `error` event is an APIStatusError with status
    200 and a type.
    """
    import anthropic  # Loaded by _connect.
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
    if isinstance(error, anthropic.APIError | ValueError | AssertionError):
        return f"{host} sent something that is not the Messages API: check baseUrl."
    if isinstance(error, anthropic.AnthropicError):
        return f"The key for {host} cannot be had: check ANTHROPIC_PROFILE."
    return f"The review by {call.model} failed unexpectedly: the log says where."


def _status(error: anthropic.APIStatusError, call: _Call) -> str:
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
        return _not_the_api(call, error.response.headers.get("content-type", ""), status)
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


def _too_long(call: _Call) -> str:
    return f"This is more than {call.model} can read at once: select less code."


def _not_the_api(call: _Call, content_type: str, status: int = 200) -> str:
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


def _said(error: anthropic.APIStatusError, call: _Call) -> str:
    """The endpoint's own words, on one line and without the key, as `, "…"`."""
    words = " ".join((error.api_message or "").split())
    words = words.replace(call.endpoint.credential[1], "***")[:_SAID]
    return f", {json.dumps(words, ensure_ascii=False)}" if words else ""


def _when(headers: Mapping[str, str]) -> str:
    seconds = min(_retry_after(headers) or 0, 86_400)
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
