"""A base that was altered under the mapping: exactly the findings that follow, each with the line of the rule."""

from collections.abc import Callable
from dataclasses import replace

from connectors.base import Finding
from mapping.rules import Mapping
from sandbox.onec.fields import parse_field
from sync.mappings.publishing import publish_mapping
from sync.setup.mapping_check import compare_live
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
            "own.toml:5:1: counterparty.credit_limit",
            f'`Комментарий` of `{PARTIES}` is a text; credit_limit takes a money. Put steps = ["money"] to the rule.',
        ),
        (
            "notice",
            "own.toml:4:1: counterparty.industry",
            f"`НаименованиПолное` is not a field of `{PARTIES}`; did you mean `НаименованиеПолное`?"
            " The rule goes on without it.",
        ),
    ]


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
