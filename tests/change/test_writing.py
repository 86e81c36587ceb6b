"""Several files are written or none, whatever goes wrong, and nothing of anybody else's is lost."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from backend_developer import turns
from backend_developer.writing import ChangedError, FileWrite, WriteError, write_all

OLD = {"app/a.py": b"old a\n", "app/b.py": b"old b\r\n", "c.py": b"\xef\xbb\xbfold c\n"}
"""Line ends of two kinds, and a byte order mark."""
NEW = {name: data.replace(b"old", b"new") for name, data in OLD.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, data in OLD.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def files_in(root: Path) -> dict[str, bytes]:
    """Everything below the folder: its folders too, as b"", and what was left lying around."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in root.rglob("*")
    }


def writes_of(root: Path) -> list[FileWrite]:
    """A new file in a new folder, first, and a change of each file that is there."""
    new = FileWrite(root / "app/deep/new/d.py", None, b"d\n")
    return [new, *(FileWrite(root / name, OLD[name], NEW[name]) for name in OLD)]


def check_refused(root: Path, writes: list[FileWrite], *sentence: str) -> WriteError:
    """Nothing is written, and the sentence names the file and says these words."""
    before = files_in(root)
    with pytest.raises(WriteError) as caught:
        write_all(writes, root)
    assert files_in(root) == before
    said = str(caught.value)
    assert all(words in said for words in sentence), said
    assert "\n" not in said
    return caught.value


def test_all_files_are_written_and_nothing_else_is_left(root: Path) -> None:
    (root / "app/a.py").chmod(0o754)
    write_all(writes_of(root), root)
    folders = {"app": b"", "app/deep": b"", "app/deep/new": b""}
    assert files_in(root) == NEW | folders | {"app/deep/new/d.py": b"d\n"}
    assert stat.S_IMODE((root / "app/a.py").stat().st_mode) == 0o754


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_new_file_has_the_mode_that_the_umask_gives(root: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_all([FileWrite(root / "run.sh", None, b"#!/bin/sh\n")], root)
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == mode


def test_no_writes_are_no_error(root: Path) -> None:
    write_all([], root)


# --- Refused before anything is written


def changed(root: Path) -> FileWrite:
    (root / "c.py").write_bytes(b"typed meanwhile")
    return FileWrite(root / "c.py", OLD["c.py"], b"x")


def longer(root: Path) -> FileWrite:
    (root / "c.py").write_bytes(OLD["c.py"] + b"more")
    return FileWrite(root / "c.py", OLD["c.py"], b"x")


def read_only(root: Path) -> FileWrite:
    (root / "c.py").chmod(0o444)
    return FileWrite(root / "c.py", OLD["c.py"], b"x")


def gone(root: Path) -> FileWrite:
    (root / "c.py").unlink()
    return FileWrite(root / "c.py", OLD["c.py"], b"x")


def there_already(root: Path) -> FileWrite:
    return FileWrite(root / "c.py", None, b"x")


def dangling_link(root: Path) -> FileWrite:
    (root / "new.py").symlink_to(root / "nowhere.py")
    return FileWrite(root / "new.py", None, b"x")


def link_out(root: Path) -> FileWrite:
    (root.parent / f"{root.name}-outside.py").write_bytes(b"outside")
    (root / "link.py").symlink_to(root.parent / f"{root.name}-outside.py")
    return FileWrite(root / "link.py", b"outside", b"x")


def folder_link_out(root: Path) -> FileWrite:
    (root.parent / f"{root.name}-outside").mkdir()
    (root / "linked").symlink_to(root.parent / f"{root.name}-outside")
    return FileWrite(root / "linked/new.py", None, b"x")


def upwards(root: Path) -> FileWrite:
    return FileWrite(root / ".." / "new.py", None, b"x")


def below_a_file(root: Path) -> FileWrite:
    return FileWrite(root / "c.py/deep/new.py", None, b"x")


def folder(root: Path) -> FileWrite:
    return FileWrite(root / "app", b"", b"x")


def pipe(root: Path) -> FileWrite:
    os.mkfifo(root / "pipe")
    return FileWrite(root / "pipe", b"", b"x")


def no_name(root: Path) -> FileWrite:
    return FileWrite(root / "a\0b.py", None, b"x")


def too_long(root: Path) -> FileWrite:
    return FileWrite(root / ("x" * 300 + ".py"), None, b"x")


@pytest.mark.skipif(os.name == "nt", reason="pipes, links and modes of Unix")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (changed, "c.py was changed meanwhile, so nothing was written: try again."),
        (longer, "c.py was changed meanwhile"),
        (read_only, "c.py could not be written, so nothing was: it is read-only."),
        (gone, "c.py could not be written, so nothing was: no such file or directory."),
        (there_already, "c.py was made by somebody else meanwhile"),
        (dangling_link, "new.py was made by somebody else meanwhile"),
        (link_out, "link.py could not be written, so nothing was: a link leads out"),
        (folder_link_out, "linked/new.py could not be written, so nothing was: a link leads out"),
        (upwards, "new.py could not be written"),
        (below_a_file, "c.py/deep/new.py could not be written, so nothing was: not a directory."),
        (folder, "app could not be written, so nothing was: it is no regular file."),
        (pipe, "pipe could not be written, so nothing was: it is no regular file."),
        (no_name, "could not be written"),
        (too_long, "could not be written, so nothing was: file name too long."),
    ],
)
def test_one_write_that_cannot_be_done_refuses_all(
    root: Path, make: Callable[[Path], FileWrite], sentence: str
) -> None:
    first = FileWrite(root / "app/deep/new/d.py", None, b"d\n")
    second = FileWrite(root / "app/a.py", OLD["app/a.py"], b"x")
    made = make(root)
    if made.path == root / "pipe":
        # Not read by the test either: nobody writes to it.
        with pytest.raises(WriteError, match=sentence):
            write_all([first, second, made], root)
        assert (root / "app/a.py").read_bytes() == OLD["app/a.py"]
    else:
        check_refused(root, [first, second, made], sentence)


def test_a_file_that_is_named_twice_is_refused_also_through_a_link(root: Path) -> None:
    (root / "link.py").symlink_to("c.py")
    write = FileWrite(root / "c.py", OLD["c.py"], b"1")
    check_refused(
        root, [write, FileWrite(root / "link.py", OLD["c.py"], b"2")], "link.py", "written twice"
    )


def test_links_inside_the_folder_stay_and_what_they_point_at_is_written(root: Path) -> None:
    (root / "link.py").symlink_to("app/a.py")
    (root / "linked").symlink_to("app")
    write_all(
        [
            FileWrite(root / "link.py", OLD["app/a.py"], b"1"),
            FileWrite(root / "linked/new.py", None, b"2"),
        ],
        root,
    )
    assert (root / "link.py").is_symlink()
    assert (root / "app/a.py").read_bytes() == b"1"
    assert (root / "app/new.py").read_bytes() == b"2"


def test_the_folder_may_itself_be_behind_a_link(root: Path, tmp_path: Path) -> None:
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(root)
    write_all([FileWrite(link / "c.py", OLD["c.py"], b"1")], link)
    assert (root / "c.py").read_bytes() == b"1"


def test_the_longest_name_that_a_disk_takes_can_be_written(root: Path) -> None:
    write_all([FileWrite(root / f"{'x' * 252}.py", None, b"1")], root)
    assert (root / f"{'x' * 252}.py").read_bytes() == b"1"


# --- Something goes wrong in the middle


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod", "link", "unlink"])
@pytest.mark.parametrize("failing", range(5))
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_step_that_fails_puts_back_what_was_in_place(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    failing: int,
    error: BaseException,
) -> None:
    real, calls = getattr(os, step), 0

    def fail(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == failing + 1:
            raise error
        return real(*arguments)

    before = files_in(root)
    monkeypatch.setattr(os, step, fail)
    # New file last and first: it is put back in both orders.
    writes = writes_of(root) if failing % 2 else writes_of(root)[::-1]
    raised = None
    try:
        write_all(writes, root)
    except (WriteError, KeyboardInterrupt) as failure:
        raised = failure
    monkeypatch.undo()
    after = files_in(root)
    left = {name for name in after if "/." in f"/{name}"}
    is_written = {name: after[name] for name in NEW} == NEW
    # Only where all is in place already may an interrupt come too late.
    assert is_written == (raised is None) or (step == "unlink" and error is raised)
    if isinstance(raised, WriteError):
        assert "no space left on device" in str(raised)
    if not is_written:
        assert {name: data for name, data in after.items() if name not in left} == before
    assert not left or step == "unlink"


def test_a_disk_without_hard_links_will_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_all(writes_of(root), root)
    assert {name: (root / name).read_bytes() for name in NEW} == NEW
    assert (root / "app/deep/new/d.py").read_bytes() == b"d\n"
    before = files_in(root)
    monkeypatch.setattr(os, "replace", refuse)
    new = FileWrite(root / "new.py", None, b"d\n")
    with pytest.raises(WriteError, match=r"^c\.py could not be written"):
        write_all([new, FileWrite(root / "c.py", NEW["c.py"], b"x")], root)
    assert files_in(root) == before


def test_what_somebody_makes_meanwhile_is_never_overwritten(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def make(handle: int) -> None:
        real(handle)
        (root / "new.py").write_bytes(b"somebody else's")

    monkeypatch.setattr(os, "fsync", make)
    with pytest.raises(ChangedError, match=r"^new\.py was made by somebody else meanwhile"):
        write_all([FileWrite(root / "new.py", None, b"ours")], root)
    assert files_in(root) == {**OLD, "app": b"", "new.py": b"somebody else's"}


def test_what_somebody_saves_at_the_last_moment_is_put_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def save_first(source: Path, target: Path) -> None:
        if source.suffix == ".new":
            target.write_bytes(b"saved")
        real(source, target)

    monkeypatch.setattr(os, "replace", save_first)
    with pytest.raises(ChangedError, match=r"^c\.py was changed meanwhile"):
        write_all([FileWrite(root / "c.py", OLD["c.py"], b"x")], root)
    assert files_in(root) == {**OLD, "app": b"", "c.py": b"saved"}


def test_of_two_that_write_the_same_file_at_once_one_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = (FileWrite(root / "c.py", OLD["c.py"], data) for data in (b"ours", b"theirs"))
    real, others = os.replace, list[Thread]()
    refused: list[str] = []

    def write_theirs() -> None:
        try:
            write_all([theirs], root / "app" / "..")
        except ChangedError as error:
            refused.append(str(error))

    def be_slow(source: Path, target: Path) -> None:
        if not others:
            # Each has found the file as it expects it.
            others.append(Thread(target=write_theirs))
            others[0].start()
            others[0].join(0.3)
        real(source, target)

    monkeypatch.setattr(os, "replace", be_slow)
    write_all([ours], root)
    others[0].join()
    assert (root / "c.py").read_bytes() == b"ours"
    assert refused == ["c.py was changed meanwhile, so nothing was written: try again."]
    assert set(files_in(root)) == {*OLD, "app"}


def test_who_waits_too_long_for_another_writes_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SECONDS", 0.05)
    descriptor = os.open(root / "app", os.O_RDONLY)
    turns.wait_for_turn(descriptor)
    check_refused(root, writes_of(root), "app/", "another program is writing there: try again")
    os.close(descriptor)
    write_all(writes_of(root), root)


def test_what_cannot_be_put_back_is_named_with_its_place(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.replace, 0

    def fail(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(5, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(WriteError) as caught:
        write_all(writes_of(root), root)
    [left] = [name for name in files_in(root) if "/." in f"/{name}"]
    assert str(caught.value) == (
        "app/b.py could not be written, so nothing was: input/output error. "
        f"app/a.py has its new text, and the old one is in {left}: input/output error."
    )
    assert files_in(root) == {**OLD, "app": b"", "app/a.py": NEW["app/a.py"], left: b"old a\n"}


def test_what_somebody_types_into_a_placed_file_is_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.replace, 0

    def fail(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            (root / "app/a.py").write_bytes(b"typed")
            raise OSError(5, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(WriteError, match=r"app/a\.py has its new text, and the old one is in"):
        write_all(writes_of(root), root)
    assert (root / "app/a.py").read_bytes() == b"typed"
    assert (root / "app/b.py").read_bytes() == OLD["app/b.py"]


# --- Killed

_LOOP = """
import sys
from pathlib import Path
from backend_developer.writing import FileWrite, write_all
root = Path(sys.argv[1])
texts = b"old" * 30_000, b"new" * 30_000
names = ["a.py", "b.py", "c.py", "d.py"]
for name in names:
    (root / name).write_bytes(texts[0])
print("ready", flush=True)
while True:
    write_all([FileWrite(root / name, texts[0], texts[1]) for name in names], root)
    texts = texts[::-1]
"""


def test_killed_at_any_moment_each_file_is_whole(tmp_path: Path) -> None:
    generator = random.Random(7)
    for attempt in range(20):
        root = tmp_path / str(attempt)
        root.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", _LOOP, str(root)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(generator.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        names = {path.name for path in root.iterdir()}
        assert {name for name in names if not name.startswith(".")} == {
            "a.py",
            "b.py",
            "c.py",
            "d.py",
        }
        for name in ("a.py", "b.py", "c.py", "d.py"):
            assert (root / name).read_bytes() in (b"old" * 30_000, b"new" * 30_000)
