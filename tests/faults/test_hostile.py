"""What a repository may be made to do, in short: `hostile.py` is the long run of the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import hostile


async def test_a_project_steers_nothing(tmp_path: Path) -> None:
    assert await hostile.a_project_that_steers(tmp_path / "work")


@pytest.mark.parametrize(
    "report", ["a line that is a text", "an absolute path", "JSON that is nested 100,000 deep"]
)
def test_a_tool_that_lies(tmp_path: Path, report: str) -> None:
    hostile.a_lying_tool(tmp_path / "work", hostile.OUTPUTS[report])


@pytest.mark.parametrize("text", ["billion laughs", "endless sexagesimals"])
def test_settings_that_are_a_bomb(tmp_path: Path, text: str) -> None:
    assert hostile.odd_settings(tmp_path / "work", hostile.SETTINGS[text])


@pytest.mark.parametrize(
    ("language", "place", "unit"),
    [
        pytest.param("sql", "@", "\n", id="empty lines in SQL"),
        pytest.param("yaml", "# @\n", "\n", id="empty lines in YAML"),
        pytest.param("yaml", hostile.PLACES["yaml"][5], "\n", id="empty lines in Compose"),
        pytest.param("dockerfile", "FROM a\nRUN @\n", "chmod -a ", id="options of chmod"),
        pytest.param("dockerfile", "FROM a\nRUN @\n", "curl http://", id="addresses"),
        pytest.param("graphql", "type A { a: Int }\n@", '"\\', id="texts without an end"),
        pytest.param("prisma", "model A {\n a String\n}\n@", '"\\', id="the same in Prisma"),
        pytest.param("sql", "SELECT 1;\n@", "/*a", id="comments without an end"),
        pytest.param("javascript", "@", "a=(", id="functions without an end"),
        pytest.param("python", 'db.execute("@")\n', "SELECT FROM ", id="queries"),
    ],
)
def test_a_text_that_was_made_to_be_slow(
    tmp_path: Path, language: str, place: str, unit: str
) -> None:
    text = place.replace("@", unit * (60_000 // len(unit)))
    assert hostile.reviewed(tmp_path / "work", hostile.NAMES[language], text, 30)
