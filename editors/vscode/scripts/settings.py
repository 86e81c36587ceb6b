"""Writes package.json's settings from the server's own schema: `python scripts/settings.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backend_developer.settings import EDITOR_SECTION, schema

PACKAGE = Path(__file__).resolve().parents[1] / "package.json"

NOT_IN_AN_EDITOR = {"failOn", "trusted"}
"""The exit code of the terminal's `review`, and what VS Code knows better than a setting."""

OF_THE_EXTENSION: dict[str, Any] = {
    "server.path": {
        "type": ["string", "array"],
        "items": {"type": "string"},
        "default": "",
        "scope": "machine",
        "markdownDescription": "The `backend-developer` program, or the command that starts it "
        "as an array; `serve` is added. Empty: the selected Python environment, else the "
        "search path.",
    },
    "trace.server": {
        "type": "string",
        "enum": ["off", "messages", "verbose"],
        "default": "off",
        "scope": "window",
        "markdownDescription": "Logs what is said to the server and what it answers, "
        "`verbose` with the code.",
    },
}


def properties() -> dict[str, Any]:
    """The content of `contributes.configuration.properties`."""
    ours = {
        info.name: {
            **info.json_schema,
            "default": info.default,
            # VS Code then takes it from no workspace.
            "scope": "resource" if "project" in info.may_be_set_in else "machine",
            "markdownDescription": info.doc,
        }
        for info in schema()
        if info.name not in NOT_IN_AN_EDITOR
    }
    settings = {f"{EDITOR_SECTION}.{name}": one for name, one in (ours | OF_THE_EXTENSION).items()}
    return {name: one | {"order": order} for order, (name, one) in enumerate(settings.items())}


def with_settings(package: dict[str, Any]) -> dict[str, Any]:
    """package.json's content with these settings; an untrusted workspace may set none of them."""
    settings = json.loads(json.dumps(properties(), default=dict))
    trust = package["capabilities"]["untrustedWorkspaces"] | {
        "restrictedConfigurations": [*settings]
    }
    capabilities = package["capabilities"] | {"untrustedWorkspaces": trust}
    configuration = package["contributes"]["configuration"] | {"properties": settings}
    contributes = package["contributes"] | {"configuration": configuration}
    return package | {"capabilities": capabilities, "contributes": contributes}


if __name__ == "__main__":
    content = with_settings(json.loads(PACKAGE.read_text(encoding="utf-8")))
    PACKAGE.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
