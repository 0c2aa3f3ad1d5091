"""What a draft would do is told without writing anything, here or there."""

from collections.abc import Callable
from typing import Any

import pytest

from sync.mappings import preview as previewing
from sync.mappings.preview import as_rows, name_targets
from sync.mappings.tally import FATES
from tests.integration.sync_mappings.changing import draft, look
from tests.integration.sync_pull.world import World, dump

GUESS = """
extends = "bp30"
[entities.counterparty.sources."Catalog_Контрагенты"]
when = "not IsFolder and not ends(Code, '7')"
[entities.counterparty.fields]
name = { from = "Description", steps = ["upper"] }
tax_id = { from = "Code", steps = ["inn"] }
manager = false
"""


@pytest.mark.parametrize("fresh", [False, True])
def test_a_preview_writes_nothing_and_sends_nothing_but_questions(build: Callable[..., World], fresh: bool) -> None:
    world = build(documents=40)
    world.sync()
    before, asked = dump(world.engine, set()), len(world.server.requests)
    found = look(world, draft(GUESS), fresh=fresh)
    assert dump(world.engine, set()) == before
    methods = [entry.method for entry in world.server.requests[asked:]]
    assert set(methods) == ({"GET"} if fresh else set())
    line = found.counts["counterparty"]
    assert 0 < line["fields"]["name"] <= line["changed"]
    assert line["marked"] > 0
    assert line["filtered"] > 0
    assert line["read"] == sum(line.get(fate, 0) for fate in FATES)


def test_fresh_and_landed_say_the_same(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    world.sync()
    landed, fresh = look(world, draft(GUESS)), look(world, draft(GUESS), fresh=True, limit=10_000)
    assert fresh.counts["counterparty"]["fields"] == landed.counts["counterparty"]["fields"]


def test_samples_show_before_and_after_with_names(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    world.sync()
    found = look(world, draft(GUESS))
    rows = {row["entity"]: row for row in as_rows(found, name_targets(world.app, found))}
    names = rows["counterparty"]["samples"]["name"]
    assert len(names) == 3
    assert all(one["after"] == one["before"].upper() != one["before"] for one in names)
    managers = rows["counterparty"]["samples"]["manager"]
    assert all(one["after"] is None and "-" not in one["before"] for one in managers), managers


def test_attributes_are_told_by_name(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=20)
    world.sync()
    rules = '[entities.counterparty.attributes]\nour_code = "Code"\nsecond = { value = "x" }\n'
    found = look(world, draft(f'extends = "bp30"\n{rules}'))
    line = found.counts["counterparty"]
    assert set(line["fields"]) == {"attributes.our_code", "attributes.second"}
    assert line["fields"]["attributes.second"] == line["changed"] > 0
    sample = found.samples["counterparty"]["attributes.second"][0]
    assert (sample.before, sample.after) == (None, "x")


def test_a_limit_is_kept_and_memory_does_not_grow_with_pages(
    build_sqlite: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build_sqlite(documents=40)
    world.sync()
    assert {line["read"] for line in look(world, draft(GUESS), limit=1).counts.values()} <= {0, 1}
    monkeypatch.setattr(previewing, "AT_ONCE", 3)
    steps: list[tuple[str, int]] = []

    class Watcher:
        def step(self, entity: str, done: int, text: str = "") -> None:
            steps.append((entity, done))

    found = look(world, draft(GUESS), progress=Watcher())
    assert found.counts == look(world, draft(GUESS)).counts
    assert len([one for one in steps if one[0] == "counterparty"]) > 2
    assert all(len(samples) <= 3 for fields in found.samples.values() for samples in fields.values())


def test_what_was_never_here_is_new(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=20)
    found: dict[str, Any] = look(world, draft(GUESS), fresh=True).counts
    assert found["counterparty"]["new"] > 0
    assert look(world, draft(GUESS)).counts["counterparty"]["read"] == 0
