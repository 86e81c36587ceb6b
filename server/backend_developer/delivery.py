"""What no linter says of Dockerfiles, GitHub workflows and GitLab pipelines: rules of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .core.model import Confidence, Proposal, Span
from .detector import Source

ROOT = "security/dockerfile-root-user"
SCRIPT = "security/remote-script-run"
CHECKOUT = "security/workflow-untrusted-checkout"
CERTIFICATE = "security/tls-verification-disabled"
WRITABLE = "security/world-writable-file"
PRINTED = "security/workflow-secret-printed"
COMMAND = "security/command-injection"
UNLOCKED = "api-design/workflow-unlocked-install"


class DeliveryDetector:
    """Implements Detector."""

    name = "delivery"
    languages = frozenset({"dockerfile", "yaml"})
    rules = frozenset({ROOT, SCRIPT, CHECKOUT, CERTIFICATE, WRITABLE, PRINTED, COMMAND, UNLOCKED})
    runs_program = False

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        return [
            [proposal for proposal in _find(source) if proposal.rule in enabled]
            for source in sources
        ]


def _find(source: Source) -> Iterator[Proposal]:
    text = source.text
    if source.document.language == "dockerfile":
        yield from _root_user(text)
        if _RUN.search(text):
            yield from _commands(text)
    elif _WORKFLOW.search(text):
        workflow = _mapping(_composed(text)) if _NEEDS_TREE.search(text) else {}
        yield from _untrusted_checkouts(workflow)
        yield from _steps(text, workflow)
        yield from _commands(text)
    elif _PIPELINE.search(text) and (_STAGES.search(text) or _is_pipeline(source)):
        yield from _commands(text)


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
# Repetitions have limits, since a line made for it would else take minutes.
_PIPED = re.compile(
    r"\b(?:curl|wget)\b(?=[^\n|;&]{0,2000}?https?://)[^\n|;&]{0,2000}\|\s*(?:sudo\s+(?:-\S+\s+)*)?"
    r"(?:ba|z|da|a)?sh\b(?!\s*-c)|\b(?:ba|z)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\()(?:curl|wget)\b[^\n)]{0,2000}\)[\"']?"
)


_UNVERIFIED = re.compile(
    r"\bcurl\b[^\n|;&]{0,2000}?\s(?:-[a-zA-Z]{0,20}k[a-zA-Z]{0,20}|--insecure)(?=[\s\"']|$)|"
    r"\bwget\b[^\n|;&]{0,2000}?\s--no-check-certificate\b|\bhttp\.sslVerify[ =]+[\"']?false\b|"
    r"\bGIT_SSL_NO_VERIFY\s*[:=]\s*[\"']?(?:1|true)\b|"
    r"\bNODE_TLS_REJECT_UNAUTHORIZED\s*[:=]\s*[\"']?0|\bstrict-ssl[ =]+false\b|"
    r"\bpip3? install\b[^\n|;&]{0,2000}?\s--trusted-host\b|\s--allow-unauthenticated\b|"
    r"\bStrictHostKeyChecking[ =]+[\"']?no\b",
    re.MULTILINE,
)
_LOCAL = re.compile(r"localhost|127\.0\.0\.1|\[::1\]|--trusted-host[ =](?:devpi|pypi)\b(?!\.)")
_WRITABLE = re.compile(
    r"\bchmod\s+(?:-[a-zA-Z]+\s+){0,5}(?:0?777|0?666|a\+r?wx?|a=rwx|o\+r?wx?|ugo\+r?wx?)\b[^\n|;&]*"
)


def _commands(text: str) -> Iterator[Proposal]:
    """Shell commands of which no context is needed to know what is wrong."""
    for rule, pattern, message in _COMMANDS:
        for match in pattern.finditer(text):
            begin = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            line = text[begin : end if end >= 0 else len(text)]
            is_local = rule == CERTIFICATE and _LOCAL.search(line)
            if not line.lstrip().startswith("#") and not is_local:
                whole = match[0].rstrip()
                yield _proposal(rule, Span(match.start(), match.start() + len(whole)), message)


_COMMANDS = (
    (
        SCRIPT,
        _PIPED,
        "A script is run as it comes from the network: whoever controls the address, or the way to "
        "it, runs code here. Download it, check its hash, then run it.",
    ),
    (
        CERTIFICATE,
        _UNVERIFIED,
        "Anybody on the way can answer in the server's place, as nothing checks who it is. Leave "
        "the option out, and install the certificate or key that is missing.",
    ),
    (
        WRITABLE,
        _WRITABLE,
        "Every user and process can change this afterwards. Give the right to its owner or group "
        "alone.",
    ),
)


# --- Workflows

_WORKFLOW = re.compile(r"^jobs\s*:", re.MULTILINE)
_HEAD = re.compile(
    r"github\.event\.(?:pull_request\.(?:head|merge_commit_sha|number)|workflow_run\.head"
    r"|workflow_run\.pull_requests)|github\.head_ref|refs/pull/"
)
_TRIGGERS = ("pull_request_target", "workflow_run", "issue_comment")


_NEEDS_TREE = re.compile(r"actions/checkout|\brun\s*:")
_PIPELINE = re.compile(r"^[ \t]+(?:before_|after_)?script[ \t]*:", re.MULTILINE)
_STAGES = re.compile(r"^stages\s*:", re.MULTILINE)


def _is_pipeline(source: Source) -> bool:
    return ".gitlab-ci" in source.document.path


def _composed(text: str) -> Any:
    """The root of a YAML text's nodes, or None for a broken one."""
    import yaml  # Not at the top: see load_yaml.

    try:
        return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return None


def _untrusted_checkouts(workflow: Mapping[str, Any]) -> Iterator[Proposal]:
    """Steps that fetch a pull request's code in a run with the target repository's rights."""
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


def _steps(text: str, workflow: Mapping[str, Any]) -> Iterator[Proposal]:
    """What `run:` does with secrets and with what a stranger may write, as `env:` has them."""
    for job in _mapping(workflow.get("jobs")).values():
        for step in getattr(_mapping(job).get("steps"), "value", None) or ():
            keys = _mapping(step)
            script = keys.get("run")
            if script is None or not isinstance(script.value, str):
                continue
            variables = {
                name: str(value.value)
                for owner in (workflow, _mapping(job), keys)
                for name, value in _mapping(owner.get("env")).items()
            }
            start, end = script.start_mark.index, script.end_mark.index
            for rule, match, message in _of_script(text[start:end], variables):
                span = Span(start + match.start(), start + match.start() + len(match[0].rstrip()))
                yield _proposal(rule, span, message)


def _of_script(
    script: str, variables: Mapping[str, str]
) -> Iterator[tuple[str, re.Match[str], str]]:
    secrets = [name for name, value in variables.items() if _SECRET.search(value)]
    foreign = [name for name, value in variables.items() if _FOREIGN.search(value)]
    secret = "|".join(
        [_SECRET.pattern, *(rf"\$\{{?{re.escape(name)}\b(?!:?\+)" for name in secrets)]
    )
    holds_secret = bool(secrets or _SECRET.search(script))
    for match in re.finditer(
        rf"\b(?:echo|printf)\b[^\n|>]*?(?:{secret})[^\n|>]*(?=\n|$|;|&)", script
    ):
        if "::add-mask::" not in match[0]:
            yield (
                PRINTED,
                match,
                "A secret goes to the log, where only its exact text is masked. Leave it out.",
            )
    for match in _TRACED.finditer(script) if holds_secret else ():
        yield (
            PRINTED,
            match,
            "Every command of this step is written to the log with its secrets filled in, and only "
            "their exact text is masked. Leave tracing off here.",
        )
    for match in re.finditer(
        rf"\bdocker login\b[^\n|]*?\s(?:-p|--password)[ =][\"']?(?:{secret})", script
    ):
        yield (
            PRINTED,
            match,
            "A secret on a command line can be read by every process of the machine. Pass it on "
            "stdin, with `--password-stdin`.",
        )
    for match in _UNLOCKED.finditer(script):
        yield (
            UNLOCKED,
            match,
            "This may install other versions than the lock file names. Use "
            f"`{'npm ci' if 'npm' in match[0] else 'yarn install --immutable'}`.",
        )
    if foreign:
        names = "|".join(map(re.escape, foreign))
        pattern = (
            r"\b(?:eval|(?:ba|z|da)?sh -c|python3? -c|node -e|perl -e|ruby -e)\s+"
            rf"(?!')[^\n']*?\$\{{?(?:{names})\b[^\n]*"
        )
        for match in re.finditer(pattern, script):
            yield (
                COMMAND,
                match,
                "What a stranger wrote into a title, a branch or a comment is run as code here. "
                "Quote it as an argument of a command, and do not let a shell read it again.",
            )


_SECRET = re.compile(r"\$\{\{\s*(?:secrets\.|github\.token\b)[^}]*\}\}")
_FOREIGN = re.compile(
    r"\$\{\{\s*(?:github\.head_ref|github\.event\.(?:issue|pull_request|comment|review|discussion|"
    r"head_commit|commits|pages|workflow_run)[\w.\[\]*]*\.(?:title|body|message|name|email|ref|"
    r"label|page_name|head_branch|default_branch))\b"
)
_TRACED = re.compile(r"\bset -(?:[a-wyz]*x[a-z]*|o xtrace)\b|\bbash -[a-wyz]*x[a-z]*\b")
_UNLOCKED = re.compile(
    r"\bnpm (?:install|i)(?:[ \t]+--(?!global)[\w=-]+)*[ \t]*(?=$|\n|&|;)|"
    r"\byarn install(?:[ \t]+--(?!frozen-lockfile|immutable)[\w=-]+)*[ \t]*(?=$|\n|&|;)"
)


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
