"""Coverage-guided fuzzing of what reads a model's answers, people's files and editors' positions.

    pip install atheris
    python tests/faults/fuzz.py                  every target for a minute
    python tests/faults/fuzz.py edits 900        one of them for so many seconds

Each target states what must hold for any input; a crash is an input for which it does not. Inputs
that once crashed are in `crashes.py`, as a test.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SECONDS = 60


class Bytes:
    """Values out of bytes, as atheris' FuzzedDataProvider: any bytes do, none are too few."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, count: int) -> bytes:
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def number(self, most: int) -> int:
        """From 0 to `most`."""
        return int.from_bytes(self.take(2), "big") % (most + 1)

    def text(self, most: int = 200) -> str:
        """Of code that is likely to matter: half of the bytes choose from an alphabet."""
        return "".join(
            ALPHABET[byte % len(ALPHABET)] if byte < 192 else chr(byte)
            for byte in self.take(self.number(most))
        )


ALPHABET = [
    *"ab(){}[]:,.\"'\\#-=|<>/*0123 \t",
    *("\n", "\r\n", "\r", "\n\n", "    ", "\t"),
    *(
        "x = 1",
        "def f():",
        "return",
        "...",
        "# ...",
        "# rest unchanged",
        "  12 | ",
        "name: ",
        "---",
    ),
    *("\u00e9", "\u20ac", "\U0001f600", "e\u0301", "\u200b", "\u2028", "\x0c", "\ud800", "\0"),
    *(
        '{"',
        '":',
        "[]",
        "{}",
        "null",
        "true",
        '"edits"',
        '"findings"',
        '"old"',
        "&a",
        "*a",
        "!!",
        "? ",
    ),
]


# --- What must hold


def frontmatter(data: bytes) -> None:
    """Any file is read, or said to be none; each problem stands in a line of it."""
    from backend_developer.agents import read_agent
    from backend_developer.tasks import read_task

    written = f"---\n{Bytes(data[1:]).text(2000)}".encode("utf-8", "surrogatepass")
    content = data if data[:1] > b"\x7f" else written
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.md"
        path.write_bytes(content)
        lines = len(re.split(rb"\r\n|\r|\n", content))
        for read in (read_agent, read_task):
            _, problems = read(path, "user")
            for problem in problems:
                assert problem.message.strip()
                assert problem.line is None or 1 <= problem.line <= lines, (problem, lines)


def stream(data: bytes) -> None:
    """However an answer is cut into pieces, the same items come, in time that grows with it."""
    from backend_developer.engines.answer import read_finding, read_verdict
    from backend_developer.engines.change_answer import read_piece
    from backend_developer.engines.stream import AnswerReader

    source = Bytes(data)
    cuts = [source.number(40) + 1 for _ in range(8)]
    text = source.text(4000)
    whole = AnswerReader().feed(text)
    reader, pieces, start = AnswerReader(), [], 0
    for index in range(len(text) + 1):
        end = start + cuts[index % len(cuts)]
        pieces += reader.feed(text[start:end])
        start = end
        if start >= len(text):
            break
    assert repr(pieces) == repr(whole)
    for item in whole:
        read_finding(item.value, "agent:x")
        read_verdict(item.value)
        read_piece(item, "a.py")


def edits(data: bytes) -> None:
    """An edit is placed where its old text stands, or there is a sentence; nothing else changes."""
    from backend_developer.core.edits import apply, minimal, place_edit, place_quote
    from backend_developer.core.model import Quote, SearchReplace
    from backend_developer.core.text import Lines

    source = Bytes(data)
    text, new = source.text(400), source.text(60)
    start = source.number(len(text))
    old = text[start : start + source.number(40)] if source.number(1) else source.text(40)
    line = source.number(20) or None
    lines = Lines(text)
    placed = place_edit(text, lines, SearchReplace(old, new, None, line))
    if isinstance(placed, str):
        assert placed.strip()
    else:
        after = apply(text, [placed])
        assert apply(text, [minimal(text, placed)]) == after
        assert after[: placed.span.start] == text[: placed.span.start]
        assert after[len(after) - (len(text) - placed.span.end) :] == text[placed.span.end :]
    quoted = place_quote(text, lines, Quote(old, line))
    assert isinstance(quoted, str) or 0 <= quoted.start < quoted.end <= len(text)


def changes(data: bytes) -> None:
    """A change of a file is placed whole or refused, its hunks give its text, its diff says so."""
    from backend_developer.core.changes import (
        ChangeAnswer,
        ChangeSet,
        NewFile,
        narrowed,
        place_change,
    )
    from backend_developer.core.edits import apply
    from backend_developer.core.model import Document, SearchReplace, Span
    from backend_developer.offers import OfferedFile, reversed_edits

    source = Bytes(data)
    text = source.text(300)
    claims = []
    for _ in range(source.number(3) + 1):
        start = source.number(len(text))
        old = text[start : start + source.number(60)]
        claims.append(SearchReplace(old, source.text(60), "a.py", source.number(9) or None))
    files = (NewFile("a.py", source.text(100)),) if source.number(3) == 0 else ()
    document = Document("file:///a.py", "/a.py", "python", text)
    placed = place_change(
        ChangeAnswer((), tuple(claims), files), "a.py", Span(0, len(text)), {"a.py": document}
    )
    if not isinstance(placed, ChangeSet):
        assert all(reason.startswith(("a.py: ", "The change")) for reason in placed)
        return
    for file in placed.files:
        assert file.edits
        assert apply(text, file.edits) == file.text_after
        assert apply(file.text_after, reversed_edits(OfferedFile(file, file.text_after))) == text
        assert file.text_after == text or file.diff()
        assert len(narrowed(placed, hunks={"a.py": [0]}).files[0].edits) == 1


def positions(data: bytes) -> None:
    """A place of a text is the same one there and back, in each encoding; edits keep all others."""
    from backend_developer.core.text import Change, Lines, apply_changes, trim
    from backend_developer.core.tracking import moved

    source = Bytes(data)
    text, new = source.text(300), source.text(40)
    lines = Lines(text)
    for encoding in ("utf-8", "utf-16", "utf-32"):
        line, character = source.number(30), source.number(60)
        offset = lines.offset(line, character, encoding)  # type: ignore[arg-type]
        assert 0 <= offset <= len(text)
        there = lines.position(offset, encoding)  # type: ignore[arg-type]
        assert lines.offset(*there, encoding) == offset  # type: ignore[arg-type]
        assert there <= (line, character) or line >= lines.count
    span = lines.span((source.number(30), source.number(60)), (source.number(30), 0), "utf-16")
    change = Change(span, new)
    after = apply_changes(text, [change])
    assert apply_changes(text, [trim(text, change)]) == after
    assert "".join(
        part for number in range(lines.count) for part in (lines.line(number),)
    ) == re.sub(r"[\r\n]", "", text)
    place = type(span)(*sorted((source.number(len(text)), source.number(len(text)))))
    there_after = moved(place, [change])
    if there_after is not None:
        assert after[there_after.start : there_after.end] == text[place.start : place.end]


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (frontmatter, stream, edits, changes, positions)
}


# --- Running them


def fuzz(name: str, seconds: int) -> None:
    """Does not return: atheris ends the process, with a message and an input when it crashed."""
    import atheris

    with atheris.instrument_imports(include=["backend_developer"]):
        TARGETS[name](b"")  # Imports what it needs.
        import backend_developer.core  # noqa: F401

    arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20"]
    atheris.Setup([*arguments, "-print_final_stats=1", "-verbosity=0"], TARGETS[name])
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    if len(arguments) > 2 and arguments[0] == "--run":
        fuzz(arguments[1], int(arguments[2]))
    names = arguments[:1] or [*TARGETS]
    seconds = int(arguments[1]) if len(arguments) > 1 else SECONDS
    failed = False
    print(f"{'target':12} {'seconds':>7} {'runs':>10}  verdict")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--run", name, str(seconds)]
            done: Any = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False
            )
            runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
            crash = next(iter(Path(folder).glob("crash-*")), None) or next(
                iter(Path(folder).glob("timeout-*")), None
            )
            is_bad = crash is not None or done.returncode != 0
            verdict = f"failed: {crash.read_bytes()!r}" if crash else "nothing found"
            if is_bad and not crash:
                verdict = "could not be run"
            print(f"{name:12} {seconds:7} {runs[1] if runs else '?':>10}  {verdict}")
            if is_bad:
                print(done.stderr[-3000:], file=sys.stderr)
            failed |= is_bad
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
