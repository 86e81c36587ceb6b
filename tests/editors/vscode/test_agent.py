"""VS Code with a model: progress, cancelling, typing meanwhile, and the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from editors.support import agree, loopback_model
from editors.vscode.samples import APP
from editors.vscode.workbench import CodeServer, Workbench, wait_until
from loopback_model import KEY, LoopbackModel, Reply, answer, finding

TOAST = ".notification-toast"
MESSAGE = "`fetch` follows redirects to any address, also of the own network."


def found(code: str = "requests.get(URL)") -> str:
    """A model's answer with one finding."""
    rule = "security/server-side-request-forgery"
    return answer(finding(quote=code, line=5, message=MESSAGE, rule=rule, cwes=[918]))


@pytest.fixture(scope="module")
def model() -> Iterator[LoopbackModel]:
    with loopback_model() as model:
        yield model


@pytest.fixture(scope="module")
def server(start_server: Callable[..., CodeServer], model: LoopbackModel) -> CodeServer:
    # What is said to the server is logged whole, for the test of what the logs do not hold.
    settings: dict[str, object] = {
        "backendDeveloper.baseUrl": model.url,
        "backendDeveloper.trace.server": "verbose",
        # Each review here is one call, the same one too.
        "backendDeveloper.secondLook": "off",
        "backendDeveloper.keepAnswers": False,
    }
    return start_server(settings, log_level="trace")


@pytest.fixture(scope="module")
def shared_window(
    server: CodeServer, new_window: Callable[[CodeServer], Workbench], model: LoopbackModel
) -> Workbench:
    """One in which the key was set, by the command."""
    window = new_window(server)
    window.open()
    window.show(APP)
    window.command("Backend Developer: Set API Key…")
    window.answer(KEY)
    wait_until("the server has the key", lambda: key_of(server) == KEY)
    agree(server.folder / "state", window.workspace, model)
    window.clear()
    return window


def variables_of(server: CodeServer) -> dict[str, str] | None:
    """The environment of the language server, of which there must be one."""
    environments = [
        Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
        for process in server.language_servers()
    ]
    if len(environments) != 1:
        return None
    return dict(entry.split("=", 1) for entry in environments[0] if "=" in entry)


def key_of(server: CodeServer) -> str | None:
    variables = variables_of(server)
    return None if variables is None else variables.get("ANTHROPIC_API_KEY", "")


def has_key(file: Path) -> bool:
    """Whether a file, which may be gone meanwhile, has the key in it."""
    try:
        return KEY.encode() in file.read_bytes()
    except OSError:
        return False


def test_the_server_has_the_editors_environment_beside_the_key(
    window: Workbench, server: CodeServer
) -> None:
    variables = variables_of(server)
    assert variables
    assert {"PATH", "HOME", "XDG_STATE_HOME", "ANTHROPIC_API_KEY"} <= variables.keys()


def test_a_review_of_a_selection(window: Workbench, model: LoopbackModel) -> None:
    file = window.show(APP)
    model.script(Reply(found(), delay=0.3))
    window.select_lines(4, 6)
    assert any(title.startswith("Review API design (agent: ") for title in window.code_actions())
    window.press("Escape")
    window.take_action("Review security (agent: ")
    window.see(TOAST, "Review security")
    window.status("Review security")
    window.not_see(TOAST, "Review security")
    assert "3 findings · claude-" in window.status("3 findings")
    window.hover(5, 40)
    window.see(".monaco-hover", "redirects to any address")
    sent = model.requests[-1].body
    assert file.name in str(sent)
    window.browser.do(["locator", ".statusbar-item", {"hasText": "3 findings"}], ["hover"])
    tooltip = window.see(".monaco-hover", "and wrote 77 tokens, $0.00")
    assert "Of all your editors and terminals here" in tooltip


def test_consent_is_taken_back_and_asked_for_again(window: Workbench, model: LoopbackModel) -> None:
    window.show(APP)
    window.command("Backend Developer: Ask Again Before Code Is Sent")
    window.see(TOAST, "before you agree again")
    before = len(model.requests)
    model.script(Reply(found()))
    window.select_lines(4, 6)
    window.command("Backend Developer: Review Security")
    window.see(TOAST, "May backend-developer send code from this workspace to a model?")
    assert len(model.requests) == before
    window.click(f"{TOAST} .monaco-button", "Send")
    window.status("3 findings")
    assert len(model.requests) == before + 1


def test_a_review_is_cancelled(window: Workbench, model: LoopbackModel) -> None:
    window.show(APP)
    before = len(model.requests)
    model.script(Reply(found(), fault="stall", after=5))
    window.select_lines(4, 6)
    window.command("Backend Developer: Review Security")
    window.see(TOAST, "Review security")
    wait_until("the model was asked", lambda: len(model.requests) > before)
    asked = model.requests[-1]
    window.click(f"{TOAST} .monaco-button", "Cancel")
    window.not_see(TOAST, "Review security")
    wait_until("the request was closed", asked.disconnected.is_set)
    window.status("2 findings")


def test_typing_goes_on_while_a_review_runs(window: Workbench, model: LoopbackModel) -> None:
    window.show(APP)
    model.script(Reply(found(), delay=0.4))
    window.select_lines(4, 6)
    window.command("Backend Developer: Review Security")
    window.see(TOAST, "Review security")
    window.go_to(1)
    window.type("import os\n\n")
    window.not_see(TOAST, "Review security")
    window.status("3 findings")
    window.problem(MESSAGE[10:30], "[Ln 7, Col 31]")


def test_the_context_menu_and_the_menu_of_the_status_bar(
    window: Workbench, model: LoopbackModel
) -> None:
    window.show(APP)
    window.go_to(5)
    window.click(".view-line", "icon", button="right")
    window.browser.do(
        ["locator", ".monaco-menu .action-item", {"hasText": "Backend Developer"}], ["hover"]
    )
    window.see(".monaco-menu .action-item", "Review Performance")
    window.press("Escape", "Escape")
    window.click(".statusbar-item", "findings ·")
    window.choose("Choose Agent…")
    window.choose("backend-developer")
    window.not_see(".quick-input-widget")
    window.click(".statusbar-item", "findings ·")
    window.choose("Choose Model…")
    window.choose("haiku")
    window.not_see(".quick-input-widget")
    window.status("claude-haiku")
    asked = len(model.requests)
    model.script(Reply(found()))
    window.command("Backend Developer: Review Everything")
    wait_until("the model was asked", lambda: len(model.requests) > asked)
    assert model.requests[-1].body["model"] == "claude-haiku-5-5"
    window.status("3 findings")
    window.command("Backend Developer: Run Doctor")
    window.see(".view-line", "nothing is wrong")


def test_the_key_is_in_the_servers_environment_and_nowhere_else(
    window: Workbench, server: CodeServer
) -> None:
    assert key_of(server) == KEY
    window.show(APP)
    window.command("Backend Developer: Show Log")
    window.see(".part.panel .view-line")
    window.command("View: Hide Panel")
    # What the browser keeps of the secret storage is encrypted.
    assert KEY not in window.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    # The log, which the panel shows, holds all that was said; neither it nor another file has it.
    [log] = server.data.rglob("*Backend Developer.log")
    assert "'workspace/executeCommand" in log.read_text(encoding="utf-8")
    everywhere = [*Path("/proc").glob("[0-9]*/cmdline"), *server.folder.rglob("*")]
    assert [path for path in everywhere if path.is_file() and has_key(path)] == []
    window.command("Backend Developer: Clear API Key")
    wait_until("the server has none", lambda: key_of(server) == "")
    window.status("2 findings")
    window.select_lines(4, 6)
    window.command("Backend Developer: Review Security")
    window.see(TOAST, "key")
