"""The report as SARIF 2.1.0 (OASIS, errata 01), for code scanning services.

Regions count lines and columns from 1 in code points (`columnKind`), ends exclusive.
Files are named relative to `%SRCROOT%`: the repository that the folder is in, else the folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..core.model import Finding, Fix, Rule, Severity, Span
from ..core.text import Lines
from ..discovery import repository_root
from . import Report, place
from .indented import dumps

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
"""Also its `id`."""

LEVELS: Mapping[Severity, str] = {
    "error": "error",
    "warning": "warning",
    "information": "note",
    "hint": "note",
}

SECURITY_SEVERITIES: Mapping[Severity, str] = {
    "error": "8.0",
    "warning": "5.5",
    "information": "3.0",
    "hint": "1.0",
}
"""CVSS-like scores that put a rule in GitHub's high, medium and low: over 7.0, 4.0 and 0."""

PRECISIONS = {"high": "very-high", "medium": "high", "low": "low"}


def render(report: Report) -> str:
    """The whole report as one SARIF log, in ASCII, ending in a line end."""
    return dumps(as_data(report)) + "\n"


def as_data(report: Report) -> dict[str, Any]:
    """The report as plain data that SARIF's published schema describes: one log with one run."""
    root = repository_root(report.folder) or report.folder
    # A rule is told of where something of it was found; the catalogue is far longer.
    rules = {finding.rule: _rule(finding, report.rules) for _, finding in report.findings()}
    positions = {id_: index for index, id_ in enumerate(rules)}
    results = [
        _result(finding, lines, _location(review.path, report.folder, root))
        | {"ruleIndex": positions[finding.rule]}
        for review, lines, finding in report.placed()
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "backend-developer",
                        "semanticVersion": __version__,
                        "rules": list(rules.values()),
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"%SRCROOT%": {"uri": root.as_uri().rstrip("/") + "/"}},
                "invocations": [
                    {
                        "executionSuccessful": not report.all_errors(),
                        "toolExecutionNotifications": [
                            {
                                "level": "error",
                                "message": {"text": why},
                                "locations": [
                                    {
                                        "physicalLocation": {
                                            "artifactLocation": _location(path, report.folder, root)
                                        }
                                    }
                                ],
                            }
                            for path, why in report.all_errors()
                        ],
                    }
                ],
                "results": results,
                "properties": {"engine": report.engine()},
            }
        ],
    }


def _rule(finding: Finding, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """The `reportingDescriptor` of a rule; of one outside the catalogue, what is known."""
    rule = rules.get(finding.rule)
    if rule is None:
        return {
            "id": finding.rule,
            "shortDescription": {"text": "Found by the agent, under no rule of the catalogue"},
            "defaultConfiguration": {"level": "warning"},
            "properties": {"tags": [finding.focus]},
        }
    properties: dict[str, Any] = {
        "tags": [
            rule.focus,
            *(f"external/cwe/cwe-{number:03}" for number in rule.cwes),
            *(f"external/owasp/{category.lower().replace(':', '-')}" for category in rule.owasp),
        ]
    }
    if rule.focus == "security":
        properties["security-severity"] = SECURITY_SEVERITIES[rule.severity]
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("/")[1].split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {
            "text": f"{rule.why}\n\n{rule.advice}",
            "markdown": f"{rule.why}\n\n**Instead:** {rule.advice}\n\n[Read more]({rule.link})",
        },
        "helpUri": rule.link,
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": properties,
    }


def _result(finding: Finding, lines: Lines, location: dict[str, Any]) -> dict[str, Any]:
    def physical(span: Span) -> dict[str, Any]:
        return {"artifactLocation": location, "region": _region(lines, span)}

    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": physical(finding.span)}],
        "partialFingerprints": {"backendDeveloper/v1": finding.id},
        "properties": {
            "confidence": finding.confidence,
            "precision": PRECISIONS[finding.confidence],
            "sources": list(finding.sources),
        },
    }
    if finding.refuted:
        result["properties"]["refuted"] = finding.refuted
    if finding.flow:
        steps = [
            {"location": {"physicalLocation": physical(span), "message": {"text": message}}}
            for span, message in finding.flow
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    if isinstance(finding.fix, Fix):
        result["fixes"] = [
            {
                "description": {"text": finding.fix.title},
                "artifactChanges": [
                    {
                        "artifactLocation": location,
                        "replacements": [
                            {
                                "deletedRegion": _region(lines, edit.span),
                                "insertedContent": {"text": edit.new_text},
                            }
                            for edit in finding.fix.edits
                        ],
                    }
                ],
                "properties": {
                    "needs": finding.fix.needs,
                    "outOfScope": finding.fix.out_of_scope,
                },
            }
        ]
    return result


def _region(lines: Lines, span: Span) -> dict[str, int]:
    start, end = place(lines, span.start), place(lines, span.end)
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "charOffset": span.start,
        "charLength": span.end - span.start,
    }


def _location(path: str, folder: Path, root: Path) -> dict[str, str]:
    absolute = Path(os.path.abspath(folder / path))
    if not absolute.is_relative_to(root):
        return {"uri": absolute.as_uri()}
    relative = os.fsencode(absolute.relative_to(root).as_posix())
    return {"uri": quote(relative), "uriBaseId": "%SRCROOT%"}
