"""Frontmatter as people really write it: what is read, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.frontmatter import parse, read_mapping, read_text
from backend_developer.problems import Problem, did_you_mean

KEYS = ("name", "description", "tools", "model", "maxTurns", "color")


def check(text: str, values: dict[str, object], body: str, *problems: str) -> None:
    """`text` reads as `values` and `body`; `problems` are beginnings of what is reported."""
    file, found = parse(text, "a.md", KEYS)
    assert file is not None, found
    assert file.values == values
    assert file.body == body
    shown = [str(problem) for problem in found]
    assert len(shown) == len(problems), shown
    for line, expected in zip(shown, problems, strict=True):
        assert line.startswith(expected)
    assert all(problem.severity == "warning" for problem in found)


@pytest.mark.parametrize(
    ("text", "values", "body"),
    [
        pytest.param("---\nname: a\n---\n\nHello\n", {"name": "a"}, "Hello", id="plain"),
        pytest.param("---\r\nname: a\r\n---\r\nHi\r\nyou\r\n", {"name": "a"}, "Hi\nyou", id="crlf"),
        pytest.param("---\rname: a\r---\rHi", {"name": "a"}, "Hi", id="cr"),
        pytest.param("\ufeff---\nname: ä\n---\nHi", {"name": "ä"}, "Hi", id="byte order mark"),
        pytest.param("---  \nname: a\n---\t\nHi", {"name": "a"}, "Hi", id="blanks after the fence"),
        pytest.param("---\n---\nHi", {}, "Hi", id="empty"),
        pytest.param("---\n# nothing\n---\n", {}, "", id="only a comment"),
        pytest.param(
            "---\nname: a\n---\nHi\n\n---\nmore: text\n---",
            {"name": "a"},
            "Hi\n\n---\nmore: text\n---",
            id="rules in the body",
        ),
        pytest.param(
            '---\nname: a\ndescription: >-\n  One: two,\n  three.\ntools: [Read, "Grep"]\n'
            "maxTurns: 5\n---\nHi",
            {
                "name": "a",
                "description": "One: two, three.",
                "tools": ["Read", "Grep"],
                "maxTurns": 5,
            },
            "Hi",
            id="every kind of value",
        ),
    ],
)
def test_reads_valid_frontmatter(text: str, values: dict[str, object], body: str) -> None:
    check(text, values, body)


def test_reads_a_description_with_an_unquoted_colon() -> None:
    check(
        "---\n"
        "name: api-reviewer\n"
        "description: Use this agent when an endpoint changed. Examples: a new route\n"
        "tools: Read, Grep\n"
        "maxTurns: 5\n"
        "---\n"
        "You review.",
        {
            "name": "api-reviewer",
            "description": "Use this agent when an endpoint changed. Examples: a new route",
            "tools": "Read, Grep",
            "maxTurns": 5,
        },
        "You review.",
        "a.md:3: The frontmatter is not valid YAML (mapping values are not allowed here), so it "
        "was read key by key. Put the text of `description` in quotes.",
    )


def test_reads_examples_in_a_description_over_many_lines() -> None:
    """Lines such as `user: …` look like keys; only the known ones are."""
    check(
        "---\r\n"
        "name: db-expert\r\n"
        "description: Use for queries. Examples:\r\n"
        "<example>\r\n"
        "Context: a slow report.\r\n"
        'user: "It takes a minute: why?"\r\n'
        'assistant: "I will ask db-expert"\r\n'
        "</example>\r\n"
        "model: opus\r\n"
        "---\r\n"
        "You know databases.\r\n",
        {
            "name": "db-expert",
            "description": "Use for queries. Examples:\n<example>\nContext: a slow report.\n"
            'user: "It takes a minute: why?"\nassistant: "I will ask db-expert"\n</example>',
            "model": "opus",
        },
        "You know databases.",
        "a.md:",
    )


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("description: *Fast* reviews", "*Fast* reviews", id="alias sign"),
        pytest.param("description: @team review", "@team review", id="at sign"),
        pytest.param("description: `code` first", "`code` first", id="back quote"),
        pytest.param('description: "a" and: b', '"a" and: b', id="quote in front"),
        pytest.param('description: "a: "b" c"', 'a: "b" c', id="quotes within quotes"),
        pytest.param("description:\tTabs: here", "Tabs: here", id="tab"),
        pytest.param("description: 2024-13-45", "2024-13-45", id="a date that is none"),
        pytest.param("description: !!bool x", "!!bool x", id="a tag that fits nothing"),
        pytest.param("description: bell \x07", "bell \x07", id="control character"),
        pytest.param("description: |\n  a\n\tb: c", "a\n\tb: c", id="block with a tab"),
        pytest.param("description: a\nname: b", "a", id="a key twice"),
        pytest.param("description: " + "[" * 700, "[" * 700, id="deep nesting"),
    ],
)
def test_a_value_that_yaml_refuses_is_text(line: str, value: str) -> None:
    file, problems = parse(f"---\nname: a\n{line}\nmodel: opus\n---\nHi", "a.md", KEYS)
    assert file is not None
    assert file.values["description"] == value
    assert file.values["model"] == "opus"
    assert [problem.severity for problem in problems] == ["warning"]


def test_aliases_are_text_and_stand_for_nothing() -> None:
    bomb = "\n".join(
        [
            "a: &a [x, x]",
            *(f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdef", "bcdefg", strict=True)),
        ]
    )
    file, problems = parse(f"---\nname: bomb\n{bomb}\n---\nHi", "a.md", KEYS)
    assert file is not None
    assert str(file.values).count("x") <= 2
    assert "aliases are not allowed" in problems[0].message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("# An agent\n", 1, "first line must be `---`", id="no frontmatter"),
        pytest.param("", 1, "first line must be `---`", id="empty file"),
        pytest.param("---\nname: a\nYou are…\n", 1, "has no end", id="never closed"),
        pytest.param("---\n- a\n- b\n---\n", 2, "`key: value` lines", id="a list"),
        pytest.param("---\njust words\n---\n", 2, "`key: value` lines", id="words"),
        pytest.param("---\nname: " + "x" * 70_000 + "\n---\n", 1, "longer than 65,536", id="long"),
        pytest.param("---\nfoo: bar: baz\n---\n", 2, "not valid YAML", id="nothing known in it"),
    ],
)
def test_refuses_what_is_no_frontmatter(text: str, line: int, words: str) -> None:
    file, problems = parse(text, "a.md", KEYS)
    assert file is None
    assert [(problem.line, problem.severity) for problem in problems] == [(line, "error")]
    assert words in problems[0].message


def check_unreadable(path: Path, line: int | None, words: str) -> None:
    text, problem = read_text(path)
    assert text == ""
    assert problem is not None
    assert (problem.path, problem.line) == (str(path), line)
    assert words in problem.message


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        pytest.param(b"---\nname: caf\xe9\n---\n", 2, "not UTF-8", id="latin-1"),
        pytest.param("---\nname: a\n---\n".encode("utf-16"), 1, "not UTF-8", id="utf-16"),
        pytest.param(b"---\nname: a\n---\n\nx\0y", 5, "NUL", id="nul"),
        pytest.param(b"x" * 1_048_577, None, "larger than 1,048,576 bytes", id="large"),
    ],
)
def test_refuses_a_file_that_is_no_text(
    tmp_path: Path, data: bytes, line: int | None, words: str
) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(data)
    check_unreadable(path, line, words)


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    check_unreadable(tmp_path, None, "not a regular file")
    check_unreadable(tmp_path / "gone.md", None, "cannot be read")


def test_keys_know_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_text("\nfailOn: error\nrules:\n  # a comment\n  security/*: off\nfailOn: hint\n")
    mapping, problems = read_mapping(path)
    assert mapping is not None
    assert mapping.values == {"failOn": "hint", "rules": {"security/*": False}}
    assert mapping.lines == {"failOn": 6, "rules": 3, "rules.security/*": 5}
    assert [str(problem) for problem in problems] == [
        f"{path}:6: `failOn` is set twice; the last one is used."
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("failOn: error\nrules: [a\n", 3, id="not closed"),
        pytest.param("a: &a 1\nb: *a\n", 1, id="alias"),
        pytest.param("? [a]\n: b\n", 1, id="a list as a key"),
        pytest.param("[" * 700, None, id="deep nesting"),
    ],
)
def test_a_broken_settings_file_is_not_used(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "settings.yml"
    path.write_text(text)
    mapping, problems = read_mapping(path)
    assert mapping is None
    assert [(problem.line, problem.severity) for problem in problems] == [(line, "error")]


def test_an_empty_settings_file_sets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_text("# later\n")
    mapping, problems = read_mapping(path)
    assert mapping is not None
    assert (mapping.values, problems) == ({}, ())


@given(
    st.text(alphabet=st.sampled_from("ab:- \n\t\"'[]{}&*!|>#%@`\\0.,?<=~"), max_size=80)
    | st.text(max_size=40)
)
def test_never_raises(head: str) -> None:
    for text in (head, f"---\nname: {head}\ndescription: x\n---\nbody"):
        file, problems = parse(text, "a.md", KEYS)
        assert file is not None or problems


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        (Problem("a.md", 3, "name", "Bad."), "a.md:3: Bad."),
        (Problem("a.md", None, "", "Bad."), "a.md: Bad."),
        (Problem("", None, "failOn", "Bad."), "Bad."),
    ],
)
def test_a_problem_shows_its_place(problem: Problem, shown: str) -> None:
    assert str(problem) == shown


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("max_turns", '; did you mean "maxTurns"?'),
        ("Model", '; did you mean "model"?'),
        ("desciption", '; did you mean "description"?'),
        ("license", "."),
    ],
)
def test_did_you_mean(word: str, end: str) -> None:
    assert did_you_mean(word, KEYS) == end


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_lines_are_those_of_an_editor(separator: str) -> None:
    # YAML would count one more.
    text = f"---\nname: a{separator}  b\n  c\n? [x]\n: y\n---\nbody"
    _, problems = parse(text, "a.md", KEYS)
    assert [problem.line for problem in problems][:1] == [4]
    file, _ = parse(f"---\ndescription: a{separator}  b\nname: x\n---\nbody", "a.md", KEYS)
    assert file is not None
    assert file.lines["name"] == 3
