"""VS Code with no key and no network: the local engine alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from editors.vscode.workbench import CodeServer, Workbench

NewWindow = Callable[[CodeServer, Mapping[str, str]], Workbench]

APP = """\
import requests


def fetch(url):
    icon = "🔑 key"; answer = requests.get(url)
    return icon, answer


def find(cursor, name):
    return cursor.execute(f"SELECT id FROM users WHERE name = '{name}'")
"""

PLACE_OF_SQUIGGLES = """
[...document.querySelectorAll('.squiggly-warning, .squiggly-error')].map((squiggle) => {
  const { left, right, top, bottom } = squiggle.getBoundingClientRect();
  const line = [...document.querySelectorAll('.view-line')].find((one) => {
    const box = one.getBoundingClientRect();
    return box.top < bottom && box.bottom >= bottom - 1;
  });
  const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  let text = '';
  for (let node; (node = walker.nextNode()); ) {
    for (let index = 0; index < node.length; index++) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + 1);
      const box = range.getBoundingClientRect();
      if (box.left >= left - 1 && box.right <= right + 1) text += node.data[index];
    }
  }
  return text;
})
"""
"""The text that is drawn above each squiggle."""


@pytest.fixture(scope="module")
def server(start_server: Callable[..., CodeServer]) -> CodeServer:
    return start_server()


def test_findings_are_drawn_where_the_code_is(server: CodeServer, new_window: NewWindow) -> None:
    window = new_window(server, {"app.py": APP})
    window.open(window.workspace / "app.py")
    window.see(".squiggly-warning")
    window.screenshot("/tmp/w/vsc/a.png")
    assert window.evaluate(PLACE_OF_SQUIGGLES) == ["requests.get", ""]
