"""What Python's own parser says of a text."""

from __future__ import annotations

import pytest

from backend_developer.signatures import parses_as_python, python_tree


@pytest.mark.parametrize(
    ("text", "parses"),
    [
        ("", True),
        ("def f():\n    return 1\n", True),
        ("def f(:\n", False),
        ("if True:\npass\n", False),
        ("x = '\0'\n", False),
        # These have a tree, and are refused later.
        ("nonlocal x\n", True),
        ("def f(x):\n    global x\n", True),
        ("def f(x, x): pass\n", True),
        ("return 1\n", True),
        ("from __future__ import nothing\n", True),
    ],
)
def test_whether_a_text_is_python_is_told_as_by_its_tree(text: str, parses: bool) -> None:
    assert parses_as_python(text) is parses
    assert (python_tree(text) is not None) is parses
