"""Code actions, hovers and lenses with 500 findings in a file while everything else goes on.

    python tests/bench/code_actions.py [REQUESTS]

A folder of 1,000 files is read, an agent's answer streams in from a loopback model, and a second
document is typed into, which keeps our local engine always at work. A bare pygls server is asked
for code actions and typed at in the same way.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from client import BARE, OURS, Client, percentile, python_file, started

import project
from backend_developer.consents import give
from backend_developer.state import State, state_folder
from loopback_model import KEY, LoopbackModel, Reply, answer, finding

FINDINGS = 500
FILES = 1_000
LINES = FINDINGS * 10
REVIEW = "backend-developer.review"


async def latencies(
    client: Client,
    requests: int,
    folder: Path,
    options: dict[str, Any] | None,
    model: LoopbackModel,
) -> tuple[dict[str, list[float]], int, int]:
    """Seconds of each request, by method; how many code actions were answered, and how many of
    them are edits. Without `options` it is a server that finds nothing.
    """
    big, typed = (folder / "big.py").as_uri(), (folder / "code0_2.py").as_uri()
    router = (folder / "router0.py").as_uri()
    found = asyncio.Event()

    def on_notification(method: str, params: Any) -> None:
        is_big = method == "textDocument/publishDiagnostics" and params["uri"] == big
        if is_big and len(params["diagnostics"]) >= FINDINGS:
            found.set()

    client.on_notification = on_notification
    await client.initialize(options, folder)
    text = (folder / "big.py").read_text()
    client.open(big, text)
    client.open(typed, python_file(1_000, 20))
    client.open(router, (folder / "router0.py").read_text())
    methods = ["textDocument/codeAction"]
    if options is not None:
        await asyncio.wait_for(found.wait(), 120)
        methods += ["textDocument/hover", "textDocument/codeLens"]

    async def type_on() -> None:
        for version in itertools.count(1):
            client.insert(typed, version, 4, 0, "# typed\n")
            await asyncio.sleep(0.05)

    async def review_on() -> None:
        arguments = {"uri": big, "task": "security"}
        while True:
            command = {"command": REVIEW, "arguments": [arguments]}
            await client.request("workspace/executeCommand", command)
            await asyncio.sleep(5)

    at_work = [asyncio.create_task(type_on())]
    if options is not None:
        at_work.append(asyncio.create_task(review_on()))
        async with asyncio.timeout(120):
            while not model.requests:  # noqa: ASYNC110 - the model tells nobody
                await asyncio.sleep(0.01)
    times: dict[str, list[float]] = {method: [] for method in methods}
    answered = edits = 0
    for number in range(requests):
        line = number * 37 % LINES
        start = {"line": line, "character": 13}
        place = {"start": start, "end": {"line": line + 12, "character": 0}}
        for method in methods:
            params: dict[str, Any] = {"textDocument": {"uri": big}}
            if method == "textDocument/codeAction":
                params |= {"range": place, "context": {"diagnostics": []}}
            elif method == "textDocument/hover":
                params["position"] = start
            else:
                params["textDocument"] = {"uri": router}
            begin = time.perf_counter()
            given = await client.request(method, params)
            times[method].append(time.perf_counter() - begin)
            if method == "textDocument/codeAction":
                answered += len(given)
                edits += sum("edit" in action for action in given)
        await asyncio.sleep(0.005)
    for task in at_work:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return times, answered, edits


async def main(requests: int) -> None:
    with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
        folder = Path(name) / "project"
        folder.mkdir()
        project.write(folder, FILES)
        (folder / "big.py").write_text(python_file(LINES, FINDINGS))
        environment = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), name)
        os.environ.update(environment, ANTHROPIC_API_KEY=KEY)
        quotes = [f"Reads part {number} of the configuration" for number in range(100)]
        text = answer(*(finding(quote=quote) for quote in quotes))
        async with LoopbackModel() as model:
            model.usual = lambda body: Reply(text, delay=0.005)
            give(State(state_folder(os.environ)), str(folder), model.url)
            options = {"baseUrl": model.url, "secondLook": "off", "keepAnswers": False}
            async with started(BARE) as client:
                bare, _, _ = await latencies(client, requests, folder, None, model)
            async with started(OURS) as client:
                ours, actions, edits = await latencies(client, requests, folder, options, model)
            calls = len(model.requests)
    reference = bare["textDocument/codeAction"]
    print(f"{requests} requests each, in ms{'':15}{'p50':>8}{'p99':>8}{'p99 over bare':>15}")
    for what, times in (("bare pygls, code action", reference), *ours.items()):
        half, most = percentile(times, 0.5), percentile(times, 0.99)
        ratio = most / percentile(reference, 0.99)
        print(f"{what:36}{half * 1e3:>8.2f}{most * 1e3:>8.2f}{ratio:>15.1f}")
    print(
        f"answered on average: {actions / requests:.1f} actions, "
        f"{edits / requests:.1f} with an edit; {calls} calls of the model meanwhile"
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
