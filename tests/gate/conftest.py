from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend_developer.state import State
from loopback_model import LoopbackModel


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state")


@pytest.fixture
async def model() -> AsyncIterator[LoopbackModel]:
    async with LoopbackModel() as endpoint:
        yield endpoint
