"""VS Code with no key and no network: the local engine alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from editors.vscode.samples import APP, FIX, FIXED_APP, FIXED_SESSION, SESSION
from editors.vscode.workbench import CHOICES, CodeServer, Workbench, wait_until

UNDERLINED = """
[...document.querySelectorAll('.squiggly-warning, .squiggly-error')].map((squiggle) => {
  const { left, right, bottom } = squiggle.getBoundingClientRect();
  const line = [...document.querySelectorAll('.view-line')].find((one) => {
    const box = one.getBoundingClientRect();
    return box.top < bottom && box.bottom >= bottom - 1;
  });
  const nodes = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  let text = '';
  for (let node; (node = nodes.nextNode()); ) {
    for (let index = 0; index < node.length; index++) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + 1);
      const box = range.getBoundingClientRect();
      if (box.left >= left - 1 && box.right <= right + 1) text += node.data[index];
    }
  }
  return text.replaceAll("\u00a0", " ");
})
"""
"""The text that stands above each squiggle, measured on the screen."""


MODIFIED = ".modified-in-monaco-diff-editor .view-line"
APPLY = ".editor-actions .action-label[aria-label^='Apply']"
DISCARD = ".editor-actions .action-label[aria-label^='Discard']"


@pytest.fixture(scope="module")
def server(start_server: Callable[..., CodeServer]) -> CodeServer:
    return start_server()


@pytest.fixture(scope="module")
def shared_window(server: CodeServer, new_window: Callable[[CodeServer], Workbench]) -> Workbench:
    window = new_window(server)
    window.open()
    return window


def test_findings_are_underlined_listed_and_explained(window: Workbench) -> None:
    window.show(APP)
    wait_until("both are underlined", lambda: len(window.evaluate(UNDERLINED)) == 2)
    assert window.evaluate(UNDERLINED) == [
        "requests.get(URL)",
        "f\"SELECT id FROM users WHERE name = '{name}'\"",
    ]
    assert "2 findings · local" in window.status("2 findings")
    # UTF-16 units: the emoji counts as two.
    window.problem("waits for ever", "performance/missing-timeout", "[Ln 5, Col 31]")
    window.problem("SQL", "security/sql-injection", "[Ln 10, Col 27]")
    assert any("https://" in link for link in window.links(".markers-panel .monaco-list-row a"))


def test_a_hover_explains_the_finding(window: Workbench) -> None:
    window.show(APP)

    def explanation() -> str:
        window.press("Escape")
        window.hover(5, 40)
        text = window.see(".monaco-hover", "Why:")
        # The fix is checked first.
        return text if "offered as a code" in text else ""

    text = wait_until("the fix is told of", explanation)
    for part in ("How to fix it", "Found by", "performance/missing-timeout"):
        assert part in text


def test_a_quick_fix_changes_the_buffer(window: Workbench) -> None:
    file = window.show(APP)
    window.go_to(5, 35)
    window.take_action(FIX)
    assert window.save(file) == FIXED_APP
    window.status("1 finding ·")


def test_a_fix_is_applied_where_the_code_has_moved_to(window: Workbench) -> None:
    file = window.show(APP)
    window.go_to(1)
    window.type("import os\n\n")
    window.go_to(7, 35)
    window.take_action(FIX)
    window.see(".view-line", "timeout=10")
    assert window.save(file) == "import os\n\n" + FIXED_APP


def test_a_fix_is_shown_as_a_diff_and_applied(window: Workbench) -> None:
    file = window.show(APP)
    window.go_to(5, 35)
    window.take_action(f"Preview as a diff: {FIX}")
    window.see(MODIFIED, "timeout=10")
    assert file.read_text(encoding="utf-8") == APP
    window.click(APPLY)
    window.not_see(".monaco-diff-editor")
    assert window.save(file) == FIXED_APP


def test_a_diff_is_discarded_without_a_change(window: Workbench) -> None:
    file = window.show(APP)
    window.go_to(5, 35)
    window.take_action(f"Preview as a diff: {FIX}")
    window.see(MODIFIED, "timeout=10")
    window.click(DISCARD)
    window.not_see(".monaco-diff-editor")
    window.go_to(1)
    window.type("#")
    assert window.save(file) == "#" + APP


def test_a_stale_diff_is_refused(window: Workbench) -> None:
    file = window.show(APP)
    window.go_to(5, 35)
    window.take_action(f"Preview as a diff: {FIX}")
    window.see(MODIFIED, "timeout=10")
    window.click(".tab", file.name)
    window.not_see(".monaco-diff-editor")
    window.go_to(1)
    window.type("import os\n")
    window.click(".tab", FIX)
    window.click(APPLY)
    window.see(".notification-toast", "The code has changed since this preview was opened")
    window.click(DISCARD)
    window.not_see(".monaco-diff-editor")
    assert window.save(file) == "import os\n" + APP


def test_a_dismissed_finding_stays_away(window: Workbench) -> None:
    file = window.show(APP)
    window.go_to(5, 35)
    window.take_action("Dismiss performance/missing-timeout here: false positive")
    window.not_see(".squiggly-warning")
    window.open(file)
    window.see(".squiggly-error")
    window.status("1 finding ·")
    assert window.texts(".squiggly-warning") == []


def test_a_fix_that_needs_more_goes_through_refactor_preview(window: Workbench) -> None:
    file = window.show(SESSION, "app.js")
    window.go_to(3, 30)
    window.take_action("Read the key from process.env.SESSION_SECRET (a setting must be made too)")
    window.see(".bulk-edit-panel", "process.env.SESSION_SECRET")
    assert file.read_text(encoding="utf-8") == SESSION
    window.click(".bulk-edit-panel .edit-checkbox")
    window.click(".bulk-edit-panel .monaco-button", "Apply")
    window.not_see(".bulk-edit-panel")
    assert window.save(file) == FIXED_SESSION


def test_the_view_lists_groups_opens_fixes_and_dismisses(window: Workbench) -> None:
    file = window.show(APP)
    window.command("Backend Developer: Focus on Findings View")
    rows = ".pane-body .monaco-list-row"
    window.see(rows, "SQL built from strings")
    window.command("Backend Developer: Group Findings by…")
    window.choose("Severity")
    window.see(rows, "Error")
    slow, injected = f"{file.name}:5", f"{file.name}:10"
    window.click(rows, injected)
    window.see(".statusbar-item", "Ln 10, Col")
    window.click(rows, slow)
    window.see(".statusbar-item", "Ln 5, Col")
    window.click_until(
        f"{rows}:has-text('{slow}') .action-label[aria-label^='Apply Fix']",
        "it is fixed",
        lambda: not window.count(rows, slow),
    )
    assert window.save(file) == FIXED_APP
    window.click(rows, injected)
    window.see(".statusbar-item", "Ln 10, Col")
    window.click_until(
        f"{rows}:has-text('{injected}') .action-label[aria-label^='Dismiss']",
        "it asks where",
        lambda: bool(window.count(CHOICES, "In this file")),
    )
    window.choose("In this file")
    window.see(".pane-body", "No findings in the files that are open")
    window.command("View: Show Explorer")


def test_the_projects_own_settings_go_before_the_editors_defaults(window: Workbench) -> None:
    settings = window.write(".backend-developer.yml", "rules:\n  security/sql-injection: off\n")
    try:
        window.show(APP)
        window.status("1 finding ·")
        assert window.evaluate(UNDERLINED) == ["requests.get(URL)"]
    finally:
        settings.unlink()


def test_no_picture_is_broken(window: Workbench) -> None:
    window.command("View: Show Extensions")
    window.click(".extensions-list .monaco-list-row", "Backend Developer")
    window.see_inside("h1", "Backend Developer for VS Code")
    assert window.pictures() == []
    window.command("View: Show Explorer")
    window.clear()
    # It has no room for pictures beside the side bar.
    window.command("View: Toggle Primary Side Bar Visibility")
    window.command("Backend Developer: Get Started")
    window.see_inside("h3", "Findings in a minute, with no key")
    wait_until("the pictures are there", lambda: window.pictures() == [1200, 1200])
    window.command("View: Toggle Primary Side Bar Visibility")


def test_the_first_review_without_a_key_opens_the_first_steps(
    server: CodeServer, new_window: Callable[[CodeServer], Workbench]
) -> None:
    window = new_window(server)
    window.open()
    window.show(APP)
    window.go_to(5)
    window.command("Backend Developer: Review Security")
    steps = ".gettingStartedContainer"
    window.see(steps, "See findings in a sample")
    window.click(f"{steps} .button-container .monaco-button", "Review a Sample")
    window.see(".tab", "Untitled")
    window.status("findings · local")
