"""What frameworks and libraries do, read from YAML: one file for each family of them.

    language: python                    python, or javascript (TypeScript too)
    input: [flask.request.{args,form}]  reading these gives what a client sent; `()`: calling
    local: [sys.argv]                   as input, from whoever starts the program
    text_input: […]                     as input, and always text, never an object
    checked_input: […]                  as text_input, and what was expected there
    sinks:
      - rule: security/command-injection
        calls: ["os.system(0)"]         with the arguments that must not be tainted:
                                        `0|cmd`, `self`, `*`, `1+`, `0.url`, `0.program`
        when: {shell: "True"}           only when these arguments match, or are not constant
        unless: {content_type: ".*json.*"}
        shape: text                     text: no list or object; built: put together from parts;
                                        markup: built, with a `<`; sql: built, and starts as SQL;
                                        object: may hold an object; whole: all the client sent
        slow_pattern: "0"               only when the regular expression in this argument takes
                                        more than linear time
        kind: code-injection            what cleaners clear, else the rule's name without its focus
        confidence: medium              else high
        parameters: low                 how sure it is for a function's parameter, or `off`
        built: medium                   the same, where it was put together with something
      - rule: …
        writes: ["*.innerHTML"]         assigned to; "{}.$where": a key of an object; "[*]": a key
                                        from outside; "[*]()": called by such a key
      - rule: …
        returned_by: ["*.route()"]      returned by functions with these decorators
        key: url                        below this key of what is returned
        returned_by_helpers: true       returned by functions without decorators
    cleaners:
      - calls: [html.escape]            their result is safe
        clears: [cross-site-scripting]  for these sinks, or `all`
        validates: true                 they fail on bad input: their arguments are safe then
        mark: true                      a check of their result is one of their arguments
    guards:
      - calls: ["*.isdigit(self)"]      true means that these arguments are safe
        clears: all
        safe_when: false
    retypes:
      - calls: ["http.Response().type"]
        when: {"0": text/plain}         makes what it is called on another object
        path: http.PlainResponse()
    ends: [sys.exit]                    what follows them is never reached
    asserts: [assert.ok]                they fail unless their first argument is true
    harmless: [http.Request().file.size]  no outside data although it lies in some
    schemas:
      makers: zod|joi                   a regular expression of paths whose calls describe values
      harmless: number|uuid|enum        names of calls after which a value cannot do harm
      texts: string                     names of calls after which it is no object
      inputs: {zod.body: http.Request().body}  what such a call beside a handler checks,
                                        or a key of the JSON schema there
      enforcers: validationResult       names in the file that refuse what failed these calls
    validators:
      - calls: ["*.parse"]              hold an argument to the schema that they are called on
        clears: [nosql-injection]       where nothing is known of the schema
    callbacks:
      - calls: ["*.on"]                 call the functions that they are given
        when: {"0": entry}
        position: 0                     of the parameter that
        holds: archive.Entry()
    passes: [os.path.join]              their result holds what the arguments hold
    becomes: {promisify: "="}           the same, and the result's path; "=": that of the argument
    parameters:
      - names: req|request              a regular expression, as all here; also position, first,
                                        then, decorator, function_decorator, function, base
        holds: express.Request()        input, text_input, local, or the path of an object
    clean_types: int|float              annotations of harmless values
    aliases: {request: flask.request}   names that a file neither defines nor imports

In a path `*` stands for anything, `{a,b}` for one of several names, and `$database` for a name that
`names:` of rules.yml defines. rules.yml also has the message of each rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal, cast

from ..catalogue import load_yaml
from ..core.knowledge import (
    ALL,
    Asserts,
    Calls,
    Cleaner,
    Effect,
    Ends,
    Guard,
    Input,
    Knowledge,
    ParameterRule,
    Passes,
    PathPattern,
    Place,
    Retypes,
    Schemas,
    Sink,
    Validates,
)
from ..core.model import CONFIDENCES, Confidence

FOLDER = Path(__file__).parent / "knowledge"

Family = Literal["python", "javascript"]


class SpecificationError(Exception):
    """A file of knowledge is broken, a mistake in this program. Names the file and the key."""


def load_knowledge(family: Family, folder: Path = FOLDER) -> Knowledge:
    """Everything known for a language, from all the files about it.

    Raises SpecificationError, one sentence that names the file and the key.
    """
    rules = _read(folder / "rules.yml")
    names = {name: str(pattern) for name, pattern in rules.mapping("names").items()}
    texts = {rule: rules.child("rules").child(rule) for rule in rules.child("rules")}
    builder = _Builder(names, texts)
    for path in sorted(folder.glob("*.yml")):
        if path.name == "rules.yml":
            continue
        entry = _read(path)
        if entry.text("language") == family:
            builder.add(entry)
    return builder.knowledge()


def rules_of(folder: Path = FOLDER) -> frozenset[str]:
    """The catalogue ids that data flow can report."""
    return frozenset(_read(folder / "rules.yml").child("rules"))


class _Builder:
    def __init__(self, names: Mapping[str, str], texts: Mapping[str, _Entry]) -> None:
        self._names = names
        self._texts = texts
        self._calls: dict[str, list[tuple[PathPattern, Effect]]] = {}
        self._reads: dict[str, list[tuple[PathPattern, Input]]] = {}
        self._writes: dict[str, list[tuple[PathPattern, Sink]]] = {}
        self._returns: list[tuple[PathPattern, Sink]] = []
        self._helper_returns: list[Sink] = []
        self._parameters: list[ParameterRule] = []
        self._clean_types: list[str] = []
        self._aliases: dict[str, str] = {}
        self._harmless: dict[str, list[PathPattern]] = {}
        self._schemas = Schemas(_NEVER, _NEVER, _NEVER, {}, _NEVER)

    def knowledge(self) -> Knowledge:
        return Knowledge(
            {name: tuple(found) for name, found in self._calls.items()},
            {name: tuple(found) for name, found in self._reads.items()},
            {name: tuple(found) for name, found in self._writes.items()},
            tuple(self._returns),
            tuple(self._helper_returns),
            tuple(self._parameters),
            re.compile("|".join(self._clean_types) or r"(?!)"),
            self._aliases,
            {name: tuple(found) for name, found in self._harmless.items()},
            self._schemas,
        )

    def add(self, entry: _Entry) -> None:
        self._aliases.setdefault("__language__", entry.text("language"))
        for key, strength, clears in (
            ("input", "input", frozenset()),
            ("text_input", "input", _TEXT),
            ("checked_input", "input", _TEXT | {"trust-boundary"}),
            ("local", "local", _TEXT),
        ):
            for pattern in entry.texts(key):
                is_call = pattern.endswith("()")
                source = Input(cast("Any", strength), is_call, clears)
                if is_call:
                    self._call(pattern[:-2], source, entry, key)
                else:
                    for name, regex in self._paths(pattern, entry, key):
                        self._reads.setdefault(name, []).append((PathPattern(regex), source))
        for sink in entry.children("sinks"):
            self._sink(sink)
        for one in entry.children("cleaners"):
            cleaner = Cleaner(_kinds(one), one.flag("validates"), one.flag("mark"))
            for pattern in one.texts("calls"):
                self._call(pattern, cleaner, one, "calls")
            one.refuse_unknown()
        for one in entry.children("guards"):
            for pattern in one.texts("calls"):
                path, places = _split(pattern, one, "calls")
                guard = Guard(_kinds(one), places, one.flag("safe_when", default=True))
                self._call(path, guard, one, "calls")
            one.refuse_unknown()
        for one in entry.children("retypes"):
            retypes = Retypes(one.text("path"), _conditions(one, "when"))
            for pattern in one.texts("calls"):
                self._call(pattern, retypes, one, "calls")
            one.refuse_unknown()
        for one in entry.children("validators"):
            validates = Validates(_kinds(one))
            for pattern in one.texts("calls"):
                self._call(pattern, validates, one, "calls")
            one.refuse_unknown()
        for one in entry.children("callbacks"):
            calls = Calls(one.text("holds"), one.number("position"), _conditions(one, "when"))
            for pattern in one.texts("calls"):
                self._call(pattern, calls, one, "calls")
            one.refuse_unknown()
        if "schemas" in entry:
            self._schemas = _schemas(entry.child("schemas"))
        for pattern in entry.texts("harmless"):
            for name, regex in self._paths(pattern, entry, "harmless"):
                self._harmless.setdefault(name, []).append(PathPattern(regex))
        for pattern in entry.texts("asserts"):
            self._call(pattern, Asserts(), entry, "asserts")
        for pattern in entry.texts("ends"):
            self._call(pattern, Ends(), entry, "ends")
        for pattern in entry.texts("passes"):
            self._call(pattern, Passes(), entry, "passes")
        for pattern, path in entry.mapping("becomes").items():
            self._call(pattern, Passes(path), entry, "becomes")
        for one in entry.children("parameters"):
            self._parameters.append(self._parameter(one))
            one.refuse_unknown()
        self._clean_types += [entry.text("clean_types")] if "clean_types" in entry else []
        self._aliases.update(entry.mapping("aliases"))
        entry.refuse_unknown()

    def _sink(self, entry: _Entry) -> None:
        rule = entry.text("rule")
        if rule not in self._texts:
            raise entry.error("rule", f"a rule that rules.yml has, and {rule} is none")
        about = self._texts[rule]
        parameters = self._sureness(entry, about, "parameters", "off")
        # What a sink says of parameters holds for those that something was built with.
        general = entry if "parameters" in entry else about
        built = self._sureness(entry, general, "built", parameters or "off")
        shape = entry.text("shape", "any")
        if shape not in SHAPES:
            raise entry.error("shape", "one of " + ", ".join(SHAPES))
        confidence = entry.text("confidence", about.text("confidence", "high"))
        if confidence not in CONFIDENCES:
            raise entry.error("confidence", "high, medium or low")

        slow = entry.text("slow_pattern") if "slow_pattern" in entry else None
        slow_pattern = int(slow) if slow is not None and slow.isdigit() else slow

        def sink(places: tuple[Place, ...]) -> Sink:
            return Sink(
                rule,
                entry.text("kind", rule.partition("/")[2]),
                entry.text("message", about.text("message")),
                places,
                confidence,
                parameters,
                built,
                _conditions(entry, "when"),
                _conditions(entry, "unless"),
                slow_pattern,
                cast("Any", shape),
            )

        for pattern in entry.texts("calls"):
            path, places = _split(pattern, entry, "calls")
            self._call(path, sink(places), entry, "calls")
        for pattern in entry.texts("writes"):
            for name, regex in self._paths(pattern, entry, "writes"):
                self._writes.setdefault(name, []).append((PathPattern(regex), sink(())))
        if entry.flag("returned_by_helpers"):
            self._helper_returns.append(sink(()))
        for pattern in entry.texts("returned_by"):
            for _, regex in self._paths(pattern.removesuffix("()"), entry, "returned_by"):
                places = (entry.text("key"),) if "key" in entry else ()
                self._returns.append((PathPattern(regex + r"(?:\(\))?"), sink(places)))
        entry.refuse_unknown()

    def _sureness(self, entry: _Entry, about: _Entry, key: str, default: str) -> Confidence | None:
        value = entry.text(key, about.text(key, default))
        if value not in (*CONFIDENCES, "off"):
            raise entry.error(key, "high, medium, low or off")
        return None if value == "off" else cast("Confidence", value)

    def _parameter(self, entry: _Entry) -> ParameterRule:
        def regex(key: str) -> re.Pattern[str] | None:
            return re.compile(entry.text(key)) if key in entry else None

        def path(key: str) -> re.Pattern[str] | None:
            if key not in entry:
                return None
            found = [
                one for pattern in entry.texts(key) for _, one in self._paths(pattern, entry, key)
            ]
            return re.compile(rf"(?:{'|'.join(found)})(?:\(\))?")

        is_text = entry.text("holds") == "text_input"
        return ParameterRule(
            "input" if is_text else entry.text("holds"),
            _TEXT if is_text else frozenset(),
            regex("names"),
            entry.number("position") if "position" in entry else None,
            path("decorator"),
            path("function_decorator"),
            regex("first"),
            regex("then"),
            regex("base"),
            regex("function"),
        )

    def _call(self, pattern: str, effect: Effect, entry: _Entry, key: str) -> None:
        for name, regex in self._paths(pattern, entry, key):
            self._calls.setdefault(name, []).append((PathPattern(regex), effect))

    def _paths(self, pattern: str, entry: _Entry, key: str) -> Iterator[tuple[str, str]]:
        """For each last name of the pattern, the regular expression of its paths."""
        for one in _alternatives(pattern):
            head, dot, last = one.rpartition(".")
            if last == "[]" or re.fullmatch(r"\[\*\](?:\(\))?|[\w$@-]+(?:\(\))?", last):
                regex = self._regex(head, entry, key) + re.escape(dot) if dot else ""
                yield last, regex + re.escape(last)
            else:
                raise entry.error(key, f"paths that end in a name, and {one} does not")

    def _regex(self, head: str, entry: _Entry, key: str) -> str:
        if head == "*":
            return ".+"
        parts = []
        for segment in re.split(r"(\.)", head):
            if segment == "*":
                parts.append(r".+")
            elif segment.startswith("$") and segment[1:].removesuffix("()") in self._names:
                # Any path that ends in such a name; the call that gave it, or a key, may follow.
                name = self._names[segment[1:].removesuffix("()")]
                parts.append(rf"(?:.*[.\W])?(?:{name})(?:\(\))?(?:\.\d)?")
            elif re.fullmatch(r"\$[a-z]+", segment):
                raise entry.error(key, f"names that rules.yml has, and {segment} is none")
            else:
                parts.append(r"[\w$]*".join(map(re.escape, segment.split("*"))))
        return "".join(parts)


SHAPES = ("any", "text", "built", "object", "markup", "sql", "whole")
_TEXT = frozenset(["nosql-injection", "prototype-pollution"])
_NEVER = re.compile(r"(?!)")


def _alternatives(pattern: str) -> list[str]:
    """`a.{b,c}` -> `a.b`, `a.c`; a pair of braces at the start of a path is an object's."""
    if pattern.startswith("{}."):
        return [pattern]
    parts = re.split(r"\{([^{}]*)\}", pattern)
    options = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(one).replace(" ", "") for one in product(*options)]


def _split(pattern: str, entry: _Entry, key: str) -> tuple[str, tuple[Place, ...]]:
    """`os.system(0|command)` -> the path and the arguments."""
    match = re.fullmatch(r"(?P<path>.*)\((?P<places>[^()]+)\)", pattern)
    if match is None:
        raise entry.error(key, f"arguments in parentheses, and {pattern} has none")
    places = (part.strip() for part in match["places"].split("|"))
    return match["path"], tuple(int(part) if part.isdigit() else part for part in places)


def _conditions(entry: _Entry, key: str) -> dict[str, re.Pattern[str]]:
    return {
        str(name): re.compile(str(pattern), re.DOTALL)
        for name, pattern in entry.mapping(key).items()
    }


def _schemas(entry: _Entry) -> Schemas:
    inputs = {name: tuple(str(of).split("|")) for name, of in entry.mapping("inputs").items()}
    makers, harmless, texts, enforcers = (
        re.compile("".join(entry.text(key).split()))
        for key in ("makers", "harmless", "texts", "enforcers")
    )
    entry.refuse_unknown()
    return Schemas(makers, harmless, texts, inputs, enforcers)


def _kinds(entry: _Entry) -> frozenset[str]:
    if entry.peek("clears") == "all":
        entry.text("clears")
        return ALL
    return frozenset(entry.texts("clears"))


def _read(path: Path) -> _Entry:
    import yaml  # Not at the top: a server that has started has not read any YAML yet.

    try:
        return _Entry(load_yaml(path.read_text(encoding="utf-8")), path.name, "")
    except yaml.YAMLError as error:
        raise SpecificationError(f"{path.name}: {' '.join(str(error).split())}.") from error


class _Entry:
    """A mapping of a file; what is never read of it is unknown."""

    def __init__(self, value: object, file: str, path: str) -> None:
        self._file, self._path = file, path
        self._read: set[str] = set()
        if not isinstance(value, dict):
            raise SpecificationError(f"{file}: {path or 'the file'}: expected keys with values.")
        self._value = value

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def error(self, key: str, expected: str) -> SpecificationError:
        where = f"{self._path}.{key}" if self._path else key
        return SpecificationError(f"{self._file}: {where}: expected {expected}.")

    def peek(self, key: str) -> Any:
        return self._value.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        self._read.add(key)
        value = self._value.get(key, default)
        # YAML reads a bare `off` as false.
        value = "off" if value is False else value
        if not isinstance(value, str) or not value:
            raise self.error(key, "a text")
        return value

    def texts(self, key: str) -> Sequence[str]:
        self._read.add(key)
        value = self._value.get(key, [])
        if not isinstance(value, list) or not all(one and type(one) is str for one in value):
            raise self.error(key, "a list of texts")
        return value

    def number(self, key: str) -> int:
        self._read.add(key)
        value = self._value.get(key)
        if type(value) is not int:
            raise self.error(key, "a number")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        self._read.add(key)
        value = self._value.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, "true or false")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        self._read.add(key)
        value = self._value.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, "keys with values")
        return value

    def child(self, key: str) -> _Entry:
        self._read.add(key)
        where = f"{self._path}.{key}" if self._path else key
        return _Entry(self._value.get(key), self._file, where)

    def children(self, key: str) -> list[_Entry]:
        self._read.add(key)
        value = self._value.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, "a list")
        return [
            _Entry(one, self._file, f"{key}[{position}]") for position, one in enumerate(value, 1)
        ]

    def refuse_unknown(self) -> None:
        for key in self._value:
            if key not in self._read:
                raise self.error(str(key), "another key, as there is none of this name")
