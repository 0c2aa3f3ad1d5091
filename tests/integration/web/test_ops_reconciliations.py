"""Reconciliations in pages: ordered by a person, carried out by the service, told with totals and documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from store.entities import counterparties, entity_tables
from store.tables import lease, reconciliation, request
from sync.reconcile.nightly import LEASE
from sync.reconcile.ordered import carry_out_order
from sync.room.dispatch import WorkItem, run_work, tick
from sync.room.lease import claim_lease
from tests.integration.store.counting import CountQueries
from tests.integration.web.foreign import MAKERS
from tests.integration.web.ops_room import OpsRoom, open_ops_room
from tests.integration.web.world import LANGUAGES, SECRET_NAME, World

PAGE = "/ops/reconciliations"


@pytest.fixture
def room(store_url: str, tmp_path: Path) -> Iterator[OpsRoom]:
    """One first load."""
    with open_ops_room(store_url, tmp_path, documents=40) as made:
        made.mirrored.sync(kind="schedule")
        yield made


def order(room: OpsRoom, login: str = "ops") -> None:
    assert room.browser(login).submit("/ops/reconcile/accounting").status_code == 303


def asked(room: OpsRoom) -> list[WorkItem]:
    return [item for item in tick(room.mirrored.app) if item.kind == "request"]


def kept(room: OpsRoom) -> list[Any]:
    with room.world.engine.connect() as conn:
        return list(conn.execute(select(reconciliation).order_by(reconciliation.c.at)))


def requests(room: OpsRoom) -> list[Any]:
    with room.world.engine.connect() as conn:
        return list(conn.execute(select(request).order_by(request.c.created_at)))


def carry_out(room: OpsRoom) -> None:
    for item in asked(room):
        run_work(room.mirrored.app, item.to_message())


def plant(room: OpsRoom) -> Any:
    """A wrong amount in our own table: accounting knows better."""
    table = entity_tables["shipment"]
    with room.world.engine.begin() as conn:
        counts = (table.c.posted.is_(True), table.c.deleted.is_(False), table.c.number.is_not(None))
        row = conn.execute(select(table).where(*counts).order_by(table.c.number).limit(1)).mappings().one()
        conn.execute(update(table).where(table.c.id == row["id"]).values(amount=row["amount"] + 1000))
    return row


def test_ordered_on_a_page_and_done_once(room: OpsRoom) -> None:
    """However often the button is pressed and the message comes; its answer is kept, and the deed noted."""
    shown = room.get("ops", PAGE).text
    assert "/ops/reconcile/accounting" in shown
    order(room)
    order(room, "admin")
    (row,) = requests(room)
    assert row.kind == "reconcile" and "not begun yet" in room.get("ops", PAGE).text
    (item,) = asked(room)
    assert run_work(room.mirrored.app, item.to_message()) is not None
    assert run_work(room.mirrored.app, item.to_message()) is None
    (done,) = kept(room)
    assert (done.status, done.asked_by) == ("ok", "order")
    assert requests(room)[0].result["status"] == "ok"
    assert [what for _, what, _ in room.world.audited()] == ["connection.reconcile"]
    assert "/ops/reconcile/accounting" in room.get("ops", PAGE).text
    assert f"{PAGE}/{done.id}" in room.get("ops", PAGE).text


def test_taken_up_again_after_a_death_it_is_not_done_twice(room: OpsRoom) -> None:
    """The worker was killed after the result had been kept: the next one finds it in the history."""
    order(room)
    (row,) = requests(room)
    app = room.mirrored.app
    for _ in range(2):
        assert carry_out_order(app, "accounting", row.created_at).status == "ok"
    assert len(kept(room)) == 1


def test_it_waits_while_books_are_compared(room: OpsRoom) -> None:
    """And wakes nobody in vain meanwhile; the page tells how far the other one has come."""
    held = claim_lease(room.mirrored.app, LEASE)
    assert held is not None
    order(room)
    assert asked(room) == []
    assert carry_out_order(room.mirrored.app, "accounting", requests(room)[0].created_at).status == "skipped"
    told = {"connection": "accounting", "entity": "balance", "text": "", "done": [["order", 4711]]}
    with room.world.engine.begin() as conn:
        conn.execute(
            update(lease).where(lease.c.name == LEASE).values(told=told | {"at": room.world.clock.now().isoformat()})
        )
    for path in (PAGE, f"{PAGE}/now", "/ops"):
        text = room.get("ops", path).text
        assert "Now: balances" in text and "4,711" in text, path
    held.release()
    carry_out(room)
    assert len(kept(room)) == 1
    answer = room.get("ops", f"{PAGE}/now")
    assert answer.headers["hx-refresh"] == "true"


def test_without_a_service_the_page_says_so(room: OpsRoom) -> None:
    order(room)
    assert "sverka run" in room.get("ops", PAGE).text
    room.world.clock.sleep(60)
    tick(room.mirrored.app)
    assert "sverka run" not in room.get("ops", PAGE).text


def test_only_what_can_be_compared(room: OpsRoom) -> None:
    browser = room.browser("admin")
    assert browser.submit("/ops/reconcile/none").status_code == 404
    assert browser.get(f"{PAGE}/{uuid4()}").status_code == 404
    settings = room.mirrored.settings.connections
    settings["accounting"] = settings["accounting"].model_copy(update={"mapping": ""})
    assert browser.submit("/ops/reconcile/accounting").status_code == 404
    assert "sverka connect" in room.get("ops", PAGE).text
    assert room.browser("head").submit("/ops/reconcile/accounting").status_code == 403


@pytest.mark.parametrize("language", LANGUAGES)
def test_totals_and_differences_with_their_documents(room: OpsRoom, language: str) -> None:
    row = plant(room)
    with room.world.engine.connect() as conn:
        named = select(counterparties.c.name).where(counterparties.c.id == row["counterparty_id"])
        customer = conn.execute(named).scalar_one()
    order(room)
    carry_out(room)
    (first,) = kept(room)
    whole = room.get("admin", f"{PAGE}/{first.id}", language=language).text
    title = {"en": "different amount", "ru": "другая сумма", "uk": "інша сума"}[language]
    assert title in whole and row["number"] in whole and customer in whole and "RUB" in whole
    assert f"/customers/{row['counterparty_id']}" in whole and "--repair" in whole
    covered = room.get("ops", f"{PAGE}/{first.id}", language=language).text
    assert title in covered and row["number"] in covered
    assert customer not in covered and "/customers/" not in covered
    record = re.search(r"/ops/records/[\w-]+", whole)
    assert record is not None and room.get("ops", record[0]).status_code == 200


def test_since_when_a_difference_has_been_found(room: OpsRoom) -> None:
    """The first of the reconciliations that have all found it, not the last."""
    plant(room)
    moments = []
    for _ in range(2):
        moments.append(room.world.clock.now())
        order(room)
        carry_out(room)
        room.world.clock.sleep(timedelta(days=2).total_seconds())
    second = kept(room)[1]
    shown = room.get("admin", f"{PAGE}/{second.id}", kind="different_amount").text
    lines = shown[shown.index("<tbody>", shown.index('id="lines"')) :]
    assert moments[0].strftime("%d/%m/%Y") in lines
    assert moments[1].strftime("%d/%m/%Y") not in lines
    assert room.get("admin", f"{PAGE}/{second.id}", part="named").status_code == 200


def test_the_history_is_paged(room: OpsRoom) -> None:
    now = room.world.clock.now()
    row = {"connection": "accounting", "status": "ok", "summary": {"kinds": {}}, "at": now}
    with room.world.engine.begin() as conn:
        conn.execute(reconciliation.insert(), [row | {"id": uuid4()} for _ in range(120)])
    seen: list[str] = []
    path: str | None = PAGE
    while path is not None:
        text = room.get("ops", path).text
        seen += re.findall(r"reconciliations/([0-9a-f-]{36})", text)
        further = re.search(r'rel="next" href="([^"]+)"', text)
        path = further[1].replace("&amp;", "&") if further else None
    assert len(seen) == len(set(seen)) == 120


def test_lines_are_paged_and_old_ones_are_only_numbers(room: OpsRoom) -> None:
    order(room)
    carry_out(room)
    (one,) = kept(room)
    kinds = {"missing_document": 200}
    with room.world.engine.begin() as conn:
        summary = one.summary | {"kinds": kinds}
        conn.execute(update(reconciliation).where(reconciliation.c.id == one.id).values(summary=summary))
    assert "last 30 reconciliations" in room.get("ops", f"{PAGE}/{one.id}").text


@pytest.mark.parametrize("path", ["list", "one"])
def test_questions_do_not_grow(room: OpsRoom, count_queries: CountQueries, path: str) -> None:
    plant(room)
    counts = []
    for _ in range(2):
        order(room)
        carry_out(room)
        asked_for = PAGE if path == "list" else f"{PAGE}/{kept(room)[-1].id}"
        with count_queries(room.world.site.reader) as queries:
            assert room.browser("admin").get(asked_for).status_code == 200
        counts.append(len(queries))
        room.world.clock.sleep(60)
    assert counts[0] == counts[1] <= 6, counts


@pytest.mark.parametrize(("kind", "path"), [("reconciliation", f"{PAGE}/"), ("received", "/ops/records/")])
def test_ops_learns_nothing_of_a_customer(world: World, kind: str, path: str) -> None:
    """Neither who nor how much; an admin, who may see all customers, does."""
    key = MAKERS[kind](world)
    covered, whole = (world.browser(login).get(f"{path}{key}") for login in ("ops", "admin"))
    assert covered.status_code == whole.status_code == 200
    assert SECRET_NAME in whole.text and SECRET_NAME not in covered.text
    assert not re.search(r"987.?654.?321", covered.text) and re.search(r"987.?654.?321", whole.text)
