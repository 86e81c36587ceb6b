--- What the commands of |backend-developer| do. Nothing waits for the server, except the
--- completion of task names; answers come back as calls.

local server = require('backend_developer.server')

local M = {}

local CHANGE = 'backend-developer.change'
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

--- Where a client's diagnostics are, whether it pushes them or Neovim asks for them.
---@param client vim.lsp.Client
---@return integer[]
local function namespaces(client)
  return {
    vim.lsp.diagnostic.get_namespace(client.id, false),
    vim.lsp.diagnostic.get_namespace(client.id, true),
  }
end

--- A client's diagnostics but for the markers of proposals.
---@param client vim.lsp.Client
---@param buffer integer? nil: in all buffers
---@param line integer? from 0; nil: on all lines
---@return vim.Diagnostic[]
local function findings_in(client, buffer, line)
  local found = vim.diagnostic.get(buffer, { namespace = namespaces(client), lnum = line })
  return vim.tbl_filter(function(one)
    return one.code ~= 'proposal'
  end, found)
end

--- The findings under the cursor, or else those of its line; where there are none, the person is
--- told.
---@param client vim.lsp.Client
---@return vim.Diagnostic[]
local function findings_at_cursor(client)
  local line, column = unpack(vim.api.nvim_win_get_cursor(0))
  local here = findings_in(client, 0, line - 1)
  local under = vim.tbl_filter(function(one)
    local starts_before = one.lnum < line - 1 or one.col <= column
    local ends_behind = one.end_lnum > line - 1 or one.end_col > column
    return starts_before and ends_behind
  end, here)
  if #here == 0 then
    server.tell('there is no finding on this line.')
  end
  return #under > 0 and under or here
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
  local client = server.attached_or_tell()
  if client then
    server.execute(client, 'backend-developer.review', {
      uri = vim.uri_from_bufnr(0),
      task = task or 'everything',
      range = first and {
        start = { line = first - 1, character = 0 },
        ['end'] = { line = last, character = 0 },
      },
    })
  end
end

--- What asks for the code actions that start a task, at a place in the current buffer.
---@param kind 'review'|'change'
---@param range lsp.Range
---@return lsp.CodeActionParams
local function tasks_at(kind, range)
  return {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    range = range,
    context = { diagnostics = {}, only = { 'refactor.backend-developer.' .. kind } },
  }
end

--- Some lines of the current buffer, or the cursor.
---@param client vim.lsp.Client
---@param first? integer the first line, from 1; nil: the cursor
---@param last? integer the last line
---@return lsp.Range
local function range_of(client, first, last)
  if not first then
    return vim.lsp.util.make_range_params(0, client.offset_encoding).range
  end
  return {
    start = { line = first - 1, character = 0 },
    ['end'] = { line = last, character = 0 },
  }
end

--- Has a change made, or something explained; it ends in a proposal, which changes nothing by
--- itself.
---@param task? string a task's name; nil: one of those that fit there is asked for
---@param first? integer the first line, from 1; nil: what is at the cursor
---@param last? integer the last line
function M.change(task, first, last)
  local client = server.attached_or_tell()
  if not client then
    return
  end
  local uri, range = vim.uri_from_bufnr(0), range_of(client, first, last)
  ---@param action? lsp.CodeAction nil: the person gave up
  local function start(action)
    if action then
      M.run(action.command, { client_id = client.id })
    end
  end
  client:request('textDocument/codeAction', tasks_at('change', range), function(failure, actions)
    if failure then
      server.tell(failure.message, vim.log.levels.ERROR)
    elseif task then
      local fitting = vim.iter(actions):find(function(action)
        return action.command.arguments[1].task == task
      end)
      -- Of one that is not offered there, the server says what there is.
      local arguments = { uri = uri, task = task, range = range }
      start(fitting or { command = { command = CHANGE, arguments = { arguments } } })
    elseif #actions == 0 then
      server.tell('no task fits here, or there is no model; see :checkhealth backend_developer')
    else
      local function title_of(action)
        return action.title
      end
      vim.ui.select(actions, { prompt = 'Do what?', format_item = title_of }, start)
    end
  end)
end

--- Has done what the words say; as |:BackendDo| with the task `ask`.
---@param words string
---@param first? integer the first line, from 1; nil: what is at the cursor
---@param last? integer the last line
function M.ask(words, first, last)
  local client = server.attached_or_tell()
  if client then
    server.execute(client, CHANGE, {
      uri = vim.uri_from_bufnr(0),
      task = 'ask',
      range = range_of(client, first, last),
      instruction = words,
    })
  end
end

--- Shows the proposal at the cursor, or else the newest: its diffs and what is said of them, and
--- the keys that take, narrow, refine, discard and undo it.
function M.proposal()
  require('backend_developer.proposals').show()
end

--- Cancels the reviews and tasks that are going on; what reviews have found stays.
function M.cancel()
  local client = server.attached_or_tell()
  if client then
    server.execute(client, 'backend-developer.cancel', {}, function(result)
      if #result.cancelled == 0 then
        server.tell('nothing is going on.')
      end
    end)
  end
end

--- Explains the finding at the cursor in a floating window: why it matters, how to fix it, how
--- sure it is, why a fix is offered or not. Called again, it puts the cursor into that window.
function M.explain()
  local client, bufnr = server.attached_or_tell(), vim.api.nvim_get_current_buf()
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
      server.tell(failure and failure.message or 'the finding is gone.', vim.log.levels.WARN)
      return
    end
    local lines = vim.split(hover.contents.value, '\n')
    local _, window = vim.lsp.util.open_floating_preview(lines, hover.contents.kind, {
      border = 'rounded',
      focus_id = server.NAME,
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
    server.tell(sentence:format(table.concat(SCOPES, ', '), scope), vim.log.levels.ERROR)
    return
  end
  local client, uri = server.attached_or_tell(), vim.uri_from_bufnr(0)
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
        server.execute(client, 'backend-developer.dismiss', arguments)
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
  local client = server.attached_or_tell()
  if not client then
    return
  end
  local items = vim.diagnostic.toqflist(findings_in(client))
  vim.fn.setqflist({}, ' ', { title = 'Findings of backend-developer', items = items })
  if #items == 0 then
    server.tell('no findings in the open files.')
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
  local client = server.attached()
  if not client then
    return ''
  end
  local count = #findings_in(client, 0)
  local titles = vim.tbl_values(client.progress.pending)
  table.sort(titles)
  local going_on = #titles > 0 and (' [%s]'):format(table.concat(titles, ', ')) or ''
  return ('backend: %d%s'):format(count, going_on)
end

--- The tasks that begin with `lead`, of those in the server's menu for the current buffer.
---@param lead string
---@param kind? 'review'|'change' nil: "review"
---@param first? integer the first line that they are for, from 1; nil: the cursor
---@param last? integer the last line
---@return string[]
function M.complete_task(lead, kind, first, last)
  local client = server.attached()
  if not client then
    return {}
  end
  local params = tasks_at(kind or 'review', range_of(client, first, last))
  local answer = client:request_sync('textDocument/codeAction', params, COMPLETION_MILLISECONDS, 0)
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

--- Does what a code action says that has a command. What it asks for is asked first; nothing is done
--- where nothing is answered.
---@param command lsp.Command
---@param context { client_id: integer }
function M.run(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  local arguments = command.arguments[1]
  if not client then
    return
  elseif not arguments.asks then
    server.execute(client, command.command, arguments)
    return
  end
  vim.ui.input({ prompt = arguments.asks .. ' ' }, function(words)
    if words and vim.trim(words) ~= '' then
      local name = command.command == CHANGE and 'instruction' or 'wish'
      local answered = vim.tbl_extend('force', arguments, { [name] = words })
      answered.asks = nil
      server.execute(client, command.command, answered)
    end
  end)
end

--- Makes a client of ours ready, when it is attached to a buffer.
---@param client vim.lsp.Client
---@param buffer integer
function M.attached(client, buffer)
  -- Neovim's own handler ends each message with a line break, so that the person has to press ENTER.
  client.handlers['window/showMessage'] = function(_, params)
    local levels = { vim.log.levels.ERROR, vim.log.levels.WARN }
    server.tell(params.message, levels[params.type])
    return params
  end
  client.handlers['backend-developer/proposal'] = function(_, params)
    require('backend_developer.proposals').arrived(client, params)
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
