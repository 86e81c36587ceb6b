"""What a reader needs: descriptions, contact, tags; and nothing that runs in their browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...core.text import quoted
from ..report import Checks, Report, each_or_once
from ..tree import Node
from .model import Api


def info_description(api: Api) -> Iterator[Report]:
    info = api.root.get("info")
    if info is not None and not info.text_at("description").strip():
        yield Report(
            info.place, "Nobody is told what this API is for. Add a `description` under `info`."
        )


def info_contact(api: Api) -> Iterator[Report]:
    info = api.root.get("info")
    if info is not None and info.get("contact") is None:
        yield Report(info.place, "It is not said whom to ask. Add `contact` under `info`.")


def contact_properties(api: Api) -> Iterator[Report]:
    contact = api.root.get("info", "contact")
    if contact is not None:
        lacking = [key for key in ("name", "url", "email") if not contact.text_at(key)]
        if lacking:
            yield Report(contact.place, f"The contact lacks `{'` and `'.join(lacking)}`.")


def info_license(api: Api) -> Iterator[Report]:
    info = api.root.get("info")
    if info is not None and info.get("license") is None:
        yield Report(info.place, "It is not said under which terms. Add `license` under `info`.")


def license_url(api: Api) -> Iterator[Report]:
    license_ = api.root.get("info", "license")
    if license_ is not None and not license_.text_at("url") and not license_.text_at("identifier"):
        yield Report(
            license_.place,
            "The licence cannot be read anywhere. Add its `url`, or in 3.1 its `identifier`.",
        )


# --- Operations, parameters


def operation_description(api: Api) -> Iterator[Report]:
    lacking = [
        (
            operation.place,
            f"`{quoted(operation.title)}` does not say what it does. Add a `description`.",
        )
        for operation in api.operations
        if not operation.node.text_at("description").strip()
        and not operation.node.text_at("summary").strip()
    ]
    yield from each_or_once(
        lacking,
        len(api.operations),
        "None of the {total} operations says what it does. Add a `summary` or a `description` to "
        "each.",
    )


def operation_without_description(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        has_summary = bool(operation.node.text_at("summary").strip())
        if has_summary and not operation.node.text_at("description").strip():
            yield Report(
                operation.place,
                f"`{quoted(operation.title)}` has a summary alone. Say in a `description` what it "
                "does and when it fails.",
            )


def operation_summary(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        if (
            not operation.node.text_at("summary").strip()
            and operation.node.text_at("description").strip()
        ):
            yield Report(
                operation.place,
                f"`{quoted(operation.title)}` has no `summary`, which lists of operations "
                "show. Add a short one.",
            )


def parameter_description(api: Api) -> Iterator[Report]:
    lacking = [
        (
            parameter.place,
            f"It is not said what `{quoted(parameter.text_at('name'))}` means. Add a "
            "`description`.",
        )
        for parameter in api.parameters
        if parameter.text_at("in") and not parameter.text_at("description").strip()
    ]
    yield from each_or_once(
        lacking,
        len(api.parameters),
        "None of the {total} parameters says what it means. Add a `description` to each.",
    )


def schema_description(api: Api) -> Iterator[Report]:
    for schema in api.schemas:
        if (
            schema.role in ("component", "property")
            and "$ref" not in schema.node.members
            and not (schema.node.text_at("description") or schema.node.text_at("title"))
        ):
            yield Report(
                schema.place,
                f"It is not said what `{quoted(schema.name)}` means. Add a `description`.",
            )


# --- Tags


def operation_tags(api: Api) -> Iterator[Report]:
    lacking = [
        (
            operation.place,
            f"`{quoted(operation.title)}` has no tag, so that documentation cannot group it. Add "
            "one.",
        )
        for operation in api.operations
        if not operation.node.items("tags")
    ]
    yield from each_or_once(
        lacking,
        len(api.operations),
        "None of the {total} operations has a tag, so that documentation cannot group them. Add "
        "`tags` to each.",
    )


def single_tag(api: Api) -> Iterator[Report]:
    for operation in api.operations:
        tags = operation.node.get("tags")
        if tags is not None and len(tags.elements) > 1:
            yield Report(tags.place, f"`{quoted(operation.title)}` has several tags. Keep one.")


def undefined_tag(api: Api) -> Iterator[Report]:
    known = {tag.text_at("name") for tag in api.root.items("tags")}
    if _has_no_tags(api):
        return  # Which missing_tags reports, once.
    reported: set[str] = set()
    for operation in api.operations:
        for tag in operation.node.items("tags"):
            if tag.text and tag.text not in known and tag.text not in reported:
                reported.add(tag.text)
                yield Report(
                    tag.span,
                    f"`{quoted(tag.text)}` is not among the `tags` of the description. Define it "
                    "there, or correct it.",
                )


def missing_tags(api: Api) -> Iterator[Report]:
    if _has_no_tags(api) and any(one.node.items("tags") for one in api.operations):
        place = next(tags for one in api.operations for tags in one.node.items("tags"))
        yield Report(
            place.span,
            "The tags that operations use are nowhere described. Add `tags` at the top level, with "
            "a `name` and a `description` each.",
        )
    elif "tags" in api.root.members and not api.root.items("tags"):
        yield Report(
            api.root.members["tags"].place, "The list of `tags` is empty. Fill or remove it."
        )


def duplicate_tag(api: Api) -> Iterator[Report]:
    seen: set[str] = set()
    for tag in api.root.items("tags"):
        name = tag.get("name")
        if name is not None and name.text in seen:
            yield Report(name.span, f"The tag `{quoted(name.text)}` is defined twice. Remove one.")
        if name is not None and name.text:
            seen.add(name.text)


def tag_order(api: Api) -> Iterator[Report]:
    names = [tag.text_at("name") for tag in api.root.items("tags")]
    if names != sorted(names, key=str.lower):
        yield Report(api.root.members["tags"].place, "The tags are in no order. Sort them by name.")


def tag_description(api: Api) -> Iterator[Report]:
    for tag in api.root.items("tags"):
        if tag.members and not tag.text_at("description").strip():
            yield Report(
                tag.place,
                f"It is not said what the tag `{quoted(tag.text_at('name'))}` groups. Add a "
                "`description`.",
            )


# --- Markdown


def script_in_markdown(api: Api) -> Iterator[Report]:
    for text in _markdown(api):
        if "<script" in text.text.lower():
            yield Report(
                text.place,
                "A `<script>` in this text may run in the browser of whoever reads the "
                "documentation. Remove it.",
            )


def eval_in_markdown(api: Api) -> Iterator[Report]:
    for text in _markdown(api):
        if re.search(r"\beval\s*\(", text.text):
            yield Report(
                text.place,
                "`eval(` in this text may run in the browser of whoever reads the documentation. "
                "Remove it.",
            )


def _markdown(api: Api) -> Iterator[Node]:
    for node in api.all_nodes:
        for key in ("title", "description", "summary"):
            text = node.members.get(key)
            if text is not None and text.text:
                yield text


def _has_no_tags(api: Api) -> bool:
    return "tags" not in api.root.members


CHECKS: Checks = {
    "api-design/openapi-info-description": info_description,
    "api-design/openapi-info-contact": info_contact,
    "api-design/openapi-contact-properties": contact_properties,
    "api-design/openapi-info-license": info_license,
    "api-design/openapi-license-url": license_url,
    "api-design/openapi-undescribed-operation": operation_description,
    "api-design/openapi-operation-description": operation_without_description,
    "api-design/openapi-operation-summary": operation_summary,
    "api-design/openapi-parameter-description": parameter_description,
    "api-design/openapi-schema-description": schema_description,
    "api-design/openapi-operation-tags": operation_tags,
    "api-design/openapi-single-tag": single_tag,
    "api-design/openapi-undefined-tag": undefined_tag,
    "api-design/openapi-missing-tags": missing_tags,
    "api-design/openapi-duplicate-tag": duplicate_tag,
    "api-design/openapi-tag-order": tag_order,
    "api-design/openapi-tag-description": tag_description,
    "security/openapi-script-in-markdown": script_in_markdown,
    "security/openapi-eval-in-markdown": eval_in_markdown,
}
