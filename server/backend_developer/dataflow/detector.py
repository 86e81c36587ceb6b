"""The detector "flow": data from outside that reaches a place where it does harm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ..core.flow import Flow, Hit, analyse
from ..core.knowledge import Knowledge, Sink
from ..core.model import CONFIDENCES, Confidence, Proposal, Span, Step
from ..core.program import Statement
from ..core.text import quoted
from ..core.values import Trace
from ..detector import Source
from ..syntax import LANGUAGES, span_of
from .exporting import data_summary, family_of, knowledge_with, noting_calls
from .lower_javascript import lower_javascript
from .lower_python import lower_python
from .specification import Family, load_knowledge, rules_of
from .summaries import DataSummary, Known

if TYPE_CHECKING:
    from ast_grep_py import SgNode

LONGEST_TEXT = 400_000
"""Characters; a longer file is generated or vendored, and is left out."""


class FlowDetector:
    """Implements Detector. Holds what is known of frameworks, read when it is first needed."""

    name = "flow"
    languages = frozenset(LANGUAGES)
    runs_program = False

    def __init__(self, elsewhere: Callable[[Source], Sequence[Known]] = lambda source: ()) -> None:
        """`elsewhere` gives the functions of other files that a source may call."""
        self._elsewhere = elsewhere

    @cached_property
    def rules(self) -> frozenset[str]:
        return rules_of()

    @cached_property
    def claims(self) -> frozenset[str]:
        """Rules whose claims `refutes` may take back."""
        return self.rules.union(*_CLAIMED_TOO.values())

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """One proposal for each sink that is reached, with the steps on the way to it."""
        return [
            [
                _proposal(hit, confidence, source)
                for hit, confidence in _surest(source.derived(self._flow).hits)
                if hit.sink.rule in enabled
            ]
            for source in sources
        ]

    def refutes(self, source: Source) -> Mapping[str, Sequence[Span]]:
        """By catalogue id, where a claim of another detector is wrong: nothing harmful is there.

        A claim is wrong that is about such a place or about a part of it.
        """
        if source.document.language not in self.languages:
            return {}
        flow = source.derived(self._flow)
        safe: dict[str, list[Span]] = {}
        for text in flow.safe_texts:
            safe.setdefault("security/sql-injection", []).append(span_of(text.place))
        for rule, call in flow.safe_calls:
            for claim in (rule, *_CLAIMED_TOO.get(rule, ())):
                safe.setdefault(claim, []).append(span_of(call.place))
        return safe

    def _flow(self, source: Source) -> Flow:
        family = family_of(source)
        knowledge, names = knowledge_of(family)
        text = source.text
        if len(text) > LONGEST_TEXT:
            return Flow(())
        words = source.words
        known = [one for one in self._elsewhere(source) if one.name in words]
        has_markup = "</" in text and bool(knowledge.helper_returns)
        if not has_markup and names.isdisjoint(words) and not known:
            return Flow(())
        if known:
            knowledge = knowledge_with(knowledge, known)
        return _analysed(source, knowledge)


def summaries_of(source: Source, modules: Sequence[str]) -> tuple[DataSummary, ...]:
    """What each function that others may call does with data, those left out that do nothing.

    `modules` are those of the project that the file imports, as they are written.
    """
    family = family_of(source)
    knowledge = noting_calls(knowledge_of(family)[0], modules, family)
    flow = _analysed(source, knowledge)
    found = (data_summary(function, summary) for function, summary in flow.summaries)
    return tuple(one for one in found if one.name and one != DataSummary(one.name))


def _analysed(source: Source, knowledge: Knowledge) -> Flow:
    try:
        return analyse(source.derived(_program), knowledge, source.go_on)
    except RecursionError:
        # Nested beyond what the limits of the lowering and of the calls can foresee.
        return Flow(())


def _program(source: Source) -> tuple[Statement, ...]:
    lower = lower_python if source.language == "python" else lower_javascript
    return lower(source.tree, source.go_on)


_CLAIMED_TOO = {"security/command-injection": ("security/program-started",)}
"""What linters say of the same calls."""
_RUNS_CODE = frozenset(
    ["command-injection", "code-injection", "sql-injection", "unsafe-deserialization"]
)
"""Sinks that are worth a word even where whoever starts the program chose the value."""


@cache
def knowledge_of(family: Family) -> tuple[Knowledge, frozenset[str]]:
    """What is known for a language, and the words without which a file has no sink."""
    knowledge = load_knowledge(family)
    names = {
        name
        for name, effects in knowledge.calls.items()
        if any(isinstance(effect, Sink) for _, effect in effects)
    }
    names.update(knowledge.writes)
    if knowledge.returns:
        names.update(["route", "get", "post", "put", "delete"])
    return knowledge, frozenset(names)


def _surest(hits: Iterable[Hit]) -> list[tuple[Hit, Confidence]]:
    """One hit for each sink, of the surest source, and how sure it is."""
    best: dict[tuple[str, int], tuple[Hit, Confidence]] = {}
    for hit in hits:
        confidence = _confidence(hit)
        if confidence is None:
            continue
        key = (hit.sink.rule, id(hit.place))
        if key not in best or CONFIDENCES.index(confidence) < CONFIDENCES.index(best[key][1]):
            best[key] = (hit, confidence)
    return list(best.values())


def _confidence(hit: Hit) -> Confidence | None:
    kind = hit.taint.label.kind
    parameters = hit.sink.built if hit.is_built else hit.sink.parameters
    if kind == "parameter" and parameters is None:
        return None
    if hit.taint.is_doubtful and hit.sink.kind == "cross-site-scripting":
        return None
    rank = CONFIDENCES.index(hit.sink.confidence)
    if kind == "parameter" and parameters is not None:
        rank = max(rank, CONFIDENCES.index(parameters))
    elif kind == "local":
        if hit.sink.kind not in _RUNS_CODE:
            return None
        rank = max(rank + 1, CONFIDENCES.index("medium"))
    if hit.taint.is_doubtful:
        rank = min(rank + 1, len(CONFIDENCES) - 1)
    if hit.taint.label.root[0] == "unbound" and CONFIDENCES[rank] == "low":
        return None
    return CONFIDENCES[rank]


def _proposal(hit: Hit, confidence: Confidence, source: Source) -> Proposal:
    text = source.text
    place = span_of(_node(hit.place))
    steps = _steps(hit.taint.trace)
    start = steps[0]
    code = quoted(_node(start.place).text())
    kind = hit.taint.label.kind
    value = {
        "input": f"`{code}`, which the client sends,",
        "local": f"`{code}`, which comes from outside the program,",
        "parameter": f"The parameter `{code}`, if a caller passes input,",
    }[kind]
    if hit.taint.label.root[0] == "unbound":
        value = f"`{code}`, which is not from this file,"
    sink = quoted(_callee(_node(hit.place)))
    flow = [Step(span_of(_node(start.place)), f"`{code}` comes in here")]
    flow += [Step(span_of(_node(step.place)), step.message) for step in steps[1:]]
    flow.append(Step(place, f"reaches `{sink}`"))
    message = hit.sink.message.replace("{value}", value).replace("{sink}", sink)
    return Proposal(
        where=_first_lines(place, text),
        rule=hit.sink.rule,
        message=message,
        source="flow",
        author="local",
        confidence=confidence,
        flow=tuple(flow),
    )


def _steps(trace: Trace) -> list[Trace]:
    steps = []
    current: Trace | None = trace
    while current is not None:
        steps.append(current)
        current = current.previous
    return steps[::-1]


def _node(place: Any) -> SgNode:
    """The syntax node of something that flow points at."""
    while hasattr(place, "place"):
        place = place.place
    node: SgNode = place
    return node


def _callee(node: SgNode) -> str:
    """What is called, or assigned to; the statement's first word otherwise."""
    for field in ("function", "constructor", "left"):
        inner = node.field(field)
        if inner is not None:
            return inner.text()
    return node.text().split(maxsplit=1)[0]


def _first_lines(place: Span, text: str) -> Span:
    """A long call ends, for the reader, with its eighth line."""
    end = place.start
    for _ in range(8):
        end = text.find("\n", end + 1)
        if end < 0 or end >= place.end:
            return place
    return Span(place.start, end)
