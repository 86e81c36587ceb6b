"""Kubernetes manifests: pod security, resources, probes, and what is in plain sight."""

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
class Container:
    node: Node
    pod: Node
    """The pod's spec."""
    is_init: bool

    @property
    def name(self) -> str:
        return self.node.text_at("name")

    @property
    def place(self) -> Span:
        name = self.node.get("name")
        return name.span if name is not None else self.node.place

    def security(self, key: str) -> Node | None:
        """A field of the security context: the container's, else the pod's."""
        return self.node.get("securityContext", key) or self.pod.get("securityContext", key)


class Manifest:
    """One document of a manifest: an object, or a list of them."""

    def __init__(self, root: Node) -> None:
        self.root = root

    @cached_property
    def objects(self) -> list[Node]:
        return self.root.items("items") if self.root.text_at("kind") == "List" else [self.root]

    @cached_property
    def pods(self) -> list[Node]:
        """The pod specs."""
        found = []
        for one in self.objects:
            path = _POD_SPECS.get(one.text_at("kind"))
            pod = one.get(*path) if path else None
            if pod is not None:
                found.append(pod)
        return found

    @cached_property
    def containers(self) -> list[Container]:
        return [
            Container(node, pod, key == "initContainers")
            for pod in self.pods
            for key in ("initContainers", "containers")
            for node in pod.items(key)
            if node.members
        ]


def privileged(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        flag = container.node.get("securityContext", "privileged")
        if flag is not None and flag.value is True:
            yield Report(
                flag.place,
                f"`{quoted(container.name)}` has every right over the node. Give it the "
                "capabilities that it needs alone.",
                fix=replacing("Drop the privileges", flag.span, "false"),
            )


def host_namespace(manifest: Manifest) -> Iterator[Report]:
    for pod in manifest.pods:
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            flag = pod.get(key)
            if flag is not None and flag.value is True:
                yield Report(
                    flag.place,
                    f"`{key}` shows the pod what else runs on the node. Leave it out.",
                )


def docker_socket(manifest: Manifest) -> Iterator[Report]:
    for pod in manifest.pods:
        for volume in pod.items("volumes"):
            path = volume.get("hostPath", "path")
            if path is not None and is_socket(path.text):
                yield Report(
                    path.span,
                    "Who gets into the pod can start containers as root through this socket. Leave "
                    "it out.",
                )


def host_path(manifest: Manifest) -> Iterator[Report]:
    for pod in manifest.pods:
        for volume in pod.items("volumes"):
            path = volume.get("hostPath", "path")
            if path is not None and not is_socket(path.text) and HOST_FOLDERS.fullmatch(path.text):
                yield Report(
                    path.span,
                    f"The pod sees `{quoted(path.text)}` of its node. Use a persistent volume, "
                    "or a "
                    "folder of its own, read-only.",
                )


def root_user(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        user, flag = container.security("runAsUser"), container.security("runAsNonRoot")
        if user is not None and user.number == 0:
            yield Report(user.place, f"`{quoted(container.name)}` runs as root. {_RUN_AS}")
        elif flag is not None and flag.value is False:
            yield Report(
                flag.place,
                f"`{quoted(container.name)}` may run as root. {_RUN_AS}",
                fix=replacing("Refuse root", flag.span, "true"),
            )
        elif flag is None and user is None:
            yield Report(
                container.place, f"`{quoted(container.name)}` may run as root. {_RUN_AS}", "medium"
            )


def privilege_escalation(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        flag = container.node.get("securityContext", "allowPrivilegeEscalation")
        if flag is None or flag.value is not False:
            yield Report(
                flag.place if flag is not None else container.place,
                f"A process of `{quoted(container.name)}` can gain rights through setuid programs. "
                "Set `allowPrivilegeEscalation: false`.",
                fix=replacing("Forbid it", flag.span, "false")
                if flag is not None and flag.value is True
                else None,
            )


def capabilities(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        added = container.node.get("securityContext", "capabilities", "add")
        for item in added.elements if added is not None else ():
            if item.text.upper().removeprefix("CAP_") in DANGEROUS_CAPABILITIES:
                yield Report(
                    item.span,
                    f"With {quoted(item.text)} `{quoted(container.name)}` can leave its container. "
                    "Add only what it needs.",
                )


def kept_capabilities(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        dropped = container.node.get("securityContext", "capabilities", "drop")
        names = {one.text.upper() for one in dropped.elements} if dropped is not None else set()
        if "ALL" not in names:
            yield Report(
                container.place,
                f"`{quoted(container.name)}` keeps capabilities that it does not need. Set "
                "`capabilities: {drop: [ALL]}`, and add back what it does.",
            )


def unconfined(manifest: Manifest) -> Iterator[Report]:
    owners = [*manifest.pods, *(container.node for container in manifest.containers)]
    for owner in owners:
        profile = owner.get("securityContext", "seccompProfile", "type")
        if profile is not None and profile.text == "Unconfined":
            yield Report(
                profile.span,
                "Every system call is allowed. Use `RuntimeDefault`.",
                fix=replacing("Use RuntimeDefault", profile.span, "RuntimeDefault"),
            )


def writable_root(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        flag = container.node.get("securityContext", "readOnlyRootFilesystem")
        if flag is None or flag.value is not True:
            yield Report(
                flag.place if flag is not None else container.place,
                f"Whoever gets into `{quoted(container.name)}` can change its programs. Set "
                "`readOnlyRootFilesystem: true`, with an `emptyDir` for what must be written.",
            )


def secret_in_environment(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        for variable in container.node.items("env"):
            value = variable.get("value")
            name = variable.text_at("name")
            if value is not None and is_literal_secret(name, value.raw):
                yield Report(
                    value.span,
                    f"`{quoted(name)}` stands here for everybody who can read the manifest. "
                    "Take it "
                    "from a Secret with `valueFrom`.",
                    "medium",
                )
    for one in manifest.objects:
        if one.text_at("kind") == "ConfigMap":
            for name, value in one.children("data").items():
                if is_literal_secret(name, value.raw) and "\n" not in value.text:
                    yield Report(
                        value.span,
                        f"`{quoted(name)}` stands in a ConfigMap, which many may read. Put it into "
                        "a Secret.",
                        "medium",
                    )


def secret_in_manifest(manifest: Manifest) -> Iterator[Report]:
    for one in manifest.objects:
        if one.text_at("kind") != "Secret":
            continue
        for key in ("data", "stringData"):
            for name, value in one.children(key).items():
                if value.text and not re.search(r"\$|\{\{|<|^ENC\[", value.text):
                    yield Report(
                        value.place,
                        f"`{quoted(name)}` of this Secret is in the repository; Base64 hides "
                        "nothing. Seal or encrypt it, or fetch it from a secret store.",
                        "medium",
                    )
                    break


def latest_tag(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        image = container.node.get("image")
        if image is not None and is_mutable_tag(image.text):
            yield Report(image.span, tag_reason(image.text))


def no_resource_limits(manifest: Manifest) -> Iterator[Report]:
    for container in manifest.containers:
        resources = container.node.get("resources")
        if resources is None or resources.get("limits", "memory") is None:
            yield Report(
                resources.place if resources is not None else container.place,
                f"`{quoted(container.name)}` may take all memory of its node, and others are "
                "killed "
                "for it. Set `resources.limits.memory`, and requests.",
            )


def no_probes(manifest: Manifest) -> Iterator[Report]:
    long_running = {"Deployment", "StatefulSet", "DaemonSet"}
    for one in manifest.objects:
        if one.text_at("kind") not in long_running:
            continue
        for container in Manifest(one).containers:
            probes = {"livenessProbe", "readinessProbe", "startupProbe"}
            if not container.is_init and not probes & container.node.members.keys():
                yield Report(
                    container.place,
                    f"`{quoted(container.name)}` gets requests before it is ready and after it "
                    "hangs. Add a `readinessProbe` and a `livenessProbe`.",
                )


def wildcard_role(manifest: Manifest) -> Iterator[Report]:
    for one in manifest.objects:
        if one.text_at("kind") not in ("Role", "ClusterRole"):
            continue
        for rule in one.items("rules"):
            wild = [
                key
                for key in ("verbs", "resources")
                if any(item.text == "*" for item in rule.items(key))
            ]
            if wild:
                node = rule.get(wild[0])
                yield Report(
                    node.place if node is not None else rule.place,
                    f"`*` under `{wild[0]}` allows what exists and what will exist. List what is "
                    "needed.",
                )


def mounted_token(manifest: Manifest) -> Iterator[Report]:
    for pod in manifest.pods:
        flag = pod.get("automountServiceAccountToken")
        if flag is None or flag.value is not False:
            place = flag.place if flag is not None else pod.place
            yield Report(
                place,
                "The pod gets a token for the cluster's API, whether it needs one or not. Set "
                "`automountServiceAccountToken: false`.",
            )


def skip_tls_verify(manifest: Manifest) -> Iterator[Report]:
    clusters = [item.get("cluster") for item in manifest.root.items("clusters")]
    specs = [one.get("spec") for one in manifest.objects]
    for owner in (*clusters, *specs):
        for key in ("insecure-skip-tls-verify", "insecureSkipTLSVerify"):
            flag = owner.get(key) if owner is not None else None
            if flag is not None and flag.value is True:
                yield Report(
                    flag.place,
                    "Any certificate is accepted, so that anybody on the way can read and change "
                    "what is sent. Give the authority's certificate instead.",
                )


def ingress_without_tls(manifest: Manifest) -> Iterator[Report]:
    for one in manifest.objects:
        spec = one.get("spec")
        if one.text_at("kind") == "Ingress" and spec is not None and not spec.items("tls"):
            annotations = one.get("metadata", "annotations")
            names = " ".join(annotations.members) if annotations is not None else ""
            # Some controllers end TLS by their own settings, and say so in annotations.
            if not re.search(r"ssl|tls|cert|https|alb\.|gce|appgw", names, re.IGNORECASE):
                yield Report(
                    spec.place,
                    "What comes in is not encrypted. Add `tls` with a certificate's secret.",
                    "medium",
                )


_RUN_AS = "Set `runAsNonRoot: true`, and a user of its own."
_POD_SPECS = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"),
        ("spec", "template", "spec"),
    ),
}

CHECKS: Checks = {
    "security/kubernetes-privileged": privileged,
    "security/kubernetes-host-namespace": host_namespace,
    "security/kubernetes-docker-socket": docker_socket,
    "security/kubernetes-host-path": host_path,
    "security/kubernetes-root-user": root_user,
    "security/kubernetes-privilege-escalation": privilege_escalation,
    "security/kubernetes-capabilities": capabilities,
    "security/kubernetes-kept-capabilities": kept_capabilities,
    "security/kubernetes-unconfined": unconfined,
    "security/kubernetes-writable-root": writable_root,
    "security/kubernetes-secret-in-environment": secret_in_environment,
    "security/kubernetes-secret-in-manifest": secret_in_manifest,
    "security/kubernetes-latest-tag": latest_tag,
    "performance/kubernetes-no-resource-limits": no_resource_limits,
    "api-design/kubernetes-no-probes": no_probes,
    "security/kubernetes-wildcard-role": wildcard_role,
    "security/kubernetes-mounted-token": mounted_token,
    "security/kubernetes-skip-tls-verify": skip_tls_verify,
    "security/kubernetes-ingress-without-tls": ingress_without_tls,
}
