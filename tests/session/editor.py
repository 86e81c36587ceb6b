"""An editor for tests: speaks real JSON with a server in this process, and two scripted engines.

The engines answer by hand, so that each race is a straight line:

    call = await editor.agent.called()      the server has asked the agent
    call.say(finding("eval(x)", …))         the agent has finished writing one finding
    call.end() | call.fail("…")             its answer is over
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import urllib.parse
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend_developer.app import create_server
from backend_developer.catalogue import Catalogue
from backend_developer.core.model import (
    Candidate,
    CheckReport,
    Document,
    Proposal,
    ProposedFix,
    Quote,
    Replacement,
    Rule,
    SearchReplace,
    Span,
    Verdict,
)
from backend_developer.engines.base import Answer, EngineError, ReviewRequest
from backend_developer.review import Collected, Indexer, Reviewers
from backend_developer.session import Session
from backend_developer.settings import Settings

SECONDS = 10.0
"""Limit of every wait in a test."""

RULES = [
    Rule(
        "security/code-injection",
        "Code built from input",
        "security",
        "error",
        "Input becomes code.",
        "Parse it instead.",
        cwes=(95,),
        owasp=("A03:2021",),
        link="https://cwe.mitre.org/data/definitions/95.html",
    ),
    Rule("security/weak-hash", "Weak hash", "security", "warning", "It breaks.", "Use SHA-256."),
    Rule("security/hardcoded-secret", "Secret", "security", "warning", "It leaks.", "Move it."),
    Rule("performance/select-star", "All columns", "performance", "warning", "Slow.", "Name them."),
]
CATALOGUE = Catalogue({rule.id: rule for rule in RULES})

PUSH: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True},
    "workspace": {"workspaceEdit": {"documentChanges": True}, "configuration": True},
    "textDocument": {
        "publishDiagnostics": {"relatedInformation": True, "codeDescriptionSupport": True},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["", "quickfix"]}},
            "isPreferredSupport": True,
        },
    },
}
"""A capable client that is sent its diagnostics."""


def with_capability(path: str, value: Any, base: dict[str, Any] = PUSH) -> dict[str, Any]:
    """A copy of `base` with the capability at a dotted path."""
    copy: dict[str, Any] = json.loads(json.dumps(base))
    *parents, name = path.split(".")
    place = copy
    for parent in parents:
        place = place.setdefault(parent, {})
    place[name] = value
    return copy


PULL = with_capability(
    "workspace.diagnostics",
    {"refreshSupport": True},
    with_capability("textDocument.diagnostic", {"dynamicRegistration": False}),
)


# --- Engines


def finding(
    code: str, rule: str = "security/code-injection", fix: str | None = None, **rest: Any
) -> Proposal:
    """What the agent says of the code it quotes; `fix` is what it puts in its place."""
    proposed = None
    if fix is not None:
        needs = rest.pop("needs", "none")
        proposed = ProposedFix(f"Use {fix}", (SearchReplace(code, fix),), needs)
    rest = {"message": f"About {code}.", "source": "agent:test-model", **rest}
    return Proposal(Quote(code), rule, author="agent", fix=proposed, **rest)


def local_findings(document: Document) -> list[Proposal]:
    """What the scripted local engine finds: `md5(` surely, `maybe(` unsurely."""
    return [
        Proposal(
            Span(match.start(), match.end()),
            "security/weak-hash" if match[1] == "md5" else "security/hardcoded-secret",
            f"`{match[1]}` is weak.",
            source="rule:test",
            author="local",
            confidence="high" if match[1] == "md5" else "low",
            fix=ProposedFix("Use sha256", (Replacement(Span(*match.span(1)), "sha256"),)),
        )
        for match in re.finditer(r"\b(md5|maybe)\(", document.text)
    ]


@dataclass(eq=False)
class Call:
    """One review that an engine was asked for."""

    request: ReviewRequest
    closed: bool = False
    """The server does not want to hear more."""
    _answers: asyncio.Queue[Answer | Exception | None] = field(default_factory=asyncio.Queue)

    def say(self, *answers: Answer) -> None:
        for answer in answers:
            self._answers.put_nowait(answer)

    def refute(self, code: str, reason: str) -> None:
        evidence = next(one for one in self.request.evidence if one.code == code)
        self.say(Verdict(evidence.id, True, reason))

    def end(self) -> None:
        self._answers.put_nowait(None)

    def fail(self, sentence: str | Exception) -> None:
        error = EngineError(sentence) if isinstance(sentence, str) else sentence
        self._answers.put_nowait(error)


class ScriptedEngine:
    """Answers each call by hand, or at once with what `by_itself` gives."""

    def __init__(
        self, name: str, by_itself: Callable[[Document], Sequence[Answer]] | None = None
    ) -> None:
        self.name = name
        self.by_itself = by_itself
        self.calls: list[Call] = []
        self.looks_twice = False
        """Whether a second look is a call like any other; else it refutes nothing, at once."""
        self._waiting: asyncio.Queue[Call] = asyncio.Queue()

    async def called(self) -> Call:
        """The next call that was not taken yet."""
        return await asyncio.wait_for(self._waiting.get(), SECONDS)

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        if request.second_look and not self.looks_twice:
            return
        call = Call(request)
        self.calls.append(call)
        if self.by_itself:
            call.say(*self.by_itself(request.document))
            call.end()
        else:
            self._waiting.put_nowait(call)
        try:
            while (answer := await call._answers.get()) is not None:
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        finally:
            call.closed = True


class ScriptedChecker:
    """Passes every fix but those whose new text says that it is broken.

    A text that ends in an open parenthesis has a syntax error.
    """

    async def check(
        self, document: Document, candidates: Sequence[Candidate], settings: Settings
    ) -> list[CheckReport]:
        return [
            CheckReport("It does not parse." if "broken" in candidate.text_after else "")
            for candidate in candidates
        ]

    async def syntax_error_line(self, document: Document) -> int:
        return 1 + document.text.count("\n") if document.text.endswith("(") else 0


# --- The editor


class ReplyError(Exception):
    """The server refused a request."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.error = error


class Editor:
    """One client with one server. Keeps its own plain model of each text."""

    def __init__(
        self,
        agent: bool = False,
        indexer: Indexer | None = None,
        collect: Callable[[Settings, str], Awaitable[Collected]] | None = None,
        real: tuple[Reviewers, Mapping[str, str]] | None = None,
    ) -> None:
        """`real` are engines in place of the scripted ones, with the server's environment."""
        self.local = ScriptedEngine("local", local_findings)
        self.agent = ScriptedEngine("agent")
        # Nothing is sent there; it only makes the agent available.
        environment = {"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}
        environment["XDG_STATE_HOME"] = "/nonexistent"
        if agent:
            environment["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:9"
        checker = ScriptedChecker()
        reviewers = Reviewers(self.local, self.agent, checker, CATALOGUE, indexer, collect)
        if real:
            reviewers, environment = real[0], {**environment, **real[1]}
        self.server = create_server(lambda environment, person: reviewers, environment)
        self.server.writer = self
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.encoding = "utf-16"
        self.capabilities: dict[str, Any] = {}
        self.settings: dict[str, Any] | None = {}
        """What it answers when it is asked for its settings."""
        self.silent: set[str] = set()
        """Methods of requests that it never answers."""
        self.notifications: list[tuple[str, Any]] = []
        self.requests: list[tuple[str, Any]] = []
        """What the server asked."""
        self.refused: list[dict[str, Any]] = []
        """Errors under no id."""
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)

    @property
    def session(self) -> Session:
        session = self.server.handlers["initialize"].args[0]  # type: ignore[attr-defined]
        assert isinstance(session, Session)
        return session

    # The wire

    def write(self, data: bytes) -> None:
        header, _, body = data.partition(b"\r\n\r\n")
        assert int(re.match(rb"Content-Length: (\d+)", header)[1]) == len(body)  # type: ignore[index]
        message = json.loads(body)
        if "method" not in message and message["id"] is None:
            self.refused.append(message["error"])
        elif "method" not in message:
            reply = self._replies.pop(message["id"])
            if "error" in message:
                reply.set_exception(ReplyError(message["error"]))
            else:
                reply.set_result(message["result"])
        elif "id" not in message:
            self.notifications.append((message["method"], message.get("params")))
        else:
            self.requests.append((message["method"], message.get("params")))
            if message["method"] not in self.silent:
                # A client answers later, never within the server's own call.
                asyncio.get_running_loop().call_soon(self.send, self._answer(message))

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        result = [self.settings] if message["method"] == "workspace/configuration" else None
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def send(self, message: Any) -> None:
        server = self.server
        text = json.dumps(message)
        server.handle_message(json.loads(text, object_hook=server.structure_message))

    def notify(self, method: str, params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def request(self, method: str, params: Any) -> Any:
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return await asyncio.wait_for(reply, SECONDS)

    # What a person does

    async def start(
        self,
        capabilities: dict[str, Any] = PUSH,
        folder: Path | None = None,
        options: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        folders = [{"uri": folder.as_uri(), "name": folder.name}] if folder else None
        result: dict[str, Any] = await self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "capabilities": capabilities,
                "initializationOptions": options,
                "workspaceFolders": folders,
            },
        )
        self.encoding = result["capabilities"]["positionEncoding"]
        self.notify("initialized", {})
        return result

    def open(self, uri: str, text: str, language: str = "python", version: int = 1) -> None:
        self.texts[uri], self.versions[uri] = text, version
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def close_file(self, uri: str) -> None:
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def edit(self, uri: str, old: str, new: str) -> None:
        """Replaces the first `old` in the text, as typing does."""
        start = self.texts[uri].index(old)
        self.replace(uri, (start, start + len(old), new))

    def replace(self, uri: str, *changes: tuple[int, int, str]) -> None:
        """Makes changes (start, end, new text), each of the text after the one before it."""
        events = []
        for start, end, new in changes:
            text = self.texts[uri]
            range_ = {"start": self.position(text, start), "end": self.position(text, end)}
            events.append({"range": range_, "text": new})
            self.texts[uri] = text[:start] + new + text[end:]
        self.versions[uri] += 1
        identifier = {"uri": uri, "version": self.versions[uri]}
        params = {"textDocument": identifier, "contentChanges": events}
        self.notify("textDocument/didChange", params)

    def apply(self, edit: dict[str, Any]) -> None:
        """Applies a workspace edit as an editor does: only if it is of the current version."""
        if "documentChanges" in edit:
            groups = [
                (one["textDocument"]["uri"], one["textDocument"]["version"], one["edits"])
                for one in edit["documentChanges"]
                if not self._made_or_taken_away(one)
            ]
        else:
            groups = [(uri, None, edits) for uri, edits in edit["changes"].items()]
        for uri, version, edits in groups:
            if uri not in self.texts:
                # An editor opens what it changes, and leaves it unsaved.
                path = Path(urllib.parse.unquote(uri.removeprefix("file://")))
                self.open(uri, path.read_bytes().decode("utf-8-sig"))
            assert version in (None, self.versions[uri]), "the edit is stale"
            text = self.texts[uri]
            spans = [
                (
                    self.offset(text, one["range"]["start"]),
                    self.offset(text, one["range"]["end"]),
                    one["newText"],
                )
                for one in edits
            ]
            self.replace(uri, *sorted(spans, reverse=True))

    def _made_or_taken_away(self, operation: dict[str, Any]) -> bool:
        """Makes a file, or takes one away, when that is the operation; as VS Code does."""
        if "kind" not in operation:
            return False
        path = Path(urllib.parse.unquote(operation["uri"].removeprefix("file://")))
        if operation["kind"] == "create":
            assert operation["options"] == {"overwrite": False, "ignoreIfExists": True}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        else:
            if operation["uri"] in self.texts:
                self.close_file(operation["uri"])
                del self.texts[operation["uri"]]
            path.unlink()
        changed = {"uri": operation["uri"], "type": 1 if operation["kind"] == "create" else 3}
        self.notify("workspace/didChangeWatchedFiles", {"changes": [changed]})
        return True

    async def command(self, command: str, **arguments: Any) -> Any:
        return await self.request(
            "workspace/executeCommand",
            {"command": f"backend-developer.{command}", "arguments": [arguments]},
        )

    async def review(self, uri: str, code: str = "", task: str = "security") -> dict[str, Any]:
        """Runs a review of the selected code, or of the whole file, by its command."""
        place = {"range": self.range(uri, code)} if code else {}
        answer: dict[str, Any] = await self.command("review", uri=uri, task=task, **place)
        return answer

    async def actions(self, uri: str, code: str, only: list[str] | None = None) -> list[Any]:
        context: dict[str, Any] = {"diagnostics": []}
        if only is not None:
            context["only"] = only
        answer: list[Any] = await self.request(
            "textDocument/codeAction",
            {
                "textDocument": {"uri": uri},
                "range": self.range(uri, code),
                "context": context,
            },
        )
        return answer

    async def action(self, uri: str, code: str, title: str) -> dict[str, Any]:
        """The one action whose title begins so."""
        found = [one for one in await self.actions(uri, code) if one["title"].startswith(title)]
        assert len(found) == 1, [one["title"] for one in await self.actions(uri, code)]
        action: dict[str, Any] = found[0]
        return action

    async def hover(self, uri: str, code: str) -> str:
        place = self.range(uri, code)["start"]
        params = {"textDocument": {"uri": uri}, "position": place}
        answer = await self.request("textDocument/hover", params)
        return answer["contents"]["value"] if answer else ""

    # What a person sees

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        published = self.published(uri)
        return published[-1]["diagnostics"] if published else []

    def published(self, uri: str) -> list[dict[str, Any]]:
        return [
            params
            for method, params in self.notifications
            if method == "textDocument/publishDiagnostics" and params["uri"] == uri
        ]

    def marked(self, uri: str) -> list[str]:
        """The code under each diagnostic, in order."""
        text = self.texts[uri]
        return [
            text[self.offset(text, one["range"]["start"]) : self.offset(text, one["range"]["end"])]
            for one in self.diagnostics(uri)
        ]

    def messages(self) -> list[str]:
        return [params["message"] for method, params in self.notifications if "Message" in method]

    def progress(self) -> list[dict[str, Any]]:
        return [params["value"] for method, params in self.notifications if method == "$/progress"]

    async def settled(self) -> None:
        """Waits until no run goes on and nothing is left to publish."""
        session = self.session
        await until(
            lambda: (
                not session.runs
                and not session._tasks
                and not session.reviewing_others
                and not any(opened.publishing for opened in session.documents.values())
            )
        )

    # Positions, written apart from the program's own

    def position(self, text: str, offset: int) -> dict[str, int]:
        lines = re.split(r"\r\n|\r|\n", text[:offset])
        # Between "\r" and "\n" there is no position.
        if text[offset - 1 : offset + 1] == "\r\n":
            lines.pop()
        return {"line": len(lines) - 1, "character": len(self._units(lines[-1]))}

    def offset(self, text: str, position: dict[str, int]) -> int:
        starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
        if position["line"] >= len(starts):
            return len(text)
        start = starts[position["line"]]
        units = self._units(text[start:])[: position["character"]]
        width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[self.encoding]
        data = b"".join(units) if width > 1 else bytes(byte[0] for byte in units)
        return start + len(data.decode(self._codec(), "surrogatepass"))

    def range(self, uri: str, code: str) -> dict[str, Any]:
        start = self.texts[uri].index(code)
        return {
            "start": self.position(self.texts[uri], start),
            "end": self.position(self.texts[uri], start + len(code)),
        }

    def _units(self, text: str) -> list[bytes]:
        width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[self.encoding]
        data = text.encode(self._codec(), "surrogatepass")
        return [data[index : index + width] for index in range(0, len(data), width)]

    def _codec(self) -> str:
        return "utf-8" if self.encoding == "utf-8" else f"{self.encoding}-le"


async def until(condition: Callable[[], Any]) -> None:
    """Waits for something to become true; fails when it does not."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - a condition of any kind
            await asyncio.sleep(0.002)
