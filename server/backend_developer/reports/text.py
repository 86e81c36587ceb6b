"""The report for people: each finding with its code, its reason and its edit, then one summary.

    app/db.py:12:17: error[security/sql-injection]: SQL built from strings
       |
    11 | def find(name):
    12 |     cur.execute(f"select * from users where name = '{name}'")
       |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       why: …
       ref: high confidence · CWE-89 · OWASP A03:2021
       see: https://…
       fix: Bind the value (--fix applies it)
            @@ -12 +12 @@
            -    cur.execute(f"select …
            +    cur.execute("select …

What is quoted comes from the code under review, so no control character of it
reaches the terminal, and columns are counted as a terminal shows them.
"""

from __future__ import annotations

import difflib
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Protocol

from ..core.model import Checking, Finding, Fix, Severity, TextEdit, Withheld
from ..core.text import LINE_END, Lines
from ..fixes import is_applicable
from ..prices import used_in_words
from . import Report, place, plural, references

WIDTH = 100
"""Columns that a report is laid out for where the terminal's are not known."""


def render(report: Report, *, colour: bool = False, width: int = WIDTH) -> str:
    """The whole report, ending in a line end. `width` is in columns of the terminal."""
    paint = painter(colour=colour)
    shown: list[tuple[str, Lines, Finding]] = []
    repeated: dict[tuple[str, str], list[int]] = {}
    for review, lines, finding in report.placed():
        others = repeated.get((review.path, finding.rule))
        if others is not None and _needs_no_more_than_its_line(finding):
            others.append(place(lines, finding.span.start).line)
        else:
            repeated.setdefault((review.path, finding.rule), [])
            shown.append((review.path, lines, finding))
    blocks: list[str] = []
    for path, lines, finding in shown:
        others = repeated.pop((path, finding.rule), [])
        block = _finding(finding, path, lines, report, paint, max(width, 40), others)
        # A diff may end in a blank line of context.
        blocks.append("\n".join(block).rstrip("\n"))
    blocks += _fixed(report, paint)
    blocks.append("\n".join([summary(report), *_hints(report, paint)]))
    return "\n\n".join(blocks) + "\n"


def summary(report: Report) -> str:
    """One line: `12 findings: 3 security, …; 7 with a checked fix; engine: local`."""
    count = sum(1 for _ in report.findings())
    if count:
        by_focus = ", ".join(f"{number} {focus}" for focus, number in report.by_focus().items())
        parts = [f"{plural(count, 'finding')}: {by_focus}"]
        parts.append(f"{report.checked_fixes() or 'none'} with a checked fix")
    else:
        parts = [f"no findings in {plural(len(report.files), 'file')}"]
    if report.dismissed():
        parts.append(f"{report.dismissed()} dismissed")
    if report.folded():
        parts.append(f"{report.folded()} of low confidence not shown (--all shows them)")
    if report.rejections():
        parts.append(f"{plural(len(report.rejections()), 'claim')} rejected as unfounded")
    if report.all_errors():
        paths = {path for path, _ in report.all_errors()}
        parts.append(f"{plural(len(paths), 'path')} not fully reviewed")
    parts.append(f"engine: {visible(report.engine())}")
    parts += [visible(used_in_words(use, cost)) for use, cost in report.usage()]
    return "; ".join(parts)


def visible(text: str) -> str:
    """`text` with nothing in it that moves the cursor, hides or reorders other text.

    C0 controls become their pictures (`␛`), the rest `<U+202E>`; joiners inside emoji
    and accents stay. Tabs and line ends are controls too.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible_character, text))


def columns(text: str) -> int:
    """How many columns a terminal gives to `text`, which is `visible` already.

    East Asian wide characters and most emoji take two, accents and joiners none.
    """
    return len(text) if text.isascii() else sum(map(_character_columns, text))


# --- One finding


def _needs_no_more_than_its_line(finding: Finding) -> bool:
    """Whether it is told in a word where its rule has been explained for the file already."""
    is_minor = finding.severity in ("information", "hint")
    return is_minor and finding.fix is None and not finding.flow and not finding.refuted


def _finding(
    finding: Finding,
    path: str,
    lines: Lines,
    report: Report,
    paint: Paint,
    width: int,
    others: Sequence[int],
) -> Iterator[str]:
    """`others`: the lines where its rule has found the same, of which no more is said."""
    start = place(lines, finding.span.start)
    kind = _SEVERITY_WORDS[finding.severity]
    yield (
        paint("bold", f"{visible(path)}:{start.line}:{start.column}: ")
        + paint(finding.severity, f"{kind}[{visible(finding.rule)}]")
        + paint("bold", f": {visible(finding.title)}")
    )
    margin = _margin(lines, finding)
    yield from _frame(finding, lines, paint, width, margin)
    indent = " " * (margin + 1)

    def labelled(label: str, body: str, style: str = "") -> Iterator[str]:
        room = max(width - len(indent) - 5, 20)
        for paragraph in body.splitlines() or [""]:
            wrapped = textwrap.wrap(
                visible(paragraph), room, break_long_words=False, break_on_hyphens=False
            )
            for line in wrapped:
                yield f"{indent}{paint('label', label)} {paint(style, line)}"
                label = "    "

    yield from labelled("why:", finding.message)
    if others:
        numbers = ", ".join(map(str, dict.fromkeys(others)))
        yield from labelled("and:", f"the same in line{'s' * (',' in numbers)} {numbers}")
    for number, (span, message) in enumerate(finding.flow, start=1):
        step = f"{number}. line {place(lines, span.start).line}: {message}"
        yield from labelled("how:" if number == 1 else "    ", step)
    if finding.refuted:
        yield from labelled("but:", f"the agent disagrees: {finding.refuted}")
    facts = (f"{finding.confidence} confidence", *references(finding, report.rules))
    yield from labelled("ref:", " · ".join(facts), "dim")
    if finding.link:
        yield from labelled("see:", finding.link, "dim")
    match finding.fix:
        case Fix() as fix:
            yield from labelled("fix:", f"{fix.title} ({_how_to_take(finding, fix)})")
            for reason in fix.unchecked:
                yield from labelled("    ", f"not checked: {reason}")
            for line in _diff(lines, fix.edits, paint):
                yield f"{indent}     {line}".rstrip()
        case Withheld(title=title, reason=reason):
            yield from labelled("fix:", f"{title}: not offered. {reason}")
        case Checking():
            yield from labelled("fix:", "not offered. Its check did not finish.")
        case None:
            pass


def _how_to_take(finding: Finding, fix: Fix) -> str:
    if fix.needs != "none":
        return f"{_NEEDS_WORDS[fix.needs]}, so take it by hand"
    if fix.out_of_scope:
        return "it reaches outside what was reviewed, so take it by hand"
    return "--fix applies it" if is_applicable(finding) else "take it by hand"


_SEVERITY_WORDS: dict[Severity, str] = {
    "error": "error",
    "warning": "warning",
    "information": "info",
    "hint": "hint",
}
_NEEDS_WORDS = {
    "setting": "also needs a change of settings",
    "migration": "also needs a database migration",
    "template": "also needs a change in a template",
    "dependency": "also needs a new dependency",
}


# --- The code frame

_TAB = 4
_LONGEST_SPAN = 6
"""Lines of a finding that are shown in full; of a longer one, its first and last three."""


def _margin(lines: Lines, finding: Finding) -> int:
    """Columns of the line numbers."""
    last = min(lines.line_of(finding.span.end) + 1, lines.count - 1)
    return max(len(str(last + 1)), 2)


def _frame(finding: Finding, lines: Lines, paint: Paint, width: int, margin: int) -> Iterator[str]:
    first, last = lines.first_and_last(finding.span)
    end = min(finding.span.end, lines.end(last))
    bar = paint("gutter", "|")
    empty = f"{' ' * margin} {bar}"
    room = width - margin - 5
    style = finding.severity

    def numbered(line: int, body: str) -> str:
        return f"{paint('gutter', f'{line + 1:>{margin}}')} {bar} {body}".rstrip()

    def context(line: int, prefix: str) -> Iterator[str]:
        if 0 <= line < lines.count and lines.line(line).strip():
            yield numbered(line, prefix + _cut(expand(lines.line(line)), 0, room))

    def column(line: int, offset: int) -> int:
        return columns(expand(lines.line(line)[: offset - lines.start(line)]))

    yield empty
    if first == last:
        yield from context(first - 1, "")
        left, right = column(first, finding.span.start), column(first, end)
        shown = expand(lines.line(first))
        # A line that is too long is shown from where its finding is in view, with some code around.
        shift = max(0, min(left - 8, right + 8 - room)) if columns(shown) > room else 0
        carets = "^" * max(1, min(right, shift + room) - left)
        yield numbered(first, _cut(shown, shift, room))
        yield f"{empty} {' ' * (left - shift)}{paint(style, carets)}"
        yield from context(last + 1, "")
    else:
        # The finding's lines hang on a rail that leaves from its first character and
        # comes back under its last.
        rail = paint(style, "|")
        left, right = column(first, finding.span.start), column(last, end)
        yield from context(first - 1, "  ")
        yield numbered(first, "  " + _cut(expand(lines.line(first)), 0, room))
        yield f"{empty}  {paint(style, '_' * (min(left, room) + 1) + '^')}"
        for line in range(first + 1, last + 1):
            if last - first >= _LONGEST_SPAN and first + 2 < line < last - 2:
                if line == first + 3:
                    yield f"{paint('gutter', '.' * margin)} {bar} {rail} …"
                continue
            yield numbered(line, f"{rail} {_cut(expand(lines.line(line)), 0, room)}")
        yield f"{empty} {paint(style, '|' + '_' * max(1, min(right, room)) + '^')}"
        yield from context(last + 1, "  ")
    yield empty


def expand(line: str) -> str:
    """A line of code as it is shown: tabs to the next multiple of 4, nothing invisible."""
    if "\t" not in line:
        return visible(line)
    parts: list[str] = []
    column = 0
    for character in line:
        shown = " " * (_TAB - column % _TAB) if character == "\t" else visible(character)
        parts.append(shown)
        column += columns(shown)
    return "".join(parts)


def _cut(shown: str, start: int, room: int) -> str:
    """Columns `start` to `start + room` of an expanded line, `…` where something is left out."""
    if start == 0 and columns(shown) <= room:
        return shown
    kept: list[str] = []
    column = 0
    for character in shown:
        width = _character_columns(character)
        if start <= column and column + width <= start + room:
            kept.append(character)
        elif column < start < column + width:
            kept.append(" ")  # the right half of a wide character
        column += width
    if start and kept:
        kept[0] = "…" + " " * (_character_columns(kept[0]) - 1)
    if column > start + room and kept:
        kept[-1] = "…"
    return "".join(kept)


# --- The edit


def _diff(lines: Lines, edits: tuple[TextEdit, ...], paint: Paint) -> Iterator[str]:
    """The hunks of a unified diff, with one line of context.

    Only the lines around the edits are compared: a whole file for every finding
    would take seconds in a long one.
    """
    drift = 0  # lines that the hunks so far added
    for first, last, group in _neighbours(lines, edits):
        top, bottom = max(first - 1, 0), min(last + 1, lines.count - 1)
        start, end = lines.start(top), lines.end(bottom)
        before = lines.text[start:end]
        after = before
        for edit in reversed(group):
            after = (
                after[: edit.span.start - start] + edit.new_text + after[edit.span.end - start :]
            )
        old, new = LINE_END.split(before), LINE_END.split(after)
        hunk = list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]
        for line in hunk:
            if line.startswith("@@"):
                yield paint("hunk", _moved(line, top, drift))
            else:
                style = {"+": "added", "-": "removed"}.get(line[0], "")
                yield paint(style, line[0] + expand(line[1:]))
        drift += len(new) - len(old)


def _neighbours(
    lines: Lines, edits: Iterable[TextEdit]
) -> Iterator[tuple[int, int, list[TextEdit]]]:
    """Edits whose lines of context touch, together: (first line, last line, edits)."""
    group: list[TextEdit] = []
    first = last = 0
    for edit in edits:
        top, bottom = lines.line_of(edit.span.start), lines.line_of(edit.span.end)
        if group and top > last + 2:
            yield first, last, group
            group = []
        first = first if group else top
        last = max(last, bottom) if group else bottom
        group.append(edit)
    if group:
        yield first, last, group


def _moved(header: str, top: int, drift: int) -> str:
    """A hunk's header of a part of the file, with the line numbers of the whole file."""
    _, old, new, _ = header.split(" ")
    return f"@@ {_shift(old, top)} {_shift(new, top + drift)} @@"


def _shift(numbers: str, by: int) -> str:
    start, comma, length = numbers[1:].partition(",")
    return f"{numbers[0]}{int(start) + by}{comma}{length}"


# --- The end


def _fixed(report: Report, paint: Paint) -> list[str]:
    """What --fix did, one block, if anything."""
    if not report.fixed:
        return []
    lines = []
    for path, titles in report.fixed.items():
        lines.append(f"{paint('added', 'fixed')} {visible(path)}: {plural(len(titles), 'edit')}")
        for title, same in groupby(sorted(titles)):
            count = len(list(same))
            lines.append(f"      {visible(title)}" + (f" ({count} times)" if count > 1 else ""))
    return ["\n".join(lines)]


def _hints(report: Report, paint: Paint) -> Iterator[str]:
    findings = [finding for _, finding in report.findings()]
    applicable = sum(map(is_applicable, findings))
    checked = report.checked_fixes()
    if applicable and checked == 1:
        yield f"{paint('label', 'hint:')} --fix applies the checked fix"
    elif applicable:
        some = f"all {checked}" if applicable == checked else f"{applicable} of {checked}"
        yield f"{paint('label', 'hint:')} --fix applies {some} checked fixes"
    known = next((finding.rule for finding in findings if finding.rule in report.rules), None)
    if known:
        yield f"{paint('label', 'hint:')} `backend-developer rule {known}` explains a rule"


# --- Characters and colours

_KEPT_FORMATS = {"\u200c", "\u200d"}
"""Joiners, which scripts and emoji need; every other format character is made visible."""


def _visible_character(character: str) -> str:
    if character.isprintable() or character in _KEPT_FORMATS:
        return character
    match unicodedata.category(character):
        case "Zs" | "Cn":
            return character
        case "Cc" if character < " ":
            return chr(0x2400 + ord(character))
        case "Cc" if character == "\x7f":
            return "\u2421"
        case _:
            return f"<U+{ord(character):04X}>"


def _character_columns(character: str) -> int:
    if character in _KEPT_FORMATS or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Paint(Protocol):
    def __call__(self, style: str, text: str) -> str: ...


_COLOURS: Mapping[str, str] = {
    "error": "1;31",
    "warning": "1;33",
    "information": "1;36",
    "hint": "1;34",
    "bold": "1",
    "dim": "2",
    "gutter": "34",
    "label": "1;36",
    "hunk": "36",
    "added": "32",
    "removed": "31",
}


def painter(*, colour: bool) -> Paint:
    """What gives a text the look of a style, such as "error" or "bold"; without colour, none."""
    return _paint if colour else _plain


def _paint(style: str, text: str) -> str:
    code = _COLOURS.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def _plain(style: str, text: str) -> str:
    return text
