"""Our nouns, turned into what a client understands: the only way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lsprotocol import types

from ..actions import KINDS, REVIEW_COMMAND, Action
from ..core.model import Checking, Document, Finding, Fix, Rule, Severity, Span, TextEdit, Withheld
from ..core.text import Change, Encoding, Lines
from ..problems import Problem
from ..wire import WithList
from .from_lsp import ClientProfile

if TYPE_CHECKING:
    from ..project.outline import Lens, Symbol, SymbolKind

SOURCE = "backend-developer"
WATCHED = (
    "**/.backend-developer*.{yml,yaml}",
    "**/.claude/{agents,backend-developer/tasks}/**/*.md",
    "**/{CLAUDE,REVIEW}.md",
)
"""Glob patterns of the files that a review depends on beside the code."""
WATCHED_CODE = "**/*.{py,js,mjs,cjs,jsx,ts,mts,cts,tsx,sql,prisma,yml,yaml,json}"
"""Of the files that say something of the project."""

_SEVERITIES: dict[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "information": types.DiagnosticSeverity.Information,
    "hint": types.DiagnosticSeverity.Hint,
}


# --- Diagnostics


def diagnostic(
    finding: Finding, document: Document, lines: Lines, profile: ClientProfile
) -> types.Diagnostic:
    """A finding as a diagnostic; its spans must be true of `document`, which `lines` index."""
    link = profile.code_description and finding.link
    return types.Diagnostic(
        range=range_(lines, finding.span, profile.encoding),
        message=message(finding),
        severity=_SEVERITIES[finding.severity],
        code=finding.rule,
        code_description=types.CodeDescription(finding.link) if link else None,
        source=SOURCE,
        related_information=[
            types.DiagnosticRelatedInformation(
                types.Location(document.uri, range_(lines, span, profile.encoding)), text
            )
            for span, text in finding.flow
        ]
        if profile.related_information and finding.flow
        else None,
        # With the fix's arrival the diagnostic is another: editors then ask for actions again.
        data={"id": finding.id, "hasFix": isinstance(finding.fix, Fix)},
    )


def problem_diagnostic(problem: Problem, lines: Lines, encoding: Encoding) -> types.Diagnostic:
    """A problem in a settings, agent or task file, at its line."""
    line = min(max((problem.line or 1) - 1, 0), lines.count - 1)
    span = Span(lines.start(line), lines.end(line))
    return types.Diagnostic(
        range=range_(lines, span, encoding),
        message=problem.message,
        severity=_SEVERITIES[problem.severity],
        source=SOURCE,
    )


def message(finding: Finding) -> str:
    """What is wrong, and in brackets who says so and how sure; plain text, never empty."""
    sure = "" if finding.confidence == "high" else f", {finding.confidence} confidence"
    # A finding that the catalogue has no rule for has its title from its message.
    title = "" if finding.rule == "other" else f"{finding.title}: "
    text = f"{title}{finding.message} [{', '.join(finding.sources)}{sure}]"
    return f"Probably no problem: {finding.refuted}\n{text}" if finding.refuted else text


def published(document: Document, diagnostics: Sequence[str]) -> WithList:
    """Encoded diagnostics. The version is the document's: some clients drop those of any other."""
    return WithList({"uri": document.uri, "version": document.version}, "diagnostics", diagnostics)


def report_full(diagnostics: Sequence[str], result_id: str) -> WithList:
    """All diagnostics of a document, encoded, for a client that asks."""
    return WithList({"kind": "full", "resultId": result_id}, "items", diagnostics)


def report_unchanged(result_id: str) -> types.DocumentDiagnosticReport:
    """The same diagnostics as that result's."""
    return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result_id)


# --- Code actions


def code_action(action: Action, uri: str, profile: ClientProfile) -> dict[str, Any] | None:
    """A CodeAction of the document, or a Command, as plain JSON; None: the client cannot show it.

    Plain, as dozens are made at each move of the cursor. Edit and diagnostics are for who sends it
    to add.
    """
    command = {
        "title": action.title,
        "command": action.command,
        "arguments": [action.arguments],
    }
    if not profile.action_literals:
        return command if action.command else None
    converted: dict[str, Any] = {"title": action.title, "kind": action.kind}
    if action.preferred and profile.preferred_actions:
        converted["isPreferred"] = True
    if action.edits:
        converted["data"] = {"uri": uri, "about": action.about, "isFix": action.is_fix}
    elif action.group:
        converted["data"] = {"group": action.group}
    if action.command:
        converted["command"] = command
    if action.generated and profile.generated_tag:
        converted["tags"] = [types.CodeActionTag.LlmGenerated.value]
    return converted


def workspace_edit(
    edits: Sequence[TextEdit],
    document: Document,
    lines: Lines,
    profile: ClientProfile,
    confirm: str = "",
) -> types.WorkspaceEdit:
    """Edits of one document at one version.

    `confirm` says why a person must agree first; clients that cannot ask apply
    it as it is, so its action's title says it as well.
    """
    converted = text_edits(edits, lines, profile)
    if not profile.document_changes:
        return types.WorkspaceEdit(changes={document.uri: converted})
    identifier = types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    if not (confirm and profile.change_annotations):
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, converted)])
    annotated = [
        types.AnnotatedTextEdit(annotation_id="confirm", range=edit.range, new_text=edit.new_text)
        for edit in converted
    ]
    return types.WorkspaceEdit(
        document_changes=[types.TextDocumentEdit(identifier, annotated)],
        change_annotations={"confirm": types.ChangeAnnotation(confirm, needs_confirmation=True)},
    )


# --- Hover


def hover(
    findings: Sequence[tuple[Finding, Rule | None]],
    lines: Lines,
    profile: ClientProfile,
    offers: Sequence[str] = (),
) -> types.Hover:
    """All that is known of the findings at one place, in the markup that the client shows.

    `offers` are texts in that markup about offered changes, which come first.
    """
    text = _markdown if profile.markdown_hover else _plain
    found = text([_sections(finding, rule) for finding, rule in findings])
    return types.Hover(
        contents=types.MarkupContent(
            types.MarkupKind.Markdown if profile.markdown_hover else types.MarkupKind.PlainText,
            "\n\n---\n\n".join([*offers, *([found] if found else [])]),
        ),
        range=range_(lines, findings[0][0].span, profile.encoding) if findings else None,
    )


def _sections(finding: Finding, rule: Rule | None) -> list[tuple[str, str]]:
    """(heading, text) of a finding, the first without text; in the order they are shown."""
    labels = [f"CWE-{number}" for number in finding.cwes] + list(rule.owasp if rule else ())
    return [
        (finding.title, ""),
        ("", finding.message),
        ("Probably no problem", finding.refuted),
        ("Why", rule.why if rule else ""),
        # A linter's message that says only what it saw ends with the advice already.
        ("How to fix it", rule.advice if rule and rule.advice not in finding.message else ""),
        ("Fix", _fix_text(finding)),
        ("Found by", f"{', '.join(finding.sources)}, {finding.confidence} confidence"),
        ("Rule", " · ".join([finding.rule, *labels])),
        ("More", finding.link),
    ]


def _fix_text(finding: Finding) -> str:
    match finding.fix:
        case Fix(title=title, unchecked=unchecked):
            return " ".join([f"{title}: offered as a code action.", *unchecked])
        case Withheld(title=title, reason=reason):
            return f"{title}: not offered. {reason}"
        case Checking():
            return "being checked."
        case None:
            return ""


def _markdown(findings: Sequence[Sequence[tuple[str, str]]]) -> str:
    def section(heading: str, text: str) -> str:
        if text.startswith("https://"):
            return f"[{text}]({quote(text, safe=':/?#@!$&*+,;=%~-._')})"
        if not text:
            return f"**{escaped(heading)}**"
        return f"**{heading}:** {escaped(text)}" if heading else escaped(text)

    return "\n\n---\n\n".join(
        "\n\n".join(section(*part) for part in _shown(parts)) for parts in findings
    )


def _plain(findings: Sequence[Sequence[tuple[str, str]]]) -> str:
    def section(heading: str, text: str) -> str:
        return f"{heading}: {text}" if heading and text else heading or text

    return "\n\n".join("\n".join(section(*part) for part in _shown(parts)) for parts in findings)


def _shown(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [part for index, part in enumerate(parts) if index == 0 or part[1]]


def escaped(text: str) -> str:
    """Text as Markdown that shows it as it is, except for code in backticks, which stays code.

    A message may come from a model that has read hostile code: no image, link,
    heading or HTML of it may come to life in an editor.
    """
    pieces = re.split(r"(`[^`\n]+`)", text)
    return "".join(
        piece if index % 2 else re.sub(r"([\\`*_\[\]<>#!|~&])", r"\\\1", piece)
        for index, piece in enumerate(pieces)
    )


# --- The project


def code_lens(
    lens: Lens, document: Document, lines: Lines, profile: ClientProfile
) -> types.CodeLens:
    """A lens whose click reviews the route with its handler."""
    place = range_(lines, lens.span, profile.encoding)
    line = types.Range(place.start, place.start)
    arguments = {"uri": document.uri, "task": "everything", "range": plain_range(place)}
    command = types.Command(title=lens.title, command=REVIEW_COMMAND, arguments=[arguments])
    return types.CodeLens(range=line, command=command)


_SYMBOL_KINDS: dict[SymbolKind, types.SymbolKind] = {
    "route": types.SymbolKind.Interface,
    "operation": types.SymbolKind.Interface,
    "model": types.SymbolKind.Struct,
    "field": types.SymbolKind.Field,
    "migration": types.SymbolKind.Event,
}


def document_symbol(
    symbol: Symbol, lines: Lines, typed: Sequence[Change], profile: ClientProfile
) -> types.DocumentSymbol:
    """A symbol of the text that `lines` index, to which `typed` led from the symbol's own."""
    from ..project.outline import moved  # Here: a server starts without it.

    whole, name = moved(symbol.place.span, typed), moved(symbol.name_place.span, typed)
    return types.DocumentSymbol(
        name=symbol.name,
        detail=symbol.detail or None,
        kind=_SYMBOL_KINDS[symbol.kind],
        range=range_(lines, whole, profile.encoding),
        # A client refuses a name that does not lie in the whole.
        selection_range=range_(lines, name if whole.contains(name) else whole, profile.encoding),
        children=[document_symbol(one, lines, typed, profile) for one in symbol.children],
    )


def symbol_information(symbol: Symbol, uri: str = "") -> types.SymbolInformation:
    """A symbol by its line, as of a file that is not open nothing else is known."""
    start = types.Position(symbol.name_place.line, 0)
    if not uri:
        uri = Path(symbol.path).as_uri() if Path(symbol.path).is_absolute() else symbol.path
    return types.SymbolInformation(
        name=symbol.name,
        kind=_SYMBOL_KINDS[symbol.kind],
        location=types.Location(uri, types.Range(start, start)),
        container_name=symbol.detail or None,
    )


# --- Findings as plain JSON, for what an editor draws itself


def finding(
    one: Finding, document: Document, lines: Lines, profile: ClientProfile
) -> dict[str, Any]:
    """A finding as the command `backend-developer.findings` answers it."""
    return {
        "id": one.id,
        "uri": document.uri,
        "range": plain_range(range_(lines, one.span, profile.encoding)),
        "rule": one.rule,
        "title": one.title,
        "message": message(one),
        "focus": one.focus,
        "severity": one.severity,
        "fix": one.fix.title if isinstance(one.fix, Fix) else "",
    }


# --- Progress and messages


def begin(token: int | str, title: str, text: str) -> types.ProgressParams:
    return types.ProgressParams(
        token, types.WorkDoneProgressBegin(title=title, message=text, cancellable=True)
    )


def report(token: int | str, text: str) -> types.ProgressParams:
    return types.ProgressParams(token, types.WorkDoneProgressReport(message=text))


def end(token: int | str, text: str) -> types.ProgressParams:
    return types.ProgressParams(token, types.WorkDoneProgressEnd(message=text))


def shown(text: str, severity: Severity) -> types.ShowMessageParams:
    """A message to the person."""
    kinds = {"error": types.MessageType.Error, "warning": types.MessageType.Warning}
    return types.ShowMessageParams(
        kinds.get(severity, types.MessageType.Info), _without_links(text)
    )


def question(text: str, choices: Sequence[str]) -> types.ShowMessageRequestParams:
    """A question to the person, answered by one of the choices."""
    actions = [types.MessageActionItem(choice) for choice in choices]
    return types.ShowMessageRequestParams(types.MessageType.Info, _without_links(text), actions)


def _without_links(text: str) -> str:
    """Text of which no part is a link: VS Code runs commands that a message links to, and the words
    may be a model's, or a file's name."""
    return text.replace("](", "] (")


# --- Positions


def range_(lines: Lines, span: Span, encoding: Encoding) -> types.Range:
    """The range of a span of the text that `lines` index."""
    start, end_ = lines.position(span.start, encoding), lines.position(span.end, encoding)
    return types.Range(types.Position(*start), types.Position(*end_))


def text_edits(
    edits: Sequence[TextEdit], lines: Lines, profile: ClientProfile
) -> list[types.TextEdit]:
    """Edits of the text that `lines` index."""
    takes_the_end = any(edit.span.start < edit.span.end == len(lines.text) for edit in edits)
    converted = []
    for edit in edits:
        placed = edit if takes_the_end else _before_the_last_line_end(lines.text, edit)
        range_of = range_(lines, placed.span, profile.encoding)
        if not lines.text and profile.edits_when_picked:
            # Neovim keeps the line that an empty text has, unless an edit goes beyond it.
            range_of.end = types.Position(1, 0)
        converted.append(types.TextEdit(range_of, placed.new_text))
    return converted


def _before_the_last_line_end(text: str, edit: TextEdit) -> TextEdit:
    """The edit; of one that adds whole lines at the end of a text, the same a line end earlier.

    Neovim would add an empty line, too: what is behind the last line end is no line there.
    """
    if edit.span != Span(len(text), len(text)):
        return edit
    match = _LAST_LINE_END.search(text, max(0, len(text) - 2))
    if not match:
        return edit
    line_end, place = match[0], match.start()
    if not edit.new_text.endswith(line_end):
        return edit
    return TextEdit(Span(place, place), line_end + edit.new_text[: -len(line_end)])


_LAST_LINE_END = re.compile(r"(?:\r\n|\r|\n)\Z")


def plain_range(range_: types.Range) -> dict[str, Any]:
    """The same as plain JSON, for a command's arguments."""
    return {
        name: {"line": position.line, "character": position.character}
        for name, position in (("start", range_.start), ("end", range_.end))
    }


# --- What we can do, and what we ask for


def capabilities(profile: ClientProfile, commands: Sequence[str]) -> types.ServerCapabilities:
    """What the server offers to a client of that profile."""
    return types.ServerCapabilities(
        position_encoding=types.PositionEncodingKind(profile.encoding),
        text_document_sync=types.TextDocumentSyncOptions(
            open_close=True,
            change=types.TextDocumentSyncKind.Incremental,
            save=types.SaveOptions(include_text=False),
        ),
        code_action_provider=types.CodeActionOptions(
            code_action_kinds=list(KINDS), resolve_provider=profile.edits_when_picked
        ),
        hover_provider=True,
        code_lens_provider=types.CodeLensOptions(resolve_provider=False),
        document_symbol_provider=types.DocumentSymbolOptions(label=SOURCE),
        workspace_symbol_provider=True,
        execute_command_provider=types.ExecuteCommandOptions(
            commands=commands, work_done_progress=True
        ),
        # A client that is offered pulled diagnostics asks for them, pushed ones or not.
        diagnostic_provider=types.DiagnosticOptions(
            inter_file_dependencies=False, workspace_diagnostics=False, identifier=SOURCE
        )
        if profile.pull_diagnostics
        else None,
        workspace=types.WorkspaceOptions(
            workspace_folders=types.WorkspaceFoldersServerCapabilities(
                supported=True, change_notifications=True
            )
        ),
    )


def registrations(profile: ClientProfile, section: str) -> types.RegistrationParams | None:
    """What has to be asked for after `initialized`; None when there is nothing to ask."""
    wanted = []
    if profile.register_configuration:
        wanted.append(
            types.Registration(
                id="settings",
                method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
                register_options=types.DidChangeConfigurationRegistrationOptions(section),
            )
        )
    if profile.register_watched_files:
        wanted.append(
            types.Registration(
                id="files",
                method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
                register_options=types.DidChangeWatchedFilesRegistrationOptions(
                    [
                        *map(types.FileSystemWatcher, (*WATCHED, WATCHED_CODE)),
                        # A folder that goes: VS Code does not tell the files in it.
                        types.FileSystemWatcher("**/*", types.WatchKind.Delete),
                    ]
                ),
            )
        )
    return types.RegistrationParams(wanted) if wanted else None


def configuration(uri: str, section: str) -> types.ConfigurationParams:
    """Asks for the settings that hold for one document."""
    return types.ConfigurationParams([types.ConfigurationItem(scope_uri=uri, section=section)])


def create_progress(token: int | str) -> types.WorkDoneProgressCreateParams:
    """Asks the client to open a progress report."""
    return types.WorkDoneProgressCreateParams(token)
