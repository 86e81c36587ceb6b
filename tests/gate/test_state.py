"""The one file: who may read it, and what is said when it cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import backend_developer.state as state_module
from backend_developer.consents import give, has_consent
from backend_developer.state import MIGRATIONS, State, StateError, state_folder


def test_only_its_person_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    (folder / "state.db").touch(mode=0o644)
    state = State(folder)
    with state.writing() as db:
        db.execute("INSERT INTO consents VALUES ('/a', 'http://b', 1)")
        # While somebody writes, SQLite has files of its own beside it.
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert set(modes) == {"state.db", "state.db-wal", "state.db-shm"}
    assert set(modes.values()) == {0o600}


def test_reading_makes_nothing(state: State) -> None:
    assert not has_consent(state, "/a", "http://b")
    assert not state.path.parent.exists()


def test_where_it_lies(tmp_path: Path) -> None:
    chosen = {"XDG_STATE_HOME": str(tmp_path)}
    assert state_folder(chosen) == tmp_path / "backend-developer"
    assert state_folder({"XDG_STATE_HOME": "here"}).is_absolute()


def test_what_fails_changes_nothing(state: State) -> None:
    give(state, "/a", "http://b")

    def fail() -> None:
        with state.writing() as db:
            db.execute("DELETE FROM consents")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert has_consent(state, "/a", "http://b")


def test_an_older_file_is_brought_up_to_date(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    give(state, "/a", "http://b")
    more = (*MIGRATIONS, ("CREATE TABLE more (one TEXT) STRICT",))
    monkeypatch.setattr(state_module, "MIGRATIONS", more)
    with state.writing() as db:
        db.execute("INSERT INTO more VALUES ('x')")
    assert has_consent(state, "/a", "http://b")
    monkeypatch.setattr(state_module, "MIGRATIONS", MIGRATIONS)
    with pytest.raises(StateError, match=r"newer version .* install that version"):
        give(state, "/a", "http://c")


def test_several_processes_make_it_at_once(state: State) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from backend_developer.consents import give\n"
        "from backend_developer.state import State\n"
        "state = State(Path(sys.argv[1]))\n"
        "sys.stdin.readline()\n"
        "for number in range(20): give(state, sys.argv[2], str(number))"
    )
    command = [sys.executable, "-c", code, str(state.path.parent)]
    running = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, env={"PYTHONPATH": _path()})
        for name in "abcd"
    ]
    for process in running:
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in running:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with state.reading() as db:
        assert db.execute("SELECT COUNT(*) FROM consents").fetchone() == (80,)


def test_the_locks_of_a_process_are_kept(state: State) -> None:
    give(state, "/a", "http://b")
    code = "import sys; from backend_developer.state import State; from pathlib import Path\n"
    code += "with State(Path(sys.argv[1])).reading() as db: db.execute('SELECT * FROM consents')"
    with state.reading() as db:
        db.execute("SELECT * FROM consents").fetchall()
        give(state, "/c", "http://b")
        subprocess.run(
            [sys.executable, "-c", code, str(state.path.parent)],
            env={"PYTHONPATH": _path()},
            check=True,
            timeout=60,
        )
        # The last one to leave takes the log away, and the other process was not that.
        assert state.path.with_name("state.db-wal").exists()


def _path() -> str:
    return ":".join(sys.path)


# --- What cannot be used


def test_a_damaged_file(state: State) -> None:
    state.path.parent.mkdir()
    state.path.write_bytes(b"This was a database once. " * 100)
    with pytest.raises(StateError, match="is damaged: move it away"):
        has_consent(state, "/a", "http://b")


def test_a_file_without_its_tables(state: State) -> None:
    give(state, "/a", "http://b")
    with state.writing() as db:
        db.execute("DROP TABLE consents")
    with pytest.raises(StateError, match="is damaged: move it away"):
        has_consent(state, "/a", "http://b")


def test_a_file_that_another_program_holds(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "BUSY_SECONDS", 0.05)
    give(state, "/a", "http://b")
    with state.writing():
        # Readers are not in the way of a writer, nor it in theirs.
        assert has_consent(state, "/a", "http://b")
        with pytest.raises(StateError, match="is in use by another program: try again"):
            give(state, "/a", "http://c")


def test_a_file_that_cannot_be_written(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    give(state, "/a", "http://b")
    connect = sqlite3.connect

    def read_only(path: Path, **options: Any) -> sqlite3.Connection:
        return connect(f"{path.as_uri()}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(StateError, match="cannot be written: check its folder's permissions"):
        give(state, "/a", "http://c")
    assert has_consent(state, "/a", "http://b")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"cannot be used \(not a directory\)"):
        give(State(tmp_path / "file" / "state"), "/a", "http://b")
