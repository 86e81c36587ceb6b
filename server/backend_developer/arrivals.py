"""Answers of batches that arrive while an editor is open: told, and shown where their file is."""

from __future__ import annotations

import asyncio
import logging

from . import runs
from .core.model import Span
from .failures import where_raised
from .session import Session

logger = logging.getLogger(__name__)

LOOK_SECONDS = 300.0
"""Between looks at whether a batch is done. Without a batch that is a look into a local file."""


async def watch(session: Session) -> None:
    """Looks until the client says goodbye. What goes wrong is logged: the next look may do."""
    reviewers = await session.ready()
    while reviewers.collect and not session.is_closing:
        for folder in session.folders:
            settings = await session.settings_of(folder)
            if settings.engine == "local":
                continue
            try:
                collected = await reviewers.collect(settings, str(folder))
            except Exception as error:
                logger.warning("Batches could not be asked after: %s", where_raised(error))
                continue
            for problem in collected.problems:
                session.tell_once(problem, "warning")
            if not collected.files:
                continue
            count = len(collected.files)
            session.tell(
                f"The agent's answers about {count} file{'' if count == 1 else 's'} have come: "
                "open a file to see them, or review it again.",
                "information",
            )
            for opened in list(session.documents.values()):
                if opened.document.path in collected.files and not opened.is_out_of_step:
                    whole = Span(0, len(opened.document.text))
                    for task in collected.tasks:
                        runs.start_review(session, opened, task, whole, None, only_kept=True)
        await asyncio.sleep(LOOK_SECONDS)
