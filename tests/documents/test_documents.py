"""Documents of every kind: which are known, places in any spelling of them, and no text too odd."""

from __future__ import annotations

import json
import random
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_developer.catalogue import load_catalogue
from backend_developer.core.model import Span
from backend_developer.documents.case_files import load_cases
from backend_developer.documents.kinds import subjects
from backend_developer.documents.tree import MalformedError, Node, parse_documents, walk

from .test_cases import DETECTOR, find

GOOD = Path(__file__).with_name("good")
"""Descriptions as they should be, of which nothing is to be said by default."""

# --- Trees


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: [1, x]}\nc: 'd'\n",
        '{"a": {"b": [1, "x"]}, "c": "d"}',
        '{"a":{"b":[1,"x"]},"c":"d"}',
        '{\r\n\t"a": {\r\n\t\t"b": [1, "x"]\r\n\t},\r\n\t"c": "d"\r\n}',
        "# é 😀\na:\n  b:\n  - 1\n  - x  # why\n\nc: |-\n  d\n",
        "base: &base {b: [1, x]}\na: *base\nc: d\n",
    ],
    ids=["yaml", "json", "one line", "tabs and CRLF", "blocks", "alias"],
)
def test_a_value_knows_its_place_in_any_spelling(text: str) -> None:
    [root] = parse_documents(text)
    data = root.data()
    assert (data["a"], data["c"]) == ({"b": [1, "x"]}, "d")
    letter = root.get("a", "b")
    assert letter is not None
    assert at(text, letter.elements[1].span).strip("\"'") == "x"
    key = root.members["c"].key
    assert key is not None
    assert at(text, key).strip('"') == "c"
    assert at(text, root.members["c"].span).lstrip("|-\r\n ").strip("\"'") == "d"


def at(text: str, span: Span) -> str:
    return text[span.start : span.end]


def test_scalars_are_what_json_and_yaml_1_2_mean() -> None:
    [root] = parse_documents("[no, 0x1F, 2024-01-01, 010, 1e3, true, ~, '1', .5, -2]")
    assert root.data() == ["no", "0x1F", "2024-01-01", 10.0, 1000.0, True, None, "1", 0.5, -2]


def test_a_key_that_occurs_twice_is_remembered_and_the_last_value_kept() -> None:
    text = "a: 1\nb: 2\na: 3\n"
    [root] = parse_documents(text)
    assert root.data() == {"a": 3, "b": 2}
    assert [span.start for span in root.duplicates] == [text.rindex("a")]


def test_merged_mappings_give_way_to_keys_of_their_own() -> None:
    [root] = parse_documents("base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\n")
    assert root.data()["more"] == {"x": 1, "y": 3}


def test_halves_of_a_character_in_json_keep_every_place() -> None:
    text = '{"a": "\\ud83d\\ude00", "b": 1}'
    [root] = parse_documents(text)
    assert at(text, root.members["b"].span) == "1"


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 50_000, "- " * 30_000 + "1", "a: [", "a: b: c", "\x00", "a: *b"],
    ids=["brackets", "braces", "dashes", "open", "colons", "nul", "no anchor"],
)
def test_text_that_cannot_be_read_is_said_and_never_crashes(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_documents(text)


def test_an_alias_inside_its_own_anchor_ends() -> None:
    [root] = parse_documents("a: &a {b: *a, c: 1}\n")
    assert len(list(walk(root))) == 4


# --- Kinds


@pytest.mark.parametrize(
    ("text", "language", "kinds"),
    [
        ("openapi: 3.1.0\n", "yaml", ["openapi"]),
        ('{"swagger": "2.0"}', "json", ["openapi"]),
        ("apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n", "yaml", ["kubernetes"] * 2),
        ("services:\n  web: {image: a}\n", "dockercompose", ["compose"]),
        ("services:\n  - name: web\n", "yaml", []),
        ("services: [web]\nname: CI\n", "yaml", []),
        ("type A { b: C }", "graphql", ["graphql"]),
        ("model A {\n}\n", "prisma", ["prisma"]),
        ('{"dependencies": {"openapi": "1"}}', "json", []),
        ("{{- if .Values.a }}\napiVersion: v1\nkind: Pod\n{{- end }}\n", "yaml", []),
    ],
)
def test_a_document_is_known_by_its_content(text: str, language: str, kinds: list[str]) -> None:
    assert [subject.kind for subject in subjects(text, language)] == kinds


# --- Robustness


ALL_CASES = [case for cases in load_cases().values() for case in cases]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(ALL_CASES) - 1), st.randoms(use_true_random=False))
def test_no_document_is_too_odd(number: int, chance: random.Random) -> None:
    case = ALL_CASES[number]
    text = disturbed(case.code, chance)
    for proposal in find(text, case.language):
        assert isinstance(proposal.where, Span)
        assert 0 <= proposal.where.start <= proposal.where.end <= len(text)
        assert proposal.message


def disturbed(text: str, chance: random.Random) -> str:
    """The text with parts taken out, doubled and swapped with one another."""
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randrange(1, 8)))
    parts = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    if chance.random() < 0.5:
        chance.shuffle(parts)
    odd = ("", "null", "[]", "{}", "'", "\n", "- ", "&a ", "*a", "1", "{$ref: '#'}", "x-a: ")
    return "".join(part + chance.choice(odd) for part in parts if chance.random() < 0.9)


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_value_in_place_of_another_is_too_odd(chance: random.Random) -> None:
    case = chance.choice([case for case in ALL_CASES if case.language == "yaml"])
    try:
        roots = parse_documents(case.code)
    except MalformedError:
        return
    for root in roots:
        data = root.data()
        nodes = [node for node in walk(root) if node.members or node.elements]
        text = json.dumps(swapped(data, chance, 0.5 / max(len(nodes), 1)))
        for proposal in find(text, "json"):
            assert isinstance(proposal.where, Span)
            assert proposal.where.end <= len(text)


def swapped(data: object, chance: random.Random, likelihood: float) -> object:
    if chance.random() < likelihood:
        return chance.choice(
            [None, True, 0, -1.5, "", "x", [], {}, [None], {"$ref": "#/paths"}, [[]]]
        )
    if isinstance(data, dict):
        return {key: swapped(value, chance, likelihood) for key, value in data.items()}
    if isinstance(data, list):
        return [swapped(value, chance, likelihood) for value in data]
    return data


def test_references_in_a_circle_end() -> None:
    text = """\
openapi: 3.0.3
paths:
  /a:
    get:
      parameters: [{$ref: '#/components/parameters/a'}]
      responses: {"200": {$ref: '#/components/responses/a'}}
      callbacks: {a: {$ref: '#/components/callbacks/a'}}
components:
  callbacks: {a: {$ref: '#/components/callbacks/a'}}
  parameters: {a: {$ref: '#/components/parameters/b'}, b: {$ref: '#/components/parameters/a'}}
  responses: {a: {$ref: '#/components/responses/a'}}
  schemas:
    A:
      allOf: [{$ref: '#/components/schemas/A'}]
      properties: {a: {$ref: '#/components/schemas/A'}}
      example: {a: {a: {a: {}}}}
"""
    assert find(text, "yaml")


def test_a_description_that_cannot_be_read_is_one_finding() -> None:
    found = find("openapi: 3.0.3\ninfo: {title: Orders\npaths: {}\n", "yaml")
    assert [proposal.rule for proposal in found] == ["api-design/openapi-unreadable"]


def test_what_a_description_never_does_is_said_once() -> None:
    paths = "".join(f"  /a{n}:\n    get: {{responses: {{'200': {{}}}}}}\n" for n in range(9))
    rule = "security/openapi-no-429"
    [finding] = find(f"openapi: 3.0.3\npaths:\n{paths}", "yaml", rule)
    assert "None of the 9 operations" in finding.message
    with_one = paths + "  /b:\n    get: {responses: {'429': {}}}\n"
    assert len(find(f"openapi: 3.0.3\npaths:\n{with_one}", "yaml", rule)) == 9


@pytest.mark.parametrize("name", ["orders.yaml", "tickets.yaml", "library.json"])
def test_a_good_description_is_left_alone(name: str) -> None:
    rules = load_catalogue().rules
    usual = [id for id in DETECTOR.rules if rules[id].profile == "default"]
    text = (GOOD / name).read_text(encoding="utf-8")
    language = "json" if name.endswith(".json") else "yaml"
    assert [(one.rule, one.message) for one in find(text, language, *usual)] == []


def test_a_compose_file_for_development_is_less_sure() -> None:
    text = "services: {db: {image: 'postgres:17', ports: ['5432:5432']}}\n"
    rule = "security/compose-published-database"
    [finding] = find(text, "yaml", rule, path="/srv/compose.yml")
    assert finding.confidence == "medium"
    [finding] = find(text, "yaml", rule, path="/srv/compose.override.yml")
    assert finding.confidence == "low"


def test_a_large_description_takes_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        schema = {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/S0"}}}
        document = {
            "openapi": "3.0.3",
            "paths": {
                f"/a{n}": {"get": {"operationId": f"a{n}", "responses": {"200": {}}}}
                for n in range(count)
            },
            "components": {"schemas": {f"S{n}": schema for n in range(count)}},
        }
        text = json.dumps(document, indent=1)
        start = time.process_time()
        assert find(text, "json")
        return time.process_time() - start

    seconds(20)
    small, large = min(seconds(100) for _ in range(3)), min(seconds(800) for _ in range(3))
    assert large < 8 * small * 2.5


def test_every_rule_of_the_detector_has_one_name() -> None:
    assert all(rule.count("/") == 1 for rule in DETECTOR.rules)


def test_a_node_says_nothing_of_what_it_is_not() -> None:
    node = Node("x", Span(0, 1))
    assert (node.members, node.elements, node.number, node.get("a")) == ({}, [], None, None)


def test_aliases_that_stand_for_too_much_are_refused() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    with pytest.raises(MalformedError, match="aliases"):
        parse_documents(text)


def test_schemas_that_combine_each_other_twice_are_checked_once() -> None:
    levels = "".join(
        f"    S{n}: {{anyOf: [{{$ref: '#/components/schemas/S{n + 1}'}}, "
        f"{{$ref: '#/components/schemas/S{n + 1}'}}]}}\n"
        for n in range(60)
    )
    text = f"openapi: 3.0.3\ncomponents:\n  schemas:\n{levels}    S60: {{type: integer}}\n"
    text += "    Top: {allOf: [{$ref: '#/components/schemas/S0'}], example: x}\n"
    [finding] = find(text, "yaml", "api-design/openapi-schema-example")
    assert "fits none" in finding.message


@pytest.mark.parametrize("pattern", ["(a|aa)+$", "(a+)+$", "(a|a){1,60}$", "a*a*a*a*a*a*a*a*$"])
def test_a_pattern_that_may_take_for_ever_is_not_tried(pattern: str) -> None:
    schema = f"{{type: string, pattern: '{pattern}', example: {'a' * 60}b}}"
    text = f"openapi: 3.0.3\ncomponents: {{schemas: {{A: {schema}}}}}\n"
    assert find(text, "yaml", "api-design/openapi-schema-example") == []
