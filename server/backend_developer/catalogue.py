"""The catalogue: every rule that a finding can name, read from catalogue.yml.

It is the one vocabulary: linters map into it, the agent picks from it, and the
hover, the reports and `backend-developer rule ID` come out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .core.model import FOCUSES, PROFILES, SEVERITIES, Example, Rule

CATALOGUE_FILE = Path(__file__).with_name("catalogue.yml")


class CatalogueError(Exception):
    """The catalogue is broken, which is a mistake in this program. Names file, rule and key."""


@dataclass(frozen=True)
class Catalogue:
    """All rules by id, in the order of the file."""

    rules: Mapping[str, Rule]

    def rule_for(self, tool: str, code: str) -> Rule | None:
        """The rule that means the same as `code` of `tool`, such as ("ruff", "S608"), or None."""
        return self._by_foreign_code.get(f"{tool}:{code}")

    def codes_of(self, tool: str) -> tuple[str, ...]:
        """The codes of `tool` that some rule is the same as, sorted."""
        prefix = f"{tool}:"
        codes = self._by_foreign_code
        return tuple(sorted(code[len(prefix) :] for code in codes if code.startswith(prefix)))

    def rules_of(self, tool: str) -> frozenset[str]:
        """The ids of the rules that some code of `tool` is the same as."""
        codes = self._by_foreign_code.items()
        return frozenset(rule.id for code, rule in codes if code.startswith(f"{tool}:"))

    @cached_property
    def _by_foreign_code(self) -> Mapping[str, Rule]:
        return {code: rule for rule in self.rules.values() for code in rule.same_as}


def load_catalogue(path: Path = CATALOGUE_FILE) -> Catalogue:
    """Reads and validates a catalogue file, and what the rule files beside it are about.

    Raises CatalogueError, one sentence that names the file, the rule and the key.
    """
    rules: dict[str, Rule] = {}
    foreign: dict[str, str] = {}
    for file, position, entry in _entries(path):
        rule = _read_rule(entry, file, position)
        if rule.id in rules:
            raise CatalogueError(f"{file}: {rule.id}: this id is used twice.")
        for code in rule.same_as:
            if code in foreign:
                raise CatalogueError(
                    f"{file}: {rule.id}: same_as: {code} already belongs to {foreign[code]}."
                )
            foreign[code] = rule.id
        rules[rule.id] = rule
    return Catalogue(MappingProxyType(rules))


def _entries(path: Path) -> Iterator[tuple[str, int, object]]:
    """Every entry with its file and its number in it: the catalogue's, then the rule files' own."""
    entries = _load(path)
    if not isinstance(entries, list):
        raise CatalogueError(f"{path.name}: expected a list of rules.")
    for position, entry in enumerate(entries, start=1):
        yield path.name, position, entry
    for file in sorted(path.parent.glob("rules/*/*.yml")):
        # Most rule files are about a rule of the catalogue; to parse them all would take long.
        if _ABOUT in file.read_bytes():
            content = _load(file)
            about = content.get("about") if isinstance(content, dict) else None
            if not isinstance(about, dict):
                raise CatalogueError(f"{file.name}: about: expected keys with values.")
            yield file.name, 1, {"id": content.get("id"), **about}


def _load(path: Path) -> Any:
    import yaml  # Not at the top: see load_yaml.

    try:
        return load_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path.name}: {' '.join(str(error).split())}.") from error


_ABOUT = b"\nabout:"


def load_yaml(text: str) -> Any:
    """Plain data from YAML text; raises yaml.YAMLError, which names line and column."""
    # Imported here: a server that has started has not read any YAML yet.
    import yaml

    # The C loader is ten times faster, and absent where PyYAML was built without libyaml.
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


_ID = re.compile(rf"(?:{'|'.join(FOCUSES)})/[a-z0-9]+(?:-[a-z0-9]+)*")
_OWASP = re.compile(r"(?:A(?:0[1-9]|10):2021|API(?:[1-9]|10):2023)")
_FOREIGN_CODE = re.compile(r"[a-z][a-z0-9-]*:[A-Za-z0-9/@:.$_-]+")
_REQUIRED = ("id", "title", "severity", "why", "advice", "link")
_OPTIONAL = ("cwes", "owasp", "same_as", "profile", "example", "languages")


def _read_rule(entry: object, file: str, position: int) -> Rule:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise CatalogueError(f"{file}: rule {position}: id: expected a text.")
    name: str = entry["id"]

    def broken(key: str, expected: str) -> CatalogueError:
        return CatalogueError(f"{file}: {name}: {key}: expected {expected}.")

    for key in entry:
        if key not in _REQUIRED and key not in _OPTIONAL:
            raise CatalogueError(f"{file}: {name}: {key}: there is no such key.")
    for key in _REQUIRED:
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise broken(key, "a text that is not empty")
    if not _ID.fullmatch(name):
        raise broken("id", "focus/kebab-noun")
    if entry["severity"] not in SEVERITIES:
        raise broken("severity", "one of " + ", ".join(SEVERITIES))
    if not entry["link"].startswith("https://"):
        raise broken("link", "an https address")
    cwes = entry.get("cwes", [])
    if not _is_list_of(cwes, int) or any(number < 1 for number in cwes):
        raise broken("cwes", "a list of CWE numbers")
    owasp = entry.get("owasp", [])
    if not _is_list_of(owasp, str) or not all(map(_OWASP.fullmatch, owasp)):
        raise broken("owasp", 'a list such as ["A03:2021", "API1:2023"]')
    same_as = entry.get("same_as", [])
    if not _is_list_of(same_as, str) or not all(map(_FOREIGN_CODE.fullmatch, same_as)):
        raise broken("same_as", 'a list such as ["ruff:S608"]')
    profile = entry.get("profile", "default")
    if profile not in PROFILES:
        raise broken("profile", "one of " + ", ".join(PROFILES))
    languages = entry.get("languages", [])
    if not _is_list_of(languages, str):
        raise broken("languages", "a list such as [dockerfile]")
    example = entry.get("example")
    if example is not None and not _is_example(example):
        raise broken("example", "the texts language, bad and good")
    focus = next(focus for focus in FOCUSES if name.startswith(f"{focus}/"))
    return Rule(
        id=name,
        title=entry["title"],
        focus=focus,
        severity=entry["severity"],
        why=entry["why"].strip(),
        advice=entry["advice"].strip(),
        cwes=tuple(cwes),
        owasp=tuple(owasp),
        link=entry["link"],
        same_as=tuple(same_as),
        profile=profile,
        languages=tuple(languages),
        example=Example(**example) if example else None,
    )


def _is_example(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"language", "bad", "good"}
        and all(isinstance(text, str) and text for text in value.values())
    )


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)
