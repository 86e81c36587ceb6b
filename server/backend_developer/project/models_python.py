"""Models, queries and migrations of SQLAlchemy, SQLModel, Django and Alembic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from ..core.model import Span
from ..expressions import (
    Call,
    call_of,
    constant,
    constants,
    dotted,
    elements,
    find_all,
    head,
    in_order,
    is_true,
)
from ..syntax import named_children
from .facts import Field, MigrationStep, Model, Place, Query, StepKind
from .reading import place_of, unique
from .sql import queries_of as queries_in_sql
from .sql import steps_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_COLUMN_CALLS = ("Column", "mapped_column")
_EARLY = ("joined", "selectin", "subquery", "immediate")
_DJANGO_RELATIONS = ("ForeignKey", "OneToOneField", "ManyToManyField", "GenericRelation")


def models_of(root: SgNode) -> Iterator[Model]:
    """Each class that stands for a table."""
    for node in root.find_all(kind="class_definition"):
        body, name_node = node.field("body"), node.field("name")
        bases = node.field("superclasses")
        if body is None or name_node is None or bases is None:
            continue
        name, bases_text = name_node.text(), bases.text()
        if re.search(
            r"Serializer|Form\b|Filter|Schema|Factory|Admin|TestCase|BaseModel", bases_text
        ):
            continue
        fields: list[Field] = []
        frameworks: set[str] = set()
        table = ""
        indexes: list[tuple[str, ...]] = []
        for statement in named_children(body):
            if statement.kind() == "class_definition":
                meta_table, meta_indexes = _django_meta(statement)
                table, indexes = table or meta_table, indexes + meta_indexes
                continue
            inner = next(named_children(statement), None)
            if inner is None or inner.kind() != "assignment":
                continue
            left, right = dotted(inner.field("left")), inner.field("right")
            if left == "__tablename__":
                table = constant(right) or ""
                frameworks.add("sqlalchemy")
            elif left == "__table_args__":
                indexes += _table_arguments(right)
            elif field := _field(left, inner, right):
                framework, one = field
                frameworks.add(framework)
                fields.append(one)
        if not fields and not table:
            continue
        framework = next(
            (one for one in ("django", "sqlalchemy", "sqlmodel") if one in frameworks), ""
        )
        if framework == "sqlmodel" and "table=True" not in bases_text.replace(" ", ""):
            framework = ""
        if framework == "sqlalchemy" and "SQLModel" in bases_text:
            framework = "sqlmodel"
        if framework:
            if framework == "sqlmodel":
                table = table or name.lower()
            yield Model(
                name, table, framework, place_of(node), tuple(fields), tuple(dict.fromkeys(indexes))
            )


def _field(name: str, assignment: SgNode, right: SgNode | None) -> tuple[str, Field] | None:
    """The framework and the field that an assignment in a class body makes."""
    annotation = assignment.field("type")
    place = place_of(assignment)
    call = call_of(right)
    if not name or name.startswith("__"):
        return None
    if call is None:
        if annotation is not None and annotation.text().startswith("Mapped["):
            return "sqlalchemy", Field(name, name, place, annotation.text()[7:-1])
        return None
    if call.name in _COLUMN_CALLS:
        return "sqlalchemy", _sqlalchemy_column(name, call, place, annotation)
    if call.name in ("relationship", "dynamic_loader", "Relationship"):
        target = constant(call.argument(0)) or head(call.argument(0))
        if not target and annotation is not None:
            words = re.findall(r"[A-Za-z_]\w*", annotation.text())
            target = words[-1] if words else ""
        lazy = constant(call.named.get("lazy"))
        return "sqlmodel" if call.name == "Relationship" else "sqlalchemy", Field(
            name, name, place, "relationship", relation=target, is_loaded_early=lazy in _EARLY
        )
    if call.name == "Field" and annotation is not None:
        refers_to = constant(call.named.get("foreign_key")) or ""
        indexed = any(is_true(call.named.get(key)) for key in ("index", "unique", "primary_key"))
        return "sqlmodel", Field(
            name, name, place, annotation.text(), is_indexed=indexed, refers_to=refers_to
        )
    receiver = dotted(call.receiver)
    if receiver in ("models", "gis_models") or (
        not receiver and (call.name in _DJANGO_RELATIONS or call.name.endswith("Field"))
    ):
        return "django", _django_field(name, call, place)
    return None


def _sqlalchemy_column(name: str, call: Call, place: Place, annotation: SgNode | None) -> Field:
    column, type_, refers_to = name, "", ""
    for position, argument in enumerate(call.positional):
        text = constant(argument)
        if text is not None and position == 0:
            column = text
        elif (inner := call_of(argument)) and inner.name == "ForeignKey":
            target = inner.argument(0)
            refers_to = constant(target) or dotted(target)
        elif not type_:
            type_ = head(argument)
    type_ = type_ or (annotation.text() if annotation else "")
    indexed = any(is_true(call.named.get(key)) for key in ("index", "unique", "primary_key"))
    return Field(name, column, place, type_, indexed, refers_to)


def _django_field(name: str, call: Call, place: Place) -> Field:
    column = constant(call.named.get("db_column"))
    if call.name in _DJANGO_RELATIONS:
        target = call.argument(0, "to")
        model = (constant(target) or head(target)).rpartition(".")[2]
        has_index = call.named.get("db_index")
        if call.name in ("ManyToManyField", "GenericRelation"):
            return Field(name, name, place, call.name, relation=model)
        return Field(
            name,
            column or f"{name}_id",
            place,
            call.name,
            is_indexed=has_index is None or is_true(has_index),
            refers_to=model,
            relation=model,
        )
    indexed = any(is_true(call.named.get(key)) for key in ("db_index", "unique", "primary_key"))
    indexed = indexed or call.name in ("SlugField", "AutoField", "BigAutoField")
    return Field(name, column or name, place, call.name, indexed)


def _django_meta(node: SgNode) -> tuple[str, list[tuple[str, ...]]]:
    """The table and the indexes of a model's `class Meta`."""
    table, indexes = "", []
    for assignment in node.find_all(kind="assignment"):
        left, right = dotted(assignment.field("left")), assignment.field("right")
        if left == "db_table":
            table = constant(right) or ""
        elif left in ("unique_together", "index_together"):
            groups = [constants(one) for one in elements(right)]
            if groups and all(len(group) == 1 for group in groups):
                groups = [tuple(name for group in groups for name in group)]
            indexes += groups
        elif left in ("indexes", "constraints"):
            for call in map(call_of, elements(right)):
                if call and call.name in (
                    "Index",
                    "UniqueConstraint",
                    "GinIndex",
                    "BTreeIndex",
                    "HashIndex",
                ):
                    names = constants(call.named.get("fields"))
                    indexes.append(tuple(name.lstrip("-") for name in names))
    return table, [group for group in indexes if group]


def _table_arguments(node: SgNode | None) -> list[tuple[str, ...]]:
    found = []
    for call in map(call_of, elements(node)):
        if call and call.name in ("Index", "UniqueConstraint", "PrimaryKeyConstraint"):
            skipped = 1 if call.name == "Index" else 0
            columns = [_column_name(one) for one in call.positional[skipped:]]
            found.append(tuple(name for name in columns if name))
    return [group for group in found if group]


def _column_name(node: SgNode) -> str:
    text = constant(node)
    if text is not None:
        return text
    call = call_of(node)
    while call and call.receiver is not None and call.name in ("desc", "asc"):
        node = call.receiver
        call = call_of(node)
    return dotted(node).rpartition(".")[2]


# --- Queries

_FILTERS = {
    "rule": {
        "kind": "call",
        "has": {
            "field": "function",
            "kind": "attribute",
            "has": {
                "field": "attribute",
                "regex": "^(?:filter|filter_by|where|get|exclude|get_or_create|join|outerjoin|aget|"
                "first_or_404|update_or_create)$",
            },
        },
    }
}
_STATEMENTS = ("expression_statement", "assignment", "return_statement", "for_statement", "block")
_NO_INDEX_HELPS = re.compile(
    r"contains|endswith|regex|search|date|year|month|day|isnull|iexact|istarts"
)


def queries_of(root: SgNode, text: str) -> Iterator[Query]:
    """By which columns rows are looked up."""
    found: dict[tuple[int, str], tuple[Place, list[str], list[str]]] = {}

    def add(node: SgNode, model: str, filtered: list[str], joined: list[str]) -> None:
        start = _statement_start(node)
        _, columns, others = found.setdefault((start, model), (place_of(node), [], []))
        columns += filtered
        others += joined

    if re.search(r"\.(?:filter|filter_by|where|join|outerjoin|objects)\b", text):
        for node in in_order(find_all(root, _FILTERS)):
            call = call_of(node)
            if call is None or call.receiver is None:
                continue
            if model := _django_model(call.receiver):
                columns = [
                    name
                    for key in call.named
                    if (name := _django_column(key)) and key != "defaults"
                ]
                if columns and not call.positional:
                    add(node, model, columns, [])
            elif call.name == "filter_by":
                if model := _queried_model(call.receiver):
                    add(node, model, list(call.named), [])
            elif call.name in ("filter", "where", "join", "outerjoin"):
                for model, column, is_join in _compared(call):
                    add(node, model, [] if is_join else [column], [column] if is_join else [])
    if re.search(r"\b(?:WHERE|where|JOIN|join)\b", text):
        rule = {
            "rule": {
                "kind": "string",
                "regex": r"(?is)\b(?:select|update|delete)\b.*\b(?:where|join)\b",
            }
        }
        for node in find_all(root, rule):
            if sql := constant(node):
                yield from queries_in_sql(sql, place_of(node))
    for (_, model), (place, columns, joined) in found.items():
        yield Query(model, unique(columns), place, unique(joined))


def _statement_start(node: SgNode) -> int:
    start = node.range().start.index
    for parent in node.ancestors():
        if parent.kind() in _STATEMENTS:
            break
        start = parent.range().start.index
    return start


_OBJECTS = re.compile(r"\b([A-Z]\w*)\.(?:objects|_default_manager)\b")


def _django_model(receiver: SgNode) -> str:
    match = _OBJECTS.match(receiver.text()[:200])
    return match[1] if match else ""


def _django_column(key: str) -> str:
    """The column of `email__iexact=…`; "" when it is another table's or no index would help."""
    name, _, lookup = key.partition("__")
    if lookup and (
        _NO_INDEX_HELPS.search(lookup)
        or lookup
        not in ("in", "gt", "gte", "lt", "lte", "range", "exact", "startswith", "id", "pk")
    ):
        return ""
    return "" if name == "pk" else name


_QUERIED = re.compile(
    r"\b(?:query|select|delete|update|exists)\(\s*(?:\w+\.)?([A-Z]\w*)\b|\b([A-Z]\w*)\.query\b"
)


def _queried_model(receiver: SgNode) -> str:
    match = _QUERIED.search(receiver.text()[:500])
    return (match[1] or match[2]) if match else ""


def _compared(call: Call) -> Iterator[tuple[str, str, bool]]:
    """(Model, column, whether it is joined) of the comparisons among a call's arguments."""
    for argument in call.positional:
        nodes = [argument]
        if argument.kind() not in ("comparison_operator", "call"):
            nodes = argument.find_all(kind="comparison_operator")
        for node in nodes:
            if node.kind() == "comparison_operator":
                names = [dotted(one) for one in named_children(node)]
                columns = [
                    name for name in names if re.fullmatch(r"(?:\w+\.)?[A-Z]\w*\.[a-z_]\w*", name)
                ]
                operators = node.text()
                if "!=" in operators or " is " in operators:
                    continue
                for name in columns:
                    model, column = name.split(".")[-2:]
                    yield model, column, len(columns) == 2
            elif node.kind() == "call":
                inner = call_of(node)
                owner = dotted(inner.receiver) if inner else ""
                if inner and inner.name in ("in_", "between") and owner.count("."):
                    model, column = owner.split(".")[-2:]
                    if model[:1].isupper():
                        yield model, column, False


# --- Migrations

_STEPS: Mapping[str, StepKind] = {
    "create_table": "create table",
    "drop_table": "drop table",
    "add_column": "add column",
    "drop_column": "drop column",
    "create_index": "create index",
    "create_unique_constraint": "create index",
    "create_primary_key": "create index",
    "drop_index": "drop index",
    "alter_column": "other",
    "CreateModel": "create table",
    "DeleteModel": "drop table",
    "AddField": "add column",
    "RemoveField": "drop column",
    "AlterField": "other",
    "AddIndex": "create index",
    "AddConstraint": "create index",
    "RemoveIndex": "drop index",
    "RunSQL": "other",
    "execute": "other",
}


def migrations_of(root: SgNode, text: str) -> Iterator[MigrationStep]:
    """The changes of the schema that an Alembic or Django migration makes, in text order."""
    if not re.search(r"\bop\.|batch_op\.|migrations\.", text) or (
        "def downgrade" not in text and "class Migration" not in text and "op." not in text
    ):
        return
    rule = {
        "rule": {
            "kind": "call",
            "has": {
                "field": "function",
                "kind": "attribute",
                "all": [
                    {"has": {"field": "object", "regex": r"^(?:op|batch_op|migrations)$"}},
                    {"has": {"field": "attribute", "regex": f"^(?:{'|'.join(_STEPS)})$"}},
                ],
            },
        }
    }
    for node in find_all(root, rule):
        call = call_of(node)
        if call is None or _is_downgrade(node):
            continue
        place = place_of(node)
        if call.name in ("execute", "RunSQL"):
            for statement in elements(call.argument(0, "sql")):
                sql = constant(statement)
                inner = call_of(statement)
                sql = sql or (constant(inner.argument(0)) if inner else None)
                if sql:
                    yield from steps_of(sql, partial(_at, place))
        elif dotted(call.receiver) == "migrations":
            yield _django_step(call, place)
        else:
            yield _alembic_step(call, place, _batch_table(node))


def _at(place: Place, _: Span) -> Place:
    return place


def _alembic_step(call: Call, place: Place, batch_table: str) -> MigrationStep:
    kind = _STEPS[call.name]
    arguments = list(call.positional)
    named = call.name in (
        "create_index",
        "create_unique_constraint",
        "create_primary_key",
        "drop_index",
    )
    if named:
        arguments = arguments[1:]
    table = batch_table
    if not table:
        table = (
            constant(call.named.get("table_name")) or (constant(arguments[0]) if arguments else "")
        ) or ""
        if "table_name" not in call.named:
            arguments = arguments[1:]
    if kind == "create index":
        lists = [*map(constants, arguments), constants(call.named.get("columns"))]
        group = next(filter(None, lists), ())
        return MigrationStep(kind, table, group, place, (group,) if group else ())
    columns: list[str] = []
    indexed: list[tuple[str, ...]] = []
    for argument in arguments:
        inner = call_of(argument)
        if inner is None:
            if (name := constant(argument)) is not None:
                columns.append(name)
        elif inner.name == "Column" and (name := constant(inner.argument(0, "name"))):
            columns.append(name)
            if any(is_true(inner.named.get(key)) for key in ("index", "unique", "primary_key")):
                indexed.append((name,))
        elif inner.name in ("UniqueConstraint", "PrimaryKeyConstraint", "Index"):
            skipped = 1 if inner.name == "Index" else 0
            names = [constant(one) for one in inner.positional[skipped:]]
            indexed.append(tuple(name for name in names if name))
    return MigrationStep(kind, table, tuple(columns), place, tuple(filter(None, indexed)))


def _django_step(call: Call, place: Place) -> MigrationStep:
    model = constant(call.argument(0, "model_name") or call.named.get("name")) or ""
    name = constant(call.named.get("name")) if call.name != "CreateModel" else None
    return MigrationStep(_STEPS[call.name], model.lower(), (name,) if name else (), place)


def _batch_table(node: SgNode) -> str:
    for parent in node.ancestors():
        if parent.kind() == "with_statement":
            match = re.search(r"batch_alter_table\(\s*[\"']([^\"']+)", parent.text()[:300])
            return match[1] if match else ""
    return ""


def _is_downgrade(node: SgNode) -> bool:
    for parent in node.ancestors():
        if parent.kind() == "function_definition":
            name = parent.field("name")
            return name is not None and name.text() == "downgrade"
    return False
