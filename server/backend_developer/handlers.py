"""What each message of the client does: one short function per method, called on the event loop.

The first line of each takes the document as it is at that moment. Nothing here
waits: long work is handed to `runs`, and answers come from memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from lsprotocol import types

from . import __version__, arrivals, indexing, runs
from .actions import DISMISS_COMMAND, REVIEW_COMMAND, Scope, offered, offered_again
from .core.model import Span, TaskDefinition
from .core.text import Change, Lines, apply_changes
from .lsp import from_lsp, to_lsp
from .models import MODELS
from .session import OpenDocument, Session
from .settings import EDITOR_SECTION
from .wire import InvalidParamsError, RefusedError

if TYPE_CHECKING:
    from .context import Context

CANCEL_COMMAND = "backend-developer.cancel"
AGENTS_COMMAND = "backend-developer.showAgents"
STATUS_COMMAND = "backend-developer.status"
REVOKE_COMMAND = "backend-developer.revokeConsent"
FINDINGS_COMMAND = "backend-developer.findings"

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
        return
    changes: list[Change] = []
    lines = opened.lines
    for event in params.content_changes:
        change = from_lsp.change(lines, event, session.profile.encoding)
        changes.append(change)
        lines = Lines(apply_changes(lines.text, [change]))
    session.change(opened, changes, lines, params.text_document.version)
    runs.review_while_typing(session, opened)


def did_save(session: Session, params: types.DidSaveTextDocumentParams) -> None:
    # Not every client watches files for us: what was saved, or changed before, may matter.
    saved = session.find(params.text_document.uri)
    if saved is None or saved.document.path.endswith((".yml", ".yaml", ".md")):
        _reload(session)
    else:
        session.keep(_reload_one(session, saved))


def did_close(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    session.close(params.text_document.uri)
    # What was not saved is no more.
    indexing.changed_on_disk(session, from_lsp.files([params.text_document.uri]))


# --- Asked at any moment: answered from memory


def code_action(
    session: Session, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command]:
    opened = session.find(params.text_document.uri)
    if opened is None:
        return []
    document, lines, context = opened.document, opened.lines, opened.context
    # The client's diagnostics are not looked at: some lose our data, some send those of the
    # whole line, some none. Our own findings at the range are always right.
    actions = offered(
        document,
        lines,
        session.shown(opened),
        from_lsp.span(lines, params.range, session.profile.encoding),
        only=params.context.only,
        place={"uri": document.uri, "range": to_lsp.plain_range(params.range)},
        reviews=reviews_of(opened, context, session.bytes_per_token) if context else (),
        can_dismiss=bool(context and context.root),
    )
    converted = (to_lsp.code_action(action, document, lines, session.profile) for action in actions)
    return [action for action in converted if action]


def reviews_of(
    opened: OpenDocument, context: Context, bytes_per_token: Mapping[str, float]
) -> Iterator[tuple[TaskDefinition, str]]:
    """The reviews of a document, each with who does it and what that may cost.

    From lengths alone, in microseconds.
    """
    tasks = context.tasks_for(opened.document)
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
        said = estimate(size, context.model, context.settings, bytes_per_token.get(context.model))
        yield task, f"{context.engine}, {said}"


def resolve_code_action(session: Session, params: types.CodeAction) -> types.CodeAction:
    """Gives an action its edit, for the text as it is now."""
    data = params.data
    if params.command or not isinstance(data, dict):
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
    return to_lsp.hover(known, lines, session.profile) if known else None


def diagnostic(
    session: Session, params: types.DocumentDiagnosticParams
) -> types.DocumentDiagnosticReport:
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
    if opened is None:
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
    task, context = _text(REVIEW_COMMAND, arguments, "task"), opened.context
    span = _span(opened, session, arguments)
    if context and all(known.name != task for known in context.tasks):
        return {"started": False, "reason": runs.no_such_task(task, context)}
    run = runs.start_review(session, opened, task, span, arguments["token"])
    return {"started": True, "runId": run.id}


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


def did_change_workspace_folders(
    session: Session, params: types.DidChangeWorkspaceFoldersParams
) -> None:
    removed = from_lsp.paths_of(folder.uri for folder in params.event.removed)
    added = from_lsp.paths_of(folder.uri for folder in params.event.added)
    kept = (folder for folder in session.folders if folder not in removed)
    session.folders = tuple(dict.fromkeys([*kept, *added]))
    for folder in removed:
        session.projects.pop(folder, None)
    indexing.start(session, added)
    _reload(session)


# --- Helpers


def _reload(session: Session) -> None:
    """Reads again what holds for each document: a file or the editor's settings changed."""
    for opened in session.documents.values():
        session.keep(_reload_one(session, opened))


async def _reload_one(session: Session, opened: OpenDocument) -> None:
    before = opened.context
    if await session.context_of(opened, fresh=True) != before:
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
    except (KeyError, TypeError, ValueError):
        raise InvalidParamsError(f"{REVIEW_COMMAND}: `range` must be an LSP range.") from None
    return from_lsp.span(opened.lines, range_, session.profile.encoding)
