-- Commands and messages; the server itself is described in lsp/backend_developer.lua.
-- Nothing here needs a call of `setup()`, and nothing is loaded before it is used.

if vim.g.loaded_backend_developer or vim.fn.has('nvim-0.11') == 0 then
  return
end
vim.g.loaded_backend_developer = true

local command = vim.api.nvim_create_user_command

-- The lines of a range; nil where none was given.
local function lines_of(args)
  if args.range > 0 then
    return args.line1, args.line2
  end
end

command('BackendReview', function(args)
  require('backend_developer').review(args.fargs[1], lines_of(args))
end, {
  range = true,
  nargs = '?',
  complete = function(lead)
    return require('backend_developer').complete_task(lead)
  end,
  desc = 'Review the range, or the whole buffer',
})

command('BackendDo', function(args)
  require('backend_developer').change(args.fargs[1], lines_of(args))
end, {
  range = true,
  nargs = '?',
  complete = function(lead, line)
    local is_command, parsed = pcall(vim.api.nvim_parse_cmd, line, {})
    local range = is_command and parsed.range or {}
    local first, last = range[1], range[2] or range[1]
    return require('backend_developer').complete_task(lead, 'change', first, last)
  end,
  desc = 'Have the range, or what is at the cursor, changed or explained',
})

command('BackendAsk', function(args)
  require('backend_developer').ask(args.args, lines_of(args))
end, { range = true, nargs = '+', desc = 'Have done what the words say, for the range' })

command('BackendProposal', function()
  require('backend_developer').proposal()
end, { desc = 'Show the proposed change at the cursor, or the newest' })

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

-- Asks a person for what a task needs to know, shows proposed changes.
-- Said here, since the server's description alone can do none of it.
vim.lsp.config('backend_developer', {
  capabilities = {
    experimental = { backendDeveloper = { asks = true, proposals = true } },
  },
})

-- By default Neovim throws away what a command of a code action answers, and with it the reason
-- why nothing happened.
for _, name in ipairs({
  'review',
  'dismiss',
  'change',
  'refine',
  'narrow',
  'allowDependency',
  'discard',
}) do
  vim.lsp.commands['backend-developer.' .. name] = function(picked, context)
    require('backend_developer').run(picked, context)
  end
end

vim.lsp.commands['backend-developer.preview'] = function(picked)
  require('backend_developer.proposals').show(picked.arguments[1].id)
end

-- Comes with the edit that takes a proposal, or undoes it.
vim.lsp.commands['backend-developer.applied'] = function(picked, context)
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  require('backend_developer.proposals').applied(client, picked.arguments[1])
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
