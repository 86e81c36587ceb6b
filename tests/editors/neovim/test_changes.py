"""Proposed changes in a real Neovim: asked for, looked at, taken whole or in part, undone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from editors.neovim.driver import PLUGIN, Neovim
from editors.support import until
from loopback_model import LoopbackModel, Reply, change_answer

TASK = """\
---
name: paginate
title: Add pagination
kind: change
contains: def list_
---
Add pagination.
"""
ASK = """\
---
name: ask
title: Ask…
kind: change
asks: What should be done?
---
Do it.
"""
EXPLAIN = """\
---
name: explain
title: Explain
kind: explain
---
Explain it.
"""
APP = """\
from store import rows

# 🦊 é
LIMIT = 50


def size(path):
    return len(path)


def one(key):
    return rows("orders")[key]


def list_orders():
    return rows("orders")
"""
STORE = """\
def rows(table):
    return [table]
"""
PAGES = "def page(rows, first, size):\n    return rows[first : first + size]\n"


def edit(file: str, old: str, new: str) -> dict[str, Any]:
    return {"file": file, "old": old, "new": new, "line": 1}


IMPORTED = edit(
    "app.py", "from store import rows\n", "from api.pages import page\nfrom store import rows\n"
)
PAGED = edit(
    "app.py",
    'def list_orders():\n    return rows("orders")',
    'def list_orders(first=0, size=50):\n    return page(rows("orders"), first, size)',
)
BOUNDED = edit("store.py", "    return [table]\n", "    return [table][:1000]\n")
NEW = {"path": "api/pages.py", "content": PAGES}
THREE_FILES = change_answer(
    explanation=["Lists are cut into pages."], edits=[IMPORTED, PAGED, BOUNDED], files=[NEW]
)
BOUNDED_STORE = STORE.replace(BOUNDED["old"], BOUNDED["new"])
PAGED_APP = APP.replace(IMPORTED["old"], IMPORTED["new"]).replace(PAGED["old"], PAGED["new"])
TITLE = "Add pagination: 3 files, +6 −3"


@pytest.fixture
def nvim_at_work(tmp_path: Path, nvim_with_agent: Neovim) -> Neovim:
    """Neovim with app.py, store.py and three tasks, the cursor in `list_orders`."""
    write_project(nvim_with_agent.folder)
    at_work(nvim_with_agent, APP.encode())
    return nvim_with_agent


def write_project(folder: Path) -> None:
    """What there is beside app.py: store.py, and the tasks."""
    tasks = folder / ".claude/backend-developer/tasks"
    tasks.mkdir(parents=True)
    for name, text in (("paginate", TASK), ("ask", ASK), ("explain", EXPLAIN)):
        (tasks / f"{name}.md").write_text(text)
    (folder / "store.py").write_text(STORE)


def at_work(nvim: Neovim, text: bytes) -> None:
    (nvim.folder / "app.py").write_bytes(text)
    nvim.lua("vim.cmd.edit(...)", str(nvim.folder / "app.py"))
    until(lambda: nvim.lua("return vim.fn.getcompletion('BackendReview ', 'cmdline')"))
    nvim.keys("/def list_<CR>")


def ask(nvim: Neovim, model: LoopbackModel, *answers: str) -> None:
    """Asks for the task, and waits until it is answered by a proposal."""
    model.script(*(Reply(text) for text in answers))
    nvim.keys(":BackendDo paginate<CR>")
    arrived(nvim)


def arrived(nvim: Neovim) -> None:
    until(lambda: ":BackendProposal shows it" in nvim.messages(), nvim.messages)
    nvim.lua("vim.cmd.messages('clear')")


def show(nvim: Neovim, first_line: str = f"# {TITLE}") -> str:
    """Opens the proposal; its text."""
    nvim.keys(":BackendProposal<CR>")
    return until(lambda: nvim.text if nvim.text.startswith(first_line) else "", nvim.messages)


def text_of(nvim: Neovim, name: str) -> str:
    """What a buffer holds; "" where there is none."""
    lines = nvim.lua(
        """
        local name = ...
        if vim.fn.bufexists(name) == 0 then return {} end
        return vim.api.nvim_buf_get_lines(vim.fn.bufnr(name), 0, -1, false)
    """,
        str(nvim.folder / name),
    )
    return "".join(f"{line}\n" for line in lines)


def state(nvim: Neovim) -> str:
    """What the server says of the newest proposal."""
    return nvim.lua("""
        local client = vim.lsp.get_clients({ name = 'backend_developer' })[1]
        local answer = client:request_sync('workspace/executeCommand', {
          command = 'backend-developer.proposals', arguments = { vim.empty_dict() } })
        return answer.result[1] and answer.result[1].state or 'none'
    """)


def until_text(nvim: Neovim, name: str, expected: str) -> None:
    until(lambda: text_of(nvim, name) == expected, lambda: (text_of(nvim, name), nvim.messages()))


def taken(nvim: Neovim) -> None:
    until_text(nvim, "app.py", PAGED_APP)
    until_text(nvim, "store.py", BOUNDED_STORE)
    until_text(nvim, "api/pages.py", PAGES)


def winbar(nvim: Neovim) -> str:
    return nvim.lua("return vim.api.nvim_eval_statusline(vim.wo.winbar, {}).str")


# --- Taken


def by_a_code_action(nvim: Neovim) -> None:
    nvim.menu("gra", "Take: ")
    nvim.choose("Take: Add pagination (3 files, +6 −3)")


def from_the_preview(nvim: Neovim) -> None:
    show(nvim)
    nvim.keys("a")


@pytest.mark.parametrize("take", [by_a_code_action, from_the_preview])
def test_taken_and_written(
    nvim_at_work: Neovim, model: LoopbackModel, take: Callable[[Neovim], None]
) -> None:
    nvim = nvim_at_work
    ask(nvim, model, THREE_FILES)
    assert nvim.text == APP, "nothing is changed before somebody picks it"
    take(nvim)
    taken(nvim)
    until(lambda: "taken. 3 files not saved: :wa" in nvim.messages(), nvim.messages)
    assert (nvim.folder / "app.py").read_text() == APP
    assert not (nvim.folder / "api").exists()
    until(lambda: state(nvim) == "taken")
    nvim.keys(":wa<CR>")
    assert (nvim.folder / "app.py").read_bytes() == PAGED_APP.encode()
    assert (nvim.folder / "store.py").read_bytes() == BOUNDED_STORE.encode()
    assert (nvim.folder / "api" / "pages.py").read_bytes() == PAGES.encode()
    until(lambda: state(nvim) == "taken")


def test_a_file_of_crlf_keeps_its_line_ends(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    nvim.lua("vim.cmd.bwipeout()")
    at_work(nvim, APP.replace("\n", "\r\n").encode())
    ask(nvim, model, THREE_FILES)
    by_a_code_action(nvim)
    taken(nvim)
    nvim.keys(":wa<CR>")
    assert (nvim.folder / "app.py").read_bytes() == PAGED_APP.replace("\n", "\r\n").encode()


def test_files_of_other_kinds_and_what_is_added_at_an_end(
    nvim_at_work: Neovim, model: LoopbackModel
) -> None:
    nvim = nvim_at_work
    notes = {"path": "docs/notes.txt", "content": "Pages have 50 rows.\n"}
    added = edit("store.py", STORE, f"{STORE}\n\ndef none():\n    return []\n")
    ask(nvim, model, change_answer(explanation=["Notes."], edits=[added], files=[notes]))
    nvim.menu("gra", "Take: ")
    nvim.choose("Take: Add pagination")
    until_text(nvim, "docs/notes.txt", notes["content"])
    until_text(nvim, "store.py", added["new"])
    until(lambda: state(nvim) == "taken", lambda: state(nvim))
    nvim.keys(":wa<CR>")
    assert (nvim.folder / "store.py").read_text() == added["new"]
    assert (nvim.folder / "docs" / "notes.txt").read_text() == notes["content"]


# --- Looked at


def test_the_preview_says_all_and_has_the_keys(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    step = {"kind": "command", "text": "Run `make migrate`."}
    ask(nvim, model, json.dumps(json.loads(THREE_FILES) | {"steps": [step]}))
    text = show(nvim)
    for part in (
        f"# {TITLE} [agent:claude-",
        "# Lists are cut into pages.",
        "# By hand:\n# - Run `make migrate`.",
        '-def list_orders():\n-    return rows("orders")\n+def list_orders(first=0, size=50):',
        "--- /dev/null\n+++ b/api/pages.py\n@@ -0,0 +1,2 @@\n+def page(",
        "--- a/store.py\n",
    ):
        assert part in text
    assert nvim.lua("return { vim.bo.filetype, vim.bo.modifiable, vim.bo.buftype }") == [
        "diff",
        False,
        "nofile",
    ]
    assert winbar(nvim).split("   ") == [
        " a take",
        "x leave out",
        "r refine",
        "d discard",
        "q close",
    ]
    nvim.keys("q")
    assert nvim.text == APP
    assert nvim.lua("return vim.fn.tabpagenr('$')") == 1


def test_each_key_of_the_preview_is_in_the_help() -> None:
    source = (PLUGIN / "lua" / "backend_developer" / "proposals.lua").read_text()
    keys = re.findall(r"^  \{ '(.)', '", source, re.M)
    text = (PLUGIN / "doc" / "backend-developer.txt").read_text()
    _, _, section = text.partition("*backend-developer-preview*")
    assert keys
    assert re.findall(r"^  `(.)`  ", section, re.M)[: len(keys)] == keys


def test_an_explanation_is_shown_as_markdown(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    model.script(Reply(json.dumps({"explanation": ["It **lists** orders.", "- no limit"]})))
    nvim.keys(":BackendDo explain<CR>")
    arrived(nvim)
    assert show(nvim, "# Explain").endswith("\n\nIt **lists** orders.\n\n- no limit\n")
    assert nvim.lua("return vim.bo.filetype") == "markdown"
    assert "a take" not in winbar(nvim)


def test_no_proposal(nvim_at_work: Neovim) -> None:
    nvim_at_work.keys(":BackendProposal<CR>")
    until(lambda: "there is no proposal" in nvim_at_work.messages(), nvim_at_work.messages)


# --- Parts of it


def left_out(nvim: Neovim) -> list[str]:
    """The lines that a view marks so."""
    return nvim.lua("""
        local space = vim.api.nvim_get_namespaces().backend_developer_left_out
        return vim.tbl_map(function(mark)
          return vim.api.nvim_buf_get_lines(0, mark[2], mark[2] + 1, false)[1]
        end, vim.api.nvim_buf_get_extmarks(0, space, 0, -1, {}))
    """)


def test_a_hunk_and_a_file_are_left_out(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    ask(nvim, model, THREE_FILES)
    show(nvim)
    first, second = [line for line in nvim.text.split("\n") if line.startswith("@@ -1")][:2]
    for keys, expected in (
        ("/^+def list_orders<CR>x", [second]),
        ("x", []),
        ("gg/+++ b.app.py<CR>x", ["--- a/app.py", first, second]),
        ("x", []),
        ("/^+from api<CR>x", [first]),
        ("ggx", [first]),
    ):
        nvim.keys(keys)
        assert left_out(nvim) == expected
    assert "put the cursor on a hunk" in nvim.messages()
    nvim.keys("a")
    # `page` would be missing without its import.
    until(lambda: "That part does not work by itself" in nvim.messages(), nvim.messages)
    assert text_of(nvim, "app.py") == APP


def test_what_is_left_is_taken(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    ask(nvim, model, THREE_FILES)
    show(nvim)
    nvim.keys("/+++ b.app.py<CR>xa")
    until_text(nvim, "store.py", BOUNDED_STORE)
    until_text(nvim, "api/pages.py", PAGES)
    assert text_of(nvim, "app.py") == APP
    nvim.keys("q")
    text = show(nvim)
    assert "# - store.py is taken." in text
    nvim.keys("a")
    taken(nvim)


def test_all_of_it_left_out(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    ask(nvim, model, change_answer(explanation=["Bounded."], edits=[BOUNDED]))
    show(nvim, "# Add pagination: 1 file, +1 −1")
    nvim.keys("Gxa")
    until(lambda: "all of it is left out" in nvim.messages(), nvim.messages)
    assert text_of(nvim, "store.py") == ""


# --- Undone


@pytest.mark.parametrize("is_saved", [True, False], ids=["saved", "not saved"])
@pytest.mark.parametrize("by", ["action", "key"])
def test_undone_as_one(nvim_at_work: Neovim, model: LoopbackModel, by: str, is_saved: bool) -> None:
    nvim = nvim_at_work
    ask(nvim, model, THREE_FILES)
    from_the_preview(nvim)
    taken(nvim)
    if is_saved:
        nvim.keys(":wa<CR>")
    until(lambda: "u undo" in winbar(nvim), lambda: winbar(nvim))
    if by == "key":
        nvim.keys("u")
    else:
        nvim.keys("q")
        nvim.menu("gra", "Undo: ")
        nvim.choose("Undo: ")
    until_text(nvim, "app.py", APP)
    assert text_of(nvim, "store.py") == STORE
    assert text_of(nvim, "api/pages.py") == ""
    assert not (nvim.folder / "api" / "pages.py").exists()
    nvim.keys(":wa<CR>")
    assert (nvim.folder / "app.py").read_text() == APP
    assert (nvim.folder / "store.py").read_text() == STORE
    assert not (nvim.folder / "api" / "pages.py").exists()
    until(lambda: state(nvim) == "offered", lambda: state(nvim))


def test_plain_undo_brings_the_offer_of_that_file_back(
    nvim_at_work: Neovim, model: LoopbackModel
) -> None:
    nvim = nvim_at_work
    ask(nvim, model, THREE_FILES)
    by_a_code_action(nvim)
    taken(nvim)
    nvim.keys("u")
    assert nvim.text == APP
    titles = nvim.menu("gra", "Take: ")
    assert "Take: Add pagination (1 file, +3 −2)" in titles
    nvim.choose("Take: ")
    taken(nvim)


# --- Had otherwise


def test_refined_by_a_wish(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    ask(nvim, model, THREE_FILES)
    model.script(Reply(change_answer(explanation=["Only a bound."], edits=[BOUNDED])))
    show(nvim)
    nvim.type("r")
    nvim.type("only bound the rows<CR>")
    arrived(nvim)
    assert "# Only a bound." in show(nvim, "# Add pagination: 1 file, +1 −1")
    _, second = model.requests
    said = json.dumps(second.body["messages"])
    assert "only bound the rows" in said
    assert "def list_orders(first=0, size=50)" in said, "the earlier answer is in it"


def test_the_menu_asks_too_and_nothing_is_sent_without_an_answer(
    nvim_at_work: Neovim, model: LoopbackModel
) -> None:
    nvim = nvim_at_work
    nvim.menu("gra", "Ask…")
    nvim.choose("Ask…")
    until(lambda: nvim.lua("return vim.api.nvim_get_mode().mode") == "c")
    nvim.type("<CR>")
    until(lambda: nvim.lua("return vim.api.nvim_get_mode().mode") == "n")
    nvim.menu("gra", "Ask…")
    nvim.choose("Ask…")
    until(lambda: nvim.lua("return vim.api.nvim_get_mode().mode") == "c")
    model.script(Reply(change_answer(explanation=["Bounded."], edits=[BOUNDED])))
    nvim.type("Bound the rows.<CR>")
    arrived(nvim)
    [request] = model.requests
    assert "Bound the rows." in json.dumps(request.body["messages"])


def test_asked_for_in_words(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    model.script(Reply(change_answer(explanation=["Bounded."], edits=[BOUNDED])))
    nvim.keys(":15,16BackendAsk Bound the | rows.<CR>")
    arrived(nvim)
    [request] = model.requests
    said = json.dumps(request.body["messages"])
    assert "Bound the | rows." in said
    assert "Lines 15 to 16 of the file are selected" in said


def test_tasks_are_offered_where_they_fit(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    def completed(line: str) -> list[str]:
        return nvim.lua("return vim.fn.getcompletion(..., 'cmdline')", line)

    nvim = nvim_at_work
    assert {"paginate", "ask"} <= set(completed("BackendDo "))
    assert completed("15,16BackendDo pag") == ["paginate"]
    assert completed("7,8BackendDo pag") == []
    titles = nvim.menu(":15,16BackendDo<CR>")
    assert [title for title in titles if title.startswith("Add pagination (agent: claude-")]
    model.script(Reply(THREE_FILES))
    nvim.choose("Add pagination")
    arrived(nvim)
    assert state(nvim) == "offered"
    nvim.keys(":BackendDo nonsense<CR>")
    until(lambda: 'There is no task "nonsense"' in nvim.messages(), nvim.messages)


def test_discarded(nvim_at_work: Neovim, model: LoopbackModel) -> None:
    nvim = nvim_at_work
    ask(nvim, model, THREE_FILES)
    until(lambda: nvim.rules() == ["proposal"])
    assert nvim.lua("return require('backend_developer').statusline()") == "backend: 0"
    show(nvim)
    nvim.keys("d")
    until(lambda: state(nvim) == "none")
    until(lambda: nvim.text == APP)
    until(lambda: nvim.rules() == [])


# --- What others do meanwhile


def test_typed_where_it_changes_while_the_agent_writes(
    nvim_at_work: Neovim, model: LoopbackModel
) -> None:
    nvim = nvim_at_work
    model.script(Reply(THREE_FILES, delay=0.05), Reply(THREE_FILES))
    nvim.keys(":BackendDo paginate<CR>")
    until(lambda: model.requests, nvim.messages)
    nvim.keys(':%s/rows("orders")$/rows("sold")/<CR>')
    typed = nvim.text
    assert 'rows("sold")' in typed
    arrived(nvim)
    assert state(nvim) == "refused"
    text = show(nvim, "# Add pagination")
    assert "Not offered, because:\n" in text
    assert "The code `def list_orders" in text
    assert text_of(nvim, "app.py") == typed


def test_a_file_that_somebody_makes_meanwhile_is_not_written_over(
    nvim_at_work: Neovim, model: LoopbackModel
) -> None:
    nvim = nvim_at_work
    ask(nvim, model, THREE_FILES)
    show(nvim)
    mine = nvim.folder / "api" / "pages.py"
    mine.parent.mkdir()
    mine.write_text("mine = 1\n")
    nvim.keys("a")
    until(lambda: "Nothing was applied, because a file was changed" in nvim.messages())
    assert mine.read_text() == "mine = 1\n"
    assert text_of(nvim, "app.py") == APP
    assert text_of(nvim, "api/pages.py") == ""


@pytest.mark.parametrize("choice", ["Allow", "Not now"])
def test_a_new_dependency_is_asked_for(
    nvim_at_work: Neovim, model: LoopbackModel, choice: str
) -> None:
    nvim = nvim_at_work
    needed = {"name": "slowapi", "version": ">=0.1.9", "why": "limits requests"}
    ask(
        nvim,
        model,
        change_answer(explanation=["Limited."], edits=[BOUNDED], dependencies=[needed]),
    )
    text = show(nvim, "# Add pagination: 1 file")
    assert "# New dependencies:\n# - slowapi >=0.1.9: limits requests\n" in text
    nvim.keys("a")
    until(lambda: nvim.lua("return _G.menu and _G.menu.titles") == ["Allow", "Not now"])
    nvim.choose(choice)
    if choice == "Allow":
        until_text(nvim, "store.py", BOUNDED_STORE)
    else:
        assert state(nvim) == "waiting for yes"
        assert text_of(nvim, "store.py") == ""
