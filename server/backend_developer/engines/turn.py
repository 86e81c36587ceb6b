"""One turn of a model: the events of a stream go in; items, content, tool calls and usage come out.

The raw events are read, not the SDK's accumulating helper: that one fails on the slightly odd
streams of other endpoints. What is unknown is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..core.model import Usage
from .stream import AnswerReader, ArrayName, Item

Block: TypeAlias = dict[str, object]
"""A content block of the Messages API."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """That the model asks for something; `arguments` is None when they are no JSON object."""

    id: str
    name: str
    arguments: dict[str, object] | None


class Turn:
    """What one streamed answer has said so far.

    The answer is text, or the arguments of the tool `answer_tool`; it is read as it is written.
    """

    def __init__(self, model: str, answer_tool: str, required: Collection[ArrayName]) -> None:
        self.reader = AnswerReader(required)
        self.usage: Usage | None = None
        """None until the endpoint has said something."""
        self.stop_reason: str | None = None
        self.refusal = ""
        """The category of a refusal."""
        self._model = model
        self._answer_tool = answer_tool
        self._blocks: dict[int, dict[str, Any]] = {}

    def read(self, event: object) -> Iterator[Item]:
        """Takes one event of the stream and yields what it completes."""
        index = getattr(event, "index", 0)
        match getattr(event, "type", None):
            case "message_start":
                message = getattr(event, "message", None)
                self._count(getattr(message, "usage", None), getattr(message, "model", None))
            case "content_block_start":
                self._blocks[index] = _opened(getattr(event, "content_block", None))
            case "content_block_delta":
                yield from self._delta(index, getattr(event, "delta", None))
            case "message_delta":
                delta = getattr(event, "delta", None)
                self.stop_reason = getattr(delta, "stop_reason", None)
                details = getattr(delta, "stop_details", None)
                self.refusal = getattr(details, "category", None) or ""
                self._count(getattr(event, "usage", None), None)

    @property
    def calls(self) -> list[ToolCall]:
        """The tools that the model asks for; its answer is none of them."""
        return [
            ToolCall(block["id"], block["name"], _arguments(block["input"]))
            for block in self._blocks.values()
            if block["type"] == "tool_use" and block["name"] != self._answer_tool
        ]

    @property
    def content(self) -> list[Block]:
        """The turn as it is sent back with the next one."""
        return [
            {**block, "input": _arguments(block["input"]) or {}}
            if block["type"] == "tool_use"
            else block
            for _, block in sorted(self._blocks.items())
            # An empty text block is refused.
            if block["type"] != "text" or block["text"].strip()
        ]

    def _delta(self, index: int, delta: object) -> Iterator[Item]:
        # Some endpoints open no block.
        block = self._blocks.setdefault(index, {"type": "text", "text": ""})
        for attribute, member in _GROWING.items():
            piece = getattr(delta, attribute, None)
            if not isinstance(piece, str):
                continue
            block[member] = block.get(member, "") + piece
            is_answer = block["type"] == "tool_use" and block["name"] == self._answer_tool
            if attribute == "text" or (attribute == "partial_json" and is_answer):
                yield from self.reader.feed(piece)

    def _count(self, counted: object, model: str | None) -> None:
        """Merges in the tokens of an event: they are totals, and those that are absent stay."""
        known = self.usage or Usage(model or self._model)

        def total(name: str, before: int) -> int:
            value = getattr(counted, name, None)
            return value if isinstance(value, int) else before

        self.usage = Usage(
            model=known.model,
            input_tokens=total("input_tokens", known.input_tokens),
            cache_write_tokens=total("cache_creation_input_tokens", known.cache_write_tokens),
            cache_read_tokens=total("cache_read_input_tokens", known.cache_read_tokens),
            output_tokens=total("output_tokens", known.output_tokens),
        )


_GROWING = {
    "text": "text",
    "partial_json": "input",
    "thinking": "thinking",
    "signature": "signature",
}
"""The attribute of a delta -> the member of its block that it adds to."""


def _opened(block: object) -> dict[str, Any]:
    """A block as it begins; only what is known of its type is kept, as it is sent back."""
    match getattr(block, "type", None):
        case "tool_use":
            return {
                "type": "tool_use",
                "id": str(getattr(block, "id", "")),
                "name": str(getattr(block, "name", "")),
                "input": "",
            }
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "redacted_thinking":
            return {"type": "redacted_thinking", "data": getattr(block, "data", "")}
        case _:
            return {"type": "text", "text": ""}


def _arguments(written: str) -> dict[str, object] | None:
    try:
        value = json.loads(written or "{}", strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
