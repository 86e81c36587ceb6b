"""What a file of JavaScript or TypeScript exports and imports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..expressions import dotted, find_all
from ..syntax import Language, named_children, parse
from .modules import OPEN, Imported, Module

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_MEANS_MODULES = re.compile(r"\bimport\b|\bexport|\brequire\b")
_WORKS_OUT_EXPORTS = re.compile(
    # TypeScript's helper, and every use of `exports` but naming something in it or assigning to it.
    r"__exportStar|\bexports\b(?!\s*(?:=[^=>]|\.\s*\w)|['\"/])"
)
_WORKS_OUT_MORE = re.compile(
    # The same in a module of ECMAScript, where `exports` may be a name like any other.
    r"\bmodule\.exports\b(?!\s*(?:=[^=>]|\.\s*\w))|\bObject\.\w+\(\s*exports\b"
)
_STATEMENTS = {
    "rule": {
        "any": [
            {"kind": "import_statement"},
            {"kind": "export_statement"},
            {
                "kind": "call_expression",
                "has": {"field": "function", "regex": "^(?:require|import)$"},
            },
            {
                "kind": "assignment_expression",
                "has": {"field": "left", "regex": r"^(?:module\.)?exports\b"},
            },
        ]
    }
}
_FUNCTIONS = ("function_declaration", "generator_function_declaration", "function_signature")
_VALUES = ("arrow_function", "function_expression", "generator_function")
_CLASSES = ("class_declaration", "abstract_class_declaration")


def javascript_module(text: str, language: Language, *, declares_only: bool = False) -> Module:
    """What a text says; `declares_only` of a `.d.ts`, which exports all that is in it."""
    if not _MEANS_MODULES.search(text):
        return OPEN if declares_only else Module()
    root = parse(text, language)
    if root.find(kind="ERROR") is not None and language == "javascript":
        root = parse(text, "tsx")  # Flow's types are written much like TypeScript's.
    if root.find(kind="ERROR") is not None:
        return OPEN
    reader = _Reader(root, text)
    return Module(
        frozenset(reader.exports),
        reader.is_open or declares_only,
        (*reader.imports, *_uses(root, reader.bindings)),
        reader.bindings,
        dict(_signatures(root, reader.exports)),
    )


class _Reader:
    """Gathers what one pass over a tree finds; lives no longer than that."""

    def __init__(self, root: SgNode, text: str) -> None:
        self.text = text
        self.imports: list[Imported] = []
        self.bindings: dict[str, Imported] = {}
        self.exports: dict[str, str] = {}
        """Exported name -> the name in the file; "" where it has none."""
        self.is_open = False
        self.has_statement = False
        """It exports by statements, not by `module.exports`."""
        for node in find_all(root, _STATEMENTS):
            match node.kind():
                case "import_statement":
                    self._import(node)
                case "export_statement":
                    self._export(node)
                case "call_expression":
                    self._require(node)
                case _:
                    self._assign(node)
        works_out = _WORKS_OUT_MORE if self.has_statement else _WORKS_OUT_EXPORTS
        if "exports" in text and works_out.search(text):
            self.is_open = True

    # --- Imports

    def _import(self, node: SgNode) -> None:
        clauses = [child for child in node.children() if child.kind().startswith("import_")]
        module = _source(node) or (_source(clauses[0]) if clauses else None)
        if module is None:
            return
        self._take(module, "", node)
        parts = [part for clause in clauses for part in named_children(clause)]
        for part in parts:
            match part.kind():
                case "identifier" if clauses[0].kind() == "import_require_clause":
                    self._bind(part.text(), Imported(module, "", _line(part)))
                case "identifier":
                    self._take(module, "default", part)
                case "namespace_import":
                    name = next(named_children(part)).text()
                    self._bind(name, Imported(module, "", _line(part)))
                case "named_imports":
                    for one in named_children(part):
                        if name_node := one.field("name"):
                            self._take(module, _plain(name_node), one)
                case _:
                    pass

    def _require(self, node: SgNode) -> None:
        arguments = node.field("arguments")
        first = next(named_children(arguments), None) if arguments else None
        if first is None or first.kind() != "string":
            return
        module = _plain(first)
        is_optional = any(one.kind() == "try_statement" for one in node.ancestors())
        self.imports.append(Imported(module, "", _line(node), is_optional=is_optional))
        outer = node.parent()
        if outer is not None and outer.kind() == "await_expression":
            outer = outer.parent()
        if outer is None or outer.kind() != "variable_declarator":
            return
        name = outer.field("name")
        if name is not None and name.kind() == "identifier":
            self._bind(name.text(), Imported(module, "", _line(node), is_optional=is_optional))
        elif name is not None and name.kind() == "object_pattern":
            for part in named_children(name):
                key = part.field("key") if part.kind() == "pair_pattern" else part
                if part.kind() == "object_assignment_pattern":
                    key = part.field("left")
                if key is not None and key.kind() != "rest_pattern":
                    self.imports.append(
                        Imported(module, _plain(key), _line(part), is_optional=is_optional)
                    )

    def _take(self, module: str, name: str, node: SgNode) -> None:
        self.imports.append(Imported(module, name, _line(node)))

    def _bind(self, name: str, imported: Imported) -> None:
        # What may be a parameter somewhere is not followed: it can stand for something else there.
        escaped = re.escape(name)
        if not re.search(
            rf"[(,{{\[]\s*{escaped}\s*[,)}}=:\]?]|(?<![\w$.]){escaped}\s*=>", self.text
        ):
            self.bindings[name] = imported

    # --- Exports

    def _export(self, node: SgNode) -> None:
        parent = node.parent()
        if parent is not None and parent.kind() != "program":
            return  # Of a namespace inside.
        self.has_statement = True
        module = _source(node)
        is_default = any(child.kind() == "default" for child in node.children())
        if module is not None:
            self._take(module, "", node)
        for child in node.children():
            match child.kind():
                case "*" | "=":
                    self.is_open = True
                case "namespace_export":
                    self.exports[_plain(next(named_children(child)))] = ""
                case "default":
                    declared = node.field("declaration") or node.field("value")
                    is_name = declared is not None and declared.kind() == "identifier"
                    named = declared if is_name else declared and declared.field("name")
                    self.exports["default"] = named.text() if named else ""
                case "export_clause":
                    for one in named_children(child):
                        original, alias = one.field("name"), one.field("alias")
                        if original is None:
                            continue
                        self.exports[_plain(alias or original)] = "" if module else original.text()
                        if module is not None:
                            self._take(module, _plain(original), one)
                case _:
                    if not is_default:
                        self.exports |= {name: name for name in _declared(child)}
        if re.match(r"export\s+(?:import|as)\b", node.text()):
            self.is_open = True

    def _assign(self, node: SgNode) -> None:
        left, right = dotted(node.field("left")), node.field("right")
        self.exports.setdefault("default", "")
        while right is not None and right.kind() == "assignment_expression":
            right = right.field("right")
        path = left.removeprefix("module.").split(".")
        if len(path) > 1:
            local = right.text() if right is not None and right.kind() == "identifier" else ""
            self.exports[path[1]] = local
            return
        if right is None or right.kind() != "object":
            self.is_open = True
            return
        for part in named_children(right):
            match part.kind():
                case "shorthand_property_identifier":
                    self.exports[part.text()] = part.text()
                case "pair" | "method_definition":
                    key, value = part.field("key") or part.field("name"), part.field("value")
                    if key is None or key.kind() == "computed_property_name":
                        self.is_open = True
                        continue
                    is_name = value is not None and value.kind() == "identifier"
                    self.exports[_plain(key)] = value.text() if value and is_name else ""
                case _:
                    self.is_open = True


def _declared(node: SgNode) -> Iterator[str]:
    """The names that a declaration makes."""
    match node.kind():
        case "lexical_declaration" | "variable_declaration":
            for one in named_children(node):
                name = one.field("name")
                if name is not None:
                    yield from _in_pattern(name)
        case "ambient_declaration":
            for one in named_children(node):
                yield from _declared(one)
        case kind if kind.endswith("_declaration") or kind in (
            "internal_module",
            "module",
            "function_signature",
        ):
            name = node.field("name")
            if name is not None:
                yield name.text().partition(".")[0]
        case _:
            pass


def _in_pattern(node: SgNode) -> Iterator[str]:
    match node.kind():
        case "identifier" | "shorthand_property_identifier_pattern":
            yield node.text()
        case "pair_pattern":
            value = node.field("value")
            yield from _in_pattern(value) if value is not None else ()
        case "assignment_pattern" | "object_assignment_pattern":
            left = node.field("left")
            yield from _in_pattern(left) if left is not None else ()
        case _:
            for child in named_children(node):
                yield from _in_pattern(child)


def _uses(root: SgNode, bindings: dict[str, Imported]) -> Iterator[Imported]:
    """What is taken from modules by a dot behind their name."""
    if not bindings:
        return
    names = "|".join(map(re.escape, bindings))
    rule = {
        "rule": {"kind": "member_expression", "has": {"field": "object", "regex": f"^(?:{names})$"}}
    }
    for node in find_all(root, rule):
        owner, member, parent = node.field("object"), node.field("property"), node.parent()
        left = parent.field("left") if parent is not None else None
        if owner is None or member is None or (left is not None and left.text() == node.text()):
            continue
        imported = bindings[owner.text()]
        yield Imported(imported.module, member.text(), _line(node), True, imported.is_optional)


def _signatures(root: SgNode, exports: dict[str, str]) -> Iterator[tuple[str, object]]:
    """Of the exported functions, and the methods of exported classes."""
    exported: dict[str, list[str]] = {}
    for outside, local in exports.items():
        exported.setdefault(local, []).append(outside)
    for statement in root.children():
        declared = statement.field("declaration") or statement
        name = declared.field("name")
        if declared.kind() in _FUNCTIONS and name is not None:
            for one in exported.get(name.text(), ()):
                yield one, _parameters(declared)
        elif declared.kind() in _CLASSES and name is not None and (body := declared.field("body")):
            for member in named_children(body):
                method = member.field("name")
                if member.kind() != "method_definition" or method is None:
                    continue
                for one in exported.get(name.text(), ()):
                    yield f"{one}.{method.text()}", _parameters(member)
        elif declared.kind() == "lexical_declaration":
            for declarator in named_children(declared):
                variable, value = declarator.field("name"), declarator.field("value")
                if variable is None or value is None or value.kind() not in _VALUES:
                    continue
                for one in exported.get(variable.text(), ()):
                    yield one, _parameters(value)


def _parameters(function: SgNode) -> str:
    parameters = function.field("parameters") or function.field("parameter")
    return re.sub(r"\s+|,\s*(?=\)$)", "", parameters.text()) if parameters is not None else ""


def _source(node: SgNode) -> str | None:
    source = node.field("source")
    return None if source is None else _plain(source)


def _plain(node: SgNode) -> str:
    """A name, or what a string holds."""
    return node.text().strip("'\"`") if node.kind() == "string" else node.text()


def _line(node: SgNode) -> int:
    return node.range().start.line + 1
