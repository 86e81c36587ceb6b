"""Edits of a text, and where a model's quotes and edits belong in it.

A quote is placed by its code and never by guess: where it fits more than one
place equally well, or none, the answer is a sentence that says so, written for
the model that has to do better.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

from .model import Quote, SearchReplace, Span, TextEdit
from .text import LINE_END, Change, Lines, shortened, trim


def apply(text: str, edits: Sequence[TextEdit]) -> str:
    """`text` after all `edits`, each relative to `text` itself, in any order.

    Insertions at one place are made in the order given. Raises ValueError when edits
    overlap or one lies outside the text.
    """
    if overlap(edits):
        raise ValueError("Edits that overlap cannot be applied together.")
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        if not 0 <= edit.span.start <= edit.span.end <= len(text):
            raise ValueError(f"The edit of {edit.span} lies outside a text of {len(text)}.")
        parts += text[done : edit.span.start], edit.new_text
        done = edit.span.end
    return "".join([*parts, text[done:]])


def compose(
    text: str, first: Sequence[TextEdit], second: Sequence[TextEdit]
) -> tuple[TextEdit, ...]:
    """The edits of `text` that do what `first` does and, in the text after it, `second`.

    They are minimal and in text order. Neither list has edits that overlap.
    """
    # Each character of the result is the offset in `text` that it is kept from, or is new.
    characters: list[int | str] = list(range(len(text)))
    for edits in (first, second):
        last_first = sorted(edits, key=lambda edit: edit.span)[::-1]
        for edit in last_first:
            characters[edit.span.start : edit.span.end] = edit.new_text
    composed: list[TextEdit] = []
    done, new = 0, ""
    for character in (*characters, len(text)):
        if isinstance(character, str):
            new += character
            continue
        if new or done < character:
            composed.append(minimal(text, TextEdit(Span(done, character), new)))
        done, new = character + 1, ""
    return tuple(edit for edit in composed if edit.new_text or edit.span.start < edit.span.end)


def overlap(edits: Sequence[TextEdit]) -> bool:
    """Whether two of the edits change the same character, or one inserts inside another."""
    spans = sorted(edit.span for edit in edits)
    return any(one.overlaps(other) for one, other in pairwise(spans))


def minimal(text: str, edit: TextEdit) -> TextEdit:
    """The smallest edit of `text` with the same result, so that cursors and markers stay.

    Its span is empty and it inserts nothing when `edit` changes nothing.
    """
    smallest = trim(text, Change(edit.span, edit.new_text))
    return TextEdit(smallest.span, smallest.new_text)


def merge_edits(one: Sequence[TextEdit], other: Sequence[TextEdit]) -> tuple[TextEdit, ...] | None:
    """The edits of two fixes of the same text as one list in text order; identical ones once.

    None when they overlap, so that the fixes cannot be taken together.
    """
    edits = sorted(dict.fromkeys([*one, *other]), key=lambda edit: edit.span)
    return None if overlap(edits) else tuple(edits)


def merge_all(fixes: Sequence[Sequence[TextEdit]]) -> tuple[tuple[TextEdit, ...], list[int]]:
    """The edits of many fixes of one text as `merge_edits`, and the indices of those fixes.

    Of fixes that overlap, the first is taken. The edits of one fix do not overlap.
    """
    merged: list[TextEdit] = []
    taken: list[int] = []
    for index, edits in enumerate(fixes):
        if len(edits) == 1 and (not merged or merged[-1].span.end < edits[0].span.start):
            # Mostly they come in text order and far apart.
            merged += edits
            taken.append(index)
            continue
        new = [edit for edit in dict.fromkeys(edits) if not _is_in(merged, edit)]
        if any(_overlaps_one_of(merged, edit.span) for edit in new):
            continue
        taken.append(index)
        for edit in new:
            insort(merged, edit, key=_place)
    return tuple(merged), taken


def _is_in(edits: Sequence[TextEdit], edit: TextEdit) -> bool:
    """`edits` are in text order."""
    place = _place(edit)
    first, behind = (bisect(edits, place, key=_place) for bisect in (bisect_left, bisect_right))
    return edit in edits[first:behind]


def _overlaps_one_of(edits: Sequence[TextEdit], span: Span) -> bool:
    """`edits` are in text order and do not overlap, so that only those beside the span can."""
    place = bisect_left(edits, (span.start, span.end), key=_place)
    return any(edit.span.overlaps(span) for edit in edits[max(place - 1, 0) : place + 1])


def _place(edit: TextEdit) -> tuple[int, int]:
    return edit.span.start, edit.span.end


def place_quote(text: str, lines: Lines, quote: Quote, near: Span | None = None) -> Span | str:
    """Where the code of `quote` stands in `text`, or why it cannot be placed, in a sentence.

    `lines` are the lines of `text`. Line ends match both ways, numbers copied from a
    numbered listing and blank lines around the quote are left out, and if that finds
    nothing, differences in whitespace are passed over where the place is then unique.
    Of several places those in `near` come first, then the one that is strictly nearest
    to the believed line. The span begins and ends with a character that is not whitespace.
    """
    code, number = _without_numbers(quote.code)
    if not code.strip():
        return "The quote is empty: quote the code that is meant, as it stands in the file."
    believed = number or quote.line
    for wanted, line in (
        (quote.code, quote.line),
        (code, believed),
        (_without_blank_lines(code), believed),
        (code.strip(), believed),
    ):
        if hits := _within(near, _whole_words(text, _exact(text, wanted))):
            hit = _nearest(lines, hits, line)
            return _trimmed(text, hit) if hit else _ambiguous(lines, wanted, hits)
    hits = _within(near, _whole_words(text, _tolerant(text, code)))
    if not hits:
        return _missing(code)
    return hits[0] if len(hits) == 1 else _ambiguous(lines, code, hits)


def place_edit(
    text: str, lines: Lines, edit: SearchReplace, near: Span | None = None
) -> TextEdit | str:
    """What `edit` changes in `text`, or why it cannot be placed, in a sentence.

    `lines` are the lines of `text`. The old text must be found exactly once; of several
    places only the one on the believed line itself, or else the only one in `near`, is
    taken. Whitespace is passed over as in `place_quote`, but only where the new text
    can be indented to match. The new text takes the line ends of `text`.
    """
    if not text.strip():
        return TextEdit(Span(0, len(text)), _with_line_end(edit.new, lines.line_ending))
    old, number = _without_numbers(edit.old)
    if not old.strip():
        return "The old text of the edit is empty: quote the code that it replaces."
    if left_out := left_out_in(edit.new, edit.old):
        return (
            f"The new text leaves code out with the comment “{left_out}”:"
            " write the replacement in full."
        )
    new = _without_numbers(edit.new)[0] if number else edit.new
    bare_old = _without_blank_lines(old)
    bare_new = new if bare_old == old else _without_blank_lines(new)
    believed = number or edit.line
    for wanted, replacement, line in (
        (edit.old, edit.new, edit.line),
        (old, new, believed),
        (bare_old, bare_new, believed),
    ):
        if hits := _exact(text, wanted):
            hit = _certain(lines, hits, line, near)
            if hit is None:
                return _ambiguous(lines, wanted, hits)
            whole = _whole_lines(wanted, replacement)
            place = _with_indentation(text, hit, wanted, replacement)
            return TextEdit(place, _with_line_end(whole, lines.line_ending))
    hits = _tolerant_lines(text, bare_old)
    if not hits:
        return _missing(bare_old)
    hit = _certain(lines, hits, believed, near)
    if hit is None:
        return _ambiguous(lines, bare_old, hits)
    indented = _indented(bare_old, bare_new, text[hit.start : hit.end])
    if indented is None:
        return (
            f"The code {_shown(bare_old)} is indented otherwise in the file:"
            " copy the old text exactly, whitespace included."
        )
    return TextEdit(hit, _with_line_end(indented, lines.line_ending))


# --- Finding places


_ANY_LINE_END = r"(?>\r\n|\r|(?<!\r)\n)"
"""Never half of a CRLF."""


def _exact(text: str, code: str) -> list[Span]:
    """Every place where `code` stands in `text`, overlapping ones too, whatever the line ends."""
    return _matches(text, _ANY_LINE_END.join(map(re.escape, LINE_END.split(code))))


def _tolerant(text: str, code: str) -> list[Span]:
    """Every place where `code` stands but for the length and kind of its runs of whitespace."""
    return _matches(text, r"\s+".join(map(re.escape, code.split())))


def _tolerant_lines(text: str, code: str) -> list[Span]:
    """Every run of whole lines that are those of `code` but for spaces and tabs."""
    spaces = r"[ \t]+"
    patterns = (
        rf"[ \t]*{spaces.join(map(re.escape, line.split()))}[ \t]*" if line.strip() else r"[ \t]*"
        for line in LINE_END.split(code)
    )
    return _matches(text, rf"(?:(?<=[\r\n])|\A){_ANY_LINE_END.join(patterns)}(?=[\r\n]|\Z)")


def _matches(text: str, pattern: str) -> list[Span]:
    """Every match, overlapping ones too, of a pattern that does not match the empty string."""
    expression = re.compile(pattern)
    spans: list[Span] = []
    match = expression.search(text)
    while match:
        spans.append(Span(*match.span()))
        match = expression.search(text, match.start() + 1)
    return spans


def _trimmed(text: str, span: Span) -> Span:
    code = text[span.start : span.end]
    start = span.start + len(code) - len(code.lstrip())
    return Span(start, start + len(code.strip()))


# --- Choosing between places


def _whole_words(text: str, hits: list[Span]) -> list[Span]:
    """The hits that do not begin or end inside a word; all of them where each one does."""
    return [hit for hit in hits if not _cuts_word(text, hit)] or hits


def _cuts_word(text: str, span: Span) -> bool:
    return any(
        0 < offset < len(text) and _in_word(text[offset - 1]) and _in_word(text[offset])
        for offset in (span.start, span.end)
    )


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _within(near: Span | None, hits: list[Span]) -> list[Span]:
    """The hits that overlap `near`; all of them where none does."""
    return [hit for hit in hits if near and near.overlaps(hit)] or hits


def _nearest(lines: Lines, hits: list[Span], believed: int | None) -> Span | None:
    """The only hit, or the one that is strictly nearest to the believed line (from 1)."""
    if len(hits) == 1:
        return hits[0]
    if believed is None:
        return None
    distances = [abs(lines.line_of(hit.start) + 1 - believed) for hit in hits]
    nearest = min(distances)
    return hits[distances.index(nearest)] if distances.count(nearest) == 1 else None


def _certain(
    lines: Lines, hits: list[Span], believed: int | None, near: Span | None
) -> Span | None:
    """The only hit, the only one on the believed line (from 1), or the only one in `near`."""
    on_line = [hit for hit in hits if lines.line_of(hit.start) + 1 == believed]
    inside = [hit for hit in hits if near and near.overlaps(hit)]
    for choice in (hits, on_line, inside):
        if len(choice) == 1:
            return choice[0]
    return None


# --- What a model adds to code, and leaves out


_NUMBERED = re.compile(r"[ \t]*(\d+) \|(?: (.*))?")
"""A line of the listing that a model is shown: `  12 | code`."""


def _without_numbers(code: str) -> tuple[str, int | None]:
    """`code` without copied line numbers, and the first of them; unless each line has one."""
    matches = [_NUMBERED.fullmatch(line) for line in LINE_END.split(code) if line.strip()]
    numbered = [match for match in matches if match]
    if not numbered or len(numbered) < len(matches):
        return code, None
    return "\n".join(match[2] or "" for match in numbered), int(numbered[0][1])


def _without_blank_lines(code: str) -> str:
    """`code` without the blank lines before and after it, and without its last line end."""
    lines = LINE_END.split(code)
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


_COMMENT = re.compile(r"(?m)(?:(?:^|[ \t])(?:#|//|--|<!--)|/\*)[ \t]*(.*?)[ \t]*(?:\*/|-->|$)")
_DOTS = r"(?:\.{3,}|…)"
_LEFT_OUT = re.compile(
    rf"""
    {_DOTS}\W*
    | {_DOTS}.*\b(?:rest|remainder|existing|remaining|unchanged|omitted|before|previous|same|other
        |your\ code|as\ is)\b.*
    | \W*(?:the\ )?(?:rest|remainder)\ of\ (?:the\ |your\ |this\ )?[a-z]+
        (?:\ (?:is|remains|stays|goes))?(?:\ (?:unchanged|here|the\ same|as\ before))?\W*
    | \W*(?:your\ |the\ )?existing\ (?:code|implementation|logic)(?:\ (?:unchanged|here))?\W*
    | \W*(?:remains\ |stays\ )?unchanged\W*
    """,
    re.IGNORECASE | re.VERBOSE,
)


def left_out_in(new: str, old: str = "") -> str:
    """The comment by which a new text stands for code it does not write out; "": none does.

    One that stands in the `old` text too is the file's own.
    """
    for match in _COMMENT.finditer(LINE_END.sub("\n", new)):
        comment = match[0].strip()
        if _LEFT_OUT.fullmatch(match[1]) and comment not in old:
            return shortened(comment, 60)
    return ""


def _with_indentation(text: str, hit: Span, old: str, new: str) -> Span:
    """The hit; with the indentation before it, where only the new text repeats that."""
    start = hit.start
    while start and text[start - 1] in " \t":
        start -= 1
    is_first = not start or text[start - 1] in "\r\n"
    indentation = text[start : hit.start]
    is_repeated = new.startswith(indentation) and not _indentation(old)
    return Span(start, hit.end) if is_first and is_repeated else hit


def _whole_lines(old: str, new: str) -> str:
    """The new text; with the line end that the old one has and it forgot."""
    ends = ("\n", "\r")
    return f"{new}\n" if new and old.endswith(ends) and not new.endswith(ends) else new


def _with_line_end(text: str, line_end: str) -> str:
    return LINE_END.sub(line_end, text)


def _indented(old: str, new: str, actual: str) -> str | None:
    """`new` indented as `actual` is where `old` was; None where that does not say how.

    `old` and `actual` are line for line the same but for whitespace.
    """
    pairs = {
        (_indentation(one), _indentation(other))
        for one, other in zip(LINE_END.split(old), LINE_END.split(actual), strict=True)
        if one.strip()
    }
    known = dict(pairs)
    if len(known) < len(pairs):
        return None
    added = {there.removesuffix(here) if there.endswith(here) else None for here, there in pairs}
    removed = {here.removesuffix(there) if here.endswith(there) else None for here, there in pairs}

    def there(here: str) -> str | None:
        if here in known:
            return known[here]
        if len(added) == 1 and (prefix := next(iter(added))) is not None:
            return prefix + here
        if len(removed) == 1 and (prefix := next(iter(removed))) and here.startswith(prefix):
            return here.removeprefix(prefix)
        return None

    result = []
    for line in LINE_END.split(new):
        here = _indentation(line)
        indentation = there(here) if line.strip() else here
        if indentation is None:
            return None
        result.append(indentation + line[len(here) :])
    return "\n".join(result)


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


# --- Reasons


def _missing(code: str) -> str:
    return f"The code {_shown(code)} is not in the file: quote it exactly as it stands there."


def _ambiguous(lines: Lines, code: str, hits: list[Span]) -> str:
    numbers = [str(lines.line_of(hit.start) + 1) for hit in hits[:5]]
    if len(hits) > 5:
        numbers.append("…")
    return (
        f"The code {_shown(code)} stands at {len(hits)} places (lines {', '.join(numbers)}):"
        " quote more of it, so that it is found once."
    )


def _shown(code: str) -> str:
    first, *more = code.strip().splitlines()
    return f"`{shortened(first.strip(), 60)}{' …' if more else ''}`"
