"""What data flow knows of a value: where it came from, and for which sinks it is safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Literal, NamedTuple

from .knowledge import ALL
from .program import Expression

Cleared = frozenset[str]
"""Kinds of sinks that a value is safe for; "*" stands for all."""
NOTHING: Cleared = frozenset()

LONGEST_PATH = 5
PAIRS = "items()"
"""A key of a label's path: the pairs of key and value."""
LONGEST_TRACE = 9
MOST_TAINTS = 12
DEEPEST_FIELDS = 3


class Label(NamedTuple):
    """One piece of data from outside: what it was read from, and the keys on the way to it.

    What is known of it (that it passed a check) holds for everything made from it.
    """

    kind: Literal["input", "local", "parameter"]
    root: Any
    path: tuple[str, ...] = ()


class Trace(NamedTuple):
    place: Any
    message: str
    previous: Trace | None
    length: int = 1


class Taint(NamedTuple):
    label: Label
    trace: Trace
    cleared: Cleared = NOTHING
    is_doubtful: bool = False
    """It went through a call that nothing is known of."""

    # These are made by the ten thousand, and `_replace` takes five times as long.

    def safe_for(self, kinds: Set[str]) -> Taint:
        """Safe for these kinds of sinks too."""
        return Taint(self.label, self.trace, self.cleared | kinds, self.is_doubtful)

    def after(self, trace: Trace) -> Taint:
        """By another way."""
        return Taint(self.label, trace, self.cleared, self.is_doubtful)


class Value(NamedTuple):
    taints: tuple[Taint, ...] = ()
    """Of the value itself, and of what lies in it under keys that `fields` does not have."""
    is_known: bool = False
    """All of it is constant, safe or labelled: nothing in it is of unknown origin."""
    constant: str | int | float | bool | None = None
    path: str = ""
    """What it is, as a dotted path: what it was imported as, or the call that made it."""
    fields: Mapping[str, Value] | None = None
    is_built: bool = False
    """A text put together from parts that are not all constant."""
    has_markup: bool = False
    """A `<` is in the constant parts of a text that was put together."""
    prefix: str = ""
    """What a text that was put together starts with."""
    function: Any = None
    """The Closure, when it is a function of the file."""
    object_of: Any = None
    """The class of the file that it is an object of."""
    test: Expression | None = None
    """What was asked when it is an answer; its truth tells something of the values in it."""

    def with_taints(self, taints: tuple[Taint, ...]) -> Value:
        return self._replace(taints=taints)


UNKNOWN = Value()
KNOWN = Value(is_known=True)


def taints_of(value: Value, depth: int = 0) -> tuple[Taint, ...]:
    """Of the value and everything in it."""
    if not value.fields or depth > DEEPEST_FIELDS:
        return value.taints
    inner = [value.taints]
    inner += [taints_of(one, depth + 1) for one in value.fields.values()]
    return merged(inner)


def merged(groups: Iterable[tuple[Taint, ...]]) -> tuple[Taint, ...]:
    """Each label once, safe only for what it is safe for in every group that has it."""
    taken = [group for group in groups if group]
    if len(taken) < 2:
        return taken[0] if taken else ()
    by_label: dict[Label, Taint] = {}
    for group in taken:
        for taint in group:
            other = by_label.get(taint.label)
            if other is None:
                if len(by_label) < MOST_TAINTS:
                    by_label[taint.label] = taint
            elif other is not taint:
                both = common(other.cleared, taint.cleared)
                first = taint if len(taint.cleared) < len(other.cleared) else other
                is_doubtful = other.is_doubtful and taint.is_doubtful
                by_label[taint.label] = Taint(first.label, first.trace, both, is_doubtful)
    return tuple(by_label.values())


def common(one: Cleared, other: Cleared) -> Cleared:
    if one == other:
        return one
    if "*" in one:
        return other
    if "*" in other:
        return one
    return one & other


def join(one: Value, other: Value, depth: int = 0) -> Value:
    """What is true of a value that may be either."""
    if one is other:
        return one
    fields = one.fields
    if fields is None or other.fields is None:
        whole, fields = (one, other.fields) if fields is None else (other, fields)
        if fields is not None and whole.taints and depth <= DEEPEST_FIELDS:
            fields = {
                key: join(value, part(whole, key), depth + 1) for key, value in fields.items()
            }
    elif fields is not other.fields and depth <= DEEPEST_FIELDS:
        fields = {
            key: join(fields[key], other.fields[key], depth + 1)
            if key in fields and key in other.fields
            else fields.get(key) or other.fields[key]
            for key in {**fields, **other.fields}
        }
    return Value(
        merged((one.taints, other.taints)),
        one.is_known and other.is_known,
        one.constant if _same(one.constant, other.constant) else None,
        one.path or other.path,
        fields,
        one.is_built or other.is_built,
        one.has_markup or other.has_markup,
        one.prefix if one.prefix == other.prefix else "",
        one.function or other.function,
        one.object_of or other.object_of,
    )


def join_all(values: Iterable[Value]) -> Value:
    result: Value | None = None
    for value in values:
        result = value if result is None else join(result, value)
    return result if result is not None else UNKNOWN


def part(value: Value, key: str) -> Value:
    """`value.key` or `value[key]`."""
    if value.fields is not None:
        found = value.fields.get(key)
        if found is not None:
            return found
    path = f"{value.path}.{key}" if value.path and len(value.path) < 200 else ""
    if not value.taints:
        return Value(is_known=value.is_known, path=path) if path or value.is_known else UNKNOWN
    return Value(below(value.taints, key), value.is_known, path=path)


def element(value: Value) -> Value:
    """`value[…]` with a key that is not known, or what a loop over the value gives."""
    inner = Value(below(value.taints, "*"), value.is_known) if value.taints else None
    if value.fields is None:
        return inner or (KNOWN if value.is_known else UNKNOWN)
    every = [*value.fields.values(), *([inner] if inner else [])]
    joined = join_all(every) if every else KNOWN
    return joined._replace(constant=None)


def pairs_of(value: Value) -> Value:
    """`value.items()`: a list of keys, each with its value."""
    if value.fields is None:
        return Value(below(value.taints, PAIRS), value.is_known)
    pairs = {
        str(index): Value(
            is_known=one.is_known,
            fields={"0": Value(is_known=True, constant=key), "1": one},
        )
        for index, (key, one) in enumerate(value.fields.items())
    }
    return Value(below(value.taints, PAIRS), value.is_known, fields=pairs)


def below(taints: tuple[Taint, ...], key: str) -> tuple[Taint, ...]:
    """The labels one key further down."""
    return tuple(_below(taint, key) for taint in taints)


def _below(taint: Taint, key: str) -> Taint:
    kind, root, path = taint.label
    if len(path) >= LONGEST_PATH:
        return taint
    return Taint(Label(kind, root, (*path, key)), taint.trace, taint.cleared, taint.is_doubtful)


def with_part(value: Value, keys: tuple[str, ...], new: Value) -> Value:
    """`value` after `value.key.key = new`."""
    if not keys:
        return new
    inner = part(value, keys[0]) if len(keys) > 1 else UNKNOWN
    fields = {**(value.fields or {}), keys[0]: with_part(inner, keys[1:], new)}
    return value._replace(fields=fields, is_known=value.is_known and new.is_known)


def cleared_for(value: Value, kinds: Cleared, depth: int = 0) -> Value:
    """The value, safe for these kinds of sinks too; for all of them: nothing is left of it."""
    if "*" in kinds:
        return Value(is_known=True, path=value.path)
    fields = value.fields
    if fields and depth <= DEEPEST_FIELDS:
        fields = {key: cleared_for(one, kinds, depth + 1) for key, one in fields.items()}
    if not value.taints and fields is value.fields:
        return value
    return value._replace(
        taints=tuple(taint.safe_for(kinds) for taint in value.taints),
        fields=fields,
    )


def map_taints(value: Value, change: Callable[[Taint], Iterable[Taint]], depth: int = 0) -> Value:
    """The value with each taint, of it or in it, replaced."""
    fields = value.fields
    if fields and depth <= DEEPEST_FIELDS:
        fields = {key: map_taints(one, change, depth + 1) for key, one in fields.items()}
    if not value.taints:
        return value if fields is value.fields else value._replace(fields=fields)
    taints = merged([tuple(change(taint)) for taint in value.taints])
    return value._replace(taints=taints, fields=fields)


def with_step(value: Value, place: Any, message: str) -> Value:
    """The value, one step further on its way."""
    if not value.taints:
        return value

    def longer(taint: Taint) -> Taint:
        trace = taint.trace
        if trace.length >= LONGEST_TRACE or trace.place is place:
            return taint
        return taint.after(Trace(place, message, trace, trace.length + 1))

    return value._replace(taints=tuple(longer(taint) for taint in value.taints))


def put_in(taint: Taint, mapping: Mapping[Any, Value], place: Any, message: str) -> Iterable[Taint]:
    given = mapping.get(taint.label.root)
    if given is None:
        return (taint,)
    result = []
    for one in taints_of(at(given, taint.label.path)):
        trace = one.trace
        step = Trace(place, message, trace, trace.length + 1) if trace.length < 9 else trace
        result.append(
            Taint(
                one.label,
                continued(step, taint.trace),
                one.cleared | taint.cleared,
                one.is_doubtful or taint.is_doubtful,
            )
        )
    return result


def at(value: Value, path: Iterable[str]) -> Value:
    for key in path:
        value = (
            element(value) if key == "*" else pairs_of(value) if key == PAIRS else part(value, key)
        )
    return value


def continued(start: Trace, rest: Trace) -> Trace:
    """`rest` without its first step, after `start`."""
    steps = []
    current: Trace | None = rest
    while current is not None and current.previous is not None:
        steps.append(current)
        current = current.previous
    result = start
    for step in reversed(steps):
        if result.length >= 9:
            break
        result = Trace(step.place, step.message, result, result.length + 1)
    return result


def doubtful(value: Value) -> Value:
    return Value(tuple(taint._replace(is_doubtful=True) for taint in taints_of(value)))


def is_all(kinds: Cleared) -> bool:
    return kinds is ALL or "*" in kinds


def _same(one: object, other: object) -> bool:
    return one == other and type(one) is type(other)
