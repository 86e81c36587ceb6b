"""No secret is in the bytes that leave, and each is back in what an answer says and changes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from backend_developer.core.edits import place_quote
from backend_developer.core.model import (
    Document,
    Finding,
    Proposal,
    Quote,
    Rejection,
    SearchReplace,
    Span,
)
from backend_developer.core.text import Lines
from backend_developer.dismissals import Dismissal
from backend_developer.engines.agent import AgentEngine
from backend_developer.engines.base import Excerpt, ReviewRequest, Surroundings
from backend_developer.engines.batch import BatchEngine, answers_of, results
from backend_developer.engines.redact import find_secrets
from backend_developer.settings import Settings
from engine.made_up_secrets import FILES, made
from engine.support import AGENT, MakeRequest, OpenGate, Review
from engine.test_conversation import Files
from loopback_model import LoopbackModel, Reply, answer, finding

LANGUAGES = {
    "py": "python",
    "js": "javascript",
    "ts": "typescript",
    "yml": "yaml",
    "sql": "sql",
    "Dockerfile": "dockerfile",
}
TEXTS = {path: made(template) for path, template in FILES.items()}
ALL_SECRETS = [secret for _, secrets in TEXTS.values() for secret in secrets]


def request_for(make_request: MakeRequest, path: str, **changes: Any) -> ReviewRequest:
    text, _ = TEXTS[path]
    language = LANGUAGES[path.rpartition(".")[2]]
    document = Document(f"file:///home/anna/shop/{path}", f"/home/anna/shop/{path}", language, text)
    return make_request(
        document=document, span=Span(0, len(text)), root="/home/anna/shop", **changes
    )


def what_was_sent(body: Mapping[str, Any]) -> str:
    """Every text of a request's messages."""
    blocks = [block for message in body["messages"] for block in message["content"]]
    return "\n".join(str(block.get("text") or block.get("content")) for block in blocks)


def quoting_what_was_sent(body: Mapping[str, Any]) -> Reply:
    """A finding for each line that has a placeholder, whose fix keeps the placeholder."""
    shown = re.findall(r"^ *(\d+) \| (.*__REDACTED_.*)$", what_was_sent(body), re.MULTILINE)
    found = [
        finding(
            quote=line,
            line=int(number),
            fix={
                "title": "Read it",
                "needs": "",
                "edits": [{"file": None, "old": line, "new": f"{line} ", "line": int(number)}],
            },
        )
        for number, line in dict.fromkeys(shown)
    ]
    return Reply(answer(*found))


def check_answers(path: str, answers: list[Any], least: int) -> None:
    """What was found is where the text says it, and the edits have the real secrets."""
    text, secrets = TEXTS[path]
    found = [one for one in answers if isinstance(one, Proposal)]
    placed: set[int] = set()
    for one in found:
        assert isinstance(one.where, Quote)
        assert "__REDACTED" not in one.where.code
        place = place_quote(text, Lines(text), one.where, Span(0, len(text)))
        assert isinstance(place, Span), one.where
        placed.add(place.start)
        assert one.fix is not None
        [edit] = one.fix.edits
        assert isinstance(edit, SearchReplace)
        assert (edit.old, edit.new) == (one.where.code, f"{one.where.code} ")
    assert len(placed) >= least
    assert all(any(secret in one.where.code for one in found) for secret in secrets)


@pytest.mark.parametrize("path", FILES)
async def test_no_secret_of_a_file_leaves_and_edits_have_them_back(
    model: LoopbackModel, review: Review, make_request: MakeRequest, path: str
) -> None:
    model.usual = quoting_what_was_sent
    answers, error = await review(request_for(make_request, path), maximum_findings=200)
    assert error == ""
    check_answers(path, answers, least=len(TEXTS[path][1]) // 2)
    raw = model.requests[0].raw.decode()
    assert [secret for secret in ALL_SECRETS if secret in raw] == []


async def test_no_secret_leaves_by_any_other_way(
    model: LoopbackModel, review: Review, make_request: MakeRequest, sql_finding: Finding
) -> None:
    """Conventions, surroundings, evidence, dismissals, rejections, the agent, and what is read."""
    paths = list(FILES)
    # Escaped where it is quoted in JSON, so that it has to be hidden before.
    hostile = r'He said: password = "zq7\"uo\\te-9"'
    of_python = TEXTS[paths[0]][0]
    lines = [line for line in of_python.splitlines() if " = " in line]
    rejected = Proposal(Quote("x" * 280 + lines[2]), "other", lines[3], "agent:m", "agent")
    request = request_for(
        make_request,
        "db/users.sql",
        agent=replace(AGENT, prompt=f"You know the code.\n{lines[4]}"),
        conventions=(("CLAUDE.md", TEXTS["app/secrets_in.js"][0]),),
        surroundings=Surroundings(
            (Excerpt("deploy/values.yml", 1, TEXTS["deploy/values.yml"][0], "used"),), ()
        ),
        evidence=(replace(sql_finding, code=hostile, message=lines[5]),),
        dismissed=(Dismissal("security/sql-injection", f"it is {lines[6]}", path="a.py"),),
        rejections=(Rejection(rejected, lines[7]),),
        reader=Files({path: text for path, (text, _) in TEXTS.items()}),
    )
    reads = tuple(("read_file", {"path": path}) for path in paths)
    model.script(Reply("", tools=reads), Reply("", tools=(("search", {"text": "key"}),)))
    _, error = await review(request, reading_tokens=100_000)
    assert error == ""
    assert len(model.requests) == 3
    for sent in model.requests:
        raw = sent.raw.decode()
        assert [one for one in ALL_SECRETS if one in raw] == []
        assert "zq7" not in raw
        # A placeholder is the same in each request, so that an endpoint's cache is not lost.
        assert raw.startswith(model.requests[0].raw.decode()[:500])


@pytest.mark.parametrize("path", FILES)
async def test_no_secret_leaves_in_a_batch_and_its_answers_have_them_back(
    model: LoopbackModel, make_request: MakeRequest, engine: AgentEngine, gate: OpenGate, path: str
) -> None:
    batch = BatchEngine(engine, gate)
    settings = Settings(base_url=model.url, timeout_seconds=10)
    request = replace(
        request_for(make_request, path),
        settings=settings,
        # The same secrets, first met in another text than the one that they are put back from.
        conventions=(("CLAUDE.md", TEXTS[path][0]),),
    )
    async for _ in batch.review(request):
        pass
    sent = batch.next()
    assert sent
    batch_id = await batch.send(sent)
    assert batch.next() is None
    raw = model.requests[-1].raw.decode()
    assert [secret for secret in ALL_SECRETS if secret in raw] == []
    model.batches_are_done = True
    model.usual = quoting_what_was_sent
    call = engine.prepare(request).call
    [result] = await results(engine, call, batch_id)
    # Only the reviewed text is known when the answer comes, a day later.
    secrets = find_secrets([request.document.text], engine.placeholder_key())
    answers = answers_of(result, sent.model, sent.requests[0].path, secrets.restore)
    check_answers(path, answers, least=len(TEXTS[path][1]) // 2)


async def test_a_secret_is_called_the_same_in_every_review_of_a_file(
    model: LoopbackModel, review: Review, make_request: MakeRequest
) -> None:
    request = request_for(make_request, "app/secrets_in.py")
    text = request.document.text
    more = f'FIRST = "{TEXTS["app/secrets_in.js"][1][0]}"\n'
    edited = replace(request.document, text=text + more)
    await review(request)
    await review(replace(request, document=edited, span=Span(0, len(edited.text))))
    first, second = (one.body["messages"][0]["content"][0]["text"] for one in model.requests)
    before, after = (re.findall("__REDACTED_\\w+?__", one) for one in (first, second))
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert json.dumps(first.split("\n")[6:40]) == json.dumps(second.split("\n")[6:40])
