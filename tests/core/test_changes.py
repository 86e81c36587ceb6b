"""What is said of a change's size, against its diff."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend_developer.core.changes import FileChange, split
from backend_developer.core.model import Document, Span, TextEdit

TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "d"]), max_size=8).map("".join)


@given(TEXTS, TEXTS)
def test_lines_added_and_taken_away_are_those_of_the_diff(before: str, after: str) -> None:
    edits = split(before, TextEdit(Span(0, len(before)), after))
    change = FileChange("a.py", Document("file:///a.py", "/a.py", "python", before), edits)
    assert change.text_after == after
    rows = change.diff().split("\n")[2:]
    assert change.counts == tuple(sum(row.startswith(sign) for row in rows) for sign in "+-")
