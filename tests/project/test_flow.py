"""Data that goes through functions of several files: a line that ends in `# rule` or `// rule` is
found, and no other is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend_developer.core.model import Document, Proposal, Span
from backend_developer.core.text import Lines
from backend_developer.dataflow.detector import FlowDetector
from backend_developer.detector import Source
from backend_developer.engines.local import LocalEngine
from backend_developer.project.detector import ProjectDetector
from backend_developer.project.extract import facts_of
from backend_developer.project.index import Project
from backend_developer.settings import Settings
from project.support import documents

_MARK = re.compile(r"\s*(?:#|//) ([a-z]+-[a-z-]+)$", re.MULTILINE)
FIXTURES = sorted((Path(__file__).parent / "flows").glob("*.txt"))


def check(text: str) -> None:
    """Each marked line has a finding of its rule, low confidence left out, and no other has one."""
    expected = set()
    plain: list[Document] = []
    for one in documents(text):
        for number, line in enumerate(one.text.split("\n")):
            if mark := _MARK.search(line):
                expected.add((one.path, number, f"security/{mark[1]}"))
        plain.append(Document(one.uri, one.path, one.language, _MARK.sub("", one.text)))
    found = set()
    for path, proposals in found_in(plain).items():
        [lines] = [Lines(one.text) for one in plain if one.path == path]
        for proposal in proposals:
            assert isinstance(proposal.where, Span)
            if proposal.confidence != "low":
                found.add((path, lines.line_of(proposal.where.start), proposal.rule))
    assert found == expected


def found_in(files: list[Document]) -> dict[str, list[Proposal]]:
    """By path."""
    known = Project.of(facts_of(Source(one)) for one in files)
    detector = FlowDetector(ProjectDetector(lambda path: known).known)
    sources = [Source(one) for one in files if one.language in detector.languages]
    found = detector.find(sources, detector.rules)
    return {source.document.path: one for source, one in zip(sources, found, strict=True)}


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_data_through_several_files(path: Path) -> None:
    check(path.read_text())


def test_the_engine_puts_the_files_together() -> None:
    """A query and a query's text behind a call are found at the call, by the whole engine."""
    files = documents(
        """
#- /store.py
def by_name(session, name):
    return session.execute(f"SELECT id FROM users WHERE name = '{name}'")
#- /views.py
from flask import Blueprint, request
from store import by_name
bp = Blueprint("users", __name__)
@bp.get("/users")
def users():
    return [by_name(session, name) for name in request.args.getlist("name")]
"""
    )
    known = Project.of(facts_of(Source(one)) for one in files)
    found = LocalEngine(lambda path: known).scan(files[1], Settings())
    rules = {proposal.rule for proposal in found}
    assert {"security/sql-injection", "performance/query-in-loop"} <= rules
    [flow] = [one for one in found if one.rule == "security/sql-injection"]
    assert "(through `by_name`, to `session.execute` in /store.py)" in flow.message
