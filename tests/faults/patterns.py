"""Our own regular expressions on texts that were made to slow them down.

    .venv/bin/python tests/faults/patterns.py [--size 1500]

Each pattern that the program compiles, of its code and of its YAML and Markdown, is searched for in
repetitions of what it is made of: its characters, its beginnings, its loops. One that takes more
than in proportion to the text is told, with the repetition: in a file of a megabyte it would hold
a review for minutes. `AT_ONE_PLACE` are those that are tried at one place of their text, `SHORT`
those whose text has a limit; they are held to that.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import re._constants as codes
import re._parser as parser
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias

SIZE = 1_500
GROWTH = 4
"""How many times as long the second text is."""
TOO_MUCH = 9
"""How many times as much time shows that it is not in proportion: the square of 4 is 16."""
WORTH_A_LOOK = 0.001
"""Seconds for the first text; those of a pattern that is in proportion are some tenths of it."""
MOST_SECONDS = 1.0
"""For one text; a pattern that takes longer is told."""
MOST_UNITS = 50

MOST_OF_A_SHORT_ONE = 1.0
"""Seconds for the longest text of one whose texts have a limit."""

How: TypeAlias = Literal["search", "match", "fullmatch"]


AT_ONE_PLACE: Mapping[str, How] = {
    "dataflow.specification": "fullmatch",
    "documents.openapi.payload": "fullmatch",
    "documents.openapi.wording": "fullmatch",
    "performance.blocking": "match",
}
"""Modules with tables of patterns -> how all of those are used."""
SHORT: Mapping[tuple[str, str], int] = {
    # Expressions of the reviewed code, of at most MAXIMUM_LENGTH.
    ("core.patterns", ""): 1_000,
    # Two lines at a time, and `^` is at the beginning of each.
    ("hidden", r"(?i)\b(?:do\s+not|"): 2,
    # What is before a sentence.
    ("hidden", "(?i)prompt|instruction"): 400,
    # The code of a finding of the linter's.
    ("linters.oxlint", r"([\w-]+)\("): 200,
    # The beginning of a file.
    ("roles", r"^\W{0,8}(?:@generated"): 1_000,
    # What is before a value.
    ("secrets.suspects", "(?i)(?:sha-?"): 40,
    # The selected code, of at most MOST_SEARCHED.
    ("tasks", ""): 10_000,
}
"""Module and beginning of patterns -> of how many characters their longest text is."""


@dataclass(frozen=True, slots=True)
class Pattern:
    text: str
    flags: int
    module: str
    """That compiles it."""
    how: How
    """The least that it is used for: "search" stands for whatever looks at each place."""

    @property
    def name(self) -> str:
        return f"{self.module.removeprefix('backend_developer.')}: {self.text}"


@dataclass(frozen=True, slots=True)
class Slow:
    pattern: Pattern
    unit: str
    """What is repeated."""
    seconds: float
    """For `size` characters of it."""
    size: int


def our_patterns() -> list[Pattern]:
    """All that the program compiles when all of it is imported and has looked at something once.

    To be called in a process that has imported nothing of it.
    """
    assert not any(name.startswith("backend_developer") for name in sys.modules)
    compile_ = re._compile  # type: ignore[attr-defined]
    found: dict[tuple[str, int], Pattern] = {}

    def note(pattern: Any, flags: Any) -> re.Pattern[Any]:
        compiled: re.Pattern[Any] = compile_(pattern, flags)
        frame, how = sys._getframe(1), "search"
        while frame.f_globals.get("__name__") in ("re", "functools") and frame.f_back:
            how, frame = frame.f_code.co_name, frame.f_back
        module = frame.f_globals.get("__name__", "")
        if module.startswith("backend_developer") and isinstance(compiled.pattern, str):
            key = compiled.pattern, compiled.flags
            found.setdefault(key, Pattern(*key, module, _how(how)))
        return compiled

    re._compile = note  # type: ignore[attr-defined]
    try:
        _use_everything()
    finally:
        re._compile = compile_  # type: ignore[attr-defined]
    modules = [
        module for name, module in sys.modules.items() if name.startswith("backend_developer")
    ]
    uses = _uses(modules)
    return [
        replace(
            one,
            how=AT_ONE_PLACE.get(one.module.removeprefix("backend_developer."))
            or uses.get((one.text, one.flags), one.how),
        )
        for one in found.values()
    ]


def _how(method: str) -> How:
    return "match" if method == "match" else "fullmatch" if method == "fullmatch" else "search"


def _uses(modules: Iterable[ModuleType]) -> dict[tuple[str, int], How]:
    """Of the patterns that have a name, how they are used wherever that is."""
    texts = {
        module.__name__: Path(module.__file__).read_text(encoding="utf-8")
        for module in modules
        if module.__file__
    }
    everything = re.sub(
        r"^from \S+ import (?:\([^)]*\)|.*)", "", "".join(texts.values()), flags=re.MULTILINE
    )
    uses: dict[tuple[str, int], How] = {}
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                text = texts[module.__name__] if name.startswith("_") else everything
                # Whatever else is done with it is not known.
                said = set(re.findall(rf"\b{name}\b(?! = |: )(?:\.(\w+))?", text))
                how: How = "search"
                if said and said <= {"match", "fullmatch"}:
                    how = "match" if "match" in said else "fullmatch"
                uses[value.pattern, value.flags] = how
    return uses


def _use_everything() -> None:
    package = importlib.import_module("backend_developer")
    for module in pkgutil.walk_packages(package.__path__, "backend_developer."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    from backend_developer.engines.local import LocalEngine
    from backend_developer.tasks import load_tasks

    load_tasks(None, None, False, {})
    LocalEngine().warm_up()


# --- What slows a pattern down


def units(pattern: Pattern) -> list[str]:
    """What is worth repeating: its characters, and what its beginnings match."""
    tree = parser.parse(pattern.text, pattern.flags & ~re.UNICODE)
    found: dict[str, None] = {}
    for prefix, body in _loops(tree, ""):
        for unit in (body, prefix + body, prefix, prefix[-1:] + body):
            found[unit] = None
    for character in _characters(tree):
        found[character] = None
    found[_sample(tree)] = None
    # A shorter one says more, and what is long is put together of those.
    return sorted((unit for unit in found if unit), key=len)[:MOST_UNITS]


def _loops(tree: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """What leads to each repetition, and what it repeats."""
    for code, value in tree:
        for inner in _inside(code, value):
            yield from _loops(inner, prefix)
        if code in _REPEATS and value[1] > 20:
            yield prefix, _sample(value[2])
            for character in _characters(value[2]):
                yield prefix, character
        prefix += _sample([(code, value)])


_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


def _inside(code: Any, value: Any) -> Iterator[Any]:
    if code in _REPEATS:
        yield value[2]
    elif code is codes.SUBPATTERN:
        yield value[-1]
    elif code is codes.ATOMIC_GROUP:
        yield value
    elif code is codes.BRANCH:
        yield from value[1]
    elif code in (codes.ASSERT, codes.ASSERT_NOT):
        yield value[1]
    elif code is codes.GROUPREF_EXISTS:
        yield from (part for part in value[1:] if part)


def _sample(tree: Any) -> str:
    """Some text that the tree matches, with little of each repetition."""
    said = ""
    for code, value in tree:
        if code is codes.LITERAL:
            said += chr(value)
        elif code is codes.NOT_LITERAL:
            said += "a" if chr(value) != "a" else "b"
        elif code is codes.ANY:
            said += "a"
        elif code is codes.IN:
            said += next(iter(_of_set(value)), "")
        elif code in _REPEATS:
            said += _sample(value[2]) * max(value[0], min(value[1], 1))
        elif code is codes.BRANCH:
            said += _sample(value[1][0])
        elif code not in (codes.ASSERT, codes.ASSERT_NOT):
            said += "".join(_sample(inner) for inner in _inside(code, value))
    return said


def _characters(tree: Any) -> Iterator[str]:
    for code, value in tree:
        if code is codes.LITERAL:
            yield chr(value)
        elif code in (codes.ANY, codes.NOT_LITERAL):
            yield from "a "
        elif code is codes.IN:
            yield from _of_set(value)
        for inner in _inside(code, value):
            yield from _characters(inner)


def _of_set(items: Any) -> list[str]:
    """Some characters of a set."""
    if items[0][0] is codes.NEGATE:
        pattern = re.compile(f"[{_written(items[1:])}]")
        return [one for one in "a 0,-\n\"'(" if not pattern.match(one)][:3]
    said: list[str] = []
    for code, value in items:
        if code is codes.LITERAL:
            said.append(chr(value))
        elif code is codes.RANGE:
            said.append(chr(value[0]))
        elif code is codes.CATEGORY:
            said += _CATEGORIES.get(value, "")
    return said


def _written(items: Any) -> str:
    said = ""
    for code, value in items:
        if code is codes.LITERAL:
            said += re.escape(chr(value))
        elif code is codes.RANGE:
            said += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif code is codes.CATEGORY:
            said += {
                codes.CATEGORY_SPACE: r"\s",
                codes.CATEGORY_NOT_SPACE: r"\S",
                codes.CATEGORY_WORD: r"\w",
                codes.CATEGORY_NOT_WORD: r"\W",
                codes.CATEGORY_DIGIT: r"\d",
                codes.CATEGORY_NOT_DIGIT: r"\D",
            }[value]
    return said or r"\0"


_CATEGORIES = {
    codes.CATEGORY_SPACE: " \n",
    codes.CATEGORY_NOT_SPACE: "a.",
    codes.CATEGORY_WORD: "a0",
    codes.CATEGORY_NOT_WORD: " .",
    codes.CATEGORY_DIGIT: "0",
    codes.CATEGORY_NOT_DIGIT: "a ",
}


# --- How long it takes


class _TooLongError(Exception):
    pass


def slow(pattern: Pattern, size: int) -> Slow | None:
    """The first repetition that takes more than in proportion to its length."""
    compiled = re.compile(pattern.text, pattern.flags)
    longest = next((most for key, most in SHORT.items() if _is_of(pattern, *key)), None)
    if longest is not None:
        for unit in units(pattern):
            if (seconds := _seconds(compiled, pattern.how, unit, longest)) >= MOST_OF_A_SHORT_ONE:
                return Slow(pattern, unit, seconds, longest)
        return None
    for unit in units(pattern):
        seconds = _seconds(compiled, pattern.how, unit, size)
        if seconds < WORTH_A_LOOK:
            continue
        seconds = min(seconds, _seconds(compiled, pattern.how, unit, size))
        if seconds >= MOST_SECONDS:
            return Slow(pattern, unit, seconds, size)
        if seconds < WORTH_A_LOOK:
            continue
        # The quickest of some: a machine may do something else meanwhile.
        again = min(_seconds(compiled, pattern.how, unit, size * GROWTH) for _ in range(3))
        if again > TOO_MUCH * seconds:
            return Slow(pattern, unit, again, size * GROWTH)
    return None


def _is_of(pattern: Pattern, module: str, beginning: str) -> bool:
    return pattern.module == f"backend_developer.{module}" and pattern.text.startswith(beginning)


def _seconds(compiled: re.Pattern[str], how: How, unit: str, size: int) -> float:
    """For so many characters of the unit; MOST_SECONDS when it takes longer."""
    text = unit * (size // len(unit) + 1)

    def stop(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    begun = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        if how == "search":
            for _ in compiled.finditer(text):
                pass
        else:
            getattr(compiled, how)(text)
    except _TooLongError:
        return MOST_SECONDS
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return time.process_time() - begun


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--size", type=int, default=SIZE, help="characters of the first text")
    arguments = options.parse_args()
    patterns = our_patterns()
    count = 0
    for pattern in sorted(patterns, key=lambda one: one.name):
        found = slow(pattern, arguments.size)
        if found is None:
            continue
        count += 1
        print(
            f"{found.seconds:6.2f} s for {found.size} of {found.unit!r}:",
            pattern.how,
            pattern.name,
            flush=True,
        )
    print(f"{len(patterns)} patterns, {count} slow")
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
