"""Data, paths and names of a project's files: how they are read, and how they may be shown."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.text import shortened, visible
from ..engines.base import ReadError
from ..reader import WorkspaceReader

_LONGEST_NAME = 80
MOST_NAMES = 10
"""Of one kind in one file, or of places in one line."""


def relative_to(path: str, root: Path) -> str:
    """A path below the workspace, with forward slashes; "" for any other."""
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else ""


def upwards(folder: str) -> Iterator[str]:
    """The folder and those above it, up to the workspace's, which is ""."""
    while folder not in ("", "."):
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def text_in(reader: WorkspaceReader, path: str) -> str:
    """A file's text; "" when it cannot be read, or may not be sent."""
    try:
        return reader.text_of(path)
    except ReadError:
        return ""


def plain_value(value: object) -> str:
    """A setting's value as it may be shown; "" for what is no short plain value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    return text if re.fullmatch(r"[\w.,<>=!~^*|/@:+ -]{0,60}", text) else ""


def toml_in(text: str) -> dict[str, Any]:
    """What a text holds, here and in the next two; nothing when it is broken."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def json_in(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def yaml_in(text: str) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def table_in(data: object, *keys: str) -> dict[str, Any]:
    """The table below these keys, one after another; an empty one when there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def as_settings(table: Mapping[str, object], keys: Sequence[str]) -> str:
    """Those settings of a table that have plain values."""
    values = {key: plain_value(table.get(key)) for key in keys}
    return ", ".join(f"`{key}` {value}" for key, value in values.items() if value)


def as_names(names: Iterable[str]) -> str:
    """Each name once, as code; of many the first."""
    shown = [f"`{as_name(name)}`" for name in dict.fromkeys(names)]
    more = len(shown) - MOST_NAMES
    return ", ".join(shown[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def as_list(paths: Sequence[str]) -> str:
    return ", ".join(as_name(path) for path in paths[:MOST_NAMES])


def as_name(text: str) -> str:
    """A name out of the code, as it may stand between backticks."""
    return shortened(visible(text).replace("`", "'").replace("\n", " "), _LONGEST_NAME)


def without_comments(text: str) -> str:
    """JSON as TypeScript's and Biome's files have it: without comments and last commas."""
    text = re.sub(r"^\s*//[^\n]*|/\*.*?\*/|(?<=[\s,{\[])//[^\n\"]*$", "", text, flags=re.M | re.S)
    return re.sub(r",(\s*[}\]])", r"\1", text)
