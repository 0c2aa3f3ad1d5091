"""Linked: bound, our key put there, nothing else changed on either side; what is in doubt is a question."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.errors import ConfigError
from store.engine import reading
from store.tables import connection, intent, landing, request
from sync.context import Order
from sync.cycle import run_cycle, run_stages
from sync.link import stage
from sync.link.agreed import LINKED_AT, is_linked, load_held
from sync.link.writing import apply_links
from sync.pull.entities import pull_entities
from sync.push import reviews
from sync.push.ask import SAME, open_review, remember
from tests.integration.link.world import COMPANY, CRM, World

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_what_is_sure_is_bound_and_carries_our_key",
    "test_done_again_it_does_nothing",
    "test_killed_in_the_middle_it_goes_on",
    "test_a_person_links",
)

FIGURES = "ufCrmSverka"
INN, OTHER, THIRD = "7743013901", "7707083893", "7736050003"


def linked(world: World) -> bool:
    with reading(world.engine) as conn:
        return is_linked(conn, CRM)


def test_what_is_sure_is_bound_and_carries_our_key(world: World) -> None:
    ours = world.customer("ООО Ромашка", INN, "774301001")
    card = world.company("Ромашка", INN, "774301001")
    result = world.link()
    assert result.status == "ok"
    assert world.bound() == {ours: card}
    assert (world.card(card)["originatorId"], world.card(card)["originId"]) == ("sverka", str(ours))
    (line,) = [one for one in result.lines if one.direction == "out"]
    assert (line.read, line.counts) == (1, {"linked": 1})
    with reading(world.engine) as conn:
        assert conn.execute(select(landing.c.external_id).where(landing.c.connection == CRM)).scalars().all() == [card]


def test_nothing_else_changes_on_either_side(world: World) -> None:
    """Values that differ, that only one side has, and that are empty: all as they were."""
    world.customer(
        "ООО «Ромашка плюс»", INN, "774301001", phones=["+74951112233"], comment="не звонить", source="ярмарка"
    )
    card = world.company("Ромашка", INN, phone="8 (499) 765-43-21", email="office@romashka.example")
    world.edit(card, comments="по средам", industry="IT", assignedById=2)
    world.customer("ООО Лютик", phones=["+74951112200"])
    world.company("Лютик", phone="+74951112200")
    before = world.snapshot()
    assert world.link().status == "partial"
    assert world.snapshot() == before
    assert world.writes() == ["crm.item.update"]


def test_done_again_it_does_nothing(world: World) -> None:
    world.customer("ООО Ромашка", INN)
    card = world.company("Ромашка", INN)
    world.customer("ООО Лютик", phones=["+74951112200"])
    world.company("Лютик", phone="+74951112200")
    world.link()
    bound, updated, asked = world.bound(), world.card(card)["updatedTime"], world.reviews()
    world.link()
    assert world.bound() == bound
    assert world.card(card)["updatedTime"] == updated
    assert [one["number"] for one in world.reviews()] == [one["number"] for one in asked]
    assert world.writes() == ["crm.item.update"]
    assert len(world.lines["linked"]) == 1


def test_new_cards_wait_for_the_agreement(world: World) -> None:
    world.customer("ООО Ромашка", INN)
    world.link(dry_run=True)
    assert not linked(world)
    assert world.link().status == "ok"
    assert linked(world)
    with reading(world.engine) as conn:
        facts = conn.execute(select(connection.c.facts).where(connection.c.name == CRM)).scalar_one()
        asked = conn.execute(select(request.c.kind, request.c.connection)).all()
    assert LINKED_AT in facts
    assert [tuple(row) for row in asked] == [("push", CRM)]


def test_a_portal_that_breaks_off_leaves_no_agreement(world: World) -> None:
    """Half a list of cards would make the other half twins."""
    for number in range(60):
        world.company(f"Компания {number}")
    world.customer("ООО Ромашка", INN)
    world.server.faults.add("error", error="INTERNAL_SERVER_ERROR", path="batch")
    assert world.link().status == "failed"
    assert not linked(world)
    assert world.bound() == {}


def test_killed_in_the_middle_it_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first page is bound and claimed when the process goes; the next run does the rest, once."""
    monkeypatch.setattr("sync.link.ours.CHUNK", 2)
    pairs = {}
    for number in range(6):
        inn = f"{7700000000 + number * 17:010}"
        pairs[world.customer(f"ООО Компания {number}", inn)] = world.company(f"Компания {number}", inn)
    bind, times = apply_links, []

    class Killed(BaseException):
        pass

    def killed(*given: object) -> set[str]:
        times.append(1)
        if len(times) == 2:
            raise Killed
        return bind(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "apply_links", killed)
    with pytest.raises(Killed):
        world.link()
    assert len(world.bound()) == 2
    assert not linked(world)
    assert sum(1 for card in pairs.values() if world.card(card).get("originId")) == 4  # claimed, and not bound yet
    monkeypatch.setattr(stage, "apply_links", bind)
    assert world.link().status == "ok"
    assert world.bound() == pairs
    assert world.writes().count("crm.item.update") == 6


def test_a_lost_answer_to_a_claim_is_asked_about(world: World) -> None:
    ours = world.customer("ООО Ромашка", INN)
    card = world.company("Ромашка", INN)
    world.server.faults.add("drop_after", body="originId", times=1)
    world.link()
    world.link()
    assert world.bound() == {ours: card}
    assert world.card(card)["originId"] == str(ours)


def test_writing_switched_off_binds_and_sends_nothing(world: World) -> None:
    settings = world.settings.connections[CRM].model_copy(update={"write": "off"})
    both = world.settings.connections | {CRM: settings}
    world.settings = world.settings.model_copy(update={"connections": both})
    ours = world.customer("ООО Ромашка", INN)
    card = world.company("Ромашка", INN)
    assert world.link().status == "ok"
    assert world.bound() == {ours: card}
    assert world.writes() == []


def test_a_card_bound_by_a_pull_gets_our_key(world: World) -> None:
    ours = world.customer("ООО Ромашка", INN)
    card = world.company("Ромашка", INN)
    assert run_cycle(world.app, CRM, Order(entity="counterparty")).status in ("ok", "partial")
    assert world.bound() == {ours: card}
    world.link()
    assert [line["card"] for line in world.lines["linked"]] == [card]
    assert world.card(card)["originId"] == str(ours)


def test_a_link_brings_nothing_of_the_card_over_until_it_changes(world: World) -> None:
    """The first reading after a link finds what the link has seen."""
    world.set_up()
    ours = world.customer("ООО «Ромашка плюс»", INN, phones=["+74951112233"], comment="не звонить")
    card = world.company("Ромашка", INN, phone="84997654321")
    world.edit(card, comments="по средам")
    world.link()
    before = world.snapshot()
    result = run_stages(world.app, CRM, Order(entity="counterparty"), [pull_entities])
    assert result.status == "ok", result.message
    assert world.snapshot() == before
    world.edit(card, comments="по пятницам")
    run_cycle(world.app, CRM, Order(entity="counterparty"))
    (row,) = [one for one in world.snapshot()["customers"] if one["id"] == ours]
    assert row["comment"] == "по пятницам"


def test_a_person_links(world: World) -> None:
    world.set_up()
    ours = world.customer("ООО Лютик", phones=["+74951112200"])
    card = world.company("Лютик", phone="+74951112200")
    world.link()
    (asked,) = world.reviews()
    with reading(world.engine) as conn:
        assert load_held(conn, CRM, [ours]) == {ours}
    assert (asked["connection"], asked["entity_id"]) == (CRM, ours)
    reviews.link_review(world.app, asked["number"], who="anna")
    before = world.snapshot()
    result = run_cycle(world.app, CRM, Order(kind="push"))
    assert result.status == "ok", result.message
    assert world.bound() == {ours: card}
    assert world.card(card)["originId"] == str(ours)
    after = world.snapshot()["cards"][COMPANY, int(card)]
    moved = {name for name, value in before["cards"][COMPANY, int(card)].items() if after[name] != value}
    assert all(name.startswith(FIGURES) for name in moved)
    world.link(dry_run=True)
    assert world.group_of(ours) == "linked"


def test_a_persons_word_before_the_agreement_sends_nothing(world: World) -> None:
    """He is bound here; our key goes on the card when `sverka link` is agreed to."""
    world.set_up()
    settings = world.settings.connections[CRM].model_copy(update={"write": "review"})
    world.settings = world.settings.model_copy(update={"connections": world.settings.connections | {CRM: settings}})
    ours = world.customer("ООО Лютик", phones=["+74951112200"])
    card = world.company("Лютик", phone="+74951112200")
    with world.engine.begin() as conn:
        remember(conn, world.app.clock.now(), CRM, ours, {card: SAME}, "anna")
    assert run_cycle(world.app, CRM, Order(kind="push")).status == "ok"
    assert world.bound() == {ours: card} and world.writes() == []
    world.link()
    assert world.card(card)["originId"] == str(ours)


def test_a_persons_word_before_the_agreement_makes_no_intent(world: World) -> None:
    """Nothing is made known to a CRM by an intent: one would wait there for ever."""
    world.set_up()
    ours = world.customer("ООО Лютик", INN)
    card = world.company("Лютик", INN)
    asked = {"external_id": card, "name": "Лютик", "strength": "branch", "reasons": ["same INN"], "connection": CRM}
    with world.engine.begin() as conn:
        why = "may be a branch"
        number = open_review(conn, world.app.clock.now(), CRM, ours, "match", why, candidates=[asked], intent_id=None)
    assert not linked(world)
    reviews.link_review(world.app, number, card, who="anna")
    with reading(world.engine) as conn:
        assert conn.execute(select(intent)).all() == []
    assert run_cycle(world.app, CRM, Order(kind="push")).status == "ok"
    assert world.bound() == {ours: card}


def test_a_person_links_whom_the_portal_alone_knew(world: World) -> None:
    """Read before, the card is a customer of its own by now: the two become one."""
    world.set_up()
    ours = world.customer("ООО Лютик", phones=["+74951112200"])
    card = world.company("Лютик", phone="+74951112200")
    run_cycle(world.app, CRM, Order(entity="counterparty"))
    assert ours not in world.bound()
    world.link()
    (asked,) = [one for one in world.reviews() if one["connection"] == CRM]
    reviews.link_review(world.app, asked["number"], card, who="anna")
    run_cycle(world.app, CRM, Order(kind="push"))
    assert world.bound() == {ours: card}
    assert [row["id"] for row in world.snapshot()["customers"]] == [ours]


def test_a_person_says_that_he_is_somebody_else(world: World) -> None:
    ours = world.customer("ООО Лютик", phones=["+74951112200"])
    world.company("Лютик", phone="+74951112200")
    world.link()
    reviews.create_review(world.app, world.reviews()[0]["number"], who="anna")
    with reading(world.engine) as conn:
        assert load_held(conn, CRM, [ours]) == set()
    world.link()
    assert world.group_of(ours) == "none"
    assert world.reviews() == []


def test_whom_a_person_leaves_alone_is_not_asked_about_again(world: World) -> None:
    ours = world.customer("ООО Лютик", phones=["+74951112200"])
    world.company("Лютик", phone="+74951112200")
    world.link()
    reviews.dismiss_review(world.app, world.reviews()[0]["number"], "не наш", who="anna")
    assert world.link().status == "ok"
    assert world.reviews() == []
    assert world.line_of(ours)["rule"] == "left"
    with reading(world.engine) as conn:
        assert load_held(conn, CRM, [ours]) == {ours}


def test_a_chosen_card_that_is_gone_is_asked_about_again(world: World) -> None:
    ours = world.customer("ООО Лютик", phones=["+74951112200"])
    card = world.company("Лютик", phone="+74951112200")
    world.link()
    reviews.link_review(world.app, world.reviews()[0]["number"], who="anna")
    del world.portal.kinds[COMPANY].items[int(card)]
    run_cycle(world.app, CRM, Order(kind="push"))
    (asked,) = world.reviews()
    assert "not in crm any more" in asked["reason"]
    assert asked["entity_id"] == ours
    run_cycle(world.app, CRM, Order(kind="push"))
    assert len(world.reviews()) == 1


def test_a_question_answers_itself_when_the_inn_is_there(world: World) -> None:
    ours = world.customer("ООО Лютик", INN, phones=["+74951112200"])
    card = world.company("Лютик", phone="+74951112200")
    world.link()
    assert len(world.reviews()) == 1
    legal = {"ENTITY_TYPE_ID": COMPANY, "ENTITY_ID": int(card), "PRESET_ID": 1, "NAME": "Лютик", "RQ_INN": INN}
    world.legal(legal)
    world.link()
    assert world.bound() == {ours: card}
    assert world.reviews() == []


def test_an_accounting_has_no_cards_to_link(world: World) -> None:
    from sync.context import NoProgress
    from sync.link.report import Report

    result = stage.link_cards(world.app, "accounting", Report(), NoProgress(), dry_run=True, who="admin")
    assert result.status == "failed"
    assert "no CRM" in result.message
    with pytest.raises(ConfigError):
        stage.link_cards(world.app, "nobody", Report(), NoProgress(), dry_run=True, who="admin")
