"""Every task that changes or explains is held to its cases: real code, and a good answer to it.

The answer goes the way of a model's: it is read as it is written, placed, and put to every check.
A case is a YAML file, `cases/<task>/<framework>.yml`, whose keys are the fields of `Case`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from backend_developer.change import Fit, Proposed, Refused, Workshop, propose
from backend_developer.checks import FixChecker
from backend_developer.core.changes import ChangeSet, Found, Missing
from backend_developer.core.model import AgentDefinition, Document, Span, TaskDefinition
from backend_developer.engines.base import Answer, ReviewRequest
from backend_developer.engines.change_answer import change_schema, read_piece
from backend_developer.engines.local import LocalEngine
from backend_developer.engines.stream import AnswerReader, ArrayName
from backend_developer.files import language_of
from backend_developer.fit import check_fit
from backend_developer.project.disk import facts_of_document
from backend_developer.project.index import Project
from backend_developer.reader import WorkspaceReader
from backend_developer.sendable import Denials
from backend_developer.settings import Settings
from backend_developer.tasks import GROUPS, HEAD, offered, read_task

TASKS = Path(__file__).resolve().parents[2] / "agents" / "tasks"
CASES = Path(__file__).resolve().parent / "cases"
ROOT = "/srv/shop"
MARK = "$0"
"""Stands at both ends of the selection, in one of the files."""

FOR_ANY_FILE = ("ask", "explain", "fix-finding")
"""Tasks that suit whatever can be reviewed."""
NOWHERE = "(?!)"
"""What a task `contains` that no menu lists, as it is offered on findings."""

REQUIRED: tuple[ArrayName, ...] = ("explanation",)
AGENT = AgentDefinition("backend-developer", "", "", "", "built-in")
SETTINGS = Settings()
CHECKER = FixChecker(LocalEngine())


@dataclass(frozen=True, slots=True)
class Case:
    task: str
    framework: str
    about: str
    """What happens, in a sentence."""
    files: Mapping[str, str]
    """The project before, by path; one of them has the marks."""
    answer: Mapping[str, Any]
    """The model's, as YAML; what is left out of it is empty."""
    after: Mapping[str, Mapping[str, Sequence[str]]]
    """Of each file that is changed: what it `has` afterwards and, under `not`, what it has not."""
    elsewhere: Sequence[Mapping[str, str]]
    """Code, as `path`, `language` and `text`, where the task is not offered."""
    instruction: str = ""
    """What the person writes beside picking the task."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """Language ids that an editor gives and that a file's name does not say, by path."""

    @property
    def selected(self) -> tuple[str, Span]:
        """The file with the marks, and what lies between them."""
        [(path, text)] = ((path, text) for path, text in self.files.items() if MARK in text)
        before, code, _ = text.split(MARK)
        return path, Span(len(before), len(before) + len(code))

    def document(self, path: str) -> Document:
        """Empty where there is no such file."""
        text = self.files.get(path, "").replace(MARK, "")
        language = self.languages.get(path) or language_of(Path(path)) or ""
        return Document(f"file://{ROOT}/{path}", f"{ROOT}/{path}", language, text)

    def find(self, path: str) -> Found:
        document = self.document(path)
        return document if path in self.files else Missing(document)


def load_cases() -> list[tuple[Path, Case]]:
    files = sorted(CASES.glob("*/*.yml"))
    return [(file, Case(**yaml.safe_load(file.read_text("utf-8")))) for file in files]


def load_tasks() -> list[TaskDefinition]:
    """The shipped ones that are no reviews."""
    read = [read_task(file, "built-in") for file in sorted(TASKS.glob("*.md"))]
    return [task for task, _ in read if task and task.kind != "review"]


LOADED = load_cases()
BY_NAME = {task.name: task for task in load_tasks()}


@pytest.mark.parametrize(
    ("file", "case"),
    [pytest.param(file, case, id=f"{case.task}:{file.stem}") for file, case in LOADED],
)
async def test_a_good_answer_is_proposed(file: Path, case: Case, tmp_path: Path) -> None:
    assert file.parent.name == case.task
    task = BY_NAME[case.task]
    answer = whole_answer(case, task)
    jsonschema.validate(answer, change_schema(task.kind))
    check_where_it_is_offered(case, task)

    change = await proposed(case, task, answer, tmp_path)
    assert change.explanation == "\n\n".join(text.strip() for text in answer["explanation"])
    if task.kind == "explain":
        assert change.files == ()
        return
    assert [step.text for step in change.steps] == [step["text"] for step in answer["steps"]]
    assert [one.name for one in change.dependencies] == [
        one["name"] for one in answer["dependencies"]
    ]
    assert {one.path for one in change.files} == case.after.keys()
    for one in change.files:
        expected = case.after[one.path]
        assert [text for text in expected["has"] if text not in one.text_after] == []
        assert [text for text in expected.get("not", ()) if text in one.text_after] == []


def whole_answer(case: Case, task: TaskDefinition) -> dict[str, Any]:
    """The case's answer with the members that it leaves out."""
    answer = {name: list(case.answer.get(name, ())) for name in case.answer}
    for name in change_schema(task.kind)["properties"]:
        answer.setdefault(name, [])
    for edit in answer.get("edits", ()):
        text = case.document(edit["file"]).text
        edit.setdefault("line", text[: max(0, text.find(edit["old"]))].count("\n") + 1)
    for dependency in answer.get("dependencies", ()):
        dependency.setdefault("version", "")
    return answer


def check_where_it_is_offered(case: Case, task: TaskDefinition) -> None:
    path, span = case.selected
    document = case.document(path)
    selected = document.text[span.start : span.end]
    is_offered = offered(task, document.language, document.text, path, selected)
    assert is_offered is (task.contains != NOWHERE)
    for other in case.elsewhere:
        text = other["text"]
        assert not offered(task, other["language"], text, other["path"], text), text


async def proposed(
    case: Case, task: TaskDefinition, answer: Mapping[str, Any], folder: Path
) -> ChangeSet:
    """What becomes of the answer; fails with the reasons where it is refused."""
    path, span = case.selected
    request = ReviewRequest(
        case.document(path),
        span,
        task,
        AGENT,
        SETTINGS,
        root=ROOT,
        instruction=case.instruction,
    )
    workshop = Workshop(files=case, checker=CHECKER, fit=fit_in(case, folder))
    outcomes = [one async for one in propose(request, Scripted(answer), workshop, path)]
    result = outcomes[-1]
    assert not isinstance(result, Refused), "\n".join(result.reasons)
    assert isinstance(result, Proposed)
    return result.change


def fit_in(case: Case, folder: Path) -> Callable[[ChangeSet], Fit]:
    """The check of what the change's files are to each other and to the case's project, which is
    written into the folder."""
    documents = [case.document(path) for path in case.files]
    for path, document in zip(case.files, documents, strict=True):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(document.text, encoding="utf-8", newline="")
    project = Project.of(facts for one in documents if (facts := facts_of_document(one)))
    reader = WorkspaceReader(folder, Denials())
    return lambda change: check_fit(change, reader, project)


class Scripted:
    """An engine whose model gives this answer, a few characters at a time."""

    name = "scripted"

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._text = json.dumps(answer)

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        reader = AnswerReader(REQUIRED)
        for start in range(0, len(self._text), 50):
            for item in reader.feed(self._text[start : start + 50]):
                if piece := read_piece(item, request.relative_path):
                    yield piece
            await asyncio.sleep(0)
        assert reader.complete


@pytest.mark.parametrize("task", BY_NAME.values(), ids=BY_NAME)
def test_a_task_says_what_it_is(task: TaskDefinition) -> None:
    file = Path(task.path)
    _, problems = read_task(file, "built-in")
    assert problems == ()
    assert file.stem == task.name
    assert task.title != task.name
    assert len(task.title) <= 40
    assert task.group in GROUPS
    assert 800 <= len(task.instruction) <= 8_000
    assert task.languages or task.files or task.name in FOR_ANY_FILE, (
        "It would be offered in files of any kind."
    )
    assert any(case.task == task.name for _, case in LOADED), "No case shows what it does."


TEDIOUS = (
    "\n",
    " ",
    "a",
    "# ",
    "/a",
    "a.b.c for a ",
    "class A(",
    "for x in y:\n",
    ".map(",
    ".post(",
)
"""What an expression that goes back and forth takes long over, many times after each other."""


@pytest.mark.parametrize("task", BY_NAME.values(), ids=BY_NAME)
def test_where_a_task_fits_is_known_at_once(task: TaskDefinition) -> None:
    anywhere = replace(task, languages=(), files=())
    for piece in TEDIOUS:
        text = piece * (HEAD // len(piece))
        start = time.perf_counter()
        offered(anywhere, "", text, "", text)
        assert time.perf_counter() - start < 2, piece


def test_the_titles_of_tasks_differ() -> None:
    titles = [task.title for task in BY_NAME.values()]
    assert sorted(set(titles)) == sorted(titles)
