"""`backend-developer do` without a task, or with --list: what can be asked for, and where."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..core.model import TaskDefinition
from ..files import shown_path
from ..reports.change import render_tasks, where_it_fits
from ..reports.indented import dumps
from ..tasks import load_tasks, offered
from . import OK, UsageError, wants_colour
from .selected import Selected, read_selected, split_lines
from .workspace import Workspace, load_workspace, tell


def run(options: argparse.Namespace) -> int:
    """Lists all tasks but reviews, or those that fit the file and lines that are named."""
    argument = options.path or options.task
    if options.task and not options.list and not os.path.exists(split_lines(options.task)[0]):
        raise UsageError(
            f"name the file that it is to be done in: backend-developer do {options.task} PATH"
        )
    if argument:
        workspace = load_workspace([split_lines(argument)[0]])
        selected = read_selected(argument, workspace.settings.maximum_file_bytes)
        tasks = tasks_for(workspace, selected.file.absolute.parent)
        tasks = tuple(task for task in tasks if fits(task, selected, workspace))
    else:
        workspace = load_workspace()
        tasks = tasks_for(workspace, Path.cwd())
    shown = [task for task in tasks if task.kind != "review"]
    if options.format == "json":
        sys.stdout.write(f"{dumps([_as_data(task) for task in shown])}\n")
    elif shown:
        colour = wants_colour(sys.stdout.isatty(), os.environ)
        sys.stdout.write(render_tasks(shown, colour=colour))
    else:
        where = " that fits there" if argument else ""
        sys.stdout.write(f"there is no task{where}\n")
    return OK


def tasks_for(workspace: Workspace, folder: Path) -> tuple[TaskDefinition, ...]:
    """The tasks of a file in the folder, reviews among them; says what is wrong with theirs."""
    trusted = workspace.settings.trusted
    tasks, problems = load_tasks(folder, workspace.root, trusted, os.environ)
    tell(problems)
    return tasks


def fits(task: TaskDefinition, selected: Selected, workspace: Workspace) -> bool:
    """Whether an editor would offer the task for those lines."""
    document, span = selected.content.document, selected.span
    path = shown_path(selected.file.absolute, workspace.root)
    code = document.text[span.start : span.end]
    return offered(task, document.language, document.text, path, code)


def _as_data(task: TaskDefinition) -> dict[str, object]:
    return {
        "name": task.name,
        "title": task.title,
        "kind": task.kind,
        "group": task.group,
        "asks": task.asks,
        "where": where_it_fits(task),
    }
