"""Which files of a workspace an import means: as Python and Node look, as far as that can be told.

What cannot be told is believed: a module that is generated or compiled, an alias of a bundler's,
a package that only an installed environment knows.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from ..discovery import repository_root
from ..distributions import is_node_builtin, package_of
from ..engines.base import ReadError
from ..files import SKIPPED_FOLDERS, is_ignored, language_of
from ..manifests import Manifests, ecosystem_of, load_manifests, read_manifest
from ..reader import WorkspaceReader
from ..signatures import python_tree
from ..syntax import LANGUAGES
from .modules import OPEN, Imported, Module
from .modules_javascript import javascript_module
from .modules_python import below, is_in_standard_library, python_module

Where: TypeAlias = Literal["here", "missing", "outside", "unknown"]
"""In these files; nowhere, though the workspace should have it; in a package or the language's own
library; not to be told."""

DEPTH = 5
"""How far a name is followed through files that pass it on."""


@dataclass(frozen=True, slots=True)
class Located:
    """Where an imported module is."""

    where: Where
    files: tuple[str, ...] = ()
    """More than one where it depends on how the program is started."""
    places: tuple[str, ...] = ()
    """The paths, without an ending, where it would be; of Python, those below which its submodules
    are."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """An import that fails: no such module, or no such name in a file or folder."""

    target: str = ""
    """The file or folder without the name; "" when there is no module."""


@dataclass(frozen=True)
class Sides:
    """A workspace before and after a change."""

    before: Tree
    after: Tree
    code: tuple[str, ...]
    """The files of the change whose imports can be read."""

    def is_new(self, path: str) -> bool:
        return path not in self.before.texts


class Untouched:
    """The files that a change does not touch, read as they are asked for; for one check."""

    def __init__(self, reader: WorkspaceReader | None) -> None:
        self.reader = reader
        self.texts: dict[str, str | None] = {}
        self.modules: dict[str, Module] = {}
        self.trees: dict[str, ast.Module | None] = {}
        self.on_disk: dict[str, bool] = {}
        """Path without an ending -> whether there is a module of Python."""

    def text(self, path: str) -> str | None:
        """None when it may not or cannot be read."""
        if path not in self.texts:
            try:
                self.texts[path] = self.reader.text_of(path) if self.reader else None
            except ReadError:
                self.texts[path] = None
        return self.texts[path]


class Tree:
    """A workspace's source files at one moment, read as they are asked for; for one check.

    `texts` are the files that a change makes or alters, `paths` all that there are.
    """

    def __init__(
        self, untouched: Untouched, texts: Mapping[str, str], paths: frozenset[str]
    ) -> None:
        self.untouched = untouched
        self.reader = untouched.reader
        self.texts = texts
        self.paths = paths
        self._modules: dict[str, Module] = {}
        self._trees: dict[str, ast.Module | None] = {}
        self._located: dict[tuple[str, str], Located] = {}
        self._aliases: dict[str, list[str]] = {}

    @cached_property
    def manifests(self) -> Manifests:
        """Those of the workspace, with what the change makes of them."""
        found = load_manifests(self.reader, self.paths) if self.reader else Manifests()
        for path, text in self.texts.items():
            if ecosystem_of(path):
                found = found.with_manifest(read_manifest(path, text))
        return found

    def text(self, path: str) -> str | None:
        """None when it may not or cannot be read."""
        return self.texts[path] if path in self.texts else self.untouched.text(path)

    def module(self, path: str) -> Module:
        known = self._modules if path in self.texts else self.untouched.modules
        if path not in known:
            known[path] = self._read(path)
        return known[path]

    def python_tree(self, path: str) -> ast.Module | None:
        known = self._trees if path in self.texts else self.untouched.trees
        if path not in known:
            known[path] = python_tree(self.text(path) or "")
        return known[path]

    def _read(self, path: str) -> Module:
        text = self.text(path)
        language = language_of(Path(path))
        if text is None or language is None or language not in LANGUAGES:
            return OPEN
        if language == "python":
            return python_module(self.python_tree(path))
        declares_only = bool(re.search(r"\.d\.[cm]?ts$", path))
        try:
            return javascript_module(text, LANGUAGES[language], declares_only=declares_only)
        except UnicodeEncodeError:  # Half of a character, which a buffer can hold and no file.
            return OPEN

    # --- Imports

    def locate(self, importer: str, module: str) -> Located:
        """Where a module is that a file imports, by its name as written there."""
        key = importer, module
        if len(module) > _LONGEST or not module.isprintable():
            return Located("unknown")
        if key not in self._located:
            is_python = importer.endswith(".py")
            found = self._python(importer, module) if is_python else self._script(importer, module)
            self._located[key] = found
        return self._located[key]

    def wrong(self, importer: str, imported: Imported) -> Wrong | None:
        """What is certainly wrong with an import in a file; None: nothing that can be told."""
        if imported.is_optional:
            return None
        located = self.locate(importer, imported.module)
        if located.where == "missing" and not imported.is_use:
            return None if self._is_excused(importer, imported.module, located) else Wrong()
        if located.where != "here" or not imported.name:
            return None
        if imported.is_use and self._is_value(importer, imported.module):
            return None
        for file in located.files:
            module = self.module(file)
            if module.is_open or imported.name in module.names:
                return None
        if self.has_submodule(located, imported.name):
            return None
        if self._is_declared(importer, imported.module):
            return None
        if not located.files and not imported.is_use:
            return Wrong()
        return Wrong(located.files[0] if located.files else f"{located.places[0]}/")

    def origin(self, importer: str, name: str, depth: int = DEPTH) -> tuple[str, str] | None:
        """The file of Python, and the name in it, that a dotted name in another one stands for."""
        bindings = self.module(importer).bindings
        owner, _, last = name.rpartition(".")
        if name in bindings and bindings[name].name:
            module, member = bindings[name].module, bindings[name].name
        elif owner in bindings:
            module, member = below(bindings[owner].module, bindings[owner].name), last
        else:
            return None
        files = self.locate(importer, module).files
        if len(files) != 1 or not depth:
            return None
        [file] = files
        return self.origin(file, member, depth - 1) or (file, member)

    def has_submodule(self, located: Located, name: str) -> bool:
        """Whether a package of Python has a module of that name, or git would ignore it."""
        inner = [f"{place}/{name}".lstrip("/") for place in located.places]
        return any(
            self._is_python(place) or self._is_on_disk(place) or self._is_ignored(f"{place}.py")
            for place in inner
        )

    def submodule(self, located: Located, name: str) -> str | None:
        """The file of a package's module of that name, where there is one that is certain."""
        files, _, _ = self._python_places
        found = [file for place in located.places for file in files.get(f"{place}/{name}", ())]
        return found[0] if len(found) == 1 else None

    def may_import(self, importer: str, text: str, targets: Set[str]) -> bool:
        """Whether a file imports one of the others, as far as its lines tell: much faster than to
        read all that it imports."""
        if not importer.endswith(".py"):
            names = (found[1] for found in _SCRIPT_IMPORT.finditer(text))
            return any(not targets.isdisjoint(self.locate(importer, name).files) for name in names)
        places = {path.removesuffix(".py").removesuffix("/__init__") for path in targets}
        for found in _PYTHON_IMPORT.finditer(text):
            package, taken, modules = found.groups()
            for module in [package] if package else _NAME.findall(_AS.sub("", modules)):
                located = self.locate(importer, module)
                if not targets.isdisjoint(located.files) or any(
                    f"{place}/{name}" in places
                    for place in located.places
                    for name in _NAME.findall(taken or "")
                ):
                    return True
        return False

    def _is_excused(self, importer: str, module: str, missing: Located) -> bool:
        """Whether a module that is no source file may be there all the same: of another kind, made
        by a program, or left out of the repository."""
        if self.reader is None or any(map(_GENERATED.search, missing.places)):
            return True
        if importer.endswith(".py"):
            return self._is_declared(importer, module) or any(
                self._is_on_disk(place) or self._is_ignored(f"{place}.py")
                for place in missing.places
            )
        return any(
            posixpath.splitext(place)[1] in _OTHER_ENDINGS
            or "?" in place
            or any(
                os.path.exists(os.path.join(self.reader.root, place + ending))
                for ending in ("", *_OTHER_ENDINGS, ".d.ts")
            )
            or any(self._is_ignored(place + ending) for ending in (".ts", ".js", "/index.js"))
            for place in missing.places
        )

    def _is_declared(self, importer: str, module: str) -> bool:
        """Whether an absolute import of Python may as well be of a package: a folder `alembic`
        beside the dependency of that name."""
        if not importer.endswith(".py") or module.startswith("."):
            return False
        first = module.partition(".")[0]
        manifests = self.manifests
        return manifests.declares_module(importer, module) and not manifests.is_own(first)

    def _is_value(self, importer: str, module: str) -> bool:
        """Whether what stands for a module of Python may be a value of that name in its package."""
        if not importer.endswith(".py"):
            return False
        package, _, last = module.rpartition(".")
        if not package.strip("."):
            package = module[: len(module) - len(module.lstrip("."))]
        files = self.locate(importer, package).files if package else ()
        return any(last in self.module(file).names for file in files if file != importer)

    # --- Python

    @cached_property
    def _python_places(self) -> tuple[dict[str, list[str]], set[str], dict[str, set[str]]]:
        """Path without ending -> files; folders with modules below; first word of a module's name
        -> the folders that hold it."""
        files: dict[str, list[str]] = {}
        folders: set[str] = set()
        roots: dict[str, set[str]] = {}
        for path in self.paths:
            if not path.endswith(".py"):
                continue
            place = re.sub(r"(?:^|/)__init__$", "", path.removesuffix(".py"))
            files.setdefault(place, []).append(path)
            folder, _, name = place.rpartition("/")
            roots.setdefault(name, set()).add(folder)
            folder = posixpath.dirname(path)
            while folder and folder not in folders:
                folders.add(folder)
                folder, _, name = folder.rpartition("/")
                roots.setdefault(name, set()).add(folder)
        return files, folders, roots

    def _is_python(self, place: str) -> bool:
        files, folders, _ = self._python_places
        return place in files or place in folders

    def _python(self, importer: str, module: str) -> Located:
        dots = len(module) - len(module.lstrip("."))
        tail = module.lstrip(".").replace(".", "/")
        if dots:
            parts = importer.split("/")[:-1]
            if dots - 1 > len(parts):
                return Located("unknown")
            folder = "/".join(parts[: len(parts) - dots + 1])
            places = [posixpath.join(folder, tail) if tail else folder]
        else:
            first = tail.partition("/")[0]
            if is_in_standard_library(first):
                return Located("outside")
            roots = self._roots(importer, first)
            if not roots:
                above = [*_above(importer), "src", *self._above_workspace]
                is_hidden = any(self._is_on_disk(posixpath.join(root, first)) for root in above)
                return Located("unknown" if is_hidden else "outside")
            places = [posixpath.join(root, tail) for root in roots]
        files, folders, _ = self._python_places
        # A folder need hold no `__init__.py`, nor need the workspace's own, "".
        there = [place for place in places if place in files or place in folders or not place]
        if there:
            found = [file for place in there for file in sorted(files.get(place, ()))]
            return Located("here", tuple(found), tuple(there))
        if not dots and all(f"{root}/__init__.py" in self.paths for root in roots):
            return Located("outside")  # What lies in a package is no root, but for a script there.
        return Located("missing", places=tuple(places))

    @cached_property
    def _above_workspace(self) -> list[str]:
        """The folders of the repository that the workspace lies in, such as `..`, which may hold
        modules too; the one above it, where it is a package itself."""
        if self.reader is None:
            return []
        root = self.reader.root
        top = repository_root(root) or root.parent
        return [os.path.relpath(one, root) for one in root.parents if one.is_relative_to(top)]

    def _roots(self, importer: str, first: str) -> list[str]:
        """The folders that a module's first word may be looked up in, nearest first: those above
        the file, and whatever is no package itself."""
        _, _, roots = self._python_places
        found = [
            root
            for root in roots.get(first, ())
            if not root
            or importer.startswith(f"{root}/")
            or f"{root}/__init__.py" not in self.paths
        ]
        return sorted(
            found, key=lambda root: (-len(posixpath.commonpath([f"/{importer}", f"/{root}"])), root)
        )

    def _is_on_disk(self, place: str) -> bool:
        """Whether there is a module that is no source file that we walk: compiled, or ignored."""
        if place not in self.untouched.on_disk:
            root = self.reader.root if self.reader else None
            self.untouched.on_disk[place] = root is not None and _is_module(
                os.path.join(root, place)
            )
        return self.untouched.on_disk[place]

    def _is_ignored(self, path: str) -> bool:
        """Whether git would ignore a file, which a fresh copy then has not got."""
        return self.reader is not None and is_ignored(Path(self.reader.root, path))

    # --- JavaScript and TypeScript

    @cached_property
    def _script_places(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Path without ending -> files; its last word -> such paths."""
        files: dict[str, list[str]] = {}
        ends: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            if path.endswith(".py") or not _SCRIPT.search(path):
                continue
            place = _SCRIPT.sub("", path)
            for one in {place, place.removesuffix("/index")}:
                if one not in files:
                    ends.setdefault(one.rpartition("/")[2], []).append(one)
                files.setdefault(one, []).append(path)
        return files, ends

    def _script(self, importer: str, module: str) -> Located:
        files, ends = self._script_places
        folder = posixpath.dirname(importer)
        if module.startswith("."):
            place = posixpath.normpath(posixpath.join(folder, module))
            if place.startswith(".."):
                return Located("unknown")
            place = "" if place == "." else place
            for one in (place or "index", _SCRIPT.sub("", place)):
                if one in files:
                    return Located("here", tuple(_exact(files[one], place)))
            return Located("missing", places=(place,))
        if module.startswith(("@/", "~/", "src/")):
            tail = _SCRIPT.sub("", re.sub(r"^[@~]/", "", module).rstrip("/"))
            found = [
                place
                for place in ends.get(tail.rpartition("/")[2], ())
                if f"/{place}".endswith(f"/{tail}")
            ]
            if found:
                # Of several programs in one workspace each has its own.
                near = max(len(posixpath.commonpath([f"/{importer}", f"/{one}"])) for one in found)
                nearest = [
                    one
                    for one in found
                    if len(posixpath.commonpath([f"/{importer}", f"/{one}"])) == near
                ]
                return Located("here", tuple(file for one in nearest for file in files[one]))
            if self._is_alias(importer, module, ("@/*", "~/*")):
                return Located("unknown")
            return Located("missing", places=(tail,))
        if is_node_builtin(module):
            return Located("outside")
        package = package_of(module)
        if not package or self._is_alias(importer, module, ()):
            return Located("unknown")
        first = module.partition("/")[0]
        for above in _above(importer):
            # TypeScript's `baseUrl`.
            for base in (above, posixpath.join(above, "src")):
                place = posixpath.join(base, first)
                if place in files or self._is_folder(place):
                    return Located("unknown")
        return Located("outside")

    def _is_folder(self, place: str) -> bool:
        return self.reader is not None and os.path.isdir(os.path.join(self.reader.root, place))

    def _is_alias(self, importer: str, module: str, known: tuple[str, ...]) -> bool:
        """Whether a `tsconfig.json` above the file says where such a module is."""
        return any(
            key not in known and re.fullmatch(re.escape(key).replace(r"\*", ".*"), module)
            for folder in _above(importer)
            for key in self._aliases_in(folder)
        )

    def _aliases_in(self, folder: str) -> list[str]:
        """The keys of `paths`, such as `@app/*`."""
        if folder not in self._aliases:
            found: list[str] = []
            for name in _CONFIGURATIONS:
                path = posixpath.join(folder, name)
                if self.reader and os.path.isfile(os.path.join(self.reader.root, path)):
                    # With comments and commas that JSON has not, so not read as such.
                    _, _, paths = (self.text(path) or "").partition('"paths"')
                    found += re.findall(r'"([^"\n]+)"\s*:\s*\[', paths)
            self._aliases[folder] = found
        return self._aliases[folder]


_PYTHON_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import\b[ \t]*(\([^)]*|[^\n]*)|import[ \t]+([^\n#;]+))",
    re.MULTILINE,
)
_LONGEST = 200
"""Characters of a module's name; a longer one is no file's."""
_NAME = re.compile(r"[\w.]+")
_AS = re.compile(r"\bas\s+\w+")
_SCRIPT_IMPORT = re.compile(r"""\b(?:from|import|require)\s*\(?\s*['"`]([^'"`\n]+)['"`]""")
_SCRIPT = re.compile(r"(?:\.d)?\.[cm]?[jt]sx?$")
_OTHER_ENDINGS = tuple(
    f".{ending}"
    for line in (
        "json json5 vue svelte astro md mdx node wasm css scss sass less graphql gql sql html txt",
        "proto yaml yml toml xml csv svg png jpg jpeg gif webp ico pdf woff woff2 mp3 mp4",
    )
    for ending in line.split()
)
"""Of files that a bundler or Node imports and that are no source files."""
_CONFIGURATIONS = ("tsconfig.json", "tsconfig.base.json", "tsconfig.app.json", "jsconfig.json")
_GENERATED = re.compile(
    r"_pb2(?:_grpc)?$|(?:^|/)_?version$|(?:^|[/._-])generated(?:$|[/._-])|(?:^|/)"
    rf"(?:__generated__|\.[\w-]+|{'|'.join(sorted(SKIPPED_FOLDERS))})/"
)
"""Modules that a program makes, so that they may be missing in a fresh copy."""


def stem_of(path: str) -> str:
    """The last word of a module's name; "" where other files may call it by dots alone."""
    stem = re.sub(r"(?:\.d)?\.\w+$", "", posixpath.basename(path))
    return "" if stem in ("__init__", "index") else stem


def _is_module(path: str) -> bool:
    """Whether a folder, or a file with an ending of Python's, is at an absolute path."""
    if os.path.isdir(path) or os.path.isfile(f"{path}.py") or os.path.isfile(f"{path}.pyi"):
        return True
    folder, name = os.path.split(path)
    try:
        entries = os.listdir(folder)
    except OSError:
        return False
    return any(
        entry.startswith(f"{name}.") and entry.endswith((".so", ".pyd", ".pyx"))
        for entry in entries
    )


def _exact(files: list[str], place: str) -> list[str]:
    """Of the files of one name, the one that is named with its ending."""
    return [file for file in files if file == place] or files


def _above(path: str) -> list[str]:
    """The folders that a file lies in, nearest first; the last is the workspace's, ""."""
    folders = []
    while path:
        path = posixpath.dirname(path)
        folders.append(path)
    return folders
