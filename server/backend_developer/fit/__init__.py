"""What the files of a change are to each other and to the project: a change checked as a whole.

    the texts before and after -> imports that lead nowhere, names that other files miss, calls that
                                  do not fit, packages that nobody declared, modules in a circle

Each check compares with the files before, so what was wrong before is no problem; what cannot be
told for certain is none either.
"""

from __future__ import annotations

import logging
import os.path
import time
from collections.abc import Iterator, Mapping, Sequence

from ..change import Fit
from ..core.changes import ChangeSet
from ..failures import where_raised
from ..files import SOURCE_ENDING
from ..manifests import ecosystem_of, read_manifest
from ..project.index import Project
from ..reader import WorkspaceReader
from ..syntax import LANGUAGES
from .calling import altered_signatures, misfits, not_compared
from .circular import circles
from .importing import Sides, Tree, Untouched, Wrong, stem_of
from .modules import Imported
from .packages import new_packages, said, undeclared, unused_elsewhere

logger = logging.getLogger(__name__)

SEARCH_SECONDS = 3.0
"""For how long the files beside the change are searched at most."""


def check_fit(change: ChangeSet, reader: WorkspaceReader | None, project: Project) -> Fit:
    """What is wrong between the files of a change, and between them and the rest of the workspace.

    `reader` reads the workspace as it is without the change; None: the document lies in none, and
    the files of the change are compared with each other alone. Takes some 100 ms for a change of
    ten files; not on the event loop. Never raises.
    """
    try:
        return _check(change, reader, project)
    except Exception as error:
        # What is not known to be wrong is offered, and says that this was not looked at.
        logger.error("The files of a change could not be compared: %s", where_raised(error))
        return Fit(unchecked=("Whether its files fit together could not be checked.",))


def _check(change: ChangeSet, reader: WorkspaceReader | None, project: Project) -> Fit:
    problems = list(_broken_manifests(change))
    sides = _sides(change, reader)
    removed = _removed(sides)
    altered = altered_signatures(sides)
    packages = undeclared(new_packages(sides), sides.after, change.dependencies)
    packages = unused_elsewhere(packages, sides, project)

    words = [
        *(_written(path, name) for path, names in removed.items() for name in names),
        *(name for one in altered for name in one.names),
        *(package.word for package in packages),
    ]
    others, is_whole = _search(sides, reader, project, words)

    problems += _imports(sides)
    problems += _missed(sides, removed, others)
    problems += misfits(sides, altered, others)
    problems += _circles(sides)
    unchecked = [*not_compared(sides, altered, others)]
    for sentence, is_problem in said(
        unused_elsewhere(packages, sides, project, others), sides.after
    ):
        (problems if is_problem else unchecked).append(sentence)
    if not is_whole:
        unchecked.append(
            "The workspace is too large to look in all of it for who uses what the change alters."
        )
    return Fit(tuple(dict.fromkeys(problems)), tuple(dict.fromkeys(unchecked)))


def _sides(change: ChangeSet, reader: WorkspaceReader | None) -> Sides:
    paths = frozenset(reader.paths()) if reader is not None else frozenset()
    new = {file.path for file in change.files if file.is_new}
    old = {file.path: file.document.text for file in change.files if not file.is_new}
    after = {file.path: file.text_after for file in change.files}
    code = [file.path for file in change.files if file.document.language in LANGUAGES]
    untouched = Untouched(reader)
    before = Tree(untouched, old, (paths | old.keys()) - new)
    return Sides(before, Tree(untouched, after, paths | after.keys()), tuple(code))


def _search(
    sides: Sides, reader: WorkspaceReader | None, project: Project, words: Sequence[str]
) -> tuple[list[tuple[str, str]], bool]:
    """(Path, text) of the files beside the change that hold one of the words, and whether all
    files were looked at; those first that the project knows to import something."""
    if reader is None or not words:
        return [], True
    kinds = {path.endswith(".py") for path in sides.code}
    others = sorted(
        path
        for path in sides.before.paths - sides.after.texts.keys()
        if SOURCE_ENDING.search(path) and path.endswith(".py") in kinds
    )
    known = [path for path in others if os.path.join(reader.root, path) in project.files]
    end = time.monotonic() + SEARCH_SECONDS
    ordered = dict.fromkeys([*known, *others])
    found = list(reader.files_with(ordered, list(dict.fromkeys(words)), end))
    sides.after.untouched.texts.update(found)
    return found, time.monotonic() <= end


# --- Imports


def _imports(sides: Sides) -> Iterator[str]:
    """What the files of the change import in vain."""
    for path in sides.code:
        module_before = None if sides.is_new(path) else sides.before.module(path)
        known = set(module_before.imports) if module_before else set()
        told: set[str] = set()
        for imported in sides.after.module(path).imports:
            wrong = sides.after.wrong(path, imported)
            if wrong is None or (not wrong.target and imported.module in told):
                continue
            if imported in known and sides.before.wrong(path, imported) is not None:
                continue
            told |= {imported.module} if not wrong.target else set()
            yield f"{path}: {_in_vain(imported, wrong)}"


def _in_vain(imported: Imported, wrong: Wrong) -> str:
    if not wrong.target:
        return (
            f"It imports `{imported.module}` on line {imported.line}, and there is no such module "
            "in the workspace."
        )
    verb, defines = "imports", _defines(wrong.target)
    if imported.is_use:
        return (
            f"It uses `{imported.name}` of {wrong.target} on line {imported.line}, which does not "
            f"{defines} it."
        )
    if imported.name == "default" and defines == "export":
        return (
            f"It {verb} {wrong.target} on line {imported.line} as a default, and that has no "
            "default export."
        )
    return (
        f"It {verb} `{imported.name}` from {wrong.target} on line {imported.line}, which does not "
        f"{defines} it."
    )


def _defines(target: str) -> str:
    return "define" if target.endswith((".py", "/")) else "export"


# --- Names that other files miss


def _removed(sides: Sides) -> Mapping[str, frozenset[str]]:
    """File of the change -> the names that it no longer defines or exports."""
    found = {}
    for path in sides.code:
        after = sides.after.module(path)
        if sides.is_new(path) or after.is_open:
            continue
        if names := sides.before.module(path).names - after.names:
            found[path] = names
    return found


def _missed(
    sides: Sides, removed: Mapping[str, frozenset[str]], others: Sequence[tuple[str, str]]
) -> Iterator[str]:
    for path, text in others:
        if not removed or not sides.after.may_import(path, text, removed.keys()):
            continue
        for imported in sides.after.module(path).imports:
            if not any(imported.name in names for names in removed.values()):
                continue
            wrong = sides.after.wrong(path, imported)
            if wrong is None or sides.before.wrong(path, imported) is not None:
                continue
            verb = "uses" if imported.is_use else "imports"
            name = "a default" if imported.name == "default" else f"`{imported.name}`"
            yield (
                f"{wrong.target}: It no longer {_defines(wrong.target)}s {name}, which {path} "
                f"{verb} on line {imported.line}."
            )


def _written(path: str, name: str) -> str:
    """What a file holds that takes a name from the one at `path`."""
    # A default export is called as one likes.
    return stem_of(path) if name == "default" else name


# --- Manifests, and modules in a circle


def _broken_manifests(change: ChangeSet) -> Iterator[str]:
    for file in change.files:
        if ecosystem_of(file.path) is None:
            continue
        after = read_manifest(file.path, file.text_after)
        before = None if file.is_new else read_manifest(file.path, file.document.text)
        if after.problem and not (before and before.problem):
            yield f"{file.path}: {after.problem}"


def _circles(sides: Sides) -> Iterator[str]:
    python = [path for path in sides.code if path.endswith(".py")]
    if len(python) < 2:
        return
    known = {(one.path, one.target) for one in circles(sides.before, python)}
    for one in circles(sides.after, python):
        if (one.path, one.target) not in known:
            yield (
                f"{one.path}: It imports `{one.name}` from {one.target} on line {one.line}, which "
                "imports this file before it defines that: neither can be imported first."
            )
