"""Texts that are put together from parts, or changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..harmless import FIXED_HOST, is_markup, is_path_start
from ..knowledge import OBJECT_KINDS, PATH_KINDS, URL_KINDS
from ..program import Expression
from ..states import State
from ..values import Value, cleared_for, merged, taints_of
from .analysis import Analysis
from .sinks import TEXT, check_sink, claim_of, is_own_address

_NOT_PATHS = frozenset(
    ["sql-injection", "command-injection", "code-injection", "cross-site-scripting",
     "nosql-injection", "template-injection", "ldap-injection", "xpath-injection",
     "log-injection", "header-injection"]
)  # fmt: skip


def put_together(
    analysis: Analysis, expression: Expression, values: list[Value], operator: str, state: State
) -> Value:
    if operator == "+" and all(one.fields is not None for one in values):
        return Value(merged([taints_of(one) for one in values]), fields=_concatenated(values))
    is_known = all(one.is_known for one in values)
    constants = [one.constant for one in values]
    constant: str | None = None
    if operator == "+" and all(type(one) is int for one in constants):
        return Value(is_known=True, constant=sum(one for one in constants if type(one) is int))
    if is_known and all(type(one) in (str, int) for one in constants) and operator in "f+":
        constant = "".join(map(str, constants))[:2000]
    prefix = ""
    is_open = True
    host_fixed = False
    is_past_headers = False
    groups = []
    follows_base = False
    for index, one in enumerate(values):
        taints = taints_of(one)
        # An unknown base, from a configuration say, then the start of a path, or all of it.
        host_fixed |= follows_base and (bool(taints) or is_path_start(one.constant))
        follows_base = one.constant is None and all(taint.label.kind != "input" for taint in taints)
        if index > 0 and taints:
            taints = tuple(
                taint.safe_for(URL_KINDS) if host_fixed or is_own_address(taint.label) else taint
                for taint in taints
            )
        if is_past_headers:
            taints = tuple(taint.safe_for({"header-injection"}) for taint in taints)
        groups.append(taints)
        text = one.constant if isinstance(one.constant, str) else ""
        is_past_headers |= "\n\n" in text or "\r\n\r\n" in text
        if index == 0 and operator == "%":
            text = text.partition("%")[0]
        if is_open:
            prefix += text or one.prefix
            is_open = isinstance(one.constant, str) and operator != "%"
            host_fixed |= bool(FIXED_HOST.fullmatch(prefix))
    taints = merged(groups)
    if taints:
        taints = tuple(taint.safe_for(OBJECT_KINDS) for taint in taints)
    result = Value(
        taints,
        is_known,
        constant,
        values[0].path if operator == "/" and values else "",
        is_built=constant is None,
        has_markup=any(one.has_markup or is_markup(one.constant) for one in values),
        prefix=prefix[:200],
    )
    key = id(expression)
    analysis.texts[key] = claim_of(
        analysis, expression, result, TEXT.kind, state, analysis.texts.get(key)
    )
    check_sink(analysis, TEXT, result, expression, state)
    return result


def replaced_text(receiver: Value, arguments: list[Value]) -> Value:
    """`receiver.replace(what, by)`: an allow-list of characters makes it safe for all."""
    what = arguments[0].constant
    if not isinstance(what, str):
        return receiver
    kinds: set[str] = set()
    if re.fullmatch(r"\[\^(?:[^\]\\]|\\.)+\][+*]?", what) and not re.search(r"[<;'\"`]", what):
        kinds = {"*"} if not re.search(r"\./|\\/|\.\\/", what) else {*_NOT_PATHS}
    elif re.fullmatch(r"[<>]|\[[^\]]*<[^\]]*\]\+?", what):
        kinds = {"cross-site-scripting"}
    elif re.match(r"\^\(\\\.\\\.", what):
        kinds = set(PATH_KINDS)
    elif re.search(r"\\[rn]|[\r\n]", what):
        kinds = {"log-injection", "header-injection"}
    elif (
        what.startswith("[")
        and all(one in what for one in ".*+?()")
        and len(arguments) > 1
        and arguments[1].constant == "\\$&"
    ):
        kinds = {"regex-explosion"}
    if "*" in kinds:
        return Value(is_known=True)
    return cleared_for(receiver, frozenset(kinds)) if kinds else receiver


def _character(text: str, arguments: Sequence[Any]) -> str | None:
    index = arguments[0] if arguments else 0
    return text[index] if type(index) is int and -len(text) <= index < len(text) else None


def _concatenated(values: Sequence[Value]) -> dict[str, Value]:
    every = [one for value in values for one in (value.fields or {}).values()]
    return {str(index): one for index, one in enumerate(every[:100])}


OF_CONSTANTS: Mapping[str, Callable[[str, Sequence[Any]], str | None]] = {
    "charAt": _character,
    "at": _character,
    "toUpperCase": lambda text, _: text.upper(),
    "toLowerCase": lambda text, _: text.lower(),
    "trim": lambda text, _: text.strip(),
}
