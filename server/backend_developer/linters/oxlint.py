"""Oxlint: what is wrong in JavaScript and TypeScript, and which names a text leaves undefined."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.model import Confidence, Span
from ..detector import Source
from .messages import Message, index_of, offset_of_byte, run_on_files
from .process import LinterError, find_program

LANGUAGES = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"})

_ENDINGS: Mapping[str, str] = {
    "javascript": ".js",
    "javascriptreact": ".jsx",
    "typescript": ".ts",
    "typescriptreact": ".tsx",
}


def run_oxlint(sources: Sequence[Source], codes: Sequence[str]) -> list[list[Message]]:
    """What oxlint says of each source by `codes`, "eslint/no-eval"; nothing if it is missing.

    A project's configuration is ignored; `eslint-disable` comments are honoured. Of a text with
    a syntax error it says nothing. Raises LinterError.
    """
    oxlint = find_program("oxlint")
    messages: list[list[Message]] = [[] for _ in sources]
    if oxlint is None:
        return messages
    texts = [(source.document.path, source.document.language, source.text) for source in sources]
    for index, entry in _run(
        oxlint, [(_name(path, lang), text) for path, lang, text in texts], codes
    ):
        code = _code(entry)
        labels = entry.get("labels")
        if code not in codes or not labels:
            continue
        # Of two equal things the second is one too many; else the first label is the place.
        place = labels[-1 if "-dup" in code else 0]["span"]
        text = sources[index].text
        span = Span(
            offset_of_byte(text, place["offset"]),
            offset_of_byte(text, place["offset"] + place["length"]),
        )
        confidence = _CONFIDENCE.get(code, "high")
        if code in _OF_SERVERS and _is_for_browsers(sources[index]):
            confidence = "low"
        messages[index].append(Message(code, entry["message"], span, confidence))
    return messages


_CONFIDENCE: dict[str, Confidence] = {
    # Whether the steps depend on each other, it does not look at.
    "eslint/no-await-in-loop": "low",
    **dict.fromkeys(("promise/catch-or-return", "eslint/array-callback-return"), "medium"),
    **dict.fromkeys(("unicorn/prefer-set-has", "eslint/no-unmodified-loop-condition"), "medium"),
    **dict.fromkeys(("eslint/no-control-regex", "eslint/no-constant-condition"), "medium"),
    **dict.fromkeys(("promise/no-multiple-resolved", "node/handle-callback-err"), "medium"),
}
"""What is not here is high."""
_OF_SERVERS = ("promise/catch-or-return", "eslint/prefer-promise-reject-errors")
"""An error that nobody handles ends a server; in a browser it is a line in the console."""
_BROWSER = re.compile(
    r"""from ["'](?:react|react-dom|vue|svelte|preact|solid-js|antd|@angular/core|jquery)["'/]"""
    r"|\b(?:document\.(?:getElementById|querySelector|addEventListener|createElement|body)"
    r"|window\.(?:location|addEventListener|document))\b"
)


def _is_for_browsers(source: Source) -> bool:
    is_markup = source.document.language in ("javascriptreact", "typescriptreact")
    return is_markup or _BROWSER.search(source.text) is not None


# --- For the checks of edits


@dataclass(frozen=True, slots=True)
class OxlintMessage:
    rule: str
    """Such as "no-undef"; "" for a syntax error, in a file with which oxlint says nothing else."""
    message: str
    line: int
    """From 1."""


def check_names(texts: Sequence[tuple[str, str]]) -> list[list[OxlintMessage]]:
    """What oxlint says of each (path, text) by its rules about names, in one run.

    The globals of Node, of browsers and of the language count as defined, in tests also those of
    their runners. Raises LinterError, also when oxlint is not installed.
    """
    oxlint = find_program("oxlint")
    if oxlint is None:
        raise LinterError(
            "oxlint is not installed; run `pip install 'backend-developer[linters]'`."
        )
    messages: list[list[OxlintMessage]] = [[] for _ in texts]
    files = [(_name_of_role(path), text) for path, text in texts]
    for index, entry in _run(oxlint, files, _NAME_RULES):
        labels = entry.get("labels") or [{"span": {"line": 1}}]
        rule = _code(entry).removeprefix("eslint/")
        messages[index].append(OxlintMessage(rule, entry["message"], labels[-1]["span"]["line"]))
    return messages


_NAME_RULES = ("eslint/no-undef", "eslint/no-const-assign")
_TEST = re.compile(r"[.-](?:test|spec)\.[cm]?[jt]sx?$|/(?:tests?|spec|e2e|__tests__)/")


def _name_of_role(path: str) -> str:
    name = _name(path, "")
    return f"a.test{Path(name).suffix}" if _TEST.search(path.replace("\\", "/")) else name


# --- Both


_CONFIGURATION = json.dumps(
    {
        "plugins": ["typescript", "unicorn", "oxc", "promise", "node"],
        "env": {"builtin": True, "es2024": True, "node": True, "browser": True},
        "overrides": [
            {"files": ["**/a.test.*"], "env": {"jest": True, "mocha": True, "vitest": True}}
        ],
    }
)


def _run(
    oxlint: str, files: Sequence[tuple[str, str]], rules: Sequence[str]
) -> list[tuple[int, dict[str, Any]]]:
    command = [oxlint, "--config", "oxlintrc.json", "--format", "json", "--no-ignore"]
    command += ["--disable-nested-config", "--allow", "all"]
    command += [option for rule in rules for option in ("--deny", rule)]
    output = run_on_files(command, files, configuration=("oxlintrc.json", _CONFIGURATION))
    try:
        return [(index_of(entry["filename"]), entry) for entry in output["diagnostics"]]
    except (KeyError, TypeError, ValueError) as error:
        raise LinterError("oxlint printed something new; install oxlint 1.89 again.") from error


def _name(path: str, language: str) -> str:
    # A file name may be anything; only its ending says how it is parsed.
    return f"a{Path(path).suffix or _ENDINGS.get(language, '.js')}"


_CODE = re.compile(r"([\w-]+)\((.+)\)")


def _code(entry: Mapping[str, Any]) -> str:
    """`eslint(no-eval)` as "eslint/no-eval"; "" for a syntax error."""
    return _CODE.sub(r"\1/\2", entry.get("code", ""))
