"""What the project's knowledge looks like in a real Neovim: lenses above routes, symbols."""

from __future__ import annotations

from editors.neovim.driver import Neovim
from editors.support import until

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
def show(id: int, user=Depends(get_current_user)):
    return eval(user.name)


@router.get("/{id}/posts")
def posts(id: int):
    return []
"""
SHOWN = [
    [5, "GET /api/users/{id} · guarded by get_current_user · 1 finding"],
    [10, "GET /api/users/{id}/posts · no guard"],
]


def lenses(nvim: Neovim) -> list[list[object]]:
    """(Line, text) of the lenses that are on the screen."""
    found = nvim.lua("""
        local shown = {}
        for name, namespace in pairs(vim.api.nvim_get_namespaces()) do
          if name:find('codelens') then
            for _, mark in ipairs(
              vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
              local chunks = mark[4].virt_text or (mark[4].virt_lines or {})[1] or {}
              local text = ''
              for _, chunk in ipairs(chunks) do text = text .. chunk[1] end
              table.insert(shown, { mark[2], vim.trim(text) })
            end
          end
        end
        return shown
    """)
    return sorted(found)


def test_lenses_stand_above_the_routes(nvim: Neovim) -> None:
    (nvim.folder / "main.py").write_text(MAIN)
    nvim.open(USERS, "users.py")
    until(lambda: lenses(nvim) == SHOWN, lambda: (lenses(nvim), nvim.messages()))

    # It goes with the text, and says what is true of it.
    nvim.keys("ggOimport os<Esc>")
    moved = [[line + 1, text] for line, text in SHOWN]
    until(lambda: lenses(nvim) == moved, lambda: lenses(nvim))
    # Another file decides where the routes are.
    nvim.open(MAIN.replace('"/api"', '"/v2"'), "main.py")
    nvim.lua("vim.cmd.buffer('users.py')")
    until(lambda: "GET /v2/users/{id} ·" in str(lenses(nvim)), lambda: lenses(nvim))

    # The lens's command reviews its route, and shows what else is found in it.
    nvim.lua("vim.api.nvim_win_set_cursor(0, { 7, 0 }); vim.lsp.codelens.run()")
    until(lambda: any("engine: local" in one["message"] for one in nvim.progress("end")))


def test_routes_are_symbols(nvim: Neovim) -> None:
    (nvim.folder / "main.py").write_text(MAIN)
    nvim.open(USERS, "users.py")
    until(lambda: lenses(nvim) == SHOWN, lambda: lenses(nvim))
    names = nvim.lua("""
        local answers = vim.lsp.buf_request_sync(
          0, 'textDocument/documentSymbol',
          { textDocument = vim.lsp.util.make_text_document_params() })
        local names = {}
        for _, answer in pairs(answers) do
          for _, symbol in ipairs(answer.result) do table.insert(names, symbol.name) end
        end
        return names
    """)
    assert names == ["GET /api/users/{id}", "GET /api/users/{id}/posts"]
    found = nvim.lua("""
        local query = { query = 'get users posts' }
        local answers = vim.lsp.buf_request_sync(0, 'workspace/symbol', query)
        local found = {}
        for _, answer in pairs(answers) do
          for _, symbol in ipairs(answer.result) do
            table.insert(found, { symbol.name, symbol.location.range.start.line })
          end
        end
        return found
    """)
    assert found == [["GET /api/users/{id}/posts", 10]]
