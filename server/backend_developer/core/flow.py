"""Data flow: from what comes from outside, through a file, to where it does harm.

    program -> statements executed one after another over a State      (branches and loops joined)
            -> a Summary of each function: its answer, its hits, what it checked, all in terms of
               its parameters; calls of functions of the file put their arguments in
            -> Hits, and which texts were put together from safe parts alone

A State holds the variables, and which labels (pieces of outside data) were found to be safe on
the way to here: `if name not in ALLOWED: return` makes all safe that was made from `name`.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .arguments import Given
from .harmless import FIXED_HOST, SQL_START, is_markup, is_path_start, is_restrictive
from .knowledge import (
    ALL,
    Asserts,
    Calls,
    Cleaner,
    Ends,
    Guard,
    Input,
    Knowledge,
    Passes,
    Retypes,
    Sink,
    Validates,
)
from .patterns import takes_polynomial_time
from .program import (
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
    dotted_path,
    is_call_of,
    operands_of,
)
from .states import State, baked, in_all, joined
from .values import (
    KNOWN,
    NOTHING,
    UNKNOWN,
    Cleared,
    Label,
    Taint,
    Trace,
    Value,
    at,
    cleared_for,
    continued,
    doubtful,
    element,
    join,
    join_all,
    map_taints,
    merged,
    pairs_of,
    part,
    put_in,
    taints_of,
    with_part,
    with_step,
)

MOST_STEPS = 50_000
"""Expressions evaluated before a file is given up: what was found until then is reported."""
DEEPEST_CALLS = 6
MOST_VARIANTS = 4
"""How many combinations of types of arguments a function is looked at for."""
MOST_QUESTIONS = 2
"""How many variables that hold the answer to a question are looked into, one inside another."""


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


_TEXT = Sink("", "sql-injection", "", (), shape="sql")
"""Stands for a text that is put together: input in it is no finding, but the text is not safe."""


class Flow(NamedTuple):
    hits: tuple[Hit, ...]
    """Of labels from outside, and of parameters of functions that nothing in the file calls."""
    safe_texts: tuple[Any, ...] = ()
    """Texts put together from parts of which none can do harm in SQL."""
    safe_calls: tuple[tuple[str, Any], ...] = ()
    """Sinks, each with its rule, that nothing harmful reaches, whatever calls the functions."""
    summaries: tuple[tuple[Function, Summary], ...] = ()
    """What is known of each function, in terms of its parameters."""


def analyse(program: Sequence[Statement], knowledge: Knowledge) -> Flow:
    """Everything found in one file."""
    analysis = _Analysis(knowledge)
    try:
        analysis.module(tuple(program))
    except _ExhaustedError:
        analysis.is_exhausted = True
    return analysis.result()


class _ExhaustedError(Exception):
    """The file takes too long."""


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


class _Claim(NamedTuple):
    """That nothing harmful is at a place."""

    place: Any
    is_safe: bool
    owners: frozenset[int] = frozenset()
    """The functions whose parameters reach it: it holds if those who call them give nothing bad."""


class _Frame:
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


_SANITISER = re.compile(
    r"(?i).*(saniti[sz]e|escape|encode_?uri|purify|bleach|strip_?tags|quote|"
    r"whitelist|allow_?list|sluggify|slugify).*"
)
_CHECK = re.compile(
    r"(?i)_*(is|has|check|validate?|verify|ensure|assert|require|allow|permit|safe|match).*"
)
_LOOKUP = re.compile(
    r"(?i)_*(get|find|fetch|load|read|query|list|count|create|save|lookup|search|is|has|insert|"
    r"update|delete|remove|send|add|log|print|print|execute|run|check|validate|verify|authenticate|"
    r"compute|calculate|hash|sign|abort|use|require|describe|it|test|expect)(_.*|[A-Z].*)?"
)
_JOINING = frozenset(["format", "join", "concat", "replace", "replaceAll", "format_map", "padEnd"])
_ADDING = frozenset(
    ["append", "add", "push", "unshift", "insert", "extend", "update", "setdefault", "set", "write",
     "appendleft", "writelines", "assign", "put", "put_nowait"]
)  # fmt: skip
_APPENDING = frozenset(["append", "push", "unshift", "extend", "appendleft"])
_KEYED = frozenset(
    ["get", "getlist", "getall", "getAll", "getone", "pop", "setdefault", "param", "header",
     "get_argument", "get_query_argument", "get_body_argument", "get_header", "getfirst"]
)  # fmt: skip
_CONTAINS = frozenset(["includes", "has", "contains", "hasOwnProperty", "__contains__"])
_ON_ELEMENTS = frozenset(
    ["map", "forEach", "filter", "find", "some", "every", "flatMap", "findIndex", "sort", "reduce",
     "then", "mapValues", "each", "tap", "pipe", "subscribe"]
)  # fmt: skip
_NUMBERS = frozenset(["length", "size", "count", "byteLength"])
_URL_KINDS = frozenset(["server-side-request-forgery", "open-redirect"])
_OBJECT_KINDS = frozenset(["nosql-injection", "mass-assignment", "prototype-pollution"])


class _Analysis:
    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.summaries: dict[tuple[int, tuple[str, ...]], Summary] = {}
        self.variants: dict[int, set[tuple[str, ...]]] = {}
        self.active: set[int] = set()
        self.registered: dict[int, Closure] = {}
        self.called: set[int] = set()
        self.classes: list[Class] = []
        self.texts: dict[int, _Claim] = {}
        self.calls: dict[tuple[str, int], _Claim] = {}
        self.patterns: dict[tuple[str, bool], bool] = {}
        self.is_exhausted = False
        self.found: dict[tuple[str, int, Label], Hit] = {}
        self.frame = _Frame(None, None, ())
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

    # --- The whole file

    def module(self, program: tuple[Statement, ...]) -> None:
        state = self.module_state
        self.hoist(program, state)
        self.execute(program, state)
        before = self.shared_inputs()
        self.summarise()
        if self.shared_inputs() != before:
            # A function has put input where another one, maybe above it, takes it from.
            self.summaries.clear()
            self.summarise()

    def summarise(self) -> None:
        """Every function of the file, those that others define included."""
        for _ in range(3):
            waiting = [one for one in self.registered.values() if one.key not in self.summaries]
            for closure in waiting:
                self.summary(closure)
            if not waiting:
                break

    def shared_inputs(self) -> set[tuple[str, Label]]:
        """The input in the variables of the module."""
        return {
            (name, taint.label)
            for name, value in self.module_state.variables.items()
            for taint in taints_of(value)
            if taint.label.kind == "input"
        }

    def result(self) -> Flow:
        hits: dict[tuple[str, int, Label], Hit] = dict(self.frame.hits)
        for (identity, _), summary in self.summaries.items():
            is_called = identity in self.called
            for hit in summary.hits:
                for resolved in self.resolve(hit):
                    label = resolved.taint.label
                    is_open = label.root[0] in ("constructor", "unbound")
                    is_open |= label.root[0] == identity and not is_called
                    if label.kind != "parameter" or is_open:
                        hits.setdefault(resolved.key, resolved)
        reached = {(hit.sink.rule, id(hit.place)) for hit in hits.values()}
        safe = [one.place for one in self.texts.values() if self.holds(one, _TEXT.rule, reached)]
        calls = [
            (rule, one.place)
            for (rule, _), one in self.calls.items()
            if self.holds(one, rule, reached)
        ]
        found = [hit for hit in hits.values() if hit.sink is not _TEXT]
        return Flow(tuple(found), tuple(safe), tuple(calls), tuple(self.summed()))

    def summed(self) -> Iterator[tuple[Function, Summary]]:
        """Each function's summary, for those that call it from other files."""
        for closure in self.registered.values():
            summary = self.summaries.get(closure.key)
            if summary is not None:
                hits = tuple(hit for hit in summary.hits if hit.sink is not _TEXT)
                yield closure.function, summary._replace(hits=hits)

    def holds(self, claim: _Claim, rule: str, reached: set[tuple[str, int]]) -> bool:
        """Whether nothing harmful is there: by itself, or by all that callers in the file give."""
        if not claim.is_safe or (rule, id(claim.place)) in reached:
            return False
        return not claim.owners or (not self.is_exhausted and claim.owners <= self.called)

    def resolve(self, hit: Hit) -> Iterable[Hit]:
        """A hit of an object's field: one for everything that was stored in the field."""
        label = hit.taint.label
        if label.root[0] != "self" or label.kind != "parameter":
            yield hit
            return
        owner = next((each for each in self.classes if each.root == label.root), None)
        if owner is None or not label.path:
            return
        stored = owner.stores.get(label.path[0])
        if stored is None:
            return
        for taint in taints_of(stored):
            if hit.sink.kind in taint.cleared or "*" in taint.cleared:
                continue
            trace = continued(taint.trace, hit.taint.trace)
            new = taint.label
            if new.kind == "parameter":
                if new.root[0] == "self" or owner.is_made_here:
                    continue
                new = new._replace(root=("constructor", new.root))
            yield hit._replace(taint=hit.taint._replace(label=new, trace=trace))

    # --- Statements

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

    def execute(self, statements: Sequence[Statement], state: State) -> State | None:
        """The state after the statements; None where they never end normally."""
        current: State | None = state
        for statement in statements:
            if current is None:
                # What follows a return is never reached, but functions are defined all the same.
                if isinstance(statement, Define):
                    self.define(statement.function, state)
                continue
            current = _EXECUTE[type(statement)](self, statement, current)
        return current

    def _evaluate_statement(self, statement: Evaluate, state: State) -> State | None:
        value = self.evaluate(statement.value, state)
        return None if value is _NEVER else state

    def _if(self, statement: If, state: State) -> State | None:
        current: State | None = state
        ends: list[State | None] = []
        for test, body in statement.branches:
            if current is None:
                break
            self.evaluate(test, current)
            then = self.assume(test, True, current.copy())
            if then is not None:
                ends.append(self.execute(body, then))
            current = self.assume(test, False, current)
        if current is not None:
            ends.append(self.execute(statement.otherwise, current))
        return joined(ends)

    def _loop(self, statement: Loop, state: State) -> State | None:
        breaks: list[State] = []
        after: State | None = None
        entry: State | None = state
        iterable = UNKNOWN
        # Twice, so that what one round stores is read by the next; once deep inside other loops.
        for _ in range(2 if len(self.frame.loops) < 3 else 1):
            if entry is None:
                break
            start = entry.copy()
            if statement.iterable is not None:
                iterable = self.evaluate(statement.iterable, start)
                if statement.target is not None:
                    one = self.read_element(iterable, statement.iterable)
                    self.bind(statement.target, one, start, statement.target)
            inside: State | None = start
            if statement.test is not None:
                self.evaluate(statement.test, start)
                inside = self.assume(statement.test, True, start)
            continues: list[State] = []
            self.frame.loops.append((breaks, continues))
            end = self.execute(statement.body, inside) if inside is not None else None
            self.frame.loops.pop()
            after = joined([end, *continues])
            entry = joined([entry, after])
        if entry is None:
            return joined([*breaks])
        if statement.test is not None:
            entry = self.assume(statement.test, False, entry)
        if entry is not None:
            if after is not None and not breaks:
                # `for c in text: if c not in ALLOWED: refuse` has checked the whole text.
                for taint in taints_of(iterable):
                    label = taint.label
                    inner = label._replace(path=(*label.path, "*"))
                    kinds = after.kinds(inner)
                    if kinds:
                        entry.clear(label, kinds)
            entry = self.execute(statement.otherwise, entry)
        return joined([entry, *breaks])

    def _try(self, statement: Try, state: State) -> State | None:
        before = state.copy()
        end = self.execute(statement.body, state)
        # The body may have stopped anywhere: what it checked is not certain in a handler.
        failed = joined([before, end.copy() if end is not None else None])
        assert failed is not None
        failed.cleared = before.cleared
        ends = [self.execute(statement.otherwise, end) if end is not None else None]
        ends += [self.execute(handler, failed.copy()) for handler in statement.handlers]
        after = joined(ends)
        if after is None:
            self.execute(statement.final, failed)
            return None
        return self.execute(statement.final, after)

    def _return(self, statement: Return, state: State) -> State | None:
        value = KNOWN if statement.value is None else self.evaluate(statement.value, state)
        value = baked(value, state)
        for sink in self.frame.sinks:
            below = value
            for key in sink.arguments:
                below = part(below, str(key))
            self.check_sink(sink, below, statement.place, state)
        self.frame.returns.append((value, state, statement.value))
        return None

    def _raise(self, statement: Raise, state: State) -> State | None:
        if statement.value is not None:
            self.evaluate(statement.value, state)
        return None

    def _jump(self, statement: Jump, state: State) -> State | None:
        if self.frame.loops:
            self.frame.loops[-1][statement.kind == "continue"].append(state)
        return None

    def _assert(self, statement: Assert, state: State) -> State | None:
        self.evaluate(statement.test, state)
        return self.assume(statement.test, True, state)

    def _define(self, statement: Define, state: State) -> State | None:
        function = statement.function
        self.define(function, state)
        for decorator in function.decorators:
            self.evaluate(decorator, state)
        return state

    def _import(self, statement: Import, state: State) -> State | None:
        for name, path in statement.names:
            self.has_star_import |= name == "*"
            state.variables[name] = Value(path=path, is_known=False)
        return state

    def _define_class(self, statement: DefineClass, state: State) -> State | None:
        bases = tuple(self.path_of(base, state) for base in statement.bases)
        inner = State(parent=state)
        new = Class(statement.name, bases, {}, {})
        for base in statement.bases:
            if isinstance(base, Name):
                inherited = state.get(base.name)
                if inherited is not None and isinstance(inherited.object_of, _Made):
                    inherited.object_of.of.subclasses.append(new)
                    new.methods.update(inherited.object_of.of.methods)
                    new.attributes.update(inherited.object_of.of.attributes)
                    new.clean |= inherited.object_of.of.clean
                    new.texts |= inherited.object_of.of.texts
        self.classes.append(new)
        state.variables[statement.name] = Value(object_of=_Made(new), path=statement.name)
        for one in statement.body:
            if isinstance(one, Define):
                new.methods[one.function.name] = self.define(one.function, state, new)
                for decorator in one.function.decorators:
                    self.evaluate(decorator, state)
            elif isinstance(one, Evaluate) and isinstance(one.value, Bind):
                bind = one.value
                if isinstance(bind.target, Name):
                    value = self.evaluate(bind.value, inner)
                    checks = [self.evaluate(one, state) for one in bind.decorators]
                    is_checked = any("*" in self.schema_kinds(one.path) for one in checks)
                    is_clean = is_checked or (
                        bool(bind.annotation) and self.is_clean_type(bind.annotation, state)
                    )
                    if is_clean or _is_held_to_pattern(bind.value):
                        value = KNOWN
                        new.clean.add(bind.target.name)
                    elif _TEXT_TYPES.fullmatch(bind.annotation):
                        new.texts.add(bind.target.name)
                    elif _CLEAN_FIELDS.fullmatch(value.path):
                        new.clean.add(bind.target.name)
                    if not is_clean and bind.annotation and isinstance(bind.value, Other):
                        value = Value(path=self.type_path(bind.annotation, state))
                    if value.function is not None and value.function.of is None:
                        closure = value.function._replace(of=new)
                        new.methods[bind.target.name] = closure
                        self.registered[id(closure.function)] = closure
                    inner.variables[bind.target.name] = value
                    new.attributes[bind.target.name] = value
            else:
                self.execute((one,), inner)
        return state

    # --- Expressions

    def evaluate(self, expression: Expression, state: State) -> Value:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise _ExhaustedError
        return _EVALUATE[type(expression)](self, expression, state)

    def _constant(self, expression: Constant, state: State) -> Value:
        return Value(is_known=True, constant=expression.value)

    def _name(self, expression: Name, state: State) -> Value:
        if expression.name.startswith("require "):
            return Value(path=expression.name[8:])
        value = state.get(expression.name)
        if value is not None:
            return value
        name = self.knowledge.aliases.get(expression.name, expression.name)
        return self.read(Value(path=name), name, expression, state)

    def read(self, value: Value, name: str, expression: Expression, state: State) -> Value:
        """The value, tainted when reading it gives data from outside."""
        for pattern, source in self.knowledge.reads.get(name, ()):
            if not source.is_call and pattern.matches(value.path):
                return self.source(source, value.path, expression, value.path)
        if not value.taints and value.fields is None and value.path in self.shared:
            return self.shared[value.path]._replace(path=value.path)
        return value

    def read_element(self, value: Value, expression: Expression) -> Value:
        """What a loop over the value gives."""
        one = element(value)
        if one is UNKNOWN and value.path:
            return self.read(Value(path=f"{value.path}.[]"[:200]), "[]", expression, State())
        return one

    def source(self, source: Input, root: Any, expression: Expression, path: str) -> Value:
        trace = Trace(expression, "source", None)
        taint = Taint(Label(source.strength, root), trace, source.clears)
        return Value((taint,), True, path=path)

    def _attribute(self, expression: Attribute, state: State) -> Value:
        value = self.evaluate(expression.object, state)
        name = expression.name
        if name in _NUMBERS and (value.fields is None or name not in value.fields):
            return KNOWN
        return self.read_part(value, name, expression, state)

    def read_part(self, value: Value, name: str, expression: Expression, state: State) -> Value:
        made = value.object_of
        if made is not None and (value.fields is None or name not in value.fields):
            of = made.of if isinstance(made, _Made) else made
            method = of.methods.get(name)
            if method is not None and _is_property(method.function):
                answer = self.call_closure(
                    method._replace(bound=value), Given(value, [], {}), expression, state
                )
                return answer if answer is not None else UNKNOWN
            if method is not None:
                return Value(function=method._replace(bound=value))
            if name in of.attributes:
                found = of.attributes[name]
                if value.taints and not found.is_known:
                    found = found._replace(taints=part(value._replace(fields=None), name).taints)
                return found
        if name == "default" and value.path and not value.taints and value.fields is None:
            # `require("axios").default`
            return value
        result = part(value, name)
        if made is not None and name in _VALID_DATA and not isinstance(made, _Made):
            data = self.read(result, name, expression, state)
            return data._replace(fields=dict.fromkeys(sorted(made.clean), KNOWN))
        if result.taints and any(
            pattern.matches(result.path) for pattern in self.knowledge.harmless.get(name, ())
        ):
            return Value(is_known=True, path=result.path)
        if result.path and (not result.taints or result.path.startswith(_OWN)):
            return self.read(result, name, expression, state)
        return result

    def _subscript(self, expression: Subscript, state: State) -> Value:
        value = self.evaluate(expression.object, state)
        if expression.key is None:
            return value._replace(constant=None, fields=None, taints=taints_of(value))
        key = self.evaluate(expression.key, state)
        text = value.constant
        if isinstance(text, str) and type(key.constant) is int and abs(key.constant) < len(text):
            return Value(is_known=True, constant=text[key.constant])
        if key.is_known and key.constant is not None:
            name = str(key.constant)
            if value.fields is not None and name not in value.fields and not value.taints:
                return element(value)
            return self.read_part(value, name, expression, state)
        # A field that the code itself names, in a loop over some names say.
        is_own = key.is_known and not key.taints and value.fields is None
        result = part(value, "[]") if is_own else element(value)
        if not result.path and self.reaching(taints_of(key), "prototype-key", state):
            result = result._replace(path=f"{value.path[:190] or '?'}{_CHOSEN}")
        elif value.path and not result.path:
            result = result._replace(path=f"{value.path}.[]"[:200])
        return result

    def operand(self, expression: Expression, state: State) -> Value:
        """As evaluate; a name that the file does not define is taken for a parameter."""
        value = self.evaluate(expression, state)
        if (
            isinstance(expression, Name)
            and not value.taints
            and value.path == expression.name
            and value.path.islower()
            and not self.has_star_import
            and value.path not in _GLOBALS
            and not value.path.startswith("__")
            and not (self.is_python and value.path in _BUILTINS)
            and state.get(expression.name) is None
        ):
            trace = Trace(expression, "parameter", None)
            label = Label("parameter", ("unbound", expression.name))
            return value._replace(taints=(Taint(label, trace),))
        return value

    def _format(self, expression: Format, state: State) -> Value:
        values = [self.operand(one, state) for one in expression.parts]
        return self.build(expression, values, expression.operator, state)

    def build(
        self, expression: Expression, values: list[Value], operator: str, state: State
    ) -> Value:
        if operator == "+" and all(one.fields is not None for one in values):
            return Value(merged([taints_of(one) for one in values]), fields=_concatenated(values))
        is_known = all(one.is_known for one in values)
        constants = [one.constant for one in values]
        constant: str | None = None
        if operator == "+" and all(type(one) is int for one in constants):
            return Value(is_known=True, constant=sum(one for one in constants if type(one) is int))
        if is_known and all(type(one) in (str, int) for one in constants) and operator in "f+":
            constant = "".join(map(str, constants))[:2000]
        prefix = ""
        is_open = True
        host_fixed = False
        is_past_headers = False
        groups = []
        follows_base = False
        for index, one in enumerate(values):
            taints = taints_of(one)
            # An unknown base, from a configuration say, then the start of a path, or all of it.
            host_fixed |= follows_base and (bool(taints) or is_path_start(one.constant))
            follows_base = one.constant is None and all(
                taint.label.kind != "input" for taint in taints
            )
            if index > 0 and taints:
                taints = tuple(
                    taint._replace(cleared=taint.cleared | _URL_KINDS)
                    if host_fixed or _is_own_address(taint.label)
                    else taint
                    for taint in taints
                )
            if is_past_headers:
                taints = tuple(
                    taint._replace(cleared=taint.cleared | {"header-injection"}) for taint in taints
                )
            groups.append(taints)
            text = one.constant if isinstance(one.constant, str) else ""
            is_past_headers |= "\n\n" in text or "\r\n\r\n" in text
            if index == 0 and operator == "%":
                text = text.partition("%")[0]
            if is_open:
                prefix += text or one.prefix
                is_open = isinstance(one.constant, str) and operator != "%"
                host_fixed |= bool(FIXED_HOST.fullmatch(prefix))
        taints = merged(groups)
        if taints:
            taints = tuple(
                taint._replace(cleared=taint.cleared | _OBJECT_KINDS) for taint in taints
            )
        result = Value(
            taints,
            is_known,
            constant,
            values[0].path if operator == "/" and values else "",
            is_built=constant is None,
            has_markup=any(one.has_markup or is_markup(one.constant) for one in values),
            prefix=prefix[:200],
        )
        key = id(expression)
        self.texts[key] = self.claim(expression, result, _TEXT.kind, state, self.texts.get(key))
        self.check_sink(_TEXT, result, expression, state)
        return result

    def claim(
        self, place: Any, value: Value, kind: str, state: State, earlier: _Claim | None
    ) -> _Claim:
        """What is known of a place after the value came there once more."""
        if earlier is not None and not earlier.is_safe:
            return earlier
        reaching = self.reaching(taints_of(value), kind, state)
        owners = {_owner(taint.label) for taint in reaching}
        if not value.is_known or None in owners:
            return _Claim(place, False)
        known = frozenset(one for one in owners if one is not None)
        return _Claim(place, True, known | (earlier.owners if earlier is not None else frozenset()))

    def reaching(self, taints: Iterable[Taint], kind: str, state: State) -> list[Taint]:
        """Those that are not safe for this kind of sink."""
        return [
            taint
            for taint in taints
            if kind not in (cleared := taint.cleared | state.kinds(taint.label))
            and "*" not in cleared
        ]

    def _logical(self, expression: Logical, state: State) -> Value:
        operands = operands_of(expression)
        inner = state.copy()
        values: list[Value] = []
        for index, operand in enumerate(operands):
            values.append(baked(self.evaluate(operand, inner), inner))
            if index + 1 < len(operands) and expression.operator != "??":
                passed = self.assume(operand, expression.operator == "and", inner)
                if passed is None:
                    break
                inner = passed
        for name, value in inner.variables.items():
            if name not in state.variables:
                state.variables[name] = value
        return join_all(reversed(values))._replace(test=expression)

    def _conditional(self, expression: Conditional, state: State) -> Value:
        self.evaluate(expression.test, state)
        values = []
        for truth, option in ((True, expression.then), (False, expression.otherwise)):
            inner = self.assume(expression.test, truth, state.copy())
            if inner is not None:
                values.append(baked(self.evaluate(option, inner), inner))
        return join_all(values)

    def _not(self, expression: Not, state: State) -> Value:
        self.evaluate(expression.operand, state)
        return Value(is_known=True, test=expression)

    def _compare(self, expression: Compare, state: State) -> Value:
        self.evaluate(expression.left, state)
        self.evaluate(expression.right, state)
        return Value(is_known=True, test=expression)

    def _collection(self, expression: Collection, state: State) -> Value:
        fields: dict[str, Value] = {}
        taints: list[tuple[Taint, ...]] = []
        is_known = True
        has_places = True
        index = 0
        for item in expression.items[:200]:
            value = self.operand(item.value, state)
            is_known = is_known and value.is_known
            if item.is_spread:
                taints.append(value.taints)
                if expression.has_keys:
                    fields.update(value.fields or {})
                elif value.fields is not None:
                    for one in value.fields.values():
                        fields[str(index)] = one
                        index += 1
                else:
                    has_places = False
                continue
            if not expression.has_keys and not has_places:
                taints.append(taints_of(value))
                continue
            if not expression.has_keys:
                fields[str(index)] = value
                index += 1
                continue
            key = self.evaluate(item.key, state) if item.key is not None else UNKNOWN
            name = str(key.constant) if key.is_known and key.constant is not None else ""
            if not name:
                taints += [taints_of(value), taints_of(key)]
                continue
            if name == "$eq":
                value = cleared_for(value, _OBJECT_KINDS)
            for pattern, sink in self.knowledge.writes.get(name, ()):
                if pattern.matches(f"{{}}.{name}"):
                    self.check_sink(sink, value, item.value, state)
            fields[name] = value
        return Value(merged(taints), is_known, fields=fields)

    def _comprehension(self, expression: Comprehension, state: State) -> Value:
        inner = State(parent=state)
        for target, iterable, tests in expression.clauses:
            self.bind(target, element(self.evaluate(iterable, inner)), inner, target)
            for test in tests:
                self.evaluate(test, inner)
                passed = self.assume(test, True, inner)
                if passed is None:
                    return KNOWN
                inner = passed
        values = [baked(self.evaluate(one, inner), inner) for one in expression.elements]
        joined = join_all(values)
        return Value(
            merged([taints_of(one) for one in values]),
            joined.is_known,
            fields={"0": values[0]} if not expression.has_keys and joined.is_known else None,
        )

    def _function(self, expression: Function, state: State) -> Value:
        return Value(function=self.define(expression, state))

    def _yield(self, expression: Yield, state: State) -> Value:
        if expression.value is not None:
            value = self.evaluate(expression.value, state)
            self.frame.yields.append(baked(value, state))
        return UNKNOWN

    def _other(self, expression: Other, state: State) -> Value:
        values = [self.evaluate(one, state) for one in expression.operands]
        if expression.operator in _ARITHMETIC:
            numbers = [one.constant for one in values]
            if len(numbers) == 2 and all(type(one) is int for one in numbers):
                return Value(is_known=True, constant=_ARITHMETIC[expression.operator](*numbers))
        if expression.is_number:
            return KNOWN
        if len(values) == 1:
            return values[0]
        if not values:
            return UNKNOWN
        return Value(merged([taints_of(one) for one in values]), all(v.is_known for v in values))

    def _bind(self, expression: Bind, state: State) -> Value:
        value = self.evaluate(expression.value, state)
        if expression.operator:
            old = self.evaluate(expression.target, state)
            if expression.operator in ("??", "||", "or"):
                value = join(old, value)
            elif expression.operator == "|":
                fields = {**(old.fields or {}), **(value.fields or {})}
                taints = merged([old.taints, value.taints])
                value = Value(taints, old.is_known and value.is_known, fields=fields or None)
            elif expression.operator in ("+", "%", "/"):
                value = self.build(expression, [old, value], expression.operator, state)
            else:
                value = KNOWN
        elif expression.annotation:
            if self.is_clean_type(expression.annotation, state) and not value.is_known:
                value = value._replace(constant=None)
            elif not value.path and not value.taints:
                value = value._replace(path=self.type_path(expression.annotation, state))
        value = baked(value, state)
        if value.test is None and isinstance(expression.value, Call) and not value.taints:
            value = value._replace(test=expression.value)
        self.bind(expression.target, value, state, expression, expression.declares)
        return value

    def bind(
        self,
        target: Expression,
        value: Value,
        state: State,
        place: Any,
        declares: bool = False,
    ) -> None:
        """`target = value`."""
        if isinstance(target, Name):
            state.assign(target.name, with_step(value, place, f"into `{target.name}`"), declares)
        elif isinstance(target, Collection):
            self.take_apart(target, value, state, place, declares)
        elif isinstance(target, (Attribute, Subscript)):
            self.store(target, value, state, place)
        elif isinstance(target, Other) and len(target.operands) == 1:
            self.bind(target.operands[0], value, state, place, declares)

    def take_apart(
        self, target: Collection, value: Value, state: State, place: Any, declares: bool
    ) -> None:
        for index, item in enumerate(target.items):
            if item.is_spread:
                piece = value
            elif target.has_keys:
                key = self.evaluate(item.key, state) if item.key is not None else UNKNOWN
                name = key.constant if key.is_known else None
                piece = (
                    self.read_part(value, str(name), item.value, state)
                    if name is not None
                    else element(value)
                )
            else:
                piece = part(value, str(index))
            if item.default is not None:
                piece = join(piece, self.evaluate(item.default, state))
            self.bind(item.value, piece, state, place, declares)

    def store(self, target: Attribute | Subscript, value: Value, state: State, place: Any) -> None:
        """`a.b.c = value`, `a["b"] = value`, `a[i] = value`."""
        keys: list[str] = []
        current: Expression = target
        certain = True
        while isinstance(current, (Attribute, Subscript)):
            if isinstance(current, Attribute):
                keys.append(current.name)
            else:
                key = self.evaluate(current.key, state) if current.key is not None else UNKNOWN
                if key.is_known and key.constant is not None:
                    keys.append(str(key.constant))
                else:
                    certain = False
                    keys.clear()
                    for taint in taints_of(key):
                        self.check_key(taint, current, target, value, state)
            current = current.object
        name = (
            target.name if isinstance(target, Attribute) else (keys[0] if certain and keys else "")
        )
        owner = self.evaluate(target.object, state)
        if name and self.knowledge.writes.get(name):
            paths = (f"{owner.path}.{name}", f"{dotted_path(target.object)}.{name}")
            for pattern, sink in self.knowledge.writes[name]:
                if any(pattern.matches(path) for path in paths):
                    self.check_sink(sink, value, place, state)
        if isinstance(target, Subscript):
            paths = (f"{owner.path}.[]", f"{dotted_path(target.object)}.[]")
            for pattern, sink in self.knowledge.writes.get("[]", ()):
                if any(pattern.matches(path) for path in paths):
                    self.check_sink(sink, value, place, state)
        if name:
            self.share(f"{owner.path}.{name}", value)
        if type(current) is not Name:
            return
        old = state.get(current.name)
        if old is None:
            old = UNKNOWN
        value = with_step(value, place, f"into `{current.name}`")
        keys.reverse()
        if old.object_of is not None and not isinstance(old.object_of, _Made) and keys:
            stores = self.frame.stores
            if current.name == (self.frame.function.receiver if self.frame.function else ""):
                stores[keys[0]] = join(stores[keys[0]], value) if keys[0] in stores else value
                shared = old.object_of.stores
                shared[keys[0]] = join(shared[keys[0]], value) if keys[0] in shared else value
        if certain and keys:
            new = with_part(old, tuple(keys[:3]), value)
        else:
            new = old._replace(
                taints=merged((old.taints, taints_of(value))),
                is_known=old.is_known and value.is_known,
            )
        state.assign(current.name, new, False)

    def share(self, path: str, value: Value) -> None:
        """`request.tenant = value` in a middleware is what the handlers after it read."""
        owner = path.rpartition(".")[0]
        if owner not in self.objects and owner.rpartition(".")[0] not in self.objects:
            return
        taints = tuple(one for one in taints_of(value) if one.label.kind != "parameter")
        if taints:
            old = self.shared.get(path)
            new = Value(taints, value.is_known)
            self.shared[path] = new if old is None else join(old, new)

    def check_key(
        self, taint: Taint, current: Subscript, target: Expression, value: Value, state: State
    ) -> None:
        """`object[key] = value` with a key from outside, below another key."""
        is_nested = current is not target or isinstance(current.object, Subscript)
        # The object itself was looked up by such a key: it may be the prototype.
        is_nested |= self.evaluate(current.object, state).path.endswith(_CHOSEN)
        for _, sink in self.knowledge.writes.get("[*]", ()):
            if is_nested:
                self.check_sink(sink, Value((taint,)), target, state)

    # --- Calls

    def _call(self, call: Call, state: State) -> Value:
        function = call.function
        receiver: Value | None = None
        if isinstance(function, Attribute):
            receiver = self.evaluate(function.object, state)
            name = function.name
            callee = self.method(receiver, name)
        elif isinstance(function, Name):
            name = function.name
            callee = state.get(name) or Value(path=self.knowledge.aliases.get(name, name))
        else:
            callee = self.evaluate(function, state)
            name = callee.path.removesuffix("()").rpartition(".")[2]
            if isinstance(function, Subscript) and function.key is not None:
                key = self.evaluate(function.key, state)
                for _, sink in self.knowledge.writes.get("[*]()", ()):
                    self.check_sink(sink, key, call, state)
        positional: list[Value] = []
        named: dict[str, Value] = {}
        for argument in call.arguments:
            value = self.operand(argument.value, state)
            if argument.name:
                named[argument.name] = value
            elif argument.is_spread:
                if value.fields is not None and not value.taints:
                    if all(key.isdigit() for key in value.fields):
                        positional += list(value.fields.values())
                    else:
                        named.update(value.fields)
                else:
                    positional.append(element(value))
            else:
                positional.append(value)
        given = Given(receiver, positional, named)
        if callee.function is not None:
            result = self.call_closure(callee.function, given, call, state)
            if receiver is not None and receiver.path == "self":
                for closure in _overriding(callee.function):
                    other = self.call_closure(closure, given, call, state)
                    if result is not None and other is not None:
                        result = join(result, other)
            if result is not None:
                return result
            return doubtful(join_all(given.all())) if given.all() else UNKNOWN
        if isinstance(callee.object_of, _Made):
            return self.make(callee.object_of.of, given, call, state)
        literal = dotted_path(function)
        paths: tuple[str, ...] = (literal,)
        if callee.path and callee.path != literal:
            # A type that was declared says more than the name that somebody chose.
            paths = (callee.path,) if _TYPED.match(callee.path) else (callee.path, literal)
        self.note_checks(given)
        return self.call_unknown(call, name, paths, given, state)

    def method(self, receiver: Value, name: str) -> Value:
        """What is called by `receiver.name()`."""
        if receiver.fields is not None:
            found = receiver.fields.get(name)
            if found is not None and (found.function is not None or found.path):
                return found
        made = receiver.object_of
        if made is not None:
            of = made.of if isinstance(made, _Made) else made
            method = of.methods.get(name)
            if method is not None:
                return Value(function=method._replace(bound=receiver))
        return Value(path=f"{receiver.path}.{name}") if receiver.path else UNKNOWN

    def call_unknown(
        self, call: Call, name: str, paths: tuple[str, ...], given: Given, state: State
    ) -> Value:
        knowledge = self.knowledge
        result: Value | None = None
        is_source = False
        sinks: set[str] = set()
        last = paths[0].rpartition(".")[2]
        effects = list(knowledge.effects(name, paths))
        if last != name and last:
            effects += knowledge.effects(last, paths)
        path = f"{paths[0]}()" if len(paths[0]) < 200 else ""
        holds: dict[int, str] = {}
        for effect in effects:
            if isinstance(effect, Ends):
                return _NEVER
            if isinstance(effect, Sink):
                values = [value for place in effect.arguments for value in given.at(place)]
                if not values or any(fits(effect, value) for value in values):
                    sinks.add(effect.kind)
                if self.applies(effect, given, name):
                    for value in values:
                        self.check_sink(effect, value, call, state)
                    if effect.rule in _REFUTABLE:
                        self.note_call(effect, call, values, state)
            elif isinstance(effect, Input):
                if effect.is_call and (result is None or effect.strength == "input"):
                    key = given.positional[0].constant if given.positional else None
                    root: Any = (paths[0], id(call)) if key is None else (paths[0], key)
                    result = self.source(effect, root, call, path)
                    is_source = True
            elif isinstance(effect, Cleaner):
                values = given.all()
                if result is None:
                    if effect.is_mark:
                        taints = merged([taints_of(one) for one in values])
                        marks = tuple(one._replace(cleared=one.cleared | ALL) for one in taints)
                        result = Value(marks, path=path)
                    elif "*" in effect.clears:
                        result = Value(is_known=True, path=path)
                    else:
                        joined = Value(merged([taints_of(one) for one in values]))
                        result = cleared_for(joined, effect.clears)._replace(
                            is_known=all(one.is_known for one in values), path=path
                        )
                else:
                    result = cleared_for(result, effect.clears)
                if effect.validates:
                    for value in values:
                        self.clear(value, effect.clears, state)
            elif isinstance(effect, Retypes):
                if given.receiver is not None and self.matches(effect.when, given):
                    result = Value(path=effect.path)
                    target = call.function.object if isinstance(call.function, Attribute) else None
                    if isinstance(target, Name):
                        state.assign(target.name, result, False)
            elif isinstance(effect, Passes) and result is None:
                result = self.passed(effect, call, given, path, state)
            elif isinstance(effect, Asserts) and call.arguments:
                # Where it cannot hold, nothing follows; that much precision is not needed.
                self.assume(call.arguments[0].value, True, state)
            elif isinstance(effect, Validates):
                result = self.validated(effect, name, given, path, state)
            elif isinstance(effect, Calls) and self.matches(effect.when, given):
                holds[effect.position] = effect.holds
        if result is None and self.knowledge.schemas.makers.match(path):
            result = self.schema(name, given, path)
        elif result is None and name in self.knowledge.schemas.inputs and given.positional:
            result = Value(path=path, fields={name: given.positional[0]})
        if holds:
            self.run_with(holds, given, call, path, state)
        else:
            self.run_callbacks(call, name, given, is_source, result, state)
        if self.is_python and name in _HANDS_OVER:
            answer = self.run_later(call, name, given, state)
            if answer is not None:
                return answer._replace(path=path) if name[:1].isupper() else answer
        if sinks:
            # It was reported here; its result is something else, unless it is known to be the same.
            if result is None:
                is_own = given.receiver is not None and bool(taints_of(given.receiver))
                result = self.default_result(call, name, path, given, state) if is_own else None
            return cleared_for(result, frozenset(sinks)) if result is not None else Value(path=path)
        if result is not None:
            return result
        if name in _ON_ELEMENTS and given.receiver is not None:
            answer = self.on_elements(call, name, given, state)
            if answer is not None:
                return answer
        return self.default_result(call, name, path, given, state)

    # --- Schemas: `z.object({id: z.uuid()}).parse(input)` gives an `id` that is harmless

    def schema(self, name: str, given: Given, path: str) -> Value:
        """The description of valid values that a call makes: its keys, and its names as a path."""
        receiver, first = given.receiver, given.positional[0] if given.positional else KNOWN
        is_first = receiver is None or not receiver.path.endswith("()")
        fields = None if is_first or receiver is None else receiver.fields
        makers = self.knowledge.schemas.makers
        if first.fields is not None and all(
            makers.match(one.path) for one in first.fields.values()
        ):
            fields = {**(fields or {}), **first.fields}
        elif makers.match(first.path):
            fields = {"0": first}
        if is_restrictive(str(first.constant or ""), False, False):
            path = f"{path}.listed()"
        constant = first.constant if is_first or receiver is None else receiver.constant
        return Value(is_known=True, constant=constant, path=path, fields=fields)

    def schema_kinds(self, path: str) -> Cleared:
        """What a value is safe for that such a schema has let through."""
        schemas = self.knowledge.schemas
        if not schemas.makers.match(path):
            return NOTHING
        names = re.findall(r"([\w$]+)\(\)", path)
        if any(schemas.harmless.fullmatch(one) for one in names):
            return ALL
        return _OBJECT_KINDS if any(schemas.texts.fullmatch(one) for one in names) else NOTHING

    def validated(
        self, effect: Validates, name: str, given: Given, path: str, state: State
    ) -> Value:
        data = given.positional[0] if given.positional else UNKNOWN
        schema = given.receiver or UNKNOWN
        if not self.knowledge.schemas.makers.match(schema.path) or schema.fields is None:
            schema = given.positional[1] if len(given.positional) > 1 else schema
        self.clear(data, effect.clears, state)
        for key, one in (schema.fields or {}).items():
            self.clear(part(data, key), self.schema_kinds(one.path), state)
        value = self.conforming(data, schema, effect.clears)._replace(path=path)
        if name in _ASKING:
            answers = {"value": value, "data": value, "error": KNOWN, "errors": KNOWN}
            value = value._replace(fields={**answers, "success": KNOWN, **(value.fields or {})})
        return value

    def conforming(self, data: Value, schema: Value, otherwise: Cleared, depth: int = 0) -> Value:
        """The data after the schema has let it through."""
        kinds = self.schema_kinds(schema.path)
        if "*" in kinds:
            return KNOWN
        if schema.fields and self.knowledge.schemas.makers.match(schema.path) and depth < 4:
            if schema.fields.keys() == {"0"}:
                one = self.conforming(element(data), schema.fields["0"], otherwise, depth + 1)
                return Value(is_known=True, fields={"0": one})
            fields = {
                key: self.conforming(part(data, key), one, otherwise, depth + 1)
                for key, one in schema.fields.items()
            }
            return Value(is_known=True, fields=fields)
        return cleared_for(data, otherwise | kinds)

    def note_checks(self, given: Given) -> None:
        """What validators check that are given to the framework together with a handler."""
        handlers = [one.function for one in given.positional if one.function is not None]
        inner = [one.fields.get("handler", KNOWN) for one in given.positional if one.fields]
        handlers += [one.function for one in inner if one.function is not None]
        if not handlers:
            return
        checks = [check for one in given.positional for check in self.checks_of(one)]
        if given.receiver is not None:
            checks += self.described(given.receiver)
        for handler in handlers if checks else ():
            self.prechecked.setdefault(id(handler.function), []).extend(checks)

    def checks_of(self, value: Value) -> Iterable[tuple[Label, Cleared]]:
        schemas = self.knowledge.schemas
        start = value.path.partition("(")[0]
        kinds = self.schema_kinds(value.path)
        if start in schemas.inputs and isinstance(value.constant, str) and kinds:
            if not any(map(schemas.enforcers.fullmatch, self.module_state.variables)):
                return
            for root in schemas.inputs[start]:
                yield Label("input", root, tuple(value.constant.split(".")[:3])), kinds
        elif not value.path and value.fields is not None:
            if "schema" in value.fields:
                yield from self.described(value.fields["schema"])
            elif all(key.isdigit() for key in value.fields):
                for one in value.fields.values():
                    yield from self.checks_of(one)

    def described(self, schema: Value) -> Iterable[tuple[Label, Cleared]]:
        """By a JSON schema of the parts of a request, as Fastify has it, or schemas of others."""
        for name, root in self.knowledge.schemas.inputs.items():
            described = part(schema, name) if "." not in name else KNOWN
            properties = part(described, "properties").fields or described.fields
            for key, one in (properties or {}).items():
                kinds = _described_kinds(one) | self.schema_kinds(one.path)
                if kinds:
                    yield Label("input", root[0], (key,)), kinds

    def run_with(
        self, holds: Mapping[int, str], given: Given, call: Call, path: str, state: State
    ) -> None:
        """Functions that are given away, and what they will be given."""
        arguments = [
            self.source(Input("input", True), (path, id(call)), call, path)
            if holds.get(index) == "input"
            else Value(path=holds[index])
            if index in holds
            else None
            for index in range(max(holds) + 1)
        ]
        inner = [*given.positional, *given.named.values()]
        inner += [one for value in given.positional for one in (value.fields or {}).values()]
        for value in inner:
            if value.function is not None and value.function.function.is_inline:
                self.run_inline(value.function, arguments, state)

    def passed(self, effect: Passes, call: Call, given: Given, path: str, state: State) -> Value:
        values = given.all()
        if path == "re.sub()" and len(given.positional) == 3:
            return self.replaced(given.positional[2], given.positional)
        if path == "re.compile().sub()" and len(given.positional) == 2 and given.receiver:
            return self.replaced(given.positional[1], [given.receiver])
        if path == "map()" and len(values) > 1:
            for change in self.knowledge.effects(
                values[0].path.rpartition(".")[2], (values[0].path,)
            ):
                if isinstance(change, Cleaner):
                    return cleared_for(join_all(values[1:]), change.clears)
        if len(values) == 1 or effect.path == "=":
            kept = values[0].path if effect.path == "=" and values else effect.path or path
            return values[0]._replace(path=kept, test=None) if values else UNKNOWN
        return Value(
            merged([taints_of(one) for one in values]),
            all(one.is_known for one in values),
            path=effect.path or path,
            is_built=any(one.is_built for one in values)
            or not taints_of(values[0] if values else KNOWN),
            has_markup=any(one.has_markup for one in values),
            prefix=values[0].prefix if values else "",
        )

    def default_result(self, call: Call, name: str, path: str, given: Given, state: State) -> Value:
        """What a call gives that nothing is known of."""
        receiver = given.receiver
        if call.is_tagged:
            return Value(is_known=True, path=path)
        arguments = [*given.positional, *given.named.values()]
        if receiver is None or receiver.path in ("self", "http.server.Handler()"):
            is_tainted = any(taints_of(one) for one in arguments)
            if not is_tainted:
                return Value(path=path)
            if _SANITISER.fullmatch(name):
                return Value(is_known=True, path=path)
            if call.is_new or name[:1].isupper():
                # An object that holds its arguments; it is no text.
                return Value(path=path, fields={**given.named, "()": doubtful(join_all(arguments))})
            if _LOOKUP.fullmatch(name):
                return Value(path=path)
            return doubtful(join_all(arguments))._replace(path=path)
        if name[:1].isupper() and not receiver.taints and (arguments or call.is_new):
            return Value(path=path, fields={**given.named, "()": doubtful(join_all(arguments))})
        if name in ("pop", "shift") and receiver.fields and all(map(str.isdigit, receiver.fields)):
            return self.removed(call, name, given, state)
        if name == "get" and len(arguments) > 1 and _SECTIONED.fullmatch(receiver.path):
            keys = [one.constant for one in arguments[:2]]
            if receiver.fields is not None and all(isinstance(one, str) for one in keys):
                return at(receiver, map(str, keys))
            return element(element(receiver))
        if name in ("get", "pop") and receiver.fields is not None and arguments:
            key = arguments[0]
            if key.constant is not None and str(key.constant) in receiver.fields:
                return receiver.fields[str(key.constant)]
            rest = [element(receiver), *arguments[1:]]
            return join_all(rest)._replace(is_known=all(one.is_known for one in rest))
        if (
            name in _ADDING
            and arguments
            and isinstance(call.function, Attribute)
            and (
                name in _APPENDING
                or receiver.fields is not None
                or _CONTAINERS.fullmatch(receiver.path)
            )
        ):
            self.add(call, name, given, state)
        receiver_taints = taints_of(receiver)
        if isinstance(receiver.constant, str) and name in _OF_CONSTANTS:
            folded = _OF_CONSTANTS[name](receiver.constant, [one.constant for one in arguments])
            if folded is not None:
                return Value(is_known=True, constant=folded)
        if name in ("replace", "replaceAll") and len(arguments) >= 2:
            receiver = self.replaced(receiver, arguments)
            receiver_taints = receiver.taints
        is_text = isinstance(receiver.constant, str) or receiver.is_built
        if name in _JOINING and (is_text or receiver_taints or name != "join"):
            values = [receiver, *arguments]
            if name == "concat" and any(one.fields is not None for one in values):
                return Value(merged([taints_of(one) for one in values]))
            built = self.build(call, values, "%" if name == "format" else "+", state)
            if name == "format" and isinstance(receiver.constant, str):
                built = built._replace(prefix=receiver.constant.partition("{")[0])
            return built
        if name == "items" and not arguments:
            return pairs_of(receiver)._replace(path=path)
        if name == "values" and receiver.fields is not None:
            return Value(receiver_taints, receiver.is_known, fields=receiver.fields)
        if not receiver_taints:
            if _SANITISER.fullmatch(name):
                return Value(is_known=True, path=path)
            is_module = bool(receiver.path) and "(" not in receiver.path
            if is_module and given.positional and not _LOOKUP.fullmatch(name):
                # A function of another module may give back what it was given.
                return doubtful(join_all(given.positional))._replace(path=path)
            is_list = receiver.fields is not None and name in ("join", "slice", "concat", "sort")
            is_known = receiver.is_known and (receiver.constant is not None or is_list)
            return Value(is_known=is_known, path=path)
        if name in _KEYED and arguments and isinstance(arguments[0].constant, str):
            if "type" in given.named and given.named["type"].path in _NUMBER_TYPES:
                return KNOWN
            found = part(receiver, arguments[0].constant)
            if len(arguments) > 1:
                found = join(found, arguments[1])
            return found._replace(path=path)
        if name == "entries":
            return Value(receiver_taints, path=path)
        taints = receiver_taints
        if name in ("model_dump", "dict") and _DECLARED.fullmatch(receiver.path):
            # A model has the fields that it declares, whatever was sent.
            taints = tuple(
                taint._replace(cleared=taint.cleared | {"mass-assignment"}) for taint in taints
            )
        if name == "pop" or name == "shift":
            taints = element(Value(receiver_taints)).taints
        if name not in _KEYED and name not in ("json", "copy", "dict", "model_dump", "to_dict"):
            taints = tuple(taint._replace(cleared=taint.cleared | _TEXT_KINDS) for taint in taints)
        return Value(
            taints,
            receiver.is_known,
            path=path,
            is_built=receiver.is_built,
            has_markup=receiver.has_markup,
            prefix=receiver.prefix,
        )

    def replaced(self, receiver: Value, arguments: list[Value]) -> Value:
        """`receiver.replace(what, by)`: an allow-list of characters makes it safe for all."""
        what = arguments[0].constant
        if not isinstance(what, str):
            return receiver
        kinds: set[str] = set()
        if re.fullmatch(r"\[\^(?:[^\]\\]|\\.)+\][+*]?", what) and not re.search(r"[<;'\"`]", what):
            kinds = {"*"} if not re.search(r"\./|\\/|\.\\/", what) else {*_NOT_PATHS}
        elif re.fullmatch(r"[<>]|\[[^\]]*<[^\]]*\]\+?", what):
            kinds = {"cross-site-scripting"}
        elif re.match(r"\^\(\\\.\\\.", what):
            kinds = set(_PATHS)
        elif re.search(r"\\[rn]|[\r\n]", what):
            kinds = {"log-injection", "header-injection"}
        elif (
            what.startswith("[")
            and all(one in what for one in ".*+?()")
            and (arguments[1].constant == "\\$&")
        ):
            kinds = {"regex-explosion"}
        if "*" in kinds:
            return Value(is_known=True)
        return cleared_for(receiver, frozenset(kinds)) if kinds else receiver

    def add(self, call: Call, name: str, given: Given, state: State) -> None:
        """`list.append(value)` and the like: the object now holds its arguments too."""
        assert isinstance(call.function, Attribute)
        target: Expression = call.function.object
        keys: list[str] = []
        while isinstance(target, Attribute):
            keys.append(target.name)
            target = target.object
        if type(target) is not Name:
            return
        old = state.get(target.name)
        if old is None or given.receiver is None:
            return
        keys.reverse()
        inner = given.receiver
        arguments = [*given.positional, *given.named.values()]
        first = given.positional[0] if given.positional else UNKNOWN
        is_pair = name in ("set", "setdefault") and len(arguments) > 1
        keyed = [one.constant for one in arguments[:2] if isinstance(one.constant, str)]
        if name == "set" and len(arguments) == 3 and len(keyed) == 2:
            new = with_part(inner, tuple(map(str, keyed)), arguments[2])
        elif is_pair and isinstance(first.constant, str):
            new = with_part(inner, (first.constant,), arguments[1])
        elif name in ("append", "push") and inner.fields is not None and len(arguments) == 1:
            if all(key.isdigit() for key in inner.fields) and len(inner.fields) < 50:
                new = with_part(inner, (str(len(inner.fields)),), first)
            else:
                new = inner._replace(taints=merged((inner.taints, taints_of(first))))
        elif name == "update" and first.fields is not None and not first.taints:
            new = inner._replace(fields={**(inner.fields or {}), **first.fields})
        else:
            taints = merged([inner.taints, *(taints_of(one) for one in arguments)])
            known = inner.is_known and all(one.is_known for one in arguments)
            new = inner._replace(taints=taints, is_known=known)
        if new is not inner:
            new = new._replace(constant=None)
            state.assign(target.name, with_part(old, tuple(keys[:2]), new), False)

    def removed(self, call: Call, name: str, given: Given, state: State) -> Value:
        """`list.pop(0)` and the like: what it gives, and the list without it."""
        assert given.receiver is not None
        values = list((given.receiver.fields or {}).values())
        index = given.positional[0].constant if given.positional else 0 if name == "shift" else -1
        if type(index) is not int or not -len(values) <= index < len(values):
            return element(given.receiver)
        taken = values.pop(index)
        if isinstance(call.function, Attribute) and isinstance(call.function.object, Name):
            rest = {str(place): value for place, value in enumerate(values)}
            new = given.receiver._replace(fields=rest)
            state.assign(call.function.object.name, new, False)
        return taken

    def applies(self, sink: Sink, given: Given, name: str) -> bool:
        if not self.matches(sink.when, given):
            return False
        for name, pattern in sink.unless.items():
            for value in given.at(int(name) if name.isdigit() else name):
                if pattern.fullmatch(str(value.constant) if value.is_known else value.path or "?"):
                    return False
        return sink.slow_pattern is None or any(
            isinstance(value.constant, str) and self.is_slow(value.constant, name)
            for value in given.at(sink.slow_pattern)
        )

    def is_slow(self, pattern: str, name: str) -> bool:
        """Whether the function of `re` can take more than linear time for the pattern."""
        key = (pattern, name in ("match", "fullmatch"))
        known = self.patterns.get(key)
        if known is None:
            known = self.patterns[key] = takes_polynomial_time(
                pattern, anywhere=not key[1], whole=name == "fullmatch"
            )
        return known

    def note_call(self, sink: Sink, call: Call, values: list[Value], state: State) -> None:
        key = (sink.rule, id(call))
        claim = self.calls.get(key)
        for value in values:
            claim = self.claim(call, value, sink.kind, state, claim)
            if sink.kind in _RUNS_TEXT and value.constant is None and not taints_of(value):
                # Not even a number or a hash is meant to be run.
                claim = _Claim(call, False)
        self.calls[key] = claim if claim is not None and values else _Claim(call, False)

    def matches(self, when: Mapping[str, re.Pattern[str]], given: Given) -> bool:
        """Whether all these arguments are there, and are such constants or not known."""
        for name, pattern in when.items():
            values = given.at(int(name) if name.isdigit() else name)
            if not values:
                return False
            if values[0].is_known and not pattern.fullmatch(str(values[0].constant)):
                return False
        return True

    def check_sink(self, sink: Sink, value: Value, place: Any, state: State) -> None:
        if not fits(sink, value):
            return
        taints = value.taints if sink.shape in ("text", "whole") else taints_of(value)
        if sink.kind in _URL_KINDS:
            taints = tuple(one for one in taints if not _is_own_address(one.label))
            if sink.kind == "open-redirect":
                taints = tuple(one for one in taints if not _is_own_host(one.label))
        elif sink.kind == "cross-site-scripting" and sink.shape == "text":
            # A body as a whole is an object, which is sent as JSON.
            taints = tuple(
                one for one in taints if one.label.path or not str(one.label.root).endswith(".body")
            )
        if sink.shape == "whole":
            taints = tuple(one for one in taints if one.label.path in ((), ("*",)))
        for taint in taints:
            cleared = taint.cleared
            if sink.kind in cleared or "*" in cleared:
                continue
            cleared = state.kinds(taint.label)
            if sink.kind in cleared or "*" in cleared:
                continue
            hit = Hit(sink, place, taint, value.is_built)
            self.frame.hits.setdefault(hit.key, hit)

    # --- Functions of the file

    def call_closure(
        self, closure: Closure, given: Given, call: Expression, state: State
    ) -> Value | None:
        self.called.add(id(closure.function))
        if closure.given:
            given = given._replace(positional=[*closure.given, *given.positional])
        closure = self.specialised(closure, given)
        summary = self.summary(closure)
        if summary is None:
            return None
        if summary.never_returns:
            self.apply(closure, summary, given, call, state)
            return _NEVER
        return self.apply(closure, summary, given, call, state)

    def specialised(self, closure: Closure, given: Given) -> Closure:
        """The function as it is for arguments that are objects of known libraries."""
        function = closure.function
        types = []
        for index, parameter in enumerate(function.parameters):
            value = given.named.get(parameter.name)
            if value is None and index < len(given.positional):
                value = given.positional[index]
            is_typed = value is None or parameter.annotation or parameter.is_rest
            is_object = value is not None and value.path.endswith("()") and not value.taints
            types.append(value.path if value is not None and is_object and not is_typed else "")
        known = self.variants.setdefault(id(function), set())
        key = tuple(types)
        if not any(types) or (key not in known and len(known) >= MOST_VARIANTS):
            return closure
        known.add(key)
        return closure._replace(types=key)

    def run_later(self, call: Call, name: str, given: Given, state: State) -> Value | None:
        """A function that is handed over with its arguments, such as to a thread, is called."""
        functions = [
            (one, given.positional[index + 1 :]) for index, one in enumerate(given.positional)
        ]
        functions += [(given.named[key], []) for key in ("target", "func") if key in given.named]
        for value, rest in functions:
            closure = value.function
            if closure is None:
                continue
            positional = rest
            if name in _ON_EACH:
                positional = [element(one) for one in rest]
            elif (several := given.named.get("args")) is not None:
                positional = list((several.fields or {"": element(several)}).values())
            named = given.named
            if "kwargs" in named or not rest:
                named = {**named, **(named.get("kwargs", UNKNOWN).fields or {})}
            names = {parameter.name for parameter in closure.function.parameters}
            named = {key: one for key, one in named.items() if key in names and one is not value}
            if name == "partial" and not named:
                return Value(function=closure._replace(given=(*closure.given, *positional)))
            if closure.function.is_inline:
                return self.run_inline(closure, positional, state)[0]
            return self.call_closure(closure, Given(None, positional, named), call, state)
        return None

    def apply(
        self, closure: Closure, summary: Summary, given: Given, call: Expression, state: State
    ) -> Value:
        """A call of a function of the file: its summary with the arguments put in."""
        mapping = self.arguments(closure, given)
        name = closure.function.name or "the function"

        def given_for(taint: Taint) -> Iterable[Taint]:
            return put_in(taint, mapping, call, f"through `{name}`")

        for hit in summary.hits:
            if hit.taint.label.root not in mapping:
                if hit.taint.label.kind == "parameter":
                    self.frame.hits.setdefault(hit.key, hit)
                continue
            for taint in given_for(hit.taint):
                kinds = taint.cleared | state.kinds(taint.label)
                if hit.sink.kind not in kinds and "*" not in kinds:
                    new = hit._replace(taint=taint)
                    self.frame.hits.setdefault(new.key, new)
        for label, kinds in summary.checked.items():
            self.clear_label(label, kinds, mapping, state)
        answer = map_taints(summary.answer, given_for) if mapping else summary.answer
        if answer.path in ("", "self", "this"):
            answer = answer._replace(path="")
        return answer._replace(test=None)

    def clear_label(
        self, label: Label, kinds: Cleared, mapping: Mapping[Any, Value], state: State
    ) -> None:
        if label.root in mapping:
            self.clear(at(mapping[label.root], label.path), kinds, state)
        else:
            state.clear(label, kinds)

    def arguments(self, closure: Closure, given: Given) -> dict[Any, Value]:
        """By the root of the parameter's label."""
        function = closure.function
        mapping: dict[Any, Value] = {}
        positional = given.positional
        if function.decorators:
            # A decorator may put in the first ones, such as a connection.
            needed = [one for one in function.parameters if one.default is None and not one.is_rest]
            injected = len(needed) - len(positional) - len(given.named)
            positional = [UNKNOWN] * injected + positional
        for index, parameter in enumerate(function.parameters):
            root = (id(function), index)
            if parameter.is_rest:
                mapping[root] = join_all([*positional[index:], *given.named.values()])
            elif parameter.name and parameter.name in given.named:
                mapping[root] = given.named[parameter.name]
            elif index < len(positional):
                mapping[root] = positional[index]
            else:
                mapping[root] = KNOWN
        if closure.of is not None and closure.bound is not None:
            mapping[closure.of.root] = closure.bound
        return mapping

    def make(self, of: Class, given: Given, call: Call, state: State) -> Value:
        """An object of a class of the file."""
        if any(base.rpartition(".")[2] in _ENUMS for base in of.bases):
            # `Direction(text)` fails on what is none of its values.
            for value in given.all():
                self.clear(value, ALL, state)
            return KNOWN
        of.is_made_here = True
        constructor = of.methods.get("__init__") or of.methods.get("constructor")
        fields: dict[str, Value] = {}
        if constructor is not None:
            self.called.add(id(constructor.function))
            summary = self.summary(constructor)
            if summary is not None:
                self.apply(constructor, summary, given, call, state)
                mapping = self.arguments(constructor, given)
                for name, value in summary.stores.items():
                    fields[name] = map_taints(
                        value, lambda taint: put_in(taint, mapping, call, f"into `{of.name}`")
                    )
        else:
            # A dataclass or a model: its fields are its arguments.
            fields = dict(given.named)
            names = list(of.attributes)
            for name, value in zip(names, given.positional, strict=False):
                fields[name] = value
            for name, value in fields.items():
                if name in of.clean:
                    fields[name] = KNOWN
                of.stores[name] = join(of.stores[name], value) if name in of.stores else value
        return Value(fields=fields, object_of=of, path=f"{of.name}()")

    def summary(self, closure: Closure) -> Summary | None:
        """None while it is being made (it calls itself), and where calls nest too deeply."""
        function = closure.function
        known = self.summaries.get(closure.key)
        if known is not None:
            return known
        if id(function) in self.active or self.depth >= DEEPEST_CALLS:
            return None
        if closure.of is not None and function.name not in ("__init__", "constructor"):
            constructor = closure.of.methods.get("__init__") or closure.of.methods.get(
                "constructor"
            )
            if constructor is not None:
                self.summary(constructor)
        returns = self.return_sinks(function, closure)
        frame, outer = _Frame(function, closure.of, returns), self.frame
        state = State(parent=closure.state)
        self.frame = frame
        self.active.add(id(function))
        self.depth += 1
        try:
            self.parameters(closure, state)
            for label, kinds in self.prechecked.get(id(function), ()):
                state.clear(label, kinds)
            self.hoist(function.body, state)
            end = self.execute(function.body, state)
            for nested in frame.nested:
                inner = self.summary(nested)
                if inner is not None:
                    for hit in inner.hits:
                        frame.hits.setdefault(hit.key, hit)
            if end is not None:
                frame.returns.append((KNOWN, end, None))
            # Still active: what it returns may be asked of the function itself.
            summary = self.summed_up(frame)
        finally:
            self.depth -= 1
            self.active.discard(id(function))
            self.frame = outer
        self.summaries[closure.key] = summary
        return summary

    def summed_up(self, frame: _Frame) -> Summary:
        returns = frame.returns
        answer = join_all([value for value, _, _ in returns])
        if frame.yields:
            every = merged([taints_of(one) for one in frame.yields])
            answer = Value(every, fields={"0": join_all(frame.yields)})
        checked = in_all([state for _, state, _ in returns])
        true: list[State] = []
        false: list[State] = []
        if any(_is_answer(expression) for _, _, expression in returns):
            for _, state, expression in returns:
                if expression is None:
                    false.append(state)
                    continue
                yes = self.assume(expression, True, state.copy())
                no = self.assume(expression, False, state.copy())
                true += [yes] if yes is not None else []
                false += [no] if no is not None else []
        return Summary(
            answer,
            tuple(frame.hits.values()),
            checked,
            in_all(true),
            in_all(false),
            frame.stores,
            not returns,
        )

    def return_sinks(self, function: Function, closure: Closure) -> list[Sink]:
        sinks: list[Sink] = []
        for decorator in function.decorators:
            path = self.path_of(decorator, closure.state)
            for pattern, sink in self.knowledge.returns:
                if pattern.matches(path) and self.is_decorated_so(sink, decorator, closure.state):
                    sinks.append(sink)
        if not function.decorators:
            sinks += self.knowledge.helper_returns
        return sinks

    def is_decorated_so(self, sink: Sink, decorator: Expression, state: State) -> bool:
        """Whether the decorator has the arguments that the sink asks for."""
        given = {
            one.name: self.path_of(one.value, state)
            for one in (decorator.arguments if isinstance(decorator, Call) else ())
        }
        return all(
            name in given and pattern.fullmatch(given[name]) for name, pattern in sink.when.items()
        )

    def parameters(self, closure: Closure, state: State) -> None:
        """Gives the parameters what they hold when nothing is known of the caller."""
        function = closure.function
        if closure.of is not None and function.receiver:
            state.variables[function.receiver] = self.own_object(closure.of)
        decorators = [self.path_of(one, closure.state) for one in function.decorators]
        converters = [
            argument.value.value
            for decorator in function.decorators
            if isinstance(decorator, Call)
            for argument in decorator.arguments
            if isinstance(argument.value, Constant) and isinstance(argument.value.value, str)
        ]
        first = function.parameters[0].name if function.parameters else ""
        for index, parameter in enumerate(function.parameters):
            value = self.parameter(closure, index, parameter, decorators, first)
            name = parameter.name
            if name and any(
                re.search(rf"<(?:int|float|uuid)(?:\(.*?\))?:{re.escape(name)}>", one)
                for one in converters
            ):
                value = KNOWN
            if name:
                state.variables[name] = value
            if parameter.pattern is not None:
                self.bind(parameter.pattern, value, state, parameter, True)
            if parameter.is_property and name and closure.of is not None:
                stored = self.frame.stores
                stored[name] = value
                closure.of.stores[name] = value

    def own_object(self, of: Class) -> Value:
        """What a method sees as its object: labels of its own, and what the constructor stores."""
        if of.own is not None:
            return of.own
        constructor = of.methods.get("__init__") or of.methods.get("constructor")
        summary = self.summaries.get(constructor.key) if constructor else None
        taint = Taint(Label("parameter", of.root), Trace(of, "the object", None))
        fields: dict[str, Value] = {}
        for name, value in (summary.stores if summary else {}).items():
            is_tainted = bool(taints_of(value))
            own = taint._replace(label=taint.label._replace(path=(name,)))
            fields[name] = value._replace(
                taints=(own,) if is_tainted else (), fields=None if is_tainted else value.fields
            )
        is_handler = any(base.endswith("HTTPRequestHandler") for base in of.bases)
        path = "http.server.Handler()" if is_handler else "self"
        result = Value((taint,), fields=fields, object_of=of, path=path)
        if summary is not None or constructor is None:
            of.own = result
        return result

    def parameter(
        self,
        closure: Closure,
        index: int,
        parameter: Parameter,
        decorators: Sequence[str],
        first: str,
    ) -> Value:
        function = closure.function
        annotation = parameter.annotation
        state = closure.state
        if annotation and self.is_clean_type(annotation, state):
            return KNOWN
        if parameter.default is not None and _is_held_to_pattern(parameter.default):
            return KNOWN
        own = [self.path_of(one, state) for one in parameter.decorators]
        after = function.parameters[index + 1 : index + 2]
        following = after[0].name if after else ""
        bases = closure.of.bases if closure.of is not None else ()
        path = self.type_path(annotation, state) if annotation else ""
        holds, clears = "", NOTHING
        for rule in self.knowledge.parameters:
            if rule.names is not None and not rule.names.fullmatch(parameter.name or "{}"):
                continue
            if rule.position is not None and rule.position != index:
                continue
            if rule.first is not None and not rule.first.fullmatch(first):
                continue
            if rule.then is not None and not rule.then.fullmatch(following):
                continue
            if rule.function is not None and not rule.function.fullmatch(function.name):
                continue
            if rule.base is not None and not any(map(rule.base.fullmatch, bases)):
                continue
            if rule.decorator is not None and not any(map(rule.decorator.fullmatch, own)):
                continue
            if rule.function_decorator is not None and not any(
                map(rule.function_decorator.fullmatch, decorators)
            ):
                continue
            holds, clears = rule.holds, rule.clears
            break
        if "Depends(" in annotation or "Security(" in annotation:
            return Value(path=path)
        if holds in ("input", "local"):
            if parameter.default is not None and self.is_injected(parameter.default, state):
                return Value(path=path)
            if path and path != "str()" and self.is_object_type(annotation, state):
                return Value(path=path)
            if any(self.has_clean_pipe(one) for one in parameter.decorators):
                return KNOWN
            label = Label(
                "input" if holds == "input" else "local", ("parameter", id(function), index)
            )
            taint = Taint(label, Trace(parameter, "source", None), clears)
            value = Value((taint,), True, path=path)
            if _has_length(parameter.default) or "max_length" in annotation:
                value = cleared_for(value, _LENGTHS)
            return self.typed(value, annotation, state)
        if holds:
            if path.removesuffix("()").endswith(("Request", "HTTPConnection", "WebSocket")):
                return Value(path=path if holds.startswith("web.") else holds)
            if not path or _FRAMEWORK_TYPE.search(path):
                return Value(path=holds)
        label = Label("parameter", (id(function), index))
        path = path or (closure.types[index] if closure.types else "")
        value = Value((Taint(label, Trace(parameter, "parameter", None)),), True, path=path)
        return self.typed(value, annotation, state)

    def typed(self, value: Value, annotation: str, state: State) -> Value:
        """A value of a class of the file, whose fields have types of their own."""
        made = state.get(annotation.strip("'\"")) if annotation else None
        if made is None or not isinstance(made.object_of, _Made):
            return value
        of = made.object_of.of
        fields = {
            name: cleared_for(part(value, name), _OBJECT_KINDS)
            for name in sorted(of.texts)
            if value.taints
        }
        fields.update(dict.fromkeys((*sorted(of.clean), *sorted(self.validated_fields(of))), KNOWN))
        return value._replace(fields=fields)

    def validated_fields(self, of: Class) -> set[str]:
        """The fields that methods such as pydantic's `@field_validator("name")` let pass or not."""
        names: set[str] = set()
        for method in of.methods.values():
            for decorator in method.function.decorators:
                if not is_call_of(decorator, "field_validator", "validator"):
                    continue
                assert isinstance(decorator, Call)
                summary = self.summary(method)
                checked = summary.checked if summary is not None else {}
                if "*" in checked.get(Label("parameter", (id(method.function), 0)), NOTHING):
                    names |= {
                        str(one.value.value)
                        for one in decorator.arguments
                        if isinstance(one.value, Constant)
                    }
        return names

    def is_injected(self, default: Expression, state: State) -> bool:
        """`= Depends(get_database)`: made by the framework from other things."""
        return isinstance(default, Call) and dotted_path(default.function).rpartition(".")[2] in (
            "Depends",
            "Security",
            "inject",
            "Provide",
        )

    def is_object_type(self, annotation: str, state: State) -> bool:
        """Whether it is a class of a library that the framework itself fills in."""
        return bool(_INJECTED_TYPES.search(annotation))

    def has_clean_pipe(self, decorator: Expression) -> bool:
        """Nest's `@Param("id", ParseIntPipe)`."""
        return isinstance(decorator, Call) and any(
            re.fullmatch(
                r"(?:new )?Parse(?:Int|Float|Bool|UUID|Enum|Date)Pipe(?:\(\))?",
                dotted_path(one.value),
            )
            for one in decorator.arguments
        )

    def is_clean_type(self, annotation: str, state: State) -> bool:
        if self.knowledge.clean_types.fullmatch(annotation):
            return True
        held = _PATTERN_IN_TYPE.search(annotation)
        if held is not None and is_restrictive(held["pattern"], False, False):
            return True
        made = state.get(annotation.strip("'\"")) if annotation.isidentifier() else None
        return (
            made is not None
            and isinstance(made.object_of, _Made)
            and any(base.rpartition(".")[2] in _ENUMS for base in made.object_of.of.bases)
        )

    def type_path(self, annotation: str, state: State) -> str:
        """`Session` -> "sqlalchemy.orm.Session()"."""
        match = _TYPE_NAME.match(annotation.strip("'\""))
        if match is None:
            return ""
        head, _, rest = match["name"].partition(".")
        known = state.get(head)
        base = known.path if known is not None and known.path else head
        return f"{base}.{rest}()" if rest else f"{base}()"

    # --- Callbacks

    def run_callbacks(
        self,
        call: Call,
        name: str,
        given: Given,
        is_source: bool,
        result: Value | None,
        state: State,
    ) -> None:
        """Functions written as arguments are run where they stand, in a function of the file."""
        if self.frame.function is None and not is_source:
            return
        if name in _ON_ELEMENTS:
            return
        for value in (*given.positional, *given.named.values()):
            closure = value.function
            if closure is not None and closure.function.is_inline:
                if is_source and result is not None:
                    arguments = [result] * len(closure.function.parameters)
                    self.run_inline(closure, arguments, state)
                else:
                    self.run_inline(closure, [], state)

    def on_elements(self, call: Call, name: str, given: Given, state: State) -> Value | None:
        assert given.receiver is not None
        receiver = given.receiver
        inner = receiver if name in ("then", "tap", "pipe") else self.read_element(receiver, call)
        callbacks = [one for one in given.positional if one.function is not None]
        if not callbacks:
            return self.on_elements_by_name(call, name, inner, given, state)
        arguments = [inner, KNOWN, receiver]
        if name == "reduce":
            arguments = [join_all(given.positional[1:]), inner, KNOWN]
        answers = [self.run_inline(one.function, arguments, state) for one in callbacks]
        answer = join_all([value for value, _ in answers])
        if name == "map" or name == "flatMap":
            fields = {"0": answer} if answer.is_known else None
            return Value(taints_of(answer), answer.is_known, fields=fields)
        if name in ("reduce", "then", "pipe"):
            return answer
        if name in ("filter", "find"):
            source = receiver if name == "filter" else inner
            checked = answers[0][1]

            def safe(taint: Taint) -> Iterable[Taint]:
                label = taint.label
                kinds = checked.get(Label("parameter", label.root, label.path), NOTHING)
                kinds |= checked.get(Label("parameter", label.root, (*label.path, "*")), NOTHING)
                return (taint._replace(cleared=taint.cleared | kinds),)

            return map_taints(source, safe)
        return UNKNOWN if name == "sort" else KNOWN

    def on_elements_by_name(
        self, call: Call, name: str, inner: Value, given: Given, state: State
    ) -> Value | None:
        """`list.map(Number)`, `promise.then(JSON.parse)`."""
        if name not in ("map", "flatMap", "then", "forEach") or len(call.arguments) != 1:
            return None
        function, path = call.arguments[0].value, given.positional[0].path
        if not isinstance(function, (Name, Attribute)) or not path or given.positional[0].taints:
            return None
        each = Given(None, [inner], {})
        answer = self.call_unknown(
            Call(call.place, function, ()), path.rpartition(".")[2], (path,), each, state
        )
        if name == "then":
            return answer
        return Value(is_known=answer.is_known, fields={"0": answer})

    def run_inline(
        self, closure: Closure, arguments: Sequence[Value | None], state: State
    ) -> tuple[Value, Mapping[Label, Cleared]]:
        """A callback's answer, and what is safe when it answers yes."""
        function = closure.function
        if id(function) in self.active or self.depth >= DEEPEST_CALLS:
            return UNKNOWN, {}
        outer = self.frame
        frame = _Frame(function, closure.of or outer.of, ())
        frame.hits = outer.hits
        frame.stores = outer.stores
        inner = State(parent=state)
        self.frame = frame
        self.active.add(id(function))
        self.called.add(id(function))
        self.depth += 1
        try:
            self.parameters(closure._replace(state=state), inner)
            for index, parameter in enumerate(function.parameters):
                given = arguments[index] if index < len(arguments) else None
                if given is None:
                    if arguments or inner.get(parameter.name) is None:
                        continue
                    value = inner.get(parameter.name)
                    if value is not None and any(
                        taint.label.kind == "parameter" for taint in value.taints
                    ):
                        inner.variables[parameter.name] = UNKNOWN
                    continue
                if parameter.pattern is not None:
                    self.bind(parameter.pattern, given, inner, parameter, True)
                elif parameter.name:
                    inner.variables[parameter.name] = given
            for label, kinds in self.prechecked.get(id(function), ()):
                inner.clear(label, kinds)
            self.hoist(function.body, inner)
            end = self.execute(function.body, inner)
            if end is not None:
                frame.returns.append((KNOWN, end, None))
            summary = self.summed_up(frame)
        finally:
            self.depth -= 1
            self.active.discard(id(function))
            self.frame = outer
        outer.nested += frame.nested
        self.summaries.setdefault(closure.key, summary._replace(hits=()))
        return summary.answer, summary.checked_if_true

    # --- Tests

    def clear(self, value: Value, kinds: Cleared, state: State) -> None:
        """Everything that the value was made from is safe for these kinds from here on."""
        for taint in taints_of(value):
            label = taint.label
            state.clear(label, kinds)
            for index, key in enumerate(label.path):
                if key in self.knowledge.hosts:
                    state.clear(label._replace(path=label.path[:index]), _URL_KINDS)

    def assume(self, test: Expression, truth: bool, state: State) -> State | None:
        """The state where the test is known to be true (or false); None where it cannot be."""
        if isinstance(test, Not):
            return self.assume(test.operand, not truth, state)
        if isinstance(test, Logical) and test.operator != "??":
            return self.assume_logical(test, truth, state)
        if isinstance(test, Compare):
            return self.assume_compare(test, truth, state)
        if isinstance(test, Call):
            self.assume_call(test, truth, state)
            return state
        if isinstance(test, Constant):
            return state if bool(test.value) == truth else None
        if isinstance(test, Bind):
            return self.assume(test.value, truth, state)
        if isinstance(test, Name):
            value = state.get(test.name)
            if value is not None:
                if value.test is not None and self.asking < MOST_QUESTIONS:
                    self.asking += 1
                    answer = self.assume(value.test, truth, state)
                    self.asking -= 1
                    return answer
                if isinstance(value.constant, bool) and self.frame.function is not None:
                    return state if value.constant == truth else None
                if not truth:
                    # Empty, or not there at all.
                    self.clear(value, ALL, state)
            return state
        if isinstance(test, Other) and len(test.operands) == 1 and not test.is_number:
            return self.assume(test.operands[0], truth, state)
        if isinstance(test, Attribute) and not truth:
            # `if url.hostname: refuse`: an address without a host is one of this site.
            self.clear(self.evaluate(test, state), ALL, state)
        return state

    def assume_logical(self, test: Logical, truth: bool, state: State) -> State | None:
        operands = operands_of(test)
        current: State | None = state
        if truth == (test.operator == "and"):
            for operand in operands:
                current = self.assume(operand, truth, current) if current is not None else None
            return current
        # One of them decides, and all before it were the other way.
        ends: list[State | None] = []
        for operand in operands:
            if current is None:
                break
            ends.append(self.assume(operand, truth, current.copy()))
            current = self.assume(operand, not truth, current)
        return joined(ends)

    def assume_compare(self, test: Compare, truth: bool, state: State) -> State | None:
        operator = test.operator
        if operator in ("!=", "!==", "is not", "not in"):
            positive = {"!=": "==", "!==": "==", "is not": "==", "not in": "in"}[operator]
            return self.assume_compare(test._replace(operator=positive), not truth, state)
        if operator in ("==", "===", "is"):
            return self.assume_equal(test, truth, state)
        left, right = self.evaluate(test.left, state), self.evaluate(test.right, state)
        if operator == "in":
            options = [one.constant for one in (right.fields or {}).values()]
            if left.constant is not None and options and None not in options and not right.taints:
                return state if (left.constant in options) == truth else None
            if truth and _is_allow_list(right, left):
                self.clear(left, ALL, state)
            elif not truth and left.constant in ("..", "../"):
                self.clear(right, _PATHS, state)
            elif not truth and left.constant in ("'", '"'):
                self.clear(right, frozenset(["xpath-injection"]), state)
            elif truth and isinstance(test.right, Attribute) and test.right.name == "parents":
                self.clear(self.evaluate(test.right.object, state), _PATHS, state)
        elif operator == "typeof" or operator == "instanceof":
            name = str(right.constant or right.path)
            if truth and name in ("number", "boolean", "bigint", "Date", "function"):
                self.clear(left, ALL, state)
            elif truth and name == "string":
                self.clear(left, _OBJECT_KINDS, state)
        elif operator in (">", ">=", "<", "<="):
            # `LIST.indexOf(value) >= 0` and the like.
            is_above = operator[0] == ">"
            if is_call_of(test.left, "indexOf", "search", "count") and right.constant in (-1, 0):
                if right.constant == 0 and operator in (">", "<=") and is_above:
                    return state
                self.assume_call(test.left, truth == is_above, state)
            for side, is_less in ((test.left, not is_above), (test.right, is_above)):
                if is_call_of(side, "len") and isinstance(side, Call) and is_less == truth:
                    for argument in side.arguments:
                        self.clear(self.evaluate(argument.value, state), _LENGTHS, state)
            numbers = (left.constant, right.constant)
            if left.is_known and right.is_known and all(type(n) in (int, float) for n in numbers):
                answer = {
                    ">": numbers[0] > numbers[1],  # type: ignore[operator]
                    ">=": numbers[0] >= numbers[1],  # type: ignore[operator]
                    "<": numbers[0] < numbers[1],  # type: ignore[operator]
                    "<=": numbers[0] <= numbers[1],  # type: ignore[operator]
                }[operator]
                return state if answer == truth else None
        return state

    def assume_equal(self, test: Compare, truth: bool, state: State) -> State | None:
        for this, that in ((test.left, test.right), (test.right, test.left)):
            if self.is_start(this, that):
                self.assume_is_start(this, truth, state)
                return state
            if isinstance(that, Constant) and that.value in (None, False, True) and that.value != 1:
                return self.assume(this, not truth, state)
            if isinstance(that, Constant) and that.value is True:
                return self.assume(this, truth, state)
            if isinstance(that, Name) and that.name in ("undefined", "NaN"):
                return self.assume(this, not truth, state)
            if is_call_of(this, "indexOf", "search", "find") and self.is_minus_one(that, state):
                self.assume_call(this, not truth, state)
                return state
        left, right = self.evaluate(test.left, state), self.evaluate(test.right, state)
        if left.constant is not None and type(left.constant) is type(right.constant):
            return state if (left.constant == right.constant) == truth else None
        if not truth and "__proto__" in (left.constant, right.constant):
            self.clear(left if right.constant == "__proto__" else right, _PROTOTYPES, state)
        if truth:
            for one, other in ((left, right), (right, left)):
                if not taints_of(other) and other.constant != "__proto__":
                    self.clear(one, ALL, state)
            for this, other in ((test.left, right), (test.right, left)):
                if isinstance(this, Call) and is_call_of(this, "commonpath", "commonprefix"):
                    for argument in this.arguments:
                        self.clear(self.evaluate(argument.value, state), _PATHS, state)
                if is_call_of(this, "basename", "secure_filename", "normalize", "abspath") and (
                    taints_of(other)
                ):
                    self.clear(other, _PATHS, state)
        return state

    def is_start(self, this: Expression, that: Expression) -> bool:
        """`path.indexOf(folder) === 0`."""
        return is_call_of(this, "indexOf") and isinstance(that, Constant) and that.value == 0

    def assume_is_start(self, test: Expression, truth: bool, state: State) -> None:
        assert isinstance(test, Call)
        if isinstance(test.function, Attribute) and test.arguments:
            start = self.evaluate(test.arguments[0].value, state)
            self.assume_start(self.evaluate(test.function.object, state), start, truth, state)

    def is_minus_one(self, expression: Expression, state: State) -> bool:
        return isinstance(expression, Other) or self.evaluate(expression, state).constant == -1

    def assume_call(self, test: Expression, truth: bool, state: State) -> None:
        """What the answer of a call tells of its arguments."""
        if type(test) is not Call:
            return
        function = test.function
        receiver: Value | None = None
        if isinstance(function, Attribute):
            receiver = self.evaluate(function.object, state)
            name, callee = function.name, self.method(receiver, function.name)
        elif isinstance(function, Name):
            name = function.name
            callee = state.get(name) or Value(path=self.knowledge.aliases.get(name, name))
        else:
            return
        positional = [self.evaluate(one.value, state) for one in test.arguments if not one.name]
        named = {one.name: self.evaluate(one.value, state) for one in test.arguments if one.name}
        given = Given(receiver, positional, named)
        if name in ("bool", "Boolean") and test.arguments:
            self.assume(test.arguments[0].value, truth, state)
            return
        if name == "isinstance" and len(positional) == 2:
            if truth and positional[1].path not in ("str", "bytes", "dict", "list", "object"):
                self.clear(positional[0], ALL, state)
            elif truth and positional[1].path == "str":
                self.clear(positional[0], _OBJECT_KINDS, state)
            return
        if callee.function is not None:
            summary = self.summary(callee.function)
            if summary is not None:
                mapping = self.arguments(callee.function, given)
                found = summary.checked_if_true if truth else summary.checked_if_false
                for label, kinds in found.items():
                    self.clear_label(label, kinds, mapping, state)
            return
        literal = dotted_path(function)
        paths = (callee.path, literal) if callee.path else (literal,)
        is_known = False
        for effect in self.knowledge.effects(name, paths):
            if isinstance(effect, Guard):
                is_known = True
                if effect.safe_when == truth:
                    for place in effect.arguments:
                        for value in given.at(place):
                            self.clear(value, effect.clears, state)
            elif isinstance(effect, (Sink, Input, Cleaner)):
                is_known = True
        first = positional[0] if positional else None
        if name in _CONTAINS or name == "indexOf":
            if receiver is not None and first is not None:
                if truth and not taints_of(receiver):
                    self.clear(first, ALL, state)
                elif not truth and first.constant == "..":
                    self.clear(receiver, _PATHS, state)
        elif name in ("startswith", "startsWith") and receiver is not None and first is not None:
            self.assume_start(receiver, first, truth, state)
        elif name in ("endswith", "endsWith") and truth and receiver is not None:
            self.assume_end(receiver, first, state)
        elif name in ("test", "match", "fullmatch", "search", "exec"):
            self.assume_match(name, given, callee.path, truth, state)
        elif name in ("all", "every") and truth:
            self.assume_every(test, given, state)
        elif name in ("some", "find") and truth and receiver is not None:
            self.assume_some(receiver, given, state)
        elif not is_known and _CHECK.fullmatch(name) and truth:
            for value in positional:
                self.clear(value, ALL, state)

    def assume_start(self, receiver: Value, start: Value, truth: bool, state: State) -> None:
        text = start.constant if isinstance(start.constant, str) else None
        if not truth:
            if text in ("//", "/\\"):
                self.clear(receiver, frozenset(["open-redirect"]), state)
            elif text == "..":
                self.clear(receiver, _PATHS, state)
            return
        if taints_of(start):
            return
        if text is None or re.match(r"[a-z]+://[^/]+/", text):
            self.clear(receiver, _URL_KINDS, state)
        if text is None or len(text) > 1:
            for taint in taints_of(receiver):
                if "normalised-path" in taint.cleared:
                    state.clear(taint.label, _PATHS)

    def assume_end(self, receiver: Value, end: Value | None, state: State) -> None:
        """`url.hostname.endsWith(".example.com")`: only with the dot it is a domain of ours."""
        if end is None or taints_of(end) or not str(end.constant or ".").startswith("."):
            return
        for taint in taints_of(receiver):
            if taint.label.path[-1:] and taint.label.path[-1] in self.knowledge.hosts:
                self.clear(Value((taint,)), _URL_KINDS, state)

    def assume_match(self, name: str, given: Given, path: str, truth: bool, state: State) -> None:
        """A regular expression was asked."""
        receiver, positional = given.receiver, given.positional
        pattern: Value | None = None
        subject: Value | None = None
        if path.startswith("re.") and path.count(".") == 1 and len(positional) > 1:
            pattern, subject = positional[0], positional[1]
        elif receiver is not None and positional:
            if taints_of(receiver) and not taints_of(positional[0]):
                pattern, subject = positional[0], receiver
            else:
                pattern, subject = receiver, positional[0]
        if pattern is None or subject is None or taints_of(pattern):
            return
        text = pattern.constant
        if not isinstance(text, str):
            if truth and not pattern.constant:
                self.clear(subject, ALL, state)
            return
        start = name == "fullmatch" or (name == "match" and self.is_python)
        is_allowed = truth and is_restrictive(text, start, name == "fullmatch")
        # Nothing but the listed characters was found.
        is_allowed |= not truth and bool(re.fullmatch(r"\[\^(?:[^\]\\]|\\.)+\]", text))
        if is_allowed:
            self.clear(subject, ALL, state)

    def assume_some(self, receiver: Value, given: Given, state: State) -> None:
        """`LIST.some((one) => one === value)`: what holds for one of them is true of the value."""
        for value in given.positional:
            if value.function is not None and not taints_of(receiver):
                _, found = self.run_inline(value.function, [element(receiver)], state)
                for label, kinds in found.items():
                    state.clear(label, kinds)

    def assume_every(self, test: Call, given: Given, state: State) -> None:
        """`all(c.isalnum() for c in text)`, `[...text].every(c => …)`."""
        if not test.arguments:
            return
        one = test.arguments[0].value
        inner = State(parent=state)
        if isinstance(one, Comprehension) and one.clauses:
            target, iterable, _ = one.clauses[0]
            whole = self.evaluate(iterable, state)
            self.bind(target, element(whole), inner, target)
            passed = self.assume(one.elements[0], True, inner)
            checked = dict(passed.cleared) if passed is not None else {}
        elif isinstance(one, Function) and given.receiver is not None:
            whole = given.receiver
            _, found = self.run_inline(Closure(one, state), [element(whole)], state)
            checked = {(label.root, label.path): kinds for label, kinds in found.items()}
        else:
            return
        for taint in taints_of(whole):
            label = taint.label
            kinds = checked.get((label.root, (*label.path, "*")), NOTHING)
            kinds |= checked.get((label.root, label.path), NOTHING)
            if kinds:
                state.clear(label, kinds)

    def path_of(self, expression: Expression, state: State) -> str:
        """The dotted path of a decorator, a base class or the like."""
        literal = dotted_path(expression)
        head, dot, rest = literal.partition(".")
        head, bracket, tail = head.partition("(")
        known = state.get(head)
        base = known.path if known is not None and known.path else head
        return f"{base}{bracket}{tail}{dot}{rest}"


def _owner(label: Label) -> int | None:
    """The function whose parameter it is; None for anything else."""
    owner = label.root[0] if label.kind == "parameter" else None
    return owner if isinstance(owner, int) else None


def _is_allow_list(options: Value, value: Value) -> bool:
    """Whether the value's sender has no say in the options."""
    senders = {taint.label.root for taint in taints_of(value)}
    return all(
        taint.label.kind == "parameter" and taint.label.root not in senders
        for taint in taints_of(options)
    )


def _is_property(function: Function) -> bool:
    names = [dotted_path(one).rpartition(".")[2] for one in function.decorators]
    return "property" in names or "cached_property" in names


def _overriding(closure: Closure) -> Iterable[Closure]:
    """The methods that stand in for this one in the file's subclasses."""
    waiting = list(closure.of.subclasses) if closure.of is not None else []
    seen = {id(closure.function)}
    while waiting:
        of = waiting.pop()
        waiting += of.subclasses
        method = of.methods.get(closure.function.name)
        if method is not None and id(method.function) not in seen:
            seen.add(id(method.function))
            yield method._replace(bound=closure.bound)


def _is_held_to_pattern(expression: Expression) -> bool:
    """`Query(pattern="^[a-z]+$")`, `Field(regex=…)`."""
    return isinstance(expression, Call) and any(
        argument.name in ("pattern", "regex")
        and isinstance(argument.value, Constant)
        and is_restrictive(str(argument.value.value), False, False)
        for argument in expression.arguments
    )


def _has_length(default: Expression | None) -> bool:
    """`Query(max_length=100)`."""
    return isinstance(default, Call) and any(one.name == "max_length" for one in default.arguments)


class _Made(NamedTuple):
    """Marks a value as a class itself, not an object of it."""

    of: Class


_BUILTINS = frozenset(dir(builtins))
_GLOBALS = frozenset(
    ["undefined", "module", "exports", "process", "console", "window", "document", "global", "this",
     "arguments", "super", "require", "fetch", "performance", "crypto", "navigator", "location",
     "self", "cls", "done", "next", "res", "req", "resolve", "reject", "callback", "cb", "unicode",
     "queueMicrotask", "structuredClone", "alert"]
)  # fmt: skip
_REFUTABLE = frozenset(
    ["security/sql-injection", "security/command-injection", "security/code-injection",
     "security/unsafe-deserialization"]
)  # fmt: skip
"""What linters claim without knowing where a value comes from."""
_RUNS_TEXT = frozenset(["code-injection", "unsafe-deserialization", "template-injection"])
_TEXT_KINDS = frozenset(["nosql-injection", "prototype-pollution"])
_LENGTHS = frozenset(["regex-polynomial"])
_PROTOTYPES = frozenset(["prototype-pollution", "prototype-key"])
_PATHS = frozenset(["path-traversal", "archive-extraction"])
_NOT_PATHS = frozenset(
    ["sql-injection", "command-injection", "code-injection", "cross-site-scripting",
     "nosql-injection", "template-injection", "ldap-injection", "xpath-injection",
     "log-injection", "header-injection"]
)  # fmt: skip
_ARITHMETIC: Mapping[str, Callable[[Any, Any], int]] = {
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other if abs(one) < 1 << 64 and abs(other) < 1 << 64 else 0,
}
_NUMBER_TYPES = frozenset(["int", "float", "bool", "uuid.UUID", "UUID"])
_INJECTED_TYPES = re.compile(
    r"\b(?:Request|Response|Session|AsyncSession|Connection|BackgroundTasks|Engine|WebSocket|Depends|"
    r"Pool|Redis|Settings|Database|HTTPConnection)\b"
)
_TEXT_TYPES = re.compile(
    r"(?:(?:typing\.)?Optional\[)?(?:str|EmailStr|constr\(.*\)|Annotated\[str\b.*\])\]?(?:\s*\|\s*None)?"
)
_CLEAN_FIELDS = re.compile(
    r"(?:.*\.)?(?:Integer|PositiveInteger|Float|Decimal|Boolean|NullBoolean|Date|Time|DateTime|"
    r"Duration|UUID|Choice|TypedChoice|MultipleChoice|ModelChoice|ModelMultipleChoice|IPAddress|"
    r"PrimaryKeyRelated)Field\(\)"
)
"""Of forms and serializers, what lets nothing harmful in."""
_VALID_DATA = frozenset(["cleaned_data", "validated_data"])
_ENUMS = frozenset(["Enum", "IntEnum", "StrEnum", "TextChoices", "IntegerChoices", "IntFlag"])
_TYPE_NAME = re.compile(
    r"(?:(?:typing\.)?(?:Optional|Annotated|Promise|Readonly|Partial)[\[<])*(?P<name>[\w$.]+)"
)
_FRAMEWORK_TYPE = re.compile(
    r"(?i)\b(?:any|[\w.]*(?:request|response|reply|context|toolkit|event))\(\)"
)
_PATTERN_IN_TYPE = re.compile(
    r"\b(?:pattern|regex)\s*=\s*r?(?P<quote>[\"'])(?P<pattern>.*?)(?P=quote)"
)
"""`Annotated[str, Query(pattern="^[a-z]+$")]`, `constr(regex=…)`."""
_SECTIONED = re.compile(r"configparser\.\w+\(\)")
_HANDS_OVER = frozenset(
    ["Thread", "Process", "Timer", "submit", "map", "starmap", "imap", "imap_unordered",
     "map_async", "apply", "apply_async", "add_task", "to_thread", "run_in_executor",
     "run_in_threadpool", "run_sync", "partial", "call_soon", "call_soon_threadsafe", "call_later",
     "call_at", "spawn",
     "enqueue", "start_soon", "start_new_thread", "defer"]
)  # fmt: skip
"""Calls that are given a function and its arguments, to run it now or later."""
_ON_EACH = frozenset(["map", "imap", "imap_unordered", "map_async"])
_DECLARED = re.compile(r"(?:[\w$]+\.)*[A-Z][\w$]*\(\)")
_TYPED = re.compile(r"(?:[\w$@-]+\.)*[A-Z][\w$]*\(\)\.[\w$]+")
_CONTAINERS = re.compile(
    r"(?:.*\.)?(?:set|dict|list|Set|Map|Array|(?:Simple|Lifo|Priority)?Queue|(?:Raw)?ConfigParser|StringIO|BytesIO|OrderedDict|defaultdict|deque|URLSearchParams|FormData)\(\)"
)
_OWN = ("self.", "http.server.Handler().")


def _character(text: str, arguments: Sequence[Any]) -> str | None:
    index = arguments[0] if arguments else 0
    return text[index] if type(index) is int and -len(text) <= index < len(text) else None


_OF_CONSTANTS: Mapping[str, Callable[[str, Sequence[Any]], str | None]] = {
    "charAt": _character,
    "at": _character,
    "toUpperCase": lambda text, _: text.upper(),
    "toLowerCase": lambda text, _: text.lower(),
    "trim": lambda text, _: text.strip(),
}
_CHOSEN = ".[*]"
"""Ends the path of what was looked up by a key from outside."""
_ASKING = frozenset(["validate", "safeParse", "safeParseAsync"])
"""Of validators: they give an answer that holds the value."""
_NEVER = Value(path="never")


def _described_kinds(schema: Value) -> Cleared:
    """What a value is safe for that a JSON schema lets through."""
    fields = schema.fields or {}

    def text(key: str) -> str:
        return str(fields[key].constant) if key in fields else ""

    if "enum" in fields or text("type") in ("integer", "number", "boolean"):
        return ALL
    if text("format") in ("uuid", "date", "date-time", "ipv4") or (
        text("pattern") and is_restrictive(text("pattern"), False, False)
    ):
        return ALL
    return _OBJECT_KINDS if text("type") == "string" else NOTHING


def fits(sink: Sink, value: Value) -> bool:
    """Whether the value has the shape that does harm there."""
    if sink.shape == "text":
        return value.fields is None or bool(value.taints)
    if sink.shape in ("built", "markup", "sql") and not value.is_built:
        return False
    if sink.shape == "markup":
        return value.has_markup
    return sink.shape != "sql" or bool(SQL_START.match(value.prefix))


def _is_own_address(label: Label) -> bool:
    """Whether it is the address that was asked for, which lies on this site."""
    return (
        not label.path
        and isinstance(label.root, str)
        and label.root.rpartition(".")[2] in _OWN_ADDRESSES
    )


def _is_own_host(label: Label) -> bool:
    """Whether it is the host that was asked for: no page can make a visitor send another."""
    if label.path:
        return label.path[-1] == "host" and str(label.root).endswith("headers")
    return isinstance(label.root, str) and label.root.rpartition(".")[2] in (
        "host",
        "hostname",
        "protocol",
    )


_OWN_ADDRESSES = frozenset(
    ["originalUrl", "url", "path", "full_path", "base_url", "path_info", "nextUrl"]
)


def _concatenated(values: Sequence[Value]) -> dict[str, Value]:
    every = [one for value in values for one in (value.fields or {}).values()]
    return {str(index): one for index, one in enumerate(every[:100])}


def _is_answer(expression: Expression | None) -> bool:
    return isinstance(expression, (Compare, Not, Logical, Call)) or (
        isinstance(expression, Constant) and isinstance(expression.value, bool)
    )


_EXECUTE: Mapping[type, Callable[[_Analysis, Any, State], State | None]] = {
    Evaluate: _Analysis._evaluate_statement,
    If: _Analysis._if,
    Loop: _Analysis._loop,
    Try: _Analysis._try,
    Return: _Analysis._return,
    Raise: _Analysis._raise,
    Jump: _Analysis._jump,
    Assert: _Analysis._assert,
    Define: _Analysis._define,
    DefineClass: _Analysis._define_class,
    Import: _Analysis._import,
}
_EVALUATE: Mapping[type, Callable[[_Analysis, Any, State], Value]] = {
    Constant: _Analysis._constant,
    Name: _Analysis._name,
    Attribute: _Analysis._attribute,
    Subscript: _Analysis._subscript,
    Call: _Analysis._call,
    Format: _Analysis._format,
    Logical: _Analysis._logical,
    Conditional: _Analysis._conditional,
    Not: _Analysis._not,
    Compare: _Analysis._compare,
    Collection: _Analysis._collection,
    Comprehension: _Analysis._comprehension,
    Function: _Analysis._function,
    Bind: _Analysis._bind,
    Yield: _Analysis._yield,
    Other: _Analysis._other,
}
