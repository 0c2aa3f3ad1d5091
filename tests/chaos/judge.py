"""The judge: is the store the truth again, was anything done twice, has the engine come to rest?"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from core.clock import SystemClock
from mapping.rules import load_mapping
from store.engine import reading
from store.entities import balances, entity_tables
from store.tables import PULL_COUNTERS, PUSH_COUNTERS, binding, intent, lease, request, run, run_counter, slot
from tests.chaos.house import NAME, House

ZONE = ZoneInfo("Europe/Moscow")
DOCUMENTS = ("order", "shipment", "return", "payment")
OPEN = ("waiting", "review", "due", "sending", "uncertain")
QUIET_CYCLES = 2
MOMENT = 10.0
"""Seconds for which something may still be under way after two quiet cycles."""
Documents = dict[tuple[str, str], tuple[Any, ...]]
Amounts = dict[tuple[str, str, str], list[Decimal]]


@dataclass
class Verdict:
    """What is wrong; nothing, when all three are empty."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unhealed: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether all is well."""
        return not (self.lost or self.doubled or self.unhealed)

    def __str__(self) -> str:
        """A line for each, the first five of a kind."""
        named = (("lost", self.lost), ("doubled", self.doubled), ("unhealed", self.unhealed))
        return "\n".join(f"{word}: {text}" for word, texts in named for text in texts[:5]) or "all is well"


class Judge:
    """Looks at one installation from outside, past all proxies."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.clients: dict[str, tuple[str, int]] = {}
        self.restless: list[tuple[str, int]] = []
        self.mapping = load_mapping("bp30")

    def expect_client(self, inn: str, contact_id: str, contracts: int = 1) -> None:
        """From now on accounting must have one card with this INN, bound to the contact, and so many contracts."""
        self.clients[inn] = contact_id, contracts

    def wait(self, seconds: float = 45.0) -> Verdict:
        """Wait until all is well and stays so for two quiet cycles; the last verdict when the time is over.

        Processes that have ended are started again meanwhile, as systemd does.
        """
        deadline = time.monotonic() + seconds
        verdict = self.look()
        while time.monotonic() < deadline:
            self.house.start()
            if verdict and self._quiet(deadline):
                verdict = self._look_again(min(deadline, time.monotonic() + MOMENT))
                if verdict:
                    return verdict
            time.sleep(0.5)
            verdict = self.look()
        if verdict:
            verdict.unhealed.append(f"no two quiet cycles in time; the last runs: {self.restless}")
        return verdict

    def _look_again(self, until: float) -> Verdict:
        """A few times: the lease of a short cycle may just be late, or a request be on its way, on a loaded machine."""
        verdict = self.look()
        while not verdict and time.monotonic() < until:
            time.sleep(0.5)
            verdict = self.look()
        return verdict

    def look(self) -> Verdict:
        """Compare once, now."""
        verdict = Verdict()
        with self.house.looking.connect() as conn:
            self._compare_documents(conn, verdict)
            self._compare_balances(conn, verdict)
            self._check_clients(conn, verdict)
            self._check_twins(conn, verdict)
            self._check_rooms(conn, verdict)
        return verdict

    # ------------------------------------------------------------------ quiet

    def _quiet(self, deadline: float) -> bool:
        """Whether the next scheduled runs come to their end and have nothing to do."""
        since, mine = SystemClock().now(), (run.c.connection == NAME, run.c.kind == "schedule")
        while time.monotonic() < deadline:
            with reading(self.house.engine) as conn:
                query = select(run.c.id, run.c.status).where(*mine, run.c.started_at > since)
                runs = [row for row in conn.execute(query.order_by(run.c.started_at)) if row.status != "running"]
                if len(runs) >= QUIET_CYCLES:
                    self.restless = [(row.status, self._moved(conn, row.id)) for row in runs[:QUIET_CYCLES]]
                    return all(status in ("ok", "partial") and not moved for status, moved in self.restless)
            time.sleep(0.1)
        return False

    def _moved(self, conn: Connection, run_id: Any) -> int:
        moved: Any = sum(
            run_counter.c[name] for name in ("created", "updated", "deleted", "linked", "uncertain", "parked")
        )
        return int(conn.execute(select(func.sum(moved)).where(run_counter.c.run_id == run_id)).scalar() or 0)

    # ------------------------------------------------------------------ truth

    def _compare_documents(self, conn: Connection, verdict: Verdict) -> None:
        theirs, ours = self._true_documents(), self._our_documents(conn)
        for key in theirs.keys() | ours.keys():
            if theirs.get(key) != ours.get(key):
                verdict.lost.append(f"{key}: accounting {theirs.get(key)}, store {ours.get(key)}")

    def _true_documents(self) -> Documents:
        settings, found = self.house.settings.connection(NAME), {}
        for entity in DOCUMENTS:
            for source in self.mapping.entities[entity].sources:
                for row in self._rows(source.name):
                    if settings.since and str(row["Date"])[:10] < settings.since.isoformat():
                        continue
                    if self.mapping.entities[entity].build(source.name, row, ZONE) is not None:
                        found[entity, str(row["Ref_Key"])] = _standing(row)
        return found

    def _rows(self, name: str) -> list[dict[str, Any]]:
        return [
            {**row, "СуммаДокумента": Decimal(str(row["СуммаДокумента"]))} for row in self.house.onec.documents(name)
        ]

    def _our_documents(self, conn: Connection) -> Documents:
        found: Documents = {}
        for entity in DOCUMENTS:
            table = entity_tables[entity]
            query = (
                select(binding.c.external_id, table.c.posted, table.c.deleted, table.c.amount, table.c.date)
                .join(table, table.c.id == binding.c.entity_id)
                .where(binding.c.entity == entity, binding.c.state != "filtered", binding.c.deleted.is_(False))
            )
            found |= {(entity, row[0]): tuple(row[1:]) for row in conn.execute(query)}
        return found

    def _compare_balances(self, conn: Connection, verdict: Verdict) -> None:
        names = ("counterparty_key", "contract_key", "organisation_key")
        ours = _sums(conn.execute(select(balances).where(balances.c.connection == NAME)).mappings(), names)
        theirs = _sums(self.house.onec.balances(), ("counterparty", "contract", "organisation"))
        for key in ours.keys() | theirs.keys():
            if ours.get(key) != theirs.get(key):
                verdict.lost.append(f"balance {key}: accounting {theirs.get(key)}, store {ours.get(key)}")

    # ------------------------------------------------------------------ what was sent

    def _check_clients(self, conn: Connection, verdict: Verdict) -> None:
        cards = defaultdict(list)
        for row in self.house.onec.documents("Catalog_Контрагенты") if self.clients else ():
            cards[str(row.get("ИНН") or "").strip()].append(str(row["Ref_Key"]))
        owners = Counter(row.get("Owner_Key") for row in self._contracts())
        query = select(binding.c.external_id, binding.c.entity_id).where(binding.c.entity == "counterparty")
        bound = {row.external_id: str(row.entity_id) for row in conn.execute(query)}
        for inn, (contact, contracts) in self.clients.items():
            found = cards[inn]
            if not found:
                verdict.lost.append(f"the client {inn} is not in accounting")
            elif len(found) > 1 or owners[found[0]] > contracts:
                verdict.doubled.append(f"the client {inn}: cards {found}, contracts {owners[found[0]]}")
            elif bound.get(found[0]) != contact or owners[found[0]] != contracts:
                verdict.unhealed.append(f"the client {inn} is not bound to {found[0]}, or has no contract there")

    def _contracts(self) -> list[dict[str, Any]]:
        return self.house.onec.documents("Catalog_ДоговорыКонтрагентов") if self.clients else []

    def _check_twins(self, conn: Connection, verdict: Verdict) -> None:
        """Nothing is in the store twice, nothing without a binding."""
        for entity, table in entity_tables.items():
            query = select(binding.c.entity_id).where(binding.c.entity == entity, binding.c.entity_id.is_not(None))
            bound = Counter(conn.execute(query).scalars())
            stored = set(conn.execute(select(table.c.id)).scalars())
            verdict.doubled += [f"{entity} {one} is bound {times} times" for one, times in bound.items() if times > 1]
            if entity != "counterparty":  # a contact has no card yet
                verdict.doubled += [
                    f"{entity} {one} is in the store without a binding" for one in stored - bound.keys()
                ]

    # ------------------------------------------------------------------ machine room

    def _check_rooms(self, conn: Connection, verdict: Verdict) -> None:
        now = SystemClock().now()
        self._check_runs(conn, verdict)
        held = conn.execute(select(lease).where(lease.c.name == NAME)).first()
        live = held is not None and held.owner is not None and held.until >= now
        if held is not None and held.owner is not None and held.until < now:
            verdict.unhealed.append(f"an orphaned lease since {held.until}")
        running = select(run.c.owner, run.c.id).where(run.c.connection == NAME, run.c.status == "running")
        for row in conn.execute(running):
            if not live or held is None or row.owner != held.owner:
                verdict.unhealed.append(f"the run {row.id} has lost its worker and says that it runs")
        late = now - timedelta(seconds=self.house.period * 4)
        left = select(slot.c.start, slot.c.state).where(
            slot.c.connection == NAME, slot.c.state.in_(("claimed", "running")), slot.c.start < late
        )
        for start, state in conn.execute(left) if not live else ():
            verdict.unhealed.append(f"the slot {start} is left {state}")
        waiting = select(intent.c.entity_id, intent.c.state, intent.c.reason).where(
            intent.c.connection == NAME, intent.c.state.in_(OPEN)
        )
        for entity_id, state, reason in conn.execute(waiting):
            verdict.unhealed.append(f"the intent for {entity_id} is {state}: {reason}")
        asked = select(request.c.kind).where(request.c.connection == NAME, request.c.done_at.is_(None))
        for (kind,) in conn.execute(asked):
            verdict.unhealed.append(f"a request {kind} is not answered")

    def _check_runs(self, conn: Connection, verdict: Verdict) -> None:
        """Counters of every run add up; no slot was run twice, no two runs of a connection at the same time."""
        outcomes: Any = sum(run_counter.c[name] for name in dict.fromkeys(PULL_COUNTERS + PUSH_COUNTERS))
        for row in conn.execute(select(run_counter).where(run_counter.c.read != outcomes)):
            verdict.lost.append(f"counters of the run {row.run_id} do not add up: {row.entity} {row.direction}")
        query = select(run.c.slot, func.count()).where(run.c.slot.is_not(None), run.c.status.in_(("ok", "partial")))
        for start, times in conn.execute(query.group_by(run.c.slot).having(func.count() > 1)):
            verdict.doubled.append(f"the slot {start} was run {times} times")


def _standing(row: dict[str, Any]) -> tuple[Any, ...]:
    moment = datetime.fromisoformat(str(row["Date"])).replace(tzinfo=ZONE).astimezone(UTC)
    return bool(row["Posted"]), bool(row["DeletionMark"]), row["СуммаДокумента"], moment


def _sums(rows: Any, names: tuple[str, ...]) -> Amounts:
    found: Amounts = {}
    for row in rows:
        receivable, advance = Decimal(row["receivable"]), Decimal(row["advance"])
        if receivable or advance:
            party, contract, organisation = (row[name] for name in names)
            found.setdefault((party, contract, organisation), []).append(Decimal(row["amount"]))
    return {key: sorted(amounts) for key, amounts in found.items()}
