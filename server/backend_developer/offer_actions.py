"""What a person can do with an offered change: take it, parts of it, undo it, have it otherwise.

Pure, and quick: asked at each cursor move.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from .actions import ALLOW_COMMAND, DISCARD_COMMAND, NARROW_COMMAND, REFINE_COMMAND
from .core.changes import ChangeSet
from .core.model import Span
from .core.text import Lines
from .offers import Offer, OfferedFile

if TYPE_CHECKING:
    from .proof import Proof

PREVIEW_COMMAND = "backend-developer.preview"
"""Ours in VS Code and Neovim: the server has no window."""

OTHER_MODELS = ("sonnet", "opus", "haiku")


@dataclass(frozen=True, slots=True)
class OfferAction:
    title: str
    offer: Offer
    edit: Literal["", "take", "undo"] = ""
    command: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)


def offer_actions(
    offers: Iterable[Offer],
    lines: Lines,
    uri_path: Mapping[str, str],
    span: Span,
    *,
    can_create: bool,
    can_delete: bool,
    can_ask: bool,
    can_show: bool,
) -> list[OfferAction]:
    """The actions on the offers at `span` of the text that `lines` index, most wanted first.

    An offer is at its marker's lines, and at each place of the document that it changes.
    `uri_path` has, by an offer's id, what the document is called in its change. The rest is what
    the client can do: make files, take them away, ask for words, show a preview.
    """
    actions: list[OfferAction] = []
    for offer in offers:
        path = uri_path.get(offer.id, "")
        if not _is_here(offer, path, lines, span):
            continue
        if offer.is_taken:
            if offer.can_be_undone and (can_delete or not _creates(offer)):
                title = f"Undo: {offer.title} ({said_of(offer.change)})"
                actions.append(OfferAction(title, offer, "undo"))
            continue
        actions += _dependencies(offer)
        if offer.can_be_taken and (can_create or not _creates(offer)):
            actions.append(OfferAction(_take_title(offer), offer, "take"))
        arguments = {"id": offer.id}
        if can_show:
            title = f"Preview: {offer.title}"
            actions.append(OfferAction(title, offer, command=PREVIEW_COMMAND, arguments=arguments))
        actions += _parts(offer, path, lines, span, can_create)
        actions += _otherwise(offer, can_ask)
        title = f"Discard: {offer.title}"
        actions.append(OfferAction(title, offer, command=DISCARD_COMMAND, arguments=arguments))
    return actions


def said_of(change: ChangeSet) -> str:
    """`3 files, +120 −14`."""
    count = len(change.files)
    counts = [file.counts for file in change.files]
    added, removed = (sum(numbers) for numbers in zip(*counts, strict=True)) if counts else (0, 0)
    return f"{count} file{'' if count == 1 else 's'}, +{added} −{removed}"


def said_of_proof(proof: Proof) -> str:
    """What the person's own command said, in a sentence."""
    if proof.problem:
        return proof.problem
    said = "passes" if proof.passed else "fails"
    return f"`{proof.command}` {said} with it ({proof.seconds:.0f} s)."


def _take_title(offer: Offer) -> str:
    part = "part of " if offer.whole else ""
    steps = len(offer.change.steps)
    more = f"; then {steps} step{'' if steps == 1 else 's'} by hand" if steps else ""
    waiting = replace(offer.change, files=tuple(file.change for file in offer.waiting))
    return f"Take: {part}{offer.title} ({said_of(waiting)}{more})"


def _creates(offer: Offer) -> bool:
    return any(file.change.is_new for file in offer.files)


def _is_here(offer: Offer, path: str, lines: Lines, span: Span) -> bool:
    first, last = lines.first_and_last(span)
    places = [offer.span] if lines.text == offer.text else []
    places += (
        edit.span for file in offer.waiting if file.path == path for edit in file.change.edits
    )
    ranges = map(lines.first_and_last, places)
    return any(start <= last and first <= end for start, end in ranges)


def _dependencies(offer: Offer) -> list[OfferAction]:
    if offer.reasons:
        return []
    return [
        OfferAction(
            f"Allow the new dependency {' '.join([one.name, one.version]).strip()}: {one.why}",
            offer,
            command=ALLOW_COMMAND,
            arguments={"id": offer.id, "name": one.name},
        )
        for one in offer.new_dependencies
    ]


def _parts(
    offer: Offer, path: str, lines: Lines, span: Span, can_create: bool
) -> list[OfferAction]:
    """Single files, and the single place at the cursor; each is checked by itself when picked."""
    if offer.whole or offer.reasons:
        return []
    actions = []
    if len(offer.files) > 1:
        actions = [
            OfferAction(
                f"Only {file.path} of it ({_said_of_file(file)})",
                offer,
                command=NARROW_COMMAND,
                arguments={"id": offer.id, "files": [file.path]},
            )
            for file in offer.waiting
            if can_create or not file.change.is_new
        ]
    first, last = lines.first_and_last(span)
    for file in offer.waiting:
        if file.path != path or len(file.change.edits) < 2:
            continue
        for index, edit in enumerate(file.change.edits):
            start, end = lines.first_and_last(edit.span)
            if start <= last and first <= end:
                where = f"line {start + 1}" if start == end else f"lines {start + 1} to {end + 1}"
                arguments = {"id": offer.id, "files": [path], "hunks": {path: [index]}}
                title = f"Only its change at {where}"
                actions.append(
                    OfferAction(title, offer, command=NARROW_COMMAND, arguments=arguments)
                )
    return actions


def _said_of_file(file: OfferedFile) -> str:
    added, removed = file.change.counts
    return "new" if file.change.is_new else f"+{added} −{removed}"


def _otherwise(offer: Offer, can_ask: bool) -> Sequence[OfferAction]:
    if offer.thread is None:
        return []
    wishes: list[tuple[str, dict[str, object]]] = [("Make it shorter", {"wish": _SHORTER})]
    if can_ask:
        wishes.insert(0, ("Refine…", {"asks": "How should it be otherwise?"}))
    if offer.touched or offer.reasons:
        wishes.insert(0, ("Ask again, for the files as they are now", {}))
    wishes += (
        (f"Try again with {model}", {"model": model})
        for model in OTHER_MODELS
        if model not in offer.model
    )
    return [
        OfferAction(
            f"{title}: {offer.title}" if index < 2 else title,
            offer,
            command=REFINE_COMMAND,
            arguments={"id": offer.id, **arguments},
        )
        for index, (title, arguments) in enumerate(wishes)
    ]


_SHORTER = "Make it shorter and simpler; keep what it does."
