"""One change task, from request to a proposal: the path that the editor and the terminal share.

engine.review() -> pieces -> place_change -> ChangeSet -> the checks of each file, as for a fix
                                                       -> what the files are to each other
                                                       -> the person's own command, on a copy
                          -> Proposed | Refused
Usage, Note and ThreadAnswer pass through; so does each piece as it is written.

A change that is refused goes back to the engine once, with every reason.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from .core.changes import (
    ChangeAnswer,
    ChangePiece,
    ChangeSet,
    Dependency,
    FileChange,
    Found,
    ManualStep,
    NewFile,
    Paragraph,
    answer_of,
    named_from,
    paths_named,
    place_change,
    with_file,
)
from .core.edits import compose
from .core.model import Candidate, CheckReport, SearchReplace, Span, Usage
from .engines.base import Engine, Note, ReviewRequest, ThreadAnswer
from .proof import Proof
from .review import Checker

MOST_FILES = 60
"""Of one change; nobody reads more."""
MOST_CHARACTERS = 1_000_000
"""Of the texts of one change."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change that passed every check; nothing of it is in a file yet."""

    change: ChangeSet
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A change that is not offered."""

    reasons: tuple[str, ...]
    """Sentences, each with the file that it is about."""
    explanation: str = ""


Outcome: TypeAlias = ChangePiece | Usage | Note | ThreadAnswer | Proposed | Refused


class Files(Protocol):
    """Looks up the files of a workspace for a change. To be called in a thread; never raises."""

    def find(self, path: str) -> Found: ...


@dataclass(frozen=True, slots=True)
class Fit:
    """What the files of a change are to each other and to the project."""

    problems: tuple[str, ...] = ()
    """Sentences, each beginning with the file's path and a colon."""
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a change is made with: its files, and whatever checks it."""

    files: Files
    checker: Checker
    fit: Callable[[ChangeSet], Fit]
    """To be called in a thread; never raises."""
    prove: Callable[[ChangeSet], Awaitable[Proof | None]] | None = None
    """Runs the person's own command; None: none is to be run."""


async def propose(
    request: ReviewRequest, engine: Engine, workshop: Workshop, reviewed: str
) -> AsyncGenerator[Outcome, None]:
    """Yields what the engine says as it is written, then Proposed or Refused.

    `reviewed` is the path of the request's document, relative to the workspace. Raises
    EngineError; nothing is offered then, since half a change is none.
    """
    attempt = request
    first: Proposed | None = None
    for is_last in (False, True):
        pieces: list[ChangePiece] = []
        thread = None
        async with aclosing(engine.review(attempt)) as answers:
            async for answer in answers:
                match answer:
                    case SearchReplace() | NewFile() | Dependency() | ManualStep() | Paragraph():
                        pieces.append(answer)
                        yield answer
                    case ThreadAnswer():
                        thread = answer.thread
                        yield answer
                    case Usage() | Note():
                        yield answer
        result = await judge(answer_of(pieces), request, workshop, reviewed)
        problems = _problems(result)
        if not problems or is_last or thread is None:
            # What passed the checks and failed the person's command is offered, and says so.
            yield first if first and isinstance(result, Refused) else result
            return
        first = result if isinstance(result, Proposed) else None
        yield Note(f"the agent was asked again, because {problems[0]}")
        attempt = replace(request, thread=thread, follow_up="", problems=problems, changed_files=())


def _problems(result: Proposed | Refused) -> tuple[str, ...]:
    """What is wrong with it, in sentences for the model."""
    if isinstance(result, Refused):
        return result.reasons
    proof = result.proof
    if proof is None or proof.passed or proof.problem:
        return ()
    return (f"`{proof.command}` fails with the change in place:\n{proof.output}",)


async def judge(
    answer: ChangeAnswer, request: ReviewRequest, workshop: Workshop, reviewed: str
) -> Proposed | Refused:
    """The answer, placed and checked as one thing."""
    if request.task.kind == "explain":
        explained = ChangeAnswer(explanation=answer.explanation)
        return _placed(explained, reviewed, request.span, {})
    answer = named_from(answer, request.root)
    names = paths_named(answer, reviewed)
    if len(names) > MOST_FILES:
        return Refused((f"It changes {len(names)} files; at most {MOST_FILES} can be looked at.",))
    found = await asyncio.to_thread(lambda: {name: workshop.files.find(name) for name in names})
    placed = _placed(answer, reviewed, request.span, found)
    if isinstance(placed, Refused):
        return placed
    return await check(placed.change, request, workshop)


def _placed(
    answer: ChangeAnswer, reviewed: str, scope: Span, found: Mapping[str, Found]
) -> Proposed | Refused:
    placed = place_change(answer, reviewed, scope, found)
    if isinstance(placed, ChangeSet):
        return Proposed(placed)
    return Refused(placed, "\n\n".join(answer.explanation))


async def check(
    change: ChangeSet, request: ReviewRequest, workshop: Workshop
) -> Proposed | Refused:
    """The change with what its checks add and say; or why it is refused: every reason at once."""
    if not change.files:
        return Proposed(change)
    if sum(len(file.text_after) for file in change.files) > MOST_CHARACTERS:
        sentence = f"It writes more than {MOST_CHARACTERS:,} characters: make a smaller change."
        return Refused((sentence,), change.explanation)
    reports = await asyncio.gather(
        *(_check_file(file, request, workshop.checker) for file in change.files)
    )
    problems: list[str] = []
    unchecked: list[str] = []
    gone = Counter(one for report in reports for one in report.gone)
    for file, report in zip(change.files, reports, strict=True):
        if report.problem:
            problems.append(f"{file.path}: {report.problem}")
        for new in report.new_findings:
            # What moved with its code from one file of the change to another is not new.
            gone[new.rule, new.code] -= 1
            if gone[new.rule, new.code] < 0:
                problems.append(f"{file.path}: {new.sentence}")
        unchecked += (f"{file.path}: {sentence}" for sentence in report.unchecked)
        if report.tidying:
            edits = compose(file.document.text, file.edits, report.tidying)
            change = with_file(change, file.path, edits)
    fit = await asyncio.to_thread(workshop.fit, change)
    problems += fit.problems
    if problems:
        return Refused(tuple(dict.fromkeys(problems)), change.explanation)
    change = replace(change, unchecked=_said_once([*unchecked, *fit.unchecked]))
    proof = await workshop.prove(change) if workshop.prove else None
    return Proposed(change, proof)


async def _check_file(file: FileChange, request: ReviewRequest, checker: Checker) -> CheckReport:
    # A change has no finding to be rid of, so neither rule nor place.
    candidate = Candidate("", Span(0, 0), file.edits, file.text_after, is_part=True)
    [report] = await checker.check(file.document, [candidate], request.settings)
    return report


def _said_once(sentences: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))
