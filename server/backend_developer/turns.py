"""Processes of ours that write the same files do it one after the other."""

from __future__ import annotations

import errno
import sys
import time

SECONDS = 10.0
"""How long to wait for others; they take milliseconds, on a slow disk more."""


def wait_for_turn(descriptor: int) -> None:
    """Returns when nobody else has a turn at this file or folder: it is ours until the descriptor
    is closed, or the process ends.

    Only who asks for a turn is kept out, and nobody where there are no such locks: on Windows, and
    on some network disks. Blocks. Raises TimeoutError.
    """
    if sys.platform == "win32":
        return
    import fcntl

    end = time.monotonic() + SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                why = "another program is writing there: try again"
                raise TimeoutError(errno.ETIMEDOUT, why) from None
        except OSError:
            return
        time.sleep(0.01)
