"""How resources, parameters, properties and headers are called."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from ...core.model import Span
from ...core.names import (
    CAMEL,
    HYPHENATED_PASCAL,
    KEBAB,
    PASCAL,
    SNAKE,
    UPPER_SNAKE,
    is_plural,
    is_verb,
    word_set,
    words,
)
from ...core.text import quoted
from ..report import Checks, Report, each_or_once
from .model import Api, Operation

# --- Paths


def verb_in_path(api: Api) -> Iterator[Report]:
    named = {segment.lower() for path in api.paths for segment in _fixed_segments(path)}
    for path, item in api.paths.items():
        for segment in _fixed_segments(path):
            spelled = words(segment)
            if not spelled or not is_verb(spelled[0]) or segment.lower() in _ACCEPTED_ACTIONS:
                continue
            # One word alone may be a noun: `/orders/{id}/transfer`.
            if re.search(r"[a-z][A-Z]", segment) or spelled[0] in _PLAIN_VERBS:
                yield Report(
                    item.place,
                    f"`{quoted(segment)}` in `{quoted(path)}` is an action. Name the resource, and "
                    "let the method say what is done with it.",
                )
                break
            # Where there are `/load_balancers`, a `load_balancer` is one of them.
            is_thing = f"{segment.lower()}s" in named
            if len(spelled) > 1 and not is_plural(spelled[-1]) and not is_thing:
                yield Report(
                    item.place,
                    f"`{quoted(segment)}` in `{quoted(path)}` reads as an action. Name a resource, "
                    "and let the method say what is done with it.",
                    "medium",
                )
                break
            if spelled[0] not in _OFTEN_NOUNS:
                yield Report(
                    item.place,
                    f"`{quoted(segment)}` in `{quoted(path)}` is an action. Model it as a "
                    "resource, "
                    "such as a state to change or an entry to create.",
                    "medium",
                )
                break


def get_with_side_effect(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        if operation.method in ("get", "head"):
            changing = [verb for verb in _verbs(operation) if verb in _CHANGING_VERBS]
            if changing:
                yield Report(
                    operation.place,
                    f"`{quoted(operation.title)}` seems to {changing[0]} something. GET is "
                    "repeated, cached and fetched ahead freely: use POST, PUT, PATCH or DELETE.",
                    "medium",
                )


def tunnelled_method(api: Api) -> Iterator[Report]:
    """A method that does what another is for: a POST that deletes, a DELETE that creates."""
    for operation in api.operations:
        several = {"batch", "bulk", "many", "multiple", "all"}
        named = words(operation.node.text_at("operationId"))
        is_bulk = several.intersection(named) or several.intersection(operation.segments)
        for verb in _verbs(operation) if not is_bulk else ():
            better = _METHODS_OF_VERBS.get(verb)
            # What is asked for in a body is a search, and a POST.
            is_search = "get" in (better or ()) and operation.body is not None
            # A POST to one item is reported as such.
            is_item = verb in ("update", "modify", "edit") and operation.ends_in_parameter
            if is_search or is_item:
                continue
            if better and operation.method not in (*better, "get", "head"):
                yield Report(
                    operation.place,
                    f"`{quoted(operation.title)}` seems to {verb} something, which "
                    f"{better[0].upper()} is for. Use it, or correct the name.",
                    "medium",
                )
                break


def _verbs(operation: Operation) -> list[str]:
    """The verbs that its operation id, its summary and its path begin or end with."""
    named = words(operation.node.text_at("operationId"))
    path = [words(one)[:1] for one in operation.segments[-1:] if "{" not in one]
    found = named[:1] if len(named) > 1 else []
    texts = (operation.node.text_at(key) for key in ("summary", "description"))
    said = next((words(text)[:2] for text in texts if text.strip()), [])
    if len(said) == 2:
        verb = said[0] if is_verb(said[0]) else _THIRD_PERSON.sub("", said[0])
        # "Deletes orders" and "Update an order", and no "Updates of orders".
        is_said = verb in _NEVER_NOUNS and said[1] not in _PREPOSITIONS
        if is_said or said[1] in _ARTICLES:
            found.append(verb)
    found += [word for one in path for word in one]
    return [verb for verb in found if is_verb(verb)]


def singular_resource(api: Api) -> Iterator[Report]:
    """A collection in the singular: a segment before an id, or what is listed and added to."""
    reported: set[str] = set()
    for path, item in api.paths.items():
        segments = [segment for segment in path.split("/") if segment]
        for index, segment in enumerate(segments):
            if segment in reported or "{" in segment or not _is_noun(segment):
                continue
            is_last = index == len(segments) - 1
            has_id = not is_last and segments[index + 1].startswith("{")
            listed = is_last and (item.get("post") is not None or _lists(api, path))
            is_first = all(not _is_noun(before) for before in segments[:index])
            if (has_id or (listed and is_first)) and not is_plural(words(segment)[-1]):
                reported.add(segment)
                yield Report(
                    item.place,
                    f"`{quoted(segment)}` in `{quoted(path)}` stands for many. Use the plural.",
                    "high" if has_id else "medium",
                )


def path_case(api: Api) -> Iterator[Report]:
    lacking, total = [], 0
    for path, item in api.paths.items():
        fixed = list(_fixed_segments(path))
        total += any(len(words(one)) > 1 or not one.islower() for one in fixed)
        wrong = [
            one
            for one in fixed
            if not one.replace(".", "").isdecimal()
            and not KEBAB.fullmatch(one)
            and not _ODD_SEGMENT.search(one)
        ]
        if wrong:
            lacking.append(
                (
                    item.place,
                    f"`{quoted(wrong[0])}` in `{quoted(path)}` is not in lower case with hyphens. "
                    f"Write `{quoted('-'.join(words(wrong[0])))}`.",
                )
            )
    yield from each_or_once(
        lacking,
        total,
        "None of the {total} paths is in lower case with hyphens, as URLs are by convention. Keep "
        "it for a new version.",
        few=10,
    )


def empty_segment(api: Api) -> Iterator[Report]:
    for path, item in api.paths.items():
        if "//" in path:
            yield Report(item.place, f"`{quoted(path)}` has an empty segment. Remove a slash.")


def extension_in_path(api: Api) -> Iterator[Report]:
    for path, item in api.paths.items():
        # What others agreed upon, such as /.well-known/jwks.json, /openapi.yaml and /robots.txt.
        is_agreed = re.search(r"/\.well-known/|/(?:openapi|swagger|robots|sitemap)\.", path)
        if _FILE_ENDING.search(path) and not is_agreed:
            yield Report(
                item.place,
                f"`{quoted(path)}` ends in a file's ending. Let `Accept` and `Content-Type` say "
                "the "
                "format.",
            )


def character_in_path(api: Api) -> Iterator[Report]:
    """What separates no segments, or must be escaped in every URL."""
    for path, item in api.paths.items():
        fixed = re.sub(r"\{[^{}]*\}", "", path.split("?")[0])
        wrong = re.search(r"[^\w/.:~@()$*'%!-]|[^\x00-\x7f]|%(?![0-9A-Fa-f]{2})|%20", fixed)
        if wrong is not None and wrong[0] not in "{}":
            said = "a space" if wrong[0] in " %20" else f"`{quoted(wrong[0])}`"
            yield Report(
                item.place,
                f"`{quoted(path)}` holds {said}. Separate levels by `/` and words by `-`, and "
                "let the query say what is chosen.",
                "medium" if wrong[0] in ",;=&+" else "high",
            )


def filter_in_path(api: Api) -> Iterator[Report]:
    """What a query is for: `/users/by-email/{email}`, `/orders/page/{page}`."""
    for operation in api.operations:
        if operation.method != "get":
            continue
        segments = operation.segments
        for before, segment in itertools.pairwise(("", *segments)):
            spelled = words(segment)
            parameter = re.fullmatch(r"\{([^{}]+)\}", segment)
            if parameter is not None:
                name = "_".join(spelled)
                what = name if name in _QUERY_NAMES and "{" not in before else ""
            else:
                is_by = "by" in spelled and (spelled[0] == "by" or is_verb(spelled[0]))
                what = segment if is_by or segment in ("filter", "sorted", "order-by") else ""
            if what:
                yield Report(
                    operation.place,
                    f"`{quoted(what)}` in `{quoted(operation.path)}` chooses among entries. Take "
                    f"it as a parameter of the query of the collection.",
                    "medium",
                )
                break


def joined_words(api: Api) -> Iterator[Report]:
    """`/userprofiles`, where the description itself writes `UserProfile` elsewhere."""
    known: dict[str, str] = {}
    names = [*api.components("schemas"), *(schema.name for schema in api.schemas)]
    names += [one.node.text_at("operationId") for one in api.operations]
    names += [segment for path in api.paths for segment in _fixed_segments(path)]
    for name in names:
        spelled = words(name)
        for first, second in itertools.pairwise(spelled):
            if len(first) > 2 and len(second) > 2 and not is_verb(first):
                known.setdefault(first + second, f"{first}-{second}")
    reported: set[str] = set()
    for path, item in api.paths.items():
        for segment in _fixed_segments(path):
            is_word = segment in _COMPOUNDS or segment.removesuffix("s") in _COMPOUNDS
            if segment in reported or is_word or not re.fullmatch("[a-z]{7,}", segment):
                continue
            better = next(
                (known[one] + ending for one, ending in _singulars(segment) if one in known), ""
            )
            if better:
                reported.add(segment)
                yield Report(
                    item.place,
                    f"`{quoted(segment)}` in `{quoted(path)}` is written as several words "
                    f"elsewhere. Write `{quoted(better)}`.",
                    "medium",
                )


def _singulars(segment: str) -> Iterator[tuple[str, str]]:
    """A word as it is and without its ending of a plural, each with what was left off."""
    yield segment, ""
    if segment.endswith("s"):
        yield segment[:-1], "s"


def deep_nesting(api: Api) -> Iterator[Report]:
    for path, item in api.paths.items():
        segments = [segment for segment in path.split("/") if segment]
        levels = sum(
            "{" not in segment and "{" in before for before, segment in itertools.pairwise(segments)
        )
        if levels >= 3:
            yield Report(
                item.place,
                f"`{quoted(path)}` nests {levels + 1} levels of resources. What has an id of "
                "its own "
                "can be reached at the top, without its parents.",
            )


def many_resources(api: Api) -> Iterator[Report]:
    names = {next(_fixed_segments(path), "") for path in api.paths}
    if len(names - {""}) > 8:
        paths = api.root.get("paths")
        yield Report(
            paths.place if paths is not None else api.root.place,
            f"The API has {len(names)} kinds of resources. Up to eight belong together; split it "
            "by what they are for.",
        )


def api_in_path(api: Api) -> Iterator[Report]:
    bases = [url for server in api.servers if (url := server.get("url")) is not None]
    base_path = api.root.get("basePath")
    for node in [*bases, *([base_path] if base_path is not None else [])]:
        if re.match(r"/api(?:/|$)", path_of_url(node.text)):
            yield Report(
                node.span, "`/api` says nothing that a caller does not know. Leave it out."
            )
    for path, item in api.paths.items():
        if re.match(r"/api(?:/|$)", path):
            yield Report(item.place, f"`/api` in `{quoted(path)}` says nothing. Leave it out.")


def version_in_url(api: Api) -> Iterator[Report]:
    base_path = api.root.get("basePath")
    bases = [url for server in api.servers if (url := server.get("url")) is not None]
    for node in [*bases, *([base_path] if base_path is not None else [])]:
        if VERSION_SEGMENT.search(path_of_url(node.text)):
            yield Report(
                node.span,
                "A version in the URL makes every change a new API. Stay compatible, or give the "
                "version in the media type.",
            )
    for path, item in api.paths.items():
        if VERSION_SEGMENT.search(path):
            yield Report(
                item.place,
                f"`{quoted(path)}` holds a version. Stay compatible, or give the version in the "
                "media type.",
            )


def inconsistent_path_parameter(api: Api) -> Iterator[Report]:
    """`/users/{id}` and `/users/{userId}/orders`: one thing with two names."""
    names: dict[str, str] = {}
    reported: set[tuple[str, str]] = set()
    for path, item in api.paths.items():
        prefix = ""
        for segment in path.split("/")[1:]:
            match = re.fullmatch(r"\{([^{}]+)\}", segment)
            if match is not None:
                first = names.setdefault(prefix, match[1])
                if first != match[1] and (prefix, match[1]) not in reported:
                    reported.add((prefix, match[1]))
                    yield Report(
                        item.place,
                        f"What is `{{{quoted(match[1])}}}` here is `{{{quoted(first)}}}` in other "
                        f"paths below `{quoted(prefix)}`. Use one name.",
                        "medium",
                    )
            prefix += "/" + re.sub(r"\{[^}]*\}", "{}", segment)


# --- Parameters, properties, ids


def parameter_case(api: Api) -> Iterator[Report]:
    """Query and path parameters that are neither in snake_case nor camelCase, or in the rarer."""
    named = [
        (name.text, name.span)
        for parameter in api.parameters
        if parameter.text_at("in") in ("query", "path", "formData")
        and (name := parameter.get("name")) is not None
        and not re.search(r"[.\[\]$:]", name.text)
    ]
    yield from _inconsistent(named, "parameter")


def parameter_not_snake_case(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        name = parameter.get("name")
        if (
            name is not None
            and parameter.text_at("in") == "query"
            and name.text
            and not SNAKE.fullmatch(name.text)
        ):
            yield Report(name.span, f"`{quoted(name.text)}` is not in snake_case. {_SNAKE_ADVICE}")


def property_case(api: Api) -> Iterator[Report]:
    """As parameter_case, of the properties of all schemas."""
    named = [(s.name, s.place) for s in api.schemas if s.role == "property"]
    yield from _inconsistent(
        [(name, place) for name, place in named if re.fullmatch(r"[A-Za-z][\w-]*", name)],
        "property",
    )


def property_not_snake_case(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if schema.role == "property" and not SNAKE.fullmatch(schema.name):
            yield Report(
                schema.place, f"`{quoted(schema.name)}` is not in snake_case. {_SNAKE_ADVICE}"
            )


def operation_id_case(api: Api) -> Iterator[Report]:
    named = [
        (id_.text, id_.span)
        for operation in api.operations
        if (id_ := operation.node.get("operationId")) is not None
        and re.fullmatch(r"[A-Za-z][\w-]*", id_.text)
    ]
    styles = {"PascalCase": PASCAL, "kebab-case": KEBAB}
    yield from _inconsistent(named, "operationId", styles)


def schema_case(api: Api) -> Iterator[Report]:
    for name, node in api.components("schemas").items():
        if not PASCAL.fullmatch(name):
            yield Report(
                node.place,
                f"`{quoted(name)}` names a type in another style than PascalCase. Write "
                f"`{quoted(''.join(word.capitalize() for word in words(name)))}`.",
            )


def singular_array_name(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        spelled = words(schema.name)
        if schema.role == "property" and schema.is_a("array") and spelled:
            last = spelled[-1] if not spelled[-1].isdigit() else (spelled[-2:] or [""])[0]
            is_adjective = spelled[0] in ("by", "in", "with", "not") or last.endswith("ed")
            if not is_plural(last) and last not in _COLLECTIVE and not is_adjective:
                yield Report(
                    schema.place,
                    f"`{quoted(schema.name)}` holds several. Use the plural.",
                )


def enum_case(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        for value in schema.node.items("enum"):
            if value.text and not UPPER_SNAKE.fullmatch(value.text):
                yield Report(
                    value.span,
                    f"`{quoted(value.text)}` is not in UPPER_SNAKE_CASE, as constants are.",
                )
                break


def inconsistent_enum_case(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        values = [value for value in schema.node.items("enum") if value.text]
        cases = [_letter_case(value.text) for value in values]
        counts = Counter(case for case in cases if case)
        if len(counts) > 1:
            usual = counts.most_common(1)[0][0]
            value, case = next(
                (one, case)
                for one, case in zip(values, cases, strict=True)
                if case not in ("", usual)
            )
            yield Report(
                value.span,
                f"`{quoted(value.text)}` is in {case}, and most of the values are in {usual}. "
                "Write "
                "all in one style.",
                "medium",
            )


# --- Headers


def header_case(api: Api) -> Iterator[Report]:
    for name, place in api.headers.items():
        if "_" in name or re.fullmatch(r"[a-z]+[A-Z]\w*", name):
            yield Report(
                place,
                f"`{quoted(name)}` is not spelled as headers are, and some proxies drop names with "
                f"underscores. Write `{quoted('-'.join(w.capitalize() for w in words(name)))}`.",
                "medium" if "_" not in name else "high",
            )


def header_not_capitalised(api: Api) -> Iterator[Report]:
    for name, place in api.headers.items():
        if not HYPHENATED_PASCAL.fullmatch(name) and name.lower() not in _USUAL_HEADERS:
            yield Report(
                place,
                f"`{quoted(name)}` is not in Hyphenated-Pascal-Case. Write "
                f"`{quoted('-'.join(word.capitalize() for word in words(name)))}`.",
            )


def proprietary_header(api: Api) -> Iterator[Report]:
    for name, place in api.headers.items():
        if name.lower().startswith("x-") and not _USUAL_X_HEADER.match(name):
            yield Report(
                place,
                f"`{quoted(name)}` is a private header: proxies and tools do not know it, and `X-` "
                "is deprecated (RFC 6648). Use a standard header, a parameter or the body.",
            )


def ignored_header_parameter(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        name = parameter.get("name")
        if name is None or parameter.text_at("in") != "header" or api.version == "2.0":
            continue
        instead = _IGNORED_HEADERS.get(name.text.lower())
        if instead:
            yield Report(
                name.span,
                f"OpenAPI ignores a header parameter `{quoted(name.text)}`. Describe it with "
                f"{instead} instead.",
            )
    for response in api.responses if api.version != "2.0" else ():
        for header, node in response.node.children("headers").items():
            if header.lower() == "content-type":
                yield Report(
                    node.place,
                    "OpenAPI ignores a response header `Content-Type`. The media types under "
                    "`content` say it.",
                )


# --- What they share


def _inconsistent(
    named: Sequence[tuple[str, Span]],
    kind: str,
    more_styles: dict[str, re.Pattern[str]] | None = None,
) -> Iterator[Report]:
    """A report for each distinct name that is in no known style, or in the rarer one of two."""
    styles: dict[str, re.Pattern[str]] = {"snake_case": SNAKE, "camelCase": CAMEL}
    styles |= more_styles or {}
    # Names of one word are in both.
    styled = [(name, place, _style(name, styles)) for name, place in named]
    counts = Counter(style for _, _, style in styled if style not in ("any", ""))
    usual = counts.most_common(1)[0][0] if counts else "any"
    tied = len(counts) > 1 and len(set(counts.values())) == 1
    done: set[str] = set()
    for name, place, style in styled:
        if name in done or style in ("any", usual):
            continue
        done.add(name)
        if style == "":
            yield Report(
                place,
                f"The {kind} `{quoted(name)}` is spelled in no usual way. Write "
                f"`{quoted('_'.join(words(name)))}` or `{quoted(_camel(name))}`.",
                "medium" if kind == "property" else "high",
            )
        else:
            share = "the others are" if tied or counts[usual] == 1 else "most others are"
            yield Report(
                place,
                f"The {kind} `{quoted(name)}` is in {style}, and {share} in {usual}. Use one "
                "style.",
                "medium",
            )


def _style(name: str, styles: dict[str, re.Pattern[str]]) -> str:
    matching = [style for style, pattern in styles.items() if pattern.fullmatch(name)]
    if len(matching) > 1:
        return "any"
    return matching[0] if matching else ""


def _camel(name: str) -> str:
    first, *rest = words(name) or [""]
    return first + "".join(word.capitalize() for word in rest)


def _letter_case(text: str) -> str:
    letters = re.sub(r"[^A-Za-z]", "", text)
    if not re.fullmatch(r"[A-Za-z][\w-]*", text) or len(letters) < 2:
        return ""
    if letters.isupper():
        return "capitals"
    if letters.islower():
        return "lower case"
    return "mixed case"


def _fixed_segments(path: str) -> Iterator[str]:
    """The segments that are no parameters, without a version, `api` and a custom method."""
    for segment in path.split("?")[0].split("/"):
        name = segment.split(":")[0]
        if (
            name
            and "{" not in segment
            and not VERSION_SEGMENT.fullmatch("/" + name)
            and name.lower() not in ("api", "rest")
        ):
            yield name


def _is_noun(segment: str) -> bool:
    spelled = words(segment)
    is_path_part = segment.lower() in ("api", "rest") or VERSION_SEGMENT.fullmatch("/" + segment)
    return bool(spelled) and not is_path_part and not is_verb(spelled[0]) and "." not in segment


def _lists(api: Api, path: str) -> bool:
    for operation in api.operations:
        if operation.path == path and operation.method == "get" and operation.success is not None:
            for _, _, schema in api.content(operation.success.node):
                if schema is not None and schema.text_at("type") == "array":
                    return True
    return False


def path_of_url(url: str) -> str:
    """The path of a server's URL, whose variables may stand anywhere in it."""
    return urlsplit(re.sub(r"\{[^}]*\}", "x", url)).path


VERSION_SEGMENT = re.compile(r"/v[0-9]+(?:\.[0-9]+)*(?=/|$)", re.IGNORECASE)
_ODD_SEGMENT = re.compile(r"^[.*$]|\.[a-z]{2,5}$")
_ACCEPTED_ACTIONS = word_set("login logout signin signout signup search batch bulk query")
_PLAIN_VERBS = word_set(
    """
    get fetch retrieve create add delete remove update edit modify save insert upsert make
    generate calculate compute execute perform do handle
    """
)
_OFTEN_NOUNS = word_set(
    """
    list search query view show display post check change process transfer share like link
    call import export upload download archive backup scan print refund report store lookup
    copy grant block lock buy pay follow run build read write patch set start end find load
    browse filter order register request reset refresh verify extend login logout convert
    """
)
_FILE_ENDING = re.compile(
    r"\.(?:json|xml|ya?ml|csv|txt|pdf|zip|xlsx?|docx?|php|aspx?|asmx|svc|jspx?|html?|do|action|cgi)"
    r"(?=/|$)",
    re.IGNORECASE,
)
_COMPOUNDS = word_set(
    """
    userinfo username password metadata timestamp database webhook keyword filename feedback
    workflow dashboard checklist bookmark playlist hashtag newsletter datatype namespace endpoint
    dataset hostname codebase payslip timesheet timeline timetable workspace whitelist blacklist
    allowlist denylist wishlist watchlist website homepage voicemail backlog layout
    """
)
_QUERY_NAMES = word_set(
    "page page_number page_size per_page limit offset cursor sort order sort_by order_by filter"
)
_THIRD_PERSON = re.compile(r"(?<=ch)es$|(?<=sh)es$|(?<!s)s$")
_NEVER_NOUNS = word_set("create delete remove retrieve fetch get insert modify destroy")
_PREPOSITIONS = word_set("of for from to by in on at with about since")
_ARTICLES = word_set("a an the all one this some single existing new specific given multiple")
_METHODS_OF_VERBS = {
    **dict.fromkeys(("get", "fetch", "retrieve", "list", "find"), ("get", "head")),
    **dict.fromkeys(("delete", "destroy"), ("delete",)),
    **dict.fromkeys(("create", "insert"), ("post", "put")),
    **dict.fromkeys(("update", "modify", "edit"), ("patch", "put")),
}
_CHANGING_VERBS = word_set(
    """
    create add insert delete remove destroy update modify edit save upsert activate deactivate
    enable disable cancel approve reject purge clear revoke reset send publish unpublish
    execute
    """
)
_COLLECTIVE = word_set(
    """
    filter query parse
    list items array collection set path history queue stack matrix content data tree log
    batch page range bounds geometry coordinates by with in of from enum any all allow deny
    only except roi bbox rgb required body position location embedding vector point polygon
    """
)
_USUAL_HEADERS = word_set("etag te dnt www-authenticate x-flow-id x-request-id")
_USUAL_X_HEADER = re.compile(
    r"(?i)x-(?:rate-?limit|request-id|correlation-id|flow-id|forwarded|api-key|csrf|xsrf|trace|"
    r"b3-|amzn?-|goog-|tenant-id|total-count|content-type-options|frame-options|xss-protection|"
    r"real-ip|requested-with|http-method-override|hub-|signature|idempotency-key|mobile-advertising"
    r"|sales-channel|frontend-type|device-type|app-domain|device-os)"
)
_IGNORED_HEADERS = {
    "accept": "the media types under `content`",
    "content-type": "the media types under `content`",
    "authorization": "`security`",
}
_SNAKE_ADVICE = "Write it in lower case with underscores."


CHECKS: Checks = {
    "api-design/openapi-verb-in-path": verb_in_path,
    "api-design/openapi-get-with-side-effect": get_with_side_effect,
    "api-design/openapi-tunnelled-method": tunnelled_method,
    "api-design/openapi-singular-resource": singular_resource,
    "api-design/openapi-path-case": path_case,
    "api-design/openapi-empty-segment": empty_segment,
    "api-design/openapi-extension-in-path": extension_in_path,
    "api-design/openapi-character-in-path": character_in_path,
    "api-design/openapi-filter-in-path": filter_in_path,
    "api-design/openapi-joined-words": joined_words,
    "api-design/openapi-deep-nesting": deep_nesting,
    "api-design/openapi-many-resources": many_resources,
    "api-design/openapi-api-in-path": api_in_path,
    "api-design/openapi-version-in-url": version_in_url,
    "api-design/openapi-inconsistent-path-parameter": inconsistent_path_parameter,
    "api-design/openapi-parameter-case": parameter_case,
    "api-design/openapi-parameter-not-snake-case": parameter_not_snake_case,
    "api-design/openapi-property-case": property_case,
    "api-design/openapi-property-not-snake-case": property_not_snake_case,
    "api-design/openapi-operation-id-case": operation_id_case,
    "api-design/openapi-schema-case": schema_case,
    "api-design/openapi-singular-array-name": singular_array_name,
    "api-design/openapi-enum-case": enum_case,
    "api-design/openapi-inconsistent-enum-case": inconsistent_enum_case,
    "api-design/openapi-header-case": header_case,
    "api-design/openapi-header-not-capitalised": header_not_capitalised,
    "api-design/openapi-proprietary-header": proprietary_header,
    "api-design/openapi-ignored-header-parameter": ignored_header_parameter,
}
