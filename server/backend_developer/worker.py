"""The local engine and the checks of fixes, in one process of their own beside the server's.

    LocalWorker ── (request) ──► stdin ─► python -m backend_developer.worker
                ◄─ (answer) ──── stdout ◄┘

Parsing and matching hold Python's lock for milliseconds at a time, and in the server's own
process each of them would be a pause in which no code action is answered.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import subprocess
import sys
import weakref
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from threading import Lock
from typing import Any, BinaryIO

from .core.edits import apply
from .core.model import Candidate, CheckReport, Document, Rule
from .engines.base import Answer, EngineError, ReviewRequest
from .engines.scan import STEP_OF_TOOLS, Scan, asked_for, count_of_steps
from .failures import where_raised
from .giving_up import GivenUp
from .project.facts import Chunk, FileFacts
from .project.index import Project
from .settings import Settings

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.3
"""How long the checks wait before they begin. Who types on within it cancels them, and the scan
of what was typed finds nobody at work."""
BETWEEN_KEYS_SECONDS = 0.05
"""How long a scan waits whose document was typed into while the scan before it went on: keys that
come faster than a scan takes are in no scan but that of the last one."""
SECONDS = 45.0
"""How long one request may take; a scan of a large file takes a second, and a person's own tool may
take 30."""
SECONDS_TO_END = 1.5
"""How long the process may take to end, with the linters that it runs, before it is killed."""
STEP_SECONDS = 0.03
"""How long one step of reading the project's files takes; a scan waits for no more than one."""
PART = 4
"""Items of a long answer in one part, which takes half a millisecond to read."""
REST_SECONDS = 1.0
"""Without a request for so long, the process has time to look for garbage; a tool that gave way is
run again after it."""
MOST_GARBAGE = 30_000
"""Objects that may have been made since, before the process looks for garbage among them in its
work, too: some scans of 1,000 lines leave as many, which are 4 MiB, and the look takes 15 ms."""
CHECKED_AT_ONCE = 4
"""Candidates in one request: one that gives way to a scan is asked for again as a whole."""
MOST_GIVEN_UP = 2
"""How often a check gives way to scans, so that it comes to its end while somebody types."""


class LocalWorker:
    """Implements Engine, the review's Checker, and Indexer. One process, which starts at once.

    Requests are answered in the order they came, one at a time. One that nobody waits for any
    more is given up at its next step, and so is a check when a scan is asked for; the check is
    asked for again, and does not give way for ever. A process that ends or takes too long costs the
    request that it was at, and the next one starts another, which is told what was known of the
    projects.
    """

    name = "local"

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._told: set[str] = set()
        self._turn = asyncio.Lock()
        self._writing = Lock()
        self._overtaken = ""
        """The URI of the document whose scan was cancelled last, until one comes to its end."""
        self._at_work = (0, False)
        """The number of the request that was sent last; whether it gives way to scans."""
        self._projects: dict[str, dict[str, FileFacts]] = {}
        """What the process knows: folder -> path -> facts."""
        self._thread = ThreadPoolExecutor(1)
        """Its own: among all that is done in threads, a request would wait as its time runs."""
        self._end: Callable[[], object] = lambda: None
        """Ends the process, when there is one."""
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # The first request tries again, and tells.
            self._process = self._start()

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        """Yields what was found in the request's span and focuses, the quickest first.

        Raises EngineError, when a linter could not be used after all that was found.
        """
        document = request.document
        if document.uri == self._overtaken:
            await asyncio.sleep(BETWEEN_KEYS_SECONDS)
        problems: list[str] = []
        for step in range(count_of_steps(request.settings)):
            scan = await self._scan(step, document, request.settings)
            try:
                for proposal in asked_for(scan, request, self._rules, self._told):
                    yield proposal
            except EngineError as error:
                problems.append(str(error))
        if problems:
            raise EngineError(" ".join(problems))

    async def _scan(self, step: int, document: Document, settings: Settings) -> Scan:
        is_by_tools = step == STEP_OF_TOOLS
        ask = partial(
            self._ask,
            _name_of(document),
            "scan",
            document,
            settings,
            step,
            gives_way=is_by_tools,
            goes_first=not is_by_tools,
        )
        try:
            scan: Scan | None = await ask()
            while scan is None:  # Tools may take seconds, in which other documents are typed into.
                await asyncio.sleep(REST_SECONDS)
                scan = await ask()
        except asyncio.CancelledError:
            if step == 0:
                self._overtaken = document.uri
            raise
        self._overtaken = ""
        return scan

    async def check(
        self, document: Document, candidates: Sequence[Candidate], settings: Settings
    ) -> list[CheckReport]:
        """One report per candidate, in order. Raises EngineError."""
        await asyncio.sleep(PAUSE_SECONDS)
        # The texts after the edits are many times the text before; the edits alone are small.
        small = [replace(candidate, text_after="") for candidate in candidates]
        reports: list[CheckReport] = []
        for start in range(0, len(small), CHECKED_AT_ONCE):
            some = small[start : start + CHECKED_AT_ONCE]
            answer: list[CheckReport] | None = None
            given_up = 0
            while answer is None:
                answer = await self._ask(
                    _name_of(document),
                    "check",
                    document,
                    some,
                    settings,
                    gives_way=given_up < MOST_GIVEN_UP,
                )
                given_up += 1
            reports += answer
        return reports

    async def syntax_error_line(self, document: Document) -> int:
        """The line, from 1, of the first syntax error; 0: there is none. Raises EngineError."""
        line: int = await self._ask(_name_of(document), "syntax", document)
        return line

    # --- The project

    async def learn(self, document: Document) -> FileFacts | None:
        """What a document says of its project, from now on in place of the file on disk; None when
        it is no part of it. The document that was reviewed last is not read again. Raises
        EngineError.
        """
        facts: FileFacts | None = await self._ask(_name_of(document), "learn", document)
        if facts is not None:
            self._remember(_folder_of(facts.path, self._projects), [(facts.path, facts)])
        return facts

    async def read_folder(
        self,
        folder: str,
        maximum_files: int,
        is_open: Callable[[], Collection[str]],
        inner: Collection[str] = (),
    ) -> AsyncGenerator[tuple[Sequence[FileFacts], bool], None]:
        """Yields what a folder's files say, some files at a time, and whether files were left out.

        A step goes to the end of the queue, so that what a person waits for is never behind more
        than one. `is_open` gives the paths whose buffers stand for them; those in the `inner`
        folders are not its. Raises EngineError.
        """
        known = self._projects.setdefault(folder, {})
        await self._ask(folder, "read folder", folder, maximum_files, tuple(inner))
        while True:
            skipped = frozenset(is_open())
            chunk: Chunk = await self._ask(folder, "read on", folder, STEP_SECONDS, skipped)
            known |= {facts.path: facts for facts in chunk.facts}
            yield chunk.facts, chunk.is_cut_short
            if chunk.is_done:
                return

    async def read_again(
        self, folder: str, paths: Sequence[str]
    ) -> Sequence[tuple[str, FileFacts | None]]:
        """What files of a folder that changed on disk, or are open no more, say now.

        Raises EngineError.
        """
        changed: list[tuple[str, FileFacts | None]] = await self._ask(
            folder, "read again", folder, paths
        )
        self._remember(folder, changed)
        return changed

    async def forget(self, folder: str, paths: Sequence[str] | None) -> None:
        """These files are no more of the folder, "" for none; without paths it is no more known.

        Raises EngineError.
        """
        await self._ask(folder, "forget", folder, paths)
        if paths is None:
            self._projects.pop(folder, None)
        else:
            self._remember(folder, [(path, None) for path in paths])

    def _remember(self, folder: str, changed: Sequence[tuple[str, FileFacts | None]]) -> None:
        known = self._projects.setdefault(folder, {})
        for path, facts in changed:
            known.pop(path, None)
            if facts is not None and not facts.is_empty:
                known[path] = facts

    async def _ask(
        self,
        name: str,
        what: str,
        *request: object,
        gives_way: bool = False,
        goes_first: bool = False,
    ) -> Any:
        """The answer to a request about what `name` names for a person.

        None when it gives way to what goes first, and was given up for it.
        """
        last, is_yielding = self._at_work
        if is_yielding and goes_first and self._turn.locked():
            self._give_up(last)
        # Who is cancelled while it waits for its turn has asked for nothing; who is cancelled
        # later leaves an answer that has to be read before the next request.
        await self._turn.acquire()
        number = self._at_work[0] + 1
        self._at_work = (number, gives_way)
        exchange = asyncio.create_task(self._exchange(name, number, (what, *request)))
        exchange.add_done_callback(self._finished)
        try:
            return await asyncio.shield(exchange)
        except asyncio.CancelledError:
            if not exchange.done():
                self._give_up(number)
            raise

    def _give_up(self, number: int) -> None:
        """Tells the process that the answer to this request is not wanted; in a thread, since a
        request that is being written may hold the pipe.
        """

        def tell() -> None:
            with suppress(OSError, ValueError):  # The process has ended, or its pipe is closed.
                if self._process:
                    self._write(number, None)

        asyncio.get_running_loop().run_in_executor(None, tell)

    def _finished(self, exchange: asyncio.Task[Any]) -> None:
        self._turn.release()
        if not exchange.cancelled():
            exchange.exception()  # Nobody may be there any more to hear of it.

    async def _exchange(self, name: str, number: int, request: object) -> Any:
        try:
            async with asyncio.timeout(SECONDS):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, self._transact, number, request)
        except TimeoutError:
            await asyncio.to_thread(self._end)
            raise EngineError(
                f"The local engine took longer than {SECONDS:.0f} seconds over {name} and was "
                "stopped; its findings are those of before."
            ) from None
        except _NotStartedError as error:
            raise EngineError(
                f"The local engine's process could not be started ({error}), so nothing looked at "
                f"{name}: close other programs; the next review tries again."
            ) from error
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            self._end()
            raise EngineError(
                f"The local engine's process ended while it looked at {name}; "
                "the next review starts another."
            ) from error
        except asyncio.CancelledError:  # Only the end of the event loop cancels an exchange.
            self._end()
            raise

    def _transact(self, number: int, request: object) -> Any:
        """Sends one request and waits for its answer."""
        if self._process is None or self._process.poll() is not None:
            try:
                self._process = self._start()
            except OSError as error:
                raise _NotStartedError(error.strerror or error) from error
            self._send_and_wait(number, ("know", self._projects))
        return self._send_and_wait(number, request)

    def _send_and_wait(self, number: int, request: object) -> Any:
        process = self._process
        self._write(number, request)
        assert process is not None
        assert process.stdout is not None
        # Only ever our own process's words: pickles of anybody else's could run code here.
        read = pickle.Unpickler(process.stdout)
        succeeded, answer, name, parts = read.load()
        if not succeeded:
            raise RuntimeError("The worker's own log entry says where.")
        # Between two parts the event loop goes on: one pickle of all holds Python's lock for 10 ms.
        items = [item for _ in range(parts) for item in read.load()]
        if name:
            return replace(answer, **{name: tuple(items)})
        return items if parts else answer

    def _write(self, number: int, request: object) -> None:
        """A request; None: the answer to that of this number is not wanted any more."""
        assert self._process is not None
        stdin = self._process.stdin
        assert stdin is not None
        with self._writing:
            pickle.dump((number, request), stdin, pickle.HIGHEST_PROTOCOL)
            stdin.flush()

    def _start(self) -> subprocess.Popen[bytes]:
        # -P: the working folder is a project's, which must not get to say what we import.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._end = weakref.finalize(self, _end, process)
        return process


class _NotStartedError(Exception):
    """There is no process; `str()` is the system's reason."""


def _name_of(document: Document) -> str:
    return PurePath(document.path).name or document.uri


def _folder_of(path: str, folders: Iterable[str]) -> str:
    """The innermost of the folders that a path lies in; "" when it lies in none."""
    inside = (folder for folder in folders if folder and PurePath(path).is_relative_to(folder))
    return max(inside, key=len, default="")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # So that its linters end too.
    with suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS_TO_END)
    process.kill()
    # Closes the pipes and waits; what was written and not read is lost with a BrokenPipeError.
    with suppress(OSError), process:
        pass


# --- In the worker's process


def main() -> None:
    """Answers on stdout what stdin asks, until that ends: the process never outlives the server."""
    import gc
    import os
    import signal
    from queue import Empty, SimpleQueue
    from threading import Thread

    from .checks import FixChecker, syntax_error_line
    from .engines.local import LocalEngine
    from .linters.process import end_linters, end_linters_when_terminated
    from .project.disk import Reading, read_again

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us.
    end_linters_when_terminated()
    if hasattr(os, "nice"):
        os.nice(5)  # On a machine with few cores the server, which a person waits for, goes first.
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    requests: SimpleQueue[tuple[int, Any]] = SimpleQueue()
    # Numbers of requests, which grow; none is worked at before the rules are read.
    at_work, given_up = sys.maxsize, 0

    def read() -> None:
        nonlocal given_up
        while True:
            try:
                number, request = pickle.load(sys.stdin.buffer)
            except (EOFError, OSError, pickle.UnpicklingError):
                end_linters()
                os._exit(0)  # Whatever is still at work is for nobody.
            if request is None:
                given_up = number
            else:
                requests.put((number, request))

    def go_on() -> None:
        if at_work <= given_up:
            raise GivenUp

    projects: dict[str, Project] = {}
    readings: dict[str, Reading] = {}
    begun: dict[Document, Sequence[Callable[[], Scan]]] = {}
    """What finds more and more in the document that was looked at last."""

    def project_of(path: str) -> Project:
        return projects.get(_folder_of(path, projects), Project())

    def learn(folder: str, changed: Iterable[tuple[str, FileFacts | None]]) -> None:
        projects[folder] = projects.get(folder, Project()).with_files(changed)

    local = LocalEngine(project_of, go_on)
    checker = FixChecker(local)

    def answer(request: Any) -> object:
        match request:
            case "scan", document, settings, step:
                if step == 0 or document not in begun:
                    begun.clear()
                    begun[document] = local.scan_in_steps(document, settings)
                    # Another document was looked at meanwhile, or the process was started again.
                    for earlier in begun[document][:step]:
                        earlier()
                scan = begun[document][step]()
                if step == len(begun[document]) - 1:
                    begun.clear()
                return scan
            case "learn", document:
                facts = local.project.learn(document)
                if facts is not None:
                    learn(_folder_of(facts.path, projects), [(facts.path, facts)])
                return facts
            case "check", document, candidates, settings:
                whole = [
                    replace(candidate, text_after=apply(document.text, candidate.edits))
                    for candidate in candidates
                ]
                return checker.reports(document, whole, settings)
            case "syntax", document:
                return syntax_error_line(document)
            case "read folder", folder, maximum_files, inner:
                projects.setdefault(folder, Project())
                readings[folder] = Reading(Path(folder), maximum_files, inner)
                return None
            case "read on", folder, seconds, skipped:
                # A process that was started again has lost its place, and knows what was read.
                if folder not in readings:
                    return Chunk((), True)
                chunk = readings[folder].step(seconds, skipped)
                learn(folder, ((facts.path, facts) for facts in chunk.facts))
                if chunk.is_done:
                    del readings[folder]
                return chunk
            case "read again", folder, paths:
                changed = read_again(Path(folder), paths)
                learn(folder, changed)
                return changed
            case "forget", folder, None:
                projects.pop(folder, None)
                readings.pop(folder, None)
                return None
            case "forget", folder, paths:
                learn(folder, ((path, None) for path in paths))
                return None
            case "know", known:
                projects.update((folder, Project(files)) for folder, files in known.items())
                return None
        raise ValueError(request)

    Thread(target=read, name="stdin", daemon=True).start()
    local.scan(
        Document("", "", "python", ""), Settings()
    )  # Reads the rules before they are needed.
    # What was read by now stays, and need not be looked through for garbage: that took a third of
    # a check's time. The rest is looked through in a moment of rest.
    gc.collect()
    gc.freeze()
    gc.set_threshold(MOST_GARBAGE, *gc.get_threshold()[1:])

    def next_request() -> tuple[int, Any]:
        try:
            return requests.get(timeout=REST_SECONDS)
        except Empty:
            gc.collect()
            return requests.get()

    while True:
        at_work, request = next_request()
        try:
            succeeded, reply = True, answer(request)
        except GivenUp:
            succeeded, reply = True, None
        except Exception as error:
            logger.error("The local engine failed: %s", where_raised(error))
            succeeded, reply = False, None
        _send_in_parts(answers, succeeded, reply)


def _send_in_parts(file: BinaryIO, succeeded: bool, answer: Any) -> None:
    """Writes (succeeded, answer without its long list, that list's name, how many parts it has),
    and then the parts. The name is "" where the answer itself is the list, or has none.
    """
    name = {Scan: "proposals", Chunk: "facts"}.get(type(answer), "")
    items: Sequence[object] = getattr(answer, name) if name else answer
    parts = []
    if name or isinstance(answer, list):
        parts = [items[start : start + PART] for start in range(0, len(items), PART)]
        answer = replace(answer, **{name: ()}) if name else []
    # One pickler, as what several items have in common is sent once.
    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    for piece in ((succeeded, answer, name, len(parts)), *parts):
        pickler.dump(piece)
    file.flush()


if __name__ == "__main__":
    main()
