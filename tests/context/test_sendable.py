"""What a workspace keeps to itself, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from backend_developer.sendable import IGNORE_FILE, Denials, load_denials


def denials(root: Path, home: Path, **files: str) -> Denials:
    (root / ".git").mkdir(exist_ok=True)
    for name, text in files.items():
        path = root / {"gitignore": ".gitignore", "ignore": IGNORE_FILE}[name]
        path.write_text(text)
    return load_denials(root, {"HOME": str(home)})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / ".claude").mkdir(parents=True)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / ".claude").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("files", "path", "why"),
    [
        ({}, "app/main.py", ""),
        ({}, ".env.local", "its name says that it holds secrets"),
        ({"gitignore": "local/\n*.log\n"}, "local/settings.py", "git ignores it"),
        ({"gitignore": "*.py\n!main.py\n"}, "main.py", ""),
        ({"ignore": "# ours\npayments/**\n"}, "payments/rates.py", f"{IGNORE_FILE} denies it"),
        ({"ignore": "/payments\n"}, "payments/deep/rates.py", f"{IGNORE_FILE} denies it"),
        ({"ignore": "[\n*.sql\n"}, "a/b.sql", f"{IGNORE_FILE} denies it"),
    ],
)
def test_ignore_files_and_names_deny(
    root: Path, home: Path, files: Mapping[str, str], path: str, why: str
) -> None:
    assert denials(root, home, **files).why(str(root / path)) == why


@pytest.mark.parametrize(
    ("rule", "denied", "allowed"),
    [
        ("Read(./secrets/**)", "secrets/a/b.py", "app/secrets.py"),
        ("Read(keys.py)", "app/keys.py", "app/keys.pyi"),
        ("Read(/config/*.py)", "config/prod.py", "app/config/prod.py"),
        ("Read(~/shared/**)", "", "shared/a.py"),
        ("Read", "app/main.py", ""),
        ("Edit(app/**)", "", "app/main.py"),
    ],
)
def test_what_claude_code_may_not_read_is_not_sent(
    root: Path, home: Path, rule: str, denied: str, allowed: str
) -> None:
    settings = {"permissions": {"deny": [rule, 7], "allow": ["Read(**)"]}}
    (root / ".claude" / "settings.local.json").write_text(json.dumps(settings))
    known = denials(root, home)
    if denied:
        assert known.why(str(root / denied)) == "settings.local.json of Claude Code denies it"
    if allowed:
        assert known.why(str(root / allowed)) == ""


def test_absolute_and_home_rules_reach_where_they_say(root: Path, home: Path) -> None:
    rules = [f"Read(/{root}/a.py)", "Read(~/private/**)"]
    (home / ".claude" / "settings.json").write_text(json.dumps({"permissions": {"deny": rules}}))
    known = denials(root, home)
    assert known.why(str(root / "a.py"))
    assert known.why(str(home / "private" / "x.py"))
    assert not known.why(str(root / "b.py"))


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_settings_that_cannot_be_read_deny_everything(root: Path, home: Path, text: str) -> None:
    broken = root / ".claude" / "settings.json"
    broken.write_text(text)
    assert denials(root, home).why(str(root / "a.py")) == (
        f"{broken} cannot be read, so that it is unknown what may be sent"
    )


def test_a_link_is_denied_for_what_it_leads_to(root: Path, home: Path) -> None:
    (root / ".gitignore").write_text("private/\n")
    (root / "private").mkdir()
    (root / "private" / "a.py").write_text("x = 1")
    (root / "open.py").symlink_to(root / "private" / "a.py")
    assert denials(root, home).why(str(root / "open.py")) == "git ignores it"
