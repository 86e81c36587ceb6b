"""What the terminal and CI print: one Report, four ways to write it.

text    for people, like a good compiler
json    our own, versioned: report.schema.json
sarif   SARIF 2.1.0, for code scanning services
github  workflow commands, which become annotations on a pull request
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.model import Finding, Fix, Focus, Rejection, Rule, Usage
from ..core.text import Lines
from ..prices import by_model
from ..settings import Settings

if TYPE_CHECKING:
    from ..review import FileReview


@dataclass(frozen=True, slots=True)
class Report:
    """All that a review found, as it is to be told."""

    files: tuple[FileReview, ...]
    """Each with the findings to show; those folded away are not among them."""
    rules: Mapping[str, Rule]
    """The catalogue."""
    folder: Path
    """The folder that a relative `FileReview.path` is relative to; absolute."""
    unreviewed: tuple[tuple[str, str], ...] = ()
    """(path, one sentence) for what could not be reviewed at all."""
    fixed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Path -> the titles of the fixes that were applied to that file, in order."""

    settings: Settings = field(default_factory=Settings)
    """For the prices of models."""

    def findings(self) -> Iterator[tuple[FileReview, Finding]]:
        for review in self.files:
            for finding in review.findings:
                yield review, finding

    def placed(self) -> Iterator[tuple[FileReview, Lines, Finding]]:
        """As `findings`, with the lines of the file."""
        for review in self.files:
            if review.document:
                lines = Lines(review.document.text)
                for finding in review.findings:
                    yield review, lines, finding

    def all_errors(self) -> tuple[tuple[str, str], ...]:
        """(path, one sentence) for all that could not be reviewed, in full or in part."""
        partly = ((review.path, why) for review in self.files for why in review.errors)
        return (*self.unreviewed, *partly)

    def engine(self) -> str:
        """What reviewed: "local", or "local + agent" with every model that answered."""
        engines = {review.engine.partition(" (")[0] for review in self.files if review.engine}
        models = sorted({usage.model for review in self.files for usage in review.usage})
        # With an agent, the files that it was not asked about are the local engine's alone.
        engine = max(engines, key=len, default="none")
        return f"{engine} ({', '.join(models)})" if models else engine

    def by_focus(self) -> dict[str, int]:
        """Findings of each focus that has any, most dangerous focus first."""
        count = Counter(finding.focus for _, finding in self.findings())
        return {focus: count[focus] for focus in _FOCUS_ORDER if count[focus]}

    def checked_fixes(self) -> int:
        return sum(isinstance(finding.fix, Fix) for _, finding in self.findings())

    def dismissed(self) -> int:
        return sum(review.dismissed for review in self.files)

    def folded(self) -> int:
        """Findings left out because they are less sure than was asked for."""
        return sum(review.folded for review in self.files)

    def rejections(self) -> tuple[Rejection, ...]:
        return tuple(rejection for review in self.files for rejection in review.rejections)

    def usage(self) -> tuple[tuple[Usage, float | None], ...]:
        """What all calls used, summed for each model, and their cost in dollars, where known."""
        return by_model((use for review in self.files for use in review.usage), self.settings)


@dataclass(frozen=True, slots=True)
class Place:
    """A position for people and for JSON: line and column from 1, in code points."""

    line: int
    column: int


def place(lines: Lines, offset: int) -> Place:
    line, column = lines.position(offset, "utf-32")
    return Place(line + 1, column + 1)


def plural(count: int, noun: str) -> str:
    """`1 file`, `1,200 files`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def references(finding: Finding, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """CWE and OWASP numbers as they are usually written: ("CWE-89", "OWASP A03:2021")."""
    rule = rules.get(finding.rule)
    owasp = rule.owasp if rule else ()
    return (
        *(f"CWE-{number}" for number in finding.cwes),
        *(f"OWASP {category}" for category in owasp),
    )


_FOCUS_ORDER: tuple[Focus, ...] = ("security", "performance", "api-design")
