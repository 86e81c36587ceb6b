"""What could be a secret, in any text: code, configuration, notes, what a search has found.

The detector says what certainly is one, since a person reads what it says. This takes whatever may
be one, since it is only replaced by a placeholder and put back: too much costs a little of the
reader's understanding, too little gives a secret away. Hashes of files, identifiers, images and
public keys stay: everyone may see them, and a reviewer wants to.

Where betterleaks is installed (the extra `secrets`), what it finds counts too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from . import (
    PLACEHOLDER,
    WORD_FOR_SECRET,
    addresses,
    entropy,
    is_random,
    judged,
    names_a_secret,
)
from .formats import PRIVATE_KEY, find_tokens

logger = logging.getLogger(__name__)

SHORTEST = 4
"""Characters of a secret: hiding less would garble the code and keep nothing back."""


def suspects(text: str) -> Iterator[tuple[str, str]]:
    """What may be a secret and its kind, such as "GitHub token"; the surest kind first.

    None has a line break in it.
    """
    for block in PRIVATE_KEY.finditer(text):
        # Run by run: a block as one secret would swallow its line breaks.
        for run in _KEY_RUN.findall(block[1]):
            yield run, "private key"
    for kind, place in find_tokens(text):
        yield text[place.start : place.end], kind
    found = (*_stated(text), *_named(text), *_random(text), *_of_betterleaks(text))
    for value, kind in found:
        if len(value) >= SHORTEST and not _is_stand_in(value) and not _UUID.fullmatch(value):
            yield value, kind


_KEY_RUN = re.compile(r"[A-Za-z0-9+/=]{16,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _is_stand_in(value: str) -> bool:
    """A placeholder, a template, the word "password": it stands for a secret and is none."""
    known = (WORD_FOR_SECRET, _WELL_KNOWN)
    if any(one.fullmatch(value) for one in known) or _TEMPLATE.search(value):
        return True
    if _DOTTED.fullmatch(value) and not _looks_generated(value):
        return True
    return bool(PLACEHOLDER.search(value)) and not (len(value) >= 12 and re.search(r"\d", value))


_WELL_KNOWN = re.compile(
    r"(?i)admin|administrator|root|test(?:ing)?|guest|demo|user|postgres|mysql|mongo|redis|rabbitmq"
    r"|change_?me|letmein|local|localhost|public|private|default|development"
)


# --- Where its place says that it is one

_STATED: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (
        ("password=", "pwd="),
        re.compile(
            r"(?i)(?<=[;\s\"'])(?:password|pwd)=([^\s;\"'`{}()<>\[\]%$,]{3,})(?=[;\s\"'`]|$)"
        ),
        "password",
    ),
    (
        ("key=", "signature="),
        re.compile(r"(?i)\b(?:shared)?access(?:key|signature)=([A-Za-z0-9+/=%&_-]{16,})"),
        "access key",
    ),
    (("basic ",), re.compile(r"(?i)\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})(?![\w-])"), "credentials"),
    (("bearer ",), re.compile(r"(?i)\bbearer\s+([A-Za-z0-9._~+/-]{12,}=*)"), "token"),
    (("://",), re.compile(r"://([A-Za-z0-9_-]{16,})@[\w.-]+"), "token"),
    (
        ("key=", "token=", "sig=", "signature=", "secret=", "password=", "pass="),
        re.compile(
            r"(?i)[?&][\w-]{0,30}(?:key|token|sig|signature|secret|password|pass)="
            r"([^&\s\"'`#<>{}$]{8,})"
        ),
        "token",
    ),
    (
        ("password", "identified"),
        re.compile(r"(?i)\b(?:password|identified\s+by)\s+'([^'\n]{4,})'"),
        "password",
    ),
    (
        ("auth", ".login("),
        re.compile(
            r"(?:\bauth\s*=\s*\(|BasicAuth\(|\.auth\(|\.login\()\s*[\"'][^\"'\n]{1,60}[\"']\s*,\s*"
            r"[\"']([^\"'\n]{4,})[\"']"
        ),
        "password",
    ),
    (
        ("curl", "wget"),
        re.compile(r"(?:\s-u|--user|--http-password)[ =][\"']?[\w.@-]+:([^\s\"']{4,})"),
        "password",
    ),
    (
        ("$2", "$argon2", "pbkdf2_", "$scrypt", "$6$", "$5$"),
        re.compile(
            r"(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2(?:id|i|d)\$[\w=,.$+/-]{30,}"
            r"|pbkdf2_sha(?:1|256)\$\d+\$[\w.+/=$-]{30,}|\$[56]\$[./A-Za-z0-9$=]{50,})"
        ),
        "password hash",
    ),
)
"""What such a text has in it for certain, in lower case; a pattern whose group it is; its kind."""


def _stated(text: str) -> Iterator[tuple[str, str]]:
    for address in addresses(text):
        yield address["password"], "password"
    lower = text.lower()
    for marks, pattern, kind in _STATED:
        if any(mark in lower for mark in marks):
            for match in pattern.finditer(text):
                yield match[1], kind


# --- Where its name says so

_WORD = "pass|pwd|secret|token|key|credential|auth|bearer"
_TELLING = re.compile(rf"(?i){_WORD}")
_NAME = rf"(?<![\w$.-])(?P<name>[\w$.-]{{0,40}}(?:{_WORD})[\w$.-]{{0,40}})"
_QUOTED = re.compile(
    rf"(?i){_NAME}[\"'`]?[\])]*(?:\s?:\s?[a-z_][\w\[\], |.<>?]{{0,40}})?"
    r"\s{0,4}(?P<sign>===?|:=|=>?|:|,|\|\||\?\?|\bor\b)\s{0,4}(?:[rbuf]{0,2})(?P<quote>[\"'`])"
    r"(?P<value>(?:\\.|(?!(?P=quote))[^\\\n]){4,200})(?P=quote)"
)
_BARE = re.compile(
    rf"(?i){_NAME}[\"']?(?:[ \t]*[:=][ \t]*|[ \t]+)"
    r"(?P<value>[^\s\"'`,;()\[\]{}<>]{6,200})(?=[\s,;\"'`]|$)"
)
_NO_NAME = re.compile(
    # Letters and digits, and no chain of names: without quotes, a value and a variable look alike.
    r"(?=\S*[0-9])(?=\S*[A-Za-z])(?![A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$)"
    r"(?!(?:[a-z]+_)*[a-z]+\d*$)(?!(?:[A-Z]?[a-z]{2,})+\d{0,3}$)[^:\s].*"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_TEMPLATE = re.compile(
    r"^[,)\]}+;.]|^arn:|:secret:|\$\{|\$\(|\{\{|%\(|%s|<[^>]*>|\{[\w.]*\}|^\$\w+$|://"
    r"|process\.env|os\.environ|^[v^~<>=]*\d+(?:\.\d+)+[\w.+-]*$"
)


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Constants beside names that say password, secret or key, however the language writes it."""
    end = 0
    for telling in _TELLING.finditer(text):
        if telling.start() < end:
            continue
        start = text.rfind("\n", 0, telling.start()) + 1
        end = text.find("\n", telling.end())
        end = len(text) if end < 0 else end
        for match in _QUOTED.finditer(text, start, end):
            if match["sign"] == "," and not _is_mixed(match["value"]):
                continue
            if _is_worth(match["name"], match["value"]):
                yield match["value"], _kind(match["name"])
        for match in _BARE.finditer(text, start, end):
            if _NO_NAME.fullmatch(match["value"]) and _is_worth(match["name"], match["value"]):
                yield match["value"], _kind(match["name"])


def _is_worth(name: str, value: str) -> bool:
    if _is_stand_in(value):
        return False
    if judged(name.rpartition(".")[2], value, True):
        return True
    return _is_mixed(value) and (
        names_a_secret(name) or (is_random(value) and _length_of_words(value) < 3.5)
    )


def _is_mixed(value: str) -> bool:
    return len(value) >= 8 and bool(re.search(r"\d", value) and re.search(r"[A-Za-z]", value))


def _kind(name: str) -> str:
    return "password" if re.search(r"(?i)pass|pwd", name) else "secret"


# --- Where it looks like the output of a generator

_RUN = re.compile(r"(?<![A-Za-z0-9+_])[A-Za-z0-9][A-Za-z0-9+/_-]{19,}={0,2}(?![A-Za-z0-9+/_-])")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PATH_WORD = re.compile(r"[A-Z]?[a-z]{3,}")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_NO_SECRET_BEFORE = re.compile(
    r"(?i)(?:sha-?\d{1,3}|md5|integrity|hash|digest|checksum|etag|commit|rev(?:ision)?|fingerprint"
    r"|u?uid|guid|object_?id|\bid|nonce|public_?key|ssh-[a-z0-9-]+|version|@)[\w-]*"
    r"[\"'\])]{0,2}(?:\s*[:=(@-]{1,2}>?\s*|\s+)[\"'`]?$|@$"
)
_PUBLIC_BLOCK = re.compile(
    r"-----BEGIN (?:CERTIFICATE|[A-Z ]*PUBLIC KEY)[A-Z ]*-----.*?(?:-----END|\Z)"
    r"|data:[\w/+.-]*(?:;[\w=-]+)*;base64,[A-Za-z0-9+/=]*|sourceMappingURL=\S+",
    re.DOTALL,
)


def _random(text: str) -> Iterator[tuple[str, str]]:
    public = [(block.start(), block.end()) for block in _PUBLIC_BLOCK.finditer(text)]
    for match in _RUN.finditer(text):
        if any(start <= match.start() < end for start, end in public):
            continue
        if _NO_SECRET_BEFORE.search(text, max(0, match.start() - 40), match.start()):
            continue
        value, segments = match[0], match[0].split("/")
        if any(map(_PATH_WORD.fullmatch, segments)):
            # A path, in which only one name may be a secret; a hash there is a commit's.
            segments = [one for one in segments if len(one) >= 20 and not _HEX.fullmatch(one)]
        else:
            segments = [value]
        for one in filter(_looks_generated, segments):
            yield one, "random text"


def _looks_generated(value: str) -> bool:
    """Whether letters and digits change as no name or word has them."""
    digits = sum(one.isdigit() for one in value)
    letters = sum(one.isalpha() for one in value)
    if not digits or letters < 4 or _UUID.search(value):
        return False
    if _HEX.fullmatch(value):
        return len(value) >= 32 and entropy(value) > 3.0
    has_all = any(one.islower() for one in value) and any(one.isupper() for one in value)
    longest_words = 3.0 if has_all else 2.6
    return _length_of_words(value) < longest_words and entropy(value) > 3.5


def _length_of_words(value: str) -> float:
    """The mean of it; a generator makes words of one or two letters."""
    words = _WORDS.findall(value)
    return sum(map(len, words)) / max(len(words), 1)


# --- What betterleaks finds


def _of_betterleaks(text: str) -> Iterator[tuple[str, str]]:
    scan = _betterleaks()
    if scan is None:
        return
    try:
        found = scan(text)
    except Exception as error:
        # It is one of several; what it cannot read is still searched by the others.
        logger.warning("betterleaks could not read a text: %s", type(error).__name__)
        return
    for one in found:
        value = one.match.value
        # Its generic rules take variables for values; ours are above.
        if not one.rule_id.startswith("generic-") and not re.search(r"[\r\n]", value):
            yield value, one.rule_id.replace("-", " ")


@cache
def _betterleaks() -> Callable[[str], list[Any]] | None:
    """Its function, loaded in half a second when first needed; None: it is not installed."""
    try:
        import betterleaks
    except (ImportError, OSError):
        return None
    scan: Callable[[str], list[Any]] = betterleaks.scan_string
    return scan
