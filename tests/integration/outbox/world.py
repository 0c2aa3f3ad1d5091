"""An accounting and a portal behind real HTTP, with the shipped mapping of the portal and a store between them."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from connectors.registry import option_models
from core.clock import ManualClock
from core.settings import load_settings
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.admin import edit_as_person
from sandbox.bitrix24.build import Customer, add_customer
from sandbox.bitrix24.fields import COMPANY
from sandbox.onec import OnecServer, build_company
from sandbox.onec.schema import PARTIES
from store.engine import open_engine
from store.entities import counterparties
from store.tables import binding, dead_letter, outbox, review
from store.upgrade import upgrade
from sync.context import NoProgress
from sync.cycle import RunResult
from sync.link.report import Report
from sync.link.stage import link_cards
from sync.setup.cards import set_up_cards
from tests.integration.deals.world import Deals
from tests.integration.outbox.start import Start, Stores, copy_base, copy_portal
from tests.integration.owners.systems import TAX_IDS, same_customer
from tests.integration.sync_pull.world import onec_clock

CRM = "crm"
WRITES = ("crm.item.add", "crm.item.update", "crm.requisite.add", "crm.requisite.update", "crm.item.delete")
BALANCE = "ufCrmSverkaBalance"


@dataclass
class Circle(Deals):
    """1C, the store and the portal."""

    onec: OnecServer | None = None

    def set_up(self) -> None:
        """What `sverka crm setup` and an agreed `sverka link` do."""
        assert list(set_up_cards(self.app, self.settings.connection(CRM), "admin", dry_run=False))
        report = Report()
        try:
            result = link_cards(self.app, CRM, report, NoProgress(), dry_run=False, who="admin")
        finally:
            report.close()
        assert result.status in ("ok", "partial"), result.message

    def show(self, status: tuple[str, ...] = ("ok", "partial"), **order: Any) -> RunResult:
        """The portal's own run, as after a request."""
        return self.sync(CRM, status=status, **({"pause": 10} | order))[0]

    def calls(self) -> list[str]:
        """Methods that were called, those inside of batches too."""
        return [name for name, _ in self.portal.shell.rest.calls]

    def written(self) -> int:
        """How many writing commands the portal has had so far."""
        return sum(1 for name in self.calls() if name in WRITES)

    def elements(self, kind: int = COMPANY) -> dict[int, dict[str, Any]]:
        """What the portal holds of a type, its own firms apart."""
        items = self.portal.portal.kinds[kind].items
        return {number: item for number, item in items.items() if item.get("isMyCompany") != "Y"}

    def smart(self, title: str) -> dict[int, dict[str, Any]]:
        """Elements of a type of ours."""
        kinds = self.portal.portal.kinds
        number = next(number for number, kind in kinds.items() if kind.title == title)
        return self.elements(number)

    def company(self, customer: int = 0) -> dict[str, Any]:
        """The one card in the portal that stands under a customer's key."""
        (found,) = [one for one in self.elements().values() if one.get("originId") == str(self.customer_id(customer))]
        return found

    def customer_id(self, customer: int = 0) -> UUID:
        with self.engine.connect() as conn:
            table = counterparties
            found: UUID = conn.execute(select(table.c.id).where(table.c.tax_id == TAX_IDS[customer])).scalar_one()
            return found

    def rows(self, card: str = "company") -> list[dict[str, Any]]:
        with self.engine.connect() as conn:
            return [dict(row) for row in conn.execute(select(outbox).where(outbox.c.card == card)).mappings()]

    def row(self, customer: int = 0) -> dict[str, Any]:
        return next(row for row in self.rows() if row["entity_id"] == self.customer_id(customer))

    def letters(self) -> list[dict[str, Any]]:
        with self.engine.connect() as conn:
            query = select(dead_letter).where(dead_letter.c.state.in_(("open", "retrying")))
            return [dict(row) for row in conn.execute(query).mappings()]

    def questions(self) -> list[dict[str, Any]]:
        with self.engine.connect() as conn:
            return [dict(row) for row in conn.execute(select(review).where(review.c.state == "open")).mappings()]

    def bound(self) -> dict[UUID, str]:
        with self.engine.connect() as conn:
            mine = (binding.c.connection == CRM, binding.c.entity == "counterparty", binding.c.deleted.is_(False))
            return {row.entity_id: row.external_id for row in conn.execute(select(binding).where(*mine))}

    def person_does(self, op: str, **order: Any) -> Any:
        """A person works in the portal."""
        return edit_as_person(self.portal.portal, {"op": op, "entityTypeId": COMPANY, **order})

    def add_company(self, title: str, inn: str = "", kpp: str = "", **more: str) -> int:
        return add_customer(self.portal.portal, Customer(title, inn, kpp, **more))


def counted(result: RunResult, entity: str = "counterparty") -> dict[str, int]:
    """What was counted of an entity on the way out; it adds up."""
    lines = [line for line in result.lines if (line.entity, line.direction) == (entity, "out")]
    assert all(line.adds_up() for line in lines)
    return dict(lines[0].counts) if lines else {}


@contextlib.contextmanager
def make_circle(
    url: str, folder: Path, *, customers: int = 2, mapping: str = "", companies: tuple[Customer, ...] = (),
    extra: str = "", start: Start | None = None,
) -> Iterator[Circle]:  # fmt: skip
    """A base with next to no documents and some customers of ours, an empty portal, the shipped mapping.

    `start`: all of it as it was when that was kept, in which case `url` is that of a copy of its store.
    """
    begun, clock = begin(customers, companies) if start is None else start.copy()
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(begun.base)
        onec = stack.enter_context(OnecServer(base))
        server = stack.enter_context(BitrixServer(begun.portal))
        onec.requests[:], server.requests[:] = begun.logged
        server.shell.rest.calls[:] = begun.calls
        (folder / "portal.toml").write_text(f'extends = "bitrix24"\n{mapping}', encoding="utf-8")
        path = folder / "settings.toml"
        path.write_text(
            f'[store]\nurl = "{url}"\ncache = "{folder / "cache"}"\n'
            f'[connections.accounting]\nconnector = "onec_odata"\nurl = "{onec.url}"\n'
            'user = "Обмен"\npassword = "secret"\nmapping = "bp30"\nwrite = "on"\n'
            f'[connections.crm]\nconnector = "bitrix24"\nrole = "crm"\nwebhook = "{server.webhook}"\n'
            f'allow_http = true\nmapping = "portal.toml"\nattempts = 1\nretry_seconds = 0\n'
            f"read_timeout = 60\ndrain = 1000.0\nburst = 1000\n{extra}",
            encoding="utf-8",
        )
        settings = load_settings(path, environ={}, connectors=option_models())
        engine = open_engine(url)
        upgrade(engine)
        try:
            yield Circle(base, server, begun.companies, settings, engine, clock, begun.numbers, onec=onec)
        finally:
            engine.dispose()
            assert server.shell.crashes == []


def begin(customers: int, companies: tuple[Customer, ...]) -> tuple[Start, ManualClock]:
    """Books and a portal before anything was read."""
    clock = ManualClock(datetime.fromisoformat("2026-01-15T09:00:00+00:00"))
    base = build_company(seed=3, documents=5, counterparties=4, today=clock.now().date(), clock=onec_clock(clock))
    for number in range(customers):
        base.create(PARTIES, same_customer(number))
    portal = build_portal(now=clock.now)
    portal.limits.drain = portal.limits.cap = 10_000
    made = [add_customer(portal, one) for one in companies]
    return Start(base, portal, [], ([], []), made, count(1), clock.now()), clock


def keep(circle: Circle, stores: Stores, url: str) -> Start:
    """What was done so far, for other tests to begin with."""
    circle.engine.dispose()
    assert circle.onec is not None
    now = ManualClock(circle.clock.now())
    return Start(
        copy_base(circle.base, now), copy_portal(circle.portal.portal, now), list(circle.portal.shell.rest.calls),
        (list(circle.onec.requests), list(circle.portal.requests)), list(circle.companies),
        copy.copy(circle.numbers), now.now(), stores.keep(url),
    )  # fmt: skip


@contextlib.contextmanager
def from_start(
    key: str, starts: dict[str, Start], stores: Stores, empty: str, folder: Path, do: Callable[[Circle], None],
    **how: Any,
) -> Iterator[Circle]:  # fmt: skip
    """A circle in which `do` has been done: for real by the first test that asks, later a copy of what that left."""
    kept = f"{key} {stores.kind}"
    if kept not in starts:
        url = stores.copy(empty)
        with make_circle(url, folder, **how) as made:
            do(made)
            starts[kept] = keep(made, stores, url)
    with make_circle(stores.copy(starts[kept].store), folder, start=starts[kept], **how) as made:
        yield made


def look_at_everybody(made: Circle) -> None:
    """Customer 0 has an order that was shipped; both sides were read and the link is agreed to."""
    made.ship(made.order("З-1", amount=700), 700)
    made.sync()
    made.set_up()


def order_after_the_link(made: Circle) -> None:
    """An agreed link of an empty portal; then customer 0 has ordered something."""
    made.sync()
    made.set_up()
    made.ship(made.order("З-1", amount=700), 700)
    made.sync("accounting")
