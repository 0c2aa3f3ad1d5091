"""Keeping up by what customers are found and sorted: words and figures of those who changed, in bulk.

Derived from records that are here; whoever writes these never calls this. A run calls it when it has read something
(`sync.lists`), and a page when it has made a contact. Written is only what differs, so doing it again is harmless.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, select, type_coerce, union

from core.money import ZERO
from store.bulk import IN_CHUNK, chunks, delete_where_in, is_among, select_in, upsert
from store.entities import balances, counterparties, entity_tables
from store.tables import customer_figure, customer_word, word_form
from store.types import Money
from store.words import forms_of, words_of

PERSON, CONTRACT = entity_tables["person"], entity_tables["contract"]
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""What stands where there was no such document: it sorts last."""
DATED = {"last_order_at": "order", "last_shipment_at": "shipment", "last_payment_at": "payment"}
_WORD_KEYS = ("counterparty_id", "word", "person")
_FOUND_BY = ("name", "legal_name", "code", "tax_id", "phones", "emails")
_FIGURES = ("currency", "amount", "overdue", "overdue_since", "over", *DATED)


def write_lists(conn: Connection, customers: Sequence[UUID]) -> int:
    """Words and figures of these customers, as their records say now; the number of rows that differed."""
    return write_words(conn, customers) + write_figures(conn, customers)


def write_words(conn: Connection, customers: Sequence[UUID]) -> int:
    """The words of these customers and of the people there; the number of words that differed."""
    changed = 0
    for part in chunks(sorted(customers), IN_CHUNK):
        wanted = _wanted_words(conn, part)
        kept = select(*(customer_word.c[name] for name in _WORD_KEYS)).where(
            is_among(conn, customer_word.c.counterparty_id, part)
        )
        there = {tuple(row) for row in conn.execute(kept)}
        _forget(conn, there - wanted)
        fresh = sorted(wanted - there)
        upsert(conn, customer_word, [dict(zip(_WORD_KEYS, row, strict=True)) for row in fresh], _WORD_KEYS, update=())
        _write_forms(conn, {word for _, word, _ in fresh})
        changed += len(there ^ wanted)
    return changed


def _wanted_words(conn: Connection, customers: Sequence[UUID]) -> set[tuple[Any, ...]]:
    found: set[tuple[Any, ...]] = set()
    columns = [counterparties.c[name] for name in ("id", *_FOUND_BY)]
    for row in conn.execute(select(*columns).where(is_among(conn, counterparties.c.id, customers))).mappings():
        found.update((row["id"], word, "") for word in words_of(dict(row)))
    people = select(PERSON.c.id, PERSON.c.counterparty_id, PERSON.c.name, PERSON.c.phones, PERSON.c.emails)
    here = (is_among(conn, PERSON.c.counterparty_id, customers), PERSON.c.deleted.is_(False))
    for row in conn.execute(people.where(*here)).mappings():
        found.update((row["counterparty_id"], word, str(row["id"])) for word in words_of(dict(row)))
    return found


def _forget(conn: Connection, rows: set[tuple[Any, ...]]) -> None:
    gone: dict[tuple[UUID, str], set[str]] = defaultdict(set)
    for customer, word, person in rows:
        gone[customer, person].add(word)
    for (customer, person), words in gone.items():
        mine = (customer_word.c.counterparty_id == customer, customer_word.c.person == person)
        conn.execute(delete(customer_word).where(*mine, customer_word.c.word.in_(words)))


def _write_forms(conn: Connection, words: set[str]) -> None:
    """Forms of words met for the first time. Those of a word that nobody has any more stay: they find nobody."""
    known = {row.word for row in select_in(conn, word_form, [word_form.c.word], word_form.c.form, words)}
    rows = [{"form": form, "word": word} for word in sorted(words - known) for form in sorted(forms_of(word))]
    upsert(conn, word_form, rows, ("form", "word"), update=())


def forget_people(conn: Connection, people: Iterable[UUID]) -> int:
    """Take the words of these people from customers whom they are no longer with; the number of words."""
    gone = 0
    for part in chunks(dict.fromkeys(people), IN_CHUNK):
        columns = (PERSON.c.id, PERSON.c.counterparty_id)
        now_with = {str(row.id): row.counterparty_id for row in select_in(conn, PERSON, columns, PERSON.c.id, part)}
        kept = [customer_word.c[name] for name in _WORD_KEYS]
        there = select_in(conn, customer_word, kept, customer_word.c.person, map(str, part))
        moved = {tuple(row) for row in there if now_with.get(row.person) != row.counterparty_id}
        _forget(conn, moved)
        gone += len(moved)
    return gone


def write_figures(conn: Connection, customers: Sequence[UUID]) -> int:
    """By what these customers are sorted; the number of rows that differed."""
    changed = 0
    for part in chunks(sorted(customers), IN_CHUNK):
        wanted = _wanted_figures(conn, part)
        columns = [customer_figure.c[name] for name in ("counterparty_id", *_FIGURES)]
        kept = select(*columns).where(is_among(conn, customer_figure.c.counterparty_id, part))
        there = {row["counterparty_id"]: dict(row) for row in conn.execute(kept).mappings()}
        rows = [row for key, row in wanted.items() if there.get(key) != row]
        upsert(conn, customer_figure, rows, ["counterparty_id"])
        gone = there.keys() - wanted.keys()
        delete_where_in(conn, customer_figure, customer_figure.c.counterparty_id, gone)
        changed += len(rows) + len(gone)
    return changed


def _wanted_figures(conn: Connection, customers: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    columns = (counterparties.c.id, counterparties.c.credit_limit)
    limits = {row[0]: row[1] for row in conn.execute(select(*columns).where(is_among(conn, columns[0], customers)))}
    nothing: dict[str, Any] = {"currency": "", "amount": ZERO, "overdue": ZERO, "overdue_since": None, "over": ZERO}
    found = {key: {"counterparty_id": key} | nothing | dict.fromkeys(DATED, NEVER) for key in limits}
    for row in conn.execute(_sums(conn, customers)):
        known = found.get(row.counterparty_id)
        if known is not None and limits[row.counterparty_id]:
            known["over"] = max(known["over"], row.amount - limits[row.counterparty_id])
        if known is not None and (abs(row.amount), row.overdue) > (abs(known["amount"]), known["overdue"]):
            known |= {name: row._mapping[name] for name in ("currency", "amount", "overdue", "overdue_since")}
    for key, over in conn.execute(_over_contracts(conn, customers)):
        if key in found:
            found[key]["over"] = max(found[key]["over"], over)
    for name, entity in DATED.items():
        for key, at in conn.execute(_newest(conn, entity_tables[entity], customers)):
            if key in found and at is not None:
                found[key][name] = at
    return found


def _sums(conn: Connection, customers: Sequence[UUID]) -> Select[Any]:
    sums = [type_coerce(func.sum(balances.c[name]), Money).label(name) for name in ("amount", "overdue")]
    since = func.min(balances.c.overdue_since).label("overdue_since")
    keys = (balances.c.counterparty_id, balances.c.currency)
    mine = is_among(conn, balances.c.counterparty_id, customers)
    return select(*keys, *sums, since).where(mine).group_by(*keys).order_by(balances.c.currency)


def _over_contracts(conn: Connection, customers: Sequence[UUID]) -> Select[Any]:
    """By how much each contract's debt in one currency is above its own limit, where it has one."""
    mine = is_among(conn, balances.c.counterparty_id, customers)
    over = type_coerce(func.sum(balances.c.amount) - CONTRACT.c.credit_limit, Money)
    query = select(balances.c.counterparty_id, over).join(CONTRACT, CONTRACT.c.id == balances.c.contract_id)
    limited = (CONTRACT.c.credit_limit > ZERO, CONTRACT.c.closed.is_not(True), CONTRACT.c.deleted.is_(False))
    keys = (balances.c.counterparty_id, CONTRACT.c.id, CONTRACT.c.credit_limit, balances.c.currency)
    return query.where(mine, *limited).group_by(*keys)


def _newest(conn: Connection, table: Table, customers: Sequence[UUID]) -> Select[Any]:
    """The date of the newest document that counts, by customer."""
    counts = (table.c.posted.is_(True), table.c.deleted.is_(False))
    newest = type_coerce(func.max(table.c.date), table.c.date.type)
    mine = is_among(conn, table.c.counterparty_id, customers)
    return select(table.c.counterparty_id, newest).where(mine, *counts).group_by(table.c.counterparty_id)


def load_changed(conn: Connection, since: datetime, after: UUID | None, limit: int) -> list[UUID]:
    """Customers of whom something was written since that moment, a page of them by id."""
    parts = [select(counterparties.c.id.label("id")).where(counterparties.c.updated_at >= since)]
    for name in ("person", "contract", *DATED.values()):
        table = entity_tables[name]
        parts.append(select(table.c.counterparty_id).where(table.c.updated_at >= since))
    for moment in (balances.c.as_of, balances.c.settled_at):
        parts.append(select(balances.c.counterparty_id).where(moment >= since))
    every = union(*parts).subquery("changed")
    return _page(conn, select(every.c.id).where(every.c.id.is_not(None)), every.c.id, after, limit)


def load_every(conn: Connection, after: UUID | None, limit: int) -> list[UUID]:
    """A page of all customers by id."""
    return _page(conn, select(counterparties.c.id), counterparties.c.id, after, limit)


def load_changed_people(conn: Connection, since: datetime) -> list[UUID]:
    """People of whom something was written since that moment."""
    return list(conn.execute(select(PERSON.c.id).where(PERSON.c.updated_at >= since)).scalars())


def _page(conn: Connection, query: Select[Any], key: ColumnElement[Any], after: UUID | None, limit: int) -> list[UUID]:
    narrowed = query if after is None else query.where(key > after)
    return list(conn.execute(narrowed.order_by(key).limit(limit)).scalars())
