"""Ours beside other language servers: start, memory, and keystroke to diagnostics.

    python tests/bench/peers.py [KEYSTROKES] [STARTS]

Peers are those on PATH: `ruff server`, `pylsp`, `semgrep lsp`, `oxlint --lsp`. What is not there
is left out, which is said. They take turns, so that a busy machine slows all of them. A keystroke
puts in a line that each of them has something to say of, and is answered by the diagnostics that
say it. semgrep looks at what is saved only, so that its key is a save; it has one rule, the others
what they come with.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from client import (
    BARE,
    OURS,
    SEMGREP_RULE,
    Client,
    javascript_file,
    percentile,
    python_file,
    started,
)

LINES = (300, 1_000, 5_000)
BURST = 100
BURST_SECONDS = 0.01
"""From one key of a burst to the next."""
PAUSE_SECONDS = 0.5
"""From the diagnostics of one key to the next, as one types who looks at them."""
PYTHON = "secret_{0} = hashlib.md5(nowhere_{0}).hexdigest()\n"
JAVASCRIPT = "debugger; // {}\n"


@dataclass(frozen=True)
class Peer:
    name: str
    command: list[str]
    language: str = "python"
    options: Mapping[str, Any] = field(default_factory=dict)
    looks_at_saved: bool = False

    def file(self, lines: int) -> str:
        return python_file(lines, 10) if self.language == "python" else javascript_file(lines)

    @property
    def finding(self) -> str:
        return PYTHON if self.language == "python" else JAVASCRIPT


def peers(rule: Path) -> list[Peer]:
    """Those that are installed."""
    scan = {"configuration": [str(rule)], "onlyGitDirty": False}
    semgrep = {"scan": scan, "metrics": {"enabled": False}}
    known = [
        Peer("ruff server", ["ruff", "server"]),
        Peer("pylsp", ["pylsp"]),
        Peer("semgrep lsp", ["semgrep", "lsp"], options=semgrep, looks_at_saved=True),
        Peer("oxlint --lsp", ["oxlint", "--lsp"], "javascript", {"run": "onType"}),
    ]
    for peer in known:
        if shutil.which(peer.command[0]) is None:
            print(f"{peer.name} is left out: there is no {peer.command[0]} on PATH.")
    return [peer for peer in known if shutil.which(peer.command[0])]


# --- Start and memory


async def start(peer: Peer, folder: Path) -> tuple[float, float, float]:
    """Milliseconds to the answer of `initialize`; MiB of all its processes then, and when it has
    looked at a file of 1,000 lines.
    """
    begin = time.perf_counter()
    async with started(peer.command, folder) as client:
        await client.initialize(dict(peer.options), folder)
        milliseconds = (time.perf_counter() - begin) * 1e3
        at_first = sum(client.resident_bytes()) / 2**20
        if peer.command != BARE:
            await _Typing(client, peer, folder, 1_000).key()
        await asyncio.sleep(1)
        return milliseconds, at_first, sum(client.resident_bytes()) / 2**20


async def starts(all_peers: list[Peer], folder: Path, count: int) -> None:
    print(
        f"\n{count} starts, medians: `initialize` answered, and MiB then and with a file looked at"
    )
    print(f"{'':14}{'start':>10}{'over bare':>11}{'memory':>10}{'warmed up':>11}")
    measured: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(count):
        for peer in (Peer("bare pygls", BARE), Peer("ours", OURS), *all_peers):
            measured.setdefault(peer.name, []).append(await start(peer, folder))
    bare = median(run[0] for run in measured["bare pygls"])
    for name, runs in measured.items():
        first, memory, warm = (median(column) for column in zip(*runs, strict=True))
        print(f"{name:14}{first:>7.0f} ms{first / bare:>11.2f}{memory:>10.0f}{warm:>11.0f}")


# --- Keys


class _Typing:
    """One document that is typed into, in a file on disk."""

    def __init__(self, client: Client, peer: Peer, folder: Path, lines: int) -> None:
        self.client, self.peer = client, peer
        ending = "py" if peer.language == "python" else "js"
        self.path = folder / f"typed{lines}.{ending}"
        self.text = peer.file(lines)
        self.path.write_text(self.text)
        self.version = 0
        self.published: asyncio.Queue[tuple[int | None, int]] = asyncio.Queue()
        self.count = 0
        client.on_notification = self._on_notification
        client.open(self.path.as_uri(), self.text, peer.language)

    def _on_notification(self, method: str, params: Any) -> None:
        if method == "textDocument/publishDiagnostics" and params["uri"] == self.path.as_uri():
            seen = {one["range"]["start"]["line"] for one in params["diagnostics"]}
            self.published.put_nowait((params.get("version"), len(seen)))

    def type(self) -> None:
        self.version += 1
        line = self.peer.finding.format(self.version)
        self.text = line + self.text
        if self.client.takes_whole_texts:
            self.client.replace(self.path.as_uri(), self.version, self.text)
        else:
            self.client.insert(self.path.as_uri(), self.version, 0, 0, line)
        if self.peer.looks_at_saved:
            self.path.write_text(self.text)
            document = {"uri": self.path.as_uri()}
            self.client.notify("textDocument/didSave", {"textDocument": document})

    async def shown(self) -> None:
        """Until the diagnostics of this version are there, with what it brought."""
        async with asyncio.timeout(60):
            while True:
                version, count = await self.published.get()
                if version in (None, self.version) and count > self.count:
                    self.count = count
                    return

    async def key(self) -> float:
        """Seconds from a key to what it brought."""
        begin = time.perf_counter()
        self.type()
        await self.shown()
        return time.perf_counter() - begin

    async def settled(self) -> None:
        """Waits a moment, and learns what is shown by then."""
        await asyncio.sleep(PAUSE_SECONDS)
        while not self.published.empty():
            _, self.count = self.published.get_nowait()


async def keys(all_peers: list[Peer], folder: Path, count: int) -> None:
    print(f"\nkeystroke to diagnostics, {count} keys: p50 and p99 in ms")
    print(f"{'':22}" + "".join(f"{f'{lines:,} lines':>18}" for lines in LINES))
    ours = [Peer("ours, Python", OURS), Peer("ours, JavaScript", OURS, "javascript")]
    for peer in (*ours, *all_peers):
        columns = ""
        for lines in LINES:
            async with started(peer.command, folder) as client:
                await client.initialize(dict(peer.options), folder)
                await asyncio.sleep(2 if peer.looks_at_saved else 0)  # It reads its rules.
                typing = _Typing(client, peer, folder, lines)
                times = []
                for _ in range(3):  # What comes first warms it up.
                    await typing.settled()
                    await typing.key()
                for _ in range(count):
                    await typing.settled()
                    times.append(await typing.key() * 1e3)
            columns += f"{percentile(times, 0.5):>9.0f}{percentile(times, 0.99):>9.0f}"
        print(f"{peer.name:22}{columns}", flush=True)


async def burst(folder: Path) -> None:
    """How soon after a burst of keys its last version is shown, and what the worker began."""
    begun = folder / "begun"
    counting = str(Path(__file__).with_name("counting_server.py"))
    peer = Peer("ours", [sys.executable, counting, str(begun)])
    print(
        f"\nours, {BURST} keys, one each {BURST_SECONDS * 1e3:.0f} ms: last key to diagnostics, "
        "and what was begun for that key and for those before it"
    )
    for lines in LINES:
        async with started(peer.command, folder) as client:
            await client.initialize(folder=folder)
            typing = _Typing(client, peer, folder, lines)
            await typing.key()
            await typing.settled()
            begun.write_text("")
            for _ in range(BURST):
                typing.type()
                await asyncio.sleep(BURST_SECONDS)
            begin = time.perf_counter()
            await typing.shown()
            milliseconds = (time.perf_counter() - begin) * 1e3
            await asyncio.sleep(PAUSE_SECONDS)
            works = [line.split() for line in begun.read_text().splitlines()]
        last, earlier = (
            Counter(what for what, version in works if (version == str(typing.version)) is is_last)
            for is_last in (True, False)
        )
        print(f"{lines:>7,} lines: {milliseconds:.0f} ms; {_said(last)}; before: {_said(earlier)}")


def _said(works: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in works.items()) or "nothing"


async def main(keystrokes: int, start_count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="backend-developer-") as name:
        folder = Path(name)
        (folder / ".git").mkdir()
        rule = folder / "rule.yml"
        rule.write_text(SEMGREP_RULE)
        all_peers = peers(rule)
        await starts(all_peers, folder, start_count)
        await keys(all_peers, folder, keystrokes)
        await burst(folder)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(main(*(numbers + [50, 5][len(numbers) :])))
