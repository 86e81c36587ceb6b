"""`backend-developer usage`: what models used today and this month, and what the limits leave."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from datetime import date

from ..core.model import Usage
from ..ledger import Spent, spent
from ..prices import TAKEN_ON, money, money_at_most, used_in_words
from ..reports import plural
from ..reports.text import visible
from ..settings import Settings
from ..state import State, StateError, as_kept, state_folder
from . import OK, UsageError
from .workspace import load_workspace, tell


def run() -> int:
    """Prints both, a line for each workspace and model."""
    workspace = load_workspace()
    tell(workspace.problems)
    state = State(state_folder(os.environ))
    today = date.today()
    try:
        of_today, of_month = spent(state, today), spent(state, today.replace(day=1))
    except StateError as error:
        raise UsageError(str(error)) from None
    lines = [
        "today",
        *_lines(of_today),
        *_limits(of_today, workspace.settings, str(workspace.root)),
        "",
        "this month",
        *_lines(of_month),
        "",
        f"Prices as of {TAKEN_ON}, or as in the setting modelPrices; the provider's bill decides.",
    ]
    sys.stdout.write("\n".join(map(visible, lines)) + "\n")
    return OK


def _lines(rows: Iterable[Spent]) -> Iterator[str]:
    rows = list(rows)
    for row in rows:
        lost = f", {row.lost} of them cut off, the input counted as paid" if row.lost else ""
        yield (
            f"  {row.root or 'no workspace'}: {used_in_words(row.usage, row.cost)} "
            f"({plural(row.calls, 'call')}{lost})"
        )
    if not rows:
        yield "  no model was asked"


def _limits(rows: list[Spent], settings: Settings, root: str) -> Iterator[str]:
    dollars = sum(row.cost or 0.0 for row in rows)
    here = sum(row.cost or 0.0 for row in rows if row.root == as_kept(root))
    total = sum((row.usage for row in rows), Usage("")).tokens
    limits = (
        ("maximumCostPerDay", settings.maximum_cost_per_day, dollars),
        ("maximumCostPerWorkspace", settings.maximum_cost_per_workspace, here),
    )
    for name, limit, used in limits:
        if limit:
            left = money(max(limit - used, 0))
            yield f"  {money(used)} of {money_at_most(limit)} ({name}): {left} left"
    if limit := settings.maximum_tokens_per_day:
        left = f"{max(limit - total, 0):,}"
        yield f"  {total:,} of {limit:,} tokens (maximumTokensPerDay): {left} left"
