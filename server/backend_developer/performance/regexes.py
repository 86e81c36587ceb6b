"""Regular expressions in the text that take exponential time on a text that does not match."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..core.model import Proposal
from ..core.patterns import MAY_EXPLODE, explodes
from ..core.text import quoted
from ..detector import Source
from ..syntax import span_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

REGEX = "performance/regex-explosion"
RULES = frozenset({REGEX})


def find(source: Source) -> Iterator[Proposal]:
    """Proposals of the rule for each pattern in a text of Python, JavaScript or TypeScript."""
    if not MAY_EXPLODE.search(source.text):
        return
    found = _in_python(source) if source.language == "python" else _in_javascript(source)
    for node, pattern, whole, verbose in found:
        loop = explodes(pattern, whole=whole, verbose=verbose)
        if loop is not None:
            yield Proposal(
                where=span_of(node),
                rule=REGEX,
                message=(
                    f"`{quoted(loop)}` can match one text in many ways: on one that "
                    f"almost matches, the time "
                    "doubles with each character, and nothing else is served meanwhile."
                ),
                source="detector:performance",
                author="local",
                confidence="high",
            )


_MATCHERS = re.compile(
    r"^(?:re|regex|_re)\.(?:compile|match|search|fullmatch|findall|finditer|sub|subn|split)$|"
    r"(?:^|\.)(?:RegexValidator|RegexField|re_path|constr|validates_regex|compile_regex)$|^url$"
)


def _in_python(source: Source) -> Iterator[tuple[SgNode, str, bool, bool]]:
    """Each pattern's node, its text, and whether it must match to the end, and is verbose."""
    constants = {
        left.text(): right
        for node in source.tree.find_all(kind="assignment")
        if (left := node.field("left")) is not None
        and (right := node.field("right")) is not None
        and right.kind() in _STRINGS
    }
    for call in source.tree.find_all(kind="call"):
        function, arguments = call.field("function"), call.field("arguments")
        if function is None or arguments is None or not _MATCHERS.search(function.text()):
            continue
        given = [child for child in arguments.children() if child.is_named()]
        node = given[0] if given and given[0].kind() in _STRINGS else None
        for child in given:
            name = child.field("name") if child.kind() == "keyword_argument" else None
            if name is not None and name.text() == "regex":
                node = child.field("value")
        if node is None and given and given[0].kind() == "identifier":
            node = constants.get(given[0].text())
        if node is None or node.kind() not in _STRINGS:
            continue
        pattern = _python_text(node.text())
        if pattern is not None:
            verbose = re.search(r"\b(?:VERBOSE|re\.X)\b", arguments.text()) is not None
            yield node, pattern, function.text().endswith("fullmatch"), verbose


_STRINGS = ("string", "concatenated_string")


def _python_text(literal: str) -> str | None:
    try:
        value = ast.literal_eval(f"({literal})")
    except (ValueError, SyntaxError):
        return None  # An f-string, or one that is not finished.
    return value if isinstance(value, str) else None


def _in_javascript(source: Source) -> Iterator[tuple[SgNode, str, bool, bool]]:
    for node in source.tree.find_all(kind="regex"):
        pattern = node.field("pattern")
        if pattern is not None:
            yield node, pattern.text(), False, False
    if "RegExp(" not in source.text:
        return
    constants = {
        name.text(): value
        for node in source.tree.find_all(kind="variable_declarator")
        if (name := node.field("name")) is not None
        and (value := node.field("value")) is not None
        and value.kind() == "string"
    }
    for call in ("new RegExp($PATTERN, $$$)", "RegExp($PATTERN, $$$)"):
        for node in source.tree.find_all(pattern=call):
            given = node.get_match("PATTERN")
            literal = constants.get(given.text(), given) if given is not None else None
            is_text = literal is not None and "${" not in literal.text()
            if literal is not None and is_text and literal.kind() in ("string", "template_string"):
                yield literal, _javascript_text(literal.text()[1:-1]), False, False


def _javascript_text(literal: str) -> str:
    return re.sub(r"\\(.)", lambda m: m[1] if m[1] in "\\'\"`/" else m[0], literal)
