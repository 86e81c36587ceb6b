"""Rules about routes among the project's other routes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..core.model import Confidence, Proposal, Span
from ..detector import Source
from .facts import FileFacts, Place, Route
from .guarding import word_set, words_of
from .index import KnownRoute, Project

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
OPEN_WORDS = word_set(
    "login logout signin signout signup register registration auth authenticate authorize token "
    "tokens oauth oauth2 sso saml callback refresh password passwords reset forgot forgotten "
    "recover verify verification confirm confirmation activate activation otp mfa health "
    "healthz healthcheck heartbeat live livez liveness ready readyz readiness ping status "
    "metrics version info about docs redoc openapi swagger schema spec static assets public "
    "favicon robots sitemap webhook webhooks hook hooks well known captcha csrf root index home "
    "contact error errors landing echo hello test probe unsubscribe share shared embed session "
    "sessions up alive"
)
_SECRET_CHECKS = re.compile(
    r"\b(?:login|signin|sign in|log in|authenticate|token|password reset|reset password|forgot|"
    r"forgotten|recover|otp|2fa|mfa|verify code|magic link|change password)\b"
)


def unguarded(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A route that anybody may call, among others like it that nobody may without a guard."""
    own = [known for known in project.routes_of(facts.path) if _may_want_a_guard(known)]
    for known in own:
        if known.guards or known.is_public:
            continue
        writes = _writes(known)
        router = [
            one
            for one in own
            if one.route.router == known.route.router and one.route is not known.route
        ]
        same_path = [one for one in router if one.path == known.path and one.guards]
        alike = [one for one in router if _writes(one) == writes]
        everywhere = project.derived(_guarding).get((known.root, writes), _Guarding())
        if writes and same_path:
            where, peers = "of this path", _Guarding.of(same_path)
        elif (peers := _Guarding.of(alike)).is_usual(2, 0.66):
            where = "of this router"
        elif (peers := everywhere.without_one_open()).is_usual(6, 0.85):
            where = "of the application"
        else:
            continue
        count, guarded = peers.guarded + peers.open, peers.guarded
        [(name, _)] = peers.names.most_common(1)
        those = "the other route" if count == 1 else f"{guarded} of the {count} others"
        kind = "that change something " if writes and where != "of this path" else ""
        guard = "" if name == "its own check" else f", as by `{name}`"
        yield proposal(
            source,
            known.route.place,
            "security/unguarded-route",
            f"Nothing keeps anybody from `{known.label}`, while {those} {kind}{where} "
            f"{'is' if count == 1 else 'are'} guarded{guard}.",
            "medium" if writes or (where == "of this router" and not peers.open) else "low",
        )


@dataclass(slots=True)
class _Guarding:
    """How many of some routes are guarded, how many are not, and by what."""

    guarded: int = 0
    open: int = 0
    names: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, routes: Sequence[KnownRoute]) -> _Guarding:
        found = cls()
        for known in routes:
            found.add(known)
        return found

    def add(self, known: KnownRoute) -> None:
        if known.guards:
            self.guarded += 1
            self.names[known.guards[0].name] += 1
        else:
            self.open += not known.is_public

    def without_one_open(self) -> _Guarding:
        return _Guarding(self.guarded, max(self.open - 1, 0), self.names)

    def is_usual(self, least: int, share: float) -> bool:
        """Whether at least so many are guarded, and such a share when one more is not."""
        return self.guarded >= least and self.guarded / (self.guarded + self.open + 1) >= share


def _guarding(project: Project) -> dict[tuple[object, bool], _Guarding]:
    """(Application, whether they change something) -> how its routes are guarded."""
    found: dict[tuple[object, bool], _Guarding] = {}
    for known in project.routes:
        if _may_want_a_guard(known):
            found.setdefault((known.root, _writes(known)), _Guarding()).add(known)
    return found


def _writes(known: KnownRoute) -> bool:
    return not WRITES.isdisjoint(known.methods)


def _may_want_a_guard(known: KnownRoute) -> bool:
    if known.path == "/" or "*" in known.path or known.methods == ("OPTIONS",):
        return False
    if known.methods == ("WEBSOCKET",) or known.methods == ("HEAD",):
        return False
    file = known.file.rpartition("/")[2].partition(".")[0]
    words = (*words_of(known.path), *words_of(known.route.handler), *words_of(file))
    return OPEN_WORDS.isdisjoint(words)


def without_limit(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A route that checks a password or code without a limit, where the project has a limiter."""
    if not project.derived(_limits_some):
        return
    for known in project.routes_of(facts.path):
        words = " ".join((*words_of(known.path), *words_of(known.route.handler)))
        if known.is_limited or "POST" not in known.methods or not _SECRET_CHECKS.search(words):
            continue
        yield proposal(
            source,
            known.route.place,
            "security/missing-rate-limit",
            f"`{known.label}` can be tried without end: the project limits other routes, "
            "and this one not.",
            "medium",
        )


def without_pipe(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A body that no pipe validates, in a Nest application; once in each file."""
    if project.derived(_has_pipe) or not project.derived(_makes_nest_application):
        return
    for route in facts.routes:
        code = source.text[route.body.span.start : route.body.span.end]
        if route.framework == "nestjs" and re.search(r"@Body\(\s*\)", code):
            yield proposal(
                source,
                route.place,
                "api-design/unvalidated-body",
                "No pipe of the project validates what this route gets, so the type of its body is "
                "a wish. Call `app.useGlobalPipes(new ValidationPipe({ whitelist: true }))`.",
                "medium",
            )
            return


def _has_pipe(project: Project) -> bool:
    return any(one.has_pipe for one in project.files.values())


def _makes_nest_application(project: Project) -> bool:
    return any(one.makes_nest_application for one in project.files.values())


def _limits_some(project: Project) -> bool:
    """Whether the project limits some routes and not simply all of them."""
    files = project.files.values()
    return any(one.has_limiter for one in files) and not any(one.limits_everything for one in files)


def duplicates(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A method and path that an earlier route answers already."""
    answering = project.derived(_answering)
    seen: dict[object, Route] = {}
    for known in project.routes_of(facts.path):
        if known.route.framework == "django" and known.methods == ("ANY",):
            continue
        for method in known.methods:
            key = known.root, method, _shape(known.path), known.route.version
            above = seen.setdefault(key, known.route)
            elsewhere = answering.get(key, ())
            where = ""
            if above is not known.route and not _is_same_handler(above.handler, known):
                where = "above"
            elif elsewhere and elsewhere[0][0] < facts.path:
                file, handler = elsewhere[0]
                where = "" if _is_same_handler(handler, known) else f"in {_short(file, facts.path)}"
            if where:
                yield proposal(
                    source,
                    known.route.place,
                    "api-design/duplicate-route",
                    f"`{method} {known.path}` is answered by another route too, {where}: "
                    "only the one that is registered first is ever called.",
                    "medium",
                )
                break


def _is_same_handler(handler: str, known: KnownRoute) -> bool:
    return bool(handler) and handler == known.route.handler


def _answering(project: Project) -> dict[object, list[tuple[str, str]]]:
    """(Application, method, path, version) -> (file, handler) of the routes, of several."""
    found: dict[object, list[tuple[str, str]]] = {}
    for known in project.routes:
        for method in known.methods:
            key = known.root, method, _shape(known.path), known.route.version
            found.setdefault(key, []).append((known.file, known.route.handler))
    return {key: routes for key, routes in found.items() if len(routes) > 1}


_ORDERED = ("fastapi", "express", "koa", "nestjs", "django", "hono", "other")


def shadowed(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A fixed path that comes after one whose parameter takes in its text as well."""
    own = project.routes_of(facts.path)
    fixed = [known for known in own if "{" not in _last(known.path)]
    if not fixed:
        return
    wide = [known for known in own if _is_wide(known)]
    elsewhere = project.derived(_wide_routes)
    for known in fixed:
        others = [one for one in elsewhere.get(_family(known), ()) if one.file != facts.path]
        for other in (*wide, *others):
            if (
                other.root == known.root
                and other.route.version == known.route.version
                and set(other.methods) & {*known.methods, "ANY"}
                and _takes_in(other.path, known.path)
                and _comes_before(other, known)
            ):
                is_here = other.file == facts.path
                where = "above" if is_here else f"in {_short(other.file, facts.path)}"
                yield proposal(
                    source,
                    known.route.place,
                    "api-design/shadowed-route",
                    f"`{known.label}` is never called: `{other.label}` {where} comes first and "
                    f"takes `{_last(known.path)}` for a value.",
                    "high" if is_here else "medium",
                )
                break


def _wide_routes(project: Project) -> dict[object, list[KnownRoute]]:
    """The routes that may take in others', by what those have in common with them."""
    found: dict[object, list[KnownRoute]] = {}
    for known in project.routes:
        if _is_wide(known):
            found.setdefault(_family(known), []).append(known)
    return found


def _is_wide(known: KnownRoute) -> bool:
    route = known.route
    return "{" in known.path and not route.is_narrow and route.framework in _ORDERED


def _family(known: KnownRoute) -> object:
    return known.root, known.path.strip("/").count("/")


def _takes_in(pattern: str, path: str) -> bool:
    """Whether each path that is `path` is one of `pattern` too, and `pattern` is the wider one."""
    wide, narrow = pattern.strip("/").split("/"), path.strip("/").split("/")
    if len(wide) != len(narrow) or pattern.endswith("/") != path.endswith("/"):
        return False
    is_wider = False
    for one, other in zip(wide, narrow, strict=True):
        if re.fullmatch(r"\{[^}]*\}", one):
            is_wider = is_wider or "{" not in other
        elif one != other:
            return False
    return is_wider


def _comes_before(first: KnownRoute, second: KnownRoute) -> bool:
    """Whether `first` is registered before `second`, as far as the code says."""
    for one, other in zip(first.order, second.order, strict=False):
        if one != other:
            return one < other
    if len(first.order) != len(second.order) or first.file != second.file:
        return False
    if first.route.router != second.route.router:
        return False
    return first.route.place.span < second.route.place.span


def repeated_ids(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """An operation id that another route has too."""
    elsewhere = project.derived(_operation_ids)
    seen: dict[object, KnownRoute] = {}
    for known in project.routes_of(facts.path):
        name = known.route.operation_id
        if not name:
            continue
        above = seen.setdefault((known.root, name), known)
        file, label = elsewhere[known.root, name]
        if above.route is not known.route:
            label = above.label
        elif file >= facts.path:
            continue
        yield proposal(
            source,
            known.route.place,
            "api-design/duplicate-operation-id",
            f"`{name}` is the operation id of `{label}` too, so generated clients lose one of "
            "the two.",
            "high",
        )


def _operation_ids(project: Project) -> dict[tuple[object, str], tuple[str, str]]:
    """(Application, operation id) -> (file, label) of the first route that has it."""
    found: dict[tuple[object, str], tuple[str, str]] = {}
    for known in project.routes:
        if known.route.operation_id:
            key = known.root, known.route.operation_id
            found.setdefault(key, (known.file, known.label))
    return found


# --- Names


def styles(source: Source, facts: FileFacts, project: Project) -> Iterator[Proposal]:
    """A path whose words are put together in another way than those of most other routes."""
    counts = project.derived(_style_counts)
    total = sum(counts.values())
    if total < 8:
        return
    [(usual, count)] = counts.most_common(1)
    if count / total < 0.8:
        return
    told: set[Span] = set()
    for known in project.routes_of(facts.path):
        for word, style in _styles(known.route.path):
            if style != usual and known.route.place.span not in told:
                told.add(known.route.place.span)
                yield proposal(
                    source,
                    known.route.place,
                    "api-design/inconsistent-path-naming",
                    f"`{word}` is written in {style}, while {count} of the project's {total} "
                    f"routes with such names are in {usual}.",
                    "medium",
                )


def _style_counts(project: Project) -> Counter[str]:
    """Style -> how many routes have a word in it."""
    counts: Counter[str] = Counter()
    for known in project.routes:
        counts.update({style for _, style in _styles(known.path)})
    return counts


def _styles(path: str) -> Iterator[tuple[str, str]]:
    """(Word, style) of each fixed part of a path that is made of several words."""
    for part in path.split("/"):
        if "{" in part or "." in part:
            continue
        if re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)+", part):
            yield part, "kebab-case"
        elif re.fullmatch(r"[a-z0-9]+(?:_[a-z0-9]+)+", part):
            yield part, "snake_case"
        elif re.fullmatch(r"[a-z0-9]+(?:[A-Z][a-z0-9]*)+", part):
            yield part, "camelCase"


# --- Helpers


def proposal(
    source: Source, place: Place, rule: str, message: str, confidence: Confidence
) -> Proposal:
    return Proposal(
        first_line(source, place.span),
        rule,
        message,
        source=f"rule:{rule}.project",
        author="local",
        confidence=confidence,
    )


def first_line(source: Source, span: Span) -> Span:
    """What of a span stands on its first line; a call's handler below it is left out."""
    end = min(span.end, source.lines.end(source.lines.line_of(span.start)))
    return Span(span.start, max(end, span.start + 1))


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _short(path: str, beside: str) -> str:
    """A file's path as told from another file: without the folders that both lie in."""
    one, other = path.split("/"), beside.split("/")
    shared = 0
    while shared < min(len(one), len(other)) - 1 and one[shared] == other[shared]:
        shared += 1
    return "/".join(one[shared:])
