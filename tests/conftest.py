"""What holds for the whole suite."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# Whoever starts the tests in the background may have the keys that end a program ignored, which the
# programs that they start would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

# A deadline would be one for the machine, which may be busy with something else.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


class EditorsInOneProcess(LoadScopeScheduling):
    """Tests go to whichever process is free; those of editors share what they install and start."""

    def _split_scope(self, nodeid: str) -> str:
        return "editors" if nodeid.startswith("tests/editors/") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> EditorsInOneProcess:
    return EditorsInOneProcess(config, log)


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
