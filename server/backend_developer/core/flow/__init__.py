"""Data flow: from what comes from outside, through a file, to where it does harm.

    program -> statements executed one after another over a State      (branches and loops joined)
            -> a Summary of each function: its answer, its hits, what it checked, all in terms of
               its parameters; calls of functions of the file put their arguments in
            -> Hits, and which texts were put together from safe parts alone

A State holds the variables, and which labels (pieces of outside data) were found to be safe on
the way to here: `if name not in ALLOWED: return` makes all safe that was made from `name`.

The modules are functions over one Analysis. Their imports point one way, from `expressions`,
`statements` and `assumptions` down; what these ask of one
another goes through the Analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..knowledge import Knowledge
from ..program import Statement
from ..values import Label, taints_of
from .analysis import Analysis, ExhaustedError, Hit, Meaning, Summary
from .assumptions import assume
from .expressions import EXPRESSIONS
from .results import Flow, result_of
from .statements import STATEMENTS
from .summaries import summarise

__all__ = ["Flow", "Hit", "Summary", "analyse"]

_MEANING = Meaning(EXPRESSIONS, STATEMENTS, assume, summarise)


def analyse(
    program: Sequence[Statement], knowledge: Knowledge, go_on: Callable[[], None] = lambda: None
) -> Flow:
    """Everything found in one file. `go_on` is called before each function of it, and what it
    raises ends the analysis.
    """
    analysis = Analysis(knowledge, _MEANING, go_on)
    try:
        _look_through(analysis, program)
    except ExhaustedError:
        analysis.is_exhausted = True
    return result_of(analysis)


def _look_through(analysis: Analysis, program: Sequence[Statement]) -> None:
    state = analysis.module_state
    analysis.hoist(program, state)
    analysis.execute(program, state)
    before = _shared_inputs(analysis)
    _summarise_all(analysis)
    if _shared_inputs(analysis) != before:
        # A function has put input where another one, maybe above it, takes it from.
        analysis.summaries.clear()
        _summarise_all(analysis)


def _summarise_all(analysis: Analysis) -> None:
    """Every function of the file, those that others define included."""
    for _ in range(3):
        waiting = [one for one in analysis.registered.values() if one.key not in analysis.summaries]
        for closure in waiting:
            analysis.summary(closure)
        if not waiting:
            break


def _shared_inputs(analysis: Analysis) -> set[tuple[str, Label]]:
    """The input in the variables of the module."""
    return {
        (name, taint.label)
        for name, value in analysis.module_state.variables.items()
        for taint in taints_of(value)
        if taint.label.kind == "input"
    }
