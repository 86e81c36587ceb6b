"""The local engine: well-kept linters and our own rules, with no key and no network.

texts -> detectors that run a program (in threads) ┐
      -> detectors that do not                     ┴-> proposals, one per rule and place
"""

from __future__ import annotations

import logging
import re
from bisect import bisect_left, insort
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cached_property, partial
from threading import Event
from typing import TypeVar

from ..apis.detector import ApiDetector
from ..batching import Batched
from ..catalogue import Catalogue, load_catalogue
from ..core.model import CONFIDENCES, Document, Proposal, Rule, Span
from ..dataflow.detector import FlowDetector
from ..delivery import DeliveryDetector
from ..detector import Detector, DetectorCrashError, DetectorError, Source
from ..documents.detector import DocumentDetector
from ..failures import where_raised
from ..giving_up import go_on, unless_given_up
from ..hidden import HiddenTextDetector
from ..linters import EVERY_LANGUAGE, linters
from ..linters.tools import tools
from ..performance import PerformanceDetector
from ..project.detector import ProjectDetector
from ..project.index import Project
from ..roles import role_of
from ..rules.matching import PatternDetector
from ..secrets import SecretDetector
from ..settings import Level, Settings, Standing, enabled_rules, rule_level, standing_in
from ..syntax import span_of
from .base import ReviewRequest
from .scan import Scan, asked_for, count_of_steps, place_of

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Looking:
    """One look at some documents; the lists have an entry for each of them."""

    sources: Sequence[Source]
    reduced: Sequence[tuple[Source, list[Span]]]
    """Without the functions that are not looked into, and where those lie."""
    standings: Sequence[Standing]
    enabled: frozenset[str]
    found: list[list[Proposal]]
    problems: list[list[str]]


class LocalEngine:
    """Implements Engine. Holds the rules, which it reads when it first needs them.

    `project_of` gives the project that a path belongs to, as far as it is known. `go_on` is called
    between the detectors and the pieces of their work, and what it raises ends a scan.
    """

    name = "local"

    def __init__(
        self,
        project_of: Callable[[str], Project] = lambda path: Project(),
        go_on: Callable[[], None] = go_on,
    ) -> None:
        self.project_of = project_of
        self.go_on = go_on
        self.project = ProjectDetector(self._project_at)
        self.has_failed = False
        """Whether a linter could not be used: what was found since may lack what it would say."""
        self._told: set[str] = set()
        self._scans = Batched(self._scan_batch)
        self._latest: tuple[Settings, dict[Document, Scan]] | None = None

    def _project_at(self, path: str) -> Project:
        return self.project_of(path)  # Which may be another function by now.

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Proposal, None]:
        """Yields what was found in the request's span and focuses; never blocks the event loop.

        Raises EngineError after the last proposal when a linter could not be used: once for each
        such problem in the engine's life, as it would be the same for every file.
        """
        scan = await self._scans.ask((request.document, request.settings))
        for proposal in asked_for(scan, request, self.catalogue.rules, self._told):
            yield proposal

    def _scan_batch(self, asked: Sequence[tuple[Document, Settings]]) -> list[Scan]:
        """Answers reviews that were asked for together, which have one and the same settings."""
        settings = asked[0][1]
        if any(other is not settings for _, other in asked):
            return [self.scan_all([document], settings)[0] for document, settings in asked]
        scans = self.scan_all([document for document, _ in asked], settings)
        documents = [document for document, _ in asked]
        self._latest = (settings, dict(zip(documents, scans, strict=True)))
        return scans

    def latest_scans(self, documents: Sequence[Document], settings: Settings) -> list[Scan]:
        """As `scan_all`; what was scanned last, for a review with these settings, is not again."""
        latest = self._latest
        known = latest[1] if latest and latest[0] == settings else {}
        missing = [document for document in documents if document not in known]
        known = known | dict(zip(missing, self.scan_all(missing, settings), strict=True))
        return [known[document] for document in documents]

    def warm_up(self) -> None:
        """Reads the rules, so that no review has to wait for that."""
        rules = frozenset(self.catalogue.rules)
        for detector in self.detectors:
            if not detector.runs_program:
                language = sorted(detector.languages)[0]
                detector.find([Source(Document("", "", language, ""))], rules)

    def scan(self, document: Document, settings: Settings) -> list[Proposal]:
        """Everything found in the whole document, in text order, rules that are off left out."""
        return list(self.scan_all([document], settings)[0].proposals)

    def scan_all(
        self,
        documents: Sequence[Document],
        settings: Settings,
        edited: Sequence[Sequence[Span]] | None = None,
    ) -> list[Scan]:
        """One Scan per document; each detector runs once for all of them, programs beside the rest.

        With the `edited` spans of each document, nothing is reported inside a function that none
        of them touches, which makes the check of many small edits several times faster.
        """
        looking = self._begin(documents, settings, edited)
        self._look(looking, (*self.detectors, *tools(settings, self.catalogue, EVERY_LANGUAGE)))
        return self._scans_of(looking, settings)

    def scan_in_steps(
        self, document: Document, settings: Settings
    ) -> tuple[Callable[[], Scan], ...]:
        """What finds more and more in a document, each to be called when the one before has
        returned: all that is found at once; what follows data, costs and names through the file;
        and a person's own tools, where there are any, which may take seconds. One that was given
        up may be called again.

        Of a rule that the first two may speak of, all comes with the second.
        """
        looking = self._begin([document], settings)
        slow = self._slow
        own = tools(settings, self.catalogue, EVERY_LANGUAGE)
        late = frozenset(rule for detector in slow for rule in detector.rules) | self._flow.claims
        late |= {rule for rule, better in _SAID_BETTER_BY.items() if not late.isdisjoint(better)}

        def at_once() -> Scan:
            self._look(looking, [one for one in self.detectors if one not in slow])
            found = [one for one in looking.found[0] if one.rule not in late]
            [scan] = self._scans_of(replace(looking, found=[found]), settings)
            return scan

        def rest() -> Scan:
            told = len(looking.problems[0])
            self._look(looking, slow)
            [scan] = self._scans_of(looking, settings)
            self._latest = (settings, {document: scan})
            found = tuple(one for one in scan.proposals if one.rule in late)
            return Scan(found, scan.problems[told:])

        def by_own_tools() -> Scan:
            [before] = self._scans_of(looking, settings)
            also = replace(looking, found=[[]], problems=[[]])
            self._look(also, own)
            [scan] = self._scans_of(also, settings)
            found = tuple(_not_said(scan.proposals, before.proposals))
            both = sorted((*before.proposals, *found), key=_order)
            self._latest = (settings, {document: Scan(tuple(both), before.problems)})
            return Scan(found, scan.problems)

        return (at_once, rest, by_own_tools)[: count_of_steps(settings)]

    def _begin(
        self,
        documents: Sequence[Document],
        settings: Settings,
        edited: Sequence[Sequence[Span]] | None = None,
    ) -> _Looking:
        sources = [Source(_encodable(document), self.go_on) for document in documents]
        reduced: list[tuple[Source, list[Span]]] = [(source, []) for source in sources]
        if edited is not None:
            for index, source in enumerate(sources):
                self.go_on()
                reduced[index] = _without_functions(source, edited[index])
        return _Looking(
            sources,
            reduced,
            [standing_in(role_of(document), settings) for document in documents],
            enabled_rules(self.catalogue.rules.values(), settings),
            [[] for _ in sources],
            [[] for _ in sources],
        )

    def _look(self, looking: _Looking, detectors: Iterable[Detector]) -> None:
        """Adds what the detectors find, those first that run a program beside the others."""
        sources, standings = looking.sources, looking.standings
        runs: list[tuple[Detector, list[int], Future[list[list[Proposal]]]]] = []
        pool, given_up = ThreadPoolExecutor(MAXIMUM_PROGRAMS), Event()
        try:
            for detector in sorted(detectors, key=lambda one: not one.runs_program):
                places = [
                    index
                    for index, source in enumerate(sources)
                    if source.document.language in detector.languages and standings[index] != "off"
                ]
                if not places or looking.enabled.isdisjoint(detector.rules):
                    continue
                is_fast = isinstance(detector, PatternDetector)
                chosen = [
                    looking.reduced[index][0] if is_fast else sources[index] for index in places
                ]
                if detector.runs_program:
                    find = partial(_find, detector, chosen, looking.enabled)
                    future = pool.submit(unless_given_up(given_up, find))
                    runs.append((detector, places, future))
                    continue
                for index, source in zip(places, chosen, strict=True):
                    self.go_on()
                    runs.append((detector, [index], _tried(detector, [source], looking.enabled)))
            for detector, places, future in runs:
                try:
                    found = self._result_of(future)
                    for index, proposals in zip(places, found, strict=True):
                        looking.found[index] += proposals
                except DetectorError as error:
                    if isinstance(error, DetectorCrashError) and len(places) > 1:
                        # One file must not hide what is found in the others.
                        middle = len(places) // 2
                        for half in (places[:middle], places[middle:]):
                            chosen = [sources[index] for index in half]
                            again = _tried(detector, chosen, looking.enabled)
                            runs.append((detector, half, again))
                        continue
                    self.has_failed = True
                    for index in places:
                        looking.problems[index].append(str(error))
        finally:
            # A scan that is given up does not wait for its programs, and they end.
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def beside(self, work: Callable[[], T]) -> Callable[[], T]:
        """Begins work in a thread; the function it gives waits for the answer, unless given up."""
        pool, given_up = ThreadPoolExecutor(1), Event()
        future = pool.submit(unless_given_up(given_up, work))
        pool.shutdown(wait=False)

        def result() -> T:
            try:
                return self._result_of(future)
            finally:
                given_up.set()

        return result

    def _result_of(self, future: Future[T]) -> T:
        while not future.done():
            self.go_on()
            wait([future], LOOK_SECONDS)
        return future.result()

    def _scans_of(self, looking: _Looking, settings: Settings) -> list[Scan]:
        return [
            Scan(
                self._settled(
                    source,
                    looking.found[index],
                    looking.reduced[index][1],
                    settings,
                    looking.standings[index],
                ),
                tuple(looking.problems[index]),
            )
            for index, source in enumerate(looking.sources)
        ]

    def _settled(
        self,
        source: Source,
        proposals: Sequence[Proposal],
        emptied: Sequence[Span],
        settings: Settings,
        standing: Standing,
    ) -> tuple[Proposal, ...]:
        """What is left of a document's proposals, in text order, as the settings have it."""
        rules = self.catalogue.rules
        is_claimed = any(proposal.rule in self._flow.claims for proposal in proposals)
        refuted = self._flow.refutes(source) if is_claimed else {}
        reported = [
            proposal
            for proposal in proposals
            if not any(function.contains(place_of(proposal)) for function in emptied)
            and not _has_noqa(source, proposal, rules[proposal.rule])
        ]
        wrong = [one for one in reported if _is_refuted(one, refuted.get(one.rule, ()))]
        reported = [one for one in reported if one not in wrong]
        if settings.profile == "strict":
            # Who asked for everything sees what the linters say of harmless values, too.
            reported += [replace(one, confidence="low") for one in wrong]
        return tuple(
            _settled(proposal, rule_level(settings, proposal.rule), standing)
            for proposal in _merged(reported)
        )

    @cached_property
    def catalogue(self) -> Catalogue:
        return load_catalogue()

    @cached_property
    def _flow(self) -> FlowDetector:
        return FlowDetector(self.project.known)

    @cached_property
    def _performance(self) -> PerformanceDetector:
        return PerformanceDetector(self.project.elsewhere)

    @property
    def _slow(self) -> tuple[Detector, ...]:
        """Those that follow data, costs and names through the whole of a file."""
        return self._flow, self._performance, self.project

    @cached_property
    def detectors(self) -> tuple[Detector, ...]:
        return (
            *linters(self.catalogue),
            PatternDetector(),
            self._flow,
            ApiDetector(),
            SecretDetector(),
            self._performance,
            DocumentDetector(),
            DeliveryDetector(),
            HiddenTextDetector(),
            self.project,
        )


MAXIMUM_PROGRAMS = 4
"""How many linters of a scan run at the same time."""
LOOK_SECONDS = 0.005
"""How often somebody who waits for one looks whether the scan is wanted still."""


def _tried(
    detector: Detector, sources: Sequence[Source], enabled: frozenset[str]
) -> Future[list[list[Proposal]]]:
    """What `_find` gives or raises."""
    future: Future[list[list[Proposal]]] = Future()
    try:
        future.set_result(_find(detector, sources, enabled))
    except DetectorError as error:
        future.set_exception(error)
    return future


def _find(
    detector: Detector, sources: Sequence[Source], enabled: frozenset[str]
) -> list[list[Proposal]]:
    """What the detector finds. Raises DetectorError, also for a mistake in the detector, which so
    costs nothing that the others find.
    """
    try:
        return detector.find(sources, enabled)
    except DetectorError:
        raise
    except Exception as error:
        name = type(detector).__name__
        logger.error("%s failed: %s", name, where_raised(error))
        raise DetectorCrashError(
            f"A part of the local engine ({name}) stopped because of an error in "
            "backend-developer: what the other parts found stands, and the log has the details."
        ) from error


_FUNCTIONS = (
    "function_declaration",
    "function_expression",
    "generator_function_declaration",
    "method_definition",
    "arrow_function",
)


def _without_functions(source: Source, edited: Sequence[Span]) -> tuple[Source, list[Span]]:
    """With the body of every function that no edit touches emptied, and where those functions lie.

    The text keeps its length and its lines, so every offset stays what it was.
    """
    language, text = source.language, source.text
    if language is None:
        return source, []
    kinds = ("function_definition",) if language == "python" else _FUNCTIONS
    opening, closing = ("...", "") if language == "python" else ("{", "}")
    emptied: list[Span] = []
    pieces: list[str] = []
    done = 0
    for node in source.tree.find_all(any=[{"kind": kind} for kind in kinds]):
        function, body = span_of(node), node.field("body")
        if body is None or function.start < done or any(function.touches(span) for span in edited):
            continue
        inside = span_of(body)
        code = text[inside.start : inside.end]
        if len(code) < 4 or body.kind() not in ("block", "statement_block"):
            continue
        blank = re.sub(r"[^\r\n]", " ", code[len(opening) : len(code) - len(closing)])
        pieces += [text[done : inside.start], opening, blank, closing]
        done = inside.end
        emptied.append(function)
    reduced = replace(source.document, text="".join([*pieces, text[done:]]))
    return Source(reduced, source.go_on), emptied


def _settled(proposal: Proposal, level: Level | None, standing: Standing) -> Proposal:
    if level is not None and level != "off":
        proposal = replace(proposal, severity=level)
    return replace(proposal, confidence="low") if standing == "low" else proposal


def _merged(proposals: Iterable[Proposal]) -> list[Proposal]:
    """One proposal for each rule and place: the one with a fix, then the surest, the narrowest.

    It tells the way to the place when another proposal does that it stands for.
    """
    kept: list[Proposal] = []
    places: dict[str, list[Span]] = {}
    for proposal in sorted(proposals, key=_preference):
        if not _is_said(proposal, places):
            insort(places.setdefault(proposal.rule, []), place_of(proposal))
            kept.append(proposal)
        elif proposal.flow:
            kept = [_with_flow(one, proposal) for one in kept]
    return sorted(kept, key=_order)


def _order(proposal: Proposal) -> tuple[Span, str]:
    return place_of(proposal), proposal.rule


def _not_said(proposals: Iterable[Proposal], said: Iterable[Proposal]) -> Iterator[Proposal]:
    """Those that add something to what was said, which is in text order."""
    places: dict[str, list[Span]] = {}
    for one in said:
        places.setdefault(one.rule, []).append(place_of(one))
    return (one for one in proposals if not _is_said(one, places))


def _is_said(proposal: Proposal, places: Mapping[str, Sequence[Span]]) -> bool:
    """Whether its rule, or one that is more specific, has been there; `places` are theirs, in text
    order."""
    rules = (proposal.rule, *_SAID_BETTER_BY.get(proposal.rule, ()))
    return any(_is_taken(place_of(proposal), places.get(rule, ())) for rule in rules)


def _with_flow(kept: Proposal, other: Proposal) -> Proposal:
    is_same = kept.rule == other.rule and place_of(kept).overlaps(place_of(other))
    return replace(kept, flow=other.flow) if is_same and not kept.flow else kept


_SAID_BETTER_BY = {
    "security/weak-hash": ("security/password-hash-too-fast",),
    "security/hardcoded-secret": (
        "security/compose-secret",
        "security/kubernetes-secret-in-environment",
        "security/kubernetes-secret-in-manifest",
    ),
}
"""A rule is left out where one of these, which is more specific, has found the same place."""


def _is_taken(place: Span, taken: Sequence[Span]) -> bool:
    # What is taken is in order and does not overlap, so only neighbours can be in the way.
    index = bisect_left(taken, place)
    near = taken[max(index - 1, 0) : index + 1]
    return any(place == other or place.overlaps(other) for other in near)


def _preference(proposal: Proposal) -> tuple[bool, bool, int, int, Span]:
    place = place_of(proposal)
    surest = CONFIDENCES.index(proposal.confidence)
    is_general = proposal.rule in _SAID_BETTER_BY
    return (is_general, proposal.fix is None, surest, place.end - place.start, place)


_NOQA = re.compile(r"#\s*noqa(?P<codes>:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)?", re.IGNORECASE)


def _has_noqa(source: Source, proposal: Proposal, rule: Rule) -> bool:
    """Whether a `# noqa` on the first or last line silences this rule or ruff's same rules."""
    if source.language != "python" or "noqa" not in source.text:
        return False
    for line in source.lines.first_and_last(place_of(proposal)):
        comment = _NOQA.search(source.lines.line(line))
        if comment is None:
            continue
        codes = re.findall(r"[A-Z]+[0-9]+", (comment["codes"] or "").upper())
        if not codes or any(f"ruff:{code}" in rule.same_as for code in codes):
            return True
    return False


def _is_refuted(proposal: Proposal, safe: Sequence[Span]) -> bool:
    """Whether a claim is about a place where data flow found nothing harmful."""
    place = place_of(proposal)
    return proposal.source != FlowDetector.name and any(span.contains(place) for span in safe)


def _encodable(document: Document) -> Document:
    """A lone surrogate cannot be handed to the tools; "?" keeps every offset as it is."""
    if document.text.isascii():
        return document
    text = document.text.encode("utf-8", "replace").decode("utf-8")
    return replace(document, text=text)
