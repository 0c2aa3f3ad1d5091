"""A golden case from a landed record: personal data masked first, then what the ruling mapping makes of it."""

from __future__ import annotations

from sqlalchemy import select

from core.errors import UsageError
from mapping.cases.files import Case, Expected
from mapping.cases.masking import masker_of
from mapping.cases.trial import build_expected
from mapping.rules import Mapping
from store import landing
from store.engine import reading
from store.tables import landing as landed_table
from sync.context import App


def build_case(
    app: App, connection: str, external_id: str, mapping: Mapping, *, entity: str | None = None, title: str = ""
) -> Case:
    """A case of a record as it was received, by its external id; nothing personal of the original is in it.

    Raises:
        UsageError: nothing with this id was received, or records of several entities.
    """
    settings, key = app.settings.connection(connection), external_id.strip().lower()
    found = _find(app, connection, key, entity)
    masked = masker_of(mapping).mask(landing.decode(found.raw))
    case = Case(
        title=title or f"{found.entity} {key}",
        entity=found.entity,
        source=found.source,
        timezone=settings.zone.key,
        raw=masked,
        expected=Expected(),
    )
    return case.model_copy(update={"expected": Expected(**build_expected(mapping, case))})


def _find(app: App, connection: str, key: str, entity: str | None) -> landing.Landed:
    mine = (landed_table.c.connection == connection, landed_table.c.external_id == key)
    with reading(app.engine) as conn:
        entities = sorted(conn.execute(select(landed_table.c.entity).where(*mine)).scalars())
        chosen = [one for one in entities if entity in (None, one)]
        if len(chosen) != 1:
            told = f"{len(chosen)} records ({', '.join(chosen)})" if chosen else "nothing"
            raise UsageError(
                f"There is {told} received from {connection!r} with the id {key!r}.",
                next_step="give --entity" if chosen else "sverka export ENTITY shows external ids",
            )
        return landing.load(conn, connection, chosen[0], [key])[key]
