"""The rules that look at several files at once, as a detector of the local engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..core.model import Document, Proposal
from ..dataflow.summaries import Known
from ..detector import Source
from ..performance.summaries import NOTHING, Elsewhere
from ..roles import role_of
from . import rules_drift, rules_owners, rules_paths, rules_routes, rules_schema
from .disk import facts_of_source
from .elsewhere import ProjectElsewhere
from .extract import LANGUAGES, structure_of
from .facts import FileFacts
from .index import Project

Rule = Callable[[Source, FileFacts, Project], Iterator[Proposal]]
"""What a rule finds in one file of the project; it looks at places of that file alone."""

RULES: Mapping[str, Rule] = {
    "security/unguarded-route": rules_routes.unguarded,
    "security/missing-rate-limit": rules_routes.without_limit,
    "api-design/unvalidated-body": rules_routes.without_pipe,
    "security/missing-authorization": rules_owners.without_owner,
    "api-design/duplicate-route": rules_routes.duplicates,
    "api-design/shadowed-route": rules_routes.shadowed,
    "api-design/duplicate-operation-id": rules_routes.repeated_ids,
    "api-design/inconsistent-path-naming": rules_routes.styles,
    "api-design/unversioned-route": rules_paths.unversioned,
    "api-design/singular-collection": rules_paths.singular,
    "api-design/verb-in-path": rules_paths.verbs,
    "api-design/inconsistent-error-format": rules_paths.error_names,
    "api-design/undescribed-route": rules_drift.undescribed,
    "api-design/status-not-described": rules_drift.other_status,
    "api-design/operation-without-route": rules_drift.without_route,
    "performance/missing-index": rules_schema.missing_index,
}
"""By catalogue id."""


class ProjectDetector:
    """`project_of` gives the project that a path belongs to, as it is known at that moment."""

    name = "project"
    languages = LANGUAGES
    rules = frozenset(RULES)
    runs_program = False

    def __init__(self, project_of: Callable[[str], Project]) -> None:
        self._project_of = project_of
        self._known: dict[Document, FileFacts] = {}
        self._latest: Source | None = None
        """What was looked at last: whoever learns from it next need not read it again."""

    def know(self, facts: Mapping[Document, FileFacts]) -> None:
        """What documents say, for who has read them already; in place of what was known before."""
        self._known = dict(facts)

    def find(self, sources: Sequence[Source], enabled: frozenset[str]) -> list[list[Proposal]]:
        """What the rules find in each source, which stands in for the file on disk."""
        self._latest = sources[-1] if sources else None
        return [list(self._find(source, enabled)) for source in sources]

    def _find(self, source: Source, enabled: frozenset[str]) -> Iterator[Proposal]:
        if not _is_of_project(source.document):
            return
        facts = self._read(source)
        if facts.is_empty:
            return
        yield from find_in(source, facts, self._project_with(facts), enabled)

    def elsewhere(self, source: Source) -> Elsewhere:
        """What the other files of a source's project say of the costs of what it uses."""
        return self._elsewhere(source) or NOTHING

    def known(self, source: Source) -> Sequence[Known]:
        """What functions of other files do with data, as far as the source can call them."""
        elsewhere = self._elsewhere(source)
        return elsewhere.known if elsewhere is not None else ()

    def _elsewhere(self, source: Source) -> ProjectElsewhere | None:
        if not _is_of_project(source.document):
            return None
        facts = self._read(source)
        return ProjectElsewhere(self._project_with(facts), facts.path) if facts.imports else None

    def _project_with(self, facts: FileFacts) -> Project:
        project = self._project_of(facts.path)
        if project.files.get(facts.path) is facts:
            return project
        return project.with_file(facts.path, facts)

    def learn(self, document: Document) -> FileFacts | None:
        """What a document says, which `find` may have read already; None: nothing of the project's.

        A test's routes and models are not the project's.
        """
        if not _is_of_project(document):
            return None
        latest = self._latest
        source = latest if latest and latest.document == document else Source(document)
        return self._known.get(document) or source.derived(facts_of_source)

    def _read(self, source: Source) -> FileFacts:
        """What a source says, where it is read for its own findings.

        What its functions cost and do is for the other files, and takes ten times as long as the
        rest: it is as the project knew it last, where it knows the file at all.
        """
        facts = self._known.get(source.document)
        if facts is not None:
            return facts
        path = source.document.path or source.document.uri
        known = self._project_of(path).files.get(path)
        if known is None:
            return source.derived(facts_of_source)
        structure = source.derived(structure_of)
        return replace(structure, costs=known.costs, data=known.data)


def find_in(
    source: Source, facts: FileFacts, project: Project, enabled: frozenset[str]
) -> Iterator[Proposal]:
    """What the enabled rules find in one file, whose facts are the project's."""
    for rule, find in RULES.items():
        if rule in enabled:
            yield from find(source, facts, project)


def _is_of_project(document: Document) -> bool:
    return document.language in LANGUAGES and role_of(document) not in ("test", "generated")
