"""The form of a model's answer: its JSON Schema, its description in words, and its reading.

The schema is the one source. Its order is the order of writing: a finding
starts with the quote, then says what is wrong there, and only then names the
rule and the severity, so that these follow from the reasoning.

Limits of structured outputs that the schema keeps to: every object closed and
every member required (at most 24 may be optional), at most 16 members of a
union type (we have 2), no minimum, pattern or length, no recursion. Large
enumerations make the compiled grammar too large, hence MAXIMUM_ENUM. Nothing
in it depends on the code: another schema would mean another grammar to
compile and a missed prompt cache.
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar, get_args

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

Schema: TypeAlias = dict[str, Any]

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
    finding = _object(
        quote=_text(
            "the offending expression itself, copied from the code character for character "
            "without the line numbers; no longer than it must be to be found once"
        ),
        line=_integer("the number of the line on which the quote begins"),
        message=_text(
            "what is wrong here and what it leads to, in one to three sentences of Markdown "
            "that name the input, the operation and the consequence"
        ),
        flow=_array(
            "the way from the source to the quote, in order, at most five steps; "
            "empty when one place says it all",
            _object(
                quote=_text("the expression, copied in the same way"),
                line=_integer("the number of its line"),
                message=_text("what happens here, in a few words"),
            ),
        ),
        rule=_text(
            f'the id of the rule that fits best, from the list of rules; "{OTHER}" if none does',
            ids if len(ids) <= MAXIMUM_ENUM else None,
        ),
        focus=_text("what the finding is about", focuses),
        severity=_text(
            "error: can be exploited, loses data or breaks callers; warning: will hurt in "
            "production; information: worth knowing; hint: a matter of taste",
            SEVERITIES,
        ),
        confidence=_text(
            "high: shown by the code you see; medium: likely; low: depends on code you do not see",
            CONFIDENCES,
        ),
        cwes=_array(
            "CWE numbers, the most fitting first; empty when none fits", {"type": "integer"}
        ),
        fix=_nullable(
            "a change that repairs it completely; null where no local change does, "
            "which is a good answer",
            _object(
                title=_text("what the change does, in the imperative, at most eight words"),
                needs=_text(
                    "what a person must do besides: none, change a setting, migrate data, edit "
                    "a template, add a dependency",
                    NEEDS,
                ),
                edits=_array(
                    "all replacements of the change, imports included; they do not overlap",
                    _object(
                        file=_nullable(
                            "null for the reviewed file, else a path relative to the workspace",
                            {"type": "string"},
                        ),
                        old=_text(
                            "the text to replace, copied from the code character for character, "
                            "long enough to stand there only once"
                        ),
                        new=_text("what stands there afterwards; empty deletes"),
                        line=_integer("the number of the line on which the old text begins"),
                    ),
                ),
            ),
        ),
    )
    return _object(
        findings=_array(
            "every problem that the code shows, the worst first; empty when there is none", finding
        ),
        evidence=_array("one judgement for each finding of the evidence", _verdict()),
    )


def verdict_schema() -> Schema:
    """The closed JSON Schema of a second look: a judgement for each finding, and nothing else."""
    return _object(evidence=_array("one judgement for each finding, in their order", _verdict()))


def without_descriptions(schema: Schema) -> Schema:
    """What is sent as the output format: the prompt has the descriptions already."""
    bare = {key: value for key, value in schema.items() if key != "description"}
    if "properties" in bare:
        members = bare["properties"].items()
        bare["properties"] = {name: without_descriptions(member) for name, member in members}
    if "items" in bare:
        bare["items"] = without_descriptions(bare["items"])
    if "anyOf" in bare:
        bare["anyOf"] = [without_descriptions(variant) for variant in bare["anyOf"]]
    return bare


def describe(schema: Schema) -> str:
    """The schema in words, a nested list in Markdown, one line for each member.

    It goes into every prompt: an endpoint that ignores or refuses the output
    format still gets an answer that can be read.
    """
    return "\n".join(_lines(schema, ""))


def read_finding(
    value: object, source: str, path: str = "", restore: Callable[[str], str] = str
) -> Proposal:
    """The claim in one element of "findings", whatever it is: this never fails.

    `path` is the reviewed file as the prompt named it; `restore` puts secrets
    back into what was copied from the code. What cannot be understood becomes
    something that validation rejects with a reason (an empty quote, an empty
    old text), so that a bad element costs no other one and is not lost silently.
    """
    item = _members(value)
    return Proposal(
        where=_quote(item, restore),
        rule=_string(item, "rule") or OTHER,
        message=_string(item, "message"),
        source=source,
        author="agent",
        confidence=_choice(item, "confidence", CONFIDENCES) or "medium",
        severity=_choice(item, "severity", SEVERITIES),
        focus=_choice(item, "focus", FOCUSES),
        cwes=tuple(
            dict.fromkeys(number for cwe in _elements(item, "cwes") if (number := _positive(cwe)))
        ),
        fix=_fix(item.get("fix"), path, restore),
        flow=tuple(
            Step(_quote(step, restore), _string(step, "message"))
            for step in map(_members, _elements(item, "flow"))
            if _string(step, "quote")
        ),
    )


def read_verdict(value: object) -> Verdict | None:
    """The judgement in one element of "evidence"; None when it has no id or no verdict."""
    item = _members(value)
    finding_id, refuted = _string(item, "id"), item.get("refuted")
    if not finding_id or not isinstance(refuted, bool):
        return None
    return Verdict(finding_id, refuted, _string(item, "reason"))


# --- Reading


def _fix(value: object, path: str, restore: Callable[[str], str]) -> ProposedFix | None:
    if value is None:
        return None
    item = _members(value)
    return ProposedFix(
        title=_string(item, "title") or "Change the code as proposed",
        edits=tuple(_edit(_members(edit), path, restore) for edit in _elements(item, "edits")),
        # A need that we cannot read is still a need.
        needs=_choice(item, "needs", NEEDS) or ("setting" if item.get("needs") else "none"),
    )


def _edit(item: Mapping[str, object], path: str, restore: Callable[[str], str]) -> SearchReplace:
    new = item.get("new")
    if not isinstance(new, str):
        # A missing text is no deletion.
        return SearchReplace(old="", new="")
    file = _string(item, "file")
    return SearchReplace(
        old=restore(_string(item, "old")),
        new=restore(_string(item, "new")),
        file=file if file and file != path else None,
        line=_positive(item.get("line")),
    )


def _quote(item: Mapping[str, object], restore: Callable[[str], str]) -> Quote:
    return Quote(restore(_string(item, "quote")), _positive(item.get("line")))


def _members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _elements(item: Mapping[str, object], key: str) -> list[object]:
    value = item.get(key)
    return value if isinstance(value, list) else []


def _string(item: Mapping[str, object], key: str) -> str:
    value = item.get(key)
    # Halves of surrogate pairs are joined, lone ones replaced: no editor could be sent them.
    joined = value.encode("utf-16", "surrogatepass") if isinstance(value, str) else b""
    return joined.decode("utf-16", "replace")


_Word = TypeVar("_Word", bound=str)


def _choice(item: Mapping[str, object], key: str, words: Sequence[_Word]) -> _Word | None:
    value = _string(item, key).strip().lower()
    return next((word for word in words if word == value), None)


_NUMBER = re.compile(r"(?:CWE-)?(\d{1,9})", re.IGNORECASE)


def _positive(value: object) -> int | None:
    """A whole number from 1, also as 12.0, "12" or "CWE-12"."""
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip())):
        value = int(match[1])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value >= 1 else None


# --- Parts of the schema


def _verdict() -> Schema:
    return _object(
        id=_text("the id of the finding"),
        reason=_text("why it is right or wrong here, in one sentence"),
        refuted={"type": "boolean", "description": "true when it is a false alarm here"},
    )


def _object(**members: Schema) -> Schema:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def _array(description: str, items: Schema) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _text(description: str, words: Sequence[str] | None = None) -> Schema:
    enum = {} if words is None else {"enum": list(words)}
    return {"type": "string", **enum, "description": description}


def _integer(description: str) -> Schema:
    return {"type": "integer", "description": description}


def _nullable(description: str, schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], "description": description}


_SHORT_ENUM = 8
"""A longer choice is not spelled out: the rules have a list of their own in the prompt."""


def _lines(schema: Schema, indent: str) -> Iterable[str]:
    for name, member in schema["properties"].items():
        inner, kind = _kind(member)
        yield f"{indent}- `{name}` ({kind}): {member['description']}."
        if "properties" in inner:
            yield from _lines(inner, indent + "  ")


def _kind(member: Schema) -> tuple[Schema, str]:
    """The schema that may have members of its own, and what kind of value it is, in words."""
    if "anyOf" in member:
        inner, kind = _kind(member["anyOf"][0])
        return inner, f"{kind} or null"
    if member["type"] == "array":
        inner, kind = _kind(member["items"])
        return inner, f"array, each element: {kind}"
    if 0 < len(member.get("enum", ())) <= _SHORT_ENUM:
        return member, "one of " + ", ".join(f'"{word}"' for word in member["enum"])
    return member, member["type"]
