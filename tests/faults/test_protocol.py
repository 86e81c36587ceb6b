"""What a client may do wrong, in short: `protocol.py` is the long run of the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import protocol
from faults.client import Client, connected
from faults.edits import type_at_random, type_into_a_process


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with connected(tmp_path_factory.mktemp("running")) as client:
        client.start()
        yield client
        protocol.clean(client)
        client.goodbye()


LONG = {"commands with odd arguments", "documents with odd URIs"}


@pytest.mark.parametrize("fault", [name for name in protocol.ON_RUNNING if name not in LONG])
def test_a_running_server_stays_well(client: Client, fault: str) -> None:
    assert protocol.ON_RUNNING[fault](client)


def test_documents_under_uris_that_no_editor_writes(client: Client) -> None:
    assert protocol.odd_documents(client)
    # Their folders have been added to the workspace, and are looked at at each of these.
    assert protocol.odd_notifications(client)


def test_many_cancels(client: Client) -> None:
    assert protocol.many_cancels(client, 300, 1)


def test_large_messages(client: Client) -> None:
    assert protocol.large_messages(client, 3_000_000)


def test_fuzzed_messages(client: Client) -> None:
    assert protocol.fuzz(client, 300, 1)


@pytest.mark.parametrize("how", ["never", "with a list of lists", "for ids that nobody asked"])
def test_our_questions_answered(tmp_path: Path, how: str) -> None:
    assert protocol.answered(tmp_path, protocol.ANSWERS[how])


@pytest.mark.parametrize("end", protocol.ENDS)
def test_the_exit_code(tmp_path: Path, end: str) -> None:
    data, code = protocol.ENDS[end]
    assert protocol.ends_with(tmp_path, data, code, start=False)


@pytest.mark.parametrize("fault", [protocol.before_initialize, protocol.stdout_closed])
def test_a_beginning_and_an_end(tmp_path: Path, fault: Any) -> None:
    assert fault(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_edits_at_random(tmp_path: Path, encoding: str) -> None:
    assert type_at_random(encoding, 300, 1)
    assert type_into_a_process(tmp_path, encoding, 300, 1)
