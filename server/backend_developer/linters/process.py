"""Runs an external linter, bounded in time and output, with a clean environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from ..detector import DetectorError

TIMEOUT_SECONDS = 10.0
SECONDS_PER_FILE = 0.2
"""Both are much more than any linter needs, on a machine that does much else too."""
MAXIMUM_OUTPUT_BYTES = 20_000_000


class LinterError(DetectorError):
    """A linter that could not be used; `str()` is one sentence for the person."""


def run_linter(
    command: Sequence[str],
    *,
    folder: Path,
    text: str = "",
    exit_codes: Sequence[int] = (0, 1),
    files: int = 1,
    with_home: bool = False,
) -> bytes:
    """What the linter prints on stdout, given `text` on stdin and run in `folder`.

    Raises LinterError when it cannot be started, takes longer than TIMEOUT_SECONDS and a little
    for each of `files`, prints more than MAXIMUM_OUTPUT_BYTES, or exits with none of
    `exit_codes`: 0 is mostly for nothing found, and 1 for something. `with_home` lets it see
    where a person's own files are, as a tool of their own may have to.
    """
    seconds = TIMEOUT_SECONDS + (files - 1) * SECONDS_PER_FILE
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
                env=_clean_environment(with_home),
            )
        except OSError as error:
            raise LinterError(
                f"{name} could not be started ({error.strerror}); install it again."
            ) from error
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        with process:
            assert process.stdout is not None  # stdout=PIPE says so.
            output = process.stdout.read(MAXIMUM_OUTPUT_BYTES + 1)
            timed_out = not timer.is_alive()
            timer.cancel()
            if len(output) > MAXIMUM_OUTPUT_BYTES:
                process.kill()
        if timed_out:
            raise LinterError(f"{name} took longer than {seconds:.0f} seconds.")
        if len(output) > MAXIMUM_OUTPUT_BYTES:
            raise LinterError(f"{name} printed more than {MAXIMUM_OUTPUT_BYTES // 1_000_000} MB.")
        if process.returncode not in exit_codes:
            stderr.seek(0)
            lines = stderr.read(10_000).decode("utf-8", "replace").strip().splitlines()
            said = lines[0] if lines else "no message"
            raise LinterError(f"{name} failed with exit code {process.returncode}: {said}.")
    return output


def find_program(name: str, *, anywhere: bool = False) -> str | None:
    """The path of a program that a wheel installed beside this Python, or None.

    With `anywhere`, one of the search path will do; never one of the current folder, which a
    project could have put there.
    """
    path = Path(sysconfig.get_path("scripts"), name + (".exe" if os.name == "nt" else ""))
    if path.is_file():
        return str(path)
    found = shutil.which(name) if anywhere else None
    is_fit = found and Path(found).is_absolute() and Path(found).parent != Path.cwd()
    return found if is_fit else None


def _clean_environment(with_home: bool) -> dict[str, str]:
    # Nothing that configures a linter, and no key, gets through.
    kept = ["PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP"]
    if with_home:
        kept += ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "LANG"]
    return {name: os.environ[name] for name in kept if name in os.environ} | {"NO_COLOR": "1"}
