"""Personal data is made up, deterministically, and the cleaners still see what they saw."""

import re

import pytest

from mapping.cases.masking import mask_text, masker_of
from mapping.cleaners.contacts import find_emails, find_phones
from mapping.cleaners.taxids import check_edrpou, check_inn, check_ogrn
from mapping.rules import Mapping, parse_mapping
from tests.unit.mapping.conftest import ZONE

PAYLOAD = {
    "Ref_Key": "0b0e3a52-5a4c-11e9-8f5d-00155d000001",
    "DataVersion": "AAAAAQAAAAA=",
    "DeletionMark": False,
    "IsFolder": False,
    "Code": "00-000042",
    "Description": 'Сидоров Пётр Ильич ИП "Северянка"',
    "НаименованиеПолное": "Индивидуальный предприниматель Сидоров Пётр Ильич",
    "ЮридическоеФизическоеЛицо": "ФизическоеЛицо",
    "ИНН": "500100732259",
    "КПП": "770701001",
    "РегистрационныйНомер": "304500116000157",
    "Комментарий": "р/с 40702810900000002851, спросить Марину, +7 (912) 345-67-89, p.sidorov@severyanka.ru",
    "КонтактнаяИнформация": [
        {"LineNumber": "1", "Тип": "Телефон", "Представление": "8 (912) 345-67-89 доб. 12"},
        {"LineNumber": "2", "Тип": "АдресЭлектроннойПочты", "АдресЭП": "P.Sidorov@severyanka.ru"},
        {"LineNumber": "3", "Тип": "Адрес", "Представление": "614000, Пермь г, Ленина ул, дом 7"},
    ],
    "ДополнительныеРеквизиты": [
        {"LineNumber": "1", "Свойство_Key": "9b0e3a52-5a4c-11e9-8f5d-00155d0000ff", "Значение": "Марина Иванова"},
    ],
}
PERSONAL = re.findall(
    r"[А-Яа-яёЁ]{4,}|\d{5,}",
    "Сидоров Пётр Ильич Северянка Марина Марину Иванова Пермь Ленина 500100732259 770701001 304500116000157 614000"
    " 40702810900000002851 9123456789 3456789",
)


def test_nothing_of_the_original_is_left_and_the_structure_is(bp30: Mapping) -> None:
    masked = masker_of(bp30).mask(PAYLOAD)
    text = repr(masked)
    plain = re.sub(r"[\s\-().]", "", text)
    assert [word for word in PERSONAL if word.lower() in text.lower() or word in plain] == []
    assert "sidorov" not in text.lower()
    assert "severyanka" not in text.lower()
    for key in ("Ref_Key", "DataVersion", "Code", "ЮридическоеФизическоеЛицо", "IsFolder"):
        assert masked[key] == PAYLOAD[key]
    rows = masked["КонтактнаяИнформация"]
    assert [row["Тип"] for row in rows] == ["Телефон", "АдресЭлектроннойПочты", "Адрес"]  # type: ignore[attr-defined]
    assert masker_of(bp30).mask(PAYLOAD) == masked


def test_the_cleaners_see_what_they_saw(bp30: Mapping) -> None:
    entity, source = bp30.entities["counterparty"], "Catalog_Контрагенты"
    before = entity.build(source, dict(PAYLOAD), ZONE)
    after = entity.build(source, masker_of(bp30).mask(PAYLOAD), ZONE)
    assert before is not None
    assert after is not None
    assert after.marks == before.marks == {}
    assert [name for name, value in after.fields.items() if value] == [
        name for name, value in before.fields.items() if value
    ]
    assert after.fields["kind"] == before.fields["kind"] == "sole_trader"
    assert len(after.fields["phones"]) == 1  # type: ignore[arg-type]
    assert str(after.fields["phones"]).endswith(";ext=12']")
    assert after.fields["tax_id"] != before.fields["tax_id"]


@pytest.mark.parametrize(
    ("number", "check"),
    [("7707083893", check_inn), ("500100732259", check_inn), ("1027700132195", check_ogrn), ("00032129", check_edrpou)],
)
def test_check_digits_stay_right_or_wrong(number: str, check: object) -> None:
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert check(mask_text(number))[1] == ""  # type: ignore[operator]
    assert check(wrong)[1]  # type: ignore[operator]
    assert check(mask_text(wrong))[1]  # type: ignore[operator]
    assert mask_text(number) != number


@pytest.mark.parametrize("text", ["+7 (495) 123-45-67", "8 912 345 67 89", "8(800)555-35-35", "+380 44 123 45 67"])
def test_a_phone_number_stays_one_of_its_kind(text: str) -> None:
    masked = mask_text(text)
    assert masked != text
    assert re.sub(r"\d", "0", masked) == re.sub(r"\d", "0", text)
    assert find_phones(masked, "RU")[1] == ()


def test_words_keep_number_and_case_and_forms_of_enterprise() -> None:
    masked = mask_text('ООО "РОМАШКА и Ко"')
    assert re.fullmatch(r'ООО "[А-Я]{7} . Ко"|ООО "[А-Я]{7} [а-я] [А-Я][а-я]"', masked)
    assert mask_text("Ромашка") == mask_text("Ромашка")
    assert mask_text("Ромашка").lower() == mask_text("РОМАШКА").lower()
    assert find_emails(mask_text("Info@Romashka.ru"))[1] == ()


LIFE: dict[str, object] = {
    "Ref_Key": "0b0e3a52-5a4c-11e9-8f5d-00155d000001",
    "Date": "2024-03-05T10:00:00",
    "ДатаРождения": "1980-05-12T00:00:00",
    "Description": "Сидоров П. И., Петров К.Л. и кузнецов а.в.; J. Smith",
    "ДополнительныеРеквизиты": [
        {"LineNumber": "1", "Свойство_Key": "9b0e3a52-5a4c-11e9-8f5d-00155d0000ff", "Значение": "1979-11-30T00:00:00"},
        {"LineNumber": "2", "Свойство_Key": "9b0e3a52-5a4c-11e9-8f5d-00155d0000fe", "Значение": "0001-01-01T00:00:00"},
    ],
    "КонтактнаяИнформация": [
        {
            "Тип": "Телефон",
            "Представление": "+7 (342) 212-85-06",
            "КодГорода": "342",
            "НомерТелефона": "73422128506",
            "НомерТелефонаБезКодов": "2128506",
            "ЗначенияПолей": '<НомерТелефона КодГорода="342" Номер="212-85-06"/> {"areaCode": "342"}',
        },
        {"Тип": "Телефон", "Представление": "8 (912) 345-67-89", "КодГорода": "912"},
        {"Тип": "Телефон", "Представление": "8 800 555-35-35"},
        {"Тип": "Телефон", "Представление": "+380 44 123 45 67"},
    ],
}


def test_days_of_a_life_initials_and_area_codes_are_made_up(bp30: Mapping) -> None:
    masked = masker_of(bp30).mask(LIFE)
    text = repr(masked)
    left = ["1980-05-12", "1979-11-30", "342", "912", "2128506", "212-85-06", "345-67-89", "800 555", " 44 ", "12345"]
    assert [value for value in left if value in text] == []
    assert re.fullmatch(
        r"[А-Я][а-я]+ [А-Я]\. [А-Я]\., [А-Я][а-я]+ [А-Я]\.[А-Я]\. и [а-я]+ [а-я]\.[а-я]\.; [A-Z]\. [A-Z][a-z]+",
        str(masked["Description"]),
    )
    assert not re.search(r"П\. И\.|К\.Л\.|а\.в\.|J\.", str(masked["Description"]))
    assert masked["Date"] == LIFE["Date"]
    rows = masked["ДополнительныеРеквизиты"]
    assert rows[1]["Значение"] == "0001-01-01T00:00:00"  # type: ignore[index]
    assert re.fullmatch(r"19\d\d-\d\d-\d\dT00:00:00", rows[0]["Значение"])  # type: ignore[index]
    assert masker_of(bp30).mask(LIFE) == masked


@pytest.mark.parametrize("code", ["495", "342", "903", "912", "800", "812", "343"])
def test_the_area_of_a_phone_number_becomes_another(code: str) -> None:
    for number in range(20):
        text = f"+7 ({code}) 2{number:02}-45-67"
        masked = mask_text(text)
        assert masked.startswith("+7 (")
        assert masked[4:7] != code
        assert find_phones(masked, "RU")[1] == find_phones(text, "RU")[1]


def test_a_word_is_kept_only_where_the_rules_hold_it_against_words_of_their_own() -> None:
    rules = parse_mapping(
        'extends = "bp30"\n[entities.counterparty]\n'
        "when = \"filled(Директор) and length(Дилер) > 3 and (one_of(Вид, 'Опт') or lower(Канал) == 'сеть')\"\n"
        '[entities.counterparty.attributes]\nx = { formula = "text(Куратор) + Бухгалтер" }\n',
        "own",
    )
    names = ("Директор", "Дилер", "Куратор", "Бухгалтер", "Менеджер")
    payload: dict[str, object] = {"Вид": "Розница", "Канал": "Сайт", "Тип": "Дилер"}
    payload |= dict.fromkeys(names, "Северянкин")
    masked = masker_of(rules).mask(payload)
    assert (masked["Вид"], masked["Канал"], masked["Тип"]) == ("Розница", "Сайт", "Дилер")
    assert "Северянкин" not in {masked[name] for name in names}
