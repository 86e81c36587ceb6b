"""What the performance checks want to know of a text, read once from its syntax tree.

    SgNode -> Code: functions, classes, loops, assignments, and every chain of names and calls

Python, JavaScript and TypeScript come out the same, so that a check is written once. A *chain* is
`a.b(c).d` as a whole: its root, `a`, and its steps. Its `path` is its spelling without
arguments, such as "session.query().filter().all()", which is what most checks look at.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ..core.model import Span
from ..detector import Source
from ..expressions import WRAPPERS, bare
from ..syntax import named_children, span_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode


@dataclass(frozen=True, slots=True)
class Step:
    """`.name`, `.name(arguments)` or `[index]`, whose name is "[]"."""

    name: str
    arguments: SgNode | None
    """The parentheses and what is in them; None: not called."""
    end: int


@dataclass(frozen=True, slots=True)
class Chain:
    root: str
    """A name, `this`, or "" for anything else, such as a literal. A called root is a step too,
    whose name is ""."""
    steps: tuple[Step, ...]
    path: str
    span: Span
    awaited: bool


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A function or a class; `eq=False`: it is told apart by being itself."""

    kind: Literal["function", "class"]
    name: str
    """What it is called, or what holds it (a variable, a key); "" for one without a name."""
    span: Span
    parent: Scope | None
    node: SgNode
    parameters: tuple[str, ...] = ()
    is_async: bool = False
    decorators: str = ""
    """The text of all of them."""
    bases: str = ""
    """A class's, as written."""
    callback_of: Chain | None = None
    """The call that this function is an argument of."""
    keys: tuple[str, ...] = ()
    """The keys of the object literals around it, innermost first, then the variable's name."""

    def owner(self) -> Scope | None:
        """The class that it is a method of."""
        return self.parent if self.parent and self.parent.kind == "class" else None


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """Code that runs once for each element of something."""

    kind: Literal["for", "while", "comprehension", "callback"]
    span: Span
    once: Span
    """A part of `span` that runs once: what is looped over."""
    targets: tuple[str, ...]
    iterable: SgNode | None
    scope: Scope | None
    """The function around it."""
    node: SgNode

    def repeats(self, span: Span) -> bool:
        """Whether what lies at `span` runs once for each element."""
        return self.span.contains(span) and not self.once.contains(span)


@dataclass(frozen=True, slots=True)
class Assignment:
    """`names = value`, `with value as names`; an attribute's name is "self.x"."""

    names: tuple[str, ...]
    value: SgNode
    span: Span
    scope: Scope | None
    is_update: bool
    """`+=` and the like."""


@dataclass(frozen=True)
class Code:
    """All of one source. Sequences are in text order."""

    text: str
    language: Literal["python", "javascript"]
    scopes: tuple[Scope, ...]
    loops: tuple[Loop, ...]
    assignments: tuple[Assignment, ...]
    chains: tuple[Chain, ...]
    parents: Mapping[int, Scope | None] = field(repr=False)
    """The innermost scope of each chain, by its index in `chains`."""

    @cached_property
    def functions(self) -> Mapping[str, tuple[Scope, ...]]:
        """The functions of each name."""
        found: dict[str, list[Scope]] = {}
        for scope in self.scopes:
            if scope.kind == "function" and scope.name:
                found.setdefault(scope.name, []).append(scope)
        return {name: tuple(scopes) for name, scopes in found.items()}

    @cached_property
    def calls(self) -> tuple[tuple[Chain, Scope | None], ...]:
        """Every chain with its innermost scope."""
        return tuple((chain, self.parents[i]) for i, chain in enumerate(self.chains))

    @cached_property
    def _starts(self) -> list[int]:
        return [chain.span.start for chain in self.chains]

    def within(self, span: Span) -> Iterator[tuple[Chain, Scope | None]]:
        """The chains that lie in `span`, with their innermost scopes."""
        index = bisect_right(self._starts, span.start - 1)
        while index < len(self.chains) and self.chains[index].span.start < span.end:
            if self.chains[index].span.end <= span.end:
                yield self.calls[index]
            index += 1

    def scope_at(self, offset: int) -> Scope | None:
        """The innermost function or class around an offset."""
        found = [scope for scope in self.scopes if scope.span.start <= offset < scope.span.end]
        return found[-1] if found else None

    def of(self, span: Span) -> str:
        return self.text[span.start : span.end]


def read_code(source: Source) -> Code:
    """The source's language must be Python, JavaScript or TypeScript."""
    if source.language == "python":
        grammar = _PYTHON
    else:
        # ast-grep refuses a kind that the language does not have.
        grammar = _JAVASCRIPT if source.language == "javascript" else _TYPESCRIPT
    return _Reader(source.text, grammar).read(source.tree, source.go_on)


def chain_of(node: SgNode | None, text: str) -> Chain | None:
    """The chain that an expression is, or is the value of: `await a.b()` is `a.b()`."""
    if node is None:
        return None
    return _chain(node, text, set())


def names_in(pattern: str) -> tuple[str, ...]:
    """The names that a parameter, a loop's target or a destructuring pattern binds."""
    pattern = re.sub(r"@\w+\([^()]*\)", "", pattern)  # TypeScript's @Body() and its like
    if pattern.startswith("{") or pattern.startswith("["):
        pattern = re.sub(r"[}\]]\s*:.*$", "", pattern, flags=re.DOTALL)
        return tuple(re.findall(r"[A-Za-z_$][\w$]*(?=\s*(?:[,}\]=]|$))", pattern))
    bare = re.split(r"[:=]", pattern, maxsplit=1)[0] if "," not in pattern else pattern
    return tuple(
        name
        for name in re.findall(r"[A-Za-z_$][\w$]*", bare)
        if name not in ("const", "let", "var", "private", "public", "protected", "readonly")
    )


def mentions(code: str, names: frozenset[str] | set[str]) -> bool:
    """Whether an expression uses one of the names; a plain text, a key or a field is no use."""
    if not names:
        return False
    pattern = "|".join(re.escape(name) for name in names)
    bare = _PLAIN_STRING.sub("''", code)
    return re.search(rf"(?<![\w.$])(?:{pattern})(?![\w$])(?!\s*[:=](?!=))", bare) is not None or (
        re.search(
            rf"\$\{{[^}}]*\b(?:{pattern})\b|\{{\s*(?:{pattern})\b|\.\.\.(?:{pattern})\b|[=:]\s*(?:{pattern})\b",
            bare,
        )
        is not None
    )


_PLAIN_STRING = re.compile(r"(?<![fF])\"[^\"\n{]*\"|(?<![fF])'[^'\n{]*'")


def nearest(path: str) -> str:
    """A file's name and the two folders around it: a whole project may lie in "scripts"."""
    return "/".join(path.replace("\\", "/").split("/")[-3:])


@dataclass(frozen=True, slots=True)
class _Grammar:
    language: Literal["python", "javascript"]
    functions: frozenset[str]
    classes: frozenset[str]
    loops: frozenset[str]
    assignments: frozenset[str]
    chains: frozenset[str]

    def kinds(self) -> list[str]:
        groups = (self.functions, self.classes, self.loops, self.assignments, self.chains)
        return sorted(frozenset().union(*groups))


_COMPREHENSIONS = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_PYTHON = _Grammar(
    language="python",
    functions=frozenset({"function_definition", "lambda"}),
    classes=frozenset({"class_definition"}),
    loops=frozenset({"for_statement", "while_statement"}) | _COMPREHENSIONS,
    assignments=frozenset({"assignment", "augmented_assignment", "named_expression", "as_pattern"}),
    chains=frozenset({"call", "attribute", "subscript"}),
)
_JAVASCRIPT = _Grammar(
    language="javascript",
    functions=frozenset(
        {
            "arrow_function",
            "function_expression",
            "function_declaration",
            "generator_function_declaration",
            "generator_function",
            "method_definition",
        }
    ),
    classes=frozenset({"class_declaration", "class"}),
    loops=frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"}),
    assignments=frozenset(
        {"variable_declarator", "assignment_expression", "augmented_assignment_expression"}
    ),
    chains=frozenset({"call_expression", "member_expression", "subscript_expression"}),
)
_TYPESCRIPT = replace(_JAVASCRIPT, classes=_JAVASCRIPT.classes | {"abstract_class_declaration"})
_NEW = "new_expression"


class _Reader:
    def __init__(self, text: str, grammar: _Grammar) -> None:
        self.text = text
        self.grammar = grammar
        self.scopes: list[Scope] = []
        self.loops: list[Loop] = []
        self.assignments: list[Assignment] = []
        self.chains: list[Chain] = []
        self.parents: dict[int, Scope | None] = {}
        self.spines: set[tuple[int, int]] = set()
        self.callbacks: dict[Span, Chain] = {}
        self.has_callbacks = grammar.language != "python" or "lambda" in text

    def read(self, tree: SgNode, go_on: Callable[[], None]) -> Code:
        open_scopes: list[Scope] = []
        grammar = self.grammar
        kinds = grammar.kinds() + ([_NEW] if grammar.language == "javascript" else [])
        for node in tree.find_all(any=[{"kind": kind} for kind in kinds]):
            kind, span = node.kind(), span_of(node)
            while open_scopes and open_scopes[-1].span.end <= span.start:
                open_scopes.pop()
            scope = open_scopes[-1] if open_scopes else None
            if kind in grammar.chains or kind == _NEW:
                self._add_chain(node, span, scope)
            elif kind in grammar.functions or kind in grammar.classes:
                if node.field("body") is None:
                    continue  # The keyword `class` has this kind too.
                go_on()
                opened = self._scope(node, kind, span, scope)
                self.scopes.append(opened)
                open_scopes.append(opened)
            elif kind in grammar.loops:
                self.loops += self._loops(node, kind, span, scope)
            else:
                self._add_assignment(node, kind, span, scope)
        return Code(
            self.text,
            grammar.language,
            tuple(self.scopes),
            tuple(sorted(self.loops, key=lambda loop: (loop.span.start, -loop.span.end))),
            tuple(self.assignments),
            tuple(self.chains),
            self.parents,
        )

    def _add_chain(self, node: SgNode, span: Span, scope: Scope | None) -> None:
        if (span.start, span.end) in self.spines:
            return
        chain = _chain(node, self.text, self.spines)
        if chain is None:
            return
        self.parents[len(self.chains)] = scope
        self.chains.append(chain)
        self.loops += self._callback_loops(chain, scope)

    def _scope(self, node: SgNode, kind: str, span: Span, parent: Scope | None) -> Scope:
        if kind in self.grammar.classes:
            name = node.field("name")
            bases = node.field("superclasses") or _child(node, "class_heritage")
            return Scope(
                "class",
                name.text() if name else "",
                span,
                parent,
                node,
                decorators=_decorators(node),
                bases=bases.text() if bases else "",
            )
        own = node.field("name")
        keys = () if own and kind != "method_definition" else _keys(node)
        parameters = node.field("parameters") or node.field("parameter")
        return Scope(
            "function",
            own.text() if own else (keys[0] if keys else ""),
            span,
            parent,
            node,
            parameters=_parameters(parameters),
            is_async=self.text.startswith("async", _after_modifiers(self.text, span.start)),
            decorators=_decorators(node)
            if kind in ("function_definition", "method_definition")
            else "",
            callback_of=self.callbacks.get(span),
            keys=keys,
        )

    def _loops(self, node: SgNode, kind: str, span: Span, scope: Scope | None) -> Iterator[Loop]:
        if kind in _COMPREHENSIONS:
            clauses = [child for child in node.children() if child.kind() == "for_in_clause"]
            for clause in clauses:
                left, right = clause.field("left"), clause.field("right")
                if left is not None and right is not None:
                    once = Span(span_of(clauses[0]).start, span_of(right).end)
                    yield Loop(
                        "comprehension", span, once, names_in(left.text()), right, scope, node
                    )
            return
        body = node.field("body")
        if body is None:
            return
        left, right = node.field("left"), node.field("right")
        if left is not None and right is not None:
            once = Span(span.start, span_of(right).end)
            yield Loop("for", span, once, names_in(left.text()), right, scope, node)
        elif kind == "for_statement":
            start = node.field("initializer")
            once = Span(span.start, span_of(start).end if start else span.start)
            names = re.findall(r"([A-Za-z_$][\w$]*)\s*=", start.text()) if start else []
            yield Loop("for", span, once, tuple(names), node.field("condition"), scope, node)
        else:
            condition = node.field("condition")
            yield Loop("while", span, Span(span.start, span.start), (), condition, scope, node)

    def _callback_loops(self, chain: Chain, scope: Scope | None) -> Iterator[Loop]:
        """`items.map(item => …)`, `_.each(items, item => …)`, `map(lambda item: …, items)`."""
        if not self.has_callbacks:
            return
        for index, step in enumerate(chain.steps):
            if step.arguments is None:
                continue
            arguments = [child for child in step.arguments.children() if child.is_named()]
            given = [child.field("value") or child for child in arguments]  # key=lambda …
            functions = [child for child in given if child.kind() in self.grammar.functions]
            for function in functions:
                self.callbacks[span_of(function)] = _cut(chain, index + 1, self.text)
            if not functions:
                continue
            over = _iterated(chain, index, arguments, self.grammar.language)
            if over is None:
                continue
            function = functions[0]
            body = function.field("body")
            parameters = _parameters(function.field("parameters") or function.field("parameter"))
            first = 1 if step.name == "reduce" and len(parameters) > 1 else 0
            targets = names_in(parameters[first]) if len(parameters) > first else ()
            if step.name in ("each", "forEach", "map") and len(parameters) > 1:
                targets += names_in(parameters[1])
            whole = span_of(function)
            once = Span(whole.start, span_of(body).start if body else whole.start)
            yield Loop("callback", whole, once, targets, over, scope, function)

    def _add_assignment(self, node: SgNode, kind: str, span: Span, scope: Scope | None) -> None:
        left: SgNode | None
        value: SgNode | None
        if kind == "as_pattern":
            children = node.children()
            left, value = children[-1], children[0]
        else:
            left = node.field("left") or node.field("name")
            value = node.field("right") or node.field("value")
        if left is None or value is None:
            return
        text = left.text()
        names = (text,) if re.fullmatch(r"[\w$]+(\.[\w$]+)+", text) else names_in(text)
        is_update = "augmented" in kind
        self.assignments.append(Assignment(names, value, span, scope, is_update))


def _chain(node: SgNode, text: str, spine: set[tuple[int, int]]) -> Chain | None:
    steps: list[Step] = []
    awaited = False
    outer = span_of(node)
    called: SgNode | None = None
    called_end = 0
    current: SgNode | None = node
    while current is not None:
        kind, span = current.kind(), span_of(current)
        spine.add((span.start, span.end))
        if kind in ("call", "call_expression"):
            if called is not None:  # f(a)(b)
                steps.append(Step("", called, called_end))
            called, called_end = current.field("arguments"), span.end
            current = current.field("function")
        elif kind in ("attribute", "member_expression"):
            name = current.field("attribute") or current.field("property")
            steps.append(Step(name.text() if name else "", called, called_end or span.end))
            called, called_end = None, 0
            current = current.field("object")
        elif kind in ("subscript", "subscript_expression"):
            if called is not None:
                steps.append(Step("", called, called_end))
            steps.append(Step("[]", None, span.end))
            called, called_end = None, 0
            current = current.field("value") or current.field("object")
        elif kind in WRAPPERS:
            awaited = awaited or kind.startswith("await")
            current = next(named_children(current), None)
        else:
            root = current.text() if kind in ("identifier", "this", "super") else ""
            if kind == _NEW:
                constructor = current.field("constructor")
                root = f"new {constructor.text()}" if constructor else ""
                arguments = current.field("arguments")
                if arguments is not None:
                    if called is not None:
                        steps.append(Step("", called, called_end))
                    called, called_end = arguments, span.end
            if called is not None:
                steps.append(Step("", called, called_end))
            steps.reverse()
            if not steps:
                return None
            return Chain(
                root, tuple(steps), _path(root, steps), outer, awaited or _awaited(text, outer)
            )
    return None


def _path(root: str, steps: list[Step] | tuple[Step, ...]) -> str:
    parts = [root]
    for step in steps:
        if step.name == "[]":
            parts.append("[]")
            continue
        if step.name:
            parts.append(f".{step.name}")
        if step.arguments is not None:
            parts.append("``" if step.arguments.kind() == "template_string" else "()")
    return "".join(parts)


def _cut(chain: Chain, count: int, text: str) -> Chain:
    """The first `count` steps of it."""
    steps = chain.steps[:count]
    return Chain(
        chain.root,
        steps,
        _path(chain.root, steps),
        Span(chain.span.start, steps[-1].end if steps else chain.span.end),
        chain.awaited,
    )


_AWAIT_BEFORE = re.compile(r"\bawait\s*\(*\s*$")


def _awaited(text: str, span: Span) -> bool:
    return bool(_AWAIT_BEFORE.search(text, max(0, span.start - 12), span.start))


_OVER_ITSELF = re.compile(
    r"map|forEach|flatMap|filter|reduce|reduceRight|some|every|find|findIndex|each|mapSeries|"
    r"eachSeries|eachLimit|mapLimit|forEachSeries|eachAsync|apply|applymap|transform"
)
_OVER_FIRST = re.compile(
    r"(_|lodash|async|Bluebird|Promise|R|P|pAll|arr|Array)\.(each|forEach|map|flatMap|"
    r"from|mapSeries|"
    r"eachSeries|mapLimit|eachLimit|filter|reduce|some|every|forEachSeries|eachOf|forEachOf)\(\)|"
    r"(pMap|pEach|asyncForEach|asyncMap|mapAsync|forEachAsync|map|mapLimit|pMapSeries|"
    r"eachLimit)\(\)"
)


def _iterated(chain: Chain, index: int, arguments: list[SgNode], language: str) -> SgNode | None:
    """What the function among the arguments of this step is called for each element of."""
    path = _path(chain.root, chain.steps[: index + 1])
    if language == "python":
        if path.endswith(("map()", ".imap_unordered()")) or path == "filter()":
            return arguments[1] if len(arguments) > 1 else arguments[0]
        by_key = ("sorted()", "min()", "max()", ".sort()", ".apply()", ".applymap()", ".foreach()")
        return arguments[0] if path.endswith(by_key) else None
    if _OVER_FIRST.fullmatch(path):
        return arguments[0]
    step = chain.steps[index]
    if _OVER_ITSELF.fullmatch(step.name):
        # The object of the member expression that is called.
        called = step.arguments.parent() if step.arguments else None
        member = called.field("function") if called else None
        member = bare(member)
        return member.field("object") if member is not None else None
    return None


def _parameters(node: SgNode | None) -> tuple[str, ...]:
    """One text for each, as written, without type and default where it is a plain name."""
    if node is None:
        return ()
    if node.kind() == "identifier":
        return (node.text(),)
    texts = [child.text() for child in node.children() if child.is_named()]
    return tuple(_parameter(text) for text in texts if not text.startswith(("/", "#")))


def _parameter(text: str) -> str:
    text = re.sub(r"^(\s*@\w+(\([^()]*\))?\s*)*((private|public|protected|readonly)\s+)*", "", text)
    match = re.match(r"[*]{0,2}(?:\.\.\.)?([A-Za-z_$][\w$]*)", text)
    return match[1] if match else text


def _child(node: SgNode, kind: str) -> SgNode | None:
    return next((child for child in node.children() if child.kind() == kind), None)


def _decorators(node: SgNode) -> str:
    """Of a Python definition, or those before a TypeScript method or class."""
    parent = node.parent()
    if parent is None:
        return ""
    texts = []
    if parent.kind() in ("decorated_definition", "export_statement"):
        texts = [child.text() for child in parent.children() if child.kind() == "decorator"]
    before = node.prev()
    while before is not None and before.kind() == "decorator":
        texts.append(before.text())
        before = before.prev()
    texts += [child.text() for child in node.children() if child.kind() == "decorator"]
    return " ".join(texts)


def _keys(node: SgNode) -> tuple[str, ...]:
    """`const resolvers = { Author: { books: () => … } }`: ("books", "Author", "resolvers")."""
    keys: list[str] = []
    name = node.field("name")
    if name is not None:
        keys.append(name.text().strip("'\""))
    parent = node.parent()
    while parent is not None:
        kind = parent.kind()
        if kind in ("pair", "public_field_definition", "field_definition"):
            key = parent.field("key") or parent.field("name") or parent.field("property")
            keys.append(key.text().strip("'\"") if key else "")
        elif kind in ("variable_declarator", "assignment_expression", "assignment"):
            left = parent.field("name") or parent.field("left")
            if left is not None:
                keys.append(left.text())
            break
        elif kind not in ("object", "dictionary", *WRAPPERS):
            break
        parent = parent.parent()
    return tuple(keys)


_MODIFIERS = re.compile(r"(?:(?:public|private|protected|static|override|export|default)\s+)*")


def _after_modifiers(text: str, start: int) -> int:
    match = _MODIFIERS.match(text, start)
    return match.end() if match else start
