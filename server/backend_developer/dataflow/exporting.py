"""From one file to what its functions do with data, and from that to knowledge of another file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.clues import Clues
from ..core.flow import Hit, Summary
from ..core.knowledge import (
    ALL,
    HANDED,
    Cleaner,
    Effect,
    Guard,
    Input,
    Knowledge,
    ModulePaths,
    Passes,
    PathPattern,
    Sink,
)
from ..core.model import Confidence
from ..core.program import Call, Function, dotted_path
from ..core.values import Cleared, Label, taints_of
from ..detector import Source
from .lower_javascript import module_path
from .specification import Family
from .summaries import DataSummary, Hand, Known, Reach

if TYPE_CHECKING:
    from ast_grep_py import SgNode

LONGEST_TEXT = 100_000
"""Characters; a longer file has too much to say."""
_WORTH_READING = Clues(
    "execut query system subprocess popen eval( open( file( fetch axios saniti escape valid clean "
    "quote pickle yaml template_string literal( redirect service repositor selector",
    (
        r"\braw\b",
        r"exec\w{0,60}\(",
        r"requests?\b",
        r"\bdao\b",
    ),
    ignore_case=True,
)


def may_carry(text: str, language: str) -> bool:
    """A cheap look at whether functions that others call could do something with data."""
    if len(text) > LONGEST_TEXT or not _WORTH_READING.are_in(text):
        return False
    if language == "python":
        return _HELPER.search(text) is not None
    return "export" in text and not _HANDLERS.search(text)


_HELPER = re.compile(
    r"(?:^|\n[ \t]*\n)(?:async )?def \w+\(\s*[*\w)]|\n[ \t]+(?:async )?def \w+\(\s*self,"
)
"""A function without a decorator, or a method: what has one is mostly called by a framework."""
_HANDLERS = re.compile(r"@(?:Controller|Resolver)\(")


def noting_calls(knowledge: Knowledge, modules: Sequence[str], family: Family) -> Knowledge:
    """With the calls of functions of these modules, as they are written in imports, noted."""
    spelled = sorted({spelled_path(one, "", family) for one in modules} - {""})
    if not spelled:
        return knowledge
    return replace(knowledge, elsewhere=ModulePaths(spelled))


def spelled_path(module: str, member: str, language: str) -> str:
    """The dotted path that an imported name stands for."""
    is_python = language == "python"
    head = module.lstrip(".") if is_python else module_path(module)
    is_whole = not member or (member == "default" and not is_python)
    return head if is_whole else f"{head}.{member}" if head else member


def data_summary(function: Function, summary: Summary) -> DataSummary:
    """What a function does with data; its name is "" when others cannot call it."""
    own = id(function)
    reaches: dict[Reach, None] = {}
    hands: dict[Hand, None] = {}
    for hit in summary.hits:
        label = hit.taint.label
        if label.kind != "parameter" or label.root[0] != own or hit.taint.is_doubtful:
            continue
        if label.path and hit.sink.kind in _OF_OBJECTS:
            continue  # A part that was taken out by name: what else is in the object plays no part.
        position = label.root[1]
        name = function.parameters[position].name
        if hit.sink in HANDED:
            to = dotted_path(hit.place.function) if isinstance(hit.place, Call) else ""
            cleared = tuple(sorted(hit.taint.cleared))
            if to and "?" not in to:
                hands[Hand(position, name, to, HANDED.index(hit.sink), cleared)] = None
        elif (confidence := _confidence(hit)) is not None:
            sink = _called(hit.place)
            reaches[Reach(position, name, hit.sink.rule, confidence, sink)] = None
    passes: dict[int, tuple[str, ...]] = {}
    gives: Label | None = None
    given_cleared: Cleared = ALL
    for taint in summary.answer.taints:
        if taint.label.kind != "parameter":
            gives, given_cleared = taint.label, taint.cleared
        elif taint.label.root[0] == own and not taint.is_doubtful:
            passes[taint.label.root[1]] = tuple(sorted(taint.cleared))
    return DataSummary(
        exported_name(function.place),
        tuple(reaches),
        tuple(hands),
        tuple(sorted(passes.items())),
        gives.kind if gives is not None and gives.kind != "parameter" else "",
        tuple(sorted(given_cleared)) if gives is not None else (),
        summary.answer.is_known and not taints_of(summary.answer) and bool(function.parameters),
        tuple(_kinds(summary.checked, own)),
        tuple((*one, True) for one in _kinds(summary.checked_if_true, own))
        + tuple((*one, False) for one in _kinds(summary.checked_if_false, own)),
    )


def _confidence(hit: Hit) -> Confidence | None:
    """How sure it is when input gets there; None: not worth a word in another file."""
    return None if hit.sink.confidence == "low" else hit.sink.confidence


def _kinds(checked: Mapping[Label, Cleared], own: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    for label, kinds in checked.items():
        if label.kind == "parameter" and label.root[0] == own and not label.path and kinds:
            yield label.root[1], tuple(sorted(kinds))


def _called(place: object) -> str:
    while hasattr(place, "place"):
        place = place.place
    node: SgNode = place  # type: ignore[assignment]
    callee = node.field("function") or node.field("constructor") or node.field("left")
    text = callee.text() if callee is not None else node.text()
    return text.split("\n")[0][:60]


def exported_name(node: SgNode) -> str:
    """What other files may call a function by: `find`, `Users.find`; "" for an inner one."""
    names: list[str] = []
    current: SgNode | None = node
    while current is not None:
        kind = current.kind()
        if current is not node and _FUNCTIONS.fullmatch(kind):
            return ""
        if _NAMED.fullmatch(kind):
            name = current.field("name") or current.field("key") or current.field("property")
            if name is not None:
                names.append(name.text().strip("'\""))
        elif kind in ("assignment", "assignment_expression"):
            left = current.field("left")
            names.append(left.text() if left is not None else "")
        elif kind in ("arguments", "argument_list"):
            return ""
        current = current.parent()
    dotted = ".".join(reversed(names))
    if dotted.endswith(("__init__", "constructor")):
        return ""
    return re.sub(r"^(?:module\.)?exports\.(?=\w)|\.prototype(?=\.)", "", dotted)


_OF_OBJECTS = frozenset(["nosql-injection", "mass-assignment", "prototype-pollution"])
_FUNCTIONS = re.compile(
    r"function_definition|lambda|function_declaration|function_expression|arrow_function|"
    r"method_definition"
)
_NAMED = re.compile(
    r"function_definition|class_definition|function_declaration|method_definition|pair|"
    r"(?:abstract_)?class_declaration|variable_declarator|(?:public_)?field_definition"
)


def knowledge_with(knowledge: Knowledge, known: Sequence[Known]) -> Knowledge:
    """With what functions of other files do."""
    functions: dict[str, list[tuple[PathPattern, tuple[Effect, ...]]]] = {}
    sinks = _sinks(knowledge)
    for one in known:
        effects = tuple(_effects(one, sinks))
        functions.setdefault(one.name, []).append((PathPattern(one.path), effects))
    return replace(knowledge, functions={name: tuple(found) for name, found in functions.items()})


def _sinks(knowledge: Knowledge) -> Mapping[str, Sink]:
    """One for each rule."""
    found: dict[str, Sink] = {}
    for effects in (*knowledge.calls.values(), *knowledge.writes.values(), knowledge.returns):
        for _, effect in effects:
            if isinstance(effect, Sink):
                found.setdefault(effect.rule, effect)
    for sink in knowledge.helper_returns:
        found.setdefault(sink.rule, sink)
    return found


def _effects(known: Known, sinks: Mapping[str, Sink]) -> Iterator[Effect]:
    summary = known.summary
    for reach in summary.reaches:
        sink = sinks.get(reach.rule)
        if sink is None:
            continue
        file = reach.file or known.file
        through = f"`{{sink}}` (through `{known.name}`, to `{reach.sink}` in {file})"
        message = sink.message.replace("`{sink}`", through)
        places = (reach.parameter, reach.name) if reach.name else (reach.parameter,)
        yield Sink(reach.rule, sink.kind, message, places, reach.confidence)
    if summary.gives:
        yield Input(summary.gives, True, frozenset(summary.gives_cleared))
    elif summary.passes:
        common = frozenset.intersection(*(frozenset(kinds) for _, kinds in summary.passes))
        yield Cleaner(common) if common else Passes()
    elif summary.is_safe:
        yield Cleaner(ALL)
    for position, kinds in summary.checks:
        if position == 0:
            yield Cleaner(frozenset(kinds), validates=True)
    for position, kinds, truth in summary.asks:
        yield Guard(frozenset(kinds), (position,), truth)


def family_of(source: Source) -> Family:
    return "python" if source.language == "python" else "javascript"
