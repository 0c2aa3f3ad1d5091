"""The register compared with the mirrored documents, customer by customer, and what came out kept (design §5-12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, select, update

from core.ids import new_id
from core.money import ZERO
from store.bulk import chunks, upsert
from store.engine import reading
from store.entities import balances
from store.queries.settlements.balance_rows import (
    StoredBalance,
    iter_balances_of,
    load_currency_keys,
    load_external_keys,
    load_identities,
)
from store.queries.settlements.effects import EffectRow, Whom, changed_counterparties, iter_effects
from sync.context import RunContext
from sync.pull.prepare import since_moment
from sync.room.writing import writing
from sync.settle.effects import (
    REFERENCES,
    Identities,
    SettlementKey,
    Totals,
    find_offsets,
    sum_balances,
    sum_effects,
    unknown_keys,
)
from sync.settle.register import COMMIT, Amounts, BalanceKey, load_known

WHOLE_FROM = 2000
"""So many customers to look at: then looking at all of them is the cheaper question."""
_KEY_COLUMNS = ("connection", "counterparty_key", "contract_key", "organisation_key", "currency_key")


@dataclass(slots=True)
class Comparison:
    """Offsets of some customers as they are now and as they were when last looked at."""

    offsets: Totals
    before: Totals
    register: Totals
    documents: Totals
    rows: dict[SettlementKey, list[StoredBalance]] = field(default_factory=dict)
    samples: dict[SettlementKey, EffectRow] = field(default_factory=dict)


def complete_whom(conn: Connection, connection: str, whom: Whom) -> Whom:
    """The same counterparties by every name they have: our ids and the other side's keys."""
    ids = {*whom.ids, *load_identities(conn, connection, "counterparty", whom.keys).values()}
    external = load_external_keys(conn, connection, "counterparty", ids)
    return Whom(tuple(ids), tuple({*whom.keys, *(key for keys in external.values() for key in keys)}))


def whom_of_texts(texts: Iterable[str]) -> Whom:
    """Counterparties as settlement keys name them: our id, or the other side's key, told apart by trying both."""
    keys = tuple(text for text in texts if text)
    return Whom(tuple(found for found in map(_uuid, keys) if found is not None), keys)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def find_candidates(conn: Connection, connection: str, since: datetime) -> Whom | None:
    """Whose balance or documents have been written since that moment; None: so many that all are looked at."""
    documents = changed_counterparties(conn, connection, since)
    statement = select(balances.c.counterparty_id, balances.c.counterparty_key).where(
        balances.c.connection == connection, balances.c.as_of >= since
    )
    ids, keys = set(documents.ids), set(documents.keys)
    for counterparty_id, key in conn.execute(statement):
        if counterparty_id is None:
            keys.add(key)
        else:
            ids.add(counterparty_id)
    if len(ids) + len(keys) > WHOLE_FROM:
        return None
    return complete_whom(conn, connection, Whom(tuple(ids), tuple(keys)))


def compare(conn: Connection, ctx: RunContext, whom: Whom | None) -> Comparison:
    """Register against documents, for some customers or for all. `whom` names each of them by all its names."""
    stored = {row.id: row for row in iter_balances_of(conn, ctx.name, whom)}
    effects = list(iter_effects(conn, ctx.name, whom, since_moment(ctx.settings)))
    identities = Identities(ctx.mapping.accounting_currency)
    learn_identities(conn, ctx.name, effects, identities)
    register, before = sum_balances(stored.values(), identities)
    documents = sum_effects(effects, identities)
    result = Comparison(find_offsets(register, documents), before, register, documents)
    for row in stored.values():
        result.rows.setdefault(identities.of_balance(row), []).append(row)
    for effect in effects:
        result.samples.setdefault(identities.of_effect(effect), effect)
    return result


def learn_identities(conn: Connection, connection: str, effects: Iterable[EffectRow], identities: Identities) -> None:
    """Look up references that stood open when the documents were written."""
    for entity, keys in unknown_keys(effects, identities).items():
        found = load_identities(conn, connection, entity, keys)
        identities.known.update({(entity, key): entity_id for key, entity_id in found.items()})


def find_explained(
    ctx: RunContext, stored: Mapping[BalanceKey, StoredBalance], changes: Mapping[BalanceKey, Amounts]
) -> set[BalanceKey]:
    """Those changes of the register that the mirrored documents say too: the offset would stay what it was."""
    if not changes:
        return set()
    with reading(ctx.app.engine) as conn:
        identities = load_known(conn, ctx, changes)
        keys = tuple({key.counterparty for key in changes})
        comparison = compare(conn, ctx, complete_whom(conn, ctx.name, Whom(keys=keys)))
    texts = {
        key: identities.of_keys(key.counterparty, key.contract, key.organisation, changes[key].currency)
        for key in changes
    }
    after = dict(comparison.register)
    for key, text in texts.items():
        row = stored.get(key)
        after[text] = after.get(text, ZERO) + changes[key].amount - (row.amount if row else ZERO)
    documents, before = comparison.documents, comparison.before
    return {
        key
        for key, text in texts.items()
        if after[text] - documents.get(text, ZERO) == before.get(text, ZERO)
    }  # fmt: skip


def store_offsets(ctx: RunContext, comparison: Comparison) -> None:
    """Keep the offsets of now; only what differs is written.

    A settlement that only documents know gets a row of zero.
    """
    changed = {
        key: offset
        for key, offset in comparison.offsets.items()
        if key.counterparty and offset != comparison.before.get(key, ZERO)
    }
    values: list[dict[str, Any]] = []
    for key in changed.keys() & comparison.rows.keys():
        first, *others = comparison.rows[key]
        values.append({"row_id": first.id, "offset": changed[key]})
        values.extend({"row_id": row.id, "offset": ZERO} for row in others if row.unexplained)
    statement = update(balances).where(balances.c.id == bindparam("row_id")).values(unexplained=bindparam("offset"))
    for part in chunks(values):
        with writing(ctx, COMMIT) as conn:
            conn.execute(statement, part)
    _store_documents_only(
        ctx, {key: changed[key] for key in changed.keys() - comparison.rows.keys()}, comparison.samples
    )


def _store_documents_only(ctx: RunContext, offsets: Totals, samples: Mapping[SettlementKey, EffectRow]) -> None:
    """Documents moved it, and the register has nothing there: it was settled from what stood before them."""
    for part in chunks(offsets.items()):
        with writing(ctx, COMMIT) as conn:
            rows = _documents_only_rows(conn, ctx, dict(part), samples)
            upsert(conn, balances, rows, _KEY_COLUMNS, update=("unexplained",))


def _documents_only_rows(
    conn: Connection, ctx: RunContext, offsets: Totals, samples: Mapping[SettlementKey, EffectRow]
) -> list[dict[str, Any]]:
    chosen = {key: samples[key] for key in offsets if key in samples}
    external: dict[str, dict[UUID, list[str]]] = {}
    for name in REFERENCES:
        ids = {getattr(row, f"{name}_id") for row in chosen.values()} - {None}
        external[name] = load_external_keys(conn, ctx.name, name, ids)
    currencies = load_currency_keys(conn, ctx.name) | {ctx.mapping.accounting_currency: ""}
    rows = []
    for key, effect in chosen.items():
        keys = {name: _outside_key(effect, name, external[name]) for name in REFERENCES}
        if keys["counterparty"]:
            rows.append(
                _empty_row(ctx, key, effect, keys, currencies.get(key.currency, "")) | {"unexplained": offsets[key]}
            )
    return rows


def _outside_key(effect: EffectRow, name: str, external: Mapping[UUID, list[str]]) -> str:
    entity_id = getattr(effect, f"{name}_id")
    found = external.get(entity_id) if entity_id is not None else None
    return found[0] if found else getattr(effect, f"{name}_key") or ""


def _empty_row(
    ctx: RunContext, key: SettlementKey, effect: EffectRow, keys: Mapping[str, str], currency_key: str
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "connection": ctx.name,
        **{f"{name}_key": keys[name] for name in REFERENCES},
        **{f"{name}_id": getattr(effect, f"{name}_id") for name in REFERENCES},
        "currency_key": currency_key,
        "currency": key.currency,
        **dict.fromkeys(("receivable", "advance", "amount", "overdue"), ZERO),
        "source": "documents",
        "as_of": ctx.started_at,
    }
