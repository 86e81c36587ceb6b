"""Secrets are replaced by placeholders before a text is sent, and put back in what is answered.

Only well-known formats of tokens are found: a guess at "looks random" would
garble code. A placeholder has no line break, as no secret here has one, so
line numbers stay what they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from ..secrets.formats import PRIVATE_KEY, find_tokens


@dataclass(frozen=True)
class Redactions:
    """Each secret of a request and the placeholder that stands for it; neither is in the other."""

    placeholders: Mapping[str, str]
    """Secret -> placeholder, such as `__REDACTED_GITHUB_TOKEN_1__`."""

    def hide(self, text: str) -> str:
        """`text` with every secret replaced."""
        return _replace(self._secrets, self.placeholders, text)

    def restore(self, text: str) -> str:
        """`text` with every placeholder replaced; undoes `hide` on the texts that were searched."""
        return _replace(self._marks, self._originals, text)

    def extended(self, texts: Iterable[str]) -> Redactions:
        """With the secrets of more texts, such as what a tool has read; those known keep theirs."""
        return find_secrets(texts, self)

    @cached_property
    def _originals(self) -> Mapping[str, str]:
        return {placeholder: secret for secret, placeholder in self.placeholders.items()}

    @cached_property
    def _secrets(self) -> re.Pattern[str] | None:
        return _any_of(self.placeholders)

    @cached_property
    def _marks(self) -> re.Pattern[str] | None:
        return _any_of(self._originals)


NO_REDACTIONS = Redactions(MappingProxyType({}))


def find_secrets(texts: Iterable[str], known: Redactions = NO_REDACTIONS) -> Redactions:
    """The secrets in `texts`, numbered in the order in which they are first met, after the `known`.

    The same secret gets the same placeholder wherever it stands, and no
    placeholder occurs in the texts already.
    """
    texts = tuple(texts)
    kinds: dict[str, str] = {}
    for text in texts:
        for secret, kind in _secrets_in(text):
            if secret not in known.placeholders:
                kinds.setdefault(secret, kind)
    if not kinds:
        return known
    label = "REDACTED"
    while any(f"__{label}_" in text for text in texts):
        label += "X"
    found = {
        secret: f"__{label}_{kind}_{number}__"
        for number, (secret, kind) in enumerate(kinds.items(), start=1 + len(known.placeholders))
    }
    return Redactions(MappingProxyType({**known.placeholders, **found}))


# A key's text is hidden run by run: a block as one secret would swallow its line breaks.
_KEY_RUN = re.compile(r"[A-Za-z0-9+/=]{16,}")


def _secrets_in(text: str) -> Iterable[tuple[str, str]]:
    for block in PRIVATE_KEY.finditer(text):
        for run in _KEY_RUN.findall(block[1]):
            yield run, "PRIVATE_KEY"
    for kind, place in find_tokens(text):
        yield text[place.start : place.end], kind.upper().replace(" ", "_")


def _any_of(words: Iterable[str]) -> re.Pattern[str] | None:
    # Longest first: one secret may be the beginning of another.
    ordered = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _replace(pattern: re.Pattern[str] | None, words: Mapping[str, str], text: str) -> str:
    return pattern.sub(lambda match: words[match[0]], text) if pattern else text
