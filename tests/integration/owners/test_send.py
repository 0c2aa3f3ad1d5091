"""Writing that is switched off sends nothing, whatever leads to the door (design §5-13)."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.base import Write
from core.errors import ConfigError
from sandbox.onec.schema import PARTIES
from sync.push.send import send_write
from tests.integration.sync_push.world import World

ENGINE = Path(__file__).parents[3] / "sync"


def test_nothing_leaves_where_writing_is_off(world: World) -> None:
    world.configure(write="off")
    ctx = world.context()
    with pytest.raises(ConfigError, match="switched off"):
        send_write(ctx, Write("create", PARTIES, "0b2f6a1e-7b44-4c6e-9d55-0a6c3b1d9e01", {"Description": "x"}))
    ctx.connector.close()
    assert world.writes() == []


def test_there_is_one_door() -> None:
    senders = [path.name for path in ENGINE.rglob("*.py") if ".write_record(" in path.read_text("utf-8")]
    assert senders == ["send.py"]
