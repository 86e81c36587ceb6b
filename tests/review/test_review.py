"""The path from a request to findings, with engines and a checker that answer by script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import pytest

from backend_developer.catalogue import Catalogue
from backend_developer.core.model import (
    AgentDefinition,
    Candidate,
    Checking,
    CheckReport,
    Document,
    Finding,
    Fix,
    Proposal,
    ProposedFix,
    Quote,
    Rejection,
    Rule,
    SearchReplace,
    Span,
    TaskDefinition,
    Usage,
    Verdict,
    Withheld,
)
from backend_developer.dismissals import Dismissal, Dismissals
from backend_developer.engines.base import Answer, EngineError, ReviewRequest
from backend_developer.review import FileReview, Outcome, Reviewers, review, review_file
from backend_developer.settings import Settings

TEXT = "a = md5(x)\nb = md5(y), md5(z)\nc = run(q)\n"
HASH = Rule("security/weak-hash", "Weak hash", "security", "warning", "It breaks.", "Use SHA-256.")
RUN = Rule("security/command-injection", "Command", "security", "error", "It runs.", "Do not.")
CATALOGUE = Catalogue({rule.id: rule for rule in (HASH, RUN)})
REQUEST = ReviewRequest(
    document=Document("file:///w/a.py", "/w/a.py", "python", TEXT),
    span=Span(0, len(TEXT)),
    task=TaskDefinition("security", "Review security", "review", ("security",), "Look.", ""),
    agent=AgentDefinition("dev", "", "", "", "built-in"),
    settings=Settings(),
)


def claim(code: str, rule: str = HASH.id, fix: str | None = None, **rest: Any) -> Proposal:
    """What an engine says of the code it quotes; `fix` is what it puts in its place."""
    proposed = None if fix is None else ProposedFix("Change it", (SearchReplace(code, fix),))
    given = {"message": f"About {code}.", "source": "agent:m", "author": "agent"} | rest
    return Proposal(Quote(code), rule, fix=proposed, **given)


Step: TypeAlias = Answer | Exception | asyncio.Event
"""An event is waited for."""


@dataclass
class Scripted:
    """An engine that answers each call with the next list of steps; no more lists: nothing."""

    answers: list[Sequence[Step]]
    name: str = "agent"
    requests: list[ReviewRequest] = field(default_factory=list)
    closed: int = 0

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        self.requests.append(request)
        steps = self.answers.pop(0) if self.answers else ()
        try:
            for step in steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield step
        finally:
            self.closed += 1


@dataclass
class Checks:
    """Passes every fix but those that bring in `bad`; holds each batch until `go` is set."""

    batches: list[list[str]] = field(default_factory=list)
    """Of each batch, what lies at the findings."""
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def check(
        self, document: Document, candidates: Sequence[Candidate], settings: Settings
    ) -> list[CheckReport]:
        self.batches.append([document.text[one.span.start : one.span.end] for one in candidates])
        await self.go.wait()
        return [CheckReport("It is bad." if "bad" in one.text_after else "") for one in candidates]


@pytest.fixture
def checks() -> Checks:
    """A checker that holds nothing up."""
    checks = Checks()
    checks.go.set()
    return checks


def told(outcome: Outcome) -> str:
    """An outcome in a few words: `md5(x) checking`."""
    match outcome:
        case Finding(code=code, fix=None):
            return code
        case Finding(code=code, fix=Checking()):
            return f"{code} checking"
        case Finding(code=code, fix=Fix()):
            return f"{code} fix"
        case Finding(code=code, fix=Withheld(reason=reason)):
            return f"{code} withheld: {reason}"
        case Rejection():
            return "rejected"
        case _:
            return type(outcome).__name__


async def outcomes_of(
    engine: Scripted, checks: Checks, request: ReviewRequest = REQUEST
) -> list[Outcome]:
    return [outcome async for outcome in review(request, engine, checks, CATALOGUE, "a.py")]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise TimeoutError


# --- Streaming


async def test_a_finding_and_its_checked_fix_come_while_the_engine_still_writes(
    checks: Checks,
) -> None:
    more = asyncio.Event()
    engine = Scripted([[claim("md5(x)", fix="sha(x)"), more, claim("run(q)", RUN.id)]])
    async with aclosing(review(REQUEST, engine, checks, CATALOGUE)) as outcomes:
        assert told(await anext(outcomes)) == "md5(x) checking"
        assert told(await anext(outcomes)) == "md5(x) fix"
        more.set()
        assert told(await anext(outcomes)) == "run(q)"


async def test_a_finding_keeps_its_id_when_its_fix_is_checked(checks: Checks) -> None:
    engine = Scripted([[claim("md5(z)", fix="bad"), claim("md5(y)", fix="sha(y)")]])
    outcomes = await outcomes_of(engine, checks)
    assert [told(one) for one in outcomes] == [
        "md5(z) checking",
        "md5(y) checking",
        "md5(z) withheld: It is bad.",
        "md5(y) fix",
    ]
    ids = [one.id for one in outcomes if isinstance(one, Finding)]
    assert ids[:2] == ids[2:]
    # They stand on one line, so what tells them apart is which came first.
    assert ids[1] == f"{ids[0]}-2"


async def test_verdicts_and_usage_pass_through(checks: Checks) -> None:
    verdict, usage = Verdict("id", True, "No."), Usage("m", 1)
    assert await outcomes_of(Scripted([[verdict, usage]]), checks) == [verdict, usage]


# --- Checks


async def test_fixes_that_come_at_once_are_checked_as_one_batch(checks: Checks) -> None:
    claims = [claim(code, fix="1") for code in ("md5(x)", "md5(y)", "run(q)")]
    await outcomes_of(Scripted([claims]), checks)
    assert checks.batches == [["md5(x)", "md5(y)", "run(q)"]]


async def test_fixes_that_come_during_a_check_are_the_next_batch() -> None:
    checks, second = Checks(), asyncio.Event()
    rest = [claim(code, fix="1") for code in ("md5(y)", "run(q)")]
    engine = Scripted([[claim("md5(x)", fix="1"), second, *rest]])
    reading = asyncio.create_task(outcomes_of(engine, checks))
    await until(lambda: len(checks.batches) == 1)
    second.set()
    await until(lambda: engine.closed == 1)
    checks.go.set()
    assert [told(one) for one in await reading] == [
        "md5(x) checking",
        "md5(y) checking",
        "run(q) checking",
        "md5(x) fix",
        "md5(y) fix",
        "run(q) fix",
    ]
    assert checks.batches == [["md5(x)"], ["md5(y)", "run(q)"]]


async def test_nothing_to_check_asks_nobody(checks: Checks) -> None:
    claims = [claim("md5(x)"), claim("run(q)", RUN.id, fix="run(q)")]
    outcomes = await outcomes_of(Scripted([claims]), checks)
    assert told(outcomes[1]) == "run(q) withheld: It changes nothing."
    assert checks.batches == []


# --- Errors


async def test_an_error_costs_neither_the_findings_before_it_nor_their_checks(
    checks: Checks,
) -> None:
    engine = Scripted([[claim("md5(x)", fix="1"), EngineError("The line was cut.")]])
    outcomes = review(REQUEST, engine, checks, CATALOGUE)
    assert [told(await anext(outcomes)) for _ in range(2)] == ["md5(x) checking", "md5(x) fix"]
    with pytest.raises(EngineError, match="cut"):
        await anext(outcomes)
    assert len(engine.requests) == engine.closed == 1


async def test_a_mistake_in_an_engine_or_a_check_is_not_hidden(checks: Checks) -> None:
    with pytest.raises(ZeroDivisionError):
        await outcomes_of(Scripted([[ZeroDivisionError()]]), checks)
    checks.check = lambda *_: 1 / 0  # type: ignore[method-assign,return-value,assignment]
    engine = Scripted([[claim("md5(x)", fix="1")]])
    with pytest.raises(ZeroDivisionError):
        await outcomes_of(engine, checks)
    assert engine.closed == 1


# --- Asking again


async def test_an_answer_of_which_nothing_is_there_is_asked_for_once_more_with_the_reasons(
    checks: Checks,
) -> None:
    engine = Scripted([[claim("eval(x)")], [claim("eval(x)"), claim("md5(x)")]])
    outcomes = await outcomes_of(engine, checks)
    assert [told(one) for one in outcomes] == ["rejected", "rejected", "md5(x)"]
    first, second = engine.requests
    assert not first.rejections
    [rejection] = second.rejections
    assert "`eval(x)` is not in the file" in rejection.reason
    assert replace(second, rejections=()) == first


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([[claim("eval(x)")], [claim("eval(x)")], [claim("md5(x)")]], 2),
        ([[claim("eval(x)"), claim("md5(x)")]], 1),
        ([[claim("eval(x)"), EngineError("It failed.")]], 1),
        ([[]], 1),
    ],
    ids=["not twice", "not when something is there", "not after an error", "not without a claim"],
)
async def test_it_is_not_asked_again(
    checks: Checks, answers: list[Sequence[Step]], calls: int
) -> None:
    engine = Scripted(answers)
    with suppress(EngineError):
        await outcomes_of(engine, checks)
    assert len(engine.requests) == calls


# --- Stopping


async def test_closing_a_review_closes_its_engine(checks: Checks) -> None:
    engine = Scripted([[claim("md5(x)"), asyncio.Event()]])
    async with aclosing(review(REQUEST, engine, checks, CATALOGUE)) as outcomes:
        await anext(outcomes)
        assert not engine.closed
    assert engine.closed == 1


async def test_cancelling_a_review_closes_its_engine_and_leaves_no_task() -> None:
    checks = Checks()
    engine = Scripted([[claim("md5(x)", fix="1"), asyncio.Event()]])
    reading = asyncio.create_task(outcomes_of(engine, checks))
    await until(lambda: bool(checks.batches))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert engine.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --- Settings


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, [("md5(x)", "warning"), ("run(q)", "error")]),
        ({HASH.id: "error"}, [("md5(x)", "error"), ("run(q)", "error")]),
        ({RUN.id: "off"}, [("md5(x)", "warning")]),
        ({"security/*": "hint", RUN.id: "warning"}, [("md5(x)", "hint"), ("run(q)", "warning")]),
        ({"security/*": "off"}, []),
    ],
    ids=["as they are", "one level", "one off", "a focus and one of it", "a focus off"],
)
async def test_the_settings_have_the_last_word_on_a_rule(
    checks: Checks, rules: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    request = replace(REQUEST, settings=Settings(rules=rules))
    engine = Scripted([[claim("md5(x)", fix="1"), claim("run(q)", RUN.id)]])
    outcomes = await outcomes_of(engine, checks, request)
    levels = {one.code: one.severity for one in outcomes if isinstance(one, Finding)}
    assert list(levels.items()) == expected
    assert len(engine.requests) == 1  # What is off was there all the same.


# --- A file


async def review_with(
    local: Sequence[Step], agent: Sequence[Step] | None, checks: Checks, **rest: Any
) -> tuple[FileReview, Scripted]:
    """The review of a file by both engines, and the agent's; None: it is not asked."""
    theirs = Scripted([agent or ()])
    reviewers = Reviewers(Scripted([local], "local"), theirs, checks, CATALOGUE)
    given: dict[str, Any] = {"dismissals": Dismissals(), "minimum_confidence": "medium"} | rest
    request = replace(REQUEST, settings=given.pop("settings", REQUEST.settings))
    result = await review_file(
        request, reviewers, path="a.py", relative_path="a.py", use_agent=agent is not None, **given
    )
    return result, theirs


def by_linter(code: str, **rest: Any) -> Proposal:
    start = TEXT.index(code)
    plain = claim(code, source="ruff:S324", author="local", **rest)
    return replace(plain, where=Span(start, start + len(code)))


async def test_the_agent_is_given_the_local_findings_and_both_are_merged(checks: Checks) -> None:
    usage = Usage("a-model", 10, output_tokens=5)
    file, agent = await review_with(
        [by_linter("md5(x)"), by_linter("md5(y)")],
        [claim("a = md5(x)", message="It guards a token."), claim("run(q)", RUN.id), usage],
        checks,
    )
    assert [one.code for one in agent.requests[0].evidence] == ["md5(x)", "md5(y)"]
    assert [(one.code, one.message, one.author) for one in file.findings] == [
        ("md5(x)", "It guards a token.", "local"),
        ("md5(y)", "About md5(y).", "local"),
        ("run(q)", "About run(q).", "agent"),
    ]
    assert file.engine == "local + agent (a-model)"
    assert file.usage == (usage,)


async def test_a_refuted_finding_is_a_hint(checks: Checks) -> None:
    alone, _ = await review_with([by_linter("md5(x)")], None, checks)
    verdicts = [Verdict(alone.findings[0].id, True, "A cache key."), Verdict("other", True, "")]
    file, _ = await review_with([by_linter("md5(x)")], verdicts, checks)
    [found] = file.findings
    assert (found.severity, found.refuted) == ("hint", "A cache key.")


async def test_an_engine_that_fails_is_a_sentence_beside_what_was_found(checks: Checks) -> None:
    file, agent = await review_with(
        [by_linter("md5(x)"), EngineError("ruff is missing.")],
        [claim("eval(x)"), claim("run(q)", RUN.id), EngineError("It was cut.")],
        checks,
    )
    assert file.errors == ("ruff is missing.", "It was cut.")
    assert [one.code for one in file.findings] == ["md5(x)", "run(q)"]
    assert len(file.rejections) == len(agent.requests) == 1
    assert file.engine == "local + agent"


async def test_what_the_agent_found_goes_through_a_second_look(checks: Checks) -> None:
    file, agent = await review_with(
        [by_linter("md5(x)")], [claim("run(q)", RUN.id), claim("eval(z)")], checks
    )
    first, second = agent.requests
    assert (first.second_look, second.second_look) == (False, True)
    assert [one.code for one in second.evidence] == ["run(q)"]
    alone = next(one for one in file.findings if one.code == "run(q)")
    refuted = Verdict(alone.id, True, "It is bound.")
    file, _ = await review_with([], [claim("run(q)", RUN.id), refuted], checks)
    [found] = file.findings
    assert (found.severity, found.refuted) == ("hint", "It is bound.")


@pytest.mark.parametrize(("setting", "looks"), [("off", 0), ("warnings", 0), ("all", 1)])
async def test_a_second_look_is_as_the_settings_say(
    checks: Checks, setting: Any, looks: int
) -> None:
    """Of something that is not even a warning."""
    mild = replace(claim("run(q)", RUN.id), severity="information")
    settings = Settings(second_look=setting)
    _, agent = await review_with([], [mild], checks, settings=settings)
    assert sum(request.second_look for request in agent.requests) == looks


async def test_an_agent_that_is_not_wanted_is_not_asked(checks: Checks) -> None:
    file, agent = await review_with([by_linter("md5(x)")], None, checks)
    assert (file.engine, agent.requests) == ("local", [])


async def test_what_is_dismissed_or_unsure_is_counted_and_not_shown(checks: Checks) -> None:
    claims = [by_linter("md5(x)"), by_linter("md5(y)"), by_linter("md5(z)", confidence="low")]
    whole, _ = await review_with(claims, None, checks, minimum_confidence="low")
    first, second, third = whole.findings
    assert (third.id, third.code) == (f"{second.id}-2", "md5(z)")
    dismissals = Dismissals((Dismissal(HASH.id, "ours", fingerprint=first.id),))
    file, _ = await review_with(claims, None, checks, dismissals=dismissals)
    assert [one.code for one in file.findings] == ["md5(y)"]
    assert (file.dismissed, file.folded) == (1, 1)
