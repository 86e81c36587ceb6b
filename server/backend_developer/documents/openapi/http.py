"""Methods, status codes, headers and media types, as RFC 9110 and usual guidelines have them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...core.model import Span
from ...core.names import is_plural, words
from ...core.text import quoted
from ..report import Checks, Report, each_or_once, replacing
from ..tree import Node
from .model import Api, Operation, Response

# --- Methods


def body_in_get(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        if operation.method not in ("get", "head", "delete", "trace") or operation.body is None:
            continue
        written = operation.node.get("requestBody")
        yield Report(
            written.place if written is not None else operation.place,
            f"`{quoted(operation.title)}` takes a body, which {operation.method.upper()} gives no "
            "meaning: servers and proxies may drop or refuse it. Use parameters, or POST.",
        )


def trace_method(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        if operation.method == "trace":
            yield Report(
                operation.place,
                "TRACE sends a request's headers back, cookies and tokens among them. Switch it "
                "off.",
            )


def method_on_wrong_resource(api: Api) -> Iterator[Report]:
    """POST to one item, or PUT, PATCH and DELETE to a whole collection."""
    for operation in api.operations:
        if not operation.segments:
            continue
        last = operation.segments[-1]
        if operation.method == "post" and re.fullmatch(r"\{[^{}]+\}", last):
            yield Report(
                operation.place,
                f"`{quoted(operation.title)}` posts to one item. Use PUT or PATCH to change it, or "
                "POST to the collection to add one.",
                "medium",
            )
        elif operation.method in ("put", "patch", "delete") and "{" not in last:
            is_collection = any(path.startswith(f"{operation.path}/{{") for path in api.paths)
            if is_collection:
                yield Report(
                    operation.place,
                    f"`{quoted(operation.title)}` is about the whole collection. Use the path of "
                    "one item.",
                    "medium",
                )


def put_without_body(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        is_form = any(one.location == "formData" for one in operation.parameters)
        if operation.method in ("put", "patch") and operation.body is None and not is_form:
            yield Report(
                operation.place,
                f"`{quoted(operation.title)}` takes no body, and so sets nothing. Describe one, or "
                "use POST for an action.",
                "medium",
            )


def optional_body(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        body = operation.body
        if operation.method not in ("post", "put", "patch") or body is None or not body.members:
            continue
        required = body.get("required")
        if (required is None or required.value is not True) and "$ref" not in body.members:
            written = operation.node.get("requestBody")
            yield Report(
                required.span
                if required is not None
                else written.place
                if written is not None
                else body.place,
                f"The body of `{quoted(operation.title)}` may be left out, as `required` is false "
                "unless set. Set `required: true`.",
                "medium",
                fix=replacing("Require the body", required.span, "true")
                if required is not None and required.value is False
                else None,
            )


def method_override(api: Api) -> Iterator[Report]:
    """A header or parameter that tells the server to do something else than the method says."""
    for parameter in api.parameters:
        name = parameter.get("name")
        if name is None or not name.text:
            continue
        location = parameter.text_at("in")
        spelled = "_".join(words(name.text))
        values = {value.text.lower() for value in api.schema_of(parameter).items("enum")}
        if (
            (
                location == "header"
                and re.fullmatch(r"(?:x_)?(?:http_)?method(?:_override)?", spelled)
            )
            or (location == "query" and name.text.lower() == "_method")
            or (
                location == "query"
                and spelled in ("method", "action", "op", "operation", "command", "cmd", "do")
                and (not values or any((words(one) or [""])[0] in _ACTIONS for one in values))
            )
        ):
            yield Report(
                name.span,
                f"`{quoted(name.text)}` decides what is done, where caches, logs and firewalls go "
                "by the method. Use the method, or a path for each action.",
                "high" if "method" in spelled or values else "medium",
            )


def patch_like_put(api: Api) -> Iterator[Report]:
    """A PATCH whose body requires what a PUT of the same path does: it changes all or nothing."""
    puts = {one.path: one.body for one in api.operations if one.method == "put"}
    for operation in api.operations:
        whole = puts.get(operation.path)
        if operation.method != "patch" or operation.body is None or whole is None:
            continue
        for media_type, media, schema in api.content(operation.body):
            if schema is None or not api.required(schema) or "json-patch" in media_type:
                continue
            same = any(
                other is not None and other.value is schema.value
                for _, _, other in api.content(whole)
            )
            if same:
                yield Report(
                    media.place,
                    f"`{quoted(operation.title)}` requires the same fields as PUT, so that nothing "
                    "can be changed alone. Describe a body in which they may be left out.",
                )
                break


# --- Status codes


def unknown_status_code(api: Api) -> Iterator[Report]:
    for response in _declared(api):
        if re.fullmatch(r"[0-9]+", response.code) and int(response.code) not in _STATUS_CODES:
            yield Report(
                response.place,
                f"{response.code} is no registered status code, so that clients know its class at "
                "most. Use a standard one.",
            )


def unusual_status_code(api: Api) -> Iterator[Report]:
    for response in _declared(api):
        if response.code.isdecimal() and int(response.code) in _STATUS_CODES - _COMMON_CODES:
            yield Report(
                response.place,
                f"Few clients know what {response.code} means. Use one of the common codes.",
            )


def wrong_status_for_method(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        for response in operation.responses:
            allowed, advice = _CODES_OF_METHODS.get(response.code, (None, ""))
            if allowed is not None and operation.method not in allowed:
                yield Report(
                    response.place,
                    f"{response.code} is no answer to {operation.method.upper()}. {advice}",
                    # Health checks and the like have nothing to return.
                    "medium" if response.code in ("204", "301", "302", "405") else "high",
                )


def wrong_status_for_create(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        successes = [one.code for one in operation.responses if one.code.startswith("2")]
        if operation.method != "post" or successes != ["200"] or not operation.segments:
            continue
        spelled = words(operation.segments[-1])
        has_items = any(path.startswith(f"{operation.path}/{{") for path in api.paths)
        named = words(operation.node.text_at("operationId")) or [""]
        creates = named[0] in ("create", "add", "new", "insert", "register")
        if "{" in operation.segments[-1] or not spelled or not (is_plural(spelled[-1]) or creates):
            continue
        if has_items or creates:
            response = operation.response("200")
            yield Report(
                response.place if response is not None else operation.place,
                f"`{quoted(operation.title)}` creates something, and answers 200. Answer 201 with "
                "the `Location` of what was created, or 202 when it is done later.",
                "medium",
            )


def create_without_location(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        response = operation.response("201")
        if response is None or operation.method != "post":
            continue
        if "location" not in {name.lower() for name in _headers(response)}:
            yield Report(
                response.place,
                "201 does not say where the new resource is. Declare the header `Location`.",
            )


def accepted_without_status(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        response = operation.response("202")
        if response is not None and "$ref" not in response.node.members:
            names = {name.lower() for name in _headers(response)}
            says = names & {"location", "operation-location", "content-location", "link"}
            if not says and not api.content(response.node):
                yield Report(
                    response.place,
                    "202 says that it will be done, and not where to see whether it is. Declare "
                    "the header `Location` of a status resource, or a body with its id.",
                )


def redirect_without_location(api: Api) -> Iterator[Report]:
    for response in _unique(api):
        if response.code not in ("301", "302", "303", "307", "308"):
            continue
        names = {name.lower() for name in _headers(response)}
        if "location" not in names and "$ref" not in response.node.members:
            yield Report(
                response.place,
                f"{response.code} does not say where to go. Declare the header `Location`.",
            )


def condition_without_412(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        conditions = _header_parameters(operation) & {"if-match", "if-unmodified-since"}
        if conditions and operation.response("412", "4XX", "DEFAULT") is None:
            yield Report(
                operation.responses_place,
                f"`{quoted(operation.title)}` takes a condition, and does not say what it answers "
                "when that does not hold. Declare 412.",
            )


def body_with_no_content(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        for response in operation.responses if operation.method == "head" else ():
            content = response.node.get("schema" if api.version == "2.0" else "content")
            # A response that GET shares may well have one.
            is_shared = response.node.place != response.place
            if content is not None and content.members and not is_shared:
                yield Report(
                    content.place,
                    "An answer to HEAD has no body. Remove the content, and declare the headers.",
                )
    for response in _declared(api):
        if response.code in ("204", "205", "304") or re.fullmatch(r"1[0-9X]{2}", response.code):
            content = response.node.get("schema" if api.version == "2.0" else "content")
            if content is not None and content.members:
                yield Report(
                    content.place,
                    f"A {response.code} response has no body. Remove the content, or answer 200.",
                )


def success_without_body(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        response = operation.response("200")
        if response is None or operation.method in ("head", "options", "trace"):
            continue
        if not api.content(response.node) and "$ref" not in response.node.members:
            if operation.method == "get":
                advice = "Describe what GET returns with a schema."
            else:
                advice = "Answer 204 when there is nothing to say, or describe the body."
            yield Report(
                response.place,
                f"200 of `{quoted(operation.title)}` has no body. {advice}",
                "medium",
            )


def no_error_response(api: Api) -> Iterator[Report]:
    lacking = [
        (
            operation.responses_place,
            f"`{quoted(operation.title)}` declares no error at all. Declare the ones that clients "
            "must handle, or `default`.",
        )
        for operation in api.operations
        if operation.responses and not any(_is_error(one.code) for one in operation.responses)
    ]
    yield from each_or_once(
        lacking,
        len(api.operations),
        "None of the {total} operations declares an error. Declare the ones that clients must "
        "handle, or `default`.",
    )


def no_default_response(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        if operation.responses and operation.response("DEFAULT") is None:
            yield Report(
                operation.responses_place,
                f"`{quoted(operation.title)}` does not say how other errors look. Declare "
                "`default` "
                "with a problem object.",
            )


def no_404(api: Api) -> Iterator[Report]:
    by_id = [
        operation
        for operation in api.operations
        if operation.ends_in_parameter
        and operation.responses
        and operation.method in ("get", "patch", "delete")
    ]
    lacking = [
        (
            operation.responses_place,
            f"`{quoted(operation.title)}` does not say what it answers when there is no such "
            "thing. Declare 404.",
        )
        for operation in by_id
        if operation.response("404", "410", "4XX", "DEFAULT") is None
    ]
    yield from each_or_once(
        lacking,
        len(by_id),
        "None of the {total} operations on one item says what it answers when there is none. "
        "Declare 404.",
    )


def batch_without_207(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        named = {word for segment in operation.segments for word in words(segment)}
        if (
            operation.method == "post"
            and named & {"batch", "bulk", "batches"}
            and operation.response("207", "202", "2XX") is None
        ):
            yield Report(
                operation.responses_place,
                f"`{quoted(operation.title)}` handles many at once, of which some may fail. "
                "Answer 207 with a status for each.",
                "medium",
            )


# --- Errors


def no_problem_json(api: Api) -> Iterator[Report]:
    errors = [
        response
        for response in _unique(api)
        if _is_error(response.code) and response.node.children("content")
    ]
    lacking = [
        (
            response.place,
            f"{response.code} has an error format of its own. Use `application/problem+json` "
            "(RFC 9457), which clients and tools know.",
        )
        for response in errors
        if not any(
            kind.startswith("application/problem+") for kind in response.node.children("content")
        )
    ]
    yield from each_or_once(
        lacking,
        len(errors),
        "None of the {total} error responses uses `application/problem+json` (RFC 9457), which "
        "clients and tools know. Use it in place of a format of your own.",
    )


def stack_trace(api: Api) -> Iterator[Report]:
    """A property of an error that shows the inside of the server."""
    errors = [one for one in _unique(api) if _is_error(one.code)]
    done: set[int] = set()
    for response in errors:
        for _, _, schema in api.content(response.node):
            for name, node in (api.properties(schema) if schema is not None else {}).items():
                if _STACK_TRACE.fullmatch("_".join(words(name))) and id(node) not in done:
                    done.add(id(node))
                    yield Report(
                        node.place,
                        f"`{quoted(name)}` of an error shows attackers the inside of the server. "
                        "Log it, and return an id to find it by.",
                    )


def error_without_body(api: Api) -> Iterator[Report]:
    errors = [one for one in _unique(api) if _is_error(one.code)]
    lacking = [
        (
            response.place,
            f"{response.code} has no body, so that a client cannot tell what was wrong. Describe a "
            "problem object (RFC 9457).",
        )
        for response in errors
        if not api.content(response.node) and "$ref" not in response.node.members
    ]
    yield from each_or_once(
        lacking,
        len(errors),
        "None of the {total} error responses has a body, so that a client cannot tell what was "
        "wrong. Describe a problem object (RFC 9457).",
    )


# --- Headers and media types


def no_etag(api: Api) -> Iterator[Report]:
    updates = [
        operation
        for operation in api.operations
        if operation.method in ("put", "patch") and operation.ends_in_parameter
    ]
    lacking = [
        (
            operation.place,
            f"Two clients that call `{quoted(operation.title)}` overwrite each other. Return an "
            "`ETag`, and take it back in `If-Match`.",
        )
        for operation in updates
        if not _header_parameters(operation) & {"if-match", "if-unmodified-since"}
    ]
    yield from each_or_once(
        lacking,
        len(updates),
        "Two clients that call one of the {total} updates overwrite each other. Return an `ETag`, "
        "and take it back in `If-Match`.",
        few=1,
    )


def no_idempotency_key(api: Api) -> Iterator[Report]:
    creations = [
        operation
        for operation in api.operations
        if operation.method == "post" and not operation.ends_in_parameter
    ]
    lacking = [
        (
            operation.place,
            "A client that got no answer cannot safely repeat "
            f"`{quoted(operation.title)}`. Take an `Idempotency-Key` header.",
        )
        for operation in creations
        if not any("idempotency" in name for name in _header_parameters(operation))
    ]
    yield from each_or_once(
        lacking,
        len(creations),
        "A client that got no answer cannot safely repeat any of the {total} POST operations. Take "
        "an `Idempotency-Key` header where something is created or paid.",
        few=1,
    )


def no_flow_id(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        names = _header_parameters(operation)
        if not names & {"x-flow-id", "traceparent", "x-request-id", "x-correlation-id"}:
            yield Report(
                operation.place,
                f"A call of `{quoted(operation.title)}` cannot be followed through the services. "
                "Take `X-Flow-ID` or `traceparent`.",
            )


def no_cache_header(api: Api) -> Iterator[Report]:
    successes = {
        id(operation.success.node.value): operation.success
        for operation in api.operations
        if operation.method == "get" and operation.success is not None
    }
    caching = {"cache-control", "etag", "last-modified", "expires"}
    lacking = [
        (
            success.place,
            "It is not said whether this may be cached. Declare `Cache-Control` or `ETag`.",
        )
        for success in successes.values()
        if not caching & {name.lower() for name in _headers(success)}
    ]
    yield from each_or_once(
        lacking,
        len(successes),
        "None of the {total} answers to GET says whether it may be cached. Declare "
        "`Cache-Control` or `ETag`.",
        few=1,
    )


def no_authenticate_header(api: Api) -> Iterator[Report]:
    answers = [response for response in _unique(api) if response.code == "401"]
    lacking = [
        (
            response.place,
            "401 must say how to authenticate. Declare the header `WWW-Authenticate`.",
        )
        for response in answers
        if "www-authenticate" not in {name.lower() for name in _headers(response)}
    ]
    yield from each_or_once(
        lacking,
        len(answers),
        "None of the {total} 401 responses says how to authenticate. Declare the header "
        "`WWW-Authenticate`.",
    )


def deprecated_without_sunset(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        deprecated = operation.node.get("deprecated")
        if deprecated is None or deprecated.value is not True:
            continue
        names = {name.lower() for one in operation.responses for name in _headers(one)}
        if not names & {"sunset", "deprecation"}:
            yield Report(
                deprecated.place,
                f"Callers of `{quoted(operation.title)}` are not told when it ends. Declare the "
                "headers `Deprecation` and `Sunset` (RFC 9745, RFC 8594).",
            )


def deprecated_without_reason(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        deprecated = operation.node.get("deprecated")
        if (
            deprecated is not None
            and deprecated.value is True
            and not operation.node.text_at("description").strip()
        ):
            yield Report(
                deprecated.place,
                f"It is not said what to use in place of `{quoted(operation.title)}`. Say "
                "it in "
                "its `description`.",
            )


def no_media_type(api: Api) -> Iterator[Report]:
    """A body of which nobody knows how it is written."""
    if api.version == "2.0":
        for operation in api.operations:
            produces = operation.node.items("produces") or api.root.items("produces")
            if not produces and any(api.content(one.node) for one in operation.responses):
                yield Report(
                    operation.place,
                    f"`{quoted(operation.title)}` does not say in which media type it answers. Add "
                    "`produces: [application/json]`, here or at the top.",
                )
            consumes = operation.node.items("consumes") or api.root.items("consumes")
            if not consumes and operation.body is not None:
                yield Report(
                    operation.place,
                    f"`{quoted(operation.title)}` does not say which media type it takes. Add "
                    "`consumes: [application/json]`, here or at the top.",
                )
        return
    done: set[int] = set()
    for operation in api.operations:
        bodies = [operation.body] if operation.body is not None else []
        for owner in (*bodies, *(response.node for response in operation.responses)):
            content = owner.get("content")
            if content is not None and content.value == {} and id(content) not in done:
                done.add(id(content))
                yield Report(
                    content.place,
                    "`content` names no media type. Add one with a schema, such as "
                    "`application/json`, or leave it out.",
                )


def no_json(api: Api) -> Iterator[Report]:
    """Structured data in XML alone."""
    types = [(kind.split(";")[0].lower(), place) for kind, place in _media_types(api)]
    xml = [place for kind, place in types if re.search(r"[/+]xml$", kind)]
    if xml and not any("json" in kind or "*" in kind for kind, _ in types):
        yield Report(
            xml[0],
            "All data is in XML, which few clients of today read. Offer `application/json` too.",
        )


def unusual_media_type(api: Api) -> Iterator[Report]:
    done: set[str] = set()
    for media_type, place in _media_types(api):
        kind = media_type.split(";")[0].strip().lower()
        if kind in done:
            continue
        done.add(kind)
        if kind in _OUTDATED_MEDIA_TYPES:
            yield Report(
                place,
                f"`{quoted(media_type)}` is no registered media type. Use "
                f"`{_OUTDATED_MEDIA_TYPES[kind]}`.",
            )
        elif re.fullmatch(r"(?:application|text)/x[.-](?!ndjson|amz-)[\w.+-]*(?:json|xml)", kind):
            yield Report(
                place,
                f"`{quoted(media_type)}` is registered nowhere, and `x-` is deprecated (RFC 6838). "
                "Use `application/json` or a registered type.",
            )
        elif kind == "*/*":
            yield Report(
                place,
                "`*/*` does not say what is sent. Name the media type, such as `application/json`.",
            )


def custom_media_type(api: Api) -> Iterator[Report]:
    for media_type, place in _media_types(api):
        if re.match(r"application/(?:x-|vnd\.)[\w.-]*\+?json", media_type.lower()):
            yield Report(
                place,
                f"`{quoted(media_type)}` is a media type of your own. Use `application/json`.",
            )


def patch_media_type(api: Api) -> Iterator[Report]:
    bodies = [
        operation.body.children("content")
        for operation in api.operations
        if operation.method == "patch" and operation.body is not None
    ]
    lacking = [
        (
            next(iter(content.values())).place,
            "It is not said how a patch is applied. Use `application/merge-patch+json` (RFC 7396) "
            "or `application/json-patch+json` (RFC 6902).",
        )
        for content in bodies
        if content and not any("patch" in kind for kind in content)
    ]
    yield from each_or_once(
        lacking,
        len(bodies),
        "None of the {total} PATCH operations says how a patch is applied. Use "
        "`application/merge-patch+json` (RFC 7396) or `application/json-patch+json` (RFC 6902).",
        few=1,
    )


# --- What they share


def _declared(api: Api) -> Iterator[Response]:
    done: set[int] = set()
    for operation in api.operations:
        for response in operation.responses:
            if response.place.start not in done:
                done.add(response.place.start)
                yield response


def _unique(api: Api) -> list[Response]:
    """The responses of operations, one that several refer to only once."""
    found: dict[int, Response] = {}
    for response in _declared(api):
        found.setdefault(id(response.node.value), response)
    return list(found.values())


def _header_parameters(operation: Operation) -> set[str]:
    return {one.name.lower() for one in operation.parameters if one.location == "header"}


def _headers(response: Response) -> dict[str, Node]:
    headers = response.node.get("headers")
    return headers.members if headers is not None else {}


def _is_error(code: str) -> bool:
    return code[:1] in ("4", "5") or code == "default"


def _media_types(api: Api) -> Iterator[tuple[str, Span]]:
    if api.version == "2.0":
        for owner in (api.root, *(operation.node for operation in api.operations)):
            for key in ("consumes", "produces"):
                for one in owner.items(key):
                    yield one.text, one.span
        return
    for operation in api.operations:
        bodies = [operation.body] if operation.body is not None else []
        for owner in (*bodies, *(response.node for response in operation.responses)):
            for media_type, node in owner.children("content").items():
                yield media_type, node.place


_STATUS_CODES = frozenset(
    {100, 101, 102, 103, *range(200, 209), 226, *range(300, 309), *range(400, 419)}
    | {*range(421, 427), 428, 429, 431, 451, *range(500, 509), 510, 511}
) - {306}
"""Those of the IANA registry."""
_COMMON_CODES = frozenset(
    {
        101,
        200,
        201,
        202,
        204,
        206,
        207,
        301,
        302,
        303,
        304,
        307,
        308,
        400,
        401,
        402,
        403,
        404,
        405,
        406,
    }
    | {408, 409, 410, 411, 412, 413, 414, 415, 416, 422, 423, 424, 428, 429, 431, 451}
    | {500, 501, 502, 503, 504, 511}
)
_CHANGING = frozenset({"post", "put", "patch", "delete"})
_READING = frozenset({"get", "head"})
_CODES_OF_METHODS = {
    "201": (_CHANGING - {"delete"}, "Nothing is created by it: answer 200, or 204 without a body."),
    "204": (_CHANGING | {"head", "options"}, "Answer 200 with an empty list, or 404."),
    "206": (_READING, "It is for ranges of a GET: answer 200."),
    "207": (_CHANGING | {"get"}, "Answer 200 or 204."),
    "301": (_READING | {"options"}, "Clients may turn it into a GET: answer 308, or 303."),
    "302": (_READING | {"options"}, "Clients may turn it into a GET: answer 303 or 307."),
    "304": (_READING, "It is for conditional GET requests: answer 412 when a condition fails."),
    "405": (frozenset(), "It is described, and so allowed: answer 400, 403 or 409."),
    "409": (_CHANGING, "Reading changes nothing that could conflict: answer 404 or 503."),
    "413": (_CHANGING, "It has no body that could be too large: answer 400 or 414."),
    "415": (_CHANGING, "It has no body of a type: answer 406, or 400 for its parameters."),
    "416": (_READING, "It is for ranges of a GET: answer 400."),
    "428": (_CHANGING, "Reading needs no condition."),
}
_ACTIONS = frozenset(
    {"create", "add", "insert", "get", "read", "update", "delete", "remove", "post", "put", "patch"}
)
_STACK_TRACE = re.compile(r"stack(?:_?trace)?|back_?trace|trace_?back|exception(?:_class|_type)?")
_OUTDATED_MEDIA_TYPES = {
    "text/json": "application/json",
    "application/x-json": "application/json",
    "text/x-json": "application/json",
    "application/x-yaml": "application/yaml",
    "text/yaml": "application/yaml",
    "text/x-yaml": "application/yaml",
    "application/x-javascript": "text/javascript",
    "json": "application/json",
    "xml": "application/xml",
}

CHECKS: Checks = {
    "api-design/openapi-body-in-get": body_in_get,
    "security/openapi-trace-method": trace_method,
    "api-design/openapi-method-on-wrong-resource": method_on_wrong_resource,
    "api-design/openapi-put-without-body": put_without_body,
    "api-design/openapi-optional-body": optional_body,
    "api-design/openapi-unknown-status-code": unknown_status_code,
    "api-design/openapi-unusual-status-code": unusual_status_code,
    "api-design/openapi-wrong-status-for-method": wrong_status_for_method,
    "api-design/openapi-wrong-status-for-create": wrong_status_for_create,
    "api-design/openapi-create-without-location": create_without_location,
    "api-design/openapi-accepted-without-status": accepted_without_status,
    "api-design/openapi-redirect-without-location": redirect_without_location,
    "api-design/openapi-condition-without-412": condition_without_412,
    "api-design/openapi-method-override": method_override,
    "api-design/openapi-patch-like-put": patch_like_put,
    "api-design/openapi-no-media-type": no_media_type,
    "api-design/openapi-no-json": no_json,
    "api-design/openapi-body-with-no-content": body_with_no_content,
    "api-design/openapi-success-without-body": success_without_body,
    "api-design/openapi-no-error-response": no_error_response,
    "api-design/openapi-no-default-response": no_default_response,
    "api-design/openapi-no-404": no_404,
    "api-design/openapi-batch-without-207": batch_without_207,
    "api-design/openapi-no-problem-json": no_problem_json,
    "security/openapi-stack-trace": stack_trace,
    "api-design/openapi-error-without-body": error_without_body,
    "api-design/openapi-no-etag": no_etag,
    "api-design/openapi-no-idempotency-key": no_idempotency_key,
    "api-design/openapi-no-flow-id": no_flow_id,
    "performance/openapi-no-cache-header": no_cache_header,
    "api-design/openapi-no-authenticate-header": no_authenticate_header,
    "api-design/openapi-deprecated-without-sunset": deprecated_without_sunset,
    "api-design/openapi-deprecated-without-reason": deprecated_without_reason,
    "api-design/openapi-unusual-media-type": unusual_media_type,
    "api-design/openapi-custom-media-type": custom_media_type,
    "api-design/openapi-patch-media-type": patch_media_type,
}
