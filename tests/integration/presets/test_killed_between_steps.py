"""A client is several objects here (partner, counterparty, contract): kill -9 between and inside them, and go on.

No object is missing then, none is there twice, and each hangs on the other.
"""

from __future__ import annotations

import pytest

from core.clock import SystemClock
from store.engine import reading
from sync.context import Order
from sync.cycle import run_cycle
from sync.push.contacts import add_contact, list_contacts
from sync.push.intents import takes_keys
from tests.integration.presets.world import PresetWorld, cycle_of, open_preset_world
from tests.integration.sync_balances.world import NAME
from tests.services.victim import run_victim

INN = "7707083893"
KILLS = [
    ("send.before", 2, False), ("send.after", 1, False), ("send.after", 2, False), ("send.after", 3, False),
    ("send.after", 1, True), ("send.after", 2, True), ("send.after", 3, True), ("push-step.before", 1, False),
    ("push-step.after", 1, False), ("push-step.after", 2, False),
]  # fmt: skip
"""Point, at which of the three writes, and whether the base gives objects keys of its own instead of ours."""


def kill_at(world: PresetWorld, url: str, configuration: str, point: str) -> None:
    assert run_victim(cycle_of, url, world.server.url, configuration, point=point), f"{point} was never hit"


def go_on(world: PresetWorld) -> None:
    """The lease of the dead lapses; two more cycles as a person orders them."""
    clock = world.app.clock
    clock.sleep((SystemClock().now() - clock.now()).total_seconds() + 60)
    for _ in range(2):
        run_cycle(world.app, NAME, Order())
        clock.sleep(60)


@pytest.mark.parametrize(("point", "step", "ignores"), KILLS)
def test_the_next_run_goes_on_where_the_killed_one_stood(sqlite_url: str, point: str, step: int, ignores: bool) -> None:
    with open_preset_world(sqlite_url, "ut11", write="on", documents=12) as world:
        world.base.ignores_ref_key = ignores
        contact = add_contact(world.app, name="ООО Ромашка", status="client", tax_id=INN)
        kill_at(world, sqlite_url, "ut11", f"{point}:{step}")
        go_on(world)
        (shown,) = [row for row in list_contacts(world.app) if row["id"] == contact["id"]]
        assert shown["standing"] == "in_accounting", shown
        (partner,) = world.named("Catalog_Партнеры", "ООО Ромашка")
        (card,) = world.named("Catalog_Контрагенты", "ООО Ромашка")
        (deal,) = [row for row in world.base.truth_documents("Catalog_ДоговорыКонтрагентов")
                   if row["Контрагент_Key"] == card["Ref_Key"]]  # fmt: skip
        assert card["Партнер_Key"] == deal["Партнер_Key"] == partner["Ref_Key"]
        assert partner["ГруппаДоступа_Key"] in world.base.keys("Catalog_ГруппыДоступаПартнеров")
        assert (deal["ТипДоговора"], deal["Статус"]) == ("СПокупателем", "Действует")
        assert world.base.unfilled == []


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_base_without_room_for_a_marker_and_with_keys_of_its_own(sqlite_url: str, step: int) -> None:
    """Nothing on the card tells that it is ours but the partner it hangs on: whom we made, and nobody else knows."""
    with open_preset_world(sqlite_url, "ut11", write="on", documents=12) as world:
        world.base.ignores_ref_key = True
        world.base.schema.hide_field("Catalog_Контрагенты", "ДополнительнаяИнформация")
        contact = add_contact(world.app, name="ООО Ромашка", status="client", tax_id=INN)
        kill_at(world, sqlite_url, "ut11", f"send.after:{step}")
        go_on(world)
        (shown,) = [row for row in list_contacts(world.app) if row["id"] == contact["id"]]
        assert shown["standing"] == "in_accounting", shown
        (partner,) = world.named("Catalog_Партнеры", "ООО Ромашка")
        (card,) = world.named("Catalog_Контрагенты", "ООО Ромашка")
        assert card["Партнер_Key"] == partner["Ref_Key"]


def test_a_base_that_takes_the_card_s_key_is_known_to_take_keys(sqlite_url: str) -> None:
    """The card is the second of three objects: that the base took its key is seen all the same."""
    with open_preset_world(sqlite_url, "ut11", write="on", documents=12) as world:
        contact = add_contact(world.app, name="ООО Ромашка", status="client", tax_id=INN)
        world.cycle()
        (card,) = world.named("Catalog_Контрагенты", "ООО Ромашка")
        (partner,) = world.named("Catalog_Партнеры", "ООО Ромашка")
        assert card["Ref_Key"] != partner["Ref_Key"]
        with reading(world.engine) as conn:
            assert takes_keys(conn, NAME)
        (shown,) = [row for row in list_contacts(world.app) if row["id"] == contact["id"]]
        assert shown["external_id"] == card["Ref_Key"]
