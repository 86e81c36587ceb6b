"""Where agent and task files are looked for, and who wins when two have the same name.

Strongest first: the managed folder of the organisation, the project's folders (nearest to the
reviewed file first, up to the repository's root), the user's folder, and ours. That is the
order of Claude Code, whose sub-agent files we share.

Files are read again at each use rather than watched: that takes about a millisecond a file,
and what a person has just saved always counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar

from .core.model import AgentDefinition, TaskDefinition
from .problems import Problem

Origin: TypeAlias = Literal["managed", "project", "user", "built-in"]
Definition = TypeVar("Definition", AgentDefinition, TaskDefinition)
ReadFile: TypeAlias = Callable[[Path, Origin], tuple[Definition | None, tuple[Problem, ...]]]


@dataclass(frozen=True, slots=True)
class Listing(Generic[Definition]):
    """A definition that was found, and whether it is the one that its name stands for."""

    definition: Definition
    origin: Origin
    shadowed_by: str = ""
    """Path of the file that wins; "" for the winner itself."""

    @property
    def wins(self) -> bool:
        return not self.shadowed_by


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path
    origin: Origin
    within: Path | None = None
    """Where its files must really lie, links followed; None: anywhere."""
    recursive: bool = True


def find_definitions(
    folders: tuple[Folder, ...], read_file: ReadFile[Definition], *, trusted: bool, noun: str
) -> tuple[tuple[Listing[Definition], ...], tuple[Problem, ...]]:
    """Every definition under `folders`, strongest first, and all that is wrong with the files.

    One bad file hides no other. The project's are left out when it is not trusted, and one
    problem says so; `noun` is what they are called there.
    """
    listings: list[Listing[Definition]] = []
    problems: list[Problem] = []
    winners: dict[str, Listing[Definition]] = {}
    if not trusted:
        theirs = [folder.path for folder in folders if folder.origin == "project"]
        folders = tuple(folder for folder in folders if folder.origin != "project")
        if existing := next((path for path in theirs if os.path.isdir(path)), None):
            message = f"The workspace is not trusted, so its {noun} are not used."
            problems.append(Problem(str(existing), None, "", message, "information"))
    for folder in folders:
        here: dict[str, str] = {}
        for path in _markdown_files(folder):
            if not _lies_within(path, folder.within):
                message = f"This is a link to a file outside {folder.within}, so it is not used."
                problems.append(Problem(str(path), None, "", message))
                continue
            definition, found = read_file(path, folder.origin)
            problems.extend(found)
            if definition is None:
                continue
            name = definition.name
            if name in here:
                message = (
                    f"`{name}` is already defined in {here[name]}; give one of them another name."
                )
                problems.append(Problem(str(path), None, "name", message, "warning"))
            here.setdefault(name, str(path))
            winner = winners.get(name)
            listing = Listing(definition, folder.origin, winner.definition.path if winner else "")
            winners.setdefault(name, listing)
            listings.append(listing)
    return tuple(listings), tuple(problems)


def agent_folders(
    file_folder: Path | None, workspace_root: Path | None, environment: Mapping[str, str]
) -> tuple[Folder, ...]:
    """Where agents are, strongest first: `.claude/agents` and its like."""
    user = claude_folder(environment) / "agents"
    return (
        Folder(managed_folder() / ".claude" / "agents", "managed"),
        *_project_folders(file_folder, workspace_root, Path(".claude/agents"), user),
        Folder(user, "user"),
        # Our tasks lie in a folder below our agents.
        Folder(built_in_folder(), "built-in", recursive=False),
    )


def task_folders(
    file_folder: Path | None, workspace_root: Path | None, environment: Mapping[str, str]
) -> tuple[Folder, ...]:
    """Where tasks are, strongest first: `.claude/backend-developer/tasks` and its like.

    Not below `.claude/agents`: Claude Code reads that recursively, and a task is no agent.
    """
    place = Path("backend-developer/tasks")
    user = claude_folder(environment) / place
    return (
        Folder(managed_folder() / ".claude" / place, "managed"),
        *_project_folders(file_folder, workspace_root, ".claude" / place, user),
        Folder(user, "user"),
        Folder(built_in_folder() / "tasks", "built-in"),
    )


def managed_folder() -> Path:
    """Where an organisation puts Claude Code's managed settings on this system."""
    if sys.platform == "darwin":
        return Path("/Library/Application Support/ClaudeCode")
    if sys.platform == "win32":
        return Path("C:/Program Files/ClaudeCode")
    return Path("/etc/claude-code")


def claude_folder(environment: Mapping[str, str]) -> Path:
    """The user's own Claude Code folder: CLAUDE_CONFIG_DIR, else `.claude` in the home folder."""
    if chosen := environment.get("CLAUDE_CONFIG_DIR"):
        return Path(chosen)
    home = environment.get("USERPROFILE" if sys.platform == "win32" else "HOME")
    return (Path(home) if home else Path.home()) / ".claude"


def built_in_folder() -> Path:
    """Where our own agents are: inside an installed package, beside `server` in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "built_in_agents"
    return installed if installed.is_dir() else package.parent.parent / "agents"


def repository_root(folder: Path) -> Path | None:
    """The nearest folder, from `folder` upwards, that holds `.git`."""
    return next(
        (place for place in (folder, *folder.parents) if os.path.exists(place / ".git")), None
    )


# --- Helpers


def _project_folders(
    file_folder: Path | None, workspace_root: Path | None, place: Path, user: Path
) -> tuple[Folder, ...]:
    """`place` in each folder from the file's up to the repository's root, nearest first.

    Without a repository the workspace's root is the last one; without that, the file's folder.
    A file outside the workspace counts as lying in its root.
    """
    start, workspace = _absolute(file_folder), _absolute(workspace_root)
    if workspace and not (start and start.is_relative_to(workspace)):
        start = workspace
    if start is None:
        return ()
    top = repository_root(workspace or start) or workspace or start
    levels = len(start.parts) - len(top.parts)  # `top` is `start`, or lies above it.
    return tuple(
        Folder(folder / place, "project", within=top)
        for folder in (start, *start.parents[:levels])
        # A home folder may be a repository; what lies there is the user's all the same.
        if folder / place != user
    )


def _absolute(path: Path | None) -> Path | None:
    return path and Path(os.path.abspath(path))


def _markdown_files(folder: Folder) -> list[Path]:
    """Its `.md` files, in the order of their paths; linked folders inside it are not entered."""
    found = []
    for parent, inner, names in os.walk(folder.path):
        if not folder.recursive:
            inner.clear()
        found += [
            Path(parent, name)
            for name in names
            if name.endswith(".md") and name.lower() != "readme.md"
        ]
    return sorted(found)


def _lies_within(path: Path, root: Path | None) -> bool:
    return root is None or Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
