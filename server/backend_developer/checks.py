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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from .batching import Batched
from .catalogue import Catalogue
from .core.edits import merge_edits
from .core.model import (
    SEVERITIES,
    Candidate,
    CheckReport,
    Document,
    Proposal,
    Severity,
    Span,
    TextEdit,
)
from .core.text import Lines, shortened
from .engines.local import LocalEngine, Scan
from .linters.oxlint import OxlintMessage, check_names
from .linters.process import LinterError
from .linters.ruff import SYNTAX_ERROR, RuffMessage, run_ruff
from .settings import Settings
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
        names = _check_names(documents, [index for index, _ in fixes], results)
        if any(one.has_failed for one in names):
            self._local.has_failed = True
        edited = [[_moved(edit.span, fix.edits) for edit in fix.edits] for _, fix in fixes]
        befores = self._before(documents, settings) if fixes else []
        afters = self._local.scan_all(results, settings, edited) if fixes else []
        reports: list[list[CheckReport]] = [[] for _ in asked]
        for (index, fix), result, name, after in zip(fixes, results, names, afters, strict=True):
            document, before = documents[index], befores[index]
            reports[index].append(
                _first_problem(
                    _syntax(document, result, name),
                    name.report,
                    _signatures(document, before.functions, fix, result),
                    _templates(document, fix),
                    _findings(fix, document, result, before.scan, after, self._local),
                )
            )
        return reports

    def _before(self, documents: Sequence[Document], settings: Settings) -> list[_Before]:
        latest = self._latest
        known = latest[1] if latest and latest[0] == settings else {}
        missing = [document for document in documents if document not in known]
        scans = self._local.latest_scans(missing, settings)
        known = {document: known[document] for document in documents if document in known} | {
            document: _Before(_functions(_tree(document)), scan)
            for document, scan in zip(missing, scans, strict=True)
        }
        self._latest = (settings, known)
        return [known[document] for document in documents]


@dataclass(frozen=True, slots=True)
class _Before:
    """What every candidate of one document is compared with."""

    functions: Mapping[str, _Function]
    scan: Scan


def syntax_error_line(document: Document) -> int:
    """The line, from 1, of the document's first syntax error; 0 when it has none.

    Blocks for some milliseconds, and where there seems to be one for the linter to say so.
    """
    if document.language == "python":
        suspect = _python_tree(document.text) is None
    else:
        suspect = document.language in LANGUAGES and bool(_syntax_errors(document))
    # The linters know newer versions of the languages than the parsers here.
    return _check_names([document], [0], [document])[0].syntax_error_line if suspect else 0


def _first_problem(*reports: CheckReport) -> CheckReport:
    problem = next((report.problem for report in reports if report.problem), "")
    unchecked = dict.fromkeys(sentence for report in reports for sentence in report.unchecked)
    tidying = tuple(edit for report in reports for edit in report.tidying)
    return CheckReport(problem, tuple(unchecked), tidying)


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
                else _javascript_names(before[index], after)
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
    for message in messages_after:
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
        # half a change.
        short = name.rpartition(".")[2].rpartition(" ")[2]
        if not re.search(rf"\b{re.escape(short)}\b", before.text):
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


def _javascript_names(before: Sequence[OxlintMessage], after: Sequence[OxlintMessage]) -> _Names:
    broken_before = any(not message.rule for message in before)
    for message in after:
        if not message.rule:
            return _Names("", _SYNTAX_UNCHECKED, message.line, broken_before)
    if broken_before:
        return _Names(unchecked=_SYNTAX_UNCHECKED)
    known = Counter((message.rule, message.message) for message in before)
    for message in after:
        known[message.rule, message.message] -= 1
        if known[message.rule, message.message] >= 0:
            continue
        if message.rule == "no-undef":
            name = message.message.split("'")[1]
            return _Names(f"It leaves the name `{name}` undefined on line {message.line}.")
        return _Names(f"It assigns to a constant on line {message.line}.")
    return _Names()


# --- Its calls fit


def _signatures(
    before: Document,
    functions_before: Mapping[str, _Function],
    candidate: Candidate,
    after: Document,
) -> CheckReport:
    """Whether the calls in the file still fit the functions whose signature the edit changed."""
    if before.language != "python":
        if _function_heads(before) != _function_heads(after):
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
        for name, function in _functions(tree).items()
        if name in functions_before and _signature(functions_before[name]) != _signature(function)
    }
    if not changed:
        return CheckReport()
    for call, name, parent in _calls(tree):
        function = changed.get(name)
        if function is None:
            continue
        misfit = _misfit(call, function, is_method="." in name)
        if misfit:
            return CheckReport(
                f"The call of `{function.name}` on line {call.lineno} does not fit its changed "
                f"signature: {misfit}."
            )
        is_async = isinstance(function, ast.AsyncFunctionDef)
        if is_async != isinstance(functions_before[name], ast.AsyncFunctionDef):
            if is_async and isinstance(parent, ast.Expr | ast.Assign | ast.Attribute):
                return CheckReport(
                    f"It makes `{function.name}` async, but line {call.lineno} does not await it."
                )
            if not is_async and isinstance(parent, ast.Await):
                return CheckReport(
                    f"It makes `{function.name}` not async, but line {call.lineno} awaits it."
                )
    names = ", ".join(f"`{name}`" for name in sorted(changed))
    return CheckReport(
        unchecked=(f"The signature of {names} changed; calls in other files were not checked.",)
    )


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _tree(document: Document) -> ast.Module:
    """Empty where there is none: another language, or a syntax error, which another check says."""
    tree = _python_tree(document.text) if document.language == "python" else None
    return tree or ast.Module([], [])


def _python_tree(text: str) -> ast.Module | None:
    """None when it is no Python, or a newer one than we run on."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _functions(tree: ast.Module) -> dict[str, _Function]:
    """The module's plain functions as `name`, its methods as `Class.name`; each defined once."""
    found: dict[str, _Function] = {}
    names: Counter[str] = Counter()
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for member in members:
            # What a decorator makes of a signature is not known.
            if isinstance(member, _Function) and not member.decorator_list:
                names[prefix + member.name] += 1
                found[prefix + member.name] = member
    return {name: function for name, function in found.items() if names[name] == 1}


def _signature(function: _Function) -> str:
    return f"{type(function).__name__} {ast.dump(function.args)}"


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, ast.AST]]:
    """Each call of a module's own function or, through `self` or `cls`, method; with its parent."""
    for statement in tree.body:
        owner = f"{statement.name}." if isinstance(statement, ast.ClassDef) else ""
        for parent in ast.walk(statement):
            for call in ast.iter_child_nodes(parent):
                if not isinstance(call, ast.Call):
                    continue
                match call.func:
                    case ast.Name(id=name):
                        yield call, name, parent
                        yield call, f"{name}.__init__", parent
                    case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if owner:
                        yield call, owner + name, parent


def _misfit(call: ast.Call, function: _Function, *, is_method: bool) -> str:
    """What is wrong with the call's arguments; empty when they fit, or hide behind `*` or `**`."""
    given = call.args
    keywords = {keyword.arg for keyword in call.keywords if keyword.arg}
    if any(isinstance(value, ast.Starred) for value in given) or len(keywords) < len(call.keywords):
        return ""
    parameters = function.args
    positional = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
    required = positional[: len(positional) - len(parameters.defaults)]
    if is_method:
        positional, required = positional[1:], required[1:]
    required += [
        parameter.arg
        for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        if default is None
    ]
    known = {*positional, *(parameter.arg for parameter in parameters.kwonlyargs)}
    if len(given) > len(positional) and parameters.vararg is None:
        return f"it passes {len(given)} positional arguments of {len(positional)}"
    if parameters.kwarg is None and keywords - known:
        return f"there is no parameter `{min(keywords - known)}`"
    missing = [name for name in required if name not in {*positional[: len(given)], *keywords}]
    return f"`{missing[0]}` is missing" if missing else ""


_HEAD = re.compile(r"function\b[^{]*|[\w$]+\s*=\s*(?:async\s*)?\([^)]*\)\s*(?::[^=]+)?=>")


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
    local: LocalEngine,
) -> CheckReport:
    """Whether the finding is gone, where the local engine had found it, and no other came in."""
    old = [(proposal.rule, _place(proposal)) for proposal in scan_before.proposals]
    moved = [(rule, _moved(place, candidate.edits)) for rule, place in old]
    lines = Lines(after.text)
    target = _moved(candidate.span, candidate.edits)
    was_found = any(rule == candidate.rule and place.touches(candidate.span) for rule, place in old)
    for proposal in scan_after.proposals:
        place = _place(proposal)
        line = lines.line_of(place.start) + 1
        if was_found and proposal.rule == candidate.rule and place.touches(target):
            return CheckReport(f"The finding is still there after it, on line {line}.")
        is_new = not any(rule == proposal.rule and place.touches(span) for rule, span in moved)
        serious = SEVERITIES.index(_severity(proposal, local.catalogue)) <= _WARNING
        if is_new and serious and proposal.confidence != "low":
            return CheckReport(
                f"It brings in {proposal.rule} on line {line}: "
                f"`{shortened(lines.line(line - 1).strip(), 60)}`."
            )
    problem = " ".join(scan_after.problems)
    return CheckReport(
        unchecked=(f"New findings could not all be checked: {problem}",) if problem else ()
    )


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
