from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from editors.neovim.driver import Neovim, neovim
from editors.support import agree
from loopback_model import KEY, LoopbackModel


@pytest.fixture
def nvim(tmp_path: Path) -> Iterator[Neovim]:
    """Neovim with the local engine only: no key is set."""
    with neovim(tmp_path, {}) as nvim:
        yield nvim


@pytest.fixture
def nvim_with_agent(tmp_path: Path, model: LoopbackModel) -> Iterator[Neovim]:
    """Neovim with an agent, whose model is the loopback one."""
    variables = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url}
    agree(tmp_path / "home" / "state", tmp_path / "shop", model)
    with neovim(tmp_path, variables) as nvim:
        yield nvim
