"""Markdown of a model's: what of it comes to life."""

from __future__ import annotations

import pytest

from backend_developer.core.markdown import tamed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("## Why\n\n- **one**\n- _two_", "## Why\n\n- **one**\n- _two_", id="kept"),
        pytest.param("![](https://e.org/?a)", "!&#91;&#93;(https://e.org/?a)", id="image"),
        pytest.param("[a]: https://e.org", "&#91;a&#93;: https://e.org", id="reference"),
        pytest.param('a <img src="x">', 'a &#60;img src="x">', id="HTML"),
        pytest.param("costs $1 or $2", "costs &#36;1 or &#36;2", id="no formula"),
        pytest.param(
            "use `rows[0] | <T>`", "use <code>rows&#91;0&#93; &#124; &#60;T&#62;</code>", id="code"
        ),
        pytest.param("``a`b``", "<code>a&#96;b</code>", id="code with a backtick"),
        pytest.param("one ` two <b>", "one &#96; two &#60;b>", id="code that does not end"),
        pytest.param(
            "So:\n```python\nx[0] < 1\n```\nthen",
            "So:\n\n```python\nx[0] < 1\n```\n\nthen",
            id="block",
        ),
        pytest.param("~~~mermaid\nx\n~~~", "\n```\nx\n```\n", id="block that would be drawn"),
        pytest.param("  ```\n````\n<b>", "\n```\n```\n\n&#60;b>", id="longer end of a block"),
        pytest.param("````\n```\n<b>", "\n````\n```\n<b>\n````\n", id="block that does not end"),
        pytest.param("> ```\n<b>", "> &#96;&#96;&#96;\n&#60;b>", id="block in a quotation"),
    ],
)
def test_tamed(text: str, shown: str) -> None:
    assert tamed(text) == shown
