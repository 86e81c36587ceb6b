"""What a folder's manifests say of the packages that a project depends on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..core.text import LINE_END
from ..reader import WorkspaceReader
from .words import joined, json_in, plain_value, table_in, text_in, toml_in


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file says of the packages that a project depends on."""

    path: str
    language: str
    """Python or Node."""
    packages: Mapping[str, str]
    """Name, as it is compared, -> version, as written, or ""."""
    runtime: str = ""
    """The versions of the language that it takes."""


_REQUIREMENTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements/base.txt",
    "requirements/dev.txt",
    "dev-requirements.txt",
)


def manifests_in(folder: str, reader: WorkspaceReader) -> Iterator[Manifest]:
    """What a folder's manifests say; one that is broken says nothing."""
    path = joined(folder, "pyproject.toml")
    if data := toml_in(text_in(reader, path)):
        project, poetry = table_in(data, "project"), table_in(data, "tool", "poetry")
        groups = [
            *table_in(project, "optional-dependencies").values(),
            *table_in(data, "dependency-groups").values(),
        ]
        packages = _requirements([project.get("dependencies"), *groups])
        tables = [table_in(poetry, "dependencies"), table_in(poetry, "dev-dependencies")]
        tables += [
            table_in(poetry, "group", name, "dependencies") for name in table_in(poetry, "group")
        ]
        for table in tables:
            packages |= {_normal(name): _version(value) for name, value in table.items()}
        runtime = plain_value(project.get("requires-python")) or packages.pop("python", "")
        yield Manifest(path, "Python", packages, runtime)
    for name in _REQUIREMENTS:
        path = joined(folder, name)
        if text := text_in(reader, path):
            yield Manifest(path, "Python", _requirements([LINE_END.split(text)]))
    path = joined(folder, "Pipfile")
    if data := toml_in(text_in(reader, path)):
        listed = table_in(data, "packages") | table_in(data, "dev-packages")
        packages = {_normal(name): _version(value) for name, value in listed.items()}
        runtime = plain_value(table_in(data, "requires").get("python_version"))
        yield Manifest(path, "Python", packages, runtime)
    path = joined(folder, "package.json")
    if data := json_in(text_in(reader, path)):
        listed = table_in(data, "devDependencies") | table_in(data, "dependencies")
        packages = {name: _version(value) for name, value in listed.items()}
        runtime = plain_value(table_in(data, "engines").get("node"))
        yield Manifest(path, "Node", packages, runtime)


_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*\(?([^;#)]*)")


def _requirements(lists: Iterable[object]) -> dict[str, str]:
    """Lines such as `fastapi[all]>=0.110,<1 ; python_version > "3.8"`."""
    found = {}
    for lines in lists:
        for line in lines if isinstance(lines, list) else ():
            if isinstance(line, str) and (match := _REQUIREMENT.match(line)):
                found[_normal(match[1])] = plain_value(match[2])
    return found


def _version(value: object) -> str:
    return plain_value(value.get("version") if isinstance(value, dict) else value)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
