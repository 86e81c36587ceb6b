"""The variables at one place of a program, and what the checks on the way to it have shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .values import NOTHING, Cleared, Label, Taint, Value, common, join, map_taints


@dataclass(slots=True)
class State:
    variables: dict[str, Value] = field(default_factory=dict)
    cleared: dict[tuple[Any, tuple[str, ...]], Cleared] = field(default_factory=dict)
    parent: State | None = None

    def copy(self) -> State:
        return State(dict(self.variables), dict(self.cleared), self.parent)

    def get(self, name: str) -> Value | None:
        state: State | None = self
        while state is not None:
            value = state.variables.get(name)
            if value is not None:
                return value
            state = state.parent
        return None

    def assign(self, name: str, value: Value, declares: bool) -> None:
        """Writes a variable; one of an enclosing function may still hold what it held."""
        if not declares and name not in self.variables:
            state = self.parent
            while state is not None:
                if name in state.variables:
                    state.variables[name] = join(state.variables[name], value)
                    self.variables[name] = value
                    return
                state = state.parent
        self.variables[name] = value

    def kinds(self, label: Label) -> Cleared:
        """What the checks on the way to here say of a label."""
        state: State | None = self
        result = NOTHING
        while state is not None:
            if state.cleared:
                for end in range(len(label.path) + 1):
                    result |= state.cleared.get((label.root, label.path[:end]), NOTHING)
            state = state.parent
        return result

    def clear(self, label: Label, kinds: Cleared) -> None:
        key = (label.root, label.path)
        self.cleared[key] = self.cleared.get(key, NOTHING) | kinds


def baked(value: Value, state: State) -> Value:
    """With what the checks on the way to here say written into the value itself."""
    current: State | None = state
    while current is not None and not current.cleared:
        current = current.parent
    if current is None:
        return value

    def bake(taint: Taint) -> Iterable[Taint]:
        kinds = state.kinds(taint.label)
        return (taint.safe_for(kinds) if kinds else taint,)

    return map_taints(value, bake)


def joined(states: Iterable[State | None]) -> State | None:
    """What is true after any of several ways; None stands for a way that never gets here."""
    alive = [state for state in states if state is not None]
    if not alive:
        return None
    result = alive[0]
    for other in alive[1:]:
        if other is result:
            continue
        if result.cleared != other.cleared:
            shared = {
                key: both
                for key, kinds in result.cleared.items()
                if (both := common(kinds, other.cleared.get(key, NOTHING)))
            }
            one, two = (
                State(
                    {
                        name: baked(value, State({}, way.cleared))
                        for name, value in way.variables.items()
                    }
                    if way.cleared != shared
                    else way.variables,
                    shared,
                    way.parent,
                )
                for way in (result, other)
            )
        else:
            one, two = result, other
        variables = dict(one.variables)
        for name, value in two.variables.items():
            mine = variables.get(name)
            if mine is None:
                mine = one.parent.get(name) if one.parent is not None else None
            variables[name] = value if mine is None else join(mine, value)
        result = State(variables, one.cleared, one.parent)
    return result


def in_all(states: Sequence[State]) -> Mapping[Label, Cleared]:
    """What was found safe on every one of the ways."""
    if not states:
        return {}
    found = dict(states[0].cleared)
    for state in states[1:]:
        found = {
            key: both
            for key, kinds in found.items()
            if (both := common(kinds, state.cleared.get(key, NOTHING)))
        }
    return {Label("parameter", root, path): kinds for (root, path), kinds in found.items()}
