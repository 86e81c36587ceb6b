"""Which kind of document a text is, by its content, and which checks are for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .report import Checks
from .tree import MalformedError, Node, parse_documents

Kind: TypeAlias = Literal["openapi", "compose", "kubernetes", "graphql", "prisma"]

LANGUAGES = frozenset({"yaml", "json", "jsonc", "dockercompose", "graphql", "prisma"})
"""LSP language ids."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A document as the checks of its kind want to see it."""

    kind: Kind
    value: Any


def subjects(text: str, language: str) -> list[Subject]:
    """The documents in a text that there are checks for; none in most texts, and cheaply so.

    Raises MalformedError when it says that it is an API description and cannot be read.
    """
    # What reads each kind is imported when the first text of the kind comes.
    if language == "graphql":
        from .graphql import GraphqlSchema
        from .sdl import parse_sdl

        return [Subject("graphql", GraphqlSchema(parse_sdl(text)))]
    if language == "prisma":
        from .prisma import parse_prisma

        return [Subject("prisma", parse_prisma(text))]
    if not _HINT.search(text):
        return []
    try:
        roots = parse_documents(text)
    except MalformedError:
        if _OPENAPI_HINT.search(text):
            raise
        return []
    return [subject for root in roots for subject in _subjects(root)]


def _subjects(root: Node) -> Iterator[Subject]:
    members = root.members
    services = root.children("services").values()
    if "openapi" in members or "swagger" in members:
        from .openapi.model import Api, Version

        # An unknown version is read as the newest that we know.
        spelled = (members.get("openapi") or members["swagger"]).raw
        version: Version = (
            "2.0" if "swagger" in members else "3.0" if spelled.startswith("3.0") else "3.1"
        )
        yield Subject("openapi", Api(root, version))
    elif "apiVersion" in members and "kind" in members:
        from .kubernetes import Manifest

        yield Subject("kubernetes", Manifest(root))
    elif any({"image", "build", "extends"} & service.members.keys() for service in services):
        from .compose import ComposeFile

        yield Subject("compose", ComposeFile(root))


def _openapi() -> Checks:
    from .openapi import CHECKS

    return CHECKS


def _compose() -> Checks:
    from .compose import CHECKS

    return CHECKS


def _kubernetes() -> Checks:
    from .kubernetes import CHECKS

    return CHECKS


def _graphql() -> Checks:
    from .graphql import CHECKS

    return CHECKS


def _prisma() -> Checks:
    from .prisma import CHECKS

    return CHECKS


CHECKS_OF: Mapping[Kind, Callable[[], Checks]] = {
    "openapi": _openapi,
    "compose": _compose,
    "kubernetes": _kubernetes,
    "graphql": _graphql,
    "prisma": _prisma,
}

_OPENAPI_HINT = re.compile(
    r"""^(?:[^\S\n]*\{\s*)?["']?(?:openapi|swagger)["']?\s*:\s*["']?[23]""", re.MULTILINE
)
_HINT = re.compile(r"""\b(?:openapi|swagger|services|apiVersion)["']?\s*:""")
