"""A scripted endpoint that speaks the Messages API on 127.0.0.1, for tests and benchmarks.

It speaks it as Bedrock, Vertex and Foundry do, too, where a request comes to their paths.

    async with LoopbackModel() as model:
        model.script(Reply(answer(finding(quote="x = 1"))), Reply(status=529))
        ... Settings(base_url=model.url), {"ANTHROPIC_API_KEY": model.key} ...
        assert model.requests[0].body["model"] == "claude-sonnet-5-5"

Replies are given in the order of the script; when it is used up, the answer has
no findings. As a program it answers every request alike, until it is stopped:

    python tests/loopback_model.py --port 8123 [--answer FILE] [--key KEY] [--delay SECONDS]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import re
import struct
import sys
import time
import urllib.parse
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

KEY = "loopback-key"

Fault = Literal[
    "none",
    "error-event",  # an `error` event, of type `error_type`, in mid-stream
    "cut",  # the connection is dropped
    "no-start",  # the stream has no message_start
    "no-stop",  # the stream ends cleanly, without message_delta and message_stop
    "silent",  # nothing comes at all, not even a status
    "stall",  # nothing more comes, and the connection stays open
    "bad-event",  # an event whose data is no JSON
]


def finding(**members: Any) -> dict[str, Any]:
    """A finding as the answer's schema has it; every member has a default."""
    return {
        "quote": "",
        "line": 1,
        "message": "The query is built from the request.",
        "flow": [],
        "rule": "security/sql-injection",
        "focus": "security",
        "severity": "error",
        "confidence": "high",
        "cwes": [89],
        "fix": None,
    } | members


def answer(*findings: Mapping[str, Any], evidence: Iterable[Mapping[str, Any]] = ()) -> str:
    """The text of a whole answer."""
    return json.dumps({"findings": findings, "evidence": [*evidence]}, ensure_ascii=False)


def edit(file: str, old: str, new: str, line: int = 1) -> dict[str, Any]:
    """An edit of a change, as the answer's schema has it."""
    return {"file": file, "old": old, "new": new, "line": line}


def change(
    *edits: Mapping[str, Any],
    explanation: Iterable[str] = (),
    files: Mapping[str, str] | None = None,
    dependencies: Iterable[tuple[str, str, str]] = (),
    steps: Iterable[tuple[str, str]] = (),
) -> str:
    """The text of a whole answer to a task that changes something; new files by path,
    dependencies as (name, version, why), steps as (kind, text).
    """
    members = {
        "explanation": [*explanation],
        "edits": edits,
        "files": [{"path": path, "content": text} for path, text in (files or {}).items()],
        "dependencies": [
            {"name": name, "version": version, "why": why} for name, version, why in dependencies
        ],
        "steps": [{"kind": kind, "text": text} for kind, text in steps],
    }
    return json.dumps(members, ensure_ascii=False)


def change_answer(**members: Any) -> str:
    """The text of a whole answer to a task that changes; each member is empty by default."""
    names = ("explanation", "edits", "files", "dependencies", "steps")
    return json.dumps({name: [] for name in names} | members, ensure_ascii=False)


@dataclass(frozen=True)
class Reply:
    """How one request is answered."""

    text: str = answer()
    chunk: int = 40
    """Characters of each text event; 1 cuts everywhere."""
    pieces: tuple[str, ...] = ()
    """The text events, in place of `text` cut into chunks."""
    delay: float = 0.0
    """Seconds before each text event: a slow drip."""
    fault: Fault = "none"
    after: int = 0
    """Characters of `text` that are sent before the fault."""
    error_type: str = "overloaded_error"
    stop_reason: str = "end_turn"
    refusal: str | None = None
    """The category in stop_details, for stop_reason "refusal"."""
    usage: Mapping[str, int] = field(
        default_factory=lambda: {
            "input_tokens": 1200,
            "cache_creation_input_tokens": 300,
            "cache_read_input_tokens": 2500,
        }
    )
    output_tokens: int = 77
    status: int = 200
    """Anything else is answered without a stream, as `error_type` with `message`."""
    message: str = "scripted error"
    headers: Mapping[str, str] = field(default_factory=dict)
    tools: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Tools that are called after the text: names and arguments."""
    in_tool: str = ""
    """The name of a tool whose arguments `text` is; it is then no text."""
    thinking: str = ""
    """A thinking block, with a signature, before everything else."""
    redacted_thinking: str = ""
    """The data of a redacted one, after that."""
    raw_arguments: str | None = None
    """What the arguments of every tool are written as instead."""
    html: str = ""
    """Sent as text/html instead of everything above but `status` and `headers`."""
    json: str = ""
    """Sent as application/json in the same way: an error as others than Anthropic put it."""


class PromptCache:
    """Counts a request's tokens as an endpoint with a prompt cache does, at 3.5 bytes each.

    What was written to it before, byte for byte and from the very beginning, is read from it, as
    far as that ends at a breakpoint or at most LOOK_BACK blocks before one; the rest up to the
    last breakpoint is written to it.
    """

    LOOK_BACK = 20
    """https://platform.claude.com/docs/en/build-with-claude/prompt-caching"""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        blocks = [
            *body.get("tools", ()),
            *body.get("system", ()),
            *(block for message in body["messages"] for block in message["content"]),
        ]
        length = cached = written = 0
        prefix = hashlib.sha256(str(body["model"]).encode())
        ends: list[tuple[bytes, int]] = []
        for block in blocks:
            bare = {key: value for key, value in block.items() if key != "cache_control"}
            data = json.dumps(bare, ensure_ascii=False).encode()
            prefix.update(data)
            length += len(data)
            ends.append((prefix.digest(), length))
            if "cache_control" in block:
                known = (end for digest, end in ends[-self.LOOK_BACK :] if digest in self._seen)
                cached = max(cached, *known, 0)
                self._seen.add(prefix.digest())
                written = length
        return {
            "input_tokens": round((length - written) / 3.5),
            "cache_creation_input_tokens": round((written - cached) / 3.5),
            "cache_read_input_tokens": round(cached / 3.5),
        }


@dataclass
class Recorded:
    """One request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    """The client closed the connection before the reply was complete."""
    disconnected_at: float | None = None
    """`time.monotonic()` of that."""

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw or b"{}")


class LoopbackModel:
    """The server. `requests` has everything that was received, also what was refused."""

    def __init__(self, key: str | None = KEY, host: str = "127.0.0.1", port: int = 0) -> None:
        self.key = key
        """The key that is asked for; None: any, or none."""
        self.requests: list[Recorded] = []
        self.connections = 0
        """How many were ever made."""
        self.models: set[str] | None = None
        """The models that exist; None: all."""
        self.refuses: Mapping[str, str] = {}
        """A member of a request, such as "output_config" -> the message of the 400 it gets."""
        self.usual: Callable[[dict[str, Any]], Reply] = lambda body: Reply()
        """Replies, from the request's body, when the script is used up."""
        self.on_piece: Callable[[], None] = lambda: None
        """Called when a text event has been sent."""
        self.batches: dict[str, list[dict[str, Any]]] = {}
        """Id -> its requests."""
        self.batches_are_done = False
        self.archived_at: str | None = None
        self.said_batches: int | None = None
        """More are taken too, and nothing is said of it."""
        self.batch_status = 200
        """What is answered to a batch; it is taken all the same."""
        self._script: deque[Reply] = deque()
        self._host, self._port = host, port
        self._connections: set[asyncio.Task[None]] = set()

    def script(self, *replies: Reply) -> None:
        self._script.extend(replies)

    def forget_script(self) -> None:
        self._script.clear()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> LoopbackModel:
        self._server = await asyncio.start_server(self._connected, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        self.connections += 1
        early = b""
        try:
            while request := await _read_request(reader, early):
                self.requests.append(request)
                early = await self._watched(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _watched(
        self, request: Recorded, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """Replies, until done or until the client goes; what it sends early is returned."""
        replying = asyncio.create_task(self._reply(request, writer))
        reading = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait((replying, reading), return_when=asyncio.FIRST_COMPLETED)
            # A client that closes before it has read all resets the connection.
            if replying.done():
                is_gone = isinstance(replying.exception(), ConnectionError)
            else:
                is_gone = bool(reading.exception()) or not reading.result()
            if is_gone:
                request.disconnected_at = time.monotonic()
                request.disconnected.set()
                raise ConnectionResetError
            await replying
            return reading.result() if reading.done() else b""
        finally:
            for task in (replying, reading):
                task.cancel()
            await asyncio.gather(replying, reading, return_exceptions=True)

    async def _reply(self, request: Recorded, writer: asyncio.StreamWriter) -> None:
        path = urllib.parse.unquote(request.path)
        messages = request.method == "POST" and _MESSAGES.fullmatch(path)
        if self.key is not None and self.key not in _keys(request):
            error = Reply(status=401, error_type="authentication_error", message="invalid key")
            await _send_error(writer, error)
        elif request.method == "GET" and request.path.startswith("/v1/models/"):
            await self._send_model(writer, request.path.removeprefix("/v1/models/"))
        elif request.path.startswith("/v1/messages/batches"):
            await self._reply_to_batch(request, writer)
        elif not messages:
            await _send(writer, 404, b"<h1>Not found</h1>", "text/html")
        elif self.models is not None and _model(messages, request.body) not in self.models:
            await _send_error(writer, _unknown(_model(messages, request.body)))
        elif refused := next((key for key in self.refuses if key in request.body), None):
            message = self.refuses[refused]
            error = Reply(status=400, error_type="invalid_request_error", message=message)
            await _send_error(writer, error)
        else:
            body = request.body
            reply = self._script.popleft() if self._script else self.usual(body)
            if page := (reply.html or reply.json).encode():
                kind = "text/html; charset=utf-8" if reply.html else "application/json"
                await _send(writer, reply.status, page, kind, reply.headers)
            elif reply.status != 200:
                await _send_error(writer, reply)
            else:
                framing = EVENT_STREAM if path.startswith("/model/") else SERVER_SENT_EVENTS
                await _send_stream(writer, reply, _model(messages, body), framing, self.on_piece)

    async def _reply_to_batch(self, request: Recorded, writer: asyncio.StreamWriter) -> None:
        """Takes a batch, says how far it is, or gives its results, as the script has them."""
        *_, batch_id, last = request.path.split("?")[0].split("/")
        if request.method == "GET" and last == "batches":
            listed = [self._batch(one) for one in reversed(self.batches)]
            page = {"data": listed, "has_more": False, "first_id": None, "last_id": None}
            await _send(writer, 200, json.dumps(page).encode(), "application/json")
            return
        if request.method == "POST":
            batch_id = f"msgbatch_{len(self.batches) + 1}"
            self.batches[batch_id] = request.body["requests"]
            if self.said_batches is not None and len(self.batches) > self.said_batches:
                await asyncio.Event().wait()
            if self.batch_status != 200:
                await _send_error(writer, Reply(status=self.batch_status))
                return
        elif last in self.batches:
            batch_id = last
        if batch_id not in self.batches:
            message = f"{last} not found"
            error = {"type": "error", "error": {"type": "not_found_error", "message": message}}
            await _send(writer, 404, json.dumps(error).encode(), "application/json")
            return
        if last == "results":
            raw = "".join(
                json.dumps(self._result(one)) + "\n" for one in self.batches[batch_id]
            ).encode()
            await _send(writer, 200, raw, "application/x-jsonl")
            return
        await _send(writer, 200, json.dumps(self._batch(batch_id)).encode(), "application/json")

    def _batch(self, batch_id: str) -> dict[str, Any]:
        count = len(self.batches[batch_id])
        done = count if self.batches_are_done else 0
        counts = {"processing": count - done, "succeeded": done}
        counts |= {"errored": 0, "canceled": 0, "expired": 0}
        return {
            "id": batch_id,
            "type": "message_batch",
            "processing_status": "ended" if self.batches_are_done else "in_progress",
            "request_counts": counts,
            "created_at": datetime.now(UTC).isoformat(),
            "expires_at": datetime.now(UTC).isoformat(),
            "ended_at": None,
            "archived_at": self.archived_at,
            "cancel_initiated_at": None,
            "results_url": f"{self.url}/v1/messages/batches/{batch_id}/results"
            if self.batches_are_done
            else None,
        }

    def _result(self, request: Mapping[str, Any]) -> dict[str, Any]:
        reply = self._script.popleft() if self._script else self.usual(request["params"])
        if reply.status != 200:
            error = {"type": reply.error_type, "message": reply.message}
            result = {"type": "errored", "error": {"type": "error", "error": error}}
            return {"custom_id": request["custom_id"], "result": result}
        [start, _] = _opening(reply, request["params"]["model"])
        message = start["message"] | {
            "content": [{"type": "text", "text": reply.text}],
            "stop_reason": reply.stop_reason,
            "usage": {**reply.usage, "output_tokens": reply.output_tokens},
        }
        result = {"type": "succeeded", "message": message}
        return {"custom_id": request["custom_id"], "result": result}

    async def _send_model(self, writer: asyncio.StreamWriter, model: str) -> None:
        if self.models is not None and model not in self.models:
            await _send_error(writer, _unknown(model))
            return
        info = {
            "type": "model",
            "id": model,
            "display_name": model,
            "created_at": "2026-01-01T00:00:00Z",
            "lifecycle": "active",
            "max_input_tokens": 200000,
            "max_tokens": 64000,
        }
        await _send(writer, 200, json.dumps(info).encode(), "application/json")


_MESSAGES = re.compile(
    r"(?:/anthropic)?/v1/messages"
    r"|/model/(?P<bedrock>[^/]+)/invoke-with-response-stream"
    r"|/v1/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/(?P<vertex>[^/]+)"
    r":streamRawPredict"
)
"""The paths of the Messages API with each provider; some name the model."""


def _model(path: re.Match[str], body: Mapping[str, Any]) -> str:
    return path["bedrock"] or path["vertex"] or body["model"]


def _keys(request: Recorded) -> list[str]:
    """Whose a request says that it is, in each provider's way; of a signature the key's id."""
    authorization = request.headers.get("authorization", "")
    signed = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/", authorization)
    return [
        authorization.removeprefix("Bearer "),
        signed[1] if signed else "",
        *(request.headers.get(name, "") for name in ("x-api-key", "api-key")),
    ]


def _unknown(model: str) -> Reply:
    return Reply(status=404, error_type="not_found_error", message=f"model: {model}")


# --- HTTP


async def _read_request(reader: asyncio.StreamReader, early: bytes) -> Recorded | None:
    try:
        head = early + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    return Recorded(method, path, headers, raw)


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    every = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
    writer.write(_head(status, every) + body)
    await writer.drain()


async def _send_error(writer: asyncio.StreamWriter, reply: Reply) -> None:
    body = {"type": "error", "error": {"type": reply.error_type, "message": reply.message}}
    raw = json.dumps(body).encode()
    await _send(writer, reply.status, raw, "application/json", reply.headers)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Scripted",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


# --- The stream


@dataclass(frozen=True)
class Framing:
    """How events are put into a response."""

    content_type: str
    encode: Callable[[Mapping[str, Any]], bytes]
    broken: bytes
    """An event that cannot be read."""


def _server_sent(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _amazon(event: Mapping[str, Any]) -> bytes:
    """A message of application/vnd.amazon.eventstream: lengths, headers, payload and checksums."""
    if event["type"] == "error" and event["error"]["type"].endswith("Exception"):
        kind, name = "exception", event["error"]["type"]
        payload: dict[str, Any] = {"message": event["error"]["message"]}
    else:
        kind, name = "event", "chunk"
        payload = {"bytes": base64.b64encode(json.dumps(event).encode()).decode()}
    values = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for key, value in values.items()
    )
    data = json.dumps(payload).encode()
    prelude = struct.pack("!II", len(headers) + len(data) + 16, len(headers))
    start = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + data
    return start + struct.pack("!I", zlib.crc32(start))


SERVER_SENT_EVENTS = Framing(
    "text/event-stream", _server_sent, b'event: content_block_delta\ndata: {"type": \n\n'
)
EVENT_STREAM = Framing("application/vnd.amazon.eventstream", _amazon, b"\0" * 32)


async def _send_stream(
    writer: asyncio.StreamWriter,
    reply: Reply,
    model: str,
    framing: Framing,
    on_piece: Callable[[], None],
) -> None:
    if reply.fault == "silent":
        await asyncio.Event().wait()
    headers = {
        "content-type": framing.content_type,
        "transfer-encoding": "chunked",
        **reply.headers,
    }
    writer.write(_head(200, headers))
    text = reply.text if reply.fault in ("none", "no-start") else reply.text[: reply.after]
    block: dict[str, Any] = {"type": "text", "text": ""}
    if reply.in_tool:
        block = {"type": "tool_use", "id": "toolu_answer", "name": reply.in_tool, "input": {}}
    first = bool(reply.thinking) + bool(reply.redacted_thinking)
    opening = () if reply.fault == "no-start" else _opening(reply, model)

    async def write(*events: Mapping[str, Any]) -> None:
        for event in events:
            await _write_chunk(writer, framing.encode(event))

    await write(*opening, *_thinking(reply), _block_start(first, block))
    chunks = (text[start : start + reply.chunk] for start in range(0, len(text), reply.chunk))
    for piece in reply.pieces or chunks:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        await write(_delta(first, piece, bool(reply.in_tool)))
        on_piece()
    match reply.fault:
        case "none" | "no-start":
            await write(*_tool_calls(reply, first), *_closing(reply))
        case "error-event":
            error = {"type": reply.error_type, "message": reply.message}
            await write({"type": "error", "error": error})
        case "bad-event":
            await _write_chunk(writer, framing.broken)
        case "stall":
            await asyncio.Event().wait()
        case "cut":
            writer.transport.abort()
            return
        case "no-stop":
            pass
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _opening(reply: Reply, model: str) -> Iterator[dict[str, Any]]:
    yield {
        "type": "message_start",
        "message": {
            "id": "msg_loopback",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**reply.usage, "output_tokens": 1},
        },
    }
    yield {"type": "ping"}


def _thinking(reply: Reply) -> Iterator[dict[str, Any]]:
    if reply.thinking:
        yield _block_start(0, {"type": "thinking", "thinking": "", "signature": ""})
        for kind, member in (("thinking", reply.thinking), ("signature", "c2lnbmVk")):
            delta = {"type": f"{kind}_delta", kind: member}
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
        yield {"type": "content_block_stop", "index": 0}
    if reply.redacted_thinking:
        index = int(bool(reply.thinking))
        block = {"type": "redacted_thinking", "data": reply.redacted_thinking}
        yield _block_start(index, block)
        yield {"type": "content_block_stop", "index": index}


def _tool_calls(reply: Reply, first: int) -> Iterator[dict[str, Any]]:
    """Ends the block `first`, and opens and closes one for each call."""
    yield {"type": "content_block_stop", "index": first}
    for index, (name, arguments) in enumerate(reply.tools, first + 1):
        block = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
        yield _block_start(index, block)
        written = json.dumps(arguments) if reply.raw_arguments is None else reply.raw_arguments
        for piece in (written[:3], written[3:]):
            yield _delta(index, piece, True)
        yield {"type": "content_block_stop", "index": index}


def _closing(reply: Reply) -> Iterator[dict[str, Any]]:
    details = None
    if reply.stop_reason == "refusal":
        details = {"type": "refusal", "category": reply.refusal, "explanation": None}
    calls_tool = reply.tools or reply.in_tool
    yield {
        "type": "message_delta",
        "delta": {
            "stop_reason": "tool_use"
            if calls_tool and reply.stop_reason == "end_turn"
            else reply.stop_reason,
            "stop_sequence": None,
            "stop_details": details,
        },
        "usage": {"output_tokens": reply.output_tokens},
    }
    yield {"type": "message_stop"}


def _block_start(index: int, block: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def _delta(index: int, piece: str, in_tool: bool) -> dict[str, Any]:
    delta = {"type": "text_delta", "text": piece}
    if in_tool:
        delta = {"type": "input_json_delta", "partial_json": piece}
    return {"type": "content_block_delta", "index": index, "delta": delta}


async def _write_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


# --- As a program


async def _serve(arguments: argparse.Namespace) -> None:
    text = arguments.answer.read() if arguments.answer else answer()
    async with LoopbackModel(arguments.key, port=arguments.port) as model:
        model.usual = lambda body: Reply(text, delay=arguments.delay)
        print(model.url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted endpoint of the Messages API.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one; it is printed")
    parser.add_argument("--answer", type=argparse.FileType("r", encoding="utf-8"))
    parser.add_argument("--key", help="the key to ask for; any is accepted without this")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each piece")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
