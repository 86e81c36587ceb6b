"""The report as GitHub workflow commands, which become annotations, and as a job summary.

    ::error file=app/db.py,line=12,endLine=12,col=17,endColumn=61,title=…::message

Commands are read from standard output; the summary goes to the file that
GITHUB_STEP_SUMMARY names. Facts: "Workflow commands for GitHub Actions" in GitHub's docs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..core.model import Finding, Fix, Severity
from . import Report, place, plural, references
from .text import summary, visible

COMMANDS: Mapping[Severity, str] = {
    "error": "error",
    "warning": "warning",
    "information": "notice",
    "hint": "notice",
}


def render(report: Report, workspace: Path | None = None) -> str:
    """One command a line. `workspace` is the root of the checkout, which paths are relative to."""
    root = workspace or report.folder
    commands = []
    for review, lines, finding in report.placed():
        start, end = place(lines, finding.span.start), place(lines, finding.span.end)
        properties = {
            "file": _path(review.path, report.folder, root),
            "line": str(start.line),
            "endLine": str(end.line),
        }
        if start.line == end.line:
            # GitHub refuses columns on an annotation of several lines.
            properties |= {"col": str(start.column), "endColumn": str(end.column)}
        properties["title"] = f"{finding.title} [{finding.rule}]"
        commands.append(_command(COMMANDS[finding.severity], properties, _message(finding, report)))
    for path, why in report.all_errors():
        properties = {"file": _path(path, report.folder, root), "title": "Could not be reviewed"}
        commands.append(_command("error", properties, why))
    return "".join(f"{command}\n" for command in commands)


def step_summary(report: Report) -> str:
    """The report as a Markdown table, for the job's page."""
    return "\n".join(_summary_lines(report)) + "\n"


def _message(finding: Finding, report: Report) -> str:
    parts = [finding.message]
    if isinstance(finding.fix, Fix):
        parts.append(f"Fix: {finding.fix.title}.")
    facts = (*references(finding, report.rules), finding.link)
    parts.append(" · ".join(fact for fact in facts if fact))
    return "\n".join(part for part in parts if part)


def _command(name: str, properties: Mapping[str, str], message: str) -> str:
    pairs = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items())
    return f"::{name} {pairs}::{_escape(message)}"


def _escape(text: str) -> str:
    """A line end would begin a new command, which reviewed code must never be able to do."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return visible(escaped)


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _path(path: str, folder: Path, root: Path) -> str:
    absolute = Path(os.path.abspath(folder / path))
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else path


def _summary_lines(report: Report) -> Iterator[str]:
    yield "### backend-developer"
    yield ""
    yield _cell(summary(report))
    if any(True for _ in report.findings()):
        yield ""
        yield "| Where | Level | Finding | Rule |"
        yield "| --- | --- | --- | --- |"
    for review, lines, finding in report.placed():
        line = place(lines, finding.span.start).line
        rule = f"[{finding.rule}]({finding.link})" if finding.link else finding.rule
        where = _cell(f"{review.path}:{line}")
        yield f"| {where} | {finding.severity} | {_cell(finding.title)} | {rule} |"
    errors = report.all_errors()
    if errors:
        yield ""
        yield f"{plural(len(errors), 'problem')} kept something from being reviewed:"
        yield ""
        for path, why in errors:
            yield f"- {_cell(path)}: {_cell(why)}"


def _cell(text: str) -> str:
    """Text with nothing that Markdown or HTML would take for markup."""
    plain = visible(text).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{one}" if one in "\\|`*_[]" else one for one in plain)
