"""What was answered once is not asked again, and what changed is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from backend_developer.core.model import (
    Document,
    Finding,
    Proposal,
    ProposedFix,
    Quote,
    SearchReplace,
    Span,
    Step,
    Usage,
    Verdict,
)
from backend_developer.engines.base import (
    Answer,
    EngineError,
    Excerpt,
    Note,
    ReviewRequest,
    Surroundings,
)
from backend_developer.engines.kept import KeptEngine
from backend_developer.parts import parts_of
from backend_developer.settings import Settings
from engine.support import MakeRequest

PYTHON = """\
import db
from util import clean

LIMIT = 10


def helper(x):
    return clean(x)


class Shop:
    name = "shop"

    @cached
    def all(self):
        return db.query("select 1")

    def one(self, x):
        return db.query(helper(x))


@app.get("/users")
async def users(q):
    return db.query(q, LIMIT)


app.run()
"""
JAVASCRIPT = """\
const db = require("./db");
const limit = 10;

function plain(x) {
  return db.query(x);
}

const arrow = async (x) => {
  return plain(x);
};

app.get("/users", guard, async (request, response) => {
  response.send(await db.query(limit));
});

class Shop {
  all() {
    return 1;
  }
}
"""


# --- Parts


@pytest.mark.parametrize(
    ("language", "code", "first_lines"),
    [
        (
            "python",
            PYTHON,
            ["import db", "def helper(x):", "@cached", "def one(self, x):", '@app.get("/users")'],
        ),
        (
            "javascript",
            JAVASCRIPT,
            [
                'const db = require("./db");',
                "function plain(x) {",
                "const arrow = async (x) => {",
                'app.get("/users", guard, async (request, response) => {',
                "all() {",
            ],
        ),
        ("sql", "select 1;\nselect 2;\n", ["select 1;"]),
    ],
)
def test_parts_are_functions_methods_routes_and_the_rest(
    language: str, code: str, first_lines: list[str]
) -> None:
    document = Document("", "", language, code)
    parts = parts_of(document, Span(0, len(code)))
    assert [part.text.strip().splitlines()[0] for part in parts] == first_lines
    covered = sorted(span for part in parts for span in part.spans)
    assert not any(one.overlaps(other) for one in covered for other in covered if one != other)
    missed = code
    for span in reversed(covered):
        missed = missed[: span.start] + missed[span.end :]
    assert not missed.strip()


# --- A scripted agent


class Memory:
    """Implements Answers."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def load(self, digests: Collection[str]) -> Mapping[str, str]:
        return {digest: text for digest, text in self.texts.items() if digest in digests}

    def save(self, texts: Mapping[str, str]) -> None:
        self.texts.update(texts)


class Scripted:
    """Implements Engine: finds each `db.query` in what it is asked about, on a guessed line."""

    name = "agent"

    def __init__(self) -> None:
        self.requests: list[ReviewRequest] = []
        self.asked: list[str] = []
        """The code that each request was about."""
        self.fails = False
        self.invents = False
        """Whether each quote is of no code of the file."""
        self.invents_one = False
        self.ends = False

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        text = request.document.text
        spans = request.parts or (request.span,)
        self.requests.append(request)
        self.asked.append("".join(text[span.start : span.end] for span in spans))
        if request.second_look:
            for finding in request.evidence:
                yield Verdict(finding.id, True, "It is bound.")
            return
        for span in spans:
            for number, line in enumerate(text.split("\n"), 1):
                start = text.index(line)
                if "db.query(" in line and span.start <= start < span.end:
                    invents = self.invents or (self.invents_one and "LIMIT" in line)
                    code = "nowhere" if invents else line.strip()
                    edit = SearchReplace(line.strip(), "pass", line=number)
                    yield Proposal(
                        where=Quote(code, number),
                        rule="security/sql-injection",
                        message="Bad.",
                        source="agent:m",
                        author="agent",
                        severity="error",
                        cwes=(89,),
                        fix=ProposedFix("Pass", (edit,), "migration"),
                        flow=(Step(Quote(code, number), "here"),),
                    )
        for finding in request.evidence:
            yield Verdict(finding.id, False, "So it is.")
        yield Usage("m", 100)
        if self.ends:
            yield Note("The review ended at 3 findings.", is_end=True)
        if self.fails:
            raise EngineError("The connection was cut.")


class Bench:
    def __init__(self, make_request: MakeRequest, code: str = PYTHON, language: str = "python"):
        self.agent = Scripted()
        self.answers = Memory()
        self.environment: dict[str, str] = {}
        self.engine = KeptEngine(self.agent, self.answers, self.environment)
        self.make_request = make_request
        self.document = Document("file:///shop.py", "/shop.py", language, code)

    def request(self, **changes: Any) -> ReviewRequest:
        document = changes.pop("document", self.document)
        whole = Span(0, len(document.text))
        return self.make_request(**{"document": document, "span": whole, **changes})

    async def review(self, **changes: Any) -> list[Answer]:
        return [one async for one in self.engine.review(self.request(**changes))]

    def edited(self, old: str, new: str) -> Document:
        assert self.document.text.count(old) == 1
        return replace(self.document, text=self.document.text.replace(old, new))


@pytest.fixture
def bench(make_request: MakeRequest) -> Bench:
    return Bench(make_request)


def proposals(answers: list[Answer]) -> list[Proposal]:
    return [one for one in answers if isinstance(one, Proposal)]


def lines_of(answers: list[Answer]) -> list[int | None]:
    return [one.where.line for one in proposals(answers) if isinstance(one.where, Quote)]


def notes(answers: list[Answer]) -> str:
    return " ".join(one.sentence for one in answers if isinstance(one, Note))


async def test_the_same_again_costs_nothing(bench: Bench) -> None:
    first = await bench.review()
    second = await bench.review()
    assert len(bench.agent.asked) == 1
    assert sorted(map(repr, proposals(first))) == sorted(map(repr, proposals(second)))
    assert len(proposals(second)) == 3
    assert notes(second).startswith("nothing that this review depends on has changed")
    assert not any(isinstance(one, Usage) for one in second)


async def test_only_what_changed_is_asked(bench: Bench) -> None:
    await bench.review()
    document = bench.edited("db.query(q, LIMIT)", "db.query(q,\n        LIMIT)")
    document = replace(document, text=document.text.replace("LIMIT = 10", "\n\nLIMIT = 10"))
    answers = await bench.review(document=document)
    assert "return db.query(q," in bench.agent.asked[1]
    assert "class Shop" in bench.agent.asked[1]  # What is between the functions changed too.
    assert "def one" not in bench.agent.asked[1]
    # What was kept moved down with its lines.
    assert sorted(filter(None, lines_of(answers))) == [18, 21, 26]
    assert "what the agent said of the rest still holds" in notes(answers)


async def test_what_a_changed_part_uses_of_its_file_is_shown(bench: Bench) -> None:
    await bench.review()
    document = bench.edited("db.query(helper(x))", "db.query(helper(x), 1)")
    await bench.review(document=document)
    shown = [excerpt.text for excerpt in bench.agent.requests[1].surroundings.excerpts]
    assert shown == ["def helper(x):\n    return clean(x)"]


async def test_a_function_is_asked_about_when_what_it_uses_changed(bench: Bench) -> None:
    await bench.review()
    await bench.review(document=bench.edited("return clean(x)", "return x"))
    assert "def one" in bench.agent.asked[1]
    assert "def users" not in bench.agent.asked[1]
    await bench.review(document=bench.edited("from util import clean", "from util2 import clean"))
    assert "def helper" in bench.agent.asked[2]
    assert "def users" not in bench.agent.asked[2]


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": Settings(model="opus")},
        {"settings": Settings(rules={"security/sql-injection": "off"})},
        {"conventions": (("CLAUDE.md", "Use helpers."),)},
        {"surroundings": Surroundings((Excerpt("util.py", 1, "def clean(): ...", "used"),))},
        {"settings": Settings(keep_answers=False)},
    ],
    ids=["model", "rules", "conventions", "surroundings", "nothing is kept"],
)
async def test_what_it_depends_on_makes_another_question(
    bench: Bench, changes: dict[str, Any]
) -> None:
    await bench.review()
    await bench.review(**changes)
    assert bench.agent.asked[1] == PYTHON


async def test_another_endpoint_is_another_reviewer(bench: Bench) -> None:
    await bench.review()
    bench.environment["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:8080"
    await bench.review()
    assert bench.agent.asked == [PYTHON, PYTHON]


async def test_a_definition_elsewhere_counts_where_it_is_used(bench: Bench) -> None:
    before = Excerpt("util.py", 1, "def clean(): ...", "used", "clean")
    await bench.review(surroundings=Surroundings((before,)))
    await bench.review(surroundings=Surroundings((replace(before, text="def clean(): pass"),)))
    assert "def helper" in bench.agent.asked[1]
    assert "def users" not in bench.agent.asked[1]


@pytest.mark.parametrize("fault", ["fails", "invents", "ends"])
async def test_an_incomplete_answer_is_not_kept(bench: Bench, fault: str) -> None:
    setattr(bench.agent, fault, True)
    try:
        await bench.review()
    except EngineError:
        assert fault == "fails"
    assert bench.answers.texts == {}


async def test_one_claim_that_cannot_be_placed_loses_no_answer(bench: Bench) -> None:
    bench.agent.invents_one = True
    first = await bench.review()
    again = await bench.review()
    assert (len(proposals(first)), len(proposals(again)), len(bench.agent.asked)) == (3, 2, 1)


async def test_nothing_is_kept_where_that_is_off(bench: Bench, sql_finding: Finding) -> None:
    settings = Settings(keep_answers=False)
    start = PYTHON.index("db.query(q")
    finding = replace(sql_finding, span=Span(start, start + 5))
    await bench.review(settings=settings)
    await bench.review(settings=settings, evidence=(finding,), second_look=True)
    assert (len(bench.agent.asked), bench.answers.texts) == (2, {})


async def test_what_has_no_code_is_not_asked_about(make_request: MakeRequest) -> None:
    for code in ("", "\n\n"):
        empty = Bench(make_request, code)
        assert (await empty.review(), empty.agent.asked) == ([], [])


async def test_no_secret_is_kept_and_it_comes_back(make_request: MakeRequest) -> None:
    token = "sk" + "_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    bench = Bench(make_request, PYTHON.replace('"select 1"', f'"{token}"'))
    await bench.review()
    assert bench.answers.texts
    assert not any(token in text for text in bench.answers.texts.values())
    again = await bench.review()
    assert len(bench.agent.asked) == 1
    assert any(token in one.where.code for one in proposals(again) if isinstance(one.where, Quote))


async def test_judgements_of_evidence_are_kept_with_their_part(
    bench: Bench, sql_finding: Finding
) -> None:
    start = PYTHON.index("db.query(q")
    finding = replace(sql_finding, span=Span(start, start + 5))
    await bench.review(evidence=(finding,))
    again = await bench.review(evidence=(finding,))
    assert Verdict("f1", False, "So it is.") in again
    other = await bench.review(document=bench.edited("select 1", "select 2"), evidence=(finding,))
    assert [one for one in other if isinstance(one, Verdict)] == [Verdict("f1", False, "So it is.")]


async def test_a_second_look_is_taken_once(bench: Bench, sql_finding: Finding) -> None:
    start = PYTHON.index("db.query(q")
    finding = replace(sql_finding, span=Span(start, start + 5), author="agent")
    for _ in range(2):
        answers = await bench.review(evidence=(finding,), second_look=True)
        assert Verdict("f1", True, "It is bound.") in answers
    assert len(bench.agent.asked) == 1


async def test_what_is_kept_and_broken_is_asked_again(bench: Bench) -> None:
    await bench.review()
    bench.answers.texts = dict.fromkeys(bench.answers.texts, '{"proposals": 1}')
    assert len(proposals(await bench.review())) == 3
    assert len(bench.agent.asked) == 2
