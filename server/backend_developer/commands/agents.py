"""`backend-developer agents`: which agents can review, from where, and which one wins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..agents import AgentListing, UnknownAgentError, find_agent, load_agents
from ..models import resolve_model
from ..reports import plural
from ..reports.text import visible
from ..settings import Settings
from . import OK
from .workspace import load_workspace, tell


def run() -> int:
    """Prints the agents of the current folder, and the problems of their files to stderr."""
    workspace = load_workspace()
    settings = workspace.settings
    listings, problems = load_agents(Path.cwd(), workspace.root, settings.trusted, os.environ)
    tell((*workspace.problems, *problems))
    sys.stdout.write("\n".join(_lines(listings, settings)) + "\n")
    return OK


def _lines(listings: Sequence[AgentListing], settings: Settings) -> Iterator[str]:
    for listing in listings:
        agent = listing.definition
        chosen = listing.wins and agent.name == settings.agent
        model = resolve_model(agent, settings)
        mark = "*" if chosen else " "
        yield f"{mark} {visible(agent.name)}  ({listing.origin}, {visible(model)})"
        if agent.description:
            first = agent.description.strip().splitlines()[0]
            yield f"    {visible(first if len(first) <= 94 else first[:93] + '…')}"
        yield f"    {visible(agent.path)}"
        if not listing.wins:
            yield f"    not used: {visible(listing.shadowed_by)} has the same name and comes first"
    yield ""
    try:
        find_agent(listings, settings.agent)
    except UnknownAgentError as error:
        yield f"{plural(len(listings), 'agent')}; none reviews: {error}"
    else:
        yield f"{plural(len(listings), 'agent')}; * reviews"
