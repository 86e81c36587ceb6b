"""What constant text tells: an address of a fixed host, SQL, markup, a pattern that is safe."""

from __future__ import annotations

import re

SQL_START = re.compile(
    r"(?i)\s*(?:select|insert\s+into|update|delete\s+from|replace\s+into|merge\s+into|with|call|exec|drop|"
    r"create|alter|truncate|grant)\s"
)
FIXED_HOST = re.compile(r"(?i)[a-z][a-z0-9+.-]*://[^/?#@\\]+[/?#].*|/[^/\\].*|\?.*|#.*", re.DOTALL)
_TAG = re.compile(r"(?i)</?[a-z!][a-z0-9]*[\s>/]|<[a-z]+$")


def is_restrictive(pattern: str, starts: bool, ends: bool) -> bool:
    """Whether a text that matches the regular expression is made of harmless characters alone.

    `starts` and `ends` tell that the match is already held to the text's start and end.
    """
    body = pattern.removeprefix("(?i)")
    if not starts and not re.match(r"\^|\\A", body):
        return False
    body = re.sub(r"^(?:\^|\\A)", "", body)
    if not ends and not re.search(r"(?<!\\)(?:\$|\\Z|\\z)$", body):
        return False
    body = re.sub(r"(?:\$|\\Z|\\z)$", "", body)
    without_escapes = re.sub(r"\\[^WSD]", "", body)
    if re.search(r"\\[WSD]|\[\^", without_escapes):
        return False
    outside = re.sub(r"\[[^\]]*\]", "", without_escapes)
    return "." not in outside and "^" not in outside and "$" not in outside


def is_path_start(constant: object) -> bool:
    """Whether it ends the host of an address that it is put behind."""
    return isinstance(constant, str) and constant[:1] in ("/", "?", "#")


def is_markup(constant: object) -> bool:
    return isinstance(constant, str) and bool(_TAG.search(constant))
