"""What asks the database once per element when it is told by several files together: a line that
ends in `# N+1` or `// N+1` is found, and no other is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend_developer.core.model import Document, Span
from backend_developer.core.text import Lines
from backend_developer.detector import Source
from backend_developer.performance import PerformanceDetector
from backend_developer.project.detector import ProjectDetector
from backend_developer.project.extract import facts_of
from backend_developer.project.index import Project
from project.support import documents

RULES = frozenset({"performance/query-in-loop", "performance/request-in-loop"})
_MARK = re.compile(r"\s*(?:#|//) N\+1$", re.MULTILINE)
FIXTURES = sorted((Path(__file__).parent / "queries").glob("*.txt"))


def check(text: str) -> None:
    """Each marked line has a finding of medium or high confidence, and no other line has one."""
    expected = set()
    plain: list[Document] = []
    for one in documents(text):
        lines = one.text.split("\n")
        expected |= {(one.path, number) for number, line in enumerate(lines) if _MARK.search(line)}
        plain.append(Document(one.uri, one.path, one.language, _MARK.sub("", one.text)))
    assert found_in(plain) == expected


def found_in(files: list[Document]) -> set[tuple[str, int]]:
    """(Path, line) of each finding that is not of low confidence."""
    known = Project.of(facts_of(Source(one)) for one in files)
    detector = PerformanceDetector(ProjectDetector(lambda path: known).elsewhere)
    found = set()
    for one in files:
        [proposals] = (
            detector.find([Source(one)], RULES) if one.language in detector.languages else [[]]
        )
        for proposal in proposals:
            assert isinstance(proposal.where, Span)
            if proposal.confidence != "low":
                found.add((one.path, Lines(one.text).line_of(proposal.where.start)))
    return found


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_queries_of_several_files(path: Path) -> None:
    check(path.read_text())
