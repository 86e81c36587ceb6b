"""Which agents there are, which one a name stands for, and what is wrong with the files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from backend_developer import discovery
from backend_developer.agents import (
    AgentListing,
    UnknownAgentError,
    find_agent,
    load_agents,
    read_agent,
)
from backend_developer.core.model import AgentDefinition
from backend_developer.problems import Problem

AGENT = "---\nname: {name}\ndescription: {origin}\n---\nYou are {origin}.\n"


@dataclasses.dataclass(frozen=True)
class Disk:
    """A home, a repository in it with a service in a folder, and an organisation's folder."""

    root: Path

    @property
    def repository(self) -> Path:
        return self.root / "home" / "repo"

    @property
    def service(self) -> Path:
        return self.repository / "services" / "api"

    def put(self, place: str, text: str) -> Path:
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def agent(self, place: str, name: str = "reviewer") -> Path:
        return self.put(place, AGENT.format(name=name, origin=place.split("/.claude")[0]))

    def load(
        self, trusted: bool = True, **environment: str
    ) -> tuple[tuple[AgentListing, ...], tuple[Problem, ...]]:
        variables = {"HOME": str(self.root / "home"), **environment}
        return load_agents(self.service, self.repository, trusted, variables)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(discovery, "managed_folder", lambda: tmp_path / "managed")
    disk = Disk(tmp_path)
    disk.service.mkdir(parents=True)
    (disk.repository / ".git").mkdir()
    return disk


PLACES = [
    "managed/.claude/agents/a.md",
    "home/repo/services/api/.claude/agents/deep/er/a.md",
    "home/repo/services/.claude/agents/a.md",
    "home/repo/.claude/agents/a.md",
    "home/.claude/agents/a.md",
]
"""Strongest first."""


def test_the_nearest_wins_and_the_others_say_who_shadows_them(disk: Disk) -> None:
    paths = [str(disk.agent(place)) for place in PLACES]
    listings, problems = disk.load()
    found = [item for item in listings if item.definition.name == "reviewer"]
    assert [item.definition.path for item in found] == paths
    assert [item.origin for item in found] == ["managed", *["project"] * 3, "user"]
    assert [item.shadowed_by for item in found] == ["", *[paths[0]] * 4]
    assert [item.wins for item in found] == [True, *[False] * 4]
    assert problems == ()


@pytest.mark.parametrize("count", range(len(PLACES)), ids=PLACES)
def test_each_place_is_the_winner_when_no_stronger_one_has_the_name(disk: Disk, count: int) -> None:
    for place in PLACES[count:]:
        disk.agent(place)
    listings, _ = disk.load()
    assert find_agent(listings, "reviewer").path == str(disk.root / PLACES[count])


def test_our_own_agent_is_always_there_and_can_be_replaced(disk: Disk) -> None:
    listings, problems = disk.load()
    assert [(item.definition.name, item.origin) for item in listings] == [
        ("backend-developer", "built-in")
    ]
    assert problems == ()
    disk.agent("home/.claude/agents/mine.md", name="backend-developer")
    listings, problems = disk.load()
    assert find_agent(listings, "backend-developer").origin == "user"
    assert problems == ()


def test_a_change_on_disk_counts_at_once(disk: Disk) -> None:
    path = disk.agent("home/.claude/agents/a.md")
    assert find_agent(disk.load()[0], "reviewer").prompt == "You are home."
    path.write_text(AGENT.format(name="reviewer", origin="new"))
    assert find_agent(disk.load()[0], "reviewer").prompt == "You are new."
    path.unlink()
    with pytest.raises(UnknownAgentError):
        find_agent(disk.load()[0], "reviewer")


def test_claude_config_dir_replaces_the_home_folder(disk: Disk) -> None:
    disk.agent("home/.claude/agents/a.md", name="at-home")
    disk.agent("elsewhere/agents/a.md", name="elsewhere")
    listings, _ = disk.load(CLAUDE_CONFIG_DIR=str(disk.root / "elsewhere"))
    names = {item.definition.name for item in listings}
    assert names == {"elsewhere", "backend-developer"}


def test_an_untrusted_workspace_brings_no_agent(disk: Disk) -> None:
    disk.agent("home/repo/.claude/agents/a.md", name="theirs")
    disk.put("home/repo/services/.claude/agents/broken.md", "nothing")
    disk.agent("home/.claude/agents/a.md", name="mine")
    listings, problems = disk.load(trusted=False)
    assert {item.definition.name for item in listings} == {"mine", "backend-developer"}
    assert [(p.path, p.severity, p.message) for p in problems] == [
        (
            str(disk.repository / "services/.claude/agents"),
            "information",
            "The workspace is not trusted, so its agents are not used.",
        )
    ]


def test_a_link_out_of_the_repository_is_not_followed(disk: Disk) -> None:
    outside = disk.agent("secret/a.md", name="outside")
    disk.agent("home/repo/shared/a.md", name="inside")
    folder = disk.repository / ".claude/agents"
    folder.mkdir(parents=True)
    (folder / "outside.md").symlink_to(outside)
    (folder / "inside.md").symlink_to(disk.repository / "shared/a.md")
    listings, problems = disk.load()
    assert {item.definition.name for item in listings} == {"inside", "backend-developer"}
    assert [problem.path for problem in problems] == [str(folder / "outside.md")]
    assert "link to a file outside" in problems[0].message


def test_one_bad_file_hides_no_other(disk: Disk) -> None:
    for name, text in {
        "a.md": "no frontmatter",
        "b.md": "---\ndescription: nameless\n---\nHi",
        "c.md": "---\nname: [a]\ndescription: x\n---\nHi",
        "README.md": "# Our agents",
        "notes.txt": "no agent",
    }.items():
        disk.put(f"home/.claude/agents/{name}", text)
    disk.agent("home/.claude/agents/z.md", name="good")
    listings, problems = disk.load()
    assert {item.definition.name for item in listings} == {"good", "backend-developer"}
    errors = [Path(problem.path).name for problem in problems if problem.severity == "error"]
    assert errors == ["a.md", "b.md", "c.md"]


def test_two_files_of_one_folder_with_one_name_are_reported(disk: Disk) -> None:
    first = disk.agent("home/.claude/agents/a.md")
    second = disk.agent("home/.claude/agents/b.md")
    listings, problems = disk.load()
    assert find_agent(listings, "reviewer").path == str(first)
    assert [(problem.path, problem.line) for problem in problems] == [(str(second), None)]
    assert f"already defined in {first}" in problems[0].message


@pytest.mark.parametrize(
    ("folder", "workspace", "names"),
    [
        pytest.param("home/repo/services/api", None, {"api", "repo"}, id="no workspace"),
        pytest.param("home/repo/services/api", "home/repo/services", {"api", "repo"}, id="part"),
        pytest.param("elsewhere", "home/repo", {"repo"}, id="file outside the workspace"),
        pytest.param(None, "home/repo/services/api", {"api", "repo"}, id="no file"),
        pytest.param("loose/a", "loose", {"a", "loose"}, id="workspace without a repository"),
        pytest.param("loose/a", None, {"a"}, id="neither workspace nor repository"),
        pytest.param(None, None, set(), id="nothing"),
    ],
)
def test_how_far_up_project_agents_are_looked_for(
    disk: Disk, folder: str | None, workspace: str | None, names: set[str]
) -> None:
    for place in ("home/repo/services/api", "home/repo", "elsewhere", "loose/a", "loose", "."):
        disk.agent(f"{place}/.claude/agents/a.md", name=Path(place).name or "top")
    listings, _ = load_agents(
        folder and disk.root / folder,
        workspace and disk.root / workspace,
        True,
        {"HOME": str(disk.root / "nobody")},
    )
    assert {item.definition.name for item in listings} == names | {"backend-developer"}


def test_a_home_folder_that_is_a_repository_brings_the_users_agents(disk: Disk) -> None:
    (disk.root / "home/.git").mkdir()
    disk.agent("home/.claude/agents/a.md")
    listings, problems = load_agents(
        disk.root / "home", disk.root / "home", False, {"HOME": str(disk.root / "home")}
    )
    assert find_agent(listings, "reviewer").origin == "user"
    assert problems == ()


def test_an_unknown_name_names_the_nearest(disk: Disk) -> None:
    disk.agent("home/.claude/agents/a.md", name="api-reviewer")
    listings, _ = disk.load()
    with pytest.raises(
        UnknownAgentError, match='no agent "api-reviewr"; did you mean "api-reviewer"'
    ):
        find_agent(listings, "api-reviewr")
    with pytest.raises(UnknownAgentError, match="there are: api-reviewer, backend-developer"):
        find_agent(listings, "zzz")


def check_file(
    tmp_path: Path, text: str, expected: dict[str, object] | None, *problems: str
) -> None:
    """An agent file reads with the `expected` fields, or not at all (None), and these problems."""
    path = tmp_path / "agent.md"
    path.write_bytes(text.encode())
    agent, found = read_agent(path, "user")
    shown = [f"{p.line}:{p.severity}:{p.key}" for p in found]
    assert shown == list(problems), [str(p) for p in found]
    if expected is None:
        assert agent is None
    else:
        assert agent is not None
        assert {key: getattr(agent, key) for key in expected} == expected


def test_reads_every_key(tmp_path: Path) -> None:
    check_file(
        tmp_path,
        "---\nname: a\ndescription: b\ntools: Read, Bash(git log:*, git diff:*)\n"
        "disallowedTools: [Write, Edit]\nmodel: opus\nmaxTurns: 7\neffort: high\ncolor: blue\n"
        "permissionMode: plan\nskills: [x]\nmcpServers: [y]\nhooks: {PreToolUse: []}\n"
        "memory: user\nbackground: true\nisolation: worktree\ninitialPrompt: go\n---\nPrompt\n",
        dataclasses.asdict(
            AgentDefinition(
                name="a",
                description="b",
                prompt="Prompt",
                path=str(tmp_path / "agent.md"),
                origin="user",
                model="opus",
                tools=("Read", "Bash(git log:*, git diff:*)"),
                disallowed_tools=("Write", "Edit"),
                max_turns=7,
                effort="high",
                color="blue",
            )
        ),
    )


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        pytest.param("", None, id="absent"),
        pytest.param("tools:\n", None, id="no value"),
        pytest.param("tools: []\n", (), id="none"),
        pytest.param("tools: '*'\n", None, id="all"),
        pytest.param("tools: Read\n", ("Read",), id="one"),
        pytest.param("tools: [Read, Grep ]\n", ("Read", "Grep"), id="list"),
        pytest.param("tools:\n  - Read\n  - Grep\n", ("Read", "Grep"), id="lines"),
        pytest.param("tools: Read,Grep,\n", ("Read", "Grep"), id="comma at the end"),
        pytest.param("tools: Read, Grep\r\n", ("Read", "Grep"), id="crlf"),
    ],
)
def test_tools(tmp_path: Path, tools: str, expected: tuple[str, ...] | None) -> None:
    check_file(tmp_path, f"---\nname: a\ndescription: b\n{tools}---\nHi", {"tools": expected})


@pytest.mark.parametrize(
    ("keys", "expected", "problem"),
    [
        pytest.param("max_turns: 3", {"max_turns": None}, "4:warning:max_turns", id="slip"),
        pytest.param("category: x", {}, "4:information:category", id="somebody else's key"),
        pytest.param("maxTurns: many", {"max_turns": None}, "4:warning:maxTurns", id="no number"),
        pytest.param("maxTurns: 0", {"max_turns": None}, "4:warning:maxTurns", id="zero"),
        pytest.param("maxTurns: true", {"max_turns": None}, "4:warning:maxTurns", id="a bool"),
        pytest.param("effort: hihg", {"effort": None}, "4:warning:effort", id="effort"),
        pytest.param("model: [a]", {"model": "inherit"}, "4:warning:model", id="model"),
        pytest.param("tools: 3", {"tools": None}, "4:warning:tools", id="tools"),
    ],
)
def test_a_bad_key_is_reported_and_counts_as_absent(
    tmp_path: Path, keys: str, expected: dict[str, object], problem: str
) -> None:
    check_file(tmp_path, f"---\nname: a\ndescription: b\n{keys}\n---\nHi", expected, problem)


@pytest.mark.parametrize(
    ("text", "expected", "problem"),
    [
        pytest.param("---\nname: a\n---\nHi", {"name": "a"}, "None:warning:description", id="desc"),
        pytest.param(
            "---\nname: a\ndescription: b\n---\n", {"prompt": ""}, "None:warning:", id="prompt"
        ),
        pytest.param("---\ndescription: b\n---\nHi", None, "None:error:name", id="name"),
        pytest.param("---\nname: ''\ndescription: b\n---\nHi", None, "2:error:name", id="empty"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, text: str, expected: dict[str, object] | None, problem: str
) -> None:
    check_file(tmp_path, text, expected, problem)


def test_a_generated_description_gets_its_lines_back(tmp_path: Path) -> None:
    """As the sub-agent generator writes it: one line, `\\n` spelled out, colons unquoted."""
    check_file(
        tmp_path,
        "---\nname: sql-tuner\n"
        "description: Use for slow queries. Examples:\\n\\n<example>\\nContext: A report.\\n"
        'user: "Why so slow?"\\n</example>\n'
        "model: inherit\n---\n\nYou tune SQL.\n",
        {
            "description": "Use for slow queries. Examples:\n\n<example>\nContext: A report.\n"
            'user: "Why so slow?"\n</example>',
            "model": "inherit",
            "prompt": "You tune SQL.",
        },
        "3:warning:description",
    )


def test_our_own_agent_may_only_read() -> None:
    agent, problems = read_agent(discovery.built_in_folder() / "backend-developer.md", "built-in")
    assert agent is not None
    assert problems == ()
    assert (agent.name, agent.model) == ("backend-developer", "sonnet")
    assert agent.tools is not None
    assert set(agent.tools) <= {"Read", "Grep", "Glob"}


FIELDS = """
REST, GraphQL, documentation, PostgreSQL, MongoDB, Redis, ORM, schema, migration, quer, JWT,
OAuth 2, session, OWASP, validat, encrypt, least privilege, configuration, caching, rate limit,
scale, logs, monitoring, observability, services, serverless, Docker, CI/CD
"""
"""What the agent is for: each must be spoken of."""


@pytest.mark.parametrize("field", [word.strip() for word in FIELDS.split(",")])
def test_our_own_agent_speaks_of_its_whole_field(field: str) -> None:
    text = (discovery.built_in_folder() / "backend-developer.md").read_text("utf-8")
    assert field.lower() in text.lower()
