"""Code actions, hovers and lenses with 500 findings in a file while everything else goes on.

    python tests/bench/code_actions.py [ROUNDS]

In a folder of 1,000 files that are read again and again, an agent's answer streams in from a
loopback model and a second document is typed into, which keeps our local engine always at work.
Before that, 500 fixes are checked, which takes a while.

A bare pygls server has the same documents open and is typed at in the same way at the same time,
so that whatever takes the processors from one takes them from the other. Each round asks it for
code actions, and then ours for each kind of answer. What asks is a process that does nothing else:
the model is in another, diagnostics of the large file are taken and not decoded, and the clock
stops when an answer's last byte is there.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
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
WAIT_SECONDS = 300
"""For 500 findings, and again for their checked fixes, before the measurement begins."""
REVIEW_SECONDS = 20
"""How long an answer streams in before it is asked for again."""
LONGEST_READ = 150_000
"""Bytes: 500 diagnostics are more, code actions with 500 edits are less."""
CODE_ACTION = "textDocument/codeAction"
BARE_ROW, WHOLE_ROW = "bare pygls, code action", "code action, all lines"


async def measure(rounds: int, folder: Path, url: str) -> dict[str, Any]:
    """Seconds of each request, by row; how many actions were answered, and how many are edits.

    `folder.parent / "asked"` is there once the model has been asked.
    """
    options = {"baseUrl": url, "secondLook": "off", "keepAnswers": False}
    async with started(BARE) as bare, started(OURS) as ours:
        await opened(bare, folder, None)
        await asyncio.wait_for((await opened(ours, folder, options)).wait(), WAIT_SECONDS)
        ours.longest_read = LONGEST_READ
        big, typed = (folder / "big.py").as_uri(), (folder / "code0_2.py").as_uri()
        files = [(folder / f"router{number}.py").as_uri() for number in range(FILES // 4)]
        was_asked = asyncio.Event()

        async def type_on() -> None:
            for version in itertools.count(1):
                for client in (bare, ours):
                    client.insert(typed, version, 4, 0, "# typed\n")
                await asyncio.sleep(0.05)

        async def review_on() -> None:
            while True:
                command = {"command": REVIEW, "arguments": [{"uri": big, "task": "security"}]}
                await ours.request("workspace/executeCommand", command)
                await was_asked.wait()
                await asyncio.sleep(REVIEW_SECONDS)

        async def look() -> None:
            while not (folder.parent / "asked").exists():  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.01)
            was_asked.set()

        async def read_on() -> None:
            changes = [{"uri": uri, "type": 2} for uri in files]
            while True:
                for first in range(0, len(changes), 20):
                    some = {"changes": changes[first : first + 20]}
                    ours.notify("workspace/didChangeWatchedFiles", some)
                    await asyncio.sleep(0.2)

        async with going_on(review_on), going_on(look):
            await asyncio.wait_for(was_asked.wait(), WAIT_SECONDS)
            async with going_on(type_on), going_on(read_on):
                return await asked(rounds, folder, bare, ours)


async def asked(rounds: int, folder: Path, bare: Client, ours: Client) -> dict[str, Any]:
    document = {"textDocument": {"uri": (folder / "big.py").as_uri()}}
    router = {"textDocument": {"uri": (folder / "router0.py").as_uri()}}
    nothing: dict[str, Any] = {"context": {"diagnostics": []}}
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": LINES, "character": 0}}
    times: dict[str, list[float]] = {}
    answered = edits = 0

    async def ask(row: str, client: Client, method: str, params: dict[str, Any]) -> Any:
        given, seconds = await client.timed(method, params)
        times.setdefault(row, []).append(seconds)
        return given

    for number in range(rounds):
        line = number * 37 % LINES
        start = {"line": line, "character": 13}
        place = {"start": start, "end": {"line": line + 12, "character": 0}}
        here = document | nothing | {"range": place}
        await ask(BARE_ROW, bare, CODE_ACTION, here)
        given = await ask("code action", ours, CODE_ACTION, here)
        answered += len(given)
        edits += sum("edit" in action for action in given)
        cursor = document | nothing | {"range": {"start": start, "end": start}}
        await ask("code action, at a cursor", ours, CODE_ACTION, cursor)
        await ask("hover", ours, "textDocument/hover", document | {"position": start})
        await ask("code lens", ours, "textDocument/codeLens", router)
        await ask(WHOLE_ROW, ours, CODE_ACTION, document | nothing | {"range": whole})
        await asyncio.sleep(0.005)
    return {"times": times, "answered": answered, "edits": edits}


async def opened(client: Client, folder: Path, options: dict[str, Any] | None) -> asyncio.Event:
    """Opens the documents; set once the large one has all its findings."""
    big, found = (folder / "big.py").as_uri(), asyncio.Event()

    def on_notification(method: str, params: Any) -> None:
        is_big = method == "textDocument/publishDiagnostics" and params["uri"] == big
        if is_big and len(params["diagnostics"]) >= FINDINGS:
            found.set()

    client.on_notification = on_notification
    await client.initialize(options, folder)
    client.open(big, (folder / "big.py").read_text())
    client.open((folder / "code0_2.py").as_uri(), python_file(1_000, 20))
    client.open((folder / "router0.py").as_uri(), (folder / "router0.py").read_text())
    return found


@asynccontextmanager
async def going_on(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
        folder = Path(name) / "project"
        folder.mkdir()
        project.write(folder, FILES)
        (folder / "big.py").write_text(python_file(LINES, FINDINGS))
        environment = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), name)
        os.environ.update(environment, ANTHROPIC_API_KEY=KEY)
        quotes = [f"Reads part {number} of the configuration" for number in range(400)]
        text = answer(*(finding(quote=quote) for quote in quotes))

        def reply(body: object) -> Reply:
            (Path(name) / "asked").touch()
            return Reply(text, delay=0.005)

        async with LoopbackModel() as model:
            model.usual = reply
            give(State(state_folder(os.environ)), str(folder), model.url)
            measuring = await asyncio.create_subprocess_exec(
                *(sys.executable, __file__, str(rounds), str(folder), model.url),
                stdout=asyncio.subprocess.PIPE,
            )
            said, _ = await measuring.communicate()
            calls = len(model.requests)
    result = json.loads(said)
    times = {row: [one * 1e3 for one in seconds] for row, seconds in result["times"].items()}
    print(f"{rounds} requests each, in ms{'':8}{'p50':>8}{'p99':>8}{'p99 over bare':>15}  longest")
    for row, milliseconds in times.items():
        half, most = percentile(milliseconds, 0.5), percentile(milliseconds, 0.99)
        ratio = most / percentile(times[BARE_ROW], 0.99)
        longest = " ".join(f"{one:.1f}" for one in sorted(milliseconds)[-3:][::-1])
        print(f"{row:29}{half:>8.2f}{most:>8.2f}{ratio:>15.1f}  {longest}")
    print(
        f"answered on average: {result['answered'] / rounds:.1f} actions, "
        f"{result['edits'] / rounds:.1f} with an edit; {calls} calls of the model meanwhile"
    )


if __name__ == "__main__":
    rounds, *measuring = sys.argv[1:] or ["400"]
    if measuring:
        folder, url = measuring
        json.dump(asyncio.run(measure(int(rounds), Path(folder), url)), sys.stdout)
    else:
        asyncio.run(main(int(rounds)))
