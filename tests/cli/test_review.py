"""`backend-developer review`, as a person or a build sees it, with the real local engine."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from backend_developer import checks
from backend_developer.commands import review, wants_colour
from backend_developer.core.model import (
    Candidate,
    CheckReport,
    Document,
    Proposal,
    ProposedFix,
    Replacement,
    Span,
)
from backend_developer.engines.base import ReviewRequest
from backend_developer.engines.local import LocalEngine
from backend_developer.files import Content, SourceFile
from backend_developer.settings import Settings
from backend_developer.writing import FileWrite

Run = Callable[..., Any]
Write = Callable[[Mapping[str, str | bytes]], None]

SHOP = Path(__file__).resolve().parents[1] / "examples" / "shop"

BAD = "import subprocess\n\n\ndef run(name):\n    subprocess.run(f'ls {name}', shell=True)\n"
"""Has one error, of security."""
FIXABLE = "import random\n\n\ndef reset_token():\n    return random.choice('abc')\n"
"""Has one error with a checked fix, of security."""


def findings(run: Run, *arguments: str) -> list[tuple[str, str]]:
    """(path, rule) of what a review finds."""
    result = run("review", "--format", "json", *arguments)
    report = json.loads(result.out)
    return [(file["path"], one["rule"]) for file in report["files"] for one in file["findings"]]


# --- What is found and shown


def test_the_example_has_findings_of_every_focus(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHOP)
    result = run("review", ".")
    assert result.code == 1
    assert result.err == ""
    for rule in (
        "shop/main.py:31:13: error[security/sql-injection]",
        "error[security/jwt-not-verified]",
        "warning[performance/blocking-call-in-async]",
        "webhooks/server.js:27:12: warning[api-design/error-as-success]",
    ):
        assert rule in result.out
    assert "engine: local\n" in result.out


def test_a_file_with_a_syntax_error_is_reviewed(run: Run, write: Write) -> None:
    write({"a.py": FIXABLE + "\ndef broken(:\n", "b.js": "eval(process.argv[2]);\nif (\n"})
    result = run("review", "a.py", "b.js")
    assert "a.py:5:12: error[security/weak-random]" in result.out
    assert "b.js:1:6: error[security/code-injection]" in result.out
    assert result.err == "".join(
        f"note: {place}: a syntax error; the file was reviewed as far as it can be read\n"
        for place in ("a.py:7", "b.js:3")
    )


def test_what_newer_versions_of_python_know_is_no_syntax_error(run: Run, write: Write) -> None:
    write({"a.py": "type Names = list[str]\n\n\ndef first[T](names: list[T]) -> T: ...\n"})
    assert run("review", "a.py").err == ""


def test_a_task_of_the_projects_must_be_a_review(run: Run, write: Write) -> None:
    path = ".claude/backend-developer/tasks/mine.md"
    write({"a.py": "", path: "---\nname: security\ntitle: Mine\nkind: change\n---\nDo it.\n"})
    result = run("review", "a.py", "--focus", "security")
    assert result.code == 2
    assert result.err.endswith(f"{path}: the task `security` must be of kind `review`\n")
    assert run("review", "a.py").code == 0


def test_each_of_several_findings_of_one_rule_on_a_line_is_told(run: Run, write: Write) -> None:
    code = "import hashlib\n\n\ndef pair(a, b):\n    return hashlib.md5(a), hashlib.md5(b)\n"
    write({"a.py": code})
    report = json.loads(run("review", "a.py", "--format", "json").out)
    found = report["files"][0]["findings"]
    assert [one["range"]["start"]["column"] for one in found] == [12, 28]
    first, second = (one["id"] for one in found)
    assert second == f"{first}-2"
    # They can be dismissed one by one.
    entry = f"- rule: security/weak-hash\n  fingerprint: {first}\n  reason: a cache key\n"
    write({".backend-developer.dismissed.yml": entry})
    assert "1 finding: 1 security; none with a checked fix; 1 dismissed" in run("review", ".").out


def test_nothing_to_find(run: Run, write: Write) -> None:
    write({"a.py": "x = 1\n"})
    result = run("review", "a.py")
    assert (result.code, result.out) == (0, "no findings in 1 file; engine: local\n")


def test_a_focus_leaves_the_others_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHOP)

    def focuses(*arguments: str) -> set[str]:
        return {rule.partition("/")[0] for _, rule in findings(run, ".", *arguments)}

    assert focuses("--focus", "security") == {"security"}
    assert focuses("--focus", "security,performance") == {"security", "performance"}
    assert focuses("--focus", "performance", "--focus", "api-design") == {
        "performance",
        "api-design",
    }
    assert focuses("--focus", "security", "--focus", "everything") == {
        "security",
        "performance",
        "api-design",
    }


def test_findings_of_low_confidence_are_folded_unless_asked_for(run: Run, write: Write) -> None:
    write({"tests/test_a.py": BAD})
    folded = run("review", ".")
    assert "of low confidence not shown (--all shows them)" in folded.out
    assert folded.code == 0
    shown = run("review", ".", "--all")
    assert "command-injection" in shown.out
    assert shown.code == 1


def test_dismissed_findings_are_left_out_and_counted(run: Run, write: Write) -> None:
    write(
        {
            "a.py": BAD,
            ".backend-developer.dismissed.yml": "- rule: security/command-injection\n"
            "  path: a.py\n  reason: ours\n",
            "b.py": BAD.replace(
                "shell=True)",
                "shell=True)  # backend-developer: ignore[security/command-injection]",
            ),
        }
    )
    result = run("review", ".", "--focus", "security")
    assert result.code == 0
    assert "2 dismissed" in result.out


def test_files_come_in_one_order_whatever_ends_first(run: Run, write: Write) -> None:
    write({f"{number:02}.py": BAD for number in range(20)})
    paths = [path for path, _ in findings(run, ".", "--jobs", "7", "--focus", "security")]
    assert paths == sorted(paths)
    assert len(set(paths)) == 20


def test_many_files_are_dealt_out_to_processes_with_the_same_result(run: Run, write: Write) -> None:
    write({f"{number:02}.py": BAD for number in range(45)})
    write({"07.py": BAD.encode("utf-16"), "08.py": "def broken(:\n", "09.py": "a = 1\n"})
    several = run("review", ".", "--jobs", "2", "--format", "json")
    assert several == run("review", ".", "--jobs", "1", "--format", "json")
    assert several.code == 3
    assert "08.py:1: a syntax error" in several.err


# --- Exit codes


@pytest.mark.parametrize(
    ("level", "code"),
    [("error", 1), ("warning", 1), ("information", 1), ("hint", 1), ("never", 0)],
)
def test_fail_on_decides_about_findings(run: Run, write: Write, level: str, code: int) -> None:
    write({"a.py": BAD})
    assert run("review", "a.py", "--fail-on", level).code == code


def test_findings_below_the_level_are_no_failure(run: Run, write: Write) -> None:
    write({"a.py": BAD, ".backend-developer.yml": "rules:\n  security/*: information\n"})
    assert run("review", "a.py", "--focus", "security").code == 0
    assert run("review", "a.py", "--focus", "security", "--fail-on", "information").code == 1


def test_what_could_not_be_reviewed_goes_before_findings(run: Run, write: Write) -> None:
    write({"a.py": BAD, "b.py": b"\xff"})
    result = run("review", "a.py", "b.py")
    assert result.code == 3
    assert "command-injection" in result.out
    assert "1 path not fully reviewed" in result.out
    assert result.err.startswith(
        "error: b.py: it is not UTF-8: byte 0xff on line 1, at byte offset 0"
    )


WRONG = {
    "no path": (["review"], "the following arguments are required: PATH"),
    "an unknown focus": (["review", "a.py", "--focus", "speed"], "there is no focus 'speed'"),
    "an unknown engine": (["review", "a.py", "--engine", "x"], "invalid choice: 'x'"),
    "an unknown format": (["review", "a.py", "--format", "xml"], "invalid choice: 'xml'"),
    "an unknown level": (["review", "a.py", "--fail-on", "bad"], "invalid choice: 'bad'"),
    "no jobs": (["review", "a.py", "--jobs", "0"], "'0' is not a whole number of at least 1"),
    "an unknown option": (["review", "a.py", "--fixx"], "unrecognized arguments: --fixx"),
    "an abbreviated option": (["review", "a.py", "--fi"], "unrecognized arguments: --fi"),
    "an unknown command": (["revue"], "invalid choice: 'revue'"),
    "an unknown agent": (
        ["review", "a.py", "--agent", "backend-develope"],
        'There is no agent "backend-develope"; did you mean "backend-developer"?',
    ),
    "an agent engine without a key": (
        ["review", "a.py", "--engine", "agent"],
        "ANTHROPIC_API_KEY",
    ),
    "an output in no folder": (
        ["review", "a.py", "--output", "no/out.txt"],
        "--output no/out.txt: its folder does not exist",
    ),
    "an output that is a folder": (["review", "a.py", "--output", "."], "this is a folder"),
    "no such rule": (
        ["rule", "security/sql-injektion"],
        'there is no rule "security/sql-injektion"; did you mean "security/sql-injection"?',
    ),
    "no command": ([], "usage: backend-developer"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_use_says_what_is_wrong(
    run: Run, write: Write, arguments: list[str], message: str
) -> None:
    write({"a.py": BAD})
    result = run(*arguments)
    assert result.code == 2
    assert message in result.err
    assert result.out == ""
    assert "Traceback" not in result.err


# --- Settings


def test_a_setting_that_cannot_be_used_is_named_with_its_line(run: Run, write: Write) -> None:
    write({"a.py": BAD, ".backend-developer.yml": "# ours\nfailOn: never\nengine: lokal\n"})
    result = run("review", "a.py")
    assert result.code == 2
    assert ".backend-developer.yml:3: `engine` must be one of auto, local, agent" in result.err
    assert result.err.startswith("error: ")
    assert result.out == ""


def test_an_unknown_setting_is_a_warning(run: Run, write: Write) -> None:
    write({"a.py": BAD, ".backend-developer.yml": "failon: never\n"})
    result = run("review", "a.py")
    assert result.code == 1
    assert result.err.startswith("warning: ")
    assert '.backend-developer.yml:1: There is no setting `failon`; did you mean "failOn"?' in (
        result.err
    )


def test_the_command_line_goes_before_the_project(run: Run, write: Write) -> None:
    write({"a.py": BAD, ".backend-developer.yml": "failOn: never\n"})
    assert run("review", "a.py").code == 0
    assert run("review", "a.py", "--fail-on", "error").code == 1


def test_a_project_that_is_not_the_current_one_has_its_own_settings(
    run: Run, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": BAD, ".backend-developer.yml": "failOn: never\n"})
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    assert run("review", "../work/a.py").code == 0


# --- Bad input


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.py", None, "it does not exist"),
        ("a.txt", b"x", "it is in no language we review"),
        ("a.py", b"\0", "it is binary, with a NUL at byte offset 0"),
        ("a.py", b"ab\xfc", "it is not UTF-8: byte 0xfc on line 1, at byte offset 2"),
        ("a.py", b"x" * 1_000_001, "it has 1,000,001 bytes and the limit is 1,000,000"),
    ],
    ids=["missing", "no language", "binary", "Latin-1", "large"],
)
def test_a_bad_file_is_one_sentence(
    run: Run, write: Write, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        write({name: content})
    result = run("review", name)
    assert result.code == 3
    assert result.err.startswith(f"error: {name}: {message}")
    assert len(result.err.splitlines()) == 1


def test_fifty_megabytes_are_refused_without_being_read(run: Run, folder: Path) -> None:
    with (folder / "a.py").open("wb") as file:
        file.truncate(50_000_000)
    result = run("review", "a.py")
    assert result.code == 3
    assert "it has 50,000,000 bytes" in result.err


def test_a_link_out_of_the_folder_is_said(run: Run, write: Write, tmp_path: Path) -> None:
    write({"a.py": "x = 1\n"})
    (tmp_path / "secret.py").write_text(BAD)
    Path("out.py").symlink_to(tmp_path / "secret.py")
    result = run("review", ".")
    assert result.code == 0
    assert result.err.startswith("note: out.py is left out: the link leads out of the folder")


# --- --output


def test_a_report_goes_to_a_file_and_its_summary_to_the_terminal(run: Run, write: Write) -> None:
    write({"a.py": BAD})
    result = run("review", "a.py", "--format", "sarif", "--output", "out.sarif")
    assert result.out == ""
    assert "; report: out.sarif" in result.err
    assert json.loads(Path("out.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("earlier", [{}, {"out.json": "earlier"}], ids=["new", "there already"])
def test_of_reports_that_are_written_at_once_the_last_is_whole(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch, earlier: dict[str, str | bytes]
) -> None:
    write({"a.py": BAD, **earlier})
    real, others = review.write_all, ["a longer one " * 10_000, "another"]

    def be_late(writes: Sequence[FileWrite], root: Path) -> None:
        if others:
            Path("out.json").write_text(others.pop())
        real(writes, root)

    monkeypatch.setattr(review, "write_all", be_late)
    result = run("review", "a.py", "--format", "json", "--output", "out.json")
    assert (result.code, others) == (1, [])
    assert json.loads(Path("out.json").read_text())["files"]
    assert {path.name for path in Path().iterdir()} == {".git", "a.py", "out.json"}


def test_the_github_format_writes_the_jobs_summary(
    run: Run, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": BAD, "summary.md": "before\n"})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent))
    result = run("review", "a.py", "--format", "github")
    assert "::error file=work/a.py,line=5," in result.out
    table = Path("summary.md").read_text()
    assert table.startswith("before\n### backend-developer\n")
    assert "| a.py:5 |" in table


# --- --fix


def test_fix_applies_checked_fixes_and_reports_the_rest(run: Run, write: Write) -> None:
    write({"a.py": FIXABLE + BAD.replace("import subprocess\n", "import subprocess  # later\n")})
    result = run("review", "a.py", "--focus", "security", "--fix")
    fixed = Path("a.py").read_text()
    assert "secrets.choice('abc')" in fixed
    assert "import secrets\n" in fixed
    assert "fixed a.py: 1 edit" in result.out
    assert "weak-random" not in result.out
    assert "command-injection" in result.out
    assert result.code == 1
    [place] = [line for line in result.out.splitlines() if "command-injection]:" in line]
    line = int(place.split(":")[1])
    assert "subprocess.run" in fixed.splitlines()[line - 1]


def test_fixes_at_one_import_come_together(run: Run, write: Write) -> None:
    text = FIXABLE + "\n\ndef session_token():\n    return random.choice('xyz')\n"
    write({"a.py": text})
    result = run("review", "a.py", "--focus", "security", "--fix")
    # Neither alone leaves `random` unused.
    assert Path("a.py").read_text() == text.replace("random", "secrets")
    assert "fixed a.py: 2 edits" in result.out
    assert result.code == 0


def test_a_second_fix_finds_nothing_to_do(run: Run, write: Write) -> None:
    write({"a.py": FIXABLE})
    run("review", "a.py", "--fix")
    fixed = Path("a.py").read_text()
    assert fixed == FIXABLE.replace("random", "secrets")
    assert "fixed" not in run("review", "a.py", "--fix").out
    assert Path("a.py").read_text() == fixed


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_fix_keeps_the_byte_order_mark_and_the_line_ends(
    run: Run, write: Write, mark: bytes, line_end: bytes
) -> None:
    write({"a.py": mark + FIXABLE.encode().replace(b"\n", line_end)})
    run("review", "a.py", "--fix", "--focus", "security")
    fixed = Path("a.py").read_bytes()
    assert b"secrets.choice" in fixed
    assert fixed.startswith(mark + b"import")
    assert fixed.count(b"\n") == fixed.count(line_end)


def test_nothing_to_fix_leaves_the_file_untouched(run: Run, write: Write) -> None:
    write({"a.py": BAD})
    before = os.stat("a.py")
    result = run("review", "a.py", "--fix")
    assert os.stat("a.py").st_ino == before.st_ino
    assert "fixed" not in result.out


def test_a_file_that_cannot_be_written_is_reported_and_whole(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": FIXABLE})

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    result = run("review", "a.py", "--fix")
    assert result.code == 3
    assert result.err == (
        "error: a.py: it could not be written, so it was not fixed: no space left on device\n"
    )
    assert Path("a.py").read_text() == FIXABLE
    assert "weak-random" in result.out


class Scripted:
    """Stands for the local engine, whose parts know nothing of the file."""

    name = "local"

    def __init__(self) -> None:
        real = LocalEngine()
        self.catalogue, self.project, self.has_failed = real.catalogue, real.project, False


class Endless(Scripted):
    """An engine that would rename `a` to `b` and back for ever."""

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Proposal, None]:
        text = request.document.text
        fix = ProposedFix("Rename", (Replacement(Span(0, 1), "b" if text[0] == "a" else "a"),))
        yield Proposal(Span(0, 1), "api-design/verb-in-path", "Rename.", "x", "local", fix=fix)


class Agreeing:
    """Finds nothing wrong with any fix."""

    def __init__(self, local: object) -> None:
        pass

    async def check(
        self, document: Document, candidates: Sequence[Candidate], settings: Settings
    ) -> list[CheckReport]:
        return [CheckReport() for _ in candidates]


def use_engine(monkeypatch: pytest.MonkeyPatch, engine: type[Scripted]) -> None:
    monkeypatch.setattr(review, "_local_engine", cache(engine))
    monkeypatch.setattr(checks, "FixChecker", Agreeing)


def test_fixes_that_undo_each_other_come_to_an_end(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_engine(monkeypatch, Endless)
    write({"a.py": "a = 1\n"})
    assert "fixed a.py: 10 edits" in run("review", "a.py", "--fix").out


class Overlapping(Scripted):
    """Two fixes that overlap, of a text `aaa`; then the second, of what the first left."""

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Proposal, None]:
        text = request.document.text
        edits = {
            "aaa": {"verb-in-path": (0, 2, "b"), "generic-exception": (1, 3, "c")},
            "ba": {"generic-exception": (1, 2, "c")},
        }
        for rule, (start, end, new) in edits.get(text.split()[0], {}).items():
            span = Span(start, end)
            fix = ProposedFix(f"Write {new}", (Replacement(span, new),))
            yield Proposal(span, f"api-design/{rule}", "m", "x", "local", fix=fix)


def test_fixes_that_overlap_are_applied_one_after_the_other(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_engine(monkeypatch, Overlapping)
    write({"a.py": "aaa = 1\n"})
    result = run("review", "a.py", "--fix")
    assert Path("a.py").read_text() == "bc = 1\n"
    assert "fixed a.py: 2 edits\n      Write b\n      Write c\n" in result.out


class Meddling(Overlapping):
    """Somebody saves the file while it is reviewed."""

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Proposal, None]:
        await asyncio.to_thread(Path(request.document.path).write_text, "typed = 1\n")
        async for proposal in super().review(request):
            yield proposal


def test_a_file_that_was_saved_meanwhile_is_not_fixed(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_engine(monkeypatch, Meddling)
    write({"a.py": "aaa = 1\n"})
    result = run("review", "a.py", "--fix")
    assert result.code == 3
    assert result.err == (
        "error: a.py: it was changed while it was reviewed, so it was not fixed: try again\n"
    )
    assert Path("a.py").read_text() == "typed = 1\n"
    assert "fixed" not in result.out


def test_a_mistake_in_this_program_costs_one_file_and_is_told_without_the_code(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = review.read

    def fail_on_b(file: SourceFile, maximum_bytes: int) -> Content:
        content = read(file, maximum_bytes)
        if file.path == "b.py":
            raise RuntimeError(content.document.text)
        return content

    monkeypatch.setattr(review, "read", fail_on_b)
    write({"a.py": BAD, "b.py": "secret = 1\n", "c.py": BAD})
    result = run("review", ".", "--focus", "security")
    assert result.code == 3
    assert "error: b.py: this program failed on it (RuntimeError): please report that" in result.err
    assert "secret" not in result.err
    assert "a.py:5:" in result.out
    assert "c.py:5:" in result.out


# --- The process


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backend_developer", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def test_the_process_exits_with_the_code(write: Write) -> None:
    write({"a.py": BAD})
    result = process("review", "a.py")
    assert (result.returncode, result.stderr) == (1, "")
    assert "\x1b" not in result.stdout


def test_colours_can_be_forced(write: Write) -> None:
    write({"a.py": BAD})
    assert "\x1b[" in process("review", "a.py", env=os.environ | {"FORCE_COLOR": "1"}).stdout


def test_a_terminal_sees_progress_that_is_gone_at_the_end(write: Write) -> None:
    write({"a.py": BAD, "b.py": BAD})
    ours, theirs = os.openpty()
    result = subprocess.run(
        [sys.executable, "-m", "backend_developer", "review", "."],
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=60,
        check=False,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    progress = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "reviewing 1/2 a.py" in progress
    assert progress.endswith("\r\x1b[K")
    assert b"reviewing" not in result.stdout


def test_a_terminal_that_lacks_characters_gets_the_report_all_the_same(write: Write) -> None:
    write({"a.py": "# 🙂\n" + BAD})
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    result = process("review", "a.py", "--focus", "security", env=environment)
    assert result.returncode == 1
    assert result.stdout.isascii()


def test_a_reader_that_goes_away_is_no_error(write: Write) -> None:
    write({f"{number}.py": BAD * 20 for number in range(20)})
    command = f"{sys.executable} -m backend_developer review . | head -1"
    result = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 1


def test_version_and_help() -> None:
    assert process("--version").stdout.startswith("backend-developer 0.")
    help_ = process("review", "--help").stdout
    for option in (
        "--focus",
        "--engine",
        "--agent",
        "--format",
        "--fix",
        "--fail-on",
        "exit codes",
    ):
        assert option in help_


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"FORCE_COLOR": "0"}, False),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_when_there_are_colours(
    terminal: bool, environment: dict[str, str], expected: bool
) -> None:
    assert wants_colour(terminal, environment) is expected
