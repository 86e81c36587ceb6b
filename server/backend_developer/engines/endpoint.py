"""Where an agent's calls go, and as whom: the settings and the environment decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..gate import host_of
from ..settings import Settings
from .base import EngineError

DEFAULT_BASE_URL = "https://api.anthropic.com"

CREDENTIALS: Mapping[str, str] = {
    "ANTHROPIC_API_KEY": "api_key",
    "ANTHROPIC_AUTH_TOKEN": "auth_token",
    "ANTHROPIC_PROFILE": "profile",
}
"""Variable -> the client's argument, in the SDK's order. They are passed explicitly: the SDK
would else look into the process's own environment and the user's folders by itself."""

NO_KEY = "none"
"""What is sent to an endpoint of one's own when there is no key: the SDK insists on one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the agent's calls go, and as whom. Its repr shows no secret."""

    base_url: str
    credential: tuple[str, str]
    """The client's argument and its value: ("api_key", …), ("auth_token", …), ("profile", …)."""
    is_own: bool
    """Somebody set it, so it need not be Anthropic's."""

    @property
    def host(self) -> str:
        return host_of(self.base_url)

    def __repr__(self) -> str:
        return f"Endpoint({self.host!r}, {self.credential[0]!r})"


def available(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Whether an agent can be asked: a key, a token, a profile or an endpoint of one's own is set.

    Looks at nothing but its arguments, so it can be asked at any time.
    """
    return bool(_own_base_url(settings, environment) or credentials_in(environment))


def credentials_in(environment: Mapping[str, str]) -> list[str]:
    """The names of those variables of CREDENTIALS that are set, the one that is used first."""
    return [name for name in CREDENTIALS if environment.get(name, "").strip()]


def find_endpoint(settings: Settings, environment: Mapping[str, str]) -> Endpoint:
    """Where calls go; raises EngineError when there is no key, or the key or address is no such."""
    own = _own_base_url(settings, environment)
    address = base_url(settings, environment)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise EngineError(
            "The base URL of the model's endpoint is not an http or https address: "
            "correct the setting baseUrl or ANTHROPIC_BASE_URL."
        )
    variable = next(iter(credentials_in(environment)), None)
    if variable is None and not own:
        raise EngineError(
            "The agent needs a key: set ANTHROPIC_API_KEY, or set baseUrl to an endpoint that "
            "needs none, or use the local engine."
        )
    if variable is None:
        return Endpoint(address, ("api_key", NO_KEY), True)
    value = environment[variable].strip()
    if not (value.isascii() and value.isprintable()):
        raise EngineError(f"{variable} has characters that no key has: copy the key again.")
    credential = (CREDENTIALS[variable], value)
    return Endpoint(address, credential, bool(own))


def base_url(settings: Settings, environment: Mapping[str, str]) -> str:
    """Where calls go, whether there is a key or not."""
    return _own_base_url(settings, environment) or DEFAULT_BASE_URL


def _own_base_url(settings: Settings, environment: Mapping[str, str]) -> str:
    return settings.base_url.strip() or environment.get("ANTHROPIC_BASE_URL", "").strip()
