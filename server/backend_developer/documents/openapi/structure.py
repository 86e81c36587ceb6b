"""Which fields the objects of OpenAPI 2.0, 3.0 and 3.1 have, and whether a description keeps to it.

objects.yml lists them, as https://spec.openapis.org/oas/ has them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ...catalogue import load_yaml
from ...core.text import quoted
from ..report import Report
from ..tree import Node
from .model import Api, Version


def structure(api: Api) -> Iterator[Report]:
    """A field that is missing, unknown or of the wrong type, anywhere."""
    seen: set[tuple[int, str]] = set()
    objects = _objects(api.version)
    stack = [(api.root, "OpenAPI")]
    while stack:
        node, type_ = stack.pop()
        if type_ == "Schema|boolean" and not isinstance(node.value, bool):
            type_ = "Schema"
        if (id(node.value), type_) in seen:
            continue
        seen.add((id(node.value), type_))
        wrong = _wrong(node, type_)
        if wrong:
            where = node.place if node.members or node.elements or not node.raw else node.span
            yield Report(where, wrong)
            continue
        if type_[0] == "[":
            stack += [(item, type_[1:-1]) for item in node.elements]
        elif type_[0] == "{":
            stack += [
                (child, type_[1:-1])
                for key, child in node.members.items()
                if not key.startswith("x-")
            ]
        elif type_ in objects and "$ref" not in node.members:
            yield from _fields(node, type_, objects[type_], api.version)
            stack += [
                (child, field.type)
                for key, child in node.members.items()
                if (field := objects[type_].get(key) or _pattern_field(type_, key)) is not None
            ]


@dataclass(frozen=True, slots=True)
class _Field:
    type: str
    is_required: bool


def _fields(
    node: Node, type_: str, fields: Mapping[str, _Field], version: Version
) -> Iterator[Report]:
    name = _spaced(type_)
    for key, field in fields.items():
        if field.is_required and key not in node.members:
            yield Report(node.place, f"{name} lacks `{key}`, which OpenAPI {version} requires.")
    if type_ == "Parameter" and version == "2.0":
        missing = "schema" if node.text_at("in") == "body" else "type"
        if missing not in node.members and "in" in node.members:
            yield Report(node.place, f"{name} lacks `{missing}`, which OpenAPI 2.0 requires.")
    elif type_ in ("Parameter", "Header") and version != "2.0":
        if not {"schema", "content"} & node.members.keys():
            yield Report(node.place, f"{name} says nothing of its type: add a `schema`.")
        elif {"schema", "content"} <= node.members.keys():
            yield Report(
                node.members["content"].place, "Keep one of `schema` and `content`, not both."
            )
    elif type_ == "SecurityScheme":
        required = _SCHEME_FIELDS.get((version == "2.0", node.text_at("type")), ())
        for key in required:
            if key not in node.members:
                kind = node.text_at("type")
                yield Report(node.place, f"{name} of type {kind} lacks `{key}`.")
    elif (
        type_ == "OpenAPI"
        and version == "3.1"
        and not {"paths", "webhooks", "components"} & node.members.keys()
    ):
        yield Report(node.place, "The description has neither paths, webhooks nor components.")
    if type_ in _OPEN and (type_ != "Schema" or version == "3.1"):
        return
    for key, child in node.members.items():
        known = key in fields or key.startswith("x-") or _pattern_field(type_, key) is not None
        if not known and not (type_ == "Schema" and key in _REPORTED_ELSEWHERE):
            close = get_close_matches(key, fields, 1)
            hint = f" Did you mean `{close[0]}`?" if close else " Correct or remove it."
            yield Report(
                child.place,
                f"{name} has no field `{quoted(key)}` in OpenAPI {version}.{hint}",
            )


def _pattern_field(type_: str, key: str) -> _Field | None:
    if type_ == "Responses" and (key == "default" or re.fullmatch(r"[1-5](?:[0-9]{2}|XX)", key)):
        return _Field("Response", False)
    if type_ == "Paths" and key.startswith("/"):
        return _Field("PathItem", False)
    if type_ == "Callback":
        return _Field("PathItem", False)
    if type_ == "SecurityRequirement":
        return _Field("[string]", False)
    return None


def _wrong(node: Node, type_: str) -> str:
    """What is wrong with the type of a value, a sentence, or ""."""
    value = node.value
    # A tool that puts a description together follows references anywhere.
    if type_ == "any" or node.text_at("$ref"):
        return ""
    if type_[0] == "[":
        return "" if isinstance(value, list) else "A list is expected here."
    if type_ == "string":
        # A date or a number that somebody forgot to quote is what YAML makes of it.
        return "" if isinstance(value, str) else "A text is expected here: put it in quotes."
    if type_ == "number":
        return "" if node.number is not None else "A number is expected here."
    if type_ == "boolean":
        return "" if isinstance(value, bool) else "true or false is expected here."
    if type_ == "types":
        return _wrong_types(node)
    if type_ == "Schema|boolean":
        return ""
    if "/" in type_:
        allowed = type_.split("/")
        if node.text in allowed:
            return ""
        return f"One of {', '.join(allowed)} is expected here."
    return "" if isinstance(value, dict) else "An object with fields is expected here."


def _wrong_types(node: Node) -> str:
    names = [node] if node.text else node.elements
    known = {"array", "boolean", "integer", "number", "object", "string", "null"}
    if names and all(name.text in known for name in names):
        return ""
    return f"One of {', '.join(sorted(known))} is expected here."


def _spaced(type_: str) -> str:
    """`PathItem` -> "This path item"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type_)
    return "The description" if type_ == "OpenAPI" else f"This {spaced.lower()}"


@functools.cache
def _objects(version: Version) -> Mapping[str, Mapping[str, _Field]]:
    tables = load_yaml(_TABLE_FILE.read_text(encoding="utf-8"))
    shared = {} if version == "2.0" else tables["shared"]
    objects: dict[str, dict[str, _Field]] = {}
    for name, fields in (*shared.items(), *tables[version].items()):
        entry = objects.setdefault(name, {})
        for field in filter(None, fields.split(", ")):
            key, type_ = field.split()
            entry[key.rstrip("!")] = _Field(type_, key.endswith("!"))
    return objects


_TABLE_FILE = Path(__file__).with_name("objects.yml")
_OPEN = frozenset({"Example", "Callback", "Schema", "SecurityRequirement", "Scopes", "Any"})
"""Objects whose fields are not all known."""
_REPORTED_ELSEWHERE = frozenset({"anyOf", "oneOf", "const", "examples", "$schema", "$id"})
_SCHEME_FIELDS = {
    (False, "apiKey"): ("name", "in"),
    (False, "http"): ("scheme",),
    (False, "oauth2"): ("flows",),
    (False, "openIdConnect"): ("openIdConnectUrl",),
    (True, "apiKey"): ("name", "in"),
    (True, "oauth2"): ("flow", "scopes"),
}
