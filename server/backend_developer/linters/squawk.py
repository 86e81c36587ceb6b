"""Squawk: SQL migrations of PostgreSQL, by the locks that they take and the clients they break."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.model import Span
from ..core.text import Lines
from ..detector import Source
from ..syntax import parse, span_of
from .messages import Message, first_line, index_of, run_on_files
from .process import find_program

if TYPE_CHECKING:
    from ast_grep_py import SgNode

SQL = frozenset({"sql"})
LANGUAGES = SQL | {"python", "javascript", "typescript"}
"""In the latter three, the statements that a migration hands to the database as text."""


def run_squawk(sources: Sequence[Source], codes: Sequence[str]) -> list[list[Message]]:
    """What squawk says of each SQL text, or of the SQL in a migration's code.

    Nothing where it is not installed; nor of what is no PostgreSQL: a text that squawk cannot
    read, or another database's. A project's configuration is ignored; `-- squawk-ignore` is
    honoured. Raises LinterError.
    """
    squawk = find_program("squawk", anywhere=True)
    messages: list[list[Message]] = [[] for _ in sources]
    if squawk is None:
        return messages
    scripts = [
        script
        for index, source in enumerate(sources)
        for script in _scripts(index, source)
        if not _OTHER.search(script.text)
    ]
    if not scripts:
        return messages
    command = [squawk, "--config", "squawk.toml", "--reporter", "json"]
    command += [f"--include={code}" for code in OPT_IN if code in codes]
    entries = run_on_files(
        command,
        [("migration.sql", script.text) for script in scripts],
        configuration=("squawk.toml", NEWEST_SERVER),
    )
    unreadable = {
        index_of(entry["file"]) for entry in entries or () if entry["rule_name"] == "syntax-error"
    }
    for entry in entries or ():
        index, code = index_of(entry["file"]), entry["rule_name"]
        script = scripts[index]
        is_known = script.is_whole or code not in _OF_A_WHOLE_SCRIPT
        if code in codes and is_known and index not in unreadable:
            span = _span(script, entry)
            is_harmless = _HARMLESS.get(code)
            if is_harmless is not None and is_harmless(sources[script.source].text, span.start):
                continue
            messages[script.source].append(Message(code, entry["message"], span))
    return messages


@dataclass(frozen=True, slots=True)
class _Script:
    """SQL that lies in a source, with an offset of its own."""

    source: int
    start: int
    text: str
    is_whole: bool
    """Whether it is all that the migration runs."""


_RUNS_SQL = re.compile(
    r"(?:\bop\.execute|\bRunSQL|\bpgm\.sql|\bqueryRunner\.query|\bsequelize\.query"
    r"|\b(?:knex|schema|trx)\.raw)$"
)
"""What Alembic, Django, node-pg-migrate, TypeORM, Sequelize and Knex call it in a migration."""
_DDL = re.compile(r"\b(?:ALTER|CREATE|DROP|TRUNCATE|REINDEX)\s", re.IGNORECASE)
_MENTIONS = ("op.execute", "RunSQL", "pgm.sql", "queryRunner.query", "sequelize.query", ".raw")


def _scripts(index: int, source: Source) -> Iterator[_Script]:
    text = source.text
    if source.document.language in SQL:
        yield _Script(index, 0, text, is_whole=True)
        return
    language = source.language
    is_told = any(mention in text for mention in _MENTIONS) and _DDL.search(text)
    if language is None or not is_told:
        return
    # Not the source's own tree, which stays in another thread.
    root = parse(text, language)
    for call in root.find_all(kind="call" if language == "python" else "call_expression"):
        function, arguments = call.field("function"), call.field("arguments")
        if function is None or arguments is None or not _RUNS_SQL.search(function.text()):
            continue
        span = None if _undoes(call) else _constant_text(arguments)
        if span is not None and _DDL.search(text, span.start, span.end):
            yield _Script(index, span.start, text[span.start : span.end], is_whole=False)


_WAYS_BACK = ("down", "downgrade", "reverse")


def _undoes(call: SgNode) -> bool:
    """Whether it stands in a migration's way back, which drops what the migration has made."""
    for node in call.ancestors():
        name = node.field("name") or node.field("left")
        if name is not None and name.text().rpartition(".")[2] in _WAYS_BACK:
            return True
    return False


def _constant_text(arguments: SgNode) -> Span | None:
    """What is between the quotes of the first argument, also inside `text(…)`.

    None when it is no constant, or has an escape, after which offsets would not fit.
    """
    first = next((one for one in arguments.children() if one.is_named()), None)
    if first is not None and first.kind() == "call" and (inner := first.field("arguments")):
        first = next((one for one in inner.children() if one.is_named()), None)
    if first is None or first.kind() not in ("string", "template_string"):
        return None
    parts = [
        one
        for one in first.children()
        if one.is_named() and one.kind() not in ("string_start", "string_end")
    ]
    if [one.kind() for one in parts] not in (["string_content"], ["string_fragment"]):
        return None
    return None if "\\" in parts[0].text() else span_of(parts[0])


# --- What is right after what the migration did before it


def _is_of_a_new_table(text: str, start: int) -> bool:
    """An index on a table that the same migration has made: nobody writes to it yet."""
    index = _INDEX.match(text, start)
    return index is not None and _plain(index["table"]) in {
        _plain(made["table"] or made["called"]) for made in _MADE.finditer(text, 0, start)
    }


def _is_helper_of_not_null(text: str, start: int) -> bool:
    """A check that a column is set, once the column itself may not be null.

    PostgreSQL then need not read the table for SET NOT NULL. The check may have come in with an
    earlier migration, and is known by its name there.
    """
    dropped = _DROPPED.match(text, start)
    tables = [_plain(one["table"]) for one in _ALTERED.finditer(text, 0, start)]
    if dropped is None or not tables:
        return False
    name = _plain(dropped["name"])
    checked = {
        _plain(one["column"])
        for one in _NOT_NULL_CHECK.finditer(text, 0, start)
        if _plain(one["name"]) == name
    }
    return any(
        _plain(one["table"]) == tables[-1]
        and (column in checked or (column in name and re.search("not_?null", name)))
        for one in _SET_NOT_NULL.finditer(text, 0, start)
        for column in [_plain(one["column"])]
    )


def _plain(name: str) -> str:
    """A name without its schema and quotes."""
    return name.rpartition(".")[2].strip('"').lower()


_NAME = r'(?:(?:"[^"\n]+"|\w+)\.)?(?:"[^"\n]+"|\w+)'
_INDEX = re.compile(
    rf"CREATE\s+(?:UNIQUE\s+)?INDEX\b[^;()]{{0,500}}?\bON\s+(?:ONLY\s+)?(?P<table>{_NAME})",
    re.IGNORECASE,
)
_MADE = re.compile(
    rf"""(?:^[^\S\n]*|[;"'`]\s*)CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<table>{_NAME})"""
    r"""|\bcreate_?table\(\s*["'`](?P<called>\w+)""",
    re.IGNORECASE | re.MULTILINE,
)
_TABLE = rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(?P<table>{_NAME})"
_ALTERED = re.compile(_TABLE, re.IGNORECASE)
_SET_NOT_NULL = re.compile(
    rf"{_TABLE}(?:(?!ALTER\s+TABLE)[^;])*?"
    rf"\bALTER\s+(?:COLUMN\s+)?(?P<column>{_NAME})\s+SET\s+NOT\s+NULL",
    re.IGNORECASE,
)
_DROPPED = re.compile(rf"DROP\s+CONSTRAINT\s+(?:IF\s+EXISTS\s+)?(?P<name>{_NAME})", re.IGNORECASE)
_NOT_NULL_CHECK = re.compile(
    rf"CONSTRAINT\s+(?P<name>{_NAME})\s+CHECK\s*\(\s*\(?\s*(?P<column>{_NAME})\s+IS\s+NOT\s+NULL\s*\)",
    re.IGNORECASE,
)
_HARMLESS: Mapping[str, Callable[[str, int], bool]] = {
    "require-concurrent-index-creation": _is_of_a_new_table,
    "ban-drop-constraint": _is_helper_of_not_null,
}
"""By squawk's code: whether what begins there in a text is right."""

NEWEST_SERVER = 'pg_version = "19"\n'
"""For what a newer server has a better way; of an old one, squawk knows no more to say."""

OPT_IN = (
    "ban-add-column",
    "ban-add-composite-attribute",
    "ban-add-enum-value",
    "ban-alter-database-options",
    "ban-alter-extension",
    "ban-alter-function-options",
    "ban-alter-generated-expression",
    "ban-alter-identity",
    "ban-alter-policy-roles",
    "ban-alter-role-options",
    "ban-alter-row-level-security",
    "ban-alter-sequence-values",
    "ban-alter-system-options",
    "ban-alter-view-options",
    "ban-create-policy",
    "ban-detach-inheritance",
    "ban-disable-trigger",
    "ban-drop-generated-expression",
    "ban-drop-index",
    "ban-drop-policy",
    "ban-drop-trigger",
    "ban-new-write-restriction",
    "ban-replace-view-function",
    "ban-replica-identity",
    "ban-revoke",
    "ban-set-default",
    "require-table-schema",
)
"""Codes that squawk leaves off unless asked for."""

_OF_A_WHOLE_SCRIPT = frozenset(
    {
        "ban-concurrent-index-creation-in-transaction",
        "ban-uncommitted-transaction",
        "prefer-robust-stmts",
        "require-lock-timeout",
        "require-statement-timeout",
        "transaction-nesting",
    }
)
"""Codes about what comes before or after: of one statement in a program, nobody can say."""

_OTHER = re.compile(
    r"`\w+`|\bENGINE\s*=|\bAUTO_?INCREMENT\b|^[ \t]*GO[ \t]*$|\[dbo\]|"
    r"\bNVARCHAR\b|\bVARCHAR2\b|^[ \t]*PRAGMA\b",
    re.IGNORECASE | re.MULTILINE,
)
"""What only MySQL, SQLite, SQL Server or Oracle write."""


def _span(script: _Script, entry: dict[str, int]) -> Span:
    """Squawk counts lines and columns from 0, columns in bytes."""
    lines = Lines(script.text)
    start = lines.offset(entry["line"], entry["column"], "utf-8")
    end = lines.offset(entry["line_end"], entry["column_end"], "utf-8")
    place = first_line(script.text, Span(start, max(start, end)))
    return Span(script.start + place.start, script.start + place.end)
