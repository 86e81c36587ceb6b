"""From a Proposal, which is only claimed, to a Finding, which is true of one document.

    anchor    -> Anchored | Rejection   placed in the document, its edits too
    candidate -> Candidate | None       the edits, for the checks that need tools
    conclude  -> Finding                with the fix checked, being checked or withheld

Nothing else makes a Finding from a Proposal.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from .edits import apply, compose, minimal, overlap, place_edit, place_quote
from .fingerprint import fingerprint
from .model import (
    FOCUSES,
    Candidate,
    Checking,
    CheckReport,
    Document,
    Finding,
    Fix,
    Focus,
    Proposal,
    ProposedFix,
    Quote,
    Rejection,
    Replacement,
    Rule,
    Span,
    TextEdit,
    Withheld,
)
from .text import LINE_END, Lines, shortened, visible

MESSAGE_LIMIT = 1_000
"""Characters of a message; what is longer is cut."""
TITLE_LIMIT = 80
"""Characters of a title, of a finding or of a fix."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """A proposal that was placed in `document`.

    `edits` are those of its fix: minimal, in text order, not overlapping, at least one.
    They are empty where there is no fix, or where `finding.fix` says why it is withheld.
    """

    proposal: Proposal
    document: Document
    finding: Finding
    scope: Span
    """The part of the document that was reviewed."""
    edits: tuple[TextEdit, ...] = ()


def anchor(
    proposal: Proposal,
    document: Document,
    lines: Lines,
    scope: Span,
    rules: Mapping[str, Rule],
    relative_path: str,
) -> Anchored | Rejection:
    """`proposal` placed in `document`, or why it becomes no finding.

    `lines` are the document's; `scope` is the part that was reviewed: a place wholly
    outside it is refused. `rules` is the catalogue by id. `relative_path` is the file's,
    relative to the workspace: the finding's identity and the edits' `file` refer to it.
    A fix that cannot be placed never costs the finding: it is withheld with its reason.
    """
    span = _place(proposal.where, document, lines, scope)
    if isinstance(span, str):
        return Rejection(proposal, span)
    if not (scope.overlaps(span) or scope.contains(span)):
        line = lines.line_of(span.start) + 1
        return Rejection(proposal, f"Line {line} is outside the selection: report what is in it.")
    rule = _known_rule(proposal.rule, rules)
    focus = rule.focus if rule else _focus(proposal)
    if focus is None:
        return Rejection(
            proposal,
            f"There is no rule “{proposal.rule}”: use an id of the catalogue,"
            ' or "other" with a focus.',
        )
    message = _plain(proposal.message, MESSAGE_LIMIT) or (rule.why if rule else "")
    if not message:
        return Rejection(proposal, "The message is empty: say what is wrong here.")
    title = rule.title if rule else _first_sentence(message)
    # What the catalogue does not name is told apart by its title.
    identity = rule.id if rule else f"other:{focus}:{title}"
    finding = Finding(
        id=fingerprint(identity, relative_path, lines, span),
        rule=rule.id if rule else "other",
        focus=focus,
        severity=proposal.severity or (rule.severity if rule else "warning"),
        confidence=proposal.confidence,
        span=span,
        code=document.text[span.start : span.end],
        title=title,
        message=message,
        sources=(proposal.source,),
        author=proposal.author,
        cwes=proposal.cwes or (rule.cwes if rule else ()),
        link=rule.link if rule else "",
        flow=_flow(proposal, document, lines, scope),
    )
    if proposal.fix is None:
        return Anchored(proposal, document, finding, scope)
    edits = _edits(proposal.fix, document, lines, span, relative_path)
    if isinstance(edits, str):
        withheld = Withheld(_fix_title(proposal, title), edits)
        return Anchored(proposal, document, replace(finding, fix=withheld), scope)
    return Anchored(proposal, document, replace(finding, fix=Checking()), scope, edits)


def candidate(anchored: Anchored) -> Candidate | None:
    """The fix's edits and the text they lead to, to be checked; None where there are none."""
    if not anchored.edits:
        return None
    finding = anchored.finding
    text_after = apply(anchored.document.text, anchored.edits)
    return Candidate(finding.rule, finding.span, anchored.edits, text_after)


def conclude(anchored: Anchored, report: CheckReport | None) -> Finding:
    """The finding, with its fix as far as `report` says; None: the checks are still running."""
    finding = anchored.finding
    if not anchored.edits or report is None or anchored.proposal.fix is None:
        return finding
    title = _fix_title(anchored.proposal, finding.title)
    if report.problem:
        return replace(finding, fix=Withheld(title, report.problem))
    edits = anchored.edits
    if report.tidying:
        edits = compose(anchored.document.text, edits, report.tidying)
    fix = Fix(
        title=title,
        edits=edits,
        author=anchored.proposal.author,
        needs=anchored.proposal.fix.needs,
        out_of_scope=not all(anchored.scope.contains(edit.span) for edit in edits),
        unchecked=report.unchecked,
    )
    return replace(finding, fix=fix)


# --- Where


def _place(where: Quote | Span, document: Document, lines: Lines, near: Span) -> Span | str:
    text = document.text
    if isinstance(where, Quote):
        return place_quote(text, lines, where, near)
    if not 0 <= where.start <= where.end <= len(text):
        return f"The place {where.start} to {where.end} is outside the text, which has {len(text)}."
    if where.start == where.end and text:
        return f"The place at line {lines.line_of(where.start) + 1} is empty: point at some code."
    return where


def _flow(
    proposal: Proposal, document: Document, lines: Lines, scope: Span
) -> tuple[tuple[Span, str], ...]:
    """The steps that could be placed; a step less costs a reader little."""
    placed = ((_place(step.where, document, lines, scope), step.message) for step in proposal.flow)
    return tuple(
        (span, _plain(message, MESSAGE_LIMIT)) for span, message in placed if isinstance(span, Span)
    )


# --- What


def _known_rule(name: str, rules: Mapping[str, Rule]) -> Rule | None:
    """The rule that `name` means, forgiving case, a wrong or missing focus, and a slip."""
    name = name.strip().lower().replace("_", "-")
    if name in rules or name == "other":
        return rules.get(name)
    last = name.rpartition("/")[2]
    same = [rule for id, rule in rules.items() if id.rpartition("/")[2] == last]
    if len(same) == 1:
        return same[0]
    close = get_close_matches(name, rules, n=1, cutoff=0.92)
    return rules[close[0]] if close else None


def _focus(proposal: Proposal) -> Focus | None:
    """The focus of a proposal that the catalogue has no rule for: said, or its id's first part."""
    prefix = proposal.rule.strip().partition("/")[0]
    return proposal.focus or next((focus for focus in FOCUSES if focus == prefix), None)


_SENTENCE_END = re.compile(r"[.:;!?](?=\s|$)|\n")


def _first_sentence(message: str) -> str:
    sentence = _SENTENCE_END.split(message, maxsplit=1)[0].replace("`", "").strip()
    return shortened(sentence or message.strip(), TITLE_LIMIT)


def _plain(message: str, limit: int) -> str:
    return shortened(visible(message.strip()), limit)


# --- The fix


def _fix_title(proposal: Proposal, title: str) -> str:
    said = " ".join(proposal.fix.title.split()) if proposal.fix else ""
    return _plain(said, TITLE_LIMIT) or f"Fix: {title}"


def _edits(
    fix: ProposedFix, document: Document, lines: Lines, place: Span, relative_path: str
) -> tuple[TextEdit, ...] | str:
    """The fix's edits as Anchored has them, or why it is withheld, in a sentence.

    `place` is the finding's: of equal old texts, the one there is meant.
    """
    text = document.text
    placed: list[TextEdit] = []
    for edit in fix.edits:
        if isinstance(edit, Replacement):
            if not 0 <= edit.span.start <= edit.span.end <= len(text):
                return "An edit of the fix lies outside the text."
            new = LINE_END.sub(lines.line_ending, edit.new)
            placed.append(TextEdit(edit.span, new))
        elif edit.file is not None and not _same_file(edit.file, document, relative_path):
            file = shortened(visible(edit.file), TITLE_LIMIT)
            return f"It changes {file}, and only a change of the reviewed file can be checked."
        else:
            result = place_edit(text, lines, edit, place)
            if isinstance(result, str):
                return result
            placed.append(result)
    smallest = dict.fromkeys(minimal(text, edit) for edit in placed)
    edits = sorted(
        (edit for edit in smallest if edit.new_text or edit.span.start < edit.span.end),
        key=lambda edit: edit.span,
    )
    if not edits:
        return "It changes nothing."
    if overlap(edits):
        return "Its edits overlap, so that the result is not certain: write them as one."
    return tuple(edits)


def _same_file(file: str, document: Document, relative_path: str) -> bool:
    names = (relative_path, document.path)
    return _normal(file) in [_normal(name) for name in names if name]


def _normal(path: str) -> str:
    return posixpath.normpath(path.strip().replace("\\", "/"))
