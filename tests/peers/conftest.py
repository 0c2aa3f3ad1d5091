"""The stand-in for a module of tests. Nothing of `tests/conftest.py` is here: it needs the project's own venv."""

from collections.abc import Iterator

import pytest

from tests.peers.stand_in import StandIn, running

BOOKS = ("--documents", "150", "--counterparties", "25", "--seed", "5")


@pytest.fixture(scope="module")
def onec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A small company. Tests of the module share it: each compares with what is in the books at that moment."""
    with running(tmp_path_factory.mktemp("onec"), *BOOKS, "--user", "Обмен") as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def onec_with_registers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """The same, with the register in the exchange plan, and a user whose name is Latin: see test_onecdc."""
    with running(tmp_path_factory.mktemp("onec"), *BOOKS, "--user", "odata", registers=True) as stand_in:
        yield stand_in
