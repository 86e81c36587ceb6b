"""A finding's identity, across edits elsewhere and across machines."""

from __future__ import annotations

import re

import pytest

from backend_developer.core.fingerprint import fingerprint, numbered
from backend_developer.core.model import Span
from backend_developer.core.text import Lines

TEXT = "import os\n\nh = md5(x)\n\nif y:\n    h = md5(x)\n"


def name(text: str, place: int = 0, rule: str = "security/weak-hash", path: str = "a/b.py") -> str:
    """The fingerprint at the `place`-th "md5(x)" of `text`."""
    starts = [match.start() for match in re.finditer(r"md5\(x\)", text)]
    return fingerprint(rule, path, Lines(text), Span(starts[place], starts[place] + 6))


def test_it_is_16_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{16}", name(TEXT))


@pytest.mark.parametrize(
    "text",
    [
        "import sys\n" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("h = md5", "\th  =  md5", 1),
        TEXT.replace("if y", "while y"),
    ],
    ids=["lines above", "line ends", "whitespace", "lines below"],
)
def test_it_is_the_same_after_edits_elsewhere(text: str) -> None:
    assert [name(text, 0), name(text, 1)] == [name(TEXT, 0), name(TEXT, 1)]


def test_it_tells_equal_lines_rules_and_files_apart() -> None:
    names = [
        name(TEXT, 0),
        name(TEXT, 1),
        name(TEXT, rule="security/weak-cipher"),
        name(TEXT, path="b.py"),
        name(TEXT.replace("h = md5", "g = md5")),
    ]
    assert len(set(names)) == len(names)


def test_it_is_of_whole_lines_whatever_part_of_them_was_pointed_at() -> None:
    lines = Lines(TEXT)
    spans = [Span(11, 14), Span(15, 21), Span(11, 22)]
    assert len({fingerprint("r", "p", lines, span) for span in spans}) == 1


def test_equal_runs_of_lines_are_counted() -> None:
    lines = Lines("a\nb\na\nc\na\nb\n")
    first, other, second = Span(0, 3), Span(4, 7), Span(8, 11)
    names = {fingerprint("r", "p", lines, span) for span in (first, other, second)}
    assert len(names) == 3
    again = Lines("z\na\nb\n")
    assert fingerprint("r", "p", again, Span(2, 5)) == fingerprint("r", "p", lines, first)


def test_a_path_is_the_same_however_its_folders_are_separated() -> None:
    assert name(TEXT, path="a\\b.py") == name(TEXT, path="a/b.py")


def test_half_a_surrogate_pair_has_a_name() -> None:
    assert fingerprint("r", "p", Lines("\ud83d"), Span(0, 1))


def test_places_of_one_name_are_numbered_and_those_that_overlap_are_one() -> None:
    places: dict[str, list[Span]] = {}
    spans = [Span(0, 5), Span(10, 15), Span(3, 8), Span(12, 13), Span(20, 25)]
    names = [numbered("f", span, places) for span in spans]
    assert names == ["f", "f-2", "f", "f-2", "f-3"]
    assert numbered("g", Span(10, 15), places) == "g"
