"""What the agent costs, and how soon its findings show: against a loopback model, no key needed.

    python tests/bench/agent.py

Prints the input of a review after an edit of one function of a 2,000-line file, over that of the
first review; the share of the input that a second review reads from the prompt cache; the time
from the last byte of a finding to its diagnostic, and from a cancel to the closed connection; and
how much longer a review takes than the SDK's bare call for the same answer.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from client import OURS, percentile, python_file, started

from backend_developer.agents import find_agent, load_agents
from backend_developer.answers import KeptAnswers
from backend_developer.catalogue import load_catalogue
from backend_developer.consents import give
from backend_developer.core.model import Document, Span, Usage
from backend_developer.engines.agent import AgentEngine
from backend_developer.engines.base import ReviewRequest
from backend_developer.engines.kept import KeptEngine
from backend_developer.gate import Outcome, OutgoingCall, Permit
from backend_developer.prices import cost_of, price_of
from backend_developer.settings import Settings
from backend_developer.state import State, state_folder
from backend_developer.tasks import load_tasks
from loopback_model import KEY, LoopbackModel, PromptCache, Reply, answer, finding

LINES = 2_000
FINDINGS = 40
PIECE_SECONDS = 0.2
"""Between the findings of an answer: a model writes about so fast."""
MESSAGE = "This part takes any address"


class OpenGate:
    async def enter(self, call: OutgoingCall) -> Permit:
        return Permit(0)

    async def leave(
        self, permit: Permit, usage: Usage | None, outcome: Outcome = "finished"
    ) -> None:
        pass


def tokens(usage: Mapping[str, int]) -> int:
    return sum(usage.values())


async def inputs(folder: Path) -> None:
    """Tokens of the first review, of one after an edit, and of one of another function."""
    cache = PromptCache()
    used: list[dict[str, int]] = []

    def reply(body: dict[str, Any]) -> Reply:
        used.append(cache.usage(body))
        return Reply(answer(), usage=used[-1])

    async with LoopbackModel() as model:
        model.usual = reply
        settings = Settings(base_url=model.url)
        tasks, _ = load_tasks(None, None, True, {})
        agents, _ = load_agents(None, None, True, {})
        environment = {"ANTHROPIC_API_KEY": KEY}
        agent = AgentEngine(environment, load_catalogue(), OpenGate())
        engine = KeptEngine(agent, KeptAnswers(State(folder)), environment)
        text = python_file(LINES, 0)
        document = Document("file:///shop/a.py", "/shop/a.py", "python", text)
        request = ReviewRequest(
            document,
            Span(0, len(text)),
            next(task for task in tasks if task.name == "security"),
            find_agent(agents, "backend-developer"),
            settings,
        )

        async def review(request: ReviewRequest) -> dict[str, int]:
            count = len(used)
            async for _ in engine.review(request):
                pass
            return used[-1] if len(used) > count else {"input_tokens": 0}

        first = await review(request)
        edited = text.replace('chosen["number"] = 100\n', 'chosen["number"] = 1_000\n')
        assert edited != text
        after = replace(document, text=edited)
        whole = Span(0, len(edited))
        second = await review(replace(request, document=after, span=whole))
        again = await review(replace(request, document=after, span=whole))
        start = text.index("def read_7(")
        one = Span(start, text.index("def read_8("))
        opinion = replace(settings, keep_answers=False)
        await review(replace(request, settings=opinion, span=Span(0, one.start - 1)))
        other = await review(replace(request, settings=opinion, span=one))
        await agent.close()

    price = price_of("claude-sonnet-5-5", settings)
    assert price

    def dollars(usage: Mapping[str, int]) -> float:
        read, written = "cache_read_input_tokens", "cache_creation_input_tokens"
        total = Usage("", usage["input_tokens"], usage.get(written, 0), usage.get(read, 0))
        return cost_of(total, price)

    fresh = {name: value for name, value in second.items() if "read" not in name}
    print(f"{LINES} lines: first review {tokens(first):,} tokens of input")
    print(
        f"  after an edit of one function: {tokens(second):,} "
        f"({tokens(second) / tokens(first):.1%}), of them not from the cache {tokens(fresh):,} "
        f"({tokens(fresh) / tokens(first):.1%}); in money {dollars(second) / dollars(first):.1%}"
    )
    print(f"  the same again: {tokens(again):,}")
    print(
        f"  another function of the file: {other['cache_read_input_tokens'] / tokens(other):.1%} "
        "of the input from the cache"
    )


async def bare_calls(url: str, path: Path) -> list[float]:
    """Seconds that the SDK alone takes for the same answer: the first time, and again."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("bare_call.py")),
        url,
        str(path),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return [float(line) for line in output.split()]


def reply_with(message: str) -> Reply:
    """An answer that comes one finding at a time."""
    whole = answer(
        *(
            finding(quote=f"Reads part {number} of the configuration", line=1, message=message)
            for number in range(FINDINGS)
        )
    )
    ends = [match.end() for match in re.finditer(r"\}(?=, \{|\])", whole)][:FINDINGS]
    pieces = [whole[start:end] for start, end in zip([0, *ends], [*ends, len(whole)], strict=True)]
    return Reply(whole, pieces=tuple(pieces), delay=PIECE_SECONDS)


async def times(folder: Path) -> None:
    """How soon a finding shows, and how soon a cancelled call is closed."""
    text = python_file(1_000, 0)
    sent: list[float] = []
    shown: list[float] = []
    environment = {
        **os.environ,
        "XDG_STATE_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "ANTHROPIC_API_KEY": KEY,
    }
    path = folder / "a.py"
    path.write_text(text)
    message = MESSAGE
    async with LoopbackModel() as model:
        give(State(state_folder(environment)), str(folder), model.url)
        model.usual = lambda body: reply_with(message)
        model.on_piece = lambda: sent.append(time.perf_counter())
        os.environ.update(environment)

        def on_notification(method: str, params: Any) -> None:
            if method == "textDocument/publishDiagnostics":
                count = sum(message in one["message"] for one in params["diagnostics"])
                shown.extend([time.perf_counter()] * (count - len(shown)))

        async with started(OURS) as client:
            client.on_notification = on_notification
            options = {"baseUrl": model.url, "secondLook": "off", "keepAnswers": False}
            await client.initialize(options, folder)
            client.open(path.as_uri(), text)
            await asyncio.sleep(3)
            shown.clear()
            arguments = {"uri": path.as_uri(), "task": "security"}
            bare_seconds = await bare_calls(model.url, path)
            for which, bare in zip(("first", "second"), bare_seconds, strict=True):
                message = f"{MESSAGE}, said a {which} time"
                sent.clear()
                shown.clear()
                begin = time.perf_counter()
                await client.request(
                    "workspace/executeCommand",
                    {"command": "backend-developer.review", "arguments": [arguments]},
                )
                async with asyncio.timeout(60):
                    while len(shown) < FINDINGS:  # noqa: ASYNC110 - the client tells nobody
                        await asyncio.sleep(0.05)
                ours = shown[-1] - begin
                called = sent[0] - PIECE_SECONDS - begin
                print(
                    f"{which} review, {FINDINGS} findings: the SDK alone {bare:.2f} s, from the "
                    f"command to the last diagnostic {ours:.2f} s ({ours / bare - 1:+.1%}), of "
                    f"that {called:.2f} s before the call"
                )
            gaps = [there - here for here, there in zip(sent, shown, strict=False)]
            print(
                f"last byte of a finding to its diagnostic: median "
                f"{percentile(gaps, 0.5) * 1e3:.1f} ms, p99 {percentile(gaps, 0.99) * 1e3:.1f} ms"
            )
            closed = []
            for _ in range(10):
                sent.clear()
                count = len(model.requests)
                await client.request(
                    "workspace/executeCommand",
                    {"command": "backend-developer.review", "arguments": [arguments]},
                )
                async with asyncio.timeout(30):
                    while len(model.requests) == count or not sent:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                begin = time.monotonic()
                await client.request(
                    "workspace/executeCommand",
                    {"command": "backend-developer.cancel", "arguments": [{}]},
                )
                request = model.requests[-1]
                await asyncio.wait_for(request.disconnected.wait(), 5)
                assert request.disconnected_at
                closed.append(request.disconnected_at - begin)
            print(
                f"cancel to closed connection: median {percentile(closed, 0.5) * 1e3:.1f} ms, "
                f"longest {max(closed) * 1e3:.1f} ms"
            )


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
        await inputs(Path(name) / "inputs")
        (Path(name) / "times").mkdir()
        await times(Path(name) / "times")


if __name__ == "__main__":
    asyncio.run(main())
