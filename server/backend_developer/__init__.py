"""The backend-developer agent behind the Language Server Protocol."""

from __future__ import annotations

__version__ = "0.1.0"
"""The same as in pyproject.toml, which a test holds; a constant because reading it from the
installed metadata would cost every start of the server some milliseconds."""
