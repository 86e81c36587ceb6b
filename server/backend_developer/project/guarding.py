"""Which names keep somebody out, and which say that nobody is kept out.

A project names its guards as it likes (`get_current_user`, `requireAuth`, `IsOwner`), so a name is
taken apart into its words, and the words decide.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..core.clues import Clues


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_AUTHORIZING = word_set(
    "auth authed authn authz authenticate authenticated authenticates authentication "
    "authenticator authorize authorized authorization authorizer authorise authorised login "
    "logged loggedin permission permissions permitted perms jwt oauth oauth2 bearer admin "
    "admins superuser staff role roles rbac acl scope scopes guard guards guarded principal "
    "identity credential credentials apikey protect protected restrict restricted signature "
    "policy policies privileged privilege private sso saml token tokens "
    "superadmin moderator isauth"
)
_PHRASES = re.compile(
    r"current user|active user|api key|has role|is owner|owner only|check (?:access|owner)|"
    r"(?:require|requires|ensure|verify|validate|get|check|need|needs|only) (?:\w+ )?"
    r"(?:user|account|tenant|owner|access|member|token|caller)$|^current (?:account|member)|"
    r"(?:require|ensure|verify|validate|check|user|login) session|"
    r"access (?:control|check)|can (?:access|edit|view|manage|delete|read|write)|user required"
)
_MAKES_SOMETHING_ELSE = word_set(
    "service services repo repository manager store storage client provider factory dao crud "
    "controller usecase settings config form db database sessionmaker localsession engine uow "
    "logger cache handler parser schema serializer renderer backend backends"
)
_PUBLIC = word_set(
    "allowany public anonymous skipauth noauth ispublic allowanonymous unprotected open"
)
_LIMITING = re.compile(
    r"rate ?limit|ratelimit|limiter|throttl|slow ?down|^limit$| limit$|^limits? |brute|axes|"
    r"lockout|too many",
)


@lru_cache(maxsize=4096)
def is_guard(name: str) -> bool:
    """Whether somebody who reads the code would take `name`, maybe dotted, for a guard."""
    words = words_of(name)
    if not words or words[-1] in _MAKES_SOMETHING_ELSE or is_public(name):
        return False
    return not _AUTHORIZING.isdisjoint(words) or bool(_PHRASES.search(" ".join(words)))


@lru_cache(maxsize=4096)
def is_public(name: str) -> bool:
    """Whether `name` says that anybody may come in."""
    words = words_of(name)
    return not _PUBLIC.isdisjoint((*words, "".join(words[-2:])))


@lru_cache(maxsize=4096)
def is_limiter(name: str) -> bool:
    """Whether `name` limits how often something may be called."""
    return bool(_LIMITING.search(" ".join(words_of(name))))


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in any spelling, in lower case: `getCurrentUser` -> get current user."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return tuple(re.sub(r"[^A-Za-z0-9]+", " ", spaced).lower().split())


INSIDE = Clues(
    "current_user currentuser authenticat authoriz authoris permission forbidden api_key apikey "
    "signature jwt",
    (
        r"is_?super_?user",
        r"is_?staff",
        r"is_?admin",
        r"has_?(?:perm|role|access)",
        r"(?:check|require|ensure|verify|assert|enforce)_?\w{0,60}"
        r"(?:auth|perm|access|owner|role|token|signature|user|login)",
        r"\b40[13]\b",
        r"session\s*\[|session\.get\(\s*['\"]|session\.user",
        r"\bhmac\b",
        r"\btoken",
        r"req.user|request.user|ctx\.state\.user|\bg\.user",
        r"\bpassword",
    ),
    ignore_case=True,
)
"""What a handler's body says when it looks itself at who asks."""
