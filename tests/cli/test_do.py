"""`backend-developer do`: tasks that change something, whose model is a loopback endpoint."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend_developer.change import Fit, Workshop
from backend_developer.commands.selected import split_lines
from backend_developer.consents import revoke
from backend_developer.core.changes import ChangeSet
from backend_developer.state import State, state_folder
from backend_developer.workshop import make_workshop
from cli.test_review_agent import model
from loopback_model import LoopbackModel, Reply, change, edit

__all__ = ["model"]

Run = Callable[..., Any]
Write = Callable[[Mapping[str, str | bytes]], None]

TASKS = ".claude/backend-developer/tasks"
PAGINATE = """\
---
name: paginate
title: Add pagination
kind: change
languages: [python]
contains: def list_
group: API
---
Add pagination.
"""
EXPLAIN = "---\nname: explain\ntitle: Explain it\nkind: explain\n---\nExplain it."
ASK = """\
---
name: ask
title: Ask for anything
kind: change
asks: What should be done?
group: Security
---
Do that.
"""
APP = """\
from store import rows


def list_orders():
    return rows("orders")


def one(key):
    return rows("orders")[key]
"""
STORE = "def rows(table):\n    return [table]\n"
PROJECT = {
    "app.py": APP,
    "store.py": STORE,
    f"{TASKS}/paginate.md": PAGINATE,
    f"{TASKS}/explain.md": EXPLAIN,
    f"{TASKS}/ask.md": ASK,
}

PAGES = "def page(rows, first, size):\n    return rows[first : first + size]\n"
IMPORTED = edit(
    "app.py", "from store import rows\n", "from web.pages import page\nfrom store import rows\n"
)
PAGED = edit(
    "app.py",
    'def list_orders():\n    return rows("orders")',
    'def list_orders(first=0, size=50):\n    return page(rows("orders"), first, size)',
    4,
)
BOUNDED = edit("store.py", "    return [table]\n", "    return [table][:1000]\n", 2)
AFTER = {
    "app.py": APP.replace(IMPORTED["old"], IMPORTED["new"]).replace(PAGED["old"], PAGED["new"]),
    "store.py": STORE.replace(BOUNDED["old"], BOUNDED["new"]),
    "web/pages.py": PAGES,
}
EXPLAINED = ("Lists are cut into pages.", "Look at the default of `size`.")
THREE_FILES = change(IMPORTED, PAGED, BOUNDED, explanation=EXPLAINED, files={"web/pages.py": PAGES})
WITH_DEPENDENCY = change(BOUNDED, dependencies=[("slowapi", ">=0.1.9,<0.2", "it counts requests")])
USED = "claude-sonnet-5-5: 4,000 tokens in (62% cached), 77 out, $0.004"


@pytest.fixture
def project(write: Write) -> None:
    write(PROJECT)


def texts(*paths: str) -> dict[str, str]:
    return {path: Path(path).read_bytes().decode() for path in paths if Path(path).exists()}


def nothing_is_written() -> bool:
    return texts(*AFTER) == {"app.py": APP, "store.py": STORE}


# --- What can be asked for


def test_the_tasks_are_listed_by_group(run: Run, project: None) -> None:
    result = run("do")
    assert (result.code, result.err) == (0, "")
    groups = [line for line in result.out.splitlines() if line and not line.startswith(" ")]
    assert groups[:5] == [
        "API",
        "Data",
        "Security",
        "Operation",
        "Explain and test",
    ]
    said = {" ".join(line.split()) for line in result.out.splitlines()}
    assert "paginate Add pagination python; where the code calls for it" in said
    assert "ask Ask for anything everywhere" in said
    assert run("do", "--list").out == result.out
    listed = json.loads(run("do", "--format", "json").out)
    assert {
        "name": "paginate",
        "title": "Add pagination",
        "kind": "change",
        "group": "API",
        "asks": "",
        "where": "python; where the code calls for it",
    } in listed


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [
        (["--list", "app.py"], True),
        (["app.py"], True),
        (["app.py:4-5"], True),
        (["app.py:8"], False),
        (["--list", "store.py"], False),
        (["--list", "Makefile"], False),
    ],
)
def test_the_tasks_that_fit_a_place_are_listed(
    run: Run, write: Write, project: None, arguments: list[str], fits: bool
) -> None:
    write({"Makefile": "all:\n"})
    result = run("do", *arguments)
    assert (result.code, result.err) == (0, "")
    assert ("paginate" in result.out) == fits
    assert "ask" in result.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["paginate"], "name the file that it is to be done in: backend-developer do paginate "),
        (["paginat", "app.py"], 'there is no task "paginat"; did you mean "paginate"?'),
        (["sql", "app.py"], 'there is no task "sql". `backend-developer do` lists them'),
        (
            ["security", "app.py"],
            "security is a review: run `backend-developer review --focus security app.py`",
        ),
        (["paginate", "gone.py"], "gone.py: it does not exist: check the spelling"),
        (["paginate", "gone.py:3"], "gone.py: it does not exist: check the spelling"),
        (["paginate", "web"], "web: it is a folder: name a file"),
        (["paginate", ""], "an empty path: it is a folder: name a file"),
        (["paginate", "old.py"], "old.py: it is not UTF-8"),
        (["paginate", "app.py:0"], "app.py:0: the file has 9 lines: name some of them, such as"),
        (["paginate", "app.py:10"], "app.py:10: the file has 9 lines: name some of them, such as"),
        (
            ["paginate", "app.py:5-4"],
            "app.py:5-4: the lines end before they begin: name app.py:4-5",
        ),
        (["paginate", "app.py:4-"], "app.py:4-: the file has 9 lines"),
        (["paginate", "app.py:"], "app.py:: the file has 9 lines"),
        (["paginate", "app.py:four"], "app.py:four: the file has 9 lines: name some of them"),
        (["paginate", "empty.py:1"], "empty.py:1: the file has 0 lines: name none"),
        (["ask", "app.py"], "ask needs to be told what is wanted: add --instruction TEXT"),
        (["ask", "app.py", "--instruction", " "], "ask needs to be told what is wanted"),
        (["paginate", "app.py", "--agent", "nobody"], 'There is no agent "nobody"'),
    ],
)
def test_what_cannot_be_done_as_asked_is_said_in_a_sentence(
    run: Run,
    write: Write,
    project: None,
    model: LoopbackModel,
    arguments: list[str],
    sentence: str,
) -> None:
    write({"web/a.py": "", "old.py": b"\xff", "empty.py": ""})
    result = run("do", *arguments)
    assert (result.code, result.out) == (2, "")
    [error] = result.err.splitlines()
    assert error.startswith(f"error: {sentence}")
    assert model.connections == 0


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("app.py", ("app.py", None)),
        ("app.py:12", ("app.py", "12")),
        ("app.py:12-40", ("app.py", "12-40")),
        ("app.py:12:40", ("app.py", "12:40")),
        ("gone.py:12:40", ("gone.py", "12:40")),
        ("gone:py", ("gone:py", None)),
        ("with:12", ("with:12", None)),
        ("with:12:3", ("with:12", "3")),
        (r"C:\app\a.py", (r"C:\app\a.py", None)),
        (r"C:\app\a.py:12-40", (r"C:\app\a.py", "12-40")),
        ("C:/app/a.py:3:5", ("C:/app/a.py", "3:5")),
    ],
)
def test_lines_are_told_from_a_path(
    write: Write, argument: str, expected: tuple[str, str | None]
) -> None:
    write({"app.py": APP, "with:12": APP})
    assert split_lines(argument) == expected


def test_a_drive_is_no_file(write: Write) -> None:
    write({"C": APP})
    assert split_lines("C:12", has_drives=False) == ("C", "12")
    assert split_lines("C:12", has_drives=True) == ("C:12", None)


# --- What is sent


def asked(model: LoopbackModel, index: int = -1) -> str:
    """The last message of a request."""
    return str(model.requests[index].body["messages"][-1]["content"][-1]["text"])


def test_what_goes_where_is_said_before(
    run: Run, write: Write, project: None, folder: Path, model: LoopbackModel
) -> None:
    host = model.url.removeprefix("http://")
    announced = f"sending 1 file (app.py; {len(APP)} bytes, about 6k tokens) to {host}, model "
    revoke(State(state_folder(os.environ)), str(folder))
    result = run("do", "paginate", "app.py")
    assert (result.code, result.out, result.err) == (
        2,
        "",
        "error: nothing was sent, because nobody agreed to it: add --yes, or run "
        "`backend-developer consent --give`\n",
    )
    assert model.connections == 0
    model.script(Reply(THREE_FILES))
    result = run("do", "paginate", "app.py", "--yes", "--model", "opus")
    assert result.code == 0
    assert result.err.startswith(f"{announced}claude-opus-5-5, at most $0.")
    assert model.requests[-1].body["model"] == "claude-opus-5-5"
    assert run("do", "paginate", "app.py").code == 2


def test_the_lines_and_the_wish_are_what_it_is_about(
    run: Run, project: None, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.usual = lambda body: Reply(THREE_FILES)
    run("do", "paginate", "app.py:4:5", "--instruction", "By cursor, please.")
    sent = model.requests[-1].raw.decode()
    assert "By cursor, please." in asked(model)
    assert "4-5" in sent or "4 to 5" in sent
    monkeypatch.setattr("sys.stdin", io.StringIO(STORE))
    run("do", "ask", "app.py", "--instruction", "-")
    assert "return [table]" in asked(model)
    result = run("do", "ask", "app.py", "--instruction", "-")
    assert result.err == "error: --instruction -: nothing came on standard input\n"


def test_what_the_local_engine_finds_in_the_lines_is_sent_along(
    run: Run, write: Write, project: None, model: LoopbackModel
) -> None:
    write({"app.py": f"{APP}\n\nimport hashlib\n\n\ndef sign(x):\n    return hashlib.md5(x)\n"})
    model.usual = lambda body: Reply(change())
    run("do", "paginate", "app.py")
    assert "security/weak-hash" in model.requests[-1].raw.decode()
    run("do", "paginate", "app.py:1-5")
    assert "security/weak-hash" not in model.requests[-1].raw.decode()


def test_the_projects_habits_are_sent_to_who_changes_it(
    run: Run, write: Write, project: None, model: LoopbackModel
) -> None:
    write({"pyproject.toml": '[project]\nname = "shop"\ndependencies = ["fastapi==0.115.0"]\n'})
    model.script(Reply(change()), Reply(json.dumps({"explanation": ["So."]})))
    run("do", "paginate", "app.py")
    sent = model.requests[-1].raw.decode()
    assert "fastapi" in sent[sent.index("# How this project does things") :]
    run("do", "explain", "app.py")
    assert "# How this project does things" not in model.requests[-1].raw.decode()


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"ANTHROPIC_API_KEY": "", "ANTHROPIC_BASE_URL": ""},
            "this needs a model: set ANTHROPIC_API_KEY, a base URL or another provider, and try "
            "again",
        ),
        (
            {"BACKEND_DEVELOPER_ENGINE": "local"},
            "this needs a model, and the setting engine is local: set it to auto",
        ),
        ({"ANTHROPIC_API_KEY": "wrong"}, "127.0.0.1"),
        ({"BACKEND_DEVELOPER_MAXIMUM_COST_PER_REVIEW": "0.001"}, "The task stopped at the limit"),
    ],
)
def test_without_a_model_nothing_can_be_done(
    run: Run,
    project: None,
    model: LoopbackModel,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    sentence: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = run("do", "paginate", "app.py", "--apply")
    assert (result.code, result.out) == (3, "")
    assert result.err.splitlines()[-1].startswith(f"error: {sentence}")
    assert nothing_is_written()


def test_a_denied_file_is_not_sent(
    run: Run, write: Write, project: None, model: LoopbackModel
) -> None:
    write({".env": "PASSWORD=x\n"})
    result = run("do", "paginate", ".env")
    assert (result.code, result.out) == (3, "")
    assert result.err.splitlines()[-1].startswith("error: .env is never sent to a model, because ")
    assert model.connections == 0


def test_an_untrusted_workspace_has_no_say(
    run: Run, project: None, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKEND_DEVELOPER_TRUSTED", "false")
    result = run("do", "paginate", "app.py")
    assert (result.code, result.out) == (2, "")
    assert "The workspace is not trusted, so its tasks are not used." in result.err
    assert 'there is no task "paginate"' in result.err
    assert model.connections == 0


# --- What is shown


def test_a_change_is_shown_and_nothing_is_written(
    run: Run, project: None, model: LoopbackModel
) -> None:
    steps = [("command", "Run `make docs`.")]
    model.script(
        Reply(
            change(
                IMPORTED,
                PAGED,
                BOUNDED,
                explanation=EXPLAINED,
                files={"web/pages.py": PAGES},
                steps=steps,
            )
        )
    )
    result = run("do", "paginate", "app.py:4-5")
    assert result.code == 0
    head, *diffs, rest = result.out.split("\n\n--- ")
    diffs.append(rest.partition("\n\n3 files")[0])
    assert head == (
        "Add pagination [claude-sonnet-5-5]\n\n"
        "Lists are cut into pages.\n\nLook at the default of `size`."
    )
    assert [diff.partition("\n@@")[0] for diff in diffs] == [
        "a/app.py\n+++ b/app.py",
        "a/store.py\n+++ b/store.py",
        "/dev/null\n+++ b/web/pages.py",
    ]
    assert "\n-    return [table]\n+    return [table][:1000]" in result.out
    assert (
        "\n\n3 files, +6 −3\n  app.py        +3 −2\n  store.py      +1 −1\n"
        "  web/pages.py  new, 2 lines\nby hand:\n  - Run `make docs`.\n"
    ) in result.out
    assert result.err.splitlines()[1:] == [
        "reading app.py and what surrounds it",
        "asking claude-sonnet-5-5",
        "it changes app.py",
        "it changes store.py",
        "it writes web/pages.py",
        "checking 3 files",
        USED,
        "note: nothing was written: --apply writes it, after asking the model once more",
    ]
    assert nothing_is_written()


def test_a_task_that_does_not_fit_is_done_all_the_same(
    run: Run, project: None, model: LoopbackModel
) -> None:
    model.script(Reply(change(BOUNDED)))
    result = run("do", "paginate", "store.py")
    assert result.code == 0
    assert result.err.startswith(
        "note: paginate is meant for other code than this (python; where the code calls for it)\n"
    )
    assert "[:1000]" in result.out


def test_a_large_file_is_selected_whole_with_a_word(
    run: Run, write: Write, project: None, model: LoopbackModel
) -> None:
    write({"app.py": APP + "\n# A line\n" * 300})
    model.usual = lambda body: Reply(change())
    said = "note: no lines were named, so all 609 of app.py are selected: app.py:12-40 selects some"
    assert said in run("do", "paginate", "app.py").err
    assert "no lines" not in run("do", "paginate", "app.py:1-609").err


@pytest.mark.parametrize("name", ["explain", "paginate"])
def test_words_alone_are_shown_alone(
    run: Run, project: None, model: LoopbackModel, name: str
) -> None:
    text = json.dumps({"explanation": ["It lists\x1b[2J orders.", "All."]})
    model.script(Reply(text if name == "explain" else change(explanation=["All."])))
    result = run("do", name, "app.py", "--apply")
    assert result.code == 0
    if name == "explain":
        assert result.out == "It lists␛[2J orders.\n\nAll.\n"
        assert result.err.splitlines()[-1] == USED
    else:
        assert result.out == "Add pagination [claude-sonnet-5-5]\n\nAll.\n"
        assert result.err.splitlines()[-1] == "note: nothing is to be changed"


@pytest.mark.parametrize("format_", ["text", "diff", "json"])
def test_nothing_of_a_change_is_a_command_to_the_terminal(
    run: Run, project: None, model: LoopbackModel, format_: str
) -> None:
    Path("store.py").write_text(f"{STORE}# \x1b[2J\x1b]0;title\x07\n")
    answer = change(
        BOUNDED,
        explanation=["\x1b[31mred\r"],
        files={"\u00fc\u0301.txt": "\x1b]0;title\x07\n"},
        dependencies=[("a\x1b[A", "1", "b\rc")],
        steps=[("other", "do\x1b]8;;x\x07")],
    )
    model.usual = lambda body: Reply(answer)
    result = run("do", "paginate", "app.py", "--format", format_)
    assert result.code == 0
    shown = result.err if format_ == "diff" else result.out + result.err
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", shown)


def test_colours_are_gits(
    run: Run, project: None, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.usual = lambda body: Reply(change(BOUNDED))
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = run("do", "paginate", "app.py").out
    assert "\x1b[31m-    return [table]\x1b[0m\n\x1b[32m+    return [table][:1000]\x1b[0m" in shown
    assert "\x1b[36m@@ -1,2 +1,2 @@\x1b[0m" in shown
    assert "\x1b[1m--- a/store.py\x1b[0m" in shown
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("do", "paginate", "app.py").out


def test_json_has_everything(run: Run, project: None, model: LoopbackModel) -> None:
    model.usual = lambda body: Reply(
        change(
            IMPORTED,
            PAGED,
            BOUNDED,
            files={"web/pages.py": PAGES},
            explanation=EXPLAINED,
            dependencies=[("slowapi", ">=0.1", "it counts")],
            steps=[("decision", "How many?")],
        )
    )
    result = run("do", "paginate", "app.py:4-5", "--format", "json")
    assert result.code == 0
    shown = json.loads(result.out)
    files = shown.pop("files")
    assert [(one["path"], one["isNew"], one["state"]) for one in files] == [
        ("app.py", False, "waiting"),
        ("store.py", False, "waiting"),
        ("web/pages.py", True, "waiting"),
    ]
    assert {one["path"]: one["after"] for one in files} == AFTER
    [usage] = shown.pop("usage")
    assert usage["cost"] == pytest.approx(0.00417)
    assert shown.pop("unchecked") == []
    assert shown.pop("page").startswith("# Add pagination")
    assert shown.pop("runId") == ""
    assert shown == {
        "message": "Add pagination: 3 files, +6 −3. It needs slowapi, which must be allowed first. "
        "By hand: How many?",
        "id": "proposal",
        "title": "Add pagination",
        "uri": Path("app.py").absolute().as_uri(),
        "line": 3,
        "state": "waiting for yes",
        "explanation": "\n\n".join(EXPLAINED),
        "reasons": [],
        "dependencies": [
            {"name": "slowapi", "version": ">=0.1", "why": "it counts", "isAllowed": False}
        ],
        "steps": [{"kind": "decision", "text": "How many?"}],
        "proof": None,
        "model": "claude-sonnet-5-5",
        "canBeRefined": False,
        "isPart": False,
    }
    given = ["--apply", "--allow-dependency", "slowapi"]
    taken = json.loads(run("do", "paginate", "app.py:4-5", "--format", "json", *given).out)
    assert (taken["state"], {one["state"] for one in taken["files"]}) == ("taken", {"taken"})
    assert texts(*AFTER) == AFTER


# --- Diffs, and writing

CRLF = APP.replace("\n", "\r\n")
FILES: dict[str, tuple[dict[str, bytes], str]] = {
    "several": ({}, THREE_FILES),
    "crlf": ({"app.py": CRLF.encode()}, THREE_FILES),
    "bom and crlf": ({"app.py": b"\xef\xbb\xbf" + CRLF.encode()}, THREE_FILES),
    "bom": ({"store.py": b"\xef\xbb\xbf" + STORE.encode()}, THREE_FILES),
    "no final newline": (
        {"store.py": b"def rows(table):\n    return [table]"},
        change(edit("store.py", "    return [table]", "    return [table][:1000]", 2)),
    ),
    "a final newline comes": (
        {"store.py": b"def rows(table):\n    return [table]"},
        change(edit("store.py", "[table]", "[table][:1000]\n\n\nLIMIT = 1000\n", 2)),
    ),
    "an empty new file": ({}, change(BOUNDED, files={"web/__init__.py": ""})),
    "a file that was empty": ({"web/__init__.py": b""}, change(files={"web/__init__.py": PAGES})),
    "names": (
        {"a b.py": STORE.encode(), "übung.py": STORE.encode(), 'say "hi".py': STORE.encode()},
        change(
            *(BOUNDED | {"file": name} for name in ("a b.py", "übung.py", 'say "hi".py')),
            files={"new one/é.py": PAGES},
        ),
    ),
    "form feeds and line separators": (
        {"store.py": "X = 'a\u2028b'\n\x0cdef rows(table):\n    return [table]\n".encode()},
        change(BOUNDED),
    ),
}


def on_disk(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


@pytest.mark.parametrize("case", FILES)
def test_a_diff_makes_the_change_byte_for_byte(
    run: Run, write: Write, project: None, folder: Path, model: LoopbackModel, case: str
) -> None:
    files, answer = FILES[case]
    write(files)
    before = on_disk(folder)
    model.usual = lambda body: Reply(answer)
    process = subprocess.run(
        [sys.executable, "-m", "backend_developer", "do", "paginate", "app.py", "--format", "diff"],
        capture_output=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr.decode()
    assert on_disk(folder) == before
    applied = []
    for program in (["git", "apply"], ["patch", "-p1", "--no-backup-if-mismatch"]):
        copy = folder.with_name(program[0])
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".git"))
        done = subprocess.run(
            program, input=process.stdout, cwd=copy, capture_output=True, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        assert b"fuzz" not in done.stdout
        applied.append(on_disk(copy))
    assert run("do", "paginate", "app.py", "--apply").code == 0
    after = on_disk(folder)
    assert after != before
    assert applied == [after, after]
    for path, data in files.items():
        assert after[path].startswith(b"\xef\xbb\xbf") == data.startswith(b"\xef\xbb\xbf")
        if b"\r" in data:
            assert after[path].count(b"\n") == after[path].count(b"\r\n")


def test_a_change_is_written_whole(run: Run, project: None, model: LoopbackModel) -> None:
    model.script(Reply(THREE_FILES))
    Path("store.py").chmod(0o755)
    result = run("do", "paginate", "app.py:4-5", "--apply")
    assert result.code == 0
    assert "+from web.pages import page" in result.out
    assert result.err.splitlines()[-1] == "wrote app.py, store.py, web/pages.py"
    assert texts(*AFTER) == AFTER
    assert Path("store.py").stat().st_mode & 0o777 == 0o755
    [line] = run("log").out.splitlines()
    assert "  change, finished  " in line
    assert line.endswith(": app.py")
    assert "$0.004 (1 call)" in run("usage").out


def test_from_a_folder_below_paths_are_the_workspaces(
    run: Run, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch, model: LoopbackModel
) -> None:
    write({**PROJECT, "web/__init__.py": ""})
    model.usual = lambda body: Reply(THREE_FILES)
    monkeypatch.chdir(folder / "web")
    result = run("do", "paginate", "../app.py", "--format", "diff")
    assert "diff --git a/app.py b/app.py\n" in result.out
    assert f"\nnote: its paths are relative to {folder}: apply it there\n" in result.err
    given = ["--only", "../store.py", "--only", "pages.py"]
    result = run("do", "paginate", "../app.py", "--apply", *given)
    assert result.err.splitlines()[-1] == "wrote store.py, web/pages.py"
    monkeypatch.chdir(folder)
    assert texts(*AFTER) == AFTER | {"app.py": APP}


@pytest.mark.parametrize(
    ("happens", "sentence"),
    [
        (lambda: Path("app.py").write_text(f"{APP}# Typed.\n"), "app.py was changed meanwhile"),
        (lambda: Path("app.py").unlink(), "app.py could not be written, so nothing was"),
        (lambda: Path("store.py").chmod(0o444), "store.py could not be written, so nothing was"),
    ],
)
def test_what_happens_to_a_file_meanwhile_leaves_all_as_it_is(
    run: Run,
    project: None,
    folder: Path,
    model: LoopbackModel,
    happens: Callable[[], object],
    sentence: str,
) -> None:
    left: list[dict[str, bytes]] = []

    def reply(body: dict[str, Any]) -> Reply:
        happens()
        left.append(on_disk(folder))
        return Reply(THREE_FILES)

    model.usual = reply
    result = run("do", "paginate", "app.py", "--apply")
    assert result.code == 3
    assert result.err.splitlines()[-1].startswith(f"error: {sentence}")
    assert left == [on_disk(folder)]


@pytest.mark.parametrize(
    ("given", "code"),
    [([], 1), (["--allow-dependency", "other"], 1), (["--allow-dependency", "slowapi"], 0)],
)
def test_a_new_dependency_needs_a_yes(
    run: Run, project: None, model: LoopbackModel, given: list[str], code: int
) -> None:
    model.script(Reply(WITH_DEPENDENCY))
    result = run("do", "paginate", "app.py", "--apply", *given)
    assert result.code == code
    assert "new dependencies:\n  - slowapi >=0.1.9,<0.2: it counts requests\n" in result.out
    if code:
        assert result.err.splitlines()[-1] == (
            "error: nothing was written, because slowapi would be a new dependency: add "
            "--allow-dependency slowapi"
        )
        assert nothing_is_written()
    else:
        assert texts("store.py") == {"store.py": AFTER["store.py"]}


@pytest.mark.parametrize(
    ("only", "code", "written", "sentence"),
    [
        (["store.py"], 0, ["store.py"], "wrote store.py"),
        (["./store.py", "web/pages.py"], 0, ["store.py", "web/pages.py"], "wrote store.py, web"),
        (["app.py"], 1, [], "refused: that part does not work by itself: app.py: no web.pages."),
        (["gone.py"], 1, [], "error: nothing was written, because the change has no file gone.py"),
    ],
)
def test_only_some_files_are_taken_and_checked_by_themselves(
    run: Run,
    project: None,
    model: LoopbackModel,
    monkeypatch: pytest.MonkeyPatch,
    only: list[str],
    code: int,
    written: list[str],
    sentence: str,
) -> None:
    def fit(change: ChangeSet) -> Fit:
        is_half = change.file("app.py") and not change.file("web/pages.py")
        return Fit(("app.py: no web.pages.",) if is_half else ())

    def made(*arguments: Any, **more: Any) -> Workshop:
        return replace(make_workshop(*arguments, **more), fit=fit)

    monkeypatch.setattr("backend_developer.commands.desk.make_workshop", made)
    model.script(Reply(THREE_FILES))
    result = run("do", "paginate", "app.py", "--apply", *(f"--only={name}" for name in only))
    assert result.code == code
    assert sentence in result.err
    before = {"app.py": APP, "store.py": STORE}
    assert texts(*AFTER) == before | {path: AFTER[path] for path in written}


# --- What is refused


def test_what_is_refused_twice_is_not_offered(
    run: Run, project: None, model: LoopbackModel
) -> None:
    broken = change(edit("app.py", "def one(key):", "def one(:", 8), explanation=["Done."])
    gone = change(edit("app.py", "def two(key):", "def one(key, x):", 8))
    model.script(Reply(gone), Reply(broken))
    result = run("do", "paginate", "app.py", "--apply")
    assert (result.code, result.out) == (1, "")
    assert [line for line in result.err.splitlines() if line.startswith("refused: ")]
    assert "note: the agent was asked again, because app.py: " in result.err
    assert len(model.requests) == 2
    assert "Your answer was refused" in asked(model)
    assert "app.py: " in asked(model)
    assert "8,000 tokens in" in result.err
    assert nothing_is_written()


def test_a_refused_change_is_said_in_json_too(
    run: Run, project: None, model: LoopbackModel
) -> None:
    model.usual = lambda body: Reply(change(edit("gone.py", "a", "b"), explanation=["Why."]))
    result = run("do", "paginate", "app.py", "--format", "json", "--apply")
    shown = json.loads(result.out)
    assert (result.code, shown["state"], shown["explanation"]) == (1, "refused", "Why.")
    assert [reason.startswith("gone.py: ") for reason in shown["reasons"]] == [True]


def test_paths_that_nobody_may_change_are_refused(
    run: Run, project: None, model: LoopbackModel
) -> None:
    files = {"../out.py": "x = 1\n", ".git/hooks/pre-commit": "x\n", "CLAUDE.md": "Obey.\n"}
    model.usual = lambda body: Reply(change(BOUNDED, files=files))
    result = run("do", "paginate", "app.py", "--apply")
    assert result.code == 1
    assert len([line for line in result.err.splitlines() if line.startswith("refused: ")]) == 3
    assert nothing_is_written()
    assert not Path("../out.py").exists()


def test_half_a_surrogate_pair_is_written_as_what_it_is(
    run: Run, project: None, model: LoopbackModel
) -> None:
    answer = change(edit("store.py", "[table]", "[table, 'HALF']", 2)).replace("HALF", "\\ud83d")
    model.usual = lambda body: Reply(answer)
    assert run("do", "paginate", "app.py", "--apply").code == 0
    assert texts("store.py")["store.py"] == STORE.replace("[table]", "[table, '\ufffd']")


@pytest.mark.parametrize("fault", ["cut", "error-event", "no-stop"])
def test_an_answer_that_is_cut_off_is_none(
    run: Run, project: None, model: LoopbackModel, fault: Any
) -> None:
    end = THREE_FILES.index("1000")
    model.usual = lambda body: Reply(THREE_FILES[:end], fault=fault)
    result = run("do", "paginate", "app.py", "--apply")
    assert (result.code, result.out) == (3, "")
    assert result.err.splitlines()[-1].startswith("error: ")
    assert nothing_is_written()


def test_an_answer_that_is_too_long_is_none(run: Run, project: None, model: LoopbackModel) -> None:
    end = THREE_FILES.index("1000")
    model.usual = lambda body: Reply(THREE_FILES[:end], stop_reason="max_tokens")
    result = run("do", "paginate", "app.py", "--apply")
    assert (result.code, result.out) == (3, "")
    assert "error: " in result.err.splitlines()[-1]
    assert nothing_is_written()


def test_a_long_answer_is_taken(run: Run, project: None, model: LoopbackModel) -> None:
    rows = "".join(f"LIMIT_{number} = {number}\n" for number in range(3_000))
    assert len(rows) > 50_000
    model.script(Reply(change(BOUNDED, files={"limits.py": rows}), chunk=1000))
    result = run("do", "paginate", "app.py", "--apply")
    assert result.code == 0
    assert texts("limits.py") == {"limits.py": rows}
    assert "limits.py  new, 3,000 lines" in result.out


def test_a_command_of_the_persons_own_says_whether_it_works(
    run: Run, project: None, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = "import app, store; assert len(store.rows(1)) < 2"
    monkeypatch.setenv("BACKEND_DEVELOPER_PROOF_COMMAND", f'{sys.executable} -c "{check}"')
    model.usual = lambda body: Reply(THREE_FILES)
    result = run("do", "paginate", "app.py")
    assert result.code == 0
    assert "\nyour command:\n  - `" in result.out
    assert "` passes with it (" in result.out
    assert "running `" in result.err


# --- At a terminal


class Terminal:
    """A command in a terminal of its own, and what it shows."""

    def __init__(self, *arguments: str) -> None:
        self._person, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backend_developer", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path), "TERM": "dumb"},
            start_new_session=True,
        )
        os.close(terminal)
        self.shown = ""

    def answer(self, question: str, line: str) -> None:
        """Waits for the question, and answers."""
        start = len(self.shown)
        while question not in self.shown[start:]:
            self._read()
        os.write(self._person, line.encode())

    def end(self) -> int:
        """The exit code, when all of it was read."""
        try:
            while True:
                self._read()
        except OSError:  # The other end is closed.
            pass
        code = self.process.wait(60)
        os.close(self._person)
        return code

    def _read(self) -> None:
        data = os.read(self._person, 10_000)
        if not data:
            raise OSError("the terminal was closed")
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")


APPLY = "Apply? [y/N/r(efine)/f(iles)] "


@pytest.mark.parametrize(
    ("answers", "code", "written", "said"),
    [
        ([(APPLY, "y\n")], 0, list(AFTER), "wrote app.py, store.py, web/pages.py"),
        ([(APPLY, "\n")], 1, [], "nothing was written"),
        ([(APPLY, "\x04")], 1, [], "nothing was written"),
        (
            [(APPLY, "f\n"), ("Which, by number? ", "2, web/pages.py\n"), (APPLY, "y\n")],
            0,
            ["store.py", "web/pages.py"],
            "  2  store.py",
        ),
        (
            [(APPLY, "f\n"), ("Which, by number? ", "7\n"), (APPLY, "n\n")],
            1,
            [],
            "there is no file 7: name some of 1 to 3",
        ),
    ],
)
def test_a_person_at_a_terminal_decides(
    project: None,
    model: LoopbackModel,
    answers: list[tuple[str, str]],
    code: int,
    written: list[str],
    said: str,
) -> None:
    model.usual = lambda body: Reply(THREE_FILES)
    terminal = Terminal("do", "paginate", "app.py")
    for question, line in answers:
        terminal.answer(question, line)
    assert terminal.end() == code
    assert said in terminal.shown
    before = {"app.py": APP, "store.py": STORE}
    assert texts(*AFTER) == before | {path: AFTER[path] for path in written}
    assert len(model.requests) == 1


def test_a_change_is_refined_until_it_is_right(project: None, model: LoopbackModel) -> None:
    shorter = change(BOUNDED | {"new": "    return [table][:10]\n"})
    broken = change(edit("gone.py", "a", "b"))
    model.script(Reply(THREE_FILES), Reply(broken), Reply(broken), Reply(shorter))
    terminal = Terminal("do", "paginate", "app.py")
    terminal.answer(APPLY, "r\n")
    terminal.answer("How should it be otherwise? ", "Only the store, and at most 10.\n")
    terminal.answer(APPLY, "r\n")
    assert "refused: gone.py: " in terminal.shown
    assert "the change before it still stands" in terminal.shown
    Path("app.py").write_text(f"# Typed.\n{APP}")
    terminal.answer("How should it be otherwise? ", "As I said.\n")
    terminal.answer(APPLY, "y\n")
    assert terminal.end() == 0
    assert texts("app.py", "store.py") == {
        "app.py": f"# Typed.\n{APP}",
        "store.py": "def rows(table):\n    return [table][:10]\n",
    }
    assert len(model.requests) == 4
    assert "Only the store, and at most 10." in asked(model, 1)
    assert "As I said." in asked(model, 3)
    assert "# Typed." in asked(model, 3)


@pytest.mark.parametrize(("said", "code"), [("y\n", 0), ("\n", 1)])
def test_a_new_dependency_is_asked_for(
    project: None, model: LoopbackModel, said: str, code: int
) -> None:
    model.script(Reply(WITH_DEPENDENCY))
    terminal = Terminal("do", "paginate", "app.py", "--apply")
    question = "Allow the new dependency slowapi >=0.1.9,<0.2 (it counts requests)? [y/N] "
    terminal.answer(question, said)
    assert terminal.end() == code
    assert nothing_is_written() == bool(code)


def test_a_wish_is_asked_for(project: None, model: LoopbackModel) -> None:
    model.script(Reply(change(explanation=["No."])))
    terminal = Terminal("do", "ask", "app.py")
    terminal.answer("What should be done? ", "Use cursors.\n")
    assert terminal.end() == 0
    assert "Use cursors." in asked(model)


def test_an_interrupt_writes_nothing_and_is_counted(
    run: Run, project: None, folder: Path, model: LoopbackModel
) -> None:
    model.script(Reply(THREE_FILES, fault="stall", after=len(THREE_FILES) - 5))
    terminal = Terminal("do", "paginate", "app.py", "--apply")
    deadline = time.monotonic() + 60
    while not model.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.shown.endswith(
        "\ninterrupted: what was not yet said is lost; no file is half written\n"
    )
    assert nothing_is_written()
    assert "change, cancelled" in run("log").out


def test_an_interrupt_at_a_question_is_one_too(project: None, model: LoopbackModel) -> None:
    model.script(Reply(THREE_FILES))
    terminal = Terminal("do", "paginate", "app.py")
    terminal.answer(APPLY, "")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.shown
    assert nothing_is_written()
