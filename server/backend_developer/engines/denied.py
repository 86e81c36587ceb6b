"""Files that are never sent to a model, whatever is selected in them."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase

DENIED_NAMES: tuple[str, ...] = (
    ".env*",
    "*.env",
    ".npmrc",
    ".pypirc",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",
    "*.key",
    "*.p8",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.tfstate*",
    "*.tfvars",
    # Only data: credentials.py is code that handles them, and wants reviewing.
    "credentials",
    "*credentials*.json",
    "*credentials*.y*ml",
    "credentials*.ini",
    "credentials*.toml",
    "credentials*.xml",
    "credentials*.csv",
    "service-account*.json",
    "service_account*.json",
    "secrets.json",
    "secrets.y*ml",
    "secrets.toml",
)
"""Patterns of file names, in lower case."""

DENIED_FOLDERS: frozenset[str] = frozenset({".ssh", ".aws", ".gnupg", ".azure", ".kube"})
"""Names of folders; everything below them is denied."""


def is_denied(path: str) -> bool:
    """Whether the file at `path`, a file path or a URI, must never be sent.

    Looks at names only, in any letter case, with / or \\ between them: at its own, and at that
    of the file it leads to when it is a link.
    """
    return _is_denied_name(path) or _is_denied_name(os.path.realpath(path))


def _is_denied_name(path: str) -> bool:
    *folders, name = re.split(r"[/\\]", path.casefold().rstrip("/\\"))
    # An untitled buffer's URI has its name after the scheme: "untitled:.env".
    name = name.rpartition(":")[2]
    return not DENIED_FOLDERS.isdisjoint(folders) or any(
        fnmatchcase(name, pattern) for pattern in DENIED_NAMES
    )
