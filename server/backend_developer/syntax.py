"""Syntax trees: which languages have one, how its places become ours, and edits of lists in one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from .core.model import Replacement, Span
from .core.text import Lines

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


def named_children(node: SgNode) -> Iterator[SgNode]:
    """The children that are no punctuation and no comment."""
    return (one for one in node.children() if one.is_named() and one.kind() != "comment")


_LONE_CR = re.compile(r"\r(?!\n)")


# --- Edits of what stands in brackets: arguments, an object, a dictionary


def items_of(brackets: SgNode) -> list[SgNode]:
    """The arguments of a call, or the pairs of an object."""
    return list(named_children(brackets))


def appended(brackets: SgNode, items: Sequence[str], text: str) -> list[Replacement]:
    """The edits that put items behind the last one, each on a line of its own where that one is."""
    closing = span_of(brackets).end - 1
    present = items_of(brackets)
    joined = ", ".join(items)
    if not present:
        inside = f" {joined} " if text[closing] == "}" else joined
        return [Replacement(Span(span_of(brackets).start + 1, closing), inside)]
    last = present[-1]
    comma = last.next()
    end = span_of(comma if comma is not None and comma.kind() == "," else last).end
    has_comma = end != span_of(last).end
    indent = _indent_alone(last, text)
    # Below the comments that follow the last item.
    below = len(text[:closing].rstrip())
    if indent is None or not re.search(r"[\r\n]", text[below:closing]):
        return [Replacement(Span(end, end), (" " if has_comma else ", ") + joined)]
    ending = Lines(text).line_ending + indent
    lines = ending + f",{ending}".join(items) + ("," if has_comma else "")
    if has_comma or end == below:
        return [Replacement(Span(below, below), ("" if has_comma else ",") + lines)]
    return [Replacement(Span(end, end), ","), Replacement(Span(below, below), lines)]


def removed(item: SgNode, text: str) -> Replacement:
    """The edit that takes an item out of its brackets, with its comma and its line."""
    span = span_of(item)
    brackets = item.parent()
    assert brackets is not None
    present = [span_of(node) for node in items_of(brackets)]
    if present == [span]:
        whole = span_of(brackets)
        return Replacement(Span(whole.start + 1, whole.end - 1), "")
    after = re.match(r"[ \t]*,", text[span.end :])
    end = span.end + (after.end() if after else 0)
    if _indent_alone(item, text) is not None:
        rest = re.match(r"[ \t]*(?:\r\n|\r|\n)", text[end:])
        if rest:
            return Replacement(Span(_line_start(span.start, text), end + rest.end()), "")
    later = [one.start for one in present if one.start > span.start]
    if later:
        return Replacement(Span(span.start, later[0]), "")
    previous = item.prev()
    if previous is not None and previous.kind() == "comment":
        return Replacement(Span(span.start, end), "")
    before = len(text[: span.start].rstrip().removesuffix(",").rstrip())
    return Replacement(Span(before, end), "")


def _indent_alone(node: SgNode, text: str) -> str | None:
    """What stands before a node that begins its line; None where something else does."""
    start = span_of(node).start
    before = text[_line_start(start, text) : start]
    return before if not before.strip() else None


def _line_start(offset: int, text: str) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
