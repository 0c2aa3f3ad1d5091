"""Pipelines of deals and their stages (bitrix24.md §6, Stages and dictionaries)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.bitrix24.types import DEAL
from connectors.bitrix24.wire import LONGEST_BATCH, Params, Wire
from connectors.stages import Outcome, Stage
from core.errors import TransientError, Where

FIELD = "stageId"
_OUTCOMES: Mapping[str, Outcome] = {"S": "won", "F": "lost"}


class Stages:
    """Reads the stages of one portal: one request for the pipelines, one for the stages of fifty of them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def fetch(self) -> list[Stage]:
        """All stages, by pipeline, in their order.

        Raises:
            TransientError: a part of them did not come.
        """
        answer = self._wire.call("crm.category.list", {"entityTypeId": DEAL}).result
        names = {int(row["id"]): str(row["name"]) for row in answer.get("categories", [])}
        numbers = list(names)
        found: list[Stage] = []
        for start in range(0, len(numbers), LONGEST_BATCH):
            part = numbers[start : start + LONGEST_BATCH]
            for number, rows in self._stages_of(part):
                found += [_stage(number, names[number], row) for row in sorted(rows, key=_place)]
        return found

    def _stages_of(self, numbers: list[int]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        commands: dict[str, tuple[str, Params]] = {}
        for number in numbers:
            entity = f"DEAL_STAGE_{number}" if number else "DEAL_STAGE"
            commands[f"c{number}"] = ("crm.status.list", {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}})
        answer = self._wire.batch(commands)
        for number in numbers:
            refusal = answer.refusals.get(f"c{number}")
            if refusal is not None:
                raise refusal.error(where=Where(entity="crm.status.list"))
            if f"c{number}" not in answer.replies:
                raise TransientError("Bitrix24 left out the stages of a pipeline.", where=Where(entity="deal"))
            yield number, answer.replies[f"c{number}"].result or []


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
    return int(row.get("SORT") or 0), int(row.get("ID") or 0)


def _stage(number: int, pipeline: str, row: Mapping[str, Any]) -> Stage:
    outcome = _OUTCOMES.get(str(row.get("SEMANTICS") or ""), "open")
    return Stage(str(number), pipeline, str(row["STATUS_ID"]), str(row["NAME"]), outcome)
