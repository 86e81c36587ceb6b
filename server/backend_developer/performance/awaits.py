"""Reads that wait for each other although neither needs the other's answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.model import Proposal, Span
from ..core.model import Step as FlowStep
from ..syntax import span_of
from .code import Assignment, Chain, Code, chain_of, mentions

SEQUENTIAL = "performance/sequential-awaits"
RULES = frozenset({SEQUENTIAL})


def is_worth_reading(text: str, language: str) -> bool:
    """A cheap look at whether `find` could find anything."""
    return text.count("await ") > 1


def find(code: Code, path: str) -> Iterator[Proposal]:
    """One proposal for each run of such reads, at the second of them."""
    run: list[tuple[Assignment, Chain]] = []
    for assignment in code.assignments:
        chain = _read(code, assignment)
        if chain is None:
            continue
        if run and not _belongs(code, run, assignment):
            yield from _proposal(code, run)
            run = []
        run.append((assignment, chain))
    yield from _proposal(code, run)


def _proposal(code: Code, run: list[tuple[Assignment, Chain]]) -> Iterator[Proposal]:
    if len(run) < 2:
        return
    (first, _), (_, chain) = run[0], run[1]
    together = "asyncio.gather" if code.language == "python" else "Promise.all"
    names = ", ".join(f"`{name}`" for assignment, _ in run for name in assignment.names[:1])
    yield Proposal(
        where=chain.span,
        rule=SEQUENTIAL,
        message=(
            f"{names} are waited for one after the other, and none needs the one before. "
            f"Start them together with `{together}`."
        ),
        source="detector:performance",
        author="local",
        confidence="medium" if _asks_the_network(run) else "low",
        flow=(FlowStep(span_of(first.value), "This is waited for first."),),
    )


_NETWORK = re.compile(
    r"(?i)^fetch\(|axios|got\(|http|api\b|client\.|service\.|prisma\.|\.find\w*\(|"
    r"\.count\w*\(|repository|requests|"
    r"^(?:\w+\.)*(?:get|fetch|load|find|count|list|search)\w*\(\)$"
)


_ONE_ROW = re.compile(r"(?i)\.(findOne|findUnique|findFirst|findById|findByPk|first|one)\w*\(\)$")


def _asks_the_network(run: list[tuple[Assignment, Chain]]) -> bool:
    """Two lookups of a row each are over soon, and hardly worth a change."""
    lookups = sum(_ONE_ROW.search(chain.path) is not None for _, chain in run)
    return all(_NETWORK.search(chain.path) for _, chain in run) and (
        len(run) > 2 or lookups < len(run)
    )


_BETWEEN = re.compile(r"(?:;|\s|//[^\n]*|#[^\n]*|\b(?:const|let|var)\b)*")


def _belongs(code: Code, run: list[tuple[Assignment, Chain]], assignment: Assignment) -> bool:
    """Whether it comes right after the run, in the same block, and uses none of its values."""
    last = run[-1][0]
    between = code.of(Span(last.span.end, max(last.span.end, assignment.span.start)))
    if assignment.scope is not last.scope or not _BETWEEN.fullmatch(between):
        return False
    if _column(code, last) != _column(code, assignment):
        return False
    names = {name for earlier, _ in run for name in earlier.names}
    return not mentions(assignment.value.text(), names)


def _column(code: Code, assignment: Assignment) -> int:
    start = code.text.rfind("\n", 0, assignment.span.start) + 1
    line = code.text[start : assignment.span.start]
    return len(line) - len(line.lstrip())


_READS = re.compile(
    r"(?i)^_?(?:a?get|find|fetch|load|read|count|list|search|query|lookup|aggregate|"
    r"retrieve|select|exists|head)(?![a-z]*(?:_?(?:or_)?create|update|lock))"
)
_ONE_AT_A_TIME = re.compile(
    r"(?i)(^|[._])(session|db_session|db|conn|connection|cursor|cur|tx|trx|"
    r"transaction|uow|reader|stream|websocket|ws|queryrunner|t|"
    r"page|browser|lock|queue|request|req|form|pipe|rl|readline|stdin|channel|socket)(\.|\(\)|$)"
)
_SHARED = re.compile(
    r"[(,{]\s*(?:self\.|this\.)?(session|db_session|db|conn|connection|cursor|tx|trx|"
    r"transaction|uow|queryRunner|t)\s*[,)}]|"
    r"\b(transaction|session|queryRunner)\s*[:=,}]"
)


def _read(code: Code, assignment: Assignment) -> Chain | None:
    """The awaited call that only reads, by its name, which the assignment is of."""
    value = assignment.value
    if not value.kind().startswith("await") or assignment.is_update:
        return None
    chain = chain_of(value, code.text)
    if chain is None or (chain.steps[-1].arguments is None and "()" not in chain.path):
        return None
    called = [step for step in chain.steps if step.arguments is not None]
    if not called or not any(_READS.match(step.name or chain.root) for step in called):
        return None
    receiver = chain.path.rpartition(".")[0] or ""
    # A session, a connection or a stream serves one call at a time.
    if _ONE_AT_A_TIME.search(receiver) and not re.search(
        r"^(?:this\.)?(?:prisma|db)\.\w+\.", chain.path
    ):
        return None
    if code.language == "python" and re.match(r"(?:self\.)?_?(?:db|session)\b", chain.path):
        return None
    if _SHARED.search(code.of(chain.span)) and (
        code.language == "python" or "transaction" in code.text
    ):
        return None
    return chain
