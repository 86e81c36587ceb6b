"""What the names of a file stand for: imports, values that are assigned once, constants.

    from Crypto.Cipher import DES as Old      Old.new        -> "Crypto.Cipher.DES.new"
    context = ssl.create_default_context()    context.x      -> "ssl.create_default_context().x"
    const { createHash: h } = require("node:crypto")   h     -> "crypto.createHash"

A name that the file neither imports nor assigns stands for itself, so that a fragment of a file
reads like the whole. What may be one of several things stands for itself too.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ..core.model import Span
from ..expressions import bare
from ..syntax import Language, named_children, span_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode


class _Unknown:
    """The type of UNKNOWN."""


UNKNOWN: Final = _Unknown()
"""The value of what is no constant; None is one: Python's None, null and undefined."""

_DEPTH = 12
"""How many names and calls are followed; longer chains stand for themselves."""


@dataclass(frozen=True)
class Names:
    """The names of one file, whose syntax tree is `root`."""

    root: SgNode
    language: Language
    _resolved: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def python(self) -> bool:
        return self.language == "python"

    def name_of(self, node: SgNode, depth: int = _DEPTH) -> str:
        """The dotted name of what `node` stands for, `()` after each call; "" when it has none."""
        place = span_of(node)
        key = (place.start, place.end)
        if key not in self._resolved:
            self._resolved[key] = self._name_of(node, depth)
        return self._resolved[key]

    def value_of(self, node: SgNode, depth: int = _DEPTH) -> SgNode:
        """What `node` was assigned, when it is a name that is assigned once; else `node`."""
        node = _bare(node)
        while depth and (name := _variable(node)):
            value = self._assigned(name, node)
            if value is None:
                break
            node = _bare(value)
            depth -= 1
        return node

    def constant_of(self, node: SgNode) -> Any:
        """The text, number, truth value or None that `node` stands for, else UNKNOWN."""
        return _constant(self.value_of(node))

    def is_bound(self, name: str) -> bool:
        """Whether the file imports or assigns the plain name."""
        return name in self._imports or name in self._assignments

    def _name_of(self, node: SgNode, depth: int) -> str:
        node = _bare(node)
        kind = node.kind()
        if not depth:
            return ""
        if kind in ("identifier", "dotted_name", "this", "self"):
            name = node.text()
            imported = self._imports.get(name)
            if imported is not None:
                return imported
            value = self._assigned(name, node)
            if value is not None:
                return self.name_of(value, depth - 1) or name
            return name
        if kind in ("attribute", "member_expression"):
            owner, attribute = node.field("object"), node.field(_PROPERTY[kind])
            if owner is None or attribute is None:
                return ""
            value = self._assigned(_variable(node), node)
            if value is not None and (name := self.name_of(value, depth - 1)):
                return name
            return f"{self.name_of(owner, depth - 1)}.{attribute.text()}"
        if kind in ("call", "call_expression"):
            function = node.field("function")
            if function is None:
                return ""
            if function.text() in ("require", "import", "__import__", "importlib.import_module"):
                module = _first_text(node)
                return "" if module is None else _module(module)
            return f"{self.name_of(function, depth - 1)}()"
        if kind == "new_expression":
            constructor = node.field("constructor")
            return f"{self.name_of(constructor, depth - 1)}()" if constructor else ""
        return ""

    def _assigned(self, name: str, use: SgNode) -> SgNode | None:
        """The one value that the name has where it is used, None when that is not known."""
        by_scope = self._assignments.get(name)
        if not by_scope:
            return None
        place = span_of(use).start
        around = [by_scope[scope] for scope in self._scopes.around(place) if scope in by_scope]
        seen = [value for values in around for value in values if not _contains(value, place)]
        # The innermost function that assigns it decides; there it must be assigned once.
        if len(seen) > 1:
            seen = [value for value in around[0] if not _contains(value, place)]
        return seen[0] if len(seen) == 1 else None

    @cached_property
    def _imports(self) -> Mapping[str, str]:
        """Local name -> what was imported under it."""
        found: dict[str, str] = {}
        if self.python:
            kinds = ("import_statement", "import_from_statement")
            for statement in self.root.find_all(any=[{"kind": kind} for kind in kinds]):
                found.update(_python_imports(statement))
            return found
        for statement in self.root.find_all(kind="import_statement"):
            found.update(_javascript_imports(statement))
        for declarator in self.root.find_all(
            kind="variable_declarator",
            has={"field": "value", "regex": r"^(await\s+)?(require|import)\("},
        ):
            found.update(self._required(declarator))
        return found

    def _required(self, declarator: SgNode) -> Iterator[tuple[str, str]]:
        target, value = declarator.field("name"), declarator.field("value")
        if target is None or value is None or target.kind() != "object_pattern":
            return
        # The plain `const x = require("m")` is an assignment like any other.
        module = self._name_of(value, 4)
        for part in target.children():
            if part.kind() == "shorthand_property_identifier_pattern":
                yield part.text(), f"{module}.{part.text()}"
            elif part.kind() == "pair_pattern":
                key, local = part.field("key"), part.field("value")
                if key is not None and local is not None:
                    yield local.text(), f"{module}.{key.text()}"

    @cached_property
    def _assignments(self) -> Mapping[str, Mapping[Span | None, list[SgNode]]]:
        """Name -> the function that it is assigned in, None for the whole file -> the values."""
        found: dict[str, dict[Span | None, list[SgNode]]] = {}
        for target, value in self._bindings():
            name = _variable(target)
            if not name:
                continue
            # `self.x` and `this.x` live as long as the object.
            scope = None if "." in name else next(self._scopes.around(span_of(target).start))
            found.setdefault(name, {}).setdefault(scope, []).append(value)
        return found

    @cached_property
    def _scopes(self) -> _Scopes:
        functions = self.root.find_all(any=[{"kind": kind} for kind in FUNCTIONS[self.language]])
        return _Scopes(map(span_of, functions))

    def _bindings(self) -> Iterator[tuple[SgNode, SgNode]]:
        """What is assigned, and its value: assignments, and in Python `with value as name`."""
        for node in self.root.find_all(any=[{"kind": kind} for kind in ASSIGNMENTS[self.language]]):
            target = node.field("left") or node.field("name") or node.field("property")
            value = node.field("right") or node.field("value")
            if target is not None and value is not None:
                yield target, value
        for node in self.root.find_all(kind="as_pattern") if self.python else ():
            alias = node.field("alias")
            if alias is not None and node.children():
                yield alias.child(0) or alias, node.children()[0]


class _Scopes:
    """Which functions are around a place; of two functions that overlap, one lies in the other."""

    def __init__(self, functions: Iterable[Span]) -> None:
        self._functions = sorted(functions, key=lambda one: (one.start, -one.end))
        self._starts = [one.start for one in self._functions]
        self._outer: list[int] = []
        """The index of the function around each, -1 for none."""
        for index, function in enumerate(self._functions):
            outer = index - 1
            while outer >= 0 and self._functions[outer].end <= function.start:
                outer = self._outer[outer]
            self._outer.append(outer)

    def around(self, place: int) -> Iterator[Span | None]:
        """The functions around a place, the innermost first, and last None: the whole file."""
        index = bisect_right(self._starts, place) - 1
        while index >= 0:
            if place < self._functions[index].end:
                yield self._functions[index]
            index = self._outer[index]
        yield None


_PROPERTY = {"attribute": "attribute", "member_expression": "property"}
_JAVASCRIPT_FUNCTIONS = (
    "function_declaration",
    "function_expression",
    "generator_function_declaration",
    "method_definition",
    "arrow_function",
)
FUNCTIONS: Mapping[Language, tuple[str, ...]] = {
    "python": ("function_definition", "lambda"),
    "javascript": _JAVASCRIPT_FUNCTIONS,
    "typescript": _JAVASCRIPT_FUNCTIONS,
    "tsx": _JAVASCRIPT_FUNCTIONS,
}
"""The kinds of nodes that are functions; ast-grep refuses a kind that a language does not have."""
_TYPESCRIPT_ASSIGNMENTS = (
    "variable_declarator",
    "assignment_expression",
    "public_field_definition",
)
ASSIGNMENTS: Mapping[Language, tuple[str, ...]] = {
    "python": ("assignment", "named_expression"),
    "javascript": ("variable_declarator", "assignment_expression", "field_definition"),
    "typescript": _TYPESCRIPT_ASSIGNMENTS,
    "tsx": _TYPESCRIPT_ASSIGNMENTS,
}


def _bare(node: SgNode) -> SgNode:
    """Without parentheses, `await`, `as`, `!` and `<T>`."""
    inner = bare(node)
    while inner is not None and inner.kind() == "type_assertion":
        parts = list(named_children(inner))  # The type is first.
        inner = bare(parts[-1]) if parts else None
    return node if inner is None else inner


def _variable(node: SgNode) -> str:
    """The name of a variable, or `self.x`; "" for everything else."""
    kind = node.kind()
    if kind == "identifier":
        return node.text()
    if kind in _PROPERTY:
        owner = node.field("object")
        if owner is not None and owner.text() in ("self", "this", "cls"):
            return node.text()
    return ""


def _contains(node: SgNode, place: int) -> bool:
    span = span_of(node)
    return span.start <= place < span.end


def _module(name: str) -> str:
    return name.removeprefix("node:")


def _first_text(call: SgNode) -> str | None:
    arguments = call.field("arguments")
    for child in arguments.children() if arguments else ():
        if child.kind() == "string":
            value = _constant(child)
            return value if isinstance(value, str) else None
    return None


def _python_imports(statement: SgNode) -> Iterator[tuple[str, str]]:
    module = statement.field("module_name")
    for name in statement.field_children("name"):
        local = name.field("alias") if name.kind() == "aliased_import" else None
        whole = (name.field("name") or name) if local is not None else name
        if module is not None:
            yield (local or whole).text(), f"{module.text()}.{whole.text()}"
        elif local is not None:
            yield local.text(), whole.text()
        else:
            # `import a.b` binds `a`.
            first = whole.text().partition(".")[0]
            yield first, first


def _javascript_imports(statement: SgNode) -> Iterator[tuple[str, str]]:
    source = statement.field("source") or statement.find(kind="string")
    module = _constant(source) if source is not None else UNKNOWN
    if not isinstance(module, str):
        return
    module = _module(module)
    for clause in statement.children():
        if clause.kind() not in ("import_clause", "import_require_clause"):
            continue
        for part in clause.children():
            if part.kind() == "identifier":
                yield part.text(), module
            elif part.kind() == "namespace_import":
                for name in part.children():
                    if name.kind() == "identifier":
                        yield name.text(), module
            elif part.kind() == "named_imports":
                for item in part.children():
                    imported, alias = item.field("name"), item.field("alias")
                    if item.kind() == "import_specifier" and imported is not None:
                        yield (
                            (alias or imported).text(),
                            (
                                module
                                if imported.text() == "default"
                                else f"{module}.{imported.text()}"
                            ),
                        )


_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?"
)
_WORDS = {
    "True": True,
    "False": False,
    "None": None,
    "true": True,
    "false": False,
    "null": None,
    "undefined": None,
    "!0": True,
    "!1": False,
}


def _constant(node: SgNode) -> Any:
    kind, text = node.kind(), node.text()
    if text in _WORDS:
        return _WORDS[text]
    if kind in ("integer", "float", "number"):
        return _number(text)
    if kind in ("unary_operator", "unary_expression") and text.startswith("-"):
        number = _number(text[1:].strip())
        return -number if isinstance(number, int | float) else UNKNOWN
    if kind in ("binary_operator", "binary_expression"):
        return _calculated(text)
    if kind == "concatenated_string":
        parts = [_constant(part) for part in node.children() if part.kind() == "string"]
        return "".join(parts) if all(isinstance(part, str) for part in parts) else UNKNOWN
    if kind == "string":
        if any(child.kind() == "interpolation" for child in node.children()):
            return UNKNOWN
        return "".join(
            child.text()
            for child in node.children()
            if child.kind() in ("string_content", "string_fragment", "escape_sequence")
        )
    if kind == "template_string":
        if any(child.kind() == "template_substitution" for child in node.children()):
            return UNKNOWN
        return text[1:-1]
    return UNKNOWN


def _number(text: str) -> Any:
    if not _NUMBER.fullmatch(text):
        return UNKNOWN
    return ast.literal_eval(text.lstrip("0") or "0") if text.isdigit() else ast.literal_eval(text)


_SUM = re.compile(r"\d+(?:\s*[*+]\s*\d+)+")


def _calculated(text: str) -> Any:
    """`60 * 60 * 24`, as times and sizes are written."""
    if len(text) > 60 or not _SUM.fullmatch(text):
        return UNKNOWN
    total = 0
    for term in text.split("+"):
        product = 1
        for factor in term.split("*"):
            product *= int(factor)
        total += product
    return total
