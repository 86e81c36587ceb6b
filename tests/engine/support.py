"""The code, the agent, the task and the rules that the engine's tests review with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol

from backend_developer.core.model import (
    AgentDefinition,
    Proposal,
    Quote,
    Rule,
    TaskDefinition,
    Usage,
)
from backend_developer.engines.base import Answer, Engine, EngineError, ReviewRequest
from backend_developer.gate import Outcome, OutgoingCall, Permit
from backend_developer.settings import Settings

PATH = "/home/anna/shop/app/users.py"
CODE = """\
import sqlite3

def user(connection, name):
    return connection.execute("select * from users where name = '%s'" % name)

def users(connection):
    return connection.execute("select * from users").fetchall()
"""

AGENT = AgentDefinition(
    name="backend-developer",
    description="Reviews backends.",
    prompt="You are a careful backend developer.",
    path="agents/backend-developer.md",
    origin="built-in",
    model="sonnet",
)
TASK = TaskDefinition(
    name="security",
    title="Review security",
    kind="review",
    focuses=("security",),
    instruction="Review the security of this code.",
    path="agents/tasks/security.md",
)


def _rule(rule_id: str, title: str, *languages: str) -> Rule:
    focus: Any = rule_id.partition("/")[0]
    why, advice = "Because.", "Do not."
    return Rule(rule_id, title, focus, "warning", why, advice, languages=languages)


RULES = (
    _rule("security/sql-injection", "SQL built from input"),
    _rule("security/hardcoded-secret", "Secret in the code"),
    _rule("performance/unbounded-query", "Query without a limit"),
    _rule("security/image-runs-as-root", "Image runs as root", "dockerfile"),
)


Review = Callable[..., Awaitable[tuple[list[Answer], str]]]


def outgoing(**changes: Any) -> OutgoingCall:
    """A call to a model; keywords replace its members."""
    body = '{"model":"claude-sonnet-5-5","messages":[]}'
    call = OutgoingCall(
        base_url="https://api.anthropic.com",
        model="claude-sonnet-5-5",
        purpose="review",
        root="/home/anna/shop",
        paths=("app/users.py",),
        body=body,
        expected=Usage("claude-sonnet-5-5", 100_000, output_tokens=10_000),
        settings=Settings(),
        review="r1",
    )
    return replace(call, **changes)


class OpenGate:
    """Lets every call pass, and keeps what it was told of it."""

    def __init__(self) -> None:
        self.calls: list[OutgoingCall] = []
        self.left: dict[int, tuple[Usage | None, Outcome]] = {}
        """Number of the call -> what it was left with."""

    async def enter(self, call: OutgoingCall) -> Permit:
        self.calls.append(call)
        return Permit(len(self.calls) - 1)

    async def leave(
        self, permit: Permit, usage: Usage | None, outcome: Outcome = "finished"
    ) -> None:
        assert permit.number not in self.left, "left twice"
        self.left[permit.number] = (usage, outcome)


async def heard(engine: Engine, request: ReviewRequest) -> tuple[list[Answer], str]:
    """What a review yields, and the sentence of its error, or ""."""
    answers: list[Answer] = []
    try:
        async with aclosing(engine.review(request)) as stream:
            async for one in stream:
                answers.append(one)  # noqa: PERF401 - what came before an error counts
    except EngineError as error:
        return answers, str(error)
    return answers, ""


def quotes(answers: Iterable[Answer]) -> list[str]:
    return [
        one.where.code
        for one in answers
        if isinstance(one, Proposal) and isinstance(one.where, Quote)
    ]


class MakeRequest(Protocol):
    def __call__(self, code: str = ..., **changes: Any) -> ReviewRequest: ...
