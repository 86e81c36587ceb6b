"""Rules about the project's API description and its routes: what one has and the other lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.model import Proposal
from ..detector import Source
from .facts import FileFacts
from .guarding import word_set, words_of
from .index import KnownRoute, Project
from .rules_routes import first_line

_NOT_DESCRIBED = word_set(
    "health healthz live livez ready readyz ping metrics docs redoc openapi swagger static "
    "assets favicon robots admin internal debug status index home root well known version spec"
)
LEAST = 3
"""So many operations must be routes, and half of all, before the one describes the other."""


@dataclass(frozen=True, slots=True)
class _Match:
    """A description, and how its paths become the code's."""

    file: str
    prefix: str
    roots: frozenset[tuple[str, str]]
    """The applications that it describes."""
    shapes: frozenset[tuple[str, str]]
    """Its operations, as the code's routes would be."""


def undescribed(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A route that the description of its application does not name."""
    own = [known for known in project.routes_of(facts.path) if _should_be_described(known)]
    if not own:
        return
    for match in project.derived(_matches):
        for known in own:
            missing = [
                method
                for method in known.methods
                if (method, _shape(known.path)) not in match.shapes
            ]
            if known.root not in match.roots or not missing:
                continue
            if not known.path.startswith(match.prefix):
                continue
            name = match.file.rpartition("/")[2]
            yield Proposal(
                first_line(source, known.route.place.span),
                "api-design/undescribed-route",
                f"`{', '.join(missing)} {known.path}` is not in {name}, which describes the other "
                "routes: whoever reads that does not know of it.",
                source="rule:api-design/undescribed-route.project",
                author="local",
                confidence="medium",
            )


def other_status(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A route that answers with a success status that its description does not name."""
    own = [known for known in project.routes_of(facts.path) if known.route.status]
    for match in project.derived(_matches) if own else ():
        declared = {
            (one.method, _shape(match.prefix + one.path)): one.statuses
            for one in project.files[match.file].operations
        }
        for known in own:
            status = str(known.route.status)
            for method in known.methods:
                statuses = declared.get((method, _shape(known.path)), ())
                successes = [one for one in statuses if one[:1] in ("2", "3")]
                if successes and known.root in match.roots and status not in successes:
                    if "2XX" in (one.upper() for one in successes):
                        continue
                    name = match.file.rpartition("/")[2]
                    yield Proposal(
                        first_line(source, known.route.place.span),
                        "api-design/status-not-described",
                        f"`{method} {known.path}` answers {status}, and {name} says "
                        f"{' or '.join(successes)}: generated clients take it for a failure.",
                        source="rule:api-design/status-not-described.project",
                        author="local",
                        confidence="medium",
                    )


def without_route(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """An operation of a description that no route answers."""
    if not facts.operations:
        return
    match = next((one for one in project.derived(_matches) if one.file == facts.path), None)
    if match is None:
        return
    answered = project.derived(_answered)
    for operation in facts.operations:
        path = _shape(match.prefix + operation.path)
        if (operation.method, path) in answered or ("ANY", path) in answered:
            continue
        if operation.method in ("HEAD", "OPTIONS"):
            continue
        yield Proposal(
            first_line(source, operation.place.span),
            "api-design/operation-without-route",
            f"`{operation.method} {operation.path}` is described here, and no route of the code "
            "answers it.",
            source="rule:api-design/operation-without-route.project",
            author="local",
            confidence="medium",
        )


def _answered(project: Project) -> set[tuple[str, str]]:
    return {(method, _shape(known.path)) for known in project.routes for method in known.methods}


def _matches(project: Project) -> tuple[_Match, ...]:
    """Each description whose operations are, for the better part, routes of the code."""
    return tuple(_matching(project))


def _matching(project: Project) -> Iterator[_Match]:
    described = [facts for facts in project.files.values() if len(facts.operations) >= LEAST]
    if not described:
        return
    by_shape: dict[tuple[str, str], KnownRoute] = {}
    prefixes = {""}
    for known in project.routes:
        for method in known.methods:
            by_shape.setdefault((method, _shape(known.path)), known)
        parts = known.path.strip("/").split("/")
        prefixes.update("/" + "/".join(parts[:count]) for count in range(1, min(4, len(parts))))
    for facts in described:
        operations = [(one.method, _shape(one.path)) for one in facts.operations]

        def matched(prefix: str, operations: list[tuple[str, str]] = operations) -> int:
            return sum((method, prefix + path) in by_shape for method, path in operations)

        # The shortest prefix that fits best; the servers' own paths are among the likely ones.
        best = max(sorted({*prefixes, *facts.servers}, key=len), key=matched)
        count = matched(best)
        if count < LEAST or count * 2 < len(operations):
            continue
        shapes = frozenset((method, best + path) for method, path in operations)
        roots = frozenset(by_shape[one].root for one in shapes if one in by_shape)
        yield _Match(facts.path, best, roots, shapes)


def _should_be_described(known: KnownRoute) -> bool:
    if not known.route.is_described or "*" in known.path or known.path == "/":
        return False
    if {"ANY", "HEAD", "OPTIONS", "WEBSOCKET"}.intersection(known.methods):
        return False
    return _NOT_DESCRIBED.isdisjoint(words_of(known.path))


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path.rstrip("/") or "/")
