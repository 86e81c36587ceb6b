"""What holds for the whole suite."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A deadline would be one for the machine, which may be busy with something else.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def no_detector_fails(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that expects no finding must not pass because a detector made a mistake.

    One that makes a detector fail is marked `detector_fails`.
    """
    failures: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            failures.append(record.getMessage())

    logger = logging.getLogger("backend_developer.engines.local")
    listener = Listener(logging.ERROR)
    logger.addHandler(listener)
    yield
    logger.removeHandler(listener)
    assert failures == [] or request.node.get_closest_marker("detector_fails")
