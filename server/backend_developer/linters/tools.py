"""Tools of a person's own: any program that prints SARIF, or bandit's or ESLint's JSON.

    settings.tools: {"semgrep": "semgrep scan --sarif --metrics off --config auto {files}"}

A tool reads the files itself, so it is asked only of a text that is as on disk. What it says of
another file, or of none, is ignored: a tool that was pointed at a project does not choose where
we look. A rule of it that the catalogue knows is that rule; any other is `…/tool-finding`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..catalogue import Catalogue
from ..core.model import Proposal, Rule, Severity, Span
from ..core.text import shortened
from ..detector import Source
from ..discovery import repository_root
from ..settings import Settings
from .process import LinterError, find_program, run_linter

FILES = "{files}"
"""What stands in a command line for the files."""


@dataclass(frozen=True)
class ToolDetector:
    """Implements Detector: one tool of the setting `tools`."""

    name: str
    command: str
    catalogue: Catalogue
    languages: frozenset[str]
    runs_program = True

    @property
    def rules(self) -> frozenset[str]:
        return frozenset(self.catalogue.rules)

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """What the tool says of each source that is as on disk, in one run for each repository."""
        found: list[list[Proposal]] = [[] for _ in sources]
        places: defaultdict[Path, dict[Path, int]] = defaultdict(dict)
        for index, source in enumerate(sources):
            if file := _saved(source):
                places[repository_root(file.parent) or file.parent][file] = index
        for folder, files in places.items():
            for said in _read(self._run(folder, files), folder, self.name):
                rule = _rule(said, self.name, self.catalogue)
                if said.file in files and rule.id in enabled:
                    index = files[said.file]
                    found[index].append(_proposal(said, rule, self.name, sources[index]))
        return found

    def _run(self, folder: Path, files: Mapping[Path, int]) -> Any:
        try:
            words = shlex.split(self.command, posix=os.name != "nt")
        except ValueError as error:
            raise LinterError(
                f"The setting `tools.{self.name}` has a quote that is not closed: close it."
            ) from error
        program = _program(words[0], folder) if words else None
        if program is None:
            raise LinterError(
                f"{words[0] if words else self.name} is not there: see the setting "
                f"`tools.{self.name}`."
            )
        names = [str(file) for file in files]
        arguments = [name for word in words[1:] for name in (names if word == FILES else [word])]
        output = run_linter(
            [program, *arguments, *([] if FILES in words else names)],
            folder=folder,
            exit_codes=range(3),
            files=len(names) + EXTRA_FILES,
            with_home=True,
        )
        try:
            return json.loads(output or b"[]")
        except (ValueError, RecursionError) as error:
            raise LinterError(f"{self.name} printed no JSON: see the setting `tools`.") from error


EXTRA_FILES = 100
"""What a tool may take longer than a linter of ours, as if it had so many more files to read."""


def tools(
    settings: Settings, catalogue: Catalogue, languages: frozenset[str]
) -> tuple[ToolDetector, ...]:
    """Those that the settings name; none in an untrusted workspace, whose code some would run."""
    if not settings.trusted:
        return ()
    return tuple(
        ToolDetector(name, command, catalogue, languages)
        for name, command in settings.tools.items()
    )


def _program(word: str, folder: Path) -> str | None:
    """A path is below the repository, as `node_modules/.bin/eslint` is; a name is searched for."""
    if Path(word).name == word:
        return find_program(word, anywhere=True)
    return str(folder / word) if (folder / word).is_file() else None


def _saved(source: Source) -> Path | None:
    """The file that a text is saved in; None when it is in none, or was changed since."""
    path = Path(source.document.path)
    try:
        if os.path.isfile(path) and path.read_bytes().decode("utf-8-sig") == source.text:
            return path.resolve()
    except (OSError, ValueError):
        pass
    return None


# --- What tools print


@dataclass(frozen=True, slots=True)
class _Said:
    file: Path
    code: str
    message: str
    severity: Severity
    start: tuple[int, int]
    """Line and column, from 1."""
    end: tuple[int, int] | None
    """Exclusive; None: the line's end."""
    cwes: tuple[int, ...] = ()


def _read(output: Any, folder: Path, name: str) -> list[_Said]:
    """Raises LinterError."""
    try:
        if isinstance(output, dict) and "runs" in output:
            said = _read_sarif(output, folder)
        elif isinstance(output, dict) and "results" in output:
            said = _read_bandit(output["results"], folder)
        elif isinstance(output, list):
            said = _read_eslint(output, folder)
        else:
            raise KeyError("runs")
        return [_checked(one) for one in said]
    # RuntimeError: a path that leads through links to itself.
    except (LookupError, AttributeError, TypeError, ValueError, OSError, RuntimeError) as error:
        raise LinterError(
            f"{name} printed something else than SARIF, or bandit's or ESLint's JSON: "
            "see the setting `tools`."
        ) from error


def _checked(said: _Said) -> _Said:
    """Raises TypeError when a tool put something else where a number or a text belongs."""
    numbers = (*said.start, *(said.end or ()), *said.cwes)
    texts = (said.code, said.message)
    if not all(isinstance(number, int) for number in numbers) or not all(
        isinstance(text, str) for text in texts
    ):
        raise TypeError
    return said


_LEVELS: Mapping[str, Severity] = {"error": "error", "warning": "warning"}
_CWE = re.compile(r"cwe[-/ ]?0*(\d+)", re.IGNORECASE)


def _read_sarif(log: Mapping[str, Any], folder: Path) -> Iterator[_Said]:
    """SARIF 2.1.0."""
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        parts = [driver, *run["tool"].get("extensions", [])]
        rules = {rule["id"]: rule for part in parts for rule in part.get("rules", [])}
        for result in run.get("results") or []:
            if result.get("suppressions") or result.get("kind", "fail") != "fail":
                continue
            code = result.get("ruleId") or driver["rules"][result["ruleIndex"]]["id"]
            rule = rules.get(code, {})
            level = result.get("level") or rule.get("defaultConfiguration", {}).get("level")
            tags = rule.get("properties", {}).get("tags", [])
            for location in result.get("locations", [])[:1]:
                place = location["physicalLocation"]
                region = place.get("region", {"startLine": 1})
                start = (region.get("startLine", 1), region.get("startColumn", 1))
                end_line = region.get("endLine", start[0])
                end = (end_line, region["endColumn"]) if "endColumn" in region else None
                cwes = tuple(int(match[1]) for tag in tags if (match := _CWE.search(str(tag))))
                file = _file(place["artifactLocation"]["uri"], folder)
                severity = _LEVELS.get(level or "warning", "information")
                yield _Said(file, code, result["message"]["text"], severity, start, end, cwes)


def _read_bandit(results: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[_Said]:
    for result in results:
        severity: Severity = "warning" if result["issue_severity"] == "HIGH" else "information"
        cwe = result.get("issue_cwe", {}).get("id")
        start = (result["line_number"], result.get("col_offset", 0) + 1)
        yield _Said(
            (folder / result["filename"]).resolve(),
            result["test_id"],
            result["issue_text"],
            severity,
            start,
            None,
            (cwe,) if cwe else (),
        )


def _read_eslint(results: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[_Said]:
    for result in results:
        for message in result["messages"]:
            end = (message["endLine"], message["endColumn"]) if message.get("endColumn") else None
            yield _Said(
                (folder / result["filePath"]).resolve(),
                message.get("ruleId") or "syntax",
                message["message"],
                "warning" if message["severity"] == 2 else "information",
                (message.get("line", 1), message.get("column", 1)),
                end,
            )


def _file(uri: str, folder: Path) -> Path:
    parts = urlsplit(uri)
    path = unquote(parts.path)
    # `file:///C:/a.py` has a slash before the drive.
    if parts.scheme == "file" and re.match(r"/[A-Za-z]:", path):
        path = path[1:]
    return (folder / path).resolve()


# --- What it means to us


def _rule(said: _Said, tool: str, catalogue: Catalogue) -> Rule:
    names = [(tool, said.code)]
    if re.fullmatch(r"B\d{3}", said.code):
        # Ruff has bandit's checks under the same numbers.
        names.append(("ruff", f"S{said.code[1:]}"))
    elif "/" not in said.code:
        names += [("oxlint", f"eslint/{said.code}"), ("eslint", said.code)]
    else:
        plugin, _, rule = said.code.rpartition("/")
        names.append(("oxlint", f"{plugin.removeprefix('@').removesuffix('-eslint')}/{rule}"))
    for name, code in names:
        if known := catalogue.rule_for(name, code):
            return known
    focus = "security" if said.cwes else "api-design"
    same = (
        rule
        for cwe in said.cwes[:1]
        for rule in catalogue.rules.values()
        if rule.focus == "security" and rule.cwes[:1] == (cwe,)
    )
    return next(same, catalogue.rules[f"{focus}/tool-finding"])


def _proposal(said: _Said, rule: Rule, tool: str, source: Source) -> Proposal:
    lines = source.lines
    start = lines.offset(said.start[0] - 1, max(said.start[1] - 1, 0), "utf-16")
    if said.end:
        end = lines.offset(said.end[0] - 1, max(said.end[1] - 1, 0), "utf-16")
    else:
        end = lines.end(min(said.start[0] - 1, lines.count - 1))
    return Proposal(
        where=Span(start, max(start, end)),
        rule=rule.id,
        message=shortened(said.message, 500),
        source=f"{tool}:{said.code}",
        author="local",
        confidence="medium",
        severity=said.severity,
    )
