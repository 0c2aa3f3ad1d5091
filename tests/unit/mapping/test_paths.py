"""Where values stand in a record of 1C (1c-odata.md §1.4, §2.3)."""

import pytest

from mapping.paths import EMPTY_GUID, PathError, all_getter, attribute, parse_path, reference_getter, value_getter

GUID = "a348aa8c-d629-11e5-0a9b-000c295e30eb"
OTHER = "b348aa8c-d629-11e5-0a9b-000c295e30eb"
NOBODY = frozenset[str]()
CARDS = frozenset({"Catalog_Контрагенты"})
PHONES: dict[str, object] = {
    "КонтактнаяИнформация": [
        {"LineNumber": "1", "Тип": "Адрес", "Представление": "Москва"},
        {"LineNumber": "2", "Тип": "Телефон", "Представление": "", "НомерТелефона": "74951112233"},
        {"LineNumber": "3", "Тип": "Факс", "Представление": "+7 495 111-22-34 "},
        "not a row",
    ]
}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"Контрагент": "x"}, "x"),
        ({"Контрагент_Key": GUID}, GUID),
        ({"Контрагент": None, "Контрагент_Key": GUID}, GUID),
        ({"Контрагент": {"Description": "expanded"}, "Контрагент_Key": GUID}, GUID),
        ({"Контрагент": "1                   "}, "1"),
        ({"Контрагент": ""}, None),
        ({"Контрагент": "   "}, None),
        ({"Контрагент_Key": EMPTY_GUID}, None),
        ({"Контрагент": "0001-01-01T00:00:00"}, None),
        ({"Контрагент": False}, False),
        ({"Контрагент": 0}, 0),
        ({}, None),
    ],
)
def test_attribute_under_either_name_and_nothing_is_none(data, value):
    assert attribute("Контрагент")(data) == value


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"Контрагент": GUID.upper(), "Контрагент_Type": "StandardODATA.Catalog_Контрагенты"}, GUID),
        ({"Контрагент": GUID, "Контрагент_Type": "StandardODATA.Catalog_ФизическиеЛица"}, None),
        ({"Контрагент": "", "Контрагент_Type": "StandardODATA.Undefined"}, None),
        ({"Контрагент": GUID, "Контрагент_Type": "StandardODATA.Undefined"}, None),
        ({"Контрагент": "Иванов", "Контрагент_Type": "Edm.String"}, None),
        ({"Контрагент": GUID, "Контрагент_Type": 5}, None),
        ({"Контрагент_Key": GUID}, GUID),
        ({"Контрагент_Key": EMPTY_GUID}, None),
        ({"Контрагент": 5}, "5"),  # CRMs count their records
        ({"Контрагент": 0}, None),
        ({"Контрагент": True}, None),
        ({"Контрагент": 10**30}, None),
        ({"Контрагент": "x" * 201}, None),
    ],
)
def test_reference_is_checked_against_its_type(data, key):
    assert reference_getter(parse_path("Контрагент"), CARDS)(data) == key


def test_any_type_will_do_where_none_is_named():
    data: dict[str, object] = {"Контрагент": GUID, "Контрагент_Type": "StandardODATA.Catalog_ФизическиеЛица"}
    assert reference_getter(parse_path("Контрагент"), NOBODY)(data) == GUID
    assert reference_getter(parse_path("Контрагент"), NOBODY)(data | {"Контрагент_Type": "Edm.String"}) is None


@pytest.mark.parametrize(
    ("path", "first", "every"),
    [
        ("КонтактнаяИнформация.Представление", "Москва", ["Москва", "+7 495 111-22-34"]),
        ("КонтактнаяИнформация[Тип=Телефон].Представление|НомерТелефона", "74951112233", ["74951112233"]),
        (
            "КонтактнаяИнформация[Тип=Телефон|Факс].Представление|НомерТелефона",
            "74951112233",
            ["74951112233", "+7 495 111-22-34"],
        ),
        ("КонтактнаяИнформация[Тип!=Телефон, LineNumber=3].Представление", "+7 495 111-22-34", ["+7 495 111-22-34"]),
        ("КонтактнаяИнформация[ Тип = 'телефон' ].НомерТелефона", "74951112233", ["74951112233"]),
        ("КонтактнаяИнформация[Тип=Skype].Представление", None, []),
        ("КонтактнаяИнформация[Тип=].Представление", None, []),
        ("Нет.Представление", None, []),
    ],
)
def test_rows_of_a_section(path, first, every):
    assert value_getter(parse_path(path))(PHONES) == first
    assert all_getter(parse_path(path))(PHONES) == every


def test_object_delivered_inside_counts_as_one_row():
    assert value_getter(parse_path("Подразделение.Description"))({"Подразделение": {"Description": "Склад"}}) == "Склад"


def test_every_value_of_a_plain_attribute():
    get = all_getter(parse_path("Телефоны"))
    assert get({"Телефоны": "1"}) == ["1"]
    assert get({"Телефоны": ["1", "2"]}) == ["1", "2"]
    assert get({}) == []


def test_first_row_with_a_reference_of_the_right_type():
    rows = [
        {"Сделка": GUID, "Сделка_Type": "StandardODATA.Document_СчетНаОплатуПокупателю"},
        {"Сделка": OTHER, "Сделка_Type": "StandardODATA.Document_РеализацияТоваровУслуг"},
    ]
    accepted = frozenset({"Document_РеализацияТоваровУслуг"})
    assert reference_getter(parse_path("Строки.Сделка"), accepted)({"Строки": rows}) == OTHER
    assert reference_getter(parse_path("Строки.Сделка"), accepted)({"Строки": rows[:1]}) is None


def test_row_condition_with_an_empty_setting_switches_the_path_off():
    path = parse_path("ДополнительныеРеквизиты[Свойство=].Значение")
    data: dict[str, object] = {"ДополнительныеРеквизиты": [{"Свойство_Key": EMPTY_GUID, "Значение": GUID}]}
    assert path.never
    assert value_getter(path)(data) is None
    assert all_getter(path)(data) == []
    assert reference_getter(path, NOBODY)(data) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a path"),
        ("Ком[ментарий", "is not a path"),
        ("Имя Фамилия", "is not a path"),
        ("1Имя", "is not a path"),
        ("А.Б.В", "is not a path"),
        ("Товары[Тип=1]", "but not which attribute"),
        ("Товары[Тип].Цена", "is not a row condition"),
        ("Товары[].Цена", "is not a row condition"),
        ("x" * 5000 + "!", "is not a path"),
    ],
)
def test_what_is_no_path_is_said(text, reason):
    with pytest.raises(PathError, match=reason) as caught:
        parse_path(text)
    assert len(str(caught.value)) < 300
