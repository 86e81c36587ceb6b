"""Reviews as they happen: start, supersede, cancel, progress. One task per document and kind.

A passive run, of the local engine, follows each change of the text. An explicit
one is asked for by a command: the local engine first, whose findings are the
evidence for the agent, then the agent, where one is configured.

An error of an engine becomes a sentence for the person and a traceback in the
log, in one place below; it never costs a finding.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine, Iterable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.model import (
    FOCUSES,
    AgentDefinition,
    Document,
    Finding,
    Fix,
    Rejection,
    Severity,
    Span,
    TaskDefinition,
    Usage,
    Verdict,
)
from .core.text import size_in_bytes
from .engines.base import Engine, EngineError, ReviewRequest
from .failures import where_raised
from .garbage import staying
from .lsp import to_lsp
from .selection import enclosing_function
from .session import LOCAL, OpenDocument, Run, Session
from .settings import Settings

if TYPE_CHECKING:
    from .context import Context
    from .review import Reviewers

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 2.0
"""How long a client may take to open a progress report; after that there is none."""
OTHERS_SECONDS = 0.5
"""How long the other documents wait when one has changed what the project says."""
CANCELLED = "Cancelled; what was found stays."
BROKEN = (
    "The review stopped because of an error in backend-developer; what was found stays, "
    "and the server's log has the details."
)

EVERYTHING = TaskDefinition("everything", "Review everything", "review", FOCUSES, "", "")
"""What the passive run does: the local engine reads no instruction."""
NOBODY = AgentDefinition("", "", "", "", "built-in")
"""The agent of a run without one."""


# --- While typing


def review_while_typing(session: Session, opened: OpenDocument) -> None:
    """Has the local engine look at the document's latest text, soon.

    One run of a document goes on at a time. One that is overtaken ends now, as its text is no
    more, and is followed by the next. Of one that is out of step there is nothing to look at.
    """
    if opened.is_out_of_step:
        return
    going_on = [run for run in session.runs.values() if run.open is opened and _is_passive(run)]
    if not going_on:
        run = session.new_run(opened, LOCAL, EVERYTHING.title)
        start(session, run, _review_passively(session, run))
    for run in going_on:
        run.overtaken = True
        session.cancel(run)


def review_again(session: Session, folder: Path | None) -> None:
    """Has the open documents of a folder looked at again: the project says something else.

    The one that says it too, since its own review went by what it said before. Not at once, as a
    project changes with each key of a route's path. None: those of no folder.
    """
    if folder is None or session.is_closing:
        return
    session.news.add(folder)

    def review() -> None:
        if any(map(_is_passive, session.runs.values())):
            # They may bring more news: of a thousand documents that are opened at once, each would
            # be looked at again for each.
            session.reviewing_others = loop.call_later(OTHERS_SECONDS, review)
            return
        session.reviewing_others = None
        news, session.news = session.news, set()
        for opened in list(session.documents.values()):
            if session.folder_of(opened.document.path) in news:
                review_while_typing(session, opened)

    loop = asyncio.get_running_loop()
    if session.reviewing_others is None:
        session.reviewing_others = loop.call_later(OTHERS_SECONDS, review)


async def _review_passively(session: Session, run: Run) -> None:
    opened, document = run.open, run.document
    try:
        context = await session.context_of(opened)
        settings = context.settings
        if not settings.review_while_typing:
            return
        if too_large := _why_too_large(document, settings):
            session.tell_once(f"{document.path or document.uri}: {too_large}", "warning")
            return
        _log_missing_linters(session, document)
        reviewers = await session.ready()
        whole = Span(0, len(document.text))
        request = ReviewRequest(document, whole, EVERYTHING, NOBODY, settings)
        session.expect(run, LOCAL, whole, FOCUSES)
        if not run.overtaken:
            await _listen(session, run, request, reviewers.local, reviewers, context)
            if not run.overtaken:
                session.finish(run, LOCAL)
                await _learn(session, run, reviewers)
    except Exception as error:
        # The same with each key that is typed would be told again and again.
        report(session, error, "warning", tell=session.tell_once)


async def _learn(session: Session, run: Run, reviewers: Reviewers) -> None:
    """Reads what the document says of its project; last, since no finding in it waits for that."""
    if reviewers.indexer is None:
        return
    facts = await reviewers.indexer.learn(run.document)
    if facts is not None and session.learn(run, facts):
        review_again(session, session.folder_of(facts.path))


def _log_missing_linters(session: Session, document: Document) -> None:
    from .linters import missing_linters  # Here: a server starts without it.

    for linter in missing_linters({document.language}):
        session.log_once(
            f"{linter.program} is not installed, so less is found in {linter.finds_in}; "
            "run `pip install 'backend-developer[linters]'`."
        )


def _is_passive(run: Run) -> bool:
    return run.kind == LOCAL


# --- On demand


def asked_for(session: Session) -> list[Run]:
    """The reviews that go on because a person asked for them."""
    return [run for run in session.runs.values() if not _is_passive(run)]


def start_review(
    session: Session,
    opened: OpenDocument,
    task_name: str,
    span: Span,
    token: int | str | None,
    *,
    only_kept: bool = False,
) -> Run:
    """Starts a review of `span` of the document and returns at once.

    An empty or one-character span means the function around it. A run of the
    same task on the same document is cancelled. `token` is the client's own
    progress report, None when it opened none. With `only_kept` the agent is asked nothing: what
    it has answered before is shown.
    """
    run = new_run_of_task(session, opened, task_name, token)
    run.only_kept = only_kept
    start(session, run, _review_on_demand(session, run, span))
    return run


def new_run_of_task(
    session: Session, opened: OpenDocument, task_name: str, token: int | str | None
) -> Run:
    """A run of a task, in place of one of the same task on the same document."""
    for other in list(session.runs.values()):
        if other.open is opened and other.kind == task_name:
            session.cancel(other)
    run = session.new_run(opened, task_name, title_of(opened.context, task_name))
    run.token = token
    return run


async def _review_on_demand(session: Session, run: Run, span: Span) -> None:
    summary = CANCELLED
    has_progress = False
    try:
        context = await session.context_of(run.open, fresh=True)
        reviewers = await session.ready()
        run.title = title_of(context, run.kind)
        has_progress = await begin(session, run, context.engine)
        request = await request_of(run, context, span)
        usage = await _review_with_both(session, run, request, reviewers, context)
        line = await reviewers.checker.syntax_error_line(run.document)
        summary = _summary(session, run, context, usage, line)
        if not has_progress or not any(run.found.values()):
            # A progress report that ends leaves no trace, and nothing else shows up either.
            session.tell(f"{run.title}: {summary}.", "information")
    except Exception as error:
        summary = report(session, error, "error")
    finally:
        if has_progress and run.token is not None:
            session.connection.notify("$/progress", to_lsp.end(run.token, summary))
        if not session.is_closing:
            session.keep(session.look_back())


async def request_of(run: Run, context: Context, span: Span) -> ReviewRequest:
    """The request of a run that a person asked for; an empty span means the function around it.

    Raises EngineError when that cannot be done as asked.
    """
    document, settings = run.document, context.settings
    if too_large := _why_too_large(document, settings):
        raise EngineError(too_large)
    tasks = (*context.tasks, *context.changes)
    task = next((task for task in tasks if task.name == run.kind), None)
    if task is None:
        raise EngineError(no_such_task(run.kind, tasks))
    if context.model and context.agent is None:
        raise EngineError(context.no_agent)
    if span.end - span.start <= 1:
        span = await asyncio.to_thread(enclosing_function, document, span)
    return ReviewRequest(
        document=document,
        span=span,
        task=task,
        agent=context.agent or NOBODY,
        settings=settings,
        conventions=context.conventions,
        denials=context.denials,
        only_kept=run.only_kept,
        dismissed=context.dismissals.about(context.relative_path),
        root=str(context.root or ""),
        # Another server's runs have the same numbers, and share the ledger.
        review_id=f"{run.id} {uuid.uuid4().hex}",
    )


async def _review_with_both(
    session: Session,
    run: Run,
    request: ReviewRequest,
    reviewers: Reviewers,
    context: Context,
) -> list[Usage]:
    """Runs the local engine and, where one is configured, the agent; returns what it used."""
    # Here: a server starts without them.
    from .engines.client import load_sdk
    from .review import second_look

    gathering: asyncio.Task[ReviewRequest] | None = None
    if context.model:
        # Beside the local engine, which works in another process.
        session.keep(asyncio.to_thread(load_sdk))
        project = session.project_of(request.document.path)
        gathering = asyncio.create_task(
            asyncio.to_thread(_surrounded, request, context.root, session.texts(), project)
        )
        # Nobody may be there any more to hear of a failure.
        gathering.add_done_callback(lambda task: task.cancelled() or task.exception())
    focuses = request.task.focuses
    session.expect(run, LOCAL, request.span, focuses)
    try:
        evidence, _ = await _listen(session, run, request, reviewers.local, reviewers, context)
        session.finish(run, LOCAL)
    except EngineError as error:
        # A linter that is missing is no reason not to ask the agent.
        evidence = []
        report(session, error, "warning")
    if gathering is None:
        return []
    producer = f"agent:{request.task.name}"
    session.expect(run, producer, request.span, focuses)
    asked = replace(await gathering, evidence=tuple(evidence))
    found, usage = await _listen(session, run, asked, reviewers.agent, reviewers, context)
    session.finish(run, producer)
    if again := second_look(request, found):
        try:
            _, more = await _listen(session, run, again, reviewers.agent, reviewers, context)
            usage += more
        except EngineError as error:
            # What was found stands, as it would without a second look.
            report(session, error, "warning")
    return usage


def _surrounded(*arguments: Any) -> ReviewRequest:
    with staying():
        # Here, in a thread: this imports all that reads code.
        from .surroundings import surrounded

    return surrounded(*arguments)


async def _listen(
    session: Session,
    run: Run,
    request: ReviewRequest,
    engine: Engine,
    reviewers: Reviewers,
    context: Context,
) -> tuple[list[Finding], list[Usage]]:
    """Stores what `engine` says, as it comes, and returns it.

    Ends early when a passive run is overtaken. Raises EngineError.
    """
    # Here: a server starts without them.
    from .engines.base import Note
    from .review import review

    producer = LOCAL if engine is reviewers.local else f"agent:{request.task.name}"
    found: dict[str, Finding] = {}
    usage: list[Usage] = []
    outcomes = review(
        request, engine, reviewers.checker, reviewers.catalogue, context.relative_path
    )
    async with aclosing(outcomes):
        async for outcome in outcomes:
            if run.overtaken:
                break
            match outcome:
                case Finding():
                    is_new = outcome.id not in found
                    found[outcome.id] = outcome
                    session.accept(run, producer, outcome)
                    if is_new and not _is_passive(run):
                        run.open.revealed.add(outcome.id)
                        _show_progress(session, run)
                case Verdict():
                    session.accept_verdict(run, outcome)
                case Usage():
                    usage.append(outcome)
                case Note(sentence=sentence):
                    run.notes.append(sentence)
                case Rejection(reason=reason):
                    logger.info("A proposal was rejected.")
                    logger.debug("%s", reason)
    return list(found.values()), usage


# --- What the person sees of it


def no_such_task(name: str, tasks: Iterable[TaskDefinition]) -> str:
    """The sentence for a task that is not among these."""
    names = ", ".join(task.name for task in tasks)
    return f'There is no task "{name}"; there are: {names}.'


async def begin(session: Session, run: Run, engine: str, text: str = "no findings yet") -> bool:
    """Opens the progress report; whether the client shows one."""
    if run.token is None:
        if not session.profile.progress:
            return False
        if not await session.connection.ask(
            "window/workDoneProgress/create", to_lsp.create_progress(run.id), PROGRESS_SECONDS
        ):
            return False
        run.token = run.id
    begun = to_lsp.begin(run.token, f"{run.title} ({engine})", text)
    session.connection.notify("$/progress", begun)
    return True


def _show_progress(session: Session, run: Run) -> None:
    if run.token is not None:
        text = _counted(len(set().union(*run.found.values())))
        session.connection.notify("$/progress", to_lsp.report(run.token, text))


def _summary(
    session: Session, run: Run, context: Context, usage: list[Usage], syntax_error_line: int
) -> str:
    """`3 findings, 2 with a checked fix; engine: local`, what it used, and why it may be few."""
    from .prices import used  # Here: a server starts without it.

    ids = set().union(*run.found.values())
    findings = [finding for finding in session.shown(run.open) if finding.id in ids]
    fixes = sum(isinstance(finding.fix, Fix) for finding in findings)
    models = ", ".join(sorted({one.model for one in usage})) or context.model
    engine = f"local + agent ({models})" if context.model else "local"
    cost = f"; {used(usage, context.settings)}" if usage else ""
    with_fix = f", {fixes} with a checked fix" if findings else ""
    broken = (
        f"; line {syntax_error_line} has a syntax error, so the file was reviewed as far as it "
        "can be read"
        if syntax_error_line
        else ""
    )
    said = "".join(f"; {note}" for note in run.notes)
    return f"{_counted(len(findings))}{with_fix}; engine: {engine}{cost}{broken}{said}"


def _counted(count: int) -> str:
    return f"{count or 'no'} finding{'' if count == 1 else 's'}"


def report(
    session: Session,
    error: Exception,
    severity: Severity,
    broken: str = BROKEN,
    tell: Callable[[str, Severity], None] | None = None,
) -> str:
    """Shows the person what went wrong, in a sentence, which is returned; logs the rest."""
    expected = isinstance(error, EngineError)
    sentence = str(error) if expected else broken
    logger.error("A run failed: %s", where_raised(error))
    logger.debug("%s", error)
    (tell or session.tell)(sentence, severity if expected else "error")
    return sentence


def title_of(context: Context | None, task_name: str) -> str:
    tasks = (*context.tasks, *context.changes) if context else ()
    return next((task.title for task in tasks if task.name == task_name), task_name)


def _why_too_large(document: Document, settings: Settings) -> str:
    """A sentence; "" when the document is not larger than the settings allow."""
    # A character takes one byte at least, so that most texts need not be encoded for this.
    limit = settings.maximum_file_bytes
    if len(document.text) * 4 <= limit or size_in_bytes(document.text) <= limit:
        return ""
    return (
        f"The file is larger than {limit:,} bytes, so it is left alone: "
        "raise the setting maximumFileBytes."
    )


def start(session: Session, run: Run, work: Coroutine[Any, Any, None]) -> None:
    # What follows a run hangs on its task, not on a `finally` in it: a task that is
    # cancelled before its first step never gets into its coroutine.
    def ended(task: asyncio.Task[None]) -> None:
        del session.runs[run.id]
        # A task that was cancelled holds its frames, and they the run and all that it found: a
        # circle that would wait for the garbage collector, and make it take long.
        run.task = None
        if run.overtaken and session.is_open(run.open) and not session.is_closing:
            review_while_typing(session, run.open)

    run.task = asyncio.create_task(work)
    run.task.add_done_callback(ended)
