"""The local engine in a process of its own: the same answers, and what becomes of that process."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from backend_developer import worker
from backend_developer.checks import FixChecker
from backend_developer.core.model import (
    FOCUSES,
    AgentDefinition,
    Candidate,
    Document,
    Proposal,
    Replacement,
    Span,
    TaskDefinition,
    TextEdit,
)
from backend_developer.engines.base import EngineError, ReviewRequest
from backend_developer.engines.local import LocalEngine
from backend_developer.linters import process, tools
from backend_developer.settings import Settings
from backend_developer.worker import LocalWorker
from hanging_tool import HangingTool

LOCAL = LocalEngine()
TEXT = "import requests\n\nrequests.get('/a')\nrequests.get('/b')\n"
TASK = TaskDefinition("everything", "", "review", FOCUSES, "", "")
NOBODY = AgentDefinition("", "", "", "", "built-in")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="stops processes by signals")


def document(text: str = TEXT, name: str = "app.py") -> Document:
    return Document(f"file:///{name}", f"/{name}", "python", text)


def request(document: Document) -> ReviewRequest:
    return ReviewRequest(document, Span(0, len(document.text)), TASK, NOBODY, Settings())


async def found(engine: LocalEngine | LocalWorker, document: Document) -> list[Proposal]:
    answers = [answer async for answer in engine.review(request(document))]
    return [answer for answer in answers if isinstance(answer, Proposal)]


@pytest.fixture
async def local(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalWorker]:
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0.0)
    local = LocalWorker(LOCAL.catalogue.rules)
    yield local
    local._end()


def process_of(local: LocalWorker) -> int:
    assert local._process
    return local._process.pid


async def test_it_finds_what_the_engine_finds(local: LocalWorker) -> None:
    proposals = await found(local, document())
    assert len(proposals) == 2
    assert proposals == await found(LOCAL, document())


async def test_a_long_answer_comes_whole_and_in_order(local: LocalWorker) -> None:
    long = document("import requests\n" + "requests.get('/a')\n" * 101)
    proposals = await found(local, long)
    assert len(proposals) == 101
    assert proposals == await found(LOCAL, long)


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="asks for priorities")
async def test_it_gives_way_to_the_server(local: LocalWorker) -> None:
    await found(local, document())
    worker_s, ours = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (process_of(local), 0))
    assert worker_s > ours


def test_the_server_needs_none_of_the_detectors() -> None:
    code = (
        "import sys, backend_developer.app as app;"
        "app.make_reviewers({}, None).local._end();"
        "print(*(name for name in sys.modules if 'backend_developer' in name))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = said.stdout.split()
    assert "backend_developer.worker" in modules
    assert not [
        one for one in modules if one.endswith((".local", ".extract", ".dataflow.detector"))
    ]


async def test_it_checks_as_the_checker_does(
    local: LocalWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "CHECKED_AT_ONCE", 2)
    candidates = candidates_of(await found(LOCAL, document()))
    candidates += [edited("requests.get('/a')", "requests.get('/a'"), candidates[0]]
    reports = await local.check(document(), candidates, Settings())
    assert [bool(report.problem) for report in reports] == [False, False, True, False]
    assert reports == FixChecker(LOCAL).reports(document(), candidates, Settings())


async def test_it_says_where_a_syntax_error_is(local: LocalWorker) -> None:
    assert await local.syntax_error_line(document()) == 0
    broken = Document("file:///app.py", "app.py", "python", "x = 1\ndef f(:\n")
    assert await local.syntax_error_line(broken) == 2


async def test_a_process_that_ends_costs_one_review(local: LocalWorker) -> None:
    first = process_of(local)
    os.kill(first, signal.SIGSTOP)
    review = asyncio.create_task(found(local, document()))
    await asyncio.sleep(0.05)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(EngineError, match=r"process ended while it looked at app\.py; the next"):
        await review
    assert len(await found(local, document())) == 2
    assert process_of(local) != first


@pytest.mark.parametrize("code", ["0", "1", "137"])
async def test_a_process_that_exits_costs_one_review(
    local: LocalWorker, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    local._end()
    long = document(TEXT + "# a line\n" * 100_000)
    with monkeypatch.context() as patch:
        started = subprocess.Popen
        patch.setattr(
            worker.subprocess,
            "Popen",
            lambda command, **rest: started(["/bin/sh", "-c", f"exit {code}"], **rest),
        )
        with pytest.raises(
            EngineError, match=r"process ended while it looked at app\.py; the next"
        ):
            await found(local, long)
    assert len(await found(local, document())) == 2


@pytest.mark.parametrize("reason", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
@pytest.mark.parametrize("when", ["from the beginning", "after another has ended"])
async def test_a_process_that_cannot_be_started_costs_one_review(
    monkeypatch: pytest.MonkeyPatch, reason: int, when: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(reason, os.strerror(reason))

    local = LocalWorker(LOCAL.catalogue.rules) if when.startswith("after") else None
    if local:
        local._end()
    with monkeypatch.context() as patch:
        patch.setattr(worker.subprocess, "Popen", refuse)
        local = local or LocalWorker(LOCAL.catalogue.rules)
        for _ in range(2):
            with pytest.raises(EngineError) as caught:
                await found(local, document())
            assert str(caught.value) == (
                f"The local engine's process could not be started ({os.strerror(reason)}), so "
                "nothing looked at app.py: close other programs; the next review tries again."
            )
    assert len(await found(local, document())) == 2
    local._end()


async def test_a_process_that_takes_too_long_is_ended(
    local: LocalWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = process_of(local)
    os.kill(first, signal.SIGSTOP)
    monkeypatch.setattr(worker, "SECONDS", 0.1)
    with pytest.raises(EngineError, match=r"took longer than 0 seconds over app\.py"):
        await found(local, document())
    assert not is_alive(first)
    monkeypatch.setattr(worker, "SECONDS", 45.0)
    assert len(await found(local, document())) == 2


async def test_whoever_does_not_wait_is_passed_over(
    local: LocalWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    transact = local._transact

    def transact_and_note(number: int, request: tuple[str, Document]) -> object:
        sent.append(request[1].path)
        return transact(number, request)

    monkeypatch.setattr(local, "_transact", transact_and_note)
    os.kill(process_of(local), signal.SIGSTOP)
    names = ["being looked at", "waiting", "latest"]
    reviews = [
        asyncio.create_task(found(local, document("import os\n" * number + TEXT, name)))
        for number, name in enumerate(names)
    ]
    await asyncio.sleep(0.05)
    for review in reviews[:2]:
        review.cancel()
    os.kill(process_of(local), signal.SIGCONT)
    latest = await reviews[2]
    assert list(dict.fromkeys(sent)) == ["/being looked at", "/latest"]
    assert latest == await found(LOCAL, document("import os\n" * 2 + TEXT))


async def test_a_check_gives_way_to_a_scan_and_is_done_again(local: LocalWorker) -> None:
    more = "\n\ndef f():\n    return requests.get('/c')\n" * 500
    long = document(TEXT + more)
    candidates = [
        replace(one, text_after=one.text_after + more)
        for one in candidates_of(await found(LOCAL, document()))
    ]
    ends: list[str] = []
    checking = asyncio.create_task(local.check(long, candidates, Settings()))
    checking.add_done_callback(lambda _: ends.append("check"))
    while not local._at_work[1]:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.001)
    scanned = await found(local, document())
    ends.append("scan")
    assert scanned == await found(LOCAL, document())
    assert await checking == FixChecker(LOCAL).reports(long, candidates, Settings())
    assert ends == ["scan", "check"]


async def test_a_check_comes_to_its_end_among_scans_without_end(local: LocalWorker) -> None:
    long = document(TEXT + "\n\ndef f():\n    return requests.get('/c')\n" * 500)
    candidates = candidates_of(await found(LOCAL, document()))
    scans = 0

    async def scan_on() -> None:
        nonlocal scans
        while True:
            await found(local, document())
            scans += 1

    scanning = asyncio.create_task(scan_on())
    reports = await asyncio.wait_for(local.check(long, candidates, Settings()), 60)
    scanning.cancel()
    assert len(reports) == len(candidates)
    assert scans > 0


async def test_a_scan_that_nobody_waits_for_ends_at_its_next_step(local: LocalWorker) -> None:
    long = document(TEXT + "\n\ndef f():\n    return requests.get('/c')\n" * 2_000)
    await found(local, document())
    review = asyncio.create_task(found(local, long))
    while local._at_work[0] < 3:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.001)
    review.cancel()
    begin = time.perf_counter()
    await found(local, document())
    given_up_after = time.perf_counter() - begin
    begin = time.perf_counter()
    await found(local, long)
    assert given_up_after < (time.perf_counter() - begin) / 2


async def test_keys_that_come_faster_than_a_scan_are_in_no_scan_but_the_last(
    local: LocalWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int | None] = []
    transact = local._transact

    def transact_and_note(number: int, request: tuple[str, Document]) -> object:
        begun.append(request[1].version)
        return transact(number, request)

    await found(local, document())
    monkeypatch.setattr(local, "_transact", transact_and_note)
    monkeypatch.setattr(worker, "BETWEEN_KEYS_SECONDS", 0.5)
    # The first key is in a scan that the second one ends.
    os.kill(process_of(local), signal.SIGSTOP)
    keys = 30
    for key in range(keys):
        typed = replace(document(f"x = {key}\n" + TEXT), version=key)
        review = asyncio.create_task(found(local, typed))
        await asyncio.sleep(0.01)
        if key == 1:
            os.kill(process_of(local), signal.SIGCONT)
        if key < keys - 1:
            review.cancel()
    assert await review == await found(LOCAL, typed)
    assert set(begun) == {0, keys - 1}


async def test_a_project_does_not_say_what_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pickle", "yaml", "ast_grep_py", "backend_developer"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    local = LocalWorker(LOCAL.catalogue.rules)
    assert len(await found(local, document())) == 2
    local._end()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at /proc")
def test_it_does_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "backend_developer", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
    ) as server:
        send(server, {"id": 1, "method": "initialize", "params": {"capabilities": {}}})
        send(server, {"method": "initialized", "params": {}})
        item = {"uri": "file:///app.py", "languageId": "python", "version": 1, "text": TEXT}
        send(server, {"method": "textDocument/didOpen", "params": {"textDocument": item}})
        assert server.stdout
        while b"missing-timeout" not in server.stdout.read1():
            pass
        [process] = children(server.pid)
        server.kill()
        deadline = time.monotonic() + 2
        while is_alive(process) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not is_alive(process)


async def test_its_linters_do_not_outlive_it(tmp_path: Path, local: LocalWorker) -> None:
    tool = HangingTool(tmp_path)
    review = await waiting_for(tool, local, tmp_path)
    assert local._process
    assert local._process.stdin
    local._process.stdin.close()  # As when the server ends.
    assert await asyncio.to_thread(tool.has_ended)
    review.cancel()
    tool.close()


async def test_a_tool_holds_back_no_other_finding(tmp_path: Path, local: LocalWorker) -> None:
    tool = HangingTool(tmp_path)
    reviewing = await waiting_for(tool, local, tmp_path)
    assert len(await asyncio.wait_for(found(local, document()), 10)) == 2
    assert not reviewing.done()
    reviewing.cancel()
    assert await asyncio.to_thread(tool.has_ended)
    tool.close()


def test_a_tool_that_hangs_is_given_up_before_the_process_is() -> None:
    """So that a person hears which one it was, and what else was found."""
    longest = process.TIMEOUT_SECONDS + process.SECONDS_PER_FILE * tools.EXTRA_FILES
    assert longest + 10 < worker.SECONDS


# --- Helpers


async def waiting_for(tool: HangingTool, local: LocalWorker, folder: Path) -> asyncio.Task[object]:
    """A review whose other findings have come, and that waits for the tool."""
    file = folder / "app.py"
    file.write_text(TEXT)
    saved = Document(file.as_uri(), str(file), "python", TEXT)
    settings = Settings(tools={"slow": tool.command})
    answers = local.review(replace(request(saved), settings=settings))
    assert len([await anext(answers), await anext(answers)]) == 2

    async def the_rest() -> object:
        return await anext(answers)

    review = asyncio.create_task(the_rest())
    assert await asyncio.to_thread(tool.has_begun)
    return review


def candidates_of(proposals: Sequence[Proposal]) -> list[Candidate]:
    candidates = []
    for proposal in proposals:
        assert proposal.fix
        [edit] = proposal.fix.edits
        assert isinstance(edit, Replacement)
        candidates.append(candidate(TextEdit(edit.span, edit.new)))
    return candidates


def edited(old: str, new: str) -> Candidate:
    start = TEXT.index(old)
    return candidate(TextEdit(Span(start, start + len(old)), new))


def candidate(edit: TextEdit) -> Candidate:
    place = edit.span
    after = TEXT[: place.start] + edit.new_text + TEXT[place.end :]
    return Candidate("performance/missing-timeout", place, (edit,), after)


def children(process: int) -> list[int]:
    """The worker, but no linter that it runs."""
    paths = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for path in paths for child in path.read_text().split()]


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] not in "ZX"


def send(server: subprocess.Popen[bytes], message: dict[str, object]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    assert server.stdin
    server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    server.stdin.flush()
