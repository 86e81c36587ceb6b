"""`backend-developer review PATHS…`: find the files, review each, report, and fix if asked."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from .. import dismissals
from ..agents import UnknownAgentError, find_agent, load_agents
from ..answers import KeptAnswers
from ..batches import collect, look, remember
from ..catalogue import Catalogue
from ..checks import FixChecker, syntax_error_line
from ..consents import give, has_consent
from ..conventions import load_conventions
from ..core.model import (
    FOCUSES,
    SEVERITIES,
    AgentDefinition,
    Confidence,
    Document,
    Fix,
    Severity,
    Span,
    TaskDefinition,
    Usage,
)
from ..core.text import Change
from ..core.tracking import follow, track
from ..dismissals import Dismissals
from ..engines.agent import AgentEngine
from ..engines.base import EngineError, ReviewRequest
from ..engines.batch import BatchEngine
from ..engines.endpoint import available, base_url, find_endpoint, no_batches
from ..engines.kept import KeptEngine
from ..engines.local import LocalEngine
from ..engines.prompt import estimated_size
from ..failures import where_raised
from ..files import SourceFile, UnreadableError, find, read, shown_path
from ..fixes import MAXIMUM_PASSES, Applied, WriteError, apply_fixes, write
from ..gate import BYTES_PER_TOKEN, Sending
from ..gatekeeper import Gatekeeper, unknown_state, what_is_sent
from ..ledger import bytes_per_token
from ..models import resolve_model
from ..prices import cost_of, price_of
from ..problems import Problem
from ..project.disk import read_all
from ..project.index import Project
from ..reports import Report, github, json, plural, sarif, text
from ..reports.text import visible
from ..review import FileReview, Reviewers, review_file
from ..sendable import Denials, load_denials
from ..settings import Settings
from ..state import State, StateError, state_folder
from ..surroundings import surrounded
from ..tasks import load_tasks
from . import FINDINGS, NOT_REVIEWED, OK, WRONG_USE, UsageError
from .terminal import TerminalPerson, can_ask, confirm
from .workspace import Workspace, load_workspace, tell

logger = logging.getLogger(__name__)

AGENT_JOBS = 4
"""Files that an agent reviews at once by default: endpoints limit what comes in a minute."""


def run(options: argparse.Namespace) -> int:
    """Reviews `options.paths` and prints the report; returns the exit code.

    Raises UsageError before anything is reviewed, when it cannot be done as asked.
    """
    given = {
        "engine": options.engine,
        "agent": options.agent,
        "model": options.model,
        "failOn": options.fail_on,
    }
    workspace = load_workspace(
        options.paths, {key: value for key, value in given.items() if value is not None}
    )
    tell(workspace.problems)
    if any(problem.severity == "error" for problem in workspace.problems):
        return WRONG_USE
    _check_output(options.output)

    if options.batch_status:
        return asyncio.run(_tell_batches(workspace))
    if options.batch_results:
        asyncio.run(_fetch_batches(workspace))

    found = find(options.paths)
    for note in found.notes:
        print(f"note: {visible(note.path)} is left out: {note.reason}", file=sys.stderr)
    plan = _plan(found.files, workspace, options)
    if options.batch and not plan.use_agent:
        raise UsageError("--batch needs the agent: set a key, or --engine agent")
    if plan.use_agent and not plan.only_kept:
        plan = replace(plan, agreed=_agree(plan, yes=options.yes))
    reviewed = _review_all(plan, workspace.catalogue)

    report = Report(
        files=tuple(one.review for one in reviewed if one.review),
        rules=workspace.catalogue.rules,
        folder=Path.cwd(),
        unreviewed=(
            *((problem.path, problem.reason) for problem in found.problems),
            *((one.file.path, error) for one in reviewed for error in one.errors),
        ),
        fixed={one.file.path: one.fixed for one in reviewed if one.fixed},
        settings=workspace.settings,
    )
    for line in _went_wrong(reviewed, report):
        print(line, file=sys.stderr)
    _print(report, options.format, options.output)
    return _exit_code(report, workspace.settings.fail_on)


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that is settled before the first file is read."""

    files: tuple[SourceFile, ...]
    root: Path
    settings: Settings
    task: TaskDefinition
    agents: Mapping[Path, AgentDefinition]
    """By the folder of the file."""
    use_agent: bool
    conventions: tuple[tuple[str, str], ...]
    denials: Denials
    dismissals: Dismissals
    minimum_confidence: Confidence
    fix: bool
    jobs: int
    is_batch: bool = False
    """What the agent is asked is sent together, and answered later."""
    only_kept: bool = False
    """The agent is asked nothing: what it has answered is told."""
    review_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """All files are one review, as far as its limit goes."""
    agreed: frozenset[tuple[str, str]] = frozenset()
    """The workspace and base URL that --yes agrees to for this once."""
    project: Project = field(default_factory=Project)
    """What all files say."""


@dataclass(frozen=True, slots=True)
class _Reviewed:
    file: SourceFile
    review: FileReview | None
    errors: tuple[str, ...] = ()
    """Why it could not be read or written; what went wrong in the review is in `review`."""
    fixed: tuple[str, ...] = ()
    syntax_error_line: int = 0
    """From 1; 0: there is none."""


# --- Before


def _plan(
    files: tuple[SourceFile, ...], workspace: Workspace, options: argparse.Namespace
) -> _Plan:
    settings, root = workspace.settings, workspace.root
    use_agent = settings.engine == "agent" or (
        settings.engine == "auto" and available(settings, os.environ)
    )
    if use_agent:
        try:
            endpoint = find_endpoint(settings, os.environ)
        except EngineError as error:
            raise UsageError(str(error)) from None
        if options.batch and (why := no_batches(endpoint)):
            raise UsageError(why)
    tasks, task_problems = load_tasks(root, root, settings.trusted, os.environ)
    dismissed, dismissal_problems = dismissals.load(root)
    agents, agent_problems = _agents(files, workspace)
    tell(
        dict.fromkeys((*task_problems, *dismissal_problems, *(agent_problems if use_agent else ())))
    )
    return _Plan(
        files=files,
        root=root,
        settings=settings,
        task=_task(tasks, options.focus or ["everything"]),
        agents=agents,
        use_agent=use_agent,
        conventions=load_conventions(root) if use_agent and settings.trusted else (),
        denials=load_denials(root, os.environ) if use_agent else Denials(),
        dismissals=dismissed,
        minimum_confidence="low" if options.all else settings.minimum_confidence,
        fix=options.fix,
        is_batch=options.batch,
        only_kept=options.batch_results,
        jobs=options.jobs or (AGENT_JOBS if use_agent else os.cpu_count() or 1),
    )


def _agents(
    files: Sequence[SourceFile], workspace: Workspace
) -> tuple[dict[Path, AgentDefinition], tuple[Problem, ...]]:
    """The agent of each folder: one that lies nearer to a file goes before one further up."""
    agents: dict[Path, AgentDefinition] = {}
    problems: dict[Problem, None] = {}
    settings = workspace.settings
    for folder in dict.fromkeys(file.absolute.parent for file in files):
        listings, found = load_agents(folder, workspace.root, settings.trusted, os.environ)
        problems.update(dict.fromkeys(found))
        try:
            agents[folder] = find_agent(listings, settings.agent)
        except UnknownAgentError as error:
            raise UsageError(str(error)) from None
    return agents, tuple(problems)


def _task(tasks: Sequence[TaskDefinition], focuses: Sequence[str]) -> TaskDefinition:
    """The review task of the focuses; several are put together into one."""
    by_name = {task.name: task for task in tasks}
    names: list[str] = [focus for focus in FOCUSES if focus in focuses]
    if "everything" in focuses or len(names) == len(FOCUSES):
        names = ["everything"]
    chosen = [by_name[name] for name in names]
    for task in chosen:
        if task.kind != "review":
            raise UsageError(f"{task.path}: the task `{task.name}` must be of kind `review`")
    if len(chosen) == 1:
        return chosen[0]
    return replace(
        chosen[0],
        name="+".join(names),
        title=f"Review {' and '.join(names)}",
        focuses=tuple(focus for focus in FOCUSES if focus in names),
        instruction="\n\n".join(task.instruction for task in chosen),
    )


def _agree(plan: _Plan, *, yes: bool) -> frozenset[tuple[str, str]]:
    """Says what goes where before anything does, and asks, unless somebody agreed before.

    Returns what is agreed to for this once; raises UsageError when nobody agrees.
    """
    state = State(state_folder(os.environ))
    try:
        sending = _sending(plan, bytes_per_token(state))
        if not sending.paths:
            return frozenset()
        is_known = yes or has_consent(state, sending.root, sending.base_url)
        said = f"sending {what_is_sent(sending)}; --engine local sends nothing"
        if is_known or can_ask():
            print(visible(said), file=sys.stderr)
        if not is_known:
            if not confirm("May it be sent, from this workspace to this endpoint from now on?"):
                raise UsageError(
                    "nothing was sent or reviewed, because nobody agreed to it: add --yes, run "
                    "`backend-developer consent --give`, or use --engine local"
                )
            give(state, sending.root, sending.base_url)
    except StateError as error:
        raise UsageError(f"{unknown_state(error)} Or use --engine local.") from None
    return frozenset({(sending.root, sending.base_url)} if yes else ())


def _sending(plan: _Plan, sizes: Mapping[str, float]) -> Sending:
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
        usage = Usage(model, tokens, output_tokens=settings.max_output_tokens)
        expected += usage
        if price := price_of(model, settings):
            cost += cost_of(usage, price)
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


def _check_output(output: str | None) -> None:
    if output is None:
        return
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"--output {output}: this is a folder; name a file")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--output {output}: its folder does not exist; make it first")


# --- The reviews


def _review_all(plan: _Plan, catalogue: Catalogue) -> list[_Reviewed]:
    """Every file's review, in the order of the files.

    Without an agent the files are dealt out to processes: nothing in a review of ours waits for
    anything but a processor. With one, a bounded number is under way at once, in this process.
    """
    progress = _Progress(len(plan.files))
    try:
        if plan.use_agent or plan.jobs == 1 or len(plan.files) <= FILES_PER_PROCESS:
            project = Project.of(read_all(plan.files))
            plan = replace(plan, project=project)
            local = LocalEngine()
            local.project_of = lambda path: project
            return asyncio.run(_review_some(plan, plan.files, local, catalogue, progress))
        return _review_in_processes(plan, progress)
    finally:
        progress.clear()


FILES_PER_PROCESS = 20
"""For fewer than these another process is not worth its start."""
FILES_AT_ONCE = 50
"""In one process: the linters run once for all of them, and all their syntax trees are kept."""


def _review_in_processes(plan: _Plan, progress: _Progress) -> list[_Reviewed]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # On Linux the processes begin with what this one has read; elsewhere that is not to be had.
    can_fork = sys.platform == "linux"
    if can_fork:
        _local_engine().warm_up()
    processes = min(plan.jobs, -(-len(plan.files) // FILES_PER_PROCESS))
    # Neighbours are alike, in size and in what is found in them, so they are dealt out in turn.
    rounds = -(-len(plan.files) // (processes * FILES_AT_ONCE))
    parts = [plan.files[start :: processes * rounds] for start in range(processes * rounds)]
    done: dict[SourceFile, _Reviewed] = {}
    context = multiprocessing.get_context("fork" if can_fork else "spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        # What one file says of a route or a table is needed for the review of another.
        project = Project.of(facts for part in pool.map(read_all, parts) for facts in part)
        alone = replace(plan, files=(), project=project)
        for part, reviewing in [(part, pool.submit(_review_part, alone, part)) for part in parts]:
            progress.show(len(done), part[0].path)
            try:
                reviewed = reviewing.result()
            except BrokenProcessPool:
                why = "the process that reviewed it ended: please report that"
                reviewed = [_Reviewed(file, None, (why,)) for file in part]
            done |= dict(zip(part, reviewed, strict=True))
    return [done[file] for file in plan.files]


def _review_part(plan: _Plan, files: Sequence[SourceFile]) -> list[_Reviewed]:
    """In a process of its own."""
    local = _local_engine()
    local.project_of = lambda path: plan.project
    return asyncio.run(_review_some(plan, files, local, local.catalogue, _Progress(None)))


@cache
def _local_engine() -> LocalEngine:
    """The one of this process: it reads its rules once."""
    return LocalEngine()


async def _review_some(
    plan: _Plan,
    files: Sequence[SourceFile],
    local: LocalEngine,
    catalogue: Catalogue,
    progress: _Progress,
) -> list[_Reviewed]:
    state = State(state_folder(os.environ))
    gate = Gatekeeper(state, TerminalPerson(), plan.agreed)
    agent = AgentEngine(os.environ, catalogue, gate)
    batch = BatchEngine(agent, gate)
    kept = KeptEngine(batch if plan.is_batch else agent, KeptAnswers(state))
    reviewers = Reviewers(local, kept, FixChecker(local), catalogue)
    done: dict[int, _Reviewed] = {}
    waiting = iter(enumerate(files))

    async def work() -> None:
        for index, file in waiting:
            progress.show(len(done), file.path)
            done[index] = await _review_one(file, plan, reviewers)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(plan.jobs if plan.use_agent else FILES_AT_ONCE, len(files))):
                group.create_task(work())
        if plan.is_batch:
            await _send_batch(batch, state, plan)
    finally:
        await batch.give_up()
        await agent.close()
    return [done[index] for index in sorted(done)]


async def _send_batch(batch: BatchEngine, state: State, plan: _Plan) -> None:
    """Sends what was prepared, and says so; a batch that is not sent is an error for people."""
    try:
        sent = await batch.submit()
        for one in sent:
            await asyncio.to_thread(remember, state, str(plan.root), plan.task.name, one)
    except (EngineError, StateError) as error:
        raise UsageError(f"the batch was not sent: {error}") from None
    for one in sent:
        print(
            f"note: {plural(len(one.requests), 'file')} went out as batch {visible(one.id)}; "
            "`review --batch-results` fetches the answers, within a day",
            file=sys.stderr,
        )
    if not sent:
        print("note: nothing new was to be asked, so no batch was sent", file=sys.stderr)


async def _tell_batches(workspace: Workspace) -> int:
    """Says how far the workspace's batches are."""
    state, agent = _asker(workspace)
    try:
        found, problems = await look(
            state, agent, workspace.settings, os.environ, str(workspace.root)
        )
    except StateError as error:
        raise UsageError(str(error)) from None
    finally:
        await agent.close()
    for one in found:
        when = datetime.fromtimestamp(one.batch.sent_at).strftime("%Y-%m-%d %H:%M")
        state_of_it = "done: fetch it by --batch-results" if one.is_done else "under way"
        print(
            f"{visible(one.batch.id)}: {one.done} of {one.total} answered, {state_of_it} "
            f"(sent {when}, {visible(one.batch.model)})"
        )
    for problem in problems:
        print(f"error: {visible(problem)}", file=sys.stderr)
    if not found and not problems:
        print("No batch of this workspace is waiting for its answers.")
    return NOT_REVIEWED if problems else OK


async def _fetch_batches(workspace: Workspace) -> None:
    """Keeps the answers that have come, and says of how many files."""
    state, agent = _asker(workspace)
    try:
        collected = await collect(state, agent, workspace.settings, os.environ, str(workspace.root))
    except StateError as error:
        raise UsageError(str(error)) from None
    finally:
        await agent.close()
    print(f"note: {plural(len(collected.files), 'file')} answered", file=sys.stderr)
    for one in collected.waiting:
        print(
            f"note: batch {visible(one.batch.id)} is under way: {one.done} of {one.total} answered",
            file=sys.stderr,
        )
    for problem in collected.problems:
        print(f"error: {visible(problem)}", file=sys.stderr)


def _asker(workspace: Workspace) -> tuple[State, AgentEngine]:
    """Asks after batches, which sends no code."""
    state = State(state_folder(os.environ))
    gate = Gatekeeper(state, TerminalPerson())
    return state, AgentEngine(os.environ, workspace.catalogue, gate)


async def _review_one(file: SourceFile, plan: _Plan, reviewers: Reviewers) -> _Reviewed:
    """One file's review, fixed if asked; a mistake in this program costs no other file its own."""
    try:
        return await _review_and_fix(file, plan, reviewers)
    except Exception as error:
        logger.error("%s", where_raised(error))
        why = f"this program failed on it ({type(error).__name__}): please report that"
        return _Reviewed(file, None, (why,))


async def _review_and_fix(file: SourceFile, plan: _Plan, reviewers: Reviewers) -> _Reviewed:
    try:
        content = read(file, plan.settings.maximum_file_bytes)
    except UnreadableError as error:
        return _Reviewed(file, None, (str(error),))
    line = syntax_error_line(content.document)
    review = await _review(file, content.document, plan, reviewers)
    unfixed = _Reviewed(file, review, syntax_error_line=line)
    if not plan.fix:
        return unfixed
    fixed, titles, text_after = await _fix(file, review, plan, reviewers)
    if not titles:
        return unfixed
    try:
        await asyncio.to_thread(write, file.absolute, content.data, content.encode(text_after))
    except WriteError as error:
        return replace(unfixed, errors=(str(error),))
    return replace(unfixed, review=fixed, fixed=titles)


async def _review(
    file: SourceFile, document: Document, plan: _Plan, reviewers: Reviewers
) -> FileReview:
    relative_path = shown_path(file.absolute, plan.root)
    request = ReviewRequest(
        document=document,
        span=Span(0, len(document.text)),
        task=plan.task,
        agent=plan.agents[file.absolute.parent],
        settings=plan.settings,
        conventions=plan.conventions,
        denials=plan.denials,
        dismissed=plan.dismissals.about(relative_path),
        only_kept=plan.only_kept,
        root=str(plan.root),
        review_id=plan.review_id,
    )
    if plan.use_agent:
        request = await asyncio.to_thread(surrounded, request, plan.root, {}, plan.project)
    return await review_file(
        request,
        reviewers,
        path=file.path,
        relative_path=relative_path,
        use_agent=plan.use_agent,
        dismissals=plan.dismissals,
        minimum_confidence=plan.minimum_confidence,
    )


async def _fix(
    file: SourceFile, review: FileReview, plan: _Plan, reviewers: Reviewers
) -> tuple[FileReview, tuple[str, ...], str]:
    """The review of the fixed text, the titles of the fixes, and that text; nothing is written.

    Fixes that overlap come in a later pass, after a review of the text without the problem.
    An agent is asked once: what it found elsewhere is carried along, and what overlaps
    waits for the next call of the command.
    """
    assert review.document
    document = review.document
    errors = review.errors
    titles: tuple[str, ...] = ()
    for _ in range(MAXIMUM_PASSES):
        applied = await apply_fixes(document, review.findings, reviewers.checker, plan.settings)
        if applied is None:
            break
        titles += tuple(
            finding.fix.title for finding in applied.findings if isinstance(finding.fix, Fix)
        )
        document = replace(document, text=applied.text)
        if plan.use_agent:
            review = _carried_along(review, document, applied)
            break
        review = await _review(file, document, plan, reviewers)
        # An engine tells of a broken linter once, whichever file that was with.
        errors = tuple(dict.fromkeys((*errors, *review.errors)))
    return replace(review, errors=errors), titles, document.text


def _carried_along(review: FileReview, document: Document, applied: Applied) -> FileReview:
    """The review as it holds after the edits: what they touched is left out, the rest moved."""
    assert review.document
    rest = tuple(one for one in review.findings if one not in applied.findings)
    # From the end, so that no edit moves the place of one still to come.
    changes = [Change(edit.span, edit.new_text) for edit in reversed(applied.edits)]
    after = follow(track(rest, review.document.text), changes, document.text)
    return replace(review, document=document, findings=after.findings)


# --- After


def _went_wrong(reviewed: Sequence[_Reviewed], report: Report) -> Iterator[str]:
    """What could not be reviewed, in full or in part, a line each, for people."""
    for one in reviewed:
        if one.syntax_error_line:
            place = f"{visible(one.file.path)}:{one.syntax_error_line}"
            yield f"note: {place}: a syntax error; the file was reviewed as far as it can be read"
    for path, why in report.unreviewed:
        yield f"error: {visible(path)}: {visible(why)}"
    # What is wrong with an endpoint is wrong for every file.
    for level in ("note", "error"):
        paths: dict[str, list[str]] = {}
        for review in report.files:
            for why in review.notes if level == "note" else review.errors:
                paths.setdefault(why, []).append(visible(review.path))
        for why, (first, *others) in paths.items():
            place = f"{first} and {plural(len(others), 'other')}" if others else first
            yield f"{level}: {place}: {visible(why)}"


def _print(report: Report, format_: str, output: str | None) -> None:
    rendered = "".join(_rendered(report, format_, sys.stdout.isatty() and output is None))
    if output is None:
        sys.stdout.write(rendered)
        return
    try:
        Path(output).write_text(rendered, encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"--output {output}: the report could not be written: {why}") from None
    print(f"{text.summary(report)}; report: {visible(output)}", file=sys.stderr)


def _rendered(report: Report, format_: str, terminal: bool) -> Iterator[str]:
    match format_:
        case "json":
            yield json.render(report)
        case "sarif":
            yield sarif.render(report)
        case "github":
            checkout = os.environ.get("GITHUB_WORKSPACE")
            yield github.render(report, Path(checkout) if checkout else None)
            if summary_file := os.environ.get("GITHUB_STEP_SUMMARY"):
                with Path(summary_file).open(
                    "a", encoding="utf-8", errors="backslashreplace"
                ) as file:
                    file.write(github.step_summary(report))
        case _:
            columns = shutil.get_terminal_size((text.WIDTH, 24)).columns if terminal else text.WIDTH
            yield text.render(report, colour=wants_colour(terminal, os.environ), width=columns)


def wants_colour(terminal: bool, environment: Mapping[str, str]) -> bool:
    """NO_COLOR (no-color.org) goes before FORCE_COLOR, which goes before what the stream is."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return environment["FORCE_COLOR"] != "0"
    return terminal and environment.get("TERM") != "dumb"


def _exit_code(report: Report, fail_on: Severity | str) -> int:
    if report.all_errors():
        return NOT_REVIEWED
    counts = Counter(finding.severity for _, finding in report.findings())
    if fail_on == "never":
        return OK
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return FINDINGS if any(counts[severity] for severity in failing) else OK


class _Progress:
    """One line on a terminal's stderr, drawn again for each file; nothing anywhere else."""

    def __init__(self, total: int | None) -> None:
        """`total` files; None: another process tells."""
        self._total = total
        is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._on = total is not None and is_terminal

    def show(self, done: int, path: str) -> None:
        if self._on:
            room = shutil.get_terminal_size().columns - 1
            line = f"reviewing {done + 1}/{self._total} {visible(path)}"[:room]
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
