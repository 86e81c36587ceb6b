"""Hadolint: Dockerfiles, and the shell in them by ShellCheck's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ..core.model import Confidence, ProposedFix, Replacement, Span
from ..detector import Source
from .messages import Message, first_line, index_of, run_on_files
from .process import find_program

LANGUAGES = frozenset({"dockerfile"})


def run_hadolint(sources: Sequence[Source], codes: Sequence[str]) -> list[list[Message]]:
    """What hadolint says of each Dockerfile; nothing where it is not installed.

    A person's and a project's configuration are ignored; `# hadolint ignore=` is honoured.
    Raises LinterError.
    """
    hadolint = find_program("hadolint", anywhere=True)
    messages: list[list[Message]] = [[] for _ in sources]
    if hadolint is None:
        return messages
    command = [hadolint, "--config", "hadolint.yaml", "--no-fail", "--format", "json"]
    entries = run_on_files(
        command,
        [("Dockerfile", source.text) for source in sources],
        configuration=("hadolint.yaml", _configuration(codes)),
    )
    for entry in entries or ():
        index = index_of(entry["file"])
        source = sources[index]
        if entry["code"] in codes:
            messages[index].append(
                Message(
                    entry["code"],
                    entry["message"],
                    _line(source, entry["line"]),
                    _CONFIDENCE.get(entry["code"], "high"),
                    fix=_fix(source, entry["code"], entry["line"]),
                )
            )
    return messages


_LABELS = {
    "created": "rfc3339",
    "url": "url",
    "documentation": "url",
    "source": "url",
    "licenses": "spdx",
    **dict.fromkeys(("title", "description", "vendor", "authors", "version", "revision"), "text"),
}
"""The OCI image specification's annotations by the form of their values; text is not empty."""


def _configuration(codes: Sequence[str]) -> str:
    """YAML, of which JSON is a part."""
    labels = {f"org.opencontainers.image.{label}": form for label, form in _LABELS.items()}
    # A label that is missing is no mistake: the schema is ours and not the project's.
    configuration: dict[str, Any] = {"label-schema": labels, "ignored": ["DL3049"]}
    if asked := sorted(_OPT_IN.intersection(codes)):
        configuration["override"] = {"info": asked}
    return json.dumps(configuration)


_OPT_IN = frozenset({"DL3057"})
"""Codes that hadolint leaves off unless asked for."""

_CONFIDENCE: dict[str, Confidence] = {
    # Each is a matter of what the image is for.
    **dict.fromkeys(("DL3059", "DL3029", "DL3066"), "medium"),
}
"""What is not here is high."""


def _line(source: Source, line: int) -> Span:
    """The line, from 1, that an instruction begins on."""
    lines = source.lines
    index = min(max(line - 1, 0), lines.count - 1)
    return first_line(source.text, Span(lines.start(index), lines.end(index)))


# --- Fixes

_FIXES: dict[str, tuple[str, re.Pattern[str], str]] = {
    "DL3014": ("Add -y", re.compile(r"\bapt-get(?:\s+-\S+){0,20}\s+install\b"), r"\g<0> -y"),
    "DL3019": ("Add --no-cache", re.compile(r"\bapk\s+add\b"), r"\g<0> --no-cache"),
    "DL3027": ("Use apt-get", re.compile(r"\bapt(?=\s+[a-z-])"), "apt-get"),
    "DL3030": ("Add -y", re.compile(r"\byum\s+install\b"), r"\g<0> -y"),
    "DL3034": ("Add -y", re.compile(r"\bzypper\s+install\b"), r"\g<0> -y"),
    "DL3038": ("Add -y", re.compile(r"\bdnf\s+install\b"), r"\g<0> -y"),
    "DL3042": (
        "Add --no-cache-dir",
        re.compile(r"\bpip[\d.]*\s+install\b(?![^&|;]*--no-cache-dir)"),
        r"\g<0> --no-cache-dir",
    ),
    "DL3047": ("Add --progress", re.compile(r"\bwget\b(?=\s)"), r"\g<0> --progress=dot:giga"),
    "DL4000": (
        "Use a label",
        re.compile(r"^MAINTAINER\s+[\"']?(?P<name>[^\"'\n]+?)[\"']?\s*$", re.MULTILINE),
        r'LABEL org.opencontainers.image.authors="\g<name>"',
    ),
}
"""Code -> what the fix is called, what it changes in the instruction, and into what."""


def _fix(source: Source, code: str, line: int) -> ProposedFix | None:
    if code not in _FIXES:
        return None
    title, pattern, new = _FIXES[code]
    start = source.lines.start(line - 1)
    instruction = _INSTRUCTION.match(source.text, start)
    edits = tuple(
        Replacement(Span(*match.span()), match.expand(new))
        for match in pattern.finditer(
            source.text, start, instruction.end() if instruction else start
        )
    )
    return ProposedFix(title, edits) if edits else None


_INSTRUCTION = re.compile(r"(?:[^\\\n]|\\\r?\n|\\.)*")
"""Up to the end of the line, or of the last line that a backslash joins to it."""
