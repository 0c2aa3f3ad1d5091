"""The difference between two versions in words, field by field."""

import pytest

from mapping.rules import load_mapping, parse_mapping
from mapping.wording import tell_differences

HEAD = 'extends = "bp30"\n'
FIELDS = HEAD + "[entities.counterparty.fields]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FIELDS + 'industry = "Отрасль"', ["counterparty: industry: new: from `Отрасль`"]),
        (FIELDS + "link = false", ["counterparty: link: taken away (was: from `Ref_Key`, then onec_link)"]),
        (
            FIELDS
            + 'tax_id = { from = ["ИНН", "ИННФизЛица"], steps = ["trim", { do = "cut", length = 12 }], default = "0" }',
            [
                "counterparty: tax_id: was from `ИНН`, then inn;"
                " is from `ИНН` or `ИННФизЛица`, then trim, cut (length 12), else '0'"
            ],
        ),
        (
            FIELDS + "code = { formula = \"upper(Code)\", when = \"filled(Code)\", owner = \"crm\" }",
            ["counterparty: code: was from `Code`; is computed `upper(Code)`, when `filled(Code)`, owned by crm"],
        ),
        (
            FIELDS + 'comment = [{ value = "x", when = "IsFolder" }, "Комментарий"]',
            [
                "counterparty: comment: was from `Комментарий` or `ДополнительнаяИнформация`;"
                " is always 'x', when `IsFolder`; else from `Комментарий`"
            ],
        ),
        (HEAD + "[settings]\npayment_days = 14", ["settings.payment_days: was 0; is 14"]),
        (HEAD + '[tables.order_status.values]\n"Новый" = "open"', ["tables.order_status.values.Новый: new: 'open'"]),
        (
            HEAD + '[parts.document.fields]\nlink = false',
            ["document (shared): link: taken away (was: from `Ref_Key`, then onec_link)"],
        ),
        (
            HEAD + '[entities.order.sources."Document_ЗаказКлиента"]',
            ["order: Document_ЗаказКлиента: new: there"],
        ),
    ],
)  # fmt: skip
def test_differences_in_words(text: str, told: list[str]) -> None:
    before, after = load_mapping("bp30"), parse_mapping(text, "own.toml")
    assert [str(one) for one in tell_differences(before.text, after.text, "own.toml")] == told


def test_back_again_is_the_reverse() -> None:
    before, after = load_mapping("bp30"), parse_mapping(FIELDS + 'industry = "Отрасль"', "own.toml")
    (there,) = tell_differences(before.text, after.text, "x")
    (back,) = tell_differences(after.text, before.text, "x")
    assert (there.before, there.after) == (back.after, back.before)
    assert str(back) == "counterparty: industry: taken away (was: from `Отрасль`)"
    assert tell_differences(before.text, before.text, "x") == []


def test_what_differs_on_a_crms_cards() -> None:
    text = """extends = "bitrix24"
[cards.company.fields]
title = false
[cards.company.new]
title = "legal_name"
[cards.company.own]
sverka_code = false
sverka_last_order = { kind = "text", words = ["last_order_number"], empty = "keep", labels = "Order" }
[cards.order]
deal_field = false
"""
    before, after = load_mapping("bitrix24"), parse_mapping(text, "own.toml")
    told = [str(one) for one in tell_differences(before.text, after.text, "own.toml")]
    assert told == [
        "company card: title: taken away (was: from `name`)",
        "company card: title: new: from `legal_name`",
        "company card: sverka_last_order: was put together of `last_order_number`, `last_order_date`,"
        " `last_order_amount`, as text, called en: 'Last order'; ru: 'Последний заказ'; uk: 'Останнє замовлення';"
        " is put together of `last_order_number`, as text, where empty: keep, called Order",
        "company card: sverka_code: taken away (was: from `code`, as text, called en: 'Code in 1C'; ru: 'Код в 1С';"
        " uk: 'Код в 1С')",
        "order card: deal_field: was 'parentId2'; is no",
    ]
