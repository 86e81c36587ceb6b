"""Tasks: what an agent can be asked for, one Markdown file each.

The body is the instruction; the frontmatter says where it is offered:

    name: security                  what commands and settings call it
    title: Review security          what menus say
    kind: review                    review: findings | change: edits | explain: words alone
    focus: [security]               api-design, security, performance, or everything
    languages: [python, go]         LSP language ids; none: all
    frameworks: [fastapi]           offered where the code imports one of them; none: everywhere
    files: [".github/workflows/*"]  patterns of the file's path; none: all
    not_files: ["test_*.py"]        patterns of paths where it is not offered all the same
    contains: SELECT|execute\\(      regular expression that the selected code matches; none: any
    group: Data                     under which word menus list a task that changes something
    asks: What should be done?      what a person is asked to write first; none: nothing

The answer's format is no part of it: that is made from what an answer is read into.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from .core.clues import QuickPattern
from .core.model import FOCUSES, Focus, TaskDefinition, TaskKind
from .discovery import Origin, find_definitions, task_folders
from .frontmatter import Fields, parse, read_text
from .problems import Problem, did_you_mean, nearest

KNOWN_KEYS = (
    "name",
    "title",
    "kind",
    "focus",
    "languages",
    "frameworks",
    "files",
    "not_files",
    "contains",
    "group",
    "asks",
)
GROUPS = ("API", "Data", "Security", "Operation", "Explain and test")
"""How menus order the tasks that are no reviews; other groups follow."""
MOST_SEARCHED = 5_000
"""Characters of a selection that `contains` is searched in, some 130 lines: all tasks' patterns
take 2 ms for so many, and a person waits for the menu."""
HEAD = 20_000
"""Characters of a file that say what it imports."""
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


def offered(
    task: TaskDefinition, language: str, text: str, path: str = "", selected: str = ""
) -> bool:
    """Whether `task` suits the `selected` code of `text`, which is in that LSP language.

    `path` is the file's, relative to the workspace. By what the text imports, too.
    """
    if task.languages and language not in task.languages:
        return False
    if task.files and not any(matches_path(path, pattern) for pattern in task.files):
        return False
    if any(matches_path(path, pattern) for pattern in task.not_files):
        return False
    if task.frameworks:
        lines = _import_lines(text[:HEAD])
        if not any(_imports(lines, name) for name in task.frameworks):
            return False
    return not task.contains or _contains_match(task.contains, selected[:MOST_SEARCHED])


def matches_path(path: str, pattern: str) -> bool:
    """As a shell's pattern: one without a slash is about the name, `**/` may also be nothing."""
    path = path.replace("\\", "/")
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    return fnmatchcase(path, pattern) or fnmatchcase(path, pattern.replace("**/", ""))


@lru_cache(maxsize=2_000)
def _contains_match(contains: str, selected: str) -> bool:
    """Remembered, as menus ask again for the same selection."""
    return _pattern(contains).is_in(selected)


@cache
def _pattern(contains: str) -> QuickPattern:
    # Without other scripts' letters, a search that ignores case takes half the time.
    return QuickPattern(re.compile(contains, re.IGNORECASE | re.MULTILINE | re.ASCII))


def read_task(path: Path, origin: Origin) -> tuple[TaskDefinition | None, tuple[Problem, ...]]:
    """The task in one file; None when it lacks a name or an instruction, or cannot be read."""
    text, problem = read_text(path)
    return _task_in(text, path) if problem is None else (None, (problem,))


@lru_cache(maxsize=200)
def _task_in(text: str, path: Path) -> tuple[TaskDefinition | None, tuple[Problem, ...]]:
    """Remembered, as each open document looks for its tasks by itself, mostly in the same files."""
    file, problems = parse(text, str(path), KNOWN_KEYS)
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
    kinds: tuple[TaskKind, ...] = get_args(TaskKind)
    kind = fields.choice("kind", kinds, "review")
    task = TaskDefinition(
        name=name,
        title=title or name,
        kind=next(known for known in kinds if known == kind),
        focuses=_focuses(fields),
        instruction=file.body,
        path=str(path),
        languages=_languages(fields),
        frameworks=tuple(word.lower() for word in fields.words("frameworks") or ()),
        files=tuple(fields.words("files") or ()),
        not_files=tuple(fields.words("not_files") or ()),
        contains=_contains(fields),
        group=fields.text("group"),
        asks=fields.text("asks"),
    )
    return task, (*problems, *fields.problems)


def _languages(fields: Fields) -> tuple[str, ...]:
    """In lower case. An editor may know languages that we do not, so only a slip is reported."""
    given = tuple(word.lower() for word in fields.words("languages") or ())
    # Here: a server starts without them.
    from .files import LANGUAGES, OTHER_TEXTS
    from .selection import GRAMMARS

    known = {*LANGUAGES.values(), *OTHER_TEXTS.values(), *GRAMMARS, "dockerfile"}
    for word in given:
        if word not in known and nearest(word, known):
            message = f"The language `{word}` is not known{did_you_mean(word, known)}"
            fields.report("languages", message)
    return given


def _contains(fields: Fields) -> str:
    pattern = fields.text("contains")
    try:
        _pattern(pattern)
    except (re.error, ValueError, OverflowError) as error:
        message = f"`contains` is no regular expression: {error}. It is left out."
        fields.report("contains", message)
        return ""
    from .core.patterns import explodes  # Here: a server starts without it.

    if repeated := explodes(pattern):
        # It is searched at each move of the cursor, where nothing could end it.
        message = f"`contains` may take hours, because of `{repeated}`. It is left out."
        fields.report("contains", message)
        return ""
    return pattern


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


@lru_cache(maxsize=100)
def _import_lines(text: str) -> str:
    """The lines that may import something, which are the same while code below them is written."""
    return "\n".join(line for line in text.split("\n") if _MAY_IMPORT.search(line))


@lru_cache(maxsize=2_000)
def _imports(text: str, framework: str) -> bool:
    """Whether a line of `text` imports the framework, in the ways most languages write that.

    Remembered, as menus ask at each move of the cursor.
    """
    modules = "|".join(re.escape(module) for module in MODULES.get(framework, (framework,)))
    for match in re.finditer(rf"(?<![\w-])(?:{modules})(?![\w-])", text, re.IGNORECASE):
        # A bounded look back, so that a minified line costs no more than another.
        near = max(0, match.start() - 200)
        line_start = max(near, text.rfind("\n", near, match.start()) + 1)
        if _IMPORT.search(text[line_start : match.start()]):
            return True
    return False


_MAY_IMPORT = re.compile(r'\b(?:import|from|require|use|using)\b|^\s*(?:\w+\s+)?"')
_IMPORT = re.compile(
    r"""\b(?:import|from|require|use|using)\b   # Python, JavaScript, Java, Ruby, Rust, PHP, C#
    |^\s*(?:\w+\s+)?"$                          # a line of Go's import block
    """,
    re.VERBOSE,
)


def _place(task: TaskDefinition) -> tuple[int, int, str]:
    return (
        FIRST.index(task.name) if task.name in FIRST else len(FIRST),
        GROUPS.index(task.group) if task.group in GROUPS else len(GROUPS),
        task.title.lower(),
    )
