"""Records that are loaded by an id from the path: whose they are is checked by some routes and
not by others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.model import Confidence, Proposal
from ..detector import Source
from .facts import FileFacts, Place
from .index import KnownRoute, Project
from .rules_routes import WRITES, first_line

_ID = re.compile(r"(?:^|_)(?:id|pk|uuid|key|number)$|(?:Id|Uuid|Number)$")
_LOOKUP = (
    r"(?i:get|find|load|fetch|read|retrieve|select|query|filter|where|first|one|remove|delete|destroy|"
    r"update|execute|scalar)\w*\("
)
_CALLER = re.compile(
    r"(?i)\bcurrent_?(?:user|account|member)|\breq(?:uest)?\.(?:user|auth|account|session)|"
    r"\bctx\.(?:state\.)?user|\bg\.user|\bsession\b.{0,4}user|\buser\b|user_?id|\bidentity\b|"
    r"\bprincipal\b|\bclaims\b|\bme\b|\btenant|\borg(?:anization)?_?id|\bauth\.uid"
)
_OWNER = re.compile(
    r"(?i)owner|author(?!iz)|created_?by|member|tenant|organi[sz]ation|permission|polic(?:y|ies)|"
    r"\bcan_?\w|is_?(?:admin|staff|super)|\broles?\b|belongs|forbid|forbidden|\b403\b|authori[sz]|"
    r"access|\bown_|_own\b|\bOwn[A-Z]|ability"
)
_CHECKS = re.compile(
    r"(?i)\bcurrent_?(?:user|account)|\breq(?:uest)?\.(?:user|auth)|\bctx\.(?:state\.)?user|\bg\.user|"
    r"\buser\??\.(?:id|pk|sub|\w+_id|\w+Id)\b|\buser\s*[=:]\s*user\b|\b(?:owner|tenant|organi[sz]ation)\w*|"
    r"\b403\b|forbid|has_?perm|\bcan_\w+\(|check_\w*(?:perm|access|own)|\buser\s*[,)]|\bidentity\b"
)
_OF_PEOPLE = re.compile(r"(?i)user|account|member|profile|customer|people|person|session")
_NOT_FOR_OWNERS = re.compile(
    r"(?i)admin|staff|super|role|permission|scope|owner|polic|moderator|optional|internal|service|webhook|key"
)


@dataclass(frozen=True, slots=True)
class _Loading:
    """A route behind a guard that loads a record by an id from its path."""

    known: KnownRoute
    place: Place
    resource: str
    """The path up to the id."""
    is_silent: bool
    """It says nothing of the caller, nor of who owns the record."""
    is_checked: bool
    """It looks at who the caller is."""


def without_owner(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A route that loads a record whoever asks, beside routes that check whose the record is."""
    found = [
        loading
        for known, place, body in _handled(facts, project)
        if (loading := _loading(source, known, place, body))
    ]
    for loading in found:
        if not loading.is_silent:
            continue
        others = [
            one
            for one in found
            if one.known.route is not loading.known.route
            # What only its owner may change, others may be meant to read.
            and (_writes(loading) or not _writes(one))
        ]
        same = [one for one in others if one.resource == loading.resource]
        confidence: Confidence = "medium"
        checked = [one for one in same if one.is_checked]
        if not checked or len(checked) * 2 < len(same):
            confidence = "low"
            checked = [one for one in others if one.is_checked]
            if len(checked) < 2 or len(checked) * 2 < len(others):
                continue
        rule = "security/missing-authorization"
        yield Proposal(
            first_line(source, loading.place.span),
            rule,
            f"`{loading.known.label}` takes the record that the path names, whoever asks, while "
            f"`{checked[0].known.label}` looks at who the caller is. Check whose the record is.",
            source=f"rule:{rule}.project",
            author="local",
            confidence=confidence,
        )


def _writes(loading: _Loading) -> bool:
    return not WRITES.isdisjoint(loading.known.methods)


def _handled(facts: FileFacts, project: Project) -> Iterator[tuple[KnownRoute, Place, Place]]:
    """Each route whose handler stands in this file: where to report it, and the handler."""
    for known in project.routes_of(facts.path):
        if known.handler is None:
            yield known, known.route.place, known.route.body
        elif known.handler[0] == facts.path:
            yield known, known.route.place, known.handler[1].place
    for place, known in project.handled_in(facts.path):
        yield known, place, place


def _loading(source: Source, known: KnownRoute, place: Place, body: Place) -> _Loading | None:
    names = [name for name in re.findall(r"\{(\w+)\}", known.path) if _ID.search(name)]
    guards = " ".join(guard.name for guard in known.guards)
    if not names or not known.guards or known.is_public:
        return None
    if _NOT_FOR_OWNERS.search(f"{guards} {known.path}"):
        return None
    text = _inside(source.text[body.span.start : body.span.end])
    name = names[-1]
    if not re.search(rf"{_LOOKUP}[^\n]*(?:\n[^\n]*){{0,3}}?\b{re.escape(name)}\b", text):
        return None
    resource = known.path[: known.path.rindex(f"{{{name}}}")]
    if _OF_PEOPLE.search(resource):
        return None  # Where each record is somebody, names tell nothing.
    is_silent = not (_CALLER.search(text) or _OWNER.search(text))
    return _Loading(known, place, resource, is_silent, bool(_CHECKS.search(text)))


_SIGNATURE = re.compile(
    r"\bdef\s+\w+\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)[^:]*:|=>|\)\s*(?::[^{]{0,500})?\{"
)


def _inside(text: str) -> str:
    """A handler without its signature, decorators and comments."""
    signature = re.search(
        r"\bdef\s+\w+\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)[^:]*:|=>|\)\s*(?::[^{]{0,500})?\{",
        text,
    )
    inside = text[signature.end() :] if signature else text
    return re.sub(r"(?m)#[^\n]*$|//[^\n]*$|^\s*\"\"\".*?\"\"\"", "", inside)
