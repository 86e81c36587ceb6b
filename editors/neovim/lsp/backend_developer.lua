-- backend-developer for Neovim 0.11 and newer.
--
-- Put this folder on the runtime path (or copy this file to ~/.config/nvim/lsp/) and add
--   vim.lsp.enable('backend_developer')
-- to your configuration. Code actions are on `gra`, hover is on `K`.

---@type vim.lsp.Config
return {
  cmd = { 'backend-developer', 'serve' },
  filetypes = { 'python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact' },
  -- What stands above a route follows from other files too, so the server says when it is another.
  capabilities = { workspace = { codeLens = { refreshSupport = true } } },
  handlers = {
    ['workspace/codeLens/refresh'] = function(_, _, context)
      -- Soon: Neovim passes over a refresh while it draws what the one before it brought.
      vim.defer_fn(function()
        for _, buffer in ipairs(vim.lsp.get_buffers_by_client_id(context.client_id)) do
          vim.lsp.codelens.refresh({ bufnr = buffer })
        end
      end, 50)
      return vim.NIL
    end,
  },
  root_markers = { '.backend-developer.yml', 'pyproject.toml', 'package.json', '.git' },
}
