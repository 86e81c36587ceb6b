"""Ignoring a finding by a comment in the code.

    query(text)  # backend-developer: ignore[security/sql-injection] reason
    // backend-developer: ignore[security/weak-hash, security/weak-random] reason
    /* backend-developer: ignore */

The comment stands at the end of the finding's first line, or alone on the line
above it; several may stand above one another. Without brackets it is for every rule; in
them a rule's focus may be left out, and `security/*` is for all of a focus.
"""

from __future__ import annotations

import re

from .model import Document, Finding, Span, TextEdit
from .text import Lines

_MARK = "backend-developer:"
_COMMENT = re.compile(
    r"(?:#|//|/\*|--|<!--)[ \t]*backend-developer:[ \t]*ignore\b[ \t]*"
    r"(?:\[(?P<rules>[^\]]*)\])?[ \t:]*(?P<reason>.*?)[ \t]*(?:\*/\}?|-->)?[ \t]*$"
)


def ignored(lines: Lines, finding: Finding) -> str | None:
    """The reason that a comment gives for ignoring `finding`, "" where it gives none.

    None when no comment ignores it. `lines` are those of the text that the finding is
    true of. Only the text is looked at: a comment inside a string counts.
    """
    first = lines.line_of(finding.span.start)
    reason = _reason(lines.line(first), finding.rule)
    while reason is None and first > 0:
        first -= 1
        above = lines.line(first)
        match = _COMMENT.search(above) if _MARK in above else None
        if match is None or above[: match.start()].strip(" \t{"):
            return None
        reason = _reason(above, finding.rule)
    return reason


def may_ignore(text: str) -> bool:
    """Whether any comment of `text` could ignore a finding; much quicker than `ignored`."""
    return _MARK in text


def ignore_comment(
    document: Document, lines: Lines, finding: Finding, reason: str = ""
) -> TextEdit | None:
    """The edit that puts a comment ignoring `finding` on a line of its own above it.

    None in JSON, which has no comments.

    `lines` are those of `document`, which the finding is true of. The comment has the
    indentation of the finding's first line, and the document's comment style and line ends.
    """
    style = comment_style(document.language)
    if style is None:
        return None
    line = lines.line_of(finding.span.start)
    start = lines.start(line)
    code = lines.line(line)
    indentation = code[: len(code) - len(code.lstrip(" \t"))]
    words = (style[0], _MARK, f"ignore[{finding.rule}]", *reason.split(), style[1])
    comment = " ".join(word for word in words if word)
    return TextEdit(Span(start, start), indentation + comment + lines.line_ending)


def comment_style(language: str) -> tuple[str, str] | None:
    """How a comment begins and ends in a language, by its LSP id; None: it has no comments."""
    return None if language == "json" else _STYLES.get(language, ("//", ""))


def _reason(line: str, rule: str) -> str | None:
    match = _COMMENT.search(line) if _MARK in line else None
    if match is None:
        return None
    focus, _, name = rule.rpartition("/")
    if match["rules"] is not None:
        named = {word.strip() for word in match["rules"].split(",")}
        if named.isdisjoint((rule, name, f"{focus}/*")):
            return None
    return str(match["reason"])


_HASH = (
    "python ruby perl r elixir julia nim crystal coffeescript shellscript fish powershell makefile"
    " cmake dockerfile yaml dockercompose toml ini properties graphql terraform hcl nix dotenv"
)
_STYLES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(_HASH.split(), ("#", "")),
    **dict.fromkeys(("sql", "plsql", "lua", "haskell", "elm"), ("--", "")),
    **dict.fromkeys(("html", "xml", "markdown", "vue", "svelte"), ("<!--", "-->")),
    **dict.fromkeys(("css", "less", "scss", "c"), ("/*", "*/")),
}
"""How comments are written, by LSP language id; every other language writes `//`."""
