"""What a machine may do to the program, in short: `process.py` is the long run of the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_developer.core.model import Document
from backend_developer.engines.local import LocalEngine
from backend_developer.settings import Settings
from faults import process
from faults.table import NotTriedError


@pytest.mark.parametrize("fault", process.QUICK)
def test_one_right_end(tmp_path: Path, fault: str) -> None:
    try:
        assert process.QUICK[fault](tmp_path / "work")
    except NotTriedError as error:
        pytest.skip(str(error))


def test_kills_while_files_are_fixed(tmp_path: Path) -> None:
    assert process.killed_while_fixing(tmp_path / "work", 2, 1)


async def test_kills_while_a_model_is_asked(tmp_path: Path) -> None:
    assert await process.killed_while_asking(tmp_path, 1, 1)


async def test_kills_while_a_batch_is_sent(tmp_path: Path) -> None:
    assert await process.killed_while_a_batch_is_sent(tmp_path, 2, 1)


async def test_several_at_once(tmp_path: Path) -> None:
    assert await process.several_at_once(tmp_path, 1)


async def test_kills_while_a_change_is_made(tmp_path: Path) -> None:
    assert await process.killed_while_changing(tmp_path, 2, 1)


async def test_a_model_in_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    assert await process.a_folder_whose_name_is_no_text(tmp_path)


def test_a_file_that_a_linter_crashes_on_hides_nothing_of_the_others() -> None:
    texts = {"good.py": "import hashlib\nx = hashlib.md5(b'1')\neval(input())\n"}
    texts["deep.py"] = "x = " + "[" * 10_000 + "]" * 10_000
    documents = [
        Document(f"file:///work/{name}", f"/work/{name}", "python", text)
        for name, text in texts.items()
    ]
    engine = LocalEngine()
    alone = engine.scan_all(documents[:1], Settings())[0]
    good, deep = engine.scan_all(documents, Settings())
    assert good == alone
    assert any("ruff" in proposal.source for proposal in good.proposals)
    assert "ruff failed" in " ".join(deep.problems)
