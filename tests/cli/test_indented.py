"""Our JSON is the library's, to the character."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.reports.indented import dumps

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
DATA = st.recursive(
    PLAIN, lambda one: st.lists(one) | st.tuples(one, one) | st.dictionaries(st.text(), one)
)


@given(DATA)
def test_it_is_what_the_library_writes(data: object) -> None:
    assert dumps(data) == json.dumps(data, indent=2)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        dumps({"a": [object()]})
