"""The agent, asked only about what it has not answered yet.

    request -> parts of the selection -> those whose answer is kept   said again, for nothing
                                      -> the others                   asked about, then kept

A part's answer is kept under a digest of all that it depends on: its own text and what it uses,
the surroundings, the agent, the task, the model, the rules. So the same input gives the same
answer, a review after an edit sends what changed, and a review of a tree that was interrupted goes
on where it was. Secrets are kept as placeholders, and come from the reviewed text again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..core.edits import place_quote
from ..core.model import (
    Finding,
    Proposal,
    ProposedFix,
    Quote,
    SearchReplace,
    Span,
    Step,
    Verdict,
)
from ..core.text import Lines
from ..parts import Part, parts_of
from .base import Answer, Engine, EngineError, Excerpt, Note, Pending, ReviewRequest
from .endpoint import base_url
from .redact import NO_REDACTIONS, find_secrets, has_placeholder

MAXIMUM_USED = 6_000
"""Characters of the file that are shown because the changed parts use them."""
THIS_FILE = "the reviewed file"

FORM = 1
"""Of what is kept; another number makes all that was kept before unknown."""


class Answers(Protocol):
    """Keeps texts under digests. To be called in a thread; never raises: what fails is not kept."""

    def load(self, digests: Collection[str]) -> Mapping[str, str]: ...

    def save(self, texts: Mapping[str, str]) -> None: ...

    def promise(self, name: str, record: str) -> None:
        """Remembers what a later answer of that name will be kept under."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered about one part."""

    proposals: tuple[Proposal, ...] = ()
    """Their lines count from the part's first line, which is 1."""
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a request has its answer already, and what is to be asked."""

    parts: tuple[Part, ...]
    digests: tuple[str, ...]
    kept: Mapping[str, Kept]
    """By digest."""
    awaited: frozenset[str] = frozenset()
    """Digests of parts that will be answered without another question."""

    @property
    def asked(self) -> tuple[tuple[Part, str], ...]:
        """The parts that have no answer and await none, with their digests."""
        return tuple(
            (part, digest)
            for part, digest in zip(self.parts, self.digests, strict=True)
            if digest not in self.kept and digest not in self.awaited
        )


class KeptEngine:
    """Implements Engine, over the agent's, which goes by the same `environment`."""

    name = "agent"

    def __init__(
        self,
        agent: Engine,
        answers: Answers,
        environment: Mapping[str, str],
        awaited: frozenset[str] = frozenset(),
    ) -> None:
        """`awaited` has the digests of parts that are not to be asked about, as they are in a batch
        whose answers have not been fetched."""
        self._agent = agent
        self._answers = answers
        self._environment = environment
        self._awaited = awaited

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        """As the agent's. What is kept comes first."""
        if request.task.kind != "review":
            # What was written for one wish is no answer to the next one.
            async with aclosing(self._agent.review(request)) as pieces:
                async for one in pieces:
                    yield one
            return
        if request.second_look:
            async with aclosing(self._second_look(request)) as verdicts:
                async for one in verdicts:
                    yield one
            return
        plan = await self.plan(request)
        for answer in known_answers(plan, request):
            yield answer
        if not plan.parts:
            return  # There is no code to judge.
        asked = to_ask(plan, request)
        if waiting := sum(digest in plan.awaited for digest in plan.digests):
            yield Note(
                f"{_counted(waiting)} went out in an earlier batch, and not again: "
                "`review --batch-results` fetches the answers"
            )
        if asked is None and waiting:
            return
        if asked is None:
            yield Note(
                "nothing that this review depends on has changed, so nothing was sent: what the "
                "agent said before still holds"
            )
            return
        if request.only_kept:
            yield Note(
                f"the agent has not answered about {_counted(len(plan.asked))}: the batch is not "
                "done, or the code changed since"
            )
            return
        if asked.parts:
            yield Note(
                f"only what is new or changed was sent ({_counted(len(plan.asked))} of "
                f"{len(plan.parts)}); what the agent said of the rest"
                f"{' before' if waiting else ''} still holds"
            )
        said: list[Answer] = []
        async with aclosing(self._agent.review(asked)) as answers:
            async for answer in answers:
                said.append(answer)
                yield answer
        await self.keep(plan, request, said)

    async def plan(self, request: ReviewRequest) -> Plan:
        """What is known of the request's parts."""
        return await asyncio.to_thread(self._plan, request)

    async def keep(self, plan: Plan, request: ReviewRequest, said: Sequence[Answer]) -> None:
        """Keeps a complete answer about the parts that the plan asked about."""
        if not request.settings.keep_answers:
            return
        for answer in said:
            if isinstance(answer, Pending):
                record = _promised(plan, request)
                await asyncio.to_thread(self._answers.promise, answer.name, record)
                return
            if isinstance(answer, Note) and answer.is_end:
                return
        texts = await asyncio.to_thread(kept_texts, plan, request, said)
        if texts:
            await asyncio.to_thread(self._answers.save, texts)

    def _plan(self, request: ReviewRequest) -> Plan:
        parts = parts_of(request.document, request.span)
        frame = _frame(request, self._environment)
        digests = tuple(_digest(frame, part, request) for part in parts)
        if not request.settings.keep_answers:
            return Plan(parts, digests, {})
        loaded = self._answers.load(digests)
        awaited = self._awaited.intersection(digests).difference(loaded)
        has_secret = any(has_placeholder(text) for text in loaded.values())
        secrets = find_secrets([request.document.text]) if has_secret else NO_REDACTIONS
        kept = {
            digest: one
            for digest, text in loaded.items()
            if (one := _read(text, secrets.restore)) is not None
        }
        return Plan(parts, digests, kept, awaited)

    async def _second_look(self, request: ReviewRequest) -> AsyncGenerator[Answer, None]:
        digests = await asyncio.to_thread(_digests_of_evidence, request, self._environment)
        known: Mapping[str, str] = {}
        if request.settings.keep_answers:
            known = await asyncio.to_thread(self._answers.load, set(digests.values()))
        unknown = []
        for finding in request.evidence:
            kept = _read(known.get(digests[finding.id], ""))
            if kept and kept.verdicts:
                yield replace(kept.verdicts[0], finding_id=finding.id)
            else:
                unknown.append(finding)
        if not unknown:
            return
        said: dict[str, Verdict] = {}
        asked = replace(request, evidence=tuple(unknown))
        async with aclosing(self._agent.review(asked)) as answers:
            async for answer in answers:
                if isinstance(answer, Verdict):
                    said[answer.finding_id] = answer
                yield answer
        if not request.settings.keep_answers:
            return
        texts = {
            digests[key]: _written(Kept(verdicts=(verdict,)), str) for key, verdict in said.items()
        }
        await asyncio.to_thread(self._answers.save, texts)


def known_answers(plan: Plan, request: ReviewRequest) -> list[Answer]:
    """What was said of the parts that have their answer, true of the request's text."""
    lines = Lines(request.document.text)
    evidence = {finding.id for finding in request.evidence}
    answers: list[Answer] = []
    for part, digest in zip(plan.parts, plan.digests, strict=True):
        if digest in plan.kept:
            first = lines.line_of(part.spans[0].start)
            answers += [_shifted(one, first) for one in plan.kept[digest].proposals]
            answers += [one for one in plan.kept[digest].verdicts if one.finding_id in evidence]
    return answers


def to_ask(plan: Plan, request: ReviewRequest) -> ReviewRequest | None:
    """The request that is left to be asked; None when there is nothing."""
    if not plan.asked:
        return None
    if len(plan.asked) == len(plan.parts):
        return request
    spans = tuple(sorted(span for part, _ in plan.asked for span in part.spans))
    evidence = tuple(
        finding
        for finding in request.evidence
        if any(span.overlaps(finding.span) for span in spans)
    )
    around = replace(
        request.surroundings,
        excerpts=(*request.surroundings.excerpts, *_used(plan, request, spans)),
    )
    return replace(request, parts=spans, evidence=evidence, surroundings=around)


def _used(plan: Plan, request: ReviewRequest, asked: Sequence[Span]) -> Iterator[Excerpt]:
    """What of the file the asked parts use, as far as there is room: its rest is not shown."""
    text, lines = request.document.text, Lines(request.document.text)
    room = MAXIMUM_USED
    for span in dict.fromkeys(span for part, _ in plan.asked for span in part.uses):
        code = text[span.start : span.end].rstrip()
        # Imports and settings of one line are shown with the asked parts, or say little.
        if "\n" not in code or any(own.overlaps(span) for own in asked) or len(code) > room:
            continue
        room -= len(code)
        first = lines.line_of(span.start) + 1
        yield Excerpt(THIS_FILE, first, code, "used by the changed lines, and judged before")


def kept_texts(plan: Plan, request: ReviewRequest, said: Sequence[Answer]) -> dict[str, str]:
    """Digest -> what to keep of a complete answer; empty when it is none of the asked parts.

    A claim that quotes no code of the file is left out, as the review leaves it out. An answer of
    such claims alone will be asked for once more, and must not be taken for one.
    """
    text = request.document.text
    places = {finding.id: finding.span for finding in request.evidence}
    return kept_of(plan, text, Lines(text), places, said)


def kept_of(
    plan: Plan, text: str, lines: Lines, evidence: Mapping[str, Span], said: Sequence[Answer]
) -> dict[str, str]:
    """As `kept_texts`, of a text and the places of the evidence in it, by id."""
    found = {digest: Kept() for _, digest in plan.asked}
    is_placed, is_invented = False, False

    def at(span: Span) -> tuple[str, int] | None:
        for part, digest in plan.asked:
            if any(own.overlaps(span) for own in part.spans):
                return digest, lines.line_of(part.spans[0].start)
        return None

    for answer in said:
        match answer:
            case Proposal(where=Quote() as quote):
                place = place_quote(text, lines, quote, Span(0, len(text)))
                if isinstance(place, str):
                    is_invented = True
                    continue
                known_at = at(place)
                if known_at is None:
                    return {}
                is_placed = True
                digest, first = known_at
                known = found[digest]
                own = _shifted(answer, -first)
                found[digest] = replace(known, proposals=(*known.proposals, own))
            case Verdict(finding_id=name) if name in evidence:
                known_at = at(evidence[name])
                if known_at is not None:
                    known = found[known_at[0]]
                    verdicts = (*known.verdicts, answer)
                    found[known_at[0]] = replace(known, verdicts=verdicts)
    if is_invented and not is_placed:
        return {}
    secrets = find_secrets([text])
    texts = {digest: _written(kept, secrets.hide) for digest, kept in found.items()}
    # What is a secret still stood in another file, and could not be put back.
    return {digest: one for digest, one in texts.items() if not find_secrets([one]).placeholders}


def keep_promised(
    record: str, said: Callable[[str], Sequence[Answer]]
) -> tuple[dict[str, str], str] | None:
    """What to keep of an answer that has come, by digest, and the file that it is about.

    `said` reads the answer, given the reviewed text. None: the record is none of ours.
    """
    try:
        value: Any = json.loads(record)
        text = zlib.decompress(b64decode(value["text"])).decode("utf-8", "surrogatepass")
        parts = tuple(
            Part(tuple(Span(*span) for span in spans), "", "") for spans in value["parts"]
        )
        digests, path = tuple(value["digests"]), str(value["path"])
        places = {name: Span(*span) for name, span in value["evidence"]}
    except (ValueError, KeyError, TypeError, zlib.error):
        return None
    lines = Lines(text)
    plan = Plan(parts, digests, {})
    return kept_of(plan, text, lines, places, said(text)), path


def _promised(plan: Plan, request: ReviewRequest) -> str:
    """All that is needed to keep the answer about the plan's open parts when it comes."""
    text = request.document.text.encode("utf-8", "surrogatepass")
    return json.dumps(
        {
            "path": request.document.path,
            "text": b64encode(zlib.compress(text)).decode("ascii"),
            "parts": [[[span.start, span.end] for span in part.spans] for part, _ in plan.asked],
            "digests": [digest for _, digest in plan.asked],
            "evidence": [
                [finding.id, [finding.span.start, finding.span.end]] for finding in request.evidence
            ],
        }
    )


def promised_digests(record: str) -> tuple[str, ...]:
    """Of the parts that the answer will be about; none when the record is none of ours."""
    try:
        return tuple(map(str, json.loads(record)["digests"]))
    except (ValueError, KeyError, TypeError):
        return ()


def _counted(parts: int) -> str:
    return f"{parts} part{'' if parts == 1 else 's'} of the code"


# --- Digests


def _frame(request: ReviewRequest, environment: Mapping[str, str]) -> str:
    """What every part of a request depends on."""
    settings = request.settings
    try:
        place = base_url(settings, environment)
    except EngineError:
        place = ""  # Nothing says where to ask: what is not kept will be refused.
    return "\0".join(
        [
            str(FORM),
            request.document.path or request.document.uri,
            request.document.language,
            request.agent.prompt,
            settings.model or request.agent.model,
            repr(sorted(settings.model_aliases.items())),
            settings.provider,
            place,
            request.agent.effort or "",
            request.task.instruction,
            repr(request.task.focuses),
            repr(sorted(settings.rules.items())),
            repr(request.conventions),
            repr(request.dismissed),
        ]
    )


def _digest(frame: str, part: Part, request: ReviewRequest) -> str:
    near = [
        excerpt.text
        for excerpt in request.surroundings.excerpts
        if not excerpt.name or excerpt.name in part.text
    ]
    return _hash(frame, part.text, part.depends_on, *near)


def _digests_of_evidence(request: ReviewRequest, environment: Mapping[str, str]) -> dict[str, str]:
    """Finding's id -> what its judgement depends on."""
    frame = _frame(request, environment)
    parts = parts_of(request.document, request.span)

    def code_around(finding: Finding) -> str:
        return "\n".join(
            part.text + part.depends_on
            for part in parts
            if any(span.overlaps(finding.span) for span in part.spans)
        )

    return {
        finding.id: _hash(
            "second look",
            request.settings.second_look_model,
            frame,
            finding.rule,
            finding.code,
            finding.message,
            code_around(finding),
        )
        for finding in request.evidence
    }


def _hash(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


# --- What is kept, as text


def _shifted(proposal: Proposal, lines: int) -> Proposal:
    """With every believed line moved down by `lines`."""

    def moved(line: int | None) -> int | None:
        return None if line is None else max(line + lines, 1)

    def at(where: Quote | Span) -> Quote | Span:
        return replace(where, line=moved(where.line)) if isinstance(where, Quote) else where

    fix = proposal.fix
    if fix is not None:
        edits = tuple(
            replace(edit, line=moved(edit.line)) if isinstance(edit, SearchReplace) else edit
            for edit in fix.edits
        )
        fix = replace(fix, edits=edits)
    flow = tuple(replace(step, where=at(step.where)) for step in proposal.flow)
    return replace(proposal, where=at(proposal.where), fix=fix, flow=flow)


def _written(kept: Kept, hide: Callable[[str], str]) -> str:
    """`kept` as a text, in which `hide` has changed every text."""
    value = _changed(
        {
            "proposals": [
                {
                    "quote": _quote(one.where),
                    "rule": one.rule,
                    "message": one.message,
                    "source": one.source,
                    "confidence": one.confidence,
                    "severity": one.severity,
                    "focus": one.focus,
                    "cwes": one.cwes,
                    "fix": one.fix
                    and {
                        "title": one.fix.title,
                        "needs": one.fix.needs,
                        "edits": [
                            [edit.old, edit.new, edit.file, edit.line]
                            for edit in one.fix.edits
                            if isinstance(edit, SearchReplace)
                        ],
                    },
                    "flow": [[_quote(step.where), step.message] for step in one.flow],
                }
                for one in kept.proposals
            ],
            "verdicts": [[one.finding_id, one.refuted, one.reason] for one in kept.verdicts],
        },
        hide,
    )
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _quote(where: Quote | Span) -> tuple[str, int | None]:
    assert isinstance(where, Quote)  # A model points with quotes.
    return where.code, where.line


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {key: _changed(one, change) for key, one in value.items()}
        case list() | tuple():
            return [_changed(one, change) for one in value]
    return value


def _read(text: str, restore: Callable[[str], str] = str) -> Kept | None:
    """What `_written` has written, changed by `restore`; None when it is something else."""
    try:
        value: Any = _changed(json.loads(text), restore)
        return Kept(
            tuple(map(_proposal, value["proposals"])),
            tuple(Verdict(*one) for one in value["verdicts"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _proposal(value: Any) -> Proposal:
    fix = value["fix"]
    return Proposal(
        where=Quote(*value["quote"]),
        rule=value["rule"],
        message=value["message"],
        source=value["source"],
        author="agent",
        confidence=value["confidence"],
        severity=value["severity"],
        focus=value["focus"],
        cwes=tuple(value["cwes"]),
        fix=fix
        and ProposedFix(
            fix["title"], tuple(SearchReplace(*edit) for edit in fix["edits"]), fix["needs"]
        ),
        flow=tuple(Step(Quote(*quote), message) for quote, message in value["flow"]),
    )
