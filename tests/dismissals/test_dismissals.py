"""The file of dismissed findings: what its entries cover, and that nothing in it is guessed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_developer import dismissals
from backend_developer.core.model import Finding, Span
from backend_developer.dismissals import FILE_NAME, HEADER, Dismissal, add, load, parse

FINDING = Finding(
    id="0f3a9c1be27d5581",
    rule="security/weak-hash",
    focus="security",
    severity="warning",
    confidence="high",
    span=Span(0, 3),
    code="md5",
    title="Weak hash",
    message="MD5 is broken.",
    sources=("ruff:S324",),
    author="local",
)
PATH = "app/cache.py"


def problems_of(text: str) -> list[str]:
    return [str(problem) for problem in parse(text, "d.yml")[1]]


# --- What an entry covers


@pytest.mark.parametrize(
    ("entry", "covers"),
    [
        ("fingerprint: 0f3a9c1be27d5581", True),
        ("fingerprint: 0f3a9c1be27d5581-2", False),
        ("path: app/cache.py\n  fingerprint: '1111111111111111'", False),
        ("path: app/cache.py", True),
        ("path: app/other.py", False),
        ("reason: everywhere", True),
    ],
    ids=["it", "another on its line", "another here", "in this file", "elsewhere", "everywhere"],
)
def test_what_an_entry_covers(entry: str, covers: bool) -> None:
    dismissals, problems = parse(f"- rule: security/weak-hash\n  {entry}\n", "")
    assert not problems
    assert bool(dismissals.covers(FINDING, PATH)) == covers


def test_another_rule_is_not_covered() -> None:
    assert not parse("- rule: security/weak-cipher\n", "")[0].covers(FINDING, PATH)


def test_a_fingerprint_of_digits_alone_is_text() -> None:
    [entry] = parse("- rule: r\n  fingerprint: 0123456789012345\n  date: 2026-11-22\n", "")[
        0
    ].entries
    assert (entry.fingerprint, entry.date) == ("0123456789012345", "2026-11-22")


# --- What is wrong with the file


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b\n", "d.yml:1: Expected a list of dismissals"),
        ("- rule: r\n- [\n", "d.yml:3: This is not valid YAML: "),
        ("\x01", "d.yml:1: This is not valid YAML: it contains a control character."),
        ("[" * 5_000, "d.yml: This is not valid YAML: it is nested too deeply."),
        ("- rule: r\n- r\n", "d.yml:2: Expected a dismissal with `rule:`"),
        ("- path: a.py\n", "d.yml:1: A dismissal needs a `rule:`"),
    ],
    ids=["no list", "no YAML", "control character", "deep", "no entry", "no rule"],
)
def test_what_cannot_be_read_is_said_with_its_line(text: str, problem: str) -> None:
    [said] = problems_of(text)
    assert said.startswith(problem)


@pytest.mark.parametrize(
    ("narrower", "problem"),
    [
        ("path: [a.py, b.py]", "`path` must be text"),
        ("path:", "`path` must be text"),
        ("fingerprint: ''", "`fingerprint` must be text"),
        (
            "fingerpint: 0f3a",
            "There is no key `fingerpint`, so this dismissal is not used; did you",
        ),
        ("[path]: a.py", "There is no key"),
    ],
)
def test_an_entry_that_is_not_understood_dismisses_nothing(narrower: str, problem: str) -> None:
    text = f"- rule: security/weak-hash\n  {narrower}\n- rule: security/weak-cipher\n"
    dismissals, [said] = parse(text, "d.yml")
    assert str(said).startswith(f"d.yml:2: {problem}")
    assert [entry.rule for entry in dismissals.entries] == ["security/weak-cipher"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]\n", "\ufeff"])
def test_a_file_without_entries(text: str) -> None:
    dismissals, problems = parse(text, "")
    assert (dismissals.entries, problems) == ((), ())


def test_no_file_and_no_folder(tmp_path: Path) -> None:
    assert load(tmp_path) == load(None) == parse("", "")


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"- rule: a\n\xff", ":2: This file is not UTF-8"), (None, ": This is not a regular file")],
    ids=["Latin-1", "pipe"],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / FILE_NAME
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    dismissals, [said] = load(tmp_path)
    assert not dismissals.entries
    assert str(said).startswith(f"{path}{problem}")


# --- Adding to it

ENTRY = Dismissal("security/weak-hash", "a cache key", "2026-11-22", PATH, FINDING.id)


def test_an_entry_is_appended_and_the_rest_stays_as_people_wrote_it(tmp_path: Path) -> None:
    ours = "# ours\n- {rule: a}   # kept"
    (tmp_path / FILE_NAME).write_text(ours)
    add(tmp_path, ENTRY)
    assert (tmp_path / FILE_NAME).read_text() == (
        f"{ours}\n- rule: security/weak-hash\n  path: app/cache.py\n"
        "  fingerprint: 0f3a9c1be27d5581\n  reason: a cache key\n  date: '2026-11-22'\n"
    )
    assert load(tmp_path)[0].entries == (Dismissal("a"), ENTRY)


def test_the_first_entry_makes_the_file(tmp_path: Path) -> None:
    add(tmp_path, Dismissal("a"))
    assert (tmp_path / FILE_NAME).read_text() == f"{HEADER}- rule: a\n"


def test_two_that_dismiss_at_once_make_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse, others = dismissals.parse, list[Thread]()

    def be_slow(text: str, path: str) -> Any:
        if not others:
            # The first has read the file, and not written yet.
            others.append(Thread(target=add, args=(tmp_path, Dismissal("b"))))
            others[0].start()
            others[0].join(0.3)
        return parse(text, path)

    monkeypatch.setattr(dismissals, "parse", be_slow)
    add(tmp_path, Dismissal("a"))
    others[0].join()
    assert (tmp_path / FILE_NAME).read_text() == f"{HEADER}- rule: a\n- rule: b\n"


def test_what_is_dismissed_already_is_not_added(tmp_path: Path) -> None:
    add(tmp_path, ENTRY)
    add(tmp_path, replace(ENTRY, reason="said in another editor", date="2026-11-23"))
    assert load(tmp_path)[0].entries == (ENTRY,)
    add(tmp_path, replace(ENTRY, fingerprint=""))
    assert len(load(tmp_path)[0].entries) == 2


TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)


@settings(max_examples=50)
@given(
    st.lists(
        st.builds(Dismissal, *(TEXT for _ in range(5))),
        min_size=1,
        max_size=3,
        unique_by=lambda entry: entry.place,
    )
)
def test_what_was_added_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Dismissal]
) -> None:
    folder = tmp_path_factory.mktemp("dismissals")
    for entry in entries:
        add(folder, entry)
    assert load(folder) == (type(load(None)[0])(tuple(entries)), ())


@pytest.mark.parametrize(
    "content",
    [b"a: b\n", b"  - rule: indented\n", b"\xff\xfe", b"- [\n"],
    ids=["a mapping", "indented", "not UTF-8", "no YAML"],
)
def test_a_file_that_could_not_be_read_afterwards_is_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(OSError, match="mend it first"):
        add(tmp_path, ENTRY)
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_nothing_is_written_through_a_link_or_to_a_pipe(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("")
    (tmp_path / FILE_NAME).symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        add(tmp_path, ENTRY)
    assert target.read_text() == ""
    (tmp_path / FILE_NAME).unlink()
    os.mkfifo(tmp_path / FILE_NAME)
    with pytest.raises(OSError, match="not a regular file"):
        add(tmp_path, ENTRY)
