"""Finds what our own rules describe, by ast-grep: the detector of the rule files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ..core.model import Proposal, ProposedFix, Replacement, SearchReplace, Span
from ..core.text import Lines, quoted
from ..detector import Source
from ..syntax import LANGUAGES, Language, appended, span_of
from . import PatternRule, RuleFix, fill_in, load_rules, variables_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode


class PatternDetector:
    """Implements Detector. Holds the rule files, which it reads when it first needs them."""

    name = "rules"
    languages = frozenset(LANGUAGES)
    runs_program = False

    @cached_property
    def rules(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self._pattern_rules)

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """What the enabled rules match; never raises."""
        return [
            [
                proposal
                for rule in self._worth_trying(source)
                if rule.id in enabled
                for proposal in _matched(rule, source)
            ]
            for source in sources
        ]

    def _worth_trying(self, source: Source) -> list[PatternRule]:
        # To look for a word among the words is several times faster than in the text.
        words = "\n".join(source.words)
        mentioned = {
            mention
            for mention, is_word in self._mentions.get(source.language, {}).items()
            if mention in (words if is_word else source.text)
        }
        return [
            rule
            for rule in self._by_language.get(source.language, ())
            if rule.may_match(mentioned.__contains__)
        ]

    @cached_property
    def _by_language(self) -> Mapping[Language | None, Sequence[PatternRule]]:
        return {
            language: [rule for rule in self._pattern_rules if language in rule.languages]
            for language in LANGUAGES.values()
        }

    @cached_property
    def _mentions(self) -> Mapping[Language | None, Mapping[str, bool]]:
        """What a text of a language is searched for, and whether that is part of a single word."""
        return {
            language: {
                text: re.fullmatch(r"[\w$]+", text) is not None
                for rule in rules
                for text in (*rule.mentions, *rule.requires)
            }
            for language, rules in self._by_language.items()
        }

    @cached_property
    def _pattern_rules(self) -> tuple[PatternRule, ...]:
        return load_rules()


def _matched(rule: PatternRule, source: Source) -> Iterator[Proposal]:
    source.go_on()
    return match(rule, source.tree, source.text)


def match(rule: PatternRule, root: SgNode, text: str) -> Iterator[Proposal]:
    """What one rule finds below `root`, the tree of `text`."""
    nodes = root.find_all(dict(rule.matcher))  # type: ignore[call-overload]
    wanted = variables_of(rule.message)
    imports = _missing_imports(rule.fix.imports, root, text) if rule.fix and nodes else []
    for node in nodes:
        values = {name: quoted(_text_of(name, node, text)) for name in wanted}
        yield Proposal(
            where=_span_of_variable(rule.report, node) or span_of(node),
            rule=rule.id,
            message=fill_in(rule.message, values),
            source=f"rule:{rule.file.removesuffix('.yml')}",
            author="local",
            confidence=rule.confidence,
            severity=rule.severity,
            fix=_fix(rule.fix, node, text, imports) if rule.fix else None,
        )


# --- Metavariables


def _nodes(variable: str, node: SgNode) -> list[SgNode]:
    if variable == "$MATCH":
        return [node]
    if variable.startswith("$$$"):
        found = node.get_multiple_matches(variable[3:])
        # `f(a, b,)`: the last comma is no argument.
        return found[:-1] if found and found[-1].text() == "," else found
    one = node.get_match(variable[1:])
    return [one] if one is not None else []


def _span_of_variable(variable: str, node: SgNode) -> Span | None:
    nodes = _nodes(variable, node)
    return Span(span_of(nodes[0]).start, span_of(nodes[-1]).end) if nodes else None


def _text_of(variable: str, node: SgNode, text: str) -> str:
    span = _span_of_variable(variable, node)
    return text[span.start : span.end] if span else ""


def _fix(
    fix: RuleFix, node: SgNode, text: str, imports: Sequence[Replacement]
) -> ProposedFix | None:
    """The fix with its metavariables filled in; None where one of them matched nothing."""
    edits: list[SearchReplace | Replacement] = []
    for edit in fix.edits:
        span = _span_of_variable(edit.replace, node)
        values = {name: _text_of(name, node, text) for name in variables_of(edit.new)}
        if span is None or not all(values.values()):
            return None
        new = fill_in(edit.new, values)
        if edit.appends:
            edits += appended(_nodes(edit.replace, node)[0], [new], text)
        else:
            edits.append(Replacement(span, new))
    return ProposedFix(fix.title, (*edits, *imports), fix.needs)


# --- Imports


def _missing_imports(imports: Sequence[str], root: SgNode, text: str) -> list[Replacement]:
    """Insertions of those imports that the module lacks, where a tidy file has them."""
    if not imports:
        return []
    statements = [node for node in root.children() if node.kind() != "comment"]
    present = {name for node in statements for name in _imported(node)}
    edits = []
    for wanted in imports:
        line = wanted if " " in wanted else f"import {wanted}"
        if line not in present:
            edits.append(_insertion(line, statements, text))
    return edits


def _imported(node: SgNode) -> Iterator[str]:
    """Each name a statement imports under its own name, as a statement of its own."""
    names = [child.text() for child in node.field_children("name")]
    if node.kind() == "import_statement":
        yield from (f"import {name}" for name in names)
    elif node.kind() == "import_from_statement":
        module = node.field("module_name")
        yield from (f"from {module.text() if module else ''} import {name}" for name in names)


def _insertion(line: str, statements: Sequence[SgNode], text: str) -> Replacement:
    """Before the first import that sorts after it, else below the first block of its kind."""
    ending = Lines(text).line_ending
    kind = "import_statement" if line.startswith("import") else "import_from_statement"
    imports = [node for node in statements if node.kind() in _IMPORT_KINDS]
    alike = [node for node in imports if node.kind() == kind]
    later = next((node for node in alike if node.text() > line), None)
    if later is not None:
        return Replacement(Span(span_of(later).start, span_of(later).start), line + ending)
    if alike:
        block = [node for node in alike if _same_block(alike[0], node, text)]
        return _below(span_of(block[-1]).end, text, line, ending, "")
    if imports:
        return Replacement(
            Span(span_of(imports[0]).start, span_of(imports[0]).start), line + ending
        )
    head = [node for node in statements[:2] if _is_head(node)]
    if head:
        return _below(span_of(head[-1]).end, text, line, ending, ending)
    start = span_of(statements[0]).start if statements else len(text)
    return Replacement(Span(start, start), line + ending + ending)


_IMPORT_KINDS = ("import_statement", "import_from_statement")


def _same_block(first: SgNode, node: SgNode, text: str) -> bool:
    between = text[span_of(first).start : span_of(node).start]
    return re.search(r"(?:\r\n|\r|\n)\s*(?:\r\n|\r|\n)", between) is None


def _is_head(node: SgNode) -> bool:
    """The docstring, or `from __future__ import …`: what must stay above every import."""
    if node.kind() == "future_import_statement":
        return True
    return node.kind() == "expression_statement" and node.children()[0].kind() == "string"


def _below(offset: int, text: str, line: str, ending: str, gap: str) -> Replacement:
    lines = Lines(text)
    end = lines.end(lines.line_of(offset))
    return Replacement(Span(end, end), ending + gap + line)
