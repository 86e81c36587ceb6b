"""GraphQL schemas: what clients can ask for, and how it is named and described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from ..core.names import CAMEL, PASCAL, UPPER_SNAKE, is_verb, word_set, words
from ..core.text import quoted
from .report import Checks, Report, each_or_once
from .sdl import Field, Type


class GraphqlSchema:
    """The definitions of one file; the schema may go on in others."""

    def __init__(self, types: list[Type]) -> None:
        self.types = types

    @cached_property
    def objects(self) -> list[Type]:
        return [one for one in self.types if one.kind in ("type", "interface")]

    @cached_property
    def inputs(self) -> list[Type]:
        return [one for one in self.types if one.kind == "input"]

    @cached_property
    def names_of_objects(self) -> frozenset[str]:
        unions = {one.name for one in self.types if one.kind == "union"}
        return frozenset({one.name for one in self.objects} | unions)

    def root(self, name: str) -> list[Field]:
        """The fields of Query, Mutation or Subscription, extensions included."""
        return [field for one in self.types if one.name == name for field in one.fields]


def unbounded_list(schema: GraphqlSchema) -> Iterator[Report]:
    for field in schema.root("Query"):
        if field.type is None or not field.type.is_list:
            continue
        if field.type.name not in schema.names_of_objects:
            continue
        names = {"_".join(words(argument.name)) for argument in field.arguments}
        inputs = {argument.type.name for argument in field.arguments if argument.type}
        paged = {
            "_".join(words(one.name))
            for input_ in schema.inputs
            if input_.name in inputs
            for one in input_.fields
        }
        # Whoever asks for known ids bounds the answer.
        if not (names | paged) & _PAGE_ARGUMENTS and not names & {"ids", "id", "slugs"}:
            yield Report(
                field.span,
                f"`{quoted(field.name)}` returns all there is, however much that becomes. Take "
                "`first` and `after`, and return a connection.",
            )


def undescribed_type(schema: GraphqlSchema) -> Iterator[Report]:
    types = [one for one in schema.types if not one.is_extension and one.kind != "schema"]
    lacking = [
        (one.span, f'It is not said what `{quoted(one.name)}` is. Describe it in `"""` above it.')
        for one in types
        if not one.is_described and one.name not in _ROOTS
    ]
    total = sum(one.name not in _ROOTS for one in types)
    yield from each_or_once(
        lacking, total, 'None of the {total} types says what it is. Describe them in `"""`.'
    )


def undescribed_field(schema: GraphqlSchema) -> Iterator[Report]:
    for one in (*schema.objects, *schema.inputs):
        for field in one.fields:
            if not field.is_described:
                yield Report(
                    field.span,
                    f"It is not said what `{quoted(one.name)}.{quoted(field.name)}` is. "
                    "Describe it.",
                )


def type_case(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.types:
        if one.name and not PASCAL.fullmatch(one.name.lstrip("_")) and not one.is_extension:
            pascal = "".join(word.capitalize() for word in words(one.name))
            yield Report(
                one.span,
                f"`{quoted(one.name)}` names a type, and is not in PascalCase. Call it `{pascal}`.",
            )


def field_case(schema: GraphqlSchema) -> Iterator[Report]:
    for one in (*schema.objects, *schema.inputs):
        for field in one.fields:
            for named in (field, *field.arguments):
                if not CAMEL.fullmatch(named.name.lstrip("_")):
                    first, *rest = words(named.name) or [named.name]
                    camel = first + "".join(word.capitalize() for word in rest)
                    yield Report(
                        named.span,
                        f"`{quoted(named.name)}` is not in camelCase, as fields and arguments are. "
                        f"Call it `{quoted(camel)}`.",
                    )


def enum_case(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.types:
        for value in one.fields if one.kind == "enum" else ():
            if not UPPER_SNAKE.fullmatch(value.name):
                yield Report(
                    value.span,
                    f"`{quoted(value.name)}` is not in UPPER_SNAKE_CASE, as enum values are. "
                    "Call it "
                    f"`{quoted('_'.join(words(value.name)).upper())}`.",
                )


def input_suffix(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.inputs:
        if (
            not re.search(r"(?:Input|Filter|Where|OrderBy|Sort|Args|Params)\w*$", one.name)
            and not one.is_extension
        ):
            yield Report(
                one.span,
                f"`{quoted(one.name)}` reads as a type that is returned. Call it "
                f"`{quoted(one.name)}Input`.",
            )


def mutation_payload(schema: GraphqlSchema) -> Iterator[Report]:
    for field in schema.root("Mutation"):
        if field.type is not None and field.type.name in _SCALARS:
            yield Report(
                field.type.span,
                f"`{quoted(field.name)}` returns a bare {field.type.name}, to which nothing can be "
                "added later. Return a type of its own, with what changed and what went wrong.",
            )


def mutation_name(schema: GraphqlSchema) -> Iterator[Report]:
    """A mutation that does not begin with what it does, where most others do."""
    fields = schema.root("Mutation")
    lacking = [field for field in fields if not is_verb((words(field.name) or [""])[0])]
    if len(fields) > 3 and 3 * len(lacking) <= len(fields):
        for field in lacking:
            yield Report(
                field.span,
                f"Most mutations begin with what they do, as `createOrder` does, and "
                f"`{quoted(field.name)}` does not. Begin it with a verb.",
                "medium",
            )


def many_arguments(schema: GraphqlSchema) -> Iterator[Report]:
    for field in schema.root("Mutation"):
        if len(field.arguments) > 4:
            yield Report(
                field.span,
                f"`{quoted(field.name)}` takes {len(field.arguments)} arguments, each of which "
                "every client declares as a variable. Take one `input`.",
            )


def non_null_lookup(schema: GraphqlSchema) -> Iterator[Report]:
    """`user(id: ID!): User!`, which fails the whole query when there is none."""
    for field in schema.root("Query"):
        ids = [one for one in field.arguments if one.type is not None and one.type.name == "ID"]
        type_ = field.type
        if (
            len(field.arguments) == 1
            and ids
            and type_ is not None
            and not (type_.is_list or type_.is_nullable)
            and type_.name in schema.names_of_objects
            and not _ANSWER.search(type_.name)
        ):
            yield Report(
                type_.span,
                f"When there is no such {quoted(type_.name)}, or it cannot be read, all other data "
                f"of the query is lost with it. Write `{quoted(type_.name)}` without `!`.",
                "medium",
            )


def duplicate_type(schema: GraphqlSchema) -> Iterator[Report]:
    seen: set[str] = set()
    for one in schema.types:
        if one.is_extension or one.kind in ("schema", "directive") or not one.name:
            continue
        if one.name in seen:
            yield Report(
                one.span,
                f"`{quoted(one.name)}` is defined twice, and no server takes that. Merge the two, "
                "or write `extend type`.",
            )
        seen.add(one.name)


def unbounded_field(schema: GraphqlSchema) -> Iterator[Report]:
    """A list of objects below another object, which a query multiplies."""
    for owner in schema.objects:
        if owner.name in _ROOTS or _ANSWER.search(owner.name):
            continue
        for field in owner.fields:
            type_ = field.type
            is_list = type_ is not None and type_.is_list and type_.name in schema.names_of_objects
            names = {"_".join(words(argument.name)) for argument in field.arguments}
            if is_list and not names & _PAGE_ARGUMENTS:
                yield Report(
                    field.span,
                    f"`{quoted(owner.name)}.{quoted(field.name)}` returns all there is, for each "
                    f"{quoted(owner.name)} of a query. Take `first` and `after`.",
                )


def query_verb(schema: GraphqlSchema) -> Iterator[Report]:
    for field in schema.root("Query"):
        spelled = words(field.name)
        if len(spelled) > 1 and spelled[0] in ("get", "list", "fetch", "find", "retrieve"):
            noun = spelled[1] + "".join(word.capitalize() for word in spelled[2:])
            yield Report(
                field.span,
                f"That `{quoted(field.name)}` is read is clear in a query. Call it "
                f"`{quoted(noun)}`.",
            )


def query_with_side_effect(schema: GraphqlSchema) -> Iterator[Report]:
    for field in schema.root("Query"):
        verb = (words(field.name) or [""])[0]
        if verb in _CHANGING_VERBS:
            yield Report(
                field.span,
                f"`{quoted(field.name)}` seems to {verb} something. Queries are repeated, "
                "cached and "
                "run side by side: make it a mutation.",
                "medium",
            )


def nullable_items(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.objects:
        for field in one.fields:
            # In a connection each edge may fail alone, so that its list allows null.
            if (
                field.type is not None
                and field.type.nullable_items
                and field.name not in ("edges", "nodes")
            ):
                yield Report(
                    field.type.span,
                    f"Each item of `{quoted(field.name)}` may be null, and each client must "
                    "check "
                    f"for it. Write `[{field.type.name}!]`.",
                )


def deprecated_without_reason(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.types:
        for field in one.fields:
            for named in (field, *field.arguments):
                deprecated = named.directives.get("deprecated")
                if deprecated is not None and len(deprecated.get("reason", "").strip('"')) < 3:
                    yield Report(
                        named.span,
                        f"It is not said what to use in place of `{quoted(named.name)}`. Add "
                        '`@deprecated(reason: "…")`.',
                    )


def id_type(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.objects:
        for field in one.fields:
            if (
                field.name == "id"
                and field.type is not None
                and field.type.name in ("Int", "String")
            ):
                yield Report(
                    field.type.span,
                    f"`{quoted(one.name)}.id` is {field.type.name}: caches know an object by a "
                    "field "
                    "of type ID. Use it.",
                )


def secret_field(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.objects:
        for field in one.fields if one.name not in _ROOTS else ():
            if (
                _SECRET_FIELD.fullmatch("_".join(words(field.name)))
                and field.type is not None
                and field.type.name in ("String", "ID")
            ):
                yield Report(
                    field.span,
                    f"Whoever may read a {quoted(one.name)} can ask for "
                    f"`{quoted(field.name)}`. "
                    "Leave it out of what is returned.",
                    "medium",
                )


def unguarded_field(schema: GraphqlSchema) -> Iterator[Report]:
    """A mutation without the directive that most of the others have."""
    for root in ("Mutation", "Query"):
        fields = schema.root(root)
        owners = [one for one in schema.types if one.name == root]
        if any(_GUARD.search(" ".join(one.directives)) for one in owners):
            continue
        guarded = [one for one in fields if _GUARD.search(" ".join(one.directives))]
        for field in fields if 2 * len(guarded) > len(fields) else ():
            if field not in guarded and not _PUBLIC.intersection(words(field.name)):
                yield Report(
                    field.span,
                    f"`{quoted(field.name)}` has no directive that guards it, as most others of "
                    f"{root} have. Guard it, or say that it is public.",
                    "medium",
                )


def duplicate_field(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.types:
        seen: set[str] = set()
        for field in one.fields:
            if field.name in seen:
                yield Report(
                    field.span,
                    f"`{quoted(one.name)}` has two of `{quoted(field.name)}`, and no server takes "
                    "that. Remove one.",
                )
            seen.add(field.name)


def connection(schema: GraphqlSchema) -> Iterator[Report]:
    for one in schema.objects:
        if one.name.endswith("Connection") and one.kind == "type" and not one.is_extension:
            names = {field.name for field in one.fields}
            lacking = [name for name in ("edges", "pageInfo") if name not in names]
            if lacking and names and not (lacking == ["edges"] and "nodes" in names):
                yield Report(
                    one.span,
                    f"`{quoted(one.name)}` lacks `{'` and `'.join(lacking)}`, which clients expect "
                    "of a connection. Add it.",
                )


def date_as_text(schema: GraphqlSchema) -> Iterator[Report]:
    for one in (*schema.objects, *schema.inputs):
        for field in one.fields:
            spelled = "_".join(words(field.name))
            if (
                field.type is not None
                and field.type.name in ("String", "Int", "Float")
                and re.fullmatch(r"(?:\w+_)?(?:at|date|date_time|timestamp)|birthday", spelled)
                and not field.type.is_list
                and spelled != "at"
            ):
                yield Report(
                    field.type.span,
                    f"`{quoted(field.name)}` is a time as {field.type.name}, and its "
                    "form is "
                    "a guess. Use a scalar such as DateTime.",
                    "medium",
                )


def money_as_float(schema: GraphqlSchema) -> Iterator[Report]:
    for one in (*schema.objects, *schema.inputs):
        for field in one.fields:
            if (
                field.type is not None
                and field.type.name == "Float"
                and MONEY_NAME.fullmatch("_".join(words(field.name)))
            ):
                yield Report(
                    field.type.span,
                    f"`{quoted(field.name)}` is money as a binary number, which loses "
                    "cents. Use "
                    "a decimal scalar, or whole cents.",
                    "medium",
                )


def nested_lists(schema: GraphqlSchema) -> Iterator[Report]:
    """Two types that hold lists of each other: a query can go back and forth without end."""
    lists = {
        one.name: {f.type.name: f for f in one.fields if f.type is not None and f.type.is_list}
        for one in schema.objects
    }
    for name, fields in lists.items():
        for other, field in fields.items():
            if name in lists.get(other, {}) and name <= other:
                yield Report(
                    field.span,
                    f"A query can go from {quoted(name)} to {quoted(other)} and back without end, "
                    "and each step multiplies. Limit the depth or the cost of queries.",
                )


MONEY_NAME = re.compile(
    r"(?:\w+_)?(?:price|amount|cost|fee|balance|subtotal|salary|revenue|discount|tax)(?:_total)?"
)
_ANSWER = re.compile(r"(?:Payload|Result|Response|Connection|Edge|Page|Union)$")
_ROOTS = frozenset({"Query", "Mutation", "Subscription"})
_SCALARS = frozenset({"Boolean", "String", "Int", "Float", "ID"})
_PAGE_ARGUMENTS = word_set(
    """
    first last limit take skip offset page page_size per_page after before cursor top count
    size pagination paging pagination_input page_input max amount
    """
)
_CHANGING_VERBS = word_set(
    """
    create add insert delete remove destroy update modify edit save upsert activate deactivate
    enable disable cancel approve reject purge clear revoke reset send publish
    """
)
_SECRET_FIELD = re.compile(
    r"(?:\w+_)?(?:password|passwd|password_hash|hashed_password|passphrase|client_secret|"
    r"private_key|secret_key|password_salt|cvv|cvc|ssn|social_security_number)"
)
_GUARD = re.compile(
    r"(?i)auth|role|permission|guard|allow|require|protect|policy|login|scope|access|can\b"
)
_PUBLIC = word_set(
    """
    login signin signup register logout refresh reset forgot verify confirm public health
    version status ping authenticate
    """
)

CHECKS: Checks = {
    "performance/graphql-unbounded-list": unbounded_list,
    "api-design/graphql-undescribed-type": undescribed_type,
    "api-design/graphql-undescribed-field": undescribed_field,
    "api-design/graphql-type-case": type_case,
    "api-design/graphql-field-case": field_case,
    "api-design/graphql-enum-case": enum_case,
    "api-design/graphql-input-suffix": input_suffix,
    "api-design/graphql-mutation-payload": mutation_payload,
    "api-design/graphql-mutation-name": mutation_name,
    "api-design/graphql-many-arguments": many_arguments,
    "api-design/graphql-non-null-lookup": non_null_lookup,
    "api-design/graphql-duplicate-type": duplicate_type,
    "performance/graphql-unbounded-field": unbounded_field,
    "api-design/graphql-query-verb": query_verb,
    "api-design/graphql-query-with-side-effect": query_with_side_effect,
    "api-design/graphql-nullable-items": nullable_items,
    "api-design/graphql-deprecated-without-reason": deprecated_without_reason,
    "api-design/graphql-id-type": id_type,
    "security/graphql-secret-field": secret_field,
    "security/graphql-unguarded-field": unguarded_field,
    "api-design/graphql-duplicate-field": duplicate_field,
    "api-design/graphql-connection": connection,
    "api-design/graphql-date-as-text": date_as_text,
    "api-design/graphql-money-as-float": money_as_float,
    "performance/graphql-nested-lists": nested_lists,
}
