"""The pictures of the extension's README: taken in a real window, when README_PICTURES is set."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from editors.support import agree, loopback_model
from editors.vscode.tools import EXTENSION
from editors.vscode.workbench import CodeServer, Workbench
from loopback_model import KEY, Reply, answer, finding

ORDERS = '''\
"""Orders of the shop."""

import hashlib

import requests
from fastapi import FastAPI

from .database import connect

app = FastAPI()


@app.get("/orders/{number}")
def read_order(number: str):
    with connect() as database:
        return database.execute(f"SELECT * FROM orders WHERE number = '{number}'").fetchone()


@app.post("/orders/{number}/ship")
def ship(number: str, address: str):
    answer = requests.post(f"https://{address}/parcels", json={"order": number})
    return {"parcel": hashlib.md5(answer.content).hexdigest()}
'''
FOUND = answer(
    finding(
        quote='requests.post(f"https://{address}/parcels", json={"order": number})',
        line=21,
        rule="security/server-side-request-forgery",
        cwes=[918],
        message="`address` comes from the request and chooses the host: whoever calls this can "
        "have the shop send requests into its own network.",
    )
)

PAGED = json.dumps(
    {
        "explanation": ["Orders come in pages, each after the order that the last one ended with."],
        "edits": [
            {
                "file": "orders.py",
                "old": '@app.get("/orders")\ndef list_orders():\n    with connect() as database:\n'
                "        return database.all(ORDERS)",
                "new": '@app.get("/orders")\ndef list_orders(after: int = 0, limit: Limit = 50):\n'
                "    with connect() as database:\n"
                "        return page_of(database, ORDERS, after, limit)",
                "line": 1,
            },
            {
                "file": "orders.py",
                "old": "from models import ORDERS\n",
                "new": "from models import ORDERS\nfrom paging import Limit, page_of\n",
                "line": 1,
            },
        ],
        "files": [
            {
                "path": "paging.py",
                "content": '"""Lists in pages."""\n\nfrom typing import Annotated\n\n'
                "from fastapi import Query\n\nLimit = Annotated[int, Query(ge=1, le=100)]\n\n\n"
                "def page_of(database, query, after, limit):\n"
                "    return database.all(query.after(after).limit(limit))\n",
            }
        ],
        "dependencies": [],
        "steps": [],
    }
)
PAGINATION = """\
---
name: add-pagination
title: Add pagination
kind: change
contains: def list_
---
Add pagination.
"""
LISTED = '''\
"""Orders of the shop."""

from fastapi import FastAPI

from database import connect
from models import ORDERS

app = FastAPI()


@app.get("/orders")
def list_orders():
    with connect() as database:
        return database.all(ORDERS)
'''

if os.environ.get("README_PICTURES"):

    def test_pictures(
        start_server: Callable[..., CodeServer], new_window: Callable[[CodeServer], Workbench]
    ) -> None:
        with loopback_model() as model:
            settings = {"backendDeveloper.baseUrl": model.url, "editor.hover.above": False}
            window = new_window(start_server(settings))
            window.open()
            window.show(ORDERS, "orders.py")
            window.command("Backend Developer: Set API Key…")
            window.answer(KEY)
            agree(window.server.folder / "state", window.workspace, model)
            window.status("findings · claude")
            window.go_to(21, 20)
            window.take_action("Preview as a diff: Add timeout=10")
            window.see(".modified-in-monaco-diff-editor .view-line", "timeout=10")
            take(window, "diff")
            window.click(".editor-actions .action-label[aria-label^='Discard']")
            window.not_see(".monaco-diff-editor")
            window.select_lines(19, 22)
            model.script(Reply(FOUND, delay=0.4))
            window.command("Backend Developer: Review Security")
            window.see(".notification-toast", "Review security")
            take(window, "review")
            window.not_see(".notification-toast", "Review security")
            window.command("Backend Developer: Focus on Findings View")
            window.click(".tab", "orders.py")
            # Away from the tab, whose hint is the path of the file.
            window.browser.do(["mouse"], ["move", 600, 650])
            window.not_see(".monaco-hover")
            window.hover(22, 30)
            window.see(".monaco-hover", "Why:")
            take(window, "findings")

    def test_picture_of_a_proposal(
        start_server: Callable[..., CodeServer], new_window: Callable[[CodeServer], Workbench]
    ) -> None:
        with loopback_model() as model:
            window = new_window(start_server({"backendDeveloper.baseUrl": model.url}))
            window.open()
            for name in ("database", "models"):
                window.write(
                    f"{name}.py", f"{'connect' if name == 'database' else 'ORDERS'} = None\n"
                )
            window.write(".claude/backend-developer/tasks/add-pagination.md", PAGINATION)
            window.name_file(window.write("orders.py", LISTED))
            window.press("Enter")
            window.see(".tab.active", "orders.py")
            window.command("Backend Developer: Set API Key…")
            window.answer(KEY)
            agree(window.server.folder / "state", window.workspace, model)
            window.status("· claude")
            window.go_to(12)
            model.script(Reply(PAGED))
            window.take_action("Add pagination")
            window.see(".notification-toast", "Add pagination: 2 files")
            window.command("Backend Developer: Show Proposals")
            window.choose("Add pagination")
            window.see(".multiDiffEditor .view-line", "page_of")
            take(window, "proposal")


def take(window: Workbench, name: str) -> None:
    window.screenshot(EXTENSION / "images" / f"{name}.png")
