"""A base that was altered under the mapping: exactly the findings that follow, each with the line of the rule."""

from collections.abc import Callable
from dataclasses import replace

from connectors.base import Finding
from mapping.rules import Mapping
from sandbox.onec.fields import parse_field
from sync.mappings.publishing import publish_mapping
from sync.setup.mapping_check import RuleFinding, compare_live, sum_up_absent
from tests.integration.sync_mappings.changing import draft
from tests.integration.sync_pull.world import World

PARTIES, SALE = "Catalog_Контрагенты", "Document_РеализацияТоваровУслуг"
RULES = """
extends = "bp30"
[entities.counterparty.fields]
industry = "НаименованиПолное"
credit_limit = "Комментарий"
"""


def findings(world: World, mapping: Mapping) -> list[Finding]:
    return compare_live(world.app, world.settings.connections["accounting"], mapping, "own.toml")


def news(before: list[Finding], after: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.level, one.subject, one.message) for one in after if one not in before]


def rename(world: World, name: str, old: str, new: str) -> None:
    found = world.base.schema.sets[name]
    fields = tuple(replace(one, name=new) if one.name == old else one for one in found.fields)
    world.base.schema.sets[name] = replace(found, fields=fields)
    world.base.schema.revision += 1


def add(world: World, name: str, field: str) -> None:
    found = world.base.schema.sets[name]
    world.base.schema.sets[name] = replace(found, fields=(*found.fields, *parse_field(field)))
    world.base.schema.revision += 1


def test_a_name_that_is_wrong_is_told_with_its_line_and_the_nearest(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=6)
    plain = findings(world, draft('extends = "bp30"'))
    assert [one for one in plain if one.level == "error"] == []
    assert news(plain, findings(world, draft(RULES))) == [
        (
            "error",
            "own.toml:4:1: counterparty.industry",
            f"`НаименованиПолное` is not a field of `{PARTIES}`; did you mean `НаименованиеПолное`?",
        ),
        (
            "error",
            "own.toml:5:1: counterparty.credit_limit",
            f'`Комментарий` of `{PARTIES}` is a text; credit_limit takes a money. Put steps = ["money"] to the rule.',
        ),
    ]


def test_own_rules_come_first_and_what_a_preset_only_offers_is_one_line(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=6)
    found = findings(world, draft(RULES))
    own = [isinstance(one, RuleFinding) and one.own for one in found]
    assert own == sorted(own, reverse=True)
    assert own.count(True) == 2
    absent = [one for one in found if isinstance(one, RuleFinding) and one.absent]
    assert len(absent) > 20
    assert {one.file for one in absent} == {"presets/bp30.toml"}
    short = sum_up_absent(found)
    assert short[-1].message.startswith(f"{len(absent)} names of the preset are not in this base")
    assert short[:-1] == [one for one in found if one not in absent]
    assert isinstance(short[0], RuleFinding)
    assert (short[0].file, short[0].line, short[0].column) == ("own.toml", 4, 1)


def levels(world: World, rule: str, entity: str = "counterparty", head: str = "") -> list[tuple[str, str]]:
    text = f'extends = "bp30"\n{head}\n[entities.{entity}.fields]\n{rule}'
    return [
        (one.level, one.message) for one in findings(world, draft(text)) if isinstance(one, RuleFinding) and one.own
    ]


def test_an_own_rule_that_finds_nothing_is_an_error_only_where_nothing_else_fills_the_field(
    build_sqlite: Callable[..., World],
) -> None:
    world = build_sqlite(documents=6)
    assert [level for level, _ in levels(world, 'industry = "Нету"')] == ["error"]
    assert [level for level, _ in levels(world, 'manager = "Нету"')] == ["error"]
    assert [level for level, _ in levels(world, 'industry = ["Нету", "Комментарий"]')] == ["notice"]
    assert [level for level, _ in levels(world, 'industry = { from = "Нету", optional = true }')] == ["notice"]
    assert [level for level, _ in levels(world, 'industry = { from = "Нету", default = "x" }')] == ["notice"]
    assert [level for level, _ in levels(world, 'industry = ["Комментарий"]')] == []
    setting = levels(world, 'region = "Комментарий"', head='[settings]\nowner = ["Нету"]')
    assert [level for level, _ in setting] == ["notice"]  # the preset has an additional attribute besides


def test_an_own_rule_for_documents_of_several_kinds_needs_the_attribute_in_one(
    build_sqlite: Callable[..., World],
) -> None:
    world = build_sqlite(documents=6)
    found = levels(world, 'purpose = "НазначениеПлатежа"', "payment")
    assert {level for level, _ in found} <= {"notice"}
    assert "error" in {level for level, _ in levels(world, 'purpose = "НазначениеПлатежей"', "payment")}


def test_a_path_into_a_text_is_told(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=6)
    text = f"`Description` of `{PARTIES}` is a text and has no fields of its own, so no `Подполе`."
    assert levels(world, 'category = "Description.Подполе"') == [("error", text)]
    both = levels(world, 'category = ["Description.Подполе", "Комментарий"]')
    assert both == [("notice", f"{text} The rule goes on without it.")]


def test_a_base_that_was_altered_gives_exactly_these_findings(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=6)
    mapping = draft('extends = "bp30"')
    before = findings(world, mapping)
    assert findings(world, mapping) == before
    rename(world, PARTIES, "ИНН", "ИННКонтрагента")
    world.base.schema.retype_field(PARTIES, "НаименованиеПолное", "b")
    world.base.schema.retype_field(SALE, "СуммаДокумента", "s20")
    world.base.schema.unpublished.add("Catalog_КонтактныеЛица")
    add(world, PARTIES, "Отрасль:s50")
    found = news(before, findings(world, mapping))
    errors = [(level, subject.split(": ")[-1], text) for level, subject, text in found if level == "error"]
    assert sorted(errors, key=lambda one: one[1].casefold()) == [
        (
            "error",
            "Catalog_КонтактныеЛица",
            "This base does not publish the set: it was published before and is not any more.",
        ),
        (
            "error",
            "counterparty.tax_id",
            f"`ИНН` is not a field of `{PARTIES}`. It was one when the mapping was published.",
        ),
        (
            "error",
            "shipment.amount",
            f"`СуммаДокумента` of `{SALE}` was a number when the mapping was published and is a text now.",
        ),
    ]
    told = {text for level, _, text in found if level == "notice"}
    assert f"`Отрасль` is a new field of `{PARTIES}` (text)." in told
    assert f"`ИННКонтрагента` is a new field of `{PARTIES}` (text)." in told
    assert f"`НаименованиеПолное` of `{PARTIES}` was a text when the mapping was published and is a bool now." in told


def test_publishing_takes_the_base_as_it_is(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=6)
    findings(world, draft('extends = "bp30"'))
    world.base.schema.retype_field(SALE, "СуммаДокумента", "s20")
    rule = 'amount = { from = "СуммаДокумента", steps = ["money"] }'
    mapping = draft(f'extends = "bp30"\n[entities.shipment.fields]\n{rule}')
    assert any("was a number" in one.message for one in findings(world, mapping))
    publish_mapping(world.app, "bp30", mapping, "Анна")
    assert not any("СуммаДокумента" in one.message for one in findings(world, mapping) if SALE in one.message)


def test_what_a_record_is_known_and_dated_by_is_looked_for_where_ones_own_file_names_it(
    build_sqlite: Callable[..., World],
) -> None:
    world = build_sqlite(documents=6)
    right = '[entities.counterparty]\nkey = "Ref_Key"\nversion = "DataVersion"\n[entities.order]\ndate = "Date"\n'
    right += 'posted = "Posted"\ncounterparty = "Контрагент"\n'
    assert not wrong_in(world, right)
    errors = wrong_in(world, right.replace("Ref_Key", "Ключ").replace('"Date"', '"Дата_"').replace("агент", "агнет"))
    places = {one.subject.split(": ")[-1]: one.subject.split(":")[1] for one in errors}
    assert places == {"counterparty.key": "3", "order.date": "6", "order.counterparty": "8"}
    assert any("did you mean `Контрагент`?" in one.message for one in errors)


def wrong_in(world: World, text: str) -> list[Finding]:
    return [one for one in findings(world, draft(f'extends = "bp30"\n{text}')) if one.level == "error"]
