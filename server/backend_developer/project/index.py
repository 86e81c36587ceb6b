"""The project: what its files say, put together.

`Project` is a frozen mapping from path to FileFacts; a changed file makes another one. What follows
from the facts is worked out when it is asked for and kept for the next version where the changed
file cannot have changed it, so that asking while somebody types takes microseconds.

A route's whole path and all its guards follow from what it hangs on, through as many files as that
takes: `include_router`, `register_blueprint`, `include("app.urls")`, `app.use("/x", router)`,
`fastify.register`, Nest's global prefix.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from .facts import (
    PROJECT_ROUTER,
    URL_PATTERNS,
    FileFacts,
    Guard,
    Handler,
    Import,
    Method,
    Mount,
    Place,
    Route,
    Router,
)
from .guarding import is_guard
from .reading import joined

T = TypeVar("T")

DEPTH = 8
"""How far imports, mounts and dependencies are followed; a circle ends there too."""


@dataclass(frozen=True, slots=True)
class KnownRoute:
    """A route with all that the project knows of it."""

    route: Route
    file: str
    methods: tuple[Method, ...]
    path: str
    """From the server's root, with parameters as `{name}`."""
    guards: tuple[Guard, ...]
    is_public: bool
    is_limited: bool
    root: tuple[str, str]
    """(File, name) of the application that it hangs on, or of the uppermost router in sight."""
    order: tuple[int, ...]
    """Which of its router's mounts, from the root down; equal for the routes of one router."""
    handler: tuple[str, Handler] | None
    """(File, handler), when that is another place than the route's own."""

    @property
    def label(self) -> str:
        """`GET /users/{id}`."""
        return f"{', '.join(self.methods)} {self.path}"


@dataclass(frozen=True, slots=True)
class _Placement:
    """One way in which a router hangs in the project."""

    prefix: str = ""
    guards: tuple[Guard, ...] = ()
    is_limited: bool = False
    root: tuple[str, str] = ("", "")
    order: tuple[int, ...] = ()


@dataclass(slots=True)
class _Memo:
    """What was worked out of one version's facts; never changes once it is in there."""

    mounts: dict[tuple[str, str], list[tuple[str, Mount]]] | None = None
    modules: dict[str, list[tuple[str, str]]] | None = None
    routes: dict[str, tuple[KnownRoute, ...]] = field(default_factory=dict)
    placements: dict[tuple[str, str], tuple[_Placement, ...]] = field(default_factory=dict)
    of_files: dict[tuple[str, object], Any] = field(default_factory=dict)
    derived: dict[Callable[[Project], Any], Any] = field(default_factory=dict)
    everything: tuple[KnownRoute, ...] | None = None
    of_handlers: dict[tuple[str, str], tuple[KnownRoute, ...]] | None = None


@dataclass(frozen=True)
class Project:
    """All files that say something, by their absolute path."""

    files: Mapping[str, FileFacts] = field(default_factory=dict)
    _memo: _Memo = field(default_factory=_Memo, compare=False, repr=False)

    def __reduce__(self) -> tuple[type[Project], tuple[Mapping[str, FileFacts]]]:
        return Project, (self.files,)

    @classmethod
    def of(cls, files: Iterable[FileFacts]) -> Project:
        """The project that these files are."""
        return cls().with_files((facts.path, facts) for facts in files)

    def with_files(self, changed: Iterable[tuple[str, FileFacts | None]]) -> Project:
        """With these files' facts; None, or facts that say nothing, takes the file away."""
        files = dict(self.files)
        wiring_stays = meaning_stays = True
        paths = []
        for path, facts in changed:
            before = files.pop(path, None)
            if facts is not None and not facts.is_empty:
                files[path] = facts
            wiring_stays = wiring_stays and _wiring(before) == _wiring(files.get(path))
            meaning_stays = meaning_stays and before == files.get(path)
            paths.append(path)
        memo = _Memo()
        if wiring_stays:
            old = self._memo
            routes = {path: known for path, known in old.routes.items() if path not in paths}
            others = {key: made for key, made in old.of_files.items() if key[0] not in paths}
            memo = _Memo(old.mounts, old.modules, routes, dict(old.placements), others)
            if meaning_stays:
                memo.derived = old.derived
        return Project(files, memo)

    def with_file(self, path: str, facts: FileFacts | None) -> Project:
        """`with_files` of one."""
        return self.with_files([(path, facts)])

    def means_the_same(self, path: str, facts: FileFacts | None) -> bool:
        """Whether the other files' findings stay as they are when `path` says this."""
        before = self.files.get(path)
        after = None if facts is None or facts.is_empty else facts
        return before == after

    def derived(self, derive: Callable[[Project], T]) -> T:
        """What `derive` makes of the project, worked out once.

        It must depend on what the files mean alone, and not on where something stands in them.
        """
        if derive not in self._memo.derived:
            self._memo.derived[derive] = derive(self)
        return self._memo.derived[derive]  # type: ignore[no-any-return]

    def of_file(self, path: str, make: Callable[[Project, FileFacts], T]) -> T:
        """What `make` makes of one file's facts and routes, worked out once."""
        key = path, make
        if key not in self._memo.of_files:
            self._memo.of_files[key] = make(self, self.files[path])
        return self._memo.of_files[key]  # type: ignore[no-any-return]

    # --- Routes

    def routes_of(self, path: str) -> tuple[KnownRoute, ...]:
        """The routes that are declared in a file, in text order."""
        known = self._memo.routes.get(path)
        if known is None:
            facts = self.files.get(path)
            known = tuple(self._known(path, facts)) if facts else ()
            self._memo.routes[path] = known
        return known

    @property
    def routes(self) -> tuple[KnownRoute, ...]:
        """All routes, file by file in the order of their paths."""
        if self._memo.everything is None:
            self._memo.everything = tuple(
                known
                for path in sorted(self.files)
                if self.files[path].routes
                for known in self.routes_of(path)
            )
        return self._memo.everything

    def handled_in(self, path: str) -> Iterator[tuple[Place, KnownRoute]]:
        """The routes of other files whose handlers stand in this one, and where."""
        if path not in self.files or not self.files[path].handlers:
            return
        if self._memo.of_handlers is None:
            found: dict[tuple[str, str], tuple[KnownRoute, ...]] = {}
            for known in self.routes:
                if known.handler and known.handler[0] != known.file:
                    key = known.handler[0], known.handler[1].name
                    found[key] = (*found.get(key, ()), known)
            self._memo.of_handlers = found
        for handler in self.files[path].handlers:
            for known in self._memo.of_handlers.get((path, handler.name), ()):
                yield handler.place, known

    @property
    def guards(self) -> tuple[Guard, ...]:
        """That every route is behind."""
        found = (guard for facts in self.files.values() for guard in facts.project_guards)
        return tuple(dict.fromkeys(found))

    def _known(self, path: str, facts: FileFacts) -> Iterator[KnownRoute]:
        everywhere = self.guards
        for route in facts.routes:
            handler = self._handler_of(path, route) if route.handler else None
            from_handler = handler[1] if handler else None
            own = (
                *route.guards,
                *(from_handler.guards if from_handler else ()),
                *self._injected(path, route.depends_on),
            )
            public = route.is_public or bool(from_handler and from_handler.is_public)
            for placement in self._placements(path, route.router):
                guards = (*own, *placement.guards)
                if not public:
                    guards += tuple(one for one in everywhere if _covers(one, route, from_handler))
                for methods, suffix in _methods(route, from_handler):
                    yield KnownRoute(
                        route,
                        path,
                        methods,
                        _whole(route, placement.prefix, suffix),
                        tuple(dict.fromkeys(guards)),
                        public,
                        route.is_limited or placement.is_limited,
                        placement.root,
                        placement.order,
                        handler,
                    )

    def _injected(self, path: str, names: tuple[str, ...], depth: int = DEPTH) -> Iterator[Guard]:
        """Those of what is injected that are guards because of what they have injected."""
        for name in names:
            if is_guard(name):
                yield Guard(name)
                continue
            place = self.resolve(path, name) if depth else None
            handler = place and self._handler(*place)
            if not place or not handler:
                continue
            if handler.guards or any(self._injected(place[0], handler.depends_on, depth - 1)):
                yield Guard(name)

    def _handler_of(self, path: str, route: Route) -> tuple[str, Handler] | None:
        place = self.resolve(path, route.handler)
        handler = place and self._handler(*place)
        return (place[0], handler) if place and handler else None

    def _handler(self, path: str, name: str) -> Handler | None:
        facts = self.files.get(path)
        if facts is None:
            return None
        last = name.rpartition(".")[2]
        found = (one for one in facts.handlers if one.name in (name, last))
        return next(found, None)

    # --- What hangs on what

    def _placements(self, path: str, router: str) -> tuple[_Placement, ...]:
        key = path, router
        if key not in self._memo.placements:
            found = tuple(islice(self._ways(path, router, ()), 16)) or (_Placement(root=key),)
            self._memo.placements[key] = found
        return self._memo.placements[key]

    def _ways(
        self, path: str, name: str, seen: tuple[tuple[str, str], ...]
    ) -> Iterator[_Placement]:
        """Each chain of mounts from an application, or from a router that nobody mounts, to it."""
        if (path, name) in seen or len(seen) > DEPTH:
            return
        facts = self.files[path]
        router = next((one for one in facts.routers if one.name == name), Router(name, "other"))
        mounts = list(self._mounted.get((path, name), ()))
        if router.is_parameter:
            mounts += self._mounted.get((path, "()"), ())
        top = _Placement(
            self._global_prefix if router.framework == "nestjs" else "",
            root=(_service_of(path), "") if router.framework == "nestjs" else (path, name),
        )
        above: list[tuple[_Placement, Mount | None, int]] = []
        for parent_file, child in mounts:
            number_of_it = self.files[parent_file].mounts.index(child)
            ways = self._ways(parent_file, child.parent, (*seen, (path, name)))
            above += ((way, child, number_of_it) for way in ways)
        for way, mount, number in above or [(top, None, 0)]:
            # Flask: a prefix that is given at registration stands in place of the blueprint's own.
            own = "" if mount and mount.prefix and router.framework == "flask" else router.prefix
            parts = (way.prefix, mount.prefix if mount else "", own)
            yield _Placement(
                "".join(parts)
                if name == URL_PATTERNS or router.framework == "django"
                else _join(parts),
                (*router.guards, *(mount.guards if mount else ()), *way.guards),
                router.is_limited or way.is_limited or bool(mount and mount.is_limited),
                way.root,
                (*way.order, number) if mount else way.order,
            )

    @property
    def _mounted(self) -> Mapping[tuple[str, str], list[tuple[str, Mount]]]:
        """(File, router) -> where it is mounted: (file, mount)."""
        if self._memo.mounts is None:
            found: dict[tuple[str, str], list[tuple[str, Mount]]] = {}
            for path, facts in self.files.items():
                for mount in facts.mounts:
                    if mount.parent == PROJECT_ROUTER:
                        continue
                    if child := self._mounted_router(path, mount.child):
                        found.setdefault(child, []).append((path, mount))
            self._memo.mounts = found
        return self._memo.mounts

    def _mounted_router(self, path: str, child: str) -> tuple[str, str] | None:
        place = self.resolve(path, child)
        if place is None:
            return None
        file, name = place
        facts = self.files.get(file)
        if facts is None:
            return None
        names = [router.name for router in facts.routers]
        if name in names:
            return file, name
        if URL_PATTERNS in names and name in ("", "default"):
            return file, URL_PATTERNS
        # A function that makes the router, or that is given it.
        if any(router.is_parameter for router in facts.routers):
            return file, "()"
        others = [router.name for router in facts.routers if not router.is_application]
        return (file, others[0]) if len(others) == 1 and file != path else None

    @property
    def _global_prefix(self) -> str:
        for facts in self.files.values():
            for mount in facts.mounts:
                if mount.parent == PROJECT_ROUTER:
                    return mount.prefix
        return ""

    # --- Names

    def resolve(self, path: str, name: str, depth: int = DEPTH) -> tuple[str, str] | None:
        """The file and the name in it that `name`, as written in the file at `path`, stands for."""
        facts = self.files.get(path)
        if facts is None or not depth:
            return None
        if name.startswith("module:"):
            module = name.removeprefix("module:")
            file = self.file_of(path, module, facts.language)
            if file is None:
                return None
            return self._exported(file, "default", depth - 1)
        first, _, rest = name.partition(".")
        if any(router.name in (name, first) for router in facts.routers):
            return path, name if any(router.name == name for router in facts.routers) else first
        imported = next((one for one in facts.imports if one.name == first), None)
        if imported is not None:
            return self._imported(path, facts, imported, rest, depth)
        for star in facts.imports:
            if star.member == "*" and (file := self.file_of(path, star.module, facts.language)):
                other = self.files[file]
                names = {one.name for one in other.routers} | {one.name for one in other.handlers}
                if first in names:
                    return self.resolve(file, name, depth - 1)
        return path, name

    def _imported(
        self, path: str, facts: FileFacts, imported: Import, rest: str, depth: int
    ) -> tuple[str, str] | None:
        if facts.language == "python":
            if imported.member:
                dot = "" if imported.module.endswith(".") else "."
                module = f"{imported.module}{dot}{imported.member}"
                if file := self.file_of(path, module, "python"):
                    return self.resolve(file, rest, depth - 1) if rest else (file, "")
            file = self.file_of(path, imported.module, "python")
            inner = ".".join(part for part in (imported.member, rest) if part)
            return self.resolve(file, inner, depth - 1) if file and inner else None
        file = self.file_of(path, imported.module, facts.language)
        if file is None:
            return None
        member = imported.member or rest.partition(".")[0] or "default"
        found = self._exported(file, member, depth - 1)
        # `users.list` of a module that exports `list` beside others.
        if rest and imported.member == "default":
            exports = dict(self.files[file].exports)
            if "default" not in exports or rest in exports:
                return self._exported(file, rest.partition(".")[0], depth - 1)
            return (found[0], rest) if found else None
        return found

    def _exported(self, file: str, member: str, depth: int) -> tuple[str, str] | None:
        facts = self.files.get(file)
        if facts is None or depth <= 0:
            return None
        if facts.language == "python":
            return file, URL_PATTERNS
        local = dict(facts.exports).get(member)
        if local is None:
            for star in facts.imports:
                if star.member != "*":
                    continue
                other = self.file_of(file, star.module, facts.language)
                found = self._exported(other, member, depth - 1) if other else None
                if found:
                    return found
            return file, member
        if not local or any(router.name == local for router in facts.routers):
            return file, local
        imported = next((one for one in facts.imports if one.name == local), None)
        return self._imported(file, facts, imported, "", depth) if imported else (file, local)

    def definition(self, path: str, name: str, depth: int = DEPTH) -> tuple[str, str] | None:
        """The file that defines what `name` stands for in the file at `path`, and its name there.

        Of a dotted name, what is behind a module or an imported name stays as it is written.
        """
        facts = self.files.get(path)
        if facts is None or not depth or not name:
            return None
        imported = next(
            (one for one in facts.imports if name == one.name or name.startswith(f"{one.name}.")),
            None,
        )
        if imported is None:
            return path, name
        rest = name[len(imported.name) + 1 :]
        if facts.language != "python":
            file = self.file_of(path, imported.module, facts.language)
            return self._defined(file, imported.member, rest, depth - 1) if file else None
        if imported.member:
            dot = "" if imported.module.endswith(".") else "."
            module = f"{imported.module}{dot}{imported.member}"
            if file := self.file_of(path, module, "python"):
                return self.definition(file, rest, depth - 1)
        file = self.file_of(path, imported.module, "python")
        inner = ".".join(part for part in (imported.member, rest) if part)
        return self.definition(file, inner, depth - 1) if file else None

    def _defined(self, file: str, member: str, rest: str, depth: int) -> tuple[str, str] | None:
        """The same for what a JavaScript file exports."""
        facts = self.files[file]
        exports = dict(facts.exports)
        first, _, behind = rest.partition(".")
        if not member or (member == "default" and (member not in exports or first in exports)):
            member, rest = first, behind
        if member in exports:
            local = exports[member] or member
            return self.definition(file, f"{local}.{rest}" if rest else local, depth)
        for star in facts.imports:
            if star.member == "*":
                other = self.file_of(file, star.module, facts.language)
                found = self._defined(other, member, rest, depth - 1) if other and depth else None
                if found is not None and found[0] in self.files:
                    return found
        return file, f"{member}.{rest}" if rest else member

    def file_of(self, path: str, module: str, language: str) -> str | None:
        """The file that a module's name, as written in the file at `path`, stands for."""
        if not module:
            return None
        if language == "python":
            dots = len(module) - len(module.lstrip("."))
            tail = module.lstrip(".").replace(".", "/")
            if dots:
                folder = path
                for _ in range(dots):
                    folder = os.path.dirname(folder)
                return self._at(_slashes(folder) + (f"/{tail}" if tail else ""))
        elif module.startswith("."):
            return self._at(os.path.normpath(os.path.join(os.path.dirname(path), module)))
        else:
            tail = re.sub(r"^(?:@|~)/", "", module)
            if tail == module and not module.startswith("src/"):
                return None
        candidates = [
            file
            for whole, file in self._modules.get(_stem(tail), ())
            if f"/{whole}".endswith(f"/{tail}")
        ]
        return max(candidates, key=lambda file: len(os.path.commonpath([file, path])), default=None)

    def _at(self, place: str) -> str | None:
        """The file whose module lies at a path without suffix, or is the folder's own module."""
        place = _slashes(place)
        plain = _without_suffix(place)
        for stem in (_stem(place), _stem(plain)):
            for module, file in self._modules.get(stem, ()):
                if module in (place, plain):
                    return file
        return None

    @property
    def _modules(self) -> Mapping[str, list[tuple[str, str]]]:
        """Last word of a module's name -> the modules and files that may be meant."""
        if self._memo.modules is None:
            found: dict[str, list[tuple[str, str]]] = {}
            for file in self.files:
                module = _without_suffix(file)
                found.setdefault(_stem(module), []).append((module, file))
            self._memo.modules = found
        return self._memo.modules


def _service_of(path: str) -> str:
    """The folder of the program that a file is of, where several lie in one project."""
    before, found, _ = _slashes(path).rpartition("/src/")
    return before if found else ""


def _wiring(facts: FileFacts | None) -> object:
    """What of a file's facts decides what other files' routes are."""
    return facts and (
        facts.imports,
        facts.exports,
        facts.routers,
        facts.mounts,
        facts.handlers,
        facts.project_guards,
    )


def _methods(route: Route, handler: Handler | None) -> Iterator[tuple[tuple[Method, ...], str]]:
    """The methods that a route answers, and what they add to its path."""
    known = handler.methods if handler else ()
    if route.method == "VIEWSET":
        actions = [one.removeprefix("action:") for one in known if one.startswith("action:")]
        of_all = [_OF_ALL[one] for one in actions if one in _OF_ALL]
        of_one = [_OF_ONE[one] for one in actions if one in _OF_ONE]
        if of_all or not of_one:
            yield tuple(of_all) or ("ANY",), ""
        if of_one:
            yield tuple(of_one), "{pk}/"
        return
    if route.method:
        yield (route.method,), ""
        return
    verbs = tuple(one for one in known if not one.startswith("action:"))
    yield verbs or ("ANY",), ""


def _covers(guard: Guard, route: Route, handler: Handler | None) -> bool:
    """Whether a guard of the whole project is one of this route: REST framework's own views."""
    if route.framework != "django" or guard.name.endswith("Middleware"):
        return True
    return handler is not None and bool(handler.methods)


_OF_ALL = {"list": "GET", "create": "POST"}
_OF_ONE = {"retrieve": "GET", "update": "PUT", "partial_update": "PATCH", "destroy": "DELETE"}


def _whole(route: Route, prefix: str, suffix: str) -> str:
    if route.framework == "django":
        return re.sub(r"/{2,}", "/", f"/{prefix}/{route.path.lstrip('/')}{suffix}")
    path = route.path + suffix
    return (
        joined(prefix, path)
        if path.strip("/") or not prefix.strip("/")
        else (
            f"{joined(prefix)}/" if path == "/" and route.framework == "fastapi" else joined(prefix)
        )
    )


def _join(parts: Iterable[str]) -> str:
    kept = [part for part in parts if part.strip("/")]
    return joined(*kept) if kept else ""


def _slashes(path: str) -> str:
    return path.replace("\\", "/")


def _without_suffix(file: str) -> str:
    """A file's path as a module's: without its ending, a folder's own module as the folder."""
    plain = re.sub(r"\.(?:py|[cm]?[jt]sx?)$", "", _slashes(file))
    return re.sub(r"/(?:__init__|index)$", "", plain)


def _stem(path: str) -> str:
    return path.rpartition("/")[2]
