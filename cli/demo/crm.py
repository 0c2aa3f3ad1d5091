"""The CRM's part of the demo: a stand-in portal that knows some customers, from the first link to the 1C code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cli.common import out_said, out_table, out_text
from cli.exits import FAILED, OK, say
from cli.language import told
from cli.progress import watching
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.admin import edit_as_person
from sandbox.bitrix24.build import Customer
from sandbox.bitrix24.portal import Portal
from sandbox.onec.base import Base
from sandbox.onec.schema import PARTIES
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle
from sync.link.report import GROUPS, Report
from sync.link.stage import link_cards
from sync.setup.cards import set_up_cards

CRM = "crm"
WHO = "demo"
KNOWN = 40
"""So many customers of accounting have a card in the portal from the start."""
COMPANY = 4
_STRANGERS = (
    Customer("Ещё не покупал", phone="+7 812 600-00-01"),
    Customer("Кофейня «Дружба»", "7714698320", "771401001", "+7 495 600-00-02", "hello@druzhba.example"),
)
_NEW = {"title": "ООО «Второй звонок»", "typeId": "CUSTOMER", "comments": "просит счёт до пятницы"}
_NEW_PHONE = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "8 (495) 765-43-21"}}
_NEW_LEGAL = {"RQ_INN": "7736050003", "RQ_KPP": "773601001"}
_SHOWN = ("BALANCE", "OVERDUE", "OVERDUE_SINCE", "LAST_ORDER", "LAST_SHIPMENT", "LAST_PAYMENT", "CODE", "AS_OF")


def build_demo_portal(base: Base) -> Portal:
    """A portal whose people have written down some customers of the base, in their own words.

    It limits nobody, as one on a server of one's own: in the cloud the same takes two minutes.
    """
    portal = build_portal(customers=[*_known(base), *_STRANGERS])
    portal.limits.cap = portal.limits.drain = float("inf")
    return portal


def _known(base: Base) -> Iterable[Customer]:
    rows = [row for row in base.truth_documents(PARTIES) if row.get("ИНН") and not row["DeletionMark"]]
    for row in rows[:KNOWN]:
        title = str(row["Description"]).removesuffix(" ООО")
        yield Customer(title, str(row["ИНН"]), str(row.get("КПП") or ""))


@dataclass(frozen=True, slots=True)
class Circle:
    """The way from 1C to the portal and back, step by step."""

    app: App
    server: BitrixServer
    accounting: str

    def show(self, number: int) -> int:
        """All steps, numbered from here. Returns the exit code."""
        _title(number, "A Bitrix24 portal knows some of them already: who is who")
        if not self._link():
            return FAILED
        _title(number + 1, "What they owe stands on their cards in Bitrix24")
        if not self._cycle(CRM):
            return FAILED
        self._print_debtor()
        _title(number + 2, "A manager makes a company a client in Bitrix24: 1C gets it, and its code comes back")
        if not self._become_client():
            return FAILED
        _title(number + 3, "Once more: nothing is sent that has not changed")
        return self._rest()

    def _link(self) -> bool:
        settings = self.app.settings.connection(CRM)
        made = list(set_up_cards(self.app, settings, WHO, dry_run=False))
        out_said(f"Made in the portal: {sum(one.state == 'made' for one in made)} fields and types of card")
        report = Report()
        try:
            with watching(self.app.clock) as progress:
                result = link_cards(self.app, CRM, report, progress, dry_run=False, who=WHO)
            out_table(
                ["", "customers"],
                [[title, report.counts[group]] for group, title in GROUPS.items()],
                right=[1],
                said=[0],
            )
        finally:
            report.close()
        if result.status == "failed":
            say(f"{CRM}: {result.message}")
        return result.status != "failed"

    def _cycle(self, name: str) -> bool:
        with watching(self.app.clock) as progress:
            result = run_cycle(self.app, name, Order(kind="order"), progress)
        _print_sent(name, result)
        return result.status in ("ok", "partial")

    def _print_debtor(self) -> None:
        """The card of whoever owes most, as the portal keeps it."""
        with self.server.portal.lock:
            cards = list(self.server.portal.kinds[COMPANY].items.values())
        card = max(cards, key=lambda row: _amount(row.get("ufCrmSverkaBalance")))
        out_said(f"\n{card['title']} in the portal:")
        _print_card(self.server.portal, card)

    def _become_client(self) -> bool:
        portal = self.server.portal
        made = edit_as_person(portal, {"op": "add", "entityTypeId": COMPANY, "fields": {**_NEW, "fm": _NEW_PHONE}})
        number = int(made["item"]["id"])
        legal = {"ENTITY_TYPE_ID": COMPANY, "ENTITY_ID": number, "PRESET_ID": 1, "NAME": _NEW["title"], **_NEW_LEGAL}
        edit_as_person(portal, {"op": "add_requisite", "fields": legal})
        if not all([self._cycle(CRM), self._cycle(self.accounting), self._cycle(CRM)]):
            return False
        card = portal.kinds[COMPANY].items[number]
        out_said(f"\n{card['title']} in the portal:")
        _print_card(portal, card, ("CODE", "STANDING"))
        return bool(card.get("ufCrmSverkaCode"))

    def _rest(self) -> int:
        before = self._written()
        if not self._cycle(self.accounting) or not self._cycle(CRM):
            return FAILED
        sent = self._written() - before
        out_said(f"{sent} requests that write were sent.")
        return OK if sent == 0 else FAILED

    def _written(self) -> int:
        return sum(name.endswith((".add", ".update", ".set")) for name, _ in self.server.shell.rest.calls)


def _title(number: int, text: str) -> None:
    line = f"{number}. {told(text)}"
    out_text(f"\n{line}\n{'─' * len(line)}")


def _print_sent(name: str, result: RunResult) -> None:
    parts = [
        f"{line.entity} {word} {line.counts[word]}"
        for line in result.lines
        for word in ("created", "linked", "updated", "review", "dead")
        if line.direction == "out" and line.counts.get(word)
    ]
    out_said(f"{name}: {', '.join(parts) or 'nothing to send'}; the run was {result.status}. {result.message}".rstrip())


def _amount(value: object) -> Decimal:
    return Decimal(str(value).partition("|")[0]) if value else Decimal()


def _print_card(portal: Portal, card: dict[str, Any], codes: Iterable[str] = _SHOWN) -> None:
    rows = []
    for code in codes:
        field = next(
            (f for f in portal.kinds[COMPANY].fields.values() if f.upper_name == f"UF_CRM_SVERKA_{code}"), None
        )
        if field is not None and card.get(field.name) not in (None, ""):
            rows.append([field.title, card[field.name]])
    out_table(["field", "value"], rows)
