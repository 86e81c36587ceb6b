"""What stays is never searched for garbage."""

from __future__ import annotations

import gc

import pytest

from backend_developer.garbage import staying


@pytest.mark.parametrize("is_enabled", [True, False])
def test_what_stays_is_put_aside(is_enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if is_enabled else gc.disable)()
    try:
        with staying():
            assert not gc.isenabled()
            kept: list[list[int]] = [[]]
        assert gc.isenabled() == is_enabled
        assert all(one is not kept for one in gc.get_objects())
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()
    assert any(one is kept for one in gc.get_objects())
