"""What a Python file says of the project: FastAPI, Flask, Django and their like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..core.clues import Clues
from ..detector import Source
from ..expressions import (
    Call,
    call_of,
    constant,
    constants,
    dotted,
    elements,
    find_all,
    head,
    pairs,
)
from ..syntax import named_children
from .errors import python_errors
from .facts import (
    URL_PATTERNS,
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
from .models_python import migrations_of, models_of, queries_of
from .reading import is_narrow, joined, path_of, place_of, unique
from .settings_read import settings_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

INTERESTING = Clues(
    "fastapi starlette flask quart django rest_framework sanic aiohttp litestar ninja bottle "
    "router Router Depends sqlalchemy sqlmodel Column alembic environ getenv urlpatterns "
    "SELECT objects. session",
    ["select "],
)
METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_ROUTERS: Mapping[str, Framework] = {
    "FastAPI": "fastapi",
    "APIRouter": "fastapi",
    "Starlette": "fastapi",
    "Flask": "flask",
    "Blueprint": "flask",
    "APIBlueprint": "flask",
    "Quart": "flask",
    "Api": "flask",
    "Namespace": "flask",
    "DefaultRouter": "django",
    "SimpleRouter": "django",
    "NinjaAPI": "fastapi",
    "Router": "fastapi",
    "Sanic": "other",
    "Litestar": "other",
    "RouteTableDef": "other",
    "Bottle": "other",
}
_LIMITS_ALL = re.compile(
    r"default_limits\s*=|DEFAULT_THROTTLE_CLASSES|SlowAPIMiddleware|RateLimit\w*Middleware|application_limits"
)
_APPLICATIONS = ("FastAPI", "Flask", "Quart", "Starlette", "NinjaAPI", "Sanic", "Bottle")
_REFUSES = re.compile(r"\b40[13]\b|UNAUTHORIZED|FORBIDDEN")
_VIEW_BASE = re.compile(r"(?:View|ViewSet|Resource|Mixin|Controller|Endpoint)$")
_ACTIONS = {
    "list": ("GET", ""),
    "create": ("POST", ""),
    "retrieve": ("GET", "{pk}"),
    "update": ("PUT", "{pk}"),
    "partial_update": ("PATCH", "{pk}"),
    "destroy": ("DELETE", "{pk}"),
}
_GENERIC = {
    "ListModelMixin": ("list",),
    "CreateModelMixin": ("create",),
    "RetrieveModelMixin": ("retrieve",),
    "UpdateModelMixin": ("update", "partial_update"),
    "DestroyModelMixin": ("destroy",),
    "ReadOnlyModelViewSet": ("list", "retrieve"),
    "ModelViewSet": tuple(_ACTIONS),
}
_GENERIC_METHODS = {
    "ListAPIView": ("GET",),
    "CreateAPIView": ("POST",),
    "RetrieveAPIView": ("GET",),
    "UpdateAPIView": ("PUT", "PATCH"),
    "DestroyAPIView": ("DELETE",),
    "ListCreateAPIView": ("GET", "POST"),
    "RetrieveUpdateAPIView": ("GET", "PUT", "PATCH"),
    "RetrieveDestroyAPIView": ("GET", "DELETE"),
    "RetrieveUpdateDestroyAPIView": ("GET", "PUT", "PATCH", "DELETE"),
}


def facts_of(source: Source) -> FileFacts:
    """What the file says; reads the tree once for each kind of thing, about 5 ms in all."""
    text, path = source.text, source.document.path or source.document.uri
    if not INTERESTING.are_in(text):
        imports = imports_of(source) if path.endswith("__init__.py") and text else ()
        return FileFacts(path, "python", imports=imports)
    root = source.tree
    reader = _Reader(source)
    for node in root.find_all(kind="assignment"):
        reader.assignment(node)
    for node in root.find_all(kind="decorated_definition"):
        reader.decorated(node)
    for node in root.find_all(kind="class_definition"):
        reader.view(node)
    for node in find_all(root, _named_calls(_WIRING)):
        reader.wiring(call_of(node))
    for node in root.find_all(kind="function_definition"):
        reader.function(node)
    return FileFacts(
        path=path,
        language="python",
        imports=imports_of(source),
        routers=tuple(reader.routers.values()),
        mounts=tuple(reader.mounts),
        routes=tuple(sorted(reader.routes, key=lambda route: route.place.span)),
        handlers=tuple(reader.handlers.values()),
        models=tuple(models_of(root)),
        queries=tuple(queries_of(root, text)),
        migrations=tuple(migrations_of(root, text)),
        errors=python_errors(root, text),
        settings=settings_of(source),
        has_limiter=reader.has_limiter,
        limits_everything=bool(_LIMITS_ALL.search(text)),
        project_guards=tuple(reader.project_guards),
    )


def _named_calls(names: Iterable[str]) -> dict[str, object]:
    """An ast-grep rule: calls whose last word is one of `names`."""
    regex = f"^(?:{'|'.join(names)})$"
    word = {"kind": "identifier", "regex": regex}
    method = {"kind": "attribute", "has": {"field": "attribute", "regex": regex}}
    return {"rule": {"kind": "call", "has": {"field": "function", "any": [word, method]}}}


_WIRING = (
    "include_router",
    "register_blueprint",
    "add_router",
    "mount",
    "path",
    "re_path",
    "url",
    "register",
    "add_resource",
    "add_url_rule",
    "add_api_route",
    "add_namespace",
    "before_request",
)


def imports_of(source: Source) -> tuple[Import, ...]:
    """What the file imports, in text order."""
    found: list[Import] = []
    rule = {"rule": {"any": [{"kind": "import_statement"}, {"kind": "import_from_statement"}]}}
    for node in find_all(source.tree, rule):
        module_node = node.field("module_name")
        module = module_node.text() if module_node else ""
        for child in named_children(node):
            if module_node is not None and child.range().start == module_node.range().start:
                continue
            name_node, alias = child.field("name"), child.field("alias")
            name = (name_node or child).text()
            if child.kind() == "wildcard_import":
                found.append(Import("*", module, "*"))
            elif module_node is not None:
                found.append(Import(alias.text() if alias else name, module, name))
            else:
                found.append(Import(alias.text() if alias else name, name))
    return tuple(found)


class _Reader:
    """Gathers what the passes over one tree find; lives no longer than these."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.routers: dict[str, Router] = {}
        self.mounts: list[Mount] = []
        self.routes: list[Route] = []
        self.handlers: dict[str, Handler] = {}
        self.project_guards: list[Guard] = []
        self.is_django = "django" in self.text or "rest_framework" in self.text
        self.is_ninja = "ninja" in self.text
        self.framework: Framework = (
            "fastapi"
            if re.search(r"fastapi|starlette|ninja|APIRouter", self.text)
            else "flask"
            if re.search(r"flask|quart|Blueprint", self.text)
            else "other"
        )
        self.has_limiter = bool(
            re.search(r"slowapi|flask_limiter|Limiter\(|ratelimit|RateLimit|THROTTLE", self.text)
        )

    # --- Routers and what is under them

    def assignment(self, node: SgNode) -> None:
        name = dotted(node.field("left"))
        right = node.field("right")
        if not name or right is None:
            return
        if self.is_django and right.kind() in ("list", "dictionary"):
            self._django_setting(name, right)
        if name == URL_PATTERNS:
            self.routers.setdefault(name, Router(name, "django"))
        call = call_of(right)
        framework = _ROUTERS.get(call.name) if call else None
        if call is None or framework is None or (call.name == "Router" and not self.is_ninja):
            return
        guards, is_limited = _dependencies(call)
        prefix = constant(call.named.get("prefix") or call.named.get("url_prefix")) or ""
        if call.name == "Namespace":
            prefix = constant(call.argument(-1, "path")) or constant(call.argument(0)) or ""
        self.routers[name] = Router(
            name, framework, path_of(prefix)[0], guards, is_limited, call.name in _APPLICATIONS
        )

    def _django_setting(self, name: str, value: SgNode) -> None:
        if name == "REST_FRAMEWORK":
            entries = pairs(value)
            for text in constants(entries.get("DEFAULT_PERMISSION_CLASSES")):
                if not is_public(text):
                    self.project_guards.append(Guard(text.rpartition(".")[2], "project"))
        elif name == "MIDDLEWARE":
            for text in constants(value):
                if "LoginRequired" in text:
                    self.project_guards.append(Guard(text.rpartition(".")[2], "project"))

    def wiring(self, call: Call | None) -> None:
        """A call that puts a router under another, or a route under a router."""
        if call is None:
            return
        parent = dotted(call.receiver)
        match call.name:
            case "include_router" | "register_blueprint" | "add_namespace":
                child = dotted(call.argument(0, "router"))
                prefix = call.named.get("prefix") or call.named.get("url_prefix")
                if child:
                    self._mount(call, parent, child, constant(prefix) or "")
            case "mount" | "add_router":
                child = dotted(call.argument(1, "app")) or (constant(call.argument(1)) or "")
                prefix_text = constant(call.argument(0))
                if child and prefix_text is not None:
                    self._mount(call, parent, child, prefix_text)
            case "path" | "re_path" | "url" if self.is_django:
                self._django_path(call)
            case "register" if self.is_django and parent in self.routers:
                self._django_register(call, parent)
            case "add_resource" if parent:
                for path in (constant(one) for one in call.positional[1:]):
                    if path is not None:
                        self._add(call, "", path, dotted(call.argument(0)), parent)
            case "add_url_rule" | "add_api_route" if parent:
                path = constant(call.argument(0))
                view = call.argument(2, "view_func") or call.argument(1, "endpoint")
                view_call = call_of(view)
                handler = dotted(view_call.receiver) if view_call else dotted(view)
                if path is not None and handler:
                    methods = constants(call.named.get("methods"))
                    for method in methods or ("GET",):
                        self._add(call, method.upper(), path, handler, parent)
            case "before_request":
                name = dotted(call.argument(0))
                if is_guard(name) and parent in self.routers:
                    self._guard_router(parent, name)

    def _mount(self, call: Call, parent: str, child: str, prefix: str) -> None:
        guards, is_limited = _dependencies(call)
        guards = tuple(Guard(guard.name, "mount") for guard in guards)
        self.mounts.append(Mount(parent, child, path_of(prefix)[0], guards, is_limited))

    def _guard_router(self, name: str, guard: str) -> None:
        from dataclasses import replace

        router = self.routers[name]
        self.routers[name] = replace(router, guards=(*router.guards, Guard(guard, "router")))

    def _add(self, call: Call, method: str, path: str, handler: str, router: str) -> None:
        plain, parameters = path_of(path)
        guards, is_limited = _dependencies(call)
        place = place_of(call.node)
        self.routes.append(
            Route(
                method,
                plain,
                handler,
                router,
                self.framework,
                place,
                place,
                guards,
                is_limited=is_limited,
                parameters=parameters,
                is_narrow=is_narrow(path),
            )
        )

    def _django_path(self, call: Call) -> None:
        pattern = constant(call.argument(0, "route"))
        view = call.argument(1, "view")
        if pattern is None or view is None:
            return
        path, parameters = path_of(pattern, is_regex=call.name != "path")
        view_call = call_of(view)
        guards: list[Guard] = []
        # login_required(View.as_view()) and the like
        while view_call and view_call.name not in ("include", "as_view"):
            if is_guard(view_call.function):
                guards.append(Guard(view_call.function))
            view = view_call.argument(0)
            view_call = call_of(view)
        if view_call and view_call.name == "include":
            target = view_call.argument(0)
            named = constant(target) or constant(next(iter(elements(target)), None))
            child = f"module:{named}" if named else _urls_of(target)
            if child:
                self.mounts.append(Mount(URL_PATTERNS, child, path))
            return
        handler = dotted(view_call.receiver) if view_call else dotted(view)
        if not handler or handler.startswith("admin."):
            return
        methods = pairs(view_call.argument(0)) if view_call else {}
        place = place_of(call.node)
        self.routers.setdefault(URL_PATTERNS, Router(URL_PATTERNS, "django"))
        for method in methods or ("",):
            self.routes.append(
                Route(
                    method.upper(),
                    path,
                    handler,
                    URL_PATTERNS,
                    "django",
                    place,
                    place,
                    tuple(guards),
                    parameters=parameters,
                    is_narrow=call.name != "path" or is_narrow(pattern),
                )
            )

    def _django_register(self, call: Call, parent: str) -> None:
        prefix, view = constant(call.argument(0, "prefix")), dotted(call.argument(1, "viewset"))
        if prefix is None or not view:
            return
        place = place_of(call.node)
        path, _ = path_of(prefix)
        self.routes.append(
            Route("VIEWSET", joined(path, "/"), view, parent, "django", place, place)
        )

    # --- Handlers

    def decorated(self, node: SgNode) -> None:
        definition = node.field("definition")
        if definition is None:
            return
        name_node = definition.field("name")
        name = name_node.text() if name_node else ""
        decorators = [one for one in node.children() if one.kind() == "decorator"]
        calls = [(one, next(named_children(one), None)) for one in decorators]
        names = [
            (decorator, call_of(expression), _decorator_name(expression))
            for decorator, expression in calls
        ]
        routing = [
            (decorator, call, label)
            for decorator, call, label in names
            if call and self._is_route(call)
        ]
        guards, is_public_ = _guards_of_decorators(
            [
                (call, label)
                for decorator, call, label in names
                if (decorator, call, label) not in routing
            ]
        )
        limited = any(is_limiter(label) for _, _, label in names)
        methods = next(
            (
                tuple(one.upper() for one in constants(call.argument(0))) or ("GET",)
                for _, call, label in names
                if call and label.endswith("api_view")
            ),
            (),
        )
        if any(label.endswith("before_request") for _, _, label in names):
            router = next(label for _, _, label in names if label.endswith("before_request"))
            router = router.rpartition(".")[0]
            if router in self.routers and (is_guard(name) or guards or _guards_itself(definition)):
                self._guard_router(router, guards[0].name if guards else name)
        depends_on = _depends_on(definition)
        if not routing:
            if definition.kind() == "function_definition":
                own = self._own_guards(definition, depends_on)
                self.handlers[_qualified(node, name)] = Handler(
                    _qualified(node, name),
                    methods,
                    place_of(node),
                    (*guards, *own),
                    is_public_,
                    depends_on,
                )
            return
        body = place_of(node)
        own = self._own_guards(definition, depends_on)
        classes_methods: tuple[str, ...] = ()
        if definition.kind() == "class_definition":
            classes_methods = tuple(
                method.upper() for method in _methods_defined(definition) if method in METHODS
            )
        for decorator, call, _ in routing:
            assert call is not None
            path = constant(call.argument(0, "path") or call.named.get("rule")) or ""
            plain, parameters = path_of(path)
            more, is_limited = _dependencies(call)
            response = call.named.get("response_model") or definition.field("return_type")
            shown = call.named.get("include_in_schema")
            for method in _methods(call) or classes_methods or ("GET",):
                self.routes.append(
                    Route(
                        method=method,
                        path=plain,
                        handler=_qualified(node, name),
                        router=dotted(call.receiver),
                        framework=self._framework_of(dotted(call.receiver)),
                        place=place_of(decorator),
                        body=body,
                        guards=tuple(dict.fromkeys((*more, *guards, *own))),
                        is_public=is_public_,
                        is_limited=limited or is_limited,
                        parameters=parameters,
                        response_model=response.text() if response else "",
                        status=_number(call.named.get("status_code")),
                        operation_id=constant(call.named.get("operation_id")) or "",
                        is_narrow=is_narrow(path),
                        depends_on=depends_on,
                        is_described=shown is None or shown.text() != "False",
                    )
                )

    def _framework_of(self, router: str) -> Framework:
        known = self.routers.get(router)
        return known.framework if known else self.framework

    def _is_route(self, call: Call) -> bool:
        if call.name not in (*METHODS, "route", "api_route", "websocket", "websocket_route"):
            return False
        path = call.argument(0, "path") or call.named.get("rule")
        text = constant(path)
        known = dotted(call.receiver) in self.routers
        if call.receiver is None or (text is None and not (known and path is None)):
            return False
        return known or (text or "").startswith(("/", "{", "<")) or text == ""

    def _own_guards(self, definition: SgNode, depends_on: tuple[str, ...]) -> tuple[Guard, ...]:
        """Guards among what a function has injected, and what its body looks at."""
        names = [name for name in depends_on if is_guard(name)]
        found = [Guard(name) for name in unique(names)]
        if not found and _guards_itself(definition):
            found.append(Guard("its own check", "handler"))
        return tuple(found)

    def function(self, node: SgNode) -> None:
        """A function that a route elsewhere may name, or that something depends on."""
        name_node, parameters = node.field("name"), node.field("parameters")
        parent = node.parent()
        if name_node is None or parameters is None:
            return
        if parent is not None and parent.kind() == "decorated_definition":
            return
        name = name_node.text()
        first = next(named_children(parameters), None)
        is_view = self.is_django and first is not None and first.text().startswith("request")
        depends_on = _depends_on(node)
        refuses = self.framework == "fastapi" and bool(_REFUSES.search(node.text()))
        if (is_view and _class_of(node) is None) or depends_on or refuses:
            self.handlers[name] = Handler(
                name,
                (),
                place_of(node),
                self._own_guards(node, depends_on),
                depends_on=depends_on,
            )

    def view(self, node: SgNode) -> None:
        """A class that answers requests."""
        name_node, bases, body = node.field("name"), node.field("superclasses"), node.field("body")
        if name_node is None or bases is None or body is None:
            return
        base_names = [
            head(base) for base in named_children(bases) if base.kind() != "keyword_argument"
        ]
        if not any(_VIEW_BASE.search(base) for base in base_names):
            return
        guards = [Guard(base) for base in base_names if base.endswith("Mixin") and is_guard(base)]
        public = False
        methods: list[str] = []
        for base in base_names:
            methods += _GENERIC_METHODS.get(base, ())
            methods += (f"action:{action}" for action in _GENERIC.get(base, ()))
        for statement in named_children(body):
            inner = next(named_children(statement), None)
            if inner is not None and inner.kind() == "assignment":
                left, right = dotted(inner.field("left")), inner.field("right")
                if left in ("permission_classes", "authentication_classes", "method_decorators"):
                    named = [head(one) for one in elements(right)]
                    guards += (Guard(one) for one in named if _is_permission(one))
                    if left == "permission_classes":
                        public = not [one for one in named if not is_public(one)]
                if left == "http_method_names":
                    allowed = [one.upper() for one in constants(right)]
                    methods = [one for one in methods if _verb(one) in allowed]
            if inner is not None and _is_throttle(inner):
                self.has_limiter = True
        defined = _methods_defined(node)
        methods += (one.upper() for one in defined if one in METHODS)
        methods += (f"action:{one}" for one in defined if one in _ACTIONS)
        parent = node.parent()
        decorated = (
            parent if parent is not None and parent.kind() == "decorated_definition" else None
        )
        if decorated is not None:
            labels = [
                (call_of(inner), _decorator_name(inner), one)
                for one in decorated.children()
                if one.kind() == "decorator" and (inner := next(named_children(one), None))
            ]
            for call, label, one in labels:
                # method_decorator(login_required, name="dispatch")
                text = one.text()
                if is_guard(label) or (call and any(is_guard(dotted(a)) for a in call.positional)):
                    guards.append(Guard(label if is_guard(label) else text))
        if not guards and "def get_permissions" in body.text():
            guards.append(Guard("get_permissions"))
        if not guards and not public and INSIDE.are_in(body.text()):
            guards.append(Guard("its own check", "handler"))
        name = name_node.text()
        self.handlers[name] = Handler(
            name, unique(methods), place_of(decorated or node), tuple(guards), public
        )


def _is_throttle(node: SgNode) -> bool:
    return dotted(node.field("left")) == "throttle_classes"


def _verb(method: str) -> str:
    action = method.removeprefix("action:")
    return _ACTIONS[action][0] if action in _ACTIONS else method


def _is_permission(name: str) -> bool:
    return bool(name) and not is_public(name)


def _urls_of(node: SgNode | None) -> str:
    """`router.urls` -> router; the name of a list of patterns."""
    name = dotted(node)
    return name.removesuffix(".urls") if name.endswith(".urls") else name


def _decorator_name(node: SgNode | None) -> str:
    call = call_of(node)
    return call.function or call.name if call else dotted(node)


def _guards_of_decorators(
    decorators: list[tuple[Call | None, str]],
) -> tuple[tuple[Guard, ...], bool]:
    guards: list[Guard] = []
    public = False
    for call, label in decorators:
        if label.endswith("permission_classes") and call:
            named = [head(one) for one in elements(call.argument(0))]
            guards += (Guard(one) for one in named if _is_permission(one))
            public = public or not [one for one in named if not is_public(one)]
        elif is_guard(label) and not label.endswith("csrf_exempt"):
            guards.append(Guard(label))
        elif is_public(label):
            public = True
    return tuple(guards), public


def _dependencies(call: Call) -> tuple[tuple[Guard, ...], bool]:
    """The guards among `dependencies=[Depends(…)]` and `auth=…`; whether one is a limiter."""
    guards: list[Guard] = []
    limited = False
    for one in elements(call.named.get("dependencies")):
        injected = call_of(one)
        if injected is None:
            if is_guard(dotted(one)):
                guards.append(Guard(dotted(one)))
            continue
        name = _injected_name(injected)
        limited = limited or is_limiter(name)
        if injected.name == "Security" or is_guard(name):
            guards.append(Guard(name))
    auth = call.named.get("auth")
    if auth is not None and auth.text() != "None":
        guards.append(Guard(head(auth) or "auth"))
    return tuple(guards), limited


def _injected_name(injected: Call) -> str:
    target = injected.argument(0, "dependency")
    if target is None:
        return ""
    inner = call_of(target)
    return (inner.function or inner.name) if inner else dotted(target)


_INJECTED = re.compile(
    r"(?:(?<![\w.])(?P<type>[\w.]+)\s*=\s*)?\b(?P<how>Depends|Security)\(\s*(?:dependency\s*=\s*)?(?P<name>[\w.]*)"
)
_ALIAS = re.compile(r":\s*([A-Z]\w*)\s*[,)]")
_NAMED_AS_ALIAS = re.compile(
    r"^(?:Current|Authenticated|Required|Logged|Verified)|(?:Dep|Dependency|CurrentUser)$"
)


def _depends_on(definition: SgNode) -> tuple[str, ...]:
    """The names of what a function's parameters have injected.

    Also an alias such as `CurrentUser` of `Annotated[User, Depends(get_current_user)]`.
    """
    parameters = definition.field("parameters")
    if parameters is None or definition.kind() != "function_definition":
        return ()
    text = parameters.text()
    names = [name for name in _ALIAS.findall(text) if _NAMED_AS_ALIAS.search(name)]
    for injected in _INJECTED.finditer(text):
        name = injected["name"] or injected["type"] or ""
        if "RequestForm" in name:
            continue
        names.append(name or ("security" if injected["how"] == "Security" else ""))
    return tuple(name for name in names if name)


def _guards_itself(definition: SgNode) -> bool:
    body = definition.field("body")
    return body is not None and INSIDE.are_in(body.text())


def _methods(call: Call) -> tuple[str, ...]:
    if call.name in METHODS:
        return (call.name.upper(),)
    if call.name.startswith("websocket"):
        return ("WEBSOCKET",)
    return tuple(method.upper() for method in constants(call.named.get("methods")))


def _methods_defined(definition: SgNode) -> list[str]:
    body = definition.field("body")
    return [name for name, _ in _functions_in(body)] if body else []


def _functions_in(body: SgNode) -> Iterator[tuple[str, SgNode]]:
    for child in named_children(body):
        node = child.field("definition") if child.kind() == "decorated_definition" else child
        if node is not None and node.kind() == "function_definition":
            name = node.field("name")
            if name is not None:
                yield name.text(), child


def _class_of(node: SgNode) -> str | None:
    for parent in node.ancestors():
        if parent.kind() == "class_definition":
            name = parent.field("name")
            return name.text() if name else None
        if parent.kind() == "function_definition":
            return None
    return None


def _qualified(node: SgNode, name: str) -> str:
    owner = _class_of(node)
    return f"{owner}.{name}" if owner else name


def _number(node: SgNode | None) -> int | None:
    if node is None:
        return None
    digits = re.search(r"\d{3}", node.text())
    return int(digits[0]) if digits else None
