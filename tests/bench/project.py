"""A workspace of many files: reading it beside typing, and lenses and symbols once it is known.

    python tests/bench/project.py [FILES] [REQUESTS]

Lenses and symbols are asked for while somebody types into the same file.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from client import OURS, Client, percentile, python_file, started

ROUTER = """\
from fastapi import APIRouter, Depends

from .models{number} import Item{number}

router = APIRouter(prefix="/items{number}", dependencies=[Depends(get_current_user)])
"""
ROUTE = """

@router.get("/{{id}}/part{part}")
async def part{part}(id: int, session: Session = Depends(get_session)) -> Item{number}:
    statement = select(Item{number}).where(Item{number}.id == id, Item{number}.name == "x")
    return await session.scalar(statement)
"""
MODEL = """\
class Item{number}(Base):
    __tablename__ = "items{number}"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
"""
ROUTES = 10
"""In each file that has a router; half of the files are plain code of 100 lines."""


def write(folder: Path, files: int) -> None:
    mounts = []
    for number in range(files // 4):
        routes = "".join(ROUTE.format(part=part, number=number) for part in range(ROUTES))
        (folder / f"router{number}.py").write_text(ROUTER.format(number=number) + routes)
        (folder / f"models{number}.py").write_text(MODEL.format(number=number))
        for part in (2, 3):
            (folder / f"code{number}_{part}.py").write_text(python_file(100, 1))
        mounts.append(f"import router{number}\napp.include_router(router{number}.router)\n")
    (folder / "main.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI()\n" + "".join(mounts)
    )


async def keystrokes(client: Client, uri: str, version: int, count: int) -> list[float]:
    """Seconds from each key to the diagnostics of its version."""
    versions: asyncio.Queue[int] = asyncio.Queue()

    def on_notification(method: str, params: Any) -> None:
        if method == "textDocument/publishDiagnostics" and params["uri"] == uri:
            versions.put_nowait(params.get("version", -1))

    client.on_notification = on_notification
    times = []
    for number in range(version, version + count):
        begin = time.perf_counter()
        client.insert(uri, number, 4, 0, f"h{number} = hashlib.md5(b'').hexdigest()\n")
        while await asyncio.wait_for(versions.get(), 30) < number:
            pass
        times.append(time.perf_counter() - begin)
        await asyncio.sleep(0.1)
    return times


async def main(files: int, requests: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, files)
        typed = (folder / "code0_2.py").as_uri()
        async with started(OURS) as client:
            await client.initialize(folder=folder)
            begin = time.perf_counter()
            client.open(typed, python_file(100, 1))
            await keystrokes(client, typed, 1, 1)  # The worker's start is not of interest here.
            busy = await keystrokes(client, typed, 2, 20)
            query = {"query": "GET /items"}
            # The last file of the walk is known once the last router is mounted.
            last = {"query": f"GET /items{files // 4 - 1}/"}
            while len(await client.request("workspace/symbol", last)) < ROUTES:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            known = time.perf_counter() - begin
            await asyncio.sleep(2)
            idle = await keystrokes(client, typed, 22, 20)
            uri = (folder / "router0.py").as_uri()
            text = (folder / "router0.py").read_text()
            client.open(uri, text)
            document = {"textDocument": {"uri": uri}}
            asked: dict[str, list[float]] = {}
            await asyncio.sleep(1)
            for number in range(requests):
                client.insert(uri, number + 1, 0, 0, "#\n" if number % 2 else f"x{number} = 1\n")
                for method, params in (
                    ("textDocument/codeLens", document),
                    ("textDocument/documentSymbol", document),
                    ("workspace/symbol", query),
                ):
                    begin = time.perf_counter()
                    answer = await client.request(method, params)
                    asked.setdefault(method, []).append(time.perf_counter() - begin)
                    assert len(answer) >= ROUTES, method
                await asyncio.sleep(0.02)
    print(f"{files} files are known after {known:.1f} s")
    for what, times in (
        ("key to diagnostics while they are read", busy),
        ("key to diagnostics afterwards", idle),
        *asked.items(),
    ):
        half, most = percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3
        print(f"{what}: median {half:.1f} ms, p99 {most:.1f} ms")


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(main(*(numbers + [1000, 200][len(numbers) :])))
