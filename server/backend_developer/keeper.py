"""Keeps a command: it ends, with all that it has started, when whoever asked for it does.

    python -I -S keeper.py PROGRAM ARGUMENT…     as the leader of a process group of its own

    stdin   held open by who asks; the group is killed when it ends
    stdout  what the command prints, its stderr included
    stderr  one line, at the end: `exit CODE`, or `not started: WHY`

Run by its path, so it imports nothing of this package.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main() -> None:
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    except OSError as error:
        _report(f"not started: {error.strerror}")
        return
    _report(f"exit {process.wait()}")
    # What it left behind in the background goes too.
    end_group(os.getpid())


def end_group(leader: int) -> None:
    """Kills the process and all of its group; nothing happens when there is none."""
    if os.name == "nt":
        command = ["taskkill", "/T", "/F", "/PID", str(leader)]
        subprocess.run(command, check=False, capture_output=True)
        return
    # On macOS it is a matter of permission once all have ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    end_group(os.getpid())


def _report(line: str) -> None:
    os.write(2, f"{line}\n".encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
