"""What an agent's tools read, and what they refuse."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend_developer.engines.base import ReadError
from backend_developer.reader import MOST_BYTES, WorkspaceReader
from backend_developer.sendable import load_denials

MAIN = """\
from app.models import User


@app.get("/users")
async def users(limit: int = 10):
    return await User.all(limit)


class Shop:
    name = "shop"

    def total(self, order):
        return sum(order)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / ".git").mkdir(parents=True)
    (root / "app").mkdir()
    (root / "app" / "main.py").write_text(MAIN)
    (root / "app" / "models.py").write_text("class User:\n    id: int\n\n\nLIMIT = 10\n")
    cart = "export const total = (x: number) => {\n  return x;\n};\n"
    (root / "app" / "cart.ts").write_text(cart)
    (root / ".env").write_text("KEY=secret")
    (root / ".gitignore").write_text("local/\n")
    (root / "local").mkdir()
    (root / "local" / "notes.py").write_text("User = 'hidden'\n")
    return root


@pytest.fixture
def reader(root: Path, tmp_path: Path) -> WorkspaceReader:
    return WorkspaceReader(root, load_denials(root, {"HOME": str(tmp_path)}))


def test_lines_are_numbered_and_the_rest_is_counted(reader: WorkspaceReader) -> None:
    assert reader.read_file("app/main.py", 4, 5) == (
        '   4 | @app.get("/users")\n   5 | async def users(limit: int = 10):\n… (9 more lines)'
    )


def test_a_buffer_stands_for_its_file(root: Path, reader: WorkspaceReader) -> None:
    edited = WorkspaceReader(root, reader.denials, {str(root / "app/main.py"): "unsaved = 1\n"})
    assert "unsaved = 1" in edited.read_file("app/main.py", 1, 9)
    assert "app/main.py:1: unsaved = 1" in edited.search("unsaved", "")


def test_the_files_that_hold_a_word_and_may_be_read(root: Path, reader: WorkspaceReader) -> None:
    (root / ".backend-developer.ignore").write_text("app/cart.ts\n")
    buffers = {str(root / "app" / "models.py"): "class Buyer: ...\n"}
    denials = load_denials(root, {"HOME": str(root)})
    edited = WorkspaceReader(root, denials, buffers)
    end = time.monotonic() + 10
    paths = [*edited.paths(), "app/gone.py"]

    def found(*words: str) -> list[str]:
        return [path for path, _ in edited.files_with(paths, words, end)]

    assert found("Shop", "Buyer") == ["app/main.py", "app/models.py"]
    assert found("total") == ["app/main.py"]
    assert found("LIMIT", "\ud800") == []
    assert list(edited.files_with(paths, ["Shop"], time.monotonic() - 1)) == []


def test_an_outline_and_definitions(reader: WorkspaceReader) -> None:
    assert reader.outline("app/main.py").splitlines() == [
        "   4 | async def users(limit: int = 10):",
        "   9 | class Shop:",
        '  10 |   name = "shop"',
        "  12 |   def total(self, order):",
    ]
    assert (
        reader.find_definition("User") == "app/models.py:\n   1 | class User:\n   2 |     id: int"
    )
    assert "cart.ts" in reader.find_definition("total")
    assert "main.py" in reader.find_definition("Shop.total")
    assert reader.find_definition("Nobody") == "Nobody is not defined in this workspace."


def test_a_search_tells_where(reader: WorkspaceReader) -> None:
    assert reader.search("User", "").splitlines() == [
        "app/main.py:1: from app.models import User",
        "app/main.py:6: return await User.all(limit)",
        "app/models.py:1: class User:",
    ]
    assert reader.search("User", "app/mod*.py") == "app/models.py:1: class User:"
    assert reader.search("total", "**/*.ts").startswith("app/cart.ts:1:")
    assert reader.search("nothing such", "") == "Nothing in the workspace contains that text."


def _pipe(root: Path) -> str:
    os.mkfifo(root / "pipe.py")
    return "pipe.py"


def _huge(root: Path) -> str:
    with (root / "huge.py").open("wb") as file:
        file.truncate(1_000 * MOST_BYTES)  # A hole: it takes no room.
    return "huge.py"


def _binary(root: Path) -> str:
    (root / "binary.py").write_bytes(b"x\0y")
    return "binary.py"


def _link_out(root: Path) -> str:
    (root.parent / "outside.py").write_text("x = 1")
    (root / "link.py").symlink_to(root.parent / "outside.py")
    return "link.py"


def _folder_out(root: Path) -> str:
    (root / "etc").symlink_to("/etc")
    return "etc/passwd"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../../etc/passwd", "is not in the workspace"),
        ("/etc/passwd", "is not in the workspace"),
        ("app/../../shop2/a.py", "is not in the workspace"),
        ("", "is not in the workspace"),
        ("a\0b", "is not in the workspace"),
        ("\ud800.py", "is not in the workspace"),
        (".git/config", "its name says that it holds secrets"),
        (".env", "its name says that it holds secrets"),
        ("local/notes.py", "git ignores it"),
        ("app/nothing.py", "there is no such text file"),
        ("app", "there is no such text file"),
        (_pipe, "there is no such text file"),
        (_huge, "there is no such text file"),
        (_binary, "there is no such text file"),
        (_link_out, "is a link that leads out of the workspace"),
        (_folder_out, "is a link that leads out of the workspace"),
    ],
)
def test_what_must_not_be_read_is_refused(
    reader: WorkspaceReader, root: Path, path: str | Callable[[Path], str], why: str
) -> None:
    asked = path if isinstance(path, str) else path(root)
    with pytest.raises(ReadError, match=why):
        reader.read_file(asked, 1, 10)
    assert "hidden" not in reader.search("User", "")
