"""What no linter says of Dockerfiles and GitHub workflows: a detector of a few rules of our own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .core.model import Confidence, Proposal, Span
from .detector import Source

ROOT = "security/dockerfile-root-user"
SCRIPT = "security/remote-script-run"
CHECKOUT = "security/workflow-untrusted-checkout"


class DeliveryDetector:
    """Implements Detector."""

    name = "delivery"
    languages = frozenset({"dockerfile", "yaml"})
    rules = frozenset({ROOT, SCRIPT, CHECKOUT})
    runs_program = False

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        return [
            [proposal for proposal in _find(source) if proposal.rule in enabled]
            for source in sources
        ]


def _find(source: Source) -> Iterator[Proposal]:
    if source.document.language == "dockerfile":
        yield from _root_user(source.text)
        yield from _remote_scripts(source.text, _RUN)
    elif _WORKFLOW.search(source.text):
        yield from _untrusted_checkouts(source)
        yield from _remote_scripts(source.text, None)


def _proposal(rule: str, span: Span, message: str, confidence: Confidence = "medium") -> Proposal:
    name = rule.partition("/")[2]
    return Proposal(span, rule, message, f"delivery:{name}", "local", confidence=confidence)


# --- Dockerfiles

_INSTRUCTION = re.compile(r"^[ \t]*([A-Za-z]+)[ \t]+((?:[^\\\n]|\\.|\\\r?\n)*)", re.MULTILINE)
_NAMED = re.compile(r"\bAS\s+(\S+)", re.IGNORECASE)
_UNPRIVILEGED = re.compile(
    r"non-?root|unprivileged|\bbitnami/|\bcgr\.dev/|\brootless", re.IGNORECASE
)
"""Images that say that they do not run as root."""


def _root_user(text: str) -> Iterator[Proposal]:
    """The start command of an image whose stages never say who it runs as."""
    has_user: dict[str, bool] = {}
    names: list[str] = []
    current, start = False, None
    for match in _INSTRUCTION.finditer(text):
        word, value = match[1].upper(), match[2]
        if word == "FROM":
            image = next((one for one in value.split() if not one.startswith("--")), "")
            named = _NAMED.search(value)
            names.append(named[1].lower() if named else "")
            current = has_user.get(image.lower(), bool(_UNPRIVILEGED.search(image)))
            start = None
        elif word == "USER":
            current = True
        elif word in ("CMD", "ENTRYPOINT"):
            start = match
        if names and names[-1]:
            has_user[names[-1]] = current
    if start is not None and not current:
        end = start.start() + len(start[0].splitlines()[0].rstrip())
        message = (
            "Nothing says who the container runs as, so it is root unless its base image says "
            "otherwise. Create a user with a fixed number and name it with `USER`."
        )
        yield _proposal(ROOT, Span(start.start(1), end), message, "low")


_RUN = re.compile(r"^[ \t]*RUN\b", re.MULTILINE | re.IGNORECASE)
_PIPED = re.compile(
    r"\b(?:curl|wget)\b[^\n|;&]*https?://[^\n|;&]*\|\s*(?:sudo\s+(?:-\S+\s+)*)?"
    r"(?:ba|z|da|a)?sh\b(?!\s*-c)|\b(?:ba|z)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\()(?:curl|wget)\b[^\n)]*\)[\"']?"
)


def _remote_scripts(text: str, needed: re.Pattern[str] | None) -> Iterator[Proposal]:
    if needed is not None and not needed.search(text):
        return
    for match in _PIPED.finditer(text):
        if text[text.rfind("\n", 0, match.start()) + 1 : match.start()].lstrip().startswith("#"):
            continue
        message = (
            "A script is run as it comes from the network: whoever controls the address, or the "
            "way to it, runs code here. Download it, check its hash, then run it."
        )
        yield _proposal(SCRIPT, Span(*match.span()), message)


# --- Workflows

_WORKFLOW = re.compile(r"^jobs\s*:", re.MULTILINE)
_HEAD = re.compile(
    r"github\.event\.(?:pull_request\.(?:head|merge_commit_sha|number)|workflow_run\.head"
    r"|workflow_run\.pull_requests)|github\.head_ref|refs/pull/"
)
_TRIGGERS = ("pull_request_target", "workflow_run", "issue_comment")


def _untrusted_checkouts(source: Source) -> Iterator[Proposal]:
    """Steps that fetch a pull request's code in a run with the target repository's rights."""
    text = source.text
    if "actions/checkout" not in text or not any(trigger in text for trigger in _TRIGGERS):
        return
    import yaml  # Not at the top: see load_yaml.

    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return
    workflow = _mapping(root)
    triggers = workflow.get("on", workflow.get("true"))
    if triggers is None or not _names(triggers).intersection(_TRIGGERS):
        return
    for job in _mapping(workflow.get("jobs")).values():
        for step in getattr(_mapping(job).get("steps"), "value", None) or ():
            keys = _mapping(step)
            uses, inputs = keys.get("uses"), _mapping(keys.get("with"))
            ref = inputs.get("ref")
            if (
                uses is not None
                and str(uses.value).startswith("actions/checkout")
                and ref is not None
                and _HEAD.search(str(ref.value))
            ):
                message = (
                    "Code of a pull request is fetched in a run that has this repository's secrets "
                    "and token, so what it builds or tests runs with them. Do that in a workflow "
                    "of `pull_request`, and pass on only data that you check."
                )
                span = Span(uses.start_mark.index, uses.end_mark.index)
                yield _proposal(CHECKOUT, span, message, "high")


def _mapping(node: Any) -> Mapping[str, Any]:
    """A mapping node's values by key; empty for any other node."""
    value = getattr(node, "value", None)
    if not isinstance(value, list) or not all(isinstance(item, tuple) for item in value):
        return {}
    return {str(key.value): item for key, item in value}


def _names(node: Any) -> set[str]:
    """What `on:` lists, in any of its three forms."""
    if mapping := _mapping(node):
        return set(mapping)
    if isinstance(node.value, list):
        return {str(item.value) for item in node.value}
    return {str(node.value)}
