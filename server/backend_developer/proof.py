"""The person's own command, run on a copy of the project with a change in it.

    a copy of the project, and the change in it -> `proofCommand` -> passed, or
    another copy, without the change            -> `proofCommand` -> did it fail before too?

The project is never written to. The command is the person's: neither a project's file nor a model
has any say in it. It sees no credentials, and ends with all that it started when its time is over,
when nobody waits for it any more, or when this process ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shlex
import stat
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from . import keeper
from .copying import StoppedError, TooLargeError, copy_project, moved, remove
from .core.changes import ChangeSet
from .core.text import quoted, visible
from .secrets import addresses, names_a_secret
from .secrets.formats import PRIVATE_KEY, find_tokens
from .settings import Settings

T = TypeVar("T")

logger = logging.getLogger(__name__)

MOST_OUTPUT = 20_000
"""Characters at the end of what a command prints that are kept."""
VARIABLE = "BACKEND_DEVELOPER_PROOF"
"""Is 1 for the command, so that a test can tell that it runs on a copy."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a command of the person's said of a copy of the project with the change in it."""

    command: str
    passed: bool
    """It ended with exit code 0."""
    seconds: float
    output: str
    """The end of what it printed."""
    problem: str = ""
    """Why it says nothing of the change, a sentence; "": it was run to its end, and does."""


async def prove(
    change: ChangeSet,
    root: Path,
    settings: Settings,
    environment: Mapping[str, str],
    buffers: Mapping[str, str],
) -> Proof | None:
    """What `proofCommand` says of the change; None when the person has set no such command.

    `buffers` are the unsaved texts by absolute path, which the copy gets, `environment` is this
    process's. Only cancellation is raised; the copy and the command are gone by then.
    """
    command = settings.proof_command.strip()
    if not command:
        return None
    shown = quoted(command)
    if not settings.trusted:
        return _not_run(command, f"The workspace is not trusted, so `{shown}` was not run.")
    try:
        words = shlex.split(command, posix=os.name != "nt")
    except ValueError as error:
        why = str(error).lower()
        return _not_run(command, f"The setting `proofCommand` cannot be read: {why}.")
    root, before = await asyncio.to_thread(_below, root, buffers)
    after = before | {file.path: file.text_after for file in change.files}
    proof = await _tried(command, words, root, after, settings, environment)
    if proof.passed or proof.problem:
        return proof
    without = await _tried(command, words, root, before, settings, environment)
    if without.passed:
        return proof
    fails = f"`{shown}` fails without the change too, so it says nothing about it."
    return replace(proof, problem=without.problem or fails)


def _not_run(command: str, problem: str) -> Proof:
    return Proof(command, False, 0.0, "", problem)


def _below(root: Path, buffers: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """The project's folder with its links followed; the buffers in it, by their path in it."""
    root = Path(os.path.realpath(root))
    found = {}
    for name, text in buffers.items():
        path = Path(os.path.realpath(name))
        if path.is_relative_to(root) and ".git" not in path.relative_to(root).parts:
            found[path.relative_to(root).as_posix()] = text
    return root, found


async def _tried(
    command: str,
    words: Sequence[str],
    root: Path,
    texts: Mapping[str, str],
    settings: Settings,
    environment: Mapping[str, str],
) -> Proof:
    """The command, run once on a copy with these texts in it."""
    shown = quoted(command)
    seconds = settings.proof_seconds
    try:
        async with _copied(root, texts, settings.proof_folder_bytes) as copy:
            there = [moved(word, root, copy) for word in words]
            began = time.monotonic()
            said = await _run(there, copy, _environment(environment, root, copy), seconds)
            took = time.monotonic() - began
    except TooLargeError:
        return _not_run(
            command,
            f"The project has more than {settings.proof_folder_bytes:,} bytes, so `{shown}` was "
            "not run on a copy of it: raise the setting `proofFolderBytes`.",
        )
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return _not_run(command, f"`{shown}` could not be run on a copy of the project: {why}.")
    output = _readable(said.output, said.is_cut, copy)
    match said.report.split(maxsplit=1):
        case ["exit", code]:
            return Proof(command, code.strip() == "0", took, output)
        case ["not", why]:
            reason = why.partition(": ")[2].strip().lower()
            problem = f"`{shown}` could not be started ({reason}): see the setting `proofCommand`."
            return Proof(command, False, took, output, problem)
    problem = f"`{shown}` was ended by something else before it was done."
    if said.is_late:
        problem = f"`{shown}` took longer than {seconds} seconds and was ended: see `proofSeconds`."
    return Proof(command, False, took, output, problem)


# --- The copy


@asynccontextmanager
async def _copied(
    root: Path, texts: Mapping[str, str], maximum_bytes: int
) -> AsyncGenerator[Path, None]:
    """A copy of the project, which is removed afterwards; raises as `copy_project`."""
    stopped = threading.Event()
    in_thread = partial(asyncio.get_running_loop().run_in_executor, None)
    await in_thread(_remove_stale)
    folder = _temporary_folder()
    copy = folder / (root.name or "project")
    try:
        # Futures and no tasks: a loop that ends cancels all tasks, and the thread would go on.
        working = in_thread(copy_project, root, copy, texts, maximum_bytes, stopped.is_set)
        try:
            await asyncio.shield(working)
        finally:
            stopped.set()
            with contextlib.suppress(StoppedError, TooLargeError, OSError):
                await _to_its_end(working)
        yield copy
    finally:
        if not await _to_its_end(in_thread(remove, folder)):
            logger.error("A copy of the project could not be removed: %s", folder)


def _temporary_folder() -> Path:
    """Its links followed: programs print that path, and it is looked for in what they print."""
    return Path(os.path.realpath(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")))


_PREFIX = "backend-developer-proof-"


def _remove_stale() -> None:
    """Removes the copies of processes that were killed, which could not do it themselves."""
    if os.name == "nt":  # There os.kill ends the process that it asks about.
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError, ValueError, OverflowError):
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
                try:
                    os.kill(int(owner), 0)
                except ProcessLookupError:
                    remove(folder)


async def _to_its_end(future: asyncio.Future[T]) -> T:
    """What comes of it; who waits may be cancelled meanwhile, which is raised afterwards."""
    is_cancelled = False
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError
    return future.result()


# --- The command


@dataclass(frozen=True, slots=True)
class _Said:
    report: str
    """The keeper's line; "" when it was killed before it could write it."""
    output: bytes
    """The end of what the command printed."""
    is_cut: bool
    """There was more of it."""
    is_late: bool


async def _run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> _Said:
    """Runs the command and waits for it and its whole process group. Raises OSError."""
    starting: asyncio.Task[asyncio.subprocess.Process] = asyncio.create_task(
        asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", keeper.__file__, *words),
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    )
    is_late = False
    report = b""
    tail = _Tail()
    try:
        process = await asyncio.shield(starting)
        assert process.stdout is not None  # PIPE says so, here and in the next line.
        assert process.stderr is not None
        reading = asyncio.create_task(tail.read(process.stdout))
        try:
            async with asyncio.timeout(seconds):
                report = await process.stderr.read()
        except TimeoutError:
            is_late = True
        finally:
            if not report:
                keeper.end_group(process.pid)
            # What has left the group may hold the pipe for ever.
            await asyncio.wait([reading], timeout=1)
            reading.cancel()
    finally:
        await _to_its_end(asyncio.create_task(_end(starting)))
    return _Said(report.decode("utf-8", "replace"), bytes(tail.data), tail.is_cut, is_late)


async def _end(starting: asyncio.Task[asyncio.subprocess.Process]) -> None:
    await asyncio.wait([starting])
    if not starting.cancelled() and starting.exception() is None:
        process = starting.result()
        if process.returncode is None:
            keeper.end_group(process.pid)
        # It waits for the pipes too, which one that has left the group may hold for ever.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 1)
        # Closes them, which Process itself cannot.
        transport: asyncio.SubprocessTransport = process._transport  # type: ignore[attr-defined]
        transport.close()


class _Tail:
    """Reads a stream to its end and keeps the end of what comes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_cut = False

    async def read(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(65_536):
            self.data += chunk
            # A character has at most four bytes.
            if len(self.data) > 4 * MOST_OUTPUT:
                del self.data[: -4 * MOST_OUTPUT]
                self.is_cut = True


_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
"""Colours, cursor movements and titles of a terminal."""


def _readable(output: bytes, is_cut: bool, copy: Path) -> str:
    """What was printed, as text for people: it names the copy "."."""
    text = visible(_ANSI.sub("", output.decode("utf-8", "replace")))
    text = text.replace(visible(str(copy)), ".").rstrip()
    if len(text) > MOST_OUTPUT or is_cut:
        text = text[-MOST_OUTPUT + 2 :]
        # Not from the middle of a line, unless it is the only one.
        text = "…\n" + (text.partition("\n")[2] or text)
    return text


_CREDENTIAL = re.compile(
    r"^(?:ANTHROPIC|AWS|AZURE|CLAUDE|CLOUDSDK|GCP|GOOGLE)_"
    r"|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|KEYS?(?:_|$)"
    r"|(?:^|_)(?:AUTH|COOKIE|DSN|PASS|PAT|PWD)(?:_|$)",
    re.IGNORECASE,
)


def _environment(environment: Mapping[str, str], root: Path, copy: Path) -> dict[str, str]:
    """The environment without what looks like a credential; it names the copy for the project."""
    kept = {
        name: moved(value, root, copy)
        for name, value in environment.items()
        if not (_CREDENTIAL.search(name) or names_a_secret(name) or _holds_secret(value))
    }
    return kept | {"PWD": str(copy), VARIABLE: "1"}


def _holds_secret(value: str) -> bool:
    return (
        any(True for _ in addresses(value))
        or any(True for _ in find_tokens(value))
        or PRIVATE_KEY.search(value) is not None
    )
