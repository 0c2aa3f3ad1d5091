"""One customer on a terminal: who he is, what he owes and how old that is, what he ordered, got and paid."""

from __future__ import annotations

from typing import Any

from cli.common import out_said, out_table, out_text
from cli.language import heading, told
from cli.words import age, moment, money, name_of

_WHO = (("kind", "kind"), ("INN", "tax_id"), ("KPP", "registration_code"), ("code", "code"), ("status", "status"))
_LISTS = (("phones", "phones"), ("e-mail", "emails"), ("address", "addresses"))
_SHOWN = 15


def print_card(card: dict[str, Any]) -> None:
    """The whole card, the most important first."""
    _print_who(card["customer"])
    _print_money(card)
    _print_documents(card.get("documents", []))
    _print_people(card)


def _print_who(customer: dict[str, Any]) -> None:
    out_text(customer["name"])
    facts = [f"{heading(title)} {customer[key]}" for title, key in _WHO if customer.get(key)]
    for title, key in (("manager", "manager"), ("head", "head")):
        if customer.get(key):
            facts.append(f"{heading(title)} {name_of(customer[key])}")
    out_text("  " + ", ".join(facts))
    for title, key in _LISTS:
        if customer.get(key):
            out_text(f"  {heading(title)}: {', '.join(customer[key])}")
    if customer.get("link"):
        out_said(f"  open in 1C: {customer['link']}")


def _print_money(card: dict[str, Any]) -> None:
    fresh = [row for row in card.get("freshness", []) if row["entity"] == "balance"]
    newest = min((row["age_seconds"] for row in fresh if row["age_seconds"] is not None), default=None)
    out_said(f"\nBalance (accounting answered {age(newest)}); plus: the customer owes us")
    for row in fresh:
        if row["old"]:
            out_said(f"  OLD: {row['connection']} was last read {age(row['age_seconds'])}: these figures are of then.")
    if not card["totals"]:
        out_said("  nothing is owed on either side")
        return
    rows = [[told("all together"), "", *_amounts(row)] for row in card["totals"]]
    rows += [[name_of(row["organisation"]), name_of(row["contract"]), *_amounts(row)] for row in card["balances"]]
    columns = ["organisation", "contract", "currency", "balance", "receivable", "advance", "overdue", "since"]
    out_table(columns, rows, right=range(3, 7))


def _amounts(row: dict[str, Any]) -> list[str]:
    sums = [money(row[name]) for name in ("amount", "receivable", "advance", "overdue")]
    return [row["currency"], *sums, moment(row.get("overdue_since"))]


def _print_documents(documents: list[dict[str, Any]]) -> None:
    if not documents:
        return
    out_said("\nNewest documents")
    rows = [
        [
            row["entity"],
            row["number"],
            moment(row["date"]),
            money(row["amount"]),
            name_of(row.get("currency"), "code") or row.get("currency"),
            _state(row),
        ]
        for row in sorted(documents, key=lambda row: row["date"], reverse=True)[:_SHOWN]
    ]
    out_table(["document", "number", "date", "amount", "", ""], rows, right=[3], said=[0, 5])


def _state(row: dict[str, Any]) -> str:
    if row.get("deleted"):
        return "deleted"
    return "" if row.get("posted") else "not posted"


def _print_people(card: dict[str, Any]) -> None:
    people = [
        [row["name"], row.get("post"), ", ".join(row.get("phones") or [])]
        for row in card.get("persons", [])
        if not row.get("deleted")
    ]
    if people:
        out_said("\nPeople")
        out_table(["name", "post", "phones"], people)
