from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp.client
from lsprotocol import types
from lsprotocol.converters import get_converter
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

from loopback_model import LoopbackModel

SECONDS = 30.0
"""Limit of every wait: a loaded machine is slow."""
CLIENTS = Path(__file__).with_name("clients")
PROFILES = ("neovim-0.11", "vscode-1.99", "neovim@v0.6", "emacs@v29")
"""Our own data files, and old clients that pytest-lsp knows."""


def capabilities(profile: str) -> types.ClientCapabilities:
    if "@" in profile:
        return client_capabilities(profile)
    data = json.loads((CLIENTS / f"{profile}.json").read_text())
    return get_converter().structure(data, types.ClientCapabilities)


class Client:
    """A client of one server process, with a text file that is open in it."""

    def __init__(self, lsp: LanguageClient, folder: Path, pulls: bool) -> None:
        self.lsp, self.folder, self.pulls = lsp, folder, pulls
        self.uri = (folder / "app.py").as_uri()
        self.version = 0
        self.text = ""
        self.expected_messages: list[str] = []
        """Beginnings of the messages that a test means to be shown."""
        self.log: list[str] = []
        """The server's stderr."""
        self.questions: list[str] = []
        """What the server asked; `answer` picks the choice, when `may_answer` is set."""
        self.answer = "Send"
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def open(self, text: str, language: str = "python") -> None:
        self.text = text
        item = types.TextDocumentItem(self.uri, language, self.version, text)
        self.lsp.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, text: str) -> None:
        """Replaces the whole text, in the incremental form."""
        self.version += 1
        lines = self.text.split("\n")
        whole = types.Range(types.Position(0, 0), types.Position(len(lines), 0))
        self.text = text
        self.lsp.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version=self.version, uri=self.uri),
                [types.TextDocumentContentChangePartial(range=whole, text=text)],
            )
        )

    async def diagnostics(self) -> list[types.Diagnostic]:
        if not self.pulls:
            return list(self.lsp.diagnostics.get(self.uri, ()))
        identifier = types.TextDocumentIdentifier(self.uri)
        report = await self.lsp.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(identifier)
        )
        assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
        return list(report.items)

    async def rules(self) -> list[str]:
        return [str(one.code) for one in await self.diagnostics()]

    async def actions(self, line: int, only: list[str] | None = None) -> list[types.CodeAction]:
        """Those on a whole line."""
        place = types.Range(
            types.Position(line, 0), types.Position(line, len(self.text.split("\n")[line]))
        )
        # As Neovim does, all the line's diagnostics are sent along; without our data.
        here = [
            types.Diagnostic(one.range, one.message, code=one.code)
            for one in await self.diagnostics()
            if one.range.start.line == line
        ]
        answer = await self.lsp.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(self.uri), place, types.CodeActionContext(here, only)
            )
        )
        # lsprotocol takes an action that has a command for a bare command, and garbles that.
        return [
            action if isinstance(action, types.CodeAction) else types.CodeAction(action.title)
            for action in answer or ()
        ]

    async def apply(self, action: types.CodeAction) -> None:
        """Applies an action's edit as the editor would, asking for it where it did not come."""
        if action.edit is None:
            action = await self.lsp.code_action_resolve_async(action)
        edit = action.edit
        assert edit
        if edit.document_changes:
            [change] = edit.document_changes
            assert isinstance(change, types.TextDocumentEdit)
            assert change.text_document.version == self.version
            edits = change.edits
        else:
            assert edit.changes
            edits = edit.changes[self.uri]
        text = self.text
        starts = [0]
        for line in text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        for one in sorted(edits, key=lambda one: one.range.start, reverse=True):
            assert text.isascii(), "offsets below count characters"
            start = starts[one.range.start.line] + one.range.start.character
            end = starts[one.range.end.line] + one.range.end.character
            text = text[:start] + one.new_text + text[end:]
        self.change(text)

    async def command(self, command: str, **arguments: Any) -> Any:
        params = types.ExecuteCommandParams(f"backend-developer.{command}", [arguments])
        return await self.lsp.workspace_execute_command_async(params)

    async def review(self, task: str = "security") -> None:
        """Starts a review of the whole file."""
        answer = await self.command("review", uri=self.uri, task=task)
        assert answer["started"], answer

    def ends(self) -> list[str]:
        """The last words of each progress report."""
        return [
            str(report.message)
            for reports in self.lsp.progress_reports.values()
            for report in reports
            if isinstance(report, types.WorkDoneProgressEnd)
        ]

    def check_nothing_unexpected(self) -> None:
        messages = [one.message for one in self.lsp.messages]
        assert len(messages) == len(self.expected_messages), messages
        for message, beginning in zip(messages, self.expected_messages, strict=True):
            assert message.startswith(beginning)
        assert self.lsp.log_messages == []
        assert self.lsp.error is None
        assert [line for line in self.log if line.startswith(("ERROR", "Traceback"))] == []


async def until(condition: Callable[[], Awaitable[Any] | Any]) -> None:
    """Waits for something to become true; fails when it does not."""
    async with asyncio.timeout(SECONDS):
        while True:
            value = condition()
            if await value if isinstance(value, Awaitable) else value:
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def connected(
    profile: str, folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A client of a new server process; says goodbye and looks for anything unexpected."""
    chosen = capabilities(profile)
    workspace = chosen.workspace
    pulls = bool(
        workspace
        and workspace.diagnostics
        and chosen.text_document
        and chosen.text_document.diagnostic
    )
    lsp = make_test_lsp_client()
    client = Client(lsp, folder, pulls)

    async def keep(server: asyncio.subprocess.Process) -> None:
        assert server.stderr
        while line := await server.stderr.readline():
            client.log.append(line.decode())

    monkeypatch.setattr(pytest_lsp.client, "forward_stderr", keep)

    @lsp.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        """pytest-lsp has none of its own."""

    @lsp.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
    async def ask(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        client.questions.append(params.message)
        await client.may_answer.wait()
        choices = {choice.title: choice for choice in params.actions or ()}
        return choices.get(client.answer)

    home = folder / "home"
    home.mkdir(exist_ok=True)
    inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    await lsp.start_io(
        sys.executable,
        "-X",
        "dev",
        "-m",
        "backend_developer",
        "serve",
        env={
            **inherited,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "XDG_STATE_HOME": str(home),
            **environment,
        },
    )
    await lsp.initialize_session(
        types.InitializeParams(
            capabilities=chosen,
            workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name)],
        )
    )
    try:
        yield client
        await lsp.shutdown_session()
        client.check_nothing_unexpected()
    finally:
        await lsp.stop()


@pytest.fixture
async def model() -> AsyncIterator[LoopbackModel]:
    async with LoopbackModel() as model:
        yield model


@pytest.fixture(params=PROFILES[:2])
async def client(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A client whose server has the local engine only, as Neovim and as VS Code."""
    async with connected(request.param, tmp_path, {}, monkeypatch) as client:
        yield client


@pytest.fixture(params=PROFILES[:2])
async def client_with_agent(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: LoopbackModel,
) -> AsyncIterator[Client]:
    """The same with an agent, whose model is the loopback one."""
    assert model.key
    environment = {
        "ANTHROPIC_API_KEY": model.key,
        "ANTHROPIC_BASE_URL": model.url,
        # Each review here is one call, the same one too.
        "BACKEND_DEVELOPER_SECOND_LOOK": "off",
        "BACKEND_DEVELOPER_KEEP_ANSWERS": "false",
    }
    async with connected(request.param, tmp_path, environment, monkeypatch) as client:
        yield client
