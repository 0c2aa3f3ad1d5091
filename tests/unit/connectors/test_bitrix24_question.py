"""A mapping's filter, put to the portal."""

from __future__ import annotations

import pytest

from connectors.bitrix24.question import condition
from core.errors import SchemaDrift


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("", {}),
        ("typeId eq 'CLIENT'", {"=typeId": "CLIENT"}),
        ("title ne 'O''Brien'", {"!=title": "O'Brien"}),
        ("categoryId eq 5 AND stageId lt -1", {"=categoryId": 5, "<stageId": -1}),
        ("opportunity ge 12345678901234567.89", {">=opportunity": "12345678901234567.89"}),
        ("a gt 1 and b le 2", {">a": 1, "<=b": 2}),
    ],
)
def test_filter_in_the_portals_terms(text: str, filters: dict[str, object]) -> None:
    asked = condition(text)
    assert asked == filters and [type(value) for value in asked.values()] == [type(value) for value in filters.values()]


@pytest.mark.parametrize("text", ["typeId", "typeId like 'a'", "a eq 1 or b eq 2", "a eq 'x' and", "a eq 1; drop"])
def test_what_the_portal_cannot_be_asked(text: str) -> None:
    with pytest.raises(SchemaDrift, match="cannot be put to Bitrix24"):
        condition(text)
