"""Fixtures of the tests against the stand-in of 1C."""

from collections.abc import Iterator

import pytest

from tests.contract.onec_odata.stand import OnecStand, open_stand


@pytest.fixture
def stand() -> Iterator[OnecStand]:
    with open_stand() as opened:
        yield opened
