"""The project's files, read in the background and again when they change on disk.

A buffer stands for its file while it is open: what it says comes with each review of it, in `runs`.
Nothing here delays what a person waits for: the worker reads a few files at a time, between the
requests of others.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

from . import runs
from .core.model import Document
from .engines.base import EngineError
from .session import Session

logger = logging.getLogger(__name__)

READ_AT_ONCE = 20
"""Files that changed on disk, in one request."""


def start(session: Session, folders: Iterable[Path]) -> None:
    """Reads the files of workspace folders, in the background."""
    for folder in folders:
        session.keep(_read_folder(session, folder))


def folders_changed(session: Session, added: Sequence[Path], removed: Sequence[Path]) -> None:
    """The session's folders are others now: of those that were removed nothing is known any more,
    and each file belongs to the innermost.
    """
    for folder in removed:
        session.projects.pop(folder, None)
        session.keep(_forget(session, str(folder), None))
    for outer, project in list(session.projects.items()):
        inner = tuple(f"{folder}{os.sep}" for folder in added if _lies_in(folder, outer))
        gone = [path for path in project.files if path.startswith(inner)]
        session.know(outer, [(path, None) for path in gone])
        session.keep(_forget(session, str(outer or ""), gone))
    around = [session.folder_of(str(folder.parent)) for folder in removed]
    start(session, dict.fromkeys([*added, *filter(None, around)]))


def closed(session: Session, document: Document) -> None:
    """The document is open no more, and what was not saved of it is no more."""
    path = document.path or document.uri
    if session.folder_of(path) is None:
        session.keep(_forget(session, "", [path]))
    else:
        changed_on_disk(session, [path])


def changed_on_disk(session: Session, paths: Iterable[str]) -> None:
    """Reads files again that were changed, made or removed, and what lies in such folders."""
    folders: dict[str, Path | None] = {}
    for path in paths:
        # Thousands may change at once, most of them in few folders.
        above = os.path.dirname(path)
        if above not in folders:
            folders[above] = session.folder_of(above)
        folder = folders[above]
        if folder is None or folder not in session.projects:
            continue
        if folder not in session.unread:
            session.unread[folder] = {}
            session.keep(_read_again(session, folder))
        session.unread[folder][path] = None


async def _forget(session: Session, folder: str, paths: Sequence[str] | None) -> None:
    indexer = (await session.ready()).indexer
    if indexer is None or paths == []:
        return
    try:
        await indexer.forget(folder, paths)
    except EngineError as error:
        logger.warning("%s", error)


async def _read_folder(session: Session, folder: Path) -> None:
    indexer = (await session.ready()).indexer
    settings = await session.settings_of(folder)
    if indexer is None or not settings.project_index or folder not in session.folders:
        return
    limit = settings.maximum_indexed_files
    inner = [str(other) for other in session.folders if _lies_in(other, folder)]
    reading = indexer.read_folder(str(folder), limit, session.paths, inner)
    try:
        async with aclosing(reading):
            async for facts, is_cut_short in reading:
                if folder not in session.folders:
                    return
                session.know(folder, [(one.path, one) for one in facts])
                # They stay: a search for garbage in all of them is a pause of 40 ms. Without what
                # is garbage now, which would stay, too.
                gc.collect(0)
                gc.freeze()
                if is_cut_short:
                    logger.warning(
                        "Only the first %s files of %s are known: raise the setting "
                        "maximumIndexedFiles for more.",
                        f"{limit:,}",
                        folder,
                    )
    except EngineError as error:
        logger.warning("%s", error)
    runs.review_again(session, folder)


async def _read_again(session: Session, folder: Path) -> None:
    """Reads what waits for it in the folder, and what comes to wait meanwhile."""
    unread = session.unread[folder]
    is_news = False
    try:
        indexer = (await session.ready()).indexer
        while unread and indexer and folder in session.projects:
            told, known = [*unread], session.projects[folder].files
            unread.clear()
            paths = await asyncio.to_thread(_with_what_lies_in, told, known)
            for begin in range(0, len(paths), READ_AT_ONCE):
                # What was opened meanwhile stands for its file.
                opened = session.paths()
                some = [one for one in paths[begin : begin + READ_AT_ONCE] if one not in opened]
                changed = await indexer.read_again(str(folder), some) if some else ()
                is_news = session.know(folder, changed) or is_news
    except EngineError as error:
        logger.warning("%s", error)
    finally:
        del session.unread[folder]
    if is_news:
        runs.review_again(session, folder)


def _with_what_lies_in(paths: Sequence[str], known: Iterable[str]) -> list[str]:
    """The paths, and of each that is a folder, or was one, the files in it; in a thread.

    Of a folder that is made, moved or removed some clients do not tell the files.
    """
    from .files import walk  # Here: a server starts without it.

    folders = [Path(path) for path in paths if os.path.isdir(path)]
    there = (str(file.absolute) for folder in folders for file in walk(folder))
    changed = set(paths)
    gone = (file for file in known if any(parent in changed for parent in _parents(file)))
    return list(dict.fromkeys([*paths, *there, *gone]))


def _parents(path: str) -> Iterator[str]:
    while above := path.rpartition(os.sep)[0]:
        yield above
        path = above


def _lies_in(inner: Path, outer: Path | None) -> bool:
    """Whether a folder is another one's, at any depth; None: of all folders' that are in none."""
    return outer is None or (inner != outer and inner.is_relative_to(outer))
