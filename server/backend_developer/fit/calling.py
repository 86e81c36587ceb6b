"""Whether the calls in other files fit the functions whose signature a change altered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..signatures import Function, awaited_wrongly, call_shape, calls_in, functions_of, misfit
from .importing import Sides, Tree, stem_of
from .modules_python import dotted_name


@dataclass(frozen=True, slots=True)
class Altered:
    """What a change did to the signatures of one file's functions."""

    path: str
    functions: Mapping[str, tuple[Function | None, Function]]
    """Of Python, `name` or `Class.__init__` -> before, None when it is new, and after."""
    others: tuple[str, ...] = ()
    """Whose calls are not compared: Python's methods, and all of JavaScript and TypeScript."""

    @property
    def names(self) -> tuple[str, ...]:
        """What a file that calls one of them must hold."""
        known = [name.removesuffix(".__init__") for name, one in self.functions.items() if one[0]]
        # A default export is called as one likes.
        others = (_written(name) or stem_of(self.path) for name in self.others)
        return tuple(dict.fromkeys([*known, *others]))


def altered_signatures(sides: Sides) -> list[Altered]:
    """Of the files of the change, those whose functions are called in another way after it."""
    found = [
        _altered_python(sides, path) if path.endswith(".py") else _altered_script(sides, path)
        for path in sides.code
    ]
    return [one for one in found if one.functions or one.others]


def misfits(
    sides: Sides, altered: Sequence[Altered], others: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """The calls that do not fit, in sentences: in the change's own files and in `others`, which
    are (path, text) of the rest of the workspace."""
    functions = {one.path: one.functions for one in altered if one.functions}
    if not functions:
        return
    for path in sides.code:
        yield from _misfits_in(sides.after, path, functions, is_part=True)
    known = [one for one in altered if any(before for before, _ in one.functions.values())]
    passing = {path for one in known for path in _passing_on(sides.after, one)}
    for path, text in others:
        if path.endswith(".py") and sides.after.may_import(path, text, passing):
            yield from _misfits_in(sides.after, path, functions, is_part=False)


def not_compared(
    sides: Sides, altered: Sequence[Altered], others: Sequence[tuple[str, str]]
) -> Iterator[str]:
    """Which altered signatures have calls that were not compared with them, in sentences."""
    own = [(path, sides.after.text(path) or "") for path in sides.code]
    scripts = {one.path for one in altered if one.others and not one.path.endswith(".py")}
    near = [
        (path, text)
        for path, text in (*own, *others)
        # In Python an object may come from anywhere.
        if path.endswith(".py") or (scripts and sides.after.may_import(path, text, scripts))
    ]
    for one in altered:
        for name in one.others:
            callers = [
                path
                for path, text in near
                if path != one.path
                and path.endswith(".py") == one.path.endswith(".py")
                and _written(name) in text
                and (
                    _names_class(text, name)
                    if path.endswith(".py")
                    else _imports(sides.after, path, one.path, name)
                )
            ]
            if callers:
                rest = f" and {len(callers) - 1} more files" if len(callers) > 2 else ""
                rest = f" and {callers[1]}" if len(callers) == 2 else rest
                yield (
                    f"{one.path}: The signature of `{name.removeprefix('default.')}` changed; its "
                    f"calls in {callers[0]}{rest} were not compared with it."
                )


# --- What changed


def _altered_python(sides: Sides, path: str) -> Altered:
    tree_after = sides.after.python_tree(path)
    tree_before = None if sides.is_new(path) else sides.before.python_tree(path)
    after = functions_of(tree_after) if tree_after else {}
    before = functions_of(tree_before) if tree_before else {}
    changed = {
        name: (before.get(name), function)
        for name, function in after.items()
        if name not in before or call_shape(before[name]) != call_shape(function)
    }
    direct = {
        name: both
        for name, both in changed.items()
        if "." not in name or name.endswith(".__init__")
    }
    methods = (name for name, (old, _) in changed.items() if old and name not in direct)
    return Altered(path, direct, tuple(name for name in methods if _written(name)[1:2] != "_"))


def _altered_script(sides: Sides, path: str) -> Altered:
    if sides.is_new(path):
        return Altered(path, {})
    before, after = sides.before.module(path).signatures, sides.after.module(path).signatures
    changed = (name for name, said in before.items() if after.get(name, said) != said)
    return Altered(path, {}, tuple(changed))


def _written(name: str) -> str:
    """How a call of a function or method begins; "" where that cannot be told."""
    owner, _, last = name.rpartition(".")
    if last == "constructor":
        return "new " if owner == "default" else f"new {owner}"
    if name == "default":
        return ""
    return f".{last}(" if owner else last


# --- Who calls it


def _misfits_in(
    tree: Tree,
    path: str,
    functions: Mapping[str, Mapping[str, tuple[Function | None, Function]]],
    *,
    is_part: bool,
) -> Iterator[str]:
    parsed = tree.python_tree(path) if path.endswith(".py") else None
    for call, parent in calls_in(parsed) if parsed else ():
        found = tree.origin(path, dotted_name(call.func))
        if found is None or found[0] == path:
            continue
        target, name = found
        of_file = functions.get(target, {})
        key = name if name in of_file else f"{name}.__init__"
        if key not in of_file:
            continue
        before, after = of_file[key]
        is_method = key != name
        what = misfit(call, after, is_method=is_method)
        if what and not (before and misfit(call, before, is_method=is_method)):
            yield (
                f"{path}: The call of `{name}` on line {call.lineno} does not fit its signature "
                f"in {target}: {what}."
                if is_part
                else f"{target}: It changes the signature of `{name}`, and the call in {path} on "
                f"line {call.lineno} does not fit: {what}."
            )
        elif before and (wrongly := awaited_wrongly(parent, before, after)):
            yield (
                f"{target}: It makes `{name}` {'' if wrongly == 'not awaited' else 'not '}async, "
                f"but {path} {'does not await' if wrongly == 'not awaited' else 'awaits'} it on "
                f"line {call.lineno}."
            )


def _passing_on(tree: Tree, altered: Altered) -> Iterator[str]:
    """The file, and the packages above it that let others import one of the functions."""
    yield altered.path
    parts = altered.path.split("/")
    for count in range(len(parts)):
        path = "/".join([*parts[:count], "__init__.py"])
        text = tree.text(path) if path in tree.paths else None
        if text and any(name.removesuffix(".__init__") in text for name in altered.functions):
            yield path


def _names_class(text: str, method: str) -> bool:
    """Whether a text names a method's class, or an object after it: `order_service`."""
    owner = method.partition(".")[0]
    return owner.lower() in text.replace("_", "").lower()


def _imports(tree: Tree, path: str, target: str, name: str) -> bool:
    """Whether a script imports an exported function, or the class of a method, or all there is."""
    owner, module = name.partition(".")[0], tree.module(path)
    taken = [one for one in module.imports if one.name == owner]
    return any(
        target in tree.locate(path, one.module).files for one in (*taken, *module.bindings.values())
    )
