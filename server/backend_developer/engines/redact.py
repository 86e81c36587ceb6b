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


def find_secrets(texts: Iterable[str]) -> Redactions:
    """The secrets in `texts`, numbered in the order in which they are first met.

    The same secret gets the same placeholder wherever it stands, and no
    placeholder occurs in the texts already.
    """
    texts = tuple(texts)
    kinds: dict[str, str] = {}
    for text in texts:
        for secret, kind in _secrets_in(text):
            kinds.setdefault(secret, kind)
    label = "REDACTED"
    while any(f"__{label}_" in text for text in texts):
        label += "X"
    return Redactions(
        MappingProxyType(
            {
                secret: f"__{label}_{kind}_{number}__"
                for number, (secret, kind) in enumerate(kinds.items(), start=1)
            }
        )
    )


# Each pattern's last group, or else the whole match, is the secret. The shortest is 16 characters,
# so that hiding one everywhere never touches ordinary code.
_FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("AWS_ACCESS_KEY", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    (
        "AWS_SECRET_KEY",
        re.compile(
            r"(?i:aws_?\w{0,20}(?:secret|key)\w{0,20})[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
            r"([A-Za-z0-9/+=]{40})(?![A-Za-z0-9/+=])"
        ),
    ),
    ("GITHUB_TOKEN", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,255}")),
    ("GITHUB_TOKEN", re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,255}")),
    ("GITLAB_TOKEN", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("SLACK_TOKEN", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("SLACK_WEBHOOK", re.compile(r"hooks\.slack\.com/services/([A-Za-z0-9/]{20,})")),
    ("STRIPE_KEY", re.compile(r"\b(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}")),
    ("ANTHROPIC_KEY", re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    ("OPENAI_KEY", re.compile(r"\bsk-(?!ant-)(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,}")),
    ("GOOGLE_KEY", re.compile(r"\bAIza[A-Za-z0-9_-]{35}")),
    ("SENDGRID_KEY", re.compile(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")),
    ("NPM_TOKEN", re.compile(r"\bnpm_[A-Za-z0-9]{36}")),
    ("PYPI_TOKEN", re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}")),
    ("JWT", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")),
)

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----(.*?)(?:-----END|\Z)", re.DOTALL
)
# A key's text is hidden run by run: a block as one secret would swallow its line breaks.
_KEY_RUN = re.compile(r"[A-Za-z0-9+/=]{16,}")


def _secrets_in(text: str) -> Iterable[tuple[str, str]]:
    for block in _PRIVATE_KEY.finditer(text):
        for run in _KEY_RUN.findall(block[1]):
            yield run, "PRIVATE_KEY"
    for kind, pattern in _FORMATS:
        for match in pattern.finditer(text):
            yield match[match.lastindex or 0], kind


def _any_of(words: Iterable[str]) -> re.Pattern[str] | None:
    # Longest first: one secret may be the beginning of another.
    ordered = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _replace(pattern: re.Pattern[str] | None, words: Mapping[str, str], text: str) -> str:
    return pattern.sub(lambda match: words[match[0]], text) if pattern else text
