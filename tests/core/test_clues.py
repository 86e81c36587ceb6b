"""Clues: whether a text is worth a closer look."""

from __future__ import annotations

import pytest

from backend_developer.core.clues import Clues

CLUES = Clues("select( Router", {"get fetch": r"\b(?:get|fetch)_one\b", "db": r"\bdb\b"})


@pytest.mark.parametrize(
    "text", ["x = select(1)", "Router", "row = fetch_one(id)", "get_one", "db.close()"]
)
def test_a_word_or_a_pattern_is_a_clue(text: str) -> None:
    assert CLUES.are_in(text)


@pytest.mark.parametrize("text", ["", "selected", "router", "fetch_ones", "budget_one", "dba"])
def test_a_part_of_one_is_none(text: str) -> None:
    assert not CLUES.are_in(text)


def test_case_plays_no_part_where_that_is_asked_for() -> None:
    clues = Clues("apikey", {"token": r"\btoken"}, ignore_case=True)
    assert clues.are_in("ApiKey")
    assert clues.are_in("TOKEN")
    assert not clues.are_in("aToken")
