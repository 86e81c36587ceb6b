"""Every entry of the API tables is held to its own examples, and to the catalogue."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_developer.apis import ApiFileError, ApiRule, load_apis, read_apis
from backend_developer.apis.detector import find_uses, index_of
from backend_developer.catalogue import load_catalogue
from backend_developer.core.model import Document, Proposal, Replacement, Span
from backend_developer.detector import Source

RULES = load_apis()
LANGUAGES = {"python": ("python",), "javascript": ("javascript", "typescript")}


def _find(rule: ApiRule, code: str, language: str) -> list[Proposal]:
    source = Source(Document("file:///a", "", language, code))
    return list(find_uses(source, index_of([rule]), frozenset([rule.rule])))


def _fixed(code: str, proposals: list[Proposal]) -> str:
    edits = [
        edit
        for proposal in proposals
        if proposal.fix
        for edit in proposal.fix.edits
        if isinstance(edit, Replacement)
    ]
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        code = code[: edit.span.start] + edit.new + code[edit.span.end :]
    return code


@pytest.mark.parametrize(
    ("rule", "language"),
    [
        pytest.param(rule, language, id=f"{rule.file}:{number}:{rule.rule}:{language}")
        for number, rule in enumerate(RULES)
        for language in LANGUAGES[rule.family]
    ],
)
def test_an_entry_finds_its_examples_and_leaves_good_code_alone(
    rule: ApiRule, language: str
) -> None:
    for example in rule.found:
        found = _find(rule, example.code, language)
        assert len(found) == 1, example.code
        if example.fixed is not None:
            assert _fixed(example.code, found) == example.fixed
    for code in rule.quiet:
        assert _find(rule, code, language) == [], code
    assert rule.fix is None or any(example.fixed is not None for example in rule.found)


def test_every_entry_names_a_rule_of_the_catalogue() -> None:
    known = load_catalogue().rules
    assert sorted({rule.rule for rule in RULES if rule.rule not in known}) == []


EXAMPLES = [(rule, example.code) for rule in RULES for example in rule.found]
INDEX = index_of(RULES)
ENABLED = frozenset(rule.rule for rule in RULES)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(EXAMPLES), st.integers(0, 200), st.integers(0, 20), st.sampled_from('("){=\n😀')
)
def test_half_typed_code_is_read_without_failing(
    example: tuple[ApiRule, str], start: int, length: int, typed: str
) -> None:
    rule, code = example
    text = code[:start] + typed + code[start + length :]
    for language in LANGUAGES[rule.family]:
        source = Source(Document("file:///a", "", language, text))
        for found in find_uses(source, INDEX, ENABLED):
            assert isinstance(found.where, Span)
            assert 0 <= found.where.start <= found.where.end <= len(text)


ENTRY = """\
- rule: security/weak-hash
  calls: [hashlib.md5]
  if: {usedforsecurity: {missing: true}}
  message: "`$CALL` is broken."
  confidence: high
  found: [hashlib.md5(x)]
  quiet: [hashlib.sha256(x)]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("calls: [hashlib.md5]", "calls: [", "a.python.yml: while parsing"),
        ("confidence: high", "confidence: sure", "entry 1: confidence: expected one of high"),
        ("calls: [hashlib.md5]", "call: x", "entry 1: call: expected no such key."),
        ("{missing: true}", "{absent: true}", "entry 1: if: expected another test than absent."),
        ("  found: [hashlib.md5(x)]\n", "", "entry 1: found: expected examples"),
        ("  calls: [hashlib.md5]\n", "", "entry 1: calls: expected one of calls, names"),
    ],
)
def test_a_broken_table_is_named_with_its_entry_and_key(old: str, new: str, message: str) -> None:
    assert len(read_apis(ENTRY, "a.python.yml")) == 1
    with pytest.raises(ApiFileError) as error:
        read_apis(ENTRY.replace(old, new, 1), "a.python.yml")
    assert message in str(error.value)
