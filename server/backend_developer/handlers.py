"""What each message of the client does: one short function per method, called on the event loop.

The first line of each takes the document as it is at that moment. Nothing here
waits: long work is handed to `runs`, and answers come from memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from lsprotocol import types

from . import __version__, arrivals, indexing, runs
from .actions import (
    ALLOW_COMMAND,
    CHANGE_COMMAND,
    DISCARD_COMMAND,
    DISMISS_COMMAND,
    FIX_TASK,
    NARROW_COMMAND,
    QUICK_FIX,
    REFINE_COMMAND,
    REVIEW_COMMAND,
    Action,
    Scope,
    is_below,
    offered,
    offered_again,
)
from .core.model import Document, Span, TaskDefinition
from .core.text import Change, Lines
from .lsp import from_lsp, to_lsp
from .lsp import offered as offered_changes
from .models import MODELS
from .session import OpenDocument, Session
from .settings import EDITOR_SECTION
from .wire import EncodedList, InvalidParamsError, RefusedError, WithList, encoded_json

if TYPE_CHECKING:
    from .context import Context
    from .offers import Offer

CANCEL_COMMAND = "backend-developer.cancel"
AGENTS_COMMAND = "backend-developer.showAgents"
STATUS_COMMAND = "backend-developer.status"
REVOKE_COMMAND = "backend-developer.revokeConsent"
FINDINGS_COMMAND = "backend-developer.findings"
PROPOSALS_COMMAND = "backend-developer.proposals"

SYMBOLS = 100
"""At most so many symbols of the workspace are answered at once; a longer query finds others."""

Arguments: TypeAlias = Mapping[str, Any]


# --- The connection


def initialize(session: Session, params: types.InitializeParams) -> types.InitializeResult:
    session.profile = from_lsp.client_profile(params.capabilities)
    session.folders = from_lsp.folders(params)
    session.editor_settings = _section(params.initialization_options)
    return types.InitializeResult(
        to_lsp.capabilities(session.profile, tuple(COMMANDS)),
        types.ServerInfo("backend-developer", __version__),
    )


def initialized(session: Session, params: types.InitializedParams) -> None:
    # The engines are built now rather than before `initialize` is answered, or at the first review.
    session.keep(session.ready())
    session.keep(session.look_back())
    indexing.start(session, session.folders)
    session.keep(arrivals.watch(session))
    if registrations := to_lsp.registrations(session.profile, EDITOR_SECTION):
        session.keep(session.connection.ask("client/registerCapability", registrations))


def shutdown(session: Session, params: None) -> None:
    session.cancel_all()


# --- Documents


def did_open(session: Session, params: types.DidOpenTextDocumentParams) -> None:
    opened = session.open(from_lsp.document(params.text_document))
    runs.review_while_typing(session, opened)


def did_change(session: Session, params: types.DidChangeTextDocumentParams) -> None:
    opened = session.find(params.text_document.uri)
    if opened is None:
        session.tell_of_unopened(params.text_document.uri)
        return
    if opened.is_out_of_step and not any(map(from_lsp.is_whole_text, params.content_changes)):
        return
    changes: list[Change] = []
    lines = opened.lines
    for event in params.content_changes:
        change = from_lsp.change(lines, event, session.profile.encoding)
        changes.append(change)
        lines = lines.after(change)
    session.change(opened, changes, lines, params.text_document.version)
    runs.review_while_typing(session, opened)


def text_lost(session: Session, uri: str | None) -> None:
    """What the client said of a document's text was not understood; None: of any document's."""
    opened = session.find(uri) if uri is not None else None
    if opened:
        session.lose_step(opened)
    elif uri is not None:
        session.tell_of_unopened(uri)
    else:
        for each in list(session.documents.values()):
            session.lose_step(each)


def did_save(session: Session, params: types.DidSaveTextDocumentParams) -> None:
    # Not every client watches files for us: what was saved, or changed before, may matter.
    saved = session.find(params.text_document.uri)
    if saved is None or saved.document.path.endswith((".yml", ".yaml", ".md")):
        _reload(session)
    else:
        _reload_one(session, saved)


def did_close(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    opened = session.find(params.text_document.uri)
    if opened:
        session.close(params.text_document.uri)
        indexing.closed(session, opened.document)


# --- Asked at any moment: answered from memory


def code_action(session: Session, params: types.CodeActionParams) -> EncodedList:
    opened = session.find(params.text_document.uri)
    if opened is None or opened.is_out_of_step:
        return EncodedList([])
    document, lines, context = opened.document, opened.lines, opened.context
    selected = from_lsp.span(lines, params.range, session.profile.encoding)
    # The client's diagnostics are not looked at: some lose our data, some send those of the
    # whole line, some none. Our own findings at the range are always right.
    actions = offered(
        document,
        lines,
        session.shown(opened),
        selected,
        only=params.context.only,
        place={"uri": document.uri, "range": to_lsp.plain_range(params.range)},
        reviews=priced(session, opened, context.tasks_for(document)) if context else (),
        changes=priced(session, opened, context.changes_for(document, _looked_at(lines, selected)))
        if context
        else (),
        fixes_by=context.engine if context and _repairs(context) else "",
        can_dismiss=bool(context and context.root),
    )
    ours = map(session.connection.encode, _offer_actions(session, opened, selected, params))
    encoded = (_encoded(session, opened, action) for action in actions)
    return EncodedList([*ours, *(action for action in encoded if action)])


MANY_EDITS = 20
"""Of more, what is sent of them is kept: those that fix all of a rule come with each action."""


def _encoded(session: Session, opened: OpenDocument, action: Action) -> str:
    """The action as it is sent; "" when the client cannot show it."""
    profile = session.profile
    converted = to_lsp.code_action(action, opened.document.uri, profile)
    if converted is None:
        return ""
    text = encoded_json(converted)
    if not profile.action_literals:
        return text
    if action.findings:
        diagnostics = ",".join(session.encoded(opened, finding) for finding in action.findings)
        text = f'{text[:-1]},"diagnostics":[{diagnostics}]}}'
    if action.edits and not profile.edits_when_picked:
        text = f'{text[:-1]},"edit":{_encoded_edit(session, opened, action)}}}'
    return text


def _encoded_edit(session: Session, opened: OpenDocument, action: Action) -> str:
    document, asked_for = opened.document, (action.edits, action.confirm)
    kept = opened.long_edits.get(action.title)
    if kept is not None and kept[0] is document and kept[1] == asked_for:
        return kept[2]
    edit = to_lsp.workspace_edit(
        action.edits, document, opened.lines, session.profile, action.confirm
    )
    encoded = session.connection.encode(edit)
    if len(action.edits) > MANY_EDITS:
        opened.long_edits[action.title] = (document, asked_for, encoded)
    return encoded


def _offer_actions(
    session: Session, opened: OpenDocument, selected: Span, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command]:
    """What can be done with offered changes; first, since a person has waited for them."""
    only = params.context.only
    if not session.offers or not (only is None or any(is_below(QUICK_FIX, kind) for kind in only)):
        return []
    # Here: a server starts without them.
    from .offer_actions import offer_actions
    from .offers import path_of

    profile = session.profile
    paths = {offer.id: path_of(offer, opened.document) for offer in session.offers}
    here = {offer.id for offer in session.offers_in(opened)}
    actions = offer_actions(
        [one for one in session.offers if one.id in here or paths[one.id]],
        opened.lines,
        paths,
        selected,
        can_create=profile.creates_files,
        can_delete=profile.deletes_files,
        can_ask=profile.asks_for_text,
        can_show=profile.shows_proposals,
    )
    versions = _versions(session)
    converted = (
        offered_changes.code_action(action, versions, profile)
        for action in actions
        if not action.edit or session.offers.is_true_of_disk(action.offer)
    )
    return [action for action in converted if action]


CURSOR_LINES = 30
"""How many lines before and after a cursor say which tasks fit there."""


def _looked_at(lines: Lines, selected: Span) -> str:
    """The code that decides which tasks are offered."""
    if selected.end - selected.start > 1:
        return lines.text[selected.start : selected.end]
    line = lines.line_of(selected.start)
    first, last = max(line - CURSOR_LINES, 0), min(line + CURSOR_LINES, lines.count - 1)
    return lines.text[lines.start(first) : lines.end(last)]


def _repairs(context: Context) -> bool:
    """Whether there is somebody to ask for a fix."""
    return bool(context.model) and any(task.name == FIX_TASK for task in context.changes)


def priced(
    session: Session, opened: OpenDocument, tasks: Sequence[TaskDefinition]
) -> Iterator[tuple[TaskDefinition, str]]:
    """Tasks for a document, each with who does it and what that may cost.

    From lengths alone, in microseconds.
    """
    context, bytes_per_token = opened.context, session.bytes_per_token
    assert context is not None
    if not context.model or not context.agent:
        yield from ((task, context.engine) for task in tasks)
        return
    # Here: a server starts without them.
    from .engines.prompt import estimated_size
    from .prices import estimate

    for task in tasks:
        size = estimated_size(
            len(opened.lines.text), opened.lines.count, context.agent, task, context.conventions
        )
        known = bytes_per_token.get(context.model)
        said = estimate(size, context.model, context.settings, known, task.kind)
        yield task, f"{context.engine}, {said}"


def resolve_code_action(session: Session, params: types.CodeAction) -> types.CodeAction:
    """Gives an action its edit, for the text as it is now."""
    data = params.data
    if not isinstance(data, dict):
        return params
    if data.get("proposal") and data.get("edit"):
        return _resolve_offer(session, params, data)
    if params.command:
        return params
    opened = session.find(str(data.get("uri")))
    action = opened and offered_again(
        params.title,
        params.kind or "",
        str(data.get("about")),
        opened.document,
        opened.lines,
        session.shown(opened),
    )
    if not opened or not action:
        raise RefusedError(
            types.LSPErrorCodes.RequestFailed,
            "Nothing was applied, because the code was changed meanwhile: "
            "ask for its code actions again.",
        )
    params.edit = to_lsp.workspace_edit(
        action.edits, opened.document, opened.lines, session.profile, action.confirm
    )
    return params


def _resolve_offer(
    session: Session, params: types.CodeAction, data: Mapping[str, Any]
) -> types.CodeAction:
    offer = session.offers.get(str(data["proposal"]))
    is_undo = data.get("edit") == "undo"
    is_there = offer and (offer.can_be_undone if is_undo else offer.can_be_taken)
    if not offer or not is_there or not session.offers.is_true_of_disk(offer):
        raise RefusedError(
            types.LSPErrorCodes.RequestFailed,
            "Nothing was applied, because a file was changed meanwhile where the proposal changes "
            "it: ask for code actions again.",
        )
    edit = "undo" if is_undo else "take"
    params.edit = offered_changes.edit_of(offer, edit, _versions(session), session.profile)
    params.command = offered_changes.applied(offer, edit)
    return params


def _versions(session: Session) -> dict[str, tuple[Document, Lines]]:
    """The open documents, by absolute path or else URI."""
    return {
        one.document.path or one.document.uri: (one.document, one.lines)
        for one in session.documents.values()
    }


def hover(session: Session, params: types.HoverParams) -> types.Hover | None:
    opened = session.find(params.text_document.uri)
    if opened is None:
        return None
    lines, position = opened.lines, params.position
    offset = lines.offset(position.line, position.character, session.profile.encoding)
    here = [
        finding for finding in session.shown(opened) if finding.span.contains(Span(offset, offset))
    ]
    rules = session.reviewers.catalogue.rules if session.reviewers else {}
    known = [(finding, rules.get(finding.rule)) for finding in here]
    offers = [
        offered_changes.hover(offer, session.profile)
        for offer in session.offers_in(opened)
        if not offer.is_taken and lines.first_and_last(offer.span)[0] == position.line
    ]
    return to_lsp.hover(known, lines, session.profile, offers) if known or offers else None


def diagnostic(
    session: Session, params: types.DocumentDiagnosticParams
) -> WithList | types.DocumentDiagnosticReport:
    opened = session.find(params.text_document.uri)
    if opened is None:
        return to_lsp.report_full([], "")
    diagnostics, result_id = session.pull(opened)
    if params.previous_result_id == result_id:
        return to_lsp.report_unchanged(result_id)
    return to_lsp.report_full(diagnostics, result_id)


def code_lens(session: Session, params: types.CodeLensParams) -> list[types.CodeLens]:
    opened = session.find(params.text_document.uri)
    if opened is None:
        return []
    lenses = session.lenses(opened)
    opened.lenses = [lens.title for lens in lenses]
    return [
        to_lsp.code_lens(lens, opened.document, opened.lines, session.profile) for lens in lenses
    ]


def document_symbol(
    session: Session, params: types.DocumentSymbolParams
) -> list[types.DocumentSymbol] | list[types.SymbolInformation]:
    from .project.outline import symbols_of  # Here: a server starts without it.

    opened = session.find(params.text_document.uri)
    if opened is None or opened.is_out_of_step:
        return []
    path = opened.document.path or opened.document.uri
    symbols = symbols_of(session.project_of(path), path)
    if not session.profile.nested_symbols:
        return [to_lsp.symbol_information(symbol, opened.document.uri) for symbol in symbols]
    typed, lines = opened.typed_since, opened.lines
    return [to_lsp.document_symbol(one, lines, typed, session.profile) for one in symbols]


def workspace_symbol(
    session: Session, params: types.WorkspaceSymbolParams
) -> list[types.SymbolInformation]:
    from .project.outline import search  # Here: a server starts without it.

    found = [
        symbol
        for project in session.projects.values()
        for symbol in search(project, params.query, SYMBOLS)
    ]
    return [to_lsp.symbol_information(symbol) for symbol in found[:SYMBOLS]]


# --- Commands


def execute_command(session: Session, params: types.ExecuteCommandParams) -> Any:
    command = COMMANDS.get(params.command)
    if command is None:
        raise InvalidParamsError(f"There is no command {params.command}.")
    arguments = (params.arguments or [{}])[0]
    if not isinstance(arguments, dict):
        raise InvalidParamsError(f"{params.command} takes one object of named arguments.")
    return command(session, {**arguments, "token": params.work_done_token})


def review(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{uri, task, range?}: starts a review -> {started, runId} or {started: false, reason}."""
    opened = _document(session, REVIEW_COMMAND, arguments)
    if opened.is_out_of_step:
        return {"started": False, "reason": session.out_of_step(opened)}
    task, context = _text(REVIEW_COMMAND, arguments, "task"), opened.context
    span = _span(opened, session, arguments)
    if context and all(known.name != task for known in context.tasks):
        return {"started": False, "reason": runs.no_such_task(task, context.tasks)}
    run = runs.start_review(session, opened, task, span, arguments["token"])
    return {"started": True, "runId": run.id}


def change(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{uri, task, range?, instruction?, finding?}: starts a task that changes or explains.

    -> {started, runId} or {started: false, reason}
    """
    opened = _document(session, CHANGE_COMMAND, arguments)
    if opened.is_out_of_step:
        return {"started": False, "reason": session.out_of_step(opened)}
    task, context = _text(CHANGE_COMMAND, arguments, "task"), opened.context
    if context and all(known.name != task for known in context.changes):
        return {"started": False, "reason": runs.no_such_task(task, context.changes)}
    from . import changing  # Here: a server starts without it.

    run = changing.start_change(
        session,
        opened,
        task,
        _span(opened, session, arguments),
        arguments["token"],
        instruction=str(arguments.get("instruction") or ""),
        finding_id=str(arguments.get("finding") or ""),
    )
    return {"started": True, "runId": run.id}


def refine(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{id, wish?, model?}: has an offered change made otherwise -> as `change`."""
    offer, opened = _offer(session, REFINE_COMMAND, arguments)
    if isinstance(opened, dict):
        return opened
    if offer.thread is None:
        return {"started": False, "reason": "Its conversation is not kept: run the task again."}
    from . import changing  # Here: a server starts without it.

    run = changing.start_follow_up(
        session,
        opened,
        offer,
        arguments["token"],
        wish=str(arguments.get("wish") or arguments.get("instruction") or ""),
        model=str(arguments.get("model") or ""),
    )
    return {"started": True, "runId": run.id}


def narrow(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{id, files?, hunks?}: offers a part of a change: files, and of a file in `hunks` only the
    changes of those numbers, from 0 -> as `change`.
    """
    offer, opened = _offer(session, NARROW_COMMAND, arguments)
    if isinstance(opened, dict):
        return opened
    files, hunks = arguments.get("files"), arguments.get("hunks")
    if not (files is None or isinstance(files, list)) or not (
        hunks is None or isinstance(hunks, dict)
    ):
        raise InvalidParamsError(f"{NARROW_COMMAND}: `files` is a list and `hunks` an object.")
    from . import changing  # Here: a server starts without it.

    run = changing.start_narrowing(session, opened, offer, files, hunks)
    return {"started": True, "runId": run.id}


def allow_dependency(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{id, name}: says yes to a new dependency of an offered change -> {allowed}."""
    offer, _ = _offer(session, ALLOW_COMMAND, arguments)
    name = _text(ALLOW_COMMAND, arguments, "name")
    allowed = offer.allowed | {name}
    session.offers.replace(replace(offer, allowed=allowed))
    return {"allowed": sorted(allowed)}


def discard(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{id}: takes an offered change away -> {discarded}."""
    offer, _ = _offer(session, DISCARD_COMMAND, arguments)
    session.offers.discard(offer)
    return {"discarded": True}


def applied(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{id, edit}: the client has made the edit "take" or "undo" of an offered change -> {}.

    It belongs to the code action. Nothing is heard otherwise of a file that is not shown to us.
    """
    offer = session.offers.get(_text(offered_changes.APPLIED_COMMAND, arguments, "id"))
    edit = _text(offered_changes.APPLIED_COMMAND, arguments, "edit")
    if offer:
        session.offers.was_given(offer, "undo" if edit == "undo" else "take")
    return {}


def proposals(session: Session, arguments: Arguments) -> list[dict[str, Any]]:
    """{id?}: the offered changes, the newest first, in full."""
    wanted = arguments.get("id")
    return [
        offered_changes.as_json(offer, session.profile)
        for offer in reversed(session.offers)
        if wanted in (None, offer.id)
    ]


def cancel(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{runId?}: cancels that review, or every one that a person asked for -> {cancelled}."""
    run_id = arguments.get("runId")
    chosen = [run for run in runs.asked_for(session) if run_id in (None, run.id)]
    for run in chosen:
        session.cancel(run)
    return {"cancelled": [run.id for run in chosen]}


def dismiss(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{uri, id, scope, reason?}: dismisses a finding -> {dismissed} or {dismissed, reason}."""
    opened = _document(session, DISMISS_COMMAND, arguments)
    finding_id = _text(DISMISS_COMMAND, arguments, "id")
    scope = arguments.get("scope", "here")
    if scope not in get_args(Scope):
        raise InvalidParamsError(
            f"{DISMISS_COMMAND}: `scope` must be one of {', '.join(get_args(Scope))}."
        )
    reason = arguments.get("reason") or "false positive"
    finding = next((one for one in session.shown(opened) if one.id == finding_id), None)
    if finding is None:
        return {"dismissed": False, "reason": "The finding is not there any more."}
    if opened.context is None or opened.context.root is None:
        sentence = "The file lies in no workspace folder that could remember it."
        return {"dismissed": False, "reason": f"{sentence} Dismiss it with a comment instead."}
    session.dismiss(opened, finding, scope, str(reason))
    return {"dismissed": True}


def show_agents(session: Session, arguments: Arguments) -> list[dict[str, Any]]:
    """{uri?}: the agents that a document could be reviewed by, strongest first."""
    contexts = [opened.context for opened in session.documents.values() if opened.context]
    if "uri" in arguments:
        opened = _document(session, AGENTS_COMMAND, arguments)
        contexts = [opened.context] if opened.context else []
    return [
        {
            "name": listing.definition.name,
            "description": listing.definition.description,
            "path": listing.definition.path,
            "origin": listing.origin,
            "model": listing.definition.model,
            "wins": listing.wins,
        }
        for context in contexts[:1]
        for listing in context.agents
    ]


def findings(session: Session, arguments: Arguments) -> list[dict[str, Any]]:
    """{uri?}: the findings that a person sees in one open document, or in all, in text order."""
    if "uri" in arguments:
        chosen = [_document(session, FINDINGS_COMMAND, arguments)]
    else:
        chosen = [*session.documents.values()]
    return [
        to_lsp.finding(finding, opened.document, opened.lines, session.profile)
        for opened in chosen
        for finding in session.shown(opened)
    ]


def status(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{}: what goes on, what is known of each open document, and what models there are and used.

    Also which linters for those documents' languages are not on this machine. What was used is
    that of all editors and terminals today; asking for it has it looked up again for the next time.
    """
    session.keep(session.look_back())
    from .linters import missing_linters  # Here: a server starts without it.

    languages = {opened.document.language for opened in session.documents.values()}
    return {
        "runs": [
            {
                "runId": run.id,
                "uri": run.document.uri,
                "task": run.kind,
                "title": run.title,
                "findings": len(set().union(*run.found.values())),
            }
            for run in runs.asked_for(session)
        ],
        "documents": [
            {
                "uri": opened.document.uri,
                "findings": len(session.shown(opened)),
                "engine": opened.context.engine if opened.context else "",
            }
            for opened in session.documents.values()
        ],
        "usage": [
            {
                "model": one.usage.model,
                "inputTokens": one.usage.prompt_tokens,
                "cachedTokens": one.usage.cache_read_tokens,
                "outputTokens": one.usage.output_tokens,
                "cost": one.cost,
            }
            for one in session.spent_today
        ],
        "models": [*MODELS],
        "missingLinters": [
            {"program": linter.program, "findsIn": linter.finds_in}
            for linter in missing_linters(languages)
        ],
    }


def revoke_consent(session: Session, arguments: Arguments) -> dict[str, Any]:
    """{}: takes back what was agreed to for the workspace's folders -> {folders}."""
    folders = [str(folder) for folder in session.folders]
    session.keep(session.revoke_consent(folders))
    return {"folders": folders}


COMMANDS: Mapping[str, Callable[[Session, Arguments], Any]] = {
    REVIEW_COMMAND: review,
    CHANGE_COMMAND: change,
    REFINE_COMMAND: refine,
    NARROW_COMMAND: narrow,
    ALLOW_COMMAND: allow_dependency,
    DISCARD_COMMAND: discard,
    offered_changes.APPLIED_COMMAND: applied,
    PROPOSALS_COMMAND: proposals,
    CANCEL_COMMAND: cancel,
    DISMISS_COMMAND: dismiss,
    AGENTS_COMMAND: show_agents,
    STATUS_COMMAND: status,
    FINDINGS_COMMAND: findings,
    REVOKE_COMMAND: revoke_consent,
}


def cancel_progress(session: Session, params: types.WorkDoneProgressCancelParams) -> None:
    for run in runs.asked_for(session):
        if run.token == params.token:
            session.cancel(run)


# --- Settings


def did_change_configuration(session: Session, params: types.DidChangeConfigurationParams) -> None:
    if not session.profile.configuration:
        session.editor_settings = _section(params.settings)
    _reload(session)


def did_change_watched_files(session: Session, params: types.DidChangeWatchedFilesParams) -> None:
    uris = [event.uri for event in params.changes]
    if any(uri.endswith((".yml", ".yaml", ".md")) for uri in uris):
        _reload(session)
    indexing.changed_on_disk(session, from_lsp.files(uris))
    session.keep(session.offers.look_at_files(from_lsp.files(uris)))


def did_change_workspace_folders(
    session: Session, params: types.DidChangeWorkspaceFoldersParams
) -> None:
    removed = from_lsp.paths_of(folder.uri for folder in params.event.removed)
    added = from_lsp.paths_of(folder.uri for folder in params.event.added)
    kept = (folder for folder in session.folders if folder not in removed)
    session.folders = tuple(dict.fromkeys([*kept, *added]))
    indexing.folders_changed(session, added, removed)
    _reload(session)


# --- Helpers


def _reload(session: Session) -> None:
    """Reads again what holds for each document: a file or the editor's settings changed."""
    for opened in session.documents.values():
        _reload_one(session, opened)


def _reload_one(session: Session, opened: OpenDocument) -> None:
    """Once for all that changes before it begins: some clients tell of each file by itself."""
    if not opened.is_to_reload:
        opened.is_to_reload = True
        session.keep(_load_again(session, opened))


async def _load_again(session: Session, opened: OpenDocument) -> None:
    if opened.loading:
        await asyncio.wait([opened.loading])
    opened.is_to_reload = False
    if not session.is_open(opened):
        return
    before = opened.context
    if await session.context_of(opened, fresh=True) != before and session.is_open(opened):
        runs.review_while_typing(session, opened)


def _section(options: object) -> dict[str, object]:
    """Our section of what a client sends; one that sends nothing else may leave its name out."""
    if not isinstance(options, dict):
        return {}
    section = options.get(EDITOR_SECTION, options)
    return dict(section) if isinstance(section, dict) else {}


def _document(session: Session, command: str, arguments: Arguments) -> OpenDocument:
    uri = _text(command, arguments, "uri")
    opened = session.find(uri)
    if opened is None:
        raise InvalidParamsError(f"{command}: {uri} is not open; open it first.")
    return opened


def _offer(
    session: Session, command: str, arguments: Arguments
) -> tuple[Offer, OpenDocument | dict[str, Any]]:
    """The offer that is named, and its document; or the answer where that is not open."""
    offer = session.offers.get(_text(command, arguments, "id"))
    if offer is None:
        raise InvalidParamsError(f"{command}: that proposal is not there any more.")
    opened = session.find(offer.uri)
    if opened is None:
        reason = "The file that it was asked for is not open: open it first."
        return offer, {"started": False, "reason": reason}
    if opened.is_out_of_step:
        return offer, {"started": False, "reason": session.out_of_step(opened)}
    return offer, opened


def _text(command: str, arguments: Arguments, key: str) -> str:
    value = arguments.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidParamsError(f"{command}: `{key}` must be a text that is not empty.")
    return value


def _span(opened: OpenDocument, session: Session, arguments: Arguments) -> Span:
    """The range of a command; without one the whole text."""
    if arguments.get("range") is None:
        return Span(0, len(opened.document.text))
    try:
        range_ = from_lsp.range_(arguments["range"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InvalidParamsError(f"{REVIEW_COMMAND}: `range` must be an LSP range.") from None
    return from_lsp.span(opened.lines, range_, session.profile.encoding)
