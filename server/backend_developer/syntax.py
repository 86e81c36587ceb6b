"""Syntax trees: which languages have one, and how its places become ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from .core.model import Span

if TYPE_CHECKING:
    from ast_grep_py import SgNode

Language: TypeAlias = Literal["python", "javascript", "typescript", "tsx"]
"""ast-grep's name of a language. It crashes the process on a name it does not know."""

LANGUAGES: Mapping[str, Language] = {
    "python": "python",
    "javascript": "javascript",
    "javascriptreact": "javascript",
    "typescript": "typescript",
    "typescriptreact": "tsx",
}
"""LSP language id -> ast-grep's; its JavaScript includes JSX."""


def parse(text: str, language: Language) -> SgNode:
    """The syntax tree of a text; a text with syntax errors has one too. Its offsets are ours."""
    from ast_grep_py import SgRoot  # Not at the top: 10 ms that a server's start can do without.

    # The parsers take a lone CR for a space; a LF in its place changes no offset.
    return SgRoot(_LONE_CR.sub("\n", text), language).root()


def span_of(node: SgNode) -> Span:
    place = node.range()
    return Span(place.start.index, place.end.index)


_LONE_CR = re.compile(r"\r(?!\n)")
