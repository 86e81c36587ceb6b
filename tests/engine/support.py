"""The code, the agent, the task and the rules that the engine's tests review with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from backend_developer.core.model import (
    AgentDefinition,
    Proposal,
    Quote,
    Rule,
    TaskDefinition,
    Usage,
)
from backend_developer.engines.base import Answer, ReviewRequest
from backend_developer.gate import OutgoingCall, Permit

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


class OpenGate:
    """Implements Gate: lets everything out, and remembers what."""

    def __init__(self) -> None:
        self.calls: list[OutgoingCall] = []
        self.used: dict[int, Usage | None] = {}
        """Permit's number -> what the call took; a missing one has not ended."""

    async def enter(self, call: OutgoingCall) -> Permit:
        self.calls.append(call)
        return Permit(len(self.calls))

    async def leave(self, permit: Permit, usage: Usage | None) -> None:
        assert permit.number not in self.used
        self.used[permit.number] = usage


def quotes(answers: Iterable[Answer]) -> list[str]:
    return [
        one.where.code
        for one in answers
        if isinstance(one, Proposal) and isinstance(one.where, Quote)
    ]


class MakeRequest(Protocol):
    def __call__(self, code: str = ..., **changes: Any) -> ReviewRequest: ...
