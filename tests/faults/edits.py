"""Random edits against a model of the text that knows nothing of the program."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faults.client import CAPABILITIES, connected, until
from session.editor import Editor, with_capability

URI = "file:///work/app.py"
CHECKED_EVERY = 100
PIECES = (
    "x", "md5(", "\n", "\r\n", "\r", "\f", "\x0b", "\x85", "\u2028", "\t", "é", "日本", "😀",
    "👩‍👩‍👧", "\u0301", "\ufeff", "𝕏", "\ud83d", "\ude00", "# a comment\n", "",
)  # fmt: skip

TOKEN = "AKIA" + "QYLPMN5HFIWXZ7R2"
"""A secret of a made-up form, which is found wherever it stands by itself."""
LEAK = "security/hardcoded-secret"
_WHOLE_TOKEN = re.compile(rf"(?<!\w){TOKEN}(?!\w)")


def type_at_random(encoding: str, count: int, seed: int) -> str:
    """So many edits in one encoding; the texts must be equal after each hundred."""
    return asyncio.run(_type(encoding, count, random.Random(f"{encoding} {seed}")))


async def _type(encoding: str, count: int, generator: random.Random) -> str:
    editor = Editor()
    await editor.start(with_capability("general.positionEncodings", [encoding]))
    assert editor.encoding == encoding
    text = ""
    editor.open(URI, text)
    compared = 0
    for done in range(count):
        events, text = random_edit(generator, text, encoding, PIECES)
        version = done + 2
        identifier = {"uri": URI, "version": version}
        editor.notify(
            "textDocument/didChange", {"textDocument": identifier, "contentChanges": events}
        )
        if done % CHECKED_EVERY == CHECKED_EVERY - 1 or done == count - 1:
            opened = editor.session.find(URI)
            assert opened
            assert opened.document.text == opened.lines.text == text, f"other texts at edit {done}"
            assert opened.document.version == version
            compared += 1
            await asyncio.sleep(0)
    editor.texts[URI] = text
    await editor.settled()
    marks = [match.start() for match in re.finditer(r"\bmd5\(", text)]
    told = [one["range"]["start"] for one in editor.diagnostics(URI)]
    assert [offset(text, place, encoding) for place in told] == marks
    await editor.request("shutdown", None)
    await editor.settled()
    assert editor.messages() == []
    return f"{count} notifications, compared {compared} times, {len(text)} characters at the end"


def type_into_a_process(folder: Path, encoding: str, count: int, seed: int) -> str:
    """The same over stdio, where the places of what the real engine finds say what the text is."""
    generator = random.Random(f"{encoding} {seed} stdio")
    pieces = [f" {TOKEN} " if piece == "md5(" else piece for piece in PIECES]
    with connected(folder) as client:
        client.start(with_capability("general.positionEncodings", [encoding], CAPABILITIES))
        uri = (folder / "typed.py").as_uri()
        text = ""
        client.open(uri, text)
        compared = found = 0

        def places() -> list[int]:
            arguments = [{"uri": uri}]
            params = {"command": "backend-developer.findings", "arguments": arguments}
            told = client.request("workspace/executeCommand", params)["result"]
            starts = [one["range"]["start"] for one in told if one["rule"] == LEAK]
            return [offset(text, place, encoding) for place in starts]

        for done in range(count):
            events, text = random_edit(generator, text, encoding, pieces)
            identifier = {"uri": uri, "version": done + 2}
            client.notify(
                "textDocument/didChange", {"textDocument": identifier, "contentChanges": events}
            )
            if done % CHECKED_EVERY == CHECKED_EVERY - 1 or done == count - 1:
                marks = [match.start() for match in _WHOLE_TOKEN.finditer(text)]
                until(lambda marks=marks: places() == marks, f"other places at edit {done}")
                compared += 1
                found += len(marks)
        assert client.popups() == []
        assert "Traceback" not in client.log
        client.goodbye()
    return f"{count} notifications, compared {compared} times, {found} places in all"


def random_edit(
    generator: random.Random, text: str, encoding: str, pieces: Sequence[str]
) -> tuple[list[dict[str, Any]], str]:
    """The changes of one notification, and the text after them."""
    # Half a surrogate pair has no UTF-8, so no client that counts bytes can say where it is.
    pieces = [piece for piece in pieces if encoding != "utf-8" or piece not in "\ud83d\ude00"]
    events: list[dict[str, Any]] = []
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        # In JSON, two halves of a character beside each other are that character.
        new = json.loads(json.dumps("".join(generator.choices(pieces, k=generator.randrange(4)))))
        if generator.random() < 0.002:
            events.append({"text": new})
            text = new
            continue
        one, other = (_place(generator, text, encoding) for _ in range(2))
        if generator.random() < 0.5:
            other = one
        elif len(text) < 400:
            # Mostly small, else nothing would ever be left.
            other = {**one, "character": one["character"] + generator.randrange(3)}
        events.append({"range": {"start": one, "end": other}, "text": new})
        start, end = sorted((offset(text, one, encoding), offset(text, other, encoding)))
        text = text[:start] + new + text[end:]
    return events, text


def _place(generator: random.Random, text: str, encoding: str) -> dict[str, int]:
    """A position, one in ten of them outside the text."""
    lines = re.split(r"\r\n|\r|\n", text)
    if generator.random() < 0.05:
        return {"line": len(lines) + generator.randrange(3), "character": generator.randrange(9)}
    line = generator.randrange(len(lines))
    width = len(_units(lines[line], encoding))
    beyond = generator.randrange(1, 9) if generator.random() < 0.05 else 0
    return {"line": line, "character": generator.randint(0, width) + beyond}


def offset(text: str, position: dict[str, int], encoding: str) -> int:
    """Where LSP puts a position, worked out line by line and character by character."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
    if position["line"] >= len(starts):
        return len(text)
    place, left = starts[position["line"]], position["character"]
    while place < len(text) and text[place] not in "\r\n":
        left -= len(_units(text[place], encoding))
        if left < 0:
            break  # Inside of a character is its beginning.
        place += 1
    return place


def _units(text: str, encoding: str) -> bytes | list[bytes]:
    if encoding == "utf-8":
        return text.encode("utf-8", "surrogatepass")
    width = {"utf-16": 2, "utf-32": 4}[encoding]
    data = text.encode(f"{encoding}-le", "surrogatepass")
    return [data[index : index + width] for index in range(0, len(data), width)]
