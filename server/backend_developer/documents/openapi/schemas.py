"""Schemas, references and examples: whether they are right in themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...core.text import quoted
from ..report import Checks, Report
from ..tree import Node
from .instances import mismatches
from .model import METHODS, Api, Schema
from .structure import structure

# --- References


def broken_reference(api: Api) -> Iterator[Report]:
    for reference in api.references:
        text = reference.text
        if text.startswith("#") and not text.startswith("#/"):
            continue  # An anchor, which 3.1 allows.
        if text.startswith("#/") and api.target(text) is None:
            yield Report(
                reference.span,
                f"`{quoted(text)}` points at nothing. Define it, or correct the reference.",
            )


def reference_siblings(api: Api) -> Iterator[Report]:
    """Keys beside a `$ref`, which up to 3.0 are ignored."""
    if api.version == "3.1":
        return
    places = {reference.span for reference in api.references}
    for node in api.all_nodes:
        reference = node.members.get("$ref")
        if (
            reference is None
            or reference.span not in places
            or METHODS_OR_PATH & node.members.keys()
        ):
            continue
        for key, child in node.members.items():
            if key != "$ref" and not key.startswith("x-"):
                yield Report(
                    child.place,
                    f"`{quoted(key)}` stands beside a `$ref` and is ignored. Move it to what is "
                    "referred to, or wrap the reference in `allOf`.",
                )


METHODS_OR_PATH = frozenset(METHODS) | {"parameters", "servers"}
"""Keys by which a path item is known: its `$ref` may have siblings."""


def unused_component(api: Api) -> Iterator[Report]:
    """Something under `components` (`definitions`) that no path leads to."""
    if not api.operations and not api.root.get("webhooks"):
        return  # A library of components, which other files refer to.
    used = {reference.text for reference in api.references}
    # A discriminator names schemas, by reference or by their bare names.
    for node in api.all_nodes:
        for child in node.members.values() if "propertyName" in node.members else ():
            used |= {
                text for one in child.members.values() for text in (one.text, _in_schemas(one.text))
            }
    inherits = {one.text_at("$ref") for node in api.all_nodes for one in node.items("allOf")}
    prefix = "#/components" if api.version != "2.0" else "#"
    kinds = _COMPONENT_KINDS if api.version != "2.0" else _DEFINITION_KINDS
    owner = api.root if api.version == "2.0" else api.root.get("components")
    for kind in kinds if owner is not None else ():
        for name, node in owner.children(kind).items() if owner is not None else ():
            reference = f"{prefix}/{kind}/{name.replace('~', '~0').replace('/', '~1')}"
            if any(one == reference or one.startswith(f"{reference}/") for one in used):
                continue
            if kind in ("schemas", "definitions") and _extends_used(node, inherits):
                continue
            yield Report(
                node.place,
                f"Nothing refers to `{quoted(name)}`. Use it or remove it.",
            )


def _extends_used(node: Node, inherits: set[str]) -> bool:
    """Whether it is one of the kinds of a schema with a discriminator, found by its name alone."""
    return any(one.text_at("$ref") in inherits for one in node.items("allOf"))


def _in_schemas(name: str) -> str:
    return f"#/components/schemas/{name}"


_COMPONENT_KINDS = (
    "schemas",
    "responses",
    "parameters",
    "examples",
    "requestBodies",
    "headers",
    "links",
    "callbacks",
    "pathItems",
)
_DEFINITION_KINDS = ("definitions", "parameters", "responses")


def duplicate_key(api: Api) -> Iterator[Report]:
    for node in api.all_nodes:
        for place in node.duplicates:
            yield Report(
                place,
                "This key occurs twice in one object, and the first value is lost. Remove or "
                "rename one.",
            )


# --- Schemas


def array_without_items(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        has_items = {
            "items",
            "prefixItems",
            "contains",
            "unevaluatedItems",
        } & schema.node.members.keys()
        if "array" in schema.types and (not has_items) and "$ref" not in schema.node.members:
            yield Report(
                schema.place,
                f"{schema.called} is a list of nothing in particular. Say with `items` what is "
                "in it.",
            )
        items = schema.node.get("items")
        if items is not None and items.elements and api.version != "3.1":
            yield Report(items.place, "`items` is one schema, for all items. Give no list of them.")


def duplicate_enum_value(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        seen: list[object] = []
        for value in schema.node.items("enum"):
            plain = (type(value.value), value.data())
            if plain in seen:
                yield Report(value.span, f"`{quoted(value.raw)}` is in the list twice. Remove one.")
            seen.append(plain)


def enum_of_other_type(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if not schema.types:
            continue
        only_type = Node({"type": schema.node.members["type"]}, schema.node.span)
        nullable = schema.node.get("nullable") or schema.node.get("x-nullable")
        may_be_null = nullable is not None and nullable.value is True
        for value in schema.node.items("enum"):
            if value.value is None and may_be_null:
                continue
            if mismatches(api, only_type, value):
                types = " or ".join(sorted(schema.types))
                yield Report(
                    value.span,
                    f"`{quoted(value.raw)}` is no {types}, which the schema asks for. Correct the "
                    "value or the type.",
                )


def null_missing_in_enum(api: Api) -> Iterator[Report]:
    """`nullable: true` with an enum that does not list null: null is refused after all."""
    for schema in api.schemas:
        nullable, enum = schema.node.get("nullable"), schema.node.get("enum")
        if (
            nullable is not None
            and nullable.value is True
            and enum is not None
            and enum.elements
            and all(value.value is not None for value in enum.elements)
            and api.version == "3.0"
        ):
            yield Report(
                enum.place,
                "The value may be null, and `enum` does not list null, which then is refused. "
                "Add null to it.",
                "medium",
            )


def unknown_required_property(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        combines = {"allOf", "anyOf", "oneOf", "$ref", "if", "patternProperties"}
        properties = schema.node.get("properties")
        if properties is None or combines & schema.node.members.keys() or schema.role == "part":
            continue
        for name in schema.node.items("required"):
            if name.text and name.text not in properties.members:
                yield Report(
                    name.span,
                    f"`{quoted(name.text)}` is required, and not among the properties. Describe it "
                    "or correct the name.",
                )


def contradicting_bounds(api: Api) -> Iterator[Report]:
    pairs = (
        ("minimum", "maximum"),
        ("minLength", "maxLength"),
        ("minItems", "maxItems"),
        ("minProperties", "maxProperties"),
    )
    for schema in api.schemas:
        for low, high in pairs:
            least, most = schema.node.get(low), schema.node.get(high)
            if least is None or most is None or least.number is None or most.number is None:
                continue
            if least.number > most.number:
                yield Report(
                    most.span,
                    f"`{high}` is less than `{low}`, so that no value fits. Correct one of them.",
                )


def bounds_of_other_type(api: Api) -> Iterator[Report]:
    """`maxLength` on a number, `minimum` on a text: it bounds nothing."""
    for schema in api.schemas:
        if not schema.types:
            continue
        for key, types in _BOUND_TYPES.items():
            bound = schema.node.get(key)
            if bound is not None and not types & schema.types:
                yield Report(
                    bound.place,
                    f"`{key}` has no effect on type {', '.join(sorted(schema.types))}. Remove it, "
                    "or correct the type.",
                )


_BOUND_TYPES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("maxLength", "minLength", "pattern"), frozenset({"string", "file"})),
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), frozenset({"integer", "number"})),
    **dict.fromkeys(("maxItems", "minItems", "uniqueItems"), frozenset({"array"})),
    **dict.fromkeys(("maxProperties", "minProperties", "properties"), frozenset({"object"})),
}


def keyword_of_another_version(api: Api) -> Iterator[Report]:
    keywords = _FOREIGN_KEYWORDS[api.version]
    for schema in api.schemas:
        for key, advice in keywords.items():
            child = schema.node.get(key)
            if child is not None:
                yield Report(
                    child.place,
                    f"`{key}` does not exist in OpenAPI {api.version} and is ignored. {advice}",
                )


_FOREIGN_KEYWORDS: Mapping[str, Mapping[str, str]] = {
    "2.0": {
        "anyOf": "Use `allOf`, or move to OpenAPI 3.",
        "oneOf": "Use `allOf` with a `discriminator`, or move to OpenAPI 3.",
        "not": "Describe what is allowed, or move to OpenAPI 3.",
        "nullable": "Use `x-nullable`, or move to OpenAPI 3.",
        "const": "Use an `enum` of one value.",
    },
    "3.0": {
        "const": "Use an `enum` of one value.",
        "examples": "Use `example`.",
        "patternProperties": "Use `additionalProperties`.",
        "$defs": "Use `components/schemas`.",
        "if": "Use `oneOf`.",
    },
    "3.1": {"nullable": 'Add "null" to the list under `type`.'},
}


def discriminator(api: Api) -> Iterator[Report]:
    """The property that tells kinds apart exists and is required."""
    for schema in api.schemas:
        node = schema.node.get("discriminator")
        if node is None:
            continue
        name = node.text or node.text_at("propertyName")
        place = node.span if node.text else (node.get("propertyName") or node).span
        if not name or (api.version != "2.0" and "properties" not in schema.node.members):
            continue
        if name not in schema.node.children("properties"):
            yield Report(
                place,
                f"`{quoted(name)}` tells the kinds apart, and is not among the properties. "
                "Describe it there.",
            )
        elif name not in [one.text for one in schema.node.items("required")]:
            yield Report(
                place,
                f"`{quoted(name)}` tells the kinds apart, and may be missing. Add it to "
                "`required`.",
            )


# --- Examples


def schema_example(api: Api) -> Iterator[Report]:
    """`example`, `default` and, in 3.1, `examples` of a schema."""
    for schema in api.schemas:
        if "$ref" in schema.node.members and api.version != "3.1":
            continue
        values = [schema.node.get("default"), schema.node.get("example")]
        if api.version == "3.1":
            values += schema.node.items("examples")
        if api.version == "2.0":
            values.append(schema.node.get("x-example"))
        for value in values:
            if value is not None:
                yield from _not_fitting(api, schema.node, value)


def media_example(api: Api) -> Iterator[Report]:
    """Examples of media types, parameters and headers."""
    media_types = {
        id(media): media_type
        for node in api.all_nodes
        for media_type, media in node.children("content").items()
    }
    for node in api.all_nodes:
        described = node.members.get("schema")
        if described is None or not described.members:
            continue
        value, examples = node.get("example"), node.get("examples")
        if api.version == "2.0":
            for media_type, one in node.children("examples").items():
                if _is_json(media_type):
                    yield from _not_fitting(api, described, one)
            continue
        media_type = media_types.get(id(node), "application/json")
        if value is not None and _can_check(api, described, value, media_type):
            yield from _not_fitting(api, described, value)
        for one in examples.members.values() if examples is not None else ():
            value = api.resolve(one).get("value")
            if value is not None and _can_check(api, described, value, media_type):
                yield from _not_fitting(api, described, value)


def example_without_value(api: Api) -> Iterator[Report]:
    for example in _example_objects(api):
        value, external = example.get("value"), example.get("externalValue")
        if value is not None and external is not None:
            yield Report(
                external.place,
                "An example has a `value` or an `externalValue`, not both. Remove one.",
            )
        elif value is None and external is None:
            yield Report(
                example.place,
                "This example shows nothing. Give it a `value` or an `externalValue`.",
            )


def _example_objects(api: Api) -> Iterator[Node]:
    if api.version == "2.0":
        return
    # What `properties` lists are schemas, whatever their names are.
    named = {id(node.get("properties")) for node in api.all_nodes}
    owners = [node for node in api.all_nodes if id(node) not in named]
    listed = [one for owner in owners for one in owner.children("examples").values()]
    seen: set[int] = set()
    for node in listed:
        if isinstance(node.value, dict) and "$ref" not in node.value and id(node) not in seen:
            seen.add(id(node))
            yield node


def _not_fitting(api: Api, schema: Node, value: Node) -> Iterator[Report]:
    # One report for each value: the first mismatch is the outermost.
    for part, reason in mismatches(api, schema, value):
        where = part.place if isinstance(part.value, dict | list) else part.span
        yield Report(where, f"{reason} Correct the example or the schema.")


def _can_check(api: Api, schema: Node, value: Node, media_type: str) -> bool:
    """Whether the example is the value itself, and no text in another language than JSON."""
    types = Schema(api.resolve(schema), "part", "", value.span).types
    return not value.text or "string" in types or not types or _is_json(media_type)


def _is_json(media_type: str) -> bool:
    kind = media_type.split(";")[0].strip().lower()
    return kind.endswith("json")


CHECKS: Checks = {
    "api-design/openapi-structure": structure,
    "api-design/openapi-duplicate-key": duplicate_key,
    "api-design/openapi-broken-reference": broken_reference,
    "api-design/openapi-reference-siblings": reference_siblings,
    "api-design/openapi-unused-component": unused_component,
    "api-design/openapi-array-without-items": array_without_items,
    "api-design/openapi-duplicate-enum-value": duplicate_enum_value,
    "api-design/openapi-enum-of-other-type": enum_of_other_type,
    "api-design/openapi-null-missing-in-enum": null_missing_in_enum,
    "api-design/openapi-unknown-required-property": unknown_required_property,
    "api-design/openapi-contradicting-bounds": contradicting_bounds,
    "api-design/openapi-bounds-of-other-type": bounds_of_other_type,
    "api-design/openapi-keyword-of-another-version": keyword_of_another_version,
    "api-design/openapi-discriminator": discriminator,
    "api-design/openapi-schema-example": schema_example,
    "api-design/openapi-media-example": media_example,
    "api-design/openapi-example-without-value": example_without_value,
}
