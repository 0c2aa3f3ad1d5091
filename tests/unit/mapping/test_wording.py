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
