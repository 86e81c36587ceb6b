"""What a session holds: of documents that are closed nothing, of an open one its latest text."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from session.editor import Editor, finding

MARK = "marked_"
NOT_ITS_OWN = ("reviewers", "connection", "environment", "_make_reviewers", "_building")
"""The engines, which a test scripts and which note what they are asked; the client."""


def texts_held(editor: Editor) -> set[str]:
    """The texts with the mark that the session's own state leads to."""
    own = [value for name, value in vars(editor.session).items() if name not in NOT_ITS_OWN]
    return {one for one in _reached(own) if isinstance(one, str) and MARK in one}


def _reached(begin: list[Any]) -> Iterator[Any]:
    own = {id(part) for part in (begin, *gc.get_referrers(begin))}
    waiting, seen = [*begin], own
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType | Editor):
            continue
        seen.add(id(one))
        yield one
        waiting += [part for part in gc.get_referents(one) if type(part).__name__ != "Session"]


async def edit(editor: Editor, uri: str) -> None:
    """Opens a document, types into it, and has it reviewed; moves through what a menu asks."""
    editor.open(uri, f"{MARK}a = 1\neval({MARK}b)\n")
    await editor.settled()
    await editor.review(uri)
    call = await editor.agent.called()
    call.say(finding(f"eval({MARK}b)"))
    for number in range(5):
        editor.edit(uri, "= 1", f"= 1  # {number}")
    call.end()
    await editor.settled()
    await editor.actions(uri, "eval")


async def test_of_closed_documents_nothing_is_held(with_agent: Editor) -> None:
    for number in range(3):
        uri = f"file:///work/{MARK}{number}.py"
        await edit(with_agent, uri)
        assert texts_held(with_agent)
        with_agent.close_file(uri)
        await with_agent.settled()
    gc.collect()
    assert texts_held(with_agent) == set()


async def test_of_an_open_document_its_earlier_texts_are_not_held(with_agent: Editor) -> None:
    uri = "file:///work/app.py"
    await edit(with_agent, uri)
    for number in range(20):
        with_agent.edit(uri, "= 1", f"= 1  # later {number}\n{MARK}c = 1")
        await with_agent.settled()
    gc.collect()
    latest = with_agent.texts[uri]
    whole = {text for text in texts_held(with_agent) if text.startswith(f"{MARK}a = 1")}
    assert {text for text in whole if text.count("\n") > 1} <= {latest}


async def test_documents_share_what_is_the_same_for_them(editor: Editor) -> None:
    uris = [f"file:///work/{number}.py" for number in range(2)]
    for uri in uris:
        editor.open(uri, "x = 1\n")
        await editor.settled()
    one, other = (editor.session.documents[uri].context for uri in uris)
    assert one is not None
    assert other is not None
    for mine, its in (
        (one.tasks, other.tasks),
        (one.changes, other.changes),
        ([listing.definition for listing in one.agents], [one.definition for one in other.agents]),
    ):
        assert mine
        assert [*map(id, mine)] == [*map(id, its)]


async def test_a_file_that_was_never_saved_leaves_nothing_in_its_project(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    editor = connect(agent=True)
    await editor.start(folder=tmp_path)
    uri = (tmp_path / f"{MARK}new.py").as_uri()
    await edit(editor, uri)
    editor.close_file(uri)
    await editor.settled()
    gc.collect()
    assert texts_held(editor) == set()
