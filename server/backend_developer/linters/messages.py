"""What the linters have in common: a message has a code, and the catalogue knows what it means.

texts -> run(texts, codes) -> Messages -> catalogue.yml's `same_as` -> Proposals
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..catalogue import Catalogue
from ..core.model import Confidence, Proposal, ProposedFix, Severity, Span
from ..detector import Source
from .process import LinterError, linter_folder, run_linter


@dataclass(frozen=True, slots=True)
class Message:
    """What a linter says of one place."""

    code: str
    """As in `same_as`, without the tool's name: "S608"."""
    text: str
    """What it saw: a sentence, with or without its full stop."""
    span: Span
    confidence: Confidence = "high"
    severity: Severity | None = None
    """None: the rule's own."""
    fix: ProposedFix | None = None


Run: TypeAlias = Callable[[Sequence[Source], Sequence[str]], list[list[Message]]]
"""What a linter says of each source by some of its codes; raises LinterError."""


@dataclass(frozen=True)
class LinterDetector:
    """Implements Detector: the codes of a linter that some catalogue rule is the same as."""

    name: str
    """Also its name in `same_as`."""
    languages: frozenset[str]
    catalogue: Catalogue
    run: Run
    runs_program = True

    @property
    def rules(self) -> frozenset[str]:
        return self.catalogue.rules_of(self.name)

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """What the linter says of each source, in one run for all of them. Raises LinterError."""
        rules = {
            code: rule
            for code in self.catalogue.codes_of(self.name)
            if (rule := self.catalogue.rule_for(self.name, code)) and rule.id in enabled
        }
        if not rules:
            return [[] for _ in sources]
        return [
            [
                Proposal(
                    where=message.span,
                    rule=rules[message.code].id,
                    # The linter says what it saw; what to do instead is for us to say.
                    message=f"{message.text.rstrip('.')}. {rules[message.code].advice}",
                    source=f"{self.name}:{message.code}",
                    author="local",
                    confidence=message.confidence,
                    severity=message.severity,
                    fix=message.fix,
                )
                for message in messages
                if message.code in rules
            ]
            for messages in self.run(sources, sorted(rules))
        ]


def run_on_files(
    command: Sequence[str],
    texts: Sequence[tuple[str, str]],
    *,
    configuration: tuple[str, str] | None = None,
    exit_codes: Sequence[int] = (0, 1),
) -> Any:
    """The JSON that `command`, given files with these (name, text) in a new folder, prints.

    The files are called `0/name`, `1/name`, and so on, relative to the folder, which the
    command runs in; names are ours, since a person's may be anything. `configuration` is one
    more file's name and text. None when it prints nothing. Raises LinterError.
    """
    with linter_folder(Path(command[0]).stem) as folder:
        if configuration:
            (folder / configuration[0]).write_text(configuration[1], encoding="utf-8")
        files = []
        for index, (name, text) in enumerate(texts):
            file = folder / str(index) / name
            file.parent.mkdir(parents=True)
            file.write_bytes(text.encode("utf-8", "replace"))
            files.append(f"{index}/{name}")
        output = run_linter(
            [*command, *files], folder=folder, exit_codes=exit_codes, files=len(files)
        )
    try:
        return json.loads(output) if output else None
    except (ValueError, RecursionError) as error:
        raise LinterError(f"{Path(command[0]).stem} printed no JSON; install it again.") from error


def index_of(file: str) -> int:
    """Which text a file of `run_on_files` was."""
    return int(Path(file).parts[0])


def offset_of_byte(text: str, byte: int) -> int:
    """Where in a text a byte of its UTF-8 form lies."""
    if text.isascii():
        return min(byte, len(text))
    return len(text.encode("utf-8", "replace")[:byte].decode("utf-8", "ignore"))


def first_line(text: str, span: Span) -> Span:
    """What of a span lies in its first line that is not empty, without spaces around it.

    A linter that points at a whole job or instruction means its beginning.
    """
    code = text[span.start : span.end]
    start = span.start + len(code) - len(code.lstrip())
    line = text[start : span.end].splitlines()[:1]
    return Span(start, start + len(line[0].rstrip())) if line else span
