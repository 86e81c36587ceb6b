"""Keeps Python's search for garbage away from what stays, so that it is no pause for a person."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_ONE_THREAD = RLock()
"""Of two that both switched the search off, the later one might leave it off for good."""


@contextmanager
def staying() -> Iterator[None]:
    """What is imported inside, and read for good, is never searched: not while it comes, which
    holds Python's lock for 40 ms at a time, and not later. One thread at a time is inside.

    Where nothing was imported that was not there before, nothing is put aside: what is garbage at
    such a moment is never found again.
    """
    with _ONE_THREAD:
        was_enabled = gc.isenabled()
        known = len(sys.modules)
        gc.disable()
        try:
            yield
        finally:
            if len(sys.modules) > known:
                gc.freeze()
            if was_enabled:
                gc.enable()
