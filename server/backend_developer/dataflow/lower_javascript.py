"""JavaScript's and TypeScript's syntax tree -> core.program."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from ..core.program import (
    Argument,
    Attribute,
    Bind,
    Call,
    Collection,
    Compare,
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

DEEPEST = 80
"""Nodes inside one another; what lies deeper is left out, so that no input ends the stack."""


def lower_javascript(root: SgNode, go_on: Callable[[], None]) -> tuple[Statement, ...]:
    """The statements of a module; `go_on` is called before each, and what it raises ends this."""
    statements: list[Statement] = []
    for child in root.named_children():
        go_on()
        _statement(child, child.kind(), 1, statements)
    return tuple(statements)


def module_path(name: str) -> str:
    """What an import's text stands for in paths: "node:fs/promises" -> "fs.promises"."""
    return name.removeprefix("node:").removeprefix("./").removeprefix("../").replace("/", ".")


def _block(node: SgNode | None, depth: int) -> tuple[Statement, ...]:
    if node is None or depth > DEEPEST:
        return ()
    statements: list[Statement] = []
    for child in node.named_children():
        _statement(child, child.kind(), depth + 1, statements)
    return tuple(statements)


def _body(node: SgNode | None, depth: int) -> tuple[Statement, ...]:
    """A block, or the one statement that stands in its place."""
    if node is None:
        return ()
    if node.kind() == "statement_block":
        return _block(node, depth)
    statements: list[Statement] = []
    _statement(node, node.kind(), depth + 1, statements)
    return tuple(statements)


def _statement(node: SgNode, kind: str, depth: int, out: list[Statement]) -> None:
    if depth > DEEPEST:
        return
    if kind == "expression_statement":
        out.extend(Evaluate(_expression(child, depth)) for child in _parts(node))
    elif kind in ("lexical_declaration", "variable_declaration"):
        out.extend(Evaluate(_declarator(declarator, depth)) for declarator in _parts(node))
    elif kind == "if_statement":
        out.append(_if(node, depth))
    elif kind == "return_statement":
        parts = _parts(node)
        out.append(Return(node, _expression(parts[0], depth) if parts else None))
    elif kind in ("function_declaration", "generator_function_declaration"):
        out.append(Define(_function(node, depth)))
    elif kind in ("class_declaration", "abstract_class_declaration"):
        out.append(_class(node, depth))
    elif kind == "enum_declaration":
        name = node.field("name")
        enum = (Name(node, "Enum"),)
        out.append(DefineClass(node, name.text() if name is not None else "", enum, ()))
    elif kind == "import_statement":
        out.append(_import(node))
    elif kind == "export_statement":
        _export(node, depth, out)
    elif kind == "statement_block":
        out.extend(_block(node, depth))
    elif kind == "for_in_statement":
        iterable = _expression(node.field("right"), depth)
        operator = node.field("operator")
        if operator is not None and operator.text() == "in":
            # Keys: outside data only where the client chooses them.
            iterable = Other(node, (iterable,))
        out.append(
            Loop(
                _expression(node.field("left"), depth),
                iterable,
                None,
                _body(node.field("body"), depth),
            )
        )
    elif kind == "for_statement":
        initial, test, step = (
            node.field("initializer"),
            node.field("condition"),
            node.field("increment"),
        )
        if initial is not None:
            _statement(initial, initial.kind(), depth, out)
        body = _body(node.field("body"), depth)
        if step is not None:
            body = (*body, Evaluate(_expression(step, depth)))
        condition = _condition(test, depth) if test is not None else None
        out.append(Loop(None, None, condition, body))
    elif kind == "while_statement":
        out.append(
            Loop(
                None,
                None,
                _condition(node.field("condition"), depth),
                _body(node.field("body"), depth),
            )
        )
    elif kind == "do_statement":
        body = _body(node.field("body"), depth)
        out.extend(body)
        out.append(Loop(None, None, _condition(node.field("condition"), depth), body))
    elif kind == "switch_statement":
        out.append(_switch(node, depth))
    elif kind == "try_statement":
        handler, finalizer = node.field("handler"), node.field("finalizer")
        handlers = (_block(handler.field("body"), depth),) if handler is not None else ((),)
        final = _block(finalizer.field("body"), depth) if finalizer is not None else ()
        out.append(Try(_block(node.field("body"), depth), handlers, (), final))
    elif kind == "throw_statement":
        parts = _parts(node)
        out.append(Raise(_expression(parts[0], depth) if parts else None))
    elif kind == "break_statement":
        out.append(Jump("break"))
    elif kind == "continue_statement":
        out.append(Jump("continue"))
    elif kind == "labeled_statement":
        out.extend(_body(node.field("body"), depth))
    elif kind in ("ERROR", "program", "internal_module", "module"):
        out.extend(_block(node.field("body") or node, depth))


def _condition(node: SgNode | None, depth: int) -> Expression:
    if node is not None and node.kind() == "expression_statement":
        parts = _parts(node)
        node = parts[0] if parts else None
    return _expression(node, depth)


def _declarator(node: SgNode, depth: int) -> Expression:
    value, annotation = node.field("value"), node.field("type")
    name = node.field("name")
    kind = _annotation(annotation)
    if value is None:
        return Bind(node, _expression(name, depth), Other(node, ()), "", True, kind)
    lowered = _expression(value, depth)
    if type(lowered) is Function and not lowered.name and name is not None:
        lowered = lowered._replace(name=name.text(), is_inline=False)
    return Bind(node, _expression(name, depth), lowered, "", True, kind)


def _if(node: SgNode, depth: int) -> Statement:
    branches = []
    otherwise: tuple[Statement, ...] = ()
    current: SgNode | None = node
    # `else if` is nested; taken apart here, not by recursion.
    while current is not None:
        branches.append(
            (
                _expression(current.field("condition"), depth),
                _body(current.field("consequence"), depth),
            )
        )
        alternative = current.field("alternative")
        current = None
        if alternative is not None:
            inner = _parts(alternative)
            if inner and inner[0].kind() == "if_statement":
                current = inner[0]
            elif inner:
                otherwise = _body(inner[0], depth)
    return If(tuple(branches), otherwise)


def _switch(node: SgNode, depth: int) -> Statement:
    subject = _expression(node.field("value"), depth)
    body = node.field("body")
    branches: list[tuple[Expression, tuple[Statement, ...]]] = []
    otherwise: tuple[Statement, ...] = ()
    values: list[Item] = []
    for case in body.named_children() if body is not None else ():
        kind = case.kind()
        if kind not in ("switch_case", "switch_default"):
            continue
        statements: list[Statement] = []
        for child in case.field_children("body"):
            _statement(child, child.kind(), depth + 1, statements)
        falls_through = not statements
        if statements and isinstance(statements[-1], Jump) and statements[-1].kind == "break":
            statements.pop()
        if kind == "switch_default":
            otherwise = tuple(statements)
            continue
        values.append(Item(None, _expression(case.field("value"), depth)))
        if falls_through:
            continue
        options = Collection(case, tuple(values), False)
        is_true = type(subject) is Constant and subject.value is True
        test = values[-1].value if is_true else Compare(case, "in", subject, options)
        branches.append((test, tuple(statements)))
        values = []
    return If(tuple(branches), otherwise)


def _export(node: SgNode, depth: int, out: list[Statement]) -> None:
    declaration, value = node.field("declaration"), node.field("value")
    if declaration is not None:
        if declaration.kind() in ("class_declaration", "abstract_class_declaration"):
            decorators = [child for child in node.named_children() if child.kind() == "decorator"]
            out.append(_class(declaration, depth, decorators))
        else:
            _statement(declaration, declaration.kind(), depth, out)
    elif value is not None:
        if value.kind() in ("class", "class_declaration"):
            out.append(_class(value, depth))
        else:
            out.append(Evaluate(_expression(value, depth)))


def _import(node: SgNode) -> Statement:
    source = node.field("source")
    module = module_path(source.text().strip("'\"`")) if source is not None else ""
    names: list[tuple[str, str]] = []
    for clause in node.named_children():
        if clause.kind() != "import_clause":
            continue
        for child in clause.named_children():
            kind = child.kind()
            if kind == "identifier":
                names.append((child.text(), module))
            elif kind == "namespace_import":
                names += [(part.text(), module) for part in child.named_children()]
            elif kind == "named_imports":
                for one in child.named_children():
                    name, alias = one.field("name"), one.field("alias")
                    if name is not None:
                        path = module if name.text() == "default" else f"{module}.{name.text()}"
                        names.append(((alias or name).text(), path))
    return Import(tuple(names))


def _class(node: SgNode, depth: int, outer_decorators: Iterable[SgNode] = ()) -> Statement:
    name = node.field("name")
    decorators = [
        *outer_decorators,
        *(child for child in node.named_children() if child.kind() == "decorator"),
    ]
    heritage = next(
        (child for child in node.named_children() if child.kind() == "class_heritage"), None
    )
    bases: list[Expression] = []
    if heritage is not None:
        for child in heritage.named_children():
            inner = child.named_children() if child.kind().endswith("_clause") else [child]
            bases += [_expression(one, depth + 1) for one in inner[:1]]
    body = node.field("body")
    members: list[Statement] = []
    waiting: list[SgNode] = []
    for child in body.named_children() if body is not None and depth < DEEPEST else ():
        kind = child.kind()
        if kind == "decorator":
            waiting.append(child)
        elif kind == "method_definition":
            members.append(Define(_function(child, depth + 1, "this", waiting)))
            waiting = []
        elif kind in ("public_field_definition", "field_definition"):
            members.append(_field(child, depth + 1, waiting))
            waiting = []
    return DefineClass(
        node,
        name.text() if name is not None else "",
        tuple(bases),
        tuple(members),
        tuple(_decorators(decorators, depth)),
    )


def _field(node: SgNode, depth: int, decorators: Iterable[SgNode]) -> Statement:
    name = node.field("name") or node.field("property")
    value = node.field("value")
    text = name.text() if name is not None else ""
    lowered = _expression(value, depth) if value is not None else Other(node, ())
    if type(lowered) is Function:
        return Define(lowered._replace(name=text, receiver="this", is_inline=False))
    annotation = _annotation(node.field("type"))
    inner = [child for child in node.named_children() if child.kind() == "decorator"]
    own = tuple(_decorators((*decorators, *inner), depth))
    return Evaluate(Bind(node, Name(node, text), lowered, "", True, annotation, own))


def _decorators(nodes: Iterable[SgNode], depth: int) -> Iterable[Expression]:
    for node in nodes:
        parts = _parts(node)
        if parts:
            yield _expression(parts[0], depth)


def _function(
    node: SgNode, depth: int, receiver: str = "", decorators: Iterable[SgNode] = ()
) -> Function:
    name = node.field("name")
    kind = node.kind()
    body = node.field("body")
    own = [*decorators, *(child for child in node.named_children() if child.kind() == "decorator")]
    if body is not None and body.kind() != "statement_block":
        statements: tuple[Statement, ...] = (Return(body, _expression(body, depth + 1)),)
    else:
        statements = _block(body, depth)
    single = node.field("parameter")
    if single is not None:
        parameters: tuple[Parameter, ...] = (Parameter(single, single.text()),)
    else:
        parameters = tuple(_parameters(node.field("parameters"), depth))
    return Function(
        node,
        name.text() if name is not None else "",
        parameters,
        statements,
        tuple(_decorators(own, depth)),
        receiver,
        is_inline=kind in ("arrow_function", "function_expression", "function"),
    )


def _parameters(node: SgNode | None, depth: int) -> Iterable[Parameter]:
    for child in _parts(node) if node is not None else ():
        kind = child.kind()
        if kind in ("required_parameter", "optional_parameter"):
            pattern = child.field("pattern")
            children = child.named_children()
            decorators = [one for one in children if one.kind() == "decorator"]
            is_property = any(one.kind() in ("accessibility_modifier",) for one in children)
            value = child.field("value")
            yield _parameter(
                child,
                pattern,
                _expression(value, depth) if value is not None else None,
                depth,
                _annotation(child.field("type")),
                tuple(_decorators(decorators, depth)),
                is_property,
            )
        elif kind == "assignment_pattern":
            yield _parameter(
                child, child.field("left"), _expression(child.field("right"), depth), depth
            )
        else:
            yield _parameter(child, child, None, depth)


def _parameter(
    node: SgNode,
    pattern: SgNode | None,
    default: Expression | None,
    depth: int,
    annotation: str = "",
    decorators: tuple[Expression, ...] = (),
    is_property: bool = False,
) -> Parameter:
    kind = pattern.kind() if pattern is not None else ""
    is_rest = kind == "rest_pattern"
    if is_rest and pattern is not None:
        parts = _parts(pattern)
        pattern = parts[0] if parts else None
    is_name = pattern is not None and pattern.kind() in ("identifier", "this")
    return Parameter(
        pattern if is_name else node,
        pattern.text() if is_name and pattern is not None else "",
        None if is_name or pattern is None else _expression(pattern, depth),
        default,
        annotation,
        decorators,
        is_rest,
        is_property,
    )


def _annotation(node: SgNode | None) -> str:
    return node.text().lstrip(": ") if node is not None else ""


def _expression(node: SgNode | None, depth: int) -> Expression:
    if node is None or depth > DEEPEST:
        return Other(node, ())
    kind = node.kind()
    if kind in _NAMES:
        return Name(node, node.text())
    depth += 1
    lower = _EXPRESSIONS.get(kind)
    if lower is not None:
        return lower(node, depth)
    if kind in _TRANSPARENT:
        parts = _parts(node)
        return _expression(parts[0], depth) if parts else Other(node, ())
    return _other(node, depth)


def _other(node: SgNode, depth: int) -> Expression:
    return Other(node, tuple(_expression(part, depth) for part in _parts(node)))


def _member(node: SgNode, depth: int) -> Expression:
    name = node.field("property")
    return Attribute(
        node, _expression(node.field("object"), depth), name.text() if name is not None else ""
    )


def _subscript(node: SgNode, depth: int) -> Expression:
    return Subscript(
        node,
        _expression(node.field("object"), depth),
        _expression(node.field("index"), depth),
    )


def _call(node: SgNode, depth: int) -> Expression:
    arguments = node.field("arguments")
    is_new = node.kind() == "new_expression"
    function = node.field("constructor") if is_new else node.field("function")
    if arguments is not None and arguments.kind() == "template_string":
        values = [
            Argument(_expression(_parts(child)[0], depth))
            for child in arguments.named_children()
            if child.kind() == "template_substitution" and _parts(child)
        ]
        text = Argument(Constant(arguments, arguments.text()))
        return Call(node, _expression(function, depth), (text, *values), is_tagged=True)
    lowered = []
    for child in _parts(arguments) if arguments is not None else ():
        if child.kind() == "spread_element":
            lowered.append(Argument(_expression(_parts(child)[0], depth), is_spread=True))
        else:
            lowered.append(Argument(_expression(child, depth)))
    callee = _expression(function, depth)
    is_require = type(callee) is Name and callee.name in ("require", "import")
    if is_require and len(lowered) == 1:
        name = lowered[0].value
        if type(name) is Constant and isinstance(name.value, str):
            return Name(node, f"require {module_path(name.value)}")
    return Call(node, callee, tuple(lowered), is_new)


def _string(node: SgNode, depth: int) -> Expression:
    text = node.text()[1:-1]
    return Constant(node, _unescaped(text) if "\\" in text else text)


def _unescaped(text: str) -> str:
    simple = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\n": ""}
    return re.sub(r"\\(.)", lambda match: simple.get(match[1], match[1]), text, flags=re.DOTALL)


def _template(node: SgNode, depth: int) -> Expression:
    parts: list[Expression] = []
    for child in node.named_children():
        kind = child.kind()
        if kind == "string_fragment":
            parts.append(Constant(child, child.text()))
        elif kind == "template_substitution":
            inner = _parts(child)
            if inner:
                parts.append(_expression(inner[0], depth))
    if not parts or all(type(part) is Constant for part in parts):
        return Constant(node, "".join(str(part.value) for part in parts if type(part) is Constant))
    return Format(node, tuple(parts), "f")


def _regex(node: SgNode, depth: int) -> Expression:
    pattern, flags = node.field("pattern"), node.field("flags")
    text = pattern.text() if pattern is not None else ""
    multiline = flags is not None and "m" in flags.text()
    # With `m` the anchors hold a line alone.
    return Constant(node, f"(?m){text}" if multiline else text, True)


def _number(node: SgNode, depth: int) -> Expression:
    text = node.text()
    return Constant(node, int(text) if text.isdecimal() and len(text) < 20 else 0.5)


def _binary(node: SgNode, depth: int) -> Expression:
    operator_node = node.field("operator")
    operator = operator_node.text() if operator_node is not None else ""
    if operator == "+":
        # A long `a + b + c + …` is nested to the left; taken apart here, not by recursion.
        parts: list[Expression] = []
        left: SgNode | None = node
        while left is not None and left.kind() == "binary_expression":
            inner = left.field("operator")
            if inner is None or inner.text() != "+":
                break
            parts.append(_expression(left.field("right"), depth))
            left = left.field("left")
        parts.append(_expression(left, depth))
        return Format(node, tuple(reversed(parts)), "+")
    if operator in _LOGICAL:
        return _logical(node, operator, depth)
    left_side = _expression(node.field("left"), depth)
    right_side = _expression(node.field("right"), depth)
    if operator in _COMPARISONS:
        typeof = node.field("left")
        if (
            typeof is not None
            and typeof.kind() == "unary_expression"
            and (typeof.text().startswith("typeof"))
        ):
            inner_parts = _parts(typeof)
            subject = _expression(inner_parts[0], depth) if inner_parts else left_side
            test: Expression = Compare(node, "typeof", subject, right_side)
            return Not(node, test) if operator.startswith("!") else test
        return Compare(node, operator, left_side, right_side)
    return Other(node, (left_side, right_side), True, operator)


def _logical(node: SgNode, operator: str, depth: int) -> Expression:
    parts: list[Expression] = []
    left: SgNode | None = node
    while left is not None and left.kind() == "binary_expression":
        inner = left.field("operator")
        if inner is None or inner.text() != operator:
            break
        parts.append(_expression(left.field("right"), depth))
        left = left.field("left")
    result = _expression(left, depth)
    for part in reversed(parts[-30:]):
        result = Logical(node, _LOGICAL[operator], result, part)
    return result


def _unary(node: SgNode, depth: int) -> Expression:
    operator = node.field("operator")
    text = operator.text() if operator is not None else ""
    operand = _expression(node.field("argument"), depth)
    if text == "!":
        return Not(node, operand)
    if text == "-" and type(operand) is Constant and isinstance(operand.value, int):
        return Constant(node, -operand.value)
    return Other(node, (operand,), text in ("-", "+", "~", "typeof", "delete"))


def _assignment(node: SgNode, depth: int) -> Expression:
    value = _expression(node.field("right"), depth)
    target = _expression(node.field("left"), depth)
    operator = node.field("operator")
    text = operator.text().removesuffix("=") if operator is not None else ""
    if type(value) is Function and not value.name and type(target) is Name:
        value = value._replace(name=target.name, is_inline=False)
    return Bind(node, target, value, text)


def _array(node: SgNode, depth: int) -> Expression:
    items: list[Item] = []
    expects = True
    for child in node.children():
        kind = child.kind()
        if kind == ",":
            if expects:
                items.append(Item(None, Other(node, ())))
            expects = True
        elif kind in ("[", "]", "comment"):
            continue
        else:
            expects = False
            items.append(_item(child, kind, depth))
    return Collection(node, tuple(items), False)


def _item(node: SgNode, kind: str, depth: int) -> Item:
    if kind in ("spread_element", "rest_pattern"):
        parts = _parts(node)
        return Item(None, _expression(parts[0] if parts else None, depth), True)
    if kind == "assignment_pattern":
        return Item(
            None,
            _expression(node.field("left"), depth),
            default=_expression(node.field("right"), depth),
        )
    return Item(None, _expression(node, depth))


def _object(node: SgNode, depth: int) -> Expression:
    items: list[Item] = []
    for child in _parts(node):
        kind = child.kind()
        if kind in ("pair", "pair_pattern"):
            key = _key(child.field("key"), depth)
            value = child.field("value")
            if value is not None and value.kind() == "assignment_pattern":
                inner = _item(value, "assignment_pattern", depth)
                items.append(inner._replace(key=key))
            else:
                items.append(Item(key, _expression(value, depth)))
        elif kind in ("shorthand_property_identifier", "shorthand_property_identifier_pattern"):
            name = child.text()
            items.append(Item(Constant(child, name), Name(child, name)))
        elif kind == "object_assignment_pattern":
            left = child.field("left")
            name = left.text() if left is not None else ""
            items.append(
                Item(
                    Constant(child, name),
                    Name(child, name),
                    default=_expression(child.field("right"), depth),
                )
            )
        elif kind in ("spread_element", "rest_pattern"):
            parts = _parts(child)
            items.append(Item(None, _expression(parts[0] if parts else None, depth), True))
        elif kind == "method_definition":
            function = _function(child, depth)
            items.append(Item(Constant(child, function.name), function._replace(is_inline=True)))
    return Collection(node, tuple(items), True)


def _key(node: SgNode | None, depth: int) -> Expression:
    if node is None:
        return Other(node, ())
    kind = node.kind()
    if kind == "computed_property_name":
        parts = _parts(node)
        return _expression(parts[0] if parts else None, depth)
    if kind == "string":
        return _string(node, depth)
    return Constant(node, node.text())


def _ternary(node: SgNode, depth: int) -> Expression:
    return Conditional(
        node,
        _expression(node.field("condition"), depth),
        _expression(node.field("consequence"), depth),
        _expression(node.field("alternative"), depth),
    )


def _yield(node: SgNode, depth: int) -> Expression:
    parts = _parts(node)
    return Yield(node, _expression(parts[0], depth) if parts else None)


def _sequence(node: SgNode, depth: int) -> Expression:
    parts = _parts(node)
    return _expression(parts[-1], depth) if parts else Other(node, ())


def _class_expression(node: SgNode, depth: int) -> Expression:
    return Other(node, ())


def _jsx_attribute(node: SgNode, depth: int) -> Expression:
    parts = _parts(node)
    if len(parts) == 2:
        name = parts[0].text()
        inner = _parts(parts[1])
        value = _expression(inner[0] if inner else None, depth)
        return Collection(node, (Item(Constant(parts[0], name), value),), True)
    return Other(node, ())


_NAMES = frozenset(
    ["identifier", "import", "this", "super", "shorthand_property_identifier", "undefined",
     "shorthand_property_identifier_pattern", "property_identifier", "type_identifier"]
)  # fmt: skip
_TRANSPARENT = frozenset(
    ["parenthesized_expression", "await_expression", "as_expression",
     "satisfies_expression", "non_null_expression", "type_assertion", "instantiation_expression",
     "expression_statement", "spread_element", "jsx_expression"]
)  # fmt: skip
_COMPARISONS = frozenset(
    ["==", "===", "!=", "!==", "<", "<=", ">", ">=", "in", "instanceof"]
)  # fmt: skip
_LOGICAL: Mapping[str, Literal["and", "or", "??"]] = {"&&": "and", "||": "or", "??": "??"}
_EXPRESSIONS: Mapping[str, Callable[[SgNode, int], Expression]] = {
    "member_expression": _member,
    "subscript_expression": _subscript,
    "call_expression": _call,
    "new_expression": _call,
    "string": _string,
    "template_string": _template,
    "regex": _regex,
    "number": _number,
    "true": lambda node, depth: Constant(node, True),
    "false": lambda node, depth: Constant(node, False),
    "null": lambda node, depth: Constant(node, None),
    "binary_expression": _binary,
    "unary_expression": _unary,
    "update_expression": lambda node, depth: Other(node, (), True),
    "assignment_expression": _assignment,
    "augmented_assignment_expression": _assignment,
    "array": _array,
    "array_pattern": _array,
    "object": _object,
    "object_pattern": _object,
    "ternary_expression": _ternary,
    "sequence_expression": _sequence,
    "arrow_function": _function,
    "function_expression": _function,
    "generator_function": _function,
    "class": _class_expression,
    "jsx_attribute": _jsx_attribute,
    "yield_expression": _yield,
}


def _parts(node: SgNode) -> list[SgNode]:
    return [child for child in node.named_children() if child.kind() not in _SKIPPED]


_SKIPPED = frozenset(["comment", "type_annotation", "type_arguments", "decorator", "html_comment"])
