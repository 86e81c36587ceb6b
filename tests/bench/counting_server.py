"""Our server, which notes in the file named by its argument what its worker begins.

A line is what is done, in one word, and the version of the document that it is done for.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from backend_developer import worker
from backend_developer.app import start
from backend_developer.core.model import Document

BEGUN = Path(sys.argv[1])
_transact = worker.LocalWorker._transact


def transact(local: worker.LocalWorker, number: int, request: Any) -> Any:
    if len(request) > 1 and isinstance(request[1], Document):
        with BEGUN.open("a") as file:
            file.write(f"{request[0].replace(' ', '-')} {request[1].version}\n")
    return _transact(local, number, request)


if __name__ == "__main__":
    worker.LocalWorker._transact = transact
    sys.exit(start())
