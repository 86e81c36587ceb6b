"""Clues: whether a text is worth a closer look."""

from __future__ import annotations

import re

import pytest

from backend_developer.core.clues import Clues, QuickPattern, needed_words

CLUES = Clues("select( Router", (r"\b(?:get|fetch)_one\b", r"\bdb\b"))


@pytest.mark.parametrize(
    "text", ["x = select(1)", "Router", "row = fetch_one(id)", "get_one", "db.close()"]
)
def test_a_word_or_a_pattern_is_a_clue(text: str) -> None:
    assert CLUES.are_in(text)


@pytest.mark.parametrize("text", ["", "selected", "router", "fetch_ones", "budget_one", "dba"])
def test_a_part_of_one_is_none(text: str) -> None:
    assert not CLUES.are_in(text)


def test_case_plays_no_part_where_that_is_asked_for() -> None:
    clues = Clues("apikey", [r"\btoken"], ignore_case=True)
    assert clues.are_in("ApiKey")
    assert clues.are_in("TOKEN")
    assert not clues.are_in("aToken")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\bprint\(", {"print("}),
        (r"\b(?:get|fetch)_one\b", {"_one"}),
        (r"(?:insert|update)\s+a", {"insert", "update"}),
        (r"x(?:\w+)y{2,}", {"x"}),
        (r"(?:\w*)?", set()),
        (r"(?:abc|\w+)", set()),
        (r"(?:abc)*", set()),
        (r"(?ia)DEBUG", {"debug"}),
        (r"(?i)DEBUG", set()),
        (r"(?i:debug)", set()),
        (r"(?ia)(?u:s)", set()),
        (r"(?ia)straße", set()),
        (r"(?=abc)\w+", set()),
    ],
)
def test_the_words_that_a_match_cannot_do_without(pattern: str, words: set[str]) -> None:
    assert needed_words(pattern, re.compile(pattern).flags) == words


TEXTS = (
    *("", "a", "a|b", "print(x)", "PRINT (x)", "x = DEBUG", "debug", "no bug", "a)b", "[]|]", "cc"),
    *(
        "aa bb",
        "bb",
        "def f(request):",
        "@app.get('/')\ndef f(): ...",
        "straße",
        "STRASSE",
        "ſ k K",
    ),
)


@pytest.mark.parametrize("flags", [0, re.IGNORECASE | re.ASCII | re.MULTILINE, re.VERBOSE])
@pytest.mark.parametrize(
    "pattern",
    [
        r"\bprint\(|\bDEBUG\b|^@\w+\.get",
        r"a\|b|[|)]x|[]|]+\]|[^]|]bug",
        r"(a)\1|(b)\2",
        r"(?P<one>c)(?P=one)|print",
        r"(?i)debug|PRINT",
        r"(?:debug|bug(?:s|))|\)|\(x",
        r"k|straße",
        r"a (?# or | b ) b | bb",
        r"|never",
        r"(?#[)((a]b)|c)",
        "(?x:a #)|b\n)",
        r"[45](?<=\b[45])\d",
        r"(?<!no )bug|\\|\.get",
    ],
)
def test_a_pattern_is_in_what_it_matches_somewhere(pattern: str, flags: int) -> None:
    compiled = re.compile(pattern, flags)
    quick = QuickPattern(compiled)
    for text in TEXTS:
        assert quick.is_in(text) == (compiled.search(text) is not None), text
