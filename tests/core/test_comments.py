"""Ignoring a finding by a comment in the code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend_developer.core.comments import ignore_comment, ignored
from backend_developer.core.edits import apply
from backend_developer.core.model import Document, Finding, Span
from backend_developer.core.text import Lines


def finding_at(text: str, code: str = "f(x)") -> Finding:
    start = text.index(code)
    return Finding(
        id="1",
        rule="security/sql-injection",
        focus="security",
        severity="error",
        confidence="high",
        span=Span(start, start + len(code)),
        code=code,
        title="SQL injection",
        message="It is one.",
        sources=("rule:security/sql-injection",),
        author="local",
    )


IGNORE = "backend-developer: ignore"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(f"f(x)  # {IGNORE}", "", id="every rule"),
        pytest.param(f"f(x)  # {IGNORE}[security/sql-injection]", "", id="this rule"),
        pytest.param(
            f"f(x)  # {IGNORE}[security/sql-injection] it is safe", "it is safe", id="why"
        ),
        pytest.param(f"f(x)  # {IGNORE} it is safe", "it is safe", id="every rule, why"),
        pytest.param(f"f(x)  # {IGNORE}: it is safe", "it is safe", id="a colon before why"),
        pytest.param(f"f(x) // {IGNORE}[a/b, security/sql-injection]", "", id="several rules"),
        pytest.param(f"f(x) /* {IGNORE} fixed input */", "fixed input", id="block comment"),
        pytest.param(f"f(x) -- {IGNORE} fixed", "fixed", id="SQL"),
        pytest.param(f"<p>f(x)</p> <!-- {IGNORE} fixed -->", "fixed", id="HTML"),
        pytest.param(f"a\n  # {IGNORE} why\n  f(x)", "why", id="alone above"),
        pytest.param(f"a\r\n  // {IGNORE} why\r\n  f(x)", "why", id="alone above, CRLF"),
        pytest.param(f"  {{/* {IGNORE} why */}}\n  f(x)", "why", id="JSX"),
        pytest.param(f"# {IGNORE} why\n# {IGNORE}[a/b]\nf(x)", "why", id="two above one another"),
        pytest.param(f"f(x)  #{IGNORE}[security/sql-injection]", "", id="no space"),
        pytest.param(f"f(x)  # noqa # {IGNORE}", "", id="after another comment"),
        pytest.param(f"f(x)  # {IGNORE}[sql-injection] why", "why", id="without its focus"),
        pytest.param(f"f(x)  # {IGNORE}[security/*]", "", id="a whole focus"),
        pytest.param(f"f(x)  # {IGNORE}[performance/*]", None, id="another focus"),
        pytest.param(f"f(x)  # {IGNORE}[security/weak-hash]", None, id="another rule"),
        pytest.param(f"f(x)  # {IGNORE}[]", None, id="no rule"),
        pytest.param(f"f(x)  # {IGNORE}d", None, id="another word"),
        pytest.param(f"f(x)  {IGNORE}", None, id="no comment"),
        pytest.param(f"g()  # {IGNORE}\nf(x)", None, id="at the end of the line above"),
        pytest.param(f"# {IGNORE}\n\nf(x)", None, id="a blank line between"),
        pytest.param(f"f(x)\n# {IGNORE}", None, id="below"),
        pytest.param(f"# {IGNORE}\ng()\nf(x)", None, id="two lines above"),
        pytest.param("f(x)", None, id="none"),
    ],
)
def test_ignored(text: str, reason: str | None) -> None:
    assert ignored(Lines(text), finding_at(text)) == reason


def test_only_a_findings_first_line_counts() -> None:
    text = f"f(\n  x)  # {IGNORE}"
    assert ignored(Lines(text), finding_at(text, "f(\n  x)")) is None
    text = f"f(  # {IGNORE}\n  x)"
    assert ignored(Lines(text), finding_at(text, f"f(  # {IGNORE}\n  x)")) == ""


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", "if a:\n    f(x)\n", "if a:\n    # {}\n    f(x)\n"),
        ("typescript", "{\r\n\tf(x)\r\n}\r\n", "{\r\n\t// {}\r\n\tf(x)\r\n}\r\n"),
        ("sql", "f(x)", "-- {}\nf(x)"),
        ("html", "f(x)", "<!-- {} -->\nf(x)"),
        ("css", "f(x)", "/* {} */\nf(x)"),
        ("an-unknown-one", "f(x)", "// {}\nf(x)"),
    ],
    ids=["python", "typescript, CRLF, tab", "sql", "html", "css", "unknown"],
)
def test_ignore_comment(language: str, text: str, expected: str) -> None:
    document = Document("file:///a", "/a", language, text)
    finding = finding_at(text)
    edit = ignore_comment(document, Lines(text), finding, "it is\nsafe")
    assert edit is not None
    after = apply(text, [edit])
    comment = f"{IGNORE}[security/sql-injection] it is safe"
    assert after == expected.replace("{}", comment)
    assert ignored(Lines(after), finding_at(after)) == "it is safe"


def test_a_second_comment_leaves_the_first_one_in_force() -> None:
    text = "f(x)\n"
    document = Document("file:///a.py", "/a.py", "python", text)
    once = apply(text, [ignore_comment(document, Lines(text), finding_at(text))])
    document = Document("file:///a.py", "/a.py", "python", once)
    other = replace(finding_at(once), rule="security/weak-hash")
    twice = apply(once, [ignore_comment(document, Lines(once), other)])
    lines = Lines(twice)
    assert ignored(lines, finding_at(twice)) == ""
    other = replace(finding_at(twice), rule="security/weak-hash")
    assert ignored(lines, other) == ""


def test_json_has_no_comments() -> None:
    text = '{"a": f(x)}'
    document = Document("file:///a.json", "/a.json", "json", text)
    assert ignore_comment(document, Lines(text), finding_at(text)) is None
