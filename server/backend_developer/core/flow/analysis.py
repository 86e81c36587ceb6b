"""What is known while one file is looked through, and the questions that lead to one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..knowledge import URL_KINDS, Knowledge, Sink
from ..program import Define, Expression, Function, Statement
from ..states import State
from ..values import Cleared, Label, Taint, Value, taints_of

MOST_STEPS = 50_000
"""Expressions evaluated before a file is given up: what was found until then is reported."""


class Analysis:
    """Of one file."""

    def __init__(self, knowledge: Knowledge, meaning: Meaning, go_on: Callable[[], None]) -> None:
        """`go_on` is called before each function; what it raises ends the analysis."""
        self.meaning = meaning
        self.knowledge = knowledge
        self.go_on = go_on
        self.summaries: dict[tuple[int, tuple[str, ...]], Summary] = {}
        self.variants: dict[int, set[tuple[str, ...]]] = {}
        self.active: set[int] = set()
        self.registered: dict[int, Closure] = {}
        self.called: set[int] = set()
        self.classes: list[Class] = []
        self.texts: dict[int, Claim] = {}
        self.calls: dict[tuple[str, int], Claim] = {}
        self.patterns: dict[tuple[str, bool], bool] = {}
        self.is_exhausted = False
        self.found: dict[tuple[str, int, Label], Hit] = {}
        self.frame = Frame(None, None, ())
        self.steps = 0
        self.asking = 0
        self.depth = 0
        self.shared: dict[str, Value] = {}
        """What a function puts on an object that the framework gives to others too."""
        self.prechecked: dict[int, list[tuple[Label, Cleared]]] = {}
        """By function, what was checked before it was called."""
        self.objects = frozenset(
            rule.holds for rule in knowledge.parameters if rule.holds.endswith("()")
        )
        self.module_state = State()
        self.has_star_import = False
        self.is_python = knowledge.aliases.get("__language__") == "python"

    def evaluate(self, expression: Expression, state: State) -> Value:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise ExhaustedError
        return self.meaning.expressions[type(expression)](self, expression, state)

    def execute(self, statements: Sequence[Statement], state: State) -> State | None:
        """The state after the statements; None where they never end normally."""
        current: State | None = state
        for statement in statements:
            if current is None:
                # What follows a return is never reached, but functions are defined all the same.
                if isinstance(statement, Define):
                    self.define(statement.function, state)
                continue
            current = self.meaning.statements[type(statement)](self, statement, current)
        return current

    def assume(self, test: Expression, truth: bool, state: State) -> State | None:
        """The state where the test is known to be true (or false); None where it cannot be."""
        return self.meaning.assume(self, test, truth, state)

    def summary(self, closure: Closure) -> Summary | None:
        """None while it is being made (it calls itself), and where calls nest too deeply."""
        known = self.summaries.get(closure.key)
        if known is not None:
            return known
        self.go_on()
        return self.meaning.summarise(self, closure)

    def hoist(self, statements: Sequence[Statement], state: State) -> None:
        """Functions may be called above where they are written."""
        for statement in statements:
            if isinstance(statement, Define):
                self.define(statement.function, state)

    def define(self, function: Function, state: State, of: Class | None = None) -> Closure:
        closure = self.registered.get(id(function))
        if closure is None:
            closure = Closure(function, state, of)
            self.registered[id(function)] = closure
            self.frame.nested.append(closure)
        if function.name and not of:
            state.variables[function.name] = Value(function=closure)
        return closure

    def clear(self, value: Value, kinds: Cleared, state: State) -> None:
        """Everything that the value was made from is safe for these kinds from here on."""
        for taint in taints_of(value):
            label = taint.label
            state.clear(label, kinds)
            for index, key in enumerate(label.path):
                if key in self.knowledge.hosts:
                    state.clear(label._replace(path=label.path[:index]), URL_KINDS)


class Meaning(NamedTuple):
    """How the questions are answered: the modules that do it are built on this one."""

    expressions: Mapping[type, Callable[[Analysis, Any, State], Value]]
    """What an expression of a type holds."""
    statements: Mapping[type, Callable[[Analysis, Any, State], State | None]]
    """The state after a statement of a type."""
    assume: Callable[[Analysis, Expression, bool, State], State | None]
    summarise: Callable[[Analysis, Closure], Summary | None]


@dataclass(slots=True)
class Class:
    name: str
    bases: tuple[str, ...]
    attributes: dict[str, Value]
    methods: dict[str, Closure]
    clean: set[str] = field(default_factory=set)
    """Fields whose declared type or pattern lets nothing harmful in."""
    texts: set[str] = field(default_factory=set)
    """Fields that are declared as text."""
    stores: dict[str, Value] = field(default_factory=dict)
    """What methods put into the fields of an object."""
    subclasses: list[Class] = field(default_factory=list)
    """In this file."""
    is_made_here: bool = False
    own: Value | None = None
    """What its methods see as the object, once the constructor is known."""

    @property
    def root(self) -> tuple[str, int]:
        return ("self", id(self))


class Closure(NamedTuple):
    function: Function
    state: State
    of: Class | None = None
    bound: Value | None = None
    """The object that a method was taken from."""
    given: tuple[Value, ...] = ()
    """The first arguments, where it was made from another function by `partial`."""
    types: tuple[str, ...] = ()
    """What a caller gives for the parameters, as paths of objects, where nothing else says it."""

    @property
    def key(self) -> tuple[int, tuple[str, ...]]:
        return (id(self.function), self.types)


class Summary(NamedTuple):
    answer: Value
    hits: tuple[Hit, ...]
    checked: Mapping[Label, Cleared]
    """What is safe after a call."""
    checked_if_true: Mapping[Label, Cleared]
    checked_if_false: Mapping[Label, Cleared]
    stores: Mapping[str, Value]
    never_returns: bool = False


class Claim(NamedTuple):
    """That nothing harmful is at a place."""

    place: Any
    is_safe: bool
    owners: frozenset[int] = frozenset()
    """The functions whose parameters reach it: it holds if those who call them give nothing bad."""


class Frame:
    """The function that is being executed."""

    def __init__(
        self, function: Function | None, of: Class | None, returns: Sequence[Sink]
    ) -> None:
        self.function = function
        self.of = of
        self.sinks = returns
        self.returns: list[tuple[Value, State, Expression | None]] = []
        self.hits: dict[tuple[str, int, Label], Hit] = {}
        self.loops: list[tuple[list[State], list[State]]] = []
        self.stores: dict[str, Value] = {}
        self.nested: list[Closure] = []
        self.yields: list[Value] = []


class Made(NamedTuple):
    """Marks a value as a class itself, not an object of it."""

    of: Class


class Hit(NamedTuple):
    """Something from outside reaches a sink."""

    sink: Sink
    place: Any
    """The call, assignment or return."""
    taint: Taint
    is_built: bool = False
    """It was put together with something else first."""

    @property
    def key(self) -> tuple[str, int, Label]:
        return (self.sink.rule, id(self.place), self.taint.label)


class ExhaustedError(Exception):
    """The file takes too long."""


NEVER = Value(path="never")
"""The answer of a call that never returns."""
