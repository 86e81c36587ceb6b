"""Closed JSON Schemas, the same in words, and the reading of whatever was answered.

Limits of structured outputs that the schemas keep to: every object closed and every member
required (at most 24 may be optional), at most 16 members of a union type, no minimum, pattern or
length, no recursion. Large enumerations make the compiled grammar too large.
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

Schema: TypeAlias = dict[str, Any]


# --- In words, and bare


def describe(schema: Schema) -> str:
    """The schema in words, a nested list in Markdown, one line for each member.

    It goes into every prompt: an endpoint that ignores or refuses the output
    format still gets an answer that can be read.
    """
    return "\n".join(_lines(schema, ""))


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


# --- Its parts


def object_of(**members: Schema) -> Schema:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def array_of(description: str, items: Schema) -> Schema:
    return {"type": "array", "items": items, "description": description}


def text(description: str, words: Sequence[str] | None = None) -> Schema:
    enum = {} if words is None else {"enum": list(words)}
    return {"type": "string", **enum, "description": description}


def integer(description: str) -> Schema:
    return {"type": "integer", "description": description}


def nullable(description: str, schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], "description": description}


# --- Reading: never fails, whatever was answered


def members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def elements(item: Mapping[str, object], key: str) -> list[object]:
    value = item.get(key)
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """A text where an object may have been asked for."""
    return string_in({"": value}, "")


def string_in(item: Mapping[str, object], key: str) -> str:
    value = item.get(key)
    # Halves of surrogate pairs are joined, lone ones replaced: no editor could be sent them.
    joined = value.encode("utf-16", "surrogatepass") if isinstance(value, str) else b""
    return joined.decode("utf-16", "replace")


_Word = TypeVar("_Word", bound=str)


def choice_in(item: Mapping[str, object], key: str, words: Sequence[_Word]) -> _Word | None:
    value = string_in(item, key).strip().lower()
    return next((word for word in words if word == value), None)


_NUMBER = re.compile(r"(?:CWE-)?(\d{1,9})", re.IGNORECASE)


def positive(value: object) -> int | None:
    """A whole number from 1, also as 12.0, "12" or "CWE-12"."""
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip())):
        value = int(match[1])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value >= 1 else None


# --- Describing


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
