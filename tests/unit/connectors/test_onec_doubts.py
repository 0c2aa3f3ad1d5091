"""A server that fails over large questions and does not say why: less is asked, and soon it is called dead."""

from collections.abc import Callable

import pytest
import requests

from connectors.base import Window
from core.errors import TransientError
from tests.unit.connectors.fake_base import Asked, FakeBase, edmx, fake_base
from tests.unit.connectors.test_onec_records import KEYED, SHIPMENT, SOURCE, Moving, keys, names, row


def plain_above(most: int, rows: Callable[[Asked], object]) -> Callable[[Asked], object]:
    """A server that fails over large questions without a word about their size."""
    return lambda asked: (500, "<html>500</html>") if int(asked.options["$top"]) > most else rows(asked)


def tops_of(base: FakeBase) -> list[str]:
    return [asked.options["$top"] for asked in base.asked if asked.resource == SHIPMENT]


def test_a_plain_failure_over_many_keys_is_asked_for_fewer_and_remembered() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, plain_above(300, Moving(names(*range(300)))))
        assert keys(base) == names(*range(300))
        assert keys(base) == names(*range(300))
    assert tops_of(base) == ["2000", *["250"] * 4]


def test_a_plain_failure_over_a_page_is_asked_for_smaller_and_never_as_large_again() -> None:
    def page(asked: Asked) -> object:
        return [row(name) for name in names(*range(int(asked.options["$top"])))]

    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, plain_above(100, page))
        for _ in range(6):
            base.connector.fetch_page(SOURCE, Window(), 0)
    assert tops_of(base) == ["20", "60", "180", "22", "66", "90", "90"]


def test_a_dead_server_is_asked_twice_more_and_then_called_dead() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, (500, "<html>500</html>"))
        with pytest.raises(TransientError, match="server failed"):
            keys(base)
        with pytest.raises(TransientError, match="server failed"):
            keys(base)
    assert tops_of(base) == ["2000", "250", "31", "31"]


def test_silence_over_many_keys_is_asked_once_more_for_fewer() -> None:
    def silent(_: Asked) -> object:
        raise requests.exceptions.ReadTimeout

    with fake_base(metadata=edmx({SHIPMENT: KEYED}), attempts=1) as base:
        base.on(SHIPMENT, silent)
        with pytest.raises(TransientError, match="in time"):
            keys(base)
    assert tops_of(base) == ["2000", "250"]


def test_a_plain_failure_over_a_batch_of_keys_is_halved_twice() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, (500, "<html>500</html>"))
        with pytest.raises(TransientError, match="server failed"):
            base.connector.fetch_records(SOURCE, names(*range(20)))
    asked = [one.options["$filter"].count("Ref_Key eq") for one in base.asked if one.resource == SHIPMENT]
    assert asked == [20, 10, 5]


def test_who_says_when_to_come_back_is_not_asked_before() -> None:
    """`attempts`: what comes back in passing is asked again by the client; a smaller question is another matter."""
    with fake_base(metadata=edmx({SHIPMENT: KEYED}), attempts=1) as base:
        base.on(SHIPMENT, (503, "<html>503</html>", {"Retry-After": "600"}))
        with pytest.raises(TransientError):
            keys(base)
    assert tops_of(base) == ["2000"]
