"""The server's copy of a text is the editor's, whatever is typed, in all three encodings."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session.editor import Editor, with_capability

URI = "file:///work/app.py"
ENCODINGS = ("utf-8", "utf-16", "utf-32")
PIECES = (
    "md5(", "maybe(", "x", " ", "\n", "\r\n", "\r", "\f", "\v", "\x1c", "\x85", "\u2028",
    "é", "日本", "😀", "👩‍👩‍👧", "\u0301", "\ufeff", "\t", "# comment",
)  # fmt: skip


async def started(encoding: str) -> Editor:
    editor = Editor()
    await editor.start(with_capability("general.positionEncodings", [encoding]))
    assert editor.encoding == encoding
    return editor


def check_the_server_agrees(editor: Editor) -> None:
    """Its text is the editor's, and what it has found stands where it says."""
    opened = editor.session.find(URI)
    assert opened
    assert opened.document.text == opened.lines.text == editor.texts[URI]
    assert opened.document.version == editor.versions[URI]
    for tracked in opened.findings.values():
        assert tracked.text == opened.document.text
        for finding in tracked.findings:
            span = finding.span
            assert opened.document.text[span.start : span.end] == finding.code


texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, list[list[tuple[float, float, str]]]]:
    """A text, and notifications of changes, their places as shares of the text's length."""
    share = st.floats(0, 1)
    change = st.tuples(share, share, texts)
    return draw(texts), draw(st.lists(st.lists(change, min_size=1, max_size=3), max_size=6))


def between_characters(text: str, offset: int) -> int:
    """An offset that a position can say: none lies inside a line end."""
    return offset - 1 if text[offset - 1 : offset + 1] == "\r\n" else offset


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(deadline=None, max_examples=25)
@given(case=edits())
async def test_typing(
    encoding: str, case: tuple[str, list[list[tuple[float, float, str]]]]
) -> None:
    text, notifications = case
    editor = await started(encoding)
    editor.open(URI, text)
    for number, notification in enumerate(notifications):
        changes = []
        for one, other, new in notification:
            length = len(text)
            start, end = sorted(
                between_characters(text, round(share * length)) for share in (one, other)
            )
            changes.append((start, end, new))
            text = text[:start] + new + text[end:]
        editor.replace(URI, *changes)
        assert editor.texts[URI] == text
        check_the_server_agrees(editor)
        if number % 2:
            await editor.settled()
            check_the_server_agrees(editor)
    await editor.settled()
    check_the_server_agrees(editor)
    # What the editor marks is what the local engine finds in the editor's own text.
    expected = [editor.position(text, one.start()) for one in re.finditer(r"\bmd5\(", text)]
    assert [one["range"]["start"] for one in editor.diagnostics(URI)] == expected
    assert set(editor.marked(URI)) <= {"md5("}
    await editor.request("shutdown", None)
    await editor.settled()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        pytest.param("", (0, 0), (0, 0), "NEW", id="empty text"),
        pytest.param("", (7, 7), (9, 9), "NEW", id="past the end of an empty text"),
        pytest.param("a", (0, 99), (0, 99), "aNEW", id="past the end of a line"),
        pytest.param("a\r\nb", (0, 99), (1, 0), "aNEWb", id="past the end of a CRLF line"),
        pytest.param("a\nb", (9, 0), (9, 0), "a\nbNEW", id="past the last line"),
        pytest.param("a\n", (1, 5), (1, 5), "a\nNEW", id="past an empty last line"),
        pytest.param("a\fb\u2028c\nd", (1, 0), (1, 1), "a\fb\u2028c\nNEW", id="no line ends"),
        pytest.param("a\rb", (1, 0), (1, 0), "a\rNEWb", id="lone CR"),
        pytest.param("ab", (0, 1), (0, 0), "NEWb", id="a range that is the wrong way round"),
    ],
)
async def test_positions_at_the_edges(
    encoding: str,
    text: str,
    start: tuple[int, int],
    end: tuple[int, int],
    expected: str,
) -> None:
    editor = await started(encoding)
    editor.open(URI, text)
    places = [{"line": line, "character": character} for line, character in (start, end)]
    event = {"range": {"start": places[0], "end": places[1]}, "text": "NEW"}
    params = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [event]}
    editor.notify("textDocument/didChange", params)
    opened = editor.session.find(URI)
    assert opened
    assert opened.document.text == expected
    await editor.settled()


@pytest.mark.parametrize(
    ("encoding", "character"), [("utf-8", 4), ("utf-8", 3), ("utf-16", 2), ("utf-32", 1)]
)
async def test_a_position_inside_a_character_is_its_start(encoding: str, character: int) -> None:
    editor = await started(encoding)
    editor.open(URI, "a😀b")
    place = {"line": 0, "character": character}
    event = {"range": {"start": place, "end": place}, "text": "|"}
    params = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [event]}
    editor.notify("textDocument/didChange", params)
    opened = editor.session.find(URI)
    assert opened
    assert opened.document.text == "a|😀b"
    await editor.settled()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["utf-8", "utf-16"], "utf-8"),
        (["utf-32", "utf-8", "utf-16"], "utf-32"),
        (["utf-7", "utf-16"], "utf-16"),
        (["utf-7"], "utf-16"),
        ([], "utf-16"),
        (None, "utf-16"),
    ],
)
async def test_the_encoding_is_the_first_that_we_know(
    connect: Callable[..., Editor], offered: list[str] | None, chosen: str
) -> None:
    editor = connect()
    result = await editor.start(with_capability("general.positionEncodings", offered))
    assert result["capabilities"]["positionEncoding"] == chosen


async def test_the_whole_text_may_be_sent(editor: Editor) -> None:
    editor.open(URI, "md5(1)")
    editor.texts[URI] = "\n\nmd5(2)"
    params = {
        "textDocument": {"uri": URI, "version": 2},
        "contentChanges": [{"text": "md5(3)"}, {"text": editor.texts[URI]}],
    }
    editor.notify("textDocument/didChange", params)
    await editor.settled()
    assert editor.marked(URI) == ["md5("]


@pytest.mark.parametrize(
    ("opened_as", "changed_as"),
    [
        ("file:///c%3A/work/a.py", "file:///c:/work/a.py"),
        ("file:///work/a%20b.py", "file:///work/a b.py"),
    ],
)
async def test_a_uri_may_be_escaped_in_two_ways(
    editor: Editor, opened_as: str, changed_as: str
) -> None:
    editor.open(opened_as, "x = 1\n")
    editor.texts[changed_as], editor.versions[changed_as] = "x = 1\n", 1
    editor.edit(changed_as, "1", "md5(1)")
    await editor.settled()
    # It is published under the spelling that the client opened it with.
    assert len(editor.diagnostics(opened_as)) == 1
    assert editor.published(changed_as) == []


@pytest.mark.parametrize("method", ["didClose", "didSave"])
async def test_a_document_that_is_not_open_is_nobody_s(editor: Editor, method: str) -> None:
    identifier = {"uri": URI, "version": 1}
    editor.notify(f"textDocument/{method}", {"textDocument": identifier})
    await editor.settled()
    assert editor.published(URI) == []
    assert editor.messages() == []


async def test_a_document_that_is_no_file(editor: Editor) -> None:
    editor.open("untitled:Untitled-1", "md5(1)")
    await editor.settled()
    assert editor.marked("untitled:Untitled-1") == ["md5("]


async def test_half_a_surrogate_pair(editor: Editor) -> None:
    editor.open(URI, "x = '\ud83d' + md5(1)\n")
    editor.edit(URI, "x", "yy")
    await editor.settled()
    assert editor.marked(URI) == ["md5("]
