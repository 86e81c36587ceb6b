"""`backend-developer rule [ID]`: the catalogue, listed and explained."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..apis import ApiRule, load_apis
from ..catalogue import Catalogue, load_catalogue
from ..core.comments import comment_style
from ..core.model import FOCUSES, Rule
from ..documents.case_files import example_of
from ..engines.local import LocalEngine
from ..linters import EVERY_LANGUAGE, OPTIONAL
from ..problems import did_you_mean
from ..reports.text import Paint, painter
from ..rules import Label, PatternRule, load_rules
from . import OK, UsageError, wants_colour


@dataclass(frozen=True)
class Known:
    """What explains the rules."""

    catalogue: Catalogue
    patterns: Sequence[PatternRule]
    uses: Sequence[ApiRule]

    @cached_property
    def parts(self) -> Sequence[tuple[str, Collection[str]]]:
        """The detectors of our own, which run no program: name and rules."""
        return [
            (detector.name, detector.rules)
            for detector in LocalEngine().detectors
            if not detector.runs_program
        ]


_PARTS = {
    "rules": "patterns",
    "apis": "uses of libraries",
    "flow": "data flow",
    "secrets": "secrets",
    "performance": "queries and blocking",
    "documents": "checks of documents",
    "delivery": "checks of delivery",
    "hidden": "text that is hidden or speaks to a model",
    "project": "several files together",
}
"""What our detectors are called on a rule's page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An example of a rule in one language (LSP id)."""

    language: str
    bad: str
    good: str
    fixed: str | None = None
    """What our fix makes of `bad`."""
    labels: tuple[Label, ...] = ()
    """Where in `bad` the finding is, where that is known."""


def load_known() -> Known:
    return Known(load_catalogue(), load_rules(), load_apis())


def run(rule_id: str | None, focuses: Collection[str], language: str | None, format_: str) -> int:
    """Prints one rule, or a list of those of some focuses (none: all) and of a language.

    Raises UsageError when there is no such rule or language.
    """
    terminal = sys.stdout.isatty()
    paint = painter(colour=wants_colour(terminal, os.environ))
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    known = load_known()
    if rule_id is not None:
        if focuses or language:
            raise UsageError("--focus and --language are for the list: leave the rule's ID out.")
        rule = _find(known.catalogue, rule_id)
        if format_ == "json":
            return _print_json({**_entry(known, rule), **_details(known, rule)})
        lines: Iterable[str] = explained(known, rule, width, paint)
    else:
        rules = _chosen(known, focuses, language)
        if format_ == "json":
            return _print_json([_entry(known, rule) for rule in rules])
        lines = _listing(rules, paint)
    sys.stdout.write("\n".join(lines) + "\n")
    return OK


# --- Several rules


def _chosen(known: Known, focuses: Collection[str], language: str | None) -> list[Rule]:
    if language is not None and language not in EVERY_LANGUAGE:
        raise UsageError(
            f'there are no rules about "{language}"{did_you_mean(language, EVERY_LANGUAGE)} '
            f"Choose from {', '.join(sorted(EVERY_LANGUAGE))}."
        )
    return [
        rule
        for focus in FOCUSES
        for rule in known.catalogue.rules.values()
        if rule.focus == focus
        and (not focuses or focus in focuses or "everything" in focuses)
        and (language is None or language in _languages(known, rule))
    ]


def _listing(rules: Sequence[Rule], paint: Paint) -> Iterator[str]:
    longest = max((len(rule.id) for rule in rules), default=0)
    for focus in FOCUSES:
        for profile, remark in (("default", ""), ("strict", ", off until asked for")):
            group = [rule for rule in rules if rule.focus == focus and rule.profile == profile]
            if group:
                yield paint("bold", f"{focus}{remark}: {len(group)}")
            for rule in group:
                severity = paint(rule.severity, f"{rule.severity:<11}")
                yield f"  {rule.id:<{longest}}  {severity}  {rule.title}"
            if group:
                yield ""
    yield f"{len(rules)} rules; `backend-developer rule ID` explains one"


# --- One rule


def explained(known: Known, rule: Rule, width: int, paint: Paint) -> Iterator[str]:
    """The page of one rule, its texts in lines of at most `width`."""
    yield f"{paint('bold', rule.id)}: {rule.title}"
    yield ""
    yield f"focus      {rule.focus}"
    yield f"severity   {paint(rule.severity, rule.severity)}"
    yield f"profile    {'strict: off until asked for' if rule.profile == 'strict' else 'default'}"
    languages = _languages(known, rule)
    yield from textwrap.wrap(
        f"languages  {', '.join(languages)}", width, subsequent_indent=" " * len("languages  ")
    )
    if rule.cwes:
        yield f"CWE        {', '.join(map(str, rule.cwes))}"
    if rule.owasp:
        yield f"OWASP      {', '.join(rule.owasp)}"
    yield f"source     {rule.link}"
    yield ""
    yield from textwrap.wrap(rule.why, width)
    yield ""
    yield from textwrap.wrap(f"Instead: {rule.advice}", width)
    for shown in _shown(known, rule):
        yield ""
        yield paint("removed", f"Bad ({shown.language}):")
        yield from _labelled(shown, paint)
        if shown.fixed is not None:
            yield paint("added", "Fixed (`--fix` and the editors offer it):")
            yield from _indented(shown.fixed)
        if shown.good != shown.fixed:
            yield paint("added", f"Good ({shown.language}):")
            yield from _indented(shown.good)
    yield ""
    yield from textwrap.wrap(f"Found by: {', '.join(_found_by(known, rule))}.", width)
    if others := [code for code in rule.same_as if not _is_ours(code)]:
        yield from textwrap.wrap(f"Elsewhere: {', '.join(others)}.", width)
    yield ""
    yield "To dismiss a finding, end its line with a comment that says why:"
    for opening, closing in sorted({*filter(None, map(comment_style, languages))}):
        comment = f"{opening} backend-developer: ignore[{rule.id}] the reason {closing}"
        yield f"    {comment.rstrip()}"
    if rule.profile == "strict":
        yield "To turn the rule on, with a severity of your choice, in .backend-developer.yml:"
    else:
        yield "To turn the rule off or change its severity, in .backend-developer.yml:"
    yield "    rules:"
    yield f"      {rule.id}: {rule.severity if rule.profile == 'strict' else 'off'}"


def _find(catalogue: Catalogue, rule_id: str) -> Rule:
    """By its id, its name without the focus, or what another tool calls it ("S608")."""
    for rule in catalogue.rules.values():
        names = (rule.id, rule.id.split("/")[1], *rule.same_as)
        if rule_id in (*names, *(code.partition(":")[2] for code in rule.same_as)):
            return rule
    known = [*catalogue.rules, *(one.split("/")[1] for one in catalogue.rules)]
    raise UsageError(
        f'there is no rule "{rule_id}"{did_you_mean(rule_id, known)} '
        "`backend-developer rule` lists them"
    )


def _languages(known: Known, rule: Rule) -> list[str]:
    """The languages that something finds the rule in; the usual ones when that is not known."""
    languages = {*rule.languages, *(shown.language for shown in _shown(known, rule))}
    languages.update(*(one.languages for one in known.patterns if one.id == rule.id))
    if any(rule.id in rules for part, rules in known.parts if part in _OF_CODE):
        languages.update(("python", "javascript"))
    if any(code.startswith("ruff:") for code in rule.same_as):
        languages.add("python")
    if any(code.startswith("oxlint:") for code in rule.same_as):
        languages.add("typescript")
        if not any(code.startswith("oxlint:typescript/") for code in rule.same_as):
            languages.add("javascript")
    if "javascript" in languages:
        languages.add("typescript")
    languages.discard("tsx")
    return sorted(languages or {"python", "javascript", "typescript"})


_OF_CODE = ("performance", "project")
"""Detectors that find each of their rules in all languages that they read code of."""


def _found_by(known: Known, rule: Rule) -> Iterator[str]:
    yield from (_PARTS[part] for part, rules in known.parts if rule.id in rules)
    yield from (code for code in rule.same_as if _is_ours(code))
    yield "the agent"


def _is_ours(code: str) -> bool:
    """Whether a linter of ours says it, and not one that only has such a rule too."""
    return code.partition(":")[0] in _LINTERS


_LINTERS = frozenset({"ruff", *(linter.program for linter in OPTIONAL)})


def _shown(known: Known, rule: Rule) -> list[Shown]:
    """An example for each family of languages, one with a fix where there is one."""
    found: dict[str, Shown] = {}
    patterns = [pattern for pattern in known.patterns if pattern.id == rule.id]
    uses = [use for use in known.uses if use.rule == rule.id]
    candidates = [
        *(_of_pattern(pattern, rule) for pattern in patterns),
        *(_of_use(use, rule) for use in uses),
        *(
            Shown(example.language, example.bad, example.good)
            for example in (rule.example, example_of(rule.id))
            if example
        ),
    ]
    for shown in sorted(candidates, key=lambda shown: shown.fixed is None):
        family = "javascript" if shown.language in ("typescript", "tsx") else shown.language
        found.setdefault(family, shown)
    return [found[family] for family in sorted(found, reverse=True)]


def _of_pattern(pattern: PatternRule, rule: Rule) -> Shown:
    """Cases of one language, with a fix where there is one."""
    bad = min((case for case in pattern.cases if case.labels), key=lambda case: case.fixed is None)
    language = bad.languages[0]
    quiet = [case for case in pattern.cases if not case.labels]
    alike = [case for case in quiet if language in case.languages] or quiet
    good = _advised([case.code for case in alike], bad.code, rule)
    return Shown(language, bad.code, good, bad.fixed, bad.labels)


def _of_use(use: ApiRule, rule: Rule) -> Shown:
    bad = min(use.found, key=lambda example: example.fixed is None)
    return Shown(use.family, bad.code, _advised(use.quiet, bad.code, rule), bad.fixed)


def _advised(quiet: Sequence[str], bad: str, rule: Rule) -> str:
    """The good code that says most of what the rule's advice puts in its backquotes."""
    words = {*_WORD.findall(" ".join(_QUOTED.findall(rule.advice)))} - {*_WORD.findall(bad)}
    return max(quiet, key=lambda code: len(words & {*_WORD.findall(code)}))


_QUOTED = re.compile(r"`[^`]*`")
_WORD = re.compile(r"\w{3,}")


def _indented(code: str) -> list[str]:
    return textwrap.indent(code.rstrip("\n"), "    ").split("\n")


def _labelled(shown: Shown, paint: Paint) -> Iterator[str]:
    """The bad code, carets under what is found."""
    for number, line in enumerate(shown.bad.rstrip("\n").split("\n")):
        yield f"    {line}".rstrip()
        labels = [label for label in shown.labels if label.line == number]
        if labels:
            carets = [" "] * max(label.end for label in labels)
            for label in labels:
                carets[label.start : label.end] = "^" * (label.end - label.start)
            yield "    " + paint("label", "".join(carets))


# --- For other programs


def _entry(known: Known, rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "focus": rule.focus,
        "severity": rule.severity,
        "profile": rule.profile,
        "languages": _languages(known, rule),
        "why": rule.why,
        "advice": rule.advice,
        "cwes": list(rule.cwes),
        "owasp": list(rule.owasp),
        "link": rule.link,
        "found_by": list(_found_by(known, rule)),
        "same_as": list(rule.same_as),
    }


def _details(known: Known, rule: Rule) -> dict[str, Any]:
    return {
        "examples": [
            {
                "language": shown.language,
                "bad": shown.bad,
                "fixed": shown.fixed,
                "good": shown.good,
            }
            for shown in _shown(known, rule)
        ]
    }


def _print_json(value: object) -> int:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    return OK
