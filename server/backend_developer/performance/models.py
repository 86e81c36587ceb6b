"""The models that a file defines: which of their attributes stand for rows of another table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..core.clues import Clues
from .code import Chain, Code, Scope, chain_of
from .summaries import Relation


@dataclass(frozen=True, slots=True)
class Model:
    scope: Scope | None
    """None: it is of another file."""
    relations: Mapping[str, Relation]
    columns: frozenset[str]
    backs: tuple[tuple[str, str, Relation], ...] = ()
    """(Model, attribute, relation) that its relations add to models of other files."""
    loads: str = ""
    """What the managers of its file load along."""


def read_models(code: Code) -> Mapping[str, Model]:
    """The classes of a Python file that have a relation, or are the target of one."""
    if code.language != "python" or not _RELATION_WORDS.are_in(code.text):
        return {}
    relations: dict[str, dict[str, Relation]] = {}
    columns: dict[str, set[str]] = {}
    backs: dict[str, list[tuple[str, str, Relation]]] = {}
    scopes = {scope.name: scope for scope in code.scopes if scope.kind == "class"}
    for assignment in code.assignments:
        scope = assignment.scope
        if scope is None or scope.kind != "class" or len(assignment.names) != 1:
            continue
        chain = chain_of(assignment.value, code.text)
        if chain is None or "()" not in chain.path:
            continue
        [name] = assignment.names
        own = relations.setdefault(scope.name, {})
        made = _relation(chain, code.of(assignment.span), scope.name)
        if made is None:
            if re.search(r"(Field|Column|mapped_column|column_property)\(\)$", chain.path):
                columns.setdefault(scope.name, set()).add(name)
            continue
        relation, reverse = made
        own[name] = relation
        if reverse and relation.target:
            attribute, kind = reverse
            back = Relation(kind, scope.name, relation.is_eager and kind == "one")
            if relation.target in scopes:
                relations.setdefault(relation.target, {}).setdefault(attribute, back)
            else:
                backs.setdefault(scope.name, []).append((relation.target, attribute, back))
    return {
        name: Model(
            scopes[name], found, frozenset(columns.get(name, ())), tuple(backs.get(name, ()))
        )
        for name, found in relations.items()
        if found or name in columns
    }


_RELATION_WORDS = Clues(
    "ForeignKey OneToOne ManyToMany relationship( Relationship( ReferenceField Reverse backref "
    "Set( Required("
)
_EAGER = re.compile(
    r"lazy\s*=\s*[\"'](selectin|joined|subquery|immediate|raise|raise_on_sql|"
    r"noload)[\"']|lazy\s*=\s*False"
)
_NAME = re.compile(r"[\"']?(?:\w+\.)*(\w+)[\"']?")


def _relation(
    chain: Chain, text: str, owner: str
) -> tuple[Relation, tuple[str, Literal["one", "many"]] | None] | None:
    last = chain.path.removesuffix("()").rpartition(".")[2]
    arguments = text[text.find("(") + 1 :]
    target = _NAME.match(arguments.strip().removeprefix("to=").strip())
    name = target[1] if target else ""
    name = owner if name == "self" else name
    reverse_name = re.search(r"(?:related_name|backref)\s*=\s*(?:backref\()?[\"'](\w+)[\"']", text)
    if last in (
        "ForeignKey",
        "OneToOneField",
        "ForeignKeyField",
        "ParentalKey",
        "ForeignKeyRelation",
    ):
        if (
            last == "ForeignKey"
            and re.match(r"\s*[\"']\w+\.\w+[\"']", arguments)
            and "on_delete" not in text
        ):
            return None  # SQLAlchemy's ForeignKey("users.id") is a column.
        unique = last == "OneToOneField"
        back = reverse_name[1] if reverse_name else owner.lower() + ("" if unique else "_set")
        return Relation("one", name), (back, "one" if unique else "many")
    if last in ("ManyToManyField", "ManyToManyRelation", "ParentalManyToManyField"):
        back = reverse_name[1] if reverse_name else owner.lower() + "_set"
        return Relation("many", name), (back, "many")
    if last in ("relationship", "Relationship", "dynamic_loader"):
        annotation = re.search(r":\s*(.*?)=", text, re.DOTALL)
        hint = annotation[1] if annotation else ""
        hinted = re.findall(
            r"[A-Z]\w+", re.sub(r"Mapped|List|Optional|Set|WriteOnly|Dynamic", "", hint)
        )
        if not re.match(r"\s*(?:lambda[^:]*:\s*)?[\"']?(?:\w+\.)*[A-Z]", arguments):
            name = hinted[0] if hinted else ""
        single = "uselist=False" in text.replace(" ", "") or (
            bool(hint) and not re.search(r"(?i)list|set\b|sequence|collection", hint)
        )
        is_eager = bool(_EAGER.search(text))
        back_kind: Literal["one", "many"] = "many" if single else "one"
        reverse = (reverse_name[1], back_kind) if reverse_name else None
        kind: Literal["one", "many"] = "one" if single else "many"
        return Relation(kind, name, is_eager), reverse
    if last in ("ReferenceField", "LazyReferenceField"):
        return Relation("one", name), None
    return None


_SCALARS = re.compile(
    r"(_at|_on|_date|_time|_id|_ids|_url|_json|_count|_type|_name|_key|_hash|_text|"
    r"_data|_field|_file|_image)$|"
    r"^(id|pk|uuid|created|updated|modified|deleted|date|time|timestamp|datetime|"
    r"image|file|photo|avatar|logo|"
    r"picture|document|attachment|thumbnail|cover|icon|upload|data|json|meta|metadata|"
    r"settings|config|configuration|"
    r"options|params|extra|payload|attrs|status|type|kind|state|role_type|level|"
    r"priority|name|title|text|body|content|slug|email|"
    r"price|amount|total|cost|score|rating|value|label|description|summary|url|path|"
    r"code|number|phone|"
    r"objects|created_at|_meta|_state|start|end|birthday|dob|deadline|duration|"
    r"location_point|ip|logger|log)$"
)
_SCALAR_MEMBERS = re.compile(
    r"strftime|isoformat|date|time|timestamp|replace|lower|upper|strip|lstrip|rstrip|split|"
    r"join|startswith|endswith|format|items|keys|values|get|append|extend|insert|pop|index|"
    r"hex|quantize|astimezone|date|weekday|isoweekday|total_seconds|decode|encode|year|month|"
    r"day|hour|minute|second|microsecond|tzinfo|days|seconds|value|label|url|path|size|file|"
    r"storage|read|open|close|tzname|utcoffset|copy|capitalize|casefold|zfill|find|title_case|"
    r"as_tuple|normalize|real|imag|bit_length|as_integer_ratio|is_integer|removeprefix|"
    r"removesuffix|splitlines|isdigit|coords|x|y|wkt|geojson|int|bytes|fields|choices|"
    r"setdefault|sort|reverse|count_chars|model_dump|dict|json|__name__|__class__|__dict__"
)


def looks_like_a_row(attribute: str, member: str, is_called: bool) -> bool:
    """Whether `item.attribute.member` reads a row of another table, by the names alone.

    A date, a file or a text has members too; what those have is no evidence.
    """
    if attribute.startswith("_") or _SCALARS.search(attribute) or member.startswith("_"):
        return False
    if _SCALAR_MEMBERS.fullmatch(member) and not (member in ("name", "title") and not is_called):
        return False
    return not attribute[:1].isupper()
