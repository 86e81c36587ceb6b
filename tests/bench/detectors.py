"""How long each detector of the local engine takes for one file, warm.

    python tests/bench/detectors.py [LINES] [RUNS]

The files are the example project's, repeated up to that many lines. `ruff alone` is ruff by hand
on the same file, as the reference.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from backend_developer.core.model import Document
from backend_developer.detector import Detector, Source
from backend_developer.engines.local import LocalEngine
from backend_developer.linters.ruff import find_ruff
from backend_developer.settings import Settings, enabled_rules

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "shop"
LANGUAGES = {".py": "python", ".js": "javascript", ".ts": "typescript"}


def main(lines: int, runs: int) -> None:
    engine = LocalEngine()
    settings = Settings()
    enabled = enabled_rules(engine.catalogue.rules.values(), settings)
    for suffix, language in LANGUAGES.items():
        parts = [file.read_text() for file in sorted(EXAMPLES.rglob(f"*{suffix}"))]
        if not parts:
            continue
        once = "".join(parts).splitlines(keepends=True)
        text = "".join((once * (lines // len(once) + 1))[:lines])
        document = Document("", f"/srv/app{suffix}", language, text)
        print(f"{language}, {lines} lines, {runs} runs, medians")
        for detector in engine.detectors:
            if language in detector.languages:
                row(detector.name, runs, partial(find_anew, detector, document, enabled))
        row("all, merged", runs, partial(engine.scan, document, settings))
        if language == "python":
            with tempfile.NamedTemporaryFile(suffix=".py") as file:
                Path(file.name).write_text(text)
                command = [find_ruff(), "check", "--isolated", "--no-cache", "-q", file.name]
                run = partial(subprocess.run, command, check=False, capture_output=True)
                row("ruff alone", runs, run)


def find_anew(detector: Detector, document: Document, enabled: frozenset[str]) -> None:
    """With a syntax tree of its own."""
    detector.find([Source(document)], enabled)


def row(name: str, runs: int, run: Callable[[], object]) -> None:
    run()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    print(f"  {name:16}{median(times) * 1e3:8.1f} ms")


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    main(*(numbers + [1000, 15][len(numbers) :]))
