"""Code actions: which are offered where, and what they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from session.editor import PUSH, Editor, ReplyError, finding, until, with_capability

URI = "file:///work/app.py"
REVIEWS = [
    "Review API design (local)",
    "Review security (local)",
    "Review performance (local)",
    "Review everything (local)",
]
CONFIRMS = with_capability(
    "textDocument.codeAction.honorsChangeAnnotations",
    True,
    with_capability("workspace.workspaceEdit.changeAnnotationSupport", {"groupsOnLabel": True}),
)


def titles(actions: list[dict[str, Any]]) -> list[str]:
    return [action["title"] for action in actions]


async def with_findings(editor: Editor, text: str, *findings: Any, **selection: Any) -> None:
    """Opens a text and has the agent find these things in what is selected."""
    editor.open(URI, text)
    await editor.settled()
    await editor.review(URI, **selection)
    call = await editor.agent.called()
    call.say(*findings)
    call.end()
    await editor.settled()


# --- Where


async def test_reviews_are_offered_on_any_code(editor: Editor) -> None:
    editor.open(URI, "x = 1\n")
    await editor.settled()
    actions = await editor.actions(URI, "x")
    assert titles(actions) == REVIEWS
    # VS Code does not list `source.*` under its plain code-action key.
    assert {action["kind"] for action in actions} == {"refactor.backend-developer.review"}
    assert actions[1]["command"]["arguments"] == [
        {"uri": URI, "range": editor.range(URI, "x"), "task": "security"}
    ]


async def test_the_engine_is_named(with_agent: Editor) -> None:
    with_agent.open(URI, "x = 1\n")
    await with_agent.settled()
    actions = await with_agent.actions(URI, "x")
    assert titles(actions)[1] == (
        "Review security (agent: claude-sonnet-5-5, ~10k tokens, up to $0.27)"
    )


async def test_the_title_says_what_a_review_may_cost(with_agent: Editor) -> None:
    async def title() -> str:
        return next(t for t in titles(await with_agent.actions(URI, "x")) if "security" in t)

    with_agent.settings = {"maxOutputTokens": 1000}
    with_agent.open(URI, "x = 1\n" * 10_000)
    await with_agent.settled()
    # What is sent of a long file is limited; a token is a guess until calls were made.
    assert await title() == "Review security (agent: claude-sonnet-5-5, ~53k tokens, up to $0.20)"
    with_agent.session.bytes_per_token = {"claude-sonnet-5-5": 7.0}
    assert await title() == "Review security (agent: claude-sonnet-5-5, ~26k tokens, up to $0.15)"
    with_agent.settings = {"model": "qwen3"}
    with_agent.notify("workspace/didChangeConfiguration", {"settings": None})
    await with_agent.settled()
    assert await title() == "Review security (agent: qwen3, ~53k tokens, cost unknown)"


async def test_a_review_does_what_its_title_says(editor: Editor) -> None:
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    command = (await editor.action(URI, "md5", "Review security"))["command"]
    params = {"command": command["command"], "arguments": command["arguments"]}
    answer = await editor.request("workspace/executeCommand", params)
    assert answer["started"]
    await editor.settled()
    assert editor.progress()[0]["title"] == "Review security (local)"


@pytest.mark.parametrize("code", ["md5(", "d", "x = md5(1)", "(1)"])
async def test_a_finding_s_actions_are_offered_on_and_beside_it(editor: Editor, code: str) -> None:
    editor.open(URI, "x = md5(1)\n")
    await editor.settled()
    # The client sent no diagnostics along: our own store is looked at.
    assert titles(await editor.actions(URI, code)) == [
        "Use sha256",
        *REVIEWS,
        "Dismiss security/weak-hash with a comment",
    ]


@pytest.mark.parametrize("code", ["", "x"], ids=["cursor", "one-character"])
async def test_a_cursor_is_at_the_findings_of_its_line(editor: Editor, code: str) -> None:
    # Some editors send the character under the cursor.
    editor.open(URI, "x = md5(1)\ny = 2; md5(3)\n")
    await editor.settled()
    [fix, *_] = await editor.actions(URI, code)
    assert fix["title"] == "Use sha256"
    assert fix["diagnostics"][0]["range"] == editor.range(URI, "md5(")


async def test_of_the_findings_of_a_line_the_cursor_chooses(editor: Editor) -> None:
    editor.open(URI, "md5(1); md5(2)\n")
    await editor.settled()
    fixes = [one for one in await editor.actions(URI, "md5(2") if one["title"] == "Use sha256"]
    assert len(fixes) == 1


async def test_elsewhere_a_finding_offers_nothing(editor: Editor) -> None:
    editor.open(URI, "x = md5(1)\ny = 2\n")
    await editor.settled()
    assert titles(await editor.actions(URI, "y")) == REVIEWS


async def test_a_file_that_is_not_open(editor: Editor) -> None:
    editor.texts["file:///else.py"] = "x"
    assert await editor.actions("file:///else.py", "x") == []


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["quickfix"], {"quickfix"}),
        (["refactor"], {"refactor.backend-developer.review"}),
        (["refactor.backend-developer"], {"refactor.backend-developer.review"}),
        (["refactor.extract"], set()),
        (["source"], {"source.fixAll.backend-developer"}),
        (["source.fixAll"], {"source.fixAll.backend-developer"}),
        (["source.fixAll.backend-developer"], {"source.fixAll.backend-developer"}),
        (["source.organizeImports"], set()),
        (["quick"], set()),
        ([""], {"quickfix", "refactor.backend-developer.review"}),
        (["quickfix", "source"], {"quickfix", "source.fixAll.backend-developer"}),
        ([], set()),
    ],
)
async def test_only(editor: Editor, only: list[str], expected: set[str]) -> None:
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    actions = await editor.actions(URI, "md5", only=only)
    assert {action["kind"] for action in actions} == expected


# --- Fixes


async def test_applying_a_fix_makes_its_finding_vanish(editor: Editor) -> None:
    editor.open(URI, "x = md5(1)\n")
    await editor.settled()
    action = await editor.action(URI, "md5", "Use sha256")
    assert action["isPreferred"] is True
    assert [one["code"] for one in action["diagnostics"]] == ["security/weak-hash"]
    editor.apply(action["edit"])
    assert editor.texts[URI] == "x = sha256(1)\n"
    await editor.settled()
    assert editor.marked(URI) == []


async def test_a_fix_carries_its_version(editor: Editor) -> None:
    editor.open(URI, "x = md5(1)\n", version=4)
    await editor.settled()
    action = await editor.action(URI, "md5", "Use sha256")
    [change] = action["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 4}


async def test_a_client_without_document_changes(connect: Callable[..., Editor]) -> None:
    editor = connect()
    await editor.start(with_capability("workspace.workspaceEdit", {}))
    editor.open(URI, "x = md5(1)\n")
    await editor.settled()
    action = await editor.action(URI, "md5", "Use sha256")
    assert list(action["edit"]) == ["changes"]
    editor.apply(action["edit"])
    assert editor.texts[URI] == "x = sha256(1)\n"
    await editor.settled()


ASKS_LATE = with_capability(
    "textDocument.codeAction.resolveSupport.properties",
    ["edit", "command"],
    with_capability(
        "textDocument.codeAction.dataSupport", True, with_capability("workspace.workspaceEdit", {})
    ),
)
"""Neovim: an edit has no version, but is asked for when it is picked."""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("x", "x", "x = sha256(1)\n"),
        ("x = ", "# one\nx =  ", "# one\nx =  sha256(1)\n"),
        ("x = ", "y = ", ""),
        ("md5", "md", ""),
        ("x = md5(1)\n", "", ""),
    ],
    ids=["same", "moved", "line-changed", "code-changed", "gone"],
)
async def test_an_edit_is_for_the_text_at_the_time_it_is_picked(
    connect: Callable[..., Editor], old: str, new: str, expected: str
) -> None:
    editor = connect()
    await editor.start(ASKS_LATE)
    editor.open(URI, "x = md5(1)\n", version=0)
    await editor.settled()
    action = await editor.action(URI, "md5", "Use sha256")
    assert "edit" not in action
    editor.edit(URI, old, new)
    await editor.settled()
    changed = editor.texts[URI]
    if expected:
        resolved = await editor.request("codeAction/resolve", action)
        editor.apply(resolved["edit"])
        await editor.settled()
    else:
        with pytest.raises(ReplyError, match="Nothing was applied"):
            await editor.request("codeAction/resolve", action)
    assert editor.texts[URI] == (expected or changed)


async def test_a_command_needs_nothing_more_when_it_is_picked(
    connect: Callable[..., Editor],
) -> None:
    editor = connect()
    await editor.start(ASKS_LATE)
    editor.open(URI, "x = md5(1)\n")
    await editor.settled()
    action = await editor.action(URI, "md5", "Review security")
    assert await editor.request("codeAction/resolve", action) == action


async def test_an_edit_of_a_file_that_was_closed(connect: Callable[..., Editor]) -> None:
    editor = connect()
    await editor.start(ASKS_LATE)
    editor.open(URI, "x = md5(1)\n")
    await editor.settled()
    action = await editor.action(URI, "md5", "Use sha256")
    editor.close_file(URI)
    with pytest.raises(ReplyError, match="Nothing was applied"):
        await editor.request("codeAction/resolve", action)


async def test_fix_all_that_is_picked_late(connect: Callable[..., Editor]) -> None:
    editor = connect()
    await editor.start(ASKS_LATE)
    editor.open(URI, "md5(1)\nmd5(2)\n")
    await editor.settled()
    [action] = await editor.actions(URI, "1", only=["source.fixAll"])
    editor.edit(URI, "md5(1)", "md5(0)\nmd5(1)")
    await editor.settled()
    editor.apply((await editor.request("codeAction/resolve", action))["edit"])
    assert editor.texts[URI] == "sha256(0)\nsha256(1)\nsha256(2)\n"
    await editor.settled()


async def test_a_client_without_literals_is_offered_commands_only(
    connect: Callable[..., Editor],
) -> None:
    editor = connect()
    await editor.start({})
    editor.open(URI, "x = md5(1)\n")
    await editor.settled()
    actions = await editor.actions(URI, "md5")
    assert titles(actions) == REVIEWS
    assert all(isinstance(action["command"], str) for action in actions)


async def test_a_model_s_fix_comes_after_and_is_never_preferred(
    connect: Callable[..., Editor],
) -> None:
    editor = connect(agent=True)
    await editor.start(with_capability("textDocument.codeAction.tagSupport", {"valueSet": [1]}))
    await with_findings(editor, "eval(md5(1))\n", finding("eval(md5(1))", fix="int(md5(1))"))
    local, model = (await editor.actions(URI, "md5", only=["quickfix"]))[:2]
    assert (local["title"], model["title"]) == ("Use sha256", "Use int(md5(1))")
    assert "tags" not in local
    assert model["tags"] == [1]  # CodeActionTag.LlmGenerated
    assert "isPreferred" not in model
    # Nor is it part of what an editor does on save.
    [fix_all] = await editor.actions(URI, "md5", only=["source.fixAll"])
    editor.apply(fix_all["edit"])
    assert editor.texts[URI] == "eval(sha256(1))\n"
    await editor.settled()


async def test_the_tag_only_where_it_is_understood(with_agent: Editor) -> None:
    await with_findings(with_agent, "eval(x)\n", finding("eval(x)", fix="int(x)"))
    action = await with_agent.action(URI, "eval", "Use int(x)")
    assert "tags" not in action


@pytest.mark.parametrize("capabilities", [PUSH, CONFIRMS], ids=["cannot ask", "can ask"])
async def test_a_fix_that_needs_more_than_the_edit(
    connect: Callable[..., Editor], capabilities: dict[str, Any]
) -> None:
    editor = connect(agent=True)
    await editor.start(capabilities)
    found = finding("eval(x)", fix="int(x)", needs="migration")
    await with_findings(editor, "eval(x)\n", found)
    action = await editor.action(URI, "eval", "Use int(x)")
    assert action["title"] == "Use int(x) (a database migration is needed too)"
    [change] = action["edit"]["documentChanges"]
    if capabilities is CONFIRMS:
        assert [edit["annotationId"] for edit in change["edits"]] == ["confirm"]
        assert action["edit"]["changeAnnotations"] == {
            "confirm": {"label": "a database migration is needed too", "needsConfirmation": True}
        }
    else:
        assert "changeAnnotations" not in action["edit"]
        assert all("annotationId" not in edit for edit in change["edits"])


async def test_a_fix_that_reaches_outside_the_selection(
    connect: Callable[..., Editor],
) -> None:
    from dataclasses import replace

    from backend_developer.core.model import ProposedFix, SearchReplace

    editor = connect(agent=True)
    await editor.start(CONFIRMS)
    fix = ProposedFix(
        "Parse it",
        (SearchReplace("eval(x)", "int(x)"), SearchReplace("import os", "import ast")),
    )
    found = replace(finding("eval(x)"), fix=fix)
    await with_findings(editor, "import os\n\ny = eval(x)\n", found, code="y = eval(x)")
    action = await editor.action(URI, "eval", "Parse it")
    assert action["title"] == "Parse it (changes code outside the selection)"
    assert "changeAnnotations" in action["edit"]


async def test_a_safe_fix_asks_for_nothing(connect: Callable[..., Editor]) -> None:
    editor = connect()
    await editor.start(CONFIRMS)
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    action = await editor.action(URI, "md5", "Use sha256")
    assert "changeAnnotations" not in action["edit"]


async def test_fix_all_of_a_rule(editor: Editor) -> None:
    editor.open(URI, "md5(1)\nx = 1\nmd5(2)\nmd5(3)\n")
    await editor.settled()
    action = await editor.action(URI, "md5(2", "Fix all security/weak-hash in this file")
    editor.apply(action["edit"])
    assert editor.texts[URI] == "sha256(1)\nx = 1\nsha256(2)\nsha256(3)\n"
    await editor.settled()
    assert editor.marked(URI) == []


async def test_of_a_selection_with_many_findings_the_first_have_their_own_actions(
    editor: Editor,
) -> None:
    text = "".join(f"md5({number})\n" for number in range(30))
    editor.open(URI, text)
    await editor.settled()
    offered = await editor.actions(URI, text)
    assert titles(offered).count("Use sha256") == 20
    (every,) = [action for action in offered if action["title"].startswith("Fix all")]
    editor.apply(every["edit"])
    assert editor.texts[URI] == text.replace("md5", "sha256")


async def test_many_edits_are_those_of_the_latest_text(editor: Editor) -> None:
    text = "".join(f"md5({number})\n" for number in range(30))
    editor.open(URI, text)
    await editor.settled()
    before, again = [await editor.action(URI, "md5(29", "Fix all") for _ in range(2)]
    assert before == again
    editor.edit(URI, "md5(0)", "x = 1\nmd5(0)")
    await editor.settled()
    action = await editor.action(URI, "md5(29", "Fix all")
    editor.apply(action["edit"])
    assert editor.texts[URI] == f"x = 1\n{text.replace('md5', 'sha256')}"


async def test_many_edits_are_of_the_latest_version(editor: Editor) -> None:
    text = "".join(f"md5({number})\n" for number in range(30))
    editor.open(URI, text)
    await editor.settled()
    before = await editor.action(URI, "md5(29", "Fix all")
    editor.replace(URI)  # A change without a change, which is a version all the same.
    await editor.settled()
    after = await editor.action(URI, "md5(29", "Fix all")
    assert after["edit"] != before["edit"]
    editor.apply(after["edit"])
    assert editor.texts[URI] == text.replace("md5", "sha256")


async def test_one_finding_is_no_fix_all(editor: Editor) -> None:
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    assert not any("Fix all" in title for title in titles(await editor.actions(URI, "md5")))


async def test_a_fix_stays_offered_while_it_is_checked_again(editor: Editor) -> None:
    go_on = asyncio.Event()
    editor.open(URI, "x = md5(1)\n")
    await editor.settled()
    reviewers = editor.session.reviewers
    assert reviewers
    check = reviewers.checker.check

    async def wait(*arguments: Any) -> Any:
        await go_on.wait()
        return await check(*arguments)

    reviewers.checker.check = wait  # type: ignore[method-assign]
    scans = len(editor.local.calls)
    editor.edit(URI, "x", "# one\nx")
    await until(lambda: len(editor.local.calls) > scans and editor.local.calls[-1].closed)
    fix = await editor.action(URI, "md5", "Use sha256")
    go_on.set()
    await editor.settled()
    assert (await editor.action(URI, "md5", "Use sha256"))["edit"] == fix["edit"]


async def test_while_a_fix_is_checked_it_is_not_offered(with_agent: Editor) -> None:
    go_on = asyncio.Event()
    editor = with_agent
    editor.open(URI, "eval(x)\n")
    await editor.settled()
    reviewers = editor.session.reviewers
    assert reviewers
    check = reviewers.checker.check

    async def wait(*arguments: Any) -> Any:
        await go_on.wait()
        return await check(*arguments)

    reviewers.checker.check = wait  # type: ignore[method-assign]
    await editor.review(URI)
    call = await editor.agent.called()
    call.say(finding("eval(x)", fix="int(x)"))
    call.end()
    await until(lambda: editor.marked(URI) == ["eval(x)"])
    assert "being checked" in await editor.hover(URI, "eval")
    assert not any(title.startswith("Use") for title in titles(await editor.actions(URI, "eval")))
    go_on.set()
    await editor.settled()
    assert await editor.action(URI, "eval", "Use int(x)")
