"""`backend-developer rule [ID]`: the catalogue, explained."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from ..apis import ApiRule, load_apis
from ..catalogue import Catalogue, load_catalogue
from ..core.comments import comment_style
from ..core.model import FOCUSES, Example, Rule
from ..documents.case_files import example_of
from ..problems import did_you_mean
from ..rules import Case, PatternRule, load_rules
from . import OK, UsageError


@dataclass(frozen=True, slots=True)
class Known:
    """What explains the rules."""

    catalogue: Catalogue
    patterns: tuple[PatternRule, ...]
    uses: tuple[ApiRule, ...]


def load_known() -> Known:
    return Known(load_catalogue(), load_rules(), load_apis())


def run(rule_id: str | None) -> int:
    """Prints one rule, or a list of all; raises UsageError when there is no such rule."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    if rule_id is None:
        lines = _listing(load_catalogue())
    else:
        lines = explained(load_known(), rule_id, width)
    sys.stdout.write("\n".join(lines) + "\n")
    return OK


def _listing(catalogue: Catalogue) -> Iterator[str]:
    longest = max(map(len, catalogue.rules))
    for focus in FOCUSES:
        for rule in catalogue.rules.values():
            if rule.focus == focus:
                strict = " (strict)" if rule.profile == "strict" else ""
                yield f"{rule.id:<{longest}}  {rule.severity:<11}  {rule.title}{strict}"
    yield ""
    yield f"{len(catalogue.rules)} rules; `backend-developer rule ID` explains one"


def explained(known: Known, rule_id: str, width: int) -> Iterator[str]:
    """The page of one rule, in lines of at most `width`; raises UsageError when there is none."""
    rule = _find(known.catalogue, rule_id)
    yield f"{rule.id}: {rule.title}"
    yield ""
    yield f"focus     {rule.focus}"
    yield f"severity  {rule.severity}"
    if rule.cwes:
        yield f"CWE       {', '.join(map(str, rule.cwes))}"
    if rule.profile != "default":
        yield f"profile   {rule.profile}"
    if rule.owasp:
        yield f"OWASP     {', '.join(rule.owasp)}"
    yield f"link      {rule.link}"
    yield ""
    yield from textwrap.wrap(rule.why, width)
    yield ""
    yield from textwrap.wrap(f"Instead: {rule.advice}", width)
    patterns = [pattern for pattern in known.patterns if pattern.id == rule.id]
    for language, case in _examples(patterns):
        yield ""
        yield f"Found ({language}):"
        yield from _code(case)
        if case.fixed is not None:
            yield "and fixed:"
            yield from _indented(case.fixed)
    quiet = next((one for pattern in patterns for one in pattern.cases if not one.labels), None)
    if quiet:
        yield ""
        yield "Not found, since it is right:"
        yield from _code(quiet)
    uses = [use for use in known.uses if use.rule == rule.id]
    for family in ("python", "javascript"):
        use = next((use for use in uses if use.family == family), None)
        if use is not None and not any(family in pattern.languages for pattern in patterns):
            yield ""
            yield f"Found ({family}):"
            yield from _indented(use.found[0].code)
            yield ""
            yield "Not found, since it is right:"
            yield from _indented(use.quiet[0])
    example = rule.example or example_of(rule.id)
    if example:
        yield ""
        yield f"Found ({example.language}):"
        yield from _indented(example.bad)
        yield ""
        yield "Not found, since it is right:"
        yield from _indented(example.good)
    yield ""
    detectors = [*(["our own patterns"] if patterns or uses else []), *rule.same_as]
    yield f"Detected by: {', '.join([*detectors, 'the agent'])}"
    yield ""
    yield "To dismiss a finding, end its line with a comment that says why:"
    languages = _languages(rule, patterns, uses, example)
    for opening, closing in sorted({*filter(None, map(comment_style, languages))}):
        comment = f"{opening} backend-developer: ignore[{rule.id}] the reason {closing}"
        yield f"    {comment.rstrip()}"
    yield "To turn the rule off or change its severity, in .backend-developer.yml:"
    yield "    rules:"
    yield f"      {rule.id}: off"


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


def _languages(
    rule: Rule, patterns: list[PatternRule], uses: list[ApiRule], example: Example | None
) -> set[str]:
    """The languages that something finds the rule in; the usual ones when that is not known."""
    languages: set[str] = {language for pattern in patterns for language in pattern.languages}
    languages.update(use.family for use in uses)
    languages.update(rule.languages)
    if example:
        languages.add(example.language)
    if any(code.startswith("ruff:") for code in rule.same_as):
        languages.add("python")
    return languages or {"python", "javascript"}


def _examples(patterns: list[PatternRule]) -> Iterator[tuple[str, Case]]:
    """The first found case of each language, one with a fix where there is one."""
    seen: set[str] = set()
    for pattern in patterns:
        found = [case for case in pattern.cases if case.labels]
        for case in sorted(found, key=lambda case: case.fixed is None):
            language = case.languages[0]
            if language not in seen:
                seen.update(case.languages)
                yield language, case


def _indented(code: str) -> list[str]:
    return textwrap.indent(code.rstrip("\n"), "    ").split("\n")


def _code(case: Case) -> Iterator[str]:
    """The case's code, carets under what is found."""
    for number, line in enumerate(case.code.rstrip("\n").split("\n")):
        yield f"    {line}"
        labels = [label for label in case.labels if label.line == number]
        if labels:
            carets = [" "] * max(label.end for label in labels)
            for label in labels:
                carets[label.start : label.end] = "^" * (label.end - label.start)
            yield "    " + "".join(carets)
