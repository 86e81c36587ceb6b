"""The facts of the files on disk: of a whole folder, a few files at a time, and of changed ones."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from ..core.model import Document
from ..detector import Source
from ..failures import where_raised
from ..files import Content, SourceFile, UnreadableError, among_walked, language_of, read, walk
from ..roles import role_of
from .extract import LANGUAGES, facts_of
from .facts import Chunk, FileFacts

logger = logging.getLogger(__name__)

MAXIMUM_BYTES = 300_000
"""A larger file was written by a program."""


class Reading:
    """Reads a folder's files step by step, so that whoever waits for something else waits shortly.

    Folders that a review leaves out are left out here, and so are tests, which have routes and
    models of their own that are no part of the project, and the `inner` folders, which are projects
    of their own.
    """

    def __init__(self, folder: Path, maximum_files: int, inner: Iterable[str] = ()) -> None:
        others = tuple(f"{other}{os.sep}" for other in inner)
        self._files = (
            file
            for file in walk(folder)
            if file.language in LANGUAGES and not str(file.absolute).startswith(others)
        )
        self._left = maximum_files

    def step(self, seconds: float, skipped: Collection[str] = ()) -> Chunk:
        """Reads for about so long; one file may take longer. `skipped` are open in an editor."""
        end = time.perf_counter() + seconds
        found: list[FileFacts] = []
        for file in self._files:
            if not self._left:
                return Chunk(tuple(found), True, True)
            self._left -= 1
            if str(file.absolute) not in skipped:
                facts = read_facts(file)
                if facts is not None and not facts.is_empty:
                    found.append(facts)
            if time.perf_counter() >= end:
                return Chunk(tuple(found), False)
        return Chunk(tuple(found), True)


def read_facts(file: SourceFile) -> FileFacts | None:
    """What a file on disk says; None when it cannot be read or is no part of the project."""
    try:
        return facts_of_content(read(file, MAXIMUM_BYTES))
    except UnreadableError:
        return None


def read_again(folder: Path, paths: Iterable[str]) -> list[tuple[str, FileFacts | None]]:
    """What files of a folder that have changed on disk say now.

    None for one that says nothing any more, or that a reading of the folder leaves out.
    """
    files = [
        SourceFile(str(path), path, language)
        for path in map(Path, paths)
        if (language := language_of(path)) and language in LANGUAGES
    ]
    walked = among_walked(folder, [file.absolute for file in files])
    return [(file.path, read_facts(file) if file.absolute in walked else None) for file in files]


def facts_of_content(content: Content) -> FileFacts | None:
    """What a file says; None when it is no part of the project."""
    return facts_of_document(content.document) if content.size <= MAXIMUM_BYTES else None


def facts_of_document(document: Document) -> FileFacts | None:
    """What a document says; None when it is a test or generated, and so no part of the project."""
    if document.language not in LANGUAGES or role_of(document) in ("test", "generated"):
        return None
    return facts_of_source(Source(document))


def facts_of_source(source: Source) -> FileFacts:
    """The same, whatever the file is for; nothing when the reader made a mistake."""
    try:
        return facts_of(source)
    except Exception as error:
        # What a file says is worth less than the review of it.
        logger.error("The facts of a file could not be read: %s", where_raised(error))
        return FileFacts(source.document.path or source.document.uri, source.document.language)
