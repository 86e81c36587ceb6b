"""Zizmor: GitHub's workflows, actions, and Dependabot's and pre-commit's configuration, offline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from ..core.model import CONFIDENCES, Confidence, Severity, Span
from ..core.text import shortened
from ..detector import Source
from .messages import Message, first_line, index_of, offset_of_byte, run_on_files
from .process import find_program

LANGUAGES = frozenset({"yaml"})


def run_zizmor(sources: Sequence[Source], codes: Sequence[str]) -> list[list[Message]]:
    """What zizmor says of each YAML text; nothing where it is not installed.

    Nor of a text that is none of GitHub's files. A project's configuration is ignored;
    `# zizmor: ignore[...]` is honoured. Raises LinterError.
    """
    zizmor = find_program("zizmor", anywhere=True)
    messages: list[list[Message]] = [[] for _ in sources]
    names = [_name(source) for source in sources]
    places = [index for index, name in enumerate(names) if name]
    if zizmor is None or not places:
        return messages
    command = [zizmor, "--offline", "--no-config", "--no-progress", "--no-exit-codes", "--quiet"]
    command += ["--format", "json-v1"]
    if not _PEDANTIC.isdisjoint(codes):
        command += ["--persona", "auditor"]
    entries = _entries(command, [(names[index], sources[index].text) for index in places])
    for entry in entries:
        code = entry["ident"]
        if code not in codes or entry["ignored"]:
            continue
        if entry["determinations"]["persona"] != "Regular" and code not in _PEDANTIC:
            continue
        for location in _primary(entry):
            index = places[index_of(location["symbolic"]["key"]["Local"]["verbatim_path"])]
            messages[index].append(_message(entry, location, sources[index].text))
    return messages


def _entries(command: Sequence[str], texts: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    # 3: not one of the files is what its name says. 1: zizmor gave up, over one of the files.
    entries = run_on_files(command, texts, exit_codes=(0, 1, 3))
    if entries is not None or len(texts) < 2:
        return entries or []
    found = []
    for index, text in enumerate(texts):
        for entry in run_on_files(command, [text], exit_codes=(0, 1, 3)) or ():
            for location in _primary(entry):
                local = location["symbolic"]["key"]["Local"]
                local["verbatim_path"] = f"{index}/{text[0]}"
            found.append(entry)
    return found


_PEDANTIC = frozenset(
    {
        "anonymous-definition",
        "concurrency-limits",
        "secrets-outside-env",
        "self-hosted-runner",
        "undocumented-permissions",
    }
)
"""What zizmor says only when asked for more than it is sure of."""

_HAS_JOBS = re.compile(r"^jobs\s*:", re.MULTILINE)
_HAS_TRIGGER = re.compile(r"""^(?:on|"on"|'on')\s*:""", re.MULTILINE)
_HAS_RUNS = re.compile(
    r"^runs\s*:\s*(?:#.*)?\n\s+(?:[\w-]+\s*:.*\n\s+){0,50}?using\s*:", re.MULTILINE
)


def _name(source: Source) -> str:
    """The name that zizmor tells the kind of a file by; "" for what is none of GitHub's."""
    path, text = PurePath(source.document.path), source.text
    if path.stem == "dependabot" and "package-ecosystem" in text:
        return "dependabot.yml"
    if path.stem == ".pre-commit-config":
        return ".pre-commit-config.yaml"
    if _HAS_RUNS.search(text):
        return "action.yml"
    if _HAS_JOBS.search(text) and _HAS_TRIGGER.search(text):
        return "workflow.yml"
    return ""


def _primary(entry: dict[str, Any]) -> list[dict[str, Any]]:
    locations: list[dict[str, Any]] = entry["locations"]
    return [one for one in locations if one["symbolic"]["kind"] == "Primary"]


def _message(entry: dict[str, Any], location: dict[str, Any], text: str) -> Message:
    place = location["concrete"]["location"]["offset_span"]
    span = Span(offset_of_byte(text, place["start"]), offset_of_byte(text, place["end"]))
    narrower = _NARROWER.get(entry["ident"])
    if narrower and (match := narrower.search(text, span.start, span.end)):
        span = Span(*match.span())
    what, why = entry["desc"], location["symbolic"]["annotation"]
    return Message(
        entry["ident"],
        shortened(f"{what[:1].upper()}{what[1:]}: {why}", 300),
        first_line(text, span),
        _confidence(entry, why, text[span.start : span.end], text),
        _severity(entry, text[span.start : span.end]),
    )


_NARROWER = {
    "insecure-commands": re.compile(r"ACTIONS_ALLOW_UNSECURE_COMMANDS"),
    "dangerous-triggers": re.compile(r"\b(?:pull_request_target|workflow_run)\b"),
}
"""What is meant, where zizmor points at the whole block that it stands in."""
_TAG = re.compile(r"@v?\d")
_OFFICIAL = re.compile(r"(?:uses:\s*)?(?:actions|github)/")
_TAKES_CODE = re.compile(
    r"actions/checkout|download-artifact|\bgit (?:clone|fetch|checkout)\b|gh pr"
)
_EXPRESSION = re.compile(r"(?:\$\{\{\s*)?([\w.-]+)(?:\s*\}\})?")
_FIXED = re.compile(
    r"github\.(?:repository\w*|sha|workflow|ref_type|run_\w+|server_url|api_url|event_name)"
    r"|github\.event\.(?:number|after|before|(?:\w+\.)*(?:id|number|sha|head_sha|merged))"
)
"""What GitHub makes, and nobody words."""
_OF_MEMBERS = re.compile(
    r"(?:inputs|env|needs|steps|matrix|github\.event\.inputs)\..+|github\.ref(?:_name)?"
)
"""What those choose who may push, or what the workflow itself has set."""


def _severity(entry: dict[str, Any], code_there: str) -> Severity | None:
    """None: the rule's own."""
    is_expanded = entry["ident"] == "template-injection"
    return "warning" if is_expanded and _is(code_there, _OF_MEMBERS) else None


def _is(code_there: str, kind: re.Pattern[str]) -> bool:
    expression = _EXPRESSION.fullmatch(code_there.strip())
    return expression is not None and kind.fullmatch(expression[1]) is not None


def _confidence(entry: dict[str, Any], annotation: str, code_there: str, text: str) -> Confidence:
    code = entry["ident"]
    if code == "template-injection" and _is(code_there, _FIXED):
        return "low"
    # The secrets of a trigger are in danger where the code of others is fetched.
    if code == "dangerous-triggers" and not _TAKES_CODE.search(text):
        return "low"
    # A workflow of the same repository could name the secrets itself.
    if code == "secrets-inherit" and "./" in code_there:
        return "low"
    # Releases are named by tags nearly everywhere; a branch is another matter. GitHub's own
    # actions are as trustworthy as the runner that they run on.
    if code == "unpinned-uses" and (_OFFICIAL.match(code_there) or _TAG.search(code_there)):
        return "low"
    # The default has been to read only for each repository made since February 2023.
    if code == "excessive-permissions" and "default permissions" in annotation:
        return "low"
    said = entry["determinations"]["confidence"].lower()
    return said if said in CONFIDENCES else "medium"
