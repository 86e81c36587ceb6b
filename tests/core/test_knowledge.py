"""The paths that knowledge of libraries is about: as text where that says all, else as patterns."""

from __future__ import annotations

import re

import pytest

from backend_developer.core.knowledge import ModulePaths, PathPattern


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (r"os\.system", ["os.system"], ["os.systems", "osXsystem", "a.os.system", ""]),
        (r"pg\-promise\(\)\.any", ["pg-promise().any"], ["pg-promise.any", r"pg\-promise().any"]),
        (r"@hapi\.wreck", ["@hapi.wreck"], ["hapi.wreck"]),
        (r"\$\.get", ["$.get"], [".get", "$get"]),
        (r".+\.execute", ["db.execute", "a.b().execute"], [".execute", "execute"]),
        (r"re\.\w+", ["re.match", "re.w"], [r"re.\w", "re."]),
        (r"a|b", ["a", "b"], ["a|b"]),
        (r"call$", ["call"], ["call$"]),
    ],
)
def test_a_pattern_matches_whole_paths_as_its_expression_does(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    one = PathPattern(pattern)
    for path in (*matching, *others):
        assert one.matches(path) == (path in matching) == bool(re.fullmatch(pattern, path)), path


@pytest.mark.parametrize(
    ("path", "is_in"),
    [
        ("users", True),
        ("users()", True),
        ("users.find", True),
        ("users().find().all", True),
        ("app.models.User", True),
        ("users_of", False),
        ("usersfind", False),
        ("app", False),
        ("my.users.find", False),
        ("", False),
    ],
)
def test_what_is_in_a_module_starts_with_its_whole_name(path: str, is_in: bool) -> None:
    assert ModulePaths(["app.models", "users"]).matches(path) is is_in
