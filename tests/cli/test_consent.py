"""What leaves the machine from a terminal: agreed to, limited, counted, and shown afterwards."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from backend_developer.consents import consents, revoke
from backend_developer.state import FILE_NAME, State, state_folder
from cli.test_review_agent import CODE, model
from loopback_model import LoopbackModel, Reply, answer, finding

__all__ = ["model"]

Run = Callable[..., Any]
Write = Callable[[Mapping[str, str | bytes]], None]


@pytest.fixture
def nobody_agreed(model: LoopbackModel, folder: Path) -> State:
    state = State(state_folder(os.environ))
    revoke(state, str(folder))
    return state


def test_without_consent_nothing_is_reviewed(
    run: Run, write: Write, model: LoopbackModel, nobody_agreed: State
) -> None:
    write({"a.py": "import hashlib\nhashlib.md5(b'')\n"})
    result = run("review", "a.py")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "error: nothing was sent or reviewed, because nobody agreed to it: add --yes, run "
        "`backend-developer consent --give`, or use --engine local\n"
    )
    assert model.connections == 0
    assert run("review", "a.py", "--engine", "local").code == 1


def test_yes_agrees_for_once(
    run: Run, write: Write, model: LoopbackModel, nobody_agreed: State
) -> None:
    write({"a.py": CODE})
    assert run("review", "a.py", "--yes").code == 0
    assert len(model.requests) == 1
    assert consents(nobody_agreed) == []
    assert run("review", "a.py").code == 2


def test_consent_is_given_listed_and_revoked(
    run: Run, write: Write, folder: Path, model: LoopbackModel, nobody_agreed: State
) -> None:
    host = model.url.removeprefix("http://")
    assert run("consent").out.startswith("nothing was agreed to")
    assert run("consent", "--give").out == f"{folder}: code may be sent to {host}\n"
    assert run("consent").out.startswith(f"{folder}: to {host} since 20")
    write({"a.py": CODE})
    assert run("review", "a.py").code == 0
    assert run("consent", "--revoke").out.startswith(f"{folder}: nothing is sent from it")
    assert run("review", "a.py").code == 2
    assert run("consent", "--give", "sub").out == f"{folder / 'sub'}: code may be sent to {host}\n"


@pytest.mark.parametrize(("said", "code"), [("y\n", 0), ("\n", 2), ("no\n", 2)])
def test_a_terminal_asks(
    write: Write, folder: Path, model: LoopbackModel, nobody_agreed: State, said: str, code: int
) -> None:
    write({f"{number}.py": CODE for number in range(12)})
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "backend_developer", "review", "."],
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path), "TERM": "dumb"},
    )
    os.close(terminal)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(person, 1000)
    text = " ".join(shown.decode().split())
    assert "sending 12 files (0.py, 1.py, 10.py, 11.py, " in text
    assert f" and 2 more; {12 * len(CODE):,} bytes, about " in text
    assert f"to {model.url.removeprefix('http://')}, model claude-sonnet-5-5, at most $1.00" in text
    assert model.connections == 0
    os.write(person, said.encode())
    assert process.wait(60) == code
    os.close(person)
    assert len(model.requests) == (12 if code == 0 else 0)
    assert [one.root for one in consents(nobody_agreed)] == ([str(folder)] if code == 0 else [])


# --- Limits


def test_a_review_ends_at_its_limit(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": "import hashlib\nhashlib.md5(b'')\n", "b.py": CODE})
    monkeypatch.setenv("BACKEND_DEVELOPER_MAXIMUM_COST_PER_REVIEW", "0.05")
    result = run("review", ".")
    assert result.code == 3
    assert "weak-hash" in result.out
    [line] = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert line.startswith(
        "error: a.py and 1 other: The review stopped at the limit of $0.05 a review: $0.00 is used"
    )
    assert model.requests == []


def test_all_files_of_a_command_are_one_review(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({f"{number}.py": CODE for number in range(6)})
    # Each may take up to about 0.19, and takes 0.16.
    monkeypatch.setenv("BACKEND_DEVELOPER_MAXIMUM_COST_PER_REVIEW", "0.4")
    model.usual = lambda body: Reply(output_tokens=16_000)
    result = run("review", ".")
    assert result.code == 3
    assert len(model.requests) == 2
    assert "$0.33 is used or under way" in result.err
    # The next command is another review.
    assert run("review", "0.py").code == 0


def test_a_file_that_cannot_be_used(
    run: Run, write: Write, model: LoopbackModel, nobody_agreed: State
) -> None:
    write({"a.py": CODE})
    nobody_agreed.path.write_bytes(b"no database" * 1000)
    for options in (["--yes"], []):
        result = run("review", "a.py", *options)
        if not options:
            assert result.code == 2
        assert "is damaged: move it away" in result.err
    assert model.connections == 0
    assert run("review", "a.py", "--engine", "local").code == 0
    for command in ("log", "usage", "consent"):
        assert run(command).code == 2
    assert FILE_NAME in result.err


# --- Afterwards


def test_the_log_shows_what_was_sent(
    run: Run, write: Write, folder: Path, model: LoopbackModel
) -> None:
    assert run("log").out == "nothing was sent\n"
    write({"a.py": CODE, "CLAUDE.md": "Use British English."})
    model.script(Reply(answer(finding(quote="return first"))))
    run("review", "a.py")
    [line] = run("log").out.splitlines()
    host = model.url.removeprefix("http://")
    assert line.startswith("1  20")
    assert f"  {host}  claude-sonnet-5-5  review, finished  " in line
    assert line.endswith(f"4,000 tokens in, 77 out, $0.004  {folder}: a.py, CLAUDE.md")
    whole = run("log", "1").out
    assert "second = session.load(customer" in whole
    assert "workspace: " in whole
    [entry] = json.loads(run("log", "--format", "json").out)
    assert (entry["number"], entry["paths"]) == (1, ["a.py", "CLAUDE.md"])
    one = json.loads(run("log", "1", "--format", "json").out)
    assert one["body"].encode() == model.requests[0].raw
    assert run("log", "--workspace", "elsewhere").out == "nothing was sent\n"
    assert run("log", "7").code == 2


def test_the_journal_can_be_off(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE})
    monkeypatch.setenv("BACKEND_DEVELOPER_JOURNAL", "false")
    run("review", "a.py")
    assert len(run("log").out.splitlines()) == 1
    assert "what was sent was not kept" in run("log", "1").out


def test_usage_says_what_was_spent_and_is_left(
    run: Run, write: Write, folder: Path, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE, "b.py": CODE})
    monkeypatch.setenv("BACKEND_DEVELOPER_MAXIMUM_TOKENS_PER_DAY", "100000")
    assert "no model was asked" in run("usage").out
    run("review", ".")
    lines = run("usage").out.splitlines()
    used = f"  {folder}: claude-sonnet-5-5: 8,000 tokens in (62% cached), 154 out, $0.008 (2 calls)"
    assert lines[:4] == [
        "today",
        used,
        "  $0.008 of $10.00 (maximumCostPerDay): $9.99 left",
        "  8,154 of 100,000 tokens (maximumTokensPerDay): 91,846 left",
    ]
    assert lines[5:7] == ["this month", used]


def test_the_report_says_what_it_cost(run: Run, write: Write, model: LoopbackModel) -> None:
    write({"a.py": CODE})
    report = json.loads(run("review", "a.py", "--format", "json").out)
    [usage] = report["usage"]
    assert usage["cost"] == pytest.approx(0.00417)
    report = json.loads(run("review", "a.py", "--format", "json", "--model", "qwen3").out)
    assert [one["cost"] for one in report["usage"]] == [None]
