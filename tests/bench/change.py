"""What the checks of a change of ten files take, over the linters alone on the same files.

    python tests/bench/change.py [FILES] [RUNS]

The project has 200 files; of them eight are changed, and two are new. Prints the medians of
placing the edits, of the checks of each file, and of what the files are to each other and to the
project; and their sum as a ratio to ruff by hand on the ten files, before and after.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TypeVar

from backend_developer.change import Fit, Proposed, Workshop, check
from backend_developer.checks import FixChecker
from backend_developer.core.changes import (
    ChangeAnswer,
    ChangeSet,
    NewFile,
    paths_named,
    place_change,
)
from backend_developer.core.model import (
    AgentDefinition,
    SearchReplace,
    Span,
    TaskDefinition,
)
from backend_developer.engines.base import ReviewRequest
from backend_developer.engines.local import LocalEngine
from backend_developer.files import find_one, read, walk
from backend_developer.linters.ruff import find_ruff
from backend_developer.project.disk import read_facts
from backend_developer.project.facts import FileFacts
from backend_developer.project.index import Project
from backend_developer.settings import Settings
from backend_developer.workshop import make_workshop
from project import write

T = TypeVar("T")

PARAMETER = "id: int, session: Session = Depends(get_session)"
PAGED = f"{PARAMETER}, first: int = 0"
PAIRS = 4
"""Routers with their models that are changed."""


def answer() -> ChangeAnswer:
    """Four edits for each pair, and two new modules."""
    routes = (
        SearchReplace(
            f"async def part{part}({PARAMETER})",
            f"async def part{part}({PAGED})",
            f"router{number}.py",
        )
        for number in range(PAIRS)
        for part in range(3)
    )
    columns = (
        SearchReplace("String(200)", "String(100)", f"models{number}.py") for number in range(PAIRS)
    )
    new = (
        NewFile(
            "paging.py", "def page(rows, first, size):\n    return rows[first : first + size]\n"
        ),
        NewFile("limits.py", "MOST_ROWS = 1000\n"),
    )
    return ChangeAnswer(edits=(*routes, *columns), files=new)


async def main(files: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, files)
        request = request_for(folder)
        workshop = make_workshop(
            request,
            FixChecker(LocalEngine()),
            os.environ,
            Project.of(read_facts(file) or FileFacts(file.path, "") for file in walk(folder)),
            opened=lambda path: None,
            buffers=dict,
        )
        placing, change = await timed(runs, lambda: asyncio.to_thread(placed, request, workshop))
        checking, result = await timed(
            runs, lambda: check(change, request, replace(workshop, fit=lambda change: Fit()))
        )
        fitting, fit = await timed(runs, lambda: asyncio.to_thread(workshop.fit, change))
        if not isinstance(result, Proposed) or fit.problems:
            raise SystemExit(f"the change was refused: {result}, {fit}")
        linting, _ = await timed(runs, lambda: asyncio.to_thread(linted, change))
    total = placing + checking + fitting
    print(f"{files} files, {len(change.files)} of them in the change, {runs} runs, medians")
    for what, seconds in (
        ("placing the edits", placing),
        ("checking each file", checking),
        ("what the files are to each other", fitting),
        ("all of it", total),
        ("ruff alone, before and after", linting),
    ):
        print(f"  {what:34}{seconds * 1e3:8.0f} ms")
    print(f"  ratio {total / linting:.1f}")


def request_for(folder: Path) -> ReviewRequest:
    document = read(find_one(str(folder / "router0.py")), 1_000_000).document
    return ReviewRequest(
        document=document,
        span=Span(0, len(document.text)),
        task=TaskDefinition("paginate", "Add pagination", "change", (), "", ""),
        agent=AgentDefinition("", "", "", "", "built-in"),
        settings=Settings(),
        root=str(folder),
    )


def placed(request: ReviewRequest, workshop: Workshop) -> ChangeSet:
    said = answer()
    found = {path: workshop.files.find(path) for path in paths_named(said, "router0.py")}
    change = place_change(said, "router0.py", request.span, found)
    if not isinstance(change, ChangeSet):
        raise SystemExit(f"the change could not be placed: {change}")
    return change


def linted(change: ChangeSet) -> None:
    """What nobody can check the change without: ruff over its files, once before and once after."""
    with tempfile.TemporaryDirectory() as name:
        for after in (False, True):
            for file in change.files:
                text = file.text_after if after else file.document.text
                (Path(name) / file.path).write_text(text)
            command = [find_ruff(), "check", "--isolated", "--no-cache", "-q", name]
            subprocess.run(command, check=False, capture_output=True)


async def timed(runs: int, work: Callable[[], Awaitable[T]]) -> tuple[float, T]:
    """The median of some runs after a first one, in seconds, and what the last one came to."""
    result = await work()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        result = await work()
        times.append(time.perf_counter() - begin)
    return median(times), result


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(main(*(numbers + [200, 7][len(numbers) :])))
