"""What an editor can ask for, to draw a view or a status line of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_developer.core.model import Usage
from backend_developer.ledger import reserve, settle
from backend_developer.state import State, state_folder
from engine.support import outgoing
from session.editor import Editor, finding
from session.test_findings import URI, reviewed


async def test_the_findings_of_one_document_and_of_all(with_agent: Editor) -> None:
    await reviewed(with_agent, finding("eval(x)", fix="parse(x)"), text="y = eval(x)\n")
    other = "file:///work/other.py"
    with_agent.open(other, "md5(x)")
    await with_agent.settled()
    [one] = await with_agent.command("findings", uri=URI)
    assert one.pop("id") == with_agent.diagnostics(URI)[0]["data"]["id"]
    assert one == {
        "uri": URI,
        "range": with_agent.range(URI, "eval(x)"),
        "rule": "security/code-injection",
        "title": "Code built from input",
        "message": with_agent.diagnostics(URI)[0]["message"],
        "focus": "security",
        "severity": "error",
        "fix": "Use parse(x)",
    }
    everything = await with_agent.command("findings")
    assert [one["uri"] for one in everything] == [URI, other]


async def test_an_edit_says_what_it_is_for(with_agent: Editor) -> None:
    await reviewed(with_agent, finding("eval(x)", fix="parse(x)"), text="y = eval(x)\n")
    [diagnostic] = with_agent.diagnostics(URI)
    assert diagnostic["data"]["hasFix"]
    fix = await with_agent.action(URI, "eval(x)", "Use parse(x)")
    assert fix["data"] == {"uri": URI, "about": diagnostic["data"]["id"], "isFix": True}
    comment = await with_agent.action(
        URI, "eval(x)", "Dismiss security/code-injection with a comment"
    )
    assert not comment["data"]["isFix"]


async def test_what_was_spent_today_is_what_all_editors_spent(
    with_agent: Editor, tmp_path: Path
) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    state = State(state_folder(environment))
    call = outgoing(model="claude-sonnet-5-5")
    number = reserve(state, call, {})
    assert isinstance(number, int)
    settle(state, number, call, Usage(call.model, 10, 20, 30, 1_000_000), "finished")
    with_agent.session.environment = environment
    await with_agent.command("status")
    await with_agent.settled()
    status = await with_agent.command("status")
    [used] = status["usage"]
    assert used.pop("cost") == pytest.approx(10, abs=0.001)
    assert used == {
        "model": "claude-sonnet-5-5",
        "inputTokens": 60,
        "cachedTokens": 30,
        "outputTokens": 1_000_000,
    }
    assert "sonnet" in status["models"]
