"""Oxlint: which names a JavaScript or TypeScript text leaves undefined."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .process import LinterError, find_program, run_linter


@dataclass(frozen=True, slots=True)
class OxlintMessage:
    rule: str
    """Such as "no-undef"; "" for a syntax error, in a file with which oxlint says nothing else."""
    message: str
    line: int
    """From 1."""


def run_oxlint(texts: Sequence[tuple[str, str]]) -> list[list[OxlintMessage]]:
    """What oxlint says of each (path, text) by its rules about names, in one run.

    The globals of Node, of browsers and of the language count as defined.
    Raises LinterError, also when oxlint is not installed.
    """
    oxlint = find_program("oxlint")
    if oxlint is None:
        raise LinterError(
            "oxlint is not installed; run `pip install 'backend-developer[linters]'`."
        )
    with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
        folder = Path(name)
        config = folder / "oxlintrc.json"
        config.write_text(_CONFIGURATION, encoding="utf-8")
        files = []
        for index, (path, text) in enumerate(texts):
            # A file name may be anything; only its ending says how it is parsed.
            file = folder / f"{index}{Path(path).suffix or '.js'}"
            file.write_bytes(text.encode("utf-8", "replace"))
            files.append(file.name)
        options = ["--config", str(config), "--format", "json", "--no-ignore", "--allow", "all"]
        options += [option for rule in _RULES for option in ("--deny", rule)]
        return _read(run_linter([oxlint, *options, *files], folder=folder), files)


_RULES = ("no-undef", "no-const-assign")
_CONFIGURATION = json.dumps(
    {"env": {"builtin": True, "es2024": True, "node": True, "browser": True}}
)


def _read(output: bytes, files: Sequence[str]) -> list[list[OxlintMessage]]:
    try:
        entries = json.loads(output)["diagnostics"]
    except (ValueError, KeyError) as error:
        raise LinterError("oxlint printed no JSON; install oxlint 1.89 again.") from error
    messages: dict[str, list[OxlintMessage]] = {file: [] for file in files}
    for entry in entries:
        rule = entry.get("code", "").removeprefix("eslint(").removesuffix(")")
        labels = entry.get("labels") or [{"span": {"line": 1}}]
        message = OxlintMessage(rule, entry["message"], labels[-1]["span"]["line"])
        messages[Path(entry["filename"]).name].append(message)
    return list(messages.values())
