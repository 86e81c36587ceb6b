"""Uses of APIs that are known to be wrong: tables in YAML, one file per topic and language family.

    - rule: security/weak-cipher          a catalogue id
      calls: [Crypto.Cipher.DES.new]      what is used, by its full name; `*.new` on any object
      if: {key_size: {below: 2048}}       optional: tests of arguments; a list of such: any of them
      unless: {usedforsecurity: false}    optional, likewise
      message: "`$CALL` is broken."       $CALL, $VALUE, $MATCH become the matched text, shortened
      confidence: high                    high, medium or low
      found: ["DES.new(key)"]             each is found once by this entry
      quiet: ["AES.new(key)"]             none is found by it

A name is resolved through imports and assignments (names.py), so that each spelling is found and a
function of one's own that has the same name is not. In place of `calls` there may be

    names: [AES.MODE_ECB]                 any mention of it, outside of imports
    sets: [SESSION_COOKIE_SECURE]         an assignment to a name or attribute, or to a key of a
                                          configuration; its new value is the argument `value`
    keys: [rejectUnauthorized]            a key of an object, likewise

An argument is selected by position or keyword, or by either (`1|algorithms`), and by its path
inside options (`2.cookie.secure`); `*` is any argument. Its test is a constant, a list (any), or

    {is: constant}  {not: test}           {matches: regex of a constant text}
    {below: n}  {above: n}                {missing: true}, which `**options` may hide
    {literal: true}: a constant text      {name: [names]}: what it stands for
    {text: regex of its code or of what it was assigned}
    {contains: test of an element}, {first: test}

Optional as well: `around` and `not_around`, regexes of the name that receives the value or else of
the function;
`inside`, names of calls of which the match is an argument; `file`, `not_file`, `not_class` and
`not_function`, regexes of the text around; `severity`; `report: call`, where not the argument is
the place, or `origin`, where its value is written; and a fix:

    fix: {title: Verify the certificate, set: {verify: "True"}, needs: setting}
    fix: {title: Load plain data only, name: safe_$NAME, drop: [1|Loader]}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

from ..catalogue import load_yaml
from ..core.model import CONFIDENCES, SEVERITIES, Confidence, Needs, Severity

Family: TypeAlias = Literal["python", "javascript"]
UseKind: TypeAlias = Literal["calls", "names", "sets", "keys"]
Report: TypeAlias = Literal["argument", "call", "origin"]
"""The place: the call up to the argument that decided, the whole call, or where the argument's
value is written."""

APIS_FOLDER = Path(__file__).parent
USE_KINDS: tuple[UseKind, ...] = ("calls", "names", "sets", "keys")
FAMILIES: tuple[Family, ...] = ("python", "javascript")


class ApiFileError(Exception):
    """A table is broken, which is a mistake in this program. Names the file, entry and key."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which argument: by position or by keyword, then the keys inside of it. `*`: all of them."""

    position: int | None
    keyword: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """What an argument must be; `operand` is what the kind of test needs."""

    kind: Literal[
        "is",
        "not",
        "any",
        "matches",
        "below",
        "above",
        "missing",
        "literal",
        "name",
        "text",
        "contains",
        "first",
    ]
    operand: Any


Condition: TypeAlias = tuple[tuple[tuple[Selector, ...], Test], ...]
"""All of these hold; each names the alternatives of one argument."""


@dataclass(frozen=True, slots=True)
class ApiFix:
    title: str
    set: tuple[tuple[tuple[Selector, ...], str], ...]
    """The arguments that get another value, or are added."""
    drop: tuple[tuple[Selector, ...], ...]
    """The arguments that are taken away, where they are given."""
    name: str
    """What the function's last name becomes, `$NAME` being what it was; "": it stays."""
    needs: Needs


@dataclass(frozen=True, slots=True)
class Example:
    code: str
    fixed: str | None


@dataclass(frozen=True, slots=True)
class ApiRule:
    """One entry of a table, validated."""

    rule: str
    file: str
    family: Family
    kind: UseKind
    names: tuple[str, ...]
    conditions: tuple[Condition, ...]
    """One of these holds; empty: always."""
    exceptions: tuple[Condition, ...]
    around: re.Pattern[str] | None
    not_around: re.Pattern[str] | None
    inside: tuple[str, ...]
    in_file: re.Pattern[str] | None
    not_in_file: re.Pattern[str] | None
    not_in_class: re.Pattern[str] | None
    not_in_function: re.Pattern[str] | None
    message: str
    confidence: Confidence
    severity: Severity | None
    report: Report
    fix: ApiFix | None
    found: tuple[Example, ...]
    quiet: tuple[str, ...]


def load_apis(folder: Path = APIS_FOLDER) -> tuple[ApiRule, ...]:
    """All entries of the tables in `folder`, by file name.

    Raises ApiFileError, one sentence that names the file, the entry and the key.
    """
    return tuple(
        rule
        for file in sorted(folder.glob("*.yml"))
        for rule in read_apis(file.read_text(encoding="utf-8"), file.name)
    )


def read_apis(text: str, file: str) -> tuple[ApiRule, ...]:
    """The entries of one table; `file` is `<topic>.<family>.yml`.

    Raises ApiFileError, one sentence that names the file, the entry and the key.
    """
    import yaml  # Not at the top: a server that has started has not read any YAML yet.

    family = file.removesuffix(".yml").rpartition(".")[2]
    if family not in FAMILIES:
        raise ApiFileError(f"{file}: expected <topic>.python.yml or <topic>.javascript.yml.")
    try:
        entries = load_yaml(text)
    except yaml.YAMLError as error:
        raise ApiFileError(f"{file}: {' '.join(str(error).split())}.") from error
    if not isinstance(entries, list):
        raise ApiFileError(f"{file}: expected a list of entries.")
    return tuple(
        _read(entry, file, family, number) for number, entry in enumerate(entries, start=1)
    )


def matches_name(name: str, pattern: str) -> bool:
    """Whether a resolved name is the pattern's; `*.x` is x of anything."""
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern


_KEYS = {
    *USE_KINDS,
    "rule", "if", "unless", "around", "not_around", "inside", "file", "not_file", "not_class",
    "not_function",
    "message", "confidence", "severity", "report", "fix", "found", "quiet",
}  # fmt: skip
_NEEDS: tuple[Needs, ...] = ("none", "setting", "migration", "template", "dependency")


def _read(entry: object, file: str, family: Family, number: int) -> ApiRule:
    def broken(key: str, expected: str) -> ApiFileError:
        return ApiFileError(f"{file}: entry {number}: {key}: expected {expected}.")

    def text(key: str, default: str | None = None, among: Iterable[str] = ()) -> str:
        value = mapping.get(key, default)
        if not isinstance(value, str) or (among and value not in among):
            raise broken(key, "one of " + ", ".join(among) if among else "a text")
        return value

    def texts(key: str) -> tuple[str, ...]:
        value = mapping.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise broken(key, "a list of texts")
        return tuple(value)

    def regex(key: str) -> re.Pattern[str] | None:
        return re.compile(text(key)) if key in mapping else None

    if not isinstance(entry, dict):
        raise broken("the entry", "keys with values")
    mapping: Mapping[str, Any] = entry
    for key in mapping:
        if key not in _KEYS:
            raise broken(str(key), "no such key")
    kinds = [kind for kind in USE_KINDS if kind in mapping]
    if len(kinds) != 1 or not texts(kinds[0]):
        raise broken("calls", "one of calls, names, sets and keys")
    severity = text("severity", among=SEVERITIES) if "severity" in mapping else None
    examples = mapping.get("found", [])
    if not isinstance(examples, list) or not examples or not texts("quiet"):
        raise broken("found", "examples that are found, and quiet ones")
    return ApiRule(
        rule=text("rule"),
        file=file,
        family=family,
        kind=kinds[0],
        names=texts(kinds[0]),
        conditions=_conditions(mapping.get("if"), broken),
        exceptions=_conditions(mapping.get("unless"), broken),
        around=regex("around"),
        not_around=regex("not_around"),
        inside=texts("inside"),
        in_file=regex("file"),
        not_in_file=regex("not_file"),
        not_in_class=regex("not_class"),
        not_in_function=regex("not_function"),
        message=text("message"),
        confidence=cast("Confidence", text("confidence", among=CONFIDENCES)),
        severity=cast("Severity | None", severity),
        report=cast("Report", text("report", "argument", among=get_args(Report))),
        fix=_fix(mapping["fix"], broken) if "fix" in mapping else None,
        found=tuple(_example(example, broken) for example in examples),
        quiet=texts("quiet"),
    )


def _example(value: object, broken: Any) -> Example:
    if isinstance(value, str):
        return Example(value, None)
    if isinstance(value, dict) and value.keys() == {"code", "fixed"}:
        return Example(value["code"], value["fixed"])
    raise broken("found", "texts, or code with fixed")


def _fix(value: object, broken: Any) -> ApiFix:
    if not isinstance(value, dict) or not value.keys() <= _FIX_KEYS:
        raise broken("fix", ", ".join(sorted(_FIX_KEYS)))
    needs = value.get("needs", "none")
    if needs not in _NEEDS or not isinstance(value.get("title"), str):
        raise broken("fix", "a title, and one of " + ", ".join(_NEEDS))
    edits = tuple((_selectors(key), str(new)) for key, new in value.get("set", {}).items())
    dropped = tuple(_selectors(key) for key in value.get("drop", []))
    return ApiFix(value["title"], edits, dropped, value.get("name", ""), needs)


_FIX_KEYS = {"title", "set", "drop", "name", "needs"}


def _conditions(value: object, broken: Any) -> tuple[Condition, ...]:
    if value is None:
        return ()
    found = []
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict) or not item:
            raise broken("if", "tests by argument")
        found.append(tuple((_selectors(key), _test(test, broken)) for key, test in item.items()))
    return tuple(found)


def _selectors(key: object) -> tuple[Selector, ...]:
    found = []
    for alternative in str(key).split("|"):
        first, *path = alternative.split(".")
        position = int(first) if first.isdigit() else None
        found.append(Selector(position, "" if position is not None else first, tuple(path)))
    return tuple(found)


def _test(value: object, broken: Any) -> Test:
    if isinstance(value, list):
        return Test("any", tuple(_test(item, broken) for item in value))
    if not isinstance(value, dict):
        return Test("is", value)
    if len(value) != 1:
        raise broken("if", "one test for each argument")
    [(kind, operand)] = value.items()
    if kind in ("matches", "text"):
        return Test(kind, re.compile(operand))
    if kind in ("not", "contains", "first"):
        return Test(kind, _test(operand, broken))
    if kind == "name":
        return Test(kind, tuple(operand) if isinstance(operand, list) else (operand,))
    if kind in ("is", "below", "above", "missing", "literal"):
        return Test(kind, operand)
    raise broken("if", f"another test than {kind}")
