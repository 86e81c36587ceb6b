"""Fixes put together, and files replaced in one step or not at all."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from backend_developer.core.edits import apply
from backend_developer.core.model import (
    Candidate,
    CheckReport,
    Document,
    Finding,
    Span,
    TextEdit,
    Withheld,
)
from backend_developer.fixes import apply_fixes, is_applicable, write
from backend_developer.settings import Settings
from backend_developer.writing import WriteError
from cli.samples import finding, fix

TEXT = "import os\n\none()\ntwo()\nthree()\n"


class Checker:
    """Answers every check with one report, and remembers what it was asked."""

    def __init__(self, problem: str = "", tidying: tuple[TextEdit, ...] = ()) -> None:
        self.report = CheckReport(problem, tidying=tidying)
        self.asked: list[Candidate] = []

    async def check(
        self, document: Document, candidates: Sequence[Candidate], settings: Settings
    ) -> list[CheckReport]:
        self.asked += candidates
        return [self.report for _ in candidates]


def applied(*findings: Finding, problem: str = "") -> tuple[str, int]:
    """The text after, and how many fixes went into it."""
    document = Document("file:///a.py", "/a.py", "python", TEXT)
    result = asyncio.run(apply_fixes(document, findings, Checker(problem), Settings()))
    return (result.text, len(result.findings)) if result else (TEXT, 0)


def fixed(code: str, *edits: tuple[str, str], **changes: Any) -> Finding:
    return finding(TEXT, code, fix=fix(TEXT, *edits, **changes))


def test_fixes_apart_are_applied_together() -> None:
    text, count = applied(fixed("one()", ("one()", "1")), fixed("three()", ("three()", "3")))
    assert (text, count) == ("import os\n\n1\ntwo()\n3\n", 2)


def test_of_fixes_that_overlap_the_first_is_applied() -> None:
    wide = fixed("two()", ("one()\ntwo()", "1\n2"))
    assert applied(wide, fixed("one()", ("one()", "x"))) == ("import os\n\n1\n2\nthree()\n", 1)


def test_an_edit_that_two_fixes_share_is_made_once() -> None:
    shared = ("import os\n", "import os\nimport re\n")
    both = (fixed("one()", shared, ("one()", "1")), fixed("two()", shared, ("two()", "2")))
    assert applied(*both) == ("import os\nimport re\n\n1\n2\nthree()\n", 2)


def test_fixes_that_fail_together_are_taken_one_at_a_time() -> None:
    both = (fixed("one()", ("one()", "1")), fixed("two()", ("two()", "2")))
    assert applied(*both, problem="It breaks.") == ("import os\n\n1\ntwo()\nthree()\n", 1)


def test_what_is_applied_together_is_checked_together() -> None:
    checker = Checker()
    both = [fixed("one()", ("one()", "1")), fixed("two()", ("two()", "2"))]
    result = asyncio.run(apply_fixes(Document("", "", "python", TEXT), both, checker, Settings()))
    assert result
    assert [one.text_after for one in checker.asked] == [result.text]


def test_an_import_that_no_fix_alone_leaves_unused_goes_when_they_come_together() -> None:
    checker = Checker(tidying=(TextEdit(Span(0, 10), ""),))
    both = [fixed("one()", ("one()", "1")), fixed("two()", ("two()", "2"))]
    result = asyncio.run(apply_fixes(Document("", "", "python", TEXT), both, checker, Settings()))
    assert result
    assert result.text == apply(TEXT, result.edits) == "\n1\n2\nthree()\n"


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(finding(TEXT, "one()"), id="no fix"),
        pytest.param(finding(TEXT, "one()", fix=Withheld("x", "y")), id="withheld"),
        pytest.param(fixed("one()", ("one()", "1"), needs="setting"), id="needs a setting"),
        pytest.param(fixed("one()", ("one()", "1"), out_of_scope=True), id="out of scope"),
        pytest.param(
            finding(TEXT, "one()", fix=fix(TEXT, ("one()", "1")), refuted="No."), id="refuted"
        ),
    ],
)
def test_what_is_not_applied(found: Finding) -> None:
    assert not is_applicable(found)
    assert applied(found) == (TEXT, 0)


def test_a_fix_of_the_agents_is_applied_like_any_other() -> None:
    assert applied(fixed("one()", ("one()", "1"), author="agent"))[1] == 1


# --- Writing


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "a.py"
    path.write_bytes(b"before")
    path.chmod(0o754)
    return path


def test_a_file_is_replaced_and_keeps_its_mode(file: Path) -> None:
    write(file, b"before", b"after")
    assert file.read_bytes() == b"after"
    assert stat.S_IMODE(file.stat().st_mode) == 0o754
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["a.py"]


def test_a_file_that_was_changed_meanwhile_is_left_alone(file: Path) -> None:
    file.write_bytes(b"typed meanwhile")
    with pytest.raises(WriteError, match="changed while it was reviewed"):
        write(file, b"before", b"after")
    assert file.read_bytes() == b"typed meanwhile"


def test_a_link_stays_and_its_target_is_replaced(file: Path) -> None:
    link = file.with_name("link.py")
    link.symlink_to("a.py")
    write(link, b"before", b"after")
    assert link.is_symlink()
    assert file.read_bytes() == b"after"


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
def test_a_failing_step_leaves_the_file_whole(
    file: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(WriteError, match=r"could not be written.*no space left on device"):
        write(file, b"before", b"after")
    assert file.read_bytes() == b"before"
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["a.py"]


def test_an_interrupt_leaves_the_file_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(file, b"before", b"after")
    assert file.read_bytes() == b"before"
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["a.py"]


def test_a_file_that_has_gone_is_not_made_again(file: Path) -> None:
    file.unlink()
    with pytest.raises(WriteError, match="could not be written"):
        write(file, b"before", b"after")
    assert not file.exists()
