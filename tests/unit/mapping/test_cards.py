"""What a CRM's cards show: the grammar, values of every kind, and mistakes with their places."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import RecordError
from mapping.cards.program import CardMapping, Filled
from mapping.cards.shown import FIGURES, LAST, PARTS
from mapping.files.problems import MappingMistakes
from mapping.grammar.cards import CardRule, ShowRule
from mapping.rules import load_mapping, parse_mapping

DOCS = Path(__file__).parents[3] / "docs" / "mapping-format.md"
ZONE = ZoneInfo("Europe/Moscow")
LATE = datetime(2026, 3, 4, 21, 30, tzinfo=UTC)
"""Already the 5th in Moscow."""
TEXT = '\nkind = "text"\nfrom = "name"'
HEAD = '[cards.company]\nentity = "counterparty"\n'


def card_of(text: str, name: str = "company") -> CardMapping:
    return parse_mapping(text, "own.toml").cards[name]


def fill(rules: str, **shown: Any) -> Filled:
    return card_of(HEAD + rules).fill(shown, ZONE)


def own(kind: str, rest: str) -> str:
    return f'[cards.company.own.x]\nkind = "{kind}"\nlabels = "X"\n{rest}\n'


@pytest.mark.parametrize(
    ("kind", "rest", "shown", "wanted"),
    [
        ("money", 'from = "balance"',
         {"balance": Decimal("1500.5000"), "currency": "RUB"}, (Decimal("1500.50"), "RUB")),
        ("money", 'from = "balance"', {"balance": Decimal("1E+3"), "currency": "UAH"}, (Decimal("1000.00"), "UAH")),
        ("money", 'from = "balance"', {"balance": (Decimal(-7), "USD"), "currency": "RUB"}, (Decimal("-7.00"), "USD")),
        ("money", 'from = "last_order_amount"',
         {"last_order": {"amount": Decimal(3), "currency": "EUR"}, "currency": "RUB"}, (Decimal("3.00"), "EUR")),
        ("number", 'from = "balance"', {"balance": Decimal("0.0000")}, Decimal("0.00")),
        ("integer", 'from = "payment_days"', {"payment_days": 14}, 14),
        ("integer", 'formula = "payment_days * 2"', {"payment_days": 7}, 14),
        ("boolean", 'formula = "balance > 0"', {"balance": Decimal(1)}, True),
        ("date", 'from = "overdue_since"', {"overdue_since": date(2026, 3, 1)}, date(2026, 3, 1)),
        ("date", 'from = "last_order_date"', {"last_order": {"date": LATE}}, date(2026, 3, 5)),
        ("datetime", 'from = "as_of"', {"as_of": LATE.astimezone(ZONE)}, LATE),
        ("datetime", 'from = "overdue_since"',
         {"overdue_since": date(2026, 3, 5)}, datetime(2026, 3, 4, 21, tzinfo=UTC)),
        ("url", 'from = ["our_link", "link"]', {"our_link": "", "link": "e1cib/x"}, "e1cib/x"),
        ("text", 'from = "other_balances"', {"other_balances": [(Decimal("12500.5"), "USD"), (Decimal(-1), "EUR")]},
         "12 500.50 USD; -1.00 EUR"),
        ("text", 'words = ["last_order_number", "last_order_date", "last_order_amount"]',
         {"last_order": {"number": "7", "date": LATE, "amount": Decimal(15000)}}, "7, 05.03.2026, 15 000.00"),
        ("text", 'words = ["last_order_number", "name"]\nby = " / "', {"name": "x", "last_order": None}, "x"),
        ("text", 'from = "phones"', {"phones": ["+7", "+8"]}, "+7; +8"),
        ("text", 'from = "attributes.region"', {"attributes": {"region": "77"}}, "77"),
        ("text", 'formula = "left(overdue_since, 4)"', {"overdue_since": date(2026, 3, 1)}, "2026"),
        ("text", 'from = "name"\nsteps = ["upper"]', {"name": "ab"}, "AB"),
        ("text", 'value = "always"', {}, "always"),
        ("text", 'from = "name"\nwhen = "balance > 0"', {"name": "x", "balance": Decimal(0)}, None),
        ("text", 'from = "name"', {"name": ""}, None),
        ("money", 'from = "overdue"', {"currency": "RUB"}, None),
    ],
)  # fmt: skip
def test_what_a_field_of_ours_shows(kind: str, rest: str, shown: dict[str, Any], wanted: object) -> None:
    found = fill(own(kind, rest), **shown).fields["@x"]
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("kind", "rest", "shown", "message"),
    [
        ("integer", 'from = "balance"', {"balance": Decimal("1.5")}, "a whole number was expected"),
        ("number", 'from = "name"', {"name": "много"}, "a number was expected"),
        ("date", 'from = "balance"', {"balance": Decimal(5)}, "a date was expected"),
        ("date", 'from = "name"', {"name": "вчера"}, "вчера"),
        ("boolean", 'from = "name"', {"name": "x"}, "yes or no was expected"),
        ("text", 'from = "name"\ntable = "t"', {"name": "x"}, "is not in the value table"),
        ("text", 'formula = "1 / balance"', {"balance": Decimal(0)}, "divides by zero"),
    ],
)
def test_what_cannot_be_shown_is_said_in_words(kind: str, rest: str, shown: dict[str, Any], message: str) -> None:
    table = '[tables.t]\nunknown = "error"\nvalues = { a = "b" }\n'
    with pytest.raises(RecordError, match=message) as caught:
        card_of(table + HEAD + own(kind, rest)).fill(shown, ZONE)
    assert caught.value.next_step.endswith("sverka mapping check")


def test_an_empty_value_blanks_only_what_is_ours_or_what_a_rule_says() -> None:
    rules = """
[cards.company.fields]
title = "name"
industry = { from = "industry", empty = "clear" }
"@kept" = { from = "region", empty = "keep" }
[cards.company.own]
cleared = { kind = "text", labels = "C", from = "code" }
kept = { kind = "text", labels = "K" }
"""
    assert fill(rules).fields == {"industry": None, "@cleared": None}


def test_alternatives_are_tried_in_turn() -> None:
    rules = '[cards.company.fields]\ntitle = [{ from = "name", when = "balance > 0" }, "legal_name", { value = "?" }]\n'
    assert fill(rules, name="n", legal_name="l", balance=Decimal(1)).fields == {"title": "n"}
    assert fill(rules, name="n", legal_name="l", balance=Decimal(0)).fields == {"title": "l"}
    assert fill(rules, name="n", balance=Decimal(0)).fields == {"title": "?"}


def test_new_requisites_phones_and_conditions() -> None:
    text = (
        HEAD
        + """
when = "kind != 'person'"
create = "filled(last_order_number)"
phones = "phones"
emails = "emails"
[cards.company.new]
title = "name"
"@mark" = { value = "1C" }
[cards.company.own.mark]
kind = "text"
labels = { en = "Mark", ru = "Метка" }
[cards.company.requisites]
RQ_INN = "tax_id"
RQ_KPP = "registration_code"
"""
    )
    card = card_of(text)
    shown = {"name": "n", "kind": "company", "tax_id": "7707083893", "phones": ["+7", "+7", ""], "emails": None}
    found = card.fill(shown, ZONE)
    assert found == Filled({}, {"title": "n", "@mark": "1C"}, {"RQ_INN": "7707083893"}, ("+7",), ())
    assert card.is_wanted(shown)
    assert not card.is_wanted(shown | {"kind": "person"})
    assert not card.is_made(shown)
    assert card.is_made(shown | {"last_order": {"number": "1"}})
    assert not card.own
    assert [(one.code, one.labels["ru"]) for one in card.own_fields] == [("mark", "Метка")]


def test_a_card_of_our_own_and_what_it_is_tied_to() -> None:
    cards = load_mapping("bitrix24").cards
    assert list(cards) == ["company", "contact", "order", "shipment", "payment"]
    order = cards["order"]
    assert (order.own, order.parent, order.parent_field, order.deal_field) == (
        True,
        "company",
        "companyId",
        "parentId2",
    )
    assert order.parents == {"company": "companyId", "contact": "contactId"}
    assert order.titles["uk"] == "Замовлення 1С"
    assert [one.code for one in cards["contact"].own_fields] == [one.code for one in cards["company"].own_fields]
    assert {one.as_of_every for one in cards.values()} == {timedelta(hours=1)}


def test_a_file_of_ones_own_says_only_what_differs() -> None:
    text = """extends = "bitrix24"
[settings]
as_of_every = "30m"
create_when = "False"
[cards]
payment = false
[cards.company.own]
sverka_advance = false
sverka_code = { kind = "text", from = "id", labels = "Id" }
[cards.company.fields]
title = false
"""
    cards = parse_mapping(text, "own.toml").cards
    assert "payment" not in cards
    company, contact = cards["company"], cards["contact"]
    assert company.as_of_every == timedelta(minutes=30)
    assert not company.is_made({"balance": Decimal(1), "last_order": {"number": "1"}})
    shown = {"id": "7", "name": "n", "currency": "RUB"}
    assert "title" not in company.fill(shown).fields
    assert company.fill(shown).fields["@sverka_code"] == "7"
    for card in (company, contact):
        assert "sverka_advance" not in {one.code for one in card.own_fields}


def test_accounting_shows_no_cards() -> None:
    assert load_mapping("bp30").cards == {}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (HEAD + '[cards.company.fields]\ntitle = "nmae"', 4, 1, "'nmae' is not known; did you mean 'name'?"),
        (HEAD + '[cards.company.fields]\ntitle = { from = "paid" }', 4, 11, "what is told of a counterparty 'paid'"),
        (HEAD + 'create = "filled(last_ordr_number)"', 3, 1, "did you mean 'last_order_number'?"),
        (HEAD + 'when = "balance >"', 3, 1, "is not an expression"),
        (HEAD + 'phones = "phone"', 3, 1, "did you mean 'phones'?"),
        (HEAD + '[cards.company.fields]\n"@balnce" = "balance"\n[cards.company.own.balance]\nkind = "money"\n'
         'labels = "B"\nfrom = "balance"', 4, 1, "did you mean '@balance'?"),
        (HEAD + own("text", ""), 3, 20, "nothing fills 'x'"),
        (HEAD + own("colour", 'from = "name"'), 4, 1, "is one of 'text'"),
        (HEAD + own("text", 'from = "name"\nvalue = "x"'), 3, 20, "exactly one of from, value, formula, words"),
        (HEAD + f'[cards.company.own.x]\nlabels = {{ ru = "Х" }}{TEXT}', 4, 1, "a text in English"),
        (HEAD + f'[cards.company.own."Баланс"]\nlabels = "X"{TEXT}', 3, 20, "small Latin letters"),
        (HEAD + f'[cards.company.own.{"x" * 31}]\nlabels = "X"{TEXT}', 3, 20, "at most 30"),
        (HEAD + '[cards.company.fields]\ntitle = { from = "name", table = "t" }', 4, 26, "the value table 't'"),
        (HEAD + '[cards.company.fields]\ntitle = { from = "name", step = "trim" }', 4, 26, "did you mean 'steps'?"),
        (HEAD + 'own_like = "contact"', 3, 1, "the card 'contact' is not known"),
        ('[cards."Мой заказ"]\nentity = "order"', 1, 8, "the name of a card"),
        ('[cards.order]\nentity = "product"', 2, 1, "is one of 'counterparty', 'order'"),
        ('[cards.order]\nentity = "order"\ntitle = { ru = "Заказы" }', 3, 1, "needs a text in English"),
        ('[cards.order]\nentity = "order"\nparent = { company = "x" }', 3, 12, "the card 'company' is not known"),
        ('extends = "bitrix24"\n[settings]\ncreate_when = "blance > 0"', 3, 1, "did you mean 'balance'?"),
        (HEAD + '[settings]\nas_of_every = "soon"', 4, 1, "is written as a whole number and a unit"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(MappingMistakes) as caught:
        parse_mapping(text, "own.toml")
    found = caught.value.mistakes
    assert [(one.file, one.line, one.column) for one in found] == [("own.toml", line, column)], str(caught.value)
    assert message in found[0].message


def test_all_mistakes_of_cards_are_told_at_once() -> None:
    text = HEAD + 'when = "nme == 1"\n[cards.company.fields]\ntitle = "nmae"\n[cards.order]\nentity = "order"\n'
    text += '[cards.order.fields]\ntitle = "nummer"\n'
    with pytest.raises(MappingMistakes) as caught:
        parse_mapping(text, "own.toml")
    assert [one.line for one in caught.value.mistakes] == [3, 5, 9]


def test_the_example_of_the_docs_is_right() -> None:
    part = DOCS.read_text("utf-8").partition("\n## Cards")[2].partition("\n## ")[0]
    mapping = parse_mapping(part.partition("```toml\n")[2].partition("```")[0], "own.toml")
    assert "payment" not in mapping.cards
    shown = {"attributes": {"region": "Пермь"}, "balance": Decimal(1), "currency": "RUB"}
    assert mapping.cards["company"].is_made(shown)
    assert mapping.cards["company"].fill(shown).fields["@region"] == "Пермь"


def test_the_docs_name_all_that_rules_may_say() -> None:
    part = DOCS.read_text("utf-8").partition("\n## Cards")[2].partition("\n## ")[0]
    words = set(re.findall(r"[a-z_]+", part))
    keys = {*CardRule.model_fields, *ShowRule.model_fields} - {"from_"}
    assert (keys | FIGURES - {f"{last}_{rest}" for last in LAST for rest in PARTS}) - words == set()


def test_the_example_for_ukraine_is_right() -> None:
    part = DOCS.with_name("presets.md").read_text("utf-8").partition("\n## Bitrix24")[2].partition("\n## ")[0]
    mapping = parse_mapping(part.partition("```toml\n")[2].partition("```")[0], "own.toml")
    assert (mapping.country, mapping.accounting_currency) == ("UA", "UAH")
    shown = {"standing_code": "waiting", "currency": "UAH", "posted": True, "deleted": True, "date": LATE}
    assert mapping.cards["company"].fill(shown).fields["@sverka_standing"] == "чекає даних"
    assert mapping.cards["order"].fill(shown).fields["@sverka_state"] == "видалено"
