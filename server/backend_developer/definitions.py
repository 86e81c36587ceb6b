"""What a file defines: its classes, functions, models and variables, by name.

text, language -> Definition(name, span, depth)   in text order; empty without a grammar
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .core.model import Span
from .selection import GRAMMARS

if TYPE_CHECKING:
    from ast_grep_py import SgNode

DEEPEST = 2
"""Methods are 1 deep, what is defined in them is 2; further in nobody looks."""


@dataclass(frozen=True, slots=True)
class Definition:
    name: str
    span: Span
    """With its decorators."""
    depth: int
    """0 at the file's margin, 1 in a class."""
    head: str
    """Its first line, such as `def total(self, order: Order) -> Decimal:`."""


def definitions_in(text: str, language: str) -> list[Definition]:
    """Parses the text, so not on the event loop. `language` is the LSP language id."""
    if language in _BLOCKS:
        return list(_blocks(text, _BLOCKS[language]))
    grammar = GRAMMARS.get(language)
    if grammar is None:
        return []
    # Here: a server starts without the parser.
    from ast_grep_py import SgRoot

    try:
        root = SgRoot(text, grammar).root()
    except UnicodeEncodeError:  # Half of a surrogate pair, which JSON can carry.
        return []
    return list(_inside(root, 0, None))


_DEFINING = frozenset(
    {
        "function_definition",
        "class_definition",
        "function_declaration",
        "generator_function_declaration",
        "class_declaration",
        "abstract_class_declaration",
        "interface_declaration",
        "type_alias_declaration",
        "enum_declaration",
        "method_definition",
        "method_declaration",
    }
)
_WRAPPING = frozenset({"decorated_definition", "export_statement"})
_VARIABLES = frozenset({"expression_statement", "lexical_declaration", "variable_declaration"})
_BODIES = frozenset({"block", "class_body", "declaration_list", "statement_block"})
_ASSIGNED = frozenset({"assignment", "variable_declarator"})


def _inside(node: SgNode, depth: int, outer: SgNode | None) -> Iterator[Definition]:
    """`outer` is what wraps the children: its decorators and its `export`."""
    for child in node.children():
        kind = child.kind()
        if kind in _WRAPPING:
            yield from _inside(child, depth, child)
        elif kind in _DEFINING:
            name = child.field("name")
            if name is not None:
                yield _definition(name.text(), outer or child, child, depth)
            if depth < DEEPEST:
                for inner in child.children():
                    if inner.kind() in _BODIES:
                        yield from _inside(inner, depth + 1, None)
        elif kind in _VARIABLES and depth < DEEPEST:
            for inner in child.children():
                target = inner.field("left") or inner.field("name")
                if inner.kind() in _ASSIGNED and target is not None:
                    yield _definition(target.text(), outer or child, child, depth)


def _definition(name: str, whole: SgNode, own: SgNode, depth: int) -> Definition:
    place = whole.range()
    head = own.text().split("\n", 1)[0].rstrip()
    return Definition(name, Span(place.start.index, place.end.index), depth, head)


_BLOCKS = {
    "prisma": re.compile(r"^(?:model|enum|type|view)\s+(\w+)\s*\{.*?^\}", re.M | re.S),
    "graphql": re.compile(
        r"^(?:extend\s+)?(?:type|input|interface|enum|union|scalar)\s+(\w+)[^\n{]*(?:\{.*?^\})?",
        re.M | re.S,
    ),
}
"""Languages without a grammar here whose definitions end with a brace at the margin."""


def _blocks(text: str, pattern: re.Pattern[str]) -> Iterator[Definition]:
    for match in pattern.finditer(text):
        head = match[0].split("\n", 1)[0]
        yield Definition(match[1], Span(match.start(), match.end()), 0, head)
