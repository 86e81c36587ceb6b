"""The parts of a file that a review judges one by one: its functions, methods and routes.

    document, selection -> parts    each with what its judgement depends on, as a text

A part whose text, and the texts that it depends on, are what they were has the answer that it
had: so a review after an edit asks about the changed parts alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .core.model import Document, Span
from .selection import GRAMMARS, PART_OF_FUNCTION, is_function

if TYPE_CHECKING:
    from ast_grep_py import SgNode


@dataclass(frozen=True, slots=True)
class Part:
    spans: tuple[Span, ...]
    """In text order. A function has one; what lies between the functions is one part too."""
    text: str
    depends_on: str
    """The texts of this file that it uses: imports, functions and variables that it names."""
    uses: tuple[Span, ...] = ()
    """Where those are, in text order."""

    def contains(self, span: Span) -> bool:
        return any(own.contains(span) for own in self.spans)


def parts_of(document: Document, selection: Span) -> tuple[Part, ...]:
    """The parts that `selection` touches, in text order; their spans cover it without overlap.

    A language without a grammar here is one part. Parses the text, so not on the event loop.
    """
    text = document.text
    functions = list(_functions(document))
    between = list(_between([span for span, _ in functions], len(text)))
    named: dict[str, list[Span]] = {}
    for span, name in (*functions, *_variables(text, between)):
        named.setdefault(name, []).append(span)
    parts = [_part(text, (span,), named) for span, _ in functions if span.overlaps(selection)]
    rest = tuple(
        span for span in between if span.overlaps(selection) and text[span.start : span.end].strip()
    )
    if rest:
        parts.append(_part(text, rest, named))
    return tuple(sorted(parts, key=lambda part: part.spans[0]))


_WORD = re.compile(r"[^\W\d]\w*")
_IMPORT = re.compile(r"(?:import|from|export\b.*\bfrom|(?:const|let|var)\b.*\brequire\()")
_VARIABLE = re.compile(r"(?:export\s+)?(?:(?:const|let|var)\s+)?([^\W\d]\w*)\s*(?::[^=\n]+)?=[^=]")


def _part(text: str, spans: Sequence[Span], named: Mapping[str, Sequence[Span]]) -> Part:
    own = "\n".join(text[span.start : span.end] for span in spans)
    used = {
        used
        for name in set(_WORD.findall(own)) & named.keys()
        for used in named[name]
        if not any(span.contains(used) for span in spans)
    }
    uses = tuple(sorted(used))
    depends_on = "\n".join(text[span.start : span.end] for span in uses)
    return Part(tuple(spans), own, depends_on, uses)


def _variables(text: str, between: Iterable[Span]) -> Iterator[tuple[Span, str]]:
    """The lines at a file's margin that import or set something, and the names that they bring."""
    for outer in between:
        start = outer.start
        for line in text[outer.start : outer.end].splitlines(keepends=True):
            span, start = Span(start, start + len(line)), start + len(line)
            if _IMPORT.match(line):
                yield from ((span, name) for name in _WORD.findall(line))
            elif match := _VARIABLE.match(line):
                yield span, match[1]


def _between(functions: Sequence[Span], length: int) -> Iterator[Span]:
    start = 0
    for function in functions:
        if start < function.start:
            yield Span(start, function.start)
        start = function.end
    if start < length:
        yield Span(start, length)


def _functions(document: Document) -> Iterator[tuple[Span, str]]:
    """The outermost functions, a class's methods each by itself, with their names."""
    grammar = GRAMMARS.get(document.language)
    if grammar is None:
        return
    # Here: a server starts without the parser.
    from ast_grep_py import SgRoot

    try:
        root = SgRoot(document.text, grammar).root()
    except UnicodeEncodeError:  # Half of a surrogate pair, which JSON can carry.
        return
    yield from _inside(root)


def _inside(node: SgNode) -> Iterator[tuple[Span, str]]:
    for child in node.children():
        function = _function_in(child)
        if function is not None:
            name = function.field("name")
            place = child.range()
            yield Span(place.start.index, place.end.index), name.text() if name else ""
        elif child.kind() in _CONTAINERS:
            yield from _inside(child)


_CONTAINERS = frozenset(
    {
        "class_definition",
        "decorated_definition",
        "class_declaration",
        "class_body",
        "class",
        "export_statement",
        "block",
        "declaration_list",
        "if_statement",
        "impl_item",
        "module",
        "body_statement",
    }
)


def _function_in(node: SgNode) -> SgNode | None:
    """The function that `node` is, or that it does no more than decorate, name or register."""
    if is_function(node):
        inner = node.field("definition")  # A decorated class is none.
        if inner is not None and inner.kind() == "class_definition":
            return None
        return inner or node
    if node.kind() not in PART_OF_FUNCTION:
        return None
    found = (_function_in(child) for child in node.children())
    return next((function for function in found if function is not None), None)
