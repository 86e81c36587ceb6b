"""What a command needs to know of where it runs: the settings, and what is wrong with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..catalogue import Catalogue, load_catalogue
from ..discovery import repository_root
from ..problems import Problem
from ..reports.text import visible
from ..settings import Settings, Source, load_project_file, load_user_file, read, read_environment


@dataclass(frozen=True, slots=True)
class Workspace:
    root: Path
    """The repository of what is reviewed; without one, the current folder."""
    settings: Settings
    problems: tuple[Problem, ...]
    """Of the settings."""
    sources: tuple[Source, ...]
    catalogue: Catalogue


def load_workspace(
    paths: Iterable[str] = (),
    command_line: Mapping[str, object] | None = None,
    catalogue: Catalogue | None = None,
) -> Workspace:
    """The workspace of `paths`, else of the current folder; `command_line` by setting's name.

    The catalogue is read unless it is given.
    """
    root = _root(paths)
    catalogue = catalogue or load_catalogue()
    project, project_problems = load_project_file(root)
    user, user_problems = load_user_file(os.environ)
    sources = tuple(
        source
        for source in (
            project,
            user,
            read_environment(os.environ),
            Source("command line", command_line or {}),
        )
        if source
    )
    settings, problems = read(sources, known_rules=catalogue.rules)
    return Workspace(
        root, settings, (*project_problems, *user_problems, *problems), sources, catalogue
    )


def tell(problems: Iterable[Problem]) -> None:
    """Prints problems to stderr, one a line: `warning: path:line: …`."""
    for problem in problems:
        level = "note" if problem.severity in ("information", "hint") else problem.severity
        print(f"{level}: {visible(str(problem))}", file=sys.stderr)


def _root(paths: Iterable[str]) -> Path:
    """Paths below the current folder belong to its workspace, others to one of their own."""
    current = Path.cwd()
    absolute = [Path(os.path.abspath(path)) for path in paths]
    if not absolute or all(path.is_relative_to(current) for path in absolute):
        return repository_root(current) or current
    try:
        common = Path(os.path.commonpath(absolute))
    except ValueError:  # on different drives
        return repository_root(current) or current
    folder = common if common.is_dir() else common.parent
    return repository_root(folder) or folder
