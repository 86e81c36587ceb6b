"""The local engine: our own rules and ruff, with no key and no network.

text -> ruff (in a thread)  ┐
     -> ast-grep rules      ┴-> proposals, one per rule and place
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left, insort
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from ..catalogue import Catalogue, load_catalogue
from ..core.model import (
    CONFIDENCES,
    Document,
    Proposal,
    ProposedFix,
    Replacement,
    Rule,
    SearchReplace,
    Severity,
    Span,
)
from ..core.text import Lines, shortened
from ..linters.process import LinterError
from ..linters.ruff import propose, run_ruff
from ..rules import Language, PatternRule, RuleFix, fill_in, load_rules, variables_of
from ..settings import Settings
from .base import EngineError, ReviewRequest

if TYPE_CHECKING:
    from ast_grep_py import SgNode

LANGUAGES: Mapping[str, Language] = {
    "python": "python",
    "javascript": "javascript",
    "javascriptreact": "javascript",
    "typescript": "typescript",
    "typescriptreact": "tsx",
}
"""LSP language id -> ast-grep's, which panics on others; its JavaScript includes JSX."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in one document, in text order, and which linter could not take part."""

    proposals: tuple[Proposal, ...]
    problem: str = ""
    """A sentence; empty when every linter ran."""


class LocalEngine:
    """Implements Engine. Holds the rules, which it reads when it first needs them."""

    name = "local"

    def __init__(self) -> None:
        self._told: set[str] = set()

    async def review(self, request: ReviewRequest) -> AsyncGenerator[Proposal, None]:
        """Yields what was found in the request's span and focuses; never blocks the event loop.

        Raises EngineError after the last proposal when a linter could not be used: once for each
        such problem in the engine's life, as it would be the same for every file.
        """
        [scan] = await asyncio.to_thread(self.scan_all, [request.document], request.settings)
        for proposal in asked_for(scan, request, self.catalogue.rules, self._told):
            yield proposal

    def scan(self, document: Document, settings: Settings) -> list[Proposal]:
        """Everything found in the whole document, in text order, rules that are off left out."""
        return list(self.scan_all([document], settings)[0].proposals)

    def scan_all(
        self,
        documents: Sequence[Document],
        settings: Settings,
        edited: Sequence[Sequence[Span]] | None = None,
    ) -> list[Scan]:
        """One Scan per document; ruff runs once for all of them, beside our own rules.

        With the `edited` spans of each document, nothing is reported inside a function that none
        of them touches, which makes the check of many small edits several times faster.
        """
        documents = [_encodable(document) for document in documents]
        python = [document for document in documents if document.language == "python"]
        with ThreadPoolExecutor(max_workers=1) as pool:
            texts = [(document.path, document.text) for document in python]
            ruff = pool.submit(run_ruff, texts, self._ruff_codes(settings)) if python else None
            reduced = [
                _without_functions(document, edited[index])
                if edited is not None
                else (document, [])
                for index, document in enumerate(documents)
            ]
            ours = [self._match_rules(document, settings) for document, _ in reduced]
            problem = ""
            foreign: list[list[Proposal]] = [[] for _ in python]
            try:
                if ruff is not None:
                    foreign = [
                        propose(document.text, messages, self.catalogue)
                        for document, messages in zip(python, ruff.result(), strict=True)
                    ]
            except LinterError as error:
                problem = str(error)
        from_ruff = iter(foreign)
        scans = []
        for document, proposals, (_, emptied) in zip(documents, ours, reduced, strict=True):
            is_python = document.language == "python"
            merged = _merged(
                proposal
                for proposal in (*proposals, *(next(from_ruff) if is_python else ()))
                if not any(function.contains(_place(proposal)) for function in emptied)
            )
            settled = tuple(_settled(proposal, document, settings) for proposal in merged)
            scans.append(Scan(settled, problem if is_python else ""))
        return scans

    @cached_property
    def catalogue(self) -> Catalogue:
        return load_catalogue()

    @cached_property
    def _rules(self) -> tuple[PatternRule, ...]:
        return load_rules()

    def _ruff_codes(self, settings: Settings) -> list[str]:
        codes = []
        for code in self.catalogue.codes_of("ruff"):
            rule = self.catalogue.rule_for("ruff", code)
            if rule is not None and _setting(rule.id, settings) != "off":
                codes.append(code)
        # Ruff refuses an empty selection; a syntax error is reported under any and maps to nothing.
        return codes or ["E902"]

    def _match_rules(self, document: Document, settings: Settings) -> list[Proposal]:
        language = LANGUAGES.get(document.language)
        rules = [
            rule
            for rule in self._rules
            if language in rule.languages
            and _setting(rule.id, settings) != "off"
            and rule.may_match(document.text)
        ]
        if language is None or not rules:
            return []
        root = parse(document.text, language)
        proposals = [proposal for rule in rules for proposal in match(rule, root, document.text)]
        return [
            proposal
            for proposal in proposals
            if language != "python"
            or not _has_noqa(document.text, proposal, self.catalogue.rules[proposal.rule])
        ]


def asked_for(
    scan: Scan, request: ReviewRequest, rules: Mapping[str, Rule], told: set[str]
) -> Iterator[Proposal]:
    """What of a scan lies in the request's span and focuses.

    Raises EngineError after it, when the scan has a problem that is not in `told`, which it
    is added to. `rules` is the catalogue by id.
    """
    for proposal in scan.proposals:
        place = _place(proposal)
        inside = request.span.contains(place) or request.span.overlaps(place)
        if inside and rules[proposal.rule].focus in request.task.focuses:
            yield proposal
    if scan.problem and scan.problem not in told:
        told.add(scan.problem)
        raise EngineError(scan.problem)


def parse(text: str, language: Language) -> SgNode:
    """The syntax tree of a text; a text with syntax errors has one too. Its offsets are ours."""
    from ast_grep_py import SgRoot  # Not at the top: 10 ms that a server's start can do without.

    # The parsers take a lone CR for a space; a LF in its place changes no offset.
    return SgRoot(_LONE_CR.sub("\n", text), language).root()


_LONE_CR = re.compile(r"\r(?!\n)")


def match(rule: PatternRule, root: SgNode, text: str) -> Iterator[Proposal]:
    """What one rule finds below `root`, the tree of `text`."""
    wanted = variables_of(rule.message)
    for node in root.find_all(dict(rule.matcher)):  # type: ignore[call-overload]
        values = {name: _plain(_text_of(name, node, text)) for name in wanted}
        yield Proposal(
            where=_span_of(rule.report, node) or _span(node),
            rule=rule.id,
            message=fill_in(rule.message, values),
            source=f"rule:{rule.file.removesuffix('.yml')}",
            author="local",
            confidence=rule.confidence,
            severity=rule.severity,
            fix=_fix(rule.fix, node, root, text) if rule.fix else None,
        )


_FUNCTIONS = (
    "function_declaration",
    "function_expression",
    "generator_function_declaration",
    "method_definition",
    "arrow_function",
)


def _without_functions(document: Document, edited: Sequence[Span]) -> tuple[Document, list[Span]]:
    """With the body of every function that no edit touches emptied, and where those functions lie.

    The text keeps its length and its lines, so every offset stays what it was.
    """
    language, text = LANGUAGES.get(document.language), document.text
    if language is None:
        return document, []
    kinds = ("function_definition",) if language == "python" else _FUNCTIONS
    opening, closing = ("...", "") if language == "python" else ("{", "}")
    emptied: list[Span] = []
    pieces: list[str] = []
    done = 0
    for node in parse(text, language).find_all(any=[{"kind": kind} for kind in kinds]):
        function, body = _span(node), node.field("body")
        if body is None or function.start < done or any(function.touches(span) for span in edited):
            continue
        inside = _span(body)
        code = text[inside.start : inside.end]
        if len(code) < 4 or body.kind() not in ("block", "statement_block"):
            continue
        blank = re.sub(r"[^\r\n]", " ", code[len(opening) : len(code) - len(closing)])
        pieces += [text[done : inside.start], opening, blank, closing]
        done = inside.end
        emptied.append(function)
    return replace(document, text="".join([*pieces, text[done:]])), emptied


def _setting(rule_id: str, settings: Settings) -> Severity | Literal["off"] | None:
    focus = rule_id.partition("/")[0]
    return settings.rules.get(rule_id) or settings.rules.get(f"{focus}/*")


def _settled(proposal: Proposal, document: Document, settings: Settings) -> Proposal:
    """With the severity that the settings give, and folded away in a test file."""
    severity = _setting(proposal.rule, settings)
    if severity is not None and severity != "off":
        proposal = replace(proposal, severity=severity)
    return replace(proposal, confidence="low") if _is_test(document.path) else proposal


_TEST_FILE = re.compile(r"(?:test_.*|.*_test|conftest)\.py|.*\.(?:test|spec)\.[cm]?[jt]sx?")
_TEST_FOLDERS = ("tests", "test", "__tests__", "spec")


def _is_test(path: str) -> bool:
    # Only the nearest folder counts: a whole project may lie below one that is called tests.
    file = PurePath(path)
    return bool(_TEST_FILE.fullmatch(file.name)) or file.parent.name in _TEST_FOLDERS


def _merged(proposals: Iterable[Proposal]) -> list[Proposal]:
    """One proposal for each rule and place: the one with a fix, then the surest, the narrowest."""
    kept: list[Proposal] = []
    places: dict[str, list[Span]] = {}
    for proposal in sorted(proposals, key=_preference):
        place = _place(proposal)
        rules = (proposal.rule, *_SAID_BETTER_BY.get(proposal.rule, ()))
        if not any(_is_taken(place, places.get(rule, [])) for rule in rules):
            insort(places.setdefault(proposal.rule, []), place)
            kept.append(proposal)
    return sorted(kept, key=lambda proposal: (_place(proposal), proposal.rule))


_SAID_BETTER_BY = {"security/weak-hash": ("security/password-hash-too-fast",)}
"""A rule is left out where one of these, which is more specific, has found the same place."""


def _is_taken(place: Span, taken: Sequence[Span]) -> bool:
    # What is taken is in order and does not overlap, so only neighbours can be in the way.
    index = bisect_left(taken, place)
    near = taken[max(index - 1, 0) : index + 1]
    return any(place == other or place.overlaps(other) for other in near)


def _preference(proposal: Proposal) -> tuple[bool, bool, int, int, Span]:
    place = _place(proposal)
    surest = CONFIDENCES.index(proposal.confidence)
    is_general = proposal.rule in _SAID_BETTER_BY
    return (is_general, proposal.fix is None, surest, place.end - place.start, place)


def _place(proposal: Proposal) -> Span:
    assert isinstance(proposal.where, Span)  # The local engine points with spans.
    return proposal.where


_NOQA = re.compile(r"#\s*noqa(?P<codes>:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)?", re.IGNORECASE)


def _has_noqa(text: str, proposal: Proposal, rule: Rule) -> bool:
    """Whether a `# noqa` on the first or last line silences this rule or ruff's same rules."""
    if "noqa" not in text:
        return False
    lines = Lines(text)
    for line in lines.first_and_last(_place(proposal)):
        comment = _NOQA.search(lines.line(line))
        if comment is None:
            continue
        codes = re.findall(r"[A-Z]+[0-9]+", (comment["codes"] or "").upper())
        if not codes or any(f"ruff:{code}" in rule.same_as for code in codes):
            return True
    return False


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


def _span(node: SgNode) -> Span:
    place = node.range()
    return Span(place.start.index, place.end.index)


def _span_of(variable: str, node: SgNode) -> Span | None:
    nodes = _nodes(variable, node)
    return Span(_span(nodes[0]).start, _span(nodes[-1]).end) if nodes else None


def _text_of(variable: str, node: SgNode, text: str) -> str:
    span = _span_of(variable, node)
    return text[span.start : span.end] if span else ""


def _plain(code: str) -> str:
    """Code as it may stand between backticks in a message: one line, short."""
    return shortened(" ".join(code.split()).replace("`", "'"), 60)


def _fix(fix: RuleFix, node: SgNode, root: SgNode, text: str) -> ProposedFix | None:
    """The fix with its metavariables filled in; None where one of them matched nothing."""
    edits: list[SearchReplace | Replacement] = []
    for edit in fix.edits:
        span = _span_of(edit.replace, node)
        values = {name: _text_of(name, node, text) for name in variables_of(edit.new)}
        if span is None or not all(values.values()):
            return None
        edits.append(Replacement(span, fill_in(edit.new, values)))
    edits += _missing_imports(fix.imports, root, text)
    return ProposedFix(fix.title, tuple(edits), fix.needs)


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
        return Replacement(Span(_span(later).start, _span(later).start), line + ending)
    if alike:
        block = [node for node in alike if _same_block(alike[0], node, text)]
        return _below(_span(block[-1]).end, text, line, ending, "")
    if imports:
        return Replacement(Span(_span(imports[0]).start, _span(imports[0]).start), line + ending)
    head = [node for node in statements[:2] if _is_head(node)]
    if head:
        return _below(_span(head[-1]).end, text, line, ending, ending)
    start = _span(statements[0]).start if statements else len(text)
    return Replacement(Span(start, start), line + ending + ending)


_IMPORT_KINDS = ("import_statement", "import_from_statement")


def _same_block(first: SgNode, node: SgNode, text: str) -> bool:
    between = text[_span(first).start : _span(node).start]
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


def _encodable(document: Document) -> Document:
    """A lone surrogate cannot be handed to the tools; "?" keeps every offset as it is."""
    if document.text.isascii():
        return document
    text = document.text.encode("utf-8", "replace").decode("utf-8")
    return replace(document, text=text)
