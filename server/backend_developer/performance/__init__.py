"""The detector of what costs time and memory, for what no pattern can say.

Source -> code.py: functions, loops, calls and assignments, the same for each language
       -> queries.py, blocking.py, awaits.py: checks of that
       -> regexes.py: the patterns in it
       -> exporting.py: what of it other files should know (summaries.py)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.model import Proposal
from ..detector import Source
from ..syntax import LANGUAGES
from .summaries import NOTHING, Elsewhere


class PerformanceDetector:
    """Implements Detector, in process."""

    name = "performance"
    languages = frozenset(LANGUAGES)
    rules = frozenset(
        {
            "performance/blocking-call-in-async",
            "performance/query-in-loop",
            "performance/regex-explosion",
            "performance/request-in-loop",
            "performance/sequential-awaits",
            "performance/sync-filesystem-call",
            "performance/sync-file-operation",
        }
    )
    runs_program = False

    def __init__(self, elsewhere: Callable[[Source], Elsewhere] = lambda source: NOTHING) -> None:
        """`elsewhere` gives what the other files of a source's project say to it."""
        self._elsewhere = elsewhere

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        return [
            []
            if _is_generated(source.text)
            else _find(source, enabled & self.rules, self._elsewhere(source))
            for source in sources
        ]


def _is_generated(text: str) -> bool:
    """Whether its lines are so long that a program must have written them."""
    return len(text) > 400 * (text.count("\n") + 5)


def _find(source: Source, enabled: frozenset[str], elsewhere: Elsewhere) -> list[Proposal]:
    # Not at the top: a server that has started has not looked at any file yet.
    from . import awaits, blocking, queries, regexes
    from .code import read_code

    language = "python" if source.language == "python" else "javascript"
    checks = [
        module.find
        for module in (blocking, awaits)
        if not enabled.isdisjoint(module.RULES) and module.is_worth_reading(source.text, language)
    ]
    asks = not enabled.isdisjoint(queries.RULES) and (
        not elsewhere.is_empty or queries.is_worth_reading(source.text, language)
    )
    found = list(regexes.find(source)) if not enabled.isdisjoint(regexes.RULES) else []
    if checks or asks:
        code = source.derived(read_code)
        path = source.document.path
        found += [proposal for find in checks for proposal in find(code, path)]
        if asks:
            found += queries.find(code, path, elsewhere)
    return [proposal for proposal in found if proposal.rule in enabled]
