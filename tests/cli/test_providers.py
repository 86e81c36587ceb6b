"""The setting `provider` on the command line: whom code goes to, and what is not had there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend_developer.consents import give
from backend_developer.state import State, state_folder
from loopback_model import KEY, LoopbackModel, Reply, answer, finding

from .conftest import Run, Write
from .test_review_agent import CODE, model

__all__ = ["model"]

FOUND = Reply(answer(finding(quote='session.load(customer, "orders")')))


@pytest.fixture
def foundry(model: LoopbackModel, monkeypatch: pytest.MonkeyPatch) -> str:
    """The base URL of a provider that needs no other package."""
    address = f"{model.url}/anthropic"
    monkeypatch.setenv("BACKEND_DEVELOPER_PROVIDER", "foundry")
    monkeypatch.setenv("ANTHROPIC_FOUNDRY_BASE_URL", address)
    monkeypatch.setenv("ANTHROPIC_FOUNDRY_API_KEY", KEY)
    return address


def test_consent_is_for_the_providers_address(
    run: Run, write: Write, model: LoopbackModel, foundry: str
) -> None:
    """That of the same host was given for another one."""
    write({"a.py": CODE})
    refused = run("review", "a.py")
    assert (refused.code, model.requests) == (2, [])
    assert "nobody agreed to it" in refused.err
    give(State(state_folder(os.environ)), str(Path.cwd()), foundry)
    model.script(FOUND)
    assert "security/sql-injection" in run("review", "a.py").out
    assert {one.path for one in model.requests} == {"/anthropic/v1/messages"}
    assert f"where:     {foundry}" in run("log", "1").out


def test_a_batch_is_refused_before_anything_is_sent(
    run: Run, write: Write, model: LoopbackModel, foundry: str
) -> None:
    write({"a.py": CODE})
    result = run("review", "a.py", "--batch", "--yes")
    assert (result.code, model.requests) == (2, [])
    assert (
        "Microsoft Foundry takes no Message Batches: review without --batch, or set the provider "
        "anthropic for it." in result.err
    )


def test_doctor_speaks_of_the_provider(run: Run, model: LoopbackModel, foundry: str) -> None:
    result = run("doctor")
    assert result.code == 0
    assert "ANTHROPIC_FOUNDRY_API_KEY" in result.out
    assert f"at {foundry}." in result.out
    assert "the first review shows" in result.out
    assert KEY not in result.out + result.err


def test_what_is_missing_is_said_by_each_command(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BACKEND_DEVELOPER_PROVIDER", "bedrock")
    write({"a.py": CODE})
    sentence = "The provider's address is not known: set AWS_REGION, or baseUrl."
    for arguments in (["review", "a.py"], ["consent", "--give"]):
        result = run(*arguments)
        assert (result.code, sentence in result.err) == (2, True)
    assert sentence in run("doctor").out


def test_a_project_cannot_say_who_serves_the_model(
    run: Run, write: Write, model: LoopbackModel
) -> None:
    write({"a.py": CODE, ".backend-developer.yml": "provider: foundry\n"})
    result = run("review", "a.py", "--fail-on", "never")
    assert (result.code, model.requests) == (2, [])
    assert ".backend-developer.yml:1: " in result.err
