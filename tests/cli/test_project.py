"""The files that are named in the terminal are one project."""

from __future__ import annotations

import json

import pytest

from cli.conftest import Run, Write

ROUTER = """\
from fastapi import APIRouter

router = APIRouter()


@router.get("/{id}")
async def show(id: str) -> dict[str, str]:
    return {}
"""
MAIN = """\
from fastapi import FastAPI

import first
import second

app = FastAPI()
app.include_router(first.router, prefix="/users")
app.include_router(second.router, prefix="/users")
"""


@pytest.mark.parametrize("more", [0, 40], ids=["in this process", "in several"])
def test_rules_that_need_several_files(run: Run, write: Write, more: int) -> None:
    write({"main.py": MAIN, "first.py": ROUTER, "second.py": ROUTER.replace("show", "get")})
    write({f"code{number}.py": f"x = {number}\n" for number in range(more)})

    def found(*paths: str) -> list[str]:
        report = json.loads(run("review", "--format", "json", *paths).out)
        return [
            file["path"]
            for file in report["files"]
            for finding in file["findings"]
            if finding["rule"] == "api-design/duplicate-route"
        ]

    assert found(".") == ["second.py"]
    assert found("second.py") == []
