"""What a change task, or one that explains, is asked with, where it differs from a review.

A conversation goes on by a message at its end, so that all before it comes from an endpoint's
prompt cache: a person's wish, or what was wrong with the last answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.model import TaskKind
from ..core.text import Lines
from .base import ReviewRequest
from .blocks import DATA, NO_TOOLS, TOOLS, Block, block_of, fenced
from .redact import Redactions
from .schema import Schema, describe

_CHANGES = """\
# How this works

You are called by a program that shows a change to a person in an editor, who then takes it, takes
parts of it, or asks for it otherwise. Your answer is one JSON object. Nothing of it is applied
before a person says so."""

_EXPLAINS = """\
# How this works

You are called by a program that shows your explanation to a person in an editor. Your answer is
one JSON object."""

_CHECKED = """\
# What a change must be

It is checked as one thing before anyone sees it, and all of it is refused for one mistake:

- Each `old` is found exactly once in its file. Copy it from the file as you were shown it, or have
  read it, never from memory; what you have not seen you cannot edit.
- No two edits of a file overlap. Edits are made at once, so none may build on another's result.
- Every text is written in full: no "rest unchanged", no dots in place of code.
- The result parses; every name is defined and imported; every file imports what exists or what
  you make; every caller of a changed signature is changed too, in every file.
- It brings in no problem that a linter or a reviewer would report.
- A package that is imported is one that the project depends on, or is named in `dependencies`.
  Prefer what is there, the standard library, or a few lines.

It is read by a person, so make it as small as it can be and complete: no renaming, reformatting or
comments about the change, and nothing that was not asked for. Follow the project's habits: its
framework, layers, names, error classes, ways of testing, formatting. Put new code where this
project would. Keep line ends and indentation as they are in the file.

Where the task does not fit the selection, or is done there already, say so in `explanation` and
change nothing. What you cannot see and have to assume, say there too."""


def system_text(kind: TaskKind, schema: Schema, has_tools: bool) -> str:
    """What this tool needs of the answer to a task of that kind; the same for every file."""
    seen = TOOLS if has_tools else NO_TOOLS
    answer = (
        "# Answer\n\nOne JSON object with exactly these members, in this order, without a code "
        f"fence around it:\n\n{describe(schema)}"
    )
    if kind == "explain":
        return "\n\n".join([_EXPLAINS, DATA, seen, answer])
    return "\n\n".join([_CHANGES, DATA, seen, _CHECKED, answer])


def task_text(request: ReviewRequest) -> str:
    """The task, which comes last."""
    said = request.instruction.strip()
    wish = [f"The person who asks for it writes:\n\n{said}"] if said else []
    about = (
        "Explain the selected lines."
        if request.task.kind == "explain"
        else "It is about the selected lines; other places change only where that needs it."
    )
    return "\n\n".join(
        [
            f"# Task\n\n{request.task.instruction.strip()}",
            *wish,
            f"{about} Answer with the JSON object and nothing else.",
        ]
    )


def habits_text(habits: str) -> str:
    """How the project does things, as the prompt says it."""
    return f"# How this project does things\n\n{fenced('habits', habits.strip())}"


def follow_up_block(request: ReviewRequest, redactions: Redactions) -> Block:
    """The message that a conversation goes on with."""
    parts = [_changed(path, text) for path, text in request.changed_files]
    if request.problems:
        problems = "\n".join(f"- {sentence}" for sentence in request.problems)
        parts.append(
            "# Your answer was refused\n\nIt was checked, and nothing of it was applied. The "
            f"problems were:\n\n{fenced('problems', problems)}"
        )
    if request.follow_up.strip():
        parts.append(
            "# Your answer is to be another\n\nNothing of it was applied, unless a file is shown "
            f"above as it is now. The person writes:\n\n{request.follow_up.strip()}"
        )
    parts.append(
        "Answer again, with one JSON object of the same form, and in full: all edits and files of "
        "the whole change, for the files as they are now."
        if request.task.kind == "change"
        else "Answer again, with one JSON object of the same form."
    )
    return block_of(redactions.hide("\n\n".join(parts)))


def follow_up_texts(request: ReviewRequest) -> Iterable[str]:
    """What is said in it, to look for secrets in."""
    yield request.follow_up
    yield from request.problems
    for path, text in request.changed_files:
        yield from (path, text)


def _changed(path: str, text: str) -> str:
    lines = Lines(text)
    shown = "\n".join(f"{number + 1:>4} | {lines.line(number)}" for number in range(lines.count))
    return f"# A file as it is now\n\n{fenced('file', shown, path=path)}"
