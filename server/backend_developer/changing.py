"""Tasks that change something, as they happen in an editor: asked for, gone on with, narrowed.

    task or wish -> request -> propose() -> Offer, shown where it was asked for
    a part       -> the checks alone     -> Offer of the part

Nothing here reaches a buffer: an offer is taken by a code action's edit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .core.changes import ChangeSet, Dependency, ManualStep, NewFile, Paragraph, narrowed
from .core.model import SearchReplace, Span, Usage
from .engines.base import EngineError, Note, ReviewRequest, Thread, ThreadAnswer
from .garbage import staying
from .live_offers import text_on_disk
from .lsp import offered, to_lsp
from .offer_actions import said_of
from .offers import Offer, offer_of, with_part
from .runs import begin, new_run_of_task, report, request_of, start, title_of
from .session import OpenDocument, Run, Session

if TYPE_CHECKING:
    from .change import Proposed, Refused, Workshop
    from .context import Context
    from .review import Reviewers

CANCELLED = "Cancelled; nothing was changed."
BROKEN = (
    "The task stopped because of an error in backend-developer; nothing was changed, and the "
    "server's log has the details."
)
NO_MODEL = (
    "This needs a model: set ANTHROPIC_API_KEY, a base URL or another provider, and ask again."
)
TYPED_MEANWHILE = "The file was edited while the agent wrote: ask again, for it as it is now."
COMMENTS = "Do what the comments in the selected code ask for."
"""The wish of who was not asked for one, as an editor may have no way to."""
FOLLOWING_UP = "follow-up"
"""The kind of a run that goes on with an offer."""


def start_change(
    session: Session,
    opened: OpenDocument,
    task_name: str,
    span: Span,
    token: int | str | None,
    *,
    instruction: str = "",
    finding_id: str = "",
) -> Run:
    """Starts a task on `span` of the document and returns at once; its end is an offer.

    A run of the same task on the same document is cancelled. `instruction` is what the person
    wrote beside, `finding_id` the finding that is to be repaired; "" for neither.
    """
    run = new_run_of_task(session, opened, task_name, token)
    start(session, run, _change(session, run, span, instruction, finding_id))
    return run


def start_follow_up(
    session: Session,
    opened: OpenDocument,
    offer: Offer,
    token: int | str | None,
    *,
    wish: str = "",
    model: str = "",
) -> Run:
    """Goes on with an offer's conversation, and ends in an offer in its place.

    With `model`, an alias or an id, that one is asked; without a `wish` for the same again.
    """
    run = session.new_run(opened, FOLLOWING_UP, offer.title)
    run.token = token
    start(session, run, _follow_up(session, run, offer, wish, model))
    return run


def start_narrowing(
    session: Session,
    opened: OpenDocument,
    offer: Offer,
    paths: Collection[str] | None,
    hunks: Mapping[str, Collection[int]] | None,
) -> Run:
    """Checks a part of an offer, which ends in an offer of that part in its place."""
    run = session.new_run(opened, FOLLOWING_UP, offer.title)
    start(session, run, _narrow(session, run, offer, paths, hunks))
    return run


# --- Each from its start to its end


async def _change(
    session: Session, run: Run, span: Span, instruction: str, finding_id: str
) -> None:
    async def work() -> Offer:
        context = await session.context_of(run.open, fresh=True)
        if not context.model:
            raise EngineError(NO_MODEL)
        reviewers = await session.ready()
        run.title = title_of(context, run.kind)
        request = await request_of(run, context, span)
        if request.task.asks and not instruction.strip():
            request = replace(request, instruction=COMMENTS)
        else:
            request = replace(request, instruction=instruction.strip())
        found = [
            finding
            for finding in session.shown(run.open)
            if (finding.id == finding_id if finding_id else request.span.contains(finding.span))
        ]
        if finding_id and not found:
            raise EngineError("The finding is not there any more.")
        request = replace(request, evidence=() if run.typed else tuple(found))
        asked = await _with_project(session, request, context)
        await _begin(session, run, context.engine)
        return await _hear(session, run, asked, context, reviewers)

    await _until_offered(session, run, work, instead_of=None)


async def _follow_up(session: Session, run: Run, offer: Offer, wish: str, model: str) -> None:
    async def work() -> Offer:
        context = await session.context_of(run.open, fresh=True)
        reviewers = await session.ready()
        settings = replace(context.settings, model=model) if model else context.settings
        request = replace(
            offer.request,
            document=run.document,
            span=session.offers.latest(offer).span,
            settings=settings,
            thread=offer.thread,
            follow_up=wish or "Answer again: do the task anew, better than the last time.",
            changed_files=await _changed_files(session, offer),
        )
        await _begin(session, run, f"agent: {model}" if model else context.engine)
        return await _hear(session, run, request, context, reviewers)

    await _until_offered(session, run, work, instead_of=offer)


async def _narrow(
    session: Session,
    run: Run,
    offer: Offer,
    paths: Collection[str] | None,
    hunks: Mapping[str, Collection[int]] | None,
) -> None:
    async def work() -> Offer:
        from .change import Proposed, check  # Here: a server starts without it.

        reviewers = await session.ready()
        latest = replace(offer.change, files=tuple(file.change for file in offer.waiting))
        part = narrowed(latest, paths, hunks)
        if not part.files:
            raise EngineError("Nothing of that proposal is left there to take.")
        request = offer.request
        result = await check(part, request, _workshop(session, request, reviewers))
        if not isinstance(result, Proposed):
            raise EngineError(f"That part does not work by itself: {result.reasons[0]}")
        known = session.offers.get(offer.id)
        if known is None:
            raise EngineError("That proposal was discarded, so no part of it is offered.")
        chosen = {file.path: _indices(latest, file.path, part) for file in part.files}
        session.offers.replace(with_part(known, chosen))
        made = offer_of(
            session.new_id("proposal"),
            result,
            request,
            model=offer.model,
            run_id=run.id,
            thread=offer.thread,
        )
        return replace(made, allowed=offer.allowed, whole=offer.id)

    await _until_offered(session, run, work, instead_of=None)


def _indices(change: ChangeSet, path: str, part: ChangeSet) -> frozenset[int]:
    """Which of a file's edits are in the part."""
    whole, chosen = change.file(path), part.file(path)
    assert whole is not None
    assert chosen is not None
    return frozenset(index for index, edit in enumerate(whole.edits) if edit in chosen.edits)


# --- What they share


async def _until_offered(
    session: Session,
    run: Run,
    work: Callable[[], Awaitable[Offer]],
    instead_of: Offer | None,
) -> None:
    summary = CANCELLED
    try:
        await asyncio.to_thread(_import_the_rest)
        offer = await work()
        await session.offers.put_up(offer, instead_of)
        summary = "; ".join([_summary(offer), *run.notes])
        if session.profile.shows_proposals:
            replaced = instead_of.id if instead_of else ""
            latest = session.offers.latest(offer)
            notice = offered.notice(latest, session.profile, replaced)
            session.connection.notify("backend-developer/proposal", notice)
        else:
            session.tell(f"{offer.title}: {summary}", "warning" if offer.reasons else "information")
    except Exception as error:
        summary = report(session, error, "error", BROKEN)
    finally:
        if run.has_progress and run.token is not None:
            session.connection.notify("$/progress", to_lsp.end(run.token, summary))
        if not session.is_closing:
            session.keep(session.look_back())


def _import_the_rest() -> None:
    """Imports what makes a change and checks it; in a thread, as it is much."""
    with staying():
        from . import change, workshop  # noqa: F401


async def _begin(session: Session, run: Run, engine: str) -> None:
    run.has_progress = await begin(session, run, engine, "the agent reads")


async def _hear(
    session: Session, run: Run, request: ReviewRequest, context: Context, reviewers: Reviewers
) -> Offer:
    """Listens to the agent until its answer is checked."""
    from .change import Proposed, Refused, propose  # Here: a server starts without it.
    from .prices import used  # Here: a server starts without it.

    workshop = _workshop(session, request, reviewers)
    thread: Thread | None = None
    model = context.model
    usage: list[Usage] = []
    outcomes = propose(request, reviewers.agent, workshop, request.relative_path)
    async with aclosing(outcomes):
        async for outcome in outcomes:
            match outcome:
                case Usage():
                    model = outcome.model
                    usage.append(outcome)
                case ThreadAnswer():
                    thread = outcome.thread
                    _say(session, run, "its answer is checked")
                case Note(sentence=sentence):
                    _say(session, run, sentence)
                case SearchReplace(file=file):
                    _say(session, run, f"it changes {file or request.relative_path}")
                case NewFile(path=path):
                    _say(session, run, f"it writes {path}")
                case Paragraph() | Dependency() | ManualStep():
                    pass
                case Proposed() | Refused():
                    run.notes.append(used(usage, request.settings))
                    told = _with_typing(outcome, run)
                    return offer_of(
                        session.new_id("proposal"),
                        told,
                        request,
                        model=model,
                        run_id=run.id,
                        thread=thread,
                    )
    raise AssertionError  # propose() always ends in one of the two.


def _with_typing(result: Proposed | Refused, run: Run) -> Proposed | Refused:
    """The result; a refusal says first what may be the reason of the others."""
    from .change import Refused  # Here: a server starts without it.

    if run.typed and isinstance(result, Refused):
        return replace(result, reasons=(TYPED_MEANWHILE, *result.reasons))
    return result


async def _with_project(
    session: Session, request: ReviewRequest, context: Context
) -> ReviewRequest:
    """The request with what its agent should know of the project."""
    from .workshop import informed  # Here: a server starts without it.

    return await asyncio.to_thread(
        informed,
        request,
        context.root,
        session.texts(),
        session.project_of(request.document.path),
    )


def _workshop(session: Session, request: ReviewRequest, reviewers: Reviewers) -> Workshop:
    from .workshop import make_workshop  # Here: a server starts without it.

    return make_workshop(
        request,
        reviewers.checker,
        session.environment,
        session.project_of(request.document.path),
        opened=session.document_at,
        buffers=session.texts,
    )


async def _changed_files(session: Session, offer: Offer) -> tuple[tuple[str, str], ...]:
    """The files that are not any more what the conversation was about, with their texts: those
    that are open, and those on disk that the offer changes.
    """
    root, document = offer.request.root, offer.request.document
    shown = {document.path or document.uri: document}
    shown |= {file.document.path: file.document for file in offer.change.files}
    buffers = {
        one.document.path or one.document.uri: one.document.text
        for one in session.documents.values()
        if not one.is_out_of_step
    }
    changed = []
    for path, before in shown.items():
        text = buffers.get(path)
        if text is None:
            text = await asyncio.to_thread(text_on_disk, before)
        if text is not None and text != before.text:
            relative = Path(path).relative_to(root).as_posix() if root else path
            changed.append((relative, text))
    return tuple(changed)


def _say(session: Session, run: Run, text: str) -> None:
    if run.has_progress and run.token is not None:
        session.connection.notify("$/progress", to_lsp.report(run.token, text))


def _summary(offer: Offer) -> str:
    """What came of it, in a sentence that says where to go on."""
    where = f"line {offer.line}"
    if offer.reasons:
        return f"not offered, because of {offer.reasons[0]} See the marker at {where}"
    if not offer.files:
        return f"read the answer at {where}, where its marker is"
    return f"{said_of(offer.change)}; take it by the code actions at {where}"
