"""`backend-developer consent`: to whom code may be sent, and taking that back."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

from .. import consents
from ..engines.base import EngineError
from ..engines.endpoint import base_url
from ..gate import host_of
from ..reports.text import visible
from ..state import State, StateError, state_folder
from . import OK, UsageError
from .workspace import load_workspace


def run(*, give: str | None, revoke: str | None) -> int:
    """Lists what was agreed to, or gives or revokes it for a folder, "" for the current one's."""
    state = State(state_folder(os.environ))
    try:
        if give is not None:
            _give(state, give)
        elif revoke is not None:
            root = _root(revoke)
            count = consents.revoke(state, root)
            done = "nothing is sent from it" if count else "nothing had been agreed to"
            sys.stdout.write(f"{visible(root)}: {done} until somebody agrees again\n")
        else:
            _list(state)
    except StateError as error:
        raise UsageError(str(error)) from None
    return OK


def _list(state: State) -> None:
    known = consents.consents(state)
    for one in known:
        day = datetime.fromtimestamp(one.given_at).date()
        root = visible(one.root) or "files in no workspace"
        sys.stdout.write(f"{root}: to {visible(host_of(one.base_url))} since {day}\n")
    if not known:
        sys.stdout.write("nothing was agreed to, so nothing is sent without asking\n")


def _give(state: State, path: str) -> None:
    root = _root(path)
    try:
        where = base_url(load_workspace([root]).settings, os.environ)
    except EngineError as error:
        raise UsageError(str(error)) from None
    consents.give(state, root, where)
    sys.stdout.write(f"{visible(root)}: code may be sent to {visible(host_of(where))}\n")


def _root(path: str) -> str:
    """A folder that is named is one's workspace in an editor: taken as it is."""
    return str(Path(path).absolute() if path else load_workspace().root)
