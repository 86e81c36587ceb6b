"""The report for programs: our own JSON, described by report.schema.json beside this file.

`version` grows when a key is removed or changes its meaning; new keys may come without.
Lines and columns count from 1, offsets from 0, all in code points; ends are exclusive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .. import __version__
from ..core.model import SEVERITIES, Checking, Finding, Fix, Span, Usage, Withheld
from ..core.text import Lines
from . import Report, place
from .indented import dumps

VERSION = 1


def render(report: Report) -> str:
    """The whole report as one JSON document, in ASCII, ending in a line end."""
    return dumps(as_data(report)) + "\n"


def as_data(report: Report) -> dict[str, Any]:
    """The report as plain data that report.schema.json describes."""
    severities = Counter(finding.severity for _, finding in report.findings())
    return {
        "version": VERSION,
        "tool": {"name": "backend-developer", "version": __version__},
        "engine": report.engine(),
        "summary": {
            "files": len(report.files),
            "findings": sum(1 for _ in report.findings()),
            "by_focus": report.by_focus(),
            "by_severity": {one: severities[one] for one in SEVERITIES if severities[one]},
            "checked_fixes": report.checked_fixes(),
            "fixed": sum(map(len, report.fixed.values())),
            "dismissed": report.dismissed(),
            "folded": report.folded(),
            "errors": len(report.all_errors()),
        },
        "usage": usage_as_data(report.usage()),
        "errors": [{"path": path, "message": message} for path, message in report.all_errors()],
        "files": [
            {
                "path": review.path,
                "language": review.document.language if review.document else None,
                "engine": review.engine,
                "dismissed": review.dismissed,
                "folded": review.folded,
                "fixed": list(report.fixed.get(review.path, ())),
                "rejections": [
                    {"rule": one.proposal.rule, "reason": one.reason} for one in review.rejections
                ],
                "findings": _findings(report, review.findings, review.document.text)
                if review.document
                else [],
            }
            for review in report.files
        ],
    }


def usage_as_data(usage: Iterable[tuple[Usage, float | None]]) -> list[dict[str, Any]]:
    """What each model used, and its cost in dollars, where that is known."""
    return [
        {
            "model": use.model,
            "input_tokens": use.input_tokens,
            "cache_write_tokens": use.cache_write_tokens,
            "cache_read_tokens": use.cache_read_tokens,
            "output_tokens": use.output_tokens,
            "cost": cost,
        }
        for use, cost in usage
    ]


def _findings(report: Report, findings: tuple[Finding, ...], text: str) -> list[dict[str, Any]]:
    lines = Lines(text)
    return [_finding(report, finding, lines) for finding in findings]


def _finding(report: Report, finding: Finding, lines: Lines) -> dict[str, Any]:
    rule = report.rules.get(finding.rule)
    return {
        "id": finding.id,
        "rule": finding.rule,
        "focus": finding.focus,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "title": finding.title,
        "message": finding.message,
        "range": _range(lines, finding.span),
        "code": finding.code,
        "author": finding.author,
        "sources": list(finding.sources),
        "cwes": list(finding.cwes),
        "owasp": list(rule.owasp) if rule else [],
        "link": finding.link or None,
        "refuted": finding.refuted or None,
        "flow": [
            {"range": _range(lines, span), "message": message} for span, message in finding.flow
        ],
        "fix": _fix(lines, finding.fix),
    }


def _fix(lines: Lines, fix: Fix | Checking | Withheld | None) -> dict[str, Any] | None:
    match fix:
        case Fix():
            return {
                "status": "checked",
                "title": fix.title,
                "author": fix.author,
                "needs": fix.needs,
                "out_of_scope": fix.out_of_scope,
                "unchecked": list(fix.unchecked),
                "edits": [
                    {"range": _range(lines, edit.span), "new_text": edit.new_text}
                    for edit in fix.edits
                ],
            }
        case Withheld():
            return {"status": "withheld", "title": fix.title, "reason": fix.reason}
        case Checking():
            return {"status": "withheld", "title": "", "reason": "Its check did not finish."}
        case None:
            return None


def _range(lines: Lines, span: Span) -> dict[str, Any]:
    def position(offset: int) -> dict[str, int]:
        at = place(lines, offset)
        return {"line": at.line, "column": at.column, "offset": offset}

    return {"start": position(span.start), "end": position(span.end)}
