"""Versions of mappings: one rules, a differing text is a draft, publishing takes over and can be taken back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from core.clock import ManualClock
from core.errors import UsageError
from store import versions
from store.tables import audit
from tests.integration.store.counting import CountQueries


def states(engine: Engine) -> dict[str, str]:
    return {item.text: item.state for item in versions.list_versions(engine, "bp30")}


def test_the_first_text_is_published_by_itself_and_a_newer_one_is_a_draft(engine: Engine) -> None:
    assert versions.published(engine, "bp30") is None
    first = versions.ensure_published(engine, "bp30", "old", "sverka")
    assert (first.text, first.state, first.author, first.hash) == (
        "old",
        "published",
        "sverka",
        versions.text_hash("old"),
    )
    again = versions.ensure_published(engine, "bp30", "new", "sverka")
    assert again == first
    assert states(engine) == {"old": "published", "new": "draft"}
    assert versions.file_state(engine, "bp30", "new") == "draft"
    assert versions.file_state(engine, "bp30", "other") == "unknown"
    assert versions.published(engine, "unf") is None


def test_nothing_to_do_is_one_question(engine: Engine, count_queries: CountQueries) -> None:
    versions.ensure_published(engine, "bp30", "old", "sverka")
    with count_queries(engine) as queries:
        versions.ensure_published(engine, "bp30", "old", "sverka")
    assert len(queries) == 1


def test_publish_and_take_back(engine: Engine) -> None:
    clock = ManualClock()
    old = versions.ensure_published(engine, "bp30", "old", "sverka", clock=clock)
    draft = versions.save_draft(engine, "bp30", "new", "Анна", comment="скидки", clock=clock)
    assert (draft.state, draft.comment, draft.published_at) == ("draft", "скидки", None)
    assert versions.save_draft(engine, "bp30", "new", "Борис", clock=clock) == draft
    again = versions.save_draft(engine, "bp30", "new", "Борис", comment="цены", clock=clock)
    assert (again.number, again.author, again.comment) == (draft.number, "Анна", "цены")
    now = versions.publish(engine, "bp30", draft.hash[:8], "Анна", clock=clock)
    assert (now.state, now.published_at) == ("published", clock.now())
    assert states(engine) == {"old": "retired", "new": "published"}
    assert versions.ensure_published(engine, "bp30", "old", "sverka").text == "new"  # retired stays retired
    clock.move(timedelta(hours=1))
    versions.publish(engine, "bp30", old.hash, "Анна", clock=clock)
    assert states(engine) == {"old": "published", "new": "retired"}
    with engine.connect() as conn:
        told = [(row.who, row.what, row.after["version"]) for row in conn.execute(select(audit).order_by(audit.c.at))]
    assert told == [("Анна", "mapping.publish", draft.hash), ("Анна", "mapping.publish", old.hash)]


def test_publishing_what_rules_already_changes_nothing(engine: Engine) -> None:
    old = versions.ensure_published(engine, "bp30", "old", "sverka")
    assert versions.publish(engine, "bp30", old.hash, "Анна") == old
    with engine.connect() as conn:
        assert conn.execute(select(audit)).all() == []


def test_a_draft_saved_before_the_first_start_is_published_by_it(engine: Engine) -> None:
    versions.save_draft(engine, "bp30", "text", "Анна")
    assert versions.ensure_published(engine, "bp30", "text", "sverka").state == "published"


def test_a_text_is_kept_once(engine: Engine) -> None:
    first = versions.save_draft(engine, "bp30", "text", "Анна")
    assert versions.save_draft(engine, "bp30", "text", "Борис") == first
    assert versions.save_draft(engine, "unf", "text", "Борис").author == "Борис"


def test_an_unknown_or_doubtful_version(engine: Engine) -> None:
    versions.save_draft(engine, "bp30", "text", "Анна", version="aa1")
    versions.save_draft(engine, "bp30", "other", "Анна", version="aa2")
    for wanted in ("zz", "aa", ""):
        with pytest.raises(UsageError, match="version"):
            versions.publish(engine, "bp30", wanted, "Анна")


def test_many_first_starts_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: versions.ensure_published(engine, "bp30", f"text {n}", "sverka"), range(4)))
    assert len({version.hash for version in found}) == 1
    assert sorted(states(engine).values()).count("published") == 1
