"""How fast the mapping is: ten-field records a second, beside the same work written by hand in plain Python."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.money import parse_amount
from mapping.rules import load_mapping, parse_mapping

RECORDS = 100_000
ROUNDS = 3
GOAL = 50_000
ZONE = ZoneInfo("Europe/Moscow")
TEN_FIELDS = """
[entities.shipment.sources."Document_РеализацияТоваровУслуг"]
[entities.shipment.fields]
number = "Number"
date = "Date"
posted = "Posted"
amount = "СуммаДокумента"
operation = "ВидОперации"
comment = { from = "Комментарий", steps = ["trim"] }
counterparty = "Контрагент"
contract = "ДоговорКонтрагента"
organisation = "Организация"
currency = "ВалютаДокумента"
"""


def make_record(number: int) -> dict[str, object]:
    """One shipment as 1C sends it."""
    tail = f"{number:012x}"
    return {
        "Ref_Key": f"8b9660f6-6332-11ec-ad72-{tail}",
        "DataVersion": "AAAACgAAAAA=",
        "DeletionMark": False,
        "Number": f"0000-{number:06d}",
        "Date": "2021-12-22T17:22:08",
        "Posted": True,
        "ВидОперации": "Товары",
        "СуммаДокумента": Decimal("150129.50"),
        "Комментарий": "отгрузка по  счёту  ",
        "Контрагент_Key": f"b7569bcd-f670-11ea-8591-{tail}",
        "ДоговорКонтрагента_Key": "00000000-0000-0000-0000-000000000000",
        "Организация_Key": "87fa6cc2-e901-11ea-8591-000c29b45b09",
        "ВалютаДокумента_Key": "a192de9a-d84c-11ea-8133-0050569f62a1",
    }


def by_hand(data: dict[str, object]) -> dict[str, object]:
    """The same ten fields without any rules, checks or hash."""
    empty = "00000000-0000-0000-0000-000000000000"
    moment = datetime.fromisoformat(str(data["Date"])).replace(tzinfo=ZONE).astimezone(UTC)
    keys = ("Контрагент_Key", "ДоговорКонтрагента_Key", "Организация_Key", "ВалютаДокумента_Key")
    refs = [None if data[key] == empty else str(data[key]).lower() for key in keys]
    return {
        "id": str(data["Ref_Key"]).lower(),
        "number": str(data["Number"]).strip(),
        "date": moment,
        "posted": data["Posted"],
        "amount": parse_amount(data["СуммаДокумента"]),
        "operation": str(data["ВидОперации"]).strip() or None,
        "comment": " ".join(str(data["Комментарий"]).split()) or None,
        "refs": refs,
    }


def measure(work: Callable[[dict[str, object]], object], records: list[dict[str, object]]) -> float:
    """Records a second, the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.process_time()
        for record in records:
            work(record)
        best = max(best, len(records) / (time.process_time() - start))
    return best


def main() -> None:
    """Print both speeds and their ratio, and that of the whole preset."""
    records = [make_record(number) for number in range(RECORDS)]
    hand = measure(by_hand, records)
    ten = parse_mapping(TEN_FIELDS, "bench.toml").entities["shipment"]
    preset = load_mapping("bp30").entities["shipment"]
    source = "Document_РеализацияТоваровУслуг"
    print(f"plain Python, ten fields      {hand:10,.0f} records/s")
    for name, entity in (("rules, ten fields", ten), ("preset bp30, shipments", preset)):
        speed = measure(lambda record, entity=entity: entity.build(source, record, ZONE), records)  # type: ignore[misc]
        print(f"{name:<29} {speed:10,.0f} records/s   {speed / hand:.2f} of plain Python (with hash and checks)")
    print(f"goal: {GOAL:,} ten-field records/s on one core")


if __name__ == "__main__":
    main()
