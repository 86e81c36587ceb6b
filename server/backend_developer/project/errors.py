"""Under which name a file's handlers tell what went wrong: `error`, `message`, `detail`, ….

A handler of FastAPI raises `HTTPException`, which is told under `detail`; others write a body.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..core.clues import Clues
from ..expressions import call_of, find_all, pairs
from ..syntax import named_children
from .facts import ErrorAnswer
from .reading import place_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_NAMES = ("error", "errors", "message", "msg", "detail", "details", "title", "reason")
_GOOD = re.compile(r"HTTP_[123]|\.(?:OK|CREATED|ACCEPTED|NO_CONTENT)$")
_MENTIONS = Clues(
    "HTTPStatus StatusCodes",
    (
        # What starts with a few characters is searched for sooner than what starts with `\b`.
        r"[45](?<=\b[45])\d\d\b",
        r"HTTP_[45]\d\d",
        r"[sS]tatus\.[A-Z]",
    ),
)


def python_errors(root: SgNode, text: str) -> tuple[ErrorAnswer, ...]:
    """Errors that Flask, Django REST and FastAPI handlers answer, in the order of the text."""
    if not _MENTIONS.are_in(text):
        return ()
    return tuple(sorted(_python(root), key=lambda answer: answer.place.span))


def javascript_errors(root: SgNode, text: str) -> tuple[ErrorAnswer, ...]:
    """As python_errors, of Express, Koa and Fastify."""
    if not _MENTIONS.are_in(text):
        return ()
    return tuple(sorted(_javascript(root), key=lambda answer: answer.place.span))


def _python(root: SgNode) -> Iterator[ErrorAnswer]:
    for node in find_all(root, _ANSWERS_PYTHON):
        call = call_of(node)
        if call is None:
            continue
        if call.name == "HTTPException":
            if call.argument(1, "detail") is not None:
                yield ErrorAnswer("detail", place_of(node))
            continue
        status = call.named.get("status_code") or call.named.get("status")
        if status is not None and _is_error(status):
            body = call.argument(0, "content") or call.named.get("data")
            yield from _answer(pairs(body), node)
    # `return jsonify(error=…), 404`
    for node in root.find_all(kind="expression_list"):
        children = list(named_children(node))
        parent = node.parent()
        is_answer = parent is not None and parent.kind() == "return_statement"
        if is_answer and len(children) in (2, 3) and _is_error(children[1]):
            call = call_of(children[0])
            if call is not None and call.name == "jsonify":
                yield from _answer(pairs(call.argument(0)) or call.named, children[0])
            elif call is None:
                yield from _answer(pairs(children[0]), children[0])


def _javascript(root: SgNode) -> Iterator[ErrorAnswer]:
    for node in find_all(root, _ANSWERS_JAVASCRIPT):
        call = call_of(node)
        before = call_of(call.receiver) if call is not None else None
        if call is None or before is None or before.name not in ("status", "code"):
            continue
        status = before.argument(0)
        if status is not None and _is_error(status):
            yield from _answer(pairs(call.argument(0)), node)


def _answer(body: Mapping[str, SgNode], node: SgNode) -> Iterable[ErrorAnswer]:
    """The first field of a body that tells an error; none where it tells that in no known way."""
    name = next((key for key in body if key in _NAMES), "")
    return [ErrorAnswer(name, place_of(node))] if name else []


def _is_error(status: SgNode) -> bool:
    text = status.text()
    if text.isdecimal():
        return len(text) == 3 and text[0] in "45"
    return bool(re.fullmatch(r"(?:\w+\.)+[A-Z][A-Z0-9_]+", text)) and not _GOOD.search(text)


_ANSWERS_PYTHON = {
    "rule": {
        "kind": "call",
        "has": {
            "field": "function",
            "regex": r"^(?:\w+\.)*(?:HTTPException|JSONResponse|JsonResponse|Response)$",
        },
    }
}
_ANSWERS_JAVASCRIPT = {
    "rule": {
        "kind": "call_expression",
        "has": {"field": "function", "regex": r"\.(?:status|code)\([^()]*\)\s*\.(?:json|send)$"},
    }
}
