"""What a machine may do to the program: kills, full disks, locks, linters and odd files.

    .venv/bin/python tests/faults/process.py [--count 100] [--seed 1]

Each ends in the right result or one sentence; nothing is lost, left over, hung or paid for twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# Run as a program, this folder is the first on the path.
sys.path.insert(0, str(Path(__file__).parents[1]))

import backend_developer.linters.process as linters
import backend_developer.state as states
from backend_developer import ledger
from backend_developer.linters.process import LinterError, run_linter
from backend_developer.lsp import from_lsp
from backend_developer.state import State, StateError
from faults.client import UNSAFE, Client, connected
from faults.table import NotTriedError, Row, main, seen
from hanging_tool import HangingTool
from loopback_model import LoopbackModel, Reply, answer, change, edit, finding

FIXED = UNSAFE.replace('"out"', '"out", filter="data"')
SECONDS = 60.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    home = str(folder / "home")
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": home,
        "XDG_STATE_HOME": f"{home}/state",
        "XDG_CACHE_HOME": f"{home}/cache",
        "XDG_CONFIG_HOME": f"{home}/config",
        "LANG": "C.UTF-8",
        # Where a file may not grow, Python would leave halves of its own.
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def run(
    folder: Path,
    *arguments: str,
    prepare: Callable[[], None] | None = None,
    powerless: bool = False,
    stdout: int | IO[str] = subprocess.PIPE,
    stderr: int | IO[str] = subprocess.PIPE,
    seconds: float = SECONDS,
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """The program, run in the folder; fails when it hangs or shows a traceback.

    `powerless`: permissions hold for it, which they do not for root.
    """
    # -P: as the installed command, it imports nothing of the folder that it is run in.
    command = [sys.executable, "-P", "-m", "backend_developer", *arguments]
    if powerless and os.getuid() == 0:
        if shutil.which("setpriv") is None:
            raise NotTriedError("root keeps its powers here: there is no setpriv")
        command = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", *command]
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder, **more),
        stdout=stdout,
        stderr=stderr,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=seconds,
        check=False,
        preexec_fn=prepare,
        # So that what it has started ends with it.
        start_new_session=True,
    )
    assert "Traceback" not in (result.stderr or ""), "a traceback: " + result.stderr.split("\n")[-2]
    return result


# --- Kills


def killed_while_fixing(folder: Path, count: int, seed: int) -> str:
    """`review --fix` of ten files, killed at any moment: each is as it was, or fixed."""
    generator = random.Random(seed)
    folder.mkdir()
    seen_states: Counter[str] = Counter()
    for number in range(count):
        place = folder / str(number)
        place.mkdir()
        for index in range(10):
            (place / f"app_{index}.py").write_text(UNSAFE)
        command = [sys.executable, "-m", "backend_developer", "review", ".", "--fix"]
        _killed(command, place, environment(folder), generator.uniform(0.2, 3.0))
        for file in place.iterdir():
            if file.suffix == ".py" and not file.name.startswith("."):
                text = file.read_text()
                assert text in (UNSAFE, FIXED), f"{file.name} is neither as it was nor fixed"
                seen_states["fixed" if text == FIXED else "as before"] += 1
            else:
                assert file.name.startswith("."), f"{file.name} was left over"
                seen_states["left-over dot-file"] += 1
        assert sum(file.suffix == ".py" for file in place.glob("[!.]*")) == 10
    return f"{count} kills: " + ", ".join(f"{n} {name}" for name, n in seen_states.items())


def _killed(
    command: list[str],
    place: Path,
    variables: Mapping[str, str],
    after: float,
    is_so_far: Callable[[], bool] = lambda: True,
) -> None:
    """Runs a command in a group of its own, and kills all of it so many seconds after it is so
    far."""
    process = subprocess.Popen(
        command,
        cwd=place,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + SECONDS
    while not is_so_far() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


QUOTE = 'archive.extractall("out")'


async def killed_while_asking(folder: Path, count: int, seed: int) -> str:
    """Reviews by a model, killed at any moment: a sound state, and each call in it once."""
    generator = random.Random(seed)
    async with LoopbackModel() as model:
        variables = environment(folder, **_endpoint(model))
        for number in range(count):
            # A text of its own, so that what was answered before is no answer to it.
            (folder / "app.py").write_text(UNSAFE.replace("unpack", f"unpack_{number}"))
            model.script(Reply(answer(finding(quote=QUOTE)), chunk=5, delay=0.01))
            command = [sys.executable, "-m", "backend_developer", "review", "app.py", "--yes"]
            known = len(model.requests)
            is_asked = number % 2 == 0
            await asyncio.to_thread(
                _killed,
                command,
                folder,
                variables,
                generator.uniform(0.0, 0.6 if is_asked else 4.0),
                (lambda known=known: len(model.requests) > known) if is_asked else lambda: True,
            )
        state = State(folder / "home/state/backend-developer")
        entries = ledger.entries(state) if state.path.exists() else []
        assert len(entries) >= len(model.requests), "a call is not in the ledger"
        # One may have been written down and killed before it was sent, and no more than that.
        assert len(entries) <= count, "a call is in the ledger twice"
        _is_sound(state.path)
        begun = len(model.requests)
        result = await asyncio.to_thread(
            run, folder, "review", "app.py", "--yes", "--fail-on", "never", **_only_ours(variables)
        )
        assert result.returncode == 0, result.stderr
        outcomes = Counter(entry.outcome for entry in ledger.entries(state))
        assert outcomes["under way"] == 0, "a call of a process that has ended is under way"
        again = len(model.requests)
        await asyncio.to_thread(run, folder, "review", "app.py", "--yes", **_only_ours(variables))
        assert len(model.requests) == again, "an answer was paid for twice"
    return f"{count} kills, {begun} calls begun, in the ledger: {dict(outcomes)}; state sound"


async def killed_while_a_batch_is_sent(folder: Path, count: int, seed: int) -> str:
    """`review --batch`, killed at any moment: a sound state, each batch in the ledger, none sent
    twice, and each that arrived is fetched.
    """
    generator = random.Random(seed)
    async with LoopbackModel() as model:
        ours = _endpoint(model)
        variables = environment(folder, **ours)
        for number in range(count):
            (folder / "app.py").write_text(UNSAFE.replace("unpack", f"unpack_{number}"))
            arguments = ["review", "app.py", "--batch", "--yes"]
            known = len(model.requests)
            is_asked = number % 2 == 0
            await asyncio.to_thread(
                _killed,
                [sys.executable, "-m", "backend_developer", *arguments],
                folder,
                variables,
                generator.uniform(0.0, 0.1 if is_asked else 4.0),
                (lambda known=known: len(model.requests) > known) if is_asked else lambda: True,
            )
            await asyncio.to_thread(run, folder, *arguments, **ours)
            sent = [one for one in model.requests[known:] if one.method == "POST"]
            assert len(sent) <= 1, "a batch was sent twice"
        state = State(folder / "home/state/backend-developer")
        _is_sound(state.path)
        entries = ledger.entries(state)
        assert len(model.batches) <= len(entries), "a batch is not in the ledger"
        model.batches_are_done = True
        fetched = await asyncio.to_thread(
            run, folder, "review", "app.py", "--batch-results", "--fail-on", "never", **ours
        )
        assert fetched.returncode == 0, fetched.stderr
        finished = [entry for entry in ledger.entries(state) if entry.outcome == "finished"]
        assert len(finished) == len(model.batches), "the answer of a batch was not fetched"
        told = await asyncio.to_thread(run, folder, "review", ".", "--batch-status", **ours)
        assert all(
            line.startswith("No batch of") or "whether it arrived is not known yet" in line
            for line in told.stdout.splitlines()
        ), told.stdout
        (folder / "app.py").write_text(UNSAFE)
        await asyncio.to_thread(run, folder, "review", "app.py", "--yes", **ours)
        outcomes = Counter(entry.outcome for entry in ledger.entries(state))
        assert outcomes["under way"] == 0, "a call of a process that has ended is under way"
        _is_sound(state.path)
    return (
        f"{count} kills, {len(model.batches)} batches sent, in the ledger: {dict(outcomes)}; "
        "state sound"
    )


async def several_at_once(folder: Path, count: int) -> str:
    """The same command from three terminals at the same moment, in a home where nothing is yet."""
    files = [f"app_{index}.py" for index in range(6)]
    for number in range(count):
        place = a_folder(folder / str(number))
        for name in files:
            (place / name).write_text(UNSAFE)

        async def at_once(*arguments: str, place: Path = place, **more: str) -> list[str]:
            """What each says on standard error."""
            runs = (asyncio.to_thread(run, place, *arguments, **more) for _ in range(3))
            said = [one.stderr for one in await asyncio.gather(*runs)]
            assert "please report" not in "".join(said), said
            return said

        async with LoopbackModel() as model:
            ours = _endpoint(model) | {"BACKEND_DEVELOPER_MAXIMUM_COST_PER_REVIEW": "10"}
            await at_once("review", ".", "--batch", "--yes", **ours)
            sent = sum(map(len, model.batches.values()))
            assert sent == len(files), f"{sent} requests were sent for {len(files)} files"
            model.batches_are_done = True
            told = await at_once("review", ".", "--batch-results", "--fail-on", "never", **ours)
            answered = sum(int(one.split()[1]) for one in told)
            assert answered == len(files), f"{answered} files were told of, of {len(files)}"
        state = State(place / "home/state/backend-developer")
        _is_sound(state.path)
        outcomes = Counter(entry.outcome for entry in ledger.entries(state))
        assert outcomes["finished"] == len(files), outcomes
        await at_once("review", ".", "--fix", "--engine", "local")
        assert {file.name for file in place.iterdir()} == {*files, "home"}, "something is left over"
        assert all((place / name).read_text() == FIXED for name in files), "one is not fixed"
    return f"{count} times three: each request sent once, each file fixed once; state sound"


TASK = """\
---
name: bound
title: Bound it
kind: change
---
Bound it.
"""
BEFORE = {
    "app.py": "from store import rows\n\n\ndef orders():\n    return rows('orders')\n",
    "store.py": "def rows(table):\n    return [table]\n",
}
AFTER = {
    "app.py": BEFORE["app.py"].replace("('orders')", "('orders')[:50]"),
    "store.py": BEFORE["store.py"].replace("[table]", "[table][:1000]"),
    "pages.py": "SIZE = 50\n",
}
CHANGE = change(
    edit("app.py", "rows('orders')", "rows('orders')[:50]", 5),
    edit("store.py", "[table]", "[table][:1000]", 2),
    files={"pages.py": AFTER["pages.py"]},
)


async def killed_while_changing(folder: Path, count: int, seed: int) -> str:
    """`do --apply` of three files, killed at any moment: each is as it was, or as it should be."""
    generator = random.Random(seed)
    seen_states: Counter[str] = Counter()
    async with LoopbackModel() as model:
        variables = environment(folder, **_endpoint(model))
        for number in range(count):
            place = _project(folder / str(number))
            model.script(Reply(CHANGE))
            known = len(model.requests)
            is_asked = number % 4 != 0
            await asyncio.to_thread(
                _killed,
                [sys.executable, "-m", "backend_developer", *DO],
                place,
                variables,
                generator.uniform(0.0, 1.2 if is_asked else 4.0),
                (lambda known=known: len(model.requests) > known) if is_asked else lambda: True,
            )
            model.forget_script()
            seen_states += _states_of(place)
        state = State(folder / "home/state/backend-developer")
        _is_sound(state.path)
        entries = ledger.entries(state)
        assert len(model.requests) <= len(entries) <= count, "a call is not in the ledger, or twice"
        model.script(Reply(CHANGE))
        place = _project(folder / "last")
        result = await asyncio.to_thread(run, place, *DO, **variables)
        assert result.returncode == 0, result.stderr
        assert _states_of(place) == {"as asked for": 3}
        outcomes = Counter(entry.outcome for entry in ledger.entries(state))
        assert outcomes["under way"] == 0, "a call of a process that has ended is under way"
    return (
        f"{count} kills: "
        + ", ".join(f"{n} {name}" for name, n in seen_states.items())
        + f"; in the ledger: {dict(outcomes)}; state sound"
    )


DO = ("do", "bound", "app.py:4-5", "--apply", "--yes")


def _project(place: Path) -> Path:
    tasks = place / ".claude/backend-developer/tasks"
    tasks.mkdir(parents=True)
    (place / ".git").mkdir()
    (tasks / "bound.md").write_text(TASK)
    for name, text in BEFORE.items():
        (place / name).write_text(text)
    return place


def _states_of(place: Path) -> Counter[str]:
    states: Counter[str] = Counter()
    for file in place.iterdir():
        if file.name.startswith("."):
            states["left-over dot-file"] += file.is_file()
            continue
        text = file.read_text()
        assert text in (BEFORE.get(file.name), AFTER[file.name]), f"{file.name} is half written"
        states["as before" if text == BEFORE.get(file.name) else "as asked for"] += 1
    assert all((place / name).exists() for name in BEFORE), "a file is gone"
    return +states


def _endpoint(model: LoopbackModel) -> dict[str, str]:
    assert model.key
    return {
        "ANTHROPIC_API_KEY": model.key,
        "ANTHROPIC_BASE_URL": model.url,
        "BACKEND_DEVELOPER_SECOND_LOOK": "off",
    }


async def a_folder_whose_name_is_no_text(folder: Path) -> str:
    """A model reviews in it: consent, ledger and answers hold; the second time costs nothing."""
    place = folder / os.fsdecode(b"caf\xe9")
    place.mkdir(parents=True)
    (place / os.fsdecode(b"\xff.py")).write_text(UNSAFE)
    async with LoopbackModel() as model:
        ours = _endpoint(model)
        said = []
        for _ in range(2):
            model.script(Reply(answer(finding(quote=QUOTE))))
            result = await asyncio.to_thread(
                run, place, "review", ".", "--yes", "--fail-on", "never", **ours
            )
            assert result.returncode == 0, result.stderr[-300:]
            said.append(len(model.requests))
        await asyncio.to_thread(run, place, "log")
        await asyncio.to_thread(run, place, "usage")
        await asyncio.to_thread(run, place, "consent")
    assert said[0] == said[1] > 0, said
    return f"{said[0]} calls, the second time none"


def _only_ours(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in variables.items()
        if name.startswith(("ANTHROPIC_", "BACKEND_DEVELOPER_"))
    }


def _is_sound(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# --- Disks


def _no_larger_than(size: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def no_room_for_the_report(folder: Path) -> str:
    folder.mkdir()
    (folder / "app.py").write_text(UNSAFE)
    (folder / "out.json").write_text("old")
    arguments = ("review", "app.py", "--format", "json", "--output", "out.json", "--no-cache")
    result = run(folder, *arguments, prepare=_no_larger_than(100))
    assert result.returncode == 2, (result.returncode, result.stderr)
    said = result.stderr.strip()
    assert said.count("\n") <= 1
    assert (folder / "out.json").read_text() == "old", "the old report is lost"
    return said


def no_room_for_a_fix(folder: Path) -> str:
    folder.mkdir()
    text = UNSAFE + "#" * 5000
    (folder / "app.py").write_text(text)
    result = run(folder, "review", "app.py", "--fix", "--no-cache", prepare=_no_larger_than(1000))
    assert (folder / "app.py").read_text() == text
    assert not list(folder.glob(".app*"))
    assert "could not be written" in result.stdout + result.stderr, result.stderr
    return next(
        line for line in (result.stdout + result.stderr).splitlines() if "not be written" in line
    )


@contextmanager
def _small_disk(place: Path) -> Iterator[None]:
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise NotTriedError("no disk may be mounted here")
    try:
        with contextlib.suppress(OSError):
            (place / "filler").write_bytes(b"x" * 60_000)
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def no_room_for_the_cache(folder: Path) -> str:
    folder.mkdir()
    (folder / "app.py").write_text(UNSAFE)
    with _small_disk(folder / "home/cache"):
        result = run(folder, "review", "app.py")
    assert result.returncode == 1, result.stderr
    assert "archive-extraction" in result.stdout
    return result.stderr.strip() or "reviewed as without a cache"


def no_room_for_the_state(folder: Path) -> str:
    folder.mkdir()
    with _small_disk(folder / "home/state"):
        state = State(folder / "home/state/backend-developer")
        (folder / "home/state/more").write_bytes(b"x" * 3000)
        try:
            with state.writing() as db:
                db.execute("CREATE TABLE more (x TEXT)")
                db.execute("INSERT INTO more VALUES (?)", ("x" * 100_000,))
        except StateError as error:
            return str(error)
    raise AssertionError("it was written")


def a_home_that_is_read_only(folder: Path) -> str:
    folder.mkdir()
    (folder / "app.py").write_text(UNSAFE)
    (folder / "home").mkdir(mode=0o555)
    folder.chmod(0o555)
    result = run(folder, "review", "app.py", powerless=True)
    assert result.returncode == 1, result.stderr
    assert "archive-extraction" in result.stdout
    run(folder, "usage", powerless=True)
    fixed = run(folder, "review", "app.py", "--fix", powerless=True)
    assert "permission denied" in fixed.stdout + fixed.stderr, fixed.stderr
    folder.chmod(0o755)
    return "reviewed; a fix is refused in a sentence"


# --- Standard streams, the current folder, and what the system runs out of

COMMANDS: Mapping[tuple[str, ...], int] = {
    ("review", "app.py"): 1,
    ("do",): 0,
    ("agents",): 0,
    ("rule", "security/sql-injection"): 0,
    ("log",): 0,
    ("consent",): 0,
    ("usage",): 0,
    ("doctor",): 0,
}
"""Their exit codes in a folder with `UNSAFE` in it."""


def a_full_disk_behind_standard_output(folder: Path) -> str:
    """A sentence and no success, which a pipeline would go on after."""
    folder.mkdir()
    (folder / "app.py").write_text(UNSAFE)
    for command in COMMANDS:
        with open("/dev/full", "w") as full:
            result = run(folder, *command, stdout=full)
        said = "error: standard output cannot be used: no space left on device\n"
        assert (result.returncode, result.stderr) == (2, said), (command, result.stderr)
        with open("/dev/full", "w") as full:
            assert run(folder, *command, stdout=full, stderr=full).returncode == 2, command
    return said


def closed_streams(folder: Path) -> str:
    """Whatever a command says is lost, and its exit code is as ever."""
    folder.mkdir()
    (folder / "app.py").write_text(UNSAFE)
    for command, expected in COMMANDS.items():
        for closed in ((0,), (1,), (2,), (0, 1, 2)):

            def close(closed: tuple[int, ...] = closed) -> None:
                for number in closed:
                    os.close(number)

            result = run(folder, *command, prepare=close)
            assert result.returncode == expected, (command, closed, result.stderr)
    return f"{len(COMMANDS)} commands, without each stream and without all"


def a_current_folder_that_is_gone(folder: Path) -> str:
    folder.mkdir()
    gone = folder / "gone"
    for command in COMMANDS:
        gone.mkdir()
        result = run(gone, *command, prepare=gone.rmdir)
        assert result.returncode == 2, (command, result.stderr)
        assert result.stderr.startswith("error: the current folder cannot be used"), command
        assert result.stderr.count("\n") == 1, command
    gone.mkdir()
    with contextlib.chdir(gone):
        gone.rmdir()
        with connected(folder / "work") as client:
            client.start()
            client.is_well()
    return f"{result.stderr.strip()}; the server needs none"


def few_open_files(folder: Path) -> str:
    """As many as this process needs, and none for others."""
    folder.mkdir()
    for number in range(60):
        (folder / f"app_{number}.py").write_text(UNSAFE)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (14, 14))

    result = run(folder, "review", ".", "--jobs", "3", "--no-cache", prepare=limit)
    assert result.stdout.count("error[security/archive-extraction]") == 60, result.stderr
    return result.stderr.strip() or "reviewed by one process"


# --- SQLite


def a_locked_state(folder: Path, seconds: float) -> str:
    """Another program holds the file for longer than we are patient."""
    state = State(folder)
    with state.writing():
        pass
    patience, states.BUSY_SECONDS = states.BUSY_SECONDS, seconds
    try:
        with contextlib.closing(sqlite3.connect(state.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            begun = time.monotonic()
            try:
                with state.writing():
                    raise AssertionError("it was written")
            except StateError as error:
                assert time.monotonic() - begun < seconds + 5
                said = str(error)
        with state.writing():
            pass
    finally:
        states.BUSY_SECONDS = patience
    return said


# --- Linters

LINTERS: Mapping[str, tuple[str, str]] = {
    "hangs": ("sleep 600", "took longer than"),
    "closes its stdout and hangs": ("exec >&-; sleep 600", "took longer than"),
    "ignores SIGTERM": ("trap '' TERM INT HUP; while :; do sleep 1; done", "took longer than"),
    "leaves a child that holds its stdout": ("sleep 600 & exit 0", "took longer than"),
    "leaves a child in a session of its own": (
        "setsid sleep 600 & sleep 0.2; exit 0",
        "took longer than",
    ),
    "crashes": ("kill -SEGV $$", "failed with exit code -11"),
    "reports a mistake of its own": ("echo 'panicked: 1' >&2; exit 101", "code 101: panicked: 1."),
    "fails without a word": ("exit 9", "failed with exit code 9: no message."),
    "prints 100 MB": ("head -c 100000000 /dev/zero", "printed more than 20 MB"),
    "prints for ever": ("cat /dev/zero", "printed more than 20 MB"),
    "prints 100 MB of errors": ("head -c 100000000 /dev/zero >&2; exit 7", "code 7"),
    "prints errors for ever": ("cat /dev/zero >&2", "took longer than"),
    "leaves a child that holds its stderr": ("sleep 600 >/dev/null & exit 0", ""),
    "prints what is no text when it fails": ("head -c 3000 /dev/urandom >&2; exit 7", "code 7"),
    "says why with a tab": ("printf 'error:\\tno\\n' >&2; exit 3", "code 3: error: no."),
    "does not read its input": ("exit 0", ""),
}


def a_linter(folder: Path, script: str, expected: str) -> str:
    """One that takes a second at most, since the limit is set to that."""
    folder.mkdir(exist_ok=True)
    limit, linters.TIMEOUT_SECONDS = linters.TIMEOUT_SECONDS, 1.0
    begun = time.monotonic()
    try:
        run_linter(["/bin/sh", "-c", script], folder=folder, text="x" * 1_000_000)
        said = ""
    except LinterError as error:
        said = str(error)
    finally:
        linters.TIMEOUT_SECONDS = limit
    assert expected in said, said
    assert bool(expected) == bool(said), said
    assert len(said) < 400, "not a sentence"
    assert said.isprintable(), ascii(said)
    assert time.monotonic() - begun < 15, "it hung"
    return ascii(said or "its output")


ENDS: Mapping[str, Callable[[Client], object]] = {
    "closes stdin": lambda client: client.process.stdin and client.process.stdin.close(),
    "says exit": lambda client: client.goodbye(),
    "Ctrl-C": lambda client: client.process.send_signal(signal.SIGINT),
    "SIGTERM": lambda client: client.process.send_signal(signal.SIGTERM),
    "SIGHUP": lambda client: client.process.send_signal(signal.SIGHUP),
    "SIGKILL": lambda client: client.process.kill(),
}


def an_editor_that_ends_while_a_tool_hangs(folder: Path) -> str:
    """However it ends the server, the tool ends within two seconds too."""
    longest = 0.0
    for number, end in enumerate(ENDS.values()):
        place = folder / str(number)
        settings = place / "home/backend-developer/settings.yml"
        settings.parent.mkdir(parents=True)
        (place / "app.py").write_text(UNSAFE)
        with contextlib.closing(HangingTool(place)) as tool, connected(place) as client:
            settings.write_text(json.dumps({"tools": {"slow": tool.command}}))
            client.start()
            assert tool.has_begun()
            begun = time.monotonic()
            end(client)
            client.exit_code()
            assert tool.has_ended(), f"{list(ENDS)[number]}: the tool goes on"
            longest = max(longest, time.monotonic() - begun)
            assert "Traceback" not in client.log
    assert longest < 2, longest
    return f"{len(ENDS)} ways to end it"


# --- Files


def odd_names(folder: Path) -> str:
    """Names that a shell, a report or a decoder could trip over; each file is reviewed."""
    folder.mkdir()
    names = [
        b"a b.py", b"it's.py", b'say "x".py', b"new\nline.py", b"caf\xe9.py", b"-rf.py",
        b"--fix.py", b"$(id).py", b"%41.py", b"\x1b[31mred.py", "na\u202eyp.py".encode(),
        b"#.py", b"~.py", b"{files}.py", b"a;b.py", b"\xff\xfe.py", b"[x].py", b"::error::x.py",
    ]  # fmt: skip
    for name in names:
        (folder / os.fsdecode(name)).write_text(UNSAFE)
    for form in ("text", "json", "sarif", "github"):
        result = run(folder, "review", ".", "--format", form, "--no-cache")
        assert result.returncode == 1, (form, result.stderr)
        assert "\x1b[31mred" not in result.stdout + result.stderr, form
        assert "please report" not in result.stderr, (form, result.stderr)
        if form in ("json", "sarif"):
            said = json.loads(result.stdout)
            is_sarif = form == "sarif"
            count = len(said["runs"][0]["results"]) if is_sarif else said["summary"]["findings"]
            assert count == len(names), (form, count)
    run(folder, "review", ".", "--output", "report.json", "--format", "json")
    result = run(folder, "review", "--fix", "--", *map(os.fsdecode, names))
    for name in names:
        assert (folder / os.fsdecode(name)).read_text() == FIXED, name
    return f"{len(names)} names in 4 formats, cached and fixed"


def odd_files(folder: Path) -> str:
    """What is no file, links in circles, and what may not be read, beside one that is well."""
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "app.py").write_text(UNSAFE)
    os.mkfifo(folder / "pipe.py")
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")
    (folder / "up").symlink_to(folder, target_is_directory=True)
    (folder / "shut").mkdir(mode=0o000)
    (folder / "secret.py").write_text(UNSAFE)
    (folder / "secret.py").chmod(0o000)
    # A socket's path must be short.
    with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(folder):
        one.bind("socket.py")
    for name in (".gitignore", ".claude", "CLAUDE.md", "AGENTS.md"):
        os.mkfifo(folder / name)

    result = run(folder, "review", ".", "--no-cache", powerless=True)
    assert result.returncode == 3, result.stderr
    assert "archive-extraction" in result.stdout, result.stderr
    return f"reviewed; {len(result.stderr.splitlines())} lines say what is not"


def drive_uris(_: Path) -> str:
    """On Windows, whose rules are functions of `os.name` alone."""
    cases = {
        "file:///c%3A/Users/a%20b/x.py": "c:\\Users\\a b\\x.py",
        "file:///C:/x.py": "C:\\x.py",
        "file://server/share/x.py": "\\\\server\\share\\x.py",
        "untitled:Untitled-1": "",
        "file:///%E4%BD%A0.py": "你.py",
    }

    class Windows:
        name = "nt"
        fsencode = staticmethod(os.fsencode)

    system, from_lsp.os = from_lsp.os, Windows  # type: ignore[assignment, misc]
    try:
        for uri, path in cases.items():
            assert from_lsp.path_of(uri) == path, (uri, from_lsp.path_of(uri))
    finally:
        from_lsp.os = system  # type: ignore[misc]
    assert from_lsp.key_of("file:///c%3A/x.py") == from_lsp.key_of("file:///c:/x.py")
    assert from_lsp.path_of("FILE:///a%3Ab.py") == "/a:b.py"
    assert from_lsp.path_of("file:///" + "a/" * 5000) == ""
    assert from_lsp.key_of("file:///%FF.py") != from_lsp.key_of("file:///%FE.py")
    assert os.fsencode(from_lsp.path_of("file:///%FF.py")) == b"/\xff.py"
    return f"{len(cases)} URIs of Windows, 4 of others"


QUICK: Mapping[str, Callable[[Path], str]] = {
    "no room for --output": no_room_for_the_report,
    "no room for --fix": no_room_for_a_fix,
    "no room for the cache": no_room_for_the_cache,
    "no room for the state": no_room_for_the_state,
    "a home that is read-only": a_home_that_is_read_only,
    "a full disk behind standard output": a_full_disk_behind_standard_output,
    "standard streams that are closed": closed_streams,
    "a current folder that is gone": a_current_folder_that_is_gone,
    "few open files": few_open_files,
    "a state that another program holds": lambda folder: a_locked_state(folder, 0.5),
    "an editor that ends while a tool hangs": an_editor_that_ends_while_a_tool_hangs,
    "odd names": odd_names,
    "pipes, sockets, circles, forbidden folders": odd_files,
    "URIs of Windows and odd ones": drive_uris,
    **{
        f"a linter that {name}": (lambda folder, case=case: a_linter(folder, *case))
        for name, case in LINTERS.items()
    },
}


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for number, (fault, work) in enumerate(QUICK.items()):
            yield seen(fault, work, folder / f"quick-{number}")
        count, seed = arguments.count, arguments.seed
        yield seen(
            "a folder whose name is no text, and a model",
            lambda: asyncio.run(a_folder_whose_name_is_no_text(folder / "name")),
        )
        yield seen("kill -9 during review --fix", killed_while_fixing, folder / "fix", count, seed)
        yield seen(
            "kill -9 during a model's review",
            lambda: asyncio.run(killed_while_asking(a_folder(folder / "ask"), count, seed)),
        )
        yield seen(
            "kill -9 while a batch is sent",
            lambda: asyncio.run(
                killed_while_a_batch_is_sent(a_folder(folder / "batch"), count, seed)
            ),
        )
        yield seen(
            "three terminals at the same moment",
            lambda: asyncio.run(several_at_once(a_folder(folder / "at-once"), count)),
        )
        yield seen(
            "kill -9 during do --apply",
            lambda: asyncio.run(killed_while_changing(a_folder(folder / "do"), count, seed)),
        )


def a_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="kills of each kind")
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main(rows, options()))
