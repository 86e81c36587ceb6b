"""A program as data flow sees it: small, the same for every language, made from a syntax tree.

Only what values do is kept: where they are read, joined, stored, tested, passed and returned.
`place` is whatever the maker of a node can later turn into a span; nothing here looks at it.
Nodes are never compared: two equal ones at different places are different.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias


class Constant(NamedTuple):
    """A literal: text, number, truth value or None. A regular expression is its pattern."""

    place: Any
    value: str | int | float | bool | None
    is_pattern: bool = False


class Name(NamedTuple):
    place: Any
    name: str


class Attribute(NamedTuple):
    place: Any
    object: Expression
    name: str


class Subscript(NamedTuple):
    """`object[key]`; a slice has no key."""

    place: Any
    object: Expression
    key: Expression | None


class Argument(NamedTuple):
    value: Expression
    name: str = ""
    """Of a keyword argument."""
    is_spread: bool = False


class Call(NamedTuple):
    place: Any
    function: Expression
    arguments: tuple[Argument, ...]
    is_new: bool = False
    is_tagged: bool = False
    """A tagged template: the first argument is its constant text, the others its values."""


class Format(NamedTuple):
    """Text put together from parts, by `+`, `%`, an f-string or a template; or a path, by `/`."""

    place: Any
    parts: tuple[Expression, ...]
    operator: str = ""


class Logical(NamedTuple):
    place: Any
    operator: Literal["and", "or", "??"]
    left: Expression
    right: Expression


class Conditional(NamedTuple):
    place: Any
    test: Expression
    then: Expression
    otherwise: Expression


class Not(NamedTuple):
    place: Any
    operand: Expression


class Compare(NamedTuple):
    """`==`, `!=`, `in`, `not in`, `<`, `typeof` (its right side a type's name), …; gives a bool."""

    place: Any
    operator: str
    left: Expression
    right: Expression


class Item(NamedTuple):
    """Of a collection or a pattern; `key` is None in a list."""

    key: Expression | None
    value: Expression
    is_spread: bool = False
    default: Expression | None = None
    """In a pattern, the value that stands in for a missing one."""


class Collection(NamedTuple):
    """A list, tuple, set, dict or object; as a target, a pattern that takes one apart."""

    place: Any
    items: tuple[Item, ...]
    has_keys: bool


class Comprehension(NamedTuple):
    place: Any
    elements: tuple[Expression, ...]
    clauses: tuple[tuple[Expression, Expression, tuple[Expression, ...]], ...]
    """(target, iterable, conditions)"""
    has_keys: bool = False


class Parameter(NamedTuple):
    place: Any
    name: str
    """Empty where a pattern takes it apart."""
    pattern: Expression | None = None
    default: Expression | None = None
    annotation: str = ""
    decorators: tuple[Expression, ...] = ()
    is_rest: bool = False
    is_property: bool = False
    """TypeScript: `constructor(private x)` also stores it in the object."""


class Function(NamedTuple):
    place: Any
    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    decorators: tuple[Expression, ...] = ()
    receiver: str = ""
    """What its object is called in a method: the first parameter's name, or "this"."""
    is_inline: bool = False
    """A lambda or function expression, which sees the variables of where it stands."""


class Bind(NamedTuple):
    """`target = value`, also as an expression; `operator` is "+" in `target += value`."""

    place: Any
    target: Expression
    value: Expression
    operator: str = ""
    declares: bool = False
    annotation: str = ""
    decorators: tuple[Expression, ...] = ()
    """Of a field of a class."""


class Yield(NamedTuple):
    place: Any
    value: Expression | None


class Other(NamedTuple):
    """Anything whose value may hold that of its operands: arithmetic, await, yield, …"""

    place: Any
    operands: tuple[Expression, ...]
    is_number: bool = False
    """Its value is a number or a truth value, whatever the operands are."""
    operator: str = ""
    """Of arithmetic."""


Expression: TypeAlias = (
    "Constant | Name | Attribute | Subscript | Call | Format | Logical | Conditional | Not"
    " | Compare | Collection | Comprehension | Function | Bind | Yield | Other"
)


class Evaluate(NamedTuple):
    value: Expression


class If(NamedTuple):
    branches: tuple[tuple[Expression, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...]


class Loop(NamedTuple):
    """`for target in iterable`, or `while test`, or neither."""

    target: Expression | None
    iterable: Expression | None
    test: Expression | None
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


class Try(NamedTuple):
    body: tuple[Statement, ...]
    handlers: tuple[tuple[Statement, ...], ...]
    otherwise: tuple[Statement, ...]
    final: tuple[Statement, ...]


class Return(NamedTuple):
    place: Any
    value: Expression | None


class Raise(NamedTuple):
    value: Expression | None


class Jump(NamedTuple):
    kind: Literal["break", "continue"]


class Assert(NamedTuple):
    test: Expression


class Define(NamedTuple):
    function: Function


class DefineClass(NamedTuple):
    place: Any
    name: str
    bases: tuple[Expression, ...]
    body: tuple[Statement, ...]
    decorators: tuple[Expression, ...] = ()


class Import(NamedTuple):
    """Each name in the file, and the dotted path of what it stands for."""

    names: tuple[tuple[str, str], ...]


Statement: TypeAlias = (
    "Evaluate | If | Loop | Try | Return | Raise | Jump | Assert | Define | DefineClass | Import"
)


def dotted_path(expression: Expression) -> str:
    """The dotted path as it is written; "?" where an operand is not a path."""
    ends: list[str] = []
    current = expression
    for _ in range(40):
        if isinstance(current, Name):
            return current.name.removeprefix("require ") + "".join(reversed(ends))
        if isinstance(current, Attribute):
            ends.append(f".{current.name}")
            current = current.object
        elif isinstance(current, Call):
            ends.append("()")
            current = current.function
        elif isinstance(current, Subscript):
            key = current.key
            ends.append(f".{key.value}" if isinstance(key, Constant) else ".[]")
            current = current.object
        elif isinstance(current, Other) and len(current.operands) == 1:
            current = current.operands[0]
        else:
            break
    return "?" + "".join(reversed(ends))


def operands_of(expression: Logical) -> list[Expression]:
    """Of `a and b and c`, which is nested to the left: all three."""
    operands: list[Expression] = []
    current: Expression = expression
    while isinstance(current, Logical) and current.operator == expression.operator:
        operands.append(current.right)
        current = current.left
    operands.append(current)
    return operands[::-1]


def is_call_of(expression: Expression, *names: str) -> bool:
    return (
        isinstance(expression, Call)
        and dotted_path(expression.function).rpartition(".")[2] in names
    )
