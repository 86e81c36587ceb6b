"""Whether a value that stands in a description, an example or a default, fits its schema.

JSON Schema as far as OpenAPI 2.0, 3.0 and 3.1 have it in common, with their `nullable`, and with
the bounds that are booleans up to 3.0. Keywords that are not known here allow everything.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TypeAlias
from uuid import UUID

from ...core.text import quoted
from ..tree import Node
from .model import Api

Mismatch: TypeAlias = tuple[Node, str]
"""The part of the value that does not fit, and why, a sentence."""

_Known: TypeAlias = "dict[tuple[int, int], list[Mismatch]]"
"""What was found of a schema and a value, by their identities; empty while it is looked for, so
that a schema that leads back to itself ends."""


def mismatches(api: Api, schema: Node, value: Node) -> list[Mismatch]:
    """What of `value` does not fit `schema`, outermost first; references out of it allow all."""
    return _mismatches(api, schema, value, {})


def _mismatches(api: Api, schema: Node, value: Node, known: _Known) -> list[Mismatch]:
    schema = api.resolve(schema)
    key = id(schema.value), id(value.value) if value.members or value.elements else id(value)
    if key not in known:
        known[key] = []
        known[key] = list(_looked_for(api, schema, value, known))
    return known[key]


def _looked_for(api: Api, schema: Node, value: Node, known: _Known) -> Iterator[Mismatch]:
    if schema.value is False:
        yield value, "Nothing is allowed here."
    if not schema.members or ("$ref" in schema.members and api.version != "3.1"):
        return
    if value.value is None and _is_nullable(api, schema):
        return
    if wrong := _wrong_type(schema, value):
        yield value, wrong
        return
    yield from _wrong_value(api, schema, value)
    if value.number is not None:
        yield from _wrong_number(schema, value)
    elif isinstance(value.value, str):
        yield from _wrong_text(schema, value)
    elif isinstance(value.value, list):
        yield from _wrong_list(api, schema, value, known)
    elif isinstance(value.value, dict):
        yield from _wrong_object(api, schema, value, known)
    yield from _wrong_combination(api, schema, value, known)


def _is_nullable(api: Api, schema: Node) -> bool:
    nullable = schema.get("nullable") or schema.get("x-nullable")
    return nullable is not None and nullable.value is True and api.version != "3.1"


def _wrong_type(schema: Node, value: Node) -> str:
    type_ = schema.get("type")
    if type_ is None:
        return ""
    names = [type_.text] if type_.text else [item.text for item in type_.elements]
    if not names or not all(name in _IS_A for name in names) or any(map(_is(value), names)):
        return ""
    return f"{_shown(value)} is no {' or '.join(names)}, which the schema asks for."


def _is(value: Node) -> Callable[[str], bool]:
    return lambda name: _IS_A[name](value)


_IS_A: Mapping[str, Callable[[Node], bool]] = {
    "array": lambda node: isinstance(node.value, list),
    "boolean": lambda node: isinstance(node.value, bool),
    "integer": lambda node: node.number is not None and node.number == node.number // 1,
    "null": lambda node: node.value is None,
    "number": lambda node: node.number is not None,
    "object": lambda node: isinstance(node.value, dict),
    "string": lambda node: isinstance(node.value, str),
}


def _wrong_value(api: Api, schema: Node, value: Node) -> Iterator[Mismatch]:
    allowed = schema.get("enum")
    if (
        allowed is not None
        and allowed.elements
        and not any(_equal(one.data(), value.data()) for one in allowed.elements)
    ):
        some = ", ".join(_shown(one) for one in allowed.elements[:5])
        yield value, f"{_shown(value)} is none of the allowed values, such as {some}."
    const = schema.get("const")
    if const is not None and api.version == "3.1" and not _equal(const.data(), value.data()):
        yield value, f"{_shown(value)} is not {_shown(const)}."


def _wrong_number(schema: Node, value: Node) -> Iterator[Mismatch]:
    number = value.number
    assert number is not None
    for key, exclusive, sign, words in (
        ("minimum", "exclusiveMinimum", 1, "less than"),
        ("maximum", "exclusiveMaximum", -1, "more than"),
    ):
        bound, strictly = _limit(schema, key), schema.get(exclusive)
        if bound is not None and sign * number < sign * bound:
            yield value, f"{_shown(value)} is {words} the {key}, {bound}."
        elif strictly is not None and strictly.value is not False:
            # A flag of `minimum` up to 3.0, a bound of its own since.
            edge = strictly.number if strictly.number is not None else bound
            if edge is not None and sign * number <= sign * edge:
                yield value, f"{_shown(value)} is not {_SIDE[key]} {edge}, as the schema asks."
    step = schema.get("multipleOf")
    if step is not None and step.number and abs(number / step.number) < 1e15:
        quotient = number / step.number
        if abs(quotient - round(quotient)) > 1e-9 * max(1.0, abs(quotient)):
            yield value, f"{_shown(value)} is no multiple of {step.number}."
    range_ = _INTEGER_RANGES.get(schema.text_at("format"))
    if range_ is not None and not -range_ <= number < range_:
        yield value, f"{_shown(value)} does not fit in an {schema.text_at('format')}."


def _wrong_text(schema: Node, value: Node) -> Iterator[Mismatch]:
    text = value.text
    if (limit := _limit(schema, "maxLength")) is not None and len(text) > limit:
        yield value, f"{_shown(value)} has {len(text)} characters, and maxLength is {limit}."
    if (limit := _limit(schema, "minLength")) is not None and len(text) < limit:
        yield value, f"{_shown(value)} has {len(text)} characters, and minLength is {limit}."
    pattern = schema.text_at("pattern")
    if pattern and len(text) < 1000 and _search(pattern, text) is False:
        yield value, f"{_shown(value)} does not match the pattern `{quoted(pattern)}`."
    format_ = schema.text_at("format")
    check = _FORMATS.get(format_)
    if check is not None and not check(text):
        yield value, f"{_shown(value)} is no {format_}, which the schema asks for."


def _wrong_list(api: Api, schema: Node, value: Node, known: _Known) -> Iterator[Mismatch]:
    items = value.elements
    if (limit := _limit(schema, "maxItems")) is not None and len(items) > limit:
        yield value, f"The list has {len(items)} items, and maxItems is {limit}."
    if (limit := _limit(schema, "minItems")) is not None and len(items) < limit:
        yield value, f"The list has {len(items)} items, and minItems is {limit}."
    unique = schema.get("uniqueItems")
    if unique is not None and unique.value is True and len(items) < 200:
        plain = [item.data() for item in items]
        for index, item in enumerate(items):
            if any(_equal(plain[index], other) for other in plain[:index]):
                yield item, f"{_shown(item)} is in the list twice, and its items are unique."
    prefix = schema.items("prefixItems")
    for index, item in enumerate(items):
        one = prefix[index] if index < len(prefix) else schema.get("items")
        if one is not None:
            yield from _mismatches(api, one, item, known)


def _wrong_object(api: Api, schema: Node, value: Node, known: _Known) -> Iterator[Mismatch]:
    listed = schema.get("properties")
    properties = listed.members if listed is not None else {}
    for required in schema.items("required"):
        described = properties.get(required.text)
        if required.text and required.text not in value.members and not _is_one_way(described):
            yield value, f"`{quoted(required.text)}` is required, and missing here."
    count = len(value.members)
    if (limit := _limit(schema, "maxProperties")) is not None and count > limit:
        yield value, f"It has {count} properties, and maxProperties is {limit}."
    if (limit := _limit(schema, "minProperties")) is not None and count < limit:
        yield value, f"It has {count} properties, and minProperties is {limit}."
    patterns = schema.children("patternProperties")
    extra = schema.get("additionalProperties")
    for name, child in value.members.items():
        matching = [one for pattern, one in patterns.items() if _search(pattern, name)]
        described = properties.get(name)
        for one in [*([described] if described is not None else []), *matching]:
            yield from _mismatches(api, one, child, known)
        if described is None and not matching and extra is not None:
            if extra.value is False:
                close = f"; it lists {', '.join(list(properties)[:5])}" if properties else ""
                yield child, f"`{quoted(name)}` is no property that the schema allows{close}."
            elif extra.members:
                yield from _mismatches(api, extra, child, known)


def _wrong_combination(api: Api, schema: Node, value: Node, known: _Known) -> Iterator[Mismatch]:
    for one in schema.items("allOf"):
        yield from _mismatches(api, one, value, known)
    if api.version == "2.0":
        return
    any_of = schema.items("anyOf")
    if any_of and all(_mismatches(api, one, value, known) for one in any_of):
        yield value, f"{_shown(value)} fits none of the schemas under `anyOf`."
    one_of = schema.items("oneOf")
    fitting = sum(not _mismatches(api, one, value, known) for one in one_of)
    if one_of and fitting != 1:
        which = "none" if not fitting else f"{fitting}"
        yield value, f"{_shown(value)} fits {which} of the schemas under `oneOf`, in place of one."
    negated = schema.get("not")
    if negated is not None and negated.members and not _mismatches(api, negated, value, known):
        yield value, f"{_shown(value)} fits the schema under `not`."


def _is_one_way(schema: Node | None) -> bool:
    """Whether only responses or only requests have it, so that half of the examples lack it."""
    if schema is None:
        return False
    flags = (schema.get("readOnly"), schema.get("writeOnly"))
    return any(flag is not None and flag.value is True for flag in flags)


def _limit(schema: Node, key: str) -> int | float | None:
    node = schema.get(key)
    return node.number if node is not None else None


def _equal(one: object, other: object) -> bool:
    # To JSON 1 and true are different, and 1 and 1.0 the same.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _search(pattern: str, text: str) -> bool | None:
    """Whether the pattern is found in the text; None when it is in another dialect, or may take
    for ever, as a description is a stranger's text.
    """
    repetitions = len(_REPETITION.findall(pattern))
    if len(pattern) > 300 or _REPEATED_GROUP.search(pattern) or len(text) ** repetitions > 1e6:
        return None
    try:
        return re.search(pattern, text) is not None
    except (re.error, OverflowError, RecursionError):
        return None


def _shown(value: Node) -> str:
    if isinstance(value.value, dict):
        return "This object"
    if isinstance(value.value, list):
        return "This list"
    raw = quoted(value.raw)
    return f'`"{raw}"`' if isinstance(value.value, str) else f"`{raw or 'null'}`"


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _is_date_time(text: str) -> bool:
    match = _DATE_TIME.fullmatch(text)
    return match is not None and _is_date(match[1])


def _is_uuid(text: str) -> bool:
    try:
        return len(text) == 36 and UUID(text) is not None
    except ValueError:
        return False


def _is_address(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return kind(text) is not None
        except ValueError:
            return False

    return check


def _is_base64(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True) is not None
    except (binascii.Error, ValueError):
        return False


_SIDE = {"minimum": "more than", "maximum": "less than"}
_INTEGER_RANGES = {"int32": 2**31, "int64": 2**63}
_REPEATED_GROUP = re.compile(r"\)(?:[+*]|\{[0-9]*,?[0-9]*\})")
_REPETITION = re.compile(r"[+*]|\{[0-9]*,[0-9]*\}")
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)"
    r"(?:\.[0-9]+)?(?:[Zz]|[-+][0-9]{2}:?[0-9]{2})"
)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")
_TIME = re.compile(
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[Zz]|[-+][0-9]{2}:?[0-9]{2})?"
)
_DURATION = re.compile(
    r"P(?:[0-9]+W|(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?"
    r"(?:T(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?)?)"
)
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
_URI_REFERENCE = re.compile(r"[^\s<>\"{}|\\^`]*")
_URI_TEMPLATE = re.compile(r"(?:[^\s<>\"{}|\\^`]|\{[+#./;?&]?[\w.%*:,]+\})*")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_RELATIVE_POINTER = re.compile(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)*")
_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": _is_date,
    "date-time": _is_date_time,
    "uuid": _is_uuid,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "uri": lambda text: _URI.fullmatch(text) is not None,
    "url": lambda text: _URI.fullmatch(text) is not None,
    "ipv4": _is_address(ipaddress.IPv4Address),
    "ipv6": _is_address(ipaddress.IPv6Address),
    "byte": _is_base64,
    "time": lambda text: _TIME.fullmatch(text) is not None,
    "duration": lambda text: _DURATION.fullmatch(text) is not None and text[-1] not in "PT",
    "hostname": lambda text: len(text) < 254 and _HOST_NAME.fullmatch(text) is not None,
    "uri-reference": lambda text: _URI_REFERENCE.fullmatch(text) is not None,
    "uri-template": lambda text: _URI_TEMPLATE.fullmatch(text) is not None,
    "json-pointer": lambda text: _POINTER.fullmatch(text) is not None,
    "relative-json-pointer": lambda text: _RELATIVE_POINTER.fullmatch(text) is not None,
}
