"""Findings and reports to be rendered, made from a few words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from backend_developer.core.model import Document, Finding, Fix, Rule, Span, TextEdit
from backend_developer.reports import Report
from backend_developer.review import FileReview

RULE = Rule(
    id="security/sql-injection",
    title="SQL built from strings",
    focus="security",
    severity="error",
    why="A value pasted into SQL text is parsed as SQL.",
    advice="Pass values as bound parameters.",
    cwes=(89,),
    owasp=("A03:2021",),
    link="https://example.org/sql",
)


def find(text: str, code: str) -> Span:
    """The only place of `code` in `text`."""
    assert text.count(code) == 1, code
    start = text.index(code)
    return Span(start, start + len(code))


def finding(text: str, code: str, **changes: Any) -> Finding:
    """A finding of RULE at the only place of `code`."""
    plain = Finding(
        id="0f3a9c1be27d5581",
        rule=RULE.id,
        focus="security",
        severity="error",
        confidence="high",
        span=find(text, code),
        code=code,
        title=RULE.title,
        message="Whoever controls `name` controls the statement.",
        sources=("ruff:S608",),
        author="local",
        cwes=RULE.cwes,
        link=RULE.link,
    )
    return replace(plain, **changes)


def fix(text: str, *edits: tuple[str, str], **changes: Any) -> Fix:
    """A checked fix that replaces the only place of each old text."""
    placed = tuple(TextEdit(find(text, old), new) for old, new in edits)
    return replace(Fix("Bind the value", placed, "local"), **changes)


def report(text: str, *findings: Finding, path: str = "app.py", **changes: Any) -> Report:
    """A report of one file."""
    document = Document(uri=f"file:///{path}", path=f"/{path}", language="python", text=text)
    review = FileReview(path=path, document=document, findings=findings, engine="local")
    plain = Report(files=(review,), rules={RULE.id: RULE}, folder=Path("/shop"))
    of_file = {key: value for key, value in changes.items() if hasattr(review, key)}
    of_report = {key: value for key, value in changes.items() if key not in of_file}
    return replace(plain, files=(replace(review, **of_file),), **of_report)
