"""Tasks: what a review can be asked for, one Markdown file each.

The body is the instruction; the frontmatter says where it is offered:

    name: security                  what commands and settings call it
    title: Review security          what menus say
    kind: review                    review | change
    focus: [security]               api-design, security, performance, or everything
    languages: [python, go]         LSP language ids; none: all
    frameworks: [fastapi]           offered where the code imports one of them; none: everywhere

The answer's format is no part of it: that is made from what an answer is read into.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from .core.model import FOCUSES, Focus, TaskDefinition
from .discovery import Origin, find_definitions, task_folders
from .frontmatter import Fields, read_markdown
from .problems import Problem, did_you_mean

KNOWN_KEYS = ("name", "title", "kind", "focus", "languages", "frameworks")
FIRST = ("api-design", "security", "performance", "everything")
"""How menus begin; other tasks follow by title."""

MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "django-rest-framework": ("rest_framework",),
        "nestjs": ("@nestjs",),
        "next.js": ("next",),
        "apollo": ("@apollo", "apollo-server"),
        "prisma": ("@prisma",),
        "mongodb": ("mongodb", "pymongo", "motor"),
        "postgresql": ("pg", "postgres", "psycopg", "psycopg2", "asyncpg"),
        "redis": ("redis", "ioredis"),
        "spring": ("org.springframework",),
        "gin": ("github.com/gin-gonic/gin",),
    }
)
"""Framework -> the modules that code imports for it, where its own name is not the module's."""


def load_tasks(
    file_folder: Path | None,
    workspace_root: Path | None,
    trusted: bool,
    environment: Mapping[str, str],
) -> tuple[tuple[TaskDefinition, ...], tuple[Problem, ...]]:
    """The tasks that a file in `file_folder` can be given, in menu order, and the files' problems.

    A task of the project's or the user's replaces ours of the same name. Reads the disk, as
    `load_agents` does.
    """
    folders = task_folders(file_folder, workspace_root, environment)
    listings, problems = find_definitions(folders, read_task, trusted=trusted, noun="tasks")
    return tuple(sorted((item.definition for item in listings if item.wins), key=_place)), problems


def offered(task: TaskDefinition, language: str, text: str) -> bool:
    """Whether `task` suits `text`, which is in that LSP language: by what it imports, too."""
    if task.languages and language not in task.languages:
        return False
    return not task.frameworks or any(_imports(text, name) for name in task.frameworks)


def read_task(path: Path, origin: Origin) -> tuple[TaskDefinition | None, tuple[Problem, ...]]:
    """The task in one file; None when it lacks a name or an instruction, or cannot be read."""
    file, problems = read_markdown(path, KNOWN_KEYS)
    if file is None:
        return None, problems
    fields = Fields(file, path)
    fields.report_unknown(KNOWN_KEYS)
    name = fields.text("name")
    if not name:
        fields.report("name", "The task has no `name`, so it is not loaded; add one.", "error")
    if not file.body:
        message = (
            "The task has no instruction, so it is not loaded: write it below the frontmatter."
        )
        fields.report("", message, "error")
    if not name or not file.body:
        return None, (*problems, *fields.problems)
    title = fields.text("title")
    if not title:
        fields.report("title", "The task has no `title`; menus show its name instead.")
    kind = fields.choice("kind", ("review", "change"), "review")
    task = TaskDefinition(
        name=name,
        title=title or name,
        kind="change" if kind == "change" else "review",
        focuses=_focuses(fields),
        instruction=file.body,
        path=str(path),
        languages=tuple(word.lower() for word in fields.words("languages") or ()),
        frameworks=tuple(word.lower() for word in fields.words("frameworks") or ()),
    )
    return task, (*problems, *fields.problems)


def _focuses(fields: Fields) -> tuple[Focus, ...]:
    """In the order of FOCUSES; all of them where none, or "everything", is given."""
    given: list[Focus] = []
    for word in fields.words("focus") or ("everything",):
        if word == "everything":
            given += FOCUSES
        elif word in FOCUSES:
            given.append(word)
        else:
            end = did_you_mean(word, (*FOCUSES, "everything"))
            message = f"There is no focus `{word}`{end}"
            fields.report("focus", message)
    return tuple(focus for focus in FOCUSES if focus in given) or FOCUSES


def _imports(text: str, framework: str) -> bool:
    """Whether a line of `text` imports the framework, in the ways most languages write that."""
    modules = "|".join(re.escape(module) for module in MODULES.get(framework, (framework,)))
    for match in re.finditer(rf"(?<![\w-])(?:{modules})(?![\w-])", text, re.IGNORECASE):
        # A bounded look back, so that a minified line costs no more than another.
        near = max(0, match.start() - 200)
        line_start = max(near, text.rfind("\n", near, match.start()) + 1)
        if _IMPORT.search(text[line_start : match.start()]):
            return True
    return False


_IMPORT = re.compile(
    r"""\b(?:import|from|require|use|using)\b   # Python, JavaScript, Java, Ruby, Rust, PHP, C#
    |^\s*(?:\w+\s+)?"$                          # a line of Go's import block
    """,
    re.VERBOSE,
)


def _place(task: TaskDefinition) -> tuple[int, str]:
    return (FIRST.index(task.name) if task.name in FIRST else len(FIRST), task.title.lower())
