"""A copy of a project that a command may do anything with, while the project stays as it is.

Everything is copied but `.git`, what is neither file, folder nor link, and links that lead out of
the project: a command that writes to `data/` in the copy must not reach what `data` links to.
An interpreter that a virtual environment links to is the one exception.

Programs and packages of a virtual environment name the project's folder; in the copy they name the
copy, or what ran there would be the project itself.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

_LONGEST_START = 1_000
"""Bytes of a program in which its interpreter is looked for."""
_MOST_REWRITTEN = 1_000_000
"""Bytes of a file that may name the project's folder."""


class TooLargeError(Exception):
    """The project has more bytes than may be copied."""


class StoppedError(Exception):
    """Nobody waits for the copy any more."""


def copy_project(
    root: Path,
    copy: Path,
    texts: Mapping[str, str],
    maximum_bytes: int,
    is_stopped: Callable[[], bool],
) -> None:
    """Copies what is in `root`, with its links followed, to `copy`, whose parent exists.

    `texts` by relative path are then written in the copy, in place of what the files hold. What
    cannot be read is left out. Blocks, maybe for many seconds. Raises TooLargeError before
    anything is copied, StoppedError soon after `is_stopped()`, and OSError.
    """
    left = maximum_bytes
    entries = []
    for entry in _walk(root, copy.parent):
        if is_stopped():
            raise StoppedError
        # Somebody works in the project meanwhile, and not all of it may be readable.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if entry.is_file(follow_symlinks=False):
                left -= entry.stat(follow_symlinks=False).st_size
            entries.append(entry)
        if left < 0:
            raise TooLargeError
    copy.mkdir(mode=0o700)
    for entry in entries:
        if is_stopped():
            raise StoppedError
        with contextlib.suppress(FileNotFoundError, PermissionError):
            _copy_entry(entry, root, copy)
    for path, text in texts.items():
        _write(copy, path, text)


def moved(text: str, root: Path, copy: Path) -> str:
    """The text with the copy's path wherever it names the project's or one below it."""
    pattern = rf"(?<![\w./\\-]){re.escape(str(root))}(?![\w.-])"
    return re.sub(pattern, lambda _: str(copy), text)


def remove(folder: Path) -> bool:
    """Removes a folder and all that is in it, read-only or not; whether that was done."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for place, folders, files in os.walk(folder):
            for name in folders if os.name != "nt" else [*folders, *files]:
                path = os.path.join(place, name)
                if not os.path.islink(path):
                    with contextlib.suppress(OSError):
                        os.chmod(path, 0o700)
        shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _walk(root: Path, skipped: Path) -> Iterator[os.DirEntry[str]]:
    """All that is below a folder, a folder before what is in it; no link is followed."""
    folders = [str(root)]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                entries = list(found)
        except OSError:
            continue
        for entry in entries:
            # A copy may lie in what is copied.
            if entry.name == ".git" or entry.path == str(skipped):
                continue
            yield entry
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)


def _copy_entry(entry: os.DirEntry[str], root: Path, copy: Path) -> None:
    path = Path(entry.path)
    target = copy / path.relative_to(root)
    if entry.is_symlink():
        if leads_to := _link_of_copy(path, root):
            target.symlink_to(leads_to)
    elif entry.is_dir():
        target.mkdir(mode=0o700)
        # What is in it must be written, and removed.
        target.chmod(stat.S_IMODE(entry.stat().st_mode) | 0o700)
    elif entry.is_file():
        # With its times, which what was compiled from it is compared with.
        shutil.copy2(path, target, follow_symlinks=False)
        if _may_name_root(path, entry.stat()):
            _rename_root(target, root, copy)


def _link_of_copy(path: Path, root: Path) -> str:
    """What the copy of a link holds; "" when it is left out."""
    target = os.path.realpath(path)
    if Path(target).is_relative_to(root):
        return os.path.relpath(target, path.parent)
    is_interpreter = path.name.startswith("python") and (path.parents[1] / "pyvenv.cfg").is_file()
    return target if is_interpreter else ""


def _may_name_root(path: Path, status: os.stat_result) -> bool:
    if status.st_size > _MOST_REWRITTEN:
        return False
    if path.suffix == ".pth" or path.name.startswith("__editable__"):
        return True
    if not status.st_mode & 0o111:
        return False
    with open(path, "rb") as stream:
        return stream.read(2) == b"#!"


def _rename_root(path: Path, root: Path, copy: Path) -> None:
    data = path.read_bytes()
    start = data[:_LONGEST_START] if data.startswith(b"#!") else data
    text = start.decode("utf-8", "surrogateescape")
    renamed = moved(text, root, copy)
    if renamed != text:
        path.chmod(path.stat().st_mode | 0o600)
        path.write_bytes(renamed.encode("utf-8", "surrogateescape") + data[len(start) :])


def _write(copy: Path, relative: str, text: str) -> None:
    """Raises OSError, also when a link leads out of the copy."""
    path = Path(os.path.realpath(copy / relative))
    if not path.is_relative_to(os.path.realpath(copy)):
        raise PermissionError(f"{relative} leads out of the copy")
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = b""
    if path.exists():
        with path.open("rb") as stream:
            mark = stream.read(3)
        path.chmod(path.stat().st_mode | 0o600)
    path.write_bytes((mark if mark == codecs.BOM_UTF8 else b"") + text.encode("utf-8", "replace"))
