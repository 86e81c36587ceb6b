"""Runs an external linter, bounded in time and output, with a clean environment."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import signal
import stat
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from ..core.text import visible
from ..detector import DetectorCrashError, DetectorError
from ..giving_up import GivenUp, go_on

TIMEOUT_SECONDS = 10.0
SECONDS_PER_FILE = 0.2
"""Both are much more than any linter needs, on a machine that does much else too."""
MAXIMUM_OUTPUT_BYTES = 20_000_000
KEPT_OF_ERRORS = 10_000
"""Bytes of stderr."""
MOST_SAID = 300
"""Characters of its first line, which is what a person reads."""
LOOK_SECONDS = 0.05
"""How often it is looked whether anybody waits for a linter still."""

SECONDS_TO_START = 1.0
"""One that is being started has been by then, and can be ended."""
SECONDS_TO_REMOVE = 0.5
"""What is in a linter's folder."""

_running: set[subprocess.Popen[bytes]] = set()
_folders: set[object] = set()
"""Stand for the folders that are there, or soon will be."""
_starting = threading.RLock()
"""Held until one that begins to run is among them."""
_is_over = threading.Event()


def end_linters() -> None:
    """Ends all that run, and lets none begin: for a process that is about to end itself. Waits a
    moment for their folders to be removed by whoever made them."""
    _is_over.set()
    if _starting.acquire(timeout=SECONDS_TO_START):
        _starting.release()
    for process in tuple(_running):
        _end_group(process)
    latest = time.monotonic() + SECONDS_TO_REMOVE
    while _folders and time.monotonic() < latest:
        time.sleep(0.005)


def end_linters_when_terminated() -> None:
    """This process ends as it would when it is told to, or its terminal is closed, and the linters
    that it runs end with it. In the main thread."""

    def end(number: int, frame: FrameType | None) -> None:
        end_linters()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):  # Windows has the first alone.
        number = getattr(signal, name, None)
        # `nohup` has SIGHUP ignored.
        if number and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


class LinterError(DetectorError):
    """A linter that could not be used; `str()` is one sentence for the person."""


class LinterCrashError(LinterError, DetectorCrashError):
    """One that came to no answer: the system ended it, as where a stack has overflowed, or it found
    a mistake of its own."""


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
    `exit_codes`: 0 is mostly for nothing found, and 1 for something. Raises GivenUp when nobody
    waits for it any more. `with_home` lets it see where a person's own files are, as a tool of
    their own may have to.
    """
    seconds = TIMEOUT_SECONDS + (files - 1) * SECONDS_PER_FILE
    name = Path(command[0]).stem
    # stdin is a file, and both pipes are read, so that nothing can wait on both sides.
    with disk_trouble_told(name), tempfile.TemporaryFile() as stdin:
        stdin.write(text.encode("utf-8", "replace"))
        stdin.seek(0)
        try:
            with _starting:
                if _is_over.is_set():
                    raise GivenUp
                process = subprocess.Popen(
                    command,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    env=_clean_environment(with_home),
                    start_new_session=True,
                )
                _running.add(process)
        except OSError as error:
            # Processes, memory or open files are used up; else there is something wrong with it.
            is_short = error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
            what_next = "close other programs and review again" if is_short else "install it again"
            raise LinterError(
                f"{name} could not be started ({error.strerror}); {what_next}."
            ) from error
        said = bytearray()
        try:
            output = _output(process, seconds, said)
        except RuntimeError as error:
            raise LinterError(
                f"{name} could not be run ({error}); close other programs and review again."
            ) from error
        finally:
            _running.discard(process)
        if output is None:
            raise LinterError(f"{name} took longer than {seconds:.0f} seconds.")
        if len(output) > MAXIMUM_OUTPUT_BYTES:
            raise LinterError(f"{name} printed more than {MAXIMUM_OUTPUT_BYTES // 1_000_000} MB.")
        if process.returncode not in exit_codes:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            why = " ".join(visible(lines[0]).split())[:MOST_SAID] if lines else "no message"
            has_crashed = not (
                0 <= process.returncode <= USAGE_ERROR or process.returncode in NOT_RUN
            )
            raise (LinterCrashError if has_crashed else LinterError)(
                f"{name} failed with exit code {process.returncode}: {why}."
            )
    return output


@contextlib.contextmanager
def linter_folder(name: str) -> Iterator[Path]:
    """A new folder for what a linter reads, without links in its path; `name` is the linter's.

    Raises LinterError.
    """
    folder = object()
    _folders.add(folder)
    try:
        if _is_over.is_set():
            raise GivenUp
        with disk_trouble_told(name):
            _remove_stale()
            with tempfile.TemporaryDirectory(prefix=_PREFIX) as made:
                yield Path(made).resolve()
    finally:
        _folders.discard(folder)


_PREFIX = "backend-developer-linter-"
STALE_SECONDS = 3600.0
"""So old a folder is of a process that was killed."""


@functools.cache
def _remove_stale() -> None:
    """Removes the folders that others left, once."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            is_old = time.time() - status.st_mtime > STALE_SECONDS
            if is_old and stat.S_ISDIR(status.st_mode) and status.st_uid == _user():
                shutil.rmtree(folder)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


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


def _output(process: subprocess.Popen[bytes], seconds: float, said: bytearray) -> bytes | None:
    """What the process prints until it ends, and a byte more than is allowed when it prints more.

    None when it, or a child of it that holds its stdout, goes on for longer. Neither does then, nor
    when nobody waits any more, for which this raises GivenUp.
    The beginning of its stderr is added to `said`.
    """
    stdout, stderr = process.stdout, process.stderr
    assert stdout is not None  # PIPE says so, here and in the next line.
    assert stderr is not None
    printed: list[bytes] = []
    # In threads, because a child that has left the session can hold them for ever.
    reader = threading.Thread(
        target=lambda: printed.append(stdout.read(MAXIMUM_OUTPUT_BYTES + 1)), daemon=True
    )
    listener = threading.Thread(target=_listen, args=(stderr, said), daemon=True)
    end = time.monotonic() + seconds
    try:
        for thread in (reader, listener):
            thread.start()
        while reader.is_alive() and time.monotonic() < end:
            go_on()
            reader.join(LOOK_SECONDS)
        is_all = printed and len(printed[0]) <= MAXIMUM_OUTPUT_BYTES
        while is_all and process.poll() is None:
            if time.monotonic() > end:
                return None
            go_on()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
        return printed[0] if printed else None
    finally:
        if process.poll() is None or reader.is_alive():
            _end(process)
        for thread, stream in ((reader, stdout), (listener, stderr)):
            if thread.ident is not None:
                thread.join(1)
            if thread.is_alive():
                _end(process)  # A child of it goes on.
                thread.join(1)
            if not thread.is_alive():
                stream.close()


def _listen(stream: IO[bytes], said: bytearray) -> None:
    """Reads to the end, and keeps the beginning."""
    while data := os.read(stream.fileno(), 1 << 16):
        said += data[: KEPT_OF_ERRORS - len(said)]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and its children."""
    _end_group(process)
    process.wait()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


NOT_RUN = range(125, 128)
"""What a shell, or docker, ends with when it cannot run a program."""
USAGE_ERROR = 2
"""The exit code for a wrong option or configuration, which is the same for each file; those above
say that something went wrong with one, as 101 does of what is written in Rust."""


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
