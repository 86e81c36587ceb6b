"""Packages that a change imports and the project does not depend on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..core.changes import Dependency
from ..distributions import (
    SHARED,
    brought_by,
    distribution_names,
    is_node_builtin,
    normalised,
    package_of,
    shown_module,
)
from ..project.index import Project
from .importing import Sides, Tree
from .modules_python import below, is_in_standard_library


@dataclass(frozen=True, slots=True)
class NewPackage:
    """A package that a file imports after the change and did not before."""

    path: str
    module: str
    """As it is imported: `google.cloud.storage`, or npm's name of the package."""
    shown: str

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def word(self) -> str:
        """What every file that imports it holds."""
        return self.shown.rpartition(".")[2] if self.is_python else self.shown


def new_packages(sides: Sides) -> list[NewPackage]:
    """Of neither the workspace nor the language's own library; each package once."""
    found: dict[tuple[bool, str], NewPackage] = {}
    for path in sides.code:
        before = (
            set() if sides.is_new(path) else {one.shown for one in _packages(sides.before, path)}
        )
        for package in _packages(sides.after, path):
            if package.shown not in before:
                found.setdefault((package.is_python, package.shown), package)
    return list(found.values())


def undeclared(
    packages: Iterable[NewPackage], after: Tree, dependencies: Sequence[Dependency]
) -> list[NewPackage]:
    """Those that no manifest declares and the change does not name among its dependencies."""
    return [
        one
        for one in packages
        if not _is_named(one, dependencies)
        and not (
            after.manifests.declares_module(one.path, one.module)
            or after.manifests.is_own(one.module.partition(".")[0])
            if one.is_python
            else after.manifests.declares_package(one.path, one.module)
        )
    ]


def unused_elsewhere(
    packages: Iterable[NewPackage],
    sides: Sides,
    project: Project,
    others: Sequence[tuple[str, str]] = (),
) -> list[NewPackage]:
    """Those that no other file imports: of the change before it, of the project, of `others`."""
    before = {one.shown for path in sides.before.texts for one in _packages(sides.before, path)}
    imported = {
        (facts.language == "python", one.module)
        for facts in project.files.values()
        for one in facts.imports
    }
    known = {
        (is_python, shown_module(module) if is_python else package_of(module))
        for is_python, module in imported
    }
    return [
        one
        for one in packages
        if one.shown not in before
        and (one.is_python, one.shown) not in known
        and not any(
            one.is_python == path.endswith(".py") and _statement(one).search(text)
            for path, text in others
        )
    ]


def said(packages: Iterable[NewPackage], after: Tree) -> Iterator[tuple[str, bool]]:
    """A sentence of each, and whether it is a problem: it is none where it is not known what the
    project depends on."""
    for one in packages:
        speaking = after.manifests.of(one.path, "python" if one.is_python else "node")
        broken = next((manifest for manifest in speaking if manifest.problem), None)
        if broken is not None:
            yield (
                f"{broken.path}: {broken.problem} Whether the project depends on `{one.shown}` "
                "was not checked.",
                False,
            )
        elif not speaking:
            yield (
                f"{one.path}: Whether the project depends on `{one.shown}` was not checked, since "
                "no file says what it depends on.",
                False,
            )
        else:
            yield (
                f"{one.path}: It imports `{one.shown}`, which the project does not depend on: use "
                "what is there, or name it in `dependencies`.",
                True,
            )


def _packages(tree: Tree, path: str) -> Iterator[NewPackage]:
    is_python = path.endswith(".py")
    for one in tree.module(path).imports:
        if one.is_use or one.is_optional or tree.locate(path, one.module).where != "outside":
            continue
        if is_python:
            first = one.module.partition(".")[0]
            module = below(one.module, one.name) if first in SHARED else one.module
            if not is_in_standard_library(first):
                yield NewPackage(path, module, shown_module(module))
        elif not is_node_builtin(one.module) and (package := package_of(one.module)):
            yield NewPackage(path, package, package)


def _is_named(package: NewPackage, dependencies: Sequence[Dependency]) -> bool:
    """Whether a dependency of the change is the package, however it is spelled."""
    names = [re.split(r"(?<=.)[\[<>=!~;@\s]", one.name.strip())[0] for one in dependencies]
    if not package.is_python:
        types = f"@types/{package.module.removeprefix('@').replace('/', '__')}"
        return package.module in names or types in names or brought_by(package.module, names)
    plain = {normalised(name) for name in names}
    wanted = (*distribution_names(package.module), normalised(package.module))
    return not plain.isdisjoint(wanted) or any(brought_by(name, plain) for name in wanted)


def _statement(package: NewPackage) -> re.Pattern[str]:
    """Matches where a text imports it."""
    name = re.escape(package.shown)
    if not package.is_python:
        return re.compile(rf"""['"`]{name}(?:/[^'"`\n]*)?['"`]""")
    either = rf"(?:from|import)[ \t]+(?:[\w., \t]*,[ \t]*)?{name}\b"
    owner, _, last = package.shown.rpartition(".")
    if owner:
        either += rf"|from[ \t]+{re.escape(owner)}[ \t]+import[^\n]*\b{re.escape(last)}\b"
    return re.compile(rf"^[ \t]*(?:{either})", re.MULTILINE)
