"""How a project's code does things: layout, errors, settings, logs, dependencies, tests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import PurePosixPath

from .look import CODE, PYTHON, SCRIPTS, TEST_FILE, Fact, Look, is_test
from .words import (
    MOST_NAMES,
    as_list,
    as_name,
    as_names,
    as_settings,
    plain_value,
    relative_to,
    table_in,
    toml_in,
)

# --- Layout

_LAYER = re.compile(
    r"api|routes?|routers?|controllers?|views?|endpoints|handlers?|resolvers?|services?|"
    r"use-?cases?|domain|repositor(?:y|ies)|crud|dao|models?|entit(?:y|ies)|schemas?|dtos?|"
    r"serializers?|validators?|middlewares?|guards?|interceptors?|filters?|pipes?|jobs?|tasks?|"
    r"workers?|events?|core|common|shared|lib|utils?|helpers?|config|settings|exceptions?|errors?",
    re.IGNORECASE,
)
"""Names of folders that say what belongs in them."""
_KIND = re.compile(
    r"\.(controller|service|module|dto|entity|guard|repository|route|model|schema)\."
)


def layout(look: Look) -> Iterator[Fact]:
    code = [path for path in look.paths if path.endswith(CODE) and not is_test(path)]
    folders = Counter(path.rpartition("/")[0] for path in code)
    layers = [
        folder
        for folder in sorted(folders, key=lambda one: (one.count("/"), one))
        if _LAYER.fullmatch(PurePosixPath(folder).name)
    ]
    if layers:
        shown = [f"{as_name(one)}/ ({folders[one]})" for one in layers[:14]]
        yield "layout", f"{', '.join(shown)}, with how many files lie in each"
    kinds = Counter(match[1] for path in code if (match := _KIND.search(path)))
    if often := sorted(kind for kind, count in kinds.items() if count > 1):
        yield "file names", as_names(f"<name>.{kind}{_ending(code)}" for kind in often)
    apps = sorted({path.removesuffix("/apps.py") for path in code if path.endswith("/apps.py")})
    if apps and look.version("django"):
        yield "Django apps", as_list(apps)


def _ending(paths: Iterable[str]) -> str:
    return Counter(PurePosixPath(path).suffix for path in paths).most_common(1)[0][0]


def models(look: Look) -> Iterator[Fact]:
    """What the index knows of tables and routes."""
    places: dict[tuple[str, str], list[str]] = {}
    guards: Counter[str] = Counter()
    for path in sorted(look.project.files):
        relative = _inside(path, look)
        for model in look.project.files[path].models if relative else ():
            places.setdefault((model.framework, relative), []).append(model.name)
    for (framework, path), names in islice(sorted(places.items()), MOST_NAMES):
        yield f"models ({as_name(framework)})", f"{as_names(names)} in {as_name(path)}"
    for known in look.project.routes:
        if _inside(known.file, look):
            guards.update({guard.name for guard in known.guards})
    if guards:
        ordered = sorted(guards, key=lambda name: (-guards[name], name))
        yield "guards of routes", as_names(ordered)


def _inside(path: str, look: Look) -> str:
    """The relative path of a file in the base folder; "" for any other."""
    relative = relative_to(path, look.reader.root)
    return relative if not look.base or relative.startswith(f"{look.base}/") else ""


# --- Tests

_FIXTURE = re.compile(
    r"^@pytest(?:_asyncio)?\.fixture[^\n]*\n(?:@[^\n]*\n)*(?:async\s+)?def\s+(\w+)", re.MULTILINE
)
_EXPORTED = re.compile(
    r"^(?:export\s+(?:default\s+)?(?:async\s+)?(?:function|const|class)\s+(\w+)"
    r"|(?:module\.)?exports\.(\w+)\s*=|module\.exports\s*=\s*(\w+)\s*;?$)",
    re.MULTILINE,
)
_TEST_FOLDER = re.compile(r"(?:^|/)(?:tests?|__tests__)/")
_TEST_HELPER = re.compile(
    r"(?:^|/)(?:tests?|__tests__)/(?:.*/)?(?:setup|helpers?|utils?|app)\.\w+$"
)
_BUILT_IN_RUNNER = re.compile(r"(?:\bfrom\s+|\brequire\()['\"]((?:node|bun):test)['\"]")


def tests(look: Look) -> Iterator[Fact]:
    # Where JavaScript's tests have a folder, their names often do not tell.
    found = [
        path
        for path in look.paths
        if TEST_FILE.search(path) or (path.endswith(SCRIPTS) and _TEST_FOLDER.search(path))
    ]
    folders = Counter(path.rpartition("/")[0] or "." for path in found)
    often = sorted(folders, key=lambda one: (-folders[one], one))
    example = next((path for path in found[:MOST_NAMES] if look.exists(path)), "")
    if example:
        shown = [f"{as_name(one)}/ ({folders[one]})" for one in often[:6]]
        yield "test files", f"{', '.join(shown)}, such as {as_name(example)}"
    for path in look.paths:
        if path.endswith("conftest.py") and (names := _FIXTURE.findall(look.text(path))):
            yield "fixtures", f"{as_names(names)} in {as_name(path)}"
        elif _TEST_HELPER.search(path):
            names = [next(filter(None, one)) for one in _EXPORTED.findall(look.text(path))]
            if names:
                yield "test helpers", f"{as_names(names)} in {as_name(path)}"
    for path, text in look.nearest("pyproject.toml"):
        options = table_in(toml_in(text), "tool", "pytest", "ini_options")
        if said := as_settings(options, ("asyncio_mode", "DJANGO_SETTINGS_MODULE")):
            yield "pytest", f"{said} ({as_name(path)})"
    for path, text in look.nearest("pytest.ini", "setup.cfg", "tox.ini"):
        for match in re.finditer(r"^(asyncio_mode|DJANGO_SETTINGS_MODULE)\s*=\s*(\S+)", text, re.M):
            yield "pytest", f"`{match[1]}` {plain_value(match[2])} ({as_name(path)})"
    if example and (runner := _BUILT_IN_RUNNER.search(look.text(example))):
        yield "tests", f"`{runner[1]}`, as in {as_name(example)}"


# --- Errors

_CLASS = re.compile(
    r"^class\s+(\w+)\s*\(\s*(?:\w+\.)*(\w+)[^)]*\)\s*:"
    r"|^(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\s+(\w+)\s+extends\s+(\w+)",
    re.MULTILINE,
)
"""A class and its first base class, in Python, then in JavaScript."""
_ERROR = re.compile(r"\w*(?:Error|Exception)")
_PYTHON_HANDLER = re.compile(
    r"@\w+\.(?:exception_handler|errorhandler|app_errorhandler)\(\s*(?P<of>[\w.]*)[^)]*\)\s*"
    r"(?:async\s+)?def\s+(?P<name>\w+)"
    r"|add_exception_handler\(\s*(?P<added>[\w.]+)\s*,\s*(?P<function>\w+)"
    r"|[\"']EXCEPTION_HANDLER[\"']\s*:\s*[\"'](?P<django>[\w.]+)[\"']"
)
_SCRIPT_HANDLER = re.compile(
    r"(?:\b(?P<name>\w+)(?:\s*:\s*\w+)?\s*(?:=\s*(?:async\s*)?)?)?\(\s*(?:err|error|e)\b[^,()]*"
    r"(?:,\s*\w+[^,()]*){3}\)"
    r"|@Catch\((?P<of>[\w, ]*)\)\s*(?:export\s+)?class\s+(?P<filter>\w+)"
    r"|\bsetErrorHandler\("
)
_ANSWER = re.compile(
    r"(?:content\s*=\s*|jsonify\(\s*|\bjson\(\s*|\bsend\(\s*|Response\(\s*|return\s*)"
    r"\{(?P<body>[^{}]*)|jsonify\((?P<named>[^(){}]*)\)"
)
_KEY = re.compile(r"(?:^|,)\s*[\"']?([A-Za-z_]\w*)[\"']?\s*(?=[:,=]|$)")
_MOST_HANDLERS = 6
_HANDLER_LENGTH = 900
"""Characters behind the head of an error handler in which its answer is looked for."""


def errors(look: Look) -> Iterator[Fact]:
    classes = [
        (path, match[1] or match[3], match[2] or match[4])
        for path, match in look.found(_CLASS, CODE, "class ")
    ]
    known = {name for _, name, base in classes if _ERROR.fullmatch(base)}
    while more := {name for _, name, base in classes if base in known} - known:
        known |= more
    by_path: dict[str, list[str]] = {}
    for path, name, _ in classes:
        if name in known and not name.startswith("_"):
            by_path.setdefault(path, []).append(name)
    # Where most of them are is where the next one belongs.
    for path in sorted(by_path, key=lambda one: (-len(by_path[one]), one))[:6]:
        yield "error classes", f"{as_names(by_path[path])} in {as_name(path)}"
    handlers: dict[str, None] = {}
    for said in _handlers(look):
        handlers[said] = None
        if len(handlers) == _MOST_HANDLERS:
            break
    for said in handlers:
        yield "error handlers", said


def _handlers(look: Look) -> Iterator[str]:
    for pattern, ends, mentions in (
        (_PYTHON_HANDLER, PYTHON, ("exception_handler", "errorhandler", "EXCEPTION_HANDLER")),
        (_SCRIPT_HANDLER, SCRIPTS, ("err", "(e", "@Catch", "setErrorHandler")),
    ):
        for path, match in look.found(pattern, ends, *mentions):
            text = look.texts[path][match.end() : match.end() + _HANDLER_LENGTH]
            yield f"{_handler(match.groupdict(), text)} in {as_name(path)}"


def _handler(groups: Mapping[str, str | None], text: str) -> str:
    """What is known of an error handler: `text` comes behind its head."""
    name = next((groups[key] for key in _HANDLER_NAMES if groups.get(key)), None)
    said = f"`{as_name(name)}`" if name else "one"
    if of := groups.get("of") or groups.get("added"):
        said += f" for `{as_name(of)}`"
    answer = None if groups.get("added") or groups.get("django") else _ANSWER.search(text)
    keys = _KEY.findall(answer["body"] or answer["named"] or "") if answer else ()
    return f"{said} answers {{{', '.join(map(as_name, keys[:6]))}}}" if keys else said


_HANDLER_NAMES = ("name", "function", "filter", "django")


# --- Settings and logs

_SETTINGS_CLASS = re.compile(r"^class\s+(\w+)\(\s*(?:\w+\.)?BaseSettings\b", re.MULTILINE)
_SETTINGS_OBJECT = re.compile(
    r"^(?:(\w+)(?:\s*:\s*\w+)?\s*=\s*(?:\w*Settings|get_settings)\(|def\s+(get_(?:settings|config))\b)",
    re.MULTILINE,
)
_DJANGO_MODULE = re.compile(r"DJANGO_SETTINGS_MODULE[\"'],\s*[\"']([\w.]+)[\"']")
_ENVIRONMENT = re.compile(r"\bprocess\.env\b|\bos\.environ\b|\bos\.getenv\(")
_NEST_CONFIG = re.compile(r"\bConfigModule\.forRoot")
_FLASK_CONFIG = re.compile(r"\.config\.(from_\w+)\(\s*[\"']?([\w.]*)")


def settings(look: Look) -> Iterator[Fact]:
    for path, match in look.found(_SETTINGS_CLASS, PYTHON, "BaseSettings"):
        objects = [next(filter(None, one)) for one in _SETTINGS_OBJECT.findall(look.texts[path])]
        through = f", read through {as_names(objects)}" if objects else ""
        yield "settings", f"class `{match[1]}` in {as_name(path)}{through}"
    for path, match in look.found(_DJANGO_MODULE, PYTHON, "DJANGO_SETTINGS_MODULE"):
        if path.endswith("manage.py"):
            yield "settings", f"Django module `{as_name(match[1])}` ({as_name(path)})"
    for path, match in look.found(_FLASK_CONFIG, PYTHON, ".config.from_"):
        yield "settings", f"`app.config.{match[1]}({as_name(match[2])})` in {as_name(path)}"
    for path, _ in islice(look.found(_NEST_CONFIG, SCRIPTS, "ConfigModule"), 1):
        yield "settings", f"Nest's `ConfigModule` ({as_name(path)}), injected as `ConfigService`"
    reads = Counter(
        path for path, _ in look.found(_ENVIRONMENT, CODE, "process.env", "environ", "getenv")
    )
    most = sorted(reads, key=lambda path: (-reads[path], path))[:3]
    if most:
        yield "the environment is read in", f"{as_list(most)}"


_LOGGERS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "structlog": (
        "structlog",
        re.compile(r"^(\w+)\s*(?::[^=\n]*)?=\s*structlog\.(?:stdlib\.)?get_logger\(", re.MULTILINE),
    ),
    "logging.getLogger": (
        "getLogger",
        re.compile(r"^(\w+)\s*=\s*(?:logging\.)?getLogger\(\s*(?:__name__|[\"'])", re.MULTILINE),
    ),
    "loguru": ("loguru", re.compile(r"^from loguru import (logger)\b", re.MULTILINE)),
    "pino": ("pino", re.compile(r"\b(\w+)\s*=\s*pino\(")),
    "winston": ("createLogger", re.compile(r"\b(\w+)\s*=\s*(?:winston\.)?createLogger\(")),
    "Nest's Logger": ("new Logger", re.compile(r"\b(\w+)\s*=\s*new Logger\(")),
    "console": ("console.", re.compile(r"\b(console)\.(?:log|error|warn|info)\(")),
    "Flask's logger": ("app.logger", re.compile(r"\b((?:current_)?app\.logger)\.")),
}
"""Name -> a text that each use has in it, and a use."""


def logs(look: Look) -> Iterator[Fact]:
    for how, (mention, pattern) in _LOGGERS.items():
        matches = [*look.found(pattern, CODE, mention)]
        if not matches:
            continue
        name = Counter(match[1] for _, match in matches).most_common(1)[0][0]
        paths = sorted({path for path, _ in matches}, key=lambda one: (one.count("/"), one))
        is_shared = len(paths) == 1 and how in ("pino", "winston", "structlog")
        where = f"made in {as_name(paths[0])}" if is_shared else f"{len(paths)} files"
        said = f"{how} as `{as_name(name)}` ({where}"
        yield "logging", said + (")" if is_shared else f", such as {as_name(paths[0])})")


# --- What routes are given and kept by

_DEPENDS = re.compile(r"\b(?:Depends|Security)\(\s*(?:\w+\.)*(\w+)")
_ALIAS = re.compile(r"^(\w+)\s*(?::\s*\w+\s*)?=\s*Annotated\[[^\n]*\b(?:Depends|Security)\(", re.M)
_FUNCTION = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE)
_NEST_GUARD = re.compile(
    r"class\s+(\w+)\s+(?:extends\s+[^\n{]{1,300}?)?implements\s+[^\n{]{0,300}CanActivate"
)
_NEST_GUARD_OF = re.compile(r"class\s+(\w+)\s+extends\s+AuthGuard\(")
_MIDDLEWARE = re.compile(r"(?:^|/)middlewares?(?:/[^/]+)?\.[cm]?[jt]s$")
_PERMISSIONS = re.compile(r"\b(permission_classes|authentication_classes)\s*=\s*[\[(]([\w., ]*)")
_DECORATED = re.compile(
    r"^[^\S\n]*@(login_required|permission_required|jwt_required|\w*_required)\b", re.M
)


def injection(look: Look) -> Iterator[Fact]:
    used = Counter(match[1] for _, match in look.found(_DEPENDS, PYTHON, "Depends(", "Security("))
    if used:
        places: dict[str, list[str]] = {}
        for path, match in look.found(_FUNCTION, PYTHON, *used):
            if match[1] in used:
                places.setdefault(path, []).append(match[1])
        uses = {path: sum(used[name] for name in names) for path, names in places.items()}
        for path in sorted(places, key=lambda one: (-uses[one], one))[:5]:
            yield "dependencies (Depends)", f"{as_names(places[path])} in {as_name(path)}"
    aliases: dict[str, list[str]] = {}
    for path, match in look.found(_ALIAS, PYTHON, "Annotated["):
        aliases.setdefault(path, []).append(match[1])
    for path, names in islice(aliases.items(), 3):
        yield "annotated dependencies", f"{as_names(names)} in {as_name(path)}"
    for pattern in (_NEST_GUARD, _NEST_GUARD_OF):
        for path, match in look.found(pattern, SCRIPTS, "CanActivate", "AuthGuard"):
            yield "Nest guards", f"`{match[1]}` in {as_name(path)}"
    for path in look.paths:
        if _MIDDLEWARE.search(path) and not is_test(path):
            names = [next(filter(None, one)) for one in _EXPORTED.findall(look.text(path))]
            said = f"{as_names(names)} in {as_name(path)}" if names else as_name(path)
            yield "middleware", said
    permissions = {
        as_name(match[2].strip()): path
        for path, match in look.found(_PERMISSIONS, PYTHON, "permission_classes")
        if match[1] == "permission_classes" and match[2].strip()
    }
    for classes, path in islice(sorted(permissions.items()), 4):
        yield "permissions", f"`{classes}` as in {as_name(path)}"
    decorators = {match[1]: path for path, match in look.found(_DECORATED, PYTHON, "_required")}
    for name, path in islice(sorted(decorators.items()), 4):
        yield "access decorators", f"`@{name}` as in {as_name(path)}"
