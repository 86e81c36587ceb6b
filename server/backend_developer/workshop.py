"""What a change is asked for, made and checked with, in an editor and in a terminal alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from .change import Fit, Workshop
from .change_files import ChangeFiles
from .core.changes import ChangeSet
from .core.model import Document
from .engines.base import ReviewRequest
from .fit import check_fit
from .habits import habits_of
from .project.index import Project
from .proof import Proof, prove
from .reader import WorkspaceReader
from .review import Checker
from .surroundings import surrounded


def informed(
    request: ReviewRequest, root: Path | None, buffers: Mapping[str, str], project: Project
) -> ReviewRequest:
    """The request with what surrounds its selection, and with the project's habits for a change.

    `buffers` are texts by absolute path. Reads files, so not on the event loop.
    """
    request = surrounded(request, root, buffers, project)
    if root is None or request.task.kind != "change":
        return request
    reader = WorkspaceReader(root, request.denials, buffers)
    return replace(request, habits=habits_of(request.document, request.span, reader, project))


def make_workshop(
    request: ReviewRequest,
    checker: Checker,
    environment: Mapping[str, str],
    project: Project,
    *,
    opened: Callable[[str], Document | None],
    buffers: Callable[[], Mapping[str, str]],
) -> Workshop:
    """The workshop of a change that answers the request; `environment` is this process's.

    `opened` gives the document at an absolute path that stands for its file, `buffers` the unsaved
    texts by absolute path as they are by then; both may be called in any thread.
    """
    root = Path(request.root) if request.root else None
    files = ChangeFiles(root, request.denials, request.document, opened)

    def fit(change: ChangeSet) -> Fit:
        reader = WorkspaceReader(root, request.denials, buffers()) if root else None
        return check_fit(change, reader, project)

    async def prove_it(change: ChangeSet) -> Proof | None:
        if root is None:
            return None
        return await prove(change, root, request.settings, environment, buffers())

    return Workshop(files, checker, fit, prove_it)
