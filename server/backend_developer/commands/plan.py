"""What a review or a task in the terminal is to do, settled before the first file is read."""

from __future__ import annotations

import argparse
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import dismissals
from ..agents import UnknownAgentError, find_agent, load_agents
from ..conventions import load_conventions
from ..core.model import FOCUSES, AgentDefinition, Confidence, TaskDefinition
from ..discovery import agent_folders
from ..dismissals import Dismissals
from ..engines.base import EngineError
from ..engines.endpoint import available, find_endpoint, no_batches
from ..files import SourceFile
from ..problems import Problem
from ..sendable import Denials, load_denials
from ..settings import Settings
from ..tasks import load_tasks
from . import UsageError
from .workspace import Workspace, tell

AGENT_JOBS = 4
"""Files that an agent reviews at once by default: endpoints limit what comes in a minute."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is settled before the first file is read."""

    files: tuple[SourceFile, ...]
    root: Path
    settings: Settings
    task: TaskDefinition
    agents: Mapping[Path, AgentDefinition]
    """By the folder of the file."""
    use_agent: bool
    conventions: tuple[tuple[str, str], ...]
    denials: Denials
    dismissals: Dismissals
    minimum_confidence: Confidence
    fix: bool
    jobs: int
    is_batch: bool = False
    """What the agent is asked is sent together, and answered later."""
    only_kept: bool = False
    """The agent is asked nothing: what it has answered is told."""
    review_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """All files are one review, as far as its limit goes."""
    agreed: frozenset[tuple[str, str]] = frozenset()
    """The workspace and base URL that --yes agrees to for this once."""


def make_plan(
    files: tuple[SourceFile, ...], workspace: Workspace, options: argparse.Namespace
) -> Plan:
    """What `options` ask for; raises UsageError when that cannot be done."""
    settings, root = workspace.settings, workspace.root
    use_agent = settings.engine == "agent" or (
        settings.engine == "auto" and available(settings, os.environ)
    )
    if use_agent:
        try:
            endpoint = find_endpoint(settings, os.environ)
        except EngineError as error:
            raise UsageError(str(error)) from None
        if options.batch and (why := no_batches(endpoint)):
            raise UsageError(why)
        if options.batch and not settings.keep_answers:
            raise UsageError("--batch needs a place for its answers: set keepAnswers to true")
    elif options.batch:
        raise UsageError("--batch needs the agent: set a key, or --engine agent")
    tasks, task_problems = load_tasks(root, root, settings.trusted, os.environ)
    dismissed, dismissal_problems = dismissals.load(root)
    agents, agent_problems = _agents(files, workspace)
    tell(
        dict.fromkeys((*task_problems, *dismissal_problems, *(agent_problems if use_agent else ())))
    )
    return Plan(
        files=files,
        root=root,
        settings=settings,
        task=_task(tasks, options.focus or ["everything"]),
        agents=agents,
        use_agent=use_agent,
        conventions=load_conventions(root) if use_agent and settings.trusted else (),
        denials=load_denials(root, os.environ) if use_agent else Denials(),
        dismissals=dismissed,
        minimum_confidence="low" if options.all else settings.minimum_confidence,
        fix=options.fix,
        is_batch=options.batch,
        only_kept=options.batch_results,
        jobs=options.jobs or (AGENT_JOBS if use_agent else os.cpu_count() or 1),
    )


def plan_task(file: SourceFile, workspace: Workspace, task: TaskDefinition) -> Plan:
    """The plan of a task that is no review; raises UsageError as `make_plan`."""
    settings, root = workspace.settings, workspace.root
    dismissed, dismissal_problems = dismissals.load(root)
    agents, agent_problems = _agents([file], workspace)
    tell(dict.fromkeys((*dismissal_problems, *agent_problems)))
    return Plan(
        files=(file,),
        root=root,
        settings=settings,
        task=task,
        agents=agents,
        use_agent=True,
        conventions=load_conventions(root) if settings.trusted else (),
        denials=load_denials(root, os.environ),
        dismissals=dismissed,
        minimum_confidence=settings.minimum_confidence,
        fix=False,
        jobs=1,
    )


def _agents(
    files: Sequence[SourceFile], workspace: Workspace
) -> tuple[dict[Path, AgentDefinition], tuple[Problem, ...]]:
    """The agent of each folder: one that lies nearer to a file goes before one further up."""
    agents: dict[Path, AgentDefinition] = {}
    problems: dict[Problem, None] = {}
    settings = workspace.settings
    known: dict[tuple[Path, ...], AgentDefinition] = {}
    for folder in dict.fromkeys(file.absolute.parent for file in files):
        # Most folders of a project have the same ones.
        places = [one.path for one in agent_folders(folder, workspace.root, os.environ)]
        existing = tuple(place for place in places if os.path.isdir(place))
        if existing not in known:
            listings, found = load_agents(folder, workspace.root, settings.trusted, os.environ)
            problems.update(dict.fromkeys(found))
            try:
                known[existing] = find_agent(listings, settings.agent)
            except UnknownAgentError as error:
                raise UsageError(str(error)) from None
        agents[folder] = known[existing]
    return agents, tuple(problems)


def _task(tasks: Sequence[TaskDefinition], focuses: Sequence[str]) -> TaskDefinition:
    """The review task of the focuses; several are put together into one."""
    by_name = {task.name: task for task in tasks}
    names: list[str] = [focus for focus in FOCUSES if focus in focuses]
    if "everything" in focuses or len(names) == len(FOCUSES):
        names = ["everything"]
    chosen = [by_name[name] for name in names]
    for task in chosen:
        if task.kind != "review":
            raise UsageError(f"{task.path}: the task `{task.name}` must be of kind `review`")
    if len(chosen) == 1:
        return chosen[0]
    return replace(
        chosen[0],
        name="+".join(names),
        title=f"Review {' and '.join(names)}",
        focuses=tuple(focus for focus in FOCUSES if focus in names),
        instruction="\n\n".join(task.instruction for task in chosen),
    )
