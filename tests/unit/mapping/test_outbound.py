"""What is sent for a card: golden cases of the preset, what is missing, where the same card is looked for."""

from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from core.errors import RecordError
from mapping.outbound import OutboundStep, check_sendable
from mapping.rules import parse_mapping

CARD = MappingProxyType(
    {
        "id": UUID("0190b0a0-0000-7000-8000-000000000001"),
        "kind": "company",
        "name": "Ромашка   ООО",
        "legal_name": 'ООО "Ромашка"',
        "tax_id": "5024089920",
        "registration_code": "501701001",
        "ogrn": "1075024007156",
        "okpo": None,
        "phones": ["+74951234567;ext=12", "+79161234567"],
        "emails": ["a@b.ru"],
        "comment": "с выставки",
        "payment_days": 14,
        "manager_id": UUID("0190b0a0-0000-7000-8000-000000000002"),
        "group_id": None,
    }
)
PHONE_KIND = {
    "$lookup": {
        "set": "Catalog_ВидыКонтактнойИнформации",
        "where": {"PredefinedDataName": "ТелефонКонтрагента"},
        "otherwise": [{"PredefinedDataName": "ТелефонКонтрагенты"}, {"ИмяПредопределенногоВида": "ТелефонКонтрагента"}],
        "take": "first",
        "missing": "omit",
    }
}


CARD_SENT = {
    "Description": "Ромашка ООО",
    "НаименованиеПолное": 'ООО "Ромашка"',
    "ИНН": "5024089920",
    "КПП": "501701001",
    "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо",
    "РегистрационныйНомер": "1075024007156",
    "Ответственный_Key": {"$ref": {"entity": "manager", "id": "0190b0a0-0000-7000-8000-000000000002"}},
    "Комментарий": "с выставки [sverka:0190b0a0-0000-7000-8000-000000000001]",
    "КонтактнаяИнформация": [
        {
            "LineNumber": 1,
            "Тип": "Телефон",
            "Вид_Key": PHONE_KIND,
            "Представление": "+74951234567 доб. 12",
            "НомерТелефона": "74951234567",
        },
        {
            "LineNumber": 2,
            "Тип": "Телефон",
            "Вид_Key": PHONE_KIND,
            "Представление": "+79161234567",
            "НомерТелефона": "79161234567",
        },
        {"LineNumber": 3, "Тип": "АдресЭлектроннойПочты", "Представление": "a@b.ru", "АдресЭП": "a@b.ru"},
    ],
}
CONTRACT_SENT = {
    "Owner_Key": {"$step": 0},
    "Description": "Основной договор",
    "ВидДоговора": "СПокупателем",
    "Организация_Key": {
        "$lookup": {"set": "Catalog_Организации", "where": {}, "otherwise": [], "take": "first", "missing": "omit"}
    },
    "ВалютаВзаиморасчетов_Key": {
        "$lookup": {
            "set": "Catalog_Валюты",
            "where": {"Code": "643"},
            "otherwise": [],
            "take": "first",
            "missing": "error",
        }
    },
    "УстановленСрокОплаты": True,
    "СрокОплаты": 14,
}


@pytest.fixture
def outbound(bp30):
    return bp30.outbound["counterparty"]


def test_a_whole_card(outbound):
    step, contract = outbound.steps(CARD)
    email_kind = step.body["КонтактнаяИнформация"][2].pop("Вид_Key")
    assert (step.set, step.role) == ("Catalog_Контрагенты", "counterparty")
    assert step.body == CARD_SENT
    lookup = email_kind["$lookup"]
    assert [lookup["where"], *lookup["otherwise"]] == [
        {"PredefinedDataName": "EmailКонтрагенты"},
        {"PredefinedDataName": "EmailКонтрагента"},
        {"ИмяПредопределенногоВида": "EmailКонтрагенты"},
        {"ИмяПредопределенногоВида": "EmailКонтрагента"},
    ]
    assert contract.set == "Catalog_ДоговорыКонтрагентов"
    assert contract.body == CONTRACT_SENT


@pytest.mark.parametrize(
    ("kind", "form", "more"),
    [
        ("company", "ЮридическоеЛицо", {}),
        ("state_body", "ЮридическоеЛицо", {"ГосударственныйОрган": True}),
        ("sole_trader", "ФизическоеЛицо", {"ИндивидуальныйПредприниматель": True}),
        ("person", "ФизическоеЛицо", {}),
        (None, "ЮридическоеЛицо", {}),
    ],
)
def test_each_kind_of_customer(outbound, kind, form, more):
    body = outbound.steps({"id": "1", "name": "X", "kind": kind})[0].body
    flags = {name: value for name, value in body.items() if value is True}
    assert (body["ЮридическоеФизическоеЛицо"], flags) == (form, more)


def test_nothing_empty_is_sent(outbound):
    step, contract = outbound.steps(
        {"id": "1", "name": "X", "phones": [], "emails": None, "comment": "", "payment_days": 0}
    )
    assert step.body == {
        "Description": "X",
        "НаименованиеПолное": "X",
        "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо",
        "Комментарий": "[sverka:1]",
    }
    assert "СрокОплаты" not in contract.body


def test_long_names_are_cut_where_1c_cuts_them(outbound):
    body = outbound.steps({"id": "1", "name": "Я" * 238})[0].body
    assert body["Description"] == "Я" * 100
    assert body["НаименованиеПолное"] == "Я" * 238


def test_fields_that_some_bases_do_not_have(outbound):
    step, contract = outbound.steps(CARD)
    assert step.optional == {"Ответственный_Key", "ИндивидуальныйПредприниматель"}
    assert contract.optional == frozenset()


@pytest.mark.parametrize(
    ("card", "missing"),
    [
        ({}, ["the name", "the INN (10 digits)"]),
        ({"kind": "company", "name": "X"}, ["the INN (10 digits)"]),
        ({"kind": "company", "name": "X", "tax_id": "500100732259"}, ["the INN (10 digits)"]),
        ({"kind": "company", "name": "X", "tax_id": "5024089920"}, []),
        ({"kind": "state_body", "name": "X", "tax_id": "5024089920"}, []),
        ({"kind": "sole_trader", "name": "X", "tax_id": "5024089920"}, ["the INN (12 digits)"]),
        ({"kind": "sole_trader", "name": "X", "tax_id": "500100732259"}, []),
        ({"kind": "person", "name": "X"}, ["a phone number or an e-mail address"]),
        ({"kind": "person", "name": "X", "phones": [], "emails": ["a@b.ru"]}, []),
        ({"kind": "person", "name": " ", "phones": ["+7"]}, ["the name"]),
        ({"kind": "something new", "name": "X"}, ["the INN (10 digits)"]),
    ],
)
def test_what_a_card_waits_for(outbound, card, missing):
    assert outbound.missing(card) == missing


def test_what_a_card_waits_for_in_the_readers_language(outbound):
    assert outbound.missing({"name": "X"}, "ru") == ["ИНН (10 цифр)"]
    assert outbound.missing({"name": "X"}, "uk") == ["ІПН (10 цифр)"]


def test_where_the_same_card_is_looked_for(outbound):
    rule = outbound.match
    assert (rule.source.name, rule.source.entity, rule.tax_id, rule.registration_code) == (
        "Catalog_Контрагенты",
        "counterparty",
        "ИНН",
        "КПП",
    )
    assert rule.names == ("Description", "НаименованиеПолное")
    assert rule.marker == "Комментарий"
    assert outbound.marker(CARD) == "[sverka:0190b0a0-0000-7000-8000-000000000001]"


def test_defaults_are_settings():
    text = """extends = "bp30"
[settings]
default_group = "group-guid"
default_manager = "user-guid"
default_organisation = "firm-guid"
contract_name = "Договор поставки"
marker_prefix = "crm"
currency_code = "980"
"""
    step, contract = parse_mapping(text, "own.toml").outbound["counterparty"].steps({"id": "1", "name": "X"})
    assert (step.body["Parent_Key"], step.body["Ответственный_Key"]) == ("group-guid", "user-guid")
    assert step.body["Комментарий"] == "[crm:1]"
    assert (contract.body["Организация_Key"], contract.body["Description"]) == ("firm-guid", "Договор поставки")
    currency: Any = contract.body["ВалютаВзаиморасчетов_Key"]
    assert currency["$lookup"]["where"] == {"Code": "980"}
    own = (
        parse_mapping(text, "own.toml")
        .outbound["counterparty"]
        .steps({"id": "1", "name": "X", "group_id": "2", "manager_id": "3"})
    )
    assert own[0].body["Parent_Key"] == {"$ref": {"entity": "group", "id": "2"}}


def test_a_contract_is_not_everybodys_wish():
    mapping = parse_mapping('extends = "bp30"\n[settings]\ncreate_contract = false', "own.toml")
    assert [step.role for step in mapping.outbound["counterparty"].steps(CARD)] == ["counterparty"]


def test_steps_rows_and_fields_by_condition():
    text = """extends = "bp30"
[outbound.counterparty.steps.contract]
when = "kind == 'company'"
[outbound.counterparty.steps.counterparty.rows."КонтактнаяИнформация".site]
when = "filled(region)"
[outbound.counterparty.steps.counterparty.rows."КонтактнаяИнформация".site.fields]
"Представление" = "region"
[outbound.counterparty.steps.counterparty.rows."КонтактнаяИнформация"]
emails = false
"""
    outbound = parse_mapping(text, "own.toml").outbound["counterparty"]
    assert len(outbound.steps({"kind": "company", "name": "X"})) == 2
    (step,) = outbound.steps({"kind": "person", "name": "X", "region": "Москва", "emails": ["a@b.ru"]})
    assert step.body["КонтактнаяИнформация"] == [{"LineNumber": 1, "Представление": "Москва"}]


def test_a_step_with_nothing_in_it_is_not_sent():
    with pytest.raises(RecordError, match="'contract' has nothing to send"):
        check_sendable([OutboundStep("X", {"a": 1}, "card"), OutboundStep("Y", {}, "contract")])
