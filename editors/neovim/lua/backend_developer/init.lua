--- What the commands of |backend-developer| do. Nothing waits for the server, except the
--- completion of task names; answers come back as calls.

local M = {}

local NAME = 'backend_developer'
local SCOPES = { 'here', 'file', 'everywhere' }
local COMPLETION_MILLISECONDS = 1000
local DEFAULTS = { progress = true, virtual_text = true }

--- The autocommand that keeps status lines up to date; nil: nobody has ours.
---@type integer?
local redraws

--- What `vim.g.backend_developer` says, or the default.
---@param name 'progress'|'virtual_text'
---@return boolean
local function option(name)
  return vim.tbl_extend('force', DEFAULTS, vim.g.backend_developer or {})[name]
end

---@param sentence string
---@param level? vim.log.levels
local function tell(sentence, level)
  vim.notify('backend-developer: ' .. sentence, level or vim.log.levels.INFO)
end

---@return vim.lsp.Client?
local function attached_client()
  return vim.lsp.get_clients({ bufnr = 0, name = NAME })[1]
end

--- The same; where there is none, the person is told.
---@return vim.lsp.Client?
local function client_or_tell()
  local client = attached_client()
  if not client then
    local sentence = 'not running in this buffer; see :checkhealth backend_developer'
    tell(sentence, vim.log.levels.WARN)
  end
  return client
end

--- Where a client's diagnostics are, whether it pushes them or Neovim asks for them.
---@param client vim.lsp.Client
---@return integer[]
local function namespaces(client)
  return {
    vim.lsp.diagnostic.get_namespace(client.id, false),
    vim.lsp.diagnostic.get_namespace(client.id, true),
  }
end

--- The findings under the cursor, or else those of its line; where there are none, the person is
--- told.
---@param client vim.lsp.Client
---@return vim.Diagnostic[]
local function findings_at_cursor(client)
  local line, column = unpack(vim.api.nvim_win_get_cursor(0))
  local here = vim.diagnostic.get(0, { namespace = namespaces(client), lnum = line - 1 })
  local under = vim.tbl_filter(function(one)
    local starts_before = one.lnum < line - 1 or one.col <= column
    local ends_behind = one.end_lnum > line - 1 or one.end_col > column
    return starts_before and ends_behind
  end, here)
  if #here == 0 then
    tell('there is no finding on this line.')
  end
  return #under > 0 and under or here
end

--- Asks the server for a command. `done` gets its answer; a failure, or the reason why nothing was
--- done, is told to the person.
---@param client vim.lsp.Client
---@param command string
---@param arguments table
---@param done? fun(result: table)
local function execute(client, command, arguments, done)
  local params = { command = command, arguments = { arguments } }
  client:request('workspace/executeCommand', params, function(failure, result)
    if failure then
      tell(failure.message, vim.log.levels.ERROR)
    elseif result.reason then
      tell(result.reason, vim.log.levels.WARN)
    elseif done then
      done(result)
    end
  end)
end

---@param lead string
---@param words string[]
---@return string[]
local function beginning_with(lead, words)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, words)
end

--- Starts a review of some lines of the current buffer, or of all of it. Findings come as
--- diagnostics, the end as a message.
---@param task? string a task's name; nil: "everything"
---@param first? integer the first line, from 1; nil: the whole buffer
---@param last? integer the last line
function M.review(task, first, last)
  local client = client_or_tell()
  if client then
    execute(client, 'backend-developer.review', {
      uri = vim.uri_from_bufnr(0),
      task = task or 'everything',
      range = first and {
        start = { line = first - 1, character = 0 },
        ['end'] = { line = last, character = 0 },
      },
    })
  end
end

--- Cancels the reviews that are going on; what they have found stays.
function M.cancel()
  local client = client_or_tell()
  if client then
    execute(client, 'backend-developer.cancel', vim.empty_dict(), function(result)
      if #result.cancelled == 0 then
        tell('no review is going on.')
      end
    end)
  end
end

--- Explains the finding at the cursor in a floating window: why it matters, how to fix it, how
--- sure it is, why a fix is offered or not. Called again, it puts the cursor into that window.
function M.explain()
  local client, bufnr = client_or_tell(), vim.api.nvim_get_current_buf()
  local finding = client and findings_at_cursor(client)[1]
  if not client or not finding then
    return
  end
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    position = finding.user_data.lsp.range.start,
  }
  client:request('textDocument/hover', params, function(failure, hover)
    if failure or not hover then
      tell(failure and failure.message or 'the finding is gone.', vim.log.levels.WARN)
      return
    end
    local lines = vim.split(hover.contents.value, '\n')
    local _, window = vim.lsp.util.open_floating_preview(lines, hover.contents.kind, {
      border = 'rounded',
      focus_id = NAME,
      max_width = 80,
      title = 'backend-developer',
    })
    vim.wo[window].linebreak = true
  end, bufnr)
end

--- Dismisses the finding at the cursor, after asking which, if there are several, and why.
---@param scope? string "here" (also when nil), "file" or "everywhere"
function M.dismiss(scope)
  scope = scope or SCOPES[1]
  if not vim.list_contains(SCOPES, scope) then
    local sentence = 'a finding can be dismissed %s; "%s" is none of these.'
    tell(sentence:format(table.concat(SCOPES, ', '), scope), vim.log.levels.ERROR)
    return
  end
  local client, uri = client_or_tell(), vim.uri_from_bufnr(0)
  local findings = client and findings_at_cursor(client) or {}
  if not client or #findings == 0 then
    return
  end
  ---@param finding? vim.Diagnostic nil: the person gave up
  local function ask_why(finding)
    if not finding then
      return
    end
    local prompt = ('Dismiss %s (%s), because: '):format(finding.code, scope)
    vim.ui.input({ prompt = prompt, default = 'false positive' }, function(reason)
      if reason then
        local id = finding.user_data.lsp.data.id
        local arguments = { uri = uri, id = id, scope = scope, reason = reason }
        execute(client, 'backend-developer.dismiss', arguments)
      end
    end)
  end
  if #findings == 1 then
    ask_why(findings[1])
    return
  end
  vim.ui.select(findings, {
    prompt = 'Dismiss which finding?',
    format_item = function(finding)
      return finding.message
    end,
  }, ask_why)
end

--- Puts the findings of all open files into the quickfix list and opens it, if there are any.
function M.findings()
  local client = client_or_tell()
  if not client then
    return
  end
  local found = vim.diagnostic.get(nil, { namespace = namespaces(client) })
  local items = vim.diagnostic.toqflist(found)
  vim.fn.setqflist({}, ' ', { title = 'Findings of backend-developer', items = items })
  if #items == 0 then
    tell('no findings in the open files.')
  else
    vim.cmd('botright copen')
  end
end

--- For 'statusline': `backend: 3`, and the titles of the reviews that are going on; "" where the
--- server is not attached to the buffer.
---@return string
function M.statusline()
  if not redraws then
    -- Neovim draws a status line again when the cursor moves, not when diagnostics come.
    local events = { 'DiagnosticChanged', 'LspAttach', 'LspDetach', 'LspProgress' }
    redraws = vim.api.nvim_create_autocmd(events, {
      group = vim.api.nvim_create_augroup('backend_developer_statusline', {}),
      callback = function()
        vim.cmd('redrawstatus!')
      end,
    })
  end
  local client = attached_client()
  if not client then
    return ''
  end
  local count = #vim.diagnostic.get(0, { namespace = namespaces(client) })
  local titles = vim.tbl_values(client.progress.pending)
  table.sort(titles)
  local going_on = #titles > 0 and (' [%s]'):format(table.concat(titles, ', ')) or ''
  return ('backend: %d%s'):format(count, going_on)
end

--- The tasks that begin with `lead`, of those in the server's menu for the current buffer.
---@param lead string
---@return string[]
function M.complete_task(lead)
  local client = attached_client()
  if not client then
    return {}
  end
  local start = { line = 0, character = 0 }
  local answer = client:request_sync('textDocument/codeAction', {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    range = { start = start, ['end'] = start },
    context = { diagnostics = {}, only = { 'refactor.backend-developer.review' } },
  }, COMPLETION_MILLISECONDS, 0)
  local tasks = vim.tbl_map(function(action)
    return action.command.arguments[1].task
  end, answer and answer.result or {})
  return beginning_with(lead, tasks)
end

--- The scopes of |:BackendDismiss| that begin with `lead`.
---@param lead string
---@return string[]
function M.complete_scope(lead)
  return beginning_with(lead, SCOPES)
end

--- Does what a code action says that has a command.
---@param command lsp.Command
---@param context { client_id: integer }
function M.run(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  if client then
    execute(client, command.command, command.arguments[1])
  end
end

--- Makes a client of ours ready, when it is attached to a buffer.
---@param client vim.lsp.Client
---@param buffer integer
function M.attached(client, buffer)
  -- Neovim's own handler ends each message with a line break, so that the person has to press ENTER.
  client.handlers['window/showMessage'] = function(_, params)
    local levels = { vim.log.levels.ERROR, vim.log.levels.WARN }
    tell(params.message, levels[params.type])
    return params
  end
  local chosen = vim.diagnostic.config() or {}
  if option('virtual_text') and not (chosen.virtual_text or chosen.virtual_lines) then
    for _, namespace in ipairs(namespaces(client)) do
      vim.diagnostic.config({ virtual_text = true }, namespace)
    end
  end
  if client:supports_method('textDocument/codeLens') then
    local function show_lenses()
      vim.lsp.codelens.refresh({ bufnr = buffer })
    end
    show_lenses()
    vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged' }, {
      group = vim.api.nvim_create_augroup('backend_developer_lenses_' .. buffer, {}),
      buffer = buffer,
      callback = show_lenses,
    })
  end
end

--- Says how a review gets on.
---@param value lsp.WorkDoneProgressBegin|lsp.WorkDoneProgressReport|lsp.WorkDoneProgressEnd
function M.progressed(value)
  local is_typing_a_command = vim.startswith(vim.api.nvim_get_mode().mode, 'c')
  if not option('progress') or is_typing_a_command then
    return
  end
  local is_over = value.kind == 'end'
  -- Neovim hands the title on to all reports. The last one's message names the engine by itself.
  local title = is_over and value.title:gsub(' %b()$', '') or value.title
  local text = ('%s: %s'):format(title, value.message or '')
  -- A longer text would make the person press ENTER.
  text = vim.fn.strcharpart(text, 0, math.max(vim.v.echospace, 1))
  vim.api.nvim_echo({ { text } }, is_over, {})
end

return M
