-- backend-developer for Neovim 0.11 and newer.
--
-- Put this folder on the runtime path (or copy this file to ~/.config/nvim/lsp/) and add
--   vim.lsp.enable('backend_developer')
-- to your configuration. Code actions are on `gra`, hover is on `K`.

---@type vim.lsp.Config
return {
  cmd = { 'backend-developer', 'serve' },
  filetypes = {
    'python',
    'javascript',
    'javascriptreact',
    'typescript',
    'typescriptreact',
    'sql',
    'dockerfile',
    'yaml',
    'yaml.docker-compose',
    'yaml.github',
    'json',
    'graphql',
    'prisma',
  },
  -- What stands above a route follows from other files too, so the server says when it is another.
  capabilities = { workspace = { codeLens = { refreshSupport = true } } },
  handlers = {
    ['workspace/codeLens/refresh'] = function(_, _, context)
      -- Not `vim.lsp.codelens.refresh`, which does nothing while an older request is under way.
      local client = assert(vim.lsp.get_client_by_id(context.client_id))
      for buffer in pairs(client.attached_buffers) do
        local params = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
        client:request('textDocument/codeLens', params, vim.lsp.codelens.on_codelens, buffer)
      end
      return vim.NIL
    end,
  },
  root_markers = { '.backend-developer.yml', 'pyproject.toml', 'package.json', '.git' },
}
