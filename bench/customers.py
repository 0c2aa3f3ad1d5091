"""A store with very many customers, their orders, shipments, payments and balances: what the pages are measured on."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from store import bulk
from store.customers import load_every, write_lists
from store.entities import balances
from tests.integration.store.filling import BALANCE, NOW, Filling, next_id

FORMS = ("ООО", "АО", "ИП", "ТОВ")
FIRST = (
    "Ромашка", "Северный", "Прогресс", "Вектор", "Альянс", "Техно", "Строй", "Агро", "Мега", "Союз", "Планета", "Орион",
    "Меридиан", "Кристалл", "Восток", "Запад", "Гранит", "Сатурн", "Метелица", "Калинка", "Диалог", "Импульс", "Юпитер",
)  # fmt: skip
SECOND = (
    "Трейд", "Сервис", "Групп", "Снаб", "Торг", "Маркет", "Логистик", "Продукт", "Инвест", "Дом", "Мастер", "Ресурс",
    "Комплект", "Центр", "Плюс", "Люкс", "Альфа", "Бета", "Партнёр", "Холдинг",
)  # fmt: skip
REGIONS, SEGMENTS = ("Москва", "Казань", "Киев", "Львов", "Омск"), ("опт", "розница", "сети")
MANAGERS = 40


def fill(engine: Engine, customers: int, documents: int = 2, seed: int = 1) -> list[UUID]:
    """Put them in, `documents` of each kind a customer; their ids. The same seed gives the same store."""
    chance, filling = random.Random(seed), Filling(engine)
    ruble = filling.add("currency", {"accounting": "RUB"}, code="RUB", name="Рубль")
    managers = [filling.add("manager", {"accounting": f"m{n}"}, name=f"Менеджер {n:02d}") for n in range(MANAGERS)]
    ids: list[UUID] = []
    for start in range(0, customers, 5000):
        numbers = range(start, min(start + 5000, customers))
        part = filling.add_many("counterparty", [_customer(n, chance, managers) for n in numbers])
        ids += part
        for kind in ("order", "shipment", "payment"):
            rows = [_document(kind, n, key, turn, chance, ruble) for n, key in zip(numbers, part, strict=True)
                    for turn in range(documents)]  # fmt: skip
            filling.add_many(kind, rows)
        owed = [_balance(n, key, chance) for n, key in zip(numbers, part, strict=True) if n % 3 == 0]
        with engine.begin() as conn:
            bulk.insert(conn, balances, owed)
    return ids


def write_all_lists(engine: Engine) -> None:
    """Words and figures of everybody, as a run would leave them."""
    after: UUID | None = None
    while True:
        with engine.begin() as conn:
            part = load_every(conn, after, 2000)
            if not part:
                break
            write_lists(conn, part)
            after = part[-1]


def _customer(number: int, chance: random.Random, managers: list[UUID]) -> tuple[dict[str, str], dict[str, Any]]:
    name = f"{chance.choice(FIRST)} {chance.choice(SECOND)}"
    made = "".join(chance.choice("абвгдежзиклмнопрст") for _ in range(7)).title()
    fields = {
        "name": f"{chance.choice(FORMS)} «{name} {made}»",
        "kind": "company",
        "code": f"00-{number:08d}",
        "tax_id": f"77{number:08d}",
        "phones": [f"+7 916 {number % 10_000_000:07d}"],
        "emails": [f"info{number}@example.test"],
        "manager_id": None if number % 10 == 0 else managers[number % MANAGERS],
        "region": REGIONS[number % len(REGIONS)],
        "segment": SEGMENTS[number % len(SEGMENTS)],
        "credit_limit": Decimal(500_000) if number % 4 == 0 else None,
    }
    return {"accounting": f"c{number}"}, fields


def _document(
    kind: str, number: int, customer: UUID, turn: int, chance: random.Random, currency: UUID
) -> tuple[dict[str, str], dict[str, Any]]:
    fields = {
        "counterparty_id": customer,
        "currency_id": currency,
        "number": f"ТД00-{number * 10 + turn:07d}",
        "date": NOW - timedelta(days=chance.randrange(400), minutes=turn),
        "amount": Decimal(chance.randrange(1000, 9_000_000)) / 100,
    }
    return {"accounting": f"{kind}{number}.{turn}"}, fields


def _balance(number: int, customer: UUID, chance: random.Random) -> dict[str, Any]:
    owed = Decimal(chance.randrange(100, 90_000_000)) / 100
    late = (owed / 2 if number % 2 else Decimal(0)).quantize(Decimal("0.01"))
    row = BALANCE | {"id": next_id(), "connection": "accounting", "counterparty_key": f"c{number}"}
    row |= {"counterparty_id": customer, "receivable": owed, "amount": owed, "overdue": late}
    return row | {"overdue_since": (NOW - timedelta(days=20)).date() if late else None}
