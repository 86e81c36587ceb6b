"""What the terminal does for the agent: who agrees, what it costs, batches.

Imported only when an agent is asked or asked after.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from ..answers import KeptAnswers
from ..batches import Progress, awaited, collect, look, open_batches, send
from ..catalogue import Catalogue
from ..consents import give, has_consent
from ..core.model import Usage
from ..engines.agent import AgentEngine
from ..engines.base import EngineError, ReviewRequest
from ..engines.batch import BatchEngine, BatchRefusedError
from ..engines.endpoint import base_url
from ..engines.kept import KeptEngine
from ..engines.prompt import estimated_size
from ..files import SourceFile
from ..gate import BYTES_PER_TOKEN, Sending
from ..gatekeeper import Gatekeeper, unknown_state, what_is_sent
from ..ledger import bytes_per_token
from ..models import resolve_model
from ..prices import at_most, cost_of, price_of
from ..project.index import Project
from ..reports import plural
from ..reports.text import visible
from ..state import State, StateError, state_folder
from ..surroundings import surrounded
from . import NOT_REVIEWED, OK, UsageError
from .plan import Plan
from .terminal import TerminalPerson, can_ask, confirm
from .workspace import Workspace


class Asking:
    """The agent of one review or task, and the batch that what it is asked may go into."""

    def __init__(self, plan: Plan, catalogue: Catalogue) -> None:
        self._plan = plan
        self._state = State(state_folder(os.environ))
        gate = Gatekeeper(self._state, TerminalPerson(), plan.agreed)
        self._agent = AgentEngine(os.environ, catalogue, gate, self._state)
        self._batch = BatchEngine(self._agent, gate)
        answers = KeptAnswers(self._state)
        self.engine = (
            KeptEngine(self._batch, answers, os.environ, _awaited(self._state))
            if plan.is_batch
            else KeptEngine(self._agent, answers, os.environ)
        )

    async def send_batch(self) -> None:
        """Sends what was prepared, where this is a batch, and says so. Raises UsageError."""
        if not self._plan.is_batch:
            return
        root, task = str(self._plan.root), self._plan.task.name
        is_any_sent = is_any_left_out = False
        try:
            async for sent in send(self._state, self._batch, root, task):
                if sent.left_out:
                    is_any_left_out = True
                    print(
                        f"note: {plural(sent.left_out, 'file')} did not go out, because another "
                        "run has just asked about the same: run this again when it has ended, for "
                        "what it left",
                        file=sys.stderr,
                    )
                if sent.count:
                    is_any_sent = True
                    print(
                        f"note: {plural(sent.count, 'file')} went out as batch "
                        f"{visible(sent.id)}; `review --batch-results` fetches the answers, within "
                        "a day",
                        file=sys.stderr,
                    )
        except (BatchRefusedError, StateError) as error:
            what = "rest of the batch" if is_any_sent else "batch"
            raise UsageError(f"the {what} was not sent: {error}") from None
        except EngineError as error:
            raise UsageError(
                f"{error} The batch may have arrived, which `review --batch-status` finds out; "
                "no other was sent"
            ) from None
        if not is_any_sent and not is_any_left_out:
            print("note: nothing new was to be asked, so no batch was sent", file=sys.stderr)

    async def close(self) -> None:
        """Gives back what was reserved and not sent, and closes the connections."""
        await self._batch.give_up()
        await self._agent.close()


def _awaited(state: State) -> frozenset[str]:
    try:
        return awaited(state)
    except StateError as error:
        raise UsageError(str(error)) from None


async def with_surroundings(request: ReviewRequest, plan: Plan, project: Project) -> ReviewRequest:
    """The request with what its agent may look at."""
    return await asyncio.to_thread(surrounded, request, plan.root, {}, project)


def agree(plan: Plan, *, yes: bool) -> Plan:
    """Says what goes where before anything does, and asks, unless somebody agreed before.

    The plan with what is agreed to for this once; raises UsageError when nobody agrees.
    """
    state = State(state_folder(os.environ))
    is_review = plan.task.kind == "review"
    try:
        sending = _sending(plan, bytes_per_token(state))
        if not sending.paths:
            return plan
        is_known = yes or has_consent(state, sending.root, sending.base_url)
        said = f"sending {what_is_sent(sending)}"
        said += (
            "; --engine local sends nothing"
            if is_review
            else "; what it uses of other files goes with it"
        )
        if is_known or can_ask():
            print(visible(said), file=sys.stderr)
        if not is_known:
            if not confirm("May it be sent, from this workspace to this endpoint from now on?"):
                raise UsageError(
                    "nothing was sent or reviewed, because nobody agreed to it: add --yes, run "
                    "`backend-developer consent --give`, or use --engine local"
                    if is_review
                    else "nothing was sent, because nobody agreed to it: add --yes, or run "
                    "`backend-developer consent --give`"
                )
            give(state, sending.root, sending.base_url)
    except StateError as error:
        otherwise = " Or use --engine local." if is_review else ""
        raise UsageError(f"{unknown_state(error)}{otherwise}") from None
    once = frozenset({(sending.root, sending.base_url)} if yes else ())
    return replace(plan, agreed=once)


def _sending(plan: Plan, sizes: Mapping[str, float]) -> Sending:
    """What will be sent at most, without the files that never are.

    `sizes` are those of a token, by model, where they are known.
    """
    settings = plan.settings
    files = [file for file in plan.files if not plan.denials.why(str(file.absolute))]
    size, expected, cost = 0, Usage(""), 0.0
    is_price_known = True
    for file in files:
        agent = plan.agents[file.absolute.parent]
        model = resolve_model(agent, settings)
        bytes_ = _size(file)
        size += bytes_
        # Lines are not known yet: of an average length.
        whole = estimated_size(bytes_, bytes_ // 35, agent, plan.task, plan.conventions)
        tokens = int(whole / sizes.get(model, BYTES_PER_TOKEN))
        usage = Usage(model, tokens)
        expected += usage
        if price := price_of(model, settings):
            cost += cost_of(at_most(usage, settings, plan.task.kind), price)
        else:
            is_price_known = False
    limit = settings.maximum_cost_per_review
    return Sending(
        root=str(plan.root),
        base_url=base_url(settings, os.environ),
        models=tuple(sorted({resolve_model(agent, settings) for agent in plan.agents.values()})),
        paths=(*(file.path for file in files), *(name for name, _ in plan.conventions))
        if files
        else (),
        size=size + sum(len(text) for _, text in plan.conventions),
        expected=expected,
        cost=(min(cost, limit) if limit else cost) if is_price_known else None,
    )


def _size(file: SourceFile) -> int:
    try:
        return file.absolute.stat().st_size
    except OSError:
        return 0


async def confirm_batches(workspace: Workspace) -> None:
    """Finds out whether the batches have arrived whose sending was cut off: what they hold is not
    sent again."""
    root = str(workspace.root)
    async with _asker(workspace) as (state, agent):
        if all(one.is_confirmed for one in await asyncio.to_thread(open_batches, state, root)):
            return
        _, problems = await look(state, agent, workspace.settings, os.environ, root)
    for problem in problems:
        print(f"note: {visible(problem)}", file=sys.stderr)


async def tell_batches(workspace: Workspace) -> int:
    """Says how far the workspace's batches are."""
    async with _asker(workspace) as (state, agent):
        found, problems = await look(
            state, agent, workspace.settings, os.environ, str(workspace.root)
        )
    for one in found:
        if not one.batch.is_confirmed:
            print(_unconfirmed(one))
            continue
        state_of_it = "done: fetch it by --batch-results" if one.is_done else "under way"
        print(
            f"{visible(one.batch.id)}: {one.done} of {one.total} answered, {state_of_it} "
            f"(sent {one.batch.when}, {visible(one.batch.model)})"
        )
    for problem in problems:
        print(f"error: {visible(problem)}", file=sys.stderr)
    if not found and not problems:
        print("No batch of this workspace is waiting for its answers.")
    return NOT_REVIEWED if problems else OK


async def fetch_batches(workspace: Workspace) -> None:
    """Keeps the answers that have come, and says of how many files."""
    async with _asker(workspace) as (state, agent):
        collected = await collect(state, agent, workspace.settings, os.environ, str(workspace.root))
    print(f"note: {plural(len(collected.files), 'file')} answered", file=sys.stderr)
    for one in collected.waiting:
        under_way = f"{visible(one.batch.name)} is under way: {one.done} of {one.total} answered"
        told = under_way if one.batch.is_confirmed else _unconfirmed(one)
        print(f"note: {told}", file=sys.stderr)
    for problem in collected.problems:
        print(f"error: {visible(problem)}", file=sys.stderr)


def _unconfirmed(one: Progress) -> str:
    return f"{one.batch.name}: whether it arrived is not known yet, ask again later"


@asynccontextmanager
async def _asker(workspace: Workspace) -> AsyncIterator[tuple[State, AgentEngine]]:
    """Asks after batches, which sends no code. A StateError becomes a UsageError."""
    state = State(state_folder(os.environ))
    gate = Gatekeeper(state, TerminalPerson())
    agent = AgentEngine(os.environ, workspace.catalogue, gate, state)
    try:
        yield state, agent
    except StateError as error:
        raise UsageError(str(error)) from None
    finally:
        await agent.close()
