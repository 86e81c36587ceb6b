"""Changes from a task to their files: offered, taken, narrowed, refined, undone, in each order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend_developer.core.changes import (
    ChangePiece,
    Dependency,
    ManualStep,
    NewFile,
    Paragraph,
)
from backend_developer.core.model import SearchReplace, Usage
from backend_developer.engines.base import Thread, ThreadAnswer
from backend_developer.engines.redact import NO_REDACTIONS
from session.editor import PUSH, Call, Editor, with_capability

TASK = """\
---
name: paginate
title: Add pagination
kind: change
contains: def list_
group: API
---
Add pagination.
"""
APP = """\
from store import rows


def list_orders():
    return rows("orders")


def one(key):
    return rows("orders")[key]
"""
STORE = """\
def rows(table):
    return [table]
"""
PAGES = "def page(rows, first, size):\n    return rows[first : first + size]\n"
EXPLAINED = Paragraph("Lists are cut into pages.")
IMPORTED = SearchReplace(
    "from store import rows\n", "from pages import page\nfrom store import rows\n", "app.py"
)
PAGED = SearchReplace(
    'def list_orders():\n    return rows("orders")',
    'def list_orders(first=0, size=50):\n    return page(rows("orders"), first, size)',
    "app.py",
)
BOUNDED = SearchReplace("    return [table]\n", "    return [table][:1000]\n", "store.py")
NEW = NewFile("pages.py", PAGES)
THREE_FILES = (EXPLAINED, IMPORTED, PAGED, BOUNDED, NEW)
PAGED_APP = APP.replace(IMPORTED.old, IMPORTED.new).replace(PAGED.old, PAGED.new)

CAPABLE = with_capability("workspace.workspaceEdit.resourceOperations", ["create", "delete"])
THREAD = ThreadAnswer(Thread(("", "test-model"), (), NO_REDACTIONS, ()))


@dataclass
class Desk:
    """An editor with a project of two files, one of them open."""

    editor: Editor
    folder: Path

    def uri(self, name: str = "app.py") -> str:
        return (self.folder / name).as_uri()

    def text(self, name: str) -> str:
        """What a person sees: the buffer where there is one."""
        uri = self.uri(name)
        return self.editor.texts[uri] if uri in self.editor.texts else self.on_disk(name)

    def on_disk(self, name: str) -> str:
        return (self.folder / name).read_bytes().decode()

    async def ask(self, code: str = "def list_orders", **arguments: Any) -> Call:
        """Asks for the task at the code, and gives the agent's call."""
        place = self.editor.range(self.uri(), code)
        answer = await self.editor.command(
            "change", uri=self.uri(), range=place, task="paginate", **arguments
        )
        assert answer["started"], answer
        return await self.editor.agent.called()

    async def offered(self, *pieces: ChangePiece) -> dict[str, Any]:
        """The proposal that comes of such an answer."""
        answer(await self.ask(), *pieces)
        return await self.proposal()

    async def proposal(self) -> dict[str, Any]:
        """The newest proposal, when nothing goes on any more."""
        await self.editor.settled()
        proposals = await self.editor.command("proposals")
        found: dict[str, Any] = proposals[0]
        return found

    async def pick(self, title: str, code: str = "def list_orders", name: str = "app.py") -> None:
        """Picks the code action that begins so."""
        action = await self.editor.action(self.uri(name), code, title)
        if "edit" in action:
            self.editor.apply(action["edit"])
        else:
            [arguments] = action["command"]["arguments"]
            command = action["command"]["command"].removeprefix("backend-developer.")
            await self.editor.command(command, **arguments)
        if not title.startswith(("Make", "Try", "Ask")):
            await self.editor.settled()

    async def titles(self, code: str = "def list_orders", name: str = "app.py") -> list[str]:
        actions = await self.editor.actions(self.uri(name), code, only=["quickfix"])
        return [action["title"] for action in actions]


def answer(call: Call, *pieces: ChangePiece) -> None:
    call.say(*pieces, Usage("test-model", 1000, output_tokens=100), THREAD)
    call.end()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, {"app.py": APP, "store.py": STORE})
    task = tmp_path / ".claude/backend-developer/tasks/paginate.md"
    task.parent.mkdir(parents=True)
    task.write_text(TASK)
    return tmp_path


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())


@pytest.fixture
async def desk(connect: Callable[..., Editor], project: Path) -> Desk:
    return await sit_down(connect, project)


async def sit_down(
    connect: Callable[..., Editor], project: Path, capabilities: dict[str, Any] = CAPABLE
) -> Desk:
    editor = connect(agent=True)
    await editor.start(capabilities, project)
    desk = Desk(editor, project)
    editor.open(desk.uri(), APP)
    await editor.settled()
    return desk


async def test_a_change_of_three_files_is_offered_taken_and_undone(desk: Desk) -> None:
    proposal = await desk.offered(*THREE_FILES)
    assert proposal["state"] == "offered"
    assert [(one["path"], one["isNew"]) for one in proposal["files"]] == [
        ("app.py", False),
        ("pages.py", True),
        ("store.py", False),
    ]
    [marker] = desk.editor.diagnostics(desk.uri())
    assert marker["code"] == "proposal"
    assert marker["message"].startswith("Add pagination: 3 files, +6 −3.")
    assert desk.text("app.py") == APP, "nothing is changed before somebody picks it"
    await desk.pick("Take: Add pagination (3 files, +6 −3)")
    assert desk.text("app.py") == PAGED_APP
    assert desk.text("pages.py") == PAGES
    assert desk.text("store.py") == STORE.replace(BOUNDED.old, BOUNDED.new)
    assert (await desk.proposal())["state"] == "taken"
    assert desk.editor.diagnostics(desk.uri()) == []
    await desk.pick("Undo: Add pagination")
    assert (desk.text("app.py"), desk.text("store.py")) == (APP, STORE)
    [again] = desk.editor.diagnostics(desk.uri())
    assert again["range"] == marker["range"]
    assert not (desk.folder / "pages.py").exists()
    assert (await desk.proposal())["state"] == "offered", "what was undone can be taken again"


# --- What is typed meanwhile


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        pytest.param("def one(key)", "def only_one(key)", "offered", id="elsewhere"),
        pytest.param('rows("orders")\n\n', 'rows("sold")\n\n', "touched", id="where it changes"),
    ],
)
@pytest.mark.parametrize("when", ["while the agent writes", "while it is offered"])
async def test_typing(desk: Desk, when: str, old: str, new: str, state: str) -> None:
    call = await desk.ask()
    if when == "while the agent writes":
        desk.editor.edit(desk.uri(), old, new)
        answer(call, *THREE_FILES)
    else:
        answer(call, *THREE_FILES)
        await desk.proposal()
        desk.editor.edit(desk.uri(), old, new)
    typed = APP.replace(old, new, 1)
    assert desk.text("app.py") == typed
    if state == "touched" and when == "while the agent writes":
        # Its old text is not found any more, which the agent is told, once.
        again = await desk.editor.agent.called()
        assert "is not in the file" in again.request.problems[0]
        answer(again, *THREE_FILES)
        proposal = await desk.proposal()
        assert proposal["state"] == "refused"
        assert proposal["reasons"][0].startswith("The file was edited while the agent wrote")
        assert proposal["reasons"][1].startswith("app.py: The code `def list_orders")
    else:
        assert (await desk.proposal())["state"] == state
    if state == "offered":
        await desk.pick("Take: Add pagination")
        assert desk.text("app.py") == PAGED_APP.replace(old, new, 1)
        return
    assert not [title for title in await desk.titles() if title.startswith("Take")]
    if when == "while it is offered":
        desk.editor.edit(desk.uri(), new, old)
        assert (await desk.proposal())["state"] == "offered", "what was put back fits again"


async def test_a_file_that_changes_on_disk_withdraws_the_offer(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    write(desk.folder, {"store.py": "def rows(table):\n    return [table][:5]\n"})
    assert not [title for title in await desk.titles() if title.startswith("Take")]
    event = {"uri": desk.uri("store.py"), "type": 2}
    desk.editor.notify("workspace/didChangeWatchedFiles", {"changes": [event]})
    proposal = await desk.proposal()
    assert proposal["state"] == "touched"
    assert "Ask again, for the files as they are now: Add pagination" in await desk.titles()


async def test_a_file_that_somebody_makes_meanwhile_is_not_written_over(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    write(desk.folder, {"pages.py": "mine = 1\n"})
    assert not [title for title in await desk.titles() if title.startswith("Take")]
    desk.editor.notify(
        "workspace/didChangeWatchedFiles",
        {"changes": [{"uri": desk.uri("pages.py"), "type": 1}]},
    )
    assert (await desk.proposal())["state"] == "touched"


@pytest.mark.parametrize("content", [b"\xff\0", None], ids=["no text", "a folder"])
async def test_what_is_no_text_is_not_taken_for_an_empty_file(
    desk: Desk, content: bytes | None
) -> None:
    await desk.offered(*THREE_FILES)
    made = desk.folder / "pages.py"
    made.write_bytes(content) if content else made.mkdir()
    event = {"uri": desk.uri("pages.py"), "type": 1}
    desk.editor.notify("workspace/didChangeWatchedFiles", {"changes": [event]})
    assert (await desk.proposal())["state"] == "touched"


async def test_a_file_that_is_opened_again_under_another_spelling(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    desk.editor.close_file(desk.uri())
    text = APP.replace("rows\n\n", "rows\n\n# One.\n# Two.\n", 1)
    desk.editor.open(desk.uri().replace("app.py", "%61pp.py"), text)
    proposal = await desk.proposal()
    assert (proposal["line"], proposal["state"]) == (5, "offered")


@pytest.mark.parametrize("scheme", ["file:", "file://", "file://localhost"])
async def test_a_buffer_stands_for_its_file_however_its_uri_begins(desk: Desk, scheme: str) -> None:
    desk.editor.open(f"{scheme}{desk.folder / 'store.py'}", STORE.replace(BOUNDED.old, "pass\n"))
    call = await desk.ask()
    answer(call, *THREE_FILES)
    again = await desk.editor.agent.called()
    assert again.request.problems[0].startswith("store.py: ")
    assert "is not in the file" in again.request.problems[0]
    answer(again, PAGED)
    await desk.proposal()


async def test_a_document_that_is_no_file_is_taken_and_undone(
    connect: Callable[..., Editor],
) -> None:
    editor = connect(agent=True)
    await editor.start(CAPABLE)
    uri = "untitled:Untitled-1"
    editor.open(uri, APP)
    await editor.settled()
    place = editor.range(uri, "def list_orders")
    await editor.command("change", uri=uri, range=place, task="ask", instruction="Bound it.")
    new = 'def list_orders():\n    return rows("orders")[:50]\n'
    answer(await editor.agent.called(), SearchReplace(PAGED.old + "\n", new, uri))
    await editor.settled()
    for title, text in (("Take", APP.replace(PAGED.old + "\n", new)), ("Undo", APP)):
        action = await editor.action(uri, "def list_orders", title)
        editor.apply(action["edit"])
        assert editor.texts[uri] == text


async def test_a_document_that_is_no_file_is_closed_and_opened_again(
    connect: Callable[..., Editor], caplog: pytest.LogCaptureFixture
) -> None:
    editor = connect(agent=True)
    await editor.start(CAPABLE)
    uris = ["untitled:Untitled-1", "untitled:Untitled-2"]
    new = 'def list_orders():\n    return rows("orders")[:50]\n'
    for uri in uris:
        editor.open(uri, APP)
        await editor.settled()
        place = editor.range(uri, "def list_orders")
        await editor.command("change", uri=uri, range=place, task="ask", instruction="Bound it.")
        answer(await editor.agent.called(), SearchReplace(PAGED.old + "\n", new, uri))
        await editor.settled()
    editor.close_file(uris[0])
    await editor.settled()
    assert not caplog.records
    assert await editor.action(uris[1], "def list_orders", "Take")
    editor.open(uris[0], APP)
    await editor.settled()
    assert await editor.action(uris[0], "def list_orders", "Take")


# --- Parts of it


async def test_one_file_of_it(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    await desk.pick("Only store.py of it")
    await desk.pick("Take: part of Add pagination (1 file, +1 −1)")
    assert (desk.text("app.py"), desk.text("store.py")) == (
        APP,
        "def rows(table):\n    return [table][:1000]\n",
    )
    # The rest of it can still be taken.
    await desk.pick("Take: Add pagination (2 files, +5 −2)")
    assert desk.text("app.py") == PAGED_APP


async def test_one_place_of_a_file(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    title = "Only its change at lines 4 to 5"
    await desk.pick(title)
    await desk.pick("Take: part of Add pagination (1 file, +2 −2)")
    assert desk.text("app.py") == APP.replace(PAGED.old, PAGED.new)
    await desk.pick("Take: Add pagination")
    assert desk.text("app.py") == PAGED_APP


async def test_a_part_that_does_not_work_by_itself_is_not_offered(desk: Desk) -> None:
    broken = NewFile("pages.py", "broken = 1\n")
    answer(await desk.ask(), EXPLAINED, BOUNDED, NewFile("a.py", "x = 1\n"))
    await desk.proposal()
    assert broken.text  # The scripted checker refuses what says that it is broken.
    await desk.pick("Only a.py of it")
    assert "Take: part of Add pagination (1 file, +1 −0)" in await desk.titles()


# --- Had otherwise


async def test_a_wish_goes_on_with_the_conversation(desk: Desk) -> None:
    first = await desk.offered(*THREE_FILES)
    await desk.pick("Make it shorter")
    call = await desk.editor.agent.called()
    assert call.request.thread == THREAD.thread
    assert call.request.follow_up.startswith("Make it shorter")
    assert call.request.changed_files == ()
    answer(call, EXPLAINED, BOUNDED)
    second = await desk.proposal()
    assert [one["path"] for one in second["files"]] == ["store.py"]
    assert second["id"] != first["id"]
    assert len(await desk.editor.command("proposals")) == 1, "it stands in the first one's place"


async def test_another_model_is_told_what_was_typed_meanwhile(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    desk.editor.edit(desk.uri(), "def one(key)", "def only_one(key)")
    await desk.pick("Try again with opus")
    call = await desk.editor.agent.called()
    assert call.request.settings.model == "opus"
    [(path, text)] = call.request.changed_files
    assert (path, text) == ("app.py", APP.replace("def one(key)", "def only_one(key)"))
    answer(call, *THREE_FILES)
    assert (await desk.proposal())["state"] == "offered"


async def test_who_asks_again_is_told_what_changed_on_disk(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    bounded = STORE.replace("[table]", "[table][:5]")
    write(desk.folder, {"store.py": bounded})
    event = {"uri": desk.uri("store.py"), "type": 2}
    desk.editor.notify("workspace/didChangeWatchedFiles", {"changes": [event]})
    await desk.proposal()
    await desk.pick("Ask again")
    call = await desk.editor.agent.called()
    assert call.request.changed_files == (("store.py", bounded),)
    call.end()


async def test_what_is_wrong_goes_back_to_the_agent_once(desk: Desk) -> None:
    stale = SearchReplace("def rows(table, limit)", "def rows(table)", "store.py")
    answer(await desk.ask(), EXPLAINED, stale, NewFile("app.py", "x = 1\n"))
    again = await desk.editor.agent.called()
    assert again.request.problems == (
        "app.py: It exists already: change it by edits, and leave the rest of it alone.",
        "store.py: The code `def rows(table, limit)` is not in the file: quote it exactly as it "
        "stands there.",
    )
    answer(again, *THREE_FILES)
    assert (await desk.proposal())["state"] == "offered"
    assert len(desk.editor.agent.calls) == 2


async def test_a_refused_change_says_why_and_changes_nothing(desk: Desk) -> None:
    broken = NewFile("pages.py", "broken = 1\n")
    answer(await desk.ask(), EXPLAINED, broken)
    answer(await desk.editor.agent.called(), EXPLAINED, broken)
    proposal = await desk.proposal()
    assert (proposal["state"], proposal["files"]) == ("refused", [])
    [marker] = desk.editor.diagnostics(desk.uri())
    assert marker["message"] == (
        "Add pagination: not offered. pages.py: It does not parse. [agent:test-model]"
    )
    assert EXPLAINED.text in await desk.editor.hover(desk.uri(), "def list_orders")
    titles = await desk.titles()
    assert "Ask again, for the files as they are now: Add pagination" in titles
    assert not [title for title in titles if title.startswith(("Take", "Only"))]


async def test_a_file_goes_by_one_name(desk: Desk) -> None:
    path = str(desk.folder / "store.py")
    documented = SearchReplace("def rows(table):\n", 'def rows(table):\n    """Rows."""\n', path)
    proposal = await desk.offered(BOUNDED, documented)
    assert [(one["path"], one["hunks"]) for one in proposal["files"]] == [("store.py", 2)]
    await desk.pick("Take: ")
    assert desk.text("store.py") == STORE.replace(BOUNDED.old, BOUNDED.new).replace(
        documented.old, documented.new
    )


async def test_no_file_is_the_folder_of_another(desk: Desk) -> None:
    answer(await desk.ask(), NewFile("pages", PAGES), NewFile("pages/one.py", PAGES))
    again = await desk.editor.agent.called()
    assert again.request.problems == ("pages: It cannot be a file and the folder of pages/one.py.",)
    answer(again, *THREE_FILES)
    assert (await desk.proposal())["state"] == "offered"


# --- Yes and no


async def test_a_new_dependency_needs_a_yes_of_its_own(desk: Desk) -> None:
    needed = Dependency("slowapi", ">=0.1.9", "limits requests")
    step = ManualStep("command", "Run `pip install slowapi`.")
    proposal = await desk.offered(EXPLAINED, BOUNDED, needed, step)
    assert proposal["state"] == "waiting for yes"
    [marker] = desk.editor.diagnostics(desk.uri())
    assert "It needs slowapi, which must be allowed first." in marker["message"]
    assert not [title for title in await desk.titles() if title.startswith("Take")]
    await desk.pick("Allow the new dependency slowapi >=0.1.9: limits requests")
    await desk.pick("Take: Add pagination (1 file, +1 −1; then 1 step by hand)")
    assert desk.text("store.py") == STORE.replace(BOUNDED.old, BOUNDED.new)


async def test_discarded(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    await desk.pick("Discard: Add pagination")
    assert desk.editor.diagnostics(desk.uri()) == []
    assert await desk.editor.command("proposals") == []
    assert await desk.titles() == []


async def test_discarded_while_a_part_of_it_is_checked(desk: Desk) -> None:
    whole = await desk.offered(*THREE_FILES)
    await desk.editor.command("narrow", id=whole["id"], files=["store.py"])
    await desk.editor.command("discard", id=whole["id"])
    await desk.editor.settled()
    assert await desk.editor.command("proposals") == []
    assert desk.editor.diagnostics(desk.uri()) == []


async def test_of_those_that_were_taken_the_newest_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend_developer.live_offers.MOST_TAKEN", 1)
    taken = []
    for name in ("one", "two", "three"):
        path = str(desk.folder / "store.py")
        offered = await desk.offered(
            SearchReplace("def rows(table):\n", f"{name} = 1\n\n\ndef rows(table):\n", path)
        )
        await desk.pick("Take: ")
        taken.append(offered["id"])
    left = [one["id"] for one in await desk.editor.command("proposals")]
    assert left == [taken[2], taken[1]]


async def test_cancelled(desk: Desk) -> None:
    call = await desk.ask()
    call.say(EXPLAINED, BOUNDED)
    await desk.editor.command("cancel")
    await desk.editor.settled()
    assert call.closed
    assert await desk.editor.command("proposals") == []
    assert desk.editor.progress()[-1]["message"] == "Cancelled; nothing was changed."


async def test_half_an_answer_is_not_offered(desk: Desk) -> None:
    call = await desk.ask()
    call.say(EXPLAINED, BOUNDED)
    call.fail("The connection to 127.0.0.1 was cut: half of it is not offered.")
    await desk.editor.settled()
    assert await desk.editor.command("proposals") == []
    assert "half of it is not offered" in desk.editor.messages()[-1]


# --- Clients that can do less


async def test_a_client_that_makes_no_files_is_offered_the_rest(
    connect: Callable[..., Editor], project: Path
) -> None:
    desk = await sit_down(connect, project, PUSH)
    proposal = await desk.offered(*THREE_FILES)
    assert proposal["state"] == "offered"
    [marker] = desk.editor.diagnostics(desk.uri())
    assert "This editor cannot make files" in marker["message"]
    assert not [title for title in await desk.titles() if title.startswith("Take")]
    await desk.pick("Only store.py of it")
    await desk.pick("Take: part of Add pagination")
    assert desk.text("store.py") == STORE.replace(BOUNDED.old, BOUNDED.new)


async def test_a_client_that_asks_for_the_edit_when_it_is_picked(
    connect: Callable[..., Editor], project: Path
) -> None:
    capabilities = with_capability(
        "textDocument.codeAction.resolveSupport",
        {"properties": ["edit"]},
        with_capability("textDocument.codeAction.dataSupport", True, CAPABLE),
    )
    del capabilities["workspace"]["workspaceEdit"]["documentChanges"]
    desk = await sit_down(connect, project, capabilities)
    await desk.offered(*THREE_FILES)
    action = await desk.editor.action(desk.uri(), "def list_orders", "Take")
    assert "edit" not in action
    picked = await desk.editor.request("codeAction/resolve", action)
    desk.editor.edit(desk.uri(), 'rows("orders")\n\n', 'rows("sold")\n\n')
    with pytest.raises(Exception, match="Nothing was applied, because a file was changed"):
        await desk.editor.request("codeAction/resolve", action)
    desk.editor.edit(desk.uri(), 'rows("sold")\n\n', 'rows("orders")\n\n')
    desk.editor.apply(picked["edit"])
    assert desk.text("app.py") == PAGED_APP
    assert desk.text("pages.py") == PAGES


# --- A client that has buttons for it

BUTTONS = with_capability(
    "experimental.backendDeveloper", {"asks": True, "proposals": True}, CAPABLE
)


async def test_a_client_that_shows_proposals_is_told_of_each_in_place_of_a_message(
    connect: Callable[..., Editor], project: Path
) -> None:
    def told() -> dict[str, Any]:
        *_, last = (
            params
            for method, params in desk.editor.notifications
            if method == "backend-developer/proposal"
        )
        return dict(last)

    desk = await sit_down(connect, project, BUTTONS)
    step = ManualStep("command", "Run `pip install slowapi`.")
    first = await desk.offered(*THREE_FILES, step)
    assert told() == {
        "id": first["id"],
        "uri": desk.uri(),
        "title": "Add pagination",
        "state": "offered",
        "message": "Add pagination: 3 files, +6 −3. By hand: Run `pip install slowapi`.",
        "insteadOf": "",
    }
    await desk.pick("Make it shorter")
    answer(
        await desk.editor.agent.called(), EXPLAINED, Dependency("slowapi", "", "limits"), BOUNDED
    )
    second = await desk.proposal()
    assert (told()["id"], told()["insteadOf"]) == (second["id"], first["id"])
    assert told()["state"] == "waiting for yes"
    await desk.pick("Make it shorter")
    stale = SearchReplace("def rows(limit)", "def rows(table)", "store.py")
    answer(await desk.editor.agent.called(), EXPLAINED, stale)
    answer(await desk.editor.agent.called(), EXPLAINED, stale)
    await desk.proposal()
    assert told()["state"] == "refused"
    assert told()["message"].startswith("Add pagination: not offered. store.py: The code")
    assert desk.editor.messages() == []


async def test_the_places_that_a_file_is_changed_at(desk: Desk) -> None:
    removal = SearchReplace('def one(key):\n    return rows("orders")[key]\n', "", "app.py")
    proposal = await desk.offered(*THREE_FILES[:-2], removal, NEW)
    assert [(one["path"], one["places"]) for one in proposal["files"]] == [
        (
            "app.py",
            [
                {"first": 0, "last": 0, "text": "from pages import page"},
                {"first": 3, "last": 4, "text": "def list_orders(first=0, size=50):"},
                {"first": 7, "last": 8, "text": "def one(key):"},
            ],
        ),
        ("pages.py", [{"first": 0, "last": 0, "text": "def page(rows, first, size):"}]),
    ]


async def test_the_page_of_a_proposal_loads_nothing(desk: Desk) -> None:
    hostile = Paragraph("**Why**: `a[0]`\n\n![](https://example.org/x) <img src=x>")
    proposal = await desk.offered(hostile, BOUNDED, ManualStep("other", "See [this](x)."))
    assert proposal["page"] == (
        "# Add pagination \\[agent:test-model\\]\n\n"
        "**Why**: <code>a&#91;0&#93;</code>\n\n"
        "!&#91;&#93;(https://example.org/x) &#60;img src=x>\n\n"
        "## 1 file, +1 −1\n\n- store.py: +1 −1, waiting\n\n"
        "## By hand\n\n- See \\[this\\](x)."
    )


async def test_a_client_hears_of_what_it_applied(desk: Desk) -> None:
    first = await desk.offered(*THREE_FILES)
    uris = [desk.uri(name) for name in ("app.py", "pages.py", "store.py")]
    for title, edit in (("Take", "take"), ("Undo", "undo")):
        action = await desk.editor.action(desk.uri(), "def list_orders", title)
        picked = await desk.editor.request("codeAction/resolve", action)
        for one in (action, picked):
            assert one["command"]["command"] == "backend-developer.applied"
            assert one["command"]["arguments"] == [{"id": first["id"], "edit": edit, "uris": uris}]
        desk.editor.apply(picked["edit"])
        await desk.editor.settled()
    assert desk.text("app.py") == APP


# --- An editor that shows the server files of some languages alone

NEEDED = SearchReplace("flask\n", "flask\nslowapi\n", "requirements.txt")


async def pick_unseen(desk: Desk, title: str, seen: str) -> None:
    """Picks an action as an editor does that shows the server `seen` alone, and saves nothing."""
    action = await desk.editor.action(desk.uri(), "def list_orders", title)
    changes = [
        one
        for one in action["edit"]["documentChanges"]
        if one.get("textDocument", {}).get("uri") == desk.uri(seen)
    ]
    desk.editor.apply({"documentChanges": changes})
    [arguments] = action["command"]["arguments"]
    await desk.editor.command("applied", **arguments)
    await desk.editor.settled()


def save(desk: Desk, name: str, text: str) -> None:
    write(desk.folder, {name: text})
    event = {"uri": desk.uri(name), "type": 2}
    desk.editor.notify("workspace/didChangeWatchedFiles", {"changes": [event]})


@pytest.mark.parametrize("title", ["Take", "Only requirements.txt"])
async def test_what_waits_unsaved_where_nobody_sees_it_is_not_given_twice(
    desk: Desk, title: str
) -> None:
    write(desk.folder, {"requirements.txt": NEEDED.old})
    await desk.offered(EXPLAINED, IMPORTED, PAGED, NEEDED, NEW)
    is_part = title != "Take"
    if is_part:
        await desk.pick(title)
    await pick_unseen(desk, "Take: part" if is_part else title, "app.py")
    proposals = await desk.editor.command("proposals")
    states = {one["path"]: one["state"] for file in proposals for one in file["files"]}
    assert states["requirements.txt"] == "given"
    taking = [title for title in await desk.titles() if "requirements" in title or "Take" in title]
    assert [one for one in taking if not one.startswith("Undo")] == (
        ["Take: Add pagination (2 files, +5 −2)"] if is_part else []
    )
    save(desk, "requirements.txt", NEEDED.new)
    if not is_part:
        save(desk, "pages.py", PAGES)
        assert (await desk.proposal())["state"] == "taken"
        assert [one for one in await desk.titles() if one.startswith("Undo")]


async def test_what_was_undone_where_nobody_sees_it_is_not_taken_by_half(desk: Desk) -> None:
    write(desk.folder, {"requirements.txt": NEEDED.old})
    told = SearchReplace("def one(key):\n", 'def one(key):\n    """One order."""\n', "app.py")
    await desk.offered(EXPLAINED, told, NEEDED)
    await pick_unseen(desk, "Take", "app.py")
    save(desk, "requirements.txt", NEEDED.new)
    await desk.editor.settled()
    await pick_unseen(desk, "Undo", "app.py")
    assert not [title for title in await desk.titles() if title.startswith("Take")]
    save(desk, "requirements.txt", NEEDED.old)
    await desk.editor.settled()
    assert [title for title in await desk.titles() if title.startswith("Take")]


async def test_a_new_file_that_was_never_saved_is_taken_away_too(desk: Desk) -> None:
    await desk.offered(*THREE_FILES)
    await desk.pick("Take: ")
    action = await desk.editor.action(desk.uri(), "def list_orders", "Undo")
    [deleted] = [one for one in action["edit"]["documentChanges"] if one.get("kind") == "delete"]
    assert deleted["options"] == {"ignoreIfNotExists": True}


async def test_what_is_added_at_the_end_stands_before_the_last_line_end(desk: Desk) -> None:
    added = SearchReplace(STORE, f"{STORE}\n\nLIMIT = 9\n", "store.py")
    await desk.offered(EXPLAINED, added)
    action = await desk.editor.action(desk.uri(), "def list_orders", "Take")
    [change] = action["edit"]["documentChanges"]
    end = {"line": 1, "character": len("    return [table]")}
    assert change["edits"] == [{"range": {"start": end, "end": end}, "newText": "\n\n\nLIMIT = 9"}]
    desk.editor.apply(action["edit"])
    assert desk.text("store.py") == added.new


async def test_many_places_of_a_long_file_are_offered_at_once(desk: Desk) -> None:
    numbers = range(600)
    text = APP + "".join(f"\n\ndef number_{one}():\n    return {one}\n" for one in numbers)
    desk.editor.replace(desk.uri(), (0, len(APP), text))
    edits = [
        SearchReplace(f"    return {one}\n", f"    return {one} + 1\n", "app.py")
        for one in numbers[::4]
    ]
    await desk.offered(*edits)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        titles = await desk.titles(text)
        seconds.append(time.process_time() - start)
    assert titles[0] == "Take: Add pagination (1 file, +150 −150)"
    assert len([title for title in titles if title.startswith("Only its change")]) == 150
    assert min(seconds) < 0.1


# --- Where it is offered


async def test_a_task_is_offered_where_it_fits(desk: Desk) -> None:
    async def titles(code: str) -> Iterator[str]:
        kinds = ["refactor.backend-developer.change"]
        return (one["title"] for one in await desk.editor.actions(desk.uri(), code, only=kinds))

    whole = PAGED.old
    assert [title for title in await titles(whole) if title.startswith("Add pagination (agent: ")]
    assert not [title for title in await titles("def one(key):") if "Add pagination" in title]
    action = await desk.editor.action(desk.uri(), whole, "Add pagination")
    assert action["data"] == {"group": "API"}, "menus list it under that word"


async def test_without_a_model_no_task_is_offered(
    connect: Callable[..., Editor], project: Path
) -> None:
    editor = connect()
    await editor.start(CAPABLE, project)
    desk = Desk(editor, project)
    editor.open(desk.uri(), APP)
    await editor.settled()
    actions = await editor.actions(desk.uri(), APP, only=["refactor.backend-developer.change"])
    assert actions == []
    place = editor.range(desk.uri(), "def list_orders")
    await editor.command("change", uri=desk.uri(), range=place, task="paginate")
    await editor.settled()
    assert "This needs a model" in editor.messages()[-1]


async def test_a_wish_is_asked_for_by_who_can(
    connect: Callable[..., Editor], project: Path
) -> None:
    task = project / ".claude/backend-developer/tasks/wish.md"
    task.write_text("---\nname: wish\ntitle: Wish…\nkind: change\nasks: What?\n---\nDo it.")
    desk = await sit_down(connect, project)
    action = await desk.editor.action(desk.uri(), "def list_orders", "Wish…")
    [arguments] = action["command"]["arguments"]
    assert arguments["asks"] == "What?"
    await desk.editor.command("change", **arguments, instruction="Use a cursor.")
    call = await desk.editor.agent.called()
    assert call.request.instruction == "Use a cursor."
    call.end()
    await desk.editor.command("change", **arguments)
    call = await desk.editor.agent.called()
    assert call.request.instruction == "Do what the comments in the selected code ask for."
    call.end()
    await desk.editor.settled()


async def test_a_message_links_to_nothing(desk: Desk) -> None:
    call = await desk.ask()
    call.fail("See [here](command:workbench.action.terminal.new).")
    await desk.editor.settled()
    assert desk.editor.messages()[-1] == "See [here] (command:workbench.action.terminal.new)."
