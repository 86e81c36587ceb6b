"""The time of a review of a tree of 1,000 files, over that of the linters run by hand.

    python tests/bench/tree.py [FILES …]

Prints, for each number of files, both times, their ratio, and the most memory that the review's
processes took together; then the same of processor time, which a busy machine does not change;
then the same of a second review, which knows from the first what it found. `semgrep scan`, where
it is on PATH, has one rule.
The tree is made of what is installed here: Python packages, and our own TypeScript, SQL,
Dockerfiles and workflows written a few times over.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from client import SEMGREP_RULE, family

from backend_developer.catalogue import load_catalogue
from backend_developer.linters.process import find_program

ROOT = Path(__file__).resolve().parents[2]
MAXIMUM_BYTES = 40_000
"""Of one file: a larger one is mostly generated."""
SHARES = {"py": 0.75, "ts": 0.2, "sql": 0.02, "dockerfile": 0.02, "yml": 0.01}

SQL = "BEGIN;\nALTER TABLE users ADD COLUMN age int;\nCREATE INDEX ages ON users (age);\nCOMMIT;\n"
DOCKERFILE = "FROM python:3.12\nRUN pip install flask\nCOPY . /app\nCMD python /app/main.py\n"
WORKFLOW = """\
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
"""


def make_tree(folder: Path, count: int) -> None:
    sources = {
        "py": itertools.cycle(_texts(Path(sysconfig.get_path("purelib")), "*.py")),
        "ts": itertools.cycle(_texts(ROOT / "editors/vscode/src", "*.ts")),
        "sql": itertools.repeat(SQL),
        "dockerfile": itertools.repeat(DOCKERFILE),
        "yml": itertools.repeat(WORKFLOW),
    }
    for ending, share in SHARES.items():
        for index, text in enumerate(itertools.islice(sources[ending], round(count * share))):
            # Folders of 20, as a project has them.
            file = folder / f"{ending}{index // 20}" / f"file{index}.{ending}"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")


def _texts(folder: Path, pattern: str) -> Iterator[str]:
    for file in sorted(folder.rglob(pattern)):
        if 200 < file.stat().st_size < MAXIMUM_BYTES:
            yield file.read_text(encoding="utf-8", errors="replace")


def by_hand(tree: Path) -> float:
    """Seconds that the linters take, one after another, each over all its files."""
    codes = load_catalogue().codes_of
    rules = [option for code in codes("oxlint") for option in ("--deny", code)]
    plugins = ["--promise-plugin", "--node-plugin"]
    commands = {
        "ruff": ["check", "--isolated", "--no-cache", "--select", ",".join(codes("ruff")), "."],
        "oxlint": ["--allow", "all", *plugins, *rules, "."],
        "hadolint": [str(file) for file in tree.rglob("*.dockerfile")],
        "squawk": [str(file) for file in tree.rglob("*.sql")],
        "zizmor": ["--offline", "--no-config", *map(str, tree.rglob("*.yml"))],
    }
    total = 0.0
    for name, arguments in commands.items():
        program = find_program(name, anywhere=True)
        if program is None:
            print(f"{name} is not installed")
            continue
        start = time.perf_counter()
        subprocess.run([program, *arguments], cwd=tree, capture_output=True, check=False)
        seconds = time.perf_counter() - start
        print(f"  {name:10}{seconds:8.2f} s")
        total += seconds
    return total


def reviewed(tree: Path, cache: str) -> tuple[float, int]:
    """Seconds, and the most kilobytes that all its processes had at one time."""
    command = [sys.executable, "-m", "backend_developer", "review", ".", "--engine", "local"]
    command += ["--cache-dir", cache]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--format", "sarif", "--output", os.devnull, "--fail-on", "never"],
        cwd=tree,
        stderr=subprocess.DEVNULL,
    )
    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.1):
            most = max(most, sum(map(_kilobytes, family(process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    return seconds, most


def _processor_seconds() -> float:
    """What the programs that ran so far, and theirs, have used."""
    times = os.times()
    return times.children_user + times.children_system


def _kilobytes(pid: int) -> int:
    """The process's share of memory: what several of them have in common is divided."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass  # It has ended meanwhile, or this is no Linux.
    return 0


def by_semgrep(tree: Path) -> float | None:
    """Seconds that `semgrep scan` takes with one local rule; None when it is not on PATH."""
    program = shutil.which("semgrep")
    if program is None:
        print("semgrep is left out: it is not on PATH.")
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as rule:
        rule.write(SEMGREP_RULE)
        rule.flush()
        options = ["--config", rule.name, "--metrics", "off", "--disable-version-check", "--quiet"]
        start = time.perf_counter()
        subprocess.run([program, "scan", *options, "."], cwd=tree, capture_output=True, check=False)
    return time.perf_counter() - start


def measure(count: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="backend-developer-") as name,
        tempfile.TemporaryDirectory(prefix="backend-developer-cache-") as cache,
    ):
        tree = Path(name)
        make_tree(tree, count)
        texts = [file.read_text() for file in tree.rglob("*") if file.is_file()]
        lines = sum(text.count("\n") for text in texts)
        print(f"{len(texts):,} files, {lines:,} lines")
        begin = _processor_seconds()
        hand = by_hand(tree)
        used = _processor_seconds() - begin
        print(f"by hand {hand:.2f} s, {used:.2f} s of a processor")
        if semgrep := by_semgrep(tree):
            print(f"semgrep scan with one rule {semgrep:.2f} s (ratio {semgrep / hand:.1f})")
        first = 0.0
        for which in ("first", "second"):
            begin = _processor_seconds()
            seconds, memory = reviewed(tree, cache)
            used = _processor_seconds() - begin
            quicker = f", {first / seconds:.1f} times as fast as the first" if first else ""
            print(
                f"{which} review {seconds:.2f} s (ratio {seconds / hand:.1f}), "
                f"{len(texts) / seconds:.0f} files/s, {used:.2f} s of a processor, "
                f"{memory / 1024:.0f} MB{quicker}",
                flush=True,
            )
            first = first or seconds


if __name__ == "__main__":
    for argument in sys.argv[1:] or ["1000"]:
        measure(int(argument))
