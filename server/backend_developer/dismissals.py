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

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .core.model import Finding
from .frontmatter import Unreadable, read_text, yaml_node
from .problems import Problem, did_you_mean
from .turns import wait_for_turn

if TYPE_CHECKING:
    from yaml import Node

FILE_NAME = ".backend-developer.dismissed.yml"

HEADER = """\
# Findings of backend-developer that were dismissed, newest last.
# Delete an entry to see its finding again.
"""


FREE = ("reason", "date")
"""Keys that may be empty."""
KEYS = ("rule", "path", "fingerprint", *FREE)


@dataclass(frozen=True, slots=True)
class Dismissal:
    """One entry: a field for each of KEYS, "" when it is not given."""

    rule: str
    reason: str = ""
    date: str = ""
    """ISO 8601, as 2026-11-22."""
    path: str = ""
    fingerprint: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """What is dismissed, whoever did it when and why."""
        return self.rule, self.path, self.fingerprint

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

    def about(self, relative_path: str) -> tuple[Dismissal, ...]:
        """The entries that speak of the file at `relative_path`, or of every file."""
        return tuple(entry for entry in self.entries if entry.path in ("", relative_path))


def load(folder: Path | None) -> tuple[Dismissals, tuple[Problem, ...]]:
    """What was dismissed below `folder`, and what could not be read of it. Never raises."""
    if folder is None or not os.path.exists(path := folder / FILE_NAME):
        return Dismissals(), ()
    text, problem = read_text(path)
    return parse(text, str(path)) if problem is None else (Dismissals(), (problem,))


def parse(text: str, path: str) -> tuple[Dismissals, tuple[Problem, ...]]:
    """The entries of the file's text; one bad entry hides no other."""
    root = yaml_node(text)
    if isinstance(root, Unreadable):
        message = f"This is not valid YAML: {root.reason}. No dismissal is used."
        return Dismissals(), (Problem(path, root.line, "", message),)
    if root is None:
        return Dismissals(), ()
    import yaml  # Here: a language server starts without it.

    if not isinstance(root, yaml.SequenceNode):
        message = "Expected a list of dismissals, each beginning with `- rule:`; none is used."
        return Dismissals(), (Problem(path, 1, "", message),)

    entries: list[Dismissal] = []
    problems: list[Problem] = []
    for node in root.value:
        entry = _entry(node, path)
        if isinstance(entry, Problem):
            problems.append(entry)
        else:
            entries.append(entry)
    return Dismissals(tuple(entries)), tuple(problems)


def add(folder: Path, dismissal: Dismissal) -> None:
    """Appends one entry to the folder's file, which is made if there is none.

    What is dismissed there already is not added. Raises OSError when it cannot be written,
    when what it holds could not be read with the entry, or when it is a symbolic link: a
    repository must not choose which file of the person's is written to.
    """
    import yaml  # Here: a language server starts without it.

    values = {key: value for key in KEYS if (value := getattr(dismissal, key))}
    # PyYAML does not read again all that it writes unescaped.
    readable = "".join(values.values()).isprintable()
    entry = yaml.safe_dump([values], sort_keys=False, allow_unicode=readable)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(folder / FILE_NAME, flags, 0o644)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        # Two that dismiss at once both keep their entry, below one header.
        wait_for_turn(descriptor)
        before = file.read().decode("utf-8", "surrogateescape")
        lead = HEADER if not before else "" if before.endswith("\n") else "\n"
        entries = parse(before + lead + entry, "")[0].entries
        if entries[-1:] != (dismissal,):
            raise OSError(errno.EINVAL, "what is in it is no list of dismissals: mend it first")
        if all(known.place != dismissal.place for known in entries[:-1]):
            file.write((lead + entry).encode())


def _entry(node: Node, path: str) -> Dismissal | Problem:
    """The dismissal in one element of the list, or the first thing that is wrong with it.

    Such a one is not used at all: what was meant may be what narrows it.
    """
    import yaml

    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        return Problem(path, line, "", "Expected a dismissal with `rule:` and `reason:`.")
    # As they are written, so that a fingerprint of digits alone stays text.
    values: dict[str, str] = {}
    for key_node, value_node in node.value:
        line, key = key_node.start_mark.line + 1, str(key_node.value)
        if key not in KEYS:
            end = did_you_mean(key, KEYS)
            message = f"There is no key `{key}`, so this dismissal is not used{end}"
            return Problem(path, line, key, message)
        if not isinstance(value_node, yaml.ScalarNode) or not (value_node.value or key in FREE):
            message = f"`{key}` must be text, so this dismissal is not used."
            return Problem(path, line, key, message)
        values[key] = value_node.value
    if "rule" not in values:
        return Problem(path, line, "rule", "A dismissal needs a `rule:`, so this one is not used.")
    return Dismissal(**values)
