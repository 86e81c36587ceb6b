"""The arguments of a call, and which of them a sink or a check is about."""

from __future__ import annotations

import re
from typing import NamedTuple

from .knowledge import Place
from .values import KNOWN, UNKNOWN, Value, join, merged


class Given(NamedTuple):
    """The arguments of a call."""

    receiver: Value | None
    positional: list[Value]
    named: dict[str, Value]

    def all(self) -> list[Value]:
        receiver = [self.receiver] if self.receiver is not None and self.receiver.taints else []
        return [*receiver, *self.positional, *self.named.values()]

    def at(self, place: Place) -> list[Value]:
        if isinstance(place, int):
            return self.positional[place : place + 1]
        if place == "self":
            return [self.receiver] if self.receiver is not None else []
        if place == "*":
            return [*self.positional, *self.named.values()]
        if place.endswith("+"):
            return self.positional[int(place[:-1]) :]
        position, dot, key = place.partition(".")
        if not dot:
            return [self.named[place]] if place in self.named else []
        values = (
            self.positional[int(position) : int(position) + 1]
            if position.isdigit()
            else [self.named[position]]
            if position in self.named
            else []
        )
        if key == "program":
            return [_program(one) for one in values]
        if key == "script":
            return [_script(self.positional[0], one) for one in values]
        if key.startswith("!"):
            parts = [part for one in values for part in (one.fields or {}).items()]
            return [inner for name, inner in parts if name.lower() != key[1:]]
        return [one.fields[key] for one in values if one.fields is not None and key in one.fields]


def _program(value: Value) -> Value:
    """Of a command given as a list: the program, and a shell's script."""
    if value.fields is None:
        # The program is what a text that was put together starts with.
        return KNOWN if value.prefix.strip() else value
    first = value.fields.get("0", UNKNOWN)
    option = value.fields.get("1", UNKNOWN).constant
    if _SHELLS.fullmatch(str(first.constant)) and re.fullmatch(
        r"(?i)[-/]\w*c(?:ommand)?", str(option)
    ):
        return join(first, value.fields.get("2", UNKNOWN))
    return Value(merged((first.taints, value.taints)))


def _script(program: Value, arguments: Value) -> Value:
    """Of a program and its arguments: what a shell is told to run."""
    if arguments.fields is None or not _SHELLS.fullmatch(str(program.constant)):
        return UNKNOWN
    option = arguments.fields.get("0", UNKNOWN).constant
    is_script = re.fullmatch(r"(?i)[-/]\w*c(?:ommand)?", str(option))
    return arguments.fields.get("1", UNKNOWN) if is_script else UNKNOWN


_SHELLS = re.compile(
    r"(?i)(?:.*[/\\])?(?:(?:ba|z|k|da|c)?sh|cmd(?:\.exe)?|powershell(?:\.exe)?|pwsh)"
)
