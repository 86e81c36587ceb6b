"""A change: edits of several files and new ones, which are checked, shown and taken as one.

    answer      -> ChangeAnswer     untrusted: what a model claims, file by file
    place_change -> ChangeSet       each edit placed in its file's text; or why not, in sentences
    the checks  -> ChangeSet        tidied; or why it is refused
    narrowed    -> ChangeSet        the files and hunks that a person picked, to be checked again

Paths are relative to the workspace, with forward slashes; they are a file's identity here.
Nothing in here does I/O: whoever places a change has read its files before.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher, unified_diff
from functools import lru_cache
from typing import Literal, TypeAlias

from .edits import apply, left_out_in, minimal, overlap, place_edit
from .model import Document, SearchReplace, Span, TextEdit
from .text import LINE_END, Lines, shortened, visible

StepKind: TypeAlias = Literal["command", "setting", "migration", "decision", "other"]
STEP_KINDS: tuple[StepKind, ...] = ("command", "setting", "migration", "decision", "other")

NO_FILE = "(no file named)"
"""Stands for the path of what names none."""
_SHOWN = 80
"""Characters of a name in a sentence."""


# --- What a model claims


@dataclass(frozen=True, slots=True)
class NewFile:
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """A package that the project did not depend on before."""

    name: str
    """As the project's manifest writes it: `slowapi`, `@nestjs/throttler`."""
    version: str
    """A constraint, such as `>=0.1.9,<0.2`; "" when none was given."""
    why: str


@dataclass(frozen=True, slots=True)
class ManualStep:
    """What a person must do by hand beside taking the edits."""

    kind: StepKind
    text: str
    """One sentence or command, in Markdown."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A piece of the explanation, in Markdown."""

    text: str


ChangePiece: TypeAlias = SearchReplace | NewFile | Dependency | ManualStep | Paragraph


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """All pieces of one answer, each kind in the order in which it was written."""

    explanation: tuple[str, ...] = ()
    edits: tuple[SearchReplace, ...] = ()
    files: tuple[NewFile, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    steps: tuple[ManualStep, ...] = ()


def answer_of(pieces: Sequence[ChangePiece]) -> ChangeAnswer:
    """The pieces, sorted by kind."""
    return ChangeAnswer(
        explanation=tuple(one.text for one in pieces if isinstance(one, Paragraph)),
        edits=tuple(one for one in pieces if isinstance(one, SearchReplace)),
        files=tuple(one for one in pieces if isinstance(one, NewFile)),
        dependencies=tuple(one for one in pieces if isinstance(one, Dependency)),
        steps=tuple(one for one in pieces if isinstance(one, ManualStep)),
    )


# --- What is true of the files


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a change does to one file; `document` is the file before, empty when it is new."""

    path: str
    document: Document
    edits: tuple[TextEdit, ...]
    """Minimal, in text order, not overlapping, at least one; of a new file one that writes it."""
    is_new: bool = False
    out_of_scope: bool = False
    """Some edit lies outside what was selected; so does all of another file that exists."""

    @property
    def text_after(self) -> str:
        return apply(self.document.text, self.edits)

    @property
    def counts(self) -> tuple[int, int]:
        """Lines added and lines taken away, as in a diff."""
        return _counts(self.document.text, self.edits)

    def diff(self) -> str:
        """A unified diff, each line ending in a line feed, as `patch` and `git apply` read it."""
        if self.is_new and not self.text_after:
            return git_diff(self.path, None, "")
        return unified(self.path, None if self.is_new else self.document.text, self.text_after)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change whose every edit was placed. `files` are in the order of their paths."""

    files: tuple[FileChange, ...]
    explanation: str = ""
    """Markdown."""
    dependencies: tuple[Dependency, ...] = ()
    steps: tuple[ManualStep, ...] = ()
    unchecked: tuple[str, ...] = ()
    """What could not be checked, in sentences."""

    def file(self, path: str) -> FileChange | None:
        return next((one for one in self.files if one.path == path), None)

    def diff(self) -> str:
        return "".join(one.diff() for one in self.files)


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such file, and one may be made: `document`, which is empty."""

    document: Document


@dataclass(frozen=True, slots=True)
class OffLimits:
    """A file that a change may not touch, and why, in a sentence."""

    reason: str


Found: TypeAlias = Document | Missing | OffLimits


def paths_named(answer: ChangeAnswer, reviewed: str) -> tuple[str, ...]:
    """The files that an answer speaks of, normalised, in order; `reviewed` is where none is."""
    named = [edit.file or reviewed for edit in answer.edits] + [one.path for one in answer.files]
    paths = dict.fromkeys(normal_path(name) for name in named if name != NO_FILE)
    return tuple(paths)


def named_from(answer: ChangeAnswer, root: str) -> ChangeAnswer:
    """The answer with absolute paths below the root made relative to it; "" is no root."""
    if not root:
        return answer
    start = f"{normal_path(root).rstrip('/')}/"

    def relative(name: str) -> str:
        path = normal_path(name)
        return path.removeprefix(start) if path.startswith(start) else name

    return replace(
        answer,
        edits=tuple(
            replace(one, file=relative(one.file)) if one.file else one for one in answer.edits
        ),
        files=tuple(replace(one, path=relative(one.path)) for one in answer.files),
    )


def normal_path(path: str) -> str:
    """A path as a model writes it, in the one spelling that a file has here."""
    return posixpath.normpath(path.strip().replace("\\", "/"))


def place_change(
    answer: ChangeAnswer, reviewed: str, scope: Span, found: Mapping[str, Found]
) -> ChangeSet | tuple[str, ...]:
    """The answer's edits, placed; or every reason why that cannot be done.

    `reviewed` is the path of the file that the task was about and `scope` what was selected in
    it; `found` has each of `paths_named`. All or nothing: one edit that cannot be placed refuses
    the change. Each reason is a sentence for the model, and begins with the file's path.
    """
    reasons: list[str] = []
    files: list[FileChange] = []
    by_path: dict[str, list[SearchReplace | NewFile]] = {}
    for edit in answer.edits:
        by_path.setdefault(normal_path(edit.file or reviewed), []).append(edit)
    for new in answer.files:
        by_path.setdefault(normal_path(new.path), []).append(new)
    for path in sorted(by_path):
        if path == NO_FILE:
            reasons.append(f"{NO_FILE}: Name the file, relative to the workspace.")
            continue
        there = found[path]
        if isinstance(there, OffLimits):
            reasons.append(f"{_shown_path(path)}: {there.reason}")
            continue
        if inside := next((one for one in by_path if one.startswith(f"{path}/")), None):
            shown = _shown_path(inside)
            reasons.append(f"{_shown_path(path)}: It cannot be a file and the folder of {shown}.")
            continue
        result = (
            _created(path, there.document, by_path[path])
            if isinstance(there, Missing)
            else _edited(path, there, by_path[path], scope if path == reviewed else None)
        )
        if isinstance(result, str):
            reasons.append(f"{_shown_path(path)}: {result}")
        elif result is not None:
            files.append(result)
    if reasons:
        return tuple(dict.fromkeys(reasons))
    if by_path and not files:
        return ("The change leaves every file as it is.",)
    explanation = "\n\n".join(text.strip() for text in answer.explanation if text.strip())
    if not (files or explanation or answer.steps):
        return ("The answer is empty: it changes nothing, and does not say why.",)
    return ChangeSet(
        tuple(files),
        explanation,
        answer.dependencies,
        answer.steps,
    )


def with_file(change: ChangeSet, path: str, edits: Sequence[TextEdit]) -> ChangeSet:
    """The change with other edits of that file, which must be one of its."""
    return replace(
        change,
        files=tuple(
            replace(one, edits=tuple(edits)) if one.path == path else one for one in change.files
        ),
    )


def narrowed(
    change: ChangeSet,
    paths: Collection[str] | None = None,
    hunks: Mapping[str, Collection[int]] | None = None,
) -> ChangeSet:
    """Only those files (None: all), and of a file in `hunks` only those of its edits, by index."""
    files = []
    for file in change.files:
        if paths is not None and file.path not in paths:
            continue
        wanted = (hunks or {}).get(file.path, range(len(file.edits)))
        edits = tuple(edit for index, edit in enumerate(file.edits) if index in wanted)
        if edits:
            files.append(replace(file, edits=edits))
    return replace(change, files=tuple(files))


# --- Diffs


def unified(path: str, before: str | None, after: str) -> str:
    """The unified diff of two texts of a file, "" when they are the same; None: it is new."""
    old = "/dev/null" if before is None else _name_in_diff("a", path)
    rows = unified_diff(
        _lines_of(before or ""), _lines_of(after), old, _name_in_diff("b", path), n=3
    )
    return "".join(
        row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows
    )


def git_diff(path: str, before: str | None, after: str) -> str:
    """The same with git's own header, without which no diff makes or leaves an empty file."""
    old, new = (_name_in_diff(side, path).rstrip("\t") for side in "ab")
    made = "new file mode 100644\n" if before is None else ""
    return f"diff --git {old} {new}\n{made}{unified(path, before, after)}"


def _name_in_diff(side: str, path: str) -> str:
    """As git writes it: a tab ends a name with a space, and a quotation mark takes quotes."""
    name = f"{side}/{visible(path)}"
    if '"' in name:
        return '"' + name.replace('"', '\\"') + '"'
    return f"{name}\t" if " " in name else name


def _lines_of(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends one, so that a carriage return is shown."""
    lines = text.split("\n")
    ended = [f"{line}\n" for line in lines[:-1]]
    return [*ended, lines[-1]] if lines[-1] else ended


@lru_cache(maxsize=500)
def _counts(text: str, edits: tuple[TextEdit, ...]) -> tuple[int, int]:
    """Lines that edits add and take away. Remembered, as menus ask at each move of the cursor; of
    the lines around the edits alone, as a diff of a long file takes a quarter of a second.
    """
    added = removed = 0
    for place, inside in _changed_lines(text, edits):
        before = text[place.start : place.end]
        shifted = [
            replace(one, span=Span(one.span.start - place.start, one.span.end - place.start))
            for one in inside
        ]
        rows = unified("", before, apply(before, shifted)).split("\n")[2:]
        added += sum(row.startswith("+") for row in rows)
        removed += sum(row.startswith("-") for row in rows)
    return added, removed


def _changed_lines(text: str, edits: Sequence[TextEdit]) -> list[tuple[Span, list[TextEdit]]]:
    """The stretches of whole lines that edits, in text order, lie in."""
    found: list[tuple[Span, list[TextEdit]]] = []
    for edit in edits:
        start = text.rfind("\n", 0, edit.span.start) + 1
        line_end = text.find("\n", edit.span.end)
        end = len(text) if line_end < 0 else line_end + 1
        if found and start < found[-1][0].end:
            place, inside = found[-1]
            found[-1] = Span(place.start, max(place.end, end)), [*inside, edit]
        else:
            found.append((Span(start, end), [edit]))
    return found


# --- One file


def _created(
    path: str, document: Document, claims: Sequence[SearchReplace | NewFile]
) -> FileChange | str:
    """A file that is not there yet. An edit without an old text is a way to say so."""
    texts: dict[str, None] = {}
    for claim in claims:
        if isinstance(claim, SearchReplace):
            if claim.old.strip():
                return "There is no such file: name one that exists, or give its whole text."
            texts[claim.new] = None
        else:
            texts[claim.text] = None
    if len(texts) > 1:
        return "It is given twice, with different texts: give it once."
    text = next(iter(texts))
    text = _without_fence(text, path)
    if comment := left_out_in(text):
        return f"It leaves code out with the comment “{comment}”: write the file in full."
    if not text.strip() and not _may_be_empty(path):
        return "It would be empty."
    text = LINE_END.sub("\n", text)
    if text and not text.endswith("\n"):
        text += "\n"
    return FileChange(path, document, (TextEdit(Span(0, 0), text),), is_new=True)


def _edited(
    path: str, document: Document, claims: Sequence[SearchReplace | NewFile], scope: Span | None
) -> FileChange | str | None:
    """A file that is there; None when nothing of it changes. `scope` is None in another file."""
    text = document.text
    lines = Lines(text)
    placed: list[TextEdit] = []
    for claim in claims:
        if isinstance(claim, NewFile):
            if LINE_END.sub("\n", claim.text).strip() == LINE_END.sub("\n", text).strip():
                continue
            if text.strip():
                return "It exists already: change it by edits, and leave the rest of it alone."
            if comment := left_out_in(claim.text):
                return f"It leaves code out with the comment “{comment}”: write it in full."
            placed.append(TextEdit(Span(0, len(text)), LINE_END.sub(lines.line_ending, claim.text)))
            continue
        bare = replace(
            claim, old=_without_fence(claim.old, path), new=_without_fence(claim.new, path)
        )
        result = place_edit(text, lines, bare, scope)
        if isinstance(result, str):
            return result
        placed.append(result)
    hunks = [hunk for edit in dict.fromkeys(placed) for hunk in split(text, edit)]
    edits = sorted(dict.fromkeys(hunks), key=lambda edit: edit.span)
    # An insertion at the place of another one says not which comes first.
    if overlap([minimal(text, edit) for edit in dict.fromkeys(placed)]) or _meet(edits):
        return "Two of its edits overlap, so that the result is not certain: write them as one."
    if not edits:
        return None
    if text.strip() and not apply(text, edits).strip() and not _may_be_empty(path):
        return "It would be left empty: say in a step that it is to be deleted."
    outside = scope is None or not all(scope.contains(edit.span) for edit in edits)
    return FileChange(path, document, tuple(edits), out_of_scope=outside)


def split(text: str, edit: TextEdit) -> tuple[TextEdit, ...]:
    """The edit as hunks of whole lines that differ, each minimal; none when it changes nothing.

    A model often repeats much of what it keeps: what it keeps is no part of a hunk, so that
    cursors stay and a person may take one hunk without the others.
    """
    before = _LINE.findall(text[edit.span.start : edit.span.end])
    after = _LINE.findall(edit.new_text)
    if len(before) * len(after) > _MOST_COMPARED:
        return _not_empty([minimal(text, edit)])
    starts = [edit.span.start]
    for line in before:
        starts.append(starts[-1] + len(line))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    hunks = [
        minimal(text, TextEdit(Span(starts[first], starts[last]), "".join(after[low:high])))
        for kind, first, last, low, high in matcher.get_opcodes()
        if kind != "equal"
    ]
    return _not_empty(hunks)


_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
"""A line with its end."""
_MOST_COMPARED = 4_000_000
"""Pairs of lines that are compared for hunks; a larger edit stays one."""


def _not_empty(edits: Sequence[TextEdit]) -> tuple[TextEdit, ...]:
    return tuple(edit for edit in edits if edit.new_text or edit.span.start < edit.span.end)


def _meet(edits: Sequence[TextEdit]) -> bool:
    """Whether two of the edits, in text order, overlap or insert at the same place."""
    starts = [edit.span.start for edit in edits if edit.span.start == edit.span.end]
    return overlap(edits) or len(starts) > len(set(starts))


def _without_fence(code: str, path: str) -> str:
    """Code without the Markdown fence around all of it; in Markdown it may belong there."""
    match = _FENCED.fullmatch(code)
    if not match or match[1] in match[2] or path.lower().endswith((".md", ".mdx")):
        return code
    return match[2]


_FENCED = re.compile(r"\s*(`{3,}|~{3,})[\w+.-]*[ \t]*\r?\n(.*\n)[ \t]*\1\s*", re.DOTALL)


def _may_be_empty(path: str) -> bool:
    return bool(re.search(r"(?:^|/)(?:__init__\.py|py\.typed|\.gitkeep)$", path))


def _shown_path(path: str) -> str:
    return shortened(visible(path), _SHOWN)
