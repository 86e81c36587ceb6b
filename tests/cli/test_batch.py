"""`review --batch`: sent now at half the price, answered later, kept like any answer."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from typing import Any

import pytest

from backend_developer import batches, ledger
from backend_developer.answers import KeptAnswers
from backend_developer.batches import open_batches
from backend_developer.commands.agent_review import tell_batches
from backend_developer.commands.workspace import load_workspace
from backend_developer.engines.batch import BatchEngine, OutgoingBatch
from backend_developer.engines.kept import promised_digests
from backend_developer.state import State, StateError, state_folder
from loopback_model import LoopbackModel, Reply, answer, finding

from .conftest import Run, Write
from .test_review_agent import CODE, model

__all__ = ["model"]

FOUND = Reply(answer(finding(quote='session.load(customer, "orders")')))
NONE = Reply(answer())


def test_a_batch_is_sent_asked_after_and_fetched(
    run: Run, write: Write, model: LoopbackModel
) -> None:
    write({"a.py": CODE, "b.py": "def f(x):\n    return x\n"})
    sent = run("review", "a.py", "b.py", "--batch")
    assert sent.code == 0
    assert "note: 2 files went out as batch msgbatch_1;" in sent.err
    [post] = model.requests
    assert post.path == "/v1/messages/batches"
    params = [one["params"] for one in post.body["requests"]]
    assert ["stream" in one or "tools" in one for one in params] == [False, False]

    under_way = run("review", ".", "--batch-status")
    assert under_way.out.startswith("msgbatch_1: 0 of 2 answered, under way (sent ")
    early = run("review", "a.py", "--batch-results", "--fail-on", "never")
    assert "note: batch msgbatch_1 is under way: 0 of 2 answered" in early.err
    assert "the agent has not answered about 1 part of the code" in early.err
    assert (early.code, "security/sql-injection" in early.out) == (0, False)

    model.batches_are_done = True
    assert "2 of 2 answered, done" in run("review", ".", "--batch-status").out
    # In whichever order they were prepared.
    model.usual = lambda body: FOUND if "session.load" in json.dumps(body["messages"]) else NONE
    fetched = run("review", "a.py", "b.py", "--batch-results")
    model.usual = lambda body: NONE
    assert "note: 2 files answered" in fetched.err
    assert (fetched.code, "security/sql-injection" in fetched.out) == (1, True)
    count = len(model.requests)
    # It is an answer like any other: nothing of it is asked again.
    again = run("review", "a.py", "b.py")
    assert "security/sql-injection" in again.out
    assert all(one.body.get("model") == "claude-haiku-5-5" for one in model.requests[count:])
    assert run("review", ".", "--batch-status").out.startswith("No batch of this workspace")


def test_a_batch_costs_half_and_is_noted_when_it_is_answered(
    run: Run, write: Write, model: LoopbackModel
) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    state = State(state_folder(os.environ))
    [entry] = ledger.entries(state)
    assert (entry.purpose, entry.usage.output_tokens) == ("batch", 0)
    model.batches_are_done = True
    run("review", "a.py", "--batch-results", "--fail-on", "never")
    [entry] = [one for one in ledger.entries(state) if one.purpose == "batch"]
    assert (entry.usage.input_tokens, entry.usage.output_tokens) == (1200, 77)
    # Half of 1,200 at 2, 300 at 2.50, 2,500 at 0.10 and 77 at 10 dollars for a million tokens.
    assert entry.cost is not None
    assert round(entry.cost, 6) == 0.002085


def test_what_changed_meanwhile_is_said(run: Run, write: Write, model: LoopbackModel) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    model.batches_are_done = True
    model.script(FOUND)
    write({"a.py": CODE.replace("second", "third")})
    fetched = run("review", "a.py", "--batch-results")
    assert "the agent has not answered about 1 part of the code" in fetched.err
    assert "security/sql-injection" not in fetched.out
    write({"a.py": CODE})
    assert "security/sql-injection" in run("review", "a.py", "--batch-results").out


def test_what_another_editor_has_fetched_is_no_problem(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    model.batches_are_done = True
    model.script(FOUND, FOUND)
    seen_before = open_batches(State(state_folder(os.environ)))
    run("review", "a.py", "--batch-results")
    monkeypatch.setattr("backend_developer.batches.open_batches", lambda *_: seen_before)
    late = run("review", "a.py", "--batch-results")
    assert "is not known any more" not in late.err
    assert "security/sql-injection" in late.out


def test_of_two_that_fetch_a_batch_at_once_one_tells_of_it(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    model.batches_are_done = True
    model.script(FOUND)
    end, told = batches._end, []

    def be_late(*batch: Any) -> bool:
        told.append(end(*batch))  # The other one's.
        return end(*batch)

    monkeypatch.setattr(batches, "_end", be_late)
    late = run("review", "a.py", "--batch-results")
    assert told == [True]
    assert late.err.startswith("note: 0 files answered\n")
    assert "security/sql-injection" in late.out


def test_a_request_that_failed_is_said(run: Run, write: Write, model: LoopbackModel) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    model.batches_are_done = True
    model.script(Reply(status=500, error_type="api_error"))
    fetched = run("review", "a.py", "--batch-results", "--fail-on", "never")
    assert "a.py: no answer (api error); review it again." in fetched.err


@pytest.mark.parametrize("how", ["unknown", "archived"])
def test_a_batch_that_its_endpoint_has_no_more_is_said_once(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    model.batches_are_done = True
    if how == "unknown":
        model.batches.clear()
        monkeypatch.setattr("backend_developer.engines.batch.ANSWERS_KEPT_SECONDS", 0.0)
    else:
        model.archived_at = "2026-01-31T00:00:00Z"
    status = run("review", ".", "--batch-status")
    assert "The batch msgbatch_1 is lost: 127.0.0.1" in status.err
    assert status.err.endswith("does not have its answers any more: review its files again.\n")
    assert status.code == 3
    assert run("review", ".", "--batch-status").out.startswith("No batch of this workspace")


def test_a_batch_of_another_key_stays_open(run: Run, write: Write, model: LoopbackModel) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    theirs, model.batches = model.batches, {}
    for _ in range(2):
        status = run("review", ".", "--batch-status")
        assert "The batch msgbatch_1 cannot be asked after: 127.0.0.1" in status.err
        assert status.err.endswith("does not know it: use the key that it was sent with.\n")
    model.batches = theirs
    assert run("review", ".", "--batch-status").out.startswith("msgbatch_1: 0 of 1 answered")


def test_answers_that_cannot_be_kept_are_fetched_again(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    model.batches_are_done = True
    model.script(FOUND, FOUND)

    def write_nothing(*_: object) -> None:
        raise StateError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr("backend_developer.batches.write_answers", write_nothing)
        failed = run("review", "a.py", "--batch-results")
    assert (failed.code, failed.err) == (2, "error: The disk is full.\n")
    assert "security/sql-injection" in run("review", "a.py", "--batch-results").out


def test_a_batch_that_is_refused_costs_nothing(
    run: Run, write: Write, model: LoopbackModel
) -> None:
    write({"a.py": CODE})
    model.key = "another"
    sent = run("review", "a.py", "--batch")
    assert sent.code == 2
    assert "the batch was not sent: " in sent.err
    assert "refused the key" in sent.err
    [entry] = ledger.entries(State(state_folder(os.environ)))
    assert (entry.outcome, entry.usage.input_tokens) == ("refused", 0)


def test_each_batch_is_remembered_and_one_that_nobody_confirms_counts(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend_developer.engines.batch.MOST_REQUESTS", 1)
    monkeypatch.setenv("BACKEND_DEVELOPER_TIMEOUT_SECONDS", "1")
    model.said_batches = 1
    write(dict.fromkeys(("a.py", "b.py", "c.py"), CODE))
    sent = run("review", ".", "--batch")
    assert sent.code == 2
    assert "note: 1 file went out as batch msgbatch_1;" in sent.err
    assert "The batch may have arrived, which `review --batch-status` finds out; no o" in sent.err
    # The second may have arrived, the third was never sent.
    calls = ledger.entries(State(state_folder(os.environ)))
    assert sorted(one.outcome for one in calls) == ["failed", "finished", "refused"]
    assert [one.usage.input_tokens > 0 for one in calls if one.outcome == "failed"] == [True]
    told = run("review", ".", "--batch-status").out.splitlines()
    assert told[0].startswith("msgbatch_1: 0 of 1 answered")
    assert re.fullmatch(
        r"batch of .{16}: whether it arrived is not known yet, ask again later", told[1]
    )

    # What may have arrived is not sent again.
    model.said_batches = None
    rest = run("review", ".", "--batch")
    assert "note: 1 file went out as batch msgbatch_3;" in rest.err
    assert "1 part of the code went out in an earlier batch" in rest.err
    model.batches_are_done = True
    model.usual = lambda body: FOUND
    fetched = run("review", ".", "--batch-results")
    assert "note: 3 files answered" in fetched.err
    assert fetched.out.count("security/sql-injection") > 2
    calls = ledger.entries(State(state_folder(os.environ)))
    assert sorted(one.outcome for one in calls if one.purpose == "batch") == [
        "finished",
        "finished",
        "finished",
        "refused",
    ]
    assert run("review", ".", "--batch-status").out.startswith("No batch of this workspace")


def test_a_batch_is_not_sent_twice(run: Run, write: Write, model: LoopbackModel) -> None:
    write({"a.py": CODE})
    run("review", "a.py", "--batch")
    again = run("review", "a.py", "--batch")
    assert "1 part of the code went out in an earlier batch, and not again: `review" in again.err
    assert "note: nothing new was to be asked, so no batch was sent" in again.err
    write({"a.py": CODE + "\n\ndef more(x):\n    return x\n"})
    run("review", "a.py", "--batch")
    assert len(model.batches) == 2


@pytest.fixture
def looked_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a batch has looked at what others sent before they did."""
    monkeypatch.setattr(
        "backend_developer.commands.agent_review._awaited", lambda state: frozenset()
    )


LEFT_OUT = "did not go out, because another run has just asked about the same"


@pytest.mark.usefixtures("looked_early")
def test_what_another_run_sends_at_the_same_moment_is_paid_once(
    run: Run, write: Write, model: LoopbackModel
) -> None:
    write(dict.fromkeys(("a.py", "b.py"), CODE))
    run("review", "a.py", "--batch")
    both = run("review", "a.py", "b.py", "--batch")
    assert f"note: 1 file {LEFT_OUT}" in both.err
    assert "note: 1 file went out as batch msgbatch_2;" in both.err
    write({"a.py": CODE + "\n\ndef more(x):\n    return x\n"})
    none = run("review", "a.py", "b.py", "--batch")  # Of a.py, one part of two is on its way.
    assert f"note: 2 files {LEFT_OUT}" in none.err
    assert "nothing new" not in none.err
    assert [len(requests) for requests in model.batches.values()] == [1, 1]
    calls = ledger.entries(State(state_folder(os.environ)))
    assert sorted(one.outcome for one in calls) == ["finished"] * 2 + ["refused"] * 3
    model.batches_are_done = True
    assert "note: 2 files answered" in run("review", ".", "--batch-results").err


@pytest.mark.usefixtures("looked_early")
def test_what_is_answered_while_a_batch_is_prepared_is_not_in_it(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE})
    kept = KeptAnswers.promise

    def promise(answers: KeptAnswers, name: str, record: str) -> None:
        kept(answers, name, record)
        [digest] = promised_digests(record)
        answers.save({digest: "{}"})

    monkeypatch.setattr(KeptAnswers, "promise", promise)
    assert f"note: 1 file {LEFT_OUT}" in run("review", "a.py", "--batch").err
    assert not model.batches


def test_what_cannot_be_remembered_is_not_sent(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE})
    monkeypatch.setattr(KeptAnswers, "promise", lambda *_: None)
    sent = run("review", "a.py", "--batch")
    assert sent.code == 2
    assert "the batch was not sent: What it will answer cannot be remembered: try" in sent.err
    [entry] = ledger.entries(State(state_folder(os.environ)))
    assert (entry.outcome, model.batches) == ("refused", {})


def test_a_batch_that_was_given_up_for_lost_and_arrives_is_known(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE})
    send = BatchEngine.send

    async def send_slowly(engine: BatchEngine, outgoing: OutgoingBatch) -> str:
        batch_id = await send(engine, outgoing)
        with State(state_folder(os.environ)).writing() as db:
            db.execute("DELETE FROM batches")
        return batch_id

    monkeypatch.setattr(BatchEngine, "send", send_slowly)
    run("review", "a.py", "--batch")
    model.batches_are_done = True
    assert "note: 1 file answered" in run("review", ".", "--batch-results").err


def test_a_batch_that_takes_long_to_prepare_is_under_way_when_it_is_sent(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a.py": CODE})
    state = State(state_folder(os.environ))
    following, send = BatchEngine.next, BatchEngine.send

    def next_later(engine: BatchEngine) -> OutgoingBatch | None:
        with state.writing() as db:
            db.execute("UPDATE calls SET outcome = 'lost', deadline = 0, ended_at = 0")
        return following(engine)

    async def send_now(engine: BatchEngine, outgoing: OutgoingBatch) -> str:
        assert [one.outcome for one in ledger.entries(state)] == ["under way"]
        return await send(engine, outgoing)

    monkeypatch.setattr(BatchEngine, "next", next_later)
    monkeypatch.setattr(BatchEngine, "send", send_now)
    assert "note: 1 file went out as batch msgbatch_1;" in run("review", "a.py", "--batch").err


def test_a_batch_beyond_the_limit_says_so_at_once(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKEND_DEVELOPER_MAXIMUM_COST_PER_REVIEW", "0.2")
    monkeypatch.setenv("BACKEND_DEVELOPER_TIMEOUT_SECONDS", "60")
    write(dict.fromkeys(("a.py", "b.py", "c.py"), CODE))
    began = time.monotonic()
    sent = run("review", ".", "--batch")
    # What else the batch holds ends when it is sent, which it is when all is prepared.
    assert time.monotonic() - began < 30
    assert re.search(r"note: [12] files? went out as batch msgbatch_1;", sent.err)
    assert "The review stopped at the limit of $0.20 a review: $0." in sent.err
    assert sent.code == 3


def test_a_batch_that_has_not_arrived_is_sent_again(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKEND_DEVELOPER_TIMEOUT_SECONDS", "1")
    model.said_batches = 0
    write({"a.py": CODE})
    assert run("review", "a.py", "--batch").code == 2
    model.batches.clear()  # The connection was cut before it came there.
    model.said_batches = None
    assert "is not known yet" in run("review", ".", "--batch-status").out
    assert "no batch was sent" in run("review", "a.py", "--batch").err
    monkeypatch.setattr("backend_developer.batches.SECONDS_TO_ARRIVE", 0.0)
    again = run("review", "a.py", "--batch")
    assert re.search(r"is lost: 127.0.0.1:\d+ has none like it for this key: send", again.err)
    assert "note: 1 file went out as batch msgbatch_1;" in again.err


def test_a_batch_that_is_being_sent_is_not_taken_for_lost(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend_developer.batches.SECONDS_TO_ARRIVE", 0.0)
    monkeypatch.setenv("BACKEND_DEVELOPER_TIMEOUT_SECONDS", "2")
    model.said_batches = 0
    write({"a.py": CODE})

    def look() -> None:
        while not model.batches:
            time.sleep(0.01)
        model.batches.clear()
        asyncio.run(tell_batches(load_workspace(["."], {}, None)))

    meanwhile = threading.Thread(target=look)
    meanwhile.start()
    sent = run("review", "a.py", "--batch")
    meanwhile.join()
    assert "whether it arrived is not known yet" in sent.out
    assert len(open_batches(State(state_folder(os.environ)))) == 1


@pytest.mark.parametrize(("status", "is_known"), [(400, False), (429, False), (504, True)])
def test_a_gateway_that_gives_up_may_have_passed_a_batch_on(
    run: Run, write: Write, model: LoopbackModel, status: int, is_known: bool
) -> None:
    model.batch_status = status
    write({"a.py": CODE})
    sent = run("review", "a.py", "--batch")
    assert ("may have arrived" in sent.err) == is_known
    assert len(open_batches(State(state_folder(os.environ)))) == is_known


def test_a_batch_needs_a_place_for_its_answers(
    run: Run, write: Write, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKEND_DEVELOPER_KEEP_ANSWERS", "false")
    write({"a.py": CODE})
    refused = run("review", "a.py", "--batch")
    assert (refused.code, refused.err) == (
        2,
        "error: --batch needs a place for its answers: set keepAnswers to true\n",
    )
    assert model.requests == []


def test_a_batch_needs_the_agent(run: Run, write: Write, model: LoopbackModel) -> None:
    write({"a.py": CODE})
    refused = run("review", "a.py", "--batch", "--engine", "local")
    assert (refused.code, refused.err) == (
        2,
        "error: --batch needs the agent: set a key, or --engine agent\n",
    )
