"""Calls that make the event loop wait: in asynchronous functions, and in what they call.

Python: a name stands for what was imported, assigned or annotated, so that `client.get()` blocks
where `client` is an `httpx.Client`. JavaScript: the `…Sync` functions of Node, wherever a request
handler can reach them in this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal

from ..core.model import Confidence, Proposal, Span
from ..core.model import Step as FlowStep
from ..core.text import quoted
from .code import Assignment, Chain, Code, Scope, chain_of, nearest

BLOCKING = "performance/blocking-call-in-async"
FILES = "performance/sync-filesystem-call"
OPEN_FILES = "performance/sync-file-operation"
RULES = frozenset({BLOCKING, FILES, OPEN_FILES})


def is_worth_reading(text: str, language: str) -> bool:
    """A cheap look at whether `find` could find anything."""
    return "async def" in text if language == "python" else "Sync" in text


def find(code: Code, path: str) -> Iterator[Proposal]:
    """Proposals of the rules, in no order. `path` is the file's, which may say that it is a
    script."""
    return _Python(code).find() if code.language == "python" else _javascript(code, path)


# --- Python

_VERBS = r"(?:get|post|put|patch|delete|head|options|request|send|stream)"
_FUNCTIONS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(rf"(?:{pattern})(?=\(\))"), rule, advice)
    for pattern, rule, advice in (
        (r"time\.sleep", BLOCKING, "Await `asyncio.sleep(…)`."),
        (
            rf"requests\.{_VERBS}|httpx\.{_VERBS}|urllib3\.request|"
            r"(?:(?:six\.moves\.)?urllib\.)?(?:request\.)?(?:urlopen|urlretrieve)",
            BLOCKING,
            "Use an asynchronous client, such as `httpx.AsyncClient`.",
        ),
        (
            r"subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|"
            r"getstatusoutput)|os\.(?:system|popen|startfile|spawn[lv]p?e?|posix_spawnp?|"
            r"wait|wait3|wait4|waitid|waitpid)",
            BLOCKING,
            "Use `asyncio.create_subprocess_exec`.",
        ),
        (r"input", BLOCKING, "Read it in a thread with `asyncio.to_thread`."),
        (
            r"socket\.(?:create_connection|gethostbyname|gethostbyname_ex|"
            r"gethostbyaddr|getaddrinfo|getfqdn)|dns\.resolver\.(?:resolve|query)",
            BLOCKING,
            "Use the event loop's own (`loop.getaddrinfo`, `asyncio.open_connection`).",
        ),
        (
            r"smtplib\.(?:SMTP|SMTP_SSL|LMTP)|ftplib\.FTP\w*|imaplib\.IMAP4\w*|"
            r"poplib\.POP3\w*|telnetlib\.Telnet|paramiko\.\w+\.connect",
            BLOCKING,
            "Use an asynchronous client, or `await asyncio.to_thread(…)`.",
        ),
        (
            r"(?:psycopg2|psycopg|pymysql|MySQLdb|sqlite3|pyodbc|cx_Oracle|oracledb|"
            r"pymssql|mysql\.connector|snowflake\.connector|duckdb|"
            r"clickhouse_driver)\.connect",
            BLOCKING,
            "Use an asynchronous driver.",
        ),
        (
            r"bcrypt\.(?:hashpw|checkpw|kdf)|hashlib\.(?:pbkdf2_hmac|scrypt)|"
            r"argon2\.(?:hash_password|verify_password|low_level\.\w+)|"
            r"werkzeug\.security\.(?:generate|check)_password_hash|"
            r"django\.contrib\.auth\.hashers\.(?:make|check)_password|"
            r"passlib\.hash\.\w+\.(?:hash|verify)",
            BLOCKING,
            "It is made to be slow: `await asyncio.to_thread(…)`.",
        ),
        (
            r"shutil\.(?:copy\w*|move|rmtree|make_archive|unpack_archive|disk_usage)|"
            r"zipfile\.ZipFile|tarfile\.open|(?:pandas|pd)\.read_\w+|(?:numpy|"
            r"np)\.(?:load|loadtxt|save)",
            BLOCKING,
            "Run it in a thread with `asyncio.to_thread`.",
        ),
        (
            r"open|io\.open|os\.fdopen|codecs\.open|gzip\.open|bz2\.open|lzma\.open|"
            r"io\.open_code|os\.(?:listdir|scandir|walk|remove|unlink|rename|renames|"
            r"replace|mkdir|makedirs|rmdir|removedirs|stat|lstat|chmod|chown|link|"
            r"symlink|readlink|truncate|access|utime)|"
            r"os\.path\.(?:exists|lexists|isfile|isdir|islink|ismount|getsize|"
            r"getmtime|getatime|getctime|samefile|realpath|abspath_)|glob\.i?glob|"
            r"tempfile\.(?:NamedTemporaryFile|TemporaryFile|TemporaryDirectory|"
            r"mkstemp|mkdtemp|SpooledTemporaryFile)",
            FILES,
            "Use `aiofiles` or `anyio.Path`, or run it in a thread with `asyncio.to_thread`.",
        ),
        (
            r"pathlib\.Path\(\)(?:\.\w+(?:\(\))?)*?\.(?:read_text|read_bytes|"
            r"write_text|write_bytes|open|exists|is_file|is_dir|mkdir|unlink|iterdir|"
            r"glob|rglob|stat|rename|replace|touch|rmdir|hardlink_to|symlink_to|owner|"
            r"resolve|samefile|lstat|chmod)",
            FILES,
            "Use `anyio.Path`, or run it in a thread with `asyncio.to_thread`.",
        ),
    )
)

_TYPES: tuple[tuple[re.Pattern[str], re.Pattern[str], str, str], ...] = tuple(
    (re.compile(kind), re.compile(methods), rule, advice)
    for kind, methods, rule, advice in (
        (
            r"requests\.(?:Session|session)|httpx\.Client|urllib3\.(?:PoolManager|"
            r"HTTPConnectionPool|HTTPSConnectionPool|ProxyManager)|"
            r"http\.client\.HTTPS?Connection",
            rf"{_VERBS}|urlopen|getresponse|request_encode_\w+",
            BLOCKING,
            "Use an asynchronous client, such as `httpx.AsyncClient`.",
        ),
        (
            r"(?:openai\.)?(?:OpenAI|AzureOpenAI)|anthropic\.Anthropic|Anthropic|"
            r"stripe\.StripeClient|twilio\.rest\.Client|cohere\.Client|groq\.Groq",
            r".*\.(?:create|stream|parse|retrieve|list)",
            BLOCKING,
            "Use the asynchronous client of the same package.",
        ),
        (
            r"redis\.(?:Redis|StrictRedis|from_url|Redis\.from_url)|"
            r"pymongo\.MongoClient|elasticsearch\.Elasticsearch|boto3\.(?:client|"
            r"resource)|google\.cloud\.\w+\.Client|pika\.BlockingConnection|"
            r"neo4j\.GraphDatabase\.driver|kafka\.Kafka\w+|cassandra\.cluster\.Cluster",
            r"(?!pipeline$|close$|register_script$|Table$|Bucket$|bucket$|blob$|"
            r"collection$|get_database$|get_collection$|channel$|session$|pubsub$|"
            r"meta\b|exceptions\b|lock$)(?:\w+|\w+\.\w+|.*\.(?:find_one|insert_one|"
            r"update_one|delete_one|count_documents|insert_many|aggregate|get_item|"
            r"put_item|query|scan|upload_\w+|download_\w+))",
            BLOCKING,
            "Use the asynchronous client of the same service.",
        ),
        (
            r"(?:psycopg2|psycopg|pymysql|MySQLdb|sqlite3|pyodbc|cx_Oracle|oracledb|"
            r"pymssql|mysql\.connector)\.connect(?:\(\)\.cursor)?",
            r"execute|executemany|executescript|fetchone|fetchall|fetchmany|commit|"
            r"callproc|rollback",
            BLOCKING,
            "Use an asynchronous driver.",
        ),
        (
            r"sqlalchemy\.orm\.(?:Session|scoped_session)|sqlmodel\.Session|"
            r"(?:\w+\.)*SessionDep|(?:\w+\.)*SessionLocal",
            r"(?:query|execute|scalars?|scalar_one|get|get_one|commit|flush|refresh|"
            r"rollback|merge|exec|bulk_save_objects|delete)(?:\(\).*)?",
            BLOCKING,
            "Make the route a plain `def`, which FastAPI runs in a thread, or use `AsyncSession`.",
        ),
        (
            r"passlib\.context\.CryptContext|argon2\.PasswordHasher|"
            r"pwdlib\.PasswordHash(?:\.recommended)?",
            r"hash|verify|verify_and_update|encrypt",
            BLOCKING,
            "It is made to be slow: `await asyncio.to_thread(…)`.",
        ),
        (
            r"(?:typing\.|io\.)?(?:TextIO|BinaryIO|IO|TextIOWrapper|TextIOBase|"
            r"BufferedReader|BufferedWriter|BufferedRandom|BufferedIOBase|"
            r"BufferedRWPair|RawIOBase|IOBase|FileIO|BytesIO_|_IOBase|StringIO_)|open_",
            r"read|readline|readlines|write|writelines|flush|seek|truncate|readall|"
            r"readinto|close_|__next__|tell_",
            OPEN_FILES,
            "Wrap the file with `anyio.wrap_file` or `trio.wrap_file`, or read it in a thread.",
        ),
        (
            r"socket\.(?:socket|create_connection)",
            r"connect|recv|recvfrom|send|sendall|sendto|accept|recv_into|makefile",
            BLOCKING,
            "Use `asyncio.open_connection`, or the event loop's `sock_…` methods.",
        ),
        (
            r"subprocess\.Popen",
            r"wait|communicate",
            BLOCKING,
            "Use `asyncio.create_subprocess_exec`.",
        ),
        (
            r"smtplib\.(?:SMTP|SMTP_SSL)",
            r"send_message|sendmail|login|starttls|quit|connect",
            BLOCKING,
            "Use `aiosmtplib`, or `await asyncio.to_thread(…)`.",
        ),
        (
            r"threading\.(?:Thread|Event|Lock|RLock|Semaphore|Condition|Barrier)|"
            r"queue\.(?:Queue|SimpleQueue)|multiprocessing\.Process|"
            r"concurrent\.futures\.Future",
            r"join|wait|get",
            BLOCKING,
            "Use the `asyncio` class of the same name.",
        ),
        (
            r"pathlib\.Path|Path",
            r"(?:\w+(?:\(\))?\.)*(?:read_text|read_bytes|write_text|write_bytes|open|"
            r"exists|is_file|is_dir|mkdir|unlink|iterdir|glob|rglob|stat|rename|"
            r"replace|touch|rmdir)",
            FILES,
            "Use `anyio.Path`, or run it in a thread with `asyncio.to_thread`.",
        ),
    )
)

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import[ \t]+(\([^)]*\)|[^\n#;]+)", re.MULTILINE
)
_ONE_TYPE = r"[\"']?(?:None\s*\|\s*)?([\w.]+)\b(?!\s*\|(?!\s*None\b))"
"""A type's name, `| None` beside it or not; of a union of others nothing is certain."""
_ANNOTATED_PARAMETER = re.compile(
    rf"\b(\w+)\s*:\s*(?:(?:\w+\.)?(?:Annotated|Optional|Union)\[\s*)?{_ONE_TYPE}"
)
_ANNOTATED_NAME = re.compile(rf"\w+\s*:\s*(?:(?:\w+\.)?(?:Optional|Union)\[\s*)?{_ONE_TYPE}")
_DECLARED = re.compile(
    r"^[ \t]*(\w+)[ \t]*:[ \t]*(?:(?:\w+\.)?(?:Optional|Union)\[\s*)?[\"']?([\w.]+)[^=\n]*$",
    re.MULTILINE,
)
_DJANGO = re.compile(
    r"^(?:\w+\.)*[A-Z]\w*\.objects(?:\.\w+\(\))*\.(?:get|create|count|exists|first|"
    r"last|update|delete|get_or_create|update_or_create|aggregate|bulk_create|in_bulk|"
    r"earliest|latest)\(\)$"
)


class _Python:
    def __init__(self, code: Code) -> None:
        self.code = code
        self._blocks: dict[Scope, tuple[Chain, str] | None] = {}

    def find(self) -> Iterator[Proposal]:
        for chain, scope in self.code.calls:
            function = _function_of(scope)
            if function is None or not function.is_async or chain.awaited or "()" not in chain.path:
                continue
            found = self._blocking(chain, function)
            if found is not None:
                rule, advice, span = found
                yield self._proposal(
                    span,
                    rule,
                    f"`{quoted(self.code.of(span))}` blocks, and the event loop serves "
                    f"nobody until it returns. {advice}",
                )
                continue
            callee = self._callee(chain, scope)
            inner = self._summary(callee, 3) if callee is not None else None
            if inner is not None and callee is not None:
                call, rule = inner
                name = quoted(callee.name)
                # A look at a file's metadata is soon over.
                is_long = rule == BLOCKING or re.search(r"open|read|write|copy|walk", call.path)
                yield self._proposal(
                    chain.span,
                    rule,
                    f"`{name}` blocks (`{quoted(call.path)}`), and the event loop serves nobody "
                    "until it returns. Make it asynchronous, or "
                    f"`await asyncio.to_thread({name}, …)`.",
                    "medium" if is_long else "low",
                    (FlowStep(call.span, "What blocks."),),
                )

    def _proposal(
        self,
        span: Span,
        rule: str,
        message: str,
        confidence: Confidence = "high",
        flow: tuple[FlowStep, ...] = (),
    ) -> Proposal:
        return Proposal(span, rule, message, "detector:performance", "local", confidence, flow=flow)

    def _blocking(self, chain: Chain, function: Scope) -> tuple[str, str, Span] | None:
        """Its rule, the advice, and the call itself, when the chain has a call that blocks."""
        full = self._full_path(chain, function)
        for pattern, rule, advice in _FUNCTIONS:
            match = pattern.match(full)
            if match is not None:
                return rule, advice, self._span_up_to(chain, full, match.end())
        if _DJANGO.search(chain.path) and "django" in self.code.text:
            return (
                BLOCKING,
                "Use the asynchronous methods (`aget`, `acreate`), and await them.",
                chain.span,
            )
        kind, rest = self._type_and_rest(chain, function)
        if kind:
            for types, methods, rule, advice in _TYPES:
                if types.fullmatch(kind):
                    match = re.match(rf"\.(?:{methods.pattern})(?=\(\))", rest)
                    is_call = match is not None and _has_arguments(chain, kind)
                    return (rule, advice, chain.span) if is_call else None
        return None

    def _span_up_to(self, chain: Chain, full: str, end: int) -> Span:
        """Of `requests.get(url).json()` only the request."""
        calls = full[:end].count("()") + 1
        for step in chain.steps:
            if step.arguments is not None:
                calls -= 1
                if calls == 0:
                    return Span(chain.span.start, step.end)
        return chain.span

    def _full_path(self, chain: Chain, function: Scope) -> str:
        imported = self._imports.get(chain.root)
        if imported is None or chain.root in function.parameters:
            is_own = chain.root in self.code.functions or chain.root in function.parameters
            return "" if is_own else chain.path
        return imported + chain.path[len(chain.root) :]

    def _type_and_rest(self, chain: Chain, function: Scope) -> tuple[str, str]:
        """What the chain's beginning is an instance of, and the path of what is done with it."""
        full = self._full_path(chain, function)
        made = re.match(r"([\w.]+)\(\)(\..*)", full)
        if made is not None and made[1] and any(types.fullmatch(made[1]) for types, *_ in _TYPES):
            return made[1], made[2]
        if chain.root in ("self", "cls") and chain.steps:
            name = f"{chain.root}.{chain.steps[0].name}"
            return self._type(None, name, len(self.code.text)), chain.path[len(name) :]
        rest = chain.path[len(chain.root) :]
        scope: Scope | None = function
        while scope is not None:
            if (scope, chain.root) in self._types:
                before = chain.span.start if scope is function else len(self.code.text)
                return self._type(scope, chain.root, before), rest
            if chain.root in scope.parameters:
                return "", ""
            scope = scope.parent
        return self._type(None, chain.root, len(self.code.text)), rest

    def _type(self, scope: Scope | None, name: str, before: int) -> str:
        """Of what the name was last bound to before an offset."""
        bound = [kind for start, kind in self._types.get((scope, name), ()) if start < before]
        return bound[-1] if bound else ""

    @cached_property
    def _imports(self) -> Mapping[str, str]:
        """Local name -> full name."""
        names: dict[str, str] = {}
        for match in _IMPORT.finditer(self.code.text):
            for item in match[2].strip("()").replace("\n", " ").split(","):
                parts = item.split()
                if not parts:
                    continue
                name, local = parts[0], parts[-1]
                if match[1]:
                    names[local] = f"{match[1]}.{name}"
                elif len(parts) == 1:
                    names[name.partition(".")[0]] = name.partition(".")[0]
                else:
                    names[local] = name
        return names

    @cached_property
    def _types(self) -> Mapping[tuple[Scope | None, str], Sequence[tuple[int, str]]]:
        """(function, name) -> where it is bound, and to an instance of what; "" is anything else.

        The function is None for a module's name and for an attribute such as "self.client".
        """
        types: dict[tuple[Scope | None, str], list[tuple[int, str]]] = {}
        for function in self.code.scopes:
            if function.kind == "function" and function.parameters:
                parameters = function.node.field("parameters")
                text = parameters.text() if parameters else ""
                for name, annotation in _ANNOTATED_PARAMETER.findall(text):
                    kind = self._known(self._resolved(annotation))
                    if kind:
                        types.setdefault((function, name), []).append((function.span.start, kind))
        for match in _DECLARED.finditer(self.code.text):
            kind = self._known(self._resolved(match[2]))
            if kind:
                around = self.code.scope_at(match.start(1))
                is_class = around is not None and around.kind == "class"
                key = (None, f"self.{match[1]}") if is_class else (around, match[1])
                types.setdefault(key, []).append((match.start(1), kind))
        for assignment in self.code.assignments:
            if len(assignment.names) != 1 or assignment.is_update:
                continue
            [name] = assignment.names
            scope = None if name.startswith(("self.", "cls.")) else _function_of(assignment.scope)
            if assignment.scope is not None and assignment.scope.kind == "class":
                name = f"self.{name}"
            kind = self._type_of_assignment(assignment, types)
            if kind or (scope, name) in types:
                types.setdefault((scope, name), []).append((assignment.span.start, kind))
        return types

    def _type_of_assignment(
        self,
        assignment: Assignment,
        types: Mapping[tuple[Scope | None, str], Sequence[tuple[int, str]]],
    ) -> str:
        annotated = _ANNOTATED_NAME.match(self.code.of(assignment.span))
        if annotated is not None and (kind := self._known(self._resolved(annotated[1]))):
            return kind
        chain = chain_of(assignment.value, self.code.text)
        if chain is None or "()" not in chain.path or chain.awaited:
            return ""
        if re.fullmatch(r"\w+\.(cursor|__enter__)\(\)", chain.path):
            bound = types.get((_function_of(assignment.scope), chain.root)) or types.get(
                (None, chain.root), ()
            )
            base = bound[-1][1] if bound else ""
            return f"{base}().cursor" if base.endswith("connect") else ""
        path = self._imports.get(chain.root, chain.root) + chain.path[len(chain.root) :]
        return self._known(path.removesuffix("()"))

    def _resolved(self, name: str) -> str:
        root, _, rest = name.partition(".")
        return self._imports.get(root, root) + (f".{rest}" if rest else "")

    def _known(self, name: str) -> str:
        return name if any(kinds.fullmatch(name) for kinds, *_ in _TYPES) else ""

    def _callee(self, chain: Chain, scope: Scope | None) -> Scope | None:
        step = chain.steps[0]
        if step.arguments is None:
            return None
        name = step.name or chain.root
        owner = None
        if step.name:
            if chain.root not in ("self", "cls"):
                return None
            owner = scope
            while owner is not None and owner.kind != "class":
                owner = owner.parent
        candidates = [f for f in self.code.functions.get(name, ()) if f.owner() is owner]
        return candidates[0] if len(candidates) == 1 and not candidates[0].is_async else None

    def _summary(self, function: Scope, depth: int) -> tuple[Chain, str] | None:
        """The first call that blocks when this plain function is called."""
        if function in self._blocks:
            return self._blocks[function]
        self._blocks[function] = None
        if "contextmanager" in function.decorators or "cache" in function.decorators:
            return None
        if re.search(
            r"sync_to_async|run_in_threadpool|run_in_executor|to_thread|@(?:\w+\.)?(?:task|celery)",
            function.decorators,
        ):
            return None
        for chain, scope in self.code.within(function.span):
            if _function_of(scope) is not function or "()" not in chain.path:
                continue
            found = self._blocking(chain, function)
            if found is not None:
                self._blocks[function] = (chain, found[0])
                break
            callee = self._callee(chain, scope) if depth > 1 else None
            if callee is not None and callee is not function:
                inner = self._summary(callee, depth - 1)
                if inner is not None:
                    self._blocks[function] = inner
                    break
        return self._blocks[function]


def _has_arguments(chain: Chain, kind: str) -> bool:
    """A request of urllib3 takes a method and an address; what has neither is something else."""
    arguments = chain.steps[-1].arguments
    return not kind.startswith("urllib3.") or (
        arguments is not None and _URLLIB3_ARGUMENTS.match(arguments.text()) is not None
    )


_URLLIB3_ARGUMENTS = re.compile(
    r"(?is)\(\s*(?:[\"'](?:get|head|post|put|patch|delete|options|trace|connect)[\"']|.+,\s*\S.*|method=)"
)


def _function_of(scope: Scope | None) -> Scope | None:
    return scope if scope is not None and scope.kind == "function" else None


# --- JavaScript

_SYNC = re.compile(
    r"^(?:(?:fs|fse|fsExtra|crypto|child_process|childProcess|cp|zlib|argon2|bcrypt|"
    r"bcryptjs|node:fs|shell)\.)?(\w+Sync)\(\)"
)
_FILE_CALLS = re.compile(
    r"^(readFile|writeFile|appendFile|readdir|stat|lstat|mkdir|mkdtemp|rm|rmdir|"
    r"unlink|copyFile|copy|move|remove|rename|access|open|read|"
    r"write|close|truncate|realpath|cp|chmod|exists|readJson|writeJson|readJSON|"
    r"writeJSON|outputFile|outputJson|ensureDir|ensureFile|"
    r"emptyDir|pathExists|utimes|symlink|readlink|fsync|ftruncate|glob)Sync$"
)
_OTHER_CALLS = re.compile(
    r"^(pbkdf2|scrypt|generateKeyPair|exec|execFile|spawn|gzip|gunzip|deflate|inflate|"
    r"deflateRaw|inflateRaw|unzip|brotliCompress|"
    r"brotliDecompress|hkdf|hash|compare|genSalt)Sync$"
)
_ONCE = re.compile(
    r"(?i)^(main|init\w*|start\w*|boot\w*|setup\w*|configure\w*|load(Config|Env|"
    r"Settings)\w*|build\w*|seed\w*|migrate\w*|on(Module|Application)\w*|up|down|run|"
    r"cli|generate\w*|install\w*|constructor|create(App|Server))$"
)
_SCRIPT = re.compile(
    r"(^|/)(scripts?|bin|cli|tools?|tasks|build|gulpfile|webpack|config|migrations?|"
    r"seeds?|e2e)(/|[\w.]*\.[cm]?[jt]s$)"
)
_ROUTE = re.compile(r"(^|\.)(get|post|put|patch|delete|all|use|route|on|handle)\(\)$")


def _javascript(code: Code, path: str) -> Iterator[Proposal]:
    handlers = {scope: "handler" for scope in code.scopes if _is_handler(code, scope)}
    reached: dict[Scope, Chain | None] = dict.fromkeys(handlers)
    frontier = list(handlers)
    while frontier:  # What handlers call in this file runs for each request too.
        function = frontier.pop()
        for chain, scope in code.within(function.span):
            if scope is None or not _runs_in(scope, function):
                continue
            callee = _local_callee(code, chain, scope)
            if callee is not None and callee not in reached:
                reached[callee] = chain
                frontier.append(callee)
    is_script = bool(_SCRIPT.search(nearest(path))) or code.text.startswith("#!")
    for chain, scope in code.calls:
        match = _SYNC.match(chain.path)
        if match is None or scope is None:
            continue
        rule = (
            FILES
            if _FILE_CALLS.match(match[1])
            else BLOCKING
            if _OTHER_CALLS.match(match[1])
            else ""
        )
        if not rule:
            continue
        confidence = _confidence(scope, reached, is_script)
        if confidence is None:
            continue
        instead = (
            "Use the function of `fs.promises`."
            if rule == FILES
            else "Use the function without `Sync`."
        )
        yield Proposal(
            chain.span,
            rule,
            f"`{quoted(chain.path.removesuffix('()'))}` keeps the only thread busy "
            f"until it is done, so no other request is served. {instead}",
            "detector:performance",
            "local",
            confidence,
        )


def _confidence(
    scope: Scope, reached: Mapping[Scope, Chain | None], is_script: bool
) -> Literal["high", "medium", "low"] | None:
    around: Scope | None = scope
    is_async = False
    while around is not None:
        if around in reached:
            return "high" if reached[around] is None else "medium"
        if around.kind == "function":
            if around.name and _ONCE.match(around.name):
                return None
            is_async = is_async or around.is_async
        around = around.parent
    return ("low" if is_script else "medium") if is_async else None


def _is_handler(code: Code, scope: Scope) -> bool:
    if scope.kind != "function":
        return False
    if re.search(
        r"@(Get|Post|Put|Patch|Delete|All|MessagePattern|EventPattern|Query|Mutation|"
        r"ResolveField)\(",
        scope.decorators,
    ):
        return True
    names = [re.sub(r"^_", "", name) for name in scope.parameters]
    if (
        len(names) >= 2
        and re.fullmatch(r"req|request", names[0])
        and re.fullmatch(r"res|response|reply|h|rep", names[1])
    ):
        return True
    called = scope.callback_of
    return (
        called is not None
        and bool(_ROUTE.search(called.path))
        and bool(
            re.search(
                r"(?i)(app|router|server|routes|fastify|api|koa|hono|io|socket)\w*\.\w+\(\)$",
                called.path,
            )
        )
        and bool(names)
        and bool(re.fullmatch(r"req|request|ctx|context|c|socket|\{.*", names[0], re.DOTALL))
    )


def _runs_in(scope: Scope, function: Scope) -> bool:
    around: Scope | None = scope
    while around is not None and around is not function:
        around = around.parent
    return around is function


def _local_callee(code: Code, chain: Chain, scope: Scope) -> Scope | None:
    step = chain.steps[0]
    if step.arguments is None:
        return None
    candidates = code.functions.get(step.name or chain.root, ())
    if step.name and chain.root != "this":
        return None
    wanted = [f for f in candidates if (f.owner() is not None) == bool(step.name)]
    return wanted[0] if len(wanted) == 1 else None
