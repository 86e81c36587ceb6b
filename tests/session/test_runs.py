"""Reviews that are superseded, cancelled, edited under, closed under, or that fail."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from session.editor import (
    Call,
    Editor,
    ReplyError,
    finding,
    until,
    with_capability,
)

URI = "file:///work/app.py"
TEXT = "a = eval(x)\nb = eval(y)\n"
CANCELLED = "Cancelled; what was found stays."


async def asked(editor: Editor, text: str = TEXT, task: str = "security") -> Call:
    """The agent's call of a review that has just begun, of an open and quiet document."""
    editor.open(URI, text)
    await editor.settled()
    answer = await editor.review(URI, task=task)
    assert answer["started"]
    return await editor.agent.called()


async def say(editor: Editor, call: Call, code: str, **rest: Any) -> None:
    """The agent finds `code`, and the editor shows it; the review goes on."""
    before = len(editor.diagnostics(URI))
    call.say(finding(code, **rest))
    await until(lambda: len(editor.diagnostics(URI)) > before)


# --- The way it should go


async def test_findings_appear_as_they_come(with_agent: Editor) -> None:
    editor = with_agent
    call = await asked(editor)
    await say(editor, call, "eval(x)")
    assert editor.marked(URI) == ["eval(x)"]
    await say(editor, call, "eval(y)", fix="int(y)")
    assert editor.marked(URI) == ["eval(x)", "eval(y)"]
    call.end()
    await editor.settled()
    assert editor.progress() == [
        {
            "kind": "begin",
            "title": "Review security (agent: claude-sonnet-5-5)",
            "message": "no findings yet",
            "cancellable": True,
        },
        {"kind": "report", "message": "1 finding"},
        {"kind": "report", "message": "2 findings"},
        {
            "kind": "end",
            "message": "2 findings, 1 with a checked fix; "
            "engine: local + agent (claude-sonnet-5-5)",
        },
    ]
    assert editor.messages() == []


async def test_the_local_engine_alone(editor: Editor) -> None:
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    await editor.review(URI)
    await editor.settled()
    assert editor.progress()[-1]["message"] == "1 finding, 1 with a checked fix; engine: local"


async def test_a_syntax_error_is_said_at_the_end(editor: Editor) -> None:
    editor.open(URI, "md5(1)\nif (")
    await editor.settled()
    assert editor.messages() == []
    await editor.review(URI)
    await editor.settled()
    assert editor.progress()[-1]["message"] == (
        "1 finding, 1 with a checked fix; engine: local; line 2 has a syntax error, so the file "
        "was reviewed as far as it can be read"
    )


async def test_what_is_not_found_again_goes(with_agent: Editor) -> None:
    editor = with_agent
    call = await asked(editor)
    call.say(finding("eval(x)"), finding("eval(y)"))
    call.end()
    await editor.settled()
    await editor.review(URI)
    call = await editor.agent.called()
    call.say(finding("eval(y)"))
    call.end()
    await editor.settled()
    assert editor.marked(URI) == ["eval(y)"]


async def test_a_review_of_a_selection_leaves_the_rest(with_agent: Editor) -> None:
    editor = with_agent
    call = await asked(editor)
    call.say(finding("eval(x)"), finding("eval(y)"))
    call.end()
    await editor.settled()
    await editor.review(URI, "b = eval(y)")
    call = await editor.agent.called()
    call.end()
    await editor.settled()
    assert editor.marked(URI) == ["eval(x)"]


@pytest.mark.parametrize(
    ("text", "language", "selected", "expected"),
    [
        pytest.param(
            "import os\n\n@app.get('/')\ndef one():\n    return 1\n\ndef two():\n    pass\n",
            "python",
            "",
            "@app.get('/')\ndef one():\n    return 1",
            id="decorated function",
        ),
        pytest.param(
            "x()\napp.get('/', (req, res) => {\n  all(1 => 1)\n})\n",
            "javascript",
            "",
            "app.get('/', (req, res) => {\n  all(1 => 1)\n})",
            id="route",
        ),
        pytest.param("def f():\n    pass\n\nx = 1\n", "python", "x", None, id="outside of any"),
        pytest.param("SELECT 1", "sql", "S", None, id="language without grammar"),
        pytest.param("def f():\n    a = 1\n", "python", "a =", "a =", id="a real selection"),
    ],
)
async def test_what_is_reviewed(
    with_agent: Editor, text: str, language: str, selected: str, expected: str | None
) -> None:
    editor = with_agent
    editor.open(URI, text, language)
    if selected:
        place = editor.range(URI, selected)
    else:
        place = editor.range(URI, "1")
        place["end"] = place["start"]
    await editor.command("review", uri=URI, task="security", range=place)
    call = await editor.agent.called()
    span = call.request.span
    assert text[span.start : span.end] == (text if expected is None else expected)
    call.end()
    await editor.settled()


# --- Cancelled


async def by_token(editor: Editor) -> None:
    token = next(params["token"] for method, params in editor.notifications if "progress" in method)
    editor.notify("window/workDoneProgress/cancel", {"token": token})


async def by_command(editor: Editor) -> None:
    answer = await editor.command("cancel")
    assert len(answer["cancelled"]) == 1


async def by_run_id(editor: Editor) -> None:
    [run] = (await editor.command("status"))["runs"]
    await editor.command("cancel", runId=run["runId"])


async def by_closing(editor: Editor) -> None:
    editor.close_file(URI)


async def by_shutdown(editor: Editor) -> None:
    await editor.request("shutdown", None)


@pytest.mark.parametrize("cancel", [by_token, by_command, by_run_id, by_closing, by_shutdown])
async def test_cancelling(with_agent: Editor, cancel: Callable[[Editor], Awaitable[None]]) -> None:
    editor = with_agent
    call = await asked(editor)
    await say(editor, call, "eval(x)")
    await cancel(editor)
    await editor.settled()
    assert call.closed
    assert editor.progress()[-1] == {"kind": "end", "message": CANCELLED}
    assert editor.marked(URI) == ([] if cancel is by_closing else ["eval(x)"])
    assert editor.messages() == []


async def test_a_newer_review_of_the_kind_supersedes(with_agent: Editor) -> None:
    editor = with_agent
    first = await asked(editor)
    await say(editor, first, "eval(x)")
    await editor.review(URI)
    second = await editor.agent.called()
    assert first.closed
    second.say(finding("eval(y)"))
    second.end()
    await editor.settled()
    # The second came to its end without finding the first one's.
    assert editor.marked(URI) == ["eval(y)"]


async def test_reviews_of_two_kinds_go_side_by_side(with_agent: Editor) -> None:
    editor = with_agent
    security = await asked(editor)
    await editor.review(URI, task="performance")
    performance = await editor.agent.called()
    performance.say(finding("eval(y)", "performance/select-star"))
    performance.end()
    security.say(finding("eval(x)"))
    security.end()
    await editor.settled()
    assert editor.marked(URI) == ["eval(x)", "eval(y)"]


async def test_cancelling_another_run_cancels_nothing(with_agent: Editor) -> None:
    editor = with_agent
    call = await asked(editor)
    assert await editor.command("cancel", runId="other") == {"cancelled": []}
    editor.notify("window/workDoneProgress/cancel", {"token": "other"})
    await say(editor, call, "eval(x)")
    call.end()
    await editor.settled()
    assert editor.progress()[-1]["message"].startswith("1 finding")


async def test_cancelling_before_it_has_begun(with_agent: Editor) -> None:
    editor = with_agent
    editor.open(URI, TEXT)
    answer = editor.review(URI)
    await answer
    assert len((await editor.command("cancel"))["cancelled"]) == 1
    await editor.settled()
    assert editor.agent.calls == []


# --- Edited under


async def test_what_is_typed_meanwhile_moves_what_comes(with_agent: Editor) -> None:
    editor = with_agent
    call = await asked(editor)
    editor.replace(URI, (0, 0, "import os\n"))
    editor.edit(URI, "a = ", "abc = ")
    call.say(finding("eval(x)", fix="int(x)"))
    call.end()
    await editor.settled()
    assert editor.marked(URI) == ["eval(x)"]
    action = await editor.action(URI, "eval(x)", "Use int(x)")
    editor.apply(action["edit"])
    assert editor.texts[URI] == "import os\nabc = int(x)\nb = eval(y)\n"
    await editor.settled()
    assert editor.marked(URI) == []


async def test_what_was_edited_meanwhile_is_not_shown(with_agent: Editor) -> None:
    editor = with_agent
    call = await asked(editor)
    editor.edit(URI, "eval(x)", "int(x)")
    call.say(finding("eval(x)"), finding("eval(y)"))
    call.end()
    await editor.settled()
    assert editor.marked(URI) == ["eval(y)"]


async def test_closed_and_opened_meanwhile(with_agent: Editor) -> None:
    """The same version number again means nothing: the text may be another."""
    editor = with_agent
    call = await asked(editor)
    editor.close_file(URI)
    editor.open(URI, "c = 1\n" + TEXT, version=1)
    call.say(finding("eval(x)"))
    await editor.settled()
    assert call.closed
    assert editor.marked(URI) == []


async def test_a_local_run_that_is_overtaken_is_followed_by_another(editor: Editor) -> None:
    editor.local.by_itself = None
    editor.open(URI, "md5(1)\n")
    first = await editor.local.called()
    editor.edit(URI, "1", "12")
    editor.edit(URI, "12", "123")
    # One scan at a time: the second begins when the first has ended, with the latest text.
    second = await editor.local.called()
    assert first.closed
    assert second.request.document.text == "md5(123)\n"
    assert editor.diagnostics(URI) == []
    second.say(finding("md5(123)"))
    second.end()
    await editor.settled()
    assert editor.marked(URI) == ["md5(123)"]
    assert len(editor.local.calls) == 2


async def test_a_run_that_was_overtaken_leaves_nothing_for_the_garbage_collector(
    editor: Editor,
) -> None:
    editor.open(URI, "md5(1)\n")
    runs = [weakref.ref(run) for run in editor.session.runs.values()]
    editor.edit(URI, "1", "2")
    editor.edit(URI, "2", "3")
    gc.disable()
    try:
        await editor.settled()
        await until(lambda: all(run() is None for run in runs))
    finally:
        gc.enable()
    assert len(runs) == 1


async def test_a_local_run_that_only_checks_fixes_of_an_old_text_ends_now(editor: Editor) -> None:
    editor.local.by_itself = None
    editor.open(URI, "x = 1\nmd5(1)\n")
    first = await editor.local.called()
    first.say(finding("md5(1)"))
    await until(lambda: editor.marked(URI) == ["md5(1)"])
    editor.edit(URI, "1", "2")
    second = await editor.local.called()
    assert first.closed
    assert editor.marked(URI) == ["md5(1)"]
    second.end()
    await editor.settled()
    assert editor.marked(URI) == []


# --- What can go wrong


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("The endpoint is overloaded: try again later.", None),
        (
            RuntimeError("some code of the document"),
            "The review stopped because of an error in backend-developer; what was found stays, "
            "and the server's log has the details.",
        ),
    ],
    ids=["engine error", "error of ours"],
)
async def test_an_error_is_one_sentence_and_costs_no_finding(
    with_agent: Editor,
    caplog: pytest.LogCaptureFixture,
    error: str | Exception,
    sentence: str | None,
) -> None:
    editor = with_agent
    call = await asked(editor)
    await say(editor, call, "eval(x)")
    call.fail(error)
    await editor.settled()
    assert editor.messages() == [sentence or error]
    assert editor.progress()[-1] == {"kind": "end", "message": sentence or error}
    assert editor.marked(URI) == ["eval(x)"]
    assert "editor.py" in caplog.text
    assert "some code" not in caplog.text


async def test_a_linter_that_fails_does_not_keep_the_agent_from_reviewing(
    with_agent: Editor,
) -> None:
    editor = with_agent
    editor.settings = {"reviewWhileTyping": False}
    editor.local.by_itself = None
    editor.open(URI, TEXT)
    await editor.review(URI)
    (await editor.local.called()).fail("ruff is not installed: install it.")
    call = await editor.agent.called()
    call.say(finding("eval(x)"))
    call.end()
    await editor.settled()
    assert editor.marked(URI) == ["eval(x)"]
    assert editor.messages() == ["ruff is not installed: install it."]


async def test_nothing_found_is_said(editor: Editor) -> None:
    editor.open(URI, "x = 1\n")
    await editor.review(URI)
    await editor.settled()
    assert editor.messages() == ["Review security: no findings; engine: local."]


@pytest.mark.parametrize("how", ["no capability", "refuses", "never answers"])
async def test_a_client_without_progress(
    connect: Callable[..., Editor], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("backend_developer.runs.PROGRESS_SECONDS", 0.01)
    editor = connect()
    await editor.start(with_capability("window.workDoneProgress", how != "no capability"))
    if how == "refuses":
        real_answer = editor._answer

        def refuse(message: dict[str, Any]) -> dict[str, Any]:
            if message["method"] != "window/workDoneProgress/create":
                return real_answer(message)
            return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": 1, "message": "no"}}

        editor._answer = refuse  # type: ignore[method-assign]
    if how == "never answers":
        editor.silent.add("window/workDoneProgress/create")
    editor.open(URI, "md5(1)\n")
    await editor.review(URI)
    await editor.settled()
    assert editor.progress() == []
    message = "Review security: 1 finding, 1 with a checked fix; engine: local."
    assert editor.messages() == [message]


async def test_progress_that_the_client_opened(editor: Editor) -> None:
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    params = {
        "command": "backend-developer.review",
        "arguments": [{"uri": URI, "task": "security"}],
        "workDoneToken": "its own",
    }
    await editor.request("workspace/executeCommand", params)
    await editor.settled()
    tokens = {params["token"] for method, params in editor.notifications if "progress" in method}
    assert tokens == {"its own"}
    assert [value["kind"] for value in editor.progress()] == ["begin", "report", "end"]


async def test_a_file_that_is_too_large(with_agent: Editor) -> None:
    editor = with_agent
    editor.settings = {"maximumFileBytes": 10}
    editor.open(URI, "x = md5(1)\n")
    await editor.settled()
    assert editor.marked(URI) == []
    await editor.review(URI)
    await editor.settled()
    sentence = (
        "The file is larger than 10 bytes, so it is left alone: raise the setting maximumFileBytes."
    )
    assert editor.messages() == [f"/work/app.py: {sentence}", sentence]
    assert editor.agent.calls == []


async def test_an_agent_that_does_not_exist(with_agent: Editor) -> None:
    editor = with_agent
    editor.settings = {"agent": "backend-develper"}
    editor.open(URI, TEXT)
    await editor.review(URI)
    await editor.settled()
    [message] = editor.messages()
    assert 'There is no agent "backend-develper"' in message
    assert "backend-developer" in message


# --- Commands


@pytest.mark.parametrize(
    ("command", "arguments", "sentence"),
    [
        ("review", {}, "`uri` must be a text"),
        ("review", {"uri": "file:///else.py", "task": "security"}, "is not open"),
        ("review", {"uri": URI}, "`task` must be a text"),
        ("review", {"uri": URI, "task": "security", "range": 5}, "`range` must be an LSP range"),
        ("review", {"uri": URI, "task": "security", "range": {"start": 1}}, "LSP range"),
        ("dismiss", {"uri": URI, "id": "x", "scope": "sometimes"}, "`scope` must be one of"),
        ("unknown", {}, "There is no command backend-developer.unknown."),
    ],
)
async def test_a_command_with_bad_arguments_says_what_is_wrong(
    editor: Editor, command: str, arguments: dict[str, Any], sentence: str
) -> None:
    editor.open(URI, "x = 1\n")
    await editor.settled()
    with pytest.raises(ReplyError, match=sentence.replace(".", r"\.")):
        await editor.command(command, **arguments)
    assert editor.messages() == []


async def test_arguments_that_are_no_object(editor: Editor) -> None:
    params = {"command": "backend-developer.review", "arguments": ["security"]}
    with pytest.raises(ReplyError, match="takes one object of named arguments"):
        await editor.request("workspace/executeCommand", params)


async def test_a_task_that_does_not_exist(editor: Editor) -> None:
    editor.open(URI, "x = 1\n")
    await editor.settled()
    answer = await editor.review(URI, task="speed")
    assert answer["started"] is False
    assert answer["reason"].startswith('There is no task "speed"; there are: api-design, security')


async def test_status_and_agents(with_agent: Editor) -> None:
    editor = with_agent
    call = await asked(editor, "md5(1)\n")
    status = await editor.command("status")
    assert [(run["task"], run["title"]) for run in status["runs"]] == [
        ("security", "Review security")
    ]
    assert status["documents"] == [
        {"uri": URI, "findings": 1, "engine": "agent: claude-sonnet-5-5"}
    ]
    agents = await editor.command("showAgents")
    assert [(one["name"], one["origin"], one["wins"]) for one in agents] == [
        ("backend-developer", "built-in", True)
    ]
    assert await editor.command("showAgents", uri=URI) == agents
    call.end()
    await editor.settled()
    assert (await editor.command("status"))["runs"] == []


async def test_the_rest_of_the_capabilities_does_not_matter(connect: Callable[..., Editor]) -> None:
    editor = connect(agent=True)
    await editor.start({})
    call = await asked(editor)
    call.say(finding("eval(x)"))
    call.end()
    await editor.settled()
    assert editor.marked(URI) == ["eval(x)"]
    assert editor.requests == []


async def test_a_second_look_takes_back_what_it_refutes(with_agent: Editor) -> None:
    editor = with_agent
    editor.agent.looks_twice = True
    editor.open(URI, "eval(x)\nexec(y)\n")
    await editor.settled()
    await editor.review(URI)
    first = await editor.agent.called()
    first.say(finding("eval(x)"), finding("exec(y)"))
    first.end()
    second = await editor.agent.called()
    assert second.request.second_look
    assert [one.code for one in second.request.evidence] == ["eval(x)", "exec(y)"]
    second.refute("exec(y)", "It is a constant.")
    second.end()
    await editor.settled()
    first_shown, second_shown = editor.diagnostics(URI)
    assert [first_shown["severity"], second_shown["severity"]] == [1, 4]
    assert "It is a constant." in second_shown["message"]


async def test_a_second_look_that_fails_costs_no_finding(with_agent: Editor) -> None:
    editor = with_agent
    editor.agent.looks_twice = True
    editor.open(URI, "eval(x)\n")
    await editor.settled()
    await editor.review(URI)
    first = await editor.agent.called()
    first.say(finding("eval(x)"))
    first.end()
    (await editor.agent.called()).fail("The connection was cut.")
    await editor.settled()
    assert [one["severity"] for one in editor.diagnostics(URI)] == [1]
    assert any("The connection was cut." in one for one in editor.messages())
