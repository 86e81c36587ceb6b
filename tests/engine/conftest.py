"""A request to review with, and an endpoint to send it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from backend_developer.catalogue import Catalogue
from backend_developer.core.model import Document, Finding, Span
from backend_developer.engines.agent import AgentEngine
from backend_developer.engines.base import Answer, ReviewRequest
from backend_developer.settings import Settings
from engine.support import AGENT, CODE, PATH, RULES, TASK, MakeRequest, OpenGate, Review, heard
from loopback_model import KEY, LoopbackModel


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(MappingProxyType({rule.id: rule for rule in RULES}))


@pytest.fixture
def make_request() -> MakeRequest:
    """A request for the whole of `code`; keywords replace its members."""

    def make(code: str = CODE, **changes: Any) -> ReviewRequest:
        document = Document(f"file://{PATH}", PATH, "python", code, 1)
        request = ReviewRequest(document, Span(0, len(code)), TASK, AGENT, Settings())
        return replace(request, **changes)

    return make


@pytest.fixture
def sql_finding() -> Finding:
    """What a linter found in CODE."""
    code = "\"select * from users where name = '%s'\" % name"
    start = CODE.index(code)
    return Finding(
        id="f1",
        rule="security/sql-injection",
        focus="security",
        severity="warning",
        confidence="medium",
        span=Span(start, start + len(code)),
        code=code,
        title="SQL built from input",
        message="Possible SQL injection.",
        sources=("ruff:S608",),
        author="local",
    )


@pytest.fixture
def gate() -> OpenGate:
    return OpenGate()


@pytest.fixture
async def engine(catalogue: Catalogue, gate: OpenGate) -> AsyncIterator[AgentEngine]:
    engine = AgentEngine({"ANTHROPIC_API_KEY": KEY}, catalogue, gate)
    yield engine
    await engine.close()
    # However the test's reviews ended, each call was left, once.
    assert gate.left.keys() == set(range(len(gate.calls)))


@pytest.fixture
def review(model: LoopbackModel, engine: AgentEngine, make_request: MakeRequest) -> Review:
    """Reviews, and gives what was yielded and the sentence of the error, or ""."""

    async def run(
        request: ReviewRequest | None = None, **settings: Any
    ) -> tuple[list[Answer], str]:
        request = request or make_request()
        settings = {"base_url": model.url, "timeout_seconds": 10} | settings
        request = replace(request, settings=replace(request.settings, **settings))
        return await heard(engine, request)

    return run


@pytest.fixture
async def model() -> AsyncIterator[LoopbackModel]:
    async with LoopbackModel() as endpoint:
        yield endpoint
