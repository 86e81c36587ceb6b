"""What the files of a project say to one of them about costs: implements performance's Elsewhere.

A name is followed through imports, the classes that variables are objects of, and base classes to
the function that it stands for, and from there through what that function calls in turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ..performance.summaries import (
    Asks,
    FileSummary,
    FunctionSummary,
    ModelSummary,
    Relation,
    Rows,
    Shape,
)
from .facts import FileFacts
from .index import DEPTH, Project


@dataclass(frozen=True)
class ProjectElsewhere:
    """What the project says to the file at `path`, whose own facts are part of it."""

    project: Project
    path: str

    @cached_property
    def is_empty(self) -> bool:
        facts = self.project.files.get(self.path)
        if facts is None:
            return True
        files = (
            self.project.file_of(self.path, module, facts.language)
            for one in facts.imports
            for module in (one.module, f"{one.module}.{one.member}")
        )
        return not any(file is not None and self.project.files[file].costs for file in files)

    def asks(self, name: str) -> Asks | None:
        return self._asks(self.path, name, set())

    def _asks(self, path: str, name: str, seen: set[tuple[str, str]]) -> Asks | None:
        found = self._function(path, name, DEPTH)
        if found is None or len(seen) > 4 * DEPTH:
            return None
        file, summary = found
        if summary.asks is not None or (file, summary.name) in seen:
            return summary.asks
        seen.add((file, summary.name))
        inner = (self._asks(file, call, seen) for call in summary.calls)
        return next((asks for asks in inner if asks is not None), None)

    def function(self, name: str) -> FunctionSummary | None:
        found = self._function(self.path, name, DEPTH)
        return found[1] if found is not None else None

    def rows(self, name: str) -> Rows | None:
        path = self.path
        for _ in range(DEPTH):
            found = self._function(path, name, DEPTH)
            if found is None:
                return None
            path, summary = found
            if summary.rows is not None or not summary.rows_of:
                return summary.rows
            name = summary.rows_of
        return None

    def model(self, name: str) -> ModelSummary | None:
        models = self.project.derived(_models)
        backs = self.project.derived(_backs).get(name, ())
        place = self.project.definition(self.path, name)
        found = models.get(name, {})
        if place is not None and place[0] in found:
            model = found[place[0]]
        elif len(found) == 1:
            model = next(iter(found.values()))
        elif backs and not found:
            model = ModelSummary(name)
        else:
            return None
        return replace(model, relations=(*backs, *model.relations))

    def shape(self, name: str) -> Shape | None:
        place = self.project.definition(self.path, name)
        found = _tables(self.project, place[0]).shapes.get(place[1]) if place else None
        if found is not None:
            return found
        named = self.project.derived(_shapes).get(name.rpartition(".")[2], ())
        return named[0] if len(named) == 1 else None

    def _function(self, path: str, name: str, depth: int) -> tuple[str, FunctionSummary] | None:
        place = self.project.definition(path, name)
        if place is None or not depth:
            return None
        file, key = place
        tables = _tables(self.project, file)
        if key in tables.functions:
            return file, tables.functions[key]
        owner, _, method = key.rpartition(".")
        of = tables.classes.get(owner) if owner else None
        return self._function(file, f"{of}.{method}", depth - 1) if of and of != owner else None


@dataclass(frozen=True, slots=True)
class _Tables:
    functions: Mapping[str, FunctionSummary]
    shapes: Mapping[str, Shape]
    classes: Mapping[str, str]


def _tables(project: Project, file: str) -> _Tables:
    return project.of_file(file, _tables_of)


def _tables_of(project: Project, facts: FileFacts) -> _Tables:
    costs = facts.costs or FileSummary()
    return _Tables(
        {one.name: one for one in costs.functions},
        {one.name: one for one in costs.shapes},
        dict(costs.classes),
    )


def _models(project: Project) -> Mapping[str, Mapping[str, ModelSummary]]:
    """Name -> file -> model."""
    found: dict[str, dict[str, ModelSummary]] = {}
    for path, facts in project.files.items():
        for model in facts.costs.models if facts.costs is not None else ():
            found.setdefault(model.name, {})[path] = model
    return found


def _shapes(project: Project) -> Mapping[str, tuple[Shape, ...]]:
    """By name."""
    found: dict[str, tuple[Shape, ...]] = {}
    for facts in project.files.values():
        for shape in facts.costs.shapes if facts.costs is not None else ():
            found[shape.name] = (*found.get(shape.name, ()), shape)
    return found


def _backs(project: Project) -> Mapping[str, tuple[tuple[str, Relation], ...]]:
    """Name of a model -> what the relations of other files' models add to it."""
    found: dict[str, tuple[tuple[str, Relation], ...]] = {}
    for facts in project.files.values():
        for model in facts.costs.models if facts.costs is not None else ():
            for target, attribute, relation in model.backs:
                found[target] = (*found.get(target, ()), (attribute, relation))
    return found
