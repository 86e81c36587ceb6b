"""Findings of several sources as one list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend_developer.core.merge import apply_verdict, merge
from backend_developer.core.model import Checking, Finding, Fix, Span, TextEdit, Verdict, Withheld

LOCAL = Finding(
    id="local",
    rule="security/weak-hash",
    focus="security",
    severity="warning",
    confidence="medium",
    span=Span(10, 16),
    code="md5(x)",
    title="Weak hash",
    message="MD5 is weak.",
    sources=("ruff:S324",),
    author="local",
    cwes=(328,),
)
AGENT = replace(
    LOCAL,
    id="agent",
    severity="error",
    confidence="high",
    span=Span(6, 16),
    code="h = md5(x)",
    message="This token can be guessed.",
    sources=("agent:a-model",),
    author="agent",
    cwes=(916, 328),
    flow=((Span(0, 3), "from"),),
)


def test_the_same_problem_of_two_sources_is_one_finding() -> None:
    expected = replace(
        LOCAL,
        severity="error",
        confidence="high",
        message="This token can be guessed.",
        sources=("ruff:S324", "agent:a-model"),
        cwes=(328, 916),
        flow=AGENT.flow,
    )
    assert merge([LOCAL, AGENT]) == (expected,)
    assert merge([AGENT, LOCAL]) == (expected,)
    assert merge(merge([AGENT, LOCAL])) == (expected,)


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        pytest.param(LOCAL, replace(AGENT, rule="security/weak-random"), 2, id="different rules"),
        pytest.param(LOCAL, replace(AGENT, span=Span(16, 20)), 2, id="beside one another"),
        pytest.param(LOCAL, replace(AGENT, span=Span(20, 24), id="local"), 1, id="the same id"),
        pytest.param(
            replace(LOCAL, rule="other", title="One"),
            replace(AGENT, rule="other", title="Another"),
            2,
            id="unnamed and different",
        ),
    ],
)
def test_what_is_the_same(one: Finding, other: Finding, count: int) -> None:
    assert len(merge([one, other])) == count


def test_a_wide_place_joins_no_two_narrow_ones() -> None:
    second = replace(LOCAL, id="second", span=Span(20, 26))
    wide = replace(AGENT, span=Span(0, 30))
    merged = merge([wide, second, LOCAL])
    assert [finding.span for finding in merged] == [LOCAL.span, second.span]


def test_the_place_goes_before_the_id() -> None:
    # The agent saw only the second of a line, which is therefore its first.
    second = replace(LOCAL, id="local-2", span=Span(20, 26))
    (one, two) = merge([LOCAL, second, replace(AGENT, id="local", span=Span(18, 26))])
    assert (one.id, one.message) == ("local", LOCAL.message)
    assert (two.id, two.message) == ("local-2", AGENT.message)


def test_they_come_in_text_order() -> None:
    spans = [Span(5, 6), Span(1, 2), Span(3, 4)]
    findings = [replace(LOCAL, id=str(span), span=span) for span in spans]
    assert [finding.span for finding in merge(findings)] == sorted(spans)


EDITS = (TextEdit(Span(10, 13), "sha256"),)
LOCAL_FIX = Fix("Use SHA-256", EDITS, "local")
AGENT_FIX = Fix("Use bcrypt", EDITS, "agent")
WITHHELD = Withheld("Use SHA-256", "It breaks.")


@pytest.mark.parametrize(
    ("local", "agent", "expected"),
    [
        (LOCAL_FIX, AGENT_FIX, LOCAL_FIX),
        (None, AGENT_FIX, AGENT_FIX),
        (WITHHELD, AGENT_FIX, AGENT_FIX),
        (Checking(), AGENT_FIX, AGENT_FIX),
        (WITHHELD, Checking(), Checking()),
        (WITHHELD, None, WITHHELD),
        (None, None, None),
    ],
    ids=["local", "agent", "not withheld", "checked", "may come", "says why", "none"],
)
def test_the_best_fix_is_kept(local: object, agent: object, expected: object) -> None:
    one = replace(LOCAL, fix=local)  # type: ignore[arg-type]
    other = replace(AGENT, fix=agent)  # type: ignore[arg-type]
    assert merge([one, other])[0].fix == expected


def test_a_refuted_finding_is_a_hint_that_says_why() -> None:
    refuted = apply_verdict(LOCAL, Verdict("local", True, "It is a cache\u202e key."))
    assert (refuted.severity, refuted.refuted) == ("hint", r"It is a cache\u202e key.")
    assert apply_verdict(LOCAL, Verdict("local", False, "It is so.")) == LOCAL
    assert apply_verdict(LOCAL, Verdict("local", True, "")).refuted


def test_a_refuted_finding_that_is_reported_all_the_same_stands() -> None:
    refuted = apply_verdict(LOCAL, Verdict("local", True, "It is a cache key."))
    (merged,) = merge([refuted, AGENT])
    assert (merged.severity, merged.refuted, merged.message) == ("error", "", AGENT.message)
    assert merge([refuted]) == (refuted,)
