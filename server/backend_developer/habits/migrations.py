"""The newest migration of each folder, so that the next one can follow it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from .look import NUMBERED, Fact, Look
from .words import MOST_NAMES, as_name, as_names, joined

MOST_REVISIONS = 300
"""Alembic's revisions are known to the newest only when all of them are read."""
_IS_REVISION = re.compile(r"(?:^|/)versions/(?:[^/]+/)*[^/]+\.py$")
_REVISION = re.compile(r"^revision\s*(?::[^=\n]*)?=\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
_DOWN_REVISION = re.compile(
    r"^down_revision\s*(?::[^=\n]*)?=\s*([^\n]*(?:\n\s[^\n]*)*)", re.MULTILINE
)


def migrations(look: Look) -> Iterator[Fact]:
    yield from _alembic(look)
    uses_django = look.version("django") is not None or look.exists(joined(look.base, "manage.py"))
    newest: dict[str, tuple[tuple[int, ...], list[str]]] = {}
    for path in look.paths:
        match = NUMBERED.search(path)
        if match is None or _IS_REVISION.search(path):
            continue
        folder = path[: match.start("folder") + len(match["folder"])]
        number = tuple(int(part) for part in re.split(r"[._-]", match["number"]))
        known = newest.setdefault(folder, (number, []))
        if number > known[0]:
            newest[folder] = number, [path]
        elif number == known[0]:
            known[1].append(path)
    for folder, (_, found) in islice(sorted(newest.items()), 30):
        # What undoes a migration has its number too.
        paths = [path for path in found if look.exists(path)]
        ups = [path for path in paths if not re.search(r"[._-](?:down|undo)\.", path)] or paths
        if not ups:
            continue
        shown = [as_name(path.removeprefix(f"{folder}/")) for path in ups]
        if uses_django and ups[0].endswith(".py"):
            names = [name.removesuffix(".py") for name in shown]
            yield "newest Django migrations", f"{as_name(folder)}: {as_names(names)}"
        else:
            yield "migrations", f"newest of {as_name(folder)}/ is {as_names(shown)}"


def _alembic(look: Look) -> Iterator[Fact]:
    """The heads of each folder of revisions: the ones that no other revision comes after."""
    folders: dict[str, list[str]] = {}
    for path in look.paths:
        if _IS_REVISION.search(path):
            folders.setdefault(re.split(r"(?<=versions)/", path)[0], []).append(path)
    for folder, paths in folders.items():
        if len(paths) > MOST_REVISIONS:
            continue
        revisions: dict[str, str] = {}
        followed: set[str] = set()
        for path in paths:
            text = look.text(path)
            if match := _REVISION.search(text):
                revisions[match[1]] = path
                down = _DOWN_REVISION.search(text)
                followed.update(re.findall(r"[\"']([^\"'\n]+)[\"']", down[1]) if down else ())
        heads = sorted(revisions.keys() - followed)
        shown = [f"`{as_name(head)}` ({as_name(revisions[head])})" for head in heads[:MOST_NAMES]]
        if len(heads) == 1:
            said = f"the head of {as_name(folder)}/ is {shown[0]}, the next `down_revision`"
            yield "Alembic", said
        elif heads:
            yield "Alembic", f"{as_name(folder)}/ has {len(heads)} heads: {', '.join(shown)}"
