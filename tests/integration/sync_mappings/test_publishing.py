"""Publishing: red cases refuse it, one of two admins wins, and a running cycle takes it up at its next page."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.base import Finding
from core.errors import ConfigError, ConflictError, UsageError
from mapping.cases.files import Case, Expected, write_case
from store import versions
from store.entities import entity_tables
from store.queries.work.mapping_cases import drop_case
from store.tables import audit, binding, mapping_version
from sync.context import Order
from sync.cycle import run_cycle
from sync.mappings.capturing import build_case
from sync.mappings.kept_cases import accept_found, keep_case, load_kept_cases
from sync.mappings.ordering import order_reapply
from sync.mappings.publishing import publish_mapping, roll_back
from sync.mappings.trials import try_cases
from sync.setup.doctor import examine_connection
from sync.versions import list_drafts
from tests.integration.sync_mappings.changing import draft, last_order, tables_of
from tests.integration.sync_pull.world import World, rows

UPPER = draft()
PLAIN = draft('extends = "bp30"')


def ruling(world: World) -> str:
    found = versions.published(world.engine, "bp30")
    assert found is not None
    return found.hash


def test_a_running_cycle_takes_up_what_is_published_at_its_next_page(build: Callable[..., World]) -> None:
    world = build(documents=40, settings="page_bytes = 4096")

    class Admin:
        published = False

        def step(self, entity: str, done: int, text: str = "") -> None:
            if entity == "counterparty" and not self.published:
                self.published = True
                publish_mapping(world.app, "bp30", UPPER, "Анна")

    result = run_cycle(world.app, "accounting", Order(), Admin())
    assert result.status == "ok", result.message
    with world.engine.connect() as conn:
        query = select(binding.c.mapping_version).where(binding.c.entity == "counterparty", binding.c.state == "bound")
        carried = set(conn.execute(query).scalars())
    assert UPPER.version in carried
    assert len(carried) == 2, "the first page was read by the version before"
    names = [row["name"] for row in rows(world, entity_tables["counterparty"])]
    assert any(name != name.upper() for name in names)
    assert sum(name == name.upper() for name in names) > len(names) / 2


def test_of_two_admins_one_wins_and_the_other_is_told(build: Callable[..., World]) -> None:
    world = build(documents=6)
    first = versions.ensure_published(world.engine, "bp30", PLAIN.text, "sverka", version=PLAIN.version)
    drafts = [draft(f'extends = "bp30"\ntitle = "{name}"') for name in ("one", "two", "three", "four")]
    results: list[str] = []
    start = threading.Barrier(len(drafts))

    def admin(number: int) -> None:
        start.wait()
        try:
            publish_mapping(world.app, "bp30", drafts[number], f"admin {number}", seen=first.hash)
            results.append("published")
        except ConflictError as error:
            assert "Someone else has published" in str(error)
            results.append("told")

    threads = [threading.Thread(target=admin, args=(number,)) for number in range(len(drafts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["published", "told", "told", "told"]
    known = versions.list_versions(world.engine, "bp30")
    assert sorted(one.state for one in known) == ["draft", "draft", "draft", "published", "retired"]
    assert sorted(one.number or 0 for one in known) == [1, 2, 3, 4, 5]
    assert len(rows(world, audit, what="mapping.publish")) == 1


def test_a_red_case_refuses_it_and_nothing_changes(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    world.sync()
    before = ruling(world)
    key = rows(world, binding, entity="counterparty", state="bound")[0]["external_id"]
    case = build_case(world.app, "accounting", key, PLAIN, title="one")
    keep_case(world.engine, "bp30", case, "Анна", world.clock.now())
    assert [placed.case for placed in load_kept_cases(world.engine, "bp30")] == [case]
    with pytest.raises(ConfigError, match=r"(?s)1 golden cases are red.*one: name"):
        publish_mapping(world.app, "bp30", UPPER, "Анна")
    assert ruling(world) == before
    assert versions.file_state(world.engine, "bp30", UPPER.text, version=UPPER.version) == "draft"
    accept_found(world.engine, "bp30", case, UPPER, "Борис", world.clock.now())
    assert not [trial for trial in try_cases(world.app, "bp30", UPPER, []) if trial.differences]
    assert [trial for trial in try_cases(world.app, "bp30", PLAIN, []) if trial.differences]
    (taken,) = [row for row in rows(world, audit, what="mapping.case.keep") if row["who"] == "Борис"]
    assert taken["before"]["expected"] != taken["after"]["expected"]
    assert drop_case(world.engine, "bp30", "one", "Анна", world.clock.now())
    publish_mapping(world.app, "bp30", UPPER, "Анна", comment="capitals")
    assert ruling(world) == UPPER.version
    (dropped,) = rows(world, audit, what="mapping.case.drop")
    assert dropped["before"] == taken["after"]


def test_a_case_beside_the_file_counts_too(build_sqlite: Callable[..., World]) -> None:
    from mapping.cases.files import PlacedCase

    world = build_sqlite(documents=6)
    case = Case(title="x", entity="order", source="Document_X", raw={}, expected=Expected(left_out=True))
    with pytest.raises(ConfigError, match="red"):
        publish_mapping(world.app, "bp30", UPPER, "Анна", cases=[PlacedCase("x.json", case)])


def test_rollback_goes_to_the_version_before(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=6)
    versions.ensure_published(world.engine, "bp30", PLAIN.text, "sverka", version=PLAIN.version, clock=world.clock)
    with pytest.raises(UsageError, match="No former version"):
        roll_back(world.app, "bp30", None, "Анна")
    world.tick()
    publish_mapping(world.app, "bp30", UPPER, "Анна")
    order_reapply(world.app, "accounting", "Анна")
    world.tick()
    found = roll_back(world.app, "bp30", None, "Борис")
    assert (found.hash, found.published_by, ruling(world)) == (PLAIN.version, "Борис", PLAIN.version)
    assert last_order(world)["state"] == "superseded"
    assert roll_back(world.app, "bp30", "2", "Борис").hash == UPPER.version


def test_the_unchanged_base_of_what_rules_is_no_draft_and_a_changed_one_is(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=6)
    world.sync()
    assert list_drafts(world.app) == []
    publish_mapping(world.app, "bp30", UPPER, "Анна")
    assert list_drafts(world.app) == []
    before = tables_of(world)
    world.tick()
    world.sync()
    assert tables_of(world) == before, "what is here stays until it changes or is carried over"
    assert {one.state for one in versions.list_versions(world.engine, "bp30")} == {"published", "retired"}

    older = UPPER.text.replace("presets/bp30.toml\n", "presets/bp30.toml\n# as it was before the upgrade\n")
    with world.engine.begin() as conn:  # as a store that has seen only the preset of an earlier release
        conn.execute(mapping_version.delete().where(mapping_version.c.state == "retired"))
    publish_mapping(world.app, "bp30", draft(older), "Анна")
    (told,) = list_drafts(world.app)
    assert "differs from the published version, which rules; it is a draft" in told["message"]
    assert "takes back what the text of Анна says" in told["message"]
    assert told["next"].startswith("sverka mapping diff, then: sverka mapping publish FILE")
    (finding,) = [one for one in _examine_mapping(world) if one.level == "warning"]
    assert finding.next_step == told["next"]


def _examine_mapping(world: World) -> list[Finding]:
    found = examine_connection(world.app, world.app.settings.connections["accounting"])
    return [one for one in found if one.subject == "mapping"]


def test_a_file_of_the_settings_is_not_published_by_itself_when_a_case_is_red(
    build_sqlite: Callable[..., World], tmp_path: Path
) -> None:
    own, cases = tmp_path / "own.toml", tmp_path / "own.cases"
    own.write_text('extends = "bp30"', encoding="utf-8")
    cases.mkdir()
    red = Case(title="red one", entity="order", source="Document_X", raw={}, expected=Expected(left_out=True))
    (cases / "a.json").write_text(write_case(red), encoding="utf-8")
    world = build_sqlite(documents=6)
    world.settings.connections["accounting"] = world.settings.connections["accounting"].model_copy(
        update={"mapping": str(own)}
    )
    result = world.sync(status="failed")
    assert "1 golden cases are red" in (result.message or "")
    assert versions.published(world.engine, str(own)) is None
    (finding,) = _examine_mapping(world)
    assert (finding.level, "red one" in finding.message) == ("error", True)
    assert finding.next_step.startswith(f"mend the mapping or {cases / 'a.json'}")
    (cases / "a.json").unlink()
    world.tick()
    world.sync()
    assert versions.published(world.engine, str(own)) is not None
    own.write_text('extends = "bp30"\ntitle = "another"', encoding="utf-8")
    (told,) = list_drafts(world.app)
    assert told["next"] == f"sverka mapping diff, then: sverka mapping publish {own}"
