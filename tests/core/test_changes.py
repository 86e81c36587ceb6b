"""What a change does to files, as a diff shows it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backend_developer.core.changes import FileChange
from backend_developer.core.model import Document, Span, TextEdit


@pytest.mark.parametrize(
    ("path", "text"),
    [("app/__init__.py", ""), ("app/a b.py", ""), ("app/names.py", "NAMES = ()\n")],
)
def test_a_new_file_is_in_the_diff(tmp_path: Path, path: str, text: str) -> None:
    document = Document(f"file:///srv/{path}", f"/srv/{path}", "python", "")
    change = FileChange(path, document, (TextEdit(Span(0, 0), text),), is_new=True)
    assert change.counts == (text.count("\n"), 0)
    subprocess.run(["git", "apply"], input=change.diff().encode(), cwd=tmp_path, check=True)
    assert (tmp_path / path).read_text() == text
