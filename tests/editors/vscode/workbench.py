"""The real program: a server of VS Code, and a browser with its window in it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from editors.support import SECONDS
from editors.vscode.tools import Tools

INPUT = ".quick-input-widget .quick-input-box input.input"
CHOICES = ".quick-input-list .monaco-list-row"
SQUIGGLE = ".squiggly-error, .squiggly-warning"
INSIDE = (["frameLocator", "iframe.webview"], ["frameLocator", "#active-frame"])
"""The text that VS Code shows in a page of its own."""

ALWAYS_TOLD = (
    ".notification-toast",
    ".monaco-dialog-box",
    ".tab",
    ".statusbar-item",
    ".monaco-editor .view-lines",
)
"""What the failure of a test says that the window shows."""

T = TypeVar("T")

USER_SETTINGS: Mapping[str, object] = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.welcomePage.walkthroughs.openOnInstall": False,
    "chat.disableAIFeatures": True,
    "telemetry.telemetryLevel": "off",
    "extensions.autoUpdate": False,
    "extensions.ignoreRecommendations": True,
    "git.enabled": False,
    "files.hotExit": "off",
    "files.simpleDialog.enable": True,
    "editor.minimap.enabled": False,
    # A list that opens while a line is typed would take its Enter.
    "editor.quickSuggestions": False,
    "editor.suggestOnTriggerCharacters": False,
    "editor.hover.delay": 100,
    "editor.cursorBlinking": "solid",
    "workbench.reduceMotion": "on",
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
}


def wait_until(what: str, look: Callable[[], T], seconds: float = SECONDS) -> T:
    """What `look` gives, as soon as that is true; asks ten times a second."""
    end = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < end, f"{what}: not so after {seconds:.0f} seconds"
        time.sleep(0.1)
    return value


class CodeServer:
    """VS Code's server, in a process group of its own, with a home and user data of its own."""

    def __init__(
        self,
        tools: Tools,
        folder: Path,
        machine_settings: Mapping[str, object],
        *,
        extensions: Path,
        trusts_every_folder: bool = True,
        path: str | None = None,
        variables: Mapping[str, str] = {},
        log_level: str = "info",
    ) -> None:
        """`path` is where it looks for programs, in place of the user's PATH; `variables` are more
        of its environment, and so of that of the language server.
        """
        self.folder = folder
        """Everything that this run of VS Code writes lies in here."""
        self.data = folder / "data"
        self.log = folder / "code-server.log"
        self._write("User", USER_SETTINGS)
        self._write("Machine", machine_settings)
        (folder / "config.yaml").write_text("auth: none\n")
        self.port = _free_port()
        for name in ("home", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        if path is not None:
            # VS Code takes PATH from a login shell of the user's.
            (folder / "home" / ".profile").write_text(f"export PATH='{path}'\n")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *command(tools, extensions, folder),
                    f"--bind-addr=127.0.0.1:{self.port}",
                    "--auth=none",
                    f"--log={log_level}",
                    "--disable-telemetry",
                    "--disable-update-check",
                    "--disable-getting-started-override",
                    *(["--disable-workspace-trust"] if trusts_every_folder else []),
                ],
                env=environment(folder) | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until("VS Code's server answers", self._answers)

    def address(self, workspace: Path, file: Path) -> str:
        """Of a window that has the folder open, and the file in it."""
        here = f"127.0.0.1:{self.port}"
        opened = [["openFile", f"vscode-remote://{here}{quote(str(file))}"]]
        return f"http://{here}/?folder={quote(str(workspace))}&payload={quote(json.dumps(opened))}"

    def processes(self) -> list[tuple[int, list[str]]]:
        """(id, command line) of all that runs in its group; extension hosts are in it."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if os.getpgid(int(entry.name)) == self._process.pid:
                        words = (entry / "cmdline").read_bytes().decode().split("\0")
                        found.append((int(entry.name), words))
                except (ProcessLookupError, FileNotFoundError):
                    continue
        return found

    def language_servers(self) -> list[int]:
        """The ids of the processes that are ours."""
        return [
            process
            for process, words in self.processes()
            if "serve" in words and any("backend" in word for word in words)
        ]

    def stop(self) -> None:
        for signal_, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(self._process.pid, signal_)
                self._process.wait(seconds)
                # Extension hosts outlive the server.
                wait_until("the group ends", lambda: not self.processes(), seconds)
            except (ProcessLookupError, subprocess.TimeoutExpired, AssertionError):
                continue

    def _answers(self) -> bool:
        ended = self._process.poll()
        assert ended is None, f"VS Code's server ended with {ended}: {self.log.read_text()}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5):
                return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def _write(self, place: str, settings: Mapping[str, object]) -> None:
        (self.data / place).mkdir(parents=True, exist_ok=True)
        (self.data / place / "settings.json").write_text(json.dumps(settings))


def command(tools: Tools, extensions: Path, folder: Path) -> list[str]:
    """The start of every command line of code-server."""
    return [
        str(tools.node),
        str(tools.code_server),
        f"--config={folder / 'config.yaml'}",
        f"--user-data-dir={folder / 'data'}",
        f"--extensions-dir={extensions}",
    ]


def install_extension(tools: Tools, extensions: Path, vsix: Path, folder: Path) -> None:
    """Installs a package among `extensions` as a person would; `folder` is for VS Code's data."""
    (folder / "config.yaml").write_text("auth: none\n")
    (folder / "tmp").mkdir()
    done = subprocess.run(
        [*command(tools, extensions, folder), "--install-extension", vsix, "--force"],
        env=environment(folder),
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"VS Code did not install {vsix}: {done.stdout}{done.stderr}"


def environment(folder: Path) -> dict[str, str]:
    """A clean one: no key and no setting of the machine's owner gets in."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return kept | {
        "HOME": str(folder / "home"),
        "XDG_STATE_HOME": str(folder / "state"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "EXTENSIONS_GALLERY": '{"serviceUrl":""}',
    }


class Browser:
    """Playwright in a process of its own."""

    def __init__(self, tools: Tools) -> None:
        script = Path(__file__).with_name("browser.mjs")
        self._process = subprocess.Popen(
            [tools.node, script, tools.modules, tools.chromium, str(int(SECONDS * 1000))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def open(self, address: str) -> None:
        self._ask({"open": address})

    def do(self, *chain: Sequence[object]) -> Any:
        """Calls Playwright's methods, see browser.mjs; AssertionError when one of them fails."""
        return self._ask({"chain": chain})

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        assert self._process.stdout
        self._process.stdout.close()

    def _ask(self, request: Mapping[str, object]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser is gone"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]


class Workbench:
    """A window of VS Code, as a person uses it."""

    def __init__(self, browser: Browser, server: CodeServer, workspace: Path) -> None:
        self.browser = browser
        self.server = server
        self.workspace = workspace
        self._files = count(1)

    def open(self, file: Path | None = None) -> None:
        """Opens the window, or opens it again, with the workspace and a file of it."""
        # With a file that is shown, the window is known to be ready: its dialogs come before that.
        shown = file or self.write("README.txt", "An empty workspace.\n")
        self.browser.open(self.server.address(self.workspace, shown))
        self.see(".monaco-editor .view-line")
        if file is None:
            self.clear()

    def write(self, name: str, text: str) -> Path:
        """A file of the workspace."""
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def show(self, text: str, name: str = "") -> Path:
        """Opens a new file in an editor, by default of Python; waits for its first squiggle."""
        file = self.write(name or f"app{next(self._files)}.py", text)
        self.name_file(file)
        self.press("Enter")
        self.see(".tab.active", file.name)
        self.see(SQUIGGLE)
        return file

    def name_file(self, file: Path) -> None:
        """Opens the dialog for opening a file, and writes its path; Enter opens it then."""
        self.command("File: Open File...")
        # The dialog is ready when it has written the folder into the box, after another one.
        value = [["locator", INPUT], ["inputValue"]]
        ready = f"{self.workspace}/"
        self.wait_until("the dialog is ready", lambda: self.browser.do(*value) == ready)
        self.browser.do(["locator", INPUT], ["fill", str(file)])

    def clear(self) -> None:
        """Makes the window empty for the next test."""
        self.press("Escape", "Escape")
        self.command("Notifications: Clear All Notifications")
        if self.count(".part.panel"):
            self.command("View: Hide Panel")
        self.command("View: Close All Editors")
        self.not_see(".tab")

    # --- Looking

    def see(self, selector: str, text: str | None = None, seconds: float = SECONDS) -> str:
        """Waits for something visible that holds the text; returns all of its text."""
        options = {} if text is None else {"hasText": text}
        element = [["locator", selector, options], ["filter", {"visible": True}], ["first"]]
        try:
            self.browser.do(*element, ["waitFor", {"timeout": seconds * 1000}])
        except AssertionError as error:
            what = f"{selector} with {text!r}; there are {self.texts(selector)}"
            raise AssertionError(f"No {what}; {self.shown()}") from error
        return str(self.browser.do(*element, ["innerText"])).replace("\N{NO-BREAK SPACE}", " ")

    def see_inside(self, selector: str, text: str) -> None:
        """Waits for something in the page of its own that an extension's text is shown in."""
        self.browser.do(*INSIDE, ["locator", selector, {"hasText": text}], ["waitFor"])

    def pictures(self) -> list[int]:
        """The widths of the pictures in that page; 0 for one that is broken."""
        widths = {"function": "pictures => pictures.map(picture => picture.naturalWidth)"}
        return list(self.browser.do(*INSIDE, ["locator", "img"], ["evaluateAll", widths]))

    def texts(self, selector: str) -> list[str]:
        """The texts of all that match now."""
        return list(self.browser.do(["locator", selector], ["allInnerTexts"]))

    def shown(self) -> str:
        """What the window shows, for who reads of a test that failed."""
        focus = "[document.activeElement.tagName, document.activeElement.className].join(' ')"
        texts = {place: self.texts(place) for place in ALWAYS_TOLD}
        return f"the focus is in {self.evaluate(focus)}; shown are {texts}"

    def wait_until(self, what: str, look: Callable[[], T]) -> T:
        """As the function; a failure says what the window shows."""
        try:
            return wait_until(what, look)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.shown()}") from error

    def not_see(self, selector: str, text: str | None = None) -> None:
        """Waits until nothing visible of that kind is left."""
        self.wait_until(f"no {selector} {text or ''}", lambda: self.count(selector, text) == 0)

    def links(self, selector: str) -> list[str]:
        """The addresses that the matches lead to."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        return list(self.evaluate(f"{found}.map(element => element.href)"))

    def status(self, text: str) -> str:
        """Waits until our item in the status bar says the text."""
        return self.see(".statusbar-item", text)

    def evaluate(self, expression: str) -> Any:
        return self.browser.do(["evaluate", expression])

    def screenshot(self, path: Path) -> None:
        self.browser.do(["screenshot", {"path": str(path)}])

    # --- Doing

    def click(self, selector: str, text: str | None = None, **options: object) -> None:
        found = {} if text is None else {"hasText": text}
        self.browser.do(
            ["locator", selector, found],
            ["filter", {"visible": True}],
            ["first"],
            ["click", options],
        )

    def click_until(self, selector: str, what: str, look: Callable[[], bool]) -> None:
        """Clicks, again where nothing comes of it: on a list that is just then drawn anew, or in
        a moment in which an editor takes the focus."""

        def is_so() -> bool:
            self.click(selector)
            try:
                return wait_until(what, look, 5)
            except AssertionError:
                return False

        self.wait_until(what, is_so)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.browser.do(["keyboard"], ["press", key])

    def type(self, text: str) -> None:
        self.browser.do(["keyboard"], ["type", text])

    def choose(self, text: str) -> None:
        """Picks an entry of the quick pick that is open."""
        self.see(CHOICES, text)
        self.click(CHOICES, text)

    def answer(self, text: str) -> None:
        """Answers the input box that a command opens, in place of the palette with its text."""
        value = [["locator", INPUT], ["inputValue"]]
        self.wait_until("the box is empty", lambda: self.browser.do(*value) == "")
        self.browser.do(["locator", INPUT], ["fill", text])
        self.press("Enter")
        self.not_see(".quick-input-widget")

    def command(self, title: str) -> None:
        """Runs a command by its title in the command palette."""

        def is_first() -> bool:
            self._write_into_box("F1", f">{title}")
            try:
                self.see(f"{CHOICES}.focused", title, 5)
            except AssertionError:  # An editor that closes has closed the palette.
                return False
            return True

        self.wait_until(f"{title} is the first command", is_first)
        self.press("Enter")
        self.not_see(".quick-input-widget .monaco-list-row.focused", title)

    def select_lines(self, first: int, last: int) -> None:
        """Selects whole lines, numbered from 1, by keyboard."""
        self.go_to(first)
        self.press(*(["Shift+ArrowDown"] * (last - first)), "Shift+End")

    def go_to(self, line: int, column: int = 1) -> None:
        """Puts the cursor there; both from 1, columns in UTF-16 units as VS Code counts them."""
        self._write_into_box("Control+g", f":{line}:{column}")
        self.press("Enter")
        self.not_see(".quick-input-widget")

    def hover(self, line: int, column: int) -> None:
        """Shows what is known of a place, by keyboard."""
        self.go_to(line, column)
        self.press("Control+k", "Control+i")

    def code_actions(self) -> list[str]:
        """Opens the menu of code actions at the cursor; returns its entries."""

        def entries() -> list[str]:
            self.press("Control+.")
            rows = ".action-widget .monaco-list-row.action"
            try:
                return wait_until("it is there", lambda: self.texts(rows), 5)
            except AssertionError:
                # The key does nothing while an extension is still starting.
                return []

        return self.wait_until("the menu of code actions opens", entries)

    def take_action(self, title: str) -> None:
        """Picks a code action at the cursor, as soon as it is offered: a fix is checked first."""

        def is_offered() -> bool:
            if any(title in one for one in self.code_actions()):
                return True
            self.press("Escape")
            self.not_see(".action-widget")
            return False

        self.wait_until(f"{title} is offered", is_offered)
        self.click(".action-widget .monaco-list-row.action", title)

    def save(self, file: Path) -> str:
        """Saves the buffer, which was changed; returns what it then holds."""
        before = file.read_bytes()
        patience = time.monotonic() + 15

        def is_saved() -> bool:
            # The key does nothing where another editor is still closing.
            self.press("Control+s")
            try:
                return wait_until("saved", lambda: file.read_bytes() not in (before, b""), 5)
            except AssertionError:
                # In a browser, VS Code saves by itself after a second, which may have been before.
                return time.monotonic() > patience and not self.count(".tab.active.dirty")

        self.wait_until(f"{file.name} is saved", is_saved)
        return file.read_text(encoding="utf-8")

    def trust(self) -> None:
        """Trusts the workspace."""
        self.command("Workspaces: Manage Workspace Trust")
        self.click(".workspace-trust-editor .monaco-button", "Trust")
        self.see(".workspace-trust-editor", "You trust this folder")
        self.click(".monaco-modal-editor-block .codicon-close")
        self.not_see(".workspace-trust-editor")

    def problem(self, *parts: str) -> None:
        """Opens the Problems panel, and waits for a row of ours with all of that in it.

        A row has the message, the code and the place: `[Ln 5, Col 31]`.
        """
        self.command("Problems: Focus on Problems View")

        def is_listed() -> bool:
            rows = self.texts(".markers-panel .monaco-list-row")
            return any(
                all(part in " ".join(row.split()) for part in ("backend-developer", *parts))
                for row in rows
            )

        self.wait_until(f"{parts} is listed", is_listed)

    def count(self, selector: str, text: str | None = None) -> int:
        """How many of that kind are visible now."""
        options = {} if text is None else {"hasText": text}
        chain = [["locator", selector, options], ["filter", {"visible": True}], ["count"]]
        return int(self.browser.do(*chain))

    def _write_into_box(self, key: str, text: str) -> None:
        """Opens the input box by a key, and writes; again, when an editor that closes closes it."""

        def is_written() -> bool:
            self.press(key)
            try:
                self.browser.do(["locator", INPUT], ["fill", text, {"timeout": 5000}])
            except AssertionError:
                return False
            return True

        self.wait_until("the box is open", is_written)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
