-- backend-developer for Neovim 0.11 and newer.
--
-- Put this folder on the runtime path (or copy this file to ~/.config/nvim/lsp/) and add
--   vim.lsp.enable('backend_developer')
-- to your configuration. Code actions are on `gra`, hover is on `K`.

---@type vim.lsp.Config
return {
  cmd = { 'backend-developer', 'serve' },
  filetypes = { 'python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact' },
  root_markers = { '.backend-developer.yml', 'pyproject.toml', 'package.json', '.git' },
}
