"""Finds the uses of APIs that the tables describe."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

from ..core.model import Proposal, ProposedFix, Replacement, Span
from ..core.text import quoted
from ..detector import Source
from ..syntax import LANGUAGES, appended, items_of, removed, span_of
from . import (
    ApiFix,
    ApiRule,
    Condition,
    Family,
    Report,
    Selector,
    Test,
    UseKind,
    load_apis,
    matches_name,
)
from .names import ASSIGNMENTS, FUNCTIONS, UNKNOWN, Names

if TYPE_CHECKING:
    from ast_grep_py import SgNode


class ApiDetector:
    """Implements Detector. Holds the tables, which it reads when it first needs them."""

    name = "apis"
    languages = frozenset(LANGUAGES)
    runs_program = False

    @cached_property
    def rules(self) -> frozenset[str]:
        return frozenset(rule.rule for rule in self._rules)

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """The uses in each source that a rule in `enabled` describes; never raises."""
        return [list(find_uses(source, self._index, enabled)) for source in sources]

    @cached_property
    def _rules(self) -> tuple[ApiRule, ...]:
        return load_apis()

    @cached_property
    def _index(self) -> Index:
        return index_of(self._rules)


@dataclass(frozen=True)
class Index:
    """The entries by family, kind of use and last name, which is how uses are looked up."""

    entries: Mapping[tuple[Family, UseKind], Mapping[str, Sequence[ApiRule]]]
    phrases: frozenset[str]
    """The last names that are no single words of a text."""


def index_of(rules: Sequence[ApiRule]) -> Index:
    entries: dict[tuple[Family, UseKind], dict[str, list[ApiRule]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for rule in rules:
        for last in {_last(name) for name in rule.names}:
            entries[rule.family, rule.kind][last].append(rule)
    lasts = {last for by_last in entries.values() for last in by_last}
    return Index(entries, frozenset(last for last in lasts if not _WORD.fullmatch(last)))


def find_uses(source: Source, index: Index, enabled: frozenset[str]) -> Iterator[Proposal]:
    """Each use in the source that an entry of the index describes, for the enabled rules."""
    family: Family = "python" if source.language == "python" else "javascript"
    words = source.words

    @cache
    def is_in_file(pattern: re.Pattern[str]) -> bool:  # Several rules ask for the same.
        return pattern.search(source.text) is not None

    candidates: dict[UseKind, dict[str, list[ApiRule]]] = {}
    for kind in ("calls", "names", "sets", "keys"):
        for last, rules in index.entries.get((family, kind), {}).items():
            if last not in words and (last not in index.phrases or last not in source.text):
                continue
            usable = [rule for rule in rules if rule.rule in enabled and _fits(rule, is_in_file)]
            if usable:
                candidates.setdefault(kind, {})[last] = usable
    if not candidates:
        return
    assert source.language is not None
    names = Names(source.tree, source.language)
    seen: set[tuple[int, int, int]] = set()
    for kind, by_last in candidates.items():
        for use in _uses(kind, by_last, names):
            source.go_on()
            name = names.name_of(use.callee) if kind in ("calls", "names") else use.callee.text()
            for rule in by_last[use.last]:
                if not _is_named(rule.names, kind, name, use.last):
                    continue
                proposal = _propose(rule, use, names, source.text)
                # `a.b.c = x` is found as an assignment and inside of it; once is enough.
                key = (id(rule), use.node.range().start.index, use.node.range().end.index)
                if proposal is not None and key not in seen:
                    seen.add(key)
                    yield proposal


_WORD = re.compile(r"[A-Za-z_$][\w$]*")


def _fits(rule: ApiRule, is_in_file: Callable[[re.Pattern[str]], bool]) -> bool:
    if rule.in_file and not is_in_file(rule.in_file):
        return False
    return not (rule.not_in_file and is_in_file(rule.not_in_file))


# --- Uses


@dataclass(frozen=True)
class Use:
    """One call, mention, assignment or key."""

    kind: UseKind
    node: SgNode
    """The whole of it."""
    callee: SgNode
    """The function, the name, the target or the key."""
    last: str
    value: SgNode | None
    """What is assigned."""


def _uses(kind: UseKind, by_last: Mapping[str, object], names: Names) -> Iterator[Use]:
    lasts = "|".join(re.escape(last) for last in sorted(by_last))
    plain = f"^(?:{lasts})$"
    if kind == "calls":
        for node in names.root.find_all(any=[{"kind": one} for one in _CALLS[names.python]]):
            callee = node.field("function") or node.field("constructor")
            if callee is None:
                continue
            last = _last_of(callee, names)
            if last in by_last:
                yield Use(kind, node, callee, last, None)
    elif kind == "names":
        found = names.root.find_all(
            any=[
                {"kind": "attribute", "has": {"field": "attribute", "regex": plain}},
                {"kind": "identifier", "regex": plain},
            ]
            if names.python
            else [
                {"kind": "member_expression", "has": {"field": "property", "regex": plain}},
                {"kind": "identifier", "regex": plain},
            ]
        )
        for node in found:
            if not _is_part_of_name(node):
                name = node.field("attribute") or node.field("property") or node
                yield Use(kind, node, node, name.text(), None)
    else:
        yield from _written(kind, by_last, names)


def _written(kind: UseKind, by_last: Mapping[str, object], names: Names) -> Iterator[Use]:
    kinds: tuple[str, ...] = ("pair",)
    if kind == "sets":
        kinds += ASSIGNMENTS[names.language] + (("keyword_argument",) if names.python else ())
    for node in names.root.find_all(any=[{"kind": one} for one in kinds]):
        target = (
            node.field("left") or node.field("name") or node.field("key") or node.field("property")
        )
        value = node.field("right") or node.field("value")
        if target is None or value is None:
            continue
        if node.kind() == "keyword_argument" and not _configures(node):
            continue
        last = _key(target)
        if last in by_last:
            yield Use(kind, node, target, last, value)


_CALLS = {True: ("call",), False: ("call_expression", "new_expression")}
_CONFIGURE = re.compile(
    r"(?:config\.(?:update|from_mapping)|settings\.(?:configure|update)|^dict)$"
)


def _configures(keyword: SgNode) -> bool:
    """Whether the keyword is one of `app.config.update(KEY=…)` and the like."""
    arguments = keyword.parent()
    call = arguments.parent() if arguments else None
    function = call.field("function") if call else None
    return function is not None and bool(_CONFIGURE.search(function.text()))


def _key(target: SgNode) -> str:
    """The last name of what is assigned: `a.b`, `a["b"]`, `b`, and a key `"b"`."""
    if target.kind() in ("subscript", "subscript_expression"):
        inside = target.field("subscript") or target.field("index")
        return inside.text().strip("\"'`") if inside is not None else ""
    return _last(target.text()).strip("\"'`")


def _last(name: str) -> str:
    return name.rpartition(".")[2].removesuffix("()")


def _last_of(callee: SgNode, names: Names) -> str:
    """The last name of a called function, after imports."""
    kind = callee.kind()
    if kind in ("attribute", "member_expression"):
        last = callee.field("attribute") or callee.field("property")
        return last.text() if last is not None else ""
    return _last(names.name_of(callee))


def _is_part_of_name(node: SgNode) -> bool:
    """Whether a longer name holds it, or an import or a definition does: no use of its own."""
    parent = node.parent()
    while parent is not None and parent.kind() in (
        "dotted_name",
        "aliased_import",
        "import_specifier",
    ):
        parent = parent.parent()
    if parent is None:
        return False
    kind = parent.kind()
    if (
        kind.startswith("import")
        or kind == "named_imports"
        or (kind == "keyword_argument" and _is_same(parent.field("name"), node))
    ):
        return True
    if kind in ("attribute", "member_expression"):
        return node.kind() == "identifier" and (
            _is_same(parent.field("attribute") or parent.field("property"), node)
        )
    return kind in ("function_definition", "class_definition", "parameters", "assignment") and (
        _is_same(parent.field("name") or parent.field("left"), node)
    )


def _is_same(one: SgNode | None, other: SgNode) -> bool:
    return one is not None and span_of(one) == span_of(other)


# --- What an entry says of a use


@lru_cache(maxsize=20_000)
def _is_named(patterns: tuple[str, ...], kind: UseKind, name: str, last: str) -> bool:
    """Whether an entry is about what has that name. Remembered: a file says the same ones often,
    and the next version of it too."""
    if kind in ("calls", "names"):
        return any(matches_name(name, pattern) for pattern in patterns)
    return kind != "sets" or any(
        matches_name(f".{name}" if pattern.startswith("*.") else name, pattern)
        if "." in pattern
        else pattern == last
        for pattern in patterns
    )


def _propose(rule: ApiRule, use: Use, names: Names, text: str) -> Proposal | None:
    places: list[SgNode] = []
    if rule.conditions and not any(
        _holds(condition, use, names, places) for condition in rule.conditions
    ):
        return None
    if any(_holds(condition, use, names, []) for condition in rule.exceptions):
        return None
    if rule.around and not _is_around(rule.around, use.node):
        return None
    if rule.not_around and _is_around(rule.not_around, use.node):
        return None
    if rule.inside and not _is_inside(rule.inside, use.node, names):
        return None
    if rule.not_in_class and _is_in_class(rule.not_in_class, use.node):
        return None
    if rule.not_in_function and _is_in_function(rule.not_in_function, use.node):
        return None
    if use.kind == "sets" and _is_for_development(use.node):
        return None
    place = places[0] if places and rule.report != "call" else None
    if place is not None and rule.report == "origin":
        place = names.value_of(place)
    shown = {
        "$CALL": use.callee.text(),
        "$VALUE": place.text() if place is not None else use.node.text(),
        "$MATCH": use.node.text(),
    }
    return Proposal(
        where=_place(use, place, rule.report),
        rule=rule.rule,
        message=_VARIABLE.sub(lambda match: quoted(shown[match[0]]), rule.message),
        source=f"api:{rule.file.removesuffix('.yml')}",
        author="local",
        confidence=rule.confidence,
        severity=rule.severity,
        fix=_fix(rule.fix, use, names, text) if rule.fix else None,
    )


_VARIABLE = re.compile(r"\$(?:CALL|VALUE|MATCH)\b")


def _place(use: Use, argument: SgNode | None, report: Report) -> Span:
    """From the start of the call to the end of the argument; the argument alone elsewhere."""
    whole, callee = span_of(use.node), use.callee
    if report == "origin" and argument is not None:
        return span_of(argument)
    if use.kind == "calls":
        # Of a chain over several lines, only the last call.
        last = callee.field("attribute") or callee.field("property")
        if last is not None and "\n" in callee.text():
            whole = Span(span_of(last).start, whole.end)
        if argument is None:
            arguments = use.node.field("arguments")
            if arguments is not None and "\n" in arguments.text():
                return Span(whole.start, span_of(callee).end)
            return whole
        end = span_of(argument)
        if whole.contains(end):
            return whole if "\n" not in use.node.text() else Span(whole.start, end.end)
        return end
    call = _call_around(use) if use.kind == "keys" else None
    return Span(span_of(call).start, whole.end) if call is not None else whole


_LINES = 8
"""How far above a key the call may begin that is reported with it."""


def _call_around(key: Use) -> SgNode | None:
    """The call that an option is for, where it begins near; a finding is looked for there."""
    for parent in key.node.ancestors():
        if parent.kind() in ("call", "call_expression", "new_expression"):
            between = key.node.range().start.line - parent.range().start.line
            return parent if between <= _LINES else None
        if parent.kind() not in ("pair", "object", "arguments", "array", "dictionary", "list"):
            return None
    return None


def _holds(condition: Condition, use: Use, names: Names, places: list[SgNode]) -> bool:
    """Whether all tests hold; the arguments that decided it are added to `places`."""
    decided: list[SgNode] = []
    for selectors, test in condition:
        found, known = _select(selectors, use, names)
        tests = test.operand if test.kind == "any" else (test,)
        hit = next((node for node in found if _passes(test, node, names)), None)
        if hit is not None:
            decided.append(hit)
        elif found or not known or not any(one.kind == "missing" for one in tests):
            return False
    places += decided
    return True


def _passes(test: Test, node: SgNode, names: Names) -> bool:
    operand = test.operand
    if test.kind == "any":
        return any(_passes(one, node, names) for one in operand)
    if test.kind == "not":
        return not _passes(operand, node, names)
    if test.kind == "text":
        texts = (node.text(), names.value_of(node).text())
        return any(re.search(operand, text) is not None for text in texts)
    if test.kind == "name":
        name = names.name_of(node)
        return any(matches_name(name, pattern) for pattern in operand)
    if test.kind in ("contains", "first"):
        collection = names.value_of(node)
        if collection.kind() not in _COLLECTIONS:
            return False
        elements = [child for child in collection.children() if child.is_named()]
        if test.kind == "first":
            elements = elements[:1]
        return any(_passes(operand, element, names) for element in elements)
    value = names.constant_of(node)
    if value is UNKNOWN or test.kind == "missing":
        return False
    if test.kind == "is":
        return type(value) is type(operand) and value == operand
    if test.kind == "matches":
        return isinstance(value, str) and re.search(operand, value) is not None
    if test.kind == "literal":
        return isinstance(value, str) and bool(value) is operand
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return bool(value < operand if test.kind == "below" else value > operand)


_COLLECTIONS = ("list", "tuple", "set", "array")
_OBJECTS = ("object", "dictionary")


def _select(selectors: Sequence[Selector], use: Use, names: Names) -> tuple[list[SgNode], bool]:
    """The nodes that one of the selectors names, and whether all arguments are known."""
    if use.value is not None:
        return _inside(use.value, selectors[0].path, names)
    arguments = _arguments(use.node)
    positional = [node for node in arguments if node.kind() not in _NAMED]
    known = not any(node.kind() in _SPREADS for node in arguments)
    found: list[SgNode] = []
    for selector in selectors:
        chosen: list[SgNode] = []
        if selector.keyword == "*":
            chosen = [node.field("value") or node for node in arguments]
        elif selector.position is not None:
            chosen = positional[selector.position : selector.position + 1]
        else:
            for node in arguments:
                name = node.field("name") if node.kind() == "keyword_argument" else None
                value = node.field("value") if name is not None else None
                if name is not None and value is not None and name.text() == selector.keyword:
                    chosen = [value]
        for node in chosen:
            if node.kind() in _SPREADS:
                continue
            inner, all_known = _inside(node, selector.path, names)
            found += inner
            known = known and all_known
    return found, known


def _inside(node: SgNode, path: Sequence[str], names: Names) -> tuple[list[SgNode], bool]:
    """What lies under the keys of `path` in a literal object, and whether that is all known."""
    for key in path:
        node = names.value_of(node)
        if node.kind() in ("call", "new_expression") and (
            names.name_of(node) in ("dict()", "Object()")
        ):
            return [], False
        if node.kind() not in _OBJECTS:
            # Without an object there is no such key, unless the object comes from elsewhere.
            return [], names.constant_of(node) is not UNKNOWN
        pairs = [child for child in node.children() if child.kind() == "pair"]
        value = next((one.field("value") for one in pairs if _key_of(one) == key), None)
        if value is None:
            short = [
                child
                for child in node.children()
                if child.kind() == "shorthand_property_identifier" and child.text() == key
            ]
            if short:
                return [short[0]], True
            return [], not any(child.kind() in _SPREADS for child in node.children())
        node = value
    return [node], True


def _key_of(pair: SgNode) -> str:
    key = pair.field("key")
    return key.text().strip("\"'`") if key is not None else ""


def _arguments(call: SgNode) -> list[SgNode]:
    arguments = call.field("arguments")
    if arguments is None:
        return []
    if arguments.kind() == "generator_expression":
        return [arguments]
    return items_of(arguments)


_SPREADS = ("dictionary_splat", "list_splat", "spread_element")
_NAMED = ("keyword_argument", "dictionary_splat")


def _is_around(pattern: re.Pattern[str], node: SgNode) -> bool:
    """Whether the pattern is in the name that receives the value, or else of its function."""
    nearest = ""
    for parent in node.ancestors():
        kind = parent.kind()
        if kind in _FUNCTION_KINDS:
            name = parent.field("name")
            if name is None:
                # An arrow function has the name that it is assigned to, or that of a callback.
                if kind in ("lambda", "arrow_function", "function_expression"):
                    continue
                return False
            return (not nearest or bool(_GENERIC.fullmatch(nearest))) and bool(
                pattern.search(name.text())
            )
        target = parent.field(_RECEIVERS[kind]) if kind in _RECEIVERS else None
        if target is not None and target.range().end.index <= node.range().start.index:
            if pattern.search(target.text()):
                return True
            nearest = nearest or _last(target.text())
    return False


_RECEIVERS = {
    "assignment": "left",
    "augmented_assignment": "left",
    "named_expression": "name",
    "keyword_argument": "name",
    "pair": "key",
    "variable_declarator": "name",
    "assignment_expression": "left",
    "augmented_assignment_expression": "left",
    "public_field_definition": "name",
    "field_definition": "property",
    "default_parameter": "name",
}
_FUNCTION_KINDS = frozenset(kind for kinds in FUNCTIONS.values() for kind in kinds)
_GENERIC = re.compile(
    r"(?i)\w|code|chars?|characters|result|res|ret|value|val|str|text|out(put)?|id|key|digits?|bytes|data|"
    r"num(ber)?|random\w*|rand\w*|index|letters?|new_?id|generated|tmp|idx|byte|buf(fer)?"
)


def _is_in_function(pattern: re.Pattern[str], node: SgNode) -> bool:
    """Whether the pattern is in the text of the function around, or of the file outside of any."""
    around = node
    for parent in node.ancestors():
        around = parent
        if parent.kind() in _FUNCTION_KINDS or parent.kind() == "decorated_definition":
            break
    return pattern.search(around.text()) is not None


def _is_in_class(pattern: re.Pattern[str], node: SgNode) -> bool:
    """Whether the pattern is in the text of the innermost class around."""
    around = next((one for one in node.ancestors() if one.kind() in _CLASS_KINDS), None)
    return around is not None and pattern.search(around.text()) is not None


_CLASS_KINDS = ("class_definition", "class_declaration", "class")
_DEVELOPMENT = re.compile(r"(?i)test|dev|local|debug")


def _is_for_development(node: SgNode) -> bool:
    """Whether it is a setting of a class such as `TestingConfig`, where it is meant."""
    for parent in node.ancestors():
        if parent.kind() == "class_definition":
            name = parent.field("name")
            return name is not None and _DEVELOPMENT.search(name.text()) is not None
    return False


def _is_inside(patterns: Sequence[str], node: SgNode, names: Names) -> bool:
    for parent in node.ancestors():
        if parent.kind() in ("call", "call_expression", "new_expression"):
            callee = parent.field("function") or parent.field("constructor")
            name = names.name_of(callee) if callee is not None else ""
            if any(matches_name(name, pattern) for pattern in patterns):
                return True
        elif parent.kind() in _FUNCTION_KINDS:
            return False
    return False


# --- Fixes


def _fix(fix: ApiFix, use: Use, names: Names, text: str) -> ProposedFix | None:
    """The fix as edits, None where this use is not written in a way that it can change."""
    edits: list[Replacement] = []
    if fix.name:
        last = use.callee.field("attribute") or use.callee.field("property")
        if last is None:
            return None
        edits.append(Replacement(span_of(last), fix.name.replace("$NAME", last.text())))
    for selectors in fix.drop:
        present, _ = _select(selectors, use, names)
        for value in present:
            dropped = _item_of(value, use)
            if dropped is None:
                return None
            edits.append(removed(dropped, text))
    added: dict[Span, tuple[SgNode, list[str]]] = {}
    options: list[str] = []
    arguments = use.node.field("arguments")
    for selectors, new in fix.set:
        present, known = _select(selectors, use, names)
        if present:
            # What a name stands for is used elsewhere too, and is not for this fix to judge.
            if names.value_of(present[0]) is not present[0] and present[0].kind() == "identifier":
                return None
            edits.append(Replacement(span_of(present[0]), new))
            continue
        selector = next((one for one in selectors if one.keyword or one.path), None)
        if not known or selector is None:
            return None
        brackets, item = arguments, f"{selector.keyword}={new}"
        if not selector.keyword:
            brackets, item = _object_of(selector, use, names), f"{selector.path[-1]}: {new}"
        elif selector.path:
            return None
        if brackets is not None and brackets.kind() != "generator_expression":
            added.setdefault(span_of(brackets), (brackets, []))[1].append(item)
        elif selector.position == len(_arguments(use.node)) and len(selector.path) == 1:
            options.append(item)
        else:
            return None
    if options:
        if arguments is None:
            return None
        literal = "{ " + ", ".join(options) + " }"
        added.setdefault(span_of(arguments), (arguments, []))[1].append(literal)
    for brackets, items in added.values():
        edits += appended(brackets, items, text)
    return ProposedFix(fix.title, tuple(edits), fix.needs) if edits else None


def _item_of(value: SgNode, use: Use) -> SgNode | None:
    """What stands between the commas for this value: an argument, or a pair of an object.

    The argument that the object is, where the pair is all that is in it.
    """
    arguments = _arguments(use.node)
    item = value.parent()
    if item is None or item.kind() not in ("pair", "keyword_argument"):
        item = value
    brackets = item.parent()
    if item.kind() == "pair" and brackets is not None and len(items_of(brackets)) == 1:
        around = _item_of(brackets, use)
        if around is not None and (around.kind() == "keyword_argument" or around == arguments[-1]):
            return around
    return item if item.kind() == "pair" or item in arguments else None


def _object_of(selector: Selector, use: Use, names: Names) -> SgNode | None:
    """The literal object in which the selector's last key belongs."""
    if use.value is not None:
        found, _ = _inside(use.value, selector.path[:-1], names)
    else:
        found, _ = _select([Selector(selector.position, "", selector.path[:-1])], use, names)
    node = names.value_of(found[0]) if found else None
    return node if node is not None and node.kind() in _OBJECTS else None
