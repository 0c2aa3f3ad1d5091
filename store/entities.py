"""The tables of the entities, made from the canonical model so that a field comes into being in one place.

Every entity table has the record's own fields, a `<reference>_id` for each reference, and `unresolved`: references
whose target is not here, by external id. Lines stand in tables of their own and are replaced with their record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, String, Table, Text, Uuid, text
from sqlalchemy.types import TypeEngine

from mapping.model import ENTITIES, EntitySpec, FieldSpec
from store.tables import metadata
from store.types import Json, Money, UtcDateTime

_TYPES: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "bool": Boolean(),
    "int": BigInteger(),
    "money": Money(),
    "quantity": Money(),
    "date": Date(),
    "datetime": UtcDateTime(),
    "texts": Json,
    "json": Json,
}

NUMBER_TAIL = "ltrim(substr(number, length(rtrim(number, '0123456789')) + 1), '0')"
"""What counts of a document's number: the figures at its end without leading zeros."""


def _field_columns(fields: dict[str, FieldSpec]) -> list[Column[object]]:
    return [Column(name, _TYPES[spec.kind], nullable=not spec.required) for name, spec in fields.items()]


def _entity_table(spec: EntitySpec) -> Table:
    return Table(
        spec.plural,
        metadata,
        Column("id", Uuid, primary_key=True),
        *_field_columns(spec.fields),
        *(Column(f"{name}_id", Uuid) for name in spec.refs),
        Column("deleted", Boolean, nullable=False, server_default=text("false")),
        Column("marks", Json),
        Column("unresolved", Json),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        *_extra_columns(spec),
        _unresolved_index(spec.plural, "id"),
    )


def _unresolved_index(table: str, column: str) -> Index:
    """Few rows wait for a target; they are looked for whenever something new is bound."""
    waiting = text("unresolved IS NOT NULL")
    return Index(f"ix_{table}_unresolved", column, sqlite_where=waiting, postgresql_where=waiting)


def _extra_columns(spec: EntitySpec) -> list[Column[object] | Index]:
    if spec.name == "counterparty":
        return [
            Column("home", String(10), nullable=False, server_default="accounting"),  # accounting, crm
            Column("search", Text, nullable=False, server_default=""),  # casefolded: SQLite's LIKE knows ASCII only
            Index("ix_counterparties_tax_id", "tax_id"),
            Index("ix_counterparties_home", "home"),
            Index("ix_counterparties_updated_at", "updated_at"),  # whose card in a CRM may show something else now
            Index("ix_counterparties_name", "name", "id"),
            Index("ix_counterparties_manager_name", "manager_id", "name", "id"),
            Index("ix_counterparties_head_id", "head_id"),
            *(_filled(spec.plural, name) for name in ("industry", "region", "category", "segment")),
        ]
    if spec.name == "contract":
        return [
            Index("ix_contracts_counterparty_id", "counterparty_id"),
            Index("ix_contracts_updated_at", "updated_at"),  # whose limit has changed
        ]
    if spec.name == "person":
        return [
            Index("ix_persons_counterparty_id", "counterparty_id"),
            Index("ix_persons_updated_at", "updated_at"),  # by whom a customer is found now
        ]
    if spec.name in ("deal", "activity"):
        return [
            Index(f"ix_{spec.plural}_counterparty_id", "counterparty_id"),
            Index(f"ix_{spec.plural}_manager_date", "manager_id", "date"),
            Index(f"ix_{spec.plural}_updated_at", "updated_at"),
        ]
    if spec.document:
        return [
            Index(f"ix_{spec.plural}_counterparty_date", "counterparty_id", "date"),
            Index(f"ix_{spec.plural}_updated_at", "updated_at"),  # whose have changed since balances were checked
            Index(f"ix_{spec.plural}_number", "number"),  # what a customer reads out of his papers
            Index(f"ix_{spec.plural}_number_tail", text(NUMBER_TAIL)),  # and what he makes of it: 123 for УТ-000123
            *_based_on(spec.plural, spec.refs),
        ]
    return []


def _filled(table: str, name: str) -> Index:
    """Lists are narrowed by it; many bases do not keep it at all."""
    filled = text(f"{name} IS NOT NULL")
    return Index(f"ix_{table}_{name}", name, sqlite_where=filled, postgresql_where=filled)


def _based_on(table: str, refs: Iterable[str]) -> list[Index]:
    """Indexes by which what came of an order or a shipment is found; most documents are based on neither."""
    found = []
    for name in refs:
        if name in ("order", "shipment"):
            named = text(f"{name}_id IS NOT NULL")
            found.append(Index(f"ix_{table}_{name}_id", f"{name}_id", sqlite_where=named, postgresql_where=named))
    return found


def _line_table(spec: EntitySpec, name: str) -> Table:
    lines = spec.lines[name]
    return Table(
        f"{spec.name}_{name}",
        metadata,
        Column(f"{spec.name}_id", Uuid, primary_key=True),
        Column("line_number", Integer, primary_key=True),
        *_field_columns(lines.fields),
        *(Column(f"{ref}_id", Uuid) for ref in lines.refs),
        Column("unresolved", Json),
        _unresolved_index(f"{spec.name}_{name}", f"{spec.name}_id"),
        *_based_on(f"{spec.name}_{name}", lines.refs),
    )


entity_tables: dict[str, Table] = {spec.name: _entity_table(spec) for spec in ENTITIES.values()}
line_tables: dict[tuple[str, str], Table] = {
    (spec.name, name): _line_table(spec, name) for spec in ENTITIES.values() for name in spec.lines
}

counterparties = entity_tables["counterparty"]

balances = Table(
    "balances",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("counterparty_key", String(200), nullable=False),  # external ids; "" where accounting names none
    Column("contract_key", String(200), nullable=False, server_default=""),
    Column("organisation_key", String(200), nullable=False, server_default=""),
    Column("currency_key", String(200), nullable=False, server_default=""),
    Column("counterparty_id", Uuid),
    Column("contract_id", Uuid),
    Column("organisation_id", Uuid),
    Column("currency", String(10), nullable=False),
    Column("receivable", Money, nullable=False),
    Column("advance", Money, nullable=False),
    Column("amount", Money, nullable=False),  # receivable - advance; plus: the customer owes us
    Column("overdue", Money, nullable=False, server_default="0"),
    Column("overdue_since", Date),
    Column("overdue_rule", String(20)),  # document, contract, counterparty, default
    Column("unexplained", Money, nullable=False, server_default="0"),  # register minus mirrored documents
    Column("source", String(10), nullable=False, server_default="register"),
    Column("as_of", UtcDateTime, nullable=False),  # or the cursor's fresh_at ("balance") where that is later
    Column("settled_at", UtcDateTime),  # when something of it was last changed but what the register says
    Index(
        "uq_balances_key",
        "connection",
        "counterparty_key",
        "contract_key",
        "organisation_key",
        "currency_key",
        unique=True,
    ),
    Index("ix_balances_counterparty_id", "counterparty_id"),
    Index("ix_balances_as_of", "as_of"),
    Index("ix_balances_settled_at", "settled_at"),
)

movements = Table(
    "movements",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("counterparty_id", Uuid),
    Column("counterparty_key", String(200), nullable=False),
    Column("contract_key", String(200), nullable=False, server_default=""),
    Column("organisation_key", String(200), nullable=False, server_default=""),
    Column("currency", String(10), nullable=False),
    Column("recorder_set", String(200), nullable=False),
    Column("recorder", String(200), nullable=False),
    Column("kind", String(40), nullable=False),  # debt_correction, opening_balance, manual_entry, netting, ...
    Column("number", String(40)),
    Column("date", UtcDateTime),
    Column("amount", Money, nullable=False),
    Index("ix_movements_counterparty", "connection", "counterparty_key"),
)
