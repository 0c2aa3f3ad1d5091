"""The statement of settlements (акт сверки): opening balance, what moved it in a period, closing balance.

The closing balance is accounting's register less what was entered after the period; the opening one is that less the
period's entries. So the three always fit to the kopeck, and what is not explained by entries is said beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from core.money import ZERO
from store.queries.references import References
from store.queries.settlements.entries import Account, Entry, load_accounts
from store.queries.settlements.settled import load_balance_freshness
from store.queries.shapes import Record, View, amount_text


def load_statement(
    conn: Connection, customer: UUID, view: View, first: date, last: date, zone: tzinfo, organisation: str = ""
) -> list[Record]:
    """A part for every organisation and currency in which anything is owed or moved.

    Args:
        conn: a connection that sees one moment.
        customer: our id of the customer, who is known to be the reader's to see.
        view: how moments are shown, and the accounting connections.
        first: the first day of the period.
        last: its last day.
        zone: accounting's wall clock, by which days are told apart.
        organisation: only the parts of this organisation, by its id.
    """
    start, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    accounts = load_accounts(conn, customer, view.accounting, start)
    if organisation:
        accounts = [account for account in accounts if str(account.organisation_id) == organisation]
    references = References(conn, view)
    references.prepare(
        {
            "organisation": [one.organisation_id for one in accounts if one.organisation_id is not None],
            "contract": [entry.contract_id for one in accounts for entry in one.entries if entry.contract_id],
        }
    )
    fresh = load_balance_freshness(conn)
    built = [_build(account, end, view, references, fresh.get(account.connection)) for account in accounts]
    return [part for part in built if not _is_empty(part)]


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _build(account: Account, end: datetime, view: View, references: References, fresh: datetime | None) -> Record:
    inside = [entry for entry in account.entries if entry.date is not None and entry.date < end]
    after = _sum(entry for entry in account.entries if entry.date is not None and entry.date >= end)
    closing = account.amount - after
    opening = closing - _sum(inside)
    organisation = references.card("organisation", account.organisation_id)
    return {
        "organisation": organisation["name"] if organisation else account.organisation_key or None,
        "organisation_id": str(account.organisation_id) if account.organisation_id else None,
        "currency": account.currency,
        "opening": amount_text(opening),
        "debit": amount_text(_sum(entry for entry in inside if entry.amount > ZERO)),
        "credit": amount_text(-_sum(entry for entry in inside if entry.amount < ZERO)),
        "closing": amount_text(closing),
        "unexplained": amount_text(account.unexplained),
        "as_of": view.moment(max((one for one in (account.as_of, fresh) if one is not None), default=None)),
        "lines": _lines(inside, opening, view, references),
    }


def _lines(entries: Sequence[Entry], opening: Decimal, view: View, references: References) -> list[Record]:
    lines, balance = [], opening
    for entry in entries:
        balance += entry.amount
        contract = references.card("contract", entry.contract_id)
        lines.append(
            {
                "kind": entry.kind,
                "entity": entry.entity or None,
                "document_id": str(entry.document_id) if entry.document_id else None,
                "number": entry.number,
                "date": view.moment(entry.date),
                "contract": (contract["name"] or contract["number"]) if contract else None,
                "debit": amount_text(entry.amount) if entry.amount >= ZERO else None,
                "credit": amount_text(-entry.amount) if entry.amount < ZERO else None,
                "balance": amount_text(balance),
                "link": entry.link or None,
            }
        )
    return lines


def _sum(entries: Any) -> Decimal:
    return sum((entry.amount for entry in entries), ZERO)


def _is_empty(part: Record) -> bool:
    return not part["lines"] and all(Decimal(part[name]) == ZERO for name in ("opening", "closing"))
