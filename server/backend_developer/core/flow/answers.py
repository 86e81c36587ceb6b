"""What a call answers where its effects do not say it, and what it puts into its object."""

from __future__ import annotations

import re

from ..arguments import Given
from ..knowledge import Cleaner, Passes
from ..program import Attribute, Call, Expression, Name
from ..states import State
from ..values import (
    KNOWN,
    UNKNOWN,
    Value,
    at,
    cleared_for,
    doubtful,
    element,
    join,
    join_all,
    merged,
    pairs_of,
    part,
    taints_of,
    with_part,
)
from .analysis import Analysis
from .texts import OF_CONSTANTS, put_together, replaced_text

_SANITISER = re.compile(
    r"(?i).*(saniti[sz]e|escape|encode_?uri|purify|bleach|strip_?tags|quote|"
    r"whitelist|allow_?list|sluggify|slugify).*"
)
_LOOKUP = re.compile(
    r"(?i)_*(get|find|fetch|load|read|query|list|count|create|save|lookup|search|is|has|insert|"
    r"update|delete|remove|send|add|log|print|print|execute|run|check|validate|verify|authenticate|"
    r"compute|calculate|hash|sign|abort|use|require|describe|it|test|expect)(_.*|[A-Z].*)?"
)
_JOINING = frozenset(["format", "join", "concat", "replace", "replaceAll", "format_map", "padEnd"])
_ADDING = frozenset(
    ["append", "add", "push", "unshift", "insert", "extend", "update", "setdefault", "set", "write",
     "appendleft", "writelines", "assign", "put", "put_nowait"]
)  # fmt: skip
_APPENDING = frozenset(["append", "push", "unshift", "extend", "appendleft"])
_KEYED = frozenset(
    ["get", "getlist", "getall", "getAll", "getone", "pop", "setdefault", "param", "header",
     "get_argument", "get_query_argument", "get_body_argument", "get_header", "getfirst"]
)  # fmt: skip
_TEXT_KINDS = frozenset(["nosql-injection", "prototype-pollution"])
_NUMBER_TYPES = frozenset(["int", "float", "bool", "uuid.UUID", "UUID"])
_SECTIONED = re.compile(r"configparser\.\w+\(\)")
_DECLARED = re.compile(r"(?:[\w$]+\.)*[A-Z][\w$]*\(\)")
_CONTAINERS = re.compile(
    r"(?:.*\.)?(?:set|dict|list|Set|Map|Array|(?:Simple|Lifo|Priority)?Queue|(?:Raw)?ConfigParser|StringIO|BytesIO|OrderedDict|defaultdict|deque|URLSearchParams|FormData)\(\)"
)


def answer_of_unknown(
    analysis: Analysis, call: Call, name: str, path: str, given: Given, state: State
) -> Value:
    """What a call gives that nothing is known of."""
    receiver = given.receiver
    if call.is_tagged:
        return Value(is_known=True, path=path)
    arguments = [*given.positional, *given.named.values()]
    if receiver is None or receiver.path in ("self", "http.server.Handler()"):
        is_tainted = any(taints_of(one) for one in arguments)
        if not is_tainted:
            return Value(path=path)
        if _SANITISER.fullmatch(name):
            return Value(is_known=True, path=path)
        if call.is_new or name[:1].isupper():
            # An object that holds its arguments; it is no text.
            return Value(path=path, fields={**given.named, "()": doubtful(join_all(arguments))})
        if _LOOKUP.fullmatch(name):
            return Value(path=path)
        return doubtful(join_all(arguments))._replace(path=path)
    if name[:1].isupper() and not receiver.taints and (arguments or call.is_new):
        return Value(path=path, fields={**given.named, "()": doubtful(join_all(arguments))})
    if name in ("pop", "shift") and receiver.fields and all(map(str.isdigit, receiver.fields)):
        return _removed(analysis, call, name, given, state)
    if name == "get" and len(arguments) > 1 and _SECTIONED.fullmatch(receiver.path):
        keys = [one.constant for one in arguments[:2]]
        if receiver.fields is not None and all(isinstance(one, str) for one in keys):
            return at(receiver, map(str, keys))
        return element(element(receiver))
    if name in ("get", "pop") and receiver.fields is not None and arguments:
        key = arguments[0]
        if key.constant is not None and str(key.constant) in receiver.fields:
            return receiver.fields[str(key.constant)]
        rest = [element(receiver), *arguments[1:]]
        return join_all(rest)._replace(is_known=all(one.is_known for one in rest))
    if (
        name in _ADDING
        and arguments
        and isinstance(call.function, Attribute)
        and (
            name in _APPENDING
            or receiver.fields is not None
            or _CONTAINERS.fullmatch(receiver.path)
        )
    ):
        _add(analysis, call, name, given, state)
    receiver_taints = taints_of(receiver)
    if isinstance(receiver.constant, str) and name in OF_CONSTANTS:
        folded = OF_CONSTANTS[name](receiver.constant, [one.constant for one in arguments])
        if folded is not None:
            return Value(is_known=True, constant=folded)
    if name in ("replace", "replaceAll") and len(arguments) >= 2:
        receiver = replaced_text(receiver, arguments)
        receiver_taints = receiver.taints
    is_text = isinstance(receiver.constant, str) or receiver.is_built
    if name in _JOINING and (is_text or receiver_taints or name != "join"):
        values = [receiver, *arguments]
        if name == "concat" and any(one.fields is not None for one in values):
            return Value(merged([taints_of(one) for one in values]))
        built = put_together(analysis, call, values, "%" if name == "format" else "+", state)
        if name == "format" and isinstance(receiver.constant, str):
            built = built._replace(prefix=receiver.constant.partition("{")[0])
        return built
    if name == "items" and not arguments:
        return pairs_of(receiver)._replace(path=path)
    if name == "values" and receiver.fields is not None:
        return Value(receiver_taints, receiver.is_known, fields=receiver.fields)
    if not receiver_taints:
        if _SANITISER.fullmatch(name):
            return Value(is_known=True, path=path)
        is_module = bool(receiver.path) and "(" not in receiver.path
        if is_module and given.positional and not _LOOKUP.fullmatch(name):
            # A function of another module may give back what it was given.
            return doubtful(join_all(given.positional))._replace(path=path)
        is_list = receiver.fields is not None and name in ("join", "slice", "concat", "sort")
        is_known = receiver.is_known and (receiver.constant is not None or is_list)
        return Value(is_known=is_known, path=path)
    if name in _KEYED and arguments and isinstance(arguments[0].constant, str):
        if "type" in given.named and given.named["type"].path in _NUMBER_TYPES:
            return KNOWN
        found = part(receiver, arguments[0].constant)
        if len(arguments) > 1:
            found = join(found, arguments[1])
        return found._replace(path=path)
    if name == "entries":
        return Value(receiver_taints, path=path)
    taints = receiver_taints
    if name in ("model_dump", "dict") and _DECLARED.fullmatch(receiver.path):
        # A model has the fields that it declares, whatever was sent.
        taints = tuple(taint.safe_for({"mass-assignment"}) for taint in taints)
    if name == "pop" or name == "shift":
        taints = element(Value(receiver_taints)).taints
    if name not in _KEYED and name not in ("json", "copy", "dict", "model_dump", "to_dict"):
        taints = tuple(taint.safe_for(_TEXT_KINDS) for taint in taints)
    return Value(
        taints,
        receiver.is_known,
        path=path,
        is_built=receiver.is_built,
        has_markup=receiver.has_markup,
        prefix=receiver.prefix,
    )


def answer_of_passing(
    analysis: Analysis, effect: Passes, call: Call, given: Given, path: str, state: State
) -> Value:
    values = given.all()
    if path == "re.sub()" and len(given.positional) == 3:
        return replaced_text(given.positional[2], given.positional)
    if path == "re.compile().sub()" and len(given.positional) == 2 and given.receiver:
        return replaced_text(given.positional[1], [given.receiver, given.positional[0]])
    if path == "map()" and len(values) > 1:
        for change in analysis.knowledge.effects(
            values[0].path.rpartition(".")[2], (values[0].path,)
        ):
            if isinstance(change, Cleaner):
                return cleared_for(join_all(values[1:]), change.clears)
    if len(values) == 1 or effect.path == "=":
        kept = values[0].path if effect.path == "=" and values else effect.path or path
        return values[0]._replace(path=kept, test=None) if values else UNKNOWN
    return Value(
        merged([taints_of(one) for one in values]),
        all(one.is_known for one in values),
        path=effect.path or path,
        is_built=any(one.is_built for one in values)
        or not taints_of(values[0] if values else KNOWN),
        has_markup=any(one.has_markup for one in values),
        prefix=values[0].prefix if values else "",
    )


def _add(analysis: Analysis, call: Call, name: str, given: Given, state: State) -> None:
    """`list.append(value)` and the like: the object now holds its arguments too."""
    assert isinstance(call.function, Attribute)
    target: Expression = call.function.object
    keys: list[str] = []
    while isinstance(target, Attribute):
        keys.append(target.name)
        target = target.object
    if type(target) is not Name:
        return
    old = state.get(target.name)
    if old is None or given.receiver is None:
        return
    keys.reverse()
    inner = given.receiver
    arguments = [*given.positional, *given.named.values()]
    first = given.positional[0] if given.positional else UNKNOWN
    is_pair = name in ("set", "setdefault") and len(arguments) > 1
    keyed = [one.constant for one in arguments[:2] if isinstance(one.constant, str)]
    if name == "set" and len(arguments) == 3 and len(keyed) == 2:
        new = with_part(inner, tuple(map(str, keyed)), arguments[2])
    elif is_pair and isinstance(first.constant, str):
        new = with_part(inner, (first.constant,), arguments[1])
    elif name in ("append", "push") and inner.fields is not None and len(arguments) == 1:
        if all(key.isdigit() for key in inner.fields) and len(inner.fields) < 50:
            new = with_part(inner, (str(len(inner.fields)),), first)
        else:
            new = inner._replace(taints=merged((inner.taints, taints_of(first))))
    elif name == "update" and first.fields is not None and not first.taints:
        new = inner._replace(fields={**(inner.fields or {}), **first.fields})
    else:
        taints = merged([inner.taints, *(taints_of(one) for one in arguments)])
        known = inner.is_known and all(one.is_known for one in arguments)
        new = inner._replace(taints=taints, is_known=known)
    if new is not inner:
        new = new._replace(constant=None)
        state.assign(target.name, with_part(old, tuple(keys[:2]), new), False)


def _removed(analysis: Analysis, call: Call, name: str, given: Given, state: State) -> Value:
    """`list.pop(0)` and the like: what it gives, and the list without it."""
    assert given.receiver is not None
    values = list((given.receiver.fields or {}).values())
    index = given.positional[0].constant if given.positional else 0 if name == "shift" else -1
    if type(index) is not int or not -len(values) <= index < len(values):
        return element(given.receiver)
    taken = values.pop(index)
    if isinstance(call.function, Attribute) and isinstance(call.function.object, Name):
        rest = {str(place): value for place, value in enumerate(values)}
        new = given.receiver._replace(fields=rest)
        state.assign(call.function.object.name, new, False)
    return taken
