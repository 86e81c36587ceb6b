"""Markdown of a model's, as it may be shown where HTML comes to life.

A model may have read hostile code: an image that it is talked into would tell a stranger's server
what is in its address.
"""

from __future__ import annotations

import re

_LANGUAGES = re.compile(
    "bash|diff|dockerfile|graphql|html|http|ini|java|javascript|js|json|jsx|prisma|py|python|sh|"
    "shell|sql|toml|ts|tsx|typescript|xml|yaml|yml"
)
"""Of code that is shown in colours. With others, such as mermaid, an editor draws something."""
_FENCE = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^`]*")
_CODE = re.compile(r"(?<!`)(?P<ticks>`{1,2})(?!`)(?P<code>[^\r\n]+?)(?<!`)(?P=ticks)(?!`)")
_ALIVE = re.compile(r"[<\[\]`~$]")
"""What begins HTML, links, images, code and formulas."""
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def tamed(text: str) -> str:
    """The Markdown with its headings, lists, tables, stress and code, and without all the rest.

    Code is written anew, so that nothing that is taken for code here is taken for something else
    by who shows it.
    """
    lines: list[str] = []
    code: list[str] | None = None
    closing = language = ""
    for line in re.split(r"\r\n|[\r\n]", text):
        if code is None:
            if match := _FENCE.fullmatch(line):
                code, closing, language = [], match["fence"], match["language"].lower()
            else:
                lines.append(_tamed_line(line))
        elif re.fullmatch(rf"[ \t]*{closing[0]}{{{len(closing)},}}[ \t]*", line):
            lines += _fenced(code, language)
            code = None
        else:
            code.append(line)
    return "\n".join(lines if code is None else [*lines, *_fenced(code, language)])


def _fenced(code: list[str], language: str) -> list[str]:
    """A block of code at the margin, which is one whatever stands around it."""
    longest = max(map(len, re.findall("`+", "\n".join(code))), default=2)
    fence = "`" * max(longest + 1, 3)
    known = language if _LANGUAGES.fullmatch(language) else ""
    return ["", f"{fence}{known}", *code, fence, ""]


def _tamed_line(line: str) -> str:
    pieces: list[str] = []
    end = 0
    for match in _CODE.finditer(line):
        pieces.append(_ALIVE.sub(_as_entity, line[end : match.start()]))
        # No backticks: within a table, they would not hold it together.
        pieces.append(f"<code>{_PUNCTUATION.sub(_as_entity, match['code'].strip())}</code>")
        end = match.end()
    return "".join([*pieces, _ALIVE.sub(_as_entity, line[end:])])


def _as_entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
