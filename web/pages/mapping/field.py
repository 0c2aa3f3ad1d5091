"""One field of the grid: its rules in a form that needs no script, with what each step makes of a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.datastructures import FormData
from starlette.responses import Response

from core.errors import SverkaError
from core.i18n import tell
from mapping.editing.forms import CARD_ORIGINS, ORIGINS, RuleForm, change_form, form_of, read_form, rules_of
from mapping.editing.layers import CARD_GROUPS, Row, Target, list_card_rows, place_for
from mapping.editing.steps import STEP_ARGS
from mapping.editing.text import Keys, drop_value, put_value, value_at
from mapping.editing.tracing import Trace, Tracer, rules_at
from mapping.grammar.cards import ShownKind
from mapping.model import ENTITIES
from sync.mappings.drafting import Problem, read_text, save_draft
from web.door.faults import Missing
from web.door.guard import Form, Page
from web.door.rules import allow
from web.grid.desk import GridDesk, Samples, load_samples, open_desk, trace_row
from web.grid.lines import find_offers, first_path, shown
from web.here import Here
from web.pages.mapping.common import Chosen, choose, show
from web.pages.mapping.grid import read_desk, words, zone_of
from web.show.texts import N_

router = APIRouter()
Name = Annotated[str, Query(max_length=200)]
ORIGIN_TITLES = {
    "from": N_("from a field of the base"), "value": N_("always the same value"), "formula": N_("a formula"),
    "words": N_("several put into one text"),
}  # fmt: skip
ON_ERROR = {"error": N_("the record becomes a dead letter"), "mark": N_("left empty, with a mark"),
            "none": N_("left empty, silently")}  # fmt: skip
EMPTY = {"keep": N_("the CRM's value stays"), "clear": N_("it is emptied")}
NEW = "attributes."


@dataclass(slots=True)
class Editing:
    """The form of one field, about to be shown or saved."""

    here: Here
    chosen: Chosen
    desk: GridDesk
    row: Row
    address: str
    entity: str = ""
    card: str = ""
    source: str = ""
    base: str = ""
    samples: Samples | None = None
    forms: list[RuleForm] = field(default_factory=list)
    wide: bool = True
    find: str = ""
    skip: int = 0

    @property
    def back(self) -> str:
        """The grid that the field stands in."""
        if self.card:
            return f"{self.chosen.path}/cards/{self.card}"
        return f"{self.chosen.path}/grid/{self.entity}?{urlencode({'source': self.source, 'base': self.base})}"

    @property
    def was(self) -> str:
        """A digest of what rules the field now: who saves says what he has seen."""
        return blake2b(repr((self.row.loc, self.row.rules)).encode(), digest_size=8).hexdigest()

    @property
    def loc(self) -> Keys:
        """Where the word is written: where an own one stands already, else for all sets or for this one."""
        if self.row.own or self.card:
            return self.row.loc
        return place_for(self.entity, self.row.target, "" if self.wide else self.source)

    @property
    def section(self) -> str:
        """The section whose rows the field is of."""
        if not self.row.target.group.startswith("lines."):
            return ""
        group = self.row.target.group.removeprefix("lines.")
        found = Tracer(self.desk.rules, self.source, zone_of(self.here, self.base)).sections(self.entity, group)
        return found[0] if found else ""


@router.get("/mapping/{key}/grid/{entity}/field")
@allow("admin", about="mapping")
def show_field(
    here: Page, key: str, entity: str, target: Name = "", source: Name = "", base: Name = "", skip: int = 0
) -> Response:
    """One field of an entity, as it is read from one set."""
    made = _open(here, key, entity, target, source, base)
    made.forms, made.skip = form_of(made.row.rules), skip if 0 < skip < 100 else 0
    return _show(made)


@router.post("/mapping/{key}/grid/{entity}/field")
@allow("admin", about="mapping")
def change_field(
    here: Page, key: str, entity: str, sent: Form, target: Name = "", source: Name = "", base: Name = ""
) -> Response:
    """A button of the form: change it, look what comes of it, save it, take the own word back, take the field away."""
    return _change(_open(here, key, entity, target, source, base), _texts(sent))


@router.get("/mapping/{key}/cards/{card}/field")
@allow("admin", about="mapping")
def show_card_field(here: Page, key: str, card: str, target: Name = "") -> Response:
    """One field of a CRM's card."""
    made = _open_card(here, key, card, target)
    made.forms = form_of(made.row.rules)
    return _show(made)


@router.post("/mapping/{key}/cards/{card}/field")
@allow("admin", about="mapping")
def change_card_field(here: Page, key: str, card: str, sent: Form, target: Name = "") -> Response:
    """The same for a field of a card."""
    return _change(_open_card(here, key, card, target), _texts(sent))


def _open(here: Here, key: str, entity: str, target: str, source: str, base: str) -> Editing:
    chosen = choose(here, key)
    desk = read_desk(here, chosen)
    if desk is None or entity not in ENTITIES or not desk.sets(entity).get(source):
        raise Missing
    row = next((one for one in desk.rows(entity, source) if one.target.key == target), None)
    if row is None and target.startswith(NEW) and target != NEW:
        row = Row(Target("attributes", target.removeprefix(NEW), "json"), None)
    if row is None:
        raise Missing
    base = base if base in chosen.connections else chosen.connections[0]
    with here.reading() as conn:
        samples = load_samples(conn, base, entity, source)
    asked = urlencode({"target": target, "source": source, "base": base})
    address = f"{chosen.path}/grid/{entity}/field?{asked}"
    return Editing(here, chosen, desk, row, address, entity, "", source, base, samples, wide=row.level != "set")


def _open_card(here: Here, key: str, card: str, target: str) -> Editing:
    chosen = choose(here, key)
    desk = read_desk(here, chosen)
    if desk is None or not isinstance(desk.tree.get("cards", {}).get(card), dict):
        raise Missing
    row = next((one for one in list_card_rows(desk.chain, card) if one.target.key == target), None)
    group, _, name = target.partition(".")
    if row is None and group in CARD_GROUPS[1:] and name:
        row = Row(Target(group, name, ""), None, ("cards", card, group, name), "card")
    if row is None:
        raise Missing
    address = f"{chosen.path}/cards/{card}/field?{urlencode({'target': target})}"
    return Editing(here, chosen, desk, row, address, card=card)


def _texts(sent: FormData) -> dict[str, str]:
    return {name: value for name, value in sent.multi_items() if isinstance(value, str) and len(value) <= 20_000}


def _change(made: Editing, sent: dict[str, str]) -> Response:
    deed, here = sent.get("deed", "look"), made.here
    if made.row.own:
        made.wide = made.row.level != "set"
    elif made.entity:
        made.wide = sent.get("scope", "all" if made.wide else "set") == "all"
    made.forms = read_form(sent, made.row.rules) if "rules" in sent else form_of(made.row.rules)
    made.find = sent.get("find", "")[:100]
    if deed in ("save", "back", "away"):
        if sent.get("was", "") != made.was:
            said = here.gettext(
                "Somebody has changed this field meanwhile: look at what rules it now, then save again."
            )
            return _show(made, wrong=said, code=409)
        return _save(made, deed)
    change_form(made.forms, deed, sent)
    return _show(made, typed=True)


def _save(made: Editing, deed: str) -> Response:
    here, desk = made.here, made.desk
    try:
        text = _written(made, deed)
        wrong = _new_mistakes(made, text) if deed != "back" else []
        if wrong:
            return _show(made, typed=True, mistakes=wrong, code=422)
        save_draft(here.app, made.chosen.key, text, here.me.login, seen=desk.opened.mark, ruling=desk.opened.ruling)
    except SverkaError as error:
        return _show(made, wrong=tell(error.message, here.language), typed=True, code=409)
    said = here.gettext("%(name)s is saved in the draft.", name=made.row.target.name)
    return here.to(made.back, done=said)


def _written(made: Editing, deed: str) -> str:
    """The draft's text with the field as the form has it, without the own word, or with the field taken away."""
    if deed == "back":
        return drop_value(made.desk.text, made.loc)
    return put_value(made.desk.text, made.loc, False if deed == "away" else _value(made))


def _value(made: Editing) -> object:
    return rules_of(made.forms, made.row.target.kind)


def _new_mistakes(made: Editing, text: str) -> list[Problem]:
    """What is wrong at the field's place, and what the change makes wrong elsewhere."""
    before = {(one.path, one.message) for one in made.desk.found.problems}
    found = read_text(made.here.app, made.chosen.key, text, made.desk.opened.ruling).problems
    at = f"{'.'.join(made.loc)}."
    return [
        one for one in found
        if one.level == "error" and (f"{one.path}.".startswith(at) or (one.path, one.message) not in before)
    ]  # fmt: skip


def _show(
    made: Editing, *, typed: bool = False, wrong: str = "", mistakes: list[Problem] | None = None, code: int = 200
) -> Response:
    """The form; what is typed is tried as if it were in the draft."""
    trial = made.desk
    if typed and mistakes is None:
        mistakes, trial = _try(made)
    at = len(made.loc)
    shown_at = [(one, one.path.split(".")[at:]) for one in mistakes or made.desk.mistakes_at(made.loc)]
    rules = rules_at(trial.rules, made.loc if typed else made.row.loc) if not made.card else []
    offers = find_offers(made.samples, made.find, made.section) if made.samples is not None else []
    return show(
        made.here, "mapping_grid/field.html", made.chosen, "/grid", code=code, draft=made.desk.opened.draft, made=made,
        trace=_trace(made, trial, rules), mistakes=shown_at, wrong=wrong, offers=offers, **_more(made),
    )  # fmt: skip


def _try(made: Editing) -> tuple[list[Problem], GridDesk]:
    try:
        text = put_value(made.desk.text, made.loc, _value(made))
        tried = open_desk(made.here.app, made.chosen.key, text, made.desk.opened)
    except SverkaError as error:
        return [Problem("error", 0, 0, "", error.message)], made.desk
    return _new_mistakes(made, text), tried or made.desk


def _trace(made: Editing, desk: GridDesk, rules: list[Any]) -> Trace | None:
    if made.samples is None or not rules:
        return None
    zone = zone_of(made.here, made.base)
    return trace_row(desk, made.samples, made.entity, made.row.target, rules, zone, made.skip)


def _more(made: Editing) -> dict[str, Any]:
    tree = made.desk.tree
    return words() | {
        "origins": {one: ORIGIN_TITLES[one] for one in (CARD_ORIGINS if made.card else ORIGINS)}, "shown": shown,
        "on_error": ON_ERROR, "empties": EMPTY, "step_args": STEP_ARGS, "tables": sorted(tree.get("tables", {})),
        "card_kinds": ShownKind.__args__ if hasattr(ShownKind, "__args__") else (), "first_path": first_path,
        "beneath": form_of(made.row.beneath) if made.row.beneath else None,
        "own_word": value_at(made.desk.text, made.loc) is not None,
    }  # fmt: skip
