"""What files that are no program say: API descriptions, SQL, Prisma schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ..core.model import Span
from ..detector import Source
from .facts import Field, FileFacts, Model, Operation, Place
from .guarding import word_set
from .reading import joined, path_of
from .sql import steps_of

_DESCRIPTION = re.compile(r"^[^\S\n]*[\"']?(?:openapi|swagger)[\"']?\s*:", re.MULTILINE)
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def description_facts(source: Source) -> FileFacts:
    """The operations of an OpenAPI document; nothing for any other YAML or JSON."""
    path = source.document.path or source.document.uri
    empty = FileFacts(path, source.document.language)
    head = source.text[:4000]
    if not (_DESCRIPTION.search(head) or re.match(r"\s*\{\s*\"(?:openapi|swagger)\"", head)):
        return empty
    import yaml  # Not at the top: the server does without it.

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(source.text, Loader=loader)
    except yaml.YAMLError:
        return empty
    entries = _entries(root)
    base = _text(entries.get("basePath", (None, None))[1])
    servers = [base] if base else []
    for server in _items(entries.get("servers", (None, None))[1]):
        url = _text(_entries(server).get("url", (None, None))[1])
        servers.append(urlsplit(re.sub(r"\{[^}]*\}", "x", url)).path)
    secured = _items(entries.get("security", (None, None))[1]) != []
    operations = []
    for url_path, (_, item) in _entries(entries.get("paths", (None, None))[1]).items():
        for method, (key, operation) in _entries(item).items():
            if method not in _METHODS or key is None:
                continue
            parts = _entries(operation)
            _, id_node = parts.get("operationId", (None, None))
            own = parts.get("security")
            operations.append(
                Operation(
                    method.upper(),
                    path_of(url_path)[0],
                    _text(id_node),
                    Place(Span(key.start_mark.index, key.end_mark.index), key.start_mark.line),
                    secured if own is None else _items(own[1]) != [],
                    tuple(_entries(parts.get("responses", (None, None))[1])),
                )
            )
    return FileFacts(
        path,
        source.document.language,
        operations=tuple(operations),
        servers=tuple(dict.fromkeys(joined(one) for one in servers if one.strip("/"))),
    )


def _entries(node: Any) -> dict[str, tuple[Any, Any]]:
    """The entries of a YAML node that is a mapping: key's text -> (key, value)."""
    if node is None or node.id != "mapping":
        return {}
    return {str(key.value): (key, value) for key, value in node.value if key.id == "scalar"}


def _items(node: Any) -> list[Any]:
    return list(node.value) if node is not None and node.id == "sequence" else []


def _text(node: Any) -> str:
    return str(node.value) if node is not None and node.id == "scalar" else ""


def sql_facts(source: Source) -> FileFacts:
    """The changes of the schema in a file of SQL."""
    lines = source.lines

    def place_at(span: Span) -> Place:
        return Place(span, lines.line_of(span.start))

    return FileFacts(
        source.document.path or source.document.uri,
        "sql",
        migrations=tuple(steps_of(source.text, place_at)),
    )


_PRISMA_MODEL = re.compile(r"^[ \t]*model\s+(\w+)\s*\{(.*?)^[ \t]*\}", re.MULTILINE | re.DOTALL)
_PRISMA_FIELD = re.compile(r"^[ \t]*(\w+)[ \t]+(\w+)(\[\]|\?)?([^\n]*)$", re.MULTILINE)
_PRISMA_INDEX = re.compile(r"@@(?:index|unique|id)\(\s*(?:fields:\s*)?\[([^\]]*)\]")
_PRISMA_SCALARS = word_set(
    "String Boolean Int BigInt Float Decimal DateTime Json Bytes Unsupported"
)


def prisma_facts(source: Source) -> FileFacts:
    """The models of a Prisma schema."""
    return FileFacts(
        source.document.path or source.document.uri,
        "prisma",
        models=tuple(_prisma_models(source)),
    )


def _prisma_models(source: Source) -> Iterator[Model]:
    text, lines = source.text, source.lines
    enums = set(re.findall(r"^[ \t]*enum\s+(\w+)", text, re.MULTILINE))
    for match in _PRISMA_MODEL.finditer(text):
        name, body, start = match[1], match[2], match.start(2)
        table = re.search(r"@@map\(\s*(?:name:\s*)?\"([^\"]+)", body)
        fields = []
        for line in _PRISMA_FIELD.finditer(body):
            span = Span(start + line.start(1), start + line.end())
            column = re.search(r"@map\(\s*(?:name:\s*)?\"([^\"]+)", line[4])
            is_relation = line[2] not in _PRISMA_SCALARS and line[2] not in enums
            fields.append(
                Field(
                    line[1],
                    column[1] if column else line[1],
                    Place(span, lines.line_of(span.start)),
                    line[2],
                    is_indexed=bool(re.search(r"@(?:id|unique)\b", line[4])),
                    relation=line[2] if is_relation else "",
                )
            )
        indexes = [
            tuple(re.sub(r"\(.*", "", part).strip() for part in group.split(","))
            for group in _PRISMA_INDEX.findall(body)
        ]
        place = Place(Span(*match.span()), lines.line_of(match.start()))
        yield Model(
            name, table[1] if table else name, "prisma", place, tuple(fields), tuple(indexes)
        )
