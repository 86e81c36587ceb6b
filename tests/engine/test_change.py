"""What a change task sends and how its answer is read: its form, its conversation, its secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from backend_developer.core.changes import Dependency, ManualStep, NewFile, Paragraph
from backend_developer.core.model import SearchReplace, TaskDefinition, Usage
from backend_developer.engines.agent import ANSWER_TOOL
from backend_developer.engines.base import Answer, ReviewRequest, Thread, ThreadAnswer
from engine.support import CODE, MakeRequest, OpenGate, Review
from loopback_model import LoopbackModel, PromptCache, Reply

TASK = TaskDefinition("bind", "Bind values", "change", (), "Bind every value.", "bind.md")
EXPLAIN = TaskDefinition("explain", "Explain", "explain", (), "Explain the contract.", "x.md")
EDIT = {"file": "app/users.py", "line": 4, "old": " % name", "new": ", (name,)"}
FILE = {"path": "app/names.py", "content": "NAMES = ()\n"}
NEEDED = {"name": "sqlparse", "version": ">=0.5", "why": "reads SQL"}
STEP = {"kind": "command", "text": "Run the tests."}
PIECES: list[Answer] = [
    Paragraph("Values are bound."),
    SearchReplace(" % name", ", (name,)", None, 4),
    NewFile("app/names.py", "NAMES = ()\n"),
    Dependency("sqlparse", ">=0.5", "reads SQL"),
    ManualStep("command", "Run the tests."),
]


def written(**members: Any) -> str:
    """The text of a whole answer; keywords replace its members."""
    answer: dict[str, Any] = {
        "explanation": ["Values are bound."],
        "edits": [EDIT],
        "files": [FILE],
        "dependencies": [NEEDED],
        "steps": [STEP],
    }
    return json.dumps(answer | members, ensure_ascii=False)


@pytest.fixture
def request_(make_request: MakeRequest) -> ReviewRequest:
    return make_request(task=TASK, root="/home/anna/shop")


def thread_of(answers: list[Answer]) -> Thread:
    [thread] = [one.thread for one in answers if isinstance(one, ThreadAnswer)]
    return thread


def said(body: Mapping[str, Any]) -> str:
    """All words of a request."""
    return json.dumps(body, ensure_ascii=False)


# --- Its form


@pytest.mark.parametrize(
    ("refuses", "reply"),
    [
        pytest.param({}, Reply(written()), id="structured"),
        pytest.param({}, Reply(written(), chunk=1), id="in single characters"),
        pytest.param(
            {"output_config": "unknown field output_config"},
            Reply(written(), in_tool=ANSWER_TOOL),
            id="a tool",
        ),
        pytest.param(
            {"output_config": "unknown field output_config", "tools": "no tools here"},
            Reply(f"Here it is:\n```json\n{written()}\n```\nDone."),
            id="text with prose around",
        ),
    ],
)
async def test_every_form_of_the_answer(
    model: LoopbackModel,
    review: Review,
    request_: ReviewRequest,
    refuses: Mapping[str, str],
    reply: Reply,
) -> None:
    model.refuses = refuses
    model.usual = lambda body: reply
    answers, error = await review(request_)
    assert error == ""
    assert [one for one in answers if not isinstance(one, Usage | ThreadAnswer)] == PIECES


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param(
            {"edits": [{"old": "a", "new": "b"}]},
            SearchReplace("a", "b", "(no file named)"),
            id="an edit of no file is none of the reviewed one",
        ),
        pytest.param(
            {"edits": [{"file": "app/users.py", "old": "a"}]},
            SearchReplace("", ""),
            id="a missing new text is no deletion",
        ),
        pytest.param({"files": ["x"]}, NewFile("(no file named)", ""), id="a text for a file"),
        pytest.param({"steps": ["Migrate."]}, ManualStep("other", "Migrate."), id="a bare step"),
        pytest.param({"dependencies": ["redis"]}, Dependency("redis", "", ""), id="a bare name"),
        pytest.param({"notes": ["x"], "findings": [{}]}, PIECES[0], id="members nobody asked for"),
    ],
)
async def test_sloppy_members(
    model: LoopbackModel,
    review: Review,
    request_: ReviewRequest,
    members: dict[str, Any],
    expected: Answer,
) -> None:
    model.script(Reply(written(**members)))
    answers, error = await review(request_)
    assert error == ""
    assert expected in answers


async def test_an_explanation_has_words_alone(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    model.script(Reply(json.dumps({"explanation": ["It lists users.", "Anyone may."]})))
    answers, error = await review(make_request(task=EXPLAIN))
    assert error == ""
    assert answers[:2] == [Paragraph("It lists users."), Paragraph("Anyone may.")]
    [sent] = model.requests
    assert [*sent.body["output_config"]["format"]["schema"]["properties"]] == ["explanation"]


@pytest.mark.parametrize(
    ("task", "reply", "sentence"),
    [
        (
            TASK,
            Reply(written(), fault="cut", after=120),
            "was cut in mid-answer and half of it is not offered: ask again.",
        ),
        (
            TASK,
            Reply(written(), fault="no-stop", after=120),
            "ended the answer before it was finished and half of it is not offered: ask again.",
        ),
        (
            TASK,
            Reply("", stop_reason="model_context_window_exceeded"),
            "can read at once: ask for a smaller change.",
        ),
        (
            TASK,
            Reply("", stop_reason="refusal", refusal="cyber"),
            "declined to make this change (category: cyber), which can happen to harmless security "
            "work: ask for a smaller change or choose another model.",
        ),
        (
            EXPLAIN,
            Reply("", stop_reason="refusal", refusal="cyber"),
            "declined to explain this code (category: cyber), which can happen to harmless "
            "security work: select less code or choose another model.",
        ),
    ],
)
async def test_half_an_answer_has_no_thread_and_a_sentence(
    model: LoopbackModel,
    review: Review,
    make_request: MakeRequest,
    task: TaskDefinition,
    reply: Reply,
    sentence: str,
) -> None:
    model.script(reply)
    answers, error = await review(make_request(task=task, root="/home/anna/shop"))
    assert sentence in error
    assert not [one for one in answers if isinstance(one, ThreadAnswer)]


async def test_a_change_may_be_longer_than_a_review(
    model: LoopbackModel, review: Review, request_: ReviewRequest, gate: OpenGate
) -> None:
    model.script(Reply(written(), stop_reason="max_tokens"))
    _, error = await review(request_)
    assert "limit of 32000 tokens and half of it is not offered" in error
    assert "maxChangeTokens" in error
    assert model.requests[0].body["max_tokens"] == 32_000
    assert [call.purpose for call in gate.calls] == ["change"]


# --- What is sent


async def test_the_task_its_wish_and_the_habits_are_sent(
    model: LoopbackModel, review: Review, request_: ReviewRequest
) -> None:
    model.script(Reply(written()))
    wish, habits = "Use named parameters.", "- errors: `NotFoundError` in app/errors.py"
    await review(replace(request_, instruction=wish, habits=habits))
    [sent] = model.requests
    first, *_, last = sent.body["messages"][0]["content"]
    assert habits in first["text"]
    assert last["text"].index("Bind every value.") < last["text"].index(wish)
    assert 'path=\\"app/users.py\\"' in said(sent.body), "paths are relative to the workspace"


async def test_secrets_are_hidden_and_put_back(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    secret = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    code = f'KEY = "{secret}"\n{CODE}'
    request = make_request(code, task=TASK, root="/home/anna/shop", instruction=f"Move {secret}.")

    def reply(body: Mapping[str, Any]) -> Reply:
        hidden = said(body).split('KEY = \\"', 1)[1].split("\\", 1)[0]
        old = f'KEY = "{hidden}"'
        return Reply(written(edits=[EDIT | {"old": old, "new": f"{old}  # moved"}]))

    model.usual = reply
    answers, error = await review(request)
    assert error == ""
    assert SearchReplace(f'KEY = "{secret}"', f'KEY = "{secret}"  # moved', None, 4) in answers
    assert secret not in model.requests[0].raw.decode()
    thread = thread_of(answers)
    await review(replace(request, thread=thread, follow_up=f"Or use {secret}?"))
    assert secret not in model.requests[1].raw.decode()


# --- It goes on


async def test_a_conversation_goes_on_from_the_cache(
    model: LoopbackModel, review: Review, request_: ReviewRequest
) -> None:
    cache = PromptCache()
    model.usual = lambda body: Reply(written(), usage=cache.usage(body))
    answers, _ = await review(request_)
    follow_up = replace(request_, thread=thread_of(answers), follow_up="Make it shorter.")
    answers, error = await review(follow_up)
    assert error == ""
    first, second = (recorded.body for recorded in model.requests)
    assert len(second["messages"]) == 3
    assert without_marks(second["messages"][0]) == without_marks(first["messages"][0])
    assert "Values are bound." in said(second["messages"][1])
    assert "Make it shorter." in said(second["messages"][2])
    [usage] = [one for one in answers if isinstance(one, Usage)]
    assert usage.cache_read_tokens > 0.9 * (usage.prompt_tokens - 200)
    for body in (first, second):
        assert said(body).count("cache_control") <= 4, "an endpoint allows four"


async def test_what_was_wrong_and_the_files_as_they_are_now_go_back(
    model: LoopbackModel, review: Review, request_: ReviewRequest
) -> None:
    model.usual = lambda body: Reply(written())
    answers, _ = await review(request_)
    problems = ("app/names.py: It defines nothing.",)
    again = replace(
        request_,
        thread=thread_of(answers),
        problems=problems,
        changed_files=(("app/users.py", "import os\n"),),
    )
    await review(again)
    said_last = said(model.requests[1].body["messages"][-1])
    assert problems[0] in said_last
    assert "1 | import os" in said_last


async def test_after_an_answer_by_tool_its_result_comes_first(
    model: LoopbackModel, review: Review, request_: ReviewRequest
) -> None:
    model.refuses = {"output_config": "unknown field output_config"}
    model.usual = lambda body: Reply(written(), in_tool=ANSWER_TOOL)
    answers, _ = await review(request_)
    await review(replace(request_, thread=thread_of(answers), follow_up="Shorter."))
    before, after = model.requests[-1].body["messages"][-2:]
    [used] = [block for block in before["content"] if block["type"] == "tool_use"]
    assert after["content"][0]["tool_use_id"] == used["id"]


async def test_another_model_is_not_told_what_the_first_one_thought(
    model: LoopbackModel, review: Review, request_: ReviewRequest
) -> None:
    model.usual = lambda body: Reply(written(), thinking="Hm.")
    answers, _ = await review(request_)
    thread = thread_of(answers)
    await review(replace(request_, thread=thread, follow_up="Shorter."))
    assert "Hm." in said(model.requests[-1].body)
    await review(replace(request_, thread=thread, follow_up="Shorter."), model="opus")
    assert "Hm." not in said(model.requests[-1].body)


def without_marks(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in block.items() if key != "cache_control"}
        for block in message["content"]
    ]
