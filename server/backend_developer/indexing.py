"""The project's files, read in the background and again when they change on disk.

A buffer stands for its file while it is open: what it says comes with each review of it, in `runs`.
Nothing here delays what a person waits for: the worker reads a few files at a time, between the
requests of others.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable
from pathlib import Path

from . import runs
from .engines.base import EngineError
from .session import Session

logger = logging.getLogger(__name__)

READ_AT_ONCE = 20
"""Files that changed on disk, in one request."""


def start(session: Session, folders: Iterable[Path]) -> None:
    """Reads the files of workspace folders, in the background."""
    for folder in folders:
        session.keep(_read_folder(session, folder))


def changed_on_disk(session: Session, paths: Iterable[str]) -> None:
    """Reads files again that were changed, made or removed, or that are open no more."""
    by_folder: dict[Path, list[str]] = {}
    for path in paths:
        folder = session.folder_of(path)
        if folder is not None and folder in session.projects:
            by_folder.setdefault(folder, []).append(path)
    for folder, changed in by_folder.items():
        session.keep(_read_again(session, folder, changed))


async def _read_folder(session: Session, folder: Path) -> None:
    indexer = (await session.ready()).indexer
    settings = await session.settings_of(folder)
    if indexer is None or not settings.project_index:
        return
    try:
        limit = settings.maximum_indexed_files
        async for facts, is_cut_short in indexer.read_folder(str(folder), limit, session.paths):
            session.know(folder, [(one.path, one) for one in facts])
            # They stay: a search for garbage in all of them is a pause of 40 ms. Without what is
            # garbage now, which would stay, too.
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


async def _read_again(session: Session, folder: Path, paths: list[str]) -> None:
    indexer = (await session.ready()).indexer
    if indexer is None:
        return
    is_news = False
    for start_ in range(0, len(paths), READ_AT_ONCE):
        # What was opened meanwhile stands for its file.
        some = [
            path for path in paths[start_ : start_ + READ_AT_ONCE] if path not in session.paths()
        ]
        try:
            changed = await indexer.read_again(str(folder), some) if some else ()
        except EngineError as error:
            logger.warning("%s", error)
            return
        is_news = session.know(folder, changed) or is_news
    if is_news:
        runs.review_again(session, folder)
