"""A project written down in one text: `#- /path` begins each file, carets label findings."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from backend_developer.core.model import Document, Span
from backend_developer.core.text import Lines
from backend_developer.detector import Source
from backend_developer.files import LANGUAGES
from backend_developer.project.detector import ProjectDetector
from backend_developer.project.extract import facts_of
from backend_developer.project.facts import FileFacts
from backend_developer.project.index import Project

HEADER = re.compile(r"^(?:#|//|--)- ?(/\S+)\n", re.MULTILINE)
LABEL = re.compile(r"^[ \t]*(?:#|//|--)?[ \t]*(\^+)[ \t]*([a-z-]+/[a-z-]+)(?: (low|medium|high))?$")


def documents(text: str) -> list[Document]:
    """The files of a fixture, labels included."""
    parts = HEADER.split(text.lstrip("\n"))[1:]
    return [document(path, code) for path, code in zip(parts[::2], parts[1::2], strict=True)]


def document(path: str, code: str) -> Document:
    return Document(f"file://{path}", path, LANGUAGES[PurePosixPath(path).suffix], code)


def facts(code: str, path: str = "/app.py") -> FileFacts:
    """What one file says."""
    return facts_of(Source(document(path, code)))


def project(text: str) -> Project:
    return Project.of(facts_of(Source(one)) for one in documents(text))


def routes(text: str) -> list[str]:
    """`GET /users/{id} guard, guard` of each route of a fixture, file by file."""
    shown = []
    for known in project(text).routes:
        names = ", ".join(guard.name for guard in known.guards)
        access = names or ("public" if known.is_public else "")
        shown.append(f"{known.label} {access}".rstrip())
    return shown


def check(text: str, rule: str) -> None:
    """Holds a rule to the labels of a fixture: findings and labels match one to one.

    A label is a line of carets under what is found, with the rule's id behind them.
    """
    plain: list[Document] = []
    expected: set[tuple[str, int, int, int, str]] = set()
    for one in documents(text):
        lines: list[str] = []
        for line in one.text.splitlines(keepends=True):
            if label := LABEL.match(line.rstrip("\n")):
                start, end = label.span(1)
                place = (one.path, len(lines) - 1, start, end, label[3] or "medium")
                expected.add(place)
                assert label[2] == rule
            else:
                lines.append(line)
        plain.append(Document(one.uri, one.path, one.language, "".join(lines)))
    known = Project.of(facts_of(Source(one)) for one in plain)
    detector = ProjectDetector(lambda path: known)
    found = set()
    for one in plain:
        [proposals] = detector.find([Source(one)], frozenset({rule}))
        lines_ = Lines(one.text)
        for proposal in proposals:
            assert isinstance(proposal.where, Span)
            line = lines_.line_of(proposal.where.start)
            start = proposal.where.start - lines_.start(line)
            end = min(proposal.where.end, lines_.end(line)) - lines_.start(line)
            found.add((one.path, line, start, end, proposal.confidence))
    assert found == expected
