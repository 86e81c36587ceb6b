"""What the texts of a description say, against what it declares beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...core.names import words
from ...core.text import quoted
from ..report import Checks, Report
from ..tree import Node
from .model import Api, Response


def status_described_as_another(api: Api) -> Iterator[Report]:
    """A status code whose description is the name of another one: 405 "Invalid input"."""
    for response in _answers(api):
        text = response.node.get("description")
        if text is None or not response.code.isdecimal():
            continue
        number = re.match(r"\s*([2-5][0-9]{2})(?:\s*[:.–-]\s*|\s*$)", text.text)
        rest = text.text[number.end() if number is not None else 0 :].lower()
        said = " ".join(re.split(r"[.:;,(\n]|\s[-–]\s", rest)[0].split())
        codes = next((codes for known, codes in _MEANINGS if known.fullmatch(said)), ())
        if number is not None:
            codes = (number[1],)
        if codes and response.code not in codes:
            yield Report(
                response.place,
                f"{response.code} is described as what {codes[0]} means. Answer {codes[0]}, or "
                "correct the description.",
                "high" if response.code[0] != codes[0][0] or number is not None else "medium",
            )


def error_as_success(api: Api) -> Iterator[Report]:
    """A 2xx whose description or schema is that of an error."""
    for response in _answers(api):
        if not re.fullmatch(r"2(?:[0-9]{2}|XX)", response.code):
            continue
        text = response.node.text_at("description").strip()
        schemas = [media.text_at("schema", "$ref") for _, media, _ in api.content(response.node)]
        named = [words(one.rpartition("/")[2]) for one in schemas if one]
        is_error = any(
            one and one[-1] in ("error", "errors", "problem", "exception") for one in named
        )
        if is_error or _FAILURE.match(text):
            yield Report(
                response.place,
                f"{response.code} says that it worked, and what is described is an error. Answer "
                "a status of the 400s or 500s.",
                "high" if is_error else "medium",
            )


def done_later_as_done(api: Api) -> Iterator[Report]:
    """200 or 201 for what its description says is only done later."""
    for operation in api.operations:
        response = operation.response("200", "201")
        if response is None or operation.method == "get" or operation.response("202") is not None:
            continue
        if _LATER.search(response.node.text_at("description")):
            yield Report(
                response.place,
                f"`{quoted(operation.title)}` only accepts what will be done later. Answer 202 "
                "with the `Location` of its state.",
                "medium",
            )


def deprecated_in_words(api: Api) -> Iterator[Report]:
    """A text that says deprecated, where no field does, so that no tool notices."""
    for owner in (
        *(operation.node for operation in api.all_operations),
        *(parameter for parameter in api.parameters if api.version != "2.0"),
        *(schema.node for schema in api.schemas if api.version != "2.0"),
    ):
        deprecated = owner.get("deprecated")
        if deprecated is not None and deprecated.value is True:
            continue
        text = _says_deprecated(owner)
        if text is not None:
            yield Report(
                text.span,
                "That it is deprecated is said in words alone, which no tool reads. Set "
                "`deprecated: true`.",
            )


def _says_deprecated(owner: Node) -> Node | None:
    for key in ("summary", "description"):
        text = owner.get(key)
        if text is not None and _DEPRECATED.match(text.text.strip()):
            return text
    return None


def login_without_security(api: Api) -> Iterator[Report]:
    """401 or 403 of an operation that is open on purpose, and no login."""
    for operation in api.operations:
        security = operation.node.get("security")
        is_open = security is not None and not any(one.members for one in security.elements)
        response = operation.response("401", "403")
        named = {word for one in operation.segments for word in words(one)}
        named.update(words(operation.node.text_at("operationId")))
        if is_open and response is not None and not named & _LOGINS:
            yield Report(
                response.place,
                f"{response.code} is declared, and `{quoted(operation.title)}` asks for no "
                "credentials. Give it `security`, or leave the answer out.",
                "medium",
            )


def _answers(api: Api) -> Iterator[Response]:
    """The responses of operations, a shared one once for each code."""
    done: set[tuple[str, int]] = set()
    for operation in api.operations:
        for response in operation.responses:
            key = response.code, id(response.node.value)
            if key not in done:
                done.add(key)
                yield response


_DEPRECATED = re.compile(
    r"(?i)[\[(*_]*deprecated\b(?! (?:items|fields|versions|resources|ones)\b)|"
    r".{0,60}[\[(]deprecated[\])]"
)
_FAILURE = re.compile(
    r"(?i)(?:an? )?(?:unexpected |internal |validation |server |unknown )?(?:error|failure)\b"
    r"(?! (?:free|codes?|reports?|logs?|counts?|rates?|list|budget|messages?|events?)\b)|"
    r"(?:not found|bad request|unauthori[sz]ed|forbidden|invalid (?:input|request|id))\b"
)
_LATER = re.compile(
    r"(?i)\b(?:(?:request|job|task|import|export|order|message|operation) (?:was |is |has been )?"
    r"(?:accepted|queued|scheduled|enqueued)(?! at\b)|(?:queued|scheduled|enqueued|accepted) for "
    r"(?:\w+ )?processing|asynchronous(?:ly)?|in the background|will be processed)"
)
_LOGINS = frozenset(
    {"login", "signin", "auth", "authenticate", "token", "tokens", "oauth", "session", "sessions"}
    | {
        "password",
        "refresh",
        "logout",
        "register",
        "signup",
        "verify",
        "webhook",
        "webhooks",
        "sso",
    }
)
_MEANINGS = tuple(
    (re.compile(rf"(?:the )?(?:{phrases})(?: (?:error|request|response))?"), tuple(codes.split()))
    for phrases, codes in (
        (r"(?:resource |[a-z]+ )?not found|does not exist", "404 410"),
        (r"[a-z ]+ not found|no such [a-z ]+", "404 410 400 422 200 204"),
        (
            r"unauthori[sz]ed|unauthenticated|not authenticated|authentication (?:required|failed)",
            "401",
        ),
        (r"(?:missing or )?invalid (?:api key|access token|bearer token)", "401"),
        (r"forbidden|access denied|permission denied|insufficient (?:permissions?|scope)", "403"),
        (
            r"bad|invalid (?:input|parameters?|id supplied|id)|validation (?:failed|exception)",
            "400 422",
        ),
        (r"(?:request )?validation", "400 422"),
        (r"method not allowed", "405"),
        (r"not acceptable", "406"),
        (r"(?:request )?time-?out", "408 504"),
        (r"(?:resource )?conflict", "409"),
        (r"[a-z ]+ already exists", "409 200 201 204"),
        (r"gone", "410"),
        (r"precondition failed", "412"),
        (r"(?:payload|content|request entity|file) too large", "413"),
        (r"unsupported media type", "415"),
        (r"unprocessable (?:entity|content)", "422"),
        (r"precondition required", "428"),
        (r"too many requests|rate limit(?:ed| exceeded)|limit exceeded", "429"),
        (r"(?:unexpected |internal )?server", "500 501 502 503 504"),
        (r"not implemented", "501"),
        (r"bad gateway", "502"),
        (r"service unavailable|temporarily unavailable", "503"),
        (r"gateway time-?out", "504"),
        (r"no content", "204"),
        (r"created|successfully created", "201"),
        (r"not modified", "304"),
        (r"moved permanently", "301"),
        (r"see other", "303"),
    )
)
"""What a description is, in full, and the codes that mean it, the usual one first."""

CHECKS: Checks = {
    "api-design/openapi-status-described-as-another": status_described_as_another,
    "api-design/openapi-error-as-success": error_as_success,
    "api-design/openapi-done-later": done_later_as_done,
    "api-design/openapi-deprecated-in-words": deprecated_in_words,
    "api-design/openapi-login-without-security": login_without_security,
}
