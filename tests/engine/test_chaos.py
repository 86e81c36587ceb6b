"""Reviews against an endpoint that nobody here wrote and that fails all the time.

`tests/bench/chaos.py` does the same for longer, and prints what happened.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from llmock.testing import LLMockServer

from bench.chaos import Bench, table

HOST = r"127\.0\.0\.1:\d+"
SENTENCES = re.compile(
    rf"{HOST} ended the answer before it was finished and what had arrived is kept: review again\."
    rf"|The connection to {HOST} was cut in mid-answer and what had arrived is kept: review again\."
    rf"|{HOST} took longer than 1\.5 seconds: select less code or raise timeoutSeconds\."
    rf"|{HOST} sent a broken answer and what had arrived is kept: review again\."
    rf"|{HOST} (?:is overloaded|failed \(HTTP 50\d\)): try again in a few minutes\."
    rf"|{HOST} allows no more requests now: try again in .*\."
    r"|claude-[a-z]+-5-5 did not answer in the form it was asked for: .*\."
    r"|claude-[a-z]+-5-5 came to no answer within \d+ calls: raise maxTurns in the agent's file\."
)


async def test_every_review_ends_in_findings_or_a_sentence_and_is_paid_once(
    tmp_path: Path,
) -> None:
    random.seed(5)
    with LLMockServer() as server:
        bench = Bench(tmp_path, server, timeout=1.5)
        try:
            outcome = await bench.run(range(30), faults=0.25, at_once=8, limit=30)
            again = await bench.run(range(30), faults=0.0, at_once=8, limit=30)
        finally:
            await bench.agent.close()
    print(table(outcome))
    injected = sum(outcome.faults.values()) - outcome.faults["none"]
    assert injected >= 10
    assert (outcome.hung, again.hung, len(outcome.reviews)) == ((), (), 30)
    for one in (*outcome.reviews.values(), *again.reviews.values()):
        # What the local engine found is there however the agent fared.
        assert any(found.author == "local" for found in one.findings)
        for sentence in one.errors:
            assert SENTENCES.fullmatch(sentence), sentence
    # No request whose answer had begun was sent again, and the ledger has each that had begun.
    assert (outcome.begun_again, again.begun_again) == (0, 0)
    assert outcome.entries["under way"] == outcome.entries["lost"] == 0
    assert outcome.counted >= outcome.begun
    assert again.counted >= again.begun
    # What was answered is kept: only files whose review had failed are asked about again.
    model = "claude-sonnet-5-5"
    asked = [number for number in range(30) if bench.request(number).agent.model == "sonnet"]
    assert again.models[model] <= len([number for number in asked if number in outcome.failed])
