"""What the files of a project say to one of them: implements performance's Elsewhere, and tells
data flow what functions of other files do.

A name is followed through imports, the classes that variables are objects of, and base classes to
the function that it stands for, and from there through what that function calls in turn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ..core.graphs import components
from ..dataflow.exporting import spelled_path
from ..dataflow.summaries import DataSummary, Known, Reach
from ..performance.summaries import (
    Asks,
    FileSummary,
    FunctionSummary,
    ModelSummary,
    Relation,
    Rows,
    Shape,
)
from .facts import FileFacts, Import
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
        found = self._function(path, name)
        if found is None or len(seen) > 4 * DEPTH:
            return None
        file, summary = found
        if summary.asks is not None or (file, summary.name) in seen:
            return summary.asks
        seen.add((file, summary.name))
        inner = (self._asks(file, call, seen) for call in summary.calls)
        return next((asks for asks in inner if asks is not None), None)

    def function(self, name: str) -> FunctionSummary | None:
        found = self._function(self.path, name)
        return found[1] if found is not None else None

    def rows(self, name: str) -> Rows | None:
        path = self.path
        for _ in range(DEPTH):
            found = self._function(path, name)
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

    def _function(self, path: str, name: str) -> tuple[str, FunctionSummary] | None:
        for file, key in places(self.project, path, name):
            function = _tables(self.project, file).functions.get(key)
            if function is not None:
                return file, function
        return None

    # --- Data flow

    @cached_property
    def known(self) -> tuple[Known, ...]:
        """The functions of other files that the file can name, with what they do with data."""
        facts = self.project.files.get(self.path)
        if facts is None:
            return ()
        return tuple(one for imported in facts.imports for one in self._known(facts, imported))

    def _known(self, facts: FileFacts, imported: Import) -> Iterator[Known]:
        place = self.project.definition(self.path, imported.name)
        if place is None or place[0] == self.path:
            return
        file, key = place
        spelled = re.escape(spelled_path(imported.module, imported.member, facts.language))
        if not key:
            for summary in _tables(self.project, file).data.values():
                path = rf"{spelled}\.{re.escape(summary.name)}"
                yield self._whole(file, summary, path.replace(r"\.", r"(?:\(\))?\.", 1))
            return
        told: set[str] = set()
        for inner, found in places(self.project, file, f"{key}."):
            owner = f"{found.removesuffix('.')}."
            for name, summary in _tables(self.project, inner).data.items():
                method = name.removeprefix(owner)
                if name.startswith(owner) and "." not in method and method not in told:
                    told.add(method)
                    path = rf"{spelled}(?:\(\))?\.{re.escape(method)}"
                    yield self._whole(inner, summary, path)
        own = _tables(self.project, file).data.get(key)
        if own is not None:
            yield self._whole(file, own, spelled)

    def _whole(self, file: str, summary: DataSummary, path: str) -> Known:
        name = summary.name.rpartition(".")[2]
        reaches = tuple(dict.fromkeys(self._reaches(file, summary, 4)))
        return Known(path, name, replace(summary, reaches=reaches), _short(file))

    def _reaches(self, file: str, summary: DataSummary, depth: int) -> Iterator[Reach]:
        """The sinks that a function's parameters get to, those of what it calls included."""
        yield from summary.reaches
        for hand in summary.hands if depth else ():
            name = re.sub(r"^(?:self|this)\.", "", hand.to)
            for inner, key in places(self.project, file, name):
                found = _tables(self.project, inner).data.get(key)
                for reach in self._reaches(inner, found, depth - 1) if found else ():
                    kind = reach.rule.partition("/")[2]
                    if reach.parameter == hand.position and kind not in hand.cleared:
                        behind = reach.file or _short(inner)
                        yield replace(reach, parameter=hand.parameter, name=hand.name, file=behind)


def heard(project: Project, path: str) -> str:
    """Stands for all that the findings in a file can depend on of what other files say of
    functions, models and answers: that of the files that it reaches through imports, and every
    model and answer, since some are looked up by their name alone."""
    return project.derived(_said_by_all) + project.derived(_said_to_each)[path]


def _said_to_each(project: Project) -> dict[str, str]:
    """By file, what stands for what it says itself and all that it reaches through imports."""
    imported = {path: project.of_file(path, _imported_files) for path in project.files}
    said: dict[str, str] = {}
    for group in components(imported):
        own = sorted(project.of_file(path, _said) for path in group)
        others = sorted({said[file] for path in group for file in imported[path] if file in said})
        said |= dict.fromkeys(group, _digest(" ".join([*own, "and", *others])))
    return said


def _imported_files(project: Project, facts: FileFacts) -> tuple[str, ...]:
    found = (
        project.file_of(facts.path, module, facts.language)
        for one in facts.imports
        for module in (one.module, f"{one.module}.{one.member}")
    )
    return tuple(dict.fromkeys(file for file in found if file is not None))


def _said(project: Project, facts: FileFacts) -> str:
    # With the path: the same said by another file is something else.
    return _digest(repr((facts.path, facts.imports, facts.exports, facts.costs, facts.data)))


def _said_by_all(project: Project) -> str:
    found = {
        path: (facts.costs.models, facts.costs.shapes)
        for path, facts in sorted(project.files.items())
        if facts.costs is not None
    }
    return _digest(repr(found))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def places(project: Project, path: str, name: str) -> Iterator[tuple[str, str]]:
    """The files and names that a name may stand for: through imports, then classes of objects
    and their base classes."""
    for _ in range(DEPTH):
        place = project.definition(path, name)
        if place is None:
            return
        yield place
        path, key = place
        owner, _, method = key.rpartition(".")
        of = _tables(project, path).classes.get(owner) if owner else None
        if of is None or of == owner:
            return
        name = f"{of}.{method}"


def _short(file: str) -> str:
    """A file's path for a person: its folder and its name."""
    return "/".join(file.replace("\\", "/").split("/")[-2:])


@dataclass(frozen=True, slots=True)
class _Tables:
    functions: Mapping[str, FunctionSummary]
    shapes: Mapping[str, Shape]
    classes: Mapping[str, str]
    data: Mapping[str, DataSummary]


def _tables(project: Project, file: str) -> _Tables:
    return project.of_file(file, _tables_of)


def _tables_of(project: Project, facts: FileFacts) -> _Tables:
    costs = facts.costs or FileSummary()
    return _Tables(
        {one.name: one for one in costs.functions},
        {one.name: one for one in costs.shapes},
        dict(costs.classes),
        {one.name: one for one in facts.data},
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
