"""Paths, parameters, operations and servers: whether they fit together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ...core.model import Span
from ...core.text import quoted
from ..report import Checks, Report, each_or_once, replacing
from ..tree import Node
from .model import Api, Operation

# --- Paths and their parameters


def path_parameters(api: Api) -> Iterator[Report]:
    """The braces of a path and the path parameters of its operations name the same things."""
    for path, item in api.paths.items():
        for name, count in Counter(_BRACES.findall(path)).items():
            if name and count > 1:
                yield Report(
                    item.place,
                    f"`{quoted(path)}` names `{{{quoted(name)}}}` twice. Give each parameter a "
                    "name of its own.",
                )
        if not any(operation.item is item for operation in api.operations):
            yield from _unused_path_parameters(api, path, item)
    for operation in api.operations:
        in_path = {name for name in _BRACES.findall(operation.path) if name}
        declared = [one for one in operation.parameters if one.location == "path"]
        names = {parameter.name for parameter in declared}
        for name in sorted(in_path - names):
            if any(one.node.get("$ref") for one in operation.parameters):
                continue  # A reference into another file may well declare it.
            yield Report(
                operation.place,
                f"`{{{quoted(name)}}}` of `{quoted(operation.path)}` is not declared. Add a "
                f"required parameter `{quoted(name)}` with `in: path`.",
            )
        for parameter in declared:
            required = parameter.node.get("required")
            if parameter.name and parameter.name not in in_path:
                yield Report(
                    parameter.place,
                    f"`{quoted(parameter.name)}` is no part of `{quoted(operation.path)}`. Add "
                    f"`{{{quoted(parameter.name)}}}` to the path, or correct its name or `in`.",
                )
            elif required is None or required.value is not True:
                yield Report(
                    required.span if required is not None else parameter.place,
                    f"`{quoted(parameter.name)}` is part of the path, which does not exist without "
                    "it. Set `required: true`.",
                    fix=replacing("Require it", required.span, "true")
                    if required is not None and isinstance(required.value, bool)
                    else None,
                )


def _unused_path_parameters(api: Api, path: str, item: Node) -> Iterator[Report]:
    """What a path without operations declares and does not have."""
    for entry in item.items("parameters"):
        parameter = api.resolve(entry)
        name = parameter.text_at("name")
        if parameter.text_at("in") == "path" and f"{{{name}}}" not in path:
            yield Report(
                entry.place, f"`{quoted(name)}` is no part of `{quoted(path)}`. Remove it."
            )


def duplicate_path(api: Api) -> Iterator[Report]:
    seen: dict[str, str] = {}
    for path, item in api.paths.items():
        shape = re.sub(r"\{[^}]*\}", "{}", path)
        other = seen.setdefault(shape, path)
        if other != path:
            yield Report(
                item.place,
                f"`{quoted(path)}` and `{quoted(other)}` are the same to a router. Keep one of "
                "them.",
            )


def ambiguous_path(api: Api) -> Iterator[Report]:
    """`/users/{id}` and `/{kind}/me`: a URL that is both, of which neither is the nearer one."""
    paths = [(path, path.strip("/").split("/")) for path in api.paths if "{" in path]
    by_length: dict[int, list[tuple[str, list[str]]]] = {}
    for path, segments in paths:
        for other, others in by_length.setdefault(len(segments), []):
            sides = {
                (_is_parameter(one), _is_parameter(two))
                for one, two in zip(segments, others, strict=True)
                if one != two
            }
            if {(True, False), (False, True)} <= sides and (False, False) not in sides:
                yield Report(
                    api.paths[path].place,
                    f"A URL may be `{quoted(path)}` and `{quoted(other)}` alike, and each router "
                    "decides otherwise. Give one of them a fixed segment of its own.",
                )
                break
        by_length[len(segments)].append((path, segments))


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")


def remote_reference(api: Api) -> Iterator[Report]:
    """A part of the description that somebody else's server gives, and may change."""
    done: set[str] = set()
    for reference in api.references:
        host = re.match(r"https?://([^/#?]+)", reference.text)
        if host is not None and reference.text not in done:
            done.add(reference.text)
            yield Report(
                reference.span,
                f"What {quoted(host[1])} answers at the moment becomes a part of this description. "
                "Copy it into a file beside it, or under `components`.",
                "medium",
            )


def empty_path_parameter(api: Api) -> Iterator[Report]:
    for path, item in api.paths.items():
        if "{}" in path:
            yield Report(
                item.place, f"A parameter of `{quoted(path)}` has no name: fill in `{{}}`."
            )


def query_in_path(api: Api) -> Iterator[Report]:
    for path, item in api.paths.items():
        if "?" in path:
            yield Report(
                item.place,
                f"`{quoted(path)}` holds a query. Declare what follows `?` as parameters with "
                "`in: query`.",
            )


def trailing_slash(api: Api) -> Iterator[Report]:
    for path, item in api.paths.items():
        if len(path) > 1 and path.endswith("/"):
            yield Report(
                item.place,
                f"`{quoted(path)}` ends in a slash, and to many routers and clients is another "
                "path without it. Leave the slash out.",
            )


def duplicate_parameter(api: Api) -> Iterator[Report]:
    """Parameters of one name and place in one list; in 2.0 also two bodies, or body and form."""
    lists = [
        owner.items("parameters")
        for operation in api.all_operations
        for owner in (operation.item, operation.node)
    ]
    done: set[int] = set()
    for entries in lists:
        if not entries or id(entries) in done:
            continue
        done.add(id(entries))
        seen: set[tuple[str, str]] = set()
        locations: Counter[str] = Counter()
        for entry in entries:
            node = api.resolve(entry)
            name, location = node.text_at("name"), node.text_at("in")
            if name and (name, location) in seen:
                yield Report(
                    entry.place,
                    f"`{quoted(name)}` in {location or 'this list'} is declared twice. Remove one.",
                )
            elif location == "body" and locations["body"]:
                yield Report(entry.place, "A request has one body. Merge the two parameters.")
            elif (location == "body" and locations["formData"]) or (
                location == "formData" and locations["body"]
            ):
                yield Report(
                    entry.place,
                    "A request has a body or form fields, not both. Remove one kind.",
                )
            seen.add((name, location))
            locations[location] += 1


# --- Operations


def missing_operation_id(api: Api) -> Iterator[Report]:
    lacking = [
        (
            operation.place,
            f"`{quoted(operation.title)}` has no `operationId`, so that code generators invent a "
            "name that changes. Give it one.",
        )
        for operation in api.operations
        if not operation.node.text_at("operationId")
    ]
    yield from each_or_once(
        lacking,
        len(api.operations),
        "None of the {total} operations has an `operationId`, so that code generators invent names "
        "that change. Give each one.",
    )


def duplicate_operation_id(api: Api) -> Iterator[Report]:
    seen: dict[str, Operation] = {}
    for operation in api.all_operations:
        id_ = operation.node.get("operationId")
        if id_ is None or not id_.text:
            continue
        other = seen.setdefault(id_.text, operation)
        if other.node is not operation.node and other.node.value is not operation.node.value:
            yield Report(
                id_.span,
                f"`{quoted(id_.text)}` is the name of `{quoted(other.title)}` too. Give each "
                "operation a name of its own.",
            )


def operation_id_in_url(api: Api) -> Iterator[Report]:
    for operation in api.all_operations:
        id_ = operation.node.get("operationId")
        if id_ is not None and id_.text and not _URL_SAFE.fullmatch(id_.text):
            yield Report(
                id_.span,
                f"`{quoted(id_.text)}` cannot stand in a URL or be a name in code. Use letters, "
                "digits, `_` and `-` alone.",
            )


def success_response(api: Api) -> Iterator[Report]:
    for operation in api.all_operations:
        responses = operation.node.get("responses")
        if responses is None or (operation.kind == "callback" and not responses.members):
            continue
        if not any(_SUCCESS.fullmatch(one.code) for one in operation.responses):
            only_default = [one.code for one in operation.responses] == ["default"]
            yield Report(
                operation.responses_place,
                f"`{quoted(operation.title)}` does not say what it answers when it succeeds. "
                "Declare a response of the 200s, or a redirect.",
                "medium" if only_default else "high",
            )


def undefined_security_scheme(api: Api) -> Iterator[Report]:
    for owner in (api.root, *(operation.node for operation in api.all_operations)):
        for requirement in owner.items("security"):
            for name, scopes in requirement.members.items():
                scheme = api.security_schemes.get(name)
                if scheme is None:
                    where = "components/securitySchemes"
                    if api.version == "2.0":
                        where = "securityDefinitions"
                    yield Report(
                        scopes.place,
                        f"`{quoted(name)}` is not defined under `{where}`. Define it, or correct "
                        "the name.",
                    )
                    continue
                if scheme.text_at("type") != "oauth2":
                    continue
                flows = [scheme, *scheme.children("flows").values()]
                known = {scope for flow in flows for scope in flow.children("scopes")}
                for scope in scopes.elements:
                    if scope.text and scope.text not in known:
                        yield Report(
                            scope.span,
                            f"`{quoted(scope.text)}` is no scope that `{quoted(name)}` lists. Add "
                            "it there, or correct it.",
                        )


def form_without_media_type(api: Api) -> Iterator[Report]:
    if api.version != "2.0":
        return
    forms = {"application/x-www-form-urlencoded", "multipart/form-data"}
    for operation in api.operations:
        if any(parameter.location == "formData" for parameter in operation.parameters):
            consumes = operation.node.items("consumes") or api.root.items("consumes")
            if not any(one.text.split(";")[0] in forms for one in consumes):
                yield Report(
                    operation.place,
                    f"`{quoted(operation.title)}` takes form fields, and does not say so. Add "
                    "`application/x-www-form-urlencoded` or `multipart/form-data` to `consumes`.",
                )


def nested_callbacks(api: Api) -> Iterator[Report]:
    for operation in api.all_operations:
        callbacks = operation.node.get("callbacks")
        if operation.kind == "callback" and callbacks is not None:
            yield Report(
                callbacks.place, "A callback of a callback is called by nobody. Remove it."
            )


def callbacks_in_webhook(api: Api) -> Iterator[Report]:
    for operation in api.all_operations:
        callbacks = operation.node.get("callbacks")
        if operation.kind == "webhook" and callbacks is not None:
            yield Report(callbacks.place, "A webhook has no callbacks. Remove them.")


def servers_in_webhook(api: Api) -> Iterator[Report]:
    for operation in api.all_operations:
        if operation.kind != "webhook":
            continue
        for owner in (operation.item, operation.node):
            servers = owner.get("servers")
            if servers is not None:
                yield Report(
                    servers.place,
                    "A webhook is sent to an address that its receiver gives. Remove `servers`.",
                )


# --- Servers


def missing_servers(api: Api) -> Iterator[Report]:
    if api.version != "2.0" and "paths" in api.root.members:
        yield from _missing(api, "servers", "Add `servers` with its URL.")


def missing_host(api: Api) -> Iterator[Report]:
    if api.version == "2.0":
        yield from _missing(api, "host", "Add `host`, such as api.acme.org.")


def missing_schemes(api: Api) -> Iterator[Report]:
    if api.version == "2.0":
        yield from _missing(api, "schemes", "Add `schemes: [https]`.")


def _missing(api: Api, key: str, advice: str) -> Iterator[Report]:
    node = api.root.get(key)
    if node is None or not (node.text or node.elements):
        place = node.place if node is not None else api.root.place
        yield Report(place, f"It is not said where the API is. {advice}")


def malformed_address(api: Api) -> Iterator[Report]:
    """2.0's `host` with more than a host in it, `basePath` without its slash, or no URL."""
    host, base = api.root.get("host"), api.root.get("basePath")
    if api.version != "2.0":
        host = base = None
    if host is not None and "/" in host.text:
        yield Report(
            host.span,
            f"`{quoted(host.text)}` is more than a host. Move `https` to `schemes`, and the path "
            "to `basePath`.",
        )
    if base is not None and base.text and not base.text.startswith("/"):
        yield Report(base.span, f"A base path begins with a slash: write `/{quoted(base.text)}`.")
    for server in api.servers:
        url = server.get("url")
        if url is not None and re.match(
            r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?::\d+)?(?:/|$)", url.text
        ):
            yield Report(
                url.span,
                f"`{quoted(url.text)}` without a scheme is a path below that of this description. "
                "Begin it with `https://`.",
            )


def example_server(api: Api) -> Iterator[Report]:
    host = api.root.get("host") if api.version == "2.0" else None
    urls = [server.get("url") for server in api.servers]
    for url in [host, *urls]:
        if url is not None and _EXAMPLE_HOST.search(url.text):
            yield Report(
                url.span,
                f"`{quoted(url.text)}` is a host for examples, where no API is. Name the real one.",
            )


def server_trailing_slash(api: Api) -> Iterator[Report]:
    host = api.root.get("host") if api.version == "2.0" else None
    urls = [server.get("url") for server in api.servers]
    for url in [host, *urls]:
        if url is not None and len(url.text) > 1 and url.text.endswith("/"):
            at = url.span.end - 1 - (1 if url.span.end - url.span.start > len(url.raw) else 0)
            yield Report(
                url.span,
                "It ends in a slash, and each path begins with one. Leave it out here.",
                fix=replacing("Leave the slash out", Span(at, at + 1), "")
                if url.raw.endswith("/")
                else None,
            )


def server_variables(api: Api) -> Iterator[Report]:
    for server in api.servers:
        url = server.get("url")
        variables = server.get("variables")
        if url is None:
            continue
        used = set(_BRACES.findall(url.text))
        defined = variables.members if variables is not None else {}
        for name in sorted(used - defined.keys()):
            yield Report(
                url.span,
                f"`{{{quoted(name)}}}` is not defined. Add it to the server's `variables`, with a "
                "`default`.",
            )
        for name, variable in defined.items():
            if name.startswith("x-"):
                continue
            default, allowed = variable.get("default"), variable.get("enum")
            if name not in used:
                yield Report(
                    variable.place,
                    f"`{quoted(name)}` is no part of the URL. Add `{{{quoted(name)}}}` to it, or "
                    "remove the variable.",
                )
            if variable.members and default is None:
                yield Report(
                    variable.place,
                    f"`{quoted(name)}` has no `default`, which every server variable needs.",
                )
            elif default is not None and allowed is not None and allowed.elements:
                if default.raw not in [one.raw for one in allowed.elements]:
                    yield Report(
                        default.span,
                        f"`{quoted(default.raw)}` is none of the values under `enum`. Add it "
                        "there, "
                        "or choose another default.",
                    )
            elif allowed is not None and not allowed.elements:
                yield Report(
                    allowed.place, "A variable without any value: fill `enum` or remove it."
                )


_BRACES = re.compile(r"\{([^{}]*)\}")
_SUCCESS = re.compile(r"[23](?:[0-9]{2}|[xX]{2})")
_URL_SAFE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]+")
_EXAMPLE_HOST = re.compile(r"(?i)\bexample\.(?:com|org|net)\b")

CHECKS: Checks = {
    "api-design/openapi-path-parameters": path_parameters,
    "api-design/openapi-duplicate-path": duplicate_path,
    "api-design/openapi-ambiguous-path": ambiguous_path,
    "api-design/openapi-remote-reference": remote_reference,
    "api-design/openapi-empty-path-parameter": empty_path_parameter,
    "api-design/openapi-query-in-path": query_in_path,
    "api-design/openapi-trailing-slash": trailing_slash,
    "api-design/openapi-duplicate-parameter": duplicate_parameter,
    "api-design/openapi-missing-operation-id": missing_operation_id,
    "api-design/openapi-duplicate-operation-id": duplicate_operation_id,
    "api-design/openapi-operation-id-in-url": operation_id_in_url,
    "api-design/openapi-no-success-response": success_response,
    "api-design/openapi-undefined-security-scheme": undefined_security_scheme,
    "api-design/openapi-form-without-media-type": form_without_media_type,
    "api-design/openapi-nested-callbacks": nested_callbacks,
    "api-design/openapi-callbacks-in-webhook": callbacks_in_webhook,
    "api-design/openapi-servers-in-webhook": servers_in_webhook,
    "api-design/openapi-missing-servers": missing_servers,
    "api-design/openapi-missing-host": missing_host,
    "api-design/openapi-missing-schemes": missing_schemes,
    "api-design/openapi-malformed-address": malformed_address,
    "api-design/openapi-example-server": example_server,
    "api-design/openapi-server-trailing-slash": server_trailing_slash,
    "api-design/openapi-server-variables": server_variables,
}
