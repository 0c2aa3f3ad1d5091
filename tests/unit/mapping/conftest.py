"""What the tests of the mapping share: the zone, a built preset, small rule files, captured answers of live bases."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mapping.rules import Mapping, load_mapping, parse_mapping

ZONE = ZoneInfo("Europe/Moscow")
FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "odata"
GUID = "a348aa8c-d629-11e5-0a9b-000c295e30eb"


@pytest.fixture(scope="session")
def bp30() -> Mapping:
    return load_mapping("bp30")


@pytest.fixture(scope="session")
def captured() -> Callable[[str], Any]:
    """Reads a captured answer with money as Decimal, as the connector does."""

    def read(name: str) -> Any:
        path = FIXTURES / name
        if not path.is_file():
            pytest.skip(f"the captured answers are not there: {path}")
        return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)

    return read


@pytest.fixture
def build_one() -> Callable[..., Any]:
    """Builds one counterparty from rules for one or more of its fields."""

    def build(rules: str, /, more: str = "", **data: object) -> Any:
        head = '[entities.counterparty.sources.Catalog_X]\n[entities.counterparty.fields]\nname = { value = "X" }'
        text = f"{more}\n{head}\n{rules}"
        return (
            parse_mapping(text, "own.toml").entities["counterparty"].build("Catalog_X", {"Ref_Key": GUID, **data}, ZONE)
        )

    return build
