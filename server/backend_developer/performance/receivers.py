"""What is called, by name: `repository.find(…)` is `BookRepository.find` where the file says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from .code import Chain, Code, Scope, chain_of
from .loops import Loops
from .summaries import NOTHING, Elsewhere


class Receivers(Loops):
    """Names of functions of other files, and the classes that variables are objects of."""

    def __init__(self, code: Code, elsewhere: Elsewhere = NOTHING) -> None:
        super().__init__(code)
        self.elsewhere = elsewhere

    def called(self, chain: Chain, scope: Scope | None) -> str:
        """The dotted name of what the chain's first call calls; "" for nothing with a name."""
        names = [chain.root]
        for step in chain.steps:
            if step.name == "[]":
                return ""
            if step.name:
                names.append(step.name)
            if step.arguments is None:
                continue
            is_made = step is chain.steps[0] and not step.name and len(chain.steps) > 1
            if is_made and names[0].removeprefix("new ")[:1].isupper():
                names = [names[0].removeprefix("new ")]  # Repository(session).find(…)
                continue
            break
        else:
            return ""
        return self._named(names, scope)

    def _named(self, names: list[str], scope: Scope | None) -> str:
        if names[0] in ("self", "this", "cls"):
            if len(names) < 2:
                return ""
            if len(names) == 2:
                owner = class_around(scope)
                return f"{owner.name}.{names[1]}" if owner is not None else ""
            names = names[1:]
            made = self.classes.get(names[0], "")
            return ".".join((made, *names[1:])) if made else ""
        if len(names) > 1 and (made := self.classes.get(names[0], "")):
            names = [made, *names[1:]]
        return ".".join(names) if names[0] else ""

    @cached_property
    def classes(self) -> Mapping[str, str]:
        """Variable, field or parameter -> the class that it is an object of, where it is one."""
        found: dict[str, set[str]] = {}
        for name, whole in _ANNOTATED.findall(self.text):
            found.setdefault(name, set()).add(whole)
        for assignment in self.code.assignments:
            chain = chain_of(assignment.value, self.text)
            made = _MADE.fullmatch(chain.path) if chain is not None else None
            given = found.get(assignment.value.text(), set()) if chain is None else set()
            for name in assignment.names:
                ones = {made[1]} if made is not None else given
                found.setdefault(re.sub(r"^(self|this)\.", "", name), set()).update(ones)
        return {name: next(iter(ones)) for name, ones in found.items() if len(ones) == 1}


_ANNOTATED = re.compile(
    r"\b(\w++)\s*+(?:[?!]\s*+)?:\s*+(?:Annotated\[\s*)?(?:readonly\s+)?(?:Optional\[)?[\"']?([A-Z]\w*)\b(?![\[<(])"
)
_MADE = re.compile(r"(?:new )?([A-Z]\w*)\(\)")


def class_around(scope: Scope | None) -> Scope | None:
    """The innermost class that a scope is, or lies in."""
    while scope is not None and scope.kind != "class":
        scope = scope.parent
    return scope
