"""The linters as they are installed: what each says becomes a finding of the catalogue's.

A linter without a wheel for this platform is skipped, with that reason.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from backend_developer.catalogue import load_catalogue
from backend_developer.checks import FixChecker
from backend_developer.core.edits import apply
from backend_developer.core.model import (
    Candidate,
    Document,
    Proposal,
    Replacement,
    Span,
    TextEdit,
)
from backend_developer.detector import Source
from backend_developer.engines.local import LocalEngine
from backend_developer.linters import OPTIONAL, hadolint, linters, missing_linters
from backend_developer.linters.process import (
    LinterError,
    _remove_stale,
    find_program,
    linter_folder,
)
from backend_developer.linters.tools import ToolDetector, tools
from backend_developer.settings import Settings

CATALOGUE = load_catalogue()
EVERYTHING = frozenset(CATALOGUE.rules)
DETECTORS = {detector.name: detector for detector in linters(CATALOGUE)}


def find(
    linter: str, code: str, language: str, path: str = "", enabled: frozenset[str] = EVERYTHING
) -> list[tuple[str, str]]:
    """(rule, what is marked) of each finding."""
    if find_program(linter, anywhere=True) is None:
        pytest.skip(f"{linter} has no wheel for this platform")
    [found] = DETECTORS[linter].find([Source(Document("", path, language, code))], enabled)
    return [(proposal.rule, marked(proposal, code)) for proposal in found]


def marked(proposal: Proposal, code: str) -> str:
    assert isinstance(proposal.where, Span)
    return code[proposal.where.start : proposal.where.end]


WORKFLOW = """\
on: pull_request_target
jobs:
  é:
    permissions: {}
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ github.event.issue.title }}"
"""


@pytest.mark.parametrize(
    ("linter", "language", "code", "rule", "place"),
    [
        pytest.param(
            "hadolint",
            "dockerfile",
            "FROM debian:12\nRUN echo é && \\\n    apt-get install -y curl=7\nUSER root\n",
            "security/dockerfile-root-user",
            "USER root",
            id="hadolint",
        ),
        pytest.param(
            "hadolint",
            "dockerfile",
            'FROM debian:12\nSHELL ["/bin/sh", "-c"]\nRUN rm -rf "$NOWHERE/"\n',
            "api-design/dockerfile-dangerous-rm",
            'RUN rm -rf "$NOWHERE/"',
            id="shell in a Dockerfile",
        ),
        pytest.param(
            "hadolint",
            "dockerfile",
            "FROM debian:12\nLABEL org.opencontainers.image.source=nowhere\n",
            "api-design/dockerfile-label-url",
            "LABEL org.opencontainers.image.source=nowhere",
            id="label of the image specification",
        ),
        pytest.param(
            "hadolint",
            "dockerfile",
            'FROM debian:12\nUSER 1\nCMD ["x"]\n',
            "api-design/dockerfile-no-healthcheck",
            "FROM debian:12",
            id="hadolint, a rule that is off unless asked for",
        ),
        pytest.param(
            "squawk",
            "sql",
            "/* é𝄞 */ ALTER TABLE users DROP COLUMN age;\n",
            "api-design/migration-drops-column",
            "DROP COLUMN age",
            id="squawk",
        ),
        pytest.param(
            "squawk",
            "sql",
            "REVOKE ALL ON users FROM web;\n",
            "security/migration-changes-access",
            "REVOKE ALL ON users FROM web;",
            id="squawk, a rule that is off unless asked for",
        ),
        pytest.param(
            "squawk",
            "python",
            'def upgrade():\n    op.execute(sa.text("""\n  -- é\n  DROP TABLE a\n"""))\n',
            "api-design/migration-drops-table",
            "DROP TABLE a",
            id="SQL in a migration of Alembic",
        ),
        pytest.param(
            "squawk",
            "typescript",
            "await queryRunner.query(`ALTER TABLE é DROP COLUMN b`);\n",
            "api-design/migration-drops-column",
            "DROP COLUMN b",
            id="SQL in a migration of TypeORM",
        ),
        pytest.param(
            "zizmor",
            "yaml",
            WORKFLOW,
            "security/workflow-template-injection",
            "github.event.issue.title",
            id="zizmor",
        ),
        pytest.param(
            "oxlint",
            "typescript",
            "const é = '𝄞';\nconst p = new Promise(async (resolve) => resolve(é));\n",
            "api-design/async-promise-executor",
            "async",
            id="oxlint",
        ),
        pytest.param(
            "oxlint",
            "javascript",
            "export const x = { a: 1, b: 2, a: 3 };\n",
            "api-design/duplicate-key",
            "a",
            id="oxlint, the second of two",
        ),
        pytest.param(
            "ruff",
            "python",
            "import os\n\nos.chmod('é', 0o777)\n",
            "security/world-writable-file",
            "0o777",
            id="ruff",
        ),
    ],
)
def test_what_a_linter_says_becomes_a_finding(
    linter: str, language: str, code: str, rule: str, place: str
) -> None:
    assert (rule, place) in find(linter, code, language)
    assert rule not in dict(find(linter, code, language, enabled=EVERYTHING - {rule}))


@pytest.mark.parametrize(
    ("linter", "language", "code"),
    [
        (
            "hadolint",
            "dockerfile",
            "FROM debian:12\nHEALTHCHECK NONE\n# hadolint ignore=DL3002,DL3066\nUSER root\n",
        ),
        ("squawk", "sql", "-- squawk-ignore-file\nALTER TABLE users DROP COLUMN age;\n"),
        (
            "zizmor",
            "yaml",
            WORKFLOW.replace('title }}"', 'title }}" # zizmor: ignore[template-injection]'),
        ),
        ("oxlint", "javascript", "// eslint-disable-next-line no-debugger\ndebugger;\n"),
        ("ruff", "python", "import os\n\nos.chmod('a', 0o777)  # noqa: S103\n"),
    ],
    ids=lambda value: value if len(value) < 12 else "",
)
def test_the_linters_own_comments_are_honoured(linter: str, language: str, code: str) -> None:
    rules = [rule for rule, _ in find(linter, code, language)]
    assert "security/workflow-template-injection" not in rules
    assert [rule for rule in rules if "workflow" not in rule] == []


NEW_TABLE = """\
SET lock_timeout = '1s';
SET statement_timeout = '5s';
CREATE TABLE IF NOT EXISTS public.orders (id bigint PRIMARY KEY, placed timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS orders_placed ON "orders" (placed);
"""
NEW_TABLE_OF_ALEMBIC = """\
def upgrade():
    op.create_table("orders", sa.Column("id", sa.BigInteger, primary_key=True))
    op.execute("CREATE INDEX IF NOT EXISTS orders_open ON orders (id) WHERE closed IS NULL")
"""
NOT_NULL = """\
SET lock_timeout = '1s';
SET statement_timeout = '5s';
BEGIN;
ALTER TABLE orders ADD CONSTRAINT helper CHECK (note IS NOT NULL) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE orders VALIDATE CONSTRAINT helper;
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT IF EXISTS helper;
COMMIT;
"""
NOT_NULL_LATER = """\
SET lock_timeout = '1s';
SET statement_timeout = '5s';
BEGIN;
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT IF EXISTS orders_note_not_null;
COMMIT;
"""
FILLED_BY_FASTAPI = """\
from typing import Annotated

from fastapi import APIRouter, Query

router = APIRouter()


@router.get("/orders")
def orders(states: list[str] = [], kind: Annotated[list[str], Query(max_length=20)] = []):
    return find(states, kind)


def page_of(sort: Annotated[list[str], Query()] = []):
    return sort
"""


LOCKS_WRITES = "performance/migration-index-locks-writes"
DROPS_CONSTRAINT = "api-design/migration-drops-constraint"
MUTABLE = "api-design/mutable-default"


@pytest.mark.parametrize(
    ("rule", "linter", "language", "right", "wrong"),
    [
        pytest.param(
            LOCKS_WRITES,
            "squawk",
            "sql",
            NEW_TABLE,
            NEW_TABLE.replace('"orders"', "users"),
            id="an index on a new table",
        ),
        pytest.param(
            LOCKS_WRITES,
            "squawk",
            "python",
            NEW_TABLE_OF_ALEMBIC,
            NEW_TABLE_OF_ALEMBIC.replace("ON orders", "ON users"),
            id="an index on a new table, in Alembic",
        ),
        pytest.param(
            DROPS_CONSTRAINT,
            "squawk",
            "sql",
            NOT_NULL,
            NOT_NULL.replace("note IS", "total IS"),
            id="a check that a column needs no more",
        ),
        pytest.param(
            DROPS_CONSTRAINT,
            "squawk",
            "sql",
            NOT_NULL_LATER,
            NOT_NULL_LATER.replace("orders ALTER", "users ALTER"),
            id="such a check of an earlier migration",
        ),
        pytest.param(
            MUTABLE,
            "ruff",
            "python",
            FILLED_BY_FASTAPI,
            FILLED_BY_FASTAPI.replace("Annotated[list[str], Query()]", "list[str]"),
            id="a default that FastAPI copies, and one of a function of one's own",
        ),
        pytest.param(
            MUTABLE,
            "ruff",
            "python",
            FILLED_BY_FASTAPI,
            FILLED_BY_FASTAPI.replace("fastapi", "flask"),
            id="a default that FastAPI copies, and Flask does not",
        ),
    ],
)
def test_what_is_right_by_what_stands_around_it(
    rule: str, linter: str, language: str, right: str, wrong: str
) -> None:
    assert rule not in dict(find(linter, right, language))
    assert rule in dict(find(linter, wrong, language))


@pytest.mark.parametrize(
    ("linter", "language", "code"),
    [
        pytest.param("squawk", "sql", "CREATE TABLE `a` (b int) ENGINE=InnoDB;\n", id="MySQL"),
        pytest.param("squawk", "sql", "DROP TABLE a; SELECT :name FROM;\n", id="unreadable SQL"),
        pytest.param("squawk", "sql", "", id="no SQL"),
        pytest.param("squawk", "python", 'op.execute(f"DROP TABLE {name}")\n', id="SQL in parts"),
        pytest.param("squawk", "python", 'op.execute("DELETE FROM a")\n', id="no definition"),
        pytest.param("squawk", "python", 'op.execute("DROP \\x54ABLE a")\n', id="an escape"),
        pytest.param("squawk", "python", 'other.execute("DROP TABLE a")\n', id="another call"),
        pytest.param("hadolint", "dockerfile", "FRM x\n", id="unreadable Dockerfile"),
        pytest.param("hadolint", "dockerfile", "", id="empty Dockerfile"),
        pytest.param("zizmor", "yaml", "on: [push\njobs: {", id="unreadable YAML"),
        pytest.param("zizmor", "yaml", "services:\n  db:\n    image: postgres\n", id="other YAML"),
        pytest.param("oxlint", "javascript", "let = = ;", id="unreadable JavaScript"),
    ],
)
def test_what_is_not_the_linters_business_is_left_alone(
    linter: str, language: str, code: str
) -> None:
    assert find(linter, code, language) == []


def test_the_kind_of_a_github_file_is_seen_from_its_text_and_name() -> None:
    action = "name: a\nruns:\n  using: composite\n  steps:\n    - run: echo ${{ inputs.x }}\n"
    action += "      shell: bash\ninputs: {x: {description: d}}\n"
    assert "security/workflow-template-injection" in dict(find("zizmor", action, "yaml"))
    updates = "version: 2\nupdates:\n  - package-ecosystem: pip\n    directory: /\n"
    updates += "    schedule: {interval: daily}\n    insecure-external-code-execution: allow\n"
    path = "/project/.github/dependabot.yml"
    assert "security/workflow-dependabot-runs-code" in dict(find("zizmor", updates, "yaml", path))
    assert find("zizmor", updates, "yaml", "/project/other.yml") == []


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        (
            "RUN apt-get install a=1 && \\\n apt-get -q install b=1",
            "RUN apt-get install -y a=1 && \\\n apt-get -q install -y b=1",
        ),
        ("RUN pip3 install -r a.txt", "RUN pip3 install --no-cache-dir -r a.txt"),
        ("RUN apk add a=1", "RUN apk add --no-cache a=1"),
        (
            "MAINTAINER Ada <ada@a.example>",
            'LABEL org.opencontainers.image.authors="Ada <ada@a.example>"',
        ),
        ("RUN apt install -y a=1", "RUN apt-get install -y a=1"),
    ],
)
def test_a_fix_of_a_dockerfile_passes_the_checks(line: str, fixed: str) -> None:
    if find_program("hadolint", anywhere=True) is None:
        pytest.skip("hadolint has no wheel for this platform")
    text = f"FROM debian:12\n{line}\nUSER 1\n"
    document = Document("file:///srv/Dockerfile", "/srv/Dockerfile", "dockerfile", text)
    local = LocalEngine()
    fixes = [proposal for proposal in local.scan(document, Settings()) if proposal.fix]
    assert fixes
    for proposal in fixes:
        assert proposal.fix
        edits = [
            TextEdit(edit.span, edit.new)
            for edit in proposal.fix.edits
            if isinstance(edit, Replacement)
        ]
        after = apply(text, edits)
        assert after == text.replace(line, fixed)
        assert isinstance(proposal.where, Span)
        candidate = Candidate(proposal.rule, proposal.where, tuple(edits), after)
        [report] = FixChecker(local).reports(document, [candidate], Settings())
        assert report.problem == ""


def test_of_one_statement_in_a_program_only_what_it_does_is_said() -> None:
    statement = "ALTER TABLE a DROP COLUMN b;"
    alone = {rule for rule, _ in find("squawk", statement, "sql")}
    inside = {rule for rule, _ in find("squawk", f'op.execute("{statement}")\n', "python")}
    assert "api-design/migration-drops-column" in inside
    assert alone - inside == {
        "api-design/migration-not-repeatable",
        "performance/migration-no-lock-timeout",
        "performance/migration-no-statement-timeout",
    }


def test_what_undoes_a_migration_in_code_is_left_alone() -> None:
    way = 'async {}(q) {{ await q.query(`DROP TABLE "user"`); }}'
    rule = "api-design/migration-drops-table"
    for name, count in (("up", 1), ("down", 0)):
        code = f"class A {{ {way.format(name).replace('q.', 'queryRunner.')} }}\n"
        found = [one for one, _ in find("squawk", code, "typescript")]
        assert found.count(rule) == count


def weighed(linter: str, code: str, language: str, rule: str, path: str = "") -> list[str]:
    """The confidence of each finding of a rule, and its severity where that is not the rule's."""
    if find_program(linter, anywhere=True) is None:
        pytest.skip(f"{linter} has no wheel for this platform")
    [found] = DETECTORS[linter].find([Source(Document("", path, language, code))], EVERYTHING)
    return [f"{one.confidence} {one.severity or ''}".strip() for one in found if one.rule == rule]


@pytest.mark.parametrize(
    ("rule", "code", "expected"),
    [
        ("security/cross-site-scripting", "x = mark_safe(body)\n", ["medium warning"]),
        (
            "security/cross-site-scripting",
            "def mark(s):\n    s = escape(s)\n    return mark_safe('<b>' + s)\n",
            [],
        ),
        (
            "api-design/environment-default-of-another-type",
            'DEBUG = os.environ.get("DEBUG", False)\n',
            ["high"],
        ),
        (
            "api-design/environment-default-of-another-type",
            'PORT = int(os.environ.get("PORT", 80))\n',
            [],
        ),
        ("api-design/statement-without-effect", "self.file.path\n", ["medium"]),
        (
            "api-design/statement-without-effect",
            "try:\n    self.file.path\nexcept ValueError:\n    gone()\n",
            [],
        ),
        (
            "api-design/naive-datetime",
            'datetime.strptime(x, "%Y-%m-%d %H:%M")\n',
            ["medium"],
        ),
        ("api-design/naive-datetime", 'datetime.strptime(x, "%Y-%m-%d")\n', []),
        (
            "api-design/error-logged-without-trace",
            "try:\n    f()\nexcept Exception:\n    logging.error('failed')\n",
            ["high"],
        ),
        (
            "api-design/error-logged-without-trace",
            "try:\n    f()\nexcept KeyError:\n    logging.error('no such key')\n",
            [],
        ),
        ("security/hardcoded-secret", 'DB_PASSWORD = "hunter2hunter"\n', ["medium"]),
        ("security/hardcoded-secret", 'JWT_INVALID_TOKEN = "invalid_token"\n', []),
        ("security/hardcoded-secret", 'context["password_status"] = "success"\n', []),
    ],
)
def test_what_ruff_says_of_good_code_is_left_out(rule: str, code: str, expected: list[str]) -> None:
    head = "import logging, os\nfrom datetime import datetime\n"
    head += "from django.utils.safestring import mark_safe\n"
    assert weighed("ruff", head + code, "python", rule) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("github.event.issue.title", "high"),
        ("github.head_ref", "high"),
        ("github.event.inputs.version", "high warning"),
        ("github.workflow", "low"),
        ("github.event.workflow_run.head_sha", "low"),
    ],
)
def test_an_expression_counts_by_who_words_it(expression: str, expected: str) -> None:
    code = WORKFLOW.replace("github.event.issue.title", expression)
    rule = "security/workflow-template-injection"
    assert weighed("zizmor", code, "yaml", rule) == [expected]


def test_a_dangerous_trigger_is_one_that_fetches_code() -> None:
    rule = "security/workflow-dangerous-trigger"
    fetching = WORKFLOW.replace("- run: echo", "- uses: actions/checkout@v4\n      - run: echo")
    assert weighed("zizmor", WORKFLOW, "yaml", rule) == ["low"]
    assert weighed("zizmor", fetching, "yaml", rule) == ["medium"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [("", ["medium"]), ('import { useState } from "react";\n', ["low"])],
)
def test_a_promise_that_fails_in_a_browser_ends_nothing(head: str, expected: list[str]) -> None:
    code = head + "load().then((items) => setItems(items));\n"
    assert weighed("oxlint", code, "javascript", "api-design/promise-without-catch") == expected


def test_several_texts_are_told_apart() -> None:
    if find_program("squawk", anywhere=True) is None:
        pytest.skip("squawk has no wheel for this platform")
    texts = ["SELECT 1;\n", "CREATE TABLE `a` (b int);\n", "DROP TABLE a;\n", "DROP VIEW v;\n"]
    sources = [
        Source(Document("", f"/{index}.sql", "sql", text)) for index, text in enumerate(texts)
    ]
    found = DETECTORS["squawk"].find(sources, EVERYTHING)
    rules = [{proposal.rule for proposal in proposals} for proposals in found]
    assert rules[0] == rules[1] == set()
    assert "api-design/migration-drops-table" in rules[2] - rules[3]
    assert "api-design/migration-drops-view" in rules[3] - rules[2]


def test_a_linter_that_is_missing_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hadolint, "find_program", lambda name, anywhere: None)
    source = Source(Document("", "", "dockerfile", "FROM debian\nUSER root\n"))
    assert DETECTORS["hadolint"].find([source], EVERYTHING) == [[]]


def test_what_is_missing_is_told_by_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend_developer.linters.find_program", lambda name, anywhere: None)
    assert missing_linters({"python"}) == ()
    assert [linter.program for linter in missing_linters({"sql", "python"})] == ["squawk"]
    assert len(missing_linters({language for one in OPTIONAL for language in one.languages})) == 4


def codes_that_oxlint_has() -> set[str]:
    listing = _run("oxlint", "--rules", "-f", "json")
    return {f"{rule['scope']}/{rule['value']}" for rule in json.loads(listing)}


def test_every_code_of_oxlint_exists() -> None:
    assert set(CATALOGUE.codes_of("oxlint")) - codes_that_oxlint_has() == set()


def _run(linter: str, *arguments: str) -> bytes:
    program = find_program(linter, anywhere=True)
    if program is None:
        pytest.skip(f"{linter} has no wheel for this platform")
    return subprocess.run([program, *arguments], capture_output=True, check=True).stdout


# --- Tools of a person's own


def sarif(file: str, **region: int) -> dict[str, object]:
    place = {"artifactLocation": {"uri": file}, "region": {"startLine": 2, **region}}
    return {
        "ruleId": "R1",
        "level": "error",
        "message": {"text": "It is bad."},
        "locations": [{"physicalLocation": place}],
    }


def log(*results: dict[str, object], tags: Sequence[str] = ()) -> dict[str, object]:
    rules = [{"id": "R1", "properties": {"tags": list(tags)}}]
    return {"runs": [{"tool": {"driver": {"name": "x", "rules": rules}}, "results": results}]}


def told(folder: Path, output: object, text: str = "one\ntwo é\n") -> list[Proposal]:
    """What a tool that prints `output` is taken to say of a file with that text."""
    (folder / ".git").mkdir(exist_ok=True)
    (folder / "a b.py").write_text("one\ntwo é\n", encoding="utf-8")
    (folder / "output.json").write_text(json.dumps(output))
    (folder / "run").write_text("#!/bin/sh\ncat output.json\n")
    (folder / "run").chmod(0o755)
    detector = ToolDetector("mine", "./run {files}", CATALOGUE, frozenset({"python"}))
    document = Document("", str(folder / "a b.py"), "python", text)
    return detector.find([Source(document)], EVERYTHING)[0]


@pytest.mark.skipif(sys.platform == "win32", reason="the tool is a shell script")
@pytest.mark.parametrize(
    ("output", "rule", "place"),
    [
        pytest.param(
            log(sarif("a%20b.py", startColumn=5, endColumn=6), tags=["external/cwe/cwe-089"]),
            "security/sql-injection",
            "é",
            id="SARIF with a CWE",
        ),
        pytest.param(log(sarif("./a%20b.py")), "api-design/tool-finding", "two é", id="SARIF"),
        pytest.param(
            {
                "results": [
                    {
                        "filename": "a b.py",
                        "test_id": "B602",
                        "issue_text": "It is bad.",
                        "issue_severity": "HIGH",
                        "issue_cwe": {"id": 78},
                        "line_number": 2,
                        "col_offset": 4,
                    }
                ]
            },
            "security/command-injection",
            "é",
            id="bandit",
        ),
        pytest.param(
            [
                {
                    "filePath": "a b.py",
                    "messages": [
                        {
                            "ruleId": "no-debugger",
                            "message": "It is bad.",
                            "severity": 2,
                            "line": 2,
                            "column": 1,
                            "endLine": 2,
                            "endColumn": 4,
                        }
                    ],
                }
            ],
            "security/debugger-statement",
            "two",
            id="ESLint",
        ),
    ],
)
def test_a_tool_of_a_persons_own(tmp_path: Path, output: object, rule: str, place: str) -> None:
    [proposal] = told(tmp_path, output)
    assert (proposal.rule, marked(proposal, "one\ntwo é\n")) == (rule, place)
    assert proposal.message == "It is bad."
    assert proposal.confidence == "medium"


@pytest.mark.skipif(sys.platform == "win32", reason="the tool is a shell script")
def test_a_tool_is_not_believed_of_another_file_or_an_older_text(tmp_path: Path) -> None:
    outside = [sarif(path) for path in ("/etc/passwd", "../x.py", "run", "file:///a%20b.py")]
    assert told(tmp_path, log(*outside)) == []
    assert told(tmp_path, log(sarif("a%20b.py")), text="typed since\n") == []


@pytest.mark.skipif(sys.platform == "win32", reason="the tool is a shell script")
@pytest.mark.parametrize("output", ["text", {"runs": [{}]}, {"results": [{}]}, {}, [1]])
def test_a_tool_that_prints_something_else_is_named(tmp_path: Path, output: object) -> None:
    with pytest.raises(LinterError, match="mine printed something else than SARIF"):
        told(tmp_path, output)


def test_a_tool_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1\n")
    detector = ToolDetector("mine", "no-such-tool -x", CATALOGUE, frozenset({"python"}))
    document = Document("", str(tmp_path / "a.py"), "python", "1\n")
    with pytest.raises(LinterError, match="no-such-tool is not there: see the setting"):
        detector.find([Source(document)], EVERYTHING)


def test_an_untrusted_workspace_runs_no_tool() -> None:
    trusted = Settings(tools={"mine": "x"})
    assert len(tools(trusted, CATALOGUE, frozenset())) == 1
    assert tools(Settings(tools={"mine": "x"}, trusted=False), CATALOGUE, frozenset()) == ()


# --- Their folders


_HOLDS_A_FOLDER = """\
import pathlib, sys, threading
from backend_developer.linters import process

def work():
    with process.linter_folder("sleep") as folder:
        (folder / "app.py").write_text("x = 1")
        process.run_linter(["/bin/sh", "-c", f"echo > {sys.argv[1]}; sleep 60"], folder=folder)

process.end_linters_when_terminated()
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_nothing_is_left_of_what_a_linter_read(tmp_path: Path, number: signal.Signals) -> None:
    folders, begun = tmp_path / "folders", tmp_path / "begun"
    folders.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS_A_FOLDER, str(begun)],
        env={**os.environ, "TMPDIR": str(folders)},
    )
    until = time.monotonic() + 20
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert list(folders.iterdir())
    process.send_signal(number)
    assert process.wait(20) == -number
    assert not list(folders.iterdir())


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = ("backend-developer-linter-old", "backend-developer-linter-new", "linter-other")
    for name in names:
        (tmp_path / name / "0").mkdir(parents=True)
    (tmp_path / "backend-developer-linter-link").symlink_to(tmp_path / "linter-other")
    for name in names:
        if "new" not in name:
            os.utime(tmp_path / name, (0, 0))
    _remove_stale.cache_clear()
    with linter_folder("ruff") as folder:
        assert folder.is_dir()
    assert {file.name for file in tmp_path.iterdir()} == {
        "backend-developer-linter-link",
        "backend-developer-linter-new",
        "linter-other",
    }
