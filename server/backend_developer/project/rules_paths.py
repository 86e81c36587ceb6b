"""Rules about what most routes of a project do alike: versions, names, errors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from ..core.model import Proposal
from ..core.names import is_plural, is_verb, words
from ..detector import Source
from .facts import FileFacts
from .index import KnownRoute, Project
from .rules_routes import OPEN_WORDS, proposal

_VERSION = re.compile(r"/(v[0-9]+)(?=/|$)", re.IGNORECASE)
_CRUD = frozenset({"get", "create", "add", "delete", "remove", "update", "edit", "list", "fetch"})


def unversioned(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A route without a version in an application most of whose routes have one."""
    counts = project.derived(_version_counts)
    for known in project.routes_of(facts.path):
        versions, total = counts.get(known.root, (Counter(), 0))
        versioned = sum(versions.values())
        if versioned < 4 or versioned < 0.8 * total or not _is_versioned_kind(known):
            continue
        if _VERSION.search(known.path) is None:
            [(usual, _)] = versions.most_common(1)
            yield proposal(
                source,
                known.route.place,
                "api-design/unversioned-route",
                f"`{known.label}` has no version, while {versioned} of the {total} routes are "
                f"below `/{usual}`: it cannot change without breaking its clients.",
                "medium",
            )


def _version_counts(project: Project) -> dict[object, tuple[Counter[str], int]]:
    """Application -> its versions with their routes, and how many routes there are."""
    found: dict[object, tuple[Counter[str], int]] = {}
    for known in project.routes:
        if _is_versioned_kind(known):
            versions, total = found.get(known.root, (Counter[str](), 0))
            version = _VERSION.search(known.path)
            versions.update([version[1].lower()] if version else [])
            found[known.root] = versions, total + 1
    return found


def _is_versioned_kind(known: KnownRoute) -> bool:
    """Whether it is a part of the API, and no page, health check, login or the like."""
    is_page = "*" in known.path or known.path == "/" or not known.route.is_described
    return not is_page and OPEN_WORDS.isdisjoint(words(known.path)) and "admin" not in known.path


def singular(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A collection in the singular among such in the plural."""
    plurals = project.derived(_plurals)
    told: set[str] = set()
    for known in project.routes_of(facts.path):
        for name in _collections(known):
            if is_plural(words(name)[-1]) or name in told or plurals.get(known.root, 0) < 3:
                continue
            told.add(name)
            yield proposal(
                source,
                known.route.place,
                "api-design/singular-collection",
                f"`{name}` of `{known.path}` stands for many, and is in the singular; most "
                "collections of the project are in the plural.",
                "medium",
            )


def _plurals(project: Project) -> dict[object, int]:
    """Application -> how many collections are in the plural, where these are most of them."""
    named: dict[object, set[str]] = {}
    for known in project.routes:
        named.setdefault(known.root, set()).update(_collections(known))
    counts: dict[object, int] = {}
    for root, names in named.items():
        plural = sum(is_plural(words(name)[-1]) for name in names)
        counts[root] = plural if plural > 2 * (len(names) - plural) else 0
    return counts


def _collections(known: KnownRoute) -> Iterator[str]:
    """The fixed parts of a path that are followed by an id."""
    parts = [part for part in known.path.split("/") if part]
    for part, after in pairwise(parts):
        spelled = words(part)
        is_id = re.fullmatch(r"\{(?:\w*_)?(?:id|pk|uuid|slug)\}|\{\w+(?:Id|ID|Uuid)\}", after)
        is_name = "{" not in part and bool(spelled) and not is_verb(spelled[0])
        is_base = _VERSION.fullmatch("/" + part) or part.lower() in ("api", "rest", "by")
        if is_id and is_name and not is_base:
            yield part


def verbs(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A verb in the path of an API of Django, whose paths no decorator tells."""
    for known in project.routes_of(facts.path):
        if known.route.framework != "django" or "api" not in known.path.split("/"):
            continue
        for part in known.path.split("/"):
            spelled = words(part)
            if spelled and "{" not in part and spelled[0] in _CRUD:
                yield proposal(
                    source,
                    known.route.place,
                    "api-design/verb-in-path",
                    f"The method already is the verb of `{known.path}`. Name the resource, and let "
                    "GET, POST, PUT and DELETE say what happens.",
                    "medium",
                )
                break


def error_names(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """An error told under another name than most errors of its application."""
    counts = project.derived(_error_counts).get(project.derived(_roots).get(facts.path), Counter())
    total = sum(counts.values())
    if not facts.errors or total < 5:
        return
    [(usual, count)] = counts.most_common(1)
    if count < 0.7 * total:
        return
    for answer in facts.errors:
        if answer.name != usual:
            yield proposal(
                source,
                answer.place,
                "api-design/inconsistent-error-format",
                f"This error is told under `{answer.name}`, and {count} of the application's "
                f"{total} under `{usual}`. Give all errors one form, best from one place.",
                "medium",
            )


def _error_counts(project: Project) -> dict[object, Counter[str]]:
    """Application -> the names under which its routes' files tell errors."""
    found: dict[object, Counter[str]] = {}
    for file, root in project.derived(_roots).items():
        errors = project.files[file].errors
        found.setdefault(root, Counter()).update(answer.name for answer in errors)
    return found


def _roots(project: Project) -> dict[str, object]:
    """File -> the application that its routes, or the routes that its handlers answer, are of."""
    found: dict[str, object] = {}
    for known in project.routes:
        found.setdefault(known.file, known.root)
        if known.handler is not None:
            found.setdefault(known.handler[0], known.root)
    return found
