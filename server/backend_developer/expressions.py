"""The calls, names and constants of a syntax tree, the same for Python and JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .syntax import named_children

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_DOTTED = re.compile(r"[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$#][\w$]*)*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
WRAPPERS = frozenset(
    (
        "parenthesized_expression",
        "await_expression",
        "await",
        "as_expression",
        "non_null_expression",
        "satisfies_expression",
    )
)
"""The kinds of nodes around an expression that leave it what it is."""
_CALLS = ("call", "call_expression", "new_expression")


@dataclass(frozen=True, slots=True)
class Call:
    """A call, a decorator's included."""

    node: SgNode
    receiver: SgNode | None
    """What it is a method of."""
    name: str
    """The last word of what is called."""
    function: str
    """All of it, such as `app.get`; "" when it is no plain name."""
    positional: tuple[SgNode, ...]
    named: Mapping[str, SgNode]
    """Python's keyword arguments."""

    def argument(self, position: int, name: str = "") -> SgNode | None:
        """The argument of that name, else of that position."""
        if name in self.named:
            return self.named[name]
        return self.positional[position] if 0 <= position < len(self.positional) else None


def call_of(node: SgNode | None) -> Call | None:
    """The call that a node is, brackets and `await` around it left out."""
    node = bare(node)
    if node is None or node.kind() not in _CALLS:
        return None
    callee = node.field("function") or node.field("constructor")
    if callee is None:
        return None
    receiver = callee.field("object")
    last = callee.field("attribute") or callee.field("property")
    named: dict[str, SgNode] = {}
    positional: list[SgNode] = []
    arguments = node.field("arguments")
    for argument in named_children(arguments) if arguments else ():
        if argument.kind() == "keyword_argument":
            key, value = argument.field("name"), argument.field("value")
            if key and value:
                named[key.text()] = value
        else:
            positional.append(argument)
    function = dotted(callee)
    name = last.text() if last else function
    return Call(node, receiver, name, function, tuple(positional), named)


def find_all(node: SgNode, rule: Mapping[str, object]) -> list[SgNode]:
    """What an ast-grep rule, `{"rule": …}`, finds below a node."""
    return node.find_all(rule)  # type: ignore[call-overload, no-any-return]


def in_order(calls: Iterable[SgNode]) -> list[SgNode]:
    """Calls as they are made: of a chain the first one first, which lies innermost."""
    return sorted(calls, key=lambda node: node.range().end.index)


def bare(node: SgNode | None) -> SgNode | None:
    """What a node is about, brackets, `await` and type assertions around it left out."""
    while node is not None and node.kind() in WRAPPERS:
        node = next(named_children(node), None)
    return node


def dotted(node: SgNode | None) -> str:
    """The name that a node is, maybe of several words with dots between; "" for anything else."""
    if node is None or node.kind() in ("string", "template_string", "number", "integer"):
        return ""
    text = node.text()
    return text.replace("?.", ".") if _DOTTED.fullmatch(text) else ""


def constant(node: SgNode | None) -> str | None:
    """The value of a text that is written out; what is put into it becomes `{}`; else None."""
    node = bare(node)
    if node is None:
        return None
    kind = node.kind()
    if kind == "concatenated_string":
        parts = [constant(part) for part in named_children(node)]
        return None if None in parts else "".join(part or "" for part in parts)
    if kind not in ("string", "template_string"):
        return None
    text = node.text()
    if kind == "template_string":
        return re.sub(r"\$\{[^}]*\}", "{}", text[1:-1])
    prefix = re.match(r"[A-Za-z]*", text)
    letters = prefix[0].lower() if prefix else ""
    text = text[len(letters) :]
    width = 3 if text[:3] in ('"""', "'''") else 1
    text = text[width : len(text) - width]
    if "f" in letters:
        return re.sub(r"\{[^}]*\}", "{}", text)
    return text if "r" in letters else _ESCAPE.sub(r"\1", text)


def constants(node: SgNode | None) -> tuple[str, ...]:
    """The texts of a list, tuple, set or array, or the one that the node is."""
    node = bare(node)
    if node is None:
        return ()
    one = constant(node)
    if one is not None:
        return (one,)
    if node.kind() not in ("list", "tuple", "set", "array"):
        return ()
    return tuple(text for text in map(constant, named_children(node)) if text is not None)


def elements(node: SgNode | None) -> list[SgNode]:
    """The elements of a list, tuple, set or array; the node itself when it is none of these."""
    node = bare(node)
    if node is None:
        return []
    if node.kind() in ("list", "tuple", "set", "array"):
        return list(named_children(node))
    return [node]


def pairs(node: SgNode | None) -> dict[str, SgNode]:
    """The entries of a JavaScript object or a Python dictionary whose keys are written out."""
    node = bare(node)
    found: dict[str, SgNode] = {}
    if node is None or node.kind() not in ("object", "dictionary"):
        return found
    for child in named_children(node):
        if child.kind() == "pair":
            key, value = child.field("key"), child.field("value")
            if key and value:
                name = constant(key)
                found[key.text() if name is None else name] = value
        elif child.kind() == "shorthand_property_identifier":
            found[child.text()] = child
        elif child.kind() == "method_definition" and (name_node := child.field("name")):
            found[name_node.text()] = child
    return found


def is_true(node: SgNode | None) -> bool:
    return node is not None and node.text() in ("True", "true")


def head(node: SgNode | None) -> str:
    """The last word of a name or of what is called: `sa.String(10)` -> String."""
    if node is None:
        return ""
    call = call_of(node)
    name = call.name if call else dotted(node)
    return name.rpartition(".")[2]
