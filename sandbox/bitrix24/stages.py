"""Pipelines and stages: where an element stands, what it may move to, and the history of it (§6)."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.errors import bad_value
from sandbox.bitrix24.fields import DEAL
from sandbox.bitrix24.portal import Kind, Portal

Row = dict[str, Any]


def place(portal: Portal, kind: Kind, row: Row, given: Row) -> None:
    """Put a new element into its pipeline and first stage."""
    number = kind.entity_type_id
    if "stageId" not in kind.fields or number not in portal.dictionaries.categories:
        return
    category = given.get("categoryId")
    row["categoryId"] = portal.dictionaries.default_category(number) if category is None else category
    known = portal.dictionaries.stages(number, row["categoryId"])
    if not known:
        raise bad_value(f"Category {row['categoryId']} is not found")
    row["stageId"] = known[0]["STATUS_ID"]
    if given.get("stageId"):
        check(portal, kind, row["categoryId"], given["stageId"])
        row["stageId"] = given["stageId"]
    mark(portal, kind, row)


def check(portal: Portal, kind: Kind, category: int, stage: str) -> None:
    """The stage must belong to the element's pipeline."""
    if stage not in {one["STATUS_ID"] for one in portal.dictionaries.stages(kind.entity_type_id, category)}:
        raise bad_value(f"Stage {stage} does not belong to category {category}")


def move(portal: Portal, kind: Kind, row: Row, given: Row, user_id: int) -> None:
    """Move an element; the history keeps where it came from."""
    stage = given.get("stageId")
    category = int(given.get("categoryId") or row.get("categoryId") or 0)
    if "stageId" not in kind.fields or not stage or stage == row["stageId"]:
        return
    check(portal, kind, category, stage)
    if "previousStageId" in kind.fields:
        row["previousStageId"] = row["stageId"]
    row |= {"stageId": stage, "categoryId": category, "movedTime": portal.stamp(), "movedBy": user_id}
    mark(portal, kind, row)
    note(portal, kind, row)


def mark(portal: Portal, kind: Kind, row: Row) -> None:
    """What a deal's stage means: P working, S won, F lost."""
    if kind.entity_type_id != DEAL:
        return
    stages = portal.dictionaries.stages(DEAL, row["categoryId"])
    semantics = next((one["SEMANTICS"] for one in stages if one["STATUS_ID"] == row["stageId"]), None)
    row["stageSemanticId"] = semantics or "P"
    row["closed"] = "Y" if semantics else "N"


def note(portal: Portal, kind: Kind, row: Row, *, first: bool = False) -> None:
    """One line of `crm.stagehistory.list`: 1 made, 2 moved, 3 brought to an end."""
    if row.get("stageId") is None:
        return
    ended = row.get("stageSemanticId") in ("S", "F")
    portal.stage_history.append(
        {
            "ID": len(portal.stage_history) + 1, "TYPE_ID": 1 if first else 3 if ended else 2, "OWNER_ID": row["id"],
            "CREATED_TIME": portal.stamp(), "CATEGORY_ID": row.get("categoryId") or 0,
            "STAGE_SEMANTIC_ID": row.get("stageSemanticId") or "P", "STAGE_ID": row["stageId"],
            "entityTypeId": kind.entity_type_id,
        }
    )  # fmt: skip
