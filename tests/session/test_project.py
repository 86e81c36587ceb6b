"""The project in the editor: lenses above routes, symbols, files that change on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from backend_developer import runs
from backend_developer.core.model import Document
from backend_developer.detector import Source
from backend_developer.project.disk import Reading, read_again
from backend_developer.project.extract import facts_of
from backend_developer.project.facts import FileFacts
from session.editor import PUSH, Editor, local_findings, with_capability

CAPABLE = with_capability(
    "workspace.codeLens",
    {"refreshSupport": True},
    with_capability("textDocument.documentSymbol", {"hierarchicalDocumentSymbolSupport": True}),
)
MAIN = """\
from fastapi import FastAPI
import users
app = FastAPI()
app.include_router(users.router, prefix="/api")
"""
USERS = """\
from fastapi import APIRouter, Depends
router = APIRouter(prefix="/users")
@router.get("/{id}")
def show(id: int, user=Depends(current_user)):
    return md5(id)
@router.post("")
def create(): ...
class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
"""
GUARDED = "GET /api/users/{id} · guarded by current_user · 1 finding"
OPEN = "POST /api/users · no guard"


class Disk:
    """Implements Indexer, in this process; one file at a time."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def learn(self, document: Document) -> FileFacts | None:
        return facts_of(Source(document))

    async def read_folder(
        self, folder: str, maximum_files: int, is_open: Callable[[], Collection[str]]
    ) -> AsyncGenerator[tuple[Sequence[FileFacts], bool], None]:
        reading = Reading(Path(folder), maximum_files)
        while True:
            chunk = reading.step(0, is_open())
            yield chunk.facts, chunk.is_cut_short
            await asyncio.sleep(0)
            if chunk.is_done:
                return

    async def read_again(
        self, folder: str, paths: Sequence[str]
    ) -> Sequence[tuple[str, FileFacts | None]]:
        self.asked += paths
        return read_again(paths)


@pytest.fixture
async def shop(
    connect: Callable[..., Editor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Editor:
    """An editor whose folder has an application, and a router that is open."""
    monkeypatch.setattr(runs, "OTHERS_SECONDS", 0.0)
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "users.py").write_text(USERS)
    editor = connect(indexer=Disk())
    await editor.start(CAPABLE, tmp_path)
    editor.open(uri(tmp_path), USERS)
    await editor.settled()
    return editor


def uri(folder: Path, name: str = "users.py") -> str:
    return (folder / name).as_uri()


async def lenses(editor: Editor, of: str) -> list[Any]:
    found: list[Any] = await editor.request("textDocument/codeLens", {"textDocument": {"uri": of}})
    return found


async def titles(editor: Editor, of: str) -> list[str]:
    return [one["command"]["title"] for one in await lenses(editor, of)]


async def symbols(editor: Editor, query: str) -> list[str]:
    found = await editor.request("workspace/symbol", {"query": query})
    return [f"{one['name']} {Path(one['location']['uri']).name}" for one in found]


def refreshes(editor: Editor) -> int:
    return sum(method == "workspace/codeLens/refresh" for method, _ in editor.requests)


async def test_a_lens_says_what_a_route_is_called_by_and_reviews_it(
    shop: Editor, tmp_path: Path
) -> None:
    of = uri(tmp_path)
    first, second = await lenses(shop, of)
    assert [first["command"]["title"], second["command"]["title"]] == [GUARDED, OPEN]
    assert first["range"]["start"] == first["range"]["end"] == {"line": 2, "character": 0}
    command = first["command"]
    answer = await shop.request(
        "workspace/executeCommand",
        {"command": command["command"], "arguments": command["arguments"]},
    )
    assert answer["started"]
    assert command["arguments"][0]["range"]["end"] == shop.range(of, "md5(id)")["end"]


async def test_a_lens_follows_what_is_typed(shop: Editor, tmp_path: Path) -> None:
    of = uri(tmp_path)
    shop.local.by_itself = None  # The engine has not answered yet.
    shop.edit(of, "from fastapi", "import os\nfrom fastapi")
    assert [one["range"]["start"]["line"] for one in await lenses(shop, of)] == [3, 6]
    call = await shop.local.called()
    before = refreshes(shop)
    shop.edit(of, "/{id}", "/{id}/posts")
    shop.local.by_itself = local_findings
    call.say(*local_findings(call.request.document))
    call.end()
    await shop.settled()
    assert refreshes(shop) == before + 1
    assert await titles(shop, of) == [GUARDED.replace("{id}", "{id}/posts"), OPEN]
    assert [one["range"]["start"]["line"] for one in await lenses(shop, of)] == [3, 6]


async def test_other_files_decide_too_in_buffers_and_on_disk(shop: Editor, tmp_path: Path) -> None:
    of, main = uri(tmp_path), uri(tmp_path, "main.py")
    assert await titles(shop, of) == [GUARDED, OPEN]

    # On disk:
    (tmp_path / "main.py").write_text(MAIN.replace("/api", "/v1"))
    shop.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": main, "type": 2}]})
    await shop.settled()
    assert await titles(shop, of) == [GUARDED.replace("/api", "/v1"), OPEN.replace("/api", "/v1")]

    # A buffer stands for its file while it is open, and no longer.
    shop.open(main, MAIN.replace("/api", "/v2"))
    await shop.settled()
    assert await titles(shop, of) == [GUARDED.replace("/api", "/v2"), OPEN.replace("/api", "/v2")]
    shop.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": main, "type": 2}]})
    await shop.settled()
    assert (await titles(shop, of))[1] == OPEN.replace("/api", "/v2")
    shop.close_file(main)
    await shop.settled()
    assert (await titles(shop, of))[1] == OPEN.replace("/api", "/v1")

    (tmp_path / "main.py").unlink()
    shop.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": main, "type": 3}]})
    await shop.settled()
    assert (await titles(shop, of))[1] == "POST /users · no guard"


async def test_news_of_one_file_have_the_others_reviewed_again(
    shop: Editor, tmp_path: Path
) -> None:
    before = len(shop.local.calls)
    shop.open(uri(tmp_path, "main.py"), MAIN)
    await shop.settled()
    assert len(shop.local.calls) == before + 1  # The file says what it said on disk.
    shop.edit(uri(tmp_path, "main.py"), "/api", "/v1")
    await shop.settled()
    reviewed = [Path(call.request.document.path).name for call in shop.local.calls[before + 1 :]]
    # That file too: its review went by what the project said before.
    assert reviewed == ["main.py", "users.py", "main.py"]
    shop.edit(uri(tmp_path, "main.py"), "import users", "import users  # all of them")
    await shop.settled()
    assert len(shop.local.calls) == before + 5  # A comment is no news.


async def test_symbols_of_a_document_lie_in_each_other(shop: Editor, tmp_path: Path) -> None:
    of = uri(tmp_path)
    found = await shop.request("textDocument/documentSymbol", {"textDocument": {"uri": of}})
    assert [one["name"] for one in found] == ["GET /api/users/{id}", "POST /api/users", "User"]
    assert [one["name"] for one in found[2]["children"]] == ["id"]
    assert [one["selectionRange"]["start"]["line"] for one in found] == [2, 5, 7]
    assert [one["range"]["end"]["line"] for one in found] == [4, 6, 9]


async def test_symbols_of_the_workspace(shop: Editor, tmp_path: Path) -> None:
    assert await symbols(shop, "GET /api") == ["GET /api/users/{id} users.py"]
    assert await symbols(shop, "getapi") == ["GET /api/users/{id} users.py"]
    assert await symbols(shop, "user") == [
        "GET /api/users/{id} users.py",
        "POST /api/users users.py",
        "User users.py",
    ]
    assert await symbols(shop, "nothing like it") == []


async def test_a_client_that_knows_flat_symbols_only(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    editor = connect(indexer=Disk())
    await editor.start(PUSH, tmp_path)
    editor.open(uri(tmp_path), USERS)
    await editor.settled()
    params = {"textDocument": {"uri": uri(tmp_path)}}
    found = await editor.request("textDocument/documentSymbol", params)
    assert [one["location"]["range"]["start"]["line"] for one in found] == [2, 5, 7]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({}, [GUARDED, OPEN]),
        ({"codeLens": False}, []),
        ({"projectIndex": False}, [GUARDED.replace("/api", ""), OPEN.replace("/api", "")]),
    ],
)
async def test_settings(
    connect: Callable[..., Editor], tmp_path: Path, setting: Any, expected: list[str]
) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    editor = connect(indexer=Disk())
    editor.settings = setting
    await editor.start(CAPABLE, tmp_path)
    editor.open(uri(tmp_path), USERS)
    await editor.settled()
    assert await titles(editor, uri(tmp_path)) == expected


async def test_a_document_of_no_folder(connect: Callable[..., Editor]) -> None:
    editor = connect(indexer=Disk())
    await editor.start(CAPABLE)
    editor.open("untitled:users", USERS)
    await editor.settled()
    assert (await titles(editor, "untitled:users"))[1] == "POST /users · no guard"
    editor.close_file("untitled:users")
    assert await titles(editor, "untitled:users") == []


async def test_a_folder_that_is_added_and_removed(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    (tmp_path / "users.py").write_text(USERS)
    editor = connect(indexer=Disk())
    await editor.start(CAPABLE)
    folder = {"uri": tmp_path.as_uri(), "name": "shop"}
    for added, removed, count in (([folder], [], 3), ([], [folder], 0)):
        editor.notify(
            "workspace/didChangeWorkspaceFolders", {"event": {"added": added, "removed": removed}}
        )
        await editor.settled()
        assert len(await symbols(editor, "user")) == count


class OneAtATime(Disk):
    """As the worker does, it reads one document after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.learned = 0
        self._turn = asyncio.Lock()

    async def learn(self, document: Document) -> FileFacts | None:
        async with self._turn:
            await asyncio.sleep(0.001)
            self.learned += 1
            return await super().learn(document)


async def test_documents_that_are_opened_at_once_are_looked_at_twice_and_no_more(
    connect: Callable[..., Editor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "OTHERS_SECONDS", 0.001)
    indexer = OneAtATime()
    editor = connect(indexer=indexer)
    await editor.start(CAPABLE, tmp_path)
    for number in range(30):
        name = f"users{number}.py"
        editor.open(uri(tmp_path, name), USERS.replace('"/users"', f'"/users{number}"'))
    await editor.settled()
    assert indexer.learned <= 2 * 30
