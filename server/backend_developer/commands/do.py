"""`backend-developer do TASK PATH[:LINES]`: a task that changes something, or explains.

    task, file, lines -> request -> propose() -> Offer, printed
    --only, f(iles)   -> the checks alone     -> Offer of that part
    r(efine)          -> the conversation     -> Offer in its place
    --apply, y        -> write_all()          -> all of its files, or none

What comes of it goes to stdout, and what is said on the way to stderr.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ..core.changes import normal_path
from ..core.model import FOCUSES, TaskDefinition
from ..engines.base import EngineError, ReviewRequest
from ..engines.endpoint import available, find_endpoint
from ..failures import where_raised
from ..files import shown_path
from ..linters.process import end_linters_when_terminated
from ..offers import Offer
from ..prices import by_model
from ..problems import did_you_mean
from ..reports.change import render, where_it_fits
from ..reports.indented import dumps
from ..reports.json import usage_as_data
from ..reports.text import visible
from ..writing import WriteError
from . import NOT_DONE, OK, REFUSED, WRONG_USE, UsageError, wants_colour
from .agent_review import agree
from .desk import Desk, asked, opened_desk, part_of, refined, tell_used
from .plan import Plan, plan_task
from .selected import Selected, read_selected, split_lines
from .taking import exact_diff, take
from .task_list import fits, tasks_for
from .terminal import ask, can_ask, confirm, say
from .workspace import Workspace, load_workspace, tell

logger = logging.getLogger(__name__)

MANY_LINES = 500
"""A whole file of more is selected with a word about it."""


def run(options: argparse.Namespace) -> int:
    """Does the task and prints what came of it; returns the exit code.

    Raises UsageError before anything is sent, when it cannot be done as asked.
    """
    end_linters_when_terminated()
    given = {"agent": options.agent, "model": options.model}
    workspace = load_workspace(
        [split_lines(options.path)[0]],
        {key: value for key, value in given.items() if value is not None},
    )
    tell(workspace.problems)
    if any(problem.severity == "error" for problem in workspace.problems):
        return WRONG_USE
    selected = read_selected(options.path, workspace.settings.maximum_file_bytes)
    task = _task(options.task, selected, workspace)
    try:
        _require_model(workspace)
        plan = plan_task(selected.file, workspace, task)
        if why := plan.denials.why(str(selected.file.absolute)):
            raise EngineError(f"{selected.file.path} is never sent to a model, because {why}.")
        request = _request(plan, selected, _instruction(task, options.instruction))
        plan = agree(plan, yes=options.yes)
        with opened_desk(plan, selected.content) as desk:
            return _decided(desk, request, options)
    except (EngineError, WriteError) as error:
        say(f"error: {error}")
    except (UsageError, OSError):  # The latter of standard output: files are a WriteError's.
        raise
    except Exception as error:
        logger.error("%s", where_raised(error))
        name = type(error).__name__
        say(f"error: this program failed ({name}), and nothing was written: please report that")
    return NOT_DONE


# --- Before anything is sent


def _task(name: str, selected: Selected, workspace: Workspace) -> TaskDefinition:
    """The task of that name, and a word where it does not fit what is selected."""
    tasks = tasks_for(workspace, selected.file.absolute.parent)
    task = next((task for task in tasks if task.name == name), None)
    path = visible(selected.file.path)
    if task is None:
        names = [task.name for task in tasks if task.kind != "review"]
        end = did_you_mean(name, names)
        raise UsageError(
            f'there is no task "{visible(name)}"{end} `backend-developer do` lists them'
        )
    if task.kind == "review":
        raise UsageError(
            f"{name} is a review: run `backend-developer review --focus {name} {path}`"
            if name in (*FOCUSES, "everything")
            else f"{name} is a review, which only an editor offers: choose another task"
        )
    if not fits(task, selected, workspace):
        say(f"note: {name} is meant for other code than this ({where_it_fits(task)})")
    if not selected.has_lines and selected.line_count > MANY_LINES:
        say(
            f"note: no lines were named, so all {selected.line_count:,} of {path} are selected: "
            f"{path}:12-40 selects some"
        )
    return task


def _require_model(workspace: Workspace) -> None:
    """Raises EngineError when nobody is there to do a task."""
    settings = workspace.settings
    if settings.engine == "local":
        raise EngineError("this needs a model, and the setting engine is local: set it to auto")
    if settings.engine == "auto" and not available(settings, os.environ):
        raise EngineError(
            "this needs a model: set ANTHROPIC_API_KEY, a base URL or another provider, and try "
            "again"
        )
    find_endpoint(settings, os.environ)


def _instruction(task: TaskDefinition, given: str | None) -> str:
    """What the person wants beside the task. Raises UsageError when a task needs that and has it
    not.
    """
    said = given
    if given == "-":
        said = sys.stdin.read()
        if not said.strip():
            raise UsageError("--instruction -: nothing came on standard input")
    elif given is None and task.asks and can_ask():
        said = ask(task.asks)
    if task.asks and not (said or "").strip():
        raise UsageError(f"{task.name} needs to be told what is wanted: add --instruction TEXT")
    return (said or "").strip()


def _request(plan: Plan, selected: Selected, instruction: str) -> ReviewRequest:
    [agent] = plan.agents.values()
    return ReviewRequest(
        document=selected.content.document,
        span=selected.span,
        task=plan.task,
        agent=agent,
        settings=plan.settings,
        conventions=plan.conventions,
        root=str(plan.root),
        denials=plan.denials,
        dismissed=plan.dismissals.about(shown_path(selected.file.absolute, plan.root)),
        review_id=plan.review_id,
        instruction=instruction,
    )


# --- With the person


def _decided(desk: Desk, request: ReviewRequest, options: argparse.Namespace) -> int:
    """Asks the agent, shows what came of it and does with it what the person wants."""
    offer = replace(asked(desk, request), allowed=frozenset(options.allow_dependency))
    unknown: list[str] = []
    if options.only and offer.files:
        paths = {file.path for file in offer.files}
        names = {_in_change(name, desk.plan.root, paths) for name in options.only}
        unknown = sorted(names - paths)
        offer = offer if unknown else part_of(desk, offer, names)
    code = OK
    try:
        if offer.reasons:
            _tell_reasons(offer)
            return REFUSED
        _show(desk, offer, options)
        if unknown:
            missing = ", ".join(unknown)
            say(f"error: nothing was written, because the change has no file {missing}")
            return REFUSED
        if not offer.files and request.task.kind == "change":
            say("note: nothing is to be changed")
        elif options.apply and offer.files:
            code, offer = _applied(desk, offer)
        elif offer.files and _is_conversation(options):
            code = _asked_for_each(desk, offer, options)
        elif offer.files and options.format != "diff":
            say("note: nothing was written: --apply writes it, after asking the model once more")
        return code
    finally:
        if options.format == "json":
            _print_json(desk, offer)


def _is_conversation(options: argparse.Namespace) -> bool:
    return options.format == "text" and can_ask() and sys.stdout.isatty()


def _asked_for_each(desk: Desk, offer: Offer, options: argparse.Namespace) -> int:
    """Asks what is to become of the offer, until it is taken or left."""
    whole = offer
    while True:
        answer = ask("Apply? [y/N/r(efine)/f(iles)]").lower()
        made: Offer | None = None
        try:
            if answer in ("y", "yes"):
                return _applied(desk, offer)[0]
            if answer in ("r", "refine"):
                if wish := ask("How should it be otherwise?"):
                    made = refined(desk, offer, wish)
            elif answer in ("f", "files"):
                if paths := _chosen(whole):
                    made = part_of(desk, whole, paths)
            else:
                say("nothing was written")
                return REFUSED
        except EngineError as error:
            say(f"error: {error}")
        if made and made.reasons:
            _tell_reasons(made)
            say("the change before it still stands")
        elif made:
            offer, whole = made, whole if made.whole else made
            _show(desk, offer, options)
            if not offer.files:
                return OK


def _chosen(whole: Offer) -> set[str]:
    """The files that the person picks; none when nothing that is there was named."""
    paths = [file.path for file in whole.files]
    for number, path in enumerate(paths, start=1):
        say(f"{number:>3}  {path}")
    named = ask("Which, by number?").replace(",", " ").split()
    by_name = {str(number): path for number, path in enumerate(paths, start=1)}
    by_name |= {path: path for path in paths}
    if unknown := next((name for name in named if name not in by_name), None):
        say(f"there is no file {unknown}: name some of 1 to {len(paths)}")
        return set()
    return {by_name[name] for name in named}


def _applied(desk: Desk, offer: Offer) -> tuple[int, Offer]:
    """Writes the offer's files, when nobody objects to its dependencies. Raises WriteError."""
    for one in offer.new_dependencies:
        name = " ".join([one.name, one.version]).strip()
        if confirm(f"Allow the new dependency {name} ({one.why})?"):
            offer = replace(offer, allowed=offer.allowed | {one.name})
    if missing := [one.name for one in offer.new_dependencies]:
        allowing = " ".join(f"--allow-dependency {shlex.quote(name)}" for name in missing)
        say(
            f"error: nothing was written, because {', '.join(missing)} would be a new dependency: "
            f"add {allowing}"
        )
        return REFUSED, offer
    offer = take(offer, desk.reviewed, desk.plan.root)
    say(f"wrote {', '.join(file.path for file in offer.files)}")
    return OK, offer


# --- What is said


def _show(desk: Desk, offer: Offer, options: argparse.Namespace) -> None:
    """Prints an offer, all but the one JSON object, which says too what became of it."""
    is_terminal = sys.stdout.isatty()
    colour = wants_colour(is_terminal, os.environ)
    if options.format == "text":
        sys.stdout.write(render(offer, colour=colour))
    elif options.format == "diff":
        sys.stderr.write(render(offer, diff=False))
        if Path.cwd() != desk.plan.root:
            # From a folder below, `git apply` passes over what lies outside of that.
            say(f"note: its paths are relative to {desk.plan.root}: apply it there")
        diff = exact_diff(offer, desk.reviewed)
        if is_terminal:
            sys.stdout.write("\n".join(map(visible, diff.decode().split("\n"))))
        else:
            # As bytes: whatever the locale's encoding and line ends are, the files keep theirs.
            sys.stdout.flush()
            sys.stdout.buffer.write(diff)
    sys.stdout.flush()
    tell_used(desk)


def _print_json(desk: Desk, offer: Offer) -> None:
    """The offer as an editor is told of it, and what it cost."""
    # Here: they bring the protocol's types.
    from ..lsp.from_lsp import ClientProfile
    from ..lsp.offered import as_json

    usage = usage_as_data(by_model(desk.used, desk.plan.settings))
    # Nobody can go on with the conversation: it ends with this program.
    profile = ClientProfile(creates_files=True)
    data = {**as_json(replace(offer, thread=None), profile), "usage": usage}
    sys.stdout.write(f"{dumps(data)}\n")


def _tell_reasons(offer: Offer) -> None:
    for reason in offer.reasons:
        say(f"refused: {reason}")


def _in_change(name: str, root: Path, paths: Collection[str]) -> str:
    """What a file is called in a change, which a person names from the current folder or root."""
    absolute = Path(os.path.abspath(name))
    from_here = absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else ""
    return from_here if from_here in paths else normal_path(name)
