"""An OpenAPI description as its checks want to see it: references followed, each thing once.

Nothing here assumes that the description is valid: what is missing or of another type is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias
from urllib.parse import unquote

from ...core.model import Span
from ...core.text import quoted
from ..tree import Node, walk

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SCHEMA_MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
SCHEMA_KEYS = (
    "items",
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "not",
    "contains",
    "propertyNames",
    "if",
    "then",
    "else",
)

Version: TypeAlias = Literal["2.0", "3.0", "3.1"]
Role: TypeAlias = Literal["component", "property", "items", "parameter", "header", "body", "part"]


@dataclass(frozen=True, eq=False, slots=True)
class Parameter:
    """A parameter of an operation, its reference followed."""

    node: Node
    place: Span
    """Where the operation or its path item names it."""
    is_shared: bool
    """It stands behind a reference, or under the path for all its operations."""

    @property
    def name(self) -> str:
        return self.node.text_at("name")

    @property
    def location(self) -> str:
        """query, header, path, cookie, body, formData; "" when it does not say."""
        return self.node.text_at("in")


@dataclass(frozen=True, eq=False, slots=True)
class Response:
    code: str
    """As written: "200", "4XX", "default"."""
    node: Node
    """The response, its reference followed."""
    place: Span


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    method: str
    path: str
    node: Node
    item: Node
    """The path item that it is in."""
    kind: Literal["path", "webhook", "callback"]
    parameters: tuple[Parameter, ...]
    responses: tuple[Response, ...]
    body: Node | None
    """The request body, its reference followed; in 2.0 the body parameter."""

    @property
    def place(self) -> Span:
        return self.node.place

    @property
    def title(self) -> str:
        """`GET /users`"""
        return f"{self.method.upper()} {self.path}"

    @property
    def segments(self) -> list[str]:
        return [segment for segment in self.path.split("?")[0].split("/") if segment]

    @property
    def ends_in_parameter(self) -> bool:
        return bool(self.segments) and "{" in self.segments[-1]

    @property
    def responses_place(self) -> Span:
        responses = self.node.get("responses")
        return responses.place if responses is not None else self.place

    def response(self, *codes: str) -> Response | None:
        """The first response whose code is among `codes`, in any case of its letters."""
        return next((one for one in self.responses if one.code.upper() in codes), None)

    @property
    def success(self) -> Response | None:
        """The first response of the 200s that it declares."""
        return next((one for one in self.responses if one.code.startswith("2")), None)


@dataclass(frozen=True, eq=False, slots=True)
class Schema:
    """A schema where it is written, or in 2.0 a parameter that is its own schema."""

    node: Node
    role: Role
    name: str
    """Of the component, property, parameter or header; of a list's items, the list's."""
    place: Span
    owner: Node | None = None
    """The schema that it is a property or the items of."""

    types: frozenset[str] = field(init=False)
    """The type names that it lists; none when it is any value."""

    def __post_init__(self) -> None:
        type_ = self.node.members.get("type")
        names = [type_, *type_.elements] if type_ is not None else []
        types = frozenset(name.value for name in names if isinstance(name.value, str))
        object.__setattr__(self, "types", types)

    @property
    def called(self) -> str:
        """How a sentence about it begins."""
        if self.role == "items":
            return f"Each item of `{quoted(self.name)}`" if self.name else "Each item"
        return f"`{quoted(self.name)}`" if self.name else "This"

    def is_a(self, type_: str) -> bool:
        """Whether `type` is the only one that it may have beside null."""
        types = self.types
        return type_ in types and (len(types) == 1 or types == {type_, "null"})


class Api:
    """One description. Everything is worked out when it is first asked for, once."""

    def __init__(self, root: Node, version: Version) -> None:
        self.root = root
        self.version: Version = version

    # --- References

    def resolve(self, node: Node) -> Node:
        """What a local `$ref` stands for, through further ones; else the node itself."""
        seen: set[str] = set()
        while (reference := node.text_at("$ref")) and reference not in seen:
            seen.add(reference)
            target = self.target(reference)
            if target is None:
                return node
            node = target
        return node

    def target(self, reference: str) -> Node | None:
        """The node that a reference into this document points at, or None."""
        if reference == "#":
            return self.root
        if not reference.startswith("#/"):
            return None
        node: Node | None = self.root
        for part in reference[2:].split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if node is None:
                return None
            if node.elements:
                index = int(key) if key.isdecimal() and len(key) < 6 else len(node.elements)
                node = node.elements[index] if index < len(node.elements) else None
            else:
                node = node.members.get(key)
        return node

    @cached_property
    def references(self) -> list[Node]:
        """The value of every `$ref` that refers to something, examples left out."""
        found: list[Node] = []
        stack: list[tuple[Node, bool]] = [(self.root, False)]
        seen: set[int] = set()
        while stack:
            node, names_members = stack.pop()
            if id(node.value) in seen:
                continue
            if node.members or node.elements:
                seen.add(id(node.value))
            reference = node.members.get("$ref")
            if reference is not None and reference.text and not names_members:
                found.append(reference)
            for key, child in reversed(node.members.items()):
                if names_members or not (key in _DATA or key.startswith("x-")):
                    stack.append((child, not names_members and key in _NAMING))
                elif key == "examples":
                    stack += [
                        (one, False) for one in child.members.values() if "$ref" in one.members
                    ]
            stack += [(child, False) for child in reversed(node.elements)]
        return found

    # --- Paths

    @cached_property
    def paths(self) -> Mapping[str, Node]:
        """The path items as written, by path."""
        return {k: n for k, n in self.root.children("paths").items() if k.startswith("/")}

    @cached_property
    def operations(self) -> list[Operation]:
        """Those of paths alone, in the order of the text."""
        return [
            operation
            for path, item in self.paths.items()
            for operation in self._operations(path, item, "path")
        ]

    @cached_property
    def all_operations(self) -> list[Operation]:
        """Those of paths, of webhooks and of callbacks."""
        found = list(self.operations)
        for name, item in self.root.children("webhooks").items():
            found += self._operations(name, item, "webhook")
        for operation in list(found):
            for callback in operation.node.children("callbacks").values():
                for expression, item in self.resolve(callback).members.items():
                    if not expression.startswith("x-") and expression != "$ref":
                        found += self._operations(expression, item, "callback")
        return found

    def _operations(
        self, path: str, item: Node, kind: Literal["path", "webhook", "callback"]
    ) -> Iterator[Operation]:
        item = self.resolve(item)
        for method, node in item.members.items():
            # What stands behind a reference into another file is not known.
            is_elsewhere = isinstance(node.value, dict) and self.resolve(node).get("$ref")
            if method not in METHODS or not isinstance(node.value, dict) or is_elsewhere:
                continue
            parameters = self._parameters(item, node)
            body = node.get("requestBody")
            if self.version == "2.0":
                body = next((one.node for one in parameters if one.location == "body"), None)
            yield Operation(
                method=method,
                path=path,
                node=node,
                item=item,
                kind=kind,
                parameters=parameters,
                responses=tuple(
                    Response(code, self.resolve(response), response.place)
                    for code, response in node.children("responses").items()
                ),
                body=self.resolve(body) if body is not None else None,
            )

    def _parameters(self, item: Node, operation: Node) -> tuple[Parameter, ...]:
        merged: dict[tuple[str, str], Parameter] = {}
        for owner in (item, operation):
            for entry in owner.items("parameters"):
                node = self.resolve(entry)
                is_shared = owner is item or node is not entry
                parameter = Parameter(node, entry.place, is_shared)
                merged[parameter.name, parameter.location] = parameter
        return tuple(merged.values())

    # --- Components

    def components(self, kind: str) -> Mapping[str, Node]:
        """The named components of a kind, by 3.x's name of it: schemas, parameters, …"""
        if self.version != "2.0":
            components = self.root.get("components")
            return components.children(kind) if components is not None else {}
        key = _KINDS_IN_2.get(kind)
        return self.root.children(key) if key else {}

    @cached_property
    def security_schemes(self) -> Mapping[str, Node]:
        schemes = self.components("securitySchemes")
        return {name: self.resolve(node) for name, node in schemes.items()}

    @cached_property
    def servers(self) -> list[Node]:
        """Every server object, wherever it is written (3.x)."""
        found = [server for node in self.all_nodes for server in node.items("servers")]
        links = [link for node in self.all_nodes for link in node.children("links").values()]
        found += [server for link in links if (server := link.get("server")) is not None]
        return [server for server in found if "url" in server.members]

    @cached_property
    def parameters(self) -> list[Node]:
        """Every parameter object where it is written, each once."""
        owners = [node for one in self.all_operations for node in (one.item, one.node)]
        written = [entry for owner in owners for entry in owner.items("parameters")]
        written += self.components("parameters").values()
        unique = {
            id(node.value): node for node in written if node.members and "$ref" not in node.members
        }
        return list(unique.values())

    @cached_property
    def responses(self) -> list[Response]:
        """Every response object where it is written, each once; a component's code is ""."""
        found: dict[int, Response] = {}
        for operation in self.all_operations:
            for code, node in operation.node.children("responses").items():
                if "$ref" not in node.members:
                    found.setdefault(id(node.value), Response(code, node, node.place))
        for node in self.components("responses").values():
            found.setdefault(id(node.value), Response("", node, node.place))
        return list(found.values())

    @cached_property
    def headers(self) -> Mapping[str, Span]:
        """Every header that a request or a response has, by name, where it is named first."""
        places: dict[str, Span] = {}
        for parameter in self.parameters:
            name = parameter.get("name")
            if name is not None and name.text and parameter.text_at("in") == "header":
                places.setdefault(name.text, name.span)
        for response in self.responses:
            headers = response.node.get("headers")
            # Names of headers may begin with `x-` and be no extensions.
            for header, node in (headers.members if headers is not None else {}).items():
                places.setdefault(header, node.place)
        return places

    def content(self, node: Node) -> list[tuple[str, Node, Node | None]]:
        """(media type, the object that describes it, its schema resolved) of a body or response.

        In 2.0 the media type is "" and the object is the body or response itself.
        """
        if self.version == "2.0":
            schema = node.get("schema")
            return [("", node, self.resolve(schema))] if schema is not None else []
        found = []
        for media_type, media in node.children("content").items():
            schema = media.get("schema")
            found.append((media_type, media, self.resolve(schema) if schema else None))
        return found

    def schema_of(self, parameter: Node) -> Node:
        """A parameter's schema with its reference followed; in 2.0 the parameter itself."""
        schema = parameter.get("schema")
        if schema is not None:
            return self.resolve(schema)
        for _, _, described in self.content(parameter) if self.version != "2.0" else []:
            if described is not None:
                return described
        return parameter

    def properties(self, schema: Node) -> dict[str, Node]:
        """The properties of a schema and of what it is composed of, as written."""
        found: dict[str, Node] = {}
        stack, seen = [schema], set[int]()
        while stack:
            node = self.resolve(stack.pop())
            if id(node.value) in seen:
                continue
            seen.add(id(node.value))
            found = {**node.children("properties"), **found}
            for key in ("allOf", "anyOf", "oneOf"):
                stack += node.items(key)
        return found

    def required(self, schema: Node) -> frozenset[str]:
        """The properties that a schema, or what all of it is composed of, requires."""
        found: set[str] = set()
        stack, seen = [schema], set[int]()
        while stack:
            node = self.resolve(stack.pop())
            if id(node.value) not in seen:
                seen.add(id(node.value))
                found.update(name.text for name in node.items("required"))
                stack += node.items("allOf")
        return frozenset(found)

    # --- Schemas

    @cached_property
    def schemas(self) -> list[Schema]:
        """Every schema where it is written, each once, in the order of the text."""
        found: list[Schema] = []
        seen: set[int] = set()
        for schema in self._roots:
            stack = [schema]
            while stack:
                one = stack.pop()
                if not one.node.members or id(one.node.value) in seen:
                    continue
                seen.add(id(one.node.value))
                found.append(one)
                stack.extend(reversed(list(_below(one))))
        return found

    def is_input(self, schema: Schema) -> bool:
        """Whether a client may send it: some request holds it, or nobody refers to it."""
        key = id(schema.node.value)
        return key in self._inputs or key not in self._outputs

    def is_output(self, schema: Schema) -> bool:
        """Whether some response holds it."""
        return id(schema.node.value) in self._outputs

    @cached_property
    def _roots(self) -> list[Schema]:
        return [schema for schema, _ in self._rooted]

    @cached_property
    def _inputs(self) -> frozenset[int]:
        return self._reached("input")

    @cached_property
    def _outputs(self) -> frozenset[int]:
        return self._reached("output")

    def _reached(self, direction: str) -> frozenset[int]:
        stack = [schema.node for schema, towards in self._rooted if towards == direction]
        seen: set[int] = set()
        while stack:
            node = stack.pop()
            if not node.members or id(node.value) in seen:
                continue
            seen.add(id(node.value))
            target = self.resolve(node)
            if target is not node:
                stack.append(target)
            stack += [one.node for one in _below(Schema(node, "part", "", node.place))]
        return frozenset(seen)

    @cached_property
    def _rooted(self) -> list[tuple[Schema, str]]:
        """The outermost schemas, each with who sends it: "input", "output" or "" for components."""
        found: list[tuple[Schema, str]] = []
        stack: list[tuple[Node, str, str]] = [(self.root, "", "")]
        seen: set[int] = set()
        components = {id(node.value): name for name, node in self.components("schemas").items()}
        while stack:
            node, direction, parent_key = stack.pop()
            if id(node.value) in seen:
                continue
            if node.members or node.elements:
                seen.add(id(node.value))
            component = components.get(id(node.value))
            if component is not None:
                found.append((Schema(node, "component", component, node.place), ""))
                continue
            if self.version == "2.0":
                is_parameter = "in" in node.members or (
                    parent_key == "parameters" and "type" in node.members
                )
                if is_parameter and "schema" not in node.members:
                    name = node.text_at("name")
                    found.append((Schema(node, "parameter", name, node.place), "input"))
                    continue
                headers = node.get("headers") if direction == "output" else None
                for name, header in (headers.members if headers is not None else {}).items():
                    found.append((Schema(header, "header", name, header.place), "output"))
            for key, child in reversed(node.members.items()):
                if key == "schema" and child.members and parent_key != "schemas":
                    role, name = _role(node, parent_key, direction)
                    found.append((Schema(child, role, name, child.place), direction))
                elif parent_key in _NAMING or not (key in _DATA or key.startswith("x-")):
                    stack.append((child, _DIRECTIONS.get(key, direction), key))
            stack += [(child, direction, parent_key) for child in reversed(node.elements)]
        return sorted(found, key=lambda one: one[0].place)

    # --- Texts

    @cached_property
    def all_nodes(self) -> list[Node]:
        return list(walk(self.root))


def _below(schema: Schema) -> Iterator[Schema]:
    node = schema.node
    for key, child in node.members.items():
        if key in SCHEMA_MAPS:
            role: Role = "property" if key == "properties" else "part"
            for name, one in child.members.items():
                yield Schema(one, role, name, one.place, node)
        elif key in SCHEMA_LISTS:
            for one in child.elements:
                yield Schema(one, "part", schema.name, one.place, schema.owner)
        elif key in SCHEMA_KEYS and child.members:
            role = "items" if key == "items" else "part"
            yield Schema(child, role, schema.name, child.place, node)


def _role(owner: Node, parent_key: str, direction: str) -> tuple[Role, str]:
    if "in" in owner.members:
        location = owner.text_at("in")
        return ("body" if location == "body" else "parameter"), owner.text_at("name")
    if parent_key == "headers":
        return "header", ""
    return "body", ""


_DATA = frozenset({"example", "examples", "default", "enum", "const", "value"})
"""Keys whose values are data of the API's users and no part of the description."""
_NAMING = frozenset(SCHEMA_MAPS) | {
    "callbacks",
    "content",
    "headers",
    "links",
    "parameters",
    "paths",
    "requestBodies",
    "responses",
    "schemas",
    "securitySchemes",
    "webhooks",
}
"""Keys whose mapping's keys are names that somebody chose."""
_DIRECTIONS = {
    "parameters": "input",
    "requestBody": "input",
    "requestBodies": "input",
    "responses": "output",
    "headers": "output",
}
_KINDS_IN_2 = {
    "schemas": "definitions",
    "parameters": "parameters",
    "responses": "responses",
    "securitySchemes": "securityDefinitions",
}
