"""`review --fix`: checked fixes, put into the files they were checked for.

Only fixes that are no more than their edit are applied, never two that overlap, and
only together when together they pass the checks that each passed alone. A file is
replaced in one step or not at all, and only while it still holds what was reviewed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .core.edits import apply, compose, merge_all
from .core.model import Candidate, Document, Finding, Fix, TextEdit
from .review import Checker
from .settings import Settings
from .writing import ChangedError, FileWrite, WriteError, write_all

MAXIMUM_PASSES = 10
"""Reviews of one file, each after the fixes of the one before: two rules that undo each
other's fixes must come to an end."""


@dataclass(frozen=True, slots=True)
class Applied:
    findings: tuple[Finding, ...]
    """Those whose fixes were applied."""
    edits: tuple[TextEdit, ...]
    """Theirs, each once, in text order, of the text before."""
    text: str
    """The text after."""


def is_applicable(finding: Finding) -> bool:
    """Whether taking the finding's edit is all there is to do, inside what was reviewed."""
    fix = finding.fix
    return (
        isinstance(fix, Fix)
        and fix.needs == "none"
        and not fix.out_of_scope
        and not finding.refuted
    )


async def apply_fixes(
    document: Document, findings: Iterable[Finding], checker: Checker, settings: Settings
) -> Applied | None:
    """As many applicable fixes as go together, in text order; None when there are none.

    When the fixes together fail a check, only the first is applied: it passed alone.
    """
    text = document.text
    applied = _together(text, [one for one in findings if is_applicable(one)])
    if len(applied.findings) > 1:
        first = applied.findings[0]
        together = Candidate(first.rule, first.span, applied.edits, applied.text)
        [report] = await checker.check(document, [together], settings)
        if report.problem:
            return _together(text, [first])
        edits = compose(text, applied.edits, report.tidying)
        return Applied(applied.findings, edits, apply(text, edits))
    return applied if applied.findings else None


def write(path: Path, expected: bytes, data: bytes) -> None:
    """Replaces the file, which must still hold `expected`, in one step; its mode is kept.

    A symbolic link stays, and what it points at is replaced. Raises WriteError, whose sentence
    is about "it": who prints it names the file.
    """
    target = Path(os.path.realpath(path))
    try:
        write_all([FileWrite(target, expected, data)], target.parent)
    except ChangedError:
        changed = "it was changed while it was reviewed, so it was not fixed: try again"
        raise WriteError(changed) from None
    except WriteError as error:
        failed = f"it could not be written, so it was not fixed: {error.why}"
        raise WriteError(failed, error.why) from None


def _together(text: str, findings: Iterable[Finding]) -> Applied:
    """The fixes that do not meet an earlier one; an edit that two have in common is made once."""
    fixed = [(one, one.fix.edits) for one in findings if isinstance(one.fix, Fix)]
    edits, taken = merge_all([edits for _, edits in fixed])
    return Applied(tuple(fixed[index][0] for index in taken), edits, apply(text, edits))
