"""A change task in the terminal, from its request to an offer: asked for, gone on with, narrowed.

As `changing.py` in an editor, with the files on disk in place of buffers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..change import Proposed, Refused, Workshop, check, propose
from ..checks import FixChecker
from ..core.changes import (
    ChangeSet,
    Dependency,
    ManualStep,
    NewFile,
    Paragraph,
    narrowed,
    normal_path,
)
from ..core.model import Document, SearchReplace, Usage
from ..engines.base import EngineError, Note, ReviewRequest, Thread, ThreadAnswer
from ..engines.local import LocalEngine
from ..files import Content, SourceFile, UnreadableError, read
from ..models import resolve_model
from ..offers import Offer, followed, offer_of
from ..prices import used
from ..project.disk import Reading, facts_of_document
from ..project.index import Project
from ..proof import Proof
from ..reports import plural
from ..review import Reviewers, review_file
from ..workshop import informed, make_workshop
from .agent_review import Asking
from .plan import Plan
from .terminal import say

READING_SECONDS = 5.0
"""For so long the rest of the project is read at most, so that a large one keeps nobody waiting."""


@dataclass
class Desk:
    """What one command works with, from question to question, which share an event loop."""

    runner: asyncio.Runner
    local: LocalEngine
    reviewers: Reviewers
    plan: Plan
    reviewed: Content
    """The selected file, as it was read for the last question."""
    used: list[Usage] = field(default_factory=list)
    told: int = 0
    """How many of those the person was told of."""


@contextmanager
def opened_desk(plan: Plan, reviewed: Content) -> Iterator[Desk]:
    """A desk for the plan's file; in the end the person is told what all of it cost."""
    local = LocalEngine()
    asking = Asking(plan, local.catalogue)
    reviewers = Reviewers(local, asking.engine, FixChecker(local), local.catalogue)
    with asyncio.Runner() as runner:
        desk = Desk(runner, local, reviewers, plan, reviewed)
        try:
            yield desk
        finally:
            runner.run(asking.close())
            tell_used(desk)


def asked(desk: Desk, request: ReviewRequest) -> Offer:
    """What the request comes to, with what surrounds its selection. Raises EngineError."""
    return desk.runner.run(_heard(desk, desk.runner.run(_prepared(desk, request))))


def refined(desk: Desk, offer: Offer, wish: str) -> Offer:
    """The offer that the conversation comes to with the wish. Raises EngineError."""
    request = replace(_as_now(desk, offer), thread=offer.thread, follow_up=wish)
    return replace(desk.runner.run(_heard(desk, request)), allowed=offer.allowed)


def part_of(desk: Desk, whole: Offer, paths: Collection[str]) -> Offer:
    """Only those files of an offer, checked by themselves."""
    part = narrowed(whole.change, paths)
    say(f"checking {plural(len(part.files), 'file')}")
    result = desk.runner.run(check(part, whole.request, _workshop(desk, whole.request)))
    if isinstance(result, Refused):
        reasons = tuple(f"that part does not work by itself: {one}" for one in result.reasons)
        result = replace(result, reasons=reasons)
    made = offer_of("proposal", result, whole.request, model=whole.model, thread=whole.thread)
    return replace(made, allowed=whole.allowed, whole=whole.id)


def tell_used(desk: Desk) -> None:
    """What the calls since the last time took and cost."""
    if new := desk.used[desk.told :]:
        desk.told = len(desk.used)
        say(used(new, desk.plan.settings))


# --- How


async def _prepared(desk: Desk, request: ReviewRequest) -> ReviewRequest:
    """The request with what surrounds its selection, and what the local engine finds in it."""
    plan = desk.plan
    say(f"reading {desk.plan.files[0].path} and what surrounds it")
    project = await asyncio.to_thread(_project, plan, request.document)
    desk.local.project_of = lambda path: project
    found = await review_file(
        request,
        desk.reviewers,
        path=plan.files[0].path,
        relative_path=request.relative_path,
        use_agent=False,
        dismissals=plan.dismissals,
        minimum_confidence=plan.minimum_confidence,
    )
    evidence = tuple(one for one in found.findings if request.span.contains(one.span))
    asked = replace(request, evidence=evidence)
    return await asyncio.to_thread(informed, asked, plan.root, {}, project)


def _project(plan: Plan, document: Document) -> Project:
    """What the workspace's files say, as far as they are read in time."""
    found = [facts_of_document(document)]
    if plan.settings.project_index:
        reading = Reading(plan.root, plan.settings.maximum_indexed_files)
        found += reading.step(READING_SECONDS, {document.path}).facts
    return Project.of(facts for facts in found if facts)


async def _heard(desk: Desk, request: ReviewRequest) -> Offer:
    """What the agent's answer comes to, said on the way as it is written and checked."""
    model = resolve_model(request.agent, request.settings)
    thread: Thread | None = None
    paths: dict[str, None] = {}
    say(f"asking {model}")
    outcomes = propose(
        request, desk.reviewers.agent, _workshop(desk, request), request.relative_path
    )
    async with aclosing(outcomes):
        async for outcome in outcomes:
            match outcome:
                case Usage():
                    model = outcome.model
                    desk.used.append(outcome)
                case ThreadAnswer():
                    thread = outcome.thread
                    if paths:
                        say(f"checking {plural(len(paths), 'file')}")
                    paths = {}
                case Note(sentence=sentence):
                    say(f"note: {sentence}")
                case SearchReplace(file=file):
                    path = normal_path(file or request.relative_path)
                    if path not in paths:
                        say(f"it changes {path}")
                    paths[path] = None
                case NewFile(path=path):
                    say(f"it writes {path}")
                    paths[normal_path(path)] = None
                case Paragraph() | Dependency() | ManualStep():
                    pass
                case Proposed() | Refused():
                    return offer_of("proposal", outcome, request, model=model, thread=thread)
    raise AssertionError  # propose() always ends in one of the two.


def _workshop(desk: Desk, request: ReviewRequest) -> Workshop:
    """The selected file is the text that was read for the question, whatever it holds by now."""
    document, command = request.document, request.settings.proof_command.strip()
    workshop = make_workshop(
        request,
        desk.reviewers.checker,
        os.environ,
        desk.local.project_of(document.path),
        opened=lambda path: document if path == document.path else None,
        buffers=dict,
    )

    async def prove(change: ChangeSet) -> Proof | None:
        if command:
            say(f"running `{command}` on a copy of the project")
        return await workshop.prove(change) if workshop.prove else None

    return replace(workshop, prove=prove)


def _as_now(desk: Desk, offer: Offer) -> ReviewRequest:
    """The offer's request for the files as they are now. Raises EngineError."""
    selected = offer.request.document
    shown = {file.path: file.change.document for file in offer.files if not file.change.is_new}
    shown[offer.request.relative_path] = selected
    changed = []
    most = offer.request.settings.maximum_file_bytes
    for path, document in shown.items():
        try:
            now = read(SourceFile(path, Path(document.path), document.language), most)
        except UnreadableError as error:
            raise EngineError(f"{path}: {error}") from None
        if now.document.text != document.text:
            changed.append((path, now.document.text))
        if document is selected:
            desk.reviewed = now
            offer = followed(offer, offer.uri, path, now.document)
    return replace(
        offer.request,
        document=desk.reviewed.document,
        span=offer.span,
        changed_files=tuple(changed),
    )
