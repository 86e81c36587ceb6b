"""Modules of Python that import each other at a moment when one of them is not there yet."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..core.graphs import components
from .importing import Located, Tree
from .modules_python import defined_by

MOST_MODULES = 200
"""That are followed from one; where there are more it is not told whether they can be imported."""


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
    """The imports among these files that fail whichever of the two is imported first.

    Only statements that certainly run are followed: none in a function, in a branch or below
    `try`.
    """
    failures = {
        path: failure
        for path in _in_circles(tree, paths)
        if (failure := _Run(tree).import_file(path)) is not None
    }
    told: set[frozenset[str]] = set()
    for circle in failures.values():
        both = frozenset({circle.path, circle.target})
        # Where one of them can be imported first, the program may well do that.
        if both <= failures.keys() and both not in told:
            told.add(both)
            yield circle


def _in_circles(tree: Tree, paths: Sequence[str]) -> list[str]:
    """Those of the files that import themselves through others of them."""
    imported = {
        path: {
            file
            for statement in _imports(tree, path)
            for located, _ in _located(tree, path, statement)
            for file in located.files
            if file in paths and file != path
        }
        for path in paths
    }
    in_circles = {path for group in components(imported) if len(group) > 1 for path in group}
    return [path for path in paths if path in in_circles]


@dataclass(slots=True)
class _Run:
    """Imports a file as Python would; lives as long as that."""

    tree: Tree
    so_far: dict[str, set[str]] = field(default_factory=dict)
    """File -> the names that it has by now; `*` once it was imported to its end."""

    def import_file(self, path: str) -> Circle | None:
        """The first import that fails; None: none does, as far as is known."""
        if path in self.so_far or len(self.so_far) > MOST_MODULES:
            return None
        # Packages come before what is in them.
        folders = path.split("/")[:-1]
        for count in range(1, len(folders) + 1):
            package = "/".join([*folders[:count], "__init__.py"])
            if package not in self.tree.paths or package == path:
                continue
            if failure := self.import_file(package):
                return failure
        if path in self.so_far:
            return None
        names = self.so_far[path] = set()
        tree = self.tree.python_tree(path)
        for statement in tree.body if tree else ():
            if isinstance(statement, ast.Import | ast.ImportFrom) and (
                failure := self._import(path, statement)
            ):
                return failure
            names.update(defined_by(statement))
        names.add("*")
        return None

    def _import(self, path: str, statement: ast.Import | ast.ImportFrom) -> Circle | None:
        for located, taken in _located(self.tree, path, statement):
            if len(located.files) != 1:
                continue
            [file] = located.files
            if failure := self.import_file(file):
                return failure
            names, whole = self.so_far.get(file, {"*"}), self.tree.module(file)
            for one in taken:
                is_late = not names & {"*", one.name} and one.name in whole.names
                # A submodule is imported when it is asked for.
                if is_late and not whole.is_open and not self.tree.has_submodule(located, one.name):
                    return Circle(path, one.lineno, one.name, file)
        return None


def _imports(tree: Tree, path: str) -> Iterator[ast.Import | ast.ImportFrom]:
    parsed = tree.python_tree(path)
    for statement in parsed.body if parsed else ():
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement


def _located(
    tree: Tree, path: str, statement: ast.Import | ast.ImportFrom
) -> Iterator[tuple[Located, list[ast.alias]]]:
    """Where the modules of a statement are, and the names that it takes from each."""
    if isinstance(statement, ast.Import):
        for one in statement.names:
            yield tree.locate(path, one.name), []
        return
    module = "." * statement.level + (statement.module or "")
    located = tree.locate(path, module)
    yield located, statement.names
    for one in statement.names:
        if inner := tree.submodule(located, one.name):
            yield Located("here", (inner,)), []
