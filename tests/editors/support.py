"""What the tests in real editors share: waiting, a model on loopback, and files to look at."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from backend_developer.consents import give
from backend_developer.state import State, state_folder
from loopback_model import LoopbackModel

SECONDS = 60.0
"""Limit of every wait: a loaded machine is slow."""

T = TypeVar("T")


def until(condition: Callable[[], T], what: object = "") -> T:
    """The first value of `condition` that is not falsy; fails when none comes."""
    end = time.monotonic() + SECONDS
    while True:
        if value := condition():
            return value
        shown = what() if callable(what) else what
        assert time.monotonic() < end, f"waited {SECONDS:g} s in vain; {shown}"
        time.sleep(0.02)


def program(name: str, how_to_get_it: str) -> str:
    """The path of a program, first of the one beside this Python.

    What `how_to_get_it` says that apt-get installs is installed, as root on Debian. Skips the test
    where there is none then, and fails it in CI, where there must be one.
    """
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    packages = how_to_get_it.removeprefix("apt-get install ")
    if not shutil.which(name, path=folders) and packages != how_to_get_it:
        install(*packages.split())
    if found := shutil.which(name, path=folders):
        return found
    missing(f"{name} is not installed: {how_to_get_it}")


def install(*packages: str) -> None:
    """Installs packages of Debian's, where this is Debian and we are root; else does nothing."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(
                ["apt-get", "-q", *command], env=environment, capture_output=True, check=False
            )


def missing(reason: str) -> None:
    """Skips the test, or fails it in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def environment(home: Path, **variables: str) -> dict[str, str]:
    """That of an editor with a home of its own, which finds the server of this checkout."""
    home.mkdir(parents=True, exist_ok=True)
    # Each review is one call, the same one too.
    one_call = {
        "BACKEND_DEVELOPER_SECOND_LOOK": "off",
        "BACKEND_DEVELOPER_KEEP_ANSWERS": "false",
    }
    folders = {
        f"XDG_{name}_HOME": str(home / name.lower())
        for name in ("CONFIG", "DATA", "STATE", "CACHE")
    }
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        **folders,
        **one_call,
        **variables,
    }


def agree(state_home: Path, workspace: Path, model: LoopbackModel) -> None:
    """As a person who agreed to it: the workspace's code may be sent to the model."""
    state = State(state_folder({"XDG_STATE_HOME": str(state_home)}))
    give(state, str(workspace), model.url)


@contextmanager
def loopback_model() -> Iterator[LoopbackModel]:
    """A model that runs in a thread of its own, for tests that wait without asyncio."""
    model, stop, started = LoopbackModel(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with model:
            started.set()
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(SECONDS)
        yield model
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
