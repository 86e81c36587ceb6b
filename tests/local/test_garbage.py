"""What stays is never searched for garbage."""

from __future__ import annotations

import gc
import importlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend_developer.garbage import staying


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.isenabled()
    yield
    gc.unfreeze()
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("is_enabled", [True, False])
def test_what_stays_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_enabled: bool
) -> None:
    name = f"to_stay_{is_enabled}".lower()
    (tmp_path / f"{name}.py").write_text("KEPT = [[]]\n")
    monkeypatch.syspath_prepend(tmp_path)
    (gc.enable if is_enabled else gc.disable)()
    with staying():
        assert not gc.isenabled()
        kept = importlib.import_module(name).KEPT
    assert gc.isenabled() == is_enabled
    assert all(one is not kept for one in gc.get_objects())


def test_garbage_is_not_put_aside_each_time_that_something_is_imported_again() -> None:
    frozen = gc.get_freeze_count()
    with staying():
        import json  # noqa: F401
    assert gc.get_freeze_count() == frozen


def test_threads_that_import_at_once_leave_the_search_as_it_was() -> None:
    gc.enable()
    inside = threading.Event()
    entered = threading.Event()

    def first() -> None:
        with staying():
            inside.set()
            entered.wait(0.2)

    def second() -> None:
        inside.wait()
        with staying():
            entered.set()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.isenabled()
