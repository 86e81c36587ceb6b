"""Findings that stay true of a text while it is typed in.

    track         the findings of a text
    follow        the same after the text changed: moved, dropped where touched, back on undo
    add, remove   what a review brings, what a person dismisses
    move_finding  one finding of an older text, moved to a newer one

Every one of `Tracked.findings` is true of `Tracked.text`: the text at its span is its
code. A finding that an edit touched is set aside. It comes back when the whole text is
again one that it was true of (undo), or when its lines stand, exactly as they were and
only once, where the edits around it were made (retyped, or put back by a formatter).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from .edits import apply
from .model import Checking, Finding, Fix, Span, TextEdit, Withheld
from .text import Change, Lines, apply_changes, trim

ASIDE_LIMIT = 200
"""How many touched findings are kept; the one touched longest ago goes first."""
MEMORY_LIMIT = 50
"""How many earlier texts each finding remembers, the latest ones."""
EDITED = "The code it changes was edited: review again for a fresh one."
"""Why a fix is withheld after an edit where it would be made."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """The findings of one document at one version of its text."""

    text: str
    live: tuple[_Live, ...] = ()
    """In text order."""
    aside: tuple[_Aside, ...] = ()
    """The one touched longest ago first."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """True of `text`, in text order."""
        return tuple(entry.finding for entry in self.live)


def track(findings: Iterable[Finding], text: str) -> Tracked:
    """The findings of `text`. Raises ValueError for one that is not true of it."""
    return add(Tracked(text), findings)


def follow(tracked: Tracked, changes: Sequence[Change], text_after: str) -> Tracked:
    """`tracked` after its text became `text_after` by `changes`, each relative to the one before.

    Raises ValueError when the changes do not lead from the one text to the other.
    """
    changes = _smallest(tracked.text, changes, text_after)
    version = _version(text_after)
    lines_before = cache(lambda: Lines(tracked.text))
    live: list[_Live] = []
    aside: list[_Aside] = []

    def settle(entry: _Aside) -> None:
        finding = _returned(entry, text_after)
        if finding:
            live.append(_Live(finding, entry.memory))
        else:
            aside.append(entry)

    for waiting in tracked.aside:
        if remembered := waiting.memory.get(version):
            live.append(_Live(remembered, waiting.memory))
        else:
            settle(replace(waiting, envelope=grown(waiting.envelope, changes)))
    for entry in tracked.live:
        finding = entry.finding
        if remembered := entry.memory.get(version):
            live.append(_Live(remembered, entry.memory))
            continue
        fixed = _is_fixed(finding, tracked.text, text_after)
        moved = None if fixed else move_finding(finding, changes)
        if moved and _is_whole(finding, moved):
            live.append(entry if moved is finding else _Live(moved, entry.memory))
            continue
        if isinstance(finding.fix, Checking):
            # Nobody will hear of the end of these checks, which are of an older text.
            finding = replace(finding, fix=Withheld(finding.title, EDITED))
        memory = _remember(entry.memory, tracked.text, finding)
        if moved:
            live.append(_Live(moved, memory))
            continue
        block = lines_before().full(finding.span)
        # A linter's place may take in the last line's end too.
        block = replace(block, end=max(block.end, finding.span.end))
        # A fix may leave the finding's own lines as they were; only undoing it brings it back.
        code = "" if fixed else tracked.text[block.start : block.end]
        settle(_Aside(finding, block, code, grown(block, changes), memory))
    return Tracked(text_after, _in_order(live), tuple(aside[-ASIDE_LIMIT:]))


def add(tracked: Tracked, findings: Iterable[Finding]) -> Tracked:
    """`tracked` with `findings` too; each replaces what has the same id.

    Raises ValueError for one that is not true of `tracked.text`.
    """
    fresh = {finding.id: finding for finding in findings}
    for finding in fresh.values():
        if not _is_true(finding, tracked.text):
            raise ValueError(f"The finding {finding.id} ({finding.rule}) is not of this text.")
    # A review brings its findings one by one, so this must not cost much for each that is known.
    live = [entry for entry in tracked.live if entry.finding.id not in fresh]
    aside = tuple(entry for entry in tracked.aside if entry.finding.id not in fresh)
    for finding in fresh.values():
        insort(live, _Live(finding, {}), key=_order)
    return Tracked(tracked.text, tuple(live), aside)


def remove(tracked: Tracked, unwanted: Callable[[Finding], bool]) -> Tracked:
    """`tracked` without the findings that `unwanted` says yes to; they do not come back."""
    return Tracked(
        tracked.text,
        tuple(entry for entry in tracked.live if not unwanted(entry.finding)),
        tuple(entry for entry in tracked.aside if not unwanted(entry.finding)),
    )


def move_finding(finding: Finding, changes: Sequence[Change]) -> Finding | None:
    """`finding` of a text, moved to the text after `changes`; None when one touched it.

    A change touches what it overlaps or inserts strictly inside of. A fix that was touched
    while the finding was not is withheld; a touched step of the flow is left out.
    """
    span = moved(finding.span, changes)
    if span is None:
        return None
    fix = _moved_fix(finding.fix, changes) if isinstance(finding.fix, Fix) else finding.fix
    flow = finding.flow
    if flow:
        steps = ((moved(place, changes), message) for place, message in flow)
        flow = tuple((place, message) for place, message in steps if place)
    if span is finding.span and fix is finding.fix and flow == finding.flow:
        return finding
    # Not `replace`, which takes twice as long: each key moves all findings behind it.
    return Finding(
        finding.id,
        finding.rule,
        finding.focus,
        finding.severity,
        finding.confidence,
        span,
        finding.code,
        finding.title,
        finding.message,
        finding.sources,
        finding.author,
        finding.cwes,
        finding.link,
        fix,
        flow,
        finding.refuted,
    )


# --- What is kept of each finding


@dataclass(frozen=True, slots=True)
class _Live:
    finding: Finding
    memory: dict[int, Finding]
    """Version of a text -> the finding as it was in it. Never changed, only replaced."""


@dataclass(frozen=True, slots=True)
class _Aside:
    finding: Finding
    """As it was before it was touched."""
    block: Span
    """Its whole lines, then."""
    code: str
    """What stood there; "": only its memory brings it back."""
    envelope: Span
    """What has become of the block, now: it grows with every edit that touches it."""
    memory: dict[int, Finding]


def _version(text: str) -> int:
    # 64 bits, and a Python string keeps them once they are computed.
    return hash(text)


def _remember(memory: dict[int, Finding], text: str, finding: Finding) -> dict[int, Finding]:
    version = _version(text)
    items = [item for item in memory.items() if item[0] != version]
    return dict([*items, (version, finding)][-MEMORY_LIMIT:])


def _is_true(finding: Finding, text: str) -> bool:
    span = finding.span
    return 0 <= span.start <= span.end and text[span.start : span.end] == finding.code


def _is_whole(before: Finding, after: Finding) -> bool:
    """Whether nothing of a finding was lost when it moved."""
    return type(before.fix) is type(after.fix) and len(before.flow) == len(after.flow)


def _is_fixed(finding: Finding, text: str, text_after: str) -> bool:
    """Whether the change was the finding's own fix."""
    if not isinstance(finding.fix, Fix):
        return False
    edits = finding.fix.edits
    growth = sum(len(edit.new_text) - (edit.span.end - edit.span.start) for edit in edits)
    return (
        len(text) + growth == len(text_after)
        # Fixes of one rule are of one length, and the whole text is not copied for each of them.
        and all(text_after.startswith(edit.new_text, edit.span.start) for edit in edits[:1])
        and apply(text, edits) == text_after
    )


def _returned(entry: _Aside, text: str) -> Finding | None:
    """The finding, where its lines stand once in its envelope exactly as they were."""
    if not entry.code.strip():
        return None
    starts: list[int] = []
    start = text.find(entry.code, entry.envelope.start, entry.envelope.end)
    while start >= 0 and len(starts) < 2:
        if _is_whole_lines(text, start, start + len(entry.code)):
            starts.append(start)
        start = text.find(entry.code, start + 1, entry.envelope.end)
    if len(starts) != 1:
        return None
    shift = starts[0] - entry.block.start
    finding = entry.finding
    fix = finding.fix
    if isinstance(fix, Fix):
        # Only the lines are known to be the same again, not what the fix changes elsewhere.
        if all(entry.block.contains(edit.span) for edit in fix.edits):
            edits = (TextEdit(_shifted(edit.span, shift), edit.new_text) for edit in fix.edits)
            fix = replace(fix, edits=tuple(edits))
        else:
            fix = Withheld(fix.title, EDITED)
    return replace(
        finding,
        span=_shifted(finding.span, shift),
        fix=fix,
        flow=tuple(
            (_shifted(place, shift), message)
            for place, message in finding.flow
            if entry.block.contains(place)
        ),
    )


def _is_whole_lines(text: str, start: int, end: int) -> bool:
    starts_line = start == 0 or text[start - 1] in "\r\n"
    return starts_line and (end == len(text) or text[end] in "\r\n" or text[end - 1] in "\r\n")


# --- Moving


def _smallest(text: str, changes: Sequence[Change], text_after: str) -> list[Change]:
    """The changes without what they leave as it was, so that they touch no more than they must."""
    smallest = []
    for change in changes:
        change_trimmed = trim(text, change)
        text = apply_changes(text, [change])
        if change_trimmed.new_text or change_trimmed.span.start < change_trimmed.span.end:
            smallest.append(change_trimmed)
    if text != text_after:
        raise ValueError("The changes do not lead from the tracked text to the text after them.")
    return smallest


def moved(span: Span, changes: Sequence[Change]) -> Span | None:
    """Where a span lies after `changes`, `span` itself if there; None when one touched it."""
    start, end = span.start, span.end
    for change in changes:
        if change.span.end < start or (change.span.end == start < end):
            growth = change.growth
            start, end = start + growth, end + growth
        elif change.span.start < end or change.span.start == start:
            # An empty span is touched at its edge too: two fixes may insert the same import.
            return None
    return span if start == span.start else Span(start, end)


def _moved_fix(fix: Fix, changes: Sequence[Change]) -> Fix | Withheld:
    edits = []
    is_moved = False
    for edit in fix.edits:
        span = moved(edit.span, changes)
        if span is None:
            return Withheld(fix.title, EDITED)
        is_moved = is_moved or span is not edit.span
        edits.append(TextEdit(span, edit.new_text))
    return replace(fix, edits=tuple(edits)) if is_moved else fix


def grown(envelope: Span, changes: Sequence[Change]) -> Span:
    """Where a span lies after `changes`, with all that touched it."""
    start, end = envelope.start, envelope.end
    for change in changes:
        if change.span.end < start:
            start, end = start + change.growth, end + change.growth
        elif change.span.start <= end:
            start = min(start, change.span.start)
            end = max(end, change.span.end) + change.growth
    return Span(start, end)


def _shifted(span: Span, shift: int) -> Span:
    return Span(span.start + shift, span.end + shift)


def _in_order(live: Iterable[_Live]) -> tuple[_Live, ...]:
    return tuple(sorted(live, key=_order))


def _order(entry: _Live) -> tuple[int, int, str]:
    finding = entry.finding
    return finding.span.start, finding.span.end, finding.id
