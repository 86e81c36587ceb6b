"""Answers as models write them on a bad day, from the endpoint to the files of a project.

Each is applied rightly or refused with its reason, and no file is damaged: that is looked at in
what an editor shows and in what is on the disk. `pytest tests/e2e/test_sloppy.py -rP` prints how
each ended.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from loopback_model import KEY, LoopbackModel, Reply, change_answer
from session.editor import Editor, with_capability
from workplace import Workplace

TASK = "---\nname: work\ntitle: Work\nkind: change\n---\nDo it.\n"
APP = """\
from store import rows

LIMIT = 50


def list_orders():
    return rows("orders")


def total(orders):
    result = 0
    for order in orders:
        result += order["price"]
    return result
"""
STORE = 'def rows(table):\n    return [table]\n\n\nFOX = "🦊é"; LIMIT = 10\n'
PAGES = "def page(rows):\n    return rows[:50]\n"
RUN = "what lies in that folder is run without anybody asking for it"
CAPABLE = with_capability("workspace.workspaceEdit.resourceOperations", ["create", "delete"])


def edit(old: str, new: str, file: str = "app.py", line: int | None = 1) -> dict[str, Any]:
    return {"file": file, "old": old, "new": new, "line": line}


def new_file(path: str, content: str = PAGES) -> dict[str, Any]:
    return {"path": path, "content": content}


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


@dataclass(frozen=True)
class Case:
    """One answer, the same again when what was wrong with it is sent back."""

    name: str
    answer: str
    """The text that the endpoint streams."""
    after: Mapping[str, str | bytes] = field(default_factory=dict)
    """What files hold when it was taken; none: it is refused."""
    refused: str = ""
    """A part of the reasons."""
    before: Mapping[str, str | bytes] = field(default_factory=dict)
    """Files that are otherwise than APP and STORE before."""
    typed: tuple[str, str] = ("", "")
    """What is replaced in the open file, and by what, while the agent writes."""
    reply: Reply = field(default_factory=Reply)
    """How it is streamed."""


def good(name: str, answer: str, after: Mapping[str, str | bytes], **more: Any) -> Case:
    return Case(name, answer, after, **more)


def bad(name: str, answer: str, reason: str, **more: Any) -> Case:
    return Case(name, answer, refused=reason, **more)


def edits(*some: Mapping[str, Any]) -> str:
    return change_answer(explanation=["Done."], edits=[*some])


def files(*some: Mapping[str, Any]) -> str:
    return change_answer(explanation=["Done."], files=[*some])


SUM = (
    "    result = 0\n    for order in orders:\n"
    '        result += order["price"]\n    return result\n'
)
SUMMED = '    return sum(order["price"] for order in orders)\n'
SUMMED_APP = APP.replace(SUM, SUMMED)
BOUND = edit("return [table]", "return [table][:1000]", "store.py", 2)
BOUNDED = STORE.replace("[table]\n", "[table][:1000]\n")
MANY = "".join(f"def number_{index}():\n    return {index}\n\n\n" for index in range(400))
MANY_AFTER = MANY.replace("    return ", "    return 1 + ")

INDENTATION = [
    good("dedented", edits(edit(SUM.replace("    ", "", 1), SUMMED)), {"app.py": SUMMED_APP}),
    good(
        "dedented as a whole",
        edits(edit(SUM.replace("\n    ", "\n")[4:], SUMMED[4:])),
        {"app.py": SUMMED_APP},
    ),
    good(
        "tabs in place of spaces",
        edits(edit(SUM.replace("    ", "\t"), SUMMED.replace("    ", "\t"))),
        {"app.py": SUMMED_APP},
    ),
    bad(
        "indented in a way that the file does not know",
        edits(edit("result = 0\n  for order in orders:", "\t  result = 1")),
        "is indented otherwise in the file",
    ),
]
LINE_ENDS = [
    good(
        "LF in the answer, CRLF in the file",
        edits(edit(SUM, SUMMED)),
        {"app.py": crlf(SUMMED_APP)},
        before={"app.py": crlf(APP)},
    ),
    good(
        "CRLF in the answer, LF in the file",
        edits(edit(crlf(SUM), crlf(SUMMED))),
        {"app.py": SUMMED_APP},
    ),
    good(
        "CRLF in a closed file",
        edits(BOUND),
        {"store.py": crlf(BOUNDED)},
        before={"store.py": crlf(STORE)},
    ),
    good("CRLF in a new file", files(new_file("pages.py", crlf(PAGES))), {"pages.py": PAGES}),
    good(
        "no line end at the end of the file",
        edits(edit(SUM, SUMMED)),
        {"app.py": SUMMED_APP.rstrip("\n")},
        before={"app.py": APP.rstrip("\n")},
    ),
    good(
        "the last line end left out of the new text",
        edits(edit(SUM, SUMMED.rstrip("\n"))),
        {"app.py": SUMMED_APP},
    ),
    good(
        "no line end at the end of a new file",
        files(new_file("pages.py", PAGES.rstrip("\n"))),
        {"pages.py": PAGES},
    ),
    good(
        "added at the end of the file",
        edits(edit(SUM, f"{SUM}\n\ndef none():\n    return None\n")),
        {"app.py": f"{APP}\n\ndef none():\n    return None\n"},
    ),
    good(
        "a byte order mark",
        edits(BOUND),
        {"store.py": codecs.BOM_UTF8 + BOUNDED.encode()},
        before={"store.py": codecs.BOM_UTF8 + STORE.encode()},
    ),
    good(
        "a byte order mark, and its first line quoted",
        edits(edit("def rows(table):", "def rows(table, limit=9):", "store.py")),
        {"store.py": codecs.BOM_UTF8 + STORE.replace("(table)", "(table, limit=9)").encode()},
        before={"store.py": codecs.BOM_UTF8 + STORE.encode()},
    ),
]
CONTEXT = [
    bad(
        "typed where it changes meanwhile",
        edits(edit(SUM, SUMMED)),
        "The code `result = 0 …` is not in the file",
        typed=("result = 0", "result = 1"),
    ),
    good(
        "typed elsewhere meanwhile",
        edits(edit(SUM, SUMMED)),
        {"app.py": SUMMED_APP.replace("LIMIT = 50", "LIMIT = 60")},
        typed=("LIMIT = 50", "LIMIT = 60"),
    ),
    bad(
        "code that was never there",
        edits(edit("return rows('orders').all()", "return []")),
        "is not in the file: quote it exactly",
    ),
    bad(
        "code that stands there twice, and no line",
        edits(edit("    return", "    return 1 +", line=None)),
        "stands at 2 places (lines 7, 14)",
    ),
    good(
        "line numbers copied into the old text",
        edits(
            edit(
                "  11 |     result = 0\n  12 |     for order in orders:\n"
                '  13 |         result += order["price"]\n  14 |     return result',
                "  11 | " + SUMMED.rstrip("\n"),
            )
        ),
        {"app.py": SUMMED_APP},
    ),
    bad("an empty old text", edits(edit("", "x = 1\n")), "The old text of the edit is empty"),
    good(
        "an empty old text for a file that is not there",
        edits(edit("", PAGES, "pages.py")),
        {"pages.py": PAGES},
    ),
    good(
        "UTF-16 positions behind astral and combining characters",
        edits(edit('FOX = "🦊é"; LIMIT = 10', 'FOX = "🦊é"; LIMIT = 20', "store.py")),
        {"store.py": STORE.replace("LIMIT = 10", "LIMIT = 20")},
    ),
    good(
        "the same, with a combining accent",
        edits(edit('"🦊e\u0301"; LIMIT = 10', '"🦊e\u0301"; LIMIT = 20', "store.py")),
        {"store.py": STORE.replace("é", "e\u0301").replace("LIMIT = 10", "LIMIT = 20")},
        before={"store.py": STORE.replace("é", "e\u0301")},
    ),
    bad(
        "an accent composed otherwise than in the file",
        edits(edit('FOX = "🦊e\u0301"', 'FOX = "🦊"', "store.py")),
        "is not in the file",
    ),
]
CUT_SHORT = [
    bad(
        "the rest of an edit left out",
        edits(edit(SUM, "    result = 0\n    # ... rest unchanged\n")),
        "leaves code out with the comment",
    ),
    bad(
        "the rest of a new file left out",
        files(new_file("pages.py", f"{PAGES}\n# ... existing code ...\n")),
        "leaves code out with the comment",
    ),
    bad(
        "half a new file",
        files(new_file("pages.py", "def page(rows):\n    return rows[")),
        "pages.py: ",
    ),
    bad(
        "a stream that ends in mid-answer",
        edits(edit(SUM, SUMMED), BOUND),
        "half of it is not offered",
        reply=Reply(fault="cut", after=200),
    ),
    bad(
        "an answer that met its limit",
        edits(edit(SUM, SUMMED), BOUND),
        "reached the limit of 32000 tokens and half of it is not offered",
        reply=Reply(stop_reason="max_tokens", after=200),
    ),
]
FILES = [
    bad(
        "an edit of a file that does not exist",
        edits(edit("x = 1", "x = 2", "missing.py")),
        "missing.py: There is no such file",
    ),
    bad(
        "a file that exists given as a new one",
        files(new_file("store.py", PAGES)),
        "store.py: It exists already",
    ),
    bad(
        "a new file given twice",
        files(new_file("pages.py"), new_file("./pages.py", "def page():\n    return 1\n")),
        "pages.py: It is given twice",
    ),
    bad(
        "the whole file deleted",
        edits(edit(APP, "")),
        "app.py: It would be left empty",
    ),
    bad("an absolute path", files(new_file("/etc/cron.d/job.py")), "It is not in the workspace"),
    bad("a path that leads out", files(new_file("../evil.py")), "It is not in the workspace"),
    bad(
        "a path that leads out and in again",
        files(new_file("a/../../evil.py")),
        "It is not in the workspace",
    ),
    bad(
        "a file that is never sent",
        edits(edit("KEY=1", "KEY=2", ".env")),
        ".env: It may not be changed",
        before={".env": "KEY=1\n"},
    ),
    bad(
        "a hook of git's",
        files(new_file(".git/hooks/pre-commit", "#!/bin/sh\n")),
        RUN,
    ),
    bad(
        "a task of an editor's",
        files(new_file(".vscode/tasks.json", "{}\n")),
        RUN,
    ),
    good("Windows separators", files(new_file("api\\pages.py")), {"api/pages.py": PAGES}),
    bad("a path with a NUL", files(new_file("pages\x00.py")), "That is no name for a file"),
    bad("no path", files(new_file("")), "Name the file, relative to the workspace"),
    bad(
        "an edit that names no file",
        change_answer(edits=[{"old": "LIMIT = 50", "new": "LIMIT = 60"}]),
        "Name the file, relative to the workspace",
    ),
]
TWO = [
    bad(
        "two edits that overlap",
        edits(
            edit("LIMIT = 50\n\n\ndef list_orders():", "LIMIT = 60\n\n\ndef list_orders():"),
            edit("LIMIT = 50\n", "LIMIT = 70\n"),
        ),
        "Two of its edits overlap",
    ),
    good(
        "the same edit twice",
        edits(edit(SUM, SUMMED), edit(SUM, SUMMED)),
        {"app.py": SUMMED_APP},
    ),
    bad(
        "an edit that builds on another's result",
        edits(edit("LIMIT = 50", "BOUND = 50"), edit("BOUND = 50", "BOUND = 60")),
        "is not in the file",
    ),
    good(
        "60 kB of edits",
        edits(
            *(
                edit(
                    f"def number_{index}():\n    return {index}\n",
                    f"def number_{index}():\n    return 1 + {index}\n",
                )
                for index in range(400)
            )
        ),
        {"app.py": MANY_AFTER},
        before={"app.py": MANY},
    ),
]
FORM = [
    good(
        "a code fence around a new file's text",
        files(new_file("pages.py", f"```python\n{PAGES}```\n")),
        {"pages.py": PAGES},
    ),
    good(
        "a code fence around a text that nothing parses",
        files(new_file("requirements.txt", "```\nfastapi\n```")),
        {"requirements.txt": "fastapi\n"},
    ),
    good(
        "a code fence in a new Markdown file",
        files(new_file("docs.md", "```sh\nmake\n```\n")),
        {"docs.md": "```sh\nmake\n```\n"},
    ),
    good(
        "a code fence around the new text of an edit",
        edits(edit(SUM, f"```python\n{SUMMED}```")),
        {"app.py": SUMMED_APP},
    ),
    good(
        "JSON in a code fence, with prose around it",
        f"Here is the change:\n\n```json\n{edits(edit(SUM, SUMMED))}\n```\nTell me what you think!",
        {"app.py": SUMMED_APP},
    ),
    good(
        "members that nobody asked for",
        json.dumps(
            {
                "thoughts": "hm",
                "explanation": ["Done."],
                "edits": [edit(SUM, SUMMED) | {"confidence": 0.9, "sha": None}],
                "notes": [{"a": [1]}],
            }
        ),
        {"app.py": SUMMED_APP},
    ),
    bad("neither edits nor files nor words", change_answer(), "The answer is empty"),
    bad("an edit that changes nothing", edits(edit(SUM, SUM)), "leaves every file as it is"),
    bad("no JSON at all", "I am sorry, I cannot do that.", "did not answer in the form"),
    bad("a number as the new text", edits(edit(SUM, 0)), "app.py: "),  # type: ignore[arg-type]
]
CASES = [*INDENTATION, *LINE_ENDS, *CONTEXT, *CUT_SHORT, *FILES, *TWO, *FORM]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_sloppy(case: Case, tmp_path: Path, model: LoopbackModel, desk: Editor) -> None:
    folder = tmp_path / "shop"
    before = {"app.py": APP, "store.py": STORE, **case.before}
    before[".claude/backend-developer/tasks/work.md"] = TASK
    write(folder, before)
    untouched = contents(tmp_path)
    uri = await opened(desk, folder)
    replies = replace(case.reply, text=case.answer)
    model.usual = lambda body: replies
    if case.typed[0]:
        model.on_piece = lambda: type_once(desk, uri, case.typed)
    said = await asked(desk, uri)
    if case.refused or not case.after:
        print(f"{case.name}: refused. {said}")
        assert case.refused in said
        assert said
        assert contents(tmp_path) == untouched
        assert desk.texts == {uri: decoded(before["app.py"]).replace(*case.typed, 1)}
    else:
        print(f"{case.name}: applied. {said}")
        assert said == "offered"
        await take(desk, uri)
        save(desk, folder)
        expected = {
            **untouched,
            **{f"shop/{name}": encoded(text) for name, text in case.after.items()},
        }
        assert contents(tmp_path) == expected


@pytest.fixture
async def desk(tmp_path: Path, model: LoopbackModel) -> AsyncIterator[Editor]:
    """An editor of tmp_path/shop, not started, whose server has the program's own engines."""
    environment = {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": model.url,
        "BACKEND_DEVELOPER_KEEP_ANSWERS": "false",
    }
    workplace = Workplace(tmp_path / "state", model.url, 30)
    editor = Editor(real=(workplace.reviewers, environment))
    yield editor
    await editor.request("shutdown", None)
    await workplace.agent.close()


async def opened(editor: Editor, folder: Path) -> str:
    """Starts it with app.py open; that file's URI."""
    await editor.start(CAPABLE, folder)
    uri = (folder / "app.py").as_uri()
    editor.open(uri, (folder / "app.py").read_bytes().decode())
    await editor.settled()
    return uri


async def asked(editor: Editor, uri: str) -> str:
    """The state of the proposal that comes of it; the reasons where it is refused."""
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
    answer = await editor.command("change", uri=uri, task="work", range=whole)
    assert answer["started"], answer
    await editor.settled()
    proposals = await editor.command("proposals")
    if not proposals:
        return editor.messages()[-1]
    [proposal] = proposals
    return " ".join(proposal["reasons"]) or str(proposal["state"])


async def take(editor: Editor, uri: str) -> None:
    [action] = [
        action
        for action in await editor.actions(uri, editor.texts[uri], only=["quickfix"])
        if action["title"].startswith("Take: ")
    ]
    editor.apply(action["edit"])
    await editor.settled()
    [proposal] = await editor.command("proposals")
    assert proposal["state"] == "taken"


def type_once(editor: Editor, uri: str, typed: tuple[str, str]) -> None:
    if typed[0] in editor.texts[uri]:
        editor.edit(uri, *typed)


def save(editor: Editor, folder: Path) -> None:
    """As editors do: a byte order mark stays."""
    for uri, text in editor.texts.items():
        file = Path(uri.removeprefix("file://"))
        had_mark = file.read_bytes().startswith(codecs.BOM_UTF8)
        file.write_bytes((codecs.BOM_UTF8 if had_mark else b"") + text.encode())


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(text))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder but the program's own."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "state" not in file.relative_to(folder).parts
    }


def encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def decoded(text: str | bytes) -> str:
    return encoded(text).decode("utf-8-sig")
