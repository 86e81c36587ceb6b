"""Every check of a document is held to its cases: what it finds, where, what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_developer.catalogue import load_catalogue
from backend_developer.core.model import Document, Proposal, Replacement, Span
from backend_developer.core.text import Lines
from backend_developer.detector import Source
from backend_developer.documents.case_files import Case, load_cases
from backend_developer.documents.detector import DocumentDetector

DETECTOR = DocumentDetector()
CASES = load_cases()


@pytest.mark.parametrize(
    ("rule", "case"),
    [
        pytest.param(rule, case, id=f"{rule}:{number}")
        for rule, cases in CASES.items()
        for number, case in enumerate(cases, start=1)
    ],
)
def test_a_check_finds_its_labels_and_nothing_else(rule: str, case: Case) -> None:
    found = find(case.code, case.language, rule)
    assert {label(case.code, proposal) for proposal in found} == set(case.labels)
    assert fixed(case.code, found) == (case.fixed or case.code)


def find(text: str, language: str, *rules: str, path: str = "/srv/api.yml") -> list[Proposal]:
    document = Document(Path(path).as_uri(), path, language, text)
    [found] = DETECTOR.find([Source(document)], frozenset(rules) or DETECTOR.rules)
    return found


def label(text: str, proposal: Proposal) -> tuple[int, int, int]:
    assert isinstance(proposal.where, Span)
    lines = Lines(text)
    line = lines.line_of(proposal.where.start)
    end = min(proposal.where.end, lines.end(line))
    return line, proposal.where.start - lines.start(line), end - lines.start(line)


def fixed(text: str, proposals: list[Proposal]) -> str:
    edits = {
        edit
        for proposal in proposals
        if proposal.fix
        for edit in proposal.fix.edits
        if isinstance(edit, Replacement)
    }
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        text = text[: edit.span.start] + edit.new + text[edit.span.end :]
    return text


def test_every_check_has_cases_of_both_kinds() -> None:
    assert CASES.keys() == DETECTOR.rules
    for rule, cases in CASES.items():
        assert {bool(case.labels) for case in cases} == {True, False}, rule


def test_every_check_is_about_a_rule_of_the_catalogue() -> None:
    assert DETECTOR.rules <= load_catalogue().rules.keys()


def test_every_message_is_a_sentence_or_more() -> None:
    for rule, cases in CASES.items():
        for case in cases:
            for proposal in find(case.code, case.language, rule):
                assert proposal.message[0].isupper() or proposal.message[0] in "`01234567", rule
                assert proposal.message[-1] in ".?", rule
                assert len(proposal.message) < 300, rule
