"""Modules of Python that import each other at a moment when one of them is not there yet."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .importing import Tree
from .modules_python import defined_by


@dataclass(frozen=True, slots=True)
class Circle:
    """An import that fails because its module is still being imported."""

    path: str
    """The file with the import."""
    line: int
    """From 1."""
    name: str
    target: str
    """The file that does not define the name yet."""


def circles(tree: Tree, paths: Sequence[str]) -> Iterator[Circle]:
    """The imports among these files that fail whichever of those concerned is imported first.

    Only statements that certainly run are followed: none in a function, in a branch or below
    `try`. What a file outside `paths` imports is not known.
    """
    found = {
        path: failure
        for path in paths
        if (failure := _import(_Run(tree, frozenset(paths)), path)) is not None
    }
    told: set[frozenset[str]] = set()
    for circle in found.values():
        both = frozenset({circle.path, circle.target})
        # Where one of them can be imported first, the program may well do that.
        if both <= found.keys() and both not in told:
            told.add(both)
            yield circle


@dataclass(slots=True)
class _Run:
    """What has been imported; lives as long as one try."""

    tree: Tree
    paths: frozenset[str]
    defined: dict[str, set[str]] = field(default_factory=dict)
    """File -> the names that it has so far."""


def _import(run: _Run, path: str) -> Circle | None:
    if path in run.defined or path not in run.paths or len(run.defined) > 50:
        return None
    names = run.defined[path] = set()
    tree = run.tree.python_tree(path)
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.Import | ast.ImportFrom):
            failure = _statement(run, path, statement)
            if failure is not None:
                return failure
        names.update(defined_by(statement))
    names.add("*")  # It is imported to its end.
    return None


def _statement(run: _Run, path: str, statement: ast.Import | ast.ImportFrom) -> Circle | None:
    if isinstance(statement, ast.Import):
        modules, taken = [one.name for one in statement.names], []
    else:
        modules, taken = ["." * statement.level + (statement.module or "")], statement.names
    for module in modules:
        files = run.tree.locate(path, module).files
        if len(files) != 1:
            continue
        [file] = files
        failure = _import(run, file)
        if failure is not None:
            return failure
        so_far, whole = run.defined.get(file, {"*"}), run.tree.module(file)
        for one in taken:
            is_late = "*" not in so_far and one.name not in so_far
            # A submodule is imported when it is asked for, and is no name of the module's text.
            if is_late and one.name in whole.names and not whole.is_open:
                return Circle(path, one.lineno, one.name, file)
    return None
