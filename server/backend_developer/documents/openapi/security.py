"""OWASP API Security Top 10 (2023), as far as a description shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...core.model import ProposedFix
from ...core.names import word_set, words
from ...core.text import quoted
from ..report import Checks, Report, each_or_once, replacing
from ..tree import Node
from .model import Api, Operation, Schema

# --- Who may call


def operation_without_security(api: Api) -> Iterator[Report]:
    """An operation that nobody has to be logged in for, though it is no login or health check."""
    open_ones = [
        operation
        for operation in api.operations
        if not _requirements(api, operation) and not _is_public(operation)
    ]
    explicit = [one for one in open_ones if one.node.get("security") is not None]
    silent = [one for one in open_ones if one.node.get("security") is None]
    if (
        silent
        and len(silent) + len(explicit) == len(api.operations) > 1
        and not api.root.get("security")
    ):
        yield Report(
            silent[0].place,
            f"None of the {len(api.operations)} operations asks who is calling. Declare a security "
            "scheme and require it for all with `security` at the top level.",
        )
        silent = []
    for operation in silent:
        yield Report(
            operation.place,
            f"`{quoted(operation.title)}` asks nobody who is calling. Add `security` to it, or at "
            "the top level for all; write `security: []` where it is public on purpose.",
        )
    for operation in explicit:
        if operation.method in ("post", "put", "patch", "delete"):
            security = operation.node.get("security")
            yield Report(
                security.place if security else operation.place,
                f"`{quoted(operation.title)}` changes data, and anybody may call it. Require a "
                "security scheme for it.",
                "medium",
            )


def optional_security(api: Api) -> Iterator[Report]:
    """`{}` among the requirements: whoever is not logged in may call it too."""
    for operation in api.operations:
        security = operation.node.get("security")
        requirements = security.elements if security is not None else []
        if len(requirements) < 2 or operation.method in ("get", "head", "options"):
            continue
        if _is_public(operation):
            continue
        for requirement in requirements:
            if isinstance(requirement.value, dict) and not requirement.value:
                yield Report(
                    requirement.span,
                    f"`{{}}` lets anybody call `{quoted(operation.title)}` without credentials. "
                    "Leave it out.",
                    "medium",
                )


def http_basic(api: Api) -> Iterator[Report]:
    for name, scheme in api.security_schemes.items():
        is_basic = scheme.text_at("type") == "basic"
        if is_basic or scheme.text_at("scheme").lower() == "basic":
            at = scheme.get("type" if is_basic else "scheme")
            yield Report(
                at.span if at else scheme.place,
                f"`{quoted(name)}` sends the password itself with every request. Use OAuth 2.0, "
                "OpenID Connect or another token that expires.",
            )


def insecure_authentication_scheme(api: Api) -> Iterator[Report]:
    for name, scheme in api.security_schemes.items():
        kind = scheme.get("scheme")
        if kind is not None and kind.text.lower() in ("negotiate", "oauth", "digest", "hoba"):
            yield Report(
                kind.span,
                f"`{quoted(name)}` uses the HTTP scheme {kind.text}, which is outdated or weak. "
                "Use "
                "OAuth 2.0 or OpenID Connect.",
            )


def api_key_in_url(api: Api) -> Iterator[Report]:
    for name, scheme in api.security_schemes.items():
        location = scheme.get("in")
        if scheme.text_at("type") == "apiKey" and location and location.text in ("query", "path"):
            yield Report(
                location.span,
                f"The key of `{quoted(name)}` is part of the URL, which logs, proxies and browser "
                "histories keep. Send it in a header.",
                fix=replacing(
                    "Send the key in a header", location.span, _same_quotes(location, "header")
                ),
            )


def credentials_in_url(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        name = parameter.get("name")
        if name is None or parameter.text_at("in") not in ("query", "path"):
            continue
        spelled = "_".join(words(name.text))
        # An id names a credential and is none, but for a session's.
        is_id = spelled.endswith("_id") and not (
            spelled == "session_id" and parameter.text_at("in") == "query"
        )
        if _CREDENTIAL.search(spelled) and not is_id:
            yield Report(
                name.span,
                f"`{quoted(name.text)}` is part of the URL, which logs, proxies and browser "
                "histories keep. Send it in a header or in the body.",
            )


def unsafe_oauth_flow(api: Api) -> Iterator[Report]:
    for name, scheme in api.security_schemes.items():
        flows = list(scheme.children("flows").items())
        flow = scheme.get("flow")
        for kind in ("implicit", "password"):
            place = next((node.place for key, node in flows if key == kind), None)
            if flow is not None and flow.text == kind:
                place = flow.span
            if place is not None:
                yield Report(
                    place,
                    f"`{quoted(name)}` offers the {kind} grant, "
                    + (
                        "which hands tokens out in the URL."
                        if kind == "implicit"
                        else "which shows the person's password to the client."
                    )
                    + " Use the authorization code grant with PKCE.",
                )


def oauth_over_http(api: Api) -> Iterator[Report]:
    for scheme in api.security_schemes.values():
        for owner in (scheme, *scheme.children("flows").values()):
            for key in ("authorizationUrl", "tokenUrl", "refreshUrl", "openIdConnectUrl"):
                url = owner.get(key)
                if url is not None and _is_cleartext(url.text):
                    yield Report(
                        url.span,
                        f"`{key}` is not encrypted, so that codes and tokens can be read on the "
                        "way. Use https.",
                        fix=_to_https(url),
                    )


def jwt_best_practices(api: Api) -> Iterator[Report]:
    for name, scheme in api.security_schemes.items():
        is_jwt = scheme.text_at("bearerFormat").lower() == "jwt"
        if not (is_jwt or scheme.text_at("type") == "oauth2"):
            continue
        if "8725" not in scheme.text_at("description"):
            yield Report(
                scheme.place,
                f"`{quoted(name)}` does not say that its tokens follow RFC 8725. Say in its "
                "description which algorithms, issuers and audiences are accepted.",
            )


def long_lived_tokens(api: Api) -> Iterator[Report]:
    for name, scheme in api.security_schemes.items():
        for kind, flow in scheme.children("flows").items():
            if kind != "clientCredentials" and flow.get("refreshUrl") is None:
                yield Report(
                    flow.place,
                    f"The {quoted(kind)} flow of `{quoted(name)}` has no `refreshUrl`, which "
                    "suggests long-lived access tokens. Let them expire soon and be refreshed.",
                )


def admin_path_same_security(api: Api) -> Iterator[Report]:
    """API5: an administrative operation that asks no more than the ordinary ones do."""
    ordinary = {
        _canonical(requirements)
        for operation in api.operations
        if not _is_admin(operation) and (requirements := _requirements(api, operation))
    }
    for operation in api.operations:
        requirements = _requirements(api, operation)
        if _is_admin(operation) and requirements and _canonical(requirements) in ordinary:
            yield Report(
                operation.place,
                f"`{quoted(operation.title)}` is administrative, and asks for no more than "
                "ordinary "
                "operations do. Require a scope or a scheme that only administrators have.",
                "medium",
            )


def missing_scope(api: Api) -> Iterator[Report]:
    """An OAuth 2.0 requirement that names no scope: any token of any client will do."""
    oauth = {
        name
        for name, scheme in api.security_schemes.items()
        if scheme.text_at("type") in ("oauth2", "openIdConnect")
    }
    for owner in (api.root, *(operation.node for operation in api.operations)):
        for requirement in owner.items("security"):
            for name, scopes in requirement.members.items():
                if name in oauth and scopes.value == []:
                    yield Report(
                        scopes.place,
                        f"`{quoted(name)}` is required without a scope, so that any of its tokens "
                        "will do. Name the scopes that are needed.",
                    )


# --- What is sent


def numeric_id(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        name = parameter.get("name")
        if name is None or parameter.text_at("in") not in ("path", "query"):
            continue
        last = (words(name.text) or [""])[-1]
        schema = parameter.get("schema")
        type_ = api.schema_of(parameter).get("type")
        if last in ("id", "ids") and type_ is not None and type_.text == "integer":
            yield Report(
                schema.place if schema is not None else type_.place,
                f"`{quoted(name.text)}` counts up, so that anybody can guess the other ones. Use "
                "random ids such as UUIDs, as texts, and check who owns what is asked for.",
            )


def secret_in_response(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if schema.role != "property" or not api.is_output(schema):
            continue
        name = "_".join(words(schema.name))
        write_only = schema.node.get("writeOnly")
        is_hidden = write_only is not None and write_only.value is True
        is_text = schema.is_a("string") or not schema.types
        if _SECRET_FIELD.fullmatch(name) and not is_hidden and is_text:
            yield Report(
                schema.place,
                f"Responses carry `{quoted(schema.name)}`. Leave it out of them, or mark it "
                "`writeOnly: true` when only requests have it.",
                "medium",
            )


def additional_properties(api: Api) -> Iterator[Report]:
    for schema, extra in _open_objects(api, "additionalProperties"):
        if extra.value is True or extra.value == {}:
            yield Report(
                extra.place,
                "Any further property is accepted, also one that only the server may set. List "
                "what clients may send, and set `additionalProperties: false`.",
                fix=replacing("Accept no other properties", extra.span, "false")
                if extra.value is True and schema.node.get("properties") is not None
                else None,
            )


def unbounded_map(api: Api) -> Iterator[Report]:
    yield from _unbounded_map(api, "additionalProperties")


def unevaluated_properties(api: Api) -> Iterator[Report]:
    for _, extra in _open_objects(api, "unevaluatedProperties"):
        if not extra.members:
            yield Report(
                extra.place,
                "Any further property is accepted, also one that only the server may set. Set "
                "`unevaluatedProperties: false`.",
            )


def unbounded_unevaluated_properties(api: Api) -> Iterator[Report]:
    yield from _unbounded_map(api, "unevaluatedProperties")


def unbounded_string(api: Api) -> Iterator[Report]:
    bounds = ("maxLength", "enum", "const", "format", "pattern")
    for schema in api.schemas:
        if not schema.is_a("string") or not api.is_input(schema):
            continue
        # A format other than a hint for people bounds what a text can be.
        format_ = schema.node.text_at("format")
        has = [key for key in bounds if key in schema.node.members]
        if not has or (has == ["format"] and format_ in ("password", "byte", "binary", "")):
            yield Report(
                schema.place,
                f"{schema.called} may be a text of any length. Give it a `maxLength`.",
            )


def unrestricted_string(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if (
            schema.is_a("string")
            and api.is_input(schema)
            and not {"format", "pattern", "enum", "const"} & schema.node.members.keys()
        ):
            yield Report(
                schema.place,
                f"{schema.called} may hold any characters. Give it a `format`, a "
                "`pattern` or "
                "an `enum`.",
            )


def unbounded_array(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if schema.is_a("array") and "maxItems" not in schema.node.members and api.is_input(schema):
            yield Report(
                schema.place,
                f"{schema.called} may hold any number of items. Give it a `maxItems`.",
            )


def unbounded_integer(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if not schema.is_a("integer") or not api.is_input(schema):
            continue
        keys = schema.node.members.keys()
        if keys & {"enum", "const"}:
            continue
        lacking = [
            bound
            for bound, exclusive in (
                ("minimum", "exclusiveMinimum"),
                ("maximum", "exclusiveMaximum"),
            )
            if bound not in keys and not (api.version == "3.1" and exclusive in keys)
        ]
        if lacking:
            yield Report(
                schema.place,
                f"{schema.called} may be any number. Give it a `{'` and a `'.join(lacking)}`.",
            )


def ssrf_parameter(api: Api) -> Iterator[Report]:
    for parameter in api.parameters:
        name = parameter.get("name")
        if (
            name is not None
            and parameter.text_at("in") in ("query", "path", "formData")
            and _is_url_name(name.text)
        ):
            yield Report(
                name.span,
                f"`{quoted(name.text)}` lets the caller choose an address. Where the server "
                "fetches it or redirects to it, allow only known hosts; better, take an id.",
                "medium",
            )
    for schema in api.schemas:
        if (
            schema.role == "property"
            and api.is_input(schema)
            and not api.is_output(schema)
            and schema.is_a("string")
            and _CALLBACK_NAME.fullmatch("_".join(words(schema.name)))
        ):
            yield Report(
                schema.place,
                f"`{quoted(schema.name)}` lets the caller choose an address that the server "
                "calls. Allow only known hosts, and no private addresses.",
                "medium",
            )


# --- What answers


def no_429(api: Api) -> Iterator[Report]:
    yield from _undeclared(api, api.operations, ("429", "4XX"), "429", "the rate limit")


def no_401(api: Api) -> Iterator[Report]:
    guarded = [operation for operation in api.operations if not _is_explicitly_open(operation)]
    yield from _undeclared(api, guarded, ("401", "4XX", "DEFAULT"), "401", "missing credentials")


def no_500(api: Api) -> Iterator[Report]:
    codes = ("500", "5XX", "DEFAULT", "501", "502", "503", "504")
    yield from _undeclared(api, api.operations, codes, "500", "a failure of the server")


def no_validation_error(api: Api) -> Iterator[Report]:
    takes_input = [
        operation
        for operation in api.operations
        if operation.body is not None
        or operation.parameters
        or operation.method in ("post", "put", "patch")
        or "{" in operation.path
    ]
    codes = ("400", "422", "4XX", "DEFAULT")
    yield from _undeclared(api, takes_input, codes, "400", "invalid input")


def rate_limit_headers(api: Api) -> Iterator[Report]:
    lacking, total = [], 0
    for operation in api.operations:
        for response in operation.responses:
            if response.code[:1] not in ("2", "4"):
                continue
            total += 1
            headers = response.node.get("headers")
            if not any(
                map(_RATE_LIMIT_HEADER.match, headers.members if headers is not None else ())
            ):
                lacking.append(
                    (
                        response.place,
                        f"{quoted(operation.title)} {response.code} tells no rate limit. Declare "
                        "`RateLimit` headers, so that clients can slow down in time.",
                    )
                )
    yield from each_or_once(
        lacking,
        total,
        "No response tells the rate limit. Declare `RateLimit` headers (or the `X-RateLimit-…` "
        "ones in use), so that clients can slow down in time.",
    )


def no_retry_after(api: Api) -> Iterator[Report]:
    for response in api.responses:
        headers = {name.lower() for name in response.node.children("headers")}
        if response.code == "429" and "retry-after" not in headers:
            yield Report(
                response.place,
                "429 does not say when to try again. Declare a `Retry-After` header.",
            )


def no_cors_header(api: Api) -> Iterator[Report]:
    for response in api.responses:
        headers = {name.lower() for name in response.node.children("headers")}
        if response.code and "access-control-allow-origin" not in headers:
            yield Report(
                response.place,
                f"{response.code} does not say which web pages may read it. Declare the header "
                "`Access-Control-Allow-Origin`.",
            )


# --- Where it runs


def cleartext_server(api: Api) -> Iterator[Report]:
    for server in api.servers:
        url = server.get("url")
        if url is not None and _is_cleartext(url.text):
            yield Report(
                url.span,
                f"`{quoted(url.text)}` is not encrypted: whoever is on the way can read and change "
                "what is sent. Use https.",
                fix=_to_https(url),
            )
    is_local = bool(_LOCAL_HOST.match(api.root.text_at("host")))
    owners = [api.root, *(operation.node for operation in api.operations)]
    for scheme in [scheme for owner in owners for scheme in owner.items("schemes")]:
        if scheme.text in ("http", "ws") and not is_local:
            secure = "https" if scheme.text == "http" else "wss"
            yield Report(
                scheme.span,
                f"`{scheme.text}` is not encrypted: whoever is on the way can read and change what "
                f"is sent. Offer {secure} alone.",
                fix=replacing(f"Use {secure}", scheme.span, _same_quotes(scheme, secure))
                if all(other.text != secure for owner in owners for other in owner.items("schemes"))
                else None,
            )


def server_without_access(api: Api) -> Iterator[Report]:
    for server in api.root.items("servers"):
        if server.members and "x-internal" not in server.members:
            yield Report(
                server.place,
                "It is not said who may reach this server. Set `x-internal` to true or false.",
            )


def server_without_environment(api: Api) -> Iterator[Report]:
    servers = [server for server in api.root.items("servers") if server.members]
    if len(servers) < 2:
        return
    for server in servers:
        # The end of a host's name is no word: `.dev` says nothing of the environment.
        host = re.sub(r"\.\w+(?=[:/]|$)", "", server.text_at("url"))
        described = f"{server.text_at('description')} {host}"
        if not _ENVIRONMENT.search(described):
            yield Report(
                server.place,
                "It is not said which environment this server is. Name it in its `description`: "
                "production, staging or test.",
            )


# --- What they share


def _undeclared(
    api: Api, operations: list[Operation], codes: tuple[str, ...], code: str, about: str
) -> Iterator[Report]:
    lacking = [
        (
            operation.responses_place,
            f"`{quoted(operation.title)}` does not say how it answers {about}. Declare {code}.",
        )
        for operation in operations
        if operation.responses and operation.response(*codes) is None
    ]
    total = sum(bool(operation.responses) for operation in operations)
    yield from each_or_once(
        lacking,
        total,
        f"None of the {{total}} operations says how it answers {about}. Declare {code}, once under "
        "`components/responses`, and refer to it.",
    )


def _requirements(api: Api, operation: Operation) -> list[Node]:
    """What a caller must satisfy, one of them; none when anybody may call."""
    security = operation.node.get("security")
    if security is None:
        security = api.root.get("security")
    requirements = security.elements if security is not None else []
    return [] if all(not one.members for one in requirements) else requirements


def _is_explicitly_open(operation: Operation) -> bool:
    security = operation.node.get("security")
    return security is not None and all(not one.members for one in security.elements)


def _canonical(requirements: list[Node]) -> frozenset[tuple[tuple[str, tuple[str, ...]], ...]]:
    return frozenset(
        tuple(
            sorted(
                (name, tuple(sorted(scope.text for scope in scopes.elements)))
                for name, scopes in requirement.members.items()
            )
        )
        for requirement in requirements
    )


def _is_public(operation: Operation) -> bool:
    """Whether it is open on purpose: a login, a health check, a path with a token in it."""
    has_token = any("{" in one and "token" in one.lower() for one in operation.segments)
    return has_token or not _PUBLIC.isdisjoint(_words_of(operation))


def _words_of(operation: Operation) -> set[str]:
    texts = [segment for segment in operation.segments if "{" not in segment]
    texts.append(operation.node.text_at("operationId"))
    return {word for text in texts for word in words(text)}


def _is_admin(operation: Operation) -> bool:
    return any(
        word in ("admin", "administration", "administrator", "management", "manage")
        for segment in operation.segments
        if "{" not in segment
        for word in words(segment)
    )


def _open_objects(api: Api, key: str) -> Iterator[tuple[Schema, Node]]:
    for schema in api.schemas:
        extra = schema.node.get(key)
        if extra is not None and extra.value is not False and api.is_input(schema):
            yield schema, extra


def _unbounded_map(api: Api, key: str) -> Iterator[Report]:
    for schema, extra in _open_objects(api, key):
        if schema.node.get("maxProperties") is None and extra.members:
            yield Report(
                extra.place,
                f"{schema.called} may hold any number of entries. Give it a `maxProperties`.",
            )


def _is_cleartext(url: str) -> bool:
    scheme, separator, rest = url.strip().partition("://")
    return bool(separator) and scheme.lower() in ("http", "ws") and not _LOCAL_HOST.match(rest)


def _to_https(url: Node) -> ProposedFix:
    secure = re.sub(r"^(?i:http|ws)(?=://)", lambda m: m[0] + "s", url.raw)
    return replacing("Use https", url.span, _same_quotes(url, secure))


def _same_quotes(node: Node, new: str) -> str:
    length = node.span.end - node.span.start
    return f'"{new}"' if node.quoted and length == len(node.raw) + 2 else new


def _is_url_name(name: str) -> bool:
    spelled = "_".join(words(name))
    return bool(_URL_NAME.fullmatch(spelled))


_PUBLIC = word_set(
    """
    login logout signin signup register registration token tokens oauth oauth2 auth authorize
    authenticate session sessions health healthz healthcheck live livez liveness ready readyz
    readiness ping status version metrics public webhook webhooks callback well known jwks
    openapi swagger docs password reset verify verification confirm refresh captcha
    """
)
_CREDENTIAL = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|pwd|secret|api_?key|apikey|access_token|auth_token|"
    r"id_token|refresh_token|client_secret|private_key|credentials?|jwt|bearer|ssn|"
    r"session_(?:id|token)|authorization)(?:$|_)|^token$"
)
_SECRET_FIELD = re.compile(
    r"(?:\w+_)?(?:password|passwd|password_hash|hashed_password|passphrase|client_secret|"
    r"private_key|secret_key|password_salt|cvv|cvc|ssn|social_security_number|pin_code)"
)
_URL_NAME = re.compile(
    r"(?:\w+_)?(?:callback(?:_ur[il])?|callback_to|webhook(?:_ur[il])?|redirect(?:_ur[il]|_to)?|"
    r"return_(?:ur[il]|to)|next_ur[il]|target_ur[il]|ur[il]|links?|forward(?:_ur[il])?|endpoint|"
    r"dest(?:ination)?_ur[il]|image_ur[il]|remote_ur[il]|feed_ur[il]|proxy(?:_ur[il])?|host)"
)
_CALLBACK_NAME = re.compile(r"(?:\w+_)?(?:callback|webhook|notify|notification|hook)_ur[il]")
_RATE_LIMIT_HEADER = re.compile(r"(?i)(?:x-)?rate-?limit")
_LOCAL_HOST = re.compile(
    r"(?i)(?:localhost|127\.|0\.0\.0\.0|\[::1\]|host\.docker\.internal|[\w-]+\.local(?:host)?\b|\{)"
)
_ENVIRONMENT = re.compile(
    r"(?i)\b(?:prod(?:uction)?|live|stag(?:ing|e)|sandbox|test(?:ing|bed)?|dev(?:elop(?:ment|er)?)?|"
    r"local(?:host)?|qa|uat|beta|preview|pre-?prod(?:uction)?|demo|mock|integration|canary)\b"
)

CHECKS: Checks = {
    "security/openapi-operation-without-security": operation_without_security,
    "security/openapi-optional-security": optional_security,
    "security/openapi-http-basic": http_basic,
    "security/openapi-insecure-authentication-scheme": insecure_authentication_scheme,
    "security/openapi-api-key-in-url": api_key_in_url,
    "security/openapi-credentials-in-url": credentials_in_url,
    "security/openapi-unsafe-oauth-flow": unsafe_oauth_flow,
    "security/openapi-oauth-over-http": oauth_over_http,
    "security/openapi-jwt-best-practices": jwt_best_practices,
    "security/openapi-long-lived-tokens": long_lived_tokens,
    "security/openapi-admin-path-same-security": admin_path_same_security,
    "security/openapi-missing-scope": missing_scope,
    "security/openapi-numeric-id": numeric_id,
    "security/openapi-secret-in-response": secret_in_response,
    "security/openapi-additional-properties": additional_properties,
    "security/openapi-unbounded-map": unbounded_map,
    "security/openapi-unevaluated-properties": unevaluated_properties,
    "security/openapi-unbounded-unevaluated-properties": unbounded_unevaluated_properties,
    "security/openapi-unbounded-string": unbounded_string,
    "security/openapi-unrestricted-string": unrestricted_string,
    "security/openapi-unbounded-array": unbounded_array,
    "security/openapi-unbounded-integer": unbounded_integer,
    "security/openapi-ssrf-parameter": ssrf_parameter,
    "security/openapi-no-429": no_429,
    "security/openapi-no-401": no_401,
    "security/openapi-no-500": no_500,
    "security/openapi-no-validation-error": no_validation_error,
    "security/openapi-rate-limit-headers": rate_limit_headers,
    "security/openapi-no-retry-after": no_retry_after,
    "security/openapi-no-cors-header": no_cors_header,
    "security/openapi-cleartext-server": cleartext_server,
    "security/openapi-server-without-access": server_without_access,
    "security/openapi-server-without-environment": server_without_environment,
}
