"""A card under another program's key (the official 1C module's) is nobody's by its INN alone: a person is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.bitrix24.fields import COMPANY
from sandbox.onec.schema import PARTIES
from sync.context import NoProgress
from sync.link.report import GROUPS, Report
from sync.link.stage import link_cards
from sync.push.reviews import link_review
from tests.integration.crm_in.world import INN, World, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_a_card_under_another_programs_key_is_asked_about_as_the_link_says",
    "test_a_client_under_another_programs_key_is_not_linked_by_the_write_either",
)

FOREIGN = "the card stands under another program's key"
MODULE: dict[str, Any] = {"originatorId": "1c_module", "originId": "0001"}


def _dry_link(world: World) -> list[tuple[str, str, str]]:
    """Group, card and reason of every customer of a dry run of the link."""
    report = Report()
    try:
        link_cards(world.app, "crm", report, NoProgress(), dry_run=True, who="anna")
        lines: list[tuple[str, dict[str, Any]]] = [(group, line) for group in GROUPS for line in report.lines(group)]
        return [(group, line["card"], line["reason"]) for group, line in lines if line.get("inn") == INN]
    finally:
        report.close()


def _known_to_both(world: World, *, client: bool = True, **key: Any) -> str:
    """A customer whom accounting has, here already, and whose card in the portal has not been read yet."""
    world.base.create(PARTIES, {"Description": "Ромашка в 1С", "ИНН": INN, "КПП": "770701001"})
    world.run("accounting")
    company = world.add_company("Ромашка в портале", client=client)
    world.person_does("update", number=int(company), **key)
    return company


def _apart(world: World, company: str) -> bool:
    (card,) = world.cards()
    return bool(world.row(company)["id"] != world.row(str(card["Ref_Key"]), "accounting")["id"])


def test_a_card_under_another_programs_key_is_asked_about_as_the_link_says(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = _known_to_both(world, client=False, **MODULE)
        assert _dry_link(world) == [("review", company, FOREIGN)]
        world.run("crm")
        assert _apart(world, company)
        (asked,) = world.reviews()
        assert (asked["connection"], asked["kind"], FOREIGN in asked["reason"]) == ("accounting", "match", True)
        assert [one["strength"] for one in asked["candidates"]] == ["same"]
        world.settle()
        assert _apart(world, company)
        assert [one["number"] for one in world.reviews()] == [asked["number"]], "asked once"


@pytest.mark.parametrize("client", [True, False], ids=["client", "lead"])
def test_it_is_asked_about_too_when_accountings_card_comes_later(store_url: str, tmp_path: Path, client: bool) -> None:
    """The portal was read before accounting had him: neither the reading of accounting nor the write joins them."""
    with make_world(store_url, tmp_path) as world:
        company = world.add_company("Ромашка в портале", inn="", client=client)
        world.person_does("update", number=int(company), **MODULE)
        world.run("crm")
        world.add_requisite(company, INN)
        world.base.create(PARTIES, {"Description": "Ромашка в 1С", "ИНН": INN, "КПП": "770701001"})
        world.run("crm", entity="counterparty")
        world.run("accounting")
        assert _apart(world, company)
        assert FOREIGN in next(one["reason"] for one in world.reviews())
        sent = world.written()
        for _ in range(2):
            world.settle()
        assert _apart(world, company)
        assert (world.written(), len(world.cards())) == (sent, 1)


def test_a_persons_word_joins_the_card_that_came_later(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company("Ромашка в портале", client=False)
        world.person_does("update", number=int(company), **MODULE)
        world.run("crm")
        world.base.create(PARTIES, {"Description": "Ромашка в 1С", "ИНН": INN, "КПП": "770701001"})
        world.run("accounting")
        (asked,) = world.reviews()
        assert (asked["connection"], [one["external_id"] for one in asked["candidates"]]) == ("crm", [company])
        link_review(world.app, asked["number"], who="anna")
        for _ in range(2):
            world.settle()
        assert not _apart(world, company) and world.reviews() == []


def test_a_card_that_loses_the_other_programs_key_is_joined(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company("Ромашка в портале", client=False)
        world.person_does("update", number=int(company), **MODULE)
        world.run("crm")
        with world.portal.lock:
            world.portal.kind(COMPANY).items[int(company)] |= {"originatorId": None, "originId": None}
        world.person_does("update", number=int(company), comments="модуль удалён")  # nothing that the mapping reads
        world.run("crm")
        world.base.create(PARTIES, {"Description": "Ромашка в 1С", "ИНН": INN, "КПП": "770701001"})
        world.run("accounting")
        assert not _apart(world, company) and world.reviews() == []


def test_a_client_under_another_programs_key_is_not_linked_by_the_write_either(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = _known_to_both(world, **MODULE)
        sent = world.written()
        world.settle()
        assert _apart(world, company)
        (asked,) = world.reviews()
        assert FOREIGN in asked["reason"]
        assert world.standing(company).startswith("in review")
        for kind in ("OTHER", "CUSTOMER"):  # given up and taken up again: nobody has answered
            world.person_does("update", number=int(company), typeId=kind)
            world.settle()
        assert _apart(world, company)
        assert world.standing(company).startswith("in review")
        assert world.written() == sent


def test_a_persons_word_makes_them_one(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = _known_to_both(world, **MODULE)
        world.run("crm")
        (asked,) = world.reviews()
        sent = world.written()
        link_review(world.app, asked["number"], who="anna")
        world.settle()
        assert not _apart(world, company)
        assert (world.written(), world.reviews(), len(world.cards())) == (sent, [], 1)
        assert _dry_link(world)[0][0] == "linked"


def test_a_card_without_any_key_is_joined_as_the_link_says(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = _known_to_both(world)
        ((group, card, _),) = _dry_link(world)
        assert (group, card) == ("sure", company)
        world.run("crm")
        assert not _apart(world, company)


def test_a_card_under_our_key_is_his_whose_key_it_is(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = _known_to_both(world)
        (card,) = world.cards()
        ours = str(world.row(str(card["Ref_Key"]), "accounting")["id"])
        world.person_does("update", number=int(company), originatorId="sverka", originId=ours)
        ((group, found, _),) = _dry_link(world)
        assert (group, found) == ("sure", company)
        world.run("crm")
        assert not _apart(world, company)
        assert world.reviews() == []
