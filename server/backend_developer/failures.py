"""Unexpected exceptions, as the log may tell of them."""

from __future__ import annotations

import traceback


def where_raised(error: BaseException) -> str:
    """The types of an exception and its causes and where each was raised.

    Without their messages: those may quote the document, which no log above DEBUG holds.
    """
    parts: list[str] = []
    link: BaseException | None = error
    while link is not None:
        frames = "".join(traceback.format_tb(link.__traceback__))
        parts.append(f"{type(link).__name__}, raised at:\n{frames}")
        link = link.__cause__ or link.__context__
    return "caused by ".join(parts)
