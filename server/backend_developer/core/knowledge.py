"""What data flow has to know of what lies outside a file: where input comes from, what calls do.

Calls are named by the dotted path of what is called, with `()` after a call and `[]` after a
subscript, such as "sqlite3.connect().cursor().execute". A name of the file is replaced by what
it was imported or made from, where that is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .model import Confidence

Strength: TypeAlias = Literal["input", "local"]
"""Sent by a client; or from whoever starts the program, its files or its environment."""

ALL = frozenset(["*"])
"""Cleared for every kind of sink."""
URL_KINDS = frozenset(["server-side-request-forgery", "open-redirect"])
OBJECT_KINDS = frozenset(["nosql-injection", "mass-assignment", "prototype-pollution"])
LENGTH_KINDS = frozenset(["regex-polynomial"])
PATH_KINDS = frozenset(["path-traversal", "archive-extraction"])
"""Kinds of sinks that the same things make safe."""

Place: TypeAlias = int | str
"""An argument: its position, its name, or "self" for what the method is called on. "0.url" is a
property of the first argument, "0.!url" each of the others, "0.program" what a command given as a
list starts, "1.script" a script given to a shell, "*" is all of them, and "2+" the third and later
ones."""


class PathPattern:
    """The paths that something is about; compiled when a file first needs it."""

    __slots__ = ("_compiled", "_only", "_text")

    def __init__(self, text: str) -> None:
        """`text` is a regular expression."""
        self._text = text
        self._compiled: re.Pattern[str] | None = None
        # Most are a path as it is, and to compile thousands takes longer than to read a file.
        self._only = re.sub(r"\\(.)", r"\1", text) if _ONE_PATH.fullmatch(text) else None

    def matches(self, path: str) -> bool:
        if self._only is not None:
            return path == self._only
        if self._compiled is None:
            self._compiled = re.compile(self._text)
        return self._compiled.fullmatch(path) is not None


_ONE_PATH = re.compile(r"(?:[\w@/-]|\\[^\w\s])*")
"""A regular expression that matches one text alone."""


class ModulePaths:
    """The paths of modules and of all that is in them: `users`, `users.find`, `users().find`."""

    __slots__ = ("_modules",)

    def __init__(self, modules: Iterable[str]) -> None:
        self._modules = tuple(modules)

    def matches(self, path: str) -> bool:
        return path.startswith(self._modules) and any(
            _BELOW_MODULE.fullmatch(path, len(one)) for one in self._modules if path.startswith(one)
        )


_BELOW_MODULE = re.compile(r"(?:\(\))?(?:\..*)?")


@dataclass(frozen=True, slots=True)
class Input:
    """Reading this, or calling it, gives data from outside."""

    strength: Strength
    is_call: bool
    clears: frozenset[str] = frozenset()
    """What it is safe for, such as a text for what needs an object."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A place where input does harm."""

    rule: str
    kind: str
    """What sanitisers clear: the rule's name, without its focus."""
    message: str
    arguments: tuple[Place, ...]
    confidence: Confidence = "high"
    parameters: Confidence | None = None
    """How sure it is when only a parameter of a function reaches it; None: not reported then."""
    built: Confidence | None = None
    """The same, where the parameter was put together with something else."""
    when: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """Arguments that must be there as constants and match."""
    unless: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    slow_pattern: Place | None = None
    """Only when the regular expression in this argument takes more than linear time."""
    shape: Literal["any", "text", "built", "object", "markup", "sql", "whole"] = "any"
    """"text": no object or list. "built": put together from parts; "markup": with a `<` in them;
    "sql": that start as SQL does. "object": may hold an object. "whole": all that a client sent."""


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Its result is safe for these kinds of sinks, and empty of what was tainted if for all."""

    clears: frozenset[str]
    validates: bool = False
    """It also fails on bad input, so that its arguments are safe after it."""
    is_mark: bool = False
    """Its result stands for its arguments, as a signature does: a check of it is one of them."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Its answer tells whether these arguments are safe."""

    clears: frozenset[str]
    arguments: tuple[Place, ...]
    safe_when: bool = True


@dataclass(frozen=True, slots=True)
class Passes:
    """Its result holds what its arguments, and what it is called on, hold."""

    path: str = ""
    """What the result is, for the paths of further calls; empty: the call's own path."""


@dataclass(frozen=True, slots=True)
class Retypes:
    """Makes what it is called on another kind of object, when its arguments are such constants."""

    path: str
    when: Mapping[str, re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class Ends:
    """What follows it is never reached."""


@dataclass(frozen=True, slots=True)
class Asserts:
    """It fails unless its first argument is true."""


@dataclass(frozen=True, slots=True)
class Validates:
    """It holds its first argument to the schema that it is called on, or gets as its second."""

    clears: frozenset[str]
    """What its result is safe for where nothing is known of the schema."""


@dataclass(frozen=True, slots=True)
class Calls:
    """It calls the functions that it is given, which get such an object."""

    holds: str
    """As of a ParameterRule."""
    position: int
    """Of the parameter of those functions."""
    when: Mapping[str, re.Pattern[str]]


Effect: TypeAlias = (
    "Input | Sink | Cleaner | Guard | Passes | Retypes | Ends | Asserts | Validates | Calls"
)


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """Which parameters of a function hold what; all conditions that are set must hold."""

    holds: Strength | str
    """A strength, or the dotted path of an object such as "express.Request()"."""
    clears: frozenset[str] = frozenset()
    """The kinds of sinks that it cannot harm, where it is input."""
    names: re.Pattern[str] | None = None
    """A pattern that takes the parameter apart is called "{}"."""
    position: int | None = None
    decorator: re.Pattern[str] | None = None
    """Of the parameter."""
    function_decorator: re.Pattern[str] | None = None
    first: re.Pattern[str] | None = None
    """The name of the function's first parameter."""
    then: re.Pattern[str] | None = None
    """The name of the parameter after it."""
    base: re.Pattern[str] | None = None
    """The path of a base class of the method's class."""
    function: re.Pattern[str] | None = None
    """The function's name."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """Libraries whose calls describe valid values, as `z.string().uuid()` does."""

    makers: re.Pattern[str]
    """The paths of such calls."""
    harmless: re.Pattern[str]
    """Names of calls after which a value cannot do harm."""
    texts: re.Pattern[str]
    """Names of calls after which it is no object."""
    inputs: Mapping[str, tuple[str, ...]]
    """What is checked beside a handler of requests: by the call that starts a schema, or by a key
    of a JSON schema."""
    enforcers: re.Pattern[str]
    """Names in a file that turn requests away which failed the checks beside a handler."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known for one language. The lists are by the last name of the path."""

    calls: Mapping[str, tuple[tuple[PathPattern, Effect], ...]]
    reads: Mapping[str, tuple[tuple[PathPattern, Input], ...]]
    writes: Mapping[str, tuple[tuple[PathPattern, Sink], ...]]
    returns: tuple[tuple[PathPattern, Sink], ...]
    """By the path of a decorator of the function that returns."""
    helper_returns: tuple[Sink, ...]
    """Of functions without a decorator."""
    parameters: tuple[ParameterRule, ...]
    clean_types: re.Pattern[str]
    """Annotations of values that cannot do harm, such as `int`."""
    aliases: Mapping[str, str]
    """What names mean that the file neither defines nor imports."""
    harmless: Mapping[str, tuple[PathPattern, ...]]
    """What is no outside data although it lies in some: the server has made it."""
    schemas: Schemas
    hosts: frozenset[str] = frozenset(["hostname", "host", "netloc", "origin"])
    elsewhere: ModulePaths | None = None
    """Calls of functions of other files, of which it is noted what they are given."""
    functions: Mapping[str, tuple[tuple[PathPattern, tuple[Effect, ...]], ...]] = field(
        default_factory=dict
    )
    """Functions of other files, of which nothing but this is true."""
    _found: dict[tuple[str, ...], tuple[Effect, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Effects of `calls` by name and paths: the same are asked for in nearly every file. Shared
    with the copies that know of other files, which have the same calls."""

    def effects(self, name: str, paths: tuple[str, ...]) -> tuple[Effect, ...]:
        """What a call does whose path ends in `name`; `paths` are its possible paths."""
        for pattern, known in self.functions.get(name, ()):
            if any(map(pattern.matches, paths)):
                return known
        key = (name, *paths)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            found = self._found[key] = tuple(
                effect
                for pattern, effect in self.calls.get(name, ())
                if any(map(pattern.matches, paths))
            )
        if self.elsewhere is not None and any(map(self.elsewhere.matches, paths)):
            return (*found, *HANDED)
        return found


_MOST_FOUND = 10_000


HANDED = tuple(Sink("handed over", f"handed over {place}", "", (place,)) for place in range(4))
"""What is given to a function of another file, by its position."""
