"""Memory of the server and of its worker while somebody edits for an hour, compressed.

    python tests/bench/soak.py [--minutes N] [--documents N]

An hour's keys, of which somebody makes one each two seconds, are typed as fast as the server takes
them; documents are opened and closed, reviewed on demand, and asked for code actions, hovers,
lenses and for the change that a model proposes. `--minutes` is how many minutes of it are done.
Prints memory in MiB along the way and its growth since the fifth minute.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from client import OURS, Client, python_file, started

from backend_developer.consents import give
from backend_developer.state import State, state_folder
from loopback_model import KEY, LoopbackModel, Reply, answer, finding

KEYS_PER_MINUTE = 30
FIRST_MINUTES = 5
"""What is read for the first time is read by then."""
TYPED = 5
"""Documents that are typed into in turn."""


async def edit(
    client: Client, folder: Path, minute: int, versions: dict[str, int], ended: asyncio.Queue[str]
) -> None:
    """One minute of it; `ended` says what became of each review."""
    for key in range(KEYS_PER_MINUTE):
        uri = (folder / f"file{key % TYPED}.py").as_uri()
        versions[uri] += 1
        # As much is taken away as comes in.
        text, end = ("m = hashlib.md5(b'')\n", 4) if versions[uri] % 2 else ("", 5)
        change = {
            "range": {"start": {"line": 4, "character": 0}, "end": {"line": end, "character": 0}},
            "text": text,
        }
        params: dict[str, Any] = {"uri": uri, "version": versions[uri]}
        client.notify(
            "textDocument/didChange", {"textDocument": params, "contentChanges": [change]}
        )
        document = {"textDocument": {"uri": uri}}
        place = {"start": {"line": 5, "character": 13}, "end": {"line": 25, "character": 0}}
        await client.request("textDocument/hover", document | {"position": place["start"]})
        await client.request("textDocument/codeLens", document)
        await client.request(
            "textDocument/codeAction", document | {"range": place, "context": {"diagnostics": []}}
        )
    again = (folder / f"again{minute % 50}.py").as_uri()
    client.open(again, python_file(200, 5))
    reviewed = (folder / f"file{minute % TYPED}.py").as_uri()
    command = {
        "command": "backend-developer.review",
        "arguments": [{"uri": reviewed, "task": "security"}],
    }
    await client.request("workspace/executeCommand", command)
    await asyncio.wait_for(ended.get(), 120)
    client.notify("textDocument/didClose", {"textDocument": {"uri": again}})


async def main(minutes: int, documents: int) -> None:
    with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
        folder = Path(name) / "project"
        folder.mkdir()
        environment = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), name)
        os.environ.update(environment, ANTHROPIC_API_KEY=KEY)
        said = finding(quote="Reads part 1 of the configuration")
        async with LoopbackModel() as model, started(OURS) as client:
            model.usual = lambda body: Reply(answer(said))
            give(State(state_folder(os.environ)), str(folder), model.url)
            await client.initialize({"baseUrl": model.url, "keepAnswers": False}, folder)

            def measured(what: str) -> tuple[float, float]:
                server, worker = (count / 2**20 for count in client.resident_bytes())
                print(f"{what:32}{server:>8.0f}{worker:>8.0f}", flush=True)
                return server, worker

            await asyncio.sleep(3)
            print(f"{'MiB':32}{'server':>8}{'worker':>8}")
            measured("idle")
            versions = {(folder / f"file{index}.py").as_uri(): 0 for index in range(TYPED)}
            for uri in versions:
                client.open(uri, python_file(1_000, 20))
            ended: asyncio.Queue[str] = asyncio.Queue()
            client.on_notification = lambda method, params: (
                ended.put_nowait(params["message"]) if method == "window/showMessage" else None
            )
            before = (0.0, 0.0)
            begin = time.monotonic()
            for minute in range(1, minutes + 1):
                await edit(client, folder, minute, versions, ended)
                if minute == FIRST_MINUTES:
                    await asyncio.sleep(3)
                    before = measured(f"after {minute} minutes of editing")
                elif minute % max(10, minutes // 4) == 0 or minute == minutes:
                    await asyncio.sleep(3)
                    after = measured(f"after {minute} minutes of editing")
            if minutes > FIRST_MINUTES:
                grown = [now / then - 1 for now, then in zip(after, before, strict=True)]
                print(
                    f"{f'grown since the {FIRST_MINUTES}th':32}{grown[0]:>8.1%}{grown[1]:>8.1%}"
                    f"   {minutes * KEYS_PER_MINUTE} keys, {minutes} reviews, "
                    f"{len(model.requests)} calls of the model, {time.monotonic() - begin:.0f} s"
                )
            uris = [(folder / f"many{index}.py").as_uri() for index in range(documents)]
            for uri in uris:
                client.open(uri, python_file(100, 2))
            # One is known once what was opened after all of them is.
            shown: set[str] = set()

            def on_notification(method: str, params: Any) -> None:
                if method == "textDocument/publishDiagnostics" and params["diagnostics"]:
                    shown.add(params["uri"])

            client.on_notification = on_notification
            deadline = time.monotonic() + 300
            while not shown.issuperset(uris) and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
            await asyncio.sleep(3)
            measured(f"with {len(shown)} more documents open")
            for uri in uris:
                client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
            await asyncio.sleep(5)
            measured("when these are closed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--documents", type=int, default=1_000)
    options = parser.parse_args()
    asyncio.run(main(options.minutes, options.documents))
