"""The pygls seam: pygls frames the messages, lsprotocol types them, the rest is here.

Of pygls 2.1 only the reading loop is used. Its dispatcher, its futures and its
text documents are not, because each of these cost somebody a day:

- it splits lines at form feed, U+2028 and the like, so that incremental sync
  corrupts its copy of the text: here `didOpen`, `didChange` and `didClose` reach
  the handlers only, and `core.text` keeps the text;
- its bookkeeping of futures grows with each notification (#607, #608), and a
  shutdown with a request in flight changes a dictionary under iteration (#606):
  here every handler is a plain function that returns at once, so there is
  nothing to keep, and long work is a task that the session owns;
- a reply to a request that was cancelled raises InvalidStateError (#621), and a
  malformed one is dropped, so that the await never ends: `ask` has a time limit
  and takes the first reply only;
- a malformed request is dropped too, and its sender waits for ever: here it is
  answered, as is what is no JSON, and what cannot be told apart costs the message
  that it runs into and no other;
- a malformed notification is dropped without a word, and after one that would have
  changed a text its copy is another than the editor's: here `text_lost` is told of it;
- lsprotocol makes a text of whatever stands for one, so that null is "None" in the
  document: here that is malformed;
- an unexpected exception reaches the client with its traceback and our paths,
  and as a pop-up each time: here the client gets one fixed sentence, the log the
  traceback;
- it logs whole messages, with the documents and the settings in them;
- importing its server takes as long as a third of lsprotocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.io_ import StdoutWriter, run_async

from .failures import where_raised

logger = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Any], Any]
"""Takes a method's params, returns its result; called on the event loop, so it must be quick."""

SOMETHING_WENT_WRONG = (
    "backend-developer met an error of its own; the server's log has the details. "
    "Editing goes on, and the next review starts afresh."
)
ASK_SECONDS = 30.0
"""How long a client may take to answer a request of ours."""
MOST_BYTES = 200_000_000
"""A message is announced with more only by mistake: nothing after it would ever be read."""
EXIT_SECONDS = 5.0
"""How long the process may live after `exit` or the end of stdin, when a thread does not end."""

_NO_MESSAGE = "This is no message of JSON-RPC 2.0; of several, each is to be sent by itself."
_NO_JSON = "This message is no JSON that can be read, so nothing came of it."


class InvalidParamsError(Exception):
    """A request whose parameters make no sense; `str()` is the sentence that the client gets."""


@dataclass(frozen=True, slots=True)
class WithList:
    """Params, or a result, as plain JSON, of which one member is a list that was encoded before.

    Of a long list that has changed a little, only that little has to be encoded again.
    """

    members: Mapping[str, object]
    """The others."""
    name: str
    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class EncodedList:
    """A result that is a list, whose items were encoded before."""

    items: Sequence[str]


class Writer(Protocol):
    def write(self, data: bytes) -> object: ...


class Server:
    """One connection to one client, over whatever `writer` writes to.

    `handlers` maps a method to the function that handles it. Until `initialize`
    has succeeded other requests are refused, and after `shutdown` all are.
    """

    def __init__(self) -> None:
        self.handlers: Mapping[str, Handler] = {}
        self.text_lost: Callable[[str | None], object] = lambda uri: None
        """Called when what the client said of a document's text could not be understood, with the
        document's URI; None when it does not say which."""
        self.writer: Writer | None = None
        self.exit_code = 1
        """What the process should exit with: 0 once `shutdown` came before `exit`."""
        self.stopped = threading.Event()
        """Set by `exit`."""
        self._converter = get_converter()
        self._asked: dict[int | str, Asked] = {}
        self._ids = itertools.count(1)
        self._is_initialized = False
        self._is_shut_down = False
        self._told_of_error = False

    def prepare(self) -> None:
        """Makes what reads and writes each kind of message, in any thread.

        It is made at a message's first use otherwise, and then the first of each takes 10 ms.
        """
        for method in self.handlers:
            self._converter.get_structure_hook(types.METHOD_TO_TYPES[method][0])
        for answered in _ANSWERED:
            self._converter.get_unstructure_hook(answered)

    # --- Sending, on the event loop only

    def notify(self, method: str, params: object) -> None:
        """Sends a notification: one of LSP, or one of our own, whose `params` are plain JSON."""
        if isinstance(params, WithList):
            self._write(_message_with_list({"method": method}, "params", params))
        elif method in types.METHOD_TO_TYPES:
            message_type = cast("Any", types.METHOD_TO_TYPES[method][0])
            self._send(self._converter.unstructure(message_type(params=params)))
        else:
            self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def encode(self, value: object) -> str:
        """A value of LSP as the JSON that it is sent as, for a `WithList` or an `EncodedList`."""
        return encoded_json(self._converter.unstructure(value))

    async def ask(self, method: str, params: object, seconds: float = ASK_SECONDS) -> Answer | None:
        """Sends a request of LSP and waits for its answer.

        None when the client answers with an error, with something that is no
        answer to it, or not within `seconds`: some clients never answer. The
        caller checks first that the client has the capability.
        """
        request_id = f"backend-developer-{next(self._ids)}"
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._asked[request_id] = Asked(answer, method)
        message_type = cast("Any", types.METHOD_TO_TYPES[method][0])
        self._send(self._converter.unstructure(message_type(id=request_id, params=params)))
        try:
            # Not wait_for: before Python 3.12 it forgets a cancel that comes with the answer.
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            logger.warning("The client did not answer %s within %g s.", method, seconds)
            return None
        finally:
            self._asked.pop(request_id, None)

    def _respond(self, message_id: int | str, result: object) -> None:
        if isinstance(result, WithList):
            self._write(_message_with_list({"id": message_id}, "result", result))
        elif isinstance(result, EncodedList):
            message = encoded_json({"jsonrpc": "2.0", "id": message_id, "result": []})
            self._write(f"{message.removesuffix(']}')}{','.join(result.items)}]}}")
        else:
            self._send({"jsonrpc": "2.0", "id": message_id, "result": result})

    def _refuse(
        self,
        message_id: int | str | None,
        code: types.ErrorCodes | types.LSPErrorCodes,
        sentence: str,
    ) -> None:
        error = {"code": code.value, "message": sentence}
        self._send({"jsonrpc": "2.0", "id": message_id, "error": error})

    def _send(self, message: object) -> None:
        self._write(encoded_json(message))

    def _write(self, body: str) -> None:
        assert self.writer is not None
        try:
            self.writer.write(f"Content-Length: {len(body)}\r\n\r\n{body}".encode("ascii"))
        except (OSError, ValueError):
            # The end of stdin mostly says so too; else the next message ends the server.
            if not self.stopped.is_set():
                logger.warning("The client went away.")
            self.stopped.set()

    # --- Receiving; the reading loop calls these three by name

    def structure_message(self, data: dict[str, Any]) -> dict[str, Any]:
        """Each JSON object comes here, the inner ones too, and stays as it is."""
        return data

    def handle_message(self, data: object) -> None:
        """Does what a message asks for, and answers it if it is a request."""
        match self._structured(data):
            case Request() as request:
                self._handle_request(request)
            case Notification() as notification:
                self._handle_notification(notification)
            case Reply(id=reply_id, answer=answer):
                # A second answer, or one that came too late, finds nobody waiting.
                asked = self._asked.get(reply_id)
                if asked is not None and not asked.answer.done():
                    asked.answer.set_result(answer)
            case Malformed(id=None, method=method, uri=uri):
                logger.warning("Ignored a malformed %s.", method)
                if method in _TELLS_A_TEXT:
                    self._lose_text(uri)
            case Malformed(id=message_id, method=method):
                sentence = f"The parameters of {method} are not those that LSP gives it."
                self._refuse(message_id, types.ErrorCodes.InvalidParams, sentence)
            case NoMessage(id=message_id):
                logger.warning("Refused a message that is none of JSON-RPC.")
                self._refuse(message_id, types.ErrorCodes.InvalidRequest, _NO_MESSAGE)

    def refuse_unread(self, error: Exception, what: object) -> None:
        """Answers what is no JSON, under no id, as JSON-RPC has it."""
        # Bad UTF-8 and numbers of thousands of digits are ValueErrors too.
        if not isinstance(error, ValueError | RecursionError):
            self.report(error, what)
            return
        logger.warning("Refused a message that is no JSON.")
        self._refuse(None, types.ErrorCodes.ParseError, _NO_JSON)
        text = _what_was_read(error)
        if any(f'"{method}"' in text for method in _TELLS_A_TEXT):
            uris = set(_URI.findall(text))
            self._lose_text(json.loads(uris.pop()) if len(uris) == 1 else None)

    def _lose_text(self, uri: str | None) -> None:
        if self._is_initialized and not self._is_shut_down:
            self.text_lost(uri)

    def _structured(self, data: Any) -> Message:
        if not isinstance(data, dict):
            return NoMessage(None)
        method, message_id = data.get("method"), data.get("id")
        if not isinstance(message_id, int | str | None):
            return NoMessage(None) if "method" in data else Reply("", None)
        if "method" not in data and "jsonrpc" in data:
            return self._reply(data)
        if not isinstance(method, str) or "jsonrpc" not in data:
            return NoMessage(message_id)
        message_type = types.METHOD_TO_TYPES.get(method, (None,))[0]
        if method in _WITHOUT_PARAMS:
            # Some clients send an empty object.
            return _message(message_id, method, None)
        try:
            params = (
                data.get("params")
                if message_type is None
                else cast("Any", self._converter.structure(data, message_type)).params
            )
            is_well = method not in _TELLS_A_TEXT or _TELLS_A_TEXT[method](data["params"])
        except Exception:  # the converter raises whatever the data makes it raise
            is_well = False
        if not is_well:
            return Malformed(message_id, method, _uri_in(data.get("params")))
        return _message(message_id, method, params)

    def _reply(self, data: dict[str, Any]) -> Reply:
        message_id = data.get("id")
        if not isinstance(message_id, int | str):
            return Reply("", None)
        asked = self._asked.get(message_id)
        if asked is None or "result" not in data:
            return Reply(message_id, None)
        try:
            response_type: Any = types.METHOD_TO_TYPES[asked.method][1]
            result = self._converter.structure(data, response_type).result
        except Exception:  # as above
            logger.warning("The client's answer to %s is malformed.", asked.method)
            return Reply(message_id, None)
        return Reply(message_id, Answer(result))

    def _handle_request(self, request: Request) -> None:
        try:
            handler = self._handler_of(request)
            result = handler(request.params)
            if not isinstance(result, WithList | EncodedList):
                result = self._converter.unstructure(result)
        except RefusedError as error:
            self._refuse(request.id, error.code, str(error))
        except InvalidParamsError as error:
            self._refuse(request.id, types.ErrorCodes.InvalidParams, str(error))
        except Exception as error:
            self.report(error, request.method)
            self._refuse(request.id, types.ErrorCodes.InternalError, SOMETHING_WENT_WRONG)
        else:
            self._is_initialized = True
            self._is_shut_down = request.method == types.SHUTDOWN
            self._respond(request.id, result)

    def _handler_of(self, request: Request) -> Handler:
        method = request.method
        if self._is_shut_down or (self._is_initialized and method == types.INITIALIZE):
            raise RefusedError(types.ErrorCodes.InvalidRequest, f"{method} came too late.")
        if not self._is_initialized and method != types.INITIALIZE:
            raise RefusedError(
                types.ErrorCodes.ServerNotInitialized, f"{method} came before initialize."
            )
        if method not in self.handlers:
            raise RefusedError(types.ErrorCodes.MethodNotFound, f"{method} is not supported.")
        return self.handlers[method]

    def _handle_notification(self, notification: Notification) -> None:
        if notification.method == types.EXIT:
            self.exit_code = 0 if self._is_shut_down else 1
            self.stopped.set()
            return
        handler = self.handlers.get(notification.method)
        if handler is None or self._is_shut_down or not self._is_initialized:
            return
        if types.METHOD_TO_TYPES[notification.method][1] is not None:
            logger.warning("Ignored a %s without an id.", notification.method)
            return
        try:
            handler(notification.params)
        except Exception as error:
            self.report(error, notification.method)
            if notification.method in _TELLS_A_TEXT:
                self._lose_text(notification.params.text_document.uri)

    def report(self, error: Exception, what: object) -> None:
        """Logs an error of ours in handling `what`; tells the person once that there was one."""
        logger.error("%s failed: %s", what, where_raised(error))
        logger.debug("%s", error)
        if not self._told_of_error:
            self._told_of_error = True
            self.notify(
                types.WINDOW_SHOW_MESSAGE,
                types.ShowMessageParams(types.MessageType.Error, SOMETHING_WENT_WRONG),
            )


def serve_stdio(server: Server) -> int:
    """Serves until the client says `exit` or goes away; returns the exit code.

    stdout is the wire: anything that prints meanwhile goes to stderr.
    """
    # What pygls logs holds whole messages; of what it could not handle we tell ourselves.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    file_number, server.writer = sys.stdin.fileno(), StdoutWriter(sys.stdout.buffer)
    sys.stdout = sys.stderr

    async def serve() -> None:
        try:
            await run_async(
                stop_event=server.stopped,
                reader=_read(file_number, server),
                protocol=cast("Any", server),
                error_handler=server.refuse_unread,
            )
        except asyncio.IncompleteReadError:
            logger.warning("The client went away in the middle of a message.")
        finally:
            # asyncio.run cancels what still runs and then waits for it and for its
            # threads without a limit; a linter that hangs must not keep the process.
            _end_soon(server)

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        return 130
    return server.exit_code


def _end_soon(server: Server) -> None:
    deadline = threading.Timer(EXIT_SECONDS, lambda: os._exit(server.exit_code))
    deadline.daemon = True
    deadline.start()


def _read(file_number: int, server: Server) -> asyncio.StreamReader:
    """Reads the file in a thread of its own, so that no other work can delay a cancel.

    The thread is a daemon and holds no lock of Python's stdin: the process can
    end while it waits for input that never comes.
    """
    loop, reader = asyncio.get_running_loop(), _Framed()

    def feed() -> None:
        # A closed loop raises RuntimeError: the server has ended.
        with contextlib.suppress(RuntimeError, OSError):
            while data := os.read(file_number, 1 << 16):
                loop.call_soon_threadsafe(reader.feed_data, data)
            # The loop may wait for a client that reads no more.
            _end_soon(server)
            loop.call_soon_threadsafe(reader.feed_eof)

    threading.Thread(target=feed, name="stdin", daemon=True).start()
    return reader


class _Framed(asyncio.StreamReader):
    """Input whose headers are as pygls wants them, whatever came before them on their line.

    A body that is longer than was announced ends on the line of the next header.
    """

    async def readline(self) -> bytes:
        try:
            line = await super().readline()
        except ValueError:  # It is longer than any header, and was thrown away.
            return _NO_HEADER
        found = _CONTENT_LENGTH.search(line)
        if found and int(found[1]) <= MOST_BYTES:
            return b"Content-Length: %b\r\n" % found[1]
        return _NO_HEADER if line.strip() else line


_CONTENT_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,9})[ \t]*\r?\n\Z", re.IGNORECASE)
_NO_HEADER = b"?\r\n"


# --- Messages


@dataclass(frozen=True, slots=True)
class Request:
    id: int | str
    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class Notification:
    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client answered to a request of ours; `result` is of the method's type."""

    result: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """`answer` is None for an error, and for what is not of the method's type."""

    id: int | str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A request, or without id a notification, whose params are not those of its method."""

    id: int | str | None
    method: str
    uri: str | None
    """Of the document that it is about, where it says so."""


@dataclass(frozen=True, slots=True)
class NoMessage:
    """What is no message of JSON-RPC, or has an id that it does not have; `id` if it is one."""

    id: int | str | None


Message: TypeAlias = Request | Notification | Reply | Malformed | NoMessage

_ANSWERED = (
    types.CodeAction,
    types.CodeLens,
    types.Command,
    types.Diagnostic,
    types.DocumentSymbol,
    types.Hover,
    types.SymbolInformation,
)
"""What answers are lists of, or are."""

_WITHOUT_PARAMS = frozenset({types.SHUTDOWN, types.EXIT})


def _is_opening(params: Any) -> bool:
    return all(isinstance(params["textDocument"][key], str) for key in ("uri", "text"))


def _is_change(params: Any) -> bool:
    changes = params["contentChanges"]
    return (
        isinstance(changes, list)
        and isinstance(params["textDocument"]["uri"], str)
        and _is_whole(params["textDocument"]["version"])
        and all(isinstance(change["text"], str) for change in changes)
        and all(
            _is_whole(change["range"][end][key])
            for change in changes
            if "range" in change
            for end in ("start", "end")
            for key in ("line", "character")
        )
    )


def _is_whole(value: object) -> bool:
    """Whether it is a whole number; some clients write each number as a fraction."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)


_TELLS_A_TEXT: Mapping[str, Callable[[Any], bool]] = {
    types.TEXT_DOCUMENT_DID_OPEN: _is_opening,
    types.TEXT_DOCUMENT_DID_CHANGE: _is_change,
}
"""The notifications after which a document has another text -> whether params say which; params
that the converter takes for theirs."""
_URI = re.compile(r'"uri"\s*:\s*("[^"\\\x00-\x1f]*")')


def _what_was_read(error: Exception) -> str:
    """The text that was no JSON, as far as the error has it; "" when it has not."""
    match error:
        case UnicodeDecodeError():
            return error.object.decode("utf-8", "replace")
        case json.JSONDecodeError():
            return error.doc
    return ""


def _uri_in(params: Any) -> str | None:
    try:
        uri = params["textDocument"]["uri"]
    except (KeyError, TypeError, IndexError):
        return None
    return uri if isinstance(uri, str) else None


def _message(message_id: int | str | None, method: str, params: Any) -> Message:
    if message_id is None:
        return Notification(method, params)
    return Request(message_id, method, params)


def _message_with_list(head: Mapping[str, object], name: str, value: WithList) -> str:
    message = encoded_json({"jsonrpc": "2.0", **head, name: {**value.members, value.name: []}})
    return f"{message.removesuffix(']}}')}{','.join(value.items)}]}}}}"


def encoded_json(value: object) -> str:
    """Plain JSON as it is sent: only ASCII, so that its length is the number of bytes."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"))


class RefusedError(Exception):
    """A request that is not done; `str()` is the sentence that the client gets."""

    def __init__(self, code: types.ErrorCodes | types.LSPErrorCodes, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    answer: asyncio.Future[Answer | None]
    method: str
