"""What one description says in two ways: versions, lists, pages, errors, names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...core.model import Span
from ...core.names import HYPHENATED_PASCAL, KEBAB, UPPER_SNAKE, words
from ...core.text import quoted
from ..report import Checks, Report
from ..tree import Node
from .model import Api, Operation
from .naming import VERSION_SEGMENT, path_of_url


def inconsistent_version(api: Api) -> Iterator[Report]:
    """Paths with a version beside paths without one, or a version in the server's URL too."""
    # Health checks, logins and the like are about the service and no version of its API.
    of_api = [path for path in api.paths if not _UNVERSIONED.intersection(words(path))]
    versions = {path: _version(path) for path in of_api}
    versioned = {path: version for path, version in versions.items() if version}
    if not versioned:
        return
    bases = [url.text for server in api.servers if (url := server.get("url")) is not None]
    base = next((v for one in (*bases, api.root.text_at("basePath")) if (v := _version(one))), "")
    usual = Counter(versioned.values()).most_common(1)[0][0]
    for path, version in versions.items():
        place = api.paths[path].place
        if version and base:
            yield Report(
                place,
                f"`{quoted(path)}` holds the version `{quoted(version)}`, and the server's URL "
                f"`{quoted(base)}`. Say it in one place.",
            )
        elif not version and not base and 2 * len(versioned) >= len(versions):
            yield Report(
                place,
                f"`{quoted(path)}` has no version, and {len(versioned)} of the "
                f"{len(versions)} paths have one. Give it the same.",
            )
        elif version and 2 * len(versioned) < len(versions):
            yield Report(
                place,
                f"`{quoted(path)}` holds a version, and most paths hold none. Give the version in "
                "one place for all of them.",
            )
        elif version and version != usual:
            yield Report(
                place,
                f"`{quoted(path)}` is of version {quoted(version)}, and most paths are of "
                f"{quoted(usual)}. Describe each version in a file of its own.",
                "medium",
            )


def base_path_in_paths(api: Api) -> Iterator[Report]:
    """`/api` or a version that each path repeats, where the server's URL would say it once."""
    firsts = [path.split("/")[1] for path in api.paths]
    is_base = firsts and (
        firsts[0].lower() in ("api", "rest") or VERSION_SEGMENT.fullmatch("/" + firsts[0])
    )
    if is_base and len(firsts) > 2 and len(set(firsts)) == 1:
        paths = api.root.members["paths"]
        where = "`basePath`" if api.version == "2.0" else "the URL under `servers`"
        yield Report(
            paths.place,
            f"Each of the {len(firsts)} paths begins with `/{quoted(firsts[0])}`. Move it to "
            f"{where}.",
        )


def inconsistent_pages(api: Api) -> Iterator[Report]:
    """Lists that are paged in different ways: by cursor and by page, `limit` and `per_page`."""
    for kinds, about in ((_WAYS, "paged by"), (_SIZES, "limited by")):
        named = [
            _Named(kinds[spelled], one.name, one.place)
            for operation in api.operations
            if operation.method == "get"
            for one in operation.parameters
            if one.location == "query" and (spelled := "_".join(words(one.name))) in kinds
        ]
        for odd, usual in _odd_ones(named):
            yield Report(
                odd.place,
                f"This list is {about} `{quoted(odd.name)}`, and most others by "
                f"`{quoted(usual.name)}`. Let clients page all lists in one way.",
            )


def inconsistent_list(api: Api) -> Iterator[Report]:
    """Some lists bare and some in an object, or in objects under different names."""
    named = []
    for operation in api.operations:
        if operation.method == "get" and operation.success is not None:
            for _, media, schema in api.content(operation.success.node)[:1]:
                way = _list_way(api, schema, operation) if schema is not None else ""
                if way:
                    named.append(_Named(way, way, media.place))
    for odd, usual in _odd_ones(named):
        yield Report(
            odd.place,
            f"This list comes {_in_words(odd.name)}, and most others {_in_words(usual.name)}. "
            "Answer all lists alike.",
            "medium",
        )


def _list_way(api: Api, schema: Node, operation: Operation) -> str:
    """ "[]" for a bare list, the property that holds it in an object, or "" for no list."""
    if schema.text_at("type") == "array":
        return "[]"
    if operation.ends_in_parameter:
        return ""
    lists = [
        name
        for name, one in api.properties(schema).items()
        if api.resolve(one).text_at("type") == "array"
    ]
    return lists[0] if len(lists) == 1 and lists[0].lower() in _ENVELOPES else ""


def _in_words(way: str) -> str:
    return "as a bare list" if way == "[]" else f"under `{quoted(way)}`"


def inconsistent_errors(api: Api) -> Iterator[Report]:
    """Errors of different media types, or whose bodies have nothing in common."""
    done: set[int] = set()
    types: list[_Named] = []
    shapes: list[_Named] = []
    fields: dict[str, frozenset[str]] = {}
    for operation in api.operations:
        for response in operation.responses:
            content = api.content(response.node)
            is_error = response.code[:1] in ("4", "5") or response.code == "default"
            if not is_error or not content or id(response.node.value) in done:
                continue
            done.add(id(response.node.value))
            media_type, _, schema = content[0]
            if media_type:
                kind = media_type.split(";")[0].strip().lower()
                types.append(_Named(kind, kind, response.place))
            names = frozenset(api.properties(schema)) if schema is not None else frozenset()
            if names:
                shape = ", ".join(sorted(names))
                fields[shape] = names
                shapes.append(_Named(shape, shape, response.place))
    told: set[Span] = set()
    for odd, usual in _odd_ones(types):
        told.add(odd.place)
        yield Report(
            odd.place,
            f"This error is sent as `{quoted(odd.name)}`, and most others as "
            f"`{quoted(usual.name)}`. Give all errors one form.",
        )
    for odd, usual in _odd_ones(shapes):
        # What adds to the usual fields, or leaves out optional ones, can be read alike.
        if odd.place not in told and not fields[odd.name] & fields[usual.name]:
            yield Report(
                odd.place,
                "This error has nothing in common with most others, which hold "
                f"`{quoted(usual.name)}`. Give all errors one form, which clients read once.",
            )


def inconsistent_schema_case(api: Api) -> Iterator[Report]:
    """Schemas that begin with a small letter or hold `_`, where others are in PascalCase."""
    named = [
        _Named(style, name, node.place)
        for name, node in api.components("schemas").items()
        if (style := _type_style(name))
    ]
    for odd, usual in _odd_ones(named):
        yield Report(
            odd.place,
            f"The schema `{quoted(odd.name)}` is in {odd.kind}, and most others are in "
            f"{usual.kind}. Use one style.",
            "medium",
        )


def inconsistent_header_case(api: Api) -> Iterator[Report]:
    """Headers of one's own in small letters beside such with capitals."""
    named = [
        _Named(style, name, place)
        for name, place in api.headers.items()
        if (style := _header_style(name))
    ]
    for odd, usual in _odd_ones(named):
        yield Report(
            odd.place,
            f"The header `{quoted(odd.name)}` is in {odd.kind}, and most others are in "
            f"{usual.kind}. Use one style.",
        )


def inconsistent_date_name(api: Api) -> Iterator[Report]:
    """`created_at` beside `updatedDate`: times whose names end in different words."""
    named = [
        _Named(last, schema.name, schema.place)
        for schema in api.schemas
        if schema.role == "property" and schema.node.text_at("format") == "date-time"
        if (last := (words(schema.name) or [""])[-1]) in _TIME_ENDINGS
        and len(words(schema.name)) > 1
    ]
    for odd, usual in _odd_ones(named):
        yield Report(
            odd.place,
            f"`{quoted(odd.name)}` names a time in another way than most, such as "
            f"`{quoted(usual.name)}`. Let them end alike.",
            "medium",
        )


def inconsistent_enums(api: Api) -> Iterator[Report]:
    """An enum in small letters among such in capitals, or the other way round."""
    named = []
    for schema in api.schemas:
        values = [value for value in schema.node.items("enum") if value.text]
        styles = {_value_style(value.text) for value in values} - {""}
        # Codes such as currencies are in capitals whatever the rest is in.
        if len(styles) == 1 and any(len(value.text) > 3 for value in values):
            named.append(_Named(styles.pop(), values[0].text, values[0].span))
    for odd, usual in _odd_ones(named, least=3):
        yield Report(
            odd.place,
            f"The values of this enum are in {odd.kind}, and those of most others in {usual.kind}, "
            f"such as `{quoted(usual.name)}`. Write all in one style.",
            "medium",
        )


def inconsistent_id(api: Api) -> Iterator[Report]:
    """Ids that are numbers here and texts there."""
    named = []
    for schema in api.schemas:
        if schema.role == "property" and (words(schema.name) or [""])[-1] == "id":
            kind = "text" if schema.is_a("string") else "number" if schema.is_a("integer") else ""
            if kind:
                named.append(_Named(kind, schema.name, schema.place))
    for odd, usual in _odd_ones(named, least=3):
        yield Report(
            odd.place,
            f"`{quoted(odd.name)}` is a {odd.kind}, and most ids are {usual.kind}s. Use one type.",
            "medium",
        )


# --- What they share


@dataclass(frozen=True, slots=True)
class _Named:
    """One thing that is done in some way."""

    kind: str
    name: str
    place: Span


def _odd_ones(named: Sequence[_Named], least: int = 2) -> Iterator[tuple[_Named, _Named]]:
    """Each that differs from the commonest kind, with the first of that kind, once for a place.

    Of `least` in all there must be some of the commonest kind; where kinds are equally common,
    the one that comes first is the usual one.
    """
    counts = Counter(one.kind for one in named)
    if len(counts) < 2 or len(named) < least:
        return
    usual = next(one for one in named if one.kind == counts.most_common(1)[0][0])
    told: set[Span] = set()
    for one in named:
        if one.kind != usual.kind and one.place not in told:
            told.add(one.place)
            yield one, usual


def _version(url: str) -> str:
    found = VERSION_SEGMENT.search(url if url.startswith("/") else path_of_url(url))
    return found[0].strip("/").lower() if found else ""


def _type_style(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        return ""  # Generated names hold dots and the like.
    if "-" in name:
        return "kebab-case"
    if name[0].isupper():
        return "" if "_" in name else "PascalCase"
    return "snake_case" if "_" in name else "camelCase"


def _header_style(name: str) -> str:
    if "-" not in name or "_" in name:
        return ""
    if KEBAB.fullmatch(name):
        return "lower case"
    return "Hyphenated-Pascal-Case" if HYPHENATED_PASCAL.fullmatch(name) else ""


def _value_style(text: str) -> str:
    if UPPER_SNAKE.fullmatch(text) and re.search("[A-Z]{2}", text):
        return "capitals"
    return "small letters" if re.fullmatch(r"[a-z][a-z0-9]+(?:[_-][a-z0-9]+)*", text) else ""


_UNVERSIONED = frozenset(
    {"health", "healthz", "ready", "readyz", "live", "livez", "ping", "status", "version"}
    | {"metrics", "info", "docs", "openapi", "well", "oauth", "token", "login", "auth"}
)
_WAYS = {
    **dict.fromkeys(("cursor", "after", "before", "page_token", "next_token", "marker"), "cursor"),
    **dict.fromkeys(("starting_after", "ending_before", "continuation_token"), "cursor"),
    **dict.fromkeys(("offset", "skip", "start", "start_index"), "offset"),
    **dict.fromkeys(("page", "page_number", "page_no", "page_index"), "page"),
}
_SIZES = {
    name: name
    for name in ("limit", "per_page", "page_size", "size", "max_results", "top", "page_limit")
}
_ENVELOPES = frozenset(
    {"items", "data", "results", "result", "records", "entries", "content", "values", "list"}
)
_TIME_ENDINGS = frozenset({"at", "on", "date", "time", "timestamp", "datetime"})

CHECKS: Checks = {
    "api-design/openapi-inconsistent-version": inconsistent_version,
    "api-design/openapi-base-path-in-paths": base_path_in_paths,
    "api-design/openapi-inconsistent-pages": inconsistent_pages,
    "api-design/openapi-inconsistent-list": inconsistent_list,
    "api-design/openapi-inconsistent-errors": inconsistent_errors,
    "api-design/openapi-inconsistent-schema-case": inconsistent_schema_case,
    "api-design/openapi-inconsistent-header-case": inconsistent_header_case,
    "api-design/openapi-inconsistent-date-name": inconsistent_date_name,
    "api-design/openapi-inconsistent-enums": inconsistent_enums,
    "api-design/openapi-inconsistent-id": inconsistent_id,
}
