"""Our own rules: one YAML file per rule and language, `<focus>/<name>.<language>.yml`.

    id: security/sql-injection        a catalogue id
    about: {title: …, severity: …}    optional: the entry of an id that is not in catalogue.yml
    languages: [python]               python, javascript, typescript, tsx
    mentions: [execute]               the file must contain one of these; the cheap filter
    requires: [flask]                 optional: and one of these; the framework guard
    message: "`$QUERY` is built…"     $NAME, $$$NAME and $MATCH become the matched text, shortened
    confidence: high                  high, medium or low
    severity: warning                 optional, else the catalogue's
    report: $QUERY                    optional: the place to report, else the whole match
    rule: {…}                         ast-grep; with optional constraints: and utils:
    fix:                              optional, only where it is right
      title: Use secrets
      edits: [{replace: $MATCH, with: "secrets.choice($A)"}]   or {append: $ARGUMENTS, item: …}
      imports: [secrets]              Python: imported when the file does not import it yet
      needs: none                     optional: none, setting, migration, template, dependency
    cases:                            what the tests hold the rule to
      found: [{code: …, fixed: …}]    carets under the code label each finding, one to one
      quiet: [{code: …}]              a case may name its `language`; else it runs in all

A label is a run of carets under the part of the finding that lies on the line above.
What several rules need is a util in `shared.<language>.yml`, which each of them may match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from ..catalogue import load_yaml
from ..core.model import CONFIDENCES, FOCUSES, SEVERITIES, Confidence, Needs, Severity
from ..syntax import Language

Utils: TypeAlias = Mapping[str, Mapping[str, Any]]
"""ast-grep rules under the names by which `matches:` refers to them."""

RULES_FOLDER = Path(__file__).parent


class RuleFileError(Exception):
    """A rule file is broken, which is a mistake in this program. Names the file and the key."""


@dataclass(frozen=True, slots=True)
class RuleEdit:
    """What `replace` matched becomes `new`, whose own metavariables are filled in first.

    Or, when it `appends`, `new` is put behind the last item in the brackets that it matched.
    """

    replace: str
    new: str
    appends: bool


@dataclass(frozen=True, slots=True)
class RuleFix:
    title: str
    edits: tuple[RuleEdit, ...]
    imports: tuple[str, ...]
    """Modules ("secrets"), or whole lines ("from datetime import timezone")."""
    needs: Needs


@dataclass(frozen=True, slots=True)
class Label:
    """Where a finding is expected: line and columns from 0; the part on that line alone."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Case:
    languages: tuple[Language, ...]
    code: str
    labels: tuple[Label, ...]
    fixed: str | None


@dataclass(frozen=True, slots=True)
class PatternRule:
    """One rule file, validated; `matcher` is what ast-grep's find_all takes."""

    id: str
    file: str
    """Path below the rules folder, such as "security/sql-injection.python.yml"."""
    languages: tuple[Language, ...]
    mentions: tuple[str, ...]
    requires: tuple[str, ...]
    message: str
    confidence: Confidence
    severity: Severity | None
    report: str
    matcher: Mapping[str, Any]
    fix: RuleFix | None
    cases: tuple[Case, ...]

    def may_match(self, is_mentioned: Callable[[str], bool]) -> bool:
        """Whether it is worth looking at a text at all, given what is mentioned in it."""
        return any(map(is_mentioned, self.mentions)) and (
            not self.requires or any(map(is_mentioned, self.requires))
        )


def load_rules(folder: Path = RULES_FOLDER) -> tuple[PatternRule, ...]:
    """All rule files below `folder`, sorted by path.

    Raises RuleFileError, one sentence that names the file and the key.
    """
    shared = {}
    for family in _FAMILIES:
        file = folder / f"shared.{family}.yml"
        shared[family] = read_shared(file.read_text(encoding="utf-8"), file.name)
    files = [file for focus in FOCUSES for file in (folder / focus).glob("*.yml")]
    return tuple(
        read_rule(file.read_text(encoding="utf-8"), file.relative_to(folder).as_posix(), shared)
        for file in sorted(files)
    )


def read_shared(text: str, file: str) -> Utils:
    """The utils that all rules of a family of languages may match.

    Raises RuleFileError, one sentence that names the file and the key.
    """
    entry = _load(text, file)
    utils = {name: _soon_compiled(entry.mapping(name)) for name in entry}
    for name, util in utils.items():
        _resolved([(name, util)], utils, entry)
    return utils


def read_rule(text: str, file: str, shared: Mapping[str, Utils]) -> PatternRule:
    """One rule from the text of its file; `file` is its path below the rules folder.

    `shared` has the utils of the shared files under "python" and "javascript".

    Raises RuleFileError, one sentence that names the file and the key.
    """
    entry = _load(text, file)
    languages = cast("tuple[Language, ...]", entry.texts("languages", among=_LANGUAGES))
    name, _, language = Path(file).name.removesuffix(".yml").rpartition(".")
    rule_id = entry.text("id")
    if not name or language not in _FAMILIES or not rule_id.startswith(_focus(file)):
        raise entry.error(
            "id", f"the file name {file} to be <focus of the id>/<name>.<language>.yml"
        )
    matcher = _read_matcher(entry, shared[language])
    known = {*_VARIABLE.findall(repr(matcher)), "$MATCH"}
    message = entry.text("message")
    report = entry.text("report", default="$MATCH")
    fix = _read_fix(entry.child("fix"), languages) if "fix" in entry else None
    templates = [("message", message), ("report", report)]
    for edit in fix.edits if fix else ():
        templates += [("fix.edits.replace", edit.replace), ("fix.edits.with", edit.new)]
    for key, template in templates:
        for variable in _VARIABLE.findall(template):
            if variable not in known:
                raise entry.error(key, f"only metavariables of the rule, and {variable} is none")
    for key, variable in templates:
        if key in ("report", "fix.edits.replace") and not _VARIABLE.fullmatch(variable):
            raise entry.error(key, "one metavariable")
    if "about" in entry:
        entry.mapping("about")  # It is the catalogue's to read.
    rule = PatternRule(
        id=rule_id,
        file=file,
        languages=languages,
        mentions=entry.texts("mentions"),
        requires=entry.texts("requires") if "requires" in entry else (),
        message=message,
        confidence=cast("Confidence", entry.text("confidence", among=CONFIDENCES)),
        severity=cast("Severity", entry.text("severity", among=SEVERITIES))
        if "severity" in entry
        else None,
        report=report,
        matcher=matcher,
        fix=fix,
        cases=_read_cases(entry.child("cases"), languages),
    )
    entry.refuse_unknown()
    return rule


def fill_in(template: str, value: Mapping[str, str]) -> str:
    """`template` with each metavariable replaced by its value; all must be there."""
    return _VARIABLE.sub(lambda match: value[match[0]], template)


def variables_of(*templates: str) -> set[str]:
    """The metavariables that occur in the templates, such as "$QUERY" and "$$$ARGUMENTS"."""
    return {variable for template in templates for variable in _VARIABLE.findall(template)}


_LANGUAGES: tuple[Language, ...] = ("python", "javascript", "typescript", "tsx")
_FAMILIES = ("python", "javascript")
_NEEDS: tuple[Needs, ...] = ("none", "setting", "migration", "template", "dependency")
_VARIABLE = re.compile(r"\$\$\$[A-Z_][A-Z0-9_]*|\$[A-Z_][A-Z0-9_]*")
_CARETS = re.compile(r" *\^[\^ ]*")


_REGEX_PART = re.compile(r"\\[wds]|\\[\s\S]|[\[\]]")
_ASCII_CLASSES = {"\\w": "0-9A-Za-z_", "\\d": "0-9", "\\s": r" \t\r\n\f\v"}


def _soon_compiled(value: Any) -> Any:
    """The matcher with regular expressions that say the same and take less time to compile.

    ast-grep compiles a rule each time it runs, and one Unicode \\w alone takes longer to compile
    than a file of 500 lines takes to search: \\w, \\d and \\s are made ASCII. Of an expression that
    ignores case and may match anywhere, most of the time goes into a search for every spelling of
    its words; from the start of the text, there is none.
    """
    if isinstance(value, list):
        return [_soon_compiled(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _from_the_start(_ascii_regex(item))
        if key == "regex" and isinstance(item, str)
        else _soon_compiled(item)
        for key, item in value.items()
    }


def _from_the_start(regex: str) -> str:
    is_costly = "(?i" in regex and not regex.startswith("^")
    return f"^(?s:.*)(?:{regex})" if is_costly else regex


def _ascii_regex(regex: str) -> str:
    inside_class = False

    def replace(match: re.Match[str]) -> str:
        nonlocal inside_class
        part = match[0]
        if part in "[]":
            inside_class = part == "["
        characters = _ASCII_CLASSES.get(part)
        if characters is None:
            return part
        return characters if inside_class else f"[{characters}]"

    return _REGEX_PART.sub(replace, regex)


def _read_matcher(entry: _Entry, shared: Utils) -> dict[str, Any]:
    """The rule and what it needs: of the shared utils only those that it refers to.

    ast-grep would compile the others too, each time the rule runs.
    """
    parts = ("rule", "constraints", "utils")
    matcher = {key: _soon_compiled(entry.mapping(key)) for key in parts if key in entry}
    if "rule" not in matcher:
        raise entry.error("rule", "an ast-grep rule")
    own = matcher.pop("utils", {})
    for name in own:
        if name in shared:
            raise entry.error(f"utils.{name}", "another name, as a shared util has this one")
    utils = _resolved(list(matcher.items()), {**shared, **own}, entry)
    for name in own:
        if name not in utils:
            raise entry.error(f"utils.{name}", "a util that the rule refers to")
    return {**matcher, "utils": utils} if utils else matcher


def _resolved(rules: list[tuple[str, Any]], known: Utils, entry: _Entry) -> dict[str, Any]:
    """The utils that the rules, given with their keys, refer to, directly or through others."""
    utils: dict[str, Any] = {}
    while rules:
        key, rule = rules.pop()
        for name in _references(rule):
            if name not in known:
                raise entry.error(key, f"`matches` to name a util, and {name} is none")
            if name not in utils:
                utils[name] = known[name]
                rules.append((f"utils.{name}", known[name]))
    return utils


def _references(rule: Any) -> Iterator[str]:
    if isinstance(rule, dict):
        if isinstance(name := rule.get("matches"), str):
            yield name
        for part in rule.values():
            yield from _references(part)
    elif isinstance(rule, list):
        for part in rule:
            yield from _references(part)


def _load(text: str, file: str) -> _Entry:
    import yaml  # Not at the top: a server that has started has not read any YAML yet.

    try:
        return _Entry(load_yaml(text), file, "")
    except yaml.YAMLError as error:
        raise RuleFileError(f"{file}: {' '.join(str(error).split())}.") from error


def _focus(file: str) -> str:
    return file.rpartition("/")[0] + "/"


def _read_fix(entry: _Entry, languages: tuple[Language, ...]) -> RuleFix:
    edits = []
    for child in entry.children("edits"):
        if "append" in child:
            edits.append(RuleEdit(child.text("append"), child.text("item"), appends=True))
        else:
            place = child.text("replace", default="$MATCH")
            edits.append(RuleEdit(place, child.text("with", empty=True), appends=False))
        child.refuse_unknown()
    imports = entry.texts("imports") if "imports" in entry else ()
    if imports and languages != ("python",):
        raise entry.error("imports", "no imports, which are added in Python only")
    needs = cast("Needs", entry.text("needs", default="none", among=_NEEDS))
    fix = RuleFix(entry.text("title"), tuple(edits), imports, needs)
    entry.refuse_unknown()
    return fix


def _read_cases(entry: _Entry, languages: tuple[Language, ...]) -> tuple[Case, ...]:
    cases = []
    for key in ("found", "quiet"):
        for child in entry.children(key):
            code, labels = _split_labels(child.text("code"))
            if bool(labels) != (key == "found"):
                raise child.error("code", "carets under each finding, and none in quiet cases")
            cases.append(
                Case(
                    languages=cast(
                        "tuple[Language, ...]", (child.text("language", among=languages),)
                    )
                    if "language" in child
                    else languages,
                    code=code,
                    labels=labels,
                    fixed=child.text("fixed") if "fixed" in child else None,
                )
            )
            child.refuse_unknown()
    entry.refuse_unknown()
    return tuple(cases)


def _split_labels(marked: str) -> tuple[str, tuple[Label, ...]]:
    code: list[str] = []
    labels: list[Label] = []
    for line in marked.split("\n"):
        if code and _CARETS.fullmatch(line):
            runs = re.finditer(r"\^+", line)
            labels += [Label(len(code) - 1, run.start(), run.end()) for run in runs]
        else:
            code.append(line)
    return "\n".join(code), tuple(labels)


class _Entry:
    """A mapping of the file whose keys are read once each; what is left over is unknown."""

    def __init__(self, value: object, file: str, path: str) -> None:
        self._file = file
        self._path = path
        self._read: set[str] = set()
        if not isinstance(value, dict):
            raise RuleFileError(f"{file}: {path or 'the file'}: expected keys with values.")
        self._value = value

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def error(self, key: str, expected: str) -> RuleFileError:
        return RuleFileError(f"{self._file}: {self._key(key)}: expected {expected}.")

    def text(
        self, key: str, *, default: str = "", among: Iterable[str] = (), empty: bool = False
    ) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or not (value or empty):
            raise self.error(key, "a text")
        if among and value not in among:
            raise self.error(key, "one of " + ", ".join(among))
        return value

    def texts(self, key: str, among: Iterable[str] = ()) -> tuple[str, ...]:
        value = self._get(key, None)
        if not isinstance(value, list) or not value or not all(v and type(v) is str for v in value):
            raise self.error(key, "a list of texts")
        if among and not set(value) <= set(among):
            raise self.error(key, "some of " + ", ".join(among))
        return tuple(value)

    def mapping(self, key: str) -> dict[str, Any]:
        value = self._get(key, None)
        if not isinstance(value, dict) or not value:
            raise self.error(key, "keys with values")
        return value

    def child(self, key: str) -> _Entry:
        return _Entry(self._get(key, None), self._file, self._key(key))

    def children(self, key: str) -> list[_Entry]:
        value = self._get(key, None)
        if not isinstance(value, list) or not value:
            raise self.error(key, "a list that is not empty")
        return [
            _Entry(item, self._file, f"{self._key(key)}[{index}]")
            for index, item in enumerate(value)
        ]

    def refuse_unknown(self) -> None:
        for key in self._value:
            if key not in self._read:
                raise self.error(str(key), "no such key")

    def _get(self, key: str, default: object) -> object:
        self._read.add(key)
        return self._value.get(key, default)

    def _key(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key
