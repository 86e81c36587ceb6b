"""What a project says of its own code, for the agent to heed: CLAUDE.md and REVIEW.md."""

from __future__ import annotations

import os
from pathlib import Path

FILES = ("CLAUDE.md", "REVIEW.md")
MAXIMUM_CHARACTERS = 40_000
"""Of each file; about 10,000 tokens. The rest is left out."""


def load_conventions(root: Path | None) -> tuple[tuple[str, str], ...]:
    """(name, text) of each file that is there, can be read and lies in `root`, links followed."""
    if root is None:
        return ()
    found = []
    for name in FILES:
        path = Path(os.path.realpath(root / name))
        try:
            if path.is_relative_to(os.path.realpath(root)) and os.path.isfile(path):
                with path.open(encoding="utf-8-sig", errors="replace") as file:
                    found.append((name, file.read(MAXIMUM_CHARACTERS)))
        except OSError:
            continue  # the review does not depend on it
    return tuple(found)
