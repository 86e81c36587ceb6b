"""Ruff: runs it on texts, and turns what it says into proposals by way of the catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.model import Confidence, ProposedFix, Replacement, Severity, Span
from ..core.text import Lines
from ..detector import Source
from .messages import Message
from .process import LinterError, find_program, linter_folder, run_linter

SYNTAX_ERROR = "invalid-syntax"
"""The code of a syntax error. In a file that has one, ruff says nothing else."""


@dataclass(frozen=True, slots=True)
class RuffMessage:
    code: str
    message: str
    span: Span
    fix_title: str
    edits: tuple[Replacement, ...]
    """Empty where ruff has no fix, or none that keeps the meaning."""


def run_ruff_on(sources: Sequence[Source], codes: Sequence[str]) -> list[list[Message]]:
    """What ruff says of each source by `codes`, in one run for all of them. Raises LinterError."""
    texts = [(source.document.path, source.text) for source in sources]
    return [
        [_message(one) for one in messages if _is_worth_saying(source.text, one)]
        for source, messages in zip(sources, run_ruff(texts, codes), strict=True)
    ]


def _message(message: RuffMessage) -> Message:
    return Message(
        code=message.code,
        text=message.message,
        span=message.span,
        confidence=_CONFIDENCE.get(message.code, "high"),
        severity=_severity(message),
        fix=ProposedFix(message.fix_title, message.edits) if message.edits else None,
    )


def _is_worth_saying(text: str, message: RuffMessage) -> bool:
    is_harmless = _HARMLESS.get(message.code)
    return not (
        _is_no_secret(text, message)
        or _is_route(text, message)
        or _is_plain_path(text, message)
        or (is_harmless is not None and is_harmless(text, message.span))
    )


def run_ruff(texts: Sequence[tuple[str, str]], codes: Sequence[str]) -> list[list[RuffMessage]]:
    """What ruff says of each text, in one run; `texts` are (path, text), of which the name counts.

    Only `codes` are selected; configuration files are ignored and `# noqa` is honoured.
    Raises LinterError.
    """
    ruff = find_ruff()
    options = ["check", "--isolated", "--no-cache", "--output-format", "json"]
    options += ["--select", ",".join(codes)]
    with linter_folder("ruff") as folder:
        if len(texts) == 1:
            path, text = texts[0]
            command = [ruff, *options, f"--stdin-filename={_file_name(path)}", "-"]
            return [_read(run_linter(command, folder=folder, text=text), {"": text})[""]]
        files = {}
        for index, (path, text) in enumerate(texts):
            file = folder / str(index) / _file_name(path)
            file.parent.mkdir()
            file.write_bytes(text.encode("utf-8", "replace"))
            files[str(file)] = text
        output = run_linter([ruff, *options, str(folder)], folder=folder, files=len(texts))
        return list(_read(output, files).values())


def find_ruff() -> str:
    """The path of the ruff binary that was installed with us. Raises LinterError."""
    beside_us = find_program("ruff")
    if beside_us is not None:
        return beside_us
    try:
        # Ruff's own search knows other layouts, such as `pip install --target`.
        import ruff  # type: ignore[import-untyped]

        return str(ruff.find_ruff_bin())
    except (ImportError, AttributeError, FileNotFoundError) as error:
        raise LinterError(
            "ruff is not installed, so only our own rules were checked; run `pip install ruff`."
        ) from error


_RIGHT_THOUGH_UNSAFE = ("B006", "FAST002")
"""Unsafe to ruff since they change what introspection sees; they are what we advise."""

_CONFIDENCE: dict[str, Confidence] = {
    # These name every use of a thing that is seldom wrong, so a reader would be tired soon.
    "S311": "low",
    # A program that nobody catches errors of has no need of classes for them.
    "TRY002": "low",
    # The standard library's parsers have refused external entities since 3.7.1.
    **dict.fromkeys(("S313", "S314", "S315", "S316", "S317", "S318", "S319"), "low"),
    # These are right or wrong by where the value comes from, which ruff does not follow.
    **dict.fromkeys(("S102", "S103", "S105", "S106", "S107", "S108", "S202", "S301"), "medium"),
    **dict.fromkeys(("S302", "S307", "S308", "S324", "S604", "S605", "S608", "S609"), "medium"),
    **dict.fromkeys(("S610", "S611", "S612", "S702", "S704"), "medium"),
    **dict.fromkeys(("S110", "S112", "BLE001", "B019"), "medium"),
    **dict.fromkeys(("ASYNC110", "ASYNC240", "DTZ001", "DJ006", "DJ007", "DJ008"), "medium"),
    **dict.fromkeys(("S310", "S601", "S606", "B018", "DTZ007", "DTZ011", "PERF401"), "medium"),
}
"""What is not here is high."""


def _severity(message: RuffMessage) -> Severity | None:
    """None: the rule's own."""
    # S602 and S605 on a constant command: nothing to inject, but a shell that nobody needs.
    if "seems safe" in message.message:
        return "hint"
    # Any address that is no constant, whoever it comes from.
    if message.code == "S310":
        return "information"
    # Any markup that is no constant, likewise.
    return "warning" if message.code in ("S308", "S704") else None


# --- What is right in good code, by the code


def _is_escaped_beside(text: str, span: Span) -> bool:
    """Whether the function that marks a text as safe also escapes: its writer has thought of it."""
    start = max(text.rfind("\ndef ", 0, span.start), text.rfind("    def ", 0, span.start), 0)
    end = span.end
    if text.startswith("@", span.start) or text[: span.start].endswith("@"):
        start, end = span.start, text.find("\n\n", span.end)
    return _ESCAPES.search(text, start, end if end >= 0 else len(text)) is not None


def _is_converted(text: str, span: Span) -> bool:
    """`int(os.environ.get("PORT", 80))` takes a number as well as a text."""
    return _CONVERTS.search(text, max(span.start - 200, 0), span.start) is not None


def _is_tried(text: str, span: Span) -> bool:
    """`try: self.file.path` asks whether that raises."""
    return text[: span.start].rstrip().endswith("try:")


def _is_a_day(text: str, span: Span) -> bool:
    """A day has no time zone."""
    format_ = re.search(r"""["']([^"'\n]*%[^"'\n]*)["']\s*\)$""", text[span.start : span.end])
    return format_ is not None and not re.search(r"%[HIMSTXcfsp]", format_[1])


def _is_filled_by_fastapi(text: str, span: Span) -> bool:
    """FastAPI copies the default of each parameter that it fills, of routes and dependencies."""
    head = text.rfind("def ", 0, span.start)
    decorators = text[text.rfind("\n\n", 0, head) + 1 : head]
    return "fastapi" in text and bool(
        _PARAMETER_OF_FASTAPI.search(text, head, span.start) or _ROUTE_OF_FASTAPI.search(decorators)
    )


def _is_expected(text: str, span: Span) -> bool:
    """The trace tells nothing more of an error that is awaited by name, or it is logged anyway."""
    clause = text.rfind("except", 0, span.start)
    caught = text[clause : text.find("\n", clause)]
    is_any = re.match(r"except\s*(?::|\(?\s*(?:Base)?Exception\b)", caught) is not None
    return not is_any or "exc_info" in text[span.start : span.end]


_ESCAPES = re.compile(r"escape|format_html|urlencode|sanitize|bleach|nh3\.|quote\(")
_CONVERTS = re.compile(r"\b(?:int|float|Decimal)\(\s*(?:os\.)?(?:environ\.get|getenv)\([^()]*$")
_PARAMETER_OF_FASTAPI = re.compile(r"\b(?:Query|Header|Cookie|Form|Body|Path|Depends|Security)\(")
_ROUTE_OF_FASTAPI = re.compile(
    r"^@\w+\.(?:get|post|put|patch|delete|options|head|trace|api_route)\(", re.MULTILINE
)
_HARMLESS: Mapping[str, Callable[[str, Span], bool]] = {
    "B006": _is_filled_by_fastapi,
    "S308": _is_escaped_beside,
    "S704": _is_escaped_beside,
    "PLW1508": _is_converted,
    "B018": _is_tried,
    "DTZ007": _is_a_day,
    "TRY400": _is_expected,
}

_LITERAL = re.compile(r"""["']([^"']*)["']\s*$""")
_TARGET = re.compile(r'"([^"]*)"$')
_NO_SECRET_NAME = re.compile(
    r"_(?:url|uri|type|name|field|header|path|prefix|suffix|param|format|endpoint|algorithm|scheme"
    r"|pattern|regex|hasher|hash|backend|class|model|label|title|message|error|id|status|state"
    r"|mode|action|event|count|length|expiry|ttl)s?$|(?:^|_)(?:dummy|fake|mock|sample)_",
    re.IGNORECASE,
)
_NO_SECRET_VALUE = re.compile(r"\s|://|^/|^bearer$|[<>{}%]", re.IGNORECASE)


def _is_no_secret(text: str, message: RuffMessage) -> bool:
    """Ruff goes by the name alone; a value such as "bearer", a path or a URL is no secret."""
    if message.code not in ("S105", "S106", "S107"):
        return False
    literal = _LITERAL.search(text[message.span.start : message.span.end])
    target = _TARGET.search(message.message)
    value = literal[1] if literal else ""
    name = target[1] if target else ""
    return (
        len(value) < 6
        or not any(map(str.isalnum, value))
        or _NO_SECRET_VALUE.search(value) is not None
        or _NO_SECRET_NAME.search(name) is not None
        or re.sub(r"\W", "_", value.lower()) in name.lower()
    )


def _is_route(text: str, message: RuffMessage) -> bool:
    """Ruff takes the path in `@app.get("/tmp")` for a temporary file."""
    line_start = text.rfind("\n", 0, message.span.start) + 1
    return message.code == "S108" and text[line_start:].lstrip().startswith("@")


_WAITS_FOR_DISK = re.compile(
    r"\b(?:exists|lexists|isfile|isdir|isjunction|isdevdrive|islink|ismount|getsize|getmtime|getatime"
    r"|getctime|samefile|sameopenfile|samestat|realpath|abspath|relpath|expanduser|stat|\w{0,40}link\w{0,40})\s*\("
)


def _is_plain_path(text: str, message: RuffMessage) -> bool:
    """Ruff takes all of `os.path` for access to the disk; most of it only looks at the text."""
    code = text[message.span.start : message.span.end]
    return (
        message.code == "ASYNC240"
        and "os.path" in message.message
        and _WAITS_FOR_DISK.search(code + "(") is None
    )


def _read(output: bytes, texts: dict[str, str]) -> dict[str, list[RuffMessage]]:
    """Ruff's JSON as messages by file; "" stands for the one text on stdin."""
    try:
        entries = json.loads(output)
    except (ValueError, RecursionError) as error:
        raise LinterError("ruff printed no JSON; install ruff 0.17 again.") from error
    messages: dict[str, list[RuffMessage]] = {file: [] for file in texts}
    lines = {file: Lines(text) for file, text in texts.items()}
    for entry in entries:
        file = "" if "" in texts else entry["filename"]
        fix = entry["fix"]
        right = fix and (fix["applicability"] == "safe" or entry["code"] in _RIGHT_THOUGH_UNSAFE)
        edits = [
            Replacement(_span(texts[file], lines[file], edit), edit["content"])
            for edit in (fix["edits"] if right else ())
        ]
        messages[file].append(
            RuffMessage(
                code=entry["code"] or SYNTAX_ERROR,
                message=entry["message"],
                span=_span(texts[file], lines[file], entry),
                fix_title=(fix["message"] or "Fix") if fix else "",
                edits=tuple(edits),
            )
        )
    return messages


def _span(text: str, lines: Lines, place: dict[str, dict[str, int]]) -> Span:
    """Ruff counts rows and columns from 1, columns in code points without a byte order mark."""

    def offset(position: dict[str, int]) -> int:
        mark = position["row"] == 1 and text.startswith("\ufeff")
        return lines.offset(position["row"] - 1, position["column"] - 1 + mark, "utf-32")

    return Span(offset(place["location"]), offset(place["end_location"]))


def _file_name(path: str) -> str:
    """The file's own name, as some rules go by it; ruff leaves alone what is not named *.py.

    Without what ruff would print otherwise than it is, such as bytes that are no text.
    """
    name = re.sub(r"[^\w.+-]", "_", Path(path).name)
    return name if name.endswith((".py", ".pyi")) else "untitled.py"
