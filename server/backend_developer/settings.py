"""Settings: one schema, read from five places into one frozen value.

Later wins: project file, user file, environment, editor, command line. A bad
value is reported where it stands, and what was there before it is used.

The fields of `Settings` are that schema: each one's type, default, meaning and
reach stand there and nowhere else. README's table and the editors' settings
are made from `schema()`.
"""

from __future__ import annotations

import re
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from .core.model import FOCUSES, Confidence, Profile, Rule, Severity, TaskKind
from .problems import Problem, did_you_mean
from .roles import Role

Origin: TypeAlias = Literal["project", "user", "environment", "editor", "command line"]
ORIGINS: tuple[Origin, ...] = ("project", "user", "environment", "editor", "command line")
"""Weakest first."""

EDITOR_SECTION = "backendDeveloper"
PROJECT_FILES = (".backend-developer.yml", ".backend-developer.yaml")
"""In the workspace's root; the first one that exists is read."""
USER_FILE = "settings.yml"
"""In the user's configuration folder, e.g. ~/.config/backend-developer on Linux."""
VARIABLE_PREFIX = "BACKEND_DEVELOPER_"
EDITOR_ONLY = frozenset({"server", "trace"})
"""Keys of the editor's section that are for the editor's side: how to start us, and its log."""


@dataclass(frozen=True, slots=True)
class About:
    """What a type and a default cannot say of a setting."""

    doc: str
    """One or two plain sentences, in Markdown."""
    project: bool = True
    """Whether a project's file may set it: not what decides whom to trust or where code goes."""
    minimum: int | None = None
    url: bool = False
    price: bool = False
    """Text such as "2/10": dollars for a million tokens of input and of output."""


Standing: TypeAlias = Literal["normal", "low", "off"]
"""How much findings in some kind of file count."""
Level: TypeAlias = Severity | Literal["off"]
Provider: TypeAlias = Literal["anthropic", "bedrock", "bedrock-runtime", "vertex", "foundry"]
"""Who serves the model. Bedrock has two endpoints: the Messages API, and InvokeModel."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a review is run with. Mappings are never changed once they are in here."""

    engine: Annotated[
        Literal["auto", "local", "agent"],
        About(
            "Which engine reviews. `auto`: the agent where a key, a base URL or another provider "
            "is set, else local."
        ),
    ] = "auto"
    agent: Annotated[str, About("Name of the agent that reviews, as in its file.")] = (
        "backend-developer"
    )
    model: Annotated[
        str, About("Model alias or id. Empty: the one that the agent's file names.")
    ] = ""
    model_aliases: Annotated[
        Mapping[str, str],
        About("Model alias to model id (on Foundry: deployment), before the built-in table."),
    ] = field(default_factory=dict)
    provider: Annotated[
        Provider,
        About(
            "Who serves the model: Anthropic and whatever speaks its Messages API, Amazon Bedrock, "
            "Google Vertex AI or Microsoft Foundry.",
            project=False,
        ),
    ] = "anthropic"
    base_url: Annotated[
        str,
        About(
            "Endpoint that speaks the provider's API. Empty: `ANTHROPIC_BASE_URL` or the "
            "provider's own.",
            project=False,
            url=True,
        ),
    ] = ""
    max_output_tokens: Annotated[
        int, About("Limit of one answer of the model, in tokens.", minimum=256)
    ] = 16_000
    max_change_tokens: Annotated[
        int,
        About("The same where the model writes code: a change of many files is long.", minimum=256),
    ] = 32_000
    timeout_seconds: Annotated[
        float, About("Limit of one call, from sending to the last byte, in seconds.", minimum=1)
    ] = 300.0
    second_look: Annotated[
        Literal["off", "warnings", "all"],
        About(
            "Which of the agent's findings another, cheaper pass tries to refute: those at "
            "`warning` and above, all, or none. What it refutes becomes a hint that says why."
        ),
    ] = "warnings"
    second_look_model: Annotated[
        str,
        About(
            "Model alias or id for that. Empty: `haiku`, or the same model where that is none of "
            "Anthropic's aliases."
        ),
    ] = ""
    maximum_findings: Annotated[
        int, About("The agent's review of one file ends at so many findings.", minimum=1)
    ] = 40
    keep_answers: Annotated[
        bool,
        About(
            "Keep the agent's answers on this machine, so that code that has not changed is not "
            "sent, nor paid for, again."
        ),
    ] = True
    context_tokens: Annotated[
        int,
        About(
            "How much is sent of what surrounds the selection in other files (definitions that it "
            "uses, router, templates, API description), in tokens.",
            minimum=0,
        ),
    ] = 12_000
    reading_tokens: Annotated[
        int,
        About("How much the agent may read with its tools in one review, in tokens.", minimum=0),
    ] = 30_000
    maximum_cost_per_review: Annotated[
        float,
        About(
            "US dollars that one review may cost, a whole `review` command counting as one. "
            "0: no limit.",
            project=False,
            minimum=0,
        ),
    ] = 1.0
    maximum_cost_per_day: Annotated[
        float,
        About("US dollars that all reviews of a day may cost. 0: no limit.", False, minimum=0),
    ] = 10.0
    maximum_cost_per_workspace: Annotated[
        float,
        About("The same for the reviews of one workspace in a day.", False, minimum=0),
    ] = 0.0
    maximum_tokens_per_day: Annotated[
        int,
        About(
            "Tokens, of input and output, that all reviews of a day may use: also where a "
            "model's price is not known. 0: no limit.",
            project=False,
            minimum=0,
        ),
    ] = 0
    at_limit: Annotated[
        Literal["ask", "stop"],
        About("What a review does at a limit: ask whether to go on, or stop.", project=False),
    ] = "ask"
    model_prices: Annotated[
        Mapping[str, str],
        About(
            "Model alias or id to `input/output`, such as `2/10`: US dollars for a million "
            "tokens, before the built-in table.",
            project=False,
            price=True,
        ),
    ] = field(default_factory=dict)
    journal: Annotated[
        bool,
        About(
            "Keep what is sent to models on this machine for 30 days: `backend-developer log` "
            "shows it.",
            project=False,
        ),
    ] = True
    minimum_confidence: Annotated[
        Confidence,
        About("Findings less sure than this are folded away, unless a selection is reviewed."),
    ] = "medium"
    review_while_typing: Annotated[
        bool, About("Run the local engine when a file is opened and after every change.")
    ] = True
    code_lens: Annotated[
        bool,
        About("Show above each route what it is called by, its guards and its findings."),
    ] = True
    project_index: Annotated[
        bool,
        About(
            "Read the workspace's files in the background, so that routes, guards, models and "
            "the API description are known across files."
        ),
    ] = True
    maximum_indexed_files: Annotated[
        int, About("How many files of a workspace folder are read for that.", minimum=1)
    ] = 5_000
    rules: Annotated[
        Mapping[str, Level],
        About("Rule id, or `security/*` for a whole focus, to its severity or `off`."),
    ] = field(default_factory=dict)
    profile: Annotated[
        Profile,
        About("`strict` adds the opinionated rules, which are off unless `rules` names them."),
    ] = "default"
    tools: Annotated[
        Mapping[str, str],
        About(
            "Name of a tool of yours to its command line, which prints SARIF, or bandit's or "
            "ESLint's JSON; `{files}` stands for the files. It runs where a file is as saved.",
            project=False,
        ),
    ] = field(default_factory=dict)
    proof_command: Annotated[
        str,
        About(
            "Command line, such as `python -m pytest -q`, that says by its exit code whether a "
            "change works. It is run without a shell and without credentials, on a copy of the "
            "workspace with the change in it, before the change is shown. Empty: none.",
            project=False,
        ),
    ] = ""
    proof_seconds: Annotated[
        int, About("The command is ended after so many seconds.", project=False, minimum=1)
    ] = 120
    proof_folder_bytes: Annotated[
        int,
        About("A larger workspace is not copied for it, and that is said.", False, minimum=1),
    ] = 500_000_000
    in_tests: Annotated[
        Standing,
        About("Local findings in tests and fixtures: as elsewhere, folded away (`low`) or none."),
    ] = "low"
    in_generated_files: Annotated[
        Standing,
        About("The same in files that say that a program has written them."),
    ] = "off"
    in_past_migrations: Annotated[
        Standing,
        About("The same in numbered migrations that a newer one follows, and in what undoes one."),
    ] = "low"
    maximum_file_bytes: Annotated[
        int, About("A larger file is not reviewed, and that is said.", minimum=1)
    ] = 1_000_000
    fail_on: Annotated[
        Severity | Literal["never"],
        About("`review` exits with 1 when a finding is at this level or worse."),
    ] = "warning"
    trusted: Annotated[
        bool,
        About(
            "Whether the workspace is trusted: else its agents, tasks and settings are not used.",
            project=False,
        ),
    ] = True

    def answer_tokens(self, kind: TaskKind) -> int:
        """Limit of the answer to a task of that kind."""
        return self.max_change_tokens if kind == "change" else self.max_output_tokens


@dataclass(frozen=True, slots=True)
class Source:
    """The settings of one place, as written there."""

    origin: Origin
    values: Mapping[str, object]
    """By external name ("failOn"); values of the environment and command line may be text."""
    path: str = ""
    """The file, or "" when it is none."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Line, from 1, of "failOn" and of "rules.security/weak-hash"."""


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One setting, for documentation, completion and the editors' own schemas."""

    name: str
    """As people write it: "maxOutputTokens"."""
    field: str
    """The field of Settings: "max_output_tokens"."""
    variable: str
    """The environment variable."""
    default: object
    doc: str
    may_be_set_in: tuple[Origin, ...]
    """Without "project": an editor must not take it from a workspace (VS Code: scope machine)."""
    json_schema: Mapping[str, object]
    """Type, limits and choices as JSON Schema, without default and description."""


def read(
    sources: Sequence[Source], known_rules: Collection[str] | None = None
) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings that `sources`, in any order, add up to, and what is wrong with them.

    Single values replace the weaker source's, `rules` and `modelAliases` are merged entry by
    entry. With `known_rules`, the catalogue's ids, an unknown one in `rules` is reported too.
    An untrusted workspace's project source is left out.
    """
    ordered = sorted(sources, key=lambda source: ORIGINS.index(source.origin))
    people = [source for source in ordered if source.origin != "project"]
    settings, problems = _fold(people, known_rules)
    # A project cannot say whether it is trusted, so `trusted` is already final here.
    if settings.trusted and len(people) < len(ordered):
        return _fold(ordered, known_rules)
    ignored = tuple(
        Problem(
            source.path,
            None,
            "trusted",
            "The workspace is not trusted, so its settings are not used.",
            "information",
        )
        for source in ordered
        if source.origin == "project"
    )
    return settings, (*ignored, *problems)


def schema() -> tuple[SettingInfo, ...]:
    """Every setting, in the order in which people should meet them."""
    return tuple(
        SettingInfo(
            name=name,
            field=kind.field,
            variable=_variable(kind.field),
            default=kind.default,
            doc=kind.about.doc,
            may_be_set_in=ORIGINS if kind.about.project else ORIGINS[1:],
            json_schema=_json_schema(kind.hint, kind.about),
        )
        for name, kind in _kinds().items()
    )


def markdown_table() -> str:
    """README's table of settings, ending with a line end."""
    rows = ["| Setting | Values | Default | Meaning |", "| --- | --- | --- | --- |"]
    for info in schema():
        doc = info.doc
        if "project" not in info.may_be_set_in:
            doc += " Never read from a project."
        values = _values_text(info.json_schema).replace("|", "\\|")
        rows.append(f"| `{info.name}` | {values} | {_default_text(info.default)} | {doc} |")
    return "\n".join(rows) + "\n"


def rule_level(settings: Settings, rule: str) -> Level | None:
    """What `rules` says of a rule id: its own entry, else its focus's (`security/*`), else None."""
    return settings.rules.get(rule) or settings.rules.get(f"{rule.partition('/')[0]}/*")


def enabled_rules(rules: Iterable[Rule], settings: Settings) -> frozenset[str]:
    """The ids of those rules that the settings leave on, a strict one only where asked for."""
    return frozenset(
        rule.id
        for rule in rules
        if rule_level(settings, rule.id) != "off"
        and (rule.profile == "default" or settings.profile == "strict" or rule.id in settings.rules)
    )


def standing_in(role: Role | None, settings: Settings) -> Standing:
    """How much local findings count in a file of that role."""
    match role:
        case "test":
            return settings.in_tests
        case "generated":
            return settings.in_generated_files
        case "past migration":
            return settings.in_past_migrations
        case None:
            return "normal"


# --- The places


def load_project_file(root: Path) -> tuple[Source | None, tuple[Problem, ...]]:
    """The project's settings, from the workspace's root; None when there is no (readable) file."""
    for name in PROJECT_FILES:
        if _may_be_there(root / name):
            return _load_file(root / name, "project")
    return None, ()


def load_user_file(environment: Mapping[str, str]) -> tuple[Source | None, tuple[Problem, ...]]:
    """The user's settings, from `user_folder`; None when there is no (readable) file."""
    path = user_folder(environment) / USER_FILE
    return _load_file(path, "user") if _may_be_there(path) else (None, ())


def _may_be_there(path: Path) -> bool:
    """False only when it is sure that there is no such file: what cannot be read is told."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass
    return True


def user_folder(environment: Mapping[str, str]) -> Path:
    """Where the user's settings are, on every system: XDG_CONFIG_HOME, else the system's place."""
    if Path(chosen := environment.get("XDG_CONFIG_HOME", "")).is_absolute():
        return Path(chosen) / "backend-developer"
    # Here: not needed before the first settings are read, and not where XDG_CONFIG_HOME is set.
    from platformdirs import user_config_path

    return user_config_path("backend-developer", appauthor=False)


def read_environment(environment: Mapping[str, str]) -> Source:
    """What BACKEND_DEVELOPER_* variables set. An empty one counts as not set."""
    by_variable = {_variable(kind.field): name for name, kind in _kinds().items()}
    return Source(
        "environment",
        {
            by_variable.get(variable, variable): value
            for variable, value in environment.items()
            if variable.startswith(VARIABLE_PREFIX) and value
        },
    )


def _load_file(path: Path, origin: Origin) -> tuple[Source | None, tuple[Problem, ...]]:
    from .frontmatter import read_mapping

    mapping, problems = read_mapping(path)
    if mapping is None:
        return None, problems
    return Source(origin, mapping.values, str(path), mapping.lines), problems


# --- Values


@dataclass(frozen=True, slots=True)
class _Kind:
    field: str
    hint: Any
    about: About
    default: object


@dataclass(frozen=True, slots=True)
class _Refused:
    """A value that does not fit; `expected` goes on after "must be"."""

    expected: str
    choices: tuple[str, ...] = ()


def _kinds() -> dict[str, _Kind]:
    """External name -> what is known of the setting."""
    hints = get_type_hints(Settings, include_extras=True)
    defaults = Settings()
    kinds = {}
    for item in fields(Settings):
        hint, about = get_args(hints[item.name])
        kinds[_camel_case(item.name)] = _Kind(item.name, hint, about, getattr(defaults, item.name))
    return kinds


def _fold(
    sources: Sequence[Source], known_rules: Collection[str] | None
) -> tuple[Settings, tuple[Problem, ...]]:
    kinds = _kinds()
    chosen: dict[str, Any] = {}
    problems = []
    for source in sources:
        for key, raw in source.values.items():
            if source.origin == "editor" and (key in EDITOR_ONLY or raw is None):
                continue  # Editors send null for what the person left alone.
            kind = kinds.get(key)
            if kind is None:
                known = [_spelled(source.origin, name) for name in kinds]
                end = did_you_mean(key, known if source.origin == "environment" else kinds)
                message = f"There is no setting `{_spelled(source.origin, key)}`{end}"
                problems.append(_problem(source, key, message, "warning"))
            elif source.origin == "project" and not kind.about.project:
                message = f"A project may not set `{key}`; set it for yourself instead: in the "
                message += f"editor, in your user settings, or as {_variable(kind.field)}."
                problems.append(_problem(source, key, message, "error"))
            elif get_origin(kind.hint) is Mapping:
                entries = chosen.setdefault(kind.field, {})
                for item in _entries(source, key, raw, kind):
                    if isinstance(item, Problem):
                        problems.append(item)
                    else:
                        entries[item[0]] = item[1]
                        if key == "rules" and known_rules is not None:
                            problems.extend(_unknown_rule(source, item[0], known_rules))
            else:
                value = _value(raw, kind.hint, kind.about, written=_is_written(source))
                if isinstance(value, _Refused):
                    problems.append(_refusal(source, key, raw, value))
                else:
                    chosen[kind.field] = value
    return Settings(**chosen), tuple(problems)


def _entries(
    source: Source, key: str, raw: object, kind: _Kind
) -> Iterator[tuple[str, Any] | Problem]:
    """The good entries of a mapping, and a problem for each bad one."""
    if isinstance(raw, str) and _is_written(source):
        raw = dict(part.strip().partition("=")[::2] for part in raw.split(",") if part.strip())
    if not isinstance(raw, Mapping):
        yield _refusal(source, key, raw, _Refused("a mapping of names to values"))
        return
    for name, value in raw.items():
        hint = get_args(kind.hint)[1]
        read_value = _value(value, hint, kind.about, written=_is_written(source))
        if isinstance(read_value, _Refused):
            yield _refusal(source, f"{key}.{name}", value, read_value)
        else:
            yield str(name), read_value


def _value(raw: object, hint: Any, about: About, *, written: bool) -> Any:
    """`raw` as `hint` says, or _Refused. `written`: it is text, and stands for a number too."""
    if choices := _choices(hint):
        # YAML 1.1 reads a bare `off` as false.
        if raw is False and "off" in choices:
            return "off"
        return raw if raw in choices else _Refused(f"one of {', '.join(choices)}", choices)
    if hint is bool:
        if written and isinstance(raw, str):
            raw = {"true": True, "1": True, "false": False, "0": False}.get(raw.lower(), raw)
        return raw if isinstance(raw, bool) else _Refused("true or false")
    if hint is str:
        if not isinstance(raw, str):
            return _Refused("text")
        if about.url and raw and not raw.startswith(("http://", "https://")):
            return _Refused("an address that begins with http:// or https://")
        if about.price and not _PRICE.fullmatch(raw):
            return _Refused("dollars for a million tokens of input and output, such as 2/10")
        return raw
    expected = "a whole number" if hint is int else "a number"
    if about.minimum is not None:
        expected += f" of at least {about.minimum}"
    if written and isinstance(raw, str):
        try:
            raw = hint(raw)
        except ValueError:
            return _Refused(expected)
    accepted: tuple[type, ...] = (int,) if hint is int else (int, float)
    # A bool is an int to Python; NaN is at least nothing, and infinity is no limit.
    if not isinstance(raw, accepted) or isinstance(raw, bool) or raw == float("inf"):
        return _Refused(expected)
    if about.minimum is not None and not raw >= about.minimum:  # type: ignore[operator]
        return _Refused(expected)
    try:
        return hint(raw)
    except OverflowError:  # A whole number too large for a float.
        return _Refused(expected)


_PRICE = re.compile(r"\d{1,6}(\.\d{1,9})?/\d{1,6}(\.\d{1,9})?")


def _unknown_rule(source: Source, rule: str, known_rules: Collection[str]) -> Iterator[Problem]:
    patterns = {f"{focus}/*" for focus in FOCUSES}
    if rule not in known_rules and rule not in patterns:
        end = did_you_mean(rule, [*known_rules, *patterns])
        yield _problem(source, f"rules.{rule}", f"There is no rule `{rule}`{end}", "warning")


def _refusal(source: Source, key: str, raw: object, refused: _Refused) -> Problem:
    got = "nothing" if raw is None else _shown(raw)
    end = did_you_mean(raw, refused.choices) if isinstance(raw, str) else "."
    name = _spelled(source.origin, key)
    return _problem(source, key, f"`{name}` must be {refused.expected}, not {got}{end}", "error")


def _problem(source: Source, key: str, message: str, severity: Severity) -> Problem:
    line = source.lines.get(key, source.lines.get(key.partition(".")[0]))
    return Problem(source.path, line, key, message, severity)


# --- Names and types in words


def _is_written(source: Source) -> bool:
    return source.origin in ("environment", "command line")


def _spelled(origin: Origin, key: str) -> str:
    """A setting's name as people write it in that place."""
    name, dot, entry = key.partition(".")
    if origin == "editor":
        return f"{EDITOR_SECTION}.{key}"
    if origin == "environment" and not key.startswith(VARIABLE_PREFIX):
        return f"{_variable(_snake_case(name))}{dot}{entry}"
    if origin == "command line":
        return f"--{_snake_case(name).replace('_', '-')}{dot}{entry}"
    return key


def _variable(field_name: str) -> str:
    return VARIABLE_PREFIX + field_name.upper()


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _shown(value: object) -> str:
    """A value as JSON would write it, shortened: it may be anything."""
    import json

    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # Python writes no integer of thousands of digits.
        return "a number that is too large"
    return text if len(text) <= 60 else f"{text[:59]}…"


def _choices(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(choice for part in get_args(hint) for choice in _choices(part))
    return ()


def _json_schema(hint: Any, about: About) -> Mapping[str, object]:
    if choices := _choices(hint):
        return {"type": "string", "enum": list(choices)}
    if get_origin(hint) is Mapping:
        return {
            "type": "object",
            "additionalProperties": _json_schema(get_args(hint)[1], About("")),
        }
    names = {str: "string", bool: "boolean", int: "integer", float: "number"}
    limits = {} if about.minimum is None else {"minimum": about.minimum}
    return {"type": names[hint], **limits}


def _values_text(json_schema: Mapping[str, Any]) -> str:
    match json_schema:
        case {"enum": choices}:
            return ", ".join(f"`{choice}`" for choice in choices)
        case {"additionalProperties": inner}:
            return f"names to {_values_text(inner)}"
        case {"type": "string"}:
            return "text"
        case {"type": "boolean"}:
            return "`true`, `false`"
        case {"minimum": minimum}:
            return f"number, at least {minimum}"
    return "number"


def _default_text(default: object) -> str:
    if default == "" or default == {}:
        return "—"
    return f"`{_shown(default)}`" if not isinstance(default, str) else f"`{default}`"
