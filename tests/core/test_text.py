"""Positions and changes, against a model that walks the text character by character."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.core.model import Span
from backend_developer.core.text import (
    Change,
    Encoding,
    Lines,
    apply_changes,
    change_from_range,
    shortened,
    size_in_bytes,
    trim,
    visible,
)

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
PIECES = ["\n", "\r", "\r\n", "a", "b", "é", "€", "😀", "\f", "\v", "\u2028", "\x85", "\ud83d"]
texts = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)
encodings = st.sampled_from(ENCODINGS)
# A position may lie outside the text, in either direction of its line.
positions = st.tuples(st.integers(0, 12), st.integers(0, 12))


def width(character: str, encoding: Encoding) -> int:
    code = ord(character)
    if encoding == "utf-32":
        return 1
    if encoding == "utf-16":
        return 2 if code > 0xFFFF else 1
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def split(text: str) -> list[tuple[int, int]]:
    """The model: (start, end) of each line, end without its line end."""
    lines, start, index = [], 0, 0
    while index < len(text):
        step = 2 if text.startswith("\r\n", index) else 1 if text[index] in "\r\n" else 0
        if step:
            lines.append((start, index))
            start = index + step
        index += step or 1
    return [*lines, (start, len(text))]


def slow_offset(text: str, line: int, character: int, encoding: Encoding) -> int:
    lines = split(text)
    if line >= len(lines):
        return len(text)
    start, end = lines[line]
    seen = 0
    for index in range(start, end):
        seen += width(text[index], encoding)
        if seen > character:
            return index
    return end


def slow_position(text: str, offset: int, encoding: Encoding) -> tuple[int, int]:
    lines = split(text)
    line = max(number for number, (start, _) in enumerate(lines) if start <= offset)
    start, end = lines[line]
    return line, sum(width(character, encoding) for character in text[start : min(offset, end)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [""], id="empty"),
        pytest.param("a", ["a"], id="no final newline"),
        pytest.param("a\n", ["a", ""], id="final newline"),
        pytest.param("a\r\nb\rc\nd", ["a", "b", "c", "d"], id="every line end"),
        pytest.param("\r\r\n\n", ["", "", "", ""], id="CR, CRLF and LF in a row"),
        pytest.param("a\fb\vc\u2028d\x85e", ["a\fb\vc\u2028d\x85e"], id="not line ends"),
    ],
)
def test_lines(text: str, expected: list[str]) -> None:
    lines = Lines(text)
    assert [lines.line(number) for number in range(lines.count)] == expected


@pytest.mark.parametrize(
    ("text", "position", "encoding", "offset"),
    [
        pytest.param("", (0, 0), "utf-16", 0, id="empty text"),
        pytest.param("", (3, 9), "utf-8", 0, id="far past an empty text"),
        pytest.param("ab\r\ncd", (0, 3), "utf-16", 2, id="between CR and LF is the line's end"),
        pytest.param("ab\ncd", (0, 99), "utf-32", 2, id="past the line's end"),
        pytest.param("ab\ncd", (1, 99), "utf-16", 5, id="past the end of an unterminated line"),
        pytest.param("ab\ncd", (2, 0), "utf-8", 5, id="past the last line"),
        pytest.param("ab\ncd", (-1, 4), "utf-8", 0, id="negative line"),
        pytest.param("ab\ncd", (1, -4), "utf-8", 3, id="negative character"),
        pytest.param("😀x", (0, 1), "utf-16", 0, id="inside a surrogate pair"),
        pytest.param("😀x", (0, 2), "utf-16", 1, id="after a surrogate pair"),
        pytest.param("é€😀x", (0, 4), "utf-8", 1, id="inside a UTF-8 sequence"),
        pytest.param("é€😀x", (0, 9), "utf-8", 3, id="after three UTF-8 sequences"),
        pytest.param("\ud83dx", (0, 1), "utf-16", 1, id="half a pair is one unit"),
    ],
)
def test_offset(text: str, position: tuple[int, int], encoding: Encoding, offset: int) -> None:
    assert Lines(text).offset(*position, encoding) == offset


@given(texts, st.integers(0, 40), encodings)
def test_positions_are_those_of_the_model_and_lead_back(
    text: str, offset: int, encoding: Encoding
) -> None:
    lines = Lines(text)
    offset = min(offset, len(text))
    position = lines.position(offset, encoding)
    assert position == slow_position(text, offset, encoding)
    back = lines.offset(*position, encoding)
    between = text[max(offset - 1, 0) : offset + 1] == "\r\n" and offset > 0
    assert back == (offset - 1 if between else offset)


@given(texts, positions, encodings)
def test_offsets_are_those_of_the_model(
    text: str, position: tuple[int, int], encoding: Encoding
) -> None:
    assert Lines(text).offset(*position, encoding) == slow_offset(text, *position, encoding)


@given(texts)
def test_lines_are_those_of_the_model(text: str) -> None:
    lines = Lines(text)
    assert [(lines.start(line), lines.end(line)) for line in range(lines.count)] == split(text)
    assert len(lines.normalised) == lines.count


@given(texts, st.lists(st.tuples(positions, positions, texts), max_size=5), encodings)
def test_edits_typed_in_a_client_give_the_clients_text(
    text: str,
    edits: list[tuple[tuple[int, int], tuple[int, int], str]],
    encoding: Encoding,
) -> None:
    typed = text
    changes = []
    for start, end, new in edits:
        before = typed
        low, high = sorted(
            (slow_offset(before, *start, encoding), slow_offset(before, *end, encoding))
        )
        typed = before[:low] + new + before[high:]
        changes.append(change_from_range(Lines(before), start, end, new, encoding))
    assert apply_changes(text, changes) == typed


@given(texts, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9), texts), max_size=4))
def test_lines_after_changes_are_those_of_the_text(
    text: str, changes: list[tuple[int, int, str]]
) -> None:
    lines = Lines(text)
    for wanted, length, new in changes:
        start = min(wanted, len(lines.text))
        lines = lines.after(Change(Span(start, min(start + length, len(lines.text))), new))
        found = [(lines.start(line), lines.end(line)) for line in range(lines.count)]
        assert found == split(lines.text)


def test_each_change_is_relative_to_the_text_after_the_one_before() -> None:
    changes = [Change(Span(0, 1), "xyz"), Change(Span(2, 4), "")]
    assert apply_changes("abc", changes) == "xyc"


@pytest.mark.parametrize("span", [Span(0, 4), Span(2, 1), Span(-1, 2)], ids=str)
def test_a_change_outside_the_text_is_refused(span: Span) -> None:
    with pytest.raises(ValueError, match="outside a text of 3"):
        apply_changes("abc", [Change(span, "")])


@pytest.mark.parametrize(
    ("span", "lines"),
    [
        pytest.param(Span(1, 2), (0, 0), id="in a line"),
        pytest.param(Span(1, 6), (0, 1), id="across lines"),
        pytest.param(Span(0, 4), (0, 0), id="a line with its end is that line"),
        pytest.param(Span(4, 4), (1, 1), id="empty"),
    ],
)
def test_first_and_last_line(span: Span, lines: tuple[int, int]) -> None:
    assert Lines("ab\r\ncd\nef").first_and_last(span) == lines


def test_full_lines_have_no_line_end() -> None:
    lines = Lines("ab\r\ncd\nef")
    assert lines.full(Span(1, 6)) == Span(0, 6)
    assert lines.full(Span(3, 4)) == Span(0, 2)


@pytest.mark.parametrize(
    ("text", "line_ending"),
    [("", "\n"), ("a\nb\r\nc\r\n", "\r\n"), ("a\nb\r\n", "\n"), ("a\rb\rc\n", "\r")],
    ids=["none", "mostly CRLF", "a tie", "mostly CR"],
)
def test_line_ending(text: str, line_ending: str) -> None:
    assert Lines(text).line_ending == line_ending


@pytest.mark.parametrize(
    ("text", "change", "smallest"),
    [
        ("abc", Change(Span(0, 3), "axc"), Change(Span(1, 2), "x")),
        ("abc", Change(Span(0, 3), "abc"), Change(Span(0, 0), "")),
        ("aaa", Change(Span(0, 3), "aa"), Change(Span(2, 3), "")),
        ("a\r\nb", Change(Span(0, 4), "a\nb"), Change(Span(1, 3), "\n")),
        ("a\r\nb", Change(Span(0, 4), "a\rb"), Change(Span(1, 3), "\r")),
        ("a\nb", Change(Span(0, 3), "a\r\nb"), Change(Span(1, 2), "\r\n")),
    ],
    ids=["middle", "nothing", "repeated", "CRLF to LF", "CRLF to CR", "LF to CRLF"],
)
def test_trim(text: str, change: Change, smallest: Change) -> None:
    assert trim(text, change) == smallest


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("plain `code`, naïve 😀", "plain `code`, naïve 😀"),
        ("two\r\nlines\rand\ttab", "two\nlines\nand\ttab"),
        ("a\u202eb\u200bc\ufeff", r"a\u202eb\u200bc\ufeff"),
        ("\x1b[31m\x00\x7f", r"\x1b[31m\x00\x7f"),
        ("no\xa0break", "no break"),
        ("half \ud83d", r"half \ud83d"),
        ("tag \U000e0041", r"tag \U000e0041"),
    ],
    ids=["plain", "line ends", "bidi and zero width", "control", "space", "surrogate", "tag"],
)
def test_visible(message: str, shown: str) -> None:
    assert visible(message) == shown


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_position_in_a_line_of_megabytes_costs_no_more_than_a_look_at_it(
    encoding: Encoding,
) -> None:
    text = "😀a" * 500_000
    lines = Lines(text)
    lines.offset(0, 1, encoding)
    look = min(seconds(lambda: text.encode(encoding)) for _ in range(5))
    found = min(seconds(lambda: lines.offset(0, 700_000, encoding)) for _ in range(5))
    assert found < 4 * look


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("abc\n", 4), ("é", 2), ("€", 3), ("😀", 4), ("a\ud83d", 2)]
)
def test_size_in_bytes(text: str, size: int) -> None:
    assert size_in_bytes(text) == size


def test_shortened() -> None:
    assert shortened("12345", 5) == "12345"
    assert shortened("123 456", 5) == "123…"
