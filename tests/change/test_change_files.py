"""Which files a change may touch: every path in it was written by a model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend_developer.change_files import ChangeFiles
from backend_developer.core.changes import Missing, OffLimits
from backend_developer.core.model import Document
from backend_developer.sendable import Denials, load_denials


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "app").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".gitignore").write_text("built/\n")
    (root / "app/main.py").write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    (root / "app/latin.py").write_bytes(b"name = '\xe9'\n")
    (root / "app/data.bin").write_bytes(b"\0\1")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("secret = 1\n")
    os.symlink(outside, root / "linked")
    os.symlink(outside / "a.py", root / "app/link.py")
    os.symlink("main.py", root / "app/same.py")
    (root / "app/parts").mkdir()
    (root / "app/parts/one.py").write_text("x = 1\n")
    os.symlink("app/parts", root / "parts")
    os.mkfifo(root / "app/pipe.py")
    return root


@pytest.fixture
def files(root: Path) -> ChangeFiles:
    reviewed = Document((root / "app/main.py").as_uri(), str(root / "app/main.py"), "python", "")
    return ChangeFiles(root, load_denials(root, {"HOME": str(root.parent)}), reviewed)


def test_a_file_is_read_as_it_can_be_put_back(files: ChangeFiles, root: Path) -> None:
    found = files.find("app/main.py")
    assert isinstance(found, Document)
    assert (found.text, found.language) == ("x = 1\r\n", "python")
    assert files.find(str(root / "app/main.py")) == found, "an absolute path below it means it too"


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("app/orders/routes.py", "python"),
        ("Dockerfile", "dockerfile"),
        (".github/workflows/ci.yml", "yaml"),
        ("pyproject.toml", "toml"),
        ("docs/decisions.md", "markdown"),
        ("Makefile", ""),
    ],
)
def test_a_file_that_may_be_made(files: ChangeFiles, root: Path, path: str, language: str) -> None:
    found = files.find(path)
    assert isinstance(found, Missing)
    assert found.document == Document((root / path).as_uri(), str(root / path), language, "")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../outside/a.py", "It is not in the workspace: name a path relative to it."),
        ("app/../../outside/a.py", "It is not in the workspace: name a path relative to it."),
        ("/etc/passwd", "It is not in the workspace: name a path relative to it."),
        ("C:/Windows/win.ini", "It is not in the workspace: name a path relative to it."),
        ("linked/a.py", "It is a link that leads out of the workspace."),
        ("linked/new.py", "It is a link that leads out of the workspace."),
        ("app/link.py", "It is a link that leads out of the workspace."),
        ("app/same.py", "It is a link to app/main.py: name that file."),
        ("parts/one.py", "It is a link to app/parts/one.py: name that file."),
        ("parts/new.py", "It is a link to app/parts/new.py: name that file."),
        ("app/main.py/a.py", "A file stands where its folder would be."),
        ("app", "It is a folder."),
        (".", "It is a folder."),
        ("", "That is no name for a file."),
        ("app/a\0.py", "That is no name for a file."),
        ("app/a\n.py", "That is no name for a file."),
        ("app/a\u202e.py", "That is no name for a file."),
        (".env", "It may not be changed, because its name says that it holds secrets."),
        (".git/hooks/pre-commit", "because what lies in that folder is run without anybody asking"),
        ("built/x.js", "It may not be changed, because git ignores it."),
        (".vscode/tasks.json", "what lies in that folder is run without anybody asking for it."),
        ("app/.Idea/workspace.xml", "what lies in that folder is run without anybody asking"),
        (".claude/agents/backend-developer.md", "what lies in that folder is run"),
        (".devcontainer/devcontainer.json", "what lies in that folder is run"),
        (".envrc", "It may not be changed, because"),
        (".backend-developer.yml", "because it says what tools and agents do here."),
        ("CLAUDE.md", "because it says what tools and agents do here."),
        ("api/Claude.md", "because it says what tools and agents do here."),
        (".pre-commit-config.yaml", "because it says what tools and agents do here."),
        ("app/latin.py", "It cannot be changed: it is not UTF-8"),
        ("app/data.bin", "It cannot be changed: it is binary"),
        ("app/pipe.py", "It cannot be changed: it is neither a file nor a folder"),
    ],
)
def test_what_no_change_may_touch(files: ChangeFiles, path: str, reason: str) -> None:
    found = files.find(path)
    assert isinstance(found, OffLimits), found
    assert reason in found.reason


def test_a_buffer_stands_for_its_file(files: ChangeFiles, root: Path) -> None:
    path = str(root / "app/main.py")
    buffer = Document("file:///app/main.py", path, "python", "y = 2\n", 7)
    opened = ChangeFiles(root, Denials(), buffer, {path: buffer}.get)
    assert opened.find("app/main.py") is buffer


def test_without_a_folder_only_the_reviewed_document_can_be_changed() -> None:
    lone = Document("untitled:a", "", "python", "x = 1\n", 1)
    files = ChangeFiles(None, Denials(), lone)
    assert files.find("untitled:a") is lone
    other = files.find("b.py")
    assert isinstance(other, OffLimits)
    assert other.reason == "No folder is open, so only the reviewed file can be changed."
