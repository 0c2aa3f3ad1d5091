"""From a draft to what rules: the differences, publishing with a comment, and what is carried over to the records."""

from __future__ import annotations

from typing import Annotated, Any

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import ConfigError, ConflictError, SverkaError, UsageError
from mapping.rules import Mapping, parse_mapping
from mapping.wording import Saying, tell_differences
from store.queries.shapes import Record
from store.queries.work.mapping_versions import count_landed, list_orders, number_of_versions
from store.versions import MappingVersion
from sync.mappings.beginning import is_bare, own_text
from sync.mappings.drafting import Opened, cases_beside, open_text, publish_draft, read_text
from sync.mappings.ordering import order_reapply
from sync.mappings.publishing import list_new_fields
from sync.mappings.tally import FATES
from sync.mappings.trials import Trial, try_cases
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.pages.mapping.common import Chosen, choose, refused, show
from web.pages.mapping.desk import NONE_YET, tell_found
from web.show.text_diff import compare_texts
from web.show.texts import N_
from web.show.working import ENTITIES

router = APIRouter()
Word = Annotated[str, fastapi.Form(max_length=200)]
Comment = Annotated[str, fastapi.Form(max_length=500)]
LATEST = 20
OPEN = ("due", "running")
ORDER_STATES = {
    "due": N_("waits for the service"), "running": N_("on its way"), "done": N_("done"), "failed": N_("failed"),
    "superseded": N_("ended before its end"),
}  # fmt: skip
FATE_TITLES = {
    "changed": N_("changed"), "unchanged": N_("as before"), "new": N_("new"), "filtered": N_("left out from now on"),
    "unfiltered": N_("no longer left out"), "dead": N_("dead letters"), "still_dead": N_("dead letters as before"),
    "healed": N_("letters closed"), "skipped": N_("left alone"),
}  # fmt: skip


@router.get("/mapping/{key}/changes")
@allow("admin", about="mapping")
def show_changes(here: Page, key: str) -> Response:
    """What the draft changes in what rules, in words and line by line, and what stands against publishing it."""
    return _changes(here, choose(here, key))


def _changes(here: Here, chosen: Chosen, wrong: str = "", comment: str = "") -> Response:
    try:
        opened = open_text(here.app, chosen.key)
    except ConfigError as error:  # nothing rules, nothing is drafted, and the file of the settings cannot be read
        return show(here, "mapping/changes.html", chosen, "/changes", opened=None, wrong=refused(here, error))
    found = read_text(here.app, chosen.key, opened.text, opened.ruling)
    return show(
        here, "mapping/changes.html", chosen, "/changes", code=409 if wrong else 200, draft=opened.draft, wrong=wrong,
        opened=opened, comment=comment, found=tell_found(found, opened.text), lines=_lines(chosen, opened),
        ruling_seen=opened.ruling.hash if opened.ruling is not None else NONE_YET,
        **(_against(here, chosen, opened, found.mapping) if found.mapping is not None else _NOTHING),
    )  # fmt: skip


_NOTHING: dict[str, Any] = {"words": [], "red": [], "cases": 0, "fields": [], "unread": ""}


def _lines(chosen: Chosen, opened: Opened) -> Any:
    """Own file against own file; a preset that rules as it came has none."""
    ruling = opened.ruling
    before = "" if ruling is None or is_bare(chosen.key, ruling) else own_text(ruling.text)
    return compare_texts(before, opened.text)


def _against(here: Here, chosen: Chosen, opened: Opened, mapping: Mapping) -> dict[str, Any]:
    """The differences in words, golden cases that are red, new fields of cards."""
    try:
        red = [one for one in _trials(here, chosen, mapping) if one.differences]
        cases, unread = len(red), ""
    except ConfigError as error:  # files beside the mapping that are no cases
        red, cases, unread = [], 0, refused(here, error)
    ruling = opened.ruling
    before = _parsed(ruling, chosen.key) if ruling is not None else None
    words = _words(ruling.text if ruling is not None else "", mapping.text, chosen.key)
    return {"words": words, "red": red, "cases": cases, "fields": list_new_fields(before, mapping), "unread": unread}


def _trials(here: Here, chosen: Chosen, mapping: Mapping) -> list[Trial]:
    return try_cases(here.app, chosen.key, mapping, cases_beside(here.app, chosen.key, mapping))


def _parsed(ruling: MappingVersion, key: str) -> Mapping | None:
    """What rules, to be compared with; None where this program can read it no more."""
    try:
        return parse_mapping(ruling.text, key, kept=True)
    except ConfigError:
        return None


def _words(before: str, after: str, key: str) -> list[Saying]:
    try:
        return tell_differences(before, after, key)
    except ConfigError:  # what rules can be read no more: then everything is new
        return tell_differences("", after, key)


@router.post("/mapping/{key}/publish")
@allow("admin", about="mapping")
def publish(
    here: Page, key: str, seen: Word = "", ruling_seen: Word = "", comment: Comment = "", reapply: Word = ""
) -> Response:
    """Let the draft rule from the next page on, for all connections that live by this mapping."""
    chosen = choose(here, key)
    looked_at = None if ruling_seen == NONE_YET else ruling_seen
    try:
        now = publish_draft(
            here.app, chosen.key, here.me.login, seen=seen, ruling_seen=looked_at, comment=comment.strip()
        )
    except (UsageError, ConfigError, ConflictError) as error:
        return _changes(here, chosen, refused(here, error), comment)
    said = here.gettext("Version %(number)s rules now, for: %(names)s.", number=now.number,
                        names=", ".join(chosen.connections))  # fmt: skip
    return _carry_over(here, chosen, said) if reapply else here.to(f"{chosen.path}/reapply", done=said)


def _carry_over(here: Here, chosen: Chosen, said: str) -> Response:
    try:
        for name in chosen.connections:
            order_reapply(here.app, name, here.me.login)
    except SverkaError as error:
        return here.to(f"{chosen.path}/reapply", wrong=f"{said} {here.tell(error.message)}")
    return here.to(f"{chosen.path}/reapply", done=said)


@router.get("/mapping/{key}/reapply")
@allow("admin", "ops", about="mapping")
def show_orders(here: Page, key: str) -> Response:
    """What carries versions over to the records that are here: on its way, and what former ones came to."""
    chosen = choose(here, key)
    with here.reading() as conn:
        landed = count_landed(conn, chosen.connections)
    return show(here, "mapping/reapply.html", chosen, "/reapply", landed=landed, **_orders(here, chosen))


@router.get("/mapping/{key}/progress")
@allow("admin", "ops", about="mapping")
def show_progress(here: Page, key: str, of: str = "") -> Response:
    """The part of it that renews itself. `of`: how many records each connection has, counted when the page was made."""
    chosen = choose(here, key)
    counts = [int(one) if one.isdecimal() else 0 for one in of[:2000].split(".")]
    landed = dict(zip(chosen.connections, counts, strict=False))
    return here.page("mapping/progress.html", chosen=chosen, landed=landed, **_orders(here, chosen))


def _orders(here: Here, chosen: Chosen) -> Record:
    with here.reading() as conn:
        orders = list_orders(conn, chosen.connections, LATEST)
        numbers = number_of_versions(conn, [one["version"] for one in orders])
    rows = [_order(one, numbers.get((chosen.key, one["version"]))) for one in orders]
    return {
        "orders": rows, "going": any(one["state"] in OPEN for one in rows), "order_states": ORDER_STATES, "open": OPEN,
        "fates": FATES, "fate_titles": FATE_TITLES, "entity_titles": ENTITIES,
    }  # fmt: skip


def _order(row: Record, number: int | None) -> Record:
    sums = {fate: sum(line.get(fate, 0) for line in row["counters"].values()) for fate in ("read", *FATES)}
    return row | {"number": number, "sums": sums}


@router.post("/mapping/{key}/reapply")
@allow("admin", about="mapping")
def order(here: Page, key: str, connection: Word = "") -> Response:
    """Have what rules carried over to the records of one connection, or of all: in the background, 1C is not asked."""
    chosen = choose(here, key)
    wanted = [one for one in chosen.connections if connection in ("", one)]
    back = f"{chosen.path}/reapply"
    try:
        for name in wanted:
            order_reapply(here.app, name, here.me.login)
    except (UsageError, ConflictError) as error:
        return here.to(back, wrong=here.tell(error.message))
    if not wanted:
        return here.to(back, wrong=here.gettext("This mapping does not rule for %(name)s.", name=connection))
    said = here.gettext("The service carries it over to the records that are here, for: %(names)s.",
                        names=", ".join(wanted))  # fmt: skip
    return here.to(back, done=said)
