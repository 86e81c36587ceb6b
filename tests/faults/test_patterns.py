"""Each of our regular expressions takes time in proportion to its text: see `patterns.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_none_is_slow() -> None:
    # In a process that has imported nothing of the program.
    program = Path(__file__).with_name("patterns.py")
    result = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=270, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
