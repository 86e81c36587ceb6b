"""What a project says that it depends on: pyproject.toml, requirements, package.json and so on.

Read as data alone: nothing is run, and what cannot be read is believed in nothing.
"""

from __future__ import annotations

import ast
import configparser
import json
import os
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from .core.text import Lines
from .distributions import brought_by, distribution_names, normalised
from .engines.base import ReadError
from .reader import WorkspaceReader

Ecosystem: TypeAlias = Literal["python", "node"]
PackageManager: TypeAlias = Literal["uv", "poetry", "pdm", "pipenv", "npm", "pnpm", "yarn", "bun"]


@dataclass(frozen=True, slots=True)
class Declared:
    """A distribution that a manifest names."""

    name: str
    """Of PyPI normalised as PEP 503 says, of npm as it is."""
    constraint: str
    """As written: `>=2,<3`, `^4.18.0`; "" when there is none."""
    path: str
    """Of the manifest, relative to the workspace."""
    line: int
    """From 1."""
    extras: tuple[str, ...] = ()
    """Of PyPI: what stands in the brackets, normalised."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One file that declares what a project depends on."""

    path: str
    ecosystem: Ecosystem
    declared: tuple[Declared, ...] = ()
    name: str = ""
    """What the project itself is called in it, as a distribution; "" when it does not say."""
    runtime: str = ""
    """The versions of its language that it takes, as written; "" when it does not say."""
    problem: str = ""
    """Why it cannot be told what it declares, a sentence; "": it can."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """All manifests of a workspace."""

    manifests: tuple[Manifest, ...] = ()
    """In the order of their paths."""
    locks: tuple[tuple[str, PackageManager], ...] = ()
    """(Folder, the package manager whose lock file lies in it), in the order of the folders."""

    def with_manifest(self, manifest: Manifest) -> Manifests:
        """With this one in place of the one at its path, or beside the others."""
        others = [one for one in self.manifests if one.path != manifest.path]
        together = sorted([*others, manifest], key=lambda one: one.path)
        return replace(self, manifests=tuple(together))

    def of(self, path: str, ecosystem: Ecosystem) -> tuple[Manifest, ...]:
        """The manifests that speak for a file, nearest first.

        Of packages of Node, those of the folders above it, as it looks them up; a project of
        Python may keep requirements anywhere.
        """
        found = [one for one in self.manifests if one.ecosystem == ecosystem]
        if ecosystem == "node":
            found = [one for one in found if _is_in(path, posixpath.dirname(one.path))]
        return tuple(sorted(found, key=lambda one: -_shared(path, one.path)))

    def declares_module(self, path: str, module: str) -> bool:
        """Whether a module that the Python file at `path` imports is of something declared."""
        names: set[str] = set()
        for manifest in self.of(path, "python"):
            for one in manifest.declared:
                names |= {one.name, *one.extras, *(f"{one.name}[{extra}]" for extra in one.extras)}
        wanted = distribution_names(module)
        return not names.isdisjoint(wanted) or any(brought_by(one, names) for one in wanted)

    def declares_package(self, path: str, package: str) -> bool:
        """The same for a package of npm, or for its types alone, as in `@types/express`."""
        names = {one.name for manifest in self.of(path, "node") for one in manifest.declared}
        types = f"@types/{package.removeprefix('@').replace('/', '__')}"
        own = any(one.name == package for one in self.manifests if one.ecosystem == "node")
        return own or package in names or types in names or brought_by(package, names)

    def is_own(self, module: str) -> bool:
        """Whether a module's name is that of the project itself, or of another one beside it."""
        names = {one.name for one in self.manifests if one.ecosystem == "python" and one.name}
        return normalised(module) in names

    def manager_of(self, path: str, ecosystem: Ecosystem) -> PackageManager | None:
        """The package manager that a file's dependencies are installed with, by its lock file."""
        found = [
            (folder, manager)
            for folder, manager in self.locks
            if (manager in _PYTHON_MANAGERS) == (ecosystem == "python") and _is_in(path, folder)
        ]
        return max(found, key=lambda one: len(one[0]))[1] if found else None


def load_manifests(reader: WorkspaceReader, files: Iterable[str] | None = None) -> Manifests:
    """The manifests beside the workspace's source files and in the folders above them.

    `files` are the paths of these, where they are known already. Blocks on the disk; never raises
    for what a file holds.
    """
    manifests: list[Manifest] = []
    locks: list[tuple[str, PackageManager]] = []
    for folder in sorted(_folders(reader.paths() if files is None else files)):
        manifests += manifests_in(reader, folder)
        locks += ((folder, LOCKS[name]) for name in _names(reader, folder) if name in LOCKS)
    return Manifests(tuple(sorted(manifests, key=lambda one: one.path)), tuple(locks))


def manifests_in(reader: WorkspaceReader, folder: str) -> Iterator[Manifest]:
    """The manifests of one folder, "" being the workspace's own, in the order of their names."""
    for name in _names(reader, folder):
        path = posixpath.join(folder, name)
        if ecosystem := ecosystem_of(path):
            try:
                yield read_manifest(path, reader.text_of(path))
            except ReadError as error:
                yield Manifest(path, ecosystem, problem=str(error))


def ecosystem_of(path: str) -> Ecosystem | None:
    """Whose packages a file declares, by its name; None: it is no manifest."""
    kind = _kind_of(path)
    return kind and ("node" if kind == "package.json" else "python")


def read_manifest(path: str, text: str) -> Manifest:
    """What a manifest, which `ecosystem_of` must know, declares; its problem when it is broken."""
    kind = _kind_of(path)
    assert kind is not None
    ecosystem: Ecosystem = "node" if kind == "package.json" else "python"
    try:
        read = _READERS[kind](text)
    except _UnknownError as error:
        return Manifest(path, ecosystem, problem=str(error))
    except (ValueError, TypeError, AttributeError, SyntaxError, RecursionError, configparser.Error):
        return Manifest(path, ecosystem, problem=_INVALID)
    lines = Lines(text)
    declared = tuple(
        Declared(one.name, one.constraint, path, _line(text, lines, one), one.extras)
        for one in read.entries
    )
    return Manifest(path, ecosystem, declared, read.name, read.runtime)


# --- Each kind of manifest


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    constraint: str
    written: str
    """What stands in the file, by which its line is found."""
    extras: tuple[str, ...] = ()
    below: str = ""
    """What stands above that line, where it may stand elsewhere too."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a manifest says, whatever its format."""

    entries: list[_Entry]
    name: str = ""
    runtime: str = ""


class _UnknownError(Exception):
    """A manifest that cannot tell what it declares; `str()` says why, in a sentence."""


_INVALID = "It is not valid, so that it cannot be told what it declares."


def _pyproject(text: str) -> _Read:
    data = tomllib.loads(text)
    project, tool = data.get("project", {}), data.get("tool", {})
    poetry = tool.get("poetry", {})
    required = [
        *project.get("dependencies", ()),
        *_all_of(project.get("optional-dependencies", {})),
        *_all_of(data.get("dependency-groups", {})),
        *tool.get("uv", {}).get("dev-dependencies", ()),
        *_all_of(tool.get("pdm", {}).get("dev-dependencies", {})),
        *(one for env in tool.get("hatch", {}).get("envs", {}).values() for one in _hatch(env)),
        *data.get("build-system", {}).get("requires", ()),
    ]
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    tables += (group.get("dependencies", {}) for group in poetry.get("group", {}).values())
    entries = [entry for line in required if isinstance(line, str) for entry in _requirement(line)]
    entries += (entry for table in tables for entry in _table(table) if entry.name != "python")
    name = normalised(project.get("name") or poetry.get("name") or "")
    runtime = project.get("requires-python") or poetry.get("dependencies", {}).get("python")
    return _Read(entries, name, _text(runtime))


def _hatch(environment: Mapping[str, Any]) -> list[Any]:
    extra = environment.get("extra-dependencies", ())
    return [*environment.get("dependencies", ()), *extra]


def _pipfile(text: str) -> _Read:
    data = tomllib.loads(text)
    # Each category of packages is a table of its own.
    others = ("source", "requires", "scripts", "pipenv")
    tables = [table for name, table in data.items() if name not in others]
    entries = [entry for table in tables for entry in _table(table)]
    return _Read(entries, runtime=_text(data.get("requires", {}).get("python_version")))


def _requirements(text: str) -> _Read:
    # A line goes on where it ends in a backslash, mostly with hashes.
    lines = re.sub(r"\\\r?\n", "", text).split("\n")
    return _Read([entry for line in lines for entry in _requirement(line)])


def _setup_cfg(text: str) -> _Read:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    required = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        required += (value for _, value in parser.items("options.extras_require"))
    lines = "\n".join(required).split("\n")
    name = parser.get("metadata", "name", fallback="")
    return _Read([entry for line in lines for entry in _requirement(line)], normalised(name))


def _setup_py(text: str) -> _Read:
    """Of a program, what stands in it as plain lists."""
    name, lines = "", list[Any]()
    for call in ast.walk(ast.parse(text)):
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                name = str(keyword.value.value)
            if keyword.arg not in ("install_requires", "extras_require", "tests_require"):
                continue
            try:
                value = ast.literal_eval(keyword.value)
            except ValueError:
                # Most often it reads requirements.txt, which is a manifest by itself.
                if "requirements" in text:
                    continue
                raise _UnknownError("It works out what it declares.") from None
            lines += _all_of(value) if isinstance(value, dict) else value
    return _Read([entry for line in lines for entry in _requirement(str(line))], normalised(name))


def _environment(text: str) -> _Read:
    import yaml  # Not at the top: most projects have no such file.

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError from None
    found: list[_Entry] = []
    for one in (data or {}).get("dependencies") or ():
        if isinstance(one, dict):
            found += (entry for line in one.get("pip") or () for entry in _requirement(line))
        elif name := re.match(r"[\w.-]+", plain := one.rpartition("::")[2]):
            found.append(_Entry(normalised(name[0]), plain[name.end() :].strip(), one))
    return _Read(found)


def _package_json(text: str) -> _Read:
    data = json.loads(text)
    entries = [
        _Entry(name, str(version), name, below=f'"{kind}"')
        for kind in _NODE_TABLES
        for name, version in (data.get(kind) or {}).items()
    ]
    runtime = (data.get("engines") or {}).get("node")
    return _Read(entries, str(data.get("name") or ""), _text(runtime))


_NODE_TABLES = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")


def _table(table: Mapping[str, Any]) -> Iterator[_Entry]:
    """Names and constraints, as Poetry and Pipenv write them."""
    for name, value in table.items():
        inner = value if isinstance(value, dict) else {"version": value}
        version = inner.get("version", "")
        extras = tuple(normalised(extra) for extra in inner.get("extras", ()))
        yield _Entry(normalised(name), version if isinstance(version, str) else "", name, extras)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


_REQUIREMENT = re.compile(
    r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(@[^;#]*|[^;#@]*)"
)
_EGG = re.compile(r"[#&]egg=([\w.-]+)|/([\w.-]+?)(?:\.git)?(?:@[^/]*)?$")


def _requirement(line: str) -> Iterator[_Entry]:
    """What a line such as `uvicorn[standard]>=0.30; python_version > "3.8"` requires."""
    plain = re.sub(r"(?:^|\s)#.*", "", line.strip())
    plain = re.sub(r"^(?:-e|--editable)[ =]", "", plain).strip()
    plain = written = re.split(r"\s+--\w", plain)[0]
    if not plain or plain.startswith(("-", ".")):
        return
    if "://" in plain.partition("@")[0] or plain.startswith("git+"):
        if found := _EGG.search(plain):
            yield _Entry(normalised(found[1] or found[2]), "", written)
        return
    if found := _REQUIREMENT.match(plain):
        extras = tuple(
            normalised(one.strip()) for one in (found[2] or "").split(",") if one.strip()
        )
        # Older metadata, and Poetry's newer, has parentheses around the versions.
        constraint = found[3].strip().removeprefix("(").removesuffix(")")
        yield _Entry(normalised(found[1]), constraint, written, extras)


def _all_of(groups: Mapping[str, Iterable[Any]]) -> list[Any]:
    return [one for group in groups.values() for one in group]


_Kind: TypeAlias = Literal[
    "pyproject.toml",
    "Pipfile",
    "setup.cfg",
    "setup.py",
    "requirements",
    "environment",
    "package.json",
]
_NAMED: Mapping[str, _Kind] = {
    "pyproject.toml": "pyproject.toml",
    "Pipfile": "Pipfile",
    "setup.cfg": "setup.cfg",
    "setup.py": "setup.py",
    "environment.yml": "environment",
    "environment.yaml": "environment",
    "package.json": "package.json",
}
_READERS: Mapping[_Kind, Callable[[str], _Read]] = {
    "pyproject.toml": _pyproject,
    "Pipfile": _pipfile,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "requirements": _requirements,
    "environment": _environment,
    "package.json": _package_json,
}
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?(?:requirements?|reqs)(?:[-_.].*)?\.(?:txt|in)")
LOCKS: Mapping[str, PackageManager] = {
    "uv.lock": "uv",
    "poetry.lock": "poetry",
    "pdm.lock": "pdm",
    "Pipfile.lock": "pipenv",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
"""Lock files, by their names."""
_PYTHON_MANAGERS = ("uv", "poetry", "pdm", "pipenv")


def _kind_of(path: str) -> _Kind | None:
    folder, _, name = path.rpartition("/")
    if kind := _NAMED.get(name):
        return kind
    is_in_folder = posixpath.basename(folder) == "requirements" and name.endswith((".txt", ".in"))
    return "requirements" if is_in_folder or _REQUIREMENTS.fullmatch(name) else None


# --- Where they lie


def _folders(files: Iterable[str]) -> set[str]:
    """The folders of files and all above them; "" is the workspace's own."""
    found = {"", "requirements"}
    for file in files:
        folder = posixpath.dirname(file)
        while folder not in found:
            found |= {folder, f"{folder}/requirements"}
            folder = posixpath.dirname(folder)
    return found


def _names(reader: WorkspaceReader, folder: str) -> list[str]:
    """Of the files in a folder that are manifests or locks, and of those open in an editor."""
    absolute = os.path.join(reader.root, folder) if folder else str(reader.root)
    try:
        names = set(os.listdir(absolute))
    except OSError:
        return []
    names |= {
        os.path.basename(path) for path in reader.buffers if os.path.dirname(path) == absolute
    }
    return sorted(names)


def _line(text: str, lines: Lines, entry: _Entry) -> int:
    """The line where something is declared: where it stands in quotes, else begins a value."""
    escaped = re.escape(entry.written)
    written = re.compile(
        rf"""["']{escaped}["']|^(?:[\w\s]*=|\s*-e?)?\s*{escaped}(?![\w.-])""", re.MULTILINE
    )
    found = written.search(text, text.find(entry.below) + len(entry.below))
    return lines.line_of(found.end()) + 1 if found else 1


def _is_in(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _shared(path: str, other: str) -> int:
    """How many folders two files have in common."""
    return len(
        posixpath.commonpath([posixpath.dirname(f"/{path}"), posixpath.dirname(f"/{other}")])
    )
