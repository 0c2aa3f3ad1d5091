"""A mapping in use, put into a site's world: the settings name it, it rules, records were received."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import select

from core.settings import ConnectionSettings
from store import landing, versions
from store.landing import Landed
from store.tables import audit, mapping_draft, mapping_version, reapply
from sync.mappings.drafting import publish_draft, save_draft
from sync.versions import load_ruling
from tests.integration.store.filling import NOW
from tests.integration.web.world import Browser, World

KEY = "bp30"
RECORD = "b7569c0f-f670-11ea-8591-000c29b45b09"
UPPER = 'extends = "bp30"\n\n[entities.counterparty.fields]\nsegment = { from = "Комментарий", steps = ["upper"] }\n'
WRONG = 'extends = "bp30"\n\n[entities.counterparty.fields]\nsegmnt = "Комментарий"\nregion = { frm = "x" }\n'
CUSTOMER = {
    "Ref_Key": RECORD, "DataVersion": "AAAAAQ==", "DeletionMark": False, "IsFolder": False, "Code": "00-000017",
    "Description": "Ромашка ООО", "НаименованиеПолное": "ООО «Ромашка»", "ИНН": "7707083893", "КПП": "770701001",
    "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо", "Комментарий": "опт; Москва", "КонтактнаяИнформация": [],
}  # fmt: skip


def put_mapping(world: World, *, rules: bool = True, second: bool = False) -> World:
    """The connection lives by bp30, a second one too where asked for; with `rules` it is published by itself."""
    connections = world.site.app.settings.connections
    connections["accounting"] = connections["accounting"].model_copy(update={"mapping": KEY})
    if second:
        connections["branch"] = ConnectionSettings(name="branch", connector="onec_odata", mapping=KEY)
    if rules:
        load_ruling(world.site.app, connections["accounting"])
    return world


def put_landed(world: World, **values: Any) -> None:
    """One customer as accounting sent it."""
    raw = msgspec.json.encode(CUSTOMER | values)
    one = Landed("accounting", "counterparty", RECORD, "Catalog_Контрагенты", "AAAAAQ==", raw, "h1", NOW)
    with world.engine.begin() as conn:
        landing.save(conn, [one])


def draft_of(world: World) -> Any:
    """The draft as it is kept."""
    with world.engine.begin() as conn:
        return conn.execute(select(mapping_draft).where(mapping_draft.c.name == KEY)).first()


def ruling(world: World) -> versions.MappingVersion:
    """The version that rules."""
    found = versions.published(world.engine, KEY)
    assert found is not None
    return found


def number_of(world: World) -> int:
    """How many versions there are."""
    with world.engine.begin() as conn:
        return len(conn.execute(select(mapping_version.c.hash).where(mapping_version.c.name == KEY)).all())


def orders_of(world: World) -> list[tuple[str, str]]:
    """Re-applies: of which connection, and how each stands."""
    with world.engine.begin() as conn:
        rows = conn.execute(select(reapply.c.connection, reapply.c.state).order_by(reapply.c.connection))
        return [(row[0], row[1]) for row in rows]


def audited_after(world: World, what: str) -> list[Any]:
    """What the audit says is so since this deed."""
    with world.engine.begin() as conn:
        return list(conn.execute(select(audit.c.after).where(audit.c.what == what).order_by(audit.c.id)).scalars())


def save(world: World, text: str, *, who: str = "admin") -> None:
    """Keep a draft, over whatever there is."""
    there = draft_of(world)
    save_draft(world.site.app, KEY, text, who, seen=there.mark if there is not None else "")


def publish(world: World, text: str, *, who: str = "admin", comment: str = "") -> versions.MappingVersion:
    """Publish a text as somebody at another desk would."""
    save(world, text, who=who)
    app, before = world.site.app, versions.published(world.engine, KEY)
    seen = before.hash if before is not None else None
    return publish_draft(app, KEY, who, seen=draft_of(world).mark, ruling_seen=seen, comment=comment)


def fields_of(browser: Browser, path: str) -> dict[str, str]:
    """The hidden fields of a page's forms, the last of each name."""
    return dict(re.findall(r'<input type="hidden" name="(?!_token)(\w+)"[^>]* value="([^"]*)"', browser.get(path).text))
