"""Where an agent's calls go, and as whom: the settings and the environment decide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..gate import host_of
from ..settings import Provider, Settings
from .base import EngineError

NAMES: Mapping[Provider, str] = {
    "anthropic": "Anthropic",
    "bedrock": "Amazon Bedrock",
    "bedrock-runtime": "Amazon Bedrock",
    "vertex": "Google Vertex AI",
    "foundry": "Microsoft Foundry",
}

DEFAULT_BASE_URL = "https://api.anthropic.com"

BASE_URL_VARIABLES: Mapping[Provider, str] = {
    "anthropic": "ANTHROPIC_BASE_URL",
    "bedrock": "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    "bedrock-runtime": "ANTHROPIC_BEDROCK_BASE_URL",
    "vertex": "ANTHROPIC_VERTEX_BASE_URL",
    "foundry": "ANTHROPIC_FOUNDRY_BASE_URL",
}
"""The SDK's own names."""

CREDENTIALS: Mapping[str, str] = {
    "ANTHROPIC_API_KEY": "api_key",
    "ANTHROPIC_AUTH_TOKEN": "auth_token",
    "ANTHROPIC_PROFILE": "profile",
}
"""Variable -> the client's argument, in the SDK's order. They are passed explicitly: the SDK
would else look into the process's own environment and the user's folders by itself."""

_AWS = ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_PROFILE")
VARIABLES: Mapping[Provider, tuple[str, ...]] = {
    "anthropic": tuple(CREDENTIALS),
    "bedrock": _AWS,
    "bedrock-runtime": _AWS,
    "vertex": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "foundry": ("ANTHROPIC_FOUNDRY_API_KEY",),
}
"""Provider -> the variables that say who calls, the one first that is used first."""

NO_KEY = "none"
"""What is sent to an endpoint of one's own when there is no key: the SDK insists on one."""

CREDENTIALS_FILE = "credentials_file"
"""The argument that is a file to be read, where all others are the client's own."""

_PUBLIC = frozenset({"aws_region", "region", "project_id", CREDENTIALS_FILE})
"""Arguments that are no secrets."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the agent's calls go, and as whom. Its repr shows no secret."""

    base_url: str
    arguments: tuple[tuple[str, str], ...]
    """Of the client: ("api_key", …), ("aws_region", …) …"""
    is_own: bool
    """Somebody set the address, so it need not be the provider's."""
    provider: Provider = "anthropic"
    source: str = ""
    """What a person looks at when the key is refused: the name of a variable, mostly."""

    @property
    def host(self) -> str:
        return host_of(self.base_url)

    @property
    def name(self) -> str:
        return NAMES[self.provider]

    @property
    def has_batches(self) -> bool:
        """Message Batches, and a list of models: the SDK has them for Anthropic's API alone."""
        return self.provider == "anthropic"

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(value for argument, value in self.arguments if argument not in _PUBLIC)

    def __repr__(self) -> str:
        return f"Endpoint({self.host!r}, {self.source!r})"


def available(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Whether an agent can be asked: a key, a token, a profile, a provider or an endpoint is set.

    Looks at nothing but its arguments, so it can be asked at any time.
    """
    return bool(
        settings.provider != "anthropic"
        or _own_base_url(settings, environment)
        or credentials_in(settings, environment)
    )


def credentials_in(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """The names of those of the provider's VARIABLES that are set, the one that is used first."""
    return [name for name in VARIABLES[settings.provider] if _value(environment, name)]


def no_batches(endpoint: Endpoint) -> str:
    """Why a batch cannot be sent there; "" where it can."""
    if endpoint.has_batches:
        return ""
    return (
        f"{endpoint.name} takes no Message Batches: review without --batch, or set the provider "
        "anthropic for it."
    )


def find_endpoint(settings: Settings, environment: Mapping[str, str]) -> Endpoint:
    """Where calls go; raises EngineError when there is no key, or the key or address is no such."""
    own = _own_base_url(settings, environment)
    address = base_url(settings, environment)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        variable = BASE_URL_VARIABLES[settings.provider]
        raise EngineError(
            "The base URL of the model's endpoint is not an http or https address: "
            f"correct the setting baseUrl or {variable}."
        )
    match settings.provider:
        case "anthropic":
            source, arguments = _anthropic(environment, bool(own))
        case "bedrock" | "bedrock-runtime":
            source, arguments = _bedrock(environment)
        case "vertex":
            source, arguments = _vertex(environment)
        case "foundry":
            source, arguments = _foundry(environment)
    endpoint = Endpoint(address, tuple(arguments.items()), bool(own), settings.provider, source)
    if not all(secret.isascii() and secret.isprintable() for secret in endpoint.secrets):
        raise EngineError(f"{source} has characters that no key has: copy the key again.")
    return endpoint


def base_url(settings: Settings, environment: Mapping[str, str]) -> str:
    """Where calls go, whether there is a key or not; raises EngineError when nothing says so."""
    if own := _own_base_url(settings, environment):
        return own
    match settings.provider:
        case "bedrock":
            return f"https://bedrock-mantle.{_aws_region(environment)}.api.aws/anthropic"
        case "bedrock-runtime":
            return f"https://bedrock-runtime.{_aws_region(environment)}.amazonaws.com"
        case "vertex":
            return f"https://{_vertex_host(_vertex_region(environment))}/v1"
        case "foundry":
            resource = _part_of_host(environment, "ANTHROPIC_FOUNDRY_RESOURCE")
            return f"https://{resource}.services.ai.azure.com/anthropic"
        case "anthropic":
            return DEFAULT_BASE_URL


def _own_base_url(settings: Settings, environment: Mapping[str, str]) -> str:
    variable = BASE_URL_VARIABLES[settings.provider]
    return settings.base_url.strip() or _value(environment, variable)


# --- Who calls: the name of what says so, and the client's arguments


def _anthropic(environment: Mapping[str, str], is_own: bool) -> tuple[str, dict[str, str]]:
    for variable, argument in CREDENTIALS.items():
        if value := _value(environment, variable):
            return variable, {argument: value}
    if not is_own:
        raise EngineError(
            "The agent needs a key: set ANTHROPIC_API_KEY, or set baseUrl to an endpoint that "
            "needs none, or use the local engine."
        )
    return "whether it needs ANTHROPIC_API_KEY", {"api_key": NO_KEY}


def _bedrock(environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    region = {"aws_region": _aws_region(environment)}
    if token := _value(environment, "AWS_BEARER_TOKEN_BEDROCK"):
        return "AWS_BEARER_TOKEN_BEDROCK", {"api_key": token} | region
    key, secret = (
        _value(environment, name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    if key and secret:
        keys = {"aws_access_key": key, "aws_secret_key": secret}
        if session := _value(environment, "AWS_SESSION_TOKEN"):
            keys["aws_session_token"] = session
        return "AWS_ACCESS_KEY_ID", keys | region
    if key or secret:
        raise EngineError(
            "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set: set both, or "
            "AWS_PROFILE."
        )
    if profile := _value(environment, "AWS_PROFILE"):
        return "AWS_PROFILE", {"aws_profile": profile} | region
    # Its own chain looks on: the default profile, a role of the machine.
    return "the AWS credentials", region


def _vertex(environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    region = _vertex_region(environment)
    # Like the SDK, without the project that credentials name: it asks for it too late.
    project = _value(environment, "ANTHROPIC_VERTEX_PROJECT_ID")
    project = project or _value(environment, "GOOGLE_CLOUD_PROJECT")
    if not project:
        raise EngineError(
            "Google Vertex AI needs a project: set ANTHROPIC_VERTEX_PROJECT_ID to its id."
        )
    arguments = {"region": region, "project_id": project}
    if file := _value(environment, "GOOGLE_APPLICATION_CREDENTIALS"):
        return "GOOGLE_APPLICATION_CREDENTIALS", arguments | {CREDENTIALS_FILE: file}
    return "the login by `gcloud auth application-default login`", arguments


def _foundry(environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    key = _value(environment, "ANTHROPIC_FOUNDRY_API_KEY")
    if not key:
        raise EngineError("Microsoft Foundry needs a key: set ANTHROPIC_FOUNDRY_API_KEY.")
    return "ANTHROPIC_FOUNDRY_API_KEY", {"api_key": key}


# --- Parts of addresses


def _aws_region(environment: Mapping[str, str]) -> str:
    return _part_of_host(environment, "AWS_REGION", "AWS_DEFAULT_REGION")


def _vertex_region(environment: Mapping[str, str]) -> str:
    return _part_of_host(environment, "CLOUD_ML_REGION")


def _vertex_host(region: str) -> str:
    match region:
        case "global":
            return "aiplatform.googleapis.com"
        case "us" | "eu":
            return f"aiplatform.{region}.rep.googleapis.com"
    return f"{region}-aiplatform.googleapis.com"


def _part_of_host(environment: Mapping[str, str], *names: str) -> str:
    """What the first of these variables that is set says; it must not change whose host it is."""
    for name in names:
        if value := _value(environment, name):
            if re.fullmatch(r"[A-Za-z0-9-]+", value):
                return value
            raise EngineError(f"{name} has characters that no host's name has: correct it.")
    raise EngineError(f"The provider's address is not known: set {names[0]}, or baseUrl.")


def _value(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()
