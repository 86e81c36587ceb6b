"""The offers of one session, from when they come until they are discarded.

    put_up, replace, discard  -> what is offered
    a document or a file says something new -> follow, look_at_files: what is true of it still

What has become of the files of an offer is always up to date, of those that are open. Of the
others the disk is asked before anything of it is given out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import unquote

from .core.model import Document

if TYPE_CHECKING:
    from .offers import EditKind, Offer

MOST_BYTES = 10_000_000
"""Of a file that an offer is about, when it is looked at again."""
MOST_TAKEN = 20
"""So many that were taken can still be undone and refined: each holds a conversation."""
UNREADABLE = "\0"
"""Stands for what a file holds that is no text, as no text that can be edited does."""


class HasDocument(Protocol):
    """An open document, as far as offers are concerned."""

    @property
    def document(self) -> Document: ...


class LiveOffers:
    """In the order in which they came.

    `opened` are the session's documents, of which `document_at` finds the one at an absolute path;
    `changed` is called with the URI of each document whose offers are others now.
    """

    def __init__(
        self,
        opened: Mapping[str, HasDocument],
        document_at: Callable[[str], Document | None],
        changed: Callable[[str], None],
    ) -> None:
        self._opened = opened
        self._document_at = document_at
        self._changed = changed
        self._by_id: dict[str, Offer] = {}
        self._on_disk: dict[str, Signature] = {}
        """What the files of offers, by absolute path, were when they were read last."""
        self._given: dict[str, EditKind] = {}
        """Offers of which the client says that it has made that edit, until we see so."""

    def __iter__(self) -> Iterator[Offer]:
        return iter(self._by_id.values())

    def __reversed__(self) -> Iterator[Offer]:
        return reversed(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, id: str) -> Offer | None:
        return self._by_id.get(id)

    def latest(self, offer: Offer) -> Offer:
        """What has become of an offer; itself, when it is not offered any more."""
        return self._by_id.get(offer.id, offer)

    async def put_up(self, offer: Offer, instead_of: Offer | None) -> None:
        """Offers a change, in place of an earlier one; as far as its files are what they were."""
        from .offers import path_of  # Here: a server starts without it.

        self._by_id[offer.id] = offer
        if instead_of:
            self._by_id.pop(instead_of.id, None)
        taken = [one for one in self if one.is_taken and not one.whole]
        for old in taken[: max(0, len(taken) - MOST_TAKEN)]:
            self.discard(old)
        await self.look_at_files(
            [file.change.document.path for file in offer.files if file.change.document.path]
        )
        for document in [one.document for one in self._opened.values()]:
            self.follow(document)
            if _is_same(document.uri, offer.uri) or path_of(offer, document):
                self._changed(document.uri)

    def replace(self, offer: Offer) -> None:
        """An offer is another one now."""
        self._by_id[offer.id] = offer
        self._changed(offer.uri)

    def discard(self, offer: Offer) -> None:
        """Takes an offer away, and the parts of it."""
        for id in [offer.id, *(one.id for one in self if one.whole == offer.id)]:
            self._by_id.pop(id, None)
            self._given.pop(id, None)
        self._changed(offer.uri)

    def follow(self, document: Document) -> None:
        """What a document says now is news for the offers about it."""
        if not self._by_id:
            return
        from .offers import followed, path_of  # Here: a server starts without it.

        for id, offer in list(self._by_id.items()):
            uri = offer.uri if _is_same(document.uri, offer.uri) else document.uri
            after = followed(offer, uri, path_of(offer, document), document)
            if after is offer:
                continue
            self._by_id[id] = after
            if id in self._given:
                self._lose_sight(id)
            self._changed(offer.uri)

    def was_given(self, offer: Offer, edit: EditKind) -> None:
        """The client says that it has made an edit of an offer."""
        self._given[offer.id] = edit
        self._lose_sight(offer.id)

    def _lose_sight(self, id: str) -> None:
        """Of the files that the client has made an edit in, and does not show us."""
        from .offers import out_of_sight, overtaken  # Here: a server starts without it.

        before = self._by_id[id]
        shown = {one.document.path for one in self._opened.values()} - {""}
        after = out_of_sight(before, self._given[id], shown)
        if after is before:
            return
        del self._given[id]
        self._by_id[id] = after
        lost = [new for old, new in zip(before.files, after.files, strict=True) if new is not old]
        for other in list(self):
            if other.id != id:
                self._by_id[other.id] = overtaken(other, lost)
            self._changed(other.uri)

    async def look_at_files(self, paths: Sequence[str]) -> None:
        """Learns what files that are not open, and that offers are about, hold now."""
        wanted = {
            file.change.document.path: file.change.document
            for offer in self
            for file in offer.files
            if file.change.document.path in paths
        }
        for path, known in wanted.items():
            document, found = await asyncio.to_thread(_read_again, known)
            self._on_disk[path] = found
            if self._document_at(path) is None:
                self.follow(document)

    def is_true_of_disk(self, offer: Offer) -> bool:
        """Whether those of its files that are not open are what they were when last read.

        Asks the disk for times and sizes alone, in microseconds.
        """
        return all(
            self._on_disk.get(path) == _signature(path)
            for file in offer.files
            for path in [file.change.document.path]
            if path and self._document_at(path) is None
        )


Signature: TypeAlias = tuple[int, int, int] | None
"""Of a file: its time in nanoseconds, size and inode; None: there is none."""


def _signature(path: str) -> Signature:
    """What tells a file from what it was before, without reading it."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def text_on_disk(known: Document) -> str | None:
    """What a file holds now; None when that is no text, or there is none. To be called in a
    thread.
    """
    document, found = _read_again(known)
    return None if found is None or document.text == UNREADABLE else document.text


def _read_again(known: Document) -> tuple[Document, Signature]:
    """A file's document as it is on disk, without text where there is none; in a thread."""
    from .files import SourceFile, UnreadableError, read  # Here: a server starts without it.

    path = Path(known.path)
    before = _signature(known.path)
    try:
        content = read(SourceFile(known.path, path, known.language), MOST_BYTES)
    except UnreadableError:
        # What is there is no text, so that no change fits it: neither an empty file nor any other.
        text = "" if before is None else UNREADABLE
        return replace(known, text=text, version=None), before
    return replace(content.document, uri=known.uri), before


def _is_same(one: str, other: str) -> bool:
    """Whether two URIs name one document: clients write `:` and `%3A` for the same thing."""
    return unquote(one) == unquote(other)
