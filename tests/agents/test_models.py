"""Which model id is asked for."""

from __future__ import annotations

import pytest

from backend_developer.core.model import AgentDefinition
from backend_developer.models import MODELS, resolve_model
from backend_developer.settings import Settings


@pytest.mark.parametrize(
    ("agent", "setting", "aliases", "expected"),
    [
        pytest.param("opus", "", {}, MODELS["opus"], id="alias"),
        pytest.param("Opus", "", {}, MODELS["opus"], id="alias in another case"),
        pytest.param("inherit", "", {}, MODELS["sonnet"], id="inherit"),
        pytest.param("claude-opus-4-8", "", {}, "claude-opus-4-8", id="full id"),
        pytest.param("local-llama", "", {}, "local-llama", id="what only the endpoint knows"),
        pytest.param("opus", "haiku", {}, MODELS["haiku"], id="the setting goes first"),
        pytest.param("opus", "inherit", {}, MODELS["sonnet"], id="the setting says inherit"),
        pytest.param("opus", "", {"opus": "my-opus"}, "my-opus", id="own alias over ours"),
        pytest.param("fast", "", {"fast": "haiku"}, MODELS["haiku"], id="own alias to ours"),
        pytest.param("inherit", "", {"sonnet": "s"}, "s", id="own alias for the default"),
    ],
)
def test_resolve_model(agent: str, setting: str, aliases: dict[str, str], expected: str) -> None:
    definition = AgentDefinition("a", "b", "c", "a.md", "user", model=agent)
    assert resolve_model(definition, Settings(model=setting, model_aliases=aliases)) == expected
