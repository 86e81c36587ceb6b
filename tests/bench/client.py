"""A small language client over stdio for the benchmarks: no framework between clock and pipe."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BARE = [sys.executable, str(Path(__file__).with_name("bare_server.py"))]
"""The reference: a pygls server with one code action and nothing else."""
OURS = [sys.executable, "-m", "backend_developer", "serve"]

SEMGREP_RULE = """\
rules:
  - id: weak-hash
    languages: [python]
    severity: WARNING
    message: MD5 is broken.
    pattern: hashlib.md5(...)
"""
"""For semgrep, which brings none."""

CAPABILITIES: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {
        "publishDiagnostics": {"versionSupport": True},
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}},
    },
    "workspace": {"workspaceEdit": {"documentChanges": True}},
}


class Client:
    """Speaks JSON-RPC with one server process; notifications go to `on_notification`."""

    def __init__(self, process: asyncio.subprocess.Process, command: list[str]) -> None:
        self.process = process
        self.command = command
        self.on_notification: Callable[[str, Any], None] = lambda method, params: None
        self.longest_read = sys.maxsize
        """A longer message, in bytes, is taken and not decoded, which keeps from the clock."""
        self.takes_whole_texts = False
        """Of a document that changes, and not what has changed in it."""
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[Any, float]]] = {}

    def resident_bytes(self) -> tuple[int, int]:
        """Memory that lies in RAM, of the server and of all that it started (Linux only)."""
        server, *started = family(self.process.pid)
        return _resident_bytes(server), sum(map(_resident_bytes, started))

    async def request(self, method: str, params: Any) -> Any:
        return (await self.timed(method, params))[0]

    async def timed(self, method: str, params: Any) -> tuple[Any, float]:
        """The answer, and the seconds until its last byte was there."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        begin = time.perf_counter()
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        result, end = await asyncio.wait_for(answer, 60)
        return result, end - begin

    def notify(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    async def initialize(
        self, options: dict[str, Any] | None = None, folder: Path | None = None
    ) -> None:
        """Until `initialize` is answered; `initialized` is sent after it."""
        result = await self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri() if folder else None,
                "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}]
                if folder
                else None,
                "capabilities": CAPABILITIES,
                "initializationOptions": options or {},
            },
        )
        sync = result["capabilities"].get("textDocumentSync")
        # 1 is TextDocumentSyncKind.Full.
        self.takes_whole_texts = (sync.get("change") if isinstance(sync, dict) else sync) == 1
        self.notify("initialized", {})

    def open(self, uri: str, text: str, language: str = "python") -> None:
        item = {"uri": uri, "languageId": language, "version": 0, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def insert(self, uri: str, version: int, line: int, character: int, text: str) -> None:
        place = {"line": line, "character": character}
        self.change(uri, version, {"range": {"start": place, "end": place}, "text": text})

    def replace(self, uri: str, version: int, text: str) -> None:
        self.change(uri, version, {"text": text})

    def change(self, uri: str, version: int, change: dict[str, Any]) -> None:
        """`change` is LSP's TextDocumentContentChangeEvent."""
        document = {"uri": uri, "version": version}
        self.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [change]}
        )

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _read(self) -> None:
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            length = 0
            while line.strip():
                name, value = line.split(b":", 1)
                if name.lower() == b"content-length":
                    length = int(value)
                line = await self.process.stdout.readline()
            body = await self.process.stdout.readexactly(length)
            end = time.perf_counter()
            if length > self.longest_read:
                continue
            message = json.loads(body)
            if "method" in message:
                if "id" in message:
                    self._send({"jsonrpc": "2.0", "id": message["id"], "result": None})
                else:
                    self.on_notification(message["method"], message.get("params"))
            elif waiting := self._waiting.pop(message["id"], None):
                if "error" in message:
                    waiting.set_exception(RuntimeError(message["error"]["message"]))
                else:
                    waiting.set_result((message["result"], end))
        for waiting in self._waiting.values():
            waiting.set_exception(ConnectionError("The server has ended."))


@asynccontextmanager
async def started(command: list[str], folder: Path | None = None) -> AsyncIterator[Client]:
    """A server process with a client on it; ended, by force if need be, on leaving.

    It works in `folder`, or where this process does.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 24,
    )
    client = Client(process, command)
    reader = asyncio.create_task(client._read())
    try:
        yield client
        with suppress(TimeoutError, RuntimeError, ConnectionError):  # Some do not take leave.
            async with asyncio.timeout(10):
                await client.request("shutdown", None)
                client.notify("exit", None)
                await process.wait()
    finally:
        reader.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


def family(pid: int) -> Iterator[int]:
    """The process and all that it, and they, started."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # The thread has ended meanwhile.
            for child in path.read_text().split():
                yield from family(int(child))


def _resident_bytes(pid: int) -> int:
    with suppress(OSError):  # A linter that has ended meanwhile.
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True)
class Memory:
    """Of one or several processes, in MiB."""

    rss: float = 0.0
    """What lies in RAM."""
    pss: float = 0.0
    """The same, of what is shared only its part."""
    uss: float = 0.0
    """What is shared with nobody."""


def memory_of(pid: int) -> tuple[Memory, Memory]:
    """Of a process, and of all that it started together (Linux only)."""
    server, *started = family(pid)
    each = [_memory(one) for one in started]
    return _memory(server), Memory(
        sum(one.rss for one in each), sum(one.pss for one in each), sum(one.uss for one in each)
    )


def _memory(pid: int) -> Memory:
    kilobytes: dict[str, int] = {}
    with suppress(OSError):  # A linter that has ended meanwhile.
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, amount, _ = line.split()
            kilobytes[name.rstrip(":")] = int(amount)
    own = kilobytes.get("Private_Clean", 0) + kilobytes.get("Private_Dirty", 0)
    return Memory(kilobytes.get("Rss", 0) / 1024, kilobytes.get("Pss", 0) / 1024, own / 1024)


def processor_seconds(pid: int) -> float:
    """What a process and all that it started, those that have ended too, have worked so far."""
    ticks = 0
    for one in family(pid):
        with suppress(OSError):  # A linter that has ended meanwhile.
            after_name = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2]
            ticks += sum(map(int, after_name.split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def is_at_work(pid: int) -> bool:
    """Whether a thread of a process, or of what it started, works or waits for a processor."""
    for one in family(pid):
        for path in Path(f"/proc/{one}/task").glob("*/stat"):
            with suppress(OSError):  # It has ended meanwhile.
                if path.read_text().rpartition(")")[2].split()[0] != "S":
                    return True
    return False


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def python_file(lines: int, findings: int) -> str:
    """Plausible Python of about `lines` lines, with `findings` things for the local engine to find.

    Each finding has a fix that passes its checks, so that these and code actions have their full
    work.
    """
    functions = lines // 10
    spaced = {round(index * functions / findings) for index in range(findings)} if findings else ()
    parts = ["import hashlib\n\nimport requests\n\n\n"]
    for number in range(functions):
        timeout = "" if number in spaced else ", timeout=10"
        parts.append(
            f"def read_{number}(address: str, names: list[str]) -> dict[str, object]:\n"
            f'    """Reads part {number} of the configuration."""\n'
            f"    values = requests.get(address{timeout}).json()\n"
            f"    chosen = {{name: values[name] for name in names if name in values}}\n"
            f"    digest = hashlib.sha256(address.encode()).hexdigest()\n"
            f'    chosen["digest"] = digest\n'
            f'    chosen["number"] = {number}\n'
            f"    return chosen\n\n\n"
        )
    return "".join(parts)


def javascript_file(lines: int) -> str:
    """Plausible JavaScript of about `lines` lines."""
    functions = (
        f"export async function read{number}(address, names) {{\n"
        f"  const response = await fetch(address);\n"
        f"  const values = await response.json();\n"
        f"  const chosen = names.filter((name) => name in values);\n"
        f'  const hash = crypto.createHash("sha256").update(address);\n'
        f"  return {{\n"
        f'    digest: hash.digest("hex"), chosen, number: {number},\n'
        f"  }};\n"
        f"}}\n\n"
        for number in range(lines // 10)
    )
    return 'import crypto from "node:crypto";\n\n' + "".join(functions)
