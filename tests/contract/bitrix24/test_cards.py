"""Cards of a portal: made once, found again, written many at a time, each with a result of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from unittest.mock import patch

import pytest

from connectors.bitrix24.connector import Bitrix24Connector
from connectors.cards import Card, CardField, CardTarget, CardType
from core.errors import ConfigError, ConflictError, RecordError, SchemaDrift, TransientError, UncertainOutcome
from sandbox.bitrix24.admin import PERSON
from sandbox.bitrix24.errors import system
from tests.contract.bitrix24.stand import BitrixStand, open_stand

LABELS = {"ru": "Долг", "en": "Balance", "uk": "Борг"}
COMPANY = CardType(
    "company", fields=(CardField("ONEC_BALANCE", "money", LABELS), CardField("ONEC_AT", "datetime", LABELS))
)
ORDERS = CardType("order", own=True, titles={"ru": "Заказы 1С"}, fields=(CardField("NUMBER", "text", LABELS),))


@pytest.fixture
def stand() -> Iterator[BitrixStand]:
    with open_stand() as stand:
        yield stand


@pytest.fixture
def target(stand: BitrixStand) -> Bitrix24Connector:
    connector = cast("Bitrix24Connector", stand.connect())
    assert isinstance(connector, CardTarget)
    return connector


def card(key: str = "k1", external_id: str | None = None, **fields: object) -> Card:
    return Card("company", key, external_id, {"title": "Ромашка"} | fields)


def test_what_is_missing_is_made_once(stand: BitrixStand, target: Bitrix24Connector) -> None:
    told = target.setup([COMPANY, ORDERS], dry_run=True)
    assert {one.state for one in told} == {"missing"}
    assert stand.written() == 0
    made = target.setup([COMPANY, ORDERS], dry_run=False)
    assert {one.state for one in made} == {"made"}
    assert len(made) == 4
    assert {one.state for one in target.setup([COMPANY, ORDERS], dry_run=False)} == {"there"}
    assert {one.state for one in cast("Bitrix24Connector", stand.connect()).setup([COMPANY, ORDERS], dry_run=True)} == {
        "there"
    }
    label = stand.portal.kinds[4].fields[next(n for n in stand.portal.kinds[4].fields if n.startswith("ufCrm"))]
    assert label.kind == "money"


def test_our_type_is_found_among_more_than_a_page_of_others(stand: BitrixStand, target: Bitrix24Connector) -> None:
    stand.portal.plan_types = 200
    target.setup([ORDERS], dry_run=False)
    for number in range(120):
        stand.server.shell.rest.methods["crm.type.add"]({"fields": {"title": f"Процесс {number}"}}, PERSON)
    again = cast("Bitrix24Connector", stand.connect())
    assert {one.state for one in again.setup([ORDERS], dry_run=False)} == {"there"}
    assert [kind.code for kind in stand.portal.kinds.values() if kind.code] == ["SVERKA_ORDER"]


def test_the_plan_may_not_allow_it(stand: BitrixStand, target: Bitrix24Connector) -> None:
    stand.portal.plan_types = 0
    with pytest.raises(ConfigError, match="plan"):
        target.setup([ORDERS], dry_run=False)


def test_a_field_of_another_type_is_told(stand: BitrixStand, target: Bitrix24Connector) -> None:
    target.setup([CardType("company", fields=(CardField("ONEC_BALANCE", "text", LABELS),))], dry_run=False)
    with pytest.raises(SchemaDrift, match="UF_CRM_ONEC_BALANCE"):
        target.setup([COMPANY], dry_run=False)


def test_a_card_is_made_under_our_key_with_its_requisites(stand: BitrixStand, target: Bitrix24Connector) -> None:
    target.setup([COMPANY], dry_run=False)
    moment = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    sent = Card(
        "company", "k1", None,
        {"title": "Ромашка", "UF_CRM_ONEC_BALANCE": (Decimal("1500.50"), "RUB"), "UF_CRM_ONEC_AT": moment},
        requisites={"RQ_INN": "7707083893", "RQ_KPP": "770701001"}, phones=["+74951112233"], emails=["a@b.example"],
    )  # fmt: skip
    (result,) = target.write_cards([sent])
    assert result.error is None
    assert result.external_id is not None
    row = stand.portal.kinds[4].items[int(result.external_id)]
    assert (row["originatorId"], row["originId"], row["ufCrmOnecBalance"]) == ("sverka", "k1", "1500.50|RUB")
    assert row["ufCrmOnecAt"] == "2026-11-21T12:00:00+03:00"
    assert [one["value"] for one in row["fm"]] == ["+74951112233", "a@b.example"]
    (hit,) = target.find_cards("company", "tax_id", ["7707083893"])["7707083893"]
    assert (hit.external_id, hit.registration_code, hit.key) == (result.external_id, "770701001", "k1")
    (again,) = target.find_cards("company", "key", ["k1", "nobody"])["k1"]
    assert again.external_id == result.external_id


def test_a_lost_answer_is_uncertain_and_the_card_is_found_by_its_key(
    stand: BitrixStand, target: Bitrix24Connector
) -> None:
    stand.server.faults.add("drop_after", path="batch", times=1)
    results = target.write_cards([card("k1"), card("k2")])
    assert [type(one.error) for one in results] == [UncertainOutcome, UncertainOutcome]
    found = target.find_cards("company", "key", ["k1", "k2"])
    assert {key: len(hits) for key, hits in found.items()} == {"k1": 1, "k2": 1}


def test_each_card_of_a_batch_has_its_own_result(stand: BitrixStand, target: Bitrix24Connector) -> None:
    results = target.write_cards([
        card("k1"),
        card("k2", "999999", title="нет такой"),
        card("k3", NOSUCH="x"),
        card("k4", "5", title="Иначе"),
    ])  # fmt: skip
    assert [type(one.error) for one in results] == [type(None), RecordError, SchemaDrift, type(None)]
    assert [one.key for one in results] == ["k1", "k2", "k3", "k4"]
    assert stand.portal.kinds[4].items[5]["title"] == "Иначе"


def test_a_card_whose_requisites_are_refused_is_there_all_the_same(
    stand: BitrixStand, target: Bitrix24Connector
) -> None:
    rest = stand.server.shell.rest
    del rest.methods["crm.requisite.add"]
    sent = Card("company", "k1", None, {"title": "Ромашка"}, requisites={"RQ_INN": "7707083893"})
    (result,) = target.write_cards([sent])
    assert result.external_id is not None
    assert isinstance(result.error, RecordError)


def test_many_cards_go_in_few_requests(stand: BitrixStand, target: Bitrix24Connector) -> None:
    target.write_cards([])
    target.find_cards("company", "key", ["warm"])
    before = len(stand.server.requests)
    results = target.write_cards([card(f"k{n}", str(n), title=f"Имя {n}") for n in range(2, 102)])
    assert all(one.error is None for one in results)
    assert len(stand.server.requests) - before == 2


def test_an_update_adds_phones_and_takes_none_away(stand: BitrixStand, target: Bitrix24Connector) -> None:
    there = stand.portal.kinds[4].items[2]["fm"][0]["value"]
    sent = Card("company", "k1", "2", {}, phones=[there.replace("+7", "8"), "+79160001122"])
    (result,) = target.write_cards([sent])
    assert result.error is None
    assert [one["value"] for one in stand.portal.kinds[4].items[2]["fm"]] == [there, "+79160001122"]


def test_requisites_that_are_there_are_changed_not_doubled(stand: BitrixStand, target: Bitrix24Connector) -> None:
    number = int(next(row["ENTITY_ID"] for row in stand.portal.requisites.values()))
    sent = Card("company", "k1", str(number), {}, requisites={"RQ_KPP": "770002002"})
    assert target.write_cards([sent])[0].error is None
    rows = [row for row in stand.portal.requisites.values() if row["ENTITY_ID"] == str(number)]
    assert [row["RQ_KPP"] for row in rows] == ["770002002"]


def test_a_field_that_the_portal_keeps_is_emptied_in_the_older_way(
    stand: BitrixStand, target: Bitrix24Connector
) -> None:
    """Only where its answer shows that it was kept: a portal that does empty it costs one request."""
    companies = stand.portal.kinds[4].items
    for keeps, requests in ((True, 2), (False, 1)):
        stand.portal.habits = replace(stand.portal.habits, keeps_company_fields=keeps)
        for number in (2, 3):
            companies[number]["comments"] = "к удалению"
        target.find_cards("company", "key", ["warm"])
        before = len(stand.server.requests)
        sent = [card(f"k{number}", str(number), comments=None) for number in (2, 3)]
        assert [one.error for one in target.write_cards(sent)] == [None, None]
        assert [companies[number]["comments"] for number in (2, 3)] == [None, None]
        assert len(stand.server.requests) - before == requests


def test_a_field_that_could_not_be_emptied_leaves_the_card_undone(
    stand: BitrixStand, target: Bitrix24Connector
) -> None:
    stand.portal.kinds[4].items[2]["comments"] = "к удалению"
    del stand.server.shell.rest.methods["crm.company.update"]
    kept, other = target.write_cards([card("k2", "2", comments=None), card("k3", "3")])
    assert isinstance(kept.error, RecordError)
    assert other.error is None


def test_what_stops_the_emptying_forgets_no_card_that_was_written(
    stand: BitrixStand, target: Bitrix24Connector
) -> None:
    stand.portal.habits = replace(stand.portal.habits, keeps_company_fields=True)
    stand.portal.kinds[4].items[2]["comments"] = "к удалению"
    target.find_cards("company", "key", ["warm"])
    stand.server.faults.add("error", path="batch", nth=2, error="insufficient_scope")
    kept, other = target.write_cards([card("k2", "2", comments=None), card("k3", "3", title="Новое имя")])
    assert isinstance(kept.error, ConfigError)
    assert (other.error, stand.portal.kinds[4].items[3]["title"]) == (None, "Новое имя")


INN, KPP, OTHER_INN, BRANCH = "7743013901", "774301001", "7707083893", "540145001"


@pytest.mark.parametrize(
    ("others", "mine"),
    [
        ([(OTHER_INN, "770701001")], (INN, KPP)),  # another firm of the same owner stands first
        ([(INN, BRANCH)], (INN, KPP)),  # a branch stands first
        ([(OTHER_INN, "770701001"), (INN, BRANCH)], (INN, "")),
        ([(OTHER_INN, "770701001"), (INN, BRANCH)], ("", "")),
    ],
)
def test_of_several_requisites_the_customers_own_are_written(
    stand: BitrixStand, target: Bitrix24Connector, others: list[tuple[str, str]], mine: tuple[str, str]
) -> None:
    stand.portal.requisites.clear()
    numbers = [_add_requisite(stand, *one) for one in (*others, mine)]
    before = [dict(stand.portal.requisites[number]) for number in numbers[:-1]]
    sent = Card("company", "k1", "2", {}, requisites={"RQ_INN": INN, "RQ_KPP": KPP, "RQ_OGRN": "1027700132195"})
    assert target.write_cards([sent])[0].error is None
    assert [stand.portal.requisites[number] for number in numbers[:-1]] == before
    told = stand.portal.requisites[numbers[-1]]
    assert (told["RQ_INN"], told["RQ_KPP"], told["RQ_OGRN"]) == (INN, KPP, "1027700132195")
    assert list(stand.portal.requisites) == numbers


def test_requisites_of_others_are_not_written_over(stand: BitrixStand, target: Bitrix24Connector) -> None:
    stand.portal.requisites.clear()
    numbers = [_add_requisite(stand, *one) for one in ((OTHER_INN, "770701001"), (OTHER_INN, BRANCH))]
    before = [dict(stand.portal.requisites[number]) for number in numbers]
    sent = Card("company", "k1", "2", {}, requisites={"RQ_INN": INN, "RQ_KPP": KPP})
    for _ in range(2):
        assert target.write_cards([sent])[0].error is None
    assert [stand.portal.requisites[number] for number in numbers] == before
    assert [row["RQ_INN"] for row in stand.portal.requisites.values()] == [OTHER_INN, OTHER_INN, INN]


def _add_requisite(stand: BitrixStand, inn: str, kpp: str) -> int:
    fields = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 2, "PRESET_ID": 1, "NAME": "x", "RQ_INN": inn, "RQ_KPP": kpp}
    return int(stand.server.shell.rest.methods["crm.requisite.add"]({"fields": fields}, PERSON))


def test_new_requisites_get_the_preset_that_shows_most_of_them(stand: BitrixStand, target: Bitrix24Connector) -> None:
    person = {"RQ_LAST_NAME": "Иванов", "RQ_FIRST_NAME": "Иван", "RQ_OGRNIP": "304500116000157"}
    firm = {"RQ_INN": INN, "RQ_KPP": KPP, "RQ_COMPANY_NAME": "Ромашка"}
    cards = [
        Card("contact", "k1", None, {"name": "Иван", "lastName": "Иванов"}, requisites=person),
        Card("company", "k2", None, {"title": "Ромашка"}, requisites=firm),
        Card("company", "k3", None, {"title": "ИП Иванов"}, requisites={"RQ_INN": "500100732259"}),
    ]
    stand.portal.requisites.clear()
    assert [one.error for one in target.write_cards(cards)] == [None, None, None]
    assert [row["PRESET_ID"] for row in stand.portal.requisites.values()] == ["3", "1", "3"]


def test_our_key_goes_on_a_card_that_has_none_and_on_no_other(stand: BitrixStand, target: Bitrix24Connector) -> None:
    before = dict(stand.portal.kinds[4].items[2])
    assert target.claim_card("company", "2", "k1").error is None
    after = stand.portal.kinds[4].items[2]
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"originatorId", "originId", "updatedTime"}
    assert target.claim_card("company", "2", "k1").error is None
    assert isinstance(target.claim_card("company", "2", "k2").error, ConflictError)
    stand.portal.kinds[4].items[3]["originatorId"] = "1C_CONNECTOR"
    assert isinstance(target.claim_card("company", "3", "k3").error, ConflictError)


def test_cards_by_phone_and_mail(stand: BitrixStand, target: Bitrix24Connector) -> None:
    found = target.find_cards("company", "phone", ["84950000007", "+7 999 000 00 00"])
    assert {value: [hit.title for hit in hits] for value, hits in found.items()} == {"84950000007": ["Компания 7"]}


def test_a_tax_id_with_blanks_around_it_is_found(stand: BitrixStand, target: Bitrix24Connector) -> None:
    """A portal's database compares texts without regard to blanks at their end, and answers with them."""
    (row, *_) = stand.portal.requisites.values()
    tax_id = str(row["RQ_INN"])
    methods = stand.server.shell.rest.methods
    real = methods["crm.requisite.list"]

    def blank(params: Any, caller: Any) -> Any:
        rows, *rest = real(params, caller)
        return ([one | {"RQ_INN": f"{one['RQ_INN']} "} if one.get("RQ_INN") else one for one in rows], *rest)

    with patch.dict(methods, {"crm.requisite.list": blank}):
        assert target.find_cards("company", "tax_id", [tax_id])[tax_id]


def test_our_own_firm_is_told(stand: BitrixStand, target: Bitrix24Connector) -> None:
    stand.portal.kinds[4].items[1]["fm"] = [{"id": 1, "typeId": "PHONE", "valueType": "WORK", "value": "+74951230000"}]
    (hit,) = target.find_cards("company", "phone", ["+74951230000"])["+74951230000"]
    assert hit.own_firm


def test_run_time_that_is_used_up_is_told_of_each_card(stand: BitrixStand, target: Bitrix24Connector) -> None:
    target.find_cards("company", "key", ["warm"])
    stand.portal.limits.operating = 0.0
    results = target.write_cards([card("k1"), card("k2", "5", title="x")])
    assert [type(one.error) for one in results] == [TransientError, TransientError]


def test_a_link_leads_to_the_card_and_holds_no_secret(stand: BitrixStand, target: Bitrix24Connector) -> None:
    link = target.link_to("company", "12")
    assert link == f"{stand.server.root}/crm/company/details/12/"
    assert stand.secret not in link


def test_what_was_made_before_the_way_in_was_closed_is_told(stand: BitrixStand, target: Bitrix24Connector) -> None:
    """Sixty commands are two batches; the second one is not let in any more."""
    rest = stand.server.shell.rest
    entered: list[str] = []

    def enter(path: str, params: dict[str, Any], real: Any = rest._enter) -> Any:
        if "/batch" in path and "crm.item.add" in str(params):
            entered.append(path)
        if len(entered) > 1:
            raise system("INVALID_CREDENTIALS")
        return real(path, params)

    cards = [
        Card("company", f"k{n}", None, {"title": f"К{n}"}, {"RQ_INN": f"77012345{n:02}"}) for n in range(30)
    ]  # fmt: skip
    with patch.object(rest, "_enter", enter):
        results = target.write_cards(cards)
    made = [one for one in results if one.error is None]
    assert len(made) == 25 and all(one.external_id for one in made)
    assert all(isinstance(one.error, ConfigError) for one in results[25:])
    stand.portal.webhooks.clear()
    with pytest.raises(ConfigError):
        target.write_cards(cards[25:])
