"""What an editor can ask for, to draw a view or a status line of its own."""

from __future__ import annotations

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


async def test_what_the_models_used_today(with_agent: Editor) -> None:
    from backend_developer.core.model import Usage

    first, second = Usage("test-model", 10, 20, 30, 4), Usage("test-model", 1, 0, 0, 1)
    await reviewed(with_agent, first, second, text="a = 1\n")
    status = await with_agent.command("status")
    assert status["usage"] == [{"model": "test-model", "inputTokens": 61, "outputTokens": 5}]
    assert "sonnet" in status["models"]
