"""Pipelines and stages of a portal: in their order, with what they mean; the captured ones too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.bitrix24.config import Bitrix24Options
from connectors.bitrix24.stages import Stages
from connectors.bitrix24.wire import Wire
from core.clock import SystemClock
from core.errors import SverkaError
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.fields import DEAL

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "bitrix24"


@pytest.fixture
def server() -> Iterator[BitrixServer]:
    with BitrixServer(build_portal()) as server:
        server.portal.limits.cap = server.portal.limits.drain = 1e9
        yield server
        assert server.shell.crashes == []


@pytest.fixture
def stages(server: BitrixServer) -> Iterator[Stages]:
    given = {"webhook": server.webhook, "allow_http": True, "retry_seconds": 0, "attempts": 1}
    wire = Wire(Bitrix24Options.model_validate(given), SystemClock(), None)
    yield Stages(wire)
    wire.close()


def captured(name: str) -> Any:
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"the captured answers are not there: {path}")
    return json.loads(path.read_text(encoding="utf-8"))["result"]


def test_stages_stand_in_their_order_with_what_they_mean(server: BitrixServer, stages: Stages) -> None:
    found = stages.fetch()
    usual = [stage for stage in found if stage.pipeline == "0"]
    assert [stage.id for stage in usual] == [
        "NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE", "WON", "LOSE", "APOLOGY",
    ]  # fmt: skip
    assert [stage.outcome for stage in usual][-4:] == ["open", "won", "lost", "lost"]
    assert {(stage.pipeline, stage.pipeline_name) for stage in found} == {("0", "Общая"), ("9", "Опт")}
    assert all(stage.id.startswith("C9:") for stage in found if stage.pipeline == "9")
    assert len(server.requests) == 2


def test_sixty_pipelines_come_in_two_batches(server: BitrixServer, stages: Stages) -> None:
    for number in range(60):
        server.portal.dictionaries.add_category(DEAL, f"Воронка {number}")
    assert len({stage.pipeline for stage in stages.fetch()}) == 62
    assert len(server.requests) == 3


def test_captured_dictionaries_are_read(server: BitrixServer, stages: Stages) -> None:
    rows, categories = captured("crm.status.list.json"), captured("crm.category.list.json")["categories"]
    server.portal.dictionaries.statuses[:] = rows
    server.portal.dictionaries.categories[DEAL][:] = categories
    found = stages.fetch()
    theirs = [row for row in rows if row["ENTITY_ID"] == "DEAL_STAGE"]
    assert [stage.id for stage in found] == [
        row["STATUS_ID"] for row in sorted(theirs, key=lambda row: int(row["SORT"]))
    ]
    assert {stage.pipeline_name for stage in found} == {"Общая"}


def test_no_answer_is_no_empty_pipeline(server: BitrixServer, stages: Stages) -> None:
    server.faults.add("drop_before", path="batch", times=None)
    with pytest.raises(SverkaError):
        stages.fetch()
