"""One review, from request to findings: the path that the editor and the terminal share.

engine.review() -> Proposal -> anchor -> Finding, its fix still Checking
                                      -> checker -> the same Finding, its fix checked
                            -> Rejection
Verdict, Usage and Note pass through.

What the agent found goes through a second look, which tries to refute it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from .catalogue import Catalogue
from .core.comments import ignored, may_ignore
from .core.fingerprint import numbered
from .core.merge import apply_verdict, merge
from .core.model import (
    CONFIDENCES,
    Candidate,
    CheckReport,
    Confidence,
    Document,
    Finding,
    Proposal,
    Rejection,
    Span,
    Usage,
    Verdict,
)
from .core.text import Lines
from .core.validate import Anchored, anchor, candidate, conclude
from .dismissals import Dismissals
from .engines.base import Answer, Engine, EngineError, Note, Pending, ReviewRequest
from .project.facts import FileFacts
from .settings import Settings, rule_level

LARGE = 100_000
"""Characters of a text that is prepared in a thread."""

Outcome: TypeAlias = Finding | Rejection | Verdict | Usage | Note | Pending


class Collected(Protocol):
    """What came of asking after batches: see batches.Collected."""

    @property
    def files(self) -> Sequence[str]: ...

    @property
    def tasks(self) -> Sequence[str]: ...

    @property
    def problems(self) -> Sequence[str]: ...


class Checker(Protocol):
    """Checks placed fixes with tools; never raises for a bad fix, nor blocks the event loop."""

    async def check(
        self, document: Document, candidates: Sequence[Candidate], settings: Settings
    ) -> list[CheckReport]: ...

    async def syntax_error_line(self, document: Document) -> int:
        """The line, from 1, of the document's first syntax error; 0 when it has none."""
        ...


class Indexer(Protocol):
    """Reads what files say of their project; never blocks the event loop. Raises EngineError."""

    async def learn(self, document: Document) -> FileFacts | None:
        """What a document says, from now on in place of the file on disk; None: nothing."""
        ...

    def read_folder(
        self,
        folder: str,
        maximum_files: int,
        is_open: Callable[[], Collection[str]],
        inner: Collection[str] = (),
    ) -> AsyncGenerator[tuple[Sequence[FileFacts], bool], None]:
        """Yields what a folder's files say, some at a time, and whether files were left out.

        Those in the `inner` folders are not its.
        """
        ...

    async def read_again(
        self, folder: str, paths: Sequence[str]
    ) -> Sequence[tuple[str, FileFacts | None]]:
        """What files of a folder that changed on disk say now."""
        ...

    async def forget(self, folder: str, paths: Sequence[str] | None) -> None:
        """These files are no more of the folder, "" for none; without paths it is no more known."""
        ...


@dataclass(frozen=True, slots=True)
class Reviewers:
    """All that does the work. Tests pass scripted ones."""

    local: Engine
    agent: Engine
    checker: Checker
    catalogue: Catalogue
    indexer: Indexer | None = None
    """None: each file is known by itself alone."""
    collect: Callable[[Settings, str], Awaitable[Collected]] | None = None
    """Fetches the answers of a workspace's batches that are done; None: there are no batches."""


@dataclass(frozen=True, slots=True)
class FileReview:
    """What a review of one file came to."""

    path: str
    """As shown to the person."""
    document: Document | None
    """None when the file could not be read."""
    findings: tuple[Finding, ...]
    """Merged, in text order, without the dismissed and the folded."""
    engine: str
    """"local", or "local + agent" with the model that answered."""
    errors: tuple[str, ...] = ()
    """Why it, or part of it, could not be reviewed: a sentence each."""
    usage: tuple[Usage, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    dismissed: int = 0
    folded: int = 0
    """How many findings are less sure than asked for."""
    notes: tuple[str, ...] = ()
    """What else a person should know of the review, a sentence each."""
    local: Said | None = None
    """All that the local engine said, for who wants to keep it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Findings as a person sees them, and how many were left out."""

    findings: tuple[Finding, ...]
    dismissed: int
    folded: int


async def review(
    request: ReviewRequest,
    engine: Engine,
    checker: Checker,
    catalogue: Catalogue,
    relative_path: str = "",
) -> AsyncGenerator[Outcome, None]:
    """Yields what `engine` finds, as soon as each finding is known to be true of the document.

    A finding with the id of an earlier one replaces it: a fix comes first as
    Checking, then as Fix or Withheld. When no proposal of an answer could be
    placed, the engine is asked once more, with the reasons. Raises EngineError;
    what was yielded before it stays true. Closing or cancelling stops the engine.
    """
    lines = Lines(request.document.text)
    rejections: list[Rejection] = []
    placed = False
    places: dict[str, list[Span]] = {}
    failure: EngineError | None = None
    unchecked: list[tuple[Anchored, Candidate]] = []
    checking: asyncio.Task[list[Finding]] | None = None

    async def check(batch: Sequence[tuple[Anchored, Candidate]]) -> list[Finding]:
        fixes = [fix for _, fix in batch]
        reports = await checker.check(request.document, fixes, request.settings)
        return [
            conclude(anchored, report) for (anchored, _), report in zip(batch, reports, strict=True)
        ]

    if len(request.document.text) > LARGE:
        # Findings are known by it, and of 1 MB it takes 20 ms.
        await asyncio.to_thread(getattr, lines, "normalised")
    async with aclosing(engine.review(request)) as answers:
        coming: asyncio.Task[Answer | None] | None = asyncio.create_task(_next(answers))
        try:
            while coming or checking or unchecked:
                # An engine that has more to say at once is heard out first, so that its fixes are
                # checked as one batch.
                await asyncio.sleep(0)
                if unchecked and not checking and not (coming and coming.done()):
                    checking = asyncio.create_task(check(tuple(unchecked)))
                    unchecked.clear()
                await asyncio.wait(
                    [task for task in (coming, checking) if task],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if checking and checking.done():
                    finished, checking = checking, None
                    for finding in finished.result():
                        # A large batch must not keep the event loop to itself.
                        await asyncio.sleep(0)
                        if configured := _configured(finding, request.settings):
                            yield configured
                if not coming or not coming.done():
                    continue
                try:
                    answer = coming.result()
                except EngineError as error:
                    answer, failure = None, error
                coming = asyncio.create_task(_next(answers)) if answer else None
                match answer:
                    case Verdict() | Usage() | Note() | Pending():
                        yield answer
                    case Proposal():
                        anchored = anchor(
                            answer,
                            request.document,
                            lines,
                            request.span,
                            catalogue.rules,
                            relative_path,
                        )
                        if isinstance(anchored, Rejection):
                            rejections.append(anchored)
                            yield anchored
                            continue
                        placed = True
                        anchored = _told_apart(anchored, places)
                        if fix := candidate(anchored):
                            unchecked.append((anchored, fix))
                        if configured := _configured(conclude(anchored, None), request.settings):
                            yield configured
        finally:
            await _stop(coming, checking)

    if failure:
        raise failure
    if rejections and not placed and not request.rejections:
        again = replace(request, rejections=tuple(rejections))
        async with aclosing(review(again, engine, checker, catalogue, relative_path)) as outcomes:
            async for outcome in outcomes:
                yield outcome


@dataclass(frozen=True, slots=True)
class Said:
    """What one engine said of one file, before anything is left out of it."""

    findings: tuple[Finding, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    usage: tuple[Usage, ...] = ()
    errors: tuple[str, ...] = ()
    """Of an engine that could not go on, a sentence; the rest is from before."""
    notes: tuple[str, ...] = ()
    """What else a person should know, a sentence each."""

    def with_second_look(self, said: Said) -> Said:
        """With the verdicts of a second look, which finds nothing of its own."""
        return replace(
            self,
            verdicts=self.verdicts + said.verdicts,
            usage=self.usage + said.usage,
            errors=self.errors + said.errors,
            notes=self.notes + said.notes,
        )


async def hear(
    request: ReviewRequest, engine: Engine, reviewers: Reviewers, relative_path: str
) -> Said:
    """All that an engine says of a file, its fixes checked."""
    found: dict[str, Finding] = {}
    others: list[Outcome] = []
    errors: tuple[str, ...] = ()
    outcomes = review(request, engine, reviewers.checker, reviewers.catalogue, relative_path)
    try:
        async with aclosing(outcomes):
            async for outcome in outcomes:
                if isinstance(outcome, Finding):
                    found[outcome.id] = outcome
                else:
                    others.append(outcome)
    except EngineError as error:
        errors = (str(error),)
    return Said(
        tuple(found.values()),
        tuple(one for one in others if isinstance(one, Verdict)),
        tuple(one for one in others if isinstance(one, Rejection)),
        tuple(one for one in others if isinstance(one, Usage)),
        errors,
        tuple(one.sentence for one in others if isinstance(one, Note)),
    )


async def review_file(
    request: ReviewRequest,
    reviewers: Reviewers,
    *,
    path: str,
    relative_path: str,
    use_agent: bool,
    dismissals: Dismissals,
    minimum_confidence: Confidence,
) -> FileReview:
    """Reviews one file with the local engine and, where wanted, the agent; merges what both say.

    An engine's error is a sentence in `errors`, beside what was found before it.
    """
    local = await hear(request, reviewers.local, reviewers, relative_path)
    agent: Said | None = None
    if use_agent:
        asked = replace(request, evidence=local.findings)
        agent = await hear(asked, reviewers.agent, reviewers, relative_path)
        if not agent.errors and (again := second_look(request, agent.findings)):
            agent = agent.with_second_look(
                await hear(again, reviewers.agent, reviewers, relative_path)
            )
    return put_together(
        request.document,
        local,
        agent,
        path=path,
        relative_path=relative_path,
        dismissals=dismissals,
        minimum_confidence=minimum_confidence,
    )


def put_together(
    document: Document,
    local: Said,
    agent: Said | None = None,
    *,
    path: str,
    relative_path: str,
    dismissals: Dismissals,
    minimum_confidence: Confidence,
) -> FileReview:
    """What the engines said of a document, merged, and what a person does not want left out."""
    known = {finding.id: finding for finding in local.findings}
    theirs = {finding.id: finding for finding in agent.findings} if agent else {}
    engine = "local"
    said = [local]
    if agent is not None:
        said.append(agent)
        for verdict in agent.verdicts:
            for found in (known, theirs):
                if verdict.finding_id in found:
                    found[verdict.finding_id] = apply_verdict(found[verdict.finding_id], verdict)
        engine = "local + agent"
        models = sorted({one.model for one in agent.usage})
        if models:
            engine = f"{engine} ({', '.join(models)})"
    shown = select(
        [*known.values(), *theirs.values()],
        Lines(document.text),
        dismissals,
        relative_path,
        minimum_confidence,
    )
    return FileReview(
        path=path,
        document=document,
        findings=shown.findings,
        engine=engine,
        errors=tuple(error for one in said for error in one.errors),
        usage=tuple(usage for one in said for usage in one.usage),
        rejections=tuple(rejection for one in said for rejection in one.rejections),
        dismissed=shown.dismissed,
        folded=shown.folded,
        notes=tuple(dict.fromkeys(note for one in said for note in one.notes)),
        local=local,
    )


def second_look(request: ReviewRequest, found: Iterable[Finding]) -> ReviewRequest | None:
    """The request that tries to refute what the agent found; None when nothing wants it."""
    match request.settings.second_look:
        case "off":
            return None
        case "warnings":
            worth = [one for one in found if one.severity in ("error", "warning")]
        case "all":
            worth = list(found)
    if not worth:
        return None
    return replace(request, evidence=tuple(worth), second_look=True, rejections=(), parts=())


def select(
    findings: Iterable[Finding],
    lines: Lines,
    dismissals: Dismissals,
    relative_path: str,
    minimum_confidence: Confidence,
) -> Shown:
    """Merges findings and leaves out what was dismissed, in a file or a comment, or is unsure.

    `lines` are those of the text that the findings are true of.
    """
    kept: list[Finding] = []
    dismissed = folded = 0
    has_comments = may_ignore(lines.text)
    sure = CONFIDENCES[: CONFIDENCES.index(minimum_confidence) + 1]
    for finding in merge(findings):
        if (dismissals.entries and dismissals.covers(finding, relative_path)) or (
            has_comments and ignored(lines, finding) is not None
        ):
            dismissed += 1
        elif finding.confidence not in sure:
            folded += 1
        else:
            kept.append(finding)
    return Shown(tuple(kept), dismissed, folded)


def _configured(finding: Finding, settings: Settings) -> Finding | None:
    """The finding with the severity that the settings give its rule; None when it is off."""
    level = rule_level(settings, finding.rule)
    if level == "off":
        return None
    return replace(finding, severity=level) if level else finding


def _told_apart(anchored: Anchored, places: dict[str, list[Span]]) -> Anchored:
    """With an id of its own, where its rule has found something else on the same lines."""
    finding = anchored.finding
    return replace(
        anchored, finding=replace(finding, id=numbered(finding.id, finding.span, places))
    )


async def _next(answers: AsyncGenerator[Answer, None]) -> Answer | None:
    return await anext(answers, None)


async def _stop(*tasks: asyncio.Task[object] | None) -> None:
    """Cancels what still runs and waits until it has ended, so that nothing outlives a review."""
    running = [task for task in tasks if task and not task.done()]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
