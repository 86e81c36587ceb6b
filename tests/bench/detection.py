"""How much is found in labelled code, and how much of it wrongly: ours beside each linter alone.

    python tests/bench/detection.py CORPORA [SET …]     tables, from the scorer that lies in CORPORA
    python tests/bench/detection.py --strict CORPORA …  ours with `profile: strict`, and all that
                                                        is otherwise folded away
    python tests/bench/detection.py --alias             only our rules' other names, as its --alias

CORPORA is a folder with `unpack.py`, `score.py` and the labelled sets, and no part of the project.
A linter that is not installed is left out of the tables, and that is said.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from backend_developer.catalogue import load_catalogue

COLUMNS = ("recall", "fpr", "precision", "f1", "youden", "macro_youden")
CATALOGUE = load_catalogue()
CONCEPTS = {"performance/blocking-call-in-async": ["async-blocking-call"]}
"""Labels of the sets that no linter has a rule of that name for."""
RUFF_FAMILIES = "S,ASYNC,FAST,DJ,PERF,DTZ,B,BLE"


def alias() -> dict[str, dict[str, list[object]]]:
    """Our rule ids, as the scorer matches them, with the names that other tools have for them."""
    names = {
        rule.id: [code.partition(":")[2] for code in rule.same_as] + CONCEPTS.get(rule.id, [])
        for rule in CATALOGUE.rules.values()
    }
    return {f"^{re.escape(rule)}$": {"labels": list(labels)} for rule, labels in names.items()}


# --- The linters alone: each gives (file, line, rule, CWEs)

Found = Iterator[tuple[str, int, str, list[int]]]


def ruff(folder: Path) -> Found:
    options = ["--isolated", "--no-cache", "--select", RUFF_FAMILIES, "--output-format", "json"]
    for entry in _json("ruff", "check", *options, "--exit-zero", str(folder)):
        code = entry["code"] or "syntax"
        yield entry["filename"], entry["location"]["row"], code, _cwes("ruff", code)


def bandit(folder: Path) -> Found:
    for entry in _json("bandit", "-q", "-r", "-f", "json", str(folder))["results"]:
        cwe = entry.get("issue_cwe", {}).get("id")
        yield entry["filename"], entry["line_number"], entry["test_id"], [cwe] if cwe else []


def oxlint(folder: Path) -> Found:
    plugins = [f"--{name}-plugin" for name in ("node", "promise", "import")]
    for entry in _json("oxlint", *plugins, "--format", "json", str(folder))["diagnostics"]:
        labels = entry.get("labels")
        # `eslint(no-eval)` is "eslint/no-eval" in the catalogue.
        code = re.sub(r"(.+)\((.+)\)", r"\1/\2", entry.get("code", ""))
        if labels and code:
            yield entry["filename"], labels[0]["span"]["line"], code, _cwes("oxlint", code)


def hadolint(folder: Path) -> Found:
    named = sorted(folder.rglob("*ockerfile*"))
    files = [str(file) for file in named if file.is_file()]
    for entry in _json("hadolint", "--no-fail", "-f", "json", *files) if files else ():
        yield entry["file"], entry["line"], entry["code"], _cwes("hadolint", entry["code"])


def squawk(folder: Path) -> Found:
    files = [str(file) for file in sorted(folder.rglob("*.sql"))]
    for entry in _json("squawk", "--reporter", "json", *files) if files else ():
        yield entry["file"], entry["line"] + 1, entry["rule_name"], []


LINTERS: tuple[Callable[[Path], Found], ...] = (ruff, bandit, oxlint, hadolint, squawk)


def _cwes(tool: str, code: str) -> list[int]:
    rule = CATALOGUE.rule_for(tool, code)
    return list(rule.cwes) if rule else []


class _MissingError(Exception):
    """A linter that is not installed."""


def _json(program: str, *arguments: str) -> object:
    beside = Path(sys.executable).with_name(program)
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise _MissingError
    result = subprocess.run([found, *arguments], check=False, capture_output=True, cwd="/")
    return json.loads(result.stdout)


# --- Scores


def ours(folder: Path, report: Path) -> None:
    command = [sys.executable, "-m", "backend_developer", "review", str(folder)]
    with report.open("wb") as output:
        subprocess.run(
            [*command, "--format", "sarif", "--fail-on", "never"],
            check=True,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )


def score(corpora: Path, findings: Path, sets: list[str], folder: Path) -> Mapping[str, dict]:
    names, result = folder / "alias.json", folder / "scores.json"
    names.write_text(json.dumps(alias()))
    command = [sys.executable, corpora / "score.py", findings, "--quiet", "--json", result]
    chosen = ["--corpora", ",".join(sets)] if sets else []
    subprocess.run([*command, "--alias", names, *chosen], check=True)
    scores: Mapping[str, dict] = json.loads(result.read_text())
    return scores


STRICT = "profile: strict\nminimumConfidence: low\n"


def main(corpora: Path, sets: list[str], *, is_strict: bool = False) -> None:
    with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
        folder = Path(name)
        subprocess.run(
            [sys.executable, corpora / "unpack.py", folder], check=True, stdout=subprocess.DEVNULL
        )
        code = folder / "corpus"
        for other in code.iterdir():
            if sets and other.name not in sets:
                shutil.rmtree(other)
        if is_strict:
            (code / ".backend-developer.yml").write_text(STRICT)
        report = folder / "ours.sarif"
        ours(code, report)
        scores = {"ours": score(corpora, report, sets, folder)}
        for linter in LINTERS:
            findings = folder / f"{linter.__name__}.jsonl"
            try:
                lines = [
                    json.dumps({"file": file, "line": line, "rule": rule, "cwe": cwes})
                    for file, line, rule, cwes in linter(code)
                ]
            except _MissingError:
                print(f"{linter.__name__} is not installed")
                continue
            findings.write_text("\n".join(lines))
            scores[linter.__name__] = score(corpora, findings, sets, folder)
    _print(scores)


def _print(scores: Mapping[str, Mapping[str, dict]]) -> None:
    for name in scores["ours"]:
        if name == "clean":
            continue
        print(f"\n{name:24}" + "".join(f"{column:>14}" for column in COLUMNS))
        for tool, results in scores.items():
            if tool == "ours" or results[name]["tp"] or results[name]["fp_ok"]:
                values = (results[name][column] for column in COLUMNS)
                shown = (f"{'-' if value is None else f'{value:.3f}':>14}" for value in values)
                print(f"  {tool:22}" + "".join(shown))
    print("\nclean: findings per 1,000 lines")
    for tool, results in scores.items():
        if "clean" in results:
            print(f"  {tool:22}{results['clean']['TOTAL']['per_kloc']:14.2f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--alias"]:
        print(json.dumps(alias(), indent=1))
    else:
        is_strict = "--strict" in sys.argv
        given = [argument for argument in sys.argv[1:] if argument != "--strict"]
        if not given:
            sys.exit(__doc__)
        main(Path(given[0]).resolve(), given[1:], is_strict=is_strict)
