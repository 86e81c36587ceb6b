"""The project in the worker's process: read from disk step by step, and known to its rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend_developer.catalogue import load_catalogue
from backend_developer.core.model import (
    FOCUSES,
    AgentDefinition,
    Document,
    Proposal,
    Span,
    TaskDefinition,
)
from backend_developer.engines.base import ReviewRequest
from backend_developer.project.disk import Reading
from backend_developer.settings import Settings
from backend_developer.worker import LocalWorker
from session.editor import until

EVERYTHING = TaskDefinition("everything", "Review everything", "review", FOCUSES, "", "")
NOBODY = AgentDefinition("", "", "", "", "built-in")
MODELS = "class User(Base):\n    __tablename__ = 'users'\n    email = Column(String)\n"
QUERY = "from sqlalchemy import select\nselect(User).where(User.email == email)\n"


@pytest.fixture
async def local() -> AsyncIterator[LocalWorker]:
    local = LocalWorker(load_catalogue().rules)
    yield local
    local._end()


async def read(
    local: LocalWorker, folder: Path, *skipped: str, inner: Collection[str] = ()
) -> list[str]:
    """The names of the files that say something."""
    names = []
    async for facts, _ in local.read_folder(str(folder), 100, lambda: skipped, inner):
        names += [Path(one.path).name for one in facts]
    return names


async def rules(local: LocalWorker, path: Path, text: str) -> list[str]:
    document = Document(path.as_uri(), str(path), "python", text)
    request = ReviewRequest(document, Span(0, len(text)), EVERYTHING, NOBODY, Settings())
    found = [answer async for answer in local.review(request)]
    facts = await local.learn(document)
    assert facts is not None
    assert facts.path == str(path)
    return [one.rule for one in found if isinstance(one, Proposal)]


async def test_a_review_knows_the_other_files(local: LocalWorker, tmp_path: Path) -> None:
    models, query = tmp_path / "models.py", tmp_path / "query.py"
    models.write_text(MODELS)
    query.write_text(QUERY)
    assert await rules(local, models, MODELS) == []
    assert await read(local, tmp_path) == ["models.py", "query.py"]
    assert await rules(local, models, MODELS) == ["performance/missing-index"]

    # Another process is told what this one knew.
    local._end()
    assert await rules(local, models, MODELS) == ["performance/missing-index"]

    # A buffer stands for its file, until the file is read again.
    assert await rules(local, query, "x = 1\n") == []
    assert await rules(local, models, MODELS) == []
    [(path, facts)] = await local.read_again(str(tmp_path), [str(query)])
    assert path == str(query)
    assert facts
    assert facts.queries
    assert await rules(local, models, MODELS) == ["performance/missing-index"]
    query.unlink()
    assert await local.read_again(str(tmp_path), [str(query)]) == [(str(query), None)]
    assert await rules(local, models, MODELS) == []


async def test_a_document_of_no_folder_that_was_closed(local: LocalWorker, tmp_path: Path) -> None:
    models, query = tmp_path / "models.py", tmp_path / "query.py"
    assert await rules(local, query, QUERY) == []
    assert await rules(local, models, MODELS) == ["performance/missing-index"]
    await local.forget("", [str(query)])
    assert await rules(local, models, MODELS) == []
    local._end()  # Another process is told what this one knew.
    assert await rules(local, models, MODELS) == []


async def test_a_folder_inside_another(local: LocalWorker, tmp_path: Path) -> None:
    models, query = tmp_path / "inner" / "models.py", tmp_path / "query.py"
    models.parent.mkdir()
    models.write_text(MODELS)
    query.write_text(QUERY)
    inner = str(models.parent)
    assert await read(local, tmp_path, inner=[inner]) == ["query.py"]
    assert await read(local, models.parent) == ["models.py"]
    assert await rules(local, models, MODELS) == []
    # Once the inner one is no folder of the workspace, its files are the outer one's.
    await local.forget(inner, None)
    assert await read(local, tmp_path) == ["models.py", "query.py"]
    assert await rules(local, models, MODELS) == ["performance/missing-index"]
    local._end()
    assert await rules(local, models, MODELS) == ["performance/missing-index"]


async def test_what_is_left_out(local: LocalWorker, tmp_path: Path) -> None:
    for name in ("app.py", "node_modules/a.py", "tests/test_a.py", "a_pb2.py", "open.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(MODELS)
    (tmp_path / "large.py").write_text(MODELS + "#" * 400_000)
    (tmp_path / "binary.py").write_bytes(b"\0")
    (tmp_path / "nothing.py").write_text("x = 1\n")
    assert await read(local, tmp_path, str(tmp_path / "open.py")) == ["app.py"]


def test_a_limit_is_kept_and_said(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.py").write_text(MODELS)
    reading = Reading(tmp_path, 3)
    chunks = []
    while not chunks or not chunks[-1].is_done:
        chunks.append(reading.step(0))
    assert sum(len(chunk.facts) for chunk in chunks) == 3
    assert chunks[-1].is_cut_short
    assert not any(chunk.is_cut_short for chunk in chunks[:-1])


@dataclass
class Turn:
    """How many steps of the reading were done before a review was."""

    steps: int = 0


async def test_each_part_of_a_review_waits_for_one_step_only(
    local: LocalWorker, tmp_path: Path
) -> None:
    for number in range(60):
        (tmp_path / f"models{number}.py").write_text(MODELS * 200)
    turn = Turn()

    async def read_all() -> None:
        async for _ in local.read_folder(str(tmp_path), 100, tuple):
            turn.steps += 1

    await rules(local, tmp_path / "warm.py", "x = 1\n")
    reading = asyncio.create_task(read_all())
    await until(lambda: turn.steps)
    before = turn.steps
    await rules(local, tmp_path / "app.py", "x = 1\n")
    # What is found at once, the rest, and what the file says: each waits for one.
    assert turn.steps - before <= 4
    assert not reading.done()
    reading.cancel()
