"""What of a workspace may be sent to a model, and why the rest may not.

A file is denied by its name (`DENIED_NAMES`), by git's ignore files, by `.backend-developer.ignore`
in the workspace's root, or by `permissions.deny` of Claude Code's settings, whose `Read(…)` rules
mean here what they mean there. All of these only take away: none can allow what another denies.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from .discovery import claude_folder, managed_folder
from .files import ignore_patterns, is_ignored, read_regular

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".backend-developer.ignore"

DENIED_NAMES: tuple[str, ...] = (
    ".env*",
    "*.env",
    ".npmrc",
    ".pypirc",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",
    "*.key",
    "*.p8",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.tfstate*",
    "*.tfvars",
    # Only data: credentials.py is code that handles them, and wants reviewing.
    "credentials",
    "*credentials*.json",
    "*credentials*.y*ml",
    "credentials*.ini",
    "credentials*.toml",
    "credentials*.xml",
    "credentials*.csv",
    "service-account*.json",
    "service_account*.json",
    "secrets.json",
    "secrets.y*ml",
    "secrets.toml",
)
"""Patterns of file names, in lower case."""

DENIED_FOLDERS: frozenset[str] = frozenset(
    {".ssh", ".aws", ".gnupg", ".azure", ".kube", ".git", ".hg", ".svn"}
)
"""Names of folders; everything below them is denied. A repository's own may name a remote with
its password, and holds what is ignored in other versions."""


@dataclass(frozen=True, slots=True)
class Denials:
    """What a workspace keeps to itself."""

    root: str = ""
    """The workspace's folder; "" for a document in none, of which the name alone decides."""
    patterns: tuple[tuple[str, str, GitIgnoreSpec], ...] = ()
    """(Who says so, the folder that the patterns are relative to, the patterns)."""
    unreadable: str = ""
    """A file that should say what is denied and cannot be read: then everything is."""

    def why(self, path: str, *, is_walked: bool = False) -> str:
        """Why the file at an absolute path, or a URI, is not sent; "" when it may be.

        Looks at the file's own name and at that of the file it leads to when it is a link. What a
        walk of the workspace came upon is no link and not ignored, which takes long to ask again.
        """
        if self.unreadable:
            return f"{self.unreadable} cannot be read, so that it is unknown what may be sent"
        if _is_denied_name(path) or _is_denied_name(os.path.realpath(path)):
            return "its name says that it holds secrets"
        if not self.root or not os.path.isabs(path):
            return ""
        for place in dict.fromkeys((path, os.path.realpath(path))):
            if not is_walked and is_ignored(Path(place)):
                return "git ignores it"
            for who, folder, patterns in self.patterns:
                if _covers(patterns, folder, place):
                    return f"{who} denies it"
        return ""


NAMES_ALONE = Denials()


def load_denials(root: Path | None, environment: Mapping[str, str]) -> Denials:
    """What is denied in a workspace; reads a few small files."""
    if root is None:
        return Denials()
    patterns: list[tuple[str, str, GitIgnoreSpec]] = []
    try:
        if lines := _lines(root / IGNORE_FILE):
            patterns.append((IGNORE_FILE, str(root), ignore_patterns(lines)))
        claude = claude_folder(environment)
        for file in (
            managed_folder() / "managed-settings.json",
            claude / "settings.json",
            root / ".claude" / "settings.json",
            root / ".claude" / "settings.local.json",
        ):
            base = claude if file.parent == claude else root
            home = claude.parent
            for folder, pattern in _read_rules(file, base, root, home):
                patterns.append((f"{file.name} of Claude Code", folder, ignore_patterns([pattern])))
    except _UnreadableError as error:
        return Denials(str(root), (), str(error))
    return Denials(str(root), tuple(patterns))


class _UnreadableError(Exception):
    """`str()` is the file's path."""


def _lines(file: Path) -> list[str]:
    try:
        return read_regular(file).decode("utf-8-sig", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []
    except OSError:
        raise _UnreadableError(str(file)) from None


_READ_RULE = re.compile(r"\s*Read(?:\((?P<pattern>.*)\))?\s*")


def _read_rules(file: Path, base: Path, root: Path, home: Path) -> Iterator[tuple[str, str]]:
    """(folder, ignore pattern) of each `Read` rule that a settings file of Claude Code denies.

    `//x` is an absolute path, `~/x` one in the home folder, `/x` one beside the settings, and
    anything else one in the workspace. https://code.claude.com/docs/en/permissions
    """
    text = "\n".join(_lines(file))
    if not text.strip():
        return
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        raise _UnreadableError(str(file)) from None
    for rule in _denied(settings):
        match = _READ_RULE.fullmatch(rule)
        if match is None:
            continue
        pattern = match["pattern"] or "**"
        if pattern.startswith("//"):
            yield "/", pattern[1:]
        elif pattern.startswith("~/"):
            yield str(home), pattern[1:]
        elif pattern.startswith("/"):
            yield str(base), pattern
        else:
            yield str(root), pattern.removeprefix("./")


def _denied(settings: object) -> Iterable[str]:
    permissions = settings.get("permissions") if isinstance(settings, dict) else None
    denied = permissions.get("deny") if isinstance(permissions, dict) else None
    return [rule for rule in denied if isinstance(rule, str)] if isinstance(denied, list) else []


def _covers(patterns: GitIgnoreSpec, folder: str, path: str) -> bool:
    try:
        relative = Path(path).relative_to(folder)
    except ValueError:
        return False
    # A pattern that names a folder covers all that lies in it.
    parents = [parent.as_posix() + "/" for parent in relative.parents if parent.name]
    return any(patterns.match_file(name) for name in (relative.as_posix(), *parents))


def _is_denied_name(path: str) -> bool:
    *folders, name = re.split(r"[/\\]", path.casefold().rstrip("/\\"))
    # An untitled buffer's URI has its name after the scheme: "untitled:.env".
    name = name.rpartition(":")[2]
    return not DENIED_FOLDERS.isdisjoint(folders) or any(
        fnmatchcase(name, pattern) for pattern in DENIED_NAMES
    )
