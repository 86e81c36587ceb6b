"""An offered change and the bytes of its files: an exact diff of them, and writing them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..change_files import MOST_BYTES
from ..core.changes import FileChange, git_diff
from ..core.text import visible
from ..files import Content, SourceFile, UnreadableError, read
from ..offers import Offer, followed
from ..writing import ChangedError, FileWrite, WriteError, write_all


def exact_diff(offer: Offer, reviewed: Content) -> bytes:
    """What `git apply` and `patch -p1` make the change with, byte for byte.

    `reviewed` is the selected file as it was read; the others are read, and must hold what the
    change was made for. Raises WriteError.
    """
    diffs = []
    for file in offer.change.files:
        write = _write_of(file, reviewed)
        before = None if write.expected is None else write.expected.decode()
        diffs.append(git_diff(file.path, before, write.data.decode()))
    return "".join(diffs).encode()


def take(offer: Offer, reviewed: Content, root: Path) -> Offer:
    """Writes all files of the offer, or none; the offer as it is then. Raises WriteError."""
    write_all([_write_of(file, reviewed) for file in offer.change.files], root)
    for file in offer.files:
        document = replace(file.change.document, text=file.after)
        offer = followed(offer, document.uri, file.path, document)
    return offer


def _write_of(file: FileChange, reviewed: Content) -> FileWrite:
    document = file.document
    path = Path(document.path)
    if file.is_new:
        return FileWrite(path, None, file.text_after.encode())
    content = reviewed
    if document.path != reviewed.document.path:
        try:
            content = read(SourceFile(file.path, path, document.language), MOST_BYTES)
        except UnreadableError as error:
            raise WriteError(f"{visible(file.path)} cannot be changed: {error}.") from None
    if content.document.text != document.text:
        raise ChangedError(
            f"{visible(file.path)} was changed meanwhile, so nothing was written: try again."
        )
    return FileWrite(path, content.data, content.encode(file.text_after))
