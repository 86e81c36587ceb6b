from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from editors.support import loopback_model
from loopback_model import LoopbackModel


@pytest.fixture
def model() -> Iterator[LoopbackModel]:
    with loopback_model() as model:
        yield model


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screens are kept: the folder of EDITOR_PICTURES, if it is set."""
    folder = Path(os.environ.get("EDITOR_PICTURES") or tmp_path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
