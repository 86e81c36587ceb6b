"""`backend-developer log`: what was sent to models, when and where."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from ..gate import host_of
from ..ledger import JOURNAL_DAYS, Entry, entries
from ..prices import money
from ..reports.text import visible
from ..state import State, StateError, state_folder
from . import OK, UsageError


def run(*, number: int | None, limit: int, workspace: str | None, format_: str) -> int:
    """Lists calls, newest first, or prints the one of that number whole."""
    root = str(Path(workspace).absolute()) if workspace else None
    try:
        found = entries(State(state_folder(os.environ)), limit, root, number)
    except StateError as error:
        raise UsageError(str(error)) from None
    if number is not None and not found:
        raise UsageError(f"there is no entry {number}: `backend-developer log` lists them")
    if format_ == "json":
        data = [_as_data(entry) for entry in found]
        sys.stdout.write(json.dumps(data if number is None else data[0], indent=2) + "\n")
    elif number is not None:
        sys.stdout.write(_whole(found[0]))
    else:
        for entry in found:
            sys.stdout.write(f"{_line(entry)}\n")
        if not found:
            sys.stdout.write("nothing was sent\n")
    return OK


def _line(entry: Entry) -> str:
    usage = entry.usage
    return visible(
        f"{entry.number}  {_when(entry)}  {host_of(entry.base_url)}  {entry.model}  "
        f"{entry.purpose}, {_outcome(entry)}  {entry.size:,} bytes  {usage.prompt_tokens:,} tokens "
        f"in, {usage.output_tokens:,} out, {_cost(entry)}  {entry.root}: {', '.join(entry.paths)}"
    )


def _whole(entry: Entry) -> str:
    if entry.body is None:
        sent = (
            f"what was sent was not kept: the setting journal was off, or it is more than "
            f"{JOURNAL_DAYS} days ago"
        )
    else:
        sent = json.dumps(json.loads(entry.body), indent=2, ensure_ascii=False)
    usage = entry.usage
    lines = [
        f"number:    {entry.number}",
        f"when:      {_when(entry)}",
        f"where:     {entry.base_url}",
        f"model:     {entry.model}",
        f"purpose:   {entry.purpose}",
        f"outcome:   {_outcome(entry)}",
        f"workspace: {entry.root or 'none'}",
        f"files:     {', '.join(entry.paths)}",
        f"used:      {usage.prompt_tokens:,} tokens in, {usage.cache_read_tokens:,} of them "
        f"cached, {usage.output_tokens:,} out, {_cost(entry)}",
        f"sent:      {entry.size:,} bytes",
    ]
    # The request keeps its own lines; nothing in it may move the cursor.
    shown = "\n".join(visible(line) for line in (*lines, "", *sent.split("\n")))
    return f"{shown}\n"


def _when(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.at).isoformat(" ", "seconds")


def _outcome(entry: Entry) -> str:
    if entry.outcome == "lost":
        return "cut off, its input counted as paid"
    return entry.outcome


def _cost(entry: Entry) -> str:
    return "cost unknown" if entry.cost is None else money(entry.cost)


def _as_data(entry: Entry) -> dict[str, Any]:
    data: dict[str, Any] = {
        "number": entry.number,
        "at": datetime.fromtimestamp(entry.at).astimezone().isoformat(),
        "base_url": entry.base_url,
        "model": entry.model,
        "purpose": entry.purpose,
        "outcome": entry.outcome,
        "workspace": entry.root or None,
        "paths": list(entry.paths),
        "bytes": entry.size,
        "input_tokens": entry.usage.input_tokens,
        "cache_write_tokens": entry.usage.cache_write_tokens,
        "cache_read_tokens": entry.usage.cache_read_tokens,
        "output_tokens": entry.usage.output_tokens,
        "cost": entry.cost,
    }
    return data if entry.body is None else {**data, "body": entry.body}
