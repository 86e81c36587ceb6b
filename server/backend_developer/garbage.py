"""Keeps Python's search for garbage away from what stays, so that it is no pause for a person."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def staying() -> Iterator[None]:
    """What is imported inside, and read for good, is never searched: not while it comes, which
    holds Python's lock for 40 ms at a time, and not later.

    Where nothing was imported that was not there before, nothing is put aside: what is garbage at
    such a moment is never found again.
    """
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
