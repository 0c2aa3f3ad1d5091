"""The grid of a mapping: fields beside the base's own, changed in a form that needs no script, kept in the draft."""

from __future__ import annotations

import html
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sync.mappings.drafting import open_text, save_draft
from tests.integration.web.grid_world import SET, DeskWorld, field_address, form_fields, make_desk, press

GRID = "/mapping/bp30/grid"


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[DeskWorld]:
    with make_desk(sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
def desk_anywhere(store_url: str, tmp_path: Path) -> Iterator[DeskWorld]:
    with make_desk(store_url, tmp_path) as made:
        yield made


def own(desk: DeskWorld, *loc: str) -> Any:
    """What the draft itself says at a place."""
    found: Any = tomllib.loads(desk.text())
    for part in loc:
        found = found.get(part) if isinstance(found, dict) else None
    return found


FIELDS = ("entities", "counterparty", "fields")


def test_entities_and_their_fields_are_shown_with_values_of_the_base(desk_anywhere: DeskWorld) -> None:
    admin = desk_anywhere.admin()
    assert f'href="{GRID}/counterparty"' in admin.get(GRID).text
    page = admin.get(f"{GRID}/counterparty").text
    assert "НаименованиеПолное" in page and "inn" in page
    assert "from the preset" in page and "said here" not in page
    assert "records that were received" in page, "the base has told nothing yet"


def test_fields_are_called_in_the_readers_language_and_found_by_it(desk: DeskWorld) -> None:
    admin = desk.admin()
    admin.cookies.set("sverka-language", "uk")
    page = admin.get(f"{GRID}/counterparty").text
    assert "Вид</a>" in page and "ОГРН</a>" in page and "ОКПО)</a>" in page
    found = admin.get(f"{GRID}/counterparty", params={"find": "головний"}).text
    assert "target=fields.head" in found and "target=fields.okpo" not in found
    assert "<h2>ОГРН <code>" in admin.get(field_address("fields.ogrn")).text


def test_a_field_is_changed_by_its_form_and_stands_in_the_text(desk_anywhere: DeskWorld) -> None:
    admin, address = desk_anywhere.admin(), field_address("fields.segment")
    assert "nothing fills it" in admin.get(f"{GRID}/counterparty").text
    tried = press(admin, address, "look", r0__text="Description")
    assert tried.status_code == 200 and not desk_anywhere.has_draft()
    stepped = press(admin, address, "step:0", tried.text, r0__add="cut")
    stepped = press(admin, address, "look", stepped.text, r0__s0__length="3")
    fields = form_fields(stepped.text)
    assert fields["r0.s0.do"] == "cut" and fields["r0.s0.length"] == "3"
    saved = press(admin, address, "save", stepped.text, r0__owner="crm", r0__direction="both")
    assert saved.status_code == 303, html.unescape(saved.text)
    wanted = {"from": "Description", "steps": [{"do": "cut", "length": 3}], "owner": "crm", "direction": "both"}
    assert own(desk_anywhere, *FIELDS, "segment") == wanted
    page = admin.get(f"{GRID}/counterparty").text
    assert "said here" in page and "cut 3" in page
    assert "bp30" in [row[2] for row in desk_anywhere.site.audited() if row[1].startswith("mapping.draft")]


def test_what_each_step_makes_of_the_sample_stands_beside_it(desk: DeskWorld) -> None:
    admin, address = desk.admin(), field_address("fields.segment")
    page = press(admin, address, "look", r0__text="Description").text
    page = press(admin, address, "step:0", page, r0__add="upper").text
    text = html.unescape(page)
    name = text.split("In the base: <strong>")[1].split("</strong>")[0]
    assert name and f"→ <strong>{name.upper()}</strong>" in text
    assert f"Comes out as: <strong>{name.upper()}</strong>" in text


def test_steps_are_moved_and_taken_out(desk: DeskWorld) -> None:
    admin, address = desk.admin(), field_address("fields.segment")
    page = press(admin, address, "look", r0__text="Description").text
    for name in ("trim", "upper", "digits"):
        page = press(admin, address, "step:0", page, r0__add=name).text
    page = press(admin, address, "up:0:2", page).text
    page = press(admin, address, "down:0:0", page).text
    page = press(admin, address, "off:0:2", page).text
    assert press(admin, address, "save", page).status_code == 303
    assert own(desk, *FIELDS, "segment") == {"from": "Description", "steps": ["digits", "trim"]}


def test_several_rules_the_first_with_a_value_wins(desk: DeskWorld) -> None:
    admin, address = desk.admin(), field_address("fields.segment")
    page = press(admin, address, "add", r0__text="Description", r0__when="contains(Description, 'ООО')").text
    page = press(admin, address, "look", page, r1__origin="value", r1__text="retail").text
    assert press(admin, address, "save", page).status_code == 303
    assert own(desk, *FIELDS, "segment") == [
        {"from": "Description", "when": "contains(Description, 'ООО')"},
        {"value": "retail"},
    ]


def test_mistakes_are_told_at_the_field_and_nothing_is_kept(desk: DeskWorld) -> None:
    admin, address = desk.admin(), field_address("fields.segment")
    answer = press(admin, address, "save", r0__text="Description", r0__when="contains(")
    assert answer.status_code == 422 and 'id="mistakes"' in answer.text
    assert form_fields(answer.text)["r0.when"] == "contains("
    answer = press(admin, address, "save", r0__text="[[", r0__when="")
    assert answer.status_code == 422 and "is not a path" in answer.text
    page = press(admin, address, "step:0", r0__text="Description", r0__add="cut").text
    answer = press(admin, address, "save", page, r0__s0__length="many")
    assert answer.status_code == 422 and "length" in answer.text
    assert not desk.has_draft()


def test_the_own_word_is_taken_back_and_a_field_is_taken_away(desk: DeskWorld) -> None:
    admin, address = desk.admin(), field_address("fields.comment")
    assert press(admin, address, "away").status_code == 303
    assert own(desk, *FIELDS, "comment") is False
    page = admin.get(address).text
    assert "taken away" in page and "Комментарий" in page
    assert press(admin, address, "back").status_code == 303
    assert desk.text() == 'extends = "bp30"\n'


def test_one_set_alone_is_changed(desk: DeskWorld) -> None:
    source = "Document_РасходныйКассовыйОрдер"
    admin, address = desk.admin(), field_address("fields.purpose", "payment", source)
    page = admin.get(address).text
    assert 'value="all"' in page and 'value="set"' in page
    assert press(admin, address, "save", page, r0__text="Основание", scope="set").status_code == 303
    assert own(desk, "entities", "payment", "sources", source, "fields", "purpose")["from"] == "Основание"
    other = admin.get(f"{GRID}/payment?source=Document_ПриходныйКассовыйОрдер").text
    assert "said here" not in other


def test_rows_and_attributes_of_ones_own(desk: DeskWorld) -> None:
    admin = desk.admin()
    address = field_address("lines.lines.description", "order", "Document_СчетНаОплатуПокупателю")
    page = admin.get(address)
    assert page.status_code == 200 and "Содержание" in page.text
    assert press(admin, address, "save", page.text, r0__text="Номенклатура").status_code == 303
    assert own(desk, "entities", "order", "lines", "lines", "fields", "description")["from"] == "Номенклатура"
    address = field_address("attributes.our_code")
    assert press(admin, address, "save", r0__text="Code").status_code == 303
    assert own(desk, "entities", "counterparty", "attributes") == {"our_code": "Code"}
    assert "our_code" in admin.get(f"{GRID}/counterparty").text


def test_a_name_of_the_base_is_found_and_taken(desk: DeskWorld) -> None:
    admin, address = desk.admin(), field_address("fields.segment")
    page = press(admin, address, "look", find="комент").text
    assert "take:0:Комментарий" in html.unescape(page)
    page = press(admin, address, "take:0:Комментарий", page).text
    assert form_fields(page)["r0.text"] == "Комментарий"


def test_the_base_is_asked_once_and_what_it_said_is_kept(desk_anywhere: DeskWorld) -> None:
    admin, server = desk_anywhere.admin(), desk_anywhere.pulled.server
    back = f"{GRID}/counterparty?source={SET}&base=accounting"
    answer = admin.submit("/mapping/bp30/declared", base="accounting", back=back)
    assert answer.status_code == 303 and answer.headers["location"].startswith(f"{GRID}/counterparty")
    asked = len(server.requests)
    page = admin.get(back).text
    assert "The base told its fields" in page
    form = press(admin, field_address("fields.segment"), "look", find="контактная").text
    assert "КонтактнаяИнформация." in form
    assert "Catalog_Номенклатура" in page, "sets that could be read as well are offered"
    assert len(server.requests) == asked, "a look asks the base nothing"


def test_a_base_that_does_not_answer_is_told_and_what_was_kept_is_shown(desk: DeskWorld) -> None:
    admin = desk.admin()
    assert admin.submit("/mapping/bp30/declared", base="accounting").status_code == 303
    desk.pulled.server.faults.add("error", error="unavailable", path=".*")
    answer = admin.submit("/mapping/bp30/declared", base="accounting", back=f"{GRID}/counterparty")
    assert answer.status_code == 303
    page = admin.get(f"{GRID}/counterparty").text
    assert "does not answer" in page and "The base told its fields" in page


def test_a_set_is_left_out_and_read_again(desk: DeskWorld) -> None:
    admin, name = desk.admin(), "Document_ОплатаПлатежнойКартой"
    assert admin.submit(f"{GRID}/payment/sets", name=name, deed="off").status_code == 303
    assert own(desk, "entities", "payment", "sources", name) is False
    assert "left out" in admin.get(f"{GRID}/payment?source={name}").text
    assert admin.submit(f"{GRID}/payment/sets", name=name, deed="on").status_code == 303
    assert desk.text() == 'extends = "bp30"\n' or own(desk, "entities", "payment", "sources", name) is None
    assert admin.submit(f"{GRID}/payment/sets", name="Document_Иной", deed="on").status_code == 303
    assert own(desk, "entities", "payment", "sources", "Document_Иной") == {"optional": True}
    answer = admin.submit(f"{GRID}/counterparty/sets", name=SET, deed="off")
    assert answer.status_code == 409 and "only set" in answer.text


def test_nobodys_word_is_overwritten_unseen(desk: DeskWorld) -> None:
    admin, address = desk.admin(), field_address("fields.segment")
    page = admin.get(address).text
    opened = open_text(desk.pulled.app, "bp30")
    other = opened.text + '\n[entities.counterparty.fields]\nindustry = "Code"\n'
    save_draft(desk.pulled.app, "bp30", other, "olga", seen=opened.mark)
    assert press(admin, address, "save", page, r0__text="Description").status_code == 303, "another field: no clash"
    assert own(desk, *FIELDS) == {"industry": "Code", "segment": "Description"}
    answer = press(admin, address, "save", page, r0__text="Code")
    assert answer.status_code == 409 and "meanwhile" in answer.text
    assert form_fields(answer.text)["r0.text"] == "Code", "what was typed is not lost"
    assert own(desk, *FIELDS, "segment") == "Description"


def test_a_draft_that_cannot_be_read_leads_to_its_text(desk: DeskWorld) -> None:
    save_draft(desk.pulled.app, "bp30", "x = ", "olga", seen="")
    admin = desk.admin()
    assert "Mend it first" in admin.get(GRID).text
    assert admin.get(f"{GRID}/counterparty").status_code == 303
    assert admin.get(field_address("fields.segment")).status_code == 404


def test_mistakes_of_the_text_stand_at_their_field(desk: DeskWorld) -> None:
    rule = 'segment = { from = "Code", steps = ["shout"] }'
    text = f'extends = "bp30"\n[entities.counterparty.fields]\n{rule}\nnme = "Code"\n'
    save_draft(desk.pulled.app, "bp30", text, "olga", seen="")
    page = html.unescape(desk.admin().get(f"{GRID}/counterparty").text)
    assert "'shout' is not known" in page and "'nme' is not known" in page
    assert "2 mistakes" in desk.admin().get(GRID).text


@pytest.mark.parametrize(
    "path", [f"{GRID}/nothing", f"{GRID}/counterparty/field?target=x&source={SET}", "/mapping/x/grid"]
)
def test_what_is_not_there(desk: DeskWorld, path: str) -> None:
    assert desk.admin().get(path).status_code == 404


def test_questions_do_not_grow(desk_anywhere: DeskWorld, count_queries: Callable[[Any], Any]) -> None:
    admin = desk_anywhere.admin()
    limits = {GRID: 4, f"{GRID}/counterparty": 6, field_address("fields.segment"): 6, "/mapping/bp30/preview": 6}
    for path, most in limits.items():
        with ExitStack() as stack:
            engines = (desk_anywhere.site.site.reader, desk_anywhere.pulled.engine)
            asked = [stack.enter_context(count_queries(engine)) for engine in engines]
            assert admin.get(path).status_code == 200
            assert sum(len(one) for one in asked) <= most, path
