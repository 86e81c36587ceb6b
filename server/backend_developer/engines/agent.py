"""The agent engine: one review is a conversation with something that speaks the Messages API.

    request -> prompt -> gate -> a streamed call -> Turn -> Proposal | Verdict as they are written,
                                                            or the pieces of a change
                    the model reads on with tools ◄┘  └►  Usage, then EngineError if it failed

An endpoint that has no structured output is asked to answer with a tool, one that has no tools
in plain JSON; what it refused once is not sent to it again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, cast

from ..catalogue import Catalogue
from ..core.model import AgentDefinition
from ..gate import BYTES_PER_TOKEN, Gate, Outcome, OutgoingCall, Purpose, expected_usage
from ..hidden import addresses_a_reviewer
from ..models import DEFAULT_MODEL, resolve_model, second_look_model
from ..settings import Settings, rule_level
from ..state import State, StateError, placeholder_key
from . import faults, tools
from .answer import read_finding, read_verdict
from .base import Answer, EngineError, Note, ReviewRequest, Thread, ThreadAnswer
from .blocks import Block, fenced_result, sendable
from .change_answer import read_piece
from .change_prompt import follow_up_block, follow_up_texts
from .client import ModelClient, connect
from .endpoint import Endpoint, find_endpoint
from .faults import Call
from .prompt import Prompt, build_prompt
from .redact import Redactions
from .schema import without_descriptions
from .stream import ArrayName, Item
from .turn import ToolCall, Turn

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

logger = logging.getLogger(__name__)

ANSWER_TOOL = "report_review"
"""The tool that the answer is given with where there is no structured output."""
CHECK_SECONDS = 5.0
"""Limit of `check_endpoint`."""


class AgentEngine:
    """Reviews with a model. Belongs to the event loop that it is first used in.

    `environment` is where keys and ANTHROPIC_BASE_URL are read from, at each review; `gate`
    stands between each call and the network. With a `state` the placeholders of secrets are the
    same in every run.
    """

    name = "agent"

    def __init__(
        self,
        environment: Mapping[str, str],
        catalogue: Catalogue,
        gate: Gate,
        state: State | None = None,
    ) -> None:
        self._state = state
        self._key = b""
        self._environment = environment
        self._catalogue = catalogue
        self._gate = gate
        self._clients: dict[Endpoint, ModelClient] = {}
        # What an endpoint refused once is not sent to it again: that would send the code twice.
        self._refused: dict[tuple[str, str], frozenset[str]] = {}

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        """Yields each proposal and verdict when the model has finished writing it, Usage per call.

        Raises EngineError after what had arrived. Closing it, or cancelling the task that
        waits for it, closes the connection.
        """
        settings = request.settings
        conversation = await asyncio.to_thread(self.prepare, request)
        if left_out := request.surroundings.left_out:
            yield Note(f"left out for want of room: {', '.join(left_out)}")
        if conversation.is_steered and request.evidence:
            yield Note(
                "this file has text that speaks to a reviewing model, so no finding is taken back "
                "because the model says so"
            )
        not_kept_to: frozenset[str] = frozenset()
        left = tools.turns(request.agent)
        while left:
            left -= 1
            refused = self.refused(conversation.place) | not_kept_to
            body = conversation.body(refused, is_last=not left)
            turn = conversation.new_turn(refused)
            failure: str | None = None
            cause: Exception | None = None
            # In a thread: a body can be large.
            outgoing = await asyncio.to_thread(conversation.outgoing, body)
            permit = await self._gate.enter(outgoing)
            outcome: Outcome = "refused"  # Until something may have been sent.
            # Set around each wait, never around a yield: it would go off in the code of whoever
            # reads the answers.
            limit = asyncio.get_running_loop().time() + settings.timeout_seconds
            try:
                async with asyncio.timeout_at(limit):
                    client = await self.client(conversation.call.endpoint)
                    outcome = "cancelled"
                    stream = await client.open_stream(body, limit)
                async with stream:
                    async for event in stream:
                        for item in turn.read(event):
                            if answer := conversation.answer(item):
                                yield answer
                        if conversation.is_full:
                            break
                failure = conversation.unfinished(turn, stream.content_type)
                outcome = "finished"
            except EngineError:
                outcome = "refused"  # Nothing was sent.
                raise
            # Nothing narrower will do: see what the SDK lets through, in faults.explain. A task's
            # cancellation and a generator's closing are no Exceptions, so they pass.
            except Exception as error:
                if outcome == "cancelled":
                    is_paid = turn.usage is not None or not faults.was_refused(error)
                    outcome = "failed" if is_paid else "refused"
                if options := _refused_options(error, body) - refused:
                    logger.info(
                        "%s refused %s.",
                        conversation.call.endpoint.host,
                        " and ".join(sorted(options)),
                    )
                    self._refuse(conversation, options)
                    left += 1
                    continue
                has_begun = turn.usage is not None
                failure = faults.explain(error, conversation.call, has_begun=has_begun)
                cause = error
            finally:
                await asyncio.shield(self._gate.leave(permit, turn.usage, outcome))
            if turn.usage is not None:
                yield turn.usage
            if failure is not None:
                raise EngineError(failure) from cause
            if conversation.is_full:
                yield Note(
                    f"The review ended at {settings.maximum_findings} findings: raise "
                    "maximumFindings to read on.",
                    is_end=True,
                )
                return
            # An endpoint may make up tools where it was offered none.
            reads_on = turn.stop_reason == "tool_use" and turn.calls and conversation.tool_names
            if reads_on and left:
                await self._read_on(conversation, turn)
                continue
            if turn.reader.complete:
                self._refuse(conversation, not_kept_to)
                if request.task.kind != "review":
                    yield ThreadAnswer(conversation.thread_after(turn))
                break
            if reads_on:
                raise EngineError(
                    f"{conversation.call.model} came to no answer within "
                    f"{tools.turns(request.agent)} calls: raise maxTurns in the agent's file."
                )
            form = _form(refused)
            # Where the form is promised, it is no other that is wanted.
            is_promised = form == "structured" and not conversation.call.endpoint.is_own
            if is_promised or form == "text" or conversation.has_answer:
                raise EngineError(faults.wrong_form(conversation.call))
            # It took the form that was asked for, and did not keep to it: it is asked in another.
            not_kept_to |= {form}
            left += 1
        if conversation.unusable:
            logger.info("%d judgements of the model's could not be used.", conversation.unusable)

    def prepare(self, request: ReviewRequest) -> Conversation:
        """The conversation that a review begins with. Raises EngineError when there can be none.

        In a thread: the secrets in it are looked for.
        """
        document, settings = request.document, request.settings
        if why := request.denials.why(document.path or document.uri):
            raise EngineError(
                f"This file is never sent to a model, because {why}: use the local engine for it."
            )
        endpoint = find_endpoint(settings, self._environment)
        resolve = second_look_model if request.second_look else resolve_model
        model = resolve(request.agent, settings)
        rules = [
            rule
            for rule in self._catalogue.rules.values()
            if rule.focus in request.task.focuses
            and rule_level(settings, rule.id) != "off"
            and (not rule.languages or document.language in rule.languages)
        ]
        offered = tools.definitions(request.agent) if request.reader else []
        if "tools" in self.refused((endpoint.base_url, model)):
            offered = []
        key = self.placeholder_key()
        prompt = build_prompt(request, rules, has_tools=bool(offered), key=key)
        call = Call(endpoint, model, settings, request.task.kind)
        return Conversation(request, call, prompt, offered)

    def placeholder_key(self) -> bytes:
        """What the placeholders of secrets are made with. In a thread."""
        if not self._key:
            try:
                self._key = placeholder_key(self._state) if self._state else token_bytes(32)
            except StateError:
                # Nothing will be sent then: the gate needs the same file.
                return token_bytes(32)
        return self._key

    async def close(self) -> None:
        """Closes the connections that are kept open between reviews."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.close()

    def refused(self, place: tuple[str, str]) -> frozenset[str]:
        """What an endpoint and a model are known not to take."""
        return self._refused.get(place, frozenset())

    def _refuse(self, conversation: Conversation, options: frozenset[str]) -> None:
        known = self._refused.get(conversation.place, frozenset())
        self._refused[conversation.place] = known | options

    async def client(self, endpoint: Endpoint) -> ModelClient:
        """The connections to an endpoint, made when they are first needed."""
        if endpoint not in self._clients:
            client = await asyncio.to_thread(connect, endpoint)
            # Of two reviews that came here at once, the later one's was never used.
            self._clients.setdefault(endpoint, client)
        return self._clients[endpoint]

    async def _read_on(self, conversation: Conversation, turn: Turn) -> None:
        reader = conversation.request.reader
        assert reader is not None  # Without one it has no tools to call.
        allowed = conversation.tool_names
        results = [
            (call, await asyncio.to_thread(tools.run, reader, call, allowed)) for call in turn.calls
        ]
        await asyncio.to_thread(conversation.go_on, turn, results)


class Conversation:
    """One review's exchange of messages: what was said, and what the next call sends."""

    def __init__(
        self,
        request: ReviewRequest,
        call: Call,
        prompt: Prompt,
        offered: Sequence[dict[str, object]],
    ) -> None:
        self.request = request
        self.call = call
        self.prompt = prompt
        self.unusable = 0
        """Judgements without a verdict, or of findings that were not asked about."""
        self.has_answer = False
        """Something of an answer has been read."""
        self._tools = list(offered)
        self._redactions: Redactions = prompt.redactions
        self._messages: list[dict[str, object]] = [{"role": "user", "content": list(prompt.user)}]
        self._paths = [
            request.relative_path,
            *(name for name, _ in request.conventions),
            *(excerpt.path for excerpt in request.surroundings.excerpts),
        ]
        if request.thread:
            self._take_up(request.thread)
        self.is_steered = addresses_a_reviewer(request.document.text)
        """The text tells a model what to say: nothing is taken back because that one says so."""
        self._asked_about = {finding.id for finding in request.evidence}
        self._findings = 0
        self._room = request.settings.reading_tokens * BYTES_PER_TOKEN

    @property
    def place(self) -> tuple[str, str]:
        """The endpoint and the model: what one refuses, another may accept."""
        return self.call.endpoint.base_url, self.call.model

    @property
    def tool_names(self) -> list[str]:
        return [str(tool["name"]) for tool in self._tools]

    @property
    def is_full(self) -> bool:
        """As many findings came as a person wants to read."""
        return self._findings >= self.request.settings.maximum_findings

    def new_turn(self, refused: frozenset[str]) -> Turn:
        answer_tool = ANSWER_TOOL if _form(refused) == "tool" else ""
        required: Collection[ArrayName] = ("evidence" if self.request.second_look else "findings",)
        if not self.call.is_review:
            required = ("explanation", "edits", "files")
        return Turn(self.call.model, answer_tool, required)

    def body(self, refused: frozenset[str], *, is_last: bool) -> dict[str, object]:
        """The next request, without what the endpoint refuses; the `last` one has no tools left."""
        form = _form(refused)
        schema = without_descriptions(self.prompt.schema)
        config: dict[str, object] = {}
        if form == "structured":
            config["format"] = {"type": "json_schema", "schema": schema}
        if self.request.agent.effort and "effort" not in refused:
            config["effort"] = self.request.agent.effort
        has_tools = form != "text" and "tools" not in refused
        offered = list(self._tools) if has_tools else []
        choice: dict[str, object] = {"type": "none" if is_last else "auto"}
        if form == "tool":
            answer: dict[str, object] = {
                "name": ANSWER_TOOL,
                "description": "Reports the answer. Call it once, at the end.",
                "input_schema": schema,
            }
            is_only_one = is_last or not offered
            if "forced tool" in refused:
                choice = {"type": "auto"}
                offered = [] if is_only_one else offered
            else:
                choice = {"type": "tool", "name": ANSWER_TOOL} if is_only_one else {"type": "any"}
            offered.append(answer)
        messages, system = self._messages, list(self.prompt.system)
        # What goes on, or may, is read from the cache up to where it ended.
        if len(messages) > 1 or not self.call.is_review:
            messages = [*messages[:-1], _ending_in_breakpoint(messages[-1])]
        if "cache" in refused:
            system = _without_breakpoints(system)
            messages = [
                {**message, "content": _without_breakpoints(cast("Any", message["content"]))}
                for message in messages
            ]
        # In the order of the API's members, so that the SDK sends what the journal says.
        return {
            "max_tokens": self.call.max_tokens,
            "messages": messages,
            "model": self.call.model,
            **({"output_config": config} if config else {}),
            "stream": True,
            "system": system,
            **({"tool_choice": choice, "tools": offered} if offered else {}),
        }

    def outgoing(self, body: Mapping[str, object]) -> OutgoingCall:
        """The call as the gate is told of it."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        purpose: Purpose = "second look" if self.request.second_look else "review"
        if not self.call.is_review:
            purpose = self.request.task.kind
        return OutgoingCall(
            base_url=self.call.endpoint.base_url,
            model=self.call.model,
            purpose=purpose,
            root=self.request.root,
            paths=tuple(dict.fromkeys(self._paths)),
            body=text,
            expected=expected_usage(self.call.model, text, self.call.max_tokens),
            settings=self.call.settings,
            review=self.request.review_id,
        )

    def answer(self, item: Item) -> Answer | None:
        """What an element of the answer says; None when it says nothing."""
        self.has_answer = True
        if not self.call.is_review:
            return read_piece(item, self.prompt.path, self._redactions.restore)
        if item.array == "findings":
            if self.request.second_look:
                return None
            self._findings += 1
            source = f"agent:{self.call.model}"
            return read_finding(item.value, source, self.prompt.path, self._redactions.restore)
        verdict = read_verdict(item.value)
        if verdict is not None and verdict.refuted and self.is_steered:
            return None
        if verdict is None or verdict.finding_id not in self._asked_about:
            self.unusable += 1
            return None
        return verdict

    def unfinished(self, turn: Turn, content_type: str) -> str | None:
        """Why a turn that ended without an error is none; None when the model has finished it."""
        is_whole = turn.reader.complete and turn.stop_reason in ("pause_turn", "stop_sequence")
        if self.is_full or is_whole:
            return None
        return faults.unfinished(
            self.call,
            turn.stop_reason,
            refusal=turn.refusal,
            has_begun=turn.usage is not None,
            content_type=content_type,
        )

    def go_on(self, turn: Turn, results: Sequence[tuple[ToolCall, tools.Result]]) -> None:
        """Adds what the model asked for and what its tools said, as far as there is room."""
        texts = [text for _, result in results for text in (result.text, result.path)]
        self._redactions = self._redactions.extended(texts)
        answers: list[Block] = []
        for call, result in results:
            # Hidden before it is cut: half a secret would not be recognised as one.
            text, is_error = tools.cut(self._redactions.hide(result.text)), result.is_error
            self._room -= len(text)
            if self._room < 0:
                text = "There is no room for more: judge by what you have."
                is_error = True
            elif result.path:
                self._paths.append(result.path)
            path = self._redactions.hide(result.path)
            shown = text if is_error else fenced_result(text, path)
            answers.append(
                {
                    "type": "tool_result",
                    "tool_use_id": call.id,
                    "content": sendable(shown),
                    **({"is_error": True} if is_error else {}),
                }
            )
        self._messages += [
            {"role": "assistant", "content": turn.content},
            {"role": "user", "content": answers},
        ]

    def thread_after(self, turn: Turn) -> Thread:
        """The conversation, whose last turn was the whole answer."""
        answered: dict[str, object] = {"role": "assistant", "content": turn.content}
        messages = (*self._messages, answered)
        return Thread(self.place, messages, self._redactions, tuple(self._paths))

    def _take_up(self, thread: Thread) -> None:
        """Goes on with an earlier conversation instead of beginning one."""
        self._redactions = thread.redactions.extended(follow_up_texts(self.request))
        self._paths = [*thread.paths, *(path for path, _ in self.request.changed_files)]
        earlier = [dict(message) for message in thread.messages]
        if thread.place != self.place:
            # Only the model that thought it may be told its thoughts.
            earlier = list(map(_without_thinking, earlier))
        # Where the answer was given with a tool, that one's result comes first.
        taken: list[Block] = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": "It was received."}
            for block in cast("list[Block]", earlier[-1]["content"])
            if block.get("type") == "tool_use"
        ]
        said = follow_up_block(self.request, self._redactions)
        self._messages = [*earlier, {"role": "user", "content": [*taken, said]}]


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
    call = Call(endpoint, model, settings)
    try:
        client = await asyncio.to_thread(connect, endpoint)
    except EngineError as error:
        return [using, (False, str(error))]
    try:
        async with client.sdk as sdk, asyncio.timeout(CHECK_SECONDS):
            if not endpoint.has_batches:
                return [using, await _check_provider(sdk, call)]
            response = await sdk.models.with_raw_response.retrieve(model)
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
            if endpoint.base_url.rstrip("/").endswith("/v1"):
                kind = said.headers.get("content-type", "")
                return [using, (False, faults.not_the_api(call, kind, said.status_code))]
            return [
                using,
                (True, f"{endpoint.host} answers, but does not say which models it has."),
            ]
        return [using, (False, faults.explain(error, call))]
    if not getattr(info, "id", None):
        return [using, (False, faults.not_the_api(call, response.headers.get("content-type", "")))]
    limits = getattr(info, "max_input_tokens", None)
    window = f", {limits} tokens of input at most" if limits else ""
    found = (True, f"{endpoint.host} answers and knows {info.id}{window}.")
    if getattr(info, "lifecycle", "active") in ("deprecated", "retired"):
        return [using, found, (False, f"{info.id} is {info.lifecycle}: choose a newer model.")]
    return [using, found]


async def _check_provider(sdk: AsyncAnthropic, call: Call) -> tuple[bool, str]:
    """Whether a provider that has no list of models answers, and can be asked as somebody."""
    import anthropic
    import httpx2

    try:
        await sdk.get("/", cast_to=httpx2.Response)
    except (anthropic.AuthenticationError, anthropic.InternalServerError) as error:
        return False, faults.explain(error, call)
    except anthropic.APIStatusError:
        pass  # There is nothing at this path.
    return True, (
        f"{call.endpoint.host} answers; whether {call.model} may be used there, "
        "the first review shows."
    )


_NO_AGENT = AgentDefinition(
    name="", description="", prompt="", path="", origin="built-in", model=DEFAULT_MODEL
)


# --- What an endpoint refuses


def _form(refused: frozenset[str]) -> str:
    """How the answer is asked for: "structured", else "tool", else "text"."""
    if "structured" not in refused:
        return "structured"
    return "text" if "tools" in refused or "tool" in refused else "tool"


def _refused_options(error: Exception, body: Mapping[str, object]) -> frozenset[str]:
    """Which options of the request an error is about; empty when it is about none.

    Each answer leaves the next request with less, so that this comes to an end.
    """
    import anthropic  # Loaded by whoever made the call.

    if not isinstance(error, anthropic.APIStatusError):
        return frozenset()
    # Local servers say 500 or 501 of what they have not.
    if error.status_code not in (400, 422, 500, 501):
        return frozenset()
    message = f"{faults.said_by(error)} {json.dumps(error.body, default=str)}"
    if "cache_control" in message and '"cache_control"' in json.dumps(body):
        return frozenset({"cache"})
    config = body.get("output_config")
    options = set(config) if isinstance(config, dict) else set()
    if "effort" in options and "effort" in message:
        return frozenset({"effort"})
    if options and _ABOUT_OUTPUT.search(message):
        return frozenset("structured" if option == "format" else option for option in options)
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and _ABOUT_TOOLS.search(message):
        is_forced = choice["type"] in ("any", "tool")
        return frozenset(
            {"forced tool" if is_forced and _ABOUT_CHOICE.search(message) else "tools"}
        )
    if error.status_code < 500 and _ABOUT_SOMETHING.search(message):
        # It does not say what: first what fewest endpoints have.
        if options:
            return frozenset("structured" if option == "format" else option for option in options)
        return frozenset({"tools"}) if "tools" in body else frozenset()
    return frozenset()


_ABOUT_OUTPUT = re.compile(
    r"output_?config|output_format|response_?format|json_schema|schema|grammar"
    r"|structured.output|guided|effort",
    re.IGNORECASE,
)
"""Gateways and local servers translate the option, and name what they made of it."""
_ABOUT_TOOLS = re.compile(
    r"\btools?\b|tool.?(?:choice|call)|input_schema|function.?call|--jinja", re.IGNORECASE
)
_ABOUT_CHOICE = re.compile(r"tool.?choice|forced?.tool|forces", re.IGNORECASE)
"""The newer models of Claude take no forced tool, whoever serves them."""
_ABOUT_SOMETHING = re.compile(
    r"extra (?:inputs|fields)|additional propert"
    r"|(?:unknown|unrecogni[sz]ed|unsupported|unexpected) (?:request )?"
    r"(?:field|key|param|argument|option)",
    re.IGNORECASE,
)


# --- Cache breakpoints of a conversation


def _ending_in_breakpoint(message: dict[str, object]) -> dict[str, object]:
    *first, last = cast("list[Block]", message["content"])
    return {**message, "content": [*first, {**last, "cache_control": {"type": "ephemeral"}}]}


def _without_thinking(message: dict[str, object]) -> dict[str, object]:
    blocks = cast("list[Block]", message["content"])
    kept = [block for block in blocks if "thinking" not in str(block.get("type"))]
    return {**message, "content": kept}


def _without_breakpoints(blocks: Sequence[Block]) -> list[Block]:
    return [
        {key: value for key, value in block.items() if key != "cache_control"} for block in blocks
    ]
