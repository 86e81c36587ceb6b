"""How a project does things, for an agent that writes code in it.

manifests, folders, a bounded look at files -> facts -> Markdown, one line for each kind of fact

Each line names where it was seen. Names and single values of settings are all that is taken from
a file. The same project says the same for each selection, so that an endpoint's prompt cache
holds; only the last line is about the selection's own file, and only where that differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..core.model import Document, Span
from ..core.text import shortened
from ..project.index import Project
from ..reader import WorkspaceReader
from .code import errors, injection, layout, logs, models, settings, tests
from .look import PYTHON, SCRIPTS, Fact, Look, look_at, style_of, written
from .migrations import migrations
from .stack import containers, languages, package_managers, packages, pipelines, style

MOST_CHARACTERS = 6_000
"""Of all facts together: about 1,500 tokens."""
_LONGEST_LINE = 420


def habits_of(document: Document, span: Span, reader: WorkspaceReader, project: Project) -> str:
    """Markdown of at most MOST_CHARACTERS on how code is written here; "" when nothing is known.

    Reads files, up to some hundred milliseconds, so not on the event loop. Never raises for what
    is in them: what cannot be read, or may not be sent, says nothing.
    """
    look = look_at(document, reader, project)
    lines: list[str] = []
    room = MOST_CHARACTERS
    own = _own_style(document, span, look)
    room -= len(own) + 1
    for find in _FINDERS:
        by_label: dict[str, dict[str, None]] = {}
        for label, text in find(look):
            by_label.setdefault(label, {})[text] = None
        for label, texts in by_label.items():
            line = _line(label, [*texts])
            if len(line) < room:
                lines.append(line)
                room -= len(line) + 1
    return "\n".join([*lines, *([own] if own else [])])


def _line(label: str, texts: Sequence[str]) -> str:
    """As many of the texts as fit into a line, and how many do not."""
    line = f"- {label}: {shortened(texts[0], _LONGEST_LINE)}"
    for index, text in enumerate(texts[1:], 1):
        if len(line) + len(text) > _LONGEST_LINE:
            return f"{line}; … ({len(texts) - index} more)"
        line += f"; {text}"
    return line


def _own_style(document: Document, span: Span, look: Look) -> str:
    """How the selection is written, or else its file, where most of the project is not."""
    is_script = document.language.startswith(("javascript", "typescript"))
    ends = PYTHON if document.language == "python" else SCRIPTS if is_script else ()
    usual = written(look, ends)
    selected = document.text[span.start : span.end]
    own = style_of(selected)
    own = own if any(own) else style_of(document.text)
    different = [style for style in own if style and style not in usual]
    return f"- the selection is written with: {', '.join(different)}" if different and usual else ""


_FINDERS: Sequence[Callable[[Look], Iterator[Fact]]] = (
    languages,
    packages,
    package_managers,
    migrations,
    layout,
    errors,
    injection,
    models,
    settings,
    logs,
    tests,
    style,
    containers,
    pipelines,
)
"""What matters most comes first: what does not fit is left out."""
