"""What a client may do wrong, and what a real server does then, over stdio.

    .venv/bin/python tests/faults/protocol.py [--count 2000] [--edits 100000] [--seed 1]

After each fault the server still tells rightly of a finding, or has ended with the exit code that
LSP gives it; no request stays without an answer, and no traceback reaches the client.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

# Run as a program, this folder is the first on the path.
sys.path.insert(0, str(Path(__file__).parents[1]))

from backend_developer.handlers import COMMANDS, REVOKE_COMMAND
from backend_developer.wire import SOMETHING_WENT_WRONG
from faults.client import CAPABILITIES, PLACE, UNSAFE, Client, connected, framed, until
from faults.edits import type_at_random, type_into_a_process
from faults.table import Row, main, seen

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED, INTERNAL_ERROR = -32002, -32603


def message(**members: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", **members})


def hover(**members: Any) -> str:
    return message(
        method="textDocument/hover",
        **{"params": {"textDocument": {"uri": "file:///a"}, "position": PLACE}, **members},
    )


# --- Bytes, and what is answered to them: error codes under no id

BYTES: Mapping[str, tuple[bytes, Sequence[int]]] = {
    "broken JSON": (framed('{"jsonrpc": "2.0", "id": 1'), [PARSE_ERROR]),
    "an empty object": (framed("{}"), [INVALID_REQUEST]),
    "a number": (framed("1"), [INVALID_REQUEST]),
    "null": (framed("null"), [INVALID_REQUEST]),
    "an empty batch": (framed("[]"), [INVALID_REQUEST]),
    "a batch of 100,000": (framed("[" + ",".join(["{}"] * 100_000) + "]"), [INVALID_REQUEST]),
    "a batch": (framed(f"[{hover(id=7)}, {hover(id=8)}]"), [INVALID_REQUEST]),
    "not UTF-8": (framed(b'{"jsonrpc": "2.0", "method": "\xff\xfe"}'), [PARSE_ERROR]),
    "nested 100,000 deep": (framed("[" * 100_000 + "]" * 100_000), [PARSE_ERROR]),
    "nested 100,000 deep in params": (
        framed(hover(id=7).replace("{}", "")[:-1] + ', "x": ' + '{"a":' * 100_000),
        [PARSE_ERROR],
    ),
    "a number of 5,000 digits": (
        framed(f'{{"jsonrpc": "2.0", "id": {"9" * 5000}}}'),
        [PARSE_ERROR],
    ),
    "an id that is an object": (framed(hover(id={"a": 1})), [INVALID_REQUEST]),
    "an id that is a fraction": (framed(hover(id=1.5)), [INVALID_REQUEST]),
    "an id that is a whole fraction": (framed(hover(id=2.0)), [INVALID_REQUEST]),
    "an id of 10^300 as a fraction": (framed(hover(id=1e300)), [INVALID_REQUEST]),
    "an id that is null": (framed(hover(id=None)), []),
    "an id that is null, of an unknown method": (framed(message(id=None, method="x/y")), []),
    "an id that is a list, of an unknown method": (
        framed(message(id=[1], method="x/y")),
        [INVALID_REQUEST],
    ),
    "a method that is a number": (
        framed(message(id=5, method=3, params={})),
        [INVALID_REQUEST],
    ),
    "no header": (b"\r\n\r\n", []),
    "a header that is none": (b"hello there\r\n", []),
    "a length of 0": (b"Content-Length: 0\r\n\r\n", []),
    "a negative length": (b"Content-Length: -5\r\n\r\n", []),
    "a length that is no number": (b"Content-Length: abc\r\n\r\n", []),
    "a length of 10 GB": (b"Content-Length: 10737418240\r\n\r\n", []),
    "a length of 900 MB": (b"Content-Length: 900000000\r\n\r\n", []),
    "a length of 20 digits": (b"Content-Length: 99999999999999999999\r\n\r\n", []),
    "a length of 5,000 digits": (b"Content-Length: %b\r\n\r\n" % (b"9" * 5000), []),
    "a header of 200,000 bytes": (b"X: " + b"x" * 200_000 + b"\r\n", []),
    "200,000 bytes without a line end": (b"x" * 200_000, []),
    "a length that is too short": (
        b"Content-Length: 40\r\n\r\n" + hover(id=7).encode(),
        [PARSE_ERROR],
    ),
    "a length that is too long by 10": (
        b"Content-Length: %d\r\n\r\n" % (len(hover(id=7)) + 10) + hover(id=7).encode(),
        [PARSE_ERROR],
    ),
    "a bare line feed after the header": (
        b"Content-Length: %d\n\n" % len(message(id=None, method="x"))
        + message(id=None, method="x").encode(),
        [],
    ),
}


def raw(client: Client, data: bytes, expected: Sequence[int]) -> str:
    """A message that is swallowed with what follows it is sent again, as nobody would."""
    client.strays.clear()
    client.write(data)
    # What is too short by some bytes takes them from the next message.
    client.notify("$/nothing")
    client.notify("$/nothing")
    client.is_well()
    codes = [one["error"]["code"] for one in client.strays]
    assert codes == expected, codes
    return f"refused {codes}" if codes else "ignored"


# --- Requests, and the error code that each is answered with; None: with a result

REQUESTS: Mapping[str, tuple[str, object, int | None]] = {
    "an unknown method": ("our/own", {"a": 1}, NO_METHOD),
    "an unknown $/ request": ("$/our/own", None, NO_METHOD),
    "a method without a name": ("", None, NO_METHOD),
    "a second initialize": ("initialize", {"capabilities": {}}, INVALID_REQUEST),
    "no params": ("textDocument/hover", None, INVALID_PARAMS),
    "params that are a list": ("textDocument/hover", [], INVALID_PARAMS),
    "params of another method": ("textDocument/hover", {"command": "x"}, INVALID_PARAMS),
    "a position before the beginning": (
        "textDocument/hover",
        {"textDocument": {"uri": "file:///a"}, "position": {"line": -1, "character": -1}},
        INVALID_PARAMS,
    ),
    "a position past the largest": (
        "textDocument/hover",
        {"textDocument": {"uri": "file:///a"}, "position": {"line": 2**80, "character": 2**80}},
        INVALID_PARAMS,
    ),
    "a URI that is no URI": (
        "textDocument/hover",
        {"textDocument": {"uri": "file://[x"}, "position": PLACE},
        None,
    ),
    "an unknown command": ("workspace/executeCommand", {"command": "x"}, INVALID_PARAMS),
    "a notification's method with an id": (
        "textDocument/didClose",
        {"textDocument": {"uri": "file:///nothing"}},
        None,
    ),
    "exit with an id": ("exit", None, NO_METHOD),
    "a resolve of another's action": (
        "codeAction/resolve",
        {"title": "x", "data": {"a": 1}},
        -32803,
    ),
    "a resolve without data": ("codeAction/resolve", {"title": "x"}, None),
    "a resolve of a proposal that is a list": (
        "codeAction/resolve",
        {"title": "x", "data": {"proposal": [1]}},
        -32803,
    ),
    "a pull for a file that is not open": (
        "textDocument/diagnostic",
        {"textDocument": {"uri": "file:///nowhere"}},
        None,
    ),
    "a symbol query of 100,000 characters": ("workspace/symbol", {"query": "x" * 100_000}, None),
}

_ODD: Sequence[object] = (None, 0, -1, 1e300, True, "", "x", "\ud800", [], [[]], {}, {"a": []})


def odd_commands(client: Client) -> str:
    """Every command with every odd argument: refused or done, never an error of our own."""
    count = 0
    for name in set(COMMANDS) - {REVOKE_COMMAND}:  # Which takes no argument, and tells of it.
        for arguments in [None, [], *([odd] for odd in _ODD)]:
            count += _is_no_error_of_ours(client, {"command": name, "arguments": arguments})
        for key in ("uri", "id", "task", "range", "scope", "files", "hunks", "runId", "reason"):
            for odd in _ODD:
                named = {"uri": client.uri, "task": "nothing", "id": "nothing", key: odd}
                count += _is_no_error_of_ours(client, {"command": name, "arguments": [named]})
    for place in (float("inf"), "9" * 5000, [1], None, -(2**70)):
        start = {"line": place, "character": 0}
        named = {"uri": client.uri, "task": "nothing", "range": {"start": start, "end": start}}
        command = {"command": "backend-developer.review", "arguments": [named]}
        count += _is_no_error_of_ours(client, command)
    client.is_well()
    return f"{count} commands answered"


def _is_no_error_of_ours(client: Client, params: object) -> int:
    reply = client.request("workspace/executeCommand", params)
    code = reply.get("error", {}).get("code", 0)
    assert code in (0, INVALID_PARAMS), (params, reply)
    return 1


def odd_documents(client: Client) -> str:
    """Opens, changes and closes documents under URIs that no editor writes."""
    uris = [
        "", "x", "file:", "file://", "file:///", "file://[", "file://[x]/a.py", "file:///%00a.py",
        "file:///a\0b.py", "untitled:1", "FILE:///a.py", "file:///%zz", "file:///\ud800.py",
        "file:///" + "a/" * 5000, "http://host/a.py", "relative/a.py", "file:relative.py",
        "file://host/share/a.py", "file:///a.py?b#c", "%66ile:///a.py", "file:///%FF.py",
    ]  # fmt: skip
    for uri in uris:
        client.open(uri, "x = 1\n")
        client.notify("textDocument/didChange", _change(uri, "y"))
        for method in ("documentSymbol", "codeLens", "diagnostic"):
            reply = client.request(f"textDocument/{method}", {"textDocument": {"uri": uri}})
            assert "result" in reply, (uri, reply)
        client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        client.notify("textDocument/didChange", _change(uri, "y"))
        changed = {"changes": [{"uri": uri, "type": 2}]}
        client.notify("workspace/didChangeWatchedFiles", changed)
    folders = [{"uri": uri, "name": uri} for uri in uris if uri != "file:///"]
    event = {"event": {"added": folders, "removed": folders[:3]}}
    client.notify("workspace/didChangeWorkspaceFolders", event)
    client.is_well()
    return f"{len(uris)} URIs, no error of our own"


def _change(uri: str, text: str) -> dict[str, Any]:
    place = {"line": 0, "character": 0}
    event = {"range": {"start": place, "end": place}, "text": text}
    return {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [event]}


def odd_notifications(client: Client) -> str:
    """Notifications with params that are not theirs, and requests without an id."""
    methods = (
        "initialized", "textDocument/didOpen", "textDocument/didChange", "textDocument/didSave",
        "textDocument/didClose", "window/workDoneProgress/cancel", "$/cancelRequest", "$/x", "",
        "workspace/didChangeConfiguration", "workspace/didChangeWatchedFiles", "shutdown",
        "workspace/didChangeWorkspaceFolders", "initialize", "textDocument/hover", "$/setTrace",
        "workspace/executeCommand", "$/progress",
    )  # fmt: skip
    for method in methods:
        for odd in _ODD:
            client.notify(method, odd)
    client.open_again()  # A change that names no document may have been of any.
    client.is_well()
    return f"{len(methods) * len(_ODD)} notifications ignored"


def same_id_twice(client: Client) -> str:
    numbers = [client.begin("workspace/symbol", {"query": "x"})]
    client.send(json.loads(message(id=numbers[0], method="workspace/symbol", params={"query": ""})))
    assert "result" in client.reply(numbers[0])
    assert "result" in client.reply(numbers[0])
    client.is_well()
    return "each was answered"


def ids_that_are_texts(client: Client) -> str:
    client.strays.clear()
    ids = ["", "a", "1", "backend-developer-1", 0, -1, 2**62, 10**300, "\ud800", "x" * 100_000]
    for one in ids:
        client.send(json.loads(message(id=one, method="our/own")))
    client.is_well()
    answered = [one["id"] for one in client.strays]
    assert answered == ids, answered
    return "each was answered under its id"


KINDS: Mapping[str, object] = {
    "textDocument/hover": {"position": PLACE},
    "textDocument/codeAction": {
        "range": {"start": PLACE, "end": PLACE},
        "context": {"diagnostics": []},
    },
    "textDocument/codeLens": {},
    "textDocument/documentSymbol": {},
    "textDocument/diagnostic": {},
}


def cancels(client: Client) -> str:
    """A cancel before, with and after each kind of request, as text and as number."""
    count = 0
    for method, params in KINDS.items():
        assert isinstance(params, dict)
        for moment in ("before", "with", "after"):
            number = client._number + 1
            cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": number}}
            if moment == "before":
                client.send(cancel)
            begun = client.begin(method, {"textDocument": {"uri": client.uri}, **params})
            assert begun == number
            if moment == "with":
                client.send(cancel)
            assert "result" in client.reply(begun)
            if moment == "after":
                client.send(cancel)
            count += 1
    for odd in _ODD:
        client.notify("$/cancelRequest", {"id": odd})
        client.notify("window/workDoneProgress/cancel", {"token": odd})
    client.is_well()
    return f"{count} requests answered"


def many_cancels(client: Client, count: int, seed: int) -> str:
    """So many requests, each cancelled at some moment before, after or long after it; all are
    answered, under their ids."""
    generator = random.Random(seed)
    kinds = [*KINDS.items(), ("workspace/symbol", {"query": "x"}), ("our/own", {})]
    begun: list[int] = []
    waiting: list[int] = []
    for _ in range(count):
        method, params = generator.choice(kinds)
        assert isinstance(params, dict)
        number = client._number + 1
        waiting.append(number)
        if generator.random() < 0.2:
            _cancel(client, number)
        begun.append(client.begin(method, {"textDocument": {"uri": client.uri}, **params}))
        while generator.random() < 0.5 and waiting:
            _cancel(client, waiting.pop(generator.randrange(len(waiting))))
    for number in begun:
        reply = client.reply(number, 60)
        assert ("result" in reply) or reply["error"]["code"] == NO_METHOD, reply
    client.is_well()
    return f"{count} requests answered"


def _cancel(client: Client, number: int) -> None:
    client.notify("$/cancelRequest", {"id": number})


def lost_changes(client: Client) -> str:
    """Changes that cannot be understood: the finding goes, a sentence is told; then it is opened
    again."""
    place = {"start": PLACE, "end": PLACE}
    identifier = {"uri": client.uri, "version": 2}
    good = message(
        method="textDocument/didChange",
        params={"textDocument": identifier, "contentChanges": [{"range": place, "text": "y"}]},
    )
    bodies = {
        "without a text": good.replace('"text"', '"txt"').encode(),
        "with a text that is null": good.replace('"y"', "null").encode(),
        "with half a range": good.replace('"end"', '"and"').encode(),
        "with a version that is none": good.replace('"version": 2', '"version": "x"').encode(),
        "without a version": good.replace('"version"', '"vision"').encode(),
        "without a document": good.replace('"uri"', '"url"').encode(),
        "that is not UTF-8": good.replace('"y"', '"\xff"').encode("latin-1"),
        "that is cut short": good[:-3].encode(),
    }
    for name, body in bodies.items():
        told = len(client.popups())
        client.write(framed(body))
        assert not client.hover(), f"a change {name} left the finding"
        [sentence] = client.popups()[told:]
        assert sentence.endswith("close it and open it again."), sentence
        client.open_again()
        client.is_well()
    return f"{len(bodies)} changes; {sentence}"


def large_messages(client: Client, size: int) -> str:
    """One that is mostly white space, and a text that is too large to be looked at."""
    reply = client.begin("workspace/symbol", {"query": "x"})
    assert "result" in client.reply(reply)
    padded = hover(id="large").replace("{", "{" + " " * size, 1)
    client.strays.clear()
    client.write(framed(padded))
    until(lambda: [one["id"] for one in client.strays] == ["large"], "it was not answered")
    client.open(client.uri + "large.py", "x = 1\n" * (size // 6))
    client.is_well()
    client.notify("textDocument/didClose", {"textDocument": {"uri": client.uri + "large.py"}})
    client.is_well()
    return f"two of {size // 1_000_000} MB, answered; well"


def floods(client: Client) -> str:
    """Files that change on disk, told one by one, as Emacs does when a branch is checked out."""
    asked, begin = len(client.asked), time.monotonic()
    for number in range(1000):
        for name in (f"made{number}.py", "settings.yml"):
            event = {"uri": (client.folder / name).as_uri(), "type": 2}
            client.notify("workspace/didChangeWatchedFiles", {"changes": [event]})
    client.notify("textDocument/didClose", {"textDocument": {"uri": client.uri}})
    client.open(client.uri, UNSAFE)
    client.is_well()
    seconds = time.monotonic() - begin
    questions = len(client.asked) - asked
    assert questions < 100, questions
    return f"2,000 notifications, {questions} questions; well after {seconds:.1f} s"


def cancelled_reviews(client: Client) -> str:
    """Reviews that are cancelled at once, after each of some moments, and twice."""
    generator = random.Random(7)
    for _ in range(15):
        review = {"uri": client.uri, "task": "security"}
        started = client.begin(
            "workspace/executeCommand",
            {"command": "backend-developer.review", "arguments": [review]},
        )
        time.sleep(generator.random() * 0.05)
        for _ in range(2):
            reply = client.request(
                "workspace/executeCommand", {"command": "backend-developer.cancel"}
            )
            assert "result" in reply
        assert client.reply(started)["result"]["started"]
    client.is_well()
    _nothing_goes_on(client)
    return "none goes on"


def _nothing_goes_on(client: Client) -> None:
    def runs() -> object:
        params = {"command": "backend-developer.status"}
        return client.request("workspace/executeCommand", params)["result"]["runs"]

    until(lambda: not runs(), "a review goes on")


ON_RUNNING: Mapping[str, Callable[[Client], str]] = {
    **{
        f"bytes: {name}": (lambda client, data=data, codes=codes: raw(client, data, codes))
        for name, (data, codes) in BYTES.items()
    },
    **{
        f"request: {name}": (lambda client, case=case: _request(client, *case))
        for name, case in REQUESTS.items()
    },
    "commands with odd arguments": odd_commands,
    "documents with odd URIs": odd_documents,
    "notifications with odd params": odd_notifications,
    "two requests with one id": same_id_twice,
    "ids that are texts": ids_that_are_texts,
    "changes that cannot be understood": lost_changes,
    "cancels at every moment": cancels,
    "floods of watched files": floods,
    "reviews cancelled at every moment": cancelled_reviews,
}
"""What is done to one server after another fault; it must be well after each."""


def _request(client: Client, method: str, params: object, expected: int | None) -> str:
    reply = client.request(method, params)
    code = reply["error"]["code"] if "error" in reply else None
    assert code == expected, reply
    client.is_well()
    return f"refused {code}" if code else "answered"


# --- Answers that no client should give

Answer: TypeAlias = Callable[[dict[str, Any]], list[dict[str, Any]]]
ANSWERS: Mapping[str, Answer] = {
    "never": lambda asked: [],
    "with an error": lambda asked: [
        {"id": asked["id"], "error": {"code": -32601, "message": "no"}},
    ],
    "with a malformed error": lambda asked: [{"id": asked["id"], "error": 5}],
    "with null": lambda asked: [{"id": asked["id"], "result": None}],
    "with a number": lambda asked: [{"id": asked["id"], "result": 5}],
    "with a list of lists": lambda asked: [{"id": asked["id"], "result": [[[]]]}],
    "with neither": lambda asked: [{"id": asked["id"]}],
    "twice": lambda asked: [{"id": asked["id"], "result": [{}]}] * 2,
    "for ids that nobody asked": lambda asked: [
        {"id": other, "result": []} for other in ("x", 1, None, [], 1.5, asked["id"])
    ],
    "with settings that are none": lambda asked: [
        {"id": asked["id"], "result": [{"rules": 5, "tools": [], "timeoutSeconds": "x", "": {}}]}
    ],
}


def answered(folder: Path, answer: Answer) -> str:
    """The server asks for settings, a progress report and more, and is answered so."""
    with connected(folder) as client:
        client.answer = answer
        client.start()
        client.is_well()
        arguments = [{"uri": client.uri, "task": "security"}]
        params = {"command": "backend-developer.review", "arguments": arguments}
        assert client.request("workspace/executeCommand", params)["result"]["started"]
        _nothing_goes_on(client)
        client.is_well()
        assert "Traceback" not in client.log, client.log
        methods = sorted({one["method"] for one in client.asked})
        client.goodbye()
    return f"{len(client.asked)} questions ({len(methods)} kinds); well"


# --- The end


def ends_with(folder: Path, data: bytes, code: int, *, start: bool = True) -> str:
    with connected(folder) as client:
        if start:
            client.start()
            client.is_well()
        else:
            client.request("initialize", {"capabilities": {}})
        client.write(data)
        assert client.process.stdin
        client.process.stdin.close()
        assert client.exit_code() == code, client.process.returncode
        assert "Traceback" not in client.log, client.log
    return f"exit code {code}"


SHUTDOWN, EXIT = message(id=2, method="shutdown"), message(method="exit")
ENDS: Mapping[str, tuple[bytes, int]] = {
    "stdin closed": (b"", 1),
    "stdin closed in a header": (b"Content-Le", 1),
    "stdin closed in a body": (b'Content-Length: 100\r\n\r\n{"json', 1),
    "exit without shutdown": (framed(EXIT), 1),
    "shutdown and exit": (framed(SHUTDOWN) + framed(EXIT), 0),
    "shutdown with an empty object": (
        framed(message(id=2, method="shutdown", params={})) + framed(EXIT),
        0,
    ),
    "shutdown with a list": (framed(message(id=2, method="shutdown", params=[])) + framed(EXIT), 0),
    "exit with an empty object": (
        framed(SHUTDOWN) + framed(message(method="exit", params={})),
        0,
    ),
    "exit with a list": (framed(SHUTDOWN) + framed(message(method="exit", params=[])), 0),
    "shutdown without an id": (framed(message(method="shutdown")) + framed(EXIT), 1),
    "shutdown, and stdin closed": (framed(SHUTDOWN), 1),
    "requests after shutdown": (framed(SHUTDOWN) + framed(hover(id=9)) * 3 + framed(EXIT), 0),
}


def before_initialize(folder: Path) -> str:
    with connected(folder) as client:
        for method in ("textDocument/hover", "workspace/executeCommand", "shutdown", "our/own"):
            params = {"textDocument": {"uri": "x"}, "position": PLACE, "command": "x"}
            reply = client.request(method, None if method == "shutdown" else params)
            assert reply["error"]["code"] == NOT_INITIALIZED, reply
        client.open(client.uri, UNSAFE)
        reply = client.request("initialize", {"capabilities": 5})
        assert reply["error"]["code"] == INVALID_PARAMS
        client.start()
        client.is_well()
        client.goodbye()
    return "refused, and well after initialize"


def stdout_closed(folder: Path) -> str:
    with connected(folder) as client:
        client.start()
        client.is_well()
        assert client.process.stdout
        os.close(client.process.stdout.fileno())
        for _ in range(20):
            client.begin("textDocument/hover", json.loads(hover())["params"])
            time.sleep(0.05)
        assert client.exit_code(20) == 1
        assert "Traceback" not in client.log, client.log
    return "exit code 1"


def stdout_unread(folder: Path) -> str:
    """Nobody reads, until the pipe is full; then the client goes away."""
    with connected(folder) as client:
        client.start()
        client.is_well()
        os.kill(client.process.pid, 0)
        client.answer = lambda asked: time.sleep(3600)  # The reading thread never comes back.
        client.notify("workspace/didChangeConfiguration", {"settings": {}})
        for _ in range(200):
            client.begin("textDocument/codeAction", _everything(client.uri))
        assert client.process.stdin
        client.process.stdin.close()
        assert client.exit_code(30) == 1
    return "exit code 1"


def _everything(uri: str) -> dict[str, Any]:
    end = {"line": 10**6, "character": 0}
    return {
        "textDocument": {"uri": uri},
        "range": {"start": {"line": 0, "character": 0}, "end": end},
        "context": {"diagnostics": []},
    }


def silence(folder: Path, seconds: float) -> str:
    with connected(folder) as client:
        client.start()
        client.is_well()
        time.sleep(seconds)
        client.is_well()
        client.goodbye()
    return f"well after {seconds:g} s"


# --- Chance


def fuzz(client: Client, count: int, seed: int) -> str:
    """Good messages, each with some of it changed, cut, doubled or put elsewhere."""
    generator = random.Random(seed)
    item = {"uri": client.uri + "x.py", "languageId": "python", "version": 1, "text": "x = 1"}
    good = [
        *(
            {"id": 5, "method": method, "params": {"textDocument": {"uri": client.uri}, **params}}
            for method, params in KINDS.items()
            if isinstance(params, dict)
        ),
        {"method": "textDocument/didOpen", "params": {"textDocument": item}},
        {"method": "textDocument/didChange", "params": _change(item["uri"], "y")},
        {"method": "workspace/didChangeConfiguration", "params": {"settings": {"a": 1}}},
        {"id": "backend-developer-1", "result": [{}]},
        {
            "id": 6,
            "method": "workspace/executeCommand",
            "params": {
                "command": "backend-developer.review",
                "arguments": [{"uri": item["uri"], "task": "security"}],
            },
        },
    ]
    for number in range(count):
        chosen = _mutated(generator, {"jsonrpc": "2.0", **generator.choice(good)})
        body = json.dumps(chosen)
        data = framed(_damaged(generator, body.encode()) if number % 3 == 0 else body)
        client.write(data)
        if number % 200 == 199:
            client.open_again()
            client.is_well()
    client.open_again()
    client.is_well()
    clean(client)
    return f"{count} messages, {len(client.strays)} answers; well"


def _mutated(generator: random.Random, value: Any) -> Any:
    """The value with, here and there, something else in the place of a part of it."""
    if generator.random() < 0.06:
        return generator.choice(_ODD)
    if isinstance(value, dict):
        return {
            key: _mutated(generator, part) if key != "method" else part
            for key, part in value.items()
            if generator.random() > 0.03
        }
    if isinstance(value, list):
        return [_mutated(generator, part) for part in value]
    return value


def _damaged(generator: random.Random, data: bytes) -> bytes:
    place = generator.randrange(len(data))
    match generator.randrange(3):
        case 0:
            return data[:place] + bytes([generator.randrange(256)]) + data[place + 1 :]
        case 1:
            return data[:place] or b"x"
    return data[:place] + data[place // 2 :]


# --- Several at once


def two_processes(folder: Path) -> str:
    """Two servers of one person, with other capabilities, beside each other."""
    pulling = json.loads(json.dumps(CAPABILITIES))
    pulling["general"]["positionEncodings"] = ["utf-8"]
    pulling["textDocument"]["diagnostic"] = {}
    pulling["workspace"]["diagnostics"] = {"refreshSupport": True}
    home = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}
    with connected(folder / "one", home) as one, connected(folder / "two", home) as two:
        one.start()
        two.start(pulling)
        for client in (one, two, one, two):
            client.is_well()
        assert not any("publishDiagnostics" in sent["method"] for sent in two.notifications)
        until(
            lambda: any("publishDiagnostics" in sent["method"] for sent in one.notifications),
            "nothing was published",
        )
        one.goodbye()
        two.is_well()
        two.goodbye()
    return "each was served in its own way"


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        yield from faults(Path(name), arguments)


def faults(folder: Path, arguments: argparse.Namespace) -> Iterator[Row]:
    with connected(folder / "running") as client:
        client.start()
        for name, work in ON_RUNNING.items():
            yield seen(name, work, client)
        yield seen("many cancels", many_cancels, client, arguments.cancels, arguments.seed)
        yield seen("messages of 100 MB", large_messages, client, 100_000_000)
        yield seen("fuzzed messages", fuzz, client, arguments.count, arguments.seed)
        yield seen("no error of our own in all that", clean, client)
        yield seen("goodbye after all that", lambda: client.goodbye() or "exit code 0")
    for number, (name, answer) in enumerate(ANSWERS.items()):
        yield seen(f"our questions answered {name}", answered, folder / f"answer-{number}", answer)
    for number, (name, end) in enumerate(ENDS.items()):
        yield seen(f"end: {name}", ends_with, folder / f"end-{number}", *end)
    yield seen("requests before initialize", before_initialize, folder / "before")
    yield seen("stdout closed", stdout_closed, folder / "closed")
    yield seen("stdout never read", stdout_unread, folder / "unread")
    yield seen("a client that is silent", silence, folder / "silent", arguments.silence)
    yield seen("two processes with one state", two_processes, folder / "both")
    for encoding in ("utf-8", "utf-16", "utf-32"):
        count = arguments.edits // 3
        yield seen(f"edits, {encoding}", type_at_random, encoding, count, arguments.seed)
        place = folder / f"edits-{encoding}"
        yield seen(
            f"edits over stdio, {encoding}",
            type_into_a_process, place, encoding, count, arguments.seed,
        )  # fmt: skip


def clean(client: Client) -> str:
    assert SOMETHING_WENT_WRONG not in client.popups()
    assert "Traceback" not in client.log, client.log
    assert "raised at" not in client.log, client.log
    return "no error of our own was told or logged"


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000, help="fuzzed messages")
    parser.add_argument("--cancels", type=int, default=10_000, help="requests that are cancelled")
    parser.add_argument("--edits", type=int, default=100_000, help="random edits, of all encodings")
    parser.add_argument("--silence", type=float, default=20.0, help="seconds of a silent client")
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main(rows, options()))
