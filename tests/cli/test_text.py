"""The report for people."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.core.model import (
    Checking,
    Finding,
    Proposal,
    Quote,
    Rejection,
    Severity,
    Span,
    Usage,
    Withheld,
)
from backend_developer.reports.text import columns, expand, render, summary, visible
from cli.samples import find, finding, fix, report

SOURCE = """\
import db

def find(name):
    rows = db.execute(f"select * from users where name = '{name}'")
    return rows
"""
QUERY = """f"select * from users where name = '{name}'\""""


def test_a_finding_in_full() -> None:
    bound = fix(
        SOURCE,
        ("import db", "import data"),
        (QUERY, '"select * from users where name = ?", (name,)'),
    )
    found = finding(SOURCE, QUERY, fix=bound)
    assert render(report(SOURCE, found)) == dedent(
        """\
        app.py:4:23: error[security/sql-injection]: SQL built from strings
           |
         3 | def find(name):
         4 |     rows = db.execute(f"select * from users where name = '{name}'")
           |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
         5 |     return rows
           |
           why: Whoever controls `name` controls the statement.
           ref: high confidence · CWE-89 · OWASP A03:2021
           see: https://example.org/sql
           fix: Bind the value (--fix applies it)
                @@ -1,2 +1,2 @@
                -import db
                +import data

                @@ -3,3 +3,3 @@
                 def find(name):
                -    rows = db.execute(f"select * from users where name = '{name}'")
                +    rows = db.execute("select * from users where name = ?", (name,))
                     return rows

        1 finding: 1 security; 1 with a checked fix; engine: local
        hint: --fix applies the checked fix
        hint: `backend-developer rule security/sql-injection` explains a rule
        """
    )


@pytest.mark.parametrize(
    ("severity", "count", "words"),
    [("warning", 4, ""), ("information", 1, "and: the same in lines 2, 3, 4")],
)
def test_what_is_no_warning_is_explained_once_for_a_file(
    severity: Severity, count: int, words: str
) -> None:
    text = "a = 1\nb = 2\nc = 3\nd = 4\n"
    found = [replace(finding(text, line), severity=severity) for line in text.splitlines()]
    shown = render(report(text, *found))
    assert shown.count("why:") == count
    assert words in shown
    assert "4 findings" in shown


# --- The frame


def frame(text: str, code: str, width: int = 100) -> str:
    """The lines between the header and the reason, without the indentation of the margin."""
    lines = render(report(text, finding(text, code)), width=width).splitlines()
    end = next(number for number, line in enumerate(lines) if "why:" in line)
    return "\n".join(lines[2 : end - 1])


FRAMES = {
    "one line": ("a = bad()\n", "bad()", [" 1 | a = bad()", "   |     ^^^^^"]),
    "tabs": ("\ta\t= bad()\n", "bad()", [" 1 |     a   = bad()", "   |           ^^^^^"]),
    "wide characters": ("名前 = bad()\n", "bad()", [" 1 | 名前 = bad()", "   |        ^^^^^"]),
    "wide characters in it": ("x = f('名')\n", "f('名')", [" 1 | x = f('名')", "   |     ^^^^^^^"]),
    "emoji": ("'🙂' + bad()\n", "bad()", [" 1 | '🙂' + bad()", "   |        ^^^^^"]),
    "accents that combine": (
        "'e\u0301' + bad()\n",
        "bad()",
        [" 1 | 'e\u0301' + bad()", "   |       ^^^^^"],
    ),
    "CRLF": ("a\r\nbad()\r\n", "bad()", [" 1 | a", " 2 | bad()", "   | ^^^^^"]),
    "lone CR": ("a\rbad()\rb", "bad()", [" 1 | a", " 2 | bad()", "   | ^^^^^", " 3 | b"]),
    "no final line end": ("bad()", "bad()", [" 1 | bad()", "   | ^^^^^"]),
    "form feed and line separator are no line ends": (
        "\x0c'\u2028' + bad()",
        "bad()",
        [" 1 | ␌'<U+2028>' + bad()", "   |               ^^^^^"],
    ),
    "ends with its line end": ("bad()\nb\n", "bad()\n", [" 1 | bad()", "   | ^^^^^", " 2 | b"]),
    "several lines": (
        "x = f(\n    a,\n)\ny\n",
        "f(\n    a,\n)",
        [" 1 |   x = f(", "   |  _____^", " 2 | |     a,", " 3 | | )", "   | |_^", " 4 |   y"],
    ),
    "many lines": (
        "x = f(\n" + "".join(f"    {number},\n" for number in range(20)) + ")\n",
        "f(\n" + "".join(f"    {number},\n" for number in range(20)) + ")",
        [
            " 1 |   x = f(",
            "   |  _____^",
            " 2 | |     0,",
            " 3 | |     1,",
            ".. | | …",
            "20 | |     18,",
            "21 | |     19,",
            "22 | | )",
            "   | |_^",
        ],
    ),
}


@pytest.mark.parametrize(("text", "code", "expected"), FRAMES.values(), ids=FRAMES.keys())
def test_a_frame(text: str, code: str, expected: list[str]) -> None:
    assert frame(text, code).split("\n") == expected


def test_an_empty_place_has_one_caret() -> None:
    text = "a = f()\n"
    found = replace(finding(text, "f()"), span=Span(7, 7), code="")
    assert "   |        ^\n" in render(report(text, found))


@pytest.mark.parametrize("before", [0, 50, 5_000, 100_000])
@pytest.mark.parametrize("after", [0, 5_000])
def test_a_long_line_is_cut_around_its_finding(before: int, after: int) -> None:
    code, carets = frame("x" * before + "(bad)" + "y" * after, "(bad)", width=80).split("\n")[:2]
    assert len(code) <= 80
    assert code[carets.index("^") : carets.rindex("^") + 1] == "(bad)"


def test_a_finding_that_is_wider_than_the_screen_is_cut() -> None:
    code, carets = frame("x = " + "y" * 500, "y" * 500, width=80).split("\n")
    assert len(code) <= 80
    assert len(carets) <= 80
    assert code.endswith("y…")


# --- What reviewed code can do to the terminal

HOSTILE = "".join(map(chr, [*range(9), 0xB, 0xC, *range(0xE, 0x20), *range(0x7F, 0xA0)]))
HOSTILE += "\u202a\u202e\u2066\u2069\u200b\u200e\u2028\u2029\ufeff\U000e0041\ud800"


@pytest.mark.parametrize("colour", [False, True])
def test_nothing_that_is_quoted_reaches_the_terminal_raw(colour: bool) -> None:
    text = f"x = '{HOSTILE}'\n"
    found = finding(
        text,
        f"'{HOSTILE}'",
        message=f"message {HOSTILE}",
        title=f"title {HOSTILE}",
        rule=f"rule{HOSTILE}",
        link=f"https://{HOSTILE}",
        flow=((find(text, "x"), f"step {HOSTILE}"),),
        refuted=f"because {HOSTILE}",
        fix=fix(text, (f"'{HOSTILE}'", f"y{HOSTILE}"), title=HOSTILE, unchecked=(HOSTILE,)),
    )
    shown = render(
        report(
            text,
            found,
            path=f"a{HOSTILE}.py",
            engine=HOSTILE,
            fixed={f"a{HOSTILE}.py": (HOSTILE,)},
            usage=(Usage(HOSTILE),),
        ),
        colour=colour,
    )
    without_colours = re.sub(r"\x1b\[[0-9;]+m", "", shown) if colour else shown
    assert not [
        one
        for one in without_colours
        if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]


def test_only_a_coloured_report_has_colours() -> None:
    found = finding(SOURCE, QUERY, fix=fix(SOURCE, (QUERY, "query")))
    plain, coloured = (render(report(SOURCE, found), colour=colour) for colour in (False, True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]+m", "", coloured) == plain
    assert "\x1b[31m-" in coloured
    assert "\x1b[32m+" in coloured


@given(st.text(alphabet=st.characters(exclude_characters="\r\n")))
def test_a_line_is_as_wide_as_its_parts(line: str) -> None:
    shown = expand(line)
    assert "\t" not in shown
    assert columns(shown) == sum(columns(character) for character in shown)
    assert visible(shown) == shown


# --- The rest of a finding


def told(found: Finding) -> str:
    """What comes below the frame, on one line each."""
    shown = render(report(SOURCE, found)).split("   why: ")[1].split("\n\n1 finding")[0]
    return re.sub(r"\n {9,}", " ", shown)


def test_a_withheld_fix_says_why() -> None:
    found = finding(SOURCE, QUERY, fix=Withheld("Bind the value", "It leaves `name` undefined."))
    assert "fix: Bind the value: not offered. It leaves `name` undefined." in told(found)


def test_a_fix_whose_check_never_ended_is_not_shown() -> None:
    assert "fix: not offered. Its check did not finish." in told(
        finding(SOURCE, QUERY, fix=Checking())
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "(--fix applies it)"),
        ({"needs": "setting"}, "(also needs a change of settings, so take it by hand)"),
        ({"needs": "migration"}, "(also needs a database migration, so take it by hand)"),
        ({"needs": "template"}, "(also needs a change in a template, so take it by hand)"),
        ({"needs": "dependency"}, "(also needs a new dependency, so take it by hand)"),
        ({"out_of_scope": True}, "(it reaches outside what was reviewed, so take it by hand)"),
    ],
)
def test_what_a_fix_needs_is_said_in_words(changes: dict[str, object], words: str) -> None:
    found = finding(SOURCE, QUERY, fix=fix(SOURCE, (QUERY, "query"), **changes))
    assert words in told(found)


def test_what_could_not_be_checked_is_said() -> None:
    unchecked = fix(SOURCE, (QUERY, "query"), unchecked=("No tool for its types.",))
    assert "not checked: No tool for its types." in told(finding(SOURCE, QUERY, fix=unchecked))


def test_a_refuted_finding_says_so() -> None:
    found = finding(SOURCE, QUERY, severity="hint", refuted="`name` is a constant.")
    assert "but: the agent disagrees: `name` is a constant." in told(found)


def test_the_way_from_source_to_sink_is_told() -> None:
    flow = ((find(SOURCE, "(name)"), "comes in"), (find(SOURCE, "{name}"), "goes into the text"))
    assert "how: 1. line 3: comes in\n        2. line 4: goes into the text\n" in told(
        finding(SOURCE, QUERY, flow=flow)
    )


DIFFS = {
    "an inserted line": (
        ("a\nb\nc\n", "b\n", "b\nx\n"),
        ["@@ -2,2 +2,3 @@", " b", "+x", " c"],
    ),
    "a deleted line": (("a\nb\nc\n", "b\n", ""), ["@@ -1,3 +1,2 @@", " a", "-b", " c"]),
    "CRLF": (("a\r\nb\r\n", "b", "x"), ["@@ -1,3 +1,3 @@", " a", "-b", "+x"]),
    "the whole text": (("a", "a", "b"), ["@@ -1 +1 @@", "-a", "+b"]),
}


@pytest.mark.parametrize(("case", "expected"), DIFFS.values(), ids=DIFFS.keys())
def test_an_edit_is_a_unified_diff(case: tuple[str, str, str], expected: list[str]) -> None:
    text, old, new = case
    shown = render(report(text, finding(text, old, fix=fix(text, (old, new)))))
    diff = shown[shown.index("@@") :].split("\n\n")[0]
    assert [line.removeprefix(" " * 8) for line in diff.split("\n") if line.strip()] == expected


def test_hunks_far_apart_have_the_line_numbers_of_the_file() -> None:
    text = "".join(f"line {number}\n" for number in range(1, 41))
    edits = fix(text, ("line 2\n", "line 2\nnew\nnew\n"), ("line 20\n", ""), ("line 40\n", "end\n"))
    shown = render(report(text, finding(text, "line 5\n", fix=edits)))
    assert re.findall("@@.*@@", shown) == [
        "@@ -2,2 +2,4 @@",
        "@@ -19,3 +21,2 @@",
        "@@ -39,3 +40,3 @@",
    ]


# --- The summary


def test_a_summary_of_everything() -> None:
    text = "aa\nbb\ncc\n"
    rejection = Rejection(Proposal(Quote("x"), "other", "m", "agent", "agent"), "Not found.")
    all_of_it = report(
        text,
        finding(text, "aa", fix=fix(text, ("aa", "b"))),
        finding(text, "bb", focus="performance"),
        finding(text, "cc", focus="api-design"),
        dismissed=2,
        folded=3,
        rejections=(rejection,),
        unreviewed=(("b.py", "It is binary."),),
        engine="local + agent (claude-sonnet-5-5)",
        usage=(Usage("claude-sonnet-5-5", 1_000, 200, 34, 567), Usage("claude-sonnet-5-5", 1)),
    )
    assert summary(all_of_it) == (
        "3 findings: 1 security, 1 performance, 1 api-design; 1 with a checked fix; 2 dismissed; "
        "3 of low confidence not shown (--all shows them); 1 claim rejected as unfounded; "
        "1 path not fully reviewed; engine: local + agent (claude-sonnet-5-5); "
        "claude-sonnet-5-5: 1,235 tokens in (3% cached), 567 out, $0.008"
    )


def test_a_summary_names_each_engine_once() -> None:
    engines = ("local + agent (sonnet)", "local + agent", "local + agent (haiku, sonnet)")
    [one] = report("").files
    files = [
        replace(one, engine=engine, usage=tuple(map(Usage, models)))
        for engine, models in zip(engines, (["sonnet"], [], ["haiku", "sonnet"]), strict=True)
    ]
    all_of_it = replace(report(""), files=tuple(files))
    assert "; engine: local + agent (haiku, sonnet); " in summary(all_of_it)


def test_a_summary_of_nothing() -> None:
    assert render(report("")) == "no findings in 1 file; engine: local\n"


def test_what_was_fixed_is_told() -> None:
    shown = render(
        report("", fixed={"app.py": ("Bind the value", "Add a limit", "Bind the value")})
    )
    assert "fixed app.py: 3 edits\n      Add a limit\n      Bind the value (2 times)\n" in shown


def test_the_hint_counts_what_fix_would_apply() -> None:
    text = "aa\nbb\ncc\n"
    plain, also = fix(text, ("aa", "a")), fix(text, ("bb", "b"), needs="setting")
    both = report(text, finding(text, "aa", fix=plain), finding(text, "bb", fix=also))
    assert "hint: --fix applies 1 of 2 checked fixes\n" in render(both)
