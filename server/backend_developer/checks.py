"""The checks of an edit that need tools: does the result parse, is every name defined, is it clean?

    candidates -> FixChecker -> a CheckReport each: passed, or why the fix is withheld

Each check compares the result with the text before, so what was wrong before is no problem. A tool
that fails makes its check undone, which the report says, and never the review.
"""

from __future__ import annotations

import ast
import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from .batching import Batched
from .catalogue import Catalogue
from .core.edits import merge_edits
from .core.model import (
    SEVERITIES,
    Candidate,
    CheckReport,
    Document,
    NewFinding,
    Proposal,
    Severity,
    Span,
    TextEdit,
)
from .core.text import Lines, shortened
from .engines.local import LocalEngine
from .engines.scan import Scan
from .linters.oxlint import OxlintMessage, check_names
from .linters.process import LinterError
from .linters.ruff import SYNTAX_ERROR, RuffMessage, run_ruff
from .settings import Settings
from .signatures import (
    Function,
    awaited_wrongly,
    functions_of,
    misfit,
    own_calls,
    parses_as_python,
    python_tree,
    signature_of,
)
from .syntax import LANGUAGES, parse

_Asked: TypeAlias = tuple[Document, Sequence[Candidate], Settings]


class FixChecker:
    """Implements the review's checker with ruff, oxlint, ast-grep and the local engine."""

    def __init__(self, local: LocalEngine) -> None:
        self._local = local
        self._checks = Batched(self._check_batch)
        self._latest: tuple[Settings, dict[Document, _Before]] | None = None
        """Of the documents that were checked last: their candidates may come in several calls."""

    async def check(
        self, document: Document, candidates: Sequence[Candidate], settings: Settings
    ) -> list[CheckReport]:
        """As `reports`, in a thread; together with what others ask for in the same moment."""
        return await self._checks.ask((document, candidates, settings))

    async def syntax_error_line(self, document: Document) -> int:
        """As the function of this name, in a thread."""
        return await asyncio.to_thread(syntax_error_line, document)

    def reports(
        self, document: Document, candidates: Sequence[Candidate], settings: Settings
    ) -> list[CheckReport]:
        """One report per candidate, in order. Never raises; blocks for about 50 ms per candidate.

        `document` is the text that the candidates' spans and edits refer to.
        """
        return self._check_batch([(document, candidates, settings)])[0]

    def _check_batch(self, asked: Sequence[_Asked]) -> list[list[CheckReport]]:
        settings = asked[0][2]
        if any(other is not settings for *_, other in asked):
            return [self._check_batch([one])[0] for one in asked]
        documents = [document for document, *_ in asked]
        fixes = [(index, fix) for index, one in enumerate(asked) for fix in one[1]]
        results = [replace(documents[index], text=fix.text_after) for index, fix in fixes]
        indices = [index for index, _ in fixes]
        # The linters have their time beside the scans.
        naming = self._local.beside(partial(_check_names, documents, indices, results))
        edited = [
            # A part must tell what is gone from its whole file, which may be in another one now.
            [Span(0, len(fix.text_after))]
            if fix.is_part
            else [_moved(edit.span, fix.edits) for edit in fix.edits]
            for _, fix in fixes
        ]
        befores = self._before(documents, settings) if fixes else []
        afters = self._local.scan_all(results, settings, edited) if fixes else []
        names = naming()
        if any(one.has_failed for one in names):
            self._local.has_failed = True
        reports: list[list[CheckReport]] = [[] for _ in asked]
        for (index, fix), result, name, after in zip(fixes, results, names, afters, strict=True):
            self._local.go_on()
            document, before = documents[index], befores[index]
            catalogue = self._local.catalogue
            findings = _findings(
                fix, document, result, before.scan, after, catalogue, is_whole=fix.is_part
            )
            if findings.problem:
                # What was read without the functions that no edit touches may miss what is in them.
                [whole] = self._local.scan_all([result], settings)
                findings = _findings(
                    fix, document, result, before.scan, whole, catalogue, is_whole=True
                )
            reports[index].append(
                _first_problem(
                    _syntax(document, result, name),
                    name.report,
                    _signatures(document, before.functions, fix, result),
                    _templates(document, fix),
                    findings,
                )
            )
        return reports

    def _before(self, documents: Sequence[Document], settings: Settings) -> list[_Before]:
        latest = self._latest
        known = latest[1] if latest and latest[0] == settings else {}
        missing = [document for document in documents if document not in known]
        scans = self._local.latest_scans(missing, settings)
        known = {document: known[document] for document in documents if document in known} | {
            document: _Before(functions_of(_tree(document)), scan)
            for document, scan in zip(missing, scans, strict=True)
        }
        self._latest = (settings, known)
        return [known[document] for document in documents]


@dataclass(frozen=True, slots=True)
class _Before:
    """What every candidate of one document is compared with."""

    functions: Mapping[str, Function]
    scan: Scan


def syntax_error_line(document: Document) -> int:
    """The line, from 1, of the document's first syntax error; 0 when it has none.

    Blocks for some milliseconds, and where there seems to be one for the linter to say so.
    """
    if document.language == "python":
        suspect = not parses_as_python(document.text)
    else:
        suspect = document.language in LANGUAGES and bool(_syntax_errors(document))
    # The linters know newer versions of the languages than the parsers here.
    return _check_names([document], [0], [document])[0].syntax_error_line if suspect else 0


def _first_problem(*reports: CheckReport) -> CheckReport:
    problem = next((report.problem for report in reports if report.problem), "")
    unchecked = dict.fromkeys(sentence for report in reports for sentence in report.unchecked)
    return CheckReport(
        problem,
        tuple(unchecked),
        tidying=tuple(edit for report in reports for edit in report.tidying),
        new_findings=tuple(one for report in reports for one in report.new_findings),
        gone=tuple(one for report in reports for one in report.gone),
    )


# --- It parses


def _syntax(before: Document, after: Document, names: _Names) -> CheckReport:
    if names.syntax_error_line and not names.syntax_error_before:
        return CheckReport(f"It leaves a syntax error on line {names.syntax_error_line}.")
    if after.language in LANGUAGES and not names.unchecked:
        return CheckReport()  # The linter has read both texts to their ends.
    if after.language not in LANGUAGES and after.language not in _DATA:
        return CheckReport(unchecked=(f"The syntax of {_shown(after.language)} was not checked.",))
    errors = _syntax_errors(after)
    if len(errors) > len(_syntax_errors(before)):
        return CheckReport(f"It leaves a syntax error on line {errors[-1]}.")
    return CheckReport()


def _syntax_errors(document: Document) -> list[int]:
    """The lines, from 1, of what the parser could not read or had to invent."""
    if document.language in _DATA:
        return _data_errors(document.text)
    root = parse(document.text, LANGUAGES[document.language])
    unreadable = root.find_all(kind="ERROR")
    invented = (
        [node for node in root.find_all(regex="^$") if node.is_leaf()] if document.text else []
    )
    lines = Lines(document.text)
    return sorted(lines.line_of(node.range().start.index) + 1 for node in (*unreadable, *invented))


def _shown(language: str) -> str:
    return {"sql": "SQL", "dockerfile": "the Dockerfile"}.get(language, language or "plain text")


_DATA = ("yaml", "json")
"""YAML's parser reads JSON too."""


def _data_errors(text: str) -> list[int]:
    import yaml  # Not at the top: see load_yaml.

    try:
        for _ in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            pass
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return [Lines(text).line_of(min(mark.index, len(text))) + 1 if mark else 1]
    return []


# --- Its names are defined


@dataclass(frozen=True, slots=True)
class _Names:
    """What a linter says about the names of one result, compared with the text before."""

    problem: str = ""
    unchecked: str = ""
    syntax_error_line: int = 0
    """From 1; 0: none, or not known."""
    syntax_error_before: bool = False
    tidying: tuple[TextEdit, ...] = ()
    """Takes away the imports that the result does not need any more."""
    has_failed: bool = False
    """The linter could not be used."""

    @property
    def report(self) -> CheckReport:
        unchecked = (self.unchecked,) if self.unchecked else ()
        return CheckReport(self.problem, unchecked, self.tidying)


def _check_names(
    documents: Sequence[Document], sources: Sequence[int], results: Sequence[Document]
) -> list[_Names]:
    """Of each result, against the document that it was made of; each linter runs once.

    `sources` has the index of each result's document.
    """
    found: list[_Names | None] = [None] * len(results)
    for is_python in (True, False):
        places = [
            place
            for place, result in enumerate(results)
            if result.language in LANGUAGES and (result.language == "python") is is_python
        ]
        used = sorted({sources[place] for place in places})
        texts = [*(documents[index] for index in used), *(results[place] for place in places)]
        if not texts:
            continue
        try:
            said: Sequence[Sequence[Any]] = (
                run_ruff(_named(texts), _NAME_CODES) if is_python else check_names(_named(texts))
            )
        except LinterError as error:
            failed = _Names(unchecked=f"Names could not be checked: {error}", has_failed=True)
            found = [failed if i in places else names for i, names in enumerate(found)]
            continue
        before = dict(zip(used, said[: len(used)], strict=True))
        for place, after in zip(places, said[len(used) :], strict=True):
            index = sources[place]
            found[place] = (
                _python_names(documents[index], before[index], results[place], after)
                if is_python
                else _javascript_names(before[index], results[place], after)
            )
    return [names or _Names() for names in found]  # Other languages have no names.


def _named(documents: Sequence[Document]) -> list[tuple[str, str]]:
    return [
        (document.path or f"a.{_ENDING[document.language]}", document.text)
        for document in documents
    ]


_ENDING = {
    "javascript": "js",
    "javascriptreact": "jsx",
    "typescript": "ts",
    "typescriptreact": "tsx",
}
_ENDING["python"] = "py"
_NAME_CODES = ("F401", "F811", "F821", "F822", "F823", "F841")
_UNUSED = ("F401", "F841")
_SYNTAX_UNCHECKED = "Names could not be checked, since the file has a syntax error."
_NAME = re.compile(r"`([^`]+)`")


def _python_names(
    before: Document,
    messages_before: Sequence[RuffMessage],
    after: Document,
    messages_after: Sequence[RuffMessage],
) -> _Names:
    broken_before = any(message.code == SYNTAX_ERROR for message in messages_before)
    lines = Lines(after.text)
    for message in messages_after:
        if message.code == SYNTAX_ERROR:
            line = lines.line_of(message.span.start) + 1
            return _Names("", _SYNTAX_UNCHECKED, line, broken_before)
    if broken_before:
        return _Names(unchecked=_SYNTAX_UNCHECKED)
    known = Counter((message.code, _name_in(message)) for message in messages_before)
    tidying: tuple[TextEdit, ...] = ()
    passes_on = before.path.endswith("__init__.py")
    for message in messages_after:
        if message.code == "F401" and passes_on:
            continue  # A package's own module imports what others import from it.
        name = _name_in(message)
        known[message.code, name] -= 1
        if known[message.code, name] >= 0:
            continue
        line = lines.line_of(message.span.start) + 1
        if message.code not in _UNUSED:
            verb = "defines" if message.code == "F811" else "leaves the name"
            rest = "a second time" if message.code == "F811" else "undefined"
            return _Names(f"It {verb} `{name}` {rest} on line {line}.")
        # An import that the edit no longer needs goes with it, one that it brought and forgot is
        # half a change; but of a whole new file, it is one line too many.
        short = name.rpartition(".")[2].rpartition(" ")[2]
        is_forgotten = not before.text.strip() and message.code == "F401"
        if not is_forgotten and not re.search(rf"\b{re.escape(short)}\b", before.text):
            what = "imports" if message.code == "F401" else "assigns"
            return _Names(f"It {what} `{name}` on line {line} and never uses it.")
        if message.code == "F401":
            removal = [TextEdit(edit.span, edit.new) for edit in message.edits]
            # Of two names in one statement, ruff may say one edit twice.
            tidying = merge_edits(tidying, removal) or tidying
    return _Names(tidying=tidying)


def _name_in(message: RuffMessage) -> str:
    # The rest of a message may hold a line number, which an edit changes.
    found = _NAME.search(message.message)
    return found[1] if found else ""


def _javascript_names(
    messages_before: Sequence[OxlintMessage],
    after: Document,
    messages_after: Sequence[OxlintMessage],
) -> _Names:
    broken_before = any(not message.rule for message in messages_before)
    for message in messages_after:
        if not message.rule:
            return _Names("", _SYNTAX_UNCHECKED, message.line, broken_before)
    if broken_before:
        return _Names(unchecked=_SYNTAX_UNCHECKED)
    known = Counter((message.rule, message.message) for message in messages_before)
    declared = _declared_globals(after.text)
    for message in messages_after:
        known[message.rule, message.message] -= 1
        if known[message.rule, message.message] >= 0:
            continue
        if message.rule == "no-undef":
            name = message.message.split("'")[1]
            if name in declared:
                continue
            return _Names(f"It leaves the name `{name}` undefined on line {message.line}.")
        return _Names(f"It assigns to a constant on line {message.line}.")
    return _Names()


_GLOBALS = re.compile(r"/\*\s*globals?\s([^*]*)\*/")


def _declared_globals(text: str) -> set[str]:
    """The names in ESLint's comments such as `/* global db, print: readonly */`.

    A file has them whose names come from the program that runs it; oxlint does not read them.
    """
    names = (name for comment in _GLOBALS.findall(text) for name in comment.split(","))
    return {name.partition(":")[0].strip() for name in names}


# --- Its calls fit


def _signatures(
    before: Document,
    functions_before: Mapping[str, Function],
    candidate: Candidate,
    after: Document,
) -> CheckReport:
    """Whether the calls in the file still fit the functions whose signature the edit changed."""
    if before.language != "python":
        if not candidate.is_part and _function_heads(before) != _function_heads(after):
            sentence = "Calls were not compared with the signatures that the edit changed."
            return CheckReport(unchecked=(sentence,))
        return CheckReport()
    lines = Lines(before.text)
    edited = [lines.first_and_last(edit.span) for edit in candidate.edits]
    if not any(
        first < function.body[0].lineno and function.lineno <= last + 1
        for function in functions_before.values()
        for first, last in edited
    ):
        return CheckReport()  # No edit is in the lines of a signature.
    tree = _tree(after)
    changed = {
        name: function
        for name, function in functions_of(tree).items()
        if name in functions_before
        and signature_of(functions_before[name]) != signature_of(function)
    }
    if not changed:
        return CheckReport()
    for call, name, parent in own_calls(tree):
        function = changed.get(name)
        if function is None:
            continue
        if wrong := misfit(call, function, is_method="." in name):
            return CheckReport(
                f"The call of `{function.name}` on line {call.lineno} does not fit its changed "
                f"signature: {wrong}."
            )
        match awaited_wrongly(parent, functions_before[name], function):
            case "not awaited":
                return CheckReport(
                    f"It makes `{function.name}` async, but line {call.lineno} does not await it."
                )
            case "awaited":
                return CheckReport(
                    f"It makes `{function.name}` not async, but line {call.lineno} awaits it."
                )
    if candidate.is_part:
        return CheckReport()
    names = ", ".join(f"`{name}`" for name in sorted(changed))
    return CheckReport(
        unchecked=(f"The signature of {names} changed; calls in other files were not checked.",)
    )


def _tree(document: Document) -> ast.Module:
    """Empty where there is none: another language, or a syntax error, which another check says."""
    tree = python_tree(document.text) if document.language == "python" else None
    return tree or ast.Module([], [])


_HEAD = re.compile(
    r"function\b[^{]*|(?<![\w$])[\w$]+\s*=\s*(?:async\s*)?\([^)]{0,2000}\)\s*(?::[^=]{1,500})?=>"
)


def _function_heads(document: Document) -> list[str]:
    return _HEAD.findall(document.text)


# --- Its templates


_RENDERS = re.compile(r"\b(?:render_template|TemplateResponse|render_to_string|render)\s*\(")


def _templates(before: Document, candidate: Candidate) -> CheckReport:
    lines = Lines(before.text)
    touched = [
        before.text[place.start : place.end] + edit.new_text
        for edit in candidate.edits
        for place in [lines.full(edit.span)]
    ]
    if any(_RENDERS.search(code) for code in touched):
        return CheckReport(unchecked=("The template that it renders was not checked.",))
    return CheckReport()


# --- It is clean


def _findings(
    candidate: Candidate,
    before: Document,
    after: Document,
    scan_before: Scan,
    scan_after: Scan,
    catalogue: Catalogue,
    *,
    is_whole: bool,
) -> CheckReport:
    """Whether the finding is gone, where the local engine had found it, and no other came in.

    A finding that is where one of its rule was is not new; nor is one whose rule and code were
    there as often before, since the edits may say that code moved, or that another was written
    in its place. The second needs all findings of the text after: that its scan `is_whole`.
    """
    moved = [
        (proposal.rule, _moved(_place(proposal), candidate.edits))
        for proposal in scan_before.proposals
    ]
    lines = Lines(after.text)
    target = _moved(candidate.span, candidate.edits)
    own = [
        proposal
        for proposal in scan_before.proposals
        if proposal.rule == candidate.rule and _place(proposal).touches(candidate.span)
    ]
    codes_before = Counter(
        _rule_and_code(proposal, before)
        for proposal in scan_before.proposals
        if proposal not in own
    )
    codes_after = Counter(_rule_and_code(proposal, after) for proposal in scan_after.proposals)
    new: list[NewFinding] = []
    for proposal in scan_after.proposals:
        place = _place(proposal)
        line = lines.line_of(place.start) + 1
        if own and proposal.rule == candidate.rule and place.touches(target):
            return CheckReport(f"The finding is still there after it, on line {line}.")
        key = _rule_and_code(proposal, after)
        was_there = any(rule == proposal.rule and place.touches(span) for rule, span in moved) or (
            is_whole and codes_after[key] <= codes_before[key]
        )
        serious = SEVERITIES.index(_severity(proposal, catalogue)) <= _WARNING
        if not was_there and serious and proposal.confidence != "low":
            code = shortened(lines.line(line - 1).strip(), 60)
            new.append(NewFinding(*key, f"It brings in {proposal.rule} on line {line}: `{code}`."))
    problem = " ".join(scan_after.problems)
    unchecked = (f"New findings could not all be checked: {problem}",) if problem else ()
    if candidate.is_part:
        gone = tuple((codes_before - codes_after).elements())
        return CheckReport("", unchecked, new_findings=tuple(new), gone=gone)
    return CheckReport(new[0].sentence) if new else CheckReport(unchecked=unchecked)


def _rule_and_code(proposal: Proposal, document: Document) -> tuple[str, str]:
    """What a finding is told by wherever it stands, however far it is indented."""
    place = _place(proposal)
    return proposal.rule, " ".join(document.text[place.start : place.end].split())


_WARNING = SEVERITIES.index("warning")


def _severity(proposal: Proposal, catalogue: Catalogue) -> Severity:
    return proposal.severity or catalogue.rules[proposal.rule].severity


def _place(proposal: Proposal) -> Span:
    assert isinstance(proposal.where, Span)  # The local engine points with spans.
    return proposal.where


def _moved(span: Span, edits: Sequence[TextEdit]) -> Span:
    """Where a span of the text before lies in the result; an edit inside or across widens it."""
    start, end = span.start, span.end
    for edit in edits:
        growth = len(edit.new_text) - (edit.span.end - edit.span.start)
        if edit.span.end <= span.start and edit.span != span:
            start += growth
        elif edit.span.start < span.start:
            start += edit.span.start - span.start
        if edit.span.start < span.end or edit.span == span:
            end += growth
    return Span(min(start, end), max(start, end))
