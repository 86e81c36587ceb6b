"""Which model id is asked for."""

from __future__ import annotations

import pytest

from backend_developer.core.model import AgentDefinition
from backend_developer.models import MODELS, resolve_model, second_look_model
from backend_developer.settings import Provider, Settings


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


@pytest.mark.parametrize(
    ("provider", "name", "expected"),
    [
        ("bedrock", "sonnet", "anthropic.claude-sonnet-5-5"),
        ("bedrock-runtime", "haiku", "global.anthropic.claude-haiku-5-5"),
        ("vertex", "opus", "claude-opus-5-5"),
        ("foundry", "fable", "claude-fable-5-2"),
        ("bedrock", "arn:aws:bedrock:1:profile/x", "arn:aws:bedrock:1:profile/x"),
        ("bedrock-runtime", "mine", "eu.anthropic.claude-sonnet-5-5"),
        ("bedrock", "fast", "anthropic.claude-haiku-5-5"),
    ],
)
def test_a_provider_has_ids_of_its_own(provider: Provider, name: str, expected: str) -> None:
    aliases = {"mine": "eu.anthropic.claude-sonnet-5-5", "fast": "haiku"}
    definition = AgentDefinition("a", "b", "c", "a.md", "user", model=name)
    settings = Settings(provider=provider, model_aliases=aliases)
    assert resolve_model(definition, settings) == expected


def test_the_second_look_is_by_the_providers_cheaper_model() -> None:
    definition = AgentDefinition("a", "b", "c", "a.md", "user", model="sonnet")
    settings = Settings(provider="bedrock")
    assert second_look_model(definition, settings) == "anthropic.claude-haiku-5-5"
    own = Settings(provider="bedrock", model="arn:aws:bedrock:1:profile/x")
    assert second_look_model(definition, own) == "arn:aws:bedrock:1:profile/x"
