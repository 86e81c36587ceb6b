"""What a task came to, for people in a terminal: words, diffs, files, and what is left to do.

    Add pagination [claude-sonnet-5-5]

    Lists are cut into pages.

    --- a/app/orders.py
    +++ b/app/orders.py
    @@ -1,2 +1,3 @@
    +from app.pages import page
     …

    2 files, +14 −2
      app/orders.py  +12 −2
      app/pages.py   new, 2 lines
    by hand:
      - …

All of it comes from a model, so no control character of it reaches the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..core.changes import FileChange
from ..core.model import TaskDefinition
from ..core.text import LINE_END, Lines
from ..offer_actions import said_of, said_of_proof
from ..offers import Offer
from ..tasks import GROUPS
from . import plural
from .text import Paint, columns, expand, painter, visible


def render(offer: Offer, *, colour: bool = False, diff: bool = True) -> str:
    """All that is known of an offer that is not refused, ending in a line end."""
    paint = painter(colour=colour)
    change = offer.change
    if offer.request.task.kind == "explain":
        return f"{_shown(change.explanation)}\n"
    blocks = [paint("bold", f"{visible(offer.title)} [{visible(offer.model)}]")]
    if change.explanation:
        blocks.append(_shown(change.explanation))
    if diff:
        blocks += ("\n".join(_diff(file, paint)) for file in change.files)
    rest = "\n".join(_rest(offer, paint))
    return "\n\n".join([*blocks, *([rest] if rest else [])]) + "\n"


# --- Parts of a change


def _diff(file: FileChange, paint: Paint) -> Iterator[str]:
    """Its rows as git colours them."""
    name = visible(file.path)
    yield paint("bold", "--- /dev/null" if file.is_new else f"--- a/{name}")
    yield paint("bold", f"+++ b/{name}")
    # Where every line of a file ends so, no row is shown to.
    line_end = "\r" if Lines(file.document.text).line_ending == "\r\n" else ""
    for row in file.diff().removesuffix("\n").split("\n")[2:]:
        shown = expand(row.removesuffix(line_end))
        if row.startswith("@@"):
            yield paint("hunk", shown)
        else:
            yield paint({"+": "added", "-": "removed"}.get(row[:1], ""), shown)


def _rest(offer: Offer, paint: Paint) -> Iterator[str]:
    """What comes after the diffs."""
    change, proof = offer.change, offer.proof
    if change.files:
        yield paint("bold", said_of(change))
        width = max(columns(visible(file.path)) for file in change.files)
        for file in change.files:
            name = visible(file.path)
            yield f"  {name}{' ' * (width - columns(name))}  {_counted(file)}"
    yield from _listed(
        "new dependencies",
        (f"{' '.join([one.name, one.version]).strip()}: {one.why}" for one in change.dependencies),
        paint,
    )
    yield from _listed("by hand", (one.text for one in change.steps), paint)
    yield from _listed("not checked", change.unchecked, paint)
    if proof:
        yield from _listed("your command", [said_of_proof(proof)], paint)
        if not proof.passed and proof.output:
            yield from (f"    {line}" for line in _shown(proof.output).split("\n"))


def _listed(heading: str, items: Iterable[str], paint: Paint) -> Iterator[str]:
    for index, item in enumerate(items):
        if index == 0:
            yield paint("label", f"{heading}:")
        first, *others = _shown(item.strip()).split("\n")
        yield f"  - {first}"
        yield from (f"    {line}" for line in others)


def _counted(file: FileChange) -> str:
    added, removed = file.counts
    return f"new, {plural(added, 'line')}" if file.is_new else f"+{added} −{removed}"


def _shown(text: str) -> str:
    """A text of several lines."""
    return "\n".join(map(expand, LINE_END.split(text.strip("\r\n"))))


# --- The tasks


def render_tasks(tasks: Sequence[TaskDefinition], *, colour: bool = False) -> str:
    """The tasks by group, each with its title and where it fits."""
    paint = painter(colour=colour)
    groups = dict.fromkeys([*GROUPS, *(task.group for task in tasks)])
    name_width = max((columns(visible(task.name)) for task in tasks), default=0)
    title_width = max((columns(visible(task.title)) for task in tasks), default=0)
    blocks = []
    for group in groups:
        rows = [
            f"  {_padded(task.name, name_width)}  {_padded(task.title, title_width)}  "
            f"{paint('dim', visible(where_it_fits(task)))}".rstrip()
            for task in tasks
            if task.group == group
        ]
        if rows:
            blocks.append("\n".join([paint("bold", visible(group or "Other")), *rows]))
    return "\n\n".join(blocks) + "\n"


def where_it_fits(task: TaskDefinition) -> str:
    """`python, go; with fastapi`, and `everywhere` where it says nothing."""
    parts = [
        ", ".join(task.languages),
        f"with {' or '.join(task.frameworks)}" if task.frameworks else "",
        f"in {', '.join(task.files)}" if task.files else "",
        "where the code calls for it" if task.contains else "",
    ]
    return "; ".join(filter(None, parts)) or "everywhere"


def _padded(text: str, width: int) -> str:
    shown = visible(text)
    return shown + " " * (width - columns(shown))
