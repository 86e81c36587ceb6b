"""The schema of an answer, and what becomes of the answers that do not keep to it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_developer.core.model import (
    FOCUSES,
    Proposal,
    ProposedFix,
    Quote,
    SearchReplace,
    Step,
    Verdict,
)
from backend_developer.engines.answer import (
    MAXIMUM_ENUM,
    answer_schema,
    read_finding,
    read_verdict,
)
from backend_developer.engines.schema import describe, without_descriptions
from loopback_model import finding

SCHEMA = answer_schema(["security/sql-injection", "security/weak-hash"], ["security"])


def parts(schema: Any) -> list[dict[str, Any]]:
    """The schema and all schemas in it."""
    inner = [
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", ()),
        *([schema["items"]] if "items" in schema else ()),
    ]
    return [schema, *(part for one in inner for part in parts(one))]


def test_every_object_is_closed_and_needs_every_member() -> None:
    objects = [part for part in parts(SCHEMA) if part.get("type") == "object"]
    assert len(objects) == 6
    for part in objects:
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])


def test_it_keeps_to_the_limits_of_structured_output() -> None:
    allowed = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum"}
    sent = parts(without_descriptions(SCHEMA))
    assert {key for part in sent for key in part} <= allowed
    assert sum("anyOf" in part for part in sent) <= 16
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_full_answer_fits_and_an_unknown_rule_does_not() -> None:
    edit = {"file": None, "old": "a", "new": "", "line": 1}
    full = finding(
        quote="a",
        flow=[{"quote": "b", "line": 1, "message": "comes in"}],
        fix={"title": "Bind it", "needs": "none", "edits": [edit]},
    )
    verdict = {"id": "f1", "reason": "Bound.", "refuted": True}
    jsonschema.validate({"findings": [full], "evidence": [verdict]}, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {"findings": [finding(rule="security/made-up")], "evidence": []}, SCHEMA
        )


def test_the_quote_is_written_before_the_judgement() -> None:
    members = list(SCHEMA["properties"]["findings"]["items"]["properties"])
    assert members[0] == "quote"
    assert members.index("message") < members.index("rule") < members.index("severity")


def test_too_many_rules_are_no_enumeration() -> None:
    def rule(count: int) -> Any:
        schema = answer_schema([f"security/rule-{n}" for n in range(count)], FOCUSES)
        return schema["properties"]["findings"]["items"]["properties"]["rule"]

    assert len(rule(MAXIMUM_ENUM - 1)["enum"]) == MAXIMUM_ENUM
    assert "enum" not in rule(MAXIMUM_ENUM)


def test_the_description_names_every_member() -> None:
    words = describe(SCHEMA)
    names = {name for part in parts(SCHEMA) for name in part.get("properties", ())}
    assert all(f"- `{name}` (" in words for name in names)


def test_a_finding_becomes_a_proposal() -> None:
    value = finding(
        quote="execute(q)",
        line=4,
        flow=[{"quote": "q = x", "line": 2, "message": "built"}],
        cwes=[89, 20, 89],
        fix={
            "title": "Bind it",
            "needs": "migration",
            "edits": [
                {"file": None, "old": "q", "new": "", "line": 4},
                {"file": "app/users.py", "old": "a", "new": "b", "line": 1},
                {"file": "app/other.py", "old": "a", "new": "b", "line": 1},
            ],
        },
    )
    assert read_finding(value, "agent:m", "app/users.py") == Proposal(
        where=Quote("execute(q)", 4),
        rule="security/sql-injection",
        message="The query is built from the request.",
        source="agent:m",
        author="agent",
        confidence="high",
        severity="error",
        focus="security",
        cwes=(89, 20),
        fix=ProposedFix(
            "Bind it",
            (
                SearchReplace("q", "", None, 4),
                SearchReplace("a", "b", None, 1),
                SearchReplace("a", "b", "app/other.py", 1),
            ),
            "migration",
        ),
        flow=(Step(Quote("q = x", 2), "built"),),
    )


@pytest.mark.parametrize(
    ("given", "member", "read"),
    [
        ({"line": "12"}, "where", Quote("x", 12)),
        ({"line": 12.0}, "where", Quote("x", 12)),
        ({"line": 0}, "where", Quote("x", None)),
        ({"line": float("inf")}, "where", Quote("x", None)),
        ({"line": True}, "where", Quote("x", None)),
        ({"severity": "WARNING"}, "severity", "warning"),
        ({"severity": "blocker"}, "severity", None),
        ({"confidence": 0.9}, "confidence", "medium"),
        ({"focus": "style"}, "focus", None),
        ({"cwes": ["CWE-89", "79", None, -1]}, "cwes", (89, 79)),
        ({"cwes": 89}, "cwes", ()),
        ({"flow": [{"message": "no quote"}, 3]}, "flow", ()),
        ({"rule": None}, "rule", "other"),
        ({"fix": None}, "fix", None),
        ({"quote": "\ud83d\ude00"}, "where", Quote("😀", 1)),
        ({"quote": "a\ud83d"}, "where", Quote("a\ufffd", 1)),
    ],
    ids=str,
)
def test_a_wrong_member_costs_no_other(given: dict[str, Any], member: str, read: object) -> None:
    proposal = read_finding(finding(quote="x") | given, "agent:m")
    assert getattr(proposal, member) == read
    assert proposal.message == "The query is built from the request."


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, {"quote": 3}], ids=str)
def test_what_is_no_finding_has_an_empty_quote_and_so_is_rejected(value: object) -> None:
    assert read_finding(value, "agent:m").where == Quote("")


@pytest.mark.parametrize(
    "edits", [[{"old": "a"}], [{"old": "a", "new": None}], ["a"]], ids=["none", "null", "text"]
)
def test_a_missing_new_text_is_no_deletion(edits: list[Any]) -> None:
    fix = read_finding(finding(fix={"edits": edits}), "agent:m").fix
    assert fix is not None
    assert fix.edits == (SearchReplace("", ""),)


def test_a_need_that_cannot_be_read_is_still_a_need() -> None:
    fix = {"title": "t", "needs": "a new server", "edits": []}
    proposal = read_finding(finding(fix=fix), "agent:m")
    assert proposal.fix is not None
    assert proposal.fix.needs == "setting"


def test_secrets_are_put_back_into_code_but_not_into_words() -> None:
    value = finding(
        quote="k = X",
        message="X is in the code.",
        flow=[{"quote": "X", "line": 1, "message": "X"}],
        fix={"title": "t", "needs": "none", "edits": [{"old": "X", "new": "f(X)", "file": None}]},
    )
    proposal = read_finding(value, "agent:m", restore=lambda text: text.replace("X", "secret"))
    assert proposal.where == Quote("k = secret", 1)
    assert proposal.flow == (Step(Quote("secret", 1), "X"),)
    assert proposal.fix is not None
    assert proposal.fix.edits == (SearchReplace("secret", "f(secret)"),)
    assert proposal.message == "X is in the code."


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (
            {"id": "f1", "reason": "It is bound.", "refuted": True},
            Verdict("f1", True, "It is bound."),
        ),
        ({"id": "f1", "refuted": False}, Verdict("f1", False, "")),
        ({"id": "f1", "refuted": "yes"}, None),
        ({"refuted": True}, None),
        ("f1", None),
    ],
    ids=str,
)
def test_a_judgement_needs_an_id_and_a_verdict(value: object, verdict: Verdict | None) -> None:
    assert read_verdict(value) == verdict


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*finding()]), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(value=ANYTHING | st.fixed_dictionaries(dict.fromkeys(finding(), ANYTHING)))
def test_reading_never_fails(value: object) -> None:
    assert read_finding(value, "agent:m").author == "agent"
    read_verdict(value)
