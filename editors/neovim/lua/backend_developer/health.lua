--- :checkhealth backend_developer

local M = {}

local health = vim.health

---@param program string
---@return boolean
local function check_program(program)
  if vim.fn.executable(program) == 0 then
    health.error(
      ('`%s` cannot be executed.'):format(program),
      "Install it with `pipx install 'backend-developer[linters]'`, or set its path: "
        .. "vim.lsp.config('backend_developer', { cmd = { '/path/to/backend-developer', 'serve' } })"
    )
    return false
  end
  local answer = vim.system({ program, '--version' }, { text = true }):wait(10000)
  if answer.code ~= 0 then
    health.error(('`%s --version` failed: %s'):format(program, answer.stderr))
    return false
  end
  health.ok(('%s, at %s'):format(vim.trim(answer.stdout), vim.fn.exepath(program)))
  return true
end

---@param client vim.lsp.Client
local function check_client(client)
  local root = client.root_dir or 'none, so that findings can be dismissed by a comment only'
  health.ok(('It is running (client %d). Workspace folder: %s'):format(client.id, root))
  local request = { command = 'backend-developer.status', arguments = { vim.empty_dict() } }
  local answer = client:request_sync('workspace/executeCommand', request, 3000)
  if not answer or not answer.result then
    health.error('It does not answer.', 'Look into ' .. vim.lsp.log.get_filename())
    return
  end
  for _, document in ipairs(answer.result.documents) do
    local name = vim.fn.fnamemodify(vim.uri_to_fname(document.uri), ':~:.')
    health.info(('%s: engine %s, findings: %d'):format(name, document.engine, document.findings))
  end
  for _, linter in ipairs(answer.result.missingLinters) do
    health.warn(
      ('`%s` is not installed, so less is found in %s.'):format(linter.program, linter.findsIn),
      "Install it with `pipx install 'backend-developer[linters]'`."
    )
  end
  for _, run in ipairs(answer.result.runs) do
    health.info(('Going on: %s, findings so far: %d'):format(run.title, run.findings))
  end
end

function M.check()
  health.start('backend-developer')
  if vim.fn.has('nvim-0.11') == 0 then
    health.error('Neovim 0.11 or newer is needed.')
    return
  end
  local config = vim.lsp.config.backend_developer
  if not config then
    health.error(
      'Its configuration, lsp/backend_developer.lua, is not on the runtime path.',
      'See :help backend-developer-install'
    )
    return
  end
  if type(config.cmd) == 'table' and not check_program(config.cmd[1]) then
    return
  end
  if vim.lsp.is_enabled('backend_developer') then
    health.ok('It is enabled.')
  else
    health.warn('It is not enabled.', "Put vim.lsp.enable('backend_developer') into your init.lua.")
  end
  if vim.env.ANTHROPIC_API_KEY or vim.env.ANTHROPIC_BASE_URL then
    health.ok('A key or a base URL is set: reviews ask the agent, too.')
  else
    health.info(
      'Neither ANTHROPIC_API_KEY nor ANTHROPIC_BASE_URL is set: only the local engine reviews.'
    )
  end
  local clients = vim.lsp.get_clients({ name = 'backend_developer' })
  for _, client in ipairs(clients) do
    check_client(client)
  end
  if #clients == 0 then
    local languages = table.concat(config.filetypes, ', ')
    health.info('It is not running. It starts with the first file of: ' .. languages)
  end
end

return M
