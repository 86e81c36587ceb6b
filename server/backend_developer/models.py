"""Which model reviews: the one table from the aliases of agent files to model ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from .core.model import AgentDefinition
from .settings import Settings

MODELS: Mapping[str, str] = MappingProxyType(
    {
        "fable": "claude-fable-5-2",
        "opus": "claude-opus-5-5",
        "sonnet": "claude-sonnet-5-5",
        "haiku": "claude-haiku-5-5",
    }
)
"""Alias -> the newest id of that family. The API knows no aliases: one sent as it is is a 404."""

DEFAULT_MODEL = "sonnet"
"""What "inherit" means: unlike a sub-agent, ours has no conversation to inherit a model from."""


SECOND_LOOK_MODEL = "haiku"
"""Who tries to refute what a model of MODELS has found: a cheaper one."""


def second_look_model(agent: AgentDefinition, settings: Settings) -> str:
    """The model id for a second look.

    The setting `secondLookModel`; else a cheaper model of MODELS, where the first look is by one
    of them. Elsewhere the same model: an endpoint of one's own need not know another.
    """
    first = resolve_model(agent, settings)
    if settings.second_look_model:
        return resolve_model(agent, replace(settings, model=settings.second_look_model))
    if first not in MODELS.values():
        return first
    return resolve_model(agent, replace(settings, model=SECOND_LOOK_MODEL))


def resolve_model(agent: AgentDefinition, settings: Settings) -> str:
    """The model id to ask for.

    The `model` setting goes before the agent's own; "inherit" and nothing are DEFAULT_MODEL;
    the `modelAliases` setting goes before MODELS and may point into it. Any other name is
    passed on as written: it may be a full id, or one that only the endpoint knows.
    """
    name = (settings.model or agent.model).strip()
    if name.lower() in ("", "inherit"):
        name = DEFAULT_MODEL
    name = settings.model_aliases.get(name, name)
    return MODELS.get(name.lower(), name)
