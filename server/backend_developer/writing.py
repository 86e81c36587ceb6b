"""Several files written as one: all of them, or none.

    write_all -> each write is checked, and written beside its target under another name
              -> each is put in its target's place; the first that fails puts the others back

Whoever is killed meanwhile leaves each file whole, old or new, and at most files beside them whose
names begin with a dot. Only what still holds what was expected is replaced, and nothing that
somebody has made meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from .core.text import visible
from .turns import wait_for_turn


class WriteError(Exception):
    """Files that were not written, and are as they were unless `str()`, a sentence, says what is
    left. `why` is the end of it: a reason in a few words, or "".
    """

    def __init__(self, sentence: str, why: str = "") -> None:
        super().__init__(sentence)
        self.why = why


class ChangedError(WriteError):
    """A file is not what it was expected to be: it was changed, or made, meanwhile."""


@dataclass(frozen=True, slots=True)
class FileWrite:
    """One file's bytes."""

    path: Path
    """Absolute. A symbolic link stays, and what it points at is written."""
    expected: bytes | None
    """What it must hold; None: there must be no such file, and its folders are made."""
    data: bytes


def write_all(writes: Sequence[FileWrite], root: Path) -> None:
    """Writes all of the files, which lie in `root` with their links followed, or none.

    A file keeps its mode; a new one has what the umask leaves of 0o666. Blocks on the disk.
    Raises WriteError, which names the file that could not be written.
    """
    targets = [_checked(write, root) for write in writes]
    for index, target in enumerate(targets):
        if target in targets[:index]:
            raise _refusal(writes[index], root, "it is to be written twice")
    steps = [_step(write, target) for write, target in zip(writes, targets, strict=True)]
    with _turns(steps, root):
        _write_steps(steps, root)


def _write_steps(steps: Sequence[_Step], root: Path) -> None:
    """All of them or none, as `write_all`."""
    folders: list[Path] = []
    is_prepared = False
    writing: FileWrite | None = None
    try:
        for step in steps:
            writing = step.write
            _prepare(step, folders)
        is_prepared = True
        for step in steps:
            writing = step.write
            _place(step)
    except BaseException as error:
        left = []
        for step in reversed(steps):
            sentence = _put_back(step, root) if is_prepared else ""
            left += [sentence] if sentence else []
            _remove([step.temporary, *([] if sentence else [step.before])])
        for folder in reversed(folders):
            # Somebody else may have put a file there.
            with contextlib.suppress(OSError):
                folder.rmdir()
        if writing and isinstance(error, _NotAsExpectedError | FileExistsError):
            raise _changed(writing, root, left) from None
        if writing and isinstance(error, OSError):
            raise _refusal(writing, root, _reason(error), left) from None
        raise
    _remove(step.before for step in steps)


@dataclass(frozen=True, slots=True)
class _Step:
    """A write and the names, beside its target, under which its bytes wait."""

    write: FileWrite
    target: Path
    temporary: Path
    """Has the new bytes until they are in place."""
    before: Path
    """Has the old ones, if there are any, until all is in place."""

    @property
    def is_in_place(self) -> bool:
        """Whether the target has become ours, once all is prepared; also when an interrupt came
        right after it did.
        """
        try:
            return os.path.samefile(self.temporary, self.target)
        except OSError:
            return not self.temporary.exists() and self.target.exists()


class _NotAsExpectedError(Exception):
    pass


# --- Before anything is written


@contextlib.contextmanager
def _turns(steps: Sequence[_Step], root: Path) -> Iterator[None]:
    """Nobody else of us replaces files of the same folders meanwhile. Raises WriteError."""
    folders = {step.target.parent: step.write for step in steps if step.write.expected is not None}
    with contextlib.ExitStack() as stack:
        # In one order, so that no two wait for each other.
        for folder, write in sorted(folders.items(), key=lambda item: item[0]):
            try:
                descriptor = os.open(folder, os.O_RDONLY)
            except OSError:
                continue  # On Windows no folder is opened; elsewhere it may be for writing alone.
            stack.callback(os.close, descriptor)
            try:
                wait_for_turn(descriptor)
            except TimeoutError as error:
                raise _refusal(write, root, _reason(error)) from None
        yield


def _checked(write: FileWrite, root: Path) -> Path:
    """The file to be written, its links followed. Raises WriteError for what cannot be."""
    try:
        if write.expected is None:
            with contextlib.suppress(FileNotFoundError):
                os.lstat(write.path)
                raise _changed(write, root)
            target = Path(os.path.realpath(write.path.parent), write.path.name)
        else:
            target = Path(os.path.realpath(write.path))
        if not target.is_relative_to(os.path.realpath(root)):
            raise _refusal(write, root, "a link leads out of the folder")
        if write.expected is not None:
            mode = os.lstat(target).st_mode
            if not stat.S_ISREG(mode):
                raise _refusal(write, root, "it is no regular file")
            # Putting another file in its place would get round a write protection.
            if not mode & 0o222 or not os.access(target, os.W_OK):
                raise _refusal(write, root, "it is read-only")
            if not _holds(target, write.expected):
                raise _changed(write, root)
    except (OSError, ValueError) as error:
        raise _refusal(write, root, _reason(error)) from None
    return target


def _step(write: FileWrite, target: Path) -> _Step:
    # In the same folder, since a file can only be put in another's place on one disk. Not the
    # whole name, which may be as long as names can be.
    beside = f".{target.name[:40]}.{token_hex(6)}"
    return _Step(
        write,
        target,
        target.with_name(f"{beside}.new"),
        target.with_name(f"{beside}.old"),
    )


def _prepare(step: _Step, folders: list[Path]) -> None:
    """Writes the new bytes, and keeps the old ones; adds the folders that it makes."""
    if step.write.expected is None:
        _make_folder(step.target.parent, folders)
        _write(step.temporary, step.write.data, None)
        return
    mode = stat.S_IMODE(step.target.stat().st_mode)
    _write(step.temporary, step.write.data, mode)
    try:
        os.link(step.target, step.before)
    except OSError:  # Not every disk can.
        _write(step.before, step.write.expected, mode)


def _make_folder(folder: Path, folders: list[Path]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        try:
            one.mkdir()
            folders.append(one)
        except FileExistsError:
            if not one.is_dir():
                raise


def _write(path: Path, data: bytes, mode: int | None) -> None:
    """A file that was not there; None: with the mode that the umask gives to new files."""
    first_mode = 0o666 if mode is None else 0o600
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, first_mode)) as stream:
        try:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            if mode is not None:
                os.chmod(path, mode)
        except BaseException:
            _remove([path])
            raise


# --- In place, and back


def _place(step: _Step) -> None:
    """Raises _NotAsExpectedError or FileExistsError when somebody was faster."""
    if step.write.expected is None:
        try:
            os.link(step.temporary, step.target)
        except FileExistsError:
            raise
        except OSError:  # Not every disk can. Whoever is killed here leaves half a new file.
            _write(step.target, step.write.data, None)
        os.unlink(step.temporary)
        return
    if not _holds(step.target, step.write.expected):
        raise _NotAsExpectedError
    os.replace(step.temporary, step.target)
    # The old file is the one that was replaced: written to at the last moment, it tells.
    if not _holds(step.before, step.write.expected):
        raise _NotAsExpectedError


def _put_back(step: _Step, root: Path) -> str:
    """Undoes what was done of a step; a sentence about what is left when that cannot be."""
    if not step.is_in_place:
        return ""
    name = _shown(step.target, root)
    try:
        if not _holds(step.target, step.write.data):
            why = "it was changed right after it was written"
        elif step.write.expected is None:
            os.unlink(step.target)
            return ""
        else:
            os.replace(step.before, step.target)
            return ""
    except OSError as error:
        why = _reason(error)
    if step.write.expected is None:
        return f"{name} is new and was left there: {why}."
    return f"{name} has its new text, and the old one is in {_shown(step.before, root)}: {why}."


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _holds(path: Path, data: bytes) -> bool:
    with open(path, "rb") as stream:
        return stream.read(len(data) + 1) == data


# --- Sentences


def _changed(write: FileWrite, root: Path, left: Sequence[str] = ()) -> ChangedError:
    what = "was changed" if write.expected is not None else "was made by somebody else"
    name = _shown(write.path, root)
    sentences = [f"{name} {what} meanwhile, so nothing was written: try again.", *left]
    return ChangedError(" ".join(sentences))


def _refusal(write: FileWrite, root: Path, why: str, left: Sequence[str] = ()) -> WriteError:
    name = _shown(write.path, root)
    sentences = [f"{name} could not be written, so nothing was: {why}.", *left]
    return WriteError(" ".join(sentences), why)


def _shown(path: Path, root: Path) -> str:
    for base in (root, Path(os.path.realpath(root))):
        if path.is_relative_to(base):
            return visible(path.relative_to(base).as_posix())
    return visible(str(path))


def _reason(error: OSError | ValueError) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.lower()
