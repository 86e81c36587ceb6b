"""Agents: Claude Code sub-agent files (`.md`), read and chosen from.

A file is YAML frontmatter and a body, which is the system prompt. We read what a reviewer
needs and leave the rest in peace, so that one file serves both programs:
https://code.claude.com/docs/en/sub-agents
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from .core.model import AgentDefinition
from .discovery import Listing, Origin, agent_folders, find_definitions
from .frontmatter import Fields, parse, read_text
from .problems import Problem, nearest

AgentListing: TypeAlias = Listing[AgentDefinition]

READ_KEYS = (
    "name",
    "description",
    "tools",
    "disallowedTools",
    "model",
    "maxTurns",
    "effort",
    "color",
)
IGNORED_KEYS = (
    "permissionMode",
    "skills",
    "mcpServers",
    "hooks",
    "memory",
    "background",
    "isolation",
    "initialPrompt",
)
"""Claude Code's own affair: a review runs no command, whatever a file asks for."""
KNOWN_KEYS = READ_KEYS + IGNORED_KEYS
EFFORTS = ("low", "medium", "high", "xhigh", "max")


class UnknownAgentError(Exception):
    """No agent has that name. `str()` is a sentence with the names there are."""


def load_agents(
    file_folder: Path | None,
    workspace_root: Path | None,
    trusted: bool,
    environment: Mapping[str, str],
) -> tuple[tuple[AgentListing, ...], tuple[Problem, ...]]:
    """Every agent that a file in `file_folder` could be reviewed by, and the files' problems.

    Strongest first; of two with one name the first wins, and the other says which file shadows
    it. Reads the disk, about a millisecond a file: call it for each run, off
    the event loop.
    """
    folders = agent_folders(file_folder, workspace_root, environment)
    return find_definitions(folders, read_agent, trusted=trusted, noun="agents")


def find_agent(listings: Sequence[AgentListing], name: str) -> AgentDefinition:
    """The agent that `name` stands for; raises UnknownAgentError."""
    winners = {item.definition.name: item.definition for item in listings if item.wins}
    if name in winners:
        return winners[name]
    near = nearest(name, winners)
    known = f'did you mean "{near}"?' if near else f"there are: {', '.join(sorted(winners))}."
    raise UnknownAgentError(f'There is no agent "{name}"; {known}')


def read_agent(path: Path, origin: Origin) -> tuple[AgentDefinition | None, tuple[Problem, ...]]:
    """The agent in one file; None when it has no name or cannot be read."""
    text, problem = read_text(path)
    return _agent_in(text, path, origin) if problem is None else (None, (problem,))


@lru_cache(maxsize=200)
def _agent_in(
    text: str, path: Path, origin: Origin
) -> tuple[AgentDefinition | None, tuple[Problem, ...]]:
    """Remembered, as each open document looks for its agents by itself, mostly in one place."""
    file, problems = parse(text, str(path), KNOWN_KEYS)
    if file is None:
        return None, problems
    fields = Fields(file, path)
    fields.report_unknown(KNOWN_KEYS)
    name = fields.text("name")
    if not name:
        fields.report("name", "The agent has no `name`, so it is not loaded; add one.", "error")
        return None, (*problems, *fields.problems)
    # Many files have a description on one line with `\\n` where lines should end.
    description = fields.text("description").replace("\\n", "\n")
    if not description:
        fields.report("description", "The agent has no `description`; say what it is for.")
    if not file.body:
        fields.report("", "The agent has no prompt: write it below the frontmatter.")
    tools = fields.words("tools")
    agent = AgentDefinition(
        name=name,
        description=description,
        prompt=file.body,
        path=str(path),
        origin=origin,
        model=fields.text("model") or "inherit",
        tools=None if tools == ("*",) else tools,
        disallowed_tools=fields.words("disallowedTools") or (),
        max_turns=fields.count("maxTurns"),
        effort=fields.choice("effort", EFFORTS, "") or None,
        color=fields.text("color") or None,
    )
    return agent, (*problems, *fields.problems)
