"""УПП keeps phones in a register: a change of them arrives, and ours are written there once, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import RecordSource
from connectors.onec_odata.config import OnecODataOptions
from connectors.onec_odata.connector import OnecODataConnector
from core.clock import ManualClock
from core.settings import ConnectionSettings
from mapping.rules import load_mapping
from sandbox.onec.configurations import upp_schema as upp
from sync.context import Order
from sync.letters import list_letters
from sync.push.contacts import add_contact, list_contacts
from tests.integration.presets.test_killed_between_steps import go_on, kill_at
from tests.integration.presets.world import PresetWorld, open_preset_world
from tests.integration.sync_balances.world import TODAY

KIND = "StandardODATA.Catalog_ВидыКонтактнойИнформации"
PARTIES = "StandardODATA.Catalog_Контрагенты"


@pytest.fixture
def world(sqlite_url: str) -> Iterator[PresetWorld]:
    with open_preset_world(sqlite_url, "upp13", write="on", documents=40) as opened:
        assert opened.cycle().status == "ok", opened.result
        yield opened


def rows_of(world: PresetWorld, owner: str) -> list[dict[str, Any]]:
    return [row for row in world.base.truth_documents(upp.CONTACTS) if row["Объект"] == owner]


def key_of(row: dict[str, Any]) -> str:
    return "|".join(str(row[name]) for name in ("Объект", "Объект_Type", "Тип", "Вид", "Вид_Type"))


def phone_row(world: PresetWorld) -> dict[str, Any]:
    """The phone of somebody who has just one."""
    for row in world.base.truth_documents(upp.CONTACTS):
        alike = [one for one in rows_of(world, row["Объект"]) if one["Тип"] == "Телефон"]
        if row["Тип"] == "Телефон" and row["Объект_Type"] == PARTIES and len(alike) == 1:
            return row
    raise AssertionError("nobody has just one phone")


def card(world: PresetWorld, key: str) -> dict[str, Any]:
    (found,) = [row for row in world.export("counterparties") if row["external_id"] == key]
    return found


def counted(world: PresetWorld, entity: str) -> dict[str, int]:
    return next(line.counts for line in world.result.lines if line.entity == entity and line.direction == "in")


def test_a_changed_phone_arrives_although_the_card_has_not_changed(world: PresetWorld) -> None:
    row = phone_row(world)
    world.base.change(upp.CONTACTS, key_of(row), {"Представление": "+7 (495) 765-43-21"})
    world.cycle()
    assert card(world, row["Объект"])["phones"] == ["+74957654321"]
    assert counted(world, "counterparty")["updated"] == 1
    world.cycle()
    assert "updated" not in counted(world, "counterparty")


def test_a_phone_that_is_gone_from_the_register_is_gone_here(world: PresetWorld) -> None:
    row = phone_row(world)
    world.base.delete(upp.CONTACTS, key_of(row))
    world.cycle()
    assert card(world, row["Объект"])["phones"] == []


def test_a_quiet_cycle_reads_the_register_once_and_no_card(world: PresetWorld) -> None:
    asked = len(world.server.requests)
    world.cycle()
    entries = world.server.requests[asked:]
    assert sum(entry.path.endswith(upp.CONTACTS) for entry in entries) == 2  # one for cards, one for contact persons
    sets = [entry.query for entry in entries if entry.path.endswith("Catalog_Контрагенты")]
    assert sets and all("$select=Ref_Key" in query for query in sets)


def test_contact_persons_have_phones_too(world: PresetWorld) -> None:
    people = world.export("persons")
    assert people and all(person["phones"] and person["counterparty"] for person in people)


def make_client(world: PresetWorld) -> dict[str, Any]:
    phones, emails = ["+79161234567", "+74951234567"], ["info@romashka.example", "buh@romashka.example"]
    return add_contact(
        world.app, name="ООО Ромашка", status="client", tax_id="7707083893", phones=phones, emails=emails
    )


def written(world: PresetWorld) -> set[tuple[str, str, str]]:
    (key,) = [row["Ref_Key"] for row in world.base.truth_documents(upp.PARTIES) if row["ИНН"] == "7707083893"]
    rows = rows_of(world, key)
    assert all(row["Объект_Type"] == PARTIES for row in rows)
    return {(row["Тип"], row["Вид"], row["Представление"]) for row in rows}


def expected(world: PresetWorld) -> set[tuple[str, str, str]]:
    (kind,) = [
        row["Ref_Key"]
        for row in world.base.truth_documents(upp.KINDS)
        if row["PredefinedDataName"] == "ТелефонКонтрагента"
    ]
    return {
        ("Телефон", kind, "+79161234567"),
        ("Телефон", "Телефон 2", "+74951234567"),
        ("АдресЭлектроннойПочты", "Адрес электронной почты", "info@romashka.example"),
        ("АдресЭлектроннойПочты", "Адрес электронной почты 2", "buh@romashka.example"),
    }


def test_phones_and_emails_are_written_as_rows_of_the_register(world: PresetWorld) -> None:
    make_client(world)
    world.cycle()
    assert written(world) == expected(world)
    kinds = {row["Вид"]: row["Вид_Type"] for row in world.base.truth_documents(upp.CONTACTS)}
    assert kinds["Телефон 2"] == "Edm.String"
    world.cycle()
    assert world.result.status == "ok"
    assert written(world) == expected(world)


@pytest.mark.parametrize("nth", [1, 2, 4])
@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_a_lost_answer_makes_no_second_row_and_loses_none(world: PresetWorld, fault: str, nth: int) -> None:
    world.server.faults.add(fault, method="POST", path=upp.CONTACTS, nth=nth, times=1)
    contact = make_client(world)
    for _ in range(3):
        world.cycle(Order())
    assert written(world) == expected(world)
    (shown,) = [row for row in list_contacts(world.app) if row["id"] == contact["id"]]
    assert shown["standing"] == "in_accounting", shown
    assert len([row for row in world.base.truth_documents(upp.PARTIES) if row["ИНН"] == "7707083893"]) == 1


def test_a_card_that_goes_while_its_rows_are_written_is_a_letter_and_stops_nobody(world: PresetWorld) -> None:
    def vanish(name: str, fields: dict[str, Any]) -> None:
        if name == upp.CONTACTS and world.base.refusals:
            world.base.refusals.clear()
            world.base.delete(upp.PARTIES, fields["Объект"])

    world.base.refusals.append(vanish)
    contact = make_client(world)
    world.cycle(Order())
    assert world.result.status == "partial", world.result
    (letter,) = list_letters(world.app)
    assert (letter["direction"], letter["external_id"]) == ("out", contact["id"])
    (shown,) = [row for row in list_contacts(world.app) if row["id"] == contact["id"]]
    assert shown["standing"] == "refused", shown


@pytest.mark.parametrize("point", ["send.after:3", "send.after:4", "push-step.before:4", "push-step.after:3"])
def test_a_run_killed_between_rows_is_gone_on_with(sqlite_url: str, point: str) -> None:
    with open_preset_world(sqlite_url, "upp13", write="on", documents=12) as world:
        contact = make_client(world)
        kill_at(world, sqlite_url, "upp13", point)
        go_on(world)
        (shown,) = [row for row in list_contacts(world.app) if row["id"] == contact["id"]]
        assert shown["standing"] == "in_accounting", shown
        assert written(world) == expected(world)
        assert len([row for row in world.base.truth_documents(upp.PARTIES) if row["ИНН"] == "7707083893"]) == 1
        world.cycle()
        (mirrored,) = [row for row in world.export("counterparties") if row["tax_id"] == "7707083893"]
        assert sorted(mirrored["phones"]) == ["+74951234567", "+79161234567"]


def test_a_base_without_the_register_is_read_and_says_so(world: PresetWorld) -> None:
    row = phone_row(world)
    world.base.schema.unpublished.add(upp.CONTACTS)
    world.base.schema.revision += 1
    world.cycle()
    assert world.result.status == "partial"  # it was there before: drift, and nothing is blanked
    assert card(world, row["Объект"])["phones"] != []


def test_the_change_feed_brings_the_card_whose_row_changed_or_went() -> None:
    mapping = load_mapping("upp13")
    sources = [source for entity in mapping.entities.values() for source in entity.sources]
    with open_preset_world("sqlite://", "upp13", documents=40) as world:
        connector = open_with_plan(world)
        first, second = two_phones(world)
        world.base.change(upp.CONTACTS, key_of(first), {"Представление": "+7 (495) 765-43-21"})
        world.base.delete(upp.CONTACTS, key_of(second))
        packet = connector.fetch_changes(sources)
        found = {raw.external_id: raw for raw in packet.records if raw.source == upp.PARTIES}
        assert found.keys() == {first["Объект"], second["Объект"]}
        texts = [row["Представление"] for row in found[first["Объект"]].data["КонтактнаяИнформация"]]  # type: ignore[attr-defined]
        assert "+7 (495) 765-43-21" in texts
        kinds = [row["Тип"] for row in found[second["Объект"]].data["КонтактнаяИнформация"]]  # type: ignore[attr-defined]
        assert "Телефон" not in kinds
        (source,) = mapping.entities["counterparty"].sources
        assert isinstance(connector, RecordSource)
        swept = {row.external_id: row.version for page in connector.fetch_keys(source, whole()) for row in page}
        assert {key: raw.version for key, raw in found.items()} == {key: swept[key] for key in found}
        assert packet.deleted == []


def whole() -> Any:
    from connectors.base import Window

    return Window()


def two_phones(world: PresetWorld) -> list[dict[str, Any]]:
    rows = [
        row for row in world.base.truth_documents(upp.CONTACTS)
        if row["Тип"] == "Телефон" and row["Объект_Type"] == PARTIES
    ]  # fmt: skip
    alone = [row for row in rows if sum(one["Объект"] == row["Объект"] for one in rows) == 1]
    return alone[:2]


def open_with_plan(world: PresetWorld) -> OnecODataConnector:
    node = next(row for row in world.base.truth_documents("ExchangePlan_СверкаОбмен") if not row["ThisNode"])
    options = OnecODataOptions.model_validate(
        {"url": world.server.url, "user": "Обмен", "password": "secret", "exchange_plan": "СверкаОбмен",
         "node": node["Ref_Key"]}
    )  # fmt: skip
    settings = ConnectionSettings(name="accounting", connector="onec_odata", options=options, timezone="Europe/Moscow")
    return OnecODataConnector(settings, ManualClock(TODAY))


# ---------------------------------------------------------------- documents of this configuration


def test_an_order_is_closed_by_a_document_that_names_it(world: PresetWorld) -> None:
    orders = {row["external_id"]: row for row in world.export("orders")}
    named = {line["ЗаказПокупателя_Key"] for row in world.base.truth_documents(upp.CLOSING) for line in row["Заказы"]}
    assert {key for key, row in orders.items() if row["status"] == "closed"} == {key for key in named if key in orders}
    key = next(key for key, row in orders.items() if row["status"] == "open")
    world.base.create(upp.CLOSING, {"Заказы": [{"LineNumber": 1, "ЗаказПокупателя_Key": key}]})
    world.cycle()
    (now,) = [row for row in world.export("orders") if row["external_id"] == key]
    assert now["status"] == "closed"


def test_a_payment_counts_from_the_day_that_the_bank_carries_it_out(world: PresetWorld) -> None:
    done = next(row for row in world.base.truth_documents(upp.BANK_IN) if row["Posted"] and row["Оплачено"]
                and row["ВидОперации"] == "ОплатаПокупателя")  # fmt: skip
    world.base.change(upp.BANK_IN, done["Ref_Key"], {"Оплачено": False})
    world.cycle()
    (shown,) = [row for row in world.export("payments") if row["external_id"] == done["Ref_Key"]]
    assert shown["posted"] is False
    assert world.ours() == world.theirs()
