"""What a change is made and checked with, in an editor and in a terminal alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .change import Fit, Workshop
from .change_files import ChangeFiles
from .core.changes import ChangeSet
from .core.model import Document
from .engines.base import ReviewRequest
from .proof import Proof, prove
from .review import Checker


def make_workshop(
    request: ReviewRequest,
    checker: Checker,
    environment: Mapping[str, str],
    *,
    opened: Callable[[str], Document | None],
    buffers: Mapping[str, str],
) -> Workshop:
    """The workshop of a change that answers the request; `environment` is this process's.

    `opened` gives the document at an absolute path that stands for its file, and may be called in
    any thread; `buffers` are the unsaved texts by absolute path.
    """
    root = Path(request.root) if request.root else None
    files = ChangeFiles(root, request.denials, request.document, opened)

    async def prove_it(change: ChangeSet) -> Proof | None:
        return await prove(change, root, request.settings, environment, buffers) if root else None

    return Workshop(files, checker, lambda change: Fit(), prove_it)
