"""The form of the answer to a change task, and to one that explains: as `answer.py` of a review's.

The order is the order of writing: what is to be done and why comes first, so that the code follows
from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..core.changes import (
    NO_FILE,
    STEP_KINDS,
    ChangePiece,
    Dependency,
    ManualStep,
    NewFile,
    Paragraph,
)
from ..core.model import TaskKind
from .answer import read_edit
from .schema import (
    Schema,
    array_of,
    as_text,
    choice_in,
    integer,
    members,
    object_of,
    string_in,
    text,
)
from .stream import Item


def change_schema(kind: TaskKind) -> Schema:
    """The closed JSON Schema of the answer to a task of that kind, which is no review."""
    explanation = array_of(
        "paragraphs of Markdown without headings: the contract (operation, input, output, errors, "
        "who may call it), what was decided and why, what a reader should check"
        if kind == "change"
        else "paragraphs of Markdown: the answer to the task",
        {"type": "string"},
    )
    if kind == "explain":
        return object_of(explanation=explanation)
    return object_of(
        explanation=explanation,
        edits=array_of(
            "every replacement in a file that exists, imports included; they do not overlap",
            object_of(
                file=text("the file's path, relative to the workspace"),
                old=text(
                    "the text to replace, copied from the file character for character without "
                    "the line numbers, long enough to stand there only once"
                ),
                new=text("what stands there afterwards, in full; empty deletes"),
                line=integer("the number of the line on which the old text begins"),
            ),
        ),
        files=array_of(
            "every new file, whole; never one that exists",
            object_of(
                path=text("its path, relative to the workspace"),
                content=text("its whole text, nothing left out"),
            ),
        ),
        dependencies=array_of(
            "packages that the change needs and the project does not depend on yet; usually none",
            object_of(
                name=text("its name as the project's manifest writes it"),
                version=text("a constraint in the manifest's form; empty when you are not certain"),
                why=text("what it is needed for, and why a few lines do not do"),
            ),
        ),
        steps=array_of(
            "what a person must do by hand, in order: apply a migration, set a variable, deploy in "
            "an order, decide something; usually few",
            object_of(
                kind=text("what kind of step", STEP_KINDS),
                text=text("one sentence, with the exact command or name"),
            ),
        ),
    )


def read_piece(item: Item, path: str, restore: Callable[[str], str] = str) -> ChangePiece | None:
    """The piece in one element of the answer, whatever it is; None when it says nothing.

    `path` is the reviewed file's; `restore` puts secrets back into code. What cannot be
    understood becomes something that cannot be placed, so that it is not lost silently.
    """
    element = members(item.value)
    match item.array:
        case "explanation":
            said = as_text(item.value)
            return Paragraph(said) if said.strip() else None
        case "edits":
            edit = read_edit(element, path, restore)
            # What has no file is not taken for the reviewed one: that would be a guess.
            is_named = bool(string_in(element, "file"))
            return edit if is_named else replace(edit, file=NO_FILE)
        case "files":
            return NewFile(
                string_in(element, "path").strip() or NO_FILE,
                restore(string_in(element, "content")),
            )
        case "dependencies":
            name = string_in(element, "name").strip() or as_text(item.value).strip()
            version, why = string_in(element, "version").strip(), string_in(element, "why")
            return Dependency(name, version, why.strip()) if name else None
        case "steps":
            said = string_in(element, "text") or as_text(item.value)
            kind = choice_in(element, "kind", STEP_KINDS) or "other"
            return ManualStep(kind, said.strip()) if said.strip() else None
        case _:
            return None
