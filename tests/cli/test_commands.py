"""`rule`, `agents`, `doctor` and `serve`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from backend_developer.catalogue import load_catalogue
from backend_developer.commands.rule import explained, load_known
from backend_developer.core.model import FOCUSES
from backend_developer.reports.text import painter

Run = Callable[..., Any]
Write = Callable[[Mapping[str, str | bytes]], None]


# --- rule


def test_a_rule_is_explained(run: Run) -> None:
    result = run("rule", "security/weak-random")
    assert result.code == 0
    for part in (
        "security/weak-random: ",
        "focus      security",
        "severity   error",
        "profile    default",
        "languages  javascript, python, typescript",
        "CWE        338",
        "source     https://",
        "Instead: ",
        "Bad (python):",
        "Fixed (`--fix` and the editors offer it):",
        "Good (python):",
        "Bad (javascript):",
        "Found by: patterns, uses of libraries, ruff:S311, the agent.",
        "    # backend-developer: ignore[security/weak-random] the reason",
        "    // backend-developer: ignore[security/weak-random] the reason",
        "security/weak-random: off",
    ):
        assert part in result.out, part


@pytest.mark.parametrize("name", ["weak-random", "ruff:S311", "S311"])
def test_a_rule_has_other_names(run: Run, name: str) -> None:
    assert run("rule", name).out.startswith("security/weak-random: ")


def test_every_rule_can_be_explained() -> None:
    known = load_known()
    for rule_id, rule in known.catalogue.rules.items():
        lines = list(explained(known, rule, 80, painter(colour=False)))
        assert lines[0].startswith(f"{rule_id}: ")
        assert rule.advice.split()[0] in " ".join(lines)
        is_shown = any(line.startswith("Bad (") for line in lines)
        assert is_shown == any(line.startswith(("Good (", "Fixed (")) for line in lines)
        assert is_shown or rule_id.endswith("/tool-finding")
        assert any(line.endswith(f"ignore[{rule_id}] the reason") for line in lines)


def test_all_rules_are_listed(run: Run) -> None:
    rules = load_catalogue().rules
    listed = run("rule").out.splitlines()
    assert sorted(line.split()[0] for line in listed if line.startswith("  ")) == sorted(rules)
    assert [line.partition(":")[0] for line in listed if line and line[0] != " "] == [
        *(f"{focus}{remark}" for focus in FOCUSES for remark in ("", ", off until asked for")),
        f"{len(rules)} rules; `backend-developer rule ID` explains one",
    ]


def test_some_rules_are_listed_for_a_program(run: Run) -> None:
    found = json.loads(run("rule", "--focus=security", "--language=sql", "--format=json").out)
    assert {rule["id"] for rule in found} >= {"security/migration-changes-access"}
    assert {rule["focus"] for rule in found} == {"security"}
    assert all("sql" in rule["languages"] for rule in found)
    one = json.loads(run("rule", "weak-random", "--format=json").out)
    assert one["cwes"][0] == 338
    assert {example["language"] for example in one["examples"]} == {"python", "javascript"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--language=pyton"], 'there are no rules about "pyton"; did you mean "python"?'),
        (["weak-random", "--focus=security"], "--focus and --language are for the list"),
        (["weak-randm"], 'there is no rule "weak-randm"; did you mean "weak-random"?'),
    ],
)
def test_a_wrong_choice_of_rules_is_named(run: Run, arguments: list[str], message: str) -> None:
    result = run("rule", *arguments)
    assert result.code == 2
    assert message in result.err


# --- agents


def test_agents_say_which_one_wins(run: Run, write: Write) -> None:
    ours = "---\nname: backend-developer\ndescription: Our own.\nmodel: haiku\n---\nReview."
    write({".claude/agents/mine.md": ours, ".claude/agents/bad.md": "---\nname: [\n---\nx"})
    result = run("agents")
    assert result.code == 0
    assert "* backend-developer  (project, claude-haiku-5-5)\n    Our own.\n" in result.out
    assert "  backend-developer  (built-in, " in result.out
    assert "not used: " in result.out
    assert ".claude/agents/mine.md has the same name and comes first" in result.out
    assert result.out.endswith("; * reviews\n")
    assert ".claude/agents/bad.md:" in result.err


def test_agents_say_when_the_chosen_one_is_missing(run: Run, write: Write) -> None:
    write({".backend-developer.yml": "agent: nobody\n"})
    assert 'none reviews: There is no agent "nobody"' in run("agents").out


# --- doctor


def test_doctor_when_all_is_well(run: Run) -> None:
    result = run("doctor")
    assert result.code == 0
    for label in ("version", "Python", "ruff", "ast-grep-py", "anthropic", "agent", "engine"):
        assert any(line.startswith(label) for line in result.out.splitlines()), label
    assert result.out.endswith("nothing is wrong\n")


def test_doctor_names_a_key_and_does_not_print_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    # Nothing listens there: a port that was free a moment ago is not needed for a refusal.
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    result = run("doctor")
    assert result.code == 1
    assert "ANTHROPIC_API_KEY" in result.out
    assert "sk-very-secret" not in result.out + result.err
    assert "WRONG" in result.out


def test_doctor_counts_broken_settings(run: Run, write: Write) -> None:
    write({".backend-developer.yml": "engine: 3\n"})
    result = run("doctor")
    assert result.code == 1
    assert ".backend-developer.yml:1: " in result.err
    assert result.out.endswith("1 problem\n")


# --- serve


@pytest.mark.parametrize("arguments", [["serve"], ["--stdio"], ["serve", "--stdio"]])
def test_the_server_ends_with_its_input(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "backend_developer", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.stdout == b""
    assert b"Traceback" not in result.stderr


def test_a_person_is_told_what_a_server_is(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    server = subprocess.Popen(
        [sys.executable, "-m", "backend_developer", "serve"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert server.stderr
        told = b"".join(server.stderr.readline() for _ in range(4)).decode()
        assert "a language server, which an editor starts" in told
        assert "To review code in the terminal: backend-developer review PATH" in told
        assert "To stop: Ctrl+C." in told
        assert server.poll() is None
        server.send_signal(signal.SIGINT)
        out, _ = server.communicate(timeout=30)
        assert out == b""
        assert server.returncode == 130
    finally:
        server.kill()
        server.communicate()
        os.close(ours)
        os.close(theirs)


def test_starting_imports_no_engine() -> None:
    """What `--help` loads is what every start of the server pays for."""
    code = (
        "import sys\n"
        "from backend_developer.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'anthropic', 'yaml', 'ast_grep_py', 'pathspec', 'pygls', 'asyncio', 'httpx2'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr == "[]\n"
