"""Values as JSON can say them, and back; anything else is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.core.model import (
    Finding,
    Fix,
    Proposal,
    ProposedFix,
    Quote,
    Rejection,
    Replacement,
    SearchReplace,
    Span,
    TextEdit,
    Withheld,
)
from backend_developer.core.plain import PlainError, from_plain, to_plain
from backend_developer.project.facts import FileFacts


@pytest.mark.parametrize("kind", [Finding, Rejection, Proposal, FileFacts, Span])
def test_what_is_written_is_read_as_it_was(kind: type[object]) -> None:
    @given(st.from_type(kind))
    def check(value: object) -> None:
        assert from_plain(json.loads(json.dumps(to_plain(value, kind))), kind) == value

    check()


def test_it_is_as_small_as_can_be_told_apart() -> None:
    assert to_plain(Span(1, 2), Span) == [1, 2]
    assert to_plain((Span(1, 2), "x"), tuple[Span, str]) == [[1, 2], "x"]
    fix = ProposedFix("t", (Replacement(Span(0, 1), "a"), SearchReplace("b", "c")))
    assert to_plain(fix, ProposedFix) == [
        "t",
        [["Replacement", [[0, 1], "a"]], ["SearchReplace", ["b", "c", None, None]]],
        "none",
    ]


@pytest.mark.parametrize(
    ("plain", "kind"),
    [
        (None, Span),
        ([1], Span),
        ([1, 2, 3], Span),
        ([1, "2"], Span),
        ([True, 2], Span),
        ({"start": 1, "end": 2}, Span),
        ([[1, 2], "t", "maybe"], Replacement),
        (["t", [["TextEdit", [[0, 1], "a"]]], "none"], ProposedFix),
        (["t", [["Replacement"]], "none"], ProposedFix),
        (["t", [[["Replacement"], [[0, 1], "a"]]], "none"], ProposedFix),
        (["t", [], "somebody"], Fix),
        (["t", [], "nothing"], ProposedFix),
        ("text", tuple[str, ...]),
        ([["a"]], tuple[str, ...]),
    ],
)
def test_what_has_another_shape_is_refused(plain: object, kind: type[object]) -> None:
    with pytest.raises(PlainError):
        from_plain(plain, kind)


def test_what_json_cannot_say_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="cannot be said in JSON"):
        from_plain({}, dict[str, str])


def test_one_of_several_keeps_what_it_is() -> None:
    for fix in (None, Withheld("t", "why"), Fix("t", (TextEdit(Span(0, 0), "x"),), "agent")):
        plain = to_plain(fix, Fix | Withheld | None)  # type: ignore[arg-type]
        assert from_plain(plain, Fix | Withheld | None) == fix  # type: ignore[arg-type]
    assert to_plain(Quote("x"), Quote | Span) == ["Quote", ["x", None]]  # type: ignore[arg-type]
