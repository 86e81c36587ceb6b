from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from backend_developer.review import Indexer
from session.editor import Editor


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Editor]]:
    """Makes editors, not started yet; says goodbye for each at the end."""
    editors: list[Editor] = []

    def make(agent: bool = False, indexer: Indexer | None = None) -> Editor:
        editors.append(Editor(agent, indexer))
        return editors[-1]

    yield make
    for editor in editors:
        if editor.session.profile and not editor.server._is_shut_down:
            await editor.request("shutdown", None)
        await editor.settled()
        # Nothing waits for the client any more, and nothing was kept of what it asked.
        assert not editor.server._asked


@pytest.fixture
async def editor(connect: Callable[..., Editor]) -> Editor:
    """A started editor with a server that has the local engine only."""
    editor = connect()
    await editor.start()
    return editor


@pytest.fixture
async def with_agent(connect: Callable[..., Editor]) -> Editor:
    """A started editor with a server that has an agent too."""
    editor = connect(agent=True)
    await editor.start()
    return editor
