"""From what an engine claims to what is true of the document."""

from __future__ import annotations

import pytest

from backend_developer.core.edits import apply
from backend_developer.core.model import (
    Candidate,
    Checking,
    CheckReport,
    Document,
    Fix,
    Proposal,
    ProposedFix,
    Quote,
    Rejection,
    Replacement,
    Rule,
    SearchReplace,
    Span,
    Step,
    TextEdit,
    Withheld,
)
from backend_developer.core.text import Lines
from backend_developer.core.validate import Anchored, anchor, candidate, conclude

SQL = Rule(
    id="security/sql-injection",
    title="SQL built from input",
    focus="security",
    severity="error",
    why="Input becomes part of the statement.",
    advice="Use parameters.",
    cwes=(89,),
    link="https://cwe.mitre.org/data/definitions/89.html",
)
HASH = Rule(
    "security/weak-hash", "Weak hash", "security", "warning", "It is broken.", "Use SHA-256."
)
RULES = {rule.id: rule for rule in (SQL, HASH)}

TEXT = """import db

def one(id):
    return db.run("select " + id)

def two(id):
    return db.run("select " + id)
"""
SECOND = TEXT.index("def two")


INJECTION = Quote('"select " + id', 4)


def proposal(where: Quote | Span = INJECTION, **fields: object) -> Proposal:
    given: dict[str, object] = {
        "where": where,
        "rule": "security/sql-injection",
        "message": "`id` becomes part of the statement.",
        "source": "agent:a-model",
        "author": "agent",
    }
    return Proposal(**(given | fields))  # type: ignore[arg-type]


def result_of(
    proposal: Proposal, text: str = TEXT, scope: Span | None = None
) -> Anchored | Rejection:
    document = Document("file:///w/api/app.py", "/w/api/app.py", "python", text)
    scope = scope or Span(0, len(text))
    return anchor(proposal, document, Lines(text), scope, RULES, "api/app.py")


def anchored(proposal: Proposal, text: str = TEXT, scope: Span | None = None) -> Anchored:
    result = result_of(proposal, text, scope)
    assert isinstance(result, Anchored), result
    finding = result.finding
    assert text[finding.span.start : finding.span.end] == finding.code
    return result


def check_rejected(
    proposal: Proposal, reason: str, text: str = TEXT, scope: Span | None = None
) -> None:
    result = result_of(proposal, text, scope)
    assert isinstance(result, Rejection), result
    assert result.proposal == proposal
    assert reason in result.reason
    assert result.reason.endswith(".")


# --- Where and what


def test_the_catalogue_says_what_the_proposal_does_not() -> None:
    finding = anchored(proposal()).finding
    assert finding.code == '"select " + id'
    assert Lines(TEXT).line_of(finding.span.start) == 3
    assert (finding.rule, finding.title, finding.focus) == (SQL.id, SQL.title, "security")
    assert (finding.severity, finding.confidence) == ("error", "high")
    assert (finding.cwes, finding.link) == ((89,), SQL.link)
    assert finding.message == "`id` becomes part of the statement."
    assert (finding.sources, finding.author) == (("agent:a-model",), "agent")
    assert finding.fix is None


def test_the_proposal_overrules_the_catalogue() -> None:
    finding = anchored(proposal(severity="hint", confidence="low", cwes=(564, 89))).finding
    assert (finding.severity, finding.confidence, finding.cwes) == ("hint", "low", (564, 89))


@pytest.mark.parametrize(
    ("where", "text", "reason"),
    [
        pytest.param(Quote("db.stop()"), TEXT, "`db.stop()` is not in the file", id="not there"),
        pytest.param(Quote('"select " + id'), TEXT, "2 places (lines 4, 7)", id="twice"),
        pytest.param(Quote(""), TEXT, "quote is empty", id="empty quote"),
        pytest.param(Span(0, 999), TEXT, "outside the text", id="span past the end"),
        pytest.param(Span(5, 2), TEXT, "outside the text", id="span backwards"),
        pytest.param(Span(12, 12), TEXT, "line 3 is empty", id="empty span"),
        pytest.param(Quote("db"), "", "not in the file", id="empty text"),
    ],
)
def test_a_place_that_is_none_is_rejected(where: Quote | Span, text: str, reason: str) -> None:
    check_rejected(proposal(where), reason, text)


def test_an_empty_file_has_an_empty_place() -> None:
    assert anchored(proposal(Span(0, 0)), "").finding.code == ""


def test_the_selection_chooses_between_equal_quotes_and_refuses_what_is_outside() -> None:
    scope = Span(SECOND, len(TEXT))
    found = anchored(proposal(), scope=scope).finding
    assert Lines(TEXT).line_of(found.span.start) == 6
    check_rejected(proposal(Quote("import db")), "Line 1 is outside the selection", scope=scope)
    check_rejected(proposal(Span(0, 9), author="local"), "outside the selection", scope=scope)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("security/sql-injection", SQL.id),
        ("Security/SQL_Injection", SQL.id),
        ("sql-injection", SQL.id),
        ("api-design/sql-injection", SQL.id),
        ("security/sql-injektion", SQL.id),
        ("security/prototype-pollution", "other"),
    ],
)
def test_a_rule_that_is_nearly_right_is_understood(rule: str, expected: str) -> None:
    finding = anchored(proposal(rule=rule)).finding
    assert (finding.rule, finding.focus) == (expected, "security")


def test_a_rule_that_is_none_is_rejected() -> None:
    check_rejected(proposal(rule="style/naming"), "no rule “style/naming”")
    check_rejected(proposal(rule="other"), 'or "other" with a focus')


def test_what_the_catalogue_does_not_name_is_titled_by_its_message() -> None:
    message = "The `id` is logged. It should not be."
    finding = anchored(proposal(rule="other", focus="security", message=message)).finding
    assert (finding.rule, finding.title, finding.severity) == (
        "other",
        "The id is logged",
        "warning",
    )
    message = "The name is logged. It should not be."
    other = anchored(proposal(rule="other", focus="security", message=message)).finding
    assert other.id != finding.id


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("  plain \n", "plain"),
        ("a\u202eb", r"a\u202eb"),
        ("x" * 1_001, "x" * 999 + "…"),
        (" ", SQL.why),
    ],
    ids=["trimmed", "escaped", "cut", "empty"],
)
def test_messages_are_made_safe_to_show(message: str, shown: str) -> None:
    assert anchored(proposal(message=message)).finding.message == shown


def test_an_unnamed_problem_needs_a_message() -> None:
    check_rejected(proposal(rule="other", focus="security", message="\n"), "message is empty")


def test_steps_are_placed_or_left_out() -> None:
    steps = (
        Step(Quote("def one(id)"), "comes in\x00"),
        Step(Quote("def three(id)"), "is nowhere"),
        Step(Span(0, 6), "is spoken of"),
    )
    flow = anchored(proposal(flow=steps)).finding.flow
    assert [(TEXT[span.start : span.end], message) for span, message in flow] == [
        ("def one(id)", r"comes in\x00"),
        ("import", "is spoken of"),
    ]


# --- Fixes

GOOD = SearchReplace('db.run("select " + id)', 'db.run("select ?", id)', line=4)


def with_fix(*edits: SearchReplace | Replacement, title: str = "Use a parameter") -> Proposal:
    return proposal(fix=ProposedFix(title, edits, needs="setting"))


def test_a_fix_is_checked_and_then_offered() -> None:
    placed = anchored(with_fix(GOOD))
    assert placed.finding.fix == Checking()
    assert conclude(placed, None).fix == Checking()
    after = TEXT.replace('"select " + id', '"select ?", id', 1)
    found = candidate(placed)
    assert found == Candidate(SQL.id, placed.finding.span, placed.edits, after)
    fix = conclude(placed, CheckReport(unchecked=("The template was not parsed.",))).fix
    assert fix == Fix(
        "Use a parameter",
        placed.edits,
        "agent",
        "setting",
        unchecked=("The template was not parsed.",),
    )
    # No more than what differs is replaced.
    (edit,) = placed.edits
    assert TEXT[edit.span.start : edit.span.end] == '" +'
    assert edit.new_text == '?",'


def test_a_fix_that_fails_a_check_is_withheld() -> None:
    placed = anchored(with_fix(GOOD))
    problem = "It leaves a name undefined."
    assert conclude(placed, CheckReport(problem)).fix == Withheld("Use a parameter", problem)


def test_without_a_fix_there_is_nothing_to_check() -> None:
    placed = anchored(proposal())
    assert candidate(placed) is None
    assert conclude(placed, None) == conclude(placed, CheckReport("x")) == placed.finding


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        pytest.param([SearchReplace("x = 1", "x = 2")], "`x = 1` is not in the file", id="absent"),
        pytest.param([SearchReplace("import db", "import db")], "changes nothing", id="no change"),
        pytest.param([], "changes nothing", id="no edit"),
        pytest.param(
            [GOOD, SearchReplace("import sql", "", "api/db.py")],
            "It changes api/db.py, and",
            id="another file",
        ),
        pytest.param(
            [GOOD, SearchReplace("return", "yield")], "found once", id="one cannot be placed"
        ),
        pytest.param(
            [GOOD, SearchReplace('"select " +', '"select ?" %', line=4)],
            "overlap",
            id="overlapping",
        ),
        pytest.param([Replacement(Span(0, 999), "")], "outside the text", id="past the end"),
        pytest.param(
            [SearchReplace("import db", "import db\n# ... rest of the code")],
            "leaves code out",
            id="code left out",
        ),
    ],
)
def test_a_fix_that_cannot_be_placed_is_withheld_and_the_finding_stays(
    edits: list[SearchReplace | Replacement], reason: str
) -> None:
    placed = anchored(with_fix(*edits))
    assert candidate(placed) is None
    fix = conclude(placed, CheckReport()).fix
    assert isinstance(fix, Withheld)
    assert fix.title == "Use a parameter"
    assert reason in fix.reason
    assert fix.reason.endswith(".")


@pytest.mark.parametrize("file", ["api/app.py", "./api/app.py", "api\\app.py", "/w/api/app.py"])
def test_an_edit_may_name_the_reviewed_file(file: str) -> None:
    placed = anchored(with_fix(SearchReplace(GOOD.old, GOOD.new, file, 4)))
    assert placed.finding.fix == Checking()


def test_edits_may_share_code_that_neither_changes() -> None:
    placed = anchored(with_fix(GOOD, SearchReplace("return db.run(", "yield db.run(", line=4)))
    assert 'yield db.run("select ?", id)' in apply(TEXT, placed.edits)


def test_an_edit_that_is_given_twice_is_made_once() -> None:
    replacement = Replacement(Span(0, 9), "import db, sql")
    placed = anchored(with_fix(replacement, SearchReplace("import db", "import db, sql")))
    assert apply(TEXT, placed.edits) == TEXT.replace("import db", "import db, sql")


def test_an_edit_without_a_line_is_made_at_the_finding() -> None:
    placed = anchored(with_fix(SearchReplace(GOOD.old, GOOD.new)))
    found = candidate(placed)
    assert found is not None
    assert found.text_after == TEXT.replace(GOOD.old, GOOD.new, 1)


def test_an_edit_outside_the_selection_is_said_to_be() -> None:
    scope = Span(SECOND, len(TEXT))
    inside = SearchReplace(GOOD.old, GOOD.new, line=7)
    outside = SearchReplace("import db", "import db, sql")
    for edits, out_of_scope in (([inside], False), ([inside, outside], True)):
        fix = conclude(anchored(with_fix(*edits), scope=scope), CheckReport()).fix
        assert isinstance(fix, Fix)
        assert fix.out_of_scope == out_of_scope


def test_what_the_check_tidies_up_is_part_of_the_fix() -> None:
    scope = Span(SECOND, len(TEXT))
    placed = anchored(with_fix(SearchReplace('db.run("select " + id)', "1", line=7)), scope=scope)
    fix = conclude(placed, CheckReport(tidying=(TextEdit(Span(0, 10), ""),))).fix
    assert isinstance(fix, Fix)
    assert apply(TEXT, fix.edits) == apply(TEXT, placed.edits).removeprefix("import db\n")
    assert fix.out_of_scope


def test_a_linters_edit_takes_the_documents_line_ends() -> None:
    text = TEXT.replace("\n", "\r\n")
    placed = anchored(with_fix(Replacement(Span(9, 9), "\nimport sql")), text)
    assert apply(text, placed.edits).startswith("import db\r\nimport sql\r\n")


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (" Use\n a\u202e parameter ", r"Use a\u202e parameter"),
        ("", "Fix: SQL built from input"),
        ("y" * 100, "y" * 79 + "…"),
    ],
    ids=["one line", "none", "long"],
)
def test_the_title_of_a_fix_is_safe_to_show(title: str, shown: str) -> None:
    fix = conclude(anchored(with_fix(GOOD, title=title)), CheckReport()).fix
    assert isinstance(fix, Fix)
    assert fix.title == shown
