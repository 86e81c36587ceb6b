"""The project over stdio: files on disk are read, and routes are lenses and symbols."""

from __future__ import annotations

from lsprotocol import types

from e2e.conftest import Client, until

APP = """\
from fastapi import APIRouter, Depends

router = APIRouter()


@router.get("/users/{id}")
def show(id: int, user=Depends(get_current_user)):
    return {}
"""
MAIN = """\
from fastapi import FastAPI
from app import router

main = FastAPI()
main.include_router(router, prefix="/api")
"""


async def test_lenses_and_symbols(client: Client) -> None:
    # Read again when the client says that it is there: it may have come after the folder was read.
    main = client.folder / "main.py"
    main.write_text(MAIN)
    client.lsp.workspace_did_change_watched_files(
        types.DidChangeWatchedFilesParams(
            [types.FileEvent(main.as_uri(), types.FileChangeType.Created)]
        )
    )
    client.open(APP)
    document = types.TextDocumentIdentifier(client.uri)

    async def titles() -> list[str]:
        lenses = await client.lsp.text_document_code_lens_async(types.CodeLensParams(document))
        return [lens.command.title for lens in lenses or () if lens.command]

    async def is_known() -> bool:
        return await titles() == ["GET /api/users/{id} · guarded by get_current_user"]

    await until(is_known)
    symbols = await client.lsp.text_document_document_symbol_async(
        types.DocumentSymbolParams(document)
    )
    assert [symbol.name for symbol in symbols or ()] == ["GET /api/users/{id}"]
    found = await client.lsp.workspace_symbol_async(types.WorkspaceSymbolParams("get users"))
    assert [symbol.name for symbol in found or ()] == ["GET /api/users/{id}"]
