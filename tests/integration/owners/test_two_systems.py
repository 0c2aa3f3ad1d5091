"""Scenario 12 between two outside systems: a CRM built on 1C and an accounting, both edited by their own people."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.onec.schema import PARTIES
from sync.owners.conflicts import take_review
from sync.push.contacts import set_contact
from sync.push.reviews import link_review, list_reviews
from tests.integration.owners.systems import NAMES, TAX_IDS, Systems, make_systems

INN = TAX_IDS[0]
NEW, OTHER = "+79161112233", "+78127654321"
OWNERS = {"phones": "newest", "emails": "crm", "name": "accounting", "legal_name": "review"}


@pytest.fixture
def systems(store_url: str, tmp_path: Path) -> Iterator[Systems]:
    with make_systems(store_url, tmp_path, dict.fromkeys(NAMES, OWNERS)) as made:
        made.cycle()
        made.cycle()
        assert made.bound(INN) == set(NAMES)
        assert made.writes() == 0
        yield made


def test_the_newer_goes_to_the_other(systems: Systems) -> None:
    systems.edit("crm", INN, "phones", [NEW])
    systems.cycle()
    systems.cycle()
    assert systems.value("accounting", INN, "phones") == [NEW]
    systems.edit("accounting", INN, "phones", [OTHER])
    systems.cycle()
    systems.cycle()
    assert systems.value("crm", INN, "phones") == [OTHER]
    assert systems.writes() == 2


@pytest.mark.parametrize("editor", NAMES)
@pytest.mark.parametrize("there", [[], [OTHER]])
def test_a_number_that_one_side_alone_has_is_lost_to_nobody(
    store_url: str, tmp_path: Path, editor: str, there: list[str]
) -> None:
    """Two cards with numbers of their own are linked; whoever adds one takes none from the other side."""
    with make_systems(store_url, tmp_path, dict.fromkeys(NAMES, OWNERS)) as systems:
        systems.edit("crm", INN, "phones", there)
        systems.cycle()
        systems.cycle()
        assert systems.writes() == 0
        before = {number for name in NAMES for number in systems.value(name, INN, "phones")}
        systems.edit(editor, INN, "phones", [*systems.value(editor, INN, "phones"), NEW])
        systems.cycle()
        systems.cycle()
        assert [set(systems.value(name, INN, "phones")) for name in NAMES] == [before | {NEW}] * 2
        assert set(systems.row(INN)["phones"]) == before | {NEW}
        sent = systems.writes()
        systems.cycle()
        assert systems.writes() == sent
        systems.edit("crm", INN, "phones", [NEW])  # now that both have had the same, what is taken away is gone
        systems.cycle()
        systems.cycle()
        assert [systems.value(name, INN, "phones") for name in NAMES] == [[NEW]] * 2


def test_the_owner_wins_and_the_audit_has_both(systems: Systems) -> None:
    systems.edit("accounting", INN, "emails", ["nobody@b.ru"])
    systems.edit("crm", INN, "name", "Не наше имя")
    systems.cycle()
    systems.cycle()
    assert [systems.value(name, INN, "emails") for name in NAMES] == [["a0@b.ru"], ["a0@b.ru"]]
    assert [systems.value(name, INN, "name") for name in NAMES] == ["Покупатель 0", "Покупатель 0"]
    overruled = {(row["who"], str(row["before"]), str(row["after"])) for row in systems.audited("field.overruled")}
    assert {(who, "nobody@b.ru" in before, "a0@b.ru" in after) for who, before, after in overruled} >= {
        ("accounting", True, True)
    }
    assert any("Не наше имя" in before for who, before, _ in overruled if who == "crm")


def test_a_person_decides_between_two_systems(systems: Systems) -> None:
    systems.edit("crm", INN, "legal_name", "ООО Первое")
    systems.edit("accounting", INN, "legal_name", "ООО Второе")
    systems.cycle("accounting", "crm")
    (row,) = list_reviews(systems.app)
    assert (row["kind"], row["connection"]) == ("conflict", "crm")
    take_review(systems.app, row["number"])
    systems.cycle()
    systems.cycle()
    assert [systems.value(name, INN, "legal_name") for name in NAMES] == ["ООО Первое", "ООО Первое"]
    assert list_reviews(systems.app) == []


@pytest.mark.parametrize("seed", range(2))
def test_it_comes_to_rest(store_url: str, tmp_path: Path, seed: int) -> None:
    """Random edits on all sides; after the last one two cycles are enough, then nothing is sent, and all agree."""
    chance = random.Random(seed)
    owners: dict[str, dict[str, Any]] = dict.fromkeys(NAMES, OWNERS)
    with make_systems(store_url, tmp_path, owners) as systems:
        systems.cycle()
        for number in range(18):
            _edit(systems, chance, number)
            if chance.random() < 0.4:
                systems.cycle(*chance.sample(NAMES, chance.choice((1, 2))))
        _settle(systems)
        for _ in range(2):
            systems.cycle()
        sent = systems.writes()
        for _ in range(2):
            systems.cycle()
        assert systems.writes() == sent
        for tax_id in TAX_IDS:
            for field in OWNERS:
                values = [systems.value(name, tax_id, field) for name in NAMES]
                ours = systems.row(tax_id)[field]
                shown = sorted(ours) if isinstance(ours, list) else ours
                assert values == [shown, shown], (tax_id, field, values, shown)


def _edit(systems: Systems, chance: random.Random, number: int) -> None:
    field, tax_id = chance.choice(list(OWNERS)), chance.choice(TAX_IDS)
    value: Any = f"ООО Имя {number}"
    if field in ("phones", "emails"):
        made = f"+7916{number:07}" if field == "phones" else f"x{number}@b.ru"
        value = [made, f"+7812{number:07}"] if field == "phones" and chance.random() < 0.3 else [made]
    side = chance.choice((*NAMES, "store"))
    if side != "store":
        systems.edit(side, tax_id, field, value)
    elif field in ("phones", "emails"):  # what accounting owns may be spelt otherwise here until it changes there
        set_contact(systems.app, systems.row(tax_id)["id"], **{field: value})


def _settle(systems: Systems) -> None:
    """People decide what is left to them, until nothing is."""
    for _ in range(6):
        systems.cycle()
        reviews = list_reviews(systems.app)
        if not reviews:
            return
        for row in reviews:
            take_review(systems.app, row["number"])
    raise AssertionError("reviews never end")


def test_a_doubtful_card_is_joined_by_a_person(sqlite_url: str, tmp_path: Path) -> None:
    """Another registration code: two customers and a question; the answer makes them one, and changes neither side."""
    with make_systems(sqlite_url, tmp_path, dict.fromkeys(NAMES, OWNERS), customers=1) as systems:
        crm = systems.bases["crm"]
        crm.change(PARTIES, str(systems.card("crm", INN)["Ref_Key"]), {"КПП": "997750001"})
        systems.edit("crm", INN, "phones", [NEW])
        systems.cycle()
        (row,) = list_reviews(systems.app)
        assert (row["kind"], row["connection"], "another KPP" in row["reason"]) == ("match", "accounting", True)
        link_review(systems.app, row["number"])
        systems.cycle()
        systems.cycle()
        assert systems.bound(INN) == set(NAMES)
        assert systems.value("accounting", INN, "phones") == ["+74950000000"]
        assert (systems.value("crm", INN, "phones"), systems.writes()) == ([NEW], 0)
        assert list_reviews(systems.app) == []
