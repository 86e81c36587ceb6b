"""What an editor shows of the project: lines above routes, and symbols to jump to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..core.model import Span
from ..core.text import Change
from .facts import FileFacts, Guard, Place
from .index import KnownRoute, Project

SymbolKind: TypeAlias = Literal["route", "model", "field", "migration", "operation"]


@dataclass(frozen=True, slots=True)
class Lens:
    """One line above a route: `GET /users/{id} · guarded by get_current_user · 2 findings`."""

    title: str
    span: Span
    """The route with its handler, in the text as it is now."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something to jump to."""

    name: str
    detail: str
    kind: SymbolKind
    path: str
    place: Place
    name_place: Place
    children: tuple[Symbol, ...] = ()


def lenses(
    project: Project, path: str, findings: Sequence[Span], typed: Sequence[Change]
) -> list[Lens]:
    """The lenses of a file, in text order.

    The places of the project's facts are moved through what was `typed` since; `findings` are
    true of the text that this led to.
    """
    by_place: dict[Span, list[KnownRoute]] = {}
    for known in project.routes_of(path):
        by_place.setdefault(known.route.body.span, []).append(known)
    for place, known in project.handled_in(path):
        by_place.setdefault(place.span, []).append(known)
    found = []
    for place_span, routes in sorted(by_place.items()):
        span = moved(place_span, typed)
        count = sum(span.contains(finding) for finding in findings)
        parts = [_calls(routes), _access(routes, project)]
        if count:
            parts.append(f"{count} finding{'' if count == 1 else 's'}")
        found.append(Lens(" · ".join(parts), span))
    return found


def symbols_of(project: Project, path: str) -> list[Symbol]:
    """The routes, models, migrations and described operations of a file, in text order."""
    facts = project.files.get(path)
    if facts is None:
        return []
    return sorted(_symbols(project, facts), key=lambda symbol: symbol.place.span)


def search(project: Project, query: str, limit: int) -> list[Symbol]:
    """At most `limit` symbols of the project whose name holds the letters of `query`, in order.

    Those that hold it in one piece come first; without a query, all, routes first.
    """
    wanted = "".join(query.lower().split())
    exact: list[Symbol] = []
    loose: list[Symbol] = []
    for path in sorted(project.files):
        for name, symbol in project.of_file(path, _searched):
            if wanted in name:
                exact.append(symbol)
            elif len(wanted) > 2 and _holds(name, wanted):
                loose.append(symbol)
    exact.sort(key=lambda symbol: _ORDER.index(symbol.kind))
    return [*exact, *loose][:limit]


_ORDER: tuple[SymbolKind, ...] = ("route", "operation", "model", "migration", "field")


def _searched(project: Project, facts: FileFacts) -> list[tuple[str, Symbol]]:
    """The symbols of a file, each with the text that it is found by."""
    return [
        ("".join(f"{symbol.name} {symbol.detail}".lower().split()), symbol)
        for symbol in _symbols(project, facts)
    ]


def _holds(name: str, letters: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)


def _symbols(project: Project, facts: FileFacts) -> Iterator[Symbol]:
    path = facts.path
    for known in project.routes_of(path):
        route = known.route
        yield Symbol(known.label, route.handler, "route", path, route.body, route.place)
    for model in facts.models:
        fields = tuple(
            Symbol(one.name, one.relation or one.type, "field", path, one.place, one.place)
            for one in model.fields
        )
        yield Symbol(model.name, model.table, "model", path, model.place, model.place, fields)
    for step in facts.migrations:
        columns = f" ({', '.join(step.columns)})" if step.columns else ""
        name = f"{step.kind} {step.table}".strip()
        yield Symbol(f"{name}{columns}", "", "migration", path, step.place, step.place)
    for operation in facts.operations:
        name = f"{operation.method} {operation.path}"
        place = operation.place
        yield Symbol(name, operation.operation_id, "operation", path, place, place)


def _calls(routes: Sequence[KnownRoute]) -> str:
    """`GET, HEAD /users`, `GET /v1/users, GET /v2/users and 1 more`."""
    by_path: dict[str, list[str]] = {}
    for known in routes:
        by_path.setdefault(known.path, []).extend(known.methods)
    labels = [f"{', '.join(dict.fromkeys(methods))} {path}" for path, methods in by_path.items()]
    more = f" and {len(labels) - 2} more" if len(labels) > 2 else ""
    return ", ".join(labels[:2]) + more


def _access(routes: Sequence[KnownRoute], project: Project) -> str:
    known = routes[0]
    if known.guards:
        names = [_named(guard) for guard in known.guards]
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return f"guarded by {', '.join(dict.fromkeys(names[:2]))}{more}"
    return "public" if known.is_public else "no guard"


def _named(guard: Guard) -> str:
    return guard.name.removeprefix("self.")


def moved(span: Span, changes: Sequence[Change]) -> Span:
    """Where a span is after changes: one inside stretches it, one over its edge is taken in."""
    start, end = span.start, span.end
    for change in changes:
        if change.span.end <= start and (change.span.end < start or start < end):
            start, end = start + change.growth, end + change.growth
        elif change.span.start < end:
            start = min(start, change.span.start)
            end = max(end, change.span.end) + change.growth
    return Span(start, max(start, end))
