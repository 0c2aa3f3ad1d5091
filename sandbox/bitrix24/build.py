"""A portal as a company has it: people, pipelines, companies with requisites, contacts, deals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.bitrix24.admin import PERSON
from sandbox.bitrix24.fields import COMPANY, CONTACT, DEAL
from sandbox.bitrix24.items import Items
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.requisites import Requisites

MANAGERS = (("Олег", "Смирнов"), ("Ирина", "Кузнецова"), ("Павел", "Орлов"))
PEOPLE = (("Мария", "Ивановна", "Соколова"), ("Иван", "Петрович", "Гусев"), ("Ольга", "Сергеевна", "Белова"))


@dataclass(frozen=True, slots=True)
class Customer:
    """A company that the portal shall know; what it is called here may differ from accounting."""

    title: str
    inn: str = ""
    kpp: str = ""
    phone: str = ""
    email: str = ""


def build_portal(*, seed: int = 1, customers: Iterable[Customer] = (), deals: bool = True, **options: Any) -> Portal:
    """A portal with people, a second pipeline, and the customers named, each with a contact and perhaps a deal."""
    portal, random = Portal(**options), Random(seed)
    for number, (name, last_name) in enumerate(MANAGERS, start=2):
        portal.users[number] = {"ID": str(number), "ACTIVE": True, "NAME": name, "LAST_NAME": last_name}
    portal.dictionaries.add_category(DEAL, "Опт")
    items = Items(portal)
    own = {"title": "ООО «Наша фирма»", "isMyCompany": "Y"}
    items.add({"entityTypeId": COMPANY, "fields": own}, PERSON)
    for customer in customers:
        company = add_customer(portal, customer, manager=2 + random.randrange(len(MANAGERS)))
        name, second, last = random.choice(PEOPLE)
        person = {"name": name, "secondName": second, "lastName": last, "companyId": company}
        items.add({"entityTypeId": CONTACT, "fields": person}, PERSON)
        if deals and random.random() < 0.5:
            deal = {"title": f"Поставка: {customer.title}", "companyId": company, "opportunity": 10_000}
            items.add({"entityTypeId": DEAL, "fields": deal}, PERSON)
    return portal


def add_customer(portal: Portal, customer: Customer, *, manager: int = 1, type_id: str = "CUSTOMER") -> int:
    """One company with phone, e-mail and, where there is a tax id, requisites; its number."""
    multi = {}
    for place, (kind, value) in enumerate((("PHONE", customer.phone), ("EMAIL", customer.email))):
        if value:
            multi[f"n{place}"] = {"typeId": kind, "valueType": "WORK", "value": value}
    fields = {"title": customer.title, "typeId": type_id, "assignedById": manager, "fm": multi}
    made = Items(portal).add({"entityTypeId": COMPANY, "fields": fields}, PERSON)
    number = int(made["item"]["id"])
    if customer.inn:
        requisite = {
            "ENTITY_TYPE_ID": COMPANY, "ENTITY_ID": number, "PRESET_ID": 1 if len(customer.inn) == 10 else 3,
            "NAME": customer.title, "RQ_INN": customer.inn, "RQ_KPP": customer.kpp,
        }  # fmt: skip
        Requisites(portal).add({"fields": requisite}, PERSON)
    return number
