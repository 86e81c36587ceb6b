"""What a person sees of findings: diagnostics and hovers, while the text changes under them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend_developer import session
from session.editor import PULL, PUSH, Editor, finding, until, with_capability

URI = "file:///work/app.py"


async def reviewed(editor: Editor, *findings: Any, text: str, task: str = "security") -> None:
    """Opens a text and has the agent find these things in it."""
    editor.open(URI, text)
    await editor.settled()
    await editor.review(URI, task=task)
    call = await editor.agent.called()
    call.say(*findings)
    call.end()
    await editor.settled()


# --- What a diagnostic says


async def test_a_diagnostic(with_agent: Editor) -> None:
    found = finding("eval(x)", confidence="medium")
    await reviewed(with_agent, found, text="a = 1\ny = eval(x)\n")
    [diagnostic] = with_agent.diagnostics(URI)
    assert diagnostic.pop("data")["id"]
    assert diagnostic == {
        "range": with_agent.range(URI, "eval(x)"),
        "severity": 1,
        "code": "security/code-injection",
        "codeDescription": {"href": "https://cwe.mitre.org/data/definitions/95.html"},
        "source": "backend-developer",
        "message": "Code built from input: About eval(x). [agent:test-model, medium confidence]",
    }


async def test_a_client_that_knows_less_gets_less(connect: Callable[..., Editor]) -> None:
    editor = connect(agent=True)
    await editor.start({})
    await reviewed(editor, finding("eval(x)"), text="eval(x)")
    [diagnostic] = editor.diagnostics(URI)
    assert "codeDescription" not in diagnostic
    assert "relatedInformation" not in diagnostic


async def test_the_way_from_source_to_sink(with_agent: Editor) -> None:
    from backend_developer.core.model import Quote, Step

    flow = (Step(Quote("x = input()"), "comes in"), Step(Quote("eval(x)"), "is run"))
    found = finding("eval(x)", flow=flow)
    await reviewed(with_agent, found, text="x = input()\neval(x)\n")
    [diagnostic] = with_agent.diagnostics(URI)
    assert [one["message"] for one in diagnostic["relatedInformation"]] == ["comes in", "is run"]
    place = diagnostic["relatedInformation"][0]["location"]
    assert place == {"uri": URI, "range": with_agent.range(URI, "x = input()")}


# --- Hover


async def test_hover_says_all_that_is_known(with_agent: Editor) -> None:
    found = finding("eval(x)", fix="int(x)")
    await reviewed(with_agent, found, text="eval(x)\n")
    text = await with_agent.hover(URI, "val")
    for part in (
        "**Code built from input**",
        "About eval(x).",
        "**Why:** Input becomes code.",
        "**How to fix it:** Parse it instead.",
        "**Fix:** Use int(x): offered as a code action.",
        "CWE-95 · A03:2021",
        "agent:test-model, high confidence",
        "](https://cwe.mitre.org/data/definitions/95.html)",
    ):
        assert part in text


async def test_hover_says_the_advice_once(with_agent: Editor) -> None:
    found = finding("eval(x)", message="`eval` was called. Parse it instead.")
    await reviewed(with_agent, found, text="eval(x)\n")
    assert (await with_agent.hover(URI, "val")).count("Parse it instead.") == 1


async def test_hover_says_why_no_fix_is_offered(with_agent: Editor) -> None:
    found = finding("eval(x)", fix="broken(x)")
    await reviewed(with_agent, found, text="eval(x)\n")
    assert "not offered. It does not parse." in await with_agent.hover(URI, "eval")
    titles = [action["title"] for action in await with_agent.actions(URI, "eval")]
    assert not any(title.startswith("Use") for title in titles)


async def test_hover_elsewhere_says_nothing(editor: Editor) -> None:
    editor.open(URI, "x = 1\ny = md5(1)\n")
    await editor.settled()
    assert await editor.hover(URI, "x") == ""


async def test_a_message_cannot_come_to_life(with_agent: Editor) -> None:
    message = "See ![x](https://evil.example/p.png) <img src=x> [a](command:b) `a_b[0]` # *b*"
    await reviewed(with_agent, finding("eval(x)", message=message), text="eval(x)\n")
    text = await with_agent.hover(URI, "eval")
    assert r"\!\[x\](https://evil.example/p.png) \<img src=x\> \[a\](command:b)" in text
    assert "`a_b[0]`" in text


async def test_hover_in_plain_text(connect: Callable[..., Editor]) -> None:
    editor = connect()
    await editor.start(with_capability("textDocument.hover.contentFormat", ["plaintext"]))
    editor.open(URI, "md5(1)")
    await editor.settled()
    text = await editor.hover(URI, "md5")
    assert "Weak hash\n`md5` is weak." in text
    assert "**" not in text


# --- While the text changes


async def test_a_finding_moves_with_the_text(with_agent: Editor) -> None:
    editor = with_agent
    await reviewed(editor, finding("eval(x)"), text="a = 1\neval(x)\n")
    editor.edit(URI, "a = 1", "import b\n\na = 12")
    await editor.settled()
    assert editor.marked(URI) == ["eval(x)"]
    assert editor.published(URI)[-1]["version"] == 2


async def test_a_finding_that_is_edited_goes_and_undo_brings_it_back(with_agent: Editor) -> None:
    editor = with_agent
    await reviewed(editor, finding("eval(x)"), text="eval(x)\n")
    editor.edit(URI, "val", "vil")
    await editor.settled()
    assert editor.marked(URI) == []
    editor.edit(URI, "vil", "val")
    await editor.settled()
    assert editor.marked(URI) == ["eval(x)"]


async def test_the_local_engine_follows_each_change(editor: Editor) -> None:
    editor.open(URI, "x = 1\n")
    await editor.settled()
    assert editor.marked(URI) == []
    editor.edit(URI, "1", "md5(1)")
    await editor.settled()
    assert editor.marked(URI) == ["md5("]
    editor.edit(URI, "md5", "sha256")
    await editor.settled()
    assert editor.marked(URI) == []


async def test_what_crossed_a_change_on_its_way_is_published_again(editor: Editor) -> None:
    editor.open(URI, "x = md5(1)\n", version=7)
    await until(lambda: editor.published(URI))
    # The client had typed this before it got what was published, and has dropped that.
    editor.replace(URI, (len(editor.texts[URI]), len(editor.texts[URI]), "# a\n"))
    await editor.settled()
    assert [params["version"] for params in editor.published(URI)] == [7, 8]
    assert editor.published(URI)[0]["diagnostics"] == editor.published(URI)[1]["diagnostics"]


async def test_published_only_when_different_and_with_the_true_version(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "ON_THE_WAY_SECONDS", 0.0)
    editor.open(URI, "x = md5(1)\n", version=7)
    await editor.settled()
    for text in ("# a\n", "# b\n"):
        editor.replace(URI, (len(editor.texts[URI]), len(editor.texts[URI]), text))
        await editor.settled()
    # What was typed below the finding changes nothing about it.
    assert [params["version"] for params in editor.published(URI)] == [7]
    editor.replace(URI, (0, 0, "\n"))
    await editor.settled()
    assert [params["version"] for params in editor.published(URI)] == [7, 10]


async def test_nothing_is_published_for_a_file_without_findings(editor: Editor) -> None:
    editor.open(URI, "x = 1\n")
    await editor.settled()
    editor.close_file(URI)
    assert editor.published(URI) == []


async def test_closing_clears(editor: Editor) -> None:
    editor.open(URI, "md5(1)")
    await editor.settled()
    editor.close_file(URI)
    assert editor.diagnostics(URI) == []
    assert len(editor.published(URI)) == 2


async def test_reopening_starts_afresh(with_agent: Editor) -> None:
    editor = with_agent
    await reviewed(editor, finding("eval(x)"), text="eval(x); md5(1)\n")
    editor.close_file(URI)
    editor.open(URI, "eval(x); md5(1)\n", version=1)
    await editor.settled()
    assert editor.marked(URI) == ["md5("]


# --- Both engines


async def test_findings_of_both_engines_are_one_list(with_agent: Editor) -> None:
    found = finding("md5(1)", "security/weak-hash", message="It guards passwords.")
    await reviewed(with_agent, found, text="md5(1)\n")
    [diagnostic] = with_agent.diagnostics(URI)
    assert diagnostic["message"].startswith("Weak hash: It guards passwords.")
    assert "rule:test, agent:test-model" in diagnostic["message"]


async def test_a_refuted_finding_is_a_hint_that_says_why(with_agent: Editor) -> None:
    editor = with_agent
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    await editor.review(URI)
    call = await editor.agent.called()
    assert [one.code for one in call.request.evidence] == ["md5("]
    call.refute("md5(", "It names a cache file.")
    call.end()
    await editor.settled()
    [diagnostic] = editor.diagnostics(URI)
    assert diagnostic["severity"] == 4
    assert diagnostic["message"].startswith("Probably no problem: It names a cache file.")
    assert "It names a cache file." in await editor.hover(URI, "md5")
    # The local engine finds it again with each change; it stays refuted.
    editor.replace(URI, (0, 0, "\n"))
    await editor.settled()
    assert editor.diagnostics(URI)[0]["severity"] == 4


async def test_an_unsure_finding_shows_where_a_person_asked(editor: Editor) -> None:
    editor.open(URI, "maybe(1)\n\n\nmaybe(2)\n")
    await editor.settled()
    assert editor.marked(URI) == []
    await editor.review(URI, "maybe(2)")
    await editor.settled()
    assert [one["range"]["start"]["line"] for one in editor.diagnostics(URI)] == [3]


async def test_a_comment_dismisses(editor: Editor) -> None:
    editor.open(URI, "md5(1)\nmd5(2)  # backend-developer: ignore[security/weak-hash] cache\n")
    await editor.settled()
    assert [one["range"]["start"]["line"] for one in editor.diagnostics(URI)] == [0]


# --- Push or pull, never both


async def pulled(editor: Editor, previous: str | None = None) -> dict[str, Any]:
    params: dict[str, Any] = {"textDocument": {"uri": URI}}
    if previous is not None:
        params["previousResultId"] = previous
    answer: dict[str, Any] = await editor.request("textDocument/diagnostic", params)
    return answer


async def test_a_client_that_pulls_is_not_pushed_to(connect: Callable[..., Editor]) -> None:
    editor = connect()
    result = await editor.start(PULL)
    assert result["capabilities"]["diagnosticProvider"]["identifier"] == "backend-developer"
    editor.open(URI, "x = 1\n")
    first = await pulled(editor)
    assert (first["kind"], first["items"]) == ("full", [])
    await editor.settled()
    assert editor.requests.count(("workspace/diagnostic/refresh", None)) == 0
    editor.edit(URI, "1", "md5(1)")
    await until(lambda: ("workspace/diagnostic/refresh", None) in editor.requests)
    second = await pulled(editor, first["resultId"])
    assert [one["code"] for one in second["items"]] == ["security/weak-hash"]
    third = await pulled(editor, second["resultId"])
    assert third == {"kind": "unchanged", "resultId": second["resultId"]}
    editor.close_file(URI)
    assert editor.published(URI) == []


@pytest.mark.parametrize(
    "capabilities",
    [
        pytest.param(PUSH, id="no pull"),
        pytest.param(
            with_capability("textDocument.diagnostic", {"dynamicRegistration": False}),
            id="pull without refresh, as Neovim",
        ),
    ],
)
async def test_other_clients_are_pushed_to_and_not_offered_to_pull(
    connect: Callable[..., Editor], capabilities: dict[str, Any]
) -> None:
    editor = connect()
    result = await editor.start(capabilities)
    assert "diagnosticProvider" not in result["capabilities"]
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    assert editor.marked(URI) == ["md5("]


# --- Dismissed


@pytest.mark.parametrize(
    ("title", "left"),
    [
        ("Dismiss security/weak-hash here: false positive", [1, 2]),
        ("Dismiss security/weak-hash here: accepted risk", [1, 2]),
        ("Dismiss security/weak-hash in this file", []),
        ("Dismiss security/weak-hash everywhere", []),
        ("Dismiss security/weak-hash with a comment", [2, 3]),
    ],
)
async def test_dismissing_is_remembered(
    connect: Callable[..., Editor], tmp_path: Path, title: str, left: list[int]
) -> None:
    editor = connect()
    await editor.start(folder=tmp_path)
    uri = (tmp_path / "app.py").as_uri()
    editor.open(uri, "md5(1)\nmd5(2)\nmd5(3)\n")
    await editor.settled()
    action = await editor.action(uri, "md5(1", title)
    if "edit" in action:
        editor.apply(action["edit"])
    else:
        command = action["command"]
        await editor.request(
            "workspace/executeCommand",
            {"command": command["command"], "arguments": command["arguments"]},
        )
    await editor.settled()
    assert [one["range"]["start"]["line"] for one in editor.diagnostics(uri)] == left
    # It is still dismissed in a later session, after code was added above.
    later = connect()
    await later.start(folder=tmp_path)
    later.open(uri, "import x\n\n" + editor.texts[uri])
    await later.settled()
    assert [one["range"]["start"]["line"] - 2 for one in later.diagnostics(uri)] == left


async def test_two_findings_on_a_line_are_two(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    editor = connect()
    await editor.start(folder=tmp_path)
    uri = (tmp_path / "app.py").as_uri()
    editor.open(uri, "f(md5(1), md5(2))\n")
    await editor.settled()
    first, second = (one["range"]["start"]["character"] for one in editor.diagnostics(uri))
    assert (first, second) == (2, 10)
    # One of them is dismissed; the other stays, and both do so after an edit elsewhere.
    identity = editor.diagnostics(uri)[1]["data"]["id"]
    await editor.command("dismiss", uri=uri, id=identity, scope="here")
    await editor.settled()
    editor.edit(uri, "f(", "import x\n\nf(")
    await editor.settled()
    assert [one["range"]["start"]["character"] for one in editor.diagnostics(uri)] == [first]
    later = connect()
    await later.start(folder=tmp_path)
    later.open(uri, editor.texts[uri])
    await later.settled()
    assert [one["range"]["start"]["character"] for one in later.diagnostics(uri)] == [first]


async def test_dismissing_everywhere_reaches_other_files(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    editor = connect()
    await editor.start(folder=tmp_path)
    one, other = ((tmp_path / name).as_uri() for name in ("a.py", "b.py"))
    for uri in (one, other):
        editor.open(uri, "md5(1)\n")
    await editor.settled()
    [diagnostic] = editor.diagnostics(one)
    identity = diagnostic["data"]["id"]
    answer = await editor.command("dismiss", uri=one, id=identity, scope="everywhere")
    assert answer == {"dismissed": True}
    await editor.settled()
    assert editor.marked(one) == editor.marked(other) == []


async def test_what_the_catalogue_does_not_name_goes_by_its_own_words(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    editor = connect(agent=True)
    await editor.start(folder=tmp_path)
    uri = (tmp_path / "app.py").as_uri()
    editor.open(uri, "pay(x)\n")
    await editor.settled()
    await editor.review(uri)
    call = await editor.agent.called()
    call.say(finding("pay(x)", rule="other", focus="api-design", message="Pays twice: no key."))
    call.end()
    await editor.settled()
    [diagnostic] = editor.diagnostics(uri)
    assert diagnostic["message"] == "Pays twice: no key. [agent:test-model]"
    # What has no name in common with others cannot be dismissed together with them.
    titles = [action["title"] for action in await editor.actions(uri, "pay", only=["quickfix"])]
    assert titles == [
        "Ask for a fix of “Pays twice” (agent: claude-sonnet-5-5)",
        "Dismiss “Pays twice” here: false positive",
        "Dismiss “Pays twice” here: accepted risk",
        "Dismiss “Pays twice” with a comment",
    ]


async def test_without_a_folder_only_a_comment_dismisses(editor: Editor) -> None:
    editor.open(URI, "md5(1)\n")
    await editor.settled()
    titles = [action["title"] for action in await editor.actions(URI, "md5")]
    assert [title for title in titles if title.startswith("Dismiss")] == [
        "Dismiss security/weak-hash with a comment"
    ]
    identity = editor.diagnostics(URI)[0]["data"]["id"]
    answer = await editor.command("dismiss", uri=URI, id=identity)
    assert answer["dismissed"] is False
    assert "comment" in answer["reason"]


async def test_a_dismissal_that_cannot_be_written_is_taken_back(
    connect: Callable[..., Editor], tmp_path: Path
) -> None:
    (tmp_path / "else.yml").touch()
    (tmp_path / ".backend-developer.dismissed.yml").symlink_to(tmp_path / "else.yml")
    editor = connect()
    await editor.start(folder=tmp_path)
    uri = (tmp_path / "app.py").as_uri()
    editor.open(uri, "md5(1)\n")
    await editor.settled()
    identity = editor.diagnostics(uri)[0]["data"]["id"]
    await editor.command("dismiss", uri=uri, id=identity)
    await editor.settled()
    assert editor.marked(uri) == ["md5("]
    [message] = editor.messages()
    assert "was not dismissed" in message
