"""Which code actions are offered at a place in a document. Pure, and quick: asked at each cursor
move, so it looks at what is stored and at nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeGuard

from .core.comments import ignore_comment
from .core.edits import merge_all
from .core.model import Checking, Document, Finding, Fix, Needs, Span, TaskDefinition, TextEdit
from .core.text import Lines

REVIEW_COMMAND = "backend-developer.review"
CHANGE_COMMAND = "backend-developer.change"
DISMISS_COMMAND = "backend-developer.dismiss"
ALLOW_COMMAND = "backend-developer.allowDependency"
NARROW_COMMAND = "backend-developer.narrow"
REFINE_COMMAND = "backend-developer.refine"
DISCARD_COMMAND = "backend-developer.discard"

QUICK_FIX = "quickfix"
REVIEW = "refactor.backend-developer.review"
"""VS Code lists no `source.*` action under its plain code-action key, so a review is a
`refactor`: every client asks for those, and `only: ["refactor"]` finds it."""
CHANGE = "refactor.backend-developer.change"
FIX_ALL = "source.fixAll.backend-developer"
"""Only for who asks for it, as with fix on save."""
KINDS = (QUICK_FIX, REVIEW, CHANGE, FIX_ALL)
FIX_TASK = "fix-finding"
"""The task that repairs one finding."""

AT_ONCE = 20
"""Of so many findings each has actions of its own where a selection has more: a menu of thousands
is read by nobody, and takes a tenth of a second to make."""

Scope: TypeAlias = Literal["here", "file", "everywhere"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can pick: an edit of the document, or a command."""

    title: str
    kind: str
    edits: tuple[TextEdit, ...] = ()
    confirm: str = ""
    """Why a person should look before the edit is made; "" when there is no need."""
    command: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    """What it is about."""
    is_fix: bool = False
    """Whether it is the checked fix of the one finding that it is about."""
    preferred: bool = False
    generated: bool = False
    """A model wrote the edit."""
    group: str = ""
    """Under which word a menu lists it; "" for none."""

    @property
    def about(self) -> str:
        """With its title, what it is known by while the text changes: its first finding's id."""
        return self.findings[0].id if self.findings else ""


def offered(
    document: Document,
    lines: Lines,
    findings: Sequence[Finding],
    span: Span,
    *,
    only: Sequence[str] | None,
    place: Mapping[str, object],
    reviews: Iterable[tuple[TaskDefinition, str]],
    changes: Iterable[tuple[TaskDefinition, str]] = (),
    fixes_by: str = "",
    can_dismiss: bool,
) -> list[Action]:
    """The actions for `span`, most wanted first.

    `findings` are those of the whole document that the person sees, in text
    order, true of `document`. Where a selection has more than AT_ONCE of them, each but the first
    ones is only in what fixes all of its rule. `only` is what the client asked for: a kind
    stands for all below it. `place` is the span as a command's arguments say it, `reviews` are
    the tasks, each with who does it and what that may cost, and so are `changes`. `fixes_by`
    says who may be asked for a fix; "": nobody. `can_dismiss`: there is a folder to remember it
    in.
    """
    all_here = _findings_at(span, findings, lines)
    here = all_here[:AT_ONCE]
    actions = [
        *_fixes(here),
        *_fix_all_of_a_rule(all_here, findings),
        *(
            Action(
                f"{task.title} ({by_whom})",
                REVIEW,
                command=REVIEW_COMMAND,
                arguments={**place, "task": task.name},
            )
            for task, by_whom in reviews
        ),
        *(
            Action(
                f"{task.title} ({by_whom})",
                CHANGE,
                command=CHANGE_COMMAND,
                arguments={**place, "task": task.name} | ({"asks": task.asks} if task.asks else {}),
                group=task.group,
            )
            for task, by_whom in changes
        ),
        *(_asked_for_a_fix(here, place, fixes_by) if fixes_by else ()),
        *_dismissals(document, lines, here, can_dismiss),
    ]
    if only is None:
        return actions
    if any(is_below(FIX_ALL, kind) for kind in only if kind):
        actions += _fix_all(findings)
    return [action for action in actions if any(is_below(action.kind, kind) for kind in only)]


def offered_again(
    title: str,
    kind: str,
    about: str,
    document: Document,
    lines: Lines,
    findings: Sequence[Finding],
) -> Action | None:
    """The action of that title about that finding, with its edits for `document` as it is now.

    None: the document has changed so that it is not offered any more.
    """
    span = next((finding.span for finding in findings if finding.id == about), Span(0, 0))
    actions = offered(
        document,
        lines,
        findings,
        span,
        only=[kind],
        place={},
        reviews=(),
        can_dismiss=False,
    )
    wanted = (title, about)
    return next((action for action in actions if (action.title, action.about) == wanted), None)


def safe_edits(findings: Iterable[Finding]) -> tuple[TextEdit, ...]:
    """The edits of all fixes that need nobody to look at them, and that go together.

    They are deterministic rules' fixes. Of two that overlap the first is taken; edits that
    several fixes share, such as an import, are made once.
    """
    edits, _ = merge_all([one.fix.edits for one in findings if _is_safe(one.fix)])
    return edits


def _fixes(here: Iterable[Finding]) -> list[Action]:
    actions = [
        Action(
            " ".join(filter(None, [finding.fix.title, _said_in_title(finding.fix)])),
            QUICK_FIX,
            edits=finding.fix.edits,
            confirm=_confirm(finding.fix),
            findings=(finding,),
            is_fix=True,
            preferred=_is_safe(finding.fix),
            generated=finding.fix.author == "agent",
        )
        for finding in here
        if isinstance(finding.fix, Fix)
    ]
    return sorted(actions, key=lambda action: action.generated)


def _asked_for_a_fix(
    here: Iterable[Finding], place: Mapping[str, object], by_whom: str
) -> list[Action]:
    return [
        Action(
            f"Ask for a fix of {_name_of(finding)} ({by_whom})",
            QUICK_FIX,
            command=CHANGE_COMMAND,
            arguments={**place, "task": FIX_TASK, "finding": finding.id},
            findings=(finding,),
        )
        for finding in here
        if not isinstance(finding.fix, Fix | Checking) and not finding.refuted
    ]


def _fix_all_of_a_rule(here: Iterable[Finding], findings: Sequence[Finding]) -> list[Action]:
    actions = []
    for first in {finding.rule: finding for finding in here if _is_safe(finding.fix)}.values():
        same = [one for one in findings if one.rule == first.rule and _is_safe(one.fix)]
        if len(same) > 1:
            title = f"Fix all {first.rule} in this file"
            actions.append(Action(title, QUICK_FIX, edits=safe_edits(same), findings=(first,)))
    return actions


def _fix_all(findings: Sequence[Finding]) -> list[Action]:
    edits = safe_edits(findings)
    return [Action("Fix all safe backend-developer findings", FIX_ALL, edits)] if edits else []


def _dismissals(
    document: Document, lines: Lines, here: Iterable[Finding], can_dismiss: bool
) -> list[Action]:
    choices: tuple[tuple[Scope, str, str], ...] = (
        ("here", "here: false positive", "false positive"),
        ("here", "here: accepted risk", "accepted risk"),
        ("file", "in this file", "not for this file"),
        ("everywhere", "everywhere", "not for this project"),
    )
    actions = []
    for finding in here:
        is_named = finding.rule != "other"
        name = _name_of(finding)
        if can_dismiss:
            actions += [
                Action(
                    f"Dismiss {name} {title}",
                    QUICK_FIX,
                    command=DISMISS_COMMAND,
                    arguments={
                        "uri": document.uri,
                        "id": finding.id,
                        "scope": scope,
                        "reason": reason,
                    },
                    findings=(finding,),
                )
                for scope, title, reason in choices
                # Findings that the catalogue has no rule for have nothing in common.
                if is_named or scope == "here"
            ]
        if comment := ignore_comment(document, lines, finding):
            actions.append(
                Action(
                    f"Dismiss {name} with a comment",
                    QUICK_FIX,
                    edits=(comment,),
                    findings=(finding,),
                )
            )
    return actions


def _name_of(finding: Finding) -> str:
    """What the catalogue does not name goes by its own words."""
    return finding.rule if finding.rule != "other" else f"“{finding.title}”"


_NEEDS: Mapping[Needs, str] = {
    "setting": "a setting must be made too",
    "migration": "a database migration is needed too",
    "template": "a template must be changed too",
    "dependency": "a dependency must be installed",
}


def _said_in_title(fix: Fix) -> str:
    """Clients that cannot ask apply an edit at once, so that what it takes stands in its title."""
    reason = _confirm(fix)
    return f"({reason})" if reason else ""


def _confirm(fix: Fix) -> str:
    if fix.needs == "none" and not fix.out_of_scope:
        return ""  # As of most; what fixes all of a rule asks this of hundreds.
    outside = "changes code outside the selection" if fix.out_of_scope else ""
    return "; ".join(filter(None, [_NEEDS.get(fix.needs, ""), outside]))


def _is_safe(fix: object) -> TypeGuard[Fix]:
    """Whether a person can take the fix without reading it."""
    return isinstance(fix, Fix) and fix.author == "local" and not _confirm(fix)


def _findings_at(span: Span, findings: Sequence[Finding], lines: Lines) -> list[Finding]:
    """Those that `span` touches; for a cursor that touches none, those of its line.

    Some editors send one character where nothing is selected.
    """
    here = [finding for finding in findings if _touches(finding.span, span)]
    if here or span.end - span.start > 1:
        return here
    line = lines.line_of(span.start)
    whole_line = Span(lines.start(line), lines.end(line))
    return [finding for finding in findings if _touches(finding.span, whole_line)]


def _touches(one: Span, other: Span) -> bool:
    """Whether they share a character or touch: a cursor just behind a finding is still at it."""
    return one.start <= other.end and other.start <= one.end


def is_below(kind: str, asked: str) -> bool:
    """Whether `asked` is `kind` or one of its parents; "" is the parent of all but `source`."""
    if not asked:
        return not kind.startswith("source")
    return kind == asked or kind.startswith(f"{asked}.")
