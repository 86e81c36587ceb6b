"""The tools of an agent: four ways of reading the workspace, and none of changing anything.

A tool's answer is data from the project, so it is fenced and its secrets are hidden as
everything else is; what it may read is decided by the `Reader` behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.model import AgentDefinition
from .base import Reader, ReadError
from .turn import ToolCall

MOST_LINES = 400
"""Of a file in one answer."""
LONGEST_ANSWER = 20_000
"""Characters of one tool's answer that are sent; the rest is cut off, and that is said."""
DEFAULT_TURNS = 8
"""How often an agent may be asked in one review whose file does not say (`maxTurns`)."""
MOST_TURNS = 30


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool says, and of which file ("" when it is of none in particular)."""

    text: str
    path: str = ""
    is_error: bool = False


def turns(agent: AgentDefinition) -> int:
    """How many calls a review by this agent may take, at least one."""
    return max(1, min(agent.max_turns or DEFAULT_TURNS, MOST_TURNS))


def definitions(agent: AgentDefinition) -> list[dict[str, object]]:
    """The tools of this agent as the Messages API wants them; always in the same order.

    Whatever an agent's file asks for, it gets these at most: `Read` allows reading and outlines,
    `Grep` searching and definitions.
    """

    def allows(name: str) -> bool:
        is_wanted = agent.tools is None or name in agent.tools
        return is_wanted and name not in agent.disallowed_tools

    return [
        {
            "name": name,
            "description": description,
            "input_schema": {
                "type": "object",
                "properties": {
                    member: {"type": kind, "description": meaning}
                    for member, (kind, meaning) in members.items()
                },
                "required": [member for member in members if member in _REQUIRED],
                "additionalProperties": False,
            },
        }
        for name, (needs, description, members) in _TOOLS.items()
        if allows(needs)
    ]


def run(reader: Reader, call: ToolCall, allowed: Sequence[str]) -> Result:
    """Runs one tool; whatever was asked for, this answers. To be called in a thread."""
    if call.name not in allowed:
        return Result(f"There is no tool {call.name!r} here.", is_error=True)
    if call.arguments is None:
        return Result("The arguments were no JSON object.", is_error=True)
    arguments = call.arguments
    path = _text(arguments, "path")
    try:
        match call.name:
            case "read_file":
                first = _number(arguments, "first_line", 1)
                last = _number(arguments, "last_line", first + MOST_LINES - 1)
                last = min(last, first + MOST_LINES - 1)
                text = reader.read_file(path, first, last)
            case "search":
                path = ""
                text = reader.search(_text(arguments, "text"), _text(arguments, "in_files"))
            case "outline":
                text = reader.outline(path)
            case _:
                path = ""
                text = reader.find_definition(_text(arguments, "name"))
    except ReadError as error:
        return Result(str(error), is_error=True)
    return Result(text, path)


def cut(text: str) -> str:
    """What there is room for of a tool's answer."""
    if len(text) <= LONGEST_ANSWER:
        return text
    return f"{text[:LONGEST_ANSWER]}\n… (cut off here: ask for less)"


_TOOLS: Mapping[str, tuple[str, str, Mapping[str, tuple[str, str]]]] = {
    "read_file": (
        "Read",
        f"Lines of a file of the workspace, numbered; at most {MOST_LINES} at once.",
        {
            "path": ("string", "relative to the workspace, with forward slashes"),
            "first_line": ("integer", "from 1; default 1"),
            "last_line": ("integer", "inclusive"),
        },
    ),
    "search": (
        "Grep",
        "The lines of the workspace's files that contain a text, each with its file and number.",
        {
            "text": ("string", "what to look for, as it is; no regular expression"),
            "in_files": ("string", "a pattern such as app/**/*.py; default: all files"),
        },
    ),
    "outline": (
        "Read",
        "The classes, functions and routes of a file, with their lines.",
        {"path": ("string", "relative to the workspace, with forward slashes")},
    ),
    "find_definition": (
        "Grep",
        "Where a function, class, model or constant of the workspace is defined, with its code.",
        {"name": ("string", "its name, such as User or get_current_user")},
    ),
}
"""Name -> the tool of Claude Code that it needs, what it does, its arguments."""
_REQUIRED = frozenset({"path", "text", "name"})


def _text(arguments: Mapping[str, object], name: str) -> str:
    value = arguments.get(name)
    return value if isinstance(value, str) else ""


def _number(arguments: Mapping[str, object], name: str, default: int) -> int:
    value = arguments.get(name)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return max(value, 1) if is_number and isinstance(value, int) else default
