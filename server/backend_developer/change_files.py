"""The files that a change may touch: whose path a model has written, so that none is trusted.

A path must lie in the workspace with its links followed, be no file that is never sent, none that
makes an editor, git or this program run something, and hold text that can be put back as it was.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from .core.changes import Found, Missing, OffLimits
from .core.model import Document
from .files import SourceFile, UnreadableError, any_language_of, read
from .sendable import Denials

PROTECTED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".vscode", ".idea", ".claude", ".devcontainer", ".husky"}
)
"""What lies in them is run by git, an editor or an agent without anybody asking for it."""
PROTECTED_NAMES = (
    ".envrc",
    ".backend-developer*",
    "claude.md",
    "claude.local.md",
    "agents.md",
    "review.md",
    ".pre-commit-config.y*ml",
    ".gitattributes",
    ".gitmodules",
)
"""The same of single files, and what tells an agent what to do; in lower case."""
MOST_BYTES = 1_000_000
"""Of a file."""


@dataclass(frozen=True)
class ChangeFiles:
    """Implements change.Files."""

    root: Path | None
    """The workspace's folder; None: only the reviewed document may be changed."""
    denials: Denials
    reviewed: Document
    opened: Callable[[str], Document | None] = lambda path: None
    """The open document at an absolute path, which stands for its file. Called in a thread."""

    def find(self, path: str) -> Found:
        """The file at a path relative to the workspace. Never raises; blocks on the disk."""
        if self.root is None:
            if path in (self.reviewed.path, self.reviewed.uri):
                return self.reviewed
            return OffLimits("No folder is open, so only the reviewed file can be changed.")
        absolute = _below(path, self.root)
        if isinstance(absolute, OffLimits):
            return absolute
        if why := self._why_not(absolute):
            return OffLimits(f"It may not be changed, because {why}.")
        if named := self._named_otherwise(absolute):
            return OffLimits(f"It is a link to {named}: name that file.")
        if opened := self.opened(str(absolute)):
            return opened
        language = any_language_of(absolute)
        if not os.path.lexists(absolute):
            return Missing(Document(absolute.as_uri(), str(absolute), language, ""))
        file = SourceFile(path, absolute, language)
        try:
            return read(file, MOST_BYTES).document
        except UnreadableError as error:
            return OffLimits(f"It cannot be changed: {error}.")

    def _named_otherwise(self, absolute: Path) -> str:
        """The path of the file that a link in the workspace leads to: one file goes by one name.

        The reviewed file goes by the one that it is open under.
        """
        assert self.root is not None
        if str(absolute) == self.reviewed.path:
            return ""
        real = os.path.realpath(absolute)
        if self.reviewed.path and real == os.path.realpath(self.reviewed.path):
            return Path(self.reviewed.path).relative_to(self.root).as_posix()
        target = Path(real).relative_to(os.path.realpath(self.root))
        return "" if absolute == self.root / target else target.as_posix()

    def _why_not(self, absolute: Path) -> str:
        assert self.root is not None
        inside = absolute.relative_to(self.root)
        if any(part.lower() in PROTECTED_FOLDERS for part in inside.parts[:-1]):
            return "what lies in that folder is run without anybody asking for it"
        if why := self.denials.why(str(absolute)):
            return why
        name = inside.name.lower()
        if any(fnmatchcase(name, pattern) for pattern in PROTECTED_NAMES):
            return "it says what tools and agents do here"
        return ""


def _below(path: str, root: Path) -> Path | OffLimits:
    """The absolute path of one that is relative to the root, and stays there."""
    outside = OffLimits("It is not in the workspace: name a path relative to it.")
    if not path or _UNUSUAL.search(path):
        return OffLimits("That is no name for a file.")
    named = PurePosixPath(path)
    if named.is_absolute() or ".." in named.parts or re.match(r"[A-Za-z]:", path):
        if not Path(path).is_relative_to(root) or ".." in named.parts:
            return outside
        named = PurePosixPath(Path(path).relative_to(root).as_posix())
    absolute = root.joinpath(*named.parts)
    try:
        real_root, real = os.path.realpath(root), os.path.realpath(absolute)
    except (OSError, ValueError):
        return OffLimits("That is no name for a file.")
    if not Path(real).is_relative_to(real_root):
        return OffLimits("It is a link that leads out of the workspace.")
    if os.path.isdir(absolute) or absolute == root:
        return OffLimits("It is a folder.")
    if any(parent.is_file() for parent in absolute.parents):
        return OffLimits("A file stands where its folder would be.")
    return absolute


_UNUSUAL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff]")
"""Characters that nobody sees, or that no path holds."""
