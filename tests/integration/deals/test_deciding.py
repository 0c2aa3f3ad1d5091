"""A person's word: what waits for it, that it is kept, and that accounting may contradict it only by a question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from cli.main import build_app
from store.tables import audit, review
from sync.push.reviews import list_reviews
from tests.integration.deals.world import Deals, make_deals

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_what_waits_is_listed_with_its_reason_and_candidates",
    "test_a_persons_decision_is_kept_and_audited",
    "test_list_and_export_tell_what_became_of_the_orders",
)


@pytest.fixture
def deals(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deals]:
    with make_deals(store_url, tmp_path) as made:
        monkeypatch.chdir(tmp_path)
        yield made


def command(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(["deals"]), ["deals", *arguments])


def lines(*arguments: str) -> list[dict[str, Any]]:
    done = command(*arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_waits_is_listed_with_its_reason_and_candidates(deals: Deals) -> None:
    one, two = deals.deal(), deals.deal()
    alone = deals.deal(customer=1)
    deals.order("1", amount="1500.50")
    deals.order("2", customer=2)
    deals.order("3", customer=1, comment=f"сделка № {one}")
    deals.order("4", customer=1, days=-5)
    deals.order("5", customer=1)
    deals.sync()
    waiting = {row["number"]: row for row in lines("unassigned")}
    assert set(waiting) == {"1", "3"}
    assert waiting["1"]["reason"] == f"the customer had 2 open deals: {one}, {two}"
    assert [deal["external_id"] for deal in waiting["1"]["candidates"]] == [one, two]
    assert (waiting["1"]["amount"], waiting["1"]["currency"]) == ("1500.50", "RUB")
    assert waiting["1"]["counterparty"]["external_ids"]["crm"] == str(deals.companies[0])
    assert waiting["3"]["reason"] == f"it names deal {one}, which is another customer's"
    assert [deal["external_id"] for deal in waiting["3"]["candidates"]] == [alone]
    assert {row["number"] for row in lines("unassigned", "--all")} == {"1", "3", "4"}
    text = command("unassigned").output
    assert "why it waits" in text and "2 orders wait. Next: sverka deals assign ORDER DEAL" in text


def test_a_persons_decision_is_kept_and_audited(deals: Deals) -> None:
    one, two = deals.deal(), deals.deal()
    order = deals.order("1")
    deals.sync()
    (decided,) = lines("assign", "1", two)
    assert (decided["deal"], decided["rule"], decided["before"]) == (two, "person", None)
    assert deals.assigned() == {"1": (two, "person")}
    assert lines("unassigned") == []
    with deals.engine.connect() as conn:
        row = conn.execute(select(audit).where(audit.c.what == "deal.assign")).mappings().one()
    assert row["who"] != "sverka" and row["after"]["rule"] == "person"
    deals.edit(two, stageId="LOSE")
    deals.base.change("Document_СчетНаОплатуПокупателю", order, {"СуммаДокумента": 7})
    deals.sync()
    deals.sync(kind="order", full=True)
    assert deals.assigned() == {"1": (two, "person")}, one


def test_another_customers_deal_needs_a_second_word(deals: Deals) -> None:
    """A slip of a digit would put the order where no cycle touches it any more."""
    theirs = deals.deal(customer=1)
    order = deals.order("1")
    deals.sync()
    refused = command("assign", "1", theirs)
    assert refused.exit_code != 0 and deals.assigned() == {}
    assert "is of" in str(refused.exception) and "--force" in str(refused.exception), order
    assert command("assign", "1", theirs, "--force").exit_code == 0
    deals.sync()
    assert deals.assigned() == {"1": (theirs, "person")}


def test_accounting_that_says_otherwise_asks(deals: Deals) -> None:
    """The number that appears later is a question, asked once; the person's answer is the last word."""
    one, two = deals.deal(), deals.deal()
    order = deals.order("1")
    deals.sync()
    command("assign", "1", two)
    deals.comment(order, f"сделка № {one}")
    _, run = deals.sync(status=("ok", "partial"))
    assert run.status == "partial" and "1 orders name another deal" in run.message
    assert deals.assigned() == {"1": (two, "person")}
    (asked,) = list_reviews(deals.app)
    assert (asked["kind"], asked["entity"]) == ("deal", "order")
    assert asked["reason"] == f"Order 1 names deal {one}; a person has chosen deal {two}."
    deals.sync()
    assert len(list_reviews(deals.app)) == 1
    refused = CliRunner().invoke(build_app(["review"]), ["review", "link", str(asked["number"])])
    assert "asks which deal an order belongs to" in str(refused.exception)
    table = CliRunner().invoke(build_app(["review"]), ["review", "show", str(asked["number"])])
    assert f"sverka deals assign {asked['contact']} {one}" in table.stdout
    done = CliRunner().invoke(
        build_app(["review"]), ["review", "dismiss", str(asked["number"]), "--reason", "так надо"]
    )
    assert done.exit_code == 0, done.output
    deals.comment(order, f"сделка № {one}, срочно")
    deals.sync()
    assert list_reviews(deals.app) == []
    assert deals.assigned() == {"1": (two, "person")}


def test_question_is_answered_by_assigning_or_by_mending_the_order(deals: Deals) -> None:
    one, two = deals.deal(), deals.deal()
    order, other = deals.order("1"), deals.order("2")
    deals.sync()
    command("assign", "1", two)
    command("assign", "2", two)
    for key in (order, other):
        deals.comment(key, f"сделка № {one}")
    deals.sync(status=("ok", "partial"))
    assert len(list_reviews(deals.app)) == 2
    command("assign", "1", one)
    deals.comment(other, f"сделка № {two}")
    deals.sync()
    assert list_reviews(deals.app) == []
    assert deals.assigned() == {"1": (one, "person"), "2": (two, "person")}


def test_what_a_person_took_away_is_not_given_back(deals: Deals) -> None:
    only = deals.deal()
    deals.order("1")
    deals.sync()
    assert deals.assigned() == {"1": (only, "only_open")}
    assert command("unassign", "1").exit_code == 0
    deals.sync()
    deals.sync(kind="order", full=True)
    assert deals.assigned() == {}
    assert command("assign", "1", only).exit_code == 0
    assert deals.assigned() == {"1": (only, "person")}


def test_taking_a_deal_away_answers_the_question_about_it(deals: Deals) -> None:
    one, two = deals.deal(), deals.deal()
    order = deals.order("1")
    deals.sync()
    assert command("assign", "1", one).exit_code == 0
    deals.comment(order, f"сделка № {two}")
    deals.sync(status=("ok", "partial"))
    assert len(questions(deals)) == 1
    assert command("unassign", "1").exit_code == 0
    deals.sync()
    assert questions(deals) == []
    assert deals.assigned() == {"1": (two, "number")}


def questions(deals: Deals) -> list[Any]:
    with deals.engine.connect() as conn:
        return list(conn.execute(select(review.c.id).where(review.c.kind == "deal", review.c.state == "open")))


def test_mistakes_say_what_to_do(deals: Deals) -> None:
    one = deals.deal()
    deals.order("1")
    deals.order("1", customer=1)
    deals.sync()
    for arguments, said in (
        (("assign", "77", one), "There is no order '77'"),
        (("assign", "1", one), "2 orders have the number '1'"),
        (("unassign", "77"), "There is no order"),
    ):
        done = command(*arguments)
        assert done.exit_code != 0
        assert said in str(done.exception), done.exception
    order = lines("list")[0]["orders"][0]
    assert "There is no deal '404'" in str(command("assign", order["external_id"], "404").exception)


def test_list_and_export_tell_what_became_of_the_orders(deals: Deals) -> None:
    wholesale = 9
    one = deals.deal(title="Опт на год", category=wholesale, stage=f"C{wholesale}:PREPARATION", opportunity=5000)
    first = deals.order("1", amount=1000)
    deals.order("2", amount="500.25")
    deals.ship(first, 1000)
    deals.pay({first: 400})
    deals.sync()
    (shown,) = lines("list")
    assert (shown["external_id"], shown["name"]) == (one, "Опт на год")
    assert (shown["pipeline_name"], shown["stage_name"], shown["outcome"]) == ("Опт", "Подготовка документов", "open")
    assert (shown["ordered"], shown["shipped"], shown["paid"]) == ("1500.25", "1000.00", "400.00")
    assert [(row["number"], row["amount"], row["shipped"], row["paid"]) for row in shown["orders"]] == [
        ("1", "1000.00", "1000.00", "400.00"), ("2", "500.25", "0.00", "0.00"),
    ]  # fmt: skip
    done = CliRunner().invoke(build_app(["export"]), ["export", "deals"])
    (exported,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert exported == shown
    assert exported["counterparty"]["external_ids"]["crm"] == str(deals.companies[0])
    assert exported["amount"] == "5000.00" and exported["stage_since"]
    assert CliRunner().invoke(build_app(["export"]), ["export", "deal", "--format", "csv"]).exit_code == 0
    deals.edit(one, stageId=f"C{wholesale}:LOSE")
    deals.sync()
    assert lines("list") == []
    assert [(row["outcome"], row["lost_reason"]) for row in lines("list", "--all")] == [("lost", "Сделка провалена")]
