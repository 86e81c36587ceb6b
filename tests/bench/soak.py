"""Memory of the server and of its worker while somebody edits for an hour, compressed.

    python tests/bench/soak.py [--minutes N] [--documents N]

A minute of it has the keys and requests of a minute at the keyboard: five bursts of twelve keys,
which take twelve seconds at five keys a second and are sent at once, each followed by a hover,
lenses and code actions. Between them documents are opened, saved and closed, a fix is taken and
put back, a file changes on disk, the agent reviews, and a change that it proposes is taken or
dropped. So an hour, of 3,600 keys, takes about ten minutes: each burst waits for what it brings
to be shown, each minute for the server and its worker to be at rest.

Prints, after each minute, RSS and USS (what is a process's alone, and goes with it) in MiB, and
PSS of all processes together; then the growth since the fifth minute, and the same with many
documents open and after these are closed. A bare pygls server does the same at the end, as far as
it can. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from client import (
    BARE,
    OURS,
    Client,
    Memory,
    is_at_work,
    memory_of,
    processor_seconds,
    python_file,
    started,
)

from backend_developer.consents import give
from backend_developer.state import State, state_folder
from loopback_model import KEY, LoopbackModel, Reply, answer, change, edit, finding

FIRST_MINUTES = 5
"""What is read for the first time is read by then."""
FILES = 20
"""On disk, of which TYPED are typed into in turn."""
TYPED = 5
BURST = "eval(names)\n"
"""What a burst types, and the next one in that file takes away; the local engine finds it."""
PLACE = 4
"""The line that it is typed into, from 0: an empty one."""
LIMIT = "LIMIT = {}\n\n\ndef limited(rows):\n    return rows[:LIMIT]\n"
TASK = """\
---
name: raise-limit
title: Raise the limit
kind: change
contains: LIMIT
---
Raise the limit by one.
"""
REST_SECONDS = 1.0
"""Without work for so long, a process waits for nothing but its client."""


@dataclass
class Buffer:
    """A document of the editor's."""

    client: Client
    uri: str
    text: str
    version: int = 0

    def open(self) -> None:
        self.version = 0
        self.client.open(self.uri, self.text)

    def close(self) -> None:
        self.client.notify("textDocument/didClose", {"textDocument": {"uri": self.uri}})

    def become(self, text: str) -> None:
        self._change({"text": text}, text)

    def replace(self, line: int, start: int, end: int, new: str) -> None:
        """Replaces columns of a line; a column behind its end is in the next line."""
        lines = self.text.split("\n")
        begin = sum(len(one) + 1 for one in lines[:line])
        is_over = end > len(lines[line])
        place = {
            "start": {"line": line, "character": start},
            "end": {"line": line + is_over, "character": 0 if is_over else end},
        }
        text = self.text[: begin + start] + new + self.text[begin + end :]
        self._change({"range": place, "text": new}, text)

    def _change(self, event: dict[str, Any], text: str) -> None:
        self.version += 1
        self.text = text
        self.client.change(self.uri, self.version, event)

    def with_edits(self, edits: list[dict[str, Any]]) -> str:
        """The text after edits as LSP has them; it is ASCII."""
        starts = [0, *itertools.accumulate(len(one) + 1 for one in self.text.split("\n"))]
        text = self.text
        for one in sorted(edits, key=lambda one: -starts[one["range"]["start"]["line"]]):
            begin, end = (
                starts[place["line"]] + place["character"]
                for place in (one["range"]["start"], one["range"]["end"])
            )
            text = text[:begin] + one["newText"] + text[end:]
        return text


class Person:
    """Edits the project in `folder`; what only our server can do is left out of another."""

    def __init__(self, client: Client, folder: Path, is_ours: bool) -> None:
        self.client, self.folder, self.is_ours = client, folder, is_ours
        self.keys = 0
        self.done: dict[str, int] = {"fixes": 0, "taken": 0, "dropped": 0}
        self.typed = [self.buffer(f"file{index}.py") for index in range(TYPED)]
        self.limited = self.buffer("limited.py")
        for buffer in (*self.typed, self.limited):
            buffer.open()

    def buffer(self, name: str) -> Buffer:
        file = self.folder / name
        return Buffer(self.client, file.as_uri(), file.read_text())

    async def minute(self, number: int) -> None:
        again = self.buffer(f"file{TYPED + number % (FILES - TYPED)}.py")
        again.open()
        for buffer in self.typed:
            await self.burst(buffer)
        await self.look(again)
        await self.take_fix(self.typed[number % TYPED])
        self.save(self.typed[number % TYPED])
        self.change_on_disk(number)
        if self.is_ours:
            uri = self.typed[number % TYPED].uri
            await self.command("review", uri=uri, task="security")
            await self.has_ended()
            await self.propose(number % 2 == 0)
        again.close()
        await at_rest(self.client)

    async def burst(self, buffer: Buffer) -> None:
        is_there = BURST in buffer.text
        for index, key in enumerate(BURST):
            if is_there:
                column = len(BURST) - 1 - index
                buffer.replace(PLACE, column, column + 1, "")
            else:
                buffer.replace(PLACE, index, index, key)
            self.keys += 1
        await self.look(buffer)
        if not self.is_ours:
            return
        async with asyncio.timeout(120):
            while is_there == await self.is_shown(buffer):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def is_shown(self, buffer: Buffer) -> bool:
        """Whether there is a finding in the line that a burst typed."""
        found = await self.command("findings", uri=buffer.uri)
        return any(one["range"]["start"]["line"] == PLACE for one in found)

    async def look(self, buffer: Buffer) -> list[dict[str, Any]]:
        """The code actions of the first function, and what else an editor asks for meanwhile."""
        document = {"textDocument": {"uri": buffer.uri}}
        place = {"start": {"line": PLACE, "character": 0}, "end": {"line": 25, "character": 0}}
        if self.is_ours:
            position = {"line": PLACE + 4, "character": 20}
            await self.client.request("textDocument/hover", document | {"position": position})
            await self.client.request("textDocument/codeLens", document)
            await self.client.request("textDocument/documentSymbol", document)
        return await self.client.request(
            "textDocument/codeAction", document | {"range": place, "context": {"diagnostics": []}}
        )

    async def take_fix(self, buffer: Buffer) -> None:
        """Picks the first fix, and puts back what stood there before."""
        before = buffer.text
        for action in await self.look(buffer):
            for changed in action.get("edit", {}).get("documentChanges", ()):
                if changed["textDocument"]["uri"] == buffer.uri:
                    buffer.become(buffer.with_edits(changed["edits"]))
        self.done["fixes"] += buffer.text != before
        buffer.become(before)

    def save(self, buffer: Buffer) -> None:
        (self.folder / Path(buffer.uri).name).write_text(buffer.text)
        self.client.notify("textDocument/didSave", {"textDocument": {"uri": buffer.uri}})

    def change_on_disk(self, number: int) -> None:
        file = self.folder / f"file{FILES - 1 - number % (FILES - TYPED)}.py"
        file.write_text(python_file(300, 3) + f"NUMBER = {number}\n")
        event = {"uri": file.as_uri(), "type": 2}
        self.client.notify("workspace/didChangeWatchedFiles", {"changes": [event]})

    async def propose(self, is_taken: bool) -> None:
        """Has the agent propose a change, and takes or drops it."""
        await self.command("change", uri=self.limited.uri, task="raise-limit")
        await self.has_ended()
        proposals = [one for one in await self.command("proposals") if one["state"] == "offered"]
        for proposal in proposals:
            if is_taken:
                self.limited.become(proposal["files"][0]["after"])
                self.done["taken"] += 1
            else:
                await self.command("discard", id=proposal["id"])
                self.done["dropped"] += 1

    async def command(self, name: str, **arguments: Any) -> Any:
        command = {"command": f"backend-developer.{name}", "arguments": [arguments]}
        return await self.client.request("workspace/executeCommand", command)

    async def has_ended(self) -> None:
        """Until nothing goes on that was asked for."""
        async with asyncio.timeout(120):
            while (await self.command("status"))["runs"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def at_rest(client: Client) -> None:
    """Until neither the server nor what it started has had anything to do for a while."""
    since, seen = time.monotonic(), -1.0
    async with asyncio.timeout(1_200):
        while time.monotonic() - since < REST_SECONDS:
            spent = processor_seconds(client.process.pid)
            if spent != seen or is_at_work(client.process.pid):
                since, seen = time.monotonic(), spent
            await asyncio.sleep(0.05)


def model_for(person: Callable[[], Person]) -> Callable[[dict[str, Any]], Reply]:
    """Replies to the task with a change, and to a review with a finding."""

    def reply(body: dict[str, Any]) -> Reply:
        if "Raise the limit by one" not in str(body):
            return Reply(answer(finding(quote="Reads part 1 of the configuration")))
        [old] = [line for line in person().limited.text.split("\n") if line.startswith("LIMIT =")]
        new = f"LIMIT = {int(old.split()[-1]) + 1}"
        return Reply(change(edit("limited.py", old, new), explanation=["Done."]))

    return reply


def write_project(folder: Path) -> None:
    for index in range(FILES):
        (folder / f"file{index}.py").write_text(python_file(300, 3))
    (folder / "limited.py").write_text(LIMIT.format(100))
    task = folder / ".claude/backend-developer/tasks/raise-limit.md"
    task.parent.mkdir(parents=True)
    task.write_text(TASK)


# --- What is printed


HEAD = f"{'MiB':28}{'server RSS':>12}{'USS':>8}{'worker RSS':>12}{'USS':>8}{'all, PSS':>10}"


def printed(what: str, memory: tuple[Memory, Memory], more: str = "") -> None:
    server, worker = memory
    columns = f"{server.rss:>12.1f}{server.uss:>8.1f}{worker.rss:>12.1f}{worker.uss:>8.1f}"
    print(f"{what:28}{columns}{server.pss + worker.pss:>10.1f}{more}", flush=True)


def printed_growth(before: tuple[Memory, Memory], after: tuple[Memory, Memory]) -> None:
    def grown(then: float, now: float) -> str:
        return f"{now / then - 1:+.1%}" if then else "-"

    (server, worker), (server_now, worker_now) = before, after
    print(
        f"{f'since minute {FIRST_MINUTES}':28}"
        f"{grown(server.rss, server_now.rss):>12}{grown(server.uss, server_now.uss):>8}"
        f"{grown(worker.rss, worker_now.rss):>12}{grown(worker.uss, worker_now.uss):>8}"
        f"{grown(server.pss + worker.pss, server_now.pss + worker_now.pss):>10}"
    )


async def hour(
    client: Client, folder: Path, minutes: int, documents: int, became: Callable[[Person], None]
) -> None:
    is_ours = client.command == OURS
    await at_rest(client)
    print(f"\n{'ours' if is_ours else 'bare pygls'}\n{HEAD}")
    printed("idle", memory_of(client.process.pid))
    begin = time.monotonic()
    person = Person(client, folder, is_ours)
    became(person)
    before: tuple[Memory, Memory] | None = None
    for number in range(1, minutes + 1):
        await person.minute(number)
        memory = memory_of(client.process.pid)
        printed(f"minute {number}", memory, f"   {person.keys} keys")
        before = memory if number == FIRST_MINUTES else before
    if before:
        printed_growth(before, memory)
    said = ", ".join(f"{count} {what}" for what, count in person.done.items())
    print(f"{person.keys} keys, {said}; {time.monotonic() - begin:.0f} s")
    many = [
        Buffer(
            client, (folder / f"many{index}.py").as_uri(), python_file(100, int(index % 10 == 0))
        )
        for index in range(documents)
    ]
    for buffer in many:
        buffer.open()
    await at_rest(client)
    printed(f"{documents:,} more documents", memory_of(client.process.pid))
    for buffer in many:
        buffer.close()
    await at_rest(client)
    printed("when these are closed", memory_of(client.process.pid))


async def main(minutes: int, documents: int) -> None:
    for command in (OURS, BARE):
        with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
            folder = Path(name) / "project"
            folder.mkdir()
            write_project(folder)
            environment = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), name)
            os.environ.update(environment, ANTHROPIC_API_KEY=KEY)
            async with LoopbackModel() as model, started(command) as client:
                people: list[Person] = []
                model.usual = model_for(lambda: people[0])  # noqa: B023 - each has its own.
                give(State(state_folder(os.environ)), str(folder), model.url)
                await client.initialize({"baseUrl": model.url, "keepAnswers": False}, folder)
                await hour(client, folder, minutes, documents, people.append)
                print(f"{len(model.requests)} calls of the model")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--documents", type=int, default=1_000)
    options = parser.parse_args()
    asyncio.run(main(options.minutes, options.documents))
