"""`review --fix`: checked fixes, put into the files they were checked for.

Only fixes that are no more than their edit are applied, never two that overlap, and
only together when together they pass the checks that each passed alone. A file is
replaced in one step or not at all, and only while it still holds what was reviewed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .core.edits import apply, compose, merge_edits
from .core.model import Candidate, Document, Finding, Fix, TextEdit
from .review import Checker
from .settings import Settings

MAXIMUM_PASSES = 10
"""Reviews of one file, each after the fixes of the one before: two rules that undo each
other's fixes must come to an end."""


class WriteError(Exception):
    """A file that was not written, and is as it was. `str()` is one sentence."""


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

    A symbolic link stays, and what it points at is replaced. Raises WriteError.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.read_bytes() != expected:
            raise WriteError("it was changed while it was reviewed, so it was not fixed: try again")
        # Putting another file in its place would get round a write protection.
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        replace_file(target, data)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise WriteError(f"it could not be written, so it was not fixed: {why}") from None


def replace_file(target: Path, data: bytes) -> None:
    """Puts `data` in the place of a regular file's, whole or not at all; raises OSError."""
    mode = target.stat().st_mode
    # In the same folder, since a file can only be put in another's place on one disk.
    handle, temporary = tempfile.mkstemp(prefix=".backend-developer.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _together(text: str, findings: Iterable[Finding]) -> Applied:
    """The fixes that do not meet an earlier one; an edit that two have in common is made once."""
    chosen: list[Finding] = []
    edits: tuple[TextEdit, ...] = ()
    for finding in findings:
        if isinstance(finding.fix, Fix):
            merged = merge_edits(edits, finding.fix.edits)
            if merged is not None:
                chosen.append(finding)
                edits = merged
    return Applied(tuple(chosen), edits, apply(text, edits))
