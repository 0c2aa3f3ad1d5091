"""In which group a customer comes, and by which rule. Nothing is written by a dry run."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update

from core.clock import SystemClock
from sandbox.bitrix24.admin import PERSON
from sandbox.bitrix24.items import Items
from store.engine import reading
from store.entities import counterparties
from store.tables import binding, run
from sync.push.ask import SAME, remember
from tests.integration.link.world import COMPANY, CRM, World

INN, OTHER, THIRD = "7743013901", "7707083893", "7736050003"


def test_the_same_inn_and_kpp_is_sure(world: World) -> None:
    ours = world.customer("ООО Ромашка", INN, "774301001")
    card = world.company("Ромашка", INN, "774301001")
    assert world.link(dry_run=True).status == "ok"
    assert world.group_of(ours) == "sure"
    line = world.line_of(ours)
    assert (line["card"], line["rule"], line["card_kpp"]) == (card, "INN and KPP", "774301001")
    assert line["link"].endswith(f"/crm/company/details/{card}/")


def test_an_inn_alone_is_sure_where_one_side_has_no_kpp(world: World) -> None:
    ours = world.customer("ООО Ромашка", INN, "774301001")
    world.company("Ромашка", f" {INN[:4]} {INN[4:]} ")
    world.link(dry_run=True)
    assert world.group_of(ours) == "sure"
    assert world.line_of(ours)["rule"] == "INN"


def test_several_cards_or_several_customers_are_a_persons(world: World) -> None:
    twice_there = world.customer("ООО Ромашка", INN)
    world.company("Ромашка", INN)
    world.company("Ромашка (дубль)", INN)
    one, other = world.customer("ООО Лютик", OTHER), world.customer("ООО Лютик 2", OTHER)
    world.company("Лютик", OTHER)
    world.link(dry_run=True)
    assert [world.group_of(key) for key in (twice_there, one, other)] == ["review"] * 3
    assert len(world.line_of(twice_there)["candidates"]) == 2
    assert "ООО Лютик 2" in world.line_of(one)["reason"]


def test_of_branches_each_has_its_own_card(world: World) -> None:
    head = world.customer("ООО Ромашка", INN, "774301001")
    branch = world.customer("ООО Ромашка, филиал", INN, "781301001")
    of_head, of_branch = world.company("Ромашка", INN, "774301001"), world.company("Филиал", INN, "781301001")
    world.link(dry_run=True)
    assert world.group_of(head) == world.group_of(branch) == "sure"
    assert (world.line_of(head)["card"], world.line_of(branch)["card"]) == (of_head, of_branch)


def test_a_branch_without_its_card_is_a_persons(world: World) -> None:
    branch = world.customer("ООО Ромашка, филиал", INN, "781301001")
    world.company("Ромашка", INN, "774301001")
    world.link(dry_run=True)
    assert world.group_of(branch) == "review"
    assert world.line_of(branch)["rule"] == "branch"


def test_a_doubtful_inn_identifies_nobody(world: World) -> None:
    ours = world.customer("ООО Ромашка", "7743013900", marks={"tax_id": "check digit is wrong"})
    world.company("Ромашка", "7743013900")
    world.link(dry_run=True)
    assert world.group_of(ours) == "review"


@pytest.mark.parametrize("page", [1, 500], ids=["other-pages", "one-page"])
@pytest.mark.parametrize("dry_run", [True, False], ids=["dry", "real"])
@pytest.mark.parametrize("how", ["two tax ids", "a person's word"])
def test_a_card_that_two_would_have_is_nobodys_whatever_the_page(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str, dry_run: bool, page: int
) -> None:
    """By different rules, each sure by itself: they are found though they are never looked at together."""
    monkeypatch.setattr("sync.link.ours.CHUNK", page)
    one, other = world.customer("ООО Ромашка", INN), world.customer("ООО Лютик", "7707083893")
    card = world.company("Ромашка и Лютик", INN)
    if how == "two tax ids":
        legal = {"ENTITY_TYPE_ID": COMPANY, "ENTITY_ID": int(card), "PRESET_ID": 1, "NAME": "2", "RQ_INN": "7707083893"}
        world.legal(legal)
    else:
        with world.engine.begin() as conn:
            remember(conn, SystemClock().now(), CRM, other, {card: SAME}, "anna")
    world.link(dry_run=dry_run)
    assert (world.group_of(one), world.group_of(other)) == ("review", "review")
    assert "another customer" in world.line_of(one)["reason"] and world.bound() == {}


def test_another_programs_key_is_never_taken(world: World) -> None:
    ours = world.customer("ООО Ромашка", INN)
    card = world.company("Ромашка", INN)
    world.edit(card, originatorId="ONE_C", originId="0001")
    world.link(dry_run=True)
    assert world.group_of(ours) == "review"
    assert "another program" in world.line_of(ours)["reason"]


def test_phone_mail_and_name_are_likely_and_no_more(world: World) -> None:
    by_phone = world.customer("ООО Василёк", phones=["+74951112233"])
    world.company("Совсем другое", phone="8 (495) 111-22-33")
    by_mail = world.customer("ООО Лютик", emails=["office@lutik.example"])
    world.company("Тоже другое", email="Office@Lutik.example")
    by_name = world.customer("ООО «Незабудка»", OTHER)
    world.company("НЕЗАБУДКА")
    alike = world.customer("ООО «Северный комбинат бытовых изделий»", THIRD)
    world.company("Северный комбинат бытовых изделии")
    world.link(dry_run=True)
    assert {world.group_of(key) for key in (by_phone, by_mail, by_name, alike)} == {"likely"}
    assert [world.line_of(key)["rule"] for key in (by_phone, by_mail, by_name, alike)] == [
        "phone",
        "e-mail",
        "name",
        "name",
    ]


def test_who_has_a_right_inn_of_his_own_is_somebody_else(world: World) -> None:
    ours = world.customer("ООО Ромашка", INN, phones=["+74951112233"])
    world.company("Ромашка", OTHER, phone="+74951112233")
    world.link(dry_run=True)
    assert world.group_of(ours) == "none"


def test_nobody_there(world: World) -> None:
    ours = world.customer("ООО Ромашка", INN)
    lonely = world.company("Никто не знает")
    world.link(dry_run=True)
    assert world.group_of(ours) == "none"  # the preset makes cards for whom there are figures to show
    assert [line["card"] for line in world.lines["only_there"]] == [lonely]


def test_own_firms_and_people_of_companies_are_left_out(world: World) -> None:
    """The portal has a firm of its own from the start."""
    ours = world.customer("ООО «Наша фирма»", phones=["+74951112233"])
    company = world.company("Ромашка")
    Items(world.portal).add(
        {
            "entityTypeId": 3,
            "fields": {
                "name": "Мария", "companyId": int(company),
                "fm": {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+74951112233"}},
            },
        },
        PERSON,
    )  # fmt: skip
    world.link(dry_run=True)
    assert world.group_of(ours) == "none"
    assert [line["card"] for line in world.lines["only_there"]] == [company]


def test_who_lives_in_the_crm_alone_is_its_card_and_no_customer_of_ours(world: World) -> None:
    known = world.customer("Ромашка", INN, bound=False)
    card = world.company("Ромашка", INN)
    bound = {"connection": CRM, "entity": "counterparty", "external_id": card, "entity_id": known, "state": "bound"}
    with world.engine.begin() as conn:
        conn.execute(insert(binding).values(bound))
    world.link(dry_run=True)
    assert [line["card"] for line in world.lines["only_there"]] == [card]
    ours = world.customer("ООО Ромашка", INN)
    world.link(dry_run=True)
    assert world.group_of(ours) == "review"
    assert "here already" in world.line_of(ours)["reason"]


def test_a_deleted_customer_is_not_asked_about(world: World) -> None:
    gone = world.customer("ООО Ромашка", INN)
    world.company("Ромашка", INN)
    with world.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.id == gone).values(deleted=True))
    world.link(dry_run=True)
    assert world.lines["sure"] == []


def test_a_dry_run_writes_nothing(world: World) -> None:
    world.customer("ООО Ромашка", INN)
    world.customer("ООО Лютик", phones=["+74951112233"])
    world.company("Ромашка", INN)
    world.company("Лютик", phone="+74951112233")
    before = world.snapshot()
    assert world.link(dry_run=True).status == "ok"
    assert world.snapshot() == before
    assert (world.bound(), world.reviews(), world.writes()) == ({}, [], [])
    with reading(world.engine) as conn:
        assert conn.execute(select(run)).all() == []
