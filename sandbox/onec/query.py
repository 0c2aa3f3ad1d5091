"""``$select``, ``$orderby`` and ``$expand`` against a set (fact sheet §3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.onec.errors import path_segment
from sandbox.onec.fields import Field
from sandbox.onec.schema import EntitySet, Schema

PRESENTATION = "____Presentation"


@dataclass(slots=True)
class Projection:
    """What of an object is answered."""

    fields: list[Field]
    sections: dict[str, list[Field]]
    presentations: list[str] = field(default_factory=list)
    expanded: dict[str, Projection] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One term of ``$orderby``."""

    parts: tuple[str, ...]
    descending: bool


def whole_projection(entity: EntitySet) -> Projection:
    """Everything of a set."""
    return Projection(list(entity.fields), {name: list(fields) for name, fields in entity.sections.items()})


def parse_projection(schema: Schema, entity: EntitySet, select: str | None, expand: str | None) -> Projection:
    """Projection of ``$select``; a navigation is expanded only if it is listed too (§3)."""
    navigations = [name.strip() for name in (expand or "").split(",") if name.strip()]
    targets = {name: expand_target(schema, entity, name.split("/")[0]) for name in navigations}
    if not select or select.strip() == "*":
        projection = whole_projection(entity)
        projection.expanded = {name.split("/")[0]: whole_projection(target) for name, target in targets.items()}
        return projection
    projection = Projection([], {})
    for name in (part.strip() for part in select.split(",")):
        add_selected(entity, name, projection, targets)
    return projection


def expand_target(schema: Schema, entity: EntitySet, name: str) -> EntitySet:
    """Set behind a navigation property; unpublished targets cannot be expanded (§1.2)."""
    found = entity.navigation(name)
    if found is None or not schema.published(found.target):
        raise path_segment(name)
    return schema.sets[found.target]


def add_selected(entity: EntitySet, name: str, projection: Projection, targets: dict[str, EntitySet]) -> None:
    """One name of ``$select``."""
    if name in ("*", "**"):
        projection.fields.extend(entity.fields)
        if name == "*":
            projection.sections.update({key: list(rows) for key, rows in entity.sections.items()})
    elif name == "Presentation" or name.endswith(PRESENTATION):
        add_presentation(entity, name, projection)
    elif name in entity.sections:
        projection.sections[name] = list(entity.sections[name])
    elif "/" in name:
        add_walk(entity, name, projection, targets)
    else:
        projection.fields.append(need_field(entity.find(name), name))


def need_field(found: Field | None, name: str) -> Field:
    """Field or code 6 with the name echoed."""
    if found is None:
        raise path_segment(name)
    return found


def add_presentation(entity: EntitySet, name: str, projection: Projection) -> None:
    """``Контрагент____Presentation``, ``Presentation``, ``*____Presentation`` (§2.3)."""
    target = name.removesuffix(PRESENTATION)
    if target == "*":
        projection.presentations.extend(item.navigation for item in entity.fields if item.navigation)
    elif target == "Presentation":
        projection.presentations.append("")
    else:
        need_field(entity.navigation(target) or entity.find(target), target)
        projection.presentations.append(target)


def add_walk(entity: EntitySet, name: str, projection: Projection, targets: dict[str, EntitySet]) -> None:
    """``Товары/Номенклатура_Key`` or, with ``$expand``, ``Валюта/Code``."""
    head, tail = name.split("/", 1)
    if head in entity.sections:
        found = next((item for item in entity.sections[head] if item.name == tail), None)
        projection.sections.setdefault(head, []).append(need_field(found, tail))
    elif head in targets:
        inner = projection.expanded.setdefault(head, Projection([], {}))
        add_selected(targets[head], tail, inner, {})
    else:
        need_field(entity.navigation(head), head)


def parse_order(text: str | None) -> list[OrderTerm]:
    """Terms of ``$orderby``; names are checked by whoever sorts."""
    terms: list[OrderTerm] = []
    for piece in filter(None, ((text or "").split(","))):
        words = piece.split()
        if not words or len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
            raise path_segment(piece.strip())
        terms.append(OrderTerm(tuple(words[0].split("/")), words[-1] == "desc" and len(words) == 2))
    return terms
