"""What a client sends, turned into our own nouns: the only way in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

from lsprotocol import types

from ..core.model import Document, Span
from ..core.text import Change, Encoding, Lines


@dataclass(frozen=True, slots=True)
class ClientProfile:
    """What the client can do, read once from `initialize`; each is False unless it said so."""

    encoding: Encoding = "utf-16"
    """How positions are counted, for the whole connection: the client's first offer that we
    know. It is what our `initialize` result says."""
    pull_diagnostics: bool = False
    """It asks for diagnostics, and asks again when told to refresh. It then gets no pushed
    ones: Neovim shows both. Without refresh, findings that come late would never be seen."""
    document_changes: bool = False
    """Edits can carry the version that they were made for."""
    change_annotations: bool = False
    """An edit of a code action that needs confirmation is shown before it is applied."""
    action_literals: bool = False
    """Code actions may carry an edit; else only commands."""
    edits_when_picked: bool = False
    """It says nothing of versions, but asks for an action's edit when the action is picked. Neovim:
    it would apply an edit that came with the action to whatever the text is by then."""
    preferred_actions: bool = False
    generated_tag: bool = False
    """Actions can be marked as written by a model (LSP 3.18)."""
    creates_files: bool = False
    """An edit may make a file."""
    deletes_files: bool = False
    """An edit may take a file away."""
    asks_for_text: bool = False
    """Our own part in it asks a person for the `asks` of a command, and adds the answer."""
    shows_proposals: bool = False
    """Our own part in it shows what `backend-developer.proposals` answers."""
    progress: bool = False
    """The server may open a progress report by itself."""
    related_information: bool = False
    code_description: bool = False
    """A diagnostic's code can be a link."""
    markdown_hover: bool = False
    configuration: bool = False
    """It answers `workspace/configuration`."""
    register_configuration: bool = False
    """`workspace/didChangeConfiguration` must be registered for."""
    register_watched_files: bool = False
    """It watches files for us when asked to."""
    refresh_lenses: bool = False
    """It asks for code lenses again when told to."""
    nested_symbols: bool = False
    """A document's symbols may lie in each other, and have a range and a name's range."""


def client_profile(capabilities: types.ClientCapabilities) -> ClientProfile:
    """The profile of a client that announced `capabilities`."""

    def has(path: str) -> Any:
        """The capability at a dotted path; None where the client says nothing."""
        value: Any = capabilities
        for name in path.split("."):
            value = getattr(value, name, None)
        return value

    offered = has("general.position_encodings") or ()
    formats = has("text_document.hover.content_format") or ()
    tags = has("text_document.code_action.tag_support.value_set") or ()
    operations = has("workspace.workspace_edit.resource_operations") or ()
    experimental = capabilities.experimental
    ours = experimental.get("backendDeveloper") if isinstance(experimental, dict) else None
    ours = ours if isinstance(ours, dict) else {}
    return ClientProfile(
        encoding=_encoding(offered),
        pull_diagnostics=bool(
            has("text_document.diagnostic") and has("workspace.diagnostics.refresh_support")
        ),
        document_changes=bool(has("workspace.workspace_edit.document_changes")),
        change_annotations=bool(
            has("workspace.workspace_edit.change_annotation_support")
            and has("text_document.code_action.honors_change_annotations")
        ),
        action_literals=bool(has("text_document.code_action.code_action_literal_support")),
        edits_when_picked=bool(
            "edit" in (has("text_document.code_action.resolve_support.properties") or ())
            and has("text_document.code_action.data_support")
            and not has("workspace.workspace_edit.document_changes")
        ),
        preferred_actions=bool(has("text_document.code_action.is_preferred_support")),
        generated_tag=types.CodeActionTag.LlmGenerated in tags,
        creates_files=types.ResourceOperationKind.Create in operations,
        deletes_files=types.ResourceOperationKind.Delete in operations,
        asks_for_text=bool(ours.get("asks")),
        shows_proposals=bool(ours.get("proposals")),
        progress=bool(has("window.work_done_progress")),
        related_information=bool(has("text_document.publish_diagnostics.related_information")),
        code_description=bool(has("text_document.publish_diagnostics.code_description_support")),
        markdown_hover=types.MarkupKind.Markdown in formats,
        configuration=bool(has("workspace.configuration")),
        register_configuration=bool(has("workspace.did_change_configuration.dynamic_registration")),
        refresh_lenses=bool(has("workspace.code_lens.refresh_support")),
        nested_symbols=bool(
            has("text_document.document_symbol.hierarchical_document_symbol_support")
        ),
        register_watched_files=bool(has("workspace.did_change_watched_files.dynamic_registration")),
    )


def document(item: types.TextDocumentItem) -> Document:
    """The document that `didOpen` brings."""
    language = _LANGUAGES.get(item.language_id, item.language_id)
    return Document(item.uri, path_of(item.uri), language, item.text, item.version)


_LANGUAGES = {
    **dict.fromkeys(("dockercompose", "github-actions-workflow", "openapi"), "yaml"),
    **dict.fromkeys(("yaml.docker-compose", "yaml.github", "yaml.openapi", "yaml.gha"), "yaml"),
    **dict.fromkeys(("jsonc", "json5"), "json"),
    **dict.fromkeys(("postgres", "pgsql", "plpgsql"), "sql"),
    **dict.fromkeys(("docker", "containerfile"), "dockerfile"),
    "javascript.jsx": "javascriptreact",
    "typescript.tsx": "typescriptreact",
}
"""What editors and their extensions call a language that has a plainer name."""


def change(lines: Lines, event: types.TextDocumentContentChangeEvent, encoding: Encoding) -> Change:
    """One change of `didChange`, true of the text that `lines` index: the changes of one
    notification follow each other, each against the text that the one before it left."""
    if isinstance(event, types.TextDocumentContentChangePartial):
        return Change(span(lines, event.range, encoding), event.text)
    return Change(Span(0, len(lines.text)), event.text)


def is_whole_text(event: types.TextDocumentContentChangeEvent) -> bool:
    """Whether the change says the text as a whole, whatever it was before."""
    return isinstance(event, types.TextDocumentContentChangeWholeDocument)


def span(lines: Lines, range_: types.Range, encoding: Encoding) -> Span:
    """The offsets of a range, whose ends may come in either order."""
    start, end = range_.start, range_.end
    return lines.span((start.line, start.character), (end.line, end.character), encoding)


def range_(value: Mapping[str, Any]) -> types.Range:
    """A range from a command's plain JSON.

    Raises KeyError, TypeError, ValueError or OverflowError when it is none.
    """
    start, end = (
        types.Position(int(value[name]["line"]), int(value[name]["character"]))
        for name in ("start", "end")
    )
    return types.Range(start, end)


MOST_BYTES_OF_A_PATH = 4096 if os.name == "posix" else 32_767


def key_of(uri: str) -> str:
    """What a document is known by: clients write `:` and `%3A` for the same thing."""
    return unquote(uri, errors="surrogateescape")


def path_of(uri: str) -> str:
    """The absolute path of a `file:` URI in the system's spelling; "" for any other URI.

    Also for one that can name no file: a relative one, one with a NUL or half a character, or one
    that is longer than any system takes.
    """
    try:
        parts = urlsplit(uri)
        # A name on disk need not be UTF-8.
        path = unquote(parts.path, errors="surrogateescape")
        is_too_long = len(os.fsencode(path)) > MOST_BYTES_OF_A_PATH
    except ValueError:
        return ""
    if parts.scheme != "file" or not path.startswith("/") or "\0" in path or is_too_long:
        return ""
    if os.name == "nt":
        path = path.lstrip("/").replace("/", "\\")
        return f"\\\\{parts.netloc}\\{path}" if parts.netloc else path
    return path


def folders(params: types.InitializeParams) -> tuple[Path, ...]:
    """The workspace's folders on disk. A client without folders may give a root."""
    if params.workspace_folders:
        return paths_of(folder.uri for folder in params.workspace_folders)
    if params.root_uri:
        return paths_of([params.root_uri])
    return (Path(params.root_path),) if params.root_path else ()


def paths_of(uris: Iterable[str]) -> tuple[Path, ...]:
    """The paths of those that are `file:` URIs."""
    return tuple(Path(path) for path in map(path_of, uris) if path)


def files(uris: Iterable[str]) -> list[str]:
    """The paths of those that are `file:` URIs, each once."""
    return list(dict.fromkeys(path for path in map(path_of, uris) if path))


def _encoding(offered: Iterable[str]) -> Encoding:
    for offer in offered:
        name = offer.value if isinstance(offer, types.PositionEncodingKind) else offer
        for encoding in get_args(Encoding):
            if name == encoding:
                return encoding  # type: ignore[no-any-return]
    return "utf-16"
