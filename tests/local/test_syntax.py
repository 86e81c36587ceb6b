"""Arguments and options are added and taken away in the layout that a call already has."""

from __future__ import annotations

import pytest

from backend_developer.core.edits import apply
from backend_developer.core.model import Replacement, TextEdit
from backend_developer.syntax import Language, appended, items_of, parse, removed


def edited(code: str, edits: list[Replacement]) -> str:
    return apply(code, [TextEdit(edit.span, edit.new) for edit in edits])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("f()", "f(x=1, y=2)"),
        ("f(a)", "f(a, x=1, y=2)"),
        ("f(a,)", "f(a, x=1, y=2)"),
        ("f(a, b\n)", "f(a, b, x=1, y=2\n)"),
        ("f(\n    a)", "f(\n    a, x=1, y=2)"),
        ("f(\n    a,\n    b,\n)", "f(\n    a,\n    b,\n    x=1,\n    y=2,\n)"),
        ("f(\n    a,\n    b\n)", "f(\n    a,\n    b,\n    x=1,\n    y=2\n)"),
        ("f(\r\n\ta,\r\n)", "f(\r\n\ta,\r\n\tx=1,\r\n\ty=2,\r\n)"),
        ("f(\n    a,  # why\n)", "f(\n    a,  # why\n    x=1,\n    y=2,\n)"),
        ("f(\n    a  # why\n)", "f(\n    a,  # why\n    x=1,\n    y=2\n)"),
        ("f(\n    a,\n    # later: b\n)", "f(\n    a,\n    # later: b\n    x=1,\n    y=2,\n)"),
    ],
)
def test_arguments_are_added_behind_the_last_one(code: str, expected: str) -> None:
    arguments = parse(code, "python").find(kind="argument_list")
    assert arguments is not None
    assert edited(code, appended(arguments, ["x=1", "y=2"], code)) == expected


def test_an_empty_object_gets_its_first_pair() -> None:
    options = parse("f({})", "javascript").find(kind="object")
    assert options is not None
    assert edited("f({})", appended(options, ["x: 1"], "f({})")) == "f({ x: 1 })"


@pytest.mark.parametrize(
    ("code", "language", "expected"),
    [
        ("f(x)", "python", "f()"),
        ("f(\n    x,\n)", "python", "f()"),
        ("f(x, a)", "python", "f(a)"),
        ("f(a, x)", "python", "f(a)"),
        ("f(a, x, b)", "python", "f(a, b)"),
        ("f(\n    a,\n    x,\n    b,\n)", "python", "f(\n    a,\n    b,\n)"),
        ("f(\n    a,\n    x\n)", "python", "f(\n    a,\n)"),
        ("f(\n    a,  # why\n    x)", "python", "f(\n    a,  # why\n    )"),
        ("f(\r\n  a,\r\n  x,\r\n);", "javascript", "f(\r\n  a,\r\n);"),
    ],
)
def test_an_argument_is_taken_away_with_its_comma(
    code: str, language: Language, expected: str
) -> None:
    kind = "argument_list" if language == "python" else "arguments"
    arguments = parse(code, language).find(kind=kind)
    assert arguments is not None
    item = next(one for one in items_of(arguments) if one.text() == "x")
    assert edited(code, [removed(item, code)]) == expected
