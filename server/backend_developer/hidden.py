"""Text that is not what it seems: characters nobody sees, letters of another script, and words that
are meant for whoever reviews the code with a model.

    security/invisible-characters   direction marks, zero-width and tag characters, terminal escapes
    security/confusable-characters  a name with letters that only look Latin
    security/hidden-instructions    "ignore all previous instructions", imitated system prompts

It works on the text alone, in every language, as it also guards what a model is asked about it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from .core.model import Confidence, Proposal, Span
from .core.text import quoted, visible
from .detector import Source

INVISIBLE = "security/invisible-characters"
CONFUSABLE = "security/confusable-characters"
INSTRUCTIONS = "security/hidden-instructions"


class HiddenTextDetector:
    """Implements Detector."""

    name = "hidden"
    languages = frozenset(
        (
            *("python", "javascript", "javascriptreact", "typescript", "typescriptreact", "sql"),
            *("prisma", "graphql", "yaml", "dockercompose", "json", "jsonc", "toml", "ini"),
            *("properties", "dotenv", "dockerfile", "shellscript"),
        )
    )
    rules = frozenset((INVISIBLE, CONFUSABLE, INSTRUCTIONS))
    runs_program = False

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        return [
            [proposal for proposal in _find(source) if proposal.rule in enabled]
            for source in sources
        ]


def addresses_a_reviewer(text: str) -> bool:
    """Whether a text surely tells a reviewing model what to say."""
    return any(sure != "low" for _, sure in _instructions(text))


def _find(source: Source) -> Iterator[Proposal]:
    text = source.text
    if not text.isascii():
        yield from _invisible(text)
        yield from _confusable(text)
    elif _CONTROL.search(text):
        yield from _invisible(text)
    taken = -1
    for place, sure in _instructions(text):
        if place.start >= taken:
            taken = text.find("\n", place.end) % (len(text) + 1)
            yield _instruction(place, f"“{quoted(text[place.start : place.end])}”", sure)
    path = source.document.path or ""
    name = re.sub(r"[-_.+]+", " ", PurePath(path).name)
    if any(sure != "low" for _, sure in _instructions(f"# {name}")):
        first = Span(0, len(text.split("\n", 1)[0]))
        yield _instruction(first, f"The file's name, “{quoted(name)}”,", "medium")


def _proposal(place: Span, rule: str, message: str, confidence: Confidence) -> Proposal:
    name = rule.partition("/")[2]
    return Proposal(place, rule, message, f"hidden:{name}", "local", confidence=confidence)


def _instruction(place: Span, what: str, confidence: Confidence) -> Proposal:
    return _proposal(
        place,
        INSTRUCTIONS,
        f"{what} is meant for a model that reads this, not for people. Find out who wrote it and "
        "why, and delete it.",
        confidence,
    )


# --- Characters that nobody sees

_CONTROL = re.compile(r"[\x00\x08\x1a\x1b\x7f]")
_UNSEEN = re.compile(
    "["
    "\\x00\\x08\\x1a\\x1b\\x7f\\u0080-\\u0084\\u0086-\\u009f"
    "\\u00ad\\u061c\\u115f\\u1160\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164"
    "\\ufe00-\\ufe0f\\ufeff\\uffa0\\U000e0000-\\U000e007f\\U000e0100-\\U000e01ef"
    "]+"
)
_TURNS = re.compile("[\\u202a-\\u202e\\u2066-\\u2069]")
_MARKS = frozenset("\u200e\u200f\u061c")
_JOINERS = frozenset("\u200c\u200d")
_TAGS = re.compile("[\\U000e0020-\\U000e007e]+")
_FLAG = re.compile("\\U0001f3f4[\\U000e0020-\\U000e007e]{1,6}\\U000e007f")
_SELECTORS = re.compile("[\\ufe00-\\ufe0f\\U000e0100-\\U000e01ef]")


def _invisible(text: str) -> Iterator[Proposal]:
    flags = [match.span() for match in _FLAG.finditer(text)]
    line_end = -1
    for match in _UNSEEN.finditer(text):
        if match.start() < line_end:
            continue  # One of a line is enough to say.
        run, start = match[0], match.start()
        if start == 0 and run[0] == "\ufeff":  # It says how the file is encoded.
            run, start = run[1:], 1
        before = text[start - 1] if start else ""
        after = text[match.end()] if match.end() < len(text) else ""
        if not run or any(first <= start < last for first, last in flags):
            continue
        if _is_writing(run, before, after):
            continue
        line_end = text.find("\n", match.end()) % (len(text) + 1)
        names = dict.fromkeys(_name(one) for one in run)
        what = ", ".join([*names][:3]) + (" and others" if len(names) > 3 else "")
        stands = "stands" if len(run) == 1 else f"({len(run)} characters) stand"
        spelled = "".join(chr(ord(one) - 0xE0000) for tags in _TAGS.findall(run) for one in tags)
        said = f" It spells “{quoted(visible(spelled))}”." if spelled else ""
        yield _proposal(
            Span(start, match.end()),
            INVISIBLE,
            f"{what} {stands} here unseen, so that the code is not what an editor shows.{said} "
            "Delete it, or write it as an escape.",
            "high" if _TURNS.search(run) or spelled else "medium",
        )


def _name(character: str) -> str:
    number = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "")
    return f"{number} ({name})" if name else number


def _is_writing(run: str, before: str, after: str) -> bool:
    """Whether people write it so: in emoji, in Arabic, Hebrew or Indic text, a soft hyphen."""
    if set(run) <= _JOINERS | {"\ufe0f"}:
        return not (before + after).isascii() and not _is_latin(before + after)
    if len(run) == 1 and _SELECTORS.match(run):
        # One variation of a sign that has some: an emoji, a digit of a keycap, an ideograph.
        return bool(before) and (not before.isascii() or before in "0123456789#*")
    if set(run) <= _MARKS:
        return any(unicodedata.bidirectional(one) in ("R", "AL") for one in before + after)
    return run == "\u00ad" and before.isalpha() and after.isalpha() and not before.isascii()


def _is_latin(characters: str) -> bool:
    return any("LATIN" in unicodedata.name(one, "") for one in characters)


# --- Letters that look like others

_LOOK_ALIKE = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
    "\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
)
"""Cyrillic and Greek letters that are drawn as a Latin one is."""
_MIXED = re.compile(rf"(?=\w*[A-Za-z])(?=\w*[{_LOOK_ALIKE}])\w+")
_FOREIGN = re.compile(rf"[^\W\d_A-Za-z{_LOOK_ALIKE}]")


def _confusable(text: str) -> Iterator[Proposal]:
    for word in re.finditer(r"[A-Za-z0-9_]*[^\x00-\x7f\W]\w*", text):
        # With other letters of its script, nobody takes it for Latin.
        if not _MIXED.fullmatch(word[0]) or _FOREIGN.search(word[0]):
            continue
        letter = next(one for one in word[0] if one in _LOOK_ALIKE)
        yield _proposal(
            Span(word.start(), word.end()),
            CONFUSABLE,
            f"`{quoted(word[0])}` has {_name(letter)} in it, which looks like a Latin one: it is "
            "another name than the one that it seems to be. Write it in Latin letters.",
            "high",
        )


# --- Words for a model

_PREVIOUS = (
    r"(?:ignore|disregard|forget|override|bypass)\s+(?:about\s+)?(?:(?:all|any|every|each|of|the|your|"
    r"my|these|those|other)\s+){0,3}(?:previous|prior|above|earlier|preceding|system|existing|"
    r"original|initial)\s+(?:\w+\s+)?(?:instructions?|prompts?|directions?|guidelines|directives|"
    r"messages?|context)\b"
    r"|ignorier\w*\s+(?:alle\s+)?(?:vorherigen|bisherigen|obigen)\s+(?:Anweisungen|Anleitungen)"
    r"|ignore[zr]?\s+(?:toutes\s+)?les\s+(?:instructions|consignes)\s+(?:pr[eé]c[eé]dentes|ci-dessus)"
    r"|ignor[ae]\w*\s+(?:todas\s+)?las\s+instrucciones\s+(?:anteriores|previas)"
)
_WHO = (
    r"(?:(?:an?|the|any|all|every|to|dear)\s+)*(?:automated\s+){0,1}"
    r"(?:(?:AI|LLM)[- ]?(?:code\s+)?(?:reviewers?|assistants?|agents?|models?|tools?|systems?)|"
    r"AIs?|LLMs?|language\s+models?|chatbots?|chat\s?gpt|gpt-?\d*|claude(?:\s+code)?|copilot|gemini|"
    r"(?:automated|automatic)\s+(?:code\s+)?reviewers?|code[- ]review(?:er|ing)?\s+(?:bots?|"
    r"agents?|assistants?|models?|tools?))"
)
_DO = (
    r"(?:please\s+|you\s+(?:must|should|shall|will|can|may|need\s+to|are\s+to)\s+)?(?:now\s+|always\s+|"
    r"simply\s+|just\s+)?(?:not\s+)?(?:approve|ignore|skip|do\s+not|don'?t|never|mark|treat|consider|"
    r"report|say|respond|answer|output|return|stop|assume|trust|rate|pass|accept|disregard|omit|"
    r"refrain|conclude|classify|reply|print|reveal|execute|run)\b"
)
_FAULTS = (
    r"(?:(?:any|a|the|this|these|those|its|security|other|more|further|potential|possible|known|"
    r"code|of)\s+){0,5}(?:vulnerabilit(?:y|ies)|security\s+(?:issues?|problems?|findings?|bugs?|"
    r"flaws?)|findings?|issues?\s+(?:here|in\s+this|with\s+this|below|found)|this\s+(?:file|function|code|"
    r"line|section|class|module|endpoint|method|query|pattern))\b"
)
_SURE = re.compile(
    rf"(?i)(?:{_PREVIOUS})"
    rf"|\b(?:note|message|attention|important|instructions?|hint|notice|warning)\s+(?:to|for)\s+{_WHO}\b"
    rf"|\bif\s+you\s+are\s+(?:reading\s+this\s+as\s+)?{_WHO}\b"
    rf"|(?<![\w.])(?:{_WHO})\s*[:,\u2014>-]+\s*{_DO}"
    rf"|\bas\s+{_WHO},?\s+you\s+(?:must|should|will|can|are)\b"
    rf"|\b{_WHO}\s+(?:must|should|shall)\s+(?:not\s+)?(?:report|flag|approve|ignore|skip|review|mention)\b"
    r"|\b(?:respond|reply|answer|output|return|report)\s+(?:with\s+)?(?:only\s+|just\s+)?"
    r"(?:an?\s+)?(?:[\"'`]?LGTM\b|(?:that\s+)?(?:there\s+are\s+)?(?:no|zero)\s+(?:security\s+)?(?:findings|"
    r"vulnerabilities|issues\s+(?:were\s+)?found)|empty\s+(?:list|array)\s+of\s+(?:findings|issues)|"
    r"\{\s*[\"']findings[\"']\s*:\s*\[\s*\])"
    r"|\byour\s+(?:new|real|actual|updated)\s+(?:instructions?|task|role|system\s+prompt)\s+(?:is|are)\b"
    r"|\bapprove\s+this\s+(?:pull\s+request|pr|merge\s+request|change|code)\s+without\b"
    r"|</?(?:file|excerpt|conventions|selection|evidence|result|dismissed|problems)-[0-9a-f]{8,}"
)
_PERHAPS = re.compile(
    rf"(?i)\b(?:do\s+not|don'?t|never|must\s+not)\s+(?:report|flag|raise|mention|warn\s+about|comment\s+on|"
    rf"review|analy[sz]e|inspect)\s+{_FAULTS}"
    r"|\bthis\s+(?:file|code|function|module|endpoint)\s+(?:is|was|has\s+been)\s+(?:already\s+)?"
    r"(?:audited|approved|reviewed|verified|certified)\b[^.\n]{0,60}\b(?:so|and|thus|therefore|no\s+need|"
    r"skip|do\s+not|don'?t)\b[^.\n]{0,40}\b(?:report|flag|review|findings?|issues?|analy[sz])"
    r"|<\|(?:im_start|im_end|system|assistant|endoftext|eot_id|start_header_id|begin_of_text)\|>"
    r"|\[/?INST\]|<</?SYS>>|</?(?:system[-_]?(?:prompt|reminder|message)|function_results|tool_result)>"
    r"|^[\s#/*\"'-]*(?:system|assistant|human)\s*:\s*you\s+(?:are|must|should)\b",
    re.MULTILINE,
)
_TELLING = (
    *("instruct", "prompt", "directive", "guidelines", "context", "direction", "message"),
    *("consignes", "anweisung", "anleitung", "instrucciones", "language model", "chatbot", "gpt"),
    *("llm", "claude", "copilot", "gemini", "reviewer", "code review", "code-review", "lgtm"),
    *("findings", "vulnerab", "do not ", "don't ", "dont ", "never ", "must not ", "audited"),
    *(
        "approve",
        "reviewed",
        "verified",
        "certified",
        "<|",
        "inst]",
        "sys>>",
        "<system",
        "</system",
    ),
    *("_result", "you are", "you must", "you should", "your new", "your real", "</", "AI"),
)
"""Each of the sentences has one of them; in lower case, but for the last."""
_BUILDS_A_PROMPT = re.compile(
    r"(?i)prompt|instruction|messages?\b|persona|jailbreak|injection|[\"']role[\"']|\brole\s*[=:]|"
    r"system\w*\s*[=:(]|template|few_?shot|completion|chat\b|llm|\bagent"
)
_COMMENT = re.compile(r"^\s*(?:#|//|/?\*|--|<!--|;)|(?:^|\s)(?:#|//|/\*|--)\s")


def _instructions(text: str) -> Iterator[tuple[Span, Confidence]]:
    """Where a text speaks to a model, in order, and how sure that is."""
    found = {
        match.span(): (match, is_sure)
        for first, last in _lines_to_look_at(text)
        for pattern, is_sure in ((_PERHAPS, False), (_SURE, True))
        for match in pattern.finditer(text, first, last)
    }
    for _, (match, is_sure) in sorted(found.items()):
        start = text.rfind("\n", 0, match.start()) + 1
        is_comment = bool(
            _COMMENT.search(text, start, match.start()) if start < match.start() else 0
        )
        is_comment = is_comment or bool(_COMMENT.match(text[start : match.end()]))
        # Code that asks a model itself holds such words as a matter of course.
        around = text[max(0, match.start() - 400) : match.start()]
        is_prompt = not is_comment and bool(_BUILDS_A_PROMPT.search(around))
        sure: Confidence = "high" if is_sure and is_comment else "medium"
        if is_prompt or not (is_sure or is_comment):
            sure = "low"
        yield Span(match.start() + _blank(match[0]), match.end()), sure


def _lines_to_look_at(text: str) -> Iterator[tuple[int, int]]:
    """The start of each line with a word that such sentences have, and the end of the next one."""
    lower = text.lower()
    if len(lower) != len(text):  # A few letters become two.
        lower = text
    starts: dict[int, int] = {}
    for word in _TELLING:
        where = text if word.isupper() else lower
        at = where.find(word)
        while at >= 0:
            start = text.rfind("\n", 0, at) + 1
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            after = text.find("\n", end + 1)
            starts[start] = len(text) if after < 0 else after
            at = where.find(word, end)
    yield from sorted(starts.items())


def _blank(text: str) -> int:
    return len(text) - len(text.lstrip())
