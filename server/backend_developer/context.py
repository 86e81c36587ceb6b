"""What holds for one document because of where it lies: settings, agents, tasks, dismissals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .agents import AgentListing, UnknownAgentError, find_agent, load_agents
from .conventions import load_conventions
from .core.model import AgentDefinition, Document, TaskDefinition
from .dismissals import Dismissals, load
from .engines.endpoint import available
from .models import resolve_model
from .problems import Problem
from .sendable import Denials, load_denials
from .settings import Settings, Source, load_project_file, load_user_file, read, read_environment
from .tasks import load_tasks, offered


@dataclass(frozen=True, slots=True)
class Context:
    """Read from disk at one moment; a review keeps the one that it began with."""

    root: Path | None
    """The innermost workspace folder that the document lies in; None: it lies in none."""
    relative_path: str
    """The document's path below `root`, with forward slashes; else its whole path, or ""."""
    settings: Settings
    dismissals: Dismissals
    tasks: tuple[TaskDefinition, ...]
    """The reviews, in menu order."""
    changes: tuple[TaskDefinition, ...]
    """The tasks that change something, or explain, in menu order."""
    agents: tuple[AgentListing, ...]
    """Strongest first."""
    agent: AgentDefinition | None
    """Who reviews."""
    no_agent: str
    """Why there is no `agent`, in a sentence."""
    conventions: tuple[tuple[str, str], ...]
    """(relative path, text) of the project's CLAUDE.md and REVIEW.md."""
    denials: Denials
    """What of the workspace is never sent."""
    model: str
    """The model that a review asks; "" when the local engine reviews alone."""
    problems: tuple[Problem, ...]

    @property
    def engine(self) -> str:
        """Who a review is done by, for a menu: "local", or "agent: claude-sonnet-5-5"."""
        return f"agent: {self.model}" if self.model else "local"

    def tasks_for(self, document: Document) -> list[TaskDefinition]:
        """Those of `tasks` that suit the document's language and what it imports."""
        return [task for task in self.tasks if self._suits(task, document, document.text)]

    def changes_for(self, document: Document, selected: str) -> list[TaskDefinition]:
        """Those of `changes` that suit the selected code, where there is somebody to do them."""
        if not self.model:
            return []
        return [task for task in self.changes if self._suits(task, document, selected)]

    def _suits(self, task: TaskDefinition, document: Document, selected: str) -> bool:
        return offered(task, document.language, document.text, self.relative_path, selected)


def load_context(
    path: str,
    folders: Sequence[Path],
    editor_settings: Mapping[str, object],
    environment: Mapping[str, str],
    known_rules: Collection[str] | None = None,
) -> Context:
    """The context of the document at `path`, "" when it is no file.

    Reads some dozens of small files, so not on the event loop. Never raises for
    what stands in them: that is in `problems`. A document that is no file, or in
    no folder, uses the settings of the only folder, if there is but one. With
    `known_rules`, the catalogue's ids, others in the settings are reported too.
    """
    root = root_of(path, folders)
    project = root or (folders[0] if len(folders) == 1 else None)
    project_source, project_problems = load_project_file(project) if project else (None, ())
    user_source, user_problems = load_user_file(environment)
    sources = (project_source, user_source, read_environment(environment))
    settings, setting_problems = read(
        [*filter(None, sources), Source("editor", editor_settings)], known_rules
    )
    file_folder = Path(path).parent if path else None
    tasks, task_problems = load_tasks(file_folder, project, settings.trusted, environment)
    agents, agent_problems = load_agents(file_folder, project, settings.trusted, environment)
    dismissals, dismissal_problems = load(root)
    agent, no_agent = _agent(agents, settings.agent)
    model = _model(settings, agent, environment)
    return Context(
        root=root,
        relative_path=Path(path).relative_to(root).as_posix() if root else path,
        settings=settings,
        dismissals=dismissals,
        tasks=tuple(task for task in tasks if task.kind == "review"),
        changes=tuple(task for task in tasks if task.kind != "review"),
        agents=agents,
        agent=agent,
        no_agent=no_agent,
        conventions=load_conventions(project) if model and settings.trusted else (),
        denials=load_denials(project, environment) if model else Denials(),
        model=model,
        problems=(
            *project_problems,
            *user_problems,
            *setting_problems,
            *task_problems,
            *agent_problems,
            *dismissal_problems,
        ),
    )


def root_of(path: str, folders: Sequence[Path]) -> Path | None:
    """The innermost of `folders` that holds `path`."""
    inside = [folder for folder in folders if path and Path(path).is_relative_to(folder)]
    return max(inside, key=lambda folder: len(folder.parts), default=None)


def _agent(agents: Sequence[AgentListing], name: str) -> tuple[AgentDefinition | None, str]:
    try:
        return find_agent(agents, name), ""
    except UnknownAgentError as error:
        return None, str(error)


def _model(
    settings: Settings, agent: AgentDefinition | None, environment: Mapping[str, str]
) -> str:
    if settings.engine == "local" or (
        settings.engine == "auto" and not available(settings, environment)
    ):
        return ""
    # Without an agent the review says so; a menu has no place for it.
    return resolve_model(agent, settings) if agent else settings.model or settings.agent
