"""Every record of the store as a JSON object, in the shapes of design §7: for `sverka export`, and for whoever asks.

Records come in chunks by key, so memory stays flat whatever their number; what belongs to the records of a chunk
(lines, ids, referred records) is asked for once a chunk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, exists, or_, select

from mapping.model import ENTITIES, PLURALS, EntitySpec, LineSpec, RefSpec
from store import bulk
from store.entities import balances, counterparties, entity_tables, line_tables, movements
from store.queries.deals.records import extend_deals, load_stage_names
from store.queries.references import NOT_BOUND, References, load_external_ids, unresolved_card
from store.queries.settlements.settled import build_balances, build_movements
from store.queries.shapes import Record, StoredRow, View
from store.tables import binding

CHUNK = 1000
EXPORTS = {spec.plural: name for name, spec in ENTITIES.items()} | {
    "contacts": "contact",
    "balances": "balance",
    "movements": "movement",
}
"""What can be exported: plural -> singular."""


def export_name(text: str) -> str | None:
    """The plural name of what somebody wants exported; singular is accepted; None where there is no such thing."""
    word = text.strip().lower()
    return next((plural for plural, singular in EXPORTS.items() if word in (plural, singular)), None)


def iter_export(conn: Connection, name: str, view: View | None = None, *, size: int = CHUNK) -> Iterator[Record]:
    """All records of an entity, by our ids: by and large in the order in which they came into the store.

    "counterparties" are those that accounting holds or an outside system is bound to; "contacts" are those whose home
    is the CRM; one that is both is in both.

    Args:
        conn: a connection that stays open while this is read.
        name: one of `EXPORTS`.
        view: how records are shown.
        size: records a chunk.
    """
    chosen = view or View()
    references = References(conn, chosen)
    table, build, condition = _plan(conn, name, chosen, references)
    for rows in _keyset(conn, table, condition, size):
        yield from build(rows)


def blank_record(conn: Connection, name: str, view: View | None = None) -> Record:
    """A record of which nothing is known: it has every key that records of this entity have, also where there are none.

    Args:
        conn: a connection that may read.
        name: one of `EXPORTS`.
        view: how records are shown.
    """
    chosen = view or View()
    return _plan(conn, name, chosen, References(conn, chosen))[1]([_Blank(id=UUID(int=0), connection="")])[0]


class _Blank(dict[str, object]):
    """A row without values."""

    def __missing__(self, key: str) -> str | None:
        return "" if key.endswith("_key") else None


def build_records(
    conn: Connection, entity: str, rows: Sequence[StoredRow], view: View, references: References, *, lines: bool
) -> list[Record]:
    """Rows of an entity's table as JSON objects, with their lines where these are wanted."""
    spec = ENTITIES[entity]
    ids = [row["id"] for row in rows]
    bound = load_external_ids(conn, view, entity, ids)
    parts = {name: _load_lines(conn, spec, name, ids) for name in spec.lines} if lines else {}
    references.prepare(_wanted(spec, rows, parts))
    return [_build_record(spec, row, bound.get(row["id"], NOT_BOUND), parts, view, references) for row in rows]


Lines = dict[UUID, list[StoredRow]]
Build = Callable[[Sequence[StoredRow]], list[Record]]


def _plan(
    conn: Connection, name: str, view: View, references: References
) -> tuple[Table, Build, ColumnElement[bool] | None]:
    """Where the rows are, how they become records, and which are wanted."""
    if name == "balances":
        return balances, lambda rows: build_balances(conn, rows, view, references), None
    if name == "movements":
        return movements, lambda rows: build_movements(rows, view, references), None
    entity = "counterparty" if name == "contacts" else PLURALS[name]
    build: Build = lambda rows: build_records(conn, entity, rows, view, references, lines=True)  # noqa: E731
    return entity_tables[entity], _with_orders(conn, build, view) if entity == "deal" else build, _condition(name)


def _with_orders(conn: Connection, build: Build, view: View) -> Build:
    """Deals with the names of their stages and what became of their orders."""
    names = load_stage_names(conn)

    def build_deals(rows: Sequence[StoredRow]) -> list[Record]:
        records = build(rows)
        extend_deals(conn, records, view, names)
        return records

    return build_deals


def _condition(name: str) -> ColumnElement[bool] | None:
    if name == "contacts":
        return counterparties.c.home == "crm"
    if name == "counterparties":
        bound = exists().where(binding.c.entity == "counterparty", binding.c.entity_id == counterparties.c.id)
        return or_(counterparties.c.home == "accounting", bound)
    return None


def _keyset(
    conn: Connection, table: Table, condition: ColumnElement[bool] | None, size: int
) -> Iterator[list[StoredRow]]:
    query = select(table).order_by(table.c.id).limit(size)
    if condition is not None:
        query = query.where(condition)
    last: UUID | None = None
    while True:
        after = query if last is None else query.where(table.c.id > last)
        rows = list(conn.execute(after).mappings())
        if rows:
            yield [dict(row) for row in rows]
        if len(rows) < size:
            return
        last = rows[-1]["id"]


def _load_lines(conn: Connection, spec: EntitySpec, name: str, ids: Sequence[UUID]) -> Lines:
    table = line_tables[spec.name, name]
    owner = table.c[f"{spec.name}_id"]
    found: Lines = defaultdict(list)
    for row in bulk.select_in(conn, table, list(table.c), owner, ids):
        found[row._mapping[owner.name]].append(row._mapping)
    for lines in found.values():
        lines.sort(key=lambda line: line["line_number"])
    return found


def _wanted(spec: EntitySpec, rows: Sequence[StoredRow], parts: Mapping[str, Lines]) -> dict[str, set[UUID]]:
    """The referred records of rows and lines, by entity."""
    wanted: dict[str, set[UUID]] = defaultdict(set)
    _collect(wanted, spec.refs, rows)
    for name, groups in parts.items():
        for lines in groups.values():
            _collect(wanted, spec.lines[name].refs, lines)
    return wanted


def _collect(wanted: dict[str, set[UUID]], refs: Mapping[str, RefSpec], rows: Sequence[StoredRow]) -> None:
    for name, ref in refs.items():
        wanted[ref.entity].update(row[f"{name}_id"] for row in rows if row[f"{name}_id"] is not None)


def _build_record(
    spec: EntitySpec,
    row: StoredRow,
    ids: Record,
    parts: Mapping[str, Lines],
    view: View,
    references: References,
) -> Record:
    origin = next(iter(ids["external_ids"]), None)
    record: Record = {"id": str(row["id"]), **ids, **view.fields(spec.fields, row)}
    if spec.name == "counterparty":
        record["home"] = row["home"]
    record |= _build_refs(spec.refs, row, origin, references)
    record |= {"deleted": row["deleted"], "marks": row["marks"]}
    for name, groups in parts.items():
        lines = groups.get(row["id"], [])
        record["lines"] = [_build_line(spec.lines[name], line, origin, view, references) for line in lines]
    record |= {"created_at": view.moment(row["created_at"]), "updated_at": view.moment(row["updated_at"])}
    return record


def _build_line(spec: LineSpec, line: StoredRow, origin: str | None, view: View, references: References) -> Record:
    refs = _build_refs(spec.refs, line, origin, references)
    return {"line_number": line["line_number"], **refs, **view.fields(spec.fields, line)}


def _build_refs(refs: Mapping[str, RefSpec], row: StoredRow, origin: str | None, references: References) -> Record:
    """Referred records; one that is not here by the id that its own system gives it; a currency by its code."""
    unresolved = row["unresolved"] or {}
    built: Record = {}
    for name, ref in refs.items():
        card = references.card(ref.entity, row[f"{name}_id"])
        if card is None and unresolved.get(name):
            card = unresolved_card(ref.entity, origin, unresolved[name])
        built[name] = card["code"] if card is not None and ref.entity == "currency" else card
    return built
