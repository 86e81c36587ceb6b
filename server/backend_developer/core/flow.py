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
import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .arguments import Given
from .harmless import FIXED_HOST, SQL_START, is_markup, is_restrictive
from .knowledge import ALL, Cleaner, Ends, Guard, Input, Knowledge, Passes, Retypes, Sink
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
    part,
    put_in,
    taints_of,
    with_part,
    with_step,
)

MOST_STEPS = 50_000
"""Expressions evaluated before a file is given up: what was found until then is reported."""
DEEPEST_CALLS = 6
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
    with contextlib.suppress(_ExhaustedError):
        analysis.module(tuple(program))
    return analysis.result()


class _ExhaustedError(Exception):
    """The file takes too long."""


@dataclass(slots=True)
class Class:
    name: str
    bases: tuple[str, ...]
    attributes: dict[str, Value]
    methods: dict[str, Closure]
    stores: dict[str, Value] = field(default_factory=dict)
    """What methods put into the fields of an object."""
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


class Summary(NamedTuple):
    answer: Value
    hits: tuple[Hit, ...]
    checked: Mapping[Label, Cleared]
    """What is safe after a call."""
    checked_if_true: Mapping[Label, Cleared]
    checked_if_false: Mapping[Label, Cleared]
    stores: Mapping[str, Value]
    never_returns: bool = False


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
     "appendleft", "writelines", "assign"]
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
        self.summaries: dict[int, Summary] = {}
        self.active: set[int] = set()
        self.registered: dict[int, Closure] = {}
        self.called: set[int] = set()
        self.classes: list[Class] = []
        self.texts: dict[int, tuple[Any, bool]] = {}
        self.calls: dict[tuple[str, int], tuple[Call, bool]] = {}
        self.found: dict[tuple[str, int, Label], Hit] = {}
        self.frame = _Frame(None, None, ())
        self.steps = 0
        self.asking = 0
        self.depth = 0
        self.module_state = State()
        self.has_star_import = False
        self.is_python = knowledge.aliases.get("__language__") == "python"

    # --- The whole file

    def module(self, program: tuple[Statement, ...]) -> None:
        state = self.module_state
        self.hoist(program, state)
        self.execute(program, state)
        for _ in range(3):
            waiting = [
                closure
                for closure in self.registered.values()
                if id(closure.function) not in self.summaries
            ]
            for closure in waiting:
                self.summary(closure)
            if not waiting:
                break

    def result(self) -> Flow:
        hits: dict[tuple[str, int, Label], Hit] = dict(self.frame.hits)
        for identity, summary in self.summaries.items():
            is_called = identity in self.called
            for hit in summary.hits:
                for resolved in self.resolve(hit):
                    label = resolved.taint.label
                    is_open = label.root[0] in ("constructor", "unbound")
                    is_open |= label.root[0] == identity and not is_called
                    if label.kind != "parameter" or is_open:
                        hits.setdefault(resolved.key, resolved)
        safe = [place for place, is_safe in self.texts.values() if is_safe]
        calls = [(key[0], call) for key, (call, is_safe) in self.calls.items() if is_safe]
        functions = (closure.function for closure in self.registered.values())
        summed = [(one, self.summaries[id(one)]) for one in functions if id(one) in self.summaries]
        return Flow(tuple(hits.values()), tuple(safe), tuple(calls), tuple(summed))

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
                    self.bind(statement.target, element(iterable), start, statement.target)
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
            self.check_sink(sink, value, statement.place, state)
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
                    new.methods.update(inherited.object_of.of.methods)
                    new.attributes.update(inherited.object_of.of.attributes)
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
                    if bind.annotation and self.is_clean_type(bind.annotation, state):
                        value = KNOWN
                    elif bind.annotation and isinstance(bind.value, Other):
                        path = self.type_path(bind.annotation, state)
                        value = Value(path=path)
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
        return value

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
        result = element(value)
        if value.path and not result.path:
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
        groups = []
        for index, one in enumerate(values):
            taints = taints_of(one)
            if index > 0 and taints:
                taints = tuple(
                    taint._replace(cleared=taint.cleared | _URL_KINDS)
                    if host_fixed or _is_own_address(taint.label)
                    else taint
                    for taint in taints
                )
            groups.append(taints)
            text = one.constant if isinstance(one.constant, str) else ""
            if index == 0 and operator == "%":
                text = text.partition("%")[0]
            if is_open:
                prefix += text or one.prefix
                is_open = isinstance(one.constant, str) and operator != "%"
                host_fixed = bool(FIXED_HOST.fullmatch(prefix))
            is_base = all(taint.label.kind == "local" for taint in groups[0])
            if not host_fixed and index > 0 and is_base and re.match(r"[/?#]", text):
                # A base that is not from outside, then the start of the path.
                host_fixed = True
        taints = merged(groups)
        if taints:
            taints = tuple(
                taint._replace(cleared=taint.cleared | _OBJECT_KINDS) for taint in taints
            )
        if constant is None:
            self.note_text(
                expression, is_known and not self.reaches(taints, "sql-injection", state)
            )
        path = values[0].path if operator == "/" and values else ""
        return Value(
            taints,
            is_known,
            constant,
            path,
            is_built=constant is None,
            has_markup=any(one.has_markup or is_markup(one.constant) for one in values),
            prefix=prefix[:200],
        )

    def reaches(self, taints: Iterable[Taint], kind: str, state: State) -> bool:
        """Whether any of them is not safe for this kind of sink."""
        for taint in taints:
            if kind in taint.cleared or "*" in taint.cleared:
                continue
            cleared = state.kinds(taint.label)
            if kind not in cleared and "*" not in cleared:
                return True
        return False

    def note_text(self, expression: Expression, is_safe: bool) -> None:
        known = self.texts.get(id(expression))
        safe = is_safe and (known is None or known[1])
        self.texts[id(expression)] = (expression, safe)

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

    def check_key(
        self, taint: Taint, current: Subscript, target: Expression, value: Value, state: State
    ) -> None:
        """`object[key] = value` with a key from outside, below another such key or with a value."""
        for pattern, sink in self.knowledge.writes.get("[*]", ()):
            is_nested = current is not target or isinstance(current.object, Subscript)
            if is_nested and pattern.matches("[*]"):
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
        for effect in effects:
            if isinstance(effect, Ends):
                return _NEVER
            if isinstance(effect, Sink):
                sinks.add(effect.kind)
                values = [value for place in effect.arguments for value in given.at(place)]
                if self.applies(effect, given):
                    for value in values:
                        self.check_sink(effect, value, call, state)
                safe = bool(values) and all(self.is_safe(one, effect.kind, state) for one in values)
                if effect.rule in _REFUTABLE:
                    self.note_call(effect.rule, call, safe)
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
        self.run_callbacks(call, name, given, is_source, result, state)
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

    def passed(self, effect: Passes, call: Call, given: Given, path: str, state: State) -> Value:
        values = given.all()
        if path == "re.sub()" and len(given.positional) == 3:
            return self.replaced(given.positional[2], given.positional)
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
        if name == "values" and receiver.fields is not None:
            return Value(receiver_taints, receiver.is_known, fields=receiver.fields)
        if not receiver_taints:
            if _SANITISER.fullmatch(name):
                return Value(is_known=True, path=path)
            is_module = bool(receiver.path) and "(" not in receiver.path
            if is_module and given.positional and not _LOOKUP.fullmatch(name):
                # A function of another module may give back what it was given.
                return doubtful(join_all(given.positional))._replace(path=path)
            return Value(is_known=receiver.is_known and receiver.constant is not None, path=path)
        if name in _KEYED and arguments and isinstance(arguments[0].constant, str):
            if "type" in given.named and given.named["type"].path in _NUMBER_TYPES:
                return KNOWN
            found = part(receiver, arguments[0].constant)
            if len(arguments) > 1:
                found = join(found, arguments[1])
            return found._replace(path=path)
        if name in ("items", "entries"):
            return Value(receiver_taints, path=path)
        taints = receiver_taints
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
        elif "<" in what:
            kinds = {"cross-site-scripting"}
        elif re.match(r"\^\(\\\.\\\.", what):
            kinds = set(_PATHS)
        elif re.search(r"\\[rn]|[\r\n]", what):
            kinds = {"log-injection", "header-injection"}
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
        if is_pair and isinstance(first.constant, str):
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

    def applies(self, sink: Sink, given: Given) -> bool:
        if not self.matches(sink.when, given):
            return False
        for name, pattern in sink.unless.items():
            for value in given.at(int(name) if name.isdigit() else name):
                if pattern.fullmatch(str(value.constant) if value.is_known else value.path or "?"):
                    return False
        return True

    def is_safe(self, value: Value, kind: str, state: State) -> bool:
        """Whether the value is harmless there, whoever calls the function."""
        taints = taints_of(value)
        if kind in _RUNS_TEXT and value.constant is None and not taints:
            # Not even a number or a hash is meant to be run.
            return False
        return value.is_known and not self.reaches(taints, kind, state)

    def note_call(self, rule: str, call: Call, is_safe: bool) -> None:
        known = self.calls.get((rule, id(call)))
        self.calls[rule, id(call)] = (call, is_safe and (known is None or known[1]))

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
        if sink.shape == "text" and value.fields is not None and not value.taints:
            return
        if sink.shape in ("built", "markup", "sql") and not value.is_built:
            return
        if sink.shape == "markup" and not value.has_markup:
            return
        if sink.shape == "sql" and not SQL_START.match(value.prefix):
            return
        taints = value.taints if sink.shape in ("text", "whole") else taints_of(value)
        if sink.kind in _URL_KINDS:
            taints = tuple(one for one in taints if not _is_own_address(one.label))
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
        self, closure: Closure, given: Given, call: Call, state: State
    ) -> Value | None:
        self.called.add(id(closure.function))
        summary = self.summary(closure)
        if summary is None:
            return None
        if summary.never_returns:
            self.apply(closure, summary, given, call, state)
            return _NEVER
        return self.apply(closure, summary, given, call, state)

    def apply(
        self, closure: Closure, summary: Summary, given: Given, call: Call, state: State
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
                known = of.attributes.get(name)
                if known is not None and known.is_known and not known.taints:
                    fields[name] = KNOWN
                of.stores[name] = join(of.stores[name], value) if name in of.stores else value
        return Value(fields=fields, object_of=of, path=f"{of.name}()")

    def summary(self, closure: Closure) -> Summary | None:
        """None while it is being made (it calls itself), and where calls nest too deeply."""
        function = closure.function
        known = self.summaries.get(id(function))
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
        self.summaries[id(function)] = summary
        return summary

    def summed_up(self, frame: _Frame) -> Summary:
        returns = frame.returns
        answer = join_all([value for value, _, _ in returns])
        if frame.yields:
            answer = Value(fields={"0": join_all(frame.yields)})
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
                if pattern.matches(path):
                    sinks.append(sink)
        if not function.decorators:
            sinks += self.knowledge.helper_returns
        return sinks

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
        summary = self.summaries.get(id(constructor.function)) if constructor else None
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
        own = [self.path_of(one, state) for one in parameter.decorators]
        after = function.parameters[index + 1 : index + 2]
        following = after[0].name if after else ""
        bases = closure.of.bases if closure.of is not None else ()
        path = self.type_path(annotation, state) if annotation else ""
        holds = ""
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
            holds = rule.holds
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
            value = Value((Taint(label, Trace(parameter, "source", None)),), True, path=path)
            return self.typed(value, annotation, state)
        if holds:
            if path.removesuffix("()").endswith(("Request", "HTTPConnection", "WebSocket")):
                return Value(path=path if holds.startswith("web.") else holds)
            if not path or _FRAMEWORK_TYPE.search(path):
                return Value(path=holds)
        label = Label("parameter", (id(function), index))
        value = Value((Taint(label, Trace(parameter, "parameter", None)),), True, path=path)
        return self.typed(value, annotation, state)

    def typed(self, value: Value, annotation: str, state: State) -> Value:
        """A value of a class of the file, whose fields have types of their own."""
        made = state.get(annotation.strip("'\"")) if annotation else None
        if made is None or not isinstance(made.object_of, _Made):
            return value
        of = made.object_of.of
        fields = {
            name: one for name, one in of.attributes.items() if one.is_known and not one.taints
        }
        return value._replace(fields=fields)

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
        callbacks = [one for one in given.positional if one.function is not None]
        if not callbacks:
            return None
        receiver = given.receiver
        inner = receiver if name in ("then", "tap", "pipe") else element(receiver)
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

    def run_inline(
        self, closure: Closure, arguments: Sequence[Value], state: State
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
        self.summaries.setdefault(id(function), summary._replace(hits=()))
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
            if truth and not taints_of(right):
                self.clear(left, ALL, state)
            elif not truth and left.constant == "..":
                self.clear(right, _PATHS, state)
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
        if truth:
            for one, other in ((left, right), (right, left)):
                if not taints_of(other):
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
        elif name in ("test", "match", "fullmatch", "search", "exec"):
            self.assume_match(name, given, callee.path, truth, state)
        elif name in ("all", "every") and truth:
            self.assume_every(test, given, state)
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
_ENUMS = frozenset(["Enum", "IntEnum", "StrEnum", "TextChoices", "IntegerChoices", "IntFlag"])
_TYPE_NAME = re.compile(
    r"(?:(?:typing\.)?(?:Optional|Annotated|Promise|Readonly|Partial)[\[<])*(?P<name>[\w$.]+)"
)
_FRAMEWORK_TYPE = re.compile(
    r"(?i)\b(?:any|[\w.]*(?:request|response|reply|context|toolkit|event))\(\)"
)
_TYPED = re.compile(r"(?:[\w$@-]+\.)*[A-Z][\w$]*\(\)\.[\w$]+")
_CONTAINERS = re.compile(
    r"(?:.*\.)?(?:set|dict|list|Set|Map|Array|StringIO|BytesIO|OrderedDict|defaultdict|deque|URLSearchParams|FormData)\(\)"
)
_OWN = ("self.", "http.server.Handler().")
_NEVER = Value(path="never")


def _is_own_address(label: Label) -> bool:
    """Whether it is the address that was asked for, which lies on this site."""
    return (
        not label.path
        and isinstance(label.root, str)
        and label.root.rpartition(".")[2] in _OWN_ADDRESSES
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
