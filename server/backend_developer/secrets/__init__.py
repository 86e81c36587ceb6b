"""Secrets that are written in code or configuration: security/hardcoded-secret.

Found by the formats of tokens that services issue, by addresses with a password in them, and by
names that say "password", "secret" or "key" beside a constant that looks like one. What stands for
a secret is none: placeholders, names of variables, lookups, translations, types, what is the same
as its name.

No tool is used for it: detect-secrets reads files rather than texts, was last released in 2024 and
brings requests; gitleaks and trufflehog are programs that would have to be installed.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from ..core.model import Confidence, Proposal, Span
from ..detector import Source
from .formats import PRIVATE_KEY, find_tokens

RULE = "security/hardcoded-secret"

_CODE = frozenset(
    ("python", "javascript", "javascriptreact", "typescript", "typescriptreact", "sql", "prisma")
)
_DATA = frozenset(("yaml", "dockercompose", "json", "jsonc", "toml", "ini", "properties", "dotenv"))
_SHELL = frozenset(("dockerfile", "shellscript"))


class SecretDetector:
    """Implements Detector, for code, configuration and Dockerfiles alike."""

    name = "secrets"
    languages = _CODE | _DATA | _SHELL
    rules = frozenset((RULE,))
    runs_program = False

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """The secrets in each source; never raises."""
        return [
            [_weighed(one, source) for one in find_secrets(source.text, source.document.language)]
            if RULE in enabled
            else []
            for source in sources
        ]


def _weighed(proposal: Proposal, source: Source) -> Proposal:
    """Less sure where values are made up: in examples, and in what only CI runs."""
    assert isinstance(proposal.where, Span)
    folders = PurePath(source.document.path).parts[-4:-1]
    is_data = source.document.language in _DATA
    is_made_up = (is_data and ("examples" in folders or "workflows" in folders)) or _is_example(
        source.text, proposal.where.start
    )
    return replace(proposal, confidence="low") if is_made_up else proposal


_EXAMPLE = re.compile(
    r"[\s*/#\"'-]*(?:x-)?(?:code-?)?(?:examples?|samples)[\"']?\s*:", re.IGNORECASE
)
_INDENTATION = re.compile(r"[\s*]*")


def _is_example(text: str, offset: int) -> bool:
    """Whether a value stands below `example:`, as in the description of an API."""
    if "xample" not in text and "amples" not in text:
        return False
    before = text[max(offset - _LONGEST_EXAMPLE, 0) : offset]
    depth = 1_000
    for line in reversed(before.split("\n")):
        indentation = _INDENTATION.match(line)
        here = indentation.end() if indentation else 0
        if here < depth and here < len(line):
            depth = here
            if _EXAMPLE.match(line):
                return True
    return False


_LONGEST_EXAMPLE = 10_000
"""Characters before a value in which the `example:` above it is looked for."""


def find_secrets(text: str, language: str) -> Iterator[Proposal]:
    """One proposal for each secret, in no order; the place is the secret with its quotes."""
    taken: list[Span] = []
    for kind, place in find_tokens(text):
        value = text[place.start : place.end]
        if PLACEHOLDER.search(value) or not _is_varied(value):
            continue
        taken.append(place)
        sure: Confidence = (
            "medium" if kind in ("JWT", "Google key") or "_test_" in value else "high"
        )
        yield _proposal(place, f"This is a {kind}.", sure)
    for key in PRIVATE_KEY.finditer(text):
        if len(re.sub(r"\W|\\n", "", key[1])) >= 64 and "..." not in key[1]:
            taken.append(Span(key.start(), key.end()))
            yield _proposal(Span(key.start(), key.start(1)), "This is a private key.", "high")
    for address in addresses(text):
        password, host = address["password"], address["host"]
        if not (PLACEHOLDER.search(password) or WORD_FOR_SECRET.fullmatch(password)) and not (
            _LOCAL.match(host)
        ):
            place = Span(address.start("password"), address.end("password"))
            taken.append(place)
            yield _proposal(place, "The address holds a password.", "high")
    for setting in _CONNECTION.finditer(text) if "assword=" in text or "PASSWORD=" in text else ():
        password = setting["password"]
        if not (PLACEHOLDER.search(password) or WORD_FOR_SECRET.fullmatch(password)):
            place = Span(setting.start("password"), setting.end("password"))
            taken.append(place)
            yield _proposal(place, "The connection's text holds a password.", "high")
    for name, value, place, binds in _named(text, language):
        confidence = judged(name, value, binds)
        if confidence and not any(place.overlaps(one) for one in taken):
            taken.append(place)
            yield _proposal(
                place, f"`{name}` gets a value that is written in the code.", confidence
            )


def names_a_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _NO_SECRET_NAME.search(name)


def judged(name: str, value: str, binds: bool) -> Confidence | None:
    """How sure it is that `value` is the secret that `name` says; None: it is none.

    `binds` tells `name = value` from the `name: value` of an object, which is often a text about
    the field.
    """
    if not names_a_secret(name):
        return None
    bare = re.sub(r"[\W_]", "", value).lower()
    if len(value) < 4 or PLACEHOLDER.search(value) or _OTHER.search(value):
        return None
    if bare and (bare in re.sub(r"[\W_]", "", name).lower() or WORD_FOR_SECRET.fullmatch(value)):
        return None
    if is_random(value):
        return "high"
    is_prose = bool(re.search(r"\s", value)) and not re.search(r"\d", value)
    if _PASSWORD_NAME.search(name):
        if is_prose:
            return None
        if re.fullmatch(r"[a-z]+|[A-Z][a-z]+|[a-z]+[A-Z]\w*|[a-z]+([._-][a-z]+)+", value):
            return "medium" if binds else None
        return "high" if binds else "medium"
    mixed = bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))
    if mixed and len(value) >= 8:
        return "medium"
    is_word = re.fullmatch(r"[A-Za-z]+([._:/ -][A-Za-z]+)*", value)
    if re.search(r"(?i)secret", name) and binds and len(value) >= 6:
        return "medium"
    return None if is_word or not binds or len(value) < 12 else "low"


def _proposal(place: Span, what: str, confidence: Confidence) -> Proposal:
    return Proposal(
        where=place,
        rule=RULE,
        message=f"{what} Everyone who can read the repository has it. Read it from the environment "
        "or a secret store, and replace this one.",
        source="secrets",
        author="local",
        confidence=confidence,
    )


# --- Names and values

_SECRET_NAME = re.compile(
    r"(?i)passw(or)?d|passwd|(^|[_\W]|[a-z](?=P))pwd|passphrase|(^|_)pass$|(?<![a-z])pass$"
    r"|secret|api_?-?key|apikey|access_?key|auth_?key|private_?key|encryption_?key|signing_?key"
    r"|crypt\w{0,40}_?key|master_?key|jwt_?key|account_?key|service_?key|session_?key|hmac_?key"
    r"|auth_?token|access_?token|api_?token|refresh_?token|bearer|_token$|Token$|^token$"
    r"|credential|connection_?string|client_?secret|webhook_?key"
)
_PASSWORD_NAME = re.compile(r"(?i)passw(or)?d|passwd|pwd|passphrase|pass$")
_NO_SECRET_NAME = re.compile(
    r"(?i)(url|uri|path|file|dir|name|field|header|_id|type|prefix|suffix|format|regex|pattern|label|"
    r"title|placeholder|hint|help|message|msg|error|text|length|len|min|max|ttl|expir\w*|lifetime|"
    r"policy|column|param\w*|endpoint|algorithm|alg|scheme|prompt|count|template|route|view|class|"
    r"selector|input|rules?|schema|hash|hashed|digest|encoder|hasher|validators?|event|action|"
    r"status|state|mode|provider|strategy|issuer|audience|scopes?|cookie|backend|store|version|"
    r"ref|arn|key_?id|kid|description|usage|test|confirm\w*|strength|length|visible|toggle|limit)$"
    r"|^(from|no|has|is|show|hide|forgot|reset|change|update|invalid|missing|wrong|bad|tokenize)"
    r"|public_?key|tokeniz|token_?type|csrf|xsrf|passport|compass|bypass|password_?(reset|change)"
    r"|secret_?(name|version|ref)|next_?(page_?)?token|page_?token|sync_?token|design_?token"
)
PLACEHOLDER = re.compile(
    r"(?i)^(your|my|some|the|an?|insert|enter|replace|put|add|set|use|change)[-_ ]|"
    r"your[-_ ]?\w*(key|token|secret|password|pass)|"
    r"<[^>]{0,500}>|\$\{|\$\(|\{\{|%\(|%[sd]\b|\{\w*\}|"
    r"^(ci|build|dev|local|temp|tmp|test)[-_.]|^(function|object|symbol|bigint)$|x{4,}|\*{3,}|\.{3}|\bexample\b|EXAMPLE|placeholder|dummy|sample|redacted|todo|fixme|^(none|null|nil|undefined|true|false|"
    r"n/a|na|tbd|unknown|empty|default|required|optional|string|number|boolean|text|hidden)$|"
    r"^\$\w+$|^@\w+|^env[.:]|^vault:|^ssm:|^arn:|^op://|process\.env|os\.environ|getenv|secrets\.|"
    r"^__REDACTED|0{8,}|1234567890{2,}|^(test|fake|mock|foo|bar|baz|abc|abcd|qwe|asdf)$|changeme_in|"
    r"not[-_ ]?(a[-_ ]?)?(real|secret|secure)|for[-_ ]?(testing|tests|dev)|insecure-dev"
)
_OTHER = re.compile(
    r"\s\S+\s|^\s|\s$|^https?://[^@]*$|^(/|\./|\.\./|~/|[A-Za-z]:\\)|^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$|"
    r"^[\w-]+(\.[\w-]+)+\.[a-z]+$|^\w+\.(txt|pem|key|json|yml|yaml|env|py|js|ts|html)$|^[#.]\w+[-\w]*$|"
    r"^(Bearer|Basic|Token|JWT|ApiKey|Authorization|X-[\w-]+|x-[\w-]+)$|[\\^$]\[|\(\?|\[\w-\w|\|\w+:|"
    r"^[a-z][a-z0-9+.]*://|^\$(2[abxy]?|argon2\w*|5|6|pbkdf2[\w-]*)\$|^(text|application|multipart)/|^\d{1,3}$|^[a-z]+:[a-z]+$|[^\x00-\x7f]{3,}|^:\w+$|^\(|\)$|^%"
)
WORD_FOR_SECRET = re.compile(
    r"(?i)(the_?|my_?|new_?|old_?|user_?)?(password|passwd|pass|pwd|secret|token|key|api_?key|"
    r"access_?token|credentials?|passphrase|bearer|secret_?key|client_?secret|username|email)s?"
)
_LOCAL = re.compile(
    r"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|host\b|db\b|database\b|postgres\b|mysql\b|mongo\b|"
    r"redis\b|rabbitmq\b|HOST|\w*\.?example\.|\$|\{|<)"
)
# "host=db1 dbname=shop user=app password=…", "Server=db1;User Id=app;Password=…"
_CONNECTION = re.compile(
    r"(?i)[\"'][^\"'\n]*\b(?:host|dbname|server|data source|user( id)?|uid)=(?!localhost)[^\"'\n]*"
    r"(?<=[ ;])(?:password|pwd)=(?P<password>[^\s;\"'{}%$]{3,})"
)
_ADDRESS = re.compile(
    r"[a-z][a-z0-9]{1,20}://[^\s:/@\"'`{}<>$]{0,64}:(?P<password>[^\s@\"'`{}<>$/]{3,})@(?P<host>[\w.-]+)"
)


def is_random(value: str) -> bool:
    """Whether it reads like the output of a generator rather than like words."""
    if len(value) < 16 or re.search(r"\s", value) or not re.search(r"\d", value):
        return False
    bits = entropy(value)
    is_hex = re.fullmatch(r"[0-9a-fA-F-]+", value) is not None
    return bits > (2.7 if is_hex else 3.4)


def _is_varied(value: str) -> bool:
    """Not `AKIA` and sixteen equal letters, as documentation writes it."""
    return len(set(value)) >= 8


def entropy(value: str) -> float:
    """Shannon's, in bits for each character."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())


# --- Where a name gets a value

_NAMED = re.compile(
    r"(?i)pass|pwd|secret|token|key|credential|connection_?string|bearer|identified by|auth"
)
_KEY = r"(?P<name>[A-Za-z_$][\w$.-]*)"
_QUOTED = (
    r"(?P<prefix>[rRbBuU]?)(?P<quote>[\"'`])"
    r"(?P<value>(?:\\.|(?!(?P=quote))[^\\\n]){1,200})(?P=quote)"
)
_IN_CODE = re.compile(
    rf"(?<![\w$.-])(?P<open>[\"'`]?){_KEY}(?P=open)[\])]*"
    r"(?P<type>\s*:\s*[A-Za-z_][\w\[\], |.]{0,40})?\s*(?P<sign>===?|:=|=(?!=|>)|:|\bis\b)\s*"
    rf"{_QUOTED}(?!\s*(?:\+|%|\.(?:format|join|replace)|in\b))"
)
_IN_YAML = re.compile(
    rf"^[ \t-]*[\"']?{_KEY}[\"']?[ \t]*[:=][ \t]*"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s#&*!|>{\[\"'][^\s#]*)[ \t]*,?[ \t]*(?:#.*)?$",
    re.MULTILINE,
)
_IN_SHELL = re.compile(
    r"(?:^[ \t]*(?:ENV|ARG|export|set)[ \t]+|[ \t])(?P<name>[A-Za-z_]\w*)[= ]"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'$][^\s]*)",
    re.MULTILINE,
)
_IN_SQL = re.compile(r"(?i)\b(?P<name>identified by|password)\s*(?:=\s*)?'(?P<value>[^'\n]+)'")
_BASIC = re.compile(
    r"(?:\bauth\s*=\s*\(|HTTPBasicAuth\(|BasicAuth\(|\.auth\(|\.login\()\s*[\"'][^\"'\n]{1,60}[\"']\s*,\s*"
    r"(?P<quoted>[\"'](?P<value>[^\"'\n]{4,})[\"'])"
)
_IS_MANIFEST_OF_SECRET = re.compile(r"^kind:\s*Secret\s*$", re.MULTILINE)
_COMMENT = re.compile(r"\s*(#|//|\*|/\*|--|>>>)")


def _named(text: str, language: str) -> Iterator[tuple[str, str, Span, bool]]:
    """Names with their constant values, the places, and whether it is an assignment."""
    if language in _DATA and language not in ("json", "jsonc"):
        if _IS_MANIFEST_OF_SECRET.search(text):
            return  # The rules about Kubernetes say so better.
        for match in _IN_YAML.finditer(text):
            value = match["value"].strip("\"'")
            # `POSTGRES_PASSWORD: postgres` is how a database for tests is started.
            if not value.isalpha():
                yield match["name"], value, Span(match.start("value"), match.end("value")), True
        return
    if language in _SHELL:
        for match in _IN_SHELL.finditer(text):
            value = match["value"].strip("\"'")
            yield match["name"], value, Span(match.start("value"), match.end("value")), True
        return
    if language == "sql":
        for match in _IN_SQL.finditer(text):
            yield (
                "password",
                match["value"],
                Span(match.start("value") - 1, match.end("value") + 1),
                True,
            )
        return
    for start, end in _lines_about_secrets(text):
        if _COMMENT.match(text, start):
            continue
        for match in _IN_CODE.finditer(text, start, end):
            if not _NAMED.search(match["name"]):
                continue
            if _is_template(match) or (language in _DATA and match["value"].isalpha()):
                continue
            name = match["name"].rpartition(".")[2]
            binds = (
                match["sign"] != ":"
                or language in ("json", "jsonc")
                or (bool(match["open"]) and language == "python")
            )
            yield name, match["value"], Span(match.start("prefix"), match.end("value") + 1), binds
        for match in _BASIC.finditer(text, start, end):
            yield "password", match["value"], Span(match.start("quoted"), match.end("quoted")), True


def _lines_about_secrets(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each line that names a secret and has a quote: few, and soon found."""
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if ('"' in line or "'" in line or "`" in line) and _NAMED.search(line):
            yield start, end
        start = end + 1


def addresses(text: str) -> Iterator[re.Match[str]]:
    """Addresses with a password in them; groups `password` and `host`."""
    at = text.find("://")
    while at >= 0:
        start = at
        while start and text[start - 1].isalnum():
            start -= 1
        match = _ADDRESS.match(text, start) if "@" in text[at : at + 200] else None
        if match is not None:
            yield match
        at = text.find("://", at + 3)


def _is_template(match: re.Match[str]) -> bool:
    return match["quote"] == "`" and "${" in match["value"]
