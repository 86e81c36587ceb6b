"""Findings that follow the text: moved, dropped where touched, back on undo."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.core.edits import apply
from backend_developer.core.model import Checking, Finding, Fix, Span, TextEdit, Withheld
from backend_developer.core.text import Change, apply_changes
from backend_developer.core.tracking import (
    ASIDE_LIMIT,
    EDITED,
    Tracked,
    add,
    follow,
    move_finding,
    remove,
    track,
)


def a_finding(text: str, start: int, end: int, **fields: object) -> Finding:
    finding = Finding(
        id=f"{start}-{end}",
        rule="security/weak-hash",
        focus="security",
        severity="warning",
        confidence="high",
        span=Span(start, end),
        code=text[start:end],
        title="Weak hash",
        message="It is weak.",
        sources=("rule:security/weak-hash",),
        author="local",
    )
    return replace(finding, **fields)  # type: ignore[arg-type]


def typed(tracked: Tracked, *steps: tuple[str, str]) -> Tracked:
    """`tracked` after the only occurrence of each first text was replaced by the second."""
    for old, new in steps:
        assert tracked.text.count(old) == 1, (tracked.text, old)
        start = tracked.text.index(old)
        change = Change(Span(start, start + len(old)), new)
        tracked = follow(tracked, [change], apply_changes(tracked.text, [change]))
    return tracked


def at(code: str, text: str) -> Tracked:
    """A finding at the only occurrence of `code`."""
    start = text.index(code)
    return track([a_finding(text, start, start + len(code))], text)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([("a = 1", "a = 1\nnew")], ["md5(x)"], id="an edit above moves it"),
        pytest.param([("b = 2", "b")], ["md5(x)"], id="an edit below leaves it"),
        pytest.param([("md5", "y + md5")], ["md5(x)"], id="typing just before it"),
        pytest.param([("(x)", "(x) + y")], ["md5(x)"], id="typing just after it"),
        pytest.param([("md5", "sha256")], [], id="an edit inside drops it"),
        pytest.param([("1\nh = m", "")], [], id="an edit over its edge drops it"),
        pytest.param([("md5(x)", "")], [], id="deleted"),
        pytest.param([("md5", "m5"), ("m5", "md5")], ["md5(x)"], id="undone"),
        pytest.param(
            [("md5", "m5"), ("b = 2", "b = 3"), ("m5", "md5")], ["md5(x)"], id="retyped later"
        ),
        pytest.param(
            [("md5", "m5"), ("a =", "A ="), ("m5", "md5")],
            ["md5(x)"],
            id="retyped, moved meanwhile",
        ),
        pytest.param(
            [("h = md5(x)\n", ""), ("b = 2", "b = 3"), ("1\n", "1\nh = md5(x)\n")],
            ["md5(x)"],
            id="its line cut and pasted back",
        ),
        pytest.param(
            [("md5", "m5"), ("b = 2", "b = 3"), ("h = m5", "hh = md5")],
            [],
            id="its line is another",
        ),
        pytest.param(
            [
                ("a = 1\nh = md5(x)\n", ""),
                ("b = 2", "b = 3"),
                ("b = 3", "a = 1\nh = md5(x)\nb = 3"),
            ],
            ["md5(x)"],
            id="cut with the line above and pasted back",
        ),
        pytest.param(
            [("h = md5(x)", ""), ("b = 2", "b"), ("1\n", "1\nh = md5(x)\nh = md5(x)\n")],
            [],
            id="its line came back twice",
        ),
        pytest.param(
            [("a = 1\nh = md5(x)\nb = 2\n", "A = 1\nh = md5(x)\nB = 2\n")],
            ["md5(x)"],
            id="the whole text replaced around it",
        ),
        pytest.param([("h = md5(x)", "h = md5(x)")], ["md5(x)"], id="replaced by the same text"),
    ],
)
def test_a_finding_follows_the_text(steps: list[tuple[str, str]], expected: list[str]) -> None:
    after = typed(at("md5(x)", "a = 1\nh = md5(x)\nb = 2\n"), *steps)
    assert [finding.code for finding in after.findings] == expected
    for finding in after.findings:
        assert after.text[finding.span.start : finding.span.end] == finding.code


def fix_of(text: str, *edits: tuple[str, str]) -> Fix:
    placed = (
        TextEdit(Span(text.index(old), text.index(old) + len(old)), new) for old, new in edits
    )
    return Fix("Use SHA-256", tuple(placed), "local")


TEXT = "import os\n\nh = md5(x)\n"


def with_fix(*edits: tuple[str, str]) -> Tracked:
    (finding,) = at("md5(x)", TEXT).findings
    return track([replace(finding, fix=fix_of(TEXT, *edits))], TEXT)


def test_its_fix_and_flow_move_too() -> None:
    before = with_fix(("md5", "sha256"))
    (finding,) = before.findings
    before = track([replace(finding, flow=((Span(7, 9), "from here"),))], TEXT)
    (after,) = typed(before, ("import", "import json,")).findings
    assert isinstance(after.fix, Fix)
    text = "import json, os\n\nh = md5(x)\n"
    assert apply(text, after.fix.edits) == "import json, os\n\nh = sha256(x)\n"
    assert [text[span.start : span.end] for span, _ in after.flow] == ["os"]


def test_a_fix_whose_place_was_edited_is_withheld_until_undone() -> None:
    before = with_fix(("import os", "import os, hashlib"), ("md5", "hashlib.sha256"))
    during = typed(before, ("os", "sys"))
    assert [finding.fix for finding in during.findings] == [Withheld("Use SHA-256", EDITED)]
    assert typed(during, ("sys", "os")).findings == before.findings


def test_a_touched_step_of_the_flow_is_left_out_until_undone() -> None:
    (finding,) = at("md5(x)", TEXT).findings
    before = track([replace(finding, flow=((Span(7, 9), "from"), (Span(11, 12), "to")))], TEXT)
    during = typed(before, ("os", "sys"))
    assert [message for _, message in during.findings[0].flow] == ["to"]
    assert typed(during, ("sys", "os")).findings == before.findings


def test_a_fix_that_inserts_is_withheld_when_the_same_was_inserted() -> None:
    (finding,) = at("md5(x)", TEXT).findings
    fix = Fix("Import it", (TextEdit(Span(9, 9), ", hashlib"),), "agent")
    during = typed(track([replace(finding, fix=fix)], TEXT), ("os", "os, hashlib"))
    # The whole change is this very fix, so nothing is left to say until it is undone.
    assert during.findings == ()
    assert typed(during, ("x)", "x) ")).findings == ()
    two = Fix("Import it", (*fix.edits, TextEdit(Span(15, 18), "sha256")), "agent")
    during = typed(track([replace(finding, fix=two)], TEXT), ("os", "os, hashlib"))
    assert [finding.fix for finding in during.findings] == [Withheld("Import it", EDITED)]


def test_taking_the_fix_drops_the_finding_and_undoing_it_brings_both_back() -> None:
    before = with_fix(("os", "os, hashlib"), ("md5", "sha256"))
    (finding,) = before.findings
    assert isinstance(finding.fix, Fix)
    text = apply(TEXT, finding.fix.edits)
    shift = len(", hashlib")
    taken = [Change(Span(7, 9), "os, hashlib"), Change(Span(15 + shift, 18 + shift), "sha256")]
    after = follow(before, taken, text)
    assert after.findings == ()
    undone = follow(after, [Change(Span(0, len(text)), TEXT)], TEXT)
    assert undone.findings == before.findings


def test_retyped_code_keeps_a_fix_of_its_own_lines_only() -> None:
    steps = (("md5", "m5"), ("import os", "import os, sys"), ("m5", "md5"))
    (own,) = typed(with_fix(("md5", "sha256")), *steps).findings
    assert own.fix == fix_of("import os, sys\n\nh = md5(x)\n", ("md5", "sha256"))
    (wide,) = typed(with_fix(("import", "import hashlib,"), ("md5", "sha256")), *steps).findings
    assert wide.fix == Withheld("Use SHA-256", EDITED)


def test_a_fix_being_checked_does_not_come_back_for_ever_being_checked() -> None:
    (finding,) = at("md5(x)", TEXT).findings
    before = track([replace(finding, fix=Checking())], TEXT)
    assert typed(before, ("import", "from")).findings[0].fix == Checking()
    after = typed(before, ("md5", "m5"), ("m5", "md5"))
    assert [finding.fix for finding in after.findings] == [Withheld("Weak hash", EDITED)]


def test_a_finding_of_another_text_is_refused() -> None:
    (finding,) = at("md5(x)", TEXT).findings
    with pytest.raises(ValueError, match="is not of this text"):
        track([finding], TEXT.replace("os", "sys"))


def test_changes_that_do_not_lead_to_the_text_are_refused() -> None:
    with pytest.raises(ValueError, match="do not lead"):
        follow(Tracked("ab"), [Change(Span(0, 1), "x")], "yb")


def test_a_new_finding_replaces_the_old_one_of_its_id_wherever_that_is() -> None:
    before = at("md5(x)", TEXT)
    (finding,) = before.findings
    fresh = replace(finding, message="It is fresh.")
    assert add(before, [fresh]).findings == (fresh,)
    touched = typed(before, ("md5", "m5"))
    fresh = replace(fresh, span=Span(15, 20), code="m5(x)")
    again = add(touched, [fresh])
    assert again.findings == (fresh,)
    # What was replaced does not come back beside it.
    assert [finding.code for finding in typed(again, ("m5", "md5")).findings] == []


def test_what_was_removed_does_not_come_back() -> None:
    touched = typed(at("md5(x)", TEXT), ("md5", "m5"))
    assert typed(remove(touched, lambda finding: True), ("m5", "md5")).findings == ()


def test_only_so_many_touched_findings_are_kept() -> None:
    count = ASIDE_LIMIT + 5
    text = "".join(f"{number:03}\n" for number in range(count))
    before = track([a_finding(text, 4 * line, 4 * line + 3) for line in range(count)], text)
    emptied = follow(before, [Change(Span(0, len(text)), "")], "")
    assert len(emptied.aside) == ASIDE_LIMIT
    undone = follow(emptied, [Change(Span(0, 0), text)], text)
    assert len(undone.findings) == ASIDE_LIMIT


@pytest.mark.parametrize(
    ("span", "moved"),
    [
        (Span(0, 2), Span(5, 9)),
        (Span(0, 3), Span(4, 8)),
        (Span(3, 3), Span(7, 11)),
        (Span(7, 7), Span(3, 7)),
        (Span(7, 9), Span(3, 7)),
        (Span(2, 4), None),
        (Span(5, 5), None),
        (Span(6, 9), None),
    ],
    ids=str,
)
def test_move_finding(span: Span, moved: Span | None) -> None:
    finding = a_finding("0123456789", 3, 7)
    result = move_finding(finding, [Change(span, "abcd")])
    assert (result.span if result else None) == moved


# --- Properties

TEXTS = st.lists(st.sampled_from(["x()\n", "y(1)\r\n", "  z", "\n", "x", "\r", "é😀"]), max_size=12)
texts = TEXTS.map("".join)
edits = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8), texts), max_size=8)


@st.composite
def documents(draw: st.DrawFn) -> Tracked:
    """A text with findings, some with a fix and a step of flow anywhere in it."""
    text = draw(texts.filter(bool))
    place = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 6)).map(
        lambda at: Span(at[0], min(at[0] + at[1], len(text)))
    )
    findings = []
    for span in draw(st.sets(place, max_size=5)):
        finding = a_finding(text, span.start, span.end, flow=((draw(place), "from"),))
        if draw(st.booleans()):
            where = draw(place)
            where = draw(st.sampled_from([where, Span(where.start, where.start)]))
            finding = replace(finding, fix=Fix("Fix", (TextEdit(where, "new"),), "agent"))
        findings.append(finding)
    return track(findings, text)


def change_at(text: str, edit: tuple[int, int, str]) -> Change:
    start = min(edit[0], len(text))
    return Change(Span(start, min(start + edit[1], len(text))), edit[2])


def check_true(tracked: Tracked) -> None:
    for finding in tracked.findings:
        start, end = finding.span.start, finding.span.end
        assert tracked.text[start:end] == finding.code
        places = [span for span, _ in finding.flow]
        if isinstance(finding.fix, Fix):
            places += [edit.span for edit in finding.fix.edits]
        assert all(0 <= span.start <= span.end <= len(tracked.text) for span in places)
    assert list(tracked.findings) == sorted(tracked.findings, key=lambda finding: finding.span)
    ids = [finding.id for finding in tracked.findings]
    ids += [entry.finding.id for entry in tracked.aside]
    assert len(ids) == len(set(ids))


@given(documents(), edits)
def test_findings_are_true_after_every_edit_and_undo_restores_them_all(
    before: Tracked, edits: list[tuple[int, int, str]]
) -> None:
    tracked = before
    undo: list[tuple[Change, str]] = []
    for edit in edits:
        text = tracked.text
        change = change_at(text, edit)
        start, end = change.span.start, change.span.end
        undo.append((Change(Span(start, start + len(edit[2])), text[start:end]), text))
        tracked = follow(tracked, [change], apply_changes(text, [change]))
        check_true(tracked)
    for change, text in reversed(undo):
        tracked = follow(tracked, [change], text)
        check_true(tracked)
    assert tracked.findings == before.findings


@given(documents(), edits)
def test_several_changes_at_once_move_what_each_alone_would(
    before: Tracked, edits: list[tuple[int, int, str]]
) -> None:
    text = before.text
    changes = []
    for edit in edits:
        changes.append(change_at(text, edit))
        text = apply_changes(text, changes[-1:])
    after = follow(before, changes, text)
    check_true(after)
    live = {finding.id for finding in after.findings}
    fixed = [
        finding.id
        for finding in before.findings
        if isinstance(finding.fix, Fix) and apply(before.text, finding.fix.edits) == text
    ]
    for finding in before.findings:
        moved = move_finding(finding, changes)
        if moved:
            span = moved.span
            assert text[span.start : span.end] == finding.code
            assert finding.id in live or finding.id in fixed
