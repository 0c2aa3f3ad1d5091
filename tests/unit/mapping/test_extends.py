"""A file of one's own over a preset: says what differs, is complete once kept, its version names its content."""

from zoneinfo import ZoneInfo

from mapping.files.positions import find_positions
from mapping.hashing import hash_content
from mapping.rules import load_mapping, parse_mapping

ZONE = ZoneInfo("Europe/Moscow")
KEY = "a348aa8c-d629-11e5-0a9b-000c295e30eb"
USER = "b348aa8c-d629-11e5-0a9b-000c295e30eb"
CARD: dict[str, object] = {"Ref_Key": KEY, "Description": "Ромашка", "ИНН": "5024089920", "КодПоОКПО": "123"}


def counterparty(text: str, **data: object):
    mapping = parse_mapping('extends = "bp30"\n' + text, "own.toml")
    return mapping.entities["counterparty"].build("Catalog_Контрагенты", CARD | data, ZONE)


def test_one_field_differs_and_the_rest_stays():
    record = counterparty(
        '[entities.counterparty.fields]\nname = "НаименованиеПолное"', НаименованиеПолное="ООО Ромашка"
    )
    assert record.fields["name"] == "ООО Ромашка"
    assert record.fields["tax_id"] == "5024089920"


def test_a_rule_is_replaced_as_a_whole():
    record = counterparty('[entities.counterparty.fields]\ntax_id = "КодПоОКПО"')
    assert record.fields["tax_id"] == "123"
    assert record.marks == {}


def test_what_is_taken_away_is_said():
    text = """extends = "bp30"
[entities.counterparty.fields]
okpo = false
[entities.payment.sources]
"Document_ОплатаПлатежнойКартой" = false
[entities.order.lines]
lines = false
[recorders]
"Document_НачислениеПеней" = false
[outbound.counterparty.steps.counterparty.body]
"КПП" = false
[entities]
return = false
"""
    mapping = parse_mapping(text, "own.toml")
    assert mapping.taken_away == [
        "entities.counterparty.fields.okpo",
        "entities.payment.sources.Document_ОплатаПлатежнойКартой",
        "entities.return",
        "recorders.Document_НачислениеПеней",
        "outbound.counterparty.steps.counterparty.body.КПП",
    ]
    record = mapping.entities["counterparty"].build("Catalog_Контрагенты", CARD, ZONE)
    assert record is not None
    assert "okpo" not in record.fields
    assert "Document_ОплатаПлатежнойКартой" not in [source.name for source in mapping.entities["payment"].sources]
    assert "return" not in mapping.entities
    assert "Document_НачислениеПеней" not in mapping.recorder_kinds
    assert "КПП" not in mapping.outbound["counterparty"].steps({"name": "x", "registration_code": "1"})[0].body
    order = mapping.entities["order"].programs["Document_СчетНаОплатуПокупателю"]
    assert order.lines == ()


def test_a_setting_changes_every_rule_that_takes_it():
    record = counterparty('[settings]\nowner = ["КР_Менеджер"]', КР_Менеджер_Key=USER, Ответственный_Key=KEY)
    assert record.refs["manager"] == USER
    mapping = parse_mapping('extends = "bp30"\n[settings]\naccounts = ["36.1"]', "own.toml")
    assert mapping.balance is not None
    assert mapping.balance.accounts == ("36.1",)


def test_an_attribute_of_ones_own_joins_those_of_1c():
    rows = [{"Свойство_Key": USER, "Значение": "x"}]
    record = counterparty(
        '[entities.counterparty.attributes]\n"Канал" = "КР_Канал"', КР_Канал="Сайт", ДополнительныеРеквизиты=rows
    )
    assert record.fields["attributes"] == {USER: "x", "Канал": "Сайт"}
    assert counterparty('[entities.counterparty.attributes]\n"Канал" = "КР_Канал"').fields["attributes"] is None


def test_owner_of_a_field_is_told():
    text = 'extends = "bp30"\n[entities.counterparty.fields]\ncategory = { from = "X", owner = "crm" }'
    mapped = parse_mapping(text, "own.toml").entities["counterparty"]
    assert mapped.owners == {"category": "crm", "phones": "newest", "emails": "newest"}
    assert mapped.directions == {"phones": "both", "emails": "both"}


def test_the_kept_text_builds_the_very_same_version(tmp_path):
    (tmp_path / "base.toml").write_text('extends = "bp30"\n[settings]\npayment_days = 14\n', encoding="utf-8")
    (tmp_path / "own.toml").write_text('extends = "base.toml"\ntitle = "Ours"', encoding="utf-8")
    first = load_mapping("own.toml", folder=tmp_path)
    (tmp_path / "base.toml").unlink()
    again = parse_mapping(first.text, "own")
    assert (again.version, again.text, again.title) == (first.version, first.text, "Ours")
    assert again.settings["payment_days"] == 14
    assert again.name == first.name == "own"


def test_the_version_names_the_content_of_file_and_preset(bp30):
    assert load_mapping("bp30").version == bp30.version
    assert parse_mapping(bp30.text, "bp30").version == bp30.version
    assert parse_mapping(bp30.text + "\n# a word", "bp30").version != bp30.version
    own = parse_mapping('extends = "bp30"', "own.toml")
    assert own.version not in (bp30.version, hash_content(("extends",)))
    other_base = own.text.replace("62.32", "62.99")
    assert parse_mapping(other_base, "own.toml").version != own.version


def test_part_entity_and_source_lie_over_each_other():
    text = """
[parts.base]
date = "Дата"
deleted = false
when = "Флаг"
[parts.base.fields]
name = "A"
code = "B"
okpo = "C"
[entities.counterparty]
parts = ["base"]
date = "ДатаСоздания"
[entities.counterparty.fields]
code = "B2"
[entities.counterparty.sources.X]
key = "Ref"
date = false
[entities.counterparty.sources.X.fields]
okpo = false
[entities.counterparty.sources.Y]
when = "not Флаг"
"""
    entity = parse_mapping(text, "own.toml").entities["counterparty"]
    first, second = entity.sources
    assert (first.name, first.key, first.date, first.deleted) == ("X", "Ref", None, None)
    assert (second.name, second.key, second.date) == ("Y", "Ref_Key", "ДатаСоздания")
    data: dict[str, object] = {
        "Ref": "1",
        "Ref_Key": "2",
        "A": "a",
        "B": "b",
        "B2": "b2",
        "C": "c",
        "Флаг": True,
        "DeletionMark": True,
    }
    record = entity.build("X", data, ZONE)
    assert record is not None
    assert (record.fields, record.external_id, record.deleted) == ({"name": "a", "code": "b2"}, "1", False)
    assert entity.build("Y", data, ZONE) is None
    other = entity.build("Y", data | {"Флаг": False}, ZONE)
    assert other is not None
    assert other.fields["okpo"] == "c"


def test_places_of_keys_in_every_spelling_of_toml():
    text = '''# comment = 1
a = 1
"б в" = { 'x' = [1, "two", { y = 3 }], z.w = 4 }
[t."ключ"]
s = """
line = 5
"""  # end
[[many]]
v = [
  1,  # one
  2,
]
[[many]]
w = 'c:\\'
[many.sub]
k = 2024-01-01
'''
    places = find_positions(text).places
    assert places["a",] == (2, 1)
    assert places["б в", "x"] == (3, 11)
    assert places["б в", "x", 1] == (3, 21)
    assert places["б в", "x", 2, "y"] == (3, 30)
    assert places["б в", "z", "w"] == (3, 42)
    assert places["t", "ключ", "s"] == (5, 1)
    assert ("t", "ключ", "line") not in places
    assert places["many", 0, "v", 1] == (11, 3)
    assert places["many", 1, "w"] == (14, 1)
    assert places["many", 1, "sub", "k"] == (16, 1)
    assert find_positions("").find(("x",)) == (0, 0, 0)
