"""What SQL says, read with a few expressions: which tables it makes and by which columns it looks.

No parser: statements that are stranger than usual say nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ..core.model import Span
from .facts import MigrationStep, Place, Query

_NAME = r"[\"`\[]?[A-Za-z_][\w$]*[\"`\]]?"
_TABLE = rf"(?:{_NAME}\s*\.\s*)?(?P<table>{_NAME})"
_IF = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
_STATEMENTS = re.compile(
    rf"""
      CREATE\s+(?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED)\s+)*TABLE\s+{_IF}{_TABLE}\s*\(
    | CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?{_IF}(?:{_NAME}\s+)?ON\s+
      (?:ONLY\s+)?{_TABLE.replace("table", "indexed")}\s*(?:USING\s+\w+\s*)?\(
    | ALTER\s+TABLE\s+{_IF}(?:ONLY\s+)?{_TABLE.replace("table", "altered")}\s+
    | DROP\s+TABLE\s+{_IF}{_TABLE.replace("table", "dropped")}
    """,
    re.IGNORECASE | re.VERBOSE,
)
_COLUMN = re.compile(rf"\s*({_NAME})\s+\S", re.IGNORECASE)
_KEY = re.compile(
    rf"^\s*(?:CONSTRAINT\s+{_NAME}\s+)?(?:PRIMARY\s+KEY|UNIQUE(?:\s+(?:KEY|INDEX))?|KEY|INDEX)"
    rf"\s*(?:{_NAME}\s*)?\(([^()]*)\)",
    re.IGNORECASE,
)
_NO_COLUMN = re.compile(
    r"^\s*(?:CONSTRAINT|PRIMARY|UNIQUE|FOREIGN|CHECK|EXCLUDE|KEY|INDEX|LIKE)\b", re.IGNORECASE
)
_OWN_INDEX = re.compile(r"\b(?:PRIMARY\s+KEY|UNIQUE)\b", re.IGNORECASE)
_ADD = re.compile(rf"ADD\s+(?:COLUMN\s+)?{_IF}({_NAME})\s+(\w+)", re.IGNORECASE)
_ADD_KEY = re.compile(
    rf"ADD\s+(?:CONSTRAINT\s+{_NAME}\s+)?(?:PRIMARY\s+KEY|UNIQUE(?:\s+(?:KEY|INDEX))?|INDEX|KEY)"
    rf"\s*(?:{_NAME}\s*)?\(([^()]*)\)",
    re.IGNORECASE,
)
_DROP = re.compile(rf"DROP\s+COLUMN\s+{_IF}({_NAME})", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)


def plain(name: str) -> str:
    """An identifier without its quotes, in lower case."""
    return name.strip('"`[] ').lower()


def steps_of(sql: str, place_at: Callable[[Span], Place]) -> Iterator[MigrationStep]:
    """The changes of a schema, in text order; `place_at` turns a span of `sql` into a place."""
    # Comments go, at no cost of any offset.
    sql = _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), sql)
    for match in _STATEMENTS.finditer(sql):
        place = place_at(Span(match.start(), match.end()))
        if match["table"]:
            table = plain(match["table"])
            parts = _parts(sql, match.end())
            columns: list[str] = []
            indexes: list[tuple[str, ...]] = []
            for part in parts:
                if key := _KEY.match(part):
                    indexes.append(_columns(key[1]))
                elif not _NO_COLUMN.match(part) and (column := _COLUMN.match(part)):
                    columns.append(plain(column[1]))
                    if _OWN_INDEX.search(part):
                        indexes.append((plain(column[1]),))
            yield MigrationStep("create table", table, tuple(columns), place, tuple(indexes))
        elif match["indexed"]:
            columns_ = _columns(",".join(_parts(sql, match.end())))
            yield MigrationStep(
                "create index", plain(match["indexed"]), columns_, place, (columns_,)
            )
        elif match["altered"]:
            rest = sql[match.end() :].partition(";")[0]
            table = plain(match["altered"])
            keys = tuple(_columns(key[1]) for key in _ADD_KEY.finditer(rest))
            if keys:
                yield MigrationStep("create index", table, (), place, keys)
            added = [
                plain(name)
                for name, following in _ADD.findall(rest)
                if plain(name)
                not in ("constraint", "primary", "unique", "foreign", "index", "key", "check")
            ]
            if added:
                yield MigrationStep("add column", table, tuple(added), place)
            dropped = tuple(plain(name) for name in _DROP.findall(rest))
            if dropped:
                yield MigrationStep("drop column", table, dropped, place)
            if not (keys or added or dropped):
                yield MigrationStep("other", table, (), place)
        elif match["dropped"]:
            yield MigrationStep("drop table", plain(match["dropped"]), (), place)


_FROM = re.compile(
    rf"\b(?:FROM|UPDATE|JOIN)\s+{_TABLE}(?:\s+(?:AS\s+)?(?P<alias>(?!WHERE\b|SET\b|JOIN\b|LEFT\b|INNER\b|"
    rf"RIGHT\b|ON\b|ORDER\b|GROUP\b|LIMIT\b|CROSS\b|FULL\b|USING\b|FOR\b|RETURNING\b|UNION\b){_NAME}))?",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"\bWHERE\b(.*?)(?:\b(?:GROUP\s+BY|ORDER\s+BY|LIMIT|RETURNING|FOR\s+UPDATE|HAVING|UNION)\b|;|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_COMPARED = re.compile(
    rf"(?<![\w$])(?:({_NAME})\s*\.\s*)?({_NAME})\s*(?:=|<=|>=|<(?!>)|>|\bIN\b|\bBETWEEN\b)\s*(?!NULL\b)",
    re.IGNORECASE,
)
_ON = re.compile(
    rf"\bON\s*\(?\s*({_NAME})\s*\.\s*({_NAME})\s*=\s*({_NAME})\s*\.\s*({_NAME})", re.IGNORECASE
)
_QUERIES = tuple(
    tuple(re.compile(rf"\b(?:{word})\b", re.IGNORECASE) for word in words)
    for words in (
        ("SELECT", "FROM", "WHERE|JOIN"),
        ("UPDATE", "SET", "WHERE|JOIN"),
        (r"DELETE\s+FROM", "WHERE|JOIN"),
    )
)
"""The words that a statement has one after another."""


def queries_of(sql: str, place: Place) -> Iterator[Query]:
    """Which columns of which tables a statement looks rows up by."""
    if not any(_has_in_turn(sql, words) for words in _QUERIES):
        return
    tables = {}
    for match in _FROM.finditer(sql):
        table = plain(match["table"])
        tables[table] = table
        if match["alias"]:
            tables[plain(match["alias"])] = table
    names = list(dict.fromkeys(tables.values()))
    filtered: dict[str, list[str]] = {}
    joined: dict[str, list[str]] = {}
    for match in _ON.finditer(sql):
        for alias, column in (match.group(1, 2), match.group(3, 4)):
            if joined_table := tables.get(plain(alias)):
                joined.setdefault(joined_table, []).append(plain(column))
    for where in _WHERE.findall(sql):
        if re.search(r"\bOR\b|\(\s*SELECT\b", where, re.IGNORECASE):
            continue
        for alias, column in _COMPARED.findall(where):
            only = names[0] if len(names) == 1 else None
            if owner := tables.get(plain(alias)) if alias else only:
                filtered.setdefault(owner, []).append(plain(column))
    for table in names:
        if table in filtered or table in joined:
            yield Query(table, tuple(filtered.get(table, ())), place, tuple(joined.get(table, ())))


def _has_in_turn(text: str, words: Sequence[re.Pattern[str]]) -> bool:
    place = 0
    for word in words:
        match = word.search(text, place)
        if match is None:
            return False
        place = match.end()
    return True


def _columns(text: str) -> tuple[str, ...]:
    """The columns of an index, without order and operator class; an expression is none."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(plain(part.split()[0]) for part in parts if part and "(" not in part)


def _parts(sql: str, start: int) -> list[str]:
    """What lies between the bracket before `start` and its partner, split at its own commas."""
    depth, begin = 1, start
    parts: list[str] = []
    for match in re.compile(r"[(),]|'(?:[^']|'')*'").finditer(sql, start):
        token = match[0]
        if token == "(":
            depth += 1
        elif token == ")":
            depth -= 1
            if not depth:
                return [*parts, sql[begin : match.start()]]
        elif token == "," and depth == 1:
            parts.append(sql[begin : match.start()])
            begin = match.end()
    return parts
