"""The project in the editor: lenses above routes, symbols, files that change on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from backend_developer import runs, session
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
        self.times_asked = 0
        self.forgotten: list[tuple[str, Sequence[str] | None]] = []

    async def learn(self, document: Document) -> FileFacts | None:
        return facts_of(Source(document))

    async def read_folder(
        self,
        folder: str,
        maximum_files: int,
        is_open: Callable[[], Collection[str]],
        inner: Collection[str] = (),
    ) -> AsyncGenerator[tuple[Sequence[FileFacts], bool], None]:
        reading = Reading(Path(folder), maximum_files, inner)
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
        self.times_asked += 1
        return read_again(Path(folder), paths)

    async def forget(self, folder: str, paths: Sequence[str] | None) -> None:
        self.forgotten.append((folder, paths))


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


@pytest.mark.parametrize("is_silent", [False, True])
async def test_a_change_in_many_documents_refreshes_their_lenses_once(
    shop: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_silent: bool
) -> None:
    monkeypatch.setattr(session, "REFRESH_SECONDS", 0.01)
    if is_silent:
        shop.silent.add("workspace/codeLens/refresh")
    imports = "".join(
        f"import users{number}\napp.include_router(users{number}.router, prefix='/api')\n"
        for number in range(20)
    )
    main, of = uri(tmp_path, "main.py"), [uri(tmp_path, f"users{n}.py") for n in range(20)]
    shop.open(main, MAIN + imports)
    for one in of:
        shop.open(one, USERS)
    await shop.settled()
    for one in of:
        assert (await titles(shop, one))[1] == OPEN
    for prefix, before in (("/v1", "/api"), ("/v2", "/v1")):
        count = refreshes(shop)
        shop.replace(main, (0, len(shop.texts[main]), shop.texts[main].replace(before, prefix)))
        await shop.settled()
        assert count < refreshes(shop) <= count + 2
        for one in of:
            assert (await titles(shop, one))[1] == OPEN.replace("/api", prefix)


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


def folders_change(editor: Editor, added: Sequence[Path], removed: Sequence[Path] = ()) -> None:
    event = {
        name: [{"uri": folder.as_uri(), "name": folder.name} for folder in folders]
        for name, folders in (("added", added), ("removed", removed))
    }
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})


def model(name: str) -> str:
    return f"class {name}(Base):\n    id = Column(Integer, primary_key=True)\n"


async def test_a_file_in_two_folders_belongs_to_the_inner_one(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "one.py").write_text(model("Outer"))
    (inner / "two.py").write_text(model("Inner"))
    editor = connect(indexer=Disk())
    await editor.start(CAPABLE, tmp_path)
    await editor.settled()
    expected = ["Outer one.py", "Inner two.py"]
    for added, removed in (([inner], []), ([], [inner]), ([inner], [tmp_path]), ([tmp_path], [])):
        folders_change(editor, added, removed)
        await editor.settled()
        found = await symbols(editor, "er")
        assert sorted(found) == sorted(expected if tmp_path not in removed else expected[1:])


async def test_a_folder_that_is_removed_while_it_is_read(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    for number in range(20):
        (tmp_path / f"{number}.py").write_text(model(f"Model{number}"))
    indexer = Disk()
    editor = connect(indexer=indexer)
    await editor.start(CAPABLE)
    for waiting in range(5):
        folders_change(editor, [tmp_path])
        for _ in range(waiting * 3):
            await asyncio.sleep(0)
        folders_change(editor, [], [tmp_path])
        await editor.settled()
        assert await symbols(editor, "model") == []
        assert indexer.forgotten[-1] == (str(tmp_path), None)


async def test_a_document_whose_folder_is_added_while_it_is_open(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text(model("User"))
    indexer = Disk()
    editor = connect(indexer=indexer)
    await editor.start(CAPABLE)
    editor.open(uri(tmp_path, "a.py"), model("User"))
    await editor.settled()
    folders_change(editor, [tmp_path])
    await editor.settled()
    assert await symbols(editor, "user") == ["User a.py"]
    assert ("", [str(tmp_path / "a.py")]) in indexer.forgotten
    editor.close_file(uri(tmp_path, "a.py"))
    folders_change(editor, [], [tmp_path])
    await editor.settled()
    assert await symbols(editor, "user") == []


async def test_the_engine_hears_that_a_document_of_no_folder_was_closed(
    connect: Callable[..., Editor],
) -> None:
    indexer = Disk()
    editor = connect(indexer=indexer)
    await editor.start(CAPABLE)
    editor.open("untitled:users", USERS)
    await editor.settled()
    editor.close_file("untitled:users")
    await editor.settled()
    assert indexer.forgotten == [("", ["untitled:users"])]


async def test_a_folder_that_is_moved(connect: Callable[..., Editor], tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "deep").mkdir(parents=True)
    (old / "deep" / "a.py").write_text(model("User"))
    (old / "b.py").write_text(model("UserOrder"))
    editor = connect(indexer=Disk())
    await editor.start(CAPABLE, tmp_path)
    editor.open(uri(old, "b.py"), model("UserInABuffer"))
    await editor.settled()
    old.rename(new)
    changes = [{"uri": old.as_uri(), "type": 3}, {"uri": new.as_uri(), "type": 1}]
    editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    await editor.settled()
    found = await symbols(editor, "user")
    assert sorted(found) == ["User a.py", "UserInABuffer b.py", "UserOrder b.py"]
    editor.close_file(uri(old, "b.py"))
    await editor.settled()
    assert sorted(await symbols(editor, "user")) == ["User a.py", "UserOrder b.py"]


async def test_what_a_reading_leaves_out_is_left_out_when_it_changes(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    names = ["node_modules/a/a.py", ".venv/lib/a.py", "env/lib/a.py", "built/a.py", "src/a.py"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(model("User"))
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("built/\n")
    editor = connect(indexer=Disk())
    await editor.start(CAPABLE, tmp_path)
    await editor.settled()
    assert len(await symbols(editor, "user")) == 1
    changes = [{"uri": uri(tmp_path, name), "type": 1} for name in names]
    editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    await editor.settled()
    assert len(await symbols(editor, "user")) == 1


async def test_files_that_are_told_one_by_one_are_read_together(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    indexer = Disk()
    editor = connect(indexer=indexer)
    await editor.start(CAPABLE, tmp_path)
    await editor.settled()
    for number in range(200):
        (tmp_path / f"{number}.py").write_text(model(f"Model{number}"))
    for number in [*range(200), *range(200)]:
        changes = [{"uri": uri(tmp_path, f"{number}.py"), "type": 2}]
        editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    await editor.settled()
    assert len(indexer.asked) == 200
    assert indexer.times_asked == 10
    assert await symbols(editor, "model199") == ["Model199 199.py"]


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
