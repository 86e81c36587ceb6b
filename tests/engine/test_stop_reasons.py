"""Why a turn ended, in the first turn and after a tool: each way, through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest

from backend_developer.core.model import Usage
from engine.support import MakeRequest, Review, quotes
from engine.test_agent import named
from engine.test_conversation import AFTER_FIRST, READ, TWO, with_reader
from loopback_model import LoopbackModel, Reply

ENDED = "HOST ended the answer before it was finished and what had arrived is kept: review again."
REFUSED = (
    "MODEL declined to review this code (category: cyber), which can happen to harmless security "
    "work: select less code or choose another model."
)
TOO_LONG = "This is more than MODEL can read at once: select less code."
AT_LIMIT = (
    "The answer of MODEL reached the limit of 16000 tokens and what had arrived is kept: select "
    "less code or raise maxOutputTokens."
)
BAD_FORM = (
    "MODEL did not answer in the form it was asked for: review again, or choose a model that has "
    "structured output."
)


@pytest.mark.parametrize(
    ("stop_reason", "of_whole", "of_half"),
    [
        ("end_turn", "", BAD_FORM),
        ("stop_sequence", "", ENDED),
        ("pause_turn", "", ENDED),
        ("max_tokens", AT_LIMIT, AT_LIMIT),
        ("model_context_window_exceeded", TOO_LONG, TOO_LONG),
        ("refusal", REFUSED, REFUSED),
        ("something_new", "", BAD_FORM),
        # Without a tool that it asks for.
        ("tool_use", "", BAD_FORM),
    ],
)
async def test_a_first_turn(
    model: LoopbackModel, review: Review, stop_reason: str, of_whole: str, of_half: str
) -> None:
    model.script(
        Reply(TWO, stop_reason=stop_reason, refusal="cyber"),
        Reply(TWO[:AFTER_FIRST], stop_reason=stop_reason, refusal="cyber"),
    )
    answers, error = await review()
    assert (len(quotes(answers)), error) == (2, named(of_whole, model))
    answers, error = await review()
    assert (len(quotes(answers)), error) == (1, named(of_half, model))
    # Whatever it was, what it took is counted, and it is not asked for again.
    assert isinstance(answers[-1], Usage)
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    ("reply", "found", "sentence"),
    [
        (Reply("", stop_reason="refusal", refusal="cyber"), 0, REFUSED),
        (Reply(TWO[:AFTER_FIRST], stop_reason="max_tokens"), 1, AT_LIMIT),
        (Reply("", stop_reason="model_context_window_exceeded"), 0, TOO_LONG),
        (Reply(TWO[:AFTER_FIRST], stop_reason="pause_turn"), 1, ENDED),
        (
            Reply(TWO, fault="error-event", after=AFTER_FIRST),
            1,
            "HOST is overloaded: try again in a few minutes.",
        ),
        (
            Reply(TWO, fault="cut", after=AFTER_FIRST),
            1,
            "The connection to HOST was cut in mid-answer and what had arrived is kept: review "
            "again.",
        ),
        (Reply(TWO, fault="no-stop", after=AFTER_FIRST), 1, ENDED),
        (
            Reply(TWO, fault="bad-event", after=AFTER_FIRST),
            1,
            "HOST sent a broken answer and what had arrived is kept: review again.",
        ),
        (
            Reply(TWO, fault="stall", after=AFTER_FIRST),
            1,
            "HOST took longer than 2 seconds: select less code or raise timeoutSeconds.",
        ),
        (
            Reply(
                status=400, error_type="invalid_request_error", message="prompt is too long: 9 > 8"
            ),
            0,
            TOO_LONG,
        ),
    ],
    ids=[
        "refusal",
        "max_tokens",
        "context window",
        "pause_turn",
        "error event",
        "cut",
        "no message_stop",
        "bad event",
        "stall",
        "too long",
    ],
)
async def test_a_turn_after_a_tool(
    model: LoopbackModel,
    review: Review,
    make_request: MakeRequest,
    reply: Reply,
    found: int,
    sentence: str,
) -> None:
    request, _ = with_reader(make_request, "def run(sql): ...")
    model.script(Reply(TWO), Reply("", tools=(READ,)), reply)
    await review()  # So that the SDK's import is in no time limit.
    model.requests.clear()
    answers, error = await review(request, timeout_seconds=2)
    assert (len(quotes(answers)), error) == (found, named(sentence, model))
    assert len(model.requests) == 2


@pytest.mark.parametrize("stop_reason", ["max_tokens", "refusal", "pause_turn"])
async def test_a_tool_that_is_asked_for_by_half_is_not_run(
    model: LoopbackModel, review: Review, make_request: MakeRequest, stop_reason: str
) -> None:
    """Cut arguments can be valid JSON, and mean something else than they would have."""
    request, files = with_reader(make_request, "x")
    call = Reply("", tools=(READ,), raw_arguments='{"path": "app"}', stop_reason=stop_reason)
    model.script(call)
    _, error = await review(request)
    assert error
    assert files.asked == []
    assert len(model.requests) == 1


@pytest.mark.parametrize("arguments", ['{"path": "app/d', "[]", '"app/db.py"', "{]", "\x00"])
async def test_arguments_that_are_no_object_are_told_so(
    model: LoopbackModel, review: Review, make_request: MakeRequest, arguments: str
) -> None:
    request, files = with_reader(make_request, "x")
    model.script(Reply("", tools=(READ,), raw_arguments=arguments), Reply(TWO))
    answers, error = await review(request)
    assert (len(quotes(answers)), error) == (2, "")
    assert files.asked == []
    [call] = model.requests[1].body["messages"][1]["content"]
    [result] = model.requests[1].body["messages"][2]["content"]
    # An endpoint takes nothing but an object back.
    assert call["input"] == {}
    assert result["is_error"] is True
    assert result["content"] == "The arguments were no JSON object."


async def test_thinking_goes_back_as_it_came(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    request, _ = with_reader(make_request, "x")
    thought = 'Is it "bound"?\n\u200b\U0001f914 ' * 20
    first = Reply(
        "Let me look.", tools=(READ, READ), thinking=thought, redacted_thinking="RXJkZQ==" * 9
    )
    model.script(first, first, Reply(TWO))
    answers, error = await review(request)
    assert (len(quotes(answers)), error) == (2, "")
    for number in (1, 3):
        said: list[dict[str, Any]] = model.requests[2].body["messages"][number]["content"]
        assert said[0] == {"type": "thinking", "thinking": thought, "signature": "c2lnbmVk"}
        assert said[1] == {"type": "redacted_thinking", "data": "RXJkZQ==" * 9}
        assert [block["type"] for block in said[2:]] == ["text", "tool_use", "tool_use"]


async def test_a_stream_without_its_first_event_is_read(
    model: LoopbackModel, review: Review
) -> None:
    model.script(Reply(TWO, fault="no-start"))
    answers, error = await review()
    assert (len(quotes(answers)), error) == (2, "")
    assert answers[-1] == Usage("claude-sonnet-5-5", output_tokens=77)


@pytest.mark.parametrize("tools", [(), (READ,)], ids=["nothing", "a tool that it was not offered"])
async def test_a_turn_without_an_answer_is_said(
    model: LoopbackModel, review: Review, tools: tuple[tuple[str, Any], ...]
) -> None:
    model.usual = lambda body: Reply("", tools=tools)
    answers, error = await review()
    assert error == named(BAD_FORM, model)
    # In each form that there is, and no more.
    assert [type(one) for one in answers] == [Usage] * 3
