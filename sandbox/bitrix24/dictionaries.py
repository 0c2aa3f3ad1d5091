"""Dictionaries of a portal: statuses, pipelines with their stages, presets of requisites (fact sheet §6)."""

from __future__ import annotations

from itertools import count
from typing import Any

from sandbox.bitrix24.fields import DEAL

Row = dict[str, Any]
_WON, _LOST = "S", "F"
DEAL_STAGES = (
    ("NEW", "Новая", None),
    ("PREPARATION", "Подготовка документов", None),
    ("PREPAYMENT_INVOICE", "Счёт на предоплату", None),
    ("EXECUTING", "В работе", None),
    ("FINAL_INVOICE", "Финальный счёт", None),
    ("WON", "Сделка успешна", _WON),
    ("LOSE", "Сделка провалена", _LOST),
    ("APOLOGY", "Анализ причины провала", _LOST),
)
SMART_STAGES = (
    ("NEW", "Начало", None),
    ("CLIENT", "Подготовка", None),
    ("SUCCESS", "Успех", _WON),
    ("FAIL", "Провал", _LOST),
)
PLAIN = {
    "COMPANY_TYPE": (("CUSTOMER", "Клиент"), ("SUPPLIER", "Поставщик"), ("PARTNER", "Партнёр"), ("OTHER", "Другое")),
    "CONTACT_TYPE": (("CLIENT", "Клиенты"), ("SUPPLIER", "Поставщики"), ("PARTNER", "Партнёры"), ("OTHER", "Другое")),
    "SOURCE": (("CALL", "Звонок"), ("WEB", "Веб-сайт"), ("ADVERTISING", "Реклама"), ("OTHER", "Другое")),
    "INDUSTRY": (("IT", "Информационные технологии"), ("MANUFACTURING", "Производство"), ("CONSULTING", "Консалтинг")),
    "DEAL_TYPE": (("SALE", "Продажа"), ("SERVICE", "Сервисное обслуживание")),
    "EMPLOYEES": (("EMPLOYEES_1", "менее 50"), ("EMPLOYEES_2", "50-250")),
}
PRESETS = (("1", "Организация"), ("3", "ИП"), ("5", "Физ. лицо"))
PRESET_FIELDS = {
    "1": (
        "RQ_INN",
        "RQ_COMPANY_NAME",
        "RQ_COMPANY_FULL_NAME",
        "RQ_OGRN",
        "RQ_KPP",
        "RQ_OKPO",
        "RQ_DIRECTOR",
        "RQ_EDRPOU",
    ),
    "3": ("RQ_LAST_NAME", "RQ_FIRST_NAME", "RQ_SECOND_NAME", "RQ_INN", "RQ_OGRNIP", "RQ_OKPO", "RQ_DRFO"),
    "5": ("RQ_LAST_NAME", "RQ_FIRST_NAME", "RQ_SECOND_NAME", "RQ_INN", "RQ_DRFO"),
}


class Dictionaries:
    """Statuses and pipelines; ids are the portal's own, so nobody may count on them."""

    def __init__(self) -> None:
        self._ids = count(101, 2)
        self.statuses: list[Row] = []
        self.categories: dict[int, list[Row]] = {DEAL: []}
        self._next_category = count(9)
        for entity, rows in PLAIN.items():
            self.add(entity, [(code, name, None) for code, name in rows])
        self.add_category(DEAL, "Общая", number=0)

    def add(self, entity: str, rows: list[tuple[str, str, str | None]]) -> None:
        """A dictionary with its values; the third of each is the semantics of a stage."""
        for sort, (code, name, semantics) in enumerate(rows, start=1):
            self.statuses.append(
                {
                    "ID": str(next(self._ids)),
                    "ENTITY_ID": entity,
                    "STATUS_ID": code,
                    "NAME": name,
                    "NAME_INIT": "",
                    "SORT": str(sort * 10),
                    "SYSTEM": "N",
                    "CATEGORY_ID": None,
                    "COLOR": "",
                    "SEMANTICS": semantics,
                }
            )

    def add_category(self, entity_type_id: int, name: str, number: int | None = None) -> int:
        """A pipeline with stages of its own; returns its number."""
        chosen = next(self._next_category) if number is None else number
        row = {
            "id": chosen, "name": name, "sort": 300, "entityTypeId": entity_type_id,
            "isDefault": "Y" if number is not None else "N",
        }  # fmt: skip
        self.categories.setdefault(entity_type_id, []).append(row)
        stages = DEAL_STAGES if entity_type_id == DEAL else SMART_STAGES
        prefix = stage_prefix(entity_type_id, chosen)
        self.add(stage_entity(entity_type_id, chosen), [(prefix + code, text, how) for code, text, how in stages])
        return chosen

    def default_category(self, entity_type_id: int) -> int:
        """The pipeline that an element lands in when none is named."""
        rows = self.categories.get(entity_type_id, [])
        return next((int(row["id"]) for row in rows if row["isDefault"] == "Y"), 0)

    def stages(self, entity_type_id: int, category: int) -> list[Row]:
        """The stages of a pipeline in their order."""
        wanted = stage_entity(entity_type_id, category)
        return [row for row in self.statuses if row["ENTITY_ID"] == wanted]

    def values(self, entity: str) -> set[str]:
        """The codes of a dictionary."""
        return {row["STATUS_ID"] for row in self.statuses if row["ENTITY_ID"] == entity}


def stage_entity(entity_type_id: int, category: int) -> str:
    """The dictionary that holds the stages of a pipeline."""
    if entity_type_id == DEAL:
        return f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
    if entity_type_id == 31:
        return f"SMART_INVOICE_STAGE_{category}"
    return f"DYNAMIC_{entity_type_id}_STAGE_{category}"


def stage_prefix(entity_type_id: int, category: int) -> str:
    """What the codes of a pipeline's stages begin with."""
    if entity_type_id == DEAL:
        return f"C{category}:" if category else ""
    return f"DT{entity_type_id}_{category}:"
