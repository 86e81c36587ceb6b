"""Models, queries and migrations of Sequelize, TypeORM, Mongoose, Prisma and Knex."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from ..core.model import Span
from ..expressions import (
    Call,
    bare,
    call_of,
    constant,
    constants,
    dotted,
    elements,
    find_all,
    head,
    in_order,
    is_true,
    pairs,
)
from ..syntax import named_children
from .facts import Field, MigrationStep, Model, Place, Query, StepKind
from .guarding import word_set
from .reading import place_of, unique
from .sql import queries_of as queries_in_sql
from .sql import steps_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def models_of(root: SgNode, text: str) -> Iterator[Model]:
    """Each class, schema or definition that stands for a table or collection."""
    if "Schema(" in text:
        yield from _mongoose(root)
    if "@Entity" in text:
        yield from _typeorm(root)
    if re.search(r"\.define\(|\.init\(", text):
        yield from _sequelize(root)


def _mongoose(root: SgNode) -> Iterator[Model]:
    indexes: dict[str, list[tuple[str, ...]]] = {}
    names: dict[str, str] = {}
    for node in root.find_all(kind="call_expression"):
        call = call_of(node)
        if call is None:
            continue
        if call.name == "index" and (columns := tuple(pairs(call.argument(0)))):
            indexes.setdefault(dotted(call.receiver), []).append(columns)
        elif call.name == "model" and (name := constant(call.argument(0))):
            names[dotted(call.argument(1))] = name
    for node in root.find_all(kind="variable_declarator"):
        variable, call = dotted(node.field("name")), call_of(node.field("value"))
        if call is None or call.name != "Schema":
            continue
        fields = []
        for name, value in pairs(call.argument(0)).items():
            one = next(iter(elements(value)), value)
            options = pairs(one)
            reference = constant(options.get("ref")) or ""
            indexed = any(is_true(options.get(key)) for key in ("index", "unique"))
            type_ = head(options.get("type")) if options else head(one)
            fields.append(Field(name, name, place_of(value), type_, indexed, reference, ""))
        model = names.get(variable) or re.sub(r"[sS]chema$", "", variable)
        yield Model(
            model,
            model,
            "mongoose",
            place_of(node),
            tuple(fields),
            tuple(indexes.get(variable, ())),
        )


def _typeorm(root: SgNode) -> Iterator[Model]:
    for node in root.find_all(kind="class_declaration"):
        parent = node.parent()
        around = list(node.children())
        if parent is not None and parent.kind() == "export_statement":
            around = [*parent.children(), *around]
        calls = [
            call
            for one in around
            if one.kind() == "decorator" and (call := call_of(next(named_children(one), None)))
        ]
        entity = next((call for call in calls if call.name == "Entity"), None)
        name_node, body = node.field("name"), node.field("body")
        if entity is None or name_node is None or body is None:
            continue
        options = pairs(entity.argument(0))
        name = name_node.text()
        table = constant(entity.argument(0)) or constant(options.get("name")) or name
        indexes = [
            columns
            for call in calls
            if call.name in ("Index", "Unique")
            for one in call.positional
            if (
                columns := constants(one) if bare(one) is not None and one.kind() == "array" else ()
            )
        ]
        fields = [
            field
            for child in named_children(body)
            if child.kind() == "public_field_definition" and (field := _typeorm_field(child))
        ]
        yield Model(name, table, "typeorm", place_of(node), tuple(fields), tuple(indexes))


def _typeorm_field(node: SgNode) -> Field | None:
    name_node = node.field("name")
    calls = [
        call
        for one in node.children()
        if one.kind() == "decorator" and (call := call_of(next(named_children(one), None)))
    ]
    if name_node is None or not calls:
        return None
    name, column, type_, target = name_node.text(), "", "", ""
    indexed = early = False
    for call in calls:
        options = next((found for one in call.positional if (found := pairs(one))), {})
        if call.name in ("PrimaryGeneratedColumn", "PrimaryColumn", "Index"):
            indexed = True
        if call.name in ("ManyToOne", "OneToMany", "OneToOne", "ManyToMany"):
            words = re.findall(r"=>\s*(\w+)", call.node.text()[:200])
            target = words[0] if words else constant(call.argument(0)) or ""
            early = is_true(options.get("eager"))
            indexed = indexed or call.name == "OneToOne"
        if call.name == "JoinColumn":
            column = constant(options.get("name")) or column
        if call.name.endswith("Column"):
            type_ = constant(call.argument(0)) or constant(options.get("type")) or type_
            column = constant(options.get("name")) or column
            indexed = indexed or is_true(options.get("unique")) or is_true(options.get("primary"))
    return Field(name, column or name, place_of(node), type_, indexed, target, target, early)


def _sequelize(root: SgNode) -> Iterator[Model]:
    for node in root.find_all(kind="call_expression"):
        call = call_of(node)
        if call is None or call.name not in ("define", "init"):
            continue
        is_define = call.name == "define"
        attributes = pairs(call.argument(1 if is_define else 0))
        options = pairs(call.argument(2 if is_define else 1))
        name = constant(call.argument(0)) if is_define else dotted(call.receiver)
        if not name or not attributes or (not is_define and "sequelize" not in options):
            continue
        fields = []
        for key, value in attributes.items():
            entries = pairs(value)
            reference = pairs(entries.get("references"))
            refers_to = constant(reference.get("model")) or head(reference.get("model"))
            indexed = any(is_true(entries.get(one)) for one in ("unique", "primaryKey"))
            column = constant(entries.get("field")) or key
            type_ = head(entries.get("type") if entries else value)
            fields.append(Field(key, column, place_of(value), type_, indexed, refers_to))
        indexes = [
            columns
            for one in elements(options.get("indexes"))
            if (columns := constants(pairs(one).get("fields")))
        ]
        table = constant(options.get("tableName")) or name
        yield Model(name, table, "sequelize", place_of(node), tuple(fields), tuple(indexes))


# --- Queries

_STATEMENTS_IN_TEXT: Mapping[str, object] = {
    "rule": {
        "any": [{"kind": "string"}, {"kind": "template_string"}],
        "regex": r"(?is)\b(?:select|update|delete)\b.*\b(?:where|join)\b",
    }
}
_FINDERS = word_set(
    "find findOne findAll findMany findFirst findUnique findBy findOneBy findAndCount "
    "findAndCountAll findOneAndUpdate findOneAndDelete findFirstOrThrow updateMany deleteMany "
    "updateOne deleteOne count countDocuments exists update destroy findOrFail findOneOrFail "
    "findOrCreate"
)
_PRISMA = re.compile(r"(?:prisma|db|tx|client|this\.\w+|\$\w+)\.(?P<model>[a-z]\w*)$")


def queries_of(root: SgNode, text: str) -> Iterator[Query]:
    """By which columns rows are looked up."""
    if re.search(rf"\.(?:{'|'.join(_FINDERS)})\(", text):
        rule = {
            "rule": {
                "kind": "call_expression",
                "has": {
                    "field": "function",
                    "kind": "member_expression",
                    "has": {"field": "property", "regex": f"^(?:{'|'.join(_FINDERS)})$"},
                },
            }
        }
        for node in find_all(root, rule):
            call = call_of(node)
            model = _model_of(call) if call else ""
            if call is None or not model:
                continue
            options = [pairs(one) for one in call.positional]
            where = next((one["where"] for one in options if "where" in one), None)
            entries = pairs(where) if where is not None else options[0] if options else {}
            if where is None and _PRISMA.search(dotted(call.receiver)) and not model[:1].isupper():
                continue
            columns = [
                name
                for name in entries
                if re.fullmatch(r"[a-zA-Z_]\w*", name) and name not in ("OR", "AND", "NOT")
            ]
            if columns and "OR" not in entries and "$or" not in entries:
                yield Query(model, unique(columns), place_of(node))
    if re.search(r"\.(?:where|andWhere)\(", text):
        yield from _knex_queries(root)
    if re.search(r"\b(?:WHERE|where|JOIN|join)\b", text):
        for node in find_all(root, _STATEMENTS_IN_TEXT):
            if sql := constant(node):
                yield from queries_in_sql(sql, place_of(node))


def _model_of(call: Call) -> str:
    """The model that `User.findOne`, `prisma.user.findMany`, `this.userRepository.find` ask."""
    receiver = dotted(call.receiver)
    last = receiver.rpartition(".")[2]
    if prisma := _PRISMA.search(receiver):
        if re.search(r"(?:[rR]epository|[rR]epo|[mM]odel)$", prisma["model"]):
            last = prisma["model"]
        else:
            return prisma["model"]
    bare_name = re.sub(r"(?:[rR]epository|[rR]epo|Model)$", "", last)
    if bare_name != last and bare_name:
        return bare_name[:1].upper() + bare_name[1:]
    return last if last[:1].isupper() else ""


def _knex_queries(root: SgNode) -> Iterator[Query]:
    rule = {
        "rule": {
            "kind": "call_expression",
            "has": {
                "field": "function",
                "kind": "member_expression",
                "has": {"field": "property", "regex": "^(?:where|andWhere|whereIn)$"},
            },
        }
    }
    found: dict[tuple[int, str], tuple[SgNode, list[str]]] = {}
    for node in in_order(find_all(root, rule)):
        call = call_of(node)
        inner = call_of(call.receiver) if call else None
        while inner and inner.receiver is not None and inner.name not in ("from", "into", "table"):
            inner = call_of(inner.receiver)
        if call is None or inner is None:
            continue
        table = constant(inner.argument(0))
        column = constant(call.argument(0))
        columns = [column] if column else list(pairs(call.argument(0)))
        if table and (inner.name in ("knex", "db", "trx", "from", "into", "table")):
            start = inner.node.range().start.index
            _, known = found.setdefault((start, table), (node, []))
            known += (name.rpartition(".")[2] for name in columns)
    for (_, table), (node, columns) in found.items():
        yield Query(table, unique(columns), place_of(node))


# --- Migrations

_STEPS: Mapping[str, StepKind] = {
    "createTable": "create table",
    "dropTable": "drop table",
    "dropTableIfExists": "drop table",
    "alterTable": "add column",
    "table": "add column",
    "addColumn": "add column",
    "removeColumn": "drop column",
    "addIndex": "create index",
    "addConstraint": "create index",
    "removeIndex": "drop index",
    "changeColumn": "other",
    "raw": "other",
    "query": "other",
    "createIndex": "create index",
}


def migrations_of(root: SgNode, text: str) -> Iterator[MigrationStep]:
    """The changes of the schema that a Knex, Sequelize or TypeORM migration makes."""
    if not re.search(r"schema\.|queryInterface|queryRunner|MigrationInterface", text):
        return
    rule = {
        "rule": {
            "kind": "call_expression",
            "has": {
                "field": "function",
                "kind": "member_expression",
                "all": [
                    {
                        "has": {
                            "field": "object",
                            "regex": r"schema$|queryInterface$|queryRunner$|knex$",
                        }
                    },
                    {"has": {"field": "property", "regex": f"^(?:{'|'.join(_STEPS)})$"}},
                ],
            },
        }
    }
    for node in find_all(root, rule):
        call = call_of(node)
        if call is None or _is_down(node):
            continue
        place = place_of(node)
        if call.name in ("raw", "query"):
            if sql := constant(call.argument(0)):
                yield from steps_of(sql, partial(_at, place))
            continue
        table = constant(call.argument(0)) or ""
        if call.name == "addIndex":
            second = call.argument(1)
            columns = constants(second) or constants(pairs(second).get("fields"))
            yield MigrationStep(
                "create index", table, columns, place, (columns,) if columns else ()
            )
            continue
        columns_, indexed = _table_builder(call.argument(1))
        if call.name in ("addColumn", "removeColumn"):
            columns_ = [name for name in [constant(call.argument(1))] if name]
        yield MigrationStep(_STEPS[call.name], table, tuple(columns_), place, tuple(indexed))


def _at(place: Place, _: Span) -> Place:
    return place


def _table_builder(node: SgNode | None) -> tuple[list[str], list[tuple[str, ...]]]:
    """The columns and indexes that `table => { table.string('email').unique(); … }` makes."""
    columns: list[str] = []
    indexed: list[tuple[str, ...]] = []
    if node is None:
        return columns, indexed
    for name, value in pairs(node).items():
        columns.append(name)
        entries = pairs(value)
        if is_true(entries.get("unique")) or is_true(entries.get("primaryKey")):
            indexed.append((name,))
    for one in node.find_all(kind="call_expression"):
        call = call_of(one)
        if call is None:
            continue
        names = constants(call.argument(0))
        if call.name in ("index", "unique", "primary"):
            start = call_of(call.receiver)
            while start and start.receiver is not None and call_of(start.receiver):
                start = call_of(start.receiver)
            column = constant(start.argument(0)) if start else None
            if names and not column:
                indexed.append(names)
            elif column:
                indexed.append((column,))
        elif dotted(call.receiver) and names and len(dotted(call.receiver)) <= 8:
            columns.append(names[0])
            if call.name in ("increments", "bigIncrements"):
                indexed.append((names[0],))
        elif call.name == "increments":
            indexed.append(("id",))
    return columns, indexed


def _is_down(node: SgNode) -> bool:
    for parent in node.ancestors():
        name = parent.field("name") or parent.field("left") or parent.field("key")
        if (
            parent.kind()
            in (
                "function_declaration",
                "method_definition",
                "pair",
                "assignment_expression",
                "variable_declarator",
            )
            and name is not None
        ):
            if re.search(r"(?:^|\.)down$", name.text()):
                return True
            if re.search(r"(?:^|\.)up$", name.text()):
                return False
    return False
