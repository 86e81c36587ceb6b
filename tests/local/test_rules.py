"""Every rule file is held to its own cases: what must be found, what must not, the fixed text."""

from __future__ import annotations

from collections import Counter

import pytest

from backend_developer.catalogue import load_catalogue
from backend_developer.core.model import Proposal, Replacement, Span
from backend_developer.core.text import Lines
from backend_developer.rules import (
    RULES_FOLDER,
    Case,
    Label,
    PatternRule,
    RuleFileError,
    load_rules,
    read_rule,
    read_shared,
)
from backend_developer.rules.matching import match
from backend_developer.syntax import Language, parse

RULES = load_rules()
CASES = [
    pytest.param(rule, case, language, id=f"{rule.file}:{number}:{language}")
    for rule in RULES
    for number, case in enumerate(rule.cases, start=1)
    for language in case.languages
]


@pytest.mark.parametrize(("rule", "case", "language"), CASES)
def test_a_rule_finds_its_labels_and_nothing_else(
    rule: PatternRule, case: Case, language: Language
) -> None:
    assert not case.labels or rule.may_match(case.code.__contains__), (
        "mentions/requires keep the rule away"
    )
    found = _match(rule, case.code, language)
    assert {_label(case.code, proposal) for proposal in found} == set(case.labels)
    if case.fixed is not None:
        assert _fixed(case.code, found) == case.fixed


def _match(rule: PatternRule, code: str, language: Language) -> list[Proposal]:
    return (
        list(match(rule, parse(code, language), code)) if rule.may_match(code.__contains__) else []
    )


def _label(code: str, proposal: Proposal) -> Label:
    assert isinstance(proposal.where, Span)
    lines = Lines(code)
    line = lines.line_of(proposal.where.start)
    end = min(proposal.where.end, lines.end(line))
    return Label(line, proposal.where.start - lines.start(line), end - lines.start(line))


def _fixed(code: str, proposals: list[Proposal]) -> str:
    edits = {
        edit
        for proposal in proposals
        if proposal.fix
        for edit in proposal.fix.edits
        if isinstance(edit, Replacement)
    }
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        code = code[: edit.span.start] + edit.new + code[edit.span.end :]
    return code


def test_every_rule_file_names_a_rule_of_the_catalogue() -> None:
    known = load_catalogue().rules
    assert [rule.file for rule in RULES if rule.id not in known] == []


def test_enough_rules_can_be_found_without_a_model() -> None:
    catalogue = load_catalogue()
    ours = {rule.id for rule in RULES}
    from_ruff = {
        rule.id
        for code in catalogue.codes_of("ruff")
        if (rule := catalogue.rule_for("ruff", code)) is not None
    }
    assert len(ours | from_ruff) >= 40
    for language in ("python", "javascript"):
        own = {rule.id for rule in RULES if language in rule.languages}
        assert len(own) >= 25, language


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.file)
def test_a_rule_has_cases_of_both_kinds(rule: PatternRule) -> None:
    assert {bool(case.labels) for case in rule.cases} == {True, False}
    assert rule.fix is None or any(case.fixed is not None for case in rule.cases)


def test_a_fix_is_applied_with_the_line_ends_of_the_file() -> None:
    rule = next(rule for rule in RULES if rule.file == "security/weak-random-choice.python.yml")
    code = "# 😀\r\nfrom random import seed\r\n\r\ntoken = random.choice('ab')\r\n"
    assert _fixed(code, _match(rule, code, "python")) == (
        "# 😀\r\nimport secrets\r\nfrom random import seed\r\n\r\ntoken = secrets.choice('ab')\r\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import secrets\n", "import secrets\n"),
        ("import random\n\nimport flask\n", "import random\nimport secrets\n\nimport flask\n"),
        ("", "import secrets\n\n"),
        ('"""Docs."""\n', '"""Docs."""\n\nimport secrets\n'),
        (
            "from __future__ import annotations\n\n",
            "from __future__ import annotations\n\nimport secrets\n\n",
        ),
        ("# A comment.\n\nimport zlib\n", "# A comment.\n\nimport secrets\nimport zlib\n"),
    ],
)
def test_an_import_is_added_where_it_belongs(before: str, after: str) -> None:
    rule = next(rule for rule in RULES if rule.file == "security/weak-random-choice.python.yml")
    code = before + "token = random.choice('ab')\n"
    fixed = _fixed(code, _match(rule, code, "python"))
    assert fixed == after + "token = secrets.choice('ab')\n"


RULE = """\
id: security/weak-hash
languages: [python]
mentions: [md5]
message: "`$HASH` is broken."
confidence: high
rule: {pattern: md5($HASH)}
cases:
  found:
    - code: |
        md5(x)
        ^^^^^^
  quiet:
    - code: sha256(x)
"""
SHARED = {
    "python": read_shared(
        "text: {any: [{kind: string}, {matches: joined}]}\njoined: {kind: binary_operator}\n"
        "number: {kind: integer}\n",
        "shared.python.yml",
    ),
    "javascript": {},
}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("md5($HASH)}", "md5($HASH)", "security/a.python.yml: while parsing a flow mapping"),
        ("confidence: high", "confidence: sure", "confidence: expected one of high, medium, low."),
        ("[python]", "[sql]", "languages: expected some of python, javascript, typescript, tsx."),
        ("mentions: [md5]", "mentions: md5", "mentions: expected a list of texts."),
        ("`$HASH`", "`$NAME`", "message: expected only metavariables of the rule, and $NAME is"),
        ("rule: {", "rulez: {", "rule: expected an ast-grep rule."),
        ("security/weak-hash", "performance/weak", "id: expected the file name"),
        ("        ^^^^^^\n", "", "cases.found[0].code: expected carets"),
        ("mentions:", "hint: x\nmentions:", "hint: expected no such key."),
        ("cases:", "fix: {title: T, edits: []}\ncases:", "fix.edits: expected a list that is not"),
        ("cases:", "utils: {text: {kind: string}}\ncases:", "utils.text: expected another name"),
        ("cases:", "utils: {mine: {kind: string}}\ncases:", "utils.mine: expected a util that the"),
        ("cases:", "constraints: {HASH: {matches: t}}\ncases:", "constraints: expected `matches`"),
        (")}", "), matches: txt}", "rule: expected `matches` to name a util, and txt is none."),
    ],
)
def test_a_broken_rule_file_is_named_with_its_key(old: str, new: str, message: str) -> None:
    assert read_rule(RULE, "security/a.python.yml", SHARED).id == "security/weak-hash"
    with pytest.raises(RuleFileError) as error:
        read_rule(RULE.replace(old, new, 1), "security/a.python.yml", SHARED)
    assert message in str(error.value)
    assert str(error.value).startswith("security/a.python.yml: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text: {kind: [", "shared.python.yml: while parsing a flow"),
        ("text: string", "shared.python.yml: text: expected keys with values."),
        ("text: {not: {matches: txt}}", "shared.python.yml: text: expected `matches` to name"),
    ],
)
def test_a_broken_shared_file_is_named_with_its_key(text: str, message: str) -> None:
    with pytest.raises(RuleFileError) as error:
        read_shared(text, "shared.python.yml")
    assert str(error.value).startswith(message)


def test_a_rule_gets_the_shared_utils_that_it_needs_and_no_others() -> None:
    text = RULE.replace("cases:", "constraints: {HASH: {matches: text}}\ncases:", 1)
    assert "utils" not in read_rule(RULE, "security/a.python.yml", SHARED).matcher
    utils = read_rule(text, "security/a.python.yml", SHARED).matcher["utils"]
    assert utils.keys() == {"text", "joined"}


def test_every_shared_util_is_shared() -> None:
    for family in ("python", "javascript"):
        file = RULES_FOLDER / f"shared.{family}.yml"
        shared = read_shared(file.read_text(encoding="utf-8"), file.name)
        rules = [rule for rule in RULES if rule.file.endswith(f".{family}.yml")]
        uses = Counter(name for rule in rules for name in rule.matcher.get("utils", {}))
        assert [name for name in shared if uses[name] < 2] == [], family
