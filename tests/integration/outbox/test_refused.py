"""A refused card is tried again for a reason, and its letter closes when nobody wants the card any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from mapping.rules import load_mapping
from store.versions import ensure_published, publish
from tests.integration.deals.world import INVOICE
from tests.integration.outbox.world import Circle, counted, make_circle

REFUSED = '[cards.company.fields]\nrevenue = { from = "legal_name", when = "name == \'Покупатель 0\'" }\n'


@pytest.fixture
def circle(store_url: str, tmp_path: Path) -> Iterator[Circle]:
    """Customer 0's card is refused, for a value that is no number; everybody else's is there."""
    with make_circle(store_url, tmp_path, mapping=REFUSED) as made:
        made.ship(made.order("З-1", amount=700), 700)
        made.sync()
        made.set_up()
        made.sync(status=("ok", "partial"))
        assert [one["source"] for one in made.letters()] == ["company"]
        yield made


def _publish(circle: Circle, folder: Path, rules: str) -> None:
    (folder / "portal.toml").write_text(f'extends = "bitrix24"\n{rules}', encoding="utf-8")
    mapping = load_mapping("portal.toml", folder=folder)
    ensure_published(circle.engine, "portal.toml", mapping.text, "test", version=mapping.version, clock=circle.clock)
    publish(circle.engine, "portal.toml", mapping.version, "test", clock=circle.clock)


def _attempts(circle: Circle) -> int:
    return sum(one["attempts"] for one in circle.letters())


def test_the_age_of_figures_alone_does_not_try_it_again(circle: Circle) -> None:
    """By and by only the letter does, with its growing pauses: of a day's hours not one each."""
    before, hours = _attempts(circle), 24
    for _ in range(hours):
        circle.sync(status=("ok", "partial"), pause=timedelta(hours=1).total_seconds())
    assert before < _attempts(circle) <= before + 10
    assert circle.row()["state"] == "dead"


def test_a_change_tries_it_at_once(circle: Circle) -> None:
    before = _attempts(circle)
    circle.pay({circle.base.keys(INVOICE)[-1]: 100})
    circle.sync(status=("ok", "partial"))
    assert counted(circle.show(kind="push")) == {}
    assert _attempts(circle) == before + 1


def test_its_letter_closes_when_the_mapping_does_not_show_it_any_more(circle: Circle, tmp_path: Path) -> None:
    _publish(circle, tmp_path, REFUSED + "[cards.company]\nwhen = \"name != 'Покупатель 0'\"\n")
    circle.sync(status=("ok", "partial"))
    assert circle.letters() == [] and circle.row()["state"] == "off"


def test_its_letter_closes_when_the_mapping_has_no_such_cards_any_more(circle: Circle, tmp_path: Path) -> None:
    """And it is shown when they come back."""
    _publish(
        circle,
        tmp_path,
        "[cards]\ncompany = false\ncontact = false\norder = false\nshipment = false\npayment = false\n",
    )
    circle.sync(status=("ok", "partial"))
    assert circle.letters() == [] and circle.row()["state"] == "off"
    _publish(circle, tmp_path, "")
    circle.sync(status=("ok", "partial"))
    assert circle.row()["state"] == "done" and circle.company()["title"] == "Покупатель 0"


def test_an_unchanged_cycle_looks_at_refused_cards_alone(circle: Circle) -> None:
    """Of all cards there may be hundreds of thousands."""
    asked = []

    @event.listens_for(circle.engine, "before_cursor_execute")
    def note(conn: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if "outbox.state = 'dead'" in statement and statement.startswith("SELECT"):
            asked.append((statement, parameters))

    circle.sync(status=("ok", "partial"))
    event.remove(circle.engine, "before_cursor_execute", note)
    assert asked
    with circle.engine.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
        for statement, parameters in asked:
            assert "ix_outbox_dead" in str(conn.exec_driver_sql(plan + statement, parameters).all())
