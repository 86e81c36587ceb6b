"""Edits, and where a model's quotes and edits are placed or why they are not."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend_developer.core.edits import (
    apply,
    compose,
    merge_all,
    merge_edits,
    minimal,
    overlap,
    place_edit,
    place_quote,
)
from backend_developer.core.model import Quote, SearchReplace, Span, TextEdit
from backend_developer.core.text import Lines

PIECES = ["\n", "\r\n", "\r", " ", "    ", "\t", "a", "b", "ab", "(", ")", "1 | "]
texts = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


def edit(start: int, end: int, new: str) -> TextEdit:
    return TextEdit(Span(start, end), new)


# --- Applying


def test_edits_are_relative_to_the_same_text_in_any_order() -> None:
    assert apply("abcdef", [edit(4, 5, "XYZ"), edit(0, 1, ""), edit(2, 2, "-")]) == "b-cdXYZf"


def test_insertions_at_one_place_keep_their_order() -> None:
    assert apply("ab", [edit(1, 1, "2"), edit(1, 1, "1"), edit(1, 2, "B")]) == "a21B"


@pytest.mark.parametrize(
    "edits",
    [
        [edit(0, 2, ""), edit(1, 3, "")],
        [edit(0, 2, "x"), edit(1, 1, "y")],
        [edit(0, 4, "")],
        [edit(2, 1, "")],
        [edit(-1, 1, "")],
    ],
    ids=["overlapping", "inside another", "past the end", "backwards", "before the start"],
)
def test_edits_that_make_no_sense_are_refused(edits: list[TextEdit]) -> None:
    with pytest.raises(ValueError, match=r"overlap|outside"):
        apply("abc", edits)


@st.composite
def edits_of(draw: st.DrawFn, text: str) -> list[TextEdit]:
    """Edits of `text` that do not overlap, in any order."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    edits = [edit(start, end, draw(texts)) for start, end in pairs]
    assume(not overlap(edits))
    return draw(st.permutations(edits))


@given(texts, st.data())
def test_composed_edits_do_what_the_first_and_then_the_second_ones_do(
    text: str, data: st.DataObject
) -> None:
    first = data.draw(edits_of(text))
    between = apply(text, first)
    second = data.draw(edits_of(between))
    composed = compose(text, first, second)
    assert apply(text, composed) == apply(between, second)
    assert list(composed) == sorted(composed, key=lambda one: one.span)
    assert all(minimal(text, one) == one for one in composed)


def test_an_edit_of_what_was_inserted_becomes_one_with_it() -> None:
    text = "import random\nx = random.choice(a)\n"
    first = [edit(13, 13, "\nimport secrets"), edit(18, 24, "secrets")]
    composed = compose(text, first, [edit(0, 14, "")])
    assert composed == (edit(7, 13, "secrets"), edit(18, 24, "secrets"))


@given(texts, texts, st.integers(0, 40), st.integers(0, 40))
def test_a_minimal_edit_has_the_same_result_and_splits_no_crlf(
    text: str, new: str, start: int, end: int
) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    whole = edit(start, end, new)
    smallest = minimal(text, whole)
    assert apply(text, [smallest]) == apply(text, [whole])
    assert whole.span.contains(smallest.span)
    old = text[start:end]
    if old == new:
        assert smallest == edit(start, start, "")
    for offset in (smallest.span.start, smallest.span.end):
        if start < offset < end:
            assert text[offset - 1 : offset + 1] != "\r\n"


def test_minimal_keeps_what_is_common() -> None:
    text = "def f():\n    return md5(x)\n"
    smallest = minimal(text, edit(0, len(text), text.replace("md5", "sha256")))
    assert smallest == edit(text.index("md5"), text.index("md5") + 3, "sha256")


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [
        ([edit(0, 0, "i")], [edit(0, 0, "i"), edit(2, 3, "x")], (edit(0, 0, "i"), edit(2, 3, "x"))),
        ([edit(2, 3, "x")], [edit(0, 1, "y")], (edit(0, 1, "y"), edit(2, 3, "x"))),
        ([edit(0, 2, "x")], [edit(1, 3, "y")], None),
        ([edit(0, 2, "x")], [edit(0, 2, "y")], None),
    ],
    ids=["identical once", "apart", "overlapping", "different at one place"],
)
def test_merge_edits(
    one: list[TextEdit], other: list[TextEdit], merged: tuple[TextEdit, ...] | None
) -> None:
    assert merge_edits(one, other) == merged


@given(st.lists(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=2), max_size=9))
def test_many_are_merged_as_one_after_the_other(fixes: list[list[tuple[int, int]]]) -> None:
    made = [[edit(start, start + length, "x") for start, length in fix] for fix in fixes]
    made = [edits for edits in made if not overlap(edits)]
    merged: tuple[TextEdit, ...] = ()
    taken = []
    for index, edits in enumerate(made):
        if (more := merge_edits(merged, edits)) is not None:
            merged = more
            taken.append(index)
    assert merge_all(made) == (merged, taken)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=5))
def test_overlap_is_that_of_some_pair(places: list[tuple[int, int]]) -> None:
    edits = [edit(start, start + length, "") for start, length in places]
    pairs = [(one, other) for one in range(len(edits)) for other in range(one)]
    expected = any(edits[one].span.overlaps(edits[other].span) for one, other in pairs)
    assert overlap(edits) == expected


# --- Placing a quote


def check_quote(text: str, quote: Quote, expected: str, near: str = "") -> None:
    """`expected` is `text` with the place between « and », or a part of the reason.

    `near` is some text's only occurrence of it; "" for none.
    """
    selection = Span(text.index(near), text.index(near) + len(near)) if near else None
    result = place_quote(text, Lines(text), quote, selection)
    if "«" in expected:
        assert isinstance(result, Span), result
        marked = (text[: result.start], "«", text[result.start : result.end], "»")
        assert "".join([*marked, text[result.end :]]) == expected
    else:
        assert isinstance(result, str)
        assert expected in result
        assert result.endswith(".")


@pytest.mark.parametrize(
    ("text", "quote", "expected"),
    [
        pytest.param("f(x)\ng(x)\n", Quote("g(x)"), "f(x)\n«g(x)»\n", id="exact"),
        pytest.param("f(x)\ng(x)\n", Quote("g(x)", 1), "f(x)\n«g(x)»\n", id="wrong line"),
        pytest.param("if a:\r\n  b\r\n", Quote("a:\n  b"), "if «a:\r\n  b»\r\n", id="LF for CRLF"),
        pytest.param("if a:\n  b\n", Quote("a:\r\n  b"), "if «a:\n  b»\n", id="CRLF for LF"),
        pytest.param("a\r\n\r\nb", Quote("a\n\nb"), "«a\r\n\r\nb»", id="a blank line in CRLF"),
        pytest.param("x\r\nfoo\r\ny", Quote("\nfoo\n"), "x\r\n«foo»\r\ny", id="line ends around"),
        pytest.param("  f(x)  \n", Quote("  f(x)  "), "  «f(x)»  \n", id="spaces are left out"),
        pytest.param("f(x)\n", Quote("\n\n  \nf(x)\n \n"), "«f(x)»\n", id="blank lines around"),
        pytest.param("a\n  f(x)\n", Quote("  12 |   f(x)"), "a\n  «f(x)»\n", id="numbered"),
        pytest.param(
            "a\n\n  b\n", Quote("1 | a\n2 |\n3 |   b"), "«a\n\n  b»\n", id="numbered, a blank line"
        ),
        pytest.param(
            "a\nb\na\nb\n",
            Quote("  3 | a\n  4 | b", 1),
            "a\nb\n«a\nb»\n",
            id="its number is believed",
        ),
        pytest.param("1 | x\n2 | y\n", Quote("2 | y"), "1 | x\n«2 | y»\n", id="no listing, an or"),
        pytest.param("a\nb\n", Quote("1 | a\nb"), "is not in the file", id="numbered in part"),
        pytest.param(
            "if a:\n\tf(x,\n\t  y)\n",
            Quote("f(x,\n    y)"),
            "if a:\n\t«f(x,\n\t  y)»\n",
            id="indented",
        ),
        pytest.param("f(a,  b)", Quote("f(a, b)"), "«f(a,  b)»", id="a run of spaces"),
        pytest.param("f(a,\n  b)", Quote("f(a, b)"), "«f(a,\n  b)»", id="on one line"),
        pytest.param(
            "f(a,  b)\nf(a,  b)", Quote("f(a, b)", 1), "2 places (lines 1, 2)", id="tolerant twice"
        ),
        pytest.param("x\nf\nx\nf", Quote("f", 4), "x\nf\nx\n«f»", id="nearest line"),
        pytest.param("x\nf\nx\nf", Quote("f", 3), "stands at 2 places (lines 2, 4)", id="tie"),
        pytest.param("x\nf\nx\nf", Quote("f"), "stands at 2 places", id="no line believed"),
        pytest.param("f(x, x)", Quote("x", 1), "stands at 2 places", id="twice on its line"),
        pytest.param("a a a a a a", Quote("a"), "(lines 1, 1, 1, 1, 1, …)", id="many"),
        pytest.param(
            "retrieval(x)\neval(x)", Quote("eval(x)"), "retrieval(x)\n«eval(x)»", id="word"
        ),
        pytest.param("users", Quote("user"), "«user»s", id="part of a word if nothing else"),
        pytest.param("aXaXa", Quote("aXa"), "stands at 2 places", id="overlapping places"),
        pytest.param("f(x)", Quote(" \n"), "quote is empty", id="empty"),
        pytest.param("f(x)", Quote("3 |"), "quote is empty", id="empty but for a number"),
        pytest.param("", Quote("f(x)"), "is not in the file", id="empty text"),
        pytest.param("f(x)", Quote("g(\nx)"), "The code `g( …` is not in the file", id="not there"),
        pytest.param("a.b", Quote("a?b"), "is not in the file", id="no pattern"),
    ],
)
def test_place_quote(text: str, quote: Quote, expected: str) -> None:
    check_quote(text, quote, expected)


@pytest.mark.parametrize(
    ("text", "quote", "near", "expected"),
    [
        pytest.param("f;\nf; #2", Quote("f;", 1), "f; #2", "f;\n«f;» #2", id="the one inside"),
        pytest.param("f;\ng;", Quote("f;"), "g;", "«f;»\ng;", id="outside if nowhere else"),
        pytest.param("f\nf f #", Quote("f"), "f f #", "2 places (lines 2, 2)", id="two inside"),
    ],
)
def test_places_in_the_selection_come_first(
    text: str, quote: Quote, near: str, expected: str
) -> None:
    check_quote(text, quote, expected, near)


def bare(code: str) -> str:
    return re.sub(r"\s", "", code)


def without_numbers(code: str) -> str:
    return "\n".join(re.sub(r"^[ \t]*1 \| ?", "", line) for line in re.split(r"[\r\n]", code))


@given(texts, texts, st.none() | st.integers(1, 6))
def test_a_placed_quote_is_the_quote_but_for_whitespace_and_numbers(
    text: str, code: str, line: int | None
) -> None:
    result = place_quote(text, Lines(text), Quote(code, line))
    if isinstance(result, Span):
        found = text[result.start : result.end]
        assert found == found.strip() != ""
        assert bare(found) in (bare(code), bare(without_numbers(code)))


@given(texts, texts, texts, texts, st.booleans())
def test_code_of_the_text_itself_is_always_found(
    before: str, one: str, other: str, after: str, unix: bool
) -> None:
    code = f"{one}x{other}"
    # A quote cut in the middle of a CRLF is not one that anybody makes.
    code = code.removeprefix("\n").removesuffix("\r")
    text = before + code + after
    result = place_quote(text, Lines(text), Quote(re.sub(r"\r\n?", "\n", code) if unix else code))
    if isinstance(result, str):
        assert "places" in result
    else:
        assert bare(text[result.start : result.end]) == bare(code)


# --- Placing an edit


def check_edit(text: str, wanted: SearchReplace, expected: str, near: str = "") -> None:
    """`expected` is the text after the edit, or, ending in a "?", a part of the reason."""
    selection = Span(text.index(near), text.index(near) + len(near)) if near else None
    result = place_edit(text, Lines(text), wanted, selection)
    if expected.endswith("?"):
        assert isinstance(result, str)
        assert expected[:-1] in result
        assert result.endswith(".")
    else:
        assert isinstance(result, TextEdit), result
        assert apply(text, [result]) == expected


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        pytest.param(
            "a = 1\nb = 2\n", SearchReplace("b = 2", "b = 3"), "a = 1\nb = 3\n", id="exact"
        ),
        pytest.param("a\nb\n", SearchReplace("b\n", ""), "a\n", id="deletion"),
        pytest.param("a\nb\nc\n", SearchReplace("a\nb\n", "d"), "d\nc\n", id="forgotten line end"),
        pytest.param(
            "if a:\n  f(x)\n",
            SearchReplace("f(x)", "  g(x)\n  f(x)"),
            "if a:\n  g(x)\n  f(x)\n",
            id="indented in the new text only",
        ),
        pytest.param("a\r\nb\r\n", SearchReplace("a\nb", "a\nc\nb"), "a\r\nc\r\nb\r\n", id="CRLF"),
        pytest.param("a\nb", SearchReplace("a\r\nb", "c\r\nd"), "c\nd", id="CRLF for LF"),
        pytest.param(
            "a\r\nb", SearchReplace("a\n\nb", "c"), "not in the file?", id="CRLF is one line end"
        ),
        pytest.param("a\nb", SearchReplace("b\n", "c\n"), "a\nc", id="a last line end that is not"),
        pytest.param("a\nb", SearchReplace("2 | b", "2 | c"), "a\nc", id="numbered"),
        pytest.param("a\nb", SearchReplace("2 | b", "c"), "a\nc", id="numbered before only"),
        pytest.param("a\na", SearchReplace("a", "b"), "2 places (lines 1, 2)?", id="twice"),
        pytest.param(
            "a\na", SearchReplace("a", "b", line=2), "a\nb", id="the believed line itself"
        ),
        pytest.param("a\na\nx", SearchReplace("a", "b", line=3), "2 places?", id="a line nearby"),
        pytest.param("a\na", SearchReplace("2 | a", "b"), "a\nb", id="its number is the line"),
        pytest.param("a a", SearchReplace("a", "b", line=1), "2 places?", id="twice on that line"),
        pytest.param(
            "f(x)", SearchReplace("g(x)", "h(x)"), "`g(x)` is not in the file?", id="absent"
        ),
        pytest.param(
            "f(x)", SearchReplace(" \n", "h(x)"), "old text of the edit is empty?", id="empty"
        ),
        pytest.param("f(x)", SearchReplace("3 |", "h(x)"), "edit is empty?", id="only a number"),
        pytest.param("", SearchReplace("", "h(x)\n"), "h(x)\n", id="empty in an empty text"),
        pytest.param(" \n", SearchReplace("", "h(x)\n"), "h(x)\n", id="empty in a blank text"),
        pytest.param(
            "if a:\n        f(x)\n        g(x)\n",
            SearchReplace(
                "    f(x)\n    g(x)", "    try:\n        f(x)\n    finally:\n        g(x)"
            ),
            "if a:\n        try:\n            f(x)\n        finally:\n            g(x)\n",
            id="indented less",
        ),
        pytest.param(
            "if a:\n  f(x)\n",
            SearchReplace("        f(x)", "        if x:\n            f(x)\n"),
            "if a:\n  if x:\n      f(x)\n\n",
            id="indented more",
        ),
        pytest.param(
            "if a:\n\tf(x,\n\t\ty)\n",
            SearchReplace("    f(x,\n        y)", "    f(x,\n        z)\n\n    g()"),
            "if a:\n\tf(x,\n\t\tz)\n\n\tg()\n",
            id="spaces for tabs",
        ),
        pytest.param(
            "if a:\n\tf(x,\n\t\ty)\n",
            SearchReplace("    f(x,\n        y)", "    if x:\n            f(x)"),
            "copy the old text exactly?",
            id="an indentation that is not known",
        ),
        pytest.param(
            "f(a,  b)\n", SearchReplace("f(a, b)", "f(a, c)"), "f(a, c)\n", id="a run of spaces"
        ),
    ],
)
def test_place_edit(text: str, wanted: SearchReplace, expected: str) -> None:
    check_edit(text, wanted, expected)


def test_of_equal_old_texts_the_one_at_the_finding_is_meant() -> None:
    check_edit("f(x)\nf(x) # 2\n", SearchReplace("f(x)", "g(x)"), "f(x)\ng(x) # 2\n", "f(x) # 2")


@pytest.mark.parametrize(
    "new",
    [
        "f()\n# ... rest of the code unchanged",
        "f()\n// ... existing code ...",
        "f()\n    # ...",
        "f() { /* ... */ }",
        "f()\n// … same as before",
        "f()\n-- ... other columns",
        "f()\n# rest of the function remains unchanged",
        "f()\n# existing code here",
        "f()  # ... (unchanged)",
        "<p>\n<!-- ... -->",
    ],
)
def test_code_left_out_is_refused(new: str) -> None:
    check_edit("old", SearchReplace("old", new), "leaves code out?")


@pytest.mark.parametrize(
    "new",
    [
        "def f(): ...",
        "f(...args)",
        "# Loading the existing users...",
        "x = '# of users'",
        "// Keep the previous value for the rest of the request.",
        "# unchanged since 1.0 so that clients keep working",
        "i--\n--i",
    ],
)
def test_honest_text_is_not_taken_for_code_left_out(new: str) -> None:
    check_edit("old", SearchReplace("old", new), new)


def test_a_comment_that_was_there_may_stay() -> None:
    check_edit("a\n# ...\n", SearchReplace("a\n# ...", "b\n# ..."), "b\n# ...\n")


@given(texts, texts, texts, st.none() | st.integers(1, 6))
def test_a_placed_edit_replaces_its_old_text_and_nothing_more(
    text: str, old: str, new: str, line: int | None
) -> None:
    assume(text.strip())
    result = place_edit(text, Lines(text), SearchReplace(old, new, line=line))
    if isinstance(result, TextEdit):
        replaced = text[result.span.start : result.span.end]
        assert bare(replaced) in (bare(old), bare(without_numbers(old)))
        ending = Lines(text).line_ending
        assert not re.search(r"\r\n?|\n", result.new_text.replace(ending, ""))
