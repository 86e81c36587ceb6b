"""Keeps Python's search for garbage away from what stays, so that it is no pause for a person."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def staying() -> Iterator[None]:
    """What is imported or read inside stays for good, and is never searched: not while it comes,
    which holds Python's lock for 40 ms at a time, and not later.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
