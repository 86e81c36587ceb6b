"""What a review remembers for the next one: the same answer, sooner, and never an old one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache as cache_of_one
from pathlib import Path
from typing import Any

import pytest

from backend_developer.commands import cache, review
from backend_developer.commands.cache import Cache, Entry, cache_folder
from backend_developer.engines.local import LocalEngine
from backend_developer.linters import ruff

Run = Callable[..., Any]
Write = Callable[[Mapping[str, str | bytes]], None]

ROUTER = (
    "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n"
    "@router.get('/{user_id}')\ndef show(user_id: int) -> dict:\n    return {}\n"
)
FILES = {
    "app.py": "import subprocess\n\n\ndef f(name):\n    subprocess.run(f'ls {name}', shell=True)\n",
    "broken.py": "def f(:\n    pass\n",
    "empty.py": "",
    "fixable.py": "import random\n\n\ndef token():\n    return random.choice('abc')\n",
    "ignored.py": "import hashlib\n\n"
    "a = hashlib.md5(b'x')  # backend-developer: ignore[security/weak-hash] it is no secret\n",
    "secret.py": 'password = "tr0ub4dor&3"\n',
    "main.py": "from fastapi import FastAPI\n\nimport first\nimport second\n\napp = FastAPI()\n"
    "app.include_router(first.router, prefix='/users')\n"
    "app.include_router(second.router, prefix='/users')\n",
    "first.py": ROUTER,
    "second.py": ROUTER.replace("show", "get"),
    "Dockerfile": "FROM python\nRUN curl https://example.org/x.sh | sh\nCMD x\n",
    "not.py": b"\xff\xfe",
    "text.ts": "export const h = require('crypto').createHash('md5').update('ü').digest();\n",
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files that an engine was asked about."""
    asked: list[str] = []
    real = review._review_one

    async def review_one(file: Any, *others: Any) -> Any:
        asked.append(file.path)
        return await real(file, *others)

    monkeypatch.setattr(review, "_review_one", review_one)
    return asked


@pytest.mark.parametrize(
    "options",
    [
        ["--format", "text"],
        ["--format", "sarif"],
        ["--format", "github"],
        ["--format", "json"],
        ["--format", "json", "--all"],
        ["--format", "json", "--focus", "security"],
    ],
)
def test_a_second_review_prints_what_the_first_one_did(
    run: Run, write: Write, counted: list[str], options: list[str]
) -> None:
    write(FILES)
    command = ("review", ".", *options)
    without = run(*command, "--no-cache")
    first = run(*command)
    counted.clear()
    assert run(*command) == first == without
    assert not counted
    assert "security" in first.out


def test_what_is_shown_may_be_asked_for_otherwise(
    run: Run, write: Write, counted: list[str]
) -> None:
    write(FILES)
    run("review", ".")
    counted.clear()
    command = ("review", ".", "--all", "--format", "json", "--fail-on", "error")
    assert run(*command) == run(*command, "--no-cache")
    assert len(counted) == len(FILES) - 1  # Without the cache: all but the one that is no text.


def test_a_changed_file_is_reviewed_again_and_no_other(
    run: Run, write: Write, counted: list[str]
) -> None:
    write(FILES)
    run("review", ".")
    counted.clear()
    write({"app.py": FILES["app.py"] + "x = 1\n", "new.py": "eval(input())\n"})
    after = run("review", ".", "--format", "json")
    assert sorted(counted) == ["app.py", "new.py"]
    assert after == run("review", ".", "--format", "json", "--no-cache")


def test_what_a_rule_finds_across_files_is_never_of_before(
    run: Run, write: Write, counted: list[str]
) -> None:
    write(FILES)
    command = ("review", ".", "--format", "json", "--all")
    with_both = run(*command)
    assert "api-design/duplicate-route" in with_both.out
    counted.clear()
    write({"main.py": FILES["main.py"].replace("second.router, prefix='/users'", "second.router")})
    after = run(*command)
    assert "api-design/duplicate-route" not in after.out
    # Of the others, what is found has changed in one, and in some are fixes that were checked.
    assert set(counted) == {"main.py", "second.py", "fixable.py", "text.ts"}
    assert after == run(*command, "--no-cache")
    write({"main.py": FILES["main.py"]})
    assert run(*command) == with_both == run(*command, "--no-cache")


CALLER = """\
from flask import Flask, request
from store import find

app = Flask(__name__)


@app.get("/users")
def users():
    return find(request.args["name"])
"""
STORE = """\
def find(name):
    return connection.execute("select * from users where name = ?", [name])
"""


def test_what_flows_into_another_file_is_never_of_before(
    run: Run, write: Write, counted: list[str]
) -> None:
    write({"app.py": CALLER, "store.py": STORE, "alone.py": "x = 1\n"})
    command = ("review", ".", "--format", "json", "--fail-on", "never")
    assert "(through `find`" not in run(*command).out
    counted.clear()
    write({"store.py": STORE.replace('?", [name])', '\'" + name + "\'")')})
    after = run(*command)
    assert "(through `find`" in after.out
    assert sorted(counted) == ["app.py", "store.py"]
    assert after == run(*command, "--no-cache")


def test_which_file_says_it_counts(run: Run, write: Write) -> None:
    caller = CALLER.replace("from store", "from safe import find as other\nfrom store")
    unsafe = STORE.replace('?", [name])', '\'" + name + "\'")')
    write({"app.py": caller, "store.py": STORE, "safe.py": unsafe})
    command = ("review", ".", "--format", "json", "--fail-on", "never")
    assert "(through `find`" not in run(*command).out
    write({"store.py": unsafe, "safe.py": STORE})
    after = run(*command)
    assert "(through `find`" in after.out
    assert after == run(*command, "--no-cache")


def test_the_name_of_a_file_counts(run: Run, write: Write) -> None:
    write({"app.py": FILES["secret.py"]})
    assert "security/hardcoded-secret" in run("review", ".").out
    Path("app.py").rename("test_app.py")
    command = ("review", ".", "--format", "json")
    assert run(*command) == run(*command, "--no-cache")


def test_settings_and_dismissals_count(run: Run, write: Write) -> None:
    write({"app.py": FILES["app.py"], ".backend-developer.yml": "rules: {}\n"})
    assert run("review", ".").code == 1
    write({".backend-developer.yml": "rules: {security/*: 'off'}\n"})
    command = ("review", ".", "--format", "json")
    assert run(*command) == run(*command, "--no-cache")
    assert "security/" not in run(*command).out


def test_another_program_reviews_anew(
    run: Run, write: Write, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"app.py": FILES["app.py"]})
    run("review", ".")
    counted.clear()
    monkeypatch.setattr(cache, "__version__", "0.0.0")
    run("review", ".")
    assert counted == ["app.py"]


def test_what_a_failing_linter_left_out_is_not_remembered(
    run: Run, write: Write, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"app.py": FILES["app.py"], "b.py": FILES["secret.py"]})
    monkeypatch.setattr(review, "_local_engine", cache_of_one(LocalEngine))
    with monkeypatch.context() as broken:
        broken.setattr(ruff, "find_program", lambda name, **_: "/nowhere/ruff")
        assert run("review", ".").code == 3
    counted.clear()
    monkeypatch.setattr(review, "_local_engine", cache_of_one(LocalEngine))
    assert run("review", ".").code == 1
    assert sorted(counted) == ["app.py", "b.py"]


def test_fixes_are_made_of_the_text_as_it_is(run: Run, write: Write) -> None:
    write({"a.py": FILES["fixable.py"], "b.py": FILES["app.py"]})
    run("review", ".")
    assert "fixed a.py" in run("review", ".", "--fix").out
    assert "secrets.choice" in Path("a.py").read_text()
    assert run("review", ".") == run("review", ".", "--no-cache")


# --- The file


def kept(environment: Mapping[str, str] = os.environ) -> Path:
    return cache_folder(environment) / cache.FILE


def test_no_text_of_a_file_is_kept(run: Run, write: Write) -> None:
    write(FILES)
    assert "security/hardcoded-secret" in run("review", ".", "--all").out
    held = b"".join(file.read_bytes() for file in kept().parent.iterdir())
    assert b"hardcoded-secret" in held
    assert b"tr0ub4dor" not in held


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_nobody_else_may_look_into_it(run: Run, write: Write) -> None:
    write(FILES)
    run("review", ".")
    assert kept().parent.stat().st_mode & 0o077 == 0


def test_nothing_is_kept_where_that_is_said(run: Run, write: Write) -> None:
    write(FILES)
    run("review", ".", "--no-cache")
    assert not kept().exists()
    run("review", ".", "--cache-dir", "elsewhere")
    assert not kept().exists()
    assert Path("elsewhere", cache.FILE).exists()


@pytest.mark.parametrize("content", [b"no database at all" * 100, None])
def test_a_cache_that_cannot_be_used_costs_a_sentence(
    run: Run, write: Write, content: bytes | None
) -> None:
    write({"app.py": FILES["app.py"]})
    kept().parent.mkdir(parents=True)
    if content is None:
        kept().mkdir()
    else:
        kept().write_bytes(content)
    result = run("review", ".")
    assert result.out == run("review", ".", "--no-cache").out
    assert result.err.startswith("note: the cache ")
    assert result.err.endswith("delete it, or say --no-cache\n")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("body", ["{", "[[], 0]", "null", '["a", "b", "c", "d"]', 7])
def test_entries_that_say_nothing_sensible_are_not_believed(
    run: Run, write: Write, body: object
) -> None:
    write(FILES)
    command = ("review", ".", "--format", "json")
    first = run(*command)
    with sqlite3.connect(kept()) as connection:
        connection.execute("UPDATE entries SET body = ?", (body,))
    connection.close()
    assert run(*command) == first


def test_reviews_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    def work(number: int) -> str:
        one = Cache(tmp_path)
        for turn in range(20):
            one.write([Entry(b"%d" % number, b"state", f"{turn}"), Entry(b"shared", b"s", "x")])
            one.read([b"shared", b"%d" % number])
        return one.problem

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(8))) == {""}
    entries = Cache(tmp_path).read([b"%d" % number for number in range(8)])
    assert {entry.body for entry in entries.values()} == {"19"}
    assert len(entries) == 8


def test_what_nobody_has_use_for_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000_000
    monkeypatch.setattr(cache.time, "time", lambda: now)
    Cache(tmp_path).write([Entry(b"old", b"", ""), Entry(b"used", b"", "")])
    now += 20 * 24 * 3600
    Cache(tmp_path).write([], used=[b"used"])
    now += 20 * 24 * 3600
    Cache(tmp_path).write([Entry(b"new", b"", "")])
    assert Cache(tmp_path).read([b"old", b"used", b"new"]).keys() == {b"used", b"new"}


def test_it_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAXIMUM_BYTES", 500_000)
    for turn in range(20):
        Cache(tmp_path).write([Entry(b"%d-%d" % (turn, i), b"", "x" * 1000) for i in range(100)])
    assert (tmp_path / cache.FILE).stat().st_size < 1_000_000
    assert Cache(tmp_path).read([b"19-1"])
