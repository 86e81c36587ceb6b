"""`python -m backend_developer` and the command `backend-developer`."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
