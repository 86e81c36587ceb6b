"""Python's syntax tree -> core.program."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..core.program import (
    Argument,
    Assert,
    Attribute,
    Bind,
    Call,
    Collection,
    Compare,
    Comprehension,
    Conditional,
    Constant,
    Define,
    DefineClass,
    Evaluate,
    Expression,
    Format,
    Function,
    If,
    Import,
    Item,
    Jump,
    Logical,
    Loop,
    Name,
    Not,
    Other,
    Parameter,
    Raise,
    Return,
    Statement,
    Subscript,
    Try,
    Yield,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

DEEPEST = 70
"""Nodes inside one another; what lies deeper is left out, so that no input ends the stack."""


def lower_python(root: SgNode, go_on: Callable[[], None]) -> tuple[Statement, ...]:
    """The statements of a module; `go_on` is called before each, and what it raises ends this."""
    statements: list[Statement] = []
    for child in root.named_children():
        go_on()
        _statement(child, child.kind(), 1, statements)
    return tuple(statements)


def _block(node: SgNode | None, depth: int) -> tuple[Statement, ...]:
    if node is None or depth > DEEPEST:
        return ()
    statements: list[Statement] = []
    for child in node.named_children():
        _statement(child, child.kind(), depth + 1, statements)
    return tuple(statements)


def _statement(node: SgNode, kind: str, depth: int, out: list[Statement]) -> None:
    if kind == "expression_statement":
        out.extend(Evaluate(_expression(child, depth)) for child in _parts(node))
    elif kind == "if_statement":
        out.append(_if(node, depth))
    elif kind == "return_statement":
        parts = _parts(node)
        out.append(Return(node, _expression(parts[0], depth) if parts else None))
    elif kind in ("function_definition", "class_definition", "decorated_definition"):
        out.append(_definition(node, depth))
    elif kind in ("import_statement", "import_from_statement"):
        out.append(_import(node))
    elif kind == "for_statement":
        out.append(
            Loop(
                _expression(node.field("left"), depth),
                _expression(node.field("right"), depth),
                None,
                _block(node.field("body"), depth),
                _block(_child(node, "else_clause", "block"), depth),
            )
        )
    elif kind == "while_statement":
        out.append(
            Loop(
                None,
                None,
                _expression(node.field("condition"), depth),
                _block(node.field("body"), depth),
                _block(_child(node, "else_clause", "block"), depth),
            )
        )
    elif kind == "with_statement":
        for item in node.find_all(kind="with_item") if depth < DEEPEST else ():
            if item.range().start.index >= _start(node.field("body")):
                break
            parts = _parts(item)
            if parts:
                out.append(Evaluate(_with_item(parts[0], depth)))
        out.extend(_block(node.field("body"), depth))
    elif kind == "try_statement":
        out.append(_try(node, depth))
    elif kind == "raise_statement":
        parts = _parts(node)
        out.append(Raise(_expression(parts[0], depth) if parts else None))
    elif kind == "assert_statement":
        out.append(Assert(_expression(_parts(node)[0], depth)))
    elif kind == "break_statement":
        out.append(Jump("break"))
    elif kind == "continue_statement":
        out.append(Jump("continue"))
    elif kind == "match_statement":
        out.append(_match(node, depth))
    elif kind == "ERROR":
        out.extend(_block(node, depth))


def _if(node: SgNode, depth: int) -> Statement:
    branches = [
        (_expression(node.field("condition"), depth), _block(node.field("consequence"), depth))
    ]
    otherwise: tuple[Statement, ...] = ()
    for clause in node.field_children("alternative"):
        if clause.kind() == "elif_clause":
            branches.append(
                (
                    _expression(clause.field("condition"), depth),
                    _block(clause.field("consequence"), depth),
                )
            )
        else:
            otherwise = _block(clause.field("body"), depth)
    return If(tuple(branches), otherwise)


def _try(node: SgNode, depth: int) -> Statement:
    handlers = []
    otherwise: tuple[Statement, ...] = ()
    final: tuple[Statement, ...] = ()
    for child in node.named_children():
        kind = child.kind()
        if kind in ("except_clause", "except_group_clause"):
            handlers.append(_block(_child(child, "block"), depth))
        elif kind == "else_clause":
            otherwise = _block(_child(child, "block"), depth)
        elif kind == "finally_clause":
            final = _block(_child(child, "block"), depth)
    return Try(_block(node.field("body"), depth), tuple(handlers), otherwise, final)


def _with_item(node: SgNode, depth: int) -> Expression:
    if node.kind() != "as_pattern":
        return _expression(node, depth)
    parts = _parts(node)
    value = _expression(parts[0], depth)
    target = _child(node, "as_pattern_target")
    names = _parts(target) if target is not None else []
    return Bind(node, _expression(names[0], depth), value) if names else value


def _match(node: SgNode, depth: int) -> Statement:
    subject = _expression(node.field("subject"), depth)
    branches: list[tuple[Expression, tuple[Statement, ...]]] = []
    otherwise: tuple[Statement, ...] = ()
    body = node.field("body")
    for clause in body.named_children() if body is not None else ():
        if clause.kind() != "case_clause":
            continue
        block = _block(clause.field("consequence"), depth)
        patterns = [child for child in clause.named_children() if child.kind() == "case_pattern"]
        text = patterns[0].text() if patterns else "_"
        values = patterns[0].find_all(kind="string") if patterns else []
        only_strings = bool(values) and text.lstrip()[:1] in "\"'"
        # A capture pattern binds its names to parts of the subject.
        names = [
            Evaluate(Bind(clause, Name(name, name.text()), Other(clause, (subject,))))
            for name in (patterns[0].find_all(kind="identifier") if patterns else ())
        ]
        if text == "_":
            otherwise = block
        elif only_strings:
            options = tuple(Item(None, _string(value, depth)) for value in values)
            options_node = Collection(clause, options, False)
            branches.append((Compare(clause, "in", subject, options_node), (*names, *block)))
        else:
            branches.append((Other(clause, (subject,)), (*names, *block)))
    return If(tuple(branches), otherwise)


def _definition(node: SgNode, depth: int, in_class: bool = False) -> Statement:
    decorators: tuple[Expression, ...] = ()
    if node.kind() == "decorated_definition":
        decorators = tuple(
            _expression(_parts(child)[0], depth)
            for child in node.named_children()
            if child.kind() == "decorator" and _parts(child)
        )
        inner = node.field("definition")
        if inner is None:
            return Evaluate(Other(node, ()))
        node = inner
    name_node = node.field("name")
    name = name_node.text() if name_node is not None else ""
    if node.kind() == "class_definition":
        bases = node.field("superclasses")
        return DefineClass(
            node,
            name,
            tuple(
                _expression(base, depth)
                for base in (_parts(bases) if bases is not None else ())
                if base.kind() != "keyword_argument"
            ),
            _class_body(node.field("body"), depth),
            decorators,
        )
    parameters = tuple(_parameters(node.field("parameters"), depth))
    is_method = (
        in_class
        and bool(parameters)
        and not any(isinstance(each, Name) and each.name == "staticmethod" for each in decorators)
    )
    return Define(
        Function(
            node,
            name,
            parameters[1:] if is_method else parameters,
            _block(node.field("body"), depth),
            decorators,
            parameters[0].name if is_method else "",
        )
    )


def _class_body(node: SgNode | None, depth: int) -> tuple[Statement, ...]:
    statements: list[Statement] = []
    for child in node.named_children() if node is not None and depth < DEEPEST else ():
        kind = child.kind()
        if kind in ("function_definition", "decorated_definition"):
            statements.append(_definition(child, depth + 1, in_class=True))
        else:
            _statement(child, kind, depth + 1, statements)
    return tuple(statements)


def _parameters(node: SgNode | None, depth: int) -> Iterable[Parameter]:
    for child in node.named_children() if node is not None else ():
        kind = child.kind()
        if kind == "identifier":
            yield Parameter(child, child.text())
        elif kind in ("default_parameter", "typed_default_parameter"):
            name, annotation = child.field("name"), child.field("type")
            yield Parameter(
                child,
                name.text() if name is not None else "",
                default=_expression(child.field("value"), depth),
                annotation=annotation.text() if annotation is not None else "",
            )
        elif kind == "typed_parameter":
            annotation = child.field("type")
            parts = child.named_children()
            name = parts[0]
            yield Parameter(
                child,
                name.text().lstrip("*"),
                annotation=annotation.text() if annotation is not None else "",
                is_rest=name.kind() != "identifier",
            )
        elif kind in ("list_splat_pattern", "dictionary_splat_pattern"):
            yield Parameter(child, child.text().lstrip("*"), is_rest=True)


def _import(node: SgNode) -> Statement:
    module_node = node.field("module_name")
    module = module_node.text().lstrip(".") if module_node is not None else ""
    names = []
    for child in node.field_children("name"):
        path = child
        alias = ""
        if child.kind() == "aliased_import":
            inner, alias_node = child.field("name"), child.field("alias")
            if inner is None or alias_node is None:
                continue
            path, alias = inner, alias_node.text()
        text = path.text()
        if module_node is None and not alias:
            # `import a.b` binds a, and a.b is then an attribute of it.
            names.append((text.partition(".")[0], text.partition(".")[0]))
        else:
            names.append((alias or text, f"{module}.{text}" if module else text))
    if any(child.kind() == "wildcard_import" for child in node.named_children()):
        names.append(("*", module))
    return Import(tuple(names))


def _expression(node: SgNode | None, depth: int) -> Expression:
    if node is None or depth > DEEPEST:
        return Other(node, ())
    kind = node.kind()
    if kind == "identifier":
        return Name(node, node.text())
    depth += 1
    lower = _EXPRESSIONS.get(kind)
    if lower is not None:
        return lower(node, depth)
    if kind in _TRANSPARENT:
        parts = _parts(node)
        return _expression(parts[0], depth) if len(parts) == 1 else _other(node, depth)
    if kind in _NUMBERS:
        return Other(node, tuple(_expression(part, depth) for part in _parts(node)), True)
    return _other(node, depth)


def _other(node: SgNode, depth: int) -> Expression:
    return Other(node, tuple(_expression(part, depth) for part in _parts(node)))


def _attribute(node: SgNode, depth: int) -> Expression:
    name = node.field("attribute")
    return Attribute(
        node, _expression(node.field("object"), depth), name.text() if name is not None else ""
    )


def _subscript(node: SgNode, depth: int) -> Expression:
    key = node.field("subscript")
    is_slice = key is None or key.kind() == "slice"
    return Subscript(
        node,
        _expression(node.field("value"), depth),
        None if is_slice else _expression(key, depth),
    )


def _call(node: SgNode, depth: int) -> Expression:
    arguments = node.field("arguments")
    lowered: list[Argument] = []
    if arguments is not None and arguments.kind() == "generator_expression":
        lowered.append(Argument(_comprehension(arguments, depth)))
    elif arguments is not None:
        for child in _parts(arguments):
            kind = child.kind()
            if kind == "keyword_argument":
                name = child.field("name")
                lowered.append(
                    Argument(
                        _expression(child.field("value"), depth),
                        name.text() if name is not None else "",
                    )
                )
            elif kind in ("list_splat", "dictionary_splat"):
                lowered.append(Argument(_expression(_parts(child)[0], depth), is_spread=True))
            else:
                lowered.append(Argument(_expression(child, depth)))
    return Call(node, _expression(node.field("function"), depth), tuple(lowered))


def _string(node: SgNode, depth: int) -> Expression:
    children = node.named_children()
    if any(child.kind() == "interpolation" for child in children):
        parts: list[Expression] = []
        for child in children:
            kind = child.kind()
            if kind == "string_content":
                parts.append(Constant(child, child.text()))
            elif kind == "interpolation":
                inner = child.field("expression")
                parts.append(_expression(inner, depth))
        return Format(node, tuple(parts), "f")
    text = node.text()
    if "\\" not in text:
        content = [child.text() for child in children if child.kind() == "string_content"]
        return Constant(node, "".join(content))
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError):
        value = text
    return Constant(node, value if isinstance(value, str) else value.decode("latin-1"))


def _concatenated(node: SgNode, depth: int) -> Expression:
    return Format(node, tuple(_expression(part, depth) for part in _parts(node)), "f")


def _number(node: SgNode, depth: int) -> Expression:
    text = node.text()
    return Constant(node, int(text) if text.isdecimal() and len(text) < 20 else 0.5)


def _binary(node: SgNode, depth: int) -> Expression:
    operator_node = node.field("operator")
    operator = operator_node.text() if operator_node is not None else ""
    if operator not in ("+", "%", "/"):
        is_number = operator in ("-", "//", "**", "<<", ">>")
        return Other(node, _operands(node, depth), is_number, operator)
    # A long `a + b + c + …` is nested to the left; taken apart here, not by recursion.
    parts: list[Expression] = []
    left: SgNode | None = node
    while left is not None and left.kind() == "binary_operator":
        inner = left.field("operator")
        if inner is None or inner.text() != operator:
            break
        parts.append(_expression(left.field("right"), depth))
        left = left.field("left")
    parts.append(_expression(left, depth))
    return Format(node, tuple(reversed(parts)), operator)


def _operands(node: SgNode, depth: int) -> tuple[Expression, ...]:
    return (_expression(node.field("left"), depth), _expression(node.field("right"), depth))


def _boolean(node: SgNode, depth: int) -> Expression:
    operator_node = node.field("operator")
    is_and = operator_node is not None and operator_node.text() == "and"
    parts: list[Expression] = []
    left: SgNode | None = node
    while left is not None and left.kind() == "boolean_operator":
        inner = left.field("operator")
        if inner is None or (inner.text() == "and") != is_and:
            break
        parts.append(_expression(left.field("right"), depth))
        left = left.field("left")
    result = _expression(left, depth)
    for part in reversed(parts[-30:]):
        result = Logical(node, "and" if is_and else "or", result, part)
    return result


def _comparison(node: SgNode, depth: int) -> Expression:
    operands = [_expression(part, depth) for part in _parts(node)]
    operators = [child.text() for child in node.field_children("operators")]
    result: Expression | None = None
    for index, operator in enumerate(operators[:20]):
        if index + 1 >= len(operands):
            break
        one = Compare(node, " ".join(operator.split()), operands[index], operands[index + 1])
        result = one if result is None else Logical(node, "and", result, one)
    return result if result is not None else Other(node, tuple(operands), True)


def _collection(node: SgNode, depth: int) -> Expression:
    items = []
    for child in _parts(node):
        is_spread = child.kind() in ("list_splat", "list_splat_pattern")
        inner = _parts(child)[0] if is_spread and _parts(child) else child
        items.append(Item(None, _expression(inner, depth), is_spread))
    return Collection(node, tuple(items), False)


def _dictionary(node: SgNode, depth: int) -> Expression:
    items = []
    for child in _parts(node):
        if child.kind() == "pair":
            items.append(
                Item(
                    _expression(child.field("key"), depth),
                    _expression(child.field("value"), depth),
                )
            )
        elif child.kind() == "dictionary_splat":
            items.append(Item(None, _expression(_parts(child)[0], depth), True))
    return Collection(node, tuple(items), True)


def _comprehension(node: SgNode, depth: int) -> Expression:
    body = node.field("body")
    clauses: list[tuple[Expression, Expression, tuple[Expression, ...]]] = []
    for child in node.named_children():
        kind = child.kind()
        if kind == "for_in_clause":
            clauses.append(
                (
                    _expression(child.field("left"), depth),
                    _expression(child.field("right"), depth),
                    (),
                )
            )
        elif kind == "if_clause" and clauses and _parts(child):
            target, iterable, tests = clauses[-1]
            clauses[-1] = (target, iterable, (*tests, _expression(_parts(child)[0], depth)))
    elements: tuple[Expression, ...]
    if body is not None and body.kind() == "pair":
        elements = (
            _expression(body.field("key"), depth),
            _expression(body.field("value"), depth),
        )
    else:
        elements = (_expression(body, depth),)
    return Comprehension(node, elements, tuple(clauses), node.kind() == "dictionary_comprehension")


def _lambda(node: SgNode, depth: int) -> Expression:
    body = node.field("body")
    return Function(
        node,
        "",
        tuple(_parameters(node.field("parameters"), depth)),
        (Return(node, _expression(body, depth)),),
        is_inline=True,
    )


def _assignment(node: SgNode, depth: int) -> Expression:
    right, annotation = node.field("right"), node.field("type")
    kind = annotation.text() if annotation is not None else ""
    if right is None:
        # `x: int` alone: a field of a model.
        return Bind(node, _expression(node.field("left"), depth), Other(node, ()), annotation=kind)
    operator = node.field("operator")
    return Bind(
        node,
        _expression(node.field("left"), depth),
        _expression(right, depth),
        operator.text().removesuffix("=") if operator is not None else "",
        annotation=kind,
    )


def _walrus(node: SgNode, depth: int) -> Expression:
    return Bind(
        node, _expression(node.field("name"), depth), _expression(node.field("value"), depth)
    )


def _yield(node: SgNode, depth: int) -> Expression:
    parts = _parts(node)
    return Yield(node, _expression(parts[0], depth) if parts else None)


def _conditional(node: SgNode, depth: int) -> Expression:
    parts = _parts(node)
    if len(parts) != 3:
        return _other(node, depth)
    then, test, otherwise = (_expression(part, depth) for part in parts)
    return Conditional(node, test, then, otherwise)


_EXPRESSIONS = {
    "attribute": _attribute,
    "subscript": _subscript,
    "call": _call,
    "string": _string,
    "concatenated_string": _concatenated,
    "integer": _number,
    "float": _number,
    "true": lambda node, depth: Constant(node, True),
    "false": lambda node, depth: Constant(node, False),
    "none": lambda node, depth: Constant(node, None),
    "binary_operator": _binary,
    "boolean_operator": _boolean,
    "not_operator": lambda node, depth: Not(node, _expression(node.field("argument"), depth)),
    "comparison_operator": _comparison,
    "list": _collection,
    "tuple": _collection,
    "set": _collection,
    "expression_list": _collection,
    "pattern_list": _collection,
    "tuple_pattern": _collection,
    "list_pattern": _collection,
    "dictionary": _dictionary,
    "list_comprehension": _comprehension,
    "set_comprehension": _comprehension,
    "generator_expression": _comprehension,
    "dictionary_comprehension": _comprehension,
    "lambda": _lambda,
    "assignment": _assignment,
    "augmented_assignment": _assignment,
    "named_expression": _walrus,
    "conditional_expression": _conditional,
    "yield": _yield,
}
_TRANSPARENT = frozenset(
    ["parenthesized_expression", "await", "as_pattern_target", "list_splat_pattern"]
)
_NUMBERS = frozenset(["unary_operator"])


def _parts(node: SgNode) -> list[SgNode]:
    return [child for child in node.named_children() if child.kind() != "comment"]


def _child(node: SgNode, *kinds: str) -> SgNode | None:
    """The first child of the first kind, its first child of the second kind, and so on."""
    current: SgNode | None = node
    for kind in kinds:
        current = (
            next((child for child in current.named_children() if child.kind() == kind), None)
            if current is not None
            else None
        )
    return current


def _start(node: SgNode | None) -> int:
    return node.range().start.index if node is not None else 1 << 62
