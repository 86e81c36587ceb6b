"""The nouns of the program: what flows from an engine to an editor.

    engine   -> Proposal    untrusted: what a linter or a model claims
    validate -> Finding     true of one document; its span was computed, not believed
             -> Rejection   a claim that could not be placed, and why

Everything here is frozen, and nothing here does I/O.

Offsets are indices into `Document.text`, a Python string: they count code
points, from 0, end exclusive. Only `lsp/` turns them into the client's
position encoding, and only `core.text` into lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Focus: TypeAlias = Literal["api-design", "security", "performance"]
Severity: TypeAlias = Literal["error", "warning", "information", "hint"]
Confidence: TypeAlias = Literal["high", "medium", "low"]
Needs: TypeAlias = Literal["none", "setting", "migration", "template", "dependency"]
"""What a person must do beyond taking the edit; only "none" is a plain quick fix."""
Profile: TypeAlias = Literal["default", "strict"]
"""Which rules are on: what nearly every reviewer asks for, or the opinionated ones too."""
TaskKind: TypeAlias = Literal["review", "change", "explain"]
"""What comes of a task: findings, edits, or words alone."""
Author: TypeAlias = Literal["local", "agent"]
"""Who wrote something: a deterministic rule, or a model."""

FOCUSES: tuple[Focus, ...] = ("api-design", "security", "performance")
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "information", "hint")
"""Worst first."""
PROFILES: tuple[Profile, ...] = ("default", "strict")
CONFIDENCES: tuple[Confidence, ...] = ("high", "medium", "low")
"""Surest first."""


# --- Where


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of offsets, `0 <= start <= end <= len(text)`."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Whether a character lies in both; an empty span overlaps what it lies strictly inside."""
        return self.start < other.end and other.start < self.end

    def touches(self, other: Span) -> bool:
        """Whether the two overlap or are next to each other."""
        return self.start <= other.end and other.start <= self.end

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Quote:
    """A place pointed at by its code, as a model does.

    `line` (from 1) is only what the model believes: it chooses between equal
    quotes and is never taken as the place itself.
    """

    code: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One text at one version.

    `uri` is the client's spelling of it, `path` the file it stands for ("" when
    it is no file). `version` is the client's, None for text read from disk.
    `language` is the LSP language id: python, javascript, typescriptreact, …
    """

    uri: str
    path: str
    language: str
    text: str
    version: int | None = None


# --- The catalogue's rule


@dataclass(frozen=True, slots=True)
class Example:
    """The shortest code that a rule finds something in, and the same without it.

    Where it takes another file to see, or a name, each file begins with a line `#- /path`.
    """

    language: str
    """LSP language id."""
    bad: str
    good: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of catalogue.yml: what a finding's `rule` refers to."""

    id: str
    """`focus/name`, e.g. security/sql-injection."""
    title: str
    focus: Focus
    severity: Severity
    why: str
    advice: str
    """How to fix it, in a sentence or two."""
    cwes: tuple[int, ...] = ()
    """CWE numbers, most fitting first."""
    owasp: tuple[str, ...] = ()
    """OWASP categories, e.g. "API1:2023", "A03:2021"."""
    link: str = ""
    """The source of the rule: documentation, an RFC, a CWE page."""
    same_as: tuple[str, ...] = ()
    """Other tools' rules that mean the same, as "ruff:S608"."""
    profile: Profile = "default"
    """The smallest profile that it is on in."""
    languages: tuple[str, ...] = ()
    """LSP ids of the languages that it is about; empty: any."""
    example: Example | None = None
    """Only of a rule that no rule file of ours describes; the others have their cases."""


# --- What an engine claims


@dataclass(frozen=True, slots=True)
class SearchReplace:
    """An edit as a model writes it: old text, found exactly once, becomes new text.

    `file` is a path relative to the workspace, or None for the reviewed file;
    `line` (from 1) is only a belief, as in Quote. An empty `new` is a deletion.
    """

    old: str
    new: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """An edit as a linter writes it: what lies at `span` becomes `new`."""

    span: Span
    new: str


@dataclass(frozen=True, slots=True)
class ProposedFix:
    title: str
    edits: tuple[SearchReplace | Replacement, ...]
    needs: Needs = "none"


@dataclass(frozen=True, slots=True)
class Step:
    """One place on the way from source to sink, in order."""

    where: Quote | Span
    message: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an engine says about a document; nothing in it is believed until `validate`."""

    where: Quote | Span
    rule: str
    """A catalogue id, or "other"."""
    message: str
    """What is wrong here, in a sentence or two, in Markdown without headings."""
    source: str
    """Who says so: "ruff:S608", "rule:security/sql-injection", "agent:claude-sonnet-5-5"."""
    author: Author
    confidence: Confidence = "high"
    severity: Severity | None = None
    """None: the catalogue's."""
    focus: Focus | None = None
    """Needed only when `rule` is "other"."""
    cwes: tuple[int, ...] = ()
    fix: ProposedFix | None = None
    flow: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the agent says of a local finding it was given as evidence."""

    finding_id: str
    refuted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call to a model used, in tokens. Total input is the sum of the three inputs."""

    model: str
    input_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """The total input."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        """What this model used in both."""
        return Usage(
            self.model,
            self.input_tokens + other.input_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.output_tokens + other.output_tokens,
        )


# --- What is true of the document


@dataclass(frozen=True, slots=True)
class TextEdit:
    """What lies at `span` becomes `new_text`; minimal, and true of the finding's document."""

    span: Span
    new_text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A fix that passed every check; the edits do not overlap and are in text order."""

    title: str
    edits: tuple[TextEdit, ...]
    author: Author
    needs: Needs = "none"
    out_of_scope: bool = False
    """Some edit lies outside what was selected, so a person must confirm it."""
    unchecked: tuple[str, ...] = ()
    """What could not be checked, in sentences."""


@dataclass(frozen=True, slots=True)
class Checking:
    """A fix exists and is being checked; it is not offered yet."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A fix existed and is not offered; `reason` is a sentence for the person."""

    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fix whose edits were placed, on its way to the checks that need tools."""

    rule: str
    span: Span
    """The finding's place, in the text before."""
    edits: tuple[TextEdit, ...]
    text_after: str
    is_part: bool = False
    """Of a change of several files, which are compared with each other and the rest elsewhere."""


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A serious finding of a text that the text before did not have."""

    rule: str
    code: str
    """What it is about, its blanks made one each."""
    sentence: str
    """That it came in, and where."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the tools say of one candidate."""

    problem: str = ""
    """Why the fix is withheld, a sentence; empty: it passed."""
    unchecked: tuple[str, ...] = ()
    """What could not be checked, in sentences."""
    tidying: tuple[TextEdit, ...] = ()
    """Edits of the candidate's `text_after` that belong to the fix too: they take away the
    imports that it left unused."""
    new_findings: tuple[NewFinding, ...] = ()
    """Of a part of a change: one that has moved from another part with its code is none."""
    gone: tuple[tuple[str, str], ...] = ()
    """Of a part: (rule, code) of each finding that the text before had more often."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a place. Only `core.validate` makes one from a Proposal."""

    id: str
    """The fingerprint: the same across edits elsewhere and across reviews. Of several findings
    of one rule on the same lines, the second's ends in `-2`, and so on."""
    rule: str
    focus: Focus
    severity: Severity
    confidence: Confidence
    span: Span
    code: str
    """The text at `span`; a stored finding's is always the document's."""
    title: str
    """The rule's title: a few words."""
    message: str
    sources: tuple[str, ...]
    author: Author
    cwes: tuple[int, ...] = ()
    link: str = ""
    fix: Fix | Checking | Withheld | None = None
    flow: tuple[tuple[Span, str], ...] = ()
    refuted: str = ""
    """Why the agent thinks this local finding is wrong; it is then a hint."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A proposal that became no finding, and why, in one sentence a model can act on."""

    proposal: Proposal
    reason: str


# --- Agents and tasks, as read from Markdown


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """A Claude Code sub-agent file."""

    name: str
    description: str
    prompt: str
    """The file's body: the system prompt."""
    path: str
    origin: Literal["managed", "project", "user", "built-in"]
    model: str = "inherit"
    """As written: an alias, "inherit" or a full id."""
    tools: tuple[str, ...] | None = None
    disallowed_tools: tuple[str, ...] = ()
    max_turns: int | None = None
    effort: str | None = None
    color: str | None = None


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    name: str
    """security, performance, api-design, everything, …"""
    title: str
    """What the editor's menu says: "Review security"."""
    kind: TaskKind
    focuses: tuple[Focus, ...]
    instruction: str
    path: str
    languages: tuple[str, ...] = ()
    """LSP language ids it is offered for; empty: all."""
    frameworks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Patterns of paths it is offered for, such as `.github/workflows/*.yml`; empty: all."""
    not_files: tuple[str, ...] = ()
    """Patterns of paths among those that it is not offered for."""
    contains: str = ""
    """A regular expression that the selection, or the code around a cursor, must match; "": any."""
    group: str = ""
    """Where menus put it: API, Data, Security, Operation, …; "" in reviews."""
    asks: str = ""
    """What a person is asked to write before it starts; "": nothing."""
