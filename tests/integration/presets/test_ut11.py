"""What only УТ 11 and its siblings have: terms kept by the base, partners behind counterparties, analytics keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import pytest

from sandbox.onec.schema import Layout
from tests.integration.presets.world import PresetWorld, open_preset_world
from tests.integration.sync_balances.world import CODES, TODAY

TERMS = "AccumulationRegister_РасчетыСКлиентамиПоСрокам"
KEYS = "Catalog_КлючиАналитикиУчетаПоПартнерам"
PARTNERS, PARTIES, SHIPMENT = "Catalog_Партнеры", "Catalog_Контрагенты", "Document_РеализацияТоваровУслуг"
BANK_IN = "Document_ПоступлениеБезналичныхДенежныхСредств"
EMPTY = "00000000-0000-0000-0000-000000000000"
Place = tuple[str, str, str, str]


@pytest.fixture
def world(store_url: str) -> Iterator[PresetWorld]:
    with open_preset_world(store_url, "ut11") as opened:
        assert opened.cycle().status == "ok"
        yield opened


def overdue_of_the_base(world: PresetWorld) -> dict[Place, Decimal]:
    """What the base's own register says is late, by counterparty, contract, organisation and currency."""
    base, today = world.base, TODAY.date().isoformat()
    register = next(item for item in base.configuration.registers if item.name == TERMS)
    assert register.state is not None
    codes = {key: CODES[str(base.get("Catalog_Валюты", key)["Code"])] for key in base.keys("Catalog_Валюты")}
    sums: dict[Place, Decimal] = defaultdict(Decimal)
    for dims, values in register.state(base, None):
        if dims["ДатаПлановогоПогашения"][:10] < today and values[0]:
            key = base.get(KEYS, dims["АналитикаУчетаПоПартнерам_Key"])
            place = (key["Контрагент"], key["Договор"], key["Организация_Key"], codes[dims["Валюта_Key"]])
            sums[place] += Decimal(values[0]).scaleb(-2)
    return dict(sums)


def overdue_here(world: PresetWorld) -> dict[Place, Decimal]:
    return {
        (row.counterparty_key, row.contract_key, row.organisation_key, row.currency): row.overdue
        for row in world.rows() if row.overdue
    }  # fmt: skip


def rules(world: PresetWorld) -> set[str]:
    return {row.overdue_rule for row in world.rows() if row.overdue}


def test_the_base_s_own_terms_say_what_is_overdue(world: PresetWorld) -> None:
    assert overdue_here(world) == overdue_of_the_base(world)
    assert len(overdue_here(world)) > 5
    assert rules(world) == {"accounting"}
    late = next(row for row in world.rows() if row.overdue)
    (key, *_) = [item["Ref_Key"] for item in world.base.truth_documents(SHIPMENT)
                 if item["Договор_Key"] == late.contract_key and item["Posted"]]  # fmt: skip
    world.base.change(SHIPMENT, key, {"ДатаПлатежа": "2031-01-01T00:00:00"})
    world.cycle()
    assert overdue_here(world) == overdue_of_the_base(world)


@pytest.mark.parametrize("how", ["old architecture", "unpublished", "no right"])
def test_without_terms_of_its_own_the_documents_say_it(store_url: str, how: str) -> None:
    with open_preset_world(store_url, "ut11", layout=Layout(own_terms=how != "old architecture")) as world:
        if how == "unpublished":
            world.base.schema.unpublished.add(TERMS)
        if how == "no right":
            world.server.options.no_rights.add(TERMS)
        result = world.cycle()
        told = [notice for notice in result.notices if TERMS in notice and "has no right" in notice]
        assert (result.status, len(told)) == ("ok", int(how == "no right")), result.message
        assert rules(world) and "accounting" not in rules(world)
        assert world.ours() == world.theirs()


@pytest.mark.parametrize("metadata", ["shown", "hidden"])
def test_a_change_of_the_partner_is_a_change_of_his_counterparties(world: PresetWorld, metadata: str) -> None:
    if metadata == "hidden":
        world.server.faults.add("error", path=r"/\$metadata", status=403, body="<html>Forbidden</html>")
    card = next(item for item in world.base.truth_documents(PARTIES) if item["ИНН"])
    fields = {"Комментарий": "переехали", "КонтактнаяИнформация": [{"Тип": "Телефон", "Представление": "+79990001122"}]}
    world.base.change(PARTNERS, card["Партнер_Key"], fields)
    world.cycle()
    shown = {row["external_ids"]["accounting"]: row for row in world.export("counterparties")}
    of_partner = [row["Ref_Key"] for row in world.base.truth_documents(PARTIES)
                  if row["Партнер_Key"] == card["Партнер_Key"]]  # fmt: skip
    assert of_partner
    for key in of_partner:
        assert "+79990001122" in shown[key]["phones"]
    assert shown[card["Ref_Key"]]["comment"]
    people = world.export("persons")
    partners = {row["Партнер_Key"] for row in world.base.truth_documents(PARTIES)}
    owners = [row["Owner_Key"] for row in world.base.truth_documents("Catalog_КонтактныеЛицаПартнеров")]
    assert len(people) == sum(owner in partners for owner in owners) > 20
    assert all(person["counterparty"] and person["post"] for person in people)


def test_an_exchange_plan_tells_of_the_partner_too(store_url: str) -> None:
    with open_preset_world(store_url, "ut11", by_plan=True) as world:
        assert world.cycle().status == "ok"
        card = next(item for item in world.base.truth_documents(PARTIES) if item["ИНН"])
        contacts = [{"Тип": "Телефон", "Представление": "+79990001122"}]
        world.base.change(PARTNERS, card["Партнер_Key"], {"КонтактнаяИнформация": contacts})
        world.base.random_edits(10, seed=2)
        world.cycle()
        shown = {row["external_ids"]["accounting"]: row for row in world.export("counterparties")}
        assert "+79990001122" in shown[card["Ref_Key"]]["phones"]
        assert world.ours() == world.theirs()


def test_without_the_analytics_keys_balances_wait_and_nobody_is_settled(store_url: str) -> None:
    with open_preset_world(store_url, "ut11") as world:
        world.cycle()
        before = world.ours()
        world.base.schema.unpublished.add(KEYS)
        assert world.cycle().status == "partial"
        assert world.ours() == before, "nobody's debt is zero because it cannot be told whose it is"
        world.base.schema.unpublished.clear()
        world.cycle()
        assert world.ours() == world.theirs() == before


def payers(world: PresetWorld) -> dict[str, str | None]:
    """Whose each payment is, by their keys in accounting."""
    return {row["external_id"]: (row["counterparty"] or {}).get("external_id") for row in world.export("payments")}


def test_a_payment_that_names_nobody_in_its_head_is_his_whose_order_it_pays(world: PresetWorld) -> None:
    before = payers(world)
    headed = [row for row in world.base.truth_documents(BANK_IN) if before.get(row["Ref_Key"])]
    orders = [row for row in headed if any(part.get("ОснованиеПлатежа") for part in row["РасшифровкаПлатежа"])][:3]
    for row in orders:
        world.base.change(BANK_IN, row["Ref_Key"], {"Контрагент_Key": EMPTY})
    one, others = orders[0], [row for row in headed if row not in orders and row["РасшифровкаПлатежа"]]
    other = next(row for row in others if before[row["Ref_Key"]] != before[one["Ref_Key"]])
    rows = [*one["РасшифровкаПлатежа"], *other["РасшифровкаПлатежа"]]
    numbered = [row | {"LineNumber": str(number)} for number, row in enumerate(rows, 1)]
    headless = {"Контрагент_Key": EMPTY, "Договор": "", "Договор_Type": "StandardODATA.Undefined"}
    world.base.change(BANK_IN, other["Ref_Key"], headless | {"РасшифровкаПлатежа": numbered})
    world.cycle()
    now = payers(world)
    assert len(orders) == 3
    assert [now[row["Ref_Key"]] for row in orders] == [before[row["Ref_Key"]] for row in orders]
    assert now[other["Ref_Key"]] is None, "it pays for two customers: nobody is chosen"
