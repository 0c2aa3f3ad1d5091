"""The world of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.link.world import World, open_world


@pytest.fixture
def world(store_url: str, tmp_path: Path) -> Iterator[World]:
    with open_world(store_url, tmp_path) as world:
        yield world
