"""Phones of one client, here and in accounting: what the tests of owners and of changes set and look at."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from mapping.rules import parse_mapping
from sandbox.onec.schema import PARTIES
from store.engine import reading
from store.tables import audit
from store.versions import ensure_published
from tests.integration.sync_push.world import INN, World

OLD, NEW, OTHER = "+74951234567", "+79161112233", "+78127654321"


def own(world: World, owner: str, direction: str = "both") -> None:
    """The base's mapping with phones of another owner."""
    rule = (
        '{ from = "КонтактнаяИнформация[Тип=Телефон].Представление|НомерТелефона", '
        f'steps = [{{ do = "phones", country = "@country" }}], owner = "{owner}", direction = "{direction}" }}'
    )
    text = f'extends = "bp30"\n[parts.contacts.fields]\nphones = {rule}\n'
    world.mapping = parse_mapping(text, "own.toml")
    ensure_published(world.app.engine, "own", world.mapping.text, "test", version=world.mapping.version)
    world.configure(mapping="own")


def phone_row(number: str, note: str = "") -> dict[str, Any]:
    return {"Тип": "Телефон", "Представление": number, "НомерТелефона": number.strip("+")} | (
        {"ВидДляСписка_Key": note} if note else {}
    )


def client(world: World, **fields: Any) -> tuple[dict[str, Any], str]:
    """A client who is in accounting; the contact and his card's key."""
    contact = world.add(tax_id=INN, **({"phones": [OLD]} | fields))
    assert world.push() == {"created": 1}
    return contact, str(world.contact(contact["id"])["external_id"])


def phones_there(world: World, key: str) -> list[str]:
    rows = world.base.get(PARTIES, key).get("КонтактнаяИнформация") or []
    return [str(row["Представление"]) for row in rows if row["Тип"] == "Телефон"]


def set_there(world: World, key: str, *numbers: str) -> None:
    rows = [row for row in world.base.get(PARTIES, key).get("КонтактнаяИнформация") or [] if row["Тип"] != "Телефон"]
    world.base.change(PARTIES, key, {"КонтактнаяИнформация": rows + [phone_row(number) for number in numbers]})


def overruled(world: World) -> list[tuple[Any, Any]]:
    with reading(world.app.engine) as conn:
        rows = conn.execute(select(audit).where(audit.c.what == "field.overruled").order_by(audit.c.id)).mappings()
        return [(row["before"].get("phones"), row["after"].get("phones")) for row in rows]


def changes(world: World) -> list[str]:
    return [f"{item.method} {item.path}" for item in world.server.requests if item.method == "PATCH"]
