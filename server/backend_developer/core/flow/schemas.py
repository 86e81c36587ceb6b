"""Schemas: `z.object({id: z.uuid()}).parse(input)` gives an `id` that is harmless."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..arguments import Given
from ..harmless import is_restrictive
from ..knowledge import ALL, OBJECT_KINDS, Validates
from ..states import State
from ..values import KNOWN, NOTHING, UNKNOWN, Cleared, Label, Value, cleared_for, element, part
from .analysis import Analysis

_ASKING = frozenset(["validate", "safeParse", "safeParseAsync"])
"""Of validators: they give an answer that holds the value."""


def validated_data(
    analysis: Analysis, effect: Validates, name: str, given: Given, path: str, state: State
) -> Value:
    data = given.positional[0] if given.positional else UNKNOWN
    schema = given.receiver or UNKNOWN
    if not analysis.knowledge.schemas.makers.match(schema.path) or schema.fields is None:
        schema = given.positional[1] if len(given.positional) > 1 else schema
    analysis.clear(data, effect.clears, state)
    for key, one in (schema.fields or {}).items():
        analysis.clear(part(data, key), schema_kinds(analysis, one.path), state)
    value = _conforming(analysis, data, schema, effect.clears)._replace(path=path)
    if name in _ASKING:
        answers = {"value": value, "data": value, "error": KNOWN, "errors": KNOWN}
        value = value._replace(fields={**answers, "success": KNOWN, **(value.fields or {})})
    return value


def described_schema(analysis: Analysis, name: str, given: Given, path: str) -> Value:
    """The description of valid values that a call makes: its keys, and its names as a path."""
    receiver, first = given.receiver, given.positional[0] if given.positional else KNOWN
    is_first = receiver is None or not receiver.path.endswith("()")
    fields = None if is_first or receiver is None else receiver.fields
    makers = analysis.knowledge.schemas.makers
    if first.fields is not None and all(makers.match(one.path) for one in first.fields.values()):
        fields = {**(fields or {}), **first.fields}
    elif makers.match(first.path):
        fields = {"0": first}
    if is_restrictive(str(first.constant or ""), False, False):
        path = f"{path}.listed()"
    constant = first.constant if is_first or receiver is None else receiver.constant
    return Value(is_known=True, constant=constant, path=path, fields=fields)


def schema_kinds(analysis: Analysis, path: str) -> Cleared:
    """What a value is safe for that such a schema has let through."""
    schemas = analysis.knowledge.schemas
    if not schemas.makers.match(path):
        return NOTHING
    names = re.findall(r"([\w$]+)\(\)", path)
    if any(schemas.harmless.fullmatch(one) for one in names):
        return ALL
    return OBJECT_KINDS if any(schemas.texts.fullmatch(one) for one in names) else NOTHING


def note_checks(analysis: Analysis, given: Given) -> None:
    """What validators check that are given to the framework together with a handler."""
    handlers = [one.function for one in given.positional if one.function is not None]
    inner = [one.fields.get("handler", KNOWN) for one in given.positional if one.fields]
    handlers += [one.function for one in inner if one.function is not None]
    if not handlers:
        return
    checks = [check for one in given.positional for check in _checks_of(analysis, one)]
    if given.receiver is not None:
        checks += _described(analysis, given.receiver)
    for handler in handlers if checks else ():
        analysis.prechecked.setdefault(id(handler.function), []).extend(checks)


def _conforming(
    analysis: Analysis, data: Value, schema: Value, otherwise: Cleared, depth: int = 0
) -> Value:
    """The data after the schema has let it through."""
    kinds = schema_kinds(analysis, schema.path)
    if "*" in kinds:
        return KNOWN
    if schema.fields and analysis.knowledge.schemas.makers.match(schema.path) and depth < 4:
        if schema.fields.keys() == {"0"}:
            one = _conforming(analysis, element(data), schema.fields["0"], otherwise, depth + 1)
            return Value(is_known=True, fields={"0": one})
        fields = {
            key: _conforming(analysis, part(data, key), one, otherwise, depth + 1)
            for key, one in schema.fields.items()
        }
        return Value(is_known=True, fields=fields)
    return cleared_for(data, otherwise | kinds)


def _checks_of(analysis: Analysis, value: Value) -> Iterable[tuple[Label, Cleared]]:
    schemas = analysis.knowledge.schemas
    start = value.path.partition("(")[0]
    kinds = schema_kinds(analysis, value.path)
    if start in schemas.inputs and isinstance(value.constant, str) and kinds:
        if not any(map(schemas.enforcers.fullmatch, analysis.module_state.variables)):
            return
        for root in schemas.inputs[start]:
            yield Label("input", root, tuple(value.constant.split(".")[:3])), kinds
    elif not value.path and value.fields is not None:
        if "schema" in value.fields:
            yield from _described(analysis, value.fields["schema"])
        elif all(key.isdigit() for key in value.fields):
            for one in value.fields.values():
                yield from _checks_of(analysis, one)


def _described(analysis: Analysis, schema: Value) -> Iterable[tuple[Label, Cleared]]:
    """By a JSON schema of the parts of a request, as Fastify has it, or schemas of others."""
    for name, root in analysis.knowledge.schemas.inputs.items():
        described = part(schema, name) if "." not in name else KNOWN
        properties = part(described, "properties").fields or described.fields
        for key, one in (properties or {}).items():
            kinds = _described_kinds(one) | schema_kinds(analysis, one.path)
            if kinds:
                yield Label("input", root[0], (key,)), kinds


def _described_kinds(schema: Value) -> Cleared:
    """What a value is safe for that a JSON schema lets through."""
    fields = schema.fields or {}

    def text(key: str) -> str:
        return str(fields[key].constant) if key in fields else ""

    if "enum" in fields or text("type") in ("integer", "number", "boolean"):
        return ALL
    if text("format") in ("uuid", "date", "date-time", "ipv4") or (
        text("pattern") and is_restrictive(text("pattern"), False, False)
    ):
        return ALL
    return OBJECT_KINDS if text("type") == "string" else NOTHING
