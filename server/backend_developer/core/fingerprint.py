"""A finding's identity: the same across edits elsewhere, across reviews and across machines."""

from __future__ import annotations

import hashlib
from itertools import islice

from .model import Span
from .text import Lines


def fingerprint(rule: str, path: str, lines: Lines, span: Span) -> str:
    """16 hexadecimal digits that name a finding of `rule` at `span` of the file at `path`.

    `path` is relative to the workspace, so that the name is the same wherever the
    workspace lies; `lines` are the document's. The name is made of the whole lines of
    the span, whatever their whitespace, and of how many equal ones stand before them:
    it survives edits of other lines, and two equal lines have two names. Findings of one
    rule on the same lines have the same name, whoever found them: see `numbered`.
    """
    first, last = lines.first_and_last(span)
    code = lines.normalised[first : last + 1]
    parts = (rule, path.replace("\\", "/"), *code, str(_equal_before(lines, first, code)))
    # A JSON string may hold half a surrogate pair, which plain UTF-8 cannot encode.
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def numbered(name: str, span: Span, places: dict[str, list[Span]]) -> str:
    """`name`, a fingerprint, for its first place in one review; `name-2` for the second; ….

    `places` holds the places of each fingerprint so far, and `span` is added to them; one
    that overlaps an earlier place is the same place.
    """
    known = places.setdefault(name, [])
    index = next((i for i, place in enumerate(known) if place.overlaps(span)), len(known))
    if index == len(known):
        known.append(span)
    return f"{name}-{index + 1}" if index else name


def _equal_before(lines: Lines, first: int, code: tuple[str, ...]) -> int:
    """How many times `code` stands in the lines that begin before line `first`."""
    if len(code) == 1:
        return lines.normalised[:first].count(code[0])
    return sum(
        line == code[0] and lines.normalised[number : number + len(code)] == code
        for number, line in enumerate(islice(lines.normalised, first))
    )
