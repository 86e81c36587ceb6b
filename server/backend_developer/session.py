"""What one connection knows: open documents, their findings, what is offered. Nothing else changes.

A stored finding is always true of the latest text that the client told us of:
`change` moves all of them, and what a run finds in an older text is moved
through what was typed since, or dropped where that touched it.

`publish` alone sends diagnostics. Everything runs on one event loop, and nothing
here awaits between reading a document and using it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from .actions import Scope
from .core.merge import apply_verdict
from .core.model import (
    CONFIDENCES,
    Checking,
    Document,
    Finding,
    Fix,
    Focus,
    Severity,
    Span,
    TextEdit,
    Verdict,
)
from .core.text import Change, Lines
from .core.tracking import Tracked, add, follow, remove, track
from .dismissals import FILE_NAME as DISMISSALS
from .dismissals import Dismissal, Dismissals
from .dismissals import add as add_dismissal
from .failures import where_raised
from .live_offers import UNREADABLE, LiveOffers
from .lsp import offered, to_lsp
from .lsp.from_lsp import ClientProfile, key_of, path_of
from .settings import EDITOR_SECTION, Settings

if TYPE_CHECKING:
    from .context import Context
    from .ledger import Spent
    from .offers import Offer
    from .project.facts import FileFacts
    from .project.index import Project
    from .project.outline import Lens
    from .review import Reviewers

logger = logging.getLogger(__name__)

LOCAL = "local"
"""The producer of the local engine's findings; each task of the agent is one too."""
PUBLISH_SECONDS = 0.01
"""Findings that come within this time are published together: a scan gives all of its at once."""
ON_THE_WAY_SECONDS = 0.2
"""How long a change may have been on its way to us. Some clients drop diagnostics of a text that is
not their latest any more, so what was published shortly before a change is published again."""
REFRESH_SECONDS = 1.0
"""How long a client may take to say that it asks again; after that it is told again."""
CONFIGURATION_SECONDS = 3.0
LOADED_AT_ONCE = 20
"""Documents whose contexts are read at the same time: of a thousand that change together, the first
messages alone would take a second."""


Refresh: TypeAlias = Literal["workspace/codeLens/refresh", "workspace/diagnostic/refresh"]


class Connection(Protocol):
    """The client, as far as anything but wire.py knows it."""

    def notify(self, method: str, params: object) -> None: ...

    def encode(self, value: object) -> str:
        """A value of LSP as it is sent."""

    async def ask(self, method: str, params: object, seconds: float = ...) -> Any:
        """Something with a `result`, or None when the client refused or did not answer."""


@dataclass(eq=False)
class OpenDocument:
    """A document that the client has open, from `didOpen` to `didClose`."""

    document: Document
    lines: Lines
    is_out_of_step: bool = False
    """What the client said of its text was not understood, so that nobody here knows it until the
    client says it as a whole. Until then it is UNREADABLE, of which nothing is true."""
    context: Context | None = None
    """None until it was read from disk."""
    loading: asyncio.Task[Context] | None = None
    is_to_reload: bool = False
    """What holds for it will be read again, once what is under way is done."""
    typed_since: list[Change] = field(default_factory=list)
    """What was typed since the text that the project knows."""
    lenses: list[str] | None = None
    """What stands above its routes, as the client was told; None when it has not asked."""
    findings: dict[str, Tracked] = field(default_factory=dict)
    """Producer -> its findings, each true of `document`."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """Finding id -> what the agent said of it; kept for the next local run's finding too."""
    revealed: set[str] = field(default_factory=set)
    """Ids of what a person asked a review for: shown however unsure it is."""
    shown: tuple[Finding, ...] | None = None
    """What the person sees, in text order; None when it has to be worked out again."""
    published: list[str] = field(default_factory=list)
    """The diagnostics that the client has, as they were sent."""
    encoded: dict[str, tuple[Finding, Lines, str]] = field(default_factory=dict)
    """Finding id -> the finding, its text's lines, and what it was in the last of them."""
    long_edits: dict[str, tuple[Document, tuple[Sequence[TextEdit], str], str]] = field(
        default_factory=dict
    )
    """A code action's title -> the document, its many edits and why they must be confirmed, and
    what was sent of them."""
    result_id: int = 0
    """Names `published`, for a client that asks; no other has it, in any document."""
    published_at: float = 0.0
    """By the event loop's clock; 0.0: never."""
    may_be_dropped: bool = False
    """A change was on its way when `published` was sent."""
    publishing: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Ends what is under way for it, but its runs."""
        if self.publishing:
            self.publishing.cancel()
            self.publishing = None
        if self.loading:
            self.loading.cancel()


@dataclass(eq=False)
class Run:
    """One review of one document, from its start to its end."""

    id: str
    open: OpenDocument
    document: Document
    """As it was when the run began; what the run finds is true of it."""
    kind: str
    """LOCAL for the passive run, else the task's name. A newer one of a kind cancels the older."""
    title: str
    token: int | str | None = None
    """The progress report that the client shows, and can cancel by."""
    typed: list[Change] = field(default_factory=list)
    """What was typed since it began."""
    before: dict[str, set[str]] = field(default_factory=dict)
    """Producer -> ids of its findings from earlier runs that this one should find again."""
    found: dict[str, set[str]] = field(default_factory=dict)
    """Producer -> ids of what it found so far."""
    notes: list[str] = field(default_factory=list)
    """What else a person should know of it, a sentence each."""
    task: asyncio.Task[None] | None = None
    only_kept: bool = False
    """The agent is asked nothing: what it has answered before is shown."""
    overtaken: bool = False
    """A passive run whose text is not the latest any more."""
    has_progress: bool = False
    """The client shows a progress report of it."""


class Session:
    """`make_reviewers` builds the engines, in a thread, when they are first needed."""

    def __init__(
        self,
        connection: Connection,
        make_reviewers: Callable[[Mapping[str, str]], Reviewers],
        environment: Mapping[str, str],
    ) -> None:
        self.connection = connection
        self.environment = environment
        self.profile = ClientProfile()
        self.folders: tuple[Path, ...] = ()
        self.editor_settings: Mapping[str, object] = {}
        """What the client sent by itself; what it answers when asked goes before it."""
        self.documents: dict[str, OpenDocument] = {}
        self.runs: dict[str, Run] = {}
        """By id."""
        self.reviewers: Reviewers | None = None
        """None until they are built."""
        self.projects: dict[Path | None, Project] = {}
        """Workspace folder -> what its files say; None: what the documents of no folder say."""
        self.unread: dict[Path, dict[str, None]] = {}
        """Workspace folder -> paths in it that changed on disk and wait to be read again."""
        self.reviewing_others: asyncio.TimerHandle | None = None
        """Set when documents will be looked at again, since the project has changed."""
        self.news: set[Path] = set()
        """The folders of those."""
        self.offers = LiveOffers(self.documents, self.document_at, self._changed_at)
        """Changes that are offered."""
        self._make_reviewers = make_reviewers
        self._building: asyncio.Task[Reviewers] | None = None
        self.is_closing = False
        """The client has said goodbye."""
        self.spent_today: Sequence[Spent] = ()
        """What all editors and terminals of this person spent, as of the last `look_back`."""
        self.bytes_per_token: Mapping[str, float] = {}
        """By model, for estimates."""
        self._told: set[str] = set()
        self._to_refresh: dict[Refresh, bool] = {}
        """What the client is being told to ask for again -> whether that has changed since."""
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loads = asyncio.Semaphore(LOADED_AT_ONCE)

    # --- Documents

    def open(self, document: Document) -> OpenDocument:
        """A document was opened; one that is open already under that URI is closed first."""
        self.close(document.uri)
        opened = OpenDocument(document, Lines(document.text))
        self.documents[key_of(document.uri)] = opened
        self.offers.follow(document)
        return opened

    def document_at(self, path: str) -> Document | None:
        """The open document at an absolute path. May be called in any thread."""
        # By the path, as some clients write `file:/a.py` or `file://localhost/a.py`.
        documents = [opened.document for opened in list(self.documents.values())]
        return next((one for one in documents if path and one.path == path), None)

    def find(self, uri: str) -> OpenDocument | None:
        """The open document that `uri` names, however it is escaped."""
        return self.documents.get(key_of(uri))

    def change(
        self, opened: OpenDocument, changes: Sequence[Change], lines: Lines, version: int | None
    ) -> None:
        """Its text became that of `lines`, each change relative to what the one before it left."""
        text = lines.text
        opened.is_out_of_step = False
        seconds = asyncio.get_running_loop().time() - opened.published_at
        opened.may_be_dropped |= seconds < ON_THE_WAY_SECONDS
        opened.document = replace(opened.document, text=text, version=version)
        opened.lines = lines
        opened.findings = {
            producer: follow(tracked, changes, text)
            for producer, tracked in opened.findings.items()
        }
        path = opened.document.path or opened.document.uri
        if path in self.project_of(path).files:
            opened.typed_since += changes
        for run in self.runs.values():
            if run.open is opened:
                run.typed += changes
        self.offers.follow(opened.document)
        self.changed(opened)

    def lose_step(self, opened: OpenDocument) -> None:
        """Its text is not known any more: what is said and offered of it is withdrawn, and what is
        going on for it ends.
        """
        if opened.is_out_of_step:
            return
        nothing = Change(Span(0, len(opened.lines.text)), UNREADABLE)
        self.change(opened, [nothing], Lines(UNREADABLE), opened.document.version)
        opened.is_out_of_step = True
        for run in list(self.runs.values()):
            if run.open is opened:
                self.cancel(run)
        self.tell(self.out_of_step(opened), "error")

    def out_of_step(self, opened: OpenDocument) -> str:
        """The sentence for a document that is so."""
        name = opened.document.path or opened.document.uri
        return (
            f"A change of {name} could not be understood, so "
            "nothing is said or offered of the file: close it and open it again."
        )

    def tell_of_unopened(self, uri: str) -> None:
        """Says once that a document was changed which is not open."""
        self.tell_once(
            f"{path_of(uri) or uri} was changed but is not open here, so nothing is said of it: "
            "close it and open it again.",
            "warning",
        )

    def close(self, uri: str) -> None:
        """Its runs end and its findings go, in the client too."""
        opened = self.documents.pop(key_of(uri), None)
        if opened is None:
            return
        for run in list(self.runs.values()):
            if run.open is opened:
                self.cancel(run)
        opened.stop()
        path = opened.document.path
        if path:
            self.keep(self.offers.look_at_files([path]))
        if self.folder_of(path) is None:
            # There is no file whose saying would hold again now.
            self.know(None, [(path or opened.document.uri, None)])
        if opened.published and not self.profile.pull_diagnostics:
            empty = to_lsp.published(opened.document, [])
            self.connection.notify("textDocument/publishDiagnostics", empty)

    # --- Findings

    def accept(self, run: Run, producer: str, finding: Finding) -> None:
        """Stores what a run found in its own version of the text; replaces one of the same id.

        A fix that was checked stays offered while it is checked again: else it would be away for
        a second after each key.
        """
        opened = run.open
        run.found.setdefault(producer, set()).add(finding.id)
        text = opened.document.text
        findings = track([finding], run.document.text)
        if run.typed:
            findings = follow(findings, run.typed, text)
        known = opened.findings.get(producer, Tracked(text))
        opened.findings[producer] = add(
            known, [_with_its_fix(one, known.findings) for one in findings.findings]
        )
        self.changed(opened)

    def accept_verdict(self, run: Run, verdict: Verdict) -> None:
        """Stores what the agent says of a finding that it was given."""
        run.open.verdicts[verdict.finding_id] = verdict
        self.changed(run.open)

    def expect(self, run: Run, producer: str, span: Span, focuses: Sequence[Focus]) -> None:
        """Notes which earlier findings in `span`, of the run's text, the run looks for again."""
        known = run.open.findings.get(producer)
        run.before[producer] = {
            finding.id
            for finding in (known.findings if known and not run.typed else ())
            if span.contains(finding.span) and finding.focus in focuses
        }

    def finish(self, run: Run, producer: str) -> None:
        """A run came to its end: what it was expected to find again, and did not, goes."""
        opened = run.open
        gone = run.before.get(producer, set()) - run.found.get(producer, set())
        if gone and producer in opened.findings:
            opened.findings[producer] = remove(
                opened.findings[producer], lambda finding: finding.id in gone
            )
            self.changed(opened)

    def shown(self, opened: OpenDocument) -> tuple[Finding, ...]:
        """What the person sees, in text order: merged, without the dismissed and the unsure."""
        if opened.shown is None:
            opened.shown = self._select(opened)
        return opened.shown

    def _select(self, opened: OpenDocument) -> tuple[Finding, ...]:
        context = opened.context
        if context is None:
            return ()
        from .review import select  # Here: a server starts without it.

        verdicts = opened.verdicts
        findings = [
            apply_verdict(finding, verdicts[finding.id]) if finding.id in verdicts else finding
            for tracked in opened.findings.values()
            for finding in tracked.findings
        ]
        chosen = select(
            findings, opened.lines, context.dismissals, context.relative_path, CONFIDENCES[-1]
        )
        sure = CONFIDENCES[: CONFIDENCES.index(context.settings.minimum_confidence) + 1]
        return tuple(
            finding
            for finding in chosen.findings
            if finding.confidence in sure or finding.id in opened.revealed
        )

    def dismiss(self, opened: OpenDocument, finding: Finding, scope: Scope, reason: str) -> None:
        """Dismisses a finding now, and for everybody who shares the folder's file.

        The document must lie in a workspace folder.
        """
        context = opened.context
        assert context is not None
        assert context.root is not None
        dismissal = Dismissal(
            rule=finding.rule,
            reason=reason,
            date=date.today().isoformat(),
            path="" if scope == "everywhere" else context.relative_path,
            fingerprint=finding.id if scope == "here" else "",
        )
        self._dismissed(context.root, lambda entries: (*entries, dismissal))
        self.keep(self._remember(context.root, dismissal))

    async def _remember(self, root: Path, dismissal: Dismissal) -> None:
        try:
            await asyncio.to_thread(add_dismissal, root, dismissal)
        except OSError as error:
            self._dismissed(root, lambda entries: tuple(e for e in entries if e is not dismissal))
            self.tell(
                f"The finding was not dismissed: {root / DISMISSALS} cannot be written "
                f"({error.strerror}).",
                "error",
            )

    def _dismissed(
        self, root: Path, change: Callable[[tuple[Dismissal, ...]], tuple[Dismissal, ...]]
    ) -> None:
        for opened in self.documents.values():
            if opened.context and opened.context.root == root:
                dismissals = Dismissals(change(opened.context.dismissals.entries))
                opened.context = replace(opened.context, dismissals=dismissals)
                self.changed(opened)

    # --- Offered changes

    def offers_in(self, opened: OpenDocument) -> list[Offer]:
        """The offers that are shown in a document."""
        if opened.is_out_of_step:
            return []
        return [offer for offer in self.offers if self.find(offer.uri) is opened]

    # --- The project

    def folder_of(self, path: str) -> Path | None:
        """The innermost workspace folder that a path lies in."""
        if not path:
            return None
        # From the path up, as thousands of files may change at once, and folders may be many.
        folders, place = {folder: folder for folder in self.folders}, Path(path)
        return next((folders[one] for one in (place, *place.parents) if one in folders), None)

    def project_of(self, path: str) -> Project:
        """What is known of the project that a path belongs to."""
        folder = self.folder_of(path)
        if folder not in self.projects:
            from .project.index import Project  # Here: a server starts without it.

            self.projects[folder] = Project()
        return self.projects[folder]

    def texts(self) -> dict[str, str]:
        """The texts of the open documents by absolute path, of those that are files and in step.

        May be called in any thread.
        """
        opened = list(self.documents.values())
        documents = [one.document for one in opened if not one.is_out_of_step]
        return {document.path: document.text for document in documents if document.path}

    def paths(self) -> set[str]:
        """The paths of the open documents, whose buffers stand for their files."""
        return {opened.document.path for opened in self.documents.values()} - {""}

    def know(self, folder: Path | None, changed: Sequence[tuple[str, FileFacts | None]]) -> bool:
        """Files of the folder say this now; whether that is news for other files."""
        if folder is not None and folder not in self.folders:
            return False  # It was removed while they were read.
        from .project.index import Project  # Here: a server starts without it.

        project = self.projects.get(folder, Project())
        is_news = not all(project.means_the_same(path, facts) for path, facts in changed)
        self.projects[folder] = project.with_files(changed)
        if is_news:
            for opened in self.documents.values():
                self._refresh_lenses(opened)
        return is_news

    def learn(self, run: Run, facts: FileFacts) -> bool:
        """The run's text says this; whether that is news for other files."""
        opened = run.open
        if not self.is_open(opened):
            return False
        opened.typed_since = list(run.typed)
        is_news = self.know(self.folder_of(facts.path), [(facts.path, facts)])
        self._refresh_lenses(opened)
        return is_news

    def lenses(self, opened: OpenDocument) -> list[Lens]:
        """What stands above the document's routes, in text order."""
        from .project.outline import lenses

        if opened.context is None or not opened.context.settings.code_lens:
            return []
        path = opened.document.path or opened.document.uri
        findings = [finding.span for finding in self.shown(opened)]
        return lenses(self.project_of(path), path, findings, opened.typed_since)

    def _refresh_lenses(self, opened: OpenDocument) -> None:
        """Has the client ask again, when what it shows above the routes is not true any more."""
        if opened.lenses is None or not self.profile.refresh_lenses or self.is_closing:
            return
        titles = [lens.title for lens in self.lenses(opened)]
        if titles != opened.lenses:
            opened.lenses = titles
            self._refresh("workspace/codeLens/refresh")

    # --- Diagnostics

    def changed(self, opened: OpenDocument) -> None:
        """The findings may be others now; publishes them soon."""
        opened.shown = None
        if opened.publishing is None and not self.is_closing:
            opened.publishing = asyncio.get_running_loop().call_later(
                PUBLISH_SECONDS, self.publish, opened
            )

    def _changed_at(self, uri: str) -> None:
        if opened := self.find(uri):
            self.changed(opened)

    def publish(self, opened: OpenDocument) -> None:
        """Sends the document's diagnostics, when they are others than the client has."""
        opened.publishing = None
        if not self.is_open(opened):
            return
        self._refresh_lenses(opened)
        if not self._renew(opened) and not opened.may_be_dropped:
            return
        opened.may_be_dropped = False
        if self.profile.pull_diagnostics:
            self._refresh("workspace/diagnostic/refresh")
        else:
            opened.published_at = asyncio.get_running_loop().time()
            self.connection.notify(
                "textDocument/publishDiagnostics",
                to_lsp.published(opened.document, opened.published),
            )

    def _refresh(self, method: Refresh) -> None:
        """Has the client ask again, for all documents: once for all that change meanwhile."""
        is_new = method not in self._to_refresh
        self._to_refresh[method] = True
        if is_new:
            self.keep(self._tell_to_refresh(method))

    async def _tell_to_refresh(self, method: Refresh) -> None:
        try:
            while self._to_refresh[method]:
                self._to_refresh[method] = False
                await self.connection.ask(method, None, REFRESH_SECONDS)
        finally:
            del self._to_refresh[method]

    def pull(self, opened: OpenDocument) -> tuple[list[str], str]:
        """The document's diagnostics, encoded, for a client that asks, and their result id."""
        self._renew(opened)
        return opened.published, str(opened.result_id)

    def _renew(self, opened: OpenDocument) -> bool:
        """Works the diagnostics out again; whether they are others than before."""
        diagnostics = self._diagnostics(opened)
        if diagnostics == opened.published:
            return False
        opened.published = diagnostics
        opened.result_id = next(self._numbers)
        return True

    def _diagnostics(self, opened: OpenDocument) -> list[str]:
        """The document's diagnostics now: its findings, and its problems if it is ours to read."""
        path, lines, encode = opened.document.path, opened.lines, self.connection.encode
        problems = {
            problem: None
            for other in self.documents.values()
            if other.context
            for problem in other.context.problems
            if path and problem.path == path
        }
        found = [self.encoded(opened, finding) for finding in self.shown(opened)]
        opened.encoded = {one.id: opened.encoded[one.id] for one in self.shown(opened)}
        return [
            *(
                encode(offered.diagnostic(offer, lines, self.profile))
                for offer in self.offers_in(opened)
                if not offer.is_taken
            ),
            *found,
            *(
                encode(to_lsp.problem_diagnostic(problem, lines, self.profile.encoding))
                for problem in problems
            ),
        ]

    def encoded(self, opened: OpenDocument, finding: Finding) -> str:
        """The diagnostic of a finding that is shown, as it is sent.

        Of hundreds of findings mostly one has changed, and who waits for a code action must not
        wait for all the others.
        """
        kept = opened.encoded.get(finding.id)
        if kept is None or kept[0] is not finding or kept[1] is not opened.lines:
            made = to_lsp.diagnostic(finding, opened.document, opened.lines, self.profile)
            kept = (finding, opened.lines, self.connection.encode(made))
            opened.encoded[finding.id] = kept
        return kept[2]

    # --- What holds where a document lies

    async def context_of(self, opened: OpenDocument, *, fresh: bool = False) -> Context:
        """The document's context; read from disk the first time, and when it must be `fresh`."""
        if opened.loading is None or fresh:
            opened.loading = asyncio.create_task(self._load(opened))
        # A run that is cancelled while it waits must not take the others' context with it.
        return await asyncio.shield(opened.loading)

    async def _load(self, opened: OpenDocument) -> Context:
        async with self._loads:
            context = await self._context_at(opened.document.uri, opened.document.path)
        if opened.loading is asyncio.current_task():
            before = opened.context.problems if opened.context else ()
            opened.context = context
            self._tell_problems(context)
            # Its problems may stand in another open document.
            places = {problem.path for problem in (*before, *context.problems)}
            for other in self.documents.values():
                if other is opened or other.document.path in places:
                    self.changed(other)
        return context

    async def settings_of(self, folder: Path) -> Settings:
        """The settings that hold for a workspace folder as a whole."""
        context = await self._context_at(folder.as_uri(), str(folder / "."))
        return context.settings

    async def _context_at(self, uri: str, path: str) -> Context:
        reviewers = await self.ready()
        settings = dict(self.editor_settings)
        if self.profile.configuration:
            answer = await self.connection.ask(
                "workspace/configuration",
                to_lsp.configuration(uri, EDITOR_SECTION),
                CONFIGURATION_SECONDS,
            )
            if answer and answer.result and isinstance(answer.result[0], dict):
                settings |= answer.result[0]
        return await asyncio.to_thread(
            _read_context,
            path,
            self.folders,
            settings,
            self.environment,
            reviewers.catalogue.rules,
        )

    def _tell_problems(self, context: Context) -> None:
        """Says each problem once, unless the file it stands in is open and shows it."""
        visible = {opened.document.path for opened in self.documents.values()} - {""}
        for problem in context.problems:
            if problem.path not in visible:
                self.tell_once(str(problem), problem.severity)

    def tell(self, sentence: str, severity: Severity) -> None:
        """Shows the person a sentence."""
        self.connection.notify("window/showMessage", to_lsp.shown(sentence, severity))

    def tell_once(self, sentence: str, severity: Severity) -> None:
        """The same, unless the person has read that sentence already."""
        if sentence not in self._told:
            self._told.add(sentence)
            self.tell(sentence, severity)

    def log_once(self, sentence: str) -> None:
        """Into the log, which an editor shows who looks for it; the same sentence only once."""
        if sentence not in self._told:
            self._told.add(sentence)
            logger.warning("%s", sentence)

    # --- Runs

    def new_id(self, kind: str) -> str:
        """A name that no other thing of this session has."""
        return f"backend-developer-{kind}-{next(self._numbers)}"

    def new_run(self, opened: OpenDocument, kind: str, title: str) -> Run:
        """A run of the document as it is now; whoever starts it gives it its task."""
        run = Run(self.new_id("run"), opened, opened.document, kind, title)
        self.runs[run.id] = run
        return run

    async def revoke_consent(self, roots: Sequence[str]) -> None:
        """Takes back what was agreed to for these folders, and for files that lie in none."""
        # Here: a server starts without it.
        from .state import StateError

        try:
            await asyncio.to_thread(_revoke, self.environment, [*roots, ""])
        except StateError as error:
            self.tell(str(error), "error")
        else:
            self.tell("No code is sent to a model before you agree again.", "information")

    async def look_back(self) -> None:
        """Learns what was spent today and what a token of each model is."""
        # Here: a server starts without them.
        from .state import StateError

        try:
            self.spent_today, self.bytes_per_token = await asyncio.to_thread(
                _read_ledger, self.environment
            )
        except StateError as error:
            self.log_once(str(error))

    def cancel(self, run: Run) -> None:
        """Ends a run. What it found stays; the request it sent, if any, is closed."""
        if run.task:
            run.task.cancel()

    def cancel_all(self) -> None:
        """Ends all that is going on: the client says goodbye."""
        self.is_closing = True
        if self.reviewing_others:
            self.reviewing_others.cancel()
        for run in self.runs.values():
            self.cancel(run)
        for opened in self.documents.values():
            opened.stop()
        for task in self._tasks:
            task.cancel()

    async def ready(self) -> Reviewers:
        """The engines and the catalogue, built once; where that failed, it is tried again."""
        if self._building is None or (self._building.done() and self._building.exception()):
            self._building = asyncio.create_task(self._build())
        return await asyncio.shield(self._building)

    async def _build(self) -> Reviewers:
        self.reviewers = await asyncio.to_thread(self._make_reviewers, self.environment)
        return self.reviewers

    def keep(self, work: Any) -> None:
        """Runs a coroutine in the background; the event loop itself keeps no task alive."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("Work in the background failed: %s", where_raised(error))

    def is_open(self, opened: OpenDocument) -> bool:
        """Whether the client still has this very document open; reopening makes another."""
        return self.documents.get(key_of(opened.document.uri)) is opened


def _with_its_fix(finding: Finding, known: Sequence[Finding]) -> Finding:
    """The finding; while its fix is checked, with the one that the known finding has."""
    if finding.fix != Checking():
        return finding
    before = next((one.fix for one in known if one.id == finding.id), None)
    return replace(finding, fix=before) if isinstance(before, Fix) else finding


def _revoke(environment: Mapping[str, str], roots: Sequence[str]) -> None:
    from .consents import revoke
    from .state import State, state_folder

    state = State(state_folder(environment))
    for root in roots:
        revoke(state, root)


def _read_ledger(environment: Mapping[str, str]) -> tuple[list[Spent], dict[str, float]]:
    from .ledger import bytes_per_token, spent
    from .state import State, state_folder

    state = State(state_folder(environment))
    return spent(state, date.today()), bytes_per_token(state)


def _read_context(*arguments: Any) -> Context:
    # Here: a server starts without all that reads files.
    from .context import load_context

    return load_context(*arguments)
