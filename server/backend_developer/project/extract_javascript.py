"""What a JavaScript or TypeScript file says: Express, Koa, Fastify, Hono, NestJS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from ..detector import Source
from ..expressions import (
    Call,
    bare,
    call_of,
    constant,
    constants,
    dotted,
    elements,
    find_all,
    pairs,
)
from ..syntax import named_children
from .errors import javascript_errors
from .facts import (
    PROJECT_ROUTER,
    FileFacts,
    Framework,
    Guard,
    Handler,
    Import,
    Mount,
    Route,
    Router,
)
from .guarding import INSIDE, is_guard, is_limiter, is_public
from .models_javascript import migrations_of, models_of, queries_of
from .reading import is_narrow, joined, path_of, place_of
from .settings_read import settings_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

INTERESTING = re.compile(
    r"express|[Rr]outer|fastify|koa|hono|[nN]est|@Controller|APP_GUARD|sequelize|mongoose|Schema|"
    r"@Entity|prisma|knex|typeorm|process\.env|app\.(?:get|post|use)|\bSELECT\b|select .* from|"
    r"createTable|[rR]epository|\breq\b|\bctx\b"
)
_METHODS = ("get", "post", "put", "patch", "delete", "del", "head", "options", "all")
_CREATORS: Mapping[str, Framework] = {
    "express": "express",
    "express.Router": "express",
    "Router": "express",
    "fastify": "fastify",
    "Fastify": "fastify",
    "Hono": "hono",
    "OpenAPIHono": "hono",
    "Koa": "koa",
    "KoaRouter": "koa",
    "restify.createServer": "other",
    "polka": "other",
}
_APPLICATIONS = ("express", "fastify", "Fastify", "Koa", "Hono", "OpenAPIHono", "polka")
_PARAMETERS = (
    "app",
    "router",
    "fastify",
    "server",
    "instance",
    "api",
    "api_router",
    "route",
    "routes",
)
_FUNCTIONS = ("arrow_function", "function_expression", "function_declaration", "method_definition")
_NEST_METHODS = {
    "Get": "GET",
    "Post": "POST",
    "Put": "PUT",
    "Patch": "PATCH",
    "Delete": "DELETE",
    "Head": "HEAD",
    "Options": "OPTIONS",
    "All": "ANY",
}
_TAKES_REQUEST = r"^\(?\s*_?(?:req|request|ctx|context|c)\b"
_LIMITS_ALL = re.compile(
    r"APP_GUARD\s*,\s*useClass\s*:\s*\w*Throttler|register\(\s*(?:\w*[rR]ateLimit|require\(['\"]@fastify/rate-limit)"
)
_REQUIRED = re.compile(r"require\(\s*['\"]([^'\"]+)['\"]\s*\)(?:\.default)?(?:\([^()]*\))?\s*;?$")
_HOOKS = ("preHandler", "onRequest", "preValidation", "preParsing")


def facts_of(source: Source) -> FileFacts:
    """What the file says; reads the tree once for each kind of thing, about 5 ms in all."""
    text, path = source.text, source.document.path or source.document.uri
    is_index = PurePath(path).stem == "index"  # Which passes on what others export.
    if not is_index and not INTERESTING.search(text):
        return FileFacts(path, "javascript")
    reader = _Reader(source)
    reader.read()
    root = source.tree
    return FileFacts(
        path=path,
        language="javascript",
        imports=tuple(reader.imports),
        exports=tuple(reader.exports),
        routers=tuple(reader.routers.values()),
        mounts=tuple(reader.mounts),
        routes=tuple(sorted(reader.routes, key=lambda route: route.place.span)),
        handlers=tuple(reader.handlers.values()),
        models=tuple(models_of(root, text)),
        queries=tuple(queries_of(root, text)),
        migrations=tuple(migrations_of(root, text)),
        errors=javascript_errors(root, text),
        settings=settings_of(source),
        has_limiter=bool(
            re.search(r"rate-?limit|rateLimit|[tT]hrottler|slowDown|slow-down|RateLimiter", text)
        ),
        limits_everything=bool(_LIMITS_ALL.search(text)),
        project_guards=tuple(reader.project_guards),
        has_pipe=bool(re.search(r"ValidationPipe|APP_PIPE|useGlobalPipes|Zod\w*Pipe", text)),
        makes_nest_application="NestFactory.create" in text,
    )


def modules_of(source: Source) -> tuple[tuple[Import, ...], tuple[tuple[str, str], ...]]:
    """What the file imports, and (exported name, local name) of what it exports."""
    reader = _Reader(source)
    reader.read_modules()
    return tuple(reader.imports), tuple(reader.exports)


def _method_calls(names: Sequence[str]) -> dict[str, object]:
    """An ast-grep rule: calls of a method of one of these names."""
    return {
        "rule": {
            "kind": "call_expression",
            "has": {
                "field": "function",
                "kind": "member_expression",
                "has": {"field": "property", "regex": f"^(?:{'|'.join(names)})$"},
            },
        }
    }


class _Reader:
    """Gathers what the passes over one tree find; lives no longer than these."""

    def __init__(self, source: Source) -> None:
        self.root, self.text = source.tree, source.text
        self.imports: list[Import] = []
        self.exports: list[tuple[str, str]] = []
        self.routers: dict[str, Router] = {}
        self.mounts: list[Mount] = []
        self.routes: list[Route] = []
        self.handlers: dict[str, Handler] = {}
        self.project_guards: list[Guard] = []
        self.used: dict[str, list[tuple[int, str, tuple[Guard, ...], bool]]] = {}
        """Router -> (from where on, below which path, guards, limited) of its middleware."""
        self.framework: Framework = (
            "fastify"
            if "fastify" in self.text
            else "koa"
            if re.search(r"koa|\bctx\b", self.text)
            else "hono"
            if "hono" in self.text
            else "express"
        )

    def read_modules(self) -> None:
        """Also the routers that are made where they are declared, as one pass sees both."""
        self._modules()
        rule = {"rule": {"kind": "variable_declarator"}}
        for node in find_all(self.root, rule):
            self._declared(node)

    def read(self) -> None:
        self.read_modules()
        self._parameters()
        names = (
            *_METHODS,
            "use",
            "route",
            "register",
            "addHook",
            "setGlobalPrefix",
            "useGlobalGuards",
        )
        calls = find_all(self.root, _method_calls(names))
        read = sorted((call for call in map(call_of, calls) if call), key=_end)
        for call in read:
            self._call(call)
        self._given_away()
        if "@Controller" in self.text or "APP_GUARD" in self.text:
            self._nest()
        self._handlers()

    # --- Modules

    def _modules(self) -> None:
        rule = {"rule": {"any": [{"kind": "import_statement"}, {"kind": "export_statement"}]}}
        for node in find_all(self.root, rule):
            module = constant(node.field("source"))
            if node.kind() == "import_statement" and module is not None:
                self._imported(node, module)
            elif node.kind() == "export_statement":
                self._exported(node, module)
        left_side = {"field": "left", "regex": "exports"}
        assigned = {"rule": {"kind": "assignment_expression", "has": left_side}}
        for node in find_all(self.root, assigned):
            left, right = dotted(node.field("left")), node.field("right")
            if left in ("module.exports", "exports", "exports.default"):
                self._exported_value(right)
            elif left.startswith(("module.exports.", "exports.")):
                self._exported_as(left.rpartition(".")[2], right)

    def _imported(self, node: SgNode, module: str) -> None:
        clause = next((one for one in node.children() if one.kind() == "import_clause"), None)
        for child in named_children(clause) if clause else ():
            if child.kind() == "identifier":
                self.imports.append(Import(child.text(), module, "default"))
            elif child.kind() == "namespace_import":
                name = next(named_children(child), None)
                if name is not None:
                    self.imports.append(Import(name.text(), module))
            elif child.kind() == "named_imports":
                for specifier in named_children(child):
                    name, alias = specifier.field("name"), specifier.field("alias")
                    if name is not None:
                        self.imports.append(Import((alias or name).text(), module, name.text()))

    def _exported(self, node: SgNode, module: str | None) -> None:
        declaration, value = node.field("declaration"), node.field("value")
        is_default = any(one.kind() == "default" for one in node.children())
        if is_default:
            self._exported_value(value or declaration or next(named_children(node), None))
            return
        for child in named_children(node):
            if child.kind() == "export_clause":
                for specifier in named_children(child):
                    name, alias = specifier.field("name"), specifier.field("alias")
                    if name is None:
                        continue
                    local, exported = name.text(), (alias or name).text()
                    if module is not None:
                        self.imports.append(Import(f"export {exported}", module, local))
                        local = f"export {exported}"
                    self.exports.append((exported, local))
        if declaration is not None:
            names = [declaration.field("name")]
            names += [one.field("name") for one in named_children(declaration)]
            self.exports += ((one.text(), one.text()) for one in names if one is not None)
        elif module is not None and "*" in node.text()[:20]:
            self.imports.append(Import("*", module, "*"))

    def _exported_value(self, value: SgNode | None) -> None:
        value = bare(value)
        if value is None:
            return
        if value.kind() == "object":
            for name, one in pairs(value).items():
                self._exported_as(name, one)
            return
        name_node = value.field("name") if value.kind() in _FUNCTIONS else None
        call = call_of(value)
        name = name_node.text() if name_node else dotted(value)
        if call and call.name == "routes":
            name = dotted(call.receiver)
        elif call and call.positional:
            name = next((dotted(one) for one in call.positional if dotted(one)), "")
        self.exports.append(("default", name))

    def _exported_as(self, name: str, value: SgNode | None) -> None:
        local = dotted(value) or name
        if value is not None and (module := _required(value)):
            local = f"export {name}"
            self.imports.append(Import(local, module, "default"))
        self.exports.append((name, local))

    def _declared(self, node: SgNode) -> None:
        name_node, value = node.field("name"), bare(node.field("value"))
        call = call_of(value)
        if name_node is None or value is None or call is None:
            return
        made_in_place = re.match(r"require\(['\"](express|fastify)['\"]\)\(", value.text()[:40])
        if made_in_place and (name := dotted(name_node)):
            kind = _CREATORS[made_in_place[1]]
            self.routers[name] = Router(name, kind, is_application=True)
            return
        if module := _required(value):
            if name_node.kind() == "object_pattern":
                for child in named_children(name_node):
                    key, alias = child.field("key"), child.field("value")
                    name = key.text() if key else child.text()
                    self.imports.append(Import(alias.text() if alias else name, module, name))
            else:
                self.imports.append(Import(name_node.text(), module, "default"))
            return
        name = dotted(name_node)
        creator = call.function or call.name
        framework = _CREATORS.get(creator)
        if call.name == "Router" and ("koa" in self.text or "prefix" in call.node.text()):
            framework = "koa"
        if creator == "Router" or call.function.endswith(".Router"):
            framework = framework or "express"
        inner = call_of(call.receiver)
        if framework is None and inner and (inner.function or inner.name) in _CREATORS:
            framework = _CREATORS[inner.function or inner.name]
        if name and framework:
            options = pairs(call.argument(0))
            prefix = constant(options.get("prefix")) or ""
            self.routers[name] = Router(
                name, framework, path_of(prefix)[0], is_application=creator in _APPLICATIONS
            )

    def _parameters(self) -> None:
        """A router that a function is given: `module.exports = (app) => { app.get(…) }`."""
        rule = {
            "rule": {
                "any": [{"kind": "formal_parameters"}, {"kind": "arrow_function"}],
            }
        }
        wanted = {name for name in _PARAMETERS if name not in self.routers}
        if not re.search(
            r"\(\s*(?:async\s*)?(?:function)?\s*\(?\s*(?:app|router|fastify|server|instance|api|routes?)\b",
            self.text,
        ):
            return
        for node in find_all(self.root, rule):
            first = (
                node.field("parameter")
                if node.kind() == "arrow_function"
                else next(named_children(node), None)
            )
            if first is None:
                continue
            name = dotted(first.field("pattern") or first)
            if name in wanted:
                self.routers[name] = Router(name, self.framework, is_parameter=True)

    # --- Calls

    def _call(self, call: Call) -> None:
        receiver = dotted(call.receiver)
        match call.name:
            case "use":
                if receiver in self.routers:
                    self._use(call, receiver)
            case "route" if receiver in self.routers:
                options = pairs(call.argument(0))
                if options:
                    self._fastify_route(call, receiver, options)
                elif (path := constant(call.argument(0))) is not None and len(call.positional) > 1:
                    child = dotted(call.argument(1))
                    if child:
                        self.mounts.append(Mount(receiver, child, path_of(path)[0]))
            case "register" if receiver in self.routers:
                options = pairs(call.argument(1))
                prefix = constant(options.get("prefix")) or ""
                child = self._module_or_name(call.argument(0))
                if child:
                    guards, limited = self._middleware(call, receiver, prefix)
                    self.mounts.append(Mount(receiver, child, path_of(prefix)[0], guards, limited))
                elif (plugin := dotted(call.argument(0))) and is_limiter(plugin):
                    self.used.setdefault(receiver, []).append((_end(call), "", (), True))
            case "addHook" if receiver in self.routers:
                hooks = [dotted(one) for one in call.positional[1:]]
                guards = tuple(Guard(name, "router") for name in hooks if is_guard(name))
                body = call.argument(1)
                if not guards and body is not None and body.kind() in _FUNCTIONS:
                    guards = _inside(body, "router")
                self.used.setdefault(receiver, []).append((_end(call), "", guards, False))
            case "setGlobalPrefix":
                if prefix_text := constant(call.argument(0)):
                    self.mounts.append(Mount(PROJECT_ROUTER, PROJECT_ROUTER, prefix_text))
            case "useGlobalGuards":
                for one in call.positional:
                    inner = call_of(one)
                    self._project_guard(inner.name if inner else dotted(one))
            case _:
                self._verb(call, receiver)

    def _verb(self, call: Call, receiver: str) -> None:
        arguments = list(call.positional)
        path = constant(arguments[0]) if arguments else None
        start = call
        if receiver not in self.routers:
            # router.route("/x").get(…).post(…)
            chain = call_of(call.receiver)
            while chain and chain.name != "route" and chain.receiver is not None:
                chain = call_of(chain.receiver)
            if not chain or chain.name != "route" or dotted(chain.receiver) not in self.routers:
                return
            receiver, path, start = dotted(chain.receiver), constant(chain.argument(0)), chain
        elif path is None or len(arguments) < 2:
            return
        else:
            arguments = arguments[1:]
            if path and not path.startswith(("/", "*", "{", ":")):
                return
        if path is None or not arguments:
            return
        last = _unwrapped(arguments[-1])
        method = {"del": "DELETE", "all": "ANY"}.get(call.name, call.name.upper())
        options = next((found for one in arguments[:-1] if (found := pairs(one))), {})
        self._add(call, start, receiver, method, path, arguments[:-1], last, options)

    def _add(
        self,
        call: Call,
        start: Call,
        receiver: str,
        method: str,
        path: str,
        between: Sequence[SgNode],
        handler: SgNode | None,
        options: Mapping[str, SgNode],
    ) -> None:
        plain, parameters = path_of(path)
        names = [name for one in between for each in elements(one) for name in _names_of(each)]
        names += (
            name
            for key in _HOOKS
            for each in elements(options.get(key))
            for name in _names_of(each)
        )
        guards = [Guard(name) for name in names if is_guard(name)]
        inherited, limited = self._middleware(call, receiver, plain)
        guards += inherited
        is_function = handler is not None and handler.kind() in _FUNCTIONS
        if is_function and handler is not None and not guards:
            guards += _inside(handler, "handler")
        property_ = call.node.field("function")
        last = property_.field("property") if property_ else None
        place = place_of(call.node) if start is call else place_of(last or call.node, call.node)
        self.routes.append(
            Route(
                method=method,
                path=plain,
                handler="" if is_function else dotted(handler),
                router=receiver,
                framework=self.routers[receiver].framework,
                place=place,
                body=place,
                guards=tuple(dict.fromkeys(guards)),
                is_public=any(is_public(name) for name in names),
                is_limited=limited
                or any(is_limiter(name) for name in names)
                or "rateLimit" in options,
                parameters=parameters,
                is_narrow=is_narrow(path),
                operation_id=constant(pairs(options.get("schema")).get("operationId")) or "",
            )
        )

    def _fastify_route(self, call: Call, receiver: str, options: Mapping[str, SgNode]) -> None:
        path = constant(options.get("url") or options.get("path"))
        for method in constants(options.get("method")):
            if path is not None:
                handler = _unwrapped(options.get("handler"))
                self._add(call, call, receiver, method.upper(), path, (), handler, options)

    def _given_away(self) -> None:
        """`require("./routes")(app)` and `routes(app)`: a module that adds its routes itself."""
        applications = [name for name, router in self.routers.items() if not router.is_parameter]
        if not applications:
            return
        names = "|".join(map(re.escape, applications))
        for module, parent in re.findall(
            rf"require\(\s*['\"](\.[^'\"]+)['\"]\s*\)\(\s*({names})\b", self.text
        ):
            self.mounts.append(Mount(parent, f"module:{module}"))
        modules = {one.name for one in self.imports if one.module.startswith((".", "@/", "~/"))}
        for function, parent in re.findall(
            rf"(?m)^\s*(?:await\s+)?(\w+)\(\s*({names})\b", self.text
        ):
            if function in modules and not is_guard(function):
                self.mounts.append(Mount(parent, function))

    def _use(self, call: Call, receiver: str) -> None:
        arguments = list(call.positional)
        path = constant(arguments[0]) if arguments else None
        if path is not None:
            arguments = arguments[1:]
        plain = path_of(path or "")[0]
        names = [name for one in arguments for each in elements(one) for name in _names_of(each)]
        guards = tuple(Guard(name, "router") for name in names if is_guard(name))
        for one in arguments:
            if one.kind() in _FUNCTIONS:
                guards += _inside(one, "router", strictly=True)
        limited = any(is_limiter(name) for name in names)
        children = [child for one in arguments if (child := self._module_or_name(one))]
        if children:
            inherited, was_limited = self._middleware(call, receiver, plain)
            on_it = tuple(Guard(guard.name, "mount") for guard in (*guards, *inherited))
            child = children[-1]
            self.mounts.append(Mount(receiver, child, plain, on_it, limited or was_limited))
        elif guards or limited:
            self.used.setdefault(receiver, []).append((_end(call), plain, guards, limited))

    def _middleware(self, call: Call, receiver: str, path: str) -> tuple[tuple[Guard, ...], bool]:
        """What of the router's middleware is in force where a route is added."""
        guards: list[Guard] = []
        limited = False
        end = _end(call)
        for start, prefix, more, limits in self.used.get(receiver, ()):
            if start <= end and joined(path).startswith(joined(prefix)):
                guards += more
                limited = limited or limits
        return tuple(dict.fromkeys(guards)), limited

    def _module_or_name(self, node: SgNode | None) -> str:
        """A router that is mounted: a local one, an imported one, or a module required in place."""
        node = bare(node)
        call = call_of(node)
        if call and call.name in ("routes", "middleware", "default") and call.receiver is not None:
            return self._module_or_name(call.receiver)
        if node is not None and (module := _required(node)):
            return f"module:{module}"
        if call and call.name == "import" and (module := constant(call.argument(0)) or ""):
            return f"module:{module}"
        name = dotted(node)
        if not name:
            # `usersRouter(database)`: a function of another module that makes the router.
            if (
                call
                and call.function
                and not is_guard(call.function)
                and re.search(r"[rR]oute", call.function)
            ):
                name = call.function
            else:
                return ""
        if name in self.routers:
            return name
        first = name.partition(".")[0]
        imported = next((one for one in self.imports if one.name == first), None)
        local = imported is not None and imported.module.startswith((".", "@/", "~/", "src/"))
        if imported is None or not (local or re.search(r"[rR]oute", name)):
            return ""
        return "" if is_guard(name) or is_limiter(name) else name

    def _project_guard(self, name: str) -> None:
        if name and not is_limiter(name):
            self.project_guards.append(Guard(name, "project"))

    # --- NestJS

    def _nest(self) -> None:
        for node in self.root.find_all(kind="class_declaration"):
            decorators = _decorators_of(node)
            controller = next((call for name, call in decorators if name == "Controller"), None)
            if controller is None:
                continue
            name_node, body = node.field("name"), node.field("body")
            name = name_node.text() if name_node else ""
            options = pairs(controller.argument(0))
            prefixes = constants(controller.argument(0)) or constants(options.get("path")) or ("",)
            guards, public, limited = _nest_guards(decorators)
            version = constant(options.get("version"))
            prefix = joined(f"v{version}" if version else "", path_of(prefixes[0])[0])
            self.routers[name] = Router(
                name,
                "nestjs",
                prefix,
                tuple(Guard(guard.name, "router") for guard in guards),
                limited,
            )
            if body is not None:
                self._nest_methods(name, body, public)
        for match in re.finditer(r"APP_GUARD\s*,\s*useClass\s*:\s*(\w+)", self.text):
            self._project_guard(match[1])

    def _nest_methods(self, controller: str, body: SgNode, is_public_class: bool) -> None:
        waiting: list[SgNode] = []
        for child in named_children(body):
            if child.kind() == "decorator":
                waiting.append(child)
                continue
            if child.kind() == "method_definition" and waiting:
                calls = [(name, call) for one in waiting for name, call in _decorator(one)]
                guards, public, limited = _nest_guards(calls)
                name = child.field("name")
                own = _inside(child, "handler") if not guards else ()
                status = next((call for label, call in calls if label == "HttpCode"), None)
                version = next((call for label, call in calls if label == "Version"), None)
                for decorator in waiting:
                    for label, call in _decorator(decorator):
                        if label in _NEST_METHODS:
                            for path in constants(call.argument(0)) or ("",):
                                plain, parameters = path_of(path)
                                self.routes.append(
                                    Route(
                                        method=_NEST_METHODS[label],
                                        path=plain,
                                        handler=f"{controller}.{name.text() if name else ''}",
                                        router=controller,
                                        framework="nestjs",
                                        place=place_of(decorator),
                                        body=place_of(waiting[0], child),
                                        guards=(*guards, *own),
                                        is_public=public or is_public_class,
                                        is_limited=limited,
                                        parameters=parameters,
                                        is_narrow=is_narrow(path),
                                        status=_number(status),
                                        version=" ".join(constants(version.argument(0)))
                                        if version
                                        else "",
                                    )
                                )
            waiting = []

    # --- Handlers that routes of other files name

    def _handlers(self) -> None:
        if not re.search(r"\b(?:req|ctx|request|reply|next)\b", self.text):
            return
        rule = {
            "rule": {
                "all": [{"any": [{"kind": kind} for kind in _FUNCTIONS]}],
                "any": [
                    {"has": {"field": "parameters", "regex": _TAKES_REQUEST}},
                    {"has": {"field": "parameter", "regex": _TAKES_REQUEST}},
                ],
            }
        }
        for node in find_all(self.root, rule):
            name = _name_of_function(node)
            if name and name not in self.handlers:
                place = place_of(node)
                self.handlers[name] = Handler(name, (), place, _inside(node, "handler"))


def _names_of(node: SgNode) -> Iterator[str]:
    """The names by which middleware is known: `auth`, `requireRole('admin')`, a wrapped one."""
    name = dotted(node)
    if name:
        yield name
        return
    call = call_of(node)
    if call:
        yield call.function or call.name
        for argument in call.positional:
            if dotted(argument):
                yield dotted(argument)


def _unwrapped(node: SgNode | None) -> SgNode | None:
    """The handler in `asyncHandler(show)` or `users.show.bind(users)`."""
    node = bare(node)
    call = call_of(node)
    if call is None:
        return node
    if call.name == "bind":
        return call.receiver
    inner = [one for one in call.positional if dotted(one) or one.kind() in _FUNCTIONS]
    return inner[-1] if inner else node


def _inside(node: SgNode, where: str, *, strictly: bool = False) -> tuple[Guard, ...]:
    """A guard when a function's body itself looks at who asks."""
    body = node.field("body")
    text = body.text() if body else ""
    found = (
        re.search(r"\b40[13]\b|[uU]nauthorized|[fF]orbidden", text)
        if strictly
        else INSIDE.are_in(text)
    )
    return (Guard("its own check", "router" if where == "router" else "handler"),) if found else ()


def _required(node: SgNode) -> str:
    """The module of `require('…')`, also of `require('…').default` and `require('…')(…)`."""
    match = _REQUIRED.match(node.text()[:300])
    return match[1] if match else ""


def _decorators_of(node: SgNode) -> list[tuple[str, Call]]:
    """(Name, call) of a class's decorators, which may stand before its `export`."""
    parent = node.parent()
    nodes = list(node.children())
    if parent is not None and parent.kind() == "export_statement":
        nodes = [*parent.children(), *nodes]
    return [found for one in nodes if one.kind() == "decorator" for found in _decorator(one)]


def _decorator(node: SgNode) -> list[tuple[str, Call]]:
    call = call_of(next(named_children(node), None))
    return [(call.name, call)] if call else []


def _nest_guards(decorators: Sequence[tuple[str, Call]]) -> tuple[tuple[Guard, ...], bool, bool]:
    guards: list[Guard] = []
    public = limited = False
    for name, call in decorators:
        if name == "UseGuards":
            for one in call.positional:
                inner = call_of(one)
                label = (inner.function if inner else dotted(one)) or "guard"
                if is_limiter(label):
                    limited = True
                else:
                    guards.append(Guard(label))
        elif name == "Throttle":
            limited = True
        elif is_public(name):
            public = True
        elif is_guard(name) and not name.startswith("Api"):
            guards.append(Guard(name))
    return tuple(guards), public, limited


def _name_of_function(node: SgNode) -> str:
    name = node.field("name")
    if name is not None:
        return name.text()
    parent = node.parent()
    while parent is not None and parent.kind() in (
        "arguments",
        "call_expression",
        "parenthesized_expression",
    ):
        parent = parent.parent()
    if parent is None:
        return ""
    if parent.kind() == "variable_declarator":
        return dotted(parent.field("name"))
    if parent.kind() == "assignment_expression":
        return dotted(parent.field("left")).rpartition(".")[2]
    if parent.kind() == "pair" and (key := parent.field("key")):
        return key.text()
    return ""


def _end(call: Call) -> int:
    return call.node.range().end.index


def _number(call: Call | None) -> int | None:
    digits = re.search(r"\d{3}", call.node.text()) if call else None
    return int(digits[0]) if digits else None
