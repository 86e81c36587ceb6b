"""Compose files: what containers may do, what they show, and what they were started with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..core.model import Span
from ..core.text import quoted
from .containers import (
    DANGEROUS_CAPABILITIES,
    HOST_FOLDERS,
    is_literal_secret,
    is_mutable_tag,
    is_socket,
    tag_reason,
)
from .report import Checks, Report, replacing
from .tree import Node


@dataclass(frozen=True, eq=False, slots=True)
class Service:
    name: str
    node: Node

    @property
    def place(self) -> Span:
        return self.node.place

    @property
    def environment(self) -> list[tuple[str, str, Node]]:
        """(name, value as written, the node to point at) of each variable that has a value."""
        environment = self.node.get("environment")
        if environment is None:
            return []
        found = [(name, node.raw, node) for name, node in environment.members.items()]
        for item in environment.elements:
            name, separator, value = item.text.partition("=")
            if separator:
                found.append((name.strip(), value.strip(), item))
        return found

    @property
    def volumes(self) -> list[tuple[str, Span]]:
        """(what is mounted, the place to point at), of the host or a named volume."""
        found = []
        for item in self.node.items("volumes"):
            source = item.get("source")
            if source is not None:
                place = Span(min(item.span.start, source.span.start), source.span.end)
                found.append((source.text, place))
            elif item.text:
                found.append((item.text.split(":")[0], item.span))
        return found


class ComposeFile:
    def __init__(self, root: Node) -> None:
        self.root = root

    @cached_property
    def services(self) -> list[Service]:
        return [Service(n, s) for n, s in self.root.children("services").items() if s.members]


def privileged(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        flag = service.node.get("privileged")
        if flag is not None and flag.value is True:
            yield Report(
                flag.place,
                f"`{quoted(service.name)}` has every right over the host. Give it the capabilities "
                "and devices that it needs alone.",
            )


def host_namespace(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        for key in ("network_mode", "pid", "ipc", "userns_mode", "uts", "cgroup"):
            value = service.node.get(key)
            if value is not None and value.text == "host":
                yield Report(
                    value.place,
                    f"`{quoted(service.name)}` shares `{key}` with the host, and so is not "
                    "contained. Leave it out.",
                )


def docker_socket(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        for source, place in service.volumes:
            if is_socket(source):
                yield Report(
                    place,
                    f"Who gets into `{quoted(service.name)}` can start containers as root through "
                    "this socket. Leave it out, or put a proxy before it that allows few calls.",
                    # Some programs are there to watch or start containers.
                    "low" if _WATCHES_CONTAINERS.search(service.node.text_at("image")) else "high",
                )


def host_folder(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        for source, place in service.volumes:
            if HOST_FOLDERS.fullmatch(source) and not is_socket(source):
                yield Report(
                    place,
                    f"`{quoted(service.name)}` sees `{quoted(source)}` of the host. Mount the "
                    "files "
                    "that it needs, read-only.",
                    "medium",
                )


def capabilities(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        for item in service.node.items("cap_add"):
            name = item.text.upper().removeprefix("CAP_")
            if name in DANGEROUS_CAPABILITIES:
                yield Report(
                    item.span,
                    f"With {name} `{quoted(service.name)}` can leave its container. Add only what "
                    "it needs.",
                )


def unconfined(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        for item in service.node.items("security_opt"):
            if re.fullmatch(r"(?:seccomp|apparmor)[:=]unconfined|label[:=]disable", item.text):
                yield Report(
                    item.span,
                    f"`{quoted(item.text)}` switches off what keeps `{quoted(service.name)}` in. "
                    "Remove it, or name a profile.",
                )


def root_user(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        user = service.node.get("user")
        if user is not None and user.raw.split(":")[0] in ("0", "root"):
            yield Report(
                user.span,
                f"`{quoted(service.name)}` runs as root. Run it as a user of its own.",
            )


def new_privileges(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        options = {item.text.replace("=", ":") for item in service.node.items("security_opt")}
        if not options & {"no-new-privileges:true", "no-new-privileges"}:
            yield Report(
                service.place,
                f"A process of `{quoted(service.name)}` can gain rights through setuid programs. "
                "Add `security_opt: [no-new-privileges:true]`.",
            )


def writable_root(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        flag = service.node.get("read_only")
        if flag is None or flag.value is not True:
            yield Report(
                service.place,
                f"Whoever gets into `{quoted(service.name)}` can change its programs. Set "
                "`read_only: true`, with `tmpfs` for what must be written.",
            )


def published_database(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        for item in service.node.items("ports"):
            published, target = _port(item)
            if target in _DATABASE_PORTS and published:
                yield Report(
                    item.span if not item.members else item.place,
                    f"Port {target} of `{quoted(service.name)}` is open on every interface, past "
                    "the host's firewall. Bind it to 127.0.0.1, or do not publish it.",
                    "medium",
                    fix=replacing(
                        "Bind it to 127.0.0.1",
                        item.span,
                        f'"127.0.0.1:{item.raw}"',
                    )
                    if item.text and re.fullmatch(r"[0-9]+:[0-9]+(?:/tcp)?", item.raw)
                    else None,
                )


def no_authentication(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        for name, value, node in service.environment:
            wanted = _OPEN_SETTINGS.get(name.lower())
            if wanted is not None and wanted.fullmatch(value.strip("\"'").lower()):
                yield Report(
                    node.span,
                    f"`{quoted(name)}` lets anybody who reaches `{quoted(service.name)}` in. Set a "
                    "password.",
                )


def secret_in_environment(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        for name, value, node in service.environment:
            if is_literal_secret(name, value):
                yield Report(
                    node.span,
                    f"`{quoted(name)}` stands here for everybody who can read the repository. Take "
                    "it from a secret, or from a variable of the host.",
                    "medium",
                )


def latest_tag(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        image = service.node.get("image")
        if image is not None and is_mutable_tag(image.text) and "build" not in service.node.members:
            yield Report(image.span, tag_reason(image.text))


def no_memory_limit(file: ComposeFile) -> Iterator[Report]:
    for service in file.services:
        limits = service.node.get("deploy", "resources", "limits")
        if limits is None and "mem_limit" not in service.node.members:
            yield Report(
                service.place,
                f"`{quoted(service.name)}` may take all memory of the host. Set "
                "`deploy.resources.limits`.",
            )


def no_health_check(file: ComposeFile) -> Iterator[Report]:
    waiting = {
        name
        for service in file.services
        for name, condition in (service.node.get("depends_on") or service.node).members.items()
        if condition.text_at("condition") == "service_healthy"
    }
    for service in file.services:
        if "healthcheck" not in service.node.members and service.name not in waiting:
            yield Report(
                service.place,
                f"Nobody notices when `{quoted(service.name)}` hangs. Add a `healthcheck`.",
            )


def _port(item: Node) -> tuple[bool, str]:
    """Whether it is open to other machines, and the port inside the container."""
    if item.members:
        target, published = item.get("target"), item.get("published")
        address = item.text_at("host_ip")
        return published is not None and not _is_loopback(address), target.raw if target else ""
    match = re.fullmatch(
        r"(?:(?P<address>\[[^\]]+\]|[0-9.]+|\$\{[^}]*\}):)?(?P<published>[^:]*):(?P<target>[0-9]+)"
        r"(?:/\w+)?",
        item.raw,
    )
    if match is None:
        return False, ""
    address = match["address"] or ""
    return not _is_loopback(address) and not address.startswith("$"), match["target"]


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address in ("::1", "[::1]", "localhost")


_DATABASE_PORTS = frozenset(
    {"5432", "3306", "1433", "1521", "27017", "6379", "11211", "9200", "9300", "5984", "9042"}
    | {"2181", "2379", "8086", "5672", "15672", "9092", "26257", "28015", "7474", "7687"}
)
_WATCHES_CONTAINERS = re.compile(
    r"traefik|portainer|watchtower|nginx-proxy|acme-companion|autoheal|socket-proxy|dozzle|cadvisor|"
    r"promtail|fluent|vector|datadog|newrelic|telegraf|netdata|diun|homepage|dockge|registrator"
)
_YES = re.compile(r"1|yes|true|on")
_NO = re.compile(r"0|no|false|off")
_OPEN_SETTINGS = {
    "postgres_host_auth_method": re.compile(r"trust"),
    "mysql_allow_empty_password": _YES,
    "mariadb_allow_empty_root_password": _YES,
    "allow_empty_password": _YES,
    "allow_anonymous_login": _YES,
    "xpack.security.enabled": _NO,
    "discovery.security.disabled": _YES,
}

CHECKS: Checks = {
    "security/compose-privileged": privileged,
    "security/compose-host-namespace": host_namespace,
    "security/compose-docker-socket": docker_socket,
    "security/compose-host-folder": host_folder,
    "security/compose-capabilities": capabilities,
    "security/compose-unconfined": unconfined,
    "security/compose-root-user": root_user,
    "security/compose-new-privileges": new_privileges,
    "security/compose-writable-root": writable_root,
    "security/compose-published-database": published_database,
    "security/compose-no-authentication": no_authentication,
    "security/compose-secret": secret_in_environment,
    "security/compose-latest-tag": latest_tag,
    "performance/compose-no-memory-limit": no_memory_limit,
    "api-design/compose-no-health-check": no_health_check,
}
