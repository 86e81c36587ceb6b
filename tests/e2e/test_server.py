"""The whole program as an editor starts it: over stdio, with the real engines."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lsprotocol import types

from e2e.conftest import PROFILES, Client, connected, until
from loopback_model import LoopbackModel, Reply, answer, finding

UNSAFE = """\
import tarfile


def unpack():
    with tarfile.open("in.tar") as archive:
        archive.extractall("out")
"""
LINE = 5
"""Of the finding, from 0."""
SAFE = UNSAFE.replace('"out"', '"out", filter="data"')
QUERY = """\
def find(connection, name):
    rows = connection.run(f"select id from users where name = '{name}'")
    return rows
"""
QUOTE = "connection.run(f\"select id from users where name = '{name}'\")"
FIX = {
    "title": "Bind the name",
    "needs": "none",
    "edits": [
        {
            "old": QUOTE,
            "new": 'connection.run("select id from users where name = ?", (name,))',
            "file": None,
            "line": 2,
        }
    ],
}


# --- With the local engine


async def test_from_a_finding_to_its_fix(client: Client) -> None:
    client.open(UNSAFE)
    await until(client.rules)
    [diagnostic] = await client.diagnostics()
    assert diagnostic.code == "security/archive-extraction"
    assert diagnostic.source == "backend-developer"
    assert diagnostic.message
    place = types.HoverParams(types.TextDocumentIdentifier(client.uri), diagnostic.range.start)
    hover = await client.lsp.text_document_hover_async(place)
    assert hover
    assert isinstance(hover.contents, types.MarkupContent)
    assert "CWE-22" in hover.contents.value

    async def fix() -> types.CodeAction | None:
        found = await client.actions(LINE, [types.CodeActionKind.QuickFix])
        return next((action for action in found if action.is_preferred), None)

    await until(fix)
    action = await fix()
    assert action
    await client.apply(action)
    assert client.text == SAFE

    async def is_clean() -> bool:
        return not await client.rules()

    await until(is_clean)


async def test_push_or_pull_but_never_both(client: Client) -> None:
    client.open(UNSAFE)
    # Who pulls has not asked yet, and is told to.
    await until(lambda: client.lsp.diagnostic_refresh_count or client.lsp.diagnostics)
    assert bool(client.lsp.diagnostic_refresh_count) == client.pulls
    assert bool(client.lsp.diagnostics) != client.pulls
    assert await client.rules() == ["security/archive-extraction"]


async def test_typing_on(client: Client) -> None:
    client.open("x = 1\n")
    for number in range(20):
        client.change(f"# {number}\n" * number + UNSAFE)
    await until(client.rules)

    async def is_where_it_should_be() -> bool:
        [diagnostic] = await client.diagnostics()
        return diagnostic.range.start.line == 19 + LINE

    await until(is_where_it_should_be)


async def test_a_review_that_is_asked_for(client: Client) -> None:
    client.open(UNSAFE)

    async def titles() -> list[str]:
        return [action.title for action in await client.actions(0)]

    await until(titles)
    assert await titles() == [
        "Review API design (local)",
        "Review security (local)",
        "Review performance (local)",
        "Review everything (local)",
    ]
    await client.review()
    await until(client.ends)
    assert client.ends() == ["1 finding, 1 with a checked fix; engine: local"]


async def test_dismissed_and_remembered(client: Client) -> None:
    client.open(UNSAFE)
    await until(client.rules)
    [diagnostic] = await client.diagnostics()
    assert isinstance(diagnostic.data, dict)
    identity = diagnostic.data["id"]
    result = await client.command("dismiss", uri=client.uri, id=identity, reason="a test")
    assert result["dismissed"]

    async def is_clean() -> bool:
        return not await client.rules()

    await until(is_clean)
    file = client.folder / ".backend-developer.dismissed.yml"
    await until(file.exists)
    await until(lambda: "reason: a test" in file.read_text())


@pytest.mark.parametrize("profile", PROFILES[2:])
async def test_an_old_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    async with connected(profile, tmp_path, {}, monkeypatch) as client:
        client.open(UNSAFE)
        await until(client.rules)

        async def fixes() -> list[types.CodeAction]:
            return [one for one in await client.actions(LINE) if one.title.startswith("Extract")]

        await until(fixes)
        await client.apply((await fixes())[0])
        assert client.text == SAFE


# --- With an agent


async def test_the_agent_s_findings_and_their_fixes(
    client_with_agent: Client, model: LoopbackModel
) -> None:
    client = client_with_agent
    model.script(Reply(answer(finding(quote=QUOTE, line=2, fix=FIX))))
    client.open(QUERY)
    await client.review()
    await until(client.ends)
    assert client.ends() == [
        "1 finding, 1 with a checked fix; engine: local + agent (claude-sonnet-5-5); "
        "claude-sonnet-5-5: 4,000 tokens in (62% cached), 77 out, $0.004"
    ]
    [question] = client.questions
    assert question.startswith("May backend-developer send code from this workspace to a model?")
    assert "security/sql-injection" in await client.rules()
    [action] = [one for one in await client.actions(1) if one.title.startswith("Bind the name")]
    assert not action.is_preferred
    await client.apply(action)
    assert "name = ?" in client.text

    async def is_clean() -> bool:
        return not await client.rules()

    await until(is_clean)


async def test_nothing_is_sent_before_somebody_agrees(
    client_with_agent: Client, model: LoopbackModel
) -> None:
    client = client_with_agent
    client.answer = "Not now"
    client.open(QUERY)
    await client.review()
    await until(client.ends)
    [refused] = client.ends()
    assert refused.startswith("Nothing was sent to 127.0.0.1:")
    assert model.connections == 0
    client.answer = "Send"
    for count in (2, 3):
        await client.review()
        await until(lambda: len(client.ends()) == count)  # noqa: B023
    assert len(client.questions) == 2
    assert len(model.requests) == 2
    await client.command("revokeConsent")
    await until(lambda: len(client.lsp.messages) == 2)
    await client.review()
    await until(lambda: len(client.questions) == 3)
    await until(lambda: len(client.ends()) == 4)
    client.expected_messages = [refused, "No code is sent to a model before you agree again."]
    client.log.clear()  # the traceback belongs there


async def test_a_review_that_is_cancelled_while_it_asks_sends_nothing(
    client_with_agent: Client, model: LoopbackModel
) -> None:
    client = client_with_agent
    client.may_answer.clear()
    client.open(QUERY)
    await client.review()
    await until(lambda: client.questions)
    await client.command("cancel")
    await until(client.ends)
    assert client.ends() == ["Cancelled; what was found stays."]
    client.may_answer.set()  # too late
    await client.command("status")
    assert model.connections == 0


async def test_cancelling_closes_the_model_s_connection(
    client_with_agent: Client, model: LoopbackModel
) -> None:
    client = client_with_agent
    model.script(Reply(answer(finding(quote=QUOTE, line=2)), fault="stall", after=400))
    client.open(QUERY)
    await client.review()
    await until(lambda: model.requests)
    [token] = client.lsp.progress_reports
    client.lsp.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    await asyncio.wait_for(model.requests[0].disconnected.wait(), 30)
    await until(client.ends)
    assert client.ends() == ["Cancelled; what was found stays."]


async def test_an_overloaded_model_is_one_sentence(
    client_with_agent: Client, model: LoopbackModel
) -> None:
    client = client_with_agent
    text = answer(finding(quote=QUOTE, line=2), finding(quote="return rows", line=3))
    # Cut inside the second finding: the first one stays.
    model.script(Reply(text, fault="error-event", after=len(text) - 60))
    client.open(QUERY)
    await client.review()
    await until(client.ends)
    await until(client.rules)
    assert await client.rules() == ["security/sql-injection"]
    [message] = [one.message for one in client.lsp.messages]
    assert "\n" not in message
    assert "overloaded" in message
    client.expected_messages = [message]
    client.log.clear()  # the traceback belongs there


async def test_goodbye_while_a_review_goes_on(
    client_with_agent: Client, model: LoopbackModel
) -> None:
    client = client_with_agent
    model.script(Reply(fault="stall"))
    client.open(QUERY)
    await client.review()
    await until(lambda: model.requests)
    begin = time.monotonic()
    await client.lsp.shutdown_async(None)
    client.lsp.exit(None)
    assert client.lsp._server
    assert await asyncio.wait_for(client.lsp._server.wait(), 30) == 0
    assert time.monotonic() - begin < 10
    client.lsp.capabilities = None  # it has said goodbye already


# --- The process


INITIALIZE = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
SHUTDOWN = '{"jsonrpc":"2.0","id":2,"method":"shutdown"}'
EXIT = '{"jsonrpc":"2.0","method":"exit"}'


def framed(*messages: str) -> bytes:
    return "".join(f"Content-Length: {len(one)}\r\n\r\n{one}" for one in messages).encode()


@pytest.mark.parametrize(
    ("sent", "exit_code"),
    [
        pytest.param(framed(INITIALIZE, SHUTDOWN, EXIT), 0, id="goodbye"),
        pytest.param(framed(INITIALIZE, EXIT), 1, id="exit without shutdown"),
        pytest.param(framed(INITIALIZE), 1, id="the client goes away"),
        pytest.param(framed(INITIALIZE)[:-5], 1, id="in the middle of a message"),
        pytest.param(b"", 1, id="before it said anything"),
        pytest.param(framed(INITIALIZE, "{", SHUTDOWN, EXIT), 0, id="no JSON"),
    ],
)
def test_how_it_ends(sent: bytes, exit_code: int) -> None:
    command = [sys.executable, "-m", "backend_developer", "serve"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        command, input=sent, capture_output=True, timeout=60, check=False, env=environment
    )
    assert result.returncode == exit_code
    assert b"Traceback" not in result.stderr or b"{" in sent[-100:]
    answers = result.stdout.count(b'"jsonrpc"')
    assert answers >= sent.count(b'"id"') - (sent == framed(INITIALIZE)[:-5])


def test_the_sdk_is_not_imported_before_it_is_needed() -> None:
    """Nor anything else that a server does not need in order to answer `initialize`."""
    code = "import sys, backend_developer.app; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    unwanted = {"anthropic", "httpx2", "yaml", "ast_grep_py", "pathspec", "pydantic"}
    assert not loaded & unwanted
