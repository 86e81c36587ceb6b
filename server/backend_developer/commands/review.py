"""`backend-developer review PATHS…`: find the files, review each, report, and fix if asked."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from .. import dismissals
from ..agents import UnknownAgentError, find_agent, load_agents
from ..catalogue import Catalogue
from ..checks import FixChecker, syntax_error_line
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
)
from ..core.text import Change
from ..core.tracking import follow, track
from ..dismissals import Dismissals
from ..engines.agent import AgentEngine
from ..engines.base import EngineError, ReviewRequest
from ..engines.denied import is_denied
from ..engines.endpoint import available, find_endpoint
from ..engines.local import LocalEngine
from ..failures import where_raised
from ..files import SourceFile, UnreadableError, find, read, shown_path
from ..fixes import MAXIMUM_PASSES, Applied, WriteError, apply_fixes, write
from ..models import resolve_model
from ..problems import Problem
from ..project.disk import read_all
from ..project.index import Project
from ..reports import Report, github, json, plural, sarif, text
from ..reports.text import visible
from ..review import FileReview, Reviewers, review_file
from ..settings import Settings
from ..tasks import load_tasks
from . import FINDINGS, NOT_REVIEWED, OK, WRONG_USE, UsageError, wants_colour
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

    found = find(options.paths)
    for note in found.notes:
        print(f"note: {visible(note.path)} is left out: {note.reason}", file=sys.stderr)
    plan = _plan(found.files, workspace, options)
    if plan.use_agent:
        _announce(plan)
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
    dismissals: Dismissals
    minimum_confidence: Confidence
    fix: bool
    jobs: int
    project: Project = field(default_factory=Project)
    """What all files say, for processes that see some of them."""


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
            find_endpoint(settings, os.environ)
        except EngineError as error:
            raise UsageError(str(error)) from None
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
        dismissals=dismissed,
        minimum_confidence="low" if options.all else settings.minimum_confidence,
        fix=options.fix,
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


def _announce(plan: _Plan) -> None:
    """Says what goes where before anything does."""
    sent = [file for file in plan.files if not is_denied(str(file.absolute))]
    if not sent:
        return
    size = sum(_size(file) for file in sent)
    endpoint = find_endpoint(plan.settings, os.environ)
    models = sorted({resolve_model(agent, plan.settings) for agent in plan.agents.values()})
    also = "".join(f", {name}" for name, _ in plan.conventions)
    print(
        f"sending {plural(len(sent), 'file')} ({size:,} bytes{also}) to {visible(endpoint.host)}, "
        f"model {visible(', '.join(models))}; --engine local sends nothing",
        file=sys.stderr,
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
    agent = AgentEngine(os.environ, catalogue)
    reviewers = Reviewers(local, agent, FixChecker(local), catalogue)
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
    finally:
        await agent.close()
    return [done[index] for index in sorted(done)]


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
    request = ReviewRequest(
        document=document,
        span=Span(0, len(document.text)),
        task=plan.task,
        agent=plan.agents[file.absolute.parent],
        settings=plan.settings,
        conventions=plan.conventions,
    )
    return await review_file(
        request,
        reviewers,
        path=file.path,
        relative_path=shown_path(file.absolute, plan.root),
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
    paths: dict[str, list[str]] = {}
    for review in report.files:
        for why in review.errors:
            paths.setdefault(why, []).append(visible(review.path))
    for why, (first, *others) in paths.items():
        place = f"{first} and {plural(len(others), 'other')}" if others else first
        yield f"error: {place}: {visible(why)}"


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
