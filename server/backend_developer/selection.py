"""What a review is of when nothing, or only a character, is selected."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from .core.model import Document, Span

if TYPE_CHECKING:
    from ast_grep_py import SgNode

GRAMMARS: Mapping[str, str] = MappingProxyType(
    {
        "python": "python",
        "javascript": "javascript",
        "javascriptreact": "javascript",
        "typescript": "typescript",
        "typescriptreact": "tsx",
        "go": "go",
        "java": "java",
        "ruby": "ruby",
        "rust": "rust",
        "php": "php",
        "csharp": "csharp",
        "kotlin": "kotlin",
    }
)
"""LSP language id -> the grammar that ast-grep reads it with."""


def enclosing_function(document: Document, span: Span) -> Span:
    """The function or route around `span`, with its decorators or the call it is passed to.

    The whole text where there is none, or where the language has no grammar
    here. Parses the text: some 10 ms for 5,000 lines, so not on the event loop.
    """
    whole = Span(0, len(document.text))
    grammar = GRAMMARS.get(document.language)
    if grammar is None:
        return whole
    # Here: a server starts without the parser.
    from ast_grep_py import SgRoot

    try:
        root = SgRoot(document.text, grammar).root()
    except UnicodeEncodeError:  # Half of a surrogate pair, which JSON can carry.
        return whole
    path = _path_to(root, span)
    while path and not is_function(path[-1]):
        path.pop()
    while len(path) > 1 and path[-2].kind() in PART_OF_FUNCTION:
        path.pop()
    return _span(path[-1]) if path else whole


FUNCTIONS = frozenset(
    {
        "function_definition",
        "decorated_definition",
        "function_declaration",
        "function_expression",
        "generator_function_declaration",
        "arrow_function",
        "method_definition",
        "method_declaration",
        "constructor_declaration",
        "func_literal",
        "function_item",
        "method",
        "singleton_method",
        "anonymous_function",
    }
)
PART_OF_FUNCTION = frozenset(
    {
        "decorated_definition",
        "export_statement",
        "lexical_declaration",
        "variable_declaration",
        "variable_declarator",
        "assignment_expression",
        "arguments",
        "argument_list",
        "call_expression",
        "expression_statement",
    }
)
"""What belongs to a function it holds: `app.get("/", (request, response) => …);` is one route."""


def is_function(node: SgNode) -> bool:
    """A function of more than one line: `row => row.id` is nothing to review by itself."""
    place = node.range()
    return node.kind() in FUNCTIONS and place.start.line < place.end.line


def _path_to(node: SgNode, span: Span) -> list[SgNode]:
    """The nodes that hold `span`, from the root inwards."""
    path = [node]
    while True:
        inner = next((child for child in node.children() if _span(child).contains(span)), None)
        if inner is None:
            return path
        path.append(inner)
        node = inner


def _span(node: SgNode) -> Span:
    place = node.range()
    return Span(place.start.index, place.end.index)
