"""The grid of a mapping: its entities and cards, the fields of each, the sets that they are read from."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import SverkaError, UsageError
from mapping.editing.layers import CARD_GROUPS, list_card_rows, list_sets
from mapping.editing.text import Keys, drop_value, put_value
from mapping.files.text import merge_files
from mapping.model import ENTITIES
from sync.mappings.drafting import save_draft
from sync.setup.declared import fetch_declared
from sync.versions import load_ruling
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.grid.desk import GridDesk, load_samples, open_desk
from web.grid.lines import find_lines, list_lines
from web.here import Here
from web.jobs import Job
from web.pages.mapping.common import Chosen, choose, show
from web.show.fields import field_title
from web.show.texts import N_
from web.show.working import ENTITIES as ENTITY_TITLES

router = APIRouter()
Short = Annotated[str, fastapi.Form(max_length=300)]
PATIENCE = 15.0
"""Seconds that a reader waits for the base; it goes on being asked behind his back."""
KINDS = {
    "text": N_("text"), "texts": N_("texts"), "number": N_("number"), "int": N_("whole number"), "money": N_("amount"),
    "quantity": N_("quantity"), "bool": N_("yes or no"), "date": N_("day"), "datetime": N_("moment"),
    "reference": N_("reference"), "rows": N_("rows"), "any": N_("several kinds"), "json": N_("anything"),
    "integer": N_("whole number"), "boolean": N_("yes or no"), "url": N_("link"),
}  # fmt: skip
OWNERS = {
    "accounting": N_("accounting"), "crm": N_("CRM"), "newest": N_("whoever changed it last"),
    "review": N_("a person is asked"),
}  # fmt: skip
DIRECTIONS = {"in": N_("only here"), "both": N_("both ways"), "out": N_("only there")}
LEVELS = {
    "part": N_("shared by several"), "entity": N_("all sets"), "set": N_("this set"), "card": N_("the card"),
}  # fmt: skip
GROUPS = {
    "fields": N_("Fields"), "attributes": N_("Attributes of your own"), "own": N_("Fields of ours on the card"),
    "new": N_("Only on a new card"), "requisites": N_("Legal details"),
}  # fmt: skip


@router.get("/mapping/{key}/grid")
@allow("admin", about="mapping")
def show_all(here: Page, key: str) -> Response:
    """What the mapping speaks of: entities and cards, each with how much of it is said in the own file."""
    chosen = choose(here, key)
    desk = read_desk(here, chosen)
    if desk is None:
        return show(here, "mapping_grid/all.html", chosen, "/grid", desk=None, entities=[], cards=[])
    own = desk.chain.files[0].tree
    entities = [
        {"name": name, "sets": desk.sets(name), "own": _count(own, "entities", name)}
        for name in ENTITIES if name in desk.tree.get("entities", {})
    ]  # fmt: skip
    cards = [
        {"name": name, "entity": card.get("entity", ""), "own": _count(own, "cards", name)}
        for name, card in desk.tree.get("cards", {}).items() if isinstance(card, dict)
    ]  # fmt: skip
    return show(here, "mapping_grid/all.html", chosen, "/grid", desk=desk, draft=desk.opened.draft, entities=entities,
                cards=cards, **words())  # fmt: skip


def read_desk(here: Here, chosen: Chosen) -> GridDesk | None:
    """The draft; None where its text has to be mended first."""
    try:
        return open_desk(here.app, chosen.key)
    except SverkaError:
        return None


def _count(tree: Any, *loc: str) -> int:
    """How many rules the own file says there."""
    for part in loc:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return _rules_in(tree)


def _rules_in(tree: object) -> int:
    if not isinstance(tree, dict):
        return int(tree is not None)
    groups = {"attributes", *CARD_GROUPS}
    return sum(len(one) if name in groups and isinstance(one, dict) else _rules_in(one) for name, one in tree.items())


@router.get("/mapping/{key}/grid/{entity}")
@allow("admin", about="mapping")
def show_entity(here: Page, key: str, entity: str, source: str = "", base: str = "", find: str = "") -> Response:
    """The fields of an entity, as it is read from one set."""
    return show_grid(here, choose(here, key), entity, source, base, find=find)


def show_grid(
    here: Here, chosen: Chosen, entity: str, source: str, base: str, *, find: str = "", wrong: str = "", code: int = 200
) -> Response:
    """The grid of an entity; with what went wrong."""
    desk = read_desk(here, chosen)
    if desk is None:
        return here.to(f"{chosen.path}/grid")
    sets = desk.sets(entity) if entity in ENTITIES else {}
    if not sets:
        raise Missing
    source = source if source in sets else next((name for name, on in sets.items() if on), next(iter(sets)))
    base = base if base in chosen.connections else chosen.connections[0]
    with here.reading() as conn:
        samples = load_samples(conn, base, entity, source)
    lines = list_lines(desk, samples, entity, zone_of(here, base)) if sets[source] else []

    def called(name: str) -> str:
        return here.gettext(field_title(entity, name) or name)

    return show(
        here, "mapping_grid/entity.html", chosen, "/grid", code=code, draft=desk.opened.draft, desk=desk, entity=entity,
        sets=sets, source=source, base=base, samples=samples, lines=find_lines(lines, find, called), find=find[:100],
        number=len(lines), asking=_asking(here, base), wrong=wrong, **words(),
    )  # fmt: skip


def zone_of(here: Here, base: str) -> ZoneInfo:
    """The wall clock of a connection."""
    return here.app.settings.connections[base].zone


def words() -> dict[str, Any]:
    """What templates of the grid call things."""
    return {
        "kinds": KINDS, "owners": OWNERS, "directions": DIRECTIONS, "levels": LEVELS, "groups": GROUPS,
        "entity_titles": ENTITY_TITLES, "field_title": field_title,
    }  # fmt: skip


@router.post("/mapping/{key}/grid/{entity}/sets")
@allow("admin", about="mapping")
def switch_set(here: Page, key: str, entity: str, name: Short = "", deed: Short = "", base: Short = "") -> Response:
    """Read an entity from a set, or from one less."""
    chosen = choose(here, key)
    desk = read_desk(here, chosen)
    if desk is None or entity not in ENTITIES or entity not in desk.tree.get("entities", {}):
        raise Missing
    loc: Keys = ("entities", entity, "sources", name.strip())
    if not name.strip():
        return show_grid(here, chosen, entity, "", base, wrong=here.gettext("Say which set."), code=422)
    try:
        text = _without_set(desk, loc) if deed == "off" else _with_set(desk, loc)
        save_draft(here.app, chosen.key, text, here.me.login, seen=desk.opened.mark, ruling=desk.opened.ruling)
    except SverkaError as error:
        return show_grid(here, chosen, entity, "", base, wrong=error.message, code=409)
    said = here.gettext("%(name)s is left out.") if deed == "off" else here.gettext("%(name)s is read.")
    return here.to(f"{chosen.path}/grid/{entity}?base={base}", done=said % {"name": name.strip()})


def _without_set(desk: GridDesk, loc: Keys) -> str:
    reading = [name for name, on in desk.sets(loc[1]).items() if on and name != loc[-1]]
    if not reading:
        raise UsageError("It is the only set: without it nothing of this kind would be read.")
    return put_value(desk.text, loc, False)


def _with_set(desk: GridDesk, loc: Keys) -> str:
    """Take back that it was left out; where nothing beneath knows it, name it."""
    if desk.sets(loc[1]).get(loc[-1]):
        raise UsageError("It is read already.")
    text = drop_value(desk.text, loc)
    known = list_sets(merge_files(desk.chain.files[1:]), loc[1])
    return text if known.get(loc[-1]) else put_value(text, (*loc, "optional"), True)


@router.post("/mapping/{key}/declared")
@allow("admin", about="mapping")
def ask_base(here: Page, key: str, base: Short = "", back: Short = "") -> Response:
    """Ask the base what its sets hold, and keep it; who waits longer than a while comes back later."""
    chosen = choose(here, key)
    if base not in chosen.connections:
        raise Missing
    settings = here.app.settings.connections[base]

    def work(job: Job) -> None:
        mapping = load_ruling(here.app, settings, publish=False)
        fetch_declared(here.app, settings, mapping, job.step)

    job = here.site.jobs.start(("declared", base), work)
    path = back if back.startswith(f"{chosen.path}/grid") else f"{chosen.path}/grid"
    if job is None:
        return here.to(path, wrong=here.gettext("Too much is being looked at just now: try again in a minute."))
    if not job.wait(PATIENCE):
        return here.to(path, done=here.gettext("%(name)s takes its time: look again in a minute.", name=base))
    if job.failed:
        return here.to(path, wrong=here.gettext("%(name)s does not answer; what was kept is shown.", name=base))
    return here.to(path, done=here.gettext("%(name)s has told its fields.", name=base))


def _asking(here: Here, base: str) -> bool:
    job = here.site.jobs.find(("declared", base))
    return job is not None and not job.done


@router.get("/mapping/{key}/cards/{card}")
@allow("admin", about="mapping")
def show_card(here: Page, key: str, card: str) -> Response:
    """The fields of a CRM's card, and what each shows."""
    chosen = choose(here, key)
    desk = read_desk(here, chosen)
    if desk is None:
        return here.to(f"{chosen.path}/grid")
    rule = desk.tree.get("cards", {}).get(card)
    if not isinstance(rule, dict):
        raise Missing
    rows = [(row, desk.mistakes_at(row.loc)) for row in list_card_rows(desk.chain, card)]
    return show(
        here, "mapping_grid/card.html", chosen, "/grid", draft=desk.opened.draft, desk=desk, card=card, rule=rule,
        rows=rows, **words(),
    )  # fmt: skip
