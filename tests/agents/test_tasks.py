"""Which tasks there are, in which order, and where each is offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_developer import discovery
from backend_developer.core.model import TaskDefinition
from backend_developer.tasks import GROUPS, load_tasks, offered, read_task

REVIEWS = ["api-design", "security", "performance", "everything"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(discovery, "managed_folder", lambda: tmp_path / "managed")
    return tmp_path


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_built_in_reviews(home: Path) -> None:
    tasks, problems = load_tasks(None, None, True, {"HOME": str(home)})
    assert problems == ()
    reviews = [task for task in tasks if task.kind == "review"]
    assert [(task.name, task.title, task.kind, task.focuses) for task in reviews] == [
        ("api-design", "Review API design", "review", ("api-design",)),
        ("security", "Review security", "review", ("security",)),
        ("performance", "Review performance", "review", ("performance",)),
        (
            "everything",
            "Review everything",
            "review",
            ("api-design", "security", "performance"),
        ),
    ]
    assert all("look for" in task.instruction for task in reviews)
    assert [task.name for task in tasks[: len(reviews)]] == REVIEWS


def test_the_other_built_in_tasks_are_listed_by_group_and_title(home: Path) -> None:
    others = load_tasks(None, None, True, {"HOME": str(home)})[0][len(REVIEWS) :]
    places = [(GROUPS.index(task.group), task.title.lower()) for task in others]
    assert places == sorted(places)


def test_own_tasks_follow_by_title_and_replace_ours_in_place(home: Path) -> None:
    for place, name, title in [
        ("repo/.claude/backend-developer/tasks/z.md", "auth", "Add authentication"),
        (".claude/backend-developer/tasks/a.md", "validate", "Implement validation"),
        (".claude/backend-developer/tasks/b.md", "security", "Review security our way"),
        (".claude/backend-developer/tasks/c.md", "auth", "Shadowed by the project's"),
    ]:
        put(home / place, f"---\nname: {name}\ntitle: {title}\nkind: change\n---\nDo it.")
    tasks, problems = load_tasks(home / "repo", home / "repo", True, {"HOME": str(home)})
    assert problems == ()
    assert [task.name for task in tasks if task.kind == "review"] == [
        name for name in REVIEWS if name != "security"
    ]
    assert tasks[1].title == "Review security our way"
    # Those in no group of ours come last, by title.
    assert [task.name for task in tasks][-2:] == ["auth", "validate"]
    assert tasks[-2].title == "Add authentication"


def test_an_untrusted_workspace_brings_no_task(home: Path) -> None:
    put(
        home / "repo/.claude/backend-developer/tasks/a.md",
        "---\nname: evil\ntitle: Evil\n---\nDo it.",
    )
    tasks, problems = load_tasks(home / "repo", home / "repo", False, {"HOME": str(home)})
    assert "evil" not in [task.name for task in tasks]
    assert [task.name for task in tasks[: len(REVIEWS)]] == REVIEWS
    assert [problem.severity for problem in problems] == ["information"]


@pytest.mark.parametrize(
    ("keys", "focuses", "problems"),
    [
        ("focus: security", ("security",), []),
        ("focus: [performance, security]", ("security", "performance"), []),
        ("focus: security, api-design", ("api-design", "security"), []),
        ("focus: everything", ("api-design", "security", "performance"), []),
        ("kind: review", ("api-design", "security", "performance"), []),
        ("focus: securty", ("api-design", "security", "performance"), ["4:warning:focus"]),
        ("focus: [security, x]", ("security",), ["4:warning:focus"]),
        ("kind: refactor", ("api-design", "security", "performance"), ["4:warning:kind"]),
        ("Focus: security", ("api-design", "security", "performance"), ["4:warning:Focus"]),
    ],
)
def test_focus_and_bad_keys(
    tmp_path: Path, keys: str, focuses: tuple[str, ...], problems: list[str]
) -> None:
    path = put(tmp_path / "a.md", f"---\nname: a\ntitle: A\n{keys}\n---\nDo it.")
    task, found = read_task(path, "user")
    assert task is not None
    assert task.focuses == focuses
    assert [f"{p.line}:{p.severity}:{p.key}" for p in found] == problems


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("languages: [pyhton]", 'The language `pyhton` is not known; did you mean "python"?'),
        ("languages: [elixir]", ""),
        (
            r"contains: (\w+\s*)+$",
            r"`contains` may take hours, because of `(\w+\s*)+`. It is left out.",
        ),
        (
            "contains: (a",
            "`contains` is no regular expression: missing ), unterminated subpattern at position "
            "0. It is left out.",
        ),
        (
            "contains: (?u)a",
            "`contains` is no regular expression: ASCII and UNICODE flags are incompatible. It is "
            "left out.",
        ),
        (
            "contains: a{99999999999}",
            "`contains` is no regular expression: the repetition number is too large. It is left "
            "out.",
        ),
    ],
)
def test_what_would_keep_a_task_from_being_offered(tmp_path: Path, key: str, message: str) -> None:
    path = put(tmp_path / "a.md", f"---\nname: a\ntitle: A\nkind: change\n{key}\n---\nDo it.")
    task, problems = read_task(path, "user")
    assert task is not None
    assert [(one.line, one.message) for one in problems] == ([(5, message)] if message else [])
    assert offered(task, "elixir" if "elixir" in key else "pyhton", "", "", "a " * 50_000 + "!")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("---\ntitle: A\n---\nDo it.", "name", id="no name"),
        pytest.param("---\nname: a\ntitle: A\n---\n", "", id="no instruction"),
        pytest.param("Do it.", "", id="no frontmatter"),
    ],
)
def test_a_task_that_cannot_be_used_is_an_error(tmp_path: Path, text: str, key: str) -> None:
    path = put(tmp_path / "a.md", text)
    task, problems = read_task(path, "user")
    assert task is None
    assert [(p.path, p.key, p.severity) for p in problems] == [(str(path), key, "error")]


@pytest.mark.parametrize(
    ("frameworks", "text", "expected"),
    [
        ("", "", True),
        ("fastapi", "from fastapi import FastAPI", True),
        ("fastapi", "import uvicorn, fastapi", True),
        ("fastapi", "import os\n\n    import fastapi.responses", True),
        ("fastapi", "x = 1  # like fastapi", False),
        ("fastapi", "from fastapi_users import x", False),
        ("express", "const express = require('express')", True),
        ("express", 'import express, { Router } from "express";', True),
        ("express", "import x from './express-helpers'", False),
        ("nestjs", "import { Get } from '@nestjs/common';", True),
        ("gin", 'import (\n\t"net/http"\n\t"github.com/gin-gonic/gin"\n)', True),
        ("spring", "import org.springframework.web.bind.annotation.GetMapping;", True),
        ("flask, fastapi", "from flask import Flask", True),
        ("home-grown", "from home-grown import x", True),
    ],
)
def test_offered_where_a_framework_is_imported(frameworks: str, text: str, expected: bool) -> None:
    names = tuple(name.strip() for name in frameworks.split(",") if name)
    task = TaskDefinition("a", "A", "change", ("security",), "Do it.", "", (), names)
    assert offered(task, "python", text) is expected


def test_offered_in_its_languages() -> None:
    task = TaskDefinition("a", "A", "change", ("security",), "Do it.", "", ("python", "go"))
    assert offered(task, "go", "")
    assert not offered(task, "javascript", "")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app/orders.py", True),
        ("test_orders.py", False),
        ("app/test_orders.py", False),
        ("app/tests/factories.py", False),
        ("tests/factories.py", False),
        ("app/contests/orders.py", True),
        ("app/orders.md", False),
    ],
)
def test_files_that_a_task_is_not_offered_for(tmp_path: Path, path: str, expected: bool) -> None:
    keys = 'files: ["*.py"]\nnot_files: ["test_*.py", "**/tests/*"]'
    file = put(tmp_path / "a.md", f"---\nname: a\ntitle: A\n{keys}\n---\nDo it.")
    task, problems = read_task(file, "user")
    assert task is not None
    assert problems == ()
    assert offered(task, "python", "x = 1", path, "x = 1") is expected
