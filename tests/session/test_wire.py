"""The connection itself: what pygls would get wrong, and what a client may get wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from lsprotocol import types

from backend_developer import wire
from session.editor import PUSH, Editor, ReplyError, finding, until

URI = "file:///work/app.py"
CODE = "some code of the document"


async def refused(editor: Editor, method: str, params: Any) -> dict[str, Any]:
    with pytest.raises(ReplyError) as caught:
        await editor.request(method, params)
    return caught.value.error


# --- What a client may send


async def test_a_request_before_initialize_is_refused(connect: Callable[..., Editor]) -> None:
    editor = connect()
    error = await refused(editor, "textDocument/hover", {})
    # Malformed as well, which is told first.
    assert error["code"] == types.ErrorCodes.InvalidParams.value
    error = await refused(editor, "workspace/executeCommand", {"command": "x"})
    assert error["code"] == types.ErrorCodes.ServerNotInitialized.value
    await editor.start()


async def test_initialize_comes_once(editor: Editor) -> None:
    error = await refused(editor, "initialize", {"capabilities": {}})
    assert error["code"] == types.ErrorCodes.InvalidRequest.value


async def test_a_request_after_shutdown_is_answered(editor: Editor) -> None:
    await editor.request("shutdown", None)
    error = await refused(editor, "textDocument/hover", hover_params())
    assert error["code"] == types.ErrorCodes.InvalidRequest.value


@pytest.mark.parametrize("params", [None, [], {"textDocument": {}}, {"textDocument": 3}])
async def test_a_malformed_request_is_answered(editor: Editor, params: object) -> None:
    error = await refused(editor, "textDocument/hover", params)
    assert error == {
        "code": types.ErrorCodes.InvalidParams.value,
        "message": "The parameters of textDocument/hover are not those that LSP gives it.",
    }


async def test_an_unknown_request_is_answered(editor: Editor) -> None:
    error = await refused(editor, "our/own", {"any": "thing"})
    assert error["code"] == types.ErrorCodes.MethodNotFound.value


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(
            {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": 1}, id="params"
        ),
        pytest.param({"jsonrpc": "2.0", "method": "$/our/own", "params": {"a": 1}}, id="unknown"),
        pytest.param({"jsonrpc": "2.0", "id": 99, "result": None}, id="reply to nothing"),
        pytest.param({"jsonrpc": "2.0", "id": None, "error": {}}, id="reply without id"),
        pytest.param([], id="batch"),
        pytest.param({"no": "message"}, id="no message"),
    ],
)
async def test_what_cannot_be_understood_changes_nothing(editor: Editor, message: object) -> None:
    editor.send(message)
    editor.open(URI, "md5(1)")
    await editor.settled()
    assert editor.marked(URI) == ["md5("]
    assert editor.messages() == []


async def test_a_cancel_of_an_answered_request_is_no_news(editor: Editor) -> None:
    editor.notify("$/cancelRequest", {"id": 1})
    assert editor.messages() == []


def hover_params() -> dict[str, Any]:
    return {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}}


# --- What we may get wrong


async def test_an_error_of_ours_reaches_the_client_as_one_sentence(
    editor: Editor, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(params: object) -> None:
        raise ValueError(CODE)

    editor.server.handlers = {**editor.server.handlers, "textDocument/hover": fail}
    for _ in range(3):
        error = await refused(editor, "textDocument/hover", hover_params())
        assert error == {
            "code": types.ErrorCodes.InternalError.value,
            "message": wire.SOMETHING_WENT_WRONG,
        }
    # The person is told once, the log each time where it happened, and neither what it said.
    assert editor.messages() == [wire.SOMETHING_WENT_WRONG]
    assert "test_wire.py" in caplog.text
    assert CODE not in caplog.text


async def test_an_error_in_a_notification_is_told_once(editor: Editor) -> None:
    def fail(params: object) -> None:
        raise KeyError

    editor.server.handlers = {**editor.server.handlers, "textDocument/didSave": fail}
    for _ in range(3):
        editor.notify("textDocument/didSave", {"textDocument": {"uri": URI}})
    assert editor.messages() == [wire.SOMETHING_WENT_WRONG]


async def test_a_message_that_is_no_json_is_refused(
    editor: Editor, caplog: pytest.LogCaptureFixture
) -> None:
    editor.server.refuse_unread(ValueError("{bad"), ValueError)
    assert [error["code"] for error in editor.refused] == [types.ErrorCodes.ParseError.value]
    assert editor.messages() == []
    assert "bad" not in caplog.text


# --- What we ask the client


async def ask(editor: Editor, seconds: float = 10) -> asyncio.Task[wire.Answer | None]:
    editor.silent.add("workspace/configuration")
    params = types.ConfigurationParams([types.ConfigurationItem(section="x")])
    task = asyncio.create_task(editor.server.ask("workspace/configuration", params, seconds))
    await until(lambda: editor.server._asked)
    return task


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param({"result": [{"a": 1}]}, wire.Answer(({"a": 1},)), id="result"),
        pytest.param({"result": [None]}, wire.Answer((None,)), id="null inside"),
        pytest.param({"error": {"code": 1, "message": "no"}}, None, id="error"),
        pytest.param({"error": "malformed"}, None, id="malformed error"),
        pytest.param({"result": 5}, None, id="malformed result"),
        pytest.param({}, None, id="neither"),
    ],
)
async def test_the_first_answer_counts(
    editor: Editor, reply: dict[str, Any], expected: wire.Answer | None
) -> None:
    task = await ask(editor)
    [number] = editor.server._asked
    for _ in range(2):  # the second one finds nobody
        editor.send({"jsonrpc": "2.0", "id": number, **reply})
    assert await task == expected
    editor.send({"jsonrpc": "2.0", "id": number, **reply})


async def test_an_answer_that_never_comes_is_waited_for_no_longer(editor: Editor) -> None:
    assert await (await ask(editor, seconds=0.01)) is None


async def test_an_answer_after_we_gave_up_is_dropped(editor: Editor) -> None:
    task = await ask(editor)
    [number] = editor.server._asked
    task.cancel()
    editor.send({"jsonrpc": "2.0", "id": number, "result": []})
    with pytest.raises(asyncio.CancelledError):
        await task


# --- The end


async def test_shutdown_with_reviews_in_flight(with_agent: Editor) -> None:
    editor = with_agent
    editor.open(URI, "eval(a)\n")
    await editor.settled()
    await editor.review(URI, task="security")
    await editor.review(URI, task="performance")
    calls = [await editor.agent.called(), await editor.agent.called()]
    calls[0].say(finding("eval(a)"))
    assert await editor.request("shutdown", None) is None
    await editor.settled()
    assert all(call.closed for call in calls)
    assert not editor.session.runs


@pytest.mark.parametrize("is_polite", [True, False], ids=["after shutdown", "without shutdown"])
async def test_exit(editor: Editor, is_polite: bool) -> None:
    if is_polite:
        await editor.request("shutdown", None)
    editor.notify("exit", None)
    assert editor.server.stopped.is_set()
    assert editor.server.exit_code == (0 if is_polite else 1)


async def test_two_servers_in_one_process(connect: Callable[..., Editor]) -> None:
    one, other = connect(), connect()
    await one.start(PUSH)
    await other.start({"general": {"positionEncodings": ["utf-8"]}})
    one.open(URI, "é = md5(1)")
    other.open(URI, "é = 1")
    await one.settled()
    await other.settled()
    assert (one.encoding, other.encoding) == ("utf-16", "utf-8")
    assert one.marked(URI) == ["md5("]
    assert other.marked(URI) == []


async def test_no_whole_message_in_the_log(
    editor: Editor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        editor.open(URI, "password = 'hunter2'; md5(1)")
        await editor.settled()
    assert "hunter2" not in caplog.text
