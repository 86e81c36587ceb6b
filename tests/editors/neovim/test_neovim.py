"""The plugin and the server in a real Neovim: what a person sees after each thing they do."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from editors.neovim.driver import INIT, PLUGIN, Neovim, neovim
from editors.support import until
from loopback_model import KEY, LoopbackModel, Reply, answer, finding

UNSAFE = """\
import tarfile


def unpack():
    archive = tarfile.open("in.tar")  # noqa: SIM115
    print("🦊 é"); archive.extractall("out")


def size(path):
    return len(path)
"""
CODE = 'archive.extractall("out")'
RULE = "security/archive-extraction"
FOUND = [(RULE, 5, CODE)]
FIX = "Extract with the data filter"
SAFE = UNSAFE.replace('"out"', '"out", filter="data"')

QUERY = """\
def find(connection, name):
    return connection.ask(name, "🦊"), connection.count(name)


def count(connection):
    return connection.ask("count")
"""
QUOTE = "connection.count(name)"
INJECTION = finding(quote=QUOTE, line=2)
"""What only the model finds."""


def opened(nvim: Neovim, text: str = UNSAFE) -> None:
    """Opens a file and waits until the server has looked at it."""
    nvim.open(text)
    until(nvim.rules, nvim.messages)


def until_ready(nvim: Neovim) -> None:
    """Waits until the server offers its reviews."""
    until(lambda: nvim.lua("return vim.fn.getcompletion('BackendReview ', 'cmdline')"))


# --- With no key


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("app.py", UNSAFE, FOUND),
        (
            "server.js",
            'const { exec } = require("child_process");\n'
            'app.get("/", (q, r) => { const fox = "🦊 é"; exec("ls " + q.query.d); });\n',
            [("security/command-injection", 1, 'exec("ls " + q.query.d)')],
        ),
    ],
    ids=["python", "javascript"],
)
def test_findings_are_underlined_where_they_are(
    nvim: Neovim, name: str, text: str, expected: list[tuple[str, int, str]]
) -> None:
    nvim.open(text, name)
    until(lambda: set(expected) <= set(nvim.findings()), nvim.findings)


def test_fix_and_undo(nvim: Neovim) -> None:
    opened(nvim)
    nvim.lua("vim.api.nvim_win_set_cursor(0, { 6, 20 })")
    nvim.menu("gra", FIX)
    nvim.choose(FIX)
    until(lambda: nvim.text == SAFE, nvim.messages)
    until(lambda: not nvim.findings())
    nvim.keys("u")
    assert nvim.text == UNSAFE
    until(lambda: nvim.findings() == FOUND)


def test_fix_after_the_text_has_moved(nvim: Neovim) -> None:
    opened(nvim)
    nvim.menu("6gggra", FIX)
    nvim.lua("_G.before = _G.menu")
    nvim.keys("ggO# one<CR># two<Esc>")
    # The fix is checked again.
    nvim.menu("8gggra", FIX)
    nvim.lua("_G.menu = _G.before")
    nvim.choose(FIX)
    until(lambda: nvim.text == f"# one\n# two\n{SAFE}", nvim.messages)


@pytest.mark.parametrize("edited_before", [False, True], ids=["first-version", "later-version"])
def test_stale_fix_is_refused(nvim: Neovim, edited_before: bool) -> None:
    opened(nvim)
    if edited_before:
        nvim.keys("Go# end<Esc>")
        until(lambda: nvim.findings() == FOUND)
    nvim.menu("6gggra", FIX)
    nvim.keys(":%s/extractall/unpack/<CR>")
    changed = nvim.text
    nvim.choose(FIX)
    until(lambda: "changed" in nvim.messages(), nvim.messages)
    assert nvim.text == changed


def test_dismissed_for_good(tmp_path: Path, nvim: Neovim) -> None:
    opened(nvim)
    nvim.menu("6gggra", FIX)
    nvim.choose(f"Dismiss {RULE} here: accepted risk")
    until(lambda: not nvim.findings())
    nvim.lua("vim.cmd.bdelete()")
    nvim.open(UNSAFE.replace("return len(path)", "return eval(path)"))
    until(nvim.findings)
    assert RULE not in nvim.rules()
    remembered = nvim.folder / ".backend-developer.dismissed.yml"
    assert "reason: accepted risk" in remembered.read_text()
    with neovim(tmp_path, {}) as another:
        another.open(UNSAFE.replace("return len(path)", "return eval(path)"))
        until(another.findings)
        assert RULE not in another.rules()


def test_dismiss_command_asks_why(nvim: Neovim) -> None:
    opened(nvim)
    nvim.keys("6gg:BackendDismiss file<CR><C-u>unpacked in a sandbox<CR>")
    until(lambda: not nvim.findings(), nvim.messages)
    remembered = nvim.folder / ".backend-developer.dismissed.yml"
    until(remembered.exists)
    assert "reason: unpacked in a sandbox" in until(remembered.read_text)


def test_dismiss_command_of_several(nvim: Neovim) -> None:
    opened(nvim, UNSAFE.replace('print("🦊 é")', "eval(path)"))
    until(lambda: len(nvim.findings()) == 2, nvim.findings)
    titles = nvim.menu("6gg0:BackendDismiss<CR>")
    assert len(titles) == 2
    nvim.choose("Archive")
    nvim.type("<CR>")
    until(lambda: RULE not in nvim.rules(), nvim.messages)


def test_explanation(nvim: Neovim) -> None:
    opened(nvim)
    nvim.menu("6gggra", FIX)
    nvim.keys(":BackendExplain<CR>")

    def text() -> str:
        return nvim.lua("""
            for _, window in ipairs(vim.api.nvim_list_wins()) do
              if vim.api.nvim_win_get_config(window).relative ~= '' then
                local buffer = vim.api.nvim_win_get_buf(window)
                return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, true), '\\n')
              end
            end
            return ''
        """)

    explanation = until(text, nvim.messages)
    for part in ("Why:", "How to fix it:", FIX, "CWE-22"):
        assert part in explanation


def test_findings_go_to_the_quickfix_list(nvim: Neovim) -> None:
    opened(nvim)
    nvim.keys(":BackendFindings<CR>")
    [item] = nvim.lua("return vim.fn.getqflist()")
    assert (item["lnum"], item["col"]) == (6, len('    print("🦊 é"); '.encode()) + 1)
    assert nvim.lua("return vim.bo.buftype") == "quickfix"


def test_review_of_a_range_and_its_summary(nvim: Neovim) -> None:
    opened(nvim)
    nvim.keys(":9,10BackendReview security<CR>")
    until(lambda: "Review security: no findings" in nvim.messages(), nvim.messages)
    nvim.keys(":BackendReview<CR>")
    until(lambda: "1 finding, 1 with a checked fix" in nvim.messages(), nvim.messages)
    assert nvim.findings() == FOUND


def test_completion(nvim: Neovim) -> None:
    opened(nvim)
    tasks = nvim.lua("return vim.fn.getcompletion('BackendReview ', 'cmdline')")
    assert tasks == ["api-design", "security", "performance", "everything"]
    assert nvim.lua("return vim.fn.getcompletion('BackendReview sec', 'cmdline')") == ["security"]
    scopes = nvim.lua("return vim.fn.getcompletion('BackendDismiss ', 'cmdline')")
    assert scopes == ["here", "file", "everywhere"]


def test_messages_for_what_cannot_be_done(nvim: Neovim) -> None:
    nvim.keys(":BackendReview<CR>")
    assert "not running in this buffer" in nvim.messages()
    opened(nvim)
    nvim.keys(":BackendReview nonsense<CR>")
    until(lambda: 'There is no task "nonsense"' in nvim.messages(), nvim.messages)
    nvim.keys(":BackendDismiss nowhere<CR>")
    assert '"nowhere" is none of these' in nvim.messages()
    nvim.keys("gg:BackendExplain<CR>")
    assert "there is no finding on this line" in nvim.messages()
    nvim.keys(":BackendCancel<CR>")
    until(lambda: "nothing is going on" in nvim.messages(), nvim.messages)


def test_health(nvim: Neovim) -> None:
    opened(nvim)
    nvim.keys(":checkhealth backend_developer<CR>")
    report = nvim.text
    for line in ("It is enabled", "It is running", "app.py: engine local, findings: 1"):
        assert line in report
    assert "ERROR" not in report
    assert "WARNING" not in report


def test_health_without_the_program(tmp_path: Path) -> None:
    missing = "vim.lsp.config('backend_developer', { cmd = { 'no-such-program', 'serve' } })\n"
    init = f"vim.opt.runtimepath:append({str(PLUGIN)!r})\n{missing}"
    with neovim(tmp_path, {}, init) as nvim:
        nvim.keys(":checkhealth backend_developer<CR>")
        assert "`no-such-program` cannot be executed" in nvim.text
        assert "pipx install" in nvim.text


def test_text_of_findings_is_shown_as_the_person_likes(tmp_path: Path, nvim: Neovim) -> None:
    shown = """
        local names = vim.api.nvim_get_namespaces()
        local count = 0
        for name, id in pairs(names) do
          if name:find('virtual_text', 1, true) then
            count = count + #vim.api.nvim_buf_get_extmarks(0, id, 0, -1, {})
          end
        end
        return count
    """
    opened(nvim)
    until(lambda: nvim.lua(shown) == 1)
    init = (
        f"vim.opt.runtimepath:append({str(PLUGIN)!r})\n"
        "vim.g.backend_developer = { virtual_text = false }\n"
        "vim.lsp.enable('backend_developer')\n"
    )
    with neovim(tmp_path / "quiet", {}, init) as quiet:
        opened(quiet)
        assert quiet.lua(shown) == 0


# --- With an agent


@pytest.mark.parametrize("keys", ["1ggv$j", "1ggVj"], ids=["characters", "lines"])
def test_review_of_a_selection(nvim_with_agent: Neovim, model: LoopbackModel, keys: str) -> None:
    nvim = nvim_with_agent
    model.script(Reply(answer(INJECTION)))
    nvim.open(QUERY)
    until_ready(nvim)
    nvim.menu(f"{keys}gra")
    nvim.choose("Review security (agent: ")
    until(lambda: nvim.findings() == [("security/sql-injection", 1, QUOTE)], nvim.messages)
    [request] = model.requests
    assert "Lines 1 to 2 of the file are selected" in json.dumps(request.body)
    until(lambda: "1 finding" in nvim.messages(), nvim.messages)


def test_the_first_review_asks(tmp_path: Path, model: LoopbackModel) -> None:
    model.script(Reply(answer(INJECTION)))
    variables = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url}
    with neovim(tmp_path, variables) as nvim:
        nvim.open(QUERY)
        until_ready(nvim)
        nvim.keys(":BackendReview security<CR>")
        until(lambda: nvim.lua("return _G.menu and _G.menu.titles") == ["Send", "Not now"])
        assert model.connections == 0
        nvim.choose("Send")
        until(lambda: nvim.findings() == [("security/sql-injection", 1, QUOTE)], nvim.messages)


def test_progress_is_seen(nvim_with_agent: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_with_agent
    model.script(Reply(answer(INJECTION), delay=0.1))
    nvim.open(QUERY)
    until_ready(nvim)
    statusline = "return require('backend_developer').statusline()"
    nvim.keys(":BackendReview security<CR>")
    until(lambda: nvim.lua(statusline).startswith("backend: 0 [Review security (agent: claude-"))
    until(lambda: nvim.lua(statusline) == "backend: 1", nvim.messages)


def test_cancelled(nvim_with_agent: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_with_agent
    text = answer(INJECTION, INJECTION | {"quote": "connection", "line": 5})
    model.script(Reply(text, fault="stall", after=text.index('"connection"')))
    nvim.open(QUERY)
    until_ready(nvim)
    nvim.keys(":BackendReview security<CR>")
    until(nvim.findings, nvim.messages)
    nvim.keys(":BackendCancel<CR>")
    until(lambda: "Cancelled; what was found stays" in nvim.messages(), nvim.messages)
    until(model.requests[0].disconnected.is_set, "the request was not closed")
    assert nvim.rules() == ["security/sql-injection"]


def test_finding_follows_its_code_while_one_types(
    nvim_with_agent: Neovim, model: LoopbackModel
) -> None:
    nvim = nvim_with_agent
    model.script(Reply(answer(INJECTION), delay=0.05))
    nvim.open(QUERY)
    until_ready(nvim)
    nvim.keys(":BackendReview security<CR>")
    until(lambda: model.requests, nvim.messages)
    for number in range(5):
        nvim.keys(f"ggO# {number} 🦊<Esc>")
        time.sleep(0.05)
    until(lambda: nvim.findings() == [("security/sql-injection", 6, QUOTE)], nvim.findings)
    nvim.keys("ggdd")
    until(lambda: nvim.findings() == [("security/sql-injection", 5, QUOTE)])


# --- The files


def test_configuration_is_data(nvim: Neovim) -> None:
    file = str(PLUGIN / "lsp" / "backend_developer.lua")
    keys = nvim.lua("return vim.tbl_keys(dofile(...))", file)
    # Two keys that ask for lenses again: Neovim 0.11 does not do that by itself.
    assert sorted(keys) == ["capabilities", "cmd", "filetypes", "handlers", "root_markers"]


def test_help_tags_are_up_to_date(nvim: Neovim) -> None:
    tags = PLUGIN / "doc" / "tags"
    text = (PLUGIN / "doc" / "backend-developer.txt").read_text()
    copy = nvim.folder / "doc"
    copy.mkdir()
    (copy / "backend-developer.txt").write_text(text)
    nvim.lua("vim.cmd.helptags(...)", str(copy))
    assert (copy / "tags").read_text() == tags.read_text()
    nvim.keys(":help :BackendReview<CR>")
    assert "*:BackendReview*" in nvim.lua("return vim.api.nvim_get_current_line()")


def test_each_command_is_in_the_help(nvim: Neovim) -> None:
    commands = nvim.lua("return vim.tbl_keys(vim.api.nvim_get_commands({}))")
    ours = {f":{name}" for name in commands if name.startswith("Backend")}
    tags = (PLUGIN / "doc" / "tags").read_text()
    documented = {line.split("\t")[0] for line in tags.splitlines() if line.startswith(":")}
    assert ours == documented


def test_capabilities_of_ones_own_stay(tmp_path: Path) -> None:
    own = "{ capabilities = { experimental = { mine = true } } }"
    with neovim(tmp_path, {}, f"{INIT}vim.lsp.config('backend_developer', {own})\n") as nvim:
        opened(nvim)
        said = nvim.lua("return vim.lsp.get_clients()[1].capabilities.experimental")
    ours = {"asks": True, "proposals": True}
    assert said == {"mine": True, "backendDeveloper": ours}
