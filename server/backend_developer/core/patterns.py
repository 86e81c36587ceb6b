"""Regular expressions that take too long on a text that does not match.

    pattern -> syntax tree -> exponential: a repetition whose body is ambiguous: some text can be
               cut into turns in two ways, so that n turns can be cut in 2^n ways, all of which a
               backtracking engine tries once what follows the repetition fails
            -> polynomial: two repetitions one after another that can share a text in many ways

The positions of a pattern form an automaton (Glushkov's). It is exponentially ambiguous when two
different runs over the same text lead from a position back to itself, and polynomially when some
text leads from a position to itself, from there to another one, and from that to itself. See
Weideman et al., "Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers by
Using Ambiguity of NFA", 2016.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

MAXIMUM_LENGTH = 1000
"""Longer patterns are not looked at; real ones are shorter."""


def explodes(pattern: str, *, whole: bool = False, verbose: bool = False) -> str | None:
    """The repetition that takes exponential time, as written; None: there is none, or it could
    not be told.

    `whole`: the pattern must match to the end of the text, as with `re.fullmatch`.
    """
    if len(pattern) > MAXIMUM_LENGTH or not MAY_EXPLODE.search(pattern):
        return None
    try:
        tree = _Parser(pattern, verbose).parse()
    except (_UnknownError, IndexError, ValueError, RecursionError):
        return None
    for loop, can_fail in _loops(tree, whole):
        if can_fail and _is_ambiguous(loop):
            return pattern[loop.start : loop.end]
    return None


def takes_polynomial_time(pattern: str, *, anywhere: bool, whole: bool = False) -> bool:
    """Whether twice as long a text can take four times as long. False: no, or it could not be told.

    `anywhere`: a match may start at any place of the text, as with `re.search` and `re.sub`.
    """
    if len(pattern) > MAXIMUM_LENGTH or not re.search(r"[*+,]", pattern):
        return False
    try:
        # After all that a loop can take, a boundary of words hardly ever fails.
        tree = _Parser(re.sub(r"(?<!\\)\\b", "", pattern), verbose=False).parse()
        if anywhere and (isinstance(tree, _Choice) or _ANCHORED.match(pattern) is None):
            # The engine tries one start after another, as if the pattern began with `.*`.
            tree = _Sequence((_Loop(_Char(_ALL), 0, 0, 0), tree))
        can_fail = dict(_loops(tree, whole))
        automaton = _Automaton()
        automaton.add(tree)
    except (_UnknownError, IndexError, ValueError, RecursionError):
        return False
    after = automaton.after()
    loops = [(loop, range(start, end)) for loop, start, end in automaton.loops]
    return any(
        first.stop <= second.start and _shares_text(automaton.sets, after, first, second)
        for _, first in loops
        for loop, second in loops
        if can_fail.get(loop)
    )


_ANCHORED = re.compile(r"(?:\(\?[a-zA-Z]+\))?(?:\^|\\A)")


MAY_EXPLODE = re.compile(r"\)\s*(?:[*+]|\{\d*,\d*\})")
"""What a pattern that explodes has, and so has a file with one."""

# --- Syntax

_Set: TypeAlias = int
"""A set of characters: a bit for each ASCII character and one for all others."""
_ALL: _Set = (1 << 129) - 1
_OTHER = 1 << 128


@dataclass(frozen=True, slots=True)
class _Char:
    characters: _Set


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    options: tuple[_Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Loop:
    """Without end; `least` is 0 or 1. `start` and `end` are its place in the pattern."""

    body: _Node
    least: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Anchor:
    """Matches no character and can fail: `$`, `\\b`, a lookaround (whose inside is `body`)."""

    body: _Node | None = None


_Node: TypeAlias = "_Char | _Sequence | _Choice | _Loop | _Anchor"
_EMPTY = _Sequence(())


class _UnknownError(Exception):
    """Syntax that is not understood, such as a group that is possessive."""


@dataclass
class _Parser:
    pattern: str
    verbose: bool
    place: int = 0
    groups: dict[str, _Node] = field(default_factory=dict)

    def parse(self) -> _Node:
        node = self._choice()
        if self.place < len(self.pattern):
            raise _UnknownError
        return node

    def _peek(self) -> str:
        return self.pattern[self.place] if self.place < len(self.pattern) else ""

    def _take(self, text: str) -> bool:
        if self.pattern.startswith(text, self.place):
            self.place += len(text)
            return True
        return False

    def _choice(self) -> _Node:
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else _Choice(tuple(options))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            if self.verbose and self._skipped():
                continue
            start = self.place
            parts.append(self._repeated(self._atom(), start))
        return parts[0] if len(parts) == 1 else _Sequence(tuple(parts))

    def _skipped(self) -> bool:
        if self._peek().isspace():
            self.place += 1
            return True
        if self._peek() == "#":
            end = self.pattern.find("\n", self.place)
            self.place = len(self.pattern) if end < 0 else end
            return True
        return False

    def _repeated(self, atom: _Node, start: int) -> _Node:
        match = _QUANTIFIER.match(self.pattern, self.place)
        if match is None:
            return atom
        self.place = match.end()
        if self._take("+"):
            raise _UnknownError  # Possessive: it never tries again.
        self._take("?")
        least, most = _bounds(match[0])
        if most is None or most > 20:
            loop = _Loop(atom, min(least, 1), start, self.place)
            return loop if least < 2 else _Sequence((atom,) * (min(least, 3) - 1) + (loop,))
        optional: _Node = _EMPTY
        for _ in range(min(most - least, 3)):
            optional = _Choice((_EMPTY, _Sequence((atom, optional))))
        return _Sequence((atom,) * min(least, 3) + (optional,))

    def _atom(self) -> _Node:
        character = self._peek()
        self.place += 1
        if character == "(":
            return self._group()
        if character == "[":
            return _Char(self._class())
        if character == ".":
            return _Char(_ALL & ~_bit("\n"))
        if character in "^$":
            return _Anchor() if character == "$" else _EMPTY
        if character == "\\":
            return self._escape()
        return _Char(_bit(character))

    def _group(self) -> _Node:
        is_anchor = False
        if self._take("?"):
            if self._take("#"):
                self.place = self.pattern.index(")", self.place) + 1
                return _EMPTY
            if self._take(">"):
                raise _UnknownError
            lookaround = re.compile(r"<?[=!]").match(self.pattern, self.place)
            named = re.compile(r"P?<\w+>|:|[aiLmsux-]*:").match(self.pattern, self.place)
            flags = re.compile(r"[aiLmsux]+\)").match(self.pattern, self.place)
            if lookaround:
                is_anchor = True
                self.place = lookaround.end()
            elif named:
                self.place = named.end()
            elif flags:
                self.place = flags.end()
                return _EMPTY
            else:
                raise _UnknownError
        inside = self._choice()
        if not self._take(")"):
            raise _UnknownError
        return _Anchor(inside) if is_anchor else inside

    def _escape(self) -> _Node:
        character = self.pattern[self.place]
        if character in "bBAZzG":
            self.place += 1
            return _Anchor() if character in "bBZz" else _EMPTY
        if character.isdigit() and character != "0":
            while self._peek().isdigit():
                self.place += 1
            return _EMPTY  # What a group matched; no loop of its own.
        if character == "k":
            self.place = self.pattern.index(">", self.place) + 1
            return _EMPTY
        return _Char(self._escaped())

    def _escaped(self) -> _Set:
        """What follows a backslash, in a class or outside."""
        character = self.pattern[self.place]
        self.place += 1
        if character in _CLASSES:
            return _CLASSES[character]
        if character in "pP":
            braces = re.compile(r"\{[^}]*\}").match(self.pattern, self.place)
            self.place = braces.end() if braces else self.place
            return _CLASSES["w"] if character == "p" else _ALL
        code = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]+)\}").match(
            self.pattern, self.place - 1
        )
        if code is not None:
            self.place = code.end()
            return _bit(chr(min(int(code[1] or code[2] or code[3], 16), 0x10FFFF)))
        return _bit(_CONTROLS.get(character, character))

    def _class(self) -> _Set:
        negated = self._take("^")
        characters: _Set = 0
        while self._peek() != "]":
            low, single = self._member()
            after = self.pattern[self.place + 1 : self.place + 2]
            if single and self._peek() == "-" and after and after != "]":
                self.place += 1
                high, _ = self._member()
                characters |= _range(low, high)
            else:
                characters |= low
        self.place += 1
        return _ALL & ~characters if negated else characters

    def _member(self) -> tuple[_Set, bool]:
        character = self.pattern[self.place]
        self.place += 1
        if character != "\\":
            return _bit(character), True
        if self.pattern[self.place] == "b":
            self.place += 1
            return _bit("\b"), True
        is_class = self.pattern[self.place] in _CLASSES
        return self._escaped(), not is_class


_QUANTIFIER = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\}")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}


def _bounds(quantifier: str) -> tuple[int, int | None]:
    if quantifier in "*+?":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[quantifier]
    low, comma, high = quantifier[1:-1].partition(",")
    least = int(low or 0)
    return least, (int(high) if high else None) if comma else least


def _bit(character: str) -> _Set:
    return 1 << ord(character) if ord(character) < 128 else _OTHER


def _range(low: _Set, high: _Set) -> _Set:
    first, last = low.bit_length() - 1, high.bit_length() - 1
    return sum(1 << code for code in range(first, last + 1))


def _of(characters: str) -> _Set:
    return sum({_bit(character) for character in characters})


_DIGITS = _of("0123456789")
_LETTERS = _of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SPACES = _of(" \t\n\r\f\v")
_WORD = _LETTERS | _DIGITS | _bit("_")
_CLASSES: dict[str, _Set] = {
    "d": _DIGITS,
    "D": _ALL & ~_DIGITS,
    "w": _WORD,
    "W": _ALL & ~_WORD,
    "s": _SPACES,
    "S": _ALL & ~_SPACES,
}

# --- Analysis


def _loops(node: _Node, can_fail: bool) -> Iterator[tuple[_Loop, bool]]:
    """Every loop, outermost first, and whether what comes after it can fail to match."""
    match node:
        case _Loop(body=body):
            yield node, can_fail
            yield from _loops(body, True)
        case _Sequence(parts=parts):
            after = can_fail
            for part in reversed(parts):
                yield from _loops(part, after)
                after = after or not _always_matches(part)
        case _Choice(options=options):
            for option in options:
                yield from _loops(option, can_fail)
        case _Anchor(body=body) if body is not None:
            yield from _loops(body, False)
        case _:
            pass


def _always_matches(node: _Node) -> bool:
    match node:
        case _Char() | _Anchor():
            return False
        case _Sequence(parts=parts):
            return all(_always_matches(part) for part in parts)
        case _Choice(options=options):
            return any(_always_matches(option) for option in options)
        case _Loop(body=body, least=least):
            return least == 0 or _always_matches(body)


@dataclass
class _Automaton:
    """Positions, one for each character set in the body, and how often one can follow another."""

    sets: list[_Set] = field(default_factory=list)
    follow: dict[tuple[int, int], int] = field(default_factory=dict)
    loops: list[tuple[_Loop, int, int]] = field(default_factory=list)
    """Each with the first of its positions, and the first one past them."""

    def add(self, node: _Node) -> tuple[bool, list[int], list[int]]:
        """Whether it matches nothing, and the positions that it can start and end with."""
        match node:
            case _Char(characters=characters):
                self.sets.append(characters)
                if len(self.sets) > 60:
                    raise _UnknownError
                position = len(self.sets) - 1
                return False, [position], [position]
            case _Anchor():
                return True, [], []
            case _Choice(options=options):
                made = [self.add(option) for option in options]
                return (
                    any(empty for empty, _, _ in made),
                    [p for _, first, _ in made for p in first],
                    [p for _, _, last in made for p in last],
                )
            case _Loop(body=body, least=least):
                start = len(self.sets)
                empty, first, last = self.add(body)
                self._connect(last, first)
                self.loops.append((node, start, len(self.sets)))
                return empty or least == 0, first, last
            case _Sequence(parts=parts):
                empty, first, last = True, list[int](), list[int]()
                for part in parts:
                    part_empty, part_first, part_last = self.add(part)
                    self._connect(last, part_first)
                    first = first + part_first if empty else first
                    last = last + part_last if part_empty else part_last
                    empty = empty and part_empty
                return empty, first, last

    def after(self) -> dict[int, list[int]]:
        """The positions that can follow each."""
        result: dict[int, list[int]] = {}
        for one, other in self.follow:
            result.setdefault(one, []).append(other)
        return result

    def _connect(self, before: list[int], after: list[int]) -> None:
        for one in before:
            for other in after:
                self.follow[one, other] = self.follow.get((one, other), 0) + 1


def _is_ambiguous(loop: _Loop) -> bool:
    automaton = _Automaton()
    try:
        automaton.add(loop)
    except _UnknownError:
        return False
    sets = automaton.sets
    after = automaton.after()
    # Two ways from one position to the next, on a way back: (a*)*.
    for (one, other), ways in automaton.follow.items():
        if ways > 1 and sets[one] and sets[other] and _reaches(after, other, one):
            return True
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    pending = [(position, position) for position in range(len(sets)) if sets[position]]
    while pending:
        pair = pending.pop()
        if pair in edges:
            continue
        edges[pair] = [
            (one, other)
            for one in after.get(pair[0], ())
            for other in after.get(pair[1], ())
            if sets[one] & sets[other]
        ]
        pending += edges[pair]
    return _leaves_and_returns(edges)


def _reaches(after: dict[int, list[int]], start: int, goal: int) -> bool:
    seen, pending = set[int](), [start]
    while pending:
        position = pending.pop()
        if position == goal:
            return True
        if position not in seen:
            seen.add(position)
            pending += after.get(position, ())
    return False


def _leaves_and_returns(edges: dict[tuple[int, int], list[tuple[int, int]]]) -> bool:
    """Whether two runs that part can meet again where they parted."""
    back: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for pair, nexts in edges.items():
        for other in nexts:
            back.setdefault(other, []).append(pair)
    for start in edges:
        if start[0] != start[1]:
            continue
        forward, backward = _all_from(edges, start), _all_from(back, start)
        if any(one != other for one, other in forward & backward):
            return True
    return False


def _all_from(
    edges: dict[tuple[int, int], list[tuple[int, int]]], start: tuple[int, int]
) -> set[tuple[int, int]]:
    seen, pending = {start}, [start]
    while pending:
        for other in edges.get(pending.pop(), ()):
            if other not in seen:
                seen.add(other)
                pending.append(other)
    return seen


MOST_TRIPLES = 20_000


def _shares_text(
    sets: list[_Set], after: dict[int, list[int]], first: range, second: range
) -> bool:
    """Whether some text leads from a position of the first loop to itself, from it to one of the
    second, and from that to itself."""
    for one in first:
        for other in second:
            if not sets[one] & sets[other]:
                continue
            seen: set[tuple[int, int, int]] = set()
            pending = [(one, one, other)]
            while pending and len(seen) < MOST_TRIPLES:
                here = pending.pop()
                for there in (
                    (a, b, c)
                    for a in after.get(here[0], ())
                    if a in first
                    for b in after.get(here[1], ())
                    if sets[a] & sets[b]
                    for c in after.get(here[2], ())
                    if c in second and sets[a] & sets[b] & sets[c]
                ):
                    if there == (one, other, other):
                        return True
                    if there not in seen:
                        seen.add(there)
                        pending.append(there)
    return False
