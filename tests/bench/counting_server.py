"""Our server, which writes a line into the file named by its argument for each text it scans."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from backend_developer import worker
from backend_developer.app import start

SCANS = Path(sys.argv[1])
_transact = worker.LocalWorker._transact


def transact(local: worker.LocalWorker, number: int, request: Any) -> Any:
    if request[0] == "scan":
        with SCANS.open("a") as file:
            file.write(f"{request[1].version}\n")
    return _transact(local, number, request)


if __name__ == "__main__":
    worker.LocalWorker._transact = transact
    sys.exit(start())
