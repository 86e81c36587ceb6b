"""Offered changes, turned into what a client understands: markers, hovers, edits, plain JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from ..core.model import Document, Span
from ..core.text import Lines, shortened, visible
from .from_lsp import ClientProfile
from .to_lsp import SOURCE, escaped, range_, text_edits

if TYPE_CHECKING:
    from ..offer_actions import OfferAction
    from ..offers import Offer, OfferedFile

CODE = "proposal"
"""The code of an offer's marker."""
APPLIED_COMMAND = "backend-developer.applied"
"""Belongs to each edit of an offer, so that a client runs it when it has made that. Neovim's plugin
runs it itself: Neovim opens what it changes, and saves nothing."""
MOST_DIFF = 12_000
"""Characters of a diff in a hover."""
MOST_OF_LINE = 100
"""Characters of a line that stands for a hunk."""


# --- The marker


def diagnostic(offer: Offer, lines: Lines, profile: ClientProfile) -> types.Diagnostic:
    """Shows that there is an offer; `lines` are its document's. On its first line alone."""
    first, _ = lines.first_and_last(offer.span)
    place = lines.full(offer.span)
    span = type(place)(max(place.start, lines.start(first)), lines.end(first))
    is_refused = bool(offer.reasons)
    return types.Diagnostic(
        range=range_(lines, span, profile.encoding),
        message=message(offer, profile),
        severity=types.DiagnosticSeverity.Warning
        if is_refused or offer.touched
        else types.DiagnosticSeverity.Information,
        code=CODE,
        source=SOURCE,
        data={"proposal": offer.id},
    )


def message(offer: Offer, profile: ClientProfile) -> str:
    """What is offered, in a few sentences of plain text."""
    sentences = _sentences(offer, profile)
    is_ready = offer.can_be_taken and len(sentences) == 1
    where = ["Take it, parts of it, or have it otherwise by its code actions."] if is_ready else []
    return " ".join([*sentences, *where, *_besides(offer)]) + f" [agent:{offer.model}]"


def notice(offer: Offer, profile: ClientProfile, instead_of: str) -> dict[str, Any]:
    """The notification `backend-developer/proposal`: an offer is there, `instead_of` another.

    For an editor that has buttons beside its message; `as_json` has the rest.
    """
    return {
        "id": offer.id,
        "uri": offer.uri,
        "title": offer.title,
        "state": _state(offer),
        "message": _said(offer, profile),
        "insteadOf": instead_of,
    }


def _said(offer: Offer, profile: ClientProfile) -> str:
    """The message for who has buttons beside it, which say what to do."""
    return " ".join([*_sentences(offer, profile), *_besides(offer)])


def _sentences(offer: Offer, profile: ClientProfile) -> Sequence[str]:
    """What it is, and what is in the way of taking it."""
    # Here: a server starts without it.
    from ..offer_actions import said_of

    if offer.reasons:
        more = len(offer.reasons) - 1
        rest = f" And {more} more." if more else ""
        return [f"{offer.title}: not offered. {_plain(offer.reasons[0])}{rest}"]
    if not offer.files:
        return [f"{offer.title}: {_plain(offer.change.explanation)}"]
    sentences = [f"{offer.title}: {said_of(offer.change)}."]
    if offer.touched:
        paths = ", ".join(file.path for file in offer.touched)
        sentences.append(f"{paths} was edited where it would change: ask again.")
    elif offer.new_dependencies:
        names = ", ".join(one.name for one in offer.new_dependencies)
        sentences.append(f"It needs {names}, which must be allowed first.")
    elif any(file.change.is_new for file in offer.files) and not profile.creates_files:
        sentences.append(
            "This editor cannot make files: take those that exist one by one, or run "
            "`backend-developer do` in a terminal."
        )
    return sentences


def _besides(offer: Offer) -> Sequence[str]:
    """What goes with its files."""
    from ..offer_actions import said_of_proof  # Here: a server starts without it.

    if not offer.files:
        return []
    sentences = []
    if offer.change.steps:
        steps = [_plain(one.text).removesuffix(".") for one in offer.change.steps]
        said = f"By hand: {'; '.join(steps)}"
        sentences.append(said if said.endswith(("?", "!")) else f"{said}.")
    if offer.proof:
        sentences.append(said_of_proof(offer.proof))
    return sentences


def _plain(text: str) -> str:
    return shortened(" ".join(visible(text).split()), 300)


# --- In full


def hover(offer: Offer, profile: ClientProfile) -> str:
    """All that is known of an offer, in the markup that the client shows."""
    parts = [*_sections(offer)]
    if profile.markdown_hover:
        shown = [
            f"**{escaped(heading)}**\n\n{text if is_ready else escaped(text)}".strip()
            for heading, text, is_ready in parts
        ]
        diff = _short_diff(offer)
        # A fence that nothing in the diff can end.
        fence = "`" * (max(map(len, re.findall("`+", diff)), default=2) + 1)
        if diff:
            shown.append(f"{fence}diff\n{diff}\n{fence}")
        return "\n\n".join(shown)
    return "\n\n".join(
        [*(f"{heading}\n{text}".strip() for heading, text, _ in parts), _short_diff(offer)]
    ).strip()


def page(offer: Offer) -> str:
    """All that is known of an offer but its diff, as a page of Markdown.

    The explanation keeps its formatting: the page must be shown by who knows HTML.
    """
    from ..core.markdown import tamed  # Here: a server starts without it.

    heading, *rest = _sections(offer)
    parts = [f"# {escaped(heading[0])}", tamed(offer.change.explanation)]
    for title, text, is_ready in rest:
        parts += [f"## {escaped(title)}", text if is_ready else escaped(text)]
    return "\n\n".join(parts)


def _sections(offer: Offer) -> Iterable[tuple[str, str, bool]]:
    """(heading, text, whether the text is Markdown already)."""
    from ..offer_actions import said_of, said_of_proof

    change = offer.change
    yield f"{offer.title} [agent:{offer.model}]", change.explanation, False
    if offer.reasons:
        yield "Not offered, because", "\n\n".join(visible(one) for one in offer.reasons), False
    if change.files:
        rows = [
            f"- {escaped(visible(file.path))}: {_counted(file)}, {file.state}"
            for file in offer.files
        ]
        yield said_of(change), "\n".join(rows), True
    if change.dependencies:
        rows = [
            f"- {escaped(' '.join([one.name, one.version]).strip())}: {escaped(one.why)}"
            for one in change.dependencies
        ]
        yield "New dependencies", "\n".join(rows), True
    if change.steps:
        yield "By hand", "\n".join(f"- {escaped(one.text)}" for one in change.steps), True
    if change.unchecked:
        yield "Not checked", "\n".join(f"- {escaped(one)}" for one in change.unchecked), True
    if offer.proof:
        proof = offer.proof
        output = f"\n\n{proof.output}" if not proof.passed and proof.output else ""
        yield "Your command", f"{said_of_proof(proof)}{output}", False


def _counted(file: OfferedFile) -> str:
    added, removed = file.change.counts
    return f"new, {added} lines" if file.change.is_new else f"+{added} −{removed}"


def _short_diff(offer: Offer) -> str:
    diff = offer.change.diff().rstrip("\n")
    if len(diff) <= MOST_DIFF:
        return diff
    return f"{diff[:MOST_DIFF]}\n… ({len(diff) - MOST_DIFF:,} more characters)"


# --- Actions and edits


def code_action(
    action: OfferAction, versions: Mapping[str, tuple[Document, Lines]], profile: ClientProfile
) -> types.CodeAction | types.Command | None:
    """The action; without its edit where the client asks for that when it is picked.

    None when the client cannot show it. `versions` as in `edit_of`.
    """
    command = None
    if action.command:
        arguments = [dict(action.arguments)]
        command = types.Command(title=action.title, command=action.command, arguments=arguments)
    elif action.edit and not profile.edits_when_picked:
        command = applied(action.offer, action.edit)
    if not profile.action_literals:
        return command if action.command else None
    return types.CodeAction(
        title=action.title,
        kind=types.CodeActionKind.QuickFix,
        command=command,
        edit=edit_of(action.offer, action.edit, versions, profile)
        if action.edit and not profile.edits_when_picked
        else None,
        data={"proposal": action.offer.id, "edit": action.edit},
        tags=[types.CodeActionTag.LlmGenerated]
        if action.edit == "take" and profile.generated_tag
        else None,
    )


def edit_of(
    offer: Offer,
    edit: str,
    versions: Mapping[str, tuple[Document, Lines]],
    profile: ClientProfile,
) -> types.WorkspaceEdit:
    """The edit that takes the offer, or undoes it.

    `versions` has the open documents by absolute path: where they are open, their version is
    named. Files are made before anything is written, and never written over.
    """
    # Here: a server starts without it.
    from ..offers import reversed_edits

    files = offer.waiting if edit == "take" else offer.files
    operations: list[Any] = []
    texts: list[tuple[types.OptionalVersionedTextDocumentIdentifier, list[types.TextEdit]]] = []
    for file in files:
        known = file.change.document
        document, lines = versions.get(known.path or known.uri, (known, None))
        if edit == "undo" and file.change.is_new:
            # A file that was made in the editor may never have been saved.
            gone = types.DeleteFileOptions(ignore_if_not_exists=True)
            operations.append(types.DeleteFile(uri=document.uri, options=gone))
            continue
        if edit == "take" and file.change.is_new and known.path not in versions:
            options = types.CreateFileOptions(overwrite=False, ignore_if_exists=True)
            operations.append(types.CreateFile(uri=document.uri, options=options))
        changes = file.change.edits if edit == "take" else reversed_edits(file)
        lines = lines or Lines(file.before if edit == "take" else file.after)
        version = document.version if profile.document_changes else None
        identifier = types.OptionalVersionedTextDocumentIdentifier(document.uri, version)
        texts.append((identifier, text_edits(changes, lines, profile)))
    if not (operations or profile.document_changes):
        return types.WorkspaceEdit(changes={place.uri: edits for place, edits in texts})
    written = [types.TextDocumentEdit(place, edits) for place, edits in texts]
    return types.WorkspaceEdit(document_changes=[*operations, *written])


def applied(offer: Offer, edit: str) -> types.Command:
    """What the client runs when it has made that edit, `edit_of`: {id, edit, uris}."""
    files = offer.waiting if edit == "take" else offer.files
    uris = [file.change.document.uri for file in files]
    arguments = {"id": offer.id, "edit": edit, "uris": uris}
    return types.Command(title=offer.title, command=APPLIED_COMMAND, arguments=[arguments])


# --- Plain JSON, for what an editor draws itself


def as_json(offer: Offer, profile: ClientProfile) -> dict[str, Any]:
    """An offer as the command `backend-developer.proposals` answers it."""
    change, proof = offer.change, offer.proof
    return {
        "id": offer.id,
        "title": offer.title,
        "uri": offer.uri,
        "line": offer.line - 1,
        "state": _state(offer),
        "message": _said(offer, profile),
        "explanation": change.explanation,
        "page": page(offer),
        "reasons": list(offer.reasons),
        "files": [
            {
                "path": file.path,
                "uri": file.change.document.uri,
                "isNew": file.change.is_new,
                "state": file.state,
                "before": file.before,
                "after": file.after,
                "diff": file.change.diff(),
                "added": file.change.counts[0],
                "removed": file.change.counts[1],
                "hunks": len(file.change.edits),
                "places": _places(file),
            }
            for file in offer.files
        ],
        "dependencies": [
            {
                "name": one.name,
                "version": one.version,
                "why": one.why,
                "isAllowed": one.name in offer.allowed,
            }
            for one in change.dependencies
        ],
        "steps": [{"kind": one.kind, "text": one.text} for one in change.steps],
        "unchecked": list(change.unchecked),
        "proof": {
            "command": proof.command,
            "passed": proof.passed,
            "seconds": proof.seconds,
            "output": proof.output,
            "problem": proof.problem,
        }
        if proof
        else None,
        "model": offer.model,
        "canBeRefined": offer.thread is not None,
        "isPart": bool(offer.whole),
        "runId": offer.run_id,
    }


def _places(file: OfferedFile) -> list[dict[str, Any]]:
    """Of each hunk its lines in the text before, from 0, and the first line that it writes.

    In place of that one, where it only takes lines away, the first of those.
    """
    before, after = Lines(file.before), Lines(file.after)
    places: list[dict[str, Any]] = []
    growth = 0
    for edit in file.change.edits:
        first, last = before.first_and_last(edit.span)
        written = edit.new_text.lstrip()
        start = edit.span.start + growth + len(edit.new_text) - len(written)
        place = after.full(Span(start, start)) if written else before.full(edit.span)
        text = (after if written else before).text[place.start : place.end].strip()
        row = shortened(visible(text.partition("\n")[0]), MOST_OF_LINE)
        places.append({"first": first, "last": last, "text": row})
        growth += len(edit.new_text) - (edit.span.end - edit.span.start)
    return places


def _state(offer: Offer) -> str:
    """ "refused", "answered" (words alone), "taken", "touched", "waiting for yes" or "offered"."""
    if offer.reasons:
        return "refused"
    if not offer.files:
        return "answered"
    if offer.is_taken:
        return "taken"
    if offer.touched:
        return "touched"
    return "waiting for yes" if offer.new_dependencies else "offered"
