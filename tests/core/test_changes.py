"""What a change does to files, as a diff shows it and as it is counted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.core.changes import FileChange, split
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


TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "d"]), max_size=8).map("".join)


@given(TEXTS, TEXTS)
def test_lines_added_and_taken_away_are_those_of_the_diff(before: str, after: str) -> None:
    edits = split(before, TextEdit(Span(0, len(before)), after))
    change = FileChange("a.py", Document("file:///a.py", "/a.py", "python", before), edits)
    assert change.text_after == after
    rows = change.diff().split("\n")[2:]
    assert change.counts == tuple(sum(row.startswith(sign) for row in rows) for sign in "+-")
