"""Changes that are offered, and what becomes of their files while a person decides.

    Proposed | Refused -> Offer, shown where it was asked for
    a text changes     -> followed: its edits move, are taken, or are touched
    a person picks     -> edits for the editor; or those that undo them

A file's edits are only given out while they are true of its text. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from .core.changes import ChangeSet, Dependency, FileChange
from .core.edits import apply
from .core.model import Document, Span, TextEdit
from .core.text import Change, Lines, trim
from .core.tracking import grown, moved

if TYPE_CHECKING:
    from .change import Proposed, Refused
    from .engines.base import ReviewRequest, Thread
    from .proof import Proof

FileState: TypeAlias = Literal["waiting", "given", "taken", "edited", "touched"]
"""waiting: its edits can be made; given: an editor that does not show us the file has got them, so
that nobody knows whether it was saved; taken: they were made; edited: they were, and it was typed
in since; touched: it was changed where they would be made."""
EditKind: TypeAlias = Literal["take", "undo"]


@dataclass(frozen=True, slots=True)
class OfferedFile:
    change: FileChange
    """True of the latest text while `state` is "waiting"; else of the last such text."""
    after: str
    """The text with its edits made."""
    state: FileState = "waiting"
    parts: tuple[frozenset[int], ...] = ()
    """Which of its edits, by index, were offered by themselves, too."""

    @property
    def path(self) -> str:
        return self.change.path

    @property
    def before(self) -> str:
        return self.change.document.text


@dataclass(frozen=True, slots=True)
class Offer:
    """One answer to a task, from when it came until it is discarded."""

    id: str
    title: str
    """The task's."""
    uri: str
    """Of the document that it was asked for."""
    text: str
    """That document's, when `span` was last true of it."""
    span: Span
    """Where it is shown."""
    files: tuple[OfferedFile, ...]
    change: ChangeSet
    """As it was checked; `files` says what has become of it."""
    request: ReviewRequest
    """What it answers."""
    model: str
    run_id: str
    """Of the run that it came of."""
    reasons: tuple[str, ...] = ()
    """Why it is refused; empty: it is offered."""
    proof: Proof | None = None
    thread: Thread | None = None
    """The conversation, to go on with."""
    allowed: frozenset[str] = frozenset()
    """Names of dependencies that a person has said yes to."""
    whole: str = ""
    """The id of the offer that this is a part of."""

    @property
    def line(self) -> int:
        """The line, from 1, that it is shown at."""
        return Lines(self.text).line_of(self.span.start) + 1

    @property
    def new_dependencies(self) -> tuple[Dependency, ...]:
        """Those that a person has not said yes to."""
        return tuple(one for one in self.change.dependencies if one.name not in self.allowed)

    @property
    def waiting(self) -> tuple[OfferedFile, ...]:
        return tuple(file for file in self.files if file.state == "waiting")

    @property
    def touched(self) -> tuple[OfferedFile, ...]:
        return tuple(file for file in self.files if file.state == "touched")

    @property
    def is_taken(self) -> bool:
        """Every file of it was."""
        done = ("given", "taken", "edited")
        return bool(self.files) and all(file.state in done for file in self.files)

    @property
    def can_be_taken(self) -> bool:
        return bool(self.waiting) and not (self.reasons or self.touched or self.new_dependencies)

    @property
    def can_be_undone(self) -> bool:
        return bool(self.files) and all(file.state == "taken" for file in self.files)


def offer_of(
    id: str,
    result: Proposed | Refused,
    request: ReviewRequest,
    *,
    model: str,
    run_id: str = "",
    thread: Thread | None = None,
) -> Offer:
    """What a request came to, shown at what was selected; `run_id` names its run in an editor."""
    from .change import Refused  # Here: a server starts without it.

    asked = replace(request, thread=None, follow_up="", problems=(), changed_files=())
    reasons: tuple[str, ...] = ()
    proof = None
    if isinstance(result, Refused):
        change, reasons = ChangeSet((), result.explanation), result.reasons
    else:
        change, proof = result.change, result.proof
    return Offer(
        id=id,
        title=request.task.title,
        uri=request.document.uri,
        text=request.document.text,
        span=request.span,
        files=tuple(OfferedFile(file, file.text_after) for file in change.files),
        change=change,
        request=asked,
        model=model,
        run_id=run_id,
        reasons=reasons,
        proof=proof,
        thread=thread,
    )


def followed(offer: Offer, uri: str, path: str, document: Document) -> Offer:
    """The offer after the document of that URI, and of that path of a change, became this."""
    if uri == offer.uri and document.text != offer.text:
        asked = offer.request
        is_as_asked = document.text == asked.document.text
        changes = [_difference(offer.text, document.text)]
        span = asked.span if is_as_asked else grown(offer.span, changes)
        offer = replace(offer, span=span, text=document.text)
    files = tuple(_followed(file, document) if file.path == path else file for file in offer.files)
    return offer if files == offer.files else replace(offer, files=files)


def out_of_sight(offer: Offer, edit: EditKind, shown: Collection[str]) -> Offer:
    """The offer, whose edit an editor was given, which shows us the files of those absolute paths.

    It makes the edit in all files or in none. So once those that are shown are what the edit makes
    of them, the others must not be given it again: they may wait in it unsaved.
    """
    aim: FileState = "taken" if edit == "take" else "waiting"
    start: FileState = "waiting" if edit == "take" else "taken"
    left: FileState = "given" if edit == "take" else "touched"
    unseen = [file for file in offer.files if file.change.document.path not in shown]
    if any(file.state != aim for file in offer.files if file not in unseen):
        return offer
    files = tuple(
        replace(file, state=left) if file in unseen and file.state == start else file
        for file in offer.files
    )
    return offer if files == offer.files else replace(offer, files=files)


def overtaken(offer: Offer, lost: Sequence[OfferedFile]) -> Offer:
    """The offer, after another one's edits of those files went out of sight."""
    by_path = {file.change.document.path: file for file in lost}
    files = tuple(
        _overtaken(file, by_path.get(file.change.document.path))
        if file.state == "waiting"
        else file
        for file in offer.files
    )
    return offer if files == offer.files else replace(offer, files=files)


def _overtaken(file: OfferedFile, lost: OfferedFile | None) -> OfferedFile:
    if lost is None:
        return file
    return replace(file, state=lost.state if lost.change.edits == file.change.edits else "touched")


def path_of(offer: Offer, document: Document) -> str:
    """What a document is called in the offer's change; "" when it is no file of it."""
    path = document.path or document.uri
    return next(
        (file.path for file in offer.files if path == (file.change.document.path or file.path)), ""
    )


def with_part(offer: Offer, chosen: Mapping[str, Collection[int]]) -> Offer:
    """The offer, which remembers that those of its edits may be taken by themselves."""
    return replace(
        offer,
        files=tuple(
            replace(file, parts=(*file.parts, frozenset(chosen[file.path])))
            if file.path in chosen
            else file
            for file in offer.files
        ),
    )


def reversed_edits(file: OfferedFile) -> tuple[TextEdit, ...]:
    """The edits of the text after that give the text before."""
    edits: list[TextEdit] = []
    growth = 0
    for edit in file.change.edits:
        start = edit.span.start + growth
        old = file.before[edit.span.start : edit.span.end]
        edits.append(TextEdit(Span(start, start + len(edit.new_text)), old))
        growth += len(edit.new_text) - len(old)
    return tuple(edits)


# --- One file


def _followed(file: OfferedFile, document: Document) -> OfferedFile:
    text = document.text
    if text == file.before:
        if file.state == "given" and document.version is None:
            return file  # Not saved yet.
        return replace(file, change=replace(file.change, document=document), state="waiting")
    if text == file.after:
        return replace(file, state="taken")
    if file.state in ("taken", "edited"):
        return replace(file, state="edited")
    if file.state == "touched":
        return file
    for part in file.parts:
        taken = [edit for index, edit in enumerate(file.change.edits) if index in part]
        if apply(file.before, taken) == text:
            rest = [edit for edit in file.change.edits if edit not in taken]
            return _moved(file, document, rest, _as_changes(taken))
    return _moved(file, document, file.change.edits, [_difference(file.before, text)])


def _moved(
    file: OfferedFile, document: Document, edits: Sequence[TextEdit], changes: Sequence[Change]
) -> OfferedFile:
    """With those edits, moved to the document's text; touched, where a change met one."""
    places = [moved(edit.span, changes) for edit in edits]
    if any(place is None for place in places):
        return replace(file, state="touched")
    there = tuple(
        replace(edit, span=place) for edit, place in zip(edits, places, strict=True) if place
    )
    after = apply(document.text, there)
    change = replace(file.change, document=document, edits=there)
    # What was a part of the edits before is not one of those that are left.
    parts = file.parts if len(there) == len(file.change.edits) else ()
    return OfferedFile(change, after, "waiting" if there else "taken", parts)


def _difference(before: str, after: str) -> Change:
    return trim(before, Change(Span(0, len(before)), after))


def _as_changes(edits: Sequence[TextEdit]) -> list[Change]:
    """Edits that are made at once as changes that follow each other: the last place first."""
    last_first = sorted(edits, key=lambda edit: edit.span, reverse=True)
    return [Change(edit.span, edit.new_text) for edit in last_first]
