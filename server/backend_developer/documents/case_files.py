"""The cases of the checks: `cases/<kind>.yml`, what each finds and what it leaves alone.

    security/openapi-http-basic:        a catalogue id
      found:
        - code: …                       carets under the code label each finding, one to one
          fixed: …                      optional: the whole text after the fixes
      quiet:
        - code: …

A label is a run of carets under the part of the finding that lies on the line above.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..catalogue import load_yaml
from ..core.model import Example

CASES_FOLDER = Path(__file__).with_name("cases")
LANGUAGE_OF = {"graphql": "graphql", "prisma": "prisma"}
"""Kind -> LSP language id; of the others it is yaml."""


@dataclass(frozen=True, slots=True)
class Case:
    language: str
    """LSP language id."""
    code: str
    labels: tuple[tuple[int, int, int], ...]
    """(line, first column, column after the last) of each finding's part on its first line."""
    fixed: str | None


def example_of(rule: str) -> Example | None:
    """The first case of each kind of a rule; None when no check of documents is about it."""
    cases = load_cases().get(rule)
    if cases is None:
        return None
    found = next(case for case in cases if case.labels)
    quiet = next(case for case in cases if not case.labels)
    return Example(found.language, found.code, quiet.code)


@functools.cache
def load_cases() -> Mapping[str, tuple[Case, ...]]:
    """The cases of each rule, those that are found first; a tenth of a second, once."""
    return MappingProxyType(
        {
            rule: tuple(
                _case(entry, LANGUAGE_OF.get(file.stem, "yaml"))
                for entry in (*cases["found"], *cases["quiet"])
            )
            for file in sorted(CASES_FOLDER.glob("*.yml"))
            for rule, cases in load_yaml(file.read_text(encoding="utf-8")).items()
        }
    )


def _case(entry: Mapping[str, str], language: str) -> Case:
    code: list[str] = []
    labels: list[tuple[int, int, int]] = []
    for line in entry["code"].split("\n"):
        if code and _CARETS.fullmatch(line):
            labels += [(len(code) - 1, *run.span()) for run in re.finditer(r"\^+", line)]
        else:
            code.append(line)
    return Case(language, "\n".join(code), tuple(labels), entry.get("fixed"))


_CARETS = re.compile(r" *\^[\^ ]*")
