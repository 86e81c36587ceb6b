"""Bedrock, Vertex and Foundry: the SDK's own clients, against their shapes on loopback."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from backend_developer.catalogue import Catalogue
from backend_developer.core.model import Usage
from backend_developer.engines.agent import AgentEngine, check_endpoint
from backend_developer.engines.base import Answer, EngineError
from backend_developer.engines.endpoint import available, base_url, find_endpoint, no_batches
from backend_developer.settings import Provider, Settings
from engine.support import MakeRequest, OpenGate, heard, quotes
from loopback_model import KEY, LoopbackModel, Reply, answer, finding

TWO = answer(finding(quote="% name", line=4), finding(quote="fetchall()", line=7))
AFTER_FIRST = TWO.index("}") + 20
AT_ONCE = {"retry-after-ms": "1"}
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SESSION = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
TOKEN_OF_GOOGLE = "ya29.loopback"

AWS = {"AWS_REGION": "eu-central-1"}
AWS_KEYS = AWS | {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": SESSION,
}
AWS_TOKEN = AWS | {"AWS_BEARER_TOKEN_BEDROCK": KEY}
GOOGLE = {"CLOUD_ML_REGION": "europe-west1", "ANTHROPIC_VERTEX_PROJECT_ID": "shop-1"}
FOUNDRY = {"ANTHROPIC_FOUNDRY_RESOURCE": "shop", "ANTHROPIC_FOUNDRY_API_KEY": KEY}

Environment = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Served:
    """A provider, as loopback plays it."""

    provider: Provider
    environment: Environment
    path: str
    model: str
    """What `sonnet` is called there."""
    base: str = ""
    """What follows the host in its base URL."""


SERVED = {
    "bedrock, signed": Served(
        "bedrock",
        AWS_KEYS,
        "/anthropic/v1/messages",
        "anthropic.claude-sonnet-5-5",
        "/anthropic",
    ),
    "bedrock, token": Served(
        "bedrock",
        AWS_TOKEN,
        "/anthropic/v1/messages",
        "anthropic.claude-sonnet-5-5",
        "/anthropic",
    ),
    "bedrock-runtime, signed": Served(
        "bedrock-runtime",
        AWS_KEYS,
        "/model/global.anthropic.claude-sonnet-5-5/invoke-with-response-stream",
        "global.anthropic.claude-sonnet-5-5",
    ),
    "bedrock-runtime, token": Served(
        "bedrock-runtime",
        AWS_TOKEN,
        "/model/global.anthropic.claude-sonnet-5-5/invoke-with-response-stream",
        "global.anthropic.claude-sonnet-5-5",
    ),
    "vertex": Served(
        "vertex",
        GOOGLE,
        "/v1/projects/shop-1/locations/europe-west1/publishers/anthropic/models/claude-sonnet-5-5"
        ":streamRawPredict",
        "claude-sonnet-5-5",
        "/v1",
    ),
    "foundry": Served(
        "foundry", FOUNDRY, "/anthropic/v1/messages", "claude-sonnet-5-5", "/anthropic"
    ),
}


@pytest.fixture(params=SERVED)
def served(request: pytest.FixtureRequest) -> Served:
    return SERVED[request.param]


class TokenEndpoint:
    """Where Google's credentials are made into a token; its answers can be refused."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200

    async def __aenter__(self) -> TokenEndpoint:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}/token"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        self.asked.append((await reader.readexactly(length)).decode())
        good = {"access_token": TOKEN_OF_GOOGLE, "expires_in": 3600, "token_type": "Bearer"}
        bad = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        body = json.dumps(good if self.status == 200 else bad).encode()
        start = f"HTTP/1.1 {self.status} X\r\ncontent-type: application/json\r\n"
        writer.write(f"{start}content-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def google(tmp_path: Path) -> AsyncIterator[TokenEndpoint]:
    """A token endpoint, and in `service-account.json` the key of somebody who may use it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    async with TokenEndpoint() as endpoint:
        account = {
            "type": "service_account",
            "project_id": "shop-1",
            "private_key_id": "1",
            "private_key": pem,
            "client_email": "reviewer@shop-1.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": endpoint.url,
        }
        (tmp_path / "service-account.json").write_text(json.dumps(account))
        yield endpoint


ReviewBy = Callable[..., Awaitable[tuple[list[Answer], str]]]


@pytest.fixture
def environment(served: Served, google: TokenEndpoint, tmp_path: Path) -> dict[str, str]:
    """The provider's variables, and Anthropic's own, which is none of its business."""
    file = str(tmp_path / "service-account.json")
    added = {"GOOGLE_APPLICATION_CREDENTIALS": file} if served.provider == "vertex" else {}
    return {**served.environment, **added, "ANTHROPIC_API_KEY": "of-somebody-else"}


@pytest.fixture
def settings(served: Served, model: LoopbackModel) -> Settings:
    if served.provider == "vertex":
        model.key = TOKEN_OF_GOOGLE
    address = model.url + served.base
    return Settings(provider=served.provider, base_url=address, timeout_seconds=10)


@pytest.fixture
async def engine(
    environment: dict[str, str], catalogue: Catalogue, gate: OpenGate
) -> AsyncIterator[AgentEngine]:
    engine = AgentEngine(environment, catalogue, gate)
    yield engine
    await engine.close()
    assert gate.left.keys() == set(range(len(gate.calls)))


@pytest.fixture
def review(engine: AgentEngine, make_request: MakeRequest, settings: Settings) -> ReviewBy:
    async def run(**changes: object) -> tuple[list[Answer], str]:
        request = make_request(settings=replace(settings, **changes))  # type: ignore[arg-type]
        return await heard(engine, request)

    return run


# --- What is asked and answered


@pytest.mark.parametrize("chunk", [3, 100_000])
async def test_a_review_of_two_findings(
    model: LoopbackModel, review: ReviewBy, served: Served, gate: OpenGate, chunk: int
) -> None:
    model.script(Reply(TWO, chunk))
    answers, error = await review()
    assert (quotes(answers), error) == (["% name", "fetchall()"], "")
    assert answers[2:] == [Usage(served.model, 1200, 300, 2500, 77)]
    [request] = model.requests
    assert unquote(request.path) == served.path
    assert set(request.body["output_config"]) == {"format"}
    [call] = gate.calls
    assert (call.base_url, call.model) == (model.url + served.base, served.model)


async def test_nothing_secret_is_in_the_request_or_in_a_log(
    model: LoopbackModel, review: ReviewBy, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await review()
    [request] = model.requests
    sent = repr(dict(request.headers)) + request.raw.decode()
    assert SECRET not in sent + caplog.text
    assert "of-somebody-else" not in sent + caplog.text
    assert "PRIVATE KEY" not in sent + caplog.text
    assert KEY not in caplog.text
    how = request.headers.get("authorization", "")
    match served.provider:
        case "foundry":
            assert (request.headers["api-key"], how) == (KEY, "")
        case "vertex":
            assert how == f"Bearer {TOKEN_OF_GOOGLE}"
            assert request.body["anthropic_version"]
        case _ if "AWS_BEARER_TOKEN_BEDROCK" in served.environment:
            assert how == f"Bearer {KEY}"
        case _:
            service = "bedrock-mantle" if served.provider == "bedrock" else "bedrock"
            assert how.startswith(f"AWS4-HMAC-SHA256 Credential={KEY}/")
            assert f"/eu-central-1/{service}/aws4_request" in how
            assert request.headers["x-amz-security-token"] == SESSION


async def test_the_gate_is_told_what_is_sent(
    model: LoopbackModel, review: ReviewBy, served: Served, gate: OpenGate
) -> None:
    """To the byte; but for the model, where it is in the path, and the version of the API."""
    await review()
    [call], [request] = gate.calls, model.requests
    if served.provider in ("bedrock", "foundry"):
        assert call.body.encode() == request.raw
    told, sent = json.loads(call.body), request.body
    moved = {"vertex": ["model"], "bedrock-runtime": ["model", "stream"]}.get(served.provider, [])
    assert {told.pop(name) for name in moved} <= {served.model, True}
    sent.pop("anthropic_version", None)
    assert told == sent


async def test_invoke_model_is_asked_for_the_version_that_all_its_models_know(
    model: LoopbackModel, review: ReviewBy, served: Served
) -> None:
    await review()
    said = model.requests[0].body.get("anthropic_version")
    assert (said == "bedrock-2023-05-31") == (served.provider == "bedrock-runtime")


async def test_a_finding_comes_before_the_rest_and_cancelling_closes_the_connection(
    model: LoopbackModel, engine: AgentEngine, make_request: MakeRequest, settings: Settings
) -> None:
    model.script(Reply(TWO, fault="stall", after=AFTER_FIRST))
    answers = engine.review(make_request(settings=settings))
    first = await asyncio.wait_for(anext(answers), 10)
    assert quotes([first]) == ["% name"]
    waiting = asyncio.ensure_future(anext(answers))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    waiting.cancel()
    await asyncio.wait_for(model.requests[0].disconnected.wait(), 1)
    assert time.monotonic() - started < 1
    await asyncio.gather(waiting, return_exceptions=True)


async def test_without_structured_output_and_forced_tools_the_answer_is_a_tool(
    model: LoopbackModel, review: ReviewBy
) -> None:
    """What Vertex and Bedrock have said of a form, and the newer models say of tools."""
    refusals = [
        "output_config.format: Extra inputs are not permitted",
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ]
    model.script(
        *(Reply(status=400, error_type="invalid_request_error", message=one) for one in refusals),
        Reply(TWO, in_tool="report_review"),
    )
    answers, error = await review()
    assert (len(quotes(answers)), error) == (2, "")
    last = model.requests[-1].body
    assert ("output_config" in last, last["tool_choice"]) == (False, {"type": "auto"})
    assert [tool["name"] for tool in last["tools"]] == ["report_review"]


# --- Faults

FAULTS = {
    "key": (
        Reply(status=401, error_type="authentication_error", message=f"bad key: {KEY} {SECRET}"),
        "HOST refused the key (HTTP 401",
        1,
    ),
    "busy": (
        Reply(status=429, error_type="rate_limit_error", headers=AT_ONCE),
        "HOST allows no more requests now: try again in a minute.",
        3,
    ),
    "overloaded": (
        Reply(status=529, headers=AT_ONCE),
        "HOST is overloaded: try again in a few minutes.",
        3,
    ),
    "no model": (
        Reply(status=404, error_type="not_found_error", message="model: claude-sonnet-5-5"),
        "HOST does not know the model MODEL: choose another with the setting model, or its "
        "alias's id with modelAliases.",
        1,
    ),
    "Amazon: no model": (
        Reply(status=400, json='{"message":"The provided model identifier is invalid."}'),
        "HOST does not know the model MODEL: choose another with the setting model, or its "
        "alias's id with modelAliases.",
        1,
    ),
    "Amazon: throttled": (
        Reply(status=429, json='{"message":"Too many requests"}', headers=AT_ONCE),
        "HOST allows no more requests now: try again in a minute.",
        3,
    ),
    "Amazon: no access": (
        Reply(status=403, json='{"Message":"You don\'t have access to the model."}'),
        'HOST refused the key (HTTP 403, "You don\'t have access to the model."): check ',
        1,
    ),
    "Amazon: invalid": (
        Reply(status=400, json='{"message":"messages.0: too few"}'),
        'HOST refused the request (HTTP 400, "messages.0: too few"): check the settings model and '
        "baseUrl.",
        1,
    ),
    "Google: no model": (
        Reply(
            status=404,
            json='{"error":{"code":404,"message":"Publisher Model `x` was not found or your project'
            ' does not have access to it.","status":"NOT_FOUND"}}',
        ),
        "HOST does not know the model MODEL: choose another with the setting model, or its "
        "alias's id with modelAliases.",
        1,
    ),
    "Microsoft: no deployment": (
        Reply(
            status=404,
            json='{"error":{"code":"DeploymentNotFound","message":"The API deployment for this '
            'resource does not exist."}}',
        ),
        "HOST does not know the model MODEL: choose another with the setting model, or its "
        "alias's id with modelAliases.",
        1,
    ),
    "cut": (
        Reply(TWO, fault="cut", after=AFTER_FIRST),
        "The connection to HOST was cut in mid-answer and what had arrived is kept: review again.",
        1,
    ),
    "no stop": (
        Reply(TWO, fault="no-stop", after=AFTER_FIRST),
        "HOST ended the answer before it was finished and what had arrived is kept: review again.",
        1,
    ),
    "broken event": (
        Reply(TWO, fault="bad-event", after=AFTER_FIRST),
        "HOST sent a broken answer and what had arrived is kept: review again.",
        1,
    ),
    "overloaded in mid-stream": (
        Reply(TWO, fault="error-event", after=AFTER_FIRST),
        "HOST is overloaded: try again in a few minutes.",
        1,
    ),
    "Amazon: throttled in mid-stream": (
        Reply(TWO, fault="error-event", after=AFTER_FIRST, error_type="throttlingException"),
        "HOST allows no more requests now: try again in a minute.",
        1,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_one_sentence_and_what_had_arrived_stays(
    model: LoopbackModel, review: ReviewBy, served: Served, fault: str
) -> None:
    reply, sentence, calls = FAULTS[fault]
    if served.environment is not AWS_KEYS:
        reply = replace(reply, message=reply.message.replace(SECRET, ""))
    model.usual = lambda body: reply
    answers, error = await review()
    host = model.url.partition("//")[2]
    assert error.startswith(sentence.replace("HOST", host).replace("MODEL", served.model))
    assert "\n" not in error
    assert not [
        value for value in served.environment.values() if len(value) > 12 and value in error
    ]
    assert len(quotes(answers)) == (1 if reply.after else 0)
    assert len(model.requests) == calls


async def test_a_wrong_key_is_refused_in_one_sentence(
    model: LoopbackModel, review: ReviewBy, served: Served
) -> None:
    model.key = "another"
    _, error = await review()
    source = {
        "vertex": "GOOGLE_APPLICATION_CREDENTIALS",
        "foundry": "ANTHROPIC_FOUNDRY_API_KEY",
    }.get(
        served.provider,
        "AWS_BEARER_TOKEN_BEDROCK"
        if "AWS_BEARER_TOKEN_BEDROCK" in served.environment
        else "AWS_ACCESS_KEY_ID",
    )
    host = model.url.partition("//")[2]
    assert error == f'{host} refused the key (HTTP 401, "invalid key"): check {source}.'


async def test_doctor_says_what_it_can(
    model: LoopbackModel, environment: dict[str, str], settings: Settings, served: Served
) -> None:
    host = model.url.partition("//")[2]
    using, found = await check_endpoint(settings, environment)
    assert using == (
        True,
        f"The agent engine would use the model {served.model} at {settings.base_url}.",
    )
    assert found == (
        True,
        f"{host} answers; whether {served.model} may be used there, the first review shows.",
    )
    model.key = "another"
    _, (good, sentence) = await check_endpoint(settings, environment)
    assert (good, "refused the key" in sentence) == (False, True)
    settings = replace(settings, base_url="http://127.0.0.1:9")
    _, (good, sentence) = await check_endpoint(settings, environment)
    assert (good, sentence.startswith("127.0.0.1:9 cannot be reached")) == (False, True)


# --- Google's token


@pytest.mark.parametrize("served", [SERVED["vertex"]], ids=["vertex"])
async def test_one_token_serves_many_reviews(
    model: LoopbackModel, review: ReviewBy, google: TokenEndpoint
) -> None:
    for _ in range(2):
        assert (await review())[1] == ""
    assert len(google.asked) == 1
    assert "jwt-bearer" in google.asked[0]


@pytest.mark.parametrize("served", [SERVED["vertex"]], ids=["vertex"])
async def test_a_token_that_is_not_given_is_said(
    model: LoopbackModel, review: ReviewBy, google: TokenEndpoint, gate: OpenGate
) -> None:
    google.status = 400
    _, error = await review()
    host = model.url.partition("//")[2]
    assert error == f"The key for {host} cannot be had: check GOOGLE_APPLICATION_CREDENTIALS."
    assert model.requests == []
    assert [outcome for _, outcome in gate.left.values()] == ["refused"]


@pytest.mark.parametrize("served", [SERVED["vertex"]], ids=["vertex"])
async def test_a_file_that_holds_no_credentials_is_said(
    model: LoopbackModel, review: ReviewBy, environment: dict[str, str]
) -> None:
    file = Path(environment["GOOGLE_APPLICATION_CREDENTIALS"])
    await asyncio.to_thread(file.write_text, "{}")
    _, error = await review()
    assert error == ("The model's client cannot be set up: check GOOGLE_APPLICATION_CREDENTIALS.")
    assert model.requests == []


# --- Amazon's profile


@pytest.mark.parametrize("served", [SERVED["bedrock, signed"], SERVED["bedrock-runtime, signed"]])
async def test_a_profile_that_there_is_none_of_is_said(
    model: LoopbackModel,
    served: Served,
    settings: Settings,
    catalogue: Catalogue,
    gate: OpenGate,
    make_request: MakeRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Amazon's library reads its files by itself: these, and not this person's.
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    engine = AgentEngine(AWS | {"AWS_PROFILE": "nobody"}, catalogue, gate)
    with pytest.raises(EngineError, match="cannot be had: check AWS_PROFILE"):
        async for _ in engine.review(make_request(settings=settings)):
            pass
    await engine.close()
    assert model.requests == []
    assert [outcome for _, outcome in gate.left.values()] == ["refused"]


# --- Addresses, models, and what is missing


@pytest.mark.parametrize(
    ("provider", "environment", "address"),
    [
        ("bedrock", AWS, "https://bedrock-mantle.eu-central-1.api.aws/anthropic"),
        ("bedrock-runtime", AWS, "https://bedrock-runtime.eu-central-1.amazonaws.com"),
        (
            "bedrock",
            {"AWS_DEFAULT_REGION": "us-east-1", "ANTHROPIC_BASE_URL": "http://127.0.0.1:1"},
            "https://bedrock-mantle.us-east-1.api.aws/anthropic",
        ),
        (
            "bedrock-runtime",
            AWS | {"ANTHROPIC_BEDROCK_BASE_URL": "https://vpce-1.example"},
            "https://vpce-1.example",
        ),
        ("vertex", GOOGLE, "https://europe-west1-aiplatform.googleapis.com/v1"),
        (
            "vertex",
            GOOGLE | {"CLOUD_ML_REGION": "global"},
            "https://aiplatform.googleapis.com/v1",
        ),
        (
            "vertex",
            GOOGLE | {"CLOUD_ML_REGION": "eu"},
            "https://aiplatform.eu.rep.googleapis.com/v1",
        ),
        ("foundry", FOUNDRY, "https://shop.services.ai.azure.com/anthropic"),
    ],
)
def test_the_address_is_the_one_that_the_sdk_would_use(
    provider: Provider,
    environment: Environment,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that consent and the ledger name the real host."""
    import anthropic

    settings = Settings(provider=provider)
    assert base_url(settings, environment) == address
    assert available(settings, environment)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    kinds = {
        "bedrock": anthropic.AsyncAnthropicBedrockMantle,
        "bedrock-runtime": anthropic.AsyncAnthropicBedrock,
        "vertex": anthropic.AsyncAnthropicVertex,
        "foundry": anthropic.AsyncAnthropicFoundry,
    }
    assert str(kinds[provider]().base_url).rstrip("/") == address


@pytest.mark.parametrize(
    ("provider", "environment", "sentence"),
    [
        ("bedrock", {}, "The provider's address is not known: set AWS_REGION, or baseUrl."),
        (
            "bedrock",
            {"AWS_REGION": "evil.example/"},
            "AWS_REGION has characters that no host's name has: correct it.",
        ),
        (
            "bedrock",
            AWS | {"AWS_ACCESS_KEY_ID": "AKIA"},
            "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set: set both, or "
            "AWS_PROFILE.",
        ),
        (
            "bedrock",
            AWS | {"AWS_BEARER_TOKEN_BEDROCK": "key\u2026"},
            "AWS_BEARER_TOKEN_BEDROCK has characters that no key has: copy the key again.",
        ),
        (
            "bedrock",
            AWS | {"ANTHROPIC_BEDROCK_MANTLE_BASE_URL": "vpce"},
            "The base URL of the model's endpoint is not an http or https address: correct the "
            "setting baseUrl or ANTHROPIC_BEDROCK_MANTLE_BASE_URL.",
        ),
        ("vertex", {}, "The provider's address is not known: set CLOUD_ML_REGION, or baseUrl."),
        (
            "vertex",
            {"CLOUD_ML_REGION": "global"},
            "Google Vertex AI needs a project: set ANTHROPIC_VERTEX_PROJECT_ID to its id.",
        ),
        (
            "foundry",
            {},
            "The provider's address is not known: set ANTHROPIC_FOUNDRY_RESOURCE, or baseUrl.",
        ),
        (
            "foundry",
            {"ANTHROPIC_FOUNDRY_RESOURCE": "shop", "ANTHROPIC_API_KEY": KEY},
            "Microsoft Foundry needs a key: set ANTHROPIC_FOUNDRY_API_KEY.",
        ),
    ],
)
def test_what_is_missing_is_one_sentence(
    provider: Provider, environment: Environment, sentence: str
) -> None:
    with pytest.raises(EngineError) as caught:
        find_endpoint(Settings(provider=provider), environment)
    assert str(caught.value) == sentence


def test_no_secret_shows(served: Served) -> None:
    endpoint = find_endpoint(Settings(provider=served.provider), served.environment)
    for secret in (KEY, SECRET, SESSION):
        assert secret not in f"{endpoint!r} {endpoint}"


@pytest.mark.parametrize(
    ("provider", "environment", "sentence"),
    [
        (
            "bedrock",
            AWS_KEYS,
            "Amazon Bedrock needs another package: run pip install 'backend-developer[bedrock]'.",
        ),
        (
            "bedrock-runtime",
            AWS_TOKEN,
            "Amazon Bedrock needs another package: run pip install 'backend-developer[bedrock]'.",
        ),
        (
            "vertex",
            GOOGLE,
            "Google Vertex AI needs another package: run pip install 'backend-developer[vertex]'.",
        ),
    ],
)
async def test_a_missing_extra_is_one_sentence(
    provider: Provider,
    environment: Environment,
    sentence: str,
    catalogue: Catalogue,
    make_request: MakeRequest,
    gate: OpenGate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = importlib.util.find_spec
    gone = ("boto3", "google.auth")
    monkeypatch.setattr(
        "backend_developer.engines.client.find_spec",
        lambda name: None if name in gone else there(name),
    )
    engine = AgentEngine(environment, catalogue, gate)
    settings = Settings(provider=provider, base_url="http://127.0.0.1:9")
    with pytest.raises(EngineError) as caught:
        async for _ in engine.review(make_request(settings=settings)):
            pass
    assert str(caught.value) == sentence
    assert [outcome for _, outcome in gate.left.values()] == ["refused"]


def test_batches_are_anthropics_alone(served: Served) -> None:
    endpoint = find_endpoint(Settings(provider=served.provider), served.environment)
    assert no_batches(endpoint) == (
        f"{endpoint.name} takes no Message Batches: review without --batch, or set the provider "
        "anthropic for it."
    )
    assert no_batches(find_endpoint(Settings(), {"ANTHROPIC_API_KEY": KEY})) == ""
