"""Runs an external linter, bounded in time and output, with a clean environment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..detector import DetectorCrashError, DetectorError

TIMEOUT_SECONDS = 10.0
SECONDS_PER_FILE = 0.2
"""Both are much more than any linter needs, on a machine that does much else too."""
MAXIMUM_OUTPUT_BYTES = 20_000_000


class LinterError(DetectorError):
    """A linter that could not be used; `str()` is one sentence for the person."""


class LinterCrashError(LinterError, DetectorCrashError):
    """One that the system ended, as where a stack has overflowed."""


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
    with (
        disk_trouble_told(name),
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stderr,
    ):
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
                start_new_session=True,
            )
        except OSError as error:
            raise LinterError(
                f"{name} could not be started ({error.strerror}); install it again."
            ) from error
        output = _output(process, seconds)
        if output is None:
            raise LinterError(f"{name} took longer than {seconds:.0f} seconds.")
        if len(output) > MAXIMUM_OUTPUT_BYTES:
            raise LinterError(f"{name} printed more than {MAXIMUM_OUTPUT_BYTES // 1_000_000} MB.")
        if process.returncode not in exit_codes:
            stderr.seek(0)
            lines = stderr.read(10_000).decode("utf-8", "replace").strip().splitlines()
            said = lines[0] if lines else "no message"
            has_crashed = not 0 <= process.returncode <= 255
            raise (LinterCrashError if has_crashed else LinterError)(
                f"{name} failed with exit code {process.returncode}: {said}."
            )
    return output


@contextlib.contextmanager
def disk_trouble_told(name: str) -> Iterator[None]:
    """Errors of temporary files as LinterErrors; `name` is the linter's."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise LinterError(
            f"{name} could not be run ({why}): make room in the folder for temporary files."
        ) from error


def _output(process: subprocess.Popen[bytes], seconds: float) -> bytes | None:
    """What the process prints until it ends, and a byte more than is allowed when it prints more.

    None when it, or a child of it that holds its stdout, goes on for longer. Neither does then.
    """
    stdout = process.stdout
    assert stdout is not None  # stdout=PIPE says so.
    printed: list[bytes] = []
    # In a thread, because a child that has left the session can hold stdout for ever.
    reader = threading.Thread(
        target=lambda: printed.append(stdout.read(MAXIMUM_OUTPUT_BYTES + 1)), daemon=True
    )
    end = time.monotonic() + seconds
    reader.start()
    try:
        reader.join(seconds)
        if printed and len(printed[0]) <= MAXIMUM_OUTPUT_BYTES:
            process.wait(max(end - time.monotonic(), 0))
        return printed[0] if printed else None
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None or reader.is_alive():
            _end(process)
        reader.join(1)
        if not reader.is_alive():
            stdout.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and its children."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


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
