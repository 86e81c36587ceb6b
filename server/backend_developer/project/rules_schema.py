"""Rules about the schema and the queries of the whole project, read together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..core.model import Proposal, ProposedFix, Replacement, Span
from ..detector import Source
from .facts import Field, FileFacts, Model
from .index import Project
from .rules_routes import first_line

_FEW_VALUES = re.compile(
    r"Bool|Enum|JSON|Json|Text$|TextField|Blob|ARRAY|Array|Binary", re.IGNORECASE
)
_FEW_VALUES_NAME = re.compile(
    r"^(?:is|has|can|should|was)_|^(?:is|has|can)[A-Z]|(?:^|_)(?:status|state|type|kind|role|active|"
    r"deleted|enabled|archived|published|gender|level|priority|flag|visibility|mode|locale|lang|"
    r"language|currency)$|(?:Status|Type|State|Kind|Role)$",
)
_KEYS = frozenset({"id", "pk", "_id", "uuid", "rowid", "oid"})
_ONCE = re.compile(
    r"/(?:migrations?|versions|seeds?|seeders|scripts?|fixtures|commands|examples?|docs?)/"
)


@dataclass(slots=True)
class _Table:
    """What is known of one table from all files."""

    columns: set[str] = field(default_factory=set)
    leading: set[str] = field(default_factory=set)
    """The first column of each index."""


def missing_index(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A column that rows are looked up by, and no index of the models or migrations begins with."""
    if not facts.models and not facts.queries:
        return
    schema = project.derived(_schema)
    told: set[Span] = set()
    for model in facts.models:
        if schema.models.get(model.name.lower(), 0) > 1:
            continue
        table = schema.tables.get(model.table.lower(), _Table())
        known = _leading_of(model) | table.leading
        fields = {name: one for one in model.fields for name in (one.name, one.column)}
        asked = {*schema.queries.get(model.name.lower(), ())}
        asked |= {*schema.queries.get(model.table.lower(), ())}
        for path, columns, joined in sorted(asked):
            found = _unindexed(columns, joined, fields, known)
            if found is None or found.place.span in told:
                continue
            told.add(found.place.span)
            where = "here" if path == facts.path else f"in {path.rpartition('/')[2]}"
            yield _proposal(
                first_line(source, found.place.span),
                f"`{model.name}.{found.name}` is what rows are looked up by {where}, and no index "
                "begins with it: each such query reads the whole table.",
                _fix(source, model, found),
            )
    if _ONCE.search(facts.path.replace("\\", "/")):
        return
    for query in facts.queries:
        named = query.model.lower()
        table = schema.tables.get(named, _Table())
        if named in schema.models or query.place.span in told:
            continue
        if not table.leading.union(_KEYS).isdisjoint(query.columns):
            continue
        wanted = (name for name in query.columns if name in table.columns)
        name = next((one for one in wanted if not _FEW_VALUES_NAME.search(one)), None)
        if name is None:
            continue
        told.add(query.place.span)
        yield _proposal(
            first_line(source, query.place.span),
            f"Rows of `{query.model}` are looked up by `{name}`, and no index of the migrations "
            "begins with it: the query reads the whole table.",
            None,
        )


def _unindexed(
    columns: tuple[str, ...],
    joined: tuple[str, ...],
    fields: Mapping[str, Field],
    known: set[str],
) -> Field | None:
    """The column of a query that wants an index; None where one helps already or none would."""
    if columns:
        if any(name in known or name in _KEYS for name in columns):
            return None
        for name in columns:
            one = fields.get(name)
            if one and not one.relation and not _has_few_values(one):
                return one
    for name in joined:
        one = fields.get(name)
        if one and one.refers_to and not one.is_indexed and known.isdisjoint((name, one.column)):
            return one
    return None


def _has_few_values(one: Field) -> bool:
    return bool(_FEW_VALUES.search(one.type) or _FEW_VALUES_NAME.search(one.name))


def _leading_of(model: Model) -> set[str]:
    """Names and columns that an index of the model itself begins with."""
    found = {group[0] for group in model.indexes if group}
    for one in model.fields:
        if one.is_indexed or one.name in found or one.column in found:
            found |= {one.name, one.column}
    return found


@dataclass(slots=True)
class _Schema:
    """What is known of all tables, and of how they are asked; names in lower case."""

    tables: dict[str, _Table] = field(default_factory=dict)
    """Of the migrations."""
    models: Counter[str] = field(default_factory=Counter)
    """Name, and table where that is another, of the models -> how many there are."""
    queries: dict[str, set[tuple[str, tuple[str, ...], tuple[str, ...]]]] = field(
        default_factory=dict
    )
    """Model or table -> (file, columns compared, columns joined) of its queries."""


def _schema(project: Project) -> _Schema:
    schema = _Schema()
    for path, facts in project.files.items():
        for step in facts.migrations:
            table = schema.tables.setdefault(step.table.lower(), _Table())
            if step.kind in ("create table", "add column"):
                table.columns.update(step.columns)
            table.leading.update(group[0] for group in step.indexed if group)
        for model in facts.models:
            schema.models.update({model.name.lower(), model.table.lower()})
        if not _ONCE.search(path.replace("\\", "/")):
            for query in facts.queries:
                known = schema.queries.setdefault(query.model.lower(), set())
                known.add((path, query.columns, query.joined))
    return schema


def _fix(source: Source, model: Model, found: Field) -> ProposedFix | None:
    """`index=True` in the column's call; the index itself is made by a migration."""
    option = {"sqlalchemy": "index=True", "sqlmodel": "index=True", "django": "db_index=True"}.get(
        model.framework
    )
    span = found.place.span
    code = source.text[span.start : span.end]
    if option is None or not code.endswith(")") or "index" in code:
        return None
    inside = code[:-1].rstrip()
    comma = "" if inside.endswith("(") else " " if inside.endswith(",") else ", "
    place = Span(span.start + len(inside), span.start + len(inside))
    title = f"Index `{found.name}`"
    return ProposedFix(title, (Replacement(place, f"{comma}{option}"),), "migration")


def _proposal(span: Span, message: str, fix: ProposedFix | None) -> Proposal:
    rule = "performance/missing-index"
    return Proposal(
        span,
        rule,
        message,
        source=f"rule:{rule}.project",
        author="local",
        confidence="medium",
        fix=fix,
    )
