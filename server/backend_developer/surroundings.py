"""What a good reviewer would look at beside the selection, the most relevant first.

selection -> names that it uses -> their definitions, through the file's imports
          -> its routes         -> where their router is mounted, their description
          -> templates named    -> the templates
                                all within a limit of tokens; what did not fit is named
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .core.model import Document, Span
from .core.text import Lines
from .definitions import Definition, definitions_in
from .engines.base import Excerpt, ReadError, ReviewRequest, Surroundings
from .engines.prompt import MAXIMUM_CONTEXT
from .files import language_of
from .gate import BYTES_PER_TOKEN
from .project.disk import facts_of_document
from .project.facts import FileFacts, Import
from .project.index import KnownRoute, Project
from .reader import MOST_DEFINITION_LINES, WorkspaceReader, is_module

MOST_TEMPLATE_LINES = 60
MOST_OPERATION_LINES = 50


@dataclass(frozen=True, slots=True)
class _Candidate:
    rank: int
    """Lower goes in first."""
    excerpt: Excerpt

    @property
    def label(self) -> str:
        return f"{self.excerpt.name or self.excerpt.why} ({self.excerpt.path})"


def surrounded(
    request: ReviewRequest,
    root: Path | None,
    buffers: Mapping[str, str],
    project: Project,
) -> ReviewRequest:
    """The request with what its agent may look at; `buffers` are texts by absolute path.

    Without a workspace it sees the document alone. Not on the event loop, as `gather`.
    """
    if root is None:
        return request
    reader = WorkspaceReader(root, request.denials, buffers)
    tokens = request.settings.context_tokens
    around = gather(request.document, request.span, reader, project, tokens)
    return replace(request, root=str(root), reader=reader, surroundings=around)


def gather(
    document: Document, span: Span, reader: WorkspaceReader, project: Project, tokens: int
) -> Surroundings:
    """What surrounds `span` of the document, at most about `tokens` of it.

    Reads and parses files of the workspace, so not on the event loop. Never raises for what is
    in them: what cannot be read, or may not be sent, is left out without a word.
    """
    if tokens <= 0:
        return Surroundings()
    text = document.text[span.start : span.end]
    candidates = [
        *_outline(document, reader),
        *_routing(document, span, reader, project),
        *_used(document, text, reader),
        *_templates(text, reader),
    ]
    room = tokens * BYTES_PER_TOKEN
    chosen: list[Excerpt] = []
    left_out: list[str] = []
    seen: set[tuple[str, int]] = set()
    for candidate in sorted(candidates, key=lambda one: one.rank):
        excerpt = candidate.excerpt
        if (excerpt.path, excerpt.first_line) in seen:
            continue
        seen.add((excerpt.path, excerpt.first_line))
        if len(excerpt.text) > room:
            left_out.append(candidate.label)
            continue
        room -= len(excerpt.text)
        chosen.append(excerpt)
    return Surroundings(tuple(chosen), tuple(left_out))


# --- The file itself


def _outline(document: Document, reader: WorkspaceReader) -> Iterator[_Candidate]:
    """What the file defines, where it is too large to be sent whole."""
    if len(document.text) <= MAXIMUM_CONTEXT:
        return
    lines = Lines(document.text)
    rows = [
        f"{lines.line_of(one.span.start) + 1}: {'  ' * one.depth}{one.head}"
        for one in definitions_in(document.text, document.language)
        if one.depth < 2
    ]
    if rows:
        path = _relative(document.path, reader.root)
        yield _Candidate(1, Excerpt(path, 1, "\n".join(rows), "outline of the reviewed file"))


# --- Names that the selection uses

_WORD = re.compile(r"[^\W\d]\w*")
_DEFAULT = re.compile(r"\bexport\s+default\s+(?:async\s+)?(?:function\s+|class\s+)?(\w+)")
"""What a module of JavaScript calls its default export."""
_DEPENDENCY = re.compile(r"\b(?:Depends|Security|UseGuards|use)\(\s*(?:\w+\.)?(\w+)")


def _used(document: Document, text: str, reader: WorkspaceReader) -> Iterator[_Candidate]:
    facts = facts_of_document(document)
    words = _WORD.findall(text)
    used = set(words)
    imports = [one for one in facts.imports if one.name in used] if facts else []
    guards = set(_DEPENDENCY.findall(text))
    stems = {stem for one in imports for stem in _stems(one, document, reader.root)}
    files = reader.find_files(sorted(stems)) if stems else []
    own = os.path.relpath(document.path, reader.root).replace(os.sep, "/")
    for imported in imports:
        members = [imported.member] if imported.member else _members(imported.name, text)
        stems_here = _stems(imported, document, reader.root)
        for path in files:
            if path == own or not is_module(path, stems_here):
                continue
            try:
                content = reader.text_of(path)
            except ReadError:
                continue
            wanted = {*members, *(_DEFAULT.findall(content) if "default" in members else ())}
            for definition in definitions_in(content, language_of(Path(path)) or ""):
                if definition.depth == 0 and definition.name in wanted:
                    name = definition.name
                    is_guard = name in guards or imported.name in guards
                    rank = 1 if is_guard else 3 - min(words.count(imported.name), 2)
                    why = "guard of the selection" if is_guard else "used by the selection"
                    yield _Candidate(rank, _excerpt(path, content, definition, why))


def _members(name: str, text: str) -> list[str]:
    """What the selection takes from a module that it has under `name`."""
    return re.findall(rf"\b{re.escape(name)}\.(\w+)", text)


def _stems(imported: Import, document: Document, root: Path) -> list[str]:
    """Ends of the paths, without ending, of the files that an import may mean."""
    module, member = imported.module, imported.member
    if document.language == "python":
        dots = len(module) - len(module.lstrip("."))
        tail = module.lstrip(".").replace(".", "/")
        if dots:
            folder = Path(document.path)
            for _ in range(dots):
                folder = folder.parent
            tail = _below(folder, root, tail)
        return [stem for stem in (tail, f"{tail}/{member}" if member else "") if stem.strip("/")]
    if not module.startswith((".", "@/", "~/", "src/")):
        return []  # A package.
    if module.startswith("."):
        stem = _below(Path(document.path).parent, root, module)
    else:
        stem = re.sub(r"^[@~]/", "", module)
    return [re.sub(r"\.(?:[cm]?[jt]sx?)$", "", stem)]


def _below(folder: Path, root: Path, tail: str) -> str:
    """A path relative to the workspace; "" when it lies outside."""
    path = os.path.normpath(folder / tail)
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else ""


def _excerpt(path: str, text: str, definition: Definition, why: str) -> Excerpt:
    lines = Lines(text)
    first, last = lines.first_and_last(definition.span)
    end = min(last, first + MOST_DEFINITION_LINES - 1)
    shown = [lines.line(number) for number in range(first, end + 1)]
    if end < last:
        shown.append(f"… ({last - end} more lines)")
    return Excerpt(path, first + 1, "\n".join(shown), why, definition.name)


# --- Routes


def _routing(
    document: Document, span: Span, reader: WorkspaceReader, project: Project
) -> Iterator[_Candidate]:
    """Where the selection's routes hang, and what the API's description says of them."""
    routes = [
        known
        for known in project.routes_of(document.path)
        if known.route.body.span.overlaps(span) or known.route.place.span.overlaps(span)
    ]
    if not routes:
        return
    for path, facts in project.files.items():
        for mount in facts.mounts:
            if path != document.path and _mounts(project, path, mount.child, document.path):
                yield from _lines_with(reader, path, mount.child, "where the router is mounted")
        yield from _described(reader, path, facts, routes)


def _mounts(project: Project, path: str, child: str, target: str) -> bool:
    place = project.resolve(path, child)
    return place is not None and place[0] == target


def _lines_with(reader: WorkspaceReader, path: str, words: str, why: str) -> Iterator[_Candidate]:
    relative = _relative(path, reader.root)
    last = re.split(r"[.:]", words)[-1]
    try:
        lines = reader.text_of(relative).splitlines()
    except ReadError:
        return
    for number, line in enumerate(lines, 1):
        if last and re.search(rf"\b{re.escape(last)}\b", line) and "(" in line:
            first = max(number - 2, 1)
            shown = "\n".join(lines[first - 1 : number + 3])
            yield _Candidate(0, Excerpt(relative, first, shown, why))


def _described(
    reader: WorkspaceReader, path: str, facts: FileFacts, routes: Iterable[KnownRoute]
) -> Iterator[_Candidate]:
    wanted = {(method, _shape(known.path)) for known in routes for method in known.methods}
    for operation in facts.operations:
        prefixes = facts.servers or ("",)
        if any(
            (operation.method, _shape(prefix + operation.path)) in wanted for prefix in prefixes
        ):
            relative = _relative(path, reader.root)
            try:
                lines = reader.text_of(relative).splitlines()
            except ReadError:
                continue
            first = operation.place.line
            shown = "\n".join(lines[first : first + MOST_OPERATION_LINES])
            why = f"description of {operation.method} {operation.path}"
            yield _Candidate(2, Excerpt(relative, first + 1, shown, why))


def _shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/")


def _relative(path: str, root: Path) -> str:
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path


# --- Templates

_TEMPLATE = re.compile(
    r"""["'`]([\w./-]+\.(?:html?|jinja2?|j2|ejs|hbs|pug|mustache|njk|txt|xml))["'`]"""
)
_TEMPLATE_FOLDERS = ("", "templates", "views", "app/templates", "src/views", "src/templates")


def _templates(text: str, reader: WorkspaceReader) -> Iterator[_Candidate]:
    for name in dict.fromkeys(_TEMPLATE.findall(text)):
        for folder in _TEMPLATE_FOLDERS:
            path = f"{folder}/{name}".lstrip("/")
            try:
                lines = reader.text_of(path).splitlines()
            except ReadError:
                continue
            shown = "\n".join(lines[:MOST_TEMPLATE_LINES])
            yield _Candidate(2, Excerpt(path, 1, shown, "template of the selection"))
            break
