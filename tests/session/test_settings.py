"""Settings, agents and tasks: where they come from, and what changes while running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from session.editor import PUSH, Editor, finding, with_capability

URI = "file:///work/app.py"
OFF = {"rules": {"security/weak-hash": "off"}}
NO_PULL = with_capability("workspace.configuration", False)
TASK = "---\nname: logging\ntitle: Review logging\nfocus: security\n---\nLook at logging.\n"


async def level(editor: Editor, uri: str = URI) -> int | None:
    """The severity that `md5(` has in a file that is opened now; None: none is shown."""
    editor.open(uri, "md5(1)\n")
    await editor.settled()
    found = editor.diagnostics(uri)
    return found[0]["severity"] if found else None


@pytest.mark.parametrize(
    ("options", "answer", "expected"),
    [
        pytest.param(None, None, 2, id="nothing"),
        pytest.param(OFF, None, None, id="initializationOptions"),
        pytest.param({"backendDeveloper": OFF}, None, None, id="in a section"),
        pytest.param(None, OFF, None, id="workspace/configuration"),
        pytest.param({"rules": {"security/*": "error"}}, OFF, None, id="the answer wins"),
        pytest.param(5, 5, 2, id="no objects"),
    ],
)
async def test_where_settings_come_from(
    connect: Callable[..., Editor], options: Any, answer: Any, expected: int | None
) -> None:
    editor = connect()
    editor.settings = answer
    await editor.start(options=options)
    assert await level(editor) == expected
    assert editor.messages() == []


async def test_settings_that_change(editor: Editor) -> None:
    assert await level(editor) == 2
    editor.settings = {"rules": {"security/weak-hash": "error"}}
    editor.notify("workspace/didChangeConfiguration", {"settings": None})
    await editor.settled()
    assert editor.diagnostics(URI)[0]["severity"] == 1


async def test_settings_that_are_sent(connect: Callable[..., Editor]) -> None:
    editor = connect()
    await editor.start(NO_PULL)
    assert await level(editor) == 2
    settings = {"settings": {"backendDeveloper": OFF}}
    editor.notify("workspace/didChangeConfiguration", settings)
    await editor.settled()
    assert editor.diagnostics(URI) == []


async def test_a_client_that_never_answers(
    connect: Callable[..., Editor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend_developer.session.CONFIGURATION_SECONDS", 0.01)
    editor = connect()
    editor.silent.add("workspace/configuration")
    await editor.start()
    assert await level(editor) == 2


async def test_a_running_review_sees_no_change(with_agent: Editor) -> None:
    editor = with_agent
    editor.open(URI, "eval(x)\n")
    await editor.settled()
    await editor.review(URI)
    call = await editor.agent.called()
    editor.settings = {"rules": {"security/*": "off"}}
    editor.notify("workspace/didChangeConfiguration", {"settings": None})
    call.say(finding("eval(x)"))
    call.end()
    await editor.settled()
    assert editor.marked(URI) == ["eval(x)"]


async def test_not_while_typing(connect: Callable[..., Editor]) -> None:
    editor = connect()
    await editor.start(options={"reviewWhileTyping": False})
    assert await level(editor) is None
    await editor.review(URI)
    await editor.settled()
    assert editor.marked(URI) == ["md5("]


# --- Files of the project


async def test_each_folder_has_its_own(connect: Callable[..., Editor], tmp_path: Path) -> None:
    outer, inner = tmp_path, tmp_path / "inner"
    inner.mkdir()
    (outer / ".backend-developer.yml").write_text("rules: {security/weak-hash: error}\n")
    (inner / ".backend-developer.yml").write_text("rules: {security/weak-hash: hint}\n")
    editor = connect()
    await editor.start(folder=outer)
    event = {"added": [{"uri": inner.as_uri(), "name": "inner"}], "removed": []}
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    assert await level(editor, (outer / "a.py").as_uri()) == 1
    assert await level(editor, (inner / "a.py").as_uri()) == 4
    event = {"added": [], "removed": event["added"]}
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    await editor.settled()
    assert editor.diagnostics((inner / "a.py").as_uri())[0]["severity"] == 1


@pytest.mark.parametrize("how", ["watched", "saved"])
async def test_a_project_file_that_changes(
    connect: Callable[..., Editor], tmp_path: Path, how: str
) -> None:
    editor = connect()
    await editor.start(folder=tmp_path)
    uri = (tmp_path / "a.py").as_uri()
    assert await level(editor, uri) == 2
    file = tmp_path / ".backend-developer.yml"
    file.write_text("rules: {security/weak-hash: error}\n")
    if how == "watched":
        changes = [{"uri": file.as_uri(), "type": 1}]
        editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    else:
        editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    await editor.settled()
    assert editor.diagnostics(uri)[0]["severity"] == 1


@pytest.mark.parametrize("how", ["watched", "saved", "settings"])
async def test_much_that_changes_at_once_is_read_once_or_twice(
    connect: Callable[..., Editor], tmp_path: Path, how: str
) -> None:
    editor = connect()
    await editor.start(folder=tmp_path)
    uri = (tmp_path / "a.py").as_uri()
    assert await level(editor, uri) == 2
    file = tmp_path / ".backend-developer.yml"
    changes = [{"uri": file.as_uri(), "type": 2}]
    before = len(editor.requests)
    for number in range(100):
        # Some editors tell of each file by itself.
        if how == "watched":
            editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
        elif how == "saved":
            editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        else:
            editor.notify("workspace/didChangeConfiguration", {"settings": None})
        if number % 10 == 0:
            await asyncio.sleep(0)
    file.write_text("rules: {security/weak-hash: error}\n")
    editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    await editor.settled()
    asked = [method for method, _ in editor.requests[before:]]
    assert asked.count("workspace/configuration") <= 3
    assert editor.diagnostics(uri)[0]["severity"] == 1


async def test_a_task_of_the_project(connect: Callable[..., Editor], tmp_path: Path) -> None:
    editor = connect()
    await editor.start(folder=tmp_path)
    uri = (tmp_path / "a.py").as_uri()
    await level(editor, uri)
    file = tmp_path / ".claude" / "backend-developer" / "tasks" / "logging.md"
    file.parent.mkdir(parents=True)
    file.write_text(TASK)
    changes = [{"uri": file.as_uri(), "type": 1}]
    editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    await editor.settled()
    assert await editor.action(uri, "md5", "Review logging (local)")


async def test_an_untrusted_workspace(connect: Callable[..., Editor], tmp_path: Path) -> None:
    (tmp_path / ".backend-developer.yml").write_text("rules: {security/weak-hash: off}\n")
    file = tmp_path / ".claude" / "backend-developer" / "tasks" / "logging.md"
    file.parent.mkdir(parents=True)
    file.write_text(TASK)
    editor = connect()
    editor.settings = {"trusted": False}
    await editor.start(folder=tmp_path)
    uri = (tmp_path / "a.py").as_uri()
    assert await level(editor, uri) == 2
    actions = await editor.actions(uri, "md5")
    assert not any("logging" in action["title"] for action in actions)
    assert any("not trusted" in message for message in editor.messages())


# --- What is wrong with them


async def test_a_problem_is_said_once(connect: Callable[..., Editor], tmp_path: Path) -> None:
    file = tmp_path / ".backend-developer.yml"
    file.write_text("engine: local\nminimumConfidance: low\n")
    editor = connect()
    await editor.start(folder=tmp_path)
    for name in ("a.py", "b.py"):
        await level(editor, (tmp_path / name).as_uri())
    [message] = editor.messages()
    assert message.startswith(f"{file}:2: ")
    assert 'did you mean "minimumConfidence"?' in message


async def test_a_problem_stands_in_its_file_when_that_is_open(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    file = tmp_path / ".backend-developer.yml"
    file.write_text("engine: local\nminimumConfidance: low\n")
    editor = connect()
    await editor.start(folder=tmp_path)
    editor.open(file.as_uri(), file.read_text(), "yaml")
    await editor.settled()
    [diagnostic] = editor.diagnostics(file.as_uri())
    assert diagnostic["range"]["start"]["line"] == 1
    assert "minimumConfidence" in diagnostic["message"]
    assert editor.messages() == []
    # Put right and saved, it is gone.
    file.write_text("engine: local\nminimumConfidence: low\n")
    editor.edit(file.as_uri(), "Confidance", "Confidence")
    editor.notify("textDocument/didSave", {"textDocument": {"uri": file.as_uri()}})
    await editor.settled()
    assert editor.diagnostics(file.as_uri()) == []


# --- What is asked of the client


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (PUSH, []),
        (
            with_capability("workspace.didChangeWatchedFiles", {"dynamicRegistration": True}),
            ["workspace/didChangeWatchedFiles"],
        ),
        (
            with_capability("workspace.didChangeConfiguration", {"dynamicRegistration": True}),
            ["workspace/didChangeConfiguration"],
        ),
    ],
    ids=["nothing", "files", "configuration"],
)
async def test_registrations(
    connect: Callable[..., Editor], capabilities: dict[str, Any], expected: list[str]
) -> None:
    editor = connect()
    await editor.start(capabilities)
    await editor.settled()
    registered = [
        one["method"]
        for method, params in editor.requests
        if method == "client/registerCapability"
        for one in params["registrations"]
    ]
    assert registered == expected
