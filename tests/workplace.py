"""The whole path of a review, with a state of its own: for tests of money and time."""

from __future__ import annotations

from pathlib import Path

from backend_developer.answers import KeptAnswers
from backend_developer.catalogue import load_catalogue
from backend_developer.checks import FixChecker
from backend_developer.core.model import AgentDefinition, Document, Span, TaskDefinition
from backend_developer.dismissals import Dismissals
from backend_developer.engines.agent import AgentEngine
from backend_developer.engines.base import Reader, ReadError, ReviewRequest
from backend_developer.engines.kept import KeptEngine
from backend_developer.engines.local import LocalEngine
from backend_developer.gate import Answer, Overrun, Person, Sending
from backend_developer.gatekeeper import Gatekeeper
from backend_developer.review import FileReview, Reviewers, review_file
from backend_developer.settings import Settings
from backend_developer.state import State

ROOT = "/srv/shop"
KEY = "loopback-key"
CODE = """\
import sqlite3


def order_{number}(connection, name):
    return connection.execute("select * from orders where name = '%s'" % name)
"""


class Everybody:
    """Implements Person: agrees to all."""

    async def may_send(self, sending: Sending) -> Answer:
        return "always"

    async def may_exceed(self, overrun: Overrun) -> bool:
        return True


class OneFile:
    """Implements Reader."""

    def read_file(self, path: str, first_line: int, last_line: int) -> str:
        return "   1 | def run(text): ..."

    def search(self, text: str, path_pattern: str) -> str:
        raise ReadError(f"{text!r} is nowhere.")

    def outline(self, path: str) -> str:
        return "def run"

    def find_definition(self, name: str) -> str:
        return "app/db.py:1: def run(text): ..."


class Workplace:
    """Reviews files with what is kept, the gate and a ledger in `folder`, at one address."""

    def __init__(
        self, folder: Path, address: str, timeout: float, person: Person | None = None
    ) -> None:
        self.state = State(folder)
        catalogue = load_catalogue()
        gate = Gatekeeper(self.state, person or Everybody())
        environment = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": address}
        self.agent = AgentEngine(environment, catalogue, gate, self.state)
        self.reader: Reader = OneFile()
        local = LocalEngine()
        kept = KeptEngine(self.agent, KeptAnswers(self.state), environment)
        self.reviewers = Reviewers(local, kept, FixChecker(local), catalogue)
        self.settings = Settings(timeout_seconds=timeout, maximum_cost_per_day=0)

    def request(self, number: int) -> ReviewRequest:
        """Every third review is by a model that reads on with tools and makes things up."""
        path = f"{ROOT}/app/orders_{number}.py"
        text = CODE.format(number=number)
        agent = AgentDefinition(
            name="backend-developer",
            description="Reviews backends.",
            prompt="You are a careful backend developer.",
            path="agents/backend-developer.md",
            origin="built-in",
            model="opus" if number % 3 == 0 else "sonnet",
            max_turns=4,
        )
        task = TaskDefinition(
            "security",
            "Review security",
            "review",
            ("security",),
            "Review it.",
            "agents/tasks/s.md",
        )
        document = Document(f"file://{path}", path, "python", text, 1)
        return ReviewRequest(
            document,
            Span(0, len(text)),
            task,
            agent,
            self.settings,
            root=ROOT,
            reader=self.reader,
            review_id=f"review-{number}",
        )

    async def review(self, number: int) -> FileReview:
        """Reviews the file of that number, as the terminal does."""
        request = self.request(number)
        return await review_file(
            request,
            self.reviewers,
            path=request.document.path or "",
            relative_path=f"app/orders_{number}.py",
            use_agent=True,
            dismissals=Dismissals(),
            minimum_confidence="low",
        )
