"""A client that may say anything: raw bytes to a real server process, and what came back."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = 60.0
"""Limit of every wait: a loaded machine is slow."""
UNSAFE = """\
import tarfile


def unpack():
    with tarfile.open("in.tar") as archive:
        archive.extractall("out")
"""
PLACE = {"line": 5, "character": 10}
"""Of the finding that a hover tells of, as long as the server is well."""
CAPABILITIES: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True},
    "workspace": {"configuration": True, "codeLens": {"refreshSupport": True}},
    "textDocument": {"hover": {"contentFormat": ["markdown"]}},
}


def framed(body: bytes | str) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    return b"Content-Length: %d\r\n\r\n%b" % (len(data), data)


class Client:
    """One server process. What it asks is answered by `answer`: None is no answer at all."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.uri = (folder / "app.py").as_uri()
        self.answer: Callable[[dict[str, Any]], Any] = _polite
        self.notifications: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.strays: list[dict[str, Any]] = []
        """Answers to nothing that this client asked."""
        self._number = 1000
        self._replies: dict[Any, queue.SimpleQueue[dict[str, Any]]] = {}
        home = str(folder / "home")
        self._errors = (folder / "stderr.txt").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backend_developer", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(sys.path),
                "HOME": home,
                "XDG_CONFIG_HOME": home,
                "XDG_STATE_HOME": home,
                "XDG_CACHE_HOME": home,
                **(environment or {}),
            },
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # What it sends

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def send(self, message: object) -> None:
        self.write(framed(json.dumps(message)))

    def notify(self, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method: str, params: object = None) -> int:
        """Sends a request; `reply` waits for its answer."""
        self._number += 1
        self._replies[self._number] = queue.SimpleQueue()
        self.send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return self._number

    def reply(self, number: int, seconds: float = SECONDS) -> dict[str, Any]:
        try:
            return self._replies[number].get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("no answer came") from None

    def request(self, method: str, params: object = None) -> dict[str, Any]:
        return self.reply(self.begin(method, params))

    # What a well-behaved one does

    def start(self, capabilities: Mapping[str, Any] = CAPABILITIES) -> None:
        """Says hello and opens a file with a finding."""
        folders = [{"uri": self.folder.as_uri(), "name": "work"}]
        params = {"processId": None, "rootUri": None, "capabilities": capabilities}
        assert "result" in self.request("initialize", {**params, "workspaceFolders": folders})
        self.notify("initialized", {})
        self.open(self.uri, UNSAFE)

    def open(self, uri: str, text: str, language: str = "python") -> None:
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def open_again(self) -> None:
        """As the server has asked a person to do, where it could not follow a change."""
        self.notify("textDocument/didClose", {"textDocument": {"uri": self.uri}})
        self.open(self.uri, UNSAFE)

    def hover(self) -> str:
        reply = self.request(
            "textDocument/hover", {"textDocument": {"uri": self.uri}, "position": PLACE}
        )
        return str((reply.get("result") or {}).get("contents", {}).get("value", ""))

    def is_well(self) -> None:
        """Waits until the server tells of the finding; fails when it does not."""
        until(lambda: "CWE-22" in self.hover(), "the hover does not tell of the finding")

    def goodbye(self) -> None:
        assert self.request("shutdown").get("result", 0) is None
        self.notify("exit")
        assert self.exit_code() == 0

    def exit_code(self, seconds: float = SECONDS) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("the server did not end") from None

    @property
    def log(self) -> str:
        return (self.folder / "stderr.txt").read_text(errors="replace")

    def popups(self) -> list[str]:
        return [
            one["params"]["message"]
            for one in self.notifications
            if one["method"] == "window/showMessage"
        ]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        for stream in (self.process.stdin, self.process.stdout, self._errors):
            assert stream
            with contextlib.suppress(OSError):
                stream.close()

    # What comes back

    def _read(self) -> None:
        assert self.process.stdout
        with contextlib.suppress(OSError, ValueError):
            while header := self.process.stdout.readline():
                length = int(header.removeprefix(b"Content-Length: "))
                self.process.stdout.readline()
                message = json.loads(self.process.stdout.read(length))
                assert "Traceback" not in json.dumps(message)
                self._sort(message)

    def _sort(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            replies = self._replies.get(message["id"]) if message["id"] is not None else None
            replies.put(message) if replies else self.strays.append(message)
        elif "id" not in message:
            self.notifications.append(message)
        else:
            self.asked.append(message)
            for reply in self.answer(message) or ():
                self.send({"jsonrpc": "2.0", **reply})


def _polite(message: dict[str, Any]) -> list[dict[str, Any]]:
    is_question = message["method"] == "workspace/configuration"
    return [{"id": message["id"], "result": [{}] if is_question else None}]


@contextmanager
def connected(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Client]:
    folder.mkdir(parents=True, exist_ok=True)
    client = Client(folder, environment)
    try:
        yield client
    finally:
        client.close()


def until(condition: Callable[[], object], otherwise: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)
