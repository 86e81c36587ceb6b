-- Commands and messages; the server itself is described in lsp/backend_developer.lua.
-- Nothing here needs a call of `setup()`, and nothing is loaded before it is used.

if vim.g.loaded_backend_developer or vim.fn.has('nvim-0.11') == 0 then
  return
end
vim.g.loaded_backend_developer = true

local command = vim.api.nvim_create_user_command

command('BackendReview', function(args)
  local is_whole = args.range == 0
  require('backend_developer').review(
    args.fargs[1],
    not is_whole and args.line1 or nil,
    not is_whole and args.line2 or nil
  )
end, {
  range = true,
  nargs = '?',
  complete = function(lead)
    return require('backend_developer').complete_task(lead)
  end,
  desc = 'Review the range, or the whole buffer',
})

command('BackendCancel', function()
  require('backend_developer').cancel()
end, { desc = 'Cancel the reviews that are running' })

command('BackendExplain', function()
  require('backend_developer').explain()
end, { desc = 'Explain the finding at the cursor' })

command('BackendDismiss', function(args)
  require('backend_developer').dismiss(args.fargs[1])
end, {
  nargs = '?',
  complete = function(lead)
    return require('backend_developer').complete_scope(lead)
  end,
  desc = 'Dismiss the finding at the cursor',
})

command('BackendFindings', function()
  require('backend_developer').findings()
end, { desc = 'Show the findings of all open files in the quickfix list' })

-- By default Neovim throws away what a command of a code action answers, and with it the reason
-- why nothing happened.
for _, name in ipairs({ 'backend-developer.review', 'backend-developer.dismiss' }) do
  vim.lsp.commands[name] = function(picked, context)
    require('backend_developer').run(picked, context)
  end
end

local group = vim.api.nvim_create_augroup('backend_developer', {})

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'backend_developer' then
      require('backend_developer').attached(client, event.buf)
    end
  end,
})

vim.api.nvim_create_autocmd('LspProgress', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'backend_developer' then
      require('backend_developer').progressed(event.data.params.value)
    end
  end,
})
