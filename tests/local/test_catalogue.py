"""The catalogue is complete and true, and a mistake in it is named with its rule and key."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from backend_developer.catalogue import CatalogueError, load_catalogue
from backend_developer.linters.ruff import find_ruff

CATALOGUE = load_catalogue()


def test_a_rule_is_found_by_another_tools_code() -> None:
    rule = CATALOGUE.rule_for("ruff", "S608")
    assert rule is not None
    assert rule.id == "security/sql-injection"
    assert rule.cwes[0] == 89
    assert CATALOGUE.rule_for("ruff", "E501") is None


def test_every_ruff_code_exists_and_runs_without_preview() -> None:
    listing = subprocess.run(
        [find_ruff(), "rule", "--all", "--output-format", "json"], capture_output=True, check=True
    )
    stable = {rule["code"] for rule in json.loads(listing.stdout) if "Stable" in rule["status"]}
    assert set(CATALOGUE.codes_of("ruff")) - stable == set()


def test_texts_are_sentences() -> None:
    for rule in CATALOGUE.rules.values():
        assert rule.why.endswith("."), rule.id
        assert rule.advice.endswith("."), rule.id
        assert not rule.title.endswith("."), rule.id


ENTRY = """\
- id: security/weak-hash
  title: Broken hash
  severity: warning
  why: It is broken.
  advice: Use another.
  cwes: [328]
  owasp: ["A02:2021"]
  link: https://cwe.mitre.org/data/definitions/328.html
  same_as: ["ruff:S324"]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("security/weak-hash", "weak-hash", "weak-hash: id: expected focus/kebab-noun."),
        ("severity: warning", "severity: bad", "security/weak-hash: severity: expected one of"),
        ("  why: It is broken.\n", "", "security/weak-hash: why: expected a text"),
        ("[328]", '["328"]', "security/weak-hash: cwes: expected a list of CWE numbers."),
        ("A02:2021", "A2", "security/weak-hash: owasp: expected a list such as"),
        ("https://", "http://", "security/weak-hash: link: expected an https address."),
        ("ruff:S324", "S324", "security/weak-hash: same_as: expected a list such as"),
        ("  cwes", "  cwe", "security/weak-hash: cwe: there is no such key."),
        ("- id", "- idx", "rule 1: id: expected a text."),
        ("- id", "all:\n- id", "expected a list of rules."),
        ("title: B", "title: B: ", "mapping values are not allowed"),
    ],
)
def test_a_broken_catalogue_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "catalogue.yml"
    file.write_text(ENTRY, encoding="utf-8")
    assert list(load_catalogue(file).rules) == ["security/weak-hash"]
    file.write_text(ENTRY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CatalogueError) as error:
        load_catalogue(file)
    assert message in str(error.value)
    assert str(error.value).startswith("catalogue.yml: ")


def test_a_rule_file_can_bring_the_entry_that_it_is_about(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.yml"
    catalogue.write_text(ENTRY, encoding="utf-8")
    rule = tmp_path / "rules" / "security" / "old-hash.python.yml"
    rule.parent.mkdir(parents=True)
    about = ENTRY.partition("\n")[2].replace("S324", "S303")
    rule.write_text(f"id: security/old-hash\nabout:\n{about}rule: {{pattern: md4($A)}}\n")
    assert load_catalogue(catalogue).rules["security/old-hash"].title == "Broken hash"
    rule.write_text("id: security/old-hash\nabout: x\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"old-hash\.python\.yml: about: expected keys"):
        load_catalogue(catalogue)


def test_an_id_and_a_code_belong_to_one_rule(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yml"
    file.write_text(ENTRY + ENTRY, encoding="utf-8")
    with pytest.raises(CatalogueError, match="this id is used twice"):
        load_catalogue(file)
    file.write_text(ENTRY + ENTRY.replace("weak-hash", "weak-cipher"), encoding="utf-8")
    with pytest.raises(CatalogueError, match="ruff:S324 already belongs to security/weak-hash"):
        load_catalogue(file)
