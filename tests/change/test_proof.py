"""The person's own command says whether a change works, and touches nothing of the project."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from backend_developer.core.changes import ChangeSet, FileChange
from backend_developer.core.model import Document, Span, TextEdit
from backend_developer.proof import MOST_OUTPUT, Proof, prove
from backend_developer.settings import Settings, Source, load_project_file, read

FILES = {
    "app.py": "answer = 1\n",
    "crlf.py": "\ufeffline = 1\r\n",
    ".git/config": "[core]\n",
    ".env": "A=1\n",
    "node_modules/left-pad/index.js": "module.exports = 1\n",
    "tests/test_app.py": "from app import answer\nassert answer == 2\n",
}


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where copies are made: nothing may be left there."""
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def root(tmp_path: Path, copies: Path) -> Iterator[Path]:
    """A project, which `proved` holds to be as it was before."""
    root = tmp_path / "project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (root / "locked").mkdir()
    (root / "locked/read-only.txt").write_text("locked\n")
    (root / "locked/read-only.txt").chmod(0o444)
    (root / "locked").chmod(0o555)
    yield root
    (root / "locked").chmod(0o755)


def tree_hash(root: Path) -> str:
    """Of every name, kind, mode, time and content below a folder."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        digest.update(f"{path}\0{status.st_mode}\0{status.st_mtime_ns}\0".encode())
        if path.is_symlink():
            digest.update(os.fsencode(os.readlink(path)))
        elif path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def change(root: Path, **texts: str) -> ChangeSet:
    """A change that gives files, `app_py` for app.py, a new text; one that is not there is new."""
    files = []
    for name, text in sorted(texts.items()):
        path = name.replace("__", "/").replace("_py", ".py")
        before = FILES.get(path, "").removeprefix("\ufeff")
        document = Document(
            (root / path).as_uri(), str(root / path), "python", before, version=None
        )
        edit = TextEdit(Span(0, len(before)), text)
        files.append(FileChange(path, document, (edit,), is_new=path not in FILES))
    return ChangeSet(tuple(files))


def python(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


async def proved(
    root: Path,
    command: str,
    made: ChangeSet | None = None,
    *,
    seconds: int = 30,
    environment: Mapping[str, str] | None = None,
    buffers: Mapping[str, str] | None = None,
    trusted: bool = True,
    most_bytes: int = 500_000_000,
) -> Proof:
    before = tree_hash(root)
    try:
        proof = await prove(
            made or change(root, app_py="answer = 2\n"),
            root,
            Settings(
                proof_command=command,
                proof_seconds=seconds,
                proof_folder_bytes=most_bytes,
                trusted=trusted,
            ),
            dict(os.environ) if environment is None else environment,
            buffers or {},
        )
    finally:
        assert tree_hash(root) == before
    assert proof is not None
    return proof


def is_running(mark: str) -> bool:
    listed = subprocess.run(
        ["ps", "-e", "-ww", "-o", "args"], capture_output=True, text=True, check=True
    )
    return mark in listed.stdout


# --- What it says


async def test_a_command_that_succeeds_with_the_change_passes(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proof = await proved(root, python("import app; assert app.answer == 2; print('fine')"))
    assert (proof.passed, proof.problem, proof.output) == (True, "", "fine")
    assert 0 < proof.seconds < 30
    assert caplog.text == ""


async def test_a_command_that_fails_only_with_the_change_fails(root: Path) -> None:
    proof = await proved(root, python("import app; assert app.answer == 1, 'it is not 1'"))
    assert (proof.passed, proof.problem) == (False, "")
    assert proof.output.endswith("AssertionError: it is not 1")


async def test_a_command_that_fails_without_the_change_too_says_nothing(root: Path) -> None:
    command = python("raise SystemExit(3)")
    proof = await proved(root, command)
    assert not proof.passed
    assert proof.problem.endswith("fails without the change too, so it says nothing about it.")


async def test_the_run_without_the_change_finds_nothing_of_the_one_with_it(root: Path) -> None:
    code = "import os, app; assert not os.path.exists('left'); open('left', 'w'); app.answer == 1"
    proof = await proved(root, python(f"{code} or exit(1)"))
    assert (proof.passed, proof.problem) == (False, "")


async def test_new_files_and_their_folders_are_in_the_copy(root: Path) -> None:
    made = change(root, deep__down__new_py="x = 5\n")
    proof = await proved(root, python("import deep.down.new as n; assert n.x == 5"), made)
    assert proof.passed, proof.output


async def test_a_byte_order_mark_stays(root: Path) -> None:
    made = change(root, crlf_py="line = 2\r\n")
    proof = await proved(root, python("print(open('crlf.py', 'rb').read())"), made)
    assert proof.output == r"b'\xef\xbb\xbfline = 2\r\n'"


async def test_unsaved_texts_are_in_the_copy_in_both_runs(root: Path) -> None:
    buffers = {
        str(root / "node_modules/left-pad/index.js"): "unsaved\n",
        str(root / "app.py"): "answer = 7\n",
        str(root / ".git/config"): "not this\n",
        str(root.parent / "elsewhere.py"): "nor this\n",
    }
    code = "import app; print(open('node_modules/left-pad/index.js').read(), app.answer)"
    proof = await proved(root, python(code), change(root, new_py="x"), buffers=buffers)
    assert proof.output == "unsaved\n 7"
    proof = await proved(root, python(f"{code}; assert app.answer == 7"), buffers=buffers)
    assert (proof.passed, proof.problem) == (False, "")
    assert "unsaved\n 2" in proof.output


# --- What it may do


async def test_whatever_a_command_does_to_the_copy_the_project_is_untouched(root: Path) -> None:
    code = (
        "import os, shutil, pathlib\n"
        "for path in list(pathlib.Path('.').rglob('*')):\n"
        "    if path.is_file():\n"
        "        path.chmod(0o600); path.write_text('overwritten')\n"
        "shutil.rmtree('node_modules')\n"
        "pathlib.Path('made').mkdir(); pathlib.Path('made/x').write_text('x')\n"
        "os.chmod('made/x', 0); os.chmod('made', 0o100)\n"
    )
    proof = await proved(root, python(code))
    assert proof.passed, proof.output


async def test_it_runs_on_everything_but_the_repository(root: Path) -> None:
    code = "import os; print(sorted(os.listdir('.')), os.environ['BACKEND_DEVELOPER_PROOF'])"
    proof = await proved(root, python(code))
    names = [".env", "app.py", "crlf.py", "locked", "node_modules", "tests"]
    assert proof.output == f"{names} 1"


async def test_links_inside_lead_to_the_copy_and_links_out_are_left_out(
    root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("outside")
    links: dict[str, Path | str] = {
        "absolute": root / "app.py",
        "relative": "tests/../app.py",
        "folder": root / "node_modules",
        "out": outside,
        "out-file": outside / "file",
        "up": "../outside/file",
        "gone": "nowhere",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    code = (
        "import os, pathlib\n"
        "for name in ('absolute', 'relative', 'folder/left-pad/index.js'):\n"
        "    pathlib.Path(name).write_text('through a link')\n"
        "assert open('app.py').read() == 'through a link'\n"
        "print(sorted(name for name in os.listdir('.') if os.path.islink(name)))\n"
    )
    proof = await proved(root, python(code))
    assert proof.output == "['absolute', 'folder', 'gone', 'relative']"
    assert (outside / "file").read_text() == "outside"
    assert (root / "app.py").read_text() == FILES["app.py"]


async def test_a_change_is_never_written_through_a_link_out(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "linked").symlink_to(outside)
    await proved(root, python("pass"), change(root, linked__new_py="x"))
    assert list(outside.iterdir()) == []


async def test_the_projects_own_environment_runs_the_copy(root: Path) -> None:
    """Its interpreter, its programs and what is installed editable name the project's folder."""
    venv = make_environment(root)
    environment = {"PATH": f"{venv}/bin:{os.environ['PATH']}", "VIRTUAL_ENV": str(venv)}
    for command in (".venv/bin/show", "show", f"{venv}/bin/show"):
        proof = await proved(root, command, environment=environment)
        assert (proof.passed, proof.output) == (True, "./src/package.py"), command


def make_environment(root: Path) -> Path:
    venv = root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    (root / "src").mkdir()
    (root / "src/package.py").write_text("answer = 1\n")
    (packages / "__editable__.package.pth").write_text(f"{root}/src\n")
    program = venv / "bin/show"
    program.write_text(f"#!{venv}/bin/python\nimport package; print(package.__file__)\n")
    program.chmod(0o755)
    return venv


async def test_a_command_sees_no_credentials(root: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "ANTHROPIC_BASE_URL": "https://example.test",
        "ANTHROPIC_API_KEY": "a",
        "AWS_PROFILE": "b",
        "GITHUB_TOKEN": "c",
        "STRIPE_KEY": "d",
        "DJANGO_SECRET": "e",
        "PGPASSWORD": "f",
        "SSH_AUTH_SOCK": "/g",
        "GOOGLE_APPLICATION_CREDENTIALS": "/h",
        "npm_config__authToken": "i",
        "DATABASE_URL": "postgres://user:hunter2@db.example.com/x",
        "REDIS_URL": "redis://localhost",
        "HARMLESS_NAME": "ghp_" + "a1B2c3D4e5F6" * 3,
    }
    code = "import os; print(sorted(os.environ))"
    proof = await proved(root, python(code), environment=environment)
    names = ["BACKEND_DEVELOPER_PROOF", "LANG", "PATH", "PWD", "REDIS_URL"]
    assert proof.output.replace("'LC_CTYPE', ", "") == str(names)


async def test_nothing_can_be_asked_on_stdin(root: Path) -> None:
    proof = await proved(root, python("import sys; print(repr(sys.stdin.read()))"))
    assert proof.output == "''"


# --- What it prints


async def test_output_is_text_for_people(root: Path) -> None:
    code = (
        "import os, sys\n"
        "print('\\x1b[1;31mred\\x1b[0m \\x1b]0;title\\x07bell\\x07 \\u202e', flush=True)\n"
        "print('error', file=sys.stderr, flush=True)\n"
        "print(os.getcwd() + '/app.py:1', os.environ['PWD'])\n"
        "sys.stdout.buffer.write(b'\\xff')\n"
    )
    proof = await proved(root, python(code))
    assert proof.output == "red bell\\x07 \\u202e\nerror\n./app.py:1 .\n\ufffd"


async def test_a_command_that_prints_100_megabytes_costs_none(root: Path) -> None:
    code = "import sys\nfor n in range(1600): sys.stdout.write((f'{n} ' + 'x' * 60 + '\\n') * 1000)"
    tracemalloc.start()
    proof = await proved(root, python(code))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert proof.passed
    assert peak < 5_000_000
    assert len(proof.output) <= MOST_OUTPUT
    assert proof.output.startswith("…\n1599 xxx")
    assert proof.output.endswith("\n1599 " + "x" * 60)


async def test_one_line_without_an_end_is_cut_too(root: Path) -> None:
    proof = await proved(root, python("print('x' * 1_000_000, end='')"))
    assert proof.output == "…\n" + "x" * (MOST_OUTPUT - 2)


# --- How it ends


_GRANDCHILDREN = (
    "import subprocess, sys, time\n"
    "code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(99)'\n"
    "subprocess.Popen([sys.executable, '-c', code, {mark!r}])\n"
    "print('begun', flush=True)\n"
    "time.sleep({seconds})"
)


async def test_a_command_that_hangs_is_killed_with_all_it_started(root: Path) -> None:
    mark = f"mark-{os.getpid()}-hangs"
    command = python(_GRANDCHILDREN.format(mark=mark, seconds=99))
    began = time.monotonic()
    proof = await proved(root, command, seconds=1)
    assert time.monotonic() - began < 10
    assert not proof.passed
    assert "took longer than 1 seconds and was ended" in proof.problem
    assert proof.output == "begun"
    assert not is_running(mark)


async def test_what_a_command_leaves_in_the_background_is_killed(root: Path) -> None:
    mark = f"mark-{os.getpid()}-leaves"
    proof = await proved(root, python(_GRANDCHILDREN.format(mark=mark, seconds=0)))
    assert proof.passed
    assert not is_running(mark)


async def test_who_has_left_the_group_keeps_nobody_waiting(root: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "code = 'import time; time.sleep(4)'\n"
        "subprocess.Popen([sys.executable, '-c', code], start_new_session=True)\n"
    )
    began = time.monotonic()
    proof = await proved(root, python(code))
    assert proof.passed
    assert time.monotonic() - began < 3


async def test_a_cancelled_proof_leaves_nothing(root: Path) -> None:
    mark = f"mark-{os.getpid()}-cancelled"
    command = python(_GRANDCHILDREN.format(mark=mark, seconds=99))
    task = asyncio.create_task(proved(root, command))
    await asyncio.to_thread(wait_until, lambda: is_running(mark))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_running(mark)


@pytest.mark.parametrize("after", [0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1])
async def test_it_can_be_cancelled_at_any_moment(root: Path, after: float) -> None:
    mark = f"mark-{os.getpid()}-{after}"
    command = python(_GRANDCHILDREN.format(mark=mark, seconds=99))
    task = asyncio.create_task(proved(root, command))
    await asyncio.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_running(mark)


def test_a_command_ends_when_this_process_is_killed(root: Path, tmp_path: Path) -> None:
    mark = f"mark-{os.getpid()}-orphan"
    command = python(_GRANDCHILDREN.format(mark=mark, seconds=99))
    code = (
        "import asyncio, os, tempfile\n"
        "from pathlib import Path\n"
        "from backend_developer.core.changes import ChangeSet\n"
        "from backend_developer.proof import prove\n"
        "from backend_developer.settings import Settings\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        f"settings = Settings(proof_command={command!r})\n"
        f"asyncio.run(prove(ChangeSet(()), Path({str(root)!r}), settings, os.environ, {{}}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_until(lambda: is_running(mark))
        process.kill()
    wait_until(lambda: not is_running(mark))


def test_the_copy_of_a_process_that_was_killed_is_removed_later(root: Path, copies: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    stale = copies / f"backend-developer-proof-{process.pid}-abc"
    (stale / "project").mkdir(parents=True)
    of_a_living_one = copies / f"backend-developer-proof-{os.getpid()}-abc"
    of_another_kind = copies / "backend-developer-proof-x-abc"
    for folder in (of_a_living_one, of_another_kind):
        folder.mkdir()
    asyncio.run(proved(root, "true"))
    assert sorted(copies.iterdir()) == [of_a_living_one, of_another_kind]
    of_a_living_one.rmdir()
    of_another_kind.rmdir()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


async def test_copying_does_not_keep_the_loop(root: Path) -> None:
    (root / "many").mkdir()
    for number in range(3000):
        (root / f"many/{number}").write_bytes(b"x" * 100)
    gaps = []

    async def watch() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.001)
            gaps.append(time.monotonic() - began)

    watching = asyncio.create_task(watch())
    proof = await proved(root, python("pass"))
    watching.cancel()
    assert proof.passed
    assert max(gaps) < 0.25


# --- Where it is not run


async def test_without_a_command_there_is_no_proof(root: Path) -> None:
    assert await prove(change(root), root, Settings(), {}, {}) is None
    assert await prove(change(root), root, Settings(proof_command="  "), {}, {}) is None


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("no-such-program -q", "`no-such-program -q` could not be started (no such file or"),
        ("./app.py", "`./app.py` could not be started (permission denied)"),
        ("pytest '", "The setting `proofCommand` cannot be read: no closing quotation."),
    ],
)
async def test_what_cannot_be_run_is_said(root: Path, command: str, problem: str) -> None:
    check_not_run(await proved(root, command), problem)


async def test_nothing_is_run_where_the_workspace_is_not_trusted(root: Path) -> None:
    proof = await proved(root, "true", trusted=False)
    check_not_run(proof, "The workspace is not trusted, so `true` was not run.")


async def test_a_large_project_is_not_copied(root: Path) -> None:
    check_not_run(
        await proved(root, "true", most_bytes=50),
        "The project has more than 50 bytes, so `true` was not run on a copy of it: raise the",
    )


def check_not_run(proof: Proof, problem: str) -> None:
    assert not proof.passed
    assert proof.problem.startswith(problem)
    assert proof.output == ""


async def test_a_disk_that_is_full_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy2", fail)
    proof = await proved(root, "true")
    assert proof.problem == "`true` could not be run on a copy of the project: " + (
        "no space left on device."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("proofCommand", "rm -rf /"), ("proofSeconds", 9999), ("proofFolderBytes", 10**12)],
)
def test_a_projects_own_file_cannot_set_it(root: Path, name: str, value: object) -> None:
    file = root / ".backend-developer.yml"
    file.write_text(f"{name}: {value}\n")
    source, _ = load_project_file(root)
    assert source is not None
    settings, [problem] = read([source])
    assert settings == Settings()
    assert problem.message.startswith(f"A project may not set `{name}`")
    settings, problems = read([Source("user", {name: value})])
    assert settings != Settings()
    assert problems == ()
