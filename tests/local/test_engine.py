"""The local engine: what is found where, in any text, under any settings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from backend_developer.apis import load_apis
from backend_developer.checks import FixChecker
from backend_developer.core.model import (
    AgentDefinition,
    Candidate,
    Document,
    Focus,
    Profile,
    Proposal,
    Rule,
    Severity,
    Span,
    TaskDefinition,
    TextEdit,
)
from backend_developer.detector import Source
from backend_developer.documents.case_files import example_of
from backend_developer.engines.base import EngineError, ReviewRequest
from backend_developer.engines.local import LocalEngine
from backend_developer.files import read, walk
from backend_developer.giving_up import GivenUp
from backend_developer.linters import missing_linters, process, ruff
from backend_developer.rules import load_rules
from backend_developer.settings import Settings, enabled_rules
from hanging_tool import HangingTool
from project.support import HEADER, documents, project

ENGINE = LocalEngine()
EXAMPLE_FILES = {
    "python": "app.py",
    "javascript": "app.js",
    "typescript": "app.ts",
    "dockerfile": "Dockerfile",
    "sql": "migrations/0002_orders.sql",
    "yaml": "openapi.yml",
    "github-actions-workflow": ".github/workflows/ci.yml",
    "dockercompose": "compose.yml",
    "json": "openapi.json",
    "graphql": "schema.graphql",
    "prisma": "schema.prisma",
}
"""Where an example of the catalogue lies, by its language: some detectors go by the name."""
AGENT = AgentDefinition("none", "", "", "", "built-in")


def scan(
    text: str,
    *,
    path: str = "/srv/app.py",
    language: str = "python",
    settings: Settings | None = None,
) -> list[tuple[str, str]]:
    """The code and the rule of each finding, in text order."""
    document = Document(f"file://{path}", path, language, text)
    return [
        (text[proposal.where.start : proposal.where.end], proposal.rule)
        for proposal in ENGINE.scan(document, settings or Settings())
        if isinstance(proposal.where, Span)
    ]


def review(
    text: str, *, focuses: tuple[Focus, ...], span: Span | None = None, engine: LocalEngine = ENGINE
) -> list[Proposal]:
    document = Document("file:///srv/app.py", "/srv/app.py", "python", text)
    task = TaskDefinition("t", "T", "review", focuses, "", "")
    whole = span or Span(0, len(text))
    request = ReviewRequest(document, whole, task, AGENT, Settings())

    async def collect() -> list[Proposal]:
        return [proposal async for proposal in engine.review(request)]

    return asyncio.run(collect())


DETECTED = frozenset().union(*(detector.rules for detector in ENGINE.detectors))
EXAMPLES = [
    # The rest takes an agent to see.
    rule
    for rule in ENGINE.catalogue.rules.values()
    if rule.example and rule.id in DETECTED
]


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.id)
def test_the_catalogues_examples_are_true(rule: Rule) -> None:
    assert rule.example
    example = rule.example
    if rule.same_as and (missing := missing_linters({example.language})):
        pytest.skip(f"{missing[0].program} has no wheel for this platform")

    def rules(text: str) -> set[str]:
        if HEADER.match(text):
            files, engine = documents(text), LocalEngine(lambda path: project(text))
        else:
            path = f"/srv/{EXAMPLE_FILES[example.language]}"
            files, engine = [Document(f"file://{path}", path, example.language, text)], ENGINE
        scans = engine.scan_all(files, Settings(profile="strict"))
        return {proposal.rule for scan in scans for proposal in scan.proposals}

    assert rule.id in rules(example.bad)
    assert rule.id not in rules(example.good)


def test_every_rule_has_an_example() -> None:
    known = {rule.id for rule in load_rules()} | {use.rule for use in load_apis()}
    missing = [
        rule.id
        for rule in ENGINE.catalogue.rules.values()
        if not (rule.example or rule.id in known or example_of(rule.id))
    ]
    # What a tool of a person's own says is explained by that tool.
    assert missing == ["security/tool-finding", "api-design/tool-finding"]


def test_a_strict_rule_is_off_unless_it_is_asked_for() -> None:
    rules = {rule.id: rule for rule in ENGINE.catalogue.rules.values()}
    strict = next(rule.id for rule in rules.values() if rule.profile == "strict")
    assert strict not in enabled_rules(rules.values(), Settings())
    assert strict in enabled_rules(rules.values(), Settings(profile="strict"))
    assert strict in enabled_rules(rules.values(), Settings(rules={strict: "hint"}))
    off = Settings(profile="strict", rules={strict: "off"})
    assert strict not in enabled_rules(rules.values(), off)


EXEC = ("exec", "security/code-injection")
TOKEN = ("jwt.decode(token, KEY)", "security/jwt-weak-algorithm")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("exec(x)\njwt.decode(token, KEY)\n", id="plain"),
        pytest.param("'😀é'; exec(x)\n'😀'; jwt.decode(token, KEY)", id="astral"),
        pytest.param("exec(x)\r\ny = '😀'\r\njwt.decode(token, KEY)\r\n", id="CRLF"),
        pytest.param("exec(x)\ry = '😀'\rjwt.decode(token, KEY)\r", id="lone CR"),
        pytest.param("\x0c\nexec(x)\n\x0c\njwt.decode(token, KEY)\n", id="form feed"),
        pytest.param("'\u2028'; exec(x)\njwt.decode(token, KEY)\n", id="line separator"),
        pytest.param("\ufeffexec(x)\njwt.decode(token, KEY)\n", id="byte order mark"),
        pytest.param("'\ud800'; exec(x)\njwt.decode(token, KEY)\n", id="lone surrogate"),
    ],
)
def test_places_are_offsets_of_the_text(text: str) -> None:
    assert scan(text) == [EXEC, TOKEN]


def test_a_file_with_a_syntax_error_is_still_reviewed() -> None:
    assert scan("def f(:\n    pass\n\njwt.decode(token, KEY)\n") == [TOKEN]


def test_an_empty_file_has_no_findings() -> None:
    assert scan("") == []


def test_an_unknown_language_has_no_findings() -> None:
    assert scan("exec(x)", path="/srv/a.sql", language="sql") == []


def test_javascript_is_reviewed_too() -> None:
    assert ("x", "security/code-injection") in scan(
        "eval(x)\n", path="/srv/a.js", language="javascript"
    )


def test_ruff_and_our_rules_report_one_place_once_with_the_fix() -> None:
    text = "import requests\n\nrequests.get(url)\n"
    (proposal,) = ENGINE.scan(Document("", "/srv/app.py", "python", text), Settings())
    assert proposal.rule == "performance/missing-timeout"
    assert proposal.fix is not None


def test_the_more_specific_rule_speaks_alone() -> None:
    text = "import hashlib\n\ndigest = hashlib.md5(password.encode())\n"
    assert scan(text) == [("hashlib.md5(password.encode())", "security/password-hash-too-fast")]


@pytest.mark.parametrize(
    "text",
    [
        'token_type = "bearer"\nTOKEN_URL = "https://a.example/token"\n',
        'url = change(url, password="********")\n',
        '@app.get("/tmp")\ndef show() -> str: ...\n',
    ],
    ids=["a plain word is no secret", "a mask is no secret", "a route is no temporary file"],
)
def test_what_ruff_takes_for_something_that_it_is_not(text: str) -> None:
    assert scan(text) == []


def test_a_password_is_a_secret() -> None:
    assert scan('password = "Xk29-vLq81"\n') == [('"Xk29-vLq81"', "security/hardcoded-secret")]


def test_ruff_says_what_it_saw_and_we_say_what_to_do() -> None:
    text = "import hashlib\n\nh = hashlib.md5(b'')\n"
    [proposal] = ENGINE.scan(Document("", "/srv/app.py", "python", text), Settings())
    seen = "Probable use of insecure hash functions in `hashlib`: `md5`. "
    assert proposal.message == seen + ENGINE.catalogue.rules["security/weak-hash"].advice


def test_a_ruff_fix_keeps_the_meaning() -> None:
    text = "for x in list((1, 2)):\n    print(x)\n"
    (proposal,) = ENGINE.scan(Document("", "/srv/app.py", "python", text), Settings())
    assert (proposal.rule, proposal.source) == ("performance/unnecessary-list", "ruff:PERF101")
    assert proposal.fix is not None
    (edit,) = proposal.fix.edits
    assert edit.new == "(1, 2)"


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("", True),
        ("  # noqa", False),
        ("  # noqa: S608", False),
        ("  # noqa: E501", True),
    ],
)
def test_noqa_silences_our_rules_as_it_does_ruffs(comment: str, found: bool) -> None:
    text = f'cur.execute(f"select id from t where id = {{x}}"){comment}\n'
    assert bool(scan(text)) == found


@pytest.mark.parametrize("off", ["security/jwt-weak-algorithm", "security/*"])
def test_a_rule_that_is_off_is_not_reported(off: str) -> None:
    assert scan("jwt.decode(token, KEY)\n", settings=Settings(rules={off: "off"})) == []


def test_a_rule_wins_over_its_focus() -> None:
    rules: dict[str, Severity | str] = {
        "security/*": "off",
        "security/jwt-weak-algorithm": "hint",
    }
    document = Document("", "/srv/app.py", "python", "exec(x)\njwt.decode(token, KEY)\n")
    (proposal,) = ENGINE.scan(document, Settings(rules=rules))  # type: ignore[arg-type]
    assert (proposal.rule, proposal.severity) == ("security/jwt-weak-algorithm", "hint")


@pytest.mark.parametrize(
    ("path", "confidence"),
    [
        ("/srv/test_app.py", "low"),
        ("/srv/spec/app.py", "low"),
        ("/srv/test/app.py", "low"),
        ("/srv/tests/api/users.py", "low"),
        ("/srv/shop/tests.py", "low"),
        ("/srv/api_tests/users.py", "low"),
        ("/test/home/srv/app.py", "high"),
        ("/srv/contest.py", "high"),
    ],
)
def test_findings_in_test_files_are_folded_away(path: str, confidence: str) -> None:
    document = Document("", path, "python", "jwt.decode(token, KEY)\n")
    assert [proposal.confidence for proposal in ENGINE.scan(document, Settings())] == [confidence]


GENERATED = "# Code generated by protoc. DO NOT EDIT.\n"


_MIGRATIONS = (
    "0001_first.py",
    "0002_second.py",
    "__init__.py",
    "2024-05-01-080000_a",
    "2024-05-02-080000_b",
)


@pytest.mark.parametrize(
    ("name", "head", "settings", "confidence"),
    [
        ("app.py", GENERATED, Settings(), None),
        ("app.py", '"""It was generated by hand."""\n', Settings(), "medium"),
        ("app.py", GENERATED, Settings(in_generated_files="low"), "low"),
        ("shop_pb2.py", "", Settings(), None),
        ("test_app.py", "", Settings(in_tests="normal"), "medium"),
        ("test_app.py", "", Settings(in_tests="off"), None),
        ("migrations/0001_first.py", "", Settings(), "low"),
        ("migrations/0001_first.py", "", Settings(in_past_migrations="normal"), "medium"),
        ("migrations/0002_second.py", "", Settings(), "medium"),
        ("migrations/2024-05-01-080000_a/up.sql", "", Settings(), "low"),
        ("migrations/2024-05-02-080000_b/up.sql", "", Settings(), "medium"),
        ("migrations/2024-05-02-080000_b/down.sql", "", Settings(), "low"),
        ("sql/U2.1__undo_names.sql", "", Settings(), "low"),
    ],
)
def test_findings_count_by_what_the_file_is_for(
    tmp_path: Path, name: str, head: str, settings: Settings, confidence: str | None
) -> None:
    (tmp_path / "migrations").mkdir()
    folder = "2024" if "2024" in name else "0"
    for migration in _MIGRATIONS:
        if migration.startswith((folder, "__init__")):
            (tmp_path / "migrations" / migration).touch()
    text = head + "import hashlib\nh = hashlib.new('md5')\n"
    document = Document("", str(tmp_path / name), "python", text)
    expected = [] if confidence is None else [confidence]
    assert [found.confidence for found in ENGINE.scan(document, settings)] == expected


def test_minified_code_is_generated() -> None:
    line = "function f(a){if(a=1){return a}}"
    readable = "\n".join([line] * 100)
    for text, count in ((readable, 100), (readable.replace("\n", ""), 0)):
        document = Document("", "/srv/vendors.js", "javascript", text)
        found = [one.rule for one in ENGINE.scan(document, Settings())]
        assert found.count("api-design/assignment-in-condition") == count


def test_a_review_keeps_to_its_focus_and_span() -> None:
    text = "import requests\nexec(x)\nrequests.get(url)\n"
    every = review(text, focuses=("security", "performance"))
    assert [proposal.rule for proposal in every] == [
        "security/code-injection",
        "performance/missing-timeout",
    ]
    assert [p.rule for p in review(text, focuses=("security",))] == ["security/code-injection"]
    last = Span(text.index("requests.get"), len(text))
    assert [p.rule for p in review(text, focuses=("security", "performance"), span=last)] == [
        "performance/missing-timeout"
    ]


def test_a_missing_ruff_is_said_once_and_our_rules_still_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ruff, "find_program", lambda name: None)
    monkeypatch.setitem(sys.modules, "ruff", None)
    engine = LocalEngine()
    document = Document("", "/srv/app.py", "python", "jwt.decode(token, KEY)\n")
    (found,) = engine.scan_all([document], Settings())
    assert [proposal.rule for proposal in found.proposals] == ["security/jwt-weak-algorithm"]
    with pytest.raises(EngineError, match="ruff is not installed, so only our own rules"):
        review("jwt.decode(token, KEY)\n", focuses=("security",), engine=engine)
    assert review("jwt.decode(token, KEY)\n", focuses=("security",), engine=engine)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 3", "failed with exit code 3: no message."),
        ("echo broken >&2; exit 2", "failed with exit code 2: broken."),
        ("exec sleep 5", "took longer than 0 seconds."),
        ("head -c 3000 /dev/zero", "printed more than 0 MB."),
    ],
)
def test_a_linter_that_misbehaves_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, message: str
) -> None:
    monkeypatch.setattr(process, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(process, "MAXIMUM_OUTPUT_BYTES", 1000)
    started = time.monotonic()
    with pytest.raises(process.LinterError) as error:
        process.run_linter(["/bin/sh", "-c", script], folder=tmp_path)
    assert str(error.value) == f"sh {message}"
    assert time.monotonic() - started < 4


@pytest.mark.detector_fails
def test_a_mistake_in_a_detector_costs_only_what_that_one_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> list[list[Proposal]]:
        raise IndexError(0)

    monkeypatch.setattr("backend_developer.secrets.SecretDetector.find", fail)
    scans = LocalEngine().scan_all(
        [
            Document(f"file:///{name}.py", f"/{name}.py", "python", "jwt.decode(token, KEY)\n")
            for name in "ab"
        ],
        Settings(),
    )
    assert all(scan.proposals for scan in scans)
    assert [scan.problems for scan in scans] == [
        (
            "A part of the local engine (SecretDetector) stopped because of an error in "
            "backend-developer: what the other parts found stands, and the log has the details.",
        )
    ] * 2


def test_a_linter_gets_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("RUFF_CONFIG", "/nowhere")
    output = process.run_linter(["/usr/bin/env"], folder=tmp_path)
    assert b"ANTHROPIC" not in output
    assert b"RUFF" not in output


@pytest.mark.parametrize(
    ("language", "path", "text", "expected"),
    [
        (
            "python",
            "/srv/app.py",
            "def one():\n    '😀'\n    exec(a)\n\n\ndef two():\n    jwt.decode(token, KEY)\n",
            "jwt.decode(token, KEY)",
        ),
        (
            "javascript",
            "/srv/app.js",
            "function one() {\r\n  '😀'; eval(a);\r\n}\r\nconst two = () => { eval(b); };\r\n",
            "b",
        ),
    ],
)
def test_a_check_of_an_edit_looks_only_where_it_touches(
    language: str, path: str, text: str, expected: str
) -> None:
    edited = Span(text.index(expected), text.index(expected) + 1)
    document = Document("", path, language, text)
    (found,) = ENGINE.scan_all([document], Settings(), [[edited]])
    places = [proposal.where for proposal in found.proposals if isinstance(proposal.where, Span)]
    assert [text[place.start : place.end] for place in places] == [expected]


SHOP = Path(__file__).parent.parent / "examples/shop"


@pytest.mark.parametrize("profile", ["default", "strict"])
def test_what_is_found_at_once_and_the_rest_are_all(profile: Profile) -> None:
    settings = Settings(profile=profile)
    files = [file for file in walk(SHOP) if file.language != "json"]
    at_once = 0
    for file in files:
        document = read(file, 1_000_000).document
        first, rest = ENGINE.scan_in_steps(document, settings)
        found = first().proposals
        both = [*found, *rest().proposals]
        whole = ENGINE.scan(document, settings)
        assert sorted(both, key=repr) == sorted(whole, key=repr), file.path
        at_once += len(found)
    assert at_once > len(files), "and much is found at once"


# --- Whoever types waits for no more than a piece of the work


FUNCTIONS = 200
MANY_FUNCTIONS = {
    "python": "import hashlib, requests\n"
    + "".join(
        f"\n\ndef read_{number}(address):\n    return hashlib.md5(requests.get(address).content)\n"
        for number in range(FUNCTIONS)
    ),
    "javascript": "".join(
        f"\nexport async function read{number}(address) {{\n"
        "  return (await fetch(address)).json();\n}\n"
        for number in range(FUNCTIONS)
    ),
}


def steps_of(work: str, language: str, most: int) -> int:
    """How often somebody is asked whether the work is wanted still; it is no more after `most`."""
    steps, is_begun = 0, False

    def go_on() -> None:
        nonlocal steps
        steps += is_begun
        if steps > most:
            raise GivenUp

    engine = LocalEngine(go_on=go_on)
    text = MANY_FUNCTIONS[language]
    document = Document("file:///a", "/a", language, text)
    edit = TextEdit(Span(len(text), len(text)), "\n")
    candidate = Candidate("security/weak-hash", Span(0, 0), (edit,), text + "\n")
    first, rest = engine.scan_in_steps(document, Settings())
    first()
    is_begun = True
    with contextlib.suppress(GivenUp):
        if work == "at once":
            engine.scan_in_steps(document, Settings())[0]()
        elif work == "the rest":
            rest()
        else:
            FixChecker(engine).reports(document, [candidate], Settings())
    return steps


@pytest.mark.parametrize("work", ["at once", "the rest", "a check"])
@pytest.mark.parametrize("language", MANY_FUNCTIONS)
def test_what_is_at_work_can_be_given_up_at_each_function(language: str, work: str) -> None:
    assert steps_of(work, language, 1_000_000) >= FUNCTIONS
    assert steps_of(work, language, FUNCTIONS // 2) == FUNCTIONS // 2 + 1


class _Program:
    """A detector that runs a program, which ends when it is told to."""

    name, runs_program = "program", True
    languages = frozenset({"python"})
    rules = frozenset({"security/weak-hash"})

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        self.may_end.wait(10)
        return [[] for _ in sources]


def with_program(program: _Program, go_on: Callable[[], None]) -> LocalEngine:
    engine = LocalEngine(go_on=go_on)
    engine.detectors = (program, *(one for one in engine.detectors if not one.runs_program))
    return engine


def test_a_program_has_its_time_beside_the_other_detectors() -> None:
    program = _Program()
    steps = 0

    def go_on() -> None:
        nonlocal steps
        steps += 1
        if steps > FUNCTIONS:  # The others are at work, though it has not ended.
            program.may_end.set()

    engine = with_program(program, go_on)
    begin = time.perf_counter()
    engine.scan(Document("file:///a", "/a", "python", MANY_FUNCTIONS["python"]), Settings())
    assert time.perf_counter() - begin < 9


def test_a_scan_that_is_given_up_does_not_wait_for_a_program() -> None:
    program = _Program()
    begin = time.perf_counter()

    def go_on() -> None:
        if time.perf_counter() - begin > 0.2:
            raise GivenUp

    engine = with_program(program, go_on)
    with pytest.raises(GivenUp):
        engine.scan(Document("file:///a", "/a", "python", "x = 1\n"), Settings())
    assert time.perf_counter() - begin < 9
    program.may_end.set()


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[HangingTool]:
    tool = HangingTool(tmp_path)
    yield tool
    tool.close()


@pytest.fixture
def saved(tmp_path: Path) -> Document:
    """A document that is as on disk: a person's own tools look at no other."""
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    return Document("", str(file), "python", "x = 1\n")


def test_a_persons_own_tools_come_last_and_only_add(saved: Document) -> None:
    text = "import hashlib\nhashlib.md5(input())\neval(input())\n"
    document = replace(saved, text=text)
    Path(saved.path).write_text(text)
    said = [
        {"test_id": code, "issue_text": "Bad.", "issue_severity": "HIGH", "line_number": line}
        for code, line in (("B324", 2), ("B307", 3), ("B999", 1))
    ]
    results = {"results": [{"filename": saved.path, **one} for one in said]}
    command = shlex.join([sys.executable, "-c", f"print({json.dumps(results)!r})"])
    settings = Settings(tools={"bandit": command}, profile="strict")
    without = [
        one
        for step in ENGINE.scan_in_steps(document, Settings(profile="strict"))
        for one in step().proposals
    ]
    *first, last = ENGINE.scan_in_steps(document, settings)
    assert [one for step in first for one in step().proposals] == without
    assert [(one.source, one.where.start) for one in last().proposals] == [("bandit:B999", 0)]
    broken = Settings(tools={"bandit": f"{sys.executable} -c 'raise SystemExit(9)'"})
    assert [len(step().problems) for step in ENGINE.scan_in_steps(document, broken)] == [0, 0, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_scan_that_is_given_up_ends_its_programs(tool: HangingTool, saved: Document) -> None:
    def go_on() -> None:
        if tool.has_begun(0):
            raise GivenUp

    with pytest.raises(GivenUp):
        LocalEngine(go_on=go_on).scan(saved, Settings(tools={"slow": tool.command}))
    assert tool.has_ended()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_review_that_is_cancelled_ends_its_programs(tool: HangingTool, saved: Document) -> None:
    async def review() -> None:
        task = TaskDefinition("t", "T", "review", ("security",), "", "")
        settings = Settings(tools={"slow": tool.command})
        request = ReviewRequest(saved, Span(0, 1), task, AGENT, settings)
        await anext(LocalEngine().review(request))

    async def cancelled() -> None:
        task = asyncio.create_task(review())
        assert await asyncio.to_thread(tool.has_begun)
        task.cancel()

    begin = time.perf_counter()
    asyncio.run(cancelled())  # Which waits for its threads.
    assert tool.has_ended()
    assert time.perf_counter() - begin < 20
