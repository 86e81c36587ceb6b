from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from editors.support import missing
from editors.vscode.tools import MissingError, Tools, build_extension, install_tools
from editors.vscode.workbench import Browser, CodeServer, Workbench, install_extension

T = TypeVar("T")

SERVER = [sys.executable, "-m", "backend_developer"]


@pytest.fixture(scope="session")
def tools() -> Tools:
    return _had(install_tools)


@pytest.fixture(scope="session")
def vsix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _had(lambda: build_extension(tmp_path_factory.mktemp("vsix")))


@pytest.fixture(scope="session")
def extensions(tools: Tools, vsix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of extensions with ours in it, installed as a person would."""
    extensions = tmp_path_factory.mktemp("extensions")
    install_extension(tools, extensions, vsix, tmp_path_factory.mktemp("install"))
    return extensions


@pytest.fixture(scope="session")
def browser(tools: Tools) -> Iterator[Browser]:
    browser = Browser(tools)
    yield browser
    browser.stop()


StartServer = Callable[..., CodeServer]


@pytest.fixture(scope="module")
def start_server(
    tools: Tools, extensions: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartServer]:
    """Starts VS Code's server with machine settings of ours; it ends with the module."""
    started = []

    def start(settings: Mapping[str, object] = {}, **options: Any) -> CodeServer:
        machine = {"backendDeveloper.server.path": SERVER, **settings}
        folder = tmp_path_factory.mktemp("code-server")
        options = {"extensions": extensions, **options}
        started.append(CodeServer(tools, folder, machine, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def new_window(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[CodeServer], Workbench]]:
    """Makes a window for an empty workspace, which is not open yet; a browser shows one at once."""
    yield lambda server: Workbench(browser, server, tmp_path_factory.mktemp("workspace"))
    # The server of the last window ends now, and not within the next module.
    browser.open("about:blank")


@pytest.fixture
def window(
    shared_window: Workbench, pictures: Path, request: pytest.FixtureRequest
) -> Iterator[Workbench]:
    """The open window of the module, with no file in it."""
    yield shared_window
    shared_window.screenshot(pictures / f"{request.node.name}.png")
    try:
        shared_window.clear()
    except AssertionError:  # The test has failed with something open that asks for an answer.
        shared_window.open()


def _had(get: Callable[[], T]) -> T:
    """What `get` gives; where that cannot be had the test is skipped, or fails in CI."""
    try:
        return get()
    except MissingError as error:
        missing(f"VS Code cannot be had: {error}")
        raise
