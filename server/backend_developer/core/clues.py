"""Clues that a text is worth a closer look, found in a tenth of the time that one pattern takes.

Alternatives in one regular expression are each tried at every character; a word is found by the
machine's own search. So a pattern is tried only where a word is without which it cannot match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any


class Clues:
    """Words and patterns of which a text may hold one."""

    def __init__(
        self, words: str, patterns: Sequence[str] = (), *, ignore_case: bool = False
    ) -> None:
        """`words` are parted by spaces. With `ignore_case` all must be in lower case."""
        self._words = tuple(words.split())
        self._patterns = tuple(QuickPattern(re.compile(pattern)) for pattern in patterns)
        self._ignores_case = ignore_case

    def are_in(self, text: str) -> bool:
        """Whether the text holds one of them."""
        text = text.lower() if self._ignores_case else text
        return any(word in text for word in self._words) or any(
            pattern.is_in(text) for pattern in self._patterns
        )


class QuickPattern:
    """A pattern that most texts are found quickly not to hold."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._flags = pattern.flags
        self._alternatives = [
            (needed_words(source, pattern.flags), source) for source in _alternatives(pattern)
        ]

    def is_in(self, text: str) -> bool:
        """Whether the pattern matches somewhere in the text."""
        searched = text.lower() if self._flags & re.IGNORECASE else text
        return any(
            _compiled(source, self._flags).search(text) is not None
            for words, source in self._alternatives
            if not words or any(word in searched for word in words)
        )


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]?|[()|]", re.DOTALL)
"""Of a pattern's source: what is escaped, a set of characters, a bracket, or what parts two."""
_WHOLE = re.compile(r"\\[1-9]|\(\?(?:P=|\(|#|[aiLmsu]*x)")
"""References to groups, whose numbers would change, and comments, in which brackets are none."""


_compiled = cache(re.compile)
"""Most alternatives are never searched for."""


def _alternatives(pattern: re.Pattern[str]) -> list[str]:
    """The pattern matches where one of them does; itself, where it has but one."""
    source = pattern.pattern
    if pattern.flags & re.VERBOSE or _WHOLE.search(source):
        return [source]
    depth, start = 0, 0
    found = []
    for token in _TOKEN.finditer(source):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == "|" and not depth:
            found.append(source[start : token.start()])
            start = token.end()
    return [*found, source[start:]]


def needed_words(source: str, flags: int) -> frozenset[str]:
    """Of which each text holds one that the pattern matches; none where no such are known.

    In lower case, and to be looked for in a text in lower case, where the pattern ignores case.
    """
    if flags & re.IGNORECASE and not flags & re.ASCII:
        return frozenset()  # Some letters of other scripts count as capitals of ours.
    try:
        # There is no public way to take a pattern apart, and `patterns` reads those of other
        # languages too, less exactly. Without it each text is searched.
        from re import _parser  # type: ignore[attr-defined]
    except ImportError:
        return frozenset()
    words = _words(_parser.parse(source, flags))
    if not flags & re.IGNORECASE:
        return words
    is_plain = all(word.isascii() for word in words)
    return frozenset(word.lower() for word in words) if is_plain else frozenset()


def _words(sequence: Iterable[tuple[Any, Any]]) -> frozenset[str]:
    """Those of the part of the sequence whose shortest word is longest."""
    found: list[frozenset[str]] = []
    literal = ""
    for operation, argument in (*sequence, (None, None)):  # The end ends a word, too.
        name = str(operation)
        if name == "LITERAL":
            literal += chr(argument)
            continue
        if name == "AT":
            continue  # A place, such as a word's end, and no character.
        found.append(frozenset([literal] if literal else []))
        literal = ""
        match name:
            case "SUBPATTERN" if not argument[1] & (re.IGNORECASE | re.UNICODE):
                found.append(_words(argument[-1]))
            case "ATOMIC_GROUP":
                found.append(_words(argument))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT" if argument[0] > 0:
                found.append(_words(argument[2]))
            case "BRANCH":
                branches = [_words(branch) for branch in argument[1]]
                found.append(frozenset().union(*branches) if all(branches) else frozenset())
    return max(found, key=lambda words: min(map(len, words), default=0))
