"""Findings that people have dismissed: a file beside the code, that a team can commit.

    - rule: security/weak-hash
      path: app/cache.py
      fingerprint: 0f3a9c1be27d5581
      reason: false positive
      date: 2026-11-22

An entry with a fingerprint dismisses that one finding, one with only a path the
rule in that file, one with neither the rule everywhere below the folder. Paths
are relative to the file's folder, with forward slashes.

The file is only ever appended to, so what people wrote in it stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .core.model import Finding
from .problems import Problem, did_you_mean

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node

FILE_NAME = ".backend-developer.dismissed.yml"

HEADER = """\
# Findings of backend-developer that were dismissed, newest last.
# Delete an entry to see its finding again.
"""


@dataclass(frozen=True, slots=True)
class Dismissal:
    rule: str
    reason: str
    date: str
    """ISO 8601, as 2026-11-22."""
    path: str = ""
    fingerprint: str = ""

    def covers(self, finding: Finding, relative_path: str) -> bool:
        if self.fingerprint:
            return self.fingerprint == finding.id
        return self.rule == finding.rule and self.path in ("", relative_path)


@dataclass(frozen=True, slots=True)
class Dismissals:
    """The entries of one file, in its order."""

    entries: tuple[Dismissal, ...] = ()

    def covers(self, finding: Finding, relative_path: str) -> Dismissal | None:
        """The first entry that dismisses `finding` in the file at `relative_path`, if any."""
        return next((entry for entry in self.entries if entry.covers(finding, relative_path)), None)


def load(folder: Path | None) -> tuple[Dismissals, tuple[Problem, ...]]:
    """What was dismissed below `folder`, and what could not be read of it. Never raises."""
    if folder is None:
        return Dismissals(), ()
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Dismissals(), ()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The dismissed findings cannot be read: {error}; mend or remove the file."
        return Dismissals(), (Problem(str(path), None, "", message),)
    return parse(text, str(path))


def parse(text: str, path: str) -> tuple[Dismissals, tuple[Problem, ...]]:
    """The entries of the file's text; one bad entry hides no other."""
    import yaml  # Here: a language server starts without it.

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        message = f"This is not YAML: {getattr(error, 'problem', error)}; no dismissal is used."
        return Dismissals(), (Problem(path, line, "", message),)
    if root is None:
        return Dismissals(), ()
    if not isinstance(root, yaml.SequenceNode):
        message = "Expected a list of dismissals, each beginning with `- rule:`; none is used."
        return Dismissals(), (Problem(path, 1, "", message),)

    entries: list[Dismissal] = []
    problems: list[Problem] = []
    for node in root.value:
        entry, its_problems = _entry(node, path)
        problems += its_problems
        if entry:
            entries.append(entry)
    return Dismissals(tuple(entries)), tuple(problems)


def add(folder: Path, dismissal: Dismissal) -> None:
    """Appends one entry to the folder's file, which is made if there is none.

    Raises OSError when it cannot be written, or when it is a symbolic link: a
    repository must not choose which file of the person's is written to.
    """
    import yaml  # Here: a language server starts without it.

    values = {
        "rule": dismissal.rule,
        "path": dismissal.path,
        "fingerprint": dismissal.fingerprint,
        "reason": dismissal.reason,
        "date": dismissal.date,
    }
    entry = yaml.safe_dump(
        [{key: value for key, value in values.items() if value}],
        sort_keys=False,
        allow_unicode=True,
    )
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(folder / FILE_NAME, flags, 0o644), "a+", encoding="utf-8") as file:
        file.seek(0)
        before = file.read()
        lead = HEADER if not before else "" if before.endswith("\n") else "\n"
        # One write: two editors that dismiss at once both keep their entry.
        file.write(lead + entry)


def _entry(node: Node, path: str) -> tuple[Dismissal | None, list[Problem]]:
    import yaml

    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        return None, [Problem(path, line, "", "Expected a dismissal with `rule:` and `reason:`.")]

    values, lines = _scalars(node)
    known = ("rule", "path", "fingerprint", "reason", "date")
    problems = [
        Problem(path, lines[key], key, f'Unknown key "{key}"{did_you_mean(key, known)}', "warning")
        for key in values
        if key not in known
    ]
    if not values.get("rule"):
        return None, [*problems, Problem(path, line, "rule", "A dismissal needs a `rule:`.")]
    entry = Dismissal(
        rule=values["rule"],
        reason=values.get("reason", ""),
        date=values.get("date", ""),
        path=values.get("path", ""),
        fingerprint=values.get("fingerprint", ""),
    )
    return entry, problems


def _scalars(node: MappingNode) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """Keys and values as they are written: a fingerprint of digits alone stays text."""
    import yaml

    pairs = [
        (key.value, value.value, key.start_mark.line + 1)
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)
    ]
    return {key: value for key, value, _ in pairs}, {key: line for key, _, line in pairs}
