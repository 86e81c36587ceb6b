"""An edit is offered only when the tools find nothing wrong with its result."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from backend_developer.apis import load_apis
from backend_developer.checks import FixChecker
from backend_developer.core.edits import apply
from backend_developer.core.model import (
    Candidate,
    CheckReport,
    Document,
    Proposal,
    Replacement,
    Span,
    TextEdit,
)
from backend_developer.engines.local import LocalEngine
from backend_developer.linters import oxlint, ruff
from backend_developer.linters.process import LinterError
from backend_developer.rules import load_rules
from backend_developer.settings import Settings

LOCAL = LocalEngine()
CHECKER = FixChecker(LOCAL)


def make_candidate(text: str, old: str, new: str, rule: str = "other") -> Candidate:
    """Every place where `old` stands becomes `new`; the finding is at the first."""
    places = [at for at in range(len(text)) if text.startswith(old, at)]
    assert places
    edits = tuple(TextEdit(Span(at, at + len(old)), new) for at in places)
    return Candidate(rule, edits[0].span, edits, text.replace(old, new))


def check(
    text: str, old: str, new: str, *, rule: str = "other", language: str = "python"
) -> CheckReport:
    document = Document("file:///srv/app", f"/srv/app.{_ENDING[language]}", language, text)
    candidate = make_candidate(text, old, new, rule)
    (report,) = CHECKER.reports(document, [candidate], Settings())
    return report


_ENDING = {
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "typescriptreact": "tsx",
    "go": "go",
    "yaml": "yml",
    "sql": "sql",
}


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/srv/orders.spec.ts", ""),
        ("/srv/orders.test.mjs", ""),
        ("/srv/test/orders.ts", ""),
        ("/srv/__tests__/orders.js", ""),
        ("/srv/orders.ts", "It leaves the name `describe` undefined on line 1."),
        ("/srv/latest/orders.ts", "It leaves the name `describe` undefined on line 1."),
    ],
)
def test_the_globals_of_a_test_s_runner_are_defined_in_tests(path: str, problem: str) -> None:
    language = "javascript" if path.endswith("js") else "typescript"
    after = "describe('orders', () => undefined);\n"
    document = Document(f"file://{path}", path, language, "")
    candidate = Candidate("", Span(0, 0), (TextEdit(Span(0, 0), after),), after)
    (report,) = CHECKER.reports(document, [candidate], Settings())
    assert report.problem == problem


def test_the_fixes_of_our_rules_pass_the_checks() -> None:
    """Each case that has a fixed text: its finding is gone after it, and nothing else came in."""
    rules = ((rule.id, case.languages[0], case) for rule in load_rules() for case in rule.cases)
    uses = ((use.rule, use.family, case) for use in load_apis() for case in use.found)
    cases = [one for one in (*rules, *uses) if one[2].fixed is not None]
    settings = Settings(profile="strict")
    documents = [
        Document("file:///srv/app", f"/srv/app.{_ENDING[language]}", language, case.code)
        for _, language, case in cases
    ]
    candidates = [
        [
            _candidate(document, proposal)
            for proposal in scan.proposals
            if proposal.rule == rule and proposal.fix
        ]
        for (rule, _, _), document, scan in zip(
            cases, documents, LOCAL.scan_all(documents, settings), strict=True
        )
    ]
    asked = list(zip(documents, candidates, strict=True))
    assert [document.text for document, fixes in asked if not fixes] == []

    async def check_all() -> list[list[CheckReport]]:
        return await asyncio.gather(*(CHECKER.check(*one, settings) for one in asked))

    problems = [[report.problem for report in reports] for reports in asyncio.run(check_all())]
    failed = [
        (document.text, found)
        for document, found in zip(documents, problems, strict=True)
        if any(found)
    ]
    assert "\n".join(map(str, failed)) == ""


def _candidate(document: Document, proposal: Proposal) -> Candidate:
    assert proposal.fix is not None
    assert isinstance(proposal.where, Span)
    edits = [
        TextEdit(edit.span, edit.new)
        for edit in proposal.fix.edits
        if isinstance(edit, Replacement)
    ]
    text = apply(document.text, edits)
    return Candidate(proposal.rule, proposal.where, tuple(edits), text)


TWO_FUNCTIONS = """\
def load(number):
    return number


def show():
    return load(1)
"""

TWO_METHODS = """\
class Shop:
    def load(self, number):
        return number

    def show(self):
        return self.load(1)
"""

AWAITING = """\
async def load(number):
    return number


async def show():
    number = await load(1)
    return number
"""


@pytest.mark.parametrize(
    ("text", "old", "new", "problem"),
    [
        pytest.param("x = (1)\n", "(1)", "1)", "It leaves a syntax error on line 1.", id="syntax"),
        pytest.param(
            "import random\n\nx = random.choice('ab')\n",
            "random.choice",
            "secrets.choice",
            "It leaves the name `secrets` undefined on line 3.",
            id="undefined name",
        ),
        pytest.param(
            "x = 1\nprint(x)\n",
            "x = 1\n",
            "import secrets\nx = 1\n",
            "It imports `secrets` on line 1 and never uses it.",
            id="import that the edit brought and does not use",
        ),
        pytest.param(
            "def f():\n    return 1\n",
            "    return 1",
            "    limit = 5\n    return 1",
            "It assigns `limit` on line 2 and never uses it.",
            id="variable that the edit brought and does not use",
        ),
        pytest.param(
            "def f():\n    return 1\n\n\nx = f()\n",
            "x = f()",
            "def f():\n    return 2",
            "It defines `f` a second time on line 5.",
            id="second definition",
        ),
        pytest.param(
            TWO_FUNCTIONS,
            "def load(number):",
            "def load(number, limit):",
            "The call of `load` on line 6 does not fit its changed signature: `limit` is missing.",
            id="function's caller left behind",
        ),
        pytest.param(
            TWO_FUNCTIONS,
            "def load(number):\n    return number",
            "def load():\n    return 1",
            "The call of `load` on line 6 does not fit its changed signature: "
            "it passes 1 positional arguments of 0.",
            id="too many arguments",
        ),
        pytest.param(
            TWO_METHODS,
            "def load(self, number):",
            "def load(self, number, *, limit):",
            "The call of `load` on line 6 does not fit its changed signature: `limit` is missing.",
            id="method's caller left behind",
        ),
        pytest.param(
            TWO_FUNCTIONS.replace("    return load(1)", "    number = load(1)\n    return number"),
            "def load",
            "async def load",
            "It makes `load` async, but line 6 does not await it.",
            id="caller that does not await",
        ),
        pytest.param(
            AWAITING,
            "async def load",
            "def load",
            "It makes `load` not async, but line 6 awaits it.",
            id="caller that awaits what is no coroutine",
        ),
        pytest.param(
            "import hashlib\n\n\ndef digest(body):\n    return hashlib.md5(body)\n",
            "return hashlib.md5(body)",
            "return eval(hashlib.sha256(body))",
            "It brings in security/code-injection on line 5: `return eval(hashlib.sha256(body))`.",
            id="new finding",
        ),
    ],
)
def test_an_edit_of_python_is_withheld(text: str, old: str, new: str, problem: str) -> None:
    assert check(text, old, new).problem == problem


def test_an_edit_that_leaves_its_finding_is_withheld() -> None:
    text = 'def f(cur, name):\n    cur.execute(f"select * from t where name = {name}")\n'
    report = check(text, "{name}", "'{name}'", rule="security/sql-injection")
    assert report.problem == "The finding is still there after it, on line 2."


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        pytest.param("x = 1\n", "1", "2", id="plain"),
        pytest.param(
            "import json\nimport pickle\n\nx = pickle.loads(b'')\nprint(json)\n",
            "pickle.loads(b'')",
            "json.loads(b'')",
            id="import that the edit no longer needs",
        ),
        pytest.param("print(undefined)\nx = 1\n", "x = 1", "x = 2", id="undefined before"),
        pytest.param(
            "def digest(password):\n    return hashlib.md5(password)\n\n\nimport hashlib\nx = 1\n",
            "import hashlib\nx = 1",
            "import hashlib\n\nx = 2",
            id="finding in a function that is not touched",
        ),
        pytest.param(
            "import os\nimport os\n\nx = os.sep\n",
            "import os\nimport os\n\nx",
            "import os\n\nimport os\n\ny",
            id="second definition before",
        ),
        pytest.param("def f(:\nx = 1\n", "x = 1", "x = 2", id="syntax error before"),
        pytest.param(TWO_FUNCTIONS, "number", "count", id="parameter renamed throughout"),
        pytest.param(TWO_FUNCTIONS, "(number):", "(number, limit=5):", id="parameter with default"),
        pytest.param("😀 = 1\r\nx = '😀'\r\n", "x", "y", id="emoji and CRLF"),
        pytest.param("", "", "x = 1\n", id="empty file"),
    ],
)
def test_an_edit_of_python_passes(text: str, old: str, new: str) -> None:
    if not text:
        candidate = Candidate("other", Span(0, 0), (TextEdit(Span(0, 0), new),), new)
        document = Document("file:///a.py", "/a.py", "python", text)
        assert CHECKER.reports(document, [candidate], Settings())[0].problem == ""
    else:
        assert check(text, old, new).problem == ""


@pytest.mark.parametrize(
    ("text", "old", "new", "tidied"),
    [
        pytest.param(
            "import random\n\nx = random.random()\n",
            "random.random()",
            "4",
            "\nx = 4\n",
            id="the only name of its statement",
        ),
        pytest.param(
            "from os import path, sep\n\nx = path.join(sep, sep)\n",
            "path.join(sep, sep)",
            "sep",
            "from os import sep\n\nx = sep\n",
            id="one of two names",
        ),
        pytest.param(
            "from os import path, sep\n\nx = path.join(sep, sep)\n",
            "path.join(sep, sep)",
            "1",
            "\nx = 1\n",
            id="both names",
        ),
        pytest.param(
            "import random\n\nx = random.random()\ny = random.random()\n",
            "x = random.random()",
            "x = 4",
            "import random\n\nx = 4\ny = random.random()\n",
            id="still needed",
        ),
        pytest.param(
            "import os\nimport random  # noqa: F401\n\nx = random.random()\n",
            "random.random()",
            "4",
            "import os\nimport random  # noqa: F401\n\nx = 4\n",
            id="not needed before, or kept on purpose",
        ),
    ],
)
def test_an_import_that_the_edit_leaves_unused_goes_with_it(
    text: str, old: str, new: str, tidied: str
) -> None:
    report = check(text, old, new)
    assert not report.problem
    assert apply(text.replace(old, new), report.tidying) == tidied


@pytest.mark.parametrize(
    ("path", "old", "new", "problem", "after"),
    [
        pytest.param(
            "/srv/limits.py",
            "",
            "import json\nimport os\n\nprint(os.sep)\n",
            "",
            "import os\n\nprint(os.sep)\n",
            id="new file",
        ),
        pytest.param(
            "/srv/limits.py",
            "\n",
            "from os import path, sep\n\nprint(sep)\n",
            "",
            "from os import sep\n\nprint(sep)\n",
            id="file that was empty",
        ),
        pytest.param(
            "/srv/limits.py",
            "x = 1\n",
            "import os\n\nx = 1\n",
            "It imports `os` on line 1 and never uses it.",
            "",
            id="file that was there",
        ),
        pytest.param(
            "/srv/limits.py",
            "import os\n\n\ndef f():\n    return os.sep\n",
            "def f():\n    import os\n\n    return os.sep\n",
            "",
            "def f():\n    import os\n\n    return os.sep\n",
            id="import that moves",
        ),
        pytest.param(
            "/srv/limits.py",
            "",
            "def f():\n    limit = 5\n    return 1\n",
            "It assigns `limit` on line 2 and never uses it.",
            "",
            id="variable in a new file",
        ),
        pytest.param(
            "/srv/shop/__init__.py",
            "from .orders import Order\n",
            "from .orders import Order\nfrom .users import User\n",
            "",
            "from .orders import Order\nfrom .users import User\n",
            id="what a package passes on",
        ),
        pytest.param(
            "/srv/shop/__init__.py",
            "",
            "from .orders import Order\n",
            "",
            "from .orders import Order\n",
            id="what a new package passes on",
        ),
    ],
)
def test_an_import_that_nothing_uses(
    path: str, old: str, new: str, problem: str, after: str
) -> None:
    """It is taken out of a new file, and half a change in one that was there."""
    edit = TextEdit(Span(0, len(old)), new)
    document = Document(f"file://{path}", path, "python", old)
    candidate = Candidate("", Span(0, 0), (edit,), new, is_part=True)
    [report] = CHECKER.reports(document, [candidate], Settings())
    assert report.problem == problem
    if not problem:
        assert apply(new, report.tidying).strip() == after.strip()


@pytest.mark.parametrize(
    ("language", "text", "old", "new"),
    [
        ("python", TWO_FUNCTIONS, "(number):", "(number, limit=5):"),
        ("typescript", "export const f = (x: number) => x;\n", "(x: number)", "(y: string)"),
    ],
)
def test_calls_in_other_files_are_no_matter_of_the_check_of_a_part(
    language: str, text: str, old: str, new: str
) -> None:
    document = Document("file:///a", f"/srv/app.{_ENDING[language]}", language, text)
    whole = make_candidate(text, old, new)
    if language == "typescript":
        new_text = text.replace(old, new).replace("=> x", "=> y")
        span = Span(0, len(text))
        whole = Candidate("other", span, (TextEdit(span, new_text),), new_text)
    alone, part = CHECKER.reports(document, [whole, replace(whole, is_part=True)], Settings())
    assert (alone.problem, part.problem) == ("", "")
    assert len(alone.unchecked) == 1
    assert part.unchecked == ()


def test_an_edit_that_removes_its_finding_passes() -> None:
    text = 'def f(cur, name):\n    cur.execute(f"select id from t where name = {name}")\n'
    old = 'f"select id from t where name = {name}"'
    new = '"select id from t where name = %s", (name,)'
    assert check(text, old, new, rule="security/sql-injection") == CheckReport()


@pytest.mark.parametrize(
    ("language", "text", "old", "new", "problem"),
    [
        pytest.param(
            "javascript",
            "const x = { a: 1 };\n",
            "1 }",
            "1",
            "It leaves a syntax error on line 1.",
            id="syntax",
        ),
        pytest.param(
            "javascript",
            "const id = Math.random();\nexport { id };\n",
            "Math.random()",
            "nanoid()",
            "It leaves the name `nanoid` undefined on line 1.",
            id="undefined name",
        ),
        pytest.param(
            "typescript",
            "const limit: number = 1;\nconsole.log(limit);\n",
            "console.log(limit);",
            "limit = 2;",
            "It assigns to a constant on line 2.",
            id="constant assigned",
        ),
        pytest.param(
            "typescriptreact",
            "export const Name = (p: { name: string }) => <b>{p.name}</b>;\n",
            "p.name",
            "name",
            "",
            id="a name that browsers define",
        ),
        pytest.param(
            "javascript",
            "const key = 1;\nconsole.log(key);\n",
            "1",
            "process.env.KEY",
            "",
            id="globals of Node",
        ),
        pytest.param(
            "javascript",
            "/* global db, print: readonly */\nconst key = 1;\n",
            "const key = 1;",
            "db.keys.drop();\nprint(1);",
            "",
            id="globals that a comment declares",
        ),
        pytest.param(
            "javascript",
            "/* global db */\nconst key = 1;\n",
            "const key = 1;",
            "print(db);\nshow(db);",
            "It leaves the name `show` undefined on line 3.",
            id="a name that the comment does not declare",
        ),
    ],
)
def test_an_edit_of_javascript_is_judged(
    language: str, text: str, old: str, new: str, problem: str
) -> None:
    assert check(text, old, new, language=language).problem == problem


HANDLERS = """\
const express = require("express");
const router = express.Router();
const LIMIT = 20;
router.get("/", async (req, res) => {
  res.json(await list(LIMIT));
});
const list = async (limit) => [limit];
"""


def test_a_handler_that_no_edit_touches_is_judged_with_its_body() -> None:
    assert check(HANDLERS, "20", "50", language="javascript").problem == ""
    silent = 'const LIMIT = 20;\nrouter.put("/", async (req, res) => {\n  await list(1);\n});'
    assert check(HANDLERS, "const LIMIT = 20;", silent, language="javascript").problem == (
        "It brings in api-design/handler-without-response on line 4: "
        '`router.put("/", async (req, res) => {`.'
    )


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ("a: [1]", ""),
        ("a: [1", "It leaves a syntax error on line 2."),
        ("\ta: 1", "It leaves a syntax error on line 1."),
    ],
)
def test_an_edit_of_yaml_must_leave_yaml(new: str, problem: str) -> None:
    report = check("a: 1\nb: 2\n", "a: 1", new, language="yaml")
    assert (report.problem, report.unchecked) == (problem, ())


def test_an_edit_of_another_language_is_checked_by_its_findings() -> None:
    text = "ALTER TABLE a RENAME TO b;\n"
    rule = "api-design/migration-renames-table"
    report = check(text, text, text.replace("b", "c"), rule=rule, language="sql")
    assert report.problem == "The finding is still there after it, on line 1."
    report = check(text, text, "SELECT 1;\n", rule=rule, language="sql")
    assert (report.problem, report.unchecked) == ("", ("The syntax of SQL was not checked.",))
    report = check("SELECT 1;\n", "SELECT 1;\n", text, language="sql")
    assert report.problem == f"It brings in {rule} on line 1: `ALTER TABLE a RENAME TO b;`."


def test_what_was_not_checked_is_said() -> None:
    template = 'return render_template("a.html", user=user)\n'
    assert check(template, "user=user", "user=1").unchecked == (
        "The template that it renders was not checked.",
    )
    report = check(TWO_FUNCTIONS, "(number):", "(number, limit=5):")
    assert report.unchecked == (
        "The signature of `load` changed; calls in other files were not checked.",
    )
    report = check("func main() {}\n", "main", "run", language="go")
    assert report.unchecked == ("The syntax of go was not checked.",)


def test_a_missing_linter_leaves_its_check_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oxlint, "find_program", lambda name: None)
    report = check("const x = 1;\n", "1", "nanoid()", language="javascript")
    assert report.problem == ""
    assert report.unchecked == (
        "Names could not be checked: oxlint is not installed; "
        "run `pip install 'backend-developer[linters]'`.",
    )

    def no_ruff() -> str:
        raise LinterError("ruff is not installed.")

    monkeypatch.setattr(ruff, "find_ruff", no_ruff)
    report = check("x = 1\n", "1", "undefined")
    assert report.problem == ""
    assert check("x = (1)\n", "(1)", "1)").problem == "It leaves a syntax error on line 1."
    assert report.unchecked == (
        "Names could not be checked: ruff is not installed.",
        "New findings could not all be checked: ruff is not installed.",
    )


def test_each_candidate_of_a_batch_is_judged_by_itself() -> None:
    text = "x = 1\ny = 2\n"
    document = Document("file:///a.py", "/a.py", "python", text)
    candidates = [
        make_candidate(text, "1", "undefined"),
        make_candidate(text, "2", "3"),
        make_candidate(text, "2", "("),
    ]
    assert [
        bool(report.problem) for report in CHECKER.reports(document, candidates, Settings())
    ] == [
        True,
        False,
        True,
    ]
