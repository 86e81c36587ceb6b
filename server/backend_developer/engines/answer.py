"""The form of a model's answer: its JSON Schema, its description in words, and its reading.

The schema is the one source. Its order is the order of writing: a finding
starts with the quote, then says what is wrong there, and only then names the
rule and the severity, so that these follow from the reasoning.

Nothing in it depends on the code: another schema would mean another grammar to
compile and a missed prompt cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import get_args

from ..core.model import (
    CONFIDENCES,
    FOCUSES,
    SEVERITIES,
    Focus,
    Needs,
    Proposal,
    ProposedFix,
    Quote,
    SearchReplace,
    Step,
    Verdict,
)
from .schema import (
    Schema,
    array_of,
    choice_in,
    elements,
    integer,
    members,
    nullable,
    object_of,
    positive,
    string_in,
    text,
)

MAXIMUM_ENUM = 100
"""With more rule ids than this the schema takes any text, and only the list in the prompt binds."""

OTHER = "other"
"""The rule of a finding that no entry of the catalogue fits."""

NEEDS: tuple[Needs, ...] = get_args(Needs)


def answer_schema(rule_ids: Iterable[str], focuses: Sequence[Focus]) -> Schema:
    """The closed JSON Schema of an answer that may name these rules and focuses.

    Every member has a description, which `describe` turns into words.
    """
    ids = [*rule_ids, OTHER]
    finding = object_of(
        quote=text(
            "the offending expression itself, copied from the code character for character "
            "without the line numbers; no longer than it must be to be found once"
        ),
        line=integer("the number of the line on which the quote begins"),
        message=text(
            "what is wrong here and what it leads to, in one to three sentences of Markdown "
            "that name the input, the operation and the consequence"
        ),
        flow=array_of(
            "the way from the source to the quote, in order, at most five steps; "
            "empty when one place says it all",
            object_of(
                quote=text("the expression, copied in the same way"),
                line=integer("the number of its line"),
                message=text("what happens here, in a few words"),
            ),
        ),
        rule=text(
            f'the id of the rule that fits best, from the list of rules; "{OTHER}" if none does',
            ids if len(ids) <= MAXIMUM_ENUM else None,
        ),
        focus=text("what the finding is about", focuses),
        severity=text(
            "error: can be exploited, loses data or breaks callers; warning: will hurt in "
            "production; information: worth knowing; hint: a matter of taste",
            SEVERITIES,
        ),
        confidence=text(
            "high: shown by the code you see; medium: likely; low: depends on code you do not see",
            CONFIDENCES,
        ),
        cwes=array_of(
            "CWE numbers, the most fitting first; empty when none fits", {"type": "integer"}
        ),
        fix=nullable(
            "a change that repairs it completely; null where no local change does, "
            "which is a good answer",
            object_of(
                title=text("what the change does, in the imperative, at most eight words"),
                needs=text(
                    "what a person must do besides: none, change a setting, migrate data, edit "
                    "a template, add a dependency",
                    NEEDS,
                ),
                edits=array_of(
                    "all replacements of the change, imports included; they do not overlap",
                    object_of(
                        file=nullable(
                            "null for the reviewed file, else a path relative to the workspace",
                            {"type": "string"},
                        ),
                        old=text(
                            "the text to replace, copied from the code character for character, "
                            "long enough to stand there only once"
                        ),
                        new=text("what stands there afterwards; empty deletes"),
                        line=integer("the number of the line on which the old text begins"),
                    ),
                ),
            ),
        ),
    )
    return object_of(
        findings=array_of(
            "every problem that the code shows, the worst first; empty when there is none", finding
        ),
        evidence=array_of("one judgement for each finding of the evidence", _verdict()),
    )


def verdict_schema() -> Schema:
    """The closed JSON Schema of a second look: a judgement for each finding, and nothing else."""
    return object_of(
        evidence=array_of("one judgement for each finding, in their order", _verdict())
    )


def read_finding(
    value: object, source: str, path: str = "", restore: Callable[[str], str] = str
) -> Proposal:
    """The claim in one element of "findings", whatever it is: this never fails.

    `path` is the reviewed file as the prompt named it; `restore` puts secrets
    back into what was copied from the code. What cannot be understood becomes
    something that validation rejects with a reason (an empty quote, an empty
    old text), so that a bad element costs no other one and is not lost silently.
    """
    item = members(value)
    return Proposal(
        where=_quote(item, restore),
        rule=string_in(item, "rule") or OTHER,
        message=string_in(item, "message"),
        source=source,
        author="agent",
        confidence=choice_in(item, "confidence", CONFIDENCES) or "medium",
        severity=choice_in(item, "severity", SEVERITIES),
        focus=choice_in(item, "focus", FOCUSES),
        cwes=tuple(
            dict.fromkeys(number for cwe in elements(item, "cwes") if (number := positive(cwe)))
        ),
        fix=_fix(item.get("fix"), path, restore),
        flow=tuple(
            Step(_quote(step, restore), string_in(step, "message"))
            for step in map(members, elements(item, "flow"))
            if string_in(step, "quote")
        ),
    )


def read_verdict(value: object) -> Verdict | None:
    """The judgement in one element of "evidence"; None when it has no id or no verdict."""
    item = members(value)
    finding_id, refuted = string_in(item, "id"), item.get("refuted")
    if not finding_id or not isinstance(refuted, bool):
        return None
    return Verdict(finding_id, refuted, string_in(item, "reason"))


# --- Reading


def _fix(value: object, path: str, restore: Callable[[str], str]) -> ProposedFix | None:
    if value is None:
        return None
    item = members(value)
    return ProposedFix(
        title=string_in(item, "title") or "Change the code as proposed",
        edits=tuple(read_edit(members(edit), path, restore) for edit in elements(item, "edits")),
        # A need that we cannot read is still a need.
        needs=choice_in(item, "needs", NEEDS) or ("setting" if item.get("needs") else "none"),
    )


def read_edit(
    item: Mapping[str, object], path: str, restore: Callable[[str], str]
) -> SearchReplace:
    new = item.get("new")
    if not isinstance(new, str):
        # A missing text is no deletion.
        return SearchReplace(old="", new="")
    file = string_in(item, "file")
    return SearchReplace(
        old=restore(string_in(item, "old")),
        new=restore(string_in(item, "new")),
        file=file if file and file != path else None,
        line=positive(item.get("line")),
    )


def _quote(item: Mapping[str, object], restore: Callable[[str], str]) -> Quote:
    return Quote(restore(string_in(item, "quote")), positive(item.get("line")))


def _verdict() -> Schema:
    return object_of(
        id=text("the id of the finding"),
        reason=text("why it is right or wrong here, in one sentence"),
        refuted={"type": "boolean", "description": "true when it is a false alarm here"},
    )
