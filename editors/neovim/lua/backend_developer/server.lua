--- The server as everything else here sees it: its client, its commands, and what a person is told.

local M = {}

M.NAME = 'backend_developer'

---@param sentence string
---@param level? vim.log.levels
function M.tell(sentence, level)
  vim.notify('backend-developer: ' .. sentence, level or vim.log.levels.INFO)
end

--- The same in one line: a longer text would make the person press ENTER. What is cut off is at the
--- end of the sentence; `what_next` stays whole.
---@param sentence string
---@param what_next string
---@param level? vim.log.levels
function M.tell_shortly(sentence, what_next, level)
  local room = vim.v.echospace - vim.fn.strdisplaywidth('backend-developer: ' .. what_next) - 2
  if vim.fn.strdisplaywidth(sentence) > room then
    sentence = vim.fn.strcharpart(sentence, 0, math.max(room, 1)) .. '…'
  end
  M.tell(('%s %s'):format(sentence, what_next), level)
end

---@return vim.lsp.Client?
function M.attached()
  return vim.lsp.get_clients({ bufnr = 0, name = M.NAME })[1]
end

--- The client of the current buffer; where there is none, the person is told.
---@return vim.lsp.Client?
function M.attached_or_tell()
  local client = M.attached()
  if not client then
    local sentence = 'not running in this buffer; see :checkhealth backend_developer'
    M.tell(sentence, vim.log.levels.WARN)
  end
  return client
end

--- The client of the current buffer, or else any: proposals change files of other kinds, too. Where
--- there is none, the person is told.
---@return vim.lsp.Client?
function M.any_or_tell()
  return M.attached() or vim.lsp.get_clients({ name = M.NAME })[1] or M.attached_or_tell()
end

--- Asks the server for a command. `done` gets its answer; a failure, or the reason why nothing was
--- done, is told to the person.
---@param client vim.lsp.Client
---@param command string
---@param arguments table
---@param done? fun(result: table)
---@param buffer? integer in whose name it is asked for; nil: the current one
function M.execute(client, command, arguments, done, buffer)
  -- An empty table would be sent as a list.
  local named = next(arguments) == nil and vim.empty_dict() or arguments
  local params = { command = command, arguments = { named } }
  client:request('workspace/executeCommand', params, function(failure, result)
    if failure then
      M.tell(failure.message, vim.log.levels.ERROR)
    elseif result.reason then
      M.tell(result.reason, vim.log.levels.WARN)
    elseif done then
      done(result)
    end
  end, buffer)
end

return M
