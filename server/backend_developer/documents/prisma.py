"""Prisma schemas: relations without an index, money, times, and what is in plain sight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.model import Span
from ..core.names import words
from ..core.text import quoted
from .report import Checks, Report, replacing


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    """Without `?` and `[]`."""
    span: Span
    """Of the name."""
    type_span: Span
    attributes: str
    is_list: bool


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    span: Span
    columns: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...]
    """The columns of each `@@id`, `@@unique` and `@@index`, in their order."""


@dataclass(frozen=True, slots=True)
class PrismaSchema:
    provider: str
    """postgresql, mysql, …; "" when the file has no data source."""
    relation_mode: str
    url: tuple[str, Span] | None
    """The connection string when it is written out."""
    models: tuple[Model, ...]


def parse_prisma(text: str) -> PrismaSchema:
    """What a schema says of its models; what cannot be read is passed over."""
    # Comments keep their length, so that every offset stays what it was.
    plain = _COMMENT.sub(lambda match: match[1] or " " * len(match[0]), text)
    provider, mode, url = "", "", None
    models = []
    for block in _BLOCK.finditer(plain):
        body, start = block["body"], block.start("body")
        if block["kind"] == "datasource":
            settings = {entry["key"]: entry for entry in _SETTING.finditer(body)}
            provider = settings["provider"]["value"] if "provider" in settings else ""
            mode = settings["relationMode"]["value"] if "relationMode" in settings else ""
            if "url" in settings:
                found = settings["url"]
                place = Span(start + found.start("value"), start + found.end("value"))
                url = (found["value"], place)
        elif block["kind"] == "model":
            columns = tuple(_column(line, start) for line in _COLUMN.finditer(body))
            indexes = tuple(
                tuple(re.findall(r"(?:^|,)\s*(\w+)", entry["columns"]))
                for entry in _INDEX.finditer(body)
            )
            name = Span(block.start("name"), block.end("name"))
            models.append(Model(block["name"], name, columns, indexes))
    return PrismaSchema(provider, mode, url, tuple(models))


def unindexed_relation(schema: PrismaSchema) -> Iterator[Report]:
    if schema.provider in ("mysql", "mongodb") and schema.relation_mode != "prisma":
        return  # MySQL makes the index by itself, and MongoDB has no foreign keys.
    for model in schema.models:
        columns = {column.name: column for column in model.columns}
        unique = {c.name for c in model.columns if re.search(r"@(?:id|unique)\b", c.attributes)}
        first = {index[0] for index in model.indexes if index} | unique
        for relation in model.columns:
            fields = re.search(r"@relation\([^)]*\bfields:\s*\[\s*(\w+)", relation.attributes)
            column = columns.get(fields[1]) if fields is not None else None
            if column is not None and column.name not in first:
                yield Report(
                    column.span,
                    f"Each join on `{quoted(column.name)}` and each delete of a "
                    f"{quoted(relation.type)} reads the whole table. Add "
                    f"`@@index([{quoted(column.name)}])`.",
                )


def money_as_float(schema: PrismaSchema) -> Iterator[Report]:
    for model in schema.models:
        for column in model.columns:
            if column.type == "Float" and _MONEY_NAME.fullmatch("_".join(words(column.name))):
                yield Report(
                    column.type_span,
                    f"`{quoted(column.name)}` is money as a binary number, which loses cents. Use "
                    "Decimal, or whole cents.",
                    "medium",
                )


def no_updated_at(schema: PrismaSchema) -> Iterator[Report]:
    for model in schema.models:
        has_times = any("@updatedAt" in column.attributes for column in model.columns)
        is_join = sum("@relation" in column.attributes for column in model.columns) > 1
        if not has_times and not is_join and len(model.columns) > 3:
            yield Report(
                model.span,
                f"It is not known when a {quoted(model.name)} was changed. Add "
                "`updatedAt DateTime @updatedAt`.",
            )


def time_as_text(schema: PrismaSchema) -> Iterator[Report]:
    for model in schema.models:
        for column in model.columns:
            spelled = "_".join(words(column.name))
            if (
                column.type in ("String", "Int")
                and re.fullmatch(r"\w+_(?:at|date|time)", spelled)
                and not spelled.endswith(("format_date", "seat"))
            ):
                yield Report(
                    column.type_span,
                    f"`{quoted(column.name)}` is a time as {column.type}, which the database "
                    "cannot compare or check. Use DateTime.",
                    "medium",
                )


def password_in_url(schema: PrismaSchema) -> Iterator[Report]:
    if schema.url is not None and re.search(r"://[^:/@\s]+:[^@\s$]+@", schema.url[0]):
        yield Report(
            schema.url[1],
            'The database\'s password is in the repository. Use `env("DATABASE_URL")`.',
            fix=replacing(
                "Read it from the environment",
                Span(schema.url[1].start - 1, schema.url[1].end + 1),
                'env("DATABASE_URL")',
            ),
        )


def _column(match: re.Match[str], offset: int) -> Column:
    return Column(
        name=match["name"],
        type=match["type"],
        span=Span(offset + match.start("name"), offset + match.end("name")),
        type_span=Span(offset + match.start("type"), offset + match.end("type")),
        attributes=match["attributes"],
        is_list=match["mark"] == "[]",
    )


# A text without an end goes to the end of its line, so that none is looked through twice.
_COMMENT = re.compile(r'("(?:\\.|[^"\\\r\n])*+"?)|//[^\r\n]*')
_BLOCK = re.compile(
    # A block ends at the first line that begins with a brace.
    r"^[ \t]*(?P<kind>model|datasource|view|type)[ \t]+(?P<name>\w+)[ \t]*\{"
    r"(?P<body>(?:[^\n]*\n(?![ \t]*\}))*[^\n]*)",
    re.MULTILINE,
)
_SETTING = re.compile(r'^[ \t]*(?P<key>\w+)[ \t]*=[ \t]*"(?P<value>[^"\r\n]*)"', re.MULTILINE)
_COLUMN = re.compile(
    r"^[ \t]*(?P<name>[A-Za-z]\w*)[ \t]+(?P<type>[A-Za-z]\w*)(?P<mark>\[\]|\?)?"
    r"(?P<attributes>[^\r\n]*)",
    re.MULTILINE,
)
_INDEX = re.compile(
    r"^[ \t]*@@(?:id|unique|index)\((?:[^\[\r\n]*)\[(?P<columns>[^\]\r\n]*)\]", re.MULTILINE
)
_MONEY_NAME = re.compile(
    r"(?:\w+_)?(?:price|amount|cost|fee|balance|subtotal|salary|revenue|total)"
)

CHECKS: Checks = {
    "performance/prisma-unindexed-relation": unindexed_relation,
    "api-design/prisma-money-as-float": money_as_float,
    "api-design/prisma-no-updated-at": no_updated_at,
    "api-design/prisma-time-as-text": time_as_text,
    "security/hardcoded-secret": password_in_url,
}
