"""Settings from five places: what they add up to, and what is said of a bad value."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from backend_developer.settings import (
    ORIGINS,
    Origin,
    Settings,
    Source,
    load_project_file,
    load_user_file,
    markdown_table,
    read,
    read_environment,
    rule_level,
    schema,
)


def check(sources: list[Source], expected: dict[str, object], *problems: str) -> None:
    """The fields in `expected` are set, all others have their defaults; problems as shown."""
    settings, found = read(sources, known_rules={"security/weak-hash", "security/sql-injection"})
    assert settings == Settings(**expected)  # type: ignore[arg-type]
    assert [str(problem) for problem in found] == list(problems)


def source(origin: Origin, /, **values: object) -> Source:
    return Source(origin, values)


def test_nothing_set_is_the_defaults() -> None:
    check([], {})


@pytest.mark.parametrize("count", range(1, len(ORIGINS) + 1), ids=ORIGINS)
def test_later_wins_in_whatever_order_they_are_given(count: int) -> None:
    sources = [source(origin, model=origin) for origin in ORIGINS[:count]]
    check(sources[::-1], {"model": ORIGINS[count - 1]})


def test_mappings_are_merged_entry_by_entry() -> None:
    check(
        [
            source("project", rules={"security/*": "hint", "security/weak-hash": "off"}),
            source("editor", rules={"security/weak-hash": "error"}),
        ],
        {"rules": {"security/*": "hint", "security/weak-hash": "error"}},
    )


@pytest.mark.parametrize(
    ("rule", "level"),
    [
        ("security/weak-hash", "error"),
        ("security/sql-injection", "off"),
        ("performance/select-star", None),
    ],
)
def test_a_rules_own_level_goes_before_its_focuss(rule: str, level: str | None) -> None:
    settings = Settings(rules={"security/*": "off", "security/weak-hash": "error"})
    assert rule_level(settings, rule) == level


TOKENS = "a whole number of at least 256"
SECONDS = "a number of at least 1"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("maxOutputTokens", "many", f'must be {TOKENS}, not "many".'),
        ("maxOutputTokens", "4000", f'must be {TOKENS}, not "4000".'),
        ("maxOutputTokens", 4000.5, f"must be {TOKENS}, not 4000.5."),
        ("maxOutputTokens", True, f"must be {TOKENS}, not true."),
        ("maxOutputTokens", 0, f"must be {TOKENS}, not 0."),
        ("timeoutSeconds", float("nan"), f"must be {SECONDS}, not NaN."),
        ("timeoutSeconds", float("inf"), f"must be {SECONDS}, not Infinity."),
        ("timeoutSeconds", None, f"must be {SECONDS}, not nothing."),
        ("timeoutSeconds", 10**400, f"must be {SECONDS}, not 1{'0' * 58}…."),
        ("reviewWhileTyping", "yes", 'must be true or false, not "yes".'),
        ("model", ["a", "b"], 'must be text, not ["a", "b"].'),
        ("baseUrl", "host", 'must be an address that begins with http:// or https://, not "host".'),
        ("rules", ["a"], 'must be a mapping of names to values, not ["a"].'),
        (
            "failOn",
            "wrning",
            "must be one of error, warning, information, hint, never, "
            'not "wrning"; did you mean "warning"?',
        ),
    ],
)
def test_a_bad_value_is_reported_and_the_default_stays(
    key: str, value: object, problem: str
) -> None:
    check([Source("user", {key: value}, "u.yml", {key: 7})], {}, f"u.yml:7: `{key}` {problem}")


def test_a_bad_entry_leaves_the_others() -> None:
    check(
        [source("user", rules={"security/weak-hash": "of", "security/*": "hint"})],
        {"rules": {"security/*": "hint"}},
        "`rules.security/weak-hash` must be one of error, warning, information, hint, off, "
        'not "of"; did you mean "off"?',
    )


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("failon", 'There is no setting `failon`; did you mean "failOn"?'),
        ("fail_on", 'There is no setting `fail_on`; did you mean "failOn"?'),
        ("colour", "There is no setting `colour`."),
    ],
)
def test_an_unknown_setting_is_reported(key: str, problem: str) -> None:
    check([Source("project", {key: "x"}, "p.yml", {key: 2})], {}, f"p.yml:2: {problem}")


def test_a_bad_value_leaves_the_weaker_sources_value() -> None:
    check(
        [source("user", failOn="error"), source("editor", failOn=3)],
        {"fail_on": "error"},
        "`backendDeveloper.failOn` must be one of error, warning, information, hint, never, not 3.",
    )


def test_an_unknown_rule_is_reported_where_it_stands() -> None:
    lines = {"rules": 1, "rules.security/weak-hsh": 2}
    check(
        [Source("user", {"rules": {"security/weak-hsh": "off"}}, "u.yml", lines)],
        {"rules": {"security/weak-hsh": "off"}},
        'u.yml:2: There is no rule `security/weak-hsh`; did you mean "security/weak-hash"?',
    )


@pytest.mark.parametrize("key", ["baseUrl", "tools", "trusted"])
def test_a_project_may_not_say_whom_to_trust(key: str) -> None:
    value = {"baseUrl": "https://example.test", "tools": {"x": "rm"}, "trusted": True}[key]
    settings, problems = read([Source("project", {key: value, "failOn": "error"}, "p.yml")])
    assert settings == Settings(fail_on="error")
    assert [problem.severity for problem in problems] == ["error"]
    assert str(problems[0]).startswith(f"p.yml: A project may not set `{key}`; set it for yourself")


def test_an_untrusted_project_sets_nothing() -> None:
    settings, problems = read(
        [
            Source("project", {"engine": "agent", "colour": "red"}, "p.yml"),
            source("editor", trusted=False, failOn="error"),
        ]
    )
    assert settings == Settings(trusted=False, fail_on="error")
    assert [(str(p), p.severity) for p in problems] == [
        ("p.yml: The workspace is not trusted, so its settings are not used.", "information")
    ]


def test_what_an_editor_sends_for_itself_or_left_alone_is_no_problem() -> None:
    check([source("editor", server={"path": "x"}, trace={"server": "off"}, model=None)], {})


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("MAX_OUTPUT_TOKENS", "4000", {"max_output_tokens": 4000}),
        ("TIMEOUT_SECONDS", "1.5", {"timeout_seconds": 1.5}),
        ("REVIEW_WHILE_TYPING", "False", {"review_while_typing": False}),
        ("TRUSTED", "0", {"trusted": False}),
        ("BASE_URL", "http://127.0.0.1:1", {"base_url": "http://127.0.0.1:1"}),
        ("MODEL", "", {}),
        (
            "RULES",
            "security/weak-hash=off, security/*=hint,",
            {"rules": {"security/weak-hash": "off", "security/*": "hint"}},
        ),
        ("MODEL_ALIASES", "fast=claude-x", {"model_aliases": {"fast": "claude-x"}}),
    ],
)
def test_environment(variable: str, value: str, expected: dict[str, object]) -> None:
    environment = {f"BACKEND_DEVELOPER_{variable}": value, "PATH": "/bin"}
    check([read_environment(environment)], expected)


def test_a_bad_variable_is_named() -> None:
    environment = {"BACKEND_DEVELOPER_TIMEOUT_SECONDS": "1e999", "BACKEND_DEVELOPER_FAILON": "x"}
    check(
        [read_environment(environment)],
        {},
        '`BACKEND_DEVELOPER_TIMEOUT_SECONDS` must be a number of at least 1, not "1e999".',
        'There is no setting `BACKEND_DEVELOPER_FAILON`; did you mean "BACKEND_DEVELOPER_FAIL_ON"?',
    )


def test_a_command_line_value_is_named_as_an_option() -> None:
    check(
        [source("command line", failOn="worse", maxOutputTokens="4000")],
        {"max_output_tokens": 4000},
        '`--fail-on` must be one of error, warning, information, hint, never, not "worse".',
    )


@pytest.mark.parametrize("name", [".backend-developer.yml", ".backend-developer.yaml"])
def test_the_projects_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(
        "failOn: error\n"
        "rules:\n"
        "  security/weak-hash: off\n"  # which YAML 1.1 takes for false
        "  security/sql-injection: bad\n"
    )
    found, problems = load_project_file(tmp_path)
    assert found is not None
    assert problems == ()
    check(
        [found],
        {"fail_on": "error", "rules": {"security/weak-hash": "off"}},
        f"{path}:4: `rules.security/sql-injection` must be one of "
        'error, warning, information, hint, off, not "bad".',
    )


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert load_project_file(tmp_path) == (None, ())
    assert load_user_file({"XDG_CONFIG_HOME": str(tmp_path)}) == (None, ())


def test_the_users_file_and_a_broken_one(tmp_path: Path) -> None:
    path = tmp_path / "backend-developer" / "settings.yml"
    path.parent.mkdir()
    path.write_text("baseUrl: https://example.test\n")
    found, problems = load_user_file({"XDG_CONFIG_HOME": str(tmp_path)})
    assert found == Source("user", {"baseUrl": "https://example.test"}, str(path), {"baseUrl": 1})
    path.write_text("model: a\nfailOn: [error\n")
    found, problems = load_user_file({"XDG_CONFIG_HOME": str(tmp_path)})
    assert found is None
    assert str(problems[0]).startswith(f"{path}:3: This is not valid YAML: ")
    assert str(problems[0]).endswith("Nothing in this file is used.")


def test_every_setting_is_documented_and_can_be_set() -> None:
    """The schema is made from the dataclass, so each entry must round-trip through `read`."""
    infos = schema()
    assert [info.field for info in infos] == [item.name for item in dataclasses.fields(Settings)]
    for info in infos:
        assert info.doc.endswith(".")
        assert read([Source("user", {info.name: info.default})]) == (Settings(), ())
    own = [info.name for info in infos if "project" not in info.may_be_set_in]
    assert own == [
        "provider",
        "baseUrl",
        "maximumCostPerReview",
        "maximumCostPerDay",
        "maximumCostPerWorkspace",
        "maximumTokensPerDay",
        "atLimit",
        "modelPrices",
        "journal",
        "tools",
        "proofCommand",
        "proofSeconds",
        "proofFolderBytes",
        "trusted",
    ]


@pytest.mark.parametrize(
    ("name", "json_schema"),
    [
        ("engine", {"type": "string", "enum": ["auto", "local", "agent"]}),
        ("maxOutputTokens", {"type": "integer", "minimum": 256}),
        ("timeoutSeconds", {"type": "number", "minimum": 1}),
        ("trusted", {"type": "boolean"}),
        ("modelAliases", {"type": "object", "additionalProperties": {"type": "string"}}),
    ],
)
def test_json_schema(name: str, json_schema: dict[str, object]) -> None:
    assert {info.name: info.json_schema for info in schema()}[name] == json_schema


def test_markdown_table_has_a_row_for_each() -> None:
    rows = markdown_table().splitlines()
    assert len(rows) == len(schema()) + 2
    assert rows[2] == (
        "| `engine` | `auto`, `local`, `agent` | `auto` | Which engine reviews. "
        "`auto`: the agent where a key, a base URL or another provider is set, else local. |"
    )
