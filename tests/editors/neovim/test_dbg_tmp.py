import time
from editors.neovim.driver import Neovim
from editors.neovim.conftest import nvim
from editors.neovim.test_project import *
def test_x(nvim):
    (nvim.folder / "main.py").write_text(MAIN)
    nvim.open(USERS, "users.py")
    until(lambda: lenses(nvim) == SHOWN, lambda: (lenses(nvim), nvim.messages()))
    nvim.keys("ggOimport os<Esc>")
    time.sleep(3)
    nvim.open(MAIN.replace('"/api"', '"/v2"'), "main.py")
    time.sleep(3)
    print(nvim.lua("return {vim.api.nvim_buf_get_name(0), vim.bo.filetype, #vim.lsp.get_clients({bufnr=0}), vim.api.nvim_buf_get_lines(0,0,-1,true)}"))
    nvim.lua("vim.cmd.buffer('users.py')")
    time.sleep(2)
    print(lenses(nvim))
    print(nvim.lua("local r = {} for _, a in pairs(vim.lsp.buf_request_sync(0,'textDocument/codeLens',{textDocument=vim.lsp.util.make_text_document_params()})) do for _, l in ipairs(a.result) do table.insert(r, l.command.title) end end return r"))
    print(nvim.messages())
    assert 0
