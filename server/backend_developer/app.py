"""The language server: one table, from a method to the function that handles it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from . import handlers
from .garbage import staying
from .session import Session
from .wire import Server, serve_stdio

if TYPE_CHECKING:
    from .gate import Person
    from .review import Reviewers
    from .settings import Settings

HANDLERS: Mapping[str, Callable[[Session, Any], Any]] = {
    types.INITIALIZE: handlers.initialize,
    types.INITIALIZED: handlers.initialized,
    types.SHUTDOWN: handlers.shutdown,
    types.TEXT_DOCUMENT_DID_OPEN: handlers.did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: handlers.did_change,
    types.TEXT_DOCUMENT_DID_SAVE: handlers.did_save,
    types.TEXT_DOCUMENT_DID_CLOSE: handlers.did_close,
    types.TEXT_DOCUMENT_CODE_ACTION: handlers.code_action,
    types.CODE_ACTION_RESOLVE: handlers.resolve_code_action,
    types.TEXT_DOCUMENT_HOVER: handlers.hover,
    types.TEXT_DOCUMENT_CODE_LENS: handlers.code_lens,
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: handlers.document_symbol,
    types.WORKSPACE_SYMBOL: handlers.workspace_symbol,
    types.TEXT_DOCUMENT_DIAGNOSTIC: handlers.diagnostic,
    types.WORKSPACE_EXECUTE_COMMAND: handlers.execute_command,
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: handlers.cancel_progress,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: handlers.did_change_configuration,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: handlers.did_change_watched_files,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: handlers.did_change_workspace_folders,
}


def make_reviewers(environment: Mapping[str, str], person: Person) -> Reviewers:
    """The real engines; reads the catalogue, so it is called in a thread.

    `person` is asked before the first code leaves a workspace, and at limits.
    """
    with staying():
        # Here: a server starts without them.
        from .answers import KeptAnswers
        from .batches import Collected, collect
        from .catalogue import load_catalogue
        from .engines.agent import AgentEngine
        from .engines.kept import KeptEngine
        from .gatekeeper import Gatekeeper
        from .review import Reviewers
        from .state import State, state_folder
        from .worker import LocalWorker

        catalogue = load_catalogue()
        local = LocalWorker(catalogue.rules)
        state = State(state_folder(environment))
        agent = AgentEngine(environment, catalogue, Gatekeeper(state, person), state)
        kept = KeptEngine(agent, KeptAnswers(state), environment)

    async def collect_batches(settings: Settings, root: str) -> Collected:
        return await collect(state, agent, settings, environment, root)

    return Reviewers(local, kept, local, catalogue, local, collect_batches)


def create_server(
    make_reviewers: Callable[[Mapping[str, str], Person], Reviewers] = make_reviewers,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """A server for one client, not connected yet; several can live in one process.

    `environment` stands for the process's own: keys, and where settings and agents lie.
    """
    server = Server()

    def make(environment: Mapping[str, str]) -> Reviewers:
        # Here: a server starts without them, and its event loop does not wait for them later.
        from . import changing, linters, offer_actions  # noqa: F401
        from .asking import EditorPerson
        from .project import outline  # noqa: F401

        reviewers = make_reviewers(environment, EditorPerson(server))
        server.prepare()
        return reviewers

    session = Session(server, make, os.environ if environment is None else environment)
    server.handlers = {method: partial(handle, session) for method, handle in HANDLERS.items()}
    server.text_lost = partial(handlers.text_lost, session)
    return server


def start() -> int:
    """Serves one client on standard input and output; returns the exit code."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(message)s"
    )
    with staying():
        server = create_server()
    return serve_stdio(server)
