"""What a file of Python defines at top level and imports, and which files its imports mean."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from ..signatures import call_shape, functions_of
from .modules import OPEN, Imported, Module

_MODULE_NAMES = frozenset(
    f"__{name}__"
    for name in ("name", "file", "doc", "path", "package", "spec", "loader", "dict", "annotations")
)
"""That every module has."""
_CATCHES_IMPORTS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")
_DYNAMIC_CALLS = ("globals", "exec", "lazy_loader.attach", "lazy.attach")


def python_module(tree: ast.Module | None) -> Module:
    """What a file says, by its tree; None: it has a syntax error, and may define anything."""
    if tree is None:
        return OPEN
    reader = _Reader()
    reader.visit(tree)
    names = {name for statement in tree.body for name in defined_by(statement)}
    names |= reader.globals
    is_open = reader.is_dynamic or "*" in names or "__getattr__" in names
    bindings = {
        name: imported
        for name, imported in reader.bindings.items()
        if name.partition(".")[0] not in reader.bound
    }
    return Module(
        frozenset({*names, *_exported(tree), *_MODULE_NAMES} - {"*"}),
        is_open,
        (*reader.imports, *_uses(tree, bindings)),
        bindings,
        {name: call_shape(function) for name, function in functions_of(tree).items()},
    )


def is_in_standard_library(module: str) -> bool:
    first = module.partition(".")[0]
    return first in sys.stdlib_module_names or first in (
        "__main__",
        "_typeshed",
        "typing_extensions",
    )


def defined_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module gives a value; `*` where it does not say which."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
            return
        case ast.Import():
            yield from (one.asname or one.name.partition(".")[0] for one in statement.names)
            return
        case ast.ImportFrom():
            yield from (one.asname or one.name for one in statement.names)
            return
        case _:
            pass
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield from defined_by(child)
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from _stored(child.pattern) if isinstance(child, ast.match_case) else ()
            for inner in child.body:
                yield from defined_by(inner)
        else:
            yield from _stored(child)


def _stored(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case _:
                pass


def _exported(tree: ast.Module) -> Iterator[str]:
    """The texts of `__all__`, which may name what is defined in a way that is not seen here."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                yield from (
                    one.value
                    for one in ast.walk(value)
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                )
            case _:
                pass


class _Reader(ast.NodeVisitor):
    """Gathers what one pass over a tree finds; lives no longer than that."""

    def __init__(self) -> None:
        self.imports: list[Imported] = []
        self.bindings: dict[str, Imported] = {}
        self.bound: set[str] = set()
        """The names that stand for something else somewhere in the file."""
        self.globals: set[str] = set()
        self.is_dynamic = False
        self._is_optional = False

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            imported = Imported(one.name, "", node.lineno, is_optional=self._is_optional)
            self._bind(one.asname or one.name, imported)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for one in node.names:
            name = "" if one.name == "*" else one.name
            imported = Imported(module, name, one.lineno, is_optional=self._is_optional)
            if name:
                self._bind(one.asname or name, imported)
            else:
                self.imports.append(imported)

    def _bind(self, name: str, imported: Imported) -> None:
        self.imports.append(imported)
        if self.bindings.setdefault(name, imported) != imported:
            self.bound.add(name)

    def visit_Try(self, node: ast.Try) -> None:
        before = self._is_optional
        handlers = [ast.unparse(one.type) if one.type else "Exception" for one in node.handlers]
        catches = any(name in handler for handler in handlers for name in _CATCHES_IMPORTS)
        self._is_optional = before or catches
        for statement in node.body:
            self.visit(statement)
        # What stands in for it is as much a guess: `except ImportError: import tomli`.
        for handler in node.handlers:
            self.visit(handler)
        self._is_optional = before
        for statement in (*node.orelse, *node.finalbody):
            self.visit(statement)

    def visit_Global(self, node: ast.Global) -> None:
        self.globals |= set(node.names)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)

    def visit_arg(self, node: ast.arg) -> None:
        self.bound.add(node.arg)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.bound.add(node.name)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.bound.add(node.name)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bound.add(node.name)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        # `sys.modules[__name__] = …` puts another object in the module's place.
        if isinstance(node.ctx, ast.Store) and dotted_name(node.value) == "sys.modules":
            self.is_dynamic = True
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = dotted_name(node.func)
        on_module = called == "setattr" and node.args and "modules[" in ast.unparse(node.args[0])
        if called in _DYNAMIC_CALLS or on_module or (called == "vars" and not node.args):
            self.is_dynamic = True
        self.generic_visit(node)


def _uses(tree: ast.Module, bindings: dict[str, Imported]) -> Iterator[Imported]:
    """What is taken from modules, or whatever else was imported, by a dot behind its name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        imported = bindings.get(dotted_name(node.value))
        if imported is not None:
            module = below(imported.module, imported.name)
            yield Imported(module, node.attr, node.lineno, True, imported.is_optional)


def below(module: str, name: str) -> str:
    """The name of a module's submodule."""
    return f"{module}{'' if not name or module.endswith('.') else '.'}{name}"


def dotted_name(node: ast.AST) -> str:
    """`a.b.c`; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted_name(node.value)
        return owner and f"{owner}.{node.attr}"
    return ""
