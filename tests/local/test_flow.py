"""Data flow is held to the cases beside its knowledge; and to what it promises besides."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from backend_developer.catalogue import load_catalogue, load_yaml
from backend_developer.core.harmless import is_restrictive
from backend_developer.core.model import Document, Proposal, Span
from backend_developer.core.text import Lines
from backend_developer.dataflow import specification
from backend_developer.dataflow.detector import FlowDetector
from backend_developer.dataflow.specification import SpecificationError, load_knowledge
from backend_developer.detector import Source
from backend_developer.engines.local import LocalEngine
from backend_developer.settings import Settings

FLOW = FlowDetector()
CASES_FOLDER = Path(specification.__file__).with_name("cases")


class Label(NamedTuple):
    """Where a finding is expected, and of which rule; lines and columns from 0."""

    line: int
    start: int
    end: int
    rule: str


class Case(NamedTuple):
    language: str
    code: str
    labels: tuple[Label, ...]


def read_cases() -> list[object]:
    cases = []
    for file in sorted(CASES_FOLDER.glob("*.yml")):
        entry = load_yaml(file.read_text(encoding="utf-8"))
        for one in entry["cases"]:
            code, labels = split_labels(one["code"])
            case = Case(entry["language"], code, labels)
            cases.append(pytest.param(case, id=f"{file.stem}: {one['about']}"))
    return cases


def split_labels(marked: str) -> tuple[str, tuple[Label, ...]]:
    code: list[str] = []
    labels = []
    for line in marked.split("\n"):
        label = re.fullmatch(r" *(?P<carets>\^+) (?P<rule>[a-z/-]+)", line)
        if label is None:
            code.append(line)
            continue
        rule = label["rule"] if "/" in label["rule"] else f"security/{label['rule']}"
        labels.append(Label(len(code) - 1, *label.span("carets"), rule))
    return "\n".join(code), tuple(labels)


def find(code: str, language: str = "python") -> list[Proposal]:
    return FLOW.find([Source(Document("x", "x", language, code))], FLOW.rules)[0]


def label(code: str, proposal: Proposal) -> Label:
    assert isinstance(proposal.where, Span)
    lines = Lines(code)
    line = lines.line_of(proposal.where.start)
    start = lines.start(line)
    end = min(proposal.where.end, lines.end(line))
    return Label(line, proposal.where.start - start, end - start, proposal.rule)


@pytest.mark.parametrize("case", read_cases())
def test_labels_and_findings_match_one_to_one(case: Case) -> None:
    found = sorted(label(case.code, proposal) for proposal in find(case.code, case.language))
    assert found == sorted(case.labels)


def test_javascript_means_the_same_as_typescript() -> None:
    for parameter in read_cases():
        case = parameter.values[0]  # type: ignore[attr-defined]
        if case.language == "javascript":
            found = {label(case.code, one) for one in find(case.code, "typescript")}
            assert found == set(case.labels)


def test_every_rule_is_in_the_catalogue() -> None:
    assert set(load_catalogue().rules) >= FLOW.rules


def test_a_finding_tells_the_way_from_the_source_to_the_sink() -> None:
    code = (
        "from flask import request\n"
        "def build(name):\n"
        "    return 'SELECT ' + name\n"
        "@app.get('/')\n"
        "def view():\n"
        "    name = request.args['name']\n"
        "    cursor.execute(build(name))\n"
        "    return {}\n"
    )
    [finding] = find(code)
    told = [(code[step.where.start : step.where.end], step.message) for step in finding.flow]
    assert told == [
        ("request.args", "`request.args` comes in here"),
        ("name = request.args['name']", "into `name`"),
        ("build(name)", "through `build`"),
        ("cursor.execute(build(name))", "reaches `cursor.execute`"),
    ]
    assert finding.message.startswith("`request.args`, which the client sends, becomes part of")


def scan(code: str) -> set[str]:
    proposals = LocalEngine().scan(Document("x", "app.py", "python", code), Settings())
    return {proposal.rule for proposal in proposals}


def test_a_linters_claim_about_a_text_of_safe_parts_is_dropped() -> None:
    function = "def count(table{}):\n    cursor.execute(f'SELECT count(*) FROM {{table}}')\n"
    assert "security/sql-injection" in scan(function.format(""))
    constant = "TABLES = {'u': 'users'}\ndef count(key):\n    table = TABLES[key]\n"
    query = "    cursor.execute(f'SELECT count(*) FROM {table}')\n"
    assert "security/sql-injection" not in scan(constant + query)


def test_a_claim_holds_by_what_the_callers_in_the_file_give() -> None:
    helper = "import os\ndef run(name):\n    os.system('make ' + name)\n"
    assert "security/command-injection" in scan(helper)
    assert "security/command-injection" not in scan(helper + "run('web')\n")
    assert "security/command-injection" in scan(helper + "run('web')\nrun(input())\n")


def test_the_strict_profile_keeps_what_data_flow_refutes() -> None:
    text = "import os\nos.system('make ' + 'web')\n"
    document = Document("file:///app.py", "app.py", "python", text, 1)
    engine = LocalEngine()
    assert engine.scan(document, Settings()) == []
    kept = engine.scan(document, Settings(profile="strict"))
    assert {one.confidence for one in kept if one.rule == "security/command-injection"} == {"low"}


@pytest.mark.parametrize(
    "code",
    [
        "x = " + "(" * 3000 + "1" + ")" * 3000,
        "os.system(" + "a." * 3000 + "b)",
        "os.system(" + "'a' + " * 3000 + "b)",
        "os.system(f" + "(f" * 900 + "()" + ")" * 900 + ")",
        "".join("    " * depth + "if a:\n" for depth in range(90)) + "    " * 90 + "os.system(a)",
        "".join(f"def f{n}(a):\n    return f{n + 1}(a)\n" for n in range(300)) + "os.system(f0(1))",
        "def f(a):\n    return g(a)\ndef g(a):\n    return f(a)\nos.system(f(request.args['x']))",
        "def f(a):\n    return not f(a) or f(a)\nos.system(f(request.args['x']))",
        "os.system(" + " and ".join(f"f{n}(a)" for n in range(500)) + ")",
        "".join("    " * n + "for a in b:\n" for n in range(20)) + "    " * 20 + "os.system(a)",
        "os.path.join()\nos.system()\n[].append()\nf(*[])(**{})",
    ],
    ids=["parentheses", "attributes", "sums", "calls", "blocks", "helpers", "recursion",
         "asks itself", "conditions", "loops", "no arguments"],
)  # fmt: skip
def test_deep_code_is_survived(code: str) -> None:
    start = time.process_time()
    find(code)
    assert time.process_time() - start < 3


def test_time_grows_with_the_length_of_a_file_alone() -> None:
    function = (
        "def view{n}(request):\n"
        "    name = request.GET['name']\n"
        "    for part in name.split(','):\n"
        "        if part:\n"
        "            name = name + helper{n}(part, name)\n"
        "    cursor.execute(name)\n"
        "def helper{n}(a, b):\n"
        "    return '%s %s' % (a, b)\n"
    )

    def seconds(count: int) -> float:
        code = "".join(function.format(n=n) for n in range(count))
        start = time.process_time()
        assert len(find(code)) == count
        return time.process_time() - start

    few, many = (min(seconds(count) for _ in range(3)) for count in (20, 200))
    assert many < 50 * max(few, 0.01)  # Ten times the code; what grows with its square takes 100.


@pytest.mark.parametrize(
    ("pattern", "starts", "expected"),
    [
        (r"^[a-z]+$", False, True),
        (r"[a-z]+$", False, False),
        (r"[a-z]+$", True, True),
        (r"^\w+\Z", False, True),
        (r"^.*$", False, False),
        (r"^[^;]+$", False, False),
        (r"^\d{4}-\d\d$", False, True),
        (r"^\S+$", False, False),
        (r"^a\.b$", False, True),
    ],
)
def test_which_patterns_leave_harmless_text_alone(
    pattern: str, starts: bool, expected: bool
) -> None:
    assert is_restrictive(pattern, starts, False) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("input: []", "x.yml: language: expected a text."),
        ("language: python\nsinkz: []",
         "x.yml: sinkz: expected another key, as there is none of this name."),
        ("language: python\nsinks: [{rule: security/none}]",
         "x.yml: sinks[1].rule: expected a rule that rules.yml has, and security/none is none."),
        ("language: python\nsinks: [{rule: security/sql-injection, calls: [execute]}]",
         "x.yml: sinks[1].calls: expected arguments in parentheses, and execute has none."),
        ("language: python\npasses: ['$none.x']",
         "x.yml: passes: expected names that rules.yml has, and $none is none."),
    ],
    ids=["no language", "unknown key", "unknown rule", "no arguments", "unknown name"],
)  # fmt: skip
def test_a_broken_file_is_named_with_its_key(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "rules.yml").write_bytes((specification.FOLDER / "rules.yml").read_bytes())
    (tmp_path / "x.yml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecificationError) as raised:
        load_knowledge("python", tmp_path)
    assert str(raised.value) == problem


def test_another_detectors_finding_at_the_sink_tells_the_way_to_it_too() -> None:
    code = (
        "from flask import request\n"
        "def view():\n"
        "    cursor.execute('SELECT ' + request.args['name'])\n"
    )
    findings = LocalEngine().scan(Document("x", "app.py", "python", code), Settings())
    [injection] = [one for one in findings if one.rule == "security/sql-injection"]
    assert injection.flow[0].message == "`request.args` comes in here"


def test_what_a_compiled_pattern_replaces_is_looked_at() -> None:
    code = """\
import re
from flask import Flask, request

app = Flask(__name__)
SPECIAL = re.compile(r"[.*+?()]")


@app.get("/search")
def search():
    pattern = SPECIAL.sub("x", request.args["q"])
    return {"found": re.search(pattern, "text") is not None}
"""
    document = Document("file:///a.py", "/a.py", "python", code)
    [hits] = FLOW.find([Source(document)], FLOW.rules)
    assert [proposal.rule for proposal in hits] == ["performance/regex-explosion"]
