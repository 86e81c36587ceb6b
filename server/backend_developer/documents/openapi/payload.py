"""What is sent: lists and their pages, numbers, dates, money, nulls; and the API's own data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from ...core.names import is_plural, word_set, words
from ...core.text import quoted
from ..report import Checks, Report, each_or_once, replacing
from ..tree import Node
from .model import Api, Operation, Schema

# --- Lists


def array_response(api: Api) -> Iterator[Report]:
    done: set[int] = set()
    for operation in api.operations:
        for response in operation.responses:
            if not response.code.startswith("2") or id(response.node.value) in done:
                continue
            done.add(id(response.node.value))
            for _, media, schema in api.content(response.node):
                if schema is not None and _type(schema) == "array":
                    written = media.get("schema")
                    yield Report(
                        written.place if written is not None else response.place,
                        f"`{quoted(operation.title)}` answers with a bare list, to which "
                        "nothing can "
                        "be added later. Answer with an object that holds it, under `items` or so.",
                    )
                    break


def item_as_list(api: Api) -> Iterator[Report]:
    """`GET /users/{user_id}` that answers with a list."""
    for operation in api.operations:
        segments = operation.segments
        if operation.method != "get" or operation.success is None or len(segments) < 2:
            continue
        match = re.fullmatch(r"\{([^{}]+)\}", segments[-1])
        by_id = match is not None and (words(match[1]) or [""])[-1] in (
            "id",
            "uuid",
            "guid",
            "slug",
        )
        of_it = by_id and "{" not in segments[-2] and is_plural((words(segments[-2]) or [""])[-1])
        for _, media, schema in api.content(operation.success.node)[:1] if of_it else ():
            if schema is not None and _type(schema) == "array":
                yield Report(
                    media.place,
                    f"`{quoted(operation.title)}` is about one item, and answers with a list. "
                    "Answer with the item, or give the list a path of its own.",
                    "medium",
                )


def unpaginated_list(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        if not _is_listing(api, operation):
            continue
        if not any(_PAGE_PARAMETER.fullmatch(_spelled(one.name)) for one in operation.parameters):
            yield Report(
                operation.place,
                f"`{quoted(operation.title)}` returns all there is, however much that becomes. Add "
                "`limit` and `cursor` parameters.",
                "high" if is_plural((words(operation.segments[-1]) or [""])[-1]) else "medium",
            )


def unbounded_page_size(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        name = parameter.get("name")
        if name is None or parameter.text_at("in") != "query":
            continue
        schema = api.schema_of(parameter)
        is_number = _type(schema) in ("integer", "number")
        if (
            _SIZE_PARAMETER.fullmatch(_spelled(name.text))
            and is_number
            and not {"maximum", "exclusiveMaximum", "enum"} & schema.members.keys()
        ):
            yield Report(
                name.span,
                f"`{quoted(name.text)}` may ask for any number of entries. Give it a `maximum`.",
            )


def page_without_link(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        success = operation.success
        if operation.method != "get" or success is None:
            continue
        if not any(_PAGE_PARAMETER.fullmatch(_spelled(one.name)) for one in operation.parameters):
            continue
        headers = {name.lower() for name in (success.node.get("headers") or success.node).members}
        if headers & {"link", "x-total-count", "content-range", "x-next-page", "x-next-cursor"}:
            continue
        for _, _, schema in api.content(success.node)[:1]:
            if schema is None or _type(schema) not in ("object", "array"):
                continue
            # A list has no place for a link, which array_response says.
            names = {word for name in api.properties(schema) for word in words(name)}
            if names and not names & _PAGE_WORDS:
                yield Report(
                    success.place,
                    f"A page of `{quoted(operation.title)}` does not say where the next one is. "
                    "Add "
                    "`next`, a link or a cursor, to the response.",
                    "medium",
                )


def offset_pagination(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        name = parameter.get("name")
        if (
            name is not None
            and parameter.text_at("in") == "query"
            and _spelled(name.text) in ("offset", "skip", "page", "page_number", "start_index")
        ):
            yield Report(
                name.span,
                f"`{quoted(name.text)}` makes the database count past all that comes before, "
                "and shifts when entries are added. Use a cursor.",
            )


def unconventional_parameter(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        name = parameter.get("name")
        if name is not None and parameter.text_at("in") == "query":
            usual = _CONVENTIONS.get(_spelled(name.text))
            if usual:
                yield Report(
                    name.span,
                    f"`{quoted(name.text)}` is usually called `{usual}`. Use the conventional "
                    "name.",
                )


def collection_format(api: Api) -> Iterator[Report]:
    lists = [
        parameter
        for parameter in api.parameters
        if parameter.text_at("in") in ("query", "header")
        and _type(api.schema_of(parameter)) == "array"
    ]
    saying = {"style", "explode", "collectionFormat", "content"}
    lacking = [
        (
            (parameter.get("name") or parameter).span,
            "It is not said how the list is written. Set `style` and `explode` (in 2.0 "
            "`collectionFormat`).",
        )
        for parameter in lists
        if not saying & parameter.members.keys()
    ]
    yield from each_or_once(
        lacking,
        len(lists),
        "Of none of the {total} lists among the parameters it is said how they are written. Set "
        "`style` and `explode` (in 2.0 `collectionFormat`).",
        few=1,
    )


def required_with_default(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        required = parameter.get("required")
        default = api.schema_of(parameter).get("default")
        if (
            required is not None
            and required.value is True
            and default is not None
            and parameter.text_at("in") != "path"
        ):
            yield Report(
                required.place,
                f"`{quoted(parameter.text_at('name'))}` is required, so that its default is "
                "never used. Drop one of the two.",
            )


# --- Types


def number_without_format(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        for type_, formats in (
            ("integer", ("int32", "int64")),
            ("number", ("float", "double", "decimal")),
        ):
            if (
                schema.is_a(type_)
                and not schema.node.text_at("format")
                and not {"enum", "const"} & schema.node.members.keys()
            ):
                yield Report(
                    schema.place,
                    f"{schema.called} does not say how large or precise it gets. Give it a "
                    f"`format`: {', '.join(formats[:-1])} or {formats[-1]}.",
                )


def date_without_format(api: Api) -> Iterator[Report]:
    for schema in _named(api):
        spelled = _spelled(schema.name)
        if not _DATE_NAME.fullmatch(spelled) or _NO_DATE.search(spelled):
            continue
        format_ = schema.node.text_at("format")
        if schema.is_a("string") and not format_ and "pattern" not in schema.node.members:
            day_only = spelled.endswith(("date", "birthday", "day"))
            yield Report(
                schema.place,
                f"`{quoted(schema.name)}` seems to be a time, and does not say how it is written. "
                f"Add `format: {'date' if day_only else 'date-time'}`.",
                "high" if spelled.endswith(("_at", "date", "timestamp")) else "medium",
            )
        elif (schema.is_a("integer") or schema.is_a("number")) and not re.search("count", spelled):
            yield Report(
                schema.place,
                f"`{quoted(schema.name)}` is a time as a number, of which nobody knows the unit "
                "and "
                "zero. Use a text with `format: date-time`.",
                "medium",
            )


def date_name(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if (
            schema.role == "property"
            and schema.node.text_at("format") == "date-time"
            and not re.search(r"(?:_at|At)$", schema.name)
        ):
            yield Report(schema.place, f"`{quoted(schema.name)}` is a time. End its name in `_at`.")


def text_without_format(api: Api) -> Iterator[Report]:
    """A name that tells what is in a text better than its schema does."""
    for schema in _named(api):
        keys = schema.node.members.keys()
        if not schema.is_a("string") or {"format", "pattern", "enum", "const"} & keys:
            continue
        spelled = _spelled(schema.name)
        for pattern, format_ in _FORMATS_BY_NAME:
            if pattern.fullmatch(spelled):
                yield Report(
                    schema.place,
                    f"`{quoted(schema.name)}` does not say what texts it may be. Add `{format_}`.",
                    "medium",
                )
                break


def code_without_format(api: Api) -> Iterator[Report]:
    for schema in _named(api):
        keys = schema.node.members.keys()
        if not schema.is_a("string") or {"format", "pattern", "enum", "const"} & keys:
            continue
        spelled = _spelled(schema.name)
        for pattern, standard in _CODES_BY_NAME:
            if pattern.fullmatch(spelled):
                yield Report(
                    schema.place,
                    f"`{quoted(schema.name)}` does not say which code it holds. Use {standard} and "
                    "say so with `format` or `pattern`.",
                    "medium",
                )
                break


def money_as_float(api: Api) -> Iterator[Report]:
    for schema in _named(api):
        spelled = _spelled(schema.name)
        if (
            _MONEY_NAME.fullmatch(spelled)
            and schema.is_a("number")
            and (
                schema.node.text_at("format") != "decimal"
                and "multipleOf" not in schema.node.members
            )
        ):
            yield Report(
                schema.place,
                f"`{quoted(schema.name)}` is money as a binary number, which loses cents. Send "
                "an object with a decimal amount and a currency, or whole cents.",
                "medium",
            )


def id_as_number(api: Api) -> Iterator[Report]:
    ids = [
        schema
        for schema in api.schemas
        if schema.role == "property" and (words(schema.name) or [""])[-1] == "id" and schema.types
    ]
    lacking = [
        (
            schema.place,
            f"`{quoted(schema.name)}` is a number, which shows how many there are and which "
            "JavaScript rounds beyond 2^53. Use a text.",
        )
        for schema in ids
        if schema.is_a("integer") or schema.is_a("number")
    ]
    yield from each_or_once(
        lacking,
        len(ids),
        "All {total} ids are numbers, which show how many there are and which JavaScript rounds "
        "beyond 2^53. Use texts.",
    )


def nullable_boolean(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if schema.is_a("boolean") and (place := _nullable(schema)) is not None:
            yield Report(
                place.place,
                f"{schema.called} is true, false or null. Use an enum that names the three cases.",
            )


def nullable_array(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if schema.is_a("array") and (place := _nullable(schema)) is not None:
            yield Report(
                place.place,
                f"{schema.called} may be null where an empty list says the same. Allow the list "
                "alone.",
                fix=replacing("Allow the list alone", place.span, "false")
                if place.value is True
                else None,
            )


def text_for_boolean(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        enum = schema.node.get("enum")
        values = {value.raw.lower() for value in schema.node.items("enum")}
        if enum is not None and schema.is_a("string") and values in _BOOLEAN_TEXTS:
            yield Report(
                enum.place,
                f"{schema.called} is true or false in words. Use `type: boolean`.",
            )


def untyped_schema(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        keys = schema.node.members.keys()
        if not keys & _TYPING_KEYS and not (schema.role == "part" and keys):
            yield Report(
                schema.place,
                f"{schema.called} may be anything. Give it a `type`.",
            )


def free_form_object(api: Api) -> Iterator[Report]:
    saying = {"properties", "additionalProperties", "allOf", "anyOf", "oneOf", "$ref", "enum"}
    saying |= {"patternProperties", "not", "unevaluatedProperties", "example", "maxProperties"}
    for schema in api.schemas:
        if schema.is_a("object") and not saying & schema.node.members.keys():
            yield Report(
                schema.place,
                f"{schema.called} may hold anything. List its `properties`, or say with "
                "`additionalProperties` what a map holds.",
            )


def extensible_enum(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        enum = schema.node.get("enum")
        if enum is not None and api.is_output(schema) and schema.is_a("string"):
            yield Report(
                enum.place,
                f"{schema.called} can never get another value without breaking clients. List the "
                "values under `x-extensible-enum`.",
            )


def inline_schema(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if schema.role == "body" and schema.node.children("properties"):
            yield Report(
                schema.place,
                "This schema has no name, so that generated code invents one. Move it to "
                "`components/schemas`.",
            )


def missing_example(api: Api) -> Iterator[Report]:
    bodies = [
        (operation, media, schema)
        for operation in api.operations
        for owner in (operation.body, operation.success.node if operation.success else None)
        if owner is not None
        for _, media, schema in api.content(owner)[:1]
        if schema is not None
    ]
    lacking = [
        (
            media.place,
            f"Nobody sees what is sent with `{quoted(operation.title)}`. Add an `example`.",
        )
        for operation, media, schema in bodies
        if not _has_example(api, media, schema)
    ]
    yield from each_or_once(
        lacking,
        len(bodies),
        "None of the {total} bodies has an example, by which readers and mock servers go. Add one "
        "to each.",
        few=1,
    )


def _has_example(api: Api, media: Node, schema: Node) -> bool:
    """Whether a body, its properties, or those of the items of a list show one."""
    parts = [media, schema, *api.properties(schema).values()]
    if (items := schema.get("items")) is not None:
        parts += [items, *api.properties(items).values()]
    keys = {"example", "examples", "default", "x-example", "enum"}
    return any(keys & api.resolve(part).members.keys() for part in parts)


# --- The description itself


def semantic_version(api: Api) -> Iterator[Report]:
    version = api.root.get("info", "version")
    if version is not None and version.raw and not _SEMANTIC_VERSION.fullmatch(version.raw):
        yield Report(
            version.span,
            f"`{quoted(version.raw)}` does not tell a breaking change from a correction. Use a "
            "semantic version, such as 1.4.2.",
        )


def missing_api_id(api: Api) -> Iterator[Report]:
    info = api.root.get("info")
    if info is None:
        return
    id_ = info.get("x-api-id") or api.root.get("x-api-id")
    if id_ is None:
        yield Report(info.place, "The API has no identity that survives a rename. Add `x-api-id`.")
    elif not _is_uuid(id_.raw):
        yield Report(id_.span, "`x-api-id` is no UUID. Generate one.")


def missing_audience(api: Api) -> Iterator[Report]:
    info = api.root.get("info")
    if info is None:
        return
    audience = info.get("x-audience") or api.root.get("x-audience")
    allowed = (
        "component-internal",
        "business-unit-internal",
        "company-internal",
        "external-partner",
        "external-public",
    )
    if audience is None:
        yield Report(info.place, "It is not said for whom the API is. Add `x-audience`.")
    elif audience.text not in allowed:
        yield Report(audience.span, f"The audience is one of {', '.join(allowed)}.")


def scope_name(api: Api) -> Iterator[Report]:
    for scheme in api.security_schemes.values():
        for owner in (scheme, *scheme.children("flows").values()):
            for scope, node in owner.children("scopes").items():
                if not re.fullmatch(r"uid|[a-z0-9-]+(?:\.[a-z0-9-]+){1,2}", scope):
                    yield Report(
                        node.place,
                        f"`{quoted(scope)}` does not say what it opens. Name scopes "
                        "`<application>.<resource>.<access>`.",
                    )


# --- What they share


def _is_listing(api: Api, operation: Operation) -> bool:
    """Whether it is a GET on a collection that answers with a list of what is in it."""
    success = operation.success
    segments = operation.segments
    if operation.method != "get" or success is None or not segments or "{" in segments[-1]:
        return False
    for _, _, schema in api.content(success.node):
        if schema is None:
            continue
        if _type(schema) == "array":
            return "maxItems" not in schema.members and _type_of_items(api, schema) != "enum"
        lists = [
            name
            for name, one in api.properties(schema).items()
            if _type(api.resolve(one)) == "array" and "maxItems" not in api.resolve(one).members
        ]
        last = _spelled(segments[-1])
        if any(_spelled(name) in (*_ENVELOPES, last) for name in lists):
            return True
    return False


def _type_of_items(api: Api, schema: Node) -> str:
    items = schema.get("items")
    return "enum" if items is not None and "enum" in api.resolve(items).members else ""


def _type(schema: Node) -> str:
    """Its type, where it says one; of a list of types, the one that is not null."""
    type_ = schema.get("type")
    if type_ is None:
        return "object" if {"properties", "allOf"} & schema.members.keys() else ""
    names = [one.text for one in type_.elements if one.text != "null"]
    return type_.text or (names[0] if len(names) == 1 else "")


def _named(api: Api) -> Iterator[Schema]:
    """The schemas of properties and of parameters."""
    for schema in api.schemas:
        if schema.role in ("property", "parameter") and schema.name:
            yield schema


def _nullable(schema: Schema) -> Node | None:
    """The node that says that it may be null, or None."""
    for key in ("nullable", "x-nullable"):
        node = schema.node.get(key)
        if node is not None and node.value is True:
            return node
    type_ = schema.node.get("type")
    return type_ if type_ is not None and "null" in schema.types else None


def _spelled(name: str) -> str:
    return "_".join(words(name))


def _is_uuid(text: str) -> bool:
    try:
        return len(text) == 36 and UUID(text) is not None
    except ValueError:
        return False


_ENVELOPES = (
    "items",
    "data",
    "results",
    "result",
    "records",
    "entries",
    "content",
    "values",
    "list",
)
_PAGE_PARAMETER = re.compile(
    r"(?:\w+_)?(?:limit|offset|cursor|page|page_(?:size|number|token|no|index)|per_page|page_size|"
    r"skip|top|size|count|after|before|max_results|max_items|next_token|continuation_token|"
    r"starting_after|ending_before|first|last|marker|next|max|results|rows|start)"
)
_SIZE_PARAMETER = re.compile(
    r"(?:page_)?(?:limit|size)|per_page|page_limit|max_(?:results|items|count)|count|top|first|rows"
)
_PAGE_WORDS = word_set(
    """
    next prev previous cursor total page pages links link offset has more count marker token
    pagination paging meta metadata self first last size limit
    """
)
_CONVENTIONS = {
    "per_page": "limit",
    "page_size": "limit",
    "pagesize": "limit",
    "max_results": "limit",
    "size": "limit",
    "count": "limit",
    "top": "limit",
    "skip": "offset",
    "start": "offset",
    "page_token": "cursor",
    "next_token": "cursor",
    "search": "q",
    "query": "q",
    "order_by": "sort",
    "sort_by": "sort",
    "orderby": "sort",
    "expand": "embed",
    "include": "embed",
    "select": "fields",
}
_DATE_NAME = re.compile(
    r"(?:\w+_)?(?:at|date|datetime|date_time|timestamp|birthday|birthdate|(?:start|end|begin|create|"
    r"update|modify|expiry|due|expiration)_(?:time|day)|since|until)|created|modified|updated|"
    r"expires|(?:last_)?modified|created_on|updated_on|modified_on|valid_(?:from|to|until|through)"
)
_NO_DATE = re.compile(r"^(?:look|format|is|has|seat|located)_|_format$|^at$")
_FORMATS_BY_NAME = (
    (re.compile(r"(?:\w+_)?e?mail(?:_address)?"), "format: email"),
    (re.compile(r"(?:\w+_)?ur[il]"), "format: uri"),
    (re.compile(r"(?:\w+_)?(?:uuid|guid)"), "format: uuid"),
    (re.compile(r"(?:\w+_)?ip(?:v4)?_address|ipv4"), "format: ipv4"),
    (re.compile(r"(?:\w+_)?duration"), "format: duration"),
    (re.compile(r"(?:\w+_)?password"), "format: password"),
)
_CODES_BY_NAME = (
    (re.compile(r"(?:\w+_)?country(?:_code)?"), "ISO 3166-1 alpha-2"),
    (re.compile(r"(?:\w+_)?(?:language|locale|lang)(?:_code)?"), "BCP 47"),
    (re.compile(r"(?:\w+_)?currency(?:_code)?"), "ISO 4217"),
)
_MONEY_NAME = re.compile(
    r"(?:\w+_)?(?:price|amount|cost|fee|balance|subtotal|salary|revenue|refund|discount_amount|"
    r"tax_amount|total_price|total_amount|grand_total)"
)
_BOOLEAN_TEXTS = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"0", "1"}, {"on", "off"})
_TYPING_KEYS = frozenset(
    {"type", "$ref", "allOf", "anyOf", "oneOf", "not", "enum", "const", "properties", "items"}
    | {"additionalProperties", "patternProperties", "$dynamicRef", "if"}
)
_SEMANTIC_VERSION = re.compile(
    r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
)

CHECKS: Checks = {
    "api-design/openapi-array-response": array_response,
    "api-design/openapi-item-as-list": item_as_list,
    "api-design/openapi-text-for-boolean": text_for_boolean,
    "api-design/openapi-unpaginated-list": unpaginated_list,
    "api-design/openapi-unbounded-page-size": unbounded_page_size,
    "api-design/openapi-page-without-link": page_without_link,
    "performance/openapi-offset-pagination": offset_pagination,
    "api-design/openapi-unconventional-parameter": unconventional_parameter,
    "api-design/openapi-collection-format": collection_format,
    "api-design/openapi-required-with-default": required_with_default,
    "api-design/openapi-number-without-format": number_without_format,
    "api-design/openapi-date-without-format": date_without_format,
    "api-design/openapi-date-name": date_name,
    "api-design/openapi-text-without-format": text_without_format,
    "api-design/openapi-code-without-format": code_without_format,
    "api-design/openapi-money-as-float": money_as_float,
    "api-design/openapi-id-as-number": id_as_number,
    "api-design/openapi-nullable-boolean": nullable_boolean,
    "api-design/openapi-nullable-array": nullable_array,
    "api-design/openapi-untyped-schema": untyped_schema,
    "api-design/openapi-free-form-object": free_form_object,
    "api-design/openapi-extensible-enum": extensible_enum,
    "api-design/openapi-inline-schema": inline_schema,
    "api-design/openapi-missing-example": missing_example,
    "api-design/openapi-semantic-version": semantic_version,
    "api-design/openapi-missing-api-id": missing_api_id,
    "api-design/openapi-missing-audience": missing_audience,
    "api-design/openapi-scope-name": scope_name,
}
