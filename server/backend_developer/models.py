"""Which model reviews: the one table from the aliases of agent files to model ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from .core.model import AgentDefinition
from .settings import Provider, Settings

MODELS: Mapping[str, str] = MappingProxyType(
    {
        "fable": "claude-fable-5-2",
        "opus": "claude-opus-5-5",
        "sonnet": "claude-sonnet-5-5",
        "haiku": "claude-haiku-5-5",
    }
)
"""Alias -> the newest id of that family. The API knows no aliases: one sent as it is is a 404."""

_PREFIXES: Mapping[Provider, str] = {
    "bedrock": "anthropic.",
    # An inference profile: the newer models have no id of their own there.
    "bedrock-runtime": "global.anthropic.",
}
"""What a provider's ids begin with, where they are not Anthropic's own."""

DEFAULT_MODEL = "sonnet"
"""What "inherit" means: unlike a sub-agent, ours has no conversation to inherit a model from."""


SECOND_LOOK_MODEL = "haiku"
"""Who tries to refute what a model of MODELS has found: a cheaper one."""


def provider_models(settings: Settings) -> Mapping[str, str]:
    """MODELS with the ids of the provider that is set. What it calls them may be changed by region,
    contract or deployment: the setting `modelAliases` goes before it.
    """
    prefix = _PREFIXES.get(settings.provider, "")
    return {alias: prefix + model_id for alias, model_id in MODELS.items()}


def second_look_model(agent: AgentDefinition, settings: Settings) -> str:
    """The model id for a second look.

    The setting `secondLookModel`; else a cheaper one of the provider's, where the first look is by
    one of them. Elsewhere the same model: an endpoint of one's own need not know another.
    """
    first = resolve_model(agent, settings)
    if settings.second_look_model:
        return resolve_model(agent, replace(settings, model=settings.second_look_model))
    if first not in provider_models(settings).values():
        return first
    return resolve_model(agent, replace(settings, model=SECOND_LOOK_MODEL))


def resolve_model(agent: AgentDefinition, settings: Settings) -> str:
    """The model id to ask for.

    The `model` setting goes before the agent's own; "inherit" and nothing are DEFAULT_MODEL;
    the `modelAliases` setting goes before MODELS, which the provider's ids are made from, and may
    point into it. Any other name is passed on as written: it may be a full id, or one that only
    the endpoint knows.
    """
    name = (settings.model or agent.model).strip()
    if name.lower() in ("", "inherit"):
        name = DEFAULT_MODEL
    name = settings.model_aliases.get(name, name)
    return provider_models(settings).get(name.lower(), name)
