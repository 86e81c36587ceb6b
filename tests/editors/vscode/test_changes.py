"""VS Code with changes of several files: told of, shown, taken whole and in part, had otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from editors.support import agree, loopback_model
from editors.vscode.workbench import CHOICES, CodeServer, Workbench, wait_until
from loopback_model import KEY, LoopbackModel, Reply

TOAST = ".notification-toast"
LISTED = ".notifications-center .notification-list-item"
BUTTON = f"{TOAST} .monaco-button"
DIFFS = ".multiDiffEditor"
TITLE_ACTION = ".editor-actions .action-label"

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
FREE_TASK = """\
---
name: ask
title: Ask backend-developer…
kind: change
group: Anything
asks: What should be done?
---
Do what the person asks for.
"""
EXPLAINING_TASK = """\
---
name: explain
title: Explain this
kind: explain
group: Explain and test
---
Explain the code.
"""
APP = """\
from fastapi import FastAPI

from store import rows

app = FastAPI()


@app.get("/orders")
def list_orders() -> list[str]:
    return rows("orders")


@app.get("/orders/{key}")
def read_order(key: int) -> str:
    return rows("orders")[key]
"""
STORE = """\
def rows(table: str) -> list[str]:
    return [table]
"""
PAGES = """\
def page(rows: list[str], first: int, size: int) -> list[str]:
    return rows[first : first + size]
"""
HANDLER = 9
"""The line of `list_orders`."""

Edit = tuple[str, str, str]
IMPORTED: Edit = (
    "app.py",
    "from store import rows\n",
    "from pages import page\nfrom store import rows\n",
)
PAGED: Edit = (
    "app.py",
    'def list_orders() -> list[str]:\n    return rows("orders")',
    "def list_orders(first: int = 0, size: int = 50) -> list[str]:\n"
    '    return page(rows("orders"), first, size)',
)
BOUNDED: Edit = ("store.py", "    return [table]\n", "    return [table][:1000]\n")
NAMED: Edit = ("app.py", "app = FastAPI()\n", 'app = FastAPI(title="Shop")\n')
EXPLAINED = "**Lists are cut into pages** by `first` and `size`, of which there are 50 by default."


def change(*edits: Edit, new: Mapping[str, str] = {}, **others: Any) -> str:
    """A model's answer to a task that changes something."""
    members = {
        "explanation": [EXPLAINED],
        "edits": [{"file": file, "old": old, "new": new, "line": 1} for file, old, new in edits],
        "files": [{"path": path, "content": content} for path, content in new.items()],
        "dependencies": [],
        "steps": [],
    }
    return json.dumps(members | others)


THREE_FILES = change(IMPORTED, PAGED, BOUNDED, new={"pages.py": PAGES})


def after(text: str, *edits: Edit) -> str:
    for _, old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


PAGED_APP = after(APP, IMPORTED, PAGED)
BOUNDED_STORE = after(STORE, BOUNDED)


@pytest.fixture(scope="module")
def model() -> Iterator[LoopbackModel]:
    with loopback_model() as model:
        yield model


@pytest.fixture(scope="module")
def shared_window(
    start_server: Callable[..., CodeServer],
    new_window: Callable[[CodeServer], Workbench],
    model: LoopbackModel,
) -> Workbench:
    # A key that is told to a window is gone when it has to be opened again.
    server = start_server(
        {"backendDeveloper.baseUrl": model.url}, variables={"ANTHROPIC_API_KEY": KEY}
    )
    window = new_window(server)
    for name, task in (("paginate", TASK), ("ask", FREE_TASK), ("explain", EXPLAINING_TASK)):
        window.write(f".claude/backend-developer/tasks/{name}.md", task)
    window.open()
    agree(server.folder / "state", window.workspace, model)
    return window


@pytest.fixture
def app(window: Workbench) -> Iterator[Path]:
    """`app.py`, open with the cursor in its handler, beside `store.py`; nothing else is there."""
    (window.workspace / "pages.py").unlink(missing_ok=True)
    window.write("store.py", STORE)
    file = window.write("app.py", APP)
    window.name_file(file)
    window.press("Enter")
    window.see(".tab.active", file.name)
    window.status("· claude-")
    window.go_to(HANDLER)
    yield file
    # The next test begins without proposals, and without what shows them.
    window.command("Backend Developer: Restart Server")
    window.not_see(DIFFS)


def ask(window: Workbench, model: LoopbackModel, *answers: str) -> None:
    """Asks for the task by the lightbulb; it is answered so."""
    model.script(*(Reply(answer) for answer in answers))
    window.take_action("Add pagination (agent: ")


def see_buttons(window: Workbench, *titles: str) -> None:
    """Waits until these alone are there; a progress report, with its own, goes last."""
    wait_until(str(titles), lambda: window.texts(BUTTON) == [*titles])


def press_title(window: Workbench, action: str) -> None:
    window.click(f"{TITLE_ACTION}[aria-label^='{action}']")


def on_disk(window: Workbench) -> dict[str, str]:
    names = ("app.py", "pages.py", "store.py")
    files = [window.workspace / name for name in names]
    return {file.name: file.read_text(encoding="utf-8") for file in files if file.exists()}


BEFORE = {"app.py": APP, "store.py": STORE}
AFTER = {"app.py": PAGED_APP, "pages.py": PAGES, "store.py": BOUNDED_STORE}


def test_a_change_of_three_files_is_shown_taken_and_undone(
    window: Workbench, model: LoopbackModel, app: Path
) -> None:
    ask(window, model, THREE_FILES)
    window.see(TOAST, "Add pagination: 3 files, +6 −3.")
    see_buttons(window, "Take", "Preview", "Refine…", "Discard")
    window.click(BUTTON, "Preview")
    for name, line in (("app.py", "page(rows("), ("pages.py", "def page"), ("store.py", "[:1000]")):
        window.see(f"{DIFFS} .file-path", name)
        window.see(f"{DIFFS} .view-line", line)
    assert on_disk(window) == BEFORE
    press_title(window, "Take Proposal")
    window.not_see(DIFFS)
    wait_until("all are changed", lambda: on_disk(window) == AFTER)
    window.see(".tab.active", "app.py")
    window.see(".view-line", "page(rows(")
    window.press("Control+z")
    wait_until("all are as before", lambda: on_disk(window) == BEFORE)


def test_it_is_taken_from_the_message_with_one_click(
    window: Workbench, model: LoopbackModel, app: Path
) -> None:
    steps = [{"kind": "command", "text": "Run the tests."}]
    ask(window, model, change(NAMED, BOUNDED, steps=steps))
    window.see(TOAST, "Add pagination: 2 files, +2 −2. By hand: Run the tests.")
    window.click(BUTTON, "Take")
    window.see(TOAST, "Add pagination is taken. Now by hand: Run the tests.")
    both = {"app.py": after(APP, NAMED), "store.py": BOUNDED_STORE}
    wait_until("both are changed", lambda: on_disk(window) == both)
    window.press("Control+z")
    wait_until("all are as before", lambda: on_disk(window) == BEFORE)


def test_some_of_its_changes_are_picked(window: Workbench, model: LoopbackModel, app: Path) -> None:
    ask(window, model, THREE_FILES)
    window.see(TOAST, "3 files")
    window.go_to(HANDLER - 1)
    window.take_action("Preview: Add pagination")
    window.see(DIFFS, "store.py")
    press_title(window, "Pick Files…")
    window.see(CHOICES, "return [table][:1000]")
    assert [row.split("\n")[0] for row in window.texts(f"{CHOICES} .label-name")] == [
        "app.py: line 3",
        "app.py: lines 9–10",
        "pages.py: new, 2 lines",
        "store.py: line 2",
    ]
    for label in ("app.py: line 3", "app.py: lines 9–10", "pages.py: new, 2 lines"):
        window.click(CHOICES, label)
    window.press("Enter")
    window.see(TOAST, "Add pagination: 1 file, +1 −1.")

    window.click(BUTTON, "Take")
    window.command("File: Save All")
    wait_until("it is changed", lambda: on_disk(window) == BEFORE | {"store.py": BOUNDED_STORE})


def test_a_wish_goes_on_with_the_conversation(
    window: Workbench, model: LoopbackModel, app: Path
) -> None:
    ask(window, model, THREE_FILES)
    window.see(TOAST, "3 files")
    before = len(model.requests)
    window.click(BUTTON, "Refine…")
    window.see(".quick-input-title", "How should it be otherwise?")
    window.press("Escape")
    window.not_see(".quick-input-widget")
    assert len(model.requests) == before, "nothing is sent where nothing was written"
    window.command("Backend Developer: Show Proposals")
    window.choose("Add pagination")
    window.see(DIFFS, "store.py")
    model.script(Reply(change(BOUNDED)))
    press_title(window, "Refine…")
    window.answer("Only bound the store.")
    window.see(TOAST, "Add pagination: 1 file, +1 −1.")
    window.not_see(DIFFS)
    window.see(".modified-in-monaco-diff-editor .view-line", "[:1000]")

    messages = model.requests[-1].body["messages"]
    assert "Only bound the store." in str(messages[-1])
    assert [one["role"] for one in messages] == ["user", "assistant", "user"]
    assert "Lists are cut into pages" in str(messages[1])
    press_title(window, "Discard Proposal")
    window.not_see(".monaco-diff-editor")
    window.command("Backend Developer: Show Proposals")
    window.see(TOAST, "There are no proposals")


TYPED_APP = APP.replace('rows("orders")', 'rows("archived_orders")', 1)


def type_where_it_changes(window: Workbench) -> None:
    window.go_to(10, 18)
    window.type("archived_")


def test_what_is_typed_where_it_changes_stays(
    window: Workbench, model: LoopbackModel, app: Path
) -> None:
    model.script(Reply(THREE_FILES, delay=0.2), Reply(THREE_FILES))
    window.take_action("Add pagination (agent: ")
    window.see(TOAST, "Add pagination")
    type_where_it_changes(window)
    window.see(TOAST, "Add pagination: not offered. The file was edited while the agent wrote")
    see_buttons(window, "Ask Again", "Read", "Discard")
    window.command("File: Save All")
    wait_until("it is saved", lambda: on_disk(window) == BEFORE | {"app.py": TYPED_APP})
    model.script(Reply(change(BOUNDED)))
    window.click(BUTTON, "Ask Again")
    window.see(TOAST, "Add pagination: 1 file, +1 −1.")
    assert "archived_orders" in str(model.requests[-1].body["messages"][-1])


def test_what_is_typed_meanwhile_withdraws_it(
    window: Workbench, model: LoopbackModel, app: Path
) -> None:
    ask(window, model, THREE_FILES)
    window.see(TOAST, "3 files")
    type_where_it_changes(window)
    window.click(BUTTON, "Take")
    window.see(TOAST, "app.py was edited where it would change: ask again.")
    window.command("File: Save All")
    wait_until("it is saved", lambda: on_disk(window) == BEFORE | {"app.py": TYPED_APP})


def test_a_new_dependency_needs_a_yes(window: Workbench, model: LoopbackModel, app: Path) -> None:
    needed = {"name": "slowapi", "version": ">=0.1.9", "why": "limits requests"}
    ask(window, model, change(BOUNDED, dependencies=[needed]))
    window.see(TOAST, "It needs slowapi, which must be allowed first.")
    see_buttons(window, "Allow slowapi", "Preview", "Refine…", "Discard")
    window.click(BUTTON, "Allow slowapi")
    window.see(BUTTON, "Take")
    window.click(BUTTON, "Take")
    window.command("File: Save All")
    wait_until("it is changed", lambda: on_disk(window) == BEFORE | {"store.py": BOUNDED_STORE})


def test_an_explanation_is_read_as_a_page_that_loads_nothing(
    window: Workbench, model: LoopbackModel, app: Path
) -> None:
    hostile = f"![]({model.url}/leak) <img src='{model.url}/leak'>"
    explained = {"explanation": [EXPLAINED, f"See `rows[0]`:\n\n```python\nx = 1\n```\n{hostile}"]}
    model.script(Reply(json.dumps(explained)))
    window.command("Backend Developer: Change Code…")
    window.see(".quick-input-list-separator", "API")
    window.type("Explain this")  # The list is longer than what of it is drawn.
    window.choose("Explain this (agent: ")
    window.see(TOAST, "Explain this: ")
    see_buttons(window, "Read", "Refine…", "Discard")
    window.click(BUTTON, "Read")
    window.see_inside("strong", "Lists are cut into pages")
    window.see_inside("code", "rows[0]")
    window.see_inside("p", "<img src=")
    assert window.pictures() == []
    assert not [one for one in model.requests if one.path == "/leak"]


def test_whatever_is_asked_for(window: Workbench, model: LoopbackModel, app: Path) -> None:
    window.command("Backend Developer: Ask…")
    window.see(".quick-input-title", "What should be done?")
    model.script(Reply(change(BOUNDED)))
    window.answer("Bound every list.")
    window.see(TOAST, "Ask backend-developer…: 1 file, +1 −1.")
    assert "Bound every list." in str(model.requests[-1].body["messages"])


def test_a_proposal_that_is_gone_is_not_shown_any_more(
    window: Workbench, model: LoopbackModel, app: Path
) -> None:
    ask(window, model, change(IMPORTED, PAGED, new={"pages.py": PAGES}))
    window.see(TOAST, "2 files")
    window.command("Backend Developer: Show Proposals")
    window.choose("Add pagination")
    window.see(f"{DIFFS} .view-line", "def page")
    window.command("Backend Developer: Restart Server")
    window.not_see(DIFFS)
    window.status("· claude-")
    # The next proposal has the id of that one, whose message may still be there.
    model.script(Reply(change(BOUNDED)))
    window.go_to(HANDLER)
    window.take_action("Add pagination (agent: ")
    window.see(TOAST, "Add pagination: 1 file, +1 −1.")
    window.command("Notifications: Show Notifications")
    window.click(f"{LISTED}:has-text('2 files') .monaco-button", "Take")
    window.see(LISTED, "The server was restarted since then: have the task done again.")
    assert on_disk(window) == BEFORE


def test_the_context_menu(window: Workbench, app: Path) -> None:
    window.click(".view-line", "def", button="right")
    window.browser.do(
        ["locator", ".monaco-menu .action-item", {"hasText": "Backend Developer"}], ["hover"]
    )
    window.see(".monaco-menu .action-item", "Change Code…")
    window.see(".monaco-menu .action-item", "Ask…")
    window.press("Escape", "Escape")
