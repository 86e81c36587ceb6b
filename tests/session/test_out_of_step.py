"""A change that cannot be understood: nothing is said or offered of a text that nobody knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from session.editor import Editor, ReplyError, finding
from session.test_actions import ASKS_LATE
from session.test_changes import (
    APP,
    BOUNDED,
    EXPLAINED,
    PAGED,
    STORE,
    Desk,
    answer,
    desk,
    project,
    sit_down,
)

__all__ = ["desk", "project"]  # Fixtures.

URI = "file:///work/app.py"
TEXT = "md5(1)\neval(a)\n"
PLACE = {"line": 0, "character": 0}
RANGE = {"start": PLACE, "end": PLACE}
SENTENCE = (
    "A change of /work/app.py could not be understood, so nothing is said or offered of the file: "
    "close it and open it again."
)


def change(*events: object, uri: object = URI, version: object = 2) -> dict[str, Any]:
    return {"textDocument": {"uri": uri, "version": version}, "contentChanges": [*events]}


MALFORMED = {
    "no text": change({"range": RANGE}),
    "a text that is null": change({"range": RANGE, "text": None}),
    "a text that is a number": change({"range": RANGE, "text": 5}),
    "a text that is a list": change({"text": ["x"]}),
    "a whole text that is null": change({"text": None}),
    "a range that is null": change({"range": None, "text": "x"}),
    "a range that is a number": change({"range": 5, "text": "x"}),
    "half a range": change({"range": {"start": PLACE}, "text": "x"}),
    "a line that is a text": change(
        {"range": {"start": {"line": "0", "character": 0}, "end": PLACE}, "text": "x"}
    ),
    "half a line": change(
        {"range": {"start": {"line": 0.5, "character": 0}, "end": PLACE}, "text": "x"}
    ),
    "a line before the first": change(
        {"range": {"start": {"line": -1, "character": 0}, "end": PLACE}, "text": "x"}
    ),
    "a second change that is none": change({"range": RANGE, "text": "x"}, 5),
    "changes that are an object": {**change(), "contentChanges": {}},
    "no changes": {"textDocument": {"uri": URI, "version": 2}},
    "a version that is null": change({"text": "x"}, version=None),
    "a version that is a text": change({"text": "x"}, version="2"),
    "half a version": change({"text": "x"}, version=1.5),
    "no version": {"textDocument": {"uri": URI}, "contentChanges": [{"text": "x"}]},
    "no document": {"contentChanges": [{"text": "x"}]},
    "a document that is a number": change({"text": "x"}, uri=5),
    "null": None,
}


async def opened(editor: Editor) -> None:
    editor.open(URI, TEXT)
    await editor.settled()
    assert editor.marked(URI) == ["md5("]


async def check_nothing_is_said(editor: Editor) -> None:
    await editor.settled()
    assert editor.published(URI)[-1]["diagnostics"] == []
    assert await editor.actions(URI, "md5(") == []
    place = {"textDocument": {"uri": URI}, "position": PLACE}
    assert await editor.request("textDocument/hover", place) is None
    assert await editor.command("findings", uri=URI) == []
    for command in ("review", "change"):
        said = await editor.command(command, uri=URI, task="security")
        assert said == {"started": False, "reason": SENTENCE}
    assert editor.messages() == [SENTENCE]


@pytest.mark.parametrize("params", MALFORMED.values(), ids=MALFORMED)
async def test_what_was_said_is_withdrawn_until_the_file_is_opened_again(
    editor: Editor, params: object
) -> None:
    await opened(editor)
    editor.notify("textDocument/didChange", params)
    await check_nothing_is_said(editor)
    # What builds on the change that was lost is of no use, and told no second time.
    editor.notify("textDocument/didChange", change({"range": RANGE, "text": "md5(2)\n"}))
    editor.notify("textDocument/didChange", params)
    await check_nothing_is_said(editor)
    editor.close_file(URI)
    await opened(editor)


async def test_the_whole_text_brings_it_back(editor: Editor) -> None:
    await opened(editor)
    editor.notify("textDocument/didChange", MALFORMED["no text"])
    await check_nothing_is_said(editor)
    editor.texts[URI], editor.versions[URI] = "x = 1\nmd5(22)\n", 3
    events = [{"range": RANGE, "text": "lost"}, {"text": "md5(22)\n"}]
    params = change(*events, {"range": RANGE, "text": "x = 1\n"}, version=3)
    editor.notify("textDocument/didChange", params)
    await editor.settled()
    assert editor.marked(URI) == ["md5("]
    assert (await editor.actions(URI, "md5("))[0]["title"] == "Use sha256"


async def test_what_the_agent_found_comes_back_with_the_text(with_agent: Editor) -> None:
    editor = with_agent
    await opened(editor)
    await editor.review(URI)
    call = await editor.agent.called()
    call.say(finding("eval(a)"))
    call.end()
    await editor.settled()
    assert editor.marked(URI) == ["md5(", "eval(a)"]
    editor.notify("textDocument/didChange", MALFORMED["no text"])
    await editor.settled()
    assert editor.published(URI)[-1]["diagnostics"] == []
    editor.notify("textDocument/didChange", change({"text": TEXT}))
    await editor.settled()
    assert editor.marked(URI) == ["md5(", "eval(a)"]


async def test_a_review_that_goes_on_ends(with_agent: Editor) -> None:
    editor = with_agent
    await opened(editor)
    await editor.review(URI)
    call = await editor.agent.called()
    editor.notify("textDocument/didChange", MALFORMED["no text"])
    await editor.settled()
    assert call.closed
    assert editor.published(URI)[-1]["diagnostics"] == []


async def test_a_second_opening_without_a_text(editor: Editor) -> None:
    await opened(editor)
    item = {"uri": URI, "languageId": "python", "version": 2, "text": None}
    editor.notify("textDocument/didOpen", {"textDocument": item})
    await check_nothing_is_said(editor)


@pytest.mark.parametrize("is_first", [True, False], ids=["as JSON", "as UTF-8"])
async def test_a_change_that_cannot_be_read(editor: Editor, is_first: bool) -> None:
    await opened(editor)
    other = "file:///work/other.py"
    editor.open(other, "md5(3)")
    await editor.settled()
    data = json.dumps(
        {"jsonrpc": "2.0", "method": "textDocument/didChange", "params": change({"text": "caf_"})}
    ).encode()
    broken = data[:-1] if is_first else data.replace(b"_", b"\xe9")
    with pytest.raises(ValueError, match=r"codec|delimiter") as caught:
        json.loads(broken)
    editor.server.refuse_unread(caught.value, None)
    await check_nothing_is_said(editor)
    assert editor.marked(other) == ["md5("]


async def test_whole_numbers_that_are_written_as_fractions(editor: Editor) -> None:
    await opened(editor)
    place = {"line": 0.0, "character": 4.0}
    event = {"range": {"start": place, "end": {"line": 0.0, "character": 5.0}}, "text": "22"}
    editor.notify("textDocument/didChange", change(event, version=2.0))
    await editor.settled()
    document = editor.session.documents[URI].document
    assert (document.text, document.version) == (TEXT.replace("1", "22"), 2)
    assert editor.messages() == []


async def test_a_change_of_what_was_never_opened(editor: Editor) -> None:
    for params in (change({"text": "md5("}), MALFORMED["no text"]):
        editor.notify("textDocument/didChange", params)
    await editor.settled()
    assert editor.published(URI) == []
    assert editor.messages() == [
        "/work/app.py was changed but is not open here, so nothing is said of it: close it and "
        "open it again."
    ]


@pytest.mark.parametrize("of", ["a finding", "an offered change"])
async def test_an_edit_is_not_given_out_when_it_is_picked(
    connect: Callable[..., Editor], project: Path, of: str
) -> None:
    desk = await sit_down(connect, project, ASKS_LATE)
    if of == "a finding":
        uri, code, title = URI, "md5(", "Use sha256"
        await opened(desk.editor)
    else:
        uri, code, title = desk.uri(), "def list_orders", "Take"
        await desk.offered(EXPLAINED, PAGED)
    [action] = [
        one for one in await desk.editor.actions(uri, code) if one["title"].startswith(title)
    ]
    assert "edit" in await desk.editor.request("codeAction/resolve", action)
    desk.editor.notify("textDocument/didChange", change({"range": RANGE}, uri=uri))
    with pytest.raises(ReplyError, match="Nothing was applied"):
        await desk.editor.request("codeAction/resolve", action)


async def test_an_offered_change_is_withdrawn(desk: Desk) -> None:
    await desk.offered(EXPLAINED, PAGED)
    desk.editor.notify("textDocument/didChange", change({"range": RANGE}, uri=desk.uri()))
    await desk.editor.settled()
    assert desk.editor.diagnostics(desk.uri()) == []
    assert await desk.titles() == []
    assert (await desk.proposal())["state"] == "touched"
    desk.editor.notify("textDocument/didChange", change({"text": APP}, uri=desk.uri()))
    desk.editor.versions[desk.uri()] = 2
    await desk.pick("Take: Add pagination")
    assert desk.text("app.py") == APP.replace(PAGED.old, PAGED.new)


async def test_no_change_is_made_for_another_file_that_is_out_of_step(
    desk: Desk, tmp_path: Path
) -> None:
    desk.editor.open(desk.uri("store.py"), STORE)
    call = await desk.ask()
    desk.editor.notify("textDocument/didChange", change({"range": RANGE}, uri=desk.uri("store.py")))
    answer(call, EXPLAINED, BOUNDED)
    answer(await desk.editor.agent.called(), EXPLAINED, BOUNDED)
    proposal = await desk.proposal()
    assert proposal["state"] == "refused"
    assert not [title for title in await desk.titles() if title.startswith("Take")]
