"""Runs an external linter, bounded in time and output, with a clean environment."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from ..detector import DetectorError

TIMEOUT_SECONDS = 10.0
MAXIMUM_OUTPUT_BYTES = 20_000_000


class LinterError(DetectorError):
    """A linter that could not be used; `str()` is one sentence for the person."""


def run_linter(command: Sequence[str], *, folder: Path, text: str = "") -> bytes:
    """What the linter prints on stdout, given `text` on stdin and run in `folder`.

    Raises LinterError when it cannot be started, takes longer than TIMEOUT_SECONDS, prints more
    than MAXIMUM_OUTPUT_BYTES, or exits with neither 0 (nothing found) nor 1 (something found).
    """
    name = Path(command[0]).stem
    # stdin and stderr are files, so that one pipe is left and nothing can wait on both sides.
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
        stdin.write(text.encode("utf-8", "replace"))
        stdin.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=folder,
                env=_clean_environment(),
            )
        except OSError as error:
            raise LinterError(
                f"{name} could not be started ({error.strerror}); install it again."
            ) from error
        timer = threading.Timer(TIMEOUT_SECONDS, process.kill)
        timer.start()
        with process:
            assert process.stdout is not None  # stdout=PIPE says so.
            output = process.stdout.read(MAXIMUM_OUTPUT_BYTES + 1)
            timed_out = not timer.is_alive()
            timer.cancel()
            if len(output) > MAXIMUM_OUTPUT_BYTES:
                process.kill()
        if timed_out:
            raise LinterError(f"{name} took longer than {TIMEOUT_SECONDS:.0f} seconds.")
        if len(output) > MAXIMUM_OUTPUT_BYTES:
            raise LinterError(f"{name} printed more than {MAXIMUM_OUTPUT_BYTES // 1_000_000} MB.")
        if process.returncode not in (0, 1):
            stderr.seek(0)
            lines = stderr.read(10_000).decode("utf-8", "replace").strip().splitlines()
            said = lines[0] if lines else "no message"
            raise LinterError(f"{name} failed with exit code {process.returncode}: {said}.")
    return output


def find_program(name: str) -> str | None:
    """The path of a program that a wheel installed beside this Python, or None."""
    path = Path(sysconfig.get_path("scripts"), name + (".exe" if os.name == "nt" else ""))
    return str(path) if path.is_file() else None


def _clean_environment() -> dict[str, str]:
    # Nothing that configures a linter, and no key, gets through.
    kept = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"NO_COLOR": "1"}
