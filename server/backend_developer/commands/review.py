"""`backend-developer review PATHS…`: find the files, review each, report, and fix if asked."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from json import dumps, loads
from pathlib import Path
from typing import TYPE_CHECKING

from ..catalogue import Catalogue
from ..core.model import (
    SEVERITIES,
    Document,
    Fix,
    Severity,
    Span,
)
from ..core.plain import PlainError, from_plain, to_plain
from ..core.text import Change
from ..core.tracking import follow, track
from ..detector import Source
from ..engines.base import ReviewRequest
from ..failures import where_raised
from ..files import Content, SourceFile, UnreadableError, find, read, shown_path
from ..linters.process import end_linters_when_terminated
from ..project.facts import FileFacts
from ..project.index import Project
from ..reports import Report, github, json, plural, sarif, text
from ..reports.text import visible
from ..review import FileReview, Reviewers, put_together, review_file
from ..settings import enabled_rules
from ..writing import ChangedError, FileWrite, WriteError, write_all
from . import FINDINGS, NOT_REVIEWED, OK, WRONG_USE, UsageError, wants_colour
from .cache import (
    Cache,
    Memory,
    Remembered,
    cache_folder,
    kept_catalogue,
    program_fingerprint,
    stands_for,
)
from .plan import Plan, make_plan
from .processes import ITEMS_AT_ONCE, ITEMS_PER_PROCESS, dealt_out
from .workspace import load_workspace, tell

if TYPE_CHECKING:
    # The engine is read when the first file is reviewed: a review that knows all answers from
    # earlier ones is done sooner than that takes.
    from ..engines.local import LocalEngine
    from ..fixes import Applied

logger = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> int:
    """Reviews `options.paths` and prints the report; returns the exit code.

    Raises UsageError before anything is reviewed, when it cannot be done as asked.
    """
    end_linters_when_terminated()
    given = {
        "engine": options.engine,
        "agent": options.agent,
        "model": options.model,
        "failOn": options.fail_on,
    }
    kept = _kept(options)
    workspace = load_workspace(
        options.paths,
        {key: value for key, value in given.items() if value is not None},
        kept.catalogue if kept else None,
    )
    tell(workspace.problems)
    if any(problem.severity == "error" for problem in workspace.problems):
        return WRONG_USE
    _check_output(options.output)

    if options.batch_status or options.batch_results:
        from .agent_review import fetch_batches, tell_batches

        if options.batch_status:
            return asyncio.run(tell_batches(workspace))
        asyncio.run(fetch_batches(workspace))

    found = find(options.paths)
    for note in found.notes:
        print(f"note: {visible(note.path)} is left out: {note.reason}", file=sys.stderr)
    plan = make_plan(found.files, workspace, options)
    if plan.use_agent and not plan.only_kept:
        from .agent_review import agree, confirm_batches

        plan = agree(plan, yes=options.yes)
        if plan.is_batch:
            asyncio.run(confirm_batches(workspace))
    reviewed = _review_all(plan, workspace.catalogue, kept)
    if kept and kept.cache.problem:
        print(f"note: {visible(kept.cache.problem)}", file=sys.stderr)

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
class _Reviewed:
    file: SourceFile
    review: FileReview | None
    errors: tuple[str, ...] = ()
    """Why it could not be read or written; what went wrong in the review is in `review`."""
    fixed: tuple[str, ...] = ()
    syntax_error_line: int = 0
    """From 1; 0: there is none."""
    to_remember: Remembered | None = None
    """For the next review, where that may trust in it."""


# --- Before


@dataclass(frozen=True, slots=True)
class _Kept:
    """What earlier runs left."""

    cache: Cache
    program: bytes
    """Stands for this program as it is."""
    catalogue: Catalogue


def _kept(options: argparse.Namespace) -> _Kept | None:
    if options.no_cache:
        return None
    folder = Path(options.cache_dir) if options.cache_dir else cache_folder(os.environ)
    kept, program = Cache(folder.absolute()), program_fingerprint()
    return _Kept(kept, program, kept_catalogue(kept, program))


def _check_output(output: str | None) -> None:
    if output is None:
        return
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"--output {output}: this is a folder; name a file")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--output {output}: its folder does not exist; make it first")


# --- The reviews


def _review_all(plan: Plan, catalogue: Catalogue, kept: _Kept | None) -> list[_Reviewed]:
    """Every file's review, in the order of the files."""
    progress = _Progress(len(plan.files))
    try:
        if plan.use_agent:
            return _review_with_agent(plan, progress)
        return _review_locally(plan, catalogue, kept, progress)
    finally:
        progress.clear()


def _review_with_agent(plan: Plan, progress: _Progress) -> list[_Reviewed]:
    """A bounded number of files is under way at once, and each is read when its turn comes."""
    from ..project.disk import read_facts

    said = (facts for file in plan.files if (facts := read_facts(file)))
    _know_project(Project.of(said), will_do_much=False)
    return asyncio.run(_review_some(plan, dict.fromkeys(plan.files), progress))


def _review_locally(
    plan: Plan, catalogue: Catalogue, kept: _Kept | None, progress: _Progress
) -> list[_Reviewed]:
    """What no earlier review has said, the processes find out that the files are dealt out to.

    Nothing in a review of ours waits for anything but a processor.
    """
    done: dict[SourceFile, _Reviewed] = {}
    contents: dict[SourceFile, Content] = {}
    for file in plan.files:
        try:
            contents[file] = read(file, plan.settings.maximum_file_bytes)
        except Exception as error:
            done[file] = _Reviewed(file, None, (_why_not(error),))
    memory = None
    # What a person's own tools read besides a file is not known.
    if kept and not (plan.settings.tools and plan.settings.trusted):
        focuses = plan.task.focuses
        memory = Memory(kept.cache, kept.program, contents, plan.settings, focuses, plan.root)

    # What one file says of a route or a table is needed for the review of another.
    facts = memory.facts() if memory else {}
    unread = {file: content for file, content in contents.items() if file not in facts}
    warm_up = partial(_warm_up, will_do_much=len(unread) > ITEMS_PER_PROCESS)
    for files, found in dealt_out(_facts_of, unread, plan.jobs, warm_up):
        facts |= dict(zip(files, found or ("",) * len(files), strict=True))
        if memory and found:
            memory.keep_facts({file: facts[file] for file in files})
    all_facts = stands_for(*(facts[file] for file in contents if facts[file]))

    @cache
    def project() -> Project:
        said = (_facts_from(one, contents[file]) for file, one in facts.items() if one)
        return Project.of(one for one in said if one)

    def across_files(file: SourceFile) -> str:
        return _across_files(contents[file].document, project(), enabled)

    enabled = enabled_rules(catalogue.rules.values(), plan.settings)
    remembered = memory.reviews(all_facts, across_files) if memory else {}
    for file, known in remembered.items():
        # To put fixes into a file takes what checks them once more.
        if not (plan.fix and any(isinstance(one.fix, Fix) for one in known.said.findings)):
            done[file] = _as_known(file, contents[file].document, known, plan)

    left = {file: content for file, content in contents.items() if file not in done}
    if left:
        prepare = partial(_know_project, project(), will_do_much=len(left) > ITEMS_PER_PROCESS)
        review_part = partial(_review_part, replace(plan, files=()))
        progress.show(len(done), next(iter(left)).path)
        for files, reviewed in dealt_out(review_part, left, plan.jobs, prepare, _linter):
            why = "the process that reviewed it ended: please report that"
            lost = [_Reviewed(file, None, (why,)) for file in files]
            done |= dict(zip(files, reviewed or lost, strict=True))
            progress.show(len(done) - 1, files[-1].path)
    if memory:
        for file in left:
            if new := done[file].to_remember:
                memory.keep_review(file, replace(new, facts=all_facts))
        memory.save()
    return [done[file] for file in plan.files]


def _linter(file: SourceFile) -> str:
    """Stands for the program that is run over such files: each start of one takes its time."""
    return "javascript" if file.language.startswith(("java", "type")) else file.language


def _as_known(file: SourceFile, document: Document, known: Remembered, plan: Plan) -> _Reviewed:
    review = put_together(
        document,
        known.said,
        path=file.path,
        # It says which dismissals are of the file.
        relative_path=shown_path(file.absolute, plan.root) if known.said.findings else "",
        dismissals=plan.dismissals,
        minimum_confidence=plan.minimum_confidence,
    )
    return _Reviewed(file, review, syntax_error_line=known.syntax_error_line)


def _across_files(document: Document, project: Project, enabled: frozenset[str]) -> str:
    """Stands for what the rules that look at several files find in one of a project, and for what
    the others hear of it."""
    from ..project.detector import find_in
    from ..project.elsewhere import heard

    facts = project.files.get(document.path)
    if facts is None:
        return ""
    found = list(find_in(Source(document), facts, project, enabled))
    return stands_for(repr(found), heard(project, document.path))


def _facts_from(plain: str, content: Content) -> FileFacts | None:
    try:
        return from_plain(loads(plain), FileFacts)
    except (PlainError, ValueError, RecursionError):
        from ..project.disk import facts_of_content

        return facts_of_content(content)


# --- In the processes


def _know_project(project: Project, *, will_do_much: bool) -> None:
    _local_engine().project_of = lambda path: project
    _warm_up(will_do_much=will_do_much)


def _warm_up(*, will_do_much: bool) -> None:
    """What it reads in the first process, those that are forked from it need not."""
    if will_do_much:
        _local_engine().warm_up()


def _facts_of(contents: Mapping[SourceFile, Content]) -> list[str]:
    """What files say of the project, as JSON, "" for one that says nothing."""
    from ..project.disk import facts_of_content

    found = map(facts_of_content, contents.values())
    return ["" if one is None or one.is_empty else dumps(to_plain(one, FileFacts)) for one in found]


def _review_part(plan: Plan, contents: Mapping[SourceFile, Content]) -> list[_Reviewed]:
    local = _local_engine()
    documents = [content.document for content in contents.values()]
    local.project.know({document: _facts_known(document) for document in documents})
    reviewed = asyncio.run(_review_some(plan, contents, _Progress(None)))
    if local.has_failed:
        return reviewed
    enabled = enabled_rules(local.catalogue.rules.values(), plan.settings)
    return [
        replace(one, to_remember=_to_remember(one, document, enabled))
        for one, document in zip(reviewed, documents, strict=True)
    ]


def _facts_known(document: Document) -> FileFacts:
    nothing = FileFacts(document.path, document.language)
    return _local_engine().project_of(document.path).files.get(document.path, nothing)


def _to_remember(one: _Reviewed, document: Document, enabled: frozenset[str]) -> Remembered | None:
    if one.fixed or one.review is None or one.review.local is None or one.review.local.errors:
        return None
    project = _local_engine().project_of(document.path)
    across_files = _across_files(document, project, enabled)
    return Remembered(one.review.local, one.syntax_error_line, across_files)


@cache
def _local_engine() -> LocalEngine:
    """The one of this process: it reads its rules once."""
    from ..engines.local import LocalEngine

    return LocalEngine()


async def _review_some(
    plan: Plan, files: Mapping[SourceFile, Content | None], progress: _Progress
) -> list[_Reviewed]:
    """Reviews files together; one without content is read when its turn comes."""
    from ..checks import FixChecker

    local = _local_engine()
    asking = None
    if plan.use_agent:
        from .agent_review import Asking

        asking = Asking(plan, local.catalogue)
    agent = asking.engine if asking else local
    reviewers = Reviewers(local, agent, FixChecker(local), local.catalogue)
    done: dict[int, _Reviewed] = {}
    waiting = iter(enumerate(files.items()))

    async def work() -> None:
        for index, (file, content) in waiting:
            progress.show(len(done), file.path)
            done[index] = await _review_one(file, content, plan, reviewers)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(plan.jobs if plan.use_agent else ITEMS_AT_ONCE, len(files))):
                group.create_task(work())
        if asking:
            await asking.send_batch()
    finally:
        if asking:
            await asking.close()
    return [done[index] for index in sorted(done)]


async def _review_one(
    file: SourceFile, content: Content | None, plan: Plan, reviewers: Reviewers
) -> _Reviewed:
    """One file's review, fixed if asked; a mistake in this program costs no other file its own."""
    try:
        if content is None:
            content = read(file, plan.settings.maximum_file_bytes)
        return await _review_and_fix(file, content, plan, reviewers)
    except Exception as error:
        return _Reviewed(file, None, (_why_not(error),))


def _why_not(error: Exception) -> str:
    if isinstance(error, UnreadableError):
        return str(error)
    logger.error("%s", where_raised(error))
    return f"this program failed on it ({type(error).__name__}): please report that"


async def _review_and_fix(
    file: SourceFile, content: Content, plan: Plan, reviewers: Reviewers
) -> _Reviewed:
    from ..checks import syntax_error_line
    from ..fixes import write
    from ..writing import WriteError

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
    file: SourceFile, document: Document, plan: Plan, reviewers: Reviewers
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
        from .agent_review import with_surroundings

        project = _local_engine().project_of(document.path)
        request = await with_surroundings(request, plan, project)
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
    file: SourceFile, review: FileReview, plan: Plan, reviewers: Reviewers
) -> tuple[FileReview, tuple[str, ...], str]:
    """The review of the fixed text, the titles of the fixes, and that text; nothing is written.

    Fixes that overlap come in a later pass, after a review of the text without the problem.
    An agent is asked once: what it found elsewhere is carried along, and what overlaps
    waits for the next call of the command.
    """
    from ..fixes import MAXIMUM_PASSES, apply_fixes

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


_MOST_TRIES = 20


def _write(path: Path, data: bytes) -> None:
    """Of several reports that are written there at once, the last is there, and whole.

    Raises OSError or WriteError, and then an earlier report is as it was.
    """
    if (path.exists() and not path.is_file()) or not os.access(path.parent, os.W_OK):
        path.write_bytes(data)  # A pipe, or beside it nothing can be made.
        return
    for tries in range(1, _MOST_TRIES + 1):
        earlier = None
        with contextlib.suppress(FileNotFoundError):
            earlier = path.read_bytes()
        try:
            write_all([FileWrite(path, earlier, data)], path.parent)
            return
        except ChangedError:  # Each time, another one was written.
            if tries == _MOST_TRIES:
                raise


def _print(report: Report, format_: str, output: str | None) -> None:
    rendered = "".join(_rendered(report, format_, sys.stdout.isatty() and output is None))
    if output is None:
        sys.stdout.write(rendered)
        return
    try:
        _write(Path(os.path.realpath(output)), rendered.encode("utf-8", "backslashreplace"))
    except (OSError, WriteError) as error:
        why = error.why if isinstance(error, WriteError) else error.strerror
        why = why or str(error)
        raise UsageError(
            f"--output {output}: the report could not be written: {why.lower()}"
        ) from None
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
