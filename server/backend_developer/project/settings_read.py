"""Which variables of the environment a file reads."""

from __future__ import annotations

import re

from ..core.model import Span
from ..detector import Source
from .facts import Place, Setting

_READ = re.compile(
    r"(?:os\.environ(?:\.get\(|\[)|(?<![\w.])(?:os\.)?getenv\(|process\.env(?:\.|\[)|"
    r"import\.meta\.env\.)\s*[\"'`]?(?P<name>[A-Z][A-Z0-9_]*)\b"
)


def settings_of(source: Source) -> tuple[Setting, ...]:
    """Each variable once, where it is read first, in text order."""
    if "env" not in source.text:
        return ()
    found: dict[str, Setting] = {}
    for match in _READ.finditer(source.text):
        name, span = match["name"], Span(*match.span())
        if name not in found:
            found[name] = Setting(name, Place(span, source.lines.line_of(span.start)))
    return tuple(found.values())
