"""Items come out of an answer as soon as they are complete, however it is cut into pieces."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_developer.engines.stream import AnswerReader, Item

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
AROUND = st.sampled_from(
    ["", "\n", "Here it is:\n```json\n", "About {x} and {}: ", '{"note": [1, "{"]}\n', "}]{ "]
)


def read(text: str, cuts: list[int]) -> tuple[list[Item], AnswerReader]:
    reader = AnswerReader()
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges)]
    return [item for piece in pieces for item in reader.feed(piece)], reader


@settings(max_examples=150, deadline=None)
@given(
    findings=st.lists(JSON_VALUES, max_size=4),
    evidence=st.lists(JSON_VALUES, max_size=3),
    extra=JSON_VALUES,
    before=AROUND,
    indent=st.sampled_from([None, 1]),
    escaped=st.booleans(),
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
)
def test_reads_what_json_reads(
    findings: list[Any],
    evidence: list[Any],
    extra: Any,
    before: str,
    indent: int | None,
    escaped: bool,
    cuts: list[int],
) -> None:
    answer = {"extra": extra, "findings": findings, "more": [extra], "evidence": evidence}
    text = before + json.dumps(answer, indent=indent, ensure_ascii=escaped) + "\n```\nDone. {}"
    items, reader = read(text, cuts)
    assert [item.value for item in items if item.array == "findings"] == findings
    assert [item.value for item in items if item.array == "evidence"] == evidence
    assert reader.complete
    assert not reader.broken


@settings(max_examples=60, deadline=None)
@given(finding=st.dictionaries(st.text(), JSON_VALUES, min_size=1))
def test_an_object_comes_with_its_last_character(finding: dict[str, Any]) -> None:
    reader = AnswerReader()
    text = '{"findings": [' + json.dumps(finding)
    early = [item for character in text[:-1] for item in reader.feed(character)]
    assert early == []
    assert reader.feed(text[-1]) == [Item("findings", finding)]
    assert not reader.complete


def test_an_escape_cut_in_two_is_one_character() -> None:
    text = '{"findings": [{"quote": "\\ud83d\\ude00\\\\\\""}]}'
    for cut in range(len(text)):
        items, _ = read(text, [cut])
        assert items == [Item("findings", {"quote": '😀\\"'})]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"findings": [{"a": 1}, nonsense, {"b": 2}]}', [{"a": 1}, "nonsense", {"b": 2}]),
        ('{"findings": [{"a": 1} {"b": 2}]}', [{"a": 1}, {"b": 2}]),
        ('{"findings": [{"a": "two\nlines"}]}', [{"a": "two\nlines"}]),
        ('{"findings": [{"a": 1,}, {"b": 2}]}', ['{"a": 1,}', {"b": 2}]),
    ],
    ids=["no JSON", "no comma", "line break in a string", "trailing comma"],
)
def test_a_bad_element_costs_no_other(text: str, values: list[Any]) -> None:
    items, reader = read(text, [])
    assert [item.value for item in items] == values
    assert reader.complete


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I found no problem.",
        "{}",
        '{"result": "fine"}',
        '{"findings": [{"a": 1}',
        '{"findings": [{"a": 1]}}',
        '{"findings": "none"}',
        '{"findings": [' + "[" * 200_000,
    ],
    ids=["empty", "prose", "empty object", "other", "cut", "mismatch", "no array", "deep"],
)
def test_what_is_no_answer_is_not_complete(text: str) -> None:
    _, reader = read(text, [3, 7])
    assert not reader.complete


def test_time_grows_with_the_length_only() -> None:
    def seconds(count: int) -> float:
        text = json.dumps({"findings": [{"quote": "x" * 200, "line": n} for n in range(count)]})
        tries = []
        for _ in range(3):
            start = time.process_time()
            items, _ = read(text, list(range(0, len(text), 7)))
            tries.append(time.process_time() - start)
            assert len(items) == count
        return min(tries)

    # Ten times the text; quadratic reading would take a hundred times as long.
    assert seconds(2000) < 40 * max(seconds(200), 0.005)
