"""Answers of a batch that arrive while the editor is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_developer import arrivals
from backend_developer.batches import Collected
from backend_developer.settings import Settings
from session.editor import Editor, finding, until

CODE = "a = eval(x)\n"


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "LOOK_SECONDS", 0.02)


async def test_answers_are_told_and_shown_where_their_file_is_open(
    tmp_path: Path, looks_often: None
) -> None:
    path = tmp_path / "app.py"
    path.write_text(CODE)
    arrived: list[Collected] = []

    async def collect(settings: Settings, root: str) -> Collected:
        assert root == str(tmp_path)
        return arrived.pop() if arrived else Collected()

    editor = Editor(agent=True, collect=collect)
    await editor.start(folder=tmp_path)
    editor.open(path.as_uri(), CODE)
    await until(lambda: editor.session.documents)
    arrived.append(Collected((str(path), str(tmp_path / "other.py")), ("security",)))
    call = await editor.agent.called()
    assert call.request.only_kept
    call.say(finding("eval(x)"))
    call.end()
    await until(lambda: editor.diagnostics(path.as_uri()))
    assert any("answers about 2 files have come" in one for one in editor.messages())
    await editor.request("shutdown", None)


async def test_what_goes_wrong_is_said_once_and_looked_at_again(
    tmp_path: Path, looks_often: None
) -> None:
    looks = 0

    async def collect(settings: Settings, root: str) -> Collected:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise OSError("no network")
        return Collected(problems=("The batch b cannot be asked after: no.",))

    editor = Editor(agent=True, collect=collect)
    await editor.start(folder=tmp_path)
    await until(lambda: looks > 4)
    said = [one for one in editor.messages() if "cannot be asked after" in one]
    assert said == ["The batch b cannot be asked after: no."]
    await editor.request("shutdown", None)
