--- Changes that the server offers: shown in a buffer of their own, taken there whole or in part.
---
--- Nothing is applied but what the person picks, by a key here or as a code action, and the edit is
--- asked for at that moment.

local server = require('backend_developer.server')

local M = {}

local LEFT_OUT = vim.api.nvim_create_namespace('backend_developer_left_out')
local KEYS = {
  { 'a', 'take', 'Take what is not left out' },
  { 'x', 'toggle', 'Leave the hunk or the file out, or take it in again' },
  { 'r', 'refine', 'Have it otherwise' },
  { 'd', 'discard', 'Discard it' },
  { 'u', 'undo', 'Undo it' },
  { 'q', 'close', 'Close' },
}

---@class backend_developer.File
---@field path string
---@field state 'waiting'|'given'|'taken'|'edited'|'touched'
---@field diff string
---@field added integer lines
---@field removed integer lines
---@field hunks integer how many edits it has
---@field places { first: integer, last: integer }[] their lines in the text before, from 0

---@class backend_developer.Proposal what the command `backend-developer.proposals` answers
---@field id string
---@field title string
---@field uri string
---@field line integer
---@field state 'refused'|'answered'|'taken'|'touched'|'waiting for yes'|'offered'
---@field explanation string
---@field reasons string[]
---@field files backend_developer.File[]
---@field dependencies { name: string, version: string, why: string, isAllowed: boolean }[]
---@field steps { kind: string, text: string }[]
---@field unchecked string[]
---@field proof? { command: string, passed: boolean, output: string, problem: string }
---@field model string
---@field runId string

--- Some lines of a view, from 0, that show edits of a file, by their numbers from 0.
---@class backend_developer.Part
---@field path string
---@field first integer
---@field last integer
---@field edits integer[]
---@field is_file boolean the lines above a file's hunks

---@class backend_developer.View
---@field buffer integer
---@field client vim.lsp.Client
---@field proposal backend_developer.Proposal
---@field parts backend_developer.Part[] in the order of their lines; a file's before its hunks'
---@field left_out table<string, table<integer, true>> by path, the numbers of edits

---@type table<integer, backend_developer.View> by buffer
local views = {}
--- The runs that check a part which the person has taken already.
---@type table<string, true>
local taken_parts = {}

-- What is shown

---@param proposal backend_developer.Proposal
---@return string
local function counted(proposal)
  local added, removed = 0, 0
  for _, file in ipairs(proposal.files) do
    added, removed = added + file.added, removed + file.removed
  end
  local files = #proposal.files == 1 and 'file' or 'files'
  return ('%d %s, +%d −%d'):format(#proposal.files, files, added, removed)
end

---@param proof { command: string, passed: boolean, output: string, problem: string }
---@return string
local function proof_of(proof)
  if proof.problem ~= '' then
    return proof.problem
  elseif proof.passed then
    return ('`%s` passes with it.'):format(proof.command)
  end
  return ('`%s` fails with it:\n%s'):format(proof.command, proof.output)
end

--- What is said of the proposal before its diffs, as lines of Markdown.
---@param proposal backend_developer.Proposal
---@return string[]
local function about(proposal)
  local said = {}
  ---@param heading string
  ---@param items string[]
  local function add(heading, items)
    if #items > 0 then
      table.insert(said, ('%s\n%s'):format(heading, table.concat(items, '\n')))
    end
  end
  add('Not offered, because:', proposal.reasons)
  if proposal.explanation ~= '' then
    table.insert(said, proposal.explanation)
  end
  local states = {}
  for _, file in ipairs(proposal.files) do
    if file.state == 'touched' then
      local sentence = '- %s was edited where it would change: `r` asks again.'
      table.insert(states, sentence:format(file.path))
    elseif file.state ~= 'waiting' then
      table.insert(states, ('- %s is taken.'):format(file.path))
    end
  end
  add('Files:', states)
  add(
    'New dependencies:',
    vim.tbl_map(function(one)
      local name = vim.trim(('%s %s'):format(one.name, one.version))
      return ('- %s: %s%s'):format(name, one.why, one.isAllowed and ' (allowed)' or '')
    end, proposal.dependencies)
  )
  add(
    'By hand:',
    vim.tbl_map(function(step)
      return '- ' .. step.text
    end, proposal.steps)
  )
  add(
    'Not checked:',
    vim.tbl_map(function(sentence)
      return '- ' .. sentence
    end, proposal.unchecked)
  )
  if proposal.proof then
    table.insert(said, proof_of(proposal.proof))
  end
  return vim.split(table.concat(said, '\n\n'), '\r?\n')
end

--- A file's diff, and which of its edits each hunk shows.
---@param file backend_developer.File
---@param at integer the line of a view, from 0, that the diff begins on
---@return string[]
---@return backend_developer.Part[]
local function diff_of(file, at)
  local rows = vim.split(vim.trim(file.diff), '\n', { plain = true })
  local header = { path = file.path, first = at, last = at + 1, edits = {}, is_file = true }
  for number = 0, file.hunks - 1 do
    table.insert(header.edits, number)
  end
  local parts = { header }
  for index, row in ipairs(rows) do
    local start, count = row:match('^@@ %-(%d+),?(%d*) ')
    if start then
      local length = tonumber(count) or 1
      local first = length == 0 and tonumber(start) or tonumber(start) - 1
      -- A line of another hunk is further away than the context that ends this one.
      local edits = vim.tbl_filter(function(number)
        local place = file.places[number + 1]
        return place.first <= first + length and place.last >= first
      end, header.edits)
      local line = at + index - 1
      local part = { path = file.path, first = line, last = line, edits = edits, is_file = false }
      table.insert(parts, part)
    elseif #parts > 1 then
      parts[#parts].last = at + index - 1
    end
  end
  return rows, parts
end

--- The lines of a view, and which of them show what.
---@param proposal backend_developer.Proposal
---@return string[]
---@return backend_developer.Part[]
local function rendered(proposal)
  local by_whom = ('[agent:%s]'):format(proposal.model)
  if #proposal.files == 0 then
    local lines = { ('# %s %s'):format(proposal.title, by_whom), '' }
    return vim.list_extend(lines, about(proposal)), {}
  end
  local lines = { ('# %s: %s %s'):format(proposal.title, counted(proposal), by_whom), '#' }
  for _, line in ipairs(about(proposal)) do
    table.insert(lines, line == '' and '#' or '# ' .. line)
  end
  local parts = {}
  for _, file in ipairs(proposal.files) do
    table.insert(lines, '')
    local rows, shown = diff_of(file, #lines)
    vim.list_extend(lines, rows)
    vim.list_extend(parts, shown)
  end
  return lines, parts
end

---@param proposal backend_developer.Proposal
---@return string
local function keys_of(proposal)
  local wanted =
    { q = true, d = true, r = proposal.state ~= 'taken', u = proposal.state == 'taken' }
  local can_be_taken = proposal.state == 'offered' or proposal.state == 'waiting for yes'
  wanted.a, wanted.x = can_be_taken, can_be_taken
  local words = { take = 'take', toggle = 'leave out', refine = 'refine', discard = 'discard' }
  local shown = {}
  for _, key in ipairs(KEYS) do
    if wanted[key[1]] then
      table.insert(shown, ('%%#Special#%s%%* %s'):format(key[1], words[key[2]] or key[2]))
    end
  end
  return ' ' .. table.concat(shown, '   ')
end

---@param view backend_developer.View
---@param part backend_developer.Part
---@return boolean
local function is_left_out(view, part)
  local numbers = view.left_out[part.path] or {}
  return #part.edits > 0
    and vim.iter(part.edits):all(function(number)
      return numbers[number]
    end)
end

---@param view backend_developer.View
local function mark_left_out(view)
  vim.api.nvim_buf_clear_namespace(view.buffer, LEFT_OUT, 0, -1)
  for _, part in ipairs(view.parts) do
    if is_left_out(view, part) then
      vim.api.nvim_buf_set_extmark(view.buffer, LEFT_OUT, part.first, 0, {
        end_row = part.last + 1,
        hl_group = 'Comment',
        hl_eol = true,
        priority = 300,
        strict = false,
        virt_text = { { 'left out', 'WarningMsg' } },
      })
    end
  end
end

---@param view backend_developer.View
local function draw(view)
  local lines
  lines, view.parts = rendered(view.proposal)
  vim.bo[view.buffer].modifiable = true
  vim.api.nvim_buf_set_lines(view.buffer, 0, -1, true, lines)
  vim.bo[view.buffer].modifiable = false
  mark_left_out(view)
  for _, window in ipairs(vim.fn.win_findbuf(view.buffer)) do
    vim.wo[window][0].winbar = keys_of(view.proposal)
  end
end

---@param view backend_developer.View
function M.close(view)
  if vim.api.nvim_buf_is_valid(view.buffer) then
    vim.api.nvim_buf_delete(view.buffer, { force = true })
  end
end

--- Asks for the proposal as it is now, and draws it; what is left out stays so while it has the
--- same edits. `done` is told whether it has.
---@param view backend_developer.View
---@param done? fun(has_same_edits: boolean)
local function refresh(view, done)
  local id = view.proposal.id
  server.execute(view.client, 'backend-developer.proposals', { id = id }, function(answer)
    if not views[view.buffer] then
      return
    end
    if not answer[1] then
      server.tell('the proposal is gone.')
      M.close(view)
      return
    end
    local function edits_of(proposal)
      return vim.tbl_map(function(file)
        return { file.path, file.hunks }
      end, proposal.files)
    end
    local has_same_edits = vim.deep_equal(edits_of(view.proposal), edits_of(answer[1]))
    view.left_out = has_same_edits and view.left_out or {}
    view.proposal = answer[1]
    draw(view)
    if done then
      done(has_same_edits)
    end
  end)
end

--- Shows a proposal in a buffer of its own: diffs in a tab, words alone below the code.
---@param client vim.lsp.Client
---@param proposal backend_developer.Proposal
local function show(client, proposal)
  local name = ('backend-developer://%s'):format(proposal.id)
  local known = vim.fn.bufnr(('^%s$'):format(name))
  if known ~= -1 then
    M.close({ buffer = known })
  end
  local buffer = vim.api.nvim_create_buf(false, true)
  local view = { buffer = buffer, client = client, proposal = proposal, parts = {}, left_out = {} }
  views[buffer] = view
  vim.api.nvim_buf_set_name(buffer, name)
  vim.bo[buffer].bufhidden = 'wipe'
  vim.cmd(('%s sbuffer %d'):format(#proposal.files > 0 and 'tab' or 'botright', buffer))
  vim.wo[0][0].linebreak = true
  vim.bo[buffer].filetype = #proposal.files > 0 and 'diff' or 'markdown'
  draw(view)
  for _, key in ipairs(KEYS) do
    vim.keymap.set('n', key[1], function()
      M[key[2]](view)
    end, { buffer = buffer, nowait = true, desc = key[3] })
  end
  vim.api.nvim_create_autocmd('BufEnter', {
    buffer = buffer,
    callback = function()
      refresh(view)
    end,
  })
  vim.api.nvim_create_autocmd('BufWipeout', {
    buffer = buffer,
    callback = function()
      views[buffer] = nil
    end,
  })
end

--- Shows the proposal of that id; without one that at the cursor, or else the newest.
---@param id? string
function M.show(id)
  local client, buffer = server.any_or_tell(), vim.api.nvim_get_current_buf()
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  if not client then
    return
  end
  server.execute(client, 'backend-developer.proposals', { id = id }, function(proposals)
    local here = vim.tbl_filter(function(one)
      return one.line == line and vim.uri_to_bufnr(one.uri) == buffer
    end, proposals)
    local candidates = #here > 0 and here or proposals
    -- What is left of one that was taken in part comes before that part.
    local chosen = vim.iter(candidates):find(function(one)
      return one.state ~= 'taken'
    end) or candidates[1]
    if chosen then
      show(client, chosen)
    else
      server.tell('there is no proposal; :BackendDo asks for one.')
    end
  end)
end

-- What a person does with it

--- Asks the server for the edit that takes the proposal, or undoes it, and applies it.
---@param client vim.lsp.Client
---@param id string
---@param edit 'take'|'undo'
local function apply(client, id, edit)
  local action = { title = edit, data = { proposal = id, edit = edit } }
  client:request('codeAction/resolve', action, function(failure, resolved)
    if failure then
      server.tell(failure.message, vim.log.levels.WARN)
      return
    end
    vim.lsp.util.apply_workspace_edit(resolved.edit, client.offset_encoding)
    client:exec_cmd(resolved.command)
  end)
end

--- Asks whether a new dependency is welcome; `done` is called when it is.
---@param view backend_developer.View
---@param dependency { name: string, version: string, why: string }
---@param done fun()
local function ask_for_dependency(view, dependency, done)
  local name = vim.trim(('%s %s'):format(dependency.name, dependency.version))
  local prompt = ('It needs %s: %s. Allow this new dependency?'):format(name, dependency.why)
  vim.ui.select({ 'Allow', 'Not now' }, { prompt = prompt }, function(choice)
    if choice == 'Allow' then
      local arguments = { id = view.proposal.id, name = dependency.name }
      server.execute(view.client, 'backend-developer.allowDependency', arguments, done)
    end
  end)
end

--- The files and hunks that are not left out, as `backend-developer.narrow` takes them.
---@param view backend_developer.View
---@return string[] files
---@return table<string, integer[]> hunks
local function what_is_left(view)
  local files, hunks = {}, vim.empty_dict()
  for _, part in ipairs(view.parts) do
    if part.is_file and not is_left_out(view, part) then
      table.insert(files, part.path)
      hunks[part.path] = vim.tbl_filter(function(number)
        return not (view.left_out[part.path] or {})[number]
      end, part.edits)
    end
  end
  return files, hunks
end

--- Takes what is not left out; of a part, as soon as it has been checked by itself.
---@param view backend_developer.View
function M.take(view)
  refresh(view, function(has_same_edits)
    local proposal = view.proposal
    if not has_same_edits then
      server.tell('parts of it were taken meanwhile: look at what is left.', vim.log.levels.WARN)
      return
    end
    local needed = vim.iter(proposal.dependencies):find(function(one)
      return not one.isAllowed
    end)
    if needed and #proposal.reasons == 0 then
      ask_for_dependency(view, needed, function()
        M.take(view)
      end)
      return
    end
    local files, hunks = what_is_left(view)
    if next(view.left_out) == nil then
      apply(view.client, proposal.id, 'take')
    elseif #files == 0 then
      server.tell('all of it is left out: `x` takes a hunk in again.', vim.log.levels.WARN)
    else
      local arguments = { id = proposal.id, files = files, hunks = hunks }
      server.execute(view.client, 'backend-developer.narrow', arguments, function(run)
        taken_parts[run.runId] = true
      end)
    end
  end)
end

--- Leaves the hunk or the file at the cursor out, or takes it in again.
---@param view backend_developer.View
function M.toggle(view)
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  local part = vim.iter(view.parts):find(function(one)
    return one.first <= line and line <= one.last
  end)
  if not part then
    server.tell('put the cursor on a hunk, or on the name of a file above its hunks.')
    return
  end
  local is_out = is_left_out(view, part)
  local numbers = view.left_out[part.path] or {}
  for _, number in ipairs(part.edits) do
    numbers[number] = not is_out or nil
  end
  view.left_out[part.path] = next(numbers) ~= nil and numbers or nil
  mark_left_out(view)
end

--- Asks how it should be otherwise; what comes of it stands in this one's place.
---@param view backend_developer.View
function M.refine(view)
  vim.ui.input({ prompt = 'How should it be otherwise? ' }, function(wish)
    if wish and vim.trim(wish) ~= '' then
      local arguments = { id = view.proposal.id, wish = wish }
      server.execute(view.client, 'backend-developer.refine', arguments, function()
        M.close(view)
      end)
    end
  end)
end

---@param view backend_developer.View
function M.discard(view)
  server.execute(view.client, 'backend-developer.discard', { id = view.proposal.id }, function()
    M.close(view)
  end)
end

---@param view backend_developer.View
function M.undo(view)
  apply(view.client, view.proposal.id, 'undo')
end

-- What the server says

--- Tells that a proposal has come; a part that the person has taken already is applied.
---@param client vim.lsp.Client
---@param params { id: string, state: string, message: string }
function M.arrived(client, params)
  server.execute(client, 'backend-developer.proposals', { id = params.id }, function(proposals)
    local run = proposals[1] and proposals[1].runId or ''
    if taken_parts[run] then
      taken_parts[run] = nil
      apply(client, params.id, 'take')
    else
      local level = params.state == 'refused' and vim.log.levels.WARN or nil
      server.tell_shortly(params.message, ':BackendProposal shows it.', level)
    end
  end)
end

--- Puts in order what Neovim leaves open when it has applied the edit of a proposal: the server
--- hears of files of every kind, a new file's folder is made when it is written, and the person is
--- told what is not saved.
---@param client vim.lsp.Client
---@param done { id: string, edit: 'take'|'undo', uris: string[] }
function M.applied(client, done)
  local unsaved = 0
  for _, uri in ipairs(done.uris) do
    local is_open = vim.fn.bufexists(vim.uri_to_fname(uri)) == 1
    local buffer = is_open and vim.uri_to_bufnr(uri) or nil
    if buffer and vim.api.nvim_buf_is_loaded(buffer) then
      unsaved = unsaved + (vim.bo[buffer].modified and 1 or 0)
      vim.lsp.buf_attach_client(buffer, client.id)
      -- A request in a buffer's name tells the server what was changed there, without the usual delay.
      server.execute(client, 'backend-developer.proposals', { id = done.id }, nil, buffer)
      vim.api.nvim_create_autocmd('BufWritePre', {
        buffer = buffer,
        once = true,
        callback = function(event)
          vim.fn.mkdir(vim.fs.dirname(event.match), 'p')
        end,
      })
    end
  end
  for _, view in pairs(views) do
    refresh(view)
  end
  local files = unsaved == 1 and 'file' or 'files'
  local left = unsaved > 0 and (' %d %s not saved: :wa'):format(unsaved, files) or ''
  server.tell((done.edit == 'undo' and 'undone.' or 'taken.') .. left)
end

return M
