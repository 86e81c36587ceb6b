"""The code, the agent, the task and the rules that the engine's tests review with."""

from __future__ import annotations

from typing import Any, Protocol

from backend_developer.core.model import AgentDefinition, Rule, TaskDefinition
from backend_developer.engines.base import ReviewRequest

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


class MakeRequest(Protocol):
    def __call__(self, code: str = ..., **changes: Any) -> ReviewRequest: ...
