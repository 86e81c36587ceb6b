"""Secrets are replaced by placeholders before a text is sent, and put back in what is answered.

A placeholder is a name in every language, so that code with it still parses; it has no line break,
as no secret here has one, so line numbers stay what they were. It is made from the secret and a key
that never leaves this machine: the same secret is called the same in every request, which an
endpoint's prompt cache depends on, and nobody can try out which password it stands for.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from ..secrets.suspects import suspects

_DIGITS = 8
_MARK = re.compile(rf"__REDACTED_(?:[A-Z0-9]{{1,40}}_){{1,12}}?([0-9a-f]{{{_DIGITS}}})__")
_WHOLE = 16
"""So long a secret is hidden wherever it stands; a shorter one only as a word of its own."""


@dataclass(frozen=True)
class Redactions:
    """Each secret of a request and the placeholder that stands for it; neither is in the other."""

    placeholders: Mapping[str, str]
    """Secret -> placeholder, such as `__REDACTED_GITHUB_TOKEN_1f00d5ee__`."""
    key: bytes = field(default=b"", repr=False)

    def hide(self, text: str) -> str:
        """`text` with every secret replaced."""
        if self._secrets is None:
            return text
        return self._secrets.sub(lambda match: self.placeholders[match[0]], text)

    def restore(self, text: str) -> str:
        """`text` with every placeholder replaced; undoes `hide` on the texts that were searched."""
        return _MARK.sub(lambda match: self._originals.get(match[1], match[0]), text)

    def extended(self, texts: Iterable[str]) -> Redactions:
        """With the secrets of more texts, such as what a tool has read; those known keep theirs."""
        return find_secrets(texts, self.key, self)

    @cached_property
    def _originals(self) -> Mapping[str, str]:
        """By the end of the placeholder: a model may write the kind in other words."""
        return {_digest_of(mark): secret for secret, mark in self.placeholders.items()}

    @cached_property
    def _secrets(self) -> re.Pattern[str] | None:
        # Longest first: one secret may be the beginning of another.
        ordered = sorted(self.placeholders, key=len, reverse=True)
        return re.compile("|".join(map(_occurrence, ordered))) if ordered else None


NO_REDACTIONS = Redactions(MappingProxyType({}))


def find_secrets(
    texts: Iterable[str], key: bytes = b"", known: Redactions = NO_REDACTIONS
) -> Redactions:
    """The secrets in `texts`, and the `known`.

    No placeholder occurs in the texts already, and no two are the same.
    """
    texts = tuple(texts)
    placeholders = dict(known.placeholders)
    taken = {_digest_of(mark) for mark in placeholders.values()}
    taken.update(match[1] for text in texts for match in _MARK.finditer(text))
    for text in texts:
        for secret, kind in suspects(text):
            if secret in placeholders or _MARK.search(secret):
                continue
            digest = _digest(secret, key, taken)
            taken.add(digest)
            name = re.sub(r"[^A-Z0-9]+", "_", kind.upper())
            placeholders[secret] = f"__REDACTED_{name}_{digest}__"
    if len(placeholders) == len(known.placeholders):
        return known if known.placeholders else Redactions(MappingProxyType({}), key)
    return Redactions(MappingProxyType(placeholders), key)


def has_placeholder(text: str) -> bool:
    return _MARK.search(text) is not None


def _digest(secret: str, key: bytes, taken: set[str]) -> str:
    """Some digits that say nothing of the secret, and are not `taken`."""
    message = secret.encode("utf-8", "surrogatepass")
    while True:
        message = hmac.digest(key or b"-", message, hashlib.sha256)
        if (digits := message.hex()[:_DIGITS]) not in taken:
            return digits


def _digest_of(placeholder: str) -> str:
    return placeholder[-2 - _DIGITS : -2]


def _occurrence(secret: str) -> str:
    """A pattern of where a secret is itself: `admin` as a password is no part of `is_admin`."""
    escaped = re.escape(secret)
    if len(secret) >= _WHOLE:
        return escaped
    if secret.isalpha():
        return rf"(?<=[\"'`:=]){escaped}(?=\\?[\"'`@;&\s])"
    return rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])"
