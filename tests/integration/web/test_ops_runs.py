"""Runs in pages, after real cycles against a stand-in 1C: runs, their records, one record as it was received."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update

from core.secrets import remember
from store.entities import counterparties
from store.tables import audit, binding, lease, run
from sync.context import Order
from sync.cycle import run_stages
from sync.room.lease import claim_lease
from tests.integration.store.counting import CountQueries
from tests.integration.web.ops_room import OpsRoom, open_ops_room
from tests.integration.web.world import LANGUAGES
from web.show.paging import encode_position

SALE, ABSURD = "Document_РеализацияТоваровУслуг", 10**15


@pytest.fixture
def room(store_url: str, tmp_path: Path) -> Iterator[OpsRoom]:
    """One first load."""
    with open_ops_room(store_url, tmp_path, documents=30) as made:
        made.mirrored.sync(kind="schedule")
        yield made


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def a_binding(room: OpsRoom, entity: str) -> Any:
    with room.world.engine.connect() as conn:
        mine = (binding.c.entity == entity, binding.c.state == "bound")
        return conn.execute(select(binding).where(*mine).order_by(binding.c.external_id).limit(1)).one()


def address(entity: str, external_id: str) -> str:
    return f"/ops/records/{encode_position(('accounting', entity, external_id))}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_way_from_a_run_to_a_payload(room: OpsRoom, language: str) -> None:
    """Runs -> one -> its records -> one as received, by the links of the pages."""
    listed = room.get("admin", "/ops/runs", language=language).text
    (one,) = room.runs()
    assert f"/ops/runs/{one.id}" in listed
    shown = room.get("admin", f"/ops/runs/{one.id}", language=language, entity="counterparty").text
    records = re.findall(r"/ops/records/[\w-]+", shown)
    assert records
    payload = room.get("admin", records[0], language=language).text
    assert "Ref_Key" in payload and "DataVersion" in payload
    assert f'lang="{language}"' in payload


def test_each_record_stands_with_the_last_run_that_wrote_it(room: OpsRoom) -> None:
    """What the first load brought is new there; an edit moves its record, as changed, to the cycle that brought it."""
    base, first = room.mirrored.base, room.runs()[0]
    changed = a_binding(room, "counterparty").external_id
    name = "Catalog_Контрагенты"
    base.change(name, changed, {"Description": "Переименованный"})
    room.mirrored.tick()
    room.mirrored.sync(kind="schedule")
    second = room.runs()[1]
    shown = words_of(room.get("admin", f"/ops/runs/{second.id}", entity="counterparty").text)
    assert f"counterparties updated {changed} Переименованный" in shown
    with_first = room.get("admin", f"/ops/runs/{first.id}", entity="counterparty", state="bound").text
    assert changed not in with_first and "new" in words_of(with_first)
    room.mirrored.tick()
    room.mirrored.sync(kind="schedule")
    third = room.runs()[2]
    assert "nothing had changed" in room.get("ops", f"/ops/runs/{third.id}").text


def test_every_record_of_a_run_is_on_exactly_one_page(room: OpsRoom) -> None:
    (one,) = room.runs()
    seen: list[str] = []
    path: str | None = f"/ops/runs/{one.id}"
    while path is not None:
        text = room.get("admin", path).text
        seen += re.findall(r"/ops/records/([\w-]+)", text)
        further = re.search(r'rel="next" href="([^"]+)"', text)
        path = further[1].replace("&amp;", "&") if further else None
    with room.world.engine.connect() as conn:
        number = len(conn.execute(select(binding.c.external_id)).all())
    assert len(seen) == len(set(seen)) == number > 50


def test_ops_sees_how_a_record_is_built_and_nothing_of_a_customer(room: OpsRoom) -> None:
    """Neither name nor tax id nor amount; of what is nobody's secret (products) all of it."""
    found = a_binding(room, "counterparty")
    with room.world.engine.connect() as conn:
        customer = conn.execute(select(counterparties).where(counterparties.c.id == found.entity_id)).mappings().one()
    whole = room.get("admin", address("counterparty", found.external_id)).text
    covered = room.get("ops", address("counterparty", found.external_id)).text
    assert customer["name"] in whole and f"/customers/{customer['id']}" in whole
    for secret in (customer["name"], customer["tax_id"], *(customer["phones"] or ())):
        assert secret is None or secret not in covered
    assert "Ref_Key" in covered and "•••" in covered and found.external_id in covered
    assert f"/customers/{customer['id']}" not in covered
    (one,) = room.runs()
    assert customer["name"] not in room.get("ops", f"/ops/runs/{one.id}", entity="counterparty").text
    document = a_binding(room, "shipment")
    paper = room.get("ops", address("shipment", document.external_id)).text
    assert "Сумма" in paper and not re.search(r'Сумма\w*(&#34;|"): ?\d', paper)
    assert re.search(r'Сумма\w*(&#34;|"): ?\d', room.get("admin", address("shipment", document.external_id)).text)
    product = a_binding(room, "product")
    assert "•••" not in room.get("ops", address("product", product.external_id)).text


def test_reading_a_customers_record_is_noted(room: OpsRoom) -> None:
    found, product = a_binding(room, "counterparty"), a_binding(room, "product")
    room.get("ops", address("counterparty", found.external_id))
    room.get("admin", address("product", product.external_id))
    assert [what for _, what, _ in room.world.audited() if what == "record.read"] == []
    room.get("admin", address("counterparty", found.external_id))
    assert ("admin", "record.read", f"accounting counterparty {found.external_id}") in room.world.audited()


def test_what_the_rules_make_of_it_and_what_waits(room: OpsRoom) -> None:
    """A letter of a record is linked for who may open letters, and named for who may not."""
    base = room.mirrored.base
    found = a_binding(room, "shipment")
    base.change(SALE, found.external_id, {"СуммаДокумента": ABSURD}, repost=False)
    room.mirrored.tick()
    result = room.mirrored.sync(status=None, kind="schedule")
    assert result.status == "partial", result.message
    page = room.get("admin", address("shipment", found.external_id)).text
    number = re.search(r'href="/dead/(\d+)"', page)
    assert number is not None
    hidden = room.get("ops", address("shipment", found.external_id)).text
    assert f"sverka dead show {number[1]}" in hidden and "/dead/" not in hidden
    shown = room.get("admin", f"/ops/runs/{room.runs()[-1].id}", state="dead").text
    assert found.external_id in shown and "What to do" in room.get("admin", f"/dead/{number[1]}").text


def test_a_secret_in_a_record_is_cut_out(room: OpsRoom) -> None:
    remember("Kanarienvogel-4713")
    found = a_binding(room, "product")
    room.mirrored.base.change("Catalog_Номенклатура", found.external_id, {"Description": "Kanarienvogel-4713"})
    room.mirrored.tick()
    room.mirrored.sync(kind="schedule")
    assert "Kanarienvogel" not in room.get("ops", address("product", found.external_id)).text


def test_a_run_under_way_tells_how_far_it_has_come(room: OpsRoom) -> None:
    """Seen from within: the heartbeat has told, the page renews itself until the run is over."""
    seen: list[str] = []
    app = room.mirrored.app

    def look(ctx: Any) -> None:
        ctx.progress.step("order", 120, "2024")
        with app.engine.begin() as conn:
            told = ctx.progress.tell()
            conn.execute(update(lease).where(lease.c.name == "accounting").values(told=told))
        one = room.runs()[-1]
        seen.extend([room.get("ops", path).text for path in (f"/ops/runs/{one.id}", f"/ops/runs/{one.id}/now", "/ops")])

    assert run_stages(app, "accounting", Order(kind="order"), [look]).status == "ok"
    for text in seen:
        assert "Now: orders" in text and "120" in text and "2024" in text
    assert "hx-trigger" in seen[1]
    after = room.get("ops", f"/ops/runs/{room.runs()[-1].id}/now")
    assert after.headers["hx-refresh"] == "true" and "hx-trigger" not in after.text
    with app.engine.connect() as conn:
        assert conn.execute(select(lease.c.told).where(lease.c.name == "accounting")).scalar_one() is None


def test_the_heartbeat_tells(room: OpsRoom) -> None:
    """By the very statement that renews the lease; who has lost it tells nothing more."""
    app = room.mirrored.app
    app.settings = app.settings.model_copy(
        update={"schedule": app.settings.schedule.model_copy(update={"lease": timedelta(seconds=0.3)})}
    )
    held = claim_lease(app, "accounting")
    assert held is not None
    asked = threading.Event()

    def tell() -> dict[str, Any]:
        asked.set()
        return {"entity": "order", "text": "", "done": [["order", 7]], "at": app.clock.now().isoformat()}

    held.start_heartbeat(tell)
    assert asked.wait(30)
    held._stopped.set()
    if held._thread is not None:
        held._thread.join()
    with app.engine.connect() as conn:
        told = conn.execute(select(lease.c.told).where(lease.c.name == "accounting")).scalar_one()
    assert told["done"] == [["order", 7]]
    held.release()


def test_filters_and_pages_of_the_list(room: OpsRoom) -> None:
    """The same moment, many times: none is shown twice and none is left out."""
    now = room.world.clock.now()
    row = {"connection": "accounting", "kind": "push", "status": "failed", "owner": "w", "fence": 1, "started_at": now}
    with room.world.engine.begin() as conn:
        conn.execute(
            insert(run), [row | {"id": uuid4(), "message": "It broke. Next: sverka doctor"} for _ in range(120)]
        )
    seen: list[str] = []
    path: str | None = "/ops/runs?status=failed&kind=push&connection=accounting"
    while path is not None:
        text = room.get("ops", path).text
        seen += re.findall(r"href=\"/ops/runs/([0-9a-f-]{36})\"", text)
        further = re.search(r'rel="next" href="([^"]+)"', text)
        path = further[1].replace("&amp;", "&") if further else None
    assert len(seen) == len(set(seen)) == 120
    assert "No run is like that" in room.get("ops", "/ops/runs", kind="repair").text
    one = room.get("ops", f"/ops/runs/{seen[0]}").text
    assert "It broke." in one and "<code>sverka doctor</code>" in one


def test_what_is_not_there(room: OpsRoom) -> None:
    browser = room.browser("admin")
    for path in (f"/ops/runs/{uuid4()}", f"/ops/runs/{uuid4()}/now", "/ops/records/xx", address("order", "none")):
        assert browser.get(path).status_code == 404, path
    assert browser.get(address("no_such", "x")).status_code == 404
    assert room.browser("manager").get("/ops/runs").status_code == 403


@pytest.mark.parametrize("kind", ["list", "run", "record"])
def test_questions_do_not_grow(room: OpsRoom, count_queries: CountQueries, kind: str) -> None:
    one, product = room.runs()[0], a_binding(room, "product")
    path, most = {
        "list": ("/ops/runs", 4), "run": (f"/ops/runs/{one.id}?entity=counterparty", 6),
        "record": (address("product", product.external_id), 12),
    }[kind]  # fmt: skip
    counts = []
    for _ in range(2):
        with count_queries(room.world.site.reader) as queries:
            assert room.browser("ops").get(path).status_code == 200
        counts.append(len(queries))
        room.mirrored.tick()
        room.mirrored.sync(kind="schedule")
    assert counts[0] == counts[1] <= most, counts


def test_nothing_has_run_yet(store_url: str, tmp_path: Path) -> None:
    with open_ops_room(store_url, tmp_path, documents=5) as made:
        assert "sverka sync" in made.get("ops", "/ops/runs").text
        assert "sverka sync" in made.get("ops", "/ops").text


def test_the_audit_table_is_not_written_by_who_only_looks(room: OpsRoom) -> None:
    for path in ("/ops", "/ops/now", "/ops/runs", f"/ops/runs/{room.runs()[0].id}"):
        room.get("admin", path)
    with room.world.engine.connect() as conn:
        assert conn.execute(select(audit.c.id)).all() == []
