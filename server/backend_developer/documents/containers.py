"""What Compose files and Kubernetes manifests have in common: images, mounts, variables."""

from __future__ import annotations

import re

from ..core.text import quoted

DANGEROUS_CAPABILITIES = frozenset(
    {"ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "SYS_RAWIO", "SYS_BOOT", "DAC_READ_SEARCH"}
    | {"DAC_OVERRIDE", "NET_ADMIN", "NET_RAW", "BPF", "MAC_ADMIN", "MAC_OVERRIDE", "SYS_TIME"}
)
HOST_FOLDERS = re.compile(
    r"/|/(?:etc|proc|sys|root|boot|dev|home|usr|var|lib|run|var/run|var/lib/docker|var/lib/kubelet"
    r"|var/log|etc/kubernetes)/?"
)


def is_socket(path: str) -> bool:
    """Whether it is the socket of a container runtime, through which its owner is root."""
    return bool(re.search(r"(?:docker|containerd|crio|podman)(?:/[\w.-]+)*\.sock$", path))


def is_mutable_tag(image: str) -> bool:
    """Whether an image has no tag, or `latest`; one from a variable is not judged."""
    if not image or "$" in image or "{" in image or "@sha256:" in image:
        return False
    name = image.rpartition("/")[2]
    return ":" not in name or name.endswith(":latest")


def tag_reason(image: str) -> str:
    return (
        f"`{quoted(image)}` is another image each time it is pulled. Name a release, best with its "
        "digest."
    )


def is_literal_secret(name: str, value: str) -> bool:
    """Whether a variable's name says that it is secret, and its value stands there for all to see.

    References to variables, files and secret stores are none, nor are flags, and placeholders.
    """
    value = value.strip("\"'")
    return (
        bool(_SECRET_NAME.search(name))
        and not _NO_SECRET_NAME.search(name)
        and len(value) >= 4
        and not _REFERENCE.match(value)
        and not _PLACEHOLDER.search(value)
    )


_SECRET_NAME = re.compile(
    r"(?i)(?:^|[_.-])(?:password|passwd|passphrase|pwd|secret|secret_?key|api_?key|access_?key|"
    r"private_?key|auth_?token|access_?token|token|credentials?|encryption_?key)$"
    r"|(?:^|_)(?:password|secret_key|secret)(?:_|$)"
)
_NO_SECRET_NAME = re.compile(
    r"(?i)(?:_file|_path|_name|_length|_ttl|_expir\w*|_url|_algorithm|_type|_policy|_enabled|"
    r"_required|_id|_header|_secs|_minutes|_hours|_days|_rounds|_min|_max)$|allow_empty|public|random"
)
_REFERENCE = re.compile(
    r"\$|\{\{|/run/|/etc/|/var/|vault:|arn:|ref\+|file:|<|true$|false$|null$", re.I
)
_PLACEHOLDER = re.compile(
    r"(?i)^(?:change_?me|replace|your[-_ ]|xxx+|\*+|todo|example|placeholder)|\.\.\."
)
