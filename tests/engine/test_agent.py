"""The agent engine through the real SDK, against an endpoint on loopback."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import subprocess
import sys
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import AsyncGeneratorType

import pytest

import backend_developer.engines.client as client_module
from backend_developer.catalogue import Catalogue
from backend_developer.core.model import Document, Finding, Proposal, Usage, Verdict
from backend_developer.engines.agent import AgentEngine, check_endpoint
from backend_developer.engines.base import Answer, EngineError
from backend_developer.engines.endpoint import available, find_endpoint
from backend_developer.settings import Settings
from engine.support import AGENT, CODE, MakeRequest, OpenGate, Review, quotes
from loopback_model import KEY, LoopbackModel, Reply, answer, finding

FIRST = finding(quote="% name", line=4)
SECOND = finding(quote="fetchall()", line=7)
TWO = answer(FIRST, SECOND)
AFTER_FIRST = TWO.index("}") + 20
"""Characters of TWO after which the first finding is there and the second is not."""
# The SDK waits this long, in milliseconds, before it tries again.
AT_ONCE = {"retry-after-ms": "1"}

# Nothing listens on the discard port.
NOWHERE = "http://127.0.0.1:9"

Environment = dict[str, str]


# --- What is asked and answered


async def test_a_review_yields_findings_then_judgements_then_usage(
    model: LoopbackModel, review: Review, make_request: MakeRequest, sql_finding: Finding
) -> None:
    verdict = {"id": "f1", "reason": "The name is bound elsewhere.", "refuted": True}
    unknown = {"id": "f2", "reason": "Who?", "refuted": True}
    model.script(Reply(answer(FIRST, SECOND, evidence=[verdict, unknown])))
    answers, error = await review(make_request(evidence=(sql_finding,)))
    assert error == ""
    assert quotes(answers) == ["% name", "fetchall()"]
    first = answers[0]
    assert isinstance(first, Proposal)
    assert (first.source, first.author) == ("agent:claude-sonnet-5-5", "agent")
    assert answers[2:] == [
        Verdict("f1", True, "The name is bound elsewhere."),
        Usage("claude-sonnet-5-5", 1200, 300, 2500, 77),
    ]


async def test_the_gate_sees_the_bytes_that_are_sent(
    model: LoopbackModel, review: Review, make_request: MakeRequest, gate: OpenGate
) -> None:
    model.refuses = {"output_config": "effort is not supported"}
    request = make_request(
        'name = "€ 😀 \\ \u2028"\n',
        agent=replace(AGENT, effort="low"),
        root="/home/anna/shop",
        review_id="first",
        conventions=(("CLAUDE.md", "Bind values."),),
    )
    await review(request)
    assert [call.body.encode() for call in gate.calls] == [one.raw for one in model.requests]
    assert len(gate.calls) > 1
    [call, *_] = gate.calls
    assert (call.base_url, call.model, call.root) == (model.url, "claude-sonnet-5-5", request.root)
    assert (call.paths, call.review) == (("app/users.py", "CLAUDE.md"), "first")
    assert call.expected.output_tokens == Settings().max_output_tokens


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(), "finished"),
        (Reply(status=401, error_type="authentication_error"), "refused"),
        (Reply(status=529, headers=AT_ONCE), "refused"),
        (Reply(TWO, fault="cut", after=AFTER_FIRST), "failed"),
        (Reply(TWO, fault="error-event", after=AFTER_FIRST), "failed"),
    ],
    ids=["finished", "no-key", "overloaded", "cut", "error"],
)
async def test_the_gate_is_told_how_a_call_ended(
    model: LoopbackModel, review: Review, gate: OpenGate, reply: Reply, outcome: str
) -> None:
    model.usual = lambda body: reply
    await review()
    [(usage, ended)] = gate.left.values()
    assert ended == outcome
    assert (usage is None) == (outcome == "refused")


async def test_a_call_that_is_cancelled_is_left(
    model: LoopbackModel, engine: AgentEngine, make_request: MakeRequest, gate: OpenGate
) -> None:
    model.script(Reply(TWO, fault="stall", after=AFTER_FIRST))
    request = make_request(settings=Settings(base_url=model.url))
    answers = engine.review(request)
    await anext(answers)
    await answers.aclose()
    assert [outcome for _, outcome in gate.left.values()] == ["cancelled"]


async def test_what_does_not_pass_the_gate_is_not_sent(
    model: LoopbackModel, review: Review, gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(call: object) -> None:
        raise EngineError("Nobody agreed.")

    monkeypatch.setattr(gate, "enter", refuse)
    assert await review() == ([], "Nobody agreed.")
    assert model.requests == []


@pytest.mark.parametrize("chunk", [1, 7, 100_000])
async def test_chunks_do_not_matter(model: LoopbackModel, review: Review, chunk: int) -> None:
    text = answer(finding(quote='"€ 😀 \\ \n"'), SECOND)
    model.script(Reply("Here it is:\n```json\n" + json.dumps(json.loads(text)) + "\n```", chunk))
    answers, error = await review()
    assert error == ""
    assert quotes(answers) == ['"€ 😀 \\ \n"', "fetchall()"]


async def test_a_finding_comes_before_the_rest_is_written(
    model: LoopbackModel, engine: AgentEngine, make_request: MakeRequest
) -> None:
    model.script(Reply(TWO, fault="stall", after=AFTER_FIRST))
    request = make_request(settings=Settings(base_url=model.url, timeout_seconds=30))
    async with aclosing(engine.review(request)) as stream:
        first = await asyncio.wait_for(anext(stream), 10)
    assert quotes([first]) == ["% name"]


async def test_the_request_asks_for_the_closed_schema(model: LoopbackModel, review: Review) -> None:
    await review(max_output_tokens=1234)
    [request] = model.requests
    body = request.body
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["max_tokens"], body["stream"]) == ("claude-sonnet-5-5", 1234, True)
    assert set(body["output_config"]) == {"format"}
    schema = body["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False
    rule = schema["properties"]["findings"]["items"]["properties"]["rule"]
    assert rule["enum"] == ["security/sql-injection", "security/hardcoded-secret", "other"]
    assert not {"tools", "temperature", "thinking"} & set(body)


async def test_rules_that_are_off_are_not_asked_about(model: LoopbackModel, review: Review) -> None:
    await review(rules={"security/hardcoded-secret": "off"})
    body = model.requests[0].raw.decode()
    assert "security/sql-injection" in body
    assert "security/hardcoded-secret" not in body


async def test_rules_of_other_languages_are_not_asked_about(
    model: LoopbackModel, review: Review
) -> None:
    await review()
    assert "security/image-runs-as-root" not in model.requests[0].raw.decode()


async def test_effort_is_the_agents(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    await review(make_request(agent=replace(AGENT, effort="high")))
    assert model.requests[0].body["output_config"]["effort"] == "high"


async def test_the_beginning_of_two_calls_is_the_same(model: LoopbackModel, review: Review) -> None:
    await review()
    await review()
    first, second = (request.raw for request in model.requests)
    assert first == second


async def test_a_denied_file_is_not_sent(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    document = Document("file:///srv/.env.local", "/srv/.env.local", "plaintext", "A=1\n")
    answers, error = await review(make_request(document=document))
    assert (answers, model.requests) == ([], [])
    assert error.startswith("This file is never sent to a model, because its name says")


# --- Faults: a sentence each, and what had arrived stays


@pytest.mark.parametrize(
    ("reply", "kept", "sentence"),
    [
        (
            Reply(TWO, fault="cut", after=AFTER_FIRST),
            1,
            "The connection to HOST was cut in mid-answer and what had arrived is kept: "
            "review again.",
        ),
        (
            Reply(TWO, fault="no-stop", after=AFTER_FIRST),
            1,
            "HOST ended the answer before it was finished and what had arrived is kept: "
            "review again.",
        ),
        (
            Reply(TWO, fault="error-event", after=AFTER_FIRST),
            1,
            "HOST is overloaded: try again in a few minutes.",
        ),
        (
            Reply(TWO, fault="error-event", after=AFTER_FIRST, error_type="api_error"),
            1,
            "HOST failed (HTTP 500): try again in a few minutes.",
        ),
        (
            Reply(TWO, fault="bad-event", after=AFTER_FIRST),
            1,
            "HOST sent a broken answer and what had arrived is kept: review again.",
        ),
        (
            Reply(TWO[:AFTER_FIRST], stop_reason="max_tokens"),
            1,
            "The answer of MODEL reached the limit of 16000 tokens and what had arrived is kept: "
            "select less code or raise maxOutputTokens.",
        ),
        (
            Reply(TWO[:AFTER_FIRST], stop_reason="model_context_window_exceeded"),
            1,
            "This is more than MODEL can read at once: select less code.",
        ),
        (
            Reply("", stop_reason="refusal", refusal="cyber"),
            0,
            "MODEL declined to review this code (category: cyber), which can happen to harmless "
            "security work: select less code or choose another model.",
        ),
        (
            Reply("", stop_reason="refusal"),
            0,
            "MODEL declined to review this code, which can happen to harmless security work: "
            "select less code or choose another model.",
        ),
        (
            Reply(TWO[:AFTER_FIRST] + "]}]"),
            1,
            "MODEL did not answer in the form it was asked for: review again, or choose a model "
            "that has structured output.",
        ),
    ],
    ids=[
        "cut",
        "no message_stop",
        "error event",
        "api_error event",
        "bad event",
        "max_tokens",
        "context window",
        "refusal",
        "refusal without category",
        "invalid JSON",
    ],
)
async def test_an_answer_that_goes_wrong_midway(
    model: LoopbackModel, review: Review, reply: Reply, kept: int, sentence: str
) -> None:
    model.script(reply)
    answers, error = await review()
    assert error == named(sentence, model)
    assert quotes(answers) == ["% name"][:kept]
    assert isinstance(answers[-1], Usage)
    assert answers[-1].cache_read_tokens == 2500
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("reply", "settings"),
    [
        (Reply(TWO, fault="error-event", after=AFTER_FIRST), {}),
        (Reply(TWO, fault="bad-event", after=AFTER_FIRST), {}),
        (Reply(TWO, fault="cut", after=AFTER_FIRST), {}),
        (Reply(TWO, fault="stall", after=AFTER_FIRST), {"timeout_seconds": 1}),
        (Reply(TWO), {"maximum_findings": 1}),
    ],
    ids=["error event", "bad event", "cut", "stall", "not read to its end"],
)
async def test_an_answer_leaves_nothing_to_the_search_for_garbage(
    model: LoopbackModel, review: Review, reply: Reply, settings: dict[str, int]
) -> None:
    """In another thread that would close a stream which this one is just closing."""
    await review()  # So that what is imported and connected once is there.
    gc.collect()
    before = _suspended()
    gc.disable()
    try:
        model.script(reply)
        answers, _ = await review(**settings)
        assert quotes(answers) == ["% name"]
        for _ in range(50):
            await asyncio.sleep(0)  # Each generator of the stream is closed in a task of its own.
        assert [one.__qualname__ for one in _suspended() if one not in before] == []
    finally:
        gc.enable()


def _suspended() -> list[AsyncGeneratorType[object, object]]:
    return [
        one
        for one in gc.get_objects()
        if isinstance(one, AsyncGeneratorType) and one.ag_frame is not None
    ]


@pytest.mark.parametrize(
    ("reply", "sentence", "calls"),
    [
        (
            Reply(status=429, error_type="rate_limit_error", headers={"retry-after": "3600"}),
            "HOST allows no more requests now: try again in 60 minutes.",
            1,
        ),
        (
            Reply(
                status=429,
                error_type="rate_limit_error",
                headers={"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"},
            ),
            "HOST allows no more requests now: try again in 24 hours.",
            1,
        ),
        (
            Reply(status=429, error_type="rate_limit_error", headers=AT_ONCE),
            "HOST allows no more requests now: try again in a minute.",
            3,
        ),
        (
            Reply(status=529, headers=AT_ONCE),
            "HOST is overloaded: try again in a few minutes.",
            3,
        ),
        (
            Reply(status=500, error_type="api_error", headers=AT_ONCE),
            "HOST failed (HTTP 500): try again in a few minutes.",
            3,
        ),
        (
            Reply(status=403, error_type="permission_error", message=f"not {KEY}\nat all"),
            'HOST refused the key (HTTP 403, "not *** at all"): check ANTHROPIC_API_KEY.',
            1,
        ),
        (
            Reply(
                status=400,
                error_type="invalid_request_error",
                message="prompt is too long: 208310 tokens > 200000 maximum",
            ),
            "This is more than MODEL can read at once: select less code.",
            1,
        ),
        (
            Reply(status=413, error_type="request_too_large"),
            "This is more than MODEL can read at once: select less code.",
            1,
        ),
        (
            Reply(
                status=400,
                error_type="invalid_request_error",
                message="Your credit balance is too low.",
            ),
            'HOST refused the request (HTTP 400, "Your credit balance is too low."): check the '
            "settings model and baseUrl.",
            1,
        ),
        (
            Reply(html="<h1>Welcome</h1>"),
            "HOST did not answer as the Messages API does (HTTP 200, text/html): check baseUrl.",
            1,
        ),
        (
            Reply(html="<h1>Not here</h1>", status=404),
            "HOST did not answer as the Messages API does (HTTP 404, text/html): check baseUrl.",
            1,
        ),
        (
            Reply(html="<h1>Bad gateway</h1>", status=502, headers=AT_ONCE),
            "HOST failed (HTTP 502): try again in a few minutes.",
            3,
        ),
        (
            Reply(html="<h1>Unsupported method</h1>", status=501, headers=AT_ONCE),
            "HOST did not answer as the Messages API does (HTTP 501, text/html): check baseUrl.",
            3,
        ),
        (
            Reply(html="moved", status=307, headers={"location": f"{NOWHERE}/v1/messages"}),
            "HOST points to another address (HTTP 307): set baseUrl to that one.",
            1,
        ),
    ],
    ids=[
        "429 for an hour",
        "429 until a date",
        "429",
        "529",
        "500",
        "403",
        "too long",
        "413",
        "400",
        "html",
        "html 404",
        "html 502",
        "html 501",
        "redirect",
    ],
)
async def test_a_request_that_is_not_answered(
    model: LoopbackModel, review: Review, reply: Reply, sentence: str, calls: int
) -> None:
    model.script(reply, reply, reply)
    answers, error = await review()
    assert (answers, error) == ([], named(sentence, model))
    assert len(model.requests) == calls


def named(sentence: str, model: LoopbackModel) -> str:
    host = model.url.removeprefix("http://")
    return sentence.replace("HOST", host).replace("MODEL", "claude-sonnet-5-5")


async def test_a_busy_endpoint_is_asked_again(model: LoopbackModel, review: Review) -> None:
    model.script(Reply(status=529, headers=AT_ONCE), Reply(TWO))
    answers, error = await review()
    assert (len(quotes(answers)), error) == (2, "")


async def test_a_wrong_key(model: LoopbackModel, review: Review) -> None:
    model.key = "another"
    _, error = await review()
    sentence = 'HOST refused the key (HTTP 401, "invalid key"): check ANTHROPIC_API_KEY.'
    assert error == named(sentence, model)


async def test_an_unknown_model_is_named(model: LoopbackModel, review: Review) -> None:
    model.models = {"claude-opus-5-5"}
    _, error = await review(model="claude-nonsense")
    sentence = (
        "HOST does not know the model claude-nonsense: choose another with the setting model."
    )
    assert error == named(sentence, model)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(TWO, fault="stall", after=AFTER_FIRST),
        Reply(TWO + " " * 10_000, chunk=AFTER_FIRST, delay=0.15),
    ],
    ids=["stall", "slow drip"],
)
async def test_an_answer_that_takes_too_long(
    model: LoopbackModel, review: Review, reply: Reply
) -> None:
    model.script(reply)
    answers, error = await review(timeout_seconds=0.4)
    sentence = "HOST took longer than 0.4 seconds: select less code or raise timeoutSeconds."
    assert error == named(sentence, model)
    assert quotes(answers)[:1] == ["% name"]
    await asyncio.wait_for(model.requests[0].disconnected.wait(), 1)


async def test_the_time_limit_is_not_the_readers(
    model: LoopbackModel, engine: AgentEngine, make_request: MakeRequest
) -> None:
    """While whoever reads the answers is busy, no time limit goes off in their code."""
    model.script(Reply(TWO, fault="stall", after=AFTER_FIRST))
    request = make_request(settings=Settings(base_url=model.url, timeout_seconds=0.3))
    async with aclosing(engine.review(request)) as stream:
        await anext(stream)
        await asyncio.sleep(0.4)
        with pytest.raises(EngineError, match=r"took longer than 0\.3 seconds"):
            async for _ in stream:
                pass


async def test_an_endpoint_that_is_not_there(
    review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "RETRIES", 0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _, error = await review(base_url=f"http://127.0.0.1:{port}", timeout_seconds=10)
    assert error == (
        f"127.0.0.1:{port} cannot be reached (it refuses connections): check the network "
        "connection and baseUrl."
    )


async def test_a_host_that_has_no_address(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_address(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(client_module, "RETRIES", 0)
    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    _, error = await review(base_url="http://model.invalid", timeout_seconds=10)
    assert error == (
        "model.invalid cannot be reached (its name is not known): check the network connection "
        "and baseUrl."
    )


async def test_cancelling_closes_the_connection(
    model: LoopbackModel, engine: AgentEngine, make_request: MakeRequest
) -> None:
    model.script(Reply(TWO, fault="stall", after=AFTER_FIRST))
    request = make_request(settings=Settings(base_url=model.url))
    got: list[Answer] = []
    arrived = asyncio.Event()

    async def run() -> None:
        async for one in engine.review(request):
            got.append(one)
            arrived.set()

    task = asyncio.create_task(run())
    await asyncio.wait_for(arrived.wait(), 10)
    cancelled = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(model.requests[0].disconnected.wait(), 1)
    assert quotes(got) == ["% name"]
    assert model.requests[0].disconnected_at is not None
    assert model.requests[0].disconnected_at - cancelled < 1


async def test_two_reviews_at_once_share_a_client(
    model: LoopbackModel, engine: AgentEngine, review: Review
) -> None:
    model.script(Reply(TWO), Reply(TWO))
    both = await asyncio.gather(review(), review())
    assert [len(quotes(answers)) for answers, _ in both] == [2, 2]
    assert len(engine._clients) == 1


async def test_nothing_secret_is_logged(
    model: LoopbackModel, review: Review, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    model.script(Reply(status=401, error_type="authentication_error", message=KEY), Reply(TWO))
    await review()
    await review()
    assert KEY not in caplog.text
    assert "select * from users" not in caplog.text


# --- Where calls go


@pytest.mark.parametrize(
    ("environment", "base_url", "is_available"),
    [
        ({}, "", False),
        ({"ANTHROPIC_API_KEY": "  "}, "", False),
        ({"ANTHROPIC_API_KEY": "k"}, "", True),
        ({"ANTHROPIC_AUTH_TOKEN": "t"}, "", True),
        ({"ANTHROPIC_PROFILE": "work"}, "", True),
        ({"ANTHROPIC_BASE_URL": "http://localhost:1"}, "", True),
        ({}, "http://localhost:1", True),
    ],
    ids=["nothing", "blank key", "key", "token", "profile", "variable", "setting"],
)
def test_an_agent_is_available_where_it_can_be_asked(
    environment: Environment, base_url: str, is_available: bool
) -> None:
    assert available(Settings(base_url=base_url), environment) is is_available


@pytest.mark.parametrize(
    ("environment", "base_url", "goes_to", "as_whom"),
    [
        ({"ANTHROPIC_API_KEY": "k"}, "", "https://api.anthropic.com", ("api_key", "k")),
        (
            {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_AUTH_TOKEN": "t"},
            "",
            "https://api.anthropic.com",
            ("api_key", "k"),
        ),
        (
            {"ANTHROPIC_AUTH_TOKEN": "t", "ANTHROPIC_BASE_URL": "http://a"},
            "",
            "http://a",
            ("auth_token", "t"),
        ),
        ({"ANTHROPIC_BASE_URL": "http://a"}, "http://b", "http://b", ("api_key", "none")),
    ],
    ids=["key", "key before token", "token and variable", "setting before variable, no key"],
)
def test_the_endpoint_is_the_one_that_is_set(
    environment: Environment, base_url: str, goes_to: str, as_whom: tuple[str, str]
) -> None:
    endpoint = find_endpoint(Settings(base_url=base_url), environment)
    assert (endpoint.base_url, endpoint.arguments) == (goes_to, (as_whom,))
    assert "'k'" not in repr(endpoint)


@pytest.mark.parametrize(
    ("environment", "base_url", "sentence"),
    [
        ({}, "", "The agent needs a key: set ANTHROPIC_API_KEY"),
        ({}, "localhost:8080", "is not an http or https address"),
        ({"ANTHROPIC_API_KEY": "k\u2026y"}, "", "ANTHROPIC_API_KEY has characters"),
    ],
    ids=["no key", "no address", "no such key"],
)
async def test_without_a_usable_endpoint_nothing_is_sent(
    catalogue: Catalogue,
    make_request: MakeRequest,
    environment: Environment,
    base_url: str,
    sentence: str,
) -> None:
    request = make_request(settings=Settings(base_url=base_url))
    with pytest.raises(EngineError, match=sentence):
        await anext(AgentEngine(environment, catalogue, OpenGate()).review(request))


async def test_a_profile_that_does_not_exist_is_named(
    catalogue: Catalogue,
    make_request: MakeRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    engine = AgentEngine(
        {"ANTHROPIC_PROFILE": "no-such", "ANTHROPIC_BASE_URL": NOWHERE}, catalogue, OpenGate()
    )
    with pytest.raises(EngineError, match="check ANTHROPIC_PROFILE"):
        await anext(engine.review(make_request()))
    await engine.close()


async def test_an_endpoint_of_ones_own_needs_no_key(
    model: LoopbackModel, catalogue: Catalogue, make_request: MakeRequest
) -> None:
    model.key = None
    engine = AgentEngine({"ANTHROPIC_BASE_URL": model.url}, catalogue, OpenGate())
    assert [type(one) async for one in engine.review(make_request())] == [Usage]
    await engine.close()


def test_the_sdk_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, backend_developer.engines.agent as agent\n"
        "agent.AgentEngine({}, None, None)\n"
        "assert not {'anthropic', 'httpx2', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_whether_an_agent_can_be_asked_is_known_without_its_engine() -> None:
    """The menu says it, so the first code action would wait for what the engine imports."""
    code = (
        "import sys, backend_developer.context\n"
        "assert 'backend_developer.engines.agent' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


# --- The doctor's question


async def test_the_check_says_which_model_would_answer(model: LoopbackModel) -> None:
    settings = Settings(base_url=model.url, model="opus")
    checks = await check_endpoint(settings, {"ANTHROPIC_API_KEY": KEY})
    host = model.url.removeprefix("http://")
    assert checks == [
        (True, f"The agent engine would use the model claude-opus-5-5 at {model.url}."),
        (True, f"{host} answers and knows claude-opus-5-5, 200000 tokens of input at most."),
    ]
    assert [request.method for request in model.requests] == ["GET"]


async def test_the_check_says_what_is_wrong(model: LoopbackModel) -> None:
    settings = Settings(base_url=model.url)
    wrong = await check_endpoint(settings, {"ANTHROPIC_API_KEY": "wrong-key"})
    nothing = await check_endpoint(Settings(), {})
    assert [good for good, _ in wrong] == [True, False]
    assert "refused the key (HTTP 401" in wrong[1][1]
    assert "wrong-key" not in str(wrong)
    assert [good for good, _ in nothing] == [False]


async def test_an_endpoint_without_a_list_of_models_is_good(model: LoopbackModel) -> None:
    model.models = set()
    checks = await check_endpoint(Settings(base_url=model.url), {"ANTHROPIC_API_KEY": KEY})
    assert [good for good, _ in checks] == [True, True]
    assert "does not say which models it has" in checks[1][1]


async def test_an_address_of_web_pages_is_no_endpoint(model: LoopbackModel) -> None:
    # Its models are asked for in a folder where it has nothing but a page that says so.
    settings = Settings(base_url=f"{model.url}/shop")
    checks = await check_endpoint(settings, {"ANTHROPIC_API_KEY": KEY})
    assert [good for good, _ in checks] == [True, False]
    assert "did not answer as the Messages API does (HTTP 404, text/html)" in checks[1][1]


def test_code_of_these_tests_is_what_they_quote() -> None:
    assert all(CODE.count(one["quote"]) == 1 for one in (FIRST, SECOND))
