"""A review as a conversation: its form, its tools, its second look, the gate before each call."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from backend_developer.core.model import Finding, Usage, Verdict
from backend_developer.dismissals import Dismissal
from backend_developer.engines.agent import ANSWER_TOOL
from backend_developer.engines.base import (
    Excerpt,
    Note,
    ReadError,
    ReviewRequest,
    Surroundings,
)
from engine.support import AGENT, CODE, MakeRequest, OpenGate, Review, quotes
from loopback_model import LoopbackModel, Reply, answer, finding

FIRST = finding(quote="% name", line=4)
SECOND = finding(quote="fetchall()", line=7)
TWO = answer(FIRST, SECOND)
AFTER_FIRST = TWO.index("}") + 20
PROSE = Reply("I see nothing wrong with it.")
READ = ("read_file", {"path": "app/db.py"})


class Files:
    """Implements Reader, over texts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self.asked: list[tuple[str, ...]] = []

    def read_file(self, path: str, first_line: int, last_line: int) -> str:
        self.asked.append(("read_file", path, f"{first_line}-{last_line}"))
        if path not in self.texts:
            raise ReadError(f"{path} is not in the workspace.")
        return self.texts[path]

    def search(self, text: str, path_pattern: str) -> str:
        self.asked.append(("search", text, path_pattern))
        return "\n".join(path for path, code in self.texts.items() if text in code)

    def outline(self, path: str) -> str:
        return self.read_file(path, 1, 1)

    def find_definition(self, name: str) -> str:
        return self.search(name, "")


def with_reader(make_request: MakeRequest, text: str) -> tuple[ReviewRequest, Files]:
    files = Files({"app/db.py": text})
    return make_request(reader=files, root="/home/anna/shop"), files


# --- The form of the answer: structured, else a tool, else text


def error(message: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def form_of(body: Mapping[str, Any]) -> str:
    if "format" in body.get("output_config", ()):
        return "structured"
    names = [tool["name"] for tool in body.get("tools", ())]
    return "tool" if ANSWER_TOOL in names else "text"


async def check_forms(
    model: LoopbackModel, review: Review, request: ReviewRequest, expected: list[str]
) -> None:
    """Both reviews find two things, and were asked for in these forms."""
    for _ in range(2):
        answers, error = await review(request)
        assert (quotes(answers), error) == (["% name", "fetchall()"], "")
    assert [form_of(recorded.body) for recorded in model.requests] == expected
    assert "- `quote` (string):" in model.requests[-1].raw.decode()


@pytest.mark.parametrize(
    "message",
    ["output_config: Extra inputs are not permitted", "The compiled grammar is too large."],
)
async def test_without_structured_output_the_answer_is_a_tool(
    model: LoopbackModel, review: Review, make_request: MakeRequest, message: str
) -> None:
    model.refuses = {"output_config": message}
    model.usual = lambda body: Reply(TWO, in_tool=ANSWER_TOOL)
    await check_forms(model, review, make_request(), ["structured", "tool", "tool"])
    choice = model.requests[-1].body["tool_choice"]
    assert choice == {"type": "tool", "name": ANSWER_TOOL}


async def test_without_tools_the_answer_is_text(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    model.refuses = {"output_config": "unknown field output_config", "tools": "no tools here"}
    model.usual = lambda body: Reply(f"Here:\n```json\n{TWO}\n```")
    await check_forms(model, review, make_request(), ["structured", "tool", "text", "text"])


STRUCTURED, TOOL, TEXT = "structured", "tool", "text"


@pytest.mark.parametrize(
    ("status", "body", "option"),
    [
        # Vertex and Bedrock, for a model or a region that has none of it
        (400, error("output_config.format: Extra inputs are not permitted"), "output_config"),
        # LiteLLM, with a name of its own and with that of what it makes of the option
        (
            400,
            error(
                "litellm.UnsupportedParamsError: ollama does not support parameters: "
                "['response_format'], for model=x.",
                "None",
            ),
            "output_config",
        ),
        # llama.cpp: a schema that its grammars cannot express
        (400, error("JSON schema conversion failed: Unrecognized schema"), "output_config"),
        (500, error("failed to parse grammar", "server_error"), "output_config"),
        # FastAPI, as vLLM and many gateways are made with it
        (
            422,
            {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "output_config"],
                        "msg": "Extra inputs are not permitted",
                        "input": {"format": {}},
                    }
                ]
            },
            "output_config",
        ),
        # and where nobody says which
        (400, error("Unrecognized request argument supplied."), "output_config"),
        # Ollama, for a model without tools
        (
            400,
            error("registry.ollama.ai/library/gemma3:latest does not support tools"),
            "tools",
        ),
        # llama.cpp
        (
            500,
            error("tools param requires --jinja flag", "server_error"),
            "tools",
        ),
        (501, {"error": "function calling is not implemented"}, "tools"),
        # vLLM, started without a parser for tool calls
        (
            400,
            {
                "object": "error",
                "message": '"auto" tool choice requires --enable-auto-tool-choice and '
                "--tool-call-parser to be set",
                "type": "BadRequestError",
            },
            "tools",
        ),
    ],
)
async def test_what_endpoints_say_of_a_form_leads_to_the_next(
    model: LoopbackModel,
    review: Review,
    make_request: MakeRequest,
    status: int,
    body: dict[str, Any],
    option: str,
) -> None:
    """In the words of real ones; what is refused once is not asked for again."""
    others = {"output_config": error("output_config: not here"), option: body}
    refused = ["output_config", *([option] if option == "tools" else [])]

    def reply(asked: dict[str, Any]) -> Reply:
        if member := next((one for one in refused if one in asked), None):
            code = status if member == option else 400
            never_again = {"x-should-retry": "false"}
            return Reply(status=code, json=json.dumps(others[member]), headers=never_again)
        return Reply(TWO, in_tool=ANSWER_TOOL if "tools" in asked else "")

    model.usual = reply
    answers, said = await review(make_request())
    assert (quotes(answers), said) == (["% name", "fetchall()"], "")
    sent = len(model.requests)
    # vLLM's comes twice: for a tool that is forced, and for one that is offered.
    forms = [form for form, _ in groupby(form_of(one.body) for one in model.requests)]
    assert forms == [STRUCTURED, TOOL, TEXT][: len(refused) + 1]
    answers, said = await review(make_request())
    assert (len(quotes(answers)), said) == (2, "")
    assert len(model.requests) == sent + 1


@pytest.mark.parametrize(
    "message",
    [
        'tool_choice: type "tool" and "any" are not supported for this model',
        "tool_choice forces tool use is not compatible with this model",
        "Thinking may not be enabled when tool_choice forces tool use.",
        "litellm.UnsupportedParamsError: bedrock does not support parameters: ['tool_choice']",
    ],
)
async def test_where_no_tool_can_be_forced_it_is_offered(
    model: LoopbackModel, review: Review, make_request: MakeRequest, message: str
) -> None:
    def reply(asked: dict[str, Any]) -> Reply:
        if "output_config" in asked:
            return Reply(status=400, json=json.dumps(error("output_config: not here")))
        if asked["tool_choice"]["type"] != "auto":
            return Reply(status=400, json=json.dumps(error(message)))
        return Reply(TWO, in_tool=ANSWER_TOOL)

    model.usual = reply
    request, _ = with_reader(make_request, "def run(sql): ...")
    for _ in range(2):
        answers, said = await review(request)
        assert (len(quotes(answers)), said) == (2, "")
    choices = [one.body.get("tool_choice", {}).get("type") for one in model.requests]
    assert choices == ["auto", "any", "auto", "auto"]
    assert [form_of(one.body) for one in model.requests] == [STRUCTURED, TOOL, TOOL, TOOL]


async def test_a_tool_that_is_only_offered_and_not_called_is_followed_by_text(
    model: LoopbackModel, review: Review
) -> None:
    refusals = [
        Reply(status=400, json=json.dumps(error("output_config: not here"))),
        Reply(status=400, json=json.dumps(error("tool_choice forces tool use, which is not"))),
    ]
    model.script(*refusals, PROSE, Reply(TWO))
    answers, said = await review()
    assert (len(quotes(answers)), said) == (2, "")
    assert [form_of(one.body) for one in model.requests] == [STRUCTURED, TOOL, TOOL, TEXT]


async def test_cache_breakpoints_that_are_refused_are_left_out(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    refusal = error("system.0.cache_control: Extra inputs are not permitted")
    model.script(
        Reply(status=400, json=json.dumps(refusal)),
        Reply("", tools=(READ,)),
        Reply(TWO),
    )
    request, _ = with_reader(make_request, "def run(sql): ...")
    answers, said = await review(request)
    assert (len(quotes(answers)), said) == (2, "")
    has_any = [b'"cache_control"' in one.raw for one in model.requests]
    assert has_any == [True, False, False]
    assert [form_of(one.body) for one in model.requests] == [STRUCTURED] * 3


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        # a server of one's own that has no such path, by the name of a model that is not known
        (
            404,
            {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}},
            "HOST did not answer as the Messages API does (HTTP 404, application/json): "
            "check baseUrl.",
        ),
        (
            404,
            {"detail": "Not Found"},
            "HOST did not answer as the Messages API does (HTTP 404, application/json): "
            "check baseUrl.",
        ),
        (
            404,
            error("model 'claude-sonnet-5-5' not found", "not_found_error"),
            "HOST does not know the model claude-sonnet-5-5: choose another with the setting "
            "model.",
        ),
        (
            400,
            error("Invalid model name passed in model=claude-sonnet-5-5."),
            "HOST does not know the model claude-sonnet-5-5: choose another with the setting "
            "model.",
        ),
        (
            400,
            error("the request exceeds the available context size, try increasing it"),
            "This is more than claude-sonnet-5-5 can read at once: select less code.",
        ),
        (
            400,
            {"error": "No models loaded. Please load a model in the developer page."},
            'HOST refused the request (HTTP 400, "No models loaded. Please load a model in the '
            'developer page."): check the settings model and baseUrl.',
        ),
    ],
)
async def test_what_else_local_servers_say(
    model: LoopbackModel, review: Review, status: int, body: dict[str, Any], sentence: str
) -> None:
    model.usual = lambda asked: Reply(status=status, json=json.dumps(body))
    answers, said = await review()
    assert (answers, said) == ([], sentence.replace("HOST", model.url.partition("//")[2]))
    assert len(model.requests) == 1


async def test_a_base_url_that_ends_too_late_is_said(model: LoopbackModel, review: Review) -> None:
    _, said = await review(base_url=f"{model.url}/v1")
    assert said == (
        f"{model.url.partition('//')[2]} did not answer as the Messages API does (HTTP 404, "
        "text/html): leave out /v1 at the end of baseUrl."
    )


async def test_what_is_not_kept_to_is_asked_for_in_another_form(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    model.script(PROSE, Reply(TWO, in_tool=ANSWER_TOOL), Reply(TWO, in_tool=ANSWER_TOOL))
    await check_forms(model, review, make_request(), ["structured", "tool", "tool"])


async def test_prose_in_every_form_is_said(model: LoopbackModel, review: Review) -> None:
    model.script(PROSE, PROSE, PROSE)
    answers, error = await review()
    assert error == (
        "claude-sonnet-5-5 did not answer in the form it was asked for: review again, or choose a "
        "model that has structured output."
    )
    assert [type(one) for one in answers] == [Usage] * 3
    assert [form_of(one.body) for one in model.requests] == ["structured", "tool", "text"]


async def test_effort_that_is_refused_is_left_out(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    refusal = "This model does not support the effort parameter."
    model.script(Reply(status=400, error_type="invalid_request_error", message=refusal), Reply(TWO))
    answers, error = await review(make_request(agent=replace(AGENT, effort="high")))
    assert (len(quotes(answers)), error) == (2, "")
    sent = [set(recorded.body["output_config"]) for recorded in model.requests]
    assert sent == [{"format", "effort"}, {"format"}]


# --- Tools


async def test_the_agent_reads_on_before_it_answers(
    model: LoopbackModel, review: Review, make_request: MakeRequest, gate: OpenGate
) -> None:
    request, files = with_reader(make_request, "def run(sql): ...")
    searched = ("search", {"text": "run", "in_files": "app/*.py"})
    model.script(Reply("", tools=(READ, searched), thinking="Where is it run?"), Reply(TWO))
    answers, error = await review(request)
    assert (quotes(answers), error) == (["% name", "fetchall()"], "")
    assert files.asked == [("read_file", "app/db.py", "1-400"), ("search", "run", "app/*.py")]
    first, second = (recorded.body for recorded in model.requests)
    # What was said before is said again byte for byte, or no cache could keep it.
    assert second["messages"][0] == first["messages"][0]
    assert (second["system"], second["tools"]) == (first["system"], first["tools"])
    thought, *calls = second["messages"][1]["content"]
    assert thought == {
        "type": "thinking",
        "thinking": "Where is it run?",
        "signature": "c2lnbmVk",
    }
    assert [call["input"] for call in calls] == [READ[1], searched[1]]
    results = second["messages"][2]["content"]
    assert [one["tool_use_id"] for one in results] == [call["id"] for call in calls]
    assert "def run(sql): ..." in results[0]["content"]
    assert results[0]["content"].startswith("<result-")
    assert [call.paths for call in gate.calls] == [
        ("app/users.py",),
        ("app/users.py", "app/db.py"),
    ]
    assert [call.body.encode() for call in gate.calls] == [one.raw for one in model.requests]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (("read_file", {"path": "../../etc/passwd"}), "is not in the workspace"),
        (("delete_file", {"path": "app/db.py"}), "There is no tool 'delete_file' here."),
        (("read_file", {}), "is not in the workspace"),
        (("read_file", {"path": ["app/db.py"], "first_line": "x"}), "is not in the workspace"),
    ],
    ids=["outside", "no such tool", "no path", "wrong types"],
)
async def test_a_tool_call_that_cannot_be_answered_is_told_so(
    model: LoopbackModel,
    review: Review,
    make_request: MakeRequest,
    call: tuple[str, dict[str, Any]],
    says: str,
) -> None:
    request, _ = with_reader(make_request, "x")
    model.script(Reply("", tools=(call,)), Reply(TWO))
    answers, error = await review(request)
    assert (len(quotes(answers)), error) == (2, "")
    [result] = model.requests[1].body["messages"][2]["content"]
    assert result["is_error"] is True
    assert says in result["content"]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["read_file", "search", "outline", "find_definition"]),
        ({"tools": ("Read", "Write", "Bash")}, ["read_file", "outline"]),
        ({"disallowed_tools": ("Grep",)}, ["read_file", "outline"]),
        ({"tools": ("Bash",)}, []),
    ],
    ids=["no list", "read and more", "denied", "none of ours"],
)
async def test_an_agent_gets_reading_tools_at_most(
    model: LoopbackModel,
    review: Review,
    make_request: MakeRequest,
    changes: dict[str, Any],
    names: list[str],
) -> None:
    request, _ = with_reader(make_request, "x")
    await review(replace(request, agent=replace(AGENT, **changes)))
    body = model.requests[0].body
    assert [tool["name"] for tool in body.get("tools", ())] == names
    assert ("You have no tools here" in body["system"][1]["text"]) is not names


async def test_tools_end_with_the_turns_of_the_agent(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    request, _ = with_reader(make_request, "x")
    model.usual = lambda body: Reply("", tools=(READ,))
    answers, error = await review(replace(request, agent=replace(AGENT, max_turns=3)))
    assert error == (
        "claude-sonnet-5-5 came to no answer within 3 calls: raise maxTurns in the agent's file."
    )
    assert [one.body["tool_choice"]["type"] for one in model.requests] == ["auto", "auto", "none"]
    assert [type(one) for one in answers] == [Usage] * 3


async def test_what_is_read_ends_at_the_limit(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    request, _ = with_reader(make_request, "x" * 8_000)
    model.script(Reply("", tools=(READ, READ)), Reply(TWO))
    await review(request, reading_tokens=3_000)
    first, second = model.requests[1].body["messages"][2]["content"]
    assert "x" * 8_000 in first["content"]
    assert second["content"] == "There is no room for more: judge by what you have."


async def test_secrets_in_what_is_read_stay_here(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    secret = "sk" + "_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    request, _ = with_reader(make_request, f"KEY = '{secret}'")

    def replied(body: dict[str, Any]) -> Reply:
        marks = re.findall(r"__REDACTED_\w+?__", body["messages"][-1]["content"][0]["content"])
        return Reply(answer(finding(quote=marks[0])))

    model.script(Reply("", tools=(READ,)))
    model.usual = replied
    answers, _ = await review(request)
    assert secret.encode() not in model.requests[1].raw
    assert quotes(answers) == [secret]


async def test_an_endpoint_without_tools_reviews_without_them(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    request, _ = with_reader(make_request, "x")
    model.refuses = {"tools": "tool_choice is not supported"}
    model.usual = lambda body: Reply(TWO)
    for _ in range(2):
        answers, error = await review(request)
        assert (len(quotes(answers)), error) == (2, "")
    assert ["tools" in one.body for one in model.requests] == [True, False, False]
    assert form_of(model.requests[-1].body) == "structured"


# --- A second look


async def test_a_second_look_only_judges(
    model: LoopbackModel, review: Review, make_request: MakeRequest, sql_finding: Finding
) -> None:
    verdict = {"id": "f1", "refuted": True, "reason": "It is bound."}
    model.script(Reply(json.dumps({"evidence": [verdict]})))
    request = make_request(evidence=(sql_finding,), second_look=True)
    answers, error = await review(request)
    assert error == ""
    assert answers[0] == Verdict("f1", True, "It is bound.")
    body = model.requests[0].body
    assert body["model"] == "claude-haiku-5-5"
    assert list(body["output_config"]["format"]["schema"]["properties"]) == ["evidence"]
    assert AGENT.prompt not in model.requests[0].raw.decode()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "claude-haiku-5-5"),
        ({"second_look_model": "opus"}, "claude-opus-5-5"),
        ({"model": "qwen3-coder"}, "qwen3-coder"),
        ({"model": "qwen3-coder", "second_look_model": "qwen3"}, "qwen3"),
    ],
    ids=["default", "alias", "of one's own", "both set"],
)
async def test_a_second_look_is_by_a_cheaper_model_that_is_known(
    model: LoopbackModel,
    review: Review,
    make_request: MakeRequest,
    sql_finding: Finding,
    settings: dict[str, str],
    expected: str,
) -> None:
    await review(make_request(evidence=(sql_finding,), second_look=True), **settings)
    assert model.requests[0].body["model"] == expected


# --- What the model is told beside the code


async def test_surroundings_and_dismissals_are_told(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    excerpt = Excerpt("app/models.py", 12, "class User:\n    id: int", "model that is used")
    request = make_request(
        surroundings=Surroundings((excerpt,), ("Order (app/orders.py)",)),
        dismissed=(Dismissal("security/sql-injection", "bound by the driver", path="a.py"),),
    )
    await review(request)
    text = model.requests[0].body["messages"][0]["content"][-1]["text"]
    assert "  12 | class User:\n  13 |     id: int" in text
    assert 'path="app/models.py" why="model that is used"' in text
    assert "Left out for want of room: Order (app/orders.py)." in text
    assert '"where": "this file", "reason": "bound by the driver"' in text


async def test_only_changed_parts_are_sent(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    functions = [f"def f{number}(x):\n    return query(x, {number})\n" for number in range(1_000)]
    code = "import db\n\n" + "\n".join(functions)
    whole = make_request(code)
    part = make_request(code).span.__class__(code.index("def f500"), code.index("def f501"))
    await review(whole)
    await review(replace(whole, parts=(part,)))
    first, second = (len(one.body["messages"][0]["content"][0]["text"]) for one in model.requests)
    assert second < first / 5
    text = model.requests[1].raw.decode()
    assert "   1 | import db" in text
    assert "def f500(x):" in text
    assert "def f2(x):" not in text
    assert "Lines 1503 to 1505 of the file are new or changed" in text


async def test_a_review_ends_at_the_most_findings(
    model: LoopbackModel, review: Review, gate: OpenGate
) -> None:
    model.script(Reply(TWO + " " * 50_000, chunk=AFTER_FIRST, delay=0.02))
    answers, error = await review(maximum_findings=1)
    assert (quotes(answers), error) == (["% name"], "")
    note = answers[-1]
    assert isinstance(note, Note)
    assert note.sentence.startswith("The review ended at 1 findings")
    await asyncio.wait_for(model.requests[0].disconnected.wait(), 1)
    assert [outcome for _, outcome in gate.left.values()] == ["finished"]


# --- Busy endpoints


async def test_one_that_is_told_to_wait_makes_the_others_wait(
    model: LoopbackModel, review: Review
) -> None:
    busy = Reply(status=429, error_type="rate_limit_error", headers={"retry-after-ms": "300"})
    model.script(busy, Reply(TWO), Reply(TWO))
    first = asyncio.create_task(review())
    async with asyncio.timeout(10):
        while not model.requests:  # noqa: ASYNC110 - the model tells nobody
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    started = time.monotonic()
    both = await asyncio.gather(first, review())
    assert time.monotonic() - started > 0.2
    assert [len(quotes(answers)) for answers, _ in both] == [2, 2]


async def test_what_may_have_been_paid_for_is_not_sent_again(
    model: LoopbackModel, review: Review
) -> None:
    """The connection ends before anything is answered: the endpoint may be at work already."""
    model.script(Reply("", fault="cut"), Reply(TWO))
    _, error = await review()
    assert error.startswith("The connection to ")
    assert len(model.requests) == 1


def test_code_of_these_tests_is_what_they_quote() -> None:
    assert all(CODE.count(one["quote"]) == 1 for one in (FIRST, SECOND))
