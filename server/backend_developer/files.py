"""From the paths a person typed to the texts that can be reviewed.

    find(paths)  -> Found(files, problems, notes)   a folder is walked, .gitignore respected
    read(file)   -> Content(document, …)            exact text, and with it exact bytes
                 -> UnreadableError                      one sentence: what is wrong and what to do

A path that a person names is reviewed whatever the ignore files say; what a walk
comes upon is left out quietly when it is ignored or in no language we know. Symbolic
links are never followed in a walk, so a walk ends and stays inside its folder; and a
link that is named, or that a pattern like `*.py` names, must not lead out of its
repository, so that no repository chooses what else of a person's is read or written.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from .core.model import Document
from .core.text import size_in_bytes
from .discovery import repository_root

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        ".py": "python",
        ".js": "javascript",
        ".mjs": "javascript",
        ".cjs": "javascript",
        ".jsx": "javascriptreact",
        ".ts": "typescript",
        ".mts": "typescript",
        ".cts": "typescript",
        ".tsx": "typescriptreact",
        ".sql": "sql",
        ".yml": "yaml",
        ".yaml": "yaml",
        ".json": "json",
        ".graphql": "graphql",
        ".gql": "graphql",
        ".prisma": "prisma",
        ".dockerfile": "dockerfile",
    }
)
"""File name ending, in lower case -> LSP language id."""

SOURCE_ENDING = re.compile(r"\.(?:py|[cm]?[jt]sx?)$")
"""Of the names of files of Python, JavaScript and TypeScript."""

OTHER_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        ".cs": "csharp",
        ".go": "go",
        ".html": "html",
        ".ini": "ini",
        ".java": "java",
        ".kt": "kotlin",
        ".md": "markdown",
        ".php": "php",
        ".proto": "proto",
        ".rb": "ruby",
        ".rs": "rust",
        ".sh": "shellscript",
        ".toml": "toml",
        ".txt": "plaintext",
    }
)
"""The same of what the local engine does not read, and a model does."""

_DOCKERFILE = re.compile(r"(?:Dockerfile|Containerfile)(?:\..+)?", re.IGNORECASE)

_DATA_LANGUAGES = frozenset({"json", "yaml", "sql"})
"""What programs write as often as people do, and then by the megabyte."""
_MAXIMUM_DATA_BYTES = 1_000_000
_LOCK_FILES = frozenset(
    {"package-lock.json", "npm-shrinkwrap.json", "composer.lock", "pnpm-lock.yaml", "deno.lock"}
)
_DESCRIPTION = re.compile(rb'"(?:openapi|swagger|asyncapi|apiVersion)"\s*:')
"""What is in the JSON files that somebody reviews; most others are data or configuration."""

SKIPPED_FOLDERS = frozenset({"node_modules", "bower_components", "site-packages", "build", "dist"})
"""Not walked into, nor is any folder whose name starts with a dot, but for `.github`, or ends in
`.egg-info`, `__pycache__`, or a Python virtual environment of any name."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    path: str
    """As to be shown: relative to the current folder when below it."""
    absolute: Path
    language: str
    """LSP language id."""


@dataclass(frozen=True, slots=True)
class PathProblem:
    path: str
    reason: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class Found:
    files: tuple[SourceFile, ...]
    """Each file once, in the order of the paths asked for, a folder's in the order of names."""
    problems: tuple[PathProblem, ...] = ()
    """Paths asked for that cannot be reviewed."""
    notes: tuple[PathProblem, ...] = ()
    """What a walk left out and a person would not expect it to."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file's text, and what is needed to write it back byte for byte."""

    document: Document
    """Its text has no byte order mark; line ends are as in the file."""
    has_byte_order_mark: bool

    @property
    def data(self) -> bytes:
        """The file's bytes. Not kept: of a tree, all texts are in memory at once."""
        return self.encode(self.document.text)

    @property
    def size(self) -> int:
        """In bytes."""
        mark = len(codecs.BOM_UTF8) if self.has_byte_order_mark else 0
        return mark + size_in_bytes(self.document.text)

    def encode(self, text: str) -> bytes:
        """`text` as this file stores it: UTF-8, with a byte order mark if it had one."""
        mark = codecs.BOM_UTF8 if self.has_byte_order_mark else b""
        return mark + text.encode()


class UnreadableError(Exception):
    """A file that cannot be reviewed. `str()` is one sentence: what is wrong and what to do."""


def find(paths: Iterable[str], current_folder: Path | None = None) -> Found:
    """The files that `paths`, files and folders, stand for; relative ones to `current_folder`.

    Never raises for a path: what is wrong with one is in `problems`.
    """
    current = Path(os.path.abspath(current_folder or Path.cwd()))
    files: dict[Path, SourceFile] = {}
    problems: list[PathProblem] = []
    notes: list[PathProblem] = []

    for path in paths:
        absolute = Path(os.path.abspath(current / path))
        try:
            mode = absolute.stat().st_mode
        except (OSError, ValueError) as error:
            problems.append(PathProblem(path, _why_no_access(absolute, error)))
            continue
        if not path:
            problems.append(PathProblem('""', "an empty path names nothing: give a file or folder"))
        elif outside := _leads_outside(absolute, current):
            problems.append(PathProblem(path, f"it is a link out of {outside}: name that instead"))
        elif stat.S_ISDIR(mode):
            count = 0
            for found in _walk(absolute):
                shown = shown_path(found.path, current)
                if found.reason:
                    notes.append(PathProblem(shown, found.reason))
                elif language := language_of(found.path):
                    count += 1
                    files.setdefault(found.path, SourceFile(shown, found.path, language))
            if not count:
                problems.append(PathProblem(path, _NOTHING_IN_FOLDER))
        elif not stat.S_ISREG(mode):
            problems.append(PathProblem(path, _NOT_REGULAR))
        elif language := language_of(absolute):
            shown = shown_path(absolute, current)
            files.setdefault(absolute, SourceFile(shown, absolute, language))
        else:
            problems.append(PathProblem(path, _UNKNOWN_LANGUAGE))
    return Found(tuple(files.values()), tuple(problems), tuple(notes))


def find_one(path: str, current_folder: Path | None = None) -> SourceFile:
    """The file that a path names, in whatever language, "" for one that is not known.

    Raises UnreadableError where there is none, or one that must not be named so.
    """
    current = Path(os.path.abspath(current_folder or Path.cwd()))
    absolute = Path(os.path.abspath(current / path))
    try:
        mode = absolute.stat().st_mode
    except (OSError, ValueError) as error:
        raise UnreadableError(_why_no_access(absolute, error)) from None
    if stat.S_ISDIR(mode):
        raise UnreadableError("it is a folder: name a file")
    if outside := _leads_outside(absolute, current):
        raise UnreadableError(f"it is a link out of {outside}: name that instead")
    if not stat.S_ISREG(mode):
        raise UnreadableError(_NOT_REGULAR)
    return SourceFile(shown_path(absolute, current), absolute, any_language_of(absolute))


def walk(folder: Path) -> Iterator[SourceFile]:
    """The files under a folder that are in a language we know and not ignored, in turn."""
    for found in _walk(folder):
        language = language_of(found.path)
        if language and not found.reason:
            yield SourceFile(str(found.path), found.path, language)


def among_walked(folder: Path, paths: Iterable[Path]) -> set[Path]:
    """Those of the paths, all below the folder, that `walk` of it comes by if they are there.

    The ignore files of a folder are read once for all of them.
    """
    inside: dict[Path, _Ignore | None] = {folder: _Ignore.above(folder).entering(folder)}

    def entered(path: Path) -> _Ignore | None:
        """What speaks for the files in the folder of a path; None: it is left out."""
        place = folder
        for name in path.relative_to(folder).parts[:-1]:
            ignore, place = inside[place], place / name
            if ignore is None:
                return None
            if place not in inside:
                is_out = (
                    _skips_folder(place)
                    or place.is_symlink()
                    or ignore.covers(place, is_folder=True)
                )
                inside[place] = None if is_out else ignore.entering(place)
        return inside[place]

    return {
        path
        for path in paths
        if _is_source(path)
        and (ignore := entered(path)) is not None
        and not ignore.covers(path, is_folder=False)
        and not path.is_symlink()
        and not _is_data(path)
    }


def is_ignored(path: Path) -> bool:
    """Whether git's ignore files leave a file out, or a folder that it lies in."""
    root = repository_root(path.parent)
    if root is None:
        return False
    ignore = _Ignore(_level(root, _exclude_file(root)))
    folder = root
    for name in path.relative_to(root).parts[:-1]:
        ignore = ignore.entering(folder)
        folder = folder / name
        if ignore.covers(folder, is_folder=True):
            return True
    return ignore.entering(folder).covers(path, is_folder=False)


def ignore_patterns(lines: Iterable[str]) -> GitIgnoreSpec:
    """Lines of an ignore file as patterns; one that cannot be read hides no other."""
    # Imported here: the language server reads no ignore file before it must, and starts fast.
    from pathspec import GitIgnoreSpec

    patterns: list[GitIgnoreSpecPattern] = []
    for line in lines:
        # To git `a/**` means all that is in `a`, to pathspec `a/` too: then nothing in it could be
        # taken back by a later `!a/b.py`.
        as_git_means_it = _ALL_IN_A_FOLDER.sub("/**/*", line)
        # Line by line: git passes over one that cannot be read.
        with contextlib.suppress(ValueError):
            patterns += GitIgnoreSpec.from_lines([as_git_means_it]).patterns
    return GitIgnoreSpec(patterns)


def language_of(path: Path) -> str | None:
    """The LSP language id of a file by its name, None when it is none that we review."""
    if _DOCKERFILE.fullmatch(path.name):
        return "dockerfile"
    return LANGUAGES.get(path.suffix.lower())


def any_language_of(path: Path) -> str:
    """The same of any text; "" when its name does not tell."""
    return language_of(path) or OTHER_TEXTS.get(path.suffix.lower(), "")


def read(file: SourceFile, maximum_bytes: int) -> Content:
    """The file's content; raises UnreadableError when it is not text of a sensible size.

    Blocks on the disk and on nothing else: what is no regular file is not opened.
    """
    try:
        if not stat.S_ISREG(file.absolute.stat().st_mode):
            raise UnreadableError(_NOT_REGULAR)
        with file.absolute.open("rb") as stream:
            data = stream.read(maximum_bytes + 1)
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise UnreadableError(_why_no_access(file.absolute, error)) from None
    if len(data) > maximum_bytes:
        raise UnreadableError(
            f"it has {size:,} bytes and the limit is {maximum_bytes:,}: "
            "raise the setting maximumFileBytes, or leave the file out"
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableError("it is UTF-16: save it as UTF-8")
    if (nul := data.find(b"\0")) >= 0:
        raise UnreadableError(f"it is binary, with a NUL at byte offset {nul:,}: leave it out")
    has_byte_order_mark = data.startswith(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind the byte order mark.
        offset = error.start + (len(codecs.BOM_UTF8) if has_byte_order_mark else 0)
        line = data.count(b"\n", 0, offset) + 1
        raise UnreadableError(
            f"it is not UTF-8: byte 0x{data[offset]:02x} on line {line:,}, at byte offset "
            f"{offset:,}; save it as UTF-8"
        ) from None
    document = Document(
        uri=file.absolute.as_uri(), path=str(file.absolute), language=file.language, text=text
    )
    return Content(document, has_byte_order_mark)


def read_regular(path: Path) -> bytes:
    """The bytes of a file that steers what is reviewed; OSError where it is none.

    A named pipe in its place would be waited for, and what goes on for ever be read for ever.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return path.read_bytes()


def shown_path(path: Path, current_folder: Path) -> str:
    """`path` as people see it: relative, with forward slashes, when below the current folder."""
    if path.is_relative_to(current_folder):
        return path.relative_to(current_folder).as_posix()
    return str(path)


_NOTHING_IN_FOLDER = (
    "the folder holds no file to review: files are recognised by their name (Dockerfile, "
    f"{', '.join(LANGUAGES)}), and ignored ones are left out unless you name them"
)
_NOT_REGULAR = "it is neither a file nor a folder, but a pipe, socket or device: name a file"
_UNKNOWN_LANGUAGE = (
    f"it is in no language we review: name a Dockerfile, or a file ending in {', '.join(LANGUAGES)}"
)


@dataclass(frozen=True, slots=True)
class _Walked:
    path: Path
    reason: str = ""
    """Why it is left out, when that is worth saying."""


def _leads_outside(path: Path, current_folder: Path) -> str:
    """`PLACE, to TARGET` when links lead out of its or the current repository, else ""."""
    target = Path(os.path.realpath(path))
    for folder in (current_folder, path.parent):
        place = repository_root(folder) or folder
        if path.is_relative_to(place) and not target.is_relative_to(os.path.realpath(place)):
            return f"{place}, to {target}"
    return ""


def _walk(top: Path) -> Iterator[_Walked]:
    """The files under `top` that are not ignored, in the order of their names."""
    root = Path(os.path.realpath(top))

    def visit(folder: Path, ignore: _Ignore) -> Iterator[_Walked | tuple[Path, _Ignore]]:
        ignore = ignore.entering(folder)
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield _Walked(folder, _why_no_access(folder, error))
            return
        for entry in ordered:
            path = folder / entry.name
            if entry.is_symlink():
                # What a link inside the folder points at is walked under its own name.
                if _worth_naming(path) and not ignore.covers(path, is_folder=False):
                    target = Path(os.path.realpath(path))
                    if not target.is_relative_to(root):
                        yield _Walked(path, f"the link leads out of the folder, to {target}")
            elif entry.is_dir():
                if not _skips_folder(path) and not ignore.covers(path, is_folder=True):
                    yield path, ignore
            elif _is_source(path) and not ignore.covers(path, is_folder=False):
                if not entry.is_file():
                    yield _Walked(path, _NOT_REGULAR)
                elif not _is_data(path):
                    yield _Walked(path)

    # A stack and no recursion: folders may lie deeper in each other than calls may.
    visits = [visit(top, _Ignore.above(top))]
    while visits:
        match next(visits[-1], None):
            case None:
                visits.pop()
            case _Walked() as found:
                yield found
            case (folder, ignore):
                visits.append(visit(folder, ignore))


def _is_source(path: Path) -> bool:
    # Nobody wrote a minified file, and its one line is no use to a reader.
    return language_of(path) is not None and not path.stem.lower().endswith(".min")


def _is_data(path: Path) -> bool:
    """Whether it is nothing that a person wrote to be read: a lock file, a dump, plain data."""
    language = language_of(path)
    if language not in _DATA_LANGUAGES:
        return False
    try:
        if path.name in _LOCK_FILES or path.stat().st_size > _MAXIMUM_DATA_BYTES:
            return True
        return language == "json" and _DESCRIPTION.search(read_regular(path)) is None
    except OSError:
        return False  # Whoever reads it says why it cannot be read.


def _worth_naming(link: Path) -> bool:
    return language_of(link) is not None or (os.path.isdir(link) and not _skips_folder(link))


def _skips_folder(folder: Path) -> bool:
    name = folder.name
    return (
        name in SKIPPED_FOLDERS
        or (name.startswith(".") and name != ".github")
        or name == "__pycache__"
        or name.endswith(".egg-info")
        or os.path.isfile(folder / "pyvenv.cfg")
    )


@dataclass(frozen=True, slots=True)
class _Ignore:
    """The ignore files that speak for a folder, outermost first: (folder, its patterns)."""

    levels: tuple[tuple[Path, GitIgnoreSpec], ...] = ()

    @classmethod
    def above(cls, top: Path) -> _Ignore:
        """What the folders over `top` say, up to the root of its repository.

        A folder that is itself ignored and named all the same is walked as if nothing
        over it had been said.
        """
        root = repository_root(top)
        if root is None:
            return cls()
        ignore = cls(_level(root, _exclude_file(root)))
        folder = root
        for name in top.relative_to(root).parts:
            ignore = ignore.entering(folder)
            folder = folder / name
            if ignore.covers(folder, is_folder=True):
                return cls()
        return ignore

    def entering(self, folder: Path) -> _Ignore:
        return _Ignore(self.levels + _level(folder, folder / ".gitignore"))

    def covers(self, path: Path, *, is_folder: bool) -> bool:
        """Whether `path` is ignored; the innermost file with an opinion decides, as in git."""
        for folder, patterns in reversed(self.levels):
            relative = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
            opinion = patterns.check_file(relative).include
            if opinion is not None:
                return opinion
        return False


def _level(folder: Path, ignore_file: Path) -> tuple[tuple[Path, GitIgnoreSpec], ...]:
    try:
        lines = read_regular(ignore_file).decode("utf-8-sig", errors="surrogateescape").split("\n")
    except OSError:
        return ()
    return ((folder, ignore_patterns(lines)),)


_ALL_IN_A_FOLDER = re.compile(r"(?<=[^/])/\*\*\s*$")


def _exclude_file(root: Path) -> Path:
    """`info/exclude` of the repository; in a linked work tree `.git` is a file that names it."""
    git = root / ".git"
    try:
        if git.is_file():
            git = root / read_regular(git).decode().removeprefix("gitdir:").strip()
            git = git / read_regular(git / "commondir").decode().strip()
    except (OSError, ValueError):
        pass
    return git / "info" / "exclude"


def _why_no_access(path: Path, error: Exception) -> str:
    match error:
        case FileNotFoundError() if path.is_symlink():
            return "it is a link to something that does not exist: repair or remove it"
        case FileNotFoundError() | NotADirectoryError():
            return "it does not exist: check the spelling and the folder you are in"
        case PermissionError():
            return "you have no permission to read it: change that or leave it out"
        case OSError() if error.strerror:
            return f"it cannot be read: {error.strerror.lower()}"
        case _:
            return "it is not a possible path: check the spelling"
