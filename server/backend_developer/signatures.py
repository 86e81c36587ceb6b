"""Python's functions and calls: whether a call fits the signature that an edit gave its function.

Pure functions of syntax trees; who calls what is for the callers of this module to find out.
"""

from __future__ import annotations

import ast
import symtable
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def python_tree(text: str) -> ast.Module | None:
    """None when it is no Python, or a newer one than we run on."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parses_as_python(text: str) -> bool:
    """Whether `python_tree` would read it; told without the tree, which takes longer to build."""
    try:
        symtable.symtable(text, "", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # It refuses some texts that do parse, such as a `nonlocal` of no function.
        return python_tree(text) is not None
    return True


def functions_of(tree: ast.Module) -> dict[str, Function]:
    """The module's plain functions as `name`, its methods as `Class.name`; each defined once."""
    found: dict[str, Function] = {}
    names: Counter[str] = Counter()
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for member in members:
            # What a decorator makes of a signature is not known.
            if isinstance(member, Function) and not member.decorator_list:
                names[prefix + member.name] += 1
                found[prefix + member.name] = member
    return {name: function for name, function in found.items() if names[name] == 1}


def signature_of(function: Function) -> str:
    """Equal for functions whose signature says the same, its types and defaults included."""
    return f"{type(function).__name__} {ast.dump(function.args)}"


def call_shape(function: Function) -> object:
    """Equal for functions that are called in the same way."""
    parameters = function.args
    return (
        isinstance(function, ast.AsyncFunctionDef),
        [one.arg for one in parameters.posonlyargs],
        [one.arg for one in parameters.args],
        len(parameters.defaults),
        {
            one.arg: default is None
            for one, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        },
        parameters.vararg is None,
        parameters.kwarg is None,
    )


def own_calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, ast.AST]]:
    """Each call of a module's own function or, through `self` or `cls`, method; with its parent."""
    for statement in tree.body:
        owner = f"{statement.name}." if isinstance(statement, ast.ClassDef) else ""
        for call, parent in calls_in(statement):
            match call.func:
                case ast.Name(id=name):
                    yield call, name, parent
                    yield call, f"{name}.__init__", parent
                case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if owner:
                    yield call, owner + name, parent


def calls_in(tree: ast.AST) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Each call below a node, with its parent."""
    for parent in ast.walk(tree):
        for call in ast.iter_child_nodes(parent):
            if isinstance(call, ast.Call):
                yield call, parent


def misfit(call: ast.Call, function: Function, *, is_method: bool) -> str:
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


def awaited_wrongly(parent: ast.AST, before: Function, after: Function) -> str:
    """How a call, by its parent, does not fit a function that became async, or is not any more:
    "not awaited" or "awaited"; empty when it fits."""
    is_async = isinstance(after, ast.AsyncFunctionDef)
    if is_async == isinstance(before, ast.AsyncFunctionDef):
        return ""
    if is_async and isinstance(parent, ast.Expr | ast.Assign | ast.Attribute):
        return "not awaited"
    return "awaited" if not is_async and isinstance(parent, ast.Await) else ""
