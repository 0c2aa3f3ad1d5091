"""Documents that their set's own filter leaves out: no list names them, so that none does says nothing."""

from collections.abc import Callable

from store import versions
from store.tables import binding
from sync.context import Order
from sync.cycle import run_stages
from sync.reconcile.compare import reconcile
from sync.settle.customer import pull_customer
from tests.integration.sync_mappings.changing import carry_over, draft, publish
from tests.integration.sync_pull.world import World, line, mirrored, rows, states

SALE = "Document_РеализацияТоваровУслуг"
POSTED = draft(f'extends = "bp30"\n[entities.shipment.sources."{SALE}"]\nfilter = "Posted eq true"\n')
GUARD = "deletion_guard_records = 3\ndeletion_guard_share = 0.05"


def posted(world: World) -> list[str]:
    return sorted(str(row["Ref_Key"]) for row in world.base.truth_documents(SALE) if row["Posted"])


def take_out(world: World, keys: list[str]) -> None:
    """Unposted one a cycle: each is asked about once, and settled."""
    for key in keys:
        world.base.unpost(SALE, key)
        world.tick()
        assert line(world.sync(), "shipment") == {"read": 1, "deleted": 1}


def asked_about(world: World, keys: list[str], since: int) -> list[str]:
    told = [f"{entry.path}?{entry.query}" for entry in world.server.requests[since:]]
    return [key for key in keys if any(key in text for text in told)]


def begin(build: Callable[..., World]) -> World:
    """A level store of a base of which only posted shipments are asked for."""
    world = build(documents=60, settings=GUARD)
    versions.ensure_published(world.engine, "bp30", POSTED.text, "Анна", version=POSTED.version)
    world.sync()
    return world


def test_those_that_leave_are_asked_about_once_and_never_hold_the_guard(build: Callable[..., World]) -> None:
    world = begin(build)
    left = posted(world)[:6]
    take_out(world, left)
    world.tick()
    asked = len(world.server.requests)
    assert line(world.sync(full=True), "shipment") == {"read": 0}
    assert asked_about(world, left, asked) == []
    assert {states(world, "shipment")[key] for key in left} == {"filtered"}
    assert rows(world, binding, deleted=True) == []


def test_they_are_no_difference_between_the_books(build_sqlite: Callable[..., World]) -> None:
    world = begin(build_sqlite)
    left = posted(world)[:2]
    take_out(world, left)
    shipments = next(one for one in reconcile(world.app, "accounting").entities if one.entity == "shipment")
    assert (shipments.extra, shipments.missing, shipments.different) == (0, 0, 0)
    assert shipments.ours == shipments.theirs


def test_one_that_comes_back_is_read_and_one_that_is_gone_is_found_then(build: Callable[..., World]) -> None:
    world = begin(build)
    back, gone = posted(world)[:2]
    take_out(world, [back, gone])
    world.base.post(SALE, back)
    world.base.delete(SALE, gone)
    world.tick()
    assert line(world.sync(), "shipment") == {"read": 1, "updated": 1}
    assert mirrored(world, "shipment")[back][:2] == (True, False)
    assert gone not in mirrored(world, "shipment")
    publish(world, draft('extends = "bp30"\n'))
    carry_over(world)
    world.tick()
    world.sync()
    assert rows(world, binding, external_id=gone)[0]["deleted"] is True


def test_a_customer_read_by_himself_is_not_asked_about_them(build_sqlite: Callable[..., World]) -> None:
    world = begin(build_sqlite)
    left = posted(world)[:1]
    take_out(world, left)
    customer = str(world.base.get(SALE, left[0])["Контрагент_Key"])
    world.tick()
    asked = len(world.server.requests)
    result = run_stages(world.app, "accounting", Order(kind="repair"), [lambda ctx: pull_customer(ctx, customer)])
    assert result.status == "ok"
    assert asked_about(world, left, asked) == []


def test_a_narrower_filter_that_is_carried_over_misses_nobody(build: Callable[..., World]) -> None:
    world = build(documents=60, settings=GUARD)
    world.sync()
    left = posted(world)[:6]
    for key in left:
        world.base.unpost(SALE, key)
    world.tick()
    world.sync()
    publish(world, POSTED)
    carry_over(world)
    world.tick()
    asked = len(world.server.requests)
    world.sync(full=True)
    assert asked_about(world, left, asked) == []
    assert {states(world, "shipment")[key] for key in left} == {"filtered"}
